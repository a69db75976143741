//! Relational operators.

mod aggregate;
mod parts;

use nuages_storage::{DataType, TableId};

use super::{Expr, Query, WindowFunction};
pub use aggregate::{Aggregate, AggregateFunction, PairFunction};

/// What introduces columns, unique within one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(u32);

impl Source {
    /// The row itself, in the expression of a check, a default or an index.
    pub const SELF: Source = Source(u32::MAX);

    /// The n-th source of a statement; whoever builds the statement counts.
    pub const fn new(number: u32) -> Source {
        Source(number)
    }

    /// The number it was made with.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its column at `index`.
    pub const fn column(self, index: usize) -> Column {
        Column { source: self, index: index as u32 }
    }

    /// The row id of a scanned table, as an integer column.
    pub const fn row_id(self) -> Column {
        Column { source: self, index: Column::ROW_ID }
    }
}

/// A number of rows: that of a LIMIT or an OFFSET.
#[derive(Clone, Debug, PartialEq)]
pub enum RowCount {
    /// This.
    Fixed(u64),
    /// What an integer expression without columns comes to when the statement runs: a parameter, as a rule. NULL leaves
    /// no row out, as an offset and as a limit, and a negative number is an error.
    Computed(Box<Expr>),
}

impl RowCount {
    /// The number, if it is known before the statement runs.
    pub fn fixed(&self) -> Option<u64> {
        match self {
            RowCount::Fixed(rows) => Some(*rows),
            RowCount::Computed(_) => None,
        }
    }

    /// What it is computed by.
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            RowCount::Fixed(_) => None,
            RowCount::Computed(expr) => Some(expr),
        }
    }

    /// The same, to be changed.
    pub(crate) fn expression_mut(&mut self) -> Option<&mut Expr> {
        match self {
            RowCount::Fixed(_) => None,
            RowCount::Computed(expr) => Some(expr),
        }
    }
}

impl From<u64> for RowCount {
    fn from(rows: u64) -> RowCount {
        RowCount::Fixed(rows)
    }
}

/// A column of a relation: its source and its place there. In a scan the place is that of the table's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    source: Source,
    index: u32,
}

impl Column {
    const ROW_ID: u32 = u32::MAX;

    /// What introduced it.
    pub const fn source(self) -> Source {
        self.source
    }

    /// Its place in the source.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Whether it is the row id of a scan and no column of its table.
    pub const fn is_row_id(self) -> bool {
        self.index == Column::ROW_ID
    }
}

/// Rows that a statement computes once and reads by name: those of a common table expression, or of the last round of a
/// recursive one. Unique within the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkTable(u32);

impl WorkTable {
    /// The n-th of a statement; whoever builds the statement counts.
    pub const fn new(number: u32) -> WorkTable {
        WorkTable(number)
    }

    /// The number it was made with.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// How two relations are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Pairs for which the condition is true.
    Inner,
    /// The same, and each left row without a partner once, with NULLs on the right.
    Left,
    /// The same, and each right row without a partner once, with NULLs on the left.
    Full,
    /// Left rows that have a partner, once.
    Semi,
    /// Left rows that have none.
    Anti,
}

/// How two relations of equal shape are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// Rows of either.
    Union,
    /// Rows of both.
    Intersect,
    /// Rows of the left that the right has not.
    Except,
}

/// A sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is sorted by.
    pub expr: Expr,
    /// From the greatest to the least.
    pub descending: bool,
    /// NULLs before everything else; by default they are the greatest, so first when descending.
    pub nulls_first: bool,
}

impl SortKey {
    /// Ascending, NULLs last.
    pub fn ascending(expr: Expr) -> SortKey {
        SortKey { expr, descending: false, nulls_first: false }
    }

    /// Descending, NULLs first.
    pub fn descending(expr: Expr) -> SortKey {
        SortKey { expr, descending: true, nulls_first: true }
    }
}

/// A relational operator and what it stands on.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// One row without columns.
    Unit,
    /// Every row of a table. Its columns are the table's, in the order of its definition.
    Scan {
        /// The table.
        table: TableId,
        /// What its columns are named by.
        source: Source,
    },
    /// Literal rows.
    Values {
        /// What its columns are named by.
        source: Source,
        /// The type of each column.
        types: Vec<DataType>,
        /// The rows.
        rows: Vec<Vec<Expr>>,
    },
    /// Rows for which the predicate is true.
    Filter {
        /// The rows.
        input: Box<Relation>,
        /// The condition.
        predicate: Expr,
    },
    /// Computed columns; those of the input are out of scope above.
    Project {
        /// The rows.
        input: Box<Relation>,
        /// What the columns are named by.
        source: Source,
        /// The columns.
        columns: Vec<Expr>,
    },
    /// Pairs of rows.
    Join {
        /// Which pairs.
        kind: JoinKind,
        /// The left rows.
        left: Box<Relation>,
        /// The right rows; not in scope above semi and anti joins. Under an inner or a left join they may mention
        /// columns of the left row, and then are computed for each.
        right: Box<Relation>,
        /// The condition.
        on: Expr,
    },
    /// One row per group: first the keys, then the aggregates. Without keys there is one group, also over no row.
    Aggregate {
        /// The rows.
        input: Box<Relation>,
        /// What the columns are named by.
        source: Source,
        /// What rows of a group agree in; NULLs agree.
        keys: Vec<Expr>,
        /// What is computed per group.
        aggregates: Vec<Aggregate>,
    },
    /// Rows in order; a stable sort.
    Sort {
        /// The rows.
        input: Box<Relation>,
        /// By what, the first before the second.
        keys: Vec<SortKey>,
    },
    /// A run of the rows.
    Limit {
        /// The rows.
        input: Box<Relation>,
        /// How many are left out first.
        offset: RowCount,
        /// How many follow at most; all if none.
        count: Option<RowCount>,
    },
    /// The first row of each group of rows that agree in `on`; NULLs agree.
    Distinct {
        /// The rows.
        input: Box<Relation>,
        /// In what they agree.
        on: Vec<Expr>,
    },
    /// Two relations of equal shape combined, column by column.
    Set {
        /// How.
        kind: SetKind,
        /// Whether duplicates are kept.
        all: bool,
        /// What the columns are named by.
        source: Source,
        /// The left rows, by these columns.
        left: Box<Query>,
        /// The right rows, by these columns.
        right: Box<Query>,
    },
    /// The rows with a column more for each function. The columns of the input stay in scope.
    Window {
        /// The rows.
        input: Box<Relation>,
        /// What the functions' columns are named by.
        source: Source,
        /// What is computed for each row.
        functions: Vec<WindowFunction>,
    },
    /// The rows of `input`, in which `rows` can be read as a work table, as often as it likes and computed once.
    With {
        /// How they are named in `input`.
        table: WorkTable,
        /// The rows.
        rows: Box<Query>,
        /// What reads them.
        input: Box<Relation>,
    },
    /// The rows of `base`, then those of `step` over these, then those of `step` over those, until there are none.
    Recursive {
        /// How `step` names the rows of the round before.
        table: WorkTable,
        /// The first round; its columns have the types of the relation's.
        base: Box<Query>,
        /// The next round.
        step: Box<Query>,
        /// Whether rows are kept, and gone on from, that came before.
        all: bool,
        /// What the columns are named by.
        source: Source,
    },
    /// The rows of a work table, within what defines it.
    WorkTable {
        /// Which.
        table: WorkTable,
        /// What its columns are named by.
        source: Source,
        /// The types of its columns.
        types: Vec<DataType>,
    },
}

impl Relation {
    /// A scan.
    pub fn scan(table: TableId, source: Source) -> Relation {
        Relation::Scan { table, source }
    }

    /// The rows for which `predicate` is true.
    pub fn filter(self, predicate: Expr) -> Relation {
        Relation::Filter { input: Box::new(self), predicate }
    }

    /// A join of `self` with `right`.
    pub fn join(self, kind: JoinKind, right: Relation, on: Expr) -> Relation {
        Relation::Join { kind, left: Box::new(self), right: Box::new(right), on }
    }

    /// Computed columns.
    pub fn project(self, source: Source, columns: Vec<Expr>) -> Relation {
        Relation::Project { input: Box::new(self), source, columns }
    }

    /// Groups.
    pub fn aggregate(self, source: Source, keys: Vec<Expr>, aggregates: Vec<Aggregate>) -> Relation {
        Relation::Aggregate { input: Box::new(self), source, keys, aggregates }
    }

    /// In order.
    pub fn sort(self, keys: Vec<SortKey>) -> Relation {
        Relation::Sort { input: Box::new(self), keys }
    }

    /// A run of the rows.
    pub fn limit(self, offset: u64, count: Option<u64>) -> Relation {
        self.limit_by(offset.into(), count.map(RowCount::from))
    }

    /// A run of the rows that is known when the statement runs.
    pub fn limit_by(self, offset: RowCount, count: Option<RowCount>) -> Relation {
        Relation::Limit { input: Box::new(self), offset, count }
    }

    /// Each combination of `on` once.
    pub fn distinct(self, on: Vec<Expr>) -> Relation {
        Relation::Distinct { input: Box::new(self), on }
    }

    /// A column more for each function over the rows around a row.
    pub fn window(self, source: Source, functions: Vec<WindowFunction>) -> Relation {
        Relation::Window { input: Box::new(self), source, functions }
    }
}
