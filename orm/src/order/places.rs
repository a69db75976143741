//! Rows that have a place among those of one parent; Django's `order_with_respect_to`.
//!
//! The place is a field like any other, so that it can be indexed, filtered and migrated; what Django hangs on the
//! instances of both models are the methods of one [`Places`].
//!
//! ```
//! use nuages::{order::Places, prelude::*, signal::Saving};
//! # #[derive(Model, Clone, Debug)] pub struct Film { pub id: Auto<i64>, #[related(Chapter::film)] pub chapters: Related<Chapter> }
//! #[derive(Model, Clone, Debug)]
//! #[model(ordering = [place], before_save = Self::take_place)]
//! pub struct Chapter {
//!     pub id: Auto<i64>,
//!     #[field(on_delete = Cascade)]
//!     pub film: ForeignKey<Film>,
//!     pub name: String,
//!     #[field(default = 0)]
//!     pub place: i32,
//! }
//!
//! impl Chapter {
//!     const PLACES: Places<Chapter, Film> = Places::of(Chapter::film, Chapter::place);
//!
//!     /// A new chapter is the last.
//!     fn take_place(&mut self, saving: &Saving, ex: &dyn Executor) -> Result<()> {
//!         if saving.created {
//!             self.place = Self::PLACES.next_free(&self.film, ex)?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # let db = App::new().models((Film::app(), Chapter::app())).open_memory()?;
//! let mut film = Film::objects().create(new!(Film {}), &db)?;
//! for name in ["a", "b", "c"] {
//!     film.chapters.create(new!(Chapter { film: _, name }), &db)?;
//! }
//! let keys = Chapter::PLACES.order(&film, &db)?;
//! Chapter::PLACES.set_order(&film, [keys[2], keys[0], keys[1]], &db)?;
//! let first = Chapter::PLACES.rows(&film).first(&db)?.expect("there are chapters");
//! assert_eq!((first.name.as_str(), Chapter::PLACES.next(&first, &db)?.name.as_str()), ("c", "a"));
//! assert!(Chapter::PLACES.previous(&first, &db).is_err_and(|error| error.is_not_found()));
//! # Ok::<(), Error>(())
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use nuages_engine::algebra::AggregateFunction;
use nuages_storage::Value;

use crate::assignment::AssignmentNode;
use crate::error::{Error, Result};
use crate::executor::{Executor, finish_write};
use crate::expression::{Aggregate, Operand, Q, class};
use crate::field::Field;
use crate::instance;
use crate::model::{Key, KeyValues, Model};
use crate::node::{CaseNode, FieldPath, Lookup, Node, Step};
use crate::order::Order;
use crate::path::{Col, Hop, Rel, Root, Types};
use crate::queryset::{QuerySet, Queryset, has_key, has_key_of, update};
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
        let parent = <&P as Operand<ForeignKey<P>, M>>::into_node(parent);
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
        Ok(self.rows(parent).all(ex)?.iter().filter_map(Model::pk).collect())
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
        let keys: Vec<KeyValues> = keys.into_iter().map(|key| key.values()).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let places = (0i64..).zip(&keys);
        let branches =
            places.map(|(place, key)| (has_key(M::meta(), key), Node::Value(place.into()))).collect();
        let value = Node::Case(Arc::new(CaseNode { branches, otherwise: None }));
        let rows = self.rows(parent).filter(Q::new(has_key_of(M::meta(), &keys))).order_by(());
        finish_write(ex, update(rows.state(), &[AssignmentNode { step: (self.place)(), value }], ex))
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
