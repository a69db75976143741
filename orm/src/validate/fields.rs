//! What can be said of a single value.

use nuages_storage::{DataType, TypeError, Value};

use super::Cleaning;
use crate::{
    error::Result,
    meta::{FieldKind, FieldMeta, TextFormat},
    queryset::{QueryState, count, keys_in},
};

impl Cleaning<'_> {
    /// Looks at each field that is not left out.
    pub(super) fn fields(&mut self) -> Result<()> {
        let types = self.ex.shared().binding().model(self.meta)?.types.clone();
        for (position, (_, field)) in self.meta.columns().enumerate() {
            if self.skipped[position] || self.values[position].is_none() {
                continue;
            }
            let value = self.value(position);
            let is_empty = value.is_null() || value.as_text() == Some("");
            if is_empty && field.blank {
                continue;
            }
            if value.is_null() {
                if !field.null {
                    self.add(position, field, "null", "This field cannot be null.".to_owned());
                }
                continue;
            }
            if is_empty {
                self.add(position, field, "blank", "This field cannot be blank.".to_owned());
                continue;
            }
            if let Some((code, text)) = complaint(field, types[position], &value) {
                self.add(position, field, code, text);
            } else if let FieldKind::ForeignKey { target, .. } = field.kind {
                let target = target();
                let mut state = QueryState::new(target);
                state.add_condition(keys_in([value.clone()]));
                if count(&state, self.ex)? == 0 {
                    let text = format!("{} instance with id {value} does not exist.", target.verbose_name);
                    self.add(position, field, "invalid", text);
                }
            }
        }
        Ok(())
    }
}

/// What is wrong with a value, if anything is: a code and a sentence.
pub(super) fn complaint(
    field: &FieldMeta,
    data_type: DataType,
    value: &Value,
) -> Option<(&'static str, String)> {
    if let Some(choices) = field.choices {
        let known = choices.iter().any(|choice| Value::from(choice.value) == *value);
        return (!known).then(|| ("invalid_choice", format!("Value {value} is not a valid choice.")));
    }
    if let (Some(max), Some(number)) = (field.unsigned, value.as_int()) {
        if number < 0 {
            return Some(("min_value", "Ensure this value is greater than or equal to 0.".to_owned()));
        }
        if number > max {
            return Some(("max_value", format!("Ensure this value is less than or equal to {max}.")));
        }
    }
    if let (Some(number), DataType::Decimal { scale, .. }) = (value.as_decimal(), data_type)
        && number.normalize().scale() > u32::from(scale)
    {
        let text = format!("Ensure that there are no more than {scale} decimal places.");
        return Some(("max_decimal_places", text));
    }
    if let Some(text) = value.as_text() {
        return match field.format {
            TextFormat::Any => too_long(data_type, value),
            TextFormat::Slug if !is_slug(text) => Some((
                "invalid",
                "Enter a valid \u{201c}slug\u{201d} consisting of letters, numbers, underscores or hyphens."
                    .to_owned(),
            )),
            TextFormat::Email if !is_email(text) => {
                Some(("invalid", "Enter a valid email address.".to_owned()))
            }
            TextFormat::Url if !is_url(text) => Some(("invalid", "Enter a valid URL.".to_owned())),
            _ => too_long(data_type, value),
        };
    }
    too_long(data_type, value)
}

/// What the column's type refuses.
fn too_long(data_type: DataType, value: &Value) -> Option<(&'static str, String)> {
    match data_type.accepts(value.clone()).err()? {
        TypeError::TooLong { max, length } => {
            Some(("max_length", format!("Ensure this value has at most {max} characters (it has {length}).")))
        }
        TypeError::OutOfRange { value, min, .. } if value < min => {
            Some(("min_value", format!("Ensure this value is greater than or equal to {min}.")))
        }
        TypeError::OutOfRange { max, .. } => {
            Some(("max_value", format!("Ensure this value is less than or equal to {max}.")))
        }
        TypeError::Precision { .. } => {
            Some(("max_digits", "Ensure that there are no more digits than the field has.".to_owned()))
        }
        _ => Some(("invalid", format!("{value} is not a valid value."))),
    }
}

fn is_slug(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Something before one `@`, and a host with a dot or `localhost` behind it.
fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let user_fits = !user.is_empty() && !user.contains(|c: char| c.is_whitespace() || c == '@' || c == ',');
    user_fits && (host == "localhost" || is_host(host))
}

fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    matches!(scheme, "http" | "https" | "ftp" | "ftps")
        && (host == "localhost" || is_host(host))
        && port.parse::<u16>().is_ok()
        && !text.contains(char::is_whitespace)
}

/// Labels of letters, digits and inner hyphens, joined by dots, the last of which is not a number.
fn is_host(host: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let numbers = labels.iter().filter(|label| label.parse::<u8>().is_ok()).count();
    let is_address = labels.len() == 4 && numbers == 4;
    is_address
        || (labels.len() >= 2 && labels.iter().all(|label| label_fits(label)) && numbers < labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(is_email("a.b+c@example.com") && is_email("root@localhost"));
        assert!(!is_email("example.com") && !is_email("@example.com") && !is_email("a b@example.com"));
        assert!(
            is_url("https://example.com/a?b=c")
                && is_url("http://localhost:8000")
                && is_url("ftp://10.0.0.1")
        );
        assert!(!is_url("example.com") && !is_url("https://") && !is_url("https://exa mple.com"));
        assert!(!is_url("http://-x.com") && !is_url("http://example.com:99999"));
    }

    #[test]
    fn slugs() {
        assert!(is_slug("a-slug_1"));
        assert!(!is_slug("not a slug!"));
    }
}
