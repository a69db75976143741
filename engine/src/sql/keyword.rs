//! Which words are keywords where.
//!
//! The parser knows a thousand keywords, most of them for what other statements say, and a column may be called what
//! many of them are.

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// The keyword that the token so far ahead is.
pub(super) fn keyword_at(parser: &Parser<'_>, ahead: usize) -> Keyword {
    keyword_of(&parser.peek_nth_token_ref(ahead).token)
}

/// The keyword that a token is.
pub(super) fn keyword_of(token: &Token) -> Keyword {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// Whether a word is only a name where an expression or a table may stand: what columns are called is among these.
pub(super) fn is_name(keyword: Keyword) -> bool {
    use Keyword::{
        ACCOUNT, ACTION, CATALOG, CATEGORY, CHANNEL, CLASS, COMMENT, COST, DATA, DOMAIN, EVENT, FILE, ID,
        ITEMS, KEY, LANGUAGE, LEVEL, LIST, LOCATION, LOG, MESSAGE, METHOD, MODE, NAME, OBJECT, OWNER,
        PASSWORD, PLAN, POLICY, REGION, RESOURCE, RESULT, ROLE, SERVER, SESSION, SIZE, SOURCE, STATUS, TAG,
        TARGET, TASK, TEMPLATE, TYPE, URL, VALUE, VOLUME,
    };
    #[rustfmt::skip]
    let is_name = matches!(
        keyword,
        Keyword::NoKeyword | ACCOUNT | ACTION | CATALOG | CATEGORY | CHANNEL | CLASS | COMMENT | COST | DATA | DOMAIN
            | EVENT | FILE | ID | ITEMS | KEY | LANGUAGE | LEVEL | LIST | LOCATION | LOG | MESSAGE | METHOD | MODE | NAME
            | OBJECT | OWNER | PASSWORD | PLAN | POLICY | REGION | RESOURCE | RESULT | ROLE | SERVER | SESSION | SIZE
            | SOURCE | STATUS | TAG | TARGET | TASK | TEMPLATE | TYPE | URL | VALUE | VOLUME
    );
    is_name
}

/// Keywords that are the names of functions too, with nothing but expressions in their parentheses.
pub(super) fn is_aggregate(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::COUNT
            | Keyword::SUM
            | Keyword::MIN
            | Keyword::MAX
            | Keyword::AVG
            | Keyword::COALESCE
            | Keyword::NULLIF
    )
}
