//! every model has a `objects` of its own: call the field otherwise
//! every model has a `pk` of its own: call the field otherwise
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Box {
    id: Auto<i64>,
    objects: i32,
    pk: String,
}

fn main() {}
