//! `prefetch_related`: relations read for all rows of a result together, one query for each relation.
//!
//! [`into`] fills the relations of instances that were just read. The paths of a queryset make a tree: `albums` and
//! `albums.tracks` share their first step, which is read once, and what lies beyond it is the prefetch of the related
//! queryset, so depth is recursion. A row of a to-many relation knows its parent: they share one copy of it.

pub(crate) mod pushed;

use std::{any::Any, sync::Arc};

use hashbrown::{HashMap, HashSet};
use nuages_storage::Value;
use smallvec::SmallVec;

use crate::{
    compile::Compiler,
    error::{Error, Misuse, Result},
    executor::Executor,
    field::{Field, RowReader},
    instance::{key_of, value_of},
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Key, Model},
    node::{FieldPath, Lookup, Node, Operator, Step},
    queryset::{
        QueryState, fetch_instances, keys_in,
        state::{Annotation, Prefetch, Shape, Slice},
    },
    read,
    relation::{ForeignKey, Forward, ManyToMany, Related, RelatedOne, Through, origin},
    row::{Columns, read_instance},
};

/// A relation to be read, and what lies beyond it.
struct Level {
    field: u16,
    queryset: Option<Arc<QueryState>>,
    beyond: Vec<Prefetch>,
}

/// Reads relations into instances.
pub(crate) fn into<M: Model>(instances: &mut [&mut M], list: &[Prefetch], ex: &dyn Executor) -> Result<()> {
    if instances.is_empty() {
        return Ok(());
    }
    for level in levels::<M>(list)? {
        let fetch = Fetch { instances: &mut *instances, level: &level, ex };
        M::visit(level.field, fetch).unwrap_or_else(|| Err(not_a_relation::<M>()))?;
    }
    Ok(())
}

fn not_a_relation<M: Model>() -> Error {
    Misuse::NotAColumn { model: M::NAME }.into()
}

/// The tree's first level.
fn levels<M: Model>(list: &[Prefetch]) -> Result<Vec<Level>> {
    let mut levels: Vec<Level> = Vec::new();
    for prefetch in list {
        let Some((first, rest)) = prefetch.path.steps().split_first() else { continue };
        let Step::Field(field) = *first else {
            return Err(
                Misuse::Other("prefetch_related needs a field to put rows in; declare the reverse").into()
            );
        };
        let place = levels.iter().position(|level| level.field == field);
        let is_last = rest.is_empty();
        if let (Some(_), true, Some(_)) = (place, is_last, &prefetch.queryset) {
            let relation = M::meta().field(field).map_or("", |field| field.name);
            return Err(Misuse::PrefetchTwice { relation }.into());
        }
        let place = place.unwrap_or_else(|| {
            levels.push(Level { field, queryset: None, beyond: Vec::new() });
            levels.len() - 1
        });
        if is_last {
            levels[place].queryset.clone_from(&prefetch.queryset);
        } else {
            let path: FieldPath = rest.iter().copied().collect();
            levels[place].beyond.push(Prefetch { path, ..prefetch.clone() });
        }
    }
    Ok(levels)
}

struct Fetch<'a, 'i, M> {
    instances: &'a mut [&'i mut M],
    level: &'a Level,
    ex: &'a dyn Executor,
}

impl<M: Model> Fetch<'_, '_, M> {
    /// The related rows' queryset, without its slice, which is one for each parent; and the slice.
    fn wanted<C: Model>(&self, base: impl FnOnce() -> QueryState) -> Result<(QueryState, Slice)> {
        let mut state = match &self.level.queryset {
            Some(queryset) => (**queryset).clone(),
            None => base(),
        };
        if !matches!(state.clauses().shape, Shape::Instances) {
            return Err(Misuse::NotAllowed { call: "prefetch_related", after: "values" }.into());
        }
        debug_assert_eq!(state.model, C::meta(), "the builder checked the model of the queryset");
        let slice = state.clauses().slice;
        if !slice.is_all() {
            state.clauses_mut().slice = Slice::default();
        }
        if !self.level.beyond.is_empty() {
            state.clauses_mut().prefetch.extend(self.level.beyond.iter().cloned());
        }
        Ok((state, slice))
    }

    /// The keys of the instances; those without one have no related rows.
    fn keys(&self) -> Vec<Value> {
        self.instances.iter().filter_map(|instance| key_of(&**instance)).collect()
    }

    /// The field of the child that points here, or the many-to-many field there.
    fn far_side(&self) -> Option<(&'static crate::meta::ModelMeta, u16, bool)> {
        let FieldKind::Reverse { child, field, .. } = M::meta().field(self.level.field)?.kind else {
            return None;
        };
        let (child, field) = (child(), field());
        let is_many_to_many = matches!(child.field(field)?.kind, FieldKind::ManyToMany { .. });
        Some((child, field, is_many_to_many))
    }

    /// The children by the key of their parent, which they know.
    fn children<C: Model>(&mut self, field: u16) -> Result<Groups<C>> {
        let keys = self.keys();
        let (mut state, slice) = self.wanted::<C>(|| C::objects().into_state())?;
        state.add_condition(among(FieldPath::field(field), keys));
        let mut groups: HashMap<Value, Vec<C>> = HashMap::new();
        for child in fetch_instances::<C>(&state, self.ex)? {
            groups.entry(value_of(&child, field)).or_default().push(child);
        }
        // A row may be here more than once; the first copy is the parent that the children share.
        let mut parents: HashMap<Value, Arc<dyn Any + Send + Sync>> = HashMap::with_capacity(groups.len());
        for instance in self.instances.iter() {
            if let Some(key) = key_of(&**instance).filter(|key| groups.contains_key(key)) {
                parents.entry(key).or_insert_with(|| Arc::new((**instance).clone()));
            }
        }
        for (key, children) in &mut groups {
            cut(children, slice);
            let Some(parent) = parents.get(key) else { continue };
            children.iter_mut().for_each(|child| set_parent(child, field, parent));
        }
        Ok(shared(groups))
    }

    /// The rows on the other side of a many-to-many relation by the key on this side.
    fn paired<C: Model>(&mut self, back: Step) -> Result<Groups<C>> {
        if M::meta().primary_key.len() > 1 {
            return Err(Misuse::Other("a relation of a row with a composite key").into());
        }
        let keys = self.keys();
        let (mut state, slice) = self.wanted::<C>(|| C::objects().into_state())?;
        let path: FieldPath = [back].into_iter().collect();
        state.add_condition(among(path.clone(), keys));
        let clauses = state.clauses_mut();
        let beyond = std::mem::take(&mut clauses.prefetch);
        clauses.annotations.push(Annotation { node: Node::Path(path), shown: true });
        let shown = clauses.annotations.iter().filter(|annotation| annotation.shown).count();
        let key_column = C::meta().column_count() + shown - 1;
        let compiled = Compiler::new(self.ex).rows(&state)?;
        let columns = Columns { next: 0, names: &[], selected: &[], joined: &compiled.joined };
        let mut pairs: Vec<(Value, C)> =
            read::fetch_with(self.ex, C::meta(), &compiled.query, &columns, |row| {
                Ok((row.value(key_column), read_instance(row, &mut columns.clone())?))
            })?;
        let mut rows: Vec<&mut C> = pairs.iter_mut().map(|(_, row)| row).collect();
        let signals = self.ex.shared().app().signals();
        if signals.hears_init::<C>() {
            rows.iter_mut().for_each(|row| signals.init(*row));
        }
        if origin::is_wanted(self.ex) {
            origin::attach(&mut rows, self.ex.settings().fetch_mode);
        }
        into(&mut rows, &beyond, self.ex)?;
        let mut groups: HashMap<Value, Vec<C>> = HashMap::new();
        for (key, row) in pairs {
            groups.entry(key).or_default().push(row);
        }
        groups.values_mut().for_each(|rows| cut(rows, slice));
        Ok(shared(groups))
    }
}

impl<M: Model> FieldVisitor<M> for Fetch<'_, '_, M> {
    type Output = Result<()>;

    fn column<F: Field>(self, _: Accessor<M, F>) -> Result<()> {
        Err(not_a_relation::<M>())
    }

    fn forward<F: Forward>(self, field: Accessor<M, F>) -> Result<()> {
        let mut keys: HashSet<Value> = HashSet::new();
        let mut loaded: Vec<(usize, F::Model)> = Vec::new();
        for (index, instance) in self.instances.iter().enumerate() {
            let Some(key) = (field.get)(instance).as_key() else { continue };
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
                let key = ForeignKey::loaded_with(Arc::new(row));
                *(field.get_mut)(self.instances[index]) = F::from_key(Some(key));
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let (mut state, _) = self.wanted::<F::Model>(|| QueryState::new(F::Model::meta()))?;
        state.add_condition(keys_in(keys));
        let rows = fetch_instances::<F::Model>(&state, self.ex)?;
        let rows: HashMap<_, Arc<F::Model>> =
            rows.into_iter().filter_map(|row| Some((row.pk()?, Arc::new(row)))).collect();
        for instance in self.instances.iter() {
            let Some(key) = (field.get)(instance).as_key() else { continue };
            if let Some(row) = key.key().and_then(|key| rows.get(key)) {
                key.keep(row.clone());
            }
        }
        Ok(())
    }

    fn many_to_many<T: Model, Th: Through>(mut self, field: Accessor<M, ManyToMany<T, Th>>) -> Result<()> {
        let groups = self.paired::<T>(Step::Back { child: M::meta(), field: field.index })?;
        for instance in self.instances.iter_mut() {
            let rows = key_of(&**instance).and_then(|key| groups.get(&key).cloned()).unwrap_or_default();
            (field.get_mut)(instance).keep(Some(rows));
        }
        Ok(())
    }

    fn related<C: Model>(mut self, field: Accessor<M, Related<C>>) -> Result<()> {
        let (_, far, is_many_to_many) = self.far_side().ok_or_else(not_a_relation::<M>)?;
        let groups =
            if is_many_to_many { self.paired::<C>(Step::Field(far))? } else { self.children::<C>(far)? };
        for instance in self.instances.iter_mut() {
            let rows = key_of(&**instance).and_then(|key| groups.get(&key).cloned()).unwrap_or_default();
            (field.get_mut)(instance).keep(Some(rows));
        }
        Ok(())
    }

    fn related_one<C: Model>(mut self, field: Accessor<M, RelatedOne<C>>) -> Result<()> {
        let (_, far, _) = self.far_side().ok_or_else(not_a_relation::<M>)?;
        let groups = self.children::<C>(far)?;
        for instance in self.instances.iter_mut() {
            let row = key_of(&**instance).and_then(|key| groups.get(&key)?.last().cloned());
            (field.get)(instance).keep(row.map(Arc::new));
        }
        Ok(())
    }
}

/// Related rows by the key of the row they belong to; the copies of one row share them.
type Groups<C> = HashMap<Value, Arc<Vec<C>>>;

fn shared<C>(groups: HashMap<Value, Vec<C>>) -> Groups<C> {
    groups.into_iter().map(|(key, rows)| (key, Arc::new(rows))).collect()
}

/// Whether what a path leads to is among these keys.
fn among(path: FieldPath, keys: Vec<Value>) -> Node {
    let operands: SmallVec<[Node; 8]> =
        std::iter::once(Node::Path(path)).chain(keys.into_iter().map(Node::Value)).collect();
    Node::Call(Operator::Lookup(Lookup::In), operands.into_iter().collect())
}

/// Leaves a run of the rows.
fn cut<T>(rows: &mut Vec<T>, slice: Slice) {
    let offset = usize::try_from(slice.offset).unwrap_or(usize::MAX).min(rows.len());
    rows.drain(..offset);
    if let Some(count) = slice.count {
        rows.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }
}

/// Gives a child its parent, if the key is of the parent's model.
fn set_parent<C: Model>(child: &mut C, field: u16, parent: &Arc<dyn Any + Send + Sync>) {
    struct Parent<'a, C>(&'a mut C, &'a Arc<dyn Any + Send + Sync>);
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
    }
    C::visit(field, Parent(child, parent));
}
