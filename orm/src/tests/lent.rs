//! Rows that are lent: the same as those that are copied, from where they lie.

use crate::error::Misuse;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lent")]
struct Composer {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lent")]
struct Song {
    id: Auto<i64>,
    title: String,
    slug: Slug,
    words: Option<String>,
    #[field(on_delete = Cascade)]
    composer: ForeignKey<Composer>,
}

/// Songs of which every third has words, and every fifth so many that they do not lie in a leaf.
fn songs() -> Result<Db> {
    let db = App::new().models((Composer::app(), Song::app())).open_memory()?;
    for name in ["Django", "Stéphane"] {
        Composer::objects().create(new!(Composer { name }), &db)?;
    }
    let song = |n: i64| {
        let words = (n % 3 == 0).then(|| "la ".repeat(if n % 5 == 0 { 2_000 } else { 2 }));
        let (title, slug, composer) = (format!("Song {}", (n * 7) % 100), format!("song-{n}"), 1 + n % 2);
        new!(Song { title, slug, words, composer })
    };
    Song::objects().bulk_create((0..100).map(song), &db)?;
    Ok(db)
}

type Owned = (i64, String, Slug, Option<String>, String);
type Lent<'h> = (i64, &'h str, &'h str, Option<&'h str>, &'h str);

#[test]
fn what_is_lent_is_what_is_copied() -> Result<()> {
    let db = songs()?;
    let columns = || (Song::id, Song::title, Song::slug, Song::words, Song::composer.name);
    let all = || Song::objects().values_list(columns());
    let querysets: [QuerySet<Song, Owned>; 5] = [
        all(),
        all().order_by((Song::title.desc(), Song::id)),
        all().filter(Song::words.is_null(false)).order_by(Song::words).slice(3..20),
        all().filter(Song::composer.name.eq("Django")).order_by(Song::composer.name),
        all().filter(Song::id.lt(0)),
    ];
    for queryset in querysets {
        let copied = queryset.all(&db)?;
        let held = queryset.hold(&db)?;
        let lent: Vec<Lent<'_>> = held.rows()?;
        let as_lent = |(id, title, slug, words, name): &Owned| {
            (*id, title.clone(), slug.to_string(), words.clone(), name.clone())
        };
        let as_copied = |(id, title, slug, words, name): &Lent<'_>| {
            let words = words.map(String::from);
            (*id, (*title).to_owned(), (*slug).to_owned(), words, (*name).to_owned())
        };
        assert!(copied.iter().map(as_lent).eq(lent.iter().map(as_copied)), "{queryset:?}");
        assert_eq!(held.rows::<Owned>()?, copied, "any field is lent as itself");
    }
    Ok(())
}

#[test]
fn what_is_held_stays_as_it_was_and_is_read_as_often_as_wanted() -> Result<()> {
    let db = songs()?;
    let watch = db.capture();
    let held =
        Song::objects().filter(Song::id.lte(2)).order_by(Song::id).values_list(Song::slug).hold(&db)?;
    assert_eq!(watch.len(), 1);
    let slugs: Vec<&str> = held.rows()?;
    Song::objects().update(Song::slug.set("other"), &db)?;
    Song::objects().delete(&db)?;
    let mut again = Vec::new();
    held.each(|slug: &str| {
        again.push(slug);
        Ok(())
    })?;
    assert_eq!((slugs, again), (vec!["song-0", "song-1"], vec!["song-0", "song-1"]));
    Ok(())
}

#[test]
fn a_visitor_ends_the_reading_by_its_error() -> Result<()> {
    let db = songs()?;
    let held = Song::objects().order_by(Song::id).values_list(Song::id).hold(&db)?;
    let mut seen = 0;
    let result = held.each(|id: i64| {
        seen = id;
        if id == 70 { Err(Error::Misuse(Misuse::Other("enough"))) } else { Ok(()) }
    });
    assert!(matches!(result, Err(Error::Misuse(Misuse::Other("enough")))), "{result:?}");
    assert_eq!(seen, 70);
    Ok(())
}

#[test]
fn a_text_that_is_computed_is_lent_as_a_string_only() -> Result<()> {
    let db = songs()?;
    let loud = Song::objects().filter(Song::id.eq(1)).values_list(Song::title.upper()).hold(&db)?;
    let refused = loud.rows::<&str>().unwrap_err();
    assert!(refused.to_string().contains("read it as a `String`"), "{refused}");
    assert_eq!(loud.rows::<String>()?, ["SONG 0"]);
    Ok(())
}

#[test]
fn locks_are_not_held() -> Result<()> {
    let db = songs()?;
    let locked = Song::objects().select_for_update().values_list(Song::id).hold(&db);
    let error = locked.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("hold") && error.contains("select_for_update"), "{error}");
    let never = Song::objects().none().values_list(Song::title).hold(&db)?;
    assert_eq!(never.rows::<&str>()?, [""; 0]);
    Ok(())
}

#[derive(Projection, Debug, PartialEq)]
#[projection(Song)]
struct Line<'h> {
    id: i64,
    title: &'h str,
    #[expr(slug)]
    address: &'h str,
    words: Option<&'h str>,
    #[expr(composer.name)]
    by: &'h str,
}

#[test]
fn a_struct_with_a_lifetime_is_lent() -> Result<()> {
    let db = songs()?;
    let held = Song::objects().filter(Song::id.lte(2)).order_by(Song::id).project::<Line<'_>>().hold(&db)?;
    let lines: Vec<Line<'_>> = held.rows()?;
    let words = "la ".repeat(2_000);
    let first = Line { id: 1, title: "Song 0", address: "song-0", words: Some(&words), by: "Django" };
    let second = Line { id: 2, title: "Song 7", address: "song-1", words: None, by: "Stéphane" };
    assert_eq!(lines, [first, second]);
    Ok(())
}
