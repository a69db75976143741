//! a `f64` cannot be read as a `u32`, which the first of these expressions is
//! put the widest type first, or `.cast::<u32>()` this one
//! the trait `ReadAs<u32>` is not implemented for `f64`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct User {
    id: Auto<i64>,
    username: String,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    title: String,
    view_count: u32,
    #[field(on_delete = Cascade)]
    author: ForeignKey<User>,
}

fn main() {
    let _: Expr<Post, u32> = greatest((Post::view_count, Post::view_count * 0.5));
}
