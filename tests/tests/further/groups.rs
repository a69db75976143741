//! Aggregates and groups: of nothing, filtered, distinct, across relations.

use nuages::prelude::*;
use nuages_tests::{chinook::*, data, oracle, oracle::Answer};
use serde_json::json;

mod aggregate {
    use super::*;

    oracle! { "aggregate", data::chinook;
        empty_with_defaults(db) {
            Track::objects().filter(Track::pk.eq(0)).aggregate_values((
                Track::bytes.sum().named("a"),
                Track::bytes.sum().default(0).named("b"),
                Track::bytes.avg().default(1.5).named("c"),
                Track::name.max().default("none").named("d"),
                Track::pk.count().named("e"),
                Track::milliseconds.min().coalesce(9).named("f"),
                Track::milliseconds.stddev().named("g"),
            ), db)?
        }
        variance_and_stddev(db) {
            let of = Track::milliseconds;
            Track::objects().filter(Track::pk.lte(4)).aggregate_values((
                of.stddev().named("a"), of.stddev().sample().named("b"), of.variance().named("c"), of.variance().sample().named("d"),
            ), db)?
        }
        with_filter_and_expression(db) {
            Invoice::objects().aggregate_values((
                Invoice::total.sum().filter(Invoice::billing_country.eq("USA")).named("a"),
                Invoice::total.avg().filter(Invoice::billing_country.eq("Nowhere")).named("b"),
                (Invoice::total.max() - Invoice::total.min()).named("c"),
                when(Invoice::total.gt(10), 1).otherwise(0).sum().named("d"),
                Invoice::pk.count().filter(!Invoice::billing_state.eq(None)).named("e"),
            ), db)?
        }
        after_values_and_annotate(db) {
            let n = Album::pk.count().named("n");
            let tracks = Genre::tracks.count().named("n");
            json!([
                Album::objects().values(Album::artist).annotate(&n).aggregate_values((n.max().named("m"), n.avg().named("a")), db)?.answer(),
                Genre::objects().annotate(&tracks).filter(tracks.gt(100))
                    .aggregate_values((tracks.sum().named("s"), Genre::pk.count().named("k")), db)?.answer(),
            ])
        }
        across_relations(db) {
            json!([
                Artist::objects().aggregate_values(Artist::albums.tracks.count(), db)?.answer(),
                Artist::objects().filter(Artist::name.starts_with("A")).aggregate_values((
                    Artist::albums.count().named("n"), Artist::albums.tracks.milliseconds.max().named("m"),
                ), db)?.answer(),
                Playlist::objects().aggregate_values(Playlist::tracks.count().distinct().named("n"), db)?.answer(),
            ])
        }
    }
}

mod annotate {
    use super::*;

    oracle! { "annotate", data::chinook;
        count_star_and_null(db) {
            let (n, c) = (Employee::reports.count(), Employee::customers.count().distinct());
            Employee::objects().annotate(&n).annotate(&c).order_by(Employee::pk).values_list((Employee::pk, &n)).all(db)?
        }
        boolean_and_arithmetic(db) {
            let long = Track::milliseconds.gt(340_000).expr();
            let (seconds, share) = (Track::milliseconds / 1000, Track::bytes * 1.0 / Track::milliseconds);
            Track::objects().filter(Track::pk.lte(3)).order_by(Track::pk).values_list((&long, &seconds, &share)).all(db)?
        }
        filter_on_aggregate_twice(db) {
            let n = Artist::albums.count();
            Artist::objects().annotate(&n).filter(n.gt(3)).filter(n.lt(7)).exclude(n.eq(5)).order_by((n.desc(), Artist::name))
                .values_list((Artist::name, &n)).all(db)?
        }
        sum_of_empty_relation(db) {
            let s = Genre::tracks.bytes.sum();
            let z = Genre::tracks.bytes.sum().filter(Genre::tracks.pk.lt(0)).default(0);
            Genre::objects().filter(Genre::pk.is_in([1, 25])).annotate(&s).annotate(&z).order_by(Genre::pk)
                .values_list((Genre::pk, &s, &z)).all(db)?
        }
        group_by_two_and_having(db) {
            let (n, s) = (Invoice::pk.count().named("n"), Invoice::total.sum().named("s"));
            Invoice::objects().values((Invoice::billing_country, Invoice::billing_city)).annotate(&n).annotate(&s)
                .filter(s.gt(75)).order_by(Invoice::billing_city).all(db)?
        }
        values_empty_group(db) {
            Track::objects().filter(Track::pk.eq(0)).values(Track::genre).annotate(Track::pk.count().named("n")).all(db)?
        }
    }
}
