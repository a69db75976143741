//! What needs no more than a few models of its own: descriptions, drafts, nodes, states, and what verbs do to rows.

mod asynchronous;
mod base;
mod blog;
mod bound;
mod cache;
mod choices;
mod composite;
mod draft;
mod dynamic;
mod fetch;
mod form;
mod hooks;
mod locking;
mod lookup;
mod messages;
mod meta;
mod numbers;
mod parent;
mod partial;
mod prefetch;
mod prepared;
mod projection;
mod proxy;
mod related;
mod transactions;
mod words;
