//! What a model or an abstract base overrides: `clean`, and functions around saves and deletions.
//!
//! Those of the row that it extends and of its bases run first, each on the base's part of the instance.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use crate::model::{Base, Definition};

pub(in crate::model) fn print(model: &Definition<'_>) -> TokenStream {
    let (clean, run) = (clean(model), run(model));
    quote!(#clean #run)
}

fn clean(model: &Definition<'_>) -> Option<TokenStream> {
    let own = model.options.clean.as_ref();
    if own.is_none() && model.bases.is_empty() {
        return None;
    }
    let bases = model
        .bases
        .iter()
        .map(|Base { holder, ty }| quote!(<#ty as ::nuages::model::Base>::run_clean(&self.#holder, ex)?;));
    let own = own.map(
        |clean| quote_spanned!(here(clean) => ::nuages::model::hook::CleanHook::call(&(#clean), self, ex)?;),
    );
    Some(quote! {
        fn run_clean(&self, ex: &dyn ::nuages::executor::Executor) -> ::nuages::error::Result<()> {
            #(#bases)*
            #own
            ::core::result::Result::Ok(())
        }
    })
}

fn run(model: &Definition<'_>) -> Option<TokenStream> {
    let own = &model.options.hooks;
    let parent = model.parent().map(|(_, field)| field);
    if own.is_empty() && model.bases.is_empty() && parent.is_none() {
        return None;
    }
    let has = |moment: &str| own.iter().any(|(hook, _)| hook.ends_with(moment));
    let (save, delete) = (has("Save"), has("Delete"));
    let types: Vec<_> = model.bases.iter().map(|base| &base.ty).collect();
    let bases = model.bases.iter().map(
        |Base { holder, ty }| quote!(<#ty as ::nuages::model::Base>::run_hook(&mut self.#holder, hook, ex)?;),
    );
    let extended = parent.map(|field| {
        let extends = field.extends();
        quote_spanned!(field.ty.span() => <#extends::Model as ::nuages::model::Model>)
    });
    let extended_run = parent.map(|field| {
        let (name, extends) = (&field.name, field.extends());
        quote!(#extended::run_hook(#extends::row_mut(&mut self.#name), hook, ex)?;)
    });
    let (or_save, or_delete) = match &extended {
        Some(extended) => (quote!(|| #extended::HOOKS.save), quote!(|| #extended::HOOKS.delete)),
        None => Default::default(),
    };
    let arms = own.iter().map(|(hook, function)| arm(hook, function));
    Some(quote! {
        const HOOKS: ::nuages::model::Hooks = ::nuages::model::Hooks {
            save: #save #(|| <#types as ::nuages::model::Base>::HOOKS.save)* #or_save,
            delete: #delete #(|| <#types as ::nuages::model::Base>::HOOKS.delete)* #or_delete,
        };
        fn run_hook(
            &mut self,
            hook: ::nuages::model::Hook<'_>,
            ex: &dyn ::nuages::executor::Executor,
        ) -> ::nuages::error::Result<()> {
            #extended_run
            #(#bases)*
            match hook {
                #(#arms)*
                _ => ::core::result::Result::Ok(()),
            }
        }
    })
}

/// What one function does at its moment.
fn arm(hook: &str, function: &Expr) -> TokenStream {
    let variant = format_ident!("{}", hook);
    if hook.ends_with("Save") {
        let call = quote_spanned!(here(function) => ::nuages::model::hook::SaveHook::call(&(#function), self, saving, ex));
        quote!(::nuages::model::Hook::#variant(saving) => #call,)
    } else {
        let call =
            quote_spanned!(here(function) => ::nuages::model::hook::DeleteHook::call(&(#function), self, ex));
        quote!(::nuages::model::Hook::#variant => #call,)
    }
}

/// Where the user's expression stands, with the names that the derive gives: with those of the expression, `self`
/// would be another's.
fn here(expression: &Expr) -> Span {
    Span::call_site().located_at(expression.span())
}
