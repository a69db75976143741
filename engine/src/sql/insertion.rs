//! INSERTs of rows that are written: `INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')`.
//!
//! As a query block, one is parsed straight through (see [`block`](super::block)), to the parser's own tree, and left to
//! the parser where anything else stands in it: an alias, a conflict clause, RETURNING.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{Expr, Ident, Insert, ObjectName, Parens, SetExpr, Statement, TableObject, Values};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::block::{Plain, plain_name, query_of, to_the_end};
use super::grammar::Grammar;
use super::keyword::keyword_at;

impl Grammar {
    /// The statement that all tokens from here on begin with, as the parser's `parse_statement`.
    pub(super) fn statement(&self, parser: &mut Parser<'_>) -> Result<Box<Statement>, ParserError> {
        if keyword_at(parser, 0) == Keyword::INSERT
            && let Some(insert) = to_the_end(parser, |parser| self.insertion(parser))
        {
            return Ok(insert);
        }
        parser.parse_statement().map(Box::new)
    }

    fn insertion(&self, parser: &mut Parser<'_>) -> Plain<Box<Statement>> {
        let insert_token = attached(parser);
        if !parser.parse_keyword(Keyword::INTO) {
            return Ok(None);
        }
        let Some(table) = plain_name(parser) else { return Ok(None) };
        let Some(columns) = columns(parser) else { return Ok(None) };
        if !parser.parse_keyword(Keyword::VALUES) {
            return Ok(None);
        }
        let Some(rows) = self.rows(parser)? else { return Ok(None) };
        let values = Values { explicit_row: false, value_keyword: false, rows };
        Ok(Some(Box::new(Statement::Insert(Insert {
            insert_token,
            optimizer_hints: Vec::new(),
            or: None,
            ignore: false,
            into: true,
            table: TableObject::TableName(ObjectName::from(vec![table])),
            table_alias: None,
            columns: columns.into_iter().map(|column| ObjectName::from(vec![column])).collect(),
            overwrite: false,
            source: Some(Box::new(query_of(SetExpr::Values(values)))),
            assignments: Vec::new(),
            partitioned: None,
            after_columns: Vec::new(),
            has_table_keyword: false,
            on: None,
            returning: None,
            output: None,
            replace_into: false,
            priority: None,
            insert_alias: None,
            settings: None,
            format_clause: None,
            multi_table_insert_type: None,
            multi_table_into_clauses: Vec::new(),
            multi_table_when_clauses: Vec::new(),
            multi_table_else_clause: None,
        }))))
    }

    /// The rows behind VALUES.
    fn rows(&self, parser: &mut Parser<'_>) -> Plain<Vec<Parens<Vec<Expr>>>> {
        let mut rows = Vec::with_capacity(1);
        loop {
            let opens = parser.peek_token_ref().token == Token::LParen;
            if !opens || parser.peek_nth_token_ref(1).token == Token::RParen {
                return Ok(None);
            }
            let opening_token = attached(parser);
            let content = self.list(parser)?;
            let closing_token = parser.get_current_token().clone().into();
            rows.push(Parens { opening_token, content, closing_token });
            if !parser.consume_token(&Token::Comma) {
                return Ok(Some(rows));
            }
        }
    }
}

/// The token that is here, which is gone beyond.
fn attached(parser: &mut Parser<'_>) -> AttachedToken {
    let token = parser.peek_token_ref().clone();
    parser.advance_token();
    token.into()
}

/// The columns that rows are written for; none of them where all are meant.
fn columns(parser: &mut Parser<'_>) -> Option<Vec<Ident>> {
    let mut columns = Vec::new();
    if !parser.consume_token(&Token::LParen) {
        return Some(columns);
    }
    loop {
        columns.push(plain_name(parser)?);
        if !parser.consume_token(&Token::Comma) {
            return parser.consume_token(&Token::RParen).then_some(columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, testing};
    use super::*;

    /// What is made of a statement here and by the parser, and whether it was made here.
    fn trees(sql: &str, dialect: Dialect) -> ([Result<String, String>; 2], bool) {
        let here = |grammar: &Grammar, parser: &mut Parser<'_>| {
            to_the_end(parser, |parser| grammar.insertion(parser)).is_some()
        };
        let whole = |grammar: &Grammar, parser: &mut Parser<'_>| grammar.statement(parser).map(|made| *made);
        testing::trees(sql, dialect, here, whole, |parser| parser.parse_statement())
    }

    #[test]
    fn the_trees_are_the_parsers() {
        let plain = [
            "INSERT INTO t VALUES (1)",
            "insert into \"T\" (a, \"B\", value) values (1, 'x', NULL), (-2, ?, a + 1)",
            "INSERT INTO t (a) VALUES (DEFAULT), ((SELECT max(a) FROM t)), (CASE WHEN 1 THEN 2 END)",
            "INSERT INTO t VALUES (CAST('1' AS INTEGER), coalesce(1, 2), DATE '2024-01-31', (1), f(1, 2))",
        ];
        let other = [
            "INSERT INTO t DEFAULT VALUES",
            "INSERT INTO t (a) SELECT 1",
            "INSERT INTO t (SELECT 1)",
            "INSERT INTO s.t VALUES (1)",
            "INSERT INTO t AS x VALUES (1)",
            "INSERT INTO t x VALUES (1)",
            "INSERT INTO t (a.b) VALUES (1)",
            "INSERT INTO t VALUES (1) RETURNING *",
            "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
            "INSERT OR IGNORE INTO t VALUES (1)",
            "INSERT INTO t VALUES ()",
            "INSERT INTO t VALUES ROW (1)",
            "INSERT INTO t VALUES (1), (2) ORDER BY 1",
            "INSERT INTO t VALUES (1,)",
            "INSERT INTO t VALUES (1",
            "INSERT INTO t () VALUES (1)",
            "INSERT INTO values (1)",
        ];
        for dialect in [Dialect::Sqlite, Dialect::PostgreSql] {
            for (sql, is_plain) in
                plain.iter().map(|sql| (sql, true)).chain(other.iter().map(|sql| (sql, false)))
            {
                let ([left, right], is_here) = trees(sql, dialect);
                assert_eq!(left, right, "{sql}");
                assert_eq!(is_here, is_plain, "{sql}");
            }
        }
    }
}
