//! What a table is.

use std::sync::Arc;

use nuages_storage::{DataType, IndexId, Lane, Layout, TableId};

use super::temporary::Temporary;
use super::{
    CheckDefinition, ColumnId, ComputedColumn, ConstraintId, EnumDefinition, ForeignKeyDefinition,
    IndexDefinition, KeyConflict, Reference, names::nearest,
};
use crate::algebra::Expr;
use crate::error::Error;
use crate::optimize::statistics::StatisticsCell;

/// A table: its columns, and what it promises about its rows.
#[derive(Clone, Debug)]
pub struct TableDefinition {
    /// Its identity.
    pub id: TableId,
    /// Its name, unique in the catalog.
    pub name: String,
    /// Its columns. Everything else means them by their place here.
    pub columns: Vec<ColumnDefinition>,
    /// What a row is known by.
    pub primary_key: PrimaryKey,
    /// What an INSERT of SQL does with a row whose key another row has, where the primary key is the row id.
    pub row_id_conflict: KeyConflict,
    /// Its indexes, those of its unique constraints and of its primary key included.
    pub indexes: Vec<IndexDefinition>,
    /// Which of its columns are computed, and how.
    pub computed: Vec<ComputedColumn>,
    /// What must not be false of a row.
    pub checks: Vec<CheckDefinition>,
    /// Where its rows refer to.
    pub foreign_keys: Vec<ForeignKeyDefinition>,
    /// The foreign keys, of this table too, that refer to it.
    pub referenced_by: Vec<Reference>,
    /// Whose it is, if it is temporary.
    pub(crate) temporary: Option<Temporary>,
    /// How its rows are stored; a column is stored in its slot.
    pub layout: Arc<Layout>,
    /// What its rows are like.
    pub(crate) statistics: StatisticsCell,
    /// The columns that cannot have all values that can be stored in their slots. Known of a table in a catalog: while
    /// a definition is made or changed it says nothing.
    pub(crate) bounded: ColumnSet,
    /// The columns of which more depends than their words: those that an index, a check, a foreign key or a computed
    /// column reads, the computed ones, and what is not a word. Known as `bounded` is.
    pub(crate) involved: ColumnSet,
}

/// How texts are compared in SQL. The algebra says itself what it compares, and knows nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collation {
    /// Byte by byte.
    #[default]
    Binary,
    /// Without regard to case.
    IgnoreCase,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    /// Its identity.
    pub id: ColumnId,
    /// Its name, unique in the table.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// What the members are, if it was declared as an array; it is stored as JSON.
    pub element: Option<DataType>,
    /// The enumeration that its texts are values of, if it is of one.
    pub enumeration: Option<Arc<EnumDefinition>>,
    /// Whether each row has a value of a type of its own, as a column without a type has in SQLite: it is stored as JSON.
    pub any: bool,
    /// How its texts are compared in SQL.
    pub collation: Collation,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it gets where nothing is given: a literal, or functions of literals. Without it, NULL.
    pub default: Option<Expr>,
    /// Where it is stored, in the table's layout.
    pub slot: usize,
    /// How it is stored there.
    pub lane: Lane,
    /// Whether negative numbers are refused.
    pub unsigned: bool,
    /// The greatest integer it takes, if its type would take greater ones.
    pub max: Option<i64>,
    /// Whether it gets the table's next key where nothing is given.
    pub generated_key: bool,
    /// Whether SQL may give it no other value, but where it says that it does (`OVERRIDING SYSTEM VALUE`).
    pub always: bool,
}

impl ColumnDefinition {
    /// The least and the greatest integer it takes, if it holds integers.
    pub fn integer_range(&self) -> Option<(i64, i64)> {
        let (min, max) = self.data_type.integer_range()?;
        Some((if self.unsigned { 0 } else { min }, self.max.map_or(max, |own| own.min(max))))
    }

    /// Whether whatever its lane can hold is in its domain, apart from NULL.
    pub(crate) fn holds_every_value(&self) -> bool {
        !self.unsigned
            && self.max.is_none()
            && self.enumeration.is_none()
            && !matches!(
                self.data_type,
                DataType::SmallInt
                    | DataType::Integer
                    | DataType::Decimal { .. }
                    | DataType::Text { max_length: Some(_) }
                    | DataType::Json
            )
    }
}

/// Columns of one table, by place.
///
/// A word: what is beyond the 63rd column shares its last bit, so a wide table may be found to read a column that it
/// does not, and then does needless work, and never the reverse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// Every column.
    pub const ALL: ColumnSet = ColumnSet(u64::MAX);

    /// With one more.
    #[must_use]
    pub fn with(self, place: usize) -> ColumnSet {
        ColumnSet(self.0 | 1 << place.min(63))
    }

    /// Whether the column is among them.
    pub fn contains(self, place: usize) -> bool {
        self.0 >> place.min(63) & 1 == 1
    }

    /// The columns that are in both.
    #[must_use]
    pub(crate) fn and(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 & other.0)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of the columns is among them.
    pub fn contains_any(self, places: &[usize]) -> bool {
        places.iter().any(|place| self.contains(*place))
    }
}

impl FromIterator<usize> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> ColumnSet {
        places.into_iter().fold(ColumnSet::default(), ColumnSet::with)
    }
}

/// What a row of a table is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrimaryKey {
    /// The one integer column at this place: it *is* the row id, and takes no room in the leaf.
    RowId {
        /// Its place.
        column: usize,
    },
    /// Columns that are unique together; the row id is hidden.
    Index {
        /// The unique index over them.
        index: IndexId,
        /// Their places, in the order of the key.
        columns: Vec<usize>,
    },
    /// Nothing; rows may be equal.
    None,
}

impl TableDefinition {
    /// Notes what statements ask of it again and again, now that it is complete.
    pub(crate) fn sum_up(&mut self) {
        let columns = || self.columns.iter().enumerate();
        let bounded = columns().filter(|(_, column)| !column.holds_every_value());
        self.bounded = bounded.map(|(place, _)| place).collect();
        let is_involved = |place, column: &ColumnDefinition| {
            let alone = ColumnSet::default().with(place);
            !matches!(column.lane, Lane::Word | Lane::Bit)
                || self.indexes.iter().any(|index| index.reads(alone))
                || self.checks.iter().any(|check| check.program.reads(alone))
                || self.computed.iter().any(|one| one.program.reads(alone) || alone.contains(one.column))
                || self.foreign_keys.iter().any(|key| alone.contains_any(&key.columns))
        };
        let involved = columns().filter(|(place, column)| is_involved(*place, column));
        self.involved = involved.map(|(place, _)| place).collect();
    }

    /// The place of a column.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`], with the name that is nearest.
    pub fn column_named(&self, name: &str) -> Result<usize, Error> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| Error::UnknownColumn {
            table: self.name.clone(),
            column: name.to_owned(),
            nearest: nearest(name, self.columns.iter().map(|column| column.name.as_str())),
        })
    }

    /// The column at a place that a statement names.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`] if there is none.
    pub fn column(&self, place: usize) -> Result<&ColumnDefinition, Error> {
        self.columns.get(place).ok_or_else(|| Error::UnknownColumn {
            table: self.name.clone(),
            column: format!("#{place}"),
            nearest: None,
        })
    }

    /// An index by its name.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`], with the name that is nearest.
    pub fn index_named(&self, name: &str) -> Result<&IndexDefinition, Error> {
        self.indexes.iter().find(|index| index.name == name).ok_or_else(|| Error::UnknownIndex {
            table: self.name.clone(),
            index: name.to_owned(),
            nearest: nearest(name, self.indexes.iter().map(|index| index.name.as_str())),
        })
    }

    /// An index by its id.
    pub fn index(&self, id: IndexId) -> Option<&IndexDefinition> {
        self.indexes.iter().find(|index| index.id == id)
    }

    /// The index of this id.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`] if it was dropped, or never was one of this table.
    pub fn expect_index(&self, id: IndexId) -> Result<&IndexDefinition, Error> {
        self.index(id).ok_or_else(|| Error::UnknownIndex {
            table: self.name.clone(),
            index: format!("#{}", id.get()),
            nearest: None,
        })
    }

    /// A foreign key by its id.
    pub fn foreign_key(&self, id: ConstraintId) -> Option<&ForeignKeyDefinition> {
        self.foreign_keys.iter().find(|key| key.id == id)
    }

    /// The places of the primary key's columns; none without a primary key.
    pub fn primary_key_columns(&self) -> &[usize] {
        match &self.primary_key {
            PrimaryKey::RowId { column } => std::slice::from_ref(column),
            PrimaryKey::Index { columns, .. } => columns,
            PrimaryKey::None => &[],
        }
    }

    /// The place of the column that is the row id, if the table is keyed by one.
    pub fn row_id_column(&self) -> Option<usize> {
        match self.primary_key {
            PrimaryKey::RowId { column } => Some(column),
            _ => None,
        }
    }

    /// The name of the primary key's constraint.
    pub fn primary_key_name(&self) -> String {
        match &self.primary_key {
            PrimaryKey::Index { index, .. } => self.index(*index).map(|index| index.name.clone()),
            _ => None,
        }
        .unwrap_or_else(|| format!("{}_pkey", self.name))
    }

    /// Names of the columns at these places.
    pub fn column_names(&self, places: &[usize]) -> Vec<String> {
        places.iter().filter_map(|place| self.columns.get(*place)).map(|column| column.name.clone()).collect()
    }
}
