//! What an attribute demands of the type of its field.
//!
//! The derive cannot see types, only names; so it states the demand as a trait bound under the user's own word, and
//! rustc tells when the type does not meet it. A demand is an associated constant rather than the bound of a function,
//! because then rustc has less to explain.

use rust_decimal::Decimal;

use crate::field::{Auto, Date, DateTime, Email, Json, Slug, StoredFile, StoredImage, Time, Url};
use crate::model::Model;
use crate::relation::{ForeignKey, ManyToMany, OneToOne, Through};

/// The field is complete by its type.
pub struct NoAttribute;

/// The field needs `on_delete`.
pub struct OnDeleteAttribute;

/// The field needs `#[model(parent)]`.
pub struct ParentAttribute;

/// The field needs `#[model(generic)]`.
pub struct GenericAttribute;

/// The field needs `#[related(..)]`.
pub struct RelatedAttribute;

/// A field that needs no attribute.
#[diagnostic::on_unimplemented(
    message = "this relation needs an attribute",
    label = "to what is it related, and how?",
    note = "a key needs `#[field(on_delete = Cascade)]` or another of its kind",
    note = "a reverse relation needs `#[related(Child::field)]`",
    note = "a `Parent` needs `#[model(parent)]`",
    note = "a `GenericForeignKey` needs `#[model(generic)]`"
)]
pub trait Plain {
    /// The demand is met.
    const MET: () = ();
}

#[diagnostic::do_not_recommend]
impl Plain for NoAttribute {}

/// What `max_length` belongs to.
#[diagnostic::on_unimplemented(
    message = "`max_length` is for text, and not for `{Self}`",
    label = "not text"
)]
pub trait HasLength {
    /// The demand is met.
    const MET: () = ();
}

/// What `max_digits` and `decimal_places` belong to.
#[diagnostic::on_unimplemented(
    message = "`max_digits` is for `Decimal`, and not for `{Self}`",
    label = "not a decimal"
)]
pub trait HasDigits {
    /// The demand is met.
    const MET: () = ();
}
#[diagnostic::do_not_recommend]
impl HasDigits for Decimal {}

/// What `db_default` and `generated` belong to.
#[diagnostic::on_unimplemented(
    message = "the database fills an `Auto`, and not a `{Self}`",
    label = "make it an `Auto`"
)]
pub trait Filled {
    /// The demand is met.
    const MET: () = ();
}
#[diagnostic::do_not_recommend]
impl<T> Filled for Auto<T> {}

/// What `upload_to` belongs to.
#[diagnostic::on_unimplemented(
    message = "`upload_to` is for a `StoredFile`, and not for `{Self}`",
    label = "not the name of a file"
)]
pub trait HasUploads {
    /// The demand is met.
    const MET: () = ();
}
#[diagnostic::do_not_recommend]
impl HasUploads for StoredFile {}
#[diagnostic::do_not_recommend]
impl HasUploads for StoredImage {}
#[diagnostic::do_not_recommend]
impl<T: HasUploads> HasUploads for Option<T> {}

/// What `on_delete` belongs to.
#[diagnostic::on_unimplemented(
    message = "`on_delete` is for keys, and not for `{Self}`",
    label = "not a `ForeignKey` or `OneToOne`"
)]
pub trait HasOnDelete {
    /// The demand is met.
    const MET: () = ();
}
#[diagnostic::do_not_recommend]
impl<M: Model> HasOnDelete for ForeignKey<M> {}
#[diagnostic::do_not_recommend]
impl<M: Model> HasOnDelete for OneToOne<M> {}
#[diagnostic::do_not_recommend]
impl<M: Model> HasOnDelete for Option<ForeignKey<M>> {}
#[diagnostic::do_not_recommend]
impl<M: Model> HasOnDelete for Option<OneToOne<M>> {}

/// What `on_delete = SetNull` belongs to.
#[diagnostic::on_unimplemented(
    message = "`on_delete = SetNull` needs a key that may be NULL, and `{Self}` may not",
    label = "make it an `Option`"
)]
pub trait HasSetNull {
    /// The demand is met.
    const MET: () = ();
}
#[diagnostic::do_not_recommend]
impl<M: Model> HasSetNull for Option<ForeignKey<M>> {}
#[diagnostic::do_not_recommend]
impl<M: Model> HasSetNull for Option<OneToOne<M>> {}

/// What `auto_now` and `auto_now_add` belong to.
#[diagnostic::on_unimplemented(
    message = "`auto_now` is for dates and times, and not for `{Self}`",
    label = "neither a date nor a time"
)]
pub trait Now: Sized {
    /// The present by the system's clock, in UTC. Saving writes the executor's.
    fn now() -> Self;
}

#[diagnostic::do_not_recommend]
impl Now for DateTime {
    fn now() -> Self {
        DateTime::now()
    }
}

#[diagnostic::do_not_recommend]
impl Now for Date {
    fn now() -> Self {
        DateTime::now().to_zoned(jiff::tz::TimeZone::UTC).date()
    }
}

#[diagnostic::do_not_recommend]
impl Now for Time {
    fn now() -> Self {
        DateTime::now().to_zoned(jiff::tz::TimeZone::UTC).time()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Now> Now for Option<T> {
    fn now() -> Self {
        Some(T::now())
    }
}

/// What `blank` belongs to: types that have an empty value.
#[diagnostic::on_unimplemented(
    message = "`blank` needs a type that can be empty, and `{Self}` cannot",
    label = "make it an `Option`, or give it a `default`"
)]
pub trait Blank: Sized {
    /// The empty value.
    fn blank() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T> Blank for Option<T> {
    fn blank() -> Self {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<T> Blank for Auto<T> {
    fn blank() -> Self {
        Auto::unset()
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model, Th: Through> Blank for ManyToMany<M, Th> {
    fn blank() -> Self {
        ManyToMany::default()
    }
}

macro_rules! texts {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl HasLength for $type {}
        #[diagnostic::do_not_recommend]
        impl Blank for $type {
            fn blank() -> Self {
                <$type>::default()
            }
        }
    )*};
}
texts!(String Slug Email Url StoredFile StoredImage);

#[diagnostic::do_not_recommend]
impl<T: HasLength> HasLength for Option<T> {}
#[diagnostic::do_not_recommend]
impl<T: HasDigits> HasDigits for Option<T> {}

#[diagnostic::do_not_recommend]
impl Blank for Vec<u8> {
    fn blank() -> Self {
        Vec::new()
    }
}

#[diagnostic::do_not_recommend]
impl Blank for Json {
    fn blank() -> Self {
        Json::Null
    }
}
