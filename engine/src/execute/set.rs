//! `UNION`, `INTERSECT` and `EXCEPT`, with and without `ALL`.
//!
//! All of them stream the left rows and drop some. The right side is read first where it decides, and then only its
//! distinct rows are kept, each with the number of times it occurs. As a row of SQL, two rows are the same if all
//! their columns are, NULLs included.

use std::borrow::Cow;

use super::key_table::{ABSENT, KeyColumns, KeyTable, first_rows};
use super::{Operator, Running};
use crate::algebra::SetKind;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::Plan;

/// Two inputs of the same column types combined.
pub(super) struct Set<'v> {
    kind: SetKind,
    all: bool,
    left: Option<Running<'v>>,
    right: Option<Running<'v>>,
    seen: KeyTable,
    /// How often each row of the right side may still be matched: as often as it occurs there if `all`, else once.
    matches: Vec<u64>,
    numbers: Vec<u32>,
    charge: Charge,
}

impl<'v> Set<'v> {
    pub(super) fn new(
        kind: SetKind,
        all: bool,
        (left_plan, left): (&Plan, Running<'v>),
        (_, right): (&Plan, Running<'v>),
    ) -> Self {
        let types: Vec<_> = left_plan.columns.iter().map(|column| column.data_type).collect();
        let seen = KeyTable::new(&types);
        Set {
            kind,
            all,
            left: Some(left),
            right: Some(right),
            seen,
            matches: Vec::new(),
            numbers: Vec::new(),
            charge: Charge::default(),
        }
    }

    /// The next batch of the left side and after it, in a union, of the right side.
    fn next_input(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        for side in [&mut self.left, &mut self.right] {
            if let Some(input) = side {
                if input.next(batch, context)? {
                    return Ok(true);
                }
                *side = None;
            }
        }
        Ok(false)
    }

    /// Reads the right side, unless its rows are wanted too.
    fn count_right(&mut self, context: &Context<'_>) -> Result<(), Error> {
        if self.kind == SetKind::Union {
            return Ok(());
        }
        let Some(mut right) = self.right.take() else { return Ok(()) };
        let mut batch = Batch::default();
        while right.next(&mut batch, context)? {
            self.numbers.resize(batch.len, ABSENT);
            self.seen.insert(&row_key(&batch), &batch.selection, &mut self.numbers);
            let new = self.seen.len() - self.matches.len();
            self.charge.add_keys("a set operation", new, batch.columns.len(), context)?;
            self.matches.resize(self.seen.len(), 0);
            for row in &batch.selection {
                let matches = &mut self.matches[self.numbers[row] as usize];
                *matches = if self.all { *matches + 1 } else { 1 };
            }
        }
        Ok(())
    }

    /// The rows of a batch that stay.
    fn keep(&mut self, batch: &Batch<'v>) -> Bits {
        self.numbers.resize(batch.len, ABSENT);
        let (columns, selection) = (row_key(batch), &batch.selection);
        match (self.kind, self.all) {
            (SetKind::Union, true) => selection.clone(),
            (SetKind::Union | SetKind::Except, false) => {
                let known = self.seen.len();
                self.seen.insert(&columns, selection, &mut self.numbers);
                first_rows(known, selection, &self.numbers)
            }
            (SetKind::Intersect, _) | (SetKind::Except, true) => {
                self.seen.find(&columns, selection, &mut self.numbers);
                let mut kept = Bits::none(batch.len);
                for row in selection {
                    if self.take_match(self.numbers[row]) == (self.kind == SetKind::Intersect) {
                        kept.insert(row);
                    }
                }
                kept
            }
        }
    }

    /// Whether the right side has this row and it was not matched as often yet.
    fn take_match(&mut self, number: u32) -> bool {
        let matches = self.matches.get_mut(number as usize).filter(|matches| **matches > 0);
        matches.map(|matches| *matches -= 1).is_some()
    }
}

/// A whole row as a key.
fn row_key<'a, 'v>(batch: &'a Batch<'v>) -> KeyColumns<'a, 'v> {
    batch.columns.iter().map(Cow::Borrowed).collect()
}

impl<'v> Operator<'v> for Set<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        self.count_right(context)?;
        if !self.next_input(batch, context)? {
            return Ok(false);
        }
        let known = self.seen.len();
        batch.selection = self.keep(batch);
        self.charge.add_keys("a set operation", self.seen.len() - known, batch.columns.len(), context)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Input, Row, input_of, kind, rows_of};
    use super::*;

    fn inputs() -> impl Strategy<Value = (Input, Input)> {
        prop::collection::vec(kind(), 0..3).prop_flat_map(|types| (input_of(types.clone()), input_of(types)))
    }

    fn once(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
        let mut seen = Vec::new();
        for row in rows {
            if !seen.contains(&row) {
                seen.push(row);
            }
        }
        seen
    }

    fn model(kind: SetKind, all: bool, left: Vec<Row>, mut right: Vec<Row>) -> Vec<Row> {
        if kind == SetKind::Union {
            let rows = left.into_iter().chain(right);
            return if all { rows.collect() } else { once(rows) };
        }
        let (left, wanted) = (if all { left } else { once(left) }, kind == SetKind::Intersect);
        let mut matched = |row: &Row| {
            let place = right.iter().position(|other| other == row);
            place.map(|place| right.swap_remove(place)).is_some()
        };
        left.into_iter().filter(|row| matched(row) == wanted).collect()
    }

    proptest! {
        #[test]
        fn rows_are_combined_as_multisets(
            (left, right) in inputs(),
            kind in prop::sample::select(vec![SetKind::Union, SetKind::Intersect, SetKind::Except]),
            all: bool,
        ) {
            let (left_plan, right_plan) = (left.plan(), right.plan());
            let set = Set::new(kind, all, (&left_plan, left.open()), (&right_plan, right.open()));
            prop_assert_eq!(rows_of(set), model(kind, all, left.rows(), right.rows()));
        }
    }
}
