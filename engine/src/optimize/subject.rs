//! Subjects: what conditions, orders and joins speak of, and the parts of indexes are made of.
//!
//! A part of an index is a column or an expression, and what a query says is matched with either in the same way: a
//! condition on `lower(name)`, an order by it, a join over it each ask [`Subjects::find`] which subject that is, and
//! each index which subjects its parts are. An expression is found again if it is the same up to the order of operands
//! that may be exchanged. (Constants in it are folded on both sides: in the query by [`fold`](super::rule::fold), in
//! the index here.) Comparisons without regard to case are comparisons of `lower(..)`, so they need nothing of their
//! own.

use nuages_storage::DataType;

use super::rule::fold::folded;
use crate::algebra::{Arithmetic, Column, Comparison, Expr, Source};
use crate::catalog::{IndexDefinition, IndexExpr, TableDefinition};

/// A column of a table, or an expression that one of its indexes has as a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The column at this place.
    Column(usize),
    /// The expression with this number among the [`Subjects`].
    Computed(usize),
}

/// The subjects of a table under the name `source`.
pub(super) struct Subjects<'a> {
    pub(super) definition: &'a TableDefinition,
    pub(super) source: Source,
    /// The expressions that are parts of indexes, each once, with their types.
    computed: Vec<(Expr, DataType)>,
}

impl<'a> Subjects<'a> {
    pub(super) fn of(definition: &'a TableDefinition, source: Source) -> Subjects<'a> {
        let mut subjects = Subjects { definition, source, computed: Vec::new() };
        for index in definition.indexes.iter().filter(|index| !index.programs.parts.is_empty()) {
            let types = index.part_types(definition);
            for (part, data_type) in index.parts.iter().zip(types) {
                if let IndexExpr::Expression(expr) = &part.expr {
                    let expr = folded(expr.clone());
                    if subjects.number_of(&expr, Source::SELF).is_none() {
                        subjects.computed.push((expr, data_type));
                    }
                }
            }
        }
        subjects
    }

    /// Whether an index has an expression as a part.
    pub(super) fn has_computed(&self) -> bool {
        !self.computed.is_empty()
    }

    /// Which subject an expression of the query is, and its type; none if it is none.
    pub(super) fn find(&self, expr: &Expr) -> Option<(Subject, DataType)> {
        if let Expr::Column(column) = expr {
            let place = self.place(*column, self.source)?;
            return Some((Subject::Column(place), self.definition.columns[place].data_type));
        }
        let number = self.number_of(expr, self.source)?;
        Some((Subject::Computed(number), self.computed[number].1))
    }

    /// The subjects of an index's parts, up to one that is none.
    pub(super) fn of_index<'s>(&'s self, index: &'s IndexDefinition) -> impl Iterator<Item = Subject> + 's {
        index.parts.iter().map_while(|part| match &part.expr {
            IndexExpr::Column(place) => Some(Subject::Column(*place)),
            IndexExpr::Expression(expr) => {
                // Most are written as they are kept; constants in them are not, so they are folded.
                let number = self.number_of(expr, Source::SELF);
                number.or_else(|| self.number_of(&folded(expr.clone()), Source::SELF)).map(Subject::Computed)
            }
        })
    }

    /// Whether an expression of the query is the same as one over `Source::SELF`.
    pub(super) fn is_same(&self, expr: &Expr, own: &Expr) -> bool {
        self.same(expr, self.source, own)
    }

    fn number_of(&self, expr: &Expr, source: Source) -> Option<usize> {
        self.computed.iter().position(|(own, _)| self.same(expr, source, own))
    }

    /// The place of a column in its table; of the row id the primary key's, if that is what it is.
    fn place(&self, column: Column, source: Source) -> Option<usize> {
        if column.source() != source {
            return None;
        }
        match column.is_row_id() {
            true => self.definition.row_id_column(),
            false => (column.index() < self.definition.columns.len()).then_some(column.index()),
        }
    }

    /// Whether an expression over `source` is one over `Source::SELF`, up to the order of operands that makes no
    /// difference.
    fn same(&self, expr: &Expr, source: Source, own: &Expr) -> bool {
        let same = |a: &Expr, b: &Expr| self.same(a, source, b);
        let all = |a: &[Expr], b: &[Expr]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
        match (expr, own) {
            (Expr::Column(column), Expr::Column(own)) => {
                let place = self.place(*column, source);
                place.is_some() && place == self.place(*own, Source::SELF)
            }
            (Expr::Literal(a), Expr::Literal(b)) => a == b && a.data_type() == b.data_type(),
            (Expr::Compare(op, a, b), Expr::Compare(own, c, d)) => {
                (op == own && same(a, c) && same(b, d)) || (op.flipped() == *own && same(a, d) && same(b, c))
            }
            (Expr::Arithmetic(op, a, b), Expr::Arithmetic(own, c, d)) => {
                op == own && ((same(a, c) && same(b, d)) || (is_commutative(*op) && same(a, d) && same(b, c)))
            }
            (Expr::And(a), Expr::And(b)) | (Expr::Or(a), Expr::Or(b)) => all(a, b),
            (Expr::Not(a), Expr::Not(b))
            | (Expr::IsNull(a), Expr::IsNull(b))
            | (Expr::Negate(a), Expr::Negate(b)) => same(a, b),
            (Expr::Cast(a, kind), Expr::Cast(b, own)) => kind == own && same(a, b),
            (Expr::Call(function, a), Expr::Call(own, b)) => function == own && all(a, b),
            (Expr::InList(a, list), Expr::InList(b, own)) => same(a, b) && all(list, own),
            (Expr::Case { branches, otherwise }, Expr::Case { branches: own, otherwise: own_rest }) => {
                let pairs = || branches.iter().zip(own);
                branches.len() == own.len()
                    && pairs().all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
                    && match (otherwise, own_rest) {
                        (Some(a), Some(b)) => same(a, b),
                        (None, None) => true,
                        _ => false,
                    }
            }
            (
                Expr::Match { kind, ignore_case, text, pattern },
                Expr::Match { kind: own, ignore_case: ignores, text: of, pattern: by },
            ) => kind == own && ignore_case == ignores && same(text, of) && same(pattern, by),
            _ => false,
        }
    }
}

/// Whether the operands may be exchanged.
fn is_commutative(op: Arithmetic) -> bool {
    matches!(
        op,
        Arithmetic::Add | Arithmetic::Multiply | Arithmetic::BitAnd | Arithmetic::BitOr | Arithmetic::BitXor
    )
}

/// A condition that compares something with a constant, that on the left.
pub(super) fn with_constant(expr: &Expr) -> Option<(&Expr, Comparison, &nuages_storage::Value)> {
    match expr {
        Expr::Compare(op, a, b) => match (&**a, &**b) {
            (a, Expr::Literal(value)) => Some((a, *op, value)),
            (Expr::Literal(value), b) => Some((b, op.flipped(), value)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
