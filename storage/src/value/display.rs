//! Values as a person would read them: `NULL`, `alice`, `12.50`, `2024-01-31T10:00:00Z`.

use std::fmt::{self, Display, Formatter};

use super::{DataType, Value};

/// Characters of a long text or byte string that a message shows before it says how much more there is.
const SHOWN_CHARS_MAX: usize = 60;

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(int) => write!(f, "{int}"),
            // Debug, because Display prints all 300 zeros of 1e300 and hides that 1.0 is a float.
            Self::Float(float) => write!(f, "{float:?}"),
            Self::Decimal(decimal) => write!(f, "{decimal}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write_hex(f, bytes),
            Self::Date(date) => write!(f, "{date}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::Timestamp(timestamp) => write!(f, "{timestamp}"),
            Self::Duration(duration) => write!(f, "{duration:#}"),
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::Json(json) => write!(f, "{json}"),
        }
    }
}

fn write_hex(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\\x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl Value {
    /// The value for a message: text in quotes with its control characters escaped, and a long text, byte
    /// string or JSON shortened, so that no message carries a megabyte.
    ///
    /// ```
    /// use nuages_storage::value::Value;
    /// assert_eq!(Value::from("it's").quoted().to_string(), r#""it's""#);
    /// assert_eq!(Value::from("x".repeat(100)).quoted().to_string().len(), 62 + " (100 characters)".len());
    /// ```
    #[must_use]
    pub fn quoted(&self) -> impl Display + '_ {
        Quoted(self)
    }
}

struct Quoted<'v>(&'v Value);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write_shortened(f, text, true),
            Value::Json(json) => write_shortened(f, &json.to_string(), false),
            Value::Bytes(bytes) if bytes.len() > SHOWN_CHARS_MAX / 2 => {
                write_hex(f, &bytes[..SHOWN_CHARS_MAX / 2])?;
                write!(f, ".. ({} bytes)", bytes.len())
            }
            value => write!(f, "{value}"),
        }
    }
}

fn write_shortened(f: &mut Formatter<'_>, text: &str, quotes: bool) -> fmt::Result {
    let end = text.char_indices().nth(SHOWN_CHARS_MAX).map(|(offset, _)| offset);
    let shown = &text[..end.unwrap_or(text.len())];
    if quotes {
        write!(f, "{shown:?}")?;
    } else {
        f.write_str(shown)?;
    }
    match end {
        None => Ok(()),
        Some(_) => write!(f, " ({} characters)", text.chars().count()),
    }
}

/// The type's name in SQL, as PostgreSQL spells it.
///
/// ```
/// use nuages_storage::value::DataType;
/// assert_eq!(DataType::Text { max_length: Some(200) }.to_string(), "varchar(200)");
/// assert_eq!(DataType::Decimal { precision: 10, scale: 2 }.to_string(), "numeric(10, 2)");
/// ```
impl Display for DataType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "boolean",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Float => "double precision",
            Self::Decimal { precision: 0, .. } => "numeric",
            Self::Decimal { precision, scale } => return write!(f, "numeric({precision}, {scale})"),
            Self::Text { max_length: Some(max_length) } => return write!(f, "varchar({max_length})"),
            Self::Text { max_length: None } => "text",
            Self::Bytes => "bytea",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp with time zone",
            Self::Duration => "interval",
            Self::Uuid => "uuid",
            Self::Json => "jsonb",
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn values_read_as_a_person_would_write_them() {
        let shown = |value: Value| value.to_string();
        assert_eq!(shown(Value::Null), "NULL");
        assert_eq!(shown(Value::from(1.0)), "1.0");
        assert_eq!(shown(Value::from(1e300)), "1e300");
        assert_eq!(shown(Value::from(rust_decimal::Decimal::new(1250, 2))), "12.50");
        assert_eq!(shown(Value::from("it's")), "it's");
        assert_eq!(shown(Value::from(vec![0_u8, 255])), "\\x00ff");
        assert_eq!(shown(Value::from(date(2024, 1, 31))), "2024-01-31");
        assert_eq!(shown(Value::from(time(9, 5, 0, 0))), "09:05:00");
        assert_eq!(shown(Value::from(jiff::Timestamp::UNIX_EPOCH)), "1970-01-01T00:00:00Z");
        assert_eq!(shown(Value::from(SignedDuration::from_secs(90))), "1m 30s");
        assert_eq!(shown(Value::from(serde_json::json!({"a": [1, null]}))), r#"{"a":[1,null]}"#);
    }

    #[test]
    fn a_message_shows_the_beginning_of_what_is_long() {
        let bytes = Value::from(vec![7_u8; 1_000]).quoted().to_string();
        assert!(bytes.ends_with("07.. (1000 bytes)"), "{bytes}");
        let text = Value::from("é\n".repeat(100)).quoted().to_string();
        assert!(text.starts_with("\"é\\né") && text.ends_with("\" (200 characters)"), "{text}");
        assert_eq!(Value::from("x".repeat(60)).quoted().to_string().len(), 62);
    }
}
