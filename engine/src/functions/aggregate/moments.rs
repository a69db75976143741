//! Variances, standard deviations and SQLite's `total`: what is computed in double precision of any numbers.
//!
//! Mean and sum of squared distances from it are kept up row by row (Welford, "Note on a Method for Calculating Corrected
//! Sums of Squares and Products", Technometrics 1962), and those of two runs of rows are merged as Chan, Golub and
//! LeVeque do ("Updating Formulae and a Pairwise Algorithm", COMPSTAT 1982): neither loses digits to large means.

use std::borrow::Cow;

use nuages_storage::DataType;

use super::float_of;
use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::evaluate::Class;
use crate::vector::Vector;

/// Whether an aggregate is a variance or a standard deviation.
pub(crate) fn is_moment(function: AggregateFunction) -> bool {
    matches!(
        function,
        AggregateFunction::StddevPop
            | AggregateFunction::StddevSamp
            | AggregateFunction::VarPop
            | AggregateFunction::VarSamp
    )
}

/// What is known of the numbers of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    count: u64,
    sum: f64,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

#[expect(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
impl Moment {
    /// Takes in a number.
    pub(crate) fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }

    /// Takes in what another has taken in.
    pub(crate) fn merge(&mut self, other: &Moment) {
        if other.count == 0 {
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let (both, apart) = (own + others, other.mean - self.mean);
        self.count += other.count;
        self.sum += other.sum;
        self.mean += apart * others / both;
        self.squares += other.squares + apart * apart * own * others / both;
    }

    /// The aggregate; `None` is NULL.
    pub(crate) fn result(&self, function: AggregateFunction) -> Option<f64> {
        let divisor = match function {
            AggregateFunction::Total => return Some(self.sum),
            AggregateFunction::Sum => return (self.count > 0).then_some(self.sum),
            AggregateFunction::Avg => return (self.count > 0).then(|| self.sum / self.count as f64),
            AggregateFunction::StddevPop | AggregateFunction::VarPop => self.count,
            _ => self.count.checked_sub(1)?,
        };
        let variance = (divisor > 0).then(|| self.squares / divisor as f64)?;
        match function {
            AggregateFunction::StddevPop | AggregateFunction::StddevSamp => Some(variance.sqrt()),
            _ => Some(variance),
        }
    }
}

/// The sums of integers and of their squares, which are exact; none once they are beyond 128 bits.
#[derive(Clone, Copy, Debug)]
struct Exact {
    count: i128,
    sums: Option<(i128, i128)>,
}

impl Exact {
    const NONE: Exact = Exact { count: 0, sums: Some((0, 0)) };

    fn add(&mut self, int: i64) {
        let wide = i128::from(int);
        self.count += 1;
        self.sums = self.sums.and_then(|(sum, squares)| {
            Some((sum.checked_add(wide)?, squares.checked_add(wide.checked_mul(wide)?)?))
        });
    }

    /// The variance, rounded once; none if it is one of too few numbers or of too large ones.
    #[expect(clippy::cast_precision_loss, reason = "here it is rounded")]
    fn variance(&self, divisor: i128) -> Option<f64> {
        let (sum, squares) = self.sums?;
        let apart = self.count.checked_mul(squares)?.checked_sub(sum.checked_mul(sum)?)?;
        (divisor > 0)
            .then(|| apart as f64 / self.count.checked_mul(divisor).map_or(f64::NAN, |both| both as f64))
    }

    fn result(&self, function: AggregateFunction) -> Option<f64> {
        match function {
            AggregateFunction::VarPop => self.variance(self.count),
            AggregateFunction::VarSamp => self.variance(self.count - 1),
            AggregateFunction::StddevPop => self.variance(self.count).map(f64::sqrt),
            AggregateFunction::StddevSamp => self.variance(self.count - 1).map(f64::sqrt),
            _ => None,
        }
    }
}

/// One aggregate of this kind, for every group.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    function: AggregateFunction,
    groups: Vec<Moment>,
    /// The same of integers.
    exact: Option<Vec<Exact>>,
}

impl Moments {
    pub(super) fn new(function: AggregateFunction, class: Class) -> Moments {
        let exact = (class == Class::Int && is_moment(function)).then(Vec::new);
        Moments { function, groups: Vec::new(), exact }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, Moment::default());
        if let Some(exact) = &mut self.exact {
            exact.resize(groups, Exact::NONE);
        }
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        for row in live {
            if let Some(number) = float_of(input, row) {
                self.groups[group(row)].add(number);
            }
            if let (Some(exact), Some(int)) = (&mut self.exact, input.int(row)) {
                exact[group(row)].add(int);
            }
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        let exact = |place: usize| self.exact.as_ref()?.get(place)?.result(self.function);
        let result = |(place, group): (usize, &Moment)| exact(place).or_else(|| group.result(self.function));
        floats(self.groups.iter().enumerate().map(result))
    }
}

/// A column of floats; `None` is NULL.
pub(crate) fn floats(values: impl Iterator<Item = Option<f64>>) -> Vector<'static> {
    let values: Vec<Option<f64>> = values.collect();
    let nulls = Bits::from_fn(values.len(), |row| values[row].is_none());
    let data = values.iter().map(|value| value.unwrap_or_default().to_bits()).collect();
    Vector::Word { kind: DataType::Float, data: Cow::Owned(data), nulls }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variances_of_integers_are_rounded_once() {
        let mut exact = Exact::NONE;
        [1, 2, 2, 5].into_iter().for_each(|int| exact.add(int));
        assert_eq!(exact.result(AggregateFunction::VarSamp), Some(3.0));
        assert_eq!(exact.result(AggregateFunction::StddevPop), Some(1.5));
        let mut large = Exact::NONE;
        [i64::MAX, i64::MIN, i64::MAX].into_iter().for_each(|int| large.add(int));
        assert_eq!(large.result(AggregateFunction::VarPop), None);
        assert_eq!(Exact::NONE.result(AggregateFunction::VarPop), None);
    }

    proptest! {
        #[test]
        fn runs_that_are_merged_are_as_one(numbers in prop::collection::vec(-1_000_i32..1_000, 0..60), at in 0_usize..60) {
            let offset = 1e9; // a mean that would swallow the digits of a sum of squares
            let of = |numbers: &[i32]| {
                let mut moment = Moment::default();
                numbers.iter().for_each(|number| moment.add(offset + f64::from(*number)));
                moment
            };
            let (left, right) = numbers.split_at(at.min(numbers.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            let count = numbers.len() as f64;
            let mean = numbers.iter().copied().map(f64::from).sum::<f64>() / count;
            let squares: f64 = numbers.iter().map(|number| (f64::from(*number) - mean).powi(2)).sum();
            for moment in [of(&numbers), merged] {
                let sample = moment.result(AggregateFunction::VarSamp);
                prop_assert_eq!(sample.is_some(), numbers.len() > 1);
                if let Some(sample) = sample {
                    prop_assert!((sample - squares / (count - 1.0)).abs() < 1e-3 * (1.0 + squares));
                }
                let population = moment.result(AggregateFunction::StddevPop);
                prop_assert_eq!(population.is_some(), !numbers.is_empty());
                if let Some(population) = population {
                    prop_assert!((population - (squares / count).sqrt()).abs() < 1e-3 * (1.0 + squares));
                }
            }
        }
    }
}
