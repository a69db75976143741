//! From text to syntax trees, within limits.
//!
//! A script is cut into its statements first, and each of them is parsed when its turn comes. The parser and whatever
//! walks its trees recurse, and a recursion that is too deep ends the process. So before anything is parsed, it is
//! counted how many operators follow each other (`a + b + c + ..` is a tree as deep as it is long); the parser itself
//! counts what lies within parentheses.

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use super::Dialect;
use super::beyond::{self, Beyond};
use super::error::{Problem, SqlError};
use super::grammar::{Grammar, is_isnull};
use super::hint;
use super::pragma::Pragma;
use super::sequence::{self, SequenceStatement};
use super::tokens;

/// The longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1_000_000;

/// The longest script, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 256 << 20;

/// How deep parentheses, subqueries and operators that bind tighter may lie within each other.
pub const NESTING_MAX: usize = 200;

/// The same for what is read on the thread of the caller: a level takes up to sixty kilobytes of stack in a build
/// without optimisation, and a thread of Rust's has two megabytes. What is deeper gets a thread of its own.
pub(super) const SHALLOW_NESTING_MAX: usize = if cfg!(debug_assertions) { 16 } else { 48 };

/// The stack of that thread. It is memory only as far as it is used.
const DEEP_STACK_BYTES: usize = 64 << 20;

/// Runs `f` where there is room for recursion as deep as [`NESTING_MAX`].
pub(super) fn with_deep_stack<T: Send>(
    f: impl FnOnce() -> Result<T, SqlError> + Send,
) -> Result<T, SqlError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES).spawn_scoped(scope, f);
        let too_deep = || SqlError::from(Problem::TooDeep { max: SHALLOW_NESTING_MAX });
        thread.map_err(|_| too_deep())?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How many operators may follow each other in one expression: the tree is as deep.
pub const OPERATORS_MAX: usize = 400;

/// A statement as it was written.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A query, or a change of rows behind a WITH.
    Query(Box<ast::Query>),
    /// What else the parser knows.
    Statement(Box<ast::Statement>),
    /// An INSERT that says more than its tree.
    Insert(Box<ast::Statement>, Beyond),
    /// SQLite's `REINDEX`, of everything, or of a table or index.
    Reindex(Option<ast::Ident>),
    /// SQLite's `PRAGMA`.
    Pragma(Pragma),
    /// `CREATE` or `ALTER SEQUENCE`.
    Sequence(Box<SequenceStatement>),
    /// `ALTER TYPE .. OWNER TO ..`.
    TypeOwner(ast::ObjectName),
}

/// The statements of a text, each still to be parsed.
///
/// # Errors
/// What is no token; [`Problem::TooLong`].
pub(super) fn split(text: &str, dialect: Dialect) -> Result<Vec<Vec<TokenWithSpan>>, SqlError> {
    if text.len() > SCRIPT_BYTES_MAX {
        return Err(Problem::TooLong { bytes: text.len(), max: SCRIPT_BYTES_MAX }.into());
    }
    let plain = tokens::plain(text);
    let is_plain = plain.is_some();
    let mut tokens = match plain {
        Some(tokens) => tokens,
        None => Tokenizer::new(&Grammar::new(dialect), text).tokenize_with_location().map_err(|error| {
            SqlError::new(Problem::Syntax { message: error.message }).or_at(error.location)
        })?,
    };
    // One statement, as nearly all texts are, keeps its tokens where they are.
    let is_end = |token: &TokenWithSpan| matches!(token.token, Token::SemiColon | Token::Whitespace(_));
    let last = tokens.iter().rposition(|token| !is_end(token)).map_or(0, |last| last + 1);
    if text.len() <= STATEMENT_BYTES_MAX
        && !tokens[..last].iter().any(|token| matches!(token.token, Token::SemiColon))
    {
        tokens.truncate(last);
        if !is_plain {
            tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        }
        return Ok(Some(tokens).filter(|tokens| !tokens.is_empty()).into_iter().collect());
    }
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut trigger = TriggerBody::default();
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::SemiColon if !trigger.is_open() => {
                statements.extend(Some(std::mem::take(&mut current)).filter(|tokens| !tokens.is_empty()));
                trigger = TriggerBody::default();
                continue;
            }
            Token::Word(word) => trigger.see(word, current.len()),
            _ => {}
        }
        current.push(token);
    }
    statements.extend(Some(current).filter(|tokens| !tokens.is_empty()));
    // A short text, as nearly all are, has no long statement.
    if text.len() > STATEMENT_BYTES_MAX {
        let lines = Lines::of(text);
        statements.iter().try_for_each(|tokens| lines.check_length(tokens))?;
    }
    Ok(statements)
}

/// Parses one statement.
///
/// # Errors
/// [`Problem::Syntax`], [`Problem::TooDeep`], [`Problem::TooManyOperators`].
pub(super) fn parse(
    mut tokens: Vec<TokenWithSpan>,
    dialect: Dialect,
    nesting_max: usize,
) -> Result<Parsed, SqlError> {
    check_operators(&tokens)?;
    if let Some(Token::Word(word)) = tokens.first().map(|token| &token.token)
        && word.quote_style.is_none()
    {
        match word.keyword {
            Keyword::REINDEX => return reindex(tokens),
            Keyword::PRAGMA => return Ok(Parsed::Pragma(Pragma::parse(&tokens)?)),
            Keyword::CREATE | Keyword::ALTER
                if !dialect.is_sqlite() && sequence::is_about_sequence(&tokens) =>
            {
                return Ok(Parsed::Sequence(Box::new(SequenceStatement::parse(&tokens)?)));
            }
            Keyword::ALTER if !dialect.is_sqlite() && is_type_owner(&tokens) => {
                let grammar = Grammar::new(dialect);
                let mut parser = Parser::new(&grammar).with_tokens_with_locations(tokens.split_off(2));
                let name = parser.parse_object_name(false);
                let unread = |error: ParserError| Problem::Syntax { message: error.to_string() };
                return Ok(Parsed::TypeOwner(name.map_err(unread)?));
            }
            Keyword::CREATE | Keyword::ALTER if !dialect.is_sqlite() => {
                sequence::order_identity_options(&mut tokens);
            }
            Keyword::TABLE if !dialect.is_sqlite() => write_table_out(&mut tokens),
            _ => {}
        }
    }
    if dialect.is_sqlite() {
        drop_hints(&mut tokens);
    }
    expect_numbers_apart(&tokens)?;
    if !dialect.is_sqlite() {
        drop_lock_words(&mut tokens);
    }
    super::frame::fold_exclusions(&mut tokens);
    beyond::fold_key_conflicts(&mut tokens);
    let overriding = beyond::take_overriding(&mut tokens);
    let grammar = Grammar::new(dialect);
    let (begin, end) =
        (tokens.first().map(|token| token.span.start), tokens.last().map(|token| token.span.end));
    let (parser, tree) = tree_of(tokens, &grammar, nesting_max);
    let refused = match tree {
        Ok((Parsed::Statement(statement), conflicts)) if overriding.is_some() || !conflicts.is_empty() => {
            return Ok(Parsed::Insert(statement, Beyond { conflicts, overriding }));
        }
        Ok((parsed, _)) => return Ok(parsed),
        Err(refused) => refused,
    };
    let tokens = parser.into_tokens();
    let refused = match may_be_too_deep(&refused, &tokens, nesting_max) {
        true => refused_deeper(&tokens, dialect)?,
        false => refused,
    };
    let (message, place) = match refused {
        Refused::Rest(message, place) => (message, Some(place)),
        Refused::Parser(error) => match problem_of(error, nesting_max) {
            Ok(told) => told,
            Err(problem) => {
                return Err(begin.map_or(problem.clone().into(), |at| SqlError::new(problem).or_at(at)));
            }
        },
    };
    let is_at_end = message.ends_with("found: EOF");
    let place = place.filter(|at| at.line > 0).or(if is_at_end { end } else { begin });
    let at = tokens.iter().position(|token| Some(token.span.start) == place && !is_at_end);
    Err(syntax_error(message, place, &tokens, at))
}

/// A statement, and its further `ON CONFLICT`s.
type Tree = Result<(Parsed, Vec<ast::OnConflict>), Refused>;

/// Why tokens are no statement.
enum Refused {
    /// What the parser says.
    Parser(ParserError),
    /// They go on behind one: a message, and where.
    Rest(String, Location),
}

/// The tree that the parser makes of tokens, and the parser with them.
fn tree_of(tokens: Vec<TokenWithSpan>, grammar: &Grammar, nesting_max: usize) -> (Parser<'_>, Tree) {
    let is_query = begins_query(&tokens);
    // A statement counts as a level, also where only a query is asked for.
    let mut parser = Parser::new(grammar)
        .with_recursion_limit(nesting_max - usize::from(is_query))
        .with_tokens_with_locations(tokens);
    let parsed = match is_query {
        true => grammar.query(&mut parser).map(|query| (Parsed::Query(query), Vec::new())),
        false => grammar.statement(&mut parser).and_then(|mut statement| {
            let further = beyond::parse_further_conflicts(&mut parser, &mut statement, grammar, nesting_max)?;
            Ok((Parsed::Statement(statement), further))
        }),
    };
    let TokenWithSpan { token, span } = parser.peek_token_ref();
    let tree = match parsed {
        Err(error) => Err(Refused::Parser(error)),
        Ok(_) if *token != Token::EOF => {
            let message = format!("expected the end of the statement, found {token}");
            Err(Refused::Rest(message, span.start))
        }
        Ok(parsed) => Ok(parsed),
    };
    (parser, tree)
}

/// Whether tokens may have been refused for their depth alone. The parser tries one reading after another, and says of
/// the last what is wrong with it; that one before it was only too deep it has forgotten then.
fn may_be_too_deep(refused: &Refused, tokens: &[TokenWithSpan], nesting_max: usize) -> bool {
    /// So many levels one of these may be.
    const LEVELS_EACH: usize = 4;
    let opens = |token: &&TokenWithSpan| match &token.token {
        Token::LParen | Token::LBracket => true,
        Token::Word(word) => matches!(word.keyword, Keyword::CASE | Keyword::NOT),
        _ => false,
    };
    nesting_max < NESTING_MAX
        && !matches!(refused, Refused::Parser(ParserError::RecursionLimitExceeded))
        && tokens.iter().filter(opens).count() * LEVELS_EACH >= nesting_max
}

/// Why tokens are refused also where there is room for depth: for that alone, if they are not.
fn refused_deeper(tokens: &[TokenWithSpan], dialect: Dialect) -> Result<Refused, SqlError> {
    with_deep_stack(|| {
        let grammar = Grammar::new(dialect);
        Ok(match tree_of(tokens.to_vec(), &grammar, NESTING_MAX).1 {
            Ok(_) => Refused::Parser(ParserError::RecursionLimitExceeded),
            Err(refused) => refused,
        })
    })
}

/// Whether a statement is a query by its first word.
fn begins_query(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens.first(), Some(TokenWithSpan { token: Token::Word(word), .. })
        if word.quote_style.is_none() && matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES))
}

/// A syntax error, and what was probably meant there.
fn syntax_error(
    mut message: String,
    place: Option<Location>,
    tokens: &[TokenWithSpan],
    at: Option<usize>,
) -> SqlError {
    if let Some(at) = at {
        let before = at.checked_sub(1).map(|before| &tokens[before].token);
        message.extend(hint::behind_error(before, &tokens[at]));
    }
    let error = SqlError::new(Problem::Syntax { message });
    match place {
        Some(place) => error.or_at(place),
        None => error,
    }
}

/// Refuses a number that runs into a word: `1x` is no 1 that is called x, nor is `0b101`.
fn expect_numbers_apart(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    for pair in tokens.windows(2) {
        if let [TokenWithSpan { token: Token::Number(digits, _), span: Span { end, .. } }, next] = pair
            && let Token::Word(word) = &next.token
            && word.quote_style.is_none()
            && *end == next.span.start
            && end.line > 0
        {
            let message =
                format!("expected a space between a number and a word, found {digits}{}", word.value);
            return Err(SqlError::at(Problem::Syntax { message }, pair[0].span));
        }
    }
    Ok(())
}

/// Removes what PostgreSQL's `FOR NO KEY UPDATE` and `FOR KEY SHARE` say beyond `FOR UPDATE` and `FOR SHARE`, which lock
/// out more.
fn drop_lock_words(tokens: &mut Vec<TokenWithSpan>) {
    let keyword = |tokens: &[TokenWithSpan], at: usize| match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let mut at = 0;
    while at < tokens.len() {
        if keyword(tokens, at) == Keyword::FOR {
            let no = usize::from(keyword(tokens, at + 1) == Keyword::NO);
            let lock = if no == 1 { Keyword::UPDATE } else { Keyword::SHARE };
            if keyword(tokens, at + 1 + no) == Keyword::KEY && keyword(tokens, at + 2 + no) == lock {
                tokens.drain(at + 1..at + 2 + no);
            }
        }
        at += 1;
    }
}

/// `TABLE t` as `SELECT * FROM t`.
fn write_table_out(tokens: &mut Vec<TokenWithSpan>) {
    let Some(span) = tokens.first().map(|token| token.span) else { return };
    let word =
        |keyword: Keyword| Token::Word(Word { value: format!("{keyword:?}"), quote_style: None, keyword });
    let written = [word(Keyword::SELECT), Token::Mul, word(Keyword::FROM)];
    tokens.splice(..1, written.map(|token| TokenWithSpan { token, span }));
}

/// Whether a statement is `ALTER TYPE name OWNER TO role`, which the parser does not know.
fn is_type_owner(tokens: &[TokenWithSpan]) -> bool {
    let is = |token: &TokenWithSpan, word: &str| matches!(&token.token, Token::Word(found) if found.value.eq_ignore_ascii_case(word));
    let ends = matches!(tokens, [.., owner, to, _] if is(owner, "owner") && is(to, "to"));
    ends && tokens.get(1).is_some_and(|token| is(token, "type"))
}

fn reindex(tokens: Vec<TokenWithSpan>) -> Result<Parsed, SqlError> {
    // PostgreSQL says what it is.
    let is_kind = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if matches!(word.keyword, Keyword::TABLE | Keyword::INDEX));
    let skipped = if tokens.len() == 3 && is_kind(&tokens[1]) { 2 } else { 1 };
    let mut tokens = tokens.into_iter().skip(skipped);
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(Parsed::Reindex(None)),
        (Some(TokenWithSpan { token: Token::Word(word), span }), None) => {
            Ok(Parsed::Reindex(Some(word.into_ident(span))))
        }
        (Some(TokenWithSpan { token, span }), _) => {
            let message = format!("expected a name after REINDEX, found {token}");
            Err(SqlError::at(Problem::Syntax { message }, span))
        }
    }
}

/// Removes `NOT INDEXED`, `INDEXED BY name`, and `MATERIALIZED` of a common table: which index is used, and what is
/// kept, is the optimiser's business.
fn drop_hints(tokens: &mut Vec<TokenWithSpan>) {
    let is = |token: &TokenWithSpan, text: &str| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text));
    let is_hint = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.value.len() == "indexed".len() => is(token, "indexed"),
        Token::Word(word) if word.value.len() == "materialized".len() => is(token, "materialized"),
        _ => false,
    };
    if !tokens.iter().any(is_hint) {
        return;
    }
    let mut at = 0;
    while at < tokens.len() {
        let not_before = at > 0 && is(&tokens[at - 1], "not");
        let by_after = tokens.get(at + 1).is_some_and(|token| is(token, "by"));
        let query_after = tokens.get(at + 1).is_some_and(|token| token.token == Token::LParen);
        let begin = at - usize::from(not_before);
        let is_of_common = query_after && begin > 0 && is(&tokens[begin - 1], "as");
        if is(&tokens[at], "indexed") && (not_before || by_after) {
            let end = if not_before { at + 1 } else { (at + 3).min(tokens.len()) };
            tokens.drain(begin..end);
        } else if is(&tokens[at], "materialized") && is_of_common {
            tokens.drain(begin..=at);
        } else {
            at += 1;
        }
    }
}

/// The message of the parser's error, and the place that it writes into it.
fn problem_of(error: ParserError, nesting_max: usize) -> Result<(String, Option<Location>), Problem> {
    let message = match error {
        ParserError::RecursionLimitExceeded => return Err(Problem::TooDeep { max: nesting_max }),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    Ok(match message.rsplit_once(" at Line: ") {
        Some((text, place)) => {
            let mut numbers =
                place.split(", Column: ").map(|number| number.trim().parse::<u64>().unwrap_or(0));
            let at = Location { line: numbers.next().unwrap_or(0), column: numbers.next().unwrap_or(0) };
            (text.to_owned(), Some(at))
        }
        None => (message, None),
    })
}

/// Whether a statement is within the body of a trigger, whose statements end with semicolons too.
#[derive(Default)]
struct TriggerBody {
    is_create: bool,
    is_trigger: bool,
    depth: usize,
}

impl TriggerBody {
    fn see(&mut self, word: &Word, place: usize) {
        match word.keyword {
            Keyword::CREATE if place == 0 => self.is_create = true,
            Keyword::TRIGGER if self.is_create && place <= 2 => self.is_trigger = true,
            Keyword::BEGIN | Keyword::CASE if self.is_trigger => self.depth += 1,
            Keyword::END => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_open(&self) -> bool {
        self.depth > 0
    }
}

/// Refuses expressions whose trees are too deep, because of their parentheses or because operators follow each other.
fn check_operators(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    if tokens.len() <= NESTING_MAX.min(OPERATORS_MAX) {
        return Ok(());
    }
    // By depth of parentheses: connectives, and operators since the last of them.
    let mut open: Vec<(usize, usize)> = vec![(0, 0)];
    for TokenWithSpan { token, span } in tokens {
        let depth = open.len();
        let Some((connectives, operators)) = open.last_mut() else { break };
        match token {
            Token::LParen | Token::LBracket => {
                *operators += 1;
                if depth > NESTING_MAX {
                    return Err(SqlError::at(Problem::TooDeep { max: NESTING_MAX }, *span));
                }
                open.push((0, 0));
                continue;
            }
            Token::RParen | Token::RBracket if depth > 1 => {
                open.pop();
                continue;
            }
            Token::Comma => (*connectives, *operators) = (0, 0),
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    *connectives += 1;
                    *operators = 0;
                }
                Keyword::WHEN | Keyword::THEN | Keyword::ON | Keyword::JOIN => *operators = 0,
                Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::NOTNULL
                | Keyword::GLOB => *operators += 1,
                Keyword::NoKeyword if is_isnull(word) => *operators += 1,
                _ => {}
            },
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) | Token::Period => {}
            _ => *operators += 1,
        }
        if *connectives > OPERATORS_MAX || *operators > OPERATORS_MAX {
            return Err(SqlError::at(Problem::TooManyOperators { max: OPERATORS_MAX }, *span));
        }
    }
    Ok(())
}

/// Where the lines of a text begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        Lines { starts: starts.collect() }
    }

    /// The byte that a place is at, if all before it on its line is ASCII.
    fn offset(&self, at: Location) -> usize {
        let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let start = self.starts.get(line).copied().unwrap_or_default();
        start + usize::try_from(at.column.saturating_sub(1)).unwrap_or_default()
    }

    fn check_length(&self, tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return Ok(()) };
        let bytes = self.offset(last.span.end).saturating_sub(self.offset(first.span.start));
        if bytes <= STATEMENT_BYTES_MAX {
            return Ok(());
        }
        let span: Span = first.span;
        Err(SqlError::at(Problem::TooLong { bytes, max: STATEMENT_BYTES_MAX }, span))
    }
}
