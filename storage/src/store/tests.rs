//! Stores in files, on a disk that fails: whatever happens, what is opened again is a prefix of what was committed, and
//! has everything that was acknowledged.

mod backups;
mod checkpoints;
mod corpus;
mod crash;
mod damage;
mod durability;
mod gated;

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Durability, Options, Store};
use crate::codec::Malformed;
use crate::error::Error;
use crate::file::simulated::Simulated;
use crate::file::{Directory, FileError};
use crate::index::{Index, IndexChange, IndexId, IndexKeys};
use crate::layout::{Layout, Slot};
use crate::leaf::{LeafBuilder, RowId};
use crate::lock::Strength;
use crate::patch::Patch;
use crate::store::Reach;
use crate::table::{Table, TableId};
use crate::value::{Lane, Value};
use crate::version::Version;
use crate::write_set::{Catalog, CatalogCodec, Operation, SchemaChange};
use crate::writer::Writer;

/// A catalog that is a text.
#[derive(Debug)]
struct Texts;

impl CatalogCodec for Texts {
    fn encode(&self, catalog: &Catalog, since: Option<&Catalog>) -> Result<Vec<u8>, Malformed> {
        let since = since.map(text_of).unwrap_or_default();
        Ok(text_of(catalog).strip_prefix(since.as_str()).unwrap().as_bytes().to_vec())
    }

    fn decode(&self, bytes: &[u8], since: Option<&Catalog>) -> Result<Catalog, Malformed> {
        let added = std::str::from_utf8(bytes).map_err(|_| Malformed::new("a catalog", "no text"))?;
        Ok(catalog(since.map(text_of).unwrap_or_default() + added))
    }

    fn build_indexes(&self, _: &Catalog, table: &mut Table) -> Result<(), Malformed> {
        let mut keys = IndexKeys::new();
        for slice in table.leaves(..) {
            for row in slice.rows.clone() {
                let row = slice.view.row(row);
                keys.push(&key(row.int(1)), row.row_id());
            }
        }
        table.add_index(INDEX, Index::bulk(&keys.sorted()));
        Ok(())
    }
}

fn catalog(text: impl Into<String>) -> Catalog {
    let text: String = text.into();
    Arc::new(text) as Arc<dyn Any + Send + Sync>
}

fn text_of(catalog: &Catalog) -> String {
    catalog.downcast_ref::<String>().unwrap().clone()
}

/// What a row holds: a number, which is indexed, a text, and from some commit on a truth.
type Row = (i64, String, Option<bool>);

/// Everything there is, and the catalog.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    catalog: String,
    rows: BTreeMap<i64, Row>,
}

const TABLE: TableId = TableId::new(0);
const INDEX: IndexId = IndexId::new(0);

fn path() -> &'static Path {
    Path::new("/music")
}

/// After this long something that was to happen will not happen any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options under which only what is asked for is checkpointed.
fn options(durability: Durability) -> Options {
    Options { durability, checkpoint_bytes: u64::MAX }
}

fn open(system: &Simulated, durability: Durability) -> Result<Store, Error> {
    let directory = Directory::new(Arc::new(system.clone()), path());
    Store::open_in(&directory, options(durability), catalog(""), Arc::new(Texts))
}

fn file_error(result: Result<Store, Error>) -> FileError {
    match result.unwrap_err() {
        Error::File(error) => *error,
        other => panic!("{other}"),
    }
}

fn key(value: i64) -> [u8; 8] {
    (value.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

fn entry(row: i64, value: Option<i64>) -> IndexKeys {
    value.iter().map(|value| (key(*value), RowId::new(row))).fold(IndexKeys::new(), |mut keys, (key, row)| {
        keys.push(&key, row);
        keys
    })
}

/// One commit of a workload.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create,
    Put(i64, i64, String),
    /// Sets the number of a row without an image of it, and leaves it in the index where it is.
    Judge(i64, bool),
    Delete(i64),
    AddTruth,
    DropIndexAndAddItAgain,
}

/// What a workload commits: all kinds of operations, long texts, leaves that split.
fn workload() -> Vec<Step> {
    let mut steps = vec![Step::Create];
    for row in 1..=6 {
        steps.push(Step::Put(row, 100 - row, format!("song {row}")));
    }
    steps.push(Step::AddTruth);
    steps.push(Step::Put(2, 7, "a text that is too long for a leaf ".repeat(4)));
    steps.push(Step::Judge(3, true));
    steps.push(Step::Delete(1));
    steps.push(Step::Put(-5, 0, String::new()));
    steps.push(Step::DropIndexAndAddItAgain);
    steps.push(Step::Delete(2));
    steps.push(Step::Put(9, -9, "é".into()));
    steps
}

impl Model {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::Create => self.catalog.push_str("songs;"),
            Step::Put(row, value, text) => {
                let truth = self.rows.get(row).and_then(|row| row.2);
                self.rows.insert(*row, (*value, text.clone(), truth));
            }
            Step::Judge(row, truth) => self.rows.get_mut(row).unwrap().2 = Some(*truth),
            Step::Delete(row) => drop(self.rows.remove(row)),
            Step::AddTruth => {
                self.catalog.push_str("truth;");
                self.rows.values_mut().for_each(|row| row.2 = Some(true));
            }
            Step::DropIndexAndAddItAgain => self.catalog.push_str("index;"),
        }
    }
}

fn commit(store: &Store, step: &Step) -> Result<(), Error> {
    store.write(Reach::Short, |writer| {
        write(writer, step);
        Ok(())
    })
}

fn write(writer: &mut Writer<'_>, step: &Step) {
    let schema = |writer: &mut Writer<'_>, changes: Vec<SchemaChange>, added: &str| {
        writer.locking().schema();
        let text = text_of(writer.version().catalog()) + added;
        changes.into_iter().for_each(|change| writer.push(Operation::Schema(change)));
        writer.push(Operation::Schema(SchemaChange::Catalog(catalog(text))));
    };
    match step {
        Step::Create => {
            let slots = [Slot::new(Lane::RowId), Slot::new(Lane::Word), Slot::new(Lane::Text)];
            let mut table = Table::new(writer.fresh_table_id(), Arc::new(Layout::new(slots)));
            assert_eq!(table.id(), TABLE);
            table.add_index(INDEX, Index::new());
            schema(writer, vec![SchemaChange::CreateTable(Arc::new(table))], "songs;");
        }
        Step::AddTruth => {
            let slot = Slot { lane: Lane::Bit, default: Value::Bool(true) };
            schema(writer, vec![SchemaChange::AddSlot { table: TABLE, slot }], "truth;");
        }
        Step::DropIndexAndAddItAgain => {
            let index = writer.version().table(TABLE).unwrap().index(INDEX).unwrap();
            let index = Index::bulk(index.entries(0..index.len()));
            let drop = SchemaChange::DropIndex { table: TABLE, id: INDEX };
            schema(writer, vec![drop, SchemaChange::AddIndex { table: TABLE, id: INDEX, index }], "index;");
        }
        Step::Judge(row, truth) => {
            writer.locking().row(TABLE, RowId::new(*row), Strength::Update);
            let mut patch = Patch::new([3]);
            patch.push(RowId::new(*row), [Some(u64::from(*truth))]);
            writer.push(Operation::Assign { table: TABLE, patch });
        }
        Step::Put(row, value, text) => put(writer, *row, Some((*value, text))),
        Step::Delete(row) => put(writer, *row, None),
    }
}

/// Makes the table, and has its keys reserved, which a statement waits for.
fn begin(store: &Store) {
    for step in [Step::Create, Step::Put(50, 0, String::new()), Step::Delete(50)] {
        commit(store, &step).unwrap();
    }
}

fn put(writer: &mut Writer<'_>, row: i64, new: Option<(i64, &String)>) {
    writer.locking().row(TABLE, RowId::new(row), Strength::Update);
    let table = writer.version().table(TABLE).unwrap();
    let old = table.get(RowId::new(row));
    let change = IndexChange {
        index: INDEX,
        removed: entry(row, old.map(|old| old.int(1))),
        added: entry(row, new.map(|(value, _)| value)),
    };
    let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
    if let Some((value, text)) = new {
        if let Some(old) = old {
            builder.copy_row(old);
        }
        builder.set_int(1, value);
        builder.set_text(2, text);
        builder.finish_row(RowId::new(row));
    }
    let (rows, changes) = (builder.finish(), vec![change]);
    let operation = match (old.is_some(), new.is_some()) {
        (false, true) => Operation::Insert { table: TABLE, rows, changes },
        (true, true) => Operation::Update { table: TABLE, rows, changes },
        (true, false) => Operation::Delete { table: TABLE, rows: vec![RowId::new(row)], changes },
        (false, false) => return,
    };
    writer.push(operation);
    if new.is_some() {
        writer.note_key(TABLE, row);
    }
}

/// Everything a version has, whose indexes and rows must agree.
fn contents(version: &Version) -> Model {
    let mut model = Model { catalog: text_of(version.catalog()), rows: BTreeMap::new() };
    let Some(table) = version.table(TABLE) else { return model };
    for slice in table.leaves(..) {
        for row in slice.rows.clone() {
            let found = slice.view.row(row);
            let truth = (table.layout().len() > 3 && !found.null(3)).then(|| found.bool(3));
            let text = found.text(2).unwrap_or_default().to_owned();
            model.rows.insert(found.row_id().get(), (found.int(1), text, truth));
        }
    }
    assert_eq!(table.len(), model.rows.len() as u64);
    let index = table.index(INDEX).unwrap();
    let mut expected: Vec<_> =
        model.rows.iter().map(|(row, (value, ..))| (key(*value).to_vec(), *row)).collect();
    expected.sort();
    let found = index.range(Bound::Unbounded, Bound::Unbounded);
    let found: Vec<_> = found.map(|(key, row)| (key.to_vec(), row.get())).collect();
    assert_eq!(found, expected, "the index holds exactly the entries of the rows");
    model
}

/// The model after each commit of a workload, and before the first.
fn models(steps: &[Step]) -> Vec<Model> {
    let mut models = vec![Model::default()];
    for step in steps {
        let mut next = models.last().unwrap().clone();
        next.apply(step);
        models.push(next);
    }
    models
}
