//! cannot be given a `&Genre`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Artist {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone)]
struct Genre {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone)]
struct Album {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    artist: ForeignKey<Artist>,
}

fn main() {
    let genre = new!(Genre { name: "Rock" });
    let _ = new!(Album { title: "x", artist: &genre });
}
