//! Statements about sequences, from tokens. The parser knows the options of a sequence in one order, and PostgreSQL in any.

use nuages_storage::DataType;
use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use crate::sql::bind::last_part;
use crate::sql::error::{Problem, SqlError};

/// A statement about a sequence as it was written.
#[derive(Debug)]
pub(in crate::sql) enum SequenceStatement {
    /// `CREATE SEQUENCE`, perhaps `IF NOT EXISTS`.
    Create { name: ast::Ident, is_conditional: bool, options: Options },
    /// `ALTER SEQUENCE`, perhaps `IF EXISTS`.
    Alter { name: ast::Ident, is_conditional: bool, options: Options },
    /// `ALTER TABLE .. ALTER COLUMN .. ADD GENERATED .. AS IDENTITY`, with the options of its sequence; or
    /// `SET GENERATED ..`, without.
    Identity { table: ast::ObjectName, column: ast::Ident, is_always: bool, options: Option<Options> },
}

/// What is said of a sequence.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Options {
    /// What it is called, where the statement has another subject.
    pub(super) name: Option<ast::Ident>,
    pub(super) data_type: Option<DataType>,
    pub(super) start: Option<i64>,
    pub(super) increment: Option<i64>,
    /// The least number; none if it is that of the type.
    pub(super) min: Option<Option<i64>>,
    pub(super) max: Option<Option<i64>>,
    pub(super) cycles: Option<bool>,
    /// Begins again; with which number, if not the first.
    pub(super) restart: Option<Option<i64>>,
    /// A table and its column, or none.
    pub(super) owner: Option<Option<(ast::Ident, ast::Ident)>>,
    pub(super) rename_to: Option<ast::Ident>,
}

/// Whether a statement that creates or alters something is about a sequence, or about a column that numbers itself.
pub(in crate::sql) fn is_about_sequence(tokens: &[TokenWithSpan]) -> bool {
    // A column may be called that.
    let has = |first| {
        tokens.windows(3).any(|three| {
            keyword(three.first()) == Some(first)
                && keyword(three.get(1)) == Some(Keyword::GENERATED)
                && matches!(keyword(three.get(2)), Some(Keyword::ALWAYS | Keyword::BY))
        })
    };
    match keyword(tokens.get(1)) {
        Some(Keyword::SEQUENCE) => true,
        Some(Keyword::TEMPORARY | Keyword::TEMP) => keyword(tokens.get(2)) == Some(Keyword::SEQUENCE),
        Some(Keyword::TABLE) if keyword(tokens.first()) == Some(Keyword::ALTER) => {
            has(Keyword::ADD) || has(Keyword::SET)
        }
        _ => false,
    }
}

/// Puts the options of identity columns into the order that the parser knows.
pub(in crate::sql) fn order_identity_options(tokens: &mut [TokenWithSpan]) {
    let mut at = 0;
    while let Some(found) = tokens[at..]
        .windows(2)
        .position(|pair| keyword(pair.first()) == Some(Keyword::IDENTITY) && pair[1].token == Token::LParen)
    {
        at += found + 2;
        let length = tokens[at..].iter().position(|token| token.token == Token::RParen);
        let options = &mut tokens[at..];
        let length = length.unwrap_or(options.len());
        order_options(&mut options[..length]);
    }
}

/// Sorts options, each of which is the tokens up to the next.
fn order_options(tokens: &mut [TokenWithSpan]) {
    let rank = |place: usize| {
        let begin = place + usize::from(keyword(tokens.get(place)) == Some(Keyword::NO));
        Some(match keyword(tokens.get(begin))? {
            Keyword::INCREMENT => 0,
            Keyword::MINVALUE => 1,
            Keyword::MAXVALUE => 2,
            Keyword::START => 3,
            Keyword::CACHE => 4,
            Keyword::CYCLE => 5,
            _ => return None,
        })
    };
    let mut options: Vec<(usize, Vec<TokenWithSpan>)> = Vec::new();
    for place in 0..tokens.len() {
        let is_behind_no = place > 0 && keyword(tokens.get(place - 1)) == Some(Keyword::NO);
        match (rank(place).filter(|_| !is_behind_no), options.last_mut()) {
            (Some(rank), _) => options.push((rank, vec![tokens[place].clone()])),
            (None, Some((_, option))) => option.push(tokens[place].clone()),
            (None, None) => return,
        }
    }
    options.sort_by_key(|(rank, _)| *rank);
    for (place, token) in options.into_iter().flat_map(|(_, option)| option).enumerate() {
        tokens[place] = token;
    }
}

fn keyword(token: Option<&TokenWithSpan>) -> Option<Keyword> {
    match &token?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// The tokens that are still to be read.
struct Rest<'t> {
    tokens: &'t [TokenWithSpan],
    /// Where the last one was.
    last: Span,
}

impl<'t> Rest<'t> {
    fn next(&mut self) -> Option<&'t TokenWithSpan> {
        let (first, rest) = self.tokens.split_first()?;
        (self.tokens, self.last) = (rest, first.span);
        Some(first)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    /// Takes these words if they are next.
    fn take(&mut self, words: &[Keyword]) -> bool {
        let are_next =
            words.iter().enumerate().all(|(place, word)| keyword(self.tokens.get(place)) == Some(*word));
        if are_next {
            self.skip(words.len());
        }
        are_next
    }

    fn expected(&self, what: &str) -> SqlError {
        let (found, span) = match self.tokens.first() {
            Some(token) => (token.token.to_string(), token.span),
            None => ("the end".to_owned(), self.last),
        };
        SqlError::at(Problem::Syntax { message: format!("expected {what}, found {found}") }, span)
    }

    fn name(&mut self) -> Result<ast::Ident, SqlError> {
        match self.tokens.first() {
            Some(TokenWithSpan { token: Token::Word(word), span }) => {
                self.next();
                Ok(word.clone().into_ident(*span))
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// A name that may have others before it.
    fn path(&mut self) -> Result<Vec<ast::Ident>, SqlError> {
        let mut path = vec![self.name()?];
        while self.tokens.first().is_some_and(|token| token.token == Token::Period) {
            self.next();
            path.push(self.name()?);
        }
        Ok(path)
    }

    /// A name that may have a schema before it.
    fn object(&mut self) -> Result<ast::Ident, SqlError> {
        Ok(last_part(&ast::ObjectName::from(self.path()?))?.clone())
    }

    fn number(&mut self) -> Result<i64, SqlError> {
        let is_negative = self.tokens.first().is_some_and(|token| token.token == Token::Minus);
        let digits = self.tokens.get(usize::from(is_negative));
        let Some(TokenWithSpan { token: Token::Number(digits, _), .. }) = digits else {
            return Err(self.expected("a number"));
        };
        let signed = if is_negative { format!("-{digits}") } else { digits.clone() };
        let number = signed.parse().map_err(|_| self.expected("an integer of 64 bits"))?;
        self.skip(1 + usize::from(is_negative));
        Ok(number)
    }
}

impl SequenceStatement {
    /// Of the tokens of a statement that is [about a sequence](is_about_sequence).
    pub(in crate::sql) fn parse(tokens: &[TokenWithSpan]) -> Result<SequenceStatement, SqlError> {
        let mut rest = Rest { tokens, last: Span::empty() };
        let is_new = rest.take(&[Keyword::CREATE]);
        if !is_new {
            rest.take(&[Keyword::ALTER]);
        }
        if rest.take(&[Keyword::TABLE]) {
            return SequenceStatement::identity(&mut rest);
        }
        if rest.take(&[Keyword::TEMPORARY]) || rest.take(&[Keyword::TEMP]) {
            let feature = "a TEMPORARY sequence".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, rest.last));
        }
        rest.take(&[Keyword::SEQUENCE]);
        let is_conditional = match is_new {
            true => rest.take(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]),
            false => rest.take(&[Keyword::IF, Keyword::EXISTS]),
        };
        let name = rest.object()?;
        let mut options = Options::default();
        while !rest.tokens.is_empty() {
            options.read(&mut rest, is_new)?;
        }
        Ok(match is_new {
            true => SequenceStatement::Create { name, is_conditional, options },
            false => SequenceStatement::Alter { name, is_conditional, options },
        })
    }

    /// Of what stands behind `ALTER TABLE`.
    fn identity(rest: &mut Rest<'_>) -> Result<SequenceStatement, SqlError> {
        rest.take(&[Keyword::ONLY]);
        let table = ast::ObjectName::from(rest.path()?);
        let begins = rest.take(&[Keyword::ALTER, Keyword::COLUMN]) || rest.take(&[Keyword::ALTER]);
        if !begins {
            return Err(rest.expected("ALTER COLUMN"));
        }
        let column = rest.name()?;
        let is_added = rest.take(&[Keyword::ADD, Keyword::GENERATED]);
        if !is_added && !rest.take(&[Keyword::SET, Keyword::GENERATED]) {
            return Err(rest.expected("ADD GENERATED or SET GENERATED"));
        }
        let is_always = rest.take(&[Keyword::ALWAYS]);
        if !is_always && !rest.take(&[Keyword::BY, Keyword::DEFAULT]) {
            return Err(rest.expected("ALWAYS or BY DEFAULT"));
        }
        let mut options = None;
        if is_added {
            if !rest.take(&[Keyword::AS, Keyword::IDENTITY]) {
                return Err(rest.expected("AS IDENTITY"));
            }
            let mut said = Options::default();
            let is =
                |rest: &Rest<'_>, token: &Token| rest.tokens.first().is_some_and(|next| next.token == *token);
            if is(rest, &Token::LParen) {
                rest.next();
                while !is(rest, &Token::RParen) {
                    said.read(rest, true)?;
                }
                rest.next();
            }
            options = Some(said);
        }
        match rest.tokens {
            [] => Ok(SequenceStatement::Identity { table, column, is_always, options }),
            _ => Err(rest.expected("the end of the statement")),
        }
    }
}

impl Options {
    /// Reads one option.
    fn read(&mut self, rest: &mut Rest<'_>, is_new: bool) -> Result<(), SqlError> {
        if rest.take(&[Keyword::AS]) {
            self.data_type = Some(match rest.name()?.value.to_lowercase().as_str() {
                "smallint" | "int2" => DataType::SmallInt,
                "integer" | "int" | "int4" => DataType::Integer,
                "bigint" | "int8" => DataType::BigInt,
                _ => {
                    let message = "a sequence is of smallint, integer or bigint".to_owned();
                    return Err(SqlError::at(Problem::Syntax { message }, rest.last));
                }
            });
        } else if rest.take(&[Keyword::INCREMENT]) {
            rest.take(&[Keyword::BY]);
            self.increment = Some(rest.number()?);
        } else if rest.take(&[Keyword::NO, Keyword::MINVALUE]) {
            self.min = Some(None);
        } else if rest.take(&[Keyword::NO, Keyword::MAXVALUE]) {
            self.max = Some(None);
        } else if rest.take(&[Keyword::MINVALUE]) {
            self.min = Some(Some(rest.number()?));
        } else if rest.take(&[Keyword::MAXVALUE]) {
            self.max = Some(Some(rest.number()?));
        } else if rest.take(&[Keyword::START]) {
            rest.take(&[Keyword::WITH]);
            self.start = Some(rest.number()?);
        } else if rest.take(&[Keyword::NO, Keyword::CYCLE]) {
            self.cycles = Some(false);
        } else if rest.take(&[Keyword::CYCLE]) {
            self.cycles = Some(true);
        } else if rest.take(&[Keyword::CACHE]) {
            // How many numbers a session would keep for itself; here none does.
            rest.number()?;
        } else if rest.take(&[Keyword::SEQUENCE, Keyword::NAME]) {
            self.name = Some(rest.object()?);
        } else if !is_new && rest.take(&[Keyword::OWNER, Keyword::TO]) {
            // There are no users.
            rest.name()?;
        } else if rest.take(&[Keyword::OWNED, Keyword::BY]) {
            self.owner = Some(owner(rest)?);
        } else if !is_new && rest.take(&[Keyword::RESTART]) {
            let has_number = rest.take(&[Keyword::WITH])
                || matches!(rest.tokens.first(), Some(token) if matches!(token.token, Token::Number(..) | Token::Minus));
            self.restart = Some(if has_number { Some(rest.number()?) } else { None });
        } else if !is_new && rest.take(&[Keyword::RENAME, Keyword::TO]) {
            self.rename_to = Some(rest.name()?);
        } else {
            return Err(rest.expected("an option of a sequence"));
        }
        Ok(())
    }
}

/// What stands behind `OWNED BY`.
fn owner(rest: &mut Rest<'_>) -> Result<Option<(ast::Ident, ast::Ident)>, SqlError> {
    if rest.take(&[Keyword::NONE]) {
        return Ok(None);
    }
    let mut path = rest.path()?;
    let column = path.pop();
    match (last_part(&ast::ObjectName::from(path)), column) {
        (Ok(table), Some(column)) => Ok(Some((table.clone(), column))),
        (Err(error), _) => Err(error),
        _ => Err(rest.expected("table.column or NONE")),
    }
}
