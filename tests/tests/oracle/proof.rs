//! That the oracle looks: every recorded case has its place, and an answer depends on the rows and is compared whole.
//!
//! The program of these tests runs itself again, with answers printed in place of compared: on the recorded rows, on
//! none, and on others.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    process::Command,
    sync::LazyLock,
};

use nuages_tests::{data, oracle};
use serde_json::Value as Json;

use crate::classes::{BLIND, BY_COMPILER, DIFFERENT, DYNAMIC, OPEN};

/// What the cases find, by their ids; a case that panics finds nothing.
type Answers = BTreeMap<String, Json>;

/// The answers on the recorded rows, or on those of [`data::ROWS`].
fn answers(rows: Option<&str>) -> Answers {
    let program = env::current_exe().expect("a test knows its program");
    let mut again = Command::new(program);
    again.args(["--nocapture", "--test-threads", "2", "--skip", "proof::"]).env(oracle::RECORD, "1");
    if let Some(rows) = rows {
        again.env(data::ROWS, rows);
    }
    let output = again.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let answers = said.lines().filter_map(|line| line.strip_prefix(oracle::SAID));
    answers.map(|answer| serde_json::from_str::<(String, Json)>(answer).expect("an answer is JSON")).collect()
}

static RECORDED: LazyLock<Answers> = LazyLock::new(|| answers(None));

#[test]
fn every_case_is_answered_or_has_its_reason() {
    let refused: BTreeSet<&str> = BY_COMPILER.iter().map(|(id, _)| *id).collect();
    let different: BTreeSet<&str> = DIFFERENT.iter().map(|(id, _)| *id).collect();
    let ids = oracle::ids("cases.jsonl");
    let missing: Vec<&String> = ids
        .iter()
        .filter(|id| {
            !RECORDED.contains_key(*id) && !refused.contains(id.as_str()) && !different.contains(id.as_str())
        })
        .collect();
    println!(
        "{} answered, {} refused by the compiler, {} by the dynamic layer, {} different, {} missing: {missing:#?}",
        RECORDED.len() - DYNAMIC.len(),
        refused.len(),
        DYNAMIC.len(),
        different.len(),
        missing.len(),
    );
    let forgotten: Vec<&&String> = missing.iter().filter(|id| !OPEN.contains(&id.as_str())).collect();
    assert!(forgotten.is_empty(), "these were answered, or are new: {forgotten:#?}");
    assert!(different.len() < 10, "fewer than ten may be different");
    for id in refused.iter().chain(&different).chain(DYNAMIC) {
        assert!(ids.iter().any(|known| known == id), "no case is called {id}");
    }
    for id in DYNAMIC {
        assert!(RECORDED.contains_key(*id), "{id} is refused, but not seen to be");
    }
    for (id, program) in BY_COMPILER {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../orm/tests/ui").join(program);
        assert!(program.is_file(), "{id}: there is no {}", program.display());
    }
}

#[test]
fn answers_depend_on_the_rows() {
    let (empty, perturbed) = (answers(Some("none")), answers(Some("perturbed")));
    let explained: BTreeSet<&str> = BLIND.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let same = |answers: &Answers, id: &str, found: &Json| answers.get(id) == Some(found);
    let blind: Vec<&str> = RECORDED
        .iter()
        .filter(|(id, found)| same(&empty, id, found) && same(&perturbed, id, found))
        .map(|(id, _)| id.as_str())
        .collect();
    let unexplained: Vec<&&str> = blind.iter().filter(|id| !explained.contains(**id)).collect();
    println!("the same without rows and with others: {blind:#?}");
    assert!(unexplained.is_empty(), "the same answer whatever the rows: {unexplained:#?}");
    let seeing: Vec<&&str> = explained.iter().filter(|id| !blind.contains(*id)).collect();
    assert!(seeing.is_empty(), "these do depend on the rows: {seeing:#?}");
}

#[test]
fn any_other_expected_value_fails_its_case() {
    for (id, found) in RECORDED.iter() {
        let case = oracle::case(id);
        assert!(case.is_answered_by(found), "{id}");
        let others = mutants(found);
        assert!(!others.is_empty(), "{id}: nothing in {found} could be another value");
        for other in others {
            let recorded_otherwise = oracle::Case { code: case.code.clone(), answers: vec![other] };
            assert!(!recorded_otherwise.is_answered_by(found), "{id}: {:?}", recorded_otherwise.answers);
        }
    }
}

/// The value with one of its leaves changed, for each leaf.
fn mutants(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(items) if !items.is_empty() => (0..items.len())
            .flat_map(|place| {
                let items = &items;
                mutants(&items[place]).into_iter().map(move |other| {
                    let mut items = items.to_vec();
                    items[place] = other;
                    Json::Array(items)
                })
            })
            .collect(),
        Json::Object(fields) if !fields.is_empty() => fields
            .iter()
            .flat_map(|(name, field)| {
                mutants(field).into_iter().map(move |other| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), other);
                    Json::Object(fields)
                })
            })
            .collect(),
        Json::Null => vec![Json::Bool(true)],
        Json::Bool(value) => vec![Json::Bool(!value)],
        Json::Number(value) => vec![Json::from(value.as_f64().unwrap_or_default() + 1.0)],
        Json::String(text) => vec![Json::String(format!("{text}?"))],
        Json::Array(_) => vec![Json::from(0)],
        Json::Object(_) => vec![Json::from(0)],
    }
}
