//! As much SQL as the tests speak: short words for the engine's algebra.
//!
//! ```text
//! select * from T [where E] [order by C] [limit N] [for update|no key update|share|key share [nowait|skip locked]]
//! insert into T values (E, ..), ..          `default` asks for the column's default
//! update T set C = E, .. [where E]
//! delete from T [where E]
//! create index I on T (C)       alter table T add C       alter table T drop C       drop table T
//! ```
//!
//! Expressions know integers, 'texts', null, columns, `+ - * %`, comparisons, `in (..)`, `is null`, `and` and `or`.

use std::fmt;

use nuages_engine::algebra::{
    Arithmetic, Comparison, Delete, Expr, Insert, InsertSource, LockWait, OutputColumn, Query, Relation,
    RowLock, SortKey, Source, Statement, Update,
};
use nuages_engine::catalog::{Catalog, NewIndex, TableDefinition};
use nuages_engine::{Error, Session, Strength};
use nuages_storage::Value;

const ROW: Source = Source::new(0);

/// What a statement answered: rows, or how many it wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Rows(Vec<Vec<Value>>),
    Count(u64),
}

impl Answer {
    /// The rows of a query.
    pub(crate) fn rows(self) -> Vec<Vec<Value>> {
        match self {
            Answer::Rows(rows) => rows,
            Answer::Count(_) => panic!("not a query"),
        }
    }

    /// How many rows were written.
    pub(crate) fn count(self) -> u64 {
        match self {
            Answer::Rows(rows) => rows.len() as u64,
            Answer::Count(count) => count,
        }
    }
}

/// `(1, 10) (2, 20)`, `none`, or the number of rows written.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Count(count) => write!(f, "{count}"),
            Answer::Rows(rows) if rows.is_empty() => f.write_str("none"),
            Answer::Rows(rows) => {
                let shown: Vec<String> = rows.iter().map(|row| shown_row(row)).collect();
                f.write_str(&shown.join(" "))
            }
        }
    }
}

fn shown_row(row: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        value => value
            .as_int()
            .map(|int| int.to_string())
            .or(value.as_text().map(str::to_owned))
            .unwrap_or_default(),
    };
    format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))
}

/// Runs a statement in a session.
pub(crate) fn sql(session: &dyn Session, text: &str) -> Result<Answer, Error> {
    if let Some(done) = change_schema(session, &words(text)) {
        return done.map(|()| Answer::Count(0));
    }
    let catalog = session.catalog()?;
    let statement = Parser { words: words(text), at: 0, text, catalog: &catalog }.statement()?;
    match &statement {
        Statement::Query(query) => Ok(Answer::Rows(session.query(query, &[])?.rows)),
        statement => Ok(Answer::Count(session.execute(statement, &[])?.affected)),
    }
}

/// A change of the schema, if it is one.
fn change_schema(session: &dyn Session, words: &[&str]) -> Option<Result<(), Error>> {
    Some(match words {
        ["create", "index", name, "on", table, "(", column, ")"] => {
            session.add_index(table, NewIndex::new(*name, [*column]))
        }
        ["create", "unique", "index", name, "on", table, "(", column, ")"] => {
            session.add_index(table, NewIndex::unique(*name, [*column]))
        }
        ["drop", "index", name, "on", table] => session.drop_index(table, name),
        ["alter", "table", table, "add", column] => session.add_column(table, super::schema::int(column)),
        ["alter", "table", table, "drop", column] => session.drop_column(table, column),
        ["drop", "table", table] => session.drop_table(table),
        _ => return None,
    })
}

/// Runs a query, and returns its rows.
pub(crate) fn rows(session: &dyn Session, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    sql(session, text).map(Answer::rows)
}

/// The integers in one column of a query's rows.
pub(crate) fn ints(session: &dyn Session, text: &str, place: usize) -> Result<Vec<i64>, Error> {
    Ok(rows(session, text)?.iter().filter_map(|row| row[place].as_int()).collect())
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            '\'' => rest[1..].find('\'').expect("a text ends with a quote") + 2,
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ if rest.starts_with("<=") || rest.starts_with(">=") || rest.starts_with("<>") => 2,
            _ => 1,
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    text: &'a str,
    catalog: &'a Catalog,
}

impl<'a> Parser<'a> {
    fn statement(mut self) -> Result<Statement, Error> {
        let statement = match self.next() {
            "select" => Statement::Query(self.select()?),
            "insert" => Statement::Insert(self.insert()?),
            "update" => Statement::Update(self.update()?),
            "delete" => {
                self.expect("from");
                let table = self.table()?;
                let predicate = self.predicate(&table)?;
                let (source, returning) = (ROW, Vec::new());
                Statement::Delete(Delete { table: table.id, source, predicate, returning, using: None })
            }
            other => panic!("no statement begins with {other}: {}", self.text),
        };
        assert_eq!(self.at, self.words.len(), "there is more: {}", self.text);
        Ok(statement)
    }

    fn select(&mut self) -> Result<Query, Error> {
        self.expect("*");
        self.expect("from");
        let table = self.table()?;
        let mut relation = Relation::scan(table.id, ROW);
        if let Some(predicate) = self.predicate(&table)? {
            relation = relation.filter(predicate);
        }
        if self.takes("order") {
            self.expect("by");
            let by = self.column(&table)?;
            relation = relation.sort(vec![SortKey::ascending(by)]);
        }
        if self.takes("limit") {
            let count = self.next().parse().expect("a number of rows");
            relation = relation.limit(0, Some(count));
        }
        let columns = table.columns.iter().enumerate();
        let columns = columns.map(|(place, column)| OutputColumn::new(&column.name, ROW.column(place)));
        let query = Query::new(relation, columns.collect());
        Ok(match self.row_lock() {
            Some((strength, wait)) => {
                query.locking(RowLock { sources: vec![(table.id, ROW)], strength, wait })
            }
            None => query,
        })
    }

    fn row_lock(&mut self) -> Option<(Strength, LockWait)> {
        if !self.takes("for") {
            return None;
        }
        let strength = match self.next() {
            "update" => Strength::Update,
            "share" => Strength::Share,
            "no" => {
                self.expect("key");
                self.expect("update");
                Strength::NoKeyUpdate
            }
            _ => {
                self.expect("share");
                Strength::KeyShare
            }
        };
        let wait = if self.takes("nowait") {
            LockWait::NoWait
        } else if self.takes("skip") {
            self.expect("locked");
            LockWait::SkipLocked
        } else {
            LockWait::Wait
        };
        Some((strength, wait))
    }

    fn insert(&mut self) -> Result<Insert, Error> {
        self.expect("into");
        let table = self.table()?;
        self.expect("values");
        let mut rows = Vec::new();
        while self.takes("(") {
            let mut row = Vec::new();
            while !self.takes(")") {
                row.push(if self.takes("default") { None } else { Some(self.expr(&table)?) });
                self.takes(",");
            }
            rows.push(row);
            self.takes(",");
        }
        let columns = (0..rows.first().map_or(0, Vec::len)).collect();
        let rows = InsertSource::Values(rows);
        Ok(Insert { table: table.id, columns, rows, source: ROW, returning: Vec::new(), conflict: None })
    }

    fn update(&mut self) -> Result<Update, Error> {
        let table = self.table()?;
        self.expect("set");
        let mut assignments = Vec::new();
        loop {
            let place = table.column_named(self.next())?;
            self.expect("=");
            assignments.push((place, self.sum(&table)?));
            if !self.takes(",") {
                break;
            }
        }
        let predicate = self.predicate(&table)?;
        Ok(Update { table: table.id, source: ROW, predicate, assignments, returning: Vec::new(), from: None })
    }

    fn predicate(&mut self, table: &TableDefinition) -> Result<Option<Expr>, Error> {
        if self.takes("where") { self.expr(table).map(Some) } else { Ok(None) }
    }

    fn expr(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        let mut expr = self.all(table)?;
        while self.takes("or") {
            expr = expr.or(self.all(table)?);
        }
        Ok(expr)
    }

    fn all(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        let mut expr = self.comparison(table)?;
        while self.takes("and") {
            expr = expr.and(self.comparison(table)?);
        }
        Ok(expr)
    }

    fn comparison(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        let left = self.sum(table)?;
        let op = match self.peek() {
            "=" => Comparison::Equal,
            "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "in" => {
                self.next();
                self.expect("(");
                let mut list = Vec::new();
                while !self.takes(")") {
                    list.push(self.sum(table)?);
                    self.takes(",");
                }
                return Ok(Expr::InList(Box::new(left), list));
            }
            "is" => {
                self.next();
                self.expect("null");
                return Ok(left.is_null());
            }
            _ => return Ok(left),
        };
        self.next();
        Ok(left.compare(op, self.sum(table)?))
    }

    fn sum(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        let mut expr = self.atom(table)?;
        loop {
            let op = match self.peek() {
                "+" => Arithmetic::Add,
                "-" => Arithmetic::Subtract,
                "*" => Arithmetic::Multiply,
                "%" => Arithmetic::Modulo,
                _ => return Ok(expr),
            };
            self.next();
            expr = expr.arithmetic(op, self.atom(table)?);
        }
    }

    fn atom(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        let word = self.peek();
        if let Ok(int) = word.parse::<i64>() {
            self.next();
            return Ok(Expr::literal(int));
        }
        match word {
            "-" => {
                self.next();
                let int: i64 = self.next().parse().expect("a number");
                Ok(Expr::literal(-int))
            }
            "(" => {
                self.next();
                let expr = self.expr(table)?;
                self.expect(")");
                Ok(expr)
            }
            "null" => {
                self.next();
                Ok(Expr::Literal(Value::Null))
            }
            text if text.starts_with('\'') => {
                self.next();
                Ok(Expr::literal(text.trim_matches('\'')))
            }
            _ => self.column(table),
        }
    }

    fn column(&mut self, table: &TableDefinition) -> Result<Expr, Error> {
        Ok(ROW.column(table.column_named(self.next())?).into())
    }

    fn table(&mut self) -> Result<std::sync::Arc<TableDefinition>, Error> {
        self.catalog.table_named(self.next()).cloned()
    }

    fn peek(&self) -> &'a str {
        self.words.get(self.at).copied().unwrap_or("")
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == word;
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, word: &str) {
        assert_eq!(self.next(), word, "in: {}", self.text);
    }
}
