//! Prepared querysets: compiled and planned once, run often.
//!
//! [`prepare`] takes a closure from parameters to a queryset, or to an aggregation, an update or a deletion of one.
//! The closure says which parameters there are and of which types, so the compiler checks what each run gives.
//!
//! ```
//! use nuages::prelude::*;
//! #[derive(Model, Clone)]
//! pub struct Post {
//!     pub id: Auto<i64>,
//!     #[field(unique)]
//!     pub slug: String,
//!     pub views: u32,
//! }
//!
//! # fn main() -> nuages::Result<()> {
//! let db = App::new().models(Post::app()).open_memory()?;
//! Post::objects().create(new!(Post { slug: "nuages", views: 1_937 }), &db)?;
//!
//! let popular = prepare(|views: Param<u32>| Post::objects().filter(Post::views.gte(views)), &db)?;
//! assert_eq!(popular.all(1_000, &db)?.len(), 1);
//! assert_eq!(popular.count(2_000, &db)?, 0);
//!
//! let by_slug = prepare(|slug: Param<String>| Post::objects().filter(Post::slug.eq(slug)), &db)?;
//! assert_eq!(by_slug.get("nuages", &db)?.views, 1_937);
//!
//! let view = prepare(
//!     |(id, more): (Param<i64>, Param<u32>)| {
//!         Post::objects().filter(Post::id.eq(id)).updating(Post::views.set(Post::views + more))
//!     },
//!     &db,
//! )?;
//! assert_eq!(view.run((1, 3), &db)?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! A prepared queryset holds no data and no lock; it may be kept, shared between threads and run on the database it
//! was prepared for, its transactions, snapshots and forks. On any other database, or seen from another time zone,
//! it means the same, but is compiled anew for that run. `now()` in it is the time of the run. A schema that has
//! changed since is noticed.

use std::marker::PhantomData;
use std::sync::OnceLock;

use nuages_engine::algebra::Statement;
use nuages_storage::Value;

use super::{
    QuerySet, QueryState,
    compiled::{Compiled, CompiledWrite, Home},
    complete::prefetch_into,
    get::{only_row, unordered},
    key::{self, By, Found},
    run::{is_empty, lock, order_by_key},
    state::Slice,
    write::{check_choices, update_of},
};
use crate::{
    assignment::{AssignmentNode, Assignments},
    delete::{self, Deleted},
    error::{Error, GET_ROWS_MAX, Misuse, Result},
    executor::{Executor, finish_write},
    expression::{Arguments, Params},
    model::Model,
    node::Node,
    row::{Row, Select},
};

/// Compiles what a closure makes of its parameters, to be run often. See the [module](self).
///
/// # Errors
/// [`Error::Misuse`] and whatever else a verb would say of it before it reads a row.
pub fn prepare<P: Params, Q: Preparable>(
    build: impl FnOnce(P) -> Q,
    ex: &dyn Executor,
) -> Result<Prepared<Q, P>> {
    let home = Home::of(ex, P::COUNT);
    let prepared =
        Prepared { asked: build(P::params()), kept: Q::Kept::default(), home, params: PhantomData };
    prepared.asked.compile(&prepared.kept, &prepared.home, ex)?;
    Ok(prepared)
}

/// Something that was prepared: `Q` is what (a queryset, an [`Aggregation`], an [`Updating`], a [`Deleting`]), `P` are
/// its parameters.
pub struct Prepared<Q: Preparable, P> {
    asked: Q,
    kept: Q::Kept,
    home: Home,
    params: PhantomData<fn(P)>,
}

/// What can be prepared.
pub trait Preparable {
    /// What is kept of it.
    #[doc(hidden)]
    type Kept: Default;
    /// Compiles what every run needs.
    #[doc(hidden)]
    fn compile(&self, kept: &Self::Kept, home: &Home, ex: &dyn Executor) -> Result<()>;
}

/// What is kept of a queryset: a plan for each verb that was used.
#[derive(Debug, Default)]
#[doc(hidden)]
pub struct Plans {
    /// The row is found by its key, by the only parameter.
    by_key: OnceLock<Option<By>>,
    all: OnceLock<Compiled>,
    first: OnceLock<Compiled>,
    get: OnceLock<Compiled>,
    count: OnceLock<Compiled>,
    exists: OnceLock<Compiled>,
}

impl<M: Model, R: Row> Preparable for QuerySet<M, R> {
    type Kept = Plans;

    fn compile(&self, kept: &Plans, home: &Home, ex: &dyn Executor) -> Result<()> {
        let bound = ex.shared().binding().model(self.state.model)?;
        let by = match By::of(&self.state, bound) {
            Some((by, Node::Parameter(0, _))) if home.parameters == 1 => Some(by),
            _ => None,
        };
        kept.by_key.get_or_init(|| by);
        match by {
            Some(_) => Ok(()),
            None => home.with(&kept.all, ex, || rows_of(&self.state, home, ex), |_| Ok(())),
        }
    }
}

fn rows_of(state: &QueryState, home: &Home, ex: &dyn Executor) -> Result<Compiled> {
    state.sound()?;
    let mut compiler = home.compiler(ex);
    let rows = compiler.rows(state)?;
    Compiled::new(rows.query, rows.joined, &compiler, ex)
}

impl<M: Model, R: Row, P: Params> Prepared<QuerySet<M, R>, P> {
    /// The row by its key, if that is what the queryset asks for.
    fn by_key(&self, values: &[Value], ex: &dyn Executor) -> Result<Found<R>> {
        match (self.kept.by_key.get(), values) {
            (Some(Some(by)), [value]) if self.home.is(ex) => {
                let bound = ex.shared().binding().model(self.asked.state.model)?;
                key::row_of::<M, R>(*by, value, bound, ex)
            }
            _ => Ok(Found::Ask),
        }
    }

    /// The rows of a plan, with what is prefetched.
    fn rows(
        &self,
        kept: &OnceLock<Compiled>,
        change: impl Fn(&mut QueryState),
        values: &[Value],
        ex: &dyn Executor,
    ) -> Result<Vec<R>> {
        let state = &self.asked.state;
        lock(state, ex)?;
        if is_empty(state) {
            return Ok(Vec::new());
        }
        let compile = || {
            let mut state = state.clone();
            change(&mut state);
            rows_of(&state, &self.home, ex)
        };
        let rows = self.home.with(kept, ex, compile, |compiled| compiled.rows::<R>(state, values, ex));
        let mut rows = rows.map_err(|error| state.explain(error, []))?;
        prefetch_into::<M, R>(&mut [&mut rows], state, ex)?;
        Ok(rows)
    }

    /// All rows, in order; [`QuerySet::all`].
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn all(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<Vec<R>> {
        let values = arguments.values();
        match self.by_key(values.as_ref(), ex)? {
            Found::Row(row) => Ok(row.into_iter().collect()),
            Found::Ask => self.rows(&self.kept.all, |_| {}, values.as_ref(), ex),
        }
    }

    /// The first row; [`QuerySet::first`].
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn first(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<Option<R>> {
        let values = arguments.values();
        if let Found::Row(row) = self.by_key(values.as_ref(), ex)? {
            return Ok(row);
        }
        let first = |state: &mut QueryState| {
            order_by_key(state);
            limit(state, 1);
        };
        Ok(self.rows(&self.kept.first, first, values.as_ref(), ex)?.pop())
    }

    /// The row of a queryset that has exactly one; [`QuerySet::get`].
    ///
    /// # Errors
    /// [`Error::DoesNotExist`], [`Error::MultipleObjectsReturned`]; as [`QuerySet::all`].
    pub fn get(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<R> {
        let values = arguments.values();
        match self.by_key(values.as_ref(), ex)? {
            Found::Row(row) => row.ok_or_else(|| Error::DoesNotExist { model: M::NAME }),
            Found::Ask => only_row::<M, R>(self.rows(
                &self.kept.get,
                |state| {
                    unordered(state);
                    limit(state, GET_ROWS_MAX + 1);
                },
                values.as_ref(),
                ex,
            )?),
        }
    }

    /// How many rows there are; [`QuerySet::count`].
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn count(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<u64> {
        let state = &self.asked.state;
        if is_empty(state) {
            return Ok(0);
        }
        let compile = || {
            let mut compiler = self.home.compiler(ex);
            let query = compiler.count(state)?;
            Compiled::new(query, Vec::new(), &compiler, ex)
        };
        let values = arguments.values();
        let count = self
            .home
            .with(&self.kept.count, ex, compile, |compiled| compiled.scalar(state, values.as_ref(), ex))?;
        Ok(count.as_int().and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Whether there is a row; [`QuerySet::exists`].
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn exists(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<bool> {
        let state = &self.asked.state;
        if is_empty(state) {
            return Ok(false);
        }
        let compile = || {
            let mut compiler = self.home.compiler(ex);
            let query = compiler.any(state)?;
            Compiled::new(query, Vec::new(), &compiler, ex)
        };
        let values = arguments.values();
        let any = self
            .home
            .with(&self.kept.exists, ex, compile, |compiled| compiled.scalar(state, values.as_ref(), ex))?;
        Ok(!any.is_null())
    }
}

fn limit(state: &mut QueryState, count: u64) {
    let clauses = state.clauses_mut();
    clauses.slice = clauses.slice.then(Slice { offset: 0, count: Some(count) });
}

/// Aggregates over the rows of a queryset, not yet asked for; [`QuerySet::aggregating`] makes it.
pub struct Aggregation<M, Out> {
    state: QueryState,
    values: Vec<Node>,
    types: PhantomData<fn() -> (M, Out)>,
}

/// A change of the rows of a queryset, not yet done; [`QuerySet::updating`] makes it.
pub struct Updating<M> {
    state: QueryState,
    list: Vec<AssignmentNode>,
    model: PhantomData<fn() -> M>,
}

/// A deletion of the rows of a queryset, not yet done; [`QuerySet::deleting`] makes it.
pub struct Deleting<M> {
    state: QueryState,
    model: PhantomData<fn() -> M>,
}

impl<M: Model, R> QuerySet<M, R> {
    /// What [`aggregate`](QuerySet::aggregate) asks, to be [prepared](prepare).
    pub fn aggregating<S: Select<M>>(self, selection: S) -> Aggregation<M, S::Out> {
        let mut nodes = Vec::new();
        selection.collect(&mut nodes);
        let values = nodes.iter().map(|node| self.state.resolve(node)).collect();
        Aggregation { state: self.state, values, types: PhantomData }
    }

    /// What [`update`](QuerySet::update) does, to be [prepared](prepare).
    pub fn updating(self, assignments: impl Assignments<M>) -> Updating<M> {
        let mut list = Vec::new();
        assignments.collect(&mut list);
        for assignment in &mut list {
            assignment.value = self.state.resolve(&assignment.value);
        }
        Updating { state: self.state, list, model: PhantomData }
    }

    /// What [`delete`](QuerySet::delete) does, to be [prepared](prepare).
    pub fn deleting(self) -> Deleting<M> {
        Deleting { state: self.state, model: PhantomData }
    }
}

impl<M: Model, Out: Row> Aggregation<M, Out> {
    fn compiled(&self, home: &Home, ex: &dyn Executor) -> Result<Compiled> {
        self.state.sound()?;
        if !self.state.clauses().combined.is_empty() {
            return Err(Misuse::NotAllowed { call: "aggregate", after: "a combination" }.into());
        }
        let mut compiler = home.compiler(ex);
        let query = compiler.aggregate_rows(&self.state, &self.values)?;
        Compiled::new(query, Vec::new(), &compiler, ex)
    }
}

impl<M: Model, Out: Row> Preparable for Aggregation<M, Out> {
    type Kept = OnceLock<Compiled>;

    fn compile(&self, kept: &Self::Kept, home: &Home, ex: &dyn Executor) -> Result<()> {
        home.with(kept, ex, || self.compiled(home, ex), |_| Ok(()))
    }
}

impl<M: Model, Out: Row, P: Params> Prepared<Aggregation<M, Out>, P> {
    /// The aggregates; [`QuerySet::aggregate`].
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn run(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<Out> {
        let values = arguments.values();
        let compile = || self.asked.compiled(&self.home, ex);
        let rows = self
            .home
            .with(&self.kept, ex, compile, |compiled| compiled.rows(&self.asked.state, values.as_ref(), ex));
        let rows = rows.map_err(|error| self.asked.state.explain(error, &self.asked.values))?;
        only_row::<M, Out>(rows)
    }
}

impl<M: Model> Updating<M> {
    fn compiled(&self, home: &Home, ex: &dyn Executor) -> Result<Option<CompiledWrite>> {
        check_choices::<M>(&self.list)?;
        let mut compiler = home.compiler(ex);
        let Some(update) = update_of(&self.state, &self.list, &mut compiler)? else { return Ok(None) };
        Ok(Some(CompiledWrite::new(Statement::Update(update), &compiler)))
    }
}

impl<M: Model> Preparable for Updating<M> {
    type Kept = OnceLock<Option<CompiledWrite>>;

    fn compile(&self, kept: &Self::Kept, home: &Home, ex: &dyn Executor) -> Result<()> {
        home.with(kept, ex, || self.compiled(home, ex), |_| Ok(()))
    }
}

impl<M: Model, P: Params> Prepared<Updating<M>, P> {
    /// Writes, and says how many rows it hit; [`QuerySet::update`].
    ///
    /// # Errors
    /// As [`QuerySet::update`].
    pub fn run(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<u64> {
        let values = arguments.values();
        let compile = || self.asked.compiled(&self.home, ex);
        let result = self.home.with(&self.kept, ex, compile, |compiled| {
            compiled.as_ref().map_or(Ok(0), |write| write.update(M::meta().table, values.as_ref(), ex))
        });
        let further = self.asked.list.iter().map(|one| &one.value);
        finish_write(ex, result.map_err(|error| self.asked.state.explain(error, further)))
    }
}

impl<M: Model> Preparable for Deleting<M> {
    type Kept = OnceLock<delete::Plan>;

    fn compile(&self, kept: &Self::Kept, home: &Home, ex: &dyn Executor) -> Result<()> {
        home.with(kept, ex, || self.compiled(home, ex), |_| Ok(()))
    }
}

impl<M: Model> Deleting<M> {
    fn compiled(&self, home: &Home, ex: &dyn Executor) -> Result<delete::Plan> {
        delete::Plan::new(&self.state, home.compiler(ex), ex.shared().app())
    }
}

impl<M: Model, P: Params> Prepared<Deleting<M>, P> {
    /// Deletes the rows and what their foreign keys say; [`QuerySet::delete`].
    ///
    /// # Errors
    /// As [`QuerySet::delete`].
    pub fn run(&self, arguments: impl Arguments<P>, ex: &dyn Executor) -> Result<Deleted> {
        let values = arguments.values();
        let compile = || self.asked.compiled(&self.home, ex);
        let result = self.home.with(&self.kept, ex, compile, |plan| plan.run(values.as_ref(), ex));
        finish_write(ex, result)
    }
}
