//! Slices where they stand for something else: the first rows of each parent, the one row that a column is compared to.

use nuages::prelude::*;
use nuages_tests::{
    data,
    lab::{Comment, Post, Tag, User},
    oracle,
};
use serde_json::{Value as Json, json};

fn keys<M: Model<Pk = i64>>(rows: &[M]) -> Vec<Option<i64>> {
    rows.iter().map(Model::pk).collect()
}

oracle! { "prefetch", data::lab;
    sliced_objects_more(db) {
        let watch = db.capture();
        let top = Post::objects().order_by(Post::view_count.desc()).slice(..1);
        let next_two = Comment::objects().order_by((Comment::score.desc(), Comment::pk)).slice(1..3);
        let users = User::objects().order_by(User::pk).prefetch_to(User::posts, top).prefetch_to(User::comment_set, next_two).all(db)?;
        let out: Vec<Json> = users.iter()
            .map(|user| json!([user.username, keys(&user.extra.0), keys(&user.extra.1)])).collect();
        let asked = watch.len();
        let second = Post::objects().order_by(Post::title).slice(1..2);
        let tags = Tag::objects().order_by(Tag::pk).prefetch_to(Tag::posts, second).all(db)?;
        let tags: Vec<Json> = tags.iter().map(|tag| {
            json!([tag.name, tag.extra.0.iter().map(|post| &post.title).collect::<Vec<_>>()])
        }).collect();
        json!([out, asked, tags])
    }
    sliced_inner_prefetch(db) {
        let best = Comment::objects().order_by(Comment::score.desc()).slice(..1);
        let posts = Post::objects().order_by(Post::pk).prefetch_to(Post::comments, best).slice(..2);
        let users = User::objects().filter(User::pk.lte(3)).order_by(User::pk).prefetch_to(User::posts, posts).all(db)?;
        users.iter().map(|user| {
            let two = user.extra.0.iter().map(|post| json!([post.pk(), keys(&post.extra.0)]));
            json!([user.pk(), two.collect::<Vec<_>>()])
        }).collect::<Json>()
    }
}

oracle! { "subquery", data::lab;
    exact_slice(db) {
        let top = || Post::objects().order_by(Post::view_count.desc());
        let comments = |of: Q<Comment>| Comment::objects().filter(of).order_by(Comment::pk).values_list(Comment::pk).all(db);
        let posts = |of: Q<Post>| Post::objects().filter(of).order_by(Post::pk).values_list(Post::pk).all(db);
        let first = || subquery::<Comment, _>(&top().values_list(Post::pk).slice(..1));
        let views = |rows: QuerySet<Post>, from: usize| subquery::<Post, _>(&rows.values_list(Post::view_count).slice(from..=from));
        let none = || subquery::<Post, _>(&Post::objects().filter(Post::pk.lt(0)).values_list(Post::pk).slice(..1));
        let bob = subquery::<Post, _>(&User::objects().filter(User::username.eq("bob")).values_list(User::pk).slice(..1));
        let least = subquery::<Comment, _>(&User::objects().order_by(User::pk).values_list(User::pk).slice(..1));
        json!([
            comments(Comment::post.is_in(top().slice(..1)))?,
            comments(Comment::post_id.eq(first()))?,
            posts(Post::view_count.eq(views(top(), 0)))?,
            posts(Post::view_count.gt(views(Post::objects().order_by((Post::view_count, Post::pk)), 4)))?,
            Comment::objects().filter(Comment::post.is_in(top().slice(..2))).count(db)?,
            Comment::objects().exclude(Comment::post_id.eq(first())).count(db)?,
            posts(Post::author_id.eq(bob))?,
            Comment::objects().filter(Comment::post.author_id.eq(least) & Comment::score.gt(0)).count(db)?,
            Post::objects().filter(Post::pk.eq(none())).count(db)?,
            Post::objects().exclude(Post::pk.eq(none())).count(db)?,
        ])
    }
}
