//! What is done with sequences.

use nuages_storage::{SequenceId, Steps, TableId};

/// A function of a sequence. It says itself where the numbers come from, so that whoever computes it need not know the
/// catalog: a default goes on drawing from its sequence whatever that is called.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceCall {
    /// What is done.
    pub verb: SequenceVerb,
    /// With which sequence; none only for [`SequenceVerb::Latest`].
    pub numbering: Option<Numbering>,
}

/// What is done with a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceVerb {
    /// `nextval`: the next number.
    Next,
    /// `currval`: the number that the session drew last.
    Current,
    /// `setval`: goes on elsewhere. Its arguments are a number, and whether that was handed out.
    Set,
    /// `lastval`: the number that the session drew last of any sequence.
    Latest,
    /// `last_value` of the sequence as a table: the number that was handed out last, or the first if none was.
    Value,
    /// `is_called` of the sequence as a table: whether any was.
    IsCalled,
}

impl SequenceVerb {
    /// What it is called in SQL.
    pub fn name(self) -> &'static str {
        match self {
            SequenceVerb::Next => "nextval",
            SequenceVerb::Current => "currval",
            SequenceVerb::Set => "setval",
            SequenceVerb::Latest => "lastval",
            SequenceVerb::Value => "last_value",
            SequenceVerb::IsCalled => "is_called",
        }
    }
}

/// Where numbers come from, and how they go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// What it is called.
    pub name: String,
    /// What hands the numbers out.
    pub origin: Origin,
    /// How they go on.
    pub steps: Steps,
}

/// What hands numbers out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A sequence.
    Sequence(SequenceId),
    /// A table whose primary key numbers itself.
    Keys(TableId),
}
