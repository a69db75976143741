//! Mark joins: a subquery in an expression whose rows are the same for every row outside, once what depends on that row
//! has been lifted out of it. They are read once, and every row outside is looked up among them (Neumann, Leis and
//! Kemper, "The Complete Story of Joins (in HyPer)", BTW 2017: a join that keeps the left rows and adds a column which
//! says whether there is a partner).
//!
//! ```text
//! a.x < 0 OR EXISTS (SELECT .. FROM b WHERE b.k = a.k)    the keys k of b; whether a.k is one of them
//! (a.x, a.y) NOT IN (SELECT x, y FROM b)                  the pairs (x, y) of b; unknown beside a NULL
//! a.x > ALL (SELECT x FROM b WHERE b.k = a.k)             of each k the least and the greatest x, and whether one is NULL
//! ```
//!
//! Where such a subquery is a conjunct of a filter, [`unnest`](super::rule::unnest) makes a semi- or an anti-join of it,
//! which is better, for those keep fewer rows. This is for what remains: under OR and in CASE, as a column, in an
//! aggregate, and where NOT IN may meet a NULL. Whether reading all rows once is less than to look for a few of them by
//! an index for each row outside is for the planner to find out, which plans both.

use nuages_storage::Value;

use super::failing::may_fail;
use super::planner::Planner;
use super::rewrite::{mentioned, substituted};
use super::rule::fold::simplify;
use super::rule::unnest::{lift_rows, lift_values};
use super::subquery::PendingKind;
use crate::algebra::walk::{self, SourceSet, conjuncts, has_subquery, sources_of};
use crate::algebra::{Comparison, Expr, Query, Relation};

/// The most values that are looked up together: a NULL among them is a bit.
const MEMBERS_MAX: usize = 64;

/// A subquery in terms of rows that depend on nothing outside.
pub(super) struct Marking {
    pub(super) relation: Relation,
    /// The conditions by which rows inside belong to one outside.
    pub(super) keys: Vec<Pair>,
    pub(super) test: Test,
    /// Whether what is unknown is false, as it is of EXISTS.
    pub(super) is_certain: bool,
}

/// A comparison of a value outside with one inside.
pub(super) struct Pair {
    pub(super) op: Comparison,
    pub(super) outer: Expr,
    pub(super) inner: Expr,
}

/// What is asked of the rows that belong to the one outside.
pub(super) enum Test {
    /// Whether there is one in which all of these are equal.
    Members(Vec<Pair>),
    /// Whether there is one of which this is true, which is no equality.
    Beside(Pair),
}

impl Pair {
    /// The two sides of a comparison, if one is of the sources inside alone and the other of none of them.
    fn of(condition: Expr, inside: &SourceSet) -> Option<Pair> {
        let Expr::Compare(op, a, b) = condition else { return None };
        let is_plain = |expr: &Expr| !has_subquery(expr) && !expr.is_volatile();
        let is_inside = |expr: &Expr| mentioned(expr).is_subset(inside);
        let is_outside = |expr: &Expr| mentioned(expr).is_disjoint(inside);
        match is_plain(&a) && is_plain(&b) {
            true if is_outside(&a) && is_inside(&b) => Some(Pair { op, outer: *a, inner: *b }),
            true if is_outside(&b) && is_inside(&a) => Some(Pair { op: op.flipped(), outer: *b, inner: *a }),
            _ => None,
        }
    }

    /// As a condition.
    pub(super) fn condition(&self) -> Expr {
        self.outer.clone().compare(self.op, self.inner.clone())
    }
}

impl Marking {
    /// That of a subquery, if it can be had; None if it has to be asked for each row.
    pub(super) fn of(query: &Query, kind: &PendingKind, planner: &Planner<'_>) -> Option<Marking> {
        if walk::is_volatile(query) {
            return None;
        }
        let (marking, lifted) = match kind {
            PendingKind::Scalar => return None,
            PendingKind::Exists => Self::of_rows(&query.relation)?,
            PendingKind::In(value) => Self::of_values(value, query)?,
        };
        // Rows that belong to no row outside are read, too, and rows outside that none belongs to are looked up.
        (!lifted || !marking.fails(planner)).then_some(marking)
    }

    /// That of EXISTS, and whether anything was lifted out of it.
    fn of_rows(relation: &Relation) -> Option<(Marking, bool)> {
        let (relation, lifted, _) = lift_rows(relation.clone())?;
        let inside = sources_of(&relation);
        let (mut keys, mut other) = (Vec::new(), None);
        for part in lifted {
            match Pair::of(part, &inside)? {
                pair if is_key(&pair) => keys.push(pair),
                pair => other.replace(pair).is_none().then_some(())?,
            }
        }
        if keys.is_empty() && other.is_none() {
            return None; // it is the same for every row
        }
        let test = other.map_or(Test::Members(Vec::new()), Test::Beside);
        Some((Marking { relation, keys, test, is_certain: true }, true))
    }

    /// That of IN, ANY and ALL, and whether anything was lifted out of it.
    fn of_values(value: &Expr, query: &Query) -> Option<(Marking, bool)> {
        let [output] = query.columns.as_slice() else { return None };
        let (relation, lifted, by) = lift_values(query.relation.clone())?;
        let member = substituted(output.expr.clone(), &by);
        let inside = sources_of(&relation);
        let is_correlated = !lifted.is_empty();
        let keys = lifted.into_iter().map(|part| Pair::of(part, &inside).filter(is_key));
        let keys = keys.collect::<Option<Vec<_>>>()?;
        let test = match value {
            // Whether a comparison is true, or false, of some row.
            Expr::Literal(Value::Bool(wanted)) if !mentioned(&member).is_subset(&inside) => {
                Test::of_some(if *wanted { member } else { negated(member)? }, &inside)?
            }
            value => Test::Members(vec![Pair::of(value.clone().equals(member), &inside)?]),
        };
        Some((Marking { relation, keys, test, is_certain: false }, is_correlated))
    }

    /// Whether it may fail where the subquery would not.
    fn fails(&self, planner: &Planner<'_>) -> bool {
        let mut fails = false;
        let mut look = |expr: &Expr| fails |= may_fail(expr, planner);
        walk::walk_relation(&self.relation, &mut look);
        for pair in self.keys.iter().chain(self.test.pairs()) {
            walk::walk(&pair.outer, &mut look);
            walk::walk(&pair.inner, &mut look);
        }
        fails
    }

    /// Whether every row inside belongs to every row outside, so that to ask for each is to look at all of them.
    pub(super) fn is_of_all_rows(&self) -> bool {
        self.keys.is_empty() && !self.is_certain
    }

    /// All that is compared: the keys, then what is asked.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.keys.iter().chain(self.test.pairs())
    }
}

impl Test {
    /// Whether this is true of some row.
    fn of_some(condition: Expr, inside: &SourceSet) -> Option<Test> {
        let parts = conjuncts(simplify(condition));
        let mut pairs = parts.into_iter().map(|part| Pair::of(part, inside)).collect::<Option<Vec<_>>>()?;
        if pairs.iter().all(|pair| pair.op == Comparison::Equal) {
            return (pairs.len() <= MEMBERS_MAX).then_some(Test::Members(pairs));
        }
        let only = pairs.pop().filter(|only| pairs.is_empty() && only.op != Comparison::Same);
        only.map(Test::Beside)
    }

    fn pairs(&self) -> &[Pair] {
        match self {
            Test::Members(pairs) => pairs,
            Test::Beside(pair) => std::slice::from_ref(pair),
        }
    }
}

/// Whether rows inside are found by it.
fn is_key(pair: &Pair) -> bool {
    matches!(pair.op, Comparison::Equal | Comparison::Same)
}

/// What is true where this is false, and false where it is true.
fn negated(condition: Expr) -> Option<Expr> {
    match condition {
        Expr::Not(inner) => Some(*inner),
        Expr::Compare(op, a, b) => {
            let op = match op {
                Comparison::Equal => Comparison::NotEqual,
                Comparison::NotEqual => Comparison::Equal,
                Comparison::Less => Comparison::GreaterOrEqual,
                Comparison::LessOrEqual => Comparison::Greater,
                Comparison::Greater => Comparison::LessOrEqual,
                Comparison::GreaterOrEqual => Comparison::Less,
                Comparison::Same => return None,
            };
            Some(Expr::Compare(op, a, b))
        }
        _ => None,
    }
}
