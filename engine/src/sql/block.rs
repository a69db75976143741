//! Query blocks: `SELECT .. FROM .. WHERE .. GROUP BY .. HAVING .. ORDER BY .. LIMIT`, parsed straight through.
//!
//! The parser asks at each place of a block what any dialect might have there, and moves the block, a kilobyte or
//! more, from hand to hand until it lies in its box: around the expressions of a short query that is more work than
//! the expressions are (see [`climb`](super::climb)). A block of the clauses above, over tables with names and joins on
//! conditions, is parsed here instead, to the same tree (a test compares the two). Where anything else stands in it,
//! also an error, the parser begins again at its first word, so that what it refuses it refuses in its own words.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, OrderBy,
    OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Query, Select, SelectFlavor, SelectItem, SetExpr,
    TableAlias, TableFactor, TableWithJoins, WildcardAdditionalOptions,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::grammar::Grammar;
use super::keyword::{is_aggregate, is_name, keyword_at};
use super::prefix::take_name;

/// Something plain; none where something else begins.
pub(super) type Plain<T> = Result<Option<T>, ParserError>;

/// A kind of join, for a condition.
type WithConstraint = fn(JoinConstraint) -> JoinOperator;

impl Grammar {
    /// The query that all tokens from here on are, as the parser's `parse_query`.
    pub(super) fn query(&self, parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
        match to_the_end(parser, |parser| self.block(parser)) {
            Some(query) => Ok(query),
            None => parser.parse_query(),
        }
    }

    /// The query block that begins here.
    fn block(&self, parser: &mut Parser<'_>) -> Plain<Box<Query>> {
        if keyword_at(parser, 0) != Keyword::SELECT {
            return Ok(None);
        }
        let select_token = parser.peek_token_ref().clone();
        parser.advance_token();
        let Some(distinct) = quantifier(parser) else { return Ok(None) };
        let Some(projection) = self.items(parser)? else { return Ok(None) };
        let from = match parser.parse_keyword(Keyword::FROM) {
            true => self.tables(parser)?,
            false => Some(Vec::new()),
        };
        let Some(from) = from else { return Ok(None) };
        let selection = self.condition(parser, Keyword::WHERE)?;
        let group_by = self.keys(parser, Keyword::GROUP, |_, expr| expr)?;
        let having = self.condition(parser, Keyword::HAVING)?;
        let order_by = self.keys(parser, Keyword::ORDER, sort_key)?;
        let (Some(group_by), Some(order_by)) = (group_by, order_by) else { return Ok(None) };
        if keyword_at(parser, 0) == Keyword::LIMIT && keyword_at(parser, 1) == Keyword::ALL {
            return Ok(None);
        }
        let limit = self.condition(parser, Keyword::LIMIT)?;
        // What is large is put where it stays, and only if it is there.
        let mut select = Box::new(Select {
            select_token: select_token.into(),
            optimizer_hints: Vec::new(),
            distinct,
            select_modifiers: None,
            top: None,
            top_before_distinct: false,
            projection,
            exclude: None,
            into: None,
            from,
            lateral_views: Vec::new(),
            prewhere: None,
            selection: None,
            connect_by: Vec::new(),
            group_by: GroupByExpr::Expressions(group_by, Vec::new()),
            cluster_by: Vec::new(),
            distribute_by: Vec::new(),
            sort_by: Vec::new(),
            having: None,
            named_window: Vec::new(),
            qualify: None,
            window_before_qualify: false,
            value_table_mode: None,
            flavor: SelectFlavor::Standard,
        });
        if let Some(condition) = selection {
            select.selection = Some(*condition);
        }
        if let Some(condition) = having {
            select.having = Some(*condition);
        }
        let mut query = Box::new(query_of(SetExpr::Select(select)));
        if !order_by.is_empty() {
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order_by), interpolate: None });
        }
        if let Some(limit) = limit {
            let (limit, limit_by) = (Some(*limit), Vec::new());
            query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by });
        }
        Ok(Some(query))
    }

    /// The list of a SELECT.
    fn items(&self, parser: &mut Parser<'_>) -> Plain<Vec<SelectItem>> {
        let mut items = Vec::with_capacity(1);
        loop {
            let Some(item) = self.item(parser)? else { return Ok(None) };
            items.push(item);
            if !parser.consume_token(&Token::Comma) {
                return Ok(Some(items));
            }
        }
    }

    fn item(&self, parser: &mut Parser<'_>) -> Plain<SelectItem> {
        if parser.peek_token_ref().token == Token::Mul {
            let wildcard_token = parser.peek_token_ref().clone().into();
            parser.advance_token();
            let options = WildcardAdditionalOptions { wildcard_token, ..Default::default() };
            return Ok(ends_item(parser).then_some(SelectItem::Wildcard(options)));
        }
        let Some(expr) = self.whole(parser)? else { return Ok(None) };
        let alias = match parser.parse_keyword(Keyword::AS) {
            true => take_name(parser),
            false => plain_name(parser),
        };
        if !ends_item(parser) || matches!(*expr, Expr::Wildcard(_) | Expr::QualifiedWildcard(..)) {
            return Ok(None);
        }
        Ok(Some(match alias {
            Some(alias) => SelectItem::ExprWithAlias { expr: *expr, alias },
            None => SelectItem::UnnamedExpr(*expr),
        }))
    }

    /// An expression that does not begin with a word which means something else here.
    fn whole(&self, parser: &mut Parser<'_>) -> Plain<Box<Expr>> {
        let is_plain = match keyword_at(parser, 0) {
            keyword if is_name(keyword) => true,
            Keyword::NULL | Keyword::TRUE | Keyword::FALSE | Keyword::NOT | Keyword::CASE | Keyword::CAST => {
                true
            }
            keyword => is_aggregate(keyword),
        };
        if is_plain { self.subexpr(parser, 0).map(Some) } else { Ok(None) }
    }

    /// The expression behind a keyword, if that is here.
    fn condition(&self, parser: &mut Parser<'_>, keyword: Keyword) -> Plain<Box<Expr>> {
        match parser.parse_keyword(keyword) {
            true => self.subexpr(parser, 0).map(Some),
            false => Ok(None),
        }
    }

    /// The list behind GROUP BY or ORDER BY; an empty one if the keyword is not here.
    fn keys<T>(
        &self,
        parser: &mut Parser<'_>,
        keyword: Keyword,
        key: impl Fn(&mut Parser<'_>, Expr) -> T,
    ) -> Plain<Vec<T>> {
        let mut keys = Vec::new();
        if !parser.parse_keyword(keyword) {
            return Ok(Some(keys));
        }
        parser.expect_keyword_is(Keyword::BY)?;
        loop {
            let is_empty = parser.peek_token_ref().token == Token::LParen
                && parser.peek_nth_token_ref(1).token == Token::RParen;
            let Some(expr) = self.whole(parser)?.filter(|_| !is_empty) else { return Ok(None) };
            keys.push(key(parser, *expr));
            if !parser.consume_token(&Token::Comma) {
                return Ok(Some(keys));
            }
        }
    }

    /// The tables behind a FROM.
    fn tables(&self, parser: &mut Parser<'_>) -> Plain<Vec<TableWithJoins>> {
        let mut tables = Vec::with_capacity(1);
        loop {
            let Some(relation) = table(parser) else { return Ok(None) };
            let mut joins = Vec::new();
            while let Some((operator, takes_on)) = join_operator(parser) {
                let Some(relation) = table(parser) else { return Ok(None) };
                let on = if takes_on { self.condition(parser, Keyword::ON)? } else { None };
                let join_operator = operator(on.map_or(JoinConstraint::None, |on| JoinConstraint::On(*on)));
                joins.push(Join { relation, global: false, join_operator });
            }
            tables.push(TableWithJoins { relation, joins });
            if !parser.consume_token(&Token::Comma) {
                return Ok(Some(tables));
            }
        }
    }
}

/// What is parsed of all tokens that are left; where it is nothing plain, or goes on, the parser is where it was.
pub(super) fn to_the_end<T>(
    parser: &mut Parser<'_>,
    parse: impl FnOnce(&mut Parser<'_>) -> Plain<T>,
) -> Option<T> {
    let begin = parser.index();
    if let Ok(Some(parsed)) = parse(parser)
        && parser.peek_token_ref().token == Token::EOF
    {
        return Some(parsed);
    }
    (begin..parser.index()).for_each(|_| parser.prev_token());
    None
}

/// A query of nothing but this.
pub(super) fn query_of(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// What stands between SELECT and its list; none if that is something else than one word.
fn quantifier(parser: &mut Parser<'_>) -> Option<Option<Distinct>> {
    let distinct = match keyword_at(parser, 0) {
        Keyword::ALL => Distinct::All,
        Keyword::DISTINCT => Distinct::Distinct,
        _ => return Some(None),
    };
    parser.advance_token();
    // `DISTINCT ON`, `ALL DISTINCT`.
    let is_more = matches!(keyword_at(parser, 0), Keyword::ON | Keyword::ALL | Keyword::DISTINCT);
    (!is_more).then_some(Some(distinct))
}

/// Whether an item of the list ends here.
fn ends_item(parser: &Parser<'_>) -> bool {
    match &parser.peek_token_ref().token {
        Token::Comma | Token::EOF => true,
        _ => ends_tables(keyword_at(parser, 0)) || keyword_at(parser, 0) == Keyword::FROM,
    }
}

/// Whether a keyword begins the clause behind the tables.
fn ends_tables(keyword: Keyword) -> bool {
    use Keyword::{GROUP, HAVING, LIMIT, ORDER, WHERE};
    matches!(keyword, WHERE | GROUP | HAVING | ORDER | LIMIT)
}

/// A word that is nothing but a name.
pub(super) fn plain_name(parser: &mut Parser<'_>) -> Option<Ident> {
    match &parser.peek_token_ref().token {
        Token::Word(word) if is_name(word.keyword) => take_name(parser),
        _ => None,
    }
}

/// A table by its name, and what it is called here.
fn table(parser: &mut Parser<'_>) -> Option<TableFactor> {
    let name = ObjectName::from(vec![plain_name(parser)?]);
    let explicit = parser.parse_keyword(Keyword::AS);
    let alias = plain_name(parser);
    if explicit && alias.is_none() {
        return None;
    }
    let ends_here = match &parser.peek_token_ref().token {
        Token::Comma | Token::EOF => true,
        _ => {
            use Keyword::{CROSS, INNER, JOIN, LEFT, ON};
            let keyword = keyword_at(parser, 0);
            ends_tables(keyword) || matches!(keyword, CROSS | INNER | JOIN | LEFT | ON)
        }
    };
    let alias = alias.map(|name| TableAlias { explicit, name, columns: Vec::new(), at: None });
    ends_here.then(|| TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    })
}

/// The join that begins here, if it is a common one, and whether there may be a condition behind its table.
fn join_operator(parser: &mut Parser<'_>) -> Option<(WithConstraint, bool)> {
    use Keyword::{CROSS, INNER, JOIN, LEFT, OUTER};
    let words = [0, 1, 2].map(|ahead| keyword_at(parser, ahead));
    let (count, operator): (usize, WithConstraint) = match words {
        [JOIN, ..] => (1, JoinOperator::Join),
        [INNER, JOIN, _] => (2, JoinOperator::Inner),
        [CROSS, JOIN, _] => (2, JoinOperator::CrossJoin),
        [LEFT, JOIN, _] => (2, JoinOperator::Left),
        [LEFT, OUTER, JOIN] => (3, JoinOperator::LeftOuter),
        _ => return None,
    };
    (0..count).for_each(|_| parser.advance_token());
    Some((operator, words[0] != CROSS))
}

/// A key of ORDER BY with its direction.
fn sort_key(parser: &mut Parser<'_>, expr: Expr) -> OrderByExpr {
    let sort = match keyword_at(parser, 0) {
        Keyword::ASC => Some(OrderBySort::Asc),
        Keyword::DESC => Some(OrderBySort::Desc),
        _ => None,
    };
    if sort.is_some() {
        parser.advance_token();
    }
    OrderByExpr { expr, options: OrderByOptions { sort, nulls_first: None }, with_fill: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Dialect, testing};
    use super::*;

    /// What is made of a query, and whether that was made here.
    fn trees(sql: &str, dialect: Dialect) -> ([Result<String, String>; 2], bool) {
        let here = |grammar: &Grammar, parser: &mut Parser<'_>| {
            matches!(grammar.block(parser), Ok(Some(_))) && parser.peek_token_ref().token == Token::EOF
        };
        testing::trees(sql, dialect, here, Grammar::query, |parser| parser.parse_query())
    }

    fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
        prop::sample::select(words)
    }

    fn query() -> impl Strategy<Value = String> {
        let quantifier = one_of(&["", "", "", "ALL", "DISTINCT", "DISTINCT ON (a)", "ALL DISTINCT", "TOP 5"]);
        let item = one_of(&[
            "*",
            "a",
            "t.a",
            "t.*",
            "s.t.*",
            "(*)",
            "a AS x",
            "a x",
            "a \"X\"",
            "count(*)",
            "- 1 + a AS sum",
            "a AS from",
            "id",
            "t.id AS value",
            "a name",
            "key (1)",
            "a 'text'",
            "(SELECT 1)",
            "NOT a = 1",
            "from",
            "a left",
            "sum(a) OVER (ORDER BY b)",
            "a b c",
            "INTERVAL '1 day'",
        ]);
        let from = one_of(&[
            "",
            "FROM t",
            "FROM t AS x",
            "FROM t x",
            "FROM name",
            "FROM t key",
            "FROM type AS value, u",
            "FROM t, u",
            "FROM t JOIN u ON t.a = u.a LEFT JOIN v ON u.b = v.b",
            "FROM t CROSS JOIN u",
            "FROM t INNER JOIN u ON a = b, v AS w",
            "FROM t JOIN u USING (a)",
            "FROM s.t",
            "FROM t NATURAL JOIN u",
            "FROM (SELECT 1) AS x",
            "FROM f(1)",
            "FROM t x (a, b)",
            "FROM t LEFT OUTER JOIN u ON a",
            "FROM t CROSS JOIN u ON a = b",
            "FROM t RIGHT JOIN u ON a",
            "FROM t JOIN u JOIN v ON a ON b",
            "FROM t JOIN u",
            "FROM t TABLESAMPLE SYSTEM (10)",
            "FROM t AS left",
            "FROM select",
            "FROM t FOR UPDATE",
            "FROM LATERAL f(1)",
        ]);
        let condition =
            one_of(&["", "", "WHERE a > 1 AND b < 2", "WHERE a IN (SELECT 1)", "WHERE", "WHERE a b"]);
        let group = one_of(&[
            "",
            "",
            "GROUP BY a, b + 1",
            "GROUP BY ()",
            "GROUP BY ROLLUP (a)",
            "GROUP BY ALL",
            "GROUP a",
        ]);
        let having = one_of(&["", "", "HAVING count(*) > 1", "WINDOW w AS (ORDER BY a)"]);
        let order = one_of(&[
            "",
            "",
            "ORDER BY a",
            "ORDER BY a DESC, 2 ASC",
            "ORDER BY a NULLS LAST",
            "ORDER BY a COLLATE \"C\" DESC",
            "UNION SELECT 1",
            "ORDER BY",
            "FETCH FIRST 1 ROWS ONLY",
        ]);
        let limit = one_of(&[
            "",
            "",
            "LIMIT 5",
            "LIMIT ALL",
            "LIMIT 5 OFFSET 1",
            "LIMIT 1, 2",
            "OFFSET 1",
            "LIMIT a + 1",
        ]);
        let items = prop::collection::vec(item, 1..3).prop_map(|items| items.join(", "));
        (quantifier, items, from, condition, group, having, order, limit).prop_map(
            |(quantifier, items, from, condition, group, having, order, limit)| {
                format!("SELECT {quantifier} {items} {from} {condition} {group} {having} {order} {limit}")
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn the_trees_are_the_parsers(sql in query(), sqlite: bool) {
            let dialect = if sqlite { Dialect::Sqlite } else { Dialect::PostgreSql };
            let ([here, parsed], _) = trees(&sql, dialect);
            prop_assert_eq!(here, parsed, "{}", sql);
        }
    }

    #[test]
    fn what_the_clauses_say_with_words_of_their_own_is_the_parsers() {
        for sql in [
            "SELECT * LIMIT ALL",
            "SELECT a FROM t GROUP BY ()",
            "SELECT a FROM t ORDER BY a NULLS LAST LIMIT 1",
        ] {
            let ([here, parsed], _) = trees(sql, Dialect::PostgreSql);
            assert_eq!(here, parsed, "{sql}");
        }
    }

    #[test]
    fn plain_blocks_are_parsed_here() {
        for sql in [
            "SELECT 1",
            "SELECT id, t.name FROM item AS t WHERE key = 1 ORDER BY value",
            "SELECT ALL - a * 3 AS x, count(*) c FROM t AS u CROSS JOIN v WHERE NOT a IS NULL GROUP BY a, b HAVING b > 1",
            "SELECT DISTINCT * FROM t, u LEFT JOIN v ON v.a = u.b ORDER BY 1 DESC, a LIMIT 10",
        ] {
            assert!(trees(sql, Dialect::Sqlite).1, "{sql}");
        }
        for sql in [
            "SELECT 1 LIMIT ALL",
            "SELECT 1 UNION SELECT 2",
            "SELECT a FROM (SELECT 1)",
            "SELECT DISTINCT ON (a) b FROM t",
        ] {
            assert!(!trees(sql, Dialect::PostgreSql).1, "{sql}");
        }
    }
}
