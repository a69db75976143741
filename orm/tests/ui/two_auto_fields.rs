//! nothing fills `number`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    number: Auto<i64>,
    title: String,
}

fn main() {}
