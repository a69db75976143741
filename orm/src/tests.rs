//! What is built without a database: descriptions, drafts, nodes, states.

mod blog;
mod choices;
mod draft;
mod lookup;
mod meta;
mod partial;
mod projection;
mod words;
