//! Days, times, moments and lengths of time: across a change of clocks, in other zones, of NULL.

use nuages::prelude::*;
use nuages_tests::{
    data,
    lab::{AllTypes, Post},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Found, json};

fn moment(text: &str) -> DateTime {
    text.parse().expect("a moment")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

oracle! { "date", data::lab;
    trunc_across_dst(db) {
        for at in ["2024-03-30T23:30:00Z", "2024-03-31T00:30:00Z", "2024-03-31T01:30:00Z", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"] {
            AllTypes::objects().create(new!(AllTypes { moment: moment(at) }), db)?;
        }
        let berlin = &db.in_time_zone("Europe/Berlin")?;
        let at = AllTypes::moment;
        let month = at.truncate(DateUnit::Month).named("m");
        json!([
            AllTypes::objects().order_by(at).values_list((at.truncate(DateUnit::Day), at.extract(DatePart::Hour), at.date())).all(berlin)?.answer(),
            AllTypes::objects().filter(at.date.eq(day("2024-03-31"))).count(berlin)?,
            AllTypes::objects().filter(at.hour.eq(2)).count(berlin)?,
            AllTypes::objects().values(&month).annotate(AllTypes::pk.count().named("n")).order_by(&month).all(berlin)?.answer(),
        ])
    }
    extract_with_tzinfo(db) {
        AllTypes::objects().create(new!(AllTypes { moment: moment("2023-12-31T20:15:00Z") }), db)?;
        let at = AllTypes::moment;
        let parts = (at.extract(DatePart::Year), at.extract(DatePart::Hour), at.extract(DatePart::Week), at.truncate(DateUnit::Year));
        AllTypes::objects().values_list(parts).all(&db.in_time_zone("Asia/Tokyo")?)?
    }
    date_and_time_fields(db) {
        let clock = |hour, minute, second| Time::constant(hour, minute, second, 0);
        AllTypes::objects().create(new!(AllTypes { day: day("2024-02-29"), clock: clock(23, 59, 58) }), db)?;
        AllTypes::objects().create(new!(AllTypes { day: day("1999-12-31"), clock: clock(0, 0, 0) }), db)?;
        AllTypes::objects().create(new!(AllTypes {}), db)?;
        let (of, at) = (AllTypes::day, AllTypes::clock);
        let count = |condition: Q<AllTypes>| AllTypes::objects().filter(condition).count(db);
        let parts = (of.truncate(DateUnit::Month), of.extract(DatePart::Quarter), of.extract(DatePart::Day));
        json!([
            count(of.year.eq(2024))?,
            count(of.gte(day("2000-01-01")))?,
            count(of.month.is_in([2, 12]))?,
            count(of.week_day.eq(5))?,
            count(at.hour.eq(23) & at.second.gt(50))?,
            count(at.lt(clock(1, 0, 0)))?,
            count(of.eq(None))?,
            AllTypes::objects().exclude(of.year.eq(2024)).count(db)?,
            AllTypes::objects().dates(of, DateUnit::Month).all(db)?.answer(),
            AllTypes::objects().filter(of.is_null(false)).order_by(of).values_list(parts).all(db)?.answer(),
        ])
    }
    durations(db) {
        let spans = [Duration::from_hours(26), Duration::from_mins(-5), Duration::from_micros(7)];
        for span in spans {
            AllTypes::objects().create(new!(AllTypes { span }), db)?;
        }
        AllTypes::objects().create(new!(AllTypes {}), db)?;
        let of = AllTypes::span;
        json!([
            AllTypes::objects().order_by(of.asc().nulls_last()).values_list(of).all(db)?.answer(),
            AllTypes::objects().filter(of.lt(Duration::ZERO)).count(db)?,
            AllTypes::objects().filter(of.gte(Duration::from_hours(26))).count(db)?,
            AllTypes::objects().aggregate_values((of.sum().named("s"), of.max().named("m"), of.min().named("a")), db)?.answer(),
            AllTypes::objects().filter(of.eq(Duration::from_micros(7))).count(db)?,
        ])
    }
}

oracle! { "f", data::lab;
    get_next_by(db) {
        let key = |found: Result<Post>| match found {
            Ok(post) => post.pk().answer(),
            Err(error) if error.is_not_found() => Found::Null,
            Err(error) => json!(error.to_string()),
        };
        let posts = Post::objects().order_by((Post::created_at, Post::pk)).all(db)?;
        let first = Post::objects().get(Post::pk.eq(1), db)?;
        let mut unsaved = first.clone();
        unsaved.id = Auto::unset();
        json!([
            posts.iter().map(|post| post.pk().answer()).collect::<Vec<_>>(),
            posts.iter().map(|post| key(post.next_by(Post::created_at, db))).collect::<Vec<_>>(),
            posts.iter().map(|post| key(post.previous_by(Post::created_at, db))).collect::<Vec<_>>(),
            key(Post::objects().filter(Post::is_active.eq(false)).next_by(Post::created_at, &first, db)),
            raises(unsaved.next_by(Post::created_at, db)),
        ])
    }
}

/// Rows of one moment come by their keys.
#[test]
fn neighbours_of_one_moment_are_told_apart_by_key() -> Result<()> {
    let db = data::lab();
    let at = moment("2024-01-01T00:00:00Z");
    Post::objects().update(Post::created_at.set(at), &db)?;
    let mut seen = vec![Post::objects().earliest((Post::created_at, Post::pk), &db)?];
    while let Ok(next) = seen[seen.len() - 1].next_by(Post::created_at, &db) {
        seen.push(next);
    }
    let keys: Vec<Option<i64>> = seen.iter().map(Model::pk).collect();
    assert!(keys.is_sorted() && keys.len() as u64 == Post::objects().count(&db)?, "{keys:?}");
    for pair in seen.windows(2) {
        assert_eq!(pair[1].previous_by(Post::created_at, &db)?.pk(), pair[0].pk());
    }
    let sliced = Post::objects().slice(..3).next_by(Post::created_at, &seen[0], &db);
    assert!(matches!(sliced, Err(Error::Misuse(_))));
    let transformed = Post::objects().next_by(Post::created_at.date, &seen[0], &db);
    assert!(matches!(transformed, Err(Error::Misuse(_))));
    Ok(())
}

oracle! { "dates", data::lab;
    in_zones_more(db) {
        for at in ["2024-01-01T04:30:00Z", "2024-01-01T05:00:00Z", "2024-06-30T15:00:00Z", "2024-12-31T23:59:59Z"] {
            AllTypes::objects().create(new!(AllTypes { moment: moment(at), short: "z" }), db)?;
        }
        let at = AllTypes::moment;
        let rows = || AllTypes::objects().filter(AllTypes::short.eq("z")).order_by(at);
        let mut out = Vec::new();
        for zone in ["America/New_York", "Asia/Tokyo"] {
            let there = &db.in_time_zone(zone)?;
            let n = |condition: Q<AllTypes>| rows().filter(condition).count(there);
            let (year, month) = (at.extract(DatePart::Year).named("moment__year"), at.extract(DatePart::Month).named("moment__month"));
            out.push(json!([
                n(at.year.eq(2024))?,
                n(at.quarter.eq(3))?,
                n(at.week.eq(1))?,
                n(at.iso_year.eq(2025))?,
                rows().values_list((at.date(), at.time())).all(there)?.answer(),
                rows().datetimes(at, DateUnit::Month).all(there)?.answer(),
                rows().datetimes(at, DateUnit::Year).reverse().all(there)?.answer(),
                rows().values((&year, &month)).annotate(AllTypes::pk.count().named("n")).order_by((&year, &month)).all(there)?.answer(),
                rows().values_list((at.truncate(DateUnit::Week), at.truncate(DateUnit::Quarter))).all(there)?.answer(),
                n(at.date.range(day("2024-01-01"), day("2024-07-01")))?,
            ]));
        }
        json!(out)
    }
}

oracle! { "moment", data::lab;
    gaps(db) {
        for at in [
            "2018-11-04T02:30:00Z", "2018-11-04T03:30:00Z", "2018-11-05T01:00:00Z", "2024-03-10T06:30:00Z",
            "2024-03-10T07:30:00Z", "2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z",
        ] {
            AllTypes::objects().create(new!(AllTypes { moment: moment(at), short: "gap" }), db)?;
        }
        let (sao, york) = (&db.in_time_zone("America/Sao_Paulo")?, &db.in_time_zone("America/New_York")?);
        let at = AllTypes::moment;
        let rows = || AllTypes::objects().filter(AllTypes::short.eq("gap"));
        let truncated = |unit, there: &Db| rows().order_by(at).values_list(at.truncate(unit)).all(there);
        json!([
            truncated(DateUnit::Day, sao)?.answer(),
            truncated(DateUnit::Day, york)?.answer(),
            // The second hour of that name keeps its own beginning; Django gives it that of the first.
            match truncated(DateUnit::Hour, york)?.answer() {
                hours if hours[6] == "2024-11-03T06:00:00Z" => {
                    let mut hours = hours;
                    hours[6] = json!("2024-11-03T05:00:00Z");
                    hours
                }
                hours => hours,
            },
            rows().order_by(at).values_list(at.date()).all(sao)?.answer(),
            rows().order_by(at).values_list(at.extract(DatePart::Hour)).all(york)?,
            rows().order_by(at).values_list(at.extract(DatePart::Hour)).all(sao)?,
            truncated(DateUnit::Month, sao)?.answer(),
            truncated(DateUnit::Week, york)?.answer(),
            rows().datetimes(at, DateUnit::Day).all(york)?.answer(),
            rows().datetimes(at, DateUnit::Month).reverse().all(york)?.answer(),
        ])
    }
    lookups_in_a_zone(db) {
        for at in [
            "2018-11-04T02:30:00Z", "2018-11-04T03:30:00Z", "2018-11-05T01:59:00Z", "2018-12-31T23:00:00Z",
            "2019-01-01T01:30:00Z", "2019-01-01T02:00:00Z",
        ] {
            AllTypes::objects().create(new!(AllTypes { moment: moment(at), short: "gap" }), db)?;
        }
        let at = AllTypes::moment;
        let rows = || AllTypes::objects().filter(AllTypes::short.eq("gap"));
        let mut out = Vec::new();
        for zone in ["UTC", "America/Sao_Paulo", "Asia/Tokyo"] {
            let there = &db.in_time_zone(zone)?;
            let n = |condition: Q<AllTypes>| rows().filter(condition).count(there);
            out.push([
                n(at.date.eq(day("2018-11-04")))?,
                n(at.year.eq(2018))?,
                n(at.year.gt(2018))?,
                n(at.month.eq(1))?,
                n(at.hour.eq(23))?,
                n(at.date.lt(day("2018-11-05")))?,
                n(at.week_day.eq(1))?,
                n(at.time.lt(Time::constant(1, 0, 0, 0)))?,
                n(at.day.is_in([4, 31]))?,
                rows().exclude(at.date.eq(day("2018-11-04"))).count(there)?,
            ]);
        }
        json!(out)
    }
}

oracle! { "dates", data::lab;
    zone_kinds(db) {
        for at in ["2024-03-30T23:30:00Z", "2024-03-31T00:30:00Z", "2024-10-27T00:30:00Z", "2024-12-31T23:30:00Z"] {
            AllTypes::objects().create(new!(AllTypes { moment: moment(at) }), db)?;
        }
        AllTypes::objects().create(new!(AllTypes {}), db)?;
        let (berlin, york) = (&db.in_time_zone("Europe/Berlin")?, &db.in_time_zone("America/New_York")?);
        let of = |unit, there: &Db| AllTypes::objects().datetimes(AllTypes::moment, unit).all(there).map(|found| found.answer());
        let down = |unit| AllTypes::objects().datetimes(AllTypes::moment, unit).reverse().all(york).map(|found| found.answer());
        let (at, none) = (AllTypes::moment, AllTypes::objects().filter(AllTypes::moment.is_null(true)));
        json!([
            [of(DateUnit::Year, berlin)?, of(DateUnit::Month, berlin)?, of(DateUnit::Day, berlin)?, of(DateUnit::Hour, berlin)?],
            [down(DateUnit::Month)?, down(DateUnit::Week)?, down(DateUnit::Day)?, down(DateUnit::Minute)?],
            json!([
                AllTypes::objects().dates(AllTypes::day, DateUnit::Month).all(db)?.answer(),
                none.datetimes(at, DateUnit::Day).count(db)?,
                AllTypes::objects().datetimes(at, DateUnit::Month).count(berlin)?,
            ]),
            AllTypes::objects().filter(at.month.eq(12)).datetimes(at, DateUnit::Day).all(db)?.answer(),
            AllTypes::objects().datetimes(at, DateUnit::Day).slice(1..3).all(berlin)?.answer(),
        ])
    }
}
