//! `name` is a field of `named` already
//! a field is `#[model(flatten)]`, `#[model(parent)]` or `#[model(generic)]`, and not `flat`
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(abstract)]
struct Named {
    name: String,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    name: String,
    #[model(flatten)]
    named: Named,
    #[model(flat)]
    other: String,
}

fn main() {}
