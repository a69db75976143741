//! the place of a row is a field of its own
//! rows that have places are ordered by them
//! `Part` has no field `flim`; did you mean `film`?
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Film {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
#[model(order_with_respect_to = film, ordering = [name])]
struct Chapter {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    film: ForeignKey<Film>,
    name: String,
}

#[derive(Model, Clone)]
#[model(order_with_respect_to = flim)]
struct Part {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    film: ForeignKey<Film>,
    #[field(default = 0)]
    _order: i32,
}

fn main() {}
