//! For which share of one table's rows conditions are true.
//!
//! The share of a conjunction is a product of conditional shares, the rarest part first: the share of the rows for
//! which the first part is true, of these the share for which the second is, and so on. The first factor is counted in
//! a tree if an access path answers for it. Otherwise it is what the sample shows, or if the sample has too few such
//! rows what the statistics of the column say. The others are what the sample shows of the rows that are left of it,
//! drawn towards what they would be if the parts had nothing to do with each other the more, the fewer rows are left.

use std::borrow::Cow;

use nuages_storage::{TableId, Value};
use smallvec::SmallVec;

use super::planner::Planner;
use super::sarg::{Sarg, Test, sargs};
use super::statistics::{ColumnStatistics, Sample};
use super::subject::{Subject, Subjects};
use crate::algebra::walk;
use crate::algebra::{Comparison, Expr, Source};
use crate::bits::Bits;
use crate::catalog::TableDefinition;
use crate::evaluate::{Context, Scalar};

/// Sampled rows from which on a share of them is believed as it is.
const BELIEVED_ROWS: usize = 8;

/// Rows up to which a table that is read alone is not worth a look: whatever is done with so few takes less than to
/// find out how many of them there will be.
pub(super) const FEW_ROWS: u64 = 64;

/// Sampled rows from which on it is kept for which of them a condition is true: of fewer it is found out as soon again.
const KEPT_ROWS_MIN: usize = 256;

/// A condition that was evaluated on all rows of a sample. Orders, access paths and methods are weighed with the same
/// conditions over and over, and one of texts takes longer to evaluate than all else that is done to weigh them.
pub(super) struct SampledPart {
    part: Expr,
    /// How many rows the sample had.
    rows: usize,
    /// Those for which it is true; none if it cannot be evaluated on all.
    found: Option<Bits>,
}

/// Parts of a conjunction that are judged together, as both ends of a range.
struct Factor {
    parts: SmallVec<[usize; 2]>,
    /// The share of the rows for which they are true by themselves, if the statistics of a column tell.
    alone: Option<f64>,
}

impl Planner<'_> {
    /// The share of the rows of a scan for which all of these are true. Of some of them together, by their places, the
    /// share may be known.
    pub(crate) fn table_share(
        &self,
        table: TableId,
        source: Source,
        parts: &[Expr],
        known: Option<(&[usize], f64)>,
    ) -> f64 {
        let (Some(rows), Ok(definition)) = (self.version.table(table), self.table(table)) else {
            return 1.0;
        };
        let (covered, mut share) = known.unwrap_or((&[], 1.0));
        let rest = || (0..parts.len()).filter(|place| !covered.contains(place));
        if rest().next().is_none() {
            return share;
        }
        if rows.len() <= FEW_ROWS && self.is_alone() {
            return share * rest().map(|place| self.guess(&parts[place])).product::<f64>();
        }
        let sample = definition.statistics.sample(definition, rows, places_of(definition, source, parts));
        let Some(sample) = sample else {
            return share
                * rest().map(|place| self.combined_share(&parts[place], &|_| None)).product::<f64>();
        };
        let mut left = Bits::all(sample.len());
        let narrow = |left: &Bits, place: usize| self.narrowed(&sample, source, &parts[place], left);
        for place in covered {
            left = narrow(&left, *place).unwrap_or(left);
        }
        // Where the sample has enough such rows the product is no more than their share of it.
        let before = left.count();
        let all = rest().try_fold(left.clone(), |left, place| narrow(&left, place)).map(|all| all.count());
        if let Some(all) = all.filter(|all| is_believed(&sample, before, *all)) {
            return share * all as f64 / before as f64;
        }
        for Factor { parts: places, alone } in self.factors(definition, source, parts, covered, &sample) {
            let narrowed = places.iter().try_fold(left.clone(), |left, place| narrow(&left, *place));
            let part = &parts[places[0]];
            share *= match narrowed {
                Some(narrowed) => {
                    let (before, after) = (left.count(), narrowed.count());
                    left = narrowed;
                    self.conditional_share(&sample, before, after, alone, part)
                }
                None => alone.unwrap_or_else(|| self.combined_share(part, &|_| None)),
            };
        }
        share
    }

    /// The sampled rows among `left` for which a part is true; none if that cannot be told.
    fn narrowed(&self, sample: &Sample, source: Source, part: &Expr, left: &Bits) -> Option<Bits> {
        if sample.len() < KEPT_ROWS_MIN {
            return self.evaluable(part).and_then(|part| sample.filter(&part, source, left));
        }
        let mut sampled = self.sampled.borrow_mut();
        // Another sample may have been drawn in between, and to combine rows of both would mean nothing.
        let known = sampled.iter().position(|known| known.rows == sample.len() && known.part == *part);
        let place = known.unwrap_or_else(|| {
            let whole = Bits::all(sample.len());
            let found = self.evaluable(part).and_then(|part| sample.filter(&part, source, &whole));
            sampled.push(SampledPart { part: part.clone(), rows: sample.len(), found });
            sampled.len() - 1
        });
        match &sampled[place].found {
            Some(found) => Some(left & found),
            // It may fail for a row that is not among these.
            None => self.evaluable(part).and_then(|part| sample.filter(&part, source, left)),
        }
    }

    /// The share of rows for which a part is true, among `before` sampled rows of which it is true for `after`.
    fn conditional_share(
        &self,
        sample: &Sample,
        before: usize,
        after: usize,
        alone: Option<f64>,
        part: &Expr,
    ) -> f64 {
        let (found, among) = (after as f64, before as f64);
        if is_believed(sample, before, after) {
            return found / among;
        }
        if before == sample.len() {
            return alone.unwrap_or(found.max(0.5) / among);
        }
        let alone = alone.unwrap_or_else(|| self.guess(part));
        let believed = BELIEVED_ROWS as f64;
        f64::max((found + believed * alone) / (among + believed), alone.min(0.5 / among.max(0.5)))
    }

    /// The parts of a conjunction that are not covered, as they are judged: first those that the statistics of a column
    /// know, the rarest before the others.
    fn factors(
        &self,
        definition: &TableDefinition,
        source: Source,
        parts: &[Expr],
        covered: &[usize],
        sample: &Sample,
    ) -> Vec<Factor> {
        let subjects = Subjects::of(definition, source);
        let sargs = sargs(&subjects, parts);
        let mut factors: Vec<Factor> = Vec::with_capacity(parts.len());
        for place in (0..parts.len()).filter(|place| !covered.contains(place)) {
            if factors.iter().any(|factor| factor.parts.contains(&place)) {
                continue;
            }
            let own = sargs.iter().find(|sarg| sarg.conjunct == place);
            let factor = match own.and_then(|own| Some((own, statistics_of(own.subject, sample)?))) {
                Some((own, statistics)) => {
                    // A range that has no common value has a rare one perhaps, or less than the sample can show.
                    let least = statistics.rare_value_share().max(0.5 / sample.len().max(1) as f64);
                    self.column_factor(own, statistics, least, &sargs, covered)
                }
                None => {
                    let alone = different_from(&subjects, &parts[place], sample);
                    Factor { parts: SmallVec::from_slice(&[place]), alone }
                }
            };
            factors.push(factor);
        }
        factors.sort_by(|a, b| a.alone.unwrap_or(2.0).total_cmp(&b.alone.unwrap_or(2.0)));
        factors
    }

    /// What a column's statistics say of a search argument; of an end of a range, together with the other end, and no
    /// less than `least`.
    fn column_factor(
        &self,
        own: &Sarg,
        statistics: &ColumnStatistics,
        least: f64,
        sargs: &[Sarg],
        covered: &[usize],
    ) -> Factor {
        let value = |scalar: &Scalar| self.known_value(scalar);
        let mut parts = SmallVec::from_slice(&[own.conjunct]);
        let alone = match &own.test {
            Test::Equal(key) => match value(&key.value) {
                Some(Value::Null) if key.matches_null => Some(statistics.null_share),
                Some(value) => Some(statistics.equal_share(&value)),
                None => Some(statistics.any_share()),
            },
            Test::Among(list) => {
                let share = |item: &Scalar| {
                    value(item).map_or_else(|| statistics.any_share(), |item| statistics.equal_share(&item))
                };
                Some(list.iter().map(share).sum::<f64>().min(1.0 - statistics.null_share))
            }
            Test::Lower(_) | Test::Upper(_) => {
                let is_lower = matches!(own.test, Test::Lower(_));
                let other = sargs.iter().find(|sarg| {
                    sarg.subject == own.subject
                        && !covered.contains(&sarg.conjunct)
                        && match sarg.test {
                            Test::Lower(_) => !is_lower,
                            Test::Upper(_) => is_lower,
                            _ => false,
                        }
                });
                parts.extend(other.map(|other| other.conjunct));
                let ends = [Some(own), other].into_iter().flatten();
                let outside = ends.map(|sarg| match &sarg.test {
                    Test::Lower(end) => Some(statistics.below_share(&value(&end.value)?, !end.inclusive)),
                    Test::Upper(end) => Some(statistics.above_share(&value(&end.value)?, !end.inclusive)),
                    _ => Some(0.0),
                });
                let outside: Option<f64> = outside.sum();
                outside.map(|outside| (1.0 - statistics.null_share - outside).max(least))
            }
            Test::NotNull => Some(1.0 - statistics.null_share),
            Test::Beginning(beginning) => match value(beginning) {
                Some(Value::Text(beginning)) => {
                    let end = format!("{beginning}{}", char::MAX);
                    let upper = statistics.below_share(&Value::Text(end), false);
                    let lower = statistics.below_share(&Value::Text(beginning), false);
                    Some((upper - lower).max(least))
                }
                _ => None,
            },
        };
        Factor { parts, alone }
    }

    /// What a scalar yields, if that is known while planning.
    fn known_value(&self, scalar: &Scalar) -> Option<Value> {
        if let Some(value) = scalar.as_constant() {
            return Some(value.clone());
        }
        let context = Context::at(self.values, jiff::Timestamp::UNIX_EPOCH);
        scalar.is_given_by(self.values.len()).then(|| scalar.value(&context).ok())?
    }

    /// A condition as it can be evaluated on sampled rows, with the values of its parameters, if they are known.
    pub(super) fn evaluable<'e>(&self, predicate: &'e Expr) -> Option<Cow<'e, Expr>> {
        if is_evaluable(predicate) {
            return Some(Cow::Borrowed(predicate));
        }
        if self.values.is_empty() {
            return None;
        }
        let mut filled = predicate.clone();
        fill_in(&mut filled, self.values);
        is_evaluable(&filled).then_some(Cow::Owned(filled))
    }
}

/// Whether there are enough of some sampled rows to believe the share of them that is left.
fn is_believed(sample: &Sample, before: usize, after: usize) -> bool {
    after >= BELIEVED_ROWS || (sample.is_whole() && before > 0)
}

/// The statistics of the column that a subject is.
fn statistics_of(subject: Subject, sample: &Sample) -> Option<&ColumnStatistics> {
    match subject {
        Subject::Column(place) => sample.column(place).map(|column| column.statistics()),
        Subject::Computed(_) => None,
    }
}

/// The share of the rows whose value is not a known one, or not NULL, if a part says that.
fn different_from(subjects: &Subjects<'_>, part: &Expr, sample: &Sample) -> Option<f64> {
    let of = |expr: &Expr| statistics_of(subjects.find(expr)?.0, sample);
    match part {
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(value) => Some(1.0 - of(value)?.null_share),
            _ => None,
        },
        Expr::Compare(Comparison::NotEqual, a, b) => {
            let (statistics, value) = match (of(a), &**b, of(b), &**a) {
                (Some(statistics), Expr::Literal(value), ..) => (statistics, value),
                (.., Some(statistics), Expr::Literal(value)) => (statistics, value),
                _ => return None,
            };
            Some((1.0 - statistics.null_share - statistics.equal_share(value)).max(0.0))
        }
        _ => None,
    }
}

/// The columns that conditions mention of a source.
pub(super) fn places_of(
    definition: &TableDefinition,
    source: Source,
    parts: &[Expr],
) -> impl Iterator<Item = usize> + Clone {
    let mut wanted = walk::ColumnSet::new();
    parts.iter().for_each(|part| walk::add_columns(part, &mut wanted));
    let own = wanted.iter().filter(|column| column.source() == source && !column.is_row_id());
    let places = own.map(|column| column.index()).filter(|place| *place < definition.columns.len());
    places.collect::<SmallVec<[usize; 4]>>().into_iter()
}

/// Whether a condition means something without parameters and other tables.
fn is_evaluable(expr: &Expr) -> bool {
    let mut evaluable = true;
    walk::walk(expr, &mut |expr| {
        evaluable &=
            !matches!(expr, Expr::Parameter(..) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..));
    });
    evaluable
}

/// Puts values in the place of the parameters that have them.
fn fill_in(expr: &mut Expr, values: &[Value]) {
    if let Expr::Parameter(index, _) = expr
        && let Some(value) = values.get(*index)
    {
        *expr = Expr::Literal(value.clone());
    }
    expr.children_mut().into_iter().for_each(|child| fill_in(child, values));
}

#[cfg(test)]
mod tests;
