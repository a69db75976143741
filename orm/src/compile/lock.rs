//! `select_for_update`: which rows of a query are locked.

use nuages_engine::algebra::{self, RowLock};

use super::{Compiler, ScopeId, joins::Reuse};
use crate::{
    error::{Misuse, Result},
    node::FieldPath,
    queryset::{
        lock::{Lock, LockWait},
        state::{Distinct, QueryState},
    },
};

impl Compiler<'_> {
    /// The rows that a queryset locks: its own and those of `select_related`, or of the relations that are named.
    ///
    /// # Errors
    /// [`Misuse::NotAllowed`] where a row of the result is not made of single rows.
    pub(super) fn row_lock(&mut self, scope: ScopeId, state: &QueryState, lock: &Lock) -> Result<RowLock> {
        let clauses = state.clauses();
        let after = if self.group_keys(scope, clauses)?.is_some() {
            Some("an aggregate")
        } else {
            (clauses.distinct != Distinct::No).then_some("distinct")
        };
        if let Some(after) = after {
            return Err(Misuse::NotAllowed { call: "select_for_update", after }.into());
        }
        let mut paths = lock.of.clone();
        if paths.is_empty() {
            paths.push(FieldPath::new());
            paths.extend(clauses.select_related.iter().flat_map(beginnings));
        }
        let mut sources = Vec::new();
        let joined_before = self.scopes[scope].joins.len();
        for path in &paths {
            let join =
                if path.steps().is_empty() { 0 } else { self.join(scope, path, None, &Reuse::All)?.0.join };
            let joined = self.scopes[scope].joins.get(join);
            let named = (joined.table, joined.source);
            if !sources.contains(&named) {
                sources.push(named);
            }
        }
        if self.scopes[scope].joins.len() > joined_before {
            return Err(
                Misuse::Other("select_for_update(of) names a relation that select_related does not").into()
            );
        }
        let wait = match lock.wait {
            LockWait::Wait => algebra::LockWait::Wait,
            LockWait::NoWait => algebra::LockWait::NoWait,
            LockWait::SkipLocked => algebra::LockWait::SkipLocked,
        };
        Ok(RowLock { sources, strength: lock.strength.of_engine(), wait })
    }
}

/// A path, and each path it goes through.
fn beginnings(path: &FieldPath) -> Vec<FieldPath> {
    let mut before = FieldPath::new();
    let mut beginnings = Vec::new();
    for step in path.steps() {
        before.push(*step);
        beginnings.push(before.clone());
    }
    beginnings
}
