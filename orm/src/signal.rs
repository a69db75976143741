//! Signals: who is told of saves, deletions and changed many-to-many relations.
//!
//! Receivers belong to an [`App`](crate::app::App). They get the instance itself (`&mut M`), what is about to happen,
//! and the executor it happens on, so whatever they write is in the same transaction; an `Err` stops the verb and
//! undoes it. Where nobody listens, a verb pays for one relaxed load.
//!
//! The collector of deletions works without types. What it needs to wake receivers of a model it knows only by its
//! description is `Typed`: functions made where the type was known, at registration.

pub(crate) mod init;

use std::{
    any::{Any, TypeId},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use hashbrown::HashMap;
use nuages_storage::Value;
use parking_lot::RwLock;

use crate::{
    error::Result,
    executor::Executor,
    instance::key_of,
    meta::{FieldKind, ModelMeta},
    model::Model,
    path::{self, Hop, Rel, Root},
    prefetch::Shared,
    queryset::{
        QueryState, can_hold,
        dynamic::{Record, record},
        fetch_by_key, fetch_instances,
    },
    save::own_field,
};

/// Before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before it happened.
    Before,
    /// After it happened, in the same transaction.
    After,
}

/// A save, as its receivers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Whether the row is new. Known only after the save; before it, whether that is expected.
    pub created: bool,
    /// The names of the fields that are written, if not all are.
    pub update_fields: Option<Vec<&'static str>>,
    /// Whether a fixture is being loaded, so that related rows may be missing.
    pub raw: bool,
}

/// A deletion, as its receivers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleting {
    /// The model whose deletion began it; another than the receiver's own in a cascade.
    pub origin: &'static ModelMeta,
}

/// A many-to-many relation, to listen to: the model that declared it and the field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Many {
    /// The model.
    pub model: &'static ModelMeta,
    /// The field's place in it.
    pub field: u16,
}

/// `Post::tags`, or seen from the other side `Tag::posts`. The rows that point here by keys are no such relation, and
/// changes of them are saves.
impl<M: Model, H: Hop<Card = path::Many>, R> From<Rel<Root<M>, H, R>> for Many {
    fn from(_: Rel<Root<M>, H, R>) -> Many {
        let model = M::meta();
        let field = own_field(H::step()).unwrap_or(u16::MAX);
        match model.field(field).map(|field| field.kind) {
            Some(FieldKind::Reverse { child, field, .. }) => Many { model: child(), field: field() },
            _ => Many { model, field },
        }
    }
}

/// What is done to a many-to-many relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManyToManyAction {
    /// Pairs are added.
    Add,
    /// Pairs are removed.
    Remove,
    /// All pairs of the instance are removed.
    Clear,
}

/// A change of a many-to-many relation, as its receivers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ManyToManyChange {
    /// Before or after.
    pub moment: Moment,
    /// What is done.
    pub action: ManyToManyAction,
    /// The relation.
    pub relation: Many,
    /// Whether it is changed from the side that did not declare it.
    pub reverse: bool,
    /// The key of the row whose relation is changed.
    pub instance: Value,
    /// The model on the other side.
    pub model: &'static ModelMeta,
    /// The keys on the other side; none when all are removed.
    pub keys: Option<Vec<Value>>,
}

impl ManyToManyChange {
    /// Django's name of it: `pre_add`, `post_clear` and so on.
    pub const fn name(&self) -> &'static str {
        match (self.moment, self.action) {
            (Moment::Before, ManyToManyAction::Add) => "pre_add",
            (Moment::After, ManyToManyAction::Add) => "post_add",
            (Moment::Before, ManyToManyAction::Remove) => "pre_remove",
            (Moment::After, ManyToManyAction::Remove) => "post_remove",
            (Moment::Before, ManyToManyAction::Clear) => "pre_clear",
            (Moment::After, ManyToManyAction::Clear) => "post_clear",
        }
    }

    /// The model of the pairs, by name: the declared one, or `Post_tags`. Django's sender.
    pub fn through(&self) -> String {
        let Many { model, field } = self.relation;
        match model.field(field).map(|field| (field.kind, field.name)) {
            Some((FieldKind::ManyToMany { through: Some(through), .. }, _)) => through().name.to_owned(),
            Some((_, name)) => format!("{}_{name}", model.name),
            None => model.name.to_owned(),
        }
    }

    /// The model of the row whose relation is changed.
    pub fn instance_model(&self) -> &'static ModelMeta {
        let related = || self.relation.model.field(self.relation.field)?.related_model();
        if self.reverse { related().unwrap_or(self.relation.model) } else { self.relation.model }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Event {
    Save(Moment),
    Delete(Moment),
    Init,
    ManyToMany,
}

impl Event {
    fn bit(self) -> u32 {
        1 << match self {
            Event::Save(Moment::Before) => 0,
            Event::Save(Moment::After) => 1,
            Event::Delete(Moment::Before) => 2,
            Event::Delete(Moment::After) => 3,
            Event::Init => 4,
            Event::ManyToMany => 5,
        }
    }
}

/// Whom a receiver listens to: a model by its type, or a relation by its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sender {
    Model(TypeId),
    Relation(usize, u16),
}

/// Receivers by what they listen to, each with the number of its connection.
type Receivers = HashMap<(Event, Sender), Vec<(u64, AnyReceiver)>>;
type AnyReceiver = Arc<dyn Any + Send + Sync>;
type OnSave<M> = Box<dyn Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync>;
type OnDelete<M> = Box<dyn Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync>;
type OnInit<M> = Box<dyn Fn(&mut M) + Send + Sync>;
type OnManyToMany = Box<dyn Fn(&ManyToManyChange, &dyn Executor) -> Result<()> + Send + Sync>;

/// The receivers of an app.
#[derive(Default)]
pub(crate) struct Signals {
    receivers: RwLock<Receivers>,
    /// One bit for each event that has a receiver of any model; never cleared.
    heard: AtomicU32,
    next: AtomicU64,
}

/// A receiver's connection; dropping it disconnects.
#[must_use = "the receiver is disconnected when this is dropped"]
pub struct Connection<'a> {
    signals: &'a Signals,
    event: Event,
    sender: Sender,
    id: u64,
}

impl Connection<'_> {
    /// Keeps the receiver connected for good.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if let Some(receivers) = self.signals.receivers.write().get_mut(&(self.event, self.sender)) {
            receivers.retain(|(id, _)| *id != self.id);
        }
    }
}

impl Signals {
    fn connect(&self, event: Event, sender: Sender, receiver: AnyReceiver) -> Connection<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.receivers.write().entry((event, sender)).or_default().push((id, receiver));
        self.heard.fetch_or(event.bit(), Ordering::Release);
        Connection { signals: self, event, sender, id }
    }

    pub(crate) fn on_save<M: Model>(
        &self,
        moment: Moment,
        receiver: impl Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        let receiver: OnSave<M> = Box::new(receiver);
        self.connect(Event::Save(moment), Sender::Model(TypeId::of::<M>()), Arc::new(receiver))
    }

    pub(crate) fn on_delete<M: Model>(
        &self,
        moment: Moment,
        receiver: impl Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        let receiver: OnDelete<M> = Box::new(receiver);
        self.connect(Event::Delete(moment), Sender::Model(TypeId::of::<M>()), Arc::new(receiver))
    }

    pub(crate) fn on_init<M: Model>(
        &self,
        receiver: impl Fn(&mut M) + Send + Sync + 'static,
    ) -> Connection<'_> {
        let receiver: OnInit<M> = Box::new(receiver);
        self.connect(Event::Init, Sender::Model(TypeId::of::<M>()), Arc::new(receiver))
    }

    pub(crate) fn on_many_to_many(
        &self,
        relation: Many,
        receiver: impl Fn(&ManyToManyChange, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        let receiver: OnManyToMany = Box::new(receiver);
        self.connect(Event::ManyToMany, relation_sender(relation), Arc::new(receiver))
    }

    /// The receivers of an event. The lock is not held while they run, so they may connect others.
    fn receivers(&self, event: Event, sender: Sender) -> Vec<AnyReceiver> {
        if self.heard.load(Ordering::Acquire) & event.bit() == 0 {
            return Vec::new();
        }
        let receivers = self.receivers.read();
        receivers.get(&(event, sender)).into_iter().flatten().map(|(_, receiver)| receiver.clone()).collect()
    }

    #[inline]
    fn is_heard(&self, event: Event, sender: Sender) -> bool {
        self.heard.load(Ordering::Acquire) & event.bit() != 0
            && self.receivers.read().get(&(event, sender)).is_some_and(|receivers| !receivers.is_empty())
    }

    /// Whether anybody listens to saves of a model.
    pub(crate) fn hears_save<M: Model>(&self) -> bool {
        let sender = Sender::Model(TypeId::of::<M>());
        [Moment::Before, Moment::After].into_iter().any(|moment| self.is_heard(Event::Save(moment), sender))
    }

    /// Whether anybody has ever listened to deletions, of whatever model.
    pub(crate) fn hears_deletes(&self) -> bool {
        let events = Event::Delete(Moment::Before).bit() | Event::Delete(Moment::After).bit();
        self.heard.load(Ordering::Acquire) & events != 0
    }

    /// Whether anybody listens to deletions of a model.
    pub(crate) fn hears_delete(&self, model: TypeId) -> bool {
        let sender = Sender::Model(model);
        [Moment::Before, Moment::After].into_iter().any(|moment| self.is_heard(Event::Delete(moment), sender))
    }

    /// Whether anybody listens to a relation.
    pub(crate) fn hears_many_to_many(&self, relation: Many) -> bool {
        self.is_heard(Event::ManyToMany, relation_sender(relation))
    }

    pub(crate) fn save<M: Model>(
        &self,
        moment: Moment,
        instance: &mut M,
        saving: &Saving,
        ex: &dyn Executor,
    ) -> Result<()> {
        for receiver in self.receivers(Event::Save(moment), Sender::Model(TypeId::of::<M>())) {
            if let Some(receiver) = receiver.downcast_ref::<OnSave<M>>() {
                receiver(instance, saving, ex)?;
            }
        }
        Ok(())
    }

    pub(crate) fn delete<M: Model>(
        &self,
        moment: Moment,
        instance: &mut M,
        deleting: &Deleting,
        ex: &dyn Executor,
    ) -> Result<()> {
        for receiver in self.receivers(Event::Delete(moment), Sender::Model(TypeId::of::<M>())) {
            if let Some(receiver) = receiver.downcast_ref::<OnDelete<M>>() {
                receiver(instance, deleting, ex)?;
            }
        }
        Ok(())
    }

    /// Whether anybody wants to see the rows of some model that become instances.
    pub(crate) fn hears_any_init(&self) -> bool {
        self.heard.load(Ordering::Acquire) & Event::Init.bit() != 0
    }

    /// Whether anybody wants to see the rows of a model that become instances.
    pub(crate) fn hears_init<M: Model>(&self) -> bool {
        self.is_heard(Event::Init, Sender::Model(TypeId::of::<M>()))
    }

    pub(crate) fn init<M: Model>(&self, instance: &mut M) {
        for receiver in self.receivers(Event::Init, Sender::Model(TypeId::of::<M>())) {
            if let Some(receiver) = receiver.downcast_ref::<OnInit<M>>() {
                receiver(instance);
            }
        }
    }

    pub(crate) fn many_to_many(&self, change: &ManyToManyChange, ex: &dyn Executor) -> Result<()> {
        for receiver in self.receivers(Event::ManyToMany, relation_sender(change.relation)) {
            if let Some(receiver) = receiver.downcast_ref::<OnManyToMany>() {
                receiver(change, ex)?;
            }
        }
        Ok(())
    }
}

fn relation_sender(relation: Many) -> Sender {
    Sender::Relation(std::ptr::from_ref(relation.model).addr(), relation.field)
}

/// Reads the rows with these keys as instances.
type FetchDoomed = fn(&[Value], &dyn Executor) -> Result<Box<dyn Doomed>>;

/// Reads the rows of a queryset as instances.
pub(crate) type FetchRows = fn(&QueryState, &dyn Executor) -> Result<Box<dyn Doomed>>;

/// Stores a row of these values, by field.
type CreateRecord = fn(&[(u16, Value)], &dyn Executor) -> Result<Record>;

/// Reads the row with a key as an instance.
type FetchOne = fn(&Value, &dyn Executor) -> Result<Option<Shared>>;

/// Reads the rows of a queryset as instances, each with its key.
type FetchShared = fn(&QueryState, &dyn Executor) -> Result<Vec<(Value, Shared)>>;

/// What the untyped core asks of a model's type.
#[derive(Clone, Copy)]
pub(crate) struct Typed {
    pub(crate) id: fn() -> TypeId,
    /// Reads the rows with these keys, in their order, as instances.
    pub(crate) fetch: FetchDoomed,
    /// Reads the rows of a queryset as instances.
    pub(crate) fetch_rows: FetchRows,
    /// The rows of its default manager.
    pub(crate) objects: fn() -> QueryState,
    /// Stores a new row of these values, by field.
    pub(crate) create: CreateRecord,
    /// Whether a field can hold a value.
    pub(crate) can_hold: fn(u16, &Value) -> Result<()>,
    /// Stores a row that was changed.
    pub(crate) save: fn(&Record, &dyn Executor) -> Result<Record>,
    /// Reads the row with a key, as an instance that is to be shared.
    pub(crate) fetch_one: FetchOne,
    /// Reads the rows of a queryset as such instances, each with its key.
    pub(crate) fetch_shared: FetchShared,
    /// The row that an instance is.
    pub(crate) record: fn(&(dyn Any + Send + Sync)) -> Option<Record>,
}

/// Instances that are about to be deleted.
pub(crate) trait Doomed {
    /// Tells the receivers of the n-th.
    fn tell(&mut self, index: usize, moment: Moment, deleting: &Deleting, ex: &dyn Executor) -> Result<()>;
    /// How many there are.
    fn len(&self) -> usize;
    /// Their keys, which are of one part.
    fn keys(&self) -> Vec<Value>;
}

impl Typed {
    pub(crate) fn of<M: Model>() -> Typed {
        Typed {
            id: TypeId::of::<M>,
            fetch: crate::delete::fetch_doomed::<M>,
            fetch_rows: crate::delete::fetch_rows::<M>,
            objects: || M::objects().into_state(),
            create: record::create::<M>,
            can_hold: can_hold::<M>,
            save: record::save::<M>,
            fetch_one: |key, ex| Ok(fetch_by_key::<M>(key, ex)?.map(|row| -> Shared { Arc::new(row) })),
            fetch_shared: |state, ex| {
                let rows = fetch_instances::<M>(state, ex)?.into_iter();
                Ok(rows.filter_map(|row| Some((key_of(&row)?, Arc::new(row) as Shared))).collect())
            },
            record: |row| row.downcast_ref::<M>().map(Record::of),
        }
    }
}
