//! Constraints that are expressions: checks, and unique constraints over expressions or under a condition.

use std::marker::PhantomData;

use crate::expression::Condition;
use crate::meta::{FieldMeta, ModelMeta};
use crate::node::{Node, Step};
use crate::row::Selection;

/// A constraint of a model, without its type.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintMeta {
    /// Its name.
    pub name: String,
    /// What it demands.
    pub rule: Rule,
    /// What validation says of a row that does not meet it, if not what it says of any constraint.
    pub message: Option<String>,
    /// The code of that message.
    pub code: Option<&'static str>,
}

impl ConstraintMeta {
    /// The fields that are unique together, if it is a unique constraint of plain fields and of all rows.
    pub(crate) fn fields(&self, meta: &'static ModelMeta) -> Option<Vec<&'static FieldMeta>> {
        let Rule::Unique { parts, condition: None, .. } = &self.rule else { return None };
        let field = |part: &Node| match part.unnamed() {
            Node::Path(path) => match path.steps() {
                [Step::Field(field)] | [Step::Field(field), Step::Key] => meta.field(*field),
                _ => None,
            },
            _ => None,
        };
        parts.iter().map(field).collect()
    }
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// A condition that is false for no row.
    Check(Node),
    /// Expressions that no two rows agree in.
    Unique {
        /// The expressions; mostly paths of one field.
        parts: Vec<Node>,
        /// Only rows for which this is true.
        condition: Option<Node>,
        /// Whether two NULLs differ, as the standard says.
        nulls_distinct: bool,
        /// Whether it is checked at commit and not at each statement.
        deferred: bool,
    },
}

/// A constraint of `M`, given in `#[model(constraints = Self::constraints)]`.
///
/// ```
/// use nuages::constraint::{Constraint, check, unique};
/// use nuages::prelude::*;
/// #[derive(Model, Clone)]
/// #[model(constraints = Self::constraints)]
/// pub struct Booking {
///     pub id: Auto<i64>,
///     pub room: i32,
///     pub start: DateTime,
///     pub end: DateTime,
///     pub cancelled: bool,
/// }
/// impl Booking {
///     fn constraints() -> Vec<Constraint<Booking>> {
///         vec![
///             check(Booking::end.gt(Booking::start)).name("end_after_start"),
///             unique((Booking::room, Booking::start)).when(Booking::cancelled.eq(false)).name("one_booking"),
///         ]
///     }
/// }
/// assert_eq!(Booking::meta().constraints.map(|constraints| constraints().len()), Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct Constraint<M> {
    meta: ConstraintMeta,
    model: PhantomData<fn() -> M>,
}

/// A condition that is false for no row; where it is unknown because of a NULL, it holds.
pub fn check<M>(condition: impl Condition<M>) -> Constraint<M> {
    Constraint::new(Rule::Check(condition.into_condition().into_node()))
}

/// Expressions that no two rows agree in.
pub fn unique<M>(parts: impl Selection<M>) -> Constraint<M> {
    let mut nodes = Vec::new();
    parts.collect(&mut nodes);
    Constraint::new(Rule::Unique { parts: nodes, condition: None, nulls_distinct: true, deferred: false })
}

impl<M> Constraint<M> {
    fn new(rule: Rule) -> Constraint<M> {
        Constraint {
            meta: ConstraintMeta { name: String::new(), rule, message: None, code: None },
            model: PhantomData,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut ConstraintMeta)) -> Constraint<M> {
        change(&mut self.meta);
        self
    }

    /// Names it; errors tell the name. Without one it is named after the table.
    #[must_use]
    pub fn name(self, name: &str) -> Constraint<M> {
        self.change(|meta| meta.name = name.into())
    }

    /// What validation says of an instance that does not meet it.
    #[must_use]
    pub fn message(self, message: &str) -> Constraint<M> {
        self.change(|meta| meta.message = Some(message.into()))
    }

    /// By which code a program tells that message from others.
    #[must_use]
    pub fn code(self, code: &'static str) -> Constraint<M> {
        self.change(|meta| meta.code = Some(code))
    }

    /// Only rows that meet a condition must be unique. A check has no condition but itself.
    #[must_use]
    pub fn when(self, when: impl Condition<M>) -> Constraint<M> {
        self.change(|meta| {
            if let Rule::Unique { condition, .. } = &mut meta.rule {
                *condition = Some(when.into_condition().into_node());
            }
        })
    }

    /// Rows with a NULL may be equal no more than others.
    #[must_use]
    pub fn nulls_not_distinct(self) -> Constraint<M> {
        self.change(|meta| {
            if let Rule::Unique { nulls_distinct, .. } = &mut meta.rule {
                *nulls_distinct = false;
            }
        })
    }

    /// Uniqueness is checked at commit and not at each statement.
    #[must_use]
    pub fn deferred(self) -> Constraint<M> {
        self.change(|meta| {
            if let Rule::Unique { deferred, .. } = &mut meta.rule {
                *deferred = true;
            }
        })
    }
}

/// The constraints without their type; the derive calls it.
pub fn into_metas<M>(constraints: Vec<Constraint<M>>) -> Vec<ConstraintMeta> {
    constraints.into_iter().map(|constraint| constraint.meta).collect()
}
