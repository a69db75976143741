//! `save` and `update`: Django's answers.

use nuages::{
    error::{Error, Misuse},
    prelude::*,
};
use nuages_tests::{
    data,
    lab::{AllTypes, Counter, Gadget, Post, Tag},
    oracle,
    oracle::{Answer, hex, raises, says},
};
use serde_json::{Value as Json, json};

fn post(key: i64, db: &Db) -> Result<Post> {
    Post::objects().get(Post::id.eq(key), db)
}

/// The name that an error does not know.
fn unknown(error: &Error) -> Option<&str> {
    match error {
        Error::UnknownName(unknown) => Some(&unknown.name),
        _ => None,
    }
}

/// What Python calls the type of a value.
fn python<T>(_: &Option<T>) -> &'static str {
    match std::any::type_name::<T>().rsplit("::").next() {
        Some("SignedDuration") => "timedelta",
        Some("Uuid") => "UUID",
        Some(other) => other,
        None => "",
    }
}

mod save {
    use nuages_engine::sql::Connection;

    use super::*;

    oracle! { "save", data::lab;
        update_fields_edge(db) {
            let (mut first, mut gone) = (post(1, db)?, post(3, db)?);
            Post::objects().filter(Post::id.eq(3)).delete(db)?;
            let watch = db.capture();
            first.save_fields((), db)?;
            let nothing = watch.len();
            let colour = Fields::<Post>::parse(["colour"]).and_then(|fields| first.save_fields(fields, db));
            let colour = says(colour, "ValueError", |error| {
                let kinds = "m2m fields, primary keys, or are non-concrete fields";
                Some(format!("The following fields do not exist in this model, are {kinds}: {}", unknown(error)?))
            });
            let unsaved = new!(Post { title: "x", slug: "x", body: "", author: 1 }).save_fields(Post::title, db);
            json!([nothing, colour, raises(gone.save_fields(Post::title, db)), raises(unsaved)])
        }
        f_in_create(db) {
            let over_itself = new!(Tag { name: "", slug: "s" }).insert_set(Tag::name.set(Tag::slug), db);
            let computed = new!(Tag { name: "", slug: "abc" }).insert_set(Tag::name.set(value("ABC").lower()), db)?;
            let stored = Tag::objects().get(Tag::id.eq(computed.id), db)?;
            assert_eq!(stored, computed);
            json!([raises(over_itself), computed.name])
        }
        round_trip_of_types(db) {
            let moment: DateTime = "2024-01-02T03:04:05.678901Z".parse().expect("a moment");
            let created = AllTypes::objects().create(
                new!(AllTypes {
                    big: 1_i64 << 62,
                    small: -5_i16,
                    real: 0.1,
                    money: Decimal::new(1230, 2),
                    flag: true,
                    text: "é\n\"'",
                    short: "a",
                    day: "2024-02-29".parse::<Date>().expect("a day"),
                    moment: moment,
                    clock: "23:59:59.999999".parse::<Time>().expect("a time"),
                    span: -Duration::from_micros(86_400_000_001),
                    token: Uuid::from_u128(7),
                    blob: vec![0, 0xff],
                    ip: "2001:DB8::1".parse::<std::net::IpAddr>().expect("an address"),
                    data: json!({ "a": [1, null, true, "x"] }),
                }),
                db,
            )?;
            let again = AllTypes::objects().get(AllTypes::id.eq(created.id), db)?;
            json!({
                "big": again.big, "small": again.small, "real": again.real, "money": again.money.answer(),
                "flag": again.flag, "text": again.text, "short": again.short, "day": again.day.answer(),
                "moment": again.moment.answer(), "clock": again.clock.answer(), "span": again.span.answer(),
                "token": again.token.answer(), "blob": again.blob.as_deref().map(hex), "ip": again.ip,
                "data": again.data,
                "types": {
                    "money": python(&again.money), "flag": python(&again.flag), "token": python(&again.token),
                    "span": python(&again.span),
                },
            })
        }
        explicit_none_beats_default(db) {
            let named = new!(Counter { name: None });
            let created = raises(Counter::objects().create(named.clone(), db));
            json!([named.name, created, new!(Gadget { name: "", meta: None }).meta, new!(Gadget { name: "" }).meta])
        }
        aware_datetime_is_stored_in_utc(db) {
            let local: DateTime = "2024-07-01T23:30:00-05:00".parse().expect("a moment");
            let row = AllTypes::objects().create(new!(AllTypes { moment: local }), db)?;
            let day: Date = "2024-07-02".parse().expect("a day");
            json!([
                AllTypes::objects().get(AllTypes::id.eq(row.id), db)?.moment.answer(),
                AllTypes::objects().filter(AllTypes::moment.date.eq(day)).count(db)?,
            ])
        }
    }

    #[test]
    fn the_database_fills_and_computes() -> Result<()> {
        let db = data::lab();
        let mut counter = Counter::objects().create(new!(Counter { hits: 3 }), &db)?;
        assert_eq!((counter.weight.get(), counter.doubled.get()), (Some(&7), Some(&6)));
        assert!(counter.seen_at.get().is_some());
        (counter.hits, counter.doubled) = (5, 99.into());
        counter.save(&db)?;
        assert_eq!(counter.doubled, 10);
        Counter::objects().update(Counter::hits.set(Counter::hits + 1), &db)?;
        counter.refresh(&db)?;
        assert_eq!((counter.hits, counter.doubled.get()), (6, Some(&12)));
        counter.save_set(Counter::hits.set(Counter::hits * 2), &db)?;
        assert_eq!(Counter::objects().filter(Counter::doubled.eq(24)).count(&db)?, 1);
        counter.hits = 1;
        assert_eq!(Counter::objects().bulk_update([&counter], Counter::hits, &db)?, 1);
        let rows =
            Counter::objects().bulk_create([1, 2].map(|hits| new!(Counter { hits, weight: 0 })), &db)?;
        assert_eq!(rows.iter().map(|row| row.doubled.get().copied()).collect::<Vec<_>>(), [Some(2), Some(4)]);
        assert_eq!(
            Counter::objects().order_by(Counter::id).values_list(Counter::doubled).all(&db)?,
            [2, 2, 4]
        );
        assert_eq!(Counter::objects().filter(Counter::weight.eq(0)).count(&db)?, 2);
        let written = Counter::objects().update(Counter::doubled.set(1), &db);
        assert!(matches!(written, Err(Error::Misuse(_))));
        let past_the_model =
            Connection::new(db.engine().clone()).execute("UPDATE lab_counter SET doubled = 1", &[]);
        assert!(past_the_model.is_err(), "a check stands behind it");
        Ok(())
    }

    #[test]
    fn keys_of_the_row_are_not_among_the_fields_that_are_saved() {
        let db = data::lab();
        assert_eq!(Fields::<Tag>::parse(["id"]).as_ref().err().and_then(unknown), Some("id"));
        let mut tag = Tag::objects().get(Tag::id.eq(1), &db).expect("a tag");
        assert!(matches!(tag.save_fields(Tag::id, &db), Err(Error::Misuse(Misuse::Other(_)))));
    }
}

mod update {
    use super::*;

    oracle! { "update", data::lab;
        f_across_relation_is_refused(db) {
            let joined = Post::objects().update(Post::title.set(Post::author.username), db);
            let joined = says(joined, "FieldError", |error| match error {
                Error::Misuse(Misuse::JoinHere { .. }) => {
                    Some("Joined field references are not permitted in this query".into())
                }
                _ => None,
            });
            let across = Post::objects().records().update([("author__username", "x")], db);
            let across = says(across, "FieldDoesNotExist", |error| {
                Some(format!("{} has no field named '{}'", Post::NAME, unknown(error)?))
            });
            [joined, across]
        }
        ordered(db) {
            Tag::objects().order_by(Tag::pk.desc()).update(Tag::name.set(concat((Tag::name, "!"))), db)?
        }
        pk(db) {
            let unused = Tag::objects().filter(Tag::slug.eq("unused"));
            let as_pk = unused.clone().records().update([("pk", 99)], db);
            let as_pk = match as_pk.as_ref().err().and_then(unknown) {
                Some("pk") => json!({ "raises": "FieldDoesNotExist" }),
                _ => json!(format!("{as_pk:?}")),
            };
            json!([as_pk, unused.update(Tag::id.set(99), db)?, Tag::objects().get(Tag::slug.eq("unused"), db)?.id.answer()])
        }
        null_into_not_null(db) {
            raises(Post::objects().filter(Post::id.eq(1)).records().update([("title", nuages::field::Value::Null)], db))
        }
    }
}

mod get_or_create {
    use super::*;

    oracle! { "get_or_create", data::lab;
        lookups_are_not_stored(db) {
            let (tag, created) = Tag::objects().get_or_create(
                Tag::name.iexact("GO") & Tag::slug.eq("go"),
                || new!(Tag { name: "Go", slug: "go" }),
                db,
            )?;
            json!([tag.name, tag.slug.as_str(), created])
        }
        integrity_error_of_another_key(db) {
            let fresh = || new!(Tag { name: "Python", slug: "fresh" });
            let colour = Q::parse("colour", 1).and_then(|colour| Tag::objects().get_or_create(colour, fresh, db));
            [raises(Tag::objects().get_or_create(Tag::slug.eq("fresh"), fresh, db)), raises(colour)]
        }
    }
}

mod update_or_create {
    use super::*;

    oracle! { "update_or_create", data::lab;
        both(db) {
            let store = |slug: &'static str, name: &'static str| -> Result<(Tag, bool, usize)> {
                let watch = db.capture();
                let make = || new!(Tag { name, slug });
                let (tag, is_new) =
                    Tag::objects().update_or_create(Tag::slug.eq(slug), |tag| tag.name = name.into(), make, db)?;
                Ok((tag, is_new, watch.len()))
            };
            let (a, b) = (store("python", "Py")?, store("go", "Go")?);
            let stored = Tag::objects().get(Tag::slug.eq("python"), db)?.name;
            json!([a.0.id.answer(), a.0.name, a.1, a.2, b.0.name, b.1, b.2, stored])
        }
        create_defaults(db) {
            let store = || {
                let made = || new!(Tag { name: "Created", slug: "go" });
                Tag::objects().update_or_create(Tag::slug.eq("go"), |tag| tag.name = "Updated".into(), made, db)
            };
            let (a, b) = (store()?, store()?);
            json!([a.0.name, a.1, b.0.name, b.1])
        }
    }
}

#[test]
fn dynamic_values_that_a_column_cannot_take_are_told_by_the_database() {
    let db = data::lab();
    let created: Result<Record> = db
        .objects("lab.Tag")
        .and_then(|tags| tags.create([("name", nuages::field::Value::Null), ("slug", "x".into())], &db));
    assert_eq!(raises(created), json!({ "raises": "IntegrityError" }));
    let nothing: Json = json!(null);
    assert_eq!(None::<i64>.answer(), nothing);
}
