//! an abstract base has no table: write `table` on the models that flatten it
//! the index of an abstract base has no name: each model's is named after its table
//! nothing leads to an abstract base, which has no rows: write this field on the models that flatten it
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(abstract, table = "named", index(name, name = "by_name"))]
struct Named {
    name: String,
    #[related(Post::named)]
    posts: Related<Post>,
}

fn main() {}
