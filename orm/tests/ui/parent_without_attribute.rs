//! this relation needs an attribute
//! `on_delete` is for keys, and not for `nuages::prelude::Parent<Place>`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Place {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Restaurant {
    id: Auto<i64>,
    place: Parent<Place>,
}

#[derive(Model, Clone)]
struct Hotel {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    place: Parent<Place>,
}

fn main() {}
