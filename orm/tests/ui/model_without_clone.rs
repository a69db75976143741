//! the trait bound `Post: Clone` is not satisfied
//! the trait `Clone` is not implemented for `Post`
//! consider annotating `Post` with `#[derive(Clone)]`
use nuages::prelude::*;

#[derive(Model)]
struct Post {
    id: Auto<i64>,
    title: String,
}

fn main() {}
