//! no method named `len` found for opaque type
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

async fn titles(db: &Db) -> Result<usize> {
    let posts = Post::objects().aall(db);
    Ok(posts.len())
}

fn main() {}
