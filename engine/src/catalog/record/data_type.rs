//! The types of columns.

use std::sync::Arc;

use nuages_storage::DataType;
use nuages_storage::codec::Malformed;
use serde::{Deserialize, Serialize};

use crate::catalog::{ColumnDefinition, EnumDefinition};

/// The type of a column. New ones go to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum DataTypeRecord {
    Bool,
    SmallInt,
    Integer,
    BigInt,
    Float,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Text {
        max_length: Option<u32>,
    },
    Bytes,
    Date,
    Time,
    Timestamp,
    Duration,
    Uuid,
    Json,
    /// JSON that was declared as an array, and what its members are.
    Array(Box<DataTypeRecord>),
    /// Text that is a value of an enumeration.
    Enum(u32),
}

impl DataTypeRecord {
    /// An array of members of a type.
    fn array_of(element: DataType) -> DataTypeRecord {
        DataTypeRecord::Array(Box::new(element.into()))
    }

    /// What the members are, if it is an array.
    pub(super) fn element(&self) -> Option<DataType> {
        match self {
            DataTypeRecord::Array(element) => Some((**element).clone().into()),
            _ => None,
        }
    }
}

impl DataTypeRecord {
    /// That of a column.
    pub(super) fn of_column(column: &ColumnDefinition) -> DataTypeRecord {
        match (&column.enumeration, column.element) {
            (Some(of), _) => DataTypeRecord::Enum(of.id.number()),
            (None, Some(element)) => DataTypeRecord::array_of(element),
            (None, None) => column.data_type.into(),
        }
    }

    /// The enumeration that it is, if it is one of these.
    ///
    /// # Errors
    /// [`Malformed`] if it is another.
    pub(super) fn enumeration(
        &self,
        known: &[Arc<EnumDefinition>],
    ) -> Result<Option<Arc<EnumDefinition>>, Malformed> {
        let DataTypeRecord::Enum(id) = self else { return Ok(None) };
        let found = known.iter().find(|known| known.id.number() == *id);
        let found = found.ok_or_else(|| Malformed::new("a column", "its type is not there"))?;
        Ok(Some(Arc::clone(found)))
    }
}

impl From<DataType> for DataTypeRecord {
    fn from(data_type: DataType) -> DataTypeRecord {
        match data_type {
            DataType::Bool => DataTypeRecord::Bool,
            DataType::SmallInt => DataTypeRecord::SmallInt,
            DataType::Integer => DataTypeRecord::Integer,
            DataType::BigInt => DataTypeRecord::BigInt,
            DataType::Float => DataTypeRecord::Float,
            DataType::Decimal { precision, scale } => DataTypeRecord::Decimal { precision, scale },
            DataType::Text { max_length } => DataTypeRecord::Text { max_length },
            DataType::Bytes => DataTypeRecord::Bytes,
            DataType::Date => DataTypeRecord::Date,
            DataType::Time => DataTypeRecord::Time,
            DataType::Timestamp => DataTypeRecord::Timestamp,
            DataType::Duration => DataTypeRecord::Duration,
            DataType::Uuid => DataTypeRecord::Uuid,
            DataType::Json => DataTypeRecord::Json,
        }
    }
}

impl From<DataTypeRecord> for DataType {
    fn from(record: DataTypeRecord) -> DataType {
        match record {
            DataTypeRecord::Bool => DataType::Bool,
            DataTypeRecord::SmallInt => DataType::SmallInt,
            DataTypeRecord::Integer => DataType::Integer,
            DataTypeRecord::BigInt => DataType::BigInt,
            DataTypeRecord::Float => DataType::Float,
            DataTypeRecord::Decimal { precision, scale } => DataType::Decimal { precision, scale },
            DataTypeRecord::Text { max_length } => DataType::Text { max_length },
            DataTypeRecord::Enum(_) => DataType::Text { max_length: None },
            DataTypeRecord::Bytes => DataType::Bytes,
            DataTypeRecord::Date => DataType::Date,
            DataTypeRecord::Time => DataType::Time,
            DataTypeRecord::Timestamp => DataType::Timestamp,
            DataTypeRecord::Duration => DataType::Duration,
            DataTypeRecord::Uuid => DataType::Uuid,
            DataTypeRecord::Json | DataTypeRecord::Array(_) => DataType::Json,
        }
    }
}
