//! What a form shows: the messages of `full_clean` and of constraints, word for word, by field.

use nuages::{error::Error, prelude::*, validate::CleanOptions};
use nuages_tests::{
    data,
    lab::{Account, Booking, Coupon, Post, Product, Review, Tag, User},
    oracle,
};
use serde_json::{Value as Found, json};

/// The messages by field, or `"valid"`; another error as no case expects it.
fn said(result: Result<()>) -> Found {
    match result {
        Ok(()) => json!("valid"),
        Err(Error::Validation(errors)) => errors
            .iter()
            .map(|(field, messages)| {
                (field.to_owned(), messages.iter().map(|message| json!(message.text)).collect::<Found>())
            })
            .collect(),
        Err(other) => json!(format!("no message but: {other}")),
    }
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn red() -> Booking {
    new!(Booking { room: "red", start: day("2024-01-01"), end: day("2024-01-09") })
}

/// What a clean without these fields says of a row whose other fields are valid: what its constraints say.
fn constraints_but<M: Model>(row: &M, exclude: Vec<&'static str>, db: &Db) -> Found {
    assert!(exclude.iter().all(|name| M::meta().columns().any(|(_, field)| field.name == *name)));
    said(row.full_clean_with(&CleanOptions { exclude, ..CleanOptions::default() }, db))
}

oracle! { "validate", data::lab;
    messages(db) {
        let long = "t".repeat(201);
        let post = |title: &str, slug: &str, body: &str, author: i64| {
            new!(Post { title, slug, body, author }).full_clean(db)
        };
        let price = |text: &str| text.parse::<Decimal>().expect("a number");
        json!([
            said(post("", "a b", "xxx", 999)),
            said(post(&long, "first-post", "", 1)),
            said(new!(Tag { name: "Python", slug: "python" }).full_clean(db)),
            said(new!(Review { product: 1, shopper: 1, rating: 9 }).full_clean(db)),
            said(new!(Coupon { code: "Save20" }).full_clean(db)),
            said(new!(Coupon { code: "N1", headline: "Save", published: day("2024-01-01") }).full_clean(db)),
            said(new!(Account { owner: "", balance: -1 }).full_clean(db)),
            said(red().full_clean(db)),
            said(new!(Product {
                name: "n", sku: "s", store: 1, category: "c", price: price("123456789.12"), cost: price("1.234"),
            }).full_clean(db)),
            said(new!(User { username: "alice" }).full_clean(db)),
        ])
    }
}

oracle! { "constraint", data::lab;
    conditional_messages(db) {
        let ends = |end: &str, cancelled: bool| Booking { end: day(end), cancelled, ..red() };
        let coupon = |code: &str, campaign: Option<&str>| {
            new!(Coupon { code, campaign: campaign.map(str::to_owned) })
        };
        json!([
            said(red().validate_constraints(db)),
            said(Booking { cancelled: true, ..red() }.validate_constraints(db)),
            said(ends("2023-01-01", false).validate_constraints(db)),
            said(ends("2023-01-01", true).validate_constraints(db)),
            constraints_but(&red(), vec!["cancelled"], db),
            constraints_but(&red(), vec!["room"], db),
            constraints_but(&ends("2023-01-01", false), vec!["end"], db),
            said(coupon("SAVE20", None).validate_constraints(db)),
            constraints_but(&coupon("SAVE20", None), vec!["code"], db),
            said(coupon("x", Some("spring")).validate_constraints(db)),
            said(coupon("x", None).validate_constraints(db)),
            constraints_but(&new!(Account { owner: "x", balance: -1 }), vec!["balance"], db),
        ])
    }
}
