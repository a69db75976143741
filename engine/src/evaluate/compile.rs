//! From the algebra to typed nodes.

use nuages_storage::{DataType, Value};

use super::membership::{List, Members};
use super::node::{Node, Operation};
use super::types::{TEXT, class_of, decimal, expect, mismatch, unify};
use super::{Class, Context, Frame, arithmetic, cast, narrow};
use crate::algebra::{Arithmetic, Column, Expr, Function, StringFunction, TextMatch};
use crate::batch::Batch;
use crate::error::Error;
use crate::functions::pattern::Search;
use crate::functions::signature;

/// Where the columns of an expression are.
pub(super) type Resolve<'r> = dyn Fn(Column) -> Option<(usize, DataType)> + 'r;

/// Compiles an expression, and computes what depends on no row.
pub(super) fn compile(expr: &Expr, resolve: &Resolve<'_>) -> Result<Node, Error> {
    Ok(fold(node(expr, resolve)?))
}

fn node(expr: &Expr, resolve: &Resolve<'_>) -> Result<Node, Error> {
    let boxed = |expr: &Expr| compile(expr, resolve).map(Box::new);
    let conditions = |all: &[Expr], of: &str| {
        let mut nodes = Vec::with_capacity(all.len());
        for expr in all {
            let node = compile(expr, resolve)?;
            expect(&node, Class::Bool, of)?;
            nodes.push(node);
        }
        Ok::<_, Error>(nodes)
    };
    let predicate = |operation| Ok(Node { operation, data_type: Some(DataType::Bool) });
    match expr {
        Expr::Literal(value) => Ok(Node::constant(value.clone())),
        Expr::Parameter(index, data_type) => {
            Ok(Node { operation: Operation::Parameter(*index), data_type: Some(*data_type) })
        }
        Expr::Column(column) => self::column(*column, resolve),
        Expr::Compare(op, left, right) => {
            let mut sides = [compile(left, resolve)?, compile(right, resolve)?];
            unify_all(&mut sides, op.symbol())?;
            let [left, right] = sides;
            predicate(narrow::compare(*op, left, right))
        }
        Expr::And(all) => predicate(Operation::And(conditions(all, "AND")?)),
        Expr::Or(any) => predicate(Operation::Or(conditions(any, "OR")?)),
        Expr::Not(operand) => {
            let operand = boxed(operand)?;
            expect(&operand, Class::Bool, "NOT")?;
            predicate(Operation::Not(operand))
        }
        Expr::IsNull(operand) => predicate(Operation::IsNull(boxed(operand)?)),
        Expr::InList(needle, list) => in_list(needle, list, resolve),
        Expr::Arithmetic(op, left, right) => binary(*op, compile(left, resolve)?, compile(right, resolve)?),
        Expr::Negate(operand) => negate(compile(operand, resolve)?),
        Expr::Case { branches, otherwise } => case(branches, otherwise.as_deref(), resolve),
        Expr::Cast(operand, to) => explicit_cast(compile(operand, resolve)?, *to),
        Expr::Match { kind, ignore_case, text, pattern } => {
            search(*kind, *ignore_case, compile(text, resolve)?, compile(pattern, resolve)?)
        }
        Expr::Call(function, arguments) => {
            let arguments =
                arguments.iter().map(|argument| compile(argument, resolve)).collect::<Result<_, _>>()?;
            call(function, arguments)
        }
        Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..) => {
            Err(Error::Unsupported { feature: "a subquery in this place".to_owned() })
        }
    }
}

fn column(column: Column, resolve: &Resolve<'_>) -> Result<Node, Error> {
    let (index, data_type) = resolve(column).ok_or_else(|| Error::UnknownColumn {
        table: format!("source {}", column.source().number()),
        column: if column.is_row_id() { "row id".to_owned() } else { column.index().to_string() },
        nearest: None,
    })?;
    Ok(Node { operation: Operation::Column(index), data_type: Some(data_type) })
}

/// Computes a node whose operands are all constants. If that fails, it is left to fail in the rows that need it.
fn fold(node: Node) -> Node {
    let constant = match &node.operation {
        Operation::Constant(_) | Operation::Column(_) | Operation::Parameter(_) => false,
        Operation::Compare(_, left, right) | Operation::Arithmetic(_, left, right) => {
            left.as_constant().is_some() && right.as_constant().is_some()
        }
        Operation::Call(function, _) if !function.is_immutable() => false,
        Operation::And(all) | Operation::Or(all) | Operation::Call(_, all) => {
            all.iter().all(|node| node.as_constant().is_some())
        }
        Operation::Not(operand) | Operation::IsNull(operand) | Operation::Cast(operand) => {
            operand.as_constant().is_some()
        }
        _ => node.children().iter().all(|child| child.as_constant().is_some()),
    };
    if !constant {
        return node;
    }
    if let Some(int) = integer(&node.operation) {
        return Node::constant_of(Value::Int(int), node.data_type);
    }
    let batch = Batch::new([], 1);
    let context = Context::at(&[], jiff::Timestamp::UNIX_EPOCH);
    let value = node
        .vector(&Frame { batch: &batch, context: &context }, &batch.selection)
        .map(|vector| vector.value(0));
    match value {
        Ok(value) => Node::constant_of(value, node.data_type),
        Err(_) => node,
    }
}

/// What arithmetic makes of two constant integers, where that is one: without making columns of them.
fn integer(operation: &Operation) -> Option<i64> {
    let Operation::Arithmetic(op, left, right) = operation else { return None };
    let (Value::Int(left), Value::Int(right)) = (left.as_constant()?, right.as_constant()?) else {
        return None;
    };
    match op {
        Arithmetic::Add => left.checked_add(*right),
        Arithmetic::Subtract => left.checked_sub(*right),
        Arithmetic::Multiply => left.checked_mul(*right),
        _ => None,
    }
}

/// A node converted to the class of a type, where [`unify`] allows it without being asked.
fn coerce(mut node: Node, to: DataType) -> Node {
    coerce_in_place(&mut node, to);
    node
}

fn coerce_in_place(node: &mut Node, to: DataType) {
    match node.data_type {
        None => *node = Node::constant_of(Value::Null, Some(to)),
        Some(from) if class_of(from) == class_of(to) => {}
        // Any scale will do for a comparison, and an integer has none.
        Some(_) => {
            let to = if class_of(to) == Class::Decimal { decimal(0) } else { to };
            let operand = Box::new(std::mem::replace(node, Node::constant(Value::Null)));
            *node = fold(Node { operation: Operation::Cast(operand), data_type: Some(to) });
        }
    }
}

/// Reads literal texts among `nodes` as the type that the others have, as PostgreSQL does with its literals.
fn read_literals(nodes: &mut [Node]) -> Result<(), Error> {
    let other = nodes.iter().filter_map(|node| node.data_type).find(|kind| class_of(*kind) != Class::Text);
    let Some(other) = other else { return Ok(()) };
    for node in nodes.iter_mut() {
        if let Some(text @ Value::Text(_)) = node.as_constant() {
            let value = cast::cast_value(text.clone(), without_limit(other))?;
            *node = Node::constant_of(value, Some(other));
        }
    }
    Ok(())
}

/// A literal is not held to the limits of the column it is compared with.
fn without_limit(kind: DataType) -> DataType {
    match kind {
        DataType::SmallInt | DataType::Integer => DataType::BigInt,
        DataType::Decimal { .. } => decimal(14),
        kind => kind,
    }
}

/// All nodes in one class.
pub(super) fn unified<const N: usize>(mut nodes: [Node; N], expression: &str) -> Result<[Node; N], Error> {
    unify_all(&mut nodes, expression)?;
    Ok(nodes)
}

/// Brings all nodes into one class, and returns its type; none if all are NULL.
fn unify_all(nodes: &mut [Node], expression: &str) -> Result<Option<DataType>, Error> {
    if let Some(first @ Some(_)) = nodes.first().map(|node| node.data_type)
        && nodes.iter().all(|node| node.data_type == first)
    {
        return Ok(first);
    }
    read_literals(nodes)?;
    let mut common: Option<DataType> = None;
    for data_type in nodes.iter().filter_map(|node| node.data_type) {
        common = Some(match common {
            None => data_type,
            Some(common) => {
                unify(common, data_type).ok_or_else(|| mismatch(expression, common, Some(data_type)))?
            }
        });
    }
    if let Some(common) = common {
        nodes.iter_mut().for_each(|node| coerce_in_place(node, common));
    }
    Ok(common)
}

fn in_list(needle: &Expr, list: &[Expr], resolve: &Resolve<'_>) -> Result<Node, Error> {
    let mut nodes = Vec::with_capacity(list.len() + 1);
    for expr in std::iter::once(needle).chain(list) {
        nodes.push(compile(expr, resolve)?);
    }
    let common = unify_all(&mut nodes, "IN")?;
    let (needle, list) = (Box::new(nodes.remove(0)), nodes);
    let constants: Option<Vec<&Value>> = list.iter().map(Node::as_constant).collect();
    let operation = match constants {
        Some(constants) => {
            let members = Members::new(common.map(class_of), &constants);
            Operation::Member(needle, members)
        }
        None => Operation::AnyEqual(needle, List::new(list)),
    };
    Ok(Node { operation, data_type: Some(DataType::Bool) })
}

fn binary(op: Arithmetic, left: Node, right: Node) -> Result<Node, Error> {
    let (Some(left_type), Some(right_type)) = (left.data_type, right.data_type) else {
        return Ok(Node::constant_of(Value::Null, left.data_type.or(right.data_type)));
    };
    let classes = arithmetic::operand_classes(op, class_of(left_type), class_of(right_type));
    let (left_class, right_class) = classes.ok_or_else(|| {
        let expected = format!("what goes with {left_type}");
        mismatch(op.symbol(), expected, Some(right_type))
    })?;
    let left = coerce(left, number_type(left_class, left_type));
    let right = coerce(right, number_type(right_class, right_type));
    let data_type = match (left.data_type, right.data_type) {
        (Some(left), Some(right)) => Some(arithmetic::result_type(op, left, right)),
        _ => None,
    };
    Ok(Node { operation: Operation::Arithmetic(op, Box::new(left), Box::new(right)), data_type })
}

/// The type of an operand once it is of a class; a class it has already keeps its type.
fn number_type(class: Class, data_type: DataType) -> DataType {
    match class {
        class if class == class_of(data_type) => data_type,
        Class::Decimal => decimal(0),
        _ => DataType::Float,
    }
}

fn negate(operand: Node) -> Result<Node, Error> {
    match operand.class() {
        Some(Class::Int) | Some(Class::Float | Class::Decimal | Class::Duration) | None => {}
        Some(_) => return Err(mismatch("-", "a number", operand.data_type)),
    }
    let data_type = match operand.data_type {
        Some(DataType::SmallInt | DataType::Integer) => Some(DataType::BigInt),
        data_type => data_type,
    };
    Ok(Node { operation: Operation::Negate(Box::new(operand)), data_type })
}

fn case(branches: &[(Expr, Expr)], otherwise: Option<&Expr>, resolve: &Resolve<'_>) -> Result<Node, Error> {
    let mut conditions = Vec::with_capacity(branches.len());
    for (when, _) in branches {
        let when = compile(when, resolve)?;
        expect(&when, Class::Bool, "CASE WHEN")?;
        conditions.push(when);
    }
    let results = branches.iter().map(|(_, then)| then).chain(otherwise);
    let mut results = results.map(|result| compile(result, resolve)).collect::<Result<Vec<Node>, Error>>()?;
    let data_type = unify_all(&mut results, "CASE")?;
    let otherwise = otherwise.and_then(|_| results.pop()).map(Box::new);
    let branches = conditions.into_iter().zip(results).collect();
    Ok(Node { operation: Operation::Case(branches, otherwise), data_type })
}

fn explicit_cast(operand: Node, to: DataType) -> Result<Node, Error> {
    let Some(from) = operand.data_type else { return Ok(Node::constant_of(Value::Null, Some(to))) };
    if from == to {
        return Ok(operand);
    }
    if !cast::castable(class_of(from), class_of(to)) {
        return Err(mismatch("CAST", to, Some(from)));
    }
    Ok(Node { operation: Operation::Cast(Box::new(operand)), data_type: Some(to) })
}

/// The text form of a node.
fn as_text(node: Node) -> Node {
    match node.class() {
        None => Node::constant_of(Value::Null, Some(TEXT)),
        Some(Class::Text) => node,
        Some(_) => fold(Node { operation: Operation::Cast(Box::new(node)), data_type: Some(TEXT) }),
    }
}

fn search(kind: TextMatch, ignore_case: bool, text: Node, pattern: Node) -> Result<Node, Error> {
    let (text, pattern) = (as_text(text), as_text(pattern));
    let search = Search::new(kind, ignore_case, pattern.as_constant().and_then(Value::as_text))?;
    let operation = Operation::Search(search, Box::new(text), Box::new(pattern));
    Ok(Node { operation, data_type: Some(DataType::Bool) })
}

fn call(function: &Function, mut arguments: Vec<Node>) -> Result<Node, Error> {
    match function {
        Function::Coalesce => {
            let data_type = unify_all(&mut arguments, "coalesce()")?;
            Ok(Node { operation: Operation::Coalesce(arguments), data_type })
        }
        Function::NullIf | Function::Greatest | Function::Least => {
            let name = signature::name(function);
            if matches!(function, Function::NullIf) {
                signature::expect_count(name, arguments.len(), 2..=2)?;
            }
            let data_type = unify_all(&mut arguments, name)?;
            Ok(Node { operation: Operation::Call(function.clone(), arguments), data_type })
        }
        Function::Concat | Function::String(StringFunction::ConcatWith | StringFunction::Format) => {
            let name = signature::name(function);
            signature::expect_count(
                name,
                arguments.len(),
                usize::from(*function != Function::Concat)..=usize::MAX,
            )?;
            let arguments = arguments.into_iter().map(as_text).collect();
            Ok(Node { operation: Operation::Call(function.clone(), arguments), data_type: Some(TEXT) })
        }
        _ => {
            let types: Vec<Option<DataType>> = arguments.iter().map(|argument| argument.data_type).collect();
            let signature = signature::signature(function, &types)?;
            let arguments =
                arguments.into_iter().zip(signature.arguments).map(|(node, to)| coerce(node, to)).collect();
            let operation = Operation::Call(function.clone(), arguments);
            Ok(Node { operation, data_type: Some(signature.result) })
        }
    }
}
