//! `+ - * / %` between expressions, with a table of result types; powers and operations on bits as methods.
//!
//! | | integer | decimal | double |
//! |---|---|---|---|
//! | **integer** | `i64` | decimal | double |
//! | **decimal** | decimal | decimal | double |
//! | **double** | double | double | double |
//!
//! Integers have any width. `/` between integers truncates, and `%` has the sign of the dividend, as in Rust and SQL.
//! Days, times of day, instants and durations combine as one expects: a difference is a [`Duration`], which can be
//! added, taken away, multiplied and divided. If a side can be NULL, so can the result.

use std::ops;

use nuages_engine::algebra;
use rust_decimal::Decimal;

use super::class::Number;
use super::operand::Seen;
use super::{Aggregate, Expr, Term};
use crate::field::{Date, DateTime, Duration, Field, Time};
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
    /// `pow`
    pub struct Power;
    /// `bitand`
    pub struct And;
    /// `bitor`
    pub struct Or;
    /// `bitxor`
    pub struct Xor;
    /// `bitleftshift`
    pub struct ShiftLeft;
    /// `bitrightshift`
    pub struct ShiftRight;
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
numbers!(Plus Minus Times Over Modulo Power);

/// The table for operators of integers alone.
macro_rules! integers {
    ($($op:ident)*) => {$(
        integers!(@pairs $op [i16 i32 i64 u8 u16 u32 u64] [i16 i32 i64 u8 u16 u32 u64]);
    )*};
    (@pairs $op:ident [$($left:ty)*] $right:tt) => {
        $(numbers!(@row $op $left, $right);)*
    };
}
integers!(And Or Xor ShiftLeft ShiftRight);

/// Lengths of time, some number of times.
macro_rules! durations {
    ($($number:ty)*) => {
        table! { $(
            Duration, Times, $number => Duration;
            $number, Times, Duration => Duration;
            Duration, Over, $number => Duration;
        )* }
    };
}
durations!(i16 i32 i64 u8 u16 u32 u64 f32 f64 Decimal);

table! {
    DateTime, Minus, DateTime => Duration;
    DateTime, Minus, Duration => DateTime;
    DateTime, Plus, Duration => DateTime;
    Duration, Plus, DateTime => DateTime;
    Duration, Plus, Duration => Duration;
    Duration, Minus, Duration => Duration;
    Date, Minus, Date => Duration;
    Date, Plus, Duration => DateTime;
    Date, Minus, Duration => DateTime;
    Duration, Plus, Date => DateTime;
    Time, Minus, Time => Duration;
    Time, Plus, Duration => Time;
    Time, Minus, Duration => Time;
    Duration, Plus, Time => Time;
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

/// Operators that Rust has no sign for between these, as methods.
macro_rules! named_operators {
    ($($(#[$doc:meta])* $method:ident $op:ident $engine:ident;)*) => {
        named_operators!(@on [P: Path, H: Hop, T: Field] Col<P, H, T, Number>, Seen<P, T>, P::Root, |self| self.node();
            $($(#[$doc])* $method $op $engine;)*);
        named_operators!(@on [M, T: Field] Expr<M, T, Number>, T, M, |self| self.node().clone();
            $($(#[$doc])* $method $op $engine;)*);
    };
    (@on $generics:tt $type:ty, $seen:ty, $root:ty, |$self:ident| $node:expr; $($(#[$doc:meta])* $method:ident $op:ident $engine:ident;)*) => {$(
        named_operators!(@one $generics $type, $seen, $root, |$self| $node; $(#[$doc])* $method $op $engine);
    )*};
    (@one [$($generics:tt)*] $type:ty, $seen:ty, $root:ty, |$self:ident| $node:expr; $(#[$doc:meta])* $method:ident $op:ident $engine:ident) => {
        impl<$($generics)*> $type {
            $(#[$doc])*
            pub fn $method<R: Term<$root>>(&$self, right: R) -> Expr<$root, Combined<operator::$op, $seen, R::T>>
            where
                <$seen as Field>::Base: Arithmetic<operator::$op, <R::T as Field>::Base>,
            {
                let made: Expr<$root, _> = arithmetic(algebra::Arithmetic::$engine, $node, right.into_node());
                exact(algebra::Arithmetic::$engine, made)
            }
        }
    };
}

named_operators! {
    /// To the power of `right`: of integers an integer, computed in double precision and rounded. An error of the verb
    /// if it does not fit.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Disc { pub id: Auto<i64>, pub level: i32 }
    /// let size: Expr<Disc, i64> = value(2).pow(Disc::level);
    /// ```
    pow Power Power;
    /// The bits that both have.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct File { pub id: Auto<i64>, pub mode: u32 }
    /// let _ = File::objects().filter(File::mode.bitand(0o400).gt(0));
    /// ```
    bitand And BitAnd;
    /// The bits that either has.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct File { pub id: Auto<i64>, pub mode: u32 }
    /// let readable: Expr<File, i64> = File::mode.bitor(0o444);
    /// ```
    bitor Or BitOr;
    /// The bits that one of them has.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct File { pub id: Auto<i64>, pub mode: u32 }
    /// let flipped: Expr<File, i64> = File::mode.bitxor(0o777);
    /// ```
    bitxor Xor BitXor;
    /// The bits moved to the left.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct File { pub id: Auto<i64>, pub mode: u32 }
    /// let owner: Expr<File, i64> = File::mode.bitleftshift(6);
    /// ```
    bitleftshift ShiftLeft ShiftLeft;
    /// The bits moved to the right.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct File { pub id: Auto<i64>, pub mode: u32 }
    /// let owner: Expr<File, i64> = File::mode.bitrightshift(6);
    /// ```
    bitrightshift ShiftRight ShiftRight;
}

/// A power has the type of its table and not the engine's double.
fn exact<M, T: Field>(operator: algebra::Arithmetic, made: Expr<M, T>) -> Expr<M, T> {
    match operator {
        algebra::Arithmetic::Power if T::DATA_TYPE != f64::DATA_TYPE => {
            Expr::new(Node::call(Operator::Cast(T::DATA_TYPE), [made.into_node()]))
        }
        _ => made,
    }
}
