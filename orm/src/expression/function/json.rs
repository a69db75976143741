//! JSON made of values.

use nuages_engine::algebra::{Function, JsonFunction};

use super::super::{Expr, Term};
use super::Terms;
use crate::field::Json;
use crate::node::{Node, Operator};

/// A JSON array of values of any types; what is NULL is `null`. Django's `JSONArray`.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::function::json_array;
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub title: String, pub year: Option<i32> }
/// # let db = App::new().models(Film::app()).open_memory()?;
/// # Film::objects().create(new!(Film { title: "Stalker", year: 1979 }), &db)?;
/// let pairs = Film::objects().values_list(json_array((Film::title, Film::year))).all(&db)?;
/// assert_eq!(pairs[0].to_string(), r#"["Stalker",1979]"#);
/// # Ok::<(), Error>(())
/// ```
pub fn json_array<M>(terms: impl Terms<M>) -> Expr<M, Json> {
    built(JsonFunction::BuildArray, terms.into_nodes())
}

/// A JSON object of keys and values of any types; what is NULL is `null`. Django's `JSONObject`.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::function::json_object;
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub title: String, pub year: Option<i32> }
/// # let db = App::new().models(Film::app()).open_memory()?;
/// # Film::objects().create(new!(Film { title: "Stalker", year: 1979 }), &db)?;
/// let object = json_object((("name", Film::title.lower()), ("age", Film::year * -1 + 2024)));
/// let films = Film::objects().values_list(object).all(&db)?;
/// assert_eq!(films[0], serde_json::json!({ "name": "stalker", "age": 45 }));
/// # Ok::<(), Error>(())
/// ```
pub fn json_object<M>(members: impl Members<M>) -> Expr<M, Json> {
    built(JsonFunction::BuildObject, members.into_nodes())
}

fn built<M>(function: JsonFunction, nodes: Vec<Node>) -> Expr<M, Json> {
    Expr::new(Node::Call(Operator::Function(Function::Json(function)), nodes.into()))
}

/// The members of a JSON object: a tuple of keys and expressions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are no members of a JSON object over `{M}`",
    label = "expected a tuple of pairs: `((\"name\", Film::title), ..)`"
)]
pub trait Members<M> {
    /// Keys and values in turn.
    #[doc(hidden)]
    fn into_nodes(self) -> Vec<Node>;
}

macro_rules! members {
    ($($($part:ident)*;)*) => {$(
        impl<M, $($part: Term<M>),*> Members<M> for ($((&str, $part),)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_nodes(self) -> Vec<Node> {
                let ($($part,)*) = self;
                vec![$(Node::Value($part.0.into()), $part.1.into_node()),*]
            }
        }
    )*};
}
crate::row::for_tuples!(members);
