//! Signals: who is told of what, in which order, and what a receiver may do. Django's answers.

use std::sync::{Arc, Mutex};

use nuages::{
    error::Error,
    prelude::*,
    signal::{Deleting, Many, ManyToManyChange, Saving},
};
use nuages_tests::{
    data,
    lab::{Comment, Course, Enrollment, Person, Post, Product, Review, Tag},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Json, json};

/// What was heard, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Json>>>);

impl Log {
    fn note(&self, entry: Json) {
        self.0.lock().expect("no test panics while it holds the log").push(entry);
    }

    fn heard(&self) -> Json {
        json!(*self.0.lock().expect("a log"))
    }
}

fn many<M: Model>(field: &str) -> Many {
    Many { model: M::meta(), field: M::meta().field_index(field).expect("a field") }
}

fn told(change: &ManyToManyChange) -> Json {
    let mut keys: Option<Vec<i64>> =
        change.keys.as_ref().map(|keys| keys.iter().filter_map(|key| key.as_int()).collect());
    if let Some(keys) = &mut keys {
        keys.sort_unstable();
    }
    json!([change.name(), change.instance_model().name, change.reverse, change.model.name, keys])
}

oracle! { "signal", data::lab;
    not_fired(db) {
        let log = Log::default();
        let (before, after, gone) = (log.clone(), log.clone(), log.clone());
        let _heard = (
            db.connect_pre_save(move |_: &mut Tag, _: &Saving, _| { before.note(json!("pre_save")); Ok(()) }),
            db.connect_post_save(move |_: &mut Tag, _: &Saving, _| { after.note(json!("post_save")); Ok(()) }),
            db.connect_post_delete(move |_: &mut Tag, _: &Deleting, _| { gone.note(json!("post_delete")); Ok(()) }),
        );
        let names = |db: &Db| Tag::objects().order_by(Tag::id).values_list(Tag::name).all(db);
        let before = names(db)?;
        Tag::objects().update(Tag::name.set(concat((Tag::name, "!"))), db)?;
        Tag::objects().bulk_create([new!(Tag { name: "n", slug: "n" })], db)?;
        let tags = Tag::objects().all(db)?;
        Tag::objects().bulk_update(&tags, Tag::name, db)?;
        let mut wanted: Vec<String> = before.iter().map(|name| format!("{name}!")).collect();
        wanted.push("n".into());
        assert_eq!(names(db)?, wanted, "it was written all the same");
        log.heard()
    }
    get_or_create(db) {
        let log = Log::default();
        let after = log.clone();
        let _heard = db.connect_post_save(move |_: &mut Tag, saving: &Saving, _| {
            after.note(json!(["post_save", Tag::NAME, saving.created]));
            Ok(())
        });
        let new = |slug: &'static str| move || new!(Tag { name: "x", slug: slug });
        Tag::objects().get_or_create(Tag::slug.eq("python"), new("python"), db)?;
        Tag::objects().get_or_create(Tag::slug.eq("new"), new("new"), db)?;
        Tag::objects().update_or_create(Tag::slug.eq("new"), |tag| tag.name = "y".into(), new("new"), db)?;
        log.heard()
    }
    queryset_delete(db) {
        let log = Log::default();
        let (before, after) = (log.clone(), log.clone());
        let _heard = (
            db.connect_pre_delete(move |row: &mut Comment, _: &Deleting, _| {
                before.note(json!(["pre_delete", Comment::NAME, row.id.answer()]));
                Ok(())
            }),
            db.connect_post_delete(move |row: &mut Comment, _: &Deleting, _| {
                after.note(json!(["post_delete", Comment::NAME, row.id.answer()]));
                Ok(())
            }),
        );
        let watch = db.capture();
        Comment::objects().filter(Comment::post.eq(1)).delete(db)?;
        json!({ "log": log.heard(), "queries": watch.len() })
    }
    m2m_add_with_receiver_costs_a_select(db) {
        let mut post = Post::objects().get(Post::id.eq(3), db)?;
        let watch = db.capture();
        post.tags.add(1, db)?;
        let plain = watch.len();
        let _heard = db.connect_m2m_changed(many::<Post>("tags"), |_, _| Ok(()));
        post.tags.add(2, db)?;
        [plain, watch.len() - plain]
    }
    through_create_is_a_save(db) {
        let log = Log::default();
        let (saved, changed) = (log.clone(), log.clone());
        let _heard = (
            db.connect_post_save(move |_: &mut Enrollment, _: &Saving, _| {
                saved.note(json!(["post_save", Enrollment::NAME, "save"]));
                Ok(())
            }),
            db.connect_m2m_changed(many::<Course>("students"), move |change, _| {
                changed.note(json!(["m2m_changed", change.through(), change.name()]));
                Ok(())
            }),
        );
        Enrollment::objects().create(new!(Enrollment { student: 1, course: 3 }), db)?;
        Course::objects().get(Course::id.eq(3), db)?.students.add(2, db)?;
        log.heard()
    }
    review_updates_average(db) {
        fn update(review: &Review, ex: &dyn Executor) -> Result<()> {
            let key = *review.product.key().expect("a review of a product");
            let mean = Review::objects().filter(Review::product.eq(key)).aggregate(Review::rating.avg(), ex)?;
            Product::objects().filter(Product::id.eq(key)).update(Product::average_rating.set(mean), ex)?;
            Ok(())
        }
        let _heard = (
            db.connect_post_save(|review: &mut Review, _: &Saving, ex| update(review, ex)),
            db.connect_post_delete(|review: &mut Review, _: &Deleting, ex| update(review, ex)),
        );
        let average = || Product::objects().filter(Product::id.eq(1)).values_list(Product::average_rating).one(db);
        Review::objects().create(new!(Review { product: 1, shopper: 3, rating: 3 }), db)?;
        let first = average()?;
        Review::objects().filter(Review::product.eq(1) & Review::shopper.eq(2)).delete(db)?;
        json!([first, average()?])
    }
}

#[test]
fn exception_in_receiver_rolls_back() -> Result<()> {
    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct RuntimeError;
    let db = data::lab();
    let _heard = db.connect_post_save(|_: &mut Tag, _: &Saving, _| Err(Error::custom(RuntimeError)));
    let out = match Tag::objects().create(new!(Tag { name: "n", slug: "n" }), &db) {
        Err(Error::Custom(custom)) if custom.source().is::<RuntimeError>() => {
            json!({ "raises": "RuntimeError" })
        }
        other => raises(other),
    };
    let kept = Tag::objects().filter(Tag::slug.eq("n")).exists(&db)?;
    oracle::check("signal.exception_in_receiver_rolls_back", &json!([out, kept]));
    Ok(())
}

#[test]
fn every_change_of_pairs_is_told_before_and_after_with_its_keys() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let heard = log.clone();
    let _heard = db.connect_m2m_changed(many::<Post>("tags"), move |change, _| {
        heard.note(told(change));
        Ok(())
    });
    let mut post = Post::objects().get(Post::id.eq(1), &db)?;
    post.tags.set([2, 3], &db)?; // it had 1 and 2
    post.tags.add([2], &db)?; // it has it
    post.tags.clear(&db)?;
    Tag::objects().get(Tag::id.eq(5), &db)?.posts.set([1], &db)?;
    let told = |name: &str, keys: Json| json!([name, "Post", false, "Tag", keys]);
    let back = |name: &str| json!([name, "Tag", true, "Post", [1]]);
    let expected = json!([
        told("pre_remove", json!([1])),
        told("post_remove", json!([1])),
        told("pre_add", json!([3])),
        told("post_add", json!([3])),
        told("pre_add", json!([])),
        told("post_add", json!([])),
        told("pre_clear", Json::Null),
        told("post_clear", Json::Null),
        back("pre_add"),
        back("post_add"),
    ]);
    assert_eq!(log.heard(), expected);
    Ok(())
}

#[test]
fn a_receiver_that_fails_leaves_pairs_of_both_directions_as_they_were() -> Result<()> {
    let db = data::lab();
    let mut person = Person::objects().get(Person::name.eq("Ada"), &db)?;
    let friends = |db: &Db| {
        Person::objects()
            .order_by((Person::id, Person::friends.id))
            .values_list((Person::id, Person::friends.id))
            .all(db)
    };
    let before = friends(&db)?;
    for fails_at in ["pre_clear", "post_clear", "pre_add", "post_add"] {
        let _heard = db.connect_m2m_changed(many::<Person>("friends"), move |change, _| {
            if change.name() == fails_at { Err(Error::custom("no")) } else { Ok(()) }
        });
        let options = nuages::relation::SetOptions { clear: true };
        assert!(person.friends.set_with([3, 4], options, &db).is_err());
        assert_eq!(friends(&db)?, before, "{fails_at}");
    }
    Ok(())
}

#[test]
fn a_receiver_that_fails_in_the_middle_of_a_cascade_undoes_all_of_it() -> Result<()> {
    let db = data::lab();
    let counts = |db: &Db| Ok::<_, Error>((Post::objects().count(db)?, Comment::objects().count(db)?));
    let before = counts(&db)?;
    let told = Log::default();
    let log = told.clone();
    let _heard = db.connect_post_delete(move |row: &mut Comment, deleting: &Deleting, ex| {
        log.note(json!([deleting.origin.name, row.id.answer()]));
        // What a receiver writes itself goes with the rest.
        Tag::objects().filter(Tag::slug.eq("unused")).delete(ex)?;
        if row.id == 1 { Err(Error::custom("kept")) } else { Ok(()) }
    });
    assert!(Post::objects().filter(Post::id.lte(2)).delete(&db).is_err());
    assert_eq!(counts(&db)?, before);
    assert!(Tag::objects().filter(Tag::slug.eq("unused")).exists(&db)?);
    assert_eq!(told.heard()[0][0], "Post");
    Ok(())
}

#[test]
fn a_connection_that_is_dropped_hears_no_more_and_order_is_that_of_connecting() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let entry = |name: &'static str| {
        let log = log.clone();
        move |_: &mut Tag, saving: &Saving, _: &dyn Executor| {
            log.note(json!([name, saving.created, saving.update_fields]));
            Ok(())
        }
    };
    let first = db.connect_post_save(entry("first"));
    let _second = db.connect_post_save(entry("second"));
    let mut tag = Tag::objects().get(Tag::id.eq(1), &db)?;
    tag.save_fields(Tag::name, &db)?;
    drop(first);
    tag.save(&db)?;
    let expected = json!([["first", false, ["name"]], ["second", false, ["name"]], ["second", false, null]]);
    assert_eq!(log.heard(), expected);
    Ok(())
}

#[test]
fn rows_with_deferred_fields_are_saved_before_whole_receivers() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let heard = log.clone();
    let _heard = db.connect_pre_save(move |post: &mut Post, saving: &Saving, _| {
        heard.note(json!([post.title, post.body.is_empty(), saving.update_fields]));
        Ok(())
    });
    let mut post = Post::objects().only(Post::title).get(Post::id.eq(1), &db)?;
    post.set(Post::title, "New");
    post.save(&db)?;
    assert_eq!(log.heard(), json!([["New", false, ["title"]]]));
    Ok(())
}
