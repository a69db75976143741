//! The storage core of Nuages: values, columnar leaves, counted persistent trees, versions and write sets.
//!
//! It knows neither SQL nor queries. Order of reading: [`value`] (what a column holds), [`key`] (values as
//! bytes that sort as the values do).

pub mod error;
pub mod key;
pub mod value;

pub use error::Error;
