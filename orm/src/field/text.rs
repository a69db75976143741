//! Texts that must look like something: slugs and addresses. What they look like is checked by validation, not here.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use nuages_storage::DataType;

use super::{DecodeError, Field, RowReader, RowWriter};
use crate::expression::class;
use crate::meta::TextFormat;
use crate::path::NotNull;

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident: $format:ident, $max_length:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl Deref for $type {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                $type(text)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                $type(text.into())
            }
        }

        impl From<&String> for $type {
            fn from(text: &String) -> Self {
                $type(text.clone())
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> String {
                text.0
            }
        }

        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Field for $type {
            type Base = $type;
            type Class = class::Text;
            type Null = NotNull;
            const DATA_TYPE: DataType = DataType::Text { max_length: Some($max_length) };
            const FORMAT: TextFormat = TextFormat::$format;

            fn base(&self) -> Option<&$type> {
                Some(self)
            }

            fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
                row.text(column, &self.0);
            }

            fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
                match row.text(column) {
                    Some(text) => Ok($type(text.into())),
                    None => Err(DecodeError::new(row, column, Self::DATA_TYPE)),
                }
            }
        }
    )*};
}

texts! {
    /// Letters, digits, hyphens and underscores; for addresses. At most 50 characters, unless `max_length` says more.
    Slug: Slug, 50;
    /// An address of e-mail. At most 254 characters, unless `max_length` says more.
    Email: Email, 254;
    /// An absolute address of the web. At most 200 characters, unless `max_length` says more.
    Url: Url, 200;
    /// The name under which a file is stored, wherever that is: `avatars/2024/05/me.png`. At most 100 characters,
    /// unless `max_length` says more. See [`upload_name`](crate::path::Col::upload_name).
    StoredFile: Any, 100;
    /// The name under which an image is stored.
    StoredImage: Any, 100;
}
