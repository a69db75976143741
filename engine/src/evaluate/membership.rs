//! `IN` over a list of constants.

use hashbrown::HashSet;
use nuages_storage::Value;

use super::Class;
use super::compare::{Words, float_key, nulls};
use super::truth::Truth;
use crate::bits::Bits;
use crate::vector::Vector;

/// The constants of a list, prepared for looking up.
#[derive(Debug)]
pub(super) struct Members {
    form: Form,
    /// Whether NULL is in the list: then what is not found is unknown.
    null: bool,
    empty: bool,
}

#[derive(Debug)]
enum Form {
    /// Words, floats by the key they compare by.
    Words(HashSet<i64>),
    Texts(HashSet<Box<str>>),
    Values(HashSet<Value>),
}

impl Members {
    /// The constants, all of one class.
    pub(super) fn new(class: Option<Class>, constants: &[&Value]) -> Members {
        let present = || constants.iter().copied().filter(|value| !value.is_null());
        let form = match class {
            Some(
                Class::Int | Class::Float | Class::Date | Class::Time | Class::Timestamp | Class::Duration,
            ) => Form::Words(
                present().filter_map(|value| value.to_word()).map(|word| word_key(class, word)).collect(),
            ),
            Some(Class::Text) => Form::Texts(present().filter_map(Value::as_text).map(Box::from).collect()),
            _ => Form::Values(present().cloned().collect()),
        };
        Members { form, null: constants.iter().any(|value| value.is_null()), empty: constants.is_empty() }
    }

    /// For which rows of `selection` the needle is in the list.
    pub(super) fn test(
        &self,
        class: Option<Class>,
        needle: &Vector<'_>,
        len: usize,
        selection: &Bits,
    ) -> Truth {
        let mut yes = Bits::none(len);
        if self.empty {
            return Truth { unknown: yes.clone(), yes };
        }
        let nulls = nulls(needle, len);
        let live = selection.and_not(&nulls);
        let words = Words::of(needle);
        for row in &live {
            let found = match &self.form {
                Form::Words(members) => members.contains(&word_key(class, words.get(row))),
                Form::Texts(members) => needle.text(row).is_some_and(|text| members.contains(text)),
                Form::Values(members) => members.contains(&needle.value(row)),
            };
            if found {
                yes.insert(row);
            }
        }
        let unknown = if self.null { selection.and_not(&yes) } else { &nulls & selection };
        Truth { yes, unknown }
    }
}

fn word_key(class: Option<Class>, word: u64) -> i64 {
    if class == Some(Class::Float) { float_key(word) } else { word.cast_signed() }
}
