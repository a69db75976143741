//! Validation: whether an instance could be stored, with a message for each field that says no.
//!
//! Saving does not validate, as in Django: constraints of the database stand behind it anyway, but the first one
//! violated is all they tell. `full_clean` asks everything and collects the answers: `fields` looks at single
//! values, `uniqueness` asks the database for rows that have them already, and the model's checks are evaluated
//! over the instance as if it were a row.

mod convert;
mod fields;
mod form;
mod format;
mod uniqueness;
mod validator;

use nuages_storage::Value;

use crate::{
    compile::Compiler,
    constraint::{ConstraintMeta, Rule},
    error::{Error, Result, ValidationErrors},
    executor::Executor,
    insert::ValueList,
    meta::{FieldMeta, ModelMeta},
    model::Model,
    relation::{
        ForeignKey,
        parent::{self, WithParent},
    },
};

pub use validator::{
    IntoValidator, Validator, email, file_extension, integers_separated_by, matches, max_length, max_value,
    min_length, min_value, no_null_characters, step, unicode_slug, url,
};

/// What a validation leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanOptions {
    /// The names of fields that are not looked at, alone or together with others.
    pub exclude: Vec<&'static str>,
    /// Whether rows that have the same values are looked for.
    pub unique: bool,
    /// Whether the model's own constraints are evaluated.
    pub constraints: bool,
}

impl Default for CleanOptions {
    /// Everything is looked at.
    fn default() -> Self {
        CleanOptions { exclude: Vec::new(), unique: true, constraints: true }
    }
}

/// Validation, which every model has. What a model says itself, `#[model(clean = Self::clean)]`, is asked after its
/// fields and before uniqueness, whether or not the fields are valid; see [`hook`](crate::model::hook).
pub trait Validate: Model {
    /// Whether the instance could be stored, and has all that is asked for: a field that is not `blank` must have a
    /// value here, even if it is an `Option` and may be NULL in the table. One that is not `editable` need not.
    ///
    /// # Errors
    /// [`Error::Validation`] with all messages by field; those about the whole
    /// instance stand under [`ValidationErrors::WHOLE`].
    fn full_clean(&self, ex: &dyn Executor) -> Result<()> {
        self.full_clean_with(&CleanOptions::default(), ex)
    }

    /// [`full_clean`](Validate::full_clean) with something left out.
    ///
    /// # Errors
    /// As [`full_clean`](Validate::full_clean).
    fn full_clean_with(&self, options: &CleanOptions, ex: &dyn Executor) -> Result<()> {
        let mut cleaning = Cleaning::of(self, &options.exclude, ex)?;
        if Self::meta().parent.is_some() {
            cleaning.own(clean_parent(&mut self.clone(), options, ex))?;
        }
        cleaning.fields()?;
        cleaning.own(self.run_clean(ex))?;
        // A field that is wrong by itself is not asked about with others.
        if options.unique {
            cleaning.unique_fields()?;
        }
        if options.constraints {
            cleaning.constraints()?;
        }
        cleaning.errors.into_result()
    }

    /// The instance that named values describe, if it could be stored: what a form or a file sends. Text is converted
    /// to the type of its column, an empty text is no value, and what is not named has its default. What has neither
    /// value nor default is required, unless it is `blank`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Concert { pub id: Auto<i64>, #[field(max_length = 40)] pub title: String, pub day: Date,
    /// #     #[field(blank)] pub seats: Option<u32> }
    /// # let db = App::new().models(Concert::app()).open_memory()?;
    /// let concert = Concert::clean_from([("title", "Nuages"), ("day", "1940-12-13"), ("seats", "")], &db)?;
    /// assert_eq!((concert.day.year(), concert.seats), (1940, None));
    ///
    /// let Err(Error::Validation(errors)) = Concert::clean_from([("day", "tomorrow")], &db) else { unreachable!() };
    /// assert_eq!(errors.field("title")[0].text, "This field is required.");
    /// assert_eq!(errors.field("day")[0].code, "invalid");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Validation`] with what is wrong with each field, or if nothing is, as
    /// [`full_clean`](Validate::full_clean); [`Error::UnknownName`] for what is no column of the model.
    fn clean_from<N: AsRef<str>, V: Into<Value>>(
        values: impl IntoIterator<Item = (N, V)>,
        ex: &dyn Executor,
    ) -> Result<Self> {
        let values = values.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.into()));
        form::clean_from(values.collect(), ex)
    }

    /// Whether no other row has what only one may have: unique fields, and fields that are unique together or for a
    /// date.
    ///
    /// # Errors
    /// As [`full_clean`](Validate::full_clean).
    fn validate_unique(&self, ex: &dyn Executor) -> Result<()> {
        let mut cleaning = Cleaning::of(self, &[], ex)?;
        cleaning.unique_fields()?;
        cleaning.errors.into_result()
    }

    /// Whether the model's own constraints hold.
    ///
    /// # Errors
    /// As [`full_clean`](Validate::full_clean).
    fn validate_constraints(&self, ex: &dyn Executor) -> Result<()> {
        let mut cleaning = Cleaning::of(self, &[], ex)?;
        cleaning.constraints()?;
        cleaning.errors.into_result()
    }

    /// Whether each field could be stored, looked at by itself.
    ///
    /// # Errors
    /// As [`full_clean`](Validate::full_clean).
    fn clean_fields(&self, ex: &dyn Executor) -> Result<()> {
        let mut cleaning = Cleaning::of(self, &[], ex)?;
        cleaning.fields()?;
        cleaning.errors.into_result()
    }
}

impl<M: Model> Validate for M {}

/// Whether the row that an instance extends could be stored.
fn clean_parent<M: Model>(instance: &mut M, options: &CleanOptions, ex: &dyn Executor) -> Result<()> {
    struct Clean<'a>(&'a CleanOptions, &'a dyn Executor);
    impl WithParent for Clean<'_> {
        type Output = Result<()>;
        fn parent<P: Model>(self, parent: &mut ForeignKey<P>) -> Result<()> {
            parent.loaded().map_or(Ok(()), |row| row.full_clean_with(self.0, self.1))
        }
    }
    parent::with_parent(instance, Clean(options, ex)).unwrap_or(Ok(()))
}

/// An instance being validated.
struct Cleaning<'x> {
    ex: &'x dyn Executor,
    meta: &'static ModelMeta,
    /// The values by position; none is yet to be filled by the database.
    values: Vec<Option<Value>>,
    /// The positions that are left out, or wrong.
    skipped: Vec<bool>,
    errors: ValidationErrors,
}

impl<'x> Cleaning<'x> {
    fn of<M: Model>(instance: &M, exclude: &[&str], ex: &'x dyn Executor) -> Result<Cleaning<'x>> {
        let meta = M::meta();
        // The row that it extends is looked at by itself.
        let skip =
            |(index, field): (u16, &FieldMeta)| meta.parent == Some(index) || exclude.contains(&field.name);
        let skipped = meta.columns().map(skip).collect();
        Ok(Cleaning {
            ex,
            meta,
            values: ValueList::of(instance),
            skipped,
            errors: ValidationErrors::default(),
        })
    }

    fn add(&mut self, position: usize, field: &FieldMeta, code: &'static str, text: String) {
        self.skipped[position] = true;
        let text = field.told(code, &self.value(position), text);
        self.errors.add(field.name, code, text);
    }

    /// Adds what the model's own `clean` says.
    fn own(&mut self, said: Result<()>) -> Result<()> {
        let errors = match said {
            Err(Error::Validation(errors)) => errors,
            other => return other,
        };
        for (position, (_, field)) in self.meta.columns().enumerate() {
            self.skipped[position] |= !errors.field(field.name).is_empty();
        }
        self.errors.merge(errors);
        Ok(())
    }

    /// The value at a position, NULL if the database is yet to fill it.
    fn value(&self, position: usize) -> Value {
        self.values[position].clone().unwrap_or_default()
    }

    /// The model's checks and unique constraints over expressions.
    fn constraints(&mut self) -> Result<()> {
        let Some(constraints) = self.meta.constraints else { return Ok(()) };
        for constraint in constraints() {
            let violated = match &constraint.rule {
                Rule::Check(condition) => {
                    let condition = Compiler::of_row(self.meta, self.ex.settings(), condition)?;
                    self.asks_only_kept(&condition) && self.evaluate(vec![condition])? == [Value::Bool(false)]
                }
                Rule::Unique { parts, condition, nulls_distinct, .. } => {
                    self.is_taken(parts, condition.as_ref(), *nulls_distinct)?
                }
            };
            if violated {
                self.violated(&constraint);
            }
        }
        Ok(())
    }
}

impl Cleaning<'_> {
    /// Says that a constraint does not hold, in its own words if it has some. One of plain fields speaks as these do.
    fn violated(&mut self, constraint: &ConstraintMeta) {
        let ConstraintMeta { name, message, code, .. } = constraint;
        let fields = constraint.fields(self.meta).filter(|_| message.is_none() && code.is_none());
        if let Some(fields) = fields {
            return self.taken(&fields);
        }
        let message = message.clone();
        let text = message.unwrap_or_else(|| format!("Constraint \u{201c}{name}\u{201d} is violated."));
        self.errors.add(ValidationErrors::WHOLE, code.unwrap_or("violated"), text);
    }
}

/// The name of a field for people, as it begins a sentence.
fn label(field: &FieldMeta) -> String {
    let name = if field.verbose_name.is_empty() { field.name } else { field.verbose_name };
    capitalized(&name.replace('_', " "))
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
