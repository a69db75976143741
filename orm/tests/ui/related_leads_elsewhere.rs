//! this field does not lead to `Tag`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Tag {
    id: Auto<i64>,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {}
