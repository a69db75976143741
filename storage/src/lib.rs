//! The storage core of Nuages: values, columnar leaves, counted persistent trees, versions and write sets.
//!
//! It knows neither SQL nor queries. Order of reading: [`value`] (what a column holds), [`key`] (values as
//! bytes that sort as the values do), [`layout`] and [`leaf`] (rows at rest), `tree` (the one tree),
//! [`index`], [`long`] (values too long for a leaf) and [`table`] (what consists of trees).

pub mod error;
pub mod index;
pub mod key;
pub mod layout;
pub mod leaf;
pub mod long;
pub mod table;
mod tree;
pub mod value;

pub use error::Error;
