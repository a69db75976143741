//! the parent's key is the primary key, and there is another
//! a row goes with the row that it extends: leave `on_delete` out
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Place {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Restaurant {
    #[field(primary_key)]
    number: i64,
    #[model(parent)]
    #[field(on_delete = Protect)]
    place: Parent<Place>,
}

fn main() {}
