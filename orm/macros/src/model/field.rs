//! One field of a model, as it was written.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprPath, Field, Ident, LitStr, Type, parse_quote, parse_quote_spanned};

use crate::attribute::{Item, Mistakes, field_path, items, literal_text, nearest};

/// A field.
pub(crate) struct FieldDefinition {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) max_length: Option<Expr>,
    pub(crate) max_digits: Option<Expr>,
    pub(crate) decimal_places: Option<Expr>,
    pub(crate) unique: bool,
    pub(crate) db_index: bool,
    pub(crate) primary_key: Option<Span>,
    pub(crate) default: Option<Expr>,
    pub(crate) blank: Option<Span>,
    pub(crate) editable: Option<bool>,
    pub(crate) column: Option<LitStr>,
    pub(crate) verbose_name: Option<LitStr>,
    pub(crate) help_text: Option<LitStr>,
    /// Codes of validation, and what is said of them.
    pub(crate) error_messages: Vec<(String, LitStr)>,
    pub(crate) auto_now: Option<Span>,
    pub(crate) auto_now_add: Option<Span>,
    pub(crate) on_delete: Option<OnDelete>,
    pub(crate) symmetrical: Option<bool>,
    pub(crate) through_fields: Option<(Ident, Ident)>,
    pub(crate) related: Option<ExprPath>,
    pub(crate) choices: Option<Span>,
    pub(crate) validators: Vec<Expr>,
    /// Of which field's date, month or year it is unique: the variant of `Period`, and the field.
    pub(crate) unique_for: Vec<(&'static str, Ident)>,
    pub(crate) upload_to: Option<LitStr>,
    pub(crate) db_default: Option<Expr>,
    pub(crate) generated: Option<Expr>,
    /// Whether rows of the model extend the row that it is.
    pub(crate) parent: Option<Span>,
    /// Whether it is a generic key, whose columns are the two fields after it.
    pub(crate) generic: Option<Span>,
    /// Of which generic key it is a column.
    pub(crate) part: Option<Part>,
    /// Where it comes from, if an abstract base declares it.
    pub(crate) inherited: Option<Inherited>,
}

/// A column of a generic key. Its value lies in the key.
pub(crate) struct Part {
    /// The key, a field of the struct.
    pub(crate) holder: Ident,
    /// The key's type.
    of: Type,
    /// `type` for the content type, or `id`.
    which: &'static str,
}

impl Part {
    /// `<Key as Generic>`.
    fn generic(&self) -> TokenStream {
        let of = &self.of;
        quote_spanned!(of.span() => <#of as ::nuages::relation::Generic>)
    }

    /// The function of the key that gives the column.
    pub(crate) fn column(&self, suffix: &str) -> TokenStream {
        let (generic, name) = (self.generic(), format_ident!("{}_column{}", self.which, suffix));
        quote!(#generic::#name)
    }

    /// What reading the column gives: an `Option` only if the key is one.
    fn read(&self) -> TokenStream {
        let (generic, of) = (self.generic(), &self.of);
        let column = if self.which == "type" { quote!(TypeColumn) } else { quote!(IdColumn) };
        quote_spanned!(of.span() => <#generic::#column as ::nuages::model::Member>)
    }
}

/// A field that an abstract base declares. The model knows its name and what names decide; all else it asks of the
/// base, where the words of the attributes have their meaning.
pub(crate) struct Inherited {
    /// The model's field that is the base.
    pub(crate) holder: Ident,
    /// `<Base as BaseField<3>>`.
    pub(crate) of: TokenStream,
    pub(crate) has_default: bool,
    pub(crate) is_key: bool,
}

/// What `on_delete` says.
pub(crate) struct OnDelete {
    /// The word, with its place.
    pub(crate) word: Ident,
    /// The function of `Set(function)`.
    pub(crate) set: Option<Expr>,
}

const WORDS: &[&str] = &[
    "max_length",
    "max_digits",
    "decimal_places",
    "unique",
    "db_index",
    "primary_key",
    "default",
    "blank",
    "editable",
    "column",
    "db_column",
    "verbose_name",
    "help_text",
    "error_messages",
    "auto_now",
    "auto_now_add",
    "on_delete",
    "symmetrical",
    "through_fields",
    "choices",
    "validators",
    "unique_for_date",
    "unique_for_month",
    "unique_for_year",
    "upload_to",
    "db_default",
    "generated",
];

const ON_DELETE: &[&str] = &[
    "Cascade",
    "SetNull",
    "SetDefault",
    "Protect",
    "Restrict",
    "DoNothing",
    "DbCascade",
    "DbSetNull",
    "Set",
];

impl FieldDefinition {
    /// Whether `new!` may leave it out whatever its type says.
    pub(crate) fn has_default(&self) -> bool {
        self.default.is_some()
            || self.auto_now.is_some()
            || self.auto_now_add.is_some()
            || self.blank.is_some()
            || self.inherited.as_ref().is_some_and(|inherited| inherited.has_default)
    }

    /// The type of its slot in a draft. That of a parent may have no row, which the parent itself always has.
    pub(crate) fn slot(&self) -> TokenStream {
        let ty = &self.ty;
        match self.parent {
            None => quote!(#ty),
            Some(_) => {
                let extends = self.extends();
                quote_spanned!(self.ty.span() => ::nuages::relation::Extended::<#extends::Model>)
            }
        }
    }

    /// Whether it is the key of another row.
    pub(crate) fn is_key(&self) -> bool {
        self.on_delete.is_some() || self.inherited.as_ref().is_some_and(|inherited| inherited.is_key)
    }

    /// The field of an instance.
    pub(crate) fn get(&self, instance: &TokenStream) -> TokenStream {
        let name = &self.name;
        match (&self.inherited, &self.part) {
            (Some(Inherited { holder, of, .. }), _) => quote!(#of::get(&#instance.#holder)),
            (None, Some(part)) => {
                let (column, holder) = (part.column(""), &part.holder);
                quote!(#column(&#instance.#holder))
            }
            (None, None) => quote!(&#instance.#name),
        }
    }

    /// The field of an instance, to be changed.
    pub(crate) fn get_mut(&self, instance: &TokenStream) -> TokenStream {
        let name = &self.name;
        match (&self.inherited, &self.part) {
            (Some(Inherited { holder, of, .. }), _) => quote!(#of::get_mut(&mut #instance.#holder)),
            (None, Some(part)) => {
                let (column, holder) = (part.column("_mut"), &part.holder);
                quote!(#column(&mut #instance.#holder))
            }
            (None, None) => quote!(&mut #instance.#name),
        }
    }

    /// `<Type as Member>`, told where the type stands.
    pub(crate) fn member(&self) -> TokenStream {
        let ty = self.ty_in_place();
        quote_spanned!(self.ty.span() => <#ty as ::nuages::model::Member>)
    }

    /// The type of what reading the column gives, as a `Member`.
    pub(crate) fn read(&self) -> TokenStream {
        self.part.as_ref().map_or_else(|| self.member(), Part::read)
    }

    /// `<Type as Generic>`, told where the type stands.
    pub(crate) fn generic(&self) -> TokenStream {
        let ty = self.ty_in_place();
        quote_spanned!(self.ty.span() => <#ty as ::nuages::relation::Generic>)
    }

    /// `<Type as Extends>`, told where the type stands.
    pub(crate) fn extends(&self) -> TokenStream {
        let ty = self.ty_in_place();
        quote_spanned!(self.ty.span() => <#ty as ::nuages::relation::Extends>)
    }

    /// The type with all its tokens at one place, so that rustc tells only once what is wrong with it.
    fn ty_in_place(&self) -> TokenStream {
        let span = self.ty.span();
        let tokens = self.ty.to_token_stream().into_iter().map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        });
        tokens.collect()
    }

    /// The name without `r#`.
    pub(crate) fn plain_name(&self) -> String {
        self.name.to_string().trim_start_matches("r#").to_owned()
    }

    /// The column's name.
    pub(crate) fn column_name(&self) -> String {
        match (&self.column, &self.on_delete) {
            (Some(column), _) => column.value(),
            (None, Some(_)) => format!("{}_id", self.plain_name()),
            (None, None) => self.plain_name(),
        }
    }

    /// A field of which no attribute says anything.
    pub(crate) fn new(name: Ident, ty: Type, docs: Vec<Attribute>) -> FieldDefinition {
        FieldDefinition {
            name,
            ty,
            docs,
            max_length: None,
            max_digits: None,
            decimal_places: None,
            unique: false,
            db_index: false,
            primary_key: None,
            default: None,
            blank: None,
            editable: None,
            column: None,
            verbose_name: None,
            help_text: None,
            error_messages: Vec::new(),
            auto_now: None,
            auto_now_add: None,
            on_delete: None,
            symmetrical: None,
            through_fields: None,
            related: None,
            choices: None,
            validators: Vec::new(),
            unique_for: Vec::new(),
            upload_to: None,
            db_default: None,
            generated: None,
            parent: None,
            generic: None,
            part: None,
            inherited: None,
        }
    }

    pub(crate) fn parse(field: &Field, name: Ident, mistakes: &mut Mistakes) -> FieldDefinition {
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect();
        let mut definition = FieldDefinition::new(name, field.ty.clone(), docs);
        for item in items(&field.attrs, "field", mistakes) {
            let read = definition.read_attribute(&item);
            mistakes.take(read);
        }
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("related")) {
            definition.related = mistakes.take(attribute.parse_args().and_then(child_field));
        }
        mistakes.take(definition.check());
        definition
    }

    /// The field is the parent: the primary key, which goes with the row that it leads to.
    pub(crate) fn make_parent(&mut self, span: Span, mistakes: &mut Mistakes) {
        if let Some(on_delete) = &self.on_delete {
            mistakes
                .at(on_delete.word.span(), "a row goes with the row that it extends: leave `on_delete` out");
        }
        // What the type is, the trait `Extends` decides; the usual mistake is told in one sentence and not in many.
        if let Type::Path(path) = &self.ty
            && path
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "ForeignKey" || last.ident == "OneToOne")
        {
            mistakes.at(
                self.ty.span(),
                "a row that is extended is a `Parent`, and not the target of another key",
            );
        }
        self.on_delete = Some(OnDelete { word: Ident::new("Cascade", span), set: None });
        self.primary_key = Some(span);
        self.parent = Some(span);
    }

    /// The field is a generic key; gives its columns, which have these names.
    pub(crate) fn make_generic(&mut self, span: Span, [content_type, object_id]: [Ident; 2]) -> [Self; 2] {
        self.generic = Some(span);
        let generic = self.generic();
        let label = quote!(::nuages::field::ContentType);
        [
            self.column(content_type, "type", "content type", &label),
            self.column(object_id, "id", "key", &quote!(#generic::Id)),
        ]
    }

    /// A column of a generic key.
    fn column(&self, name: Ident, which: &'static str, what: &str, ty: &TokenStream) -> FieldDefinition {
        let note = format!("The {what} of the row that `{}` leads to.", self.plain_name());
        let ty = parse_quote_spanned!(self.ty.span() => ::core::option::Option<#ty>);
        let mut column = FieldDefinition::new(name, ty, vec![parse_quote!(#[doc = #note])]);
        column.part = Some(Part { holder: self.name.clone(), of: self.ty.clone(), which });
        column
    }

    fn read_attribute(&mut self, item: &Item) -> syn::Result<()> {
        let word = item.name.to_string();
        let mark = || item.flag().map(|on| on.then(|| item.name.span()));
        match word.as_str() {
            "max_length" => self.max_length = Some(item.expression()?.clone()),
            "max_digits" => self.max_digits = Some(item.expression()?.clone()),
            "decimal_places" => self.decimal_places = Some(item.expression()?.clone()),
            "unique" => self.unique = item.flag()?,
            "db_index" => self.db_index = item.flag()?,
            "primary_key" => self.primary_key = mark()?,
            "default" => self.default = Some(item.expression()?.clone()),
            "blank" => self.blank = mark()?,
            "editable" => self.editable = Some(item.flag()?),
            "column" | "db_column" => self.column = Some(item.text()?),
            "verbose_name" => self.verbose_name = Some(item.text()?),
            "help_text" => self.help_text = Some(item.text()?),
            "error_messages" => self.error_messages = messages(item)?,
            "choices" => self.choices = mark()?,
            "validators" => self.validators = item.expressions()?,
            "unique_for_date" => self.unique_for.push(("Date", item.field()?)),
            "unique_for_month" => self.unique_for.push(("Month", item.field()?)),
            "unique_for_year" => self.unique_for.push(("Year", item.field()?)),
            "upload_to" => self.upload_to = Some(item.text()?),
            "db_default" => self.db_default = Some(item.expression()?.clone()),
            "generated" => self.generated = Some(item.expression()?.clone()),
            "auto_now" => self.auto_now = mark()?,
            "auto_now_add" => self.auto_now_add = mark()?,
            "on_delete" => self.on_delete = Some(OnDelete::new(item.expression()?)?),
            "symmetrical" => self.symmetrical = Some(item.flag()?),
            "through_fields" => self.through_fields = Some(pair(item)?),
            _ => return Err(unknown(item)),
        }
        Ok(())
    }

    /// What contradicts itself whatever the type is.
    fn check(&self) -> syn::Result<()> {
        if let Some(on_delete) = &self.on_delete
            && on_delete.word == "SetDefault"
            && self.default.is_none()
        {
            let message = format!("`on_delete = SetDefault` needs a `default` for `{}`", self.name);
            return Err(syn::Error::new(on_delete.word.span(), message));
        }
        if let Some(default) = &self.db_default
            && (self.default.is_some() || self.generated.is_some())
        {
            let message =
                "`db_default` is the value where none is given: it goes with no `default` or `generated`";
            return Err(syn::Error::new(default.span(), message));
        }
        let times = [self.auto_now, self.auto_now_add, self.default.as_ref().map(Spanned::span)];
        if let [_, second, ..] = times.into_iter().flatten().collect::<Vec<_>>()[..] {
            let message = "of `auto_now`, `auto_now_add` and `default` a field has one";
            return Err(syn::Error::new(second, message));
        }
        match (&self.max_digits, &self.decimal_places) {
            (Some(digits), None) => {
                Err(syn::Error::new(digits.span(), "`max_digits` needs `decimal_places` beside it"))
            }
            (None, Some(places)) => {
                Err(syn::Error::new(places.span(), "`decimal_places` needs `max_digits` beside it"))
            }
            _ => Ok(()),
        }
    }
}

impl OnDelete {
    fn new(expression: &Expr) -> syn::Result<OnDelete> {
        let (path, set) = match expression {
            Expr::Call(call) => (&*call.func, call.args.first().cloned()),
            word => (word, None),
        };
        let wrong = |hint: String| {
            let message = format!("`on_delete` is one of {}{hint}", ON_DELETE.join(", "));
            syn::Error::new(expression.span(), message)
        };
        let word = match path {
            Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.clone()),
            _ => None,
        };
        let word = word.ok_or_else(|| wrong(String::new()))?;
        let name = word.to_string();
        if !ON_DELETE.contains(&name.as_str()) {
            return Err(wrong(nearest(&name, ON_DELETE)));
        }
        if (name == "Set") != set.is_some() {
            return Err(syn::Error::new(
                expression.span(),
                "`Set` takes a function: `on_delete = Set(deleted_user)`",
            ));
        }
        Ok(OnDelete { word, set })
    }
}

/// `error_messages(blank = "Say it.", unique = "Somebody has it.")`.
fn messages(item: &Item) -> syn::Result<Vec<(String, LitStr)>> {
    let messages = item.list()?.iter().map(|message| {
        let read = || match message {
            Expr::Assign(assign) => match field_path(&assign.left).ok()?.as_slice() {
                [code] => Some((code.to_string(), literal_text(&assign.right)?)),
                _ => None,
            },
            _ => None,
        };
        let wrong = "a message is a code of validation and a text: `blank = \"Say it.\"`";
        read().ok_or_else(|| syn::Error::new(message.span(), wrong))
    });
    messages.collect()
}

/// `through_fields(a, b)`.
fn pair(item: &Item) -> syn::Result<(Ident, Ident)> {
    let names: Vec<Ident> =
        item.list()?.iter().map(field_path).collect::<syn::Result<Vec<_>>>()?.into_iter().flatten().collect();
    match <[Ident; 2]>::try_from(names) {
        Ok([from, to]) => Ok((from, to)),
        Err(_) => {
            Err(syn::Error::new(item.name.span(), "`through_fields` names two fields of the through model"))
        }
    }
}

/// `Post::author` of `#[related(Post::author)]`.
fn child_field(path: ExprPath) -> syn::Result<ExprPath> {
    if path.path.segments.len() < 2 {
        return Err(syn::Error::new(
            path.span(),
            "`related` names a field of the child: `#[related(Post::author)]`",
        ));
    }
    Ok(path)
}

fn unknown(item: &Item) -> syn::Error {
    let word = item.name.to_string();
    let hint = match word.as_str() {
        "null" => "; a field that may be NULL is an `Option`".to_owned(),
        "related_name" => "; declare the reverse side on the other model with `#[related(..)]`".to_owned(),
        _ => nearest(&word, WORDS),
    };
    syn::Error::new(item.name.span(), format!("unknown attribute `{word}`{hint}"))
}
