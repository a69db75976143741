//! is no condition on rows of `Post`
//! expected a condition or a boolean column of `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

fn main() {
    let _ = Post::objects().filter(Post::title);
}
