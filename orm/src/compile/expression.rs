//! From nodes to scalar expressions of the algebra.

use nuages_engine::algebra::{Aggregate, AggregateFunction, Expr, Function, MathFunction};
use nuages_storage::Value;

use super::{Compiler, ScopeId, condition::Call, joins::Reuse, path::Anchor};
use crate::{
    error::{Error, Misuse, Result},
    meta::ModelMeta,
    node::{AggregateNode, FieldPath, FilteredNode, Node, Operator},
    queryset::{QueryState, function_name},
};

/// Where an expression's paths begin.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) scope: ScopeId,
    pub(super) anchor: Anchor,
}

impl Compiler<'_> {
    /// The place of expressions over a scope's own model.
    pub(super) fn place(&self, scope: ScopeId) -> Place {
        Place { scope, anchor: Anchor { join: 0, model: self.scopes[scope].model } }
    }

    /// An expression over a scope's own model.
    pub(super) fn expression(&mut self, scope: ScopeId, node: &Node, reuse: &mut Reuse) -> Result<Expr> {
        self.expression_at(self.place(scope), node, reuse)
    }

    /// An expression over the model of a place.
    pub(super) fn expression_at(&mut self, at: Place, node: &Node, reuse: &mut Reuse) -> Result<Expr> {
        match node {
            Node::Path(path) => self.path(at, path, reuse),
            Node::Value(value) => Ok(Expr::Literal(value.clone())),
            Node::Parameter(index, data_type) => Ok(Expr::Parameter(*index, *data_type)),
            Node::Call(operator, operands) => self.call(at, node, operator, operands, reuse),
            Node::Aggregate(aggregate) => self.aggregate(at, aggregate),
            Node::Window(window) => self.window(at, window),
            Node::Case(case) => {
                let mut branches = Vec::with_capacity(case.branches.len());
                for (when, then) in &case.branches {
                    branches.push((self.truth(at, when, reuse)?, self.expression_at(at, then, reuse)?));
                }
                let otherwise = case.otherwise.as_ref().map(|node| self.expression_at(at, node, reuse));
                Ok(Expr::Case { branches, otherwise: otherwise.transpose()?.map(Box::new) })
            }
            Node::Outer { model, node } => {
                let outer = self.outside(at.scope, model)?;
                self.expression(outer, node, &mut Reuse::All)
            }
            Node::Subquery(state) => self.scalar_subquery(at, state),
            Node::Exists(state) => self.exists(at, state),
            Node::Filtered(filtered) => self.filtered(at, filtered, reuse),
            Node::Named(_, node) => self.expression_at(at, node, reuse),
            Node::Annotation(index) => self.annotation(at.scope, *index),
            Node::Misuse(misuse) => Err(Error::clone(misuse)),
        }
    }

    /// The nearest query level around a scope that is over this model.
    fn outside(&self, scope: ScopeId, model: &'static ModelMeta) -> Result<ScopeId> {
        let mut at = self.scopes[scope].outer;
        while let Some(id) = at {
            if !self.scopes[id].split && self.scopes[id].model == model {
                return Ok(id);
            }
            at = self.scopes[id].outer;
        }
        Err(Misuse::NoOuter { model: model.name }.into())
    }

    fn path(&mut self, at: Place, path: &FieldPath, reuse: &mut Reuse) -> Result<Expr> {
        if let Some(column) = self.own_column(at, path) {
            return Ok(column);
        }
        let end = self.walk_from(at.scope, at.anchor, path, reuse)?;
        reuse.extend(&end.joins);
        Ok(self.column(at.scope, &end))
    }

    fn call(
        &mut self,
        at: Place,
        node: &Node,
        operator: &Operator,
        operands: &[Node],
        reuse: &mut Reuse,
    ) -> Result<Expr> {
        if matches!(operator, Operator::And | Operator::Or | Operator::Not | Operator::Lookup(_)) {
            return self.truth(at, node, reuse);
        }
        match operator {
            Operator::Function(Function::Now) => return Ok(self.now()),
            Operator::Random(_) => return Ok(Expr::Call(Function::Math(MathFunction::Random), Vec::new())),
            _ => {}
        }
        let mut arguments = operands
            .iter()
            .map(|operand| self.expression_at(at, operand, reuse))
            .collect::<Result<Vec<_>>>()?;
        let zone = || self.settings.zone.clone();
        let function = match operator {
            Operator::Function(function) => function.clone(),
            Operator::Extract(part) => Function::Extract(*part, zone()),
            Operator::Truncate(unit) => Function::Truncate(*unit, zone()),
            Operator::DateOf => Function::DateOf(zone()),
            Operator::TimeOf => Function::TimeOf(zone()),
            other => {
                let mut next = || {
                    if arguments.is_empty() {
                        Err(Error::Misuse(Misuse::Other("an operator lacks an operand")))
                    } else {
                        Ok(arguments.remove(0))
                    }
                };
                return match other {
                    Operator::Arithmetic(arithmetic) => Ok(next()?.arithmetic(*arithmetic, next()?)),
                    Operator::Cast(data_type) => Ok(Expr::Cast(Box::new(next()?), *data_type)),
                    // Only orders and comparisons see it; see `uncased`.
                    Operator::NoCase => next(),
                    _ => Ok(Expr::Negate(Box::new(next()?))),
                };
            }
        };
        Ok(Expr::Call(function, arguments))
    }

    /// A condition inside an expression: unlike one of `filter` it leaves no row out, so its joins are left where
    /// they may find nothing, and a negated to-many path is no subquery.
    pub(super) fn truth(&mut self, at: Place, node: &Node, reuse: &mut Reuse) -> Result<Expr> {
        let mut call = Call::inside(std::mem::replace(reuse, Reuse::All));
        let (condition, wanted) = self.branch(at, node, &mut call, false, false)?;
        self.scopes[at.scope].joins.promote(&wanted);
        *reuse = call.reuse;
        Ok(condition)
    }

    /// An aggregate: remembered in the scope, and seen as a column of its `group`.
    fn aggregate(&mut self, at: Place, aggregate: &AggregateNode) -> Result<Expr> {
        let argument = match &aggregate.argument {
            Some(node) => Some(self.expression_at(at, node, &mut Reuse::All)?),
            None => None,
        };
        let filter = match &aggregate.filter {
            Some(node) => Some(self.truth(at, node, &mut Reuse::All)?),
            None => None,
        };
        let second = match &aggregate.second {
            Some(node) => Some(self.expression_at(at, node, &mut Reuse::All)?),
            None => None,
        };
        let order_by = self.inner_order(at, &aggregate.order_by)?;
        let parts =
            || argument.iter().chain(&second).chain(&filter).chain(order_by.iter().map(|key| &key.expr));
        if parts().any(|part| self.is_aggregate(at.scope, part)) {
            return Err(nested(aggregate).into());
        }
        if parts().any(|part| self.is_windowed(at.scope, part)) {
            return Err(Misuse::WindowHere { place: "an aggregate" }.into());
        }
        let function = match (aggregate.function, &argument) {
            (AggregateFunction::Count, None) => AggregateFunction::CountRows,
            (function, _) => function,
        };
        let value = self.grouped(
            at.scope,
            Aggregate { function, argument, distinct: aggregate.distinct, filter, second, order_by },
        );
        match &aggregate.default {
            Some(node) => {
                let default = self.expression_at(at, node, &mut Reuse::All)?;
                Ok(Expr::Call(Function::Coalesce, vec![value, default]))
            }
            None => Ok(value),
        }
    }

    /// The placeholder of an aggregate; equal ones are computed once.
    pub(super) fn grouped(&mut self, scope: ScopeId, aggregate: Aggregate) -> Expr {
        let scope = &mut self.scopes[scope];
        let index = scope.aggregates.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            scope.aggregates.push(aggregate);
            scope.aggregates.len() - 1
        });
        Expr::Column(scope.group.column(index))
    }

    fn scalar_subquery(&mut self, at: Place, state: &QueryState) -> Result<Expr> {
        if state.clauses().empty {
            return Ok(Expr::Literal(Value::Null));
        }
        Ok(Expr::Scalar(Box::new(self.subquery(state, at.scope)?)))
    }

    fn exists(&mut self, at: Place, state: &QueryState) -> Result<Expr> {
        if state.clauses().empty {
            return Ok(Expr::Literal(Value::Bool(false)));
        }
        Ok(Expr::Exists(Box::new(self.subquery(state, at.scope)?.relation)))
    }

    /// An expression over a relation's rows that meet a condition. The condition stands in the join, so a row
    /// without such related rows stays.
    fn filtered(&mut self, at: Place, filtered: &FilteredNode, reuse: &mut Reuse) -> Result<Expr> {
        let before = self.scopes[at.scope].joins.len();
        let (anchor, joins) = self.join(at.scope, &filtered.path, Some(&filtered.condition), reuse)?;
        reuse.extend(&joins);
        let narrowed = Place { scope: at.scope, anchor };
        if self.scopes[at.scope].joins.len() > before {
            let joined = self.scopes[at.scope].joins.len();
            let condition = self.truth(narrowed, &filtered.condition, &mut Reuse::All)?;
            if self.scopes[at.scope].joins.len() > joined {
                return Err(Misuse::JoinHere { place: "the condition of a filtered relation" }.into());
            }
            self.scopes[at.scope].joins.narrow(anchor.join, condition);
        }
        self.expression_at(narrowed, &filtered.node, reuse)
    }
}

impl Compiler<'_> {
    /// The expression that a text is ordered and compared by, if case is ignored in it: its lower case.
    pub(super) fn uncased(&self, scope: ScopeId, node: &Node) -> Option<Node> {
        match node.unnamed() {
            Node::Call(Operator::NoCase, operands) => Some(lower(operands.first()?.clone())),
            Node::Annotation(index) => self.scopes[scope].uncased.get(*index)?.clone(),
            _ => None,
        }
    }
}

/// The mistake of an aggregate over another one.
fn nested(aggregate: &AggregateNode) -> Misuse {
    let inner = aggregate.parts().find_map(|part| {
        let mut found = None;
        part.each(&mut |node| {
            let name = match node {
                Node::Named(name, node) if node.has_aggregate() => Some(name.to_string()),
                Node::Aggregate(inner) => Some(function_name(inner.function).to_owned()),
                _ => None,
            };
            found = found.take().or(name);
        });
        found
    });
    let of = inner.unwrap_or_else(|| String::from("another annotation"));
    Misuse::NestedAggregate { function: function_name(aggregate.function), of }
}

/// The lower case of a text.
pub(super) fn lower(node: Node) -> Node {
    Node::call(Operator::Function(Function::Lower), [node])
}
