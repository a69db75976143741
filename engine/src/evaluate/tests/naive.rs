//! The algebra evaluated in the plainest way: one row, one value at a time.

use std::cmp::Ordering;

use nuages_storage::{DataType, Value};

use crate::algebra::{Arithmetic, Comparison, Expr, Function, TextMatch};
use crate::error::Error;
use crate::evaluate::quotient::quotient;

/// Whether a condition is true of a row; what cannot be true any more is not evaluated.
pub(super) fn is_true(expr: &Expr, row: &[Value]) -> Result<bool, Error> {
    match expr {
        Expr::And(all) => {
            for part in all {
                if !is_true(part, row)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expr::Or(any) => {
            for part in any {
                if is_true(part, row)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(evaluate(expr, row)? == Value::Bool(true)),
    }
}

pub(super) fn evaluate(expr: &Expr, row: &[Value]) -> Result<Value, Error> {
    let eval = |expr: &Expr| evaluate(expr, row);
    Ok(match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Column(column) => row[column.index()].clone(),
        Expr::Compare(op, left, right) => compare(*op, &eval(left)?, &eval(right)?),
        Expr::And(all) => {
            let mut result = Value::Bool(true);
            for part in all {
                match eval(part)? {
                    Value::Bool(false) => return Ok(Value::Bool(false)),
                    Value::Null => result = Value::Null,
                    _ => {}
                }
            }
            result
        }
        Expr::Or(any) => {
            let mut result = Value::Bool(false);
            for part in any {
                match eval(part)? {
                    Value::Bool(true) => return Ok(Value::Bool(true)),
                    Value::Null => result = Value::Null,
                    _ => {}
                }
            }
            result
        }
        Expr::Not(operand) => eval(operand)?.as_bool().map(|bool| !bool).into(),
        Expr::IsNull(operand) => eval(operand)?.is_null().into(),
        Expr::InList(needle, list) => {
            let needle = eval(needle)?;
            let mut result = Value::Bool(false);
            for element in list {
                match compare(Comparison::Equal, &needle, &eval(element)?) {
                    Value::Bool(true) => return Ok(Value::Bool(true)),
                    Value::Null => result = Value::Null,
                    _ => {}
                }
            }
            result
        }
        Expr::Arithmetic(op, left, right) => arithmetic(*op, eval(left)?, eval(right)?)?,
        Expr::Negate(operand) => match eval(operand)? {
            Value::Int(int) => Value::Int(int.checked_neg().ok_or_else(overflow)?),
            Value::Float(float) => Value::Float(-float),
            Value::Decimal(decimal) => Value::Decimal(-decimal),
            other => other,
        },
        Expr::Case { branches, otherwise } => {
            for (when, then) in branches {
                if is_true(when, row)? {
                    return eval(then);
                }
            }
            otherwise.as_deref().map_or(Ok(Value::Null), eval)?
        }
        Expr::Cast(operand, DataType::Text { .. }) => match eval(operand)? {
            Value::Null => Value::Null,
            value => Value::Text(value.to_string()),
        },
        Expr::Match { kind, text, pattern, .. } => match (eval(text)?, eval(pattern)?) {
            (Value::Text(text), Value::Text(pattern)) => Value::Bool(match kind {
                TextMatch::Contains => text.contains(&pattern),
                TextMatch::StartsWith => text.starts_with(&pattern),
                TextMatch::EndsWith => text.ends_with(&pattern),
                _ => text == pattern,
            }),
            _ => Value::Null,
        },
        Expr::Call(function, arguments) => call(function, arguments, row)?,
        other => unreachable!("the generator makes no {other:?}"),
    })
}

fn overflow() -> Error {
    Error::Overflow { operation: String::new() }
}

fn compare(op: Comparison, left: &Value, right: &Value) -> Value {
    if op == Comparison::Same {
        return (left.is_null() && right.is_null()
            || compare(Comparison::Equal, left, right) == Value::Bool(true))
        .into();
    }
    if left.is_null() || right.is_null() {
        return Value::Null;
    }
    let float = |value: &Value| matches!(value, Value::Float(_));
    let order = if float(left) || float(right) {
        // Numbers of different kinds are compared as floats if one is.
        Value::from(left.as_float()).cmp(&Value::from(right.as_float()))
    } else {
        left.cmp(right)
    };
    Value::Bool(match op {
        Comparison::Equal | Comparison::Same => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

fn arithmetic(op: Arithmetic, left: Value, right: Value) -> Result<Value, Error> {
    let divides = matches!(op, Arithmetic::Divide | Arithmetic::Modulo);
    Ok(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Int(_), Value::Int(0)) if divides => return Err(Error::DivisionByZero),
        (Value::Int(a), Value::Int(b)) => Value::Int(
            match op {
                Arithmetic::Add => a.checked_add(b),
                Arithmetic::Subtract => a.checked_sub(b),
                Arithmetic::Multiply => a.checked_mul(b),
                Arithmetic::Divide => a.checked_div(b),
                Arithmetic::Modulo => Some(a.wrapping_rem(b)),
                Arithmetic::BitAnd => Some(a & b),
                Arithmetic::BitOr => Some(a | b),
                _ => Some(a ^ b),
            }
            .ok_or_else(overflow)?,
        ),
        (Value::Decimal(a), Value::Decimal(b)) => {
            if divides && b.is_zero() {
                return Err(Error::DivisionByZero);
            }
            Value::Decimal(
                match op {
                    Arithmetic::Add => a.checked_add(b),
                    Arithmetic::Subtract => a.checked_sub(b),
                    Arithmetic::Multiply => a.checked_mul(b),
                    Arithmetic::Divide => quotient(a, b),
                    _ => a.checked_rem(b),
                }
                .ok_or_else(overflow)?,
            )
        }
        (a, b) => {
            let (a, b) = (a.as_float().unwrap(), b.as_float().unwrap());
            if divides && b == 0.0 {
                return Err(Error::DivisionByZero);
            }
            let result = match op {
                Arithmetic::Add => a + b,
                Arithmetic::Subtract => a - b,
                Arithmetic::Multiply => a * b,
                Arithmetic::Divide => a / b,
                _ => a % b,
            };
            if !result.is_finite() && a.is_finite() && b.is_finite() {
                return Err(overflow());
            }
            Value::Float(result)
        }
    })
}

fn call(function: &Function, arguments: &[Expr], row: &[Value]) -> Result<Value, Error> {
    if matches!(function, Function::Coalesce) {
        for argument in arguments {
            let value = evaluate(argument, row)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        return Ok(Value::Null);
    }
    let values = arguments.iter().map(|argument| evaluate(argument, row)).collect::<Result<Vec<_>, _>>()?;
    let present = || values.iter().filter(|value| !value.is_null()).cloned();
    Ok(match (function, &values[..]) {
        (Function::Greatest, _) => present().max().unwrap_or_default(),
        (Function::Least, _) => present().min().unwrap_or_default(),
        (Function::NullIf, [a, b]) if compare(Comparison::Equal, a, b) == Value::Bool(true) => Value::Null,
        (Function::NullIf, [a, _]) => a.clone(),
        (Function::Concat, _) => Value::Text(present().map(|value| value.to_string()).collect()),
        (Function::Abs, [Value::Int(int)]) => Value::Int(int.checked_abs().ok_or_else(overflow)?),
        (Function::Lower, [Value::Text(text)]) => Value::Text(text.to_lowercase()),
        (Function::Length, [Value::Text(text)]) => Value::from(text.chars().count() as u64),
        (_, _) => Value::Null,
    })
}
