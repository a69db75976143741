//! Statements that change rows: the rows of a queryset, and what is written into them.

use nuages_engine::algebra::{Delete, Expr, OutputColumn, Query, Source, Update};
use nuages_storage::Value;

use super::{Compiler, Scope, ScopeId, group::Wanted, joins::Reuse, rewrite, rows::Rows};
use crate::{
    assignment::AssignmentNode,
    error::{Misuse, Result},
    meta::ModelMeta,
    queryset::state::QueryState,
};

impl Compiler<'_> {
    /// Which rows of its model's own table a queryset has, as a predicate over them. If other tables are asked, it
    /// is whether the row's key is among those of a subquery.
    pub(crate) fn single_table(&mut self, state: &QueryState) -> Result<(Source, Option<Expr>)> {
        let (scope, predicate) = self.rows_of(state)?;
        Ok((self.scopes[scope].joins.get(0).source, predicate))
    }

    /// An update of a queryset's rows.
    pub(crate) fn update(&mut self, state: &QueryState, list: &[AssignmentNode]) -> Result<Update> {
        let (scope, predicate) = self.rows_of(state)?;
        let mut assignments = Vec::with_capacity(list.len());
        for one in list {
            let field = one.own_field().ok_or(Misuse::JoinHere { place: "update" })?;
            let column = self.binding.column(state.model, field)?;
            let value = self.expression(scope, &one.value, &mut Reuse::All)?;
            if self.is_windowed(scope, &value) {
                return Err(Misuse::WindowHere { place: "update" }.into());
            }
            if self.is_aggregate(scope, &value) {
                return Err(Misuse::AggregateHere { place: "update" }.into());
            }
            let joins = &self.scopes[scope].joins;
            if (1..joins.len()).any(|join| rewrite::mentions(&value, joins.get(join).source)) {
                return Err(Misuse::JoinHere { place: "update" }.into());
            }
            assignments.push((column, value));
        }
        let bound = self.binding.model(state.model)?;
        let (table, source) = (bound.table, self.scopes[scope].joins.get(0).source);
        bound.generate(&mut assignments, source)?;
        Ok(Update { table, source, predicate, assignments, returning: Vec::new(), from: None })
    }

    /// What is computed for a row that is yet to be inserted, by field.
    pub(crate) fn new_row(
        &mut self,
        model: &'static ModelMeta,
        list: &[AssignmentNode],
    ) -> Result<Vec<(u16, Expr)>> {
        let scope = self.load(&QueryState::new(model), None)?;
        let compiled = list.iter().map(|one| {
            let field = one.own_field().ok_or(Misuse::JoinHere { place: "insert_set" })?;
            let value = self.expression(scope, &one.value, &mut Reuse::All)?;
            if self.is_aggregate(scope, &value) {
                return Err(Misuse::AggregateHere { place: "insert_set" }.into());
            }
            let joins = &self.scopes[scope].joins;
            if (0..joins.len()).any(|join| rewrite::mentions(&value, joins.get(join).source)) {
                return Err(Misuse::ColumnHere { place: "insert_set" }.into());
            }
            Ok((field, value))
        });
        compiled.collect()
    }

    /// A deletion of a queryset's rows.
    pub(crate) fn delete(&mut self, state: &QueryState) -> Result<Delete> {
        let (source, predicate) = self.single_table(state)?;
        Ok(Delete {
            table: self.binding.model(state.model)?.table,
            source,
            predicate,
            returning: Vec::new(),
            using: None,
        })
    }

    fn rows_of(&mut self, state: &QueryState) -> Result<(ScopeId, Option<Expr>)> {
        let clauses = state.clauses();
        let scope = self.load(state, None)?;
        let plain = clauses.slice.is_all() && clauses.combined.is_empty() && !state.is_distinct_on();
        let Scope { aggregates, windows, draws, .. } = &self.scopes[scope];
        let computed = !aggregates.is_empty() || !windows.is_empty() || !draws.is_empty();
        if plain && self.scopes[scope].joins.len() == 1 && !computed {
            let mut predicate = std::mem::take(&mut self.scopes[scope].predicate);
            let predicate = match predicate.len() {
                0 => None,
                1 => predicate.pop(),
                _ => Some(predicate.into_iter().fold(Expr::And(Vec::new()), Expr::and)),
            };
            return Ok((scope, predicate));
        }
        // What is written may be an annotation, and is then one of the row that is written.
        let outer = self.open(state.model, None)?;
        for annotation in &clauses.annotations {
            let value = self.expression(outer, &annotation.node, &mut Reuse::All)?;
            self.scopes[outer].annotations.push(value);
        }
        let keys = self.keys(state)?;
        let key = self.identity(outer)?;
        Ok((outer, Some(Expr::InQuery(Box::new(key), Box::new(keys)))))
    }

    /// What tells a row of a level's model from all others by one value.
    fn identity(&self, scope: ScopeId) -> Result<Expr> {
        let Scope { model, joins, .. } = &self.scopes[scope];
        Ok(Expr::Column(self.binding.identity(model, joins.get(0).source)?))
    }

    /// What tells a queryset's rows apart; a query of one column. A slice or `distinct_on` has no place here.
    pub(crate) fn keys(&mut self, state: &QueryState) -> Result<Query> {
        let mut bare = state.clone();
        if !bare.is_plain() {
            let clauses = bare.clauses_mut();
            clauses.shape = Default::default();
            clauses.select_related.clear();
        }
        let scope = self.load(&bare, None)?;
        let identity = self.identity(scope)?;
        let mut keys = self.group_keys(scope, bare.clauses())?;
        if let Some(keys) = keys.as_mut().filter(|keys| !keys.contains(&identity)) {
            keys.push(identity.clone());
        }
        let wanted = Wanted { outputs: vec![identity], keys, ..Wanted::default() };
        let (relation, outputs) = self.finish(scope, wanted);
        Ok(Query::new(relation, outputs.into_iter().map(|expr| OutputColumn::new("pk", expr)).collect()))
    }

    /// The rows of a model that these values tell from all others.
    pub(crate) fn rows_of_identities(&mut self, meta: &'static ModelMeta, keys: &[Value]) -> Result<Rows> {
        let state = QueryState::new(meta);
        let scope = self.load(&state, None)?;
        let identity = self.identity(scope)?;
        let keys = keys.iter().cloned().map(Expr::Literal).collect();
        self.scopes[scope].predicate.push(Expr::InList(Box::new(identity), keys));
        self.level(scope, &state, true)
    }
}
