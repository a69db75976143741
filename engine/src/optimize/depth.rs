//! How deep a statement may be nested, and what else is known of it before it is planned.
//!
//! Planning, compiling and running descend into expressions and relations by recursion, and a recursion that is too
//! deep ends the process. So the depth is measured before anything else looks at a statement or a definition, here,
//! with a stack of its own on the heap. Who has seen all of a query also knows which numbers are free in it.

use smallvec::SmallVec;

use crate::algebra::walk::each_expression;
use crate::algebra::{
    ConflictAction, Expr, InsertSource, OnConflict, OutputColumn, Query, Relation, Source, Statement,
};
use crate::error::Error;

/// The most levels: operators and expressions that lie within each other. A thread of Rust's has two megabytes of
/// stack, of which a level takes up to 17 kilobytes in a build without optimisation.
pub const DEPTH_MAX: usize = 96;

/// The levels that a subquery counts for beside its own: it is planned and run within the planning and running of what
/// it is in. (A hundred kilobytes in such a build, as a semi-join.)
const SUBQUERY_LEVELS: usize = 8;

/// Refuses an expression that is nested too deep.
///
/// # Errors
/// [`Error::TooDeep`].
pub(crate) fn check_expr(expr: &Expr) -> Result<(), Error> {
    let mut open = Open::default();
    open.expr(expr, 1);
    open.check()
}

/// What is known of a query before it is planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Source numbers from this one on are not used in it.
    pub(crate) sources: u32,
    /// Parameter numbers from this one on are not used in it.
    pub(crate) parameters: usize,
    /// Whether there is a subquery in it.
    pub(crate) has_subquery: bool,
}

impl Numbers {
    fn note(&mut self, source: Source) {
        if source != Source::SELF {
            self.sources = self.sources.max(source.number() + 1);
        }
    }
}

/// Refuses a query that is nested too deep, and tells what is known of another.
///
/// # Errors
/// [`Error::TooDeep`].
pub(crate) fn check_query(query: &Query) -> Result<Numbers, Error> {
    let mut open = Open::default();
    open.query(query, 1);
    open.check()?;
    Ok(open.numbers)
}

/// Refuses a statement that is nested too deep.
///
/// # Errors
/// [`Error::TooDeep`].
pub(crate) fn check_statement(statement: &Statement) -> Result<(), Error> {
    let mut open = Open::default();
    match statement {
        Statement::Query(query) => open.query(query, 1),
        Statement::Insert(insert) => {
            match &insert.rows {
                InsertSource::Values(rows) => open.exprs(rows.iter().flatten().flatten(), 1),
                InsertSource::Query(query) => open.query(query, 1),
            }
            for conflict in insert.conflict.iter().flat_map(OnConflict::each) {
                if let ConflictAction::DoUpdate { assignments, predicate, .. } = &conflict.action {
                    open.exprs(predicate.iter().chain(assignments.iter().map(|(_, expr)| expr)), 1);
                }
            }
            open.outputs(&insert.returning, 1);
        }
        Statement::Update(update) => {
            update.from.iter().for_each(|from| open.relation(from, 1));
            open.exprs(update.predicate.iter().chain(update.assignments.iter().map(|(_, expr)| expr)), 1);
            open.outputs(&update.returning, 1);
        }
        Statement::Delete(delete) => {
            delete.using.iter().for_each(|using| open.relation(using, 1));
            open.exprs(&delete.predicate, 1);
            open.outputs(&delete.returning, 1);
        }
    }
    open.check()
}

/// What is still to be looked into, and how deep it lies.
#[derive(Default)]
struct Open<'a> {
    parts: SmallVec<[(Part<'a>, usize); 8]>,
    numbers: Numbers,
}

enum Part<'a> {
    Expr(&'a Expr),
    Relation(&'a Relation),
}

impl<'a> Open<'a> {
    fn check(&mut self) -> Result<(), Error> {
        while let Some((part, depth)) = self.parts.pop() {
            if depth > DEPTH_MAX {
                return Err(Error::TooDeep { max: DEPTH_MAX });
            }
            match part {
                Part::Expr(expr) => self.below_expr(expr, depth + 1),
                Part::Relation(relation) => self.below_relation(relation, depth + 1),
            }
        }
        Ok(())
    }

    fn below_expr(&mut self, expr: &'a Expr, depth: usize) {
        expr.each_child(&mut |child| self.expr(child, depth));
        match expr {
            Expr::Scalar(query) | Expr::InQuery(_, query) => self.query(query, depth + SUBQUERY_LEVELS),
            Expr::Exists(relation) => self.relation(relation, depth + SUBQUERY_LEVELS),
            _ => return,
        }
        self.numbers.has_subquery = true;
    }

    fn below_relation(&mut self, relation: &'a Relation, depth: usize) {
        relation.source().into_iter().for_each(|source| self.numbers.note(source));
        each_expression(relation, &mut |expr| self.expr(expr, depth));
        relation.each_input(&mut |input| self.relation(input, depth));
        relation.each_query(&mut |query| self.query(query, depth));
    }

    /// What has nothing below it is not opened: most of an `INSERT` are literals.
    fn expr(&mut self, expr: &'a Expr, depth: usize) {
        match expr {
            Expr::Literal(_) => {}
            Expr::Column(column) => self.numbers.note(column.source()),
            Expr::Parameter(number, _) => self.numbers.parameters = self.numbers.parameters.max(number + 1),
            expr => self.parts.push((Part::Expr(expr), depth)),
        }
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a Expr>, depth: usize) {
        exprs.into_iter().for_each(|expr| self.expr(expr, depth));
    }

    fn outputs(&mut self, columns: &'a [OutputColumn], depth: usize) {
        self.exprs(columns.iter().map(|column| &column.expr), depth);
    }

    fn relation(&mut self, relation: &'a Relation, depth: usize) {
        self.parts.push((Part::Relation(relation), depth));
    }

    fn query(&mut self, query: &'a Query, depth: usize) {
        self.relation(&query.relation, depth);
        self.outputs(&query.columns, depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;
    use crate::algebra::{Arithmetic, SetKind};
    use crate::catalog::{NewCheck, NewColumn, NewIndex, NewPart, NewTable};
    use crate::outcome::ResultSet;
    use crate::session::Session;
    use nuages_storage::{DataType, Value};

    const SOURCE: Source = Source::new(0);
    const TOO_DEEP: Error = Error::TooDeep { max: DEPTH_MAX };

    /// Something to nest, and how it is wrapped once more.
    type Nested<T> = (T, fn(T) -> T);

    fn conditions() -> [Nested<Expr>; 6] {
        let one = || Expr::literal(1);
        [
            (Expr::literal(true).is_null(), |expr| expr.not()),
            (one().equals(one()), |expr| Expr::Or(vec![Expr::And(vec![expr, Expr::literal(true)])])),
            (one().equals(one()), |expr| Expr::Exists(Box::new(Relation::Unit.filter(expr)))),
            (one().equals(one()), |expr| {
                let ones =
                    Query::new(Relation::Unit.filter(expr), vec![OutputColumn::new("n", Expr::literal(1))]);
                Expr::InQuery(Box::new(Expr::literal(1)), Box::new(ones))
            }),
            (one().equals(one()), |expr| expr.equals(Expr::literal(true))),
            (one().equals(one()), |expr| Expr::Case {
                branches: vec![(expr, Expr::literal(true))],
                otherwise: None,
            }),
        ]
    }

    fn numbers() -> [Nested<Expr>; 3] {
        let parameter = || Expr::Parameter(0, DataType::BigInt);
        [
            (parameter(), |expr| expr.arithmetic(Arithmetic::Add, Expr::literal(1))),
            (parameter(), |expr| Expr::Negate(Box::new(expr))),
            (parameter(), |expr| {
                Expr::Scalar(Box::new(Query::new(Relation::Unit, vec![OutputColumn::new("n", expr)])))
            }),
        ]
    }

    fn relations() -> [Nested<Relation>; 4] {
        [
            (Relation::Unit, |relation| relation.filter(Expr::literal(1).equals(Expr::literal(1)))),
            (Relation::Unit, |relation| relation.project(SOURCE, vec![Expr::literal(1)])),
            (Relation::Unit, |relation| relation.limit(0, Some(1)).distinct(vec![Expr::literal(1)])),
            (Relation::Unit, |relation| {
                let side =
                    |relation| Box::new(Query::new(relation, vec![OutputColumn::new("n", Expr::literal(1))]));
                let (left, right) = (side(relation), side(Relation::Unit));
                Relation::Set { kind: SetKind::Union, all: true, source: SOURCE, left, right }
            }),
        ]
    }

    /// Wraps again and again, until the query is as deep as is allowed; returns it and the first that is too deep.
    fn deepest<T: Clone>((mut inner, wrap): Nested<T>, query: impl Fn(T) -> Query) -> [Query; 2] {
        loop {
            let outer = wrap(inner.clone());
            if check_query(&query(outer.clone())).is_err() {
                return [query(inner), query(outer)];
            }
            inner = outer;
        }
    }

    fn value_of(expr: Expr) -> Query {
        Query::new(Relation::Unit, vec![OutputColumn::new("value", expr)])
    }

    #[test]
    fn what_is_as_deep_as_is_allowed_is_planned_and_run_and_what_is_deeper_is_refused() {
        let db = Database::new();
        let run = |query: &Query| db.query(query, &[Value::Int(1)]).map(|ResultSet { rows, .. }| rows.len());
        let rows_of = |relation| Query::new(relation, Vec::new());
        let queries = conditions().map(|nested| deepest(nested, value_of)).into_iter();
        let queries = queries
            .chain(conditions().map(|nested| deepest(nested, |expr| rows_of(Relation::Unit.filter(expr)))));
        let queries = queries.chain(numbers().map(|nested| deepest(nested, value_of)));
        let queries = queries.chain(relations().map(|nested| deepest(nested, rows_of)));
        for [allowed, refused] in queries {
            assert!(run(&allowed).is_ok_and(|rows| rows <= DEPTH_MAX), "{allowed:?}");
            db.explain(&allowed).unwrap();
            assert_eq!(run(&refused), Err(TOO_DEEP));
            assert_eq!(db.explain(&refused), Err(TOO_DEEP));
        }
    }

    #[test]
    fn the_numbers_of_sources_and_parameters_are_those_of_subqueries_too() {
        let (outer, inner) = (Source::new(3), Source::new(7));
        let below = Query::new(
            Relation::Unit.project(inner, vec![Expr::Parameter(4, DataType::BigInt)]),
            vec![OutputColumn::new("n", Expr::from(inner.column(0)))],
        );
        let of = |expr: Expr| Query::new(Relation::Unit.project(outer, vec![expr]), Vec::new());
        let plain = Numbers { sources: 4, parameters: 0, has_subquery: false };
        assert_eq!(check_query(&of(Expr::literal(1))), Ok(plain));
        let nested = Numbers { sources: 8, parameters: 5, has_subquery: true };
        assert_eq!(check_query(&of(Expr::Scalar(Box::new(below)))), Ok(nested));
        let mentioned = Numbers { sources: 10, ..plain };
        assert_eq!(check_query(&of(Source::new(9).column(1).into())), Ok(mentioned));
    }

    #[test]
    fn a_hundred_thousand_levels_are_refused_and_do_not_exhaust_the_stack() {
        let db = Database::new();
        let deep = |(inner, wrap): Nested<Expr>| (0..100_000).fold(inner, |expr, _| wrap(expr));
        for nested in conditions().into_iter().chain(numbers()) {
            let query = value_of(deep(nested));
            assert_eq!(db.query(&query, &[]).err(), Some(TOO_DEEP));
            // To drop it would exhaust the stack.
            std::mem::forget(query);
        }
        for (inner, wrap) in relations() {
            let query = Query::new((0..100_000).fold(inner, |relation, _| wrap(relation)), Vec::new());
            assert_eq!(db.query(&query, &[]).err(), Some(TOO_DEEP));
            std::mem::forget(query);
        }
    }

    #[test]
    fn statements_that_write_and_definitions_are_no_deeper_than_queries() {
        let db = Database::new();
        let table = NewTable::new("t").column(NewColumn::new("a", DataType::BigInt));
        let table = db.create_table(table).unwrap();
        let deep = || (0..DEPTH_MAX).fold(Expr::literal(true).is_null(), |expr, _| expr.not());
        let update = |predicate, value| {
            let assignments = vec![(0, value)];
            crate::algebra::Update {
                table,
                source: SOURCE,
                predicate,
                assignments,
                returning: Vec::new(),
                from: None,
            }
        };
        let run = |statement| db.execute(&statement, &[]).map(drop);
        assert_eq!(run(Statement::Update(update(Some(deep()), Expr::literal(1)))), Err(TOO_DEEP));
        assert_eq!(run(Statement::Update(update(None, deep()))), Err(TOO_DEEP));
        let rows = InsertSource::Values(vec![vec![Some(deep())]]);
        let insert = crate::algebra::Insert {
            table,
            columns: vec![0],
            rows,
            source: SOURCE,
            returning: Vec::new(),
            conflict: None,
        };
        assert_eq!(run(Statement::Insert(insert)), Err(TOO_DEEP));
        let delete = crate::algebra::Delete {
            table,
            source: SOURCE,
            predicate: Some(deep()),
            returning: Vec::new(),
            using: None,
        };
        assert_eq!(run(Statement::Delete(delete)), Err(TOO_DEEP));
        assert_eq!(db.add_check("t", NewCheck::new("c", deep())), Err(TOO_DEEP));
        assert_eq!(db.add_index("t", NewIndex::new("i", [NewPart::expression(deep())])), Err(TOO_DEEP));
        let column = NewColumn::new("b", DataType::Bool).default(deep());
        assert_eq!(db.add_column("t", column), Err(TOO_DEEP));
    }
}
