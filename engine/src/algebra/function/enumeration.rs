//! What is done with values of enumerations.

use std::sync::Arc;

use crate::catalog::EnumDefinition;

/// A function of the values of an enumeration. It has the values itself, so that whoever computes it need not know the
/// catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumCall {
    /// What is done.
    pub verb: EnumVerb,
    /// With the values of which enumeration.
    pub of: Arc<EnumDefinition>,
}

/// What is done with a value of an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnumVerb {
    /// A text as a value: itself if it is one, else an error.
    Read,
    /// What a value is compared by.
    Rank,
    /// The value that is compared by a number.
    Label,
    /// An array of values, with what each is compared by in its place.
    RankMembers,
}

impl EnumVerb {
    /// What a message calls it. In SQL it is a cast, or nothing.
    pub fn name(self) -> &'static str {
        match self {
            EnumVerb::Read => "enum_value",
            EnumVerb::Rank => "enum_rank",
            EnumVerb::Label => "enum_label",
            EnumVerb::RankMembers => "enum_ranks",
        }
    }
}
