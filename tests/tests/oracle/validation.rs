//! `full_clean`: Django's answers.

use nuages::{error::Error, prelude::*, validate::CleanOptions};
use nuages_tests::{
    chinook::Album,
    data,
    lab::{AllTypes, Booking, Coupon, Post, Product, Review, Tag, User},
    oracle,
    oracle::{Answer, raises},
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
    check_constraint_message(db) {
        let backwards = new!(Booking { room: "x", start: day("2024-01-02"), end: day("2024-01-01") });
        let Err(Error::Validation(messages)) = backwards.full_clean(db) else { panic!("it ends before it begins") };
        let texts: Vec<&str> = messages.field("__all__").iter().map(|message| message.text.as_str()).collect();
        json!([
            { "raises": "ValidationError", "message": { "__all__": texts } },
            raises(backwards.validate_constraints(db)),
            backwards.clean_fields(db).err().map(|error| error.to_string()),
        ])
    }
    expression_unique_and_unique_for_date(db) {
        let headline = |published| errors(new!(Coupon { code: "N1", headline: "Save", published: day(published) }).full_clean(db));
        [errors(new!(Coupon { code: "Save20" }).full_clean(db)), headline("2024-01-01"), headline("2024-01-02")]
    }
    limits_of_integer_fields(db) {
        let sent = |name: &str, number: &str| errors(AllTypes::clean_from([(name, number)], db).map(drop));
        [
            sent("small", "32768"),
            sent("small", "32767"),
            sent("positive", "2147483648"),
            sent("big", "9223372036854775808"),
        ]
    }
    conversion(db) {
        let sent = [
            ("big", "12"),
            ("day", "2024-02-29"),
            ("flag", "t"),
            ("money", "1.5"),
            ("token", "00000000000000000000000000000007"),
        ];
        let row = AllTypes::clean_from(sent, db)?;
        let wrong = [
            ("big", "x"),
            ("day", "2024-02-30"),
            ("money", "1.234"),
            ("flag", "maybe"),
            ("short", "toolong"),
            ("positive", "-1"),
            ("ip", "1.2.3"),
        ];
        let wrong = errors(AllTypes::clean_from(wrong, db).map(drop));
        json!([row.big, row.day.answer(), row.flag, row.money.answer(), row.token.answer(), wrong])
    }
    save_does_not_validate(db) {
        let mut tag = new!(Tag { name: "", slug: "not a slug!" });
        tag.save(db)?;
        errors(tag.full_clean(db))
    }
}

oracle! { "validate", data::chinook;
    foreign_key_must_exist(db) {
        let album = |artist: Option<i32>| {
            let sent = artist.map(|artist| ("artist", artist.to_string()));
            let sent = [("title", "x".to_owned())].into_iter().chain(sent);
            match Album::clean_from(sent, db) {
                // A form says that what Python leaves empty is required.
                Err(Error::Validation(messages)) if messages.field("artist").iter().any(|m| m.code == "required") => {
                    errors(Err(Error::invalid("artist", "null", "")))
                }
                other => errors(other.map(drop)),
            }
        };
        [album(Some(99_999)), album(None), album(Some(1))]
    }
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

#[test]
fn what_a_model_says_itself_stands_under_all() {
    let db = data::lab();
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

#[test]
fn every_validator_of_a_field_is_asked() {
    let db = data::lab();
    let coupon = new!(Coupon { code: "much too long!" });
    let Err(Error::Validation(messages)) = coupon.clean_fields(&db) else { panic!("it is not valid") };
    let codes: Vec<&str> = messages.field("code").iter().map(|message| message.code).collect();
    assert_eq!(codes, ["max_length", "invalid"]);
    let rating = |rating: u16| new!(Review { product: 2, shopper: 3, rating }).clean_fields(&db);
    assert_eq!(errors(rating(0)), json!({ "rating": ["min_value"] }));
    assert_eq!(errors(rating(6)), json!({ "rating": ["max_value"] }));
    assert_eq!(errors(rating(5)), json!("valid"));
}

#[test]
fn texts_that_are_no_values_are_told_in_djangos_words() {
    let db = data::lab();
    let said = |name: &str, text: &str| {
        let Err(Error::Validation(messages)) = AllTypes::clean_from([(name, text)], &db) else {
            panic!("{text}")
        };
        let message = &messages.field(name)[0];
        (message.code, message.text.clone())
    };
    let quoted = |text: &str| format!("\u{201c}{text}\u{201d}");
    assert_eq!(said("big", "1.5"), ("invalid", format!("{} value must be an integer.", quoted("1.5"))));
    assert_eq!(said("day", "soon").0, "invalid");
    assert_eq!(said("moment", "2024-01-01T25:00").0, "invalid_datetime");
    assert_eq!(said("moment", "2024-02-30T10:00").0, "invalid_datetime");
    assert_eq!(said("moment", "2024-02-30").0, "invalid_date");
    assert_eq!(said("clock", "25:00").0, "invalid_time");
    assert_eq!(said("clock", "noon").0, "invalid");
    assert_eq!(said("token", "x"), ("invalid", format!("{} is not a valid UUID.", quoted("x"))));
    assert_eq!(said("data", "{"), ("invalid", "Value must be valid JSON.".into()));
    assert_eq!(said("money", "12345678.90").0, "max_digits");
    assert_eq!(said("money", "1234567.8").0, "max_whole_digits");
}
