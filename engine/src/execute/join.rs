//! What the joins that keep their right side in memory have in common: from the key numbers of left rows to the rows
//! that are put out.
//!
//! Two roads lead there.
//!
//! - **Beside.** Where no key has two right rows, a left row has at most one partner. Then the left batch stays as it
//!   is, borrowed and lazy, with fewer rows selected, and the partners' columns are gathered beside it. Most joins are
//!   of this kind: from a child to its parent. Semi and anti joins without a residual only select, too.
//! - **Pairs.** Otherwise pairs of row numbers are listed, at most [`BATCH_ROWS_MAX`] at a time, gathered from both
//!   sides and tested by the residual. The partners of one row may be spread over several rounds.
//!
//! Left rows keep their order on both roads, and the partners of one row keep that of the right side; a left join
//! puts out a row without partners in its place.
//!
//! Invariants: the number of a left row is [`ABSENT`] if its key is not among those of the [`BuildSide`]; on the first
//! road every number that is there has a right row.

use super::Running;
use super::apply::PairTest;
use super::key_table::{ABSENT, row_number};
use crate::algebra::{Expr, JoinKind};
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::Plan;
use crate::vector::{NO_ROW, Vector};
use nuages_storage::DataType;

/// What a join by equal keys is made of, whichever side it keeps.
pub(super) struct Equijoin<'v> {
    pub(super) kind: JoinKind,
    pub(super) left: Side<'v>,
    pub(super) right: Side<'v>,
    /// What makes keys equal, part by part.
    pub(super) on: &'v [Expr],
    /// The columns of the right side that the residual or anything above looks at.
    pub(super) right_columns: &'v [usize],
    /// What is asked of pairs whose keys are equal.
    pub(super) residual: Option<PairTest<'v>>,
}

/// A side of such a join, and its keys.
pub(super) struct Side<'v> {
    pub(super) plan: &'v Plan,
    pub(super) input: Running<'v>,
    pub(super) keys: &'v [Scalar],
}

/// The right side: its rows, and which of them have which key.
pub(super) struct BuildSide<'v> {
    rows: Batch<'v>,
    partners: Partners,
    keys: usize,
}

enum Partners {
    /// The row of a key has the key's number.
    One,
    /// The rows of key `k` are `rows[starts[k]..starts[k + 1]]`.
    Many { starts: Vec<u32>, rows: Vec<u32> },
}

impl<'v> BuildSide<'v> {
    /// Rows with the numbers of their keys, of which there are `keys`, numbered as they first occur.
    pub(super) fn new(rows: Batch<'v>, numbers: &[u32], keys: usize) -> Self {
        let partners = if numbers.len() == keys { Partners::One } else { Partners::group(numbers, keys) };
        BuildSide { rows, partners, keys }
    }

    /// The same where a key may have no row, for it is that of a left row.
    pub(super) fn grouped(rows: Batch<'v>, numbers: &[u32], keys: usize) -> Self {
        BuildSide { rows, partners: Partners::group(numbers, keys), keys }
    }

    /// Its rows.
    pub(super) fn into_rows(self) -> Batch<'v> {
        self.rows
    }

    /// Only the keys, for a join that asks no more than whether a key is there.
    pub(super) fn keys_only(keys: usize) -> Self {
        BuildSide { rows: Batch::new([], 0), partners: Partners::One, keys }
    }
}

impl BuildSide<'_> {
    /// Whether there is no right row that could be a partner.
    pub(super) fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// The right rows whose key has this number.
    fn partners(&self, number: u32) -> &[u32] {
        match &self.partners {
            Partners::Many { starts, rows } if number != ABSENT => {
                let number = number as usize;
                &rows[starts[number] as usize..starts[number + 1] as usize]
            }
            _ => &[],
        }
    }
}

impl Partners {
    fn group(numbers: &[u32], keys: usize) -> Self {
        let (starts, rows) = grouped(numbers, keys);
        Partners::Many { starts, rows }
    }
}

/// Sorts row numbers by key: counts, sums up, deals out. The rows of key `k` are `rows[starts[k]..starts[k + 1]]`; a row
/// whose key is [`ABSENT`] is not among them.
pub(super) fn grouped(numbers: &[u32], keys: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; keys + 1];
    let is_present = |number: &&u32| **number != ABSENT;
    numbers.iter().filter(is_present).for_each(|number| starts[*number as usize] += 1);
    let mut end = 0;
    for start in &mut starts {
        end += *start;
        *start = end;
    }
    let mut rows = vec![0; end as usize];
    for (row, number) in numbers.iter().enumerate().rev().filter(|(_, number)| is_present(number)) {
        let start = &mut starts[*number as usize];
        *start -= 1;
        rows[*start as usize] = row_number(row);
    }
    (starts, rows)
}

/// A join at work.
pub(super) struct Join<'v> {
    kind: JoinKind,
    /// Over the columns of both sides.
    residual: Option<PairTest<'v>>,
    pub(super) right: BuildSide<'v>,
    current: Option<Current<'v>>,
    /// Of a full join: the right rows that have met a partner, and how many of the others were put out.
    met: Bits,
    rest: usize,
}

/// A left batch whose pairs are being put out.
struct Current<'v> {
    batch: Batch<'v>,
    numbers: Vec<u32>,
    /// The selected rows, and how many of them are done.
    rows: Vec<u32>,
    done: usize,
    /// How many partners of the row after those are done, and whether one of them passed the residual.
    partners_done: usize,
    passed: bool,
}

/// Some pairs of rows. A left row without partners, or one whose partners may all fail the residual, is paired with
/// [`NO_ROW`] after them if the join is a left join.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl<'v> Join<'v> {
    pub(super) fn new(kind: JoinKind, residual: Option<PairTest<'v>>) -> Self {
        let right = BuildSide::keys_only(0);
        Join { kind, residual, right, current: None, met: Bits::none(0), rest: 0 }
    }

    /// Whether anything looks at the columns of the right side.
    pub(super) fn needs_right_columns(&self) -> bool {
        matches!(self.kind, JoinKind::Inner | JoinKind::Left | JoinKind::Full) || self.residual.is_some()
    }

    /// Whether right rows without a partner are put out, too.
    pub(super) fn is_full(&self) -> bool {
        self.kind == JoinKind::Full
    }

    /// Whether left rows without a partner are put out.
    fn keeps_left(&self) -> bool {
        matches!(self.kind, JoinKind::Left | JoinKind::Full)
    }

    /// After the last left row: the next right rows that met no partner, beside NULLs of these types; none unless this
    /// is a full join.
    pub(super) fn lonely(&mut self, left: &[DataType]) -> Option<Batch<'v>> {
        if self.kind != JoinKind::Full {
            return None;
        }
        let unmet = (self.rest..self.right.rows.len).filter(|row| !self.met.contains(*row));
        let rows: Vec<u32> = unmet.take(BATCH_ROWS_MAX).map(row_number).collect();
        self.rest = *rows.last()? as usize + 1;
        Some(beside_nulls(left, self.right.rows.gather(&rows)))
    }

    /// Whether the left side need not be read, because the right side is empty.
    pub(super) fn yields_nothing(&self) -> bool {
        self.right.is_empty() && matches!(self.kind, JoinKind::Inner | JoinKind::Semi)
    }

    /// Makes of a left batch, given the number of each selected row's key, the first rows of the join; false if it has
    /// none at all. The others of the batch, if any, come from [`next`](Self::next), which must be asked first until it
    /// has none.
    pub(super) fn begin(
        &mut self,
        batch: &mut Batch<'v>,
        numbers: &mut Vec<u32>,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        let mut found = present(&batch.selection, numbers);
        if found.is_empty() && matches!(self.kind, JoinKind::Inner | JoinKind::Semi) {
            return Ok(false);
        }
        if !self.needs_right_columns() {
            self.select(batch, &found);
            return Ok(!batch.selection.is_empty());
        }
        if matches!(self.right.partners, Partners::One) {
            self.beside(batch, numbers, found, context)?;
            return Ok(!batch.selection.is_empty());
        }
        // Only who puts out rows without partners looks at these.
        if !matches!(self.kind, JoinKind::Inner | JoinKind::Semi) {
            found = batch.selection.clone();
        }
        let (batch_of, numbers) = (std::mem::take(batch), std::mem::take(numbers));
        let rows = found.iter().map(row_number).collect();
        self.current =
            Some(Current { batch: batch_of, numbers, rows, done: 0, partners_done: 0, passed: false });
        self.next(batch, context)
    }

    /// Leaves of a left batch a semi or anti join's answer: the rows that have a partner, or those that have none.
    fn select(&self, batch: &mut Batch<'v>, found: &Bits) {
        batch.selection = match self.kind {
            JoinKind::Anti => batch.selection.and_not(found),
            _ => &batch.selection & found,
        };
    }

    /// Puts the columns of each row's only partner beside a left batch.
    fn beside(
        &mut self,
        batch: &mut Batch<'v>,
        numbers: &mut [u32],
        mut found: Bits,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if let Some(residual) = &mut self.residual
            && !found.is_empty()
        {
            let mut pairs = batch.clone().with_selection(found.clone());
            pairs.columns.extend(self.right.rows.gather(numbers).columns);
            let passed = residual.filter(&pairs, &found, context)?;
            if self.kind == JoinKind::Inner {
                *batch = pairs.with_selection(passed);
                return Ok(());
            }
            found.and_not(&passed).iter().for_each(|row| numbers[row] = NO_ROW);
            found = passed;
        }
        if self.kind == JoinKind::Full {
            found.iter().for_each(|row| self.met.insert(numbers[row] as usize));
        }
        match self.kind {
            JoinKind::Semi | JoinKind::Anti => self.select(batch, &found),
            JoinKind::Left | JoinKind::Full | JoinKind::Inner => {
                batch.columns.extend(self.right.rows.gather(numbers).columns);
                if self.kind == JoinKind::Inner {
                    batch.selection = found;
                }
            }
        }
        Ok(())
    }

    /// Puts the next rows of the current left batch in the place of `batch`; false when there are none.
    pub(super) fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let Some(mut current) = self.current.take() else { return Ok(false) };
        if matches!(self.kind, JoinKind::Semi | JoinKind::Anti) {
            let found = self.search(&mut current, context)?;
            *batch = current.batch;
            self.select(batch, &found);
            return Ok(true);
        }
        context.check()?;
        let pairs = self.list_pairs(&mut current, None);
        *batch = self.gather(&current, &pairs);
        if let Some(residual) = &mut self.residual {
            let candidates = Bits::from_fn(batch.len, |pair| pairs.right[pair] != NO_ROW);
            let mut passed = residual.filter(batch, &candidates, context)?;
            if self.kind == JoinKind::Full {
                passed.iter().for_each(|pair| self.met.insert(pairs.right[pair] as usize));
            }
            if self.keeps_left() {
                current.keep_lonely(&pairs, &mut passed);
            }
            batch.selection = passed;
        } else if self.kind == JoinKind::Full {
            pairs.right.iter().filter(|right| **right != NO_ROW).for_each(|right| {
                self.met.insert(*right as usize);
            });
        }
        if current.done < current.rows.len() {
            self.current = Some(current);
        }
        Ok(true)
    }

    /// The left rows that have a partner which passes the residual.
    fn search(&mut self, current: &mut Current<'v>, context: &Context<'_>) -> Result<Bits, Error> {
        let mut found = Bits::none(current.batch.len);
        while current.done < current.rows.len() {
            context.check()?;
            let pairs = self.list_pairs(current, Some(&found));
            let candidates = self.gather(current, &pairs);
            let Some(residual) = &mut self.residual else { break };
            let passed = residual.filter(&candidates, &candidates.selection, context)?;
            passed.iter().for_each(|pair| found.insert(pairs.left[pair] as usize));
        }
        Ok(found)
    }

    /// The next pairs, at most [`BATCH_ROWS_MAX`], without those of rows in `skipped`.
    fn list_pairs(&self, current: &mut Current<'v>, skipped: Option<&Bits>) -> Pairs {
        let mut pairs = Pairs::default();
        while let Some(&row) = current.rows.get(current.done) {
            if skipped.is_none_or(|skipped| !skipped.contains(row as usize)) {
                let partners = self.right.partners(current.numbers[row as usize]);
                let rest = &partners[current.partners_done..];
                let taken = rest.len().min(BATCH_ROWS_MAX - pairs.left.len());
                pairs.left.resize(pairs.left.len() + taken, row);
                pairs.right.extend_from_slice(&rest[..taken]);
                current.partners_done += taken;
                let lonely = self.keeps_left() && (partners.is_empty() || self.residual.is_some());
                if taken < rest.len() || (lonely && pairs.left.len() == BATCH_ROWS_MAX) {
                    break;
                }
                if lonely {
                    pairs.left.push(row);
                    pairs.right.push(NO_ROW);
                }
            }
            current.done += 1;
            current.partners_done = 0;
        }
        pairs
    }

    fn gather(&self, current: &Current<'v>, pairs: &Pairs) -> Batch<'v> {
        beside(current.batch.gather(&pairs.left), self.right.rows.gather(&pairs.right))
    }
}

impl Current<'_> {
    /// Adds to `passed` the rows without partners that are none the less put out: those of which no pair passed.
    fn keep_lonely(&mut self, pairs: &Pairs, passed: &mut Bits) {
        for (pair, right) in pairs.right.iter().enumerate() {
            if *right != NO_ROW {
                self.passed |= passed.contains(pair);
            } else if !std::mem::take(&mut self.passed) {
                passed.insert(pair);
            }
        }
    }
}

/// Right rows beside a left row of NULLs.
pub(super) fn beside_nulls<'v>(left: &[DataType], right: Batch<'v>) -> Batch<'v> {
    let len = right.len;
    let nulls = left.iter().map(|kind| Vector::null(*kind, len));
    Batch::new(nulls.chain(right.columns), len)
}

/// The selected rows whose keys are there.
pub(super) fn present(selection: &Bits, numbers: &[u32]) -> Bits {
    selection & &Bits::from_fn(numbers.len(), |row| numbers[row] != ABSENT)
}

/// Two batches of equal length side by side, with the selection of the left one.
fn beside<'v>(mut left: Batch<'v>, right: Batch<'v>) -> Batch<'v> {
    left.columns.extend(right.columns);
    left
}

#[cfg(test)]
mod tests;
