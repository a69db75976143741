//! Queries that ask for constants alone: their row is known without a plan, and `SELECT 1` is what programs ask to see
//! whether somebody is there.

use nuages_storage::Value;

use super::depth;
use crate::algebra::{Expr, Query, Relation, Source};
use crate::evaluate::Scalar;

/// The one row of a query over no rows of a table, if all of it is known now; none also where it cannot be computed,
/// for that is said when it is run.
pub(crate) fn constant_row(query: &Query) -> Option<Vec<Value>> {
    let projection = match &query.relation {
        Relation::Unit => None,
        // One row is distinct.
        Relation::Distinct { input, on } if on.iter().all(|expr| matches!(expr, Expr::Column(_))) => {
            Some(projection_of_unit(input)?)
        }
        _ => return None,
    };
    if query.lock.is_some() || depth::check_query(query).is_err() {
        return None;
    }
    let defined = |expr: &Expr| match (projection, expr) {
        (None, expr) => constant(expr),
        (Some((source, columns)), Expr::Column(column)) if column.source() == source => {
            constant(columns.get(column.index())?)
        }
        _ => None,
    };
    query.columns.iter().map(|column| defined(&column.expr)).collect()
}

/// What a projection of the one row without columns computes, and as whose columns.
fn projection_of_unit(relation: &Relation) -> Option<(Source, &[Expr])> {
    match relation {
        Relation::Project { input, source, columns } if matches!(**input, Relation::Unit) => {
            Some((*source, columns))
        }
        _ => None,
    }
}

fn constant(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Literal(value) => Some(value.clone()),
        expr => Scalar::compile(expr, &|_| None).ok()?.as_constant().cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Arithmetic, OutputColumn};

    fn row_of(expr: Expr) -> Option<Vec<Value>> {
        constant_row(&Query::new(Relation::Unit, vec![OutputColumn::new("n", expr)]))
    }

    #[test]
    fn what_depends_on_nothing_is_known() {
        let divided = |by: i64| Expr::literal(6).arithmetic(Arithmetic::Divide, Expr::literal(by));
        assert_eq!(row_of(Expr::literal("Nuages")), Some(vec!["Nuages".into()]));
        assert_eq!(row_of(divided(3)), Some(vec![2.into()]));
        assert_eq!(row_of(divided(0)), None);
        assert_eq!(row_of(Expr::Parameter(0, nuages_storage::DataType::BigInt)), None);
    }

    #[test]
    fn one_row_is_distinct() {
        let source = Source::new(0);
        let query = |expr: Expr, on: Expr| {
            let relation = Relation::Unit.project(source, vec![Expr::literal(1), expr]).distinct(vec![on]);
            Query::new(relation, vec![OutputColumn::new("n", source.column(1))])
        };
        let by_column = || Expr::from(source.column(1));
        assert_eq!(constant_row(&query(Expr::literal(2), by_column())), Some(vec![2.into()]));
        let divided = Expr::literal(6).arithmetic(Arithmetic::Divide, Expr::literal(0));
        assert_eq!(constant_row(&query(divided, by_column())), None);
        let computed = Expr::literal(6).arithmetic(Arithmetic::Divide, by_column());
        assert_eq!(constant_row(&query(Expr::literal(2), computed)), None);
    }
}
