//! The tokens: a hop for each field, the struct of columns, and the constants of the model.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, Visibility};

use crate::model::{Definition, FieldDefinition};

/// One name among the columns: what it is called, its documentation, and its token seen through a path.
struct Entry {
    name: Ident,
    docs: Vec<Attribute>,
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
    let docs: Vec<_> = entries.iter().map(|entry| &entry.docs).collect();
    quote! {
        #hops
        #visibility struct #columns<P: ::nuages::path::Path> {
            #(#(#docs)* #visibility #names: #tokens,)*
        }
        impl<P: ::nuages::path::Path> ::nuages::path::Cols for #columns<P> {
            const REF: &'static Self = &#columns { #(#names: ::nuages::path::Token::NEW,)* };
        }
        impl #name {
            #(#(#docs)* #visibility const #names: #roots = ::nuages::path::Token::NEW;)*
        }
    }
}

/// A type for each field, by which paths go through it.
fn hops(model: &Definition<'_>) -> TokenStream {
    let visibility = one_deeper(&model.input.vis);
    let names = model.fields.iter().map(|field| &field.name);
    let implementations = (0u16..).zip(&model.fields).map(|(index, field)| {
        let (name, ty) = (&field.name, &field.ty);
        quote! {
            impl ::nuages::path::Hop for hop::#name {
                type Null = <#ty as ::nuages::model::Member>::Null;
                type Card = <#ty as ::nuages::model::Member>::Card;
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
    let through = quote!(P);
    let mut entries = Vec::new();
    for field in &model.fields {
        entries.push(Entry {
            name: field.name.clone(),
            docs: field.docs.clone(),
            token: token(field, &through),
            root: token(field, &from_root),
        });
        if field.on_delete.is_some() {
            let note = format!("The bare key of `{}`.", field.plain_name());
            entries.push(Entry {
                name: format_ident!("{}_id", field.plain_name()),
                docs: vec![syn::parse_quote!(#[doc = #note])],
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
        token: key(&through),
        root: key(&from_root),
    });
    entries
}

fn token(field: &FieldDefinition, path: &TokenStream) -> TokenStream {
    let (name, ty) = (&field.name, &field.ty);
    quote!(<#ty as ::nuages::model::Member>::Token<#path, hop::#name>)
}

/// The key itself as a column: `author_id`.
fn key_token(field: &FieldDefinition, path: &TokenStream) -> TokenStream {
    let (name, ty) = (&field.name, &field.ty);
    quote!(::nuages::path::Col<#path, ::nuages::path::ToKey<hop::#name>, ::nuages::model::KeyOf<#ty>>)
}
