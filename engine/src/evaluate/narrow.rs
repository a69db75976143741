//! Days compared with moments.
//!
//! PostgreSQL's `day + interval '1 year'` is a moment, so that `day < date '1994-01-01' + interval '1 year'` compares a
//! column of days with one, and would make a moment of each day first. But the days before a moment are those before a
//! day: `d < 1995-01-01 00:00` is `d < 1995-01-01`, and `d < 1995-01-01 08:00` is `d <= 1995-01-01`.

use nuages_storage::value::temporal::{MICROS_PER_DAY, date_from_days, timestamp_to_micros};
use nuages_storage::{DataType, Value};

use super::node::{Node, Operation};
use super::types::Class;
use crate::algebra::Comparison;

/// A comparison of midnights with a moment as one of their days with a day; none if no day can say the same.
pub(crate) fn by_day(op: Comparison, moment: &Value) -> Option<(Comparison, Value)> {
    let Value::Timestamp(moment) = moment else { return None };
    let micros = timestamp_to_micros(*moment);
    let is_midnight = micros.rem_euclid(MICROS_PER_DAY) == 0;
    let op = match op {
        op if is_midnight => op,
        Comparison::Less | Comparison::LessOrEqual => Comparison::LessOrEqual,
        Comparison::Greater | Comparison::GreaterOrEqual => Comparison::Greater,
        Comparison::Equal | Comparison::NotEqual | Comparison::Same => return None,
    };
    Some((op, date_from_days(micros.div_euclid(MICROS_PER_DAY)).into()))
}

/// A comparison, of days if it was one of their midnights with a constant.
pub(super) fn compare(op: Comparison, left: Node, right: Node) -> Operation {
    let narrowed = match (day_of(&left), right.as_constant(), left.as_constant(), day_of(&right)) {
        (true, Some(moment), ..) => by_day(op, moment),
        (_, _, Some(moment), true) => by_day(op.flipped(), moment),
        _ => None,
    };
    let Some((op, day)) = narrowed else { return Operation::Compare(op, Box::new(left), Box::new(right)) };
    let midnight = if day_of(&left) { left } else { right };
    let Operation::Cast(days) = midnight.operation else { unreachable!("a midnight is a day that was cast") };
    Operation::Compare(op, days, Box::new(Node::constant_of(day, Some(DataType::Date))))
}

/// Whether a node makes the midnight of a day.
fn day_of(node: &Node) -> bool {
    let is_day = |operand: &Node| operand.class() == Some(Class::Date);
    node.class() == Some(Class::Timestamp)
        && matches!(&node.operation, Operation::Cast(operand) if is_day(operand))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Expr, Source};
    use crate::batch::Batch;
    use crate::evaluate::{Context, Scalar, cast_value};
    use crate::vector::VectorBuilder;

    const OPERATORS: [Comparison; 7] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Same,
    ];

    #[test]
    fn days_compare_with_moments_as_their_midnights_do() {
        let days = ["1969-12-30", "1969-12-31", "1970-01-01", "1970-01-02"];
        let moments = [
            "1969-12-31 00:00:00",
            "1969-12-31 08:30:00",
            "1969-12-30 23:59:59.999999",
            "1970-01-01 00:00:00",
        ];
        let value = |text: &str, kind| cast_value(Value::from(text), kind).unwrap();
        let mut column = VectorBuilder::with_capacity(DataType::Date, days.len());
        days.iter().for_each(|day| column.push(&value(day, DataType::Date)));
        let batch = Batch::new([column.finish()], days.len());
        let midnight = Expr::Cast(Box::new(Source::new(0).column(0).into()), DataType::Timestamp);
        let found = |condition: &Expr| {
            let scalar = Scalar::compile(condition, &|_| Some((0, DataType::Date))).unwrap();
            let context = Context::at(&[], jiff::Timestamp::UNIX_EPOCH);
            scalar.filter(&batch, &context).unwrap().iter().collect::<Vec<usize>>()
        };
        for moment in moments.map(|moment| value(moment, DataType::Timestamp)) {
            for op in OPERATORS {
                let constant = Expr::Literal(moment.clone());
                let expected: Vec<usize> = (0..days.len())
                    .filter(|row| {
                        let day = value(days[*row], DataType::Date);
                        let day = cast_value(day, DataType::Timestamp).unwrap();
                        holds(op, day.cmp(&moment))
                    })
                    .collect();
                assert_eq!(
                    found(&midnight.clone().compare(op, constant.clone())),
                    expected,
                    "{op:?} {moment}"
                );
                assert_eq!(
                    found(&constant.compare(op.flipped(), midnight.clone())),
                    expected,
                    "{op:?} {moment}"
                );
            }
        }
    }

    fn holds(op: Comparison, order: std::cmp::Ordering) -> bool {
        match op {
            Comparison::Equal | Comparison::Same => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}
