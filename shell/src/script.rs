//! Where a statement ends.
//!
//! The shell must know this before anybody parses: a line may hold half a statement, or three. So it looks at nothing
//! but what may hide a semicolon: quotes, comments and dollar quotes. What is between is the parser's business.
//!
//! Text comes line by line, and is looked at once: what is open at the end of a line is kept.

/// Statements as they come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What is no part of a complete statement yet.
    text: String,
    /// Where the input has it.
    place: Place,
    /// How far it was looked at.
    seen: usize,
    open: Open,
    /// Whether anything but blanks and comments was met.
    says_something: bool,
}

/// A statement without its semicolon and without the blanks around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complete {
    pub(crate) sql: String,
    /// Where it begins.
    pub(crate) place: Place,
}

/// How much of the input stands before a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lines: u64,
    /// In the line that it begins in.
    pub(crate) characters: u64,
}

impl Place {
    /// The place behind a text that begins here.
    fn behind(self, text: &str) -> Place {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (lines, characters) = match text.rsplit_once('\n') {
            Some((before, last)) => (1 + before.matches('\n').count(), count(last.chars().count())),
            None => (0, self.characters + count(text.chars().count())),
        };
        Place { lines: self.lines + count(lines), characters }
    }
}

/// What a semicolon means nothing in, if it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    /// A doubled quote closes one quote and opens the next, which comes to the same.
    Quote(u8),
    /// PostgreSQL's `E'..'`, in which a backslash takes the next character's meaning.
    Escaped,
    LineComment,
    /// So many, one within the other, as PostgreSQL has them.
    BlockComments(usize),
    /// What ends it, with both dollars.
    Dollar(String),
}

impl Script {
    /// Whether no statement has begun: what was left, if anything, is blanks and comments.
    pub(crate) fn is_at_start(&self) -> bool {
        !self.says_something && matches!(self.open, Open::Nothing | Open::LineComment)
    }

    /// Takes a line, without its end, before which so many others stand in the input.
    pub(crate) fn push(&mut self, line: &str, lines_before: u64) {
        if self.is_at_start() {
            *self = Script { place: Place { lines: lines_before, characters: 0 }, ..Script::default() };
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The next statement that a semicolon ends, if it is there already.
    pub(crate) fn next(&mut self) -> Option<Complete> {
        while self.seen < self.text.len() {
            if self.open == Open::Nothing && self.text.as_bytes()[self.seen] == b';' {
                let (says_something, complete) = (self.says_something, self.cut(self.seen, 1));
                if says_something {
                    return Some(complete);
                }
            } else {
                self.step();
            }
        }
        None
    }

    /// What no semicolon has ended, if it says something: the end of the input does.
    pub(crate) fn end(&mut self) -> Option<Complete> {
        let is_at_start = self.is_at_start();
        let rest = self.cut(self.text.len(), 0);
        (!is_at_start).then_some(rest)
    }

    /// Takes the statement that ends at `end` out, and so many bytes that follow.
    fn cut(&mut self, end: usize, and: usize) -> Complete {
        let sql = self.text[..end].trim();
        let blanks = self.text.len() - self.text.trim_start().len();
        let complete =
            Complete { sql: sql.to_owned(), place: self.place.behind(&self.text[..blanks.min(end)]) };
        let place = self.place.behind(&self.text[..end + and]);
        let text = self.text.split_off(end + and);
        *self = Script { text, place, ..Script::default() };
        complete
    }

    /// Looks at the next characters, as many as mean one thing.
    fn step(&mut self) {
        let rest = &self.text[self.seen..];
        let first = rest.as_bytes()[0];
        let (bytes, open) = match &self.open {
            Open::Nothing => self.opened(),
            Open::Quote(quote) => closed(rest, char::from(*quote)),
            Open::LineComment => closed(rest, '\n'),
            Open::Escaped if first == b'\\' => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), None),
            Open::Escaped if first == b'\'' => (1, Some(Open::Nothing)),
            Open::Escaped => (rest.find(['\'', '\\']).unwrap_or(rest.len()), None),
            Open::BlockComments(depth) => commented(rest, *depth),
            Open::Dollar(tag) => match rest.find(tag.as_str()) {
                Some(at) => (at + tag.len(), Some(Open::Nothing)),
                None => (rest.len(), None),
            },
        };
        self.seen += bytes;
        self.open = open.unwrap_or(std::mem::take(&mut self.open));
    }

    /// The same where nothing is open.
    fn opened(&mut self) -> (usize, Option<Open>) {
        let (before, rest) = self.text.split_at(self.seen);
        let (bytes, open) = match rest.as_bytes()[0] {
            b'-' if rest.starts_with("--") => return (2, Some(Open::LineComment)),
            b'/' if rest.starts_with("/*") => return (2, Some(Open::BlockComments(1))),
            b'\'' if is_escape(before) => (1, Some(Open::Escaped)),
            quote @ (b'\'' | b'"' | b'`') => (1, Some(Open::Quote(quote))),
            b'$' => match dollar_tag(rest) {
                Some(tag) => (tag.len(), Some(Open::Dollar(tag.to_owned()))),
                None => (1, None),
            },
            _ => {
                let plain = rest.find(['-', '/', '\'', '"', '`', '$', ';']).unwrap_or(rest.len());
                self.says_something |= !rest[..plain].trim().is_empty();
                // What begins nothing although it might is passed over alone.
                return (plain.max(1), None);
            }
        };
        self.says_something = true;
        (bytes, open)
    }
}

/// The bytes up to what closes a quote or a comment, and what is open behind them.
fn closed(rest: &str, close: char) -> (usize, Option<Open>) {
    match rest.find(close) {
        Some(at) => (at + 1, Some(Open::Nothing)),
        None => (rest.len(), None),
    }
}

/// The same of block comments.
fn commented(rest: &str, depth: usize) -> (usize, Option<Open>) {
    match rest.as_bytes() {
        [b'/', b'*', ..] => (2, Some(Open::BlockComments(depth + 1))),
        [b'*', b'/', ..] if depth == 1 => (2, Some(Open::Nothing)),
        [b'*', b'/', ..] => (2, Some(Open::BlockComments(depth - 1))),
        [b'*' | b'/', ..] => (1, None),
        _ => (rest.find(['*', '/']).unwrap_or(rest.len()), None),
    }
}

/// Whether what a quote follows makes it one with escapes: an `E` that is no name's end.
fn is_escape(before: &str) -> bool {
    let mut last = before.chars().rev();
    matches!(last.next(), Some('e' | 'E')) && last.next().is_none_or(|c| !c.is_alphanumeric() && c != '_')
}

/// The dollar quote that a text begins with.
fn dollar_tag(text: &str) -> Option<&str> {
    let tag = text[1..].find('$').map(|length| &text[..length + 2])?;
    let is_tag = tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_parameter = tag.as_bytes()[1].is_ascii_digit();
    (is_tag && !is_parameter).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements of a text that are complete, and what is left.
    fn split(text: &str) -> (Vec<Complete>, String) {
        let mut script = Script::default();
        let mut complete = Vec::new();
        for (number, line) in (0..).zip(text.split('\n')) {
            script.push(line, number);
            complete.extend(std::iter::from_fn(|| script.next()));
        }
        (complete, script.end().map(|rest| rest.sql).unwrap_or_default())
    }

    fn complete(text: &str) -> Vec<String> {
        split(text).0.into_iter().map(|complete| complete.sql).collect()
    }

    fn rest(text: &str) -> String {
        split(text).1
    }

    #[test]
    fn statements_end_at_semicolons() {
        let text = "SELECT 1; SELECT 2 ;\nSELECT";
        assert_eq!(
            (complete(text), rest(text).as_str()),
            (vec!["SELECT 1".into(), "SELECT 2".into()], "SELECT")
        );
        assert_eq!(split(" ;;  ; "), (vec![], String::new()));
    }

    #[test]
    fn a_semicolon_in_quotes_or_comments_ends_nothing() {
        assert_eq!(complete("SELECT 'a;''b;', \"c;d\";"), ["SELECT 'a;''b;', \"c;d\""]);
        assert_eq!(complete("SELECT 1 -- one; two\n;"), ["SELECT 1 -- one; two"]);
        assert_eq!(complete("SELECT /* a; /* b; */ c; */ 1;"), ["SELECT /* a; /* b; */ c; */ 1"]);
        assert_eq!(complete("SELECT $$a;b$$, $tag$;$$;$tag$;"), ["SELECT $$a;b$$, $tag$;$$;$tag$"]);
        assert_eq!(complete("SELECT $1; SELECT $2;"), ["SELECT $1", "SELECT $2"]);
        assert_eq!(complete("SELECT 3 - 2 / 1;"), ["SELECT 3 - 2 / 1"]);
    }

    #[test]
    fn a_backslash_hides_a_quote_in_an_escape_string_alone() {
        assert_eq!(complete(r"SELECT E'a\';b', e'\\'; SELECT 2;"), [r"SELECT E'a\';b', e'\\'", "SELECT 2"]);
        assert_eq!(complete(r"SELECT 'a\'; SELECT 2;"), [r"SELECT 'a\'", "SELECT 2"]);
        assert_eq!(
            complete(r"SELECT * FROM table_e'a\'; SELECT 2;"),
            [r"SELECT * FROM table_e'a\'", "SELECT 2"]
        );
    }

    #[test]
    fn what_is_open_at_the_end_of_a_line_stays_open() {
        assert_eq!(
            complete("SELECT 'a;\nb;\n', $x$;\n;$x$ /* ;\n; */;"),
            ["SELECT 'a;\nb;\n', $x$;\n;$x$ /* ;\n; */"]
        );
    }

    #[test]
    fn the_ends_of_lines_in_a_text_are_kept() {
        assert_eq!(complete("SELECT 'a\r\nb';"), ["SELECT 'a\r\nb'"]);
    }

    #[test]
    fn a_statement_has_its_place_in_the_text() {
        let places: Vec<Place> = split("SELECT 1;\n\n  SELECT 2; SELECT\n3; SELECT 4;")
            .0
            .iter()
            .map(|complete| complete.place)
            .collect();
        let place = |lines, characters| Place { lines, characters };
        assert_eq!(places, [place(0, 0), place(2, 2), place(2, 12), place(3, 3)]);
    }

    #[test]
    fn a_quote_that_is_not_closed_goes_on() {
        assert_eq!(rest("SELECT 'it;"), "SELECT 'it;");
        assert_eq!(rest("SELECT 1; /* later;"), "/* later;");
        assert_eq!(rest("SELECT 1; /* later */"), "");
        assert_eq!(rest("SELECT 1; -- later"), "");
    }

    #[test]
    fn no_text_is_cut_within_a_character() {
        for text in ["é;ü", "'é", "$é$;$é$", "/*é*/", "$", "'", "--é", "/*", "e'\\é'", "e'\\", "é-é/é"]
        {
            split(text);
        }
    }
}
