//! `derive(Model)`.
//!
//! [`parse`] makes a [`Definition`] of the struct; [`print`] makes an implementation of it.

mod check;
mod field;
mod options;
mod parse;
mod print;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use field::FieldDefinition;
use options::Options;

/// A model as it was written.
pub(crate) struct Definition<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) options: Options,
    pub(crate) fields: Vec<FieldDefinition>,
    /// The fields of the primary key.
    pub(crate) primary_key: Vec<usize>,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    Ok(print::print(&parse::parse(input)?))
}
