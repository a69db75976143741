//! Parameters: what a prepared queryset leaves open.
//!
//! [`prepare`](crate::queryset::prepare) hands its closure the parameters that the closure asks for, typed, and the
//! prepared queryset is then run with as many values of these types. A parameter stands where a value of its type
//! stands: on the right of a lookup, in arithmetic, in an assignment.

use std::marker::PhantomData;

use nuages_storage::Value;

use super::operand::{Comparable, Operand, Term};
use crate::draft::IntoField;
use crate::field::Field;
use crate::model::Model;
use crate::node::Node;
use crate::relation::ForeignKey;

/// A value of type `T` that is given when a prepared queryset runs.
#[derive(Debug)]
pub struct Param<T> {
    index: usize,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Param<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Param<T> {}

impl<T: Field> Param<T> {
    const fn new(index: usize) -> Self {
        Param { index, value: PhantomData }
    }

    const fn node(self) -> Node {
        Node::Parameter(self.index, T::DATA_TYPE)
    }
}

#[diagnostic::do_not_recommend]
impl<M, T: Field, U: Field<Class: Comparable<T::Class>>> Operand<T, M> for Param<U> {
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<M, R: Model<Pk: Field>, U: Field<Class: Comparable<<R::Pk as Field>::Class>>> Operand<ForeignKey<R>, M>
    for Param<U>
{
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<M, T: Field> Term<M> for Param<T> {
    type T = T;
    fn into_node(self) -> Node {
        self.node()
    }
}

/// The parameters that a closure of [`prepare`](crate::queryset::prepare) takes: none as `()`, one, or a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of parameters",
    label = "expected `()`, a `Param<T>`, or a tuple of up to eight of them"
)]
pub trait Params: Sized + 'static {
    /// The parameters, numbered from 0.
    fn params() -> Self;
    /// How many there are.
    const COUNT: usize;
}

/// The values of some parameters: those of `(Param<u32>, Param<String>)` are `(100, "rust")`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit the parameters `{P}`",
    label = "expected one value for each parameter, of its type"
)]
pub trait Arguments<P: Params> {
    /// As many values as there are parameters.
    type Values: AsRef<[Value]>;
    /// The values, as the engine has them.
    fn values(self) -> Self::Values;
}

impl Params for () {
    fn params() -> Self {}
    const COUNT: usize = 0;
}

impl Arguments<()> for () {
    type Values = [Value; 0];
    fn values(self) -> Self::Values {
        []
    }
}

impl<T: Field> Params for Param<T> {
    fn params() -> Self {
        Param::new(0)
    }
    const COUNT: usize = 1;
}

impl<T: Field, V: IntoField<T>> Arguments<Param<T>> for V {
    type Values = [Value; 1];
    fn values(self) -> Self::Values {
        [self.into_field().to_value()]
    }
}

macro_rules! tuples {
    ($($count:literal: $($part:ident $value:ident $index:tt)*;)*) => {$(
        impl<$($part: Field),*> Params for ($(Param<$part>,)*) {
            fn params() -> Self {
                ($(Param::<$part>::new($index),)*)
            }
            const COUNT: usize = $count;
        }

        impl<$($part: Field, $value: IntoField<$part>),*> Arguments<($(Param<$part>,)*)> for ($($value,)*) {
            type Values = [Value; $count];
            fn values(self) -> Self::Values {
                [$(self.$index.into_field().to_value()),*]
            }
        }
    )*};
}

tuples! {
    1: A V 0;
    2: A V 0 B W 1;
    3: A V 0 B W 1 C X 2;
    4: A V 0 B W 1 C X 2 D Y 3;
    5: A V 0 B W 1 C X 2 D Y 3 E Z 4;
    6: A V 0 B W 1 C X 2 D Y 3 E Z 4 F U 5;
    7: A V 0 B W 1 C X 2 D Y 3 E Z 4 F U 5 G T 6;
    8: A V 0 B W 1 C X 2 D Y 3 E Z 4 F U 5 G T 6 H S 7;
}
