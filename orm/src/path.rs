//! Paths from field to field, as types.
//!
//! `Post::author.boss.username` is three zero-sized tokens: `Post::author` is a [`Rel`], which derefs to the columns
//! of `User` seen through it; `.boss` is a field of that struct and again a [`Rel`]; `.username` is a [`Col`]. The
//! whole way is in the token's type: [`Root`] is where it starts, each [`Via`] adds a [`Hop`]. So the compiler knows
//! the model a path is rooted in, whether it can yield NULL, and whether it can meet many rows; nothing is computed
//! until an expression is built, and then the steps are pushed one after the other.
//!
//! Order of reading: [`Path`] and [`Hop`]; [`Col`] and [`Rel`]; then `expression`, where they get their verbs.

mod generic;
mod navigate;
mod token;

use crate::field::Field;
use crate::model::Model;
use crate::node::{FieldPath, Node, Step};

pub use generic::{GenericRel, To};
pub use navigate::{Back, Filtered};
pub use token::{Col, Cols, Rel, Token};

/// A way from a model to a model.
pub trait Path: Copy + Send + Sync + 'static {
    /// Where it starts: the model of the queryset.
    type Root: Model;
    /// Whether what it leads to may be missing.
    type Null: Nullability;
    /// Whether it may lead to many rows.
    type Card: Cardinality;
    /// Adds its steps.
    fn push(path: &mut FieldPath);
}

/// One step of a path; the derive makes a type for each field.
pub trait Hop: Send + Sync + 'static {
    /// Whether the other side may be missing.
    type Null: Nullability;
    /// Whether there may be many rows on the other side.
    type Card: Cardinality;
    /// Whether there may be many rows on this side, seen from the other.
    type Back: Cardinality;
    /// The step.
    fn step() -> Step;
    /// What is made of the field's value: itself, or with a transform, `year` of it.
    fn wrap(node: Node) -> Node {
        node
    }
}

/// The types that a token or expression carries and holds no value of: `Copy`, `Send` and `Sync` whatever they are.
pub(crate) type Types<T> = std::marker::PhantomData<fn() -> T>;

/// The hop along a key that stops at the key itself: `author_id`.
pub struct ToKey<H>(std::marker::PhantomData<fn() -> H>);

impl<H: Hop> Hop for ToKey<H> {
    type Null = H::Null;
    type Card = H::Card;
    type Back = H::Back;
    fn step() -> Step {
        H::step()
    }
    fn wrap(node: Node) -> Node {
        match H::wrap(node) {
            Node::Path(mut path) => {
                path.push(Step::Key);
                Node::Path(path)
            }
            other => other,
        }
    }
}

/// The path that has not left its model.
pub struct Root<M>(Types<M>);

/// The path `P` and one step more.
pub struct Via<P, H>(Types<(P, H)>);

impl<M> Clone for Root<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Root<M> {}
impl<P, H> Clone for Via<P, H> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, H> Copy for Via<P, H> {}

impl<M: Model> Path for Root<M> {
    type Root = M;
    type Null = NotNull;
    type Card = One;
    fn push(_: &mut FieldPath) {}
}

impl<P: Path, H: Hop> Path for Via<P, H> {
    type Root = P::Root;
    type Null = <P::Null as Nullability>::Or<H::Null>;
    type Card = <P::Card as Cardinality>::Then<H::Card>;
    fn push(path: &mut FieldPath) {
        P::push(path);
        path.push(H::step());
    }
}

/// A path to the columns of a row itself: it has not left its model, or leads to what the row extends.
#[diagnostic::on_unimplemented(
    message = "a row is written by itself, and this is a column of another one",
    label = "a column of a row that this one points at"
)]
pub trait OwnRow: Path {}

#[diagnostic::do_not_recommend]
impl<M: Model> OwnRow for Root<M> {}

#[diagnostic::do_not_recommend]
impl<P: OwnRow, H: ToExtended> OwnRow for Via<P, H> {}

/// The hop from a row to what it extends; the derive says which one that is.
pub trait ToExtended: Hop {}

/// Whether a value may be NULL, as a type.
pub trait Nullability: Send + Sync + 'static {
    /// NULL if either is.
    type Or<Other: Nullability>: Nullability;
    /// NULL if both are.
    type And<Other: Nullability>: Nullability;
    /// The value as it is read: itself, or an `Option` of it.
    type Wrap<T: Field>: Field;
}

/// Never NULL.
pub struct NotNull;

/// NULL or a value.
pub struct Nullable;

impl Nullability for NotNull {
    type Or<Other: Nullability> = Other;
    type And<Other: Nullability> = NotNull;
    type Wrap<T: Field> = T;
}

impl Nullability for Nullable {
    type Or<Other: Nullability> = Nullable;
    type And<Other: Nullability> = Other;
    type Wrap<T: Field> = Option<T::Base>;
}

/// How many rows a path leads to, as a type.
pub trait Cardinality: Send + Sync + 'static {
    /// Many if either is.
    type Then<Next: Cardinality>: Cardinality;
}

/// At most one row.
pub struct One;

/// Any number of rows.
pub struct Many;

impl Cardinality for One {
    type Then<Next: Cardinality> = Next;
}

impl Cardinality for Many {
    type Then<Next: Cardinality> = Many;
}

/// The cardinality of what `select_related` can join.
pub trait ToOne {}
impl ToOne for One {}

/// A relation of another model that leads to `M`.
#[diagnostic::on_unimplemented(
    message = "this field does not lead to `{M}`",
    label = "not a key or many-to-many relation to `{M}`"
)]
pub trait LeadsTo<M> {
    /// The model that has the relation.
    type Child;
}

#[diagnostic::do_not_recommend]
impl<C, H, M> LeadsTo<M> for Rel<Root<C>, H, M> {
    type Child = C;
}

/// The reverse side that a relation of `C` can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the other side of a relation of `{C}`",
    label = "the attribute names a field of `{C}`"
)]
pub trait ReverseOf<C> {}

/// Compiles if the relation leads to `M` and `R` is its other side; the derive calls it where nobody runs it.
pub fn leads_back<R: ReverseOf<F::Child>, M, F: LeadsTo<M>>(_field: F) {}

/// A relation of a model itself, by which others are declared.
pub trait OwnRelation {
    /// Its step.
    type Hop: Hop;
}

#[diagnostic::do_not_recommend]
impl<M, H: Hop, T> OwnRelation for Rel<Root<M>, H, T> {
    type Hop = H;
}

#[diagnostic::do_not_recommend]
impl<M, H: Hop, K> OwnRelation for GenericRel<Root<M>, H, K> {
    type Hop = H;
}

/// The place of a relation in its model.
pub fn field_of<F: OwnRelation>(_field: F) -> u16 {
    match F::Hop::step() {
        Step::Field(field) | Step::Back { field, .. } | Step::To { field, .. } => field,
        Step::Key => unreachable!("a relation is reached by a field, and a bare key is no relation"),
    }
}

/// The steps of a path.
pub fn steps<P: Path>() -> FieldPath {
    let mut path = FieldPath::new();
    P::push(&mut path);
    path
}

/// The steps of a path to a field.
pub fn field_path<P: Path, H: Hop>() -> FieldPath {
    let mut path = steps::<P>();
    path.push(H::step());
    path
}
