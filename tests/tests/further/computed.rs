//! Functions, subqueries at any depth, windows with frames.

use nuages::{
    expression::{
        function::{self, coalesce},
        window::{lag, rank, row_number, window},
    },
    prelude::*,
};
use nuages_tests::{chinook::*, data, oracle, oracle::Answer};
use serde_json::json;

mod func {
    use super::*;

    fn rock() -> QuerySet<Genre> {
        Genre::objects().filter(Genre::pk.eq(1))
    }

    oracle! { "func", data::chinook;
        least_greatest(db) {
            let names = (Customer::first_name, Customer::last_name);
            Customer::objects().filter(Customer::pk.lte(3)).order_by(Customer::pk).values_list((greatest(names), least(names))).all(db)?
        }
        text_more(db) {
            let (name, padded) = (Genre::name, value("  x "));
            let text = (
                padded.trim_start().named("a"), padded.trim_end().named("b"), padded.trim().named("c"),
                name.substr_from(2).named("d"), name.repeated(2).named("e"), name.left(1).named("f"),
            );
            let rest = (
                name.position("c").named("g"), name.reversed().named("h"), name.md5().named("i"), name.sha1().named("j"),
                concat((name, "!")).named("k"),
            );
            let mut found = rock().values(text).first(db)?.answer();
            let rest = rock().values(rest).first(db)?.answer();
            found.as_object_mut().into_iter().for_each(|found| found.extend(rest.as_object().cloned().unwrap_or_default()));
            json!([found])
        }
        cast_kinds(db) {
            rock().values((
                value("12").cast::<i32>().named("a"),
                Genre::pk.cast::<String>().named("b"),
                value("1.50").cast::<f64>().named("c"),
                value(3).cast::<f64>().named("d"),
            )).all(db)?
        }
        nullif_coalesce_chain(db) {
            let a = Track::composer.null_if("AC/DC");
            let (b, c) = (coalesce((Track::composer, Track::name)), Track::genre.name.null_if("Jazz").coalesce("-"));
            Track::objects().filter(Track::pk.is_in([1, 2, 3, 63])).order_by(Track::pk).values_list((&a, &b, &c)).all(db)?
        }
        math_more(db) {
            rock().values((
                value(1.0).atan2(2.0).named("a"),
                value(1.0).cot().named("b"),
                value(180.0).radians().named("c"),
                value(2).power(0.5).named("d"),
                value(-7.0).modulo(3).named("e"),
                value(-1.5).ceil().named("g"),
                value(-2).abs().named("h"),
                value(0).sign().named("i"),
            )).all(db)?
        }
    }

    /// Django wants an output field for these; here the first says what is read.
    #[test]
    fn the_widest_type_stands_first() -> Result<()> {
        let db = data::lab();
        use nuages_tests::lab::Product;
        let most: Expr<Product, Decimal> = function::greatest((Product::price, Product::stock));
        let least: Expr<Product, f64> = function::least((Product::average_rating, Product::stock, 2.5));
        let rows = Product::objects().order_by(Product::pk);
        let plain =
            rows.clone().values_list((Product::price, Product::stock, Product::average_rating)).all(&db)?;
        for ((price, stock, rating), (most, least)) in
            plain.into_iter().zip(rows.values_list((&most, &least)).all(&db)?)
        {
            assert_eq!(most, price.max(Decimal::from(stock)));
            let expected =
                [rating, Some(f64::from(stock)), Some(2.5)].into_iter().flatten().fold(f64::MAX, f64::min);
            assert!((least - expected).abs() < 1e-9, "{least} {expected}");
        }
        Ok(())
    }
}

mod subqueries {
    use super::*;

    oracle! { "subquery", data::chinook;
        update_with_count(db) {
            let n = Track::pk.count();
            let n = Track::objects().filter(Track::genre.eq(outer(Genre::pk))).order_by(()).values_list((Track::genre,)).annotate(&n).values_list(&n);
            let n: Expr<Genre, Option<i64>> = subquery(&n);
            Genre::objects().filter(Genre::pk.lte(3)).update(Genre::name.set(n.cast::<String>()), db)?;
            Genre::objects().filter(Genre::pk.lte(3)).order_by(Genre::pk).values_list(Genre::name).all(db)?
        }
        outer_of_outer(db) {
            let lines = InvoiceLine::objects().filter(InvoiceLine::track.genre.eq(outer(Genre::pk)) & InvoiceLine::invoice.eq(outer(Invoice::pk)));
            let invoices = Invoice::objects().filter(exists(&lines)).filter(Invoice::total.gt(20));
            Genre::objects().filter(exists(&invoices)).order_by(Genre::pk).values_list(Genre::pk).all(db)?
        }
        exists_in_case_and_not(db) {
            let long = Track::objects().filter(Track::album.eq(outer(Album::pk)) & Track::milliseconds.gt(1_000_000));
            let k = when(exists(&long), "long").otherwise("short").named("k");
            json!([
                Album::objects().annotate(&k).values(&k).annotate(Album::pk.count().named("n")).order_by(&k).all(db)?.answer(),
                Album::objects().filter(!exists(&long)).count(db)?,
                Album::objects().filter(exists(&long) | Album::pk.eq(1)).count(db)?,
            ])
        }
        scalar_compare(db) {
            let mean = Track::milliseconds.avg();
            let mean = Track::objects().filter(Track::genre.eq(outer(Track::genre_id))).order_by(()).values_list((Track::genre,)).annotate(&mean).values_list(&mean);
            let above = || Track::milliseconds.gt(subquery(&mean));
            [Track::objects().filter(above()).count(db)?, Track::objects().exclude(above()).count(db)?]
        }
        in_with_null(db) {
            let bosses = || Employee::objects().values_list(Employee::reports_to_id);
            let known = bosses().filter(Employee::reports_to.is_null(false));
            [
                Employee::objects().filter(Employee::pk.is_in(bosses())).count(db)?,
                Employee::objects().exclude(Employee::pk.is_in(bosses())).count(db)?,
                Employee::objects().exclude(Employee::pk.is_in(known)).count(db)?,
            ]
        }
    }
}

mod windows {
    use super::*;

    oracle! { "window", data::chinook;
        frames(db) {
            let by = || window().order_by(Track::pk);
            Track::objects().filter(Track::album.eq(1)).order_by(Track::pk).values_list((
                Track::milliseconds.sum().over(by().rows(-1..=0)),
                Track::pk.count().over(window().order_by(Track::unit_price).range(..=0)),
                Track::milliseconds.max().over(by().rows(0..)),
                Track::milliseconds.min().over(by().rows(-2..=-1)),
            )).all(db)?
        }
        lag_default_and_filter(db) {
            let previous = lag(Invoice::total, 1).default(0).over(window().order_by(Invoice::pk));
            let r = rank().over(window().order_by(Invoice::total.desc()));
            Invoice::objects().filter(Invoice::customer.eq(2)).annotate(&previous).annotate(&r).filter(r.lte(3)).order_by((&r, Invoice::pk))
                .values_list((Invoice::pk, &previous, &r)).all(db)?
        }
        partition_by_two_and_order(db) {
            let n = row_number().over(window().partition_by((Track::genre, Track::media_type)).order_by((Track::milliseconds.desc(), Track::pk)));
            Track::objects().filter(Track::pk.lte(12)).annotate(&n).order_by(Track::pk).values_list((Track::pk, &n)).all(db)?
        }
        count_and_exists(db) {
            let n = row_number().over(window().partition_by((Track::album,)).order_by(Track::pk));
            let first = || Track::objects().annotate(&n).filter(n.eq(1));
            json!([first().count(db)?, first().exists(db)?, first().filter(n.gt(1)).exists(db)?])
        }
    }
}

/// Windows that are filtered, and subqueries within subqueries.
mod combined {
    use super::*;

    oracle! { "window", data::chinook;
        filter_and_more(db) {
            let r = row_number().over(window().partition_by(Track::album_id).order_by((Track::milliseconds.desc(), Track::pk)));
            let rows = || Track::objects().filter(Track::album_id.lte(3)).annotate(&r);
            let total = Track::milliseconds.sum().over(window().partition_by(Track::album_id));
            let n = Customer::pk.count();
            let by_n = rank().over(window().order_by(n.desc()));
            let state = Invoice::billing_state;
            let by_state = rank().over(window().order_by(state.asc().nulls_last()));
            json!([
                rows().filter(r.eq(1)).order_by(Track::pk).values_list((Track::pk, &r)).all(db)?.answer(),
                rows().filter(r.eq(1)).count(db)?,
                rows().filter(r.eq(1)).aggregate_values(Track::milliseconds.sum().named("s"), db)?.answer(),
                rows().filter(r.eq(1) | Track::unit_price.gt(1)).order_by(Track::pk).values_list(Track::pk).all(db)?,
                rows().filter(r.lte(2)).exclude(Track::pk.is_in([1])).order_by((Track::album_id, &r)).values_list((Track::album_id, &r)).all(db)?.answer(),
                rows().annotate(&total).filter(total.gt(Track::milliseconds * 8)).order_by(Track::pk).values_list(Track::pk).slice(..5).all(db)?,
                Customer::objects().values_list((Customer::country,)).annotate(&n).annotate(&by_n).order_by((&by_n, Customer::country)).slice(..5).all(db)?.answer(),
                Invoice::objects().annotate(&by_state).order_by((&by_state, Invoice::pk)).values_list((state, &by_state)).slice(..2).all(db)?.answer(),
            ])
        }
    }

    oracle! { "subquery", data::chinook;
        three_levels(db) {
            let lines = InvoiceLine::objects().filter(InvoiceLine::invoice.eq(outer(Invoice::pk)) & InvoiceLine::track.genre.eq(outer(Genre::pk)));
            let invoices = Invoice::objects().filter(Invoice::customer.country.eq("Brazil")).filter(exists(&lines));
            let n = Invoice::lines.count();
            let most = Invoice::objects().filter(Invoice::customer.eq(outer(Customer::pk))).annotate(&n)
                .filter(n.gt(outer(Customer::support_rep_id))).values_list(&n);
            let m = subquery(&most.clone().order_by(n.desc()).slice(..1));
            let rich = Invoice::objects().filter(Invoice::customer.eq(outer(Customer::pk)) & Invoice::total.gt(20)).values_list(Invoice::total).slice(..1);
            let r = subquery(&rich).coalesce(0);
            let long = Track::objects().filter(Track::milliseconds.gt(2_000_000));
            let albums = Album::objects().filter(Album::tracks.is_in(long)).values_list(Album::artist_id);
            let near = Customer::objects().filter(Customer::country.eq(outer(Employee::country))).values_list(Customer::support_rep_id);
            json!([
                Genre::objects().filter(exists(&invoices)).order_by(Genre::pk).values_list(Genre::pk).all(db)?,
                Genre::objects().exclude(exists(&invoices)).count(db)?,
                Customer::objects().filter(exists(&most)).count(db)?,
                Customer::objects().annotate(&m).order_by((m.desc().nulls_last(), Customer::pk)).values_list((Customer::pk, &m)).slice(..4).all(db)?.answer(),
                Customer::objects().annotate(&r).filter(r.gt(0)).order_by(Customer::pk).values_list((Customer::pk, &r)).all(db)?.answer(),
                Artist::objects().filter(Artist::pk.is_in(albums)).order_by(Artist::pk).values_list(Artist::pk).all(db)?,
                Employee::objects().filter(Employee::pk.is_in(near)).order_by(Employee::pk).values_list(Employee::pk).all(db)?,
            ])
        }
    }
}
