//! `Post` has no primary key: give it `pub id: Auto<i64>`, or mark a field with `#[field(primary_key)]`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Post {
    title: String,
}

fn main() {}
