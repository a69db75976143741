//! Saving, refreshing, creating and deleting, many at once or one.

use nuages::{
    error::Misuse,
    prelude::*,
    queryset::{BulkOptions, CreateOptions},
};
use nuages_tests::{
    data,
    lab::{Comment, Post, Tag, User},
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
