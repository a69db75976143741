//! What `select_related` and `prefetch_related` take: relations, and tuples of them.

use crate::field::Field;
use crate::model::Model;
use crate::node::FieldPath;
use crate::path::{GenericRel, Hop, Path, Rel, ToOne};

/// Relations of `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation of `{M}`",
    label = "not a relation of `{M}`, nor a tuple of them"
)]
pub trait Relations<M> {
    /// The relations themselves, to be told those of one row from those of many: what is no relation is said to be
    /// none, and nothing more.
    type Kinds;

    /// Adds the paths.
    fn collect(self, paths: &mut Vec<FieldPath>);
}

/// Relations that lead to one row at most.
#[diagnostic::on_unimplemented(
    message = "`select_related` cannot follow a to-many relation",
    label = "this relation yields many rows per object",
    note = "use `prefetch_related` for reverse and many-to-many relations"
)]
pub trait Joinable {}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop, R: Model> Relations<P::Root> for Rel<P, H, R> {
    type Kinds = Self;

    fn collect(self, paths: &mut Vec<FieldPath>) {
        paths.push(self.path());
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop, K: Field<Base = K>> Relations<P::Root> for GenericRel<P, H, K> {
    type Kinds = Self;

    fn collect(self, paths: &mut Vec<FieldPath>) {
        paths.push(self.path());
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop<Card: ToOne>, R: Model> Joinable for Rel<P, H, R> where P::Card: ToOne {}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: Relations<M>),*> Relations<M> for ($($part,)*) {
            type Kinds = ($($part::Kinds,)*);

            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, paths: &mut Vec<FieldPath>) {
                let ($($part,)*) = self;
                $($part.collect(paths);)*
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: Joinable),*> Joinable for ($($part,)*) {}
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
