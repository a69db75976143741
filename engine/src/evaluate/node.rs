//! The compiled tree, and the evaluation of its nodes as columns.

use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use super::compare::WordOperand;
use super::membership::{List, Members};
use super::types::{mismatch, unify};
use super::{Class, Context, arithmetic, cast, class_of, conditional};
use crate::algebra::{Arithmetic, Comparison, Function};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::functions;
use crate::functions::pattern::Search;
use crate::vector::Vector;

/// An expression with its type.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) operation: Operation,
    /// `None` for NULL of no particular type.
    pub(super) data_type: Option<DataType>,
}

/// What a node computes. Operands have the classes that [`compile`](super::compile) has made sure of.
#[derive(Debug)]
pub(super) enum Operation {
    /// A column of the batch.
    Column(usize),
    /// A constant, as a [`Vector::Constant`] of no particular length, so that it can be lent as a column.
    Constant(Vector<'static>),
    Parameter(usize),
    Compare(Comparison, Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    /// Whether a value is in a list of constants.
    Member(Box<Node>, Members),
    /// Whether a value equals one of a list.
    AnyEqual(Box<Node>, List),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Case(Vec<(Node, Node)>, Option<Box<Node>>),
    Coalesce(Vec<Node>),
    /// Converts to the node's type.
    Cast(Box<Node>),
    Search(Search, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

/// What an evaluation runs on.
pub(crate) struct Frame<'a, 'v> {
    pub(crate) batch: &'a Batch<'v>,
    pub(crate) context: &'a Context<'a>,
}

impl Node {
    /// A constant.
    pub(super) fn constant(value: Value) -> Node {
        let data_type = value.data_type();
        Node::constant_of(value, data_type)
    }

    /// A constant of a type that its value may not show.
    pub(super) fn constant_of(value: Value, data_type: Option<DataType>) -> Node {
        let vector = Vector::Constant { value, kind: data_type, len: 1 };
        Node { operation: Operation::Constant(vector), data_type }
    }

    /// Its value, if it is a constant.
    pub(super) fn as_constant(&self) -> Option<&Value> {
        match &self.operation {
            Operation::Constant(Vector::Constant { value, .. }) => Some(value),
            _ => None,
        }
    }

    /// Whether both are one parameter or one constant, of one type.
    pub(super) fn is_same_value(&self, other: &Node) -> bool {
        let same = match (&self.operation, &other.operation) {
            (Operation::Parameter(one), Operation::Parameter(other)) => one == other,
            (Operation::Constant(_), Operation::Constant(_)) => self.as_constant() == other.as_constant(),
            _ => false,
        };
        same && self.data_type == other.data_type
    }

    /// Its value, if it does not have to be computed: a constant, or a parameter that is given as it is wanted.
    #[inline]
    pub(super) fn given<'a>(&'a self, context: &Context<'a>) -> Option<&'a Value> {
        match &self.operation {
            Operation::Constant(Vector::Constant { value, .. }) => Some(value),
            Operation::Parameter(index) => {
                let value = context.parameters().get(*index)?;
                // Keys are integers as a rule, and these are told apart at once.
                let is_integer = matches!(
                    (value, self.data_type),
                    (Value::Int(_), Some(DataType::BigInt | DataType::Integer | DataType::SmallInt))
                );
                (is_integer || class_of(self.data_type?) == class_of(value.data_type()?)).then_some(value)
            }
            _ => None,
        }
    }

    /// Whether it says the same in each run with the same first `parameters` parameters: it depends on nothing else.
    pub(super) fn is_given_by(&self, parameters: usize) -> bool {
        match &self.operation {
            Operation::Constant(_) => true,
            Operation::Parameter(index) => *index < parameters,
            Operation::Column(_) => false,
            Operation::Call(function, _) if !function.is_immutable() => false,
            _ => self.children().into_iter().all(|child| child.is_given_by(parameters)),
        }
    }

    /// Whether it may say something else each time, also in the same run.
    pub(super) fn is_volatile(&self) -> bool {
        let is_own = matches!(&self.operation, Operation::Call(function, _) if function.is_volatile());
        is_own || self.children().into_iter().any(Node::is_volatile)
    }

    /// The class of its values; none for NULL.
    pub(super) fn class(&self) -> Option<Class> {
        self.data_type.map(class_of)
    }

    /// Whether it is true, false or unknown by its own operation, rather than a column that holds booleans.
    fn is_predicate(&self) -> bool {
        matches!(
            self.operation,
            Operation::Compare(..)
                | Operation::And(_)
                | Operation::Or(_)
                | Operation::Not(_)
                | Operation::IsNull(_)
                | Operation::Member(..)
                | Operation::AnyEqual(..)
                | Operation::Search(..)
        )
    }

    /// Its values in the rows of `selection`. The length of a constant means nothing.
    pub(super) fn vector<'a, 'v>(
        &'a self,
        frame: &Frame<'a, 'v>,
        selection: &Bits,
    ) -> Result<Cow<'a, Vector<'v>>, Error> {
        if self.is_predicate() {
            let truth = self.truth(frame, selection)?;
            return Ok(Cow::Owned(Vector::Bool { bits: truth.yes, nulls: truth.unknown }));
        }
        let computed = match &self.operation {
            Operation::Column(index) => return Ok(Cow::Borrowed(frame.batch.column(*index))),
            Operation::Constant(vector) => return Ok(Cow::Borrowed(vector)),
            Operation::Parameter(index) => self.parameter(*index, frame.context)?,
            Operation::Arithmetic(op, left, right) => {
                let (left_type, right_type) = (left.class(), right.class());
                let (left, right) = (left.vector(frame, selection)?, right.vector(frame, selection)?);
                let operands = arithmetic::Operands { left: &left, right: &right, len: frame.batch.len };
                arithmetic::evaluate(*op, left_type, right_type, &operands, selection)?
            }
            Operation::Negate(operand) => {
                let vector = operand.vector(frame, selection)?;
                arithmetic::negate(operand.class(), &vector, frame.batch.len, selection)?
            }
            Operation::Case(branches, otherwise) => {
                conditional::case(self.data_type, branches, otherwise.as_deref(), frame, selection)?
            }
            Operation::Coalesce(choices) => conditional::coalesce(self.data_type, choices, frame, selection)?,
            Operation::Cast(operand) => {
                let vector = operand.vector(frame, selection)?;
                cast::cast(&vector, operand.data_type, self.data_type, frame.batch.len, selection)?
            }
            Operation::Call(function, arguments) => self.call(function, arguments, frame, selection)?,
            _ => unreachable!("predicates are evaluated as truth"),
        };
        Ok(Cow::Owned(computed))
    }

    /// Its words, if they need not be computed.
    #[inline]
    pub(super) fn words<'a>(&'a self, frame: &Frame<'a, '_>) -> Option<WordOperand<'a>> {
        match &self.operation {
            Operation::Column(index) => WordOperand::column(frame.batch.column(*index)),
            Operation::Constant(Vector::Constant { value, .. }) => WordOperand::value(value),
            Operation::Parameter(index) => {
                let value = frame.context.parameters().get(*index)?;
                (self.class() == value.data_type().map(class_of)).then(|| WordOperand::value(value)).flatten()
            }
            _ => None,
        }
    }

    fn call<'a, 'v>(
        &'a self,
        function: &Function,
        arguments: &'a [Node],
        frame: &Frame<'a, 'v>,
        selection: &Bits,
    ) -> Result<Vector<'v>, Error> {
        if matches!(function, Function::Now) {
            return Ok(Vector::constant(frame.context.now().into(), frame.batch.len));
        }
        if function.is_volatile() {
            // A clock that is looked at while the statement runs is not before its beginning.
            let _ = frame.context.now();
        }
        let columns: Vec<Cow<'a, Vector<'v>>> =
            arguments.iter().map(|argument| argument.vector(frame, selection)).collect::<Result<_, _>>()?;
        if let Some(kind) = self.data_type.filter(|_| conditional::is_choice(function)) {
            return Ok(conditional::choose(function, kind, &columns, frame.batch.len, selection));
        }
        let columns: Vec<&Vector<'_>> = columns.iter().map(|column| &**column).collect();
        let call = functions::Call {
            columns: &columns,
            classes: arguments.iter().map(Node::class).collect(),
            len: frame.batch.len,
            selection,
        };
        match function {
            Function::Sequence(of) => functions::sequence::evaluate(of, &call, frame.context),
            function => functions::evaluate(function, &call),
        }
    }

    fn parameter(&self, index: usize, context: &Context<'_>) -> Result<Vector<'static>, Error> {
        let given = context.parameters().len();
        let value = context.parameters().get(index).ok_or(Error::MissingParameter { index, given })?;
        let (Some(expected), Some(got)) = (self.data_type, value.data_type()) else {
            return Ok(Vector::Constant { value: Value::Null, kind: self.data_type, len: 1 });
        };
        if class_of(expected) == class_of(got) {
            return Ok(Vector::constant(value.clone(), 1));
        }
        // Only what loses nothing is converted: 1.5 for an integer is no 2.
        match unify(expected, got) {
            Some(common) if class_of(common) == class_of(expected) => {
                Ok(Vector::constant(cast::cast_value(value.clone(), class_of(expected).any())?, 1))
            }
            _ => Err(mismatch(&format!("parameter {}", index + 1), expected, Some(got))),
        }
    }

    /// Its operands.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.operation {
            Operation::Column(_) | Operation::Constant(_) | Operation::Parameter(_) => Vec::new(),
            Operation::Compare(_, left, right)
            | Operation::Arithmetic(_, left, right)
            | Operation::Search(_, left, right) => vec![left, right],
            Operation::Not(operand)
            | Operation::IsNull(operand)
            | Operation::Negate(operand)
            | Operation::Cast(operand)
            | Operation::Member(operand, _) => vec![operand],
            Operation::And(all) | Operation::Or(all) | Operation::Coalesce(all) | Operation::Call(_, all) => {
                all.iter().collect()
            }
            Operation::AnyEqual(needle, list) => std::iter::once(&**needle).chain(&list.elements).collect(),
            Operation::Case(branches, otherwise) => {
                branches.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).collect()
            }
        }
    }
}
