//! Rows of which some fields were not read: `only` and `defer`.
//!
//! A plain instance is always complete, so rows with fields left out are of another type, [`Partial<M>`]. It is asked
//! by token: `get` reads a field that was deferred, by a query of its own; `loaded` never does.

mod fields;
mod generic;
mod joined;

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use nuages_engine::algebra::Expr;
use nuages_storage::Value;
use parking_lot::Mutex;

pub use fields::{Defers, Fields};

use crate::draft::{IntoField, Own, Slot};
use crate::error::{Error, Result};
use crate::executor::warnings::{Place, SingleRead, read_single};
use crate::executor::{Executor, FetchMode, finish_write};
use crate::field::{DecodeError, RowReader};
use crate::instance;
use crate::meta::{FieldKind, ModelMeta};
use crate::model::{Accessor, Key, KeyValues, Model};
use crate::node::{FieldPath, Lookup, Node};
use crate::path::{Hop, Rel, Root};
use crate::queryset::{Nodes, QuerySet, has_key_of};
use crate::queryset::{loading::Loading, state::QueryState};
use crate::relation::{
    holder::Holder,
    origin::{self, Arrival},
    parent,
};
use crate::row::{Columns, Row};
use crate::save::{Persist, own_field, update_columns};

/// A row of `M` of which some fields were not read. The primary key always is.
///
/// ```
/// use nuages::prelude::*;
/// #[derive(Model, Clone)]
/// pub struct Post {
///     pub id: Auto<i64>,
///     pub title: String,
///     pub body: String,
/// }
/// # fn main() -> nuages::Result<()> {
/// let db = App::new().models((Post::app(),)).open_memory()?;
/// Post::objects().create(new!(Post { title: "Hello", body: "A long text" }), &db)?;
/// let mut post = Post::objects().defer((Post::body,)).get(Post::id.eq(1), &db)?;
/// assert_eq!(post.loaded(Post::body), None);
/// assert_eq!(post.get(Post::body, &db)?, "A long text");
/// post.set(Post::title, "Changed");
/// post.save(&db)?;
/// assert_eq!(Post::objects().get(Post::id.eq(1), &db)?.title, "Changed");
/// # Ok(())
/// # }
/// ```
pub struct Partial<M: Model> {
    draft: M::Draft,
    /// The rows that were joined and of which some fields were not read either, by field: a `Partial` each.
    related: Vec<(u16, Arc<dyn Any + Send + Sync>)>,
    /// The rows it came with, if somebody asked for that to be known.
    origin: Option<Arc<Peers<M>>>,
}

/// The rows of one result, and what of their deferred fields was read for all of them.
struct Peers<M: Model> {
    arrival: Arrival,
    keys: Vec<KeyValues>,
    /// By field: the rows with it, by key.
    read: Mutex<HashMap<u16, HashMap<KeyValues, M::Draft>>>,
}

impl<M: Model> Partial<M> {
    /// The row of which a draft has what was read.
    pub(crate) fn of(draft: M::Draft) -> Partial<M> {
        joined::bound(draft)
    }

    /// The primary key.
    pub fn pk(&self) -> Option<M::Pk> {
        let values: Option<Vec<Value>> =
            M::meta().primary_key.iter().map(|field| M::part(&self.draft, *field)).collect();
        M::Pk::from_values(&values?)
    }

    /// A field, if it was read or set.
    pub fn loaded<F: Own<M>>(&self, _field: F) -> Option<&<M::Draft as Slot<F::Hop>>::Value>
    where
        M::Draft: Slot<F::Hop>,
    {
        self.draft.slot().get()
    }

    /// A field; one that was deferred is read now, and kept.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not there any more; [`Error::Decode`]; [`Error::FetchBlocked`] and
    /// [`Error::FollowedTooOften`] where the executor or the queryset wants it so.
    #[track_caller]
    pub fn get<F: Own<M>>(&self, field: F, ex: &dyn Executor) -> Result<&<M::Draft as Slot<F::Hop>>::Value>
    where
        M::Draft: Slot<F::Hop>,
    {
        self.get_at(Location::caller(), field, ex)
    }

    /// [`get`](Partial::get) for a line of the program.
    pub(crate) fn get_at<F: Own<M>>(
        &self,
        place: Place,
        _field: F,
        ex: &dyn Executor,
    ) -> Result<&<M::Draft as Slot<F::Hop>>::Value>
    where
        M::Draft: Slot<F::Hop>,
    {
        let slot = self.draft.slot();
        if let Some(value) = slot.get() {
            return Ok(value);
        }
        let field = own_field(F::Hop::step()).ok_or(Error::DoesNotExist { model: M::NAME })?;
        let mut draft = self.read_deferred(place, field, ex)?;
        let value = draft.slot_mut().take().ok_or(Error::DoesNotExist { model: M::NAME })?;
        Ok(slot.get_or_init(|| value))
    }

    /// The row that `select_related` joined, if `only` or `defer` left some of its fields out. A row that is whole is
    /// in the relation itself.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub name: String, pub email: String }
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub body: String, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
    /// # fn main() -> nuages::Result<()> {
    /// # let db = App::new().models((User::app(), Post::app())).open_memory()?;
    /// # let author = User::objects().create(new!(User { name: "Ann", email: "ann@example.org" }), &db)?;
    /// # Post::objects().create(new!(Post { title: "Hello", body: "A long text", author: &author }), &db)?;
    /// let posts = Post::objects().select_related(Post::author).only((Post::title, Post::author.name));
    /// for post in posts.all(&db)? {
    ///     let author = post.related(Post::author).expect("it was joined");
    ///     assert_eq!((author.get(User::name, &db)?.as_str(), author.deferred()), ("Ann", vec!["email"]));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn related<H: Hop, R: Model>(&self, _relation: Rel<Root<M>, H, R>) -> Option<&Partial<R>> {
        let field = own_field(H::step())?;
        let (_, row) = self.related.iter().find(|(known, _)| *known == field)?;
        row.downcast_ref()
    }

    /// A field, to be changed in its place, if it was read or set: a relation, say, to which rows are added.
    pub fn loaded_mut<F: Own<M>>(&mut self, _field: F) -> Option<&mut <M::Draft as Slot<F::Hop>>::Value>
    where
        M::Draft: Slot<F::Hop>,
    {
        self.draft.slot_mut().get_mut()
    }

    /// Writes a field; `save` stores it.
    pub fn set<F: Own<M>, V>(&mut self, _field: F, value: V)
    where
        M::Draft: Slot<F::Hop>,
        V: IntoField<<M::Draft as Slot<F::Hop>>::Value>,
    {
        *self.draft.slot_mut() = OnceLock::from(value.into_field());
        if let Some(field) = own_field(F::Hop::step()) {
            generic::agree::<M>(&mut self.draft, field);
        }
    }

    /// The names of the fields that were not read.
    pub fn deferred(&self) -> Vec<&'static str> {
        let missing = M::meta().columns().filter(|(index, _)| M::part(&self.draft, *index).is_none());
        missing.map(|(_, field)| field.name).collect()
    }

    /// Stores the fields that were read or set, as [`Persist::save_fields`] does, by one statement. If the model does
    /// something itself when it is saved, or somebody listens, what is deferred is read first: they get a whole
    /// instance.
    ///
    /// # Errors
    /// As [`Persist::save_fields`]; [`Error::DoesNotExist`] if the row is not there any more.
    pub fn save(&mut self, ex: &dyn Executor) -> Result<()> {
        let written: Vec<u16> = columns(M::meta()).filter(|field| self.has(*field)).collect();
        let meta = M::meta();
        let is_own = |field: &u16| {
            meta.field(*field).is_some_and(|field| !field.primary_key && field.generated.is_none())
        };
        let own = written.iter().copied().filter(is_own);
        if !M::HOOKS.save && !ex.shared().app().signals().hears_save::<M>() {
            let stored = self.store(own.collect(), ex);
            return finish_write(ex, stored);
        }
        let nodes = own.map(|field| Node::Path(FieldPath::field(field))).collect();
        let mut whole = self.clone().whole(ex)?;
        whole.save_fields(Nodes(nodes), ex)?;
        for field in written {
            self.take_over(field, &instance::value_of(&whole, field))?;
        }
        Ok(())
    }

    /// Writes these fields.
    fn store(&mut self, fields: Vec<u16>, ex: &dyn Executor) -> Result<()> {
        instance::refresh_keys(self)?;
        let meta = M::meta();
        for (field, described) in meta.fields_at(meta.stamped) {
            if let (true, true, FieldKind::Column(data_type)) =
                (described.auto_now, fields.contains(&field), described.kind)
            {
                let settings = ex.settings();
                self.take_over(field, &instance::time_as(settings.now(), data_type, settings))?;
            }
        }
        let bound = ex.shared().binding().model(meta)?;
        let value = |field: u16| Some((bound.columns[meta.position(field)], M::part(&self.draft, field)?));
        let is_computed = |field: u16| meta.field(field).is_some_and(|field| field.generated.is_some());
        let assignments: Vec<_> =
            fields.into_iter().filter(|field| !is_computed(*field)).filter_map(value).collect();
        if assignments.is_empty() {
            return Ok(());
        }
        let assignments = assignments.into_iter().map(|(place, value)| (place, Expr::Literal(value)));
        let computed = update_columns(meta, &self.key(), assignments.collect(), ex)?;
        for (field, value) in computed.ok_or(Error::DoesNotExist { model: M::NAME })? {
            if self.has(field) {
                self.take_over(field, &value)?;
            }
        }
        Ok(())
    }

    /// Reads the row again: the fields that were read or set, and forgets the relations that were followed. What was
    /// deferred stays so.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not there any more; [`Error::Decode`].
    pub fn refresh(&mut self, ex: &dyn Executor) -> Result<()> {
        let read: Vec<u16> = columns(M::meta()).filter(|field| self.has(*field)).collect();
        *self = self.read(&read, ex)?;
        Ok(())
    }

    /// The whole instance; what was deferred is read now. It is a new one to the receivers of `post_init`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not there any more; [`Error::Decode`].
    #[track_caller]
    pub fn whole(self, ex: &dyn Executor) -> Result<M> {
        self.whole_at(Location::caller(), ex)
    }

    /// [`whole`](Partial::whole) for a line of the program.
    pub(crate) fn whole_at(mut self, place: Place, ex: &dyn Executor) -> Result<M> {
        let missing: Vec<u16> = columns(M::meta()).filter(|field| !self.has(*field)).collect();
        if !missing.is_empty() {
            self.may_read(place, missing[0], ex)?;
            let read = self.read(&missing, ex)?;
            for field in missing {
                if let Some(value) = M::part(&read.draft, field) {
                    self.take_over(field, &value)?;
                }
            }
        }
        let mut whole = M::finish(self.draft).map_err(Error::custom)?;
        parent::complete(&mut whole, ex)?;
        let signals = ex.shared().app().signals();
        if signals.hears_init::<M>() {
            signals.init(&mut whole);
        }
        Ok(whole)
    }

    fn has(&self, field: u16) -> bool {
        M::part(&self.draft, field).is_some()
    }

    fn take_over(&mut self, field: u16, value: &Value) -> Result<()> {
        let read = M::read_part(&mut self.draft, field, std::slice::from_ref(value), 0);
        read.map_err(|error| {
            let column = M::meta().field(field).map_or("", |field| field.column);
            Error::Decode { table: M::meta().table, column, pk: None, value: Box::new(error.found) }
        })
    }

    fn key(&self) -> KeyValues {
        let key = M::meta().primary_key.iter();
        key.map(|field| M::part(&self.draft, *field).unwrap_or_default()).collect()
    }

    fn mode(&self, ex: &dyn Executor) -> FetchMode {
        let said = self.origin.as_ref().and_then(|origin| origin.arrival.mode);
        said.or(ex.settings().fetch_mode).unwrap_or_default()
    }

    /// Whether a deferred field may be read for this row alone.
    fn may_read(&self, place: Place, field: u16, ex: &dyn Executor) -> Result<()> {
        if self.mode(ex) == FetchMode::Raise {
            let field = M::meta().field(field).map_or("", |field| field.name);
            return Err(Error::FetchBlocked { model: M::NAME, field });
        }
        let result = self.origin.as_ref().and_then(|origin| origin.arrival.result);
        read_single(ex, SingleRead { model: M::meta(), field, result, place })
    }

    /// A row with a deferred field: read for this row alone, or for all that came with it.
    fn read_deferred(&self, place: Place, field: u16, ex: &dyn Executor) -> Result<M::Draft> {
        let gone = Error::DoesNotExist { model: M::NAME };
        match &self.origin {
            Some(origin) if self.mode(ex) == FetchMode::Peers && origin.keys.len() > 1 => {
                let key = self.key();
                if let Some(read) = origin.read.lock().get(&field) {
                    return read.get(&key).cloned().ok_or(gone);
                }
                let read = origin.fetch(field, ex)?;
                let draft = read.get(&key).cloned();
                origin.read.lock().insert(field, read);
                draft.ok_or(gone)
            }
            _ => {
                self.may_read(place, field, ex)?;
                Ok(self.read(&[field], ex)?.draft)
            }
        }
    }

    /// Fields of the same row, read by a query of their own.
    fn read(&self, fields: &[u16], ex: &dyn Executor) -> Result<Partial<M>> {
        let mut state = QueryState::new(M::meta());
        for field in M::meta().primary_key {
            let key = M::part(&self.draft, *field).unwrap_or_default();
            let path = Node::Path(FieldPath::field(*field));
            state.add_condition(Node::lookup(Lookup::Exact, path, Node::Value(key)));
        }
        state.clauses_mut().loading = Some(Loading::of(M::meta(), fields.iter().copied()));
        let rows = QuerySet::<M, Partial<M>>::from_state(state).all(ex)?;
        rows.into_iter().next().ok_or(Error::DoesNotExist { model: M::NAME })
    }
}

impl<M: Model> Peers<M> {
    /// One field of all rows, by key.
    fn fetch(&self, field: u16, ex: &dyn Executor) -> Result<HashMap<KeyValues, M::Draft>> {
        let mut state = QueryState::new(M::meta());
        state.add_condition(has_key_of(M::meta(), &self.keys));
        state.clauses_mut().loading = Some(Loading::of(M::meta(), std::iter::once(field)));
        let rows = QuerySet::<M, Partial<M>>::from_state(state).all(ex)?;
        Ok(rows.into_iter().map(|row| (row.key(), row.draft)).collect())
    }
}

/// The fields with a column.
fn columns(meta: &'static ModelMeta) -> impl Iterator<Item = u16> {
    meta.columns().map(|(index, _)| index)
}

impl<M: Model> Holder<M> for Partial<M> {
    fn key(&self) -> Option<Value> {
        match &Partial::key(self)[..] {
            [key] if !key.is_null() => Some(key.clone()),
            _ => None,
        }
    }

    fn value(&self, field: u16) -> Option<Value> {
        M::part(&self.draft, field)
    }

    fn field<F: 'static>(&mut self, field: Accessor<M, F>) -> Option<&mut F> {
        M::slot_mut(&mut self.draft, field.index)?.downcast_mut::<OnceLock<F>>()?.get_mut()
    }

    fn whole(&self) -> Option<&M> {
        None
    }

    fn whole_mut(&mut self) -> Option<&mut M> {
        None
    }

    fn came_from(holders: &mut [&mut Self], arrival: Arrival) {
        origin::attach::<M, _>(holders, arrival);
        let keys = holders.iter().map(|row| Partial::key(row)).collect();
        let origin = Arc::new(Peers { arrival, keys, read: Mutex::default() });
        holders.iter_mut().for_each(|row| row.origin = Some(origin.clone()));
    }
}

impl<M: Model> Row for Partial<M> {
    fn instance(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
        let read = columns.read.unwrap_or_default();
        let first = columns.take(read.len());
        joined::read_partial(row, first, read, columns.joined)
    }
}

impl<M: Model> Clone for Partial<M> {
    fn clone(&self) -> Self {
        Partial { draft: self.draft.clone(), related: self.related.clone(), origin: self.origin.clone() }
    }
}

impl<M: Model> fmt::Debug for Partial<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (index, field) in M::meta().columns() {
            match M::part(&self.draft, index) {
                Some(value) => map.entry(&field.name, &value),
                None => map.entry(&field.name, &format_args!("deferred")),
            };
        }
        map.finish()
    }
}
