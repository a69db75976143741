//! Files whose records are other than they were, under checksums that agree: opening them is a database or an error,
//! salvaging them as well, and neither asks for more memory than the files are worth.
//!
//! A checksum keeps out what a disk damages, and so a test that only damages files never reaches what reads the
//! records. Here frames are taken apart, changed as a program that goes wrong might (spliced, repeated, left out, cut,
//! with other numbers in them), and put together again. The files are those of `tests/corpus`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuages_storage::codec::Malformed;
use nuages_storage::{
    Catalog, CatalogCodec, Durability, Error, Index, IndexId, IndexKeys, Store, Table, Version,
};
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

const FILE_HEADER: usize = 40;
const FRAME_HEADER: usize = 48;

/// Memory that opening a file of some hundred bytes may take, by far.
const MEMORY_MAX_KIB: u64 = 64 << 10;

/// How many files are opened.
const CASES: u32 = 400;

/// A catalog that is a text.
#[derive(Debug)]
struct Texts;

impl CatalogCodec for Texts {
    fn encode(&self, catalog: &Catalog, _: Option<&Catalog>) -> Result<Vec<u8>, Malformed> {
        Ok(catalog.downcast_ref::<String>().unwrap().clone().into_bytes())
    }

    fn decode(&self, bytes: &[u8], _: Option<&Catalog>) -> Result<Catalog, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new("a catalog", "no text"))?;
        Ok(catalog(text))
    }

    fn build_indexes(&self, _: &Catalog, table: &mut Table) -> Result<(), Malformed> {
        table.add_index(IndexId::new(0), Index::bulk(&IndexKeys::new()));
        Ok(())
    }
}

fn catalog(text: &str) -> Catalog {
    Arc::new(text.to_owned()) as Arc<dyn Any + Send + Sync>
}

/// A file taken apart.
#[derive(Clone, Debug)]
struct Frames {
    header: Vec<u8>,
    /// Each with the number that it says was durable.
    payloads: Vec<(u64, Vec<u8>)>,
    /// The number of the first.
    sequence: u64,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Frames {
    fn of(bytes: &[u8]) -> Frames {
        let (header, mut rest) = bytes.split_at(FILE_HEADER);
        let sequence = number(rest, 8);
        let mut payloads = Vec::new();
        while !rest.is_empty() {
            let (frame, after) = rest.split_at(FRAME_HEADER + number(rest, 24) as usize);
            payloads.push((number(frame, 16), frame[FRAME_HEADER..].to_vec()));
            rest = after;
        }
        Frames { header: header.to_vec(), payloads, sequence }
    }

    /// The file again, with numbers and checksums that agree.
    fn to_bytes(&self) -> Vec<u8> {
        let salt = number(&self.header, 24);
        let mut bytes = self.header.clone();
        for (sequence, (durable, payload)) in (self.sequence..).zip(&self.payloads) {
            let start = bytes.len();
            for number in [salt, sequence, (*durable).min(sequence), payload.len() as u64, xxh3_64(payload)] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            let checksum = xxh3_64(&bytes[start..]);
            bytes.extend_from_slice(&checksum.to_le_bytes());
            bytes.extend_from_slice(payload);
        }
        bytes
    }

    /// The payload that a number names, if there is one.
    fn nth(&mut self, at: usize) -> Option<&mut Vec<u8>> {
        let len = self.payloads.len().max(1);
        self.payloads.get_mut(at % len).map(|(_, payload)| payload)
    }
}

/// What is done to a file. Places count round, so that every number is one.
#[derive(Clone, Debug)]
enum Mutation {
    Leave(usize),
    Repeat(usize),
    Swap(usize, usize),
    Cut {
        frame: usize,
        length: usize,
    },
    Byte {
        frame: usize,
        at: usize,
        byte: u8,
    },
    /// A number of the format in the place of a byte: one of the sort that asks for memory, or is an id.
    Number {
        frame: usize,
        at: usize,
        number: u64,
    },
    /// The end of one frame after the beginning of another.
    Splice {
        frame: usize,
        at: usize,
        other: usize,
        from: usize,
    },
    /// A part of a frame once more.
    Echo {
        frame: usize,
        at: usize,
        length: usize,
    },
}

impl Mutation {
    fn apply(&self, frames: &mut Frames) {
        let len = frames.payloads.len().max(1);
        match *self {
            Mutation::Leave(at) if !frames.payloads.is_empty() => drop(frames.payloads.remove(at % len)),
            Mutation::Leave(_) => {}
            Mutation::Repeat(at) => frames.payloads.extend(frames.payloads.get(at % len).cloned()),
            Mutation::Swap(one, other) if !frames.payloads.is_empty() => {
                frames.payloads.swap(one % len, other % len);
            }
            Mutation::Swap(..) => {}
            Mutation::Cut { frame, length } => {
                if let Some(payload) = frames.nth(frame) {
                    payload.truncate(length % (payload.len() + 1));
                }
            }
            Mutation::Byte { frame, at, byte } => {
                if let Some(payload) = frames.nth(frame).filter(|payload| !payload.is_empty()) {
                    let at = at % payload.len();
                    payload[at] = byte;
                }
            }
            Mutation::Number { frame, at, number } => {
                if let Some(payload) = frames.nth(frame).filter(|payload| !payload.is_empty()) {
                    let at = at % payload.len();
                    payload.splice(at..=at, varint(number));
                }
            }
            Mutation::Splice { frame, at, other, from } => {
                let Some(tail) = frames.nth(other).map(|other| other[from % (other.len() + 1)..].to_vec())
                else {
                    return;
                };
                if let Some(payload) = frames.nth(frame) {
                    payload.truncate(at % (payload.len() + 1));
                    payload.extend(tail);
                }
            }
            Mutation::Echo { frame, at, length } => {
                if let Some(payload) = frames.nth(frame) {
                    let at = at % (payload.len() + 1);
                    let end = payload.len().min(at + length);
                    let part = payload[at..end].to_vec();
                    payload.splice(end..end, part);
                }
            }
        }
    }
}

/// A number as the format writes it.
fn varint(number: u64) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    match number {
        0..=250 => vec![bytes[0]],
        251..=0xffff => [&[251], &bytes[..2]].concat(),
        0x1_0000..=0xffff_ffff => [&[252], &bytes[..4]].concat(),
        _ => [&[253], &bytes[..]].concat(),
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<usize>();
    let numbers = prop_oneof![
        0..300_u64,
        any::<u32>().prop_map(u64::from),
        any::<u64>(),
        Just(u64::from(u32::MAX)),
        Just(u64::MAX),
        Just(i64::MAX.cast_unsigned()),
    ];
    prop_oneof![
        1 => at().prop_map(Mutation::Leave),
        1 => at().prop_map(Mutation::Repeat),
        1 => (at(), at()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        2 => (at(), at()).prop_map(|(frame, length)| Mutation::Cut { frame, length }),
        4 => (at(), at(), any::<u8>()).prop_map(|(frame, at, byte)| Mutation::Byte { frame, at, byte }),
        6 => (at(), at(), numbers).prop_map(|(frame, at, number)| Mutation::Number { frame, at, number }),
        2 => (at(), at(), at(), at())
            .prop_map(|(frame, at, other, from)| Mutation::Splice { frame, at, other, from }),
        2 => (at(), at(), 1..40_usize).prop_map(|(frame, at, length)| Mutation::Echo { frame, at, length }),
    ]
}

/// A directory that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("nuages-decoders-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const NAMES: [&str; 2] = ["00000001.checkpoint", "00000001.log"];

fn corpus() -> [Frames; 2] {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    NAMES.map(|name| Frames::of(&fs::read(corpus.join(name)).unwrap()))
}

/// Looks at everything there is.
fn walk(version: &Version) -> u64 {
    let mut seen = 0;
    for table in version.tables() {
        for slice in table.leaves(..) {
            for row in slice.rows.clone() {
                let found = slice.view.row(row);
                assert!(table.get(found.row_id()).is_some());
                (0..table.layout().len()).for_each(|slot| seen += u64::from(found.null(slot)));
            }
        }
        seen += table.indexes().map(|(_, index)| index.entries(0..index.len()).count() as u64).sum::<u64>();
    }
    seen
}

/// Opens and salvages these files. Returns whether they were a database.
fn open(files: &[Frames; 2]) -> bool {
    let scratch = Scratch::new("files");
    let path = scratch.0.join("music");
    fs::create_dir(&path).unwrap();
    for (name, frames) in NAMES.iter().zip(files) {
        fs::write(path.join(name), frames.to_bytes()).unwrap();
    }
    let salvaged = scratch.0.join("salvaged");
    match Store::salvage(&path, &salvaged, catalog(""), &Texts) {
        Ok(_) | Err(Error::File(_)) => {}
        Err(other) => panic!("{other}"),
    }
    match Store::open(&path, Durability::Buffered.into(), catalog(""), Arc::new(Texts)) {
        Ok(store) => {
            walk(&store.snapshot().unwrap());
            true
        }
        Err(Error::File(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// The most memory that this process has had, where the system says so.
fn most_memory_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[test]
fn records_that_are_changed_are_a_database_or_an_error_and_no_waste_of_memory() {
    assert!(open(&corpus()), "the corpus is a database");
    let before = most_memory_kib();
    let mut outcomes = [0_u32; 2];
    let mutations = (prop::bool::ANY, prop::collection::vec(mutation(), 1..4));
    // For a longer search set PROPTEST_CASES.
    let cases = ProptestConfig::default().cases.max(CASES);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let counted = std::cell::RefCell::new(&mut outcomes);
    runner
        .run(&mutations, |(is_log, mutations)| {
            let mut files = corpus();
            mutations.iter().for_each(|mutation| mutation.apply(&mut files[usize::from(is_log)]));
            counted.borrow_mut()[usize::from(open(&files))] += 1;
            Ok(())
        })
        .unwrap();
    if let (Some(before), Some(after)) = (before, most_memory_kib()) {
        assert!(after - before < MEMORY_MAX_KIB, "{} KiB", after - before);
    }
    assert!(outcomes.iter().all(|count| *count > CASES / 20), "errors and databases: {outcomes:?}");
}
