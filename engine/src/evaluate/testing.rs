//! What the tests of functions and operators share.

use nuages_storage::{DataType, Value};

use super::{Context, Scalar};
use crate::algebra::{Expr, Source};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

pub(crate) fn context() -> Context<'static> {
    Context::at(&[], jiff::Timestamp::UNIX_EPOCH)
}

/// The source of test columns.
pub(crate) const SOURCE: Source = Source::new(0);

/// The value of an expression of literals. It is computed twice: once as constants when it is compiled, and once with
/// each literal in a column of its own, between a row of NULLs that is selected and a row that is not.
pub(crate) fn value_of(expr: &Expr) -> Result<Value, Error> {
    let constant = Scalar::compile(expr, &|_| None).and_then(|scalar| scalar.value(&context()));
    let mut literals = Vec::new();
    let mut over_columns = expr.clone();
    take_literals(&mut over_columns, &mut literals);
    let types: Vec<DataType> = literals.iter().filter_map(Value::data_type).collect();
    let columns = literals
        .iter()
        .zip(&types)
        .map(|(literal, kind)| Vector::from_values(*kind, [Value::Null, literal.clone(), literal.clone()]));
    let batch = Batch::new(columns, 3).with_selection(Bits::from_word(0b011));
    let by_column = Scalar::compile(&over_columns, &|column| Some((column.index(), types[column.index()])))
        .and_then(|scalar| scalar.evaluate(&batch, &context()))
        .map(|vector| vector.value(1));
    // Literal texts are read as other types where columns of texts are not.
    if !matches!(by_column, Err(Error::Type { .. })) {
        assert_eq!(constant, by_column, "computed as constants and as columns: {expr:?}");
    }
    constant
}

/// Replaces every literal that is not NULL by a column.
fn take_literals(expr: &mut Expr, literals: &mut Vec<Value>) {
    if let Expr::Literal(value) = expr {
        if !value.is_null() {
            literals.push(std::mem::take(value));
            *expr = SOURCE.column(literals.len() - 1).into();
        }
        return;
    }
    expr.children_mut().into_iter().for_each(|child| take_literals(child, literals));
}
