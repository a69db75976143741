//! Unions of all kinds, and the days and moments that rows are of.

use nuages::prelude::*;
use nuages_tests::{
    chinook::*,
    data, oracle,
    oracle::{Answer, instance, instances, message},
};
use serde_json::{Value as Json, json};

fn upto(last: i64) -> QuerySet<Genre> {
    Genre::objects().filter(Genre::pk.lte(last)).order_by(())
}

fn among<const N: usize>(keys: [i64; N]) -> QuerySet<Genre> {
    Genre::objects().filter(Genre::pk.is_in(keys)).order_by(())
}

mod set {
    use super::*;

    oracle! { "set", data::chinook;
        union_all_counts(db) {
            let (a, b) = (|| upto(3), || among([2, 3, 4]));
            let mut all = a().union_all(b()).values_list(Genre::pk).all(db)?;
            all.sort_unstable();
            json!([
                a().union(b()).count(db)?,
                a().union_all(b()).count(db)?,
                a().intersection(b()).count(db)?,
                a().difference(b()).count(db)?,
                all,
            ])
        }
        union_all_order_and_slice(db) {
            let (a, b) = (|| upto(3).values_list(Genre::pk), || among([2, 9]).values_list(Genre::pk));
            [
                a().union_all(b()).order_by(Genre::pk.desc()).all(db)?,
                a().union_all(b()).order_by(Genre::pk).slice(1..4).all(db)?,
                a().union(b()).union(a()).order_by(Genre::pk).all(db)?,
            ]
        }
        union_of_models_values(db) {
            let genres = upto(2).values_list((Genre::pk, Genre::name));
            Artist::objects().filter(Artist::pk.lte(2)).values_list((Artist::pk, Artist::name)).union(genres).order_by(Artist::name).all(db)?
        }
        union_with_annotation(db) {
            let named = |key: i64, number: i32| {
                let k = value(number).named("k");
                let rows = among([key]).annotate(&k).values_list((Genre::name, &k));
                (rows, k)
            };
            let ((one, k), (two, _)) = (named(1, 1), named(2, 2));
            one.union(two).order_by(k.desc()).all(db)?
        }
        empty_members(db) {
            let (e, a) = (|| Genre::objects().none(), || upto(2));
            json!([
                e().union(a()).count(db)?,
                a().union(e()).union(e()).count(db)?,
                a().intersection(e()).count(db)?,
                e().intersection(a()).count(db)?,
                a().difference(e()).count(db)?,
                e().difference(a()).count(db)?,
                e().union(e()).count(db)?,
                instances(&e().union(e()).all(db)?),
            ])
        }
        more_refusals(db) {
            let union = || among([1]).union(among([2]));
            let tracks = || Track::objects().union(Track::objects()).select_related(Track::album);
            let mut rows: Vec<Json> = union().reverse().all(db)?.iter().map(instance).collect();
            rows.sort_by_key(ToString::to_string);
            json!([
                message(tracks().count(db)),
                message(union().prefetch_related(Genre::tracks).all(db)),
                rows,
                union().aggregate_values(Genre::pk.count().named("n"), db)?.answer(),
                message(union().only(Genre::name).all(db)),
                message(union().defer(Genre::name).all(db)),
                instance(&union().latest(Genre::pk, db)?),
                instance(&union().earliest(Genre::pk, db)?),
            ])
        }
        union_in_subquery(db) {
            let union = among([1]).values_list(Genre::pk).union(among([2]).values_list(Genre::pk));
            Track::objects().filter(Track::genre_id.is_in(union)).count(db)?
        }
        combinators_with_annotations(db) {
            let (a, b) = (|| Genre::objects().filter(Genre::pk.lte(5)), || Genre::objects().filter(Genre::name.regex("a")));
            let keys = |rows: QuerySet<Genre>| rows.order_by(Genre::pk).values_list(Genre::pk);
            json!([
                keys(a() & b()).all(db)?,
                (a() | b()).count(db)?,
                keys(a() ^ b()).slice(..4).all(db)?,
                a().exclude(Genre::pk.is_in(b().values_list(Genre::pk))).count(db)?,
            ])
        }
    }
}

mod dates {
    use super::*;

    oracle! { "dates", data::chinook;
        dates_and_order(db) {
            let (at, few) = (Invoice::invoice_date, |last: i64| Invoice::objects().filter(Invoice::pk.lte(last)));
            json!([
                Invoice::objects().dates(at, DateUnit::Year).all(db)?.answer(),
                few(30).dates(at, DateUnit::Month).reverse().all(db)?.answer(),
                few(8).dates(at, DateUnit::Week).all(db)?.answer(),
                few(4).dates(at, DateUnit::Day).all(db)?.answer(),
                Invoice::objects().none().dates(at, DateUnit::Day).all(db)?.answer(),
            ])
        }
        datetimes_kinds(db) {
            let (hired, all) = (Employee::hire_date, Employee::objects);
            json!([
                all().datetimes(hired, DateUnit::Year).all(db)?.answer(),
                all().datetimes(hired, DateUnit::Month).reverse().all(db)?.answer(),
                all().datetimes(Employee::birth_date, DateUnit::Day).slice(..2).all(db)?.answer(),
                all().datetimes(hired, DateUnit::Hour).count(db)?,
                all().filter(Employee::pk.eq(0)).datetimes(hired, DateUnit::Minute).all(db)?.answer(),
            ])
        }
        datetimes_in_zone(db) {
            let there = db.in_time_zone("America/New_York")?;
            let three = || Invoice::objects().filter(Invoice::pk.lte(3));
            [
                three().datetimes(Invoice::invoice_date, DateUnit::Day).all(&there)?.answer(),
                three().datetimes(Invoice::invoice_date, DateUnit::Year).all(&there)?.answer(),
            ]
        }
        filter_then_dates_distinct(db) {
            let at = Invoice::invoice_date;
            json!([
                Invoice::objects().filter(Invoice::total.gt(15)).dates(at, DateUnit::Month).count(db)?,
                Invoice::objects().dates(at, DateUnit::Year).reverse().slice(..2).all(db)?.answer(),
                Invoice::objects().dates(at, DateUnit::Year).filter(Invoice::total.gt(20)).all(db)?.answer(),
            ])
        }
    }
}
