//! `&str` names no fields of `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    username: String,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
    view_count: u32,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {
    let _ = Post::objects().values("title");
}
