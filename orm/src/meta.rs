//! What a model is, as plain data.
//!
//! The derive emits one static [`ModelMeta`] per model, and everything that does not know the model's type works
//! from it: schema, compilation of querysets, collector, validation, search strings, migrations. A field is named by
//! its place in [`ModelMeta::fields`], a column by its *position*: how many fields with a column stand before it.
//!
//! Related models are reached through functions, never through names, so models of any crate and of any function
//! body meet; two models are the same if their statics are.

mod field;

use std::fmt;

use crate::constraint::ConstraintMeta;
use crate::index::IndexNode;
use crate::queryset::state::OrderNode;

pub use field::{Choice, ChoiceValue, FieldKind, FieldMeta, OnDelete, Period, SetFn, TextFormat, UniqueFor};

/// How one model refers to the description of another.
pub type MetaFn = fn() -> &'static ModelMeta;

/// The description of a model.
pub struct ModelMeta {
    /// The struct's name: `Post`.
    pub name: &'static str,
    /// The app's label: `blog`.
    pub app: &'static str,
    /// The table's name: `blog_post`.
    pub table: &'static str,
    /// The fields in the order of their declaration, those without a column included.
    pub fields: &'static [FieldMeta],
    /// For each field, how many fields with a column stand before it.
    pub positions: &'static [u16],
    /// The columns that the database fills when they are unset.
    pub auto: &'static [u16],
    /// The columns that a save fills: those stamped with the time, and unset keys that have a default.
    pub stamped: &'static [u16],
    /// The keys of other rows, generic ones among them.
    pub foreign_keys: &'static [u16],
    /// The fields of the primary key; more than one if it is composite.
    pub primary_key: &'static [u16],
    /// The field that is the row which rows of this model extend.
    pub parent: Option<u16>,
    /// The ordering of querysets that name none.
    pub ordering: &'static [OrderMeta],
    /// The same by expressions, which are made when asked for.
    pub ordering_by: Option<fn() -> Vec<OrderNode>>,
    /// Where rows have their places, if they have some among those of one parent.
    pub placed: Option<Placed>,
    /// Whether its table is made and migrated with the others.
    pub managed: bool,
    /// Declared indexes; those of `unique` and `db_index` fields are not among them.
    pub indexes: &'static [IndexMeta],
    /// Declared indexes over expressions, or of some rows, which are made when asked for.
    pub declared_indexes: Option<fn() -> Vec<IndexNode>>,
    /// Sets of fields that are unique together.
    pub unique_together: &'static [&'static [u16]],
    /// Checks and conditional unique constraints, which are expressions and so are made when asked for.
    pub constraints: Option<fn() -> Vec<ConstraintMeta>>,
    /// The name for people, of one.
    pub verbose_name: &'static str,
    /// The name for people, of many.
    pub verbose_name_plural: &'static str,
    /// What `latest` and `earliest` compare when not told.
    pub get_latest_by: &'static [OrderMeta],
    /// What the ways back from its keys are called where the other model declares none.
    pub default_related_name: Option<&'static str>,
}

/// One key of an ordering: names from field to field, as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderMeta {
    /// `author.username` is `["author", "username"]`; `pk` is the primary key.
    pub path: &'static [&'static str],
    /// Whether a minus stood before it.
    pub descending: bool,
}

/// Where rows have their places among those of one parent; Django's `order_with_respect_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The key to the parent.
    pub parent: u16,
    /// The field with the place.
    pub place: u16,
}

/// A declared index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexMeta {
    /// Its name, if one was given.
    pub name: Option<&'static str>,
    /// Its fields, and whether each is descending.
    pub fields: &'static [(u16, bool)],
}

impl ModelMeta {
    /// Django's label: `blog.Post`.
    pub fn label(&self) -> String {
        [self.app, ".", self.name].concat()
    }

    /// What the way back from one of its keys is called where the other model declares none.
    pub(crate) fn reverse_name(&self) -> String {
        self.default_related_name.map_or_else(|| self.name.to_lowercase(), str::to_owned)
    }

    /// The field at `index`, if the model has so many.
    pub fn field(&self, index: u16) -> Option<&'static FieldMeta> {
        self.fields.get(usize::from(index))
    }

    /// The place of the field called `name`.
    pub fn field_index(&self, name: &str) -> Option<u16> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        u16::try_from(index).ok()
    }

    /// The fields that have a column, in the order of their positions.
    pub fn columns(&self) -> impl Iterator<Item = (u16, &'static FieldMeta)> {
        (0u16..).zip(self.fields).filter(|(_, field)| field.is_column())
    }

    /// Some of the fields, by their places.
    pub(crate) fn fields_at(
        &self,
        places: &'static [u16],
    ) -> impl Iterator<Item = (u16, &'static FieldMeta)> {
        places.iter().filter_map(|&place| Some((place, self.field(place)?)))
    }

    /// How many columns the table has.
    pub fn column_count(&self) -> usize {
        match (self.positions.last(), self.fields.last()) {
            (Some(position), Some(field)) => usize::from(*position) + usize::from(field.is_column()),
            _ => 0,
        }
    }

    /// The position of a field's column; of a field without one, that of the next column.
    pub fn position(&self, field: u16) -> usize {
        usize::from(self.positions[usize::from(field)])
    }
}

/// How many columns stand before each field. The derive calls it at compile time.
pub const fn positions<const FIELDS: usize>(fields: &[FieldMeta; FIELDS]) -> [u16; FIELDS] {
    let mut positions = [0; FIELDS];
    let (mut index, mut next) = (0, 0);
    while index < FIELDS {
        positions[index] = next;
        if fields[index].is_column() {
            next += 1;
        }
        index += 1;
    }
    positions
}

/// What a save has to do with a column beside writing it. Most columns have no role, and most models few columns that
/// do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The database fills it when it is unset.
    Auto,
    /// A save fills it: with the time, or with its default if it is a key that is unset.
    Stamped,
    /// It is the key of another row.
    ForeignKey,
}

impl Role {
    const fn is_of(self, field: &FieldMeta) -> bool {
        (field.is_column() || matches!(field.kind, FieldKind::Generic))
            && match self {
                Role::Auto => field.auto,
                Role::Stamped => {
                    field.auto_now || field.auto_now_add || field.auto && field.default.is_some()
                }
                Role::ForeignKey => matches!(field.kind, FieldKind::ForeignKey { .. } | FieldKind::Generic),
            }
    }
}

/// How many fields have a role. The derive calls it at compile time.
pub const fn count(fields: &[FieldMeta], role: Role) -> usize {
    let (mut index, mut count) = (0, 0);
    while index < fields.len() {
        count += role.is_of(&fields[index]) as usize;
        index += 1;
    }
    count
}

/// The places of the fields that have a role, which are [so many](count). The derive calls it at compile time.
pub const fn places<const COUNT: usize>(fields: &[FieldMeta], role: Role) -> [u16; COUNT] {
    let mut places = [0; COUNT];
    let (mut index, mut found) = (0, 0);
    while index < fields.len() {
        if role.is_of(&fields[index]) {
            places[found] = index as u16;
            found += 1;
        }
        index += 1;
    }
    places
}

impl PartialEq for ModelMeta {
    /// Whether both are the same static.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for ModelMeta {}

impl fmt::Debug for ModelMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for ModelMeta {
    /// Django's label: `blog.Post`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}
