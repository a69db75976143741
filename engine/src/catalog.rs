//! The catalog: what tables there are and what they promise.
//!
//! A [`Catalog`] is an immutable value, as the version that carries it is. A schema change makes another one that
//! shares every [`TableDefinition`] it did not touch, so a reader's catalog always agrees with the reader's rows.
//! Things have ids that are never used twice ([`identity`]); names are attributes, and only people use them.
//! Within a table, columns are meant by their *place* (`columns[2]`), as in the algebra.
//!
//! Order of reading: [`new`] (how a table is described, by names), [`table`], [`index`], [`constraint`] and
//! [`computed`] (the definitions that come of it), [`view`] (what is kept as SQL text), `temporary`, `sequence`,
//! `enumeration`, `comment`, `resolve` (from the one to the other), `record` (as they lie in files), and the value itself
//! below.
//!
//! Invariants: `names` and `tables` hold the same tables, `temporary` the others; a foreign key `f` of table `c` to table
//! `p` is in `c`'s `foreign_keys` exactly if `(c, f)` is in `p`'s `referenced_by`; an index's name is unique among those of
//! all tables that stay, or of the temporary ones of one session, a constraint's in its table; whatever changes has a new
//! [`SchemaId`].

pub(crate) mod comment;
pub mod computed;
pub mod constraint;
pub(crate) mod enumeration;
pub mod identity;
pub mod index;
pub mod names;
pub mod new;
pub(crate) mod program;
mod record;
pub(crate) mod resolve;
pub(crate) mod sequence;
pub mod table;
pub(crate) mod temporary;
pub mod view;

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use indexmap::IndexMap;
use nuages_storage::{TableId, Version};

pub use comment::Commented;
use comment::Comments;
pub use computed::ComputedColumn;
pub use constraint::{Action, CheckDefinition, ChildLookup, ForeignKeyDefinition, Reference, TargetKey};
pub use enumeration::{EnumDefinition, EnumLabel, EnumPlace};
pub(crate) use identity::expect;
pub use identity::{ColumnId, ConstraintId, EnumId, SchemaId, SchemaTest};
pub use index::{IndexDefinition, IndexExpr, IndexPart, KeyConflict, Uniqueness};
pub use new::{NewCheck, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
pub use sequence::{NewSequence, SequenceDefinition};
pub use table::{Collation, ColumnDefinition, ColumnSet, PrimaryKey, TableDefinition};
use temporary::Owner;
pub use view::{Marks, TriggerDefinition, ViewDefinition};

pub(crate) use record::CatalogRecords;

use crate::error::Error;

/// Tables by their ids, the oldest first.
type Definitions = IndexMap<TableId, Arc<TableDefinition>, DefaultHashBuilder>;

/// Every table of a version. See the [module](self).
#[derive(Clone, Debug)]
pub struct Catalog {
    schema: SchemaId,
    tables: Definitions,
    names: HashMap<String, TableId>,
    temporary: Definitions,
    /// Who looks at it, and so sees temporary tables; nobody where it lies in a version.
    seen_by: Option<Owner>,
    views: Arc<[Arc<ViewDefinition>]>,
    triggers: Arc<[Arc<TriggerDefinition>]>,
    sequences: Arc<[Arc<SequenceDefinition>]>,
    enums: Arc<[Arc<EnumDefinition>]>,
    comments: Comments,
    marks: Marks,
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog::new()
    }
}

impl Catalog {
    /// A catalog without tables.
    pub fn new() -> Catalog {
        Catalog {
            schema: SchemaId::fresh(),
            tables: IndexMap::default(),
            names: HashMap::new(),
            temporary: IndexMap::default(),
            seen_by: None,
            views: Arc::new([]),
            triggers: Arc::new([]),
            sequences: Arc::new([]),
            enums: Arc::new([]),
            comments: Comments::default(),
            marks: Marks::default(),
        }
    }

    /// The catalog of a version that this crate made.
    pub fn of(version: &Version) -> &Catalog {
        Catalog::carried(version.catalog())
    }

    /// The same, of what a version carries.
    pub(crate) fn carried(catalog: &nuages_storage::Catalog) -> &Catalog {
        catalog.downcast_ref().expect("a database of this crate carries its catalog in every version")
    }

    /// The same, held.
    pub(crate) fn held(catalog: &nuages_storage::Catalog) -> Arc<Catalog> {
        Arc::clone(catalog)
            .downcast()
            .unwrap_or_else(|_| unreachable!("a database of this crate carries its catalog in every version"))
    }

    /// Which schema this is: unique in the process, another after every change. A plan made for one schema is never
    /// used on another.
    pub fn schema_id(&self) -> SchemaId {
        self.schema
    }

    /// The tables, the oldest first; before them the temporary ones of who looks at it.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        self.temporary_tables().chain(self.tables.values())
    }

    /// The table of this id, if it is still there.
    pub fn table(&self, id: TableId) -> Option<&Arc<TableDefinition>> {
        if id.is_temporary() { self.temporary.get(&id) } else { self.tables.get(&id) }
    }

    /// The table of this id.
    ///
    /// # Errors
    /// [`Error::UnknownTable`] if it was dropped, or never was.
    pub fn expect_table(&self, id: TableId) -> Result<&Arc<TableDefinition>, Error> {
        self.table(id).ok_or_else(|| Error::UnknownTable { name: format!("#{}", id.get()), nearest: None })
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Error::UnknownTable`], with the name that is nearest.
    pub fn table_named(&self, name: &str) -> Result<&Arc<TableDefinition>, Error> {
        self.find_table(name).ok_or_else(|| Error::UnknownTable {
            name: name.to_owned(),
            nearest: names::nearest(name, self.tables().map(|table| table.name.as_str())),
        })
    }

    /// The table of this name, if there is one: for who needs no error, whose nearest name takes O(tables).
    pub fn find_table(&self, name: &str) -> Option<&Arc<TableDefinition>> {
        let temporary = self.seen_by.as_ref().and_then(|_| self.find_temporary_table(name));
        temporary.or_else(|| self.find_permanent_table(name))
    }

    /// The table and the index of this name.
    pub fn index_named(&self, name: &str) -> Option<(&Arc<TableDefinition>, &IndexDefinition)> {
        self.tables().find_map(|table| Some((table, table.indexes.iter().find(|index| index.name == name)?)))
    }

    /// The tables that are not what they are in `other`, or in one of the two alone; but for temporary ones.
    pub(crate) fn changed_tables<'a>(&'a self, other: &'a Catalog) -> impl Iterator<Item = TableId> + 'a {
        changed(&self.tables, &other.tables)
    }

    /// The same of the temporary tables of all sessions.
    pub(crate) fn changed_temporary_tables<'a>(
        &'a self,
        other: &'a Catalog,
    ) -> impl Iterator<Item = TableId> + 'a {
        changed(&self.temporary, &other.temporary)
    }

    /// This catalog with a table added or replaced by one of the same id, which may have another name.
    ///
    /// The tables that its foreign keys refer to are told of it (their `referenced_by`).
    pub(crate) fn with(&self, mut table: TableDefinition) -> Catalog {
        let mut catalog = self.clone();
        catalog.schema = SchemaId::fresh();
        let id = table.id;
        if let Some(old) = catalog.table(id).cloned() {
            catalog.forget_name(&old);
            catalog.forget_references(&old);
        }
        table.sum_up();
        table.referenced_by.retain(|reference| reference.table != id);
        let targets: Vec<_> = table.foreign_keys.iter().map(|key| (key.target, key.id)).collect();
        if !id.is_temporary() {
            catalog.names.insert(table.name.clone(), id);
        }
        catalog.definitions(id).insert(id, Arc::new(table));
        for &(target, foreign_key) in &targets {
            catalog.change(target, |parent| parent.referenced_by.push(Reference { table: id, foreign_key }));
        }
        for (target, _) in targets.into_iter().filter(|(target, _)| *target != id) {
            catalog.keep_if_same(target, self);
        }
        catalog
    }

    /// Leaves a table that is referred to as before what it is in `before`, so that who changes a table is in the way
    /// of nobody who writes to those it refers to.
    fn keep_if_same(&mut self, id: TableId, before: &Catalog) {
        if let (Some(now), Some(before)) = (self.definitions(id).get_mut(&id), before.table(id))
            && now.referenced_by.len() == before.referenced_by.len()
            && now.referenced_by.iter().all(|reference| before.referenced_by.contains(reference))
        {
            *now = Arc::clone(before);
        }
    }

    /// This catalog without a table.
    pub(crate) fn without(&self, id: TableId) -> Catalog {
        let mut catalog = self.clone();
        catalog.schema = SchemaId::fresh();
        if let Some(old) = catalog.definitions(id).shift_remove(&id) {
            catalog.forget_name(&old);
            catalog.forget_references(&old);
            catalog.forget_triggers(id);
            catalog.forget_sequences(id, None);
        }
        catalog
    }

    /// The tables among which one of this id is.
    fn definitions(&mut self, id: TableId) -> &mut Definitions {
        if id.is_temporary() { &mut self.temporary } else { &mut self.tables }
    }

    fn forget_name(&mut self, table: &TableDefinition) {
        if !table.id.is_temporary() {
            self.names.remove(&table.name);
        }
    }

    fn forget_references(&mut self, child: &TableDefinition) {
        for key in &child.foreign_keys {
            self.change(key.target, |parent| {
                parent
                    .referenced_by
                    .retain(|reference| reference.table != child.id || reference.foreign_key != key.id);
            });
        }
    }

    fn change(&mut self, id: TableId, change: impl FnOnce(&mut TableDefinition)) {
        if let Some(table) = self.definitions(id).get_mut(&id) {
            change(Arc::make_mut(table));
        }
    }
}

/// The tables that are not what they were, or are among the ones or the others alone.
fn changed<'a>(now: &'a Definitions, before: &'a Definitions) -> impl Iterator<Item = TableId> + 'a {
    let same = |id: &TableId| match (now.get(id), before.get(id)) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (left, right) => left.is_none() && right.is_none(),
    };
    let gone = before.keys().filter(|id| !now.contains_key(*id));
    now.keys().chain(gone).filter(move |id| !same(id)).copied()
}
