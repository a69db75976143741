//! Generic keys of rows of which some fields were not read. The slots of a draft are apart: one for the key, one for
//! each of its columns.

use std::sync::OnceLock;

use crate::{
    field::ContentType,
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Model},
    relation::{Forward, Generic, ManyToMany, Related, RelatedOne, Through},
};

/// Makes a generic key and its columns the same, after one of them was set. Of other fields it does nothing.
pub(super) fn agree<M: Model>(draft: &mut M::Draft, set: u16) {
    let is_key =
        |field: &u16| M::meta().field(*field).is_some_and(|field| matches!(field.kind, FieldKind::Generic));
    if let Some(key) = (set.saturating_sub(2)..=set).find(is_key) {
        M::visit(key, Agree { draft, set });
    }
}

struct Agree<'a, M: Model> {
    draft: &'a mut M::Draft,
    set: u16,
}

impl<M: Model> Agree<'_, M> {
    fn slot<T: 'static>(&mut self, field: u16) -> Option<&mut OnceLock<T>> {
        M::slot_mut(self.draft, field)?.downcast_mut()
    }

    fn put<T: 'static>(&mut self, field: u16, value: T) {
        if let Some(slot) = self.slot(field) {
            *slot = OnceLock::from(value);
        }
    }
}

impl<M: Model> FieldVisitor<M> for Agree<'_, M> {
    type Output = ();

    fn generic<F: Generic>(mut self, field: Accessor<M, F>) {
        let [content_type, object_id] = FieldKind::generic_columns(field.index);
        if self.set == field.index {
            let Some(key) = self.slot::<F>(field.index).and_then(|slot| slot.get().cloned()) else { return };
            self.put(content_type, key.type_column().clone());
            self.put(object_id, key.id_column().clone());
            return;
        }
        let of_type = self.slot::<Option<ContentType>>(content_type).and_then(|slot| slot.get().cloned());
        let id = self.slot::<Option<F::Id>>(object_id).and_then(|slot| slot.get().cloned());
        if let Some(key) = F::assemble(None, of_type, id) {
            self.put(field.index, key);
        }
    }

    fn column(self) {}

    fn forward<F: Forward>(self, _: Accessor<M, F>) {}

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) {}

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) {}

    fn related_one<C: Model>(self, _: Accessor<M, RelatedOne<C>>) {}
}
