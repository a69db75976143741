//! `prefetch_related`: relations read for all rows of a result together, one query for each relation.
//!
//! [`into`] fills the relations of instances that were just read, or of rows of which some fields were not. The paths
//! of a queryset make a tree: `albums` and `albums.tracks` share their first step, which is read once, and what lies
//! beyond it is the prefetch of the related queryset, so depth is recursion. A row of a to-many relation knows its
//! parent: they share one copy of it.
//!
//! Order of reading: this file (what is read into which field); [`way`] (how related rows are found and told apart);
//! [`pushed`] (`prefetch_to`).

pub(crate) mod pushed;
mod way;

use std::{marker::PhantomData, sync::Arc};

use hashbrown::HashMap;
use indexmap::IndexSet;
use nuages_storage::Value;

pub(crate) use self::pushed::Pushed;
use self::way::Way;
pub(crate) use self::way::{Keys, Shared, set_parent};
use crate::{
    error::{Error, Misuse, Result},
    executor::Executor,
    field::ContentType,
    meta::ModelMeta,
    model::{Accessor, FieldVisitor, Key, Model},
    node::{FieldPath, Step},
    queryset::{
        QueryState, fetch_instances, keys_in,
        state::{Prefetch, Shape},
    },
    relation::{
        ForeignKey, Forward, Generic, ManyToMany, Related, RelatedOne, Through, generic, holder::Holder,
    },
};

/// A relation to be read, and what lies beyond it.
struct Level {
    field: u16,
    /// Of a generic key, the model that it is read for; all of them, if none.
    target: Option<&'static ModelMeta>,
    queryset: Option<Arc<QueryState>>,
    beyond: Vec<Prefetch>,
}

/// Reads relations into rows.
pub(crate) fn into<M: Model, H: Holder<M>>(
    holders: &mut [&mut H],
    list: &[Prefetch],
    ex: &dyn Executor,
) -> Result<()> {
    if holders.is_empty() {
        return Ok(());
    }
    for level in levels(M::meta(), list)? {
        let fetch = Fetch { holders: &mut *holders, level: &level, ex, model: PhantomData };
        M::visit(level.field, fetch).unwrap_or_else(|| Err(not_a_relation(M::meta())))?;
    }
    Ok(())
}

fn not_a_relation(model: &'static ModelMeta) -> Error {
    Misuse::NotAColumn { model: model.name }.into()
}

/// The tree's first level.
fn levels(model: &'static ModelMeta, list: &[Prefetch]) -> Result<Vec<Level>> {
    let mut levels: Vec<Level> = Vec::new();
    for prefetch in list {
        let Some((first, rest)) = prefetch.path.steps().split_first() else { continue };
        let (field, target) = match *first {
            Step::Field(field) => (field, None),
            Step::To { field, target } => (field, Some(target)),
            Step::Back { .. } | Step::Key => {
                let wanted = "prefetch_related needs a field to put rows in; declare the reverse";
                return Err(Misuse::Other(wanted).into());
            }
        };
        let place = levels.iter().position(|level| level.field == field && level.target == target);
        let is_last = rest.is_empty();
        if let (Some(_), true, Some(_)) = (place, is_last, &prefetch.queryset) {
            let relation = model.field(field).map_or("", |field| field.name);
            return Err(Misuse::PrefetchTwice { relation }.into());
        }
        let place = place.unwrap_or_else(|| {
            levels.push(Level { field, target, queryset: None, beyond: Vec::new() });
            levels.len() - 1
        });
        if !is_last {
            let path: FieldPath = rest.iter().copied().collect();
            levels[place].beyond.push(Prefetch { path, ..prefetch.clone() });
        } else if prefetch.queryset.is_some() {
            levels[place].queryset.clone_from(&prefetch.queryset);
        }
    }
    // What is said of one of the models that a generic key leads to comes before what is said of all.
    levels.sort_by_key(|level| level.target.is_none());
    Ok(levels)
}

impl Level {
    /// The queryset of the related rows, which are of a model.
    fn wanted(&self, model: &'static ModelMeta, base: &dyn Fn() -> QueryState) -> Result<QueryState> {
        let mut state = match &self.queryset {
            Some(queryset) => (**queryset).clone(),
            None => base(),
        };
        if !matches!(state.clauses().shape, Shape::Instances) {
            return Err(Misuse::NotAllowed { call: "prefetch_related", after: "values" }.into());
        }
        debug_assert_eq!(state.model, model, "the builder checked the model of the queryset");
        if !self.beyond.is_empty() {
            state.clauses_mut().prefetch.extend(self.beyond.iter().cloned());
        }
        Ok(state)
    }
}

/// The related rows of some holders.
struct Lists<C> {
    /// A list for each key.
    by_key: Vec<Vec<C>>,
    /// The number of each holder's key, if it has one.
    numbers: Vec<Option<usize>>,
}

struct Fetch<'a, 'i, M, H> {
    holders: &'a mut [&'i mut H],
    level: &'a Level,
    ex: &'a dyn Executor,
    model: PhantomData<fn() -> M>,
}

impl<M: Model, H: Holder<M>> Fetch<'_, '_, M, H> {
    /// The related rows' queryset.
    fn wanted<C: Model>(&self, base: &dyn Fn() -> QueryState) -> Result<QueryState> {
        self.level.wanted(C::meta(), base)
    }

    /// The related rows of a relation from the other side.
    fn lists<C: Model>(&self) -> Result<Lists<C>> {
        let way = Way::of(M::meta(), self.level.field)?;
        let state = self.wanted::<C>(&|| C::objects().into_state())?;
        let mut keys = Keys::default();
        let numbers = self.holders.iter().map(|holder| holder.key().map(|key| keys.number(key)));
        let numbers: Vec<Option<usize>> = numbers.collect();
        let mut related = way.rows::<M, C, C>(&state, &keys, self.ex)?;
        if way.knows_parent() {
            // A row may be there more than once; the first is the one that is shared.
            let mut first = vec![0; keys.len()];
            for (holder, number) in numbers.iter().enumerate().rev() {
                number.iter().for_each(|number| first[*number] = holder);
            }
            way.set_parents::<M, C, C>(&mut related, |number| self.holders[first[number]].whole());
        }
        Ok(Lists { by_key: related, numbers })
    }

    /// The same, shared between the copies of a row, in the order of the holders.
    fn shared_lists<C: Model>(&self) -> Result<impl Iterator<Item = Arc<Vec<C>>> + use<M, H, C>> {
        let Lists { by_key, numbers } = self.lists::<C>()?;
        let (lists, none): (Vec<_>, _) = (by_key.into_iter().map(Arc::new).collect(), Arc::default());
        Ok(numbers.into_iter().map(move |number| Arc::clone(number.map_or(&none, |number| &lists[number]))))
    }
}

impl<M: Model, H: Holder<M>> FieldVisitor<M> for Fetch<'_, '_, M, H> {
    type Output = Result<()>;

    fn column(self) -> Result<()> {
        Err(not_a_relation(M::meta()))
    }

    fn forward<F: Forward>(self, field: Accessor<M, F>) -> Result<()> {
        let mut keys: IndexSet<Value> = IndexSet::new();
        let mut loaded: Vec<(usize, F::Model)> = Vec::new();
        for (index, holder) in self.holders.iter_mut().enumerate() {
            let Some(key) = holder.field(field).and_then(|field| field.as_key()) else { continue };
            match (key.loaded(), key.key()) {
                (Some(row), _) if !self.level.beyond.is_empty() => loaded.push((index, row.clone())),
                (Some(_), _) | (None, None) => {}
                (None, Some(key)) => keys.extend(key.values().first().cloned()),
            }
        }
        if !loaded.is_empty() {
            let mut rows: Vec<&mut F::Model> = loaded.iter_mut().map(|(_, row)| row).collect();
            into(&mut rows, &self.level.beyond, self.ex)?;
            for (index, row) in loaded {
                if let Some(field) = self.holders[index].field(field) {
                    *field = F::from_key(Some(ForeignKey::loaded_with(Arc::new(row))));
                }
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let mut state = self.wanted::<F::Model>(&|| QueryState::new(F::Model::meta()))?;
        if !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "prefetch_related of a key", after: "a slice" }.into());
        }
        state.add_condition(keys_in(keys));
        let rows = fetch_instances::<F::Model>(&state, self.ex)?;
        let rows: HashMap<_, Arc<F::Model>> =
            rows.into_iter().filter_map(|row| Some((row.pk()?, Arc::new(row)))).collect();
        for holder in self.holders.iter_mut() {
            let Some(key) = holder.field(field).and_then(|field| field.as_key()) else { continue };
            if let Some(row) = key.key().and_then(|key| rows.get(key)) {
                key.keep(row.clone());
            }
        }
        Ok(())
    }

    fn many_to_many<T: Model, Th: Through>(self, field: Accessor<M, ManyToMany<T, Th>>) -> Result<()> {
        for (rows, holder) in self.shared_lists::<T>()?.zip(self.holders) {
            if let Some(relation) = holder.field(field) {
                relation.keep(Some(rows));
            }
        }
        Ok(())
    }

    fn related<C: Model>(self, field: Accessor<M, Related<C>>) -> Result<()> {
        for (rows, holder) in self.shared_lists::<C>()?.zip(self.holders) {
            if let Some(relation) = holder.field(field) {
                relation.keep(Some(rows));
            }
        }
        Ok(())
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) -> Result<()> {
        let Lists { by_key, numbers } = self.lists::<C>()?;
        let rows: Vec<Option<Arc<C>>> = by_key.into_iter().map(|mut rows| rows.pop().map(Arc::new)).collect();
        for (number, holder) in numbers.into_iter().zip(self.holders) {
            if let Some(relation) = holder.field(field) {
                relation.keep(number.and_then(|number| rows[number].clone()));
            }
        }
        Ok(())
    }

    fn generic<F: Generic>(self, field: Accessor<M, F>) -> Result<()> {
        let Level { target, .. } = *self.level;
        let is_wanted = |of: &ContentType| target.is_none_or(|target| of.is_of(target));
        let wanted = |model| {
            let state = self.level.wanted(model, &|| QueryState::new(model))?;
            match state.clauses().slice.is_all() {
                true => Ok(state),
                false => {
                    Err(Misuse::NotAllowed { call: "prefetch_related of a key", after: "a slice" }.into())
                }
            }
        };
        generic::prefetch(self.holders, field, is_wanted, wanted, self.ex)
    }
}
