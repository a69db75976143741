//! Correlation and regression: what is computed of pairs of numbers.
//!
//! Means, sums of squared distances and of products of distances are kept up pair by pair, as variances are in
//! `moments` (Welford's method, with the covariance beside it: Youngs and Cramer, "Some Results Relevant to Choice of
//! Sum and Sum-of-Product Algorithms", Technometrics 1971).

use super::float_of;
use super::moments::floats;
use crate::algebra::PairFunction;
use crate::bits::Bits;
use crate::vector::Vector;

/// What is known of the pairs of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    squares_x: f64,
    squares_y: f64,
    products: f64,
}

impl Pair {
    pub(crate) fn add(&mut self, y: f64, x: f64) {
        self.count += 1.0;
        let (before_x, before_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += before_x / self.count;
        self.mean_y += before_y / self.count;
        self.squares_x += before_x * (x - self.mean_x);
        self.squares_y += before_y * (y - self.mean_y);
        self.products += before_x * (y - self.mean_y);
    }

    /// Adds the pairs of another.
    pub(crate) fn merge(&mut self, other: &Pair) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let (apart_x, apart_y) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let share = self.count * other.count / count;
        self.squares_x += other.squares_x + apart_x * apart_x * share;
        self.squares_y += other.squares_y + apart_y * apart_y * share;
        self.products += other.products + apart_x * apart_y * share;
        self.mean_x += apart_x * other.count / count;
        self.mean_y += apart_y * other.count / count;
        self.count = count;
    }

    /// The aggregate; `None` is NULL, which PostgreSQL gives of no pair, and where a variance of zero would divide.
    fn result(&self, of: PairFunction) -> Option<f64> {
        let any = (self.count > 0.0).then_some(());
        let sloped = any.filter(|()| self.squares_x > 0.0);
        match of {
            PairFunction::Count => Some(self.count),
            PairFunction::AvgX => any.map(|()| self.mean_x),
            PairFunction::AvgY => any.map(|()| self.mean_y),
            PairFunction::SquaresX => any.map(|()| self.squares_x),
            PairFunction::SquaresY => any.map(|()| self.squares_y),
            PairFunction::Products => any.map(|()| self.products),
            PairFunction::CovarPop => any.map(|()| self.products / self.count),
            PairFunction::CovarSamp => (self.count > 1.0).then(|| self.products / (self.count - 1.0)),
            PairFunction::Corr => sloped
                .filter(|()| self.squares_y > 0.0)
                .map(|()| self.products / (self.squares_x * self.squares_y).sqrt()),
            PairFunction::Slope => sloped.map(|()| self.products / self.squares_x),
            PairFunction::Intercept => {
                sloped.map(|()| self.mean_y - self.mean_x * self.products / self.squares_x)
            }
            PairFunction::R2 => sloped.map(|()| match self.squares_y > 0.0 {
                true => self.products * self.products / (self.squares_x * self.squares_y),
                false => 1.0,
            }),
        }
    }
}

/// One aggregate of this kind, for every group.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    of: PairFunction,
    groups: Vec<Pair>,
}

impl Pairs {
    pub(super) fn new(of: PairFunction) -> Pairs {
        Pairs { of, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, Pair::default());
    }

    pub(super) fn take(
        &mut self,
        group: impl Fn(usize) -> usize,
        input: &Vector<'_>,
        second: Option<&Vector<'_>>,
        live: &Bits,
    ) {
        let Some(second) = second else { return };
        for row in live {
            if let (Some(y), Some(x)) = (float_of(input, row), float_of(second, row)) {
                self.groups[group(row)].add(y, x);
            }
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        column(&self.groups, self.of)
    }
}

/// The column of such results.
pub(crate) fn column(groups: &[Pair], of: PairFunction) -> Vector<'static> {
    let results = groups.iter().map(|pair| pair.result(of));
    if of == PairFunction::Count {
        #[expect(clippy::cast_possible_truncation, reason = "no table has 2^53 rows")]
        return Vector::ints(results.map(|count| count.unwrap_or_default() as i64));
    }
    floats(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn regressions_are_what_they_are_defined_as(pairs in prop::collection::vec((-99_i32..99, -99_i32..99), 2..30)) {
            let mut pair = Pair::default();
            let pairs: Vec<(f64, f64)> = pairs.into_iter().map(|(y, x)| (f64::from(y), f64::from(x))).collect();
            pairs.iter().for_each(|(y, x)| pair.add(*y, *x));
            let count = pairs.len() as f64;
            let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
            let (mean_y, mean_x) = (mean(|pair| pair.0), mean(|pair| pair.1));
            let products: f64 = pairs.iter().map(|(y, x)| (y - mean_y) * (x - mean_x)).sum();
            let squares: f64 = pairs.iter().map(|(_, x)| (x - mean_x).powi(2)).sum();
            prop_assert!((pair.result(PairFunction::CovarSamp).unwrap() - products / (count - 1.0)).abs() < 1e-6);
            match pair.result(PairFunction::Slope) {
                Some(slope) => prop_assert!((slope - products / squares).abs() < 1e-6),
                None => prop_assert_eq!(squares, 0.0),
            }
            if let Some(corr) = pair.result(PairFunction::Corr) {
                prop_assert!(corr.abs() < 1.0 + 1e-9);
                prop_assert!((corr * corr - pair.result(PairFunction::R2).unwrap()).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn of_no_pair_nothing_is_known() {
        let none = Pair::default();
        for (name, of) in PairFunction::NAMES {
            assert_eq!(none.result(of), (of == PairFunction::Count).then_some(0.0), "{name}");
        }
    }
}
