//! What may stand on the right of a lookup, and what may stand where a value is computed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nuages_storage::Value;
use rust_decimal::Decimal;

use super::{Aggregate, Expr};
use crate::error::Error;
use crate::field::{Auto, Email, Field, Slug, StoredFile, StoredImage, Url};
use crate::model::Model;
use crate::node::Node;
use crate::path::{Col, Hop, Nullability, Path, Rel};
use crate::relation::{ForeignKey, Forward, OneToOne};

/// What a value of type `T` can be compared with in a query over `M`: a value of the same type or one that means
/// the same, an `Option` of it, or an expression of the same class.
///
/// The type is `T` and not the class so that `eq(None)` needs no annotation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with a `{T}`",
    label = "not a `{T}`, nor an expression of its class over `{M}`"
)]
pub trait Operand<T, M> {
    /// The tree.
    fn into_node(self) -> Node;
}

/// What is computed from rows of `M` and knows its type: columns, expressions, constants.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an expression over `{M}`",
    label = "neither a column nor an expression of `{M}`, nor a constant"
)]
pub trait Term<M> {
    /// Its type.
    type T: Field;
    /// The tree.
    fn into_node(self) -> Node;
}

/// The classes that can be compared.
#[diagnostic::on_unimplemented(message = "values of the classes `{Self}` and `{Other}` cannot be compared")]
pub trait Comparable<Other> {}
impl<K> Comparable<K> for K {}

/// The type of a column as it is read through a path: an `Option` if it or the path can be NULL.
pub type Seen<P, T> =
    <<<P as Path>::Null as Nullability>::Or<<T as Field>::Null> as Nullability>::Wrap<<T as Field>::Base>;

// Constants.

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>, M> Operand<T, M> for T {
    fn into_node(self) -> Node {
        Node::Value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>, M> Operand<T, M> for &T {
    fn into_node(self) -> Node {
        Node::Value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field, M> Operand<T, M> for Option<T> {
    fn into_node(self) -> Node {
        Node::Value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>, M> Operand<T, M> for Auto<T> {
    fn into_node(self) -> Node {
        Node::Value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field<Base = T>, M> Term<M> for T {
    type T = T;
    fn into_node(self) -> Node {
        Node::Value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<M> Term<M> for &str {
    type T = String;
    fn into_node(self) -> Node {
        Node::Value(Value::Text(self.into()))
    }
}

/// Types that are compared with others as if they were of the other type.
macro_rules! alike {
    ($($right:ty => $($left:ty)*;)*) => {$($(
        #[diagnostic::do_not_recommend]
        impl<M> Operand<$left, M> for $right {
            fn into_node(self) -> Node {
                Node::Value(self.to_value())
            }
        }
    )*)*};
}

alike! {
    i16 => i32 i64 u8 u16 u32 u64 f32 f64 Decimal;
    i32 => i16 i64 u8 u16 u32 u64 f32 f64 Decimal;
    i64 => i16 i32 u8 u16 u32 u64 f32 f64 Decimal;
    u8 => i16 i32 i64 u16 u32 u64 f32 f64 Decimal;
    u16 => i16 i32 i64 u8 u32 u64 f32 f64 Decimal;
    u32 => i16 i32 i64 u8 u16 u64 f32 f64 Decimal;
    u64 => i16 i32 i64 u8 u16 u32 f32 f64 Decimal;
    f64 => i16 i32 i64 u8 u16 u32 u64 Decimal;
    Decimal => i16 i32 i64 u8 u16 u32 u64 f32 f64;
    String => Slug Email Url StoredFile StoredImage IpAddr Ipv4Addr Ipv6Addr;
    Slug => String;
    Email => String;
    Url => String;
    StoredFile => String;
    StoredImage => String;
    Ipv4Addr => IpAddr String;
    Ipv6Addr => IpAddr String;
    IpAddr => String;
}

macro_rules! text {
    ($($left:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M> Operand<$left, M> for &str {
            fn into_node(self) -> Node {
                Node::Value(Value::Text(self.into()))
            }
        }

        // What a slice of texts has: `is_in(["a", "b"].as_slice())`.
        #[diagnostic::do_not_recommend]
        impl<M> Operand<$left, M> for &&str {
            fn into_node(self) -> Node {
                Node::Value(Value::Text((*self).into()))
            }
        }
    )*};
}
text!(String Slug Email Url StoredFile StoredImage IpAddr Ipv4Addr Ipv6Addr);

// Columns and expressions, compared by class.

#[diagnostic::do_not_recommend]
impl<T: Field, P: Path, H: Hop, U: Field, K: Comparable<T::Class>> Operand<T, P::Root> for Col<P, H, U, K> {
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field, P: Path, H: Hop, R: Model<Pk: Field<Class: Comparable<T::Class>>>> Operand<T, P::Root>
    for Rel<P, H, R>
{
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop, T: Field, K> Term<P::Root> for Col<P, H, T, K> {
    type T = Seen<P, T>;
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path, H: Hop, R: Model<Pk: Field>> Term<P::Root> for Rel<P, H, R> {
    type T = Seen<crate::path::Via<P, H>, R::Pk>;
    fn into_node(self) -> Node {
        self.node()
    }
}

macro_rules! trees {
    ($($type:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: Field, M, U: Field, K: Comparable<T::Class>> Operand<T, M> for $type<M, U, K> {
            fn into_node(self) -> Node {
                self.into_node()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Field, M, U: Field, K: Comparable<T::Class>> Operand<T, M> for &$type<M, U, K> {
            fn into_node(self) -> Node {
                self.node().clone()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M, T: Field, K> Term<M> for $type<M, T, K> {
            type T = T;
            fn into_node(self) -> Node {
                self.into_node()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M, T: Field, K> Term<M> for &$type<M, T, K> {
            type T = T;
            fn into_node(self) -> Node {
                self.node().clone()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M, R: Model<Pk: Field>, U: Field, K> Operand<ForeignKey<R>, M> for $type<M, U, K>
        where
            K: Comparable<<R::Pk as Field>::Class>,
        {
            fn into_node(self) -> Node {
                self.into_node()
            }
        }
    )*};
}
trees!(Expr Aggregate);

// Keys: an instance, another key, a bare value.

/// The value a key is compared as. An instance without a key is a mistake that the verb tells.
fn key_node<R: Model>(key: Option<R::Pk>) -> Node {
    use crate::model::Key;
    match key.map(|key| key.values()) {
        Some(mut values) if values.len() == 1 => {
            values.pop().map_or_else(|| Node::Value(Value::Null), Node::Value)
        }
        _ => Node::misuse(Error::Unsaved { model: R::meta().name, wanted: "a comparison" }),
    }
}

#[diagnostic::do_not_recommend]
impl<R: Model, M> Operand<ForeignKey<R>, M> for &R {
    fn into_node(self) -> Node {
        key_node::<R>(self.pk())
    }
}

macro_rules! keys {
    ($($type:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<R: Model, M> Operand<ForeignKey<R>, M> for $type<R> {
            fn into_node(self) -> Node {
                key_node::<R>(self.key().cloned())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<R: Model, M> Operand<ForeignKey<R>, M> for &$type<R> {
            fn into_node(self) -> Node {
                key_node::<R>(self.key().cloned())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<R: Model, M> Operand<ForeignKey<R>, M> for &Option<$type<R>> {
            fn into_node(self) -> Node {
                self.as_key().map_or(Node::Value(Value::Null), |key| key_node::<R>(key.key().cloned()))
            }
        }
    )*};
}
keys!(ForeignKey OneToOne);

#[diagnostic::do_not_recommend]
impl<R: Model, M> Operand<ForeignKey<R>, M> for Option<ForeignKey<R>> {
    fn into_node(self) -> Node {
        <&Self as Operand<ForeignKey<R>, M>>::into_node(&self)
    }
}

/// Bare values as keys: whatever the key of the other model can be compared with.
macro_rules! bare {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<R: Model, M> Operand<ForeignKey<R>, M> for $type
        where
            $type: Operand<R::Pk, M>,
        {
            fn into_node(self) -> Node {
                <$type as Operand<R::Pk, M>>::into_node(self)
            }
        }
    )*};
}
bare!(i16 i32 i64 u8 u16 u32 u64 String Slug Email Url uuid::Uuid crate::field::Date);

#[diagnostic::do_not_recommend]
impl<'t, R: Model, M> Operand<ForeignKey<R>, M> for &'t str
where
    &'t str: Operand<R::Pk, M>,
{
    fn into_node(self) -> Node {
        <&'t str as Operand<R::Pk, M>>::into_node(self)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Model, M, T: Field<Base = T>> Operand<ForeignKey<R>, M> for Auto<T>
where
    Auto<T>: Operand<R::Pk, M>,
{
    fn into_node(self) -> Node {
        <Auto<T> as Operand<R::Pk, M>>::into_node(self)
    }
}

#[diagnostic::do_not_recommend]
impl<R: Model<Pk: Field>, P: Path, H: Hop, U: Field, K> Operand<ForeignKey<R>, P::Root> for Col<P, H, U, K>
where
    K: Comparable<<R::Pk as Field>::Class>,
{
    fn into_node(self) -> Node {
        self.node()
    }
}

#[diagnostic::do_not_recommend]
impl<R: Model, P: Path, H: Hop> Operand<ForeignKey<R>, P::Root> for Rel<P, H, R> {
    fn into_node(self) -> Node {
        self.node()
    }
}
