//! What needs no more than a few models of its own: descriptions, drafts, nodes, states, and what verbs do to rows.

mod blog;
mod choices;
mod composite;
mod draft;
mod locking;
mod lookup;
mod meta;
mod partial;
mod prepared;
mod projection;
mod related;
mod words;
