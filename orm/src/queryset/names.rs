//! The names of the columns of `values()` rows: Django's.

use nuages_engine::Error as EngineError;
use nuages_engine::algebra::{AggregateFunction, Arithmetic, WindowKind};

use super::state::{Ordering, QueryState, Shape};
use crate::{
    error::{Error, Misuse, Result},
    expression::json,
    meta::ModelMeta,
    node::{FieldPath, Node, Operator, Step},
    words::transform_name,
};

impl QueryState {
    /// The names of its columns, if its rows are values.
    pub(crate) fn names(&self) -> Vec<String> {
        let clauses = self.clauses();
        let Shape::Values { columns, annotations_before } = &clauses.shape else { return Vec::new() };
        let later = clauses.annotations.iter().skip(usize::from(*annotations_before));
        let later = later.filter(|annotation| annotation.shown).map(|annotation| &annotation.node);
        columns.iter().chain(later).map(|node| self.name_of(node)).collect()
    }

    /// The name of an expression: as given, the path in Django's notation, or `total__sum`.
    pub(crate) fn name_of(&self, node: &Node) -> String {
        match node {
            Node::Named(name, _) => name.to_string(),
            Node::Path(path) => path_name(self.model, path),
            Node::Annotation(index) => {
                let annotation = self.clauses().annotations.get(*index);
                annotation.map_or_else(String::new, |annotation| self.name_of(&annotation.node))
            }
            Node::Aggregate(aggregate) => {
                let of = aggregate.argument.as_ref().map_or_else(String::new, |node| self.name_of(node));
                let function = function_name(aggregate.function);
                if of.is_empty() { function.to_owned() } else { format!("{of}__{function}") }
            }
            Node::Window(window) => window_name(window.kind).to_owned(),
            Node::Filtered(filtered) => {
                let before = path_name(self.model, &filtered.path);
                match &filtered.node {
                    Node::Path(path) => format!("{before}__{}", path_name(self.model, path)),
                    _ => before,
                }
            }
            Node::Call(operator, operands) => {
                let word = transform_name(operator).map(str::to_owned);
                match (word.or_else(|| json::member_key(operator, operands)), operands.first()) {
                    (Some(word), Some(of)) => format!("{}__{word}", self.name_of(of)),
                    _ => String::from("expression"),
                }
            }
            _ => String::from("expression"),
        }
    }
}

impl QueryState {
    /// The annotation of this name, as an expression.
    ///
    /// # Errors
    /// [`Misuse::AliasNotSelected`] for an alias, which is in no row.
    pub(super) fn annotation_named(&self, name: &str) -> Result<Option<Node>> {
        let annotations = &self.clauses().annotations;
        // As in Django, a later annotation stands for an earlier one of the same name.
        let Some(index) = annotations.iter().rposition(|one| one.node.name() == Some(name)) else {
            return Ok(None);
        };
        match annotations[index].shown {
            true => Ok(Some(Node::Annotation(index))),
            false => Err(Misuse::AliasNotSelected { name: name.to_owned() }.into()),
        }
    }
}

impl QueryState {
    /// Says of a division by zero where it stands: in the queryset, or in one of some further expressions.
    pub(crate) fn explain<'n>(&self, error: Error, further: impl IntoIterator<Item = &'n Node>) -> Error {
        match error {
            Error::Engine(engine) if *engine == EngineError::DivisionByZero => {
                Error::DivisionByZero { model: self.model.name, divisions: self.divisions(further).into() }
            }
            other => other,
        }
    }

    fn divisions<'n>(&self, further: impl IntoIterator<Item = &'n Node>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut visit = |node: &Node| {
            if let Node::Call(Operator::Arithmetic(Arithmetic::Divide | Arithmetic::Modulo), _) = node {
                let words = self.words_of(node);
                if !found.contains(&words) {
                    found.push(words);
                }
            }
        };
        let clauses = self.clauses();
        self.conditions.iter().for_each(|condition| condition.node.each(&mut visit));
        clauses.annotations.iter().for_each(|annotation| annotation.node.each(&mut visit));
        if let Shape::Values { columns, .. } = &clauses.shape {
            columns.iter().for_each(|column| column.each(&mut visit));
        }
        if let Ordering::By(keys) = &clauses.ordering {
            keys.iter().for_each(|key| key.node.each(&mut visit));
        }
        further.into_iter().for_each(|node| node.each(&mut visit));
        found
    }

    /// An expression for people: `total / (paid + 1)`.
    pub(super) fn words_of(&self, node: &Node) -> String {
        match node {
            Node::Value(value) => value.to_string(),
            Node::Call(Operator::Arithmetic(arithmetic), operands) => {
                let sign = format!(" {} ", arithmetic.symbol());
                let operand = |operand: &Node| match operand {
                    Node::Call(Operator::Arithmetic(_), _) => format!("({})", self.words_of(operand)),
                    other => self.words_of(other),
                };
                operands.iter().map(operand).collect::<Vec<_>>().join(&sign)
            }
            Node::Annotation(index) => match self.clauses().annotations.get(*index) {
                Some(annotation) if annotation.node.name().is_none() => self.words_of(&annotation.node),
                _ => self.name_of(node),
            },
            other => self.name_of(other),
        }
    }
}

/// `author__username`.
pub(crate) fn path_name(model: &'static ModelMeta, path: &FieldPath) -> String {
    let mut name = String::new();
    let mut at = Some(model);
    for step in path.steps() {
        if *step == Step::Key {
            name.push_str("_id");
            break;
        }
        let step_name = match (*step, at) {
            (Step::Field(field), Some(model)) => model.field(field).map_or("", |field| field.name).to_owned(),
            (Step::Back { child, .. }, _) => child.reverse_name(),
            (Step::To { target, .. }, _) => target.name.to_lowercase(),
            (Step::Field(_) | Step::Key, _) => String::new(),
        };
        if !name.is_empty() {
            name.push_str("__");
        }
        name.push_str(&step_name);
        at = at.and_then(|model| step.target(model));
    }
    name
}

/// The word Django has for an aggregate.
pub(crate) const fn function_name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::CountRows | AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Total => "total",
        AggregateFunction::StddevPop | AggregateFunction::StddevSamp => "stddev",
        AggregateFunction::VarPop | AggregateFunction::VarSamp => "variance",
        AggregateFunction::BoolAnd => "bool_and",
        AggregateFunction::BoolOr => "bool_or",
        AggregateFunction::BitAnd => "bit_and",
        AggregateFunction::BitOr => "bit_or",
        AggregateFunction::BitXor => "bit_xor",
        AggregateFunction::Pairs(_) => "regression",
        AggregateFunction::PercentileCont | AggregateFunction::PercentileDisc => "percentile",
        AggregateFunction::Mode => "mode",
        AggregateFunction::AnyValue => "any_value",
        AggregateFunction::First => "first",
        AggregateFunction::StringAgg => "string_agg",
        AggregateFunction::JsonAgg => "json_agg",
        AggregateFunction::JsonObjectAgg => "json_object_agg",
    }
}

/// The word Django has for a window function.
const fn window_name(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::RowNumber => "row_number",
        WindowKind::Rank => "rank",
        WindowKind::DenseRank => "dense_rank",
        WindowKind::PercentRank => "percent_rank",
        WindowKind::CumeDist => "cume_dist",
        WindowKind::Ntile => "ntile",
        WindowKind::Lag => "lag",
        WindowKind::Lead => "lead",
        WindowKind::FirstValue => "first_value",
        WindowKind::LastValue => "last_value",
        WindowKind::NthValue => "nth_value",
        WindowKind::Aggregate(function) => function_name(function),
    }
}
