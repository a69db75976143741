//! What `#[model(..)]` says.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Ident, LitStr};

use crate::attribute::{Item, ItemValue, Mistakes, OrderKey, field_path, items, literal_text, nearest};

/// The options of a model.
#[derive(Default)]
pub(crate) struct Options {
    /// Whether it is no model but an abstract base.
    pub(crate) is_abstract: bool,
    pub(crate) table: Option<LitStr>,
    pub(crate) app: Option<LitStr>,
    pub(crate) ordering: Vec<OrderKey>,
    /// The function that gives the ordering, if it is one of expressions.
    pub(crate) ordering_by: Option<Expr>,
    /// The key to the row among whose rows a row has its place.
    pub(crate) order_with_respect_to: Option<Ident>,
    /// Whether the table is somebody else's.
    pub(crate) unmanaged: bool,
    pub(crate) get_latest_by: Vec<OrderKey>,
    /// What the ways back from its keys are called where the other model declares none.
    pub(crate) default_related_name: Option<LitStr>,
    pub(crate) verbose_name: Option<LitStr>,
    pub(crate) verbose_name_plural: Option<LitStr>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) unique_together: Vec<Vec<Ident>>,
    pub(crate) primary_key: Vec<Ident>,
    pub(crate) constraints: Option<Expr>,
    pub(crate) index_functions: Option<Expr>,
    /// How an instance reads, if the model says so; without an expression as Django has it.
    pub(crate) display: Option<(Span, Option<Expr>)>,
    pub(crate) objects: Option<Expr>,
    pub(crate) clean: Option<Expr>,
    /// Functions by the variant of `Hook` at which they run.
    pub(crate) hooks: Vec<(&'static str, Expr)>,
}

/// `index(a, -b, name = "ab")`.
pub(crate) struct Index {
    pub(crate) name: Option<LitStr>,
    pub(crate) keys: Vec<OrderKey>,
}

const WORDS: &[&str] = &[
    "table",
    "db_table",
    "app",
    "app_label",
    "ordering",
    "order_with_respect_to",
    "managed",
    "get_latest_by",
    "default_related_name",
    "verbose_name",
    "verbose_name_plural",
    "index",
    "indexes",
    "display",
    "unique_together",
    "primary_key",
    "constraints",
    "objects",
    "proxy",
    "abstract",
    "clean",
    "before_save",
    "after_save",
    "before_delete",
    "after_delete",
];

/// What an abstract base may say.
const OF_BASES: &[&str] = &[
    "abstract",
    "ordering",
    "get_latest_by",
    "index",
    "unique_together",
    "clean",
    "before_save",
    "after_save",
    "before_delete",
    "after_delete",
];

impl Options {
    pub(crate) fn parse(attributes: &[Attribute], mistakes: &mut Mistakes) -> Options {
        let (mut options, mut written) = (Options::default(), Vec::new());
        for item in items(attributes, "model", mistakes) {
            let read = options.read(&item);
            mistakes.take(read);
            written.push(item.name);
        }
        if options.is_abstract {
            options.check_abstract(&written, mistakes);
        }
        options
    }

    /// An abstract base has what its models take over, and nothing that belongs to a table.
    fn check_abstract(&self, written: &[Ident], mistakes: &mut Mistakes) {
        for name in written.iter().filter(|name| !OF_BASES.contains(&name.to_string().as_str())) {
            let message =
                format!("an abstract base has no table: write `{name}` on the models that flatten it");
            mistakes.at(name.span(), message);
        }
        if let Some(function) = &self.ordering_by {
            let message =
                "an abstract base has no rows to order by a function: write it on the models that flatten it";
            mistakes.at(function.span(), message);
        }
        for name in self.indexes.iter().filter_map(|index| index.name.as_ref()) {
            mistakes.at(
                name.span(),
                "the index of an abstract base has no name: each model's is named after its table",
            );
        }
    }

    /// Takes over what a base says and the model does not.
    pub(crate) fn inherit(&mut self, base: &[Item], mistakes: &mut Mistakes) {
        let mut options = Options::default();
        for item in base {
            let read = options.read(item);
            mistakes.take(read);
        }
        if self.ordering.is_empty() && self.ordering_by.is_none() {
            self.ordering = options.ordering;
        }
        if self.get_latest_by.is_empty() {
            self.get_latest_by = options.get_latest_by;
        }
        self.indexes.extend(options.indexes);
        self.unique_together.extend(options.unique_together);
    }

    /// What a model takes over from a base, as it would be written.
    pub(crate) fn inheritable(&self) -> TokenStream {
        let (ordering, latest) = (&self.ordering, &self.get_latest_by);
        let indexes = self.indexes.iter().map(|index| &index.keys);
        let together = &self.unique_together;
        quote! {
            ordering = [#(#ordering),*],
            get_latest_by = [#(#latest),*],
            #(index(#(#indexes),*),)*
            #(unique_together(#(#together),*),)*
        }
    }

    fn read(&mut self, item: &Item) -> syn::Result<()> {
        let word = item.name.to_string();
        match word.as_str() {
            "abstract" => self.is_abstract = item.flag()?,
            "table" | "db_table" => self.table = Some(item.text()?),
            "app" | "app_label" => self.app = Some(item.text()?),
            "ordering" if item.is_function() => self.ordering_by = Some(item.expression()?.clone()),
            "ordering" => self.ordering = item.order()?,
            "order_with_respect_to" => {
                self.order_with_respect_to = Some(field_path(item.expression()?)?.swap_remove(0));
            }
            "managed" => self.unmanaged = !item.flag()?,
            "get_latest_by" => self.get_latest_by = item.order()?,
            "default_related_name" => self.default_related_name = Some(related_name(item)?),
            "verbose_name" => self.verbose_name = Some(item.text()?),
            "verbose_name_plural" => self.verbose_name_plural = Some(item.text()?),
            "index" => self.indexes.push(Index::new(item)?),
            "unique_together" => self.unique_together.push(names(item)?),
            "primary_key" => self.primary_key = names(item)?,
            "indexes" => self.index_functions = Some(item.expression()?.clone()),
            "display" => {
                let function = match &item.value {
                    ItemValue::Flag => None,
                    _ => Some(item.expression()?.clone()),
                };
                self.display = Some((item.name.span(), function));
            }
            "constraints" => self.constraints = Some(item.expression()?.clone()),
            "objects" => self.objects = Some(item.expression()?.clone()),
            "clean" => self.clean = Some(item.expression()?.clone()),
            "before_save" => self.hooks.push(("BeforeSave", item.expression()?.clone())),
            "after_save" => self.hooks.push(("AfterSave", item.expression()?.clone())),
            "before_delete" => self.hooks.push(("BeforeDelete", item.expression()?.clone())),
            "after_delete" => self.hooks.push(("AfterDelete", item.expression()?.clone())),
            _ => {
                let message = format!("unknown attribute `{word}`{}", nearest(&word, WORDS));
                return Err(syn::Error::new(item.name.span(), message));
            }
        }
        Ok(())
    }
}

impl Index {
    fn new(item: &Item) -> syn::Result<Index> {
        let mut index = Index { name: None, keys: Vec::new() };
        for expression in item.list()? {
            match expression {
                Expr::Assign(assign) if field_path(&assign.left).is_ok_and(|path| path[0] == "name") => {
                    index.name = literal_text(&assign.right);
                }
                key => index.keys.push(OrderKey::new(key)?),
            }
        }
        if index.keys.is_empty() {
            return Err(syn::Error::new(item.name.span(), "an index needs a field: `index(slug)`"));
        }
        Ok(index)
    }
}

/// A name that words can lead along.
fn related_name(item: &Item) -> syn::Result<LitStr> {
    let name = item.text()?;
    let is_name = syn::parse_str::<Ident>(&name.value()).is_ok() && !name.value().contains("__");
    match is_name && !name.value().ends_with('_') {
        true => Ok(name),
        false => {
            Err(syn::Error::new(name.span(), "a name of letters, digits and single underscores between them"))
        }
    }
}

/// A list of fields.
fn names(item: &Item) -> syn::Result<Vec<Ident>> {
    let mut names = Vec::new();
    for expression in item.list()? {
        names.extend(field_path(expression)?);
    }
    Ok(names)
}
