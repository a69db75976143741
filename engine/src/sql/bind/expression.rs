//! Scalar expressions.

use nuages_storage::value::DECIMAL_PRECISION_MAX;
use nuages_storage::{DataType, Value};
use smallvec::SmallVec;
use sqlparser::ast::{self, BinaryOperator, Expr as Ast, UnaryOperator};
use sqlparser::tokenizer::Span;

use super::array::common_element;
use super::called::builtin;
use super::months::Months;
use super::scope::Scope;
use super::typed::{TEXT, Typed, Width, cast, has_parameter};
use super::{Binder, Bound, begin_of, mismatch, unsupported};
use crate::algebra::{Comparison, DatePart, Expr, Function};
use crate::evaluate::interval::read_interval;
use crate::evaluate::{Class, among, cast_value, class_of, unify};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// Binds an expression. One without a type is NULL, whatever it is computed by, unless it hangs on a parameter.
    pub(super) fn expression(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        let bound = self.any_expression(expr, scope);
        match &bound {
            Ok(typed) if typed.kind.is_none() && !has_parameter(&typed.expr) => Ok(Typed::null()),
            _ => bound,
        }
    }

    fn any_expression(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        match expr {
            Ast::Identifier(name) => self.column(name, scope),
            Ast::CompoundIdentifier(parts) => self.qualified(parts, scope),
            Ast::Value(value) => self.literal(&value.value, value.span),
            Ast::Nested(inner) => self.expression(inner, scope),
            Ast::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. }
            | Ast::UnaryOp { op: UnaryOperator::Not, .. } => Ok(Typed::bool(self.condition(expr, scope)?)),
            Ast::BinaryOp { left, op, right } => self.binary_chain(left, op, right, scope),
            Ast::UnaryOp { op, expr: operand } => self.unary_expression(*op, operand, scope),
            Ast::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, scope),
            Ast::InList { expr: needle, list, negated } => self.in_list(needle, list, *negated, scope),
            Ast::InSubquery { expr, subquery, negated } => self.in_query(expr, subquery, *negated, scope),
            Ast::Exists { subquery, negated } => self.exists(subquery, *negated, scope),
            Ast::Subquery(query) => self.scalar_query(query, begin_of(expr), scope),
            Ast::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, compare_op, right, false, scope)
            }
            Ast::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, true, scope),
            Ast::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), begin_of(expr), scope)
            }
            Ast::Cast { expr: operand, data_type, .. } => {
                if let Some(typed) = self.cast_in_zone(operand, data_type, scope)? {
                    return Ok(typed);
                }
                let typed = self.expression(operand, scope)?;
                self.cast_to(typed, data_type, begin_of(operand))
            }
            Ast::TypedString(typed) => {
                let text = match &typed.value.value {
                    ast::Value::SingleQuotedString(text) => text.clone(),
                    other => other.to_string(),
                };
                let literal = Typed::literal(Value::Text(text));
                self.cast_to(literal, &typed.data_type, typed.value.span)
            }
            Ast::Interval(interval) => self.interval(interval, scope),
            Ast::Array(array) => self.array(&array.elem, begin_of(expr), scope),
            Ast::CompoundFieldAccess { root, access_chain } => self.accessed(root, access_chain, scope),
            Ast::Function(function) => self.function(function, scope),
            Ast::Tuple(_) => Err(SqlError::at(unsupported("a row of values in this place"), begin_of(expr))),
            Ast::Collate { expr, collation } => self.collated(expr, collation, scope),
            other => self.special_form(other, scope),
        }
    }

    /// The expressions whose syntax is their own: tests, and functions with words between their arguments.
    fn special_form(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        let span = begin_of(expr);
        match expr {
            Ast::IsNull(operand) => match self.row_is_null(operand, false, scope)? {
                Some(test) => Ok(test),
                None => Ok(Typed::bool(self.expression(operand, scope)?.expr.is_null())),
            },
            Ast::IsNotNull(operand) => match self.row_is_null(operand, true, scope)? {
                Some(test) => Ok(test),
                None => Ok(Typed::bool(self.expression(operand, scope)?.expr.is_null().not())),
            },
            Ast::IsTrue(operand) => self.truth_test(operand, Some(true), false, scope),
            Ast::IsNotTrue(operand) => self.truth_test(operand, Some(true), true, scope),
            Ast::IsFalse(operand) => self.truth_test(operand, Some(false), false, scope),
            Ast::IsNotFalse(operand) => self.truth_test(operand, Some(false), true, scope),
            Ast::IsUnknown(operand) => self.truth_test(operand, None, false, scope),
            Ast::IsNotUnknown(operand) => self.truth_test(operand, None, true, scope),
            Ast::IsDistinctFrom(left, right) | Ast::IsNotDistinctFrom(left, right) => {
                let same = match self.distinct_rows(left, right, span, scope)? {
                    Some(same) => Typed::bool(same),
                    None => {
                        let (left, right) = (self.expression(left, scope)?, self.expression(right, scope)?);
                        self.compare(Comparison::Same, left, right, span)?
                    }
                };
                let negated = matches!(expr, Ast::IsDistinctFrom(..));
                Ok(if negated { Typed::bool(same.expr.not()) } else { same })
            }
            Ast::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like_expression(expr, pattern, escape_char.as_deref(), self.is_sqlite(), *negated, scope)
            }
            Ast::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like_expression(expr, pattern, escape_char.as_deref(), true, *negated, scope)
            }
            Ast::Like { negated, any: true, expr, pattern, escape_char: None } => {
                self.like_any(expr, pattern, self.is_sqlite(), *negated, scope)
            }
            Ast::ILike { negated, any: true, expr, pattern, escape_char: None } => {
                self.like_any(expr, pattern, true, *negated, scope)
            }
            Ast::RLike { negated, expr, pattern, .. } => {
                let (text, pattern) = (self.expression(expr, scope)?, self.expression(pattern, scope)?);
                self.regex(text, pattern, false, *negated)
            }
            Ast::Extract { field, expr, .. } => {
                Ok(self.extract_from(&field.to_string(), expr, span, scope)?.of_width(Width::Numeric))
            }
            Ast::Ceil { expr, .. } => self.simple_call(Function::Ceiling, &[expr.as_ref()], scope, span),
            Ast::Floor { expr, .. } => self.simple_call(Function::Floor, &[expr.as_ref()], scope, span),
            Ast::Position { expr, r#in } => {
                self.simple_call(Function::Position, &[r#in.as_ref(), expr.as_ref()], scope, span)
            }
            Ast::Substring { substring_from: None, substring_for: None, .. } => {
                Err(super::function::arity("substr", "2 or 3 arguments", 1, span))
            }
            Ast::Substring { expr, substring_from, substring_for, .. } => {
                let one = Ast::value(ast::Value::Number("1".to_owned(), false));
                let from = substring_from.as_deref().unwrap_or(&one);
                let mut arguments = vec![self.value_of(expr, scope)?, self.value_of(from, scope)?];
                if let Some(count) = substring_for {
                    arguments.push(self.value_of(count, scope)?);
                }
                self.scalar_function("substr", arguments, span)
            }
            Ast::Trim { trim_where, trim_what, expr, trim_characters } => {
                let characters = trim_what.as_deref().or_else(|| trim_characters.as_ref()?.first());
                let mut arguments = vec![self.value_of(expr, scope)?];
                arguments.extend(characters.map(|expr| self.value_of(expr, scope)).transpose()?);
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "btrim",
                };
                self.scalar_function(name, arguments, span)
            }
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let parts = [expr, overlay_what, overlay_from].into_iter().chain(overlay_for);
                let parts = parts.map(|part| self.value_of(part, scope)).collect::<Bound<_>>()?;
                self.table_call("overlay", parts, span)
            }
            Ast::SimilarTo { negated, expr, pattern, escape_char } => {
                let (text, pattern) = (self.value_of(expr, scope)?, self.value_of(pattern, scope)?);
                let escape = escape_char.as_deref().map(|escape| self.value_of(escape, scope)).transpose()?;
                self.similar_to(text, pattern, escape, *negated, span)
            }
            Ast::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone, scope),
            other => {
                let text: String = other.to_string().chars().take(40).collect();
                Err(SqlError::at(unsupported(format!("the expression {text}")), span))
            }
        }
    }

    /// Expressions over no columns.
    pub(in crate::sql) fn constants(&mut self, exprs: &[Ast]) -> Bound<Vec<Expr>> {
        let mut scope = Scope::within(None);
        scope.clause = "EXECUTE";
        exprs.iter().map(|expr| Ok(self.value_of(expr, &scope)?.expr)).collect()
    }

    /// A value: what a result column, an argument or an assignment wants.
    pub(super) fn value_of(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        let bound = self.expression(expr, scope);
        match bound {
            Ok(typed) if typed.class() == Some(Class::Bool) => Ok(self.value(typed)),
            bound => bound,
        }
    }

    /// Operators of one precedence in a row, which are a tree as deep as it is long: from the left, without recursion.
    fn binary_chain(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        if let Some(pairs) = self.compared_rows(left, right, scope)? {
            return self.compare_rows(pairs, op, begin_of(left));
        }
        let mut rest: SmallVec<[_; 4]> = SmallVec::new();
        rest.push((op, right));
        let mut first = left;
        while let Ast::BinaryOp { left, op, right } = first
            && !matches!(op, BinaryOperator::And | BinaryOperator::Or)
            && !(matches!(**left, Ast::Tuple(_)) || matches!(**right, Ast::Tuple(_)))
        {
            rest.push((op, right));
            first = left;
        }
        let span = begin_of(first);
        let mut result = self.expression(first, scope)?;
        while let Some((op, right)) = rest.pop() {
            if let (Ast::Interval(_) | Ast::Cast { .. }, Some(op)) =
                (right, super::operator::arithmetic_of(op))
                && let Some(shifted) = self.shifted(op, &result, right)
            {
                result = shifted;
                continue;
            }
            let right = self.expression(right, scope)?;
            result = self.binary(op, result, right, span)?;
        }
        Ok(result)
    }

    fn unary_expression(&mut self, op: UnaryOperator, operand: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        // The least integer has no positive one to be the minus of.
        if let (UnaryOperator::Minus, Ast::Value(value)) = (op, operand)
            && let ast::Value::Number(digits, _) = &value.value
        {
            return self.number_literal(digits, true, value.span);
        }
        let span = begin_of(operand);
        let operand = self.expression(operand, scope)?;
        self.unary(op, operand, span)
    }

    /// Rows compared: equal in all, or less in the first in which they differ.
    fn compare_rows(&mut self, pairs: Vec<(Typed, Typed)>, op: &BinaryOperator, span: Span) -> Bound<Typed> {
        if *op == BinaryOperator::Overlaps {
            return self.overlaps(pairs, span);
        }
        let op = super::operator::comparison_of(op)
            .ok_or_else(|| SqlError::at(unsupported(format!("the operator {op} between rows")), span))?;
        self.compare_pairs(op, pairs, span).map(Typed::bool)
    }

    /// The same of bound expressions.
    pub(super) fn compare_pairs(
        &mut self,
        op: Comparison,
        pairs: Vec<(Typed, Typed)>,
        span: Span,
    ) -> Bound<Expr> {
        let strict = match op {
            Comparison::Equal | Comparison::Same => {
                let all =
                    pairs.into_iter().map(|(left, right)| Ok(self.compare(op, left, right, span)?.expr));
                return Ok(Expr::And(all.collect::<Bound<_>>()?));
            }
            Comparison::NotEqual => {
                return Ok(self.compare_pairs(Comparison::Equal, pairs, span)?.not());
            }
            Comparison::Less | Comparison::LessOrEqual => Comparison::Less,
            Comparison::Greater | Comparison::GreaterOrEqual => Comparison::Greater,
        };
        let mut result: Option<Expr> = None;
        for (left, right) in pairs.into_iter().rev() {
            result = Some(match result {
                None => self.compare(op, left, right, span)?.expr,
                Some(rest) => {
                    let before = self.compare(strict, left.clone(), right.clone(), span)?.expr;
                    let equal = self.compare(Comparison::Equal, left, right, span)?.expr;
                    before.or(equal.and(rest))
                }
            });
        }
        Ok(result.unwrap_or(Expr::Literal(Value::Bool(true))))
    }

    /// The type in which values of two types are chosen between, and are rows of one column: SQLite has a text for whatever
    /// does not go together; a date is a timestamp in PostgreSQL where it is beside one.
    pub(super) fn common_type(&self, left: DataType, right: DataType) -> Option<DataType> {
        match (class_of(left), class_of(right)) {
            (Class::Date, Class::Timestamp) | (Class::Timestamp, Class::Date) if !self.is_sqlite() => {
                Some(DataType::Timestamp)
            }
            _ => unify(left, right).or(self.is_sqlite().then_some(TEXT)),
        }
    }

    /// What is chosen between, in one type.
    pub(super) fn unified(
        &mut self,
        choices: Vec<Typed>,
        expression: &str,
        span: Span,
    ) -> Bound<(Vec<Expr>, Option<DataType>)> {
        let element = common_element(&choices);
        let choices =
            choices.into_iter().map(|choice| self.read_as_array(choice.any_as_text(), element, span));
        let mut choices = choices.collect::<Bound<Vec<Typed>>>()?;
        let mut common: Option<DataType> = None;
        // A literal text is of the type that the others have.
        let is_open = |typed: &Typed| !self.is_sqlite() && typed.literal_text().is_some();
        for typed in choices.iter().filter(|typed| !is_open(typed)) {
            common = match (common, typed.kind) {
                (Some(common), Some(kind)) => match self.common_type(common, kind) {
                    Some(kind) => Some(kind),
                    None => return Err(mismatch(expression, common, Some(kind), span)),
                },
                (common, kind) => common.or(kind),
            };
        }
        let common = common.or_else(|| choices.iter().find_map(|typed| typed.kind));
        for typed in &mut choices {
            self.settle(typed, common);
        }
        let convert = |typed: Typed| match (typed.kind, common) {
            (Some(kind), Some(common)) if class_of(kind) != class_of(common) => {
                cast(typed.expr, among(kind, common))
            }
            _ => typed.expr,
        };
        Ok((choices.into_iter().map(convert).collect(), common))
    }

    /// `CAST`.
    pub(super) fn cast_to(&mut self, mut typed: Typed, to: &ast::DataType, span: Span) -> Bound<Typed> {
        if let Some(element) = self.element_of(to, span)? {
            return self.cast_to_array(typed, element, span);
        }
        if !self.is_sqlite() && super::types::is_unlimited(to) {
            return self.cast_to_numeric(typed, to, span);
        }
        if !self.is_sqlite() && super::sequence::is_regclass(to) {
            return self.cast_to_regclass(&typed, span);
        }
        if let Some(of) = self.enum_of(to).cloned() {
            return self.cast_to_enum(typed, &of, span);
        }
        let to = self.data_type(to, span)?;
        if to == DataType::Duration && !self.is_sqlite() {
            let months = typed.literal_text().and_then(|text| Months::read(text, None)).map(Months::typed);
            if let Some(interval) = months.or_else(|| Months::of(&typed).map(Months::typed)) {
                return Ok(interval);
            }
        }
        if let Some(moment) = self.moment_by_word(&typed, to, span)? {
            return Ok(moment);
        }
        self.settle(&mut typed, Some(to));
        self.check_literal(&typed, to, span)?;
        let typed = self.value(typed).any_as_text();
        let is_number = class_of(to).is_number();
        let typed = if self.is_sqlite() && is_number && typed.class() == Some(Class::Bytes) {
            self.as_text(typed)
        } else {
            typed
        };
        if !self.is_sqlite() {
            let expr = match typed.kind {
                // It is given as what it is cast to.
                Some(_) if matches!(typed.expr, Expr::Parameter(_, of) if of == to) => typed.expr,
                None => Expr::Cast(Box::new(typed.expr), to),
                Some(_) => cast(typed.expr, to),
            };
            return Ok(Typed::inclined(expr, to));
        }
        let expr = match (class_of(to), typed.class()) {
            (Class::Int, Some(Class::Text | Class::Float)) => match typed.literal_text() {
                Some(_) | None => Expr::Call(Function::LeadingInteger, vec![typed.expr]),
            },
            (Class::Float | Class::Decimal, Some(Class::Text)) => {
                let number = self.number(typed);
                cast(number.expr, to)
            }
            (_, None) => Expr::Cast(Box::new(typed.expr), to),
            (Class::Text, Some(Class::Bytes | Class::Float)) => cast(self.as_text(typed).expr, to),
            (Class::Bytes, Some(Class::Bytes)) => typed.expr,
            (Class::Bytes, Some(_)) => builtin("text_as_bytes", vec![self.as_text(typed).expr]),
            _ => cast(typed.expr, to),
        };
        Ok(Typed::inclined(expr, to))
    }

    /// A cast to `numeric` without limits, which leaves a number the digits that it has.
    fn cast_to_numeric(&mut self, mut typed: Typed, to: &ast::DataType, span: Span) -> Bound<Typed> {
        let kind = self.data_type(to, span)?;
        self.settle(&mut typed, Some(kind));
        self.check_literal(&typed, kind, span)?;
        let typed = typed.any_as_text();
        if let Some(digits) = typed.literal_text().and_then(|text| text.trim().parse().ok()) {
            return Ok(Typed::literal(Value::Decimal(digits)));
        }
        Ok(match typed.class() {
            Some(Class::Decimal) => typed,
            Some(Class::Int) => {
                let whole = DataType::Decimal { precision: DECIMAL_PRECISION_MAX, scale: 0 };
                Typed::inclined(cast(typed.expr, whole), whole)
            }
            None => Typed::inclined(Expr::Cast(Box::new(typed.expr), kind), kind),
            Some(_) => Typed::inclined(builtin("trim_scale", vec![cast(typed.expr, kind)]), kind),
        })
    }

    /// Refuses a literal text that cannot be read as what it is to be: where it stands is known only here. SQLite reads
    /// something in every text.
    pub(super) fn check_literal(&self, typed: &Typed, to: DataType, span: Span) -> Bound<()> {
        if self.is_sqlite() || class_of(to) == Class::Text {
            return Ok(());
        }
        let Some(text) = typed.literal_text() else { return Ok(()) };
        match cast_value(Value::Text(text.to_owned()), to) {
            Ok(_) => Ok(()),
            Err(error) => Err(SqlError::at(Problem::Engine(error), span)),
        }
    }

    fn interval(&mut self, interval: &ast::Interval, scope: &Scope<'_>) -> Bound<Typed> {
        let span = begin_of(&interval.value);
        let amount = self.expression(&interval.value, scope)?;
        let Some(text) = amount.literal_text() else {
            return Err(SqlError::at(unsupported("an interval that is not a literal"), span));
        };
        let text = match &interval.leading_field {
            Some(unit) => format!("{text} {}", unit.to_string().to_lowercase()),
            None => text.to_owned(),
        };
        let refused = || {
            SqlError::at(Problem::Literal { text: format!("'{text}'"), data_type: DataType::Duration }, span)
        };
        if let Some(months) = Months::read(&text, None) {
            return Ok(months.typed());
        }
        let value = read_interval(&text).ok_or_else(refused)?;
        Ok(Typed::literal(Value::Duration(value)))
    }

    pub(super) fn date_part(&self, name: &str, span: Span) -> Bound<DatePart> {
        Ok(match name.trim_matches('\'').to_lowercase().as_str() {
            "year" => DatePart::Year,
            "isoyear" => DatePart::IsoYear,
            "quarter" => DatePart::Quarter,
            "month" => DatePart::Month,
            "week" => DatePart::Week,
            // The algebra's day of the week, which is printed by this name, counts from 1.
            "dow" | "dayofweek" | "weekday" => DatePart::WeekDay,
            "isodow" => DatePart::IsoWeekDay,
            "day" => DatePart::Day,
            "doy" | "dayofyear" => DatePart::DayOfYear,
            "hour" => DatePart::Hour,
            "minute" => DatePart::Minute,
            "second" => DatePart::Second,
            other => return Err(SqlError::at(unsupported(format!("the date part {other}")), span)),
        })
    }

    /// A part of a date; the day of the week counts from 0 in SQL, and from 1 in the algebra.
    pub(super) fn extract(
        &mut self,
        part: DatePart,
        mut operand: Typed,
        zone: Option<jiff::tz::TimeZone>,
        span: Span,
    ) -> Bound<Typed> {
        self.settle(&mut operand, Some(DataType::Timestamp));
        let call = self.call(Function::Extract(part, zone), vec![operand], span)?;
        if part != DatePart::WeekDay {
            return Ok(call);
        }
        let one = Expr::Literal(Value::Int(1));
        Ok(Typed::new(call.expr.arithmetic(crate::algebra::Arithmetic::Subtract, one), DataType::BigInt))
    }
}
