//! MERGE: the rows of a source update, delete or are inserted into those of a table.
//!
//! It is run as the changes that it stands for, all of them or none. First it is seen, on the version from before, which row
//! of the table each matched clause is for: that is the first whose condition is true, and a row that two rows of the source
//! would change is refused, as PostgreSQL does. Then each clause is an UPDATE, DELETE or INSERT of the rows that are its own.

use hashbrown::HashSet;
use nuages_storage::{DataType, Value, Version};
use sqlparser::ast::{self, MergeAction, MergeClause, MergeClauseKind, TableFactor};

use super::bind::common::GivenTable;
use super::bind::scope::Shape;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parse::{Parsed, SHALLOW_NESTING_MAX, parse, split};
use crate::Outcome;
use crate::algebra::Relation;
use crate::algebra::walk::each_relation_mut;

/// The parts of a MERGE as texts, to be put together to others.
struct Merge<'m> {
    /// The table, with its alias if it has one.
    table: String,
    /// The table's own name.
    of: &'m ast::ObjectName,
    /// What it is called in expressions.
    name: String,
    source: String,
    on: String,
    matched: Vec<&'m MergeClause>,
    unmatched: Vec<&'m MergeClause>,
}

impl<'m> Merge<'m> {
    fn of(merge: &'m ast::Merge) -> Result<Merge<'m>, SqlError> {
        let TableFactor::Table { name: of, alias, .. } = &merge.table else {
            return Err(unsupported("MERGE into something else than a table"));
        };
        // The texts are put together anew, and a parameter without a number would be another one there.
        if merge.to_string().contains('?') {
            return Err(unsupported("MERGE with a ?; parameters are $1, $2 there"));
        }
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
        Ok(Merge { table, of, name, source, on, matched, unmatched })
    }
}

/// Which of some clauses a row is for, from 1; NULL if it is for none.
fn number_of(clauses: &[&MergeClause]) -> String {
    let condition = |clause: &MergeClause| {
        clause.predicate.as_ref().map_or_else(|| "TRUE".to_owned(), ToString::to_string)
    };
    let branches = clauses.iter().zip(1..);
    let branches = branches.map(|(clause, number)| format!(" WHEN {} THEN {number}", condition(clause)));
    format!("(CASE{} END)", branches.collect::<String>())
}

impl Connection {
    /// Runs a MERGE.
    pub(super) fn merge(&mut self, merge: &ast::Merge, values: &[Value]) -> Result<Outcome, SqlError> {
        let merge = Merge::of(merge)?;
        self.as_one(|connection| connection.run_merge(&merge, values)).map_err(SqlError::without_place)
    }

    fn run_merge(&mut self, merge: &Merge<'_>, values: &[Value]) -> Result<Outcome, SqlError> {
        let before = self.session().version()?;
        let mut affected = 0;
        if !merge.matched.is_empty() {
            let rows = self.matched_rows(merge, values, &before)?;
            for (clause, number) in merge.matched.iter().zip(1..) {
                let own = |row: &&Vec<Value>| row.get(1) == Some(&Value::Int(number));
                let ids: Vec<Vec<Value>> =
                    rows.iter().filter(own).map(|row| row.iter().take(1).cloned().collect()).collect();
                affected += self.run_matched(merge, (clause, number), ids, values, &before)?;
            }
        }
        for (clause, number) in merge.unmatched.iter().zip(1..) {
            affected += self.run_unmatched(merge, (clause, number), values, &before)?;
        }
        Ok(Outcome { affected, ..Outcome::default() })
    }

    /// The rows of the table that meet rows of the source: their row ids, and which clause they are for.
    fn matched_rows(
        &self,
        merge: &Merge<'_>,
        values: &[Value],
        before: &Version,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let Merge { table, name, source, on, matched, .. } = merge;
        let number = number_of(matched);
        let query =
            self.query_of(&format!("SELECT {name}.rowid, {number} FROM {table} JOIN {source} ON {on}"))?;
        let (mut query, values) = self.part(values, |binder| binder.query_among(&[], false, &[], &query))?;
        let target = self.table_of(merge.of)?.id;
        let mut scans = 0;
        each_relation_mut(&mut query, &mut |relation| {
            scans += usize::from(matches!(relation, Relation::Scan { table, .. } if *table == target));
        });
        if scans > 1 {
            return Err(unsupported("a MERGE whose source reads the table that it changes"));
        }
        let rows = self.rows_before(&query, &values, before)?.rows;
        let changes = |row: &&Vec<Value>| {
            let number =
                row.get(1).and_then(Value::as_int).and_then(|number| usize::try_from(number - 1).ok());
            let clause = number.and_then(|number| matched.get(number));
            clause.is_some_and(|clause| !matches!(clause.action, MergeAction::DoNothing { .. }))
        };
        let mut met = HashSet::new();
        let is_twice = |row: &Vec<Value>| !met.insert(row.first().and_then(Value::as_int));
        if rows.iter().filter(changes).any(is_twice) {
            return Err(Problem::MergedTwice { table: name.clone() }.into());
        }
        Ok(rows)
    }

    fn run_matched(
        &mut self,
        merge: &Merge<'_>,
        (clause, number): (&MergeClause, i64),
        ids: Vec<Vec<Value>>,
        values: &[Value],
        before: &Version,
    ) -> Result<u64, SqlError> {
        let Merge { table, name, source, on, matched, .. } = merge;
        let rest = format!(
            "{source}, merged_rows WHERE ({on}) AND {} = {number} AND {name}.rowid = merged_rows.id",
            number_of(matched)
        );
        let change = match &clause.action {
            MergeAction::DoNothing { .. } => return Ok(0),
            MergeAction::Update(update)
                if update.update_predicate.is_some() || update.delete_predicate.is_some() =>
            {
                return Err(unsupported("UPDATE .. WHERE in MERGE; write WHEN MATCHED AND"));
            }
            MergeAction::Update(update) => format!("UPDATE {table} {update} FROM {rest}"),
            MergeAction::Delete { .. } => format!("DELETE FROM {table} USING {rest}"),
            MergeAction::Insert(_) => return Err(unsupported("INSERT of what is matched")),
        };
        let query = self.query_of(&format!("WITH merged_rows (id) AS (SELECT 1) {change}"))?;
        let (Some(with), Some(change)) = (&query.with, super::changing::change_of(&query)) else {
            return Err(unsupported("such a MERGE"));
        };
        let shape = vec![Shape::of_type("id", DataType::BigInt)];
        let given = [GivenTable { place: 0, shape, rows: ids }];
        let part = |binder: &mut super::bind::Binder<'_>| {
            binder.change_among(&with.cte_tables, false, &given, change)
        };
        let (change, values) = self.part(values, part)?;
        Ok(self.run_part(change, &values, before, &mut Vec::new())?.affected)
    }

    fn run_unmatched(
        &mut self,
        merge: &Merge<'_>,
        (clause, number): (&MergeClause, i64),
        values: &[Value],
        before: &Version,
    ) -> Result<u64, SqlError> {
        let Merge { table, source, on, unmatched, .. } = merge;
        let insert = match &clause.action {
            MergeAction::DoNothing { .. } => return Ok(0),
            MergeAction::Insert(insert) => insert,
            _ => return Err(unsupported("UPDATE or DELETE of what is not matched")),
        };
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
        let row = list(row.content.iter().map(ToString::to_string).collect());
        let text = format!(
            "WITH merged_rows (id) AS (SELECT 1) INSERT INTO {}{columns} SELECT {row} FROM {source} \
             WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {on}) AND {} = {number}",
            merge.of,
            number_of(unmatched)
        );
        let query = self.query_of(&text)?;
        let Some(change) = super::changing::change_of(&query) else {
            return Err(unsupported("such a MERGE"));
        };
        let part = |binder: &mut super::bind::Binder<'_>| binder.change_among(&[], false, &[], change);
        let (change, values) = self.part(values, part)?;
        Ok(self.run_part(change, &values, before, &mut Vec::new())?.affected)
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
