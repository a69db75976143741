//! Reading a row of some fields, and the rows that `select_related` joined to it.
//!
//! A joined row that is whole goes where the relation is, as it does in an instance. One of which fields were left out
//! is a [`Partial`] beside it.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use super::Partial;
use crate::{
    field::{DecodeError, RowReader},
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Member, Model},
    relation::{Forward, Generic, ManyToMany, OwnerKey, Related, RelatedOne, Through, holder::Holder},
    row::joined::{Joined, read},
};

/// Reads some fields from the columns that begin at `first`, and what is joined.
pub(super) fn read_partial<M: Model, R: RowReader + ?Sized>(
    row: &R,
    first: usize,
    fields: &[u16],
    joined: &[Joined],
) -> Result<Partial<M>, DecodeError> {
    let mut draft = M::Draft::default();
    for (column, field) in (first..).zip(fields) {
        M::read_part(&mut draft, *field, row, column)?;
    }
    let mut partial = bound(draft);
    for joined in joined {
        M::visit(joined.field, Attach { partial: &mut partial, row, joined }).transpose()?;
    }
    Ok(partial)
}

/// The row of which a draft has what was read, with relations that know whose they are.
pub(super) fn bound<M: Model>(draft: M::Draft) -> Partial<M> {
    let mut partial = Partial { draft, related: Vec::new(), origin: None };
    let key = Some(partial.key()).filter(|key| key.iter().all(|part| !part.is_null()));
    let key = OwnerKey::of_values(key);
    for (index, field) in (0u16..).zip(M::meta().fields) {
        if !field.is_column() {
            M::visit(index, Bind { partial: &mut partial, key: &key });
        }
    }
    partial
}

/// Puts a relation without a column in its place, and tells it whose it is.
struct Bind<'a, M: Model> {
    partial: &'a mut Partial<M>,
    key: &'a OwnerKey,
}

impl<M: Model> Bind<'_, M> {
    fn bind<F: Member>(self, field: Accessor<M, F>) {
        let slot = M::slot_mut(&mut self.partial.draft, field.index);
        if let (Some(slot), Some(mut relation)) =
            (slot.and_then(|slot| slot.downcast_mut::<OnceLock<F>>()), F::unset())
        {
            relation.bind(M::meta(), field.index, self.key);
            *slot = OnceLock::from(relation);
        }
    }
}

impl<M: Model> FieldVisitor<M> for Bind<'_, M> {
    type Output = ();

    fn column(self) {}

    fn forward<F: Forward>(self, _: Accessor<M, F>) {}

    fn many_to_many<T: Model, Th: Through>(self, field: Accessor<M, ManyToMany<T, Th>>) {
        self.bind(field);
    }

    fn related<C: Model>(self, field: Accessor<M, Related<C>>) {
        self.bind(field);
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) {
        self.bind(field);
    }

    /// Made of its columns, if both were read.
    fn generic<F: Generic>(self, field: Accessor<M, F>) {
        let draft = &mut self.partial.draft;
        let columns = FieldKind::generic_columns(field.index).map(|column| M::part(draft, column));
        let [Some(content_type), Some(object_id)] = columns else { return };
        if M::read_part(draft, field.index, &[content_type, object_id][..], 0).is_ok() {
            let slot = M::slot_mut(draft, field.index).and_then(|slot| slot.downcast_mut::<OnceLock<F>>());
            if let Some(key) = slot.and_then(OnceLock::get_mut) {
                key.bind(M::meta(), field.index, &OwnerKey::of_values(None));
            }
        }
    }
}

/// Reads the row that is joined by a field.
struct Attach<'a, M: Model, R: ?Sized> {
    partial: &'a mut Partial<M>,
    row: &'a R,
    joined: &'a Joined,
}

impl<M: Model, R: RowReader + ?Sized> Attach<'_, M, R> {
    /// Keeps a row of which some fields were left out.
    fn beside<C: Model>(self, fields: &[u16]) -> Result<(), DecodeError> {
        if !self.joined.is_missing(C::meta(), self.row) {
            let row: Partial<C> = read_partial(self.row, self.joined.offset, fields, &self.joined.joined)?;
            let row: Arc<dyn Any + Send + Sync> = Arc::new(row);
            self.partial.related.push((self.joined.field, row));
        }
        Ok(())
    }
}

impl<M: Model, R: RowReader + ?Sized> FieldVisitor<M> for Attach<'_, M, R> {
    type Output = Result<(), DecodeError>;

    fn column(self) -> Self::Output {
        Ok(())
    }

    fn forward<F: Forward>(self, field: Accessor<M, F>) -> Self::Output {
        if let Some(fields) = &self.joined.read {
            return self.beside::<F::Model>(fields);
        }
        let related = read::<F::Model, R>(self.row, self.joined)?;
        let key = self.partial.field(field).and_then(F::as_key_mut);
        if let (Some(key), Some(related)) = (key, related) {
            key.keep(related);
        }
        Ok(())
    }

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) -> Self::Output {
        Ok(())
    }

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) -> Self::Output {
        Ok(())
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) -> Self::Output {
        if let Some(fields) = &self.joined.read {
            return self.beside::<C>(fields);
        }
        let related = read::<C, R>(self.row, self.joined)?;
        if let Some(relation) = self.partial.field(field) {
            relation.keep(related);
        }
        Ok(())
    }

    fn generic<F: Generic>(self, _: Accessor<M, F>) -> Self::Output {
        Ok(())
    }
}
