//! Three-valued logic on sets of rows.

use super::compare;
use super::node::{Frame, Node, Operation};
use crate::algebra::Comparison;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

/// For which of the rows asked about a condition is true, and for which it is unknown; both within those rows, and
/// apart from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) yes: Bits,
    pub(super) unknown: Bits,
}

impl Truth {
    /// The truth of a column of booleans in some rows.
    fn of(vector: &Vector<'_>, selection: &Bits, len: usize) -> Truth {
        match vector {
            Vector::Bool { bits, nulls } => Truth { yes: bits & selection, unknown: nulls & selection },
            vector => match vector.bool(0) {
                Some(true) => Truth { yes: selection.clone(), unknown: Bits::none(len) },
                Some(false) => Truth { yes: Bits::none(len), unknown: Bits::none(len) },
                None => Truth { yes: Bits::none(len), unknown: selection.clone() },
            },
        }
    }

    /// The rows for which it is false.
    fn no(&self, selection: &Bits) -> Bits {
        selection.and_not(&self.yes).and_not(&self.unknown)
    }
}

impl Node {
    /// For which rows of `selection` it is true, and for which unknown.
    pub(super) fn truth<'a>(&'a self, frame: &Frame<'a, '_>, selection: &Bits) -> Result<Truth, Error> {
        let len = frame.batch.len;
        match &self.operation {
            Operation::And(all) => conjunction(all, frame, selection),
            Operation::Or(any) => disjunction(any, frame, selection),
            Operation::Not(operand) => {
                let truth = operand.truth(frame, selection)?;
                Ok(Truth { yes: truth.no(selection), unknown: truth.unknown })
            }
            Operation::IsNull(operand) => {
                let nulls = match &*operand.vector(frame, selection)? {
                    Vector::Constant { value, .. } if value.is_null() => Bits::all(len),
                    Vector::Constant { .. } => Bits::none(len),
                    vector => vector.nulls(),
                };
                Ok(Truth { yes: &nulls & selection, unknown: Bits::none(len) })
            }
            Operation::Compare(op, left, right) => {
                let class = left.class().or(right.class());
                let (left, right) = (left.vector(frame, selection)?, right.vector(frame, selection)?);
                Ok(compare::compare(*op, class, &left, &right, len, selection))
            }
            Operation::Member(needle, members) => {
                let class = needle.class();
                Ok(members.test(class, &*needle.vector(frame, selection)?, len, selection))
            }
            Operation::AnyEqual(needle, list) => match list.members(needle.class(), frame, selection)? {
                Some(members) => {
                    Ok(members.test(needle.class(), &*needle.vector(frame, selection)?, len, selection))
                }
                None => any_equal(needle, &list.elements, frame, selection),
            },
            Operation::Search(search, text, pattern) => {
                let (text, pattern) = (text.vector(frame, selection)?, pattern.vector(frame, selection)?);
                let (yes, unknown) = search.test(&text, &pattern, len, selection)?;
                Ok(Truth { yes, unknown })
            }
            _ => Ok(Truth::of(&*self.vector(frame, selection)?, selection, len)),
        }
    }

    /// The rows of `selection` for which it is true. A row that one part of a conjunction leaves unknown cannot become
    /// true, so it is not asked about again; [`Node::truth`] has to.
    pub(super) fn filter<'a>(&'a self, frame: &Frame<'a, '_>, selection: &Bits) -> Result<Bits, Error> {
        match &self.operation {
            Operation::And(all) => {
                let mut rows = selection.clone();
                for part in all {
                    if rows.is_empty() {
                        break;
                    }
                    rows = part.filter(frame, &rows)?;
                }
                Ok(rows)
            }
            Operation::Or(any) => {
                let mut rest = selection.clone();
                for part in any {
                    if rest.is_empty() {
                        break;
                    }
                    rest = rest.and_not(&part.filter(frame, &rest)?);
                }
                Ok(selection.and_not(&rest))
            }
            Operation::Compare(op, left, right) if *op != Comparison::Same => {
                let len = frame.batch.len;
                if let (Some(left), Some(right), Some(class)) =
                    (left.words(frame), right.words(frame), left.class())
                    && let Some(rows) = compare::filter_words(*op, class, &left, &right, len, selection)
                {
                    return Ok(rows);
                }
                let class = left.class().or(right.class());
                let (left, right) = (left.vector(frame, selection)?, right.vector(frame, selection)?);
                Ok(compare::filter(*op, class, &left, &right, len, selection))
            }
            _ => Ok(self.truth(frame, selection)?.yes),
        }
    }
}

fn conjunction<'a>(all: &'a [Node], frame: &Frame<'a, '_>, selection: &Bits) -> Result<Truth, Error> {
    let mut unknown = Bits::none(frame.batch.len);
    // The rows for which no part is false yet.
    let mut rows = selection.clone();
    for part in all {
        if rows.is_empty() {
            break;
        }
        let truth = part.truth(frame, &rows)?;
        unknown |= &truth.unknown;
        rows = &truth.yes | &truth.unknown;
    }
    Ok(Truth { yes: rows.and_not(&unknown), unknown: &unknown & &rows })
}

fn disjunction<'a>(any: &'a [Node], frame: &Frame<'a, '_>, selection: &Bits) -> Result<Truth, Error> {
    let mut unknown = Bits::none(frame.batch.len);
    // The rows for which no part is true yet.
    let mut rest = selection.clone();
    for part in any {
        if rest.is_empty() {
            break;
        }
        let truth = part.truth(frame, &rest)?;
        unknown |= &truth.unknown;
        rest = rest.and_not(&truth.yes);
    }
    Ok(Truth { yes: selection.and_not(&rest), unknown: &unknown & &rest })
}

/// `needle IN (list)`, each element asked only about the rows that equal none before it.
fn any_equal<'a>(
    needle: &'a Node,
    list: &'a [Node],
    frame: &Frame<'a, '_>,
    selection: &Bits,
) -> Result<Truth, Error> {
    let len = frame.batch.len;
    let left = needle.vector(frame, selection)?;
    let mut unknown = Bits::none(len);
    let mut rest = selection.clone();
    for element in list {
        let class = needle.class().or(element.class());
        let right = element.vector(frame, &rest)?;
        let truth = compare::compare(crate::algebra::Comparison::Equal, class, &left, &right, len, &rest);
        unknown |= &truth.unknown;
        rest = rest.and_not(&truth.yes);
    }
    Ok(Truth { yes: selection.and_not(&rest), unknown: &unknown & &rest })
}
