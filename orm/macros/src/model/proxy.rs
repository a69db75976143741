//! `#[model(proxy)] struct OpenPlace(Place);`: another type for the rows of a model.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, Fields, Type};

use crate::attribute::{Mistakes, OrderKey, items, nearest};

/// A proxy as it was written.
pub(super) struct Proxy<'a> {
    input: &'a DeriveInput,
    of: &'a Type,
    ordering: Vec<OrderKey>,
    objects: Option<Expr>,
}

const WORDS: &[&str] = &["proxy", "ordering", "objects"];

/// The proxy that a struct is, if its attribute says so.
pub(super) fn parse(input: &DeriveInput) -> syn::Result<Option<Proxy<'_>>> {
    let mut mistakes = Mistakes::default();
    // What is wrong with the attributes of a model is told by the model's own options.
    let items = items(&input.attrs, "model", &mut Mistakes::default());
    let Some(proxy) = items.iter().find(|item| item.name == "proxy") else { return Ok(None) };
    mistakes.take(proxy.flag());
    let Some(of) = wrapped(input) else {
        let message = "a proxy is a struct around its model: `struct OpenPlace(Place);`";
        return Err(syn::Error::new(input.ident.span(), message));
    };
    let (mut ordering, mut objects) = (Vec::new(), None);
    for item in &items {
        let word = item.name.to_string();
        match word.as_str() {
            "proxy" => {}
            "ordering" => ordering = mistakes.take(item.order()).unwrap_or_default(),
            "objects" => objects = mistakes.take(item.expression().cloned()),
            _ => mistakes.at(
                item.name.span(),
                format!("a proxy has the table of its model, and no `{word}`{}", nearest(&word, WORDS)),
            ),
        }
    }
    mistakes.finish()?;
    Ok(Some(Proxy { input, of, ordering, objects }))
}

/// The only field of a tuple struct without parameters.
fn wrapped(input: &DeriveInput) -> Option<&Type> {
    let Data::Struct(data) = &input.data else { return None };
    let Fields::Unnamed(fields) = &data.fields else { return None };
    let mut fields = fields.unnamed.iter();
    match (fields.next(), fields.next(), input.generics.params.is_empty()) {
        (Some(field), None, true) => Some(&field.ty),
        _ => None,
    }
}

pub(super) fn print(proxy: &Proxy<'_>) -> TokenStream {
    let (name, of) = (&proxy.input.ident, proxy.of);
    let keys = proxy.ordering.iter().map(super::print::order);
    let ordering = match proxy.ordering.is_empty() {
        true => quote!(::core::option::Option::None),
        false => quote!(::core::option::Option::Some(&[#(#keys),*])),
    };
    let objects = proxy.objects.as_ref().map(|objects| {
        let call = quote_spanned!(objects.span() => #objects());
        quote! {
            fn of_objects() -> ::nuages::queryset::QuerySet<#of> {
                #call
            }
        }
    });
    let checks = proxy.ordering.iter().map(|key| {
        let path = &key.path;
        quote!(let _ = <#of as ::nuages::model::Model>::cols() #(.#path)*;)
    });
    let conversions = conversions(proxy);
    let row = row(proxy);
    quote! {
        #[doc(hidden)]
        const _: () = {
            #conversions
            #row
            #[automatically_derived]
            impl ::nuages::model::Proxy for #name {
                type Of = #of;
                const ORDERING: ::core::option::Option<&'static [::nuages::meta::OrderMeta]> = #ordering;
                #objects
            }
            const _: fn() = || { #(#checks)* };
        };
    }
}

/// To and from the model.
fn conversions(proxy: &Proxy<'_>) -> TokenStream {
    let (name, of) = (&proxy.input.ident, proxy.of);
    quote! {
        #[automatically_derived]
        impl ::core::ops::Deref for #name {
            type Target = #of;
            fn deref(&self) -> &#of {
                &self.0
            }
        }
        #[automatically_derived]
        impl ::core::ops::DerefMut for #name {
            fn deref_mut(&mut self) -> &mut #of {
                &mut self.0
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#of> for #name {
            fn from(row: #of) -> Self {
                #name(row)
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#name> for #of {
            fn from(row: #name) -> Self {
                row.0
            }
        }
    }
}

/// What querysets yield.
fn row(proxy: &Proxy<'_>) -> TokenStream {
    let (name, of) = (&proxy.input.ident, proxy.of);
    quote! {
        #[automatically_derived]
        impl ::nuages::row::Row for #name {
            fn read<__R: ::nuages::field::RowReader + ?Sized>(
                row: &__R,
                columns: &mut ::nuages::row::Columns<'_>,
            ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
                ::core::result::Result::Ok(#name(<#of as ::nuages::row::Row>::read(row, columns)?))
            }
            fn instance(&mut self) -> ::core::option::Option<&mut dyn ::core::any::Any> {
                ::nuages::row::Row::instance(&mut self.0)
            }
        }
        #[automatically_derived]
        impl<__T> ::nuages::row::Push<__T> for #name {
            type Out = ::nuages::row::Annotated<#name, (__T,)>;
        }
    }
}
