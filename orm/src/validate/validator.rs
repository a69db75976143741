//! What else a field asks of its values: validators, as Django's `validators=[..]`.
//!
//! They are asked by validation only, never by the database: what must hold of every row is a
//! [constraint](crate::constraint).

use std::fmt;

use nuages_engine::{
    Context, Scalar,
    algebra::{Expr, TextMatch},
};
use nuages_storage::Value;

use super::format;
use crate::{
    error::{Error, Result, ValidationErrors},
    field::Field,
};

/// Something asked of a value.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::validate::{matches, max_value, min_value};
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Review {
///     pub id: Auto<i64>,
///     #[field(validators = [min_value(1), max_value(5)])]
///     pub rating: u16,
///     #[field(validators = [matches(r"^[A-Z]+$"), short])]
///     pub code: String,
/// }
///
/// fn short(code: &String) -> Result<()> {
///     match code.len() > 3 {
///         true => Err(Error::invalid("", "long", "Three letters will do.")),
///         false => Ok(()),
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let db = App::new().models(Review::app()).open_memory()?;
/// let review = new!(Review { rating: 6_u16, code: "abcd" });
/// let Err(Error::Validation(errors)) = review.full_clean(&db) else { unreachable!() };
/// assert_eq!(errors.field("rating")[0].code, "max_value");
/// let codes: Vec<&str> = errors.field("code").iter().map(|message| message.code).collect();
/// assert_eq!(codes, ["invalid", "long"]);
/// # Ok(())
/// # }
/// ```
pub struct Validator(Check);

type Check = Box<dyn Fn(&Value) -> Result<()> + Send + Sync>;

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

impl Validator {
    /// Whether a value passes.
    ///
    /// # Errors
    /// [`Error::Validation`] with what is wrong, under whatever names; what a function of the program returns.
    pub fn check(&self, value: &Value) -> Result<()> {
        (self.0)(value)
    }

    fn new(check: impl Fn(&Value) -> Result<()> + Send + Sync + 'static) -> Validator {
        Validator(Box::new(check))
    }

    /// Says no with a code and a sentence where a value does not pass.
    fn unless(
        code: &'static str,
        text: impl Fn(&Value) -> String + Send + Sync + 'static,
        passes: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Validator {
        Validator::new(move |value| match passes(value) {
            true => Ok(()),
            false => Err(Error::invalid(ValidationErrors::WHOLE, code, text(value))),
        })
    }
}

/// What stands in `validators = [..]`: a [`Validator`], or a function `fn(&T) -> Result<()>` over the field's type.
/// `Shape` tells them apart.
#[diagnostic::on_unimplemented(
    message = "this cannot validate a value",
    label = "expected a `Validator` or `fn(&T) -> Result<()>`"
)]
pub trait IntoValidator<Shape> {
    /// The validator.
    fn into_validator(self) -> Validator;
}

#[diagnostic::do_not_recommend]
impl IntoValidator<()> for Validator {
    fn into_validator(self) -> Validator {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field, F: Fn(&T) -> Result<()> + Send + Sync + 'static> IntoValidator<fn(&T)> for F {
    fn into_validator(self) -> Validator {
        Validator::new(move |value| match T::from_value(value) {
            Ok(value) => self(&value),
            Err(_) => Err(Error::invalid(ValidationErrors::WHOLE, "invalid", "Enter a valid value.")),
        })
    }
}

/// Not less than this.
pub fn min_value(limit: impl Into<Value>) -> Validator {
    let limit = limit.into();
    let text = format!("Ensure this value is greater than or equal to {limit}.");
    Validator::unless("min_value", move |_| text.clone(), move |value| *value >= limit)
}

/// Not greater than this.
pub fn max_value(limit: impl Into<Value>) -> Validator {
    let limit = limit.into();
    let text = format!("Ensure this value is less than or equal to {limit}.");
    Validator::unless("max_value", move |_| text.clone(), move |value| *value <= limit)
}

/// A multiple of this, counted from zero.
pub fn step(size: impl Into<rust_decimal::Decimal>) -> Validator {
    let size = size.into();
    Validator::unless(
        "step_size",
        move |_| format!("Ensure this value is a multiple of step size {size}."),
        move |value| match value.as_decimal().or_else(|| value.as_int().map(Into::into)) {
            Some(number) => number.checked_rem(size).is_none_or(|rest| rest.is_zero()),
            None => value.as_float().zip(f64::try_from(size).ok()).is_some_and(|(number, size)| {
                let steps = number / size;
                (steps - steps.round()).abs() < 1e-9
            }),
        },
    )
}

/// At least so many characters.
pub fn min_length(limit: usize) -> Validator {
    length("min_length", "at least", limit, move |length| length >= limit)
}

/// At most so many characters.
pub fn max_length(limit: usize) -> Validator {
    length("max_length", "at most", limit, move |length| length <= limit)
}

fn length(
    code: &'static str,
    words: &'static str,
    limit: usize,
    passes: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Validator {
    let length_of = |value: &Value| value.as_text().map_or(0, |text| text.chars().count());
    let characters = if limit == 1 { "character" } else { "characters" };
    Validator::unless(
        code,
        move |value| {
            format!("Ensure this value has {words} {limit} {characters} (it has {}).", length_of(value))
        },
        move |value| passes(length_of(value)),
    )
}

/// A regular expression matches somewhere in it. Of a pattern that is none, every value fails.
pub fn matches(pattern: &str) -> Validator {
    let pattern = pattern.to_owned();
    Validator::unless(
        "invalid",
        |_| "Enter a valid value.".to_owned(),
        move |value| {
            let [text, pattern] =
                [value.clone(), Value::Text(pattern.clone())].map(|value| Box::new(Expr::Literal(value)));
            let call = Expr::Match { kind: TextMatch::Regex, ignore_case: false, text, pattern };
            let matched =
                Scalar::compile(&call, &|_| None).and_then(|scalar| scalar.value(&Context::new(&[])));
            matched == Ok(Value::Bool(true))
        },
    )
}

/// Integers with this between them: `1,2,3`.
pub fn integers_separated_by(separator: char) -> Validator {
    Validator::unless(
        "invalid",
        |_| "Enter only digits separated by commas.".to_owned(),
        move |value| {
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            value.as_text().is_some_and(|text| text.split(separator).all(is_number))
        },
    )
}

/// No character of value zero.
pub fn no_null_characters() -> Validator {
    Validator::unless(
        "null_characters_not_allowed",
        |_| "Null characters are not allowed.".to_owned(),
        |value| !value.as_text().is_some_and(|text| text.contains('\0')),
    )
}

/// A file whose name ends in one of these, whatever the case of the letters.
pub fn file_extension<const N: usize>(allowed: [&'static str; N]) -> Validator {
    let extension = |value: &Value| {
        let name = value.as_text().unwrap_or_default();
        name.rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_lowercase())
    };
    Validator::unless(
        "invalid_extension",
        move |value| {
            let (found, allowed) = (extension(value), allowed.join(", "));
            format!(
                "File extension \u{201c}{found}\u{201d} is not allowed. Allowed extensions are: {allowed}."
            )
        },
        move |value| allowed.iter().any(|one| one.eq_ignore_ascii_case(&extension(value))),
    )
}

/// Letters of any alphabet, digits, hyphens and underscores.
pub fn unicode_slug() -> Validator {
    let text =
        "Enter a valid \u{201c}slug\u{201d} consisting of Unicode letters, numbers, underscores, or hyphens.";
    Validator::unless(
        "invalid",
        move |_| text.to_owned(),
        |value| {
            value.as_text().is_some_and(|text| {
                !text.is_empty()
                    && text.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter))
            })
        },
    )
}

/// An address of e-mail; for a `String`, as an [`Email`](crate::field::Email) asks it of itself.
pub fn email() -> Validator {
    Validator::unless(
        "invalid",
        |_| "Enter a valid email address.".to_owned(),
        |value| value.as_text().is_some_and(format::is_email),
    )
}

/// An absolute address of the web; for a `String`, as a [`Url`](crate::field::Url) asks it of itself.
pub fn url() -> Validator {
    Validator::unless(
        "invalid",
        |_| "Enter a valid URL.".to_owned(),
        |value| value.as_text().is_some_and(format::is_url),
    )
}
