//! Functions of sequences: the only ones that change something.

use nuages_storage::{DataType, Value};

use super::Call;
use crate::algebra::{SequenceCall, SequenceVerb};
use crate::error::Error;
use crate::evaluate::Context;
use crate::vector::Vector;

/// The types of its arguments, and of its result.
pub(super) fn signature(of: &SequenceCall) -> (&'static [DataType], DataType) {
    match of.verb {
        SequenceVerb::Set => (&[DataType::BigInt, DataType::Bool], DataType::BigInt),
        SequenceVerb::IsCalled => (&[], DataType::Bool),
        _ => (&[], DataType::BigInt),
    }
}

/// Computes it, row by row.
///
/// # Errors
/// [`Error::ReadOnly`] where nothing is handed out; what the sequence refuses.
pub(crate) fn evaluate(
    of: &SequenceCall,
    call: &Call<'_>,
    context: &Context<'_>,
) -> Result<Vector<'static>, Error> {
    let draws = context.draws().ok_or(Error::ReadOnly)?;
    let Some(numbering) = &of.numbering else {
        let latest = draws.latest()?;
        return Ok(Vector::constant(Value::Int(latest), call.len));
    };
    match of.verb {
        SequenceVerb::Next => call.words(DataType::BigInt, |_| draws.next(numbering)),
        SequenceVerb::Set => call.words(DataType::BigInt, |row| {
            let is_called = call.columns.get(1).is_some_and(|column| column.value(row) == Value::Bool(true));
            draws.set(numbering, call.int(0, row).unwrap_or_default(), is_called)
        }),
        SequenceVerb::Current | SequenceVerb::Latest => {
            Ok(Vector::constant(Value::Int(draws.current(numbering)?), call.len))
        }
        SequenceVerb::Value => Ok(Vector::constant(Value::Int(draws.last(numbering).0), call.len)),
        SequenceVerb::IsCalled => Ok(Vector::constant(Value::Bool(draws.last(numbering).1), call.len)),
    }
}
