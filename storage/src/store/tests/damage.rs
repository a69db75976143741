//! Files that are damaged, cut, or not ours: an error that names the file, or a prefix of what was committed, and
//! never a panic or a wrong row.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::*;
use crate::file::simulated::Fault;
use crate::file::{FileError, Kind};
use crate::log::frame::{self, FILE_HEADER, FORMAT, FileHeader, Payload, frame};
use crate::recovery::TornTail;
use crate::salvage::{Salvage, salvage};

/// A database with a checkpoint and a log after it, closed or not.
pub(super) fn database(is_closed: bool) -> Simulated {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    for (at, step) in workload().iter().enumerate() {
        commit(&store, step).unwrap();
        if at == 8 {
            store.compact().unwrap();
        }
    }
    if is_closed { system } else { system.after_kill() }
}

fn path_of(kind: Kind) -> PathBuf {
    path_of_generation(kind, 1)
}

fn path_of_generation(kind: Kind, generation: u64) -> PathBuf {
    Directory::new(Arc::new(Simulated::default()), path()).path_of(kind, generation)
}

/// How much of a log are frames; behind them are zeros.
fn framed(log: &[u8]) -> usize {
    let salt = FileHeader::decode(log).unwrap().salt;
    let mut end = FILE_HEADER;
    while let Some(frame) = frame(&log[end..], salt) {
        end += frame.len();
    }
    end
}

/// Opens a database of which one file was replaced: a prefix of the commits, or an error that has touched nothing.
fn open_with(system: &Simulated, file: &Path, bytes: &[u8], about: &str) -> Result<usize, FileError> {
    let system = system.after_kill();
    system.put(file, bytes);
    let before = system.dump();
    match open(&system, Durability::Full) {
        Ok(store) => {
            let version = store.snapshot().unwrap();
            let commits = version.commit().number() as usize;
            assert_eq!(contents(&version), models(&workload())[commits], "{about}");
            Ok(commits)
        }
        Err(Error::File(error)) => {
            assert_eq!(system.dump(), before, "{about}: {error}");
            Err(*error)
        }
        Err(error) => panic!("{about}: {error}"),
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    for is_closed in [true, false] {
        let system = database(is_closed);
        for kind in [Kind::Checkpoint, Kind::Log] {
            let file = path_of(kind);
            let bytes = system.dump().remove(&file).unwrap();
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                let about = format!("{kind:?}, closed: {is_closed}, byte {at}");
                match open_with(&system, &file, &flipped, &about) {
                    Ok(commits) => {
                        assert_eq!(kind, Kind::Log, "{about}");
                        // Nothing says that the last frame of a log was ever whole.
                        let is_last_commit = !is_closed && at < framed(&bytes);
                        assert_eq!(commits, workload().len() - usize::from(is_last_commit), "{about}");
                    }
                    Err(FileError::Corrupt { path, offset, .. }) => {
                        assert_eq!(path, file, "{about}");
                        assert!(offset as usize <= at, "{about}: {offset}");
                    }
                    Err(FileError::Truncated { path, .. }) => assert_eq!(path, file, "{about}"),
                    Err(error) => panic!("{about}: {error}"),
                }
            }
        }
    }
}

/// Closing says of everything before it that it was durable, also where nobody had waited for that.
#[test]
fn a_flipped_bit_in_what_was_buffered_and_closed_is_found() {
    let system = Simulated::default();
    let store = open(&system, Durability::Buffered).unwrap();
    workload().iter().for_each(|step| commit(&store, step).unwrap());
    drop(store);
    let file = path_of_generation(Kind::Log, 0);
    let bytes = system.dump().remove(&file).unwrap();
    for at in FILE_HEADER..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match open_with(&system, &file, &flipped, &format!("byte {at}")) {
            Ok(commits) => assert_eq!(commits, workload().len(), "byte {at}"),
            Err(error) => assert!(matches!(error, FileError::Corrupt { .. }), "byte {at}: {error}"),
        }
    }
}

/// Its checksum is right, and it comes where it should not.
#[test]
fn a_frame_that_is_left_out_or_there_twice_is_found() {
    let system = database(false);
    let file = path_of(Kind::Log);
    let bytes = system.dump().remove(&file).unwrap();
    let salt = FileHeader::decode(&bytes).unwrap().salt;
    let mut frames = Vec::new();
    let mut start = FILE_HEADER;
    while let Some(frame) = frame(&bytes[start..], salt) {
        frames.push(start..start + frame.len());
        start += frame.len();
    }
    assert!(frames.len() > 5);
    for (at, frame) in frames.iter().enumerate() {
        let left_out = [&bytes[..frame.start], &bytes[frame.end..]].concat();
        let twice = [&bytes[..frame.end], &bytes[frame.start..]].concat();
        // Where one of the last is left out, nothing that follows says that it was durable.
        let left_out = (at + 3 < frames.len()).then_some((left_out, frame.start));
        for (changed, expected) in left_out.into_iter().chain([(twice, frame.end)]) {
            let error = open_with(&system, &file, &changed, &format!("frame {at}")).unwrap_err();
            let FileError::Corrupt { path, offset, .. } = error else { panic!("frame {at}: {error}") };
            assert_eq!((path, offset as usize), (file.clone(), expected), "frame {at}");
        }
    }
}

/// Somebody has mixed up the files of two copies of a database. No crash leaves such a log, so it is not cut as if one
/// had.
#[test]
fn a_log_of_another_state_than_its_checkpoint_is_an_error() {
    let compacted_after = |commits: usize| {
        let system = Simulated::default();
        let store = open(&system, Durability::Full).unwrap();
        for (at, step) in workload()[..commits + 2].iter().enumerate() {
            if at == commits {
                store.compact().unwrap();
            }
            commit(&store, step).unwrap();
        }
        system.after_kill()
    };
    let [early, late] = [3, 9].map(compacted_after);
    let log = path_of(Kind::Log);
    for (system, other) in [(&late, &early), (&early, &late)] {
        let error = open_with(system, &log, &other.dump()[&log], "a log of another state").unwrap_err();
        let FileError::Corrupt { path, offset, .. } = error else { panic!("{error}") };
        assert_eq!((path, offset as usize), (log.clone(), FILE_HEADER));
    }
}

#[test]
fn a_log_that_is_cut_anywhere_is_a_prefix_and_a_checkpoint_an_error() {
    let system = database(false);
    let (log, checkpoint) = (path_of(Kind::Log), path_of(Kind::Checkpoint));
    let files = system.dump();
    let mut last = 0;
    for length in 0..framed(&files[&log]) {
        let about = format!("a log of {length} bytes");
        match open_with(&system, &log, &files[&log][..length], &about) {
            Ok(commits) => {
                assert!(commits >= last.max(9), "{about}: {commits}");
                last = commits;
            }
            Err(error) => {
                assert!(matches!(error, FileError::Truncated { .. }) && length < 40, "{about}: {error}");
            }
        }
    }
    assert_eq!(last, workload().len() - 1);
    for length in 0..files[&checkpoint].len() {
        let about = format!("a checkpoint of {length} bytes");
        let error = open_with(&system, &checkpoint, &files[&checkpoint][..length], &about).unwrap_err();
        assert!(
            matches!(&error, FileError::Truncated { path, .. } if *path == checkpoint),
            "{about}: {error}"
        );
    }
}

/// Salvages a database of which one file was replaced.
fn salvaged(system: &Simulated, file: &Path, bytes: &[u8], about: &str) -> (Salvage, Model) {
    let system = system.after_kill();
    system.put(file, bytes);
    let before = system.dump();
    let from = Directory::new(Arc::new(system.clone()), path());
    let into = from.beside(Path::new("/salvaged"));
    let report =
        salvage(&from, &into, catalog(""), &Texts).unwrap_or_else(|error| panic!("{about}: {error}"));
    let after: BTreeMap<_, _> =
        system.dump().into_iter().filter(|(name, _)| name.starts_with(path())).collect();
    assert_eq!(after, before, "{about}");
    let store = Store::open_in(&into, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    let version = store.snapshot().unwrap();
    assert_eq!(version.commit(), report.commit);
    (report, contents(&version))
}

#[test]
fn a_log_is_salvaged_up_to_the_damage_and_a_checkpoint_around_it() {
    let system = database(false);
    let (log, checkpoint) = (path_of(Kind::Log), path_of(Kind::Checkpoint));
    let (files, models) = (system.dump(), models(&workload()));
    let (report, model) = salvaged(&system, &log, &files[&log], "not damaged");
    assert_eq!((&model, report.damage, report.lost), (models.last().unwrap(), vec![], 0));
    let mut least = usize::MAX;
    for at in (40..files[&log].len()).step_by(7) {
        let mut flipped = files[&log].clone();
        flipped[at] ^= 1;
        let (report, model) = salvaged(&system, &log, &flipped, &format!("byte {at} of the log"));
        let commits = report.commit.number() as usize;
        assert_eq!(model, models[commits]);
        assert!(report.lost > 0 && report.damage.len() == 1);
        least = least.min(commits);
    }
    assert_eq!(least, 9, "the commit of the checkpoint");
    let mut fewest = usize::MAX;
    // Behind the first frame, which has the catalog.
    for at in (200..files[&checkpoint].len()).step_by(7) {
        let mut flipped = files[&checkpoint].clone();
        flipped[at] ^= 1;
        let about = format!("byte {at} of the checkpoint");
        let (report, model) = salvaged(&system, &checkpoint, &flipped, &about);
        assert_eq!(report.damage.len(), 1, "{about}");
        assert!(report.lost > 0, "{about}");
        assert!(model.rows.iter().all(|(row, found)| models[9].rows.get(row) == Some(found)), "{about}");
        fewest = fewest.min(model.rows.len());
    }
    assert!(fewest < models[9].rows.len());
}

/// What the log said of keys that were handed out is lost with the rest of it.
#[test]
fn keys_of_rows_that_were_salvaged_are_not_handed_out_again() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    [Step::Create, Step::Put(500, 1, String::new())].iter().for_each(|step| commit(&store, step).unwrap());
    store.compact().unwrap();
    drop(store);
    let checkpoint = path_of(Kind::Checkpoint);
    let mut bytes = system.dump().remove(&checkpoint).unwrap();
    let last = bytes.len() - 1; // of the frame that says that all was said
    bytes[last] ^= 1;
    system.put(&checkpoint, &bytes);
    let from = Directory::new(Arc::new(system), path());
    let into = from.beside(Path::new("/salvaged"));
    assert_eq!(salvage(&from, &into, catalog(""), &Texts).unwrap().damage.len(), 1);
    let store = Store::open_in(&into, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    assert_eq!(contents(&store.snapshot().unwrap()).rows.into_keys().collect::<Vec<_>>(), [500]);
    assert!(store.write(Reach::Short, |writer| writer.next_keys(TABLE, 1)).unwrap() > 500);
}

/// A frame is whole, and what it says is nothing that this release understands.
#[test]
fn a_log_is_salvaged_up_to_a_frame_that_says_nothing() {
    let system = database(false);
    let log = path_of(Kind::Log);
    let (bytes, models) = (system.dump().remove(&log).unwrap(), models(&workload()));
    let salt = FileHeader::decode(&bytes).unwrap().salt;
    let (mut start, mut commits) = (FILE_HEADER, 9);
    while let Some(frame) = frame(&bytes[start..], salt) {
        let mut changed = bytes[..start].to_vec();
        frame::put(&mut changed, salt, frame.mark, &Payload::new(b"nonsense".to_vec()));
        changed.extend_from_slice(&bytes[start + frame.len()..]);
        let about = format!("frame {}", frame.mark.sequence);
        let (report, model) = salvaged(&system, &log, &changed, &about);
        assert_eq!((report.commit.number(), &model), (commits, &models[commits as usize]), "{about}");
        assert_eq!((report.damage.len(), report.lost), (1, (changed.len() - start) as u64), "{about}");
        commits += u64::from(frame.payload[0] == 0);
        start += frame.len();
    }
    assert_eq!(commits as usize, workload().len());
}

#[test]
fn noise_behind_a_log_is_cut_and_reported_and_zeros_are_its_end() {
    let system = database(true);
    let file = path_of(Kind::Log);
    let whole = system.dump().remove(&file).unwrap();
    let open_with = |noise: &[u8]| {
        let found = system.after_kill();
        found.put(&file, &[&whole, noise].concat());
        let store = open(&found, Durability::Full).unwrap();
        assert_eq!(contents(&store.snapshot().unwrap()), *models(&workload()).last().unwrap());
        let torn = store.recovery().unwrap().torn.clone();
        commit(&store, &Step::Put(99, 1, "goes on behind it".into())).unwrap();
        drop(store);
        let reopened = open(&found, Durability::Full).unwrap();
        assert_eq!(contents(&reopened.snapshot().unwrap()).rows[&99].0, 1);
        torn
    };
    let noise: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let torn = |cut| [TornTail { path: file.clone(), kept: whole.len() as u64, cut }];
    assert_eq!(open_with(&noise), torn(1000));
    assert_eq!(open_with(&[&[0; 4096][..], &noise].concat()), torn(5096));
    assert_eq!(open_with(&[0; 4096]), []);
}

#[test]
fn a_log_grows_ahead_of_its_frames_and_ends_with_them_when_it_is_closed() {
    let lengths = [true, false].map(|is_closed| {
        let bytes = database(is_closed).dump().remove(&path_of(Kind::Log)).unwrap();
        (bytes.len(), bytes.iter().rev().take_while(|byte| **byte == 0).count())
    });
    let [(closed, behind_closed), (killed, behind_killed)] = lengths;
    assert!(behind_closed < 8, "{behind_closed} zeros in {closed} bytes");
    assert!(behind_killed > 8 && killed > behind_killed, "{behind_killed} zeros in {killed} bytes");
}

#[test]
fn what_is_no_database_is_named_and_left_alone() {
    let open_among = |name: &str, bytes: &[u8]| {
        let system = database(true);
        system.put(&path().join(name), bytes);
        let before = system.dump();
        let error = file_error(open(&system, Durability::Full));
        assert_eq!(system.dump(), before);
        error
    };
    let log = path_of(Kind::Log);
    assert_eq!(open_among("00000001.log", b"SQLite format 3\0"), FileError::Foreign { path: log.clone() });
    assert_eq!(open_among("00000001.log", b""), FileError::Truncated { path: log.clone(), bytes: 0 });
    let other = FileHeader { kind: 1, generation: 2, salt: 3 }.encode();
    assert!(matches!(open_among("00000001.log", &other), FileError::Corrupt { path, .. } if path == log));
    let mut newer = FileHeader { kind: 1, generation: 1, salt: 3 }.encode();
    newer[8] = FORMAT as u8 + 1;
    let checksum = xxhash_rust::xxh3::xxh3_64(&newer[..32]);
    newer[32..].copy_from_slice(&checksum.to_le_bytes());
    let expected = FileError::Newer { path: log.clone(), format: FORMAT + 1, known: FORMAT };
    assert_eq!(open_among("00000001.log", &newer), expected);

    let system = database(true);
    let files = system.dump();
    let without = |kind: Kind| {
        let system = database(true);
        crate::file::Files::remove(&system, &path_of(kind)).unwrap();
        file_error(open(&system, Durability::Full))
    };
    assert_eq!(files.len(), 2);
    assert_eq!(without(Kind::Log), FileError::Missing { path: log });
    assert_eq!(without(Kind::Checkpoint), FileError::Missing { path: path_of(Kind::Checkpoint) });
}

#[test]
fn a_file_whose_name_only_looks_like_one_of_a_database_is_left_alone() {
    for name in ["7.log", "000000001.log", "+0000001.log", "1.checkpoint", "18446744073709551615.checkpoint"]
    {
        let (system, stray) = (database(true), path().join(name));
        system.put(&stray, b"letter");
        let store = open(&system, Durability::Full).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(contents(&store.snapshot().unwrap()), *models(&workload()).last().unwrap(), "{name}");
        store.compact().unwrap();
        drop(store);
        assert_eq!(system.dump()[&stray], b"letter", "{name}");

        let alone = Simulated::default();
        crate::file::Files::create_dir(&alone, path()).unwrap();
        alone.put(&stray, b"letter");
        let error = file_error(open(&alone, Durability::Full));
        assert_eq!(error, FileError::NotADatabase { path: path().to_owned(), found: name.into() });
    }
}

#[test]
fn a_directory_of_other_files_is_no_place_for_a_database() {
    let system = Simulated::default();
    crate::file::Files::create_dir(&system, path()).unwrap();
    system.put(&path().join("letter.txt"), b"Dear Stephane");
    let before = system.dump();
    let error = file_error(open(&system, Durability::Full));
    assert_eq!(error, FileError::NotADatabase { path: path().to_owned(), found: "letter.txt".into() });
    assert_eq!(system.dump(), before);
    let unfinished = Simulated::default();
    crate::file::Files::create_dir(&unfinished, path()).unwrap();
    unfinished.put(&path().join("00000001.checkpoint.new"), b"");
    assert!(matches!(file_error(open(&unfinished, Durability::Full)), FileError::NotADatabase { .. }));
}

/// Whatever a disk refuses while a database is opened: it is told what and of which file, and nothing is lost by it.
#[test]
fn what_the_system_refuses_to_open_is_told_with_its_path_and_is_as_it_was() {
    let refused_as = |kind: ErrorKind, error: &FileError| match (kind, error) {
        (ErrorKind::PermissionDenied, FileError::PermissionDenied { path, .. })
        | (ErrorKind::ReadOnlyFilesystem, FileError::ReadOnly { path, .. })
        | (ErrorKind::StorageFull, FileError::NoSpace { path, .. })
        | (ErrorKind::Other, FileError::Refused { path, .. }) => Some(path.clone()),
        _ => None,
    };
    for system in [Simulated::default(), database(true), database(false)] {
        let expected = contents(&open(&system.after_kill(), Durability::Full).unwrap().snapshot().unwrap());
        let whole = system.after_kill();
        let opened = open(&whole, Durability::Full).unwrap();
        let operations = whole.operations();
        drop(opened);
        assert!(operations >= 3, "it is locked, opened and synced");
        let kinds = [
            ErrorKind::PermissionDenied,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
            ErrorKind::Other,
        ];
        for (kind, at) in kinds.into_iter().flat_map(|kind| (1..=operations).map(move |at| (kind, at))) {
            let found = system.after_kill();
            let before = found.dump();
            found.plan(at, Fault::Fails(kind));
            let error = file_error(open(&found, Durability::Full));
            let path_of_it = refused_as(kind, &error).unwrap_or_else(|| panic!("{kind:?} at {at}: {error}"));
            assert!(path_of_it.starts_with(path()) || path().starts_with(&path_of_it), "{error}");
            assert!(error.to_string().contains(&path_of_it.display().to_string()), "{error}");
            let after = found.dump();
            assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "{kind:?} at {at}");
            let again =
                open(&found, Durability::Full).unwrap_or_else(|error| panic!("{kind:?} at {at}: {error}"));
            assert_eq!(contents(&again.snapshot().unwrap()), expected, "{kind:?} at {at}");
        }
    }
}
