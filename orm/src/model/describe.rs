//! Instances as people read them.

use std::fmt;

use super::{Key, Model};

/// How an instance reads. Every model has it.
///
/// `#[model(display)]` makes [`describe`](Describe::describe) its `Display`; `#[model(display = Self::title)]` what a
/// function of it gives.
///
/// ```
/// use nuages::prelude::*;
/// #[derive(Model, Clone, Debug)]
/// #[model(display = Self::label)]
/// pub struct Tag {
///     pub id: Auto<i64>,
///     pub name: String,
/// }
/// impl Tag {
///     fn label(&self) -> &str {
///         &self.name
///     }
/// }
/// let tag = new!(Tag { id: 1, name: "Rust" });
/// assert_eq!((tag.to_string(), tag.repr()), ("Rust".into(), "<Tag: Rust>".into()));
/// assert_eq!(tag.describe(), "Tag object (1)");
/// ```
pub trait Describe: Model {
    /// Django's `Post object (1)`, of an unsaved one `Post object (None)`.
    fn describe(&self) -> String {
        let key = self.pk().map(|key| key.values());
        let parts: Vec<String> = key.iter().flatten().map(ToString::to_string).collect();
        match parts.is_empty() {
            true => format!("{} object (None)", Self::NAME),
            false => format!("{} object ({})", Self::NAME, parts.join(", ")),
        }
    }

    /// Django's `<Post: Hello>`.
    fn repr(&self) -> String
    where
        Self: fmt::Display,
    {
        format!("<{}: {self}>", Self::NAME)
    }
}

impl<M: Model> Describe for M {}
