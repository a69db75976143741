//! The same expressions computed by SQLite, where both mean the same.
//!
//! Left out on purpose: overflow (SQLite goes on in floats), division by zero (NULL there), `substr` before the
//! beginning of a text, rounding of floats, case beyond ASCII.

use nuages_storage::{DataType, Value};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::algebra::{Arithmetic, Comparison, DatePart, Expr, Function, TextMatch};
use crate::error::Error;
use crate::evaluate::testing::value_of;

const TEXT: DataType = DataType::Text { max_length: None };

/// What SQLite makes of `sql` with these parameters.
fn sqlite(connection: &Connection, sql: &str, parameters: &[Value]) -> Value {
    let parameters = parameters.iter().map(|value| match value {
        Value::Int(int) => rusqlite::types::Value::Integer(*int),
        Value::Float(float) => rusqlite::types::Value::Real(*float),
        Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
        _ => rusqlite::types::Value::Null,
    });
    let mut statement = connection.prepare_cached(&format!("SELECT {sql}")).unwrap();
    // The last ones may not be mentioned.
    let mentioned = statement.parameter_count();
    statement
        .query_row(rusqlite::params_from_iter(parameters.take(mentioned)), |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(int) => Value::Int(int),
                ValueRef::Real(float) => Value::Float(float),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(_) => unreachable!("no expression here makes one"),
            })
        })
        .unwrap()
}

/// SQLite has no booleans.
fn as_sqlite(value: Value) -> Value {
    match value {
        Value::Bool(bool) => Value::Int(bool.into()),
        value => value,
    }
}

fn check(connection: &Connection, cases: &[(&str, Expr)], parameters: &[Value]) -> Result<(), TestCaseError> {
    for (sql, expr) in cases {
        match value_of(expr) {
            Err(Error::Overflow { .. } | Error::DivisionByZero) => {}
            ours => {
                let theirs = sqlite(connection, sql, parameters);
                prop_assert_eq!(ours.map(as_sqlite), Ok(theirs), "{} of {:?}", sql, parameters);
            }
        }
    }
    Ok(())
}

fn call<const N: usize>(function: Function, arguments: [&Expr; N]) -> Expr {
    Expr::Call(function, arguments.into_iter().cloned().collect())
}

fn nullable(values: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![9 => values, 1 => Just(Value::Null)]
}

fn number() -> impl Strategy<Value = Value> {
    let ints = prop_oneof![-20_i64..20, any::<i64>()].prop_map(Value::Int);
    let floats = (-1e9..1e9).prop_map(Value::Float);
    nullable(prop_oneof![2 => ints, 1 => floats])
}

proptest! {
    #[test]
    fn numbers_are_computed_alike(a in number(), b in number(), int in any::<i64>(), other in any::<i64>()) {
        let connection = Connection::open_in_memory().unwrap();
        let (x, y) = (Expr::literal(a.clone()), Expr::literal(b.clone()));
        let ops = [
            ("?1 + ?2", Arithmetic::Add),
            ("?1 - ?2", Arithmetic::Subtract),
            ("?1 * ?2", Arithmetic::Multiply),
            ("?1 / ?2", Arithmetic::Divide),
        ];
        let mut cases: Vec<(&str, Expr)> =
            ops.into_iter().map(|(sql, op)| (sql, x.clone().arithmetic(op, y.clone()))).collect();
        let comparisons = [
            ("?1 = ?2", Comparison::Equal),
            ("?1 <> ?2", Comparison::NotEqual),
            ("?1 < ?2", Comparison::Less),
            ("?1 >= ?2", Comparison::GreaterOrEqual),
            ("?1 IS ?2", Comparison::Same),
        ];
        cases.extend(comparisons.into_iter().map(|(sql, op)| (sql, x.clone().compare(op, y.clone()))));
        cases.push(("abs(?1)", call(Function::Abs, [&x])));
        cases.push(("-?1", Expr::Negate(Box::new(x.clone()))));
        cases.push(("coalesce(?1, ?2)", call(Function::Coalesce, [&x, &y])));
        cases.push(("?1 IN (?2, 3)", Expr::InList(Box::new(x.clone()), vec![y.clone(), Expr::literal(3)])));
        // A choice between an integer and a float is a float here, and either there; they are equal as far as the
        // float is exact.
        let exact = |value: &Value| value.as_int().is_none_or(|int| int.unsigned_abs() < 1 << 53);
        if !(exact(&a) && exact(&b)) {
            cases.retain(|(sql, _)| sql.starts_with("abs") || sql.starts_with('-'));
        }
        check(&connection, &cases, &[a, b])?;

        let (x, y) = (Expr::literal(int), Expr::literal(other));
        let ints = [
            ("?1 % ?2", x.clone().arithmetic(Arithmetic::Modulo, y.clone())),
            ("?1 / ?2", x.clone().arithmetic(Arithmetic::Divide, y.clone())),
            ("?1 & ?2", x.clone().arithmetic(Arithmetic::BitAnd, y.clone())),
            ("?1 | ?2", x.clone().arithmetic(Arithmetic::BitOr, y.clone())),
            ("max(?1, ?2)", call(Function::Greatest, [&x, &y])),
            ("min(?1, ?2)", call(Function::Least, [&x, &y])),
            ("nullif(?1, ?2)", call(Function::NullIf, [&x, &y])),
            ("sign(?1)", call(Function::Sign, [&x])),
        ];
        check(&connection, &ints, &[int.into(), other.into()])?;
    }

    #[test]
    fn texts_are_computed_alike(
        text in nullable("[ab ÉçK]{0,8}".prop_map(Value::Text)),
        part in nullable("[abÉ]{0,2}".prop_map(Value::Text)),
        ascii in "[abAB%_]{0,6}",
        pattern in "[abAB%_]{0,4}",
        start in 1_i64..10,
        count in 0_i64..10,
    ) {
        let connection = Connection::open_in_memory().unwrap();
        let (x, y) = (Expr::literal(text.clone()), Expr::literal(part.clone()));
        let (from, many) = (Expr::literal(start), Expr::literal(count));
        let dash = Expr::literal("-");
        let mut cases = vec![
            ("length(?1)", call(Function::Length, [&x])),
            ("trim(?1)", call(Function::Trim, [&x])),
            ("ltrim(?1)", call(Function::TrimLeft, [&x])),
            ("rtrim(?1)", call(Function::TrimRight, [&x])),
            ("replace(?1, ?2, '-')", call(Function::Replace, [&x, &y, &dash])),
            ("instr(?1, ?2)", call(Function::Position, [&x, &y])),
            ("substr(?1, ?3)", call(Function::Substring, [&x, &from])),
            ("substr(?1, ?3, ?4)", call(Function::Substring, [&x, &from, &many])),
            ("concat(?1, ?2, ?3)", call(Function::Concat, [&x, &y, &from])),
            ("?1 < ?2", x.clone().compare(Comparison::Less, y.clone())),
            ("?1 = ?2", x.clone().equals(y.clone())),
            ("?1 IS NULL", x.clone().is_null()),
        ];
        let text_of = |expr| Expr::Cast(Box::new(expr), TEXT);
        cases.push(("CAST(?3 AS TEXT)", text_of(from)));
        check(&connection, &cases, &[text, part, start.into(), count.into()])?;

        // SQLite's LIKE ignores the case of ASCII.
        let (x, y) = (Expr::literal(ascii.clone()), Expr::literal(pattern.clone()));
        let like = Expr::Match {
            kind: TextMatch::Like,
            ignore_case: true,
            text: Box::new(x.clone()),
            pattern: Box::new(y),
        };
        let cases = [
            ("?1 LIKE ?2", like),
            ("lower(?1)", call(Function::Lower, [&x])),
            ("upper(?1)", call(Function::Upper, [&x])),
        ];
        check(&connection, &cases, &[ascii.into(), pattern.into()])?;
    }

    #[test]
    fn dates_are_taken_apart_alike(seconds in -60_000_000_000_i64..200_000_000_000) {
        let connection = Connection::open_in_memory().unwrap();
        let instant = jiff::Timestamp::from_second(seconds).unwrap();
        let x = Expr::literal(instant);
        let parts = [
            ("%Y", DatePart::Year),
            ("%m", DatePart::Month),
            ("%d", DatePart::Day),
            ("%H", DatePart::Hour),
            ("%M", DatePart::Minute),
            ("%S", DatePart::Second),
            ("%j", DatePart::DayOfYear),
            ("%G", DatePart::IsoYear),
            ("%V", DatePart::Week),
            ("%u", DatePart::IsoWeekDay),
        ];
        for (format, part) in parts {
            let sql = format!("CAST(strftime('{format}', ?1, 'unixepoch') AS INTEGER)");
            let expr = call(Function::Extract(part, None), [&x]);
            prop_assert_eq!(value_of(&expr), Ok(sqlite(&connection, &sql, &[seconds.into()])), "{}", sql);
        }
        let text = |expr: Expr| value_of(&Expr::Cast(Box::new(expr), TEXT));
        prop_assert_eq!(
            text(call(Function::DateOf(None), [&x])),
            Ok(sqlite(&connection, "date(?1, 'unixepoch')", &[seconds.into()]))
        );
        prop_assert_eq!(
            text(call(Function::TimeOf(None), [&x])),
            Ok(sqlite(&connection, "time(?1, 'unixepoch')", &[seconds.into()]))
        );
        let month = call(Function::Truncate(crate::algebra::DateUnit::Month, None), [&x]);
        prop_assert_eq!(
            text(call(Function::DateOf(None), [&month])),
            Ok(sqlite(&connection, "date(?1, 'unixepoch', 'start of month')", &[seconds.into()]))
        );
    }
}
