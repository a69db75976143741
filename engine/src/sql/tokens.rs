//! From text to tokens, fast where the text is plain.
//!
//! Cutting a short statement into tokens takes the library's tokenizer as long as parsing it: it reads character by
//! character, makes a token of each space, and searches a thousand keywords for each word. What nearly all statements
//! are made of is cut into [lexemes](super::lexeme), which become the same tokens here, without the spaces. Where there is
//! anything else in a text, comments and escapes included, all of it is left to the library.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use super::lexeme::{Cutter, Lexeme, Symbol};

/// Characters for each token, of which spaces are one, in SQL that is long because of its conditions; in what is short
/// there may be fewer, and its tokens are not to be moved.
const BYTES_PER_TOKEN: usize = 3;

/// How many tokens a list has room for at least, if the text can have as many.
const TOKENS_MIN: usize = 256;

/// The tokens of a text, without the spaces; none if it has anything that is not plain.
pub(super) fn plain(text: &str) -> Option<Vec<TokenWithSpan>> {
    let mut cutter = Cutter::new(text);
    let room = (text.len() / BYTES_PER_TOKEN).max(TOKENS_MIN.min(text.len() / 2 + 4));
    let mut tokens = Vec::with_capacity(room);
    while let Some(begin) = cutter.skip_spaces() {
        let start = cutter.location(begin);
        let token = token_of(cutter.lexeme(begin)?);
        tokens.push(TokenWithSpan { token, span: Span::new(start, cutter.location(cutter.at())) });
    }
    Some(tokens)
}

/// A lexeme as the parser takes it.
fn token_of(lexeme: Lexeme<'_>) -> Token {
    let word = |value: &str, quote_style, keyword| {
        Token::Word(Word { value: value.to_owned(), quote_style, keyword })
    };
    match lexeme {
        Lexeme::Word(value, keyword) => word(value, None, keyword),
        Lexeme::Name(value) => word(value, Some('"'), Keyword::NoKeyword),
        Lexeme::Number(digits) => Token::Number(digits.to_owned(), false),
        Lexeme::Text(text) => Token::SingleQuotedString(text.to_owned()),
        Lexeme::Placeholder(name) => Token::Placeholder(name.to_owned()),
        Lexeme::Symbol(symbol) => match symbol {
            Symbol::LParen => Token::LParen,
            Symbol::RParen => Token::RParen,
            Symbol::Comma => Token::Comma,
            Symbol::SemiColon => Token::SemiColon,
            Symbol::Period => Token::Period,
            Symbol::Plus => Token::Plus,
            Symbol::Minus => Token::Minus,
            Symbol::Mul => Token::Mul,
            Symbol::Div => Token::Div,
            Symbol::Eq => Token::Eq,
            Symbol::Neq => Token::Neq,
            Symbol::Lt => Token::Lt,
            Symbol::LtEq => Token::LtEq,
            Symbol::Gt => Token::Gt,
            Symbol::GtEq => Token::GtEq,
            Symbol::StringConcat => Token::StringConcat,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlparser::tokenizer::{Tokenizer, Whitespace};

    use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX};

    use super::super::lexeme::keyword;
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
