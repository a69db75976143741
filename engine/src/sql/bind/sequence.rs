//! Functions of sequences, sequences as tables, and names of the catalog as values (`regclass`).

use std::sync::Arc;

use nuages_storage::{DataType, Steps, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::scope::{Columns, Scope, Shape};
use super::typed::Typed;
use super::{Binder, Bound, last_part, unsupported};
use crate::algebra::{Expr, Function, Numbering, Origin, Relation, SequenceCall, SequenceVerb};
use crate::catalog::{Catalog, ColumnDefinition, Commented, SequenceDefinition, TableDefinition};
use crate::sql::error::{Problem, SqlError};
use crate::sql::print::Identifier;

/// The keys of tables that number themselves, under the names that PostgreSQL gives their sequences.
pub(super) fn serial_keys(
    catalog: &Catalog,
) -> impl Iterator<Item = (&Arc<TableDefinition>, &ColumnDefinition, Numbering)> {
    catalog.permanent_tables().filter_map(|table| {
        let column = table.columns.iter().find(|column| column.generated_key)?;
        let name = format!("{}_{}_seq", table.name, column.name);
        let steps = Steps { start: 1, increment: 1, min: 1, max: i64::MAX, cycles: false };
        Some((table, column, Numbering { name, origin: Origin::Keys(table.id), steps }))
    })
}

/// Whether a type is that of names of the catalog.
pub(super) fn is_regclass(kind: &ast::DataType) -> bool {
    matches!(kind, ast::DataType::Regclass)
        || matches!(kind, ast::DataType::Custom(name, _) if name.to_string().eq_ignore_ascii_case("regclass"))
}

/// The name that a text means: parts between points, in quotes or in whatever case.
fn name_in(text: &str, span: Span) -> Bound<ast::ObjectName> {
    let mut parts = vec![ast::Ident { value: String::new(), quote_style: None, span }];
    let mut is_quoted = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let last = parts.len() - 1;
        match character {
            // A doubled quote within quotes is one of the name.
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => parts[last].value.push('"'),
            '"' => {
                is_quoted = !is_quoted;
                parts[last].quote_style = Some('"');
            }
            '.' if !is_quoted => parts.push(ast::Ident { value: String::new(), quote_style: None, span }),
            character => parts[last].value.push(character),
        }
    }
    if is_quoted || parts.iter().any(|part| part.value.is_empty()) {
        let message = format!("expected a name, found '{text}'");
        return Err(SqlError::at(Problem::Syntax { message }, span));
    }
    Ok(ast::ObjectName::from(parts))
}

impl Binder<'_> {
    /// The sequence that a name means. One of a temporary table has no name to anybody but that: what stays would draw
    /// from it.
    pub(in crate::sql) fn sequence(&self, name: &ast::Ident) -> Option<&Arc<SequenceDefinition>> {
        let is_meant =
            |known: &&Arc<SequenceDefinition>| !known.id.is_temporary() && self.means(name, &known.name);
        self.catalog.sequences().find(is_meant)
    }

    /// What a name hands out: the numbers of a sequence, or the keys of a table.
    fn numbering(&self, name: &ast::Ident) -> Option<Numbering> {
        let sequence = self.sequence(name).map(|sequence| sequence.numbering());
        let keys =
            || serial_keys(self.catalog).map(|(.., keys)| keys).find(|keys| self.means(name, &keys.name));
        sequence.or_else(keys)
    }

    /// A function of sequences, if a call is one.
    pub(super) fn sequence_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let verb = match (name, arguments.len()) {
            ("lastval", 0) => {
                let call = SequenceCall { verb: SequenceVerb::Latest, numbering: None };
                return Some(Ok(drawn(call, Vec::new())));
            }
            ("pg_get_serial_sequence", 2) => return Some(self.serial_sequence(arguments, span)),
            ("to_regclass", 1) => {
                let found = self.regclass(&arguments[0], span);
                return Some(found.map(|found| found.map_or_else(Typed::null, Typed::literal)));
            }
            ("nextval", 1) => SequenceVerb::Next,
            ("currval", 1) => SequenceVerb::Current,
            ("setval", 2 | 3) => SequenceVerb::Set,
            _ => return None,
        };
        Some(self.call_of(verb, std::mem::take(arguments), span))
    }

    fn call_of(&mut self, verb: SequenceVerb, arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let mut arguments = arguments.into_iter();
        let Some(named) = arguments.next() else { return Ok(Typed::null()) };
        let Some(text) = named.literal_text() else {
            return Err(SqlError::at(unsupported("a sequence whose name is not a literal"), span));
        };
        let path = name_in(text, span)?;
        let ident = last_part(&path)?;
        let numbering = self.numbering(ident).ok_or_else(|| {
            SqlError::at(Problem::Unknown { kind: "sequence", name: ident.value.clone() }, span)
        })?;
        let mut given = Vec::new();
        if verb == SequenceVerb::Set {
            let number = arguments.next().unwrap_or_else(Typed::null);
            let is_called = arguments.next().unwrap_or_else(|| Typed::literal(Value::Bool(true)));
            for (mut argument, kind) in [(number, DataType::BigInt), (is_called, DataType::Bool)] {
                self.settle(&mut argument, Some(kind));
                given.push(argument.expr);
            }
        }
        Ok(drawn(SequenceCall { verb, numbering: Some(numbering) }, given))
    }

    /// `pg_get_serial_sequence(table, column)`: the name of the sequence that goes with a column, if one does.
    fn serial_sequence(&self, arguments: &[Typed], span: Span) -> Bound<Typed> {
        let [Some(table), Some(column)] = [0, 1].map(|place| arguments[place].literal_text()) else {
            return Err(SqlError::at(unsupported("a table or column whose name is not a literal"), span));
        };
        let path = name_in(table, span)?;
        let table = self.table(last_part(&path)?)?;
        // The column is named as it is, in whatever case.
        let place =
            self.place_of(&ast::Ident { value: column.to_owned(), quote_style: Some('"'), span }, table)?;
        let column = &table.columns[place];
        let owned = self.catalog.sequences().find(|sequence| sequence.owner == Some((table.id, column.id)));
        let keys = || serial_keys(self.catalog).find(|(of, ..)| column.generated_key && of.id == table.id);
        let name = owned.map(|sequence| sequence.name.clone()).or_else(|| keys().map(|(.., keys)| keys.name));
        let name = name.map(|name| Value::Text(format!("public.{}", Identifier(&name))));
        Ok(name.map_or_else(Typed::null, Typed::literal))
    }

    /// `'name'::regclass`: the name as the catalog has it.
    ///
    /// # Errors
    /// That nothing has it.
    pub(super) fn cast_to_regclass(&self, typed: &Typed, span: Span) -> Bound<Typed> {
        match self.regclass(typed, span)? {
            Some(name) => Ok(Typed::literal(name)),
            None if typed.kind.is_none() => Ok(Typed::null()),
            None => {
                let name = typed.literal_text().unwrap_or_default().to_owned();
                Err(SqlError::at(Problem::Unknown { kind: "relation", name }, span))
            }
        }
    }

    /// The name that a text means of a table, a view, an index or a sequence, if there is one.
    fn regclass(&self, typed: &Typed, span: Span) -> Bound<Option<Value>> {
        let Some(text) = typed.literal_text() else {
            if typed.kind.is_none() {
                return Ok(None);
            }
            return Err(SqlError::at(unsupported("regclass of what is not a literal"), span));
        };
        let path = name_in(text, span)?;
        let ident = last_part(&path)?;
        let name = self.new_name(ident);
        let is_known = self.catalog.has_relation(&name)
            || self.catalog.index_named(&name).is_some()
            || self.numbering(ident).is_some();
        Ok(is_known.then(|| Value::Text(Identifier(&name).to_string())))
    }

    /// `obj_description(name)`: the comment on a table, a view, an index or a sequence.
    pub(super) fn comment_on_relation(&self, of: &Typed, span: Span) -> Bound<Typed> {
        let Some(name) = self.relation_name(of, span)? else { return Ok(Typed::null()) };
        let table = self.catalog.find_table(&name).map(|table| Commented::Table(table.id));
        let view = || self.catalog.view_named(&name).map(|view| Commented::View(view.name.clone()));
        let sequence = || self.catalog.sequence_named(&name).map(|known| Commented::Sequence(known.id));
        let index =
            || self.catalog.index_named(&name).map(|(table, index)| Commented::Index(table.id, index.id));
        Ok(self.comment(table.or_else(view).or_else(sequence).or_else(index)))
    }

    /// `col_description(name, place)`: the comment on a column, which is meant by its place from 1.
    pub(super) fn comment_on_column(&self, of: &Typed, place: &Typed, span: Span) -> Bound<Typed> {
        let Some(name) = self.relation_name(of, span)? else { return Ok(Typed::null()) };
        let Expr::Literal(Value::Int(place)) = place.expr else {
            return Err(SqlError::at(unsupported("the number of a column that is not a literal"), span));
        };
        let table = self.catalog.find_table(&name);
        let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        let column = table
            .zip(place)
            .and_then(|(table, place)| Some(Commented::Column(table.id, table.columns.get(place)?.id)));
        Ok(self.comment(column))
    }

    fn comment(&self, of: Option<Commented>) -> Typed {
        let text = of.and_then(|of| self.catalog.comment(&of));
        text.map_or_else(Typed::null, |text| Typed::literal(Value::from(text)))
    }

    /// The name in the catalog of a relation that a text names.
    fn relation_name(&self, of: &Typed, span: Span) -> Bound<Option<String>> {
        if self.regclass(of, span)?.is_none() {
            return Ok(None);
        }
        let path = name_in(of.literal_text().unwrap_or_default(), span)?;
        Ok(Some(self.new_name(last_part(&path)?)))
    }

    /// A sequence as a table of one row, if that is what a name means.
    pub(super) fn sequence_table(
        &mut self,
        ident: &ast::Ident,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<Relation>> {
        let numbering = if self.is_sqlite() { None } else { self.numbering(ident) };
        let Some(numbering) = numbering else { return Ok(None) };
        let state = |verb| {
            let call = SequenceCall { verb, numbering: Some(numbering.clone()) };
            Expr::Call(Function::Sequence(Box::new(call)), Vec::new())
        };
        let row = vec![state(SequenceVerb::Value), Expr::literal(0), state(SequenceVerb::IsCalled)];
        let types = vec![DataType::BigInt, DataType::BigInt, DataType::Bool];
        let names = ["last_value", "log_cnt", "is_called"];
        let shape = names.iter().zip(&types).map(|(name, kind)| Shape::of_type(*name, *kind)).collect();
        let source = self.source();
        self.add_table(alias.map_or(ident, |alias| &alias.name), source, Columns::Query(shape), scope)?;
        Ok(Some(Relation::Values { source, types, rows: vec![row] }))
    }
}

fn drawn(call: SequenceCall, arguments: Vec<Expr>) -> Typed {
    Typed::new(Expr::Call(Function::Sequence(Box::new(call)), arguments), DataType::BigInt)
        .of_width(super::typed::Width::Big)
}
