//! What is computed over the rows of a group.

use super::SortKey;
use crate::algebra::Expr;

/// What an aggregate computes over the rows of a group. All but the counts are NULL over no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// Rows.
    CountRows,
    /// Values that are not NULL.
    Count,
    /// Sum; of integers an integer, and an error if it does not fit.
    Sum,
    /// Mean: of decimals a decimal, else double precision.
    Avg,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Sum in double precision, and 0 over no value (SQLite's `total`).
    Total,
    /// Standard deviation of a population.
    StddevPop,
    /// Standard deviation estimated from a sample; NULL over one value.
    StddevSamp,
    /// Variance of a population.
    VarPop,
    /// Variance estimated from a sample; NULL over one value.
    VarSamp,
    /// Whether every value is true.
    BoolAnd,
    /// Whether some value is true.
    BoolOr,
    /// Bitwise `and` of integers.
    BitAnd,
    /// Bitwise `or` of integers.
    BitOr,
    /// Bitwise exclusive `or` of integers.
    BitXor,
    /// Of the pairs of two numbers, `y` before `x`, in which neither is NULL.
    Pairs(PairFunction),
    /// `percentile_cont(fraction) WITHIN GROUP (ORDER BY x)`: the value at this fraction of the way through the ordered
    /// ones, between two of them if need be; the second argument is the fraction.
    PercentileCont,
    /// `percentile_disc`: the first value at or behind this fraction of the way.
    PercentileDisc,
    /// The value that is there most often, the first of those if several are.
    Mode,
    /// The first value that is not NULL.
    AnyValue,
    /// The value of the first row, NULL or not: several over the same rows, in the same order, are of one row.
    First,
    /// The texts joined, each but the first after its separator, which is the second argument.
    StringAgg,
    /// A JSON array of the values, NULLs included; NULL over no row.
    JsonAgg,
    /// A JSON object; the second argument is the value of the key that the first is. NULL over no row.
    JsonObjectAgg,
}

/// What is computed of pairs of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairFunction {
    /// Correlation.
    Corr,
    /// Covariance of a population.
    CovarPop,
    /// Covariance estimated from a sample.
    CovarSamp,
    /// How many pairs there are.
    Count,
    /// Mean of `x`.
    AvgX,
    /// Mean of `y`.
    AvgY,
    /// Sum of the squared distances of `x` from its mean.
    SquaresX,
    /// The same of `y`.
    SquaresY,
    /// Sum of the products of both distances.
    Products,
    /// The slope of the line of least squares.
    Slope,
    /// Where that line has `x = 0`.
    Intercept,
    /// The square of the correlation.
    R2,
}

impl PairFunction {
    /// All of them, as PostgreSQL names them.
    pub const NAMES: [(&str, PairFunction); 12] = [
        ("corr", PairFunction::Corr),
        ("covar_pop", PairFunction::CovarPop),
        ("covar_samp", PairFunction::CovarSamp),
        ("regr_count", PairFunction::Count),
        ("regr_avgx", PairFunction::AvgX),
        ("regr_avgy", PairFunction::AvgY),
        ("regr_sxx", PairFunction::SquaresX),
        ("regr_syy", PairFunction::SquaresY),
        ("regr_sxy", PairFunction::Products),
        ("regr_slope", PairFunction::Slope),
        ("regr_intercept", PairFunction::Intercept),
        ("regr_r2", PairFunction::R2),
    ];

    /// What it is called in SQL.
    pub fn name(self) -> &'static str {
        PairFunction::NAMES.iter().find(|(_, function)| *function == self).map_or("corr", |(name, _)| name)
    }
}

impl AggregateFunction {
    /// Whether it is written with `WITHIN GROUP (ORDER BY ..)`, which gives its first argument and the order.
    pub const fn is_of_ordered_set(self) -> bool {
        use AggregateFunction::{Mode, PercentileCont, PercentileDisc};
        matches!(self, PercentileCont | PercentileDisc | Mode)
    }

    /// Whether the order of the rows makes a difference to more than the last bit of a sum.
    pub const fn depends_on_order(self) -> bool {
        matches!(
            self,
            AggregateFunction::AnyValue
                | AggregateFunction::First
                | AggregateFunction::PercentileCont
                | AggregateFunction::PercentileDisc
                | AggregateFunction::Mode
                | AggregateFunction::StringAgg
                | AggregateFunction::JsonAgg
                | AggregateFunction::JsonObjectAgg
        )
    }
}

/// One aggregate of a [`Relation::Aggregate`](super::Relation::Aggregate).
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What is computed.
    pub function: AggregateFunction,
    /// Over what; none for [`AggregateFunction::CountRows`].
    pub argument: Option<Expr>,
    /// The second argument of those that have one: [`AggregateFunction::StringAgg`],
    /// [`AggregateFunction::JsonObjectAgg`].
    pub second: Option<Expr>,
    /// Each value once.
    pub distinct: bool,
    /// Only rows for which this is true.
    pub filter: Option<Expr>,
    /// In which order the rows of a group are taken in; without keys as they come.
    pub order_by: Vec<SortKey>,
}

impl Aggregate {
    /// The number of rows.
    pub fn rows() -> Aggregate {
        Aggregate {
            function: AggregateFunction::CountRows,
            argument: None,
            second: None,
            distinct: false,
            filter: None,
            order_by: Vec::new(),
        }
    }

    /// The expressions it evaluates.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let keys = self.order_by.iter().map(|key| &key.expr);
        self.argument.iter().chain(&self.second).chain(&self.filter).chain(keys)
    }

    /// The same, to be changed in place.
    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let keys = self.order_by.iter_mut().map(|key| &mut key.expr);
        self.argument.iter_mut().chain(&mut self.second).chain(&mut self.filter).chain(keys)
    }

    /// An aggregate of an expression.
    pub fn of(function: AggregateFunction, argument: impl Into<Expr>) -> Aggregate {
        Aggregate { function, argument: Some(argument.into()), ..Aggregate::rows() }
    }
}
