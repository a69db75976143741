//! A program with its database in files: it is closed and opened, gets models later, and is copied while it runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use nuages::prelude::*;
use nuages_engine::Durability;

#[derive(Model, Clone, Debug)]
struct Band {
    id: Auto<i64>,
    #[field(unique, max_length = 50)]
    name: String,
    #[related(Song::band)]
    songs: Related<Song>,
}

#[derive(Model, Clone, Debug)]
struct Song {
    id: Auto<i64>,
    #[field(max_length = 100)]
    title: String,
    #[field(on_delete = Cascade)]
    band: ForeignKey<Band>,
    moods: ManyToMany<Mood>,
}

#[derive(Model, Clone, Debug)]
struct Mood {
    id: Auto<i64>,
    #[field(unique)]
    word: String,
}

#[derive(Model, Clone, Debug)]
struct Concert {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    band: ForeignKey<Band>,
    #[field(default = 0)]
    visitors: u32,
}

#[derive(Model, Clone, Debug)]
struct Book {
    id: Auto<i64>,
    #[field(max_length = 50)]
    title: String,
    text: String,
    #[field(default = false)]
    is_read: bool,
}

/// A path of which there is nothing, and which is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("nuages-{name}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_program_finds_its_rows_again_and_may_have_got_a_model_meanwhile() {
    let scratch = Scratch::new("again");
    let app = || App::new().models((Band::app(), Song::app(), Mood::app()));
    {
        let db = app().open(&scratch.0).unwrap();
        let band = Band::objects().create(new!(Band { name: "Quintette" }), &db).unwrap();
        let mut song = Song::objects().create(new!(Song { title: "Nuages", band: &band }), &db).unwrap();
        let mood = Mood::objects().create(new!(Mood { word: "wistful" }), &db).unwrap();
        song.moods.add(&mood, &db).unwrap();
        let lost = db.atomic(|tx| {
            Band::objects().create(new!(Band { name: "Hot Club" }), tx)?;
            Err::<(), _>(Error::custom("changed our mind"))
        });
        assert!(lost.is_err());
    }
    let db = app().model::<Concert>().open_with(&scratch.0, Durability::Buffered).unwrap();
    assert_eq!(db.engine().recovery().map(|report| (report.created, report.torn.len())), Some((false, 0)));
    let wistful = Song::objects().filter(Song::moods.word.eq("wistful")).select_related(Song::band);
    let songs = wistful.all(&db).unwrap();
    assert_eq!(songs.len(), 1);
    let band = songs[0].band.get(&db).unwrap();
    assert_eq!(band.name, "Quintette");
    let taken = Band::objects().create(new!(Band { name: "Quintette" }), &db);
    assert!(matches!(taken, Err(Error::Integrity { .. })));
    Concert::objects().create(new!(Concert { band: band, visitors: 300u32 }), &db).unwrap();

    let backup = Scratch::new("backup");
    db.engine().backup(&backup.0).unwrap();
    Band::objects().delete(&db).unwrap();
    assert_eq!((Song::objects().count(&db).unwrap(), Concert::objects().count(&db).unwrap()), (0, 0));
    let copy = app().model::<Concert>().open(&backup.0).unwrap();
    assert_eq!((Song::objects().count(&copy).unwrap(), Concert::objects().count(&copy).unwrap()), (1, 1));
    let trio = Band::objects().create(new!(Band { name: "Trio" }), &copy).unwrap();
    assert!(trio.id.get() > band.id.get(), "no key is given twice");
}

/// Of the words of a book: found again after replaying the log, after a checkpoint, and in a copy.
#[test]
fn a_text_of_ten_megabytes_is_a_value_like_others() {
    let scratch = Scratch::new("long");
    let open = || App::new().models((Book::app(),)).open(&scratch.0).unwrap();
    let text = |word: &str| word.repeat(10_000_000 / word.len() + 1);
    let is_there = |db: &Db, word: &str| {
        let book = Book::objects().get(Book::title.eq("Mystery Pacific"), db).unwrap();
        assert!(book.text == text(word), "{} characters, and others", book.text.len());
        assert_eq!(Book::objects().filter(Book::text.contains(word)).count(db).unwrap(), 1);
    };
    {
        let db = open();
        Book::objects().create(new!(Book { title: "Mystery Pacific", text: text("été ") }), &db).unwrap();
        Book::objects().create(new!(Book { title: "short", text: "and sweet" }), &db).unwrap();
        is_there(&db, "été ");
    }
    {
        let db = open();
        is_there(&db, "été ");
        Book::objects()
            .filter(Book::title.eq("Mystery Pacific"))
            .update(Book::is_read.set(true), &db)
            .unwrap();
        db.engine().compact().unwrap();
    }
    let db = open();
    is_there(&db, "été ");
    let mut book = Book::objects().get(Book::is_read.eq(true), &db).unwrap();
    book.text = text("hiver ");
    book.save(&db).unwrap();
    is_there(&db, "hiver ");
    let failed = db.atomic(|tx| {
        book.text = "lost".to_owned();
        book.save(tx)?;
        Err::<(), _>(Error::custom("changed our mind"))
    });
    assert!(failed.is_err());
    is_there(&db, "hiver ");
}
