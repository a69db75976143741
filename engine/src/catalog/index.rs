//! What an index is.

use std::sync::Arc;

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, IndexId, Value};

use super::program::RowProgram;
use super::{ColumnSet, TableDefinition};
use crate::algebra::Expr;
use crate::error::Error;
use crate::evaluate::same_keys;

/// An index: an ordered key for each row of its table, or for those of a condition.
#[derive(Clone, Debug)]
pub struct IndexDefinition {
    /// Its identity.
    pub id: IndexId,
    /// Its name, unique in the catalog; a unique constraint's is the constraint's.
    pub name: String,
    /// What the key consists of, the most significant first.
    pub parts: Vec<IndexPart>,
    /// The constraint it carries, if any.
    pub unique: Option<Uniqueness>,
    /// Over `Source::SELF`: only rows for which it is true are in the index.
    pub condition: Option<Expr>,
    /// What of it has to be evaluated.
    pub(crate) programs: IndexPrograms,
}

/// The expressions of an index, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexPrograms {
    /// Those among its parts, in their order.
    pub(crate) parts: Vec<Arc<RowProgram>>,
    /// Its condition.
    pub(crate) condition: Option<Arc<RowProgram>>,
}

/// One part of an index's key.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexPart {
    /// What is indexed.
    pub expr: IndexExpr,
    /// From the greatest to the least.
    pub descending: bool,
    /// NULLs before everything else.
    pub nulls_first: bool,
    /// Whether it can be NULL.
    pub nullable: bool,
}

/// What a part of an index is.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexExpr {
    /// The column at this place.
    Column(usize),
    /// An expression over `Source::SELF`.
    Expression(Expr),
}

/// That no two rows in an index have one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uniqueness {
    /// The name of the constraint.
    pub constraint: String,
    /// Whether NULLs differ from each other, so that any number of rows may have one (SQL's default).
    pub nulls_distinct: bool,
    /// Whether it is checked at commit and not at the end of the statement.
    pub deferred: bool,
    /// Whether this is the primary key.
    pub primary: bool,
    /// What an INSERT that says nothing of it does with a row whose key another row has.
    pub on_conflict: KeyConflict,
}

/// What an INSERT of SQL that says nothing of it does with a row whose key another row has (SQLite's `UNIQUE ON
/// CONFLICT`). The algebra always says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyConflict {
    /// It fails.
    #[default]
    Refuse,
    /// It does not insert the row.
    Ignore,
    /// It deletes the other row.
    Replace,
}

impl IndexPart {
    /// How the part is encoded.
    pub fn key_part(&self) -> KeyPart {
        KeyPart { descending: self.descending, nullable: self.nullable, nulls_first: self.nulls_first }
    }

    /// The column, if the part is one.
    pub fn column(&self) -> Option<usize> {
        match self.expr {
            IndexExpr::Column(place) => Some(place),
            IndexExpr::Expression(_) => None,
        }
    }
}

impl IndexPrograms {
    /// Compiles the expressions of an index of `table`.
    pub(crate) fn compile(
        table: &TableDefinition,
        parts: &[IndexPart],
        condition: Option<&Expr>,
    ) -> Result<IndexPrograms, Error> {
        let mut programs = IndexPrograms::default();
        for part in parts {
            if let IndexExpr::Expression(expr) = &part.expr {
                programs.parts.push(Arc::new(RowProgram::compile(table, expr)?));
            }
        }
        if let Some(condition) = condition {
            programs.condition = Some(Arc::new(RowProgram::compile_condition(table, condition)?));
        }
        Ok(programs)
    }
}

impl IndexDefinition {
    /// The type of each part's values.
    pub fn part_types(&self, table: &TableDefinition) -> Vec<DataType> {
        let mut computed = self.programs.parts.iter();
        let type_of = |part: &IndexPart| match part.expr {
            IndexExpr::Column(place) => Some(table.columns.get(place)?.data_type),
            IndexExpr::Expression(_) => computed.next()?.data_type(),
        };
        self.parts.iter().filter_map(type_of).collect()
    }

    /// What each part is, as a message names it.
    pub fn part_names(&self, table: &TableDefinition) -> Vec<String> {
        self.parts.iter().map(|part| self.part_name(part, table)).collect()
    }

    fn part_name(&self, part: &IndexPart, table: &TableDefinition) -> String {
        match &part.expr {
            IndexExpr::Column(place) => {
                table.columns.get(*place).map_or_else(String::new, |column| column.name.clone())
            }
            IndexExpr::Expression(_) => format!("an expression of \"{}\"", self.name),
        }
    }

    /// Whether a change of these columns may change the index's entries.
    pub(crate) fn reads(&self, columns: ColumnSet) -> bool {
        let by_column = self.parts.iter().filter_map(IndexPart::column).any(|place| columns.contains(place));
        let programs = self.programs.parts.iter().chain(&self.programs.condition);
        by_column || programs.into_iter().any(|program| program.reads(columns))
    }

    /// How each part is encoded.
    pub fn key_parts(&self) -> Vec<KeyPart> {
        self.parts.iter().map(IndexPart::key_part).collect()
    }

    /// The encoded key, or beginning of a key, with these values; none if there can be no such key: a value is NULL,
    /// which equals nothing, or is none that the column can hold.
    pub(crate) fn encode(&self, table: &TableDefinition, values: &[Value]) -> Option<KeyBuffer> {
        let mut key = KeyBuffer::new();
        let mut computed = self.programs.parts.iter();
        for (part, value) in self.parts.iter().zip(values) {
            let data_type = match part.expr {
                IndexExpr::Column(place) => table.columns.get(place)?.data_type,
                IndexExpr::Expression(_) => computed.next()?.data_type()?,
            };
            if same_keys(value.data_type()?, data_type) {
                key.push_value(part.key_part(), value);
            } else {
                let stored = data_type.accepts(value.clone()).ok().filter(|stored| stored == value)?;
                key.push_value(part.key_part(), &stored);
            }
        }
        Some(key)
    }

    /// The beginning of the keys whose first part is NULL.
    pub(crate) fn null_prefix(&self) -> KeyBuffer {
        let mut key = KeyBuffer::new();
        if let Some(part) = self.parts.first() {
            key.push_null(part.key_part());
        }
        key
    }

    /// Whether no two rows have one key at any time that a query can see. (Of a deferred constraint that holds only
    /// once the transaction has ended.)
    pub(crate) fn is_unique(&self) -> bool {
        self.unique.as_ref().is_some_and(|unique| !unique.deferred)
    }

    /// Whether every row is in the index and its key begins with these columns.
    pub(crate) fn begins_with(&self, columns: &[usize]) -> bool {
        self.condition.is_none()
            && self.parts.len() >= columns.len()
            && self.parts.iter().zip(columns).all(|(part, column)| part.column() == Some(*column))
    }
}
