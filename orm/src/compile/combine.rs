//! Unions, intersections and differences of querysets.

use std::borrow::Cow;

use nuages_engine::algebra::{Expr, OutputColumn, Query, Relation, SortKey};

use super::{Compiler, ScopeId};
use crate::{
    error::{Misuse, Result},
    queryset::state::{Ordering, QueryState, Shape},
};

/// A member of a combination with the columns that `values` chose for the whole, unless it chose its own.
fn chosen<'m>(member: &'m QueryState, whole: &QueryState) -> Result<Cow<'m, QueryState>> {
    if member.clauses().loading != whole.clauses().loading {
        return Err(Misuse::Other(
            "rows of which some fields are not read make a union where all members read the same",
        )
        .into());
    }
    let (Shape::Values { columns, .. }, Shape::Instances) = (&whole.clauses().shape, &member.clauses().shape)
    else {
        return Ok(Cow::Borrowed(member));
    };
    if member.model != whole.model {
        return Err(Misuse::NotAllowed { call: "values", after: "a union with another model" }.into());
    }
    let mut member = member.clone();
    let annotations_before = u16::try_from(member.clauses().annotations.len()).unwrap_or(u16::MAX);
    let columns = columns.clone();
    member.clauses_mut().shape = Shape::Values { columns, annotations_before };
    Ok(Cow::Owned(member))
}

/// The queryset that a combination began with, without the order and the slice of the whole.
pub(super) fn alone(state: &QueryState) -> QueryState {
    let mut first = state.clone();
    let clauses = first.clauses_mut();
    clauses.combined.clear();
    clauses.ordering = Ordering::By(Vec::new());
    clauses.slice = Default::default();
    clauses.select_related.clear();
    clauses.first = None;
    first
}

impl Compiler<'_> {
    /// The rows of a combination: the queryset itself without its order and slice, then each of the others in turn.
    /// Order and slice are those of the whole, and a sort key must be one of the columns.
    pub(super) fn combination(&mut self, state: &QueryState, outer: Option<ScopeId>) -> Result<Query> {
        let clauses = state.clauses();
        let first = alone(state);
        let scope = self.load(&first, outer)?;
        let outputs = self.outputs(scope, &first)?;
        let keys = self.sort_keys(scope, state, &outputs)?;
        let mut query = match &clauses.first {
            Some(first) => self.member(chosen(first, state)?.as_ref(), outer)?,
            None => self.level(scope, &first, false)?.query,
        };
        for combination in &clauses.combined {
            let right = self.member(chosen(&combination.other, state)?.as_ref(), outer)?;
            let source = self.source();
            let columns = (0..query.columns.len())
                .map(|index| OutputColumn::new(String::new(), Expr::Column(source.column(index))))
                .collect();
            let relation = Relation::Set {
                kind: combination.kind,
                all: combination.all,
                source,
                left: Box::new(query),
                right: Box::new(right),
            };
            query = Query::new(relation, columns);
        }
        let sorted: Vec<SortKey> = keys
            .into_iter()
            .map(|(column, key)| SortKey { expr: query.columns[column].expr.clone(), ..key })
            .collect();
        if !sorted.is_empty() {
            query.relation = query.relation.sort(sorted);
        }
        if !clauses.slice.is_all() {
            query.relation = query.relation.limit(clauses.slice.offset, clauses.slice.count);
        }
        Ok(query)
    }

    fn member(&mut self, state: &QueryState, outer: Option<ScopeId>) -> Result<Query> {
        if !state.clauses().combined.is_empty() {
            return self.combination(state, outer);
        }
        let scope = self.load(state, outer)?;
        let ordered = !state.clauses().slice.is_all();
        Ok(self.level(scope, state, ordered)?.query)
    }

    /// The sort keys of the whole, each by the column it is.
    fn sort_keys(
        &mut self,
        scope: ScopeId,
        state: &QueryState,
        outputs: &[Expr],
    ) -> Result<Vec<(usize, SortKey)>> {
        let keys = match &state.clauses().ordering {
            Ordering::Default => Vec::new(),
            Ordering::By(_) => self.order(scope, state, false)?,
        };
        keys.into_iter()
            .map(|key| {
                let column = outputs.iter().position(|output| *output == key.expr);
                Ok((column.ok_or(Misuse::OrderNotSelected)?, key))
            })
            .collect()
    }
}
