//! type mismatch resolving `<Shelf as Model>::Pk == i64`
use nuages::prelude::*;

#[derive(Model, Clone)]
struct Shelf {
    #[field(primary_key)]
    id: Uuid,
}

#[derive(Model, Clone)]
struct Sticker {
    id: Auto<i64>,
    #[model(generic)]
    target: GenericForeignKey,
}

fn main() {
    let _on_shelves = Sticker::target.to::<Shelf>();
}
