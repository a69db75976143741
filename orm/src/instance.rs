//! Single fields of an instance, by their place in the model: read as a value, written from one, marked as stored.
//!
//! Each is a small [`FieldVisitor`], because only the visitor knows the field's type.

use jiff::Timestamp;
use nuages_storage::{DataType, Value};

use crate::{
    error::{Error, Result},
    executor::Settings,
    field::{DecodeError, Field},
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Key, Model},
    relation::{
        ForeignKey, Forward, Generic, GenericForeignKey, ManyToMany, Related, RelatedOne, Through,
        holder::Holder,
        parent::{self, WithParent},
    },
};

/// Writes the methods of a visitor that does something with columns and keys only; other fields give `$none`.
macro_rules! columns_only {
    ($none:expr) => {
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) -> Self::Output {
            $none
        }
        fn related<C: Model>(self, _: Accessor<M, Related<C>>) -> Self::Output {
            $none
        }
        fn related_one<C: Model>(self, _: Accessor<M, RelatedOne<C>>) -> Self::Output {
            $none
        }
    };
    ($none:expr, no generic keys) => {
        columns_only!($none);
        fn generic<F: Generic>(self, _: Accessor<M, F>) -> Self::Output {
            $none
        }
    };
}

/// The value of a column; NULL if the field has none or is unset.
pub(crate) fn value_of<M: Model>(instance: &M, field: u16) -> Value {
    struct Get<'a, M>(&'a M);
    impl<M: Model> FieldVisitor<M> for Get<'_, M> {
        type Output = Value;
        fn column<F: Field>(self, field: Accessor<M, F>) -> Value {
            (field.get)(self.0).to_value()
        }
        fn forward<F: Forward>(self, field: Accessor<M, F>) -> Value {
            let key = (field.get)(self.0).as_key().and_then(ForeignKey::key);
            key.and_then(|key| key.values().first().cloned()).unwrap_or_default()
        }
        columns_only!(Value::Null, no generic keys);
    }
    M::visit(field, Get(instance)).unwrap_or_default()
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
    struct Set<'a, M>(&'a mut M, &'a Value);
    impl<M: Model> FieldVisitor<M> for Set<'_, M> {
        type Output = Result<(), DecodeError>;
        fn column<F: Field>(self, field: Accessor<M, F>) -> Self::Output {
            *(field.get_mut)(self.0) = F::from_value(self.1)?;
            Ok(())
        }
        fn forward<F: Forward>(self, field: Accessor<M, F>) -> Self::Output {
            use crate::model::Key;
            let key = <F::Model as Model>::Pk::from_values(std::slice::from_ref(self.1));
            let here = (field.get)(self.0).as_key().and_then(ForeignKey::key);
            if key.is_some() && here == key.as_ref() {
                return Ok(());
            }
            *(field.get_mut)(self.0) = F::from_key(key.map(ForeignKey::to_key));
            Ok(())
        }
        columns_only!(Ok(()), no generic keys);
    }
    let result = M::visit(field, Set(instance, value)).unwrap_or(Ok(()));
    result.map_err(|error| {
        let column = M::meta().field(field).map_or("", |field| field.column);
        Error::Decode { table: M::meta().table, column, pk: None, value: Box::new(error.found) }
    })
}

/// Whether the instance's row is known to be stored; `None` if its key does not remember.
pub(crate) fn is_stored<M: Model>(instance: &M) -> Option<bool> {
    struct Stored<'a, M>(&'a M);
    impl<M: Model> FieldVisitor<M> for Stored<'_, M> {
        type Output = Option<bool>;
        fn column<F: Field>(self, field: Accessor<M, F>) -> Option<bool> {
            (field.get)(self.0).is_stored()
        }
        fn forward<F: Forward>(self, _: Accessor<M, F>) -> Option<bool> {
            None
        }
        columns_only!(None, no generic keys);
    }
    M::visit(*M::meta().primary_key.first()?, Stored(instance)).flatten()
}

/// Remembers, in the fields that can, whether the row is stored.
pub(crate) fn mark_stored<M: Model>(instance: &mut M, stored: bool) {
    struct Mark<'a, M>(&'a mut M, bool);
    impl<M: Model> FieldVisitor<M> for Mark<'_, M> {
        type Output = ();
        fn column<F: Field>(self, field: Accessor<M, F>) {
            (field.get_mut)(self.0).mark_stored(self.1);
        }
        fn forward<F: Forward>(self, _: Accessor<M, F>) {}
        columns_only!((), no generic keys);
    }
    for &index in M::meta().auto {
        M::visit(index, Mark(instance, stored));
    }
}

/// Unsets what the database fills, after the row was deleted.
pub(crate) fn unset_key<M: Model>(instance: &mut M) {
    struct Unset<'a, M>(&'a mut M);
    impl<M: Model> FieldVisitor<M> for Unset<'_, M> {
        type Output = ();
        fn column<F: Field>(self, field: Accessor<M, F>) {
            if let Some(unset) = F::unset() {
                *(field.get_mut)(self.0) = unset;
            }
        }
        fn forward<F: Forward>(self, _: Accessor<M, F>) {}
        columns_only!((), no generic keys);
    }
    for &field in M::meta().primary_key {
        if M::meta().field(field).is_some_and(|field| field.auto) {
            M::visit(field, Unset(instance));
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
        fn column<F: Field>(self, _: Accessor<M, F>) -> Result<()> {
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
        columns_only!(Ok(()));
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
