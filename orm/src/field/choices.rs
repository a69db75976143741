//! Fields with a fixed set of values.

use std::borrow::Cow;

use nuages_storage::Value;

use super::{DecodeError, Field};
use crate::meta::Choice;

/// An enum with a stored value and a label for each variant; `derive(Choices)` implements it.
///
/// ```
/// use nuages::field::Choices as _;
/// use nuages::prelude::*;
/// #[derive(Choices, Clone, Debug, PartialEq)]
/// enum Status {
///     Pending,
///     Paid,
///     #[choices(value = "sent", label = "On its way")]
///     Shipped,
/// }
/// #[derive(Model, Clone)]
/// struct Order {
///     id: Auto<i64>,
///     #[field(choices, max_length = 20, default = Status::Pending)]
///     status: Status,
/// }
/// assert_eq!((Status::Paid.value(), Status::Shipped.value()), ("paid", "sent"));
/// assert_eq!(Status::CHOICES.len(), 3);
/// assert_eq!((Status::choice("paid"), Status::NAMES[1]), (Ok(Status::Paid), "Paid"));
/// assert_eq!(Status::Paid.to_string(), "paid");
/// let order = new!(Order { status: Status::Shipped });
/// assert_eq!(order.get_status_display(), "On its way");
/// let _ = Order::objects().filter(Order::status.eq(Status::Paid) | Order::status.eq("pending"));
/// ```
pub trait Choices: Field + std::fmt::Display {
    /// The values and their labels, in the order of the variants.
    const CHOICES: &'static [Choice];
    /// The names of the variants, in their order.
    const NAMES: &'static [&'static str];

    /// What people read; of an unknown value, the value.
    fn label(&self) -> Cow<'_, str>;

    /// The variant that a stored value is: of `"paid"`, `Status::Paid`.
    ///
    /// # Errors
    /// That it is none of the choices, and the enum takes no others.
    fn choice(value: impl Into<Value>) -> Result<Self, DecodeError> {
        Self::from_value(&value.into())
    }
}

/// What `#[field(choices)]` belongs to: an enum with choices, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no choices",
    label = "not an enum with `derive(Choices)`",
    note = "without `choices` the attribute's method `get_.._display` is not made"
)]
pub trait Labelled {
    /// What `get_.._display` gives: a text, of an `Option` an `Option`.
    type Label<'a>
    where
        Self: 'a;
    /// What people read; of nothing, nothing.
    fn display(&self) -> Self::Label<'_>;
}

impl<T: Choices> Labelled for T {
    type Label<'a> = Cow<'a, str>;
    fn display(&self) -> Cow<'_, str> {
        self.label()
    }
}

impl<T: Choices> Labelled for Option<T> {
    type Label<'a> = Option<Cow<'a, str>>;
    fn display(&self) -> Option<Cow<'_, str>> {
        self.as_ref().map(Choices::label)
    }
}
