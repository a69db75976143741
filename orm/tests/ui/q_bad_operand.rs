//! `{integer}` is no condition on rows of `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

fn main() {
    let _ = q!(Post, title = "x") | 1;
}
