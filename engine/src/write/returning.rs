//! What a writing statement returns of its rows.
//!
//! Mostly that is computed from the row alone, by programs that read the leaf it lies in. With a subquery in it it is a
//! query over the rows as literal ones, and what that reads besides is the database before the statement, as in
//! PostgreSQL.

use nuages_storage::{DataType, LeafView, Value, Version};

use super::leaves::selected;
use crate::algebra::walk::{has_subquery, substitute};
use crate::algebra::{Column, Expr, OutputColumn, Query, Relation, SortKey, Source};
use crate::answer::run_query;
use crate::catalog::TableDefinition;
use crate::catalog::program::RowProgram;
use crate::error::Error;
use crate::evaluate::Context;
use crate::outcome::ResultSet;

/// The columns to be returned, and the rows so far.
pub(crate) struct Returning<'a> {
    table: &'a TableDefinition,
    means: Means<'a>,
    result: ResultSet,
}

/// How the columns are computed.
enum Means<'a> {
    Programs(Vec<RowProgram>),
    /// By a query over rows of this source, on the version before the statement.
    Query {
        source: Source,
        columns: &'a [OutputColumn],
        before: Box<Version>,
    },
}

impl<'a> Returning<'a> {
    /// The columns of a row of `table` that is called `source` in them. `before` is asked for the version before the
    /// statement if it takes that: it may have to be made.
    pub(crate) fn new<'v>(
        table: &'a TableDefinition,
        source: Source,
        columns: &'a [OutputColumn],
        before: impl FnOnce() -> &'v Version,
    ) -> Result<Returning<'a>, Error> {
        let compile = |column: &OutputColumn| RowProgram::compile_over(table, source, &column.expr);
        let means = match columns.iter().any(|column| has_subquery(&column.expr)) {
            false => Means::Programs(columns.iter().map(compile).collect::<Result<_, _>>()?),
            true => Means::Query { source, columns, before: Box::new(before().clone()) },
        };
        let columns = columns.iter().map(|column| column.name.clone()).collect();
        Ok(Returning { table, means, result: ResultSet { columns, rows: Vec::new() } })
    }

    /// Whether nothing is to be returned.
    pub(crate) fn is_empty(&self) -> bool {
        self.result.columns.is_empty()
    }

    /// Adds the selected rows of a leaf.
    pub(crate) fn add(
        &mut self,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        match &self.means {
            Means::Programs(programs) => {
                let evaluate = |program: &RowProgram| program.evaluate(self.table, view, selection, context);
                let vectors = programs.iter().map(evaluate).collect::<Result<Vec<_>, _>>()?;
                let row = |row| vectors.iter().map(|vector| vector.value(row)).collect::<Vec<Value>>();
                self.result.rows.extend(selected(selection).map(row));
                Ok(())
            }
            Means::Query { source, columns, before } => {
                let query = query_over(self.table, *source, columns, (view, selection), &Further::NONE);
                run_query(&query, before, context, &mut |batch| {
                    self.result.rows.extend(batch.selection.iter().map(|row| batch.row(row).to_vec()));
                    Ok(())
                })
            }
        }
    }

    /// The rows.
    pub(crate) fn finish(self) -> ResultSet {
        self.result
    }
}

/// What is known of a row beside its own columns: columns of others, their types, and their values by the row's place.
pub(super) struct Further<'a> {
    pub(super) columns: &'a [Column],
    pub(super) types: &'a [DataType],
    pub(super) values: &'a dyn Fn(usize) -> Vec<Value>,
}

impl Further<'_> {
    const NONE: Further<'static> = Further { columns: &[], types: &[], values: &|_| Vec::new() };
}

/// The query for what is returned of the selected rows of a leaf, in their order. Behind a row's columns are its id,
/// its place, and what further is known of it.
pub(super) fn query_over(
    table: &TableDefinition,
    source: Source,
    columns: &[OutputColumn],
    (view, selection): (LeafView<'_>, u64),
    further: &Further<'_>,
) -> Query {
    let width = table.columns.len();
    let literals = |at: usize| {
        let row = view.row(at);
        let id = Value::Int(row.row_id().get());
        let own = table.columns.iter().map(|column| match column.lane {
            nuages_storage::Lane::RowId => id.clone(),
            _ => row.value(column.slot, &column.data_type),
        });
        let known = own.chain([id.clone(), Value::from(at as u64)]).chain((further.values)(at));
        known.map(Expr::Literal).collect()
    };
    let types = table.columns.iter().map(|column| column.data_type);
    let types = types.chain([DataType::BigInt, DataType::BigInt]).chain(further.types.iter().copied());
    let rows: Vec<Vec<Expr>> = selected(selection).map(literals).collect();
    let rows = Relation::Values { source, types: types.collect(), rows };
    let place_of = |place: usize| Expr::Column(source.column(place));
    let others = further.columns.iter().enumerate();
    let others = others.map(|(place, column)| (*column, place_of(width + 2 + place)));
    let by = others.chain([(source.row_id(), place_of(width))]).collect();
    let column = |column: &OutputColumn| {
        let mut expr = column.expr.clone();
        substitute(&mut expr, &by);
        OutputColumn::new(column.name.clone(), expr)
    };
    let in_order = rows.sort(vec![SortKey::ascending(place_of(width + 1))]);
    Query::new(in_order, columns.iter().map(column).collect())
}
