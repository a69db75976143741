//! no function or associated item named `posts` found for struct `User`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    username: String,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {
    let _ = User::objects().filter(User::posts.title.eq("x"));
}
