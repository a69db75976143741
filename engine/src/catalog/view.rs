//! Views and triggers: what the catalog keeps as SQL text, because it means something only in a statement; and the
//! numbers that it keeps for the program.

use std::sync::Arc;

use nuages_storage::TableId;

use super::{Catalog, SchemaId};
use crate::sql::Dialect;

/// A query under a name. It is bound anew in each statement that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDefinition {
    /// Its name; a table cannot have the same.
    pub name: String,
    /// What its first columns are called, if not as the query calls them.
    pub columns: Vec<String>,
    /// The query.
    pub sql: String,
    /// The dialect it was written in, and is read in.
    pub dialect: Dialect,
}

/// What is run when rows of a table change. There are only triggers that read, and so need not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerDefinition {
    /// Its name.
    pub name: String,
    /// The table; the trigger goes with it.
    pub table: TableId,
    /// The statement that created it.
    pub sql: String,
}

/// Numbers by which a program knows its own schema and files; nothing here depends on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// SQLite's `user_version`.
    pub user_version: i32,
    /// SQLite's `application_id`.
    pub application_id: i32,
}

impl Catalog {
    /// The numbers of the program's.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// This catalog with other numbers.
    pub(crate) fn with_marks(&self, marks: Marks) -> Catalog {
        Catalog { schema: SchemaId::fresh(), marks, ..self.clone() }
    }

    /// The views, the oldest first.
    pub fn views(&self) -> impl ExactSizeIterator<Item = &Arc<ViewDefinition>> {
        self.views.iter()
    }

    /// The view of this name.
    pub fn view_named(&self, name: &str) -> Option<&Arc<ViewDefinition>> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The triggers, the oldest first.
    pub fn triggers(&self) -> impl ExactSizeIterator<Item = &Arc<TriggerDefinition>> {
        self.triggers.iter()
    }

    /// This catalog with other views.
    pub(crate) fn with_views(&self, views: Vec<Arc<ViewDefinition>>) -> Catalog {
        Catalog { schema: SchemaId::fresh(), views: views.into(), ..self.clone() }
    }

    /// This catalog with other triggers.
    pub(crate) fn with_triggers(&self, triggers: Vec<Arc<TriggerDefinition>>) -> Catalog {
        Catalog { schema: SchemaId::fresh(), triggers: triggers.into(), ..self.clone() }
    }

    /// Forgets the triggers of a table that goes.
    pub(super) fn forget_triggers(&mut self, table: TableId) {
        if self.triggers.iter().any(|trigger| trigger.table == table) {
            let others = self.triggers.iter().filter(|trigger| trigger.table != table);
            self.triggers = others.cloned().collect();
        }
    }
}
