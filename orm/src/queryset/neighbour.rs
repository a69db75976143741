//! `next_by` and `previous_by`: the rows beside a row, by one of its fields.

use super::{QuerySet, build::Queryset};
use crate::{
    error::{Error, Misuse, Result},
    executor::Executor,
    expression::Q,
    field::Field,
    instance,
    model::{Key, Model},
    node::{FieldPath, Lookup, Node, Step},
    order::Order,
    path::{Col, Hop, Root},
    row::Row,
    save::own_field,
};

impl<M: Model, R: Row> QuerySet<M, R> {
    /// The row of this queryset that comes next after `row` by a field, and where it is the same, by the key; Django's
    /// `get_next_by_FOO`. The order of the queryset does not matter.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Post { pub id: Auto<i64>, pub day: Date, pub is_live: bool }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let days: Vec<Date> = ["2024-05-03", "2024-05-01", "2024-05-03"].map(|day| day.parse().expect("a day")).into();
    /// # Post::objects().bulk_create(days.into_iter().map(|day| new!(Post { day, is_live: true })), &db)?;
    /// let first = Post::objects().earliest(Post::day, &db)?;
    /// let next = Post::objects().filter(Post::is_live).next_by(Post::day, &first, &db)?;
    /// assert_eq!((next.id.get(), next.next_by(Post::day, &db)?.id.get()), (Some(&1), Some(&3)));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if `row` is the last; [`Error::Unsaved`] if it has no key;
    /// [`Misuse::NotAllowed`] after a slice or a combination.
    pub fn next_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<M>, H, T, K>,
        row: &M,
        ex: &dyn Executor,
    ) -> Result<R> {
        self.beside(&field.node(), H::step(), row, false, ex)
    }

    /// The row of this queryset that comes before `row` by a field, and where it is the same, by the key; Django's
    /// `get_previous_by_FOO`.
    ///
    /// # Errors
    /// As [`next_by`](QuerySet::next_by).
    pub fn previous_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<M>, H, T, K>,
        row: &M,
        ex: &dyn Executor,
    ) -> Result<R> {
        self.beside(&field.node(), H::step(), row, true, ex)
    }

    fn beside(&self, field: &Node, step: Step, row: &M, previous: bool, ex: &dyn Executor) -> Result<R> {
        if !matches!(field, Node::Path(_)) {
            let place = if previous { "previous_by" } else { "next_by" };
            return Err(Misuse::FieldsHere { place }.into());
        }
        let wanted = if previous { "previous_by" } else { "next_by" };
        let key = row.pk().ok_or(Error::Unsaved { model: M::NAME, wanted })?.values();
        let value = own_field(step).map(|field| instance::value_of(row, field)).unwrap_or_default();
        let parts = M::meta().primary_key.iter().map(|part| Node::Path(FieldPath::field(*part)));
        let parts: Vec<(Node, Node)> = std::iter::once((field.clone(), Node::Value(value)))
            .chain(parts.zip(key.iter().cloned().map(Node::Value)))
            .collect();
        let beyond = if previous { Lookup::Lt } else { Lookup::Gt };
        // Later in one part, and equal in all before it.
        let later = (0..parts.len()).map(|at| {
            let same = parts[..at].iter().map(|(part, own)| (Lookup::Exact, part, own));
            let last = std::iter::once((beyond, &parts[at].0, &parts[at].1));
            let all =
                same.chain(last).map(|(lookup, part, own)| Node::lookup(lookup, part.clone(), own.clone()));
            all.reduce(Node::and).unwrap_or_else(Node::all)
        });
        let later = later.reduce(Node::or).unwrap_or_else(Node::all);
        let orders: Vec<Order<M>> =
            parts.iter().map(|(part, _)| Order::new(part.clone(), previous)).collect();
        let rows = self.clone().filter(Q::new(later)).order_by(orders);
        rows.first(ex)?.ok_or(Error::DoesNotExist { model: M::NAME })
    }
}
