//! Choices: `CASE`, `COALESCE`, `NULLIF`, `GREATEST`, `LEAST`.
//!
//! A choice is a list of parts, each a column and the rows that take their value from it; the rows of the parts are
//! apart from each other, and a row of no part is NULL.

use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use super::compare;
use super::node::{Frame, Node};
use super::types::{TEXT, class_of};
use crate::algebra::{Comparison, Function};
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::{Vector, VectorBuilder};

/// Some rows and the column they are taken from.
type Part<'a, 'v> = (Bits, Cow<'a, Vector<'v>>);

/// `CASE`: each condition is asked only about the rows that no condition before it took, each result only about the
/// rows its condition took.
pub(super) fn case<'a, 'v>(
    kind: Option<DataType>,
    branches: &'a [(Node, Node)],
    otherwise: Option<&'a Node>,
    frame: &Frame<'a, 'v>,
    selection: &Bits,
) -> Result<Vector<'v>, Error> {
    let mut parts: Vec<Part<'a, 'v>> = Vec::with_capacity(branches.len() + 1);
    let mut rest = selection.clone();
    for (when, then) in branches {
        let rows = when.filter(frame, &rest)?;
        if !rows.is_empty() {
            rest = rest.and_not(&rows);
            let column = then.vector(frame, &rows)?;
            parts.push((rows, column));
        }
        if rest.is_empty() {
            break;
        }
    }
    if let (Some(otherwise), false) = (otherwise, rest.is_empty()) {
        let column = otherwise.vector(frame, &rest)?;
        parts.push((rest, column));
    }
    Ok(merge(kind, &parts, frame.batch.len))
}

/// `COALESCE`: each choice is asked only about the rows for which all before it are NULL.
pub(super) fn coalesce<'a, 'v>(
    kind: Option<DataType>,
    choices: &'a [Node],
    frame: &Frame<'a, 'v>,
    selection: &Bits,
) -> Result<Vector<'v>, Error> {
    let len = frame.batch.len;
    let mut parts: Vec<Part<'a, 'v>> = Vec::with_capacity(choices.len());
    let mut rest = selection.clone();
    for choice in choices {
        if rest.is_empty() {
            break;
        }
        let column = choice.vector(frame, &rest)?;
        let rows = rest.and_not(&compare::nulls(&column, len));
        rest = rest.and_not(&rows);
        parts.push((rows, column));
    }
    Ok(merge(kind, &parts, len))
}

/// Whether a function returns one of its arguments.
pub(super) fn is_choice(function: &Function) -> bool {
    matches!(function, Function::NullIf | Function::Greatest | Function::Least)
}

/// `NULLIF`, `GREATEST` and `LEAST` of columns of one class.
pub(super) fn choose<'v>(
    function: &Function,
    kind: DataType,
    columns: &[Cow<'_, Vector<'v>>],
    len: usize,
    selection: &Bits,
) -> Vector<'v> {
    let class = Some(class_of(kind));
    let Some((first, others)) = columns.split_first() else { return Vector::null(kind, len) };
    if let (Function::NullIf, Some(second)) = (function, others.first()) {
        let equal = compare::compare(Comparison::Equal, class, first, second, len, selection).yes;
        return merge(Some(kind), &[(selection.and_not(&equal), Cow::Borrowed(&**first))], len);
    }
    let better = if matches!(function, Function::Greatest) { Comparison::Greater } else { Comparison::Less };
    let mut best = merge(Some(kind), &[(selection.clone(), Cow::Borrowed(&**first))], len);
    for column in others {
        let taken = compare::compare(better, class, column, &best, len, selection).yes;
        let filled = (&compare::nulls(&best, len) & selection).and_not(&compare::nulls(column, len));
        let rows = &taken | &filled;
        let kept = selection.and_not(&rows);
        best = merge(Some(kind), &[(kept, Cow::Owned(best)), (rows, Cow::Borrowed(&**column))], len);
    }
    best
}

/// The column of a choice.
fn merge<'v>(kind: Option<DataType>, parts: &[Part<'_, 'v>], len: usize) -> Vector<'v> {
    let Some(kind) = kind else { return Vector::null(TEXT, len) };
    match VectorBuilder::<'v>::new(kind).finish() {
        Vector::Bool { .. } => merge_bits(parts, len),
        Vector::Word { .. } => merge_words(kind, parts, len),
        _ => merge_rows(kind, parts, len),
    }
}

fn merge_bits<'v>(parts: &[Part<'_, 'v>], len: usize) -> Vector<'v> {
    let (mut bits, mut nulls) = (Bits::none(len), Bits::all(len));
    for (rows, column) in parts {
        for row in rows {
            if let Some(bool) = column.bool(row) {
                nulls.remove(row);
                if bool {
                    bits.insert(row);
                }
            }
        }
    }
    Vector::Bool { bits, nulls }
}

fn merge_words<'v>(kind: DataType, parts: &[Part<'_, 'v>], len: usize) -> Vector<'v> {
    let mut data = vec![0; len];
    let mut nulls = Bits::all(len);
    for (rows, column) in parts {
        let words = compare::Words::of(column);
        for row in rows {
            data[row] = words.get(row);
        }
        nulls = nulls.and_not(&rows.and_not(&compare::nulls(column, len)));
    }
    Vector::Word { kind, data: Cow::Owned(data), nulls }
}

fn merge_rows<'v>(kind: DataType, parts: &[Part<'_, 'v>], len: usize) -> Vector<'v> {
    const NO_PART: usize = usize::MAX;
    let mut part_of = vec![NO_PART; len];
    for (part, (rows, _)) in parts.iter().enumerate() {
        rows.iter().for_each(|row| part_of[row] = part);
    }
    let mut builder = VectorBuilder::with_capacity(kind, len);
    for (row, part) in part_of.into_iter().enumerate() {
        match parts.get(part).map(|(_, column)| &**column) {
            Some(Vector::Constant { value, .. }) => builder.push(value),
            Some(column) => builder.append_row(column, row),
            None => builder.push(&Value::Null),
        }
    }
    builder.finish()
}
