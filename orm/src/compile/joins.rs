//! The joins of one query level, and Django's rules for them: when a join is shared, when it is inner or left.
//!
//! The rules are those of `Query.join`, `promote_joins`, `demote_joins` and `JoinPromoter`
//! (django/db/models/sql/query.py), because they decide which rows a queryset has:
//!
//! - A hop along a key shares a join that is there. A hop to many rows shares one only if the caller may: inside one
//!   `filter` call (which speaks of *one* related row), or from an annotation, an ordering, `values`.
//! - A new join is left if it may find nothing (the key may be NULL, the hop is against its direction) or stands on
//!   a left join. A condition that cannot be true for a missing row then makes it inner; a disjunction does so only
//!   if each of its branches asks for it, and otherwise makes it left again.

use nuages_engine::algebra::{Expr, JoinKind, Relation, Source};
use nuages_storage::{TableId, Value};
use smallvec::SmallVec;

use crate::{meta::ModelMeta, node::Node};

/// A join by its place; 0 is the queryset's own table.
pub(super) type JoinId = usize;

/// Joins by their places.
pub(super) type JoinSet = SmallVec<[JoinId; 4]>;

/// One table in the FROM of a query level.
#[derive(Debug)]
pub(super) struct Join {
    /// What its columns are named by.
    pub(super) source: Source,
    pub(super) table: TableId,
    /// What it is joined to; none of the first.
    pub(super) parent: Option<Link>,
    pub(super) kind: JoinKind,
}

/// How a join hangs on another.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) parent: JoinId,
    pub(super) hop: Hop,
    /// A condition that narrows the joined rows, and the node it came from, by which it is found again.
    pub(super) narrowed: Option<(Node, Option<Expr>)>,
}

/// One step from table to table, along or against a foreign key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hop {
    pub(super) table: TableId,
    /// The place of the column on the near side.
    pub(super) near: usize,
    /// The place of the column on the far side.
    pub(super) far: usize,
    /// Whether it may lead to more than one row.
    pub(super) many: bool,
    /// Whether it goes along the foreign key and not against it.
    pub(super) along: bool,
    /// Whether it may lead to no row.
    pub(super) nullable: bool,
    /// What else must be true of the two rows.
    pub(super) guard: Option<Guard>,
}

/// A column that says of which model a row is at which a generic key points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guard {
    /// Whether the near side has it.
    pub(super) is_near: bool,
    /// The place of the column.
    pub(super) column: usize,
    /// The model.
    pub(super) model: &'static ModelMeta,
}

impl Hop {
    /// What must be true of two rows for the hop to lead from one to the other.
    fn condition(&self, near: Source, far: Source) -> Expr {
        let meet = Expr::Column(near.column(self.near)).equals(Expr::Column(far.column(self.far)));
        match self.guard {
            Some(guard) if guard.is_near => meet.and(guard.condition(near)),
            _ => self.guarded(far, meet),
        }
    }

    /// A condition, and what else must be true of a row on the far side.
    pub(super) fn guarded(&self, far: Source, condition: Expr) -> Expr {
        match self.guard {
            Some(guard) if !guard.is_near => condition.and(guard.condition(far)),
            _ => condition,
        }
    }
}

impl Guard {
    fn condition(&self, side: Source) -> Expr {
        let label = Value::Text(self.model.label());
        Expr::Column(side.column(self.column)).equals(Expr::Literal(label))
    }
}

/// Which joins to many rows may be shared.
#[derive(Debug)]
pub(super) enum Reuse {
    /// All.
    All,
    /// Those that this call of `filter` made.
    Only(JoinSet),
}

impl Reuse {
    fn allows(&self, join: JoinId) -> bool {
        match self {
            Reuse::All => true,
            Reuse::Only(joins) => joins.contains(&join),
        }
    }

    /// Lets what follows in the same call share these.
    pub(super) fn extend(&mut self, more: &[JoinId]) {
        if let Reuse::Only(joins) = self {
            joins.extend_from_slice(more);
        }
    }
}

/// The FROM of a query level.
#[derive(Debug)]
pub(super) struct Joins(Vec<Join>);

impl Joins {
    pub(super) fn new(source: Source, table: TableId) -> Joins {
        Joins(vec![Join { source, table, parent: None, kind: JoinKind::Inner }])
    }

    pub(super) fn get(&self, id: JoinId) -> &Join {
        &self.0[id]
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which join has this source.
    pub(super) fn by_source(&self, source: Source) -> Option<JoinId> {
        self.0.iter().position(|join| join.source == source)
    }

    pub(super) fn is_left(&self, id: JoinId) -> bool {
        self.0[id].kind == JoinKind::Left
    }

    /// The latest join that a hop from `parent` may share.
    pub(super) fn find(
        &self,
        parent: JoinId,
        hop: &Hop,
        narrowed: Option<&Node>,
        reuse: &Reuse,
    ) -> Option<JoinId> {
        let same = |join: &Join| {
            join.parent.as_ref().is_some_and(|link| {
                link.parent == parent
                    && link.hop == *hop
                    && link.narrowed.as_ref().map(|(node, _)| node) == narrowed
            })
        };
        (0..self.0.len()).rev().find(|&id| same(&self.0[id]) && (!hop.many || reuse.allows(id)))
    }

    /// A new join.
    pub(super) fn add(&mut self, source: Source, parent: JoinId, hop: Hop, narrowed: Option<Node>) -> JoinId {
        let left = hop.nullable || self.is_left(parent);
        let kind = if left { JoinKind::Left } else { JoinKind::Inner };
        let narrowed = narrowed.map(|node| (node, None));
        let link = Link { parent, hop, narrowed };
        self.0.push(Join { source, table: hop.table, parent: Some(link), kind });
        self.0.len() - 1
    }

    /// Sets the condition of a narrowed join.
    pub(super) fn narrow(&mut self, id: JoinId, condition: Expr) {
        if let Some(Link { narrowed: Some((_, on)), .. }) = &mut self.0[id].parent {
            *on = Some(condition);
        }
    }

    /// Makes joins left where they may find nothing, and all that stand on them.
    pub(super) fn promote(&mut self, ids: &[JoinId]) {
        let mut queue = JoinSet::from_slice(ids);
        while let Some(id) = queue.pop() {
            let Some(link) = &self.0[id].parent else { continue };
            if (link.hop.nullable || self.is_left(link.parent)) && !self.is_left(id) {
                self.0[id].kind = JoinKind::Left;
                queue.extend(self.children(id));
            }
        }
    }

    /// Makes joins inner, and all that they stand on.
    pub(super) fn demote(&mut self, ids: &[JoinId]) {
        let mut queue = JoinSet::from_slice(ids);
        while let Some(id) = queue.pop() {
            if self.is_left(id) {
                self.0[id].kind = JoinKind::Inner;
                queue.extend(self.0[id].parent.as_ref().map(|link| link.parent));
            }
        }
    }

    fn children(&self, of: JoinId) -> JoinSet {
        let stands_on = |join: &Join| join.parent.as_ref().is_some_and(|link| link.parent == of);
        (0..self.0.len()).filter(|&id| stands_on(&self.0[id])).collect()
    }

    /// The joins that are inner now.
    pub(super) fn inner(&self) -> JoinSet {
        (1..self.0.len()).filter(|&id| !self.is_left(id)).collect()
    }

    /// Adds what `ids` stand on.
    pub(super) fn close(&self, ids: &mut [bool]) {
        for id in (0..self.0.len()).rev() {
            if let (true, Some(link)) = (ids[id], &self.0[id].parent) {
                ids[link.parent] = true;
            }
        }
    }

    /// The rows of the joins for which `keep` is true, in the order they were made.
    pub(super) fn relation(&self, keep: impl Fn(JoinId) -> bool) -> Relation {
        self.relation_from(0, keep)
    }

    /// The rows without the first table, on which nothing but the second stands.
    pub(super) fn relation_without_first(&self) -> Relation {
        self.relation_from(1, |_| true)
    }

    fn relation_from(&self, first: JoinId, keep: impl Fn(JoinId) -> bool) -> Relation {
        let mut relation = Relation::scan(self.0[first].table, self.0[first].source);
        for (id, join) in self.0.iter().enumerate().skip(first + 1) {
            if let (true, Some(link)) = (keep(id), &join.parent) {
                let mut on = link.hop.condition(self.0[link.parent].source, join.source);
                if let Some((_, Some(condition))) = &link.narrowed {
                    on = on.and(condition.clone());
                }
                relation = relation.join(join.kind, Relation::scan(join.table, join.source), on);
            }
        }
        relation
    }
}

/// Counts, over the branches of a condition, which joins each asks to be inner; Django's `JoinPromoter`.
pub(super) struct Promoter {
    any: bool,
    branches: usize,
    votes: SmallVec<[(JoinId, usize); 4]>,
}

impl Promoter {
    /// For `branches` operands of which `any` (or, inside a negation, not all) must be true.
    pub(super) fn new(any: bool, branches: usize, negated: bool) -> Promoter {
        Promoter { any: any != negated, branches, votes: SmallVec::new() }
    }

    /// One branch's wish.
    pub(super) fn vote(&mut self, wanted: &[JoinId]) {
        let mut seen = JoinSet::new();
        for &id in wanted {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            match self.votes.iter_mut().find(|(voted, _)| *voted == id) {
                Some((_, count)) => *count += 1,
                None => self.votes.push((id, 1)),
            }
        }
    }

    /// Makes joins left and inner accordingly, and says which the whole condition asks to be inner.
    pub(super) fn finish(self, joins: &mut Joins) -> JoinSet {
        let (mut promote, mut demote) = (JoinSet::new(), JoinSet::new());
        for (id, votes) in self.votes {
            if self.any && votes < self.branches {
                promote.push(id);
            } else {
                demote.push(id);
            }
        }
        joins.promote(&promote);
        joins.demote(&demote);
        demote
    }
}
