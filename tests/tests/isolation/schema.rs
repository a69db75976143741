//! Short words for tables.

use nuages_engine::catalog::NewColumn;
use nuages_storage::DataType;

/// A key that is generated if none is given.
pub(crate) fn id() -> NewColumn {
    NewColumn::new("id", DataType::BigInt).generated()
}

/// A key that is always given.
pub(crate) fn key(name: &str) -> NewColumn {
    NewColumn::new(name, DataType::BigInt)
}

/// An integer that may be NULL.
pub(crate) fn int(name: &str) -> NewColumn {
    NewColumn::new(name, DataType::BigInt).nullable(true)
}

/// A text that may be NULL.
pub(crate) fn text(name: &str) -> NewColumn {
    NewColumn::new(name, DataType::Text { max_length: None }).nullable(true)
}
