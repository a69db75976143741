//! expected `i64`, found `String`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
}

#[derive(Projection)]
#[projection(Post)]
struct Summary {
    title: i64,
}

fn main() {}
