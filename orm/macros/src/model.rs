//! `derive(Model)`.
//!
//! [`parse`] makes a [`Definition`] of the struct; [`print`] makes an implementation of it. A [`proxy`] is a struct
//! around a model and much less.

mod check;
mod field;
mod options;
mod parse;
mod print;
mod proxy;

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
    match proxy::parse(input)? {
        Some(proxy) => Ok(proxy::print(&proxy)),
        None => Ok(print::print(&parse::parse(input)?)),
    }
}
