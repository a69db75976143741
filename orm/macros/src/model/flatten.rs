//! `#[model(flatten)] times: Timestamps`: the fields of an abstract base become the model's own.
//!
//! A derive sees one struct, so what a base is called must lead to its fields. The derive of the base makes a macro of
//! the base's own name (types and macros never meet), which is imported wherever the base is. The model passes
//! itself through the macro of each of its bases in turn; each adds the names of its fields and what the names
//! decide, and hands on to `model_with_bases!`, which asks the next one or prints. Types, defaults and descriptions do
//! not travel: the model asks them of the base's implementations of `BaseField`, so they mean what they mean where the
//! base was written.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Field, Ident, Token, Type, bracketed, parenthesized, parse_quote_spanned,
};

use super::{Definition, FieldDefinition, Inherited};
use crate::attribute::{Item, ItemValue, Mistakes, field_path, items, nearest};

/// A base of a model.
pub(crate) struct Base {
    /// The field that is the base.
    pub(crate) holder: Ident,
    pub(crate) ty: Type,
}

/// What the first bases of a model have told, in the order of their fields.
#[derive(Default)]
pub(crate) struct Bases {
    told: Vec<Told>,
    /// The same as it came.
    tokens: TokenStream,
}

/// What a base tells of itself.
pub(crate) struct Told {
    fields: Vec<ToldField>,
    /// What of its options the model takes over.
    pub(crate) options: Vec<Item>,
}

/// What a base tells of a field: `created_at [has_default]`.
struct ToldField {
    docs: Vec<Attribute>,
    name: Ident,
    facts: Vec<Ident>,
}

/// A model and what its first bases have told.
pub(crate) struct Known {
    pub(crate) bases: Bases,
    pub(crate) input: DeriveInput,
}

/// What a field with `#[model(..)]` is to its model.
pub(super) enum Role {
    /// A field like others.
    Field,
    /// A base whose fields are the model's.
    Base,
    /// The row that a row of the model extends.
    Parent(Span),
    /// A key of rows of any model, and what its columns are called.
    Generic(Span, [Ident; 2]),
}

/// What a field is to its model.
pub(super) fn role(field: &Field, mistakes: &mut Mistakes) -> Role {
    let mut role = Role::Field;
    for item in items(&field.attrs, "model", mistakes) {
        let word = item.name.to_string();
        let named = match word.as_str() {
            "flatten" => Role::Base,
            "parent" => Role::Parent(item.name.span()),
            "generic" => {
                if let Some(columns) = mistakes.take(generic_columns(&item)) {
                    role = Role::Generic(item.name.span(), columns);
                }
                continue;
            }
            _ => {
                let message = format!(
                    "a field is `#[model(flatten)]`, `#[model(parent)]` or `#[model(generic)]`, and not `{word}`{}",
                    nearest(&word, &["flatten", "parent", "generic"])
                );
                mistakes.at(item.name.span(), message);
                continue;
            }
        };
        if mistakes.take(item.flag()).unwrap_or_default() {
            role = named;
        }
    }
    role
}

/// The names of the columns of a generic key: those of `generic(kind, row)`, or else Django's.
fn generic_columns(item: &Item) -> syn::Result<[Ident; 2]> {
    if matches!(item.value, ItemValue::Flag) {
        let span = item.name.span();
        return Ok([Ident::new("content_type", span), Ident::new("object_id", span)]);
    }
    match item.list()?.iter().map(field_path).collect::<syn::Result<Vec<_>>>()?.concat().try_into() {
        Ok(columns) => Ok(columns),
        Err(_) => Err(syn::Error::new(
            item.name.span(),
            "`generic` names two columns: of the content type, and of the key",
        )),
    }
}

/// The question to the next base that has not told of its fields yet.
pub(super) fn ask_next(input: &DeriveInput, known: &Bases) -> syn::Result<Option<TokenStream>> {
    let Data::Struct(data) = &input.data else { return Ok(None) };
    // What else is wrong with attributes is told when all is known.
    let mut bases =
        data.fields.iter().filter(|field| matches!(role(field, &mut Mistakes::default()), Role::Base));
    let Some(field) = bases.nth(known.told.len()) else { return Ok(None) };
    let told = &known.tokens;
    match &field.ty {
        Type::Path(base) if base.qself.is_none() => {
            let path = &base.path;
            Ok(Some(quote_spanned!(field.ty.span() => #path! { [#told] #input })))
        }
        other => {
            Err(syn::Error::new(other.span(), "a flattened field is an abstract base, named by its own name"))
        }
    }
}

/// The macro by which a base tells of its fields.
pub(super) fn answer(base: &Definition<'_>) -> TokenStream {
    let (name, visibility) = (&base.input.ident, &base.input.vis);
    let fields = base.fields.iter().map(|field| {
        let (docs, name) = (&field.docs, &field.name);
        let facts = [
            (field.has_default(), quote!(has_default)),
            (field.is_key(), quote!(is_key)),
            (field.choices.is_some(), quote!(choices)),
            (field.primary_key.is_some(), quote!(primary_key)),
        ];
        let facts = facts.into_iter().filter(|(holds, _)| *holds).map(|(_, fact)| fact);
        quote!(#(#docs)* #name [#(#facts)*],)
    });
    let options = base.options.inheritable();
    let unique = unique_name(name);
    // A macro that other crates can use is exported to the root of its crate, whence the name that nobody else has.
    let export = matches!(visibility, syn::Visibility::Public(_)).then(|| quote!(#[macro_export]));
    quote! {
        #[doc(hidden)]
        #export
        #[allow(unused_macros, non_local_definitions)]
        macro_rules! #unique {
            ([$($told:tt)*] $($model:tt)*) => {
                ::nuages::model_with_bases! { [$($told)* (#(#fields)*; #options)] $($model)* }
            };
        }
        #[doc(hidden)]
        #[allow(unused_imports)]
        #visibility use #unique as #name;
    }
}

/// A name that no other base of the crate has: made of where it stands.
fn unique_name(name: &Ident) -> Ident {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let place = proc_macro::Span::call_site();
    let mut hasher = DefaultHasher::new();
    (place.file(), place.line(), place.column()).hash(&mut hasher);
    Ident::new(&format!("__fields_of_{name}_{:016x}", hasher.finish()), name.span())
}

impl Bases {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Told> {
        self.told.iter()
    }
}

impl Told {
    /// The base, and its fields as fields of the model.
    pub(super) fn take_over(&self, field: &Field, holder: &Ident) -> (Base, Vec<FieldDefinition>) {
        let base = &field.ty;
        let fields = self.fields.iter().enumerate().map(|(place, told)| {
            let of = quote_spanned!(base.span() => <#base as ::nuages::model::BaseField<#place>>);
            let ty = parse_quote_spanned!(base.span() => #of::Type);
            let mut taken = FieldDefinition::new(told.name.clone(), ty, told.docs.clone());
            taken.choices = told.is("choices").then(|| base.span());
            taken.primary_key = told.is("primary_key").then(|| base.span());
            taken.inherited = Some(Inherited {
                holder: holder.clone(),
                of,
                has_default: told.is("has_default"),
                is_key: told.is("is_key"),
            });
            taken
        });
        (Base { holder: holder.clone(), ty: base.clone() }, fields.collect())
    }
}

impl ToldField {
    fn is(&self, fact: &str) -> bool {
        self.facts.iter().any(|known| known == fact)
    }
}

impl Parse for Known {
    fn parse(input: ParseStream<'_>) -> syn::Result<Known> {
        let content;
        bracketed!(content in input);
        let tokens = content.fork().parse::<TokenStream>()?.into_token_stream();
        let mut told = Vec::new();
        while !content.is_empty() {
            told.push(content.parse()?);
        }
        Ok(Known { bases: Bases { told, tokens }, input: input.parse()? })
    }
}

impl Parse for Told {
    fn parse(input: ParseStream<'_>) -> syn::Result<Told> {
        let content;
        parenthesized!(content in input);
        let mut fields = Vec::new();
        while !content.peek(Token![;]) {
            fields.push(content.parse()?);
            content.parse::<Token![,]>()?;
        }
        content.parse::<Token![;]>()?;
        let options = Punctuated::<Item, Token![,]>::parse_terminated(&content)?;
        Ok(Told { fields, options: options.into_iter().collect() })
    }
}

impl Parse for ToldField {
    fn parse(input: ParseStream<'_>) -> syn::Result<ToldField> {
        let docs = input.call(Attribute::parse_outer)?;
        let name = input.call(Ident::parse_any)?;
        let content;
        bracketed!(content in input);
        let mut facts = Vec::new();
        while !content.is_empty() {
            facts.push(content.call(Ident::parse_any)?);
        }
        Ok(ToldField { docs, name, facts })
    }
}
