//! How many rows of which models were deleted.
//!
//! A deletion mostly takes rows of one model, and mostly nobody asks of which. So what is kept is a list of the models
//! themselves, and their labels are made where they are shown or asked for.

use std::{fmt, ops::Index};

use nuages_storage::TableId;
use smallvec::SmallVec;

use crate::meta::ModelMeta;

/// Counts of rows by model, in the order in which the models were met. Models without a deleted row are not there.
///
/// ```
/// # use nuages::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # #[model(app = "blog")]
/// # pub struct Post { pub id: Auto<i64>, pub title: String }
/// # let db = App::new().models(Post::app()).open_memory()?;
/// # Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
/// let deleted = Post::objects().delete(&db)?;
/// assert_eq!((deleted.by_model["blog.Post"], deleted.by_model["blog.Comment"]), (1, 0));
/// for (model, rows) in &deleted.by_model {
///     assert_eq!(format!("{rows} of {model}"), "1 of blog.Post");
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ByModel(SmallVec<[(Label, u64); 1]>);

/// What Django calls a model: `blog.Post`. The pairs of a many-to-many relation that no model declares are
/// `blog.Post_tags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(Of);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Model(&'static ModelMeta),
    Pairs(&'static ModelMeta, u16),
    /// Rows that no model has, and that the engine's foreign keys took along.
    Table(TableId),
}

impl Label {
    pub(super) const fn of_model(meta: &'static ModelMeta) -> Label {
        Label(Of::Model(meta))
    }

    pub(super) const fn of_pairs(declared_by: &'static ModelMeta, field: u16) -> Label {
        Label(Of::Pairs(declared_by, field))
    }

    pub(super) const fn of_table(table: TableId) -> Label {
        Label(Of::Table(table))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Of::Model(meta) => write!(f, "{meta}"),
            Of::Pairs(meta, field) => {
                write!(f, "{meta}_{}", meta.field(field).map_or("", |field| field.name))
            }
            Of::Table(table) => write!(f, "{table:?}"),
        }
    }
}

impl ByModel {
    pub(super) fn add(&mut self, label: Label, count: u64) {
        match self.0.iter_mut().find(|(of, _)| *of == label) {
            Some((_, counted)) => *counted += count,
            None => self.0.push((label, count)),
        }
    }

    /// How many models lost rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no row was deleted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The models and their counts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Label, u64)> {
        self.0.iter().copied()
    }
}

/// The count of a model by its label; zero if it lost no row.
impl Index<&str> for ByModel {
    type Output = u64;

    fn index(&self, label: &str) -> &u64 {
        self.0.iter().find(|(of, _)| of.to_string() == label).map_or(&0, |(_, count)| count)
    }
}

impl<'a> IntoIterator for &'a ByModel {
    type Item = (Label, u64);
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().copied()
    }
}

/// The same counts, in whatever order.
impl PartialEq for ByModel {
    fn eq(&self, other: &ByModel) -> bool {
        self.len() == other.len() && self.0.iter().all(|count| other.0.contains(count))
    }
}

impl Eq for ByModel {}
