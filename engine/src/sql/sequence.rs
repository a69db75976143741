//! `CREATE SEQUENCE`, `ALTER SEQUENCE`, and columns that are made to number themselves, in PostgreSQL's dialect: its options
//! come in any order, as the parser's do not.

use nuages_storage::{DataType, Steps};
use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::alter::column_as_is;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::Outcome;
use crate::algebra::{Origin, SequenceVerb, Statement};
use crate::catalog::sequence::integers;
use crate::catalog::{ColumnId, NewSequence, SchemaId, SequenceDefinition};

/// A statement about a sequence as it was written.
#[derive(Debug)]
pub(super) enum SequenceStatement {
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
pub(super) struct Options {
    /// What it is called, where the statement has another subject.
    name: Option<ast::Ident>,
    data_type: Option<DataType>,
    start: Option<i64>,
    increment: Option<i64>,
    /// The least number; none if it is that of the type.
    min: Option<Option<i64>>,
    max: Option<Option<i64>>,
    cycles: Option<bool>,
    /// Begins again; with which number, if not the first.
    restart: Option<Option<i64>>,
    /// A table and its column, or none.
    owner: Option<Option<(ast::Ident, ast::Ident)>>,
    rename_to: Option<ast::Ident>,
}

/// Whether a statement that creates or alters something is about a sequence, or about a column that numbers itself.
pub(super) fn is_about_sequence(tokens: &[TokenWithSpan]) -> bool {
    let has = |first, second| {
        tokens
            .windows(2)
            .any(|pair| keyword(pair.first()) == Some(first) && keyword(pair.get(1)) == Some(second))
    };
    match keyword(tokens.get(1)) {
        Some(Keyword::SEQUENCE) => true,
        Some(Keyword::TEMPORARY | Keyword::TEMP) => keyword(tokens.get(2)) == Some(Keyword::SEQUENCE),
        Some(Keyword::TABLE) if keyword(tokens.first()) == Some(Keyword::ALTER) => {
            has(Keyword::ADD, Keyword::GENERATED) || has(Keyword::SET, Keyword::GENERATED)
        }
        _ => false,
    }
}

/// Puts the options of identity columns into the order that the parser knows.
pub(super) fn order_identity_options(tokens: &mut [TokenWithSpan]) {
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
        Ok(super::bind::last_part(&ast::ObjectName::from(self.path()?))?.clone())
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
    pub(super) fn parse(tokens: &[TokenWithSpan]) -> Result<SequenceStatement, SqlError> {
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

    /// How a sequence goes on of which this is said; what is not said is as it was, or as is usual.
    fn steps(&self, before: Option<&SequenceDefinition>) -> (DataType, Steps) {
        let known = before.map(|before| before.steps);
        let type_before = before.map_or(DataType::BigInt, |before| before.data_type);
        let data_type = self.data_type.unwrap_or(type_before);
        let increment = self.increment.or(known.map(|known| known.increment)).unwrap_or(1);
        let bounds = |data_type| match integers(data_type) {
            (_, max) if increment > 0 => (1, max),
            (min, _) => (min, -1),
        };
        // A bound that was that of the type goes with the type.
        let kept = |of: fn(&Steps) -> i64, at_type: i64| {
            known.map(|known| of(&known)).filter(|kept| data_type == type_before || *kept != at_type)
        };
        let usual = bounds(data_type);
        let min =
            self.min.unwrap_or_else(|| kept(|steps| steps.min, integers(type_before).0)).unwrap_or(usual.0);
        let max =
            self.max.unwrap_or_else(|| kept(|steps| steps.max, integers(type_before).1)).unwrap_or(usual.1);
        let first = if increment > 0 { min } else { max };
        let start = self.start.or(known.map(|known| known.start)).unwrap_or(first);
        let cycles = self.cycles.or(known.map(|known| known.cycles)).unwrap_or(false);
        (data_type, Steps { start, increment, min, max, cycles })
    }
}

/// What stands behind `OWNED BY`.
fn owner(rest: &mut Rest<'_>) -> Result<Option<(ast::Ident, ast::Ident)>, SqlError> {
    if rest.take(&[Keyword::NONE]) {
        return Ok(None);
    }
    let mut path = rest.path()?;
    let column = path.pop();
    match (super::bind::last_part(&ast::ObjectName::from(path)), column) {
        (Ok(table), Some(column)) => Ok(Some((table.clone(), column))),
        (Err(error), _) => Err(error),
        _ => Err(rest.expected("table.column or NONE")),
    }
}

impl Connection {
    /// The sequence that a name means.
    pub(super) fn sequence_of(&self, name: &ast::Ident) -> Result<SequenceDefinition, SqlError> {
        let found = self
            .bound(|binder| Ok(binder.sequence(name).map(|sequence| SequenceDefinition::clone(sequence))))?;
        found.ok_or_else(|| {
            SqlError::at(Problem::Unknown { kind: "sequence", name: name.value.clone() }, name.span)
        })
    }

    /// Runs a statement about a sequence.
    pub(super) fn define_sequence(&self, statement: &SequenceStatement) -> Result<Outcome, SqlError> {
        self.bound_once(|schema| match statement {
            SequenceStatement::Create { name, is_conditional, options } => {
                self.create_sequence((name, *is_conditional), options, schema)
            }
            SequenceStatement::Alter { name, is_conditional, options } => {
                self.alter_sequence((name, *is_conditional), options, schema)
            }
            SequenceStatement::Identity { table, column, is_always, options } => {
                self.number_column((table, column), *is_always, options.as_ref(), schema)
            }
        })?;
        Ok(Outcome::default())
    }

    fn create_sequence(
        &self,
        (name, is_conditional): (&ast::Ident, bool),
        options: &Options,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let new_name = self.bound(|binder| Ok(binder.new_name(name)))?;
        if is_conditional && self.catalog()?.has_relation(&new_name) {
            return Ok(());
        }
        let (data_type, steps) = options.steps(None);
        let new = NewSequence { name: new_name, data_type, steps };
        check_steps(&new.name, data_type, &steps, name.span)?;
        let owner = self.owner_of(options)?.flatten();
        self.change_schema(schema, &mut |writing| writing.create_sequence(&new, owner))
    }

    fn alter_sequence(
        &self,
        (name, is_conditional): (&ast::Ident, bool),
        options: &Options,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let before = match self.sequence_of(name) {
            Err(error) if is_conditional && matches!(error.problem(), Problem::Unknown { .. }) => {
                return Ok(());
            }
            found => found?,
        };
        let mut to = before.clone();
        (to.data_type, to.steps) = options.steps(Some(&before));
        let mut steps = to.steps;
        check_steps(&before.name, to.data_type, &steps, name.span)?;
        let restart = options.restart.map(|number| number.unwrap_or(steps.start));
        let last = self.session().draws().map(|draws| draws.last(&before.numbering()).0);
        if let Some(number) = restart.or(last) {
            steps.start = number;
            check_steps(&before.name, to.data_type, &steps, name.span)?;
        }
        if let Some(owner) = self.owner_of(options)? {
            to.owner = owner;
        }
        if let Some(new_name) = &options.rename_to {
            to.name = self.bound(|binder| Ok(binder.new_name(new_name)))?;
        }
        self.change_schema(schema, &mut |writing| writing.change_sequence(&before.name, to.clone(), restart))
    }

    /// Gives a column a sequence of its own, or says who may give it another number.
    fn number_column(
        &self,
        (table, column): (&ast::ObjectName, &ast::Ident),
        is_always: bool,
        options: Option<&Options>,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let table = self.table_of(table)?;
        let place = self.bound(|binder| binder.place_of(column, &table))?;
        let mut to = column_as_is(&table, place);
        to.always = is_always;
        let refused = |expected: &str, got: &str| {
            let (expression, expected) = (format!("column \"{}\"", to.name), expected.to_owned());
            SqlError::at(Problem::Type { expression, expected, got: got.to_owned() }, column.span)
        };
        let Some(options) = options else {
            let id = table.columns[place].id;
            let owned = self.catalog()?.sequences().any(|sequence| sequence.owner == Some((table.id, id)));
            if !owned && !to.generated {
                return Err(refused("one that numbers itself", "one that does not"));
            }
            return self.change_schema(schema, &mut |writing| {
                writing.change_column_by(&table.name, &to.name, to.clone(), None)
            });
        };
        if !matches!(to.data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt) {
            return Err(refused("an integer", &to.data_type.to_string()));
        }
        if to.nullable || to.default.is_some() || to.generated {
            return Err(refused("NOT NULL and without a default", "another"));
        }
        let options = Options { data_type: options.data_type.or(Some(to.data_type)), ..options.clone() };
        let (data_type, steps) = options.steps(None);
        let usual = format!("{}_{}_seq", table.name, to.name);
        let given = options.name.as_ref().map(|name| self.bound(|binder| Ok(binder.new_name(name))));
        let new = NewSequence { name: given.transpose()?.unwrap_or(usual), data_type, steps };
        check_steps(&new.name, data_type, &steps, column.span)?;
        let owner = Some((table.id, table.columns[place].id));
        self.change_schema(schema, &mut |writing| {
            writing.create_sequence(&new, owner)?;
            let mut to = to.clone();
            to.default =
                writing.catalog().sequence_named(&new.name).map(|made| made.call(SequenceVerb::Next));
            writing.change_column_by(&table.name, &to.name.clone(), to, None)
        })
    }

    /// The column that a sequence is said to go with.
    fn owner_of(
        &self,
        options: &Options,
    ) -> Result<Option<Option<(nuages_storage::TableId, ColumnId)>>, SqlError> {
        let Some(owner) = &options.owner else { return Ok(None) };
        let Some((table, column)) = owner else { return Ok(Some(None)) };
        let table = self.bound(|binder| binder.table(table).cloned())?;
        let place = self.bound(|binder| binder.place_of(column, &table))?;
        Ok(Some(Some((table.id, table.columns[place].id))))
    }

    /// Notes the keys that a table has given to new rows: they are what `currval` and `lastval` tell.
    pub(super) fn note_keys(&self, change: &Statement, outcome: &Outcome) {
        if let (Statement::Insert(insert), Some(first)) = (change, outcome.first_key)
            && let Some(current) = self.database.current_numbers()
        {
            let last = outcome.last_row.unwrap_or(first).max(first);
            current.note(Origin::Keys(insert.table), last);
        }
    }
}

/// How an identity column goes on of which this is said.
///
/// # Errors
/// What is no number; what a sequence cannot be.
pub(super) fn identity_steps(
    said: &[ast::SequenceOptions],
    data_type: DataType,
    span: Span,
) -> Result<Steps, SqlError> {
    let number = |expr: &ast::Expr| {
        expr.to_string().replace(' ', "").parse().map_err(|_| {
            let message = format!("expected an integer of 64 bits, found {expr}");
            SqlError::at(Problem::Syntax { message }, span)
        })
    };
    let bound = |expr: &Option<ast::Expr>| expr.as_ref().map(number).transpose();
    let mut options = Options { data_type: Some(data_type), ..Options::default() };
    for option in said {
        match option {
            ast::SequenceOptions::IncrementBy(expr, _) => options.increment = Some(number(expr)?),
            ast::SequenceOptions::MinValue(expr) => options.min = Some(bound(expr)?),
            ast::SequenceOptions::MaxValue(expr) => options.max = Some(bound(expr)?),
            ast::SequenceOptions::StartWith(expr, _) => options.start = Some(number(expr)?),
            ast::SequenceOptions::Cache(_) => {}
            ast::SequenceOptions::Cycle(is_not) => options.cycles = Some(!is_not),
        }
    }
    let (data_type, steps) = options.steps(None);
    check_steps("of an identity column", data_type, &steps, span)?;
    Ok(steps)
}

/// That a sequence can go on as is said.
fn check_steps(name: &str, data_type: DataType, steps: &Steps, span: Span) -> Result<(), SqlError> {
    let refused = |expected: String, got: String| {
        let expression = format!("sequence \"{name}\"");
        Err(SqlError::at(Problem::Type { expression, expected, got }, span))
    };
    let Steps { start, increment, min, max, .. } = *steps;
    let (least, greatest) = integers(data_type);
    if increment == 0 {
        return refused("an increment that is not 0".to_owned(), "0".to_owned());
    }
    for bound in [min, max] {
        if !(least..=greatest).contains(&bound) {
            return refused(format!("numbers of {data_type}"), bound.to_string());
        }
    }
    if min >= max {
        return refused("a least number below the greatest".to_owned(), format!("{min} and {max}"));
    }
    if !(min..=max).contains(&start) {
        return refused(format!("a first number from {min} to {max}"), start.to_string());
    }
    Ok(())
}
