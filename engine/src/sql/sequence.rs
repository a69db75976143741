//! `CREATE SEQUENCE`, `ALTER SEQUENCE`, and columns that are made to number themselves, in PostgreSQL's dialect. What was
//! written is read in `written`.

mod written;

use nuages_storage::{DataType, Steps};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::alter::column_as_is;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::Outcome;
use crate::algebra::{Origin, SequenceVerb, Statement};
use crate::catalog::sequence::integers;
use crate::catalog::{ColumnId, NewSequence, SchemaId, SequenceDefinition};
use written::Options;
pub(super) use written::{SequenceStatement, is_about_sequence, order_identity_options};

impl Options {
    /// How a sequence goes on of which this is said; what is not said is as it was, or as is usual.
    fn steps(&self, before: Option<&SequenceDefinition>) -> (DataType, Steps) {
        let known = before.map(|before| before.steps);
        let type_before = before.map_or(DataType::BigInt, |before| before.data_type);
        let data_type = self.data_type.unwrap_or(type_before);
        let increment = self.increment.or(known.map(|known| known.increment)).unwrap_or(1);
        let bounds = |data_type| match integers(data_type) {
            (_, max) if increment > 0 => (1, max),
            (min, _) => (min, -1),
        };
        // A bound that was that of the type goes with the type.
        let kept = |of: fn(&Steps) -> i64, at_type: i64| {
            known.map(|known| of(&known)).filter(|kept| data_type == type_before || *kept != at_type)
        };
        let usual = bounds(data_type);
        let min =
            self.min.unwrap_or_else(|| kept(|steps| steps.min, integers(type_before).0)).unwrap_or(usual.0);
        let max =
            self.max.unwrap_or_else(|| kept(|steps| steps.max, integers(type_before).1)).unwrap_or(usual.1);
        let first = if increment > 0 { min } else { max };
        let start = self.start.or(known.map(|known| known.start)).unwrap_or(first);
        let cycles = self.cycles.or(known.map(|known| known.cycles)).unwrap_or(false);
        (data_type, Steps { start, increment, min, max, cycles })
    }
}

impl Connection {
    /// The sequence that a name means.
    pub(super) fn sequence_of(&self, name: &ast::Ident) -> Result<SequenceDefinition, SqlError> {
        let found = self
            .bound(|binder| Ok(binder.sequence(name).map(|sequence| SequenceDefinition::clone(sequence))))?;
        found.ok_or_else(|| {
            SqlError::at(Problem::Unknown { kind: "sequence", name: name.value.clone() }, name.span)
        })
    }

    /// Runs a statement about a sequence.
    pub(super) fn define_sequence(&self, statement: &SequenceStatement) -> Result<Outcome, SqlError> {
        self.bound_once(|schema| match statement {
            SequenceStatement::Create { name, is_conditional, options } => {
                self.create_sequence((name, *is_conditional), options, schema)
            }
            SequenceStatement::Alter { name, is_conditional, options } => {
                self.alter_sequence((name, *is_conditional), options, schema)
            }
            SequenceStatement::Identity { table, column, is_always, options } => {
                self.number_column((table, column), *is_always, options.as_ref(), schema)
            }
        })?;
        Ok(Outcome::default())
    }

    fn create_sequence(
        &self,
        (name, is_conditional): (&ast::Ident, bool),
        options: &Options,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let new_name = self.bound(|binder| Ok(binder.new_name(name)))?;
        if is_conditional && self.catalog()?.has_relation(&new_name) {
            return Ok(());
        }
        let (data_type, steps) = options.steps(None);
        let new = NewSequence { name: new_name, data_type, steps };
        check_steps(&new.name, data_type, &steps, name.span)?;
        let owner = self.owner_of(options)?.flatten();
        self.change_schema(schema, &mut |writing| writing.create_sequence(&new, owner))
    }

    fn alter_sequence(
        &self,
        (name, is_conditional): (&ast::Ident, bool),
        options: &Options,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let before = match self.sequence_of(name) {
            Err(error) if is_conditional && matches!(error.problem(), Problem::Unknown { .. }) => {
                return Ok(());
            }
            found => found?,
        };
        let mut to = before.clone();
        (to.data_type, to.steps) = options.steps(Some(&before));
        let mut steps = to.steps;
        check_steps(&before.name, to.data_type, &steps, name.span)?;
        let restart = options.restart.map(|number| number.unwrap_or(steps.start));
        let last = self.session().draws().map(|draws| draws.last(&before.numbering()).0);
        if let Some(number) = restart.or(last) {
            steps.start = number;
            check_steps(&before.name, to.data_type, &steps, name.span)?;
        }
        if let Some(owner) = self.owner_of(options)? {
            to.owner = owner;
        }
        if let Some(new_name) = &options.rename_to {
            self.expect_no_view_of_sequence(&before)?;
            to.name = self.bound(|binder| Ok(binder.new_name(new_name)))?;
        }
        self.change_schema(schema, &mut |writing| writing.change_sequence(&before.name, to.clone(), restart))
    }

    /// Gives a column a sequence of its own, or says who may give it another number.
    fn number_column(
        &self,
        (table, column): (&ast::ObjectName, &ast::Ident),
        is_always: bool,
        options: Option<&Options>,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let table = self.table_of(table)?;
        let place = self.bound(|binder| binder.place_of(column, &table))?;
        let mut to = column_as_is(&table, place);
        to.always = is_always;
        let refused = |expected: &str, got: &str| {
            let (expression, expected) = (format!("column \"{}\"", to.name), expected.to_owned());
            SqlError::at(Problem::Type { expression, expected, got: got.to_owned() }, column.span)
        };
        let Some(options) = options else {
            let id = table.columns[place].id;
            let owned = self.catalog()?.sequences().any(|sequence| sequence.owner == Some((table.id, id)));
            if !owned && !to.generated {
                return Err(refused("one that numbers itself", "one that does not"));
            }
            return self.change_schema(schema, &mut |writing| {
                writing.change_column_by(&table.name, &to.name, to.clone(), None)
            });
        };
        if !matches!(to.data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt) {
            return Err(refused("an integer", &to.data_type.to_string()));
        }
        if to.nullable || to.default.is_some() || to.generated {
            return Err(refused("NOT NULL and without a default", "another"));
        }
        let options = Options { data_type: options.data_type.or(Some(to.data_type)), ..options.clone() };
        let (data_type, steps) = options.steps(None);
        let usual = format!("{}_{}_seq", table.name, to.name);
        let given = options.name.as_ref().map(|name| self.bound(|binder| Ok(binder.new_name(name))));
        let new = NewSequence { name: given.transpose()?.unwrap_or(usual), data_type, steps };
        check_steps(&new.name, data_type, &steps, column.span)?;
        let owner = Some((table.id, table.columns[place].id));
        self.change_schema(schema, &mut |writing| {
            writing.create_sequence(&new, owner)?;
            let mut to = to.clone();
            to.default =
                writing.catalog_seen().sequence_named(&new.name).map(|made| made.call(SequenceVerb::Next));
            writing.change_column_by(&table.name, &to.name.clone(), to, None)
        })
    }

    /// The column that a sequence is said to go with.
    fn owner_of(
        &self,
        options: &Options,
    ) -> Result<Option<Option<(nuages_storage::TableId, ColumnId)>>, SqlError> {
        let Some(owner) = &options.owner else { return Ok(None) };
        let Some((table, column)) = owner else { return Ok(Some(None)) };
        let table = self.bound(|binder| binder.table(table).cloned())?;
        if table.id.is_temporary() {
            let feature = "a sequence that goes with a temporary table".to_owned();
            return Err(Problem::Unsupported { feature }.into());
        }
        let place = self.bound(|binder| binder.place_of(column, &table))?;
        Ok(Some(Some((table.id, table.columns[place].id))))
    }

    /// Notes the keys that a table has given to new rows: they are what `currval` and `lastval` tell.
    pub(super) fn note_keys(&self, change: &Statement, outcome: &Outcome) {
        if let (Statement::Insert(insert), Some(first)) = (change, outcome.first_key)
            && !self.dialect.is_sqlite()
            && let Some(current) = self.database.current_numbers()
        {
            let last = outcome.last_row.unwrap_or(first).max(first);
            current.note(Origin::Keys(insert.table), last);
        }
    }
}

/// How an identity column goes on of which this is said.
///
/// # Errors
/// What is no number; what a sequence cannot be.
pub(super) fn identity_steps(
    said: &[ast::SequenceOptions],
    data_type: DataType,
    span: Span,
) -> Result<Steps, SqlError> {
    let number = |expr: &ast::Expr| {
        expr.to_string().replace(' ', "").parse().map_err(|_| {
            let message = format!("expected an integer of 64 bits, found {expr}");
            SqlError::at(Problem::Syntax { message }, span)
        })
    };
    let bound = |expr: &Option<ast::Expr>| expr.as_ref().map(number).transpose();
    let mut options = Options { data_type: Some(data_type), ..Options::default() };
    for option in said {
        match option {
            ast::SequenceOptions::IncrementBy(expr, _) => options.increment = Some(number(expr)?),
            ast::SequenceOptions::MinValue(expr) => options.min = Some(bound(expr)?),
            ast::SequenceOptions::MaxValue(expr) => options.max = Some(bound(expr)?),
            ast::SequenceOptions::StartWith(expr, _) => options.start = Some(number(expr)?),
            ast::SequenceOptions::Cache(_) => {}
            ast::SequenceOptions::Cycle(is_not) => options.cycles = Some(!is_not),
        }
    }
    let (data_type, steps) = options.steps(None);
    check_steps("of an identity column", data_type, &steps, span)?;
    Ok(steps)
}

/// That a sequence can go on as is said.
fn check_steps(name: &str, data_type: DataType, steps: &Steps, span: Span) -> Result<(), SqlError> {
    let refused = |expected: String, got: String| {
        let expression = format!("sequence \"{name}\"");
        Err(SqlError::at(Problem::Type { expression, expected, got }, span))
    };
    let Steps { start, increment, min, max, .. } = *steps;
    let (least, greatest) = integers(data_type);
    if increment == 0 {
        return refused("an increment that is not 0".to_owned(), "0".to_owned());
    }
    for bound in [min, max] {
        if !(least..=greatest).contains(&bound) {
            return refused(format!("numbers of {data_type}"), bound.to_string());
        }
    }
    if min >= max {
        return refused("a least number below the greatest".to_owned(), format!("{min} and {max}"));
    }
    if !(min..=max).contains(&start) {
        return refused(format!("a first number from {min} to {max}"), start.to_string());
    }
    Ok(())
}
