//! missing field `name` of `Post`
//! no function or associated item named `named` found for struct `Post`
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(abstract)]
struct Named {
    name: String,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[model(flatten)]
    named: Named,
}

fn main() {
    new!(Post {});
    new!(Post { name: "x", named: Named { name: "x".into() } });
}
