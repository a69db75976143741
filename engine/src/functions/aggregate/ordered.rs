//! Percentiles and modes: what is chosen among the values of a group in their order.
//!
//! The caller has brought the rows of a group in order (`WITHIN GROUP (ORDER BY ..)`), so the values are kept as they
//! come.

use jiff::SignedDuration;
use nuages_storage::{DataType, Value};

use super::name;
use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::{Vector, VectorBuilder};

/// One aggregate of this kind, for every group.
#[derive(Clone, Debug)]
pub(super) struct OrderedSets {
    function: AggregateFunction,
    kind: DataType,
    groups: Vec<OrderedSet>,
}

/// The values of a group in order, and the fraction that is asked for.
#[derive(Clone, Debug, Default)]
struct OrderedSet {
    values: Vec<Value>,
    fraction: Option<f64>,
}

impl OrderedSets {
    pub(super) fn new(function: AggregateFunction, kind: DataType) -> OrderedSets {
        OrderedSets { function, kind, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, OrderedSet::default);
    }

    pub(super) fn take(
        &mut self,
        group: impl Fn(usize) -> usize,
        input: &Vector<'_>,
        second: Option<&Vector<'_>>,
        live: &Bits,
    ) {
        for row in live {
            let group = &mut self.groups[group(row)];
            group.values.push(input.value(row));
            group.fraction = second.and_then(|second| second.value(row).as_float());
        }
    }

    /// # Errors
    /// [`Error::Type`] if a fraction is not one from 0 to 1.
    pub(super) fn finish(self) -> Result<Vector<'static>, Error> {
        let mut builder = VectorBuilder::with_capacity(self.kind, self.groups.len());
        for group in &self.groups {
            builder.push(&group.result(self.function)?.unwrap_or(Value::Null));
        }
        Ok(builder.finish())
    }
}

impl OrderedSet {
    fn result(&self, function: AggregateFunction) -> Result<Option<Value>, Error> {
        if function == AggregateFunction::Mode {
            return Ok(self.mode());
        }
        let Some(fraction) = self.fraction else { return Ok(None) };
        if !(0.0..=1.0).contains(&fraction) {
            let (expected, got) = ("a fraction from 0 to 1".to_owned(), fraction.to_string());
            return Err(Error::Type { expression: name(function).to_owned(), expected, got });
        }
        Ok(match function {
            AggregateFunction::PercentileDisc => self.at_or_behind(fraction),
            _ => self.between(fraction),
        })
    }

    /// The first of the longest runs of equal values.
    fn mode(&self) -> Option<Value> {
        let runs = self.values.chunk_by(|left, right| left == right);
        let longest = runs.reduce(|longest, run| if run.len() > longest.len() { run } else { longest });
        longest?.first().cloned()
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place"
    )]
    fn at_or_behind(&self, fraction: f64) -> Option<Value> {
        let place = (fraction * self.values.len() as f64).ceil() as usize;
        self.values.get(place.saturating_sub(1)).cloned()
    }

    /// The value between the two that lie around a place.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place"
    )]
    fn between(&self, fraction: f64) -> Option<Value> {
        let place = fraction * (self.values.len().checked_sub(1)? as f64);
        let (low, high) = (self.values.get(place.floor() as usize)?, self.values.get(place.ceil() as usize)?);
        let share = place - place.floor();
        if let (Value::Duration(low), Value::Duration(high)) = (low, high) {
            let apart = high.checked_sub(*low)?.as_secs_f64() * share;
            return Some(Value::Duration(low.checked_add(SignedDuration::try_from_secs_f64(apart).ok()?)?));
        }
        let (low, high) = (low.as_float()?, high.as_float()?);
        Some(Value::Float(low + (high - low) * share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[i64], fraction: f64) -> OrderedSet {
        OrderedSet { values: values.iter().map(|int| Value::Int(*int)).collect(), fraction: Some(fraction) }
    }

    /// The answers are PostgreSQL's.
    #[test]
    fn percentiles_lie_between_values_or_are_one() {
        let cont = |fraction| set(&[1, 2, 2, 5], fraction).result(AggregateFunction::PercentileCont);
        let disc = |fraction| set(&[1, 2, 2, 5], fraction).result(AggregateFunction::PercentileDisc);
        assert_eq!(
            [0.0, 0.5, 0.75, 1.0].map(|at| cont(at).unwrap()),
            [1.0, 2.0, 2.75, 5.0].map(|float| Some(float.into()))
        );
        assert_eq!(
            [0.0, 0.25, 0.26, 1.0].map(|at| disc(at).unwrap()),
            [1, 1, 2, 5].map(|int| Some(int.into()))
        );
        assert!(cont(1.5).is_err() && disc(-0.1).is_err());
        assert_eq!(set(&[], 0.5).result(AggregateFunction::PercentileCont), Ok(None));
    }

    #[test]
    fn a_mode_is_the_first_of_the_most_frequent() {
        assert_eq!(set(&[1, 2, 2, 3, 3], 0.0).mode(), Some(2.into()));
        assert_eq!(set(&[], 0.0).mode(), None);
    }
}
