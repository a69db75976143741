//! a key of several fields is `#[model(primary_key(a, b))]` on the struct
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    #[field(primary_key)]
    year: i64,
    #[field(primary_key)]
    number: i64,
    title: String,
}

fn main() {}
