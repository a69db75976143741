//! Subqueries that no join could take over: evaluated for each row, once for equal values of what they depend on.

use hashbrown::{HashMap, HashSet};
use nuages_storage::{Value, Version};

use super::{Operator, Running, open};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Subquery, SubqueryKind};
use crate::vector::{Vector, VectorBuilder};

/// Answers kept per subquery. Beyond it they are forgotten and computed anew.
const KEPT_MAX: usize = 65_536;

/// See the [module](self).
pub(super) struct Apply<'v> {
    input: Running<'v>,
    subqueries: Vec<Memo<'v>>,
    version: &'v Version,
}

/// A subquery and its answers so far, by the values it was bound to.
struct Memo<'v> {
    subquery: &'v Subquery,
    answers: HashMap<Vec<Value>, Answer>,
}

enum Answer {
    Value(Value),
    /// The values, and whether NULL is among them.
    Set(HashSet<Value>, bool),
}

impl<'v> Apply<'v> {
    pub(super) fn new(input: Running<'v>, subqueries: &'v [Subquery], version: &'v Version) -> Self {
        let memo = |subquery| Memo { subquery, answers: HashMap::new() };
        Apply { input, subqueries: subqueries.iter().map(memo).collect(), version }
    }
}

impl<'v> Operator<'v> for Apply<'v> {
    fn next(&mut self, context: &Context<'_>) -> Result<Option<Batch<'v>>, Error> {
        let Some(mut batch) = self.input.next(context)? else { return Ok(None) };
        for memo in &mut self.subqueries {
            let column = memo.column(&batch, self.version, context)?;
            batch.columns.push(column);
        }
        Ok(Some(batch))
    }
}

impl<'v> Memo<'v> {
    fn column(
        &mut self,
        batch: &Batch<'v>,
        version: &Version,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        let probe = match &self.subquery.kind {
            SubqueryKind::In(value) => Some(value.evaluate(batch, context)?),
            SubqueryKind::Scalar | SubqueryKind::Exists => None,
        };
        let mut builder = VectorBuilder::with_capacity(self.subquery.data_type, batch.len);
        for row in 0..batch.len {
            if !batch.selection.contains(row) {
                builder.push_null();
                continue;
            }
            let bound: Vec<Value> =
                self.subquery.bindings.iter().map(|(_, column)| batch.column(*column).value(row)).collect();
            let probe = probe.as_ref().map(|probe| probe.value(row));
            builder.push(&self.answer(bound, version, context)?.value(probe));
        }
        Ok(builder.finish())
    }

    fn answer(
        &mut self,
        bound: Vec<Value>,
        version: &Version,
        context: &Context<'_>,
    ) -> Result<&Answer, Error> {
        if self.answers.len() >= KEPT_MAX && !self.answers.contains_key(&bound) {
            self.answers.clear();
        }
        match self.answers.entry(bound) {
            hashbrown::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            hashbrown::hash_map::Entry::Vacant(entry) => {
                let answer = evaluate(self.subquery, entry.key(), version, context)?;
                Ok(entry.insert(answer))
            }
        }
    }
}

/// Runs a subquery with its parameters bound.
fn evaluate(
    subquery: &Subquery,
    bound: &[Value],
    version: &Version,
    context: &Context<'_>,
) -> Result<Answer, Error> {
    let mut parameters = context.parameters.to_vec();
    for ((number, _), value) in subquery.bindings.iter().zip(bound) {
        if *number >= parameters.len() {
            parameters.resize(number + 1, Value::Null);
        }
        parameters[*number] = value.clone();
    }
    let context = Context { parameters: &parameters, now: context.now };
    let mut running = open(&subquery.plan, version);
    let mut values = Vec::new();
    while let Some(batch) = running.next(&context)? {
        if matches!(subquery.kind, SubqueryKind::Exists) {
            if !batch.selection.is_empty() {
                return Ok(Answer::Value(Value::Bool(true)));
            }
            continue;
        }
        values.extend(batch.selection.iter().map(|row| batch.column(0).value(row)));
        if matches!(subquery.kind, SubqueryKind::Scalar) && values.len() > 1 {
            return Err(Error::MoreThanOneRow);
        }
    }
    Ok(match subquery.kind {
        SubqueryKind::Exists => Answer::Value(Value::Bool(false)),
        SubqueryKind::Scalar => Answer::Value(values.pop().unwrap_or_default()),
        SubqueryKind::In(_) => {
            let has_null = values.iter().any(Value::is_null);
            Answer::Set(values.into_iter().filter(|value| !value.is_null()).collect(), has_null)
        }
    })
}

impl Answer {
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
