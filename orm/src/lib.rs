//! Django's ORM for Rust programs, standing on its own embedded, in-memory relational engine.
//!
//! A program derives [`Model`] for its structs, opens a database from an [`App`] that knows them, and asks
//! [querysets](queryset): lazy values that are built call by call and read when a verb such as `all` or `count` is
//! given an [`Executor`]. Every path, lookup and value is checked by the compiler.
//!
//! ```
//! use nuages::prelude::*;
//!
//! #[derive(Model, Clone, Debug)]
//! pub struct Author {
//!     pub id: Auto<i64>,
//!     #[field(unique, max_length = 150)]
//!     pub name: String,
//!     #[related(Post::author)]
//!     pub posts: Related<Post>,
//! }
//!
//! #[derive(Model, Clone, Debug)]
//! #[model(ordering = [-views])]
//! pub struct Post {
//!     pub id: Auto<i64>,
//!     #[field(max_length = 200)]
//!     pub title: String,
//!     #[field(on_delete = Cascade)]
//!     pub author: ForeignKey<Author>,
//!     #[field(default = 0)]
//!     pub views: u32,
//! }
//!
//! let db = App::new().models((Author::app(), Post::app())).open_memory()?;
//! let django = Author::objects().create(new!(Author { name: "Django" }), &db)?;
//! Post::objects().create(new!(Post { title: "Nuages", author: &django, views: 3 }), &db)?;
//!
//! let n = Author::posts.count();
//! let authors = Author::objects().annotate(&n).filter(n.gte(1) & Author::posts.views.gt(2)).all(&db)?;
//! assert_eq!((authors[0].name.as_str(), authors[0].extra.0), ("Django", 1));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Order of reading
//! A typed shell over an untyped core. The shell: [`model`], [`field`], [`path`] (`Post::author.name`), [`expression`]
//! and [`lookup`], [`queryset`], [`row`] (what a queryset yields), [`relation`]. The core: [`meta`] (models as data),
//! [`node`] (the one expression tree), `compile` (querysets to the engine's algebra, with Django's rules of joins and
//! grouping), [`executor`], [`atomic`] and [`asynchronous`], [`save`], [`delete`](mod@delete), `prefetch`, [`signal`],
//! [`raw`].

extern crate self as nuages;

pub mod app;
pub mod assignment;
pub mod asynchronous;
pub mod atomic;
pub mod check;
mod compile;
pub mod constraint;
pub mod delete;
pub mod draft;
pub mod error;
pub mod executor;
pub mod expression;
pub mod field;
pub mod history;
pub mod index;
mod insert;
mod instance;
pub mod lookup;
pub mod meta;
pub mod migrate;
pub mod model;
pub mod node;
pub mod order;
pub mod partial;
pub mod path;
mod prefetch;
pub mod prelude;
pub mod queryset;
pub mod raw;
mod read;
pub mod relation;
pub mod row;
pub mod save;
mod schema;
pub mod signal;
pub mod validate;
mod words;

pub use app::App;
pub use delete::Deleted;
pub use error::{Error, Result};
pub use executor::{Db, Executor};
#[doc(hidden)]
pub use nuages_macros::model_with_bases;
pub use nuages_macros::{Choices, Field, Model, Projection, q};

#[cfg(test)]
mod tests;

/// The first program of the README, compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
