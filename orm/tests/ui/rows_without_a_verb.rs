//! expected `Vec<Post>`, found `QuerySet<Post>`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

fn main() {
    let posts: Vec<Post> = Post::objects().filter(Post::title.eq("x"));
}
