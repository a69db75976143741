//! `save`, `update`, `delete`, bulk verbs, signals: Django's answers.

mod signal;

use std::sync::{Arc, Mutex};

use nuages::{
    error::{Error, IntegrityKind},
    executor::{Clock, StatementKind},
    prelude::*,
    queryset::BulkOptions,
    signal::{Deleting, Many, ManyToManyAction, Moment, Saving},
};
use nuages_tests::{
    chinook::*,
    data, lab,
    lab::{Account, AllTypes, Bin, Depot, Gadget, Person, Post, Product, Profile, Region, Scan, Tag, User},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Json, json};

fn kinds(kinds: &[StatementKind]) -> Vec<String> {
    kinds.iter().map(ToString::to_string).collect()
}

fn deleted(deleted: &nuages::delete::Deleted) -> Json {
    json!([deleted.total, deleted.by_model.answer()])
}

fn tag(slug: &str, db: &Db) -> Result<Tag> {
    Tag::objects().get(Tag::slug.eq(slug), db)
}

mod save {
    use super::*;

    #[test]
    fn insert_and_update() -> Result<()> {
        let db = data::lab();
        let mut tag = new!(Tag { name: "New", slug: "new" });
        let before = json!([tag.id.get().is_none(), !tag.id.is_stored()]);
        let watch = db.capture();
        tag.save(&db)?;
        let inserted = watch.len();
        tag.name = "Newer".into();
        tag.save(&db)?;
        let found = json!({
            "before": before,
            "after": [tag.id.get().is_none(), !tag.id.is_stored()],
            "queries": [inserted, watch.len()],
            "kinds": kinds(&watch.kinds()),
            "stored": super::tag("new", &db)?.name,
        });
        oracle::check("save.insert_and_update", &found);
        Ok(())
    }

    #[test]
    fn with_given_pk_tries_update_first() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        new!(Artist { id: 5000, name: "x" }).save(&db)?;
        let first = kinds(&watch.kinds());
        drop(watch);
        let watch = db.capture();
        new!(Artist { id: 5000, name: "y" }).save(&db)?;
        let name = Artist::objects().get(Artist::id.eq(5000), &db)?.name;
        let second = kinds(&watch.kinds())[..1].to_vec();
        oracle::check("save.with_given_pk_tries_update_first", &json!([first, second, name]));
        Ok(())
    }

    #[test]
    fn pk_default_inserts_at_once() -> Result<()> {
        let db = data::lab();
        let watch = db.capture();
        new!(Gadget { name: "a" }).save(&db)?;
        new!(Gadget { id: Uuid::from_u128(77), name: "b" }).save(&db)?;
        let kinds = kinds(&watch.kinds());
        let again = new!(Gadget { id: Uuid::from_u128(1), name: "c" }).save(&db);
        oracle::check("save.pk_default_inserts_at_once", &json!([kinds, raises(again)]));
        Ok(())
    }

    #[test]
    fn some_fields_only() -> Result<()> {
        let db = data::lab();
        let mut post = Post::objects().get(Post::id.eq(1), &db)?;
        (post.title, post.body) = ("T".into(), "B".into());
        post.save_fields(Post::title, &db)?;
        let row = Post::objects().get(Post::id.eq(1), &db)?;
        oracle::check("save.update_fields", &json!({ "sets": 1, "row": [row.title, row.body] }));
        let watch = db.capture();
        post.save_fields((), &db)?;
        assert!(watch.is_empty());
        let mut gone = Post::objects().get(Post::id.eq(3), &db)?;
        Post::objects().filter(Post::id.eq(3)).delete(&db)?;
        assert_eq!(gone.save_fields(Post::title, &db), Err(Error::NotUpdated { model: "Post" }));
        Ok(())
    }

    oracle! { "save", data::lab;
        of_a_deleted_row_inserts_it_again(db) {
            let mut unused = tag("unused", db)?;
            Tag::objects().filter(Tag::id.eq(unused.id)).delete(db)?;
            unused.save(db)?;
            tag("unused", db)?.id == unused.id
        }
        copy_by_clearing_pk(db) {
            let mut post = Post::objects().get(Post::id.eq(1), db)?;
            post.id = Auto::unset();
            post.slug = "copy".into();
            post.save(db)?;
            json!([
                Post::objects().count(db)?,
                post.id != 1,
                post.tags.count(db)?,
                Post::objects().get(Post::id.eq(1), db)?.tags.count(db)?,
            ])
        }
        auto_now_add_overrides_given_value(db) {
            let given: DateTime = "2000-01-01T00:00:00Z".parse().expect("a moment");
            let author = User::objects().get(User::id.eq(1), db)?;
            let draft = |slug: &'static str| new!(Post { title: slug, slug: slug, body: "", author: &author, created_at: given });
            let post = Post::objects().create(draft("x"), db)?;
            let bulk = Post::objects().bulk_create([draft("y")], db)?;
            Post::objects().filter(Post::slug.eq("x")).update(Post::created_at.set(given), db)?;
            let stored = Post::objects().get(Post::slug.eq("x"), db)?;
            [post.created_at == given, bulk[0].created_at == given, stored.created_at == given]
        }
        positive_field_negative_value(db) {
            let negative = AllTypes::objects().update(AllTypes::positive.set(-1), db);
            assert!(negative.is_ok(), "there is no row");
            let created = AllTypes::objects().create(new!(AllTypes {}), db)?;
            assert!(created.id.get().is_some());
            raises(AllTypes::objects().update(AllTypes::positive.set(-1), db))
        }
    }

    oracle! { "save", data::chinook;
        changing_pk_makes_a_second_row(db) {
            let mut artist = Artist::objects().get(Artist::id.eq(1), db)?;
            artist.id.set(7000);
            artist.save(db)?;
            Artist::objects().filter(Artist::name.eq("AC/DC")).order_by(Artist::id).values_list(Artist::id).all(db)?
        }
    }

    #[test]
    fn an_expression_over_the_row_loses_no_update() -> Result<()> {
        let db = data::lab();
        let mut first = Post::objects().get(Post::id.eq(1), &db)?;
        let mut second = first.clone();
        first.save_set(Post::view_count.set(Post::view_count + 1), &db)?;
        second.save_set(Post::view_count.set(Post::view_count + 1), &db)?;
        assert_eq!(second.view_count, first.view_count + 1);
        Ok(())
    }

    #[test]
    fn the_executors_clock_stamps_rows() -> Result<()> {
        let moment: DateTime = "2030-01-02T03:04:05Z".parse().expect("a moment");
        let db = data::lab().with_clock(Clock::fixed(moment));
        let mut post = Post::objects().get(Post::id.eq(1), &db)?;
        let created = post.created_at;
        post.save(&db)?;
        post.refresh(&db)?;
        assert_eq!((post.created_at, post.updated_at), (created, moment));
        Ok(())
    }
}

mod update {
    use super::*;

    oracle! { "update", data::lab;
        f_expressions_read_old_values(db) {
            let first = Product::objects().filter(Product::id.eq(1));
            first.update((Product::price.set(Product::cost), Product::cost.set(Product::price)), db)?;
            first.values_list((Product::price, Product::cost)).all(db)?
        }
        f_increment(db) {
            Post::objects().filter(Post::id.eq(1)).update(Post::view_count.set(Post::view_count + 1), db)?;
            Post::objects().get(Post::id.eq(1), db)?.view_count
        }
        fk(db) {
            let bob = User::objects().get(User::id.eq(2), db)?;
            let of = |key: i64| Post::objects().filter(Post::id.eq(key));
            let counts = (of(1).update(Post::author.set(&bob), db)?, of(2).update(Post::author.set(2), db)?, of(4).update(Post::author.set(3), db)?);
            let authors = Post::objects().filter(Post::id.is_in([1, 2, 4])).order_by(Post::id).values_list(Post::author_id).all(db)?;
            (counts.0, counts.1, counts.2, authors)
        }
        transform_filter_and_case(db) {
            let status = when(Post::is_active.eq(true), "published").otherwise(Post::status);
            let number = Post::objects().filter(Post::created_at.year.eq(2024)).update(Post::status.set(status), db)?;
            json!([number, Post::objects().order_by(Post::id).values_list(Post::status).all(db)?])
        }
        with_subquery(db) {
            use lab::Comment;
            let newest = Comment::objects().filter(Comment::post.eq(outer(Post::pk))).order_by(Comment::created_at.desc())
                .values_list(Comment::text).slice(..1);
            Post::objects().update(Post::body.set(subquery(&newest).coalesce("none")), db)?;
            Post::objects().order_by(Post::id).values_list(Post::body).all(db)?
        }
    }

    #[test]
    fn rows_chosen_through_another_table() -> Result<()> {
        let db = data::chinook();
        let acdc = Track::objects().filter(Track::album.artist.name.eq("AC/DC"));
        let n = acdc.count(&db)?;
        assert_eq!(acdc.update(Track::milliseconds.set(1), &db)?, n);
        assert_eq!(Track::objects().filter(Track::milliseconds.eq(1)).count(&db)?, n);
        Ok(())
    }

    #[test]
    fn an_expression_over_another_table_is_refused() {
        let db = data::lab();
        let joined = Post::objects().update(Post::title.set(Post::author.username), &db);
        assert_eq!(raises(joined), json!({ "raises": "FieldError" }));
    }
}

mod delete {
    use super::*;

    oracle! { "delete", data::lab;
        return_value(db) {
            [
                deleted(&tag("unused", db)?.delete(db)?),
                deleted(&Tag::objects().filter(Tag::slug.eq("none")).delete(db)?),
                deleted(&tag("rust", db)?.delete(db)?),
            ]
        }
        restrict_together(db) { raises(Depot::objects().filter(Depot::id.is_in([1, 2])).delete(db)) }
        m2m_rows(db) {
            let ada = deleted(&Person::objects().get(Person::name.eq("Ada"), db)?.delete(db)?);
            let left = Person::objects().filter(Person::friends.is_null(false)).count(db)?;
            json!([ada, left])
        }
    }

    #[test]
    fn an_instance_keeps_its_fields_and_loses_its_key() -> Result<()> {
        let db = data::lab();
        let mut tag = tag("unused", &db)?;
        tag.delete(&db)?;
        assert_eq!((tag.id.get(), tag.name.as_str()), (None, "Unused"));
        assert_eq!(tag.delete(&db), Err(Error::Unsaved { model: "Tag", wanted: "delete" }));
        Ok(())
    }

    #[test]
    fn protect() -> Result<()> {
        let db = data::lab();
        let mut depot = Depot::objects().get(Depot::id.eq(3), &db)?;
        let Err(Error::Protected { by, .. }) = depot.delete(&db) else { panic!("an audit protects it") };
        let by: Vec<&str> = by.iter().map(|blocker| blocker.model).collect();
        let found = json!([["ProtectedError", by], Depot::objects().count(&db)?, true]);
        oracle::check("delete.protect", &found);
        Ok(())
    }

    #[test]
    fn restrict_yields_to_a_cascade_from_elsewhere() -> Result<()> {
        let db = data::lab();
        let leased = Depot::objects().filter(Depot::id.eq(2)).delete(&db);
        assert!(matches!(leased, Err(Error::Restricted { .. })), "{leased:?}");
        let region =
            Region::objects().filter(Region::leases.is_null(false) & Region::depots.id.eq(2)).distinct();
        let n = region.count(&db)?;
        assert_eq!(n, 1, "the lease of depot 2 is in its own region");
        Ok(())
    }

    #[test]
    fn do_nothing_leaves_it_to_the_commit() -> Result<()> {
        let db = data::lab();
        Scan::objects().create(new!(Scan { bin: 4 }), &db)?;
        let result = db.atomic(|tx| Bin::objects().get(Bin::id.eq(4), tx)?.delete(tx));
        oracle::check("delete.do_nothing", &raises(result));
        Ok(())
    }

    /// The same rows go and the same counts come, whoever cascades.
    #[test]
    fn the_collector_and_the_engine_agree() -> Result<()> {
        let engine = data::chinook();
        let collector = engine.fork()?;
        let _listens = collector.connect_pre_delete(|_: &mut Album, _, _| Ok(()));
        for db in [&engine, &collector] {
            InvoiceLine::objects().delete(db)?;
        }
        let first_ten = Artist::objects().filter(Artist::id.lte(10));
        let (one, other) = (first_ten.delete(&engine)?, first_ten.delete(&collector)?);
        assert_eq!(one, other);
        assert_eq!(one.total, 580);
        assert_eq!(Track::objects().count(&engine)?, Track::objects().count(&collector)?);
        Ok(())
    }
}

mod bulk {
    use super::*;

    #[test]
    fn create_batches() -> Result<()> {
        let db = data::lab();
        let rows = (0..1000).map(|n| new!(Tag { name: format!("n{n}"), slug: format!("s{n}") }));
        let watch = db.capture();
        let rows = Tag::objects().bulk_create_with(rows, BulkOptions { batch_size: Some(100) }, &db)?;
        let found = json!({
            "queries": watch.len(),
            "rows": rows.len(),
            "have pk": rows.iter().all(|row| row.id.get().is_some()),
            "adding": !rows[0].id.is_stored(),
        });
        oracle::check("bulk.create_batches", &found);
        Ok(())
    }

    oracle! { "bulk", data::chinook;
        create_mixed_pk(db) {
            let watch = db.capture();
            let rows = [new!(Artist { id: 8000, name: "a" }), new!(Artist { name: "b" }), new!(Artist { id: 8001, name: "c" })];
            let rows = Artist::objects().bulk_create(rows, db)?;
            json!([
                watch.len(),
                rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
                rows.iter().map(|row| row.id.get().is_some()).collect::<Vec<_>>(),
            ])
        }
    }

    oracle! { "bulk", data::lab;
        update(db) {
            let mut posts = Post::objects().order_by(Post::id).all(db)?;
            for post in &mut posts {
                post.view_count = post.id.get().map_or(0, |id| u32::try_from(*id * 10).unwrap_or(0));
                post.title = post.title.to_uppercase();
            }
            let watch = db.capture();
            let number = Post::objects().bulk_update(&posts, (Post::view_count, Post::title), db)?;
            let once = watch.len();
            Post::objects().bulk_update_with(&posts, Post::view_count, BulkOptions { batch_size: Some(3) }, db)?;
            let batched = watch.len() - once;
            let views = Post::objects().order_by(Post::id).values_list(Post::view_count).all(db)?;
            json!([number, once, batched, views, Post::objects().get(Post::id.eq(1), db)?.title])
        }
        update_duplicates_first_wins(db) {
            let (mut a, mut b) = (tag("python", db)?, tag("python", db)?);
            (a.name, b.name) = ("first".into(), "second".into());
            json!([Tag::objects().bulk_update([&a, &b], Tag::name, db)?, tag("python", db)?.name])
        }
    }

    #[test]
    fn a_failed_batch_leaves_no_row() -> Result<()> {
        let db = data::lab();
        let rows = [new!(Tag { name: "a", slug: "a" }), new!(Tag { name: "b", slug: "a" })];
        let before = Tag::objects().count(&db)?;
        let failed = Tag::objects().bulk_create_with(rows, BulkOptions { batch_size: Some(1) }, &db);
        let Err(Error::Integrity { kind, table, columns, .. }) = failed else { panic!("the slug is unique") };
        assert_eq!(
            (kind, table.as_str(), &*columns),
            (IntegrityKind::Unique, "lab_tag", &["slug".to_owned()][..])
        );
        assert_eq!(Tag::objects().count(&db)?, before);
        Ok(())
    }
}

mod get_or_create {
    use super::*;

    #[test]
    fn both() -> Result<()> {
        let db = data::lab();
        let get = |slug: &'static str, name: &'static str| {
            Tag::objects().get_or_create(Tag::slug.eq(slug), || new!(Tag { name: name, slug: slug }), &db)
        };
        let watch = db.capture();
        let (a, a_is_new) = get("python", "ignored")?;
        let found = watch.len();
        let (b, b_is_new) = get("go", "Go")?;
        let made = watch.len() - found;
        oracle::check("get_or_create.both", &json!([a.name, a_is_new, found, b.name, b_is_new, made]));
        Ok(())
    }

    #[test]
    fn a_conflict_that_is_not_found_again_is_told() {
        let db = data::lab();
        let conflict = Tag::objects().get_or_create(
            Tag::slug.eq("fresh"),
            || new!(Tag { name: "Python", slug: "fresh" }),
            &db,
        );
        assert_eq!(raises(conflict), json!({ "raises": "IntegrityError" }));
    }

    oracle! { "get_or_create", data::chinook;
        multiple(db) {
            let make = || new!(Album { title: "x", artist: 1 });
            raises(Album::objects().get_or_create(Album::artist.eq(1), make, db))
        }
    }

    #[test]
    fn update_or_create() -> Result<()> {
        let db = data::lab();
        let upsert = |slug: &'static str, name: &'static str| {
            let make = || new!(Tag { name: name, slug: slug });
            Tag::objects().update_or_create(Tag::slug.eq(slug), |tag| tag.name = name.into(), make, &db)
        };
        let watch = db.capture();
        let (a, a_is_new) = upsert("python", "Py")?;
        let found = watch.len();
        let (b, b_is_new) = upsert("go", "Go")?;
        let made = watch.len() - found;
        let stored = tag("python", &db)?.name;
        oracle::check(
            "update_or_create.both",
            &json!([a.id.answer(), a.name, a_is_new, found, b.name, b_is_new, made, stored]),
        );
        Ok(())
    }
}

mod constraint {
    use super::*;

    #[test]
    fn a_check_refuses_and_says_which() -> Result<()> {
        let db = data::lab();
        let overdrawn =
            Account::objects().filter(Account::owner.eq("ann")).update(Account::balance.set(-1), &db);
        let Err(Error::Integrity { kind, constraint, .. }) = overdrawn else {
            panic!("a balance is not negative")
        };
        assert_eq!((kind, constraint.as_deref()), (IntegrityKind::Check, Some("balance_not_negative")));
        Ok(())
    }
}
