//! two underscores separate names in `q!`: call the field otherwise
//! `on_delete = SetDefault` needs a `default` for `four`
//! `Bad` has no field `nothing`
//! `Bad` has no field `nope`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct A {
    id: Auto<i64>,
}

#[derive(Model, Clone)]
#[model(ordering = [nothing], unique_together(nope))]
struct Bad {
    id: Auto<i64>,
    #[field(on_delete = SetDefault)]
    four: ForeignKey<A>,
    a__b: i32,
}

fn main() {}
