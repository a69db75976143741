//! Files that an earlier build has written: they are still read, and whatever is changed in their records is a record
//! or an error, and never a panic.
//!
//! `storage/tests/corpus` has a database of the workload with a checkpoint in the middle. It is written by the ignored
//! test here, once for each format.

use std::path::PathBuf;

use super::*;
use crate::codec::{decode, encode};
use crate::file::Kind;
use crate::log::frame::{FILE_HEADER, FileHeader, Frame, frame};
use crate::record::{CheckpointRecord, LogRecord, Scope, TableRecord, append_rows, empty_table};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn files() -> [(PathBuf, Vec<u8>); 2] {
    [Kind::Checkpoint, Kind::Log].map(|kind| {
        let path = Directory::new(Arc::new(Simulated::default()), path()).path_of(kind, 1);
        let bytes = std::fs::read(corpus().join(path.file_name().unwrap())).unwrap();
        (path, bytes)
    })
}

#[test]
#[ignore = "it writes the corpus, for a new format"]
fn write_the_corpus() {
    let system = super::damage::database(false);
    for (path, bytes) in system.dump() {
        std::fs::write(corpus().join(path.file_name().unwrap()), bytes).unwrap();
    }
}

#[test]
fn what_an_earlier_build_has_written_is_read() {
    let system = Simulated::default();
    crate::file::Files::create_dir(&system, path()).unwrap();
    files().iter().for_each(|(path, bytes)| system.put(path, bytes));
    let store = open(&system, Durability::Full).unwrap();
    assert_eq!(contents(&store.snapshot().unwrap()), *models(&workload()).last().unwrap());
}

fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
    let salt = FileHeader::decode(bytes).unwrap().salt;
    let (mut frames, mut offset) = (Vec::new(), FILE_HEADER);
    while offset < bytes.len() {
        let frame = frame(&bytes[offset..], salt).unwrap();
        offset += frame.len();
        frames.push(frame);
    }
    frames
}

/// Every payload that differs from one in a byte, or is cut.
fn damaged(payload: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let changed = (0..payload.len()).flat_map(move |at| {
        [0, 1, 0x7f, 0x80, 251, 253, 255].map(|byte| {
            let mut changed = payload.to_vec();
            changed[at] = byte;
            changed
        })
    });
    changed.chain((0..payload.len()).map(move |length| payload[..length].to_vec()))
}

/// Reads a frame of a log in the scope of a version, and builds what it describes.
fn build(payload: &[u8], version: &mut Version) -> Result<(), Malformed> {
    let scope = Scope { version, schema: &Texts };
    if let LogRecord::Commit(operations) = decode("a frame", payload)? {
        operations.into_iter().try_for_each(|operation| scope.operation(operation).map(drop))?;
    }
    Ok(())
}

#[test]
fn a_damaged_record_of_a_log_is_a_record_or_an_error() {
    let [(_, checkpoint), (_, log)] = files();
    let mut version = load(&checkpoint);
    let (mut records, mut errors) = (0, 0);
    for frame in frames(&log) {
        for payload in damaged(frame.payload) {
            match build(&payload, &mut version) {
                Ok(()) => records += 1,
                Err(_) => errors += 1,
            }
        }
        if let LogRecord::Commit(operations) = decode("a frame", frame.payload).unwrap() {
            let mut scope = Scope { version: &mut version, schema: &Texts };
            crate::record::commit_of(operations, &mut scope).unwrap();
        }
    }
    assert_eq!(contents(&version), *models(&workload()).last().unwrap());
    assert!(errors > records && records > 0, "{records} records and {errors} errors");
}

/// The version of a checkpoint, frame by frame.
fn load(bytes: &[u8]) -> Version {
    let mut version = Version::new(catalog(""));
    for frame in frames(bytes) {
        add(frame.payload, &mut version).unwrap();
    }
    let mut table = version.table(TABLE).unwrap().clone();
    Texts.build_indexes(version.catalog(), &mut table).unwrap();
    version.restore_table(table);
    version
}

fn add(payload: &[u8], version: &mut Version) -> Result<(), Malformed> {
    match decode("a frame", payload)? {
        CheckpointRecord::Begin { catalog, .. } => version.set_catalog(&Texts.decode(&catalog, None)?),
        CheckpointRecord::Table { id, slots } => version.restore_table(empty_table(id, slots)?),
        CheckpointRecord::Rows { leaves, .. } => {
            let Some(mut table) = version.table(TABLE).cloned() else { return Ok(()) };
            leaves.iter().try_for_each(|leaf| append_rows(&mut table, leaf))?;
            version.restore_table(table);
        }
        CheckpointRecord::Entries(entries) => drop(entries.to_keys()?),
        CheckpointRecord::Index(_) | CheckpointRecord::End => {}
    }
    Ok(())
}

#[test]
fn a_damaged_record_of_a_checkpoint_is_a_record_or_an_error() {
    let [(_, checkpoint), _] = files();
    let whole = load(&checkpoint);
    let (mut records, mut errors) = (0, 0);
    for frame in frames(&checkpoint) {
        for payload in damaged(frame.payload) {
            match add(&payload, &mut whole.clone()) {
                Ok(()) => records += 1,
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > 0 && records > 0, "{records} records and {errors} errors");
}

#[test]
fn a_table_that_is_rewritten_comes_back_whole() {
    let [(_, checkpoint), _] = files();
    let version = load(&checkpoint);
    let bytes = encode(&TableRecord::of(version.table(TABLE).unwrap()));
    let table = decode::<TableRecord<'_>>("a table", &bytes).unwrap().into_table().unwrap();
    let mut again = Version::new(Arc::clone(version.catalog()));
    again.restore_table(table);
    assert_eq!(contents(&again), contents(&version));
}

#[test]
fn a_commit_that_does_not_fit_the_rows_there_are_is_an_error() {
    let [(_, checkpoint), (_, log)] = files();
    let version = load(&checkpoint);
    let commits: Vec<_> = frames(&log).into_iter().map(|frame| frame.payload).collect();
    let replay = |version: &mut Version, payload: &[u8]| {
        let mut scope = Scope { version, schema: &Texts };
        match decode("a frame", payload).unwrap() {
            LogRecord::Commit(operations) => crate::record::commit_of(operations, &mut scope).map(drop),
            _ => Ok(()),
        }
    };
    let mut whole = version;
    commits.iter().for_each(|payload| replay(&mut whole, payload).unwrap());
    let twice = commits.iter().filter(|payload| replay(&mut whole.clone(), payload).is_err()).count();
    assert!(twice > 0, "what inserts or deletes cannot be done twice");
}

#[test]
fn numbers_that_nobody_counts_to_are_an_error() {
    let position = |sequence, tables| crate::checkpoint::Position {
        sequence,
        counters: crate::record::CountersRecord { tables, ..Default::default() },
    };
    let begin = |commit, position| crate::checkpoint::beginning(commit, position, b"", &Texts).map(drop);
    assert_eq!(begin(7, position(7, 7)), Ok(()));
    assert!(begin(u64::MAX, position(0, 0)).is_err());
    assert!(begin(0, position(u64::MAX, 0)).is_err());
    assert!(begin(0, position(0, u32::MAX)).is_err());
}

#[test]
fn a_table_of_any_number_takes_the_room_of_one() {
    let mut version = Version::new(catalog(""));
    version.restore_table(empty_table(u32::MAX, Vec::new()).unwrap());
    version.restore_table(empty_table(3, Vec::new()).unwrap());
    let ids: Vec<_> = version.tables().map(|table| table.id().get()).collect();
    assert_eq!(ids, [3, u32::MAX]);
}
