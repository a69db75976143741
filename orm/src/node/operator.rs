//! What is done with operands: lookups, logic, arithmetic, functions.

use nuages_engine::algebra::{Arithmetic, DatePart, DateUnit, Function};
use nuages_storage::DataType;

/// How a field is compared; Django's lookups. `exact` and `in` have NULL on the right as Django has it: `exact None`
/// is `IS NULL`, and NULLs in a list are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// `=`
    Exact,
    /// `=` ignoring case.
    IExact,
    /// The text has the other in it.
    Contains,
    /// The same ignoring case.
    IContains,
    /// The text begins with the other.
    StartsWith,
    /// The same ignoring case.
    IStartsWith,
    /// The text ends with the other.
    EndsWith,
    /// The same ignoring case.
    IEndsWith,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// Among the operands after the first, or the rows of a subquery.
    In,
    /// From the second operand to the third, both included.
    Range,
    /// Whether it is NULL; the second operand is the boolean it is compared with.
    IsNull,
    /// A regular expression matches somewhere.
    Regex,
    /// The same ignoring case.
    IRegex,
    /// A JSON document has everything that the other has.
    JsonContains,
    /// A JSON document has nothing that the other has not.
    JsonContainedBy,
    /// A JSON object has the key.
    HasKey,
}

impl Lookup {
    /// Whether it searches in text.
    pub const fn is_search(self) -> bool {
        matches!(
            self,
            Lookup::IExact
                | Lookup::Contains
                | Lookup::IContains
                | Lookup::StartsWith
                | Lookup::IStartsWith
                | Lookup::EndsWith
                | Lookup::IEndsWith
                | Lookup::Regex
                | Lookup::IRegex
        )
    }
}

/// What is done with the operands of a [`Node::Call`](super::Node::Call).
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Conjunction; of nothing, true.
    And,
    /// Disjunction; of nothing, false.
    Or,
    /// Negation, of one operand.
    Not,
    /// A comparison: first what is compared, then with what.
    Lookup(Lookup),
    /// Arithmetic of two operands.
    Arithmetic(Arithmetic),
    /// Unary minus.
    Negate,
    /// A scalar function as it is; one of a time zone asks for this very zone.
    Function(Function),
    /// A part of a date or time, in the executor's time zone.
    Extract(DatePart),
    /// A date or timestamp truncated, in the executor's time zone.
    Truncate(DateUnit),
    /// The date of a timestamp in the executor's time zone.
    DateOf,
    /// The time of day of a timestamp in the executor's time zone.
    TimeOf,
    /// A conversion.
    Cast(DataType),
    /// A text that is ordered and compared ignoring case, and otherwise itself.
    NoCase,
    /// A random number; the calls of a program are told apart by their numbers.
    Random(u64),
}
