//! Access paths: which rows of a table a scan visits, and in which order.

use nuages_storage::IndexId;
use nuages_storage::key::KeyPart;

use crate::evaluate::Scalar;

/// An access path: which rows of a table, in which order.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// All rows, by row id.
    All,
    /// Rows whose ids are in a range.
    RowRange(Bounds),
    /// Rows by their ids, ascending.
    RowIds(Vec<Scalar>),
    /// Rows by an index, in its order. `point`: each prefix has at most one row, whatever its values are.
    Index { index: IndexId, parts: Vec<KeyPart>, prefixes: Vec<Vec<KeyValue>>, bounds: Bounds, point: bool },
    /// Rows that any of several paths has, each once, by row id.
    Union(Vec<Access>),
    /// Rows that each of several paths has, by row id.
    Intersection(Vec<Access>),
}

impl Access {
    /// Whether several paths are gone before the first row is read.
    pub(crate) fn is_combined(&self) -> bool {
        matches!(self, Access::Union(_) | Access::Intersection(_))
    }

    /// Whether it is a clone of another: a path of one range or several, made of the very same scalars.
    pub(crate) fn is_same(&self, other: &Access) -> bool {
        match (self, other) {
            (Access::RowRange(bounds), Access::RowRange(others)) => bounds.is_same(others),
            (
                Access::Index { index, prefixes, bounds, .. },
                Access::Index { index: of, prefixes: other_prefixes, bounds: other_bounds, .. },
            ) => {
                let same = |(one, other): (&KeyValue, &KeyValue)| {
                    one.matches_null == other.matches_null && one.value.is_same(&other.value)
                };
                index == of
                    && prefixes.len() == other_prefixes.len()
                    && prefixes
                        .iter()
                        .zip(other_prefixes)
                        .all(|(one, other)| one.len() == other.len() && one.iter().zip(other).all(same))
                    && bounds.is_same(other_bounds)
            }
            _ => false,
        }
    }

    /// Whether it has at most one row, whatever its parameters are.
    pub(crate) fn is_single(&self) -> bool {
        match self {
            Access::RowIds(ids) => ids.len() == 1,
            Access::Index { prefixes, point, .. } => *point && prefixes.len() == 1,
            Access::All | Access::RowRange(_) | Access::Union(_) | Access::Intersection(_) => false,
        }
    }
}

/// What a part of a key equals. The scalar has the column's type and mentions no column.
#[derive(Clone, Debug)]
pub(crate) struct KeyValue {
    pub(crate) value: Scalar,
    /// Whether NULL is looked for as a value is. Otherwise NULL means no row.
    pub(crate) matches_null: bool,
}

/// A range of one column. The scalars have the column's type and mention no column; NULL means no row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) lower: Option<Bound>,
    pub(crate) upper: Option<Bound>,
    pub(crate) values: Values,
}

/// Which values there are beside the ends of a range.
#[derive(Clone, Debug, Default)]
pub(crate) enum Values {
    /// All, also NULLs if there are no ends.
    #[default]
    All,
    /// All but NULLs.
    NotNull,
    /// Texts that begin with this; then there are no ends.
    Beginning(Scalar),
}

impl Bounds {
    fn is_same(&self, other: &Bounds) -> bool {
        let same = |one: &Option<Bound>, other: &Option<Bound>| match (one, other) {
            (Some(one), Some(other)) => one.inclusive == other.inclusive && one.value.is_same(&other.value),
            (None, None) => true,
            _ => false,
        };
        let same_values = match (&self.values, &other.values) {
            (Values::Beginning(one), Values::Beginning(other)) => one.is_same(other),
            (Values::All, Values::All) | (Values::NotNull, Values::NotNull) => true,
            _ => false,
        };
        same(&self.lower, &other.lower) && same(&self.upper, &other.upper) && same_values
    }

    /// What they are made of.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = &Scalar> {
        self.lower.iter().chain(&self.upper).map(|bound| &bound.value).chain(self.beginning())
    }

    /// What texts begin with, if that is the range.
    pub(crate) fn beginning(&self) -> Option<&Scalar> {
        match &self.values {
            Values::Beginning(beginning) => Some(beginning),
            Values::All | Values::NotNull => None,
        }
    }

    /// Whether anything is left out.
    pub(crate) fn is_bounded(&self) -> bool {
        self.lower.is_some() || self.upper.is_some() || !matches!(self.values, Values::All)
    }
}

/// An end of a range.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) value: Scalar,
    pub(crate) inclusive: bool,
}
