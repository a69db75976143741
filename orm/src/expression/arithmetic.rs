//! `+ - * / %` between expressions, with a table of result types.
//!
//! Integers of any width make `i64`, a decimal with an integer a decimal, anything with a double a double. Instants
//! and durations combine as one expects. If a side can be NULL, so can the result.

use std::ops;

use nuages_engine::algebra;
use rust_decimal::Decimal;

use super::operand::Seen;
use super::{Aggregate, Expr, Term};
use crate::field::{DateTime, Duration, Field};
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Nullability, Path};

/// The operators as types.
pub mod operator {
    /// `+`
    pub struct Plus;
    /// `-`
    pub struct Minus;
    /// `*`
    pub struct Times;
    /// `/`
    pub struct Over;
    /// `%`
    pub struct Modulo;
}

/// The result type of `Self op Right`.
#[diagnostic::on_unimplemented(
    message = "there is no arithmetic between `{Self}` and `{Right}`",
    label = "numbers, or instants and durations"
)]
pub trait Arithmetic<Op, Right> {
    /// The result.
    type Output: Field;
}

macro_rules! table {
    ($($left:ty, $op:ident, $right:ty => $output:ty;)*) => {$(
        impl Arithmetic<operator::$op, $right> for $left {
            type Output = $output;
        }
    )*};
}

/// The table for one operator and every pair of number types.
macro_rules! numbers {
    ($($op:ident)*) => {$(
        numbers!(@pairs $op [i16 i32 i64 u8 u16 u32 u64] [i16 i32 i64 u8 u16 u32 u64]);
        table! {
            Decimal, $op, Decimal => Decimal;
            f64, $op, f64 => f64;
            f32, $op, f32 => f64;
            f32, $op, f64 => f64;
            f64, $op, f32 => f64;
            Decimal, $op, f32 => f64;
            f32, $op, Decimal => f64;
            Decimal, $op, f64 => f64;
            f64, $op, Decimal => f64;
        }
    )*};
    (@pairs $op:ident [$($left:ty)*] $right:tt) => {$(
        numbers!(@row $op $left, $right);
        table! {
            $left, $op, Decimal => Decimal;
            Decimal, $op, $left => Decimal;
            $left, $op, f64 => f64;
            $left, $op, f32 => f64;
            f32, $op, $left => f64;
            f64, $op, $left => f64;
        }
    )*};
    (@row $op:ident $left:ty, [$($right:ty)*]) => {
        table! { $($left, $op, $right => i64;)* }
    };
}
numbers!(Plus Minus Times Over Modulo);

table! {
    DateTime, Minus, DateTime => Duration;
    DateTime, Minus, Duration => DateTime;
    DateTime, Plus, Duration => DateTime;
    Duration, Plus, DateTime => DateTime;
    Duration, Plus, Duration => Duration;
    Duration, Minus, Duration => Duration;
}

/// The type of `Left op Right`, an `Option` if either is.
pub type Combined<Op, Left, Right> =
    <<<Left as Field>::Null as Nullability>::Or<<Right as Field>::Null> as Nullability>::Wrap<
        <<Left as Field>::Base as Arithmetic<Op, <Right as Field>::Base>>::Output,
    >;

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident $engine:ident;)*) => {$(
        impl<P: Path, H: Hop, T: Field, K, R: Term<P::Root>> ops::$trait<R> for Col<P, H, T, K>
        where
            <Seen<P, T> as Field>::Base: Arithmetic<operator::$op, <R::T as Field>::Base>,
        {
            type Output = Expr<P::Root, Combined<operator::$op, Seen<P, T>, R::T>>;
            fn $method(self, right: R) -> Self::Output {
                arithmetic(algebra::Arithmetic::$engine, self.node(), right.into_node())
            }
        }

        operators!(@tree $trait $method $op $engine, Expr);
        operators!(@tree $trait $method $op $engine, Aggregate);
    )*};
    (@tree $trait:ident $method:ident $op:ident $engine:ident, $type:ident) => {
        impl<M, T: Field, K, R: Term<M>> ops::$trait<R> for $type<M, T, K>
        where
            T::Base: Arithmetic<operator::$op, <R::T as Field>::Base>,
        {
            type Output = Expr<M, Combined<operator::$op, T, R::T>>;
            fn $method(self, right: R) -> Self::Output {
                arithmetic(algebra::Arithmetic::$engine, self.into_node(), right.into_node())
            }
        }

        impl<M, T: Field, K, R: Term<M>> ops::$trait<R> for &$type<M, T, K>
        where
            T::Base: Arithmetic<operator::$op, <R::T as Field>::Base>,
        {
            type Output = Expr<M, Combined<operator::$op, T, R::T>>;
            fn $method(self, right: R) -> Self::Output {
                arithmetic(algebra::Arithmetic::$engine, self.node().clone(), right.into_node())
            }
        }
    };
}

operators! {
    Add add Plus Add;
    Sub sub Minus Subtract;
    Mul mul Times Multiply;
    Div div Over Divide;
    Rem rem Modulo Modulo;
}

fn arithmetic<M, T: Field>(operator: algebra::Arithmetic, left: Node, right: Node) -> Expr<M, T> {
    Expr::new(Node::call(Operator::Arithmetic(operator), [left, right]))
}

impl<P: Path, H: Hop, T: Field, K> ops::Neg for Col<P, H, T, K> {
    type Output = Expr<P::Root, Seen<P, T>>;
    fn neg(self) -> Self::Output {
        Expr::new(Node::call(Operator::Negate, [self.node()]))
    }
}

impl<M, T: Field, K> ops::Neg for Expr<M, T, K> {
    type Output = Expr<M, T, K>;
    fn neg(self) -> Self::Output {
        Expr::new(Node::call(Operator::Negate, [self.into_node()]))
    }
}
