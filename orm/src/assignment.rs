//! Assignments: what `update` and `save_set` write. `Post::view_count.set(Post::view_count + 1)`.

use std::marker::PhantomData;

use crate::expression::Operand;
use crate::field::Field;
use crate::model::Model;
use crate::node::{Node, Step};
use crate::path::{Col, Hop, Rel, Root};
use crate::relation::ForeignKey;

/// A field of `M` and what is written into it.
#[must_use = "an assignment does nothing until it is given to `update`"]
#[derive(Clone, Debug)]
pub struct Assignment<M> {
    node: AssignmentNode,
    model: PhantomData<fn() -> M>,
}

/// A field and what is written into it, without types.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentNode {
    /// The field.
    pub step: Step,
    /// The value, over the row as it was.
    pub value: Node,
}

impl<M> Assignment<M> {
    fn new<H: Hop>(value: Node) -> Assignment<M> {
        Assignment { node: AssignmentNode { step: H::step(), value }, model: PhantomData }
    }
}

impl<M: Model, H: Hop, T: Field, K> Col<Root<M>, H, T, K> {
    /// Writes a value or an expression over the same row.
    pub fn set(self, value: impl Operand<T::Base, M>) -> Assignment<M> {
        Assignment::new::<H>(value.into_node())
    }
}

impl<M: Model, H: Hop, R: Model> Rel<Root<M>, H, R> {
    /// Writes a key: of an instance, of another relation, or a bare value.
    pub fn set(self, value: impl Operand<ForeignKey<R>, M>) -> Assignment<M> {
        Assignment::new::<H>(value.into_node())
    }
}

/// What `update` takes: an assignment, or a tuple or list of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` assigns nothing to a `{M}`",
    label = "not an assignment of `{M}`"
)]
pub trait Assignments<M> {
    /// Adds the assignments.
    fn collect(self, assignments: &mut Vec<AssignmentNode>);
}

#[diagnostic::do_not_recommend]
impl<M> Assignments<M> for Assignment<M> {
    fn collect(self, assignments: &mut Vec<AssignmentNode>) {
        assignments.push(self.node);
    }
}

#[diagnostic::do_not_recommend]
impl<M> Assignments<M> for Vec<Assignment<M>> {
    fn collect(self, assignments: &mut Vec<AssignmentNode>) {
        assignments.extend(self.into_iter().map(|assignment| assignment.node));
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: Assignments<M>),*> Assignments<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, assignments: &mut Vec<AssignmentNode>) {
                let ($($part,)*) = self;
                $($part.collect(assignments);)*
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
