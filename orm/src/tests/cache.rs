//! The plan cache: one shape for what differs in values alone, and never another answer.

use nuages_engine::Session;
use nuages_engine::catalog::{NewColumn, NewIndex};
use nuages_storage::DataType;

use crate::executor::capture::StatementKind;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "cache")]
struct Album {
    id: Auto<i64>,
    title: String,
    #[field(db_index)]
    year: Option<i32>,
    #[field(default = 0)]
    sold: u32,
    #[field(default = true)]
    in_print: bool,
    #[related(Song::album)]
    songs: Related<Song>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "cache")]
struct Song {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    album: ForeignKey<Album>,
}

fn shelf() -> Result<Db> {
    let db = App::new().models((Album::app(), Song::app())).open_memory()?;
    let album = |n: i32| {
        let year = (n % 7 != 0).then_some(1930 + n % 10);
        new!(Album { title: format!("Album {n}"), year, sold: n as u32, in_print: n % 2 == 0 })
    };
    let albums = Album::objects().bulk_create((0..40).map(album), &db)?;
    let song = |n: usize| new!(Song { title: format!("Song {n}"), album: &albums[n % 10] });
    Song::objects().bulk_create((0..60).map(song), &db)?;
    Ok(db)
}

#[test]
fn querysets_that_differ_in_values_are_of_one_shape() -> Result<()> {
    let db = shelf()?;
    for year in 1930..1940 {
        let of_year = Album::objects().filter(Album::year.eq(year) & Album::sold.lt(year as u32));
        assert_eq!(of_year.all(&db)?, of_year.all(&db.planning_anew())?);
    }
    assert_eq!(db.kept_plans(), 1);
    for id in 1..5 {
        Album::objects().filter(Album::id.eq(id)).update(Album::sold.set(Album::sold + id), &db)?;
        Song::objects().filter(Song::album.year.eq(id)).delete(&db)?;
    }
    assert_eq!(db.kept_plans(), 3);
    assert_eq!(db.fork()?.kept_plans(), 3);
    Ok(())
}

#[test]
fn pages_are_of_one_shape_but_the_first() -> Result<()> {
    let (db, anew) = (shelf()?, shelf()?.planning_anew());
    let page = |from: usize, db: &Db| Album::objects().order_by(-Album::sold).slice(from..from + 5).all(db);
    for from in [5, 10, 35, 38, 40, 6] {
        assert_eq!(page(from, &db)?, page(from, &anew)?);
    }
    assert_eq!(db.kept_plans(), 1);
    assert_eq!(page(0, &db)?.len(), 5);
    assert_eq!(db.kept_plans(), 2);
    for from in [3, 20, 39] {
        let some = Album::objects().order_by(-Album::sold).slice(from..from + 3);
        assert_eq!(some.count(&db)?, some.count(&anew)?);
        assert_eq!(some.exists(&db)?, some.exists(&anew)?);
        assert_eq!(some.aggregate(Album::sold.sum(), &db)?, some.aggregate(Album::sold.sum(), &anew)?);
        let of_some = Song::objects().filter(Song::album.is_in(some));
        assert_eq!(of_some.count(&db)?, of_some.count(&anew)?);
    }
    Ok(())
}

#[test]
fn what_a_value_decides_is_part_of_the_shape() -> Result<()> {
    let db = shelf()?;
    let years = |year: Option<i32>| Album::objects().filter(Album::year.eq(year)).count(&db);
    assert_eq!((years(Some(1931))?, years(None)?, years(Some(1932))?), (3, 6, 4));
    let listed = |list: &[i32]| Album::objects().filter(Album::year.is_in(list.to_vec())).count(&db);
    assert_eq!((listed(&[])?, listed(&[1931])?, listed(&[1931, 1932])?, listed(&[1932])?), (0, 3, 7, 4));
    let printed = |is: bool| Album::objects().filter(Album::in_print.eq(is)).count(&db);
    assert_eq!((printed(true)?, printed(false)?), (20, 20));
    Ok(())
}

#[test]
fn a_changed_schema_is_noticed() -> Result<()> {
    let db = shelf()?;
    let sold =
        |least: u32| Album::objects().filter(Album::sold.gte(least)).order_by(Album::sold.asc()).all(&db);
    assert_eq!(sold(30)?.len(), 10);
    db.engine().add_index("cache_album", NewIndex::new("by_sold", ["sold"]))?;
    assert_eq!(sold(31)?.len(), 9);
    let fork = db.fork()?;
    fork.engine().add_column("cache_album", NewColumn::new("more", DataType::BigInt).nullable(true))?;
    db.engine().drop_index("cache_album", "by_sold")?;
    assert_eq!(sold(32)?.len(), 8);
    assert_eq!(Album::objects().filter(Album::sold.gte(33)).order_by(Album::sold.asc()).all(&fork)?.len(), 7);
    Ok(())
}

#[test]
fn every_statement_is_counted_and_an_error_says_what_it_said() -> Result<()> {
    let db = shelf()?;
    let watch = db.capture();
    for year in [1930, 1931] {
        Album::objects().filter(Album::year.eq(year)).exists(&db)?;
        Album::objects().filter(Album::year.eq(year)).aggregate(Album::sold.sum(), &db)?;
        Album::objects().filter(Album::id.eq(i64::from(year))).update(Album::sold.set(1), &db)?;
    }
    let select = StatementKind::Select;
    assert_eq!(watch.kinds(), [select, select, StatementKind::Update, select, select, StatementKind::Update]);
    drop(watch);
    let negative =
        |by: i64| Album::objects().filter(Album::id.eq(1)).update(Album::sold.set(Album::sold - by), &db);
    assert!(negative(0).is_ok());
    let (kept, anew) = (negative(99), {
        let update = Album::sold.set(Album::sold - 99);
        Album::objects().filter(Album::id.eq(1)).update(update, &db.planning_anew())
    });
    assert!(kept.is_err());
    assert_eq!(kept, anew);
    Ok(())
}

#[test]
fn what_is_not_asked_for_gives_way() -> Result<()> {
    let db = shelf()?;
    let often = || Album::objects().filter(Album::year.gt(1)).count(&db);
    for listed in 1..20 {
        often()?;
        Album::objects().filter(Album::id.is_in((0..listed).collect::<Vec<i64>>())).count(&db)?;
        assert!(db.kept_plans() <= 8);
    }
    Ok(())
}

#[test]
fn a_parameter_out_of_its_place_has_no_value() -> Result<()> {
    let db = shelf()?;
    let mut leaked = None;
    let by_year = |year: Param<i32>| {
        leaked = Some(year);
        Album::objects().filter(Album::year.eq(year))
    };
    prepare(by_year, &db)?;
    let leaked = leaked.unwrap();
    let asked = Album::objects().filter(Album::sold.eq(3)).filter(Album::year.eq(leaked));
    assert!(asked.all(&db).is_err() && asked.all(&db).is_err());
    assert_eq!(db.kept_plans(), 0);
    Ok(())
}
