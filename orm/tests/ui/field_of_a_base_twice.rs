//! `name` is a field of `named` already
//! unknown attribute `flat`; a field that is a base is `#[model(flatten)]`
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
