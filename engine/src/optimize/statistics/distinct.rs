//! How many different values a column or the beginning of an index has: the one figure that a sample is bad at.
//!
//! Where the column begins an index, it is not needed: a value that occurs `f` times stands for `1/f` of a distinct
//! value, `f` is counted in the tree, and the mean of `1/f` over sampled entries, times the entries, is an unbiased
//! estimate. Elsewhere it is the estimator Duj1 of Haas and Stokes ("Estimating the Number of Classes in a Finite
//! Population", JASA 1998), of the values that were not sampled often: as they remark, those that were would be taken
//! for a sign that there are few, and are known to be one each.

use nuages_storage::{Table, Value};

use super::sample::value_of;
use super::scattered;
use crate::catalog::{IndexDefinition, IndexExpr, IndexPart, TableDefinition};
use crate::evaluate::Context;
use crate::key_range::KeyRange;

/// Entries whose frequency in an index is counted.
const COUNTED_ROWS: usize = 128;

/// Sampled rows of a value from which on it is counted apart.
const FREQUENT_ROWS: usize = 4;

/// How many different values are among `rows` values of which these were sampled, in their order.
pub(super) fn distinct_of_sampled(present: &[Value], rows: f64) -> f64 {
    let (mut different, mut rare, mut once, mut sampled) = (0.0, 0.0, 0.0, 0.0);
    for group in present.chunk_by(|a, b| a == b) {
        different += 1.0;
        if group.len() < FREQUENT_ROWS {
            rare += 1.0;
            sampled += group.len() as f64;
            once += f64::from(u8::from(group.len() == 1));
        }
    }
    if sampled == 0.0 {
        return different;
    }
    let part = present.len() as f64 / rows.max(1.0);
    let estimate = (different - rare) + sampled * rare / (sampled - once + once * part);
    estimate.min(rows).max(different).max(1.0)
}

/// How many different values the first `parts` parts of an index have: the mean of `1/f`, where `f` is the number of
/// entries that agree with an entry, counted in the tree.
pub(super) fn count_distinct(
    definition: &TableDefinition,
    table: &Table,
    index: &IndexDefinition,
    parts: usize,
) -> Option<f64> {
    let tree = table.index(index.id)?;
    let entries = tree.len();
    if entries == 0 {
        return None;
    }
    if index.unique.is_some() && parts >= index.parts.len() {
        return Some(entries as f64);
    }
    let wanted = entries.min(COUNTED_ROWS as u64);
    let (mut reciprocals, mut seen) = (0.0, 0.0);
    for number in 0..wanted {
        let (start, end) = (number * entries / wanted, (number + 1) * entries / wanted);
        let (_, row) = tree.nth(start + scattered(number) % (end - start).max(1))?;
        let row = table.get(row)?;
        seen += 1.0;
        let mut computed = index.programs.parts.iter();
        let value = |part: &IndexPart| match &part.expr {
            IndexExpr::Column(place) => Some(value_of(definition, *place, row)),
            IndexExpr::Expression(_) => {
                computed.next()?.evaluate_row(definition, row, &Context::new(&[])).ok()
            }
        };
        let values: Vec<Value> = index.parts.iter().take(parts).map(value).collect::<Option<_>>()?;
        if values.iter().any(Value::is_null) {
            continue;
        }
        let range = KeyRange::prefixed(index.encode(definition, &values)?);
        reciprocals += 1.0 / (tree.count_range(range.lower(), range.upper()).max(1) as f64);
    }
    Some((entries as f64 * reciprocals / f64::max(seen, 1.0)).clamp(1.0, entries as f64))
}
