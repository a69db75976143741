//! `derive(Projection)`: rows as a struct, one expression for each field. A struct with a lifetime is read by `hold`,
//! where its texts lie; any other by the verbs that yield rows.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, Field, Fields, Ident, Lifetime, Path};

use crate::attribute::{Mistakes, field_path};

/// One field: its name, and the expression it is read from.
struct Projected<'a> {
    name: &'a Ident,
    field: &'a Field,
    expression: TokenStream,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "a projection is a struct with named fields"));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(syn::Error::new(input.ident.span(), "a projection is a struct with named fields"));
    };
    let attribute = input.attrs.iter().find(|attribute| attribute.path().is_ident("projection"));
    let Some(attribute) = attribute else {
        return Err(syn::Error::new(input.ident.span(), "say of which model: `#[projection(Post)]`"));
    };
    let model: Path = attribute.parse_args()?;
    let mut mistakes = Mistakes::default();
    let mut fields = Vec::new();
    for field in &named.named {
        if let (Some(name), Some(expression)) = (&field.ident, mistakes.take(expression(field, &model))) {
            fields.push(Projected { name, field, expression });
        }
    }
    let generics = &input.generics;
    if generics.lifetimes().next().is_some() && generics.params.len() > 1 {
        mistakes.add(syn::Error::new(
            generics.span(),
            "a projection that borrows has one lifetime and no other parameters",
        ));
    }
    mistakes.finish()?;
    Ok(print(input, &model, &fields))
}

/// The expression of a field: a column of its name, `#[expr(author.username)]`, or any expression of the model.
fn expression(field: &Field, model: &Path) -> syn::Result<TokenStream> {
    let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident("expr"));
    let Some(attribute) = attribute else {
        let name = &field.ident;
        return Ok(quote_spanned!(name.span() => #model::#name));
    };
    let written: Expr = attribute.parse_args()?;
    let Ok(names) = field_path(&written) else { return Ok(quote!(#written)) };
    let (first, rest) = (&names[0], &names[1..]);
    Ok(quote_spanned!(written.span() => #model::#first #(.#rest)*))
}

fn print(input: &DeriveInput, model: &Path, fields: &[Projected<'_>]) -> TokenStream {
    let name = &input.ident;
    let (implementation, types, condition) = input.generics.split_for_impl();
    let nodes = fields.iter().map(|projected| {
        let (ty, expression) = (&projected.field.ty, &projected.expression);
        quote_spanned!(ty.span() => ::nuages::queryset::projected::<#ty, #model, _>(#expression))
    });
    let read = match input.generics.lifetimes().next() {
        Some(lifetime) => lent(input, &lifetime.lifetime, fields),
        None => owned(input, fields),
    };
    quote! {
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            impl #implementation ::nuages::queryset::Projection<#model> for #name #types #condition {
                fn nodes() -> ::std::vec::Vec<::nuages::node::Node> {
                    ::std::vec![#(#nodes),*]
                }
            }
            #read
        };
    }
}

/// How rows are read that own what they have.
fn owned(input: &DeriveInput, fields: &[Projected<'_>]) -> TokenStream {
    let name = &input.ident;
    let (implementation, types, condition) = input.generics.split_for_impl();
    let read = fields.iter().map(|projected| {
        let name = projected.name;
        quote!(#name: ::nuages::row::Row::read(row, columns)?,)
    });
    quote! {
        #[automatically_derived]
        impl #implementation ::nuages::row::Row for #name #types #condition {
            fn read<__R: ::nuages::field::RowReader + ?Sized>(
                row: &__R,
                columns: &mut ::nuages::row::Columns<'_>,
            ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
                ::core::result::Result::Ok(#name { #(#read)* })
            }
        }
    }
}

/// How rows are read that borrow from what is held. A queryset has them with any lifetime: it holds nothing yet.
fn lent(input: &DeriveInput, lifetime: &Lifetime, fields: &[Projected<'_>]) -> TokenStream {
    let name = &input.ident;
    let (implementation, types, condition) = input.generics.split_for_impl();
    let read = fields.iter().map(|projected| {
        let name = projected.name;
        quote!(#name: ::nuages::queryset::lent::Lent::lent(row, next)?,)
    });
    quote! {
        #[automatically_derived]
        impl #implementation ::nuages::queryset::lent::Lent<#lifetime> for #name #types #condition {
            fn lent(
                row: &::nuages::queryset::lent::LentRow<'_, #lifetime>,
                next: &mut usize,
            ) -> ::core::result::Result<Self, ::nuages::queryset::lent::NotLent> {
                ::core::result::Result::Ok(#name { #(#read)* })
            }
        }
        #[automatically_derived]
        impl<'__of, '__as> ::nuages::queryset::lent::LendAs<#name<'__as>> for #name<'__of> {}
    }
}
