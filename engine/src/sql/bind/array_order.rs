//! The order of PostgreSQL's arrays: that of their members one by one, NULL behind every value, and where one array begins
//! the other, the shorter first.
//!
//! Documents have another order, in which the shorter array is always less. Whether two arrays are the same is told by
//! the documents that they are; what one is less than another by is `array_order`, bytes that sort as the arrays do. Members
//! that are values of an enumeration are ranks there.

use nuages_storage::{DataType, Value};
use sqlparser::tokenizer::Span;

use super::called::builtin;
use super::typed::Typed;
use super::{Binder, Bound};
use crate::algebra::{Comparison, EnumVerb, Expr, Function};
use crate::catalog::enumeration::call;
use crate::evaluate::{Class, class_of};

/// How the members of an array are read to be ordered: `document` as the JSON that they are, where that has their order.
fn reading(element: Option<DataType>) -> &'static str {
    match element.map(class_of) {
        None | Some(Class::Bool | Class::Int | Class::Text | Class::Json | Class::Uuid) => "document",
        Some(Class::Float) => "float",
        Some(Class::Decimal) => "decimal",
        Some(Class::Bytes) => "bytes",
        Some(Class::Date) => "date",
        Some(Class::Time) => "time",
        Some(Class::Timestamp) => "timestamp",
        Some(Class::Duration) => "interval",
    }
}

impl Binder<'_> {
    /// What an array is ordered by.
    pub(super) fn order_of_array(&self, array: Typed) -> Expr {
        let (members, reading) = match self.enumeration_within(&array) {
            Some(of) => (call(EnumVerb::RankMembers, of, array.expr), "document"),
            None => (array.expr, reading(array.element)),
        };
        builtin("array_order", vec![members, Expr::Literal(Value::from(reading))])
    }

    /// Both sides of a comparison, of which one may be an array: a literal text beside it is read as one, and which is
    /// the less is told by what they are ordered by.
    pub(super) fn compared_arrays(
        &mut self,
        op: Comparison,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Bound<(Typed, Typed)> {
        if self.is_sqlite() || !(left.is_array() || right.is_array()) {
            return Ok((left, right));
        }
        let enumeration = super::enumeration::enum_of_members(&[left.clone(), right.clone()]);
        let element = left.element.or(right.element);
        let left = self.read_as_array(left, element, span)?;
        let right = self.read_as_array(right, element, span)?;
        let is_of_order = !matches!(op, Comparison::Equal | Comparison::NotEqual | Comparison::Same);
        if is_of_order && left.is_array() && right.is_array() {
            let key =
                |side: Typed| Typed::new(self.order_of_array(side.of_enum(enumeration)), DataType::Bytes);
            return Ok((key(left), key(right)));
        }
        Ok((left, right))
    }

    /// The greatest or the least of arrays; NULL is none of them.
    pub(super) fn extreme_of_arrays(
        &mut self,
        function: &Function,
        arrays: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        let is_greatest = *function == Function::Greatest;
        let op = if is_greatest { Comparison::GreaterOrEqual } else { Comparison::LessOrEqual };
        let element = super::array::common_element(&arrays);
        let arrays = arrays.into_iter().map(|array| self.read_as_array(array, element, span));
        let arrays = arrays.collect::<Bound<Vec<_>>>()?;
        let mut branches = Vec::with_capacity(arrays.len());
        for (place, array) in arrays.iter().enumerate() {
            let mut decides = vec![array.expr.clone().is_null().not()];
            for (_, other) in arrays.iter().enumerate().filter(|(other, _)| *other != place) {
                let compared = self.compare(op, array.clone(), other.clone(), span)?.expr;
                decides.push(Expr::Or(vec![other.expr.clone().is_null(), compared]));
            }
            branches.push((Expr::And(decides), array.expr.clone()));
        }
        let enumeration = super::enumeration::enum_of_members(&arrays);
        Ok(Typed::array(Expr::Case { branches, otherwise: None }, element).of_enum(enumeration))
    }
}
