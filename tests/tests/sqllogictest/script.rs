//! Scripts as the parser can read them.
//!
//! The public corpus writes what the `sqllogictest` crate does not read, or reads as something else: a comment behind
//! a condition makes it refuse the file, and a condition before `halt` it takes for one of the record after that. So
//! conditions lose their comments here, and `halt` is decided before the script is parsed.

use std::borrow::Cow;

/// The script for a label, up to where it halts.
pub(super) fn prepared<'t>(text: &'t str, label: &str) -> Cow<'t, str> {
    if !text.lines().any(|line| line == "halt" || is_condition(line) && line.contains('#')) {
        return Cow::Borrowed(text);
    }
    let mut script = String::with_capacity(text.len());
    let mut conditions: Vec<&str> = Vec::new();
    for line in text.lines() {
        if is_condition(line) {
            conditions.push(line.split('#').next().unwrap_or_default().trim_end());
            continue;
        }
        if line.starts_with("halt") && line.trim_end() == "halt" {
            if conditions.drain(..).all(|condition| holds(condition, label)) {
                break;
            }
            // Lines keep their numbers.
            script.push('\n');
            continue;
        }
        for condition in conditions.drain(..) {
            script.push_str(condition);
            script.push('\n');
        }
        script.push_str(line);
        script.push('\n');
    }
    Cow::Owned(script)
}

fn is_condition(line: &str) -> bool {
    line.starts_with("onlyif ") || line.starts_with("skipif ")
}

fn holds(condition: &str, label: &str) -> bool {
    let mut words = condition.split_whitespace();
    let only = words.next() == Some("onlyif");
    only == (words.next() == Some(label))
}

#[test]
fn halts_and_comments_are_read() {
    let script =
        "onlyif mysql # aggregate\nquery I\nSELECT 1\n\nonlyif mssql\nhalt\n\nskipif mssql\nhalt\nnever";
    assert_eq!(prepared(script, "sqlite"), "onlyif mysql\nquery I\nSELECT 1\n\n\n\n");
    assert!(prepared(script, "mssql").ends_with("SELECT 1\n\n"));
}
