//! How attributes are read: `#[field(unique, max_length = 200, through_fields(a, b))]` is a list of [`Item`]s.
//!
//! Every value is a Rust expression, so that commas within types and minus signs are Rust's business and not ours.
//! Mistakes are gathered in [`Mistakes`] and reported together.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Token, UnOp};

/// One word of an attribute, and what was said of it.
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) value: ItemValue,
}

/// What was said of a word.
pub(crate) enum ItemValue {
    /// Nothing: `unique`.
    Flag,
    /// A value: `max_length = 200`.
    Value(Expr),
    /// A list: `index(a, -b, name = "ab")`.
    List(Vec<Expr>),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Item> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            ItemValue::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            ItemValue::List(Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect())
        } else {
            ItemValue::Flag
        };
        Ok(Item { name, value })
    }
}

/// The items of all attributes called `name`.
pub(crate) fn items(attributes: &[Attribute], name: &str, mistakes: &mut Mistakes) -> Vec<Item> {
    let mut items = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        let parsed = attribute.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated);
        if let Some(parsed) = mistakes.take(parsed) {
            items.extend(parsed);
        }
    }
    items
}

/// Everything wrong with the input, reported together.
#[derive(Default)]
pub(crate) struct Mistakes(Option<syn::Error>);

impl Mistakes {
    /// Adds a mistake.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// Adds a mistake at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    /// What was parsed, if it could be.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// All mistakes as one error, if there are any.
    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

impl Item {
    /// A flag: `unique` or `unique = true`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.value {
            ItemValue::Flag => Ok(true),
            ItemValue::Value(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Ok(value.value),
            _ => Err(self.expected("nothing, `true` or `false`")),
        }
    }

    /// A value.
    pub(crate) fn expression(&self) -> syn::Result<&Expr> {
        match &self.value {
            ItemValue::Value(value) => Ok(value),
            _ => Err(syn::Error::new(self.name.span(), format!("`{}` needs a value: `{0} = ..`", self.name))),
        }
    }

    /// Whether the value is a function, named by a path: `Self::newest`.
    pub(crate) fn is_function(&self) -> bool {
        matches!(&self.value, ItemValue::Value(Expr::Path(path)) if path.path.segments.len() > 1)
    }

    /// A text: `"Title"`.
    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        literal_text(self.expression()?).ok_or_else(|| self.expected("a text in quotes"))
    }

    /// A list in parentheses.
    pub(crate) fn list(&self) -> syn::Result<&[Expr]> {
        match &self.value {
            ItemValue::List(list) => Ok(list),
            _ => Err(self.expected("a list in parentheses")),
        }
    }

    /// The name of another field: `unique_for_date = published`.
    pub(crate) fn field(&self) -> syn::Result<Ident> {
        match field_path(self.expression()?)?.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err(self.expected("the name of a field of the same model")),
        }
    }

    /// Expressions, alone or in brackets: `[min_value(1), max_value(5)]`.
    pub(crate) fn expressions(&self) -> syn::Result<Vec<Expr>> {
        match self.expression()? {
            Expr::Array(array) => Ok(array.elems.iter().cloned().collect()),
            single => Ok(vec![single.clone()]),
        }
    }

    /// Names with or without a minus, alone or in brackets: `-created_at`, `[-created_at, author.username]`.
    pub(crate) fn order(&self) -> syn::Result<Vec<OrderKey>> {
        match self.expression()? {
            Expr::Array(array) => array.elems.iter().map(OrderKey::new).collect(),
            single => Ok(vec![OrderKey::new(single)?]),
        }
    }

    fn expected(&self, what: &str) -> syn::Error {
        let span = match &self.value {
            ItemValue::Flag => self.name.span(),
            ItemValue::Value(value) => value.span(),
            ItemValue::List(_) => self.name.span(),
        };
        syn::Error::new(span, format!("`{}` takes {what}", self.name))
    }
}

/// A key of an ordering.
#[derive(Clone)]
pub(crate) struct OrderKey {
    pub(crate) path: Vec<Ident>,
    pub(crate) descending: bool,
}

impl ToTokens for OrderKey {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let minus = self.descending.then(|| quote!(-));
        let path = &self.path;
        tokens.extend(quote!(#minus #(#path).*));
    }
}

impl OrderKey {
    /// `created_at`, `-created_at`, `-author.username`.
    pub(crate) fn new(expression: &Expr) -> syn::Result<OrderKey> {
        match expression {
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
                Ok(OrderKey { path: field_path(&unary.expr)?, descending: true })
            }
            ascending => Ok(OrderKey { path: field_path(ascending)?, descending: false }),
        }
    }
}

/// The names of `author.username`.
pub(crate) fn field_path(expression: &Expr) -> syn::Result<Vec<Ident>> {
    let wrong = || {
        syn::Error::new(
            expression.span(),
            "expected the name of a field, such as `title` or `author.username`",
        )
    };
    match expression {
        Expr::Path(path) => Ok(vec![path.path.get_ident().cloned().ok_or_else(wrong)?]),
        Expr::Field(field) => {
            let mut path = field_path(&field.base)?;
            match &field.member {
                syn::Member::Named(name) => path.push(name.clone()),
                syn::Member::Unnamed(_) => return Err(wrong()),
            }
            Ok(path)
        }
        _ => Err(wrong()),
    }
}

/// The text of `"text"`.
pub(crate) fn literal_text(expression: &Expr) -> Option<LitStr> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

/// The word nearest to a misspelt one, as a hint at the end of a message.
pub(crate) fn nearest(word: &str, words: &[&str]) -> String {
    let near =
        words.iter().map(|other| (distance(word, other), other)).filter(|(distance, _)| *distance <= 2).min();
    near.map_or_else(String::new, |(_, other)| format!("; did you mean `{other}`?"))
}

/// The Levenshtein distance of two words, by rows.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.bytes().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, to) in right.bytes().enumerate() {
            let changed = before + usize::from(from != to);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[right.len()]
}
