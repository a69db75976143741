//! Counted references to what versions share: nodes of trees, tables, and lists of tables.
//!
//! They are `triomphe`'s, which know no weak references. A commit asks of each node on its way whether it is the only one
//! that refers to it. Here that is a look at the count; of the standard library's it is a compare-and-swap and a store,
//! which keep away who might make a strong reference of a weak one meanwhile. And what goes has one count to go down, not
//! two.

pub use triomphe::Arc as Shared;
