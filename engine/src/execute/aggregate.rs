//! Grouping and aggregates.
//!
//! The groups of a batch's rows are numbered first, then every aggregate takes the batch in whole. Groups come out in
//! the order in which they were first seen. Without keys there is one group, also over no row, and no numbering.

use std::borrow::Cow;

use nuages_storage::DataType;

use super::chunks::Chunks;
use super::key_table::{KeyColumns, KeyTable, Types, first_rows, key_columns, types_of};
use super::sort::order_of;
use super::{Operator, Running};
use crate::batch::{Batch, BatchBuilder};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::fixed::fixed_column;
use crate::evaluate::{Context, Scalar};
use crate::functions::aggregate::Accumulators;
use crate::memory::Charge;
use crate::plan::{PlanAggregate, Shared};
use crate::vector::{Vector, VectorBuilder};

/// See the [module](self).
pub(super) struct Aggregate<'v> {
    input: Option<Running<'v>>,
    keys: &'v [Scalar],
    /// The keys that tell groups apart, by their places; all of them if none.
    deciding: Option<&'v [usize]>,
    aggregates: &'v [PlanAggregate],
    /// What several of them look at.
    shared: Option<&'v Shared>,
    groups: Option<Chunks<'v>>,
    charge: Charge,
}

impl<'v> Aggregate<'v> {
    pub(super) fn new(input: Running<'v>, keys: &'v [Scalar], aggregates: &'v [PlanAggregate]) -> Self {
        Aggregate {
            input: Some(input),
            keys,
            deciding: None,
            aggregates,
            shared: None,
            groups: None,
            charge: Charge::default(),
        }
    }

    /// The same, with keys of which only some tell the groups apart.
    pub(super) fn decided_by(self, deciding: &'v [usize]) -> Self {
        Aggregate { deciding: Some(deciding).filter(|deciding| deciding.len() < self.keys.len()), ..self }
    }

    /// The same, with something that several of the aggregates look at.
    pub(super) fn sharing(self, shared: &'v Shared) -> Self {
        Aggregate { shared: Some(shared), ..self }
    }

    /// Makes what several aggregates look at.
    fn share(&self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<(), Error> {
        let Some(shared) = self.shared else { return Ok(()) };
        for place in &shared.decimals {
            if let Some(fixed) = fixed_column(&batch.columns[*place], &batch.selection) {
                batch.columns[*place] = fixed;
            }
        }
        for scalar in &shared.computed {
            let column = scalar.evaluate(batch, context)?;
            batch.columns.push(column);
        }
        Ok(())
    }

    fn aggregate(&mut self, mut input: Running<'v>, context: &Context<'_>) -> Result<Chunks<'v>, Error> {
        let mut batch = Batch::default();
        let mut is_batch = input.next(&mut batch, context)?;
        // Without rows there is no group, but for the one that has no key; and nothing needs to be made ready.
        if !is_batch && !self.keys.is_empty() {
            return Ok(Chunks::new(Batch::default()));
        }
        let mut groups = (!self.keys.is_empty()).then(|| Groups::new(self.keys, self.deciding));
        let mut states = Vec::with_capacity(self.aggregates.len());
        for aggregate in self.aggregates {
            states.push(State::new(aggregate, groups.is_some())?);
        }
        if groups.is_none() {
            states.iter_mut().for_each(|state| state.accumulators.resize(1));
        }
        while is_batch {
            if let Some(groups) = &mut groups {
                let keys = key_columns(self.keys, &batch, context)?;
                let known = groups.table.len();
                groups.number(&keys, &batch.selection, batch.len);
                let columns = self.keys.len() + self.aggregates.len();
                self.charge.add_keys("a grouping", groups.table.len() - known, columns, context)?;
                states.iter_mut().for_each(|state| state.accumulators.resize(groups.table.len()));
            }
            self.share(&mut batch, context)?;
            let numbers = groups.as_ref().map(|groups| &groups.numbers[..]);
            for state in &mut states {
                state.update(numbers, &batch, context)?;
            }
            is_batch = input.next(&mut batch, context)?;
        }
        let (keys, len) = groups.map_or((Vec::new(), 1), |groups| (groups.keys, groups.table.len()));
        let mut columns = Vec::with_capacity(keys.len() + states.len());
        columns.extend(keys.into_iter().map(VectorBuilder::finish));
        for state in states {
            columns.push(state.finish(len)?);
        }
        Ok(Chunks::new(Batch::new(columns, len)))
    }
}

impl<'v> Operator<'v> for Aggregate<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if let Some(input) = self.input.take() {
            self.groups = Some(self.aggregate(input, context)?);
        }
        Ok(self.groups.as_mut().is_some_and(|groups| groups.next_into(batch)))
    }
}

/// The groups seen so far.
struct Groups<'v> {
    table: KeyTable,
    /// The keys that the table knows, by their places; all of them if none.
    deciding: Option<&'v [usize]>,
    /// The keys of each group, by its number, as its first row has them.
    keys: Vec<VectorBuilder<'v>>,
    /// The group of each row of the current batch.
    numbers: Vec<u32>,
}

impl<'v> Groups<'v> {
    fn new(keys: &[Scalar], deciding: Option<&'v [usize]>) -> Self {
        let types = types_of(keys);
        let known = deciding.map(|deciding| deciding.iter().map(|place| types[*place]).collect::<Types>());
        Groups {
            table: KeyTable::new(known.as_ref().unwrap_or(&types)),
            deciding,
            keys: types.into_iter().map(VectorBuilder::new).collect(),
            numbers: Vec::new(),
        }
    }

    /// Numbers the rows of a batch.
    fn number(&mut self, keys: &KeyColumns<'_, 'v>, selection: &Bits, len: usize) {
        self.numbers.resize(len, 0);
        let known = self.table.len();
        match self.deciding {
            None => self.table.insert(keys, selection, &mut self.numbers),
            Some(deciding) => {
                let deciding = deciding.iter().map(|place| Cow::Borrowed(&*keys[*place])).collect();
                self.table.insert(&deciding, selection, &mut self.numbers);
            }
        }
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
    /// What each group has taken in already, if every value counts once.
    seen: Option<Seen>,
    /// The rows that are taken in at the end, if their order counts.
    ordered: Option<Ordered<'v>>,
    /// What is listed, and what was seen.
    charge: Charge,
}

impl<'v> State<'v> {
    fn new(aggregate: &'v PlanAggregate, grouped: bool) -> Result<Self, Error> {
        let argument = aggregate.argument.as_ref().map(Scalar::data_type);
        let accumulators = Accumulators::new(aggregate.function, argument)?;
        let seen = argument.filter(|_| aggregate.distinct).map(|argument| Seen::new(argument, grouped));
        let is_ordered = !aggregate.order.is_empty() && aggregate.function.depends_on_order();
        let ordered = is_ordered.then(|| Ordered::new(aggregate));
        Ok(State { aggregate, accumulators, seen, ordered, charge: Charge::default() })
    }

    /// The aggregate of every group.
    fn finish(mut self, groups: usize) -> Result<Vector<'static>, Error> {
        if let Some(ordered) = self.ordered {
            self.accumulators.resize(groups);
            ordered.take_in(&mut self.accumulators)?;
        }
        self.accumulators.finish()
    }

    /// Takes in a batch. `groups` has the group of each row; none if there is one group.
    fn update(
        &mut self,
        groups: Option<&[u32]>,
        batch: &Batch<'v>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let mut selection = Cow::Borrowed(&batch.selection);
        if let Some(filter) = &self.aggregate.filter {
            selection = Cow::Owned(filter.filter(batch, context)?);
        }
        let argument = match &self.aggregate.argument {
            Some(argument) => Some(argument.operand(batch, context, &selection)?),
            None => None,
        };
        if let (Some(seen), Some(argument)) = (&mut self.seen, &argument) {
            let known = seen.values.len();
            selection = Cow::Owned(seen.first_rows(groups, argument, &selection, batch.len));
            let new = seen.values.len() - known;
            self.charge.add_keys("an aggregate of distinct values", new, 2, context)?;
        }
        if let (Some(argument), true) =
            (&argument, self.aggregate.function.depends_on_order() && context.memory().is_some())
        {
            let listed = Batch::new([(**argument).clone()], batch.len).with_selection((*selection).clone());
            self.charge.add_rows("an aggregate that lists values", &listed, context)?;
        }
        if let Some(ordered) = &mut self.ordered {
            return ordered.add(groups, batch, &selection, context);
        }
        let second = match &self.aggregate.second {
            Some(second) => Some(second.operand(batch, context, &selection)?),
            None => None,
        };
        let (argument, second) = (argument.as_deref(), second.as_deref());
        match groups {
            Some(groups) => self.accumulators.update(groups, argument, second, &selection),
            None => self.accumulators.update_one(argument, second, &selection),
        }
    }
}

/// The rows of an aggregate with an order of its own, until all are there: its arguments, its sort keys and the group.
struct Ordered<'v> {
    aggregate: &'v PlanAggregate,
    rows: BatchBuilder<'v>,
}

impl<'v> Ordered<'v> {
    fn new(aggregate: &'v PlanAggregate) -> Self {
        let types: Vec<DataType> = Self::scalars(aggregate).map(Scalar::data_type).collect();
        Ordered { aggregate, rows: BatchBuilder::new(&[&types[..], &[DataType::BigInt]].concat()) }
    }

    fn scalars(aggregate: &'v PlanAggregate) -> impl Iterator<Item = &'v Scalar> {
        let keys = aggregate.order.iter().map(|key| &key.scalar);
        aggregate.argument.iter().chain(&aggregate.second).chain(keys)
    }

    fn add(
        &mut self,
        groups: Option<&[u32]>,
        batch: &Batch<'v>,
        selection: &Bits,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let selected = batch.clone().with_selection(selection.clone());
        let mut columns = Self::scalars(self.aggregate)
            .map(|scalar| scalar.evaluate(&selected, context))
            .collect::<Result<Vec<_>, _>>()?;
        columns.push(match groups {
            Some(groups) => Vector::ints(groups.iter().map(|group| i64::from(*group))),
            None => Vector::constant(0.into(), batch.len),
        });
        let rows = Batch::new(columns, batch.len).with_selection(selection.clone());
        self.rows.append(&rows);
        Ok(())
    }

    /// Hands the rows over in their order.
    fn take_in(self, accumulators: &mut Accumulators) -> Result<(), Error> {
        let rows = self.rows.finish();
        let keys = &self.aggregate.order;
        let from = rows.columns.len() - 1 - keys.len();
        let columns: KeyColumns<'_, '_> =
            rows.columns[from..][..keys.len()].iter().map(Cow::Borrowed).collect();
        let order = order_of(&columns, keys.iter().map(|key| (key.scalar.data_type(), key.part)), rows.len);
        drop(columns);
        let rows = rows.gather(&order);
        let numbers = &rows.columns[rows.columns.len() - 1];
        let group = |row| numbers.int(row).and_then(|group| u32::try_from(group).ok()).unwrap_or_default();
        let groups: Vec<u32> = (0..rows.len).map(group).collect();
        let second = self.aggregate.second.as_ref().and_then(|_| rows.columns.get(1));
        accumulators.update(&groups, rows.columns.first(), second, &Bits::all(rows.len))
    }
}

/// The values that an aggregate of distinct ones has met, in each group.
struct Seen {
    values: KeyTable,
    numbers: Vec<u32>,
}

impl Seen {
    fn new(argument: DataType, grouped: bool) -> Self {
        let types = [DataType::BigInt, argument];
        Seen { values: KeyTable::new(&types[usize::from(!grouped)..]), numbers: Vec::new() }
    }

    /// The rows whose group has not met their value. NULL is as good a value as any; aggregates pass it by.
    fn first_rows(
        &mut self,
        groups: Option<&[u32]>,
        argument: &Vector<'_>,
        selection: &Bits,
        len: usize,
    ) -> Bits {
        let group =
            groups.map(|groups| Cow::Owned(Vector::ints(groups.iter().map(|group| i64::from(*group)))));
        let key = group.into_iter().chain([Cow::Borrowed(argument)]).collect();
        let known = self.values.len();
        self.numbers.resize(len, 0);
        self.values.insert(&key, selection, &mut self.numbers);
        first_rows(known, selection, &self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::Value;
    use proptest::prelude::*;

    use super::super::testing::{Input, Row, column, column_expr, input_of, kind, rows_of, scalar};
    use super::*;
    use crate::algebra::{AggregateFunction, Comparison, Expr};
    use crate::functions::aggregate::result_type;

    const FUNCTIONS: [AggregateFunction; 5] = [
        AggregateFunction::CountRows,
        AggregateFunction::Count,
        AggregateFunction::Min,
        AggregateFunction::Max,
        AggregateFunction::Sum,
    ];

    /// Keys, and after them a small integer to aggregate.
    fn input(keys: std::ops::Range<usize>) -> impl Strategy<Value = Input> {
        let input = prop::collection::vec(kind(), keys)
            .prop_flat_map(|types| input_of([&types[..], &[DataType::BigInt]].concat()));
        input.prop_map(|mut input| {
            for (row, _) in input.batches.iter_mut().flatten() {
                if let Some(Value::Int(int)) = row.last_mut() {
                    *int %= 1_000;
                }
            }
            input
        })
    }

    /// An aggregate of the last column, perhaps of distinct values, perhaps only of those above zero.
    fn aggregate(
        function: AggregateFunction,
        distinct: bool,
        filtered: bool,
        types: &[DataType],
    ) -> PlanAggregate {
        let last = types.len() - 1;
        let argument = (function != AggregateFunction::CountRows).then(|| column(last, types));
        let data_type = result_type(function, argument.as_ref().map(Scalar::data_type)).unwrap();
        let above_zero = column_expr(last).compare(Comparison::Greater, Expr::literal(0));
        let filter = filtered.then(|| scalar(&above_zero, types));
        let (second, order) = (None, Vec::new());
        PlanAggregate { function, argument, second, distinct, filter, order, data_type }
    }

    fn model(aggregate: &PlanAggregate, group: &[Row]) -> Value {
        let mut values: Vec<&Value> = group.iter().filter_map(|row| row.last()).collect();
        if aggregate.filter.is_some() {
            values.retain(|value| !value.is_null() && **value > Value::Int(0));
        }
        if aggregate.function == AggregateFunction::CountRows {
            return Value::Int(values.len() as i64);
        }
        values.retain(|value| !value.is_null());
        values.sort();
        if aggregate.distinct {
            values.dedup();
        }
        let of = |value: Option<&&Value>| value.map_or(Value::Null, |value| (*value).clone());
        match aggregate.function {
            AggregateFunction::Count => Value::Int(values.len() as i64),
            AggregateFunction::Min => of(values.first()),
            AggregateFunction::Max => of(values.last()),
            _ if values.is_empty() => Value::Null,
            _ => values.iter().filter_map(|value| value.as_int()).sum::<i64>().into(),
        }
    }

    fn every_aggregate(types: &[DataType]) -> Vec<PlanAggregate> {
        let flags = [(false, false), (true, false), (false, true), (true, true)];
        let of = |function| flags.map(|(distinct, filtered)| aggregate(function, distinct, filtered, types));
        FUNCTIONS.into_iter().flat_map(of).collect()
    }

    proptest! {
        #[test]
        fn a_row_per_group_comes_in_the_order_the_groups_were_seen(input in input(1..4)) {
            let types = &input.types;
            let keys: Vec<_> = (0..types.len() - 1).map(|index| column(index, types)).collect();
            let aggregates = every_aggregate(types);
            let mut groups: Vec<Vec<Row>> = Vec::new();
            for row in input.rows() {
                match groups.iter_mut().find(|group| group[0][..keys.len()] == row[..keys.len()]) {
                    Some(group) => group.push(row),
                    None => groups.push(vec![row]),
                }
            }
            let expected: Vec<Row> = groups.iter().map(|group| {
                let values = aggregates.iter().map(|aggregate| model(aggregate, group));
                group[0][..keys.len()].iter().cloned().chain(values).collect()
            }).collect();
            prop_assert_eq!(rows_of(Aggregate::new(input.open(), &keys, &aggregates)), expected);
        }

        #[test]
        fn a_key_that_others_decide_changes_no_group(input in input(1..4)) {
            let types = &input.types;
            let count = types.len() - 1;
            let own: Vec<_> = (0..count).map(|index| column(index, types)).collect();
            // Each key twice, of which the first half decides.
            let twice: Vec<_> = (0..2 * count).map(|index| column(index % count, types)).collect();
            let deciding: Vec<usize> = (0..count).collect();
            let aggregates = every_aggregate(types);
            let expected = rows_of(Aggregate::new(input.open(), &own, &aggregates));
            let found = rows_of(Aggregate::new(input.open(), &twice, &aggregates).decided_by(&deciding));
            let keys_once = |row: &Row| [&row[..count], &row[2 * count..]].concat();
            prop_assert!(found.iter().all(|row| row[..count] == row[count..2 * count]));
            prop_assert_eq!(found.iter().map(keys_once).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn without_keys_there_is_one_row(input in input(0..1)) {
            let aggregates = every_aggregate(&input.types);
            let rows = input.rows();
            let expected: Row = aggregates.iter().map(|aggregate| model(aggregate, &rows)).collect();
            prop_assert_eq!(rows_of(Aggregate::new(input.open(), &[], &aggregates)), [expected]);
        }
    }

    #[test]
    fn there_may_be_more_groups_than_a_batch_has_rows() {
        let types = [DataType::BigInt, DataType::BigInt];
        let rows = (0..10_000_i64).map(|row| vec![Value::Int(row % 5_000 * 3), Value::Int(row)]).collect();
        let input = Input::of(&types, rows, 64);
        let (keys, sum) = ([column(0, &types)], [aggregate(AggregateFunction::Sum, false, false, &types)]);
        let groups = rows_of(Aggregate::new(input.open(), &keys, &sum));
        assert!(groups.iter().enumerate().all(|(group, row)| {
            let group = group as i64;
            row[..] == [Value::Int(group * 3), Value::Int(group + group + 5_000)]
        }));
        assert_eq!(groups.len(), 5_000);
    }
}
