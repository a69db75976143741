//! The Rust edition of a learner's guide to Django's ORM: six modules, page by page, each example with what it must
//! give. It may be read as the way from a first model to a shop that never oversells.
//!
//! 1. [`fundamentals`]: models, fields, options, choices, what deletion does, create, read, update, delete, lookups;
//! 2. [`relationships`]: one to one, many to one, many to many, with columns of its own in between;
//! 3. [`querying`]: rows of values, annotations and aggregates, F and Q, conditions, subqueries, SQL;
//! 4. [`nested`]: conditions across four relations;
//! 5. [`performance`]: N+1, fetching along, counts, batches, indexes;
//! 6. [`practices`]: querysets with methods of one's own, signals, transactions, locks, async, and the shop.
//!
//! [`blog`] has the models that most of them speak of.

mod blog;
mod fundamentals;
mod nested;
mod performance;
mod practices;
mod querying;
mod relationships;
mod shop;
