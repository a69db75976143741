//! Lateral join: for each left row the rows of a plan that depends on it, or whether there is any.

use nuages_storage::Value;

use super::apply::{PairTest, bound_parameters};
use super::chunks;
use super::key_table::row_number;
use super::scope::Scope;
use super::{Operator, Running, open};
use crate::algebra::JoinKind;
use crate::batch::{BATCH_ROWS_MAX, Batch, BatchBuilder};
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::Plan;
use crate::vector::NO_ROW;

/// See the [module](self).
pub(super) struct Lateral<'v> {
    kind: JoinKind,
    left: Running<'v>,
    right: &'v Plan,
    bindings: &'v [(usize, usize)],
    on: Option<PairTest<'v>>,
    scope: Scope<'v>,
    /// The left batch, its selected rows and how many are done.
    current: Option<(Batch<'v>, Vec<u32>, usize)>,
}

impl<'v> Lateral<'v> {
    pub(super) fn new(
        kind: JoinKind,
        left: Running<'v>,
        right: &'v Plan,
        bindings: &'v [(usize, usize)],
        on: Option<PairTest<'v>>,
        scope: Scope<'v>,
    ) -> Self {
        Lateral { kind, left, right, bindings, on, scope, current: None }
    }

    /// The right rows of a left row, and those of them that are its partners.
    fn partners(
        &mut self,
        left: &Batch<'v>,
        row: u32,
        context: &Context<'_>,
    ) -> Result<(Batch<'v>, Vec<u32>), Error> {
        let bound: Vec<Value> =
            self.bindings.iter().map(|(_, column)| left.column(*column).value(row as usize)).collect();
        let parameters = bound_parameters(context, self.bindings, &bound);
        let inner = context.with_parameters(&parameters);
        let mut charge = Charge::default();
        let rows = chunks::collect(
            self.right,
            open(self.right, &self.scope),
            ("a lateral join", &mut charge),
            &inner,
        )?;
        let all = || (0..rows.len).map(row_number).collect();
        let Some(on) = &mut self.on else {
            let all = all();
            return Ok((rows, all));
        };
        let mut pairs = left.gather(&vec![row; rows.len]);
        pairs.columns.extend(rows.columns.iter().cloned());
        let passed = on.filter(&pairs, &pairs.selection, context)?;
        let passed = passed.iter().map(row_number).collect();
        Ok((rows, passed))
    }
}

impl<'v> Operator<'v> for Lateral<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let (left, rows, mut done) = match self.current.take() {
            Some(current) => current,
            None if self.left.next(batch, context)? => {
                let left = std::mem::take(batch);
                let rows = left.selection.iter().map(row_number).collect();
                (left, rows, 0)
            }
            None => return Ok(false),
        };
        let mut out_left: Vec<u32> = Vec::new();
        let types: Vec<_> = self.right.columns.iter().map(|column| column.data_type).collect();
        let mut out_right = BatchBuilder::new(&types);
        while done < rows.len() && out_left.len() < BATCH_ROWS_MAX {
            let row = rows[done];
            let (right, mut partners) = self.partners(&left, row, context)?;
            done += 1;
            match self.kind {
                JoinKind::Semi | JoinKind::Anti => {
                    out_left.extend((partners.is_empty() == (self.kind == JoinKind::Anti)).then_some(row));
                    continue;
                }
                JoinKind::Left if partners.is_empty() => partners.push(NO_ROW),
                JoinKind::Inner | JoinKind::Left | JoinKind::Full => {}
            }
            out_left.resize(out_left.len() + partners.len(), row);
            out_right.append_rows(&right, &partners);
        }
        *batch = left.gather(&out_left);
        if !matches!(self.kind, JoinKind::Semi | JoinKind::Anti) {
            batch.columns.extend(out_right.finish().columns);
        }
        if done < rows.len() {
            self.current = Some((left, rows, done));
        }
        Ok(true)
    }
}
