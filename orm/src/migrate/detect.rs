//! What leads from one state to another: the autodetector. Follows django/db/migrations/autodetector.py.

use std::collections::BTreeSet;

use super::{
    operation::{Operation, renamed},
    state::{FieldState, FieldStateKind, ModelState, ProjectState},
};

/// A field that has another name now, which no comparison can tell from one that went and one that came: the model's
/// label, the old name and the new one.
pub type RenamedField<'n> = (&'n str, &'n str, &'n str);

/// The operations that lead from one state to another, in an order in which each finds what it needs.
///
/// ```
/// use nuages::field::DataType;
/// use nuages::migrate::{FieldState, ModelState, ProjectState, changes};
/// let (parent, child) = (ModelState::with_id("app", "Parent"), ModelState::with_id("app", "Child"));
/// let child = child.field("parent", FieldState::foreign_key("parent_id", "app.Parent"));
/// let after = ProjectState::from_models([child, parent]);
/// let operations: Vec<String> = changes(&ProjectState::default(), &after, &[]).iter().map(ToString::to_string).collect();
/// assert_eq!(operations, ["Create model Parent", "Create model Child"]);
/// ```
pub fn changes(from: &ProjectState, to: &ProjectState, renamed: &[RenamedField<'_>]) -> Vec<Operation> {
    let mut operations = Vec::new();
    let gone: Vec<&ModelState> =
        from.models.values().filter(|model| !to.models.contains_key(&model.label())).collect();
    let kept: Vec<(&ModelState, &ModelState)> = {
        let mut kept: Vec<_> =
            to.models.iter().filter_map(|(label, model)| Some((from.models.get(label)?, model))).collect();
        kept.sort_by_key(|(_, model)| model.label());
        kept
    };
    let (after_fields, at_once) = needed_and_free(gone, &kept);
    delete_models(&at_once, &mut operations);
    create_models(from, to, &mut operations);
    for (old, new) in &kept {
        if old.options != new.options {
            operations.push(Operation::AlterOptions { model: new.label(), options: new.options.clone() });
        }
    }
    let kept: Vec<Kept<'_>> = kept.into_iter().map(|(old, new)| Kept::new(old, new, renamed)).collect();
    for step in [
        Kept::remove_constraints,
        Kept::rename_fields,
        Kept::narrow_unique_together,
        Kept::remove_fields,
        Kept::add_fields,
        Kept::alter_fields,
        Kept::alter_unique_together,
        Kept::add_indexes,
        Kept::add_constraints,
        Kept::rename_table,
    ] {
        kept.iter().for_each(|model| step(model, &mut operations));
    }
    delete_models(&after_fields, &mut operations);
    operations
}

/// Of models that go, those that may go only after keys of models that stay, and the others: what such a key leads to, and
/// what a model leads to that goes so late.
fn needed_and_free<'s>(
    gone: Vec<&'s ModelState>,
    kept: &[(&ModelState, &ModelState)],
) -> (Vec<&'s ModelState>, Vec<&'s ModelState>) {
    let leads = |from: &ModelState, to: &ModelState| from.leads_to().any(|(_, label)| label == to.label());
    let (mut needed, mut free): (Vec<_>, Vec<_>) =
        gone.into_iter().partition(|model| kept.iter().any(|(old, _)| leads(old, model)));
    while let Some(place) = free.iter().position(|model| needed.iter().any(|late| leads(late, model))) {
        needed.push(free.remove(place));
    }
    (needed, free)
}

/// Models go; those that lead to others before these, and where they lead to each other, without their keys.
fn delete_models(models: &[&ModelState], operations: &mut Vec<Operation>) {
    let mut left: Vec<&ModelState> = models.to_vec();
    left.sort_by_key(|model| model.label());
    while !left.is_empty() {
        let is_pointed_at = |model: &ModelState| {
            let label = model.label();
            left.iter().any(|other| other.label() != label && other.leads_to().any(|(_, to)| to == label))
        };
        let free = left.iter().position(|model| !is_pointed_at(model));
        let model = left.remove(free.unwrap_or_default());
        if free.is_none() {
            let pointing =
                left.iter().flat_map(|other| other.leads_to().map(|(name, to)| (other.label(), name, to)));
            for (other, name, to) in pointing {
                if to == model.label() {
                    operations.push(Operation::RemoveField { model: other, name: name.into() });
                }
            }
        }
        operations.push(Operation::DeleteModel { model: model.label() });
    }
}

/// Models come; those that others lead to before these. Where they lead to each other, a field comes later.
fn create_models(from: &ProjectState, to: &ProjectState, operations: &mut Vec<Operation>) {
    let is_new = |label: &str| to.models.contains_key(label) && !from.models.contains_key(label);
    let mut waiting: Vec<&ModelState> = to.models.values().filter(|model| is_new(&model.label())).collect();
    waiting.sort_by_key(|model| model.label());
    let mut made: BTreeSet<String> = BTreeSet::new();
    let mut later = Vec::new();
    while !waiting.is_empty() {
        let lacks = |model: &ModelState, made: &BTreeSet<String>| -> Vec<String> {
            let label = model.label();
            let lacking =
                model.leads_to().filter(|(_, to)| *to != label && is_new(to) && !made.contains(*to));
            lacking.map(|(name, _)| name.to_owned()).collect()
        };
        let ready = waiting.iter().position(|model| lacks(model, &made).is_empty()).unwrap_or_default();
        let model = waiting.remove(ready);
        let lacking = lacks(model, &made);
        let mut created = model.clone();
        if !lacking.is_empty() {
            created.fields.retain(|name, _| !lacking.contains(name));
            created.unique_together.clear();
            created.indexes.clear();
            created.constraints.clear();
            later.push((created.clone(), model));
        }
        made.insert(model.label());
        operations.push(Operation::CreateModel(created));
    }
    for (created, model) in later {
        let kept = Kept::new(&created, model, &[]);
        kept.add_fields(operations);
        kept.alter_unique_together(operations);
        kept.add_indexes(operations);
        kept.add_constraints(operations);
    }
}

/// A model that was there and is.
struct Kept<'s> {
    old: &'s ModelState,
    new: &'s ModelState,
    label: String,
    /// The fields with other names: the old one, the new one.
    renamed: Vec<(&'s str, &'s str)>,
}

impl<'s> Kept<'s> {
    /// Renames count where there is such a field of the same kind.
    fn new(old: &'s ModelState, new: &'s ModelState, renamed: &[RenamedField<'_>]) -> Kept<'s> {
        let label = new.label();
        let of_this = renamed.iter().filter(|(model, ..)| *model == label);
        let found = of_this.filter_map(|(_, from, to)| {
            let (from, before) = old.fields.get_key_value(*from)?;
            let (to, after) = new.fields.get_key_value(*to)?;
            let same = FieldState { column: after.column.clone(), ..before.clone() };
            same.is_same(after).then_some((&**from, &**to))
        });
        Kept { old, new, renamed: found.collect(), label }
    }

    /// The name that a field of the old model has in the new one.
    fn name_now<'n>(&'n self, name: &'n str) -> &'n str {
        self.renamed.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| *to)
    }

    /// Each when its new name is free; where names go round, one is put aside first.
    fn rename_fields(&self, operations: &mut Vec<Operation>) {
        let mut left: Vec<(String, &str)> =
            self.renamed.iter().map(|(from, to)| ((*from).to_owned(), *to)).collect();
        while !left.is_empty() {
            let is_free = |(_, to): &(String, &str)| !left.iter().any(|(other, _)| other == to);
            match left.iter().position(is_free) {
                Some(place) => {
                    let (from, to) = left.remove(place);
                    self.rename_field(from, to, operations);
                }
                None => {
                    let aside = format!("{}_aside", left[0].0);
                    let from = std::mem::replace(&mut left[0].0, aside.clone());
                    operations.push(Operation::RenameField { model: self.label.clone(), from, to: aside });
                }
            }
        }
    }

    /// A field with another name, and its column where that does not follow.
    fn rename_field(&self, from: String, to: &str, operations: &mut Vec<Operation>) {
        let (model, name) = (self.label.clone(), to.to_owned());
        let first = self.renamed.iter().find(|(_, now)| *now == to).map(|(first, _)| *first);
        let was = first.and_then(|first| Some((first, &self.old.fields.get(first)?.column)));
        let follows = was.map(|(first, column)| match from == first {
            true => renamed(column, &from, to),
            false => renamed(&renamed(column, first, &from), &from, to),
        });
        operations.push(Operation::RenameField { model: model.clone(), from, to: name.clone() });
        if let Some(field) = self.new.fields.get(to).filter(|field| follows.as_ref() != Some(&field.column)) {
            operations.push(Operation::AlterField { model, name, field: field.clone() });
        }
    }

    fn remove_fields(&self, operations: &mut Vec<Operation>) {
        let gone: BTreeSet<&String> = self.old.fields.keys().collect();
        for name in gone.into_iter().filter(|name| !self.new.fields.contains_key(self.name_now(name))) {
            operations.push(Operation::RemoveField { model: self.label.clone(), name: name.clone() });
        }
    }

    fn add_fields(&self, operations: &mut Vec<Operation>) {
        let is_old = |name: &str| self.old.fields.keys().any(|old| self.name_now(old) == name);
        let mut added: Vec<_> = self.new.fields.iter().filter(|(name, _)| !is_old(name)).collect();
        added.sort_by_key(|(name, _)| *name);
        for (name, field) in added {
            let (name, field) = (name.clone(), field.clone());
            operations.push(Operation::AddField { model: self.label.clone(), name, field });
        }
    }

    fn alter_fields(&self, operations: &mut Vec<Operation>) {
        let mut both: Vec<_> = self
            .new
            .fields
            .iter()
            .filter(|(name, _)| !self.renamed.iter().any(|(from, to)| from == name || to == name))
            .filter_map(|(name, new)| Some((name, self.old.fields.get(name)?, new)))
            .collect();
        both.sort_by_key(|(name, ..)| *name);
        for (name, old, new) in both {
            if old.is_same(new) {
                continue;
            }
            let (model, field) = (self.label.clone(), new.clone());
            let is_many = |field: &FieldState| matches!(field.kind, FieldStateKind::ManyToMany { .. });
            if is_many(old) || is_many(new) {
                operations.push(Operation::RemoveField { model: model.clone(), name: name.clone() });
                operations.push(Operation::AddField { model, name: name.clone(), field });
            } else {
                operations.push(Operation::AlterField { model, name: name.clone(), field });
            }
        }
    }

    /// The old sets under the new names, of which those that stay.
    fn sets_that_stay(&self) -> Vec<Vec<String>> {
        let now = |set: &Vec<String>| set.iter().map(|name| self.name_now(name).to_owned()).collect();
        let old: Vec<Vec<String>> = self.old.unique_together.iter().map(now).collect();
        old.into_iter().filter(|set| self.new.unique_together.contains(set)).collect()
    }

    fn narrow_unique_together(&self, operations: &mut Vec<Operation>) {
        let sets = self.sets_that_stay();
        if sets.len() < self.old.unique_together.len() {
            operations.push(Operation::AlterUniqueTogether { model: self.label.clone(), sets });
        }
    }

    fn alter_unique_together(&self, operations: &mut Vec<Operation>) {
        if self.sets_that_stay().len() < self.new.unique_together.len() {
            let sets = self.new.unique_together.clone();
            operations.push(Operation::AlterUniqueTogether { model: self.label.clone(), sets });
        }
    }

    fn remove_constraints(&self, operations: &mut Vec<Operation>) {
        let (model, old) = (&self.label, self.renamed_old());
        for (name, _) in
            old.constraints.iter().filter(|(name, old)| self.new.constraints.get(*name) != Some(old))
        {
            operations.push(Operation::RemoveConstraint { model: model.clone(), name: name.clone() });
        }
        for (name, _) in old.indexes.iter().filter(|(name, old)| self.new.indexes.get(*name) != Some(old)) {
            operations.push(Operation::RemoveIndex { model: model.clone(), name: name.clone() });
        }
    }

    fn add_indexes(&self, operations: &mut Vec<Operation>) {
        let old = self.renamed_old();
        for (name, index) in self.new.indexes.iter().filter(|(name, new)| old.indexes.get(*name) != Some(new))
        {
            let (name, index) = (name.clone(), index.clone());
            operations.push(Operation::AddIndex { model: self.label.clone(), name, index });
        }
    }

    fn add_constraints(&self, operations: &mut Vec<Operation>) {
        let old = self.renamed_old();
        let added = self.new.constraints.iter().filter(|(name, new)| old.constraints.get(*name) != Some(new));
        for (name, constraint) in added {
            let (name, constraint) = (name.clone(), constraint.clone());
            operations.push(Operation::AddConstraint { model: self.label.clone(), name, constraint });
        }
    }

    /// The old model after its fields have their new names.
    fn renamed_old(&self) -> ModelState {
        let mut state = ProjectState::from_models([self.old.clone()]);
        let mut renames = Vec::new();
        self.rename_fields(&mut renames);
        for rename in renames {
            // Of a field that is there, it cannot fail.
            let _ = rename.change(&mut state);
        }
        state.models.swap_remove(&self.label).unwrap_or_else(|| self.old.clone())
    }

    fn rename_table(&self, operations: &mut Vec<Operation>) {
        if self.old.table != self.new.table {
            operations
                .push(Operation::RenameTable { model: self.label.clone(), table: self.new.table.clone() });
        }
    }
}
