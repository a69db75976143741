//! Sums and means.

use std::borrow::Cow;

use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use crate::bits::{Bits, WORD_ROWS, low_bits};
use crate::error::Error;
use crate::evaluate::Words;
use crate::evaluate::fixed::Fixed;
use crate::evaluate::quotient::quotient;
use crate::vector::{Vector, VectorBuilder};

pub(crate) fn overflow(operation: &str) -> Error {
    Error::Overflow { operation: operation.to_owned() }
}

/// Sums of integers or intervals, in 128 bits, which 2^64 rows cannot overflow.
#[derive(Clone, Debug)]
pub(super) struct IntSums {
    result: DataType,
    mean: bool,
    groups: Vec<IntSum>,
}

/// The sum of the integers of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntSum {
    sum: i128,
    count: u64,
}

impl IntSums {
    pub(super) fn new(result: DataType, mean: bool) -> IntSums {
        IntSums { result, mean, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, IntSum::default());
    }

    #[inline]
    pub(super) fn add(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        let words = Words::of(input);
        for row in live {
            let group = &mut self.groups[group(row)];
            group.sum += i128::from(words.get(row).cast_signed());
            group.count += 1;
        }
    }

    /// Adds the rows of a column to the only group.
    pub(super) fn add_column(&mut self, words: &[u64], live: &Bits) {
        let Some(group) = self.groups.first_mut() else { return };
        for (words, mask) in words.chunks(WORD_ROWS).zip(live.words()) {
            group.sum += sum_under(words, *mask);
            group.count += u64::from(mask.count_ones());
        }
    }

    pub(super) fn finish(self) -> Result<Vector<'static>, Error> {
        let mut builder = VectorBuilder::with_capacity(self.result, self.groups.len());
        for group in &self.groups {
            builder.push(&group.result(self.result, self.mean)?);
        }
        Ok(builder.finish())
    }
}

impl IntSum {
    /// Takes in an integer.
    #[inline]
    pub(crate) fn add(&mut self, int: i64) {
        self.sum += i128::from(int);
        self.count += 1;
    }

    /// Takes an integer out that was taken in.
    #[inline]
    pub(crate) fn remove(&mut self, int: i64) {
        self.sum -= i128::from(int);
        self.count -= 1;
    }

    /// Takes in what another has taken in.
    pub(crate) fn merge(&mut self, other: &IntSum) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The sum or the mean, as a value of this type.
    ///
    /// # Errors
    /// [`Error::Overflow`] if it does not fit.
    pub(crate) fn result(&self, kind: DataType, mean: bool) -> Result<Value, Error> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean of integers is a float")]
        if kind == DataType::Float {
            return Ok(Value::Float(self.sum as f64 / if mean { self.count as f64 } else { 1.0 }));
        }
        let divisor = if mean { i128::from(self.count) } else { 1 };
        let int = i64::try_from(self.sum / divisor).map_err(|_| overflow("sum()"))?;
        kind.value_from_word(int.cast_unsigned()).ok_or_else(|| overflow("sum()"))
    }
}

/// The exact sum of up to 64 integers under a mask.
///
/// Moved up by 2^63 they are not negative. Then their upper halves are added, which 64 of them cannot overflow, and
/// the whole words, of which only what is lost is what the upper halves know; so no carry is taken along, and the loop
/// is vectorised.
fn sum_under(words: &[u64], mask: u64) -> i128 {
    const BIAS: u64 = 1 << 63;
    let (mut sum, mut upper) = (0_u64, 0_u64);
    let mut add = |word: u64| {
        let biased = word ^ BIAS;
        sum = sum.wrapping_add(biased);
        upper += biased >> 32;
    };
    if mask == low_bits(words.len()) {
        words.iter().for_each(|word| add(*word));
    } else {
        Bits::from_word(mask).iter().for_each(|row| add(words[row]));
    }
    let lower = sum.wrapping_sub(upper << 32);
    (i128::from(upper) << 32) + i128::from(lower) - (i128::from(mask.count_ones()) << 63)
}

/// Sums of floats, in the order of the rows.
#[derive(Clone, Debug)]
pub(super) struct FloatSums {
    mean: bool,
    groups: Vec<(f64, u64)>,
}

impl FloatSums {
    pub(super) fn new(mean: bool) -> FloatSums {
        FloatSums { mean, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, (0.0, 0));
    }

    #[inline]
    pub(super) fn add(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        let words = Words::of(input);
        for row in live {
            let (sum, count) = &mut self.groups[group(row)];
            *sum += f64::from_bits(words.get(row));
            *count += 1;
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        #[expect(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
        let result = |(sum, count): &(f64, u64)| if self.mean { sum / *count as f64 } else { *sum };
        let data = self.groups.iter().map(|group| result(group).to_bits()).collect();
        let nulls = Bits::from_fn(self.groups.len(), |group| self.groups[group].1 == 0);
        Vector::Word { kind: DataType::Float, data: Cow::Owned(data), nulls }
    }
}

/// Sums of decimals, as multiples of a unit. A column has one scale, so as a rule a row is one addition.
#[derive(Clone, Debug)]
pub(super) struct DecimalSums {
    mean: bool,
    groups: Vec<DecimalSum>,
    /// The scale that the sums of all groups have, those without a row too; none when they may have several.
    scale: Option<u32>,
}

/// The sum of the decimals of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DecimalSum {
    mantissa: i128,
    scale: u32,
    count: u64,
}

impl DecimalSums {
    pub(super) fn new(mean: bool) -> DecimalSums {
        DecimalSums { mean, groups: Vec::new(), scale: Some(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        let scale = self.scale.unwrap_or(0);
        self.groups.resize(groups, DecimalSum { scale, ..DecimalSum::default() });
    }

    /// Whether all sums have this scale: as a rule, for that of the first batch is given to all.
    fn has_scale(&mut self, scale: u32) -> bool {
        let has_other = self.scale.is_some_and(|known| known != scale);
        if has_other && self.groups.iter().all(DecimalSum::is_empty) {
            self.scale = Some(scale);
            self.groups.iter_mut().for_each(|group| group.scale = scale);
        }
        self.scale == Some(scale)
    }

    /// Lets sums have several scales. Those without a row have none of their own.
    fn mix(&mut self) {
        if self.scale.take().is_some() {
            self.groups.iter_mut().filter(|group| group.is_empty()).for_each(|group| group.scale = 0);
        }
    }

    pub(super) fn add(
        &mut self,
        group: impl Fn(usize) -> usize,
        input: &Vector<'_>,
        live: &Bits,
    ) -> Result<(), Error> {
        if let Some(fixed) = Fixed::of(input, live) {
            let (words, scale) = (fixed.words(), u32::from(fixed.scale()));
            if let Words::Slice(units) = words
                && self.has_scale(scale)
            {
                return self.add_units(group, units, live);
            }
            self.mix();
            for row in live {
                let sum = &mut self.groups[group(row)];
                sum.add_units(words.get(row).cast_signed(), scale).ok_or_else(|| overflow("sum()"))?;
            }
            return Ok(());
        }
        self.mix();
        for row in live {
            if let Some(decimal) = input.decimal(row) {
                self.groups[group(row)].add(decimal).ok_or_else(|| overflow("sum()"))?;
            }
        }
        Ok(())
    }

    /// Adds units of the scale that all groups have. Nothing is asked of a row but which group it has.
    #[inline]
    fn add_units(&mut self, group: impl Fn(usize) -> usize, units: &[u64], live: &Bits) -> Result<(), Error> {
        let groups = &mut self.groups[..];
        let mut overflowed = false;
        let mut add = |row: usize, unit: u64| {
            let sum = &mut groups[group(row)];
            let (mantissa, is_beyond) = sum.mantissa.overflowing_add(i128::from(unit.cast_signed()));
            overflowed |= is_beyond;
            sum.mantissa = mantissa;
            sum.count += 1;
        };
        for (index, (units, mask)) in units.chunks(WORD_ROWS).zip(live.words()).enumerate() {
            let first = index * WORD_ROWS;
            if *mask == low_bits(units.len()) {
                units.iter().enumerate().for_each(|(row, unit)| add(first + row, *unit));
            } else {
                Bits::from_word(*mask).iter().for_each(|row| add(first + row, units[row]));
            }
        }
        if overflowed { Err(overflow("sum()")) } else { Ok(()) }
    }

    /// Adds the rows of a column to the only group.
    pub(super) fn add_column(&mut self, input: &Vector<'_>, live: &Bits) -> Result<(), Error> {
        let Some(fixed) = Fixed::of(input, live) else { return self.add(|_| 0, input, live) };
        self.mix();
        let Words::Slice(words) = fixed.words() else { return self.add(|_| 0, input, live) };
        let Some(group) = self.groups.first_mut() else { return Ok(()) };
        for (words, mask) in words.chunks(WORD_ROWS).zip(live.words()) {
            let (mantissa, count) = (sum_under(words, *mask), u64::from(mask.count_ones()));
            let sum = DecimalSum { mantissa, scale: u32::from(fixed.scale()), count };
            group.merge(&sum).ok_or_else(|| overflow("sum()"))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vector<'static>, Error> {
        let nulls = Bits::from_fn(self.groups.len(), |group| self.groups[group].count == 0);
        let result = |group: &DecimalSum| group.result(self.mean).ok_or_else(|| overflow("sum()"));
        let data = self.groups.iter().map(result).collect::<Result<_, _>>()?;
        Ok(Vector::Decimal { data, nulls })
    }
}

impl DecimalSum {
    /// Takes in a decimal; `None` if the sum does not fit.
    pub(crate) fn add(&mut self, decimal: Decimal) -> Option<()> {
        self.merge(&DecimalSum { mantissa: decimal.mantissa(), scale: decimal.scale(), count: 1 })
    }

    /// Takes in a decimal of this scale, which as a rule is that of all.
    #[inline]
    fn add_units(&mut self, units: i64, scale: u32) -> Option<()> {
        let mantissa = i128::from(units);
        if scale != self.scale {
            return self.merge(&DecimalSum { mantissa, scale, count: 1 });
        }
        self.mantissa = self.mantissa.checked_add(mantissa)?;
        self.count += 1;
        Some(())
    }

    /// Takes a decimal out that was taken in.
    pub(crate) fn remove(&mut self, decimal: Decimal) -> Option<()> {
        let count = self.count.checked_sub(1)?;
        self.merge(&DecimalSum { mantissa: -decimal.mantissa(), scale: decimal.scale(), count: 0 })?;
        self.count = count;
        Some(())
    }

    /// Takes in what another has taken in, exactly unless that takes more than the 38 digits there are: then the
    /// last ones are rounded off.
    pub(crate) fn merge(&mut self, other: &DecimalSum) -> Option<()> {
        self.count += other.count;
        if self.scale == other.scale
            && let Some(sum) = self.mantissa.checked_add(other.mantissa)
        {
            self.mantissa = sum;
            return Some(());
        }
        let finest = self.scale.max(other.scale);
        let (scale, sum) = (0..=finest).rev().find_map(|scale| {
            let sum = rescaled(self.mantissa, self.scale, scale)?;
            Some((scale, sum.checked_add(rescaled(other.mantissa, other.scale, scale)?)?))
        })?;
        (self.mantissa, self.scale) = (sum, scale);
        Some(())
    }

    /// Whether nothing was taken in.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum or the mean, with as many of its digits as a decimal has room for; `None` if it does not fit.
    pub(crate) fn result(&self, mean: bool) -> Option<Decimal> {
        let fitting = |scale| {
            let mantissa = rescaled(self.mantissa, self.scale, scale)?;
            Decimal::try_from_i128_with_scale(mantissa, scale).ok()
        };
        let sum = (0..=self.scale).rev().find_map(fitting)?;
        if mean && self.count > 0 { quotient(sum, Decimal::from(self.count)) } else { Some(sum) }
    }
}

/// So many units of one scale in those of another, rounded half away from zero; `None` if they are too many.
fn rescaled(mantissa: i128, from: u32, to: u32) -> Option<i128> {
    if from == to {
        return Some(mantissa);
    }
    let power = 10_i128.checked_pow(from.abs_diff(to))?;
    if from < to {
        return mantissa.checked_mul(power);
    }
    let (quotient, rest) = (mantissa / power, mantissa % power);
    Some(if rest.abs() >= power - rest.abs() { quotient + mantissa.signum() } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(decimals: &[&str]) -> DecimalSum {
        let mut sum = DecimalSum::default();
        for decimal in decimals {
            sum.add(decimal.parse().unwrap()).unwrap();
        }
        sum
    }

    fn shown(sum: &DecimalSum, mean: bool) -> Option<String> {
        Some(sum.result(mean)?.to_string())
    }

    #[test]
    fn a_sum_of_more_digits_than_a_decimal_has_is_rounded_to_those() {
        let thirds = sum(&["3.3333333333333333333333333333"; 3]);
        assert_eq!(shown(&thirds, false).as_deref(), Some("10.000000000000000000000000000"));
        assert_eq!(shown(&thirds, true).as_deref(), Some("3.333333333333333333333333333"));
        assert_eq!(
            shown(&sum(&["-7.9228162514264337593543950334"; 3]), false).as_deref(),
            Some("-23.768448754279301278063185100")
        );
    }

    #[test]
    fn large_and_small_decimals_are_summed_together() {
        let (large, small) = ("70000000000000000000000000000", "0.0000000000000000000000000001");
        for decimals in [[large, small], [small, large]] {
            assert_eq!(sum(&decimals).result(false), large.parse().ok());
        }
        assert_eq!(
            shown(&sum(&["1000000.00", "0.3333333333333333333333333333"]), false).as_deref(),
            Some("1000000.3333333333333333333333")
        );
    }

    #[test]
    fn each_group_has_the_digits_of_its_own_rows() {
        let column = |decimals: &[&str]| {
            let kind = DataType::Decimal { precision: 28, scale: 2 };
            Vector::from_values(kind, decimals.iter().map(|decimal| Value::Decimal(decimal.parse().unwrap())))
        };
        let mut sums = DecimalSums::new(false);
        sums.resize(3);
        // Of one scale, then of another one in a group that has no row yet, then of both in one.
        for (groups, decimals) in
            [([0, 0], ["1.25", "2.25"]), ([1, 1], ["1.5", "2.0"]), ([0, 1], ["0.5", "0.125"])]
        {
            sums.add(|row| groups[row], &column(&decimals), &Bits::all(2)).unwrap();
        }
        let found = sums.finish().unwrap();
        let shown: Vec<_> = (0..3).map(|group| found.decimal(group).map(|sum| sum.to_string())).collect();
        assert_eq!(shown, [Some("4.00".to_owned()), Some("3.625".to_owned()), None]);
    }

    #[test]
    fn only_a_sum_that_does_not_fit_without_its_fraction_overflows() {
        let most = Decimal::MAX.to_string();
        assert_eq!(sum(&[&most]).result(false), Some(Decimal::MAX));
        assert_eq!(sum(&[&most, "0.4"]).result(false), Some(Decimal::MAX));
        assert_eq!(sum(&[&most, "0.5"]).result(false), None);
        assert_eq!(sum(&[&most, &most]).result(false), None);
    }
}
