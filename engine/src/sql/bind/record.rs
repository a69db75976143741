//! `json_to_recordset` and its kin: objects of JSON as rows, of the columns that the alias behind them defines.

use nuages_storage::DataType;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::array::member;
use super::function::arity;
use super::table_function::Rows;
use super::typed::{TEXT, Typed};
use super::{Binder, Bound, mismatch, unsupported};
use crate::algebra::{Expr, Function, JsonFunction};
use crate::evaluate::{Class, class_of};
use crate::sql::error::SqlError;

impl Binder<'_> {
    /// The rows of `json_to_record` (of an object) or `json_to_recordset` (of an array of them); none of another
    /// function.
    pub(super) fn records(
        &mut self,
        name: &str,
        arguments: &[Typed],
        alias: Option<&ast::TableAlias>,
        span: Span,
    ) -> Bound<Option<Rows>> {
        let is_set = match name {
            "json_to_record" | "jsonb_to_record" => false,
            "json_to_recordset" | "jsonb_to_recordset" => true,
            _ => return Ok(None),
        };
        let [document] = arguments else { return Err(arity(name, "1 argument", arguments.len(), span)) };
        let json = match document.class() {
            None | Some(Class::Json) => document.expr.clone(),
            Some(Class::Text) => Expr::Cast(Box::new(document.expr.clone()), DataType::Json),
            Some(_) => return Err(mismatch(&format!("{name}()"), DataType::Json, document.kind, span)),
        };
        let call = |of: JsonFunction, arguments: Vec<Expr>| Expr::Call(Function::Json(of), arguments);
        let all = if is_set { json } else { call(JsonFunction::BuildArray, vec![json]) };
        let (relation, found, number) = self.members_of_document(all);
        let mut columns = Vec::new();
        for column in alias.map(|alias| alias.columns.as_slice()).unwrap_or_default() {
            let Some(data_type) = &column.data_type else { break };
            let name = self.new_name(&column.name);
            let at_key = vec![found.clone(), Expr::literal(name.as_str())];
            let kind = self.data_type(data_type, column.name.span)?;
            let element = self.element_of(data_type, column.name.span)?;
            let typed = match class_of(kind) {
                Class::Json => Typed { element, ..member(call(JsonFunction::Get, at_key), Some(kind)) },
                Class::Text => Typed::new(call(JsonFunction::GetText, at_key), TEXT),
                _ => Typed::new(Expr::Cast(Box::new(call(JsonFunction::GetText, at_key)), kind), kind),
            };
            columns.push((name, typed));
        }
        if columns.is_empty() {
            let feature =
                format!("{name}() without the columns it is to have, as in {name}(..) AS t (a integer)");
            return Err(SqlError::at(unsupported(feature), span));
        }
        Ok(Some(Rows { relation, number, columns }))
    }
}
