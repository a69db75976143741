//! `full_clean`: Django's answers.

use nuages::{error::Error, prelude::*, validate::CleanOptions};
use nuages_tests::{
    data,
    lab::{Booking, Post, Product, Review, Tag, User},
    oracle,
    oracle::raises,
};
use serde_json::{Value as Json, json};

/// The codes of the messages by field, or `"valid"`; what Django gives no code for is `null`.
fn errors(result: Result<()>) -> Json {
    match result {
        Ok(()) => json!("valid"),
        Err(Error::Validation(errors)) => errors
            .iter()
            .map(|(field, messages)| {
                let codes = messages.iter().map(|message| match message.code {
                    "violated" | "" => Json::Null,
                    code => json!(code),
                });
                (field.to_owned(), codes.collect::<Json>())
            })
            .collect(),
        Err(other) => panic!("{other}"),
    }
}

oracle! { "validate", data::lab;
    unique_together_and_constraints(db) {
        let product = |sku: &'static str, price: i32| {
            new!(Product { name: "x", category: "c", price: price, cost: 1, sku: sku, store: 1 })
        };
        [
            errors(new!(Review { product: 1, shopper: 1, rating: 2 }).full_clean(db)),
            errors(product("MOU-1", 1).full_clean(db)),
            errors(product("NEW", -1).full_clean(db)),
        ]
    }
    exclude_and_switches(db) {
        let tag = new!(Tag { name: "Python", slug: "" });
        let with = |options: CleanOptions| errors(tag.full_clean_with(&options, db));
        [
            with(CleanOptions { exclude: vec!["slug"], ..CleanOptions::default() }),
            with(CleanOptions { unique: false, ..CleanOptions::default() }),
            with(CleanOptions { exclude: vec!["slug", "name"], ..CleanOptions::default() }),
        ]
    }
    save_does_not_validate(db) {
        let mut tag = new!(Tag { name: "", slug: "not a slug!" });
        tag.save(db)?;
        errors(tag.full_clean(db))
    }
}

#[test]
fn what_a_model_says_itself_stands_under_all() {
    let db = data::lab();
    let day = |text: &str| text.parse::<Date>().expect("a day");
    let closed = new!(Booking { room: "closed", start: day("2024-01-01"), end: day("2024-01-02") });
    let said = closed.full_clean(&db);
    let Err(Error::Validation(messages)) = &said else { panic!("{said:?}") };
    let texts: Vec<&str> = messages.field("__all__").iter().map(|message| message.text.as_str()).collect();
    let message = json!({ "raises": "ValidationError", "message": { "__all__": texts } });
    oracle::check("validate.clean_and_non_field_errors", &json!([errors(said), message]));
}

#[test]
fn the_row_itself_does_not_count_as_another() -> Result<()> {
    let db = data::lab();
    let found = json!([
        errors(new!(Tag { name: "Python", slug: "new" }).full_clean(&db)),
        errors(Tag::objects().get(Tag::id.eq(1), &db)?.full_clean(&db)),
    ]);
    oracle::check("validate.unique", &json!([found, 5]));
    Ok(())
}

#[test]
fn a_key_must_lead_to_a_row() -> Result<()> {
    let db = data::lab();
    let post = |author: i64| new!(Post { title: "t", slug: "t", body: "b", author: author });
    assert_eq!(errors(post(99_999).full_clean(&db)), json!({ "author": ["invalid"] }));
    assert_eq!(errors(post(1).full_clean(&db)), json!("valid"));
    assert!(User::objects().filter(User::id.eq(1)).exists(&db)?);
    Ok(())
}

#[test]
fn checks_and_conditional_uniqueness_are_asked_before_the_database_refuses() -> Result<()> {
    let db = data::lab();
    let day = |text: &str| text.parse::<Date>().expect("a day");
    let backwards = new!(Booking { room: "x", start: day("2024-01-02"), end: day("2024-01-01") });
    assert_eq!(errors(backwards.full_clean(&db)), json!({ "__all__": [null] }));
    let mut taken = new!(Booking { room: "red", start: day("2024-01-01"), end: day("2024-01-09") });
    assert_eq!(errors(taken.full_clean(&db)), json!({ "__all__": [null] }));
    assert_eq!(raises(taken.clone().insert(&db)), json!({ "raises": "IntegrityError" }));
    taken.cancelled = true;
    assert_eq!(errors(taken.full_clean(&db)), json!("valid"));
    assert_eq!(taken.insert(&db)?.room, "red");
    Ok(())
}
