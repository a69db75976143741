//! Places within JSON documents: SQLite's paths, such as `$.a[0]."b c"[#-1]`, and PostgreSQL's keys within each other.

use serde_json::Value as Json;

use crate::error::Error;

/// A step from a document to something within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::functions) enum Step<'p> {
    /// The member of an object.
    Key(&'p str),
    /// The member of an array, from 0, from the end if negative.
    Place(i64),
    /// Behind the last member of an array.
    End,
    /// The member of an object, or of an array if the key is a number.
    KeyOrPlace(&'p str),
}

impl<'p> Step<'p> {
    /// The place that is meant in an array.
    pub(in crate::functions) fn place(self) -> Option<i64> {
        match self {
            Step::Place(place) => Some(place),
            Step::KeyOrPlace(key) => key.parse().ok(),
            Step::Key(_) | Step::End => None,
        }
    }

    /// The key that is meant in an object.
    pub(in crate::functions) fn key(self) -> Option<&'p str> {
        match self {
            Step::Key(key) | Step::KeyOrPlace(key) => Some(key),
            Step::Place(_) | Step::End => None,
        }
    }
}

/// The steps of a path of SQLite's: `$`, then `.key`, `."key"`, `[place]`, `[#-place]` and `[#]`.
pub(in crate::functions) fn steps(path: &str) -> Result<Vec<Step<'_>>, Error> {
    let malformed = || Error::Type {
        expression: "json_extract()".to_owned(),
        expected: "a path such as $.a[0]".to_owned(),
        got: format!("{path:?}"),
    };
    let mut rest = path.strip_prefix('$').ok_or_else(malformed)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, behind) = first(rest).ok_or_else(malformed)?;
        steps.push(step);
        rest = behind;
    }
    Ok(steps)
}

/// The first step, and the path behind it.
fn first(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(key) = path.strip_prefix(".\"") {
        let end = key.find('"')?;
        return Some((Step::Key(&key[..end]), &key[end + 1..]));
    }
    if let Some(key) = path.strip_prefix('.') {
        let end = key.find(['.', '[']).unwrap_or(key.len());
        return (end > 0).then(|| (Step::Key(&key[..end]), &key[end..]));
    }
    let place = path.strip_prefix('[')?;
    let end = place.find(']')?;
    let number = |digits: &str| digits.parse::<u32>().ok().map(i64::from);
    let step = match &place[..end] {
        "#" => Step::End,
        written => match written.strip_prefix("#-") {
            Some(digits) => Step::Place(-number(digits)?),
            None => Step::Place(number(written)?),
        },
    };
    Some((step, &place[end + 1..]))
}

/// The number, from 0, of a place in an array of so many members.
pub(in crate::functions) fn position(members: usize, place: i64) -> Option<usize> {
    let distance = usize::try_from(place.unsigned_abs()).ok()?;
    let position = if place < 0 { members.checked_sub(distance)? } else { distance };
    (position < members).then_some(position)
}

/// What a step leads to.
pub(in crate::functions) fn member<'j>(json: &'j Json, step: Step<'_>) -> Option<&'j Json> {
    match json {
        Json::Object(object) => object.get(step.key()?),
        Json::Array(array) => array.get(position(array.len(), step.place()?)?),
        _ => None,
    }
}

/// What steps lead to.
pub(in crate::functions) fn found<'j>(json: &'j Json, steps: &[Step<'_>]) -> Option<&'j Json> {
    steps.iter().try_fold(json, |json, step| member(json, *step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let path = steps("$.a[0].\"b c\"[#-2][#]").unwrap();
        assert_eq!(path, [Step::Key("a"), Step::Place(0), Step::Key("b c"), Step::Place(-2), Step::End]);
        assert_eq!(steps("$").unwrap(), []);
        for bad in ["", "a", "$.", "$a", "$[", "$[x]", "$[-1]", "$.\"a", "$..a", "$[#-]"] {
            assert!(steps(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_count_from_both_ends() {
        assert_eq!(
            [0, 2, 3, -1, -3, -4].map(|place| position(3, place)),
            [Some(0), Some(2), None, Some(2), Some(0), None]
        );
    }
}
