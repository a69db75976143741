//! What `values_list` and `aggregate` take.

use super::{Row, for_tuples};
use crate::expression::{Aggregate, Expr, Term};
use crate::field::Field;
use crate::model::Model;
use crate::node::Node;
use crate::path::{Col, Hop, Path, Rel};

/// Expressions over `M`, without a shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no fields of `{M}`",
    label = "not a column or expression of `{M}`, nor a tuple of them"
)]
pub trait Selection<M> {
    /// Adds the expressions.
    fn collect(self, nodes: &mut Vec<Node>);
}

/// Expressions over `M` and the row they make: one makes a bare value (Django's `flat=True`), a tuple makes tuples.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected from rows of `{M}`",
    label = "not a column or expression of `{M}`, nor a tuple of them"
)]
pub trait Select<M>: Selection<M> {
    /// The row.
    type Out: Row;
}

/// Nothing: `save_fields(())` writes no field.
#[diagnostic::do_not_recommend]
impl<M> Selection<M> for () {
    fn collect(self, _: &mut Vec<Node>) {}
}

macro_rules! single {
    ($([$($generics:tt)*] $type:ty, $root:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Selection<$root> for $type {
            fn collect(self, nodes: &mut Vec<Node>) {
                nodes.push(Term::<$root>::into_node(self));
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Select<$root> for $type {
            type Out = <$type as Term<$root>>::T;
        }
    )*};
}

single! {
    [P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, P::Root;
    [P: Path, H: Hop, R: Model<Pk: Field>] Rel<P, H, R>, P::Root;
    [M, T: Field, K] Expr<M, T, K>, M;
    ['e, M, T: Field, K] &'e Expr<M, T, K>, M;
    [M, T: Field, K] Aggregate<M, T, K>, M;
    ['e, M, T: Field, K] &'e Aggregate<M, T, K>, M;
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: Selection<M>),*> Selection<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, nodes: &mut Vec<Node>) {
                let ($($part,)*) = self;
                $($part.collect(nodes);)*
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M, $($part: Select<M>),*> Select<M> for ($($part,)*) {
            type Out = ($($part::Out,)*);
        }
    )*};
}
for_tuples!(tuples);
