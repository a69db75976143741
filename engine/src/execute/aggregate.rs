//! Grouping and aggregates.
//!
//! The groups of a batch's rows are numbered first, then every aggregate takes the batch in whole. Groups come out in
//! the order in which they were first seen. Without keys there is one group, also over no row, and no numbering.

use super::chunks::Chunks;
use super::key_table::{KeyColumns, KeyTable, first_rows, key_columns, types_of};
use super::{Operator, Running};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::functions::aggregate::Accumulators;
use crate::plan::PlanAggregate;
use crate::vector::{Vector, VectorBuilder};

/// See the [module](self).
pub(super) struct Aggregate<'v> {
    input: Option<Running<'v>>,
    keys: &'v [Scalar],
    aggregates: &'v [PlanAggregate],
    groups: Option<Chunks<'v>>,
}

impl<'v> Aggregate<'v> {
    pub(super) fn new(input: Running<'v>, keys: &'v [Scalar], aggregates: &'v [PlanAggregate]) -> Self {
        Aggregate { input: Some(input), keys, aggregates, groups: None }
    }

    fn aggregate(&self, mut input: Running<'v>, context: &Context<'_>) -> Result<Chunks<'v>, Error> {
        let mut groups = (!self.keys.is_empty()).then(|| Groups::new(self.keys));
        let mut states = self.aggregates.iter().map(State::new).collect::<Result<Vec<_>, _>>()?;
        if groups.is_none() {
            states.iter_mut().for_each(|state| state.accumulators.resize(1));
        }
        while let Some(batch) = input.next(context)? {
            if let Some(groups) = &mut groups {
                let keys = key_columns(self.keys, &batch, context)?;
                groups.number(&keys, &batch.selection, batch.len);
                states.iter_mut().for_each(|state| state.accumulators.resize(groups.table.len()));
            }
            let numbers = groups.as_ref().map(|groups| &groups.numbers[..]);
            for state in &mut states {
                state.update(numbers, &batch, context)?;
            }
        }
        let (keys, len) = groups.map_or((Vec::new(), 1), |groups| (groups.keys, groups.table.len()));
        let mut columns: Vec<_> = keys.into_iter().map(VectorBuilder::finish).collect();
        for state in states {
            columns.push(state.accumulators.finish()?);
        }
        Ok(Chunks::new(Batch::new(columns, len)))
    }
}

impl<'v> Operator<'v> for Aggregate<'v> {
    fn next(&mut self, context: &Context<'_>) -> Result<Option<Batch<'v>>, Error> {
        if let Some(input) = self.input.take() {
            self.groups = Some(self.aggregate(input, context)?);
        }
        Ok(self.groups.as_mut().and_then(Iterator::next))
    }
}

/// The groups seen so far.
struct Groups<'v> {
    table: KeyTable,
    /// The keys of each group, by its number, as its first row has them.
    keys: Vec<VectorBuilder<'v>>,
    /// The group of each row of the current batch.
    numbers: Vec<u32>,
}

impl<'v> Groups<'v> {
    fn new(keys: &[Scalar]) -> Self {
        let types = types_of(keys);
        Groups {
            table: KeyTable::new(&types),
            keys: types.into_iter().map(VectorBuilder::new).collect(),
            numbers: Vec::new(),
        }
    }

    /// Numbers the rows of a batch.
    fn number(&mut self, keys: &KeyColumns<'_, 'v>, selection: &Bits, len: usize) {
        self.numbers.resize(len, 0);
        let known = self.table.len();
        self.table.insert(keys, selection, &mut self.numbers);
        if self.table.len() == known {
            return;
        }
        let first = first_rows(known, selection, &self.numbers);
        for (builder, column) in self.keys.iter_mut().zip(keys) {
            match &**column {
                // The length of a constant means nothing.
                Vector::Constant { value, .. } => first.iter().for_each(|_| builder.push(value)),
                column => builder.append(column, &first),
            }
        }
    }
}

/// An aggregate at work.
struct State<'v> {
    aggregate: &'v PlanAggregate,
    accumulators: Accumulators,
}

impl<'v> State<'v> {
    fn new(aggregate: &'v PlanAggregate) -> Result<Self, Error> {
        let argument = aggregate.argument.as_ref().map(Scalar::data_type);
        let accumulators = Accumulators::new(aggregate.function, argument, aggregate.distinct)?;
        Ok(State { aggregate, accumulators })
    }

    /// Takes in a batch. `groups` has the group of each row; none if there is one group.
    fn update(
        &mut self,
        groups: Option<&[u32]>,
        batch: &Batch<'v>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let filtered;
        let selection = match &self.aggregate.filter {
            Some(filter) => {
                filtered = filter.filter(batch, context)?;
                &filtered
            }
            None => &batch.selection,
        };
        let argument = match &self.aggregate.argument {
            Some(argument) => Some(argument.operand(batch, context, selection)?),
            None => None,
        };
        match groups {
            Some(groups) => self.accumulators.update(groups, argument.as_deref(), selection),
            None => self.accumulators.update_one(argument.as_deref(), selection),
        }
    }
}
