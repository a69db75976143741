//! What a deletion can reach: which foreign keys point at a model, and whether the engine alone can follow them.

use crate::{
    error::Result,
    executor::Executor,
    meta::{FieldKind, FieldMeta, ModelMeta, OnDelete},
};

/// A foreign key that points at a model.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    pub(super) child: &'static ModelMeta,
    pub(super) index: u16,
    pub(super) field: &'static FieldMeta,
}

/// The foreign keys of registered models that point at a model, in the order of registration.
pub(super) fn pointers(meta: &'static ModelMeta, ex: &dyn Executor) -> Vec<Pointer> {
    let mut found = Vec::new();
    for child in ex.shared().app().metas() {
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

/// Whether the engine's cascades have the whole answer: nobody listens to a model that loses rows, and every key in
/// reach cascades, becomes NULL, or does nothing, and no row in reach extends another.
pub(super) fn engine_suffices(meta: &'static ModelMeta, ex: &dyn Executor) -> Result<bool> {
    let app = ex.shared().app();
    let mut reached = vec![meta];
    let mut next = 0;
    while let Some(&model) = reached.get(next) {
        next += 1;
        // Against the direction of the key, the engine deletes nothing.
        if model.parent.is_some() {
            return Ok(false);
        }
        if app.typed(model).is_some_and(|typed| app.signals().hears_delete((typed.id)())) {
            return Ok(false);
        }
        for Pointer { child, field, .. } in pointers(model, ex) {
            match field.on_delete {
                OnDelete::Cascade if !reached.contains(&child) => reached.push(child),
                OnDelete::Cascade | OnDelete::SetNull | OnDelete::DbSetNull | OnDelete::DoNothing => {}
                // Rows that the database deletes by itself are not counted, and the engine's count has them.
                OnDelete::DbCascade
                | OnDelete::SetDefault
                | OnDelete::Set(_)
                | OnDelete::Protect
                | OnDelete::Restrict => {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
