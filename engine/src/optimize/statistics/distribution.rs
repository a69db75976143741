//! Distributions: how the values of one column are spread, as far as a sample tells.
//!
//! A value that was sampled often enough to believe its share of the rows is *common* and kept with it. The others are
//! kept as an equi-depth histogram: bounds between each two of which lie equally many of them. That is what
//! Piatetsky-Shapiro and Connell ("Accurate Estimation of the Number of Tuples Satisfying a Condition", SIGMOD 1984)
//! proposed for skewed columns and PostgreSQL keeps of each. A rare value is thought to occur as often as the rare
//! values do in the mean: what a sample of a thousand rows says of it alone is whether it was hit by chance.

use jiff::civil::{Date, Time};
use nuages_storage::Value;

/// Common values that are kept of a column, at most.
const COMMON_MAX: usize = 100;

/// Sampled rows of a value from which on its share is believed: the error of the share is half of it then.
const COMMON_ROWS: usize = 4;

/// How much more often than the mean a value must occur to be common.
const COMMON_FACTOR: f64 = 1.25;

/// Parts of a histogram, at most.
const PARTS_MAX: usize = 64;

/// The statistics of a column, from a sample of its table's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    /// The share of the rows that have NULL in it.
    pub null_share: f64,
    /// How many different values it is thought to have, NULL left out.
    pub distinct: f64,
    /// The values that stand out, in their order, each with its share of all rows.
    pub common: Vec<(Value, f64)>,
    /// An equi-depth histogram of the other values: as many rows lie between each two neighbours. Both ends are among
    /// the sampled values; there are none if fewer than two other values were sampled.
    pub bounds: Vec<Value>,
}

impl ColumnStatistics {
    /// Those of a column of whose `sampled` rows these values are present, in order. Of `distinct` different values the
    /// column is thought to have; `is_whole` says that no other rows are there.
    pub(super) fn of(present: &[Value], sampled: usize, distinct: f64, is_whole: bool) -> ColumnStatistics {
        let rows = sampled.max(1) as f64;
        let groups = || present.chunk_by(|a, b| a == b);
        let different = groups().count();
        // A column whose values all were sampled often has no others.
        let is_complete =
            different <= COMMON_MAX && (is_whole || groups().all(|group| group.len() >= COMMON_ROWS));
        let mean = present.len() as f64 / distinct.max(1.0);
        let least = match is_complete {
            true => 1,
            false => COMMON_ROWS.max((COMMON_FACTOR * mean).ceil() as usize),
        };
        let mut common: Vec<&[Value]> = groups().filter(|group| group.len() >= least).collect();
        if common.len() > COMMON_MAX {
            common.sort_by_key(|group| std::cmp::Reverse(group.len()));
            common.truncate(COMMON_MAX);
            common.sort_unstable_by(|a, b| a[0].cmp(&b[0]));
        }
        let is_common = |value: &Value| common.binary_search_by(|group| group[0].cmp(value)).is_ok();
        let others: Vec<&Value> = match is_complete {
            true => Vec::new(),
            false => groups().filter(|group| !is_common(&group[0])).flatten().collect(),
        };
        ColumnStatistics {
            null_share: (sampled - present.len()) as f64 / rows,
            distinct: if is_complete { different as f64 } else { distinct.max(different as f64) },
            bounds: bounds(&others),
            common: common.iter().map(|group| (group[0].clone(), group.len() as f64 / rows)).collect(),
        }
    }

    /// Those of a column of a table that is empty.
    pub(super) const fn of_no_rows() -> ColumnStatistics {
        ColumnStatistics { null_share: 0.0, distinct: 0.0, common: Vec::new(), bounds: Vec::new() }
    }

    /// The share of the rows that have a value which is not common.
    pub(crate) fn rare_share(&self) -> f64 {
        let common: f64 = self.common.iter().map(|(_, share)| share).sum();
        (1.0 - self.null_share - common).max(0.0)
    }

    /// How many different values are not common.
    pub(crate) fn rare_distinct(&self) -> f64 {
        (self.distinct - self.common.len() as f64).max(0.0)
    }

    /// The share of the rows that have a value which is not known yet: in the mean over all values.
    pub(crate) fn any_share(&self) -> f64 {
        (1.0 - self.null_share) / self.distinct.max(1.0)
    }

    /// The share of the rows that have one value which is not common: in the mean over those.
    pub(crate) fn rare_value_share(&self) -> f64 {
        self.rare_share() / self.rare_distinct().max(1.0)
    }

    /// The share of the rows that have this value.
    pub(crate) fn equal_share(&self, value: &Value) -> f64 {
        match self.common.binary_search_by(|(common, _)| common.cmp(value)) {
            _ if value.is_null() => 0.0,
            Ok(place) => self.common[place].1,
            Err(_) => self.rare_value_share(),
        }
    }

    /// The share of the rows whose value is less than this one, or is it if `inclusive`.
    pub(crate) fn below_share(&self, value: &Value, inclusive: bool) -> f64 {
        if value.is_null() {
            return 0.0;
        }
        let is_below = |(common, _): &&(Value, f64)| common < value || (inclusive && common == value);
        let common: f64 = self.common.iter().filter(is_below).map(|(_, share)| share).sum();
        common + self.rare_share() * self.rare_below(value)
    }

    /// The share of the rows whose value is greater than this one, or is it if `inclusive`.
    pub(crate) fn above_share(&self, value: &Value, inclusive: bool) -> f64 {
        if value.is_null() {
            return 0.0;
        }
        (1.0 - self.null_share - self.below_share(value, !inclusive)).max(0.0)
    }

    /// Of the values in the histogram, the share that is less than this one.
    fn rare_below(&self, value: &Value) -> f64 {
        let parts = self.bounds.len().saturating_sub(1);
        let end = self.bounds.partition_point(|bound| bound < value);
        match (self.bounds.get(end.wrapping_sub(1)), self.bounds.get(end)) {
            _ if parts == 0 => 0.5,
            (None, _) => 0.0,
            (_, None) => 1.0,
            (Some(lower), Some(upper)) => {
                ((end - 1) as f64 + place_between(lower, value, upper)) / parts as f64
            }
        }
    }
}

/// The bounds of an equi-depth histogram of values in order.
fn bounds(values: &[&Value]) -> Vec<Value> {
    if values.first() == values.last() {
        return Vec::new();
    }
    let parts = PARTS_MAX.min(values.len() - 1);
    (0..=parts).map(|number| values[number * (values.len() - 1) / parts].clone()).collect()
}

/// Where a value lies between two others: 0 at the lower, 1 at the upper one.
fn place_between(lower: &Value, value: &Value, upper: &Value) -> f64 {
    let numbers = match (lower, value, upper) {
        (Value::Text(lower), Value::Text(value), Value::Text(upper)) => {
            digits_of(lower.as_bytes(), value.as_bytes(), upper.as_bytes())
        }
        (Value::Bytes(lower), Value::Bytes(value), Value::Bytes(upper)) => digits_of(lower, value, upper),
        _ => [lower, value, upper].map(number_of),
    };
    let [Some(lower), Some(value), Some(upper)] = numbers else { return 0.5 };
    let place = (value - lower) / (upper - lower);
    if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.5 }
}

/// A value as a number on a scale of its type, if that makes sense.
fn number_of(value: &Value) -> Option<f64> {
    Some(match value {
        Value::Int(int) => *int as f64,
        Value::Date(date) => date.duration_since(Date::ZERO).as_secs_f64(),
        Value::Time(time) => time.duration_since(Time::MIN).as_secs_f64(),
        Value::Timestamp(timestamp) => timestamp.as_duration().as_secs_f64(),
        Value::Duration(duration) => duration.as_secs_f64(),
        Value::Uuid(uuid) => uuid.as_u128() as f64,
        other => other.as_float()?,
    })
}

/// Texts as numbers: the bytes after those that both ends begin with, as digits.
fn digits_of(lower: &[u8], value: &[u8], upper: &[u8]) -> [Option<f64>; 3] {
    const DIGITS: usize = 6;
    let shared = lower.iter().zip(upper).take_while(|(a, b)| a == b).count();
    [lower, value, upper].map(|bytes| {
        let digit = |place: usize| f64::from(bytes.get(shared + place).copied().unwrap_or(0));
        Some((0..DIGITS).fold(0.0, |number, place| number * 256.0 + digit(place)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The statistics of a column all of whose rows were looked at.
    fn whole(mut values: Vec<i64>, nulls: usize) -> ColumnStatistics {
        values.sort_unstable();
        let values: Vec<Value> = values.into_iter().map(Value::Int).collect();
        let distinct = values.chunk_by(|a, b| a == b).count();
        ColumnStatistics::of(&values, values.len() + nulls, distinct as f64, true)
    }

    #[test]
    fn what_stands_out_is_common_and_the_others_are_a_histogram() {
        let values = std::iter::repeat_n(7, 500).chain(std::iter::repeat_n(9, 300)).chain(1_000..2_000);
        let statistics = whole(values.collect(), 200);
        assert_eq!(statistics.null_share, 0.1);
        assert_eq!(statistics.common, [(Value::Int(7), 0.25), (Value::Int(9), 0.15)]);
        assert_eq!(statistics.bounds.len(), PARTS_MAX + 1);
        assert_eq!(
            (statistics.bounds.first(), statistics.bounds.last()),
            (Some(&Value::Int(1_000)), Some(&Value::Int(1_999)))
        );
        let rare = statistics.equal_share(&Value::Int(1_500));
        assert!((rare - 0.5 / 1_000.0).abs() < 1e-9, "{rare}");
        assert_eq!(statistics.equal_share(&Value::Null), 0.0);
        let below = statistics.below_share(&Value::Int(1_500), false);
        assert!((below - 0.65).abs() < 0.005, "{below}");
        let above = statistics.above_share(&Value::Int(1_750), true);
        assert!((above - 0.125).abs() < 0.005, "{above}");
    }

    #[test]
    fn texts_and_days_lie_between_the_bounds_as_numbers_do() {
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(place_between(&text("prefix a"), &text("prefix c"), &text("prefix e")), 0.5);
        let day = |day| Value::Date(jiff::civil::date(2024, 1, day));
        assert_eq!(place_between(&day(1), &day(6), &day(21)), 0.25);
        assert_eq!(place_between(&Value::Bool(false), &Value::Bool(false), &Value::Bool(true)), 0.5);
    }

    proptest! {
        /// Of a column whose different values are few enough to be kept nothing is estimated.
        #[test]
        fn what_is_kept_whole_is_exact(values in prop::collection::vec(0i64..60, 1..300), nulls in 0usize..50, of in -1i64..61) {
            let statistics = whole(values.clone(), nulls);
            let share = |is: &dyn Fn(i64) -> bool| values.iter().filter(|value| is(**value)).count() as f64 / (values.len() + nulls) as f64;
            let value = Value::Int(of);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            prop_assert!(near(statistics.equal_share(&value), share(&|other| other == of)));
            prop_assert!(near(statistics.below_share(&value, false), share(&|other| other < of)));
            prop_assert!(near(statistics.below_share(&value, true), share(&|other| other <= of)));
            prop_assert!(near(statistics.above_share(&value, true), share(&|other| other >= of)));
        }

        /// A histogram knows each share up to one of its parts.
        #[test]
        fn a_histogram_is_off_by_a_part_at_most(values in prop::collection::vec(0i64..100_000, 400..800), of in 0i64..100_000) {
            let statistics = whole(values.clone(), 0);
            let found = values.iter().filter(|value| **value < of).count() as f64 / values.len() as f64;
            let thought = statistics.below_share(&Value::Int(of), false);
            prop_assert!((thought - found).abs() < 2.0 / PARTS_MAX as f64, "{thought} for {found}");
        }
    }
}
