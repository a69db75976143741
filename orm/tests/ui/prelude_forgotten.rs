//! trait `Queryset` which provides `filter` is implemented but not in scope
//! use nuages::prelude::Queryset;
use nuages::{Db, Result, field::Auto, model::Model, queryset::QuerySet};

#[derive(nuages::Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

fn main() {
    let posts: QuerySet<Post> = Post::objects();
    let _ = |db: &Db| -> Result<u64> { posts.filter(Post::title.eq("x")).count(db) };
}
