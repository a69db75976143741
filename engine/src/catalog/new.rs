//! How a table is described: by names, before anything of it exists.
//!
//! ```
//! use nuages_engine::algebra::{Comparison, Expr, Source};
//! use nuages_engine::catalog::{Action, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
//! use nuages_storage::{DataType, Value};
//!
//! let rating = Expr::from(Source::SELF.column(3)).compare(Comparison::LessOrEqual, Expr::literal(5));
//! let post = NewTable::new("post")
//!     .column(NewColumn::new("id", DataType::BigInt).generated())
//!     .column(NewColumn::new("slug", DataType::Text { max_length: Some(50) }))
//!     .column(NewColumn::new("author_id", DataType::BigInt))
//!     .column(NewColumn::new("rating", DataType::Integer).unsigned().default(Expr::literal(0)))
//!     .primary_key(["id"])
//!     .unique(NewIndex::new("post_slug_key", ["slug"]))
//!     .index(NewIndex::new("post_rating_idx", [NewPart::column("rating").descending()]))
//!     .check("post_rating_check", rating)
//!     .foreign_key(NewForeignKey::new("post_author_fk", ["author_id"], "author", ["id"]).on_delete(Action::Cascade));
//! assert_eq!(post.name, "post");
//! ```

use std::sync::Arc;

use nuages_storage::DataType;

use super::temporary::Temporary;
use super::{Action, Collation, EnumDefinition, KeyConflict, NewSequence};
use crate::algebra::Expr;

/// A table to be created.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewTable {
    /// Its name.
    pub name: String,
    /// Its columns; expressions mean them by their place here, as columns of `Source::SELF`.
    pub columns: Vec<NewColumn>,
    /// The columns of its primary key; none if it has no primary key.
    pub primary_key: Vec<String>,
    /// What an INSERT of SQL does with a row whose primary key another row has.
    pub key_conflict: KeyConflict,
    /// Its indexes and unique constraints.
    pub indexes: Vec<NewIndex>,
    /// Its checks.
    pub checks: Vec<NewCheck>,
    /// Its foreign keys; one to the table itself names it.
    pub foreign_keys: Vec<NewForeignKey>,
    /// Whose it is, if it is temporary.
    #[doc(hidden)]
    pub temporary: Option<Temporary>,
}

impl NewTable {
    /// A table without columns.
    pub fn new(name: impl Into<String>) -> NewTable {
        NewTable {
            name: name.into(),
            columns: Vec::new(),
            primary_key: Vec::new(),
            key_conflict: KeyConflict::default(),
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            temporary: None,
        }
    }

    /// Adds a column.
    pub fn column(mut self, column: NewColumn) -> NewTable {
        self.columns.push(column);
        self
    }

    /// Makes these columns the primary key. A single integer column becomes the row id.
    pub fn primary_key<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> NewTable {
        self.primary_key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a unique constraint.
    pub fn unique(mut self, index: NewIndex) -> NewTable {
        self.indexes.push(NewIndex { unique: true, ..index });
        self
    }

    /// Adds an index.
    pub fn index(mut self, index: NewIndex) -> NewTable {
        self.indexes.push(index);
        self
    }

    /// Adds a check: a condition over `Source::SELF` that may be false of no row.
    pub fn check(mut self, name: impl Into<String>, condition: Expr) -> NewTable {
        self.checks.push(NewCheck::new(name, condition));
        self
    }

    /// Adds a foreign key.
    pub fn foreign_key(mut self, foreign_key: NewForeignKey) -> NewTable {
        self.foreign_keys.push(foreign_key);
        self
    }
}

/// A column to be created.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// What the members are, if it is an array; its type is JSON.
    pub element: Option<DataType>,
    /// The enumeration that its texts are values of, if it is of one.
    pub enumeration: Option<Arc<EnumDefinition>>,
    /// Whether each row has a value of a type of its own, as a column without a type has in SQLite: it is kept as JSON.
    pub any: bool,
    /// How its texts are compared in SQL; byte by byte, by default.
    pub collation: Collation,
    /// Whether it may be NULL; not by default.
    pub nullable: bool,
    /// What it gets where nothing is given.
    pub default: Option<Expr>,
    /// Whether negative numbers are refused.
    pub unsigned: bool,
    /// The greatest integer it takes, if its type would take greater ones.
    pub max: Option<i64>,
    /// Whether it gets the table's next key where nothing is given.
    pub generated: bool,
    /// A sequence that is created with it and goes with it; where nothing is given, it gets the next number.
    pub sequence: Option<NewSequence>,
    /// Whether SQL may give it no other value (`GENERATED ALWAYS AS IDENTITY`).
    pub always: bool,
    /// What it is computed by from other columns of its row, which are called by their places under `Source::SELF`.
    pub computed: Option<Expr>,
}

impl NewColumn {
    /// A column that must have a value and has no default.
    pub fn new(name: impl Into<String>, data_type: DataType) -> NewColumn {
        NewColumn {
            name: name.into(),
            data_type,
            element: None,
            enumeration: None,
            any: false,
            collation: Collation::default(),
            nullable: false,
            default: None,
            unsigned: false,
            max: None,
            generated: false,
            sequence: None,
            always: false,
            computed: None,
        }
    }

    /// An array of members of a type, which is stored as JSON.
    pub fn array(name: impl Into<String>, element: DataType) -> NewColumn {
        NewColumn { element: Some(element), ..NewColumn::new(name, DataType::Json) }
    }

    /// Whether it may be NULL.
    pub fn nullable(mut self, nullable: bool) -> NewColumn {
        self.nullable = nullable;
        self
    }

    /// What it is computed by, whenever its row is written: an expression over columns of the row that are not computed
    /// themselves, called by their places under `Source::SELF`. Nobody can give it another value.
    pub fn computed(mut self, computed: Expr) -> NewColumn {
        self.computed = Some(computed);
        self
    }

    /// What it gets where nothing is given: a literal, or functions of literals.
    pub fn default(mut self, default: Expr) -> NewColumn {
        self.default = Some(default);
        self
    }

    /// Refuses negative numbers.
    pub fn unsigned(mut self) -> NewColumn {
        self.unsigned = true;
        self
    }

    /// Refuses integers beyond `max`.
    pub fn at_most(mut self, max: i64) -> NewColumn {
        self.max = Some(max);
        self
    }

    /// Gives it the table's next key where nothing is given; for the single integer column of a primary key.
    pub fn generated(mut self) -> NewColumn {
        self.generated = true;
        self
    }
}

/// An index or unique constraint to be created.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewIndex {
    /// Its name, unique in the database; a unique constraint has the same.
    pub name: String,
    /// What its key consists of.
    pub parts: Vec<NewPart>,
    /// Whether it carries a unique constraint.
    pub unique: bool,
    /// Whether NULLs differ from each other; they do by default.
    pub nulls_distinct: bool,
    /// Whether the constraint is checked at commit.
    pub deferred: bool,
    /// What an INSERT of SQL does with a row whose key another row has.
    pub on_conflict: KeyConflict,
    /// Over `Source::SELF`: only rows for which it is true are indexed.
    pub condition: Option<Expr>,
}

impl NewIndex {
    /// An index over columns, or [parts](NewPart).
    pub fn new<P: Into<NewPart>>(name: impl Into<String>, parts: impl IntoIterator<Item = P>) -> NewIndex {
        NewIndex {
            name: name.into(),
            parts: parts.into_iter().map(Into::into).collect(),
            unique: false,
            nulls_distinct: true,
            deferred: false,
            on_conflict: KeyConflict::default(),
            condition: None,
        }
    }

    /// A unique constraint over columns, or [parts](NewPart).
    pub fn unique<P: Into<NewPart>>(name: impl Into<String>, parts: impl IntoIterator<Item = P>) -> NewIndex {
        NewIndex { unique: true, ..NewIndex::new(name, parts) }
    }

    /// Only rows for which `condition`, over `Source::SELF`, is true.
    pub fn when(mut self, condition: Expr) -> NewIndex {
        self.condition = Some(condition);
        self
    }

    /// Makes NULLs equal to each other, so that a unique constraint allows one.
    pub fn nulls_not_distinct(mut self) -> NewIndex {
        self.nulls_distinct = false;
        self
    }

    /// Whether the unique constraint is checked at commit and not at the end of each statement.
    pub fn deferred(mut self, deferred: bool) -> NewIndex {
        self.deferred = deferred;
        self
    }
}

/// One part of a [`NewIndex`].
#[derive(Clone, Debug)]
#[must_use]
pub struct NewPart {
    /// What is indexed.
    pub what: NewPartKind,
    /// From the greatest to the least.
    pub descending: bool,
    /// NULLs before everything else; by default exactly if descending.
    pub nulls_first: bool,
}

/// What a [`NewPart`] indexes.
#[derive(Clone, Debug)]
pub enum NewPartKind {
    /// A column, by name.
    Column(String),
    /// An expression over `Source::SELF`.
    Expression(Expr),
}

impl NewPart {
    /// A column in ascending order.
    pub fn column(name: impl Into<String>) -> NewPart {
        NewPart { what: NewPartKind::Column(name.into()), descending: false, nulls_first: false }
    }

    /// An expression over `Source::SELF`, in ascending order.
    pub fn expression(expr: Expr) -> NewPart {
        NewPart { what: NewPartKind::Expression(expr), descending: false, nulls_first: false }
    }

    /// In descending order, NULLs first.
    pub fn descending(self) -> NewPart {
        NewPart { descending: true, nulls_first: true, ..self }
    }

    /// Whether NULLs come first.
    pub fn nulls_first(self, nulls_first: bool) -> NewPart {
        NewPart { nulls_first, ..self }
    }
}

impl From<&str> for NewPart {
    fn from(name: &str) -> NewPart {
        NewPart::column(name)
    }
}

impl From<String> for NewPart {
    fn from(name: String) -> NewPart {
        NewPart::column(name)
    }
}

impl From<Expr> for NewPart {
    fn from(expr: Expr) -> NewPart {
        NewPart::expression(expr)
    }
}

/// A check to be created.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewCheck {
    /// Its name, unique in the table.
    pub name: String,
    /// The condition, over `Source::SELF`.
    pub condition: Expr,
}

impl NewCheck {
    /// A condition over `Source::SELF` that may be false of no row.
    pub fn new(name: impl Into<String>, condition: Expr) -> NewCheck {
        NewCheck { name: name.into(), condition }
    }
}

/// A foreign key to be created.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewForeignKey {
    /// Its name, unique in the table.
    pub name: String,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table referred to.
    pub target: String,
    /// The columns referred to: the primary key or those of a unique constraint.
    pub target_columns: Vec<String>,
    /// What happens when the row referred to is deleted.
    pub on_delete: Action,
    /// What happens when the row referred to changes its key.
    pub on_update: Action,
    /// Whether it is checked at commit.
    pub deferred: bool,
}

impl NewForeignKey {
    /// `columns` of the table refer to `target_columns` of `target`; without actions, checked at the end of each
    /// statement.
    pub fn new<C: Into<String>, T: Into<String>>(
        name: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
        target: impl Into<String>,
        target_columns: impl IntoIterator<Item = T>,
    ) -> NewForeignKey {
        NewForeignKey {
            name: name.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            target: target.into(),
            target_columns: target_columns.into_iter().map(Into::into).collect(),
            on_delete: Action::NoAction,
            on_update: Action::NoAction,
            deferred: false,
        }
    }

    /// What happens when the row referred to is deleted.
    pub fn on_delete(mut self, action: Action) -> NewForeignKey {
        self.on_delete = action;
        self
    }

    /// What happens when the row referred to changes its key.
    pub fn on_update(mut self, action: Action) -> NewForeignKey {
        self.on_update = action;
        self
    }

    /// Whether it is checked at commit and not at the end of each statement.
    pub fn deferred(mut self, deferred: bool) -> NewForeignKey {
        self.deferred = deferred;
        self
    }
}
