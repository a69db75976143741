//! PostgreSQL's paths through JSON: `$.a[*] ? (@.b > 1 && @.c starts with "x").d`, of SQL:2016, in the lax mode.
//!
//! A path leads from a document to any number of values: each step goes on from each of the values before it. A key
//! that is asked of an array is asked of its members, and what is no array is one of one member where a place is asked
//! of it; what is not there is left out, and is no error. A condition may be unknown, and a filter keeps what it is
//! true of.

use serde_json::Value as Json;

mod read;
mod syntax;

use super::same;
use crate::error::Error;
pub(in crate::functions) use syntax::JsonPath;
use syntax::{Condition, Order, Origin, Place, Step, Way};

/// What conditions are asked in: the document, what was given beside the path, and the value that is looked at.
#[derive(Clone, Copy)]
struct Sight<'j> {
    document: &'j Json,
    variables: Option<&'j Json>,
    current: &'j Json,
}

impl JsonPath {
    /// The path that a text is.
    ///
    /// # Errors
    /// [`Error::Type`] if it is none.
    pub(in crate::functions) fn read(text: &str) -> Result<JsonPath, Error> {
        read::read(text)
    }

    /// What the path leads to.
    pub(in crate::functions) fn values(&self, document: &Json, variables: Option<&Json>) -> Vec<Json> {
        let sight = Sight { document, variables, current: document };
        match self {
            JsonPath::Values(way) => way.values(sight),
            JsonPath::Condition(condition) => vec![condition.holds(sight).map_or(Json::Null, Json::Bool)],
        }
    }
}

impl Way {
    fn values(&self, sight: Sight<'_>) -> Vec<Json> {
        let first = match &self.from {
            Origin::Document => sight.document.clone(),
            Origin::Current => sight.current.clone(),
            Origin::Constant(value) => value.clone(),
            Origin::Variable(name) => {
                sight.variables.and_then(|variables| variables.get(name)).cloned().unwrap_or_default()
            }
        };
        self.steps.iter().fold(vec![first], |values, step| {
            let mut next = Vec::new();
            values.into_iter().for_each(|value| step.take(value, sight, &mut next));
            next
        })
    }
}

impl Step {
    /// Adds what the step leads to from a value.
    fn take(&self, value: Json, sight: Sight<'_>, found: &mut Vec<Json>) {
        match (self, value) {
            (Step::Key(_) | Step::EveryKey | Step::Where(_), Json::Array(members)) => {
                members.into_iter().for_each(|member| self.take_one(member, sight, found));
            }
            (Step::EveryPlace, Json::Array(members)) => found.extend(members),
            (Step::Places(from, to), Json::Array(members)) => {
                if let (Some(from), Some(to)) = (from.within(members.len()), to.within(members.len())) {
                    found.extend(members.into_iter().take(to + 1).skip(from));
                }
            }
            (Step::Size, Json::Array(members)) => found.push(members.len().into()),
            (step, value) => step.take_one(value, sight, found),
        }
    }

    /// The same of a value that is not taken for the members of an array.
    fn take_one(&self, value: Json, sight: Sight<'_>, found: &mut Vec<Json>) {
        match self {
            Step::Key(key) => found.extend(value.get(key).cloned()),
            Step::EveryKey => {
                if let Json::Object(members) = value {
                    found.extend(members.into_iter().map(|(_, member)| member));
                }
            }
            Step::Places(from, to) => {
                if (from.within(1), to.within(1)) == (Some(0), Some(0)) {
                    found.push(value);
                }
            }
            Step::EveryPlace => found.push(value),
            Step::Where(condition) => {
                if condition.holds(Sight { current: &value, ..sight }) == Some(true) {
                    found.push(value);
                }
            }
            Step::Size => found.push(1.into()),
            Step::Type => found.push(super::type_name(&value).into()),
        }
    }
}

impl Place {
    /// Its offset in an array of so many members; none if there is no such member.
    fn within(self, members: usize) -> Option<usize> {
        let offset = match self {
            Place::FromFirst(place) => place,
            Place::BeforeLast(before) => members.checked_sub(before + 1)?,
        };
        (offset < members).then_some(offset)
    }
}

impl Condition {
    fn holds(&self, sight: Sight<'_>) -> Option<bool> {
        match self {
            Condition::And(left, right) => match (left.holds(sight), right.holds(sight)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Condition::Or(left, right) => match (left.holds(sight), right.holds(sight)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Condition::Not(inner) => inner.holds(sight).map(|holds| !holds),
            Condition::IsUnknown(inner) => Some(inner.holds(sight).is_none()),
            Condition::Exists(way) => Some(!way.values(sight).is_empty()),
            Condition::Compare(left, order, right) => {
                let (left, right) = (members(left.values(sight)), members(right.values(sight)));
                let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
                any(pairs.map(|(left, right)| compare(left, *order, right)))
            }
            Condition::StartsWith(way, beginning) => {
                let values = members(way.values(sight));
                any(values.iter().map(|value| value.as_str().map(|text| text.starts_with(beginning))))
            }
            Condition::Matches(way, regex) => {
                let values = members(way.values(sight));
                any(values.iter().map(|value| value.as_str().map(|text| regex.is_match(text))))
            }
        }
    }
}

/// Values, the members of arrays in their place.
fn members(values: Vec<Json>) -> Vec<Json> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Json::Array(members) => all.extend(members),
            value => all.push(value),
        }
    }
    all
}

/// Whether one is true; unknown if none is and one is unknown.
fn any(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for test in tests {
        match test {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

/// A comparison, unknown of values of different types but for NULL, which differs from all others.
fn compare(left: &Json, order: Order, right: &Json) -> Option<bool> {
    let ordering = match (left, right) {
        (Json::Number(left), Json::Number(right)) if same(&left.clone().into(), &right.clone().into()) => {
            std::cmp::Ordering::Equal
        }
        (Json::Number(left), Json::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?)?,
        (Json::String(left), Json::String(right)) => left.cmp(right),
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Null, Json::Null) => std::cmp::Ordering::Equal,
        (Json::Null, _) | (_, Json::Null) => return Some(order == Order::NotEqual),
        _ => return None,
    };
    Some(match order {
        Order::Equal => ordering.is_eq(),
        Order::NotEqual => ordering.is_ne(),
        Order::Less => ordering.is_lt(),
        Order::LessOrEqual => ordering.is_le(),
        Order::Greater => ordering.is_gt(),
        Order::GreaterOrEqual => ordering.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, path: &str) -> String {
        let document: Json = serde_json::from_str(document).unwrap();
        Json::Array(JsonPath::read(path).unwrap().values(&document, None)).to_string()
    }

    /// The answers are PostgreSQL's.
    #[test]
    fn paths_lead_to_values() {
        let document = r#"{"a":[1,2,3],"b":[{"c":1,"d":"xy"},{"c":2,"d":"z"}],"e":null}"#;
        for (path, expected) in [
            ("$.a[*]", "[1,2,3]"),
            ("$.a[0]", "[1]"),
            ("$.a[last]", "[3]"),
            ("$.a[last - 1]", "[2]"),
            ("$.a[1 to last]", "[2,3]"),
            ("$.a[5]", "[]"),
            ("$.b.c", "[1,2]"),
            ("lax $.b[*].d", r#"["xy","z"]"#),
            ("$.b ? (@.c > 1).d", r#"["z"]"#),
            (r#"$.b[*] ? (@.d starts with "x" && @.c == 1).c"#, "[1]"),
            (r#"$.b[*] ? (@.d like_regex "^Z" flag "i").c"#, "[2]"),
            ("$.b[*] ? (exists (@.c) && !(@.c == 1)).c", "[2]"),
            ("$.a.size()", "[3]"),
            ("$.e.type()", r#"["null"]"#),
            ("$.*[0] ? (@.c == 1).d", r#"["xy"]"#),
            ("$.a[*] ? (@ >= 2 || @ == 1)", "[1,2,3]"),
            ("$.a[*] > 2", "[true]"),
            ("$.e == null", "[true]"),
            ("$.nothing", "[]"),
            ("$.\"a\"[0]", "[1]"),
            ("$.a[*] ? (@ == $.b[0].c)", "[1]"),
            ("$.b[*].d > 1", "[null]"),
        ] {
            assert_eq!(found(document, path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "a", "$.", "$[", "$ ? (@ >)", "$ ? (@ > 1", "$.a b", "$ ? (\"x)", "$.a ? ()", "$ == "]
        {
            assert!(JsonPath::read(bad).is_err(), "{bad}");
        }
        let deep = format!("$ ? {}@ == 1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(JsonPath::read(&deep).is_err());
    }
}
