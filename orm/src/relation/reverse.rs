//! The other side of keys: the rows that point here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::held::Held;
use super::origin::Origin;
use super::{Owner, OwnerKey};
use crate::executor::warnings::ResultId;
use crate::field::{DecodeError, RowReader, RowWriter};
use crate::meta::{FieldKind, ModelMeta};
use crate::model::obligation::RelatedAttribute;
use crate::model::{Accessor, FieldVisitor, Member, Model};
use crate::path::{Hop, Many, Nullable, One, Path, Rel, ReverseOf};

/// The rows of `C` that point at this row, declared by `#[related(Post::author)] posts: Related<Post>`.
///
/// It holds them only if they were prefetched; else `all(ex)` asks for them each time.
pub struct Related<C> {
    owner: Option<Owner>,
    prefetched: Option<Held<Vec<C>>>,
}

/// The row of `C` that points at this row by a `OneToOne`, if there is one.
pub struct RelatedOne<C> {
    owner: Option<Owner>,
    cache: Cache<C>,
}

/// What was read of the one row, and the rows that came with the owner, if a fetch mode was said.
struct Cache<C> {
    row: OnceLock<Option<Held<C>>>,
    origin: Option<Arc<Origin<C>>>,
}

impl<C> Default for Cache<C> {
    fn default() -> Self {
        Cache { row: OnceLock::new(), origin: None }
    }
}

impl<C> Clone for Cache<C> {
    fn clone(&self) -> Self {
        Cache { row: self.row.clone(), origin: self.origin.clone() }
    }
}

impl<C: Send + Sync + 'static> Related<C> {
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
    pub fn loaded(&self) -> Option<&[C]> {
        self.prefetched.as_ref().map(|rows| rows.get().as_slice())
    }

    /// Keeps rows that were prefetched, or forgets them.
    pub fn keep(&mut self, rows: Option<Arc<Vec<C>>>) {
        self.prefetched = rows.map(Held::from);
    }
}

impl<C: Send + Sync + 'static> RelatedOne<C> {
    /// Whose row this is; none before the row that has this field was saved.
    pub fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref().filter(|owner| owner.is_stored())
    }

    /// Whose row this is, stored or not.
    pub(super) const fn bound(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// The row, if it was read: `Some(None)` if it was looked for and there is none.
    pub fn loaded(&self) -> Option<Option<&C>> {
        self.cache.row.get().map(|row| row.as_ref().map(Held::get))
    }

    /// Keeps what was read, unless something was; gives what stays.
    pub fn keep(&self, row: Option<Arc<C>>) -> Option<&C> {
        self.keep_held(row.map(Held::from))
    }

    pub(super) fn keep_held(&self, row: Option<Held<C>>) -> Option<&C> {
        self.cache.row.get_or_init(|| row).as_ref().map(Held::get)
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        self.cache = Cache::default();
    }

    pub(super) const fn origin(&self) -> Option<&Arc<Origin<C>>> {
        self.cache.origin.as_ref()
    }

    /// Tells which rows the owner came with.
    pub(super) fn came_with(&mut self, origin: Arc<Origin<C>>) {
        self.cache.origin = Some(origin);
    }

    /// The row, if it was read and nobody else has it.
    pub(crate) fn loaded_mut(&mut self) -> Option<&mut C> {
        self.cache.row.get_mut()?.as_mut()?.get_mut()
    }
}

macro_rules! reverse {
    ($type:ident, $cache:ident: $card:ident, back: $back:ident, one: $one:literal, visit: $visit:ident, empty: $empty:expr) => {
        impl<C> Default for $type<C> {
            fn default() -> Self {
                $type { owner: None, $cache: $empty }
            }
        }

        impl<C> Clone for $type<C> {
            fn clone(&self) -> Self {
                $type { owner: self.owner.clone(), $cache: self.$cache.clone() }
            }
        }

        /// Two are equal: they are no part of the row's own value.
        impl<C> PartialEq for $type<C> {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }

        impl<C> Eq for $type<C> {}

        impl<C> ReverseOf<C> for $type<C> {}

        #[diagnostic::do_not_recommend]
        impl<C: Model> Member for $type<C> {
            type Token<P: Path, H: Hop> = Rel<P, H, C>;
            type Null = Nullable;
            type Card = $card;
            type Back = $back;
            type Key = ();
            type Attribute = RelatedAttribute;
            const KIND: FieldKind = FieldKind::Reverse { child: C::meta, field: || u16::MAX, one: $one };
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
                    self.$cache = $empty;
                }
            }

            fn encode<W: RowWriter>(&self, _: &mut W, _: usize) {}

            fn decode<R: RowReader + ?Sized>(_: &R, _: usize) -> Result<Self, DecodeError> {
                Ok(Self::default())
            }

            fn accept<M: Model, V: FieldVisitor<M>>(field: Accessor<M, Self>, visitor: V) -> V::Output {
                visitor.$visit(field)
            }
        }
    };
}

reverse!(Related, prefetched: Many, back: Many, one: false, visit: related, empty: None);
reverse!(RelatedOne, cache: One, back: One, one: true, visit: related_one, empty: Cache::default());

impl<C: Send + Sync + 'static> fmt::Debug for Related<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loaded() {
            Some(rows) => write!(f, "Related({} rows)", rows.len()),
            None => f.write_str("Related"),
        }
    }
}

impl<C> fmt::Debug for RelatedOne<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cache.row.get() {
            Some(Some(_)) => f.write_str("RelatedOne(1 row)"),
            Some(None) => f.write_str("RelatedOne(no row)"),
            None => f.write_str("RelatedOne"),
        }
    }
}
