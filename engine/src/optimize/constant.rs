//! Queries that ask for constants alone: their row is known without a plan, and `SELECT 1` is what programs ask to see
//! whether somebody is there.

use nuages_storage::Value;

use super::depth;
use crate::algebra::{Expr, Query, Relation};
use crate::evaluate::Scalar;

/// The one row of a query over no rows of a table, if all of it is known now; none also where it cannot be computed,
/// for that is said when it is run.
pub(crate) fn constant_row(query: &Query) -> Option<Vec<Value>> {
    let is_alone = matches!(query.relation, Relation::Unit) && query.lock.is_none();
    if !is_alone || depth::check_query(query).is_err() {
        return None;
    }
    query.columns.iter().map(|column| constant(&column.expr)).collect()
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
}
