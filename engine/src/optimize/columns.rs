//! Which columns an expression or a relation mentions and defines, and how one is put in the place of another.

use hashbrown::{HashMap, HashSet};

use crate::algebra::{Column, Expr, Query, Relation, Source};

/// A set of columns.
pub(crate) type ColumnSet = HashSet<Column>;

/// Calls `visit` on `expr` and every expression below it, also inside its subqueries.
pub(crate) fn walk(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    for child in expr.children() {
        walk(child, visit);
    }
    match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => walk_query(query, visit),
        Expr::Exists(relation) => walk_relation(relation, visit),
        _ => {}
    }
}

/// Calls `visit` on every expression of a relation, also inside subqueries.
pub(crate) fn walk_relation(relation: &Relation, visit: &mut dyn FnMut(&Expr)) {
    for expr in expressions(relation) {
        walk(expr, visit);
    }
    for input in relation.inputs() {
        walk_relation(input, visit);
    }
    if let Relation::Set { left, right, .. } = relation {
        walk_query(left, visit);
        walk_query(right, visit);
    }
}

fn walk_query(query: &Query, visit: &mut dyn FnMut(&Expr)) {
    walk_relation(&query.relation, visit);
    for column in &query.columns {
        walk(&column.expr, visit);
    }
}

/// The expressions an operator evaluates itself.
pub(crate) fn expressions(relation: &Relation) -> Vec<&Expr> {
    match relation {
        Relation::Unit | Relation::Scan { .. } | Relation::Limit { .. } | Relation::Set { .. } => Vec::new(),
        Relation::Values { rows, .. } => rows.iter().flatten().collect(),
        Relation::Filter { predicate, .. } => vec![predicate],
        Relation::Project { columns, .. } => columns.iter().collect(),
        Relation::Join { on, .. } => vec![on],
        Relation::Aggregate { keys, aggregates, .. } => keys
            .iter()
            .chain(aggregates.iter().flat_map(|aggregate| aggregate.argument.iter().chain(&aggregate.filter)))
            .collect(),
        Relation::Sort { keys, .. } => keys.iter().map(|key| &key.expr).collect(),
        Relation::Distinct { on, .. } => on.iter().collect(),
    }
}

fn expressions_mut(relation: &mut Relation) -> Vec<&mut Expr> {
    match relation {
        Relation::Unit | Relation::Scan { .. } | Relation::Limit { .. } | Relation::Set { .. } => Vec::new(),
        Relation::Values { rows, .. } => rows.iter_mut().flatten().collect(),
        Relation::Filter { predicate, .. } => vec![predicate],
        Relation::Project { columns, .. } => columns.iter_mut().collect(),
        Relation::Join { on, .. } => vec![on],
        Relation::Aggregate { keys, aggregates, .. } => keys
            .iter_mut()
            .chain(
                aggregates
                    .iter_mut()
                    .flat_map(|aggregate| aggregate.argument.iter_mut().chain(&mut aggregate.filter)),
            )
            .collect(),
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
pub(crate) fn sources_of(relation: &Relation) -> HashSet<Source> {
    let mut found = HashSet::new();
    add_sources(relation, &mut found);
    found
}

fn add_sources(relation: &Relation, found: &mut HashSet<Source>) {
    match relation {
        Relation::Scan { source, .. }
        | Relation::Values { source, .. }
        | Relation::Project { source, .. }
        | Relation::Aggregate { source, .. } => {
            found.insert(*source);
        }
        Relation::Set { source, left, right, .. } => {
            found.insert(*source);
            add_sources(&left.relation, found);
            add_sources(&right.relation, found);
        }
        _ => {}
    }
    for input in relation.inputs() {
        add_sources(input, found);
    }
}

/// The columns of sources outside that a query mentions, in the order of their first mention.
pub(crate) fn free_columns(query: &Query) -> Vec<Column> {
    let mut bound = HashSet::new();
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
    for child in expr.children_mut() {
        substitute(child, by);
    }
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
    match relation {
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Aggregate { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. }
        | Relation::Distinct { input, .. } => substitute_relation(input, by),
        Relation::Join { left, right, .. } => {
            substitute_relation(left, by);
            substitute_relation(right, by);
        }
        Relation::Set { left, right, .. } => {
            substitute_query(left, by);
            substitute_query(right, by);
        }
        Relation::Unit | Relation::Scan { .. } | Relation::Values { .. } => {}
    }
}

/// Whether an expression has a subquery in it.
pub(crate) fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    walk(expr, &mut |expr| {
        found |= matches!(expr, Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..));
    });
    found
}

/// The highest parameter number a query uses, plus one.
pub(crate) fn parameter_count(query: &Query) -> usize {
    let mut count = 0;
    walk_query(query, &mut |expr| {
        if let Expr::Parameter(number, _) = expr {
            count = count.max(number + 1);
        }
    });
    count
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

/// How many source numbers a query may use: those from this one on are fresh.
pub(crate) fn source_count(query: &Query) -> u32 {
    let mut sources = HashSet::new();
    add_sources(&query.relation, &mut sources);
    walk_query(query, &mut |expr| match expr {
        Expr::Scalar(inner) | Expr::InQuery(_, inner) => add_sources(&inner.relation, &mut sources),
        Expr::Exists(inner) => add_sources(inner, &mut sources),
        Expr::Column(column) => {
            sources.insert(column.source());
        }
        _ => {}
    });
    sources.iter().filter(|s| **s != Source::SELF).map(|source| source.number() + 1).max().unwrap_or(0)
}
