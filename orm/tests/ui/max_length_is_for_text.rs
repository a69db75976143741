//! `max_length` is for text, and not for `i32`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(max_length = 200)]
    views: i32,
}

fn main() {}
