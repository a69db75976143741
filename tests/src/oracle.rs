//! What Django answered, and what is compared with it.
//!
//! Answers are recorded as JSON (`data/cases.jsonl`); [`Answer`] writes what a test found in the same way: a model
//! instance is `"Model#pk"`, decimals are plain texts without trailing zeros, floats are rounded to six places,
//! times are ISO 8601.

use std::{collections::HashMap, sync::LazyLock};

use indexmap::IndexMap;
use nuages::{
    delete::ByModel,
    field::{Date, DateTime, Duration, Time},
    model::{Key, Model},
    prelude::Uuid,
    row::Annotated,
};
use nuages_storage::Value;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

/// A recorded case.
#[derive(Debug)]
pub struct Case {
    /// What Django ran.
    pub code: String,
    /// What it answered, on SQLite and on PostgreSQL.
    pub answers: Vec<Json>,
}

impl Case {
    /// Whether an answer is one that was recorded; where SQLite and PostgreSQL differ, either is right.
    pub fn is_answered_by(&self, found: &Json) -> bool {
        self.answers.contains(found)
    }
}

/// The recorded case of this name.
///
/// # Panics
/// If there is none.
pub fn case(id: &str) -> &'static Case {
    static CASES: LazyLock<HashMap<String, Case>> = LazyLock::new(|| {
        let read = |file| std::fs::read_to_string(crate::data::file(file)).expect("the recorded cases");
        [read("cases.jsonl"), read("further.jsonl")]
            .iter()
            .flat_map(|text| text.lines().map(read_case))
            .collect()
    });
    CASES.get(id).unwrap_or_else(|| panic!("no case is called {id}"))
}

/// The names of all cases recorded in a file, in their order.
pub fn ids(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(crate::data::file(file)).expect("the recorded cases");
    text.lines().map(|line| read_case(line).0).collect()
}

/// The environment variable under which answers are printed, a line each behind [`SAID`], and not compared.
pub const RECORD: &str = "NUAGES_ORACLE_RECORD";

/// What stands before a printed answer.
pub const SAID: &str = "the oracle was told ";

fn read_case(line: &str) -> (String, Case) {
    let case: Json = serde_json::from_str(line).expect("a case is an object");
    let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let mut answers = vec![case["result"].clone()];
    if let Some(other) = case.get("result_postgresql") {
        answers.push(other.clone());
    }
    (text("id"), Case { code: text("django_code"), answers })
}

/// Compares an answer with the recorded ones.
///
/// # Panics
/// If it is none of them.
pub fn check(id: &str, found: &Json) {
    let case = case(id);
    if std::env::var_os(RECORD).is_some() {
        println!("\n{SAID}{}", json!([id, found]));
        return;
    }
    assert!(
        case.is_answered_by(found),
        "{id}\n{}\n  Django: {}\n  Nuages: {found}",
        case.code,
        case.answers[case.answers.len() - 1]
    );
}

/// What is recorded of a value.
pub trait Answer {
    /// As JSON.
    fn answer(&self) -> Json;
}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Answer for $type {
            fn answer(&self) -> Json {
                json!(self)
            }
        }
    )*};
}
plain! { bool i16 i32 i64 u16 u32 u64 usize String &str Json std::net::IpAddr }

impl Answer for f64 {
    fn answer(&self) -> Json {
        json!((self * 1e6).round() / 1e6)
    }
}

impl Answer for Decimal {
    fn answer(&self) -> Json {
        json!(self.round_dp(6).normalize().to_string())
    }
}

impl Answer for DateTime {
    fn answer(&self) -> Json {
        json!(self.to_string())
    }
}

impl Answer for Date {
    fn answer(&self) -> Json {
        json!(self.to_string())
    }
}

impl Answer for Time {
    fn answer(&self) -> Json {
        json!(self.to_string())
    }
}

/// ISO 8601 as Django writes it: the sign before the whole, and always all parts.
impl Answer for Duration {
    fn answer(&self) -> Json {
        let sign = if self.is_negative() { "-" } else { "" };
        let (seconds, micros) = (self.as_secs().unsigned_abs(), self.subsec_micros().unsigned_abs());
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        json!(format!("{sign}P{days}DT{hours:02}H{minutes:02}M{seconds:02}{fraction}S"))
    }
}

impl Answer for Uuid {
    fn answer(&self) -> Json {
        json!(self.to_string())
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> Json {
    json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl Answer for Value {
    fn answer(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => value.answer(),
            Value::Int(value) => value.answer(),
            Value::Float(value) => value.answer(),
            Value::Decimal(value) => value.answer(),
            Value::Text(value) => json!(value),
            Value::Date(value) => value.answer(),
            Value::Time(value) => value.answer(),
            Value::Timestamp(value) => value.answer(),
            Value::Duration(value) => value.answer(),
            Value::Json(value) => (**value).clone(),
            other => json!(other.to_string()),
        }
    }
}

impl<T: Answer> Answer for Option<T> {
    fn answer(&self) -> Json {
        self.as_ref().map_or(Json::Null, Answer::answer)
    }
}

impl<T: Answer> Answer for nuages::field::Auto<T> {
    fn answer(&self) -> Json {
        self.get().map_or(Json::Null, Answer::answer)
    }
}

impl<T: Answer> Answer for Vec<T> {
    fn answer(&self) -> Json {
        self.iter().map(Answer::answer).collect()
    }
}

impl<T: Answer, const COUNT: usize> Answer for [T; COUNT] {
    fn answer(&self) -> Json {
        self.iter().map(Answer::answer).collect()
    }
}

impl<T: Answer> Answer for IndexMap<String, T> {
    fn answer(&self) -> Json {
        self.iter().map(|(name, value)| (name.clone(), value.answer())).collect()
    }
}

impl Answer for ByModel {
    fn answer(&self) -> Json {
        self.iter().map(|(label, rows)| (label.to_string(), rows.answer())).collect()
    }
}

impl<M: Model, A: Answer> Answer for Annotated<M, A> {
    fn answer(&self) -> Json {
        instance(&self.object)
    }
}

/// `"Model#pk"`.
pub fn instance<M: Model>(row: &M) -> Json {
    let key = row.pk().and_then(|key| key.values().first().cloned()).unwrap_or_default();
    json!(format!("{}#{key}", M::NAME))
}

/// The rows as `"Model#pk"`.
pub fn instances<M: Model>(rows: &[M]) -> Json {
    rows.iter().map(instance).collect()
}

/// `{"raises": class}`, by the class Django has for an error.
pub fn raises<T>(result: nuages::error::Result<T>) -> Json {
    use nuages::error::{Error, Misuse};
    let class = match result {
        Ok(_) => "nothing",
        Err(Error::DoesNotExist { .. }) => "DoesNotExist",
        Err(Error::MultipleObjectsReturned { .. }) => "MultipleObjectsReturned",
        Err(Error::Integrity { .. }) => "IntegrityError",
        Err(Error::Protected { .. }) => "ProtectedError",
        Err(Error::Restricted { .. }) => "RestrictedError",
        Err(Error::Validation(_)) => "ValidationError",
        Err(Error::NotUpdated { .. }) => "NotUpdated",
        Err(Error::Doomed) => "TransactionManagementError",
        Err(Error::NestedDurable) => "RuntimeError",
        Err(Error::UnknownName(_)) => "FieldError",
        Err(Error::Misuse(Misuse::NotAllowed {
            after: "a union" | "an intersection" | "a difference",
            ..
        })) => "NotSupportedError",
        Err(Error::Misuse(Misuse::WrongField { .. })) => "TypeError",
        Err(Error::Misuse(Misuse::RawWithoutKey { .. })) => "FieldDoesNotExist",
        Err(Error::Misuse(Misuse::NotAllowed { .. })) => "TypeError",
        Err(Error::Misuse(
            Misuse::NestedAggregate { .. }
            | Misuse::JoinHere { .. }
            | Misuse::AggregateHere { .. }
            | Misuse::WindowHere { .. }
            | Misuse::AliasNotSelected { .. },
        )) => "FieldError",
        Err(Error::Unsaved { .. } | Error::Misuse(_)) => "ValueError",
        Err(other) => panic!("Django has no class for {other:?}"),
    };
    json!({ "raises": class })
}

/// `{"raises": class, "message": text}`, by the class and the words that Django has for an error.
///
/// # Panics
/// If there is no error, or one for which there are no words.
pub fn says<T>(
    result: nuages::error::Result<T>,
    class: &str,
    words: impl FnOnce(&nuages::error::Error) -> Option<String>,
) -> Json {
    let Err(error) = result else { panic!("Django refuses this with a {class}") };
    let words = words(&error).unwrap_or_else(|| panic!("Django has other words for {error:?}"));
    json!({ "raises": class, "message": words })
}

/// `{"raises": class, "message": text}`: Django's words, made of what the error holds.
pub fn message<T>(result: nuages::error::Result<T>) -> Json {
    let text = result.as_ref().err().map(django_words);
    let mut said = raises(result);
    said["message"] = json!(text);
    said
}

fn django_words(error: &nuages::error::Error) -> String {
    use nuages::error::{Error, Misuse};
    match error {
        Error::DoesNotExist { model } => format!("{model} matching query does not exist."),
        Error::UnknownName(unknown) => match unknown.within.rsplit_once('.') {
            // A field: what there is none of is a lookup.
            Some((model, field)) if model.contains('.') => format!(
                "Unsupported lookup '{}' for {} or join on the field not permitted.",
                unknown.name,
                field_class(model, field)
            ),
            _ => {
                let mut choices = unknown.choices.clone();
                choices.sort_unstable();
                let choices = choices.join(", ");
                format!("Cannot resolve keyword '{}' into field. Choices are: {choices}", unknown.name)
            }
        },
        Error::Misuse(Misuse::NotAllowed {
            call,
            after: after @ ("a union" | "an intersection" | "a difference"),
        }) => {
            let after = after.split_once(' ').map_or("", |(_, name)| name);
            format!("Calling QuerySet.{call}() after {after}() is not supported.")
        }
        Error::Misuse(Misuse::NotAllowed { call: "delete", after: "a slice" }) => {
            "Cannot use 'limit' or 'offset' with delete().".to_owned()
        }
        Error::Misuse(Misuse::NotAllowed { call, after: "a slice" }) => {
            let what = if *call == "update" { "update" } else { "change" };
            format!("Cannot {what} a query once a slice has been taken.")
        }
        Error::Misuse(Misuse::AnnotationClash { field, .. }) => {
            format!("The annotation '{field}' conflicts with a field on the model.")
        }
        Error::Misuse(Misuse::LookupValue { lookup, expected: "true or false", .. }) => {
            format!("The QuerySet value for an {lookup} lookup must be True or False.")
        }
        Error::Misuse(Misuse::ColumnCount { lookup, expected, given }) => format!(
            "The QuerySet value for the '{lookup}' lookup must have {expected} selected fields (received {given})"
        ),
        Error::Misuse(Misuse::RawWithoutKey { .. }) => "Raw query must include the primary key".to_owned(),
        other => other.to_string(),
    }
}

/// Django's class of a field of the sample models.
fn field_class(model: &str, field: &str) -> &'static str {
    use nuages::meta::FieldKind;
    use nuages_storage::DataType;
    let (music, small) = (crate::chinook::app(), crate::lab::app());
    let meta = music.meta_named(model).or_else(|_| small.meta_named(model)).expect("a sample model");
    let field = meta.field_index(field).and_then(|field| meta.field(field)).expect("one of its fields");
    match field.kind {
        FieldKind::ForeignKey { .. } => "ForeignKey",
        FieldKind::Column(DataType::Text { max_length: Some(_) }) => "CharField",
        FieldKind::Column(DataType::Text { max_length: None }) => "TextField",
        FieldKind::Column(DataType::Integer) => "IntegerField",
        FieldKind::Column(DataType::BigInt) => "BigIntegerField",
        FieldKind::Column(DataType::Bool) => "BooleanField",
        FieldKind::Column(DataType::Date) => "DateField",
        FieldKind::Column(DataType::Timestamp) => "DateTimeField",
        _ => "Field",
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        impl<$($part: Answer),*> Answer for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn answer(&self) -> Json {
                let ($($part,)*) = self;
                Json::Array(vec![$($part.answer()),*])
            }
        }
    )*};
}
tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

/// One test for each recorded case: its name, the database, and what it finds.
#[macro_export]
macro_rules! oracle {
    ($area:literal, $database:path; $($name:ident($db:ident) $body:block)*) => {$(
        #[test]
        fn $name() {
            let db = $database();
            let $db = &db;
            let found = (|| -> nuages::error::Result<_> { Ok($body) })();
            let found = found.unwrap_or_else(|error| panic!("{}: {error}", stringify!($name)));
            $crate::oracle::check(concat!($area, ".", stringify!($name)), &$crate::oracle::Answer::answer(&found));
        }
    )*};
}
