//! unknown attribute `max_lenght`; did you mean `max_length`?
//! unknown attribute `orderng`; did you mean `ordering`?
//! unknown attribute `null`; a field that may be NULL is an `Option`
//! `Post` has no field `creatd`; did you mean `created`?
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(orderng = [-created], index(creatd))]
struct Post {
    id: Auto<i64>,
    #[field(max_lenght = 200)]
    title: String,
    #[field(null = true)]
    created: DateTime,
}

fn main() {}
