//! a field of type `Extended<Place>` cannot be given a `{integer}`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Place {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
struct Restaurant {
    #[model(parent)]
    place: Parent<Place>,
}

fn main() {
    new!(Restaurant { place: 1 });
}
