//! Keys of several parts, and models that only have one relation to show.

use nuages::prelude::*;

/// A composite primary key.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", primary_key(tenant, number))]
pub struct EnrolmentKey {
    pub tenant: i64,
    pub number: i64,
    #[field(max_length = 20)]
    pub name: String,
}

/// What has chapters.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Film {
    pub id: Auto<i64>,
    #[field(max_length = 30)]
    pub title: String,
    #[related(Chapter::film)]
    pub chapter_set: Related<Chapter>,
    #[related(Sticker::target)]
    pub labels: Related<Sticker>,
}

/// A word on a row of any model.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Sticker {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub word: String,
    #[model(generic)]
    pub target: GenericForeignKey,
}

/// A part of a film, at its place.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [order])]
pub struct Chapter {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub film: ForeignKey<Film>,
    #[field(max_length = 30)]
    pub name: String,
    #[field(column = "_order", default = 0)]
    pub order: i64,
}
