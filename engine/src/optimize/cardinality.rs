//! How many rows there will be, where the trees cannot count them.
//!
//! Conditions over one table are evaluated on a sample of its rows (see [`statistics`](super::statistics)); what depends
//! on a parameter, and conditions over several tables, are put together from the columns' numbers of different values,
//! as in System R (Selinger et al., "Access Path Selection in a Relational Database Management System", SIGMOD 1979,
//! section 4). Where nothing is known the figures are those of that paper, rounded.

use std::borrow::Cow;

use nuages_storage::{TableId, Value};
use smallvec::SmallVec;

use super::columns::{self, columns_of, conjuncts};
use super::planner::Planner;
use super::subject::Subjects;
use crate::algebra::{Column, Comparison, Expr, Source, TextMatch};
use crate::bits::Bits;
use crate::catalog::{IndexDefinition, TableDefinition};

/// Sampled rows from which on a share of them is believed as it is.
const BELIEVED_ROWS: usize = 8;

/// Rows up to which a table that is read alone is not worth a look: whatever is done with so few takes less than to find out
/// how many of them there will be.
const FEW_ROWS: u64 = 64;

/// What is known of the rows of one table for which conditions are true.
pub(crate) struct TableShare {
    /// The share of the table's rows.
    pub(crate) share: f64,
    /// Whether the share comes from enough sampled rows to be better than what single conditions promise.
    pub(crate) is_joint: bool,
}

impl Planner<'_> {
    /// The share of the rows of a scan for which all of these are true.
    pub(crate) fn table_share(&self, table: TableId, source: Source, parts: &[Expr]) -> TableShare {
        let (Some(rows), Ok(definition)) = (self.version.table(table), self.table(table)) else {
            return TableShare { share: 1.0, is_joint: false };
        };
        if parts.is_empty() {
            return TableShare { share: 1.0, is_joint: true };
        }
        if rows.len() <= FEW_ROWS && self.is_alone() {
            return TableShare { share: parts.iter().map(guess).product(), is_joint: true };
        }
        let places = places_of(definition, source, parts);
        let Some(sample) = definition.statistics.sample(definition, rows, places) else {
            let share = parts.iter().map(|part| self.combined_share(part, false)).product();
            return TableShare { share, is_joint: false };
        };
        let (mut hits, mut share) = (Bits::all(sample.len()), 1.0);
        for part in parts {
            match self.evaluable(part).and_then(|part| sample.filter(&part, source, &hits)) {
                Some(selected) => hits = selected,
                None => share *= self.combined_share(part, false),
            }
        }
        let found = hits.count();
        let least = if sample.is_whole() { 0.0 } else { 0.5 };
        let sampled = f64::max(found as f64, least) / sample.len().max(1) as f64;
        TableShare { share: sampled * share, is_joint: found >= BELIEVED_ROWS || sample.is_whole() }
    }

    /// The share of rows for which a condition over any tables is true.
    pub(crate) fn share(&self, predicate: &Expr) -> f64 {
        self.combined_share(predicate, true)
    }

    /// The share of `rows` rows for which a condition is true; guessed if they are not worth more.
    pub(crate) fn share_of_few(&self, predicate: &Expr, rows: f64) -> f64 {
        match predicate {
            Expr::And(parts) if rows <= FEW_ROWS as f64 => parts.iter().map(guess).product(),
            other if rows <= FEW_ROWS as f64 => guess(other),
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
            self.scanned(*source).map_or(1.0, |table| self.table_share(table, *source, list).share)
        };
        share * by_source.iter().map(of_source).product::<f64>()
    }

    /// The share of a condition from those of its parts, which are evaluated on samples if `sampling`.
    fn combined_share(&self, predicate: &Expr, sampling: bool) -> f64 {
        if sampling
            && self.evaluable(predicate).is_some()
            && let Some((table, source)) = self.only_table(predicate)
        {
            return self.table_share(table, source, std::slice::from_ref(predicate)).share;
        }
        let of = |part: &Expr| self.combined_share(part, sampling);
        match predicate {
            Expr::And(parts) => parts.iter().map(of).product(),
            Expr::Or(parts) => 1.0 - parts.iter().map(|part| 1.0 - of(part)).product::<f64>(),
            Expr::Not(inner) => 1.0 - of(inner),
            Expr::Compare(Comparison::Equal | Comparison::Same, a, b) => self.equality_share(a, b),
            Expr::Compare(Comparison::NotEqual, a, b) => 1.0 - self.equality_share(a, b),
            Expr::InList(value, list) => {
                (self.distinct_of(value).map_or(0.05, f64::recip) * list.len() as f64).min(1.0)
            }
            other => guess(other),
        }
    }

    fn equality_share(&self, a: &Expr, b: &Expr) -> f64 {
        let distinct = [a, b].into_iter().filter_map(|side| self.distinct_of(side));
        distinct.reduce(f64::max).map_or(0.05, f64::recip)
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
        let is_computed = |index: &IndexDefinition| !index.programs.parts.is_empty();
        if !definition.indexes.iter().any(is_computed) {
            return None;
        }
        let subjects = Subjects::of(definition, source);
        let (subject, _) = subjects.find(expr)?;
        let begins = |index: &&IndexDefinition| {
            index.condition.is_none() && subjects.of_index(index).next() == Some(subject)
        };
        let index = definition.indexes.iter().find(begins)?;
        definition.statistics.distinct_keys(definition, self.version.table(table)?, index, 1)
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
        let sample = definition.statistics.sample(definition, rows, [column.index()])?;
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
            let distinct = distinct.unwrap_or_else(|| (rows * 0.1).max(1.0));
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
        groups.min(rows).max(rows.min(1.0))
    }

    /// A condition as it can be evaluated on sampled rows, with the values of its parameters, if they are known.
    fn evaluable<'e>(&self, predicate: &'e Expr) -> Option<Cow<'e, Expr>> {
        if is_evaluable(predicate) {
            return Some(Cow::Borrowed(predicate));
        }
        if self.values.is_empty() {
            return None;
        }
        let mut filled = predicate.clone();
        fill_in(&mut filled, self.values);
        is_evaluable(&filled).then_some(Cow::Owned(filled))
    }

    /// The table and the source that an expression is about, if it is about one.
    pub(crate) fn only_table(&self, expr: &Expr) -> Option<(TableId, Source)> {
        let mentioned = columns_of(expr);
        let source = mentioned.iter().next()?.source();
        let only = mentioned.iter().all(|column| column.source() == source);
        only.then(|| self.scanned(source).map(|table| (table, source)))?
    }
}

/// The columns that conditions mention of a source.
fn places_of(definition: &TableDefinition, source: Source, parts: &[Expr]) -> Vec<usize> {
    let mut wanted = columns::ColumnSet::new();
    parts.iter().for_each(|part| columns::add_columns(part, &mut wanted));
    let own = wanted.iter().filter(|column| column.source() == source && !column.is_row_id());
    own.map(|column| column.index()).filter(|place| *place < definition.columns.len()).collect()
}

/// Whether a condition means something without parameters and other tables.
fn is_evaluable(expr: &Expr) -> bool {
    let mut evaluable = true;
    columns::walk(expr, &mut |expr| {
        evaluable &=
            !matches!(expr, Expr::Parameter(..) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..));
    });
    evaluable
}

/// Puts values in the place of the parameters that have them.
fn fill_in(expr: &mut Expr, values: &[Value]) {
    if let Expr::Parameter(index, _) = expr
        && let Some(value) = values.get(*index)
    {
        *expr = Expr::Literal(value.clone());
    }
    expr.children_mut().into_iter().for_each(|child| fill_in(child, values));
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
