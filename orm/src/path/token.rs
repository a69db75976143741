//! The tokens that stand for fields: `Post::title` is a [`Col`], `Post::author` is a [`Rel`].

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::{Hop, Path, Types, Via, field_path};
use crate::expression::class::Class;
use crate::field::Field;
use crate::model::Model;
use crate::node::{FieldPath, Node};

/// What stands for a field; the derive makes constants of it.
pub trait Token: Copy + Send + Sync + 'static {
    /// The only value.
    const NEW: Self;
}

/// Tokens of several fields: a composite primary key.
macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        impl<$($part: Token),*> Token for ($($part,)*) {
            const NEW: Self = ($($part::NEW,)*);
        }
    )*};
}
tuples! {
    A B;
    A B C;
    A B C D;
}

/// The tokens of a model seen through a path: a struct with one field for each of the model's.
pub trait Cols: 'static {
    /// The only value.
    const REF: &'static Self;
}

/// A column with values of type `T`, reached by the path `P` and the step `H`. `K` is the class of `T`, by which the
/// lookups are told apart.
pub struct Col<P, H, T, K = <T as Field>::Class>(Types<(P, H, T, K)>);

/// A relation to rows of `M`, reached by the path `P` and the step `H`. It derefs to the columns of `M`.
pub struct Rel<P, H, M>(Types<(P, H, M)>);

impl<P, H, T, K> Clone for Col<P, H, T, K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, H, T, K> Copy for Col<P, H, T, K> {}
impl<P: 'static, H: 'static, T: 'static, K: 'static> Token for Col<P, H, T, K> {
    const NEW: Self = Col(PhantomData);
}

impl<P, H, M> Clone for Rel<P, H, M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, H, M> Copy for Rel<P, H, M> {}
impl<P: 'static, H: 'static, M: 'static> Token for Rel<P, H, M> {
    const NEW: Self = Rel(PhantomData);
}

impl<P: Path, H: Hop, M: Model> Deref for Rel<P, H, M> {
    type Target = M::Cols<Via<P, H>>;
    fn deref(&self) -> &Self::Target {
        Cols::REF
    }
}

impl<P: Path, H: Hop, T: Field, K: Class> Deref for Col<P, H, T, K> {
    type Target = K::Transforms<P, H, T::Null>;
    fn deref(&self) -> &Self::Target {
        Cols::REF
    }
}

impl<P: Path, H: Hop, T, K> Col<P, H, T, K> {
    /// The column as an expression.
    pub fn node(self) -> Node {
        H::wrap(Node::Path(field_path::<P, H>()))
    }
}

impl<P: Path, H: Hop, M: Model> Rel<P, H, M> {
    /// The relation as a path.
    pub fn path(self) -> FieldPath {
        field_path::<P, H>()
    }

    /// The relation as an expression: the key on the other side.
    pub fn node(self) -> Node {
        Node::Path(self.path())
    }
}

impl<P: Path, H: Hop, T, K> fmt::Debug for Col<P, H, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.node())
    }
}

impl<P: Path, H: Hop, M: Model> fmt::Debug for Rel<P, H, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.node())
    }
}
