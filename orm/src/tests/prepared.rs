//! Prepared querysets: the same answers as those that are built per call, for changing arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::executor::capture::StatementKind;
use crate::executor::settings::Clock;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "prepared")]
struct Label {
    id: Auto<i64>,
    #[field(unique)]
    name: String,
    #[related(Record::label)]
    records: Related<Record>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "prepared")]
struct Record {
    id: Auto<i64>,
    #[field(unique, max_length = 40)]
    slug: Slug,
    #[field(on_delete = Cascade)]
    label: ForeignKey<Label>,
    plays: u32,
    released: DateTime,
}

fn shop() -> Result<Db> {
    let db = App::new().models((Label::app(), Record::app())).open_memory()?;
    for name in ["swing", "vogue"] {
        Label::objects().create(new!(Label { name }), &db)?;
    }
    let record = |n: i64| {
        let (slug, label) = (format!("record-{n}"), 1 + n % 2);
        let released = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(n);
        new!(Record { slug, label, plays: n as u32 * 10, released })
    };
    Record::objects().bulk_create((0..50).map(record), &db)?;
    Ok(db)
}

#[test]
fn every_verb_answers_as_the_queryset_built_with_the_values() -> Result<()> {
    let db = shop()?;
    let played =
        |plays: Param<u32>| Record::objects().filter(Record::plays.gte(plays)).order_by(Record::plays.asc());
    let played = prepare(played, &db)?;
    for plays in [0, 15, 490, 500] {
        let built = Record::objects().filter(Record::plays.gte(plays)).order_by(Record::plays.asc());
        assert_eq!(played.all(plays, &db)?, built.all(&db)?);
        assert_eq!(played.first(plays, &db)?, built.first(&db)?);
        assert_eq!(played.count(plays, &db)?, built.count(&db)?);
        assert_eq!(played.exists(plays, &db)?, built.exists(&db)?);
    }
    assert_eq!(played.get(490, &db)?.plays, 490);
    assert!(matches!(played.get(480, &db), Err(Error::MultipleObjectsReturned { count: 2, .. })));
    assert!(matches!(played.get(491, &db), Err(Error::DoesNotExist { model: "Record" })));
    Ok(())
}

#[test]
fn a_row_is_found_by_its_key_and_by_a_unique_text() -> Result<()> {
    let db = shop()?;
    let by_id = prepare(|id: Param<i64>| Record::objects().filter(Record::id.eq(id)), &db)?;
    let by_slug = prepare(|slug: Param<String>| Record::objects().filter(Record::slug.eq(slug)), &db)?;
    let row = by_id.get(8, &db)?;
    assert_eq!(row.slug.as_str(), "record-7");
    assert_eq!(by_slug.get("record-7", &db)?, row);
    assert_eq!(Record::objects().get(Record::slug.eq("record-7"), &db)?, row);
    assert_eq!(by_slug.all("record-7", &db)?, std::slice::from_ref(&row));
    assert_eq!((by_slug.first("record", &db)?, by_slug.count("record-7", &db)?), (None, 1));
    assert!(matches!(by_id.get(51, &db), Err(Error::DoesNotExist { .. })));
    db.atomic(|tx| {
        Record::objects().filter(Record::id.eq(8)).update(Record::slug.set("moved"), tx)?;
        assert!(matches!(by_slug.get("record-7", tx), Err(Error::DoesNotExist { .. })));
        assert_eq!(by_slug.get("moved", tx)?.id, 8);
        tx.set_rollback(true);
        Ok(())
    })?;
    assert_eq!(by_slug.get("record-7", &db)?, row);
    Ok(())
}

#[test]
fn relations_are_joined_and_prefetched() -> Result<()> {
    let db = shop()?;
    let of_label = |name: Param<String>| {
        Record::objects().filter(Record::label.name.eq(name)).select_related(Record::label)
    };
    let of_label = prepare(of_label, &db)?;
    let watch = db.capture();
    let records = of_label.all("vogue", &db)?;
    assert_eq!(records.len(), 25);
    assert_eq!(records[0].label.get(&db)?.name, "vogue");
    assert_eq!(watch.kinds(), [StatementKind::Select]);
    let labels = prepare(|()| Label::objects().prefetch_related(Label::records), &db)?;
    assert_eq!(labels.all((), &db)?[1].records.loaded().map(<[_]>::len), Some(25));
    assert_eq!(watch.len(), 3);
    Ok(())
}

#[test]
fn aggregates_updates_and_deletions_take_arguments() -> Result<()> {
    let db = shop()?;
    let total = |(from, to): (Param<u32>, Param<u32>)| {
        Record::objects().filter(Record::plays.range(from, to)).aggregating((Record::plays.sum(), count()))
    };
    let total = prepare(total, &db)?;
    assert_eq!(total.run((10, 30), &db)?, (Some(60), 3));
    assert_eq!(total.run((1, 2), &db)?, (None, 0));
    let play = |(id, more): (Param<i64>, Param<u32>)| {
        Record::objects().filter(Record::id.eq(id)).updating(Record::plays.set(Record::plays + more))
    };
    let play = prepare(play, &db)?;
    assert_eq!((play.run((1, 7), &db)?, play.run((99, 7), &db)?), (1, 0));
    assert_eq!(Record::objects().get(Record::id.eq(1), &db)?.plays, 7);
    let drop_label = prepare(|id: Param<i64>| Label::objects().filter(Label::id.eq(id)).deleting(), &db)?;
    assert_eq!(drop_label.run(1, &db)?.total, 26);
    assert_eq!(drop_label.run(1, &db)?.total, 0);
    Ok(())
}

#[test]
fn a_deletion_tells_receivers_that_came_after_it_was_prepared() -> Result<()> {
    let db = shop()?;
    let delete = prepare(|id: Param<i64>| Record::objects().filter(Record::id.eq(id)).deleting(), &db)?;
    delete.run(1, &db)?;
    let told = Arc::new(AtomicU32::new(0));
    let teller = told.clone();
    let _connection = db.connect_pre_delete(move |_: &mut Record, _, _| {
        teller.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(delete.run(2, &db)?.total, 1);
    assert_eq!(told.load(Ordering::Relaxed), 1);
    Ok(())
}

#[test]
fn now_is_the_time_of_the_run() -> Result<()> {
    let db = shop()?;
    let out = prepare(|()| Record::objects().filter(Record::released.lt(now())), &db)?;
    let at = |hours| db.with_clock(Clock::fixed(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)));
    assert_eq!((out.count((), &at(3))?, out.count((), &at(20))?), (3, 20));
    Ok(())
}

#[test]
fn it_runs_on_forks_and_means_the_same_on_other_databases() -> Result<()> {
    let db = shop()?;
    let played = prepare(|plays: Param<u32>| Record::objects().filter(Record::plays.gte(plays)), &db)?;
    let fork = db.fork()?;
    Record::objects().filter(Record::plays.gt(470)).delete(&fork)?;
    assert_eq!((played.count(470, &fork)?, played.count(470, &db)?), (1, 3));
    // Its tables have other numbers.
    let other = App::new().models((Record::app(), Label::app())).open_memory()?;
    assert!(played.all(0, &other)?.is_empty());
    Ok(())
}

#[test]
fn a_mistake_is_told_when_it_is_prepared() -> Result<()> {
    let db = shop()?;
    let sliced = |plays: Param<u32>| Record::objects().slice(..1).filter(Record::plays.gte(plays));
    assert!(matches!(prepare(sliced, &db), Err(Error::Misuse(_))));
    let sliced = |()| Record::objects().slice(..1).deleting();
    assert!(matches!(prepare(sliced, &db), Err(Error::Misuse(_))));
    Ok(())
}
