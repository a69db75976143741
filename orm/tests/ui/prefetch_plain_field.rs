//! item named `nothing` found
//! is not a relation of `Genre`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Genre {
    id: Auto<i64>,
    name: String,
}

fn main() {
    let _ = Genre::objects().prefetch_related(Genre::nothing);
    let _ = Genre::objects().prefetch_related(Genre::name);
}
