//! a proxy has the table of its model, and no `table`
//! a proxy is a struct around its model: `struct OpenPlace(Place);`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Place {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone)]
#[model(proxy, table = "open_place")]
struct OpenPlace(Place);

#[derive(Model, Clone)]
#[model(proxy)]
struct Spot {
    place: Place,
}

fn main() {}
