//! Which fields are read: what `only` and `defer` leave of the rows, and of those that `select_related` joins.
//!
//! The calls combine as Django's do: `defer` adds to what is deferred, or takes from what is read; `only` says anew
//! what is read, less what an earlier `defer` has named. A path through a relation speaks of the row that is joined
//! there.

use crate::meta::{FieldKind, ModelMeta};
use crate::node::{FieldPath, Step};

/// Fields that are read, or that are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Loading {
    /// Paths to fields: the only ones that are read, or if `deferred`, those that are not.
    fields: Vec<FieldPath>,
    deferred: bool,
    /// The fields of the queryset's own model that are read.
    own: Vec<u16>,
}

impl Loading {
    /// Everything is read.
    pub(crate) fn all(model: &'static ModelMeta) -> Loading {
        let mut loading = Loading { fields: Vec::new(), deferred: true, own: Vec::new() };
        loading.settle(model);
        loading
    }

    /// These fields of the model itself, and its key.
    pub(crate) fn of(model: &'static ModelMeta, fields: impl Iterator<Item = u16>) -> Loading {
        let fields = fields.map(FieldPath::field).collect();
        let mut loading = Loading { fields, deferred: false, own: Vec::new() };
        loading.settle(model);
        loading
    }

    /// Reads these fields and no others, but for those that are deferred already.
    pub(crate) fn only(&mut self, model: &'static ModelMeta, mut fields: Vec<FieldPath>) {
        if self.deferred {
            fields.retain(|field| !self.fields.contains(field));
        }
        self.fields = fields;
        self.deferred = false;
        self.settle(model);
    }

    /// Reads all but these fields too.
    pub(crate) fn defer(&mut self, model: &'static ModelMeta, fields: Vec<FieldPath>) {
        if self.deferred {
            self.fields.extend(fields);
        } else {
            let (mut kept, named) = (self.fields.clone(), fields.clone());
            kept.retain(|field| !named.contains(field));
            self.deferred = kept.is_empty();
            self.fields = match self.deferred {
                true => fields.into_iter().filter(|field| !self.fields.contains(field)).collect(),
                false => kept,
            };
        }
        self.settle(model);
    }

    fn settle(&mut self, model: &'static ModelMeta) {
        self.own =
            self.of_joined(model, &[]).unwrap_or_else(|| model.columns().map(|(field, _)| field).collect());
    }

    /// The fields of the queryset's own model that are read, in the order of their columns.
    pub(crate) fn own(&self) -> &[u16] {
        &self.own
    }

    /// The fields that are read of a model which is joined at the end of these steps; none if it is whole.
    pub(crate) fn of_joined(&self, model: &'static ModelMeta, steps: &[Step]) -> Option<Vec<u16>> {
        let beyond = |path: &FieldPath| match path.steps().strip_prefix(steps) {
            Some([Step::Field(field), rest @ ..]) => Some((*field, rest.is_empty())),
            _ => None,
        };
        let mut named: Vec<(u16, bool)> = self.fields.iter().filter_map(beyond).collect();
        if named.is_empty() {
            return None;
        }
        let is_generic =
            |field: u16| model.field(field).is_some_and(|field| matches!(field.kind, FieldKind::Generic));
        let keys: Vec<u16> =
            named.iter().map(|(field, _)| *field).filter(|field| is_generic(*field)).collect();
        named.extend(keys.into_iter().flat_map(FieldKind::generic_columns).map(|column| (column, true)));
        let is_read = |field: u16| {
            model.primary_key.contains(&field)
                || match self.deferred {
                    true => !named.contains(&(field, true)),
                    false => named.iter().any(|(named, _)| *named == field),
                }
        };
        let read: Vec<u16> =
            model.columns().map(|(field, _)| field).filter(|field| is_read(*field)).collect();
        (read.len() < model.column_count()).then_some(read)
    }
}
