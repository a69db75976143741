//! The tokens: a hop for each field, the struct of columns, and the constants of the model.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Ident, Visibility};

use crate::model::{Definition, FieldDefinition};

/// One name among the columns: what it is called, its documentation, and its token seen through a path.
struct Entry {
    name: Ident,
    docs: Vec<Attribute>,
    /// Where the type stands that decides what the token is.
    span: Span,
    /// The token, seen through the path `P`.
    token: TokenStream,
    /// The token, seen from the model itself.
    root: TokenStream,
}

pub(super) fn print(model: &Definition<'_>) -> TokenStream {
    let hops = hops(model);
    let name = &model.input.ident;
    let visibility = &model.input.vis;
    let columns = format_ident!("{}Cols", name);
    let entries: Vec<Entry> = entries(model);
    let names: Vec<_> = entries.iter().map(|entry| &entry.name).collect();
    let tokens: Vec<_> = entries.iter().map(|entry| &entry.token).collect();
    let roots = entries.iter().map(|entry| &entry.root);
    let new: Vec<_> =
        entries.iter().map(|entry| quote_spanned!(entry.span => ::nuages::path::Token::NEW)).collect();
    let docs: Vec<_> = entries.iter().map(|entry| &entry.docs).collect();
    let parent = parent(model);
    quote! {
        #hops
        #parent
        #visibility struct #columns<__P: ::nuages::path::Path> {
            #(#(#docs)* #visibility #names: #tokens,)*
        }
        impl<__P: ::nuages::path::Path> ::nuages::path::Cols for #columns<__P> {
            const REF: &'static Self = &#columns { #(#names: #new,)* };
        }
        impl #name {
            #(#(#docs)* #visibility const #names: #roots = #new;)*
        }
    }
}

/// Columns and instances lead on to those of the row that they extend.
fn parent(model: &Definition<'_>) -> Option<TokenStream> {
    let (_, field) = model.parent()?;
    let name = &model.input.ident;
    let columns = format_ident!("{}Cols", name);
    let (place, extends) = (&field.name, field.extends());
    let extended = quote_spanned!(field.ty.span() => #extends::Model);
    Some(quote! {
        impl ::nuages::path::ToExtended for hop::#place {}
        impl<__P: ::nuages::path::Path> ::core::ops::Deref for #columns<__P> {
            type Target = <#extended as ::nuages::model::Model>::Cols<::nuages::path::Via<__P, hop::#place>>;
            fn deref(&self) -> &Self::Target {
                ::nuages::path::Cols::REF
            }
        }
        #[automatically_derived]
        impl ::core::ops::Deref for #name {
            type Target = #extended;
            fn deref(&self) -> &#extended {
                #extends::row(&self.#place)
            }
        }
        #[automatically_derived]
        impl ::core::ops::DerefMut for #name {
            fn deref_mut(&mut self) -> &mut #extended {
                #extends::row_mut(&mut self.#place)
            }
        }
    })
}

/// A type for each field, by which paths go through it.
fn hops(model: &Definition<'_>) -> TokenStream {
    let visibility = one_deeper(&model.input.vis);
    let names = model.fields.iter().map(|field| &field.name);
    let implementations = (0u16..).zip(&model.fields).map(|(index, field)| {
        let (name, member) = (&field.name, field.member());
        quote! {
            impl ::nuages::path::Hop for hop::#name {
                type Null = #member::Null;
                type Card = #member::Card;
                type Back = #member::Back;
                fn step() -> ::nuages::node::Step {
                    ::nuages::node::Step::Field(#index)
                }
            }
        }
    });
    quote! {
        mod hop {
            #(#visibility struct #names {})*
        }
        #(#implementations)*
    }
}

/// A visibility as it must be written one module further in to mean the same.
fn one_deeper(visibility: &Visibility) -> TokenStream {
    match visibility {
        Visibility::Inherited => quote!(pub(super)),
        Visibility::Restricted(restricted) => {
            let path = &restricted.path;
            match path.segments.first().map(|segment| segment.ident.to_string()).as_deref() {
                Some("self") => quote!(pub(super)),
                Some("super") => quote!(pub(in super::#path)),
                _ => quote!(#visibility),
            }
        }
        Visibility::Public(_) => quote!(#visibility),
    }
}

fn entries(model: &Definition<'_>) -> Vec<Entry> {
    let root = &model.input.ident;
    let from_root = quote!(::nuages::path::Root<#root>);
    let through = quote!(__P);
    let mut entries = Vec::new();
    for field in &model.fields {
        entries.push(Entry {
            name: field.name.clone(),
            docs: field.docs.clone(),
            span: field.ty.span(),
            token: token(field, &through),
            root: token(field, &from_root),
        });
        if field.is_key() {
            let note = format!("The bare key of `{}`.", field.plain_name());
            entries.push(Entry {
                name: format_ident!("{}_id", field.plain_name()),
                docs: vec![syn::parse_quote!(#[doc = #note])],
                span: field.ty.span(),
                token: key_token(field, &through),
                root: key_token(field, &from_root),
            });
        }
    }
    let key = |path: &TokenStream| {
        let parts: Vec<_> =
            model.primary_key.iter().map(|index| token(&model.fields[*index], path)).collect();
        match parts.as_slice() {
            [single] => single.clone(),
            several => quote!((#(#several,)*)),
        }
    };
    entries.push(Entry {
        name: format_ident!("pk"),
        docs: vec![syn::parse_quote!(#[doc = "The primary key."])],
        span: root.span(),
        token: key(&through),
        root: key(&from_root),
    });
    entries
}

fn token(field: &FieldDefinition, path: &TokenStream) -> TokenStream {
    let (name, member) = (&field.name, field.read());
    quote_spanned!(field.ty.span() => #member::Token<#path, hop::#name>)
}

/// The key itself as a column: `author_id`.
fn key_token(field: &FieldDefinition, path: &TokenStream) -> TokenStream {
    let (name, ty) = (&field.name, &field.ty);
    quote!(::nuages::path::Col<#path, ::nuages::path::ToKey<hop::#name>, ::nuages::model::KeyOf<#ty>>)
}
