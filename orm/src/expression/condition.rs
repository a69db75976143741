//! What may stand where a condition is asked for: a [`Q`], or a boolean itself.

use std::ops::{BitAnd, BitOr, BitXor, Not};

use super::class::Boolean;
use super::{Aggregate, Expr, Q};
use crate::field::Field;
use crate::node::{Lookup, Node, Operator};
use crate::path::{Col, Hop, Path};

/// A condition on rows of `M`: a [`Q`], or a boolean column or expression, which holds where it is true.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)]
/// # pub struct Post { pub id: Auto<i64>, pub title: String, pub is_active: bool, pub is_hidden: Option<bool> }
/// let _ = Post::objects().filter(Post::is_active).exclude(Post::is_hidden);
/// let _ = Post::objects().filter(Post::is_active & !Post::is_hidden & Post::title.icontains("swing"));
/// let _ = Post::objects().annotate(when(Post::is_active, "on").otherwise("off"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no condition on rows of `{M}`",
    label = "expected a condition or a boolean column of `{M}`"
)]
pub trait Condition<M> {
    /// The condition.
    fn into_condition(self) -> Q<M>;
}

#[diagnostic::do_not_recommend]
impl<M> Condition<M> for Q<M> {
    fn into_condition(self) -> Q<M> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop, T: Field> Condition<P::Root> for Col<P, H, T, Boolean> {
    fn into_condition(self) -> Q<P::Root> {
        is_true(self.node())
    }
}

macro_rules! trees {
    ($($type:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, T: Field> Condition<M> for $type<M, T, Boolean> {
            fn into_condition(self) -> Q<M> {
                is_true(self.into_node())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M, T: Field> Condition<M> for &$type<M, T, Boolean> {
            fn into_condition(self) -> Q<M> {
                is_true(self.node().clone())
            }
        }
    )*};
}
trees!(Expr Aggregate);

/// What is a condition by its form stays one; any other value is compared with true.
fn is_true<M>(node: Node) -> Q<M> {
    Q::new(match node {
        Node::Call(Operator::And | Operator::Or | Operator::Not | Operator::Lookup(_), _)
        | Node::Exists(_) => node,
        value => Node::lookup(Lookup::Exact, value, Node::Value(true.into())),
    })
}

impl<M, R: Condition<M>> BitAnd<R> for Q<M> {
    type Output = Q<M>;
    fn bitand(self, other: R) -> Q<M> {
        Q::new(self.node.and(other.into_condition().node))
    }
}

impl<M, R: Condition<M>> BitOr<R> for Q<M> {
    type Output = Q<M>;
    fn bitor(self, other: R) -> Q<M> {
        Q::new(self.node.or(other.into_condition().node))
    }
}

/// One of the two, not both; what is NULL is not true.
impl<M, R: Condition<M>> BitXor<R> for Q<M> {
    type Output = Q<M>;
    fn bitxor(self, other: R) -> Q<M> {
        Q::new(self.node.xor(other.into_condition().node))
    }
}

impl<M> Not for Q<M> {
    type Output = Q<M>;
    fn not(self) -> Q<M> {
        Q::new(self.node.negated())
    }
}

impl<M, R: Condition<M>> std::ops::BitAndAssign<R> for Q<M> {
    fn bitand_assign(&mut self, other: R) {
        let node = std::mem::replace(&mut self.node, Node::Annotation(usize::MAX));
        self.node = node.and(other.into_condition().node);
    }
}

impl<M, R: Condition<M>> std::ops::BitOrAssign<R> for Q<M> {
    fn bitor_assign(&mut self, other: R) {
        let node = std::mem::replace(&mut self.node, Node::Annotation(usize::MAX));
        self.node = node.or(other.into_condition().node);
    }
}

impl<P: Path, H: Hop, T: Field, R: Condition<P::Root>> BitAnd<R> for Col<P, H, T, Boolean> {
    type Output = Q<P::Root>;
    fn bitand(self, other: R) -> Q<P::Root> {
        self.into_condition() & other
    }
}

impl<P: Path, H: Hop, T: Field, R: Condition<P::Root>> BitOr<R> for Col<P, H, T, Boolean> {
    type Output = Q<P::Root>;
    fn bitor(self, other: R) -> Q<P::Root> {
        self.into_condition() | other
    }
}

impl<P: Path, H: Hop, T: Field, R: Condition<P::Root>> BitXor<R> for Col<P, H, T, Boolean> {
    type Output = Q<P::Root>;
    fn bitxor(self, other: R) -> Q<P::Root> {
        self.into_condition() ^ other
    }
}

impl<P: Path, H: Hop, T: Field> Not for Col<P, H, T, Boolean> {
    type Output = Q<P::Root>;
    fn not(self) -> Q<P::Root> {
        !self.into_condition()
    }
}
