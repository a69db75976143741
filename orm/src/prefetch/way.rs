//! How the rows of a relation are found from many rows at once, and told apart.
//!
//! They are asked for in one of four ways. Of most rows of a table: all of them, by a plan that is kept, and those of
//! others are left out before they are read. Of few keys: by a list, by a plan that is kept for each length of it. Of
//! more keys: by a list, planned for the call. A slice: one for each key, by a lateral join, planned for the call.
//! Each row is read into the list of the row it belongs to, and moved no more.

use std::{any::Any, borrow::Cow, sync::Arc};

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use nuages_storage::Value;

use super::not_a_relation;
use crate::{
    compile::{Compiler, among},
    error::{Misuse, Result},
    executor::Executor,
    field::RowReader,
    meta::{FieldKind, ModelMeta},
    model::{Accessor, FieldVisitor, Model},
    node::{FieldPath, Node, Step},
    queryset::{
        QueryState,
        cache::{self, Asked},
        columns_of, lock_rows, prefetch_into,
    },
    read::{self, BatchRow},
    relation::{Forward, Generic, ManyToMany, Related, RelatedOne, Through, generic::GenericColumns},
    row::Row,
};

/// A relation of a model, from the other side.
pub(super) struct Way {
    /// The path from a related row to the value by which it belongs to a row of the model.
    back: FieldPath,
    /// Whether that value is in the field itself, which is a key, and not the primary key.
    forward: bool,
    /// The key of a related row that leads back, if it has one.
    child_key: Option<u16>,
    /// What else says that a related row belongs to one of the model.
    guard: Option<Node>,
}

impl Way {
    /// That of a field.
    pub(super) fn of(model: &'static ModelMeta, field: u16) -> Result<Way> {
        let kind = model.field(field).map(|field| field.kind);
        let (step, child_key, guard) = match kind {
            Some(FieldKind::ForeignKey { .. }) => {
                return Ok(Way { back: FieldPath::new(), forward: true, child_key: None, guard: None });
            }
            Some(FieldKind::ManyToMany { .. }) => (Step::Back { child: model, field }, None, None),
            Some(FieldKind::Reverse { child, field, .. }) => {
                let (child, field) = (child(), field());
                match GenericColumns::of(child, field) {
                    Some(columns) => {
                        (Step::Field(columns.object_id), Some(field), Some(columns.lead_to(model)))
                    }
                    None => {
                        let is_key = child.field(field).is_some_and(|field| field.is_column());
                        (Step::Field(field), is_key.then_some(field), None)
                    }
                }
            }
            Some(FieldKind::Column(_) | FieldKind::Generic) | None => return Err(not_a_relation(model)),
        };
        if model.primary_key.len() > 1 {
            return Err(Misuse::Other("a relation of a row with a composite key").into());
        }
        Ok(Way { back: [step].into_iter().collect(), forward: false, child_key, guard })
    }

    /// Whether rows are found by the value of the field, and not by the primary key.
    pub(super) const fn is_forward(&self) -> bool {
        self.forward
    }

    /// Whether related rows have a key in which a parent can be kept.
    pub(super) const fn knows_parent(&self) -> bool {
        self.child_key.is_some()
    }

    /// The related rows of a queryset over `C`, a list for each of the keys.
    pub(super) fn rows<M: Model, C: Model, R: Row>(
        &self,
        state: &QueryState,
        keys: &Keys,
        ex: &dyn Executor,
    ) -> Result<Vec<Vec<R>>> {
        if keys.len() == 0 || state.clauses().empty {
            return Ok(std::iter::repeat_with(Vec::new).take(keys.len()).collect());
        }
        if self.forward && !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "prefetch_to of a key", after: "a slice" }.into());
        }
        lock_rows(state, ex)?;
        let lists = self.ask::<M, C, R>(state, keys, ex);
        let mut lists = lists.map_err(|error| state.explain(error, []))?;
        let mut rows: Vec<&mut [R]> = lists.iter_mut().map(Vec::as_mut_slice).collect();
        prefetch_into::<C, R>(&mut rows, state, ex)?;
        Ok(lists)
    }

    /// Asks for the rows. Those of few keys, or of most there are, are asked for by a plan that is kept; a slice is one
    /// for each key, and planned anew.
    fn ask<M: Model, C: Model, R: Row>(
        &self,
        state: &QueryState,
        keys: &Keys,
        ex: &dyn Executor,
    ) -> Result<Vec<Vec<R>>> {
        if self.leads_to_most(state, keys, ex)?
            && let Some(found) = cache::find(state, Asked::Related(&self.back), ex)
        {
            return found.read().related::<R>(state, found.values(), keys, ex);
        }
        let mut guarded = Cow::Borrowed(state);
        if let Some(guard) = &self.guard {
            guarded.to_mut().add_condition(guard.clone());
        }
        let state = &*guarded;
        let is_whole = state.clauses().slice.is_all() && state.clauses().combined.is_empty();
        if is_whole && keys.len() <= cache::LIST_MAX {
            let mut narrowed = state.clone();
            narrowed.add_condition(among(self.back.clone(), keys.values()));
            if let Some(found) = cache::find(&narrowed, Asked::Related(&self.back), ex) {
                return found.read().related::<R>(state, found.values(), keys, ex);
            }
        }
        let compiled = Compiler::new(ex).related(state, M::meta(), &self.back, keys.values())?;
        let names = if R::NAMED { state.names() } else { Vec::new() };
        let columns = columns_of(state, &names, &compiled.joined);
        let key = compiled.query.columns.len() - 1;
        let number = |row: &BatchRow<'_, '_>| keys.find(row, key);
        read::fetch_lists(ex, C::meta(), compiled.query, &columns, (keys.len(), &number), |row| {
            R::read(row, &mut columns.clone())
        })
    }

    /// Whether at least half of the rows that a queryset has belong to these keys, as far as can be told without
    /// looking at them: every row has such a key, and half of the rows that have these keys are asked for. Then all
    /// rows are read, and those that belong to no key left out: a list of keys that leaves little out costs more than
    /// it saves, in the plan and for each row.
    fn leads_to_most(&self, state: &QueryState, keys: &Keys, ex: &dyn Executor) -> Result<bool> {
        let Some(field) = self.child_key.and_then(|field| state.model.field(field)) else { return Ok(false) };
        let is_narrowed = self.guard.is_some()
            || !state.conditions.is_empty()
            || !state.clauses().slice.is_all()
            || !state.clauses().annotations.is_empty()
            || state.clauses().lock.is_some();
        let (false, false, Some(parent)) = (is_narrowed, field.null, field.related_model()) else {
            return Ok(false);
        };
        let session = ex.session()?;
        // A serializable transaction is to note no more rows than it needs.
        if session.is_noting() {
            return Ok(false);
        }
        let parents = ex.shared().binding().model(parent)?.table;
        let mut half = u64::MAX;
        session.read_unnoted(&mut |version| {
            half = version.table(parents).map_or(u64::MAX, |table| table.len() / 2);
            Ok(())
        })?;
        Ok(keys.len() as u64 > half)
    }

    /// Gives related rows, as far as they are or have instances of `C`, the rows they belong to: `parent` tells them
    /// by the numbers of their keys. Rows that belong to one share one copy of it.
    pub(super) fn set_parents<'p, M: Model, C: Model, R: Row>(
        &self,
        related: &mut [Vec<R>],
        parent: impl Fn(usize) -> Option<&'p M>,
    ) {
        let Some(field) = self.child_key else { return };
        for (number, rows) in related.iter_mut().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let mut shared: Option<Shared> = None;
            for row in rows {
                let child = row.instance().and_then(|instance| instance.downcast_mut::<C>());
                let Some(child) = child else { continue };
                if shared.is_none() {
                    shared = parent(number).map(|parent| Arc::new(parent.clone()) as Shared);
                }
                if let Some(parent) = &shared {
                    set_parent(child, field, parent);
                }
            }
        }
    }
}

/// A row that others share, of a type that they know.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// Keys of rows, each once, numbered in the order in which they came.
///
/// Those of a whole table or of a page are mostly integers that follow each other; of these no more is kept than the
/// first and how many they are. From the first that does not follow on they are a hash set.
#[derive(Default)]
pub(crate) struct Keys {
    /// The first, while each of them is one more than the one before.
    first: Option<i64>,
    run: usize,
    /// All of them, if they are no run.
    others: IndexSet<Value, DefaultHashBuilder>,
}

impl Keys {
    /// The number of a key, which is now among them.
    pub(super) fn number(&mut self, key: Value) -> usize {
        if self.others.is_empty() {
            match (self.first, key.as_int()) {
                (None, Some(int)) => {
                    (self.first, self.run) = (Some(int), 1);
                    return 0;
                }
                (Some(first), Some(int))
                    if let Some(number) = distance(first, int)
                        && number <= self.run =>
                {
                    self.run = self.run.max(number + 1);
                    return number;
                }
                _ => {
                    let run: Vec<Value> = self.values().collect();
                    self.others.extend(run);
                }
            }
        }
        self.others.insert_full(key).0
    }

    /// The number of the key in a column of a row, if it is among them.
    #[inline]
    pub(crate) fn find(&self, row: &(impl RowReader + ?Sized), column: usize) -> Option<u32> {
        let number = match self.others.is_empty() {
            true => distance(self.first?, row.int(column)?).filter(|number| *number < self.run),
            false => self.others.get_index_of(&row.value(column)),
        };
        number.and_then(|number| u32::try_from(number).ok())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        if self.others.is_empty() { self.run } else { self.others.len() }
    }

    /// They themselves.
    fn values(&self) -> impl Iterator<Item = Value> {
        let run = if self.others.is_empty() { self.run } else { 0 };
        let first = self.first.unwrap_or_default();
        let of_run = (0i64..).take(run).map(move |number| Value::Int(first + number));
        of_run.chain(self.others.iter().cloned())
    }
}

/// How far a key is behind another.
fn distance(from: i64, to: i64) -> Option<usize> {
    to.checked_sub(from).and_then(|distance| usize::try_from(distance).ok())
}

/// Gives a child its parent, if the key is of the parent's model.
pub(crate) fn set_parent<C: Model>(child: &mut C, field: u16, parent: &Shared) {
    struct Parent<'a, C>(&'a mut C, &'a Shared);
    impl<C: Model> FieldVisitor<C> for Parent<'_, C> {
        type Output = ();
        fn column(self) {}
        fn forward<F: Forward>(self, field: Accessor<C, F>) {
            if let (Some(key), Ok(parent)) =
                (field.get_mut(self.0).as_key_mut(), Arc::clone(self.1).downcast::<F::Model>())
            {
                key.know(parent);
            }
        }
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<C, ManyToMany<T, Th>>) {}
        fn related<D: Model>(self, _: Accessor<C, Related<D>>) {}
        fn related_one<D: Model>(self, _: Accessor<C, RelatedOne<D>>) {}
        fn generic<F: Generic>(self, field: Accessor<C, F>) {
            if let Some(key) = field.get(self.0).as_generic() {
                key.keep(Some(Arc::clone(self.1)));
            }
        }
    }
    C::visit(field, Parent(child, parent));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_as_they_come_and_found_again() {
        let sequences: [&[i64]; 7] = [
            &[],
            &[7, 8, 9, 10],
            &[7, 8, 8, 7, 9],
            &[1, 2, 4, 5, 2],
            &[3, 2, 1],
            &[i64::MAX - 1, i64::MAX, i64::MIN],
            &[i64::MIN, i64::MIN + 1, 0],
        ];
        for sequence in sequences {
            for text_after in [None, Some(0), Some(2), Some(sequence.len())] {
                let mut given: Vec<Value> = sequence.iter().copied().map(Value::Int).collect();
                if let Some(place) = text_after {
                    given.insert(place.min(given.len()), "a text".into());
                }
                let (mut keys, mut expected) = (Keys::default(), IndexSet::<Value>::new());
                for key in given {
                    assert_eq!(keys.number(key.clone()), expected.insert_full(key).0);
                }
                assert_eq!(keys.len(), expected.len());
                assert_eq!(keys.values().collect::<Vec<_>>(), expected.iter().cloned().collect::<Vec<_>>());
                let others = [Value::Null, "none".into(), Value::Int(0), Value::Int(6), Value::Int(11)];
                for key in expected.iter().chain(&others) {
                    let found = keys.find(std::slice::from_ref(key), 0).map(|number| number as usize);
                    assert_eq!(found, expected.get_index_of(key), "{key:?} in {sequence:?}");
                }
            }
        }
    }
}
