//! Sequences: created, changed, dropped, and taken along by the columns they go with.

use std::sync::Arc;

use nuages_storage::{SequenceId, TableId};

use crate::algebra::SequenceVerb;
use crate::catalog::sequence::redirect;
use crate::catalog::{
    Catalog, ColumnId, NewColumn, NewSequence, NewTable, SequenceDefinition, TableDefinition,
};
use crate::error::Error;
use crate::write::WritingStatement;

impl WritingStatement<'_, '_> {
    /// Creates a sequence.
    pub(crate) fn create_sequence(
        &mut self,
        new: &NewSequence,
        owner: Option<(TableId, ColumnId)>,
    ) -> Result<(), Error> {
        let catalog = self.catalog_to_change(&new.name)?;
        if catalog.has_relation(&new.name) || catalog.index_named(&new.name).is_some() {
            return Err(Error::DuplicateTable { name: new.name.clone() });
        }
        let is_temporary = owner.is_some_and(|(table, _)| table.is_temporary());
        let mut definition = self.made(new, is_temporary);
        definition.owner = owner;
        let others = catalog.sequences().cloned();
        self.install(catalog.with_sequences(others.chain([Arc::new(definition)]).collect()));
        Ok(())
    }

    fn made(&mut self, new: &NewSequence, is_temporary: bool) -> SequenceDefinition {
        let id = self.fresh_sequence_id(is_temporary);
        let NewSequence { name, data_type, steps } = new.clone();
        // It begins here, whatever is said of its beginning later.
        self.writer().numbers().set(id, &steps, steps.start, false);
        SequenceDefinition { id, name, data_type, steps, owner: None }
    }

    fn fresh_sequence_id(&mut self, is_temporary: bool) -> SequenceId {
        let id = SequenceId::new(self.writer().fresh_id());
        if is_temporary { id.as_temporary() } else { id }
    }

    /// Puts another definition in the place of a sequence's, and into the defaults that draw from it. If it begins
    /// again with a number, its numbers come from elsewhere, so that a rollback finds where it was.
    pub(crate) fn change_sequence(
        &mut self,
        name: &str,
        mut to: SequenceDefinition,
        restart: Option<i64>,
    ) -> Result<(), Error> {
        let catalog = self.catalog_to_change(name)?;
        if to.name != name && (catalog.has_relation(&to.name) || catalog.index_named(&to.name).is_some()) {
            return Err(Error::DuplicateTable { name: to.name });
        }
        let from = to.id;
        if let Some(number) = restart {
            to.id = self.fresh_sequence_id(from.is_temporary());
            self.writer().numbers().set(to.id, &to.steps, number, false);
        } else if catalog.sequence_named(name).is_some_and(|before| before.steps != to.steps) {
            self.writer().numbers().go_on(to.id, &to.steps);
        }
        let (numbering, mut changed) = (to.numbering(), Catalog::clone(&catalog));
        let tables: Vec<TableId> = catalog.drawing_from(from).map(|(table, _)| table.id).collect();
        for table in tables {
            let mut definition = TableDefinition::clone(changed.expect_table(table)?);
            let defaults = definition.columns.iter_mut().filter_map(|column| column.default.as_mut());
            defaults.for_each(|default| redirect(default, from, &numbering));
            changed = changed.with(definition);
        }
        let to = Arc::new(to);
        let sequences = changed.sequences();
        let sequences =
            sequences.map(|known| if known.id == from { Arc::clone(&to) } else { Arc::clone(known) });
        let mut changed = changed.with_sequences(sequences.collect());
        changed.pass_comment(from, to.id);
        self.install(changed);
        Ok(())
    }

    /// Drops sequences; the defaults that draw from them go, too, if they may.
    ///
    /// # Errors
    /// [`Error::SequenceUsed`] if a default draws from one.
    pub(crate) fn drop_sequences(&mut self, ids: &[SequenceId], is_cascading: bool) -> Result<(), Error> {
        let Some(first) = ids.first() else { return Ok(()) };
        let catalog = self.catalog_to_change(&format!("#{}", first.get()))?;
        let mut left = Catalog::clone(&catalog);
        for sequence in catalog.sequences().filter(|sequence| ids.contains(&sequence.id)) {
            for (table, place) in catalog.drawing_from(sequence.id) {
                if !is_cascading {
                    return Err(used(sequence, table, place));
                }
                let mut definition = TableDefinition::clone(left.expect_table(table.id)?);
                definition.columns[place].default = None;
                left = left.with(definition);
            }
        }
        let others = left.sequences().filter(|sequence| !ids.contains(&sequence.id)).cloned().collect();
        let left = left.with_sequences(others);
        self.install(left);
        Ok(())
    }

    /// That nothing but these tables draws from the sequences that go with them, or with a column of one.
    ///
    /// # Errors
    /// [`Error::SequenceUsed`].
    pub(super) fn expect_sequences_unused(
        catalog: &Catalog,
        tables: &[TableId],
        column: Option<ColumnId>,
    ) -> Result<(), Error> {
        let goes = |owner: (TableId, ColumnId)| {
            tables.contains(&owner.0) && column.is_none_or(|column| column == owner.1)
        };
        for sequence in catalog.sequences().filter(|sequence| sequence.owner.is_some_and(goes)) {
            for (table, place) in catalog.drawing_from(sequence.id) {
                let stays = match column {
                    None => !tables.contains(&table.id),
                    Some(column) => table.columns[place].id != column,
                };
                if stays {
                    return Err(used(sequence, table, place));
                }
            }
        }
        Ok(())
    }

    /// The sequences that the columns of a new table bring along, each with the place of its column.
    pub(super) fn sequences_of(
        &mut self,
        new: &mut NewTable,
        catalog: &Catalog,
    ) -> Vec<(usize, SequenceDefinition)> {
        let mut made: Vec<(usize, SequenceDefinition)> = Vec::new();
        for (place, column) in new.columns.iter_mut().enumerate() {
            let is_taken = |name: &str| name == new.name || made.iter().any(|(_, other)| other.name == name);
            let sequence = self.sequence_of(column, new.temporary.is_some(), catalog, &is_taken);
            made.extend(sequence.map(|sequence| (place, sequence)));
        }
        made
    }

    /// The sequence that a new column brings along, under a name that is free; the column's default draws from it.
    pub(super) fn sequence_of(
        &mut self,
        column: &mut NewColumn,
        is_temporary: bool,
        catalog: &Catalog,
        is_taken: &dyn Fn(&str) -> bool,
    ) -> Option<SequenceDefinition> {
        let mut new = column.sequence.take()?;
        let wanted = new.name.clone();
        for further in 1u32.. {
            if !is_taken(&new.name)
                && !catalog.has_relation(&new.name)
                && catalog.index_named(&new.name).is_none()
            {
                break;
            }
            new.name = format!("{wanted}{further}");
        }
        let definition = self.made(&new, is_temporary);
        column.default = Some(definition.call(SequenceVerb::Next));
        Some(definition)
    }
}

/// A catalog with the sequences that columns of a table have brought along.
pub(super) fn with_owned(
    catalog: &Catalog,
    table: &TableDefinition,
    sequences: Vec<(usize, SequenceDefinition)>,
) -> Catalog {
    if sequences.is_empty() {
        return catalog.clone();
    }
    let owned = sequences.into_iter().map(|(place, mut sequence)| {
        sequence.owner = table.columns.get(place).map(|column| (table.id, column.id));
        Arc::new(sequence)
    });
    catalog.with_sequences(catalog.sequences().cloned().chain(owned).collect())
}

fn used(sequence: &SequenceDefinition, table: &TableDefinition, place: usize) -> Error {
    let (table, column) = (table.name.clone(), table.columns[place].name.clone());
    Error::SequenceUsed { name: sequence.name.clone(), table, column }
}
