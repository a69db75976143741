//! Orders across relations, unions in order, slices that are refused, and lists of many values.

use nuages::prelude::*;
use nuages_tests::{
    chinook::{Album, Customer, Employee, Genre, Invoice, InvoiceLine, Track},
    data,
    lab::{Comment, Post},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Json, json};

oracle! { "order", data::lab;
    by_relations_and_expressions(db) {
        let chinook = data::chinook();
        let comments = |rows: QuerySet<Comment>| rows.values_list(Comment::pk).all(db);
        let posts = |rows: QuerySet<Post>| rows.values_list(Post::pk).all(db);
        let (all, said) = (Post::objects, Comment::objects);
        json!([
            Track::objects().filter(Track::pk.lte(12)).order_by((Track::album.artist.name, Track::milliseconds.desc()))
                .values_list(Track::pk).all(&chinook)?,
            comments(said().order_by((Comment::author.asc().nulls_last(), Comment::score.desc(), Comment::pk.asc())))?,
            comments(said().order_by((Comment::author.username.asc().nulls_last(), Comment::pk.asc())))?,
            posts(all().order_by((Post::category.name.asc().nulls_last(), Post::pk.asc())))?,
            posts(all().order_by(Post::title.lower().desc()))?,
            posts(all().order_by((Post::comments.score.asc().nulls_last(), Post::pk.asc())))?,
            comments(said().filter(Comment::post.is_in([1, 2])).order_by((Comment::post, Comment::pk)))?,
            posts(all().order_by((Post::is_active.desc(), Post::category_id.desc().nulls_last(), Post::pk.asc())))?,
            Employee::objects().order_by((Employee::reports_to.last_name.asc().nulls_last(), Employee::pk.asc()))
                .values_list(Employee::pk).all(&chinook)?,
            Album::objects().order_by((Album::title.length(), Album::title)).slice(..4).values_list(Album::title).all(&chinook)?,
        ])
    }
    by_selected_relations(db) {
        let chinook = &data::chinook();
        let rep = Customer::support_rep;
        let few = || Customer::objects().filter(Customer::pk.lte(6));
        let of_line = InvoiceLine::invoice.customer.support_rep;
        json!([
            Customer::objects().values(rep).annotate(Customer::pk.count().named("n")).order_by(rep).all(chinook)?.answer(),
            Customer::objects().values((rep, rep.last_name)).distinct().order_by(rep.desc()).all(chinook)?.answer(),
            Customer::objects().values_list(rep).distinct().order_by(rep).all(chinook)?,
            few().values_list((rep, Customer::pk)).order_by((rep, Customer::pk)).all(chinook)?,
            few().values_list(Customer::pk).order_by((rep, Customer::pk)).all(chinook)?,
            few().values_list((Customer::support_rep_id, Customer::pk)).order_by((rep, Customer::pk)).all(chinook)?,
            InvoiceLine::objects().values(of_line).annotate(InvoiceLine::pk.count().named("n")).order_by(of_line).all(chinook)?.answer(),
            Comment::objects().values(Comment::post).annotate(Comment::pk.count().named("n")).order_by(Comment::post.desc()).all(db)?.answer(),
        ])
    }
}

oracle! { "set", data::chinook;
    order_and_values_more(db) {
        type Pair = (String, Option<String>);
        let named = |condition: Q<Customer>| Customer::objects().filter(condition).values_list((Customer::last_name, Customer::country));
        let (name, country) = (Customer::last_name, Customer::country);
        let a = || named(country.eq("Brazil"));
        let b = || named(country.eq("Canada"));
        let c = || named(name.starts_with("M"));
        let none: Option<Pair> = a().intersection(b()).order_by(name).first(db)?;
        json!([
            a().union(b()).order_by(name.desc()).slice(..3).all(db)?,
            a().union(b()).union(c()).order_by((country, name)).slice(4..8).all(db)?,
            a().union(b()).intersection(c()).order_by(name).all(db)?,
            c().difference(a()).difference(b()).order_by(name).all(db)?,
            a().union_all(a()).count(db)?,
            a().union(b()).order_by(name).first(db)?,
            a().union(b()).order_by((country, name)).last(db)?,
            a().union(b()).exists(db)?,
            c().intersection(a()).intersection(b()).exists(db)?,
            none,
            Genre::objects().filter(Genre::pk.lt(3)).union(Genre::objects().filter(Genre::name.eq("Blues"))).order_by(Genre::pk.desc())
                .values_list(Genre::pk).all(db)?,
        ])
    }
}

oracle! { "slice", data::chinook;
    refused(db) {
        let all = || Genre::objects().order_by(Genre::pk);
        let kept = all().values_list(Genre::pk).on(db);
        let class = |result: Json| result["raises"].clone();
        // A negative place is no `usize`: Python's ValueError does not compile here.
        let does_not_compile = json!("ValueError");
        let (from, to) = (4, 2);
        json!([
            does_not_compile, does_not_compile, does_not_compile,
            class(raises(all().slice(3..10).get(Genre::pk.eq(4), db))),
            class(raises(all().slice(..3).delete(db))),
            class(raises(all().slice(..3).update(Genre::name.set("x"), db))),
            all().slice(from..to).values_list(Genre::pk).all(db)?,
            all().slice(22..30).count(db)?,
            kept.get(30)?.map_or(json!("IndexError"), |key| json!(key)),
            kept.get(24)?,
        ])
    }
}

oracle! { "lookup", data::chinook;
    many_parameters(db) {
        let names = ["Rock", "Jazz", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "Metal"];
        let and = |more: &[&'static str]| [&names[..], more].concat();
        let ids: Vec<i64> = (1..3504).step_by(7).collect();
        let lengths: Vec<i64> = (343_719..343_739).collect();
        let composers: Vec<Option<String>> = and(&["AC/DC"]).into_iter().map(|name| Some(name.to_owned())).chain([None]).collect();
        let totals = ["1.98", "3.96", "5", "6", "7", "8", "9", "10", "11"].map(|total| total.parse::<Decimal>().expect("a number"));
        json!([
            Track::objects().filter(Track::pk.is_in(ids)).count(db)?,
            Track::objects().filter(Track::milliseconds.is_in(lengths)).order_by(Track::pk).values_list(Track::pk).all(db)?,
            Genre::objects().filter(Genre::name.is_in(names)).order_by(Genre::pk).values_list(Genre::pk).all(db)?,
            Genre::objects().exclude(Genre::name.is_in(names)).count(db)?,
            Track::objects().filter(Track::composer.is_in(composers)).count(db)?,
            Track::objects().exclude(Track::composer.is_in(and(&["AC/DC", "Jerry Cantrell"]))).count(db)?,
            Customer::objects().filter(Customer::country.is_in(and(&["Brazil", "Chile"])))
                .exclude(Customer::pk.is_in([1, 2, 3, 10, 11, 12, 13, 14, 15, 57])).order_by(Customer::pk).values_list(Customer::pk).all(db)?,
            Invoice::objects().filter(Invoice::total.is_in(totals)).count(db)?,
        ])
    }
}

oracle! { "subquery", data::chinook;
    keys_of_instances(db) {
        let long = Track::objects().filter(Track::milliseconds.gt(2_000_000));
        let n = Customer::invoices.count();
        let often = Customer::objects().annotate(&n).filter(n.gt(6));
        let last = Genre::objects().order_by(Genre::name.desc()).slice(..3);
        json!([
            Track::objects().filter(Track::pk.is_in(&long)).count(db)?,
            Album::objects().filter(Album::pk.is_in(Album::objects().filter(Album::title.starts_with("A")))).count(db)?,
            Album::objects().filter(Album::tracks.pk.is_in(&long)).distinct().count(db)?,
            Album::objects().exclude(Album::tracks.pk.is_in(long)).count(db)?,
            Customer::objects().filter(Customer::pk.is_in(often)).count(db)?,
            Genre::objects().filter(Genre::pk.is_in(last)).order_by(Genre::pk).values_list(Genre::pk).all(db)?,
            Invoice::objects().filter(Invoice::customer_id.is_in(Customer::objects().filter(Customer::country.eq("Brazil")))).count(db)?,
            Genre::objects().filter(Genre::pk.is_in(Genre::objects().none())).count(db)?,
        ])
    }
}
