//! From text to tokens, fast where the text is plain.
//!
//! Cutting a short statement into tokens takes the library's tokenizer as long as parsing it: it reads character by
//! character, makes a token of each space, and searches a thousand keywords for each word. What nearly all statements
//! are made of (words, plain numbers and texts, parameters, the usual operators, in ASCII) is cut here, to the same
//! tokens without the spaces. Where there is anything else in a text, comments and escapes included, all of it is left
//! to the library.

use std::sync::LazyLock;

use hashbrown::HashMap;
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

/// The longest keyword that is looked for; there is none that is longer.
const KEYWORD_BYTES_MAX: usize = 48;

/// Characters for each token, of which spaces are one, in SQL that people write; in what programs write there may be
/// half as many, and the tokens of a short text are not to be moved.
const BYTES_PER_TOKEN: usize = 4;

/// How many tokens a list has room for at least, if the text can have as many.
const TOKENS_MIN: usize = 256;

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

    fn take_while(&mut self, is: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
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
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
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
        self.take_while(|byte| byte.is_ascii_digit());
        if self.peek() == Some(b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        match self.peek() {
            Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) => None,
            _ => Some(Token::Number(self.text[begin..self.at].to_owned(), false)),
        }
    }

    /// `?`, `?1` or `$1`, with nothing after it that could make it another token.
    fn placeholder(&mut self, begin: usize) -> Option<Token> {
        self.take_while(|byte| byte.is_ascii_digit());
        let is_number = self.at > begin + 1;
        let is_over = matches!(self.peek(), None | Some(b' ' | b'\n' | b',' | b')' | b';'));
        (is_over && (is_number || self.bytes[begin] == b'?'))
            .then(|| Token::Placeholder(self.text[begin..self.at].to_owned()))
    }

    /// What stands between quotes on one line, without one of them in it.
    fn quoted(&mut self, quote: u8) -> Option<String> {
        let begin = self.at;
        self.take_while(|byte| byte != quote && byte.is_ascii() && !matches!(byte, b'\n' | b'\\'));
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

/// Which keyword a word is, in any case of letters.
fn keyword(word: &str) -> Keyword {
    static KEYWORDS: LazyLock<HashMap<&'static [u8], Keyword>> = LazyLock::new(|| {
        ALL_KEYWORDS.iter().map(|word| word.as_bytes()).zip(ALL_KEYWORDS_INDEX.iter().copied()).collect()
    });
    let mut upper = [0; KEYWORD_BYTES_MAX];
    let Some(upper) = upper.get_mut(..word.len()) else { return Keyword::NoKeyword };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    KEYWORDS.get(&*upper).copied().unwrap_or(Keyword::NoKeyword)
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
    fn no_keyword_is_longer_than_what_is_looked_for() {
        assert!(ALL_KEYWORDS.iter().all(|keyword| keyword.len() <= KEYWORD_BYTES_MAX));
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
