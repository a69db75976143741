//! `UPDATE .. FROM` and `DELETE .. USING`: rows that are found beside others, and what is returned of both.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use nuages_storage::{DataType, LeafView, RowId, Value, Version};

use super::leaves::selected;
use super::returning::{Further, query_over};
use crate::algebra::walk::{free_columns, has_subquery};
use crate::algebra::{Column, Expr, JoinKind, OutputColumn, Query, Relation, Source};
use crate::answer::run_query;
use crate::batch::Batch;
use crate::catalog::{Catalog, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::outcome::ResultSet;
use crate::vector::Vector;
use crate::{execute, optimize};

/// What is returned of rows and of what they were found beside.
pub(super) struct Beside<'a> {
    table: &'a TableDefinition,
    returning: &'a [OutputColumn],
    source: Source,
    /// The columns of the others that are returned.
    others: Vec<Column>,
    /// Their types and values, by the row that was found beside them.
    types: Vec<DataType>,
    values: HashMap<RowId, Vec<Value>>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(table: &'a TableDefinition, source: Source, returning: &'a [OutputColumn]) -> Self {
        let mut others = Vec::new();
        returning.iter().for_each(|column| add_others(&column.expr, source, &mut others));
        Beside { table, returning, source, others, types: Vec::new(), values: HashMap::new() }
    }

    /// The query for the rows and what they are found beside: their ids, what is asked for, and what is returned.
    pub(super) fn query(
        &self,
        others: &Relation,
        predicate: Option<&Expr>,
        asked: Vec<OutputColumn>,
    ) -> Query {
        let rows = Relation::scan(self.table.id, self.source);
        let joined = rows.join(JoinKind::Inner, others.clone(), Expr::And(Vec::new()));
        let relation = match predicate {
            Some(predicate) => joined.filter(predicate.clone()),
            None => joined,
        };
        let row_id = OutputColumn::new("row id", self.source.row_id());
        let returned = self.others.iter().map(|column| OutputColumn::new("returned", *column));
        Query::new(relation, std::iter::once(row_id).chain(asked).chain(returned).collect())
    }

    /// Runs that query, which has so many columns that are asked for, and calls `each` with every row that is found,
    /// its batch and its place in it; with one that is found beside several others only once.
    pub(super) fn find(
        &mut self,
        query: &Query,
        asked: usize,
        version: &Version,
        context: &Context<'_>,
        each: &mut dyn FnMut(RowId, &Batch<'_>, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let plan = optimize::plan_kept(query, Catalog::of(version), version)?;
        self.types = plan.columns[1 + asked..].iter().map(|column| column.data_type).collect();
        execute::run(&plan, version, context, &mut |batch| {
            for at in &batch.selection {
                let Some(row) = batch.column(0).int(at).map(RowId::new) else { continue };
                if let Entry::Vacant(entry) = self.values.entry(row) {
                    entry.insert(batch.columns[1 + asked..].iter().map(|column| column.value(at)).collect());
                    each(row, batch, at)?;
                }
            }
            Ok(())
        })
    }

    /// What is returned of the selected rows of a leaf, which were known by these ids when they were found in the
    /// version before the statement.
    pub(super) fn returned(
        &self,
        (view, selection): (LeafView<'_>, u64),
        ids: &dyn Fn(usize) -> RowId,
        before: &Version,
        context: &Context<'_>,
        result: &mut ResultSet,
    ) -> Result<(), Error> {
        if self.returning.is_empty() {
            return Ok(());
        }
        if self.returning.iter().any(|column| has_subquery(&column.expr)) {
            let values = |at: usize| self.values.get(&ids(at)).cloned().unwrap_or_default();
            let further = Further { columns: &self.others, types: &self.types, values: &values };
            let query = query_over(self.table, self.source, self.returning, (view, selection), &further);
            return run_query(&query, before, context, &mut |batch| {
                result.rows.extend(batch.selection.iter().map(|row| batch.row(row).to_vec()));
                Ok(())
            });
        }
        let width = self.table.columns.len();
        let place = |column: Column| {
            if column.source() != self.source {
                let place = self.others.iter().position(|other| *other == column)?;
                return Some((width + 1 + place, *self.types.get(place)?));
            }
            match column.is_row_id() {
                true => Some((width, DataType::BigInt)),
                false => Some((column.index(), self.table.columns.get(column.index())?.data_type)),
            }
        };
        let compile = |column: &OutputColumn| Scalar::compile(&column.expr, &place);
        let scalars = self.returning.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
        for at in selected(selection) {
            let row = view.row(at);
            let id = Value::Int(row.row_id().get());
            let own = self.table.columns.iter().map(|column| match column.lane {
                nuages_storage::Lane::RowId => (id.clone(), column.data_type),
                _ => (row.value(column.slot, &column.data_type), column.data_type),
            });
            let others =
                self.values.get(&ids(at)).into_iter().flatten().cloned().zip(self.types.iter().copied());
            let columns = own.chain([(id.clone(), DataType::BigInt)]).chain(others);
            let constant = |(value, kind)| Vector::Constant { value, kind: Some(kind), len: 1 };
            let batch = Batch::new(columns.map(constant), 1);
            let values = scalars.iter().map(|scalar| Ok(scalar.evaluate(&batch, context)?.value(0)));
            result.rows.push(values.collect::<Result<_, Error>>()?);
        }
        Ok(())
    }

    /// A result without rows.
    pub(super) fn result(&self) -> ResultSet {
        let columns = self.returning.iter().map(|column| column.name.clone()).collect();
        ResultSet { columns, rows: Vec::new() }
    }
}

/// Adds the columns of other sources that an expression mentions, also inside its subqueries.
fn add_others(expr: &Expr, source: Source, found: &mut Vec<Column>) {
    let mut add = |column: Column| {
        if column.source() != source && !found.contains(&column) {
            found.push(column);
        }
    };
    match expr {
        Expr::Column(column) => add(*column),
        Expr::Scalar(query) | Expr::InQuery(_, query) => free_columns(query).into_iter().for_each(add),
        Expr::Exists(relation) => {
            free_columns(&Query::new((**relation).clone(), Vec::new())).into_iter().for_each(add);
        }
        _ => {}
    }
    expr.each_child(&mut |child| add_others(child, source, found));
}
