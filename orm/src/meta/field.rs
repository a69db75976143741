//! What a field is, as plain data.
//!
//! The derive writes `<String as Member>::DESCRIPTION.named("title", "title").max_length(200)`: what the *type* says
//! (its kind, whether it can be NULL, its choices) comes from the trait [`Member`], what the *attributes* say from the
//! setters. All of it runs at compile time.

use nuages_storage::{DataType, Value};

use super::MetaFn;
use crate::error::Result;
use crate::executor::Executor;
use crate::model::Member;
use crate::node::Node;
use crate::validate::Validator;

/// The description of a field.
#[derive(Clone, Copy, Debug)]
pub struct FieldMeta {
    /// Its name in the struct.
    pub name: &'static str,
    /// Its column's name: `author_id` for a key `author`. Of a field without a column, its name.
    pub column: &'static str,
    /// What it is.
    pub kind: FieldKind,
    /// Whether it may be NULL.
    pub null: bool,
    /// Whether forms accept it empty.
    pub blank: bool,
    /// Whether each value occurs once.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub db_index: bool,
    /// Whether it is the primary key or a part of it.
    pub primary_key: bool,
    /// Whether forms show it.
    pub editable: bool,
    /// Whether the database fills it when it is unset.
    pub auto: bool,
    /// If negative numbers are refused, the greatest one that is taken.
    pub unsigned: Option<i64>,
    /// What its text must look like.
    pub format: TextFormat,
    /// The value it has when none is given, made anew each time.
    pub default: Option<fn() -> Value>,
    /// The only values it may have.
    pub choices: Option<&'static [Choice]>,
    /// What else is asked of its values by validation.
    pub validators: Option<fn() -> &'static [Validator]>,
    /// Of which dates its value occurs once.
    pub unique_for: &'static [UniqueFor],
    /// The folder of the files that it names, with what of the present stands in it: `avatars/%Y/%m`.
    pub upload_to: Option<&'static str>,
    /// What the database writes where no value is given.
    pub db_default: Option<fn() -> Node>,
    /// What the database computes of the row's other columns.
    pub generated: Option<fn() -> Node>,
    /// Set to now by every save.
    pub auto_now: bool,
    /// Set to now by the first save.
    pub auto_now_add: bool,
    /// Its name for people.
    pub verbose_name: &'static str,
    /// A sentence for people who fill it.
    pub help_text: &'static str,
    /// What validation says in place of its own sentence, by code; `{value}` in it stands for the value.
    pub error_messages: &'static [(&'static str, &'static str)],
    /// What deleting the referenced row does; of a field that is no key it means nothing.
    pub on_delete: OnDelete,
    /// Whether a many-to-many relation of a model with itself holds both ways.
    pub symmetrical: bool,
    /// The two keys of the through model that lead here and there, if it has more than two.
    pub through_fields: Option<(&'static str, &'static str)>,
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// A value in a column.
    Column(DataType),
    /// A key of another row, in a column.
    ForeignKey {
        /// Of which model.
        target: MetaFn,
        /// Whether each row is referenced once (`OneToOne`).
        one: bool,
    },
    /// Rows of another model, through a third; no column.
    ManyToMany {
        /// The other model.
        target: MetaFn,
        /// The third, if it was declared; else it is made with the table.
        through: Option<MetaFn>,
    },
    /// The other side of a `ForeignKey`, `OneToOne` or `ManyToMany` of the child; no column.
    Reverse {
        /// The model that has the field.
        child: MetaFn,
        /// The field.
        field: fn() -> u16,
        /// Whether there is one child at most.
        one: bool,
    },
    /// A row of any model, by its content type and its key, which are the [two fields](FieldKind::generic_columns)
    /// after it; no column.
    Generic,
}

impl FieldKind {
    /// The fields of the content type and of the key of the generic key at a place.
    pub const fn generic_columns(field: u16) -> [u16; 2] {
        [field + 1, field + 2]
    }
}

/// What `on_delete = Set(function)` calls; the derive wraps the user's function, which returns a key or an instance.
pub type SetFn = fn(&dyn Executor) -> Result<Value>;

/// What happens to the rows that reference a deleted one.
#[derive(Clone, Copy, Debug)]
pub enum OnDelete {
    /// They are deleted too.
    Cascade,
    /// Their key becomes NULL.
    SetNull,
    /// Their key becomes the field's default.
    SetDefault,
    /// The deletion fails, whatever else is deleted.
    Protect,
    /// The deletion fails unless they are deleted with it for another reason.
    Restrict,
    /// Nothing: the foreign key is checked at commit.
    DoNothing,
    /// Their key becomes what a function returns, such as the key of a row that stands for deleted users.
    Set(SetFn),
    /// The engine alone deletes them: no signal, no count.
    DbCascade,
    /// The engine alone sets their key to NULL.
    DbSetNull,
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// Anything.
    #[default]
    Any,
    /// Letters, digits, hyphens and underscores.
    Slug,
    /// An address of e-mail.
    Email,
    /// An absolute address of the web.
    Url,
    /// An address of the internet, of either version.
    Ip,
    /// One of version 4.
    Ipv4,
    /// One of version 6.
    Ipv6,
}

/// A date of the same row for which a field's value occurs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueFor {
    /// How much of the date.
    pub period: Period,
    /// The field with the date.
    pub field: u16,
}

/// A part of a date that two rows may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The day.
    Date,
    /// The month, of whatever year.
    Month,
    /// The year.
    Year,
}

/// One of the values a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is stored.
    pub value: ChoiceValue,
    /// What people read.
    pub label: &'static str,
}

/// What a choice is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceValue {
    /// An integer.
    Int(i64),
    /// A text.
    Text(&'static str),
}

impl From<ChoiceValue> for Value {
    fn from(value: ChoiceValue) -> Value {
        match value {
            ChoiceValue::Int(int) => Value::Int(int),
            ChoiceValue::Text(text) => Value::Text(text.into()),
        }
    }
}

impl FieldMeta {
    /// A field as its type alone describes it, without a name.
    pub const fn of<T: Member>() -> FieldMeta {
        FieldMeta {
            name: "",
            column: "",
            kind: T::KIND,
            null: T::NULL,
            blank: false,
            unique: false,
            db_index: false,
            primary_key: false,
            editable: true,
            auto: T::AUTO,
            unsigned: T::UNSIGNED,
            format: T::FORMAT,
            default: None,
            choices: T::CHOICES,
            validators: None,
            unique_for: &[],
            upload_to: None,
            db_default: None,
            generated: None,
            auto_now: false,
            auto_now_add: false,
            verbose_name: "",
            help_text: "",
            error_messages: &[],
            on_delete: OnDelete::DoNothing,
            symmetrical: true,
            through_fields: None,
        }
    }

    /// Its name in the struct, and its column's.
    pub const fn named(mut self, name: &'static str, column: &'static str) -> FieldMeta {
        self.name = name;
        self.column = column;
        self
    }

    /// Whether it has a column.
    pub const fn is_column(&self) -> bool {
        matches!(self.kind, FieldKind::Column(_) | FieldKind::ForeignKey { .. })
    }

    /// The model on the other side, if it is a relation.
    pub fn related_model(&self) -> Option<&'static super::ModelMeta> {
        match self.kind {
            FieldKind::Column(_) | FieldKind::Generic => None,
            FieldKind::ForeignKey { target, .. } | FieldKind::ManyToMany { target, .. } => Some(target()),
            FieldKind::Reverse { child, .. } => Some(child()),
        }
    }

    /// What is said to people of a code: the field's own words for it, or the usual ones.
    pub(crate) fn told(&self, code: &str, value: &Value, usual: String) -> String {
        let own = self.error_messages.iter().find(|(known, _)| *known == code);
        own.map_or(usual, |(_, words)| {
            words.replace("{value}", value.as_text().unwrap_or(&value.to_string()))
        })
    }

    /// Whether it is a column of this type.
    pub fn kind_is(&self, data_type: DataType) -> bool {
        matches!(self.kind, FieldKind::Column(own) if own == data_type)
    }

    /// The most characters of a text, if there is a limit.
    pub const fn length_max(&self) -> Option<u32> {
        match self.kind {
            FieldKind::Column(DataType::Text { max_length }) => max_length,
            _ => None,
        }
    }

    /// The most characters of a text.
    pub const fn max_length(mut self, characters: u32) -> FieldMeta {
        if let FieldKind::Column(DataType::Text { .. }) = self.kind {
            self.kind = FieldKind::Column(DataType::Text { max_length: Some(characters) });
        }
        self
    }

    /// The digits of a decimal: all of them, and those after the point.
    pub const fn digits(mut self, precision: u8, scale: u8) -> FieldMeta {
        if let FieldKind::Column(DataType::Decimal { .. }) = self.kind {
            self.kind = FieldKind::Column(DataType::Decimal { precision, scale });
        }
        self
    }

    /// The field of a child that a reverse relation is the other side of.
    pub const fn reverse_of(mut self, of: fn() -> u16) -> FieldMeta {
        if let FieldKind::Reverse { child, one, .. } = self.kind {
            self.kind = FieldKind::Reverse { child, field: of, one };
        }
        self
    }

    /// What deleting the referenced row does.
    pub const fn on_delete(mut self, on_delete: OnDelete) -> FieldMeta {
        self.on_delete = on_delete;
        self
    }
}

/// Setters that only set.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        impl FieldMeta {
            $($(#[$doc])* pub const fn $name(mut self, $name: $type) -> FieldMeta {
                self.$name = $name;
                self
            })*
        }
    };
}

setters! {
    /// Whether it may be NULL.
    null: bool,
    /// Whether forms accept it empty.
    blank: bool,
    /// Whether each value occurs once.
    unique: bool,
    /// Whether it has an index of its own.
    db_index: bool,
    /// Whether it is the primary key or a part of it.
    primary_key: bool,
    /// Whether forms show it.
    editable: bool,
    /// The value it has when none is given.
    default: Option<fn() -> Value>,
    /// What else is asked of its values by validation.
    validators: Option<fn() -> &'static [Validator]>,
    /// Of which dates its value occurs once.
    unique_for: &'static [UniqueFor],
    /// The folder of the files that it names.
    upload_to: Option<&'static str>,
    /// What the database writes where no value is given.
    db_default: Option<fn() -> Node>,
    /// What the database computes of the row's other columns.
    generated: Option<fn() -> Node>,
    /// Set to now by every save.
    auto_now: bool,
    /// Set to now by the first save.
    auto_now_add: bool,
    /// Its name for people.
    verbose_name: &'static str,
    /// A sentence for people who fill it.
    help_text: &'static str,
    /// What validation says in place of its own sentence.
    error_messages: &'static [(&'static str, &'static str)],
    /// Whether a many-to-many relation of a model with itself holds both ways.
    symmetrical: bool,
    /// The two keys of the through model.
    through_fields: Option<(&'static str, &'static str)>,
}
