//! From rewritten algebra to a plan, operator by operator.
//!
//! `needed` is what the operators above read; a scan fetches no more than that.

use nuages_storage::DataType;
use nuages_storage::key::KeyPart;

use super::planner::{Planner, compile_over};
use super::premise::Premise;
use crate::algebra::walk::{self, ColumnSet, conjunction, conjuncts};
use crate::algebra::{
    self, Aggregate, AggregateFunction, Column, Expr, Query, Relation, SetKind, SortKey, Source,
};
use crate::error::Error;
use crate::evaluate::{Context, Scalar, among};
use crate::functions::aggregate::result_type;
use crate::plan::{
    Estimate, Node, Plan, PlanAggregate, PlanColumn, PlanSortKey, Predicate, RowCount, Shared, Top,
};

/// How many rows a LIMIT is thought to leave of which nothing is known: a page.
const EXPECTED_COUNT: u64 = 20;

/// Which rows of an order are wanted: those before `end` but the first `skipped`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) skipped: usize,
    pub(crate) end: usize,
}

impl Planner<'_> {
    /// The plan of a relation; it yields at least the columns in `needed`.
    pub(crate) fn build(&mut self, relation: Relation, needed: &ColumnSet) -> Result<Plan, Error> {
        match relation {
            Relation::Unit => {
                Ok(Plan { node: Node::Unit, columns: Vec::new(), estimate: Estimate::exact(1.0) })
            }
            Relation::Scan { table, source } => self.build_scan(table, source, Vec::new(), needed),
            Relation::Values { source, types, rows } => self.build_values(source, &types, &rows),
            Relation::Filter { input, predicate } => self.build_filter(*input, predicate, needed),
            Relation::Project { input, source, columns } => {
                self.build_project(*input, source, columns, Some(needed))
            }
            join @ Relation::Join { .. } => self.build_join(join, needed),
            aggregation @ Relation::Aggregate { .. } => self.build_aggregation(aggregation, needed),
            Relation::Sort { input, keys } => self.build_sort(*input, keys, None, needed),
            Relation::Limit { input, offset, count } => {
                self.build_limit(*input, &offset, count.as_ref(), needed)
            }
            Relation::Distinct { input, on } => self.build_distinct(*input, on, needed),
            Relation::Set { kind, all, source, left, right } => {
                self.build_set(kind, all, source, *left, *right)
            }
            Relation::Window { input, source, functions } => {
                self.build_window(*input, source, functions, needed)
            }
            Relation::With { table, rows, input } => {
                self.build_with(table, *rows, |planner| planner.build(*input, needed))
            }
            Relation::Recursive { table, base, step, all, source } => {
                self.build_recursive(table, *base, *step, all, source)
            }
            Relation::WorkTable { table, source, .. } => self.build_work_table(table, source, needed),
        }
    }

    fn build_values(
        &mut self,
        source: Source,
        types: &[DataType],
        rows: &[Vec<Expr>],
    ) -> Result<Plan, Error> {
        let unit = Plan { node: Node::Unit, columns: Vec::new(), estimate: Estimate::exact(1.0) };
        let compiled = rows
            .iter()
            .map(|row| row.iter().map(|expr| self.compile(expr, &unit)).collect())
            .collect::<Result<_, Error>>()?;
        let columns = (0..types.len()).map(|i| PlanColumn { column: source.column(i), data_type: types[i] });
        Ok(Plan {
            node: Node::Values(compiled),
            columns: columns.collect(),
            estimate: Estimate::exact(rows.len() as f64),
        })
    }

    fn build_filter(&mut self, input: Relation, predicate: Expr, needed: &ColumnSet) -> Result<Plan, Error> {
        let (mut nested, plain): (Vec<_>, Vec<_>) =
            conjuncts(predicate).into_iter().partition(|part| self.has_subquery && walk::has_subquery(part));
        let pending = self.extract(&mut nested);
        let mut below = needed.clone();
        nested.iter().for_each(|part| walk::add_columns(part, &mut below));
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let plan = match input {
            Relation::Scan { table, source } => self.build_scan(table, source, plain, &below)?,
            input => {
                plain.iter().for_each(|part| walk::add_columns(part, &mut below));
                let plan = self.build(input, &below)?;
                self.filtered(plan, conjunction(plain))?
            }
        };
        let plan = self.apply(plan, pending)?;
        self.filtered(plan, conjunction(nested))
    }

    /// `plan` with only the rows for which `predicate` is true.
    pub(crate) fn filtered(&self, plan: Plan, predicate: Option<Expr>) -> Result<Plan, Error> {
        let Some(predicate) = predicate else { return Ok(plan) };
        let scalar = self.compile(&predicate, &plan)?;
        let Estimate { rows, basis } = plan.estimate;
        let estimate = self.estimated(basis, || rows * self.share_of_few(&predicate, rows));
        let columns = plan.columns.clone();
        let predicate = Predicate { scalar, expr: predicate };
        let node = Node::Filter { input: Box::new(plan), predicate };
        Ok(Plan { node, columns, estimate })
    }

    /// A projection. If `needed` is given, only those of its columns are computed.
    pub(crate) fn build_project(
        &mut self,
        input: Relation,
        source: Source,
        exprs: Vec<Expr>,
        needed: Option<&ColumnSet>,
    ) -> Result<Plan, Error> {
        let wanted = |index: usize| needed.is_none_or(|needed| needed.contains(&source.column(index)));
        let places: Vec<usize> = (0..exprs.len()).filter(|index| wanted(*index)).collect();
        let mut exprs: Vec<Expr> = match places.len() == exprs.len() {
            true => exprs,
            false => exprs
                .into_iter()
                .enumerate()
                .filter(|(index, _)| wanted(*index))
                .map(|(_, expr)| expr)
                .collect(),
        };
        let pending = self.extract(&mut exprs);
        let mut below = ColumnSet::new();
        exprs.iter().for_each(|expr| walk::add_columns(expr, &mut below));
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let input = self.build(input, &below)?;
        let input = self.apply(input, pending)?;
        let (mut scalars, mut columns) = (Vec::with_capacity(exprs.len()), Vec::with_capacity(exprs.len()));
        for (place, expr) in places.into_iter().zip(&exprs) {
            let scalar = self.compile(expr, &input)?;
            columns.push(PlanColumn { column: source.column(place), data_type: scalar.data_type() });
            scalars.push(scalar);
        }
        let estimate = input.estimate;
        Ok(Plan { node: Node::Project { input: Box::new(input), columns: scalars }, columns, estimate })
    }

    fn build_aggregation(&mut self, aggregation: Relation, needed: &ColumnSet) -> Result<Plan, Error> {
        match aggregation {
            Relation::Aggregate { input, source, keys, aggregates }
                if keys.is_empty() && self.may_be_extremes(&input, &aggregates) =>
            {
                self.build_extremes(*input, source, aggregates)
            }
            Relation::Aggregate { input, source, keys, aggregates } => {
                self.build_aggregate(*input, source, keys, aggregates)
            }
            other => self.build(other, needed),
        }
    }

    /// An aggregation over rows that are all looked at.
    pub(super) fn build_aggregate(
        &mut self,
        input: Relation,
        source: Source,
        keys: Vec<Expr>,
        aggregates: Vec<Aggregate>,
    ) -> Result<Plan, Error> {
        let deciding = self.deciding(&keys);
        let grouped: Vec<Expr> =
            deciding.iter().map(|place| defined_by(&keys[*place], &input).clone()).collect();
        let mut exprs = keys;
        let key_count = exprs.len();
        let mut shapes = Vec::with_capacity(aggregates.len());
        // Of each expression of an aggregate, whether it is computed for every row.
        let mut is_for_all = Vec::new();
        for Aggregate { function, argument, second, distinct, filter, order_by } in aggregates {
            let parts: Vec<KeyPart> = order_by.iter().map(key_part).collect();
            shapes.push((
                function,
                distinct,
                [argument.is_some(), second.is_some(), filter.is_some()],
                parts,
            ));
            let is_all = filter.is_none();
            let filter_number = exprs.len() + usize::from(argument.is_some()) + usize::from(second.is_some());
            exprs.extend(argument.into_iter().chain(second).chain(filter));
            exprs.extend(order_by.into_iter().map(|key| key.expr));
            is_for_all
                .extend((key_count + is_for_all.len()..exprs.len()).map(|at| is_all || at == filter_number));
        }
        let pending = self.extract(&mut exprs);
        let mut below = ColumnSet::new();
        exprs.iter().for_each(|expr| walk::add_columns(expr, &mut below));
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let input = self.build(input, &below)?;
        let input = self.apply(input, pending)?;
        let by = exprs[..key_count].to_vec();
        let shared = self.share_parts(&mut exprs[key_count..], &is_for_all, &input.columns);
        let mut columns = input.columns.clone();
        let mut computed = Vec::with_capacity(shared.computed.len());
        for (column, expr) in &shared.computed {
            let scalar = compile_over(expr, &columns)?;
            columns.push(PlanColumn { column: *column, data_type: scalar.data_type() });
            computed.push(scalar);
        }
        let shared = Shared { decimals: shared.decimals, computed };
        let compiled = exprs.iter().map(|expr| compile_over(expr, &columns));
        let mut scalars = compiled.collect::<Result<Vec<_>, _>>()?.into_iter();
        let keys: Vec<Scalar> = scalars.by_ref().take(key_count).collect();
        let aggregates = shapes
            .into_iter()
            .map(|(function, distinct, has, parts)| {
                let [argument, second, filter] = has.map(|has| has.then(|| scalars.next()).flatten());
                let data_type = result_type(function, argument.as_ref().map(Scalar::data_type))?;
                let order = parts.into_iter().zip(&mut scalars);
                let order = order.map(|(part, scalar)| PlanSortKey { scalar, part }).collect();
                Ok(PlanAggregate { function, argument, second, distinct, filter, order, data_type })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let Estimate { rows, basis } = input.estimate;
        let groups = self.estimated(basis, || self.groups(&grouped, rows));
        Ok(aggregate_plan(input, source, (keys, deciding, by), (aggregates, shared), groups))
    }

    /// A sort, of which only some of the first rows are wanted if that is given.
    fn build_sort(
        &mut self,
        input: Relation,
        keys: Vec<SortKey>,
        wanted: Option<(Run, Top)>,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        if keys.is_empty() {
            return self.build(input, needed);
        }
        if let Some(plan) =
            self.build_in_order(&input, &keys, wanted.as_ref().map(|(run, _)| *run), needed)?
        {
            return Ok(plan);
        }
        let mut exprs: Vec<Expr> = keys.iter().map(|key| key.expr.clone()).collect();
        let pending = self.extract(&mut exprs);
        let mut below = needed.clone();
        exprs.iter().for_each(|expr| walk::add_columns(expr, &mut below));
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let input = self.build(input, &below)?;
        let input = self.apply(input, pending)?;
        let by = keys;
        let keys = exprs
            .iter()
            .zip(&by)
            .map(|(expr, key)| Ok(PlanSortKey { scalar: self.compile(expr, &input)?, part: key_part(key) }))
            .collect::<Result<_, Error>>()?;
        let columns = input.columns.clone();
        let top = wanted.map(|(_, top)| top);
        let rows = top.as_ref().map_or(f64::INFINITY, |top| top.expected as f64).min(input.estimate.rows);
        let estimate = Estimate { rows, ..input.estimate };
        Ok(Plan { node: Node::Sort { input: Box::new(input), keys, top, by }, columns, estimate })
    }

    fn build_limit(
        &mut self,
        input: Relation,
        offset: &algebra::RowCount,
        count: Option<&algebra::RowCount>,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let mut skipping = RowCount::compile(offset)?;
        let taking = count.map(RowCount::compile).transpose()?;
        let offset = self.expected_rows(&skipping, 0).unwrap_or(0);
        let count = taking.as_ref().and_then(|count| self.expected_rows(count, EXPECTED_COUNT));
        let end = count.and_then(|count| usize::try_from(offset.saturating_add(count)).ok());
        let mut plan = match input {
            Relation::Sort { input, keys } => {
                let run = taking.clone().zip(end).map(|(count, end)| {
                    let run = Run { skipped: usize::try_from(offset).unwrap_or(usize::MAX), end };
                    (run, Top { offset: skipping.clone(), count, expected: end })
                });
                self.build_sort(*input, keys, run, needed)?
            }
            input => self.build(input, needed)?,
        };
        let left = (plan.estimate.rows - offset as f64).max(0.0);
        let estimate = Estimate { rows: count.map_or(left, |count| left.min(count as f64)), ..plan.estimate };
        if let Node::Scan(scan) = &mut plan.node
            && scan.filter.is_none()
            && self.optimize
        {
            // The counted tree finds the first wanted row without visiting those before it.
            scan.offset = std::mem::replace(&mut skipping, RowCount::ZERO);
            scan.count = taking.clone();
        }
        let columns = plan.columns.clone();
        let node = Node::Limit { input: Box::new(plan), offset: skipping, count: taking };
        Ok(Plan { node, columns, estimate })
    }

    /// How many rows are thought to be meant; none if it is known that none are: `guess` if nothing is known.
    fn expected_rows(&self, rows: &RowCount, guess: u64) -> Option<u64> {
        let context = Context::at(self.values, jiff::Timestamp::UNIX_EPOCH);
        match rows {
            RowCount::Computed(scalar) if !scalar.is_given_by(self.values.len()) => Some(guess),
            RowCount::Fixed(rows) => Some(*rows),
            RowCount::Computed(_) => {
                let known = rows.rows(&context).ok()?;
                let premise = known.map(|known| Premise::Asked { by: rows.clone(), rows: known });
                self.counted.borrow_mut().extend(premise);
                known
            }
        }
    }

    fn build_distinct(
        &mut self,
        input: Relation,
        mut on: Vec<Expr>,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let pending = self.extract(&mut on);
        let mut below = needed.clone();
        on.iter().for_each(|expr| walk::add_columns(expr, &mut below));
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let input = self.build(input, &below)?;
        let input = self.apply(input, pending)?;
        let Estimate { rows, basis } = input.estimate;
        let estimate = self.estimated(basis, || self.groups(&on, rows));
        let on = on.iter().map(|expr| self.compile(expr, &input)).collect::<Result<_, Error>>()?;
        let columns = input.columns.clone();
        Ok(Plan { node: Node::Distinct { input: Box::new(input), on }, columns, estimate })
    }

    fn build_set(
        &mut self,
        kind: SetKind,
        all: bool,
        source: Source,
        left: Query,
        right: Query,
    ) -> Result<Plan, Error> {
        let (left, right) = (self.plan(left)?, self.plan(right)?);
        set_plan(kind, all, source, left, right)
    }
}

/// Two plans combined. (Apart from `build_set`, which is on the stack once for each set within a set.)
fn set_plan(kind: SetKind, all: bool, source: Source, left: Plan, right: Plan) -> Result<Plan, Error> {
    if left.columns.len() != right.columns.len() {
        return Err(Error::SetShape { left: left.columns.len(), right: right.columns.len() });
    }
    let types = left
        .columns
        .iter()
        .zip(&right.columns)
        .map(|(l, r)| common_type(l.data_type, r.data_type))
        .collect::<Result<Vec<_>, Error>>()?;
    let (left, right) = (cast_columns(left, &types)?, cast_columns(right, &types)?);
    let columns = types
        .iter()
        .enumerate()
        .map(|(index, data_type)| PlanColumn { column: source.column(index), data_type: *data_type })
        .collect();
    let rows = match kind {
        SetKind::Union => left.estimate.rows + right.estimate.rows,
        SetKind::Intersect | SetKind::Except => left.estimate.rows,
    };
    let basis = left.estimate.basis.max(right.estimate.basis);
    let node = Node::Set { kind, all, left: Box::new(left), right: Box::new(right) };
    Ok(Plan { node, columns, estimate: Estimate::about(rows).resting_on(basis) })
}

/// What a column is computed by in a projection below; any other expression is itself.
fn defined_by<'e>(expr: &'e Expr, input: &'e Relation) -> &'e Expr {
    match (expr, input) {
        (Expr::Column(column), Relation::Project { source, columns, .. }) if column.source() == *source => {
            columns.get(column.index()).unwrap_or(expr)
        }
        _ => expr,
    }
}

/// An aggregate; one that only counts the rows of an access path reads the count off the tree.
fn aggregate_plan(
    input: Plan,
    source: Source,
    (keys, deciding, by): (Vec<Scalar>, Vec<usize>, Vec<Expr>),
    (aggregates, shared): (Vec<PlanAggregate>, Shared),
    groups: Estimate,
) -> Plan {
    let columns: Vec<PlanColumn> = keys
        .iter()
        .map(Scalar::data_type)
        .chain(aggregates.iter().map(|aggregate| aggregate.data_type))
        .enumerate()
        .map(|(index, data_type)| PlanColumn { column: source.column(index), data_type })
        .collect();
    let counts_rows = |aggregate: &PlanAggregate| {
        aggregate.function == AggregateFunction::CountRows
            && aggregate.filter.is_none()
            && !aggregate.distinct
    };
    if let Node::Scan(scan) = &input.node
        && scan.filter.is_none()
        && scan.offset.fixed() == Some(0)
        && keys.is_empty()
        && aggregates.len() == 1
        && aggregates.iter().all(counts_rows)
    {
        let node = Node::Count(scan.access.clone(), scan.table);
        return Plan { node, columns, estimate: Estimate::exact(1.0) };
    }
    let estimate = if keys.is_empty() { Estimate::exact(1.0) } else { groups };
    let node = Node::Aggregate { input: Box::new(input), keys, deciding, aggregates, shared, by };
    Plan { node, columns, estimate }
}

/// How a sort key is encoded.
pub(crate) fn key_part(key: &SortKey) -> KeyPart {
    KeyPart { descending: key.descending, nulls_first: key.nulls_first, nullable: true }
}

/// The type both sides of a set operation take on.
fn common_type(left: DataType, right: DataType) -> Result<DataType, Error> {
    if left == right {
        return Ok(left);
    }
    crate::evaluate::unify(left, right).ok_or(Error::Type {
        expression: "a set operation".into(),
        expected: left.to_string(),
        got: right.to_string(),
    })
}

pub(super) fn cast_columns(plan: Plan, types: &[DataType]) -> Result<Plan, Error> {
    if plan.columns.iter().zip(types).all(|(column, data_type)| column.data_type == *data_type) {
        return Ok(plan);
    }
    let resolve = |column: Column| {
        let position = plan.columns.iter().position(|known| known.column == column)?;
        Some((position, plan.columns[position].data_type))
    };
    let scalars = plan
        .columns
        .iter()
        .zip(types)
        .map(|(column, data_type)| {
            let expr = Expr::Column(column.column);
            let to = among(column.data_type, *data_type);
            let cast = column.data_type != to;
            Scalar::compile(&if cast { Expr::Cast(Box::new(expr), to) } else { expr }, &resolve)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let columns = plan
        .columns
        .iter()
        .zip(types)
        .map(|(column, data_type)| PlanColumn { column: column.column, data_type: *data_type })
        .collect();
    let estimate = plan.estimate;
    Ok(Plan { node: Node::Project { input: Box::new(plan), columns: scalars }, columns, estimate })
}

#[cfg(test)]
mod tests {
    use super::super::planner::Planner;
    use super::super::rule::testing::{C, P, column, family, number};
    use crate::algebra::walk::ColumnSet;
    use crate::algebra::{JoinKind, Relation};
    use crate::plan::{Node, Plan};

    /// How many columns each scan of a plan reads, in the order of their sources.
    fn read(plan: &Plan) -> Vec<usize> {
        match &plan.node {
            Node::Scan(scan) => vec![scan.fetch.len()],
            Node::HashJoin { left, right, .. } | Node::NestedLoop { left, right, .. } => {
                [read(left), read(right)].concat()
            }
            Node::Filter { input, .. } | Node::Project { input, .. } | Node::Sort { input, .. } => {
                read(input)
            }
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn scans_read_the_columns_that_something_above_them_needs() {
        let f = family();
        let (parent, child) = (f.parent.clone(), f.child.clone());
        let build = |relation: Relation, wanted: &[usize]| {
            let mut needed = ColumnSet::new();
            needed.extend(wanted.iter().map(|place| C.column(*place)));
            f.plan(relation, |planner: &mut Planner<'_>, relation| {
                read(&planner.build(relation, &needed).unwrap())
            })
        };
        assert_eq!(build(child.clone(), &[]), [0]);
        assert_eq!(build(child.clone(), &[2]), [1]);
        assert_eq!(build(child.clone().filter(column(C, 2).equals(number(3))), &[1]), [2]);
        let computed = column(P, 1).equals(column(C, 2));
        let joined = parent.join(JoinKind::Full, child, computed);
        assert_eq!(build(joined, &[0]), [1, 2], "what the join compares, and the id of one side");
    }
}
