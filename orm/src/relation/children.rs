//! The verbs of rows that point here by a key, and of a many-to-many relation that the other side declares.

use std::{borrow::Cow, panic::Location, sync::Arc};

use nuages_storage::Value;
use smallvec::SmallVec;

use super::{
    Owner, Related,
    instances::{Relatable, keys},
    manager::{Back, SetOptions, finding, reading},
};
use crate::{
    assignment::AssignmentNode,
    atomic::Atomic,
    delete,
    error::{Error, Misuse, Result},
    executor::{
        Executor, finish_write,
        warnings::{Place, SingleRead, read_single},
    },
    expression::Condition,
    instance,
    model::Model,
    node::{Node, Step},
    prefetch::{Shared, set_parent},
    queryset::{QuerySet, QueryState, Queryset, fetch_instances, keys_in, update},
    save::Persist,
};

impl<C: Model> Related<C> {
    reading!(C);

    /// Stores a new row that points at this one, whatever its key said.
    ///
    /// # Errors
    /// As [`Persist::insert`].
    pub fn create(&mut self, mut instance: C, ex: &dyn Executor) -> Result<C> {
        let owner = self.owned()?.clone();
        let back = owner.back()?;
        let created = if back.is_pair {
            finish_write(
                ex,
                ex.atomic(|tx| {
                    let created = instance.insert(tx)?;
                    let key = instance::key_of(&created)
                        .ok_or(Error::Unsaved { model: C::NAME, wanted: "a pair" })?;
                    owner.pairs(C::meta(), tx)?.add(vec![key])?;
                    Ok(created)
                }),
            )
        } else {
            for (field, value) in owner.written(&back)? {
                instance::set_value(&mut instance, field, &value)?;
            }
            instance.insert(ex)
        };
        self.keep(None);
        created
    }

    finding!(C);

    /// The related rows, each with this copy of the row that they point at, so that following the key back needs no
    /// query: `artist.albums.all_of(&artist, &db)?`. A relation cannot see the row that it is a field of, so it is
    /// given here.
    ///
    /// # Errors
    /// As [`all`](Related::all); [`Misuse::Other`] for another row than the one that has the relation.
    pub fn all_of<M: Model>(&self, owner: &M, ex: &dyn Executor) -> Result<Vec<C>> {
        let of = self.owned()?;
        of.check_is(owner)?;
        let mut rows = self.all(ex)?.into_owned();
        if let Back { relation: (_, field), is_pair: false, .. } = of.back()? {
            let owner: Shared = Arc::new(owner.clone());
            rows.iter_mut().for_each(|row| set_parent(row, field, &owner));
        }
        Ok(rows)
    }

    /// Makes rows point at this one.
    ///
    /// # Errors
    /// [`Error::Unsaved`] for one that is not stored.
    pub fn add(&mut self, rows: impl Relatable<C>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a relation")?;
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.add(keys)),
            back => owner.point::<C>(&back, keys, ex),
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// Makes rows point at nothing, if they point at this one. Those that do so by a generic key are deleted, as in
    /// Django.
    ///
    /// # Errors
    /// [`Misuse::Other`] where the key must have a value; [`Error::Unsaved`].
    pub fn remove(&mut self, rows: impl Relatable<C>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a relation")?;
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.remove(&keys)),
            back => {
                let mut state = owner.queryset::<C>()?.into_state();
                state.add_condition(keys_in(keys));
                back.release(&state, ex)
            }
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// Makes all rows that point at this one point at nothing, or by a generic key, deletes them.
    ///
    /// # Errors
    /// As [`remove`](Related::remove).
    pub fn clear(&mut self, ex: &dyn Executor) -> Result<()> {
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.clear()),
            back => back.release(owner.queryset::<C>()?.state(), ex),
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// Makes these rows point at this one, and no others where the key may be NULL.
    ///
    /// # Errors
    /// As [`add`](Related::add).
    pub fn set(&mut self, rows: impl Relatable<C>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a relation")?;
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.set(keys)),
            back => set_children::<C>(owner, &back, keys, ex),
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// [`set`](Related::set) with options.
    ///
    /// # Errors
    /// As [`add`](Related::add).
    pub fn set_with(
        &mut self,
        rows: impl Relatable<C>,
        options: SetOptions,
        ex: &dyn Executor,
    ) -> Result<()> {
        if !options.clear {
            return self.set(rows, ex);
        }
        let keys = keys(rows, "a relation")?;
        let result = ex.atomic(|tx| {
            let owner = self.owned()?;
            match owner.back()? {
                Back { is_pair: true, .. } => {
                    let pairs = owner.pairs(C::meta(), tx)?;
                    pairs.clear().and_then(|()| pairs.add(keys))
                }
                back => {
                    if back.can_release() {
                        back.release(owner.queryset::<C>()?.state(), tx)?;
                    }
                    owner.point::<C>(&back, keys, tx)
                }
            }
        });
        self.keep(None);
        finish_write(ex, result)
    }
}

fn set_children<C: Model>(owner: &Owner, back: &Back, keys: Vec<Value>, ex: &dyn Executor) -> Result<()> {
    ex.atomic(|tx| {
        if back.can_release() {
            let mut others = owner.queryset::<C>()?.into_state();
            others.add_condition(keys_in(keys.iter().cloned()).negated());
            back.release(&others, tx)?;
        }
        owner.point::<C>(back, keys, tx)
    })
}

impl Owner {
    /// What a row has in its columns that points here.
    fn written(&self, back: &Back) -> Result<SmallVec<[(u16, Value); 2]>> {
        let Step::Field(field) = back.step else {
            return Err(Misuse::NotAColumn { model: self.model.name }.into());
        };
        let mut written: SmallVec<_> = [(field, self.key_value()?)].into_iter().collect();
        if let Some(columns) = back.generic {
            written.push((columns.content_type, Value::Text(self.model.label())));
        }
        Ok(written)
    }

    /// Makes the rows with these keys point here.
    fn point<C: Model>(&self, back: &Back, keys: Vec<Value>, ex: &dyn Executor) -> Result<()> {
        let mut state = QueryState::new(C::meta());
        state.add_condition(keys_in(keys));
        let assign = |(field, value)| AssignmentNode::own(Step::Field(field), Node::Value(value));
        let list: Vec<_> = self.written(back)?.into_iter().map(assign).collect();
        update(&state, &list, ex).map(drop)
    }
}

impl Back {
    /// Whether rows need not point anywhere: their key may be NULL, or they go when what they point at goes.
    fn can_release(&self) -> bool {
        let (model, field) = self.relation;
        self.generic.is_some() || model.field(field).is_some_and(|field| field.null)
    }

    /// Makes the rows of a queryset, which point somewhere by this relation, point at nothing.
    fn release(&self, state: &QueryState, ex: &dyn Executor) -> Result<()> {
        if !self.can_release() {
            let wanted = "rows whose key must have a value cannot be removed; delete or move them";
            return Err(Misuse::Other(wanted).into());
        }
        if self.generic.is_some() {
            return delete::by_queryset(state, ex).map(drop);
        }
        let list = [AssignmentNode::own(self.step, Node::Value(Value::Null))];
        update(state, &list, ex).map(drop)
    }
}
