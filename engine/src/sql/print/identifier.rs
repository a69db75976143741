//! Names in SQL text.

use std::fmt::{self, Display, Formatter};

/// A name, in quotes if it would not be read as itself without.
pub struct Identifier<'n>(pub &'n str);

impl Display for Identifier<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_plain(self.0) { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) }
    }
}

/// Names with commas between.
pub(crate) fn identifiers<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| Identifier(name).to_string()).collect();
    names.join(", ")
}

/// Whether a name is read as itself without quotes: small letters, digits and underscores, and no word of the grammar.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && RESERVED.binary_search(&name).is_err()
}

/// The words that PostgreSQL reserves (SQL key words, appendix C of its manual: those that cannot be a column or table
/// name), in order.
const RESERVED: [&str; 96] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(Identifier("title").to_string(), "title");
        assert_eq!(Identifier("name").to_string(), "name");
        assert_eq!(Identifier("order").to_string(), "\"order\"");
        assert_eq!(Identifier("Title").to_string(), "\"Title\"");
        assert_eq!(Identifier("a \"b\"").to_string(), "\"a \"\"b\"\"\"");
        assert_eq!(Identifier("").to_string(), "\"\"");
        assert_eq!(Identifier("2nd").to_string(), "\"2nd\"");
    }

    #[test]
    fn the_reserved_words_are_in_order() {
        assert!(RESERVED.is_sorted());
    }
}
