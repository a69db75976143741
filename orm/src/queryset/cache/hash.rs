//! The hash of a shape: a first look at which of the kept shapes a queryset may be of.
//!
//! It goes through what [`shape`](super::shape) compares, as far as that tells shapes apart; values are no part of it.

use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use super::{
    Asked,
    shape::{LIST_MAX, is_liftable},
};
use crate::{
    assignment::AssignmentNode,
    node::{Node, Operator, Step},
    queryset::{
        loading::Loading,
        state::{Ordering, QueryState, Shape},
    },
};

/// A hash of a word or two for each part of a shape. Shapes are what a program is written of and not what its users
/// send, so nobody can choose them to collide, and a multiplication for each word does.
#[derive(Default)]
struct ShapeHasher(u64);

impl ShapeHasher {
    /// Odd, and its bits without a pattern: 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming,
    /// volume 3, section 6.4).
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    #[inline]
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for ShapeHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.add(u64::from(*byte)));
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.add(u64::from(word));
    }

    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.add(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.add(word.cast_unsigned() as u64);
    }

    /// The table looks at the highest bits and at the lowest, and a product has its best ones above.
    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// A hash of a queryset's shape and what is asked of it; none if it is not worth keeping, or cannot be.
pub(super) fn hash(state: &QueryState, asked: Asked<'_>) -> Option<u64> {
    let mut hasher = ShapeHasher::default();
    discriminant(&asked).hash(&mut hasher);
    hash_state(state, &mut hasher)?;
    match asked {
        Asked::Rows | Asked::Count | Asked::Exists | Asked::Delete => {}
        Asked::Related(path) => path.steps().iter().for_each(|step| hash_step(*step, &mut hasher)),
        Asked::Aggregate(nodes) => nodes.iter().for_each(|node| hash_path_of(node.unnamed(), &mut hasher)),
        Asked::Update(list) => {
            for AssignmentNode { step, value, .. } in list {
                hash_step(*step, &mut hasher);
                hash_operand(value, &mut hasher)?;
            }
        }
    }
    Some(hasher.finish())
}

fn hash_state(state: &QueryState, hasher: &mut ShapeHasher) -> Option<()> {
    std::ptr::from_ref(state.model).hash(hasher);
    for condition in &state.conditions {
        condition.exclude.hash(hasher);
        hash_condition(&condition.node, hasher)?;
    }
    if state.is_plain() {
        return Some(());
    }
    let clauses = state.clauses();
    if clauses.lock.is_some() || !clauses.combined.is_empty() || clauses.misuse.is_some() {
        return None;
    }
    if i64::try_from(clauses.slice.offset).is_err() {
        return None;
    }
    (clauses.annotations.len(), clauses.select_related.len(), clauses.reversed).hash(hasher);
    (clauses.slice.offset > 0, clauses.slice.count).hash(hasher);
    discriminant(&clauses.distinct).hash(hasher);
    clauses.loading.as_ref().map(Loading::own).hash(hasher);
    if let Shape::Values { columns, .. } = &clauses.shape {
        columns.iter().for_each(|column| hash_path_of(column.unnamed(), hasher));
    }
    if let Ordering::By(keys) = &clauses.ordering {
        for key in keys {
            // Each call of it is another expression.
            if matches!(key.node, Node::Call(Operator::Random(_), _)) {
                return None;
            }
            key.descending.hash(hasher);
            hash_path_of(&key.node, hasher);
        }
    }
    Some(())
}

fn hash_condition(node: &Node, hasher: &mut ShapeHasher) -> Option<()> {
    discriminant(node).hash(hasher);
    match node {
        Node::Call(operator @ (Operator::And | Operator::Or | Operator::Not), parts) => {
            discriminant(operator).hash(hasher);
            parts.iter().try_for_each(|part| hash_condition(part, hasher))
        }
        Node::Call(Operator::Lookup(lookup), operands) => {
            if !is_liftable(*lookup) || operands.len() > LIST_MAX + 1 {
                return None;
            }
            lookup.hash(hasher);
            let (left, right) = operands.split_first()?;
            hash_path_of(left, hasher);
            right.iter().try_for_each(|operand| hash_operand(operand, hasher))
        }
        Node::Exists(state) => hash_state(state, hasher),
        Node::Path(_) => {
            hash_path_of(node, hasher);
            Some(())
        }
        Node::Parameter(..) | Node::Misuse(_) => None,
        _ => Some(()),
    }
}

fn hash_operand(node: &Node, hasher: &mut ShapeHasher) -> Option<()> {
    discriminant(node).hash(hasher);
    match node {
        Node::Value(value) => discriminant(value).hash(hasher),
        Node::Subquery(state) => return hash_state(state, hasher),
        Node::Path(_) => hash_path_of(node, hasher),
        Node::Call(operator, operands) => {
            discriminant(operator).hash(hasher);
            if let Operator::Arithmetic(arithmetic) = operator {
                discriminant(arithmetic).hash(hasher);
            }
            operands.iter().for_each(|operand| hash_path_of(operand, hasher));
        }
        Node::Parameter(..) | Node::Misuse(_) => return None,
        _ => {}
    }
    Some(())
}

/// A path's steps; of anything else no more than what kind of node it is.
fn hash_path_of(node: &Node, hasher: &mut ShapeHasher) {
    match node {
        Node::Path(path) => path.steps().iter().for_each(|step| hash_step(*step, hasher)),
        Node::Annotation(index) => index.hash(hasher),
        other => discriminant(other).hash(hasher),
    }
}

fn hash_step(step: Step, hasher: &mut ShapeHasher) {
    match step {
        Step::Field(field) | Step::Back { field, .. } | Step::To { field, .. } => hasher.write_u16(field),
        Step::Key => hasher.write_u16(u16::MAX),
    }
}
