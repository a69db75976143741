//! Sequences, and what expressions do with them.

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::codec::Malformed;
use nuages_storage::{SequenceId, Steps, TableId};
use serde::{Deserialize, Serialize};

use super::data_type::DataTypeRecord;
use super::mirrored;
use crate::algebra::{Numbering, Origin, SequenceCall, SequenceVerb};
use crate::catalog::{ColumnId, SequenceDefinition};

mirrored!(VerbRecord of SequenceVerb: Next, Current, Set, Latest, Value, IsCalled);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SequenceRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    data_type: DataTypeRecord,
    steps: StepsRecord,
    /// A table, and a column of it.
    owner: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StepsRecord {
    start: i64,
    increment: i64,
    min: i64,
    max: i64,
    cycles: bool,
}

impl From<Steps> for StepsRecord {
    fn from(steps: Steps) -> StepsRecord {
        let Steps { start, increment, min, max, cycles } = steps;
        StepsRecord { start, increment, min, max, cycles }
    }
}

impl TryFrom<StepsRecord> for Steps {
    type Error = Malformed;

    fn try_from(record: StepsRecord) -> Result<Steps, Malformed> {
        let StepsRecord { start, increment, min, max, cycles } = record;
        if increment == 0 || !(min..=max).contains(&start) {
            return Err(Malformed::new("a sequence", "it leads nowhere"));
        }
        Ok(Steps { start, increment, min, max, cycles })
    }
}

impl<'a> SequenceRecord<'a> {
    pub(super) fn of(sequence: &'a Arc<SequenceDefinition>) -> SequenceRecord<'a> {
        SequenceRecord {
            id: sequence.id.get(),
            name: Cow::Borrowed(&sequence.name),
            data_type: sequence.data_type.into(),
            steps: sequence.steps.into(),
            owner: sequence.owner.map(|(table, column)| (table.get(), column.number())),
        }
    }

    pub(super) fn into_sequence(self) -> Result<Arc<SequenceDefinition>, Malformed> {
        Ok(Arc::new(SequenceDefinition {
            id: SequenceId::new(self.id),
            name: self.name.into_owned(),
            data_type: self.data_type.into(),
            steps: self.steps.try_into()?,
            owner: self.owner.map(|(table, column)| (TableId::new(table), ColumnId::new(column))),
        }))
    }
}

/// What an expression does with a sequence.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SequenceCallRecord<'a> {
    verb: VerbRecord,
    #[serde(borrow)]
    numbering: Option<NumberingRecord<'a>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NumberingRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    origin: OriginRecord,
    steps: StepsRecord,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum OriginRecord {
    Sequence(u32),
    Keys(u32),
}

impl<'a> SequenceCallRecord<'a> {
    pub(super) fn of(call: &'a SequenceCall) -> SequenceCallRecord<'a> {
        let numbering = call.numbering.as_ref().map(|numbering| NumberingRecord {
            name: Cow::Borrowed(&numbering.name),
            origin: match numbering.origin {
                Origin::Sequence(id) => OriginRecord::Sequence(id.get()),
                Origin::Keys(table) => OriginRecord::Keys(table.get()),
            },
            steps: numbering.steps.into(),
        });
        SequenceCallRecord { verb: call.verb.into(), numbering }
    }

    pub(super) fn into_call(self) -> Result<SequenceCall, Malformed> {
        let numbering = |record: NumberingRecord<'_>| {
            Ok::<_, Malformed>(Numbering {
                name: record.name.into_owned(),
                origin: match record.origin {
                    OriginRecord::Sequence(id) => Origin::Sequence(SequenceId::new(id)),
                    OriginRecord::Keys(table) => Origin::Keys(TableId::new(table)),
                },
                steps: record.steps.try_into()?,
            })
        };
        Ok(SequenceCall { verb: self.verb.into(), numbering: self.numbering.map(numbering).transpose()? })
    }
}
