//! What can be wrong with a path, and what a database does with its files.

use std::fs;
use std::path::Path;

use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Durability, Error, FileError, Options, RowKeys, Session};
use nuages_storage::{DataType, LeafBuilder};

use crate::scratch::Scratch;

fn open_error(path: &Path) -> FileError {
    match Database::open(path).unwrap_err() {
        Error::File(error) => *error,
        other => panic!("{other}"),
    }
}

fn with_table(path: &Path, options: impl Into<Options>) -> Database {
    let db = Database::open_with(path, options).unwrap();
    db.create_table(
        NewTable::new("song")
            .column(NewColumn::new("id", DataType::BigInt).generated())
            .column(NewColumn::new("title", DataType::Text { max_length: None }))
            .primary_key(["id"]),
    )
    .unwrap();
    db
}

fn insert(db: &Database, title: &str) -> Result<Option<i64>, Error> {
    let catalog = db.catalog()?;
    let song = catalog.table_named("song")?;
    let mut builder = LeafBuilder::new(song.layout.clone());
    builder.set_text(1, title);
    builder.finish_row_unnumbered();
    db.insert_rows(song.id, vec![builder.finish()], RowKeys::Generated)
}

fn count(db: &Database) -> u64 {
    let song = db.catalog().unwrap().table_named("song").unwrap().id;
    db.version().unwrap().table(song).unwrap().len()
}

#[test]
fn a_path_that_is_no_place_for_a_database_is_named() {
    let scratch = Scratch::new();
    let file = scratch.join("letter.txt");
    fs::write(&file, "Dear Stephane").unwrap();
    assert_eq!(open_error(&file), FileError::NotADirectory { path: file.clone() });
    assert!(matches!(open_error(&scratch), FileError::NotADatabase { found, .. } if found == "letter.txt"));
    let nowhere = scratch.join("no").join("where");
    assert_eq!(open_error(&nowhere), FileError::NotFound { path: scratch.join("no") });
    assert_eq!(fs::read_dir(&*scratch).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "Dear Stephane");
}

/// A user who may do everything is not refused, and sees nothing of this.
#[cfg(unix)]
#[test]
fn a_directory_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let path = scratch.join("music");
    drop(with_table(&path, Durability::Full));
    fs::set_permissions(path.join("lock"), fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().write(true).open(path.join("lock")).is_ok() {
        return;
    }
    let lock = path.join("lock");
    assert_eq!(open_error(&path), FileError::PermissionDenied { action: "lock", path: lock });
}

#[test]
fn a_database_is_open_once_and_free_when_its_last_handle_is_gone() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    for durability in [Durability::Full, Durability::Buffered] {
        let db = Database::open_with(&path, durability).unwrap();
        let transaction = db.begin();
        drop(db);
        assert_eq!(open_error(&path), FileError::AlreadyOpen { path: path.clone() });
        transaction.rollback();
        for _ in 0..5 {
            drop(Database::open_with(&path, durability).unwrap());
        }
    }
}

#[test]
fn a_long_log_is_checkpointed_in_the_background_and_can_be_compacted() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let mut options = Options::from(Durability::Buffered);
    options.checkpoint_bytes = 10_000;
    let db = with_table(&path, options);
    let has_checkpoint = || {
        fs::read_dir(&path)
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(".checkpoint"))
    };
    while !has_checkpoint() {
        insert(&db, "a title that takes some room in the log").unwrap();
    }
    let rows = count(&db);
    let compacted = db.compact().unwrap().unwrap();
    assert!(compacted.after > 0);
    assert!(Database::new().compact().unwrap().is_none());
    drop(db);
    let db = Database::open(&path).unwrap();
    assert_eq!((count(&db), db.recovery().unwrap().replayed), (rows, 0));
}

#[test]
fn a_directory_that_vanishes_is_named_and_what_is_in_memory_stays() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = with_table(&path, Durability::Full);
    insert(&db, "Nuages").unwrap();
    fs::remove_dir_all(&path).unwrap();
    let error = db.compact().unwrap_err();
    assert!(matches!(&error, Error::File(error) if error.to_string().contains("music")), "{error}");
    assert_eq!(count(&db), 1);
    let elsewhere = scratch.join("elsewhere");
    db.backup(&elsewhere).unwrap();
    assert_eq!(count(&Database::open(elsewhere).unwrap()), 1);
}

/// Somebody puts a backup in the place of a database that is open still. The names of its files mean other files then.
#[cfg(unix)]
#[test]
fn a_directory_that_was_put_in_the_place_of_an_open_one_is_left_alone() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.join("music"), scratch.join("aside"));
    let db = with_table(&path, Durability::Full);
    insert(&db, "Nuages").unwrap();
    let backup = scratch.join("backup");
    db.backup(&backup).unwrap();
    insert(&db, "Daphne").unwrap();
    fs::rename(&path, &aside).unwrap();
    fs::rename(&backup, &path).unwrap();
    let files = |path: &Path| {
        let mut files: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.retain(|file| file != "lock");
        files.sort();
        files
    };
    let before = files(&path);
    drop(Database::open(&path).unwrap());
    let Error::File(error) = db.compact().unwrap_err() else { panic!("it is about files") };
    assert_eq!(*error, FileError::Replaced { path: path.clone() });
    assert_eq!(files(&path), before);
    insert(&db, "Tears").unwrap();
    drop(db);
    assert_eq!(count(&Database::open(&path).unwrap()), 1);
    let db = Database::open(&aside).unwrap();
    assert_eq!(count(&db), 3, "it was written where it is");
    db.compact().unwrap();
}

#[test]
fn a_backup_goes_into_a_directory_of_its_own_which_may_be_within_the_database() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = with_table(&path, Durability::Full);
    insert(&db, "Nuages").unwrap();
    let Error::File(error) = db.backup(&path).unwrap_err() else { panic!("it is about files") };
    assert_eq!(*error, FileError::Exists { path: path.clone() });
    let inside = path.join("before Daphne");
    db.backup(&inside).unwrap();
    insert(&db, "Daphne").unwrap();
    db.compact().unwrap();
    drop(db);
    assert_eq!(count(&Database::open(&path).unwrap()), 2);
    assert_eq!(count(&Database::open(&inside).unwrap()), 1);
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_database_it_leads_to_when_it_is_opened() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    let (path, other, link) = (scratch.join("music"), scratch.join("other"), scratch.join("current"));
    drop(with_table(&path, Durability::Full));
    drop(with_table(&other, Durability::Full));
    symlink(&path, &link).unwrap();
    let db = Database::open(&link).unwrap();
    insert(&db, "Nuages").unwrap();
    assert_eq!(open_error(&path), FileError::AlreadyOpen { path: path.clone() });
    db.compact().unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&other, &link).unwrap();
    let Error::File(error) = db.compact().unwrap_err() else { panic!("it is about files") };
    assert_eq!(*error, FileError::Replaced { path: link });
    insert(&db, "Daphne").unwrap();
    drop(db);
    assert_eq!([&path, &other].map(|path| count(&Database::open(path).unwrap())), [2, 0]);
}

/// The file is there also when nobody has the database open, and so is taken for one that was left behind.
#[cfg(unix)]
#[test]
fn a_database_whose_lock_was_removed_is_open_once_all_the_same() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = with_table(&path, Durability::Full);
    for _ in 0..2 {
        insert(&db, "Nuages").unwrap();
        fs::remove_file(path.join("lock")).unwrap();
        assert_eq!(open_error(&path), FileError::AlreadyOpen { path: path.clone() });
    }
    assert!(db.compact().is_err(), "it may be another's");
    insert(&db, "Daphne").unwrap();
    drop(db);
    let db = Database::open(&path).unwrap();
    assert_eq!(count(&db), 3);
    db.compact().unwrap();
    fs::remove_file(path.join("lock")).unwrap();
    assert_eq!(
        open_error(&path),
        FileError::AlreadyOpen { path: path.clone() },
        "nor with a log that came later"
    );
}

/// A program may work elsewhere than where it opened its database.
#[test]
fn a_path_is_that_of_where_the_database_was_opened() {
    let relative = Path::new("no-such-place").join("music");
    let FileError::NotFound { path } = open_error(&relative) else { panic!("there is nothing") };
    assert_eq!(path, std::env::current_dir().unwrap().join("no-such-place"));
}

/// The system takes what is written to a file that has no name any more. It is not acknowledged for that.
#[cfg(unix)]
#[test]
fn what_is_committed_to_files_that_were_removed_is_refused() {
    for durability in [Durability::Full, Durability::Buffered] {
        let scratch = Scratch::new();
        let path = scratch.join("music");
        let db = with_table(&path, durability);
        insert(&db, "Nuages").unwrap();
        fs::remove_dir_all(&path).unwrap();
        // What is buffered is acknowledged before it is written.
        let refused = insert(&db, "Daphne").and_then(|_| db.flush()).unwrap_err();
        let log = path.join("00000000.log");
        let Error::File(error) = refused else { panic!("{refused}") };
        assert_eq!(*error, FileError::Stopped { first: Box::new(FileError::NotFound { path: log }) });
        if durability == Durability::Full {
            assert_eq!(count(&db), 1, "what could not be kept is not seen");
        }
        insert(&db, "Tears").unwrap_err();
    }
}

#[test]
fn a_damaged_database_is_an_error_and_can_be_salvaged() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = with_table(&path, Durability::Full);
    for title in ["Minor Swing", "Daphne", "Nuages"] {
        insert(&db, title).unwrap();
    }
    drop(db);
    let log = path.join("00000000.log");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.windows(6).position(|window| window == b"Daphne").unwrap();
    bytes[at] = b'd';
    fs::write(&log, &bytes).unwrap();
    let error = open_error(&path);
    assert!(
        matches!(&error, FileError::Corrupt { path, offset, .. } if *path == log && *offset < at as u64),
        "{error}"
    );
    assert_eq!(fs::read(&log).unwrap(), bytes);
    let report = Database::salvage(&path, scratch.join("salvaged")).unwrap();
    assert_eq!(report.damage.len(), 1);
    assert_eq!(count(&Database::open(scratch.join("salvaged")).unwrap()), 1);
    assert_eq!(fs::read(&log).unwrap(), bytes);
}

#[test]
fn a_transaction_is_there_whole_and_what_was_rolled_back_is_not() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = with_table(&path, Durability::Full);
    let song = db.catalog().unwrap().table_named("song").unwrap().clone();
    let rows = |titles: &[&str]| {
        let mut builder = LeafBuilder::new(song.layout.clone());
        for title in titles {
            builder.set_text(1, title);
            builder.finish_row_unnumbered();
        }
        vec![builder.finish()]
    };
    let transaction = db.begin();
    transaction.insert_rows(song.id, rows(&["Nuages", "Belleville"]), RowKeys::Generated).unwrap();
    let savepoint = transaction.savepoint();
    transaction.insert_rows(song.id, rows(&["Swing 42"]), RowKeys::Generated).unwrap();
    transaction.rollback_to(savepoint).unwrap();
    transaction.commit().unwrap();
    let undone = db.begin();
    let key = undone.insert_rows(song.id, rows(&["Tears"]), RowKeys::Generated).unwrap();
    undone.rollback();
    assert_eq!(key, Some(4));
    drop(db);
    let db = Database::open(&path).unwrap();
    assert_eq!(count(&db), 2);
    assert_eq!(db.insert_rows(song.id, rows(&["Troublant Bolero"]), RowKeys::Generated).unwrap(), Some(5));
}
