//! How the rows of a relation are found from many rows at once, and told apart.

use std::{any::Any, borrow::Cow, sync::Arc};

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use nuages_storage::Value;

use super::not_a_relation;
use crate::{
    compile::{Compiler, among},
    error::{Misuse, Result},
    executor::Executor,
    field::{Field, RowReader},
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Model},
    node::{FieldPath, Node, Step},
    queryset::{
        QueryState,
        cache::{self, Asked},
        columns_of, lock_rows, prefetch_into,
    },
    read,
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
    pub(super) fn of<M: Model>(field: u16) -> Result<Way> {
        let kind = M::meta().field(field).map(|field| field.kind);
        let (step, child_key, guard) = match kind {
            Some(FieldKind::ForeignKey { .. }) => {
                return Ok(Way { back: FieldPath::new(), forward: true, child_key: None, guard: None });
            }
            Some(FieldKind::ManyToMany { .. }) => (Step::Back { child: M::meta(), field }, None, None),
            Some(FieldKind::Reverse { child, field, .. }) => {
                let (child, field) = (child(), field());
                match GenericColumns::of(child, field) {
                    Some(columns) => {
                        (Step::Field(columns.object_id), Some(field), Some(columns.lead_to(M::meta())))
                    }
                    None => {
                        let is_key = child.field(field).is_some_and(|field| field.is_column());
                        (Step::Field(field), is_key.then_some(field), None)
                    }
                }
            }
            Some(FieldKind::Column(_) | FieldKind::Generic) | None => return Err(not_a_relation::<M>()),
        };
        if M::meta().primary_key.len() > 1 {
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

    /// The related rows of a queryset over `C`, told apart by which of the keys each belongs to.
    pub(super) fn rows<M: Model, C: Model, R: Row>(
        &self,
        state: &QueryState,
        keys: &Keys,
        ex: &dyn Executor,
    ) -> Result<RelatedRows<R>> {
        if keys.is_empty() || state.clauses().empty {
            return Ok(RelatedRows { rows: Vec::new(), belong_to: Vec::new(), keys: keys.len() });
        }
        if self.forward && !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "prefetch_to of a key", after: "a slice" }.into());
        }
        lock_rows(state, ex)?;
        let mut belong_to = Vec::new();
        let rows = self.ask::<M, C, R>(state, keys, ex, &mut |key| belong_to.push(keys.find(&key)));
        let mut rows = rows.map_err(|error| state.explain(error, []))?;
        prefetch_into::<C, R>(&mut rows, state, ex)?;
        Ok(RelatedRows { rows, belong_to, keys: keys.len() })
    }

    /// Asks for the rows and shows what each belongs to to `visit`. Those of few keys are asked for by a plan that is
    /// kept; a slice is one for each key, and planned anew.
    fn ask<M: Model, C: Model, R: Row>(
        &self,
        state: &QueryState,
        keys: &Keys,
        ex: &dyn Executor,
        visit: &mut dyn FnMut(Value),
    ) -> Result<Vec<R>> {
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
                return found.read().related::<R>(state, found.values(), ex, visit);
            }
        }
        let compiled = Compiler::new(ex).related(state, M::meta(), &self.back, keys.values())?;
        let names = if R::NAMED { state.names() } else { Vec::new() };
        let columns = columns_of(state, &names, &compiled.joined);
        let key = compiled.query.columns.len() - 1;
        read::fetch_with(ex, C::meta(), compiled.query, &columns, |row| {
            visit(row.value(key));
            R::read(row, &mut columns.clone())
        })
    }

    /// Gives related rows, as far as they are or have instances of `C`, the rows they belong to: `parent` tells them
    /// by the numbers of their keys. Rows that belong to one share one copy of it.
    pub(super) fn set_parents<'p, M: Model, C: Model, R: Row>(
        &self,
        related: &mut RelatedRows<R>,
        parent: impl Fn(usize) -> Option<&'p M>,
    ) {
        let Some(field) = self.child_key else { return };
        let mut shared: Vec<Option<Shared>> = vec![None; related.keys];
        for (row, number) in related.rows.iter_mut().zip(&related.belong_to) {
            let child = row.instance().and_then(|instance| instance.downcast_mut::<C>());
            let (Some(child), Some(number)) = (child, *number) else { continue };
            let copy = &mut shared[number as usize];
            if copy.is_none() {
                *copy = parent(number as usize).map(|parent| Arc::new(parent.clone()) as Shared);
            }
            if let Some(parent) = copy {
                set_parent(child, field, parent);
            }
        }
    }
}

/// A row that others share, of a type that they know.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// Keys of rows, each once, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct Keys(IndexSet<Value, DefaultHashBuilder>);

impl Keys {
    /// The number of a key, which is now among them.
    pub(super) fn number(&mut self, key: Value) -> usize {
        self.0.insert_full(key).0
    }

    /// The number of a key, if it is among them. Of keys that follow each other, as those of a whole table or of a page
    /// mostly do, it is their distance from the first.
    fn find(&self, key: &Value) -> Option<u32> {
        let distance = self.0.first().and_then(|first| key.as_int()?.checked_sub(first.as_int()?));
        let guessed = distance.and_then(|distance| usize::try_from(distance).ok());
        let guessed = guessed.filter(|number| self.0.get_index(*number) == Some(key));
        guessed.or_else(|| self.0.get_index_of(key)).and_then(|number| u32::try_from(number).ok())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }
}

/// Related rows, and of each the number of the key by which it belongs to a row.
pub(super) struct RelatedRows<R> {
    rows: Vec<R>,
    /// As long as `rows`; none where the database counts as equal what we do not.
    belong_to: Vec<Option<u32>>,
    /// How many keys there are.
    keys: usize,
}

impl<R> RelatedRows<R> {
    /// A list for each key, by their numbers. They are counted first, so that each list is allocated once.
    pub(super) fn by_key(self) -> Vec<Vec<R>> {
        let mut counts = vec![0; self.keys];
        self.belong_to.iter().flatten().for_each(|number| counts[*number as usize] += 1);
        let mut lists: Vec<Vec<R>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (row, number) in self.rows.into_iter().zip(self.belong_to) {
            if let Some(number) = number {
                lists[number as usize].push(row);
            }
        }
        lists
    }
}

/// Gives a child its parent, if the key is of the parent's model.
pub(crate) fn set_parent<C: Model>(child: &mut C, field: u16, parent: &Shared) {
    struct Parent<'a, C>(&'a mut C, &'a Shared);
    impl<C: Model> FieldVisitor<C> for Parent<'_, C> {
        type Output = ();
        fn column<F: Field>(self, _: Accessor<C, F>) {}
        fn forward<F: Forward>(self, field: Accessor<C, F>) {
            if let (Some(key), Ok(parent)) =
                ((field.get)(self.0).as_key(), Arc::clone(self.1).downcast::<F::Model>())
            {
                key.keep(parent);
            }
        }
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<C, ManyToMany<T, Th>>) {}
        fn related<D: Model>(self, _: Accessor<C, Related<D>>) {}
        fn related_one<D: Model>(self, _: Accessor<C, RelatedOne<D>>) {}
        fn generic<F: Generic>(self, field: Accessor<C, F>) {
            if let Some(key) = (field.get)(self.0).as_generic() {
                key.keep(Some(Arc::clone(self.1)));
            }
        }
    }
    C::visit(field, Parent(child, parent));
}
