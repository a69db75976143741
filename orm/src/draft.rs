//! Instances that are being written: `new!`, and what a field can be given.
//!
//! `new!(Post { title: "x", author: &alice })` fills the model's draft, one field after the other, through the
//! field's own token; so a misspelt field is an error at that word, and a wrong value one at the value. Then a
//! constant is evaluated that compares the written names with [`Model::REQUIRED`]: a missing field is an error at
//! compile time that names it. What has a default may be left out; a default is an expression, evaluated anew for
//! each instance.

use std::sync::OnceLock;

use rust_decimal::Decimal;

use crate::field::{Auto, DecodeError, Email, Field, Json, RowReader, Slug, StoredFile, StoredImage, Url};
use crate::model::{Member, Model};
use crate::path::{Col, Hop, Rel, Root};
use crate::relation::{ForeignKey, OneToOne};

/// Makes an instance: `new!(Post { title: "Hello", slug: "hello", author: &alice })`.
///
/// Fields with a default, an `Option`, and what the database fills may be left out; a variable of the field's name
/// may stand alone. `author: _` leaves a key for a related manager to fill. Text is taken as `&str`, a key as an
/// instance.
///
/// ```
/// use nuages::prelude::*;
/// #[derive(Model, Clone, Debug)]
/// pub struct Post {
///     pub id: Auto<i64>,
///     pub title: String,
///     #[field(default = 0)]
///     pub view_count: u32,
/// }
/// let post = new!(Post { title: "Hello" });
/// assert_eq!((post.title.as_str(), post.view_count), ("Hello", 0));
/// ```
#[macro_export]
macro_rules! new {
    ($model:ident { $($body:tt)* }) => {{
        #[allow(unused_mut)]
        let mut draft: <$model as $crate::model::Model>::Draft = ::core::default::Default::default();
        $crate::__fill!($model draft [] $($body)*)
    }};
}

/// Fills a draft field by field, keeping the names that were written.
#[doc(hidden)]
#[macro_export]
macro_rules! __fill {
    ($model:ident $draft:ident [$($given:ident)*] $field:ident: _ $(, $($rest:tt)*)?) => {{
        $crate::draft::fill(&mut $draft, $model::$field, $crate::draft::Later);
        $crate::__fill!($model $draft [$($given)* $field] $($($rest)*)?)
    }};
    ($model:ident $draft:ident [$($given:ident)*] $field:ident: $value:expr $(, $($rest:tt)*)?) => {{
        $crate::draft::fill(&mut $draft, $model::$field, $value);
        $crate::__fill!($model $draft [$($given)* $field] $($($rest)*)?)
    }};
    ($model:ident $draft:ident [$($given:ident)*] $field:ident $(, $($rest:tt)*)?) => {{
        $crate::draft::fill(&mut $draft, $model::$field, $field);
        $crate::__fill!($model $draft [$($given)* $field] $($($rest)*)?)
    }};
    ($model:ident $draft:ident [$($given:ident)*]) => {{
        $crate::__require!($model [$($given)*]);
        match <$model as $crate::model::Model>::finish($draft) {
            ::core::result::Result::Ok(instance) => instance,
            ::core::result::Result::Err(missing) => ::core::unreachable!("{missing}: `new!` checks this"),
        }
    }};
}

/// Does not compile when a required field is not among the names. A constant item is evaluated by `cargo check` too;
/// `Self` has no meaning in an item, so there it is a constant expression, which is evaluated when code is made.
#[doc(hidden)]
#[macro_export]
macro_rules! __require {
    (Self [$($given:ident)*]) => {
        const { $crate::__require!(@test Self [$($given)*]) }
    };
    ($model:ident [$($given:ident)*]) => {
        const _: () = $crate::__require!(@test $model [$($given)*]);
    };
    (@test $model:ident [$($given:ident)*]) => {
        if let ::core::option::Option::Some(message) =
            $crate::draft::missing::<$model>(&[$(::core::stringify!($given)),*])
        {
            ::core::panic!("{}", message.as_str())
        }
    };
}

/// The model's draft has a slot for the field that the step `H` takes.
pub trait Slot<H> {
    /// The field's type.
    type Value;
    /// The slot.
    fn slot(&self) -> &OnceLock<Self::Value>;
    /// The slot, to be changed.
    fn slot_mut(&mut self) -> &mut OnceLock<Self::Value>;
}

/// What stands for a field of `M` itself, and not of a related model.
pub trait Own<M> {
    /// The field's step.
    type Hop: Hop;
}

impl<M, H: Hop, T, K> Own<M> for Col<Root<M>, H, T, K> {
    type Hop = H;
}

impl<M, H: Hop, R> Own<M> for Rel<Root<M>, H, R> {
    type Hop = H;
}

/// Writes a field of a draft.
pub fn fill<M, D, F, V>(draft: &mut D, _field: F, value: V)
where
    F: Own<M>,
    D: Slot<F::Hop>,
    V: IntoField<D::Value>,
{
    *draft.slot_mut() = OnceLock::from(value.into_field());
}

/// Takes a field out of a draft: what was written, or the value that it has if it was not.
///
/// # Errors
/// [`MissingField`] for a field that must be written, and was not.
pub fn taken<T>(
    slot: &mut OnceLock<T>,
    unwritten: fn() -> Option<T>,
    model: &'static str,
    field: &'static str,
) -> Result<T, MissingField> {
    slot.take().or_else(unwritten).ok_or(MissingField { model, field })
}

/// Reads a column into a field of a draft.
///
/// # Errors
/// [`DecodeError`] for a stored value that the field's type does not know.
pub fn read<T: Member, R: RowReader + ?Sized>(
    slot: &mut OnceLock<T>,
    row: &R,
    column: usize,
) -> Result<(), DecodeError> {
    *slot = OnceLock::from(T::decode(row, column)?);
    Ok(())
}

/// A required field that a draft lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{model}` needs a value for `{field}`")]
pub struct MissingField {
    /// The model.
    pub model: &'static str,
    /// The field.
    pub field: &'static str,
}

/// What a field of type `T` can be given.
#[diagnostic::on_unimplemented(
    message = "a field of type `{T}` cannot be given a `{Self}`",
    label = "expected a `{T}`"
)]
pub trait IntoField<T> {
    /// The field's value.
    fn into_field(self) -> T;
}

/// `author: _`: a related manager fills it.
#[derive(Clone, Copy, Debug)]
pub struct Later;

#[diagnostic::do_not_recommend]
impl<T> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>> IntoField<Auto<T>> for T {
    fn into_field(self) -> Auto<T> {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>> IntoField<Option<T>> for T {
    fn into_field(self) -> Option<T> {
        Some(self)
    }
}

macro_rules! into_field {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        #[diagnostic::do_not_recommend]
        impl IntoField<$to> for $from {
            fn into_field(self) -> $to {
                self.into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl IntoField<Option<$to>> for $from {
            fn into_field(self) -> Option<$to> {
                Some(self.into())
            }
        }
    )*)*};
}

into_field! {
    &str => String Slug Email Url StoredFile StoredImage Json;
    &String => String Slug Email Url StoredFile StoredImage;
    String => Slug Email Url StoredFile StoredImage;
    std::net::Ipv4Addr => std::net::IpAddr;
    std::net::Ipv6Addr => std::net::IpAddr;
    i32 => Decimal;
    i64 => Decimal;
    f32 => f64;
    &[u8] => Vec<u8>;
}

#[diagnostic::do_not_recommend]
impl<const N: usize> IntoField<Vec<u8>> for &[u8; N] {
    fn into_field(self) -> Vec<u8> {
        self.to_vec()
    }
}

/// What a key can be given: an instance, nothing yet, a key, or a bare value of it.
macro_rules! keys {
    ($($key:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<$key<M>> for &M {
            fn into_field(self) -> $key<M> {
                self.into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<Option<$key<M>>> for &M {
            fn into_field(self) -> Option<$key<M>> {
                Some(self.into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<$key<M>> for M {
            fn into_field(self) -> $key<M> {
                (&self).into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<Option<$key<M>>> for M {
            fn into_field(self) -> Option<$key<M>> {
                Some((&self).into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<$key<M>> for Later {
            fn into_field(self) -> $key<M> {
                ForeignKey::unset().into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<Option<$key<M>>> for Later {
            fn into_field(self) -> Option<$key<M>> {
                None
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model> IntoField<Option<$key<M>>> for $key<M> {
            fn into_field(self) -> Option<$key<M>> {
                Some(self)
            }
        }

        keys!(@bare $key [] i64);
        keys!(@bare $key ['t] &'t str);
        keys!(@bare $key [] String);
        keys!(@bare $key [] uuid::Uuid);
        keys!(@bare $key [] Slug);

        #[diagnostic::do_not_recommend]
        impl<M: Model<Pk: From<i32>>> IntoField<$key<M>> for i32 {
            fn into_field(self) -> $key<M> {
                ForeignKey::to_key(self.into()).into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model<Pk: From<i32>>> IntoField<Option<$key<M>>> for i32 {
            fn into_field(self) -> Option<$key<M>> {
                Some(ForeignKey::to_key(self.into()).into())
            }
        }
    )*};
    (@bare $key:ident [$($lifetime:lifetime)?] $bare:ty) => {
        #[diagnostic::do_not_recommend]
        impl<$($lifetime,)? M: Model> IntoField<$key<M>> for $bare
        where
            $bare: IntoField<M::Pk>,
        {
            fn into_field(self) -> $key<M> {
                ForeignKey::to_key(self.into_field()).into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($lifetime,)? M: Model> IntoField<Option<$key<M>>> for $bare
        where
            $bare: IntoField<M::Pk>,
        {
            fn into_field(self) -> Option<$key<M>> {
                Some(ForeignKey::to_key(self.into_field()).into())
            }
        }
    };
}
keys!(ForeignKey OneToOne);

/// The message for the first required field of `M` that is not among the given names.
pub const fn missing<M: Model>(given: &[&str]) -> Option<Message> {
    let mut index = 0;
    while index < M::REQUIRED.len() {
        let (name, required) = M::REQUIRED[index];
        if required && !contains(given, name) {
            let message =
                Message::new().push("missing field `").push(name).push("` of `").push(M::NAME).push("`");
            return Some(message);
        }
        index += 1;
    }
    None
}

const fn contains(names: &[&str], name: &str) -> bool {
    let mut index = 0;
    while index < names.len() {
        if same(names[index].as_bytes(), name.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A message built at compile time, cut after [`Message::BYTES_MAX`] bytes.
pub struct Message {
    bytes: [u8; Message::BYTES_MAX],
    length: usize,
}

impl Message {
    /// The longest message.
    pub const BYTES_MAX: usize = 160;

    const fn new() -> Message {
        Message { bytes: [0; Message::BYTES_MAX], length: 0 }
    }

    const fn push(mut self, text: &str) -> Message {
        let text = text.as_bytes();
        let mut index = 0;
        while index < text.len() && self.length < Message::BYTES_MAX {
            self.bytes[self.length] = text[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    /// The message.
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "missing field",
        }
    }
}
