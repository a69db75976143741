//! What `select_related` and `prefetch_related` take: relations, and tuples of them.

use crate::model::Model;
use crate::node::FieldPath;
use crate::path::{Hop, Path, Rel, ToOne, Via};

/// Relations of `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation of `{M}`",
    label = "not a relation of `{M}`, nor a tuple of them"
)]
pub trait Relations<M> {
    /// Adds the paths.
    fn collect(self, paths: &mut Vec<FieldPath>);
}

/// Relations of `M` that lead to one row at most.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a to-one relation of `{M}`",
    label = "not a to-one relation of `{M}`, nor a tuple of them"
)]
pub trait Joinable<M>: Relations<M> {}

impl<P: Path, H: Hop, R: Model> Relations<P::Root> for Rel<P, H, R> {
    fn collect(self, paths: &mut Vec<FieldPath>) {
        paths.push(self.path());
    }
}

impl<P: Path, H: Hop, R: Model> Joinable<P::Root> for Rel<P, H, R> where <Via<P, H> as Path>::Card: ToOne {}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        impl<M, $($part: Relations<M>),*> Relations<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, paths: &mut Vec<FieldPath>) {
                let ($($part,)*) = self;
                $($part.collect(paths);)*
            }
        }

        impl<M, $($part: Joinable<M>),*> Joinable<M> for ($($part,)*) {}
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}
