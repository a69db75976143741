//! Which columns a statement needs: those that are mentioned by something that is needed itself.
//!
//! A column that only a column mentions which nobody mentions is not printed either; so what is printed is read as a
//! query that is printed with the same columns.

use hashbrown::HashMap;

use crate::algebra::walk::{ColumnSet, each_expression};
use crate::algebra::{Aggregate, Column, Expr, Query, Relation};

/// The columns that are needed, as far as a statement has been walked. What defines a column is walked before what
/// mentions it.
#[derive(Default)]
pub(super) struct Mentions<'s> {
    needed: ColumnSet,
    /// What columns are computed from that nobody has mentioned yet.
    definitions: HashMap<Column, Vec<&'s Expr>>,
}

impl<'s> Mentions<'s> {
    /// The columns that were found to be needed.
    pub(super) fn into_needed(self) -> ColumnSet {
        self.needed
    }

    /// All columns of a query, and what they need.
    pub(super) fn query(&mut self, query: &'s Query) {
        self.relation(&query.relation);
        query.columns.iter().for_each(|column| self.expression(&column.expr));
    }

    /// What decides which rows a relation has.
    pub(super) fn relation(&mut self, relation: &'s Relation) {
        relation.each_query(&mut |query| self.query(query));
        relation.each_input(&mut |input| self.relation(input));
        match relation {
            Relation::Project { source, columns, .. } => {
                let named = columns.iter().enumerate();
                self.definitions.extend(named.map(|(place, expr)| (source.column(place), vec![expr])));
            }
            Relation::Aggregate { source, keys, aggregates, .. } => {
                keys.iter().for_each(|key| self.expression(key));
                let named = aggregates.iter().enumerate();
                self.definitions.extend(named.map(|(place, aggregate)| {
                    (source.column(keys.len() + place), Aggregate::expressions(aggregate).collect())
                }));
            }
            Relation::Window { source, functions, .. } => {
                for (place, function) in functions.iter().enumerate() {
                    let mut exprs = Vec::new();
                    function.each_expression(&mut |expr| exprs.push(expr));
                    self.definitions.insert(source.column(place), exprs);
                }
            }
            other => each_expression(other, &mut |expr| self.expression(expr)),
        }
    }

    /// What an expression mentions that is needed.
    pub(super) fn expression(&mut self, expr: &'s Expr) {
        match expr {
            Expr::Column(column) => {
                self.needed.insert(*column);
                let exprs = self.definitions.remove(column).unwrap_or_default();
                exprs.into_iter().for_each(|expr| self.expression(expr));
            }
            Expr::Scalar(query) | Expr::InQuery(_, query) => self.query(query),
            Expr::Exists(relation) => self.relation(relation),
            _ => {}
        }
        expr.each_child(&mut |child| self.expression(child));
    }
}
