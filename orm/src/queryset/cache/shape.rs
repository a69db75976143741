//! Shapes: querysets but for their values.
//!
//! Which values are lifted out of a queryset, and so may differ within a shape:
//! - in conditions, under AND, OR and NOT, and in the conditions of subqueries: what a column is compared with by
//!   `exact`, `gt` and its kin, `range` and `in` (a list of up to [`LIST_MAX`], whose length is part of the shape);
//! - in assignments: a value that is written as it is, or that a column is added to and the like;
//! - of a slice: where it begins, unless that is the first row.
//!
//! Only values of the column's own kind are lifted, for a constant of another kind is read as one of the column's; and
//! none that are compared with a column that the condition of an index mentions, for the plan needs to know whether
//! they meet it. A comparison with a pattern is not kept at all: what it takes is the search, not the planning.
//!
//! Three walks go through these places in one order: [`hash`](super::hash) (which may pass over what is not worth a
//! look), [`same_state`] (exactly, collecting the values), and [`Lifting`] (which puts parameters there).

use std::mem::discriminant;

use nuages_storage::{DataType, Value};

use super::Values;
use crate::{
    assignment::AssignmentNode,
    meta::{FieldKind, FieldMeta, ModelMeta},
    node::{FieldPath, Lookup, Node, Operator, Step},
    queryset::state::{Clauses, Condition, Distinct, Ordering, QueryState, Shape},
    schema::Binding,
};

/// The longest list that is kept by its length.
pub(crate) const LIST_MAX: usize = 32;

/// The type of a parameter that takes values like this, if it may be lifted at all.
fn kind_of(value: &Value) -> Option<DataType> {
    match value {
        Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Uuid(_) => value.data_type(),
        _ => None,
    }
}

/// Whether what is compared by a lookup may be a parameter.
pub(super) fn is_liftable(lookup: Lookup) -> bool {
    matches!(
        lookup,
        Lookup::Exact
            | Lookup::Gt
            | Lookup::Gte
            | Lookup::Lt
            | Lookup::Lte
            | Lookup::Range
            | Lookup::In
            | Lookup::IsNull
    )
}

/// Whether a queryset is of a shape; adds its values, in the order of the parameters.
pub(super) fn same_state(shape: &QueryState, asked: &QueryState, values: &mut Values) -> bool {
    if shape.model != asked.model
        || shape.conditions.len() != asked.conditions.len()
        || shape.is_plain() != asked.is_plain()
    {
        return false;
    }
    shape.conditions.iter().zip(&asked.conditions).all(|(shape, asked)| same_filter(shape, asked, values))
        && (shape.is_plain() || same_clauses(shape.clauses(), asked.clauses()))
}

/// A subquery is of a shape, and of the same slice.
fn same_subquery(shape: &QueryState, asked: &QueryState, values: &mut Values) -> bool {
    same_state(shape, asked, values) && shape.clauses().slice == asked.clauses().slice
}

/// Whether slices are of one shape; adds where the one that is asked for begins.
pub(super) fn same_slice(shape: &QueryState, asked: &QueryState, values: &mut Values) -> bool {
    let (shape, asked) = (shape.clauses().slice, asked.clauses().slice);
    if shape.count != asked.count || (shape.offset > 0) != (asked.offset > 0) {
        return false;
    }
    match i64::try_from(asked.offset) {
        Ok(0) => true,
        Ok(offset) => {
            values.push(Value::Int(offset));
            true
        }
        // No parameter is that large.
        Err(_) => false,
    }
}

fn same_filter(shape: &Condition, asked: &Condition, values: &mut Values) -> bool {
    let Condition { node, exclude, annotations_before, follows } = shape;
    *exclude == asked.exclude
        && *annotations_before == asked.annotations_before
        && *follows == asked.follows
        && same_condition(node, &asked.node, values)
}

fn same_condition(shape: &Node, asked: &Node, values: &mut Values) -> bool {
    match (shape, asked) {
        (Node::Call(operator, shapes), Node::Call(other, parts)) => {
            if operator != other || shapes.len() != parts.len() {
                return false;
            }
            match operator {
                Operator::And | Operator::Or | Operator::Not => {
                    shapes.iter().zip(&parts[..]).all(|(shape, part)| same_condition(shape, part, values))
                }
                Operator::Lookup(_) => {
                    let Some(((shape, shapes), (part, parts))) =
                        shapes.split_first().zip(parts.split_first())
                    else {
                        return true;
                    };
                    let mut same = |(shape, part): (&Node, &Node)| same_operand(shape, part, values);
                    shape == part && shapes.iter().zip(parts).all(&mut same)
                }
                _ => shapes == parts,
            }
        }
        (Node::Exists(shape), Node::Exists(asked)) => same_subquery(shape, asked, values),
        _ => shape == asked,
    }
}

/// Whether an operand is that of the shape, or a value that its parameter takes.
fn same_operand(shape: &Node, asked: &Node, values: &mut Values) -> bool {
    match (shape, asked) {
        (Node::Parameter(_, kind), Node::Value(value)) => {
            let fits = kind_of(value) == Some(*kind);
            if fits {
                values.push(value.clone());
            }
            fits
        }
        (Node::Subquery(shape), Node::Subquery(asked)) => same_subquery(shape, asked, values),
        _ => shape == asked,
    }
}

/// What a query is made of is the same. What is done with its rows afterwards may differ.
fn same_clauses(shape: &Clauses, asked: &Clauses) -> bool {
    let Clauses {
        annotations,
        shape: row,
        grouping,
        ordering,
        default_ordering,
        reversed,
        distinct,
        slice: _,
        loading,
        select_related,
        prefetch: _,
        lock,
        fetch_mode: _,
        first,
        combined,
        vocabulary: _,
        empty,
        misuse,
    } = shape;
    let same_default = match (default_ordering, asked.default_ordering) {
        (Some(one), Some(other)) => std::ptr::eq(*one, other),
        (one, other) => one.is_none() && other.is_none(),
    };
    *reversed == asked.reversed
        && *empty == asked.empty
        && same_default
        && *ordering == asked.ordering
        && *distinct == asked.distinct
        && *loading == asked.loading
        && *select_related == asked.select_related
        && *row == asked.shape
        && *annotations == asked.annotations
        && *grouping == asked.grouping
        && *lock == asked.lock
        && *first == asked.first
        && *combined == asked.combined
        && *misuse == asked.misuse
}

/// Whether assignments are of a shape; adds their values.
pub(super) fn same_assignments(
    shape: &[AssignmentNode],
    asked: &[AssignmentNode],
    values: &mut Values,
) -> bool {
    let mut same = |(shape, asked): (&AssignmentNode, &AssignmentNode)| {
        shape.above == asked.above
            && shape.step == asked.step
            && same_assigned(&shape.value, &asked.value, values)
    };
    shape.len() == asked.len() && shape.iter().zip(asked).all(&mut same)
}

fn same_assigned(shape: &Node, asked: &Node, values: &mut Values) -> bool {
    match (shape, asked) {
        (Node::Call(Operator::Arithmetic(one), shapes), Node::Call(Operator::Arithmetic(other), parts)) => {
            one == other
                && shapes.len() == parts.len()
                && shapes.iter().zip(&parts[..]).all(|(shape, part)| same_operand(shape, part, values))
        }
        _ => same_operand(shape, asked, values),
    }
}

/// Puts parameters in the place of values.
pub(super) struct Lifting<'b> {
    binding: &'b Binding,
    values: Values,
}

impl<'b> Lifting<'b> {
    pub(super) fn new(binding: &'b Binding) -> Self {
        Lifting { binding, values: Values::new() }
    }

    /// The values that were lifted out so far, in the order of their parameters.
    pub(super) fn into_values(self) -> Values {
        self.values
    }

    /// The shape of a queryset.
    pub(super) fn state(&mut self, state: &QueryState) -> QueryState {
        let mut shape = state.clone();
        for condition in &mut shape.conditions {
            condition.node = self.condition(state.model, &condition.node);
        }
        shape
    }

    fn condition(&mut self, model: &'static ModelMeta, node: &Node) -> Node {
        match node {
            Node::Call(operator @ (Operator::And | Operator::Or | Operator::Not), parts) => {
                let parts = parts.iter().map(|part| self.condition(model, part));
                Node::Call(operator.clone(), parts.collect())
            }
            Node::Call(operator @ Operator::Lookup(lookup), operands) => {
                let kind = operands.first().and_then(|left| self.column_type(model, left));
                let kind = kind.filter(|_| *lookup != Lookup::IsNull);
                let lifted = |(place, operand): (usize, &Node)| match place {
                    0 => operand.clone(),
                    _ => self.operand(operand, kind),
                };
                Node::Call(operator.clone(), operands.iter().enumerate().map(lifted).collect())
            }
            Node::Exists(state) => Node::Exists(self.state(state).into()),
            other => other.clone(),
        }
    }

    /// An operand that is used with a column of this type.
    fn operand(&mut self, node: &Node, column: Option<DataType>) -> Node {
        match node {
            Node::Value(value) => {
                let kind = kind_of(value).filter(|kind| column.is_some_and(|column| is_alike(*kind, column)));
                match kind {
                    Some(kind) => {
                        self.values.push(value.clone());
                        Node::Parameter(self.values.len() - 1, kind)
                    }
                    None => node.clone(),
                }
            }
            Node::Subquery(state) => Node::Subquery(self.state(state).into()),
            other => other.clone(),
        }
    }

    /// The parameter that takes where a queryset's slice begins, if it does not begin at the first row.
    pub(super) fn offset(&mut self, state: &QueryState) -> Option<usize> {
        let offset = i64::try_from(state.clauses().slice.offset).ok().filter(|offset| *offset > 0)?;
        self.values.push(Value::Int(offset));
        Some(self.values.len() - 1)
    }

    /// The shape of assignments to fields of a model.
    pub(super) fn assignments(
        &mut self,
        model: &'static ModelMeta,
        list: &[AssignmentNode],
    ) -> Vec<AssignmentNode> {
        let lifted = |one: &AssignmentNode| {
            let kind = one.step.field(model).and_then(field_type);
            let value = match &one.value {
                Node::Call(operator @ Operator::Arithmetic(_), operands) => {
                    let operands = operands.iter().map(|operand| self.operand(operand, kind));
                    Node::Call(operator.clone(), operands.collect())
                }
                value => self.operand(value, kind),
            };
            AssignmentNode { value, ..one.clone() }
        };
        list.iter().map(lifted).collect()
    }

    /// The type of the column that values are compared with, if it is one, and if nothing but the values of rows
    /// depends on what it is compared with.
    fn column_type(&self, model: &'static ModelMeta, left: &Node) -> Option<DataType> {
        let Node::Path(path) = left else { return None };
        let (at, field) = end_of(model, path)?;
        if self.binding.is_in_index_condition(at, field) {
            return None;
        }
        field_type(at.field(field)?)
    }
}

/// The model and the field that a path ends at.
fn end_of(model: &'static ModelMeta, path: &FieldPath) -> Option<(&'static ModelMeta, u16)> {
    let key = |model: &'static ModelMeta| Some((model, *model.primary_key.first()?));
    let Some((last, before)) = path.steps().split_last() else { return key(model) };
    let at = before.iter().try_fold(model, |model, step| step.target(model))?;
    match *last {
        Step::Field(field) => Some((at, field)),
        Step::Back { child: target, .. } | Step::To { target, .. } => key(target),
        Step::Key => key(at),
    }
}

/// The type of the values that a field is compared with.
fn field_type(field: &FieldMeta) -> Option<DataType> {
    match field.kind {
        FieldKind::Column(data_type) => Some(data_type),
        FieldKind::Generic => None,
        FieldKind::ForeignKey { .. } | FieldKind::ManyToMany { .. } | FieldKind::Reverse { .. } => {
            match field.related_model()?.primary_key {
                [key] => field_type(field.related_model()?.field(*key)?),
                _ => None,
            }
        }
    }
}

/// Whether a value of one type is one of the other without being converted.
fn is_alike(value: DataType, column: DataType) -> bool {
    let is_integer = |kind| matches!(kind, DataType::SmallInt | DataType::Integer | DataType::BigInt);
    is_integer(value) && is_integer(column) || discriminant(&value) == discriminant(&column)
}

/// Whether a parameter of a prepared queryset has come into an expression.
pub(super) fn mentions_parameter(node: &Node) -> bool {
    let mut found = false;
    node.each(&mut |part| {
        found |= match part {
            Node::Parameter(..) => true,
            Node::Outer { node, .. } => mentions_parameter(node),
            Node::Subquery(state) | Node::Exists(state) => state.mentions_parameter(),
            _ => false,
        }
    });
    found
}

impl QueryState {
    /// Whether a parameter of a prepared queryset has come into this one.
    pub(super) fn mentions_parameter(&self) -> bool {
        let clauses = self.clauses();
        let of_rows: &[Node] = match &clauses.shape {
            Shape::Instances => &[],
            Shape::Values { columns, .. } => columns,
        };
        let distinct: &[Node] = match &clauses.distinct {
            Distinct::On(nodes) => nodes,
            Distinct::No | Distinct::Rows => &[],
        };
        let ordering: &[_] = match &clauses.ordering {
            Ordering::By(keys) => keys,
            Ordering::Default => &[],
        };
        self.conditions
            .iter()
            .map(|condition| &condition.node)
            .chain(clauses.annotations.iter().map(|annotation| &annotation.node))
            .chain(ordering.iter().map(|key| &key.node))
            .chain(of_rows)
            .chain(distinct)
            .chain(clauses.grouping.iter().flatten())
            .any(mentions_parameter)
            || clauses.first.as_ref().is_some_and(|first| first.mentions_parameter())
            || clauses.combined.iter().any(|combination| combination.other.mentions_parameter())
    }
}
