//! PostgreSQL's functions of paths through JSON. Their variables are an object beside the path; a flag that lets errors
//! pass makes no difference, since a lax path meets none.

use nuages_storage::Value;
use serde_json::Value as Json;

use super::{BOOL, Builtin, JSON, Overload, TEXT, Takes, table};
use crate::error::Error;
use crate::functions::Call;
use crate::functions::json::query::JsonPath;

pub(super) const TABLE: &[Builtin] = table! {
    "jsonb_path_exists" [JSON, TEXT | JSON, BOOL] => BOOL, |call| {
        let mut last = Last::default();
        call.values(BOOL, |row| Ok(Some(Value::Bool(!last.values(call, row)?.is_empty()))))
    };
    "jsonb_path_match" [JSON, TEXT | JSON, BOOL] => BOOL, |call| {
        let mut last = Last::default();
        call.values(BOOL, |row| Ok(last.values(call, row)?.first().and_then(Json::as_bool).map(Value::Bool)))
    };
    "jsonb_path_query_array" [JSON, TEXT | JSON, BOOL] => JSON, |call| {
        let mut last = Last::default();
        call.values(JSON, |row| Ok(Some(Value::Json(Box::new(Json::Array(last.values(call, row)?))))))
    };
    "jsonb_path_query_first" [JSON, TEXT | JSON, BOOL] => JSON, |call| {
        let mut last = Last::default();
        call.values(JSON, |row| Ok(last.values(call, row)?.into_iter().next().map(|found| Value::Json(Box::new(found)))))
    };
};

/// The path that was read last.
#[derive(Default)]
struct Last(Option<(String, JsonPath)>);

impl Last {
    /// What the path of a row leads to.
    fn values(&mut self, call: &Call<'_>, row: usize) -> Result<Vec<Json>, Error> {
        let text = call.text(1, row);
        let path = match self.0.take().filter(|(known, _)| known == text) {
            Some((_, path)) => path,
            None => JsonPath::read(text)?,
        };
        let document = call.columns[0].json(row).unwrap_or_default();
        let variables = call.columns.get(2).and_then(|variables| variables.json(row));
        let values = path.values(&document, variables.as_deref());
        self.0 = Some((text.to_owned(), path));
        Ok(values)
    }
}
