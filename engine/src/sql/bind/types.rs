//! Type names.

use nuages_storage::DataType;
use nuages_storage::value::DECIMAL_PRECISION_MAX;
use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType as Ast, ExactNumberInfo, Ident, ObjectName,
};
use sqlparser::tokenizer::Span;

use super::typed::TEXT;
use super::{Binder, Bound, unsupported};
use crate::catalog::names::nearest;
use crate::evaluate::{Class, class_of};
use crate::sql::error::{Problem, SqlError};

/// A type without its limits, as a value that is compared or computed with has it.
pub(super) fn without_limit(kind: DataType) -> DataType {
    match class_of(kind) {
        Class::Int => DataType::BigInt,
        Class::Text => TEXT,
        Class::Decimal => kind,
        _ => kind,
    }
}

/// The names of types that one that is none may be a slip of.
const TYPE_NAMES: [&str; 22] = [
    "boolean",
    "smallint",
    "integer",
    "int",
    "bigint",
    "real",
    "double precision",
    "float",
    "numeric",
    "decimal",
    "text",
    "varchar",
    "char",
    "bytea",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "jsonb",
    "serial",
];

/// The names by which PostgreSQL knows them itself.
const PLAIN_NAMES: [&str; 10] =
    ["int2", "int4", "int8", "float4", "float8", "bool", "bpchar", "timetz", "json", "regclass"];

impl Binder<'_> {
    /// The type that a name means.
    ///
    /// PostgreSQL's names are its own, and those of the serial types. SQLite takes any name and finds in it what the
    /// column is inclined to: `INT` an integer; `CHAR`, `CLOB` or `TEXT` a text; `BLOB` bytes; `REAL`, `FLOA` or `DOUB`
    /// a real; else a number.
    pub(in crate::sql) fn data_type(&self, name: &Ast, span: Span) -> Bound<DataType> {
        if self.is_sqlite()
            && let Some(kind) = sqlite_type(name)
        {
            return Ok(kind);
        }
        let of_enum = || self.enum_of(name).map(|_| TEXT);
        self.known_type(name).or_else(of_enum).ok_or_else(|| {
            let name = name.to_string();
            let enums = self.catalog.enums().map(|of| of.name.as_str());
            let nearest = nearest(&name, TYPE_NAMES.into_iter().chain(enums));
            SqlError::at(Problem::UnknownType { name, nearest }, span)
        })
    }

    /// Whether a name is that of a type that everybody has.
    pub(in crate::sql) fn is_type_name(&self, name: &Ident) -> bool {
        let custom = Ast::Custom(ObjectName::from(vec![name.clone()]), Vec::new());
        let is_written = TYPE_NAMES.iter().any(|known| self.means(name, known));
        is_written
            || PLAIN_NAMES.iter().any(|known| self.means(name, known))
            || self.known_type(&custom).is_some()
    }

    fn known_type(&self, name: &Ast) -> Option<DataType> {
        Some(match name {
            Ast::Bool | Ast::Boolean => DataType::Bool,
            Ast::SmallInt(_) | Ast::Int2(_) | Ast::TinyInt(_) => DataType::SmallInt,
            Ast::Int(_) | Ast::Integer(_) | Ast::Int4(_) | Ast::MediumInt(_) => DataType::Integer,
            Ast::BigInt(_) | Ast::Int8(_) => DataType::BigInt,
            Ast::Real | Ast::Float(_) | Ast::Float4 | Ast::Float8 | Ast::Double(_) | Ast::DoublePrecision => {
                DataType::Float
            }
            Ast::Numeric(digits) | Ast::Decimal(digits) | Ast::Dec(digits) => decimal(digits)?,
            Ast::Text => TEXT,
            // Arrays are JSON: see `element_of`.
            Ast::Array(_) => DataType::Json,
            Ast::Varchar(length)
            | Ast::CharacterVarying(length)
            | Ast::CharVarying(length)
            | Ast::Char(length)
            | Ast::Character(length)
            | Ast::Nvarchar(length) => DataType::Text { max_length: max_length(length.as_ref())? },
            Ast::Bytea | Ast::Blob(_) => DataType::Bytes,
            Ast::Date => DataType::Date,
            Ast::Time(..) => DataType::Time,
            Ast::Timestamp(..) | Ast::Datetime(_) => DataType::Timestamp,
            Ast::Interval { .. } => DataType::Duration,
            Ast::Uuid => DataType::Uuid,
            Ast::JSON | Ast::JSONB => DataType::Json,
            Ast::Custom(name, _) => {
                let name = name.0.last()?.as_ident()?.value.to_lowercase();
                match name.as_str() {
                    "serial" | "serial4" => DataType::Integer,
                    "bigserial" | "serial8" => DataType::BigInt,
                    "smallserial" | "serial2" => DataType::SmallInt,
                    "timestamptz" => DataType::Timestamp,
                    "name" => TEXT,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

impl Binder<'_> {
    /// What the members of an array of this type are; none if it is no array. The members of arrays within it are those
    /// of the innermost.
    pub(in crate::sql) fn element_of(&self, name: &Ast, span: Span) -> Bound<Option<DataType>> {
        let of = match name {
            Ast::Array(
                ArrayElemTypeDef::SquareBracket(of, _)
                | ArrayElemTypeDef::AngleBracket(of)
                | ArrayElemTypeDef::Parenthesis(of),
            ) => of,
            Ast::Array(ArrayElemTypeDef::None) => return Ok(Some(TEXT)),
            _ => return Ok(None),
        };
        if let Some(of) = self.enum_of(of) {
            let feature = format!("an array of {}, which is an enumeration,", of.name);
            return Err(SqlError::at(unsupported(feature), span));
        }
        match self.element_of(of, span)? {
            Some(innermost) => Ok(Some(innermost)),
            None => self.data_type(of, span).map(Some),
        }
    }
}

/// Whether a name is that of a type whose columns number themselves.
pub(super) fn is_serial(name: &Ast) -> bool {
    let Ast::Custom(name, _) = name else { return false };
    let name = name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase());
    name.is_some_and(|name| name.contains("serial"))
}

/// Whether a name is that of decimals with as many digits as there are.
pub(super) fn is_unlimited(name: &Ast) -> bool {
    let unlimited = ExactNumberInfo::None;
    matches!(name, Ast::Numeric(digits) | Ast::Decimal(digits) | Ast::Dec(digits) if *digits == unlimited)
}

/// Whether a name is none, or SQLite's for columns of values of any type.
pub(super) fn is_any(name: &Ast) -> bool {
    let written = name.to_string();
    written.is_empty() || written.eq_ignore_ascii_case("any")
}

/// What SQLite finds in a name, if it is not one of a type that SQLite does not have.
fn sqlite_type(name: &Ast) -> Option<DataType> {
    match name {
        Ast::Boolean
        | Ast::Bool
        | Ast::Date
        | Ast::Time(..)
        | Ast::Timestamp(..)
        | Ast::Datetime(_)
        | Ast::Uuid
        | Ast::JSON
        | Ast::JSONB
        | Ast::Interval { .. } => return None,
        Ast::Numeric(digits @ ExactNumberInfo::PrecisionAndScale(..))
        | Ast::Decimal(digits @ ExactNumberInfo::PrecisionAndScale(..)) => return decimal(digits),
        _ => {}
    }
    let name = name.to_string().to_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    Some(if has(&["INT"]) {
        DataType::BigInt
    } else if name.is_empty() || has(&["CHAR", "CLOB", "TEXT", "STRING"]) {
        TEXT
    } else if has(&["BLOB", "BYTEA", "BINARY"]) {
        DataType::Bytes
    } else {
        DataType::Float
    })
}

fn decimal(digits: &ExactNumberInfo) -> Option<DataType> {
    let (precision, scale) = match digits {
        ExactNumberInfo::None => return Some(DataType::NUMERIC),
        ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?)
        }
    };
    (1..=DECIMAL_PRECISION_MAX).contains(&precision).then_some(DataType::Decimal { precision, scale })
}

fn max_length(length: Option<&CharacterLength>) -> Option<Option<u32>> {
    match length {
        None | Some(CharacterLength::Max) => Some(None),
        Some(CharacterLength::IntegerLength { length, .. }) => u32::try_from(*length).ok().map(Some),
    }
}
