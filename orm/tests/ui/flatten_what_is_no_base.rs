//! cannot find macro `Times` in this scope
use nuages::prelude::*;

#[derive(Clone)]
struct Times {
    created_at: DateTime,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[model(flatten)]
    times: Times,
}

fn main() {}
