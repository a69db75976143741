//! Rows of which some fields were not read: `only` and `defer`.
//!
//! A plain instance is always complete, so rows with fields left out are of another type, [`Partial<M>`]. It is asked
//! by token: `get` reads a field that was deferred, by a query of its own; `loaded` never does.

use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use nuages_storage::Value;
use parking_lot::Mutex;

use crate::draft::{IntoField, Own, Slot};
use crate::error::{Error, Result};
use crate::executor::{Executor, FetchMode, budget};
use crate::field::{DecodeError, RowReader};
use crate::instance;
use crate::meta::ModelMeta;
use crate::model::{Key, KeyValues, Model};
use crate::node::{FieldPath, Lookup, Node, Step};
use crate::path::{Col, Hop, Rel, Root};
use crate::queryset::state::{QueryState, Shape};
use crate::queryset::{Nodes, QuerySet, has_key_of};
use crate::relation::parent;
use crate::row::{Columns, Row, for_tuples};
use crate::save::{Persist, own_field};

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
    /// The rows it came with, if a fetch mode was said.
    origin: Option<Arc<Peers<M>>>,
}

/// The rows of one result, and what of their deferred fields was read for all of them.
struct Peers<M: Model> {
    mode: Option<FetchMode>,
    keys: Vec<KeyValues>,
    /// By field: the rows with it, by key.
    read: Mutex<HashMap<u16, HashMap<KeyValues, M::Draft>>>,
}

impl<M: Model> Partial<M> {
    /// The row of which a draft has what was read.
    pub(crate) const fn of(draft: M::Draft) -> Partial<M> {
        Partial { draft, origin: None }
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
    pub fn get<F: Own<M>>(&self, _field: F, ex: &dyn Executor) -> Result<&<M::Draft as Slot<F::Hop>>::Value>
    where
        M::Draft: Slot<F::Hop>,
    {
        let slot = self.draft.slot();
        if let Some(value) = slot.get() {
            return Ok(value);
        }
        let field = own_field(F::Hop::step()).ok_or(Error::DoesNotExist { model: M::NAME })?;
        let mut draft = self.read_deferred(field, ex)?;
        let value = draft.slot_mut().take().ok_or(Error::DoesNotExist { model: M::NAME })?;
        Ok(slot.get_or_init(|| value))
    }

    /// Writes a field; `save` stores it.
    pub fn set<F: Own<M>, V>(&mut self, _field: F, value: V)
    where
        M::Draft: Slot<F::Hop>,
        V: IntoField<<M::Draft as Slot<F::Hop>>::Value>,
    {
        *self.draft.slot_mut() = OnceLock::from(value.into_field());
    }

    /// The names of the fields that were not read.
    pub fn deferred(&self) -> Vec<&'static str> {
        let missing = M::meta().columns().filter(|(index, _)| M::part(&self.draft, *index).is_none());
        missing.map(|(_, field)| field.name).collect()
    }

    /// Stores the fields that were read or set, as [`Persist::save_fields`] does. What is deferred is read first, for
    /// receivers get a whole instance.
    ///
    /// # Errors
    /// As [`Persist::save_fields`]; [`Error::DoesNotExist`] if the row is not there any more.
    pub fn save(&mut self, ex: &dyn Executor) -> Result<()> {
        let written: Vec<u16> = columns(M::meta()).filter(|field| self.has(*field)).collect();
        let own = written.iter().filter(|field| !M::meta().primary_key.contains(field));
        let nodes = own.map(|field| Node::Path(FieldPath::field(*field))).collect();
        let mut whole = self.clone().whole(ex)?;
        whole.save_fields(Nodes(nodes), ex)?;
        for field in written {
            self.take_over(field, &instance::value_of(&whole, field))?;
        }
        Ok(())
    }

    /// The whole instance; what was deferred is read now.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if the row is not there any more; [`Error::Decode`].
    pub fn whole(mut self, ex: &dyn Executor) -> Result<M> {
        let missing: Vec<u16> = columns(M::meta()).filter(|field| !self.has(*field)).collect();
        if !missing.is_empty() {
            self.may_read(missing[0], ex)?;
            let read = self.read(&missing, ex)?;
            for field in missing {
                if let Some(value) = M::part(&read.draft, field) {
                    self.take_over(field, &value)?;
                }
            }
        }
        let mut whole = M::finish(self.draft).map_err(Error::custom)?;
        parent::complete(&mut whole, ex)?;
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
        let said = self.origin.as_ref().and_then(|origin| origin.mode);
        said.or(ex.settings().fetch_mode).unwrap_or_default()
    }

    /// Whether a deferred field may be read for this row alone.
    fn may_read(&self, field: u16, ex: &dyn Executor) -> Result<()> {
        if self.mode(ex) == FetchMode::Raise {
            let field = M::meta().field(field).map_or("", |field| field.name);
            return Err(Error::FetchBlocked { model: M::NAME, field });
        }
        budget::follow(ex, M::meta(), field)
    }

    /// A row with a deferred field: read for this row alone, or for all that came with it.
    fn read_deferred(&self, field: u16, ex: &dyn Executor) -> Result<M::Draft> {
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
                self.may_read(field, ex)?;
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
        select(&mut state, fields.iter().copied());
        let rows = QuerySet::<M, Partial<M>>::from_state(state).all(ex)?;
        rows.into_iter().next().ok_or(Error::DoesNotExist { model: M::NAME })
    }
}

impl<M: Model> Peers<M> {
    /// One field of all rows, by key.
    fn fetch(&self, field: u16, ex: &dyn Executor) -> Result<HashMap<KeyValues, M::Draft>> {
        let mut state = QueryState::new(M::meta());
        state.add_condition(has_key_of(M::meta(), &self.keys));
        select(&mut state, M::meta().primary_key.iter().copied().chain([field]));
        let rows = QuerySet::<M, Partial<M>>::from_state(state).all(ex)?;
        Ok(rows.into_iter().map(|row| (row.key(), row.draft)).collect())
    }
}

/// The fields with a column.
fn columns(meta: &'static ModelMeta) -> impl Iterator<Item = u16> {
    meta.columns().map(|(index, _)| index)
}

/// Makes a queryset read these fields and no others.
fn select(state: &mut QueryState, fields: impl Iterator<Item = u16>) {
    let columns = fields.map(|field| Node::Path(FieldPath::field(field))).collect();
    let annotations_before = state.annotation_count();
    state.clauses_mut().shape = Shape::Values { columns, annotations_before };
}

impl<M: Model> Row for Partial<M> {
    fn came_from(rows: &mut [&mut Self], mode: Option<FetchMode>) {
        let keys = rows.iter().map(|row| row.key()).collect();
        let origin = Arc::new(Peers { mode, keys, read: Mutex::default() });
        rows.iter_mut().for_each(|row| row.origin = Some(origin.clone()));
    }

    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
        let mut draft = M::Draft::default();
        for node in columns.selected {
            let column = columns.take(1);
            if let Node::Path(path) = node
                && let [Step::Field(field), ..] = path.steps()
            {
                M::read_part(&mut draft, *field, row, column)?;
            }
        }
        Ok(Partial { draft, origin: None })
    }
}

impl<M: Model> Clone for Partial<M> {
    fn clone(&self) -> Self {
        Partial { draft: self.draft.clone(), origin: self.origin.clone() }
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

/// Fields of `M` itself: what `only` and `defer` take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name fields of `{M}` itself",
    label = "not a field of `{M}`, nor a tuple of them"
)]
pub trait OwnFields<M> {
    /// Adds the places of the fields.
    fn collect(self, fields: &mut Vec<u16>);
}

impl<M, H: Hop, T, K> OwnFields<M> for Col<Root<M>, H, T, K> {
    fn collect(self, fields: &mut Vec<u16>) {
        fields.extend(own_field(H::step()));
    }
}

impl<M, H: Hop, R> OwnFields<M> for Rel<Root<M>, H, R> {
    fn collect(self, fields: &mut Vec<u16>) {
        fields.extend(own_field(H::step()));
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: OwnFields<M>),*> OwnFields<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, fields: &mut Vec<u16>) {
                let ($($part,)*) = self;
                $($part.collect(fields);)*
            }
        }
    )*};
}
for_tuples!(tuples);

impl<M: Model> QuerySet<M> {
    /// Reads the primary key and these fields; the others when they are asked for.
    pub fn only(self, fields: impl OwnFields<M>) -> QuerySet<M, Partial<M>> {
        let mut only = Vec::new();
        fields.collect(&mut only);
        self.partial(|field| only.contains(&field))
    }

    /// Reads all fields but these, which are read when they are asked for.
    pub fn defer(self, fields: impl OwnFields<M>) -> QuerySet<M, Partial<M>> {
        let mut deferred = Vec::new();
        fields.collect(&mut deferred);
        self.partial(|field| !deferred.contains(&field))
    }

    fn partial(self, wanted: impl Fn(u16) -> bool) -> QuerySet<M, Partial<M>> {
        let meta = M::meta();
        let mut state = self.into_state();
        select(&mut state, columns(meta).filter(|field| wanted(*field) || meta.primary_key.contains(field)));
        QuerySet::from_state(state)
    }
}
