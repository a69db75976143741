//! `&str` is not a relation of `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    username: String,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {
    let _ = Post::objects().select_related("author");
}
