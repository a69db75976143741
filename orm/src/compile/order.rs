//! ORDER BY; Django's `find_ordering_name`.

use nuages_engine::algebra::{Expr, SortKey};

use super::{Compiler, ScopeId, expression::Place, joins::Reuse, path::hops};
use crate::{
    error::{Error, Misuse, Result, UnknownName},
    meta::{ModelMeta, OrderMeta},
    node::{FieldPath, Node, Step},
    queryset::state::{OrderNode, Ordering, QueryState, Shape},
};

/// How many models deep an ordering by a relation's own ordering is followed; a longer chain is a loop.
const ORDERING_DEPTH_MAX: usize = 8;

impl Compiler<'_> {
    /// The sort keys of a queryset. The model's own ordering does not apply to groups.
    pub(super) fn order(
        &mut self,
        scope: ScopeId,
        state: &QueryState,
        grouped: bool,
    ) -> Result<Vec<SortKey>> {
        let clauses = state.clauses();
        let mut keys = Vec::new();
        match &clauses.ordering {
            Ordering::Default if grouped => {}
            Ordering::Default => {
                for key in state.default_ordering() {
                    let path = meta_path(state.model, key)?;
                    if is_selected(state, &path) {
                        keys.push(sort_key(self.key_of(scope, &path)?, key.descending, None));
                        continue;
                    }
                    self.order_path(
                        scope,
                        &FieldPath::new(),
                        state.model,
                        &path,
                        key.descending,
                        None,
                        &mut keys,
                    )?;
                }
                for node in state.declared_order() {
                    self.order_node(scope, state.model, &node, &mut keys)?;
                }
            }
            Ordering::By(nodes) => {
                for node in nodes {
                    match &node.node {
                        Node::Path(path) if is_selected(state, path) => {
                            let key = self.key_of(scope, path)?;
                            keys.push(sort_key(key, node.descending, node.nulls_first));
                        }
                        _ => self.order_node(scope, state.model, node, &mut keys)?,
                    }
                }
            }
        }
        if clauses.reversed {
            for key in &mut keys {
                key.descending = !key.descending;
                key.nulls_first = !key.nulls_first;
            }
        }
        Ok(keys)
    }

    /// The column that a path ends at; of a relation, its key.
    fn key_of(&mut self, scope: ScopeId, path: &FieldPath) -> Result<Expr> {
        let end = self.walk(scope, path, &Reuse::All)?;
        Ok(self.column(scope, &end))
    }

    /// The sort keys inside an aggregate or window function. A path is sorted by as a value, also one to a relation.
    pub(super) fn inner_order(&mut self, at: Place, keys: &[OrderNode]) -> Result<Vec<SortKey>> {
        let keys = keys.iter().map(|key| {
            let node = self.uncased(at.scope, &key.node);
            let expr = self.expression_at(at, node.as_ref().unwrap_or(&key.node), &mut Reuse::All)?;
            Ok(sort_key(expr, key.descending, key.nulls_first))
        });
        keys.collect()
    }

    fn order_node(
        &mut self,
        scope: ScopeId,
        model: &'static ModelMeta,
        key: &OrderNode,
        keys: &mut Vec<SortKey>,
    ) -> Result<()> {
        if let Node::Path(path) = &key.node {
            return self.order_path(
                scope,
                &FieldPath::new(),
                model,
                path,
                key.descending,
                key.nulls_first,
                keys,
            );
        }
        let node = self.uncased(scope, &key.node);
        let expr = self.expression(scope, node.as_ref().unwrap_or(&key.node), &mut Reuse::All)?;
        keys.push(sort_key(expr, key.descending, key.nulls_first));
        Ok(())
    }

    /// A path that ends at a relation is sorted by that model's ordering, if it has one, and else by its key.
    #[expect(clippy::too_many_arguments, reason = "one sort key and where it stands")]
    fn order_path(
        &mut self,
        scope: ScopeId,
        before: &FieldPath,
        model: &'static ModelMeta,
        path: &FieldPath,
        descending: bool,
        nulls_first: Option<bool>,
        keys: &mut Vec<SortKey>,
    ) -> Result<()> {
        let whole = before.clone().join(path);
        let mut target = Some(model);
        for &step in path.steps() {
            target = match target {
                Some(model) => hops(self.binding, model, step)?.map(|(_, target)| target),
                None => None,
            };
        }
        let target = target.filter(|_| !path.steps().is_empty());
        if let Some(declared) = target.and_then(|target| target.ordering_by) {
            return self.order_declared(scope, &whole, &declared(), descending, nulls_first, keys);
        }
        if let Some(target) = target.filter(|target| !target.ordering.is_empty()) {
            if whole.steps().len() > ORDERING_DEPTH_MAX {
                return Err(Misuse::Other("the orderings of two models refer to each other").into());
            }
            for key in target.ordering {
                let path = meta_path(target, key)?;
                self.order_path(
                    scope,
                    &whole,
                    target,
                    &path,
                    key.descending != descending,
                    nulls_first,
                    keys,
                )?;
            }
            return Ok(());
        }
        keys.push(sort_key(self.key_of(scope, &whole)?, descending, nulls_first));
        Ok(())
    }

    /// A path that ends at a model which orders its rows by expressions.
    fn order_declared(
        &mut self,
        scope: ScopeId,
        whole: &FieldPath,
        declared: &[OrderNode],
        descending: bool,
        nulls_first: Option<bool>,
        keys: &mut Vec<SortKey>,
    ) -> Result<()> {
        let (anchor, _) = self.join(scope, whole, None, &Reuse::All)?;
        for key in self.inner_order(Place { scope, anchor }, declared)? {
            let nulls_first = nulls_first.unwrap_or(key.nulls_first != descending);
            keys.push(SortKey { descending: key.descending != descending, nulls_first, ..key });
        }
        Ok(())
    }
}

/// Whether a path is one of the columns of `values`. Rows are then sorted by what they show: by a relation's key, and not
/// by the ordering of its model.
fn is_selected(state: &QueryState, path: &FieldPath) -> bool {
    let is_path = |column: &Node| matches!(column, Node::Path(column) if column == path);
    matches!(&state.clauses().shape, Shape::Values { columns, .. } if columns.iter().any(is_path))
}

fn sort_key(expr: Expr, descending: bool, nulls_first: Option<bool>) -> SortKey {
    SortKey { expr, descending, nulls_first: nulls_first.unwrap_or(descending) }
}

/// The path of an ordering written as names.
pub(crate) fn meta_path(model: &'static ModelMeta, key: &OrderMeta) -> Result<FieldPath> {
    let mut path = FieldPath::new();
    let mut at = Some(model);
    for &name in key.path {
        let unknown = |model: Option<&'static ModelMeta>| {
            Error::UnknownName(Box::new(UnknownName {
                within: model.map_or_else(String::new, ToString::to_string),
                name: name.to_owned(),
                nearest: None,
                choices: model.map_or_else(Vec::new, |model| {
                    model.fields.iter().map(|field| field.name.to_owned()).collect()
                }),
            }))
        };
        let model = at.ok_or_else(|| unknown(at))?;
        let field = match name {
            "pk" => model.primary_key.first().copied(),
            name => model.field_index(name),
        };
        let field = field.ok_or_else(|| unknown(Some(model)))?;
        path.push(Step::Field(field));
        at = Step::Field(field).target(model);
    }
    Ok(path)
}
