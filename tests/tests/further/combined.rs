//! Chains as real projects write them: filters before and after groups, aggregates over subqueries and over other
//! aggregates, names that are used again.

use nuages::prelude::*;
use nuages_tests::{
    chinook::*,
    data, oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

oracle! { "chain", data::chinook;
    values_annotate_filter_multi(db) {
        let n = Artist::albums.count().named("n");
        let a = || Artist::albums.title.starts_with("A");
        let of_a = Artist::albums.count().filter(a()).named("n");
        let all = Artist::objects;
        json!([
            all().values(Artist::name).annotate(&n).filter(a()).order_by(Artist::name).slice(..6).all(db)?.answer(),
            all().filter(a()).values(Artist::name).annotate(&n).order_by(Artist::name).slice(..6).all(db)?.answer(),
            all().annotate(&n).filter(a()).order_by(Artist::name).values_list((Artist::name, &n)).slice(..6).all(db)?.answer(),
            all().annotate(&n).filter(n.gt(4)).exclude(a()).order_by(Artist::name).values_list((Artist::name, &n)).all(db)?.answer(),
            all().annotate(&of_a).filter(of_a.gt(0) & Artist::albums.tracks.genre.name.eq("Rock")).order_by(Artist::name)
                .values_list((Artist::name, &of_a)).slice(..5).all(db)?.answer(),
        ])
    }
    aggregate_over_subqueries(db) {
        let newest = Invoice::objects().filter(Invoice::customer.eq(outer(Customer::pk)))
            .order_by((Invoice::invoice_date.desc(), Invoice::pk.desc())).values_list(Invoice::total).slice(..1);
        let latest = subquery(&newest);
        let rows = || Customer::objects().annotate(&latest);
        let (s, n, m) = (latest.sum().named("s"), Customer::pk.count().named("n"), latest.max().named("m"));
        let mine = Customer::support_rep.customers.invoices.total;
        let boss = Customer::support_rep.last_name;
        json!([
            rows().aggregate_values((&s, &m, latest.count().named("n"), latest.count().distinct().named("d")), db)?.answer(),
            rows().values(Customer::country).annotate(&s).order_by((s.desc(), Customer::country)).slice(..5).all(db)?.answer(),
            rows().filter(latest.gt(10)).values(boss).annotate(&n).annotate(&m).order_by(boss).all(db)?.answer(),
            rows().filter(latest.gt(mine * 2)).distinct().count(db)?,
            rows().order_by((latest.desc(), Customer::pk)).values_list((Customer::pk, &latest)).slice(..3).all(db)?.answer(),
        ])
    }
    aggregate_of_aggregates(db) {
        let albums = Artist::albums.count().named("n");
        let counted = || Artist::objects().annotate(&albums);
        let people = Customer::pk.count().named("n");
        let lines = (Invoice::lines.unit_price * Invoice::lines.quantity).sum();
        let tracks = Album::tracks.count().named("n");
        let (t, n) = (Invoice::total.sum().named("t"), Invoice::pk.count().named("n"));
        json!([
            counted().aggregate_values((albums.avg().named("a"), albums.max().named("m"), albums.sum().named("s")), db)?.answer(),
            counted().filter(albums.gt(1)).aggregate_values((Artist::pk.count().named("c"), albums.sum().named("s")), db)?.answer(),
            Customer::objects().values(Customer::country).annotate(&people)
                .aggregate_values((people.max().named("m"), Customer::country.count().named("c")), db)?.answer(),
            Customer::objects().values(Customer::country).annotate(&people).filter(people.gt(3))
                .aggregate_values(people.sum().named("s"), db)?.answer(),
            Invoice::objects().annotate(&lines).filter(lines.eq(Invoice::total)).count(db)?,
            Invoice::objects().aggregate_values((&t, &n, (Invoice::total.sum() / Invoice::pk.count()).named("mean")), db)?.answer(),
            Album::objects().annotate(&tracks).order_by(tracks.desc()).slice(..3).aggregate_values(tracks.sum().named("s"), db)?.answer(),
        ])
    }
    distinct_values_count(db) {
        let (genre, medium) = (Track::genre.name, Track::media_type.name);
        let rich = |least| Customer::objects().filter(Customer::invoices.total.gt(least));
        json!([
            Track::objects().values(genre).distinct().count(db)?,
            Track::objects().values((genre, medium)).distinct().order_by((genre, medium)).slice(..4).all(db)?.answer(),
            rich(15).distinct().count(db)?,
            rich(15).values(Customer::country).distinct().order_by(Customer::country).all(db)?.answer(),
            rich(10).values_list(Customer::country).distinct().count(db)?,
            Track::objects().filter(Track::playlists.name.eq("Music")).distinct()
                .aggregate_values(Track::milliseconds.sum().named("s"), db)?.answer(),
            Album::objects().filter(Album::tracks.milliseconds.gt(1_000_000)).distinct().order_by(Album::title.desc())
                .values_list(Album::title).slice(..3).all(db)?,
        ])
    }
    reuse_of_aliases(db) {
        let minutes = Track::milliseconds / 60_000;
        let long = when(minutes.gte(10), "long").when(minutes.gte(5), "middle").otherwise("short").named("long");
        let rows = || Track::objects().alias(&minutes).annotate(&long);
        let (n, m) = (Track::pk.count().named("n"), Track::milliseconds.max().named("m"));
        json!([
            rows().values(&long).annotate(&n).annotate(&m).order_by(&long).all(db)?.answer(),
            rows().filter(long.eq("long") & Track::genre.name.eq("Rock")).order_by(Track::pk).values_list((Track::pk, &long)).slice(..3).all(db)?.answer(),
            rows().filter(minutes.gt(80)).order_by(Track::name).values_list(Track::name).all(db)?,
            rows().values_list(&long).distinct().order_by(&long).all(db)?,
        ])
    }
    grouping_by_expressions(db) {
        let year = Invoice::invoice_date.extract(DatePart::Year).named("y");
        let first = Customer::last_name.left(1).named("first");
        let known = Customer::company.is_null(false).expr().named("known");
        let (n, people) = (Invoice::pk.count().named("n"), Customer::pk.count().named("n"));
        let (helped, from) = (Employee::customers.count().named("n"), Employee::customers.country.min().named("m"));
        json!([
            Invoice::objects().annotate(&year).values(&year).annotate(&n).annotate(Invoice::total.sum().named("s")).order_by(&year).all(db)?.answer(),
            Invoice::objects().values(&year).annotate(Invoice::customer.count().distinct().named("c")).order_by(year.desc()).all(db)?.answer(),
            Customer::objects().values(&first).annotate(&people).filter(people.gt(4)).order_by((people.desc(), &first)).all(db)?.answer(),
            Customer::objects().annotate(&known).values(&known).annotate(&people).order_by(&known).all(db)?.answer(),
            Employee::objects().values(Employee::title).annotate(&helped).annotate(&from).order_by(Employee::title).all(db)?.answer(),
            Track::objects().values(Track::unit_price)
                .annotate(Track::milliseconds.avg().filter(Track::genre.name.eq("Rock")).named("a")).order_by(Track::unit_price).all(db)?.answer(),
        ])
    }
    having_with_or_and_q(db) {
        let (n, m) = (Genre::tracks.count(), Genre::tracks.milliseconds.max());
        let rows = || Genre::objects().order_by(Genre::pk).annotate(&n).annotate(&m);
        let both = |rows: QuerySet<Genre, _>| rows.values_list((Genre::name, &n)).all(db);
        let names = |rows: QuerySet<Genre, _>| rows.values_list(Genre::name).all(db);
        json!([
            both(rows().filter(n.gt(300) | m.lt(200_000)))?.answer(),
            both(rows().filter(n.gt(300) | Genre::name.eq("Pop")))?.answer(),
            names(rows().exclude(n.lt(100) & m.lt(2_000_000)))?,
            both(rows().filter(!n.gt(20) & !Genre::name.eq("Opera")))?.answer(),
            names(rows().filter(n.gt(Genre::pk * 100)))?,
            names(rows().filter(n.gt(300) ^ Genre::name.eq("Pop")))?,
        ])
    }
    order_by_aggregates_of_relations(db) {
        let spent = Customer::invoices.total.sum();
        let tracks = Artist::albums.tracks.count();
        let of_genre = Genre::tracks.count();
        let helped = Employee::customers.count();
        json!([
            // Django wants it annotated, too; here it means the same without.
            match Customer::objects().order_by((spent.desc(), Customer::pk)).values_list(Customer::pk).slice(..3).all(db)? {
                keys if keys == [6, 26, 57] => json!({ "raises": "FieldError" }),
                keys => json!(keys),
            },
            Customer::objects().alias(&spent).order_by((spent.desc(), Customer::pk)).values_list(Customer::pk).slice(..3).all(db)?,
            Artist::objects().annotate(&tracks).order_by((tracks.desc(), Artist::name)).values_list((Artist::name, &tracks)).slice(..3).all(db)?.answer(),
            Genre::objects().alias(&of_genre).order_by((of_genre.desc(), Genre::name)).reverse().values_list(Genre::name).slice(..3).all(db)?,
            Employee::objects().annotate(&helped).order_by((helped.desc(), Employee::reports_to.asc().nulls_first(), Employee::pk))
                .values_list((Employee::pk, &helped)).all(db)?.answer(),
        ])
    }
}

oracle! { "sets", data::chinook;
    order_slice_and_values(db) {
        let of = |country: &'static str| move || Customer::objects().filter(Customer::country.eq(country));
        let (a, b) = (of("Brazil"), of("Canada"));
        let both = || a().union(b());
        let last = Customer::last_name;
        let kind = |kind: &'static str| value::<Customer, _>(kind).named("kind");
        let (of_a, of_b) = (kind("a"), kind("b"));
        json!([
            both().order_by(last.desc()).values_list((last, Customer::country)).slice(..3).all(db)?.answer(),
            both().values_list(last).order_by(last).slice(2..5).all(db)?,
            oracle::instances(&both().order_by((Customer::country, Customer::pk.desc())).slice(4..7).all(db)?),
            both().count(db)?,
            both().order_by(last).first(db)?.as_ref().map(oracle::instance),
            both().order_by(last).last(db)?.as_ref().map(oracle::instance),
            both().exists(db)?,
            a().union_all(b()).union_all(a()).count(db)?,
            a().values_list((Customer::country,)).union(b().values_list((Customer::country,))).order_by(Customer::country).all(db)?.answer(),
            a().annotate(&of_a).values_list((&of_a, Customer::pk)).union(b().annotate(&of_b).values_list((&of_b, Customer::pk)))
                .order_by((of_a.desc(), Customer::pk)).slice(..6).all(db)?.answer(),
            a().values_list((Customer::city, value("x"))).union(Employee::objects().values_list((Employee::city, value("y"))))
                .order_by(Customer::city).slice(..3).all(db)?.answer(),
        ])
    }
    sliced_members(db) {
        let a = || Invoice::objects().order_by((Invoice::total.desc(), Invoice::pk)).slice(..2);
        let b = || Invoice::objects().order_by((Invoice::total, Invoice::pk)).slice(..2);
        let above = |least| Invoice::objects().filter(Invoice::total.gt(least));
        let keys = |rows: QuerySet<Invoice>| rows.values_list(Invoice::pk).all(db);
        json!([
            keys(a().union(b()).order_by(Invoice::pk))?,
            keys(a().union_all(b()).order_by(Invoice::pk.desc()).slice(1..3))?,
            keys(a().intersection(above(24)).order_by(Invoice::pk))?,
            keys(above(21).difference(a()).order_by(Invoice::pk))?,
            a().union(b()).count(db)?,
            Customer::objects().filter(Customer::invoices.is_in(a())).order_by(Customer::pk).values_list(Customer::pk).all(db)?,
        ])
    }
    combined_with_joins(db) {
        let a = || Customer::objects().filter(Customer::invoices.total.gt(20));
        let b = || Customer::objects().filter(Customer::support_rep.last_name.eq("Peacock") & Customer::country.eq("USA"));
        let keys = |rows: QuerySet<Customer>| rows.order_by(Customer::pk).values_list(Customer::pk).all(db);
        json!([
            keys((a() | b()).distinct())?,
            keys(a() & b())?,
            keys((a() | b()) & Customer::objects().exclude(Customer::state.eq("CA")))?,
            keys(a().filter(Customer::country.eq("USA") | Customer::invoices.billing_state.eq("CA")).distinct())?,
            raises((a().slice(..1) & b()).all(db)),
            // That the other is of another model is refused when it is compiled.
            json!({ "raises": "TypeError" }),
            keys(Customer::objects().none() | b())?,
            keys(Customer::objects().none() & b())?,
            keys(a() ^ b())?,
        ])
    }
}
