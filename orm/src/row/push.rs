//! How a row grows by `annotate`.

use super::{Annotated, for_tuples};
use crate::model::Model;

/// The row with one more value.
#[diagnostic::on_unimplemented(
    message = "a row of type `{Self}` cannot be annotated",
    label = "instances and tuples can",
    note = "after `values_list` with one column write `values_list((column,))`"
)]
pub trait Push<T> {
    /// The longer row.
    type Out;
}

#[diagnostic::do_not_recommend]
impl<M: Model, T> Push<T> for M {
    type Out = Annotated<M, (T,)>;
}

/// Rows of `values()` grow by a name.
#[diagnostic::do_not_recommend]
impl<T> Push<T> for super::ValuesRow {
    type Out = super::ValuesRow;
}

macro_rules! push {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, T, $($part),*> Push<T> for Annotated<M, ($($part,)*)> {
            type Out = Annotated<M, ($($part,)* T,)>;
        }

        #[diagnostic::do_not_recommend]
        impl<T, $($part),*> Push<T> for ($($part,)*) {
            type Out = ($($part,)* T,);
        }
    )*};
}
for_tuples!(push);
