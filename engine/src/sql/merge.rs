//! MERGE: the rows of a source update, delete or are inserted into those of a table.
//!
//! It is run as the changes that it stands for, all of them or none. First the rows of the source are computed, once, on the
//! version from before, each beside the row of the table that it meets and the number of the clause that it is for: the first
//! whose condition is true. A row that two rows of the source would change is refused, as PostgreSQL does. Then each clause is
//! an UPDATE, DELETE or INSERT with the rows that are its own in the place of the source.

use hashbrown::HashSet;
use nuages_storage::{DataType, Value, Version};
use sqlparser::ast::{self, MergeAction, MergeClause, MergeClauseKind, TableFactor};
use sqlparser::tokenizer::Token;

use super::bind::common::GivenTable;
use super::bind::last_part;
use super::bind::scope::Shape;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parse::{Parsed, SHALLOW_NESTING_MAX, parse, split};
use crate::Outcome;
use crate::algebra::walk::is_volatile;

/// The parts of a MERGE as texts, to be put together to others.
struct Merge<'m> {
    /// The table, with its alias if it has one.
    table: String,
    /// The table's own name.
    of: &'m ast::ObjectName,
    /// What it is called in expressions.
    name: String,
    source: String,
    /// What the source is called.
    source_name: String,
    on: String,
    matched: Vec<&'m MergeClause>,
    unmatched: Vec<&'m MergeClause>,
}

impl<'m> Merge<'m> {
    fn of(merge: &'m ast::Merge) -> Result<Merge<'m>, SqlError> {
        let TableFactor::Table { name: of, alias, .. } = &merge.table else {
            return Err(unsupported("MERGE into something else than a table"));
        };
        let source_name = match &merge.source {
            TableFactor::Table { name, alias: None, .. } => last_part(name)?.to_string(),
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. } => alias.name.to_string(),
            _ => return Err(unsupported("a source of MERGE without a name")),
        };
        let name = alias.as_ref().map_or_else(|| of.to_string(), |alias| alias.name.to_string());
        let (mut matched, mut unmatched) = (Vec::new(), Vec::new());
        for clause in &merge.clauses {
            match clause.clause_kind {
                MergeClauseKind::Matched => matched.push(clause),
                MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => unmatched.push(clause),
                MergeClauseKind::NotMatchedBySource => {
                    return Err(unsupported("WHEN NOT MATCHED BY SOURCE"));
                }
            }
        }
        let (table, source, on) = (merge.table.to_string(), merge.source.to_string(), merge.on.to_string());
        Ok(Merge { table, of, name, source, source_name, on, matched, unmatched })
    }
}

impl Merge<'_> {
    /// The clauses, with their numbers.
    fn clauses(&self) -> impl Iterator<Item = (&MergeClause, i64)> {
        self.matched.iter().chain(&self.unmatched).copied().zip(1..)
    }

    /// Whether it is the number of a clause that changes a row of the table.
    fn changes_matched(&self, number: i64) -> bool {
        let clause = self.clauses().take(self.matched.len()).find(|(_, of)| *of == number);
        clause.is_some_and(|(clause, _)| !matches!(clause.action, MergeAction::DoNothing { .. }))
    }

    /// The change that a clause makes with the rows of the source, which stand under a name that nobody else can give; none
    /// if it makes none.
    fn change(&self, clause: &MergeClause, number: i64, is_stable: bool) -> Result<Option<String>, SqlError> {
        let Merge { table, of, name, source_name, on, matched, .. } = self;
        let is_matched = usize::try_from(number).is_ok_and(|number| number <= matched.len());
        let own = match is_stable {
            true => format!(" AND ({on}) AND {} = {number}", number_of(matched, 1)),
            false => String::new(),
        };
        let rest = format!("\"\" AS {source_name} WHERE {name}.\"\" = {source_name}.\"\"{own}");
        Ok(Some(match &clause.action {
            MergeAction::DoNothing { .. } => return Ok(None),
            MergeAction::Update(update)
                if update.update_predicate.is_some() || update.delete_predicate.is_some() =>
            {
                return Err(unsupported("UPDATE .. WHERE in MERGE; write WHEN MATCHED AND"));
            }
            MergeAction::Update(update) if is_matched => format!("UPDATE {table} {update} FROM {rest}"),
            MergeAction::Delete { .. } if is_matched => format!("DELETE FROM {table} USING {rest}"),
            MergeAction::Insert(_) if is_matched => return Err(unsupported("INSERT of what is matched")),
            MergeAction::Insert(insert) => {
                let (columns, row) = inserted(insert)?;
                format!("INSERT INTO {of}{columns} SELECT {row} FROM \"\" AS {source_name}")
            }
            _ => return Err(unsupported("UPDATE or DELETE of what is not matched")),
        }))
    }
}

/// The columns that a clause inserts, in parentheses if it names them, and the values.
fn inserted(insert: &ast::MergeInsertExpr) -> Result<(String, String), SqlError> {
    let ast::MergeInsertKind::Values(rows) = &insert.kind else {
        return Err(unsupported("such an INSERT in MERGE"));
    };
    if insert.insert_predicate.is_some() {
        return Err(unsupported("INSERT .. WHERE in MERGE; write WHEN NOT MATCHED AND"));
    }
    let [row] = rows.rows.as_slice() else { return Err(unsupported("several rows in MERGE")) };
    let list = |parts: Vec<String>| parts.join(", ");
    let columns = list(insert.columns.iter().map(ToString::to_string).collect());
    let columns = if columns.is_empty() { columns } else { format!(" ({columns})") };
    Ok((columns, list(row.content.iter().map(ToString::to_string).collect())))
}

/// Which of some clauses a row is for, from a number on; NULL if it is for none.
fn number_of(clauses: &[&MergeClause], from: usize) -> String {
    let condition = |clause: &MergeClause| {
        clause.predicate.as_ref().map_or_else(|| "TRUE".to_owned(), ToString::to_string)
    };
    let branches = clauses.iter().zip(from..);
    let branches = branches.map(|(clause, number)| format!(" WHEN {} THEN {number}", condition(clause)));
    match clauses {
        [] => "NULL".to_owned(),
        _ => format!("(CASE{} END)", branches.collect::<String>()),
    }
}

/// The rows of the source: their columns, and each with the row that it meets and the clause that it is for.
struct Source {
    shape: Vec<Shape>,
    rows: Vec<Vec<Value>>,
    /// Whether ON and the conditions are asked again when a row of the table is changed, for others may have changed it
    /// meanwhile. Where lots are drawn, they are drawn once.
    is_stable: bool,
}

impl Source {
    /// Those for a clause, with the id of the row that they meet.
    fn of(&self, number: i64) -> (Vec<Shape>, Vec<Vec<Value>>) {
        let own = self.rows.iter().filter(|row| row.last() == Some(&Value::Int(number)));
        let without_number = |row: &Vec<Value>| row[..row.len() - 1].to_vec();
        (self.shape.clone(), own.map(without_number).collect())
    }
}

impl Connection {
    /// Runs a MERGE.
    pub(super) fn merge(&mut self, merge: &ast::Merge, values: &[Value]) -> Result<Outcome, SqlError> {
        // The texts are put together anew, and a parameter without a number would be another one there.
        let tokens = split(&merge.to_string(), self.dialect)?;
        let is_open = |token: &Token| matches!(token, Token::Placeholder(name) if name == "?");
        if tokens.iter().flatten().any(|token| is_open(&token.token)) {
            return Err(unsupported("MERGE with a ?; parameters are $1, $2 there"));
        }
        let merge = Merge::of(merge)?;
        self.as_one(|connection| connection.run_merge(&merge, values)).map_err(SqlError::without_place)
    }

    fn run_merge(&mut self, merge: &Merge<'_>, values: &[Value]) -> Result<Outcome, SqlError> {
        let before = self.session().version()?;
        let source = self.source_of(merge, values, &before)?;
        let (mut affected, mut changed) = (0, Vec::new());
        for (clause, number) in merge.clauses() {
            let Some(text) = merge.change(clause, number, source.is_stable)? else { continue };
            let (shape, rows) = source.of(number);
            if rows.is_empty() {
                continue;
            }
            let given = [GivenTable { place: 0, shape, rows }];
            let query = self.query_of(&format!("WITH \"\" AS (SELECT 1) {text}"))?;
            let (Some(with), Some(change)) = (&query.with, super::changing::change_of(&query)) else {
                return Err(unsupported("such a MERGE"));
            };
            let part = |binder: &mut super::bind::Binder<'_>| {
                binder.change_among(&with.cte_tables, false, &given, change)
            };
            let (change, values) = self.part(values, part)?;
            affected += self.run_clause(change, &values, &before, &mut changed)?.affected;
        }
        Ok(Outcome { affected, ..Outcome::default() })
    }

    /// The rows of the source, with those of the table that they meet, each for a clause.
    fn source_of(&self, merge: &Merge<'_>, values: &[Value], before: &Version) -> Result<Source, SqlError> {
        let Merge { table, name, source, source_name, on, matched, unmatched, .. } = merge;
        let query = self.query_of(&format!(
            "SELECT {source_name}.*, {name}.\"\", CASE WHEN {name}.\"\" IS NOT NULL THEN {} ELSE {} END \
             FROM {source} LEFT JOIN {table} ON {on}",
            number_of(matched, 1),
            number_of(unmatched, matched.len() + 1)
        ))?;
        let ((query, mut shape), values) = self.part(values, |binder| binder.query_with_shape(&query))?;
        let rows = self.rows_before(&query, &values, before)?.rows;
        shape.truncate(shape.len().saturating_sub(2));
        shape.push(Shape::of_type("", DataType::BigInt));
        let mut met = HashSet::new();
        let is_twice = |row: &Vec<Value>| match &row[row.len() - 2..] {
            [Value::Int(id), Value::Int(number)] => merge.changes_matched(*number) && !met.insert(*id),
            _ => false,
        };
        if rows.iter().any(is_twice) {
            return Err(Problem::MergedTwice { table: name.clone() }.into());
        }
        let is_stable = !is_volatile(&query) || !self.draws(merge, &shape, &values)?;
        Ok(Source { shape, rows, is_stable })
    }

    /// Whether it is drawn by lot what a row of the source is for.
    fn draws(&self, merge: &Merge<'_>, shape: &[Shape], values: &[Value]) -> Result<bool, SqlError> {
        let Merge { table, source_name, on, matched, .. } = merge;
        let query = self.query_of(&format!(
            "WITH \"\" AS (SELECT 1) SELECT {} FROM \"\" AS {source_name} JOIN {table} ON {on}",
            number_of(matched, 1)
        ))?;
        let tables = query.with.iter().flat_map(|with| with.cte_tables.clone()).collect::<Vec<_>>();
        let rest = ast::Query { with: None, ..*query };
        let given = [GivenTable { place: 0, shape: shape.to_vec(), rows: Vec::new() }];
        let (query, _) = self.part(values, |binder| binder.query_among(&tables, false, &given, &rest))?;
        Ok(is_volatile(&query))
    }

    /// The syntax tree of a query, or of a change behind a WITH.
    fn query_of(&self, text: &str) -> Result<Box<ast::Query>, SqlError> {
        let tokens = split(text, self.dialect)?.pop().unwrap_or_default();
        match parse(tokens, self.dialect, SHALLOW_NESTING_MAX)? {
            Parsed::Query(query) => Ok(query),
            _ => Err(unsupported("such a MERGE")),
        }
    }
}

fn unsupported(feature: &str) -> SqlError {
    Problem::Unsupported { feature: feature.to_owned() }.into()
}
