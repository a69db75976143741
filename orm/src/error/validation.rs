//! Why an instance is not valid, as a form shows it: messages by field.

use indexmap::IndexMap;

use super::{Error, Result};

/// Why an instance is not valid: messages by field, and those of the whole under [`ValidationErrors::WHOLE`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidationErrors {
    messages: IndexMap<String, Vec<ValidationMessage>>,
}

/// One complaint about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationMessage {
    /// What a program tells it by: `required`, `max_length`, `unique`, ..
    pub code: &'static str,
    /// What a person reads.
    pub text: String,
}

impl ValidationErrors {
    /// The name under which messages about the whole instance stand, not about one field; Django's.
    pub const WHOLE: &'static str = "__all__";

    /// Adds a message.
    pub fn add(&mut self, field: impl Into<String>, code: &'static str, text: impl Into<String>) {
        self.messages.entry(field.into()).or_default().push(ValidationMessage { code, text: text.into() });
    }

    /// Adds all messages of another.
    pub fn merge(&mut self, other: ValidationErrors) {
        for (field, messages) in other.messages {
            self.messages.entry(field).or_default().extend(messages);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The messages of one field.
    pub fn field(&self, name: &str) -> &[ValidationMessage] {
        self.messages.get(name).map_or(&[], Vec::as_slice)
    }

    /// Fields and their messages, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[ValidationMessage])> {
        self.messages.iter().map(|(field, messages)| (field.as_str(), messages.as_slice()))
    }

    /// `Ok` if there is none.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Validation(self)) }
    }
}

impl From<ValidationErrors> for Error {
    fn from(errors: ValidationErrors) -> Self {
        Error::Validation(errors)
    }
}
