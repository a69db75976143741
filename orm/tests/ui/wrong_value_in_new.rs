//! a field of type `String` cannot be given a `{integer}`
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
    let _ = new!(Post { title: 3, view_count: 1, author: _ });
}
