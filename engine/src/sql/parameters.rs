//! The parameters of a statement: where each of them is among the values, and what is known of its type.

use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use super::counts::Counts;
use super::error::Problem;

/// The parameters of a statement.
///
/// `?` is the next one, `?3` and `$3` are the third, and of those with names, as `:author`, each new one is the next.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// The type of each, once known.
    kinds: Vec<Option<DataType>>,
    /// The names and their places.
    names: Vec<(String, usize)>,
    /// The greatest place so far, and one: the next `?`.
    next: usize,
    /// How many have a type that was declared, so that there must be a value for them, used or not.
    declared: usize,
    /// The values, if they are given already.
    values: Option<Vec<Value>>,
    /// What the connection has changed so far.
    counts: Counts,
    /// Whether the statement was told one of them.
    tells_counts: bool,
    /// The places of the values that have decided what the statement means.
    told: Vec<usize>,
}

impl Parameters {
    /// Of a statement whose values are known.
    pub(super) fn of(values: &[Value]) -> Parameters {
        Parameters {
            kinds: values.iter().map(Value::data_type).collect(),
            values: Some(values.to_vec()),
            ..Parameters::default()
        }
    }

    /// Of a statement whose first parameters are of these types.
    pub(super) fn declared(types: &[DataType]) -> Parameters {
        Parameters {
            kinds: types.iter().copied().map(Some).collect(),
            declared: types.len(),
            ..Parameters::default()
        }
    }

    /// The types that the first of them were declared with.
    pub(super) fn declared_kinds(&self) -> Vec<DataType> {
        self.kinds.iter().take(self.declared).copied().flatten().collect()
    }

    /// The place of a parameter as it is written, from 0.
    pub(super) fn place(&mut self, written: &str) -> Result<usize, Problem> {
        let rest = written.get(1..).unwrap_or_default();
        let place = if rest.is_empty() {
            self.next
        } else if let Ok(number) = rest.parse::<usize>() {
            // SQLite's limit too; a mistyped number would take all memory.
            const NUMBER_MAX: usize = 32_766;
            number.checked_sub(1).filter(|place| *place < NUMBER_MAX).ok_or_else(|| Problem::Parameter {
                name: written.to_owned(),
                given: self.values.as_ref().map_or(0, Vec::len),
            })?
        } else if let Some((_, place)) = self.names.iter().find(|(name, _)| name == rest) {
            *place
        } else {
            self.names.push((rest.to_owned(), self.next));
            self.next
        };
        if let Some(values) = &self.values
            && place >= values.len()
        {
            return Err(Problem::Parameter { name: written.to_owned(), given: values.len() });
        }
        self.next = self.next.max(place + 1);
        if self.kinds.len() < self.next {
            self.kinds.resize(self.next, None);
        }
        Ok(place)
    }

    /// Where the next `?` is, to return to if what follows is bound once more.
    pub(super) fn mark(&self) -> usize {
        self.next
    }

    /// Goes back to where the next `?` was.
    pub(super) fn return_to(&mut self, mark: usize) {
        self.next = mark;
    }

    /// Says what the connection has changed so far.
    pub(super) fn know(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// One of the counts, which the statement says as it is now.
    pub(super) fn count_named(&mut self, name: &str) -> Option<i64> {
        let count = self.counts.named(name)?;
        self.tells_counts = true;
        Some(count)
    }

    /// Whether the statement must be bound anew before it is run again.
    pub(super) fn tells_counts(&self) -> bool {
        self.tells_counts
    }

    /// What is known of its type.
    pub(super) fn kind(&self, place: usize) -> Option<DataType> {
        self.kinds.get(place).copied().flatten()
    }

    /// Its value, if it is given already: the statement will mean something else with another.
    pub(super) fn tell(&mut self, place: usize) -> Option<&Value> {
        let value = self.values.as_ref()?.get(place)?;
        self.told.push(place);
        Some(value)
    }

    /// Whether the values that have decided what the statement means are the same in these.
    pub(super) fn tells_same(&self, values: &[Value]) -> bool {
        let given = self.values.as_deref().unwrap_or_default();
        self.told.iter().all(|place| given.get(*place) == values.get(*place))
    }

    /// Says what type it is used as.
    pub(super) fn settle(&mut self, place: usize, kind: DataType) {
        if let Some(of) = self.kinds.get_mut(place) {
            *of = Some(kind);
        }
    }

    /// How many values there must be.
    pub(super) fn count(&self) -> usize {
        self.next.max(self.declared)
    }

    /// The values as the statement wants them: a text is read as the type it is used as.
    pub(super) fn converted<'v>(&self, values: &'v [Value]) -> Result<Cow<'v, [Value]>, Problem> {
        let needs = |(value, kind): (&Value, &Option<DataType>)| match (value, kind) {
            (Value::Text(_), Some(kind)) => !matches!(kind, DataType::Text { .. }),
            (Value::Int(_) | Value::Decimal(_), Some(DataType::Float)) => true,
            _ => false,
        };
        if !values.iter().zip(&self.kinds).any(needs) {
            return Ok(Cow::Borrowed(values));
        }
        let convert = |(place, value): (usize, &Value)| match (value, self.kind(place)) {
            (Value::Text(text), Some(kind)) if !matches!(kind, DataType::Text { .. }) => {
                crate::evaluate::cast_value(value.clone(), kind)
                    .map_err(|_| Problem::Literal { text: format!("'{text}'"), data_type: kind })
            }
            (Value::Int(_) | Value::Decimal(_), Some(kind @ DataType::Float)) => {
                Ok(kind.accepts(value.clone()).unwrap_or_else(|_| value.clone()))
            }
            _ => Ok(value.clone()),
        };
        values.iter().enumerate().map(convert).collect::<Result<Vec<_>, _>>().map(Cow::Owned)
    }
}
