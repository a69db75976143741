//! Subqueries that no join could take over: looked up among rows that are read once ([`mark`](super::mark)), or evaluated
//! for each row, once for the same values of what they depend on.

use hashbrown::{HashMap, HashSet};
use nuages_storage::Value;

use super::mark::Marks;
use super::scope::Scope;
use super::{Operator, Running, open};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;
use crate::plan::{PairCondition, Subquery, SubqueryKind};
use crate::vector::{Vector, VectorBuilder};

/// Values kept per subquery, those of answers and those by which they are known. When there are so many, all answers
/// are forgotten before the next is computed; so what is kept exceeds this by one answer at most.
const KEPT_MAX: usize = if cfg!(test) { 16 } else { 65_536 };

/// See the [module](self).
pub(super) struct Apply<'v> {
    input: Running<'v>,
    subqueries: Vec<Answers<'v>>,
    scope: Scope<'v>,
}

/// How a subquery is answered.
enum Answers<'v> {
    OfEach(Memo<'v>),
    ByMarks(Marks<'v>),
}

/// A subquery and its answers so far, by the values it was bound to.
struct Memo<'v> {
    subquery: &'v Subquery,
    /// By values as [`told_apart`].
    answers: HashMap<Vec<Value>, Answer>,
    /// The values in `answers`.
    kept: usize,
    charge: Charge,
}

enum Answer {
    Value(Value),
    /// The values, and whether NULL is among them.
    Set(HashSet<Value>, bool),
}

impl<'v> Apply<'v> {
    pub(super) fn new(input: Running<'v>, subqueries: &'v [Subquery], scope: &Scope<'v>) -> Self {
        Apply { input, subqueries: subqueries.iter().map(Answers::of).collect(), scope: scope.clone() }
    }
}

impl<'v> Operator<'v> for Apply<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if !self.input.next(batch, context)? {
            return Ok(false);
        }
        for answers in &mut self.subqueries {
            let column = answers.column(batch, &self.scope, context)?;
            batch.columns.push(column);
        }
        Ok(true)
    }
}

/// The test of pairs of rows in a join.
pub(super) struct PairTest<'v> {
    scalar: &'v Scalar,
    /// The subqueries in it, and what they read.
    subqueries: Option<(Vec<Answers<'v>>, Scope<'v>)>,
}

impl<'v> PairTest<'v> {
    pub(super) fn new(condition: &'v PairCondition, scope: &Scope<'v>) -> Self {
        let answers: Vec<_> = condition.subqueries.iter().map(Answers::of).collect();
        let subqueries = (!answers.is_empty()).then(|| (answers, scope.clone()));
        PairTest { scalar: &condition.predicate.scalar, subqueries }
    }

    /// A test without subqueries.
    #[cfg(test)]
    pub(super) fn plain(scalar: &'v Scalar) -> Self {
        PairTest { scalar, subqueries: None }
    }

    /// The candidates among the pairs for which the condition is true.
    pub(super) fn filter(
        &mut self,
        pairs: &Batch<'v>,
        candidates: &Bits,
        context: &Context<'_>,
    ) -> Result<Bits, Error> {
        let Some((subqueries, scope)) = &mut self.subqueries else {
            return self.scalar.filter_rows(pairs, context, candidates);
        };
        let mut pairs = pairs.clone().with_selection(candidates.clone());
        for answers in subqueries {
            let column = answers.column(&pairs, scope, context)?;
            pairs.columns.push(column);
        }
        self.scalar.filter(&pairs, context)
    }
}

impl<'v> Answers<'v> {
    fn of(subquery: &'v Subquery) -> Self {
        match &subquery.kind {
            SubqueryKind::Mark(mark) => Answers::ByMarks(Marks::new(&subquery.plan, mark)),
            _ => Answers::OfEach(Memo::new(subquery)),
        }
    }

    /// The answers for the selected rows.
    fn column(
        &mut self,
        batch: &Batch<'v>,
        scope: &Scope<'v>,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        match self {
            Answers::OfEach(memo) => memo.column(batch, scope, context),
            Answers::ByMarks(marks) => marks.column(batch, scope, context),
        }
    }
}

impl<'v> Memo<'v> {
    fn new(subquery: &'v Subquery) -> Self {
        Memo { subquery, answers: HashMap::new(), kept: 0, charge: Charge::default() }
    }

    fn column(
        &mut self,
        batch: &Batch<'v>,
        scope: &Scope<'v>,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        let probe = match &self.subquery.kind {
            SubqueryKind::In(value) => Some(value.evaluate(batch, context)?),
            SubqueryKind::Scalar | SubqueryKind::Exists | SubqueryKind::Mark(_) => None,
        };
        // What depends on nothing is the same for each row; of no row it is not asked.
        if probe.is_none()
            && self.subquery.bindings.is_empty()
            && self.subquery.is_repeatable
            && !batch.selection.is_empty()
        {
            let kind = Some(self.subquery.data_type);
            let value = self.answer(std::iter::empty, scope, context)?.value(None);
            return Ok(Vector::Constant { value, kind, len: batch.len });
        }
        let mut builder = VectorBuilder::with_capacity(self.subquery.data_type, batch.len);
        for row in 0..batch.len {
            if !batch.selection.contains(row) {
                builder.push_null();
                continue;
            }
            let bindings = &self.subquery.bindings;
            let bound = || bindings.iter().map(|(_, column)| batch.column(*column).value(row));
            let probe = probe.as_ref().map(|probe| probe.value(row));
            builder.push(&self.answer(bound, scope, context)?.value(probe));
        }
        Ok(builder.finish())
    }

    fn answer<V: Iterator<Item = Value>>(
        &mut self,
        bound: impl Fn() -> V,
        scope: &Scope<'v>,
        context: &Context<'_>,
    ) -> Result<&Answer, Error> {
        let key: Vec<Value> = bound().map(told_apart).collect();
        let is_full = self.kept >= KEPT_MAX && !self.answers.contains_key(&key);
        if is_full || !self.subquery.is_repeatable {
            self.answers.clear();
            self.kept = 0;
            self.charge = Charge::default();
        }
        match self.answers.entry(key) {
            hashbrown::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            hashbrown::hash_map::Entry::Vacant(entry) => {
                let bound: Vec<Value> = bound().collect();
                let answer = evaluate(self.subquery, &bound, (scope, &mut self.charge), context)?;
                self.kept += entry.key().len() + answer.len();
                Ok(entry.insert(answer))
            }
        }
    }
}

/// A value of a column as one that equals that of another row only if nothing tells the two apart: `1.0` and `1.00` are
/// equal, and so are two zeros of different signs, but their texts differ.
fn told_apart(value: Value) -> Value {
    match value {
        Value::Decimal(decimal) => decimal.to_string().into(),
        Value::Float(float) => Value::Int(float.to_bits().cast_signed()),
        Value::Json(json) => json.to_string().into(),
        other => other,
    }
}

/// The parameters of a statement, and those of a plan within it that are bound to columns.
pub(super) fn bound_parameters(
    context: &Context<'_>,
    bindings: &[(usize, usize)],
    bound: &[Value],
) -> Vec<Value> {
    let mut parameters = context.parameters().to_vec();
    for ((number, _), value) in bindings.iter().zip(bound) {
        if *number >= parameters.len() {
            parameters.resize(number + 1, Value::Null);
        }
        parameters[*number] = value.clone();
    }
    parameters
}

/// Runs a subquery with its parameters bound.
fn evaluate<'v>(
    subquery: &'v Subquery,
    bound: &[Value],
    (scope, charge): (&Scope<'v>, &mut Charge),
    context: &Context<'_>,
) -> Result<Answer, Error> {
    let parameters = bound_parameters(context, &subquery.bindings, bound);
    let context = context.with_parameters(&parameters);
    let mut running = open(&subquery.plan, scope);
    let mut values = Vec::new();
    let mut batch = Batch::default();
    while running.next(&mut batch, &context)? {
        if matches!(subquery.kind, SubqueryKind::Exists) {
            if !batch.selection.is_empty() {
                return Ok(Answer::Value(Value::Bool(true)));
            }
            continue;
        }
        charge.add_rows("a subquery", &batch, &context)?;
        values.extend(batch.selection.iter().map(|row| batch.column(0).value(row)));
        if matches!(subquery.kind, SubqueryKind::Scalar) && values.len() > 1 {
            return Err(Error::MoreThanOneRow);
        }
    }
    Ok(match subquery.kind {
        SubqueryKind::Exists => Answer::Value(Value::Bool(false)),
        SubqueryKind::Scalar => Answer::Value(values.pop().unwrap_or_default()),
        SubqueryKind::In(_) | SubqueryKind::Mark(_) => {
            let has_null = values.iter().any(Value::is_null);
            Answer::Set(values.into_iter().filter(|value| !value.is_null()).collect(), has_null)
        }
    })
}

impl Answer {
    /// How many values it keeps.
    fn len(&self) -> usize {
        match self {
            Answer::Value(_) => 1,
            Answer::Set(set, _) => set.len() + 1,
        }
    }

    /// The value of the subquery for a row; `probe` is what `IN` looks for.
    fn value(&self, probe: Option<Value>) -> Value {
        match (self, probe) {
            (Answer::Value(value), _) => value.clone(),
            (Answer::Set(set, has_null), Some(probe)) => {
                if set.is_empty() && !has_null {
                    Value::Bool(false)
                } else if probe.is_null() {
                    Value::Null
                } else if set.contains(&probe) {
                    Value::Bool(true)
                } else if *has_null {
                    Value::Null
                } else {
                    Value::Bool(false)
                }
            }
            (Answer::Set(..), None) => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Expr, OutputColumn, Query, Relation, Source};
    use crate::catalog::Catalog;
    use crate::execute::testing::{Input, context};
    use crate::optimize;
    use crate::plan::{Node, Plan};
    use crate::session::Session;
    use nuages_storage::DataType;

    #[test]
    fn what_is_kept_is_bounded_by_values_and_not_by_answers() {
        let constant = |value: i64| vec![Scalar::compile(&Expr::literal(value), &|_| None).unwrap()];
        let plan = Input::of(&[DataType::BigInt], Vec::new(), 1).plan();
        let plan = Plan { node: Node::Values((0..5).map(constant).collect()), ..plan };
        let looked_for = Expr::Column(Source::new(0).column(0));
        let looked_for = Scalar::compile(&looked_for, &|_| Some((0, DataType::BigInt))).unwrap();
        let (kind, bindings) = (SubqueryKind::In(looked_for), vec![(0, 0)]);
        let data_type = DataType::Bool;
        let subquery = Subquery { plan, kind, bindings, data_type, is_repeatable: true };
        let version = crate::Database::new().version().unwrap();
        let mut memo = Memo::new(&subquery);
        for row in 0..100 {
            let answer =
                memo.answer(|| std::iter::once(row.into()), &Scope::new(&version), &context()).unwrap();
            assert_eq!(answer.value(Some(4.into())), true.into());
            let kept: usize = memo.answers.iter().map(|(bound, answer)| bound.len() + answer.len()).sum();
            assert_eq!(memo.kept, kept);
            assert!(kept < KEPT_MAX + 7, "{kept} values are kept");
        }
    }
    /// Rows of one column.
    fn values(number: u32, kind: DataType, rows: &[Value]) -> (Relation, Expr) {
        let source = Source::new(number);
        let rows = rows.iter().map(|value| vec![Expr::Literal(value.clone())]).collect();
        (Relation::Values { source, types: vec![kind], rows }, source.column(0).into())
    }

    /// A column of a type and its values.
    type Given<'a> = (DataType, &'a [Value]);

    /// The outer values that are in the inner ones, or are not; by a join, and by looking at each.
    fn in_both_ways((outer, inner): (Given<'_>, Given<'_>), is_in: bool) -> [Result<Vec<Value>, Error>; 2] {
        let (outer, value) = values(0, outer.0, outer.1);
        let (inner, member) = values(1, inner.0, inner.1);
        let members = Query::new(inner, vec![OutputColumn::new("member", member)]);
        let among = Expr::InQuery(Box::new(value.clone()), Box::new(members));
        let query = outer.filter(if is_in { among } else { among.not() });
        let query = Query::new(query, vec![OutputColumn::new("value", value)]);
        let version = crate::Database::new().version().unwrap();
        [optimize::plan, optimize::plan_naively].map(|plan| {
            let mut found = Vec::new();
            let plan = plan(query.clone(), Catalog::of(&version), &version)?;
            crate::execute::run(&plan, &version, &context(), &mut |batch| {
                found.extend(batch.selection.iter().map(|row| batch.column(0).value(row)));
                Ok(())
            })?;
            Ok(found)
        })
    }

    #[test]
    fn in_compares_as_the_join_does_that_may_stand_in_its_place() {
        // As floats, which is how an integer and a float are compared, these two are equal.
        let beyond_floats: [Value; 2] = [((1_i64 << 53) + 1).into(), 7.into()];
        let floats: [Value; 1] = [((1_i64 << 53) as f64).into()];
        let (ints, floats) = ((DataType::BigInt, &beyond_floats[..]), (DataType::Float, &floats[..]));
        for found in in_both_ways((ints, floats), true) {
            assert_eq!(found, Ok(vec![beyond_floats[0].clone()]));
        }
        for found in in_both_ways((ints, floats), false) {
            assert_eq!(found, Ok(vec![7.into()]));
        }
        let texts = [Value::from("7")];
        for is_in in [true, false] {
            let refused = in_both_ways((ints, (DataType::Text { max_length: None }, &texts)), is_in);
            assert!(refused.iter().all(|refused| matches!(refused, Err(Error::Type { .. }))), "{refused:?}");
        }
    }
}
