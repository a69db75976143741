//! Expressions as they were written, which is what SQLite calls a column that is given no name.
//!
//! The library prints its trees through the formatting machinery, node by node, which takes longer than to bind a short
//! expression. What most columns are made of is put together here, to the same text (a test compares the two).

use std::fmt::Write;

use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, UnaryOperator, Value,
};

/// The text of an expression.
pub(super) fn written(expr: &Expr) -> String {
    let mut text = String::with_capacity(32);
    push(&mut text, expr);
    text
}

fn push(text: &mut String, expr: &Expr) {
    match expr {
        Expr::Identifier(name) if name.quote_style.is_none() => text.push_str(&name.value),
        Expr::CompoundIdentifier(parts) if parts.iter().all(|part| part.quote_style.is_none()) => {
            push_parted(text, parts, ".", |text, part: &Ident| text.push_str(&part.value));
        }
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => text.push_str(digits),
            Value::Null => text.push_str("NULL"),
            _ => push_printed(text, expr),
        },
        Expr::Nested(inner) => {
            text.push('(');
            push(text, inner);
            text.push(')');
        }
        Expr::UnaryOp { op, expr: operand } => {
            match op {
                UnaryOperator::Plus => text.push('+'),
                UnaryOperator::Minus => text.push('-'),
                UnaryOperator::Not => text.push_str("NOT "),
                _ => return push_printed(text, expr),
            }
            push(text, operand);
        }
        Expr::BinaryOp { left, op, right } => {
            let Some(op) = symbol(op) else { return push_printed(text, expr) };
            push(text, left);
            text.push_str(op);
            push(text, right);
        }
        Expr::Function(function) => match plain_call(function) {
            Some((name, arguments)) => push_call(text, function, name, arguments),
            None => push_printed(text, expr),
        },
        _ => push_printed(text, expr),
    }
}

/// As the library prints it.
fn push_printed(text: &mut String, expr: &Expr) {
    // A text has always room.
    let _ = write!(text, "{expr}");
}

fn push_parted<T>(text: &mut String, parts: &[T], between: &str, push: impl Fn(&mut String, &T)) {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            text.push_str(between);
        }
        push(text, part);
    }
}

/// A usual operator as it is printed between its operands.
pub(super) fn symbol(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Plus => " + ",
        BinaryOperator::Minus => " - ",
        BinaryOperator::Multiply => " * ",
        BinaryOperator::Divide => " / ",
        BinaryOperator::Eq => " = ",
        BinaryOperator::NotEq => " <> ",
        BinaryOperator::Lt => " < ",
        BinaryOperator::LtEq => " <= ",
        BinaryOperator::Gt => " > ",
        BinaryOperator::GtEq => " >= ",
        BinaryOperator::And => " AND ",
        BinaryOperator::Or => " OR ",
        BinaryOperator::StringConcat => " || ",
        _ => return None,
    })
}

/// The name and the arguments of a call that has nothing else.
fn plain_call(function: &Function) -> Option<(&Ident, &[FunctionArg])> {
    let Function { name: ObjectName(parts), args: FunctionArguments::List(list), .. } = function else {
        return None;
    };
    let [ObjectNamePart::Identifier(name)] = parts.as_slice() else { return None };
    let is_unnamed = |argument: &FunctionArg| {
        matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard))
    };
    let is_plain = name.quote_style.is_none()
        && !function.uses_odbc_syntax
        && matches!(function.parameters, FunctionArguments::None)
        && function.within_group.is_empty()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.over.is_none()
        && list.clauses.is_empty()
        && list.args.iter().all(is_unnamed);
    is_plain.then_some((name, list.args.as_slice()))
}

fn push_call(text: &mut String, function: &Function, name: &Ident, arguments: &[FunctionArg]) {
    text.push_str(&name.value);
    text.push('(');
    if let FunctionArguments::List(list) = &function.args {
        match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => text.push_str("DISTINCT "),
            Some(DuplicateTreatment::All) => text.push_str("ALL "),
            None => {}
        }
    }
    push_parted(text, arguments, ", ", |text, argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => push(text, expr),
        _ => text.push('*'),
    });
    text.push(')');
}

#[cfg(test)]
mod tests {
    use sqlparser::parser::Parser;

    use super::super::super::grammar::Grammar;
    use super::written;
    use crate::sql::Dialect;

    #[test]
    fn expressions_are_written_as_the_library_prints_them() {
        for sql in [
            "a",
            "\"a b\"",
            "t.a",
            "t.\"A\"",
            "s.t.a",
            "1",
            "2.5",
            "'it''s'",
            "NULL",
            "TRUE",
            "- - a",
            "+ + 3",
            "NOT a",
            "~a",
            "(a + b) * (c - d) / 2 % 3",
            "a = b AND c <> d OR e < f AND g <= h OR i > j AND k >= l",
            "a || 'b'",
            "a & b << 3",
            "count(*)",
            "count(DISTINCT a, b)",
            "sum(ALL - a * 3)",
            "\"f\"(1)",
            "s.f(1)",
            "f()",
            "sum(a) FILTER (WHERE a > 1)",
            "sum(a) OVER (PARTITION BY b)",
            "string_agg(a, ',' ORDER BY b)",
            "CASE a WHEN 1 THEN - b ELSE c END",
            "a IN (1, 2)",
            "a BETWEEN 1 AND 2",
            "a IS NOT NULL",
            "CAST(a AS INTEGER)",
            "(SELECT a FROM t)",
            "EXISTS (SELECT 1)",
            "a COLLATE NOCASE",
        ] {
            let grammar = Grammar::new(Dialect::Sqlite);
            let expr = Parser::new(&grammar).try_with_sql(sql).unwrap().parse_expr().unwrap();
            assert_eq!(written(&expr), expr.to_string());
        }
    }
}
