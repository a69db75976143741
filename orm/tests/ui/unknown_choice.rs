//! no variant or associated item named `Pendimg` found for enum `Status`
use nuages::prelude::*;

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
enum Status {
    Pending,
    Published,
}

#[derive(Model, Clone)]
struct Post {
    id: Auto<i64>,
    #[field(choices, max_length = 20, default = Status::Pendimg)]
    status: Status,
}

fn main() {
    let _ = Post::status.eq("pendimg");
}
