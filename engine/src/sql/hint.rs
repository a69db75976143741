//! What a person who wrote a word that SQL does not know probably meant: a keyword that it is a slip of, or what other
//! databases call a function or write a name with.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::catalog::names::nearest;

/// The keywords that a slip leaves a statement without, in the middle of it or at its beginning.
const KEYWORDS: [&str; 34] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "ALTER",
    "DROP",
    "TABLE",
    "INDEX",
    "VIEW",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "INNER",
    "LEFT",
    "JOIN",
    "VALUES",
    "INTO",
    "RETURNING",
    "BETWEEN",
    "EXISTS",
    "DISTINCT",
    "PRIMARY",
    "REFERENCES",
    "CONFLICT",
    "BEGIN",
    "COMMIT",
];

/// The shortest word that is taken for a slip of a keyword: what is shorter is near to many.
const WORD_MIN: usize = 4;

/// What other databases call functions that are here by another name.
const FUNCTIONS: [(&str, &str); 16] = [
    ("nvl", "coalesce"),
    ("isnull", "coalesce"),
    ("len", "length"),
    ("getdate", "now"),
    ("sysdate", "now"),
    ("curdate", "current_date"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("charindex", "strpos"),
    ("locate", "strpos"),
    ("rand", "random"),
    ("newid", "gen_random_uuid"),
    ("uuid", "gen_random_uuid"),
    ("listagg", "string_agg"),
    ("array_concat", "array_cat"),
    ("stdev", "stddev"),
];

/// The function that is probably meant by a name that has none.
pub(super) fn function<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known = FUNCTIONS.iter().find(|(other, _)| *other == name).map(|(_, own)| (*own).to_owned());
    known.or_else(|| nearest(name, names))
}

/// The keyword that a word is a slip of: one letter more, less or another, or two that have changed places. A plural is a
/// name.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    let word = word.to_uppercase();
    let is_slip =
        |known: &str| strsim::damerau_levenshtein(&word, known) == 1 && word.strip_suffix('S') != Some(known);
    if word.len() < WORD_MIN || KEYWORDS.contains(&word.as_str()) {
        return None;
    }
    KEYWORDS.into_iter().find(|known| is_slip(known))
}

/// What to say behind a syntax error at one of the tokens of a statement: about the word there, or the one before it,
/// which was read as a name.
pub(super) fn behind_error(before: Option<&Token>, at: &TokenWithSpan) -> Option<String> {
    let word = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => keyword(&word.value),
        _ => None,
    };
    if let Some(meant) = word(&at.token) {
        return Some(format!("; did you mean {meant}?"));
    }
    if matches!(at.token, Token::Char('`')) {
        return Some("; a name stands in double quotes".to_owned());
    }
    let (before, meant) = (before?, before.and_then(word)?);
    Some(format!("; did you mean {meant} where it says {before}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_a_keyword_is_told_from_a_name() {
        assert_eq!(keyword("form"), Some("FROM"));
        assert_eq!(keyword("were"), Some("WHERE"));
        assert_eq!(keyword("selct"), Some("SELECT"));
        assert_eq!(keyword("tabel"), Some("TABLE"));
        assert_eq!([keyword("from"), keyword("title"), keyword("fr"), keyword("orders")], [None; 4]);
    }

    #[test]
    fn functions_of_other_databases_are_told_by_their_names_here() {
        assert_eq!(function("nvl", ["avg"]).as_deref(), Some("coalesce"));
        assert_eq!(function("lenght", ["length"]).as_deref(), Some("length"));
        assert_eq!(function("foo", ["length"]), None);
    }
}
