//! What is wrong with models whatever the database holds: Django's system checks, under Django's ids.
//!
//! Most of what Django checks when a program starts does not compile here: a field that an ordering names and that is
//! not there (`models.E015`), `SetNull` of a key that may not be NULL (`fields.E320`), a default of the wrong type.
//! What is left are facts about several models, or about values of constants.

use std::{collections::BTreeMap, fmt};

use nuages_storage::DataType;

use crate::{
    app::App,
    error::{Error, Result},
    meta::{ChoiceValue, FieldKind, FieldMeta, ModelMeta},
};

/// Something wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Django's id of the check: `models.E028`.
    pub id: &'static str,
    /// What it is about: `blog.Post`, `blog.Post.title`.
    pub object: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ({}) {}", self.object, self.id, self.message)
    }
}

impl App {
    /// What is wrong with its models; nothing if they make sense. Opening a database asks the same.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// #[derive(Choices, Clone, Debug)]
    /// pub enum Status { Draft, Published }
    /// #[derive(Model, Clone)]
    /// pub struct Post {
    ///     pub id: Auto<i64>,
    ///     #[field(max_length = 5)]
    ///     pub status: Status,
    /// }
    /// let findings = App::new().models(Post::app()).check();
    /// assert_eq!(findings[0].id, "fields.E009");
    /// assert!(findings[0].message.contains("published"));
    /// ```
    pub fn check(&self) -> Vec<Finding> {
        let metas: Vec<&'static ModelMeta> = self.metas().collect();
        let mut findings = Vec::new();
        let tables = metas.iter().map(|meta| (meta.table.to_owned(), meta.label()));
        shared(tables, &mut findings, |table, labels| {
            ("models.E028", format!("the table \"{table}\" is that of several models: {labels}"))
        });
        for meta in &metas {
            for field in meta.fields {
                findings.extend(relation(meta, field, &metas));
                findings.extend(values(meta, field));
            }
        }
        names(&metas, &mut findings);
        findings
    }

    /// Refuses models that make no sense.
    pub(crate) fn expect_sense(&self) -> Result<()> {
        let findings = self.check();
        if findings.is_empty() { Ok(()) } else { Err(Error::Checks(findings)) }
    }
}

/// The names that several objects have.
fn shared(
    named: impl Iterator<Item = (String, String)>,
    findings: &mut Vec<Finding>,
    describe: impl Fn(&str, &str) -> (&'static str, String),
) {
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, object) in named {
        objects.entry(name).or_default().push(object);
    }
    for (name, objects) in objects.iter().filter(|(_, objects)| objects.len() > 1) {
        let (id, message) = describe(name, &objects.join(", "));
        findings.push(Finding { id, object: objects[0].clone(), message });
    }
}

fn finding(meta: &ModelMeta, field: &FieldMeta, id: &'static str, message: String) -> Finding {
    Finding { id, object: format!("{meta}.{}", field.name), message }
}

/// The model on the other side is one of the app's.
fn relation(meta: &ModelMeta, field: &FieldMeta, metas: &[&'static ModelMeta]) -> Option<Finding> {
    let (FieldKind::ForeignKey { target, .. } | FieldKind::ManyToMany { target, .. }) = field.kind else {
        return None;
    };
    let target = target();
    let message = || format!("it leads to {target}, which is not among the app's models");
    (!metas.contains(&target)).then(|| finding(meta, field, "fields.E300", message()))
}

/// What a column can hold fits what the field says.
fn values(meta: &ModelMeta, field: &FieldMeta) -> Option<Finding> {
    if let Some(max) = field.length_max() {
        let longest = field.choices?.iter().filter_map(|choice| match choice.value {
            ChoiceValue::Text(text) => Some(text),
            ChoiceValue::Int(_) => None,
        });
        let longest = longest.max_by_key(|text| text.chars().count())?;
        let length = longest.chars().count();
        let message = || format!("'max_length' is {max}, and the choice {longest:?} has {length} characters");
        return (length > max as usize).then(|| finding(meta, field, "fields.E009", message()));
    }
    let FieldKind::Column(DataType::Decimal { precision, scale }) = field.kind else { return None };
    let message =
        || format!("'max_digits' is {precision}, and 'decimal_places' is {scale}, which is more than that");
    (scale > precision).then(|| finding(meta, field, "fields.E134", message()))
}

/// The names of indexes and constraints.
fn names(metas: &[&'static ModelMeta], findings: &mut Vec<Finding>) {
    let indexes = |meta: &&'static ModelMeta| {
        let declared = meta.declared_indexes.into_iter().flat_map(|declared| declared());
        let names = meta.indexes.iter().filter_map(|index| index.name).map(str::to_owned);
        let names = names.chain(declared.map(|index| index.name).filter(|name| !name.is_empty()));
        let label = meta.label();
        names.map(move |name| (name, label.clone())).collect::<Vec<_>>()
    };
    let constraints = |meta: &&'static ModelMeta| {
        let declared = meta.constraints.into_iter().flat_map(|declared| declared());
        let label = meta.label();
        let named = declared.map(|constraint| constraint.name).filter(|name| !name.is_empty());
        named.map(move |name| (name, label.clone())).collect::<Vec<_>>()
    };
    let describe = |what: &'static str, one: &'static str, many: &'static str| {
        move |name: &str, labels: &str| {
            let same = labels.split(", ").all(|label| labels.starts_with(label));
            (
                if same { one } else { many },
                format!("the name {name:?} is that of several {what}: of {labels}"),
            )
        }
    };
    shared(metas.iter().flat_map(indexes), findings, describe("indexes", "models.E029", "models.E030"));
    shared(
        metas.iter().flat_map(constraints),
        findings,
        describe("constraints", "models.E031", "models.E032"),
    );
}
