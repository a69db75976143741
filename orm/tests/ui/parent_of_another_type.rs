//! a row that is extended is a `Parent`, and not the target of another key
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Place {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Restaurant {
    #[model(parent)]
    place: OneToOne<Place>,
}

fn main() {}
