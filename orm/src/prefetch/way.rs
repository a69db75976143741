//! How the rows of a relation are found from many rows at once, and told apart.

use std::{any::Any, sync::Arc};

use hashbrown::HashMap;
use indexmap::IndexSet;
use nuages_storage::Value;

use super::not_a_relation;
use crate::{
    compile::Compiler,
    error::{Misuse, Result},
    executor::Executor,
    field::{Field, RowReader},
    meta::FieldKind,
    model::{Accessor, FieldVisitor, Model},
    node::{FieldPath, Step},
    queryset::{QueryState, columns_of, lock_rows, prefetch_into},
    read,
    relation::{Forward, ManyToMany, Related, RelatedOne, Through},
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
}

impl Way {
    /// That of a field.
    pub(super) fn of<M: Model>(field: u16) -> Result<Way> {
        let kind = M::meta().field(field).map(|field| field.kind);
        let (step, child_key) = match kind {
            Some(FieldKind::ForeignKey { .. }) => {
                return Ok(Way { back: FieldPath::new(), forward: true, child_key: None });
            }
            Some(FieldKind::ManyToMany { .. }) => (Step::Back { child: M::meta(), field }, None),
            Some(FieldKind::Reverse { child, field, .. }) => {
                let (child, field) = (child(), field());
                let is_key = child.field(field).is_some_and(|field| field.is_column());
                (Step::Field(field), is_key.then_some(field))
            }
            Some(FieldKind::Column(_)) | None => return Err(not_a_relation::<M>()),
        };
        if M::meta().primary_key.len() > 1 {
            return Err(Misuse::Other("a relation of a row with a composite key").into());
        }
        Ok(Way { back: [step].into_iter().collect(), forward: false, child_key })
    }

    /// Whether rows are found by the value of the field, and not by the primary key.
    pub(super) const fn is_forward(&self) -> bool {
        self.forward
    }

    /// Whether related rows have a key in which a parent can be kept.
    pub(super) const fn knows_parent(&self) -> bool {
        self.child_key.is_some()
    }

    /// The related rows of a queryset over `C`, each with the value by which it belongs to rows of `M`.
    pub(super) fn rows<M: Model, C: Model, R: Row>(
        &self,
        state: &QueryState,
        keys: IndexSet<Value>,
        ex: &dyn Executor,
    ) -> Result<Vec<(Value, R)>> {
        if keys.is_empty() || state.clauses().empty {
            return Ok(Vec::new());
        }
        if self.forward && !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "prefetch_to of a key", after: "a slice" }.into());
        }
        lock_rows(state, ex)?;
        let keys: Vec<Value> = keys.into_iter().collect();
        let compiled = Compiler::new(ex).related(state, M::meta(), &self.back, &keys)?;
        let names = if R::NAMED { state.names() } else { Vec::new() };
        let columns = columns_of(state, &names, &compiled.joined);
        let key = compiled.query.columns.len() - 1;
        let mut keys = Vec::new();
        let rows = read::fetch_with(ex, C::meta(), compiled.query, &columns, |row| {
            keys.push(row.value(key));
            R::read(row, &mut columns.clone())
        });
        let mut rows = rows.map_err(|error| state.explain(error, []))?;
        prefetch_into::<C, R>(&mut rows, state, ex)?;
        Ok(keys.into_iter().zip(rows).collect())
    }

    /// Gives related rows, as far as they are or have instances of `C`, the rows they belong to.
    pub(super) fn set_parents<C: Model, R: Row>(
        &self,
        pairs: &mut [(Value, R)],
        parents: &HashMap<Value, Shared>,
    ) {
        let Some(field) = self.child_key else { return };
        for (key, row) in pairs {
            let child = row.instance().and_then(|instance| instance.downcast_mut::<C>());
            if let (Some(parent), Some(child)) = (parents.get(key), child) {
                set_parent(child, field, parent);
            }
        }
    }
}

/// A row that others share, of a type that they know.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// Rows that others may belong to, by key. A row may be there more than once; the first copy is the one that is shared.
pub(super) struct Parents<'p, M>(HashMap<Value, &'p M>);

impl<M> Default for Parents<'_, M> {
    fn default() -> Self {
        Parents(HashMap::new())
    }
}

impl<'p, M: Model> Parents<'p, M> {
    pub(super) fn add(&mut self, key: Value, parent: &'p M) {
        self.0.entry(key).or_insert(parent);
    }

    /// Copies of those to which a row belongs.
    pub(super) fn of_those_with<R>(&self, pairs: &[(Value, R)]) -> HashMap<Value, Shared> {
        let mut shared: HashMap<Value, Shared> = HashMap::new();
        for (key, _) in pairs {
            if let (false, Some(parent)) = (shared.contains_key(key), self.0.get(key)) {
                shared.insert(key.clone(), Arc::new((*parent).clone()));
            }
        }
        shared
    }
}

/// Related rows by the key of the row they belong to; the copies of one row share them.
pub(super) type Groups<C> = HashMap<Value, Arc<Vec<C>>>;

pub(super) fn grouped<C>(pairs: Vec<(Value, C)>) -> Groups<C> {
    let mut groups: HashMap<Value, Vec<C>> = HashMap::new();
    for (key, row) in pairs {
        groups.entry(key).or_default().push(row);
    }
    groups.into_iter().map(|(key, rows)| (key, Arc::new(rows))).collect()
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
    }
    C::visit(field, Parent(child, parent));
}
