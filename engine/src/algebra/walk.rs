//! Which columns an expression or a relation mentions and defines, and how one is put in the place of another.

use hashbrown::HashMap;

pub(crate) use super::sorted_set::{ColumnSet, SourceSet};
use super::{
    Aggregate, Column, ConflictAction, Expr, InsertSource, OnConflict, Query, Relation, RowCount, Source,
    Statement, WindowFunction,
};

/// Calls `visit` on `expr` and every expression below it, also inside its subqueries.
pub(crate) fn walk(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    // What most expressions are made of first, without a call for each child.
    match expr {
        Expr::Literal(_) | Expr::Parameter(..) | Expr::Column(_) => {}
        Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => {
            walk(a, visit);
            walk(b, visit);
        }
        Expr::And(all) | Expr::Or(all) => all.iter().for_each(|part| walk(part, visit)),
        Expr::Scalar(query) => walk_query(query, visit),
        Expr::Exists(relation) => walk_relation(relation, visit),
        Expr::InQuery(value, query) => {
            walk(value, visit);
            walk_query(query, visit);
        }
        other => other.each_child(&mut |child| walk(child, visit)),
    }
}

/// Calls `visit` on every expression of a relation, also inside subqueries.
pub(crate) fn walk_relation(relation: &Relation, visit: &mut dyn FnMut(&Expr)) {
    each_expression(relation, &mut |expr| walk(expr, visit));
    relation.each_input(&mut |input| walk_relation(input, visit));
    relation.each_query(&mut |query| walk_query(query, visit));
}

pub(crate) fn walk_query(query: &Query, visit: &mut dyn FnMut(&Expr)) {
    walk_relation(&query.relation, visit);
    for column in &query.columns {
        walk(&column.expr, visit);
    }
}

/// Whether something in a query is drawn by lot: computed in another place, or more often, it would be another.
pub(crate) fn is_volatile(query: &Query) -> bool {
    let mut found = false;
    walk_query(query, &mut |expr| found |= expr.is_volatile());
    found
}

/// Calls `visit` with the expressions an operator evaluates itself.
pub(crate) fn each_expression<'r>(relation: &'r Relation, visit: &mut dyn FnMut(&'r Expr)) {
    match relation {
        Relation::Unit
        | Relation::Scan { .. }
        | Relation::Set { .. }
        | Relation::With { .. }
        | Relation::Recursive { .. }
        | Relation::WorkTable { .. } => {}
        Relation::Limit { offset, count, .. } => {
            std::iter::once(offset).chain(count).filter_map(RowCount::expression).for_each(visit);
        }
        Relation::Values { rows, .. } => rows.iter().flatten().for_each(visit),
        Relation::Filter { predicate, .. } => visit(predicate),
        Relation::Project { columns, .. } => columns.iter().for_each(visit),
        Relation::Join { on, .. } => visit(on),
        Relation::Aggregate { keys, aggregates, .. } => {
            keys.iter().for_each(&mut *visit);
            aggregates.iter().flat_map(Aggregate::expressions).for_each(visit);
        }
        Relation::Window { functions, .. } => {
            functions.iter().for_each(|function| function.each_expression(visit));
        }
        Relation::Sort { keys, .. } => keys.iter().map(|key| &key.expr).for_each(visit),
        Relation::Distinct { on, .. } => on.iter().for_each(visit),
    }
}

/// The same expressions as a list.
pub(crate) fn expressions(relation: &Relation) -> Vec<&Expr> {
    let mut found = Vec::new();
    each_expression(relation, &mut |expr| found.push(expr));
    found
}

fn expressions_mut(relation: &mut Relation) -> Vec<&mut Expr> {
    match relation {
        Relation::Unit
        | Relation::Scan { .. }
        | Relation::Set { .. }
        | Relation::With { .. }
        | Relation::Recursive { .. }
        | Relation::WorkTable { .. } => Vec::new(),
        Relation::Limit { offset, count, .. } => {
            std::iter::once(offset).chain(count).filter_map(RowCount::expression_mut).collect()
        }
        Relation::Values { rows, .. } => rows.iter_mut().flatten().collect(),
        Relation::Filter { predicate, .. } => vec![predicate],
        Relation::Project { columns, .. } => columns.iter_mut().collect(),
        Relation::Join { on, .. } => vec![on],
        Relation::Aggregate { keys, aggregates, .. } => {
            keys.iter_mut().chain(aggregates.iter_mut().flat_map(Aggregate::expressions_mut)).collect()
        }
        Relation::Window { functions, .. } => {
            functions.iter_mut().flat_map(WindowFunction::expressions_mut).collect()
        }
        Relation::Sort { keys, .. } => keys.iter_mut().map(|key| &mut key.expr).collect(),
        Relation::Distinct { on, .. } => on.iter_mut().collect(),
    }
}

/// The columns an expression mentions, also inside its subqueries.
pub(crate) fn columns_of(expr: &Expr) -> ColumnSet {
    let mut found = ColumnSet::new();
    add_columns(expr, &mut found);
    found
}

/// Adds the columns an expression mentions.
pub(crate) fn add_columns(expr: &Expr, found: &mut ColumnSet) {
    walk(expr, &mut |expr| {
        if let Expr::Column(column) = expr {
            found.insert(*column);
        }
    });
}

/// The sources a relation introduces, those under its projections and aggregates included.
pub(crate) fn sources_of(relation: &Relation) -> SourceSet {
    let mut found = SourceSet::new();
    add_sources(relation, &mut found);
    found
}

fn add_sources(relation: &Relation, found: &mut SourceSet) {
    each_source(relation, &mut |source| {
        found.insert(source);
    });
}

fn each_source(relation: &Relation, visit: &mut dyn FnMut(Source)) {
    relation.source().into_iter().for_each(&mut *visit);
    relation.each_query(&mut |query| each_source(&query.relation, visit));
    relation.each_input(&mut |input| each_source(input, visit));
}

/// Whether a relation mentions a column of one of these sources.
pub(crate) fn mentions(relation: &Relation, sources: &SourceSet) -> bool {
    let mut found = false;
    walk_relation(relation, &mut |expr| {
        found |= matches!(expr, Expr::Column(column) if sources.contains(&column.source()));
    });
    found
}

/// The columns of sources outside that a query mentions, in the order of their first mention.
pub(crate) fn free_columns(query: &Query) -> Vec<Column> {
    let mut bound = SourceSet::new();
    add_sources(&query.relation, &mut bound);
    let mut free: Vec<Column> = Vec::new();
    walk_query(query, &mut |expr| match expr {
        Expr::Column(column) if !bound.contains(&column.source()) && !free.contains(column) => {
            free.push(*column);
        }
        Expr::Scalar(inner) | Expr::InQuery(_, inner) => add_sources(&inner.relation, &mut bound),
        Expr::Exists(inner) => add_sources(inner, &mut bound),
        _ => {}
    });
    free
}

/// Replaces columns by expressions, also inside subqueries.
pub(crate) fn substitute(expr: &mut Expr, by: &HashMap<Column, Expr>) {
    if let Expr::Column(column) = expr {
        if let Some(replacement) = by.get(column) {
            *expr = replacement.clone();
        }
        return;
    }
    expr.each_child_mut(&mut |child| substitute(child, by));
    match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => substitute_query(query, by),
        Expr::Exists(relation) => substitute_relation(relation, by),
        _ => {}
    }
}

/// Replaces columns by expressions in a query.
pub(crate) fn substitute_query(query: &mut Query, by: &HashMap<Column, Expr>) {
    substitute_relation(&mut query.relation, by);
    for column in &mut query.columns {
        substitute(&mut column.expr, by);
    }
}

/// Replaces columns by expressions in a relation.
pub(crate) fn substitute_relation(relation: &mut Relation, by: &HashMap<Column, Expr>) {
    for expr in expressions_mut(relation) {
        substitute(expr, by);
    }
    relation.each_input_mut(&mut |input| substitute_relation(input, by));
    relation.each_query_mut(&mut |query| substitute_query(query, by));
}

/// Calls `visit` on every relation of a query, also inside subqueries: on those below it after it, as it has left them.
pub(crate) fn each_relation_mut(query: &mut Query, visit: &mut dyn FnMut(&mut Relation)) {
    each_below_mut(&mut query.relation, visit);
    for column in &mut query.columns {
        each_within_mut(&mut column.expr, visit);
    }
}

/// The same of a change of rows.
pub(crate) fn each_relation_of_change_mut(change: &mut Statement, visit: &mut dyn FnMut(&mut Relation)) {
    let (from, predicate, assigned, returning) = match change {
        Statement::Query(query) => return each_relation_mut(query, visit),
        Statement::Insert(insert) => {
            let mut given: Vec<&mut Expr> = match &mut insert.rows {
                InsertSource::Values(rows) => rows.iter_mut().flatten().flatten().collect(),
                InsertSource::Query(query) => {
                    each_relation_mut(query, visit);
                    Vec::new()
                }
            };
            let mut rule = insert.conflict.as_mut();
            while let Some(OnConflict { action, otherwise, .. }) = rule {
                if let ConflictAction::DoUpdate { assignments, predicate, .. } = action {
                    given.extend(assignments.iter_mut().map(|(_, expr)| expr).chain(predicate));
                }
                rule = otherwise.as_deref_mut();
            }
            (None, None, given, &mut insert.returning)
        }
        Statement::Update(update) => {
            let assigned = update.assignments.iter_mut().map(|(_, expr)| expr).collect();
            (update.from.as_mut(), update.predicate.as_mut(), assigned, &mut update.returning)
        }
        Statement::Delete(delete) => {
            (delete.using.as_mut(), delete.predicate.as_mut(), Vec::new(), &mut delete.returning)
        }
    };
    from.into_iter().for_each(|from| each_below_mut(from, visit));
    let returned = returning.iter_mut().map(|column| &mut column.expr);
    predicate.into_iter().chain(assigned).chain(returned).for_each(|expr| each_within_mut(expr, visit));
}

/// Calls `visit` on the queries within the expressions of a relation and of those below it, but not on those within
/// these.
pub(crate) fn each_subquery_mut(relation: &mut Relation, visit: &mut dyn FnMut(&mut Query)) {
    fn within(expr: &mut Expr, visit: &mut dyn FnMut(&mut Query)) {
        if let Expr::Scalar(query) | Expr::InQuery(_, query) = expr {
            visit(query);
        }
        expr.each_child_mut(&mut |child| within(child, visit));
    }
    expressions_mut(relation).into_iter().for_each(|expr| within(expr, visit));
    relation.each_input_mut(&mut |input| each_subquery_mut(input, visit));
}

fn each_below_mut(relation: &mut Relation, visit: &mut dyn FnMut(&mut Relation)) {
    visit(relation);
    expressions_mut(relation).into_iter().for_each(|expr| each_within_mut(expr, visit));
    relation.each_input_mut(&mut |input| each_below_mut(input, visit));
    relation.each_query_mut(&mut |query| each_relation_mut(query, visit));
}

fn each_within_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Relation)) {
    match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => each_relation_mut(query, visit),
        Expr::Exists(relation) => each_below_mut(relation, visit),
        _ => {}
    }
    expr.each_child_mut(&mut |child| each_within_mut(child, visit));
}

/// Whether an expression has a subquery in it.
pub(crate) fn has_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..)) || expr.any_child(has_subquery)
}

/// The parts of a conjunction, nested ones flattened.
pub(crate) fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::And(all) => all.into_iter().flat_map(conjuncts).collect(),
        Expr::Literal(nuages_storage::Value::Bool(true)) => Vec::new(),
        one => vec![one],
    }
}

/// The conjunction of `parts`; none if there are none.
pub(crate) fn conjunction(mut parts: Vec<Expr>) -> Option<Expr> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Expr::And(parts)),
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::TableId;

    use super::*;
    use crate::algebra::{Insert, OutputColumn};

    #[test]
    fn every_rule_of_conflicts_is_looked_into() {
        let asked = |source| {
            let scan = Relation::scan(TableId::new(7), Source::new(source));
            Expr::Scalar(Box::new(Query::new(scan, vec![OutputColumn::new("", Expr::literal(1))])))
        };
        let rule = |excluded, source| {
            let (excluded, assignments) = (Source::new(excluded), vec![(1, asked(source))]);
            OnConflict::new(
                None,
                ConflictAction::DoUpdate { excluded, assignments, predicate: None, one_by_one: false },
            )
        };
        let conflict = OnConflict { otherwise: Some(Box::new(rule(3, 4))), ..rule(1, 2) };
        let (table, source) = (TableId::new(1), Source::new(0));
        let rows = InsertSource::Values(Vec::new());
        let insert =
            Insert { table, columns: vec![0], rows, source, returning: Vec::new(), conflict: Some(conflict) };
        let mut scans = 0;
        each_relation_of_change_mut(&mut Statement::Insert(insert), &mut |relation| {
            scans += usize::from(matches!(relation, Relation::Scan { .. }));
        });
        assert_eq!(scans, 2);
    }
}
