//! Queries that are bound straight from their texts, in SQLite's dialect.
//!
//! A text that comes once is read, bound, planned and run once, and where its tables are small the syntax tree between
//! the text and the algebra costs more than all of the others: a tree of the parser has a text of its own for each word,
//! and nodes of hundreds of bytes. What most queries are made of needs no tree. It is bound here while it is read, by what
//! else binds trees: [`Binder::binary`] of two bound operands, and so on, so that no operator means two things. A test
//! compares the queries.
//!
//! This is for one SELECT of tables with names, without subqueries and without parameters. Where anything else begins,
//! and where anything is wrong, there is none, and who has asked goes the long way, whose words the errors are.

mod expression;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Span;

use super::clauses::{Clauses, Item};
use super::from::cross_product;
use super::grouping::Grouping;
use super::query::{BoundQuery, Tail};
use super::scope::Scope;
use super::select::{add_all_columns, add_columns};
use super::typed::Typed;
use super::window::Windows;
use super::{Binder, QUERY_DEPTH_MAX, SOURCES_MAX, is_same_in_any_case};
use crate::algebra::{Expr, JoinKind, Query, Relation, SortKey};
use crate::evaluate::Class;
use crate::sql::grammar::Grammar;
use crate::sql::keyword::is_name;
use crate::sql::lexeme::{Cutter, Lexeme, Symbol};

/// The longest text that is tried, in bytes.
const TEXT_BYTES_MAX: usize = 16_000;

/// So many bytes a lexeme has at least, spaces included, in most texts.
const BYTES_PER_LEXEME: usize = 3;

/// A query that is read, and what it is bound by.
struct Straight<'b, 'a, 't> {
    binder: &'b mut Binder<'a>,
    grammar: Grammar,
    lexemes: Vec<Lexeme<'t>>,
    /// The place of the lexeme that is next.
    at: usize,
    /// How many expressions lie within each other here.
    depth: usize,
    /// How many operators there were so far.
    operators: usize,
    /// What was read of an item of the list, as SQLite calls a column that is given no name.
    written: String,
}

/// Whether a text may be such a query: of most that are none, the first word says it.
fn begins_query(text: &str) -> bool {
    const SELECT: &[u8] = b"select";
    let begin = text.trim_ascii_start().as_bytes();
    text.len() <= TEXT_BYTES_MAX
        && begin.get(..SELECT.len()).is_some_and(|word| word.eq_ignore_ascii_case(SELECT))
}

/// The lexemes of one statement, without the semicolon at its end; none if there is a subquery in it.
fn lexemes(text: &str) -> Option<Vec<Lexeme<'_>>> {
    let mut cutter = Cutter::new(text);
    let mut lexemes = Vec::with_capacity(text.len() / BYTES_PER_LEXEME);
    while let Some(begin) = cutter.skip_spaces() {
        let lexeme = cutter.lexeme(begin)?;
        if matches!(lexeme, Lexeme::Word(_, Keyword::SELECT)) && !lexemes.is_empty() {
            return None;
        }
        lexemes.push(lexeme);
    }
    while lexemes.last() == Some(&Lexeme::Symbol(Symbol::SemiColon)) {
        lexemes.pop();
    }
    Some(lexemes)
}

impl Binder<'_> {
    /// The same as it is to be run.
    pub(in crate::sql) fn read_straight(&mut self, text: &str) -> Option<Query> {
        let bound = self.straight(text)?;
        Some(self.result(bound))
    }

    /// The query that a text is, if it is one of those that are bound here.
    pub(in crate::sql) fn straight(&mut self, text: &str) -> Option<BoundQuery> {
        if !self.is_sqlite() || !begins_query(text) {
            return None;
        }
        if self.depth >= QUERY_DEPTH_MAX || self.next_source >= SOURCES_MAX {
            return None;
        }
        let lexemes = lexemes(text)?;
        let (next_source, depth) = (self.next_source, self.depth);
        self.depth += 1;
        let grammar = Grammar::new(self.dialect);
        // What a column is called is seldom longer than the text.
        let written = String::with_capacity(text.len());
        let bound =
            Straight { binder: self, grammar, lexemes, at: 0, depth: 0, operators: 0, written }.query();
        self.depth = depth;
        if bound.is_none() {
            self.next_source = next_source;
        }
        bound
    }
}

impl<'t> Straight<'_, '_, 't> {
    fn query(&mut self) -> Option<BoundQuery> {
        self.take_keyword(Keyword::SELECT).then_some(())?;
        let is_distinct = self.take_keyword(Keyword::DISTINCT);
        if !is_distinct {
            self.take_keyword(Keyword::ALL);
        }
        let list = self.at;
        let list_end = self.end_of_list();
        self.at = list_end;
        let mut scope = Scope::within(None);
        let mut relation =
            if self.take_keyword(Keyword::FROM) { self.tables(&mut scope)? } else { Relation::Unit };
        if self.take_keyword(Keyword::WHERE) {
            scope.clause = "WHERE";
            relation = relation.filter(self.condition(&scope, 0)?);
        }
        let keys = if self.take_keyword(Keyword::GROUP) { Some(self.group_keys(&mut scope)?) } else { None };
        let mut is_grouped = keys.is_some();
        let mut grouping = Grouping::new(self.binder.source());
        (grouping.keys, grouping.folded) = keys.unwrap_or_default();
        scope.grouping = Some(RefCell::new(grouping));
        let windows = Windows { source: self.binder.source(), functions: Vec::new() };
        let behind = std::mem::replace(&mut self.at, list);
        scope.clause = "the list";
        let mut items = self.items(&scope)?;
        (self.at == list_end).then_some(())?;
        self.binder.hand_out_as_they_are(&mut items, is_distinct);
        self.at = behind;
        let mut having = None;
        if self.take_keyword(Keyword::HAVING) {
            scope.clause = "HAVING";
            is_grouped = true;
            having = Some(self.condition(&scope, 0)?);
        }
        scope.clause = "ORDER BY";
        let order = if self.take_keyword(Keyword::ORDER) { self.order(&items, &scope)? } else { Vec::new() };
        self.peek().is_none().then_some(())?;
        scope.windows = Some(RefCell::new(windows));
        let clauses = Clauses { relation, is_grouped, items, having, order, is_distinct, distinct_on: None };
        self.binder.assembled(clauses, scope, &Tail::NONE).ok()
    }

    /// Where the list ends that begins here: there may be other expressions in parentheses, but no other clause.
    fn end_of_list(&self) -> usize {
        use Keyword::{FROM, GROUP, HAVING, LIMIT, ORDER, WHERE};
        let ends = |lexeme: &Lexeme<'_>| {
            matches!(lexeme, Lexeme::Word(_, FROM | WHERE | GROUP | HAVING | ORDER | LIMIT))
        };
        self.lexemes[self.at..].iter().position(ends).map_or(self.lexemes.len(), |end| self.at + end)
    }

    fn items(&mut self, scope: &Scope<'_>) -> Option<Vec<Item>> {
        let mut items = Vec::with_capacity(1);
        loop {
            self.item(scope, &mut items)?;
            if !self.take(Symbol::Comma) {
                return Some(items);
            }
        }
    }

    fn item(&mut self, scope: &Scope<'_>, items: &mut Vec<Item>) -> Option<()> {
        if self.take(Symbol::Mul) {
            add_all_columns(scope, items);
            return (!scope.tables.is_empty()).then_some(());
        }
        let begin = self.at;
        if let (Some(Lexeme::Word(table, keyword)), Some(Lexeme::Symbol(Symbol::Mul))) =
            (self.lexemes.get(begin).copied(), self.lexemes.get(begin + 2))
            && self.lexemes.get(begin + 1) == Some(&Lexeme::Symbol(Symbol::Period))
        {
            self.at += 3;
            let table =
                scope.tables.iter().find(|of| is_name(keyword) && is_same_in_any_case(table, &of.name))?;
            add_columns(table, &[], items);
            return Some(());
        }
        self.written.clear();
        let typed = self.value(scope)?;
        let read = &self.lexemes[begin..self.at];
        let column = match read {
            [Lexeme::Word(name, Keyword::NULL)] => Some((*name).to_uppercase()),
            [Lexeme::Word(name, _)] | [_, _, Lexeme::Word(name, _)]
                if read.get(1).is_none_or(|between| *between == Lexeme::Symbol(Symbol::Period)) =>
            {
                Some((*name).to_owned())
            }
            _ => None,
        };
        let is_named = self.take_keyword(Keyword::AS);
        let name = match (self.take_name(), column) {
            (Some(alias), _) => alias.to_owned(),
            (None, _) if is_named => return None,
            (None, Some(name)) => name,
            // Of a view nobody sees the names.
            (None, None) if self.binder.depth > 1 => String::new(),
            (None, None) => self.written.clone(),
        };
        items.push(Item { name, typed, span: Span::empty() });
        Some(())
    }

    /// A value: what a result column or an argument wants.
    fn value(&mut self, scope: &Scope<'_>) -> Option<Typed> {
        let typed = self.expression(scope, 0)?;
        Some(if typed.class() == Some(Class::Bool) { self.binder.value(typed) } else { typed })
    }

    /// The tables behind FROM.
    fn tables(&mut self, scope: &mut Scope<'_>) -> Option<Relation> {
        let mut relations = Vec::with_capacity(1);
        loop {
            scope.visible_from = scope.tables.len();
            let mut relation = self.table(scope)?;
            while let Some((kind, takes_on)) = self.join() {
                let right = self.table(scope)?;
                let on = if takes_on && self.take_keyword(Keyword::ON) {
                    scope.clause = "ON";
                    self.condition(scope, 0)?
                } else {
                    Expr::And(Vec::new())
                };
                relation = relation.join(kind, right, on);
            }
            relations.push(relation);
            if !self.take(Symbol::Comma) {
                scope.visible_from = 0;
                return Some(cross_product(relations));
            }
        }
    }

    fn table(&mut self, scope: &mut Scope<'_>) -> Option<Relation> {
        let name = ast::ObjectName::from(vec![ast::Ident::new(self.take_name()?)]);
        let explicit = self.take_keyword(Keyword::AS);
        let alias = self.take_name().map(|alias| ast::TableAlias {
            explicit,
            name: ast::Ident::new(alias),
            columns: Vec::new(),
            at: None,
        });
        if explicit && alias.is_none() {
            return None;
        }
        self.binder.named(&name, alias.as_ref(), scope).ok()
    }

    /// The kind of the join that begins here, and whether it may have a condition.
    fn join(&mut self) -> Option<(JoinKind, bool)> {
        let mut words = [Keyword::JOIN; 3];
        for (ahead, word) in words.iter_mut().enumerate() {
            *word = self.keyword(ahead);
        }
        let (count, kind) = match words {
            [Keyword::JOIN, ..] => (1, JoinKind::Inner),
            [Keyword::INNER | Keyword::CROSS, Keyword::JOIN, _] => (2, JoinKind::Inner),
            [Keyword::LEFT, Keyword::JOIN, _] => (2, JoinKind::Left),
            [Keyword::LEFT, Keyword::OUTER, Keyword::JOIN] => (3, JoinKind::Left),
            _ => return None,
        };
        self.at += count;
        Some((kind, words[0] != Keyword::CROSS))
    }

    /// What is grouped by, and what of it agrees but for case.
    fn group_keys(&mut self, scope: &mut Scope<'_>) -> Option<(Vec<Expr>, Vec<Expr>)> {
        self.take_keyword(Keyword::BY).then_some(())?;
        scope.clause = "GROUP BY";
        let (mut keys, mut folded) = (Vec::new(), Vec::new());
        loop {
            // The number of a column.
            if let Some(Lexeme::Number(_)) = self.peek() {
                return None;
            }
            let value = self.value(scope)?;
            if value.ignores_case() {
                folded.push(value.expr.clone());
            }
            let key = value.distinguished();
            if !keys.contains(&key) {
                keys.push(key);
            }
            if !self.take(Symbol::Comma) {
                return Some((keys, folded));
            }
        }
    }

    /// The keys behind ORDER BY, which may be numbers or names of items.
    fn order(&mut self, items: &[Item], scope: &Scope<'_>) -> Option<Vec<SortKey>> {
        self.take_keyword(Keyword::BY).then_some(())?;
        let mut keys = Vec::new();
        loop {
            let typed = self.sorted_by(items, scope)?;
            let sort = match self.keyword(0) {
                Keyword::ASC => Some(ast::OrderBySort::Asc),
                Keyword::DESC => Some(ast::OrderBySort::Desc),
                _ => None,
            };
            self.at += usize::from(sort.is_some());
            // A constant orders nothing.
            if !matches!(typed.expr, Expr::Literal(_)) {
                let options = ast::OrderByOptions { sort, nulls_first: None };
                keys.push(self.binder.sort_key(self.binder.ordered(typed), &options));
            }
            if !self.take(Symbol::Comma) {
                return Some(keys);
            }
        }
    }

    fn sorted_by(&mut self, items: &[Item], scope: &Scope<'_>) -> Option<Typed> {
        use Keyword::{ASC, DESC, LIMIT};
        let is_alone = matches!(
            self.lexemes.get(self.at + 1),
            None | Some(Lexeme::Symbol(Symbol::Comma) | Lexeme::Word(_, ASC | DESC | LIMIT))
        );
        let place = match self.peek()? {
            Lexeme::Number(digits) => {
                let number = digits.parse::<usize>().ok().filter(|_| is_alone)?;
                Some(number.checked_sub(1).filter(|place| *place < items.len())?)
            }
            Lexeme::Word(name, _) if is_alone => {
                items.iter().position(|item| is_same_in_any_case(name, &item.name))
            }
            _ => None,
        };
        match place {
            Some(place) => {
                self.at += 1;
                Some(items[place].typed.clone())
            }
            None => self.value(scope),
        }
    }

    fn peek(&self) -> Option<Lexeme<'t>> {
        self.lexemes.get(self.at).copied()
    }

    /// The keyword that the lexeme so far ahead is.
    fn keyword(&self, ahead: usize) -> Keyword {
        match self.lexemes.get(self.at + ahead) {
            Some(Lexeme::Word(_, keyword)) => *keyword,
            _ => Keyword::NoKeyword,
        }
    }

    /// Goes on behind a symbol, if it is here.
    fn take(&mut self, symbol: Symbol) -> bool {
        let is_here = self.peek() == Some(Lexeme::Symbol(symbol));
        self.at += usize::from(is_here);
        is_here
    }

    /// Goes on behind a keyword, if it is here.
    fn take_keyword(&mut self, keyword: Keyword) -> bool {
        let is_here = self.keyword(0) == keyword;
        self.at += usize::from(is_here);
        is_here
    }

    /// Goes on behind a word that is nothing but a name, if one is here.
    fn take_name(&mut self) -> Option<&'t str> {
        let Some(Lexeme::Word(name, keyword)) = self.peek() else { return None };
        if !is_name(keyword) {
            return None;
        }
        self.at += 1;
        Some(name)
    }
}
