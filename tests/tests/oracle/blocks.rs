//! `atomic` blocks as statements, and constraints of the database: Django's answers.

use nuages::{error::Error, prelude::*, queryset::BulkOptions};
use nuages_tests::{
    chinook::Album,
    data,
    lab::{Account, Booking, Coupon, Review, Tag},
    oracle,
    oracle::{raises, says},
};
use serde_json::json;

/// The names of the tags that a case has made.
fn names(db: &Db) -> Result<Vec<String>> {
    let known = data::lab();
    let known = Tag::objects().order_by(()).values_list(Tag::name).all(&known)?;
    Tag::objects().exclude(Tag::name.is_in(known)).order_by(Tag::id).values_list(Tag::name).all(db)
}

fn tag(name: &str, slug: &str) -> Tag {
    new!(Tag { name, slug })
}

mod atomic {
    use super::*;

    oracle! { "atomic", data::lab;
        statements(db) {
            let watch = db.capture();
            db.atomic(|tx| tx.atomic(|inner| tag("a", "a").save(inner)))?;
            let events: Vec<String> = watch.events().iter().map(ToString::to_string).collect();
            let words = events.iter().map(|event| event.split(' ').next().unwrap_or_default().to_owned());
            json!(words.collect::<Vec<_>>())
        }
        savepoint_false(db) {
            let mut after = json!(null);
            let outer = db.atomic(|tx| {
                tag("a", "a").save(tx)?;
                let _swallowed = tx.atomic_joined(|_| Err::<(), _>(Error::custom("boom")));
                after = says(Tag::objects().count(tx), "TransactionManagementError", |error| {
                    let words = "An error occurred in the current transaction. You can't execute queries until the \
                                 end of the 'atomic' block.";
                    (*error == Error::Doomed).then(|| words.to_owned())
                });
                Err::<(), _>(Error::custom("boom"))
            });
            assert!(outer.is_err());
            json!([after, names(db)?])
        }
        durable(db) {
            let nested = db.atomic(|tx| tx.durable(|_| Ok(())));
            says(nested, "RuntimeError", |error| {
                let words = "A durable atomic block cannot be nested within another atomic block.";
                (*error == Error::NestedDurable).then(|| words.to_owned())
            })["message"]
                .clone()
        }
        bulk_create_is_atomic(db) {
            let one_by_one = BulkOptions { batch_size: Some(1) };
            let made = Tag::objects().bulk_create_with([tag("a", "a"), tag("b", "a")], one_by_one, db);
            assert!(matches!(made, Err(Error::Integrity { .. })));
            names(db)?
        }
    }

    #[test]
    fn what_a_joined_block_wrote_is_kept_with_the_block_around_it() -> Result<()> {
        let db = data::lab();
        let watch = db.capture();
        db.atomic(|tx| {
            tx.atomic_joined(|inner| tag("a", "a").save(inner))?;
            let inner = tx.atomic(|inner| {
                inner.atomic_joined(|joined| tag("b", "b").save(joined))?;
                Err::<(), _>(Error::custom("boom"))
            });
            assert!(inner.is_err());
            tag("c", "c").save(tx)
        })?;
        assert_eq!(names(&db)?, ["a", "c"]);
        let controls: Vec<String> = watch.events().iter().map(ToString::to_string).collect();
        let controls: Vec<&String> = controls.iter().filter(|event| !event.contains("lab_")).collect();
        assert_eq!(controls, ["BEGIN", "SAVEPOINT", "ROLLBACK TO", "RELEASE", "COMMIT"]);
        db.atomic_joined(|tx| tag("d", "d").save(tx))?;
        assert_eq!(names(&db)?, ["a", "c", "d"]);
        Ok(())
    }

    #[test]
    fn a_swallowed_failure_in_a_joined_block_spoils_both() -> Result<()> {
        let db = data::lab();
        let outer = db.atomic(|tx| {
            let joined = tx.atomic_joined(|inner| {
                let _swallowed = tag("Python", "x").save(inner);
                Ok(())
            });
            assert_eq!(joined, Err(Error::Doomed));
            Ok(())
        });
        assert_eq!(outer, Err(Error::Doomed));
        Ok(())
    }
}

mod constraint {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    oracle! { "constraint", data::lab;
        unique(db) {
            let second = Tag::objects().filter(Tag::id.eq(2));
            [
                raises(Tag::objects().create(tag("Python", "p2"), db)),
                raises(second.update(Tag::slug.set("python"), db)),
            ]
        }
        unique_is_case_sensitive(db) { Tag::objects().create(tag("PYTHON", "PYTHON"), db)?.name }
        unique_conditional(db) {
            let mut booking = new!(Booking { room: "red", start: day("2024-01-01"), end: day("2024-01-09") });
            let taken = raises(Booking::objects().create(booking.clone(), db));
            booking.cancelled = true;
            json!([taken, Booking::objects().create(booking, db)?.room])
        }
        check(db) {
            let backwards = new!(Booking { room: "x", start: day("2024-01-02"), end: day("2024-01-02") });
            [
                raises(Account::objects().filter(Account::id.eq(1)).update(Account::balance.set(-1), db)),
                raises(Booking::objects().create(backwards, db)),
            ]
        }
        unique_nulls_are_distinct(db) {
            let coupon = |code: &'static str, campaign: Option<&str>| {
                Coupon::objects().create(new!(Coupon { code, campaign: campaign.map(str::to_owned) }), db)
            };
            coupon("C3", None)?;
            coupon("C4", Some("x"))?;
            let without = Coupon::objects().filter(Coupon::campaign.is_null(true)).count(db)?;
            json!([without, raises(coupon("C5", Some("x")))])
        }
        no_database_check_for_choices_validators(db) {
            let review = Review::objects().create(new!(Review { product: 2, shopper: 3, rating: 99_u16 }), db)?;
            json!([review.rating, Coupon::objects().create(new!(Coupon { code: "bad code!" }), db)?.code])
        }
        empty_string_is_not_null(db) { Tag::objects().create(tag("", ""), db)?.name }
    }

    oracle! { "constraint", data::chinook;
        foreign_key(db) {
            let made = db.atomic(|tx| Album::objects().create(new!(Album { title: "x", artist: 99_999 }), tx));
            json!([raises(made), Album::objects().filter(Album::title.eq("x")).exists(db)?])
        }
    }

    #[test]
    fn validators_are_not_asked_by_the_database() -> Result<()> {
        let db = data::lab();
        let review =
            Review::objects().create(new!(Review { product: 2, shopper: 3, rating: 99_u16 }), &db)?;
        assert_eq!(review.rating, 99);
        Ok(())
    }
}
