//! Index keys: values encoded as bytes that sort as the values do.
/// The longest key an index takes, in bytes.
pub const KEY_BYTES_MAX: usize = 4_096;
