//! this is no hook of a save
use nuages::prelude::*;

#[derive(Model, Clone)]
#[model(before_save = Self::slugify)]
pub struct Post {
    pub id: Auto<i64>,
    pub slug: String,
}

impl Post {
    fn slugify(&mut self, length: usize) {
        self.slug.truncate(length);
    }
}

fn main() {}
