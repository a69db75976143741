//! this relation needs an attribute
//! a `GenericForeignKey` needs `#[model(generic)]`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Sticker {
    id: Auto<i64>,
    target: GenericForeignKey,
}

fn main() {}
