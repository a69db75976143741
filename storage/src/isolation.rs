//! Isolation levels.

/// What a transaction sees of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each statement sees what was committed when it began. A row that had to be waited for is read again.
    #[default]
    ReadCommitted,
    /// All statements see what was committed when the first of them began. Of two that change one row the first wins,
    /// and the other is refused.
    Snapshot,
    /// As `Snapshot`, and what was read must still be so when the transaction commits, or it is refused: the outcome is
    /// that of the transactions one after the other. One that has only read is never refused.
    Serializable,
}
