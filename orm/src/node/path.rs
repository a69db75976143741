//! Ways from a model to a field: by model and place, never by text.

use smallvec::SmallVec;

use crate::meta::{FieldMeta, ModelMeta};

/// One step from a model to a field of it, or to a model that points at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A field: a column, a forward relation or a declared reverse one, by its place in the model's fields.
    Field(u16),
    /// The other side of a relation which this side has not declared.
    Back {
        /// The model that has the relation.
        child: &'static ModelMeta,
        /// Its place there.
        field: u16,
    },
    /// A generic key, as far as it points at rows of one model.
    To {
        /// Its place in the model's fields.
        field: u16,
        /// The model that it leads to.
        target: &'static ModelMeta,
    },
    /// After a relation: the key itself, as in `author_id`. It is the same value as the relation's, but never stands
    /// for the related row: it is sorted by as a value.
    Key,
}

impl Step {
    /// The field this step takes from `model`: of the model itself, or of the child that points back at it.
    pub fn field(self, model: &'static ModelMeta) -> Option<&'static FieldMeta> {
        match self {
            Step::Field(index) | Step::To { field: index, .. } => model.field(index),
            Step::Back { child, field } => child.field(field),
            Step::Key => model.field(*model.primary_key.first()?),
        }
    }

    /// The model where this step ends, if it follows a relation.
    pub fn target(self, model: &'static ModelMeta) -> Option<&'static ModelMeta> {
        match self {
            Step::Field(index) => model.field(index)?.related_model(),
            Step::Back { child: target, .. } | Step::To { target, .. } => Some(target),
            Step::Key => None,
        }
    }
}

/// A way from the queryset's model to a field, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldPath(SmallVec<[Step; 2]>);

impl FieldPath {
    /// The path that has not left its model.
    pub fn new() -> FieldPath {
        FieldPath(SmallVec::new())
    }

    /// The path to a field of the model itself.
    pub fn field(index: u16) -> FieldPath {
        let mut path = FieldPath::new();
        path.push(Step::Field(index));
        path
    }

    /// Goes on by one step.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// This path and then another.
    pub fn join(mut self, rest: &FieldPath) -> FieldPath {
        self.0.extend_from_slice(&rest.0);
        self
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The field it ends at, if every step exists.
    pub fn last_field(&self, model: &'static ModelMeta) -> Option<&'static FieldMeta> {
        let (last, before) = self.0.split_last()?;
        let model = before.iter().try_fold(model, |model, step| step.target(model))?;
        last.field(model)
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> FieldPath {
        FieldPath(steps.into_iter().collect())
    }
}
