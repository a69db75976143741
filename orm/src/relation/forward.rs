//! Keys of other rows.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use nuages_storage::Value;

use super::held::{Held, Slot};
use super::origin::Origin;
use crate::field::{DecodeError, Field, RowReader, RowWriter};
use crate::meta::FieldKind;
use crate::model::obligation::OnDeleteAttribute;
use crate::model::{Accessor, FieldVisitor, Key, Member, Model};
use crate::path::{Hop, Many, NotNull, Nullable, One, Path, Rel};

/// The key of a row of `M`, and the row itself once it was read.
///
/// It is made from an instance or a key: `post.author = (&alice).into()`, `post.author = 7.into()`. Two are equal if
/// their keys are.
pub struct ForeignKey<M: Model> {
    key: Option<M::Pk>,
    cache: Slot<M>,
    /// The rows that came with the one that has this key, if a fetch mode was said.
    origin: Option<Arc<Origin<M>>>,
}

impl<M: Model> ForeignKey<M> {
    /// The key that is yet to be filled.
    pub const fn unset() -> ForeignKey<M> {
        ForeignKey { key: None, cache: Slot::empty(), origin: None }
    }

    /// The key of a row that is not read yet.
    pub const fn to_key(key: M::Pk) -> ForeignKey<M> {
        ForeignKey { key: Some(key), cache: Slot::empty(), origin: None }
    }

    /// The key of a row that was read.
    pub fn loaded_with(row: Arc<M>) -> ForeignKey<M> {
        ForeignKey { key: row.pk(), cache: Slot::Known(row.into()), origin: None }
    }

    /// The key; none if it was never set, or taken from an instance without one.
    pub const fn key(&self) -> Option<&M::Pk> {
        self.key.as_ref()
    }

    /// The row, if it was read.
    pub fn loaded(&self) -> Option<&M> {
        self.cache.get().map(Held::get)
    }

    /// Keeps a row that was read for this key, unless one is there; gives the one that stays.
    pub fn keep(&self, row: Arc<M>) -> &M {
        self.keep_held(row.into())
    }

    pub(super) fn keep_held(&self, row: Held<M>) -> &M {
        self.cache.keep(row).get()
    }

    /// The same where nobody else can see the key.
    pub(crate) fn know(&mut self, row: Arc<M>) {
        if self.cache.get().is_none() {
            self.cache = Slot::Known(row.into());
        }
    }

    /// Takes over the key of a loaded instance that was saved after it was assigned.
    pub fn refresh_key(&mut self) {
        if self.key.is_none() {
            self.key = self.loaded().and_then(M::pk);
        }
    }

    /// Forgets the row that was read.
    pub fn forget(&mut self) {
        self.cache = Slot::empty();
        self.origin = None;
    }

    pub(crate) const fn origin(&self) -> Option<&Arc<Origin<M>>> {
        self.origin.as_ref()
    }

    /// Tells which rows the one that has this key came with.
    pub(super) fn came_with(&mut self, origin: Arc<Origin<M>>) {
        self.origin = Some(origin);
    }

    /// The row, to be changed, if it was read.
    pub(super) fn held_mut(&mut self) -> Option<&mut Held<M>> {
        self.cache.get_mut()
    }

    /// The row that was read, to be changed, and its key taken over after.
    pub(crate) fn change_row<T>(&mut self, change: impl FnOnce(&mut M) -> T) -> Option<T> {
        let row = self.cache.get_mut()?.make_mut();
        let result = change(row);
        self.key = row.pk();
        Some(result)
    }

    /// The row, if it was read and nobody else has it.
    pub(crate) fn loaded_mut(&mut self) -> Option<&mut M> {
        self.cache.get_mut()?.get_mut()
    }
}

impl<M: Model> Clone for ForeignKey<M> {
    fn clone(&self) -> Self {
        ForeignKey { key: self.key.clone(), cache: self.cache.clone(), origin: self.origin.clone() }
    }
}

impl<M: Model> fmt::Debug for ForeignKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "ForeignKey({key:?})"),
            None => f.write_str("ForeignKey(unset)"),
        }
    }
}

impl<M: Model> PartialEq for ForeignKey<M> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<M: Model> Eq for ForeignKey<M> {}

impl<M: Model> From<&M> for ForeignKey<M> {
    fn from(row: &M) -> Self {
        ForeignKey::loaded_with(Arc::new(row.clone()))
    }
}

/// The key of a row that is referenced once.
pub struct OneToOne<M: Model>(ForeignKey<M>);

impl<M: Model> Deref for OneToOne<M> {
    type Target = ForeignKey<M>;
    fn deref(&self) -> &ForeignKey<M> {
        &self.0
    }
}

impl<M: Model> DerefMut for OneToOne<M> {
    fn deref_mut(&mut self) -> &mut ForeignKey<M> {
        &mut self.0
    }
}

impl<M: Model> Clone for OneToOne<M> {
    fn clone(&self) -> Self {
        OneToOne(self.0.clone())
    }
}

impl<M: Model> fmt::Debug for OneToOne<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.key() {
            Some(key) => write!(f, "OneToOne({key:?})"),
            None => f.write_str("OneToOne(unset)"),
        }
    }
}

impl<M: Model> PartialEq for OneToOne<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<M: Model> Eq for OneToOne<M> {}

impl<M: Model> From<&M> for OneToOne<M> {
    fn from(row: &M) -> Self {
        OneToOne(row.into())
    }
}

impl<M: Model> From<ForeignKey<M>> for OneToOne<M> {
    fn from(key: ForeignKey<M>) -> Self {
        OneToOne(key)
    }
}

/// From bare keys, of any type that the primary key is made of without loss.
macro_rules! from_keys {
    ($($key:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M: Model<Pk: From<$key>>> From<$key> for ForeignKey<M> {
            fn from(key: $key) -> Self {
                ForeignKey::to_key(key.into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model<Pk: From<$key>>> From<$key> for OneToOne<M> {
            fn from(key: $key) -> Self {
                OneToOne(key.into())
            }
        }
    )*};
}
from_keys! { i16 i32 i64 u8 u16 u32 u64 String uuid::Uuid }

/// What `ForeignKey`, `OneToOne` and their `Option`s have in common.
pub trait Forward: Clone + Send + Sync + 'static {
    /// The model on the other side.
    type Model: Model;
    /// Whether it may be NULL.
    const OPTIONAL: bool;

    /// The key, if it is not NULL.
    fn as_key(&self) -> Option<&ForeignKey<Self::Model>>;

    /// The key, to be changed.
    fn as_key_mut(&mut self) -> Option<&mut ForeignKey<Self::Model>>;

    /// From a key; without one it is NULL, or unset if it cannot be NULL.
    fn from_key(key: Option<ForeignKey<Self::Model>>) -> Self;
}

/// The value of a key; NULL if it is NULL or unset.
pub(super) fn key_value<F: Forward>(field: &F) -> Value {
    let key = field.as_key().and_then(ForeignKey::key);
    key.and_then(|key| key.values().first().cloned()).unwrap_or_default()
}

/// Makes a field the key of this value. One that it is already keeps the row that was read.
pub(super) fn set_key<F: Forward>(field: &mut F, value: &Value) {
    let key = <F::Model as Model>::Pk::from_values(std::slice::from_ref(value));
    let here = field.as_key().and_then(ForeignKey::key);
    if key.is_none() || here != key.as_ref() {
        *field = F::from_key(key.map(ForeignKey::to_key));
    }
}

/// A key as a field of a model.
macro_rules! member {
    ($type:ty, one: $one:literal, back: $back:ident, null: $null:ident) => {
        #[diagnostic::do_not_recommend]
        impl<M: Model<Pk: Field>> Member for $type {
            type Token<P: Path, H: Hop> = Rel<P, H, M>;
            type Null = $null;
            type Card = One;
            type Back = $back;
            type Key = M::Pk;
            type Attribute = OnDeleteAttribute;
            const KIND: FieldKind = FieldKind::ForeignKey { target: M::meta, one: $one };
            const NULL: bool = <$type as Forward>::OPTIONAL;
            const OPTIONAL: bool = <$type as Forward>::OPTIONAL;

            fn unset() -> Option<Self> {
                <$type as Forward>::OPTIONAL.then(|| Self::from_key(None))
            }

            fn key(&self) -> Option<M::Pk> {
                self.as_key()?.key().cloned()
            }

            fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
                match self.as_key().and_then(ForeignKey::key) {
                    Some(key) => Field::encode(key, row, column),
                    None => row.null(column),
                }
            }

            fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
                if <$type as Forward>::OPTIONAL && row.is_null(column) {
                    return Ok(Self::from_key(None));
                }
                let key = <M::Pk as Field>::decode(row, column)?;
                Ok(Self::from_key(Some(ForeignKey::to_key(key))))
            }

            fn column_value(&self) -> Value {
                key_value(self)
            }

            fn set_column(&mut self, value: &Value) -> Result<(), DecodeError> {
                set_key(self, value);
                Ok(())
            }

            fn accept<Of: Model, V: FieldVisitor<Of>>(field: Accessor<Of, Self>, visitor: V) -> V::Output {
                visitor.forward(field)
            }
        }
    };
}

macro_rules! forward {
    ($($type:ty, one: $one:literal, back: $back:ident, from: $from:expr;)*) => {$(
        impl<M: Model> Forward for $type {
            type Model = M;
            const OPTIONAL: bool = false;

            fn as_key(&self) -> Option<&ForeignKey<M>> {
                Some(self)
            }

            fn as_key_mut(&mut self) -> Option<&mut ForeignKey<M>> {
                Some(self)
            }

            fn from_key(key: Option<ForeignKey<M>>) -> Self {
                $from(key.unwrap_or(ForeignKey::unset()))
            }
        }

        impl<M: Model> Forward for Option<$type> {
            type Model = M;
            const OPTIONAL: bool = true;

            fn as_key(&self) -> Option<&ForeignKey<M>> {
                self.as_ref().map(|key| -> &ForeignKey<M> { key })
            }

            fn as_key_mut(&mut self) -> Option<&mut ForeignKey<M>> {
                self.as_mut().map(|key| -> &mut ForeignKey<M> { key })
            }

            fn from_key(key: Option<ForeignKey<M>>) -> Self {
                key.map($from)
            }
        }

        member! { $type, one: $one, back: $back, null: NotNull }
        member! { Option<$type>, one: $one, back: $back, null: Nullable }
    )*};
}

forward! {
    ForeignKey<M>, one: false, back: Many, from: std::convert::identity;
    OneToOne<M>, one: true, back: One, from: OneToOne;
}
