//! Comments, and what they are about.

use std::borrow::Cow;

use nuages_storage::{IndexId, SequenceId, TableId};
use serde::{Deserialize, Serialize};

use crate::catalog::{ColumnId, Commented, EnumId};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CommentRecord<'a> {
    #[serde(borrow)]
    of: CommentedRecord<'a>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// What a comment is about. New ones go to the end.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum CommentedRecord<'a> {
    Schema,
    Enum(u32),
    Sequence(u32),
    Table(u32),
    Column(u32, u32),
    Index(u32, u32),
    View(#[serde(borrow)] Cow<'a, str>),
}

impl<'a> CommentRecord<'a> {
    pub(super) fn of((of, text): (&'a Commented, &'a str)) -> CommentRecord<'a> {
        let of = match of {
            Commented::Schema => CommentedRecord::Schema,
            Commented::Enum(id) => CommentedRecord::Enum(id.number()),
            Commented::Sequence(id) => CommentedRecord::Sequence(id.get()),
            Commented::Table(id) => CommentedRecord::Table(id.get()),
            Commented::Column(table, id) => CommentedRecord::Column(table.get(), id.number()),
            Commented::Index(table, id) => CommentedRecord::Index(table.get(), id.get()),
            Commented::View(name) => CommentedRecord::View(Cow::Borrowed(name)),
        };
        CommentRecord { of, text: Cow::Borrowed(text) }
    }

    pub(super) fn into_comment(self) -> (Commented, String) {
        let of = match self.of {
            CommentedRecord::Schema => Commented::Schema,
            CommentedRecord::Enum(id) => Commented::Enum(EnumId::new(id)),
            CommentedRecord::Sequence(id) => Commented::Sequence(SequenceId::new(id)),
            CommentedRecord::Table(id) => Commented::Table(TableId::new(id)),
            CommentedRecord::Column(table, id) => Commented::Column(TableId::new(table), ColumnId::new(id)),
            CommentedRecord::Index(table, id) => Commented::Index(TableId::new(table), IndexId::new(id)),
            CommentedRecord::View(name) => Commented::View(name.into_owned()),
        };
        (of, self.text.into_owned())
    }
}
