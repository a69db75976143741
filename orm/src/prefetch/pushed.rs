//! `prefetch_to`: related rows that go to the extras of a row and not to the relation itself.
//!
//! They are read as every prefetch is, into copies of the instances, and taken from there; so the relation of the
//! instance itself stays as it was, and one relation can be pushed under several conditions.

use std::any::Any;

use super::into;
use crate::error::Result;
use crate::executor::Executor;
use crate::field::Field;
use crate::model::{Accessor, FieldVisitor, Model};
use crate::node::Step;
use crate::queryset::state::Prefetch;
use crate::relation::{Forward, ManyToMany, Related, RelatedOne, Through};
use crate::row::{Prefetched, Row};

/// Fills the `number`th [`Prefetched`] of each row.
pub(crate) fn push<M: Model, R: Row>(
    rows: &mut [R],
    number: usize,
    prefetch: &Prefetch,
    ex: &dyn Executor,
) -> Result<()> {
    let [Step::Field(field)] = prefetch.path.steps() else { return Ok(()) };
    let instances = rows.iter_mut().filter_map(|row| row.instance()?.downcast_ref::<M>().cloned());
    let mut copies: Vec<M> = instances.collect();
    let list = [Prefetch { pushed: false, ..prefetch.clone() }];
    into(&mut copies.iter_mut().collect::<Vec<_>>(), &list, ex)?;
    for (row, copy) in rows.iter_mut().zip(&copies) {
        let mut slots = Vec::new();
        row.slots(&mut slots);
        if let Some(slot) = slots.into_iter().nth(number) {
            M::visit(*field, Take { copy, slot });
        }
    }
    Ok(())
}

/// Takes the related rows of a copy into a slot.
struct Take<'a, M> {
    copy: &'a M,
    slot: &'a mut dyn Any,
}

impl<M> Take<'_, M> {
    fn keep<C: Clone + 'static>(self, rows: Option<&[C]>) {
        if let (Some(slot), Some(rows)) = (self.slot.downcast_mut::<Prefetched<C>>(), rows) {
            *slot = Prefetched::from(rows.to_vec());
        }
    }
}

impl<M: Model> FieldVisitor<M> for Take<'_, M> {
    type Output = ();

    fn column<F: Field>(self, _: Accessor<M, F>) {}

    fn forward<F: Forward>(self, field: Accessor<M, F>) {
        let copy = self.copy;
        let related = (field.get)(copy).as_key().and_then(|key| key.loaded());
        self.keep(Some(related.map_or(&[][..], std::slice::from_ref)));
    }

    fn many_to_many<T: Model, Th: Through>(self, field: Accessor<M, ManyToMany<T, Th>>) {
        let copy = self.copy;
        self.keep((field.get)(copy).loaded());
    }

    fn related<C: Model>(self, field: Accessor<M, Related<C>>) {
        let copy = self.copy;
        self.keep((field.get)(copy).loaded());
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) {
        let copy = self.copy;
        let related = (field.get)(copy).loaded().flatten();
        self.keep(Some(related.map_or(&[][..], std::slice::from_ref)));
    }
}
