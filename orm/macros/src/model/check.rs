//! What the attributes demand of types, as bounds that rustc checks under the user's own words.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use super::{Definition, FieldDefinition};
use crate::attribute::OrderKey;

pub(super) fn print(model: &Definition<'_>) -> TokenStream {
    let bounds = bounds(model);
    let related = model.fields.iter().filter_map(|field| related(model, field));
    let paths = model.options.ordering.iter().chain(&model.options.get_latest_by);
    let paths = paths.filter(|key| key.path.len() > 1).map(|key| ordered(model, key));
    quote! {
        #bounds
        const _: fn() = || {
            #(#related)*
            #(#paths)*
        };
    }
}

/// What its fields' own attributes demand; those of a base are checked with the base.
pub(super) fn bounds(model: &Definition<'_>) -> TokenStream {
    let mut bounds = Vec::new();
    for field in model.fields.iter().filter(|field| field.inherited.is_none()) {
        field_bounds(field, &mut bounds);
    }
    quote!(const _: fn() = || { #(#bounds)* };)
}

/// `ty: bound`, told at `span`.
fn bound(span: Span, bound: &str, ty: &impl ToTokens) -> TokenStream {
    let bound = Ident::new(bound, Span::call_site());
    quote_spanned!(span => let () = <#ty as ::nuages::model::obligation::#bound>::MET;)
}

fn field_bounds(field: &FieldDefinition, bounds: &mut Vec<TokenStream>) {
    let ty = &field.ty;
    if field.on_delete.is_none() && field.related.is_none() && field.generic.is_none() {
        let member = field.member();
        bounds.push(bound(ty.span(), "Plain", &quote_spanned!(ty.span() => #member::Attribute)));
    }
    if let Some(length) = &field.max_length {
        bounds.push(bound(length.span(), "HasLength", ty));
    }
    for filled in [&field.db_default, &field.generated].into_iter().flatten() {
        bounds.push(bound(filled.span(), "Filled", ty));
    }
    if let Some(folder) = &field.upload_to {
        bounds.push(bound(folder.span(), "HasUploads", ty));
    }
    if let Some(digits) = &field.max_digits {
        bounds.push(bound(digits.span(), "HasDigits", ty));
    }
    if let (None, Some(on_delete)) = (field.parent, &field.on_delete) {
        bounds.push(bound(on_delete.word.span(), "HasOnDelete", ty));
        if on_delete.word == "SetNull" || on_delete.word == "DbSetNull" {
            bounds.push(bound(on_delete.word.span(), "HasSetNull", ty));
        }
    }
}

/// `#[related(Post::author)]` must lead here.
fn related(model: &Definition<'_>, field: &FieldDefinition) -> Option<TokenStream> {
    let (related, name) = (field.related.as_ref()?, &model.input.ident);
    let ty = &field.ty;
    Some(quote_spanned! { related.span() =>
        ::nuages::path::leads_back::<#ty, #name, _>(#related);
    })
}

/// `author.username` must exist.
fn ordered(model: &Definition<'_>, key: &OrderKey) -> TokenStream {
    let name = &model.input.ident;
    let (first, rest) = (&key.path[0], &key.path[1..]);
    quote!(let _ = #name::#first #(.#rest)*;)
}
