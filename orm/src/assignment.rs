//! Assignments: what `update` and `save_set` write. `Post::view_count.set(Post::view_count + 1)`.

use std::marker::PhantomData;

use crate::expression::Operand;
use crate::field::Field;
use crate::model::Model;
use crate::node::{FieldPath, Node, Step};
use crate::path::{Col, Hop, OwnRow, Path, Rel, steps};
use crate::relation::ForeignKey;
use crate::save::own_field;

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
    /// The way to the row that has the field: empty, or from a row to what it extends.
    pub above: FieldPath,
    /// The field.
    pub step: Step,
    /// The value, over the row as it was.
    pub value: Node,
}

impl AssignmentNode {
    /// Of a field of the row itself.
    pub fn own(step: Step, value: Node) -> AssignmentNode {
        AssignmentNode { above: FieldPath::new(), step, value }
    }

    /// The field, if it is one of the row itself.
    pub(crate) fn own_field(&self) -> Option<u16> {
        own_field(self.step).filter(|_| self.is_own())
    }

    /// Whether the field is one of the row itself, and not of what it extends.
    pub(crate) fn is_own(&self) -> bool {
        self.above.steps().is_empty()
    }
}

impl<M> Assignment<M> {
    fn new<P: Path, H: Hop>(value: Node) -> Assignment<M> {
        Assignment {
            node: AssignmentNode { above: steps::<P>(), step: H::step(), value },
            model: PhantomData,
        }
    }
}

impl<P: Path, H: Hop, T: Field, K> Col<P, H, T, K> {
    /// Writes a value or an expression over the same row. The column is one of the row, or of what it extends.
    pub fn set(self, value: impl Operand<T::Base, P::Root>) -> Assignment<P::Root>
    where
        P: OwnRow,
    {
        Assignment::new::<P, H>(value.into_node())
    }
}

impl<P: Path, H: Hop, R: Model> Rel<P, H, R> {
    /// Writes a key: of an instance, of another relation, or a bare value.
    pub fn set(self, value: impl Operand<ForeignKey<R>, P::Root>) -> Assignment<P::Root>
    where
        P: OwnRow,
    {
        Assignment::new::<P, H>(value.into_node())
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
