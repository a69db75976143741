//! item named `autor` found for struct `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    #[related(Post::autor)]
    posts: Related<Post>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {}
