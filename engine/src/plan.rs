//! Physical plans: how a query is run.
//!
//! A [`Plan`] is a tree of operators with compiled scalars. It refers to tables and indexes by id and holds no
//! version, so it may be kept (a prepared query) and run on any version of the schema it was made for. Every operator
//! lists the columns it yields; a scalar refers to a column of its input by position. `access` has the paths of scans.

mod access;

use std::fmt;
use std::sync::Arc;

use nuages_storage::key::KeyPart;
use nuages_storage::{DataType, IndexId, TableId};

pub(crate) use access::{Access, Bound, Bounds, KeyValue, Values};

use crate::algebra::{
    self, AggregateFunction, Column, Comparison, Expr, Frame, JoinKind, SetKind, SortKey, WindowFunction,
    WindowKind, WorkTable,
};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::measurement::Counter;

/// An operator, what it yields and how many rows.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) node: Node,
    pub(crate) columns: Vec<PlanColumn>,
    pub(crate) estimate: Estimate,
}

/// A column an operator yields.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlanColumn {
    pub(crate) column: Column,
    pub(crate) data_type: DataType,
}

/// How many rows an operator is thought to yield.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number of rows.
    pub rows: f64,
    /// How that is known.
    pub basis: Basis,
}

/// How a number of rows is known. The later ones are worth less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// It was counted in a counted tree, or follows from the query.
    Counted,
    /// It was estimated from statistics: a sample of the table's rows (see
    /// [`Session::statistics`](crate::Session::statistics)).
    Statistics,
    /// Something in it is not known, as the value of a parameter or what a group's sum will be, and a usual share was
    /// taken.
    Guess,
}

impl Basis {
    /// Its name, as in the JSON of an explanation.
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Counted => "counted",
            Basis::Statistics => "statistics",
            Basis::Guess => "guess",
        }
    }
}

impl Estimate {
    pub(crate) const fn exact(rows: f64) -> Estimate {
        Estimate { rows, basis: Basis::Counted }
    }

    /// Whether it was counted.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self.basis, Basis::Counted)
    }

    /// The same, if it follows from what is known no better than that.
    pub(crate) fn resting_on(self, basis: Basis) -> Estimate {
        Estimate { basis: self.basis.max(basis), ..self }
    }

    pub(crate) const fn about(rows: f64) -> Estimate {
        Estimate { rows, basis: Basis::Statistics }
    }
}

/// What several aggregates look at, made once for each batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    /// The columns of decimals that are read more than once, by their places in the input.
    pub(crate) decimals: Vec<usize>,
    /// What is computed, each as a further column of the input; a later one may look at an earlier one.
    pub(crate) computed: Vec<Scalar>,
}

/// An operator.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// One row without columns.
    Unit,
    /// Literal rows.
    Values(Vec<Vec<Scalar>>),
    /// Rows of one table, by an access path.
    Scan(Scan),
    /// The number of rows an access path has, from the counts in the tree.
    Count(Access, TableId),
    /// Rows for which the predicate is true.
    Filter { input: Box<Plan>, predicate: Predicate },
    /// Other columns.
    Project { input: Box<Plan>, columns: Vec<Scalar> },
    /// The right side in a hash table, the left side probing it.
    HashJoin {
        kind: JoinKind,
        left: Box<Plan>,
        right: Box<Plan>,
        left_keys: Vec<Scalar>,
        right_keys: Vec<Scalar>,
        /// The columns of the right side that are kept: what only the keys are made of is not.
        right_columns: Vec<usize>,
        /// Over the columns of both sides.
        residual: Option<PairCondition>,
        /// The equalities behind the keys, for EXPLAIN.
        on: Vec<Expr>,
        /// Of a semi- or anti-join: the left side is in the hash table, and the right side marks what it meets there.
        marks: bool,
    },
    /// Both sides in the order of their keys.
    MergeJoin {
        kind: JoinKind,
        left: Box<Plan>,
        right: Box<Plan>,
        left_keys: Vec<Scalar>,
        right_keys: Vec<Scalar>,
        /// As those of a hash join.
        right_columns: Vec<usize>,
        /// Over the columns of both sides.
        residual: Option<PairCondition>,
        /// The equalities behind the keys, for EXPLAIN.
        on: Vec<Expr>,
    },
    /// For each left row the rows of a table, by key.
    IndexJoin { kind: JoinKind, left: Box<Plan>, lookup: Lookup },
    /// Every pair, the right side kept in memory.
    NestedLoop { kind: JoinKind, left: Box<Plan>, right: Box<Plan>, on: Option<PairCondition> },
    /// One row per group.
    Aggregate {
        input: Box<Plan>,
        keys: Vec<Scalar>,
        /// The keys that tell groups apart, by their places; the others are the same wherever these are.
        deciding: Vec<usize>,
        aggregates: Vec<PlanAggregate>,
        /// What several of the aggregates look at.
        shared: Shared,
        by: Vec<Expr>,
    },
    /// In order; only the first `top` rows if given.
    Sort { input: Box<Plan>, keys: Vec<PlanSortKey>, top: Option<Top>, by: Vec<SortKey> },
    /// A run of the rows.
    Limit { input: Box<Plan>, offset: RowCount, count: Option<RowCount> },
    /// The first row of each combination.
    Distinct { input: Box<Plan>, on: Vec<Scalar> },
    /// Two inputs combined column by column.
    Set { kind: SetKind, all: bool, left: Box<Plan>, right: Box<Plan> },
    /// One more column per function over the rows around a row; partitions one after the other, in order.
    Window {
        input: Box<Plan>,
        partition: Vec<Scalar>,
        order: Vec<PlanSortKey>,
        functions: Vec<PlanWindow>,
        /// As they were written, for EXPLAIN.
        by: Vec<WindowFunction>,
    },
    /// The rows of `input`, which may read those of `rows` as a work table.
    With { table: WorkTable, rows: Box<Plan>, input: Box<Plan> },
    /// The rows of `base`, and of `step` over them, and so on.
    Recursive { table: WorkTable, all: bool, base: Box<Plan>, step: Box<Plan> },
    /// These columns of a work table.
    WorkTable { table: WorkTable, columns: Vec<usize> },
    /// For each left row the rows of a plan that depends on it.
    Lateral {
        kind: JoinKind,
        left: Box<Plan>,
        right: Box<Plan>,
        /// Which parameters of the right plan take which column of the left row.
        bindings: Vec<(usize, usize)>,
        on: Option<PairCondition>,
    },
    /// One more column per subquery, evaluated for each row.
    Apply { input: Box<Plan>, subqueries: Vec<Subquery> },
    /// What the operator yields, counted and timed.
    Measured { input: Box<Plan>, counter: Arc<Counter> },
}

impl Plan {
    /// Calls `visit` with what it stands on directly: its inputs, and the plans of its subqueries.
    pub(crate) fn each_input_mut(&mut self, visit: &mut dyn FnMut(&mut Plan)) {
        let condition = match &mut self.node {
            Node::Unit | Node::Values(_) | Node::Scan(_) | Node::Count(..) | Node::WorkTable { .. } => None,
            Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. }
            | Node::Distinct { input, .. }
            | Node::Window { input, .. }
            | Node::Measured { input, .. } => {
                visit(input);
                None
            }
            Node::IndexJoin { left, .. } => {
                visit(left);
                None
            }
            Node::HashJoin { left, right, residual: condition, .. }
            | Node::MergeJoin { left, right, residual: condition, .. }
            | Node::NestedLoop { left, right, on: condition, .. }
            | Node::Lateral { left, right, on: condition, .. } => {
                visit(left);
                visit(right);
                condition.as_mut()
            }
            Node::Set { left, right, .. }
            | Node::With { rows: left, input: right, .. }
            | Node::Recursive { base: left, step: right, .. } => {
                visit(left);
                visit(right);
                None
            }
            Node::Apply { input, subqueries } => {
                visit(input);
                subqueries.iter_mut().for_each(|subquery| visit(&mut subquery.plan));
                None
            }
        };
        let subqueries = condition.into_iter().flat_map(|condition| &mut condition.subqueries);
        subqueries.for_each(|subquery| visit(&mut subquery.plan));
    }
}

/// A condition: compiled, and as it was written, for EXPLAIN.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    pub(crate) scalar: Scalar,
    pub(crate) expr: Expr,
}

/// A condition on pairs of rows: over the columns of both, and behind them one for each subquery in it.
#[derive(Clone, Debug)]
pub(crate) struct PairCondition {
    pub(crate) predicate: Predicate,
    pub(crate) subqueries: Vec<Subquery>,
}

/// A number of rows.
#[derive(Clone, Debug)]
pub(crate) enum RowCount {
    /// This.
    Fixed(u64),
    /// What this comes to when the plan runs.
    Computed(Scalar),
}

impl RowCount {
    /// No row.
    pub(crate) const ZERO: RowCount = RowCount::Fixed(0);

    /// That of the algebra.
    pub(crate) fn compile(rows: &algebra::RowCount) -> Result<RowCount, Error> {
        Ok(match rows {
            algebra::RowCount::Fixed(rows) => RowCount::Fixed(*rows),
            algebra::RowCount::Computed(expr) => RowCount::Computed(Scalar::compile(expr, &|_| None)?),
        })
    }

    /// The number, if it does not have to be computed.
    pub(crate) fn fixed(&self) -> Option<u64> {
        match self {
            RowCount::Fixed(rows) => Some(*rows),
            RowCount::Computed(_) => None,
        }
    }

    /// The number; none if it is NULL, and so says nothing.
    pub(crate) fn rows(&self, context: &Context<'_>) -> Result<Option<u64>, Error> {
        match self {
            RowCount::Fixed(rows) => Ok(Some(*rows)),
            RowCount::Computed(scalar) => match scalar.value(context)?.as_int() {
                Some(rows) => u64::try_from(rows).map(Some).map_err(|_| Error::NegativeRowCount { rows }),
                None => Ok(None),
            },
        }
    }
}

impl fmt::Display for RowCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowCount::Fixed(rows) => rows.fmt(f),
            RowCount::Computed(_) => f.write_str("as many as given"),
        }
    }
}

/// The first rows of an order: as many as are left out and as are wanted after them.
#[derive(Clone, Debug)]
pub(crate) struct Top {
    pub(crate) offset: RowCount,
    pub(crate) count: RowCount,
    /// How many that is thought to be.
    pub(crate) expected: usize,
}

impl Top {
    /// How many; none if it is all of them.
    pub(crate) fn rows(&self, context: &Context<'_>) -> Result<Option<usize>, Error> {
        let (offset, count) = (self.offset.rows(context)?, self.count.rows(context)?);
        let end = count.map(|count| offset.unwrap_or(0).saturating_add(count));
        Ok(end.and_then(|end| usize::try_from(end).ok()))
    }
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) table: TableId,
    pub(crate) fetch: Vec<Fetch>,
    pub(crate) access: Access,
    /// How many rows the access path has.
    pub(crate) visited: Estimate,
    /// From the last row to the first.
    pub(crate) reverse: bool,
    pub(crate) filter: Option<Predicate>,
    /// Rows of the access path to leave out first; only without a filter.
    pub(crate) offset: RowCount,
    /// How many rows are asked for at most, if that is known; only without a filter.
    pub(crate) count: Option<RowCount>,
    /// The number of the premise that says how many rows the path has, in a plan that is kept with its premises.
    pub(crate) premise: Option<usize>,
}

/// What is read of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fetch {
    /// Its id, as an integer of this type.
    RowId(DataType),
    /// A slot.
    Slot(usize, DataType),
}

impl Fetch {
    /// The slot, if it is one.
    pub(crate) fn slot(&self) -> Option<usize> {
        match self {
            Fetch::RowId(_) => None,
            Fetch::Slot(slot, _) => Some(*slot),
        }
    }
}

/// How an index join finds the partners of a row.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub(crate) table: TableId,
    pub(crate) fetch: Vec<Fetch>,
    pub(crate) by: LookupBy,
    /// How many rows of the table a left row is thought to find.
    pub(crate) matches: f64,
    /// Over the columns of both sides.
    pub(crate) residual: Option<Predicate>,
    /// The equalities behind the keys, for EXPLAIN.
    pub(crate) on: Vec<Expr>,
}

impl Lookup {
    /// Whether nothing is asked of a left row's partners but whether there is one.
    pub(crate) fn is_test(&self, kind: JoinKind) -> bool {
        matches!(kind, JoinKind::Semi | JoinKind::Anti) && self.residual.is_none()
    }
}

/// By what an index join looks up. The scalars are over the left row.
#[derive(Clone, Debug)]
pub(crate) enum LookupBy {
    /// The row id.
    RowId(Scalar),
    /// The leading parts of an index; `unique` if at most one row can have them.
    Index { index: IndexId, parts: Vec<KeyPart>, keys: Vec<Scalar>, unique: bool },
}

/// An aggregate.
#[derive(Clone, Debug)]
pub(crate) struct PlanAggregate {
    pub(crate) function: AggregateFunction,
    pub(crate) argument: Option<Scalar>,
    pub(crate) second: Option<Scalar>,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Scalar>,
    /// In which order the rows of a group are taken in; without keys as they come.
    pub(crate) order: Vec<PlanSortKey>,
    pub(crate) data_type: DataType,
}

/// A window function.
#[derive(Clone, Debug)]
pub(crate) struct PlanWindow {
    pub(crate) function: WindowKind,
    pub(crate) arguments: Vec<Scalar>,
    pub(crate) filter: Option<Scalar>,
    pub(crate) frame: Frame<Scalar>,
    /// The sort key as what offsets of a range are added to; none if the frame has no such offset.
    pub(crate) range_key: Option<Scalar>,
    pub(crate) data_type: DataType,
}

/// A sort key.
#[derive(Clone, Debug)]
pub(crate) struct PlanSortKey {
    pub(crate) scalar: Scalar,
    pub(crate) part: KeyPart,
}

/// A subquery that is evaluated for each row, and once for the same values of what it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Subquery {
    pub(crate) plan: Plan,
    pub(crate) kind: SubqueryKind,
    /// Which parameters of the plan take which column of the input.
    pub(crate) bindings: Vec<(usize, usize)>,
    pub(crate) data_type: DataType,
    /// Whether it answers rows with the same values alike. One that draws lots for each row does not.
    pub(crate) is_repeatable: bool,
}

/// What is asked of a subquery.
#[derive(Clone, Debug)]
pub(crate) enum SubqueryKind {
    /// Its only value.
    Scalar,
    /// Whether it has a row.
    Exists,
    /// Whether this value, over the input, is among its rows.
    In(Scalar),
    /// How its rows, which are the same for every row of the input, mark that.
    Mark(Mark),
}

/// How the rows of a subquery mark a row of the input: TRUE if the test is true of one that is equal to it in the keys,
/// else unknown if it is unknown of one, else FALSE. The subquery's columns are those that the keys are compared with,
/// then those that the test looks at.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// Over the input.
    pub(crate) keys: Vec<Scalar>,
    pub(crate) test: MarkTest,
    /// Whether what is unknown is false.
    pub(crate) is_certain: bool,
    /// The comparisons, those of the keys first.
    pub(crate) on: Vec<Expr>,
}

/// What is asked of the rows that are equal in the keys, by scalars over the input.
#[derive(Clone, Debug)]
pub(crate) enum MarkTest {
    /// Whether all of these are equal in one; of none, whether there is one.
    Members(Vec<Scalar>),
    /// Whether this is so beside the value of one; never an equality.
    Beside(Comparison, Scalar),
}
