//! `Post` has no field `creatd_at`; did you mean `created_at`?
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(ordering = [-creatd_at])]
struct Post {
    id: Auto<i64>,
    created_at: DateTime,
}

fn main() {}
