//! Scalar functions.
//!
//! What has one subject is a method of columns and expressions: `Post::title.lower()`, `Post::sale.coalesce(0)`. Its
//! arguments are values or expressions, and if one of them can be NULL, so can the result.
//! What treats its arguments alike is a function of a tuple: `concat((Post::first, " ", Post::last))`.
//! What the engine can compute and has no name here is called through [`func`].
//!
//! Order of reading: this file (what has arguments of any type); [`text`], [`number`], [`time`], [`json`].

pub mod json;
pub mod number;
pub mod text;
pub mod time;

use std::sync::atomic::{AtomicU64, Ordering};

use nuages_engine::algebra::{Function, MathFunction};
use rust_decimal::Decimal;

pub use nuages_engine::algebra::{DatePart, DateUnit};

pub use self::json::{Members, json_array, json_object};

use super::operand::Seen;
use super::{Expr, Operand, Term};
use crate::error::Misuse;
use crate::field::{DateTime, Email, Field, Slug, StoredFile, StoredImage, Url};
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Nullability, Path};

/// A value of type `To` that is NULL where one of type `From` is.
pub type Like<From, To> = <<From as Field>::Null as Nullability>::Wrap<To>;

/// A value of type `Out` that is NULL also where one of type `Argument` is.
pub type Joint<Out, Argument> =
    <<<Out as Field>::Null as Nullability>::Or<<Argument as Field>::Null> as Nullability>::Wrap<
        <Out as Field>::Base,
    >;

/// Writes the methods of a class twice: for columns, whose type depends on their path, and for expressions. Each comes
/// with an example, which is tested.
macro_rules! methods {
    ($class:ident in $setup:literal { $(
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $generic:ident = $type:ty),*) -> $output:tt = $call:expr, $example:literal;
    )* }) => {
        impl<P: Path, H: Hop, T: Field> Col<P, H, T, class::$class> {$(
            $(#[$doc])*
            ///
            #[doc = concat!("```\nuse nuages::prelude::*;\n", $setup, "assert_eq!(", $example, ");\n# Ok::<(), Error>(())\n```")]
            pub fn $name<$($generic: Term<P::Root> + Operand<$type, P::Root>),*>(
                self,
                $($argument: $generic),*
            ) -> Expr<P::Root, methods!(@joint P::Root, { methods!(@type $output, Seen<P, T>) } $($generic)*)> {
                let function: fn(Node, $(methods!(@node $generic)),*) -> Node = $call;
                Expr::new(function(self.node(), $(Term::into_node($argument)),*))
            }
        )*}

        impl<M, T: Field> Expr<M, T, class::$class> {$(
            $(#[$doc])*
            ///
            #[doc = concat!("```\nuse nuages::prelude::*;\n", $setup, "assert_eq!(", $example, ");\n# Ok::<(), Error>(())\n```")]
            pub fn $name<$($generic: Term<M> + Operand<$type, M>),*>(
                &self,
                $($argument: $generic),*
            ) -> Expr<M, methods!(@joint M, { methods!(@type $output, T) } $($generic)*)> {
                let function: fn(Node, $(methods!(@node $generic)),*) -> Node = $call;
                Expr::new(function(self.node().clone(), $(Term::into_node($argument)),*))
            }
        )*}
    };
    (@type Same, $from:ty) => { $from };
    (@type [$to:ty], $from:ty) => { Like<$from, $to> };
    (@joint $root:ty, { $out:ty }) => { $out };
    (@joint $root:ty, { $out:ty } $first:ident $($rest:ident)*) => {
        methods!(@joint $root, { Joint<$out, <$first as Term<$root>>::T> } $($rest)*)
    };
    (@node $generic:ident) => { Node };
}
use methods;

/// An argument that must not be less than `least`. Only a constant is known before the query runs.
fn at_least(call: &'static str, argument: &'static str, least: i64, node: Node) -> Node {
    match node {
        Node::Value(nuages_storage::Value::Int(given)) if given < least => {
            Node::misuse(Misuse::BelowLeast { call, argument, least, given })
        }
        node => node,
    }
}

/// The call of a function of arguments that are alike, at least two.
fn of_several<M, T: Field>(call: &'static str, function: Function, nodes: Vec<Node>) -> Expr<M, T> {
    Expr::new(match nodes.len() {
        0 | 1 => Node::misuse(Misuse::TooFew { call, least: 2, given: nodes.len() }),
        _ => Node::Call(Operator::Function(function), nodes.into()),
    })
}

/// What a column and an expression of any type have alike. `$left` is the type that decides what may stand in its
/// stead.
macro_rules! of_any {
    ([$($generics:tt)*] $type:ty, $seen:ty, $root:ty, |$self:ident| $node:expr) => {
        impl<$($generics)*> $type {
            /// The value, or `other` where it is NULL.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub price: i64, pub sale: Option<i64> }
            /// let price: Expr<Item, i64> = Item::sale.coalesce(Item::price);
            /// ```
            pub fn coalesce<V: Term<$root> + Operand<T::Base, $root>>(
                &$self,
                other: V,
            ) -> Expr<$root, Like<V::T, T::Base>> {
                Expr::new(Node::call(Operator::Function(Function::Coalesce), [$node, Term::into_node(other)]))
            }

            /// NULL where the value is `other`.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub name: String }
            /// let name: Expr<Item, Option<String>> = Item::name.null_if("");
            /// ```
            pub fn null_if(&$self, other: impl Operand<T::Base, $root>) -> Expr<$root, Option<T::Base>> {
                Expr::new(Node::call(Operator::Function(Function::NullIf), [$node, other.into_node()]))
            }

            /// The value as another type, printed or parsed as text where needed; numbers are rounded as PostgreSQL
            /// does. A text that is no such value is an error of the verb.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub number: String }
            /// let number: Expr<Item, i64> = Item::number.cast::<i64>();
            /// ```
            pub fn cast<To: Field>(&$self) -> Expr<$root, Like<$seen, To>> {
                Expr::new(Node::call(Operator::Cast(To::DATA_TYPE), [$node]))
            }

            /// The same value, read as another type: Django's `output_field`. Nothing is converted; what `To` cannot
            /// hold is an error of the verb.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub home: Url }
            /// let text: Expr<Item, String> = Item::home.output::<String>();
            /// ```
            pub fn output<To: Field>(&$self) -> Expr<$root, To> {
                Expr::new($node)
            }

            /// The text ordered and compared by other rules: Django's `Collate`. What it is selected as stays the same.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// use nuages::expression::function::Collation;
            /// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub name: String }
            /// let _ = Item::objects().order_by(Item::name.collate(Collation::NoCase));
            /// ```
            pub fn collate(&$self, collation: Collation) -> Expr<$root, $seen>
            where
                T: Field<Class = super::class::Text>,
            {
                match collation {
                    Collation::Binary => Expr::new($node),
                    Collation::NoCase => Expr::new(Node::call(Operator::NoCase, [$node])),
                }
            }
        }
    };
}

of_any!([P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, Seen<P, T>, P::Root, |self| self.node());
of_any!([M, T: Field, K] Expr<M, T, K>, T, M, |self| self.node().clone());

/// How texts are ordered and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collation {
    /// By their characters, as without a collation.
    Binary,
    /// Ignoring case.
    NoCase,
}

/// Arguments of one function: a tuple of terms, or a single column, relation or expression.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of expressions over `{M}`",
    label = "expected a column, an expression or a tuple of them"
)]
pub trait Terms<M> {
    /// The trees.
    fn into_nodes(self) -> Vec<Node>;
}

/// Terms that can stand for each other: each can be compared with the first, and read as one of its type.
#[diagnostic::on_unimplemented(
    message = "the expressions of `{Self}` do not go together",
    label = "expected a tuple of expressions over `{M}` that can be compared with the first"
)]
pub trait Alike<M>: Terms<M> {
    /// The type of the first.
    type First: Field;
    /// The type of the last.
    type Last: Field;
    /// The type of the first, NULL only where all are.
    type Any: Field;

    /// Whether they are columns of several types.
    fn is_mixed() -> bool;
}

/// Values that can be read as ones of type `T`, the type of the first of several alternatives: a whole number as a
/// decimal, and not a decimal as a whole number.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be read as a `{T}`, which the first of these expressions is",
    label = "put the widest type first, or `.cast::<{T}>()` this one"
)]
pub trait ReadAs<T> {}
impl<T> ReadAs<T> for T {}

macro_rules! read_as {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        #[diagnostic::do_not_recommend]
        impl ReadAs<$to> for $from {}
    )*)*};
}

read_as! {
    i16 => i32 i64 u8 u16 u32 u64 Decimal f32 f64;
    i32 => i16 i64 u8 u16 u32 u64 Decimal f32 f64;
    i64 => i16 i32 u8 u16 u32 u64 Decimal f32 f64;
    u8 => i16 i32 i64 u16 u32 u64 Decimal f32 f64;
    u16 => i16 i32 i64 u8 u32 u64 Decimal f32 f64;
    u32 => i16 i32 i64 u8 u16 u64 Decimal f32 f64;
    u64 => i16 i32 i64 u8 u16 u32 Decimal f32 f64;
    Decimal => f32 f64;
    f32 => f64 Decimal;
    f64 => f32 Decimal;
    String => Slug Email Url StoredFile StoredImage;
    Slug => String Email Url StoredFile StoredImage;
    Email => String Slug Url StoredFile StoredImage;
    Url => String Slug Email StoredFile StoredImage;
    StoredFile => String Slug Email Url StoredImage;
    StoredImage => String Slug Email Url StoredFile;
}

macro_rules! terms {
    ($($first:ident $($rest:ident)*;)*) => {$(
        impl<M, $first: Term<M>, $($rest: Term<M>),*> Terms<M> for ($first, $($rest,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_nodes(self) -> Vec<Node> {
                let ($first, $($rest,)*) = self;
                vec![$first.into_node(), $(Term::into_node($rest)),*]
            }
        }

        impl<M, $first: Term<M>, $($rest),*> Alike<M> for ($first, $($rest,)*)
        where
            $($rest: Term<M, T: Field<Base: ReadAs<<$first::T as Field>::Base>>>
                + Operand<<$first::T as Field>::Base, M>,)*
        {
            type First = $first::T;
            type Last = terms!(@last $first $($rest)*);
            type Any = <terms!(@null $first $($rest)*) as Nullability>::Wrap<<$first::T as Field>::Base>;

            fn is_mixed() -> bool {
                false $(|| <$rest::T as Field>::DATA_TYPE != <$first::T as Field>::DATA_TYPE)*
            }
        }
    )*};
    (@null $only:ident) => { <$only::T as Field>::Null };
    (@null $first:ident $($rest:ident)+) => {
        <<$first::T as Field>::Null as Nullability>::And<terms!(@null $($rest)+)>
    };
    (@last $only:ident) => { $only::T };
    (@last $first:ident $($rest:ident)+) => { terms!(@last $($rest)+) };
}
crate::row::for_tuples!(terms);

/// No argument.
#[diagnostic::do_not_recommend]
impl<M> Terms<M> for () {
    fn into_nodes(self) -> Vec<Node> {
        Vec::new()
    }
}

macro_rules! single {
    ($([$($generics:tt)*] $type:ty, $root:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Terms<$root> for $type {
            fn into_nodes(self) -> Vec<Node> {
                vec![Term::<$root>::into_node(self)]
            }
        }
    )*};
}

single! {
    [P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, P::Root;
    [P: Path, H: Hop, R: crate::model::Model<Pk: Field>] crate::path::Rel<P, H, R>, P::Root;
    [M, T: Field, K] Expr<M, T, K>, M;
    [M, T: Field, K] &Expr<M, T, K>, M;
    [M, T: Field, K] super::Aggregate<M, T, K>, M;
    [M, T: Field, K] &super::Aggregate<M, T, K>, M;
}

/// The text forms of all arguments, one after the other; NULL counts as the empty text.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub first: String, pub last: Option<String> }
/// let name: Expr<User, String> = concat((User::first, " ", User::last, " #", User::id));
/// ```
pub fn concat<M>(parts: impl Terms<M>) -> Expr<M, String> {
    of_several("concat", Function::Concat, parts.into_nodes())
}

/// The first argument that is not NULL.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub nick: Option<String>, pub last: Option<String> }
/// let name: Expr<User, String> = coalesce((User::nick, User::last, "nobody"));
/// ```
pub fn coalesce<M, A: Alike<M>>(arguments: A) -> Expr<M, Like<A::Last, <A::First as Field>::Base>> {
    alike::<M, A, _>("coalesce", Function::Coalesce, arguments)
}

/// The greatest argument that is not NULL. It has the type of the first, so that the widest stands first.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub written: DateTime, pub changed: Option<DateTime> }
/// let touched: Expr<Post, DateTime> = greatest((Post::written, Post::changed));
/// ```
pub fn greatest<M, A: Alike<M>>(arguments: A) -> Expr<M, A::Any> {
    alike::<M, A, _>("greatest", Function::Greatest, arguments)
}

/// The least argument that is not NULL. It has the type of the first, so that the widest stands first.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Item { pub id: Auto<i64>, pub price: i64, pub sale: Option<i64> }
/// let price: Expr<Item, i64> = least((Item::price, Item::sale));
/// ```
pub fn least<M, A: Alike<M>>(arguments: A) -> Expr<M, A::Any> {
    alike::<M, A, _>("least", Function::Least, arguments)
}

/// A function of arguments that stand for each other, read as a value of the first one's type.
fn alike<M, A: Alike<M>, T: Field>(call: &'static str, function: Function, arguments: A) -> Expr<M, T> {
    let value: Expr<M, T> = of_several(call, function, arguments.into_nodes());
    match A::is_mixed() {
        true => Expr::new(Node::call(Operator::Cast(A::First::DATA_TYPE), [value.into_node()])),
        false => value,
    }
}

/// The instant at which the statement began.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub publish_at: DateTime }
/// let _ = Post::objects().filter(Post::publish_at.lte(now()));
/// ```
pub fn now<M>() -> Expr<M, DateTime> {
    called(Function::Now, ())
}

/// A constant as an expression.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String }
/// let _ = Post::objects().annotate(value("post").named("kind"));
/// ```
pub fn value<M, V: Term<M>>(value: V) -> Expr<M, V::T> {
    Expr::new(value.into_node())
}

/// NULL, as a value of type `T`: Django's `Value(None, output_field=..)`.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::function::null;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String }
/// let nothing: Expr<Post, Option<String>> = null::<_, String>();
/// ```
pub fn null<M, T: Field>() -> Expr<M, Option<T::Base>> {
    let null = Node::Value(nuages_storage::Value::Null);
    Expr::new(Node::call(Operator::Cast(T::DATA_TYPE), [null]))
}

/// The ratio of a circle's circumference to its diameter.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::function::pi;
/// # #[derive(Model, Clone)] pub struct Disc { pub id: Auto<i64>, pub radius: f64 }
/// let area = pi() * Disc::radius * Disc::radius;
/// let _ = Disc::objects().order_by(&area);
/// ```
pub fn pi<M>() -> Expr<M, f64> {
    called(Function::Math(MathFunction::Pi), ())
}

/// A number from 0 to below 1, another in every row. Two calls are two expressions. One that is annotated is drawn once
/// for each row: the value, the order and the conditions of the queryset agree. Anywhere else it is drawn where it
/// stands, and so it is by the parts of a queryset of groups.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::function::random;
/// # #[derive(Model, Clone)] pub struct Quote { pub id: Auto<i64>, pub text: String }
/// let any = Quote::objects().order_by(random()).slice(..1);
/// ```
pub fn random<M>() -> Expr<M, f64> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    Expr::new(Node::call(Operator::Random(CALLS.fetch_add(1, Ordering::Relaxed)), []))
}

/// The call of a function of the engine by its name in SQL, for what has no method here: a function of one's own is a
/// function of Rust that returns it. Arguments are counted and their types checked when the verb compiles the query;
/// the result is read as `T`. A name that is none is an error of the verb.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::{Term, function::func};
/// # #[derive(Model, Clone)] pub struct Name { pub id: Auto<i64>, pub text: String }
/// # let db = App::new().models(Name::app()).open_memory()?;
/// # Name::objects().create(new!(Name { text: "miles davis" }), &db)?;
/// fn initcap<M>(text: impl Term<M>) -> Expr<M, String> {
///     func("initcap", (text,))
/// }
/// assert_eq!(Name::objects().values_list(initcap(Name::text)).all(&db)?, ["Miles Davis"]);
/// # Ok::<(), Error>(())
/// ```
pub fn func<M, T: Field>(name: &'static str, arguments: impl Terms<M>) -> Expr<M, T> {
    match Function::named(name) {
        Some(function) => called(function, arguments),
        None => Expr::new(Node::misuse(Misuse::UnknownFunction { name })),
    }
}

fn called<M, T: Field>(function: Function, arguments: impl Terms<M>) -> Expr<M, T> {
    Expr::new(Node::Call(Operator::Function(function), arguments.into_nodes().into()))
}
