//! Scalar functions.
//!
//! What has one subject is a method of columns and expressions: `Post::title.lower()`, `Post::sale.coalesce(0)`.
//! What treats its arguments alike is a function of a tuple: `concat((Post::first, " ", Post::last))`.

use nuages_engine::algebra::Function;

pub use nuages_engine::algebra::DateUnit;

use super::operand::Seen;
use super::{Expr, Operand, Term, class};
use crate::field::{DateTime, Field};
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Nullability, Path};

/// The call of a function.
fn call<M, T: Field, const N: usize>(function: Function, arguments: [Node; N]) -> Expr<M, T> {
    Expr::new(Node::call(Operator::Function(function), arguments))
}

/// A value of type `To` that is NULL where one of type `From` is.
type Like<From, To> = <<From as Field>::Null as Nullability>::Wrap<To>;

/// Writes the methods twice: for columns, whose type depends on their path, and for expressions.
macro_rules! methods {
    ($($class:tt { $(
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty),*) -> $output:tt = $call:expr;
    )* })*) => {$(
        methods! { @col $class $( $(#[$doc])* $name($($argument: $type),*) -> $output = $call; )* }
        methods! { @expr $class $( $(#[$doc])* $name($($argument: $type),*) -> $output = $call; )* }
    )*};
    (@col $class:ident $( $(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:tt = $call:expr; )*) => {
        impl<P: Path, H: Hop, T: Field> Col<P, H, T, class::$class> {
            $( $(#[$doc])*
            pub fn $name(self, $($argument: $type),*) -> Expr<P::Root, methods!(@type $output, Seen<P, T>)> {
                let function: fn(Node, $($type),*) -> _ = $call;
                function(self.node(), $($argument),*)
            } )*
        }
    };
    (@expr $class:ident $( $(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:tt = $call:expr; )*) => {
        impl<M, T: Field> Expr<M, T, class::$class> {
            $( $(#[$doc])*
            pub fn $name(&self, $($argument: $type),*) -> Expr<M, methods!(@type $output, T)> {
                let function: fn(Node, $($type),*) -> _ = $call;
                function(self.node().clone(), $($argument),*)
            } )*
        }
    };
    (@type Same, $from:ty) => { $from };
    (@type [$to:ty], $from:ty) => { Like<$from, $to> };
}

methods! {
    Text {
        /// Lower case.
        lower() -> Same = |text| call(Function::Lower, [text]);
        /// Upper case.
        upper() -> Same = |text| call(Function::Upper, [text]);
        /// The number of characters.
        length() -> [i64] = |text| call(Function::Length, [text]);
        /// Without white space at its ends.
        trim() -> Same = |text| call(Function::Trim, [text]);
        /// Without white space at its beginning.
        trim_start() -> Same = |text| call(Function::TrimLeft, [text]);
        /// Without white space at its end.
        trim_end() -> Same = |text| call(Function::TrimRight, [text]);
        /// The characters in reverse.
        reversed() -> Same = |text| call(Function::Reverse, [text]);
        /// The first `count` characters.
        left(count: u32) -> Same = |text, count| call(Function::Left, [text, integer(count)]);
        /// The last `count` characters.
        right(count: u32) -> Same = |text, count| call(Function::Right, [text, integer(count)]);
        /// `count` characters from the `start`th, which is counted from 1.
        substr(start: u32, count: u32) -> Same = |text, start, count| call(Function::Substring, [text, integer(start), integer(count)]);
        /// With every `from` replaced by `to`.
        replaced(from: &str, to: &str) -> Same = |text, from, to| call(Function::Replace, [text, constant(from), constant(to)]);
        /// Where `part` begins, counted from 1; 0 if it does not occur.
        position(part: &str) -> [i64] = |text, part| call(Function::Position, [text, constant(part)]);
    }
    Number {
        /// The absolute value.
        abs() -> Same = |number| call(Function::Abs, [number]);
        /// The least integer not below.
        ceil() -> Same = |number| call(Function::Ceiling, [number]);
        /// The greatest integer not above.
        floor() -> Same = |number| call(Function::Floor, [number]);
        /// Rounded to `digits` after the point, half away from zero.
        round(digits: i32) -> Same = |number, digits| call(Function::Round, [number, Node::Value(i64::from(digits).into())]);
        /// -1, 0 or 1.
        sign() -> Same = |number| call(Function::Sign, [number]);
        /// The square root.
        sqrt() -> [f64] = |number| call(Function::SquareRoot, [number]);
    }
    Day {
        /// The first of the year, month, ..; the week begins on Monday.
        truncate(unit: DateUnit) -> Same = |date, unit| Expr::new(Node::call(Operator::Truncate(unit), [date]));
    }
    Instant {
        /// The beginning of the year, month, .., in the executor's time zone; the week begins on Monday.
        truncate(unit: DateUnit) -> Same = |instant, unit| Expr::new(Node::call(Operator::Truncate(unit), [instant]));
    }
}

fn integer(number: u32) -> Node {
    Node::Value(i64::from(number).into())
}

fn constant(text: &str) -> Node {
    Node::Value(text.into())
}

impl<P: Path, H: Hop, T: Field, K> Col<P, H, T, K> {
    /// The value, or `other` where it is NULL.
    pub fn coalesce<V: Term<P::Root> + Operand<T::Base, P::Root>>(
        self,
        other: V,
    ) -> Expr<P::Root, Like<V::T, T::Base>> {
        call(Function::Coalesce, [self.node(), Term::into_node(other)])
    }

    /// NULL where the value is `other`.
    pub fn null_if(self, other: impl Operand<T::Base, P::Root>) -> Expr<P::Root, Option<T::Base>> {
        call(Function::NullIf, [self.node(), other.into_node()])
    }

    /// The value as another type, printed or parsed as text where needed.
    pub fn cast<To: Field>(self) -> Expr<P::Root, Like<Seen<P, T>, To>> {
        Expr::new(Node::call(Operator::Cast(To::DATA_TYPE), [self.node()]))
    }
}

impl<M, T: Field, K> Expr<M, T, K> {
    /// The value, or `other` where it is NULL.
    pub fn coalesce<V: Term<M> + Operand<T::Base, M>>(&self, other: V) -> Expr<M, Like<V::T, T::Base>> {
        call(Function::Coalesce, [self.node().clone(), Term::into_node(other)])
    }

    /// NULL where the value is `other`.
    pub fn null_if(&self, other: impl Operand<T::Base, M>) -> Expr<M, Option<T::Base>> {
        call(Function::NullIf, [self.node().clone(), other.into_node()])
    }

    /// The value as another type, printed or parsed as text where needed.
    pub fn cast<To: Field>(&self) -> Expr<M, Like<T, To>> {
        Expr::new(Node::call(Operator::Cast(To::DATA_TYPE), [self.node().clone()]))
    }
}

/// Arguments of one function: a tuple of terms.
pub trait Terms<M> {
    /// The type of the first.
    type First: Field;
    /// The trees.
    fn into_nodes(self) -> Vec<Node>;
}

macro_rules! terms {
    ($($first:ident $($rest:ident)*;)*) => {$(
        impl<M, $first: Term<M>, $($rest: Term<M>),*> Terms<M> for ($first, $($rest,)*) {
            type First = $first::T;
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_nodes(self) -> Vec<Node> {
                let ($first, $($rest,)*) = self;
                vec![$first.into_node(), $($rest.into_node()),*]
            }
        }
    )*};
}

terms! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

/// The text forms of all arguments, one after the other; NULL counts as the empty text.
pub fn concat<M>(parts: impl Terms<M>) -> Expr<M, String> {
    Expr::new(Node::Call(Operator::Function(Function::Concat), parts.into_nodes().into()))
}

/// The greatest argument that is not NULL.
pub fn greatest<M, A: Terms<M>>(arguments: A) -> Expr<M, A::First> {
    Expr::new(Node::Call(Operator::Function(Function::Greatest), arguments.into_nodes().into()))
}

/// The least argument that is not NULL.
pub fn least<M, A: Terms<M>>(arguments: A) -> Expr<M, A::First> {
    Expr::new(Node::Call(Operator::Function(Function::Least), arguments.into_nodes().into()))
}

/// The instant at which the statement began.
pub fn now<M>() -> Expr<M, DateTime> {
    call(Function::Now, [])
}

/// A constant as an expression.
pub fn value<M, V: Term<M>>(value: V) -> Expr<M, V::T> {
    Expr::new(value.into_node())
}
