//! Sequences: numbers under a name, for whoever asks for the next.
//!
//! The catalog says how a sequence goes on, which is changed in transactions as all definitions are. Where it *is* lies
//! beside the versions ([`nuages_storage::sequence`]), under the id that the definition has: one that begins again has
//! another id.

use std::sync::Arc;

use nuages_storage::{DataType, SequenceId, Steps, TableId};

use super::{Catalog, ColumnId, SchemaId, TableDefinition};
use crate::algebra::{Expr, Function, Numbering, Origin, SequenceCall, SequenceVerb};

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceDefinition {
    /// Where its numbers come from.
    pub id: SequenceId,
    /// Its name; no table, view or index has the same.
    pub name: String,
    /// The type that all its numbers are of: an integer.
    pub data_type: DataType,
    /// How it goes on.
    pub steps: Steps,
    /// The column that it goes with.
    pub owner: Option<(TableId, ColumnId)>,
}

/// A sequence to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSequence {
    /// Its name.
    pub name: String,
    /// The type of its numbers: an integer.
    pub data_type: DataType,
    /// How it goes on.
    pub steps: Steps,
}

impl NewSequence {
    /// The positive numbers of a type, from 1.
    pub fn counting(name: impl Into<String>, data_type: DataType) -> NewSequence {
        let steps = Steps { start: 1, increment: 1, min: 1, max: integers(data_type).1, cycles: false };
        NewSequence { name: name.into(), data_type, steps }
    }
}

/// The least and the greatest integer of a type.
pub(crate) fn integers(data_type: DataType) -> (i64, i64) {
    match data_type {
        DataType::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        DataType::Integer => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

impl SequenceDefinition {
    /// Where its numbers come from, as expressions say it.
    pub fn numbering(&self) -> Numbering {
        Numbering { name: self.name.clone(), origin: Origin::Sequence(self.id), steps: self.steps }
    }

    /// An expression that does something with it that needs no argument.
    pub fn call(&self, verb: SequenceVerb) -> Expr {
        let call = SequenceCall { verb, numbering: Some(self.numbering()) };
        Expr::Call(Function::Sequence(Box::new(call)), Vec::new())
    }
}

impl Catalog {
    /// The sequences that are seen, the oldest first. The keys of a table that numbers itself are none of them.
    pub fn sequences(&self) -> impl Iterator<Item = &Arc<SequenceDefinition>> {
        self.sequences.iter().filter(|sequence| self.sees_sequence(sequence))
    }

    fn sees_sequence(&self, sequence: &SequenceDefinition) -> bool {
        !sequence.id.is_temporary() || sequence.owner.is_some_and(|(table, _)| self.sees(table))
    }

    /// The sequence of this name.
    pub fn sequence_named(&self, name: &str) -> Option<&Arc<SequenceDefinition>> {
        self.sequences().find(|sequence| sequence.name == name)
    }

    /// Whether a table, a view or a sequence has this name.
    pub(crate) fn has_relation(&self, name: &str) -> bool {
        self.find_table(name).is_some()
            || self.view_named(name).is_some()
            || self.sequence_named(name).is_some()
    }

    /// This catalog with other sequences in the place of those that are seen.
    pub(crate) fn with_sequences(&self, mut sequences: Vec<Arc<SequenceDefinition>>) -> Catalog {
        let is_hidden = |sequence: &&Arc<SequenceDefinition>| !self.sees_sequence(sequence);
        sequences.extend(self.sequences.iter().filter(is_hidden).cloned());
        Catalog { schema: SchemaId::fresh(), sequences: sequences.into(), ..self.clone() }
    }

    /// Forgets the sequences that go with a table, or with a column of it.
    pub(crate) fn forget_sequences(&mut self, table: TableId, column: Option<ColumnId>) {
        let goes = |sequence: &Arc<SequenceDefinition>| {
            sequence
                .owner
                .is_some_and(|owner| owner.0 == table && column.is_none_or(|column| owner.1 == column))
        };
        if self.sequences.iter().any(&goes) {
            self.sequences = self.sequences.iter().filter(|sequence| !goes(sequence)).cloned().collect();
        }
    }

    /// The first table with a column whose default draws from a sequence, and that column.
    pub(crate) fn drawing_from(
        &self,
        id: SequenceId,
    ) -> impl Iterator<Item = (&Arc<TableDefinition>, usize)> {
        self.every_table().flat_map(move |table| {
            let draws = |place: &usize| {
                table.columns[*place].default.as_ref().is_some_and(|default| draws_from(default, id))
            };
            (0..table.columns.len()).filter(draws).map(move |place| (table, place)).collect::<Vec<_>>()
        })
    }
}

impl TableDefinition {
    /// Whether a default of a column draws from the keys of a table that numbers itself, and so can be said only behind
    /// that table.
    pub fn draws_keys(&self) -> bool {
        self.columns.iter().any(|column| column.default.as_ref().is_some_and(draws_keys))
    }

    /// Whether a default of a column draws from a sequence.
    pub fn draws_from(&self, id: SequenceId) -> bool {
        self.columns
            .iter()
            .any(|column| column.default.as_ref().is_some_and(|default| draws_from(default, id)))
    }
}

/// Whether an expression draws from the keys of a table that numbers itself.
fn draws_keys(expr: &Expr) -> bool {
    let is_of_keys = |of: &SequenceCall| {
        of.numbering.as_ref().is_some_and(|numbering| matches!(numbering.origin, Origin::Keys(_)))
    };
    matches!(expr, Expr::Call(Function::Sequence(of), _) if is_of_keys(of)) || expr.any_child(draws_keys)
}

/// Whether an expression does something with a sequence.
fn draws_from(expr: &Expr, id: SequenceId) -> bool {
    is_call_of(expr, id) || expr.any_child(|child| draws_from(child, id))
}

/// The same, but for what is within it.
pub(crate) fn is_call_of(expr: &Expr, id: SequenceId) -> bool {
    let is_of = |of: &SequenceCall| {
        of.numbering.as_ref().is_some_and(|numbering| numbering.origin == Origin::Sequence(id))
    };
    matches!(expr, Expr::Call(Function::Sequence(of), _) if is_of(of))
}

/// Puts what a sequence has become in the place of what it was, in an expression.
pub(crate) fn redirect(expr: &mut Expr, from: SequenceId, to: &Numbering) {
    if let Expr::Call(Function::Sequence(of), _) = expr
        && let Some(numbering) = &mut of.numbering
        && numbering.origin == Origin::Sequence(from)
    {
        numbering.clone_from(to);
    }
    expr.each_child_mut(&mut |child| redirect(child, from, to));
}
