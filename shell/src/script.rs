//! Where a statement ends.
//!
//! The shell must know this before anybody parses: a line may hold half a statement, or three. So it looks at nothing
//! but what may hide a semicolon: quotes, comments and dollar quotes. What is between is the parser's business.

/// A text cut into what is complete and what is not yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split<'t> {
    /// The statements that ended in a semicolon, without it and without the blanks around them; none is empty.
    pub(crate) complete: Vec<&'t str>,
    /// What follows the last of them. Empty if that is blank or a comment.
    pub(crate) rest: &'t str,
}

/// How much of a text stands before a statement in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lines: u64,
    /// In the line that it begins in.
    pub(crate) characters: u64,
}

impl Place {
    /// That of a part of a text.
    pub(crate) fn of(part: &str, text: &str) -> Place {
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let before = text.get(..offset).unwrap_or_default();
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Place {
            lines: count(before.matches('\n').count()),
            characters: count(before[line..].chars().count()),
        }
    }
}

/// Cuts a text at the semicolons that end statements.
pub(crate) fn split(text: &str) -> Split<'_> {
    let mut complete = Vec::new();
    let (mut start, mut at) = (0, 0);
    // Whether anything but blanks and comments was met since `start`.
    let mut says_something = false;
    while let Some(next) = text[at..].chars().next() {
        match hidden(&text[at..]) {
            Some(Hidden { bytes, is_comment }) => {
                says_something |= !is_comment;
                at += bytes;
            }
            None if next == ';' => {
                if says_something {
                    complete.push(text[start..at].trim());
                }
                at += 1;
                (start, says_something) = (at, false);
            }
            None => {
                says_something |= !next.is_whitespace();
                at += next.len_utf8();
            }
        }
    }
    Split { complete, rest: if says_something { text[start..].trim() } else { "" } }
}

/// A run of text in which a semicolon means nothing.
struct Hidden {
    bytes: usize,
    is_comment: bool,
}

/// The quote or comment that `text` begins with; to its end if it is not closed.
fn hidden(text: &str) -> Option<Hidden> {
    let until = |open: usize, close: &str| {
        text[open..].find(close).map_or(text.len(), |length| open + length + close.len())
    };
    let quoted = |bytes| Some(Hidden { bytes, is_comment: false });
    match text.as_bytes()[0] {
        // A doubled quote closes one quote and opens the next, which comes to the same.
        quote @ (b'\'' | b'"' | b'`') => quoted(until(1, std::str::from_utf8(&[quote]).unwrap_or_default())),
        b'-' if text.starts_with("--") => Some(Hidden { bytes: until(2, "\n"), is_comment: true }),
        b'/' if text.starts_with("/*") => {
            // One that is not closed is no comment yet.
            let end = block_comment(text);
            Some(Hidden { bytes: end.unwrap_or(text.len()), is_comment: end.is_some() })
        }
        b'$' => {
            let tag = text[1..].find('$').map(|length| &text[..length + 2])?;
            let is_tag = tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
            let is_parameter = tag.as_bytes()[1].is_ascii_digit();
            if is_tag && !is_parameter { quoted(until(tag.len(), tag)) } else { None }
        }
        _ => None,
    }
}

/// The length of the block comment that `text` begins with, if it is closed; they nest, as in PostgreSQL.
fn block_comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> Vec<&str> {
        split(text).complete
    }

    #[test]
    fn statements_end_at_semicolons() {
        assert_eq!(
            split("SELECT 1; SELECT 2 ;\nSELECT"),
            Split { complete: vec!["SELECT 1", "SELECT 2"], rest: "SELECT" }
        );
        assert_eq!(split(" ;;  ; "), Split { complete: vec![], rest: "" });
    }

    #[test]
    fn a_semicolon_in_quotes_or_comments_ends_nothing() {
        assert_eq!(complete("SELECT 'a;''b;', \"c;d\";"), ["SELECT 'a;''b;', \"c;d\""]);
        assert_eq!(complete("SELECT 1 -- one; two\n;"), ["SELECT 1 -- one; two"]);
        assert_eq!(complete("SELECT /* a; /* b; */ c; */ 1;"), ["SELECT /* a; /* b; */ c; */ 1"]);
        assert_eq!(complete("SELECT $$a;b$$, $tag$;$$;$tag$;"), ["SELECT $$a;b$$, $tag$;$$;$tag$"]);
        assert_eq!(complete("SELECT $1; SELECT $2;"), ["SELECT $1", "SELECT $2"]);
    }

    #[test]
    fn a_statement_has_its_place_in_the_text() {
        let text = "SELECT 1;\n\n  SELECT 2; SELECT 3;";
        let places: Vec<Place> = complete(text).into_iter().map(|part| Place::of(part, text)).collect();
        let place = |lines, characters| Place { lines, characters };
        assert_eq!(places, [place(0, 0), place(2, 2), place(2, 12)]);
    }

    #[test]
    fn a_quote_that_is_not_closed_goes_on() {
        assert_eq!(split("SELECT 'it;").rest, "SELECT 'it;");
        assert_eq!(split("SELECT 1; /* later;").rest, "/* later;");
        assert_eq!(split("SELECT 1; /* later */").rest, "");
    }

    #[test]
    fn no_text_is_cut_within_a_character() {
        for text in ["é;ü", "'é", "$é$;$é$", "/*é*/", "$", "'", "--é", "/*"] {
            split(text);
        }
    }
}
