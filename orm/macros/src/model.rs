//! `derive(Model)`.
//!
//! [`parse`] makes a [`Definition`] of the struct; [`print`] makes an implementation of it. A [`proxy`] is a struct
//! around a model and much less; an abstract [`base`] is fields without a table, which models [`flatten`].

mod base;
mod check;
mod field;
mod flatten;
mod options;
mod parse;
mod print;
mod proxy;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use field::{FieldDefinition, Inherited};
use flatten::{Base, Bases};
use options::Options;

/// A model as it was written.
pub(crate) struct Definition<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) options: Options,
    /// Its own fields and those of its bases, in the order in which they are written.
    pub(crate) fields: Vec<FieldDefinition>,
    pub(crate) bases: Vec<Base>,
    /// The fields of the primary key.
    pub(crate) primary_key: Vec<usize>,
}

impl Definition<'_> {
    /// The field that is the row which rows of the model extend.
    pub(crate) fn parent(&self) -> Option<(usize, &FieldDefinition)> {
        self.fields.iter().enumerate().find(|(_, field)| field.parent.is_some())
    }
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    match proxy::parse(input)? {
        Some(proxy) => Ok(proxy::print(&proxy)),
        None => expand(input, &Bases::default()),
    }
}

/// The model that flattens bases, once the first of them have told of their fields.
pub(crate) fn with_bases(known: &flatten::Known) -> syn::Result<TokenStream> {
    expand(&known.input, &known.bases)
}

/// Asks the next base for its fields; when all are known, prints.
fn expand(input: &DeriveInput, known: &Bases) -> syn::Result<TokenStream> {
    if let Some(question) = flatten::ask_next(input, known)? {
        return Ok(question);
    }
    let definition = parse::parse(input, known)?;
    match definition.options.is_abstract {
        true => Ok(base::print(&definition)),
        false => Ok(print::print(&definition)),
    }
}
