//! Tokens of generic keys: `Sticker::target`, and `Sticker::target.to::<Film>().title`.

use std::{fmt, marker::PhantomData};

use super::{Hop, LeadsTo, Many, Nullable, One, Path, Rel, Root, Token, Types, steps};
use crate::{
    draft::Own,
    error::Error,
    expression::Q,
    field::{ContentType, Field},
    instance,
    meta::FieldKind,
    model::Model,
    node::{FieldPath, Lookup, Node, Step},
};

/// A generic key with keys of type `K`, reached by the path `P` and the step `H`.
pub struct GenericRel<P, H, K>(Types<(P, H, K)>);

impl<P, H, K> Clone for GenericRel<P, H, K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, H, K> Copy for GenericRel<P, H, K> {}
impl<P: 'static, H: 'static, K: 'static> Token for GenericRel<P, H, K> {
    const NEW: Self = GenericRel(PhantomData);
}

/// The step along the generic key `H`, as far as it points at rows of `M`.
pub struct To<H, M>(Types<(H, M)>);

impl<H: Hop, M: Model> Hop for To<H, M> {
    type Null = Nullable;
    type Card = One;
    type Back = Many;

    fn step() -> Step {
        Step::To { field: place::<H>(), target: M::meta() }
    }
}

/// The place of a generic key in its model.
fn place<H: Hop>() -> u16 {
    match H::step() {
        Step::Field(field) | Step::Back { field, .. } | Step::To { field, .. } => field,
        Step::Key => unreachable!("a generic key is reached by its field"),
    }
}

impl<P: Path, H: Hop, K: Field<Base = K>> GenericRel<P, H, K> {
    /// The rows of one model that it points at. What is computed of them is NULL for keys that point elsewhere.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub title: String }
    /// # #[derive(Model, Clone)]
    /// # pub struct Sticker { pub id: Auto<i64>, pub word: String, #[model(generic)] pub target: GenericForeignKey }
    /// # let db = App::new().models((Film::app(), Sticker::app())).open_memory()?;
    /// # let film = Film::objects().create(new!(Film { title: "Metropolis" }), &db)?;
    /// Sticker::objects().create(new!(Sticker { word: "silent", target: &film }), &db)?;
    /// let silent = Sticker::objects().filter(Sticker::target.to::<Film>().title.eq("Metropolis"));
    /// assert_eq!(silent.count(&db)?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to<M: Model<Pk = K>>(self) -> Rel<P, To<H, M>, M> {
        Rel::NEW
    }

    /// Whether it points at this row.
    pub fn eq<M: Model<Pk = K>>(self, row: &M) -> Q<P::Root> {
        let Some(key) = instance::key_of(row) else {
            return Q::new(Node::misuse(Error::Unsaved { model: M::meta().name, wanted: "a comparison" }));
        };
        let label = ContentType::of::<M>().to_value();
        let [content_type, object_id] = FieldKind::generic_columns(place::<H>());
        let is = |column: u16, value| {
            let mut path: FieldPath = steps::<P>();
            path.push(Step::Field(column));
            Node::lookup(Lookup::Exact, Node::Path(path), Node::Value(value))
        };
        Q::new(is(content_type, label).and(is(object_id, key)))
    }

    /// The generic key as a path, for `prefetch_related`.
    pub(crate) fn path(self) -> FieldPath {
        let mut path = steps::<P>();
        path.push(Step::Field(place::<H>()));
        path
    }
}

#[diagnostic::do_not_recommend]
impl<C, H, K, M: Model<Pk = K>> LeadsTo<M> for GenericRel<Root<C>, H, K> {
    type Child = C;
}

impl<M, H: Hop, K> Own<M> for GenericRel<Root<M>, H, K> {
    type Hop = H;
}

impl<P: Path, H: Hop, K: Field<Base = K>> fmt::Debug for GenericRel<P, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.path())
    }
}
