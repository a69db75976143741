//! Many-to-many relations.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Owner, OwnerKey, held::Held};
use crate::executor::warnings::ResultId;
use crate::field::{DecodeError, RowReader, RowWriter};
use crate::meta::{FieldKind, MetaFn, ModelMeta};
use crate::model::obligation::NoAttribute;
use crate::model::{Accessor, FieldVisitor, Member, Model};
use crate::path::{Hop, Many, Nullable, Path, Rel};

/// The model between the two sides of a many-to-many relation.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot stand between two models", label = "not a model")]
pub trait Through: Send + Sync + 'static {
    /// The model; none if its table is made with the relation and has nothing but the two keys.
    const META: Option<MetaFn>;
}

impl Through for () {
    const META: Option<MetaFn> = None;
}

impl<M: Model> Through for M {
    const META: Option<MetaFn> = Some(M::meta);
}

/// The rows of `T` that are paired with this row, by rows of a third table: `ManyToMany<Tag>`, or with a model of
/// its own for the pairs, `ManyToMany<Student, Enrollment>`.
///
/// It holds them only if they were prefetched; else `all(ex)` asks for them each time.
pub struct ManyToMany<T, Th = ()> {
    owner: Option<Owner>,
    prefetched: Option<Held<Vec<T>>>,
    through: PhantomData<fn() -> Th>,
}

impl<T: Send + Sync + 'static, Th> ManyToMany<T, Th> {
    /// Whose rows these are; none before the row that has this field was saved.
    pub fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref().filter(|owner| owner.is_stored())
    }

    /// Whose row this is, stored or not.
    pub(super) const fn bound(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Tells which result the owner came with.
    pub(super) fn came_with(&mut self, result: Option<ResultId>) {
        if let Some(owner) = &mut self.owner {
            owner.result = result;
        }
    }

    /// The rows, if they were prefetched.
    pub fn loaded(&self) -> Option<&[T]> {
        self.prefetched.as_ref().map(|rows| rows.get().as_slice())
    }

    /// Keeps rows that were prefetched, or forgets them.
    pub fn keep(&mut self, rows: Option<Arc<Vec<T>>>) {
        self.prefetched = rows.map(Held::from);
    }
}

impl<T, Th> Default for ManyToMany<T, Th> {
    fn default() -> Self {
        ManyToMany { owner: None, prefetched: None, through: PhantomData }
    }
}

impl<T, Th> Clone for ManyToMany<T, Th> {
    fn clone(&self) -> Self {
        ManyToMany { owner: self.owner.clone(), prefetched: self.prefetched.clone(), through: PhantomData }
    }
}

/// Two are equal: they are no part of the row's own value.
impl<T, Th> PartialEq for ManyToMany<T, Th> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T, Th> Eq for ManyToMany<T, Th> {}

impl<T: Send + Sync + 'static, Th> fmt::Debug for ManyToMany<T, Th> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loaded() {
            Some(rows) => write!(f, "ManyToMany({} rows)", rows.len()),
            None => f.write_str("ManyToMany"),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Model, Th: Through> Member for ManyToMany<T, Th> {
    type Token<P: Path, H: Hop> = Rel<P, H, T>;
    type Null = Nullable;
    type Card = Many;
    type Back = Many;
    type Key = ();
    type Attribute = NoAttribute;
    const KIND: FieldKind = FieldKind::ManyToMany { target: T::meta, through: Th::META };
    const NULL: bool = true;
    const OPTIONAL: bool = true;
    const BINDS: bool = true;

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn key(&self) -> Option<()> {
        None
    }

    #[inline]
    fn bind(&mut self, model: &'static ModelMeta, field: u16, key: &OwnerKey) {
        if Owner::replace(&mut self.owner, model, field, key) {
            self.prefetched = None;
        }
    }

    fn encode<W: RowWriter>(&self, _: &mut W, _: usize) {}

    fn decode<R: RowReader + ?Sized>(_: &R, _: usize) -> Result<Self, DecodeError> {
        Ok(Self::default())
    }

    fn accept<M: Model, V: FieldVisitor<M>>(field: Accessor<M, Self>, visitor: V) -> V::Output {
        visitor.many_to_many(field)
    }
}
