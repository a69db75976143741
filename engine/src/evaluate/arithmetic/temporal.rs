//! Dates, times, timestamps and intervals: integers of a unit each.

use jiff::Timestamp;
use nuages_storage::DataType;
use nuages_storage::value::temporal::{MICROS_PER_DAY, date_from_days};

use super::{Class, Operands, checked, divided, overflow};
use crate::algebra::Arithmetic;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::compare::Words;

/// The operations of the table in the [module](super) above.
pub(super) fn evaluate(
    op: Arithmetic,
    left: Class,
    right: Class,
    operands: &Operands<'_, '_>,
    live: &Bits,
) -> Result<(DataType, Vec<u64>), Error> {
    use Class::{Date, Duration, Float, Int, Time};
    let kind = kind_of(left, right);
    let (a, b) = operands.words();
    let len = operands.len;
    let add = op == Arithmetic::Add;
    let sum = move |a: i64, b: i64| if add { a.overflowing_add(b) } else { a.overflowing_sub(b) };
    let run = |compute: &dyn Fn(i64, i64) -> (i64, bool)| checked(op.symbol(), a, b, len, live, compute);
    let data = match (left, right) {
        (Duration, Float) => duration_by_float(op, a, b, len, live)?,
        (Float, Duration) => duration_by_float(op, b, a, len, live)?,
        (Duration, Int) if op == Arithmetic::Divide => divided(op, a, b, len, live, i64::checked_div)?,
        (Duration, Int) | (Int, Duration) => run(&i64::overflowing_mul)?,
        (Date, Date) => run(&|a, b| a.wrapping_sub(b).overflowing_mul(MICROS_PER_DAY))?,
        (Date, Duration) => run(&|a, b| sum(a.wrapping_mul(MICROS_PER_DAY), b))?,
        (Duration, Date) => run(&|a, b| sum(a, b.wrapping_mul(MICROS_PER_DAY)))?,
        // The clock goes round: of an interval only what is left of its whole days counts, on either side.
        (Time, Duration) | (Duration, Time) => run(&|a, b| {
            let (time, overflowed) = sum(a % MICROS_PER_DAY, b % MICROS_PER_DAY);
            (time.rem_euclid(MICROS_PER_DAY), overflowed)
        })?,
        _ => run(&sum)?,
    };
    let valid = |word: u64| match kind {
        DataType::Date => date_from_days(word.cast_signed()).is_some(),
        DataType::Timestamp => {
            let range = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
            range.contains(&word.cast_signed())
        }
        _ => true,
    };
    if live.iter().all(|row| valid(data[row])) {
        Ok((kind, data))
    } else {
        Err(Error::Overflow { operation: format!("{} {} {}", left.name(), op.symbol(), right.name()) })
    }
}

fn kind_of(left: Class, right: Class) -> DataType {
    use Class::{Date, Duration, Int, Time, Timestamp};
    match (left, right) {
        (Timestamp, Duration) | (Duration, Timestamp | Date) | (Date, Duration) => DataType::Timestamp,
        (Date, Int) | (Int, Date) => DataType::Date,
        (Time, Duration) | (Duration, Time) => DataType::Time,
        _ => DataType::Duration,
    }
}

fn duration_by_float(
    op: Arithmetic,
    durations: Words<'_>,
    numbers: Words<'_>,
    len: usize,
    live: &Bits,
) -> Result<Vec<u64>, Error> {
    let mut data = vec![0; len];
    for row in live {
        #[expect(clippy::cast_precision_loss, reason = "a product with a float is one of floats")]
        let micros = durations.get(row).cast_signed() as f64;
        let number = f64::from_bits(numbers.get(row));
        if op == Arithmetic::Divide && number == 0.0 {
            return Err(Error::DivisionByZero);
        }
        let result = if op == Arithmetic::Divide { micros / number } else { micros * number }.round();
        let word =
            crate::evaluate::cast::float_to_int(result).ok_or_else(|| overflow("interval", op.symbol()))?;
        data[row] = word.cast_unsigned();
    }
    Ok(data)
}
