//! SELECT: what the rows of a queryset are made of.
//!
//! The columns of a result are, in this order: those of the model (or the expressions of `values`), the shown
//! annotations, and the columns of each model that `select_related` joined.

use nuages_engine::algebra::{Expr, OutputColumn, Query};

use super::{
    Compiler, ScopeId,
    group::{Unique, Wanted},
    joins::Reuse,
};
use crate::{
    error::{Misuse, Result},
    meta::{FieldMeta, ModelMeta},
    node::{FieldPath, Node, Step},
    queryset::{
        loading::Loading,
        state::{Clauses, Distinct, QueryState, Shape},
    },
    row::Joined,
};

/// A compiled queryset.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) query: Query,
    /// What `select_related` joined to the rows.
    pub(crate) joined: Vec<Joined>,
}

impl Compiler<'_> {
    /// The rows of a queryset.
    pub(crate) fn rows(&mut self, state: &QueryState) -> Result<Rows> {
        if !state.clauses().combined.is_empty() {
            let is_instances = matches!(state.clauses().shape, Shape::Instances);
            if is_instances && state.model.parent.is_some() {
                return Err(Misuse::Other(
                    "a union of rows that extend others has columns only: ask for values",
                )
                .into());
            }
            return Ok(Rows { query: self.combination(state, None)?, joined: Vec::new() });
        }
        let scope = self.load(state, None)?;
        let mut rows = self.level(scope, state, true)?;
        if let Some(lock) = &state.clauses().lock {
            rows.query.lock = Some(self.row_lock(scope, state, lock)?);
        }
        Ok(rows)
    }

    /// A finished level of a queryset that is no combination.
    pub(super) fn level(&mut self, scope: ScopeId, state: &QueryState, ordered: bool) -> Result<Rows> {
        self.level_by(scope, state, ordered, None)
    }

    /// The same with one more column, the last, by which rows count as different too.
    pub(super) fn level_by(
        &mut self,
        scope: ScopeId,
        state: &QueryState,
        ordered: bool,
        by: Option<&Node>,
    ) -> Result<Rows> {
        let clauses = state.clauses();
        let mut outputs = self.outputs(scope, state)?;
        let by = by.map(|node| self.expression(scope, node, &mut Reuse::All)).transpose()?;
        let keys = self.group_keys(scope, clauses)?;
        let grouped = keys.is_some();
        let mut distinct = self.distinct(scope, clauses, &outputs)?;
        let mut joined = self.select_related(scope, clauses, &mut outputs)?;
        if matches!(clauses.shape, Shape::Instances) {
            let whole = clauses.loading.is_none();
            self.join_parents(scope, state.model, whole, &FieldPath::new(), &mut joined, &mut outputs)?;
        }
        if let Some(by) = by {
            if let Unique::By(on) | Unique::First(on) = &mut distinct {
                on.push(by.clone());
            }
            outputs.push(by);
        }
        let order = if ordered { self.order(scope, state, grouped)? } else { Vec::new() };
        let wanted = Wanted { outputs, order, distinct, slice: clauses.slice, keys, ..Wanted::default() };
        let (relation, outputs) = self.finish(scope, wanted);
        let columns = outputs.into_iter().map(|expr| OutputColumn::new(String::new(), expr)).collect();
        Ok(Rows { query: Query::new(relation, columns), joined })
    }

    /// The columns of a row without what `select_related` adds.
    pub(super) fn outputs(&mut self, scope: ScopeId, state: &QueryState) -> Result<Vec<Expr>> {
        let clauses = state.clauses();
        let (mut outputs, from) = match &clauses.shape {
            Shape::Instances => {
                let read = clauses.loading.as_ref().map(Loading::own);
                (self.model_columns(scope, 0, state.model, read)?, 0)
            }
            Shape::Values { columns, annotations_before } => {
                let mut outputs = Vec::with_capacity(columns.len());
                for node in columns {
                    outputs.push(self.expression(scope, node, &mut Reuse::All)?);
                }
                (outputs, usize::from(*annotations_before))
            }
        };
        for (index, annotation) in clauses.annotations.iter().enumerate().skip(from) {
            if annotation.shown {
                outputs.push(self.annotation(scope, index)?);
            }
        }
        Ok(outputs)
    }

    /// The columns of a joined model: all, or those of some fields.
    fn model_columns(
        &self,
        scope: ScopeId,
        join: usize,
        model: &'static ModelMeta,
        read: Option<&[u16]>,
    ) -> Result<Vec<Expr>> {
        let source = self.scopes[scope].joins.get(join).source;
        let columns = &self.binding.model(model)?.columns;
        let expr = |column: usize| Expr::Column(source.column(column));
        Ok(match read {
            None => columns.iter().map(|&column| expr(column)).collect(),
            Some(read) => read.iter().map(|field| expr(columns[model.position(*field)])).collect(),
        })
    }

    /// What a queryset with aggregates is grouped by: its own rows, or what `values` before an aggregate named.
    pub(super) fn group_keys(&mut self, scope: ScopeId, clauses: &Clauses) -> Result<Option<Vec<Expr>>> {
        let group = |compiler: &Self, index: usize| {
            compiler.annotation(scope, index).map(|value| compiler.is_aggregate(scope, &value))
        };
        let mut last = None;
        for index in 0..clauses.annotations.len() {
            if group(self, index)? {
                last = Some(index);
            }
        }
        let conditions_group = !self.scopes[scope].aggregates.is_empty();
        match (&clauses.shape, last) {
            (Shape::Values { columns, annotations_before }, Some(last))
                if last >= usize::from(*annotations_before) =>
            {
                self.keys_of(scope, columns).map(Some)
            }
            (_, Some(_)) => match &clauses.grouping {
                Some(columns) => self.keys_of(scope, columns).map(Some),
                None => self.own_key(scope).map(Some),
            },
            (_, None) if conditions_group => self.own_key(scope).map(Some),
            (_, None) => Ok(None),
        }
    }

    /// Those of some columns that can be grouped by.
    fn keys_of(&mut self, scope: ScopeId, columns: &[Node]) -> Result<Vec<Expr>> {
        let mut keys = Vec::with_capacity(columns.len());
        for node in columns {
            let key = self.expression(scope, node, &mut Reuse::All)?;
            if self.is_windowed(scope, &key) {
                return Err(Misuse::WindowHere { place: "what rows are grouped by" }.into());
            }
            if !self.is_aggregate(scope, &key) && !matches!(key, Expr::Literal(_)) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// The primary key of a level's model.
    pub(super) fn own_key(&self, scope: ScopeId) -> Result<Vec<Expr>> {
        let model = self.scopes[scope].model;
        let source = self.scopes[scope].joins.get(0).source;
        let columns = model.primary_key.iter().map(|&field| self.binding.column(model, field));
        columns.map(|column| Ok(Expr::Column(source.column(column?)))).collect()
    }

    pub(super) fn distinct(&mut self, scope: ScopeId, clauses: &Clauses, outputs: &[Expr]) -> Result<Unique> {
        Ok(match &clauses.distinct {
            Distinct::No => Unique::No,
            // A row of the model is told from others by its key, and what is joined to it depends on it.
            Distinct::Rows if matches!(clauses.shape, Shape::Instances) => {
                let mut on = self.own_key(scope)?;
                for (index, annotation) in clauses.annotations.iter().enumerate() {
                    if annotation.shown {
                        on.push(self.annotation(scope, index)?);
                    }
                }
                Unique::By(on)
            }
            Distinct::Rows => Unique::By(outputs.to_vec()),
            Distinct::On(nodes) => {
                let on = nodes.iter().map(|node| self.expression(scope, node, &mut Reuse::All));
                Unique::First(on.collect::<Result<_>>()?)
            }
        })
    }

    /// Joins to-one relations and adds their columns.
    fn select_related(
        &mut self,
        scope: ScopeId,
        clauses: &Clauses,
        outputs: &mut Vec<Expr>,
    ) -> Result<Vec<Joined>> {
        let mut joined = Vec::new();
        let loading = clauses.loading.as_ref();
        for path in &clauses.select_related {
            let mut level = &mut joined;
            let mut before = FieldPath::new();
            let mut model = self.scopes[scope].model;
            let mut read = loading.map(|loading| loading.own().to_vec());
            for &step in path.steps() {
                check_is_read(model, step, read.as_deref())?;
                before.push(step);
                let known = |one: &Joined| Step::Field(one.field) == step;
                let place = match level.iter().position(known) {
                    Some(place) => place,
                    None => {
                        level.push(self.join_related(scope, step, &before, loading, outputs)?);
                        level.len() - 1
                    }
                };
                model = step.target(model).unwrap_or(model);
                read.clone_from(&level[place].read);
                level = &mut level[place].joined;
            }
        }
        Ok(joined)
    }

    /// Joins the rows that the rows of a model, if they are whole, and of what is joined to it extend.
    fn join_parents(
        &mut self,
        scope: ScopeId,
        model: &'static ModelMeta,
        whole: bool,
        path: &FieldPath,
        joined: &mut Vec<Joined>,
        outputs: &mut Vec<Expr>,
    ) -> Result<()> {
        let further = |field: u16| {
            let mut path = path.clone();
            path.push(Step::Field(field));
            path
        };
        let parent = model.parent.filter(|parent| whole && joined.iter().all(|one| one.field != *parent));
        if let Some(parent) = parent {
            joined.push(self.join_related(scope, Step::Field(parent), &further(parent), None, outputs)?);
        }
        for one in joined {
            if let Some(related) = model.field(one.field).and_then(FieldMeta::related_model) {
                let whole = one.read.is_none();
                self.join_parents(scope, related, whole, &further(one.field), &mut one.joined, outputs)?;
            }
        }
        Ok(())
    }

    fn join_related(
        &mut self,
        scope: ScopeId,
        step: Step,
        path: &FieldPath,
        loading: Option<&Loading>,
        outputs: &mut Vec<Expr>,
    ) -> Result<Joined> {
        if let Step::To { .. } = step {
            let wanted =
                "select_related cannot follow a generic key, whose rows are of many models: prefetch it";
            return Err(Misuse::Other(wanted).into());
        }
        let Step::Field(field) = step else {
            return Err(
                Misuse::Other("select_related needs a field to put the row in; declare the reverse").into()
            );
        };
        let (anchor, joins) = self.join(scope, path, None, &Reuse::All)?;
        let is_many =
            |id: &usize| self.scopes[scope].joins.get(*id).parent.as_ref().is_some_and(|link| link.hop.many);
        if joins.iter().any(is_many) {
            return Err(Misuse::ToMany { call: "select_related", relation: anchor.model.name }.into());
        }
        let offset = outputs.len();
        let read = loading.and_then(|loading| loading.of_joined(anchor.model, path.steps()));
        outputs.extend(self.model_columns(scope, anchor.join, anchor.model, read.as_deref())?);
        Ok(Joined { field, offset, read, joined: Vec::new() })
    }

    /// A queryset as a subquery: one column, the key if it has the rows of a model.
    pub(super) fn subquery(&mut self, state: &QueryState, outer: ScopeId) -> Result<Query> {
        self.subquery_of(state, Some(outer))
    }

    pub(super) fn subquery_of(&mut self, state: &QueryState, outer: Option<ScopeId>) -> Result<Query> {
        let clauses = state.clauses();
        if !clauses.combined.is_empty() {
            return self.combination(state, outer);
        }
        let scope = self.load(state, outer)?;
        let ordered = !clauses.slice.is_all() || matches!(clauses.distinct, Distinct::On(_));
        let mut rows = if matches!(clauses.shape, Shape::Instances) {
            let outputs = self.own_key(scope)?;
            let keys = self.group_keys(scope, clauses)?;
            let distinct = self.distinct(scope, clauses, &outputs)?;
            let order = if ordered { self.order(scope, state, keys.is_some())? } else { Vec::new() };
            let wanted = Wanted { outputs, order, distinct, slice: clauses.slice, keys, ..Wanted::default() };
            let (relation, outputs) = self.finish(scope, wanted);
            Query::new(relation, outputs.into_iter().map(|expr| OutputColumn::new("pk", expr)).collect())
        } else {
            self.level(scope, state, ordered)?.query
        };
        rows.columns.truncate(1);
        Ok(rows)
    }
}

/// A key by which a row is joined is read with the row that has it.
fn check_is_read(model: &'static ModelMeta, step: Step, read: Option<&[u16]>) -> Result<()> {
    let (Step::Field(field), Some(read)) = (step, read) else { return Ok(()) };
    match model.field(field) {
        Some(meta) if meta.is_column() && !read.contains(&field) => {
            Err(Misuse::DeferredAndJoined { model: model.name, field: meta.name }.into())
        }
        _ => Ok(()),
    }
}
