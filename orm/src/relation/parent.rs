//! The row that a row extends: multi-table inheritance.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use nuages_storage::Value;

use super::{
    ForeignKey, Forward, Generic, OneToOne,
    forward::{key_value, set_key},
    held::Held,
};
use crate::draft::IntoField;
use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::field::{DecodeError, Field, RowReader, RowWriter};
use crate::meta::FieldKind;
use crate::model::obligation::ParentAttribute;
use crate::model::{Accessor, FieldVisitor, Key, Member, Model, member_value};
use crate::path::{Hop, NotNull, One, Path, Rel};
use crate::queryset::fetch_by_key;
use crate::relation::{ManyToMany, Related, RelatedOne, Through};

/// The row of another model that a row extends; Django's multi-table inheritance.
///
/// `#[model(parent)] place: Parent<Place>` makes every restaurant a place. A restaurant has a row in both tables; that
/// in its own has the key of its place as its primary key. It derefs to its place; the columns of the place are
/// `Restaurant::place.name`, in words `name` alone. Whoever reads a restaurant reads its place by the same query;
/// saving stores both and deleting deletes both, as one. `update` writes columns of both, `Restaurant::place.name.set(..)`
/// too, by a statement for each table; `save_fields` those of one: of the place by `restaurant.place.save_fields(..)`. What a place does itself when it is saved
/// it does for restaurants too; receivers of places are told of deletions only. Instances cannot be created in bulk nor
/// as records by name, and unions of them yield columns only; that is a [`Misuse`](crate::error::Misuse).
///
/// ```
/// use nuages::prelude::*;
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Place {
///     pub id: Auto<i64>,
///     pub name: String,
///     #[related(Restaurant::place)]
///     pub restaurant: RelatedOne<Restaurant>,
/// }
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Restaurant {
///     #[model(parent)]
///     pub place: Parent<Place>,
///     pub stars: i32,
/// }
///
/// # fn main() -> Result<()> {
/// let db = App::new().models((Place::app(), Restaurant::app())).open_memory()?;
/// let hot_club = new!(Restaurant { place: new!(Place { name: "Hot Club" }), stars: 2 });
/// let mut hot_club = Restaurant::objects().create(hot_club, &db)?;
/// assert_eq!((hot_club.name.as_str(), hot_club.id, Place::objects().count(&db)?), ("Hot Club", 1.into(), 1));
///
/// hot_club.name = "Le Hot Club".into();
/// hot_club.save(&db)?;
/// let place = Place::objects().get(q!(Place, restaurant__stars = 2), &db)?;
/// assert_eq!(place.name, "Le Hot Club");
/// assert!(Restaurant::objects().filter(Restaurant::place.name.contains("Hot")).exists(&db)?);
/// assert!(Restaurant::objects().filter(q!(Restaurant, place__name__startswith = "Le", stars = 2)).exists(&db)?);
///
/// assert_eq!(hot_club.delete(&db)?.total, 2);
/// # Ok(())
/// # }
/// ```
pub struct Parent<P: Model>(ForeignKey<P>);

impl<P: Model> Parent<P> {
    /// The key of the row; that of the row itself, which may have got one since.
    fn pk(&self) -> Option<P::Pk> {
        match self.0.loaded() {
            Some(row) => row.pk(),
            None => self.0.key().cloned(),
        }
    }
}

impl<P: Model> Deref for Parent<P> {
    type Target = P;
    fn deref(&self) -> &P {
        self.0.loaded().expect("a row is read, or made, together with the row that it extends")
    }
}

impl<P: Model> DerefMut for Parent<P> {
    fn deref_mut(&mut self) -> &mut P {
        self.0
            .held_mut()
            .map(Held::make_mut)
            .expect("a row is read, or made, together with the row that it extends")
    }
}

impl<P: Model> From<P> for Parent<P> {
    fn from(row: P) -> Self {
        Parent(ForeignKey::loaded_with(Arc::new(row)))
    }
}

impl<P: Model> From<&P> for Parent<P> {
    fn from(row: &P) -> Self {
        Parent(row.into())
    }
}

impl<P: Model> Clone for Parent<P> {
    fn clone(&self) -> Self {
        Parent(self.0.clone())
    }
}

impl<P: Model> PartialEq for Parent<P> {
    fn eq(&self, other: &Self) -> bool {
        self.pk() == other.pk()
    }
}

impl<P: Model> Eq for Parent<P> {}

impl<P: Model + fmt::Debug> fmt::Debug for Parent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.loaded() {
            Some(row) => row.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl<P: Model> Forward for Parent<P> {
    type Model = P;
    const OPTIONAL: bool = false;

    fn as_key(&self) -> Option<&ForeignKey<P>> {
        Some(&self.0)
    }

    fn as_key_mut(&mut self) -> Option<&mut ForeignKey<P>> {
        Some(&mut self.0)
    }

    fn from_key(key: Option<ForeignKey<P>>) -> Self {
        Parent(key.unwrap_or(ForeignKey::unset()))
    }
}

#[diagnostic::do_not_recommend]
impl<P: Model<Pk: Field>> Member for Parent<P> {
    type Token<Pa: Path, H: Hop> = Rel<Pa, H, P>;
    type Null = NotNull;
    type Card = One;
    type Back = One;
    type Key = P::Pk;
    type Attribute = ParentAttribute;
    const KIND: FieldKind = FieldKind::ForeignKey { target: P::meta, one: true };
    const NULL: bool = false;
    const OPTIONAL: bool = false;

    fn unset() -> Option<Self> {
        None
    }

    fn key(&self) -> Option<P::Pk> {
        self.pk()
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        match self.pk() {
            Some(key) => Field::encode(&key, row, column),
            None => row.null(column),
        }
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> std::result::Result<Self, DecodeError> {
        Ok(Parent(ForeignKey::to_key(<P::Pk as Field>::decode(row, column)?)))
    }

    fn column_value(&self) -> Value {
        key_value(self)
    }

    fn set_column(&mut self, value: &Value) -> std::result::Result<(), DecodeError> {
        set_key(self, value);
        Ok(())
    }

    fn accept<M: Model, V: FieldVisitor<M>>(field: Accessor<M, Self>, visitor: V) -> V::Output {
        visitor.forward(field)
    }
}

/// What a draft and a [`Partial`](crate::partial::Partial) row have of a [`Parent`]: its key, and the row if it is
/// known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended<P: Model>(OneToOne<P>);

impl<P: Model<Pk: Field>> Extended<P> {
    /// The key as the engine sees it.
    pub fn value(&self) -> Value {
        member_value(&self.0)
    }
}

impl<P: Model> Deref for Extended<P> {
    type Target = OneToOne<P>;
    fn deref(&self) -> &OneToOne<P> {
        &self.0
    }
}

/// What `#[model(parent)]` belongs to: [`Parent`], and nothing else.
#[diagnostic::on_unimplemented(
    message = "`#[model(parent)]` is for `Parent`, and not for `{Self}`",
    label = "not a `Parent`"
)]
pub trait Extends: Sized {
    /// The model that is extended.
    type Model: Model;
    /// The row that is extended.
    fn row(&self) -> &Self::Model;
    /// The row that is extended, to be changed.
    fn row_mut(&mut self) -> &mut Self::Model;
    /// What a draft has of it.
    fn into_slot(self) -> Extended<Self::Model>;
    /// From what a draft has. The row may be missing there; who makes an instance of such a draft reads it.
    fn of_slot(slot: Extended<Self::Model>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<P: Model> Extends for Parent<P> {
    type Model = P;

    fn row(&self) -> &P {
        self
    }

    fn row_mut(&mut self) -> &mut P {
        self
    }

    fn into_slot(self) -> Extended<P> {
        Extended(self.0.into())
    }

    fn of_slot(slot: Extended<P>) -> Self {
        Parent((*slot.0).clone())
    }
}

#[diagnostic::do_not_recommend]
impl<P: Model> IntoField<Extended<P>> for P {
    fn into_field(self) -> Extended<P> {
        Parent::from(self).into_slot()
    }
}

#[diagnostic::do_not_recommend]
impl<P: Model> IntoField<Extended<P>> for &P {
    fn into_field(self) -> Extended<P> {
        Parent::from(self).into_slot()
    }
}

/// What is done with the row that an instance extends.
pub(crate) trait WithParent {
    /// What comes out.
    type Output;
    /// Does it. The key is changed with the row.
    fn parent<P: Model>(self, parent: &mut ForeignKey<P>) -> Self::Output;
}

/// Does something with the row that an instance extends, if its model has a parent.
pub(crate) fn with_parent<M: Model, W: WithParent>(instance: &mut M, work: W) -> Option<W::Output> {
    struct Visit<'m, M, W>(&'m mut M, W);
    impl<M: Model, W: WithParent> FieldVisitor<M> for Visit<'_, M, W> {
        type Output = Option<W::Output>;
        fn column(self) -> Self::Output {
            None
        }
        fn forward<F: Forward>(self, field: Accessor<M, F>) -> Self::Output {
            Some(self.1.parent(field.get_mut(self.0).as_key_mut()?))
        }
        fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) -> Self::Output {
            None
        }
        fn related<C: Model>(self, _: Accessor<M, Related<C>>) -> Self::Output {
            None
        }
        fn related_one<C: Model>(self, _: Accessor<M, RelatedOne<C>>) -> Self::Output {
            None
        }
        fn generic<F: Generic>(self, _: Accessor<M, F>) -> Self::Output {
            None
        }
    }
    M::visit(M::meta().parent?, Visit(instance, work)).flatten()
}

/// Reads the row that an instance extends, if it was made of its own columns only.
pub(crate) fn complete<M: Model>(instance: &mut M, ex: &dyn Executor) -> Result<()> {
    struct Load<'e>(&'e dyn Executor);
    impl WithParent for Load<'_> {
        type Output = Result<()>;
        fn parent<P: Model>(self, parent: &mut ForeignKey<P>) -> Result<()> {
            if parent.loaded().is_none() {
                let missing = Error::DoesNotExist { model: P::NAME };
                let key = parent.key().and_then(|key| key.values().first().cloned());
                let Some(key) = key else { return Err(missing) };
                let row = fetch_by_key::<P>(&key, self.0)?.ok_or(missing)?;
                parent.keep(Arc::new(row));
            }
            Ok(())
        }
    }
    with_parent(instance, Load(ex)).unwrap_or(Ok(()))
}
