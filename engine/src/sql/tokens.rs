//! From text to tokens, fast where the text is plain.
//!
//! Cutting a short statement into tokens takes the library's tokenizer as long as parsing it: it reads character by
//! character, makes a token of each space, and searches a thousand keywords for each word. What nearly all statements
//! are made of (words, plain numbers and texts, parameters, the usual operators, in ASCII) is cut here, to the same
//! tokens without the spaces. Where there is anything else in a text, comments and escapes included, all of it is left
//! to the library.

use std::sync::LazyLock;

use hashbrown::HashTable;
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

/// Characters for each token, of which spaces are one, in SQL that is long because of its conditions; in what is short
/// there may be fewer, and its tokens are not to be moved.
const BYTES_PER_TOKEN: usize = 3;

/// How many tokens a list has room for at least, if the text can have as many.
const TOKENS_MIN: usize = 256;

/// What bytes may be part of: a word, a number, a text in single quotes, a name in double ones.
const WORD: u8 = 1;
const DIGITS: u8 = 2;
const TEXT: u8 = 4;
const NAME: u8 = 8;

/// What each byte may be part of, behind the first.
static PARTS: [u8; 256] = {
    let mut parts = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_quotable = !matches!(byte, b'\n' | b'\\');
        parts[byte as usize] = part(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'), WORD)
            | part(byte.is_ascii_digit(), DIGITS)
            | part(is_quotable && byte != b'\'', TEXT)
            | part(is_quotable && byte != b'"', NAME);
        byte += 1;
    }
    parts
};

const fn part(is: bool, part: u8) -> u8 {
    if is { part } else { 0 }
}

/// The tokens of a text, without the spaces; none if it has anything that is not plain.
pub(super) fn plain(text: &str) -> Option<Vec<TokenWithSpan>> {
    let mut cutter = Cutter { text, bytes: text.as_bytes(), at: 0, line: 1, line_begin: 0 };
    let room = (text.len() / BYTES_PER_TOKEN).max(TOKENS_MIN.min(text.len() / 2 + 4));
    let mut tokens = Vec::with_capacity(room);
    while let Some(begin) = cutter.skip_spaces() {
        let start = cutter.location(begin);
        let token = cutter.token(begin)?;
        tokens.push(TokenWithSpan { token, span: Span::new(start, cutter.location(cutter.at)) });
    }
    Some(tokens)
}

struct Cutter<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u64,
    /// Where the line begins.
    line_begin: usize,
}

impl Cutter<'_> {
    /// Where the next token begins; none at the end.
    fn skip_spaces(&mut self) -> Option<usize> {
        loop {
            match self.bytes.get(self.at)? {
                b' ' | b'\t' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_begin = self.at;
                }
                _ => return Some(self.at),
            }
        }
    }

    /// A place on the line that is being read, which is all ASCII up to there.
    fn location(&self, at: usize) -> Location {
        Location { line: self.line, column: (at - self.line_begin) as u64 + 1 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes on to the next byte that is not of this part.
    fn skip(&mut self, part: u8) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| PARTS[usize::from(*byte)] & part == 0);
        self.at += end.unwrap_or(rest.len());
    }

    /// The token that begins here.
    fn token(&mut self, begin: usize) -> Option<Token> {
        self.at = begin + 1;
        match self.bytes[begin] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(begin),
            b'0'..=b'9' => self.number(begin),
            b'\'' => self.quoted(b'\'').map(Token::SingleQuotedString),
            b'$' | b'?' => self.placeholder(begin),
            b'"' => {
                let value = self.quoted(b'"')?;
                Some(Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword }))
            }
            other => self.symbol(other),
        }
    }

    fn word(&mut self, begin: usize) -> Option<Token> {
        self.skip(WORD);
        match self.peek() {
            // `X'ff'`, `U&'..'`, and letters that are none of ASCII's.
            Some(b'\'' | b'"' | b'&' | 0x80..) => None,
            _ => {
                let value = &self.text[begin..self.at];
                Some(Token::Word(Word {
                    value: value.to_owned(),
                    quote_style: None,
                    keyword: keyword(value),
                }))
            }
        }
    }

    /// Digits, and others after a point.
    fn number(&mut self, begin: usize) -> Option<Token> {
        self.skip(DIGITS);
        if self.peek() == Some(b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.skip(DIGITS);
        }
        match self.peek() {
            Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) => None,
            _ => Some(Token::Number(self.text[begin..self.at].to_owned(), false)),
        }
    }

    /// `?`, `?1` or `$1`, with nothing after it that could make it another token.
    fn placeholder(&mut self, begin: usize) -> Option<Token> {
        self.skip(DIGITS);
        let is_number = self.at > begin + 1;
        let is_over = matches!(self.peek(), None | Some(b' ' | b'\n' | b',' | b')' | b';'));
        (is_over && (is_number || self.bytes[begin] == b'?'))
            .then(|| Token::Placeholder(self.text[begin..self.at].to_owned()))
    }

    /// What stands between quotes on one line, without one of them in it.
    fn quoted(&mut self, quote: u8) -> Option<String> {
        let begin = self.at;
        self.skip(if quote == b'"' { NAME } else { TEXT });
        let end = self.at;
        self.at += 1;
        let is_whole = self.bytes.get(end) == Some(&quote) && self.peek() != Some(quote);
        is_whole.then(|| self.text[begin..end].to_owned())
    }

    fn symbol(&mut self, symbol: u8) -> Option<Token> {
        let next = self.peek().unwrap_or(b' ');
        let then = |cutter: &mut Self, token| {
            cutter.at += 1;
            Some(token)
        };
        match (symbol, next) {
            (b'(', _) => Some(Token::LParen),
            (b')', _) => Some(Token::RParen),
            (b',', _) => Some(Token::Comma),
            (b';', _) => Some(Token::SemiColon),
            (b'+', _) => Some(Token::Plus),
            (b'*', _) => Some(Token::Mul),
            (b'.', b'a'..=b'z' | b'A'..=b'Z' | b'*' | b'"' | b' ') => Some(Token::Period),
            (b'-', b'-' | b'>') | (b'/', b'*' | b'/') | (b'=', b'>' | b'=') => None,
            (b'-', _) => Some(Token::Minus),
            (b'/', _) => Some(Token::Div),
            (b'=', _) => Some(Token::Eq),
            (b'!', b'=') => then(self, Token::Neq),
            (b'<' | b'>', _) => self.comparison(symbol, next),
            (b'|', b'|') if self.bytes.get(self.at + 1) != Some(&b'/') => then(self, Token::StringConcat),
            _ => None,
        }
    }

    fn comparison(&mut self, symbol: u8, next: u8) -> Option<Token> {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\n' | b'(' | b'\'' | b'"' | b'-' | b'+')
        };
        let token = match (symbol, next) {
            (b'<', b'=') => Token::LtEq,
            (b'<', b'>') => Token::Neq,
            (b'>', b'=') => Token::GtEq,
            _ if !is_plain(next) => return None,
            (b'<', _) => return Some(Token::Lt),
            _ => return Some(Token::Gt),
        };
        self.at += 1;
        self.peek().is_none_or(is_plain).then_some(token)
    }
}

/// A keyword as it is looked for.
struct KnownKeyword {
    word: &'static str,
    folded: u64,
    keyword: Keyword,
}

/// Which keyword a word is, in any case of letters.
fn keyword(word: &str) -> Keyword {
    static KEYWORDS: LazyLock<HashTable<KnownKeyword>> = LazyLock::new(|| {
        let mut keywords = HashTable::with_capacity(ALL_KEYWORDS.len());
        for (word, keyword) in ALL_KEYWORDS.iter().zip(ALL_KEYWORDS_INDEX) {
            let known = KnownKeyword { word, folded: folded(word), keyword: *keyword };
            keywords.insert_unique(spread(known.folded), known, |known| spread(known.folded));
        }
        keywords
    });
    let folded = folded(word);
    let is_it = |known: &KnownKeyword| {
        known.folded == folded
            && known.word.len() == word.len()
            && (word.len() <= FOLDED_BYTES || known.word.eq_ignore_ascii_case(word))
    };
    KEYWORDS.find(spread(folded), is_it).map_or(Keyword::NoKeyword, |known| known.keyword)
}

/// How many bytes of a word there is room for where it is folded: of a word that is no longer it is all.
const FOLDED_BYTES: usize = 8;

/// The bytes of a word, whatever the case of its letters: they differ in one bit, and nothing else that may be in a word
/// differs in that alone.
fn folded(word: &str) -> u64 {
    word.bytes().fold(0, |folded: u64, byte| folded.rotate_left(8) ^ u64::from(byte & !0x20))
}

/// A hash of the bytes of a word (Knuth's multiplicative one; the high bits, which hang on all others, go down too).
fn spread(folded: u64) -> u64 {
    let spread = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ spread >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlparser::tokenizer::{Tokenizer, Whitespace};

    use super::super::{Dialect, grammar::Grammar};
    use super::*;

    fn by_the_library(text: &str, dialect: Dialect) -> Option<Vec<TokenWithSpan>> {
        let grammar = Grammar::new(dialect);
        let mut tokens = Tokenizer::new(&grammar, text).tokenize_with_location().ok()?;
        tokens.retain(|token| {
            !matches!(
                token.token,
                Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab)
            )
        });
        Some(tokens)
    }

    /// Tokens and spans; two spans are equal for the library wherever they are.
    fn shown(tokens: &[TokenWithSpan]) -> Vec<String> {
        tokens.iter().map(|token| format!("{:?} {:?}", token.token, token.span)).collect()
    }

    #[test]
    fn plain_statements_are_cut_here() {
        for text in [
            "SELECT a, \"b\" FROM t1 WHERE (a<>4.5 AND b>=-3) OR c||'x' = ''",
            "select\n  t.* -1 from t;",
            "INSERT INTO t VALUES (1, 'zwei', NULL)",
            "UPDATE t SET a = ?, b=$2 WHERE id IN (?,?2)",
        ] {
            assert!(plain(text).is_some(), "{text}");
        }
        for text in [
            "SELECT 'it''s'",
            "SELECT 1 -- one",
            "SELECT X'ff'",
            "SELECT 1e5",
            "SELECT 'é'",
            "SELECT $1$a$1$",
        ] {
            assert!(plain(text).is_none(), "{text}");
        }
    }

    #[test]
    fn keywords_are_found_in_any_case_of_letters() {
        for (word, keyword_of_it) in ALL_KEYWORDS.iter().zip(ALL_KEYWORDS_INDEX) {
            assert_eq!((keyword(word), keyword(&word.to_lowercase())), (*keyword_of_it, *keyword_of_it));
        }
        for word in ["selects", "select_", "selec", "current_timestamps", ""] {
            assert_eq!(keyword(word), Keyword::NoKeyword);
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let plain = prop::sample::select(vec![
            "select", "From", "x", "N", "e", "b", "_a1", "a$b", "t.c", "12", "3.5", "0", ".5", "7.", "1e3",
            "0x1F", "'text'", "''", "'a''b'", "\"Name\"", "\"\"", "(", ")", ",", ";", "+", "-", "*", "/",
            "=", "==", "<", "<=", "<>", ">", ">=", "!=", "||", "|", "%", "&", "::", ":name", "?", "$1",
            "--c", "/*c*/", "->", "[", "`", "~", "!", "é", "\n", "\t", " ", "\\",
        ]);
        plain.prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn the_tokens_are_the_librarys(pieces in prop::collection::vec((piece(), any::<bool>()), 0..14), sqlite: bool) {
            let text: String =
                pieces.iter().flat_map(|(piece, apart)| [piece.as_str(), if *apart { " " } else { "" }]).collect();
            let dialect = if sqlite { Dialect::Sqlite } else { Dialect::PostgreSql };
            if let Some(tokens) = plain(&text) {
                let expected = by_the_library(&text, dialect);
                prop_assert_eq!(Some(shown(&tokens)), expected.as_deref().map(shown), "{:?}", text);
            }
        }
    }
}
