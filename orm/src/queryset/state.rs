//! A queryset without its types: what was asked for, in the order in which it was asked.
//!
//! The typed builder fills it, the verbs that run compile it. Most querysets are a model and a condition or two,
//! so only these lie in the struct; everything else is in [`Clauses`], which is made when first needed and shared
//! between clones until one of them changes it.
//!
//! Order has meaning, as in Django: each `filter` call is a [`Condition`] of its own (over a to-many relation one
//! call speaks of one related row), and whether it came before or after an `annotate` decides whether rows are left
//! out before or after grouping. So a condition remembers how many annotations stood before it, and so do `values`.

use std::sync::{Arc, LazyLock};

use nuages_engine::algebra::SetKind;
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::executor::FetchMode;
use crate::meta::{ModelMeta, OrderMeta};
use crate::node::{FieldPath, Node};
use crate::prefetch::Pushed;
use crate::queryset::{loading::Loading, lock::Lock};
use crate::words::Vocabulary;

/// A queryset without its types. Its `Debug` is the calls it was made by.
#[derive(Clone, PartialEq)]
pub struct QueryState {
    /// Whose rows.
    pub model: &'static ModelMeta,
    /// Which rows: one condition per call of `filter` or `exclude`.
    pub conditions: SmallVec<[Condition; 1]>,
    /// Whether the next condition speaks of the same related rows as the last one.
    sticky: bool,
    /// Everything else; none while nothing else was asked for.
    clauses: Option<Arc<Clauses>>,
}

/// One call of `filter` or `exclude`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What must be true.
    pub node: Node,
    /// Whether rows for which it is true are the ones left out.
    pub exclude: bool,
    /// How many annotations stood before it.
    pub annotations_before: u16,
    /// Whether it speaks of the same related rows as the condition before it, as the first `filter` of a many-to-many
    /// manager does.
    pub follows: bool,
}

/// What a queryset asks for beside its model and conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clauses {
    /// Computed values, in order.
    pub annotations: Vec<Annotation>,
    /// What a row is made of.
    pub shape: Shape,
    /// What rows are grouped by, if an earlier `values` said it and a later one chose other columns.
    pub grouping: Option<Vec<Node>>,
    /// The order of the rows.
    pub ordering: Ordering,
    /// The ordering that stands for the model's own where [`Ordering::Default`] is kept.
    pub default_ordering: Option<&'static [OrderMeta]>,
    /// Whether the order was turned round.
    pub reversed: bool,
    /// Which rows count as the same.
    pub distinct: Distinct,
    /// Which run of the rows.
    pub slice: Slice,
    /// Which fields rows have that need not be whole; all if none.
    pub loading: Option<Loading>,
    /// To-one relations read in the same query.
    pub select_related: Vec<FieldPath>,
    /// Relations read by queries of their own.
    pub prefetch: Vec<Prefetch>,
    /// How the rows are locked.
    pub lock: Option<Lock>,
    /// How what the rows have not brought along is read; as the executor says if none.
    pub fetch_mode: Option<FetchMode>,
    /// The first member of a combination, if that was sliced before; else it is this queryset itself.
    pub first: Option<Arc<QueryState>>,
    /// Querysets combined with this one, each with what stands before it.
    pub combined: Vec<Combination>,
    /// The words that a program has added to Django's, if it has.
    pub(crate) vocabulary: Option<Arc<Vocabulary>>,
    /// Whether it has no row whatever the database holds (`none()`).
    pub empty: bool,
    /// The first mistake in the chain of calls; the verb tells it.
    pub misuse: Option<Box<Error>>,
}

impl Clauses {
    /// How the rows are locked, if that is all they say.
    pub(super) fn lock_alone(&self) -> Option<&Lock> {
        let Clauses {
            annotations,
            shape: Shape::Instances,
            grouping: None,
            ordering: Ordering::Default,
            default_ordering: _,
            reversed: false,
            distinct: Distinct::No,
            slice,
            loading: None,
            select_related,
            prefetch,
            lock: Some(lock),
            fetch_mode: None,
            first: None,
            combined,
            vocabulary: None,
            empty: false,
            misuse: None,
        } = self
        else {
            return None;
        };
        let is_alone = annotations.is_empty()
            && slice.is_all()
            && select_related.is_empty()
            && prefetch.is_empty()
            && combined.is_empty();
        is_alone.then_some(lock)
    }
}

/// A computed value.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// How it is computed. Earlier annotations in it are [`Node::Annotation`].
    pub node: Node,
    /// Whether it is in the row; `alias` leaves it out.
    pub shown: bool,
}

/// What a row is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// An instance of the model, and the shown annotations.
    #[default]
    Instances,
    /// These expressions, and then the annotations made after them; an aggregate among those groups by these.
    Values {
        /// The expressions.
        columns: Vec<Node>,
        /// How many annotations stood before; those that came later are in the row and are grouped by these columns.
        annotations_before: u16,
    },
}

/// The order of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ordering {
    /// The model's.
    #[default]
    Default,
    /// By these; of none, in no order.
    By(Vec<OrderNode>),
}

/// A sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderNode {
    /// What is sorted by; a path that ends at a relation means that model's own ordering.
    pub node: Node,
    /// From the greatest to the least.
    pub descending: bool,
    /// NULLs first or last; if not said, they are the greatest.
    pub nulls_first: Option<bool>,
}

impl OrderNode {
    /// The same sort key of a changed expression.
    pub(crate) fn map(&self, change: &dyn Fn(&Node) -> Node) -> OrderNode {
        OrderNode { node: change(&self.node), descending: self.descending, nulls_first: self.nulls_first }
    }
}

/// Which rows count as the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Distinct {
    /// None.
    #[default]
    No,
    /// Those equal in all their columns.
    Rows,
    /// Those equal in these; the first by the order stays.
    On(Vec<Node>),
}

/// A run of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// How many are left out first.
    pub offset: u64,
    /// How many follow at most.
    pub count: Option<u64>,
}

impl Slice {
    /// Whether it is all rows.
    pub fn is_all(self) -> bool {
        self == Slice::default()
    }

    /// A run of this run.
    pub fn then(self, next: Slice) -> Slice {
        let left = self.count.map(|count| count.saturating_sub(next.offset));
        let count = match (left, next.count) {
            (Some(left), Some(next)) => Some(left.min(next)),
            (left, next) => left.or(next),
        };
        Slice { offset: self.offset.saturating_add(next.offset), count }
    }
}

/// A relation read by a query of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefetch {
    /// The relation.
    pub path: FieldPath,
    /// Which related rows; all of the related model's default manager if none.
    pub queryset: Option<Arc<QueryState>>,
    /// If the rows go to the next `Prefetched` of the row's extras and not to the relation itself: how they are read.
    pub pushed: Option<Pushed>,
}

/// A queryset combined with those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// How.
    pub kind: SetKind,
    /// Whether duplicates are kept.
    pub all: bool,
    /// The other queryset.
    pub other: Arc<QueryState>,
}

impl QueryState {
    /// All rows of a model, in its order.
    pub fn new(model: &'static ModelMeta) -> QueryState {
        QueryState { model, conditions: SmallVec::new(), sticky: false, clauses: None }
    }

    /// What it asks for beside its model and conditions.
    pub fn clauses(&self) -> &Clauses {
        static NOTHING: LazyLock<Clauses> = LazyLock::new(Clauses::default);
        self.clauses.as_deref().unwrap_or(&NOTHING)
    }

    /// The same, to be changed.
    pub fn clauses_mut(&mut self) -> &mut Clauses {
        self.sticky = false;
        Arc::make_mut(self.clauses.get_or_insert_default())
    }

    /// The ordering by expressions of the model, if neither the queryset nor a proxy names one.
    pub fn declared_order(&self) -> Vec<OrderNode> {
        let declared = self.model.ordering_by.filter(|_| self.clauses().default_ordering.is_none());
        declared.map_or_else(Vec::new, |declared| declared())
    }

    /// The ordering by names of the model, or of the proxy, if the queryset names none.
    pub fn default_ordering(&self) -> &'static [OrderMeta] {
        self.clauses().default_ordering.unwrap_or(self.model.ordering)
    }

    /// The words that names are looked up in.
    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        self.clauses().vocabulary.as_deref().unwrap_or(Vocabulary::none())
    }

    /// Whether it asks for nothing beside its model and conditions; then it need not be compiled to be answered by
    /// key.
    pub fn is_plain(&self) -> bool {
        self.clauses.is_none()
    }

    /// Whether it asks for all rows of its model, and for nothing else.
    pub(crate) fn is_all(&self) -> bool {
        self.is_plain() && self.conditions.is_empty()
    }

    /// Narrows it by one more condition, as `filter` does.
    pub(crate) fn add_condition(&mut self, node: Node) {
        self.push_condition(node, false);
    }

    /// Adds a condition after those that are there.
    pub(super) fn push_condition(&mut self, node: Node, exclude: bool) {
        let follows = std::mem::take(&mut self.sticky);
        if node.is_all() {
            return;
        }
        let annotations_before = self.annotation_count();
        self.conditions.push(Condition { node, exclude, annotations_before, follows });
    }

    /// Lets the next condition speak of the same related rows as the last one, if it comes at once.
    pub(crate) fn stick(&mut self) {
        self.sticky = true;
    }

    /// Keeps a mistake, if it is the first.
    pub fn misuse(&mut self, why: impl Into<Error>) {
        self.clauses_mut().misuse.get_or_insert_with(|| Box::new(why.into()));
    }

    /// The mistake that was kept, as an error. Every verb asks this first.
    pub fn sound(&self) -> Result<()> {
        self.clauses().misuse.as_deref().map_or(Ok(()), |misuse| Err(misuse.clone()))
    }
}
