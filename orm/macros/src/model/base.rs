//! `#[model(abstract)]`: fields without a table, which models flatten into themselves.
//!
//! A base is told of by a macro (see [`flatten`](super::flatten)), and asked through `Base` and `BaseField`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Definition, check, flatten, print};

pub(super) fn print(base: &Definition<'_>) -> TokenStream {
    let name = &base.input.ident;
    let answer = flatten::answer(base);
    let types: Vec<_> = base.fields.iter().map(|field| &field.ty).collect();
    let places: Vec<_> = (0..base.fields.len()).map(syn::Index::from).collect();
    let whole = print::assemble(base, |index, _| {
        let place = &places[index];
        quote!(fields.#place)
    });
    let fields = base.fields.iter().enumerate().map(|(place, field)| {
        let (ty, unwritten) = (&field.ty, print::unwritten(field));
        let meta = print::field_meta(base, place, field);
        let (get, get_mut) = (field.get(&quote!(self)), field.get_mut(&quote!(self)));
        quote! {
            #[automatically_derived]
            impl ::nuages::model::BaseField<#place> for #name {
                type Type = #ty;
                const META: ::nuages::meta::FieldMeta = #meta;
                fn unwritten() -> ::core::option::Option<#ty> {
                    #unwritten
                }
                fn get(&self) -> &#ty {
                    #get
                }
                fn get_mut(&mut self) -> &mut #ty {
                    #get_mut
                }
            }
        }
    });
    let (hooks, displays, checks) = (print::hooks(base), print::displays(base), check::bounds(base));
    quote! {
        #answer
        #[doc(hidden)]
        #[allow(dead_code, clippy::all, clippy::pedantic)]
        const _: () = {
            #[automatically_derived]
            impl ::nuages::model::Base for #name {
                type Fields = (#(#types,)*);
                fn assemble(fields: Self::Fields) -> Self {
                    #whole
                }
                #hooks
            }
            #(#fields)*
            #displays
            #checks
        };
    }
}
