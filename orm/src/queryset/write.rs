//! The verbs that write: `create`, `bulk_create`, `bulk_update`, `get_or_create`, `update_or_create`, `update`,
//! `delete`.

use hashbrown::HashSet;
use nuages_engine::algebra::{Expr, Relation, Source, Statement, Update};
use nuages_storage::Value;

use super::{
    QuerySet,
    cache::{self, Asked},
    conflict::{CreateOptions, OnConflict},
    extended,
    state::{QueryState, Shape},
};
use crate::{
    assignment::{AssignmentNode, Assignments},
    atomic::Atomic,
    compile::Compiler,
    delete::{self, Deleted},
    error::{Error, Misuse, Result},
    executor::{Executor, finish_write, statement::execute},
    expression::Condition,
    insert::{self, ValueList},
    instance,
    model::{Key, Model},
    node::{Node, Step},
    order,
    row::{Row, Selection},
    save::{Persist, save_changed},
};

/// What may be asked of `bulk_create` and `bulk_update` beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkOptions {
    /// How many rows one statement writes; all if none.
    pub batch_size: Option<usize>,
}

impl<M: Model> QuerySet<M> {
    /// Stores a new row and returns it with what the database filled. It sends signals.
    ///
    /// # Errors
    /// As [`Persist::insert`].
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Tag { pub id: Auto<i64>, pub name: String, #[field(unique)] pub slug: Slug }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// let tag = Tag::objects().create(new!(Tag { name: "Rust", slug: "rust" }), &db)?;
    /// assert_eq!(tag.pk(), Some(1));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn create(&self, instance: M, ex: &dyn Executor) -> Result<M> {
        instance.insert(ex)
    }

    /// Stores a new row some of whose fields are computed by the database, and returns it with what came out.
    ///
    /// # Errors
    /// As [`Persist::insert_set`].
    pub fn create_set(&self, instance: M, computed: impl Assignments<M>, ex: &dyn Executor) -> Result<M> {
        instance.insert_set(computed, ex)
    }

    /// Stores new rows by one statement (two if only some have keys) and returns them with their keys. No signal is
    /// sent.
    ///
    /// # Errors
    /// [`Error::Integrity`], and then no row is stored.
    pub fn bulk_create(&self, instances: impl IntoIterator<Item = M>, ex: &dyn Executor) -> Result<Vec<M>> {
        self.bulk_create_with(instances, BulkOptions::default(), ex)
    }

    /// [`bulk_create`](QuerySet::bulk_create) with options: [`BulkOptions`], or what becomes of rows that are there
    /// already, [`CreateOptions`].
    ///
    /// # Errors
    /// As [`bulk_create`](QuerySet::bulk_create); [`Misuse`] for batches of no row and for options that exclude each
    /// other.
    pub fn bulk_create_with(
        &self,
        instances: impl IntoIterator<Item = M>,
        options: impl Into<CreateOptions<M>>,
        ex: &dyn Executor,
    ) -> Result<Vec<M>> {
        let options = options.into();
        let mut instances: Vec<M> = instances.into_iter().collect();
        let size = batch_size(options.batch_size, instances.len())?;
        let conflict = options.on_conflict()?;
        if M::meta().parent.is_some() {
            return Err(Misuse::Other(
                "rows that extend others cannot be created in bulk: create them one by one",
            )
            .into());
        }
        let mut with_keys = 0;
        for instance in &mut instances {
            instance::refresh_keys(instance)?;
            instance::stamp(instance, true, ex.settings(), None)?;
            with_keys += usize::from(instance.pk().is_some());
        }
        order::take_places(&mut instances, ex)?;
        let statements = with_keys.div_ceil(size) + (instances.len() - with_keys).div_ceil(size);
        let result = match statements {
            0 => Ok(()),
            1 => insert_batch(ex, &mut instances, conflict.as_ref()),
            _ if ex.in_atomic_block() => insert_batches(ex, &mut instances, size, conflict.as_ref()),
            _ => ex.atomic(|tx| insert_batches(tx, &mut instances, size, conflict.as_ref())),
        };
        finish_write(ex, result.map(|()| instances))
    }

    /// Writes these fields of stored instances by one statement, and says how many rows it hit. No signal is sent.
    ///
    /// # Errors
    /// [`Error::Unsaved`] for an instance without a key; [`Error::Integrity`].
    pub fn bulk_update<'m>(
        &self,
        instances: impl IntoIterator<Item = &'m M>,
        fields: impl Selection<M>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        self.bulk_update_with(instances, fields, BulkOptions::default(), ex)
    }

    /// [`bulk_update`](QuerySet::bulk_update) with options.
    ///
    /// # Errors
    /// As [`bulk_update`](QuerySet::bulk_update).
    pub fn bulk_update_with<'m>(
        &self,
        instances: impl IntoIterator<Item = &'m M>,
        fields: impl Selection<M>,
        options: BulkOptions,
        ex: &dyn Executor,
    ) -> Result<u64> {
        let mut instances: Vec<M> = instances.into_iter().cloned().collect();
        let mut nodes = Vec::new();
        fields.collect(&mut nodes);
        let fields = own_columns::<M>(&nodes, "bulk_update")?;
        if fields.is_empty() {
            return Err(Misuse::Other("bulk_update needs a field").into());
        }
        if fields.iter().any(|field| M::meta().primary_key.contains(field)) {
            return Err(Misuse::Other("bulk_update cannot change primary keys").into());
        }
        instances.iter_mut().try_for_each(instance::refresh_keys)?;
        if instances.is_empty() {
            return Ok(0);
        }
        let size = batch_size(options.batch_size, instances.len())?;
        let result = ex.atomic(|tx| {
            instances.chunks(size).try_fold(0, |count, chunk| Ok(count + update_batch(chunk, &fields, tx)?))
        });
        finish_write(ex, result)
    }

    /// The only row that meets the condition, or a new one if there is none; and whether it is new. Two that do it
    /// at once get one row.
    ///
    /// # Errors
    /// [`Error::MultipleObjectsReturned`]; [`Error::Integrity`] of a row that the condition does not find.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug, PartialEq)]
    /// # pub struct Tag { pub id: Auto<i64>, pub name: String, #[field(unique)] pub slug: Slug }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// let go = || new!(Tag { name: "Go", slug: "go" });
    /// let (tag, is_new) = Tag::objects().get_or_create(Tag::slug.eq("go"), go, &db)?;
    /// assert!(is_new);
    /// assert_eq!(Tag::objects().get_or_create(Tag::slug.eq("go"), go, &db)?, (tag, false));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get_or_create(
        &self,
        condition: impl Condition<M>,
        new: impl FnOnce() -> M,
        ex: &dyn Executor,
    ) -> Result<(M, bool)>
    where
        M: Row,
    {
        self.get_or_create_by(condition, |tx| self.create(new(), tx), ex)
    }

    /// [`get_or_create`](QuerySet::get_or_create) of a row that `create` stores, within a block of its own.
    pub(crate) fn get_or_create_by(
        &self,
        condition: impl Condition<M>,
        create: impl FnOnce(&dyn Executor) -> Result<M>,
        ex: &dyn Executor,
    ) -> Result<(M, bool)>
    where
        M: Row,
    {
        let condition = condition.into_condition();
        match self.get(condition.clone(), ex) {
            Ok(found) => return Ok((found, false)),
            Err(Error::DoesNotExist { .. }) => {}
            Err(error) => return Err(error),
        }
        match ex.atomic(|tx| create(tx)) {
            Ok(created) => Ok((created, true)),
            // Another may have been quicker.
            Err(error @ Error::Integrity { .. }) => match self.get(condition, ex) {
                Ok(found) => Ok((found, false)),
                Err(Error::DoesNotExist { .. }) => finish_write(ex, Err(error)),
                Err(other) => Err(other),
            },
            Err(error) => finish_write(ex, Err(error)),
        }
    }

    /// The only row that meets the condition, changed and saved; or a new one if there is none. And whether it is
    /// new. Of a row that is changed only what `change` made different is written, and its `auto_now` fields.
    ///
    /// # Errors
    /// As [`get_or_create`](QuerySet::get_or_create).
    pub fn update_or_create(
        &self,
        condition: impl Condition<M>,
        change: impl FnOnce(&mut M),
        new: impl FnOnce() -> M,
        ex: &dyn Executor,
    ) -> Result<(M, bool)>
    where
        M: Row,
    {
        self.update_or_create_by(condition, change, |tx| self.create(new(), tx), ex)
    }

    /// [`update_or_create`](QuerySet::update_or_create) of a row that `create` stores, within a block of its own.
    pub(crate) fn update_or_create_by(
        &self,
        condition: impl Condition<M>,
        change: impl FnOnce(&mut M),
        create: impl FnOnce(&dyn Executor) -> Result<M>,
        ex: &dyn Executor,
    ) -> Result<(M, bool)>
    where
        M: Row,
    {
        let result = ex.atomic(|tx| {
            // Nobody may change the row between its reading and its writing.
            let locked = super::build::Queryset::select_for_update(self.clone());
            let (mut row, is_new) = locked.get_or_create_by(condition, create, tx)?;
            if !is_new {
                let before = row.clone();
                change(&mut row);
                save_changed(&mut row, &before, tx)?;
            }
            Ok((row, is_new))
        });
        finish_write(ex, result)
    }
}

impl<M: Model, R> QuerySet<M, R> {
    /// Writes fields of all rows by one statement and says how many rows it hit. No signal is sent, and `auto_now`
    /// fields stay as they are. Fields of what a row extends are written by a statement more for each such model.
    ///
    /// # Errors
    /// [`Misuse::NotAllowed`] after a slice, [`Misuse::JoinHere`] for an expression over another table;
    /// [`Error::Validation`] for a text that is none of the field's choices; [`Error::Integrity`].
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// let changed = Post::objects().filter(Post::id.eq(1)).update(Post::view_count.set(Post::view_count + 1), &db)?;
    /// assert_eq!(changed, 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn update(&self, assignments: impl Assignments<M>, ex: &dyn Executor) -> Result<u64> {
        let mut list = Vec::new();
        assignments.collect(&mut list);
        check_choices::<M>(&list)?;
        finish_write(ex, update_resolved(self.state(), list, ex))
    }

    /// Deletes all rows and what their foreign keys say.
    ///
    /// # Errors
    /// [`Misuse::NotAllowed`] after a slice, `values` or `distinct_on`; [`Error::Protected`], [`Error::Restricted`].
    pub fn delete(&self, ex: &dyn Executor) -> Result<Deleted> {
        finish_write(ex, delete::by_queryset(self.state(), ex))
    }
}

/// Refuses a constant that is none of a field's choices, if the field could not be read back.
pub(crate) fn check_choices<M: Model>(list: &[AssignmentNode]) -> Result<()> {
    for one in list {
        let (Some(field), Node::Value(value)) = (one.own_field(), &one.value) else { continue };
        if M::meta().field(field).is_some_and(|field| field.choices.is_some()) && !value.is_null() {
            can_hold::<M>(field, value)?;
        }
    }
    Ok(())
}

/// Whether a field can hold a value.
///
/// # Errors
/// [`Error::Validation`], as `full_clean` words it.
pub(crate) fn can_hold<M: Model>(field: u16, value: &Value) -> Result<()> {
    let read = M::read_part(&mut M::Draft::default(), field, std::slice::from_ref(value), 0);
    let (Err(_), Some(meta)) = (read, M::meta().field(field)) else { return Ok(()) };
    let (code, text) = match meta.choices {
        Some(_) => ("invalid_choice", format!("Value {value} is not a valid choice.")),
        None => ("invalid", format!("{value} is not a valid value.")),
    };
    Err(Error::invalid(meta.name, code, text))
}

/// Writes fields of the rows of a queryset, whose annotations the values may name.
fn update_resolved(state: &QueryState, mut list: Vec<AssignmentNode>, ex: &dyn Executor) -> Result<u64> {
    for one in list.iter_mut().filter(|one| one.is_own()) {
        let value = std::mem::replace(&mut one.value, Node::Value(Value::Null));
        one.value = state.resolve_owned(value);
    }
    update(state, &list, ex)
}

/// Writes fields of the rows of a queryset.
pub(crate) fn update(state: &QueryState, list: &[AssignmentNode], ex: &dyn Executor) -> Result<u64> {
    if !list.iter().all(AssignmentNode::is_own) {
        return extended::update(state, list, ex);
    }
    match cache::find(state, Asked::Update(list), ex) {
        Some(found) => {
            let changed =
                found.update().map_or(Ok(0), |write| write.update(state.model.table, found.values(), ex));
            changed.map_err(|error| state.explain(error, list.iter().map(|one| &one.value)))
        }
        None => update_once(state, list, ex),
    }
}

/// Writes fields of the rows of a queryset of a shape that is not kept.
fn update_once(state: &QueryState, list: &[AssignmentNode], ex: &dyn Executor) -> Result<u64> {
    let Some(statement) = update_of(state, list, &mut Compiler::new(ex))? else { return Ok(0) };
    let outcome = execute(ex, state.model.table, &Statement::Update(statement), &[]);
    let outcome = outcome.map_err(|error| state.explain(error, list.iter().map(|one| &one.value)))?;
    Ok(outcome.affected)
}

/// The statement that writes fields of the rows of a queryset; none if it would write nothing.
pub(super) fn update_of(
    state: &QueryState,
    list: &[AssignmentNode],
    compiler: &mut Compiler<'_>,
) -> Result<Option<Update>> {
    check_rows(state)?;
    if state.is_never() || list.is_empty() {
        return Ok(None);
    }
    if matches!(state.clauses().shape, Shape::Instances) {
        return compiler.update(state, list).map(Some);
    }
    let mut bare = state.clone();
    bare.clauses_mut().shape = Shape::Instances;
    compiler.update(&bare, list).map(Some)
}

/// Refuses querysets whose rows cannot be updated.
pub(super) fn check_rows(state: &QueryState) -> Result<()> {
    state.sound()?;
    let refused = |after| Err(Misuse::NotAllowed { call: "update", after }.into());
    if !state.clauses().slice.is_all() {
        return refused("a slice");
    }
    if state.is_distinct_on() {
        return refused("distinct_on");
    }
    state.combination_name().map_or(Ok(()), refused)
}

fn batch_size(batch_size: Option<usize>, rows: usize) -> Result<usize> {
    match batch_size {
        Some(0) => Err(Misuse::EmptyBatches.into()),
        Some(size) => Ok(size),
        None => Ok(rows.max(1)),
    }
}

/// Inserts instances by one statement.
fn insert_batch<M: Model>(ex: &dyn Executor, batch: &mut [M], conflict: Option<&OnConflict>) -> Result<()> {
    match conflict {
        None => insert::insert(ex, batch),
        Some(conflict) => insert::insert_or(ex, batch, conflict),
    }
}

/// Inserts the instances that have keys and then the others, in batches, and leaves them in their order.
fn insert_batches<M: Model>(
    ex: &dyn Executor,
    instances: &mut [M],
    size: usize,
    conflict: Option<&OnConflict>,
) -> Result<()> {
    let (with_keys, without): (Vec<usize>, Vec<usize>) =
        (0..instances.len()).partition(|&at| instances[at].pk().is_some());
    for places in with_keys.chunks(size).chain(without.chunks(size)) {
        let mut batch: Vec<M> = places.iter().map(|&at| instances[at].clone()).collect();
        insert_batch(ex, &mut batch, conflict)?;
        for (&at, stored) in places.iter().zip(batch) {
            instances[at] = stored;
        }
    }
    Ok(())
}

/// The columns of the model itself that expressions name.
pub(crate) fn own_columns<M: Model>(nodes: &[Node], place: &'static str) -> Result<Vec<u16>> {
    let own_column = |node: &Node| {
        let Node::Path(path) = node.unnamed() else { return Err(Misuse::FieldsHere { place }.into()) };
        match path.steps() {
            [Step::Field(field)] | [Step::Field(field), Step::Key]
                if M::meta().field(*field).is_some_and(|meta| meta.is_column()) =>
            {
                Ok(*field)
            }
            _ => Err(Misuse::JoinHere { place }.into()),
        }
    };
    nodes.iter().map(own_column).collect()
}

/// `UPDATE .. SET a = given.a FROM (VALUES (1, ..), (2, ..)) AS given (id, a) WHERE id = given.id`.
fn update_batch<M: Model>(instances: &[M], fields: &[u16], ex: &dyn Executor) -> Result<u64> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let (own, given) = (Source::new(0), Source::new(1));
    let written: Vec<usize> = fields.iter().map(|field| meta.position(*field)).collect();
    let (mut rows, mut known) =
        (Vec::with_capacity(instances.len()), HashSet::with_capacity(instances.len()));
    for instance in instances {
        let key = instance.pk().ok_or(Error::Unsaved { model: M::NAME, wanted: "bulk_update" })?.values();
        let values = ValueList::of(instance);
        let of_fields = written.iter().map(|position| values[*position].clone().unwrap_or_default());
        let row = key.iter().cloned().chain(of_fields).map(Expr::Literal).collect();
        // Of two instances of one row the first is written.
        if known.insert(key) {
            rows.push(row);
        }
    }
    let keys = meta.primary_key.iter().map(|field| meta.position(*field));
    let positions: Vec<usize> = keys.chain(written).collect();
    let types = positions.iter().map(|position| bound.types[*position]).collect();
    let pairs = positions.iter().enumerate();
    let mut pairs: Vec<(usize, Expr)> =
        pairs.map(|(at, position)| (bound.columns[*position], given.column(at).into())).collect();
    let mut assignments = pairs.split_off(meta.primary_key.len());
    let is_given = pairs.into_iter().map(|(column, key)| Expr::from(own.column(column)).equals(key));
    bound.generate(&mut assignments, own)?;
    let update = Update {
        table: bound.table,
        source: own,
        from: Some(Relation::Values { source: given, types, rows }),
        predicate: is_given.reduce(Expr::and),
        assignments,
        returning: Vec::new(),
    };
    Ok(execute(ex, meta.table, &Statement::Update(update), &[])?.affected)
}
