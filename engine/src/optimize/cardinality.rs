//! How many rows there will be, where the trees cannot count them.
//!
//! For conditions over one table see [`selectivity`](super::selectivity); what depends on a parameter, and conditions
//! over several tables, are put together from the columns' numbers of different values, as in System R (Selinger et
//! al., "Access Path Selection in a Relational Database Management System", SIGMOD 1979, section 4). Where nothing is
//! known the figures are those of that paper, rounded.

use nuages_storage::TableId;
use smallvec::SmallVec;

use super::filtered_scan::filtered_scan;
use super::planner::Planner;
use super::selectivity::{FEW_ROWS, places_of};
use super::spread::meeting_share;
use super::subject::Subjects;
use crate::algebra::walk::{columns_of, conjuncts};
use crate::algebra::{Column, Comparison, Expr, Relation, Source, TextMatch};
use crate::catalog::IndexDefinition;

impl Planner<'_> {
    /// The share of rows for which a condition over any tables is true.
    pub(crate) fn share(&self, predicate: &Expr) -> f64 {
        self.combined_share(predicate, &|part| self.sampled_share(part, &[]))
    }

    /// The share of the combinations of rows of `inputs` for which a condition is true. What their own filters say
    /// already is not counted twice.
    pub(crate) fn share_within(&self, predicate: &Expr, inputs: &[&Relation]) -> f64 {
        self.combined_share(predicate, &|part| self.sampled_share(part, inputs))
    }

    /// The share of the rows of one table for which a condition is true, of those that the filters of `inputs` leave.
    fn sampled_share(&self, predicate: &Expr, inputs: &[&Relation]) -> Option<f64> {
        self.evaluable(predicate)?;
        let (table, source) = self.only_table(predicate)?;
        let filter = inputs.iter().find_map(|input| match filtered_scan(input) {
            Some((_, of, Some(filter))) if of == source => Some(filter),
            _ => None,
        });
        let Some(filter) = filter else {
            return Some(self.table_share(table, source, std::slice::from_ref(predicate), None));
        };
        let mut parts = conjuncts(filter.clone());
        let before = self.table_share(table, source, &parts, None);
        parts.push(predicate.clone());
        let share = self.table_share(table, source, &parts, None) / before;
        Some(if share.is_finite() { share.min(1.0) } else { self.guess(predicate) })
    }

    /// The share of `rows` rows for which a condition is true; guessed if they are not worth more.
    pub(crate) fn share_of_few(&self, predicate: &Expr, rows: f64) -> f64 {
        match predicate {
            Expr::And(parts) if rows <= FEW_ROWS as f64 => {
                parts.iter().map(|part| self.guess(part)).product()
            }
            other if rows <= FEW_ROWS as f64 => self.guess(other),
            _ => self.share_of_all(&conjuncts(predicate.clone())),
        }
    }

    /// The share of rows for which all of these are true; those of one table together.
    pub(crate) fn share_of_all(&self, parts: &[Expr]) -> f64 {
        let mut by_source: SmallVec<[(Source, Vec<Expr>); 4]> = SmallVec::new();
        let mut share = 1.0;
        for part in parts {
            match self.only_table(part) {
                Some((_, source)) => match by_source.iter_mut().find(|(known, _)| *known == source) {
                    Some((_, list)) => list.push(part.clone()),
                    None => by_source.push((source, vec![part.clone()])),
                },
                None => share *= self.share(part),
            }
        }
        let of_source = |(source, list): &(Source, Vec<Expr>)| {
            self.scanned(*source).map_or(1.0, |table| self.table_share(table, *source, list, None))
        };
        share * by_source.iter().map(of_source).product::<f64>()
    }

    /// The share of a condition from those of its parts, which `sampled` may know.
    pub(super) fn combined_share(&self, predicate: &Expr, sampled: &dyn Fn(&Expr) -> Option<f64>) -> f64 {
        if let Some(share) = sampled(predicate) {
            return share;
        }
        let of = |part: &Expr| self.combined_share(part, sampled);
        match predicate {
            Expr::And(parts) => parts.iter().map(of).product(),
            Expr::Or(parts) => 1.0 - parts.iter().map(|part| 1.0 - of(part)).product::<f64>(),
            Expr::Not(inner) => 1.0 - of(inner),
            Expr::Compare(Comparison::Equal | Comparison::Same, a, b) => self.equality_share(a, b),
            Expr::Compare(Comparison::NotEqual, a, b) => 1.0 - self.equality_share(a, b),
            Expr::InList(value, list) => self
                .distinct_of(value)
                .map_or_else(|| self.guess(predicate), |distinct| (list.len() as f64 / distinct).min(1.0)),
            other => self.guess(other),
        }
    }

    /// The share of rows for which a condition is true about which nothing is known.
    pub(super) fn guess(&self, predicate: &Expr) -> f64 {
        if !matches!(predicate, Expr::Literal(_)) {
            self.note_guess();
        }
        guess(predicate)
    }

    fn equality_share(&self, a: &Expr, b: &Expr) -> f64 {
        if let (Expr::Column(a), Expr::Column(b)) = (a, b)
            && self.is_repeated(*a)
            && self.is_repeated(*b)
            && let (Some(a), Some(b)) = (self.spread_of(*a), self.spread_of(*b))
        {
            return meeting_share(&[&a, &b]);
        }
        let distinct = [a, b].into_iter().filter_map(|side| self.distinct_of(side));
        distinct.reduce(f64::max).map_or_else(|| self.guess(&a.clone().equals(b.clone())), f64::recip)
    }

    /// How many different values an expression has, if it is a column that is known, or what an index begins with.
    pub(crate) fn distinct_of(&self, expr: &Expr) -> Option<f64> {
        match expr {
            Expr::Literal(_) | Expr::Parameter(..) => None,
            Expr::Column(column) => self.distinct(*column),
            computed => self.distinct_computed(computed),
        }
    }

    fn distinct_computed(&self, expr: &Expr) -> Option<f64> {
        let (table, source) = self.only_table(expr)?;
        let definition = self.table(table).ok()?;
        let rows = self.version.table(table)?;
        if definition.indexes.iter().any(|index| !index.programs.parts.is_empty()) {
            let subjects = Subjects::of(definition, source);
            let subject = subjects.find(expr).map(|(subject, _)| subject);
            let begins = |index: &&IndexDefinition| {
                index.condition.is_none() && subject.is_some() && subjects.of_index(index).next() == subject
            };
            if let Some(index) = definition.indexes.iter().find(begins) {
                return definition.statistics.distinct_keys(definition, rows, index, 1);
            }
        }
        let expr = self.evaluable(expr).filter(|_| rows.len() > FEW_ROWS)?;
        let places = places_of(definition, source, std::slice::from_ref(&expr));
        definition.statistics.sample(definition, rows, places)?.distinct_computed(&expr, source)
    }

    /// How many different values a column of a table has, as far up as it is passed on under other names.
    pub(crate) fn distinct(&self, column: Column) -> Option<f64> {
        let column = self.origin(column);
        let table = self.scanned(column.source())?;
        let rows = self.version.table(table)?;
        if column.is_row_id() {
            return Some(rows.len().max(1) as f64);
        }
        let definition = self.table(table).ok()?;
        if definition.row_id_column() == Some(column.index()) {
            return Some(rows.len().max(1) as f64);
        }
        let index = definition.indexes.iter().find(|index| index.begins_with(&[column.index()]));
        if let Some(index) = index {
            return definition.statistics.distinct_keys(definition, rows, index, 1);
        }
        let sample = definition.statistics.sample(definition, rows, [column.index()].into_iter())?;
        Some(sample.column(column.index())?.distinct())
    }

    /// How many groups `rows` rows fall into by these expressions.
    pub(crate) fn groups(&self, by: &[Expr], rows: f64) -> f64 {
        // The columns of one table that is known by its key have no more combinations than the table has rows.
        let mut tables: SmallVec<[(Source, f64); 4]> = SmallVec::new();
        let mut groups = 1.0;
        for expr in by {
            let mentioned = columns_of(expr);
            let distinct = match (self.distinct_of(expr), expr) {
                (None, Expr::Column(_)) => None,
                (known @ Some(_), _) => known,
                _ => mentioned.iter().map(|column| self.distinct(*column)).product(),
            };
            let distinct = distinct.unwrap_or_else(|| {
                self.note_guess();
                (rows * 0.1).max(1.0)
            });
            let mut sources = mentioned.iter().map(|column| self.origin(*column).source());
            match sources.next().filter(|first| sources.all(|source| source == *first)) {
                Some(source) => match tables.iter_mut().find(|(known, _)| *known == source) {
                    Some((_, product)) => *product *= distinct,
                    None => tables.push((source, distinct)),
                },
                None => groups *= distinct,
            }
        }
        for (source, distinct) in tables {
            let most = self.scanned(source).map_or(f64::INFINITY, |table| self.table_rows(table).max(1.0));
            groups *= distinct.min(most);
        }
        hit(groups, rows).min(rows.max(1.0)).max(rows.min(1.0))
    }

    /// The table and the source that an expression is about, if it is about one.
    pub(crate) fn only_table(&self, expr: &Expr) -> Option<(TableId, Source)> {
        let mentioned = columns_of(expr);
        let source = mentioned.iter().next()?.source();
        let only = mentioned.iter().all(|column| column.source() == source);
        only.then(|| self.scanned(source).map(|table| (table, source)))?
    }
}

/// How many of so many groups of one size have a row among `rows` that are drawn at random: each is missed by all of
/// them with a probability of `(1 - 1/groups)^rows` (Cardenas, "Analysis and Performance of Inverted Data Base
/// Structures", CACM 1975).
fn hit(groups: f64, rows: f64) -> f64 {
    match groups > 1.0 {
        true => -groups * f64::exp_m1(rows * f64::ln_1p(-groups.recip())),
        false => groups,
    }
}

/// The share of rows for which a condition is true about which nothing is known.
fn guess(predicate: &Expr) -> f64 {
    match predicate {
        Expr::Compare(Comparison::Equal | Comparison::Same, ..) => 0.05,
        Expr::Compare(Comparison::NotEqual, ..) => 0.95,
        Expr::Compare(..) => 0.3,
        Expr::InList(_, list) => (0.05 * list.len() as f64).min(0.5),
        Expr::Match { kind: TextMatch::Exact, .. } | Expr::IsNull(_) => 0.05,
        Expr::Match { .. } => 0.1,
        Expr::Not(inner) => 1.0 - guess(inner),
        Expr::Literal(nuages_storage::Value::Bool(true)) => 1.0,
        Expr::Literal(_) => 0.0,
        _ => 0.5,
    }
}
