//! Queries as `SELECT`s.
//!
//! Every column of the algebra gets the text it can be mentioned by: of a scan its name, of an aggregate the function
//! itself, of a derived table what the table calls it. An operator adds its clause to the [`Select`] of its input if it
//! comes in SQL's order, and to a wrapped one otherwise. Columns nobody mentions are not printed.

use hashbrown::{HashMap, HashSet};

use nuages_storage::lock::Strength;

use super::Names;
use super::aggregate::direction;
use super::expression::expression;
use super::identifier::Identifier;
use super::mentions::Mentions;
use super::select::{Select, Stage};
use crate::algebra::walk::ColumnSet;
use crate::algebra::{
    Column, Expr, LockWait, OutputColumn, Query, Relation, RowCount, RowLock, SetKind, SortKey, Source,
    WorkTable,
};
use crate::catalog::Catalog;

/// Prints one statement.
pub(super) struct Printer<'c> {
    pub(super) catalog: &'c Catalog,
    /// What every column in scope is mentioned by.
    pub(super) names: HashMap<Column, String>,
    /// Those of them whose text has an aggregate or a window function in it, or something that is a key of groups only
    /// as a whole: a subquery cannot mention them.
    pub(super) of_groups: HashSet<Column>,
    /// Every column that is needed in the statement.
    pub(super) mentioned: ColumnSet,
    /// The names that things after `FROM` have.
    pub(super) aliases: HashSet<String>,
    /// What the work tables in scope are called, and their columns.
    pub(super) work_tables: HashMap<WorkTable, (String, Vec<String>)>,
    /// What the scans are called.
    pub(super) scans: HashMap<Source, String>,
    /// The common table expressions of the query being printed.
    pub(super) with: Vec<String>,
    /// How many columns were computed in derived tables that the algebra has no column for.
    pub(super) computed: usize,
}

impl<'c> Printer<'c> {
    pub(super) fn new(catalog: &'c Catalog, query: &Query) -> Printer<'c> {
        let mut mentions = Mentions::default();
        mentions.query(query);
        Printer::of(catalog, mentions.into_needed())
    }

    /// Of a statement in which these columns are mentioned.
    pub(super) fn of(catalog: &'c Catalog, mentioned: ColumnSet) -> Printer<'c> {
        Printer {
            catalog,
            names: HashMap::new(),
            of_groups: HashSet::new(),
            mentioned,
            aliases: HashSet::new(),
            work_tables: HashMap::new(),
            scans: HashMap::new(),
            with: Vec::new(),
            computed: 0,
        }
    }

    /// A query with its columns and, in front, the common table expressions that it has.
    pub(super) fn print(&mut self, query: &Query) -> String {
        let outside = std::mem::take(&mut self.with);
        let body = match self.plain_set(query) {
            Some(body) => body,
            None => {
                let select = self.relation(&query.relation);
                let select = self.settled(select, query.columns.iter().map(|column| &column.expr));
                let columns: Vec<String> = query.columns.iter().map(|column| self.output(column)).collect();
                let exprs = query.columns.iter().map(|column| &column.expr);
                let lock = query.lock.as_ref().map(|lock| self.lock(lock)).unwrap_or_default();
                format!("{}{lock}", self.finished(&select, &columns.join(", "), exprs))
            }
        };
        self.under_with(outside, body)
    }

    /// A `SELECT` with the common table expressions in front that came up in it; those of the query outside come back.
    pub(super) fn under_with(&mut self, outside: Vec<String>, body: String) -> String {
        let with = std::mem::replace(&mut self.with, outside);
        if with.is_empty() { body } else { format!("WITH RECURSIVE {} {body}", with.join(", ")) }
    }

    /// `FOR UPDATE OF ..`
    fn lock(&self, lock: &RowLock) -> String {
        let strength = match lock.strength {
            Strength::Update => "UPDATE",
            Strength::NoKeyUpdate => "NO KEY UPDATE",
            Strength::Share => "SHARE",
            Strength::KeyShare => "KEY SHARE",
        };
        let wait = match lock.wait {
            LockWait::Wait => "",
            LockWait::NoWait => " NOWAIT",
            LockWait::SkipLocked => " SKIP LOCKED",
        };
        let of: Vec<&str> = lock
            .sources
            .iter()
            .filter_map(|(_, source)| self.scans.get(source))
            .map(String::as_str)
            .collect();
        format!(" FOR {strength} OF {}{wait}", of.join(", "))
    }

    /// An output column; one that is called what it is, or nothing, needs no name.
    fn output(&mut self, column: &OutputColumn) -> String {
        let text = expression(&column.expr, self);
        let name = Identifier(&column.name).to_string();
        let is_called_so = || text == name || text.ends_with(&format!(".{name}"));
        let is_named = column.name.is_empty() || matches!(column.expr, Expr::Column(_)) && is_called_so();
        if is_named { text } else { format!("{text} AS {name}") }
    }

    /// A `SELECT` with these columns, and `DISTINCT` as it must be over them.
    pub(super) fn finished<'e>(
        &mut self,
        select: &Select,
        columns: &str,
        exprs: impl Iterator<Item = &'e Expr>,
    ) -> String {
        // One group of all rows needs something that says so.
        let is_whole = select.group.as_ref().is_some_and(Vec::is_empty) && select.having.is_empty();
        if is_whole && !select.aggregates.iter().any(|aggregate| columns.contains(aggregate)) {
            let mut grouped = select.clone();
            grouped.having.push("true".into());
            return self.finished(&grouped, columns, exprs);
        }
        let distinct = match &select.distinct {
            None => String::new(),
            Some(on) => {
                // What is the same in every row tells none apart, and as a number it would be read as a place.
                let mut told = |expr: &Expr| Some(expression(expr, self)).filter(|text| !is_constant(text));
                let on: Vec<String> = on.iter().filter_map(&mut told).collect();
                if !select.is_first_kept && exprs.filter_map(told).eq(on.iter().cloned()) {
                    "DISTINCT ".into()
                } else {
                    format!("DISTINCT ON ({}) ", on.join(", "))
                }
            }
        };
        select.with_columns(&distinct, columns).to_string()
    }

    /// A set operation whose columns are the query's own, sorted and cut at most: it needs no derived table.
    fn plain_set(&mut self, query: &Query) -> Option<String> {
        let (mut relation, mut limit, mut keys): (_, _, &[SortKey]) = (&query.relation, (None, None), &[]);
        if let Relation::Limit { input, offset, count } = relation {
            (relation, limit) =
                (input, (self.offset(offset), count.as_ref().map(|count| self.row_count(count))));
        }
        if let Relation::Sort { input, keys: by } = relation {
            (relation, keys) = (input, by);
        }
        let Relation::Set { kind, all, source, left, right } = relation else { return None };
        let place = |expr: &Expr| match expr {
            Expr::Column(column) if column.source() == *source => Some(column.index()),
            _ => None,
        };
        let is_own = query.lock.is_none()
            && query.columns.len() == left.columns.len()
            && query.columns.iter().zip(&left.columns).enumerate().all(|(number, (column, own))| {
                place(&column.expr) == Some(number) && column.name == own.name
            });
        let order = keys.iter().map(|key| Some(format!("{}{}", place(&key.expr)? + 1, direction(key))));
        let order: Vec<String> = order.collect::<Option<_>>().filter(|_| is_own)?;
        let body = self.set(*kind, *all, left, right);
        let (offset, count) = limit;
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let count = count.map(|count| format!(" LIMIT {count}")).unwrap_or_default();
        let offset = offset.map(|offset| format!(" OFFSET {offset}")).unwrap_or_default();
        Some(format!("{body}{order}{count}{offset}"))
    }

    /// A number of rows to leave out, if there are any.
    pub(super) fn offset(&mut self, offset: &RowCount) -> Option<String> {
        (offset.fixed() != Some(0)).then(|| self.row_count(offset))
    }

    pub(super) fn row_count(&mut self, rows: &RowCount) -> String {
        match rows {
            RowCount::Fixed(rows) => rows.to_string(),
            RowCount::Computed(expr) => expression(expr, self),
        }
    }

    pub(super) fn set(&mut self, kind: SetKind, all: bool, left: &Query, right: &Query) -> String {
        let word = match kind {
            SetKind::Union => "UNION",
            SetKind::Intersect => "INTERSECT",
            SetKind::Except => "EXCEPT",
        };
        let all = if all { " ALL" } else { "" };
        format!("({}) {word}{all} ({})", self.print(left), self.print(right))
    }
}

impl Names for Printer<'_> {
    fn column(&mut self, column: Column) -> String {
        // What is out of scope is an error of who made the statement; its text says so.
        self.names
            .get(&column)
            .cloned()
            .unwrap_or_else(|| format!("unknown_{}.c{}", column.source().number(), column.index()))
    }

    fn query(&mut self, query: &Query) -> String {
        self.print(query)
    }

    fn relation(&mut self, relation: &Relation) -> String {
        let outside = std::mem::take(&mut self.with);
        let mut select = Printer::relation(self, relation);
        // Where only matters whether there are rows, it does not whether they are distinct.
        if select.stage < Stage::Limit {
            select.distinct = None;
            select.order.clear();
        }
        let body = self.finished(&select, "1", std::iter::empty());
        self.under_with(outside, body)
    }
}

/// Whether printed text is a number or NULL.
pub(super) fn is_constant(text: &str) -> bool {
    text == "NULL" || text.starts_with("CAST(NULL AS ") || is_number(text)
}

/// Whether printed text is a number, which would be read as that of a column where rows are ordered or grouped.
pub(super) fn is_number(text: &str) -> bool {
    text.trim_matches(['(', ')']).parse::<f64>().is_ok()
}

pub(super) fn column_of(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Column(column) => Some(*column),
        _ => None,
    }
}
