//! `post_init` of the rows of a result: each row that became an instance, and after it those that `select_related`
//! joined to it, as Django has it. A row that extends another is one instance, and told as one.

use super::Signals;
use crate::{
    model::{Accessor, FieldVisitor, Model},
    node::{FieldPath, Step},
    relation::{ForeignKey, Forward, Generic, ManyToMany, Related, RelatedOne, Through, holder::Holder},
};

/// The relations that were joined to the rows of a model, as a tree; those of a level in the order of their fields.
#[derive(Default)]
pub(crate) struct Joins(Vec<(u16, Joins)>);

impl Joins {
    /// Those of `select_related`.
    pub(crate) fn of(paths: &[FieldPath]) -> Joins {
        let mut joins = Joins::default();
        for path in paths {
            let mut level = &mut joins;
            for step in path.steps() {
                let Step::Field(field) = *step else { break };
                let place =
                    level.0.binary_search_by_key(&field, |(known, _)| *known).unwrap_or_else(|place| {
                        level.0.insert(place, (field, Joins::default()));
                        place
                    });
                level = &mut level.0[place].1;
            }
        }
        joins
    }

    /// Whether nothing was joined.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Tells of a row that was just read, if it is an instance, and of what was joined to it.
pub(crate) fn tell<M: Model, H: Holder<M>>(row: &mut H, joins: &Joins, signals: &Signals) {
    if let Some(instance) = row.whole_mut() {
        signals.init(instance);
    }
    for (field, beyond) in &joins.0 {
        M::visit(*field, Tell { row, beyond, signals });
    }
}

struct Tell<'a, H> {
    row: &'a mut H,
    beyond: &'a Joins,
    signals: &'a Signals,
}

impl<M: Model, H: Holder<M>> FieldVisitor<M> for Tell<'_, H> {
    type Output = ();

    fn column(self) {}

    fn forward<F: Forward>(self, field: Accessor<M, F>) {
        let key = self.row.field(field).and_then(F::as_key_mut);
        if let Some(joined) = key.and_then(ForeignKey::loaded_mut) {
            tell(joined, self.beyond, self.signals);
        }
    }

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) {}

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) {}

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) {
        if let Some(joined) = self.row.field(field).and_then(RelatedOne::loaded_mut) {
            tell(joined, self.beyond, self.signals);
        }
    }

    fn generic<F: Generic>(self, _: Accessor<M, F>) {}
}
