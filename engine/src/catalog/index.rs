//! What an index is.

use nuages_storage::IndexId;
use nuages_storage::key::KeyPart;

use crate::algebra::Expr;

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

impl IndexDefinition {
    /// How each part is encoded.
    pub fn key_parts(&self) -> Vec<KeyPart> {
        self.parts.iter().map(IndexPart::key_part).collect()
    }

    /// Whether every row is in the index and its key begins with these columns.
    pub(crate) fn begins_with(&self, columns: &[usize]) -> bool {
        self.condition.is_none()
            && self.parts.len() >= columns.len()
            && self.parts.iter().zip(columns).all(|(part, column)| part.column() == Some(*column))
    }
}
