//! From the struct to a [`Definition`], with every mistake that names alone can show.

use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident};

use super::flatten::{self, Role};
use super::{Bases, Definition, FieldDefinition, Options};
use crate::attribute::{Mistakes, nearest};

/// Names that the columns of every model have.
const RESERVED: &[&str] = &["pk", "objects", "cols", "app"];

pub(crate) fn parse<'a>(input: &'a DeriveInput, known: &Bases) -> syn::Result<Definition<'a>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(syn::Error::new(input.ident.span(), "a model is a struct with named fields")),
        },
        _ => return Err(syn::Error::new(input.ident.span(), "a model is a struct with named fields")),
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(
            input.generics.span(),
            "a model has no type parameters: its table is one table",
        ));
    }
    let mut mistakes = Mistakes::default();
    let mut options = Options::parse(&input.attrs, &mut mistakes);
    let (mut fields, mut bases) = (Vec::new(), Vec::new());
    let mut told = known.iter();
    for field in named {
        let Some(name) = &field.ident else { continue };
        let role = flatten::role(field, &mut mistakes);
        if !matches!(role, Role::Base) {
            let mut definition = FieldDefinition::parse(field, name.clone(), &mut mistakes);
            match role {
                Role::Parent(span) => definition.make_parent(span, &mut mistakes),
                Role::Generic(span, columns) => {
                    let columns = definition.make_generic(span, columns);
                    fields.push(definition);
                    fields.extend(columns);
                    continue;
                }
                Role::Field | Role::Base => {}
            }
            fields.push(definition);
        } else if let Some(told) = told.next() {
            let (base, taken) = told.take_over(field, name);
            options.inherit(&told.options, &mut mistakes);
            fields.extend(taken);
            bases.push(base);
        }
    }
    let mut definition = Definition { input, options, fields, bases, primary_key: Vec::new() };
    definition.check_names(&mut mistakes);
    definition.check_place(&mut mistakes);
    match definition.options.is_abstract {
        true => definition.check_unrelated(&mut mistakes),
        false => {
            definition.primary_key = definition.find_primary_key(&mut mistakes);
            definition.check_filled(&mut mistakes);
        }
    }
    mistakes.finish()?;
    Ok(definition)
}

impl Definition<'_> {
    /// The place of a field.
    pub(crate) fn index_of(&self, name: &Ident) -> Option<usize> {
        self.fields.iter().position(|field| field.name == *name)
    }

    /// The fields of the primary key: those declared, or else the field `id`.
    fn find_primary_key(&self, mistakes: &mut Mistakes) -> Vec<usize> {
        if !self.options.primary_key.is_empty() {
            return self.options.primary_key.iter().filter_map(|name| self.index_of(name)).collect();
        }
        let declared: Vec<usize> =
            (0..self.fields.len()).filter(|index| self.fields[*index].primary_key.is_some()).collect();
        match declared.as_slice() {
            [] => {}
            [_] => return declared,
            [_, second, ..] => {
                if let Some(parent) = self.fields[*second].parent {
                    mistakes.at(parent, "the parent's key is the primary key, and there is another");
                } else if let Some(span) = self.fields[*second].primary_key {
                    mistakes
                        .at(span, "a key of several fields is `#[model(primary_key(a, b))]` on the struct");
                }
                return declared;
            }
        }
        match self.fields.iter().position(|field| field.plain_name() == "id") {
            Some(id) => vec![id],
            None => {
                let message = format!(
                    "`{}` has no primary key: give it `pub id: Auto<i64>`, or mark a field with `#[field(primary_key)]`",
                    self.input.ident
                );
                mistakes.at(self.input.ident.span(), message);
                Vec::new()
            }
        }
    }

    /// The rows that point here point at those of a model, and not of its base.
    fn check_unrelated(&self, mistakes: &mut Mistakes) {
        for span in self.fields.iter().filter_map(|field| field.parent) {
            mistakes.at(
                span,
                "an abstract base has no rows that could extend others: write the parent on its models",
            );
        }
        for span in self.fields.iter().filter_map(|field| field.generic) {
            mistakes.at(span, "an abstract base has no generic key: write it on the models that flatten it");
        }
        for related in self.fields.iter().filter_map(|field| field.related.as_ref()) {
            mistakes.at(
                related.span(),
                "nothing leads to an abstract base, which has no rows: write this field on the models that flatten it",
            );
        }
    }

    /// Names that several of its bases and itself give to fields.
    fn check_twice(&self, names: &[String], mistakes: &mut Mistakes) {
        for (index, field) in self.fields.iter().enumerate() {
            let first = names.iter().position(|name| *name == names[index]).unwrap_or(index);
            if first == index {
                continue;
            }
            if let Some(key) = field.part.as_ref().or(self.fields[first].part.as_ref()) {
                let span = if field.part.is_some() { key.holder.span() } else { field.name.span() };
                let message = format!(
                    "`{}` is a column of `{}`, and there is another of this name: call the columns of the key otherwise \
                     by `#[model(generic(..))]`",
                    names[index], key.holder
                );
                mistakes.at(span, message);
                continue;
            }
            let holders =
                [&self.fields[first], field].map(|field| field.inherited.as_ref().map(|from| &from.holder));
            let (holder, span) = match holders {
                [Some(base), None] => (base, field.name.span()),
                [None, Some(base)] => (base, self.fields[first].name.span()),
                [Some(base), Some(other)] => (base, other.span()),
                // rustc tells of two fields of one name.
                [None, None] => continue,
            };
            let message = format!("`{}` is a field of `{holder}` already", names[index]);
            mistakes.at(span, message);
        }
    }

    /// A model whose rows have places among those of one parent has a field for the place, and no other order.
    fn check_place(&self, mistakes: &mut Mistakes) {
        let Some(parent) = &self.options.order_with_respect_to else { return };
        let names: Vec<String> = self.fields.iter().map(FieldDefinition::plain_name).collect();
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        match self.index_of(parent).map(|index| &self.fields[index]) {
            None => {
                let near = nearest(&parent.to_string(), &words);
                mistakes.at(parent.span(), format!("`{}` has no field `{parent}`{near}", self.input.ident));
            }
            Some(field) if !field.is_key() => {
                mistakes.at(parent.span(), format!("`{parent}` leads to no other row: name a foreign key"));
            }
            Some(_) => {}
        }
        if self.place().is_none() {
            mistakes.at(
                parent.span(),
                "the place of a row is a field of its own: add `#[field(default = 0, editable = false)] pub _order: i32`",
            );
        }
        let by_function = self.options.ordering_by.as_ref().map(Spanned::span);
        let ordering = self.options.ordering.first().map(|key| key.path[0].span());
        if let Some(span) = by_function.or(ordering) {
            mistakes.at(span, "rows that have places are ordered by them: leave out `ordering`");
        }
    }

    /// The database numbers the primary key, and what else it is to fill says how.
    fn check_filled(&self, mistakes: &mut Mistakes) {
        for (index, field) in self.fields.iter().enumerate() {
            let syn::Type::Path(ty) = &field.ty else { continue };
            let is_auto = ty.path.segments.last().is_some_and(|last| last.ident == "Auto");
            let filled = field.db_default.is_some() || field.generated.is_some() || field.has_default();
            if is_auto && !filled && field.inherited.is_none() && !self.primary_key.contains(&index) {
                let message = format!(
                    "nothing fills `{}`: the database numbers primary keys; another `Auto` field needs \
                     `#[field(db_default = ..)]` or `#[field(generated = ..)]`",
                    field.plain_name()
                );
                mistakes.at(field.ty.span(), message);
            }
        }
    }

    /// The field with the places of rows that have some.
    pub(crate) fn place(&self) -> Option<usize> {
        self.options.order_with_respect_to.as_ref()?;
        self.fields.iter().position(|field| field.plain_name() == "_order")
    }

    /// Names that are taken, and names of fields that do not exist.
    fn check_names(&self, mistakes: &mut Mistakes) {
        let names: Vec<String> = self.fields.iter().map(FieldDefinition::plain_name).collect();
        self.check_twice(&names, mistakes);
        for field in &self.fields {
            let name = field.plain_name();
            if RESERVED.contains(&name.as_str()) {
                mistakes.at(
                    field.name.span(),
                    format!("every model has a `{name}` of its own: call the field otherwise"),
                );
            }
            if name.contains("__") {
                mistakes.at(
                    field.name.span(),
                    "two underscores separate names in `q!`: call the field otherwise",
                );
            }
            if field.is_key() && names.contains(&format!("{name}_id")) {
                mistakes.at(
                    field.name.span(),
                    format!("the key of `{name}` is called `{name}_id`, and so is another field"),
                );
            }
        }
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        let keys = self.options.indexes.iter().flat_map(|index| &index.keys);
        let keys =
            keys.chain(&self.options.ordering).chain(&self.options.get_latest_by).map(|key| &key.path[0]);
        let together = self.options.unique_together.iter().flatten().chain(&self.options.primary_key);
        for name in keys.chain(together) {
            let word = name.to_string();
            let key = self
                .fields
                .iter()
                .any(|field| field.is_key() && format!("{}_id", field.plain_name()) == word);
            if self.index_of(name).is_none() && word != "pk" && !key {
                let message =
                    format!("`{}` has no field `{word}`{}", self.input.ident, nearest(&word, &words));
                mistakes.at(name.span(), message);
            }
        }
    }
}
