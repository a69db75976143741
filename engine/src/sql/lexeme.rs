//! From text to lexemes, which borrow from it.
//!
//! What nearly all statements are made of: words, plain numbers and texts, parameters, the usual operators, in ASCII.
//! There is none of anything else, comments and escapes included.

use std::sync::LazyLock;

use hashbrown::HashTable;
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword};
use sqlparser::tokenizer::Location;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lexeme<'t> {
    /// A word without quotes, and the keyword that it is.
    Word(&'t str, Keyword),
    /// What stands in double quotes.
    Name(&'t str),
    Number(&'t str),
    /// What stands in single quotes.
    Text(&'t str),
    Placeholder(&'t str),
    Symbol(Symbol),
}

/// An operator, or what stands between and around operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    LParen,
    RParen,
    Comma,
    SemiColon,
    Period,
    Plus,
    Minus,
    Mul,
    Div,
    Eq,
    Neq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    StringConcat,
}

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

/// Cuts a text into lexemes.
pub(super) struct Cutter<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u64,
    /// Where the line begins.
    line_begin: usize,
}

impl<'t> Cutter<'t> {
    pub(super) fn new(text: &'t str) -> Cutter<'t> {
        Cutter { text, bytes: text.as_bytes(), at: 0, line: 1, line_begin: 0 }
    }

    /// Where the next token begins; none at the end.
    pub(super) fn skip_spaces(&mut self) -> Option<usize> {
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
    pub(super) fn location(&self, at: usize) -> Location {
        Location { line: self.line, column: (at - self.line_begin) as u64 + 1 }
    }

    /// Where the next token may begin.
    pub(super) fn at(&self) -> usize {
        self.at
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

    /// What begins here; none if that is not plain.
    pub(super) fn lexeme(&mut self, begin: usize) -> Option<Lexeme<'t>> {
        self.at = begin + 1;
        match self.bytes[begin] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(begin),
            b'0'..=b'9' => self.number(begin),
            b'\'' => self.quoted(b'\'').map(Lexeme::Text),
            b'$' | b'?' => self.placeholder(begin),
            b'"' => self.quoted(b'"').map(Lexeme::Name),
            other => self.symbol(other).map(Lexeme::Symbol),
        }
    }

    fn word(&mut self, begin: usize) -> Option<Lexeme<'t>> {
        self.skip(WORD);
        match self.peek() {
            // `X'ff'`, `U&'..'`, and letters that are none of ASCII's.
            Some(b'\'' | b'"' | b'&' | 0x80..) => None,
            _ => {
                let value = &self.text[begin..self.at];
                Some(Lexeme::Word(value, keyword(value)))
            }
        }
    }

    /// Digits, and others after a point.
    fn number(&mut self, begin: usize) -> Option<Lexeme<'t>> {
        self.skip(DIGITS);
        if self.peek() == Some(b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.skip(DIGITS);
        }
        match self.peek() {
            Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) => None,
            _ => Some(Lexeme::Number(&self.text[begin..self.at])),
        }
    }

    /// `?`, `?1` or `$1`, with nothing after it that could make it another token.
    fn placeholder(&mut self, begin: usize) -> Option<Lexeme<'t>> {
        self.skip(DIGITS);
        let is_number = self.at > begin + 1;
        let is_over = matches!(self.peek(), None | Some(b' ' | b'\n' | b',' | b')' | b';'));
        (is_over && (is_number || self.bytes[begin] == b'?'))
            .then(|| Lexeme::Placeholder(&self.text[begin..self.at]))
    }

    /// What stands between quotes on one line, without one of them in it.
    fn quoted(&mut self, quote: u8) -> Option<&'t str> {
        let begin = self.at;
        self.skip(if quote == b'"' { NAME } else { TEXT });
        let end = self.at;
        self.at += 1;
        let is_whole = self.bytes.get(end) == Some(&quote) && self.peek() != Some(quote);
        is_whole.then(|| &self.text[begin..end])
    }

    fn symbol(&mut self, symbol: u8) -> Option<Symbol> {
        let next = self.peek().unwrap_or(b' ');
        let then = |cutter: &mut Self, symbol| {
            cutter.at += 1;
            Some(symbol)
        };
        match (symbol, next) {
            (b'(', _) => Some(Symbol::LParen),
            (b')', _) => Some(Symbol::RParen),
            (b',', _) => Some(Symbol::Comma),
            (b';', _) => Some(Symbol::SemiColon),
            (b'+', _) => Some(Symbol::Plus),
            (b'*', _) => Some(Symbol::Mul),
            (b'.', b'a'..=b'z' | b'A'..=b'Z' | b'*' | b'"' | b' ') => Some(Symbol::Period),
            (b'-', b'-' | b'>') | (b'/', b'*' | b'/') | (b'=', b'>' | b'=') => None,
            (b'-', _) => Some(Symbol::Minus),
            (b'/', _) => Some(Symbol::Div),
            (b'=', _) => Some(Symbol::Eq),
            (b'!', b'=') => then(self, Symbol::Neq),
            (b'<' | b'>', _) => self.comparison(symbol, next),
            (b'|', b'|') if self.bytes.get(self.at + 1) != Some(&b'/') => then(self, Symbol::StringConcat),
            _ => None,
        }
    }

    fn comparison(&mut self, symbol: u8, next: u8) -> Option<Symbol> {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\n' | b'(' | b'\'' | b'"' | b'-' | b'+')
        };
        let token = match (symbol, next) {
            (b'<', b'=') => Symbol::LtEq,
            (b'<', b'>') => Symbol::Neq,
            (b'>', b'=') => Symbol::GtEq,
            _ if !is_plain(next) => return None,
            (b'<', _) => return Some(Symbol::Lt),
            _ => return Some(Symbol::Gt),
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
pub(super) fn keyword(word: &str) -> Keyword {
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
