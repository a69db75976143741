//! Expressions, bound while their precedences are climbed (see [`climb`](crate::sql::climb), whose order of operators
//! this is).

use sqlparser::ast::{self, BinaryOperator, UnaryOperator};
use sqlparser::dialect::{Dialect as _, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Span;

use super::super::condition::{add_connected, connected};
use super::super::scope::Scope;
use super::super::typed::Typed;
use super::super::written::symbol;
use super::Straight;
use crate::algebra::{AggregateFunction, Expr};
use crate::sql::keyword::is_name;
use crate::sql::lexeme::{Lexeme, Symbol};
use crate::sql::parse::OPERATORS_MAX;

/// How many expressions may be within each other.
const DEPTH_MAX: usize = if cfg!(debug_assertions) { 6 } else { 24 };

/// The aggregates that are bound here, and functions of which nothing but their arguments is to be known.
const AGGREGATES: [(&str, AggregateFunction); 6] = [
    ("count", AggregateFunction::Count),
    ("sum", AggregateFunction::Sum),
    ("min", AggregateFunction::Min),
    ("max", AggregateFunction::Max),
    ("avg", AggregateFunction::Avg),
    ("total", AggregateFunction::Total),
];
const FUNCTIONS: [&str; 3] = ["coalesce", "nullif", "abs"];

/// What follows an operand.
enum Next {
    /// Nothing of the expression.
    End,
    Operator(BinaryOperator),
    Null,
    Between,
    List,
}

/// What has no type is NULL, whatever it is computed by: there are no parameters here.
fn settled(typed: Typed) -> Typed {
    if typed.kind.is_none() { Typed::null() } else { typed }
}

impl Straight<'_, '_, '_> {
    /// A condition, up to an operator that binds no tighter than `than`.
    pub(super) fn condition(&mut self, scope: &Scope<'_>, than: u8) -> Option<Expr> {
        let typed = self.expression(scope, than)?;
        self.binder.truth(typed, Span::empty()).ok()
    }

    /// An expression, up to such an operator.
    pub(super) fn expression(&mut self, scope: &Scope<'_>, than: u8) -> Option<Typed> {
        if self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let mut left = self.operand(scope)?;
        loop {
            let (next, negated, precedence) = self.next()?;
            if matches!(next, Next::End) || precedence <= than {
                self.depth -= 1;
                return Some(left);
            }
            self.count_operator()?;
            left = settled(self.continued(left, next, negated, precedence, scope)?);
        }
    }

    /// An operand with the operator behind it, and what that wants.
    fn continued(
        &mut self,
        left: Typed,
        next: Next,
        negated: bool,
        precedence: u8,
        scope: &Scope<'_>,
    ) -> Option<Typed> {
        self.at += 1 + usize::from(negated);
        match next {
            Next::End => None,
            Next::Operator(op @ (BinaryOperator::And | BinaryOperator::Or)) => {
                let is_and = op == BinaryOperator::And;
                let left = self.binder.truth(left, Span::empty()).ok()?;
                self.written.push_str(symbol(&op)?);
                let right = self.condition(scope, precedence)?;
                let mut all = Vec::with_capacity(2);
                add_connected(is_and, left, &mut all);
                add_connected(is_and, right, &mut all);
                Some(Typed::bool(connected(is_and, all)))
            }
            Next::Operator(op) => {
                self.written.push_str(symbol(&op)?);
                let right = self.expression(scope, precedence)?;
                self.binder.binary(&op, left, right, Span::empty()).ok()
            }
            Next::Null => {
                self.at += 1;
                self.written.push_str(if negated { " IS NOT NULL" } else { " IS NULL" });
                let test = left.expr.is_null();
                Some(Typed::bool(if negated { test.not() } else { test }))
            }
            Next::Between => {
                self.written.push_str(if negated { " NOT BETWEEN " } else { " BETWEEN " });
                let low = self.expression(scope, precedence)?;
                self.take_keyword(Keyword::AND).then_some(())?;
                self.written.push_str(" AND ");
                let high = self.expression(scope, precedence)?;
                self.binder.within(left, [low, high], negated, Span::empty()).ok()
            }
            Next::List => {
                self.take(Symbol::LParen).then_some(())?;
                self.written.push_str(if negated { " NOT IN (" } else { " IN (" });
                let list = self.list(|of| of.expression(scope, 0))?;
                let found = self.binder.one_of(left, list, Span::empty()).ok()?;
                Some(Typed::bool(if negated { found.not() } else { found }))
            }
        }
    }

    /// What is here behind an operand, whether it is the opposite, and how tightly it binds.
    fn next(&self) -> Option<(Next, bool, u8)> {
        let of = |precedence| self.grammar.prec_value(precedence);
        let (op, precedence) = match self.peek() {
            None => return Some((Next::End, false, 0)),
            Some(Lexeme::Word(_, keyword)) => match keyword {
                Keyword::AND => (BinaryOperator::And, of(Precedence::And)),
                Keyword::OR => (BinaryOperator::Or, of(Precedence::Or)),
                _ => return self.next_test(keyword),
            },
            Some(Lexeme::Symbol(symbol)) => match symbol {
                Symbol::RParen | Symbol::Comma => return Some((Next::End, false, 0)),
                Symbol::Eq => (BinaryOperator::Eq, of(Precedence::Eq)),
                Symbol::Neq => (BinaryOperator::NotEq, of(Precedence::Eq)),
                Symbol::Lt => (BinaryOperator::Lt, self.grammar.comparison()),
                Symbol::LtEq => (BinaryOperator::LtEq, self.grammar.comparison()),
                Symbol::Gt => (BinaryOperator::Gt, self.grammar.comparison()),
                Symbol::GtEq => (BinaryOperator::GtEq, self.grammar.comparison()),
                Symbol::Plus => (BinaryOperator::Plus, of(Precedence::PlusMinus)),
                Symbol::Minus => (BinaryOperator::Minus, of(Precedence::PlusMinus)),
                Symbol::Mul => (BinaryOperator::Multiply, of(Precedence::MulDivModOp)),
                Symbol::Div => (BinaryOperator::Divide, of(Precedence::MulDivModOp)),
                _ => return None,
            },
            _ => return None,
        };
        Some((Next::Operator(op), false, precedence))
    }

    /// The same of words: `IS NULL`, `BETWEEN` and `IN (..)`, and their opposites; and what ends an expression.
    fn next_test(&self, keyword: Keyword) -> Option<(Next, bool, u8)> {
        use Keyword::{AS, ASC, CROSS, DESC, ELSE, END, FROM, GROUP, HAVING, INNER, JOIN, LEFT, NoKeyword};
        use Keyword::{BETWEEN, IN, IS, NOT, NULL, ON, ORDER, THEN, WHEN, WHERE};
        let between = self.grammar.prec_value(Precedence::Between);
        let is = self.grammar.prec_value(Precedence::Is);
        Some(match (keyword, self.keyword(1), self.keyword(2)) {
            (IS, NULL, _) => (Next::Null, false, is),
            (IS, NOT, NULL) => (Next::Null, true, is),
            (BETWEEN, ..) => (Next::Between, false, between),
            (NOT, BETWEEN, _) => (Next::Between, true, between),
            (IN, ..) => (Next::List, false, between),
            (NOT, IN, _) => (Next::List, true, between),
            // A test that the parser knows only as a name.
            (NoKeyword, ..) if matches!(self.peek(), Some(Lexeme::Word(word, _)) if word.eq_ignore_ascii_case("isnull")) =>
            {
                return None;
            }
            (AS | ASC | CROSS | DESC | ELSE | END | FROM | GROUP | HAVING | INNER | JOIN | LEFT, ..)
            | (NoKeyword | ON | ORDER | THEN | WHEN | WHERE, ..) => (Next::End, false, 0),
            _ => return None,
        })
    }

    /// What is between commas, up to the parenthesis that closes.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut list = Vec::with_capacity(1);
        loop {
            list.push(each(self)?);
            if self.take(Symbol::RParen) {
                self.written.push(')');
                return Some(list);
            }
            self.take(Symbol::Comma).then_some(())?;
            self.written.push_str(", ");
        }
    }

    /// What stands between operators.
    fn operand(&mut self, scope: &Scope<'_>) -> Option<Typed> {
        let lexeme = self.peek()?;
        self.at += 1;
        match lexeme {
            Lexeme::Number(digits) => {
                self.written.push_str(digits);
                self.binder.number_literal(digits, false, Span::empty()).ok()
            }
            Lexeme::Text(text) => {
                self.written.extend(["'", text, "'"]);
                Some(Typed::literal(text.into()))
            }
            Lexeme::Symbol(Symbol::LParen) => {
                self.count_operator()?;
                self.written.push('(');
                let inner = self.expression(scope, 0)?;
                self.take(Symbol::RParen).then_some(())?;
                self.written.push(')');
                Some(inner)
            }
            Lexeme::Symbol(Symbol::Minus) => self.signed(UnaryOperator::Minus, scope),
            Lexeme::Symbol(Symbol::Plus) => self.signed(UnaryOperator::Plus, scope),
            Lexeme::Word(_, Keyword::NULL) => {
                self.written.push_str("NULL");
                Some(Typed::null())
            }
            Lexeme::Word(_, Keyword::NOT) => {
                self.count_operator()?;
                self.written.push_str("NOT ");
                let than = self.grammar.prec_value(Precedence::UnaryNot);
                Some(Typed::bool(self.condition(scope, than)?.not()))
            }
            Lexeme::Word(_, Keyword::CASE) => self.case(scope),
            Lexeme::Word(_, Keyword::CAST) => self.cast(scope),
            Lexeme::Word(name, _) if self.peek() == Some(Lexeme::Symbol(Symbol::LParen)) => {
                self.at += 1;
                self.written.extend([name, "("]);
                self.call(name, scope)
            }
            Lexeme::Word(name, keyword) if is_name(keyword) => self.column(name, scope),
            _ => None,
        }
    }

    fn count_operator(&mut self) -> Option<()> {
        self.operators += 1;
        (self.operators <= OPERATORS_MAX).then_some(())
    }

    fn signed(&mut self, op: UnaryOperator, scope: &Scope<'_>) -> Option<Typed> {
        self.count_operator()?;
        self.written.push(if op == UnaryOperator::Minus { '-' } else { '+' });
        if let (UnaryOperator::Minus, Some(Lexeme::Number(digits))) = (op, self.peek()) {
            self.at += 1;
            self.written.push_str(digits);
            return self.binder.number_literal(digits, true, Span::empty()).ok();
        }
        // Two minuses in a row would be a comment.
        let is_signed = matches!(
            self.peek(),
            Some(Lexeme::Symbol(Symbol::Minus | Symbol::Plus) | Lexeme::Word(_, Keyword::NOT))
        );
        self.written.extend(is_signed.then_some('('));
        let operand = self.expression(scope, self.grammar.sign(op))?;
        self.written.extend(is_signed.then_some(')'));
        self.binder.unary(op, operand, Span::empty()).ok().map(settled)
    }

    fn column(&mut self, name: &str, scope: &Scope<'_>) -> Option<Typed> {
        // `DATE '2024-01-31'` is no column.
        if matches!(self.peek(), Some(Lexeme::Text(_) | Lexeme::Name(_))) {
            return None;
        }
        self.written.push_str(name);
        if !self.take(Symbol::Period) {
            return self.binder.own_column(None, name, scope);
        }
        let column = self.take_name()?;
        self.written.extend([".", column]);
        if matches!(self.peek(), Some(Lexeme::Symbol(Symbol::Period | Symbol::LParen))) {
            return None;
        }
        self.binder.own_column(Some(name), column, scope)
    }

    fn case(&mut self, scope: &Scope<'_>) -> Option<Typed> {
        self.count_operator()?;
        self.written.push_str("CASE");
        let mut operand = None;
        if self.keyword(0) != Keyword::WHEN {
            self.written.push(' ');
            operand = Some(self.expression(scope, 0)?);
        }
        let (mut whens, mut results) = (Vec::with_capacity(1), Vec::with_capacity(2));
        while self.take_keyword(Keyword::WHEN) {
            self.written.push_str(" WHEN ");
            whens.push(match &operand {
                None => self.condition(scope, 0)?,
                Some(operand) => {
                    let value = self.expression(scope, 0)?;
                    self.binder.binary(&BinaryOperator::Eq, operand.clone(), value, Span::empty()).ok()?.expr
                }
            });
            self.take_keyword(Keyword::THEN).then_some(())?;
            self.written.push_str(" THEN ");
            results.push(self.value(scope)?);
        }
        if self.take_keyword(Keyword::ELSE) {
            self.written.push_str(" ELSE ");
            results.push(self.value(scope)?);
        }
        (self.take_keyword(Keyword::END) && !whens.is_empty()).then_some(())?;
        self.written.push_str(" END");
        self.binder.chosen(whens, results, Span::empty()).ok().map(settled)
    }

    fn cast(&mut self, scope: &Scope<'_>) -> Option<Typed> {
        self.take(Symbol::LParen).then_some(())?;
        self.written.push_str("CAST(");
        let operand = self.expression(scope, 0)?;
        self.take_keyword(Keyword::AS).then_some(())?;
        let (to, name) = match self.keyword(0) {
            Keyword::INTEGER => (ast::DataType::Integer(None), " AS INTEGER)"),
            Keyword::REAL => (ast::DataType::Real, " AS REAL)"),
            Keyword::TEXT => (ast::DataType::Text, " AS TEXT)"),
            _ => return None,
        };
        self.at += 1;
        self.take(Symbol::RParen).then_some(())?;
        self.written.push_str(name);
        self.binder.cast_to(operand, &to, Span::empty()).ok().map(settled)
    }

    /// What a function gives whose name and parenthesis were read.
    fn call(&mut self, name: &str, scope: &Scope<'_>) -> Option<Typed> {
        self.count_operator()?;
        if let Some((_, function)) = AGGREGATES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
            return self.aggregate(*function, scope).map(settled);
        }
        let known = FUNCTIONS.iter().find(|known| name.eq_ignore_ascii_case(known))?;
        let arguments = self.list(|of| of.value(scope))?;
        self.binder.scalar_function(known, arguments, Span::empty()).ok().map(settled)
    }

    fn aggregate(&mut self, function: AggregateFunction, scope: &Scope<'_>) -> Option<Typed> {
        let grouping = scope.grouping.as_ref()?;
        if function == AggregateFunction::Count && self.take(Symbol::Mul) {
            self.take(Symbol::RParen).then_some(())?;
            self.written.push_str("*)");
            return self.binder.aggregate_of_value(function, None, false, scope);
        }
        let is_distinct = self.take_keyword(Keyword::DISTINCT);
        let quantifier = match is_distinct {
            true => "DISTINCT ",
            false if self.take_keyword(Keyword::ALL) => "ALL ",
            false => "",
        };
        self.written.push_str(quantifier);
        if std::mem::replace(&mut grouping.borrow_mut().within, true) {
            return None;
        }
        let argument = self.value(scope)?;
        grouping.borrow_mut().within = false;
        self.take(Symbol::RParen).then_some(())?;
        self.written.push(')');
        self.binder.aggregate_of_value(function, Some(argument), is_distinct, scope)
    }
}
