//! `&User` is no `Tag`, nor the key of one
//! `&str` is no `Tag`, nor the key of one
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    username: String,
}

#[derive(Model, Clone)]
struct Tag {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    tags: ManyToMany<Tag>,
}

fn wrong(mut post: Post, user: User, db: Db) {
    let _ = post.tags.add(&user, &db);
    let _ = post.tags.add("python", &db);
}

fn main() {}
