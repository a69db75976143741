//! One row of many, and rows by a field's value: the last by several fields, `in_bulk` by a unique one, what is read of
//! joined rows and what later.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    data,
    lab::{Account, Category, Comment, Post, Tag, User},
    oracle,
    oracle::raises,
};
use serde_json::{Value as Json, json};

fn sorted<K: Ord, R>(rows: impl IntoIterator<Item = (K, R)>) -> Vec<K> {
    let mut keys: Vec<K> = rows.into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

oracle! { "get", data::lab;
    latest_more(db) {
        let key = |post: Result<Post>| post.map(|post| post.pk());
        let posts = Post::objects;
        json!([
            key(posts().latest((Post::view_count, Post::pk), db))?,
            key(posts().earliest((Post::is_active.desc(), Post::title), db))?,
            key(posts().earliest((Post::author.username, Post::pk.desc()), db))?,
            key(posts().order_by(Post::pk).latest((), db))?,
            key(posts().filter(Post::category.eq(None)).latest((Post::category.name, Post::pk), db))?,
            Comment::objects().exclude(Comment::author.eq(None)).latest((Comment::author.username, Comment::score, Comment::pk), db)?.pk(),
            Comment::objects().earliest((Comment::flagged.asc().nulls_last(), Comment::pk.desc()), db)?.pk(),
            raises(posts().none().latest((), db)),
            raises(posts().filter(Post::pk.lt(0)).earliest(Post::pk, db)),
            posts().values_list((Post::pk, Post::title)).latest(Post::pk, db)?.1,
        ])
    }
    in_bulk_field_name_more(db) {
        let of_staff = User::objects().filter(User::is_staff.eq(true)).in_bulk_by(User::username, ["alice", "bob"], db)?;
        let by_key = Tag::objects().in_bulk([1, 2], db)?;
        let by_slug = Tag::objects().in_bulk_by(Tag::slug, Tag::objects().values_list(Tag::slug).all(db)?, db)?;
        json!([
            sorted(Tag::objects().in_bulk_by(Tag::name, ["Python", "zzz"], db)?),
            sorted(by_slug.into_iter().map(|(slug, tag)| (slug.as_str().to_owned(), tag))),
            by_key.iter().map(|(key, tag)| (key.to_string(), json!(tag.pk()))).collect::<serde_json::Map<_, _>>(),
            of_staff.iter().map(|(name, user)| (name.clone(), json!(user.username))).collect::<serde_json::Map<_, _>>(),
            raises(Tag::objects().slice(..2).in_bulk_all(db)),
            match Tag::objects().values(Tag::name).in_bulk_all(db) {
                // Rows of values come by their keys, too.
                Ok(rows) if rows.len() == 5 => json!({ "raises": "TypeError" }),
                other => raises(other),
            },
            sorted(Tag::objects().order_by(Tag::name.desc()).in_bulk([1, 3, 99], db)?),
            sorted(Account::objects().only(Account::balance).in_bulk_by(Account::owner, ["x"], db)?),
        ])
    }
}

oracle! { "defer", data::lab;
    after_joins(db) {
        let watch = db.capture();
        let fields = (Post::title, Post::author.username, Post::category.slug);
        let posts = Post::objects().select_related((Post::author, Post::category)).only(fields);
        let mut out: Vec<Json> = Vec::new();
        for post in posts.order_by(Post::pk).slice(..4).all(db)? {
            let author = post.related(Post::author).expect("it was joined");
            let category = post.related(Post::category);
            let names = |mut names: Vec<&'static str>| { names.sort_unstable(); names };
            let slug = category.map(|category| category.get(Category::slug, db)).transpose()?;
            out.push(json!([
                post.get(Post::title, db)?, author.get(User::username, db)?, slug.map(|slug| slug.as_str()),
                names(post.deferred())[..3], names(author.deferred()),
            ]));
        }
        let first = watch.len();
        let post = Post::objects().select_related(Post::author).defer((Post::author.email, Post::body)).get(Post::pk.eq(1), db)?;
        let author = post.related(Post::author).expect("it was joined");
        let late = json!([author.get(User::username, db)?, author.get(User::email, db)?, !post.get(Post::body, db)?.is_empty()]);
        let second = watch.len();
        let comments = Comment::objects().select_related(Comment::post.author)
            .only((Comment::text, Comment::post.title, Comment::post.author.username)).order_by(Comment::pk);
        json!([
            out, first, late, second,
            match Post::objects().select_related(Post::author).only(Post::title).all(db) {
                Err(Error::Misuse(_)) => json!({ "raises": "FieldError" }),
                other => raises(other),
            },
            Post::objects().only(Post::title).filter(Post::author.username.eq("alice")).count(db)?,
            comments.values_list(Comment::post.author.username).slice(..2).all(db)?,
        ])
    }
}
