//! The relational algebra: what a query means, before anybody decides how to run it.
//!
//! The ORM hands the engine these values, never SQL text. Columns are *named by identity*, not by position: every
//! [`Relation`] that introduces columns (a scan, a projection, an aggregate) carries a [`Source`] that is unique
//! within the statement, and a [`Column`] is a source and a place in it. So a rewrite may move an operator without
//! renumbering anything above it, and a correlated subquery simply mentions a column of a source outside.
//!
//! Order of reading: [`expression`] (scalars), [`relation`] (operators), [`window`], [`statement`] (what a session
//! runs), `walk` (what mentions what).

pub mod expression;
pub mod function;
mod print;
pub mod relation;
pub(crate) mod renumber;
mod sorted_set;
pub mod statement;
pub(crate) mod walk;
pub mod window;

pub use expression::{Arithmetic, Comparison, Expr, TextMatch};
pub use function::{
    Builtin, DatePart, DateUnit, EnumCall, EnumVerb, Function, JsonFunction, MathFunction, Numbering, Origin,
    SequenceCall, SequenceVerb, StringFunction, TimeFunction,
};
pub use print::Printed;
pub use relation::{
    Aggregate, AggregateFunction, Column, JoinKind, PairFunction, Relation, RowCount, SetKind, SortKey,
    Source, WorkTable,
};
pub use statement::{
    ConflictAction, ConflictTarget, Delete, Insert, InsertSource, LockWait, OnConflict, OutputColumn, Query,
    RowLock, Statement, Update,
};
pub use window::{Bound, Exclude, Frame, FrameUnit, WindowFunction, WindowKind};
