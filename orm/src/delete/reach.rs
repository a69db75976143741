//! What a deletion can reach: which foreign keys point at a model, and whether the engine alone can follow them.

use crate::{
    app::App,
    executor::Executor,
    meta::{FieldKind, FieldMeta, ModelMeta, OnDelete},
    relation::generic::GenericColumns,
};

/// A foreign key that points at a model.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    pub(super) child: &'static ModelMeta,
    pub(super) index: u16,
    pub(super) field: &'static FieldMeta,
}

/// The foreign keys of registered models that point at a model, in the order of registration.
pub(super) fn pointers(meta: &'static ModelMeta, app: &App) -> Vec<Pointer> {
    let mut found = Vec::new();
    for child in app.metas() {
        for (index, field) in child.fields_at(child.foreign_keys) {
            if let FieldKind::ForeignKey { target, .. } = field.kind
                && target() == meta
            {
                found.push(Pointer { child, index, field });
            }
        }
    }
    found
}

/// A generic key whose other side a model declares: rows that point at its rows go with them.
#[derive(Clone, Copy)]
pub(super) struct GenericChildren {
    pub(super) child: &'static ModelMeta,
    pub(super) columns: GenericColumns,
}

/// The generic keys whose other side a model declares.
pub(super) fn generic_children(meta: &'static ModelMeta) -> impl Iterator<Item = GenericChildren> {
    meta.fields.iter().filter_map(|field| match field.kind {
        FieldKind::Reverse { child, field, .. } => {
            let child = child();
            GenericColumns::of(child, field()).map(|columns| GenericChildren { child, columns })
        }
        _ => None,
    })
}

/// A table between the sides of a many-to-many relation that no model declares.
pub(super) struct Pairs {
    pub(super) declared_by: &'static ModelMeta,
    pub(super) field: u16,
    /// Whether the keys of the deleted rows are those of the declaring side.
    pub(super) is_source: bool,
}

/// The automatic tables of pairs that have keys of a model; one of a model with itself has two.
pub(super) fn pairs(meta: &'static ModelMeta, ex: &dyn Executor) -> Vec<Pairs> {
    let mut found = Vec::new();
    for model in ex.shared().app().metas() {
        for (field, description) in (0u16..).zip(model.fields) {
            if let FieldKind::ManyToMany { target, through: None } = description.kind {
                if model == meta {
                    found.push(Pairs { declared_by: model, field, is_source: true });
                }
                if target() == meta {
                    found.push(Pairs { declared_by: model, field, is_source: false });
                }
            }
        }
    }
    found
}

/// The models whose rows go with those of a model, if the engine's cascades have the whole answer: every key in reach
/// cascades, becomes NULL, or does nothing, no key is generic, and no row in reach extends another. It is the same for
/// as long as a database is open.
#[derive(Debug)]
pub(super) struct Reach(Option<Vec<&'static ModelMeta>>);

impl Reach {
    pub(super) fn of(meta: &'static ModelMeta, app: &App) -> Reach {
        let mut reached = vec![meta];
        let mut next = 0;
        while let Some(&model) = reached.get(next) {
            next += 1;
            // Against the direction of the key, and along a generic one, the engine deletes nothing.
            if model.parent.is_some() || generic_children(model).next().is_some() {
                return Reach(None);
            }
            for Pointer { child, field, .. } in pointers(model, app) {
                match field.on_delete {
                    OnDelete::Cascade if !reached.contains(&child) => reached.push(child),
                    OnDelete::Cascade | OnDelete::SetNull | OnDelete::DbSetNull | OnDelete::DoNothing => {}
                    // Rows that the database deletes by itself are not counted, and the engine's count has them.
                    OnDelete::DbCascade
                    | OnDelete::SetDefault
                    | OnDelete::Set(_)
                    | OnDelete::Protect
                    | OnDelete::Restrict => return Reach(None),
                }
            }
        }
        Reach(Some(reached))
    }

    /// Whether the engine may do it: that is, unless somebody listens to a model that loses rows, now.
    pub(super) fn engine_suffices(&self, app: &App) -> bool {
        let Reach(Some(reached)) = self else { return false };
        !reached.iter().any(|model| is_heard(model, app))
    }
}

/// Whether anybody listens to deletions of a model.
pub(super) fn is_heard(model: &'static ModelMeta, app: &App) -> bool {
    app.signals().hears_deletes()
        && app.typed(model).is_some_and(|typed| app.signals().hears_delete((typed.id)()))
}
