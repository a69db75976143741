//! this relation needs an attribute
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    author: ForeignKey<User>,
}

fn main() {}
