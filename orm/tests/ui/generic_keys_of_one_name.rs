//! `content_type` is a column of `goal`, and there is another of this name
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Move {
    id: Auto<i64>,
    #[model(generic)]
    origin: GenericForeignKey,
    #[model(generic)]
    goal: GenericForeignKey,
}

fn main() {}
