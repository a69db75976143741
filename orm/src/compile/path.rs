//! From steps over fields to joins over tables.

use nuages_engine::algebra::Expr;
use smallvec::SmallVec;

use super::{
    Compiler, ScopeId,
    joins::{Guard, Hop, JoinId, JoinSet, Reuse},
};
use crate::{
    error::{Error, Misuse, Result},
    meta::{FieldKind, ModelMeta},
    node::{DEPTH_MAX, FieldPath, Node, Step, too_deep},
    schema::Binding,
};

/// The tables a step leads through: one for a key, two for a many-to-many relation.
pub(crate) type Hops = SmallVec<[Hop; 2]>;

/// Where a path ends.
pub(super) struct End {
    pub(super) join: JoinId,
    /// The place of the column in that join's table.
    pub(super) column: usize,
    /// Whether the column may be NULL, by its definition.
    pub(super) nullable: bool,
    /// All joins of the path, the first table excluded.
    pub(super) joins: JoinSet,
}

/// A place to start a path from: a join, and the model whose rows it has.
#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) join: JoinId,
    pub(super) model: &'static ModelMeta,
}

/// Where a path leads before anything is joined.
struct Route {
    hops: Hops,
    column: usize,
    nullable: bool,
}

/// The tables a relation leads through, and the model it ends at; nothing for a step that is no relation.
pub(crate) fn hops(
    binding: &Binding,
    model: &'static ModelMeta,
    step: Step,
) -> Result<Option<(Hops, &'static ModelMeta)>> {
    let (owner, field, forward) = match step {
        Step::Back { child, field } => (child, field, false),
        Step::Field(field) => match model.field(field).map(|meta| meta.kind) {
            Some(FieldKind::Reverse { child, field, .. }) => (child(), field(), false),
            Some(FieldKind::ForeignKey { .. } | FieldKind::ManyToMany { .. }) => (model, field, true),
            _ => return Ok(None),
        },
        Step::To { field, target } => {
            return generic_hop(binding, (model, field), target, true).map(|hop| Some((hop, target)));
        }
        Step::Key => return Ok(None),
    };
    let not_a_relation = || Error::from(Misuse::NotAColumn { model: model.name });
    let meta = owner.field(field).ok_or_else(not_a_relation)?;
    if let (FieldKind::Generic, false) = (meta.kind, forward) {
        return generic_hop(binding, (owner, field), model, false).map(|hop| Some((hop, owner)));
    }
    let target = meta.related_model().ok_or_else(not_a_relation)?;
    match (meta.kind, forward) {
        (FieldKind::ForeignKey { .. }, true) => {
            let hop = Hop {
                table: binding.model(target)?.table,
                near: binding.column(owner, field)?,
                far: binding.key_column(target)?,
                many: false,
                along: true,
                nullable: meta.null,
                guard: None,
            };
            Ok(Some((Hops::from_slice(&[hop]), target)))
        }
        (FieldKind::ForeignKey { one, .. }, false) => {
            let hop = Hop {
                table: binding.model(owner)?.table,
                near: binding.key_column(target)?,
                far: binding.column(owner, field)?,
                many: !one,
                along: false,
                nullable: true,
                guard: None,
            };
            Ok(Some((Hops::from_slice(&[hop]), owner)))
        }
        (FieldKind::ManyToMany { .. }, _) => {
            let through = binding.through(owner, field)?;
            let (here, there, near, far) = if forward {
                (owner, target, through.source, through.target)
            } else {
                (target, owner, through.target, through.source)
            };
            let into = Hop {
                table: through.table,
                near: binding.key_column(here)?,
                far: near,
                many: true,
                along: false,
                nullable: true,
                guard: None,
            };
            let out = Hop {
                table: binding.model(there)?.table,
                near: far,
                far: binding.key_column(there)?,
                many: false,
                along: true,
                nullable: false,
                guard: None,
            };
            Ok(Some((Hops::from_slice(&[into, out]), there)))
        }
        _ => Err(not_a_relation()),
    }
}

/// The hop between the rows of a generic key and those of one of the models that it leads to. That a row is of this
/// model says its content type, so the hop is guarded by that column.
fn generic_hop(
    binding: &Binding,
    (owner, field): (&'static ModelMeta, u16),
    target: &'static ModelMeta,
    along: bool,
) -> Result<Hops> {
    let [content_type, key] = FieldKind::generic_columns(field);
    let (here, there) = (binding.column(owner, key)?, binding.key_column(target)?);
    let (table, near, far) = match along {
        true => (binding.model(target)?.table, here, there),
        false => (binding.model(owner)?.table, there, here),
    };
    let guard = Guard { is_near: along, column: binding.column(owner, content_type)?, model: target };
    let hop = Hop { table, near, far, many: !along, along, nullable: true, guard: Some(guard) };
    Ok(Hops::from_slice(&[hop]))
}

/// The way of a path, without the last tables of which only the key is wanted that the table before has as well
/// (Django's `trim_joins`): `album.artist.id` is `album.artist_id`.
fn route(binding: &Binding, from: &'static ModelMeta, path: &FieldPath) -> Result<Route> {
    let mut route = Route { hops: Hops::new(), column: binding.key_column(from)?, nullable: false };
    let mut model = from;
    for (index, &step) in path.steps().iter().enumerate() {
        if let Some((hops, target)) = hops(binding, model, step)? {
            route.hops.extend(hops);
            route.column = binding.key_column(target)?;
            route.nullable = false;
            model = target;
            continue;
        }
        let is_last = index + 1 == path.steps().len();
        if step == Step::Key && is_last {
            continue;
        }
        let (Step::Field(field), true) = (step, is_last) else {
            return Err(Misuse::NotAColumn { model: from.name }.into());
        };
        route.column = binding.column(model, field)?;
        route.nullable = model.field(field).is_some_and(|meta| meta.null);
    }
    while let Some(last) = route.hops.last() {
        if !(last.along && last.far == route.column && last.guard.is_none()) {
            break;
        }
        (route.column, route.nullable) = (last.near, last.nullable);
        route.hops.pop();
    }
    Ok(route)
}

impl Compiler<'_> {
    /// Where a path from the scope's model ends, joining what it leads through.
    pub(super) fn walk(&mut self, scope: ScopeId, path: &FieldPath, reuse: &Reuse) -> Result<End> {
        let anchor = Anchor { join: 0, model: self.scopes[scope].model };
        self.walk_from(scope, anchor, path, reuse)
    }

    /// The same, from another model.
    pub(super) fn walk_from(
        &mut self,
        scope: ScopeId,
        from: Anchor,
        path: &FieldPath,
        reuse: &Reuse,
    ) -> Result<End> {
        let route = route(self.binding, from.model, path)?;
        let mut joins = JoinSet::new();
        let mut at = from.join;
        for hop in route.hops {
            at = self.hop(scope, at, hop, None, reuse)?;
            joins.push(at);
        }
        Ok(End { join: at, column: route.column, nullable: route.nullable, joins })
    }

    /// The join of all steps of a path of relations, its last table included.
    pub(super) fn join(
        &mut self,
        scope: ScopeId,
        path: &FieldPath,
        narrowed: Option<&Node>,
        reuse: &Reuse,
    ) -> Result<(Anchor, JoinSet)> {
        let mut anchor = Anchor { join: 0, model: self.scopes[scope].model };
        let mut joins = JoinSet::new();
        for (index, &step) in path.steps().iter().enumerate() {
            let not_a_relation = Misuse::NotAColumn { model: anchor.model.name };
            let (hops, target) = hops(self.binding, anchor.model, step)?.ok_or(not_a_relation)?;
            let is_last_step = index + 1 == path.steps().len();
            for (i, hop) in hops.iter().enumerate() {
                let narrows = narrowed.filter(|_| is_last_step && i + 1 == hops.len());
                anchor.join = self.hop(scope, anchor.join, *hop, narrows, reuse)?;
                joins.push(anchor.join);
            }
            anchor.model = target;
        }
        Ok((anchor, joins))
    }

    /// One hop from a join, shared if it may be. Joins stand within each other in the end, so that there are no more of
    /// them than levels.
    fn hop(
        &mut self,
        scope: ScopeId,
        from: JoinId,
        hop: Hop,
        narrowed: Option<&Node>,
        reuse: &Reuse,
    ) -> Result<JoinId> {
        if let Some(join) = self.scopes[scope].joins.find(from, &hop, narrowed, reuse) {
            return Ok(join);
        }
        if self.scopes[scope].joins.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        let source = self.source();
        Ok(self.scopes[scope].joins.add(source, from, hop, narrowed.cloned()))
    }

    /// The column a path ends at.
    pub(super) fn column(&self, scope: ScopeId, end: &End) -> Expr {
        Expr::Column(self.scopes[scope].joins.get(end.join).source.column(end.column))
    }
}
