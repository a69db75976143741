//! Columns of a leaf.

use std::borrow::Cow;

use nuages_storage::value::{decimal_from_wide, decimal_units, json_from_stored};
use nuages_storage::{DataType, Lane, LeafTexts, LeafView, Value, Words};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::Vector;
use crate::bits::Bits;

/// A column of a leaf whose values are fetched when asked for.
#[derive(Clone, Copy, Debug)]
pub struct LeafColumn<'v> {
    view: LeafView<'v>,
    slot: usize,
    kind: DataType,
    nulls: u64,
}

impl<'v> Vector<'v> {
    /// The column of a leaf in `slot`, of type `kind`. Nothing is copied but null maps and booleans, a word each.
    #[must_use]
    pub fn leaf(view: LeafView<'v>, slot: usize, kind: DataType) -> Self {
        match kind.lane() {
            Lane::Bit => Vector::Bool { bits: view.bits(slot).into(), nulls: view.nulls(slot).into() },
            Lane::Word | Lane::RowId => match view.words(slot) {
                Words::Slice(words) => {
                    Vector::Word { kind, data: Cow::Borrowed(words), nulls: view.nulls(slot).into() }
                }
                Words::RowIds(_) => Vector::row_ids(view, kind),
                Words::Same(_) if view.nulls(slot) != 0 => Vector::null(kind, view.len()),
                Words::Same(word) => Vector::Constant {
                    value: kind.value_from_word(word).unwrap_or_default(),
                    kind: Some(kind),
                    len: view.len(),
                },
            },
            Lane::Wide | Lane::Text | Lane::Bytes => {
                Vector::Leaf(LeafColumn { view, slot, kind, nulls: view.nulls(slot) })
            }
        }
    }

    /// Makes this the column of another leaf. Words, and what is fetched when asked for, are written over where they lie,
    /// which costs less than the moves of a new column.
    #[inline]
    pub(crate) fn set_leaf(&mut self, view: LeafView<'v>, slot: usize, kind: DataType) {
        match (&mut *self, kind.lane()) {
            (Vector::Word { kind: known, data: Cow::Borrowed(data), nulls }, Lane::Word)
                if let Words::Slice(words) = view.words(slot) =>
            {
                *known = kind;
                *data = words;
                *nulls = view.nulls(slot).into();
            }
            (Vector::Leaf(column), Lane::Wide | Lane::Text | Lane::Bytes) => {
                *column = LeafColumn { view, slot, kind, nulls: view.nulls(slot) };
            }
            _ => *self = Vector::leaf(view, slot, kind),
        }
    }

    /// The row ids of a leaf as a column of integers: the primary key of a table that is keyed by one.
    #[must_use]
    pub fn row_ids(view: LeafView<'v>, kind: DataType) -> Self {
        Vector::words(kind, view.row_ids().iter().map(|row_id| row_id.cast_unsigned()).collect())
    }
}

impl<'v> LeafColumn<'v> {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the column.
    #[must_use]
    pub fn kind(&self) -> DataType {
        self.kind
    }

    /// The rows that are NULL.
    #[must_use]
    pub fn nulls(&self) -> Bits {
        self.nulls.into()
    }

    /// Whether the row is NULL.
    #[must_use]
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls >> row & 1 == 1
    }

    /// The decimal of the row.
    #[must_use]
    #[inline]
    pub fn decimal(&self, row: usize) -> Option<Decimal> {
        (matches!(self.kind, DataType::Decimal { .. }) && !self.is_null(row))
            .then(|| decimal_from_wide(self.view.wide(self.slot, row)))
    }

    /// Its decimals as integers, each so many times the last digit of their scale, and the scale; `None` if they have
    /// several, or more digits than a word takes.
    pub(crate) fn units(&self) -> Option<(Vec<u64>, u8)> {
        decimal_units(self.stored_decimals()?, self.nulls)
    }

    /// Its decimals as they are stored; `None` if it is none of decimals, or each row has its default.
    #[inline]
    pub(crate) fn stored_decimals(&self) -> Option<&'v [[u64; 2]]> {
        self.view.wides(self.slot).filter(|_| matches!(self.kind, DataType::Decimal { .. }))
    }

    /// The UUID of the row.
    #[must_use]
    pub fn uuid(&self, row: usize) -> Option<Uuid> {
        (self.kind == DataType::Uuid && !self.is_null(row))
            .then(|| Uuid::from_u128(self.view.wide(self.slot, row)))
    }

    /// The text of the row, which outlives the column; of JSON, the text it is stored as.
    #[must_use]
    #[inline]
    pub fn text(&self, row: usize) -> Option<&'v str> {
        (self.kind.lane() == Lane::Text).then(|| self.view.text(self.slot, row)).flatten()
    }

    /// Those of its texts that lie in the leaf.
    #[inline]
    pub(crate) fn stored_texts(&self) -> Option<LeafTexts<'v>> {
        if self.kind.lane() == Lane::Text { self.view.texts(self.slot) } else { None }
    }

    /// The bytes of the row, which outlive the column.
    #[must_use]
    pub fn bytes(&self, row: usize) -> Option<&'v [u8]> {
        (self.kind == DataType::Bytes).then(|| self.view.bytes(self.slot, row)).flatten()
    }

    /// The JSON of the row, parsed.
    #[must_use]
    pub fn json(&self, row: usize) -> Option<serde_json::Value> {
        let text = if self.kind == DataType::Json { self.text(row) } else { None };
        text.map(json_from_stored)
    }

    /// The row as a value.
    #[must_use]
    pub fn value(&self, row: usize) -> Value {
        match self.kind.lane() {
            Lane::Wide if !self.is_null(row) => {
                self.kind.value_from_wide(self.view.wide(self.slot, row)).unwrap_or_default()
            }
            Lane::Text if self.kind == DataType::Json => self.json(row).into(),
            Lane::Text => self.text(row).into(),
            Lane::Bytes => self.bytes(row).into(),
            _ => Value::Null,
        }
    }
}

/// The texts of a column, for who reads many of them: where those of a leaf lie is found out once.
pub(crate) struct TextsOf<'a, 'v> {
    leaf: Option<LeafTexts<'v>>,
    column: &'a Vector<'v>,
}

impl<'v> Vector<'v> {
    /// Its texts.
    #[inline]
    pub(crate) fn texts(&self) -> TextsOf<'_, 'v> {
        let leaf = match self {
            Vector::Leaf(column) if matches!(column.kind, DataType::Text { .. }) => column.stored_texts(),
            _ => None,
        };
        TextsOf { leaf, column: self }
    }
}

impl<'a, 'v> TextsOf<'a, 'v> {
    /// The text of a row; `None` is NULL.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&'a str>
    where
        'v: 'a,
    {
        match self.leaf.and_then(|leaf| leaf.get(row)) {
            Some(text) => Some(text),
            None => self.column.text(row),
        }
    }
}
