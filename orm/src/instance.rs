//! Single fields of an instance, by their place in the model: read as a value, written from one, marked as stored.
//!
//! Columns are asked as [`AnyMember`]s, for which one code is enough whatever the model.

use jiff::Timestamp;
use nuages_storage::{DataType, Value};

use crate::{
    error::{Error, Result},
    executor::Settings,
    field::DecodeError,
    meta::{FieldKind, ModelMeta},
    model::{Accessor, AnyMember, FieldVisitor, Key, Model},
    relation::{
        ForeignKey, Forward, Generic, GenericForeignKey, ManyToMany, Related, RelatedOne, Through,
        holder::Holder,
        parent::{self, WithParent},
    },
};

/// The value of a column; NULL if the field has none or is unset.
pub(crate) fn value_of<M: Model>(instance: &M, field: u16) -> Value {
    instance.any_member(field).map(AnyMember::any_value).unwrap_or_default()
}

/// The value of the primary key, if it is set and of one part: what keys of other rows can point at.
pub(crate) fn key_of<M: Model>(instance: &M) -> Option<Value> {
    match &instance.pk()?.values()[..] {
        [key] => Some(key.clone()),
        _ => None,
    }
}

/// Writes the value of a column into the field.
pub(crate) fn set_value<M: Model>(instance: &mut M, field: u16, value: &Value) -> Result<()> {
    let Some(member) = instance.any_member_mut(field) else { return Ok(()) };
    member.set_any(value).map_err(|error| not_held(M::meta(), field, error))
}

/// A value that its field cannot hold.
fn not_held(meta: &'static ModelMeta, field: u16, error: DecodeError) -> Error {
    let column = meta.field(field).map_or("", |field| field.column);
    Error::Decode { table: meta.table, column, pk: None, value: Box::new(error.found) }
}

/// Whether the instance's row is known to be stored; `None` if its key does not remember.
pub(crate) fn is_stored<M: Model>(instance: &M) -> Option<bool> {
    instance.any_member(*M::meta().primary_key.first()?)?.any_stored()
}

/// Remembers, in the fields that can, whether the row is stored.
pub(crate) fn mark_stored<M: Model>(instance: &mut M, stored: bool) {
    for &index in M::meta().auto {
        if let Some(field) = instance.any_member_mut(index) {
            field.set_any_stored(stored);
        }
    }
}

/// Unsets what the database fills, after the row was deleted.
pub(crate) fn unset_key<M: Model>(instance: &mut M) {
    for &field in M::meta().primary_key {
        let is_auto = M::meta().field(field).is_some_and(|field| field.auto);
        if let (true, Some(key)) = (is_auto, instance.any_member_mut(field)) {
            key.unset_any();
        }
    }
    struct UnsetParent;
    impl WithParent for UnsetParent {
        type Output = ();
        fn parent<P: Model>(self, parent: &mut ForeignKey<P>) {
            parent.change_row(unset_key);
        }
    }
    parent::with_parent(instance, UnsetParent);
    instance.bind();
}

/// Takes over the keys of assigned instances that were saved since.
///
/// # Errors
/// [`Error::Unsaved`] for one that was not.
pub(crate) fn refresh_keys<M: Model, H: Holder<M>>(holder: &mut H) -> Result<()> {
    struct Refresh<'a, H>(&'a mut H, &'static str);
    impl<M: Model, H: Holder<M>> FieldVisitor<M> for Refresh<'_, H> {
        type Output = Result<()>;
        fn column(self) -> Result<()> {
            Ok(())
        }
        fn forward<F: Forward>(self, field: Accessor<M, F>) -> Result<()> {
            let Some(key) = self.0.field(field).and_then(F::as_key_mut) else { return Ok(()) };
            key.refresh_key();
            if key.key().is_none() && key.loaded().is_some() {
                return Err(Error::Unsaved { model: F::Model::NAME, wanted: self.1 });
            }
            Ok(())
        }
        fn generic<F: Generic>(self, field: Accessor<M, F>) -> Result<()> {
            let key = self.0.field(field).and_then(|field| field.as_generic());
            match key.and_then(GenericForeignKey::unsaved) {
                Some(model) => Err(Error::Unsaved { model, wanted: self.1 }),
                None => Ok(()),
            }
        }
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) -> Result<()> {
            Ok(())
        }
        fn related<C: Model>(self, _: Accessor<M, Related<C>>) -> Result<()> {
            Ok(())
        }
        fn related_one<C: Model>(self, _: Accessor<M, RelatedOne<C>>) -> Result<()> {
            Ok(())
        }
    }
    for (index, field) in M::meta().fields_at(M::meta().foreign_keys) {
        M::visit(index, Refresh(&mut *holder, field.name)).transpose()?;
    }
    Ok(())
}

/// Sets the fields that a save stamps with the time, and the unset keys that have a default.
pub(crate) fn stamp<M: Model>(
    instance: &mut M,
    is_new: bool,
    settings: &Settings,
    only: Option<&[u16]>,
) -> Result<()> {
    let mut now = None;
    for (index, field) in M::meta().fields_at(M::meta().stamped) {
        if only.is_some_and(|only| !only.contains(&index)) {
            continue;
        }
        if field.auto_now || (field.auto_now_add && is_new) {
            let now = *now.get_or_insert_with(|| settings.now());
            if let FieldKind::Column(data_type) = field.kind {
                set_value(instance, index, &time_as(now, data_type, settings))?;
            }
        } else if field.auto
            && is_new
            && let (Some(default), Value::Null) = (field.default, value_of(instance, index))
        {
            set_value(instance, index, &default())?;
        }
    }
    Ok(())
}

/// A moment as a column of this type has it.
pub(crate) fn time_as(now: Timestamp, data_type: DataType, settings: &Settings) -> Value {
    match data_type {
        DataType::Date => Value::Date(now.to_zoned(settings.zone()).date()),
        DataType::Time => Value::Time(now.to_zoned(settings.zone()).time()),
        _ => Value::Timestamp(now),
    }
}
