//! The derives of Nuages: `Model`, `Choices`, `Projection`, `Field`, and the macro `q!`.
//!
//! Each parses what the user wrote into a plain struct and then prints; nothing is decided while printing. All
//! mistakes in attributes are reported at once, under the user's own words. What a field's *type* decides is left to
//! traits of the crate `nuages`: a macro sees names, and an alias has another.
//!
//! Order of reading: `attribute` (how attributes are read), `model`, `choices`, `projection`, `newtype`,
//! `q`.

mod attribute;
mod choices;
mod model;
mod newtype;
mod projection;
mod q;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a model: its instances are rows of a table.
///
/// Attributes of the struct, in `#[model(..)]`: `table`, `app`, `ordering`, `verbose_name`, `verbose_name_plural`,
/// `index(..)`, `unique_together(..)`, `primary_key(..)`, `get_latest_by`, `constraints`, `objects`, `clean`,
/// `before_save`, `after_save`, `before_delete`, `after_delete`. A struct around a model with `#[model(proxy)]` is
/// another type for its rows, and has `ordering` and `objects`. A struct with
/// `#[model(abstract)]` is no model but an abstract base: fields that models take over by a field of its type with
/// `#[model(flatten)]`. A field `#[model(parent)] place: Parent<Place>` makes each row extend a row of another model.
///
/// Attributes of a field, in `#[field(..)]`: `max_length`, `max_digits`, `decimal_places`, `unique`, `db_index`,
/// `primary_key`, `default`, `blank`, `editable`, `column`, `verbose_name`, `help_text`, `auto_now`, `auto_now_add`,
/// `on_delete`, `symmetrical`, `through_fields(..)`; and `#[related(Child::field)]`.
#[proc_macro_derive(Model, attributes(model, field, related))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    finish(model::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A model with what the abstract bases that it flattens have told of their fields; `derive(Model)` leads here.
#[doc(hidden)]
#[proc_macro]
pub fn model_with_bases(input: TokenStream) -> TokenStream {
    finish(syn::parse(input).and_then(|input| model::with_bases(&input)))
}

/// Makes an enum of unit variants a field with a fixed set of values.
///
/// Each variant is stored as its name in snake case, or as its discriminant if one is given;
/// `#[choices(value = "P", label = "Paid")]` says otherwise. A variant `#[choices(unknown)] Other(String)` takes
/// values that are no choice.
#[proc_macro_derive(Choices, attributes(choices))]
pub fn derive_choices(input: TokenStream) -> TokenStream {
    finish(choices::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Makes a struct a row: each field is a column or an expression of the model in `#[projection(Model)]`.
#[proc_macro_derive(Projection, attributes(projection, expr))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    finish(projection::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Makes a newtype around a field a field of its own: `struct UserId(i64)`.
#[proc_macro_derive(Field)]
pub fn derive_field(input: TokenStream) -> TokenStream {
    finish(newtype::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A condition in Django's words: `q!(Post, author__username = "alice", view_count__gte = 100)`.
#[proc_macro]
pub fn q(input: TokenStream) -> TokenStream {
    finish(syn::parse(input).map(|query: q::Query| query.print()))
}

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(syn::Error::into_compile_error).into()
}
