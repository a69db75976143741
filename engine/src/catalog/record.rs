//! Catalogs written down: how a database in files keeps its definitions.
//!
//! Records are types of their own, as storage's are: the definitions in memory can change without the format. What can
//! be derived is not in them but is made again: programs are compiled, lanes are those of the slots. After a schema
//! change only the definitions it has changed are written.
//!
//! Order of reading: this file (what has changed, and that it fits together), `table`, `data_type`, `expression`
//! (checks, defaults, indexes), `sequence`, `enumeration`, `comment`, `view` (views and triggers).

mod comment;
mod data_type;
mod enumeration;
mod expression;
mod sequence;
mod table;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use nuages_storage::codec::{self, Malformed};
use nuages_storage::{CatalogCodec, Table, TableId};
use serde::{Deserialize, Serialize};

use super::{Catalog, Marks, SchemaId, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::schema::index::build;
use comment::CommentRecord;
use enumeration::EnumRecord;
use sequence::SequenceRecord;
use table::TableRecord;
use view::{TriggerRecord, ViewRecord};

/// Declares a record for an enum of plain variants, and the way to it and back. New ones go to the end.
macro_rules! mirrored {
    ($record:ident of $original:ident: $($variant:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) enum $record { $($variant),* }

        impl From<$original> for $record {
            fn from(original: $original) -> $record {
                match original { $($original::$variant => $record::$variant),* }
            }
        }

        impl From<$record> for $original {
            fn from(record: $record) -> $original {
                match record { $($record::$variant => $original::$variant),* }
            }
        }
    };
}
pub(super) use mirrored;

/// How catalogs of this crate are written down.
#[derive(Debug)]
pub(crate) struct CatalogRecords;

/// What makes a catalog out of the one before it.
#[derive(Debug, Serialize, Deserialize)]
struct CatalogRecord<'a> {
    /// The tables that are new or not what they were.
    #[serde(borrow)]
    changed: Vec<TableRecord<'a>>,
    /// The tables that are gone.
    gone: Vec<u32>,
    /// All views, if one is new, gone, or not what it was.
    #[serde(borrow)]
    views: Option<Vec<ViewRecord<'a>>>,
    /// All triggers, likewise.
    #[serde(borrow)]
    triggers: Option<Vec<TriggerRecord<'a>>>,
    /// All sequences, likewise.
    #[serde(borrow)]
    sequences: Option<Vec<SequenceRecord<'a>>>,
    /// The user's version and the application's id, if one is not what it was.
    marks: Option<(i32, i32)>,
}

/// What came to catalogs later. It stands behind the record, and only where it says something, so that what was written
/// before is read, and a catalog that has nothing of this is written as it was.
#[derive(Debug, Default, Serialize, Deserialize)]
struct FurtherRecord<'a> {
    /// All enumerations, if one is new, gone, or not what it was.
    #[serde(borrow)]
    enums: Option<Vec<EnumRecord<'a>>>,
    /// All comments, likewise.
    #[serde(borrow)]
    comments: Option<Vec<CommentRecord<'a>>>,
}

impl CatalogCodec for CatalogRecords {
    fn encode(
        &self,
        catalog: &nuages_storage::Catalog,
        since: Option<&nuages_storage::Catalog>,
    ) -> Result<Vec<u8>, Malformed> {
        let (catalog, none) = (of(catalog)?, Catalog::new());
        let since = since.map_or(Ok(&none), of)?;
        let (changed, gone): (Vec<TableId>, Vec<TableId>) =
            catalog.changed_tables(since).partition(|id| catalog.table(*id).is_some());
        let changed = changed.iter().filter_map(|id| catalog.table(*id)).map(|table| TableRecord::of(table));
        let record = CatalogRecord {
            changed: changed.collect::<Result<Vec<_>, _>>()?,
            gone: gone.iter().map(|id| id.get()).collect(),
            views: (catalog.views != since.views).then(|| catalog.views().map(ViewRecord::of).collect()),
            triggers: (catalog.triggers != since.triggers)
                .then(|| catalog.triggers().map(TriggerRecord::of).collect()),
            sequences: catalog
                .sequences()
                .ne(since.sequences())
                .then(|| catalog.sequences().map(SequenceRecord::of).collect()),
            marks: (catalog.marks != since.marks)
                .then_some((catalog.marks.user_version, catalog.marks.application_id)),
        };
        let further = FurtherRecord {
            enums: (catalog.enums != since.enums).then(|| catalog.enums().map(EnumRecord::of).collect()),
            comments: (catalog.comments != since.comments)
                .then(|| catalog.comments().map(CommentRecord::of).collect()),
        };
        let mut bytes = codec::encode(&record);
        if further.enums.is_some() || further.comments.is_some() {
            bytes.extend(codec::encode(&further));
        }
        Ok(bytes)
    }

    fn decode(
        &self,
        bytes: &[u8],
        since: Option<&nuages_storage::Catalog>,
    ) -> Result<nuages_storage::Catalog, Malformed> {
        let none = Catalog::new();
        let since = since.map_or(Ok(&none), of)?;
        let (record, rest): (CatalogRecord<'_>, _) = codec::decode_first("a catalog", bytes)?;
        let further = match rest {
            [] => FurtherRecord::default(),
            rest => codec::decode("what a catalog has further", rest)?,
        };
        let enums = match further.enums {
            Some(enums) => enums.into_iter().map(EnumRecord::into_enum).collect::<Result<_, _>>()?,
            None => Arc::clone(&since.enums),
        };
        let changed = record.changed.into_iter().map(|table| table.into_table(&enums));
        let changed = changed.collect::<Result<Vec<_>, _>>()?;
        let gone: Vec<TableId> = record.gone.into_iter().map(TableId::new).collect();
        let mut catalog = since.restored(changed, &gone);
        catalog.enums = enums;
        if let Some(comments) = further.comments {
            catalog.comments = Arc::new(comments.into_iter().map(CommentRecord::into_comment).collect());
        }
        if let Some(views) = record.views {
            catalog.views = views.into_iter().map(ViewRecord::into_view).collect();
        }
        if let Some(triggers) = record.triggers {
            catalog.triggers = triggers.into_iter().map(TriggerRecord::into_trigger).collect();
        }
        if let Some(sequences) = record.sequences {
            let sequences = sequences.into_iter().map(SequenceRecord::into_sequence);
            catalog.sequences = sequences.collect::<Result<_, _>>()?;
        }
        if let Some((user_version, application_id)) = record.marks {
            catalog.marks = Marks { user_version, application_id };
        }
        check_references(&catalog)?;
        Ok(Arc::new(catalog))
    }

    fn build_indexes(&self, catalog: &nuages_storage::Catalog, table: &mut Table) -> Result<(), Malformed> {
        let unbuilt = |error: &Error| Malformed::new("an index", error.to_string());
        let catalog = of(catalog)?;
        let definition = catalog.expect_table(table.id()).map_err(|error| unbuilt(&error))?;
        for index in &definition.indexes {
            let tree =
                build(definition, index, table, &Context::new(&[])).map_err(|error| unbuilt(&error))?;
            table.add_index(index.id, tree);
        }
        Ok(())
    }
}

fn of(catalog: &nuages_storage::Catalog) -> Result<&Catalog, Malformed> {
    catalog.downcast_ref().ok_or_else(|| Malformed::new("a catalog", "it is not of this crate"))
}

impl Catalog {
    /// This catalog with some tables as they were written down, and without others.
    fn restored(&self, changed: Vec<TableDefinition>, gone: &[TableId]) -> Catalog {
        let mut catalog = Catalog { schema: SchemaId::fresh(), ..self.clone() };
        for id in gone.iter().copied().chain(changed.iter().map(|table| table.id)) {
            if let Some(old) = catalog.tables.get(&id) {
                catalog.names.remove(&old.name);
            }
        }
        gone.iter().for_each(|id| drop(catalog.tables.shift_remove(id)));
        for table in changed {
            catalog.names.insert(table.name.clone(), table.id);
            catalog.tables.insert(table.id, Arc::new(table));
        }
        catalog
    }
}

/// That references between tables agree from both sides.
fn check_references(catalog: &Catalog) -> Result<(), Malformed> {
    let mut told = BTreeMap::new();
    for table in catalog.tables() {
        for reference in &table.referenced_by {
            told.insert((reference.table, reference.foreign_key), table.id);
        }
    }
    let mut keys = 0;
    for table in catalog.tables() {
        for key in &table.foreign_keys {
            keys += 1;
            let target = catalog.table(key.target);
            let is_whole = told.get(&(table.id, key.id)) == Some(&key.target)
                && target.is_some_and(|target| {
                    key.target_columns.iter().all(|place| *place < target.columns.len())
                });
            if !is_whole {
                return Err(Malformed::new("a catalog", "a foreign key refers to what is not there"));
            }
        }
    }
    if keys == told.len() {
        Ok(())
    } else {
        Err(Malformed::new("a catalog", "a reference has no foreign key"))
    }
}
