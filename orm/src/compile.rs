//! From a queryset to the engine's algebra.
//!
//! The meaning is Django's (django/db/models/sql/query.py, compiler.py): which joins are shared and which are inner
//! ([`joins`]), what a negation does to NULLs and to-many relations ([`condition`]), what groups ([`group`]). Where
//! Django prints SQL, this builds [`Query`](nuages_engine::algebra::Query) values.
//!
//! A [`Compiler`] works on one statement. Each query level in it, the outermost and every subquery, is a [`Scope`]:
//! its joins, its conditions, its annotations as expressions over these joins. Scopes live in one vector, so that a
//! subquery's `outer(..)` may add a join to the level outside. In an expression, a not yet computed aggregate is a
//! column of the scope's `group` source; [`group`] puts the real column there when the level is finished. A window
//! function is a column of its `window` source, which stands above the groups.
//!
//! Order of reading: this file, [`joins`], [`path`], [`expression`], [`condition`] with [`exclude`] and its short way
//! [`own`], [`window`], [`draw`], [`group`], [`rows`], [`summary`], [`combine`]; [`rewrite`] is a tool.

mod change;
mod combine;
mod condition;
mod draw;
mod exclude;
mod expression;
mod group;
mod joins;
mod lock;
mod order;
mod own;
mod path;
mod related;
mod rewrite;
mod rows;
mod summary;
mod window;

use jiff::Timestamp;
use nuages_engine::algebra::{Aggregate, Expr, Function, Relation, RowCount, Source, WindowFunction};
use nuages_storage::{DataType, Value};

use self::joins::{Joins, Reuse};
use crate::{
    error::{Error, Misuse, Result},
    executor::{Executor, Settings},
    meta::ModelMeta,
    node::Node,
    queryset::state::{Condition, QueryState, Slice},
    schema::Binding,
};

pub(crate) use self::{order::meta_path, related::among, rewrite::substituted, rows::Rows};

/// Builds one statement.
pub(crate) struct Compiler<'c> {
    binding: &'c Binding,
    settings: &'c Settings,
    now: Now,
    sources: u32,
    scopes: Vec<Scope>,
    /// The parameter that says how many rows the outermost level leaves out, if its number is not to be part of what is
    /// compiled; taken by the level that leaves them out.
    open_offset: Option<usize>,
}

/// The time of a statement.
enum Now {
    /// Nothing asked for it yet.
    Unasked,
    /// This.
    At(Timestamp),
    /// The parameter of this number, which is given when the statement runs; and whether anything asked for it.
    Given(usize, bool),
}

/// A query level by its place in [`Compiler::scopes`].
pub(crate) type ScopeId = usize;

/// The level that is opened first.
const OUTERMOST: ScopeId = 0;

/// One query level while it is built.
struct Scope {
    model: &'static ModelMeta,
    joins: Joins,
    outer: Option<ScopeId>,
    /// Made of a negated comparison: `outer(..)` looks past it.
    split: bool,
    /// What must be true of a row, or of a group where it mentions an aggregate.
    predicate: Vec<Expr>,
    /// The annotations, over the joins and `group`.
    annotations: Vec<Expr>,
    /// For each of them the text that it is ordered and compared by, if case is ignored in it.
    uncased: Vec<Option<Node>>,
    /// The aggregates met so far, and what their values are named by.
    group: Source,
    aggregates: Vec<Aggregate>,
    /// The same of window functions.
    window: Source,
    windows: Vec<WindowFunction>,
    /// The same of annotations that are made by lot, which are drawn once for all that is asked of them.
    drawn: Source,
    draws: Vec<Expr>,
}

impl<'c> Compiler<'c> {
    /// For statements on this executor.
    pub(crate) fn new(ex: &'c dyn Executor) -> Compiler<'c> {
        Compiler::with(ex.shared().binding(), ex.settings())
    }

    pub(crate) fn with(binding: &'c Binding, settings: &'c Settings) -> Compiler<'c> {
        Compiler { binding, settings, now: Now::Unasked, sources: 0, scopes: Vec::new(), open_offset: None }
    }

    fn source(&mut self) -> Source {
        self.sources += 1;
        Source::new(self.sources - 1)
    }

    /// One time for the whole statement.
    fn now(&mut self) -> Expr {
        match &mut self.now {
            Now::Given(parameter, asked) => {
                *asked = true;
                Expr::Parameter(*parameter, DataType::Timestamp)
            }
            Now::At(time) => Expr::Literal(Value::Timestamp(*time)),
            Now::Unasked => {
                let time = self.settings.now();
                self.now = Now::At(time);
                Expr::Literal(Value::Timestamp(time))
            }
        }
    }

    /// The time is not that of this moment, but a parameter of this number.
    pub(crate) fn leave_open(mut self, parameter: usize) -> Self {
        self.now = Now::Given(parameter, false);
        self
    }

    /// How many rows the outermost level leaves out is not what its slice says, but a parameter of this number.
    pub(crate) fn leave_offset_open(mut self, parameter: Option<usize>) -> Self {
        self.open_offset = parameter;
        self
    }

    /// The rows of a slice of a level.
    fn sliced(&mut self, scope: ScopeId, relation: Relation, slice: Slice) -> Relation {
        let is_open = scope == OUTERMOST && slice.offset > 0;
        match self.open_offset.take_if(|_| is_open) {
            Some(parameter) => {
                let offset = Box::new(Expr::Parameter(parameter, DataType::BigInt));
                relation.limit_by(RowCount::Computed(offset), slice.count.map(RowCount::from))
            }
            None if slice.is_all() => relation,
            None => relation.limit(slice.offset, slice.count),
        }
    }

    /// Whether an offset was left open, and a level has what its slice says all the same.
    pub(crate) fn lacks_open_offset(&self) -> bool {
        self.open_offset.is_some()
    }

    /// Whether the time that was left open is in what was compiled.
    pub(crate) fn asks_for_now(&self) -> bool {
        matches!(self.now, Now::Given(_, true))
    }

    /// A query level over all rows of a model.
    fn open(&mut self, model: &'static ModelMeta, outer: Option<ScopeId>) -> Result<ScopeId> {
        let table = self.binding.model(model)?.table;
        let (source, group, window, drawn) = (self.source(), self.source(), self.source(), self.source());
        self.scopes.push(Scope {
            model,
            joins: Joins::new(source, table),
            outer,
            split: false,
            predicate: Vec::new(),
            annotations: Vec::new(),
            uncased: Vec::new(),
            group,
            aggregates: Vec::new(),
            window,
            windows: Vec::new(),
            drawn,
            draws: Vec::new(),
        });
        Ok(self.scopes.len() - 1)
    }

    /// A query level with the conditions and annotations of a queryset, in the order they were made.
    pub(crate) fn load(&mut self, state: &QueryState, outer: Option<ScopeId>) -> Result<ScopeId> {
        let clauses = state.clauses();
        state.sound()?;
        let scope = self.open(state.model, outer)?;
        let mut conditions = state.conditions.iter().peekable();
        let mut call = condition::Call::filter();
        for index in 0..=clauses.annotations.len() {
            while let Some(condition) = conditions.next_if(|one| usize::from(one.annotations_before) <= index)
            {
                if !condition.follows {
                    call = condition::Call::filter();
                }
                self.filter(scope, condition, &mut call)?;
            }
            if let Some(annotation) = clauses.annotations.get(index) {
                let value = self.expression(scope, &annotation.node, &mut Reuse::All)?;
                let value = self.drawn_once(scope, value);
                let uncased = self.uncased(scope, &annotation.node);
                let scope = &mut self.scopes[scope];
                scope.annotations.push(value);
                scope.uncased.push(uncased);
            }
        }
        if clauses.empty {
            self.scopes[scope].predicate.push(Expr::Literal(Value::Bool(false)));
        }
        Ok(scope)
    }

    /// One call of `filter` or `exclude`; Django's `Query.add_q`.
    fn filter(&mut self, scope: ScopeId, condition: &Condition, call: &mut condition::Call) -> Result<()> {
        let inner = self.scopes[scope].joins.inner();
        let predicate = self.condition(scope, &condition.node, call, condition.exclude)?;
        self.scopes[scope].joins.demote(&inner);
        self.scopes[scope].predicate.push(predicate);
        Ok(())
    }

    /// Whether an expression is computed from an aggregate of the level.
    fn is_aggregate(&self, scope: ScopeId, expr: &Expr) -> bool {
        rewrite::mentions(expr, self.scopes[scope].group) || self.is_window_of_aggregate(scope, expr)
    }

    /// The n-th annotation of a level.
    fn annotation(&self, scope: ScopeId, index: usize) -> Result<Expr> {
        self.scopes[scope]
            .annotations
            .get(index)
            .cloned()
            .ok_or(Error::Misuse(Misuse::UnknownAnnotation { index }))
    }
}

impl<'c> Compiler<'c> {
    /// An expression over single rows of a model's table, as checks and indexes have it: columns of
    /// [`Source::SELF`], by their places.
    ///
    /// # Errors
    /// [`Misuse::JoinHere`] for what leads to another table, [`Misuse::AggregateHere`] for an aggregate.
    pub(crate) fn of_row(meta: &'static ModelMeta, settings: &Settings, node: &Node) -> Result<Expr> {
        let binding = Binding::planned(meta);
        let mut compiler = Compiler::with(&binding, settings);
        let scope = compiler.open(meta, None)?;
        compiler.scopes[scope].joins = Joins::new(Source::SELF, binding.model(meta)?.table);
        let place = compiler.place(scope);
        let expr = compiler.expression_at(place, node, &mut Reuse::All)?;
        if compiler.scopes[scope].joins.len() > 1 {
            return Err(Misuse::JoinHere { place: "a constraint" }.into());
        }
        if !compiler.scopes[scope].aggregates.is_empty() {
            return Err(Misuse::AggregateHere { place: "a constraint" }.into());
        }
        if !compiler.scopes[scope].windows.is_empty() {
            return Err(Misuse::WindowHere { place: "a constraint" }.into());
        }
        Ok(expr)
    }

    /// An expression over no row: what a column gets where no value is given. The present in it is that of each
    /// statement.
    ///
    /// # Errors
    /// As [`of_row`](Compiler::of_row); [`Misuse::ColumnHere`] for one that reads a column.
    pub(crate) fn of_default(meta: &'static ModelMeta, node: &Node) -> Result<Expr> {
        const NOW: usize = 0;
        let (binding, settings) = (Binding::planned(meta), Settings::default());
        let mut compiler = Compiler::with(&binding, &settings).leave_open(NOW);
        let scope = compiler.open(meta, None)?;
        let place = compiler.place(scope);
        let mut expr = compiler.expression_at(place, node, &mut Reuse::All)?;
        let mut reads_column = false;
        rewrite::columns(&expr, &mut |_| reads_column = true);
        if reads_column {
            return Err(Misuse::ColumnHere { place: "db_default" }.into());
        }
        let mut waiting = vec![&mut expr];
        while let Some(part) = waiting.pop() {
            if matches!(part, Expr::Parameter(NOW, _)) {
                *part = Expr::Call(Function::Now, Vec::new());
            }
            waiting.extend(part.children_mut());
        }
        Ok(expr)
    }
}
