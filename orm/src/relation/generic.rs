//! Keys of rows of any model: Django's generic relations.
//!
//! `#[model(generic)] target: GenericForeignKey` is one field of the struct and two columns of the table: the label of
//! a model, and the key of one of its rows. They are one value, so that neither can be set without the other. The
//! derive gives each column a field of its own in the model's description, right behind that of the key; paths name
//! them (`Sticker::content_type`, `Sticker::object_id`), and their values lie in the key.
//!
//! The other side is a [`Related`](super::Related) of each model that wants one: `#[related(Sticker::target)]`. Rows
//! that point at a row go with it where its model declares that side, as in Django, because only then does anybody
//! know that they may be there.
//!
//! Order of reading: this file; `follow` (reading the row); [`path`](crate::path) has the tokens.

mod follow;

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use nuages_storage::Value;

use self::follow::GenericOrigin;
use crate::{
    draft::{IntoField, Later},
    field::{ContentType, DecodeError, Field, RowReader, RowWriter},
    meta::{FieldKind, ModelMeta},
    model::{Accessor, FieldVisitor, Member, Model, obligation::GenericAttribute},
    node::{FieldPath, Lookup, Node},
    path::{GenericRel, Hop, Many, Nullable, One, Path},
    prefetch::Shared,
    relation::{OwnerKey, held::Erased},
};

pub(crate) use follow::{attach, prefetch};

/// The key of a row of any model whose primary key is a `K`, and the row itself once it was read.
///
/// ```
/// use nuages::prelude::*;
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Sticker {
///     pub id: Auto<i64>,
///     #[field(max_length = 20)]
///     pub word: String,
///     #[model(generic)] // or `generic(kind, row)`: the names of the columns, else content_type and object_id
///     pub target: GenericForeignKey,
/// }
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Film {
///     pub id: Auto<i64>,
///     pub title: String,
///     #[related(Sticker::target)]
///     pub labels: Related<Sticker>,
/// }
///
/// let db = App::new().models((Film::app(), Sticker::app())).open_memory()?;
/// let mut film = Film::objects().create(new!(Film { title: "Metropolis" }), &db)?;
/// film.labels.create(new!(Sticker { word: "classic", target: _ }), &db)?;
/// let sticker = Sticker::objects().create(new!(Sticker { word: "silent", target: &film }), &db)?;
///
/// assert_eq!(sticker.target.get::<Film>(&db)?.title, "Metropolis");
/// assert_eq!(Film::objects().filter(Film::labels.word.eq("silent")).count(&db)?, 1);
/// assert_eq!(film.delete(&db)?.total, 3);
/// # Ok::<(), Error>(())
/// ```
///
/// `Option<GenericForeignKey>` may be NULL, in both columns. Two are equal if they are keys of the same row.
pub struct GenericForeignKey<K = i64> {
    content_type: Option<ContentType>,
    object_id: Option<K>,
    /// The model of the instance that it was made of, if that had no key.
    unsaved: Option<&'static str>,
    /// The row, if it was looked for; none if there is none.
    cache: OnceLock<Option<Erased>>,
    /// The field that it is.
    place: Option<(&'static ModelMeta, u16)>,
    /// The keys that came with it, if a fetch mode was said.
    origin: Option<Arc<GenericOrigin>>,
}

impl<K> GenericForeignKey<K> {
    /// The key that is yet to be filled.
    pub const fn unset() -> GenericForeignKey<K> {
        GenericForeignKey::from_columns(None, None)
    }

    /// The key of a row that is not read yet. Whether there is such a model is asked when the key is followed.
    pub const fn to_key(content_type: ContentType, object_id: K) -> GenericForeignKey<K> {
        GenericForeignKey::from_columns(Some(content_type), Some(object_id))
    }

    const fn from_columns(content_type: Option<ContentType>, object_id: Option<K>) -> GenericForeignKey<K> {
        GenericForeignKey {
            content_type,
            object_id,
            unsaved: None,
            cache: OnceLock::new(),
            place: None,
            origin: None,
        }
    }

    /// The model of the row; none if the key was never set.
    pub const fn content_type(&self) -> Option<&ContentType> {
        self.content_type.as_ref()
    }

    /// The key of the row; none if the key was never set, or taken from an instance without one.
    pub const fn object_id(&self) -> Option<&K> {
        self.object_id.as_ref()
    }

    /// Whether it is the key of a row of `M`.
    pub fn is<M: Model>(&self) -> bool {
        self.content_type.as_ref().is_some_and(ContentType::is::<M>)
    }

    /// The row, if it was read and is one of `M`.
    pub fn loaded<M: Model>(&self) -> Option<&M> {
        self.cache.get()?.as_ref()?.get()?.downcast_ref()
    }

    /// Forgets the row that was read.
    pub fn forget(&mut self) {
        self.cache = OnceLock::new();
        self.origin = None;
    }

    /// Whether the row was looked for.
    pub(crate) fn is_read(&self) -> bool {
        self.cache.get().is_some()
    }

    /// The model of the instance that it was made of, if that had no key.
    pub(crate) fn unsaved(&self) -> Option<&'static str> {
        self.unsaved.filter(|_| self.object_id.is_none())
    }

    /// Keeps what was read, unless something was; gives what stays.
    pub(crate) fn keep(&self, row: Option<Shared>) -> Option<&(dyn Any + Send + Sync)> {
        self.cache.get_or_init(|| row.map(Erased::from)).as_ref().and_then(Erased::get)
    }
}

/// What `GenericForeignKey` and its `Option` have in common.
#[diagnostic::on_unimplemented(
    message = "`#[model(generic)]` is for a `GenericForeignKey`, and not for `{Self}`",
    label = "not a generic key"
)]
pub trait Generic: Member {
    /// The primary key of the models that it can lead to.
    type Id: Field<Base = Self::Id>;
    /// The content type as a column.
    type TypeColumn: Field;
    /// The key as a column.
    type IdColumn: Field;
    /// Whether it may be NULL.
    const OPTIONAL: bool;

    /// The key, if it is not NULL.
    fn as_generic(&self) -> Option<&GenericForeignKey<Self::Id>>;

    /// The key, to be changed; one that was NULL is unset.
    fn generic_mut(&mut self) -> &mut GenericForeignKey<Self::Id>;

    /// From a key; one that is unset is NULL, if it may be.
    fn from_generic(key: GenericForeignKey<Self::Id>) -> Self;

    /// The value of the first column.
    fn type_column(&self) -> &Option<ContentType> {
        self.as_generic().map_or(&None, |key| &key.content_type)
    }

    /// The value of the first column, to be changed.
    fn type_column_mut(&mut self) -> &mut Option<ContentType> {
        let key = self.generic_mut();
        key.forget();
        &mut key.content_type
    }

    /// The value of the second column.
    fn id_column(&self) -> &Option<Self::Id> {
        self.as_generic().map_or(&None, |key| &key.object_id)
    }

    /// The value of the second column, to be changed.
    fn id_column_mut(&mut self) -> &mut Option<Self::Id> {
        let key = self.generic_mut();
        key.forget();
        &mut key.object_id
    }

    /// What the slots of a draft make: the key that was written, unless its columns were written since; none if neither
    /// was.
    fn assemble(
        key: Option<Self>,
        content_type: Option<Option<ContentType>>,
        object_id: Option<Option<Self::Id>>,
    ) -> Option<Self> {
        let value = |id: &Option<Self::Id>| id.as_ref().map(Field::to_value);
        let Some(key) = key else {
            return Some(Self::from_generic(GenericForeignKey::from_columns(content_type?, object_id?)));
        };
        let content_type = content_type.unwrap_or_else(|| key.type_column().clone());
        let object_id = object_id.unwrap_or_else(|| key.id_column().clone());
        if content_type == *key.type_column() && value(&object_id) == value(key.id_column()) {
            return Some(key);
        }
        Some(Self::from_generic(GenericForeignKey::from_columns(content_type, object_id)))
    }
}

impl<K: Field<Base = K>> Generic for GenericForeignKey<K> {
    type Id = K;
    type TypeColumn = ContentType;
    type IdColumn = K;
    const OPTIONAL: bool = false;

    fn as_generic(&self) -> Option<&GenericForeignKey<K>> {
        Some(self)
    }

    fn generic_mut(&mut self) -> &mut GenericForeignKey<K> {
        self
    }

    fn from_generic(key: GenericForeignKey<K>) -> Self {
        key
    }
}

impl<K: Field<Base = K>> Generic for Option<GenericForeignKey<K>> {
    type Id = K;
    type TypeColumn = Option<ContentType>;
    type IdColumn = Option<K>;
    const OPTIONAL: bool = true;

    fn as_generic(&self) -> Option<&GenericForeignKey<K>> {
        self.as_ref()
    }

    fn generic_mut(&mut self) -> &mut GenericForeignKey<K> {
        self.get_or_insert_with(GenericForeignKey::unset)
    }

    fn from_generic(key: GenericForeignKey<K>) -> Self {
        (key.content_type.is_some() || key.object_id.is_some()).then_some(key)
    }
}

macro_rules! member {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<K: Field<Base = K>> Member for $type {
            type Token<P: Path, H: Hop> = GenericRel<P, H, K>;
            type Null = Nullable;
            type Card = One;
            type Back = Many;
            type Key = ();
            type Attribute = GenericAttribute;
            const KIND: FieldKind = FieldKind::Generic;
            const NULL: bool = <$type as Generic>::OPTIONAL;
            const OPTIONAL: bool = <$type as Generic>::OPTIONAL;
            const BINDS: bool = true;

            fn unset() -> Option<Self> {
                <$type as Generic>::OPTIONAL.then(|| Self::from_generic(GenericForeignKey::unset()))
            }

            fn key(&self) -> Option<()> {
                None
            }

            fn bind(&mut self, model: &'static ModelMeta, field: u16, _: &OwnerKey) {
                if self.as_generic().is_some() {
                    self.generic_mut().place = Some((model, field));
                }
            }

            /// Its columns are fields of their own, which are written for themselves.
            fn encode<W: RowWriter>(&self, _: &mut W, _: usize) {}

            /// The next columns are its own.
            fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
                let content_type = <Option<ContentType> as Field>::decode(row, column)?;
                let object_id = <Option<K> as Field>::decode(row, column + 1)?;
                Ok(Self::from_generic(GenericForeignKey::from_columns(content_type, object_id)))
            }

            fn accept<M: Model, V: FieldVisitor<M>>(field: Accessor<M, Self>, visitor: V) -> V::Output {
                visitor.generic(field)
            }
        }
    )*};
}
member! { GenericForeignKey<K> Option<GenericForeignKey<K>> }

impl<K: Clone> Clone for GenericForeignKey<K> {
    fn clone(&self) -> Self {
        GenericForeignKey {
            content_type: self.content_type.clone(),
            object_id: self.object_id.clone(),
            unsaved: self.unsaved,
            cache: self.cache.clone(),
            place: self.place,
            origin: self.origin.clone(),
        }
    }
}

impl<K: fmt::Debug> fmt::Debug for GenericForeignKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.content_type, &self.object_id) {
            (Some(content_type), Some(id)) => write!(f, "GenericForeignKey({content_type} {id:?})"),
            (Some(content_type), None) => write!(f, "GenericForeignKey({content_type} unsaved)"),
            _ => f.write_str("GenericForeignKey(unset)"),
        }
    }
}

impl<K: PartialEq> PartialEq for GenericForeignKey<K> {
    fn eq(&self, other: &Self) -> bool {
        self.content_type == other.content_type && self.object_id == other.object_id
    }
}

impl<K: Eq> Eq for GenericForeignKey<K> {}

impl<M: Model> From<&M> for GenericForeignKey<M::Pk> {
    fn from(row: &M) -> Self {
        let row = Arc::new(row.clone());
        let mut key = GenericForeignKey::from_columns(Some(ContentType::of::<M>()), row.pk());
        key.unsaved = key.object_id.is_none().then_some(M::NAME);
        key.keep(Some(row));
        key
    }
}

/// What a generic key can be given: an instance, a content type and a key, or nothing yet.
macro_rules! into_field {
    ($([$($generics:tt)*] $from:ty, $key:ty: |$value:ident| $into:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoField<GenericForeignKey<$key>> for $from {
            fn into_field(self) -> GenericForeignKey<$key> {
                let $value = self;
                $into
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoField<Option<GenericForeignKey<$key>>> for $from {
            fn into_field(self) -> Option<GenericForeignKey<$key>> {
                let $value = self;
                Generic::from_generic($into)
            }
        }
    )*};
}
into_field! {
    [M: Model<Pk = K>, K: Field<Base = K>] &M, K: |row| row.into();
    [K: Field<Base = K>] (ContentType, K), K: |key| GenericForeignKey::to_key(key.0, key.1);
    [K: Field<Base = K>] Later, K: |_later| GenericForeignKey::unset();
}

#[diagnostic::do_not_recommend]
impl<K> IntoField<Option<GenericForeignKey<K>>> for GenericForeignKey<K> {
    fn into_field(self) -> Option<GenericForeignKey<K>> {
        Some(self)
    }
}

/// How rows point at those of a model by a generic key: the columns that say so.
#[derive(Clone, Copy)]
pub(crate) struct GenericColumns {
    pub(crate) content_type: u16,
    pub(crate) object_id: u16,
}

impl GenericColumns {
    /// Those of a field of a model, if it is a generic key.
    pub(crate) fn of(model: &'static ModelMeta, field: u16) -> Option<GenericColumns> {
        let [content_type, object_id] = FieldKind::generic_columns(field);
        matches!(model.field(field)?.kind, FieldKind::Generic)
            .then_some(GenericColumns { content_type, object_id })
    }

    /// Whether a row points at rows of a model.
    pub(crate) fn lead_to(self, target: &'static ModelMeta) -> Node {
        let label = Node::Value(Value::Text(target.label()));
        Node::lookup(Lookup::Exact, Node::Path(FieldPath::field(self.content_type)), label)
    }
}
