//! Rows that have a place among those of one parent; Django's `order_with_respect_to`.
//!
//! The place is a field like any other, so that it can be indexed, filtered and migrated. A new row is the last; the
//! rows are ordered by their places. What Django hangs on the instances of both models are methods of [`InOrder`] and
//! of the parent's relation.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] pub struct Film { pub id: Auto<i64>, #[related(Chapter::film)] pub chapters: Related<Chapter> }
//! #[derive(Model, Clone, Debug)]
//! #[model(order_with_respect_to = film)]
//! pub struct Chapter {
//!     pub id: Auto<i64>,
//!     #[field(on_delete = Cascade)]
//!     pub film: ForeignKey<Film>,
//!     pub name: String,
//!     #[field(default = 0, editable = false)]
//!     pub _order: i32,
//! }
//!
//! # let db = App::new().models((Film::app(), Chapter::app())).open_memory()?;
//! let mut film = Film::objects().create(new!(Film {}), &db)?;
//! for name in ["a", "b", "c"] {
//!     film.chapters.create(new!(Chapter { film: _, name }), &db)?;
//! }
//! let keys = film.chapters.order(&db)?;
//! film.chapters.set_order([keys[2], keys[0], keys[1]], &db)?;
//! let first = film.chapters.objects()?.first(&db)?.expect("there are chapters");
//! assert_eq!((first.name.as_str(), first.next_in_order(&db)?.name.as_str()), ("c", "a"));
//! assert!(first.previous_in_order(&db).is_err_and(|error| error.is_not_found()));
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Places`] are the same for a model that keeps its places itself, in a field of any name.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashMap;
use nuages_engine::algebra::AggregateFunction;
use nuages_storage::Value;

use crate::assignment::AssignmentNode;
use crate::asynchronous::Awaited;
use crate::error::{Error, Result};
use crate::executor::{Executor, finish_write};
use crate::expression::{Aggregate, Operand, Q, class};
use crate::field::Field;
use crate::instance;
use crate::meta::{ModelMeta, Placed};
use crate::model::{Key, KeyValues, Model};
use crate::node::{CaseNode, FieldPath, Lookup, Node, Step};
use crate::order::Order;
use crate::path::{Col, Hop, Rel, Root, Types};
use crate::queryset::{QuerySet, QueryState, Queryset, aggregate, has_key, has_key_of, update};
use crate::relation::ForeignKey;
use crate::row::Row;

/// The places of rows of `M` among those of one `P`.
pub struct Places<M, P> {
    parent: fn() -> Step,
    place: fn() -> Step,
    types: Types<(M, P)>,
}

impl<M: Model, P: Model> Places<M, P> {
    /// By a key and a field that numbers the rows of one parent.
    pub const fn of<H: Hop, H2: Hop, T: Field>(
        _parent: Rel<Root<M>, H, P>,
        _place: Col<Root<M>, H2, T, class::Number>,
    ) -> Places<M, P> {
        Places { parent: H::step, place: H2::step, types: PhantomData }
    }

    fn place(&self) -> Node {
        Node::Path(std::iter::once((self.place)()).collect())
    }

    fn of_parent(&self, parent: Node) -> Q<M> {
        let key = Node::Path(std::iter::once((self.parent)()).collect::<FieldPath>());
        Q::new(Node::lookup(Lookup::Exact, key, parent))
    }

    /// The rows of a parent, by their places.
    pub fn rows(&self, parent: &P) -> QuerySet<M> {
        self.rows_of(<&P as Operand<ForeignKey<P>, M>>::into_node(parent))
    }

    /// The step to the parent.
    pub(crate) fn parent_step(&self) -> Step {
        (self.parent)()
    }

    fn rows_of(&self, parent: Node) -> QuerySet<M> {
        M::all_objects().filter(self.of_parent(parent)).order_by(Order::new(self.place(), false))
    }

    /// The place after the last of a parent's rows; 0 if it has none.
    ///
    /// # Errors
    /// As `aggregate`; [`Error::Decode`] if there is no such number.
    pub fn next_free<N: Field<Base = N> + TryFrom<i64>>(
        &self,
        parent: impl Operand<ForeignKey<P>, M>,
        ex: &dyn Executor,
    ) -> Result<N>
    where
        M: Row,
    {
        let rows = M::all_objects().filter(self.of_parent(parent.into_node()));
        let last = Aggregate::<M, Option<i64>>::new(AggregateFunction::Max, Some(self.place()));
        let next = rows.aggregate(last, ex)?.map_or(0, |last| last.saturating_add(1));
        N::try_from(next).map_err(|_| {
            let step = (self.place)();
            let column = step.field(M::meta()).map_or("", |field| field.column);
            Error::Decode { table: M::meta().table, column, pk: None, value: Box::new(Value::Int(next)) }
        })
    }

    /// The keys of a parent's rows, by their places; Django's `get_chapter_order`.
    ///
    /// # Errors
    /// As `all`.
    pub fn order(&self, parent: &P, ex: &dyn Executor) -> Result<Vec<M::Pk>>
    where
        M: Row,
    {
        self.order_of(<&P as Operand<ForeignKey<P>, M>>::into_node(parent), ex)
    }

    pub(crate) fn order_of(&self, parent: Node, ex: &dyn Executor) -> Result<Vec<M::Pk>>
    where
        M: Row,
    {
        Ok(self.rows_of(parent).all(ex)?.iter().filter_map(Model::pk).collect())
    }

    /// Gives a parent's rows the places that their keys have in this list, by one statement; Django's
    /// `set_chapter_order`. Rows of other parents, and those that are not in the list, stay where they are.
    ///
    /// # Errors
    /// As `update`.
    pub fn set_order(
        &self,
        parent: &P,
        keys: impl IntoIterator<Item = M::Pk>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        self.set_order_of(<&P as Operand<ForeignKey<P>, M>>::into_node(parent), keys, ex)
    }

    pub(crate) fn set_order_of(
        &self,
        parent: Node,
        keys: impl IntoIterator<Item = M::Pk>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        let keys: Vec<KeyValues> = keys.into_iter().map(|key| key.values()).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let places = (0i64..).zip(&keys);
        let branches =
            places.map(|(place, key)| (has_key(M::meta(), key), Node::Value(place.into()))).collect();
        let value = Node::Case(Arc::new(CaseNode { branches, otherwise: None }));
        let rows = self.rows_of(parent).filter(Q::new(has_key_of(M::meta(), &keys))).order_by(());
        finish_write(ex, update(rows.state(), &[AssignmentNode::own((self.place)(), value)], ex))
    }

    /// The row after this one; Django's `get_next_in_order`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if it is the last.
    pub fn next(&self, row: &M, ex: &dyn Executor) -> Result<M>
    where
        M: Row,
    {
        self.beside(row, Lookup::Gt, false, ex)
    }

    /// The row before this one; Django's `get_previous_in_order`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if it is the first.
    pub fn previous(&self, row: &M, ex: &dyn Executor) -> Result<M>
    where
        M: Row,
    {
        self.beside(row, Lookup::Lt, true, ex)
    }

    fn beside(&self, row: &M, lookup: Lookup, descending: bool, ex: &dyn Executor) -> Result<M>
    where
        M: Row,
    {
        let value = |step: Step| match step {
            Step::Field(field) => Node::Value(instance::value_of(row, field)),
            Step::Back { .. } | Step::To { .. } | Step::Key => Node::Value(Value::Null),
        };
        let beyond = Q::<M>::new(Node::lookup(lookup, self.place(), value((self.place)())));
        let rows = M::all_objects().filter(self.of_parent(value((self.parent)())) & beyond);
        let nearest = rows.order_by(Order::new(self.place(), descending)).first(ex)?;
        nearest.ok_or(Error::DoesNotExist { model: M::NAME })
    }
}

/// A model whose rows have places among those of one parent; `#[model(order_with_respect_to = film)]` implements it.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` have no places",
    label = "the model needs `#[model(order_with_respect_to = ..)]`"
)]
pub trait InOrder: Model {
    /// What the rows are placed within.
    type Parent: Model;
    /// Where the places are kept.
    const PLACES: Places<Self, Self::Parent>;

    /// The row after this one; Django's `get_next_in_order`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if it is the last.
    fn next_in_order(&self, ex: &dyn Executor) -> Result<Self>
    where
        Self: Row,
    {
        Self::PLACES.next(self, ex)
    }

    /// The row before this one; Django's `get_previous_in_order`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if it is the first.
    fn previous_in_order(&self, ex: &dyn Executor) -> Result<Self>
    where
        Self: Row,
    {
        Self::PLACES.previous(self, ex)
    }

    /// [`next_in_order`](InOrder::next_in_order), in a task.
    ///
    /// # Errors
    /// As its twin.
    fn anext_in_order(&self, ex: &dyn Executor) -> impl Future<Output = Result<Self>>
    where
        Self: Row,
    {
        async move { ex.awaiting(|tx| self.next_in_order(tx)).await }
    }

    /// [`previous_in_order`](InOrder::previous_in_order), in a task.
    ///
    /// # Errors
    /// As its twin.
    fn aprevious_in_order(&self, ex: &dyn Executor) -> impl Future<Output = Result<Self>>
    where
        Self: Row,
    {
        async move { ex.awaiting(|tx| self.previous_in_order(tx)).await }
    }
}

/// Gives new rows the places after the last ones of their parents, one query for each parent.
pub(crate) fn take_places<M: Model>(instances: &mut [M], ex: &dyn Executor) -> Result<()> {
    let Some(placed) = M::meta().placed else { return Ok(()) };
    let Placed { parent, place } = placed;
    let mut next: HashMap<Value, i64> = HashMap::new();
    for instance in instances {
        let key = instance::value_of(instance, parent);
        let free = match next.get(&key) {
            Some(free) => *free,
            None => free_place(M::meta(), placed, &key, ex)?,
        };
        instance::set_value(instance, place, &Value::Int(free))?;
        next.insert(key, free.saturating_add(1));
    }
    Ok(())
}

/// The place after the last one of a parent's rows.
fn free_place(meta: &'static ModelMeta, placed: Placed, parent: &Value, ex: &dyn Executor) -> Result<i64> {
    let mut state = QueryState::new(meta);
    let of_parent = Node::Path(FieldPath::field(placed.parent));
    state.add_condition(Node::lookup(Lookup::Exact, of_parent, Node::Value(parent.clone())));
    let place = Node::Path(FieldPath::field(placed.place));
    let last: Aggregate<(), Option<i64>> = Aggregate::new(AggregateFunction::Max, Some(place));
    let last = aggregate(&state, &[last.node().clone()], ex)?;
    Ok(last.first().and_then(Value::as_int).map_or(0, |last| last.saturating_add(1)))
}
