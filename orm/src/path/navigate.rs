//! Paths that no field spells: backwards along a relation that the other side has not declared, two paths joined,
//! and a relation narrowed by a condition.

use std::sync::Arc;

use super::{Hop, Nullable, Path, Rel, Root, Token, Types, Via};
use crate::expression::{Condition, Expr, Term};
use crate::field::Field;
use crate::meta::FieldKind;
use crate::model::Model;
use crate::node::{FieldPath, FilteredNode, Node, Step};

/// The step `H` of `M`, backwards.
pub struct Back<M, H>(Types<(M, H)>);

impl<M: Model, H: Hop> Hop for Back<M, H> {
    type Null = Nullable;
    type Card = H::Back;
    type Back = H::Card;

    fn step() -> Step {
        match H::step() {
            Step::Field(field) => match M::meta().field(field).map(|field| field.kind) {
                // The other side of a declared reverse relation is the field it was declared for.
                Some(FieldKind::Reverse { field, .. }) => Step::Field(field()),
                _ => Step::Back { child: M::meta(), field },
            },
            Step::To { field, .. } => Step::Back { child: M::meta(), field },
            Step::Back { field, .. } => Step::Field(field),
            Step::Key => Step::Key,
        }
    }
}

impl<M: Model, H: Hop, T: Model> Rel<Root<M>, H, T> {
    /// The relation seen from the other side, whether that side declares it or not.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Place { pub id: Auto<i64> }
    /// # #[derive(Model, Clone)] pub struct Review { pub id: Auto<i64>, pub text: String, #[field(on_delete = Cascade)] pub place: ForeignKey<Place> }
    /// let praised: Q<Place> = Review::place.reverse().text.icontains("good");
    /// ```
    pub fn reverse(self) -> Rel<Root<T>, Back<M, H>, M> {
        Rel::NEW
    }
}

impl<P: Path, H: Hop, M: Model> Rel<P, H, M> {
    /// This path and then another: for paths that go backwards along the way.
    pub fn then<H2: Hop, T: Model>(self, _next: Rel<Root<M>, H2, T>) -> Rel<Via<P, H>, H2, T> {
        Rel::NEW
    }

    /// Only the related rows that meet a condition; Django's `FilteredRelation`. Rows without such related rows stay.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Artist { pub id: Auto<i64>, #[related(Album::artist)] pub albums: Related<Album> }
    /// # #[derive(Model, Clone)] pub struct Album { pub id: Auto<i64>, pub title: String, pub live: bool, #[field(on_delete = Cascade)] pub artist: ForeignKey<Artist> }
    /// let live = Artist::albums.filtered(Album::live.eq(true));
    /// let titles: QuerySet<Artist, (i64, Option<String>)> =
    ///     Artist::objects().values_list((Artist::id, live.at(Album::title)));
    /// ```
    pub fn filtered(self, condition: impl Condition<M>) -> Filtered<P, M> {
        Filtered {
            path: self.path(),
            condition: condition.into_condition().into_node(),
            types: Types::default(),
        }
    }
}

/// A relation narrowed by a condition.
#[derive(Clone, Debug)]
pub struct Filtered<P, M> {
    path: FieldPath,
    condition: Node,
    types: Types<(P, M)>,
}

impl<P: Path, M: Model> Filtered<P, M> {
    /// An expression over the related rows. Where there is none, it is NULL.
    pub fn at<E: Term<M>>(&self, expression: E) -> Expr<P::Root, Option<<E::T as Field>::Base>> {
        let filtered = FilteredNode {
            path: self.path.clone(),
            condition: self.condition.clone(),
            node: expression.into_node(),
        };
        Expr::new(Node::Filtered(Arc::new(filtered)).bounded())
    }
}
