//! What a relation is made of: what it stands on, and what its columns are named by.

use super::{Query, Relation, Source};

impl Relation {
    /// What it stands on directly; queries of their own, such as the sides of a set operation, are not among them.
    pub fn inputs(&self) -> Vec<&Relation> {
        let mut inputs = Vec::new();
        self.each_input(&mut |input| inputs.push(input));
        inputs
    }

    /// Calls `visit` with the same relations.
    pub(crate) fn each_input<'r>(&'r self, visit: &mut dyn FnMut(&'r Relation)) {
        match self {
            Relation::Unit
            | Relation::Scan { .. }
            | Relation::Values { .. }
            | Relation::Set { .. }
            | Relation::Recursive { .. }
            | Relation::WorkTable { .. } => {}
            Relation::Filter { input, .. }
            | Relation::Project { input, .. }
            | Relation::Aggregate { input, .. }
            | Relation::Sort { input, .. }
            | Relation::Limit { input, .. }
            | Relation::Distinct { input, .. }
            | Relation::Window { input, .. }
            | Relation::With { input, .. } => visit(input),
            Relation::Join { left, right, .. } => {
                visit(left);
                visit(right);
            }
        }
    }

    /// Calls `visit` with the same relations, to be changed in place.
    pub(crate) fn each_input_mut(&mut self, visit: &mut dyn FnMut(&mut Relation)) {
        match self {
            Relation::Unit
            | Relation::Scan { .. }
            | Relation::Values { .. }
            | Relation::Set { .. }
            | Relation::Recursive { .. }
            | Relation::WorkTable { .. } => {}
            Relation::Filter { input, .. }
            | Relation::Project { input, .. }
            | Relation::Aggregate { input, .. }
            | Relation::Sort { input, .. }
            | Relation::Limit { input, .. }
            | Relation::Distinct { input, .. }
            | Relation::Window { input, .. }
            | Relation::With { input, .. } => visit(input),
            Relation::Join { left, right, .. } => {
                visit(left);
                visit(right);
            }
        }
    }

    /// What its own columns are named by, if it has any.
    pub(crate) fn source(&self) -> Option<Source> {
        match self {
            Relation::Scan { source, .. }
            | Relation::Values { source, .. }
            | Relation::Project { source, .. }
            | Relation::Aggregate { source, .. }
            | Relation::Set { source, .. }
            | Relation::Window { source, .. }
            | Relation::Recursive { source, .. }
            | Relation::WorkTable { source, .. } => Some(*source),
            Relation::Unit
            | Relation::Filter { .. }
            | Relation::Join { .. }
            | Relation::Sort { .. }
            | Relation::Limit { .. }
            | Relation::Distinct { .. }
            | Relation::With { .. } => None,
        }
    }

    /// The same, to be changed in place.
    pub(crate) fn source_mut(&mut self) -> Option<&mut Source> {
        match self {
            Relation::Scan { source, .. }
            | Relation::Values { source, .. }
            | Relation::Project { source, .. }
            | Relation::Aggregate { source, .. }
            | Relation::Set { source, .. }
            | Relation::Window { source, .. }
            | Relation::Recursive { source, .. }
            | Relation::WorkTable { source, .. } => Some(source),
            Relation::Unit
            | Relation::Filter { .. }
            | Relation::Join { .. }
            | Relation::Sort { .. }
            | Relation::Limit { .. }
            | Relation::Distinct { .. }
            | Relation::With { .. } => None,
        }
    }

    /// Calls `visit` with the queries of their own that it stands on.
    pub(crate) fn each_query<'r>(&'r self, visit: &mut dyn FnMut(&'r Query)) {
        match self {
            Relation::Set { left, right, .. } | Relation::Recursive { base: left, step: right, .. } => {
                visit(left);
                visit(right);
            }
            Relation::With { rows, .. } => visit(rows),
            _ => {}
        }
    }

    /// Calls `visit` with the same queries, to be changed in place.
    pub(crate) fn each_query_mut(&mut self, visit: &mut dyn FnMut(&mut Query)) {
        match self {
            Relation::Set { left, right, .. } | Relation::Recursive { base: left, step: right, .. } => {
                visit(left);
                visit(right);
            }
            Relation::With { rows, .. } => visit(rows),
            _ => {}
        }
    }
}
