//! What there is to know of the values within a document: the rows of SQLite's `json_each` and `json_tree`.

use nuages_storage::Value;
use serde_json::Value as Json;

use super::{BOOL, Builtin, JSON, Overload, TEXT, Takes, table};
use crate::functions::json::kind_name;
use crate::functions::json::path::{self, steps};

pub(super) const TABLE: &[Builtin] = table! {
    // `json_nodes(document, deep, path)`: an array of `[key, value, type, atom, id, parent, fullkey, path]`.
    "json_nodes" [JSON, BOOL, TEXT] => JSON, |call| call.values(JSON, |row| {
        let Some(document) = call.columns[0].json(row) else { return Ok(None) };
        let (is_deep, path) = (call.value(1, row) == Value::Bool(true), call.text(2, row));
        let mut nodes = Nodes { rows: Vec::new(), next: 0, is_deep };
        if let Some(root) = path::found(&document, &steps(path)?) {
            nodes.root(root, path);
        }
        Ok(Some(Value::Json(Box::new(Json::Array(nodes.rows)))))
    });
};

/// The nodes that were met so far.
struct Nodes {
    rows: Vec<Json>,
    /// The number of the next: each value has one, and each key of an object.
    next: u64,
    is_deep: bool,
}

/// Where a value stands.
struct Place<'p> {
    key: Json,
    id: u64,
    parent: Option<u64>,
    full: &'p str,
    path: &'p str,
}

impl Nodes {
    /// The value at a path; its number is 0, wherever it stands.
    fn root(&mut self, root: &Json, path: &str) {
        let (key, before) = last_step(path);
        let place = Place { key, id: 0, parent: None, full: path, path: before };
        self.next = 1;
        if self.is_deep || !is_nested(root) {
            self.rows.push(row_of(root, &place));
        }
        self.within(root, 0, path);
    }

    /// The members of a value, and if it goes deep what is within them.
    fn within(&mut self, value: &Json, own: u64, path: &str) {
        let parent = self.is_deep.then_some(own);
        match value {
            Json::Array(members) => {
                for (at, member) in members.iter().enumerate() {
                    let (id, full) = (self.next, format!("{path}[{at}]"));
                    self.next += 1;
                    self.node(member, &Place { key: at.into(), id, parent, full: &full, path });
                }
            }
            Json::Object(members) => {
                for (key, member) in members {
                    // The key has a number too, and comes before its value.
                    let (id, full) = (self.next + 1, format!("{path}{}", step(key)));
                    self.next += 2;
                    let key = Json::from(key.as_str());
                    self.node(member, &Place { key, id, parent, full: &full, path });
                }
            }
            _ => {}
        }
    }

    fn node(&mut self, value: &Json, place: &Place<'_>) {
        self.rows.push(row_of(value, place));
        if self.is_deep {
            self.within(value, place.id, place.full);
        } else {
            self.skip(value);
        }
    }

    /// Counts what is within a value that is not gone into.
    fn skip(&mut self, value: &Json) {
        match value {
            Json::Array(members) => members.iter().for_each(|member| {
                self.next += 1;
                self.skip(member);
            }),
            Json::Object(members) => members.values().for_each(|member| {
                self.next += 2;
                self.skip(member);
            }),
            _ => {}
        }
    }
}

/// The key or the place that a path ends with, and the path before it.
fn last_step(path: &str) -> (Json, &str) {
    let Ok(all) = steps(path) else { return (Json::Null, path) };
    let Some(last) = all.last() else { return (Json::Null, path) };
    let is_before = |end: &usize| {
        path.is_char_boundary(*end) && steps(&path[..*end]).is_ok_and(|before| before.len() + 1 == all.len())
    };
    let end = (1..path.len()).rev().find(is_before).unwrap_or(path.len());
    let key = last.key().map(Json::from).or_else(|| last.place().map(Json::from));
    (key.unwrap_or_default(), &path[..end])
}

/// A key as a step of a path.
fn step(key: &str) -> String {
    let mut characters = key.chars();
    let is_plain = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|character| character.is_ascii_alphanumeric());
    if is_plain { format!(".{key}") } else { format!(".\"{key}\"") }
}

fn is_nested(value: &Json) -> bool {
    value.is_array() || value.is_object()
}

fn row_of(value: &Json, place: &Place<'_>) -> Json {
    let atom = if is_nested(value) { Json::Null } else { value.clone() };
    Json::Array(vec![
        place.key.clone(),
        value.clone(),
        kind_name(value).into(),
        atom,
        place.id.into(),
        place.parent.map_or(Json::Null, Json::from),
        place.full.into(),
        place.path.into(),
    ])
}
