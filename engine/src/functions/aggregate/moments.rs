//! Variances, standard deviations and SQLite's `total`: what is computed in double precision of any numbers.
//!
//! Sums and sums of squares of whole numbers are exact, so that what is computed of them is rounded once. Of other
//! numbers, mean and sum of squared distances from it are kept up row by row (Welford, "Note on a Method for
//! Calculating Corrected Sums of Squares and Products", Technometrics 1962), and those of two runs of rows are merged
//! as Chan, Golub and LeVeque do ("Updating Formulae and a Pairwise Algorithm", COMPSTAT 1982): neither loses digits to
//! large means.

use std::borrow::Cow;

use nuages_storage::DataType;

use super::float_of;
use crate::algebra::AggregateFunction;
use crate::bits::Bits;
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
    /// As long as all numbers are whole; the two after it are not kept up then.
    whole: Whole,
    is_inexact: bool,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

/// Sums over whole numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    sum: i128,
    squares: i128,
}

impl Whole {
    fn plus(self, other: Whole) -> Option<Whole> {
        let squares = self.squares.checked_add(other.squares)?;
        Some(Whole { sum: self.sum.checked_add(other.sum)?, squares })
    }

    /// The sum of the squared distances from the mean of so many numbers, divided by a number.
    fn spread(self, count: u64, divisor: u64) -> Option<f64> {
        let (count, divisor) = (i128::from(count), i128::from(divisor));
        let apart = self.squares.checked_mul(count)?.checked_sub(self.sum.checked_mul(self.sum)?)?;
        Some(quotient(apart, count.checked_mul(divisor)?))
    }
}

/// A number with its square, if it is whole and small enough to be so exactly.
#[expect(clippy::cast_possible_truncation, reason = "it has no more digits than an integer")]
fn whole_of(number: f64) -> Option<Whole> {
    const LIMIT: f64 = 9_007_199_254_740_992.0; // 2^53
    let is_whole = number.abs() < LIMIT && number.fract() == 0.0;
    is_whole.then(|| {
        let sum = i128::from(number as i64);
        Whole { sum, squares: sum * sum }
    })
}

/// A quotient of which only the last digit is rounded.
#[expect(clippy::cast_precision_loss, reason = "that is the rounding")]
fn quotient(number: i128, by: i128) -> f64 {
    (number / by) as f64 + (number % by) as f64 / by as f64
}

#[expect(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
impl Moment {
    /// Takes in a number.
    pub(crate) fn add(&mut self, number: f64) {
        if !self.is_inexact {
            match whole_of(number).and_then(|whole| self.whole.plus(whole)) {
                Some(whole) => {
                    (self.whole, self.count, self.sum) = (whole, self.count + 1, self.sum + number);
                    return;
                }
                None => self.approximate(),
            }
        }
        self.count += 1;
        self.sum += number;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }

    /// Goes on in double precision.
    fn approximate(&mut self) {
        if !self.is_inexact && self.count > 0 {
            self.mean = quotient(self.whole.sum, i128::from(self.count));
            let rounded = self.whole.squares as f64 - self.mean * self.mean * self.count as f64;
            self.squares = self.whole.spread(self.count, 1).unwrap_or(rounded);
        }
        self.is_inexact = true;
    }

    /// Takes in what another has taken in.
    pub(crate) fn merge(&mut self, other: &Moment) {
        if other.count == 0 {
            return;
        }
        let whole = self.whole.plus(other.whole).filter(|_| !self.is_inexact && !other.is_inexact);
        if let Some(whole) = whole {
            (self.whole, self.count, self.sum) = (whole, self.count + other.count, self.sum + other.sum);
            return;
        }
        let mut other = *other;
        self.approximate();
        other.approximate();
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
        if divisor == 0 {
            return None;
        }
        let exact = if self.is_inexact { None } else { self.whole.spread(self.count, divisor) };
        let variance = exact.unwrap_or_else(|| {
            let mut moment = *self;
            moment.approximate();
            moment.squares / divisor as f64
        });
        match function {
            AggregateFunction::StddevPop | AggregateFunction::StddevSamp => Some(variance.sqrt()),
            _ => Some(variance),
        }
    }
}

/// One aggregate of this kind, for every group.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    function: AggregateFunction,
    groups: Vec<Moment>,
}

impl Moments {
    pub(super) fn new(function: AggregateFunction) -> Moments {
        Moments { function, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, Moment::default());
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        for row in live {
            if let Some(number) = float_of(input, row) {
                self.groups[group(row)].add(number);
            }
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        floats(self.groups.iter().map(|group| group.result(self.function)))
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
    fn variances_of_whole_numbers_are_rounded_once() {
        let of = |numbers: &[f64]| {
            let mut moment = Moment::default();
            numbers.iter().for_each(|number| moment.add(*number));
            moment
        };
        let lengths = [343_719.0, 342_562.0, 230_619.0, 252_051.0];
        assert_eq!(of(&lengths).result(AggregateFunction::VarPop), Some(2_648_673_616.687_5));
        assert_eq!(of(&lengths).result(AggregateFunction::VarSamp), Some(3_531_564_822.25));
        // Numbers that are not whole, or too large for exact sums, end it and lose nothing.
        let mixed = [lengths.as_slice(), &[0.5]].concat();
        let (front, back) = mixed.split_at(2);
        let mut merged = of(front);
        merged.merge(&of(back));
        let whole = of(&mixed).result(AggregateFunction::VarPop).unwrap();
        assert!((whole - merged.result(AggregateFunction::VarPop).unwrap()).abs() < 1e-3);
        let huge = of(&[9e15, 9e15, 1e300]);
        assert!(huge.result(AggregateFunction::VarPop).unwrap() > 1e299);
        let many = of(&[9e15; 1_000]);
        assert_eq!(many.result(AggregateFunction::StddevPop), Some(0.0));
        assert_eq!(of(&[1.0]).result(AggregateFunction::VarSamp), None);
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
