//! From a [`Definition`] to an implementation of `Model`.
//!
//! Everything lies in `const _: () = { .. }`, so models may live in any module or function and never meet by name.
//! What is generated has the model's own visibility.

mod hooks;
mod meta;
mod tokens;

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) use hooks::print as hooks;
pub(super) use meta::{field_meta, order};

use super::check;
use super::{Base, Definition, FieldDefinition};

pub(crate) fn print(model: &Definition<'_>) -> TokenStream {
    let meta = meta::print(model);
    let tokens = tokens::print(model);
    let draft = draft(model);
    let implementation = implementation(model);
    let displays = displays(model);
    let display = display(model);
    let placed = placed(model);
    let checks = check::print(model);
    quote! {
        #[doc(hidden)]
        #[allow(
            non_camel_case_types,
            non_upper_case_globals,
            unreachable_pub,
            missing_docs,
            missing_debug_implementations,
            dead_code,
            clippy::all,
            clippy::pedantic
        )]
        const _: () = {
            #meta
            #tokens
            #draft
            #implementation
            #displays
            #display
            #placed
            #checks
        };
    }
}

/// The draft: a slot for every field.
fn draft(model: &Definition<'_>) -> TokenStream {
    let visibility = &model.input.vis;
    let draft = format_ident!("{}Draft", model.input.ident);
    let fields = model.fields.iter().map(|field| {
        let (name, ty) = (&field.name, field.slot());
        quote!(#name: ::std::sync::OnceLock<#ty>,)
    });
    let fills = model.fields.iter().map(|field| {
        let (name, ty) = (&field.name, field.slot());
        quote! {
            impl ::nuages::draft::Slot<hop::#name> for #draft {
                type Value = #ty;
                fn slot(&self) -> &::std::sync::OnceLock<#ty> {
                    &self.#name
                }
                fn slot_mut(&mut self) -> &mut ::std::sync::OnceLock<#ty> {
                    &mut self.#name
                }
            }
        }
    });
    quote! {
        #[derive(::core::default::Default, ::core::clone::Clone)]
        #visibility struct #draft { #(#fields)* }
        #(#fills)*
    }
}

/// An instance of values for its fields; those of a base are put together by the base.
pub(super) fn assemble(
    model: &Definition<'_>,
    value: impl Fn(usize, &FieldDefinition) -> TokenStream,
) -> TokenStream {
    let fields = model.fields.iter().enumerate();
    let is_own = |field: &FieldDefinition| field.inherited.is_none() && field.part.is_none();
    let own = fields.clone().filter(|(_, field)| is_own(field)).map(|(index, field)| {
        let (name, value) = (&field.name, value(index, field));
        quote!(#name: #value,)
    });
    let bases = model.bases.iter().map(|Base { holder, ty }| {
        let of_base =
            |field: &FieldDefinition| field.inherited.as_ref().is_some_and(|from| from.holder == *holder);
        let values =
            fields.clone().filter(|(_, field)| of_base(field)).map(|(index, field)| value(index, field));
        quote!(#holder: <#ty as ::nuages::model::Base>::assemble((#(#values,)*)),)
    });
    let name = &model.input.ident;
    quote!(#name { #(#own)* #(#bases)* })
}

/// The value of a field that was not written.
pub(super) fn unwritten(field: &FieldDefinition) -> TokenStream {
    let ty = &field.ty;
    if let Some(inherited) = &field.inherited {
        let of = &inherited.of;
        return quote!(#of::unwritten());
    }
    if let Some(default) = &field.default {
        let into = quote_spanned!(default.span() => ::nuages::draft::IntoField::<#ty>::into_field);
        return quote!(::core::option::Option::Some(#into(#default)));
    }
    if let Some(span) = field.auto_now.or(field.auto_now_add) {
        return quote_spanned!(span => ::core::option::Option::Some(<#ty as ::nuages::model::obligation::Now>::now()));
    }
    if let Some(span) = field.blank {
        return quote_spanned!(span => ::core::option::Option::Some(<#ty as ::nuages::model::obligation::Blank>::blank()));
    }
    let member = field.member();
    quote_spanned!(ty.span() => #member::unset())
}

/// What a draft has of a generic key: the key, or its columns.
fn generic_draft(model: &Definition<'_>, key: &FieldDefinition) -> TokenStream {
    let (name, generic, columns) = (&key.name, key.generic(), parts_of(model, key));
    quote!(#generic::assemble(draft.#name.take(), #(draft.#columns.take()),*))
}

/// The columns of a generic key.
fn parts_of<'m>(model: &'m Definition<'_>, key: &'m FieldDefinition) -> impl Iterator<Item = &'m syn::Ident> {
    let is_column =
        move |field: &&FieldDefinition| field.part.as_ref().is_some_and(|part| part.holder == key.name);
    model.fields.iter().filter(is_column).map(|column| &column.name)
}

/// The implementations of `Model` and `Row`.
fn implementation(model: &Definition<'_>) -> TokenStream {
    let name = &model.input.ident;
    let text = name.to_string();
    let columns = format_ident!("{}Cols", name);
    let draft = format_ident!("{}Draft", name);
    let required = model.fields.iter().map(|field| {
        let (name, member) = (field.plain_name(), field.member());
        let has_default = field.has_default() || field.part.is_some();
        quote!((#name, !(#has_default || #member::OPTIONAL)),)
    });
    let finished = assemble(model, |_, field| finished(model, field, &text));
    let (key_type, key) = primary_key(model);
    let listed = (model.primary_key.len() == 1).then(|| {
        quote! {
            #[automatically_derived]
            impl ::nuages::expression::subquery::Listed for #name {
                type Class = <#key_type as ::nuages::field::Field>::Class;
            }
        }
    });
    let codec = codec(model);
    let parts = parts(model);
    let visit = visit(model);
    let hooks = hooks(model);
    let objects = model
        .options
        .objects
        .as_ref()
        .map(|objects| quote!(fn objects() -> ::nuages::queryset::QuerySet<Self> { #objects() }));
    quote! {
        #listed
        #[automatically_derived]
        impl ::nuages::model::Model for #name {
            type Pk = #key_type;
            type Cols<__P: ::nuages::path::Path> = #columns<__P>;
            type Draft = #draft;
            const NAME: &'static str = #text;
            const REQUIRED: &'static [(&'static str, bool)] = &[#(#required)*];
            fn meta() -> &'static ::nuages::meta::ModelMeta {
                &META
            }
            #objects
            fn finish(mut draft: #draft) -> ::core::result::Result<Self, ::nuages::draft::MissingField> {
                let mut instance = #finished;
                ::nuages::model::Model::bind(&mut instance);
                ::core::result::Result::Ok(instance)
            }
            fn pk(&self) -> ::core::option::Option<#key_type> {
                #key
            }
            #codec
            #parts
            #visit
            #hooks
        }
        #[automatically_derived]
        impl ::nuages::row::Row for #name {
            fn read<__R: ::nuages::field::RowReader + ?Sized>(
                row: &__R,
                columns: &mut ::nuages::row::Columns<'_>,
            ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
                ::nuages::row::read_instance(row, columns)
            }

            fn instance(&mut self) -> ::core::option::Option<&mut dyn ::core::any::Any> {
                ::core::option::Option::Some(self)
            }
        }
    }
}

/// A field of an instance that is made of a draft. `?` would be more code in each of them.
fn finished(model: &Definition<'_>, field: &FieldDefinition, text: &str) -> TokenStream {
    let (name, plain) = (&field.name, field.plain_name());
    let taken = if field.generic.is_some() || field.parent.is_some() {
        let (member, value) = (field.member(), unwritten(field));
        let written = match field.parent {
            None => generic_draft(model, field),
            Some(_) => {
                let extends = field.extends();
                quote!(draft.#name.take().map(#extends::of_slot))
            }
        };
        let otherwise = if field.generic.is_some() { quote!(#member::unset()) } else { value };
        quote! {
            #written.or_else(|| #otherwise)
                .ok_or(::nuages::draft::MissingField { model: #text, field: #plain })
        }
    } else {
        let value = unwritten_by(field);
        quote!(::nuages::draft::taken(&mut draft.#name, #value, #text, #plain))
    };
    quote! {
        match #taken {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(missing) => return ::core::result::Result::Err(missing),
        }
    }
}

/// The function that gives the value of a field that was not written.
fn unwritten_by(field: &FieldDefinition) -> TokenStream {
    let value = unwritten(field);
    if let Some(inherited) = &field.inherited {
        let of = &inherited.of;
        return quote!(#of::unwritten);
    }
    let is_unset = field.default.is_none()
        && field.auto_now.is_none()
        && field.auto_now_add.is_none()
        && field.blank.is_none();
    match is_unset {
        true => {
            let member = field.member();
            quote_spanned!(field.ty.span() => #member::unset)
        }
        false => quote!(|| #value),
    }
}

/// The type of the primary key, and how it is taken from an instance.
fn primary_key(model: &Definition<'_>) -> (TokenStream, TokenStream) {
    let parts = model.primary_key.iter().map(|index| &model.fields[*index]);
    let types = parts.clone().map(|field| {
        let member = field.member();
        quote!(#member::Key)
    });
    let values = parts.map(|field| {
        let (value, member) = (field.get(&quote!(self)), field.member());
        quote!(#member::key(#value))
    });
    match model.primary_key.len() {
        1 => (quote!(#(#types)*), quote!(#(#values)*)),
        _ => (quote!((#(#types,)*)), quote!(::core::option::Option::Some((#(#values?,)*)))),
    }
}

/// Writing, reading, binding.
fn codec(model: &Definition<'_>) -> TokenStream {
    let written = model.fields.iter().enumerate().map(|(index, field)| {
        let (value, member) = (field.get(&quote!(self)), field.member());
        quote!(#member::encode(#value, row, POSITIONS[#index] as usize);)
    });
    let read = assemble(model, |index, field| {
        let member = field.member();
        quote! {
            match #member::decode(row, POSITIONS[#index] as usize) {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(error) => return ::core::result::Result::Err(error),
            }
        }
    });
    let binds = model.fields.iter().map(|field| {
        let member = field.member();
        quote!(|| #member::BINDS)
    });
    let bound =
        (0u16..).zip(&model.fields).filter(|(_, field)| field.part.is_none()).map(|(index, field)| {
            let (value, member) = (field.get_mut(&quote!(self)), field.member());
            quote!(#member::bind(#value, &META, #index, &key);)
        });
    quote! {
        fn encode<__W: ::nuages::field::RowWriter>(&self, row: &mut __W) {
            #(#written)*
        }
        fn decode<__R: ::nuages::field::RowReader + ?Sized>(
            row: &__R,
        ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
            let mut read = ::core::result::Result::Ok(#read);
            if let ::core::result::Result::Ok(instance) = &mut read {
                ::nuages::model::Model::bind(instance);
            }
            read
        }
        #[inline]
        fn bind(&mut self) {
            if const { false #(#binds)* } {
                let key = ::nuages::relation::OwnerKey::of(::nuages::model::Model::pk(self).as_ref());
                #(#bound)*
            }
        }
    }
}

/// Single columns of a draft.
fn parts(model: &Definition<'_>) -> TokenStream {
    let draft = format_ident!("{}Draft", model.input.ident);
    let read = (0u16..).zip(&model.fields).map(|(index, field)| {
        let (name, member) = (&field.name, field.member());
        if field.parent.is_some() {
            let extends = field.extends();
            let read = quote!(#extends::into_slot(#member::decode(row, column)?));
            return quote!(#index => draft.#name = ::std::sync::OnceLock::from(#read),);
        }
        quote!(#index => return ::nuages::draft::read(&mut draft.#name, row, column),)
    });
    let values = (0u16..).zip(&model.fields).map(|(index, field)| {
        let name = &field.name;
        let value = match field.parent {
            None => quote!(::nuages::model::member_value),
            Some(_) => quote!(::nuages::relation::Extended::value),
        };
        let written = quote!(draft.#name.get().map(#value));
        let other = match &field.part {
            Some(part) => {
                let (holder, column) = (&part.holder, part.column(""));
                quote!(.or_else(|| draft.#holder.get().map(#column).map(#value)))
            }
            None if field.generic.is_some() => {
                let columns = parts_of(model, field);
                let both = columns.map(|column| quote!(draft.#column.get()?;));
                quote!(.or_else(|| { #(#both)* ::core::option::Option::Some(::nuages::field::Value::Null) }))
            }
            None => TokenStream::new(),
        };
        quote!(#index => #written #other,)
    });
    let slots = (0u16..).zip(&model.fields).map(|(index, field)| {
        let name = &field.name;
        quote!(#index => &mut draft.#name,)
    });
    quote! {
        fn slot_mut(draft: &mut #draft, field: u16) -> ::core::option::Option<&mut dyn ::core::any::Any> {
            ::core::option::Option::Some(match field {
                #(#slots)*
                _ => return ::core::option::Option::None,
            })
        }
        fn read_part<__R: ::nuages::field::RowReader + ?Sized>(
            draft: &mut #draft,
            field: u16,
            row: &__R,
            column: usize,
        ) -> ::core::result::Result<(), ::nuages::field::DecodeError> {
            match field {
                #(#read)*
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
        fn part(draft: &#draft, field: u16) -> ::core::option::Option<::nuages::field::Value> {
            match field {
                #(#values)*
                _ => ::core::option::Option::None,
            }
        }
    }
}

/// `get_status_display` for fields with choices.
pub(super) fn displays(model: &Definition<'_>) -> TokenStream {
    let (name, visibility) = (&model.input.ident, &model.input.vis);
    let methods = model.fields.iter().filter_map(|field| {
        let span = field.choices?;
        let (value, ty) = (field.get(&quote!(self)), &field.ty);
        let method = format_ident!("get_{}_display", field.plain_name(), span = field.name.span());
        let docs = format!("The label of `{}`.", field.plain_name());
        let display = quote_spanned!(span => <#ty as ::nuages::field::Labelled>::display);
        Some(quote! {
            #[doc = #docs]
            #visibility fn #method(&self) -> <#ty as ::nuages::field::Labelled>::Label<'_> {
                #display(#value)
            }
        })
    });
    let methods: Vec<_> = methods.collect();
    match methods.is_empty() {
        true => TokenStream::new(),
        false => quote!(impl #name { #(#methods)* }),
    }
}

/// The places of its rows among those of one parent, if they have some.
fn placed(model: &Definition<'_>) -> Option<TokenStream> {
    let parent = model.options.order_with_respect_to.as_ref()?;
    let place = &model.fields[model.place()?].name;
    let (name, ty) = (&model.input.ident, &model.fields[model.index_of(parent)?].ty);
    let places = quote_spanned!(parent.span() => ::nuages::order::Places::of(#name::#parent, #name::#place));
    Some(quote! {
        #[automatically_derived]
        impl ::nuages::order::InOrder for #name {
            type Parent = <#ty as ::nuages::relation::Forward>::Model;
            const PLACES: ::nuages::order::Places<Self, Self::Parent> = #places;
        }
    })
}

/// `Display`, if the model says how it reads.
fn display(model: &Definition<'_>) -> Option<TokenStream> {
    let (span, function) = model.options.display.as_ref()?;
    let name = &model.input.ident;
    let write = match function {
        Some(function) => quote_spanned!(function.span() => ::core::fmt::Display::fmt(&#function(self), f)),
        None => quote_spanned!(*span => f.write_str(&::nuages::model::Describe::describe(self))),
    };
    Some(quote! {
        #[automatically_derived]
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #write
            }
        }
    })
}

/// From a number to a field.
fn visit(model: &Definition<'_>) -> TokenStream {
    let fields = || (0u16..).zip(&model.fields);
    let get = fields().map(|(index, field)| {
        let get = field.get(&quote!(self));
        quote!(#index => #get,)
    });
    let get_mut = fields().map(|(index, field)| {
        let get_mut = field.get_mut(&quote!(self));
        quote!(#index => #get_mut,)
    });
    let visited = fields().map(|(index, field)| {
        let member = field.member();
        quote! {
            #index if !#member::IS_VALUE => #member::accept(::nuages::model::Accessor::new(#index), visitor),
        }
    });
    let count = model.fields.len();
    quote! {
        fn any_member(&self, field: u16) -> ::core::option::Option<&dyn ::nuages::model::AnyMember> {
            ::core::option::Option::Some(match field {
                #(#get)*
                _ => return ::core::option::Option::None,
            })
        }
        fn any_member_mut(
            &mut self,
            field: u16,
        ) -> ::core::option::Option<&mut dyn ::nuages::model::AnyMember> {
            ::core::option::Option::Some(match field {
                #(#get_mut)*
                _ => return ::core::option::Option::None,
            })
        }
        fn visit<__V: ::nuages::model::FieldVisitor<Self>>(field: u16, visitor: __V) -> ::core::option::Option<__V::Output> {
            ::core::option::Option::Some(match field {
                #(#visited)*
                _ if usize::from(field) < #count => visitor.column(),
                _ => return ::core::option::Option::None,
            })
        }
    }
}
