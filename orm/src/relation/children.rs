//! The verbs of rows that point here by a key, and of a many-to-many relation that the other side declares.

use std::{borrow::Cow, panic::Location, sync::Arc};

use nuages_storage::Value;

use super::{
    Owner, Related,
    instances::{Relatable, keys},
    manager::{Back, SetOptions, finding, reading},
};
use crate::{
    assignment::AssignmentNode,
    atomic::Atomic,
    error::{Error, Misuse, Result},
    executor::{
        Executor, finish_write,
        warnings::{Place, SingleRead, read_single},
    },
    expression::Condition,
    instance,
    meta::ModelMeta,
    model::Model,
    node::{Node, Step},
    prefetch::{Shared, set_parent},
    queryset::{QuerySet, QueryState, Queryset, fetch_instances, keys_in},
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
        let Back { step, is_pair, .. } = owner.back()?;
        let created = if is_pair {
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
            if let Step::Field(field) = step {
                instance::set_value(&mut instance, field, owner.key_value()?)?;
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
        if let Back { step: Step::Field(field), is_pair: false, .. } = of.back()? {
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
            Back { step, .. } => {
                let mut state = QueryState::new(C::meta());
                state.add_condition(keys_in(keys));
                point(&state, step, owner.key_value()?.clone(), ex)
            }
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// Makes rows point at nothing, if they point at this one.
    ///
    /// # Errors
    /// [`Misuse::Other`] where the key must have a value; [`Error::Unsaved`].
    pub fn remove(&mut self, rows: impl Relatable<C>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a relation")?;
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.remove(&keys)),
            Back { step, relation, .. } => {
                nullable(relation)?;
                let mut state = owner.queryset::<C>()?.into_state();
                state.add_condition(keys_in(keys));
                point(&state, step, Value::Null, ex)
            }
        };
        self.keep(None);
        finish_write(ex, result)
    }

    /// Makes all rows that point at this one point at nothing.
    ///
    /// # Errors
    /// As [`remove`](Related::remove).
    pub fn clear(&mut self, ex: &dyn Executor) -> Result<()> {
        let owner = self.owned()?;
        let result = match owner.back()? {
            Back { is_pair: true, .. } => owner.change_pairs(C::meta(), ex, |pairs| pairs.clear()),
            Back { step, relation, .. } => {
                nullable(relation)?;
                point(owner.queryset::<C>()?.state(), step, Value::Null, ex)
            }
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
            Back { step, relation, .. } => set_children::<C>(owner, step, relation, keys, ex),
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
                Back { step, relation, .. } => {
                    if nullable(relation).is_ok() {
                        point(owner.queryset::<C>()?.state(), step, Value::Null, tx)?;
                    }
                    let mut state = QueryState::new(C::meta());
                    state.add_condition(keys_in(keys));
                    point(&state, step, owner.key_value()?.clone(), tx)
                }
            }
        });
        self.keep(None);
        finish_write(ex, result)
    }
}

fn set_children<C: Model>(
    owner: &Owner,
    step: Step,
    relation: (&'static ModelMeta, u16),
    keys: Vec<Value>,
    ex: &dyn Executor,
) -> Result<()> {
    ex.atomic(|tx| {
        if nullable(relation).is_ok() {
            let mut others = owner.queryset::<C>()?.into_state();
            others.add_condition(keys_in(keys.iter().cloned()).negated());
            point(&others, step, Value::Null, tx)?;
        }
        let mut state = QueryState::new(C::meta());
        state.add_condition(keys_in(keys));
        point(&state, step, owner.key_value()?.clone(), tx)
    })
}

/// Whether rows may point at nothing.
fn nullable((model, field): (&'static ModelMeta, u16)) -> Result<()> {
    match model.field(field) {
        Some(field) if field.null => Ok(()),
        _ => {
            Err(Misuse::Other("rows whose key must have a value cannot be removed; delete or move them")
                .into())
        }
    }
}

/// Writes a key into the rows of a queryset.
fn point(state: &QueryState, step: Step, key: Value, ex: &dyn Executor) -> Result<()> {
    let list = [AssignmentNode { step, value: Node::Value(key) }];
    crate::queryset::update(state, &list, ex).map(drop)
}
