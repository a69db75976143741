//! `on_delete` is one of Cascade, SetNull, SetDefault, Protect, Restrict, DoNothing, DbCascade, DbSetNull, Set; did you mean `Cascade`?
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = Cascad)]
    author: ForeignKey<User>,
}

fn main() {}
