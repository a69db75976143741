//! `in_bulk`: rows by their keys, or by the values of another unique field.

use std::hash::Hash;

use hashbrown::HashMap;

use super::{
    QuerySet, QueryState,
    complete::prefetch_into,
    run::{columns_of, is_empty, lock},
    state::{Annotation, Distinct, Shape},
};
use crate::{
    compile::Compiler,
    error::{Error, Misuse, Result},
    executor::Executor,
    expression::Operand,
    field::Field,
    meta::ModelMeta,
    model::{Key, KeyValues, Model},
    node::{FieldPath, Lookup, Node, Operator, Step},
    path::{Col, Hop, Root},
    read,
    row::Row,
};

impl<M: Model, R: Row> QuerySet<M, R> {
    /// The rows with these keys, by key, whatever the rows are made of. Keys without a row are left out; of no keys, no
    /// query is made.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Tag { pub id: Auto<i64>, #[field(unique)] pub slug: Slug }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// # Tag::objects().bulk_create(["go", "rust"].map(|slug| new!(Tag { slug })), &db)?;
    /// let tags = Tag::objects().in_bulk([1, 2, 3], &db)?;
    /// assert_eq!((tags.len(), tags[&2].slug.as_str()), (2, "rust"));
    /// let slugs = Tag::objects().values_list(Tag::slug).in_bulk([1], &db)?;
    /// assert_eq!(slugs[&1].as_str(), "go");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after a slice or a combination.
    pub fn in_bulk(
        &self,
        keys: impl IntoIterator<Item = M::Pk>,
        ex: &dyn Executor,
    ) -> Result<HashMap<M::Pk, R>> {
        let keys: Vec<KeyValues> = keys.into_iter().map(|key| key.values()).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut state = self.narrowable_state()?;
        state.add_condition(super::has_key_of(M::meta(), &keys));
        self.by_key(state, ex)
    }

    /// All rows by key; Django's `in_bulk()` without keys. The rows of a combination can be had so, too, if they are
    /// instances.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after a slice.
    pub fn in_bulk_all(&self, ex: &dyn Executor) -> Result<HashMap<M::Pk, R>> {
        self.by_key(self.bulk_state()?, ex)
    }

    /// The rows with these values of a unique field, or of the one that the queryset is `distinct_on`, by value.
    /// Django's `in_bulk(.., field_name=..)`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Tag { pub id: Auto<i64>, #[field(unique, max_length = 9)] pub name: String }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// # Tag::objects().bulk_create(["go", "rust"].map(|name| new!(Tag { name })), &db)?;
    /// let tags = Tag::objects().in_bulk_by(Tag::name, ["rust", "ada"], &db)?;
    /// assert_eq!((tags.len(), &tags["rust"].id), (1, &Auto::from(2)));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Misuse::WrongField`] for a field that is not unique; as [`in_bulk`](QuerySet::in_bulk).
    pub fn in_bulk_by<H: Hop, T: Field<Base: Eq + Hash>, K, V: Operand<T::Base, M>>(
        &self,
        field: Col<Root<M>, H, T, K>,
        values: impl IntoIterator<Item = V>,
        ex: &dyn Executor,
    ) -> Result<HashMap<T::Base, R>> {
        let node = field.node();
        if !is_unique(M::meta(), &node) && !is_only_once(self.state(), &node) {
            let (model, expected) = (M::NAME, "a unique field");
            let field = self.state().name_of(&node);
            return Err(Misuse::WrongField { call: "in_bulk_by", model, field, expected }.into());
        }
        let mut state = self.narrowable_state()?;
        let values = values.into_iter().map(V::into_node);
        let operands: Vec<Node> = std::iter::once(node.clone()).chain(values).collect();
        state.add_condition(Node::Call(Operator::Lookup(Lookup::In), operands.into()));
        let rows = keyed::<M, R>(state, vec![node], ex)?;
        let rows = rows.into_iter().map(|(key, row)| {
            let key = key.first().map_or_else(|| Err(not_read::<M>()), |key| Ok(T::Base::from_value(key)))?;
            Ok((key.map_err(|error| read::decode_error(M::meta(), error))?, row))
        });
        rows.collect()
    }

    fn bulk_state(&self) -> Result<QueryState> {
        if !self.state().clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "in_bulk", after: "a slice" }.into());
        }
        Ok(self.state().clone())
    }

    /// The same, to be narrowed to some keys.
    fn narrowable_state(&self) -> Result<QueryState> {
        let state = self.bulk_state()?;
        match state.combination_name() {
            Some(after) => Err(Misuse::NotAllowed { call: "in_bulk", after }.into()),
            None => Ok(state),
        }
    }

    fn by_key(&self, state: QueryState, ex: &dyn Executor) -> Result<HashMap<M::Pk, R>> {
        let key = M::meta().primary_key.iter().map(|field| Node::Path(FieldPath::field(*field)));
        let rows = keyed::<M, R>(state, key.collect(), ex)?;
        let rows =
            rows.into_iter().map(|(key, row)| Ok((M::Pk::from_values(&key).ok_or_else(not_read::<M>)?, row)));
        rows.collect()
    }
}

fn not_read<M: Model>() -> Error {
    Error::DoesNotExist { model: M::NAME }
}

/// Whether a node is a field of the model itself that has no value twice.
fn is_unique(meta: &'static ModelMeta, node: &Node) -> bool {
    let Node::Path(path) = node else { return false };
    let [Step::Field(field)] = path.steps() else { return false };
    let is_declared = meta.field(*field).is_some_and(|field| field.unique);
    is_declared || meta.primary_key == [*field] || meta.unique_together.iter().any(|set| **set == [*field])
}

/// Whether a queryset has only the first row of each value of a node.
fn is_only_once(state: &QueryState, node: &Node) -> bool {
    matches!(&state.clauses().distinct, Distinct::On(on) if on[..] == [node.clone()])
}

/// The rows of a queryset, each with the values of some fields, which are read beside it.
fn keyed<M: Model, R: Row>(
    mut state: QueryState,
    key: Vec<Node>,
    ex: &dyn Executor,
) -> Result<Vec<(KeyValues, R)>> {
    state.sound()?;
    let names = if R::NAMED { state.names() } else { Vec::new() };
    let places = match state.combination_name() {
        Some(after) => own_places(&state, &key).ok_or(Misuse::NotAllowed { call: "in_bulk", after })?,
        None => add_columns(&mut state, key),
    };
    lock(&state, ex)?;
    if is_empty(&state) {
        return Ok(Vec::new());
    }
    let compiled = Compiler::new(ex).rows(&state)?;
    let columns = columns_of(&state, &names, &compiled.joined);
    let mut keys: Vec<KeyValues> = Vec::new();
    let rows = read::fetch_with(ex, state.model, compiled.query, &columns, |row| {
        use crate::field::RowReader;
        keys.push(places.iter().map(|column| row.value(*column)).collect());
        R::read(row, &mut columns.clone())
    });
    let mut rows = rows.map_err(|error| state.explain(error, []))?;
    prefetch_into::<M, R>(&mut [&mut rows], &state, ex)?;
    Ok(keys.into_iter().zip(rows).collect())
}

/// Adds columns to the rows; gives their places. They are the last annotations: after the row's own columns, and before
/// those that `select_related` adds.
fn add_columns(state: &mut QueryState, nodes: Vec<Node>) -> Vec<usize> {
    let shown = shown_columns(state);
    let places = (shown..shown + nodes.len()).collect();
    state.clauses_mut().annotations.extend(nodes.into_iter().map(|node| Annotation { node, shown: true }));
    places
}

/// Where fields stand in the rows of a combination, which takes no further columns: known if the rows are whole
/// instances.
fn own_places(state: &QueryState, nodes: &[Node]) -> Option<Vec<usize>> {
    let clauses = state.clauses();
    if clauses.shape != Shape::Instances || clauses.loading.is_some() {
        return None;
    }
    let place = |node: &Node| match node {
        Node::Path(path) => match path.steps() {
            [Step::Field(field)] => Some(state.model.position(*field)),
            _ => None,
        },
        _ => None,
    };
    nodes.iter().map(place).collect()
}

/// How many columns the rows have, without those of joined models.
fn shown_columns(state: &QueryState) -> usize {
    let clauses = state.clauses();
    let (columns, from) = match &clauses.shape {
        Shape::Instances => {
            let read = clauses.loading.as_ref().map(|loading| loading.own().len());
            (read.unwrap_or_else(|| state.model.column_count()), 0)
        }
        Shape::Values { columns, annotations_before } => (columns.len(), usize::from(*annotations_before)),
    };
    columns + clauses.annotations.iter().skip(from).filter(|annotation| annotation.shown).count()
}
