//! Comments: what people have written about the things of a schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuages_storage::{IndexId, SequenceId, TableId};

use super::{Catalog, ColumnId, EnumId, SchemaId};

/// What a comment is about. By identity, so that it stays with what is called otherwise; only views have none but their
/// names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Commented {
    /// The one schema that there is.
    Schema,
    /// An enumeration.
    Enum(EnumId),
    /// A sequence.
    Sequence(SequenceId),
    /// A table.
    Table(TableId),
    /// A column of a table.
    Column(TableId, ColumnId),
    /// An index of a table.
    Index(TableId, IndexId),
    /// A view.
    View(String),
}

impl Commented {
    /// The table that it is, or is of.
    pub fn table(&self) -> Option<TableId> {
        match self {
            Commented::Table(table) | Commented::Column(table, _) | Commented::Index(table, _) => {
                Some(*table)
            }
            _ => None,
        }
    }
}

/// The comments of a catalog.
pub(crate) type Comments = Arc<BTreeMap<Commented, String>>;

impl Catalog {
    /// All comments, by what they are about.
    pub fn comments(&self) -> impl ExactSizeIterator<Item = (&Commented, &str)> {
        self.comments.iter().map(|(of, text)| (of, text.as_str()))
    }

    /// The comment on something.
    pub fn comment(&self, of: &Commented) -> Option<&str> {
        self.comments.get(of).map(String::as_str)
    }

    /// This catalog with another comment on something, or without.
    pub(crate) fn with_comment(&self, of: Commented, text: Option<String>) -> Catalog {
        let mut comments = BTreeMap::clone(&self.comments);
        match text {
            Some(text) => drop(comments.insert(of, text)),
            None => drop(comments.remove(&of)),
        }
        Catalog { schema: SchemaId::fresh(), comments: Arc::new(comments), ..self.clone() }
    }

    /// Gives the comment on a sequence to the one that it has become.
    pub(crate) fn pass_comment(&mut self, from: SequenceId, to: SequenceId) {
        if let Some(text) = self.comments.get(&Commented::Sequence(from)).filter(|_| from != to).cloned() {
            Arc::make_mut(&mut self.comments).insert(Commented::Sequence(to), text);
        }
    }

    /// Forgets the comments on what is gone.
    pub(crate) fn forget_comments(&mut self) {
        if self.comments.keys().all(|of| self.has(of)) {
            return;
        }
        let mut comments = BTreeMap::clone(&self.comments);
        comments.retain(|of, _| self.has(of));
        self.comments = Arc::new(comments);
    }

    fn has(&self, of: &Commented) -> bool {
        let table = of.table().map(|table| self.table(table));
        match (of, table) {
            (_, Some(None)) => false,
            (Commented::Column(_, id), Some(Some(table))) => {
                table.columns.iter().any(|known| known.id == *id)
            }
            (Commented::Index(_, id), Some(Some(table))) => table.index(*id).is_some(),
            (Commented::Enum(id), _) => self.enumeration(*id).is_some(),
            (Commented::Sequence(id), _) => self.sequences().any(|known| known.id == *id),
            (Commented::View(name), _) => self.view_named(name).is_some(),
            _ => true,
        }
    }
}
