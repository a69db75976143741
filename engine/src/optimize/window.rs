//! Window functions: those over the same partitions in the same order share one sort.

use super::build::key_part;
use super::planner::Planner;
use crate::algebra::walk::{self, ColumnSet};
use crate::algebra::{Expr, Frame, FrameUnit, Relation, SortKey, Source, WindowFunction, WindowKind};
use crate::error::Error;
use crate::evaluate::{Class, Scalar, class_of, unify};
use crate::functions::aggregate::result_type;
use crate::plan::{Node, Plan, PlanColumn, PlanSortKey, PlanWindow};
use nuages_storage::DataType;

impl Planner<'_> {
    /// The plan of a relation with window functions; of these only those that are needed.
    pub(super) fn build_window(
        &mut self,
        input: Relation,
        source: Source,
        functions: Vec<WindowFunction>,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let mut wanted: Vec<(usize, WindowFunction)> = functions
            .into_iter()
            .enumerate()
            .filter(|(index, _)| needed.contains(&source.column(*index)))
            .collect();
        let pending = self.extract_from(&mut wanted);
        let mut below = needed.clone();
        for (_, function) in &wanted {
            function.each_expression(&mut |expr| walk::add_columns(expr, &mut below));
        }
        pending.iter().for_each(|pending| pending.add_needed(&mut below));
        let input = self.build(input, &below)?;
        let mut plan = self.apply(input, pending)?;
        while let Some((_, first)) = wanted.first() {
            let (partition_by, order_by) = (first.partition_by.clone(), first.order_by.clone());
            let same = |function: &WindowFunction| {
                function.partition_by == partition_by && function.order_by == order_by
            };
            let (now, later) = wanted.into_iter().partition(|(_, function)| same(function));
            plan = self.windowed(plan, source, now)?;
            wanted = later;
        }
        Ok(plan)
    }

    /// Takes the subqueries out of all functions at once.
    fn extract_from(&mut self, functions: &mut [(usize, WindowFunction)]) -> Vec<super::subquery::Pending> {
        let places: Vec<&mut Expr> =
            functions.iter_mut().flat_map(|(_, function)| function.expressions_mut()).collect();
        let mut exprs: Vec<Expr> = places.iter().map(|expr| (**expr).clone()).collect();
        let pending = self.extract(&mut exprs);
        places.into_iter().zip(exprs).for_each(|(place, expr)| *place = expr);
        pending
    }

    /// `input` with a column for each of these functions, which are all over the same partitions in the same order.
    fn windowed(
        &self,
        input: Plan,
        source: Source,
        functions: Vec<(usize, WindowFunction)>,
    ) -> Result<Plan, Error> {
        let by: Vec<WindowFunction> = functions.iter().map(|(_, function)| function.clone()).collect();
        let Some(first) = by.first() else { return Ok(input) };
        let partition =
            first.partition_by.iter().map(|expr| self.compile(expr, &input)).collect::<Result<_, _>>()?;
        let key =
            |key: &SortKey| Ok(PlanSortKey { scalar: self.compile(&key.expr, &input)?, part: key_part(key) });
        let order = first.order_by.iter().map(key).collect::<Result<_, Error>>()?;
        let mut columns = input.columns.clone();
        let mut compiled = Vec::with_capacity(functions.len());
        for (index, function) in functions {
            let function = self.window_function(function, &input)?;
            columns.push(PlanColumn { column: source.column(index), data_type: function.data_type });
            compiled.push(function);
        }
        let estimate = input.estimate;
        let node = Node::Window { input: Box::new(input), partition, order, functions: compiled, by };
        Ok(Plan { node, columns, estimate })
    }

    fn window_function(&self, function: WindowFunction, input: &Plan) -> Result<PlanWindow, Error> {
        let WindowFunction { function: kind, mut arguments, filter, order_by, frame, .. } = function;
        check_count(kind, arguments.len())?;
        let compile = |expr: &Expr| self.compile(expr, input);
        if let (WindowKind::Lag | WindowKind::Lead, [value, _, default]) = (kind, &mut arguments[..]) {
            (*value, *default) = self.unified(value, default, input)?;
        }
        let scalars = arguments.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
        let data_type = window_type(kind, &scalars)?;
        let range_key = range_key(&frame, &order_by, &compile)?;
        let filter = filter.as_ref().map(compile).transpose()?;
        let Frame { unit, start, end, exclude } = frame;
        let offset = |expr: Expr| self.frame_offset(unit, expr, range_key.as_ref(), input);
        let (start, end) = (start.try_map(offset)?, end.try_map(offset)?);
        let frame = Frame { unit, start, end, exclude };
        Ok(PlanWindow { function: kind, arguments: scalars, filter, frame, range_key, data_type })
    }

    /// What `lag` and `lead` yield, and what they yield beyond the partition, as one type.
    fn unified(&self, value: &Expr, default: &Expr, input: &Plan) -> Result<(Expr, Expr), Error> {
        let types = [self.compile(value, input)?.data_type(), self.compile(default, input)?.data_type()];
        let null = matches!(default, Expr::Literal(nuages_storage::Value::Null));
        if types[0] == types[1] || null {
            return Ok((value.clone(), default.clone()));
        }
        let common = unify(types[0], types[1]).ok_or_else(|| Error::Type {
            expression: "the default of lag() or lead()".to_owned(),
            expected: types[0].to_string(),
            got: types[1].to_string(),
        })?;
        let cast = |expr: &Expr, from: DataType| match class_of(from) == class_of(common) {
            true => expr.clone(),
            false => Expr::Cast(Box::new(expr.clone()), common),
        };
        Ok((cast(value, types[0]), cast(default, types[1])))
    }

    /// An offset of a frame: a count, or what can be added to the sort key.
    fn frame_offset(
        &self,
        unit: FrameUnit,
        expr: Expr,
        range_key: Option<&Scalar>,
        input: &Plan,
    ) -> Result<Scalar, Error> {
        let scalar = self.compile(&expr, input)?;
        let got = scalar.data_type();
        let refused = |expected: &str| Error::Type {
            expression: "the offset of a frame".to_owned(),
            expected: expected.to_owned(),
            got: got.to_string(),
        };
        if !walk::columns_of(&expr).is_empty() {
            return Err(refused("an expression that mentions no column"));
        }
        match (unit, range_key.map(|key| class_of(key.data_type()))) {
            (FrameUnit::Range, Some(class @ (Class::Int | Class::Float | Class::Decimal))) => {
                match class_of(got) {
                    got if got == class => Ok(scalar),
                    Class::Int | Class::Float | Class::Decimal => {
                        // A distance may be what no value of the column can be.
                        self.compile(&Expr::Cast(Box::new(expr), class.any()), input)
                    }
                    _ => Err(refused("a number")),
                }
            }
            (FrameUnit::Range, _) if class_of(got) == Class::Duration => Ok(scalar),
            // An interval of months is told by its words.
            (FrameUnit::Range, Some(Class::Date | Class::Timestamp)) if class_of(got) == Class::Text => {
                Ok(scalar)
            }
            (FrameUnit::Range, _) => Err(refused("an interval")),
            (FrameUnit::Rows | FrameUnit::Groups, _) if class_of(got) == Class::Int => Ok(scalar),
            _ => Err(refused("an integer")),
        }
    }
}

/// The sort key of a frame whose ends are distances from it, as that to which the offsets are added.
fn range_key(
    frame: &Frame,
    order_by: &[SortKey],
    compile: &dyn Fn(&Expr) -> Result<Scalar, Error>,
) -> Result<Option<Scalar>, Error> {
    let offsets: Vec<&Expr> = frame.start.offset().into_iter().chain(frame.end.offset()).collect();
    if frame.unit != FrameUnit::Range || offsets.is_empty() {
        return Ok(None);
    }
    let [key] = order_by else {
        return Err(Error::Type {
            expression: "a range frame with an offset".to_owned(),
            expected: "one sort key".to_owned(),
            got: order_by.len().to_string(),
        });
    };
    let scalar = compile(&key.expr)?;
    let class = class_of(scalar.data_type());
    // An integer that is 1.5 away from another is so as a number of the wider type.
    let mut wider = scalar.data_type();
    for offset in offsets {
        let offset = compile(offset)?.data_type();
        if matches!(class, Class::Int | Class::Decimal)
            && matches!(class_of(offset), Class::Float | Class::Decimal)
        {
            wider = unify(wider, offset).unwrap_or(wider);
        }
    }
    match class {
        Class::Int | Class::Float | Class::Decimal if class_of(wider) != class => {
            compile(&Expr::Cast(Box::new(key.expr.clone()), class_of(wider).any())).map(Some)
        }
        Class::Int | Class::Float | Class::Decimal => Ok(Some(scalar)),
        Class::Date | Class::Time | Class::Timestamp | Class::Duration => Ok(Some(scalar)),
        _ => Err(Error::Type {
            expression: "the sort key of a range frame with an offset".to_owned(),
            expected: "a number or a point in time".to_owned(),
            got: scalar.data_type().to_string(),
        }),
    }
}

/// The type of a window function's column.
fn window_type(kind: WindowKind, arguments: &[Scalar]) -> Result<DataType, Error> {
    let of_first = || arguments.first().map_or(DataType::BigInt, Scalar::data_type);
    match kind {
        WindowKind::RowNumber | WindowKind::Rank | WindowKind::DenseRank | WindowKind::Ntile => {
            Ok(DataType::BigInt)
        }
        WindowKind::PercentRank | WindowKind::CumeDist => Ok(DataType::Float),
        WindowKind::Lag
        | WindowKind::Lead
        | WindowKind::FirstValue
        | WindowKind::LastValue
        | WindowKind::NthValue => Ok(of_first()),
        WindowKind::Aggregate(function) => result_type(function, arguments.first().map(Scalar::data_type)),
    }
}

/// Refuses arguments of the wrong number.
fn check_count(kind: WindowKind, got: usize) -> Result<(), Error> {
    let (name, expected) = match kind {
        WindowKind::RowNumber => ("row_number()", 0..=0),
        WindowKind::Rank => ("rank()", 0..=0),
        WindowKind::DenseRank => ("dense_rank()", 0..=0),
        WindowKind::PercentRank => ("percent_rank()", 0..=0),
        WindowKind::CumeDist => ("cume_dist()", 0..=0),
        WindowKind::Ntile => ("ntile()", 1..=1),
        WindowKind::Lag => ("lag()", 1..=3),
        WindowKind::Lead => ("lead()", 1..=3),
        WindowKind::FirstValue => ("first_value()", 1..=1),
        WindowKind::LastValue => ("last_value()", 1..=1),
        WindowKind::NthValue => ("nth_value()", 2..=2),
        WindowKind::Aggregate(_) => ("an aggregate", 0..=2),
    };
    match expected.contains(&got) {
        true => Ok(()),
        false => Err(Error::ArgumentCount { function: name.to_owned(), given: got }),
    }
}
