//! Signals: what their receivers are told, in which order, and what they find in the database.

use std::sync::{Arc, Mutex};

use nuages::{
    error::Error,
    prelude::*,
    save::SaveOptions,
    signal::{Deleting, Many, Moment, Saving},
};
use nuages_tests::{
    chinook::{self, Album, Artist, Employee, Genre, Track},
    data,
    lab::{self, Comment, Enrollment, Post, Product, Profile, Review, Student, Tag, User},
    oracle,
    oracle::Answer,
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

/// Notes the key of each row that is about to be deleted and that was.
fn deletions<'a, M: Model>(
    db: &'a Db,
    log: &Log,
    key: fn(&M) -> Json,
) -> [nuages::signal::Connection<'a>; 2] {
    let entry = |moment: &'static str| {
        let log = log.clone();
        move |row: &mut M, _: &Deleting, _: &dyn Executor| {
            log.note(json!([moment, M::NAME, key(row)]));
            Ok(())
        }
    };
    [db.connect_pre_delete(entry("pre_delete")), db.connect_post_delete(entry("post_delete"))]
}

oracle! { "signal", data::lab;
    what_saves_say(db) {
        let log = Log::default();
        let entry = |moment: Moment| {
            let log = log.clone();
            move |tag: &mut Tag, saving: &Saving, _: &dyn Executor| {
                let (name, created) = match moment {
                    Moment::Before => ("pre_save", None),
                    Moment::After => ("post_save", Some(saving.created)),
                };
                log.note(json!([name, "Tag", [json!(tag.slug.as_str()), json!(created), json!(saving.update_fields), json!(saving.raw)]]));
                Ok(())
            }
        };
        let _heard = (db.connect_pre_save(entry(Moment::Before)), db.connect_post_save(entry(Moment::After)));
        let new = |name: &'static str| move || new!(Tag { name, slug: name });
        let mut tag = Tag::objects().create(new("n")(), db)?;
        tag.save_fields(Tag::name, db)?;
        tag.save_fields((), db)?;
        tag.save_with(SaveOptions { force_update: true, ..SaveOptions::default() }, db)?;
        Tag::objects().update_or_create(Tag::slug.eq("o"), |tag| tag.name = "o".into(), new("o"), db)?;
        log.heard()
    }
    m2m_every_action(db) {
        let mut post = Post::objects().get(Post::pk.eq(1), db)?;
        post.tags.set([1, 2], db)?;
        let log = Log::default();
        let heard = log.clone();
        let relation = Many { model: Post::meta(), field: Post::meta().field_index("tags").expect("a field") };
        let _heard = db.connect_m2m_changed(relation, move |change, _| {
            let mut keys: Option<Vec<i64>> =
                change.keys.as_ref().map(|keys| keys.iter().filter_map(|key| key.as_int()).collect());
            keys.iter_mut().for_each(|keys| keys.sort_unstable());
            let told = json!([change.name(), change.instance_model().name, change.reverse, change.model.name, keys]);
            heard.note(json!(["m2m_changed", change.through(), told]));
            Ok(())
        });
        post.tags.add(1, db)?;
        post.tags.add([2, 3], db)?;
        post.tags.remove([4, 3], db)?;
        post.tags.set([2, 5], db)?;
        post.tags.set([2, 5], db)?;
        post.tags.add([0; 0], db)?;
        post.tags.clear(db)?;
        post.tags.clear(db)?;
        let options = nuages::relation::SetOptions { clear: true };
        Tag::objects().get(Tag::pk.eq(1), db)?.posts.set_with([2, 3], options, db)?;
        log.heard()
    }
    set_null_sends_none(db) {
        let log = Log::default();
        let saved = log.clone();
        let _heard = (
            deletions::<User>(db, &log, |row| row.id.answer()),
            deletions::<Profile>(db, &log, |row| row.id.answer()),
            deletions::<Student>(db, &log, |row| row.id.answer()),
            deletions::<Enrollment>(db, &log, |row| row.id.answer()),
            deletions::<Comment>(db, &log, |row| row.id.answer()),
            db.connect_post_save(move |_: &mut Comment, _: &Saving, _| { saved.note(json!("a save")); Ok(()) }),
        );
        User::objects().get(User::username.eq("dave"), db)?.delete(db)?;
        log.heard()
    }
    receivers_in_order(db) {
        #[derive(Debug, thiserror::Error)]
        #[error("boom")]
        struct Boom;
        let log = Log::default();
        let (one, two, three) = (log.clone(), log.clone(), log.clone());
        let _heard = (
            db.connect_pre_save(move |tag: &mut Tag, _: &Saving, _| {
                one.note(json!("first"));
                tag.name.push('!');
                Ok(())
            }),
            db.connect_pre_save(move |tag: &mut Tag, _: &Saving, _| {
                two.note(json!(["second", tag.name]));
                if tag.slug.as_str() == "bad" { Err(Error::custom(Boom)) } else { Ok(()) }
            }),
            db.connect_pre_save(move |_: &mut Tag, _: &Saving, _| { three.note(json!("third")); Ok(()) }),
        );
        let good = Tag::objects().create(new!(Tag { name: "good", slug: "good" }), db)?;
        let bad = match Tag::objects().create(new!(Tag { name: "bad", slug: "bad" }), db) {
            Err(Error::Custom(custom)) if custom.source().is::<Boom>() => json!({ "raises": "Boom" }),
            other => oracle::raises(other),
        };
        let kept = Tag::objects().filter(Tag::slug.is_in(["good", "bad"])).values_list(Tag::name).all(db)?;
        json!([log.heard(), good.name, bad, kept])
    }
    save_within_a_receiver(db) {
        let log = Log::default();
        let heard = log.clone();
        let _heard = (
            db.connect_post_save(|tag: &mut Tag, saving: &Saving, ex| {
                if saving.created {
                    tag.name = tag.name.to_uppercase();
                    tag.save_fields(Tag::name, ex)?;
                }
                Ok(())
            }),
            db.connect_post_save(move |tag: &mut Tag, saving: &Saving, _| {
                heard.note(json!(["post_save", "Tag", [json!(saving.created), json!(tag.name)]]));
                Ok(())
            }),
        );
        Tag::objects().create(new!(Tag { name: "shout", slug: "shout" }), db)?;
        json!([log.heard(), Tag::objects().get(Tag::slug.eq("shout"), db)?.name])
    }
    in_delete_rows_are_still_there(db) {
        let log = Log::default();
        let entry = |moment: &'static str| {
            let log = log.clone();
            move |row: &mut Comment, _: &Deleting, ex: &dyn Executor| {
                let is_there = Comment::objects().filter(Comment::pk.eq(row.pk())).exists(ex)?;
                log.note(json!([moment, is_there, row.pk().is_some()]));
                Ok(())
            }
        };
        let _heard = (db.connect_pre_delete(entry("pre")), db.connect_post_delete(entry("post")));
        let mut comment = Comment::objects().order_by(Comment::pk).first(db)?.expect("a comment");
        comment.delete(db)?;
        json!([log.heard(), comment.pk()])
    }
}

oracle! { "signal", data::chinook;
    init_of_every_reading(db) {
        let log = Log::default();
        let (genres, tracks) = (log.clone(), log.clone());
        let app = chinook::app()
            .post_init(move |row: &mut Genre| genres.note(json!(["post_init", "Genre", row.id.answer()])))
            .post_init(move |row: &mut Track| tracks.note(json!(["post_init", "Track", row.id.answer()])));
        let db = &app.bind(db.engine().clone())?;
        Genre::objects().filter(Genre::pk.lte(2)).order_by(Genre::pk).all(db)?;
        Genre::objects().get(Genre::pk.eq(3), db)?;
        Genre::objects().filter(Genre::pk.eq(4)).values_list(Genre::name).first(db)?;
        Genre::objects().filter(Genre::pk.eq(6)).prefetch_related(Genre::tracks).all(db)?;
        Genre::objects().filter(Genre::pk.lte(9)).count(db)?;
        log.heard()
    }
}

/// An app whose receivers of `post_init` note each row of a model in the log.
fn noting<M: Model<Pk = i64>>(app: App, log: &Log) -> App {
    let log = log.clone();
    app.post_init(move |row: &mut M| log.note(json!(["post_init", M::NAME, row.pk()])))
}

/// What was heard since it was asked last.
fn heard(log: &Log) -> Json {
    Json::Array(std::mem::take(&mut *log.0.lock().expect("a log")))
}

oracle! { "signal", data::chinook;
    init_of_what_is_joined(db) {
        let log = Log::default();
        let app = noting::<Track>(noting::<Album>(noting::<Artist>(chinook::app(), &log), &log), &log);
        let db = &noting::<Genre>(noting::<Employee>(app, &log), &log).bind(db.engine().clone())?;
        let tracks = Track::objects().select_related((Track::album.artist, Track::genre));
        tracks.filter(Track::pk.is_in([1, 6])).order_by(Track::pk).all(db)?;
        let first = heard(&log);
        Employee::objects().select_related(Employee::reports_to.reports_to).filter(Employee::pk.lte(2)).order_by(Employee::pk).all(db)?;
        let second = heard(&log);
        let albums = Album::objects().select_related(Album::artist).filter(Album::pk.eq(1));
        albums.prefetch_related(Album::tracks.genre).filter(Album::tracks.pk.lt(2)).all(db)?;
        let third = heard(&log);
        Track::objects().select_related(Track::album).get(Track::pk.eq(1), db)?.album.get(db)?;
        let fourth = heard(&log);
        let n = Track::playlists.count();
        Track::objects().select_related(Track::genre).annotate(&n).filter(Track::pk.eq(1)).all(db)?;
        json!([first, second, third, fourth, heard(&log)])
    }
}

oracle! { "signal", data::lab;
    init_of_one_to_one(db) {
        let log = Log::default();
        let app = noting::<User>(noting::<Profile>(noting::<Comment>(lab::app(), &log), &log), &log);
        let db = &noting::<Post>(app, &log).bind(db.engine().clone())?;
        User::objects().select_related(User::profile).order_by(User::pk).all(db)?;
        let first = heard(&log);
        Profile::objects().select_related(Profile::user).order_by(Profile::pk).all(db)?;
        let second = heard(&log);
        let comments = Comment::objects().select_related((Comment::author.profile, Comment::post));
        comments.filter(Comment::pk.lte(3)).order_by(Comment::pk).all(db)?;
        json!([first, second, heard(&log)])
    }
    update_or_create_writes_its_fields(db) {
        let log = Log::default();
        let before = |name: &'static str| {
            let log = log.clone();
            move |saving: &Saving| log.note(json!(["pre_save", name, [Json::Null, json!(saving.update_fields)]]))
        };
        let after = |name: &'static str| {
            let log = log.clone();
            move |saving: &Saving| log.note(json!(["post_save", name, [json!(saving.created), json!(saving.update_fields)]]))
        };
        macro_rules! listen {
            ($($model:ident)*) => { ($({
                let (before, after) = (before($model::NAME), after($model::NAME));
                (
                    db.connect_pre_save(move |_: &mut $model, saving: &Saving, _| { before(saving); Ok(()) }),
                    db.connect_post_save(move |_: &mut $model, saving: &Saving, _| { after(saving); Ok(()) }),
                )
            },)*) };
        }
        let _heard = listen!(Tag Product Review);
        let fresh = || new!(Tag { name: "fresh", slug: "fresh" });
        let unknown = || -> Product { unreachable!("it is there") };
        Tag::objects().update_or_create(Tag::pk.eq(1), |tag| tag.name = "new".into(), fresh, db)?;
        let both = |tag: &mut Tag| (tag.name, tag.slug) = ("n".into(), "s".into());
        Tag::objects().update_or_create(Tag::pk.eq(2), both, fresh, db)?;
        Tag::objects().update_or_create(Tag::pk.eq(99), both, fresh, db)?;
        Product::objects().update_or_create(Product::pk.eq(1), |product| product.stock = 77, unknown, db)?;
        let change = |review: &mut Review| (review.shopper, review.rating) = (3.into(), 2);
        Review::objects().update_or_create(Review::pk.eq(1), change, || unreachable!("it is there"), db)?;
        let mut log = log.heard();
        // Here the names come in the order of the fields.
        for entry in log.as_array_mut().into_iter().flatten() {
            if let Some(names) = entry[2][1].as_array_mut() {
                names.sort_by_key(|name| name.to_string());
            }
        }
        log
    }
    update_or_create_leaves_others_alone(db) {
        let meddled = db.connect_pre_save(|tag: &mut Tag, _: &Saving, _| { tag.slug = "meddled".into(); Ok(()) });
        let (tag, created) = Tag::objects().update_or_create(
            Tag::pk.eq(1), |tag| tag.name = "new".into(), || unreachable!("it is there"), db,
        )?;
        drop(meddled);
        let before = Post::objects().get(Post::pk.eq(1), db)?;
        Post::objects().update_or_create(Post::pk.eq(1), |post| post.title = "t".into(), || unreachable!("it is there"), db)?;
        let after = Post::objects().get(Post::pk.eq(1), db)?;
        let stored = Tag::objects().get(Tag::pk.eq(1), db)?;
        json!([
            created, tag.slug.as_str(), stored.slug.as_str(), stored.name,
            before.created_at == after.created_at, before.updated_at < after.updated_at, after.title,
        ])
    }
}
