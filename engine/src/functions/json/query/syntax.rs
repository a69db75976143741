//! What PostgreSQL's paths through JSON are made of: [`read`](mod@super::read) makes them of a text, and the
//! module above follows them.

use serde_json::Value as Json;

/// A path that was read, or a condition in the place of one.
#[derive(Clone, Debug)]
pub(in crate::functions) enum JsonPath {
    Values(Way),
    Condition(Condition),
}

/// A way from somewhere, step by step.
#[derive(Clone, Debug)]
pub(in crate::functions) struct Way {
    pub(in crate::functions) from: Origin,
    pub(in crate::functions) steps: Vec<Step>,
}

/// Where a way begins.
#[derive(Clone, Debug)]
pub(in crate::functions) enum Origin {
    Document,
    /// The value that a condition is asked of.
    Current,
    Constant(Json),
    /// What was given beside the path under a name.
    Variable(String),
}

#[derive(Clone, Debug)]
pub(in crate::functions) enum Step {
    Key(String),
    EveryKey,
    /// A place in an array, or those from one to another.
    Places(Place, Place),
    EveryPlace,
    Where(Condition),
    Size,
    Type,
}

/// A place in an array: from its beginning, or so many before its last member.
#[derive(Clone, Copy, Debug)]
pub(in crate::functions) enum Place {
    FromFirst(usize),
    BeforeLast(usize),
}

/// What is true, false or unknown of a value.
#[derive(Clone, Debug)]
pub(in crate::functions) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    IsUnknown(Box<Condition>),
    Exists(Way),
    Compare(Way, Order, Way),
    StartsWith(Way, String),
    Matches(Way, regex::Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::functions) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
