//! Chains of `filter`, `exclude` and `distinct` that chance has put together, and the rows Django found.
//!
//! `data/chains.jsonl` holds one a line: the model, the calls, each with a tree of conditions in Django's words, and
//! the keys of the rows in order. They cross relations of every kind, forwards and backwards, under negations; what is
//! asked was recorded of Django 5.2 on SQLite. Left out are chains in which Django compares keys of different models,
//! or forgets that a joined row may be missing.

use nuages::{field::Value, prelude::*};
use nuages_tests::data;
use serde_json::Value as Found;

/// A recorded value.
fn value(json: &Found) -> Value {
    match json {
        Found::Null => Value::Null,
        Found::Bool(value) => Value::Bool(*value),
        Found::String(text) => Value::Text(text.clone()),
        number => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)
        }
    }
}

/// A recorded tree of conditions: `["is", words, value]`, `["in", words, values]`, `["not", tree]`,
/// `["and", tree, ..]`, `["or", tree, ..]`.
fn condition(tree: &Found) -> Words {
    let parts = tree.as_array().map_or(&[][..], Vec::as_slice);
    let all = |join: fn(Words, Words) -> Words| {
        parts[1..].iter().map(condition).reduce(join).unwrap_or(Words::all())
    };
    let words = || parts[1].as_str().unwrap_or_default();
    match parts[0].as_str() {
        Some("is") => Words::new(words(), value(&parts[2])),
        Some("in") => Words::is_in(words(), parts[2].as_array().into_iter().flatten().map(value)),
        Some("not") => !condition(&parts[1]),
        Some("and") => all(|left, right| left & right),
        _ => all(|left, right| left | right),
    }
}

/// The keys of the rows of a recorded chain.
fn found(case: &Found, db: &Db) -> Result<Vec<Value>> {
    let mut rows = db.objects(case["model"].as_str().unwrap_or_default())?;
    for call in case["chain"].as_array().into_iter().flatten() {
        rows = match call[0].as_str() {
            Some("filter") => rows.filter(condition(&call[1]))?,
            Some("exclude") => rows.exclude(condition(&call[1]))?,
            _ => rows.distinct(),
        };
    }
    let rows = rows.order_by(["pk"])?;
    let keys = rows.clone().values(["pk"])?.all(db)?;
    assert_eq!(rows.count(db)?, keys.len() as u64, "{case}");
    assert_eq!(rows.exists(db)?, !keys.is_empty(), "{case}");
    Ok(keys.iter().filter_map(|row| row.values().next().cloned()).collect())
}

#[test]
fn chains_put_together_by_chance_find_the_rows_that_django_finds() -> Result<()> {
    let db = data::lab();
    let text = std::fs::read_to_string(data::file("chains.jsonl")).expect("the recorded chains");
    let mut others = Vec::new();
    for line in text.lines() {
        let case: Found = serde_json::from_str(line).expect("a chain is an object");
        let expected: Vec<Value> = case["rows"].as_array().into_iter().flatten().map(value).collect();
        let found = found(&case, &db)?;
        if found != expected {
            others.push(format!(
                "{} {}\n  Django: {expected:?}\n  Nuages: {found:?}",
                case["model"], case["chain"]
            ));
        }
    }
    assert!(others.is_empty(), "{} chains:\n{}", others.len(), others.join("\n"));
    Ok(())
}
