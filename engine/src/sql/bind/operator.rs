//! Operators: comparisons, arithmetic, and what joins texts.

use nuages_storage::{DataType, Value};
use sqlparser::ast::{BinaryOperator, UnaryOperator};
use sqlparser::tokenizer::Span;

use super::calendar::{read_beside_moments, same_instants};
use super::integers::{is_of_integers, of_integers};
use super::json::ranked;
use super::literal::whole_number;
use super::typed::{Affinity, TEXT, Typed, cast, null_if_any_is};
use super::{Binder, Bound, mismatch, shown, unsupported};
use crate::algebra::{Arithmetic, Comparison, Expr, Function};
use crate::evaluate::{Class, arithmetic_type, class_of, unify};
use crate::sql::error::SqlError;

/// The comparison that an operator is.
pub(super) fn comparison_of(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        BinaryOperator::Spaceship => Comparison::Same,
        _ => return None,
    })
}

pub(super) fn arithmetic_of(op: &BinaryOperator) -> Option<Arithmetic> {
    Some(match op {
        BinaryOperator::Plus => Arithmetic::Add,
        BinaryOperator::Minus => Arithmetic::Subtract,
        BinaryOperator::Multiply => Arithmetic::Multiply,
        BinaryOperator::Divide => Arithmetic::Divide,
        BinaryOperator::Modulo => Arithmetic::Modulo,
        BinaryOperator::PGExp | BinaryOperator::BitwiseXor => Arithmetic::Power,
        BinaryOperator::PGBitwiseXor => Arithmetic::BitXor,
        BinaryOperator::BitwiseAnd => Arithmetic::BitAnd,
        BinaryOperator::BitwiseOr => Arithmetic::BitOr,
        BinaryOperator::PGBitwiseShiftLeft => Arithmetic::ShiftLeft,
        BinaryOperator::PGBitwiseShiftRight => Arithmetic::ShiftRight,
        _ => return None,
    })
}

impl Binder<'_> {
    /// A binary operator other than AND and OR.
    pub(super) fn binary(
        &mut self,
        op: &BinaryOperator,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Bound<Typed> {
        if let Some(comparison) = comparison_of(op) {
            return self.compare(comparison, left, right, span);
        }
        if self.is_sqlite()
            && let Some(op) = arithmetic_of(op)
            && is_of_integers(op, &left, &right)
        {
            return Ok(of_integers(op, left, right));
        }
        if let Some(call) = self.array_operator(op, &left, &right, span) {
            return call;
        }
        if let Some(call) = self.json_operator(op, &left, &right, span) {
            return call;
        }
        if let Some(arithmetic) = arithmetic_of(op) {
            return self.arithmetic(arithmetic, left, right, span);
        }
        match op {
            BinaryOperator::StringConcat => self.concatenate(left, right),
            BinaryOperator::PGRegexMatch => self.regex(left, right, false, false),
            BinaryOperator::PGRegexIMatch => self.regex(left, right, true, false),
            BinaryOperator::PGRegexNotMatch => self.regex(left, right, false, true),
            BinaryOperator::PGRegexNotIMatch => self.regex(left, right, true, true),
            BinaryOperator::Regexp => self.regex(left, right, false, false),
            BinaryOperator::PGLikeMatch => self.like(left, right, None, false, span),
            BinaryOperator::PGILikeMatch => self.like(left, right, None, true, span),
            BinaryOperator::PGNotLikeMatch | BinaryOperator::PGNotILikeMatch => {
                let ignore_case = *op == BinaryOperator::PGNotILikeMatch;
                Ok(Typed::bool(self.like(left, right, None, ignore_case, span)?.expr.not()))
            }
            BinaryOperator::Glob => self.glob(left, &right, span),
            BinaryOperator::PGStartsWith => self.scalar_function("starts_with", vec![left, right], span),
            op => Err(SqlError::at(unsupported(format!("the operator {op}")), span)),
        }
    }

    pub(super) fn unary(&mut self, op: UnaryOperator, operand: Typed, span: Span) -> Bound<Typed> {
        let operand = if op == UnaryOperator::Minus { self.any_as_number(operand) } else { operand };
        match op {
            UnaryOperator::Plus => Ok(Typed { affinity: Affinity::None, ..self.value(operand) }),
            UnaryOperator::Minus if operand.mixed.is_some() => {
                let choices = operand.mixed.unwrap_or_default().into_iter();
                let negated = choices.map(|(when, choice)| Ok((when, self.unary(op, choice, span)?)));
                Ok(Typed::choice(negated.collect::<Bound<_>>()?))
            }
            UnaryOperator::Minus => {
                if let Some(interval) = self.months_negated(&operand) {
                    return Ok(interval);
                }
                let operand = if self.is_sqlite() { self.number(operand) } else { operand };
                let is_negated = |class: Class| class.is_number() || class == Class::Duration;
                if !operand.class().is_none_or(is_negated) && operand.literal_text().is_none() {
                    return Err(mismatch("-", "a number", operand.kind, span));
                }
                Ok(match operand.expr {
                    Expr::Literal(Value::Int(int)) if int != i64::MIN => Typed::literal(Value::Int(-int)),
                    Expr::Literal(Value::Float(float)) => Typed::literal(Value::Float(-float)),
                    Expr::Literal(Value::Decimal(decimal)) => Typed::literal(Value::Decimal(-decimal)),
                    expr => {
                        let kind = match operand.kind {
                            Some(DataType::SmallInt | DataType::Integer) => Some(DataType::BigInt),
                            kind => kind,
                        };
                        Typed::new(Expr::Negate(Box::new(expr)), kind).of_width(operand.width)
                    }
                })
            }
            UnaryOperator::BitwiseNot => {
                let operand = if self.is_sqlite() { self.number(operand) } else { operand };
                let minus_one = Typed::literal(Value::Int(-1));
                self.arithmetic(Arithmetic::BitXor, operand, minus_one, span)
            }
            UnaryOperator::PGSquareRoot => self.call(Function::SquareRoot, vec![operand], span),
            UnaryOperator::PGCubeRoot => self.scalar_function("cbrt", vec![operand], span),
            UnaryOperator::PGAbs => self.call(Function::Abs, vec![operand], span),
            op => Err(SqlError::at(unsupported(format!("the operator {op}")), span)),
        }
    }

    /// A comparison, with the conversions of the dialect.
    pub(super) fn compare(
        &mut self,
        op: Comparison,
        mut left: Typed,
        mut right: Typed,
        span: Span,
    ) -> Bound<Typed> {
        self.settle(&mut left, right.settling());
        self.settle(&mut right, left.settling());
        if self.is_sqlite() {
            let (a, b) = (left.affinity, right.affinity);
            (left, right) = (left.leaning(b), right.leaning(a));
        }
        if left.is_any() || right.is_any() {
            (left, right) = (self.value(left).into_any(), self.value(right).into_any());
            if !matches!(op, Comparison::Equal | Comparison::NotEqual | Comparison::Same) {
                return Ok(Typed::bool(ranked(left.expr).compare(op, ranked(right.expr))));
            }
        }
        (left, right) = self.collated_pair(left, right);
        (left, right) = self.compared_arrays(op, left, right, span)?;
        if left.enumeration.is_some() || right.enumeration.is_some() {
            (left, right) = self.compared_enums(op, left, right, span)?;
        }
        if let Some(compared) = self.months_compared(op, &left, &right) {
            return Ok(compared);
        }
        if !self.is_sqlite() {
            (left, right) = same_instants(left, right);
            self.check_unify(&left, &right, op.symbol(), span)?;
            self.check_beside(&left, &right, span)?;
            self.check_beside(&right, &left, span)?;
            if op != Comparison::Same && (is_null_constant(&left.expr) || is_null_constant(&right.expr)) {
                return Ok(Typed::bool(Expr::Cast(Box::new(Expr::Literal(Value::Null)), DataType::Bool)));
            }
        } else if left.class() != right.class() {
            (left, right) = read_beside_moments(self.value(left), self.value(right));
            let (a, b) = (left.affinity, right.affinity);
            left = self.lean(left, b, a);
            right = self.lean(right, a, b);
            if let (Some(a), Some(b)) = (left.kind, right.kind)
                && unify(a, b).is_none()
            {
                return Ok(Typed::bool(self.compare_classes(op, left, right)));
            }
        }
        if left.class() != right.class() {
            (left, right) = same_numbers(left, right);
        }
        Ok(Typed::bool(left.expr.compare(op, right.expr)))
    }

    /// What SQLite makes of an operand that is compared with one of another affinity.
    fn lean(&self, operand: Typed, other: Affinity, own: Affinity) -> Typed {
        match (other, own, operand.class()) {
            (Affinity::Number, Affinity::Text | Affinity::None, Some(Class::Text)) => {
                match operand.literal_text().map(whole_number) {
                    Some(Some(number)) => Typed::literal(number),
                    _ => operand,
                }
            }
            (Affinity::Text, Affinity::None, Some(class)) if class.is_number() => {
                Typed::new(cast(operand.expr, TEXT), TEXT)
            }
            _ => operand,
        }
    }

    /// A comparison of values of different classes: a text that is a number counts as one beside a column of numbers,
    /// else numbers are less than texts, and texts less than bytes.
    fn compare_classes(&self, op: Comparison, left: Typed, right: Typed) -> Expr {
        let rank = |class: Option<Class>| match class {
            Some(class) if class.is_number() => 0,
            Some(Class::Text) => 1,
            _ => 2,
        };
        let order = rank(left.class()).cmp(&rank(right.class()));
        let known = Expr::Literal(Value::Bool(match op {
            Comparison::Equal | Comparison::Same => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }));
        let by_class = match op {
            Comparison::Same => Expr::And(vec![left.expr.clone().is_null(), right.expr.clone().is_null()]),
            _ => null_if_any_is(&[&left.expr, &right.expr], known),
        };
        let as_number = |text: &Expr| Expr::Call(Function::WholeNumber, vec![text.clone()]);
        let numbers = match (left.affinity, left.class(), right.affinity, right.class()) {
            (_, Some(Class::Text), Affinity::Number, _) if left.literal_text().is_none() => {
                Some((as_number(&left.expr), cast(right.expr, DataType::Float)))
            }
            (Affinity::Number, _, _, Some(Class::Text)) if right.literal_text().is_none() => {
                Some((cast(left.expr, DataType::Float), as_number(&right.expr)))
            }
            _ => None,
        };
        match numbers {
            None => by_class,
            Some((left, right)) => {
                let both = Expr::Or(vec![left.clone().is_null(), right.clone().is_null()]);
                let branches = vec![(both, by_class)];
                Expr::Case { branches, otherwise: Some(Box::new(left.compare(op, right))) }
            }
        }
    }

    /// Refuses a literal text that cannot be read as what it is compared with. A decimal is looked at without its limits:
    /// what has more digits than a column is another number, and no error.
    fn check_beside(&self, literal: &Typed, other: &Typed, span: Span) -> Bound<()> {
        match (literal.literal_text(), other.kind) {
            (Some(_), Some(DataType::Decimal { .. })) => self.check_literal(literal, DataType::Float, span),
            (Some(_), Some(kind)) => self.check_literal(literal, super::types::without_limit(kind), span),
            _ => Ok(()),
        }
    }

    /// Refuses operands that PostgreSQL does not compare.
    pub(super) fn check_unify(&self, left: &Typed, right: &Typed, expression: &str, span: Span) -> Bound<()> {
        let (Some(a), Some(b)) = (left.kind, right.kind) else { return Ok(()) };
        if left.literal_text().is_some() || right.literal_text().is_some() || unify(a, b).is_some() {
            return Ok(());
        }
        Err(mismatch(expression, shown(Some(a)), Some(b), span))
    }

    /// Arithmetic; with a choice between integers and floats it is done with each of them.
    pub(super) fn arithmetic(
        &mut self,
        op: Arithmetic,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Bound<Typed> {
        let (left, right) = (self.any_as_number(left), self.any_as_number(right));
        let (choices, is_left) = match (&left.mixed, &right.mixed) {
            (Some(choices), _) => (choices.clone(), true),
            (None, Some(choices)) => (choices.clone(), false),
            (None, None) => return self.arithmetic_of(op, left, right, span),
        };
        let mut branches = Vec::with_capacity(choices.len());
        for (when, choice) in choices {
            let result = if is_left {
                self.arithmetic(op, choice, right.clone(), span)?
            } else {
                self.arithmetic(op, left.clone(), choice, span)?
            };
            branches.push((when, result));
        }
        Ok(Typed::choice(branches))
    }

    fn arithmetic_of(
        &mut self,
        op: Arithmetic,
        mut left: Typed,
        mut right: Typed,
        span: Span,
    ) -> Bound<Typed> {
        if let Some(result) = self.months_in_arithmetic(op, &left, &right, span) {
            return result;
        }
        self.settle(&mut left, right.kind);
        self.settle(&mut right, left.kind);
        if self.is_sqlite() {
            for operand in [&mut left, &mut right] {
                if !operand.is_plain_number() {
                    *operand = self.number(std::mem::replace(operand, Typed::null()));
                }
            }
            if [&left, &right].iter().any(|operand| matches!(&operand.expr, Expr::Literal(Value::Null))) {
                return Ok(Typed::null());
            }
        }
        let is_bitwise = matches!(
            op,
            Arithmetic::BitAnd
                | Arithmetic::BitOr
                | Arithmetic::BitXor
                | Arithmetic::ShiftLeft
                | Arithmetic::ShiftRight
        );
        let is_division = matches!(op, Arithmetic::Divide | Arithmetic::Modulo);
        if !self.is_sqlite()
            && let Some(days) = days_between(op, &left, &right)
        {
            return Ok(days);
        }
        if self.is_sqlite() && (is_bitwise || op == Arithmetic::Modulo) {
            let was_real = left.class() == Some(Class::Float) || right.class() == Some(Class::Float);
            (left, right) = (integer(left), integer(right));
            let right = if is_division {
                Typed { expr: unless_zero(right.expr, Value::Int(0)), ..right }
            } else {
                right
            };
            let whole = match op {
                Arithmetic::ShiftLeft => super::called::builtin("shift_bits", vec![left.expr, right.expr]),
                Arithmetic::ShiftRight => {
                    super::called::builtin("shift_bits", vec![left.expr, Expr::Negate(Box::new(right.expr))])
                }
                op => left.expr.arithmetic(op, right.expr),
            };
            let whole = Typed::new(whole, DataType::BigInt);
            let is_real = was_real && op == Arithmetic::Modulo;
            return Ok(if is_real {
                Typed::new(cast(whole.expr, DataType::Float), DataType::Float)
            } else {
                whole
            });
        }
        let width = left.width.max(right.width);
        if !self.is_sqlite() && op == Arithmetic::Divide {
            (left, right) = (left.divisible(), right.divisible());
        }
        if left.class() != right.class() {
            (left, right) = same_numbers(left, right);
        }
        if self.is_sqlite() && is_of_integers(op, &left, &right) {
            return Ok(of_integers(op, left, right));
        }
        if self.is_sqlite() && op == Arithmetic::Divide {
            let zero = if right.class() == Some(Class::Float) { Value::Float(0.0) } else { Value::Int(0) };
            right.expr = unless_zero(right.expr, zero);
        }
        let kind = match (left.kind, right.kind) {
            (Some(left_kind), Some(right_kind)) => {
                let (left_text, right_text) = (left.literal_text().is_some(), right.literal_text().is_some());
                if left_text || right_text {
                    // A literal is read as what goes with the other operand.
                    let other = if left_text { right_kind } else { left_kind };
                    let read = if class_of(other).is_number() { other } else { DataType::Duration };
                    let target = if left_text { &mut left } else { &mut right };
                    *target = Typed::new(
                        cast(std::mem::replace(&mut target.expr, Expr::Literal(Value::Null)), read),
                        read,
                    );
                }
                let kinds = (left.kind.unwrap_or(left_kind), right.kind.unwrap_or(right_kind));
                let kind = arithmetic_type(op, kinds.0, kinds.1);
                Some(kind.ok_or_else(|| {
                    mismatch(op.symbol(), format!("what goes with {}", kinds.0), Some(kinds.1), span)
                })?)
            }
            (kind, None) | (None, kind) => {
                kind.map(|kind| if class_of(kind) == Class::Int { DataType::BigInt } else { kind })
            }
        };
        if is_null_constant(&left.expr) || is_null_constant(&right.expr) {
            let null = Expr::Literal(Value::Null);
            return Ok(match kind {
                Some(kind) => Typed::new(Expr::Cast(Box::new(null), kind), kind),
                None => Typed::null(),
            });
        }
        Ok(Typed::new(left.expr.arithmetic(op, right.expr), kind).of_width(width))
    }

    /// `||`.
    pub(super) fn concatenate(&mut self, left: Typed, right: Typed) -> Bound<Typed> {
        let (mut left, mut right) = (self.value(left).any_as_text(), self.value(right).any_as_text());
        let is_bytes = |typed: &Typed| typed.class() == Some(Class::Bytes);
        if self.is_sqlite() {
            (left, right) = (self.as_text(left), self.as_text(right));
        } else if is_bytes(&left) && (is_bytes(&right) || right.literal_text().is_some())
            || is_bytes(&right) && left.literal_text().is_some()
        {
            return self.table_call("byteacat", vec![left, right], Span::empty());
        }
        if let (Expr::Literal(left), Expr::Literal(right)) = (&left.expr, &right.expr)
            && !left.is_null()
            && !right.is_null()
        {
            return Ok(Typed::literal(Value::Text(format!("{left}{right}"))));
        }
        self.settle(&mut left, Some(TEXT));
        self.settle(&mut right, Some(TEXT));
        let joined = Expr::Call(Function::Concat, vec![left.expr.clone(), right.expr.clone()]);
        Ok(Typed::new(null_if_any_is(&[&left.expr, &right.expr], joined), TEXT))
    }
}

/// Whether an expression is NULL whatever the row. What is computed with one is NULL, and the other operand is not
/// computed, so that it cannot fail either.
pub(super) fn is_null_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value) => value.is_null(),
        Expr::Cast(inner, _) | Expr::Negate(inner) => is_null_constant(inner),
        _ => false,
    }
}

/// A date minus a date, which is how many days they are apart in PostgreSQL; none if it is anything else.
fn days_between(op: Arithmetic, left: &Typed, right: &Typed) -> Option<Typed> {
    let date = |typed: &Typed| match typed.literal_text() {
        Some(_) => cast(typed.expr.clone(), DataType::Date),
        None => typed.expr.clone(),
    };
    let is_date = |typed: &Typed| typed.kind == Some(DataType::Date);
    let is_text = |typed: &Typed| typed.literal_text().is_some();
    let are_dates = is_date(left) && (is_date(right) || is_text(right)) || is_text(left) && is_date(right);
    (op == Arithmetic::Subtract && are_dates).then(|| {
        Typed::new(super::called::builtin("date_mi", vec![date(left), date(right)]), DataType::BigInt)
    })
}

/// Two numbers of different kinds, one of them a literal: the literal becomes of the other's kind, so that an index on
/// the other can be used.
pub(super) fn same_numbers(left: Typed, right: Typed) -> (Typed, Typed) {
    let adapt = |literal: Typed, other: Option<Class>| match (&literal.expr, other) {
        (Expr::Literal(Value::Int(_) | Value::Decimal(_)), Some(Class::Float)) => match literal.expr {
            Expr::Literal(value) => match DataType::Float.accepts(value) {
                Ok(value) => Typed { affinity: literal.affinity, ..Typed::literal(value) },
                Err(_) => Typed::null(),
            },
            expr => Typed { expr, ..literal },
        },
        _ => literal,
    };
    let (left_class, right_class) = (left.class(), right.class());
    (adapt(left, right_class), adapt(right, left_class))
}

/// A number without its fraction.
fn integer(typed: Typed) -> Typed {
    match typed.class() {
        Some(Class::Float) => {
            Typed::new(Expr::Call(Function::LeadingInteger, vec![typed.expr]), DataType::BigInt)
        }
        _ => typed,
    }
}

/// NULL if a divisor is zero.
fn unless_zero(divisor: Expr, zero: Value) -> Expr {
    match &divisor {
        Expr::Literal(value) if *value != zero => divisor,
        _ => Expr::Call(Function::NullIf, vec![divisor, Expr::Literal(zero)]),
    }
}
