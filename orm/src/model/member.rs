//! What the type of a field decides.

use nuages_storage::Value;

use crate::field::{DecodeError, Field, RowReader, RowWriter, ValueRow};
use crate::meta::{Choice, FieldKind, FieldMeta, ModelMeta, TextFormat};
use crate::model::obligation::NoAttribute;
use crate::model::{Accessor, FieldVisitor, Model};
use crate::path::{Cardinality, Col, Hop, NotNull, Nullability, One, Path, Token};
use crate::relation::OwnerKey;

/// What may stand in a model: the type of a column, or a relation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a model",
    label = "neither a value nor a relation",
    note = "fields are numbers, text, times, `Uuid`, `Json`, enums with `derive(Choices)`, `Option`s of them, and \
            `ForeignKey`, `OneToOne`, `ManyToMany`, `Related`, `RelatedOne`, `GenericForeignKey`"
)]
pub trait Member: Clone + Send + Sync + 'static {
    /// What stands for the field in expressions.
    type Token<P: Path, H: Hop>: Token;
    /// Whether the other side of the relation may be missing.
    type Null: Nullability;
    /// How many rows are on the other side of the relation.
    type Card: Cardinality;
    /// How many rows are on this side, seen from the other.
    type Back: Cardinality;
    /// The primary key that a field of this type makes.
    type Key;
    /// Which attribute a field of this type needs.
    type Attribute;
    /// A field as its type alone describes it; its name is still to be given.
    const DESCRIPTION: FieldMeta = FieldMeta::of::<Self>();
    /// What it is.
    const KIND: FieldKind;
    /// Whether it may be NULL.
    const NULL: bool;
    /// Whether the database fills it when it is unset.
    const AUTO: bool = false;
    /// Whether negative numbers are refused.
    const UNSIGNED: Option<i64> = None;
    /// What its text must look like.
    const FORMAT: TextFormat = TextFormat::Any;
    /// The only values it may have.
    const CHOICES: Option<&'static [Choice]> = None;
    /// Whether `new!` may leave it out.
    const OPTIONAL: bool;
    /// Whether it must be bound to the key of its row.
    const BINDS: bool = false;
    /// Whether it is a value in a column, and no relation.
    const IS_VALUE: bool = false;

    /// The value of a field that was not written; none if it must be.
    fn unset() -> Option<Self>;

    /// The primary key it makes, if it is set.
    fn key(&self) -> Option<Self::Key>;

    /// Binds a relation to the key of its row.
    fn bind(&mut self, _model: &'static ModelMeta, _field: u16, _key: &OwnerKey) {}

    /// Writes the column, if there is one.
    fn encode<W: RowWriter>(&self, row: &mut W, column: usize);

    /// Reads the column, if there is one.
    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError>;

    /// The value of the column as the engine sees it; NULL if there is none, or it is unset.
    fn column_value(&self) -> Value {
        Value::Null
    }

    /// Takes over the value of the column, if there is one. A key of another row than before forgets the row.
    ///
    /// # Errors
    /// [`DecodeError`] for a value that the type does not know.
    fn set_column(&mut self, _value: &Value) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Whether the row is in the database, if the field remembers.
    fn stored(&self) -> Option<bool> {
        None
    }

    /// Remembers whether the row is in the database, if the field can.
    fn set_stored(&mut self, _stored: bool) {}

    /// Unsets a column that may be unset.
    fn unset_column(&mut self) {}

    /// Calls the method of the visitor that is made for this type.
    fn accept<M: Model, V: FieldVisitor<M>>(field: Accessor<M, Self>, visitor: V) -> V::Output;
}

/// The bare key that a field of type `T` holds, an `Option` if the field is one: the type of `author_id`.
pub type KeyOf<T> = <<T as Member>::Null as Nullability>::Wrap<<T as Member>::Key>;

/// The value of a field as the engine sees it; NULL if it has no column.
pub fn member_value<T: Member>(member: &T) -> Value {
    let mut row = ValueRow::default();
    member.encode(&mut row, 0);
    row.into_value()
}

#[diagnostic::do_not_recommend]
impl<T: Field> Member for T {
    type Token<P: Path, H: Hop> = Col<P, H, T, T::Class>;
    type Null = NotNull;
    type Card = One;
    type Back = One;
    type Key = T::Base;
    type Attribute = NoAttribute;
    const KIND: FieldKind = FieldKind::Column(T::DATA_TYPE);
    const NULL: bool = <T as Field>::NULL;
    const AUTO: bool = <T as Field>::AUTO;
    const UNSIGNED: Option<i64> = <T as Field>::UNSIGNED;
    const FORMAT: TextFormat = <T as Field>::FORMAT;
    const CHOICES: Option<&'static [Choice]> = <T as Field>::CHOICES;
    const OPTIONAL: bool = <T as Field>::NULL || <T as Field>::AUTO;
    const IS_VALUE: bool = true;

    fn unset() -> Option<Self> {
        <T as Field>::unset()
    }

    fn key(&self) -> Option<T::Base> {
        self.base().cloned()
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        Field::encode(self, row, column);
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
        <T as Field>::decode(row, column)
    }

    fn column_value(&self) -> Value {
        self.to_value()
    }

    fn set_column(&mut self, value: &Value) -> Result<(), DecodeError> {
        *self = T::from_value(value)?;
        Ok(())
    }

    fn stored(&self) -> Option<bool> {
        self.is_stored()
    }

    fn set_stored(&mut self, stored: bool) {
        self.mark_stored(stored);
    }

    fn unset_column(&mut self) {
        if let Some(unset) = <T as Field>::unset() {
            *self = unset;
        }
    }

    fn accept<M: Model, V: FieldVisitor<M>>(_: Accessor<M, Self>, visitor: V) -> V::Output {
        visitor.column()
    }
}
