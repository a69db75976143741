//! Saving instances: `save`, `insert`, `save_fields`, `save_set`, `refresh`.
//!
//! `save` decides as Django does: an instance without a key is inserted; one with a key is updated, and inserted if
//! no row was hit; one that is known not to be stored and whose key has a default is inserted at once.

use nuages_engine::algebra::{Expr, OutputColumn, Source, Statement, Update};
use nuages_storage::Value;
use smallvec::SmallVec;

use crate::{
    assignment::{AssignmentNode, Assignments},
    atomic::Atomic,
    compile::Compiler,
    delete::{self, DeleteOptions, Deleted},
    error::{Error, Misuse, Result},
    executor::{Executor, finish_write, statement::execute},
    field::Field,
    insert::{self, ValueList},
    instance,
    meta::{FieldMeta, ModelMeta},
    model::{Accessor, FieldVisitor, Hook, Key, Model},
    node::{Node, Step},
    order,
    partial::Partial,
    path::{Col, Hop, Root},
    queryset::{QuerySet, QueryState, check_choices, first_row, has_key, loading::Loading, own_columns},
    relation::{
        ForeignKey, Forward, Generic, ManyToMany, Related, RelatedOne, Through,
        holder::Holder,
        parent::{self, WithParent},
    },
    row::{Row, Selection},
    signal::{Moment, Saving},
};

/// What may be asked of a save beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Insert, and fail if there is such a row.
    pub force_insert: bool,
    /// Update, and fail if there is no such row.
    pub force_update: bool,
}

/// The verbs of an instance. Every model has them.
pub trait Persist: Model {
    /// Stores the instance: by an update if it has a key and there is such a row, else by an insert.
    ///
    /// # Errors
    /// [`Error::Integrity`]; [`Error::Unsaved`] if a related instance that was assigned has no key; what a receiver
    /// returns.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// post.title = "Updated".into();
    /// post.save(&db)?;
    /// assert!(Post::objects().filter(Post::title.eq("Updated")).exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    fn save(&mut self, ex: &dyn Executor) -> Result<()> {
        self.save_with(SaveOptions::default(), ex)
    }

    /// [`save`](Persist::save) with options.
    ///
    /// # Errors
    /// As [`save`](Persist::save); [`Error::NotUpdated`] if an update was forced and hit no row.
    fn save_with(&mut self, options: SaveOptions, ex: &dyn Executor) -> Result<()> {
        if options.force_insert && options.force_update {
            return Err(Misuse::Other("a save cannot be forced to insert and to update").into());
        }
        write(self, &Write { options, ..Write::default() }, ex)
    }

    /// Writes only these fields of a stored instance. Of no field, it does nothing.
    ///
    /// # Errors
    /// [`Error::NotUpdated`] if the row is not there any more; as [`save`](Persist::save).
    fn save_fields(&mut self, fields: impl Selection<Self>, ex: &dyn Executor) -> Result<()> {
        let mut nodes = Vec::new();
        fields.collect(&mut nodes);
        let only = own_columns::<Self>(&nodes, "save_fields")?;
        if only.is_empty() {
            return Ok(());
        }
        if only.iter().any(|field| Self::meta().primary_key.contains(field)) {
            return Err(Misuse::Other("save_fields cannot write primary keys").into());
        }
        let options = SaveOptions { force_update: true, force_insert: false };
        write(self, &Write { options, only: Some(only), ..Write::default() }, ex)
    }

    /// Changes fields of the stored row by expressions over it, and reads the results into the instance: an update
    /// that loses no other's. Django's assignment of an `F` expression to an attribute.
    ///
    /// # Errors
    /// [`Error::NotUpdated`] if the row is not there; as [`save`](Persist::save).
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// post.save_set(Post::view_count.set(Post::view_count + 1), &db)?;
    /// assert_eq!(post.view_count, 1);
    /// # Ok::<(), Error>(())
    /// ```
    fn save_set(&mut self, assignments: impl Assignments<Self>, ex: &dyn Executor) -> Result<()> {
        let mut list = Vec::new();
        assignments.collect(&mut list);
        check_choices::<Self>(&list)?;
        finish_write(ex, save_set(self, &list, ex))
    }

    /// Stores the instance as a new row and returns it with what the database filled.
    ///
    /// # Errors
    /// As [`save`](Persist::save); [`Error::Integrity`] if there is such a row.
    fn insert(mut self, ex: &dyn Executor) -> Result<Self> {
        let options = SaveOptions { force_insert: true, force_update: false };
        write(&mut self, &Write { options, ..Write::default() }, ex)?;
        Ok(self)
    }

    /// [`insert`](Persist::insert) where some fields are computed by the database; the instance comes back with what
    /// was computed. There is no row yet whose columns an expression could read.
    ///
    /// # Errors
    /// As [`insert`](Persist::insert); [`Misuse::ColumnHere`] for an expression over the row.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, pub slug: String }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// let draft = new!(Post { title: "Nuages", slug: "" });
    /// let post = draft.insert_set(Post::slug.set(value("NUAGES").lower()), &db)?;
    /// assert_eq!(post.slug, "nuages");
    /// # Ok::<(), Error>(())
    /// ```
    fn insert_set(mut self, computed: impl Assignments<Self>, ex: &dyn Executor) -> Result<Self> {
        let mut list = Vec::new();
        computed.collect(&mut list);
        check_choices::<Self>(&list)?;
        let options = SaveOptions { force_insert: true, force_update: false };
        write(&mut self, &Write { options, computed: list, ..Write::default() }, ex)?;
        Ok(self)
    }

    /// Deletes the instance's row and what its foreign keys say. The instance keeps its values, but a key that the
    /// database fills is unset.
    ///
    /// # Errors
    /// [`Error::Unsaved`] without a key; [`Error::Protected`], [`Error::Restricted`]; what a receiver returns.
    fn delete(&mut self, ex: &dyn Executor) -> Result<Deleted> {
        self.delete_with(DeleteOptions::default(), ex)
    }

    /// [`delete`](Persist::delete) with options. The key of a row whose parent stays is kept.
    ///
    /// # Errors
    /// As [`delete`](Persist::delete).
    fn delete_with(&mut self, options: DeleteOptions, ex: &dyn Executor) -> Result<Deleted> {
        let deleted = match Self::HOOKS.delete {
            false => delete_row(self, options, ex),
            true => ex.atomic(|tx| {
                self.run_hook(Hook::BeforeDelete, tx)?;
                let deleted = delete_row(self, options, tx)?;
                self.run_hook(Hook::AfterDelete, tx)?;
                Ok(deleted)
            }),
        };
        let deleted = finish_write(ex, deleted)?;
        if !options.keep_parents {
            instance::unset_key(self);
        }
        Ok(deleted)
    }

    /// The row that comes next by a field, and where it is the same, by the key; Django's `get_next_by_FOO`. Among the
    /// rows of a queryset it is [`QuerySet::next_by`].
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if this is the last; [`Error::Unsaved`] without a key.
    fn next_by<H: Hop, T: Field, K>(&self, field: Col<Root<Self>, H, T, K>, ex: &dyn Executor) -> Result<Self>
    where
        Self: Row,
    {
        Self::objects().next_by(field, self, ex)
    }

    /// The row that comes before by a field; Django's `get_previous_by_FOO`.
    ///
    /// # Errors
    /// As [`next_by`](Persist::next_by).
    fn previous_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<Self>, H, T, K>,
        ex: &dyn Executor,
    ) -> Result<Self>
    where
        Self: Row,
    {
        Self::objects().previous_by(field, self, ex)
    }

    /// Reads the row again. Relations forget what they had read.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not there any more; [`Error::Unsaved`] without a key.
    fn refresh(&mut self, ex: &dyn Executor) -> Result<()> {
        let mut state = QueryState::new(Self::meta());
        state.add_condition(own_row(self, "refresh")?);
        *self = first_row::<Self>(&state, ex)?.ok_or(Error::DoesNotExist { model: Self::NAME })?;
        Ok(())
    }

    /// Reads only these fields again. A key forgets the row that it was followed to.
    ///
    /// # Errors
    /// As [`refresh`](Persist::refresh).
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// post.title = "Not yet saved".into();
    /// Post::objects().update(Post::view_count.set(7), &db)?;
    /// post.refresh_fields(Post::view_count, &db)?;
    /// assert_eq!((post.view_count, post.title.as_str()), (7, "Not yet saved"));
    /// # Ok::<(), Error>(())
    /// ```
    fn refresh_fields(&mut self, fields: impl Selection<Self>, ex: &dyn Executor) -> Result<()> {
        let mut nodes = Vec::new();
        fields.collect(&mut nodes);
        let only = own_columns::<Self>(&nodes, "refresh_fields")?;
        let mut state = QueryState::new(Self::meta());
        state.add_condition(own_row(self, "refresh_fields")?);
        state.clauses_mut().loading = Some(Loading::of(Self::meta(), only.iter().copied()));
        let rows = QuerySet::<Self, Partial<Self>>::from_state(state).all(ex)?;
        let row = rows.into_iter().next().ok_or(Error::DoesNotExist { model: Self::NAME })?;
        for field in only {
            forget_followed(self, field);
            if let Some(value) = Holder::<Self>::value(&row, field) {
                instance::set_value(self, field, &value)?;
            }
        }
        Ok(())
    }

    /// Reads the row again as one of these, with what they join and prefetch: Django's
    /// `refresh_from_db(from_queryset=..)`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not among them; as [`refresh`](Persist::refresh).
    fn refresh_from(&mut self, rows: &QuerySet<Self>, ex: &dyn Executor) -> Result<()> {
        let own = own_row(self, "refresh_from")?;
        let mut state = rows.state().clone();
        state.condition("refresh_from", own, false);
        *self = first_row::<Self>(&state, ex)?.ok_or(Error::DoesNotExist { model: Self::NAME })?;
        Ok(())
    }
}

impl<M: Model> Persist for M {}

/// Forgets the row that a key was followed to.
fn forget_followed<M: Model>(instance: &mut M, field: u16) {
    struct Forget<'a, M>(&'a mut M);
    impl<M: Model> FieldVisitor<M> for Forget<'_, M> {
        type Output = ();
        fn column(self) {}
        fn forward<F: Forward>(self, field: Accessor<M, F>) {
            if let Some(key) = field.get_mut(self.0).as_key_mut() {
                key.forget();
            }
        }
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) {}
        fn related<C: Model>(self, _: Accessor<M, Related<C>>) {}
        fn related_one<C: Model>(self, _: Accessor<M, RelatedOne<C>>) {}
        fn generic<F: Generic>(self, _: Accessor<M, F>) {}
    }
    M::visit(field, Forget(instance));
}

/// One save.
#[derive(Default)]
struct Write {
    options: SaveOptions,
    /// Only these fields.
    only: Option<Vec<u16>>,
    /// What the database computes of a new row.
    computed: Vec<AssignmentNode>,
}

/// Saves an instance that was changed since it was read: the fields that differ, and those that hold the time of their
/// saving. One in which nothing differs is saved whole, as if its fields had been set to what they were.
pub(crate) fn save_changed<M: Model>(instance: &mut M, before: &M, ex: &dyn Executor) -> Result<()> {
    instance::refresh_keys(instance)?;
    let meta = M::meta();
    let differs = |field: &u16| instance::value_of(instance, *field) != instance::value_of(before, *field);
    let mut only: Vec<u16> = meta.columns().map(|(field, _)| field).filter(differs).collect();
    let has_new_key = only.iter().any(|field| meta.primary_key.contains(field));
    // What a row extends is written by a save of the whole.
    if only.is_empty() || has_new_key || meta.parent.is_some() {
        return instance.save(ex);
    }
    let stamped = meta.fields_at(meta.stamped).filter(|(_, described)| described.auto_now);
    only.extend(stamped.map(|(field, _)| field));
    only.sort_unstable();
    only.dedup();
    let options = SaveOptions { force_update: true, force_insert: false };
    write(instance, &Write { options, only: Some(only), ..Write::default() }, ex)
}

/// The condition that only the instance's own row meets.
fn own_row<M: Model>(instance: &M, wanted: &'static str) -> Result<Node> {
    let key = instance.pk().ok_or(Error::Unsaved { model: M::NAME, wanted })?;
    Ok(has_key(M::meta(), &key.values()))
}

/// A save with what the model does itself and with its receivers. Only with one of these is it more than one statement
/// that must happen whole.
fn write<M: Model>(instance: &mut M, write: &Write, ex: &dyn Executor) -> Result<()> {
    if !M::HOOKS.save && !ex.shared().app().signals().hears_save::<M>() {
        let result = match M::meta().parent {
            None => store(instance, write, ex),
            Some(_) => ex.atomic(|tx| store(instance, write, tx)),
        };
        return finish_write(ex, result.map(drop));
    }
    let update_fields = write.only.as_ref().map(|only| {
        only.iter().filter_map(|field| M::meta().field(*field)).map(|field| field.name).collect()
    });
    let (had_key, mut created) = (instance.pk().is_some(), false);
    let result = ex.atomic(|tx| {
        let signals = tx.shared().app().signals();
        let expected = instance.pk().is_none() || write.options.force_insert;
        let mut saving = Saving { created: expected, update_fields, raw: false };
        instance.run_hook(Hook::BeforeSave(&saving), tx)?;
        signals.save(Moment::Before, instance, &saving, tx)?;
        created = store(instance, write, tx)?;
        saving.created = created;
        signals.save(Moment::After, instance, &saving, tx)?;
        instance.run_hook(Hook::AfterSave(&saving), tx)
    });
    // The new row is gone again, and the instance must not think that it is there.
    if result.is_err() && created {
        match had_key {
            true => instance::mark_stored(instance, false),
            false => instance::unset_key(instance),
        }
    }
    finish_write(ex, result)
}

/// Deletes the instance's row and what its foreign keys say.
fn delete_row<M: Model>(instance: &M, options: DeleteOptions, ex: &dyn Executor) -> Result<Deleted> {
    let own = own_row(instance, "delete")?;
    match instance::key_of(instance) {
        Some(key) => delete::by_keys(M::meta(), vec![key], options, ex),
        None => {
            let mut state = QueryState::new(M::meta());
            state.add_condition(own);
            delete::by_queryset(&state, ex)
        }
    }
}

/// Writes the row that an instance extends; whether it is new. Where only fields of the instance's own are written, it
/// stays as it is.
fn store_parent<M: Model>(instance: &mut M, write: &Write, ex: &dyn Executor) -> Result<bool> {
    struct Store<'e>(&'e dyn Executor);
    impl WithParent for Store<'_> {
        type Output = Result<bool>;
        fn parent<P: Model>(self, parent: &mut ForeignKey<P>) -> Result<bool> {
            let whole = Write::default();
            parent.change_row(|row| store(row, &whole, self.0)).unwrap_or(Ok(false))
        }
    }
    match write.only {
        None => parent::with_parent(instance, Store(ex)).unwrap_or(Ok(false)),
        Some(_) => Ok(false),
    }
}

/// Writes the row; whether it is new.
fn store<M: Model>(instance: &mut M, write: &Write, ex: &dyn Executor) -> Result<bool> {
    let extends_new = store_parent(instance, write, ex)?;
    instance::refresh_keys(instance)?;
    let meta = M::meta();
    let SaveOptions { mut force_insert, force_update } = write.options;
    force_insert |= extends_new && !force_update;
    let has_key = instance.pk().is_some();
    if !has_key && force_update {
        return Err(Error::Unsaved { model: M::NAME, wanted: "an update" });
    }
    let key_has_default =
        meta.primary_key.iter().all(|field| meta.field(*field).is_some_and(|f| f.default.is_some()));
    force_insert |= !force_update && key_has_default && instance::is_stored(instance) == Some(false);
    if has_key && !force_insert {
        let adding = instance::is_stored(instance) == Some(false);
        instance::stamp(instance, adding, ex.settings(), write.only.as_deref())?;
        if update(instance, write.only.as_deref(), ex)? {
            instance::mark_stored(instance, true);
            instance.bind();
            return Ok(false);
        }
        if force_update {
            return Err(Error::NotUpdated { model: M::NAME });
        }
    }
    instance::stamp(instance, true, ex.settings(), None)?;
    order::take_places(std::slice::from_mut(instance), ex)?;
    if write.computed.is_empty() {
        insert::insert(ex, std::slice::from_mut(instance))?;
    } else {
        let computed = Compiler::new(ex).new_row(meta, &write.computed)?;
        insert::insert_computed(ex, instance, &computed)?;
    }
    Ok(true)
}

/// Updates the instance's row; whether there is one.
fn update<M: Model>(instance: &mut M, only: Option<&[u16]>, ex: &dyn Executor) -> Result<bool> {
    let meta = M::meta();
    let columns = written_columns(meta, only);
    let assignments = assignments_of(meta, &columns, ValueList::of_columns(instance, &columns), ex)?;
    if assignments.is_empty() {
        let mut state = QueryState::new(meta);
        state.add_condition(own_row(instance, "an update")?);
        return Ok(first_row::<M>(&state, ex)?.is_some());
    }
    let key = instance.pk().ok_or(Error::Unsaved { model: M::NAME, wanted: "an update" })?;
    let Some(computed) = update_columns(meta, &key.values(), assignments, ex)? else { return Ok(false) };
    for (field, value) in computed {
        instance::set_value(instance, field, &value)?;
    }
    Ok(true)
}

/// The positions of the columns that an update of these fields, or of all, writes.
fn written_columns(meta: &'static ModelMeta, only: Option<&[u16]>) -> SmallVec<[usize; 16]> {
    let is_written = |index: u16, field: &FieldMeta| {
        let is_chosen = only.is_none_or(|only| only.contains(&index));
        is_chosen && !field.primary_key && field.generated.is_none()
    };
    let written = meta.columns().filter(|(index, field)| is_written(*index, field));
    written.map(|(index, _)| meta.position(index)).collect()
}

/// The assignments of these columns of the values of a row; one that the database fills is left as it is.
fn assignments_of(
    meta: &'static ModelMeta,
    columns: &[usize],
    mut values: Vec<Option<Value>>,
    ex: &dyn Executor,
) -> Result<Vec<(usize, Expr)>> {
    let bound = ex.shared().binding().model(meta)?;
    let assignment = |column: usize| Some((bound.columns[column], Expr::Literal(values[column].take()?)));
    Ok(columns.iter().copied().filter_map(assignment).collect())
}

/// Writes some columns of the row of a primary key, by their places in the table; the fields that the database computed
/// of them, unless there is no such row. There is nothing in it to be compiled.
pub(crate) fn update_columns(
    meta: &'static ModelMeta,
    key: &[Value],
    mut assignments: Vec<(usize, Expr)>,
    ex: &dyn Executor,
) -> Result<Option<Vec<(u16, Value)>>> {
    let bound = ex.shared().binding().model(meta)?;
    let source = Source::new(0);
    let column = |field: u16| Expr::from(source.column(bound.columns[meta.position(field)]));
    let parts = meta.primary_key.iter().zip(key);
    let is_own = parts.map(|(field, part)| column(*field).equals(Expr::Literal(part.clone())));
    let predicate = is_own.reduce(Expr::and);
    bound.generate(&mut assignments, source)?;
    let generated = bound.generated.iter().map(|one| bound.columns[one.position]);
    let returning = generated.map(|column| OutputColumn::new("", source.column(column))).collect();
    let statement = Statement::Update(Update {
        table: bound.table,
        source,
        predicate,
        assignments,
        returning,
        from: None,
    });
    let outcome = execute(ex, meta.table, &statement, &[])?;
    if outcome.affected == 0 {
        return Ok(None);
    }
    let computed = outcome.rows.rows.into_iter().next().unwrap_or_default();
    Ok(Some(bound.generated.iter().map(|generated| generated.field).zip(computed).collect()))
}

/// `UPDATE .. RETURNING` into the fields.
fn save_set<M: Model>(instance: &mut M, list: &[AssignmentNode], ex: &dyn Executor) -> Result<()> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let mut state = QueryState::new(meta);
    state.add_condition(own_row(instance, "save_set")?);
    let mut compiler = Compiler::new(ex);
    let mut update = compiler.update(&state, list)?;
    let source: Source = update.source;
    let fields: Vec<u16> = list.iter().filter_map(AssignmentNode::own_field).collect();
    if meta.parent.is_some_and(|parent| fields.contains(&parent)) {
        return Err(Misuse::Other("a row extends the row it was made with, and no other").into());
    }
    update.returning = fields
        .iter()
        .map(|field| OutputColumn::new("", source.column(bound.columns[meta.position(*field)])))
        .collect();
    let outcome = execute(ex, meta.table, &Statement::Update(update), &[])?;
    let row: &Vec<Value> = outcome.rows.rows.first().ok_or(Error::NotUpdated { model: M::NAME })?;
    fields.iter().zip(row).try_for_each(|(field, value)| instance::set_value(instance, *field, value))
}

/// The field of the model itself that a step takes.
pub(crate) fn own_field(step: Step) -> Option<u16> {
    match step {
        Step::Field(field) => Some(field),
        Step::Back { .. } | Step::To { .. } | Step::Key => None,
    }
}
