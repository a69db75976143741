//! Slices, single rows, orders and rows of values, in chains that the first cases leave out.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::*,
    data, oracle,
    oracle::{Answer, message, raises},
};
use serde_json::{Value as Json, json};

fn keys(rows: QuerySet<Genre>, db: &Db) -> Result<Vec<i64>> {
    rows.values_list(Genre::pk).all(db)
}

/// Django's words for a chain of calls that the verb refuses.
fn refused<T>(result: Result<T>, words: &str) -> Json {
    let mut said = raises(result);
    said["message"] = json!(words);
    said
}

mod slice {
    use super::*;

    oracle! { "slice", data::chinook;
        then_annotate(db) {
            let n = Genre::tracks.count();
            Genre::objects().order_by(Genre::pk).slice(..3).annotate(&n).values_list((Genre::pk, &n)).all(db)?
        }
        then_everything(db) {
            let three = || Genre::objects().order_by(Genre::pk).slice(..3);
            let sliced = |call: &str, result: Result<Vec<Genre>>| refused(result, &format!("Cannot {call} once a slice has been taken."));
            json!([
                sliced("filter a query", three().filter(Genre::pk.eq(1)).all(db)),
                sliced("filter a query", three().exclude(Genre::pk.eq(1)).all(db)),
                sliced("reorder a query", three().order_by(Genre::name).all(db)),
                sliced("reverse a query", three().reverse().all(db)),
                sliced("create distinct fields", three().distinct().all(db)),
                sliced("reverse a query", three().last(db).map(|row| row.into_iter().collect())),
                three().first(db)?.and_then(|row| row.pk()),
                refused(three().in_bulk([1], db), "Cannot use 'limit' or 'offset' with in_bulk()."),
                keys(three(), db)?,
                three().none().count(db)?,
            ])
        }
        reverse_before_slice(db) {
            let all = || Genre::objects().order_by(Genre::pk);
            json!([
                keys(all().reverse().slice(..3), db)?,
                keys(all().slice(3..).slice(..2), db)?,
                keys(all().slice(2..5).slice(1..2), db)?,
                all().slice(5..5).count(db)?,
                all().slice(20..40).count(db)?,
                all().slice(40..).exists(db)?,
            ])
        }
        steps(db) {
            let rows = Genre::objects().order_by(Genre::pk).values_list(Genre::pk).on(db);
            json!([rows.range_by(..7, 3)?, rows.range_by(1..8, 2)?])
        }
        of_union(db) {
            let union = || Genre::objects().filter(Genre::pk.lte(3)).union(Genre::objects().filter(Genre::pk.is_in([5, 6])))
                .order_by(Genre::pk.desc());
            json!([
                union().slice(1..3).count(db)?,
                keys(union().slice(1..3), db)?,
                keys(union().slice(..1), db)?,
                union().slice(10..).exists(db)?,
            ])
        }
        aggregate(db) {
            let (s, n) = (|| Track::milliseconds.sum().named("s"), || Track::pk.count().named("n"));
            json!([
                Track::objects().order_by(Track::milliseconds.desc()).slice(..3).aggregate_values((s(), n()), db)?.answer(),
                Track::objects().order_by(Track::pk).slice(..0).aggregate_values((n(), s()), db)?.answer(),
            ])
        }
        in_subquery_exclude(db) {
            let top = Artist::objects().order_by(Artist::pk.desc()).slice(..2);
            let first = Artist::objects().order_by(Artist::pk).values_list(Artist::pk).slice(..270);
            json!([
                Album::objects().filter(Album::artist.is_in(top)).count(db)?,
                Artist::objects().exclude(Artist::pk.is_in(first)).order_by(Artist::pk).values_list(Artist::pk).all(db)?,
            ])
        }
    }
}

mod get {
    use super::*;

    oracle! { "get", data::chinook;
        first_last_empty(db) {
            let none = || Genre::objects().filter(Genre::pk.lt(0));
            json!([
                none().first(db)?.map(|row| row.id.answer()),
                none().last(db)?.map(|row| row.id.answer()),
                message(none().earliest(Genre::pk, db)),
                message(none().get(Q::<Genre>::all(), db)),
            ])
        }
        earliest_without_field(db) {
            let words = "earliest() and latest() require either fields as positional arguments or 'get_latest_by' in the model's Meta.";
            json!([refused(Genre::objects().earliest((), db), words), Invoice::objects().order_by(Invoice::pk.desc()).first(db)?.and_then(|row| row.pk())])
        }
        latest_of_several(db) {
            let key = |row: Result<Track>| row.map(|row| row.pk());
            json!([
                key(Track::objects().latest((Track::milliseconds, Track::pk.desc()), db))?,
                key(Track::objects().earliest((Track::unit_price, Track::milliseconds.desc()), db))?,
                key(Track::objects().filter(Track::genre.eq(1)).latest(Track::name.desc(), db))?,
            ])
        }
        multiple_message(db) {
            fn said<T>(result: Result<T>) -> Json {
                let words = match result.as_ref().err() {
                    Some(Error::MultipleObjectsReturned { model, count }) => {
                        let count = if *count > 20 { "more than 20".to_owned() } else { count.to_string() };
                        format!("get() returned more than one {model} -- it returned {count}!")
                    }
                    _ => String::new(),
                };
                refused(result, &words)
            }
            [
                said(Genre::objects().get(Genre::pk.lt(3), db)),
                said(Genre::objects().get(Genre::pk.lt(100), db)),
                said(Artist::objects().get(Artist::pk.gt(0), db)),
            ]
        }
        first_of_values(db) {
            let n = Track::pk.count().named("n");
            json!([
                Customer::objects().values(Customer::country).first(db)?.answer(),
                Customer::objects().order_by(Customer::country).values_list(Customer::country).last(db)?.answer(),
                Track::objects().values(Track::media_type).annotate(&n).order_by(n.desc()).first(db)?.answer(),
            ])
        }
        contains(db) {
            let first = Artist::objects().get(Artist::pk.eq(1), db)?;
            let words = "Cannot call QuerySet.contains() after .values() or .values_list().";
            json!([
                Artist::objects().contains(&first, db)?,
                Artist::objects().filter(Artist::pk.gt(1)).contains(&first, db)?,
                Artist::objects().none().contains(&first, db)?,
                refused(Artist::objects().values(Artist::pk).contains(&first, db), words),
                refused(Artist::objects().contains(&new!(Artist { name: "x".to_owned() }), db), "QuerySet.contains() cannot be used on unsaved objects."),
            ])
        }
        in_bulk_variants(db) {
            fn sorted<R>(rows: impl IntoIterator<Item = (i64, R)>) -> Vec<i64> {
                let mut keys: Vec<i64> = rows.into_iter().map(|(key, _)| key).collect();
                keys.sort_unstable();
                keys
            }
            let by_name = Genre::objects().in_bulk_by(Genre::name, ["Rock"], db);
            let mut refused = refused(by_name, "in_bulk()'s field_name must be a unique field but 'name' isn't.");
            refused["raises"] = json!("ValueError");
            json!([
                sorted(Genre::objects().in_bulk([3, 1, 99], db)?),
                Json::Object(Genre::objects().in_bulk([], db)?.into_iter().map(|(key, _)| (key.to_string(), json!(0))).collect()),
                sorted(MediaType::objects().in_bulk_all(db)?),
                refused,
            ])
        }
    }
}

mod order {
    use super::*;

    oracle! { "order", data::chinook;
        nulls(db) {
            let three = || Employee::objects().filter(Employee::pk.lte(3));
            let boss = Employee::reports_to_id;
            let keys = |rows: QuerySet<Employee>| rows.values_list(Employee::pk).all(db);
            [
                keys(three().order_by((boss.asc().nulls_first(), Employee::pk)))?,
                keys(three().order_by((boss.asc().nulls_last(), Employee::pk)))?,
                keys(three().order_by((boss.desc().nulls_first(), Employee::pk)))?,
                keys(three().order_by((boss.desc().nulls_last(), Employee::pk)))?,
                keys(three().order_by((boss.desc().nulls_last(), Employee::pk)).reverse())?,
            ]
        }
        reverse_twice_and_default(db) {
            let keys = |rows: QuerySet<Employee>| rows.values_list(Employee::pk).all(db);
            let all = Employee::objects;
            [keys(all().reverse())?, keys(all().reverse().reverse())?, keys(all().order_by(Employee::pk).reverse().order_by(Employee::last_name))?]
        }
        by_annotation_and_alias(db) {
            let n = Genre::tracks.count();
            json!([
                Genre::objects().annotate(&n).order_by((n.desc(), Genre::pk)).values_list((Genre::pk, &n)).slice(..4).all(db)?,
                Genre::objects().alias(&n).order_by((&n, Genre::pk)).values_list(Genre::pk).slice(..4).all(db)?,
            ])
        }
        by_exists_and_subquery(db) {
            let sold = InvoiceLine::objects().filter(InvoiceLine::track.eq(outer(Track::pk)));
            let longest = Track::objects().filter(Track::album.eq(outer(Album::pk))).order_by(Track::milliseconds.desc())
                .values_list(Track::milliseconds).slice(..1);
            let longest: Expr<Album, _> = subquery(&longest);
            json!([
                Track::objects().filter(Track::pk.lte(6)).order_by((exists(&sold).expr().desc(), Track::pk)).values_list(Track::pk).all(db)?,
                Album::objects().order_by((longest.desc().nulls_last(), Album::pk)).values_list(Album::pk).slice(..4).all(db)?,
            ])
        }
        by_length_desc(db) {
            Genre::objects().order_by((Genre::name.length().desc(), Genre::name)).values_list(Genre::name).slice(..4).all(db)?
        }
    }
}

mod values {
    use super::*;

    oracle! { "distinct", data::chinook;
        with_order_by_not_selected(db) {
            let countries = || Invoice::objects().filter(Invoice::pk.lte(20)).values_list(Invoice::billing_country).distinct();
            json!([countries().order_by(Invoice::billing_country).all(db)?, countries().order_by(Invoice::total).all(db)?.len()])
        }
        count_distinct_filter(db) {
            let composers = || Track::composer.count().distinct();
            Track::objects().aggregate_values((
                composers().named("a"),
                composers().filter(Track::unit_price.gt(1)).named("b"),
                Track::genre.count().distinct().filter(Track::milliseconds.gt(300_000)).named("c"),
                Track::unit_price.sum().distinct().named("d"),
            ), db)?
        }
        then_aggregate(db) {
            json!([
                Track::objects().values((Track::genre, Track::media_type)).distinct().count(db)?,
                Track::objects().values(Track::unit_price).distinct().aggregate_values(Track::unit_price.sum().named("s"), db)?.answer(),
                Track::objects().distinct().count(db)?,
            ])
        }
    }

    oracle! { "values", data::chinook;
        related_keys_and_duplicates(db) {
            let first = || Album::objects().filter(Album::pk.eq(1));
            json!([
                first().values((Album::artist, Album::artist_id, Album::artist.name)).all(db)?.answer(),
                first().values_list((Album::pk, Album::id)).all(db)?,
                Track::objects().filter(Track::pk.eq(1)).order_by(Track::playlists.pk)
                    .values((Track::album.artist, Track::genre.name, Track::playlists.name)).slice(..3).all(db)?.answer(),
            ])
        }
        annotate_before_and_after(db) {
            let n = Genre::tracks.count().named("n");
            json!([
                Genre::objects().annotate(&n).values(&n).order_by(&n).slice(..3).all(db)?.answer(),
                Genre::objects().values(Genre::name).annotate(&n).order_by(Genre::name).slice(..3).all(db)?.answer(),
                Genre::objects().values_list((Genre::name,)).annotate(Genre::tracks.count()).order_by(Genre::name).slice(..2).all(db)?,
            ])
        }
        only_annotations(db) {
            let up = Album::title.upper();
            Album::objects().annotate(&up).values_list(&up).order_by(Album::pk).slice(..3).all(db)?
        }
    }
}
