//! `derive(Field)`: a newtype around a field is a field.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let wrong =
        || syn::Error::new(input.ident.span(), "`derive(Field)` is for newtypes: `struct UserId(i64);`");
    let Data::Struct(data) = &input.data else { return Err(wrong()) };
    let Fields::Unnamed(fields) = &data.fields else { return Err(wrong()) };
    let inner = match fields.unnamed.iter().collect::<Vec<_>>().as_slice() {
        [field] => &field.ty,
        _ => return Err(wrong()),
    };
    let name = &input.ident;
    Ok(quote! {
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            impl ::nuages::field::Field for #name {
                type Base = #name;
                type Class = <#inner as ::nuages::field::Field>::Class;
                type Null = ::nuages::path::NotNull;
                const DATA_TYPE: ::nuages::field::DataType = <#inner as ::nuages::field::Field>::DATA_TYPE;
                const UNSIGNED: ::core::option::Option<i64> = <#inner as ::nuages::field::Field>::UNSIGNED;
                const FORMAT: ::nuages::meta::TextFormat = <#inner as ::nuages::field::Field>::FORMAT;
                const CHOICES: ::core::option::Option<&'static [::nuages::meta::Choice]> =
                    <#inner as ::nuages::field::Field>::CHOICES;
                fn base(&self) -> ::core::option::Option<&#name> {
                    ::core::option::Option::Some(self)
                }
                fn encode<__W: ::nuages::field::RowWriter>(&self, row: &mut __W, column: usize) {
                    ::nuages::field::Field::encode(&self.0, row, column);
                }
                fn decode<__R: ::nuages::field::RowReader + ?Sized>(
                    row: &__R,
                    column: usize,
                ) -> ::core::result::Result<Self, ::nuages::field::DecodeError> {
                    <#inner as ::nuages::field::Field>::decode(row, column).map(#name)
                }
            }
            impl<__R: ::nuages::model::Model, __M> ::nuages::expression::Operand<::nuages::relation::ForeignKey<__R>, __M> for #name
            where
                #name: ::nuages::expression::Operand<__R::Pk, __M>,
            {
                fn into_node(self) -> ::nuages::node::Node {
                    <#name as ::nuages::expression::Operand<__R::Pk, __M>>::into_node(self)
                }
            }
            impl<__R: ::nuages::model::Model> ::nuages::draft::IntoField<::nuages::relation::ForeignKey<__R>> for #name
            where
                #name: ::nuages::draft::IntoField<__R::Pk>,
            {
                fn into_field(self) -> ::nuages::relation::ForeignKey<__R> {
                    ::nuages::relation::ForeignKey::to_key(self.into_field())
                }
            }
        };
    })
}
