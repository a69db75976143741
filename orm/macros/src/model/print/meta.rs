//! The description of the model: `static META`.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::attribute::OrderKey;
use crate::model::{Definition, FieldDefinition};

pub(super) fn print(model: &Definition<'_>) -> TokenStream {
    let name = model.input.ident.to_string();
    let options = &model.options;
    let app = options.app.as_ref().map_or_else(crate_name, syn::LitStr::value);
    let table = match &options.table {
        Some(table) => table.value(),
        None => format!("{app}_{}", name.to_lowercase()),
    };
    let verbose = options.verbose_name.as_ref().map_or_else(|| spaced(&name), syn::LitStr::value);
    let plural =
        options.verbose_name_plural.as_ref().map_or_else(|| format!("{verbose}s"), syn::LitStr::value);
    let count = model.fields.len();
    let fields = model.fields.iter().enumerate().map(|(index, field)| field_meta(model, index, field));
    let primary_key = model.primary_key.iter().map(|index| place(*index));
    let parent = match model.parent() {
        Some((index, _)) => {
            let place = place(index);
            quote!(::core::option::Option::Some(#place))
        }
        None => quote!(::core::option::Option::None),
    };
    let mut ordering: Vec<_> = options.ordering.iter().map(order).collect();
    let placed = match (&options.order_with_respect_to, model.place()) {
        (Some(parent), Some(place_index)) => {
            ordering.push(quote!(::nuages::meta::OrderMeta { path: &["_order"], descending: false }));
            let (parent, place) = (place(model.place_of(parent).unwrap_or_default()), place(place_index));
            quote!(::core::option::Option::Some(::nuages::meta::Placed { parent: #parent, place: #place }))
        }
        _ => quote!(::core::option::Option::None),
    };
    let latest = options.get_latest_by.iter().map(order);
    let together = options.unique_together.iter().map(|names| {
        let places = names.iter().filter_map(|name| model.place_of(name)).map(place);
        quote!(&[#(#places),*])
    });
    let indexes = options.indexes.iter().map(|index| {
        let name = match &index.name {
            Some(name) => quote!(::core::option::Option::Some(#name)),
            None => quote!(::core::option::Option::None),
        };
        let keys = index.keys.iter().filter_map(|key| {
            let (place, descending) = (place(model.place_of(&key.path[0])?), key.descending);
            Some(quote!((#place, #descending)))
        });
        quote!(::nuages::meta::IndexMeta { name: #name, fields: &[#(#keys),*] })
    });
    // By these two columns the rows that point at a row are found.
    let generic =
        (0..model.fields.len()).filter(|index| model.fields[*index].generic.is_some()).map(|index| {
            let [content_type, object_id] = [place(index + 1), place(index + 2)];
            let keys = quote!(&[(#content_type, false), (#object_id, false)]);
            quote!(::nuages::meta::IndexMeta { name: ::core::option::Option::None, fields: #keys })
        });
    let indexes = indexes.chain(generic);
    let related_name = match &options.default_related_name {
        Some(name) => quote!(::core::option::Option::Some(#name)),
        None => quote!(::core::option::Option::None),
    };
    let constraints = match &options.constraints {
        Some(constraints) => {
            quote!(::core::option::Option::Some(|| ::nuages::constraint::into_metas(#constraints())))
        }
        None => quote!(::core::option::Option::None),
    };
    let ordering_by = match &options.ordering_by {
        Some(ordering) => {
            let ident = &model.input.ident;
            quote!(::core::option::Option::Some(|| ::nuages::order::into_nodes::<#ident>(#ordering())))
        }
        None => quote!(::core::option::Option::None),
    };
    let managed = !options.unmanaged;
    let declared = match &options.index_functions {
        Some(indexes) => quote!(::core::option::Option::Some(|| ::nuages::index::into_metas(#indexes()))),
        None => quote!(::core::option::Option::None),
    };
    let [auto, stamped, foreign_keys] = ["Auto", "Stamped", "ForeignKey"].map(with_role);
    let description = quote! {
        const FIELDS: [::nuages::meta::FieldMeta; #count] = [#(#fields),*];
        static POSITIONS: [u16; #count] = ::nuages::meta::positions(&FIELDS);
        static META: ::nuages::meta::ModelMeta = ::nuages::meta::ModelMeta {
            name: #name,
            app: #app,
            table: #table,
            fields: &FIELDS,
            positions: &POSITIONS,
            auto: #auto,
            stamped: #stamped,
            foreign_keys: #foreign_keys,
            primary_key: &[#(#primary_key),*],
            parent: #parent,
            ordering: &[#(#ordering),*],
            ordering_by: #ordering_by,
            placed: #placed,
            managed: #managed,
            indexes: &[#(#indexes),*],
            declared_indexes: #declared,
            unique_together: &[#(#together),*],
            constraints: #constraints,
            verbose_name: #verbose,
            verbose_name_plural: #plural,
            get_latest_by: &[#(#latest),*],
            default_related_name: #related_name,
        };
    };
    of_model(description, &model.input.ident)
}

/// The description with the model's name where attributes say `Self`, which has no meaning outside of an `impl`.
fn of_model(tokens: TokenStream, name: &Ident) -> TokenStream {
    let named = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(word) if word == "Self" => {
            let mut name = name.clone();
            name.set_span(word.span());
            TokenTree::Ident(name)
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), of_model(group.stream(), name));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    });
    named.collect()
}

/// The places of the fields that have a role, found at compile time.
fn with_role(role: &str) -> TokenStream {
    let role = Ident::new(role, proc_macro2::Span::call_site());
    quote!({
        const ROLE: ::nuages::meta::Role = ::nuages::meta::Role::#role;
        const PLACES: [u16; ::nuages::meta::count(&FIELDS, ROLE)] = ::nuages::meta::places(&FIELDS, ROLE);
        &PLACES
    })
}

impl Definition<'_> {
    /// The place of a field that is named by itself or, if it is a key, as `author_id`.
    fn place_of(&self, name: &Ident) -> Option<usize> {
        let key = || {
            self.fields
                .iter()
                .position(|field| field.is_key() && *name == format!("{}_id", field.plain_name()))
        };
        self.index_of(name).or_else(key)
    }
}

pub(in crate::model) fn field_meta(
    model: &Definition<'_>,
    index: usize,
    field: &FieldDefinition,
) -> TokenStream {
    let (ty, member, name, column) = (&field.ty, field.member(), field.plain_name(), field.column_name());
    let verbose = field.verbose_name.as_ref().map_or_else(|| name.replace('_', " "), syn::LitStr::value);
    let primary_key = model.primary_key.contains(&index).then(|| quote!(.primary_key(true)));
    if let Some(inherited) = &field.inherited {
        let of = &inherited.of;
        return quote!(#of::META #primary_key);
    }
    let mut setters = vec![quote!(.verbose_name(#verbose))];
    setters.extend(primary_key);
    if field.unique {
        setters.push(quote!(.unique(true)));
    }
    if field.db_index {
        setters.push(quote!(.db_index(true)));
    }
    if field.blank.is_some() {
        setters.push(quote!(.blank(true)));
    }
    if field.auto_now.is_some() {
        setters.push(quote!(.auto_now(true)));
    }
    if field.auto_now_add.is_some() {
        setters.push(quote!(.auto_now_add(true)));
    }
    let automatic = field.auto_now.is_some() || field.auto_now_add.is_some();
    if automatic || field.editable.is_some() {
        let editable = field.editable.unwrap_or(!automatic);
        setters.push(quote!(.editable(#editable)));
    }
    if let Some(length) = &field.max_length {
        setters.push(quote!(.max_length(#length)));
    }
    if let (Some(digits), Some(places)) = (&field.max_digits, &field.decimal_places) {
        setters.push(quote!(.digits(#digits, #places)));
    }
    setters.extend(value_setters(model, field));
    if let Some(text) = &field.help_text {
        setters.push(quote!(.help_text(#text)));
    }
    if !field.error_messages.is_empty() {
        let messages = field.error_messages.iter().map(|(code, text)| quote!((#code, #text)));
        setters.push(quote!(.error_messages(&[#(#messages),*])));
    }
    if let Some(default) = &field.default {
        let into = quote_spanned!(default.span() => ::nuages::draft::IntoField::<#ty>::into_field);
        setters.push(quote! {
            .default(::core::option::Option::Some(|| ::nuages::model::member_value::<#ty>(&#into(#default))))
        });
    }
    setters.extend(relation_setters(field));
    if field.part.is_some() {
        let read = field.read();
        setters.push(quote!(.null(#read::NULL)));
    }
    let description = quote_spanned!(ty.span() => #member::DESCRIPTION);
    quote!(#description.named(#name, #column) #(#setters)*)
}

/// What validators and the database do with values.
fn value_setters(model: &Definition<'_>, field: &FieldDefinition) -> Vec<TokenStream> {
    let (ty, name) = (&field.ty, &model.input.ident);
    let mut setters = Vec::new();
    if !field.validators.is_empty() {
        let count = field.validators.len();
        let validators = field.validators.iter().map(|validator| {
            quote_spanned!(validator.span() => ::nuages::validate::IntoValidator::into_validator(#validator))
        });
        setters.push(quote!(.validators(::core::option::Option::Some(|| {
            static VALIDATORS: ::std::sync::LazyLock<[::nuages::validate::Validator; #count]> =
                ::std::sync::LazyLock::new(|| [#(#validators),*]);
            &*VALIDATORS
        }))));
    }
    if !field.unique_for.is_empty() {
        let periods = field.unique_for.iter().map(|(period, of)| {
            let period = Ident::new(period, of.span());
            let place = model
                .place_of(of)
                .map_or_else(|| quote_spanned!(of.span() => ::nuages::path::field_of(#name::#of)), place);
            quote!(::nuages::meta::UniqueFor { period: ::nuages::meta::Period::#period, field: #place })
        });
        setters.push(quote!(.unique_for(&[#(#periods),*])));
    }
    if let Some(folder) = &field.upload_to {
        setters.push(quote!(.upload_to(::core::option::Option::Some(#folder))));
    }
    let base = quote_spanned!(ty.span() => <#ty as ::nuages::field::Field>::Base);
    if let Some(default) = &field.db_default {
        let operand = quote_spanned!(default.span() => ::nuages::expression::Operand::<#base, ()>::into_node);
        setters.push(quote!(.db_default(::core::option::Option::Some(|| #operand(#default)))));
    }
    if let Some(generated) = &field.generated {
        let operand =
            quote_spanned!(generated.span() => ::nuages::expression::Operand::<#base, #name>::into_node);
        setters.push(quote!(.generated(::core::option::Option::Some(|| #operand(#generated)))));
    }
    setters
}

fn relation_setters(field: &FieldDefinition) -> Vec<TokenStream> {
    let mut setters = Vec::new();
    if let Some(on_delete) = &field.on_delete {
        let word = Ident::new(&on_delete.word.to_string(), proc_macro2::Span::call_site());
        let ty = &field.ty;
        let value = on_delete.set.as_ref().map(|set| {
            let into = quote_spanned!(set.span() => ::nuages::draft::IntoField::<#ty>::into_field);
            quote!((|ex| ::core::result::Result::Ok(::nuages::model::member_value::<#ty>(&#into(#set(ex)?)))))
        });
        setters.push(quote!(.on_delete(::nuages::meta::OnDelete::#word #value)));
    }
    if let Some(related) = &field.related {
        setters.push(quote!(.reverse_of(|| ::nuages::path::field_of(#related))));
    }
    if let Some(symmetrical) = field.symmetrical {
        setters.push(quote!(.symmetrical(#symmetrical)));
    }
    if let Some((from, to)) = &field.through_fields {
        let (from, to) = (from.to_string(), to.to_string());
        setters.push(quote!(.through_fields(::core::option::Option::Some((#from, #to)))));
    }
    setters
}

pub(in crate::model) fn order(key: &OrderKey) -> TokenStream {
    let path = key.path.iter().map(ToString::to_string);
    let descending = key.descending;
    quote!(::nuages::meta::OrderMeta { path: &[#(#path),*], descending: #descending })
}

/// A place as a literal of the type that places have. No struct has so many fields that it does not fit.
fn place(index: usize) -> TokenStream {
    let index = u16::try_from(index).unwrap_or(u16::MAX);
    quote!(#index)
}

/// `BlogPost` as people write it: `blog post`.
fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_uppercase() {
            spaced.push(' ');
        }
        spaced.extend(letter.to_lowercase());
    }
    spaced
}

/// The name of the crate that is being compiled, which is the app's label unless the model says otherwise.
fn crate_name() -> String {
    let name = std::env::var("CARGO_CRATE_NAME").or_else(|_| std::env::var("CARGO_PKG_NAME"));
    name.map_or_else(|_| "app".to_owned(), |name| name.replace('-', "_"))
}
