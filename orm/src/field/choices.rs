//! Fields with a fixed set of values.

use super::Field;
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
/// let order = new!(Order { status: Status::Shipped });
/// assert_eq!(order.get_status_display(), "On its way");
/// let _ = Order::objects().filter(Order::status.eq(Status::Paid) | Order::status.eq("pending"));
/// ```
pub trait Choices: Field {
    /// The values and their labels, in the order of the variants.
    const CHOICES: &'static [Choice];

    /// What people read; of an unknown text, the text.
    fn label(&self) -> &str;
}

/// What `#[field(choices)]` belongs to: an enum with choices, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no choices",
    label = "not an enum with `derive(Choices)`",
    note = "without `choices` the attribute's method `get_.._display` is not made"
)]
pub trait Labelled {
    /// What people read; of nothing, nothing.
    fn display(&self) -> &str;
}

impl<T: Choices> Labelled for T {
    fn display(&self) -> &str {
        self.label()
    }
}

impl<T: Choices> Labelled for Option<T> {
    fn display(&self) -> &str {
        self.as_ref().map_or("", Choices::label)
    }
}
