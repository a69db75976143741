//! `derive(Choices)`: enums with a stored value and a label for people.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, ExprLit, Fields, Ident, Lit, LitInt, LitStr, UnOp, Variant};

use crate::attribute::{Item, Mistakes, items, nearest};

/// The enum as it was written.
struct Definition<'a> {
    input: &'a DeriveInput,
    choices: Vec<ChoiceDefinition>,
    /// The variant that takes stored values that are no choice.
    unknown: Option<Ident>,
    /// Whether values are integers.
    integer: bool,
}

/// One variant.
struct ChoiceDefinition {
    name: Ident,
    text: LitStr,
    integer: Option<i64>,
    label: LitStr,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    Ok(print(&parse(input)?))
}

fn parse(input: &DeriveInput) -> syn::Result<Definition<'_>> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "choices are the variants of an enum"));
    };
    let mut mistakes = Mistakes::default();
    let mut definition = Definition { input, choices: Vec::new(), unknown: None, integer: false };
    for variant in &data.variants {
        definition.variant(variant, &mut mistakes);
    }
    definition.integer = definition.choices.iter().any(|choice| choice.integer.is_some());
    definition.check(&mut mistakes);
    mistakes.finish()?;
    Ok(definition)
}

impl Definition<'_> {
    fn variant(&mut self, variant: &Variant, mistakes: &mut Mistakes) {
        let name = variant.ident.clone();
        let mut choice = ChoiceDefinition {
            text: LitStr::new(&words(&name, '_').to_lowercase(), name.span()),
            label: LitStr::new(&label(&name), name.span()),
            integer: None,
            name,
        };
        if let Some((_, discriminant)) = &variant.discriminant {
            choice.integer = mistakes.take(integer(discriminant));
        }
        let mut is_unknown = false;
        for item in items(&variant.attrs, "choices", mistakes) {
            let read = choice.read(&item, &mut is_unknown);
            mistakes.take(read);
        }
        match (&variant.fields, is_unknown) {
            (Fields::Unit, false) => self.choices.push(choice),
            (Fields::Unnamed(fields), true) if fields.unnamed.len() == 1 => self.unknown = Some(choice.name),
            (_, true) => mistakes
                .at(variant.span(), "the unknown value needs a place: `#[choices(unknown)] Other(String)`"),
            (_, false) => mistakes.at(
                variant.span(),
                "a choice has no fields; for values that are none write `#[choices(unknown)]`",
            ),
        }
    }

    fn check(&self, mistakes: &mut Mistakes) {
        if self.choices.is_empty() {
            mistakes.at(self.input.ident.span(), "there is nothing to choose from");
        }
        for (index, choice) in self.choices.iter().enumerate() {
            if self.integer && choice.integer.is_none() {
                mistakes
                    .at(choice.name.span(), "the other choices are integers: give this one too, `Low = 1`");
            }
            let same = |other: &ChoiceDefinition| match self.integer {
                true => other.integer == choice.integer && choice.integer.is_some(),
                false => other.text.value() == choice.text.value(),
            };
            if let Some(first) = self.choices[..index].iter().find(|other| same(other)) {
                mistakes.at(choice.name.span(), format!("stored as `{}` is", first.name));
            }
        }
    }
}

impl ChoiceDefinition {
    fn read(&mut self, item: &Item, is_unknown: &mut bool) -> syn::Result<()> {
        let word = item.name.to_string();
        match word.as_str() {
            "label" => self.label = item.text()?,
            "unknown" => *is_unknown = item.flag()?,
            "value" => match item.expression()? {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => self.text = text.clone(),
                number => self.integer = Some(integer(number)?),
            },
            _ => {
                let hint = nearest(&word, &["value", "label", "unknown"]);
                return Err(syn::Error::new(item.name.span(), format!("unknown attribute `{word}`{hint}")));
            }
        }
        Ok(())
    }

    /// What is stored, as a literal.
    fn stored(&self) -> TokenStream {
        match self.integer {
            Some(integer) => quote!(#integer),
            None => {
                let text = &self.text;
                quote!(#text)
            }
        }
    }
}

/// An integer, perhaps negative.
fn integer(expression: &Expr) -> syn::Result<i64> {
    let digits = |integer: &LitInt| integer.base10_parse::<i64>();
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => digits(number),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => integer(&unary.expr).map(|number| -number),
        _ => Err(syn::Error::new(expression.span(), "a choice is stored as a text in quotes or an integer")),
    }
}

/// `InTransit` as `In_Transit`.
fn words(name: &Ident, between: char) -> String {
    let mut words = String::new();
    for (index, letter) in name.to_string().char_indices() {
        if index > 0 && letter.is_uppercase() {
            words.push(between);
        }
        words.push(letter);
    }
    words
}

/// `InTransit` as Django labels it: `In Transit`.
fn label(name: &Ident) -> String {
    words(name, ' ')
}

/// What of the output depends on whether values are texts or integers.
struct Storage {
    class: TokenStream,
    data_type: TokenStream,
    value: TokenStream,
    choice: TokenStream,
    /// Writes `self.value()`.
    encode: TokenStream,
    /// Reads what is stored as an `Option`.
    decode: TokenStream,
    /// The types that are compared with the enum as if they were it.
    operands: Vec<TokenStream>,
    /// Makes a field of the unknown variant of what was read.
    keep: TokenStream,
}

impl Storage {
    fn of(definition: &Definition<'_>) -> Storage {
        if definition.integer {
            return Storage {
                class: quote!(Number),
                data_type: quote!(BigInt),
                value: quote!(i64),
                choice: quote!(Int),
                encode: quote!(row.int(column, self.value())),
                decode: quote!(row.int(column)),
                operands: vec![quote!(i32), quote!(i64)],
                keep: quote!(stored),
            };
        }
        Storage {
            class: quote!(Text),
            data_type: quote!(Text { max_length: ::core::option::Option::None }),
            value: quote!(&str),
            choice: quote!(Text),
            encode: quote!(row.text(column, self.value())),
            decode: quote!(row.text(column)),
            operands: vec![quote!(&str), quote!(::std::string::String)],
            keep: quote!(::core::convert::Into::into(stored)),
        }
    }
}

fn print(definition: &Definition<'_>) -> TokenStream {
    let name = &definition.input.ident;
    let storage = Storage::of(definition);
    let methods = methods(definition, &storage);
    let field = field(definition, &storage);
    let operands = storage.operands.iter().map(|operand| {
        quote! {
            impl<M> ::nuages::expression::Operand<#name, M> for #operand {
                fn into_node(self) -> ::nuages::node::Node {
                    ::nuages::node::Node::Value(::core::convert::Into::into(self))
                }
            }
        }
    });
    let length =
        (!definition.integer).then(|| quote!(impl ::nuages::model::obligation::HasLength for #name {}));
    quote! {
        #[doc(hidden)]
        const _: () = {
            #methods
            #field
            #(#operands)*
            #length
        };
    }
}

fn methods(definition: &Definition<'_>, storage: &Storage) -> TokenStream {
    let name = &definition.input.ident;
    let visibility = &definition.input.vis;
    let Storage { choice, value, .. } = storage;
    let names: Vec<_> = definition.choices.iter().map(|choice| &choice.name).collect();
    let labels: Vec<_> = definition.choices.iter().map(|choice| &choice.label).collect();
    let values: Vec<_> = definition.choices.iter().map(ChoiceDefinition::stored).collect();
    let texts = names.iter().map(ToString::to_string);
    let (unknown_value, unknown_label) = match &definition.unknown {
        None => (None, None),
        Some(unknown) if definition.integer => {
            let text = quote!(::std::borrow::Cow::Owned(::std::string::ToString::to_string(stored)));
            (
                Some(quote!(#name::#unknown(stored) => *stored,)),
                Some(quote!(#name::#unknown(stored) => #text,)),
            )
        }
        Some(unknown) => (
            Some(quote!(#name::#unknown(stored) => stored,)),
            Some(quote!(#name::#unknown(stored) => ::std::borrow::Cow::Borrowed(stored),)),
        ),
    };
    quote! {
        impl #name {
            /// What is stored.
            #visibility fn value(&self) -> #value {
                match self {
                    #(#name::#names => #values,)*
                    #unknown_value
                }
            }
        }
        #[automatically_derived]
        impl ::nuages::field::Choices for #name {
            const CHOICES: &'static [::nuages::meta::Choice] = &[#(
                ::nuages::meta::Choice { value: ::nuages::meta::ChoiceValue::#choice(#values), label: #labels },
            )*];
            const NAMES: &'static [&'static str] = &[#(#texts),*];
            fn label(&self) -> ::std::borrow::Cow<'_, str> {
                match self {
                    #(#name::#names => ::std::borrow::Cow::Borrowed(#labels),)*
                    #unknown_label
                }
            }
        }
        #[automatically_derived]
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.value(), f)
            }
        }
    }
}

fn field(definition: &Definition<'_>, storage: &Storage) -> TokenStream {
    let name = &definition.input.ident;
    let Storage { class, data_type, encode, decode, keep, .. } = storage;
    let names = definition.choices.iter().map(|choice| &choice.name);
    let values = definition.choices.iter().map(ChoiceDefinition::stored);
    let unknown = match &definition.unknown {
        Some(unknown) => {
            quote!(::core::option::Option::Some(stored) => ::core::result::Result::Ok(#name::#unknown(#keep)),)
        }
        None => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        impl ::nuages::field::Field for #name {
            type Base = #name;
            type Class = ::nuages::expression::class::#class;
            type Null = ::nuages::path::NotNull;
            const DATA_TYPE: ::nuages::field::DataType = ::nuages::field::DataType::#data_type;
            const CHOICES: ::core::option::Option<&'static [::nuages::meta::Choice]> =
                ::core::option::Option::Some(<#name as ::nuages::field::Choices>::CHOICES);
            fn base(&self) -> ::core::option::Option<&#name> {
                ::core::option::Option::Some(self)
            }
            fn encode<__W: ::nuages::field::RowWriter>(&self, row: &mut __W, column: usize) {
                #encode
            }
            fn decode<__R: ::nuages::field::RowReader + ?Sized>(
                row: &__R,
                column: usize,
            ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
                match #decode {
                    #(::core::option::Option::Some(#values) => ::core::result::Result::Ok(#name::#names),)*
                    #unknown
                    _ => ::core::result::Result::Err(::nuages::field::DecodeError::new(
                        row,
                        column,
                        <#name as ::nuages::field::Field>::DATA_TYPE,
                    )),
                }
            }
        }
    }
}
