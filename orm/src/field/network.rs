//! Addresses of the internet: stored as texts in their one spelling, so that equal addresses are equal texts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nuages_storage::DataType;

use super::{DecodeError, Field, RowReader, RowWriter};
use crate::expression::class;
use crate::meta::TextFormat;
use crate::path::NotNull;

/// A text that is to be in a field of this format, as it is stored: an address in its one spelling, if it is one.
pub(crate) fn as_stored(format: TextFormat, text: &str) -> Option<String> {
    let is_address = matches!(format, TextFormat::Ip | TextFormat::Ipv4 | TextFormat::Ipv6);
    let address: IpAddr = is_address.then(|| text.trim().parse().ok())??;
    Some(address.to_string())
}

macro_rules! addresses {
    ($($type:ty: $format:ident, $length_max:literal;)*) => {$(
        impl Field for $type {
            type Base = $type;
            type Class = class::Text;
            type Null = NotNull;
            const DATA_TYPE: DataType = DataType::Text { max_length: Some($length_max) };
            const FORMAT: TextFormat = TextFormat::$format;

            fn base(&self) -> Option<&$type> {
                Some(self)
            }

            fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
                row.text(column, &self.to_string());
            }

            fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
                let address = row.text(column).and_then(|text| text.parse().ok());
                address.ok_or_else(|| DecodeError::new(row, column, Self::DATA_TYPE))
            }
        }
    )*};
}

addresses! {
    IpAddr: Ip, 39;
    Ipv4Addr: Ipv4, 15;
    Ipv6Addr: Ipv6, 39;
}
