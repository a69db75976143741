//! `q!`: conditions in Django's words.
//!
//! `q!(Post, author__username = "alice", view_count__gte = 100)` becomes
//! `Post::author.username.eq("alice") & Post::view_count.gte(100)`; so a misspelt field is the compiler's error,
//! under the user's own word.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprRange, Ident, Path, Token};

/// A model and conditions on it, all of which must hold.
pub(crate) struct Query {
    model: Path,
    conditions: Punctuated<Condition, Token![,]>,
}

/// `author__username = "alice"`.
struct Condition {
    words: Ident,
    value: Expr,
}

impl Parse for Query {
    fn parse(input: ParseStream<'_>) -> syn::Result<Query> {
        let model = input.parse()?;
        if input.is_empty() {
            return Ok(Query { model, conditions: Punctuated::new() });
        }
        input.parse::<Token![,]>()?;
        Ok(Query { model, conditions: Punctuated::parse_terminated(input)? })
    }
}

impl Parse for Condition {
    fn parse(input: ParseStream<'_>) -> syn::Result<Condition> {
        let mut words: Ident = input.call(Ident::parse_any)?;
        // `author.username = ..` means what `author__username = ..` does.
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            let next: Ident = input.call(Ident::parse_any)?;
            let span = words.span().join(next.span()).unwrap_or(words.span());
            words = Ident::new(&format!("{words}__{next}"), span);
        }
        if words.to_string().split("__").any(str::is_empty) {
            return Err(syn::Error::new(words.span(), "a name is missing before or after `__`"));
        }
        input.parse::<Token![=]>()?;
        Ok(Condition { words, value: input.parse()? })
    }
}

impl Query {
    /// The condition as an expression of type `Q`.
    pub(crate) fn print(&self) -> TokenStream {
        let model = &self.model;
        // As Django's `Q` sorts its keyword arguments, so that their order does not tell two conditions apart.
        let mut sorted: Vec<&Condition> = self.conditions.iter().collect();
        sorted.sort_by_key(|condition| condition.words.to_string());
        let conditions = sorted.into_iter().map(|condition| condition.print(model));
        if self.conditions.is_empty() {
            return quote!(::nuages::expression::Q::<#model>::all());
        }
        quote!((#(#conditions)&*))
    }
}

/// Django's words and ours, where they differ.
const METHODS: &[(&str, &str)] = &[
    ("exact", "eq"),
    ("iexact", "iexact"),
    ("contains", "contains"),
    ("icontains", "icontains"),
    ("startswith", "starts_with"),
    ("istartswith", "istarts_with"),
    ("endswith", "ends_with"),
    ("iendswith", "iends_with"),
    ("gt", "gt"),
    ("gte", "gte"),
    ("lt", "lt"),
    ("lte", "lte"),
    ("in", "is_in"),
    ("range", "range"),
    ("isnull", "is_null"),
    ("regex", "regex"),
    ("iregex", "iregex"),
];

impl Condition {
    fn print(&self, model: &Path) -> TokenStream {
        let span = self.words.span();
        let text = self.words.to_string();
        let mut names: Vec<&str> = text.trim_start_matches("r#").split("__").collect();
        let lookup = names.last().and_then(|last| METHODS.iter().find(|(word, _)| word == last));
        let method = match lookup {
            Some((_, method)) if names.len() > 1 => {
                names.pop();
                method
            }
            _ => "eq",
        };
        let method = Ident::new(method, span);
        let path = names.iter().map(|name| word(name, span)).collect::<Vec<_>>();
        let (first, rest) = (&path[0], &path[1..]);
        let arguments = self.arguments(&method);
        quote_spanned!(span => #model::#first #(.#rest)* .#method(#arguments))
    }

    /// A range is written `a..=b` or as a tuple, and becomes two arguments.
    fn arguments(&self, method: &Ident) -> TokenStream {
        let value = &self.value;
        match value {
            Expr::Range(ExprRange { start: Some(from), end: Some(to), .. }) if method == "range" => {
                quote!(#from, #to)
            }
            Expr::Tuple(tuple) if method == "range" => {
                let ends = &tuple.elems;
                quote!(#ends)
            }
            _ => quote!(#value),
        }
    }
}

/// A name as an identifier, raw if it is a keyword.
fn word(name: &str, span: Span) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ident::new(name, span),
        Err(_) => Ident::new_raw(name, span),
    }
}
