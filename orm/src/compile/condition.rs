//! Conditions: Django's `Query.build_filter`, `_add_q` and `split_exclude`.
//!
//! A condition of `filter` is more than a boolean expression: it decides which of its joins are inner (a missing
//! row cannot make it true, or can it?), and under a negation
//! - NULLs are kept: `exclude(x = 1)` is `NOT (x = 1 AND x IS NOT NULL)`, so a row without `x` stays;
//! - a path to many rows becomes a subquery: `exclude(comments.text = 'a')` leaves out what has *any* such comment.

use nuages_engine::algebra::{Comparison, Expr, Function, JsonFunction, Query, TextMatch};
use nuages_storage::{DataType, Value};

use super::{
    Compiler, ScopeId,
    exclude::{Split, is_filtered},
    expression::{Place, lower},
    joins::{JoinSet, Promoter, Reuse},
    path::hops,
};
use crate::{
    error::{Misuse, Result},
    expression::json,
    meta::{FieldKind, ModelMeta},
    node::{FieldPath, Lookup, Node, Operator},
};

/// One call of `filter` or `exclude`, or a condition inside an expression.
pub(super) struct Call {
    /// Which joins to many rows the condition may share.
    pub(super) reuse: Reuse,
    /// Whether negated paths to many rows become subqueries.
    split: bool,
}

impl Call {
    /// A call of `filter` or `exclude`: it speaks of one row of each to-many relation, and not of one that an
    /// earlier call spoke of.
    pub(super) fn filter() -> Call {
        Call { reuse: Reuse::Only(JoinSet::new()), split: true }
    }

    /// A condition inside an expression.
    pub(super) fn inside(reuse: Reuse) -> Call {
        Call { reuse, split: false }
    }
}

/// The negations around a part of a condition.
#[derive(Clone, Copy, Default)]
pub(super) struct Negation {
    /// An odd number.
    odd: bool,
    /// Any.
    any: bool,
}

impl Compiler<'_> {
    /// The condition of one call, and nothing about its joins left to decide.
    pub(super) fn condition(
        &mut self,
        scope: ScopeId,
        node: &Node,
        call: &mut Call,
        exclude: bool,
    ) -> Result<Expr> {
        let at = self.place(scope);
        if !exclude && let Some(condition) = self.own_condition(at, node) {
            return Ok(condition);
        }
        let (condition, _) = if exclude {
            self.negated(at, node, call, Negation::default())?
        } else {
            // A single condition is a conjunction of one, so that its wish for inner joins is heard.
            self.junction(at, std::slice::from_ref(node), false, call, Negation::default())?
        };
        Ok(condition)
    }

    /// A part of a condition, and the joins it asks to be inner.
    pub(super) fn branch(
        &mut self,
        at: Place,
        node: &Node,
        call: &mut Call,
        odd: bool,
        any: bool,
    ) -> Result<(Expr, JoinSet)> {
        self.part(at, node, call, Negation { odd, any })
    }

    fn part(
        &mut self,
        at: Place,
        node: &Node,
        call: &mut Call,
        negation: Negation,
    ) -> Result<(Expr, JoinSet)> {
        match node {
            Node::Call(Operator::And, parts) => self.junction(at, parts, false, call, negation),
            Node::Call(Operator::Or, parts) => self.junction(at, parts, true, call, negation),
            Node::Call(Operator::Not, parts) => match &parts[..] {
                [part] => self.negated(at, part, call, negation),
                _ => Err(Misuse::Other("a negation has one operand").into()),
            },
            Node::Call(Operator::Lookup(_), operands)
                if operands.iter().any(|one| self.uncased(at.scope, one).is_some()) =>
            {
                self.part(at, &self.without_case(at.scope, node), call, negation)
            }
            Node::Call(Operator::Lookup(lookup), operands) => match &operands[..] {
                [left, right @ ..] => self.lookup(at, *lookup, left, right, call, negation),
                [] => Err(Misuse::Other("a lookup has no operand").into()),
            },
            // A boolean field stands for `field = true`.
            Node::Path(_) => {
                self.lookup(at, Lookup::Exact, node, &[Node::Value(Value::Bool(true))], call, negation)
            }
            other => Ok((self.expression_at(at, other, &mut call.reuse)?, JoinSet::new())),
        }
    }

    /// `NOT (..)`.
    fn negated(
        &mut self,
        at: Place,
        node: &Node,
        call: &mut Call,
        outside: Negation,
    ) -> Result<(Expr, JoinSet)> {
        let inside = Negation { odd: !outside.odd, any: true };
        let (condition, wanted) = match node {
            Node::Call(Operator::And, parts) => self.junction(at, parts, false, call, inside)?,
            Node::Call(Operator::Or, parts) => self.junction(at, parts, true, call, inside)?,
            other => self.junction(at, std::slice::from_ref(other), false, call, inside)?,
        };
        Ok((condition.not(), wanted))
    }

    pub(super) fn junction(
        &mut self,
        at: Place,
        parts: &[Node],
        any: bool,
        call: &mut Call,
        negation: Negation,
    ) -> Result<(Expr, JoinSet)> {
        let mut promoter = Promoter::new(any, parts.len(), negation.odd);
        let mut conditions = Vec::with_capacity(parts.len());
        for part in parts {
            let (condition, wanted) = self.part(at, part, call, negation)?;
            promoter.vote(&wanted);
            conditions.push(condition);
        }
        let wanted = promoter.finish(&mut self.scopes[at.scope].joins);
        let condition = match conditions.len() {
            1 => conditions.remove(0),
            _ if any => Expr::Or(conditions),
            _ => conditions.into_iter().fold(Expr::And(Vec::new()), Expr::and),
        };
        Ok((condition, wanted))
    }

    /// A comparison.
    fn lookup(
        &mut self,
        at: Place,
        lookup: Lookup,
        left: &Node,
        right: &[Node],
        call: &mut Call,
        negation: Negation,
    ) -> Result<(Expr, JoinSet)> {
        // To JSON, None is its own null, as in Django; what is not there is found by is_null.
        let is_json_none = matches!((lookup, right), (Lookup::Exact, [Node::Value(Value::Null)]))
            && is_document(at.anchor.model, left);
        let json_null = is_json_none.then(|| [json::constant(Value::Null)]);
        let right = json_null.as_ref().map_or(right, <[Node; 1]>::as_slice);
        let path = only_path(left);
        if let Some(path) = path.filter(|_| negation.any && call.split)
            && let Some(step) = self.first_many(at.anchor.model, path)?
        {
            let condition = self.split_exclude(at, &Split { lookup, left, right, path, step }, call)?;
            return Ok((condition, JoinSet::new()));
        }
        if negation.any && call.split && is_filtered(left) {
            return Ok((self.filtered_exclude(at, lookup, left, right)?, JoinSet::new()));
        }
        // What is not NULL for a missing row says something of it, and needs no test for NULL.
        let path = path.filter(|_| !accepts_null(left));
        let mut wanted = JoinSet::new();
        let mut values = Vec::with_capacity(right.len());
        for operand in right {
            values.push(self.right(at, operand, call, &mut wanted)?);
        }
        let Some(path) = path else {
            let left = self.expression_at(at, left, &mut call.reuse)?;
            return Ok((compare(lookup, left, values), JoinSet::new()));
        };
        let end = self.walk_from(at.scope, at.anchor, path, &call.reuse)?;
        wanted.extend_from_slice(&end.joins);
        call.reuse.extend(&end.joins);
        let subject = self.expression_at(at, left, &mut call.reuse)?;
        let value_nullable = match right {
            [value] => self.nullable_path(at, value, call)?,
            _ => None,
        };
        let tests_null = null_test(lookup, &values);
        let mut condition = compare(lookup, subject, values);
        let requires_outer = if negation.odd { tests_null != Some(true) } else { tests_null == Some(true) };
        // Django asks `exclude(document=None)` for no document: one that is not there is neither null nor anything else.
        if negation.odd && tests_null.is_none() && !is_json_none {
            if end.nullable || self.scopes[at.scope].joins.is_left(end.join) {
                condition = condition.and(self.column(at.scope, &end).is_null().not());
            }
            if let Some(value) = value_nullable {
                condition = condition.and(value.is_null().not());
            }
        }
        Ok((condition, if requires_outer { JoinSet::new() } else { wanted }))
    }

    /// A comparison of lower cases.
    fn without_case(&self, scope: ScopeId, comparison: &Node) -> Node {
        let Node::Call(operator, operands) = comparison else { return comparison.clone() };
        let operands = operands.iter().map(|operand| match operand {
            Node::Subquery(_) | Node::Value(Value::Null | Value::Bool(_)) => operand.clone(),
            other => self.uncased(scope, other).unwrap_or_else(|| lower(other.clone())),
        });
        Node::Call(operator.clone(), operands.collect())
    }

    /// The right side of a comparison.
    fn right(&mut self, at: Place, node: &Node, call: &mut Call, wanted: &mut JoinSet) -> Result<Right> {
        match node {
            Node::Subquery(state) if state.clauses().empty && state.clauses().combined.is_empty() => {
                Ok(Right::Nothing)
            }
            Node::Subquery(state) => Ok(Right::Query(Box::new(self.subquery(state, at.scope)?))),
            Node::Path(path) => {
                let end = self.walk_from(at.scope, at.anchor, path, &call.reuse)?;
                call.reuse.extend(&end.joins);
                wanted.extend_from_slice(&end.joins);
                Ok(Right::Expr(self.column(at.scope, &end)))
            }
            other => {
                let before = self.scopes[at.scope].joins.len();
                let value = self.expression_at(at, other, &mut call.reuse)?;
                wanted.extend(before..self.scopes[at.scope].joins.len());
                Ok(Right::Expr(value))
            }
        }
    }

    /// The column a value is, if it is one that may be NULL.
    fn nullable_path(&mut self, at: Place, value: &Node, call: &Call) -> Result<Option<Expr>> {
        let Node::Path(path) = value else { return Ok(None) };
        let end = self.walk_from(at.scope, at.anchor, path, &call.reuse)?;
        Ok(end.nullable.then(|| self.column(at.scope, &end)))
    }

    /// The number of the first step of a path that leads to many rows.
    fn first_many(&self, model: &'static ModelMeta, path: &FieldPath) -> Result<Option<usize>> {
        let mut at = model;
        for (index, &step) in path.steps().iter().enumerate() {
            let Some((hops, target)) = hops(self.binding, at, step)? else { return Ok(None) };
            if hops.iter().any(|hop| hop.many) {
                return Ok(Some(index));
            }
            at = target;
        }
        Ok(None)
    }
}

/// Whether an expression is JSON.
fn is_document(model: &'static ModelMeta, node: &Node) -> bool {
    match node.unnamed() {
        Node::Path(path) => {
            let field = path.last_field(model);
            field.is_some_and(|field| matches!(field.kind, FieldKind::Column(DataType::Json)))
        }
        other => json::is_member(other),
    }
}

/// The right side of a comparison.
enum Right {
    Expr(Expr),
    Query(Box<Query>),
    /// A subquery without rows.
    Nothing,
}

/// The only path of an expression that computes with nothing else, such as `created_at.year()`.
fn only_path(node: &Node) -> Option<&FieldPath> {
    match node {
        Node::Path(path) => Some(path),
        Node::Named(_, node) => only_path(node),
        Node::Call(Operator::And | Operator::Or | Operator::Not | Operator::Lookup(_), _) => None,
        Node::Call(_, operands) => {
            let mut paths = operands.iter().filter(|operand| !matches!(operand, Node::Value(_)));
            let path = only_path(paths.next()?)?;
            paths.next().is_none().then_some(path)
        }
        _ => None,
    }
}

/// Whether it may have a value where its path has none.
fn accepts_null(node: &Node) -> bool {
    let Node::Call(operator, operands) = node.unnamed() else { return false };
    let skips_null = matches!(
        operator,
        Operator::Function(
            Function::Coalesce
                | Function::Concat
                | Function::Greatest
                | Function::Least
                | Function::Json(JsonFunction::BuildArray | JsonFunction::BuildObject)
        )
    );
    skips_null || operands.iter().any(accepts_null)
}

/// Whether a comparison is one with NULL, and if so, whether NULL passes it.
fn null_test(lookup: Lookup, right: &[Right]) -> Option<bool> {
    match (lookup, right) {
        (Lookup::IsNull, [Right::Expr(Expr::Literal(Value::Bool(is_null)))]) => Some(*is_null),
        (Lookup::IsNull, _) => Some(true),
        (Lookup::Exact | Lookup::IExact, [Right::Expr(Expr::Literal(Value::Null))]) => Some(true),
        _ => None,
    }
}

/// A comparison as an expression.
fn compare(lookup: Lookup, left: Expr, mut right: Vec<Right>) -> Expr {
    match null_test(lookup, &right) {
        Some(true) => return left.is_null(),
        Some(false) => return left.is_null().not(),
        None => {}
    }
    if lookup == Lookup::In {
        return contained(left, right);
    }
    let second = if right.len() > 1 { right.pop() } else { None };
    let (Some(first), second) = (right.pop().and_then(Right::value), second.and_then(Right::value)) else {
        return Expr::Literal(Value::Bool(false));
    };
    let matches = |kind, ignore_case, left, pattern| Expr::Match {
        kind,
        ignore_case,
        text: Box::new(left),
        pattern: Box::new(pattern),
    };
    let json = |of, left, right| Expr::Call(Function::Json(of), vec![left, right]);
    match lookup {
        Lookup::Exact | Lookup::IsNull | Lookup::In => left.equals(first),
        Lookup::Gt => left.compare(Comparison::Greater, first),
        Lookup::Gte => left.compare(Comparison::GreaterOrEqual, first),
        Lookup::Lt => left.compare(Comparison::Less, first),
        Lookup::Lte => left.compare(Comparison::LessOrEqual, first),
        Lookup::Range => {
            let above = left.clone().compare(Comparison::GreaterOrEqual, first);
            let last = second.unwrap_or(Expr::Literal(Value::Null));
            above.and(left.compare(Comparison::LessOrEqual, last))
        }
        Lookup::IExact => matches(TextMatch::Exact, true, left, first),
        Lookup::Contains => matches(TextMatch::Contains, false, left, first),
        Lookup::IContains => matches(TextMatch::Contains, true, left, first),
        Lookup::StartsWith => matches(TextMatch::StartsWith, false, left, first),
        Lookup::IStartsWith => matches(TextMatch::StartsWith, true, left, first),
        Lookup::EndsWith => matches(TextMatch::EndsWith, false, left, first),
        Lookup::IEndsWith => matches(TextMatch::EndsWith, true, left, first),
        Lookup::Regex => matches(TextMatch::Regex, false, left, first),
        Lookup::IRegex => matches(TextMatch::Regex, true, left, first),
        Lookup::JsonContains => json(JsonFunction::Contains, left, first),
        Lookup::JsonContainedBy => json(JsonFunction::Contains, first, left),
        Lookup::HasKey => json(JsonFunction::HasKey, left, first),
    }
}

/// `IN`: NULLs in a list are left out, and nothing is in an empty one, not even NULL in its unknown way.
fn contained(left: Expr, mut right: Vec<Right>) -> Expr {
    if let [Right::Query(_)] = right[..]
        && let Some(Right::Query(query)) = right.pop()
    {
        return Expr::InQuery(Box::new(left), query);
    }
    let is_null = |expr: &Expr| matches!(expr, Expr::Literal(Value::Null));
    let list: Vec<Expr> = right.into_iter().filter_map(Right::value).filter(|one| !is_null(one)).collect();
    if list.is_empty() { Expr::Literal(Value::Bool(false)) } else { Expr::InList(Box::new(left), list) }
}

impl Right {
    /// As a scalar.
    fn value(self) -> Option<Expr> {
        match self {
            Right::Expr(expr) => Some(expr),
            Right::Query(query) => Some(Expr::Scalar(query)),
            Right::Nothing => None,
        }
    }
}
