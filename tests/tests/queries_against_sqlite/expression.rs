//! Random scalar expressions, of the kind that is asked for.
//!
//! Only what both engines define alike: no division by what may be zero, no overflow, texts of ASCII, floats and
//! decimals that binary holds exactly.

use nuages_engine::algebra::{Arithmetic, Column, Comparison, Expr, Function, TextMatch};
use nuages_storage::Value;
use rust_decimal::Decimal;

use crate::query::Generator;
use crate::schema::Kind;

/// A column in scope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) column: Column,
    pub(crate) kind: Kind,
}

impl Field {
    pub(crate) fn expr(self) -> Expr {
        Expr::Column(self.column)
    }
}

impl Generator<'_> {
    /// An expression of this kind, at most `depth` operators deep.
    pub(crate) fn scalar(&mut self, kind: Kind, scope: &[Field], depth: usize) -> Expr {
        let leaf = depth == 0 || self.tape.below(3) < 2;
        if leaf || kind == Kind::Mean {
            return self.leaf(kind, scope);
        }
        let depth = depth - 1;
        match self.tape.below(8) {
            0 => {
                let condition = self.predicate(scope, depth);
                let then = self.scalar(kind, scope, depth);
                let otherwise = self.tape.one_in(2).then(|| Box::new(self.scalar(kind, scope, depth)));
                Expr::Case { branches: vec![(condition, then)], otherwise }
            }
            1 => self.call(kind, scope),
            2 if self.subqueries => self.scalar_subquery(kind, scope),
            _ => match kind {
                Kind::Int => self.integer(scope, depth),
                Kind::Float | Kind::Decimal => self.number(kind, scope, depth),
                Kind::Text => self.text(scope, depth),
                Kind::Bool => self.predicate(scope, depth),
                Kind::Mean => self.leaf(kind, scope),
            },
        }
    }

    /// A column of the kind, or a literal.
    fn leaf(&mut self, kind: Kind, scope: &[Field]) -> Expr {
        if !self.outer.is_empty() && self.tape.one_in(3) {
            let outer: Vec<Field> =
                self.outer.iter().flatten().copied().filter(|field| field.kind == kind).collect();
            if !outer.is_empty() {
                return self.tape.pick(&outer).expr();
            }
        }
        let fields: Vec<Field> = scope.iter().copied().filter(|field| field.kind == kind).collect();
        if fields.is_empty() || self.tape.one_in(6) {
            return self.literal(kind);
        }
        self.tape.pick(&fields).expr()
    }

    /// A literal that is not NULL, or a parameter.
    pub(crate) fn literal(&mut self, kind: Kind) -> Expr {
        let spread = self.tape.pick(&[5, 5, 5, 12]);
        let value = kind.value(self.tape.below(spread));
        if self.tape.one_in(8) {
            let value = if self.tape.one_in(6) { Value::Null } else { value };
            self.parameters.push(value);
            return Expr::Parameter(self.parameters.len() - 1, kind.data_type());
        }
        Expr::Literal(value)
    }

    /// A function of two arguments of one kind.
    fn call(&mut self, kind: Kind, scope: &[Field]) -> Expr {
        let functions = [Function::Coalesce, Function::NullIf, Function::Greatest, Function::Least];
        let function = self.tape.pick(&functions);
        let arguments = vec![self.scalar(kind, scope, 1), self.scalar(kind, scope, 1)];
        Expr::Call(function, arguments)
    }

    fn integer(&mut self, scope: &[Field], depth: usize) -> Expr {
        match self.tape.below(6) {
            0 | 1 => {
                let op = self.tape.pick(&[Arithmetic::Add, Arithmetic::Subtract]);
                self.scalar(Kind::Int, scope, depth).arithmetic(op, self.scalar(Kind::Int, scope, depth))
            }
            2 => {
                let op = self.tape.pick(&[Arithmetic::Divide, Arithmetic::Modulo, Arithmetic::Multiply]);
                let by = self.tape.pick(&[2i64, 3, -2, 7]);
                self.scalar(Kind::Int, scope, depth).arithmetic(op, Expr::literal(by))
            }
            3 => Expr::Call(Function::Length, vec![self.scalar(Kind::Text, scope, depth)]),
            4 => Expr::Negate(Box::new(self.scalar(Kind::Int, scope, depth))),
            _ => Expr::Call(Function::Abs, vec![self.scalar(Kind::Int, scope, depth)]),
        }
    }

    fn number(&mut self, kind: Kind, scope: &[Field], depth: usize) -> Expr {
        match self.tape.below(4) {
            0 => {
                // Products of columns would soon have more digits than are exact.
                let factor = self.tape.below(6);
                self.scalar(kind, scope, depth)
                    .arithmetic(Arithmetic::Multiply, Expr::Literal(kind.value(factor)))
            }
            1 => {
                let op = self.tape.pick(&[Arithmetic::Add, Arithmetic::Subtract]);
                let other = self.narrower(kind);
                let (left, right) = (self.scalar(kind, scope, depth), self.scalar(other, scope, depth));
                if self.tape.one_in(2) { right.arithmetic(op, left) } else { left.arithmetic(op, right) }
            }
            2 => Expr::Cast(Box::new(self.scalar(Kind::Int, scope, depth)), kind.data_type()),
            _ => Expr::Negate(Box::new(self.scalar(kind, scope, depth))),
        }
    }

    /// A kind whose numbers become this kind's without being asked.
    fn narrower(&mut self, kind: Kind) -> Kind {
        match kind {
            Kind::Float => self.tape.pick(&[Kind::Float, Kind::Int, Kind::Decimal]),
            Kind::Decimal => self.tape.pick(&[Kind::Decimal, Kind::Int]),
            kind => kind,
        }
    }

    fn text(&mut self, scope: &[Field], depth: usize) -> Expr {
        let text = self.scalar(Kind::Text, scope, depth);
        match self.tape.below(7) {
            0 => Expr::Call(Function::Lower, vec![text]),
            1 => Expr::Call(Function::Upper, vec![text]),
            2 => Expr::Call(Function::Trim, vec![text]),
            3 => Expr::Call(Function::Concat, vec![text, self.scalar(Kind::Text, scope, depth)]),
            4 => {
                let (start, count) = (1 + self.tape.below(3), self.tape.below(4));
                let int = |n: usize| Expr::literal(i64::try_from(n).unwrap_or(0));
                Expr::Call(Function::Substring, vec![text, int(start), int(count)])
            }
            5 => {
                let (from, to) = (self.tape.pick(&["a", "b", "ab"]), self.tape.pick(&["", "b", "ba"]));
                Expr::Call(Function::Replace, vec![text, Expr::literal(from), Expr::literal(to)])
            }
            _ => Expr::Cast(Box::new(self.scalar(Kind::Int, scope, depth)), Kind::Text.data_type()),
        }
    }

    /// A condition.
    pub(crate) fn predicate(&mut self, scope: &[Field], depth: usize) -> Expr {
        if depth > 0 && self.tape.one_in(3) {
            return self.compound(scope, depth - 1);
        }
        match self.tape.below(10) {
            0..=3 => self.comparison(scope, depth),
            4 => {
                let kind = self.any_kind(scope);
                let null = self.scalar(kind, scope, depth.min(1)).is_null();
                if self.tape.one_in(2) { null.not() } else { null }
            }
            5 => self.in_list(scope, depth),
            6 => self.text_match(scope, depth),
            7 => self.leaf(Kind::Bool, scope),
            _ if self.subqueries => self.subquery_predicate(scope),
            _ => self.comparison(scope, depth),
        }
    }

    fn compound(&mut self, scope: &[Field], depth: usize) -> Expr {
        match self.tape.below(5) {
            0 => Expr::Or(self.predicates(scope, depth)),
            // What is asked of several indexes.
            4 => Expr::Or((0..2 + self.tape.below(2)).map(|_| self.findable(scope)).collect()),
            1 => Expr::And(self.predicates(scope, depth)),
            2 => self.predicate(scope, depth).not(),
            // What is asked of an index: both ends of a range.
            _ => {
                let value = self.leaf(Kind::Int, scope);
                let lower = value.clone().compare(Comparison::GreaterOrEqual, self.literal(Kind::Int));
                lower.and(value.compare(Comparison::Less, self.literal(Kind::Int)))
            }
        }
    }

    /// A condition on a column that an index may find.
    fn findable(&mut self, scope: &[Field]) -> Expr {
        let kind = self.any_kind(scope);
        let column = self.leaf(kind, scope);
        match self.tape.below(6) {
            0 => column.is_null(),
            1 => Expr::InList(Box::new(column), vec![self.literal(kind), self.literal(kind)]),
            2 => column.compare(Comparison::Same, self.literal(kind)),
            3 if kind == Kind::Text => {
                let (kind, pattern) = self.tape.pick(&[
                    (TextMatch::StartsWith, "a"),
                    (TextMatch::Like, "ab%"),
                    (TextMatch::Like, "a%b%"),
                    (TextMatch::Exact, "ab"),
                ]);
                let (text, pattern) = (Box::new(column), Box::new(Expr::literal(pattern)));
                Expr::Match { kind, ignore_case: false, text, pattern }
            }
            4 => {
                let lower = column.clone().compare(Comparison::GreaterOrEqual, self.literal(kind));
                lower.and(column.compare(Comparison::Less, self.literal(kind)))
            }
            _ => column.equals(self.literal(kind)),
        }
    }

    fn predicates(&mut self, scope: &[Field], depth: usize) -> Vec<Expr> {
        (0..2 + self.tape.below(2)).map(|_| self.predicate(scope, depth)).collect()
    }

    fn comparison(&mut self, scope: &[Field], depth: usize) -> Expr {
        let op = self.tape.pick(&[
            Comparison::Equal,
            Comparison::GreaterOrEqual,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::NotEqual,
            Comparison::GreaterOrEqual,
            Comparison::Greater,
            Comparison::LessOrEqual,
            Comparison::Same,
        ]);
        let kind = self.any_kind(scope);
        let left = self.scalar(kind, scope, depth.min(2));
        let right = match self.tape.below(8) {
            0..=3 => self.literal(kind),
            4 if kind.is_number() => {
                let other = self.tape.pick(&[Kind::Float, Kind::Int, Kind::Decimal]);
                self.scalar(other, scope, depth.min(1))
            }
            5 if self.tape.one_in(4) => Expr::Literal(Value::Null),
            _ => self.scalar(kind, scope, depth.min(1)),
        };
        if self.tape.one_in(4) { right.compare(op, left) } else { left.compare(op, right) }
    }

    fn in_list(&mut self, scope: &[Field], depth: usize) -> Expr {
        let kind = self.any_kind(scope);
        let value = self.scalar(kind, scope, depth.min(1));
        let mut list: Vec<Expr> = (0..self.tape.below(4)).map(|_| self.literal(kind)).collect();
        if self.tape.one_in(6) {
            list.push(Expr::Literal(Value::Null));
        }
        if self.tape.one_in(6) {
            list.push(self.scalar(kind, scope, 1));
        }
        let membership = Expr::InList(Box::new(value), list);
        if self.tape.one_in(3) { membership.not() } else { membership }
    }

    fn text_match(&mut self, scope: &[Field], depth: usize) -> Expr {
        let text = Box::new(self.scalar(Kind::Text, scope, depth.min(1)));
        let kind = self.tape.pick(&[
            TextMatch::Contains,
            TextMatch::StartsWith,
            TextMatch::Like,
            TextMatch::EndsWith,
            TextMatch::Exact,
        ]);
        let pattern = match kind {
            TextMatch::Like => Expr::literal(self.tape.pick(&["a%", "%b", "_", "%a%", "a_", "", "%", "_b%"])),
            _ => self.scalar(Kind::Text, scope, depth.min(1)),
        };
        Expr::Match { kind, ignore_case: self.tape.one_in(3), text, pattern: Box::new(pattern) }
    }

    /// A kind of which there is a column, mostly.
    pub(crate) fn any_kind(&mut self, scope: &[Field]) -> Kind {
        match scope {
            [] => self.tape.pick(&Kind::ALL),
            fields => self.tape.pick(fields).kind,
        }
    }
}

/// A decimal literal is exact in both engines.
#[test]
fn quarters_are_exact() {
    assert_eq!(Kind::Decimal.value(3), Value::Decimal(Decimal::new(25, 2)));
    assert_eq!(crate::sqlite::literal(&Kind::Decimal.value(3)), "(0.25)");
}
