//! Enumerations, and what expressions do with them.

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::codec::Malformed;
use serde::{Deserialize, Serialize};

use super::mirrored;
use crate::algebra::{EnumCall, EnumVerb};
use crate::catalog::{EnumDefinition, EnumId, EnumLabel};

mirrored!(VerbRecord of EnumVerb: Read, Rank, Label, RankMembers);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EnumRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    /// The values, the least first, with their ranks.
    #[serde(borrow)]
    labels: Vec<(Cow<'a, str>, i64)>,
}

impl<'a> EnumRecord<'a> {
    pub(super) fn of(of: &'a Arc<EnumDefinition>) -> EnumRecord<'a> {
        let labels = of.labels.iter().map(|label| (Cow::Borrowed(label.name.as_str()), label.rank));
        EnumRecord { id: of.id.number(), name: Cow::Borrowed(&of.name), labels: labels.collect() }
    }

    pub(super) fn into_enum(self) -> Result<Arc<EnumDefinition>, Malformed> {
        if !self.labels.is_sorted_by(|(_, before), (_, after)| before < after) {
            return Err(Malformed::new("an enumeration", "its values are in no order"));
        }
        let labels =
            self.labels.into_iter().map(|(name, rank)| EnumLabel { name: name.into_owned(), rank }).collect();
        Ok(Arc::new(EnumDefinition { id: EnumId::new(self.id), name: self.name.into_owned(), labels }))
    }
}

/// What an expression does with a value of an enumeration.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EnumCallRecord<'a> {
    verb: VerbRecord,
    #[serde(borrow)]
    of: EnumRecord<'a>,
}

impl<'a> EnumCallRecord<'a> {
    pub(super) fn of(call: &'a EnumCall) -> EnumCallRecord<'a> {
        EnumCallRecord { verb: call.verb.into(), of: EnumRecord::of(&call.of) }
    }

    pub(super) fn into_call(self) -> Result<EnumCall, Malformed> {
        Ok(EnumCall { verb: self.verb.into(), of: self.of.into_enum()? })
    }
}
