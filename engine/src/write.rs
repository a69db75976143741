//! Statements that write.
pub(crate) mod images;
pub(crate) mod keys;
pub(crate) mod leaves;
pub(crate) mod round;
pub(crate) mod row_set;
