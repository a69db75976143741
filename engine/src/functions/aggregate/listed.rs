//! Aggregates whose result has a part for each row: texts that are joined, JSON arrays and objects.

use nuages_storage::{DataType, Value};

use super::name;
use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::json_of;
use crate::vector::{Vector, VectorBuilder};

/// What one group has listed; nothing before its first row.
#[derive(Clone, Debug)]
pub(crate) enum List {
    Text(Option<String>),
    Array(Option<Vec<serde_json::Value>>),
    Object(Option<serde_json::Map<String, serde_json::Value>>),
}

impl List {
    /// What an aggregate begins with.
    pub(crate) fn new(function: AggregateFunction) -> List {
        match function {
            AggregateFunction::StringAgg => List::Text(None),
            AggregateFunction::JsonObjectAgg => List::Object(None),
            _ => List::Array(None),
        }
    }

    /// Takes in a row.
    ///
    /// # Errors
    /// [`Error::Type`] if the key of an object is NULL.
    pub(crate) fn take(
        &mut self,
        input: &Vector<'_>,
        second: Option<&Vector<'_>>,
        row: usize,
    ) -> Result<(), Error> {
        match self {
            List::Text(list) => {
                let Some(text) = input.text(row) else { return Ok(()) };
                match list {
                    None => *list = Some(text.to_owned()),
                    Some(list) => {
                        list.push_str(second.and_then(|separator| separator.text(row)).unwrap_or_default());
                        list.push_str(text);
                    }
                }
            }
            List::Array(list) => list.get_or_insert_default().push(json_of(input.value(row))),
            List::Object(list) => {
                let key = input.text(row).ok_or_else(|| Error::Type {
                    expression: name(AggregateFunction::JsonObjectAgg).to_owned(),
                    expected: "a key that is not NULL".to_owned(),
                    got: "NULL".to_owned(),
                })?;
                let value = second.map_or(Value::Null, |second| second.value(row));
                list.get_or_insert_default().insert(key.to_owned(), json_of(value));
            }
        }
        Ok(())
    }

    /// The list as a value.
    pub(crate) fn into_value(self) -> Value {
        let json = match self {
            List::Text(list) => return list.map_or(Value::Null, Value::Text),
            List::Array(list) => list.map(serde_json::Value::Array),
            List::Object(list) => list.map(serde_json::Value::Object),
        };
        json.map_or(Value::Null, |json| Value::Json(Box::new(json)))
    }

    /// The type of the lists of an aggregate.
    pub(crate) fn data_type(function: AggregateFunction) -> DataType {
        match function {
            AggregateFunction::StringAgg => DataType::Text { max_length: None },
            _ => DataType::Json,
        }
    }
}

/// The lists of every group.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    function: AggregateFunction,
    groups: Vec<List>,
}

impl Lists {
    pub(super) fn new(function: AggregateFunction) -> Lists {
        Lists { function, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, || List::new(self.function));
    }

    /// Takes in the selected rows: those of arrays with their NULLs.
    pub(super) fn take(
        &mut self,
        group: impl Fn(usize) -> usize,
        input: &Vector<'_>,
        second: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        selection.iter().try_for_each(|row| self.groups[group(row)].take(input, second, row))
    }

    pub(super) fn finish(self) -> Vector<'static> {
        let mut builder = VectorBuilder::with_capacity(List::data_type(self.function), self.groups.len());
        self.groups.into_iter().for_each(|list| builder.push(&list.into_value()));
        builder.finish()
    }
}
