//! Into JSON: keys, places, containment.
//!
//! `Gadget::meta.key("size").index(0)` is JSON again, and NULL where the document has no such member. What is compared
//! with it is compared as JSON: `eq(10)` is true of the number and not of the text `"10"`, and of two kinds one is
//! greater as PostgreSQL has it (null < text < number < boolean < array < object). There are three ways to have no
//! value: a document that is NULL and one without the key are both `is_null(true)`; JSON's own `null` is `eq(None)`.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] pub struct Gadget { pub id: Auto<i64>, pub name: String, pub meta: Option<Json> }
//! # let db = App::new().models(Gadget::app()).open_memory()?;
//! use serde_json::json;
//! for (name, meta) in [("lamp", json!({ "size": { "w": 10 }, "tags": ["a", "b"] })), ("fan", json!({ "size": { "w": 5 } }))] {
//!     Gadget::objects().create(new!(Gadget { name, meta }), &db)?;
//! }
//! let names = |found: Q<Gadget>| Gadget::objects().filter(found).order_by(Gadget::id).values_list(Gadget::name).all(&db);
//! let width = Gadget::meta.key("size").key("w");
//! assert_eq!(names(width.gte(10))?, ["lamp"]);
//! assert_eq!(names(Gadget::meta.key("tags").index(1).eq("b"))?, ["lamp"]);
//! assert_eq!(names(Gadget::meta.contains(json!({ "size": { "w": 5 } })))?, ["fan"]);
//! assert_eq!(names(Gadget::meta.has_key("tags"))?, ["lamp"]);
//! // The same in words.
//! assert_eq!(names(Q::parse("meta__tags__1", "b")?)?, ["lamp"]);
//! # Ok::<(), Error>(())
//! ```

use nuages_engine::algebra::{Function, JsonFunction};
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use super::{Expr, Operand, Q, class};
use crate::field::{Field, Json};
use crate::lookup::searches;
use crate::node::{Lookup, Node, Operator};
use crate::path::{Col, Hop, Path};

const TEXT: DataType = DataType::Text { max_length: None };

fn call(function: JsonFunction, operands: [Node; 2]) -> Node {
    Node::call(Operator::Function(Function::Json(function)), operands)
}

/// What an object has under a key, or an array at a place.
fn member(document: Node, at: Value) -> Node {
    call(JsonFunction::Get, [document, Node::Value(at)])
}

/// The same by a word, which is a place if it is a number.
pub(crate) fn member_named(document: Node, name: &str) -> Node {
    member(document, name.parse::<i64>().map_or_else(|_| name.into(), Value::Int))
}

/// A document as text; what is at a key or place without the quotes of JSON.
pub(crate) fn as_text(document: Node) -> Node {
    match &document {
        Node::Call(Operator::Function(Function::Json(JsonFunction::Get)), operands) => {
            Node::Call(Operator::Function(Function::Json(JsonFunction::GetText)), operands.clone())
        }
        _ => Node::call(Operator::Cast(TEXT), [document]),
    }
}

/// A constant as JSON.
pub(crate) fn constant(value: Value) -> Node {
    let json = match value {
        Value::Json(json) => *json,
        Value::Null => Json::Null,
        Value::Bool(truth) => truth.into(),
        Value::Int(int) => int.into(),
        Value::Float(float) => float.into(),
        // A decimal that is no finite double does not exist.
        Value::Decimal(decimal) => decimal.to_string().parse::<f64>().map_or(Json::Null, Json::from),
        other => Json::String(other.to_string()),
    };
    Node::Value(Value::Json(Box::new(json)))
}

/// Whether an expression is JSON, as far as it can be seen without its model.
pub(crate) fn is_member(node: &Node) -> bool {
    let is_json = |of: JsonFunction| matches!(of, JsonFunction::Get | JsonFunction::Extract);
    matches!(node.unnamed(), Node::Call(Operator::Function(Function::Json(of)), _) if is_json(*of))
}

/// The key or place by which a member is taken.
pub(crate) fn member_key(operator: &Operator, operands: &[Node]) -> Option<String> {
    match (operator, operands) {
        (
            Operator::Function(Function::Json(JsonFunction::Get | JsonFunction::GetText)),
            [_, Node::Value(at)],
        ) => Some(at.to_string()),
        _ => None,
    }
}

pub(crate) fn has_key(document: Node, key: &str) -> Node {
    Node::lookup(Lookup::HasKey, document, Node::Value(key.into()))
}

pub(crate) fn has_keys(document: &Node, keys: impl IntoIterator<Item: AsRef<str>>, all: bool) -> Node {
    let tests = keys.into_iter().map(|key| has_key(document.clone(), key.as_ref()));
    let joined = if all { Node::and } else { Node::or };
    // Of no keys, a document has all, and not any.
    tests.reduce(joined).unwrap_or_else(|| Node::Value(all.into()))
}

/// What can be asked of a document, once for columns and once for expressions.
macro_rules! documents {
    ([$($generics:tt)*] $type:ty, $root:ty, |$this:ident| $node:expr) => {
        impl<$($generics)*> $type {
            /// What an object has under a key; NULL if it has no such key or is no object.
            pub fn key(&self, key: &str) -> Expr<$root, Option<Json>> {
                let $this = self;
                Expr::new(member($node, key.into()))
            }

            /// What an array has at a place, counted from 0, or from the end if it is negative; NULL if there is none.
            pub fn index(&self, place: i64) -> Expr<$root, Option<Json>> {
                let $this = self;
                Expr::new(member($node, place.into()))
            }

            /// The document as text, for functions of text; a JSON string without its quotes, and `null` as NULL.
            /// Django's `KT`.
            pub fn text(&self) -> Expr<$root, Option<String>> {
                let $this = self;
                Expr::new(as_text($node))
            }

            /// Has everything that the other has: objects by their keys, arrays as sets.
            pub fn contains(&self, other: impl Operand<Json, $root>) -> Q<$root> {
                let $this = self;
                Q::new(Node::lookup(Lookup::JsonContains, $node, other.into_node()))
            }

            /// Has nothing that the other has not.
            pub fn contained_by(&self, other: impl Operand<Json, $root>) -> Q<$root> {
                let $this = self;
                Q::new(Node::lookup(Lookup::JsonContainedBy, $node, other.into_node()))
            }

            /// An object with this key, whatever its value, or an array with this text.
            pub fn has_key(&self, key: &str) -> Q<$root> {
                let $this = self;
                Q::new(has_key($node, key))
            }

            /// Has all of these keys.
            pub fn has_keys(&self, keys: impl IntoIterator<Item: AsRef<str>>) -> Q<$root> {
                let $this = self;
                Q::new(has_keys(&$node, keys, true))
            }

            /// Has at least one of these keys.
            pub fn has_any_keys(&self, keys: impl IntoIterator<Item: AsRef<str>>) -> Q<$root> {
                let $this = self;
                Q::new(has_keys(&$node, keys, false))
            }

            searches!($root, |$this| as_text($node), " as text");
        }
    };
}

documents!([P: Path, H: Hop, T: Field] Col<P, H, T, class::Document>, P::Root, |this| this.node());
documents!([M, T: Field] Expr<M, T, class::Document>, M, |this| this.node().clone());

/// Values of other types are compared with JSON as what they are in JSON.
macro_rules! alike {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M> Operand<Json, M> for $type {
            fn into_node(self) -> Node {
                constant(self.to_value())
            }
        }
    )*};
}
alike! { bool i16 i32 i64 u8 u16 u32 u64 f32 f64 Decimal String }

#[diagnostic::do_not_recommend]
impl<M> Operand<Json, M> for &str {
    fn into_node(self) -> Node {
        constant(self.into())
    }
}
