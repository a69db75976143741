//! More of Django's answers, and ours.
//!
//! Beside the cases of `data/cases.jsonl` stand those of `data/further.jsonl`, in the same form, recorded of Django 5.2
//! on SQLite, or on PostgreSQL 15 where SQLite cannot: edges that the first ones leave out, such as negative and huge
//! values, NULLs in lists, chained verbs in odd orders, and relations negated twice.

mod addresses;
mod blocks;
mod chains;
mod combined;
mod computed;
mod documents;
mod firsts;
mod grouped;
mod groups;
mod lookups;
mod moments;
mod nested;
mod nullable;
mod ordered;
mod parents;
mod pitfalls;
mod places;
mod related;
mod relations;
mod sets;
mod signals;
mod singles;
mod slices;
mod told;
mod unions;
mod verbs;
mod writes;
mod written;

use std::collections::BTreeSet;

use nuages_tests::oracle;

/// A recorded case without a test would prove nothing. The program runs itself again, with answers printed.
#[test]
fn every_recorded_case_is_asked() {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut again = std::process::Command::new(program);
    again.args(["--nocapture", "--test-threads", "2", "--skip", "every_recorded_case"]);
    let output = again.env(oracle::RECORD, "1").output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let answers = said.lines().filter_map(|line| line.strip_prefix(oracle::SAID));
    let asked: BTreeSet<String> = answers
        .map(|answer| {
            serde_json::from_str::<(String, serde_json::Value)>(answer).expect("an answer is JSON").0
        })
        .collect();
    let recorded = oracle::ids("further.jsonl");
    let forgotten: Vec<&String> = recorded.iter().filter(|id| !asked.contains(*id)).collect();
    assert!(
        forgotten.is_empty() && recorded.len() > 80,
        "{} recorded, forgotten: {forgotten:#?}",
        recorded.len()
    );
}
