//! Saving, refreshing, creating and deleting, many at once or one.

use nuages::{
    error::{Blocker, Error, Misuse},
    prelude::*,
    queryset::{BulkOptions, CreateOptions},
};
use nuages_tests::{
    data,
    lab::{Audit, Bin, Booking, Comment, Coupon, Depot, Lease, Part, Post, Region, Tag, User},
    oracle,
    oracle::{Answer, message, raises},
};
use serde_json::{Value as Found, json};

fn refused<T>(result: Result<T>, words: &str) -> Found {
    let mut said = raises(result);
    said["message"] = json!(words);
    said
}

fn moment(text: &str) -> DateTime {
    text.parse().expect("a moment")
}

fn tag(name: &str, slug: &str) -> Tag {
    new!(Tag { name, slug })
}

oracle! { "save", data::lab;
    refresh_from_db_fields(db) {
        let mut post = Post::objects().get(Post::pk.eq(1), db)?;
        (post.title, post.body) = ("mine".into(), "mine".into());
        Post::objects().filter(Post::pk.eq(1)).update((Post::title.set("theirs"), Post::view_count.set(7), Post::author.set(2)), db)?;
        let author = post.author.get(db)?.username.clone();
        post.refresh_fields(Post::view_count, db)?;
        let a = json!([post.title, post.view_count, post.author.key()]);
        post.refresh_fields(Post::author, db)?;
        let b = json!([post.author.key(), post.author.get(db)?.username]);
        post.refresh(db)?;
        json!([author, a, b, post.title, post.body])
    }
    refresh_of_unsaved_and_deleted(db) {
        let mut gone = Tag::objects().create(tag("g", "g"), db)?;
        Tag::objects().filter(Tag::slug.eq("g")).delete(db)?;
        // A row without a key was never there to be gone: it is told so, and not that it is missing.
        assert!(matches!(tag("n", "n").refresh(db), Err(Error::Unsaved { .. })));
        json!([{ "raises": "DoesNotExist" }, raises(gone.refresh(db))])
    }
    refresh_keeps_prefetched(db) {
        let mut user = User::objects().prefetch_related(User::posts).get(User::pk.eq(1), db)?;
        user.refresh(db)?;
        let watch = db.capture();
        assert_eq!(user.posts.all(db)?.len(), 3);
        watch.len()
    }
}

oracle! { "get_or_create", data::lab;
    with_relation_and_defaults(db) {
        let mut user = User::objects().get(User::pk.eq(1), db)?;
        let same = || Comment::text.eq("hi") & Comment::post.eq(1);
        let draft = |year: &str, score: i32| {
            let created_at = moment(&format!("{year}-01-01T00:00:00Z"));
            move || new!(Comment { text: "hi", post: 1, author: _, created_at, score })
        };
        let (a, new) = user.comment_set.get_or_create(same(), draft("2024", 3), db)?;
        let (b, again) = user.comment_set.get_or_create(same(), draft("2025", 9), db)?;
        json!([new, again, a.pk() == b.pk(), b.score, b.author.as_ref().and_then(|author| author.key().copied())])
    }
}

oracle! { "update_or_create", data::lab;
    variants(db) {
        let slug = || Tag::slug.eq("py9");
        let (t, a) = Tag::objects().update_or_create(slug(), |tag| tag.name = "A".into(), || tag("B", "py9"), db)?;
        let (u, b) = Tag::objects().update_or_create(slug(), |tag| tag.name = "C".into(), || tag("D", "py9"), db)?;
        let two = Tag::name.is_in(["C", "Python"]);
        json!([
            t.name, a, u.name, b,
            Tag::objects().filter(slug()).count(db)?,
            raises(Tag::objects().update_or_create(two, |tag| tag.slug = "x".into(), || tag("x", "x"), db)),
        ])
    }
}

oracle! { "bulk", data::lab;
    create_conflicts_more(db) {
        let named = |prefix: &str, by_slug: bool| {
            let condition = if by_slug { Tag::slug.starts_with(prefix) } else { Tag::name.starts_with(prefix) };
            let names = Tag::objects().filter(condition).values_list(Tag::name).all(db);
            names.map(|mut names| { names.sort(); names })
        };
        Tag::objects().bulk_create_with([tag("n1", "python"), tag("n2", "n2")], CreateOptions::default().ignore_conflicts(), db)?;
        let a = named("n", false)?;
        let update = CreateOptions::default().update_conflicts(Tag::slug, Tag::name);
        Tag::objects().bulk_create_with([tag("N2", "n2"), tag("N3", "n3")], update, db)?;
        json!([
            a,
            named("n", true)?,
            raises(Tag::objects().bulk_create([tag("q", "q"), tag("q", "r")], db)),
            Tag::objects().filter(Tag::slug.eq("q")).exists(db)?,
        ])
    }
    update_values_and_none(db) {
        let mut comments = Comment::objects().filter(Comment::pk.lte(3)).order_by(Comment::pk).all(db)?;
        for (comment, place) in comments.iter_mut().zip(0..) {
            (comment.score, comment.author) = (place * 10, None);
        }
        let mut unsaved = comments[0].clone();
        unsaved.id = Auto::unset();
        let two = BulkOptions { batch_size: Some(2) };
        let number = Comment::objects().bulk_update_with(&comments, (Comment::score, Comment::author), two, db)?;
        json!([
            number,
            Comment::objects().filter(Comment::pk.lte(3)).order_by(Comment::pk).values_list((Comment::score, Comment::author)).all(db)?.answer(),
            Comment::objects().bulk_update(&[], Comment::score, db)?,
            refused(Comment::objects().bulk_update(&comments, (), db), "Field names must be given to bulk_update()."),
            refused(Comment::objects().bulk_update(&comments, Comment::id, db), "bulk_update() cannot be used with primary key fields."),
            refused(Comment::objects().bulk_update(&[unsaved], Comment::score, db), "All bulk_update() objects must have a primary key set."),
        ])
    }
}

oracle! { "update", data::lab;
    more(db) {
        let posts = Post::objects;
        let a = posts().filter(Post::author.username.eq("alice")).update(Post::view_count.set(Post::view_count * 2), db)?;
        let b = posts().filter(Post::pk.eq(0)).update(Post::title.set("x"), db)?;
        let c = posts().filter(Post::tags.name.is_in(["Python", "Django"])).update(Post::is_featured.set(true), db)?;
        let d = posts().filter(Post::comments.is_null(false)).distinct().update(Post::status.set("review"), db)?;
        json!([a, b, c, d, posts().order_by(Post::pk).values_list((Post::view_count, Post::is_featured, Post::status)).all(db)?])
    }
    related_manager_and_none(db) {
        let user = User::objects().get(User::pk.eq(1), db)?;
        json!([
            user.posts.objects()?.update(Post::category.set(None), db)?,
            user.posts.filter(Post::category.eq(None))?.count(db)?,
            user.comment_set.objects()?.update(Comment::flagged.set(None), db)?,
            Comment::objects().filter(Comment::author.eq(1) & Comment::flagged.eq(None)).count(db)?,
            Post::objects().none().update(Post::title.set("x"), db)?,
        ])
    }
}

oracle! { "update", data::lab;
    with_f_and_joins(db) {
        let posts = Post::objects;
        let first = || posts().order_by(Post::pk).values_list((Post::pk, Post::view_count, Post::title, Post::category_id)).slice(..4).all(db);
        let class = |result: Result<u64>| raises(result)["raises"].clone();
        let newest: Expr<Post, _> = subquery(&Comment::objects().filter(Comment::post.eq(outer(Post::pk)))
            .order_by(Comment::pk.desc()).values_list(Comment::text).slice(..1));
        let mut out = vec![class(posts().update(Post::title.set(Post::author.username), db))];
        let mut found = |changed: u64| -> Result<()> {
            out.push(json!(changed));
            out.extend(first()?.into_iter().map(|row| json!(row)));
            Ok(())
        };
        found(posts().filter(Post::comments.is_null(false)).update(Post::title.set(newest.coalesce("none")), db)?)?;
        let of_alice = posts().filter(Post::author.username.eq("alice") & Post::category.is_null(false));
        found(of_alice.update((Post::view_count.set(Post::view_count + Post::id * 10), Post::category.set(None)), db)?)?;
        let python = posts().filter(Post::tags.name.eq("Python")).exclude(Post::author.username.eq("bob"));
        found(python.update(Post::view_count.set(when(Post::is_active, Post::view_count * 2).otherwise(0)), db)?)?;
        let n = Post::comments.count();
        let counted = posts().annotate(&n);
        out.push(json!(counted.clone().filter(n.gte(2)).update(Post::view_count.set(7), db)?));
        out.push(class(counted.update(Post::view_count.set(&n), db)));
        let own = Comment::objects().filter(Comment::post.author.eq(Comment::author));
        out.push(json!(own.update(Comment::score.set(Comment::score - 1), db)?));
        out.push(json!(Comment::objects().order_by(Comment::pk).values_list(Comment::score).all(db)?));
        out
    }
}

oracle! { "get_or_create", data::lab;
    callables_and_lookups(db) {
        let tags = Tag::objects;
        let never = || -> Tag { panic!("it is there already") };
        let (late, a) = tags().get_or_create(Tag::slug.eq("g1"), || tag("made late", "g1"), db)?;
        let (same, b) = tags().get_or_create(Tag::slug.eq("g1"), never, db)?;
        let (python, c) = tags().get_or_create(Tag::name.iexact("PYTHON"), never, db)?;
        let some = tags().filter(Tag::slug.starts_with("g"));
        let (other, d) = some.get_or_create(Tag::name.eq("other"), || tag("other", "h2"), db)?;
        let (second, e) = tags().update_or_create(Tag::slug.eq("h2"), |tag| tag.name = "second".into(), never, db)?;
        let (third, f) = tags().update_or_create(Tag::slug.eq("h3"), |tag| tag.name = "never".into(), || tag("first", "h3"), db)?;
        let watch = db.capture();
        tags().get_or_create(Tag::slug.eq("h3"), || tag("y", "h3"), db)?;
        let queries = watch.len();
        json!([
            late.name, a, same.name, b, python.name, c, other.slug.as_str(), d, second.name, e, third.name, f, queries,
            raises(tags().get_or_create(Tag::name.contains("o"), || tag("z", "z"), db))["raises"],
        ])
    }
}

oracle! { "delete", data::lab;
    counts_more(db) {
        let counts = |deleted: nuages::Deleted| json!([deleted.total, deleted.by_model.answer()]);
        json!([
            counts(Comment::objects().filter(Comment::score.lt(0)).delete(db)?),
            counts(Comment::objects().none().delete(db)?),
            counts(Tag::objects().filter(Tag::name.eq("Python")).delete(db)?),
            counts(User::objects().get(User::username.eq("dave"), db)?.delete(db)?),
        ])
    }
    through_manager_and_sliced(db) {
        let user = User::objects().get(User::pk.eq(1), db)?;
        let all = Comment::objects;
        json!([
            user.comment_set.filter(Comment::score.gt(0))?.delete(db)?.total,
            message(all().slice(..2).delete(db)),
            refused(all().values(Comment::pk).delete(db), "Cannot call delete() after .values() or .values_list()"),
            all().distinct().delete(db).map(|deleted| json!([deleted.total, deleted.by_model.answer()]))?,
        ])
    }
}

#[test]
fn the_mistakes_of_bulk_updates_are_told_apart() -> Result<()> {
    let db = data::lab();
    let comments = Comment::objects().all(&db)?;
    let none = Comment::objects().bulk_update(&comments, (), &db);
    assert!(matches!(none, Err(Error::Misuse(Misuse::Other(words))) if words.contains("needs a field")));
    let keys = Comment::objects().bulk_update(&comments, Comment::id, &db);
    assert!(matches!(keys, Err(Error::Misuse(Misuse::Other(words))) if words.contains("primary keys")));
    Ok(())
}

/// The classes of the rows that a deletion is refused for, or what was deleted.
fn tell(result: Result<nuages::Deleted>) -> Found {
    let named = |class: &str, by: Vec<Blocker>| {
        let mut names: Vec<&str> =
            by.iter().map(|row| row.model.rsplit('.').next().unwrap_or_default()).collect();
        names.sort_unstable();
        json!([class, names])
    };
    match result {
        Ok(deleted) => json!([deleted.total, deleted.by_model.answer()]),
        Err(Error::Protected { by, .. }) => named("ProtectedError", by),
        Err(Error::Restricted { by, .. }) => named("RestrictedError", by),
        Err(other) => json!(other.to_string()),
    }
}

oracle! { "write", data::lab;
    bulk_update_with_expressions(db) {
        // Django's rows with an F each are one update with it here.
        let first = Post::objects().filter(Post::pk.lte(4));
        let n = first.update((Post::view_count.set(Post::view_count + Post::pk), Post::title.set(concat((Post::title, "!")))), db)?;
        json!([n, Post::objects().order_by(Post::pk).values_list((Post::view_count, Post::title)).slice(..5).all(db)?])
    }
    get_or_create_beside_a_violation(db) {
        Tag::objects().create(tag("taken", "taken"), db)?;
        let these = || Tag::objects().filter(Tag::slug.is_in(["kept", "taken", "new"]));
        let log = db.atomic(|tx| {
            Tag::objects().create(tag("kept", "kept"), tx)?;
            let first = tx.atomic(|tx| Tag::objects().get_or_create(Tag::slug.eq("new"), || tag("taken", "new"), tx));
            let second = Tag::objects().get_or_create(Tag::slug.eq("taken"), || tag("other", "taken"), tx)?.1;
            let third = tx.atomic(|tx| {
                let change = |tag: &mut Tag| tag.name = "taken".into();
                Tag::objects().update_or_create(Tag::slug.eq("kept"), change, || tag("taken", "kept"), tx)
            });
            Ok(json!([raises(first), second, raises(third), these().count(tx)?]))
        })?;
        json!([log, these().order_by(Tag::slug).values_list((Tag::slug, Tag::name)).all(db)?.iter().map(|(slug, name)| json!([slug.as_str(), name])).collect::<Vec<_>>()])
    }
    in_bulk_by_a_unique_field(db) {
        let slugs = ["python", "zz", "django"].map(Slug::from);
        let mut tags: Vec<_> = Tag::objects().in_bulk_by(Tag::slug, slugs, db)?.into_iter()
            .map(|(slug, tag)| json!([slug.as_str(), tag.name])).collect();
        tags.sort_by_key(ToString::to_string);
        let users = User::objects().values_list(User::username).all(db)?;
        let names = |rows: QuerySet<User>, of: Vec<String>| {
            rows.in_bulk_by(User::username, of, db).map(|found| {
                let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
                names.sort();
                names
            })
        };
        let two = vec!["alice".to_owned(), "bob".to_owned()];
        json!([
            tags,
            names(User::objects(), users)?,
            match User::objects().in_bulk_by(User::email, ["x"], db) {
                Err(Error::Misuse(Misuse::WrongField { .. })) => json!({ "raises": "ValueError" }),
                other => raises(other),
            },
            names(User::objects().filter(User::is_staff.eq(false)), two)?,
            User::objects().in_bulk([0; 0], db)?.into_iter().map(|(key, _)| (key.to_string(), json!(0))).collect::<serde_json::Map<_, _>>(),
        ])
    }
    updates_of_odd_querysets(db) {
        let all = Post::objects;
        let n = Post::comments.count();
        let top = || all().order_by((Post::view_count.desc(), Post::pk)).values_list(Post::pk).slice(..2);
        let counts = [
            all().filter(Post::tags.name.eq("Django")).update(Post::view_count.set(1), db)?,
            all().filter(Post::tags.name.is_in(["Django", "Python"])).update(Post::view_count.set(Post::view_count + 1), db)?,
            all().exclude(Post::comments.is_null(true)).update(Post::is_featured.set(true), db)?,
            all().filter(Post::author.profile.location.eq("Berlin")).order_by(Post::title).update(Post::status.set("published"), db)?,
            all().annotate(&n).filter(n.gt(1)).update(Post::title.set(concat((Post::title, "+"))), db)?,
            all().filter(Post::comments.author.username.eq("bob")).distinct().update(Post::status.set("review"), db)?,
            all().filter(Post::pk.is_in(top())).update(Post::body.set("top"), db)?,
            all().none().update(Post::title.set("x"), db)?,
            all().filter(Post::category.name.eq("Tech")).update(Post::category.set(None), db)?,
        ];
        let fields = (Post::view_count, Post::title, Post::status, Post::body);
        json!([counts, all().order_by(Post::pk).values_list(fields).slice(..4).all(db)?])
    }
    deletes_of_odd_querysets(db) {
        let n = Post::comments.count();
        let deleted = [
            tell(Comment::objects().filter(Comment::post.tags.name.eq("Django")).delete(db)),
            tell(Comment::objects().exclude(Comment::author.username.eq("bob")).filter(Comment::score.gt(100)).delete(db)),
            tell(Post::objects().annotate(&n).filter(n.eq(0) & Post::is_active.eq(false)).delete(db)),
            tell(Post::objects().filter(Post::tags.name.eq("SQL")).delete(db)),
            tell(User::objects().filter(User::posts.is_null(true) & User::comment_set.is_null(true)).delete(db)),
            tell(Tag::objects().filter(Tag::posts.is_null(true)).delete(db)),
        ];
        json!([deleted, Post::objects().order_by(Post::pk).values_list(Post::pk).all(db)?, Comment::objects().count(db)?])
    }
    protect_restrict_mixes(db) {
        let mut north = Region::objects().create(new!(Region { name: "n" }), db)?;
        let mut d1 = Depot::objects().create(new!(Depot { name: "d1", region: &north }), db)?;
        let mut d2 = Depot::objects().create(new!(Depot { name: "d2", region: &north }), db)?;
        Lease::objects().create(new!(Lease { depot: &d1, region: &north }), db)?;
        let bin = Bin::objects().create(new!(Bin { label: "b", depot: &d2 }), db)?;
        Part::objects().create(new!(Part { name: "p", bin: &bin }), db)?;
        let mut said = vec![tell(d1.delete(db)), tell(Depot::objects().filter(Depot::region.eq(&north)).delete(db))];
        let mut audit = Audit::objects().create(new!(Audit { depot: &d2 }), db)?;
        said.extend([tell(north.delete(db)), tell(d2.delete(db))]);
        audit.delete(db)?;
        said.push(tell(north.delete(db)));
        json!([said, Part::objects().filter(Part::name.eq("p")).values_list(Part::bin_id).all(db)?])
    }
    only_and_save(db) {
        let mut row = Post::objects().only(Post::title).get(Post::pk.eq(1), db)?;
        row.set(Post::title, "only");
        let watch = db.capture();
        row.save(db)?;
        let a = watch.len();
        let mut row = Post::objects().defer(Post::body).get(Post::pk.eq(2), db)?;
        row.set(Post::body, "set");
        row.set(Post::view_count, 9_u32);
        let watch = db.capture();
        row.save(db)?;
        let b = watch.len();
        let stored = Post::objects().filter(Post::pk.is_in([1, 2])).order_by(Post::pk).values_list((Post::title, Post::body, Post::view_count));
        json!([a, b, stored.all(db)?, row.deferred()])
    }
}

oracle! { "validate", data::lab;
    conditional_unique(db) {
        let codes = |result: Result<()>| match result {
            Ok(()) => Found::Null,
            Err(Error::Validation(errors)) => errors.iter().map(|(field, messages)| {
                let code = |code: &str| if matches!(code, "violated" | "") { Found::Null } else { json!(code) };
                (field.to_owned(), messages.iter().map(|message| code(message.code)).collect::<Found>())
            }).collect(),
            Err(other) => json!(other.to_string()),
        };
        let day = |n: i8| Date::constant(2030, 1, n);
        let new = |from: i8, to: i8, cancelled: bool| new!(Booking { room: "q", start: day(from), end: day(to), cancelled });
        let mut kept = Booking::objects().create(new(1, 2, false), db)?;
        let mut gone = Booking::objects().create(new(3, 4, true), db)?;
        (kept.end, gone.cancelled) = (day(5), false);
        let coupon = |code: &str, campaign: Option<String>| new!(Coupon { code, campaign, headline: "" });
        json!([
            codes(kept.full_clean(db)), codes(gone.full_clean(db)),
            codes(new(1, 2, false).full_clean(db)),
            codes(new(1, 2, true).full_clean(db)),
            codes(new(3, 4, false).full_clean(db)),
            codes(new(3, 2, false).full_clean(db)),
            codes(coupon("Q1", None).full_clean(db)),
            codes(coupon("toolongforacode", Some("c".to_owned())).full_clean(db)),
        ])
    }
}
