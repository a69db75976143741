//! `on_delete = SetNull` needs a key that may be NULL
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = SetNull)]
    author: ForeignKey<User>,
}

fn main() {}
