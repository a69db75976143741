//! Finishing a query level: WHERE, grouping, HAVING, DISTINCT, ORDER BY, LIMIT.
//!
//! Until here an aggregate is a column of the scope's `group` source. If a level has any, its rows are grouped: by the
//! keys asked for and, as in Django, by everything else that is selected, sorted by or tested beside the aggregates.
//! A condition that mentions an aggregate is tested after grouping, as a whole if it is a disjunction. Window functions
//! are computed over what is then left, and conditions on them are tested last.
//!
//! **Branches.** Joins to two different to-many relations multiply each other's rows. Django lets the aggregates of
//! both see the product (and documents it as a bug); here each sees its own branch only: the level is computed once
//! for each branch and the groups are put side by side, which their common keys allow. A relation and one beyond it
//! (`albums`, `albums.tracks`) are one branch.

use nuages_engine::algebra::{
    Aggregate, Column, Comparison, Expr, JoinKind, Relation, SortKey, Source, WindowFunction,
};

use super::{
    Compiler, ScopeId,
    joins::Joins,
    rewrite::{self, Rewrite},
    window,
};
use crate::queryset::state::Slice;

/// What is wanted of a level.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The columns of its rows.
    pub(super) outputs: Vec<Expr>,
    pub(super) order: Vec<SortKey>,
    pub(super) distinct: Unique,
    pub(super) slice: Slice,
    /// What rows are grouped by; none leaves the decision to whether there are aggregates.
    pub(super) keys: Option<Vec<Expr>>,
    /// The level's window functions, if any of the others mentions one. [`Compiler::finish`] puts them here.
    pub(super) windows: Vec<WindowFunction>,
    /// What must be true of a row and its windows. [`Compiler::finish`] puts it here.
    pub(super) qualify: Vec<Expr>,
}

impl Wanted {
    /// Every expression that stands above the level's rows.
    pub(super) fn expressions_mut(&mut self) -> Vec<&mut Expr> {
        let Wanted { outputs, order, distinct, windows, qualify, keys: _, slice: _ } = self;
        let distinct = match distinct {
            Unique::No => &mut [][..],
            Unique::By(on) | Unique::First(on) => on,
        };
        let order = order.iter_mut().map(|key| &mut key.expr);
        let windows = windows.iter_mut().flat_map(WindowFunction::expressions_mut);
        outputs.iter_mut().chain(order).chain(distinct).chain(qualify).chain(windows).collect()
    }
}

/// Which rows count as the same.
#[derive(Debug, Default)]
pub(super) enum Unique {
    #[default]
    No,
    /// Those equal in these, and in what they are sorted by.
    By(Vec<Expr>),
    /// Those equal in these; the first by the order stays.
    First(Vec<Expr>),
}

impl Compiler<'_> {
    /// The rows of a level, and its outputs as expressions over them.
    pub(super) fn finish(&mut self, scope: ScopeId, mut wanted: Wanted) -> (Relation, Vec<Expr>) {
        let mut conjuncts = Vec::new();
        for predicate in std::mem::take(&mut self.scopes[scope].predicate) {
            match predicate {
                Expr::And(parts) => conjuncts.extend(parts),
                other => conjuncts.push(other),
            }
        }
        let (group, above) = (self.scopes[scope].group, self.scopes[scope].window);
        let windows = std::mem::take(&mut self.scopes[scope].windows);
        if !windows.is_empty() {
            (wanted.qualify, conjuncts) =
                conjuncts.into_iter().partition(|conjunct| rewrite::mentions(conjunct, above));
            if wanted.expressions_mut().iter().any(|expr| rewrite::mentions(expr, above)) {
                wanted.windows = windows;
            }
        }
        let mut aggregates = std::mem::take(&mut self.scopes[scope].aggregates);
        let in_groups = wanted.keys.is_some() || !aggregates.is_empty();
        let mut of_draws = Vec::new();
        if in_groups {
            let keys = wanted.keys.iter_mut().flatten();
            self.draw_in_place(scope, keys.chain(&mut conjuncts));
            self.draw_in_place(scope, wanted.expressions_mut());
            self.draw_in_place(scope, aggregates.iter_mut().flat_map(Aggregate::expressions_mut));
        } else if !self.scopes[scope].draws.is_empty() {
            let drawn = self.scopes[scope].drawn;
            (of_draws, conjuncts) =
                conjuncts.into_iter().partition(|conjunct| rewrite::mentions(conjunct, drawn));
        }
        let (having, rows): (Vec<_>, Vec<_>) =
            conjuncts.into_iter().partition(|conjunct| rewrite::mentions(conjunct, group));
        let mut relation = if !in_groups {
            let relation = self.scopes[scope].joins.relation(|_| true);
            let relation = if rows.is_empty() { relation } else { relation.filter(Expr::And(rows)) };
            match self.scopes[scope].draws.is_empty() {
                true => relation,
                false => self.with_draws(scope, relation, of_draws, &mut wanted),
            }
        } else {
            self.group(scope, &aggregates, &rows, having, &mut wanted)
        };
        relation = window::above(relation, above, wanted.windows, wanted.qualify);
        let Wanted { outputs, order, distinct, slice, .. } = wanted;
        if let Unique::By(mut on) = distinct {
            on.extend(order.iter().map(|key| key.expr.clone()));
            relation = relation.distinct(on);
            relation = if order.is_empty() { relation } else { relation.sort(order) };
        } else {
            relation = if order.is_empty() { relation } else { relation.sort(order) };
            if let Unique::First(on) = distinct {
                relation = relation.distinct(on);
            }
        }
        (self.sliced(scope, relation, slice), outputs)
    }

    /// The groups of a level that pass `having`; what is wanted becomes expressions over them.
    fn group(
        &mut self,
        scope: ScopeId,
        aggregates: &[Aggregate],
        rows: &[Expr],
        mut having: Vec<Expr>,
        wanted: &mut Wanted,
    ) -> Relation {
        let out = self.source();
        let joins = &self.scopes[scope].joins;
        let (group, window) = (self.scopes[scope].group, self.scopes[scope].window);
        let mut lift = Lift { keys: Vec::new(), out, group, window, joins };
        for key in wanted.keys.take().into_iter().flatten() {
            lift.key(key);
        }
        having.iter_mut().for_each(|condition| lift.expr(condition));
        wanted.expressions_mut().into_iter().for_each(|expr| lift.expr(expr));
        let keys = lift.keys;

        let lifted: Vec<&mut Expr> = having.iter_mut().chain(wanted.expressions_mut()).collect();
        let mut used = vec![false; aggregates.len()];
        for expr in &lifted {
            rewrite::columns(expr, &mut |column| {
                if column.source() == group {
                    used[column.index()] = true;
                }
            });
        }
        let used: Vec<usize> = (0..aggregates.len()).filter(|&index| used[index]).collect();
        let plain: Vec<&Expr> =
            self.scopes[scope].annotations.iter().filter(|one| !rewrite::mentions(one, group)).collect();
        let fixed: Vec<&Expr> = rows.iter().chain(&keys).chain(plain).collect();
        let branches = branches(&self.scopes[scope].joins, &fixed, aggregates, &used);

        let mut places: Vec<Option<Column>> = vec![None; aggregates.len()];
        let mut relation: Option<Relation> = None;
        for branch in branches {
            let source = if relation.is_none() { out } else { self.source() };
            for (at, &index) in branch.aggregates.iter().enumerate() {
                places[index] = Some(source.column(keys.len() + at));
            }
            let computed = branch.aggregates.iter().map(|&index| aggregates[index].clone()).collect();
            let input = self.scopes[scope].joins.relation(|id| branch.joins[id]);
            let input = if rows.is_empty() { input } else { input.filter(Expr::And(rows.to_vec())) };
            let mut groups = input.aggregate(source, keys.clone(), computed);
            relation = Some(match relation {
                None => groups,
                Some(left) => {
                    rewrite::relation(&mut groups, &mut Renumber::keeping(self, source));
                    left.join(JoinKind::Inner, groups, same_keys(out, source, keys.len()))
                }
            });
        }
        let mut place = Place { group, places };
        lifted.into_iter().for_each(|expr| rewrite::expr(expr, &mut place));
        let relation = relation.unwrap_or(Relation::Unit);
        if having.is_empty() { relation } else { relation.filter(Expr::And(having)) }
    }
}

/// The groups of two branches that have the same keys.
fn same_keys(left: Source, right: Source, count: usize) -> Expr {
    let same =
        |key| Expr::Column(left.column(key)).compare(Comparison::Same, Expr::Column(right.column(key)));
    Expr::And((0..count).map(same).collect())
}

/// Turns what stands above a grouping into expressions over its keys; aggregates stay as they are.
struct Lift<'j> {
    keys: Vec<Expr>,
    out: Source,
    group: Source,
    window: Source,
    joins: &'j Joins,
}

impl Lift<'_> {
    /// Is this expression the same in all rows? Then it need not be grouped by.
    fn is_fixed(&self, expr: &Expr) -> bool {
        let mut fixed = true;
        rewrite::columns(expr, &mut |column| fixed &= self.joins.by_source(column.source()).is_none());
        fixed
    }

    /// The place of a key, which is added if it is not there.
    fn key(&mut self, expr: Expr) -> usize {
        self.keys.iter().position(|key| *key == expr).unwrap_or_else(|| {
            self.keys.push(expr);
            self.keys.len() - 1
        })
    }

    fn expr(&mut self, expr: &mut Expr) {
        if rewrite::mentions(expr, self.group) || rewrite::mentions(expr, self.window) {
            match expr {
                Expr::Column(_) => {}
                Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..) => rewrite::expr(expr, self),
                other => other.children_mut().into_iter().for_each(|child| self.expr(child)),
            }
        } else if !self.is_fixed(expr) {
            let key = self.key(expr.clone());
            *expr = Expr::Column(self.out.column(key));
        }
    }
}

/// Inside a subquery only single columns of the level can be keys.
impl Rewrite for Lift<'_> {
    fn column(&mut self, column: Column) -> Option<Expr> {
        self.joins.by_source(column.source())?;
        let key = self.key(Expr::Column(column));
        Some(Expr::Column(self.out.column(key)))
    }
}

/// Puts the computed aggregates in the place of their placeholders.
struct Place {
    group: Source,
    places: Vec<Option<Column>>,
}

impl Rewrite for Place {
    fn column(&mut self, column: Column) -> Option<Expr> {
        if column.source() != self.group {
            return None;
        }
        self.places.get(column.index()).copied().flatten().map(Expr::Column)
    }
}

/// Gives every source of a relation a new number, so that a copy can stand beside the original.
struct Renumber<'a, 'c> {
    compiler: &'a mut Compiler<'c>,
    keep: Source,
    renamed: Vec<(Source, Source)>,
}

impl<'a, 'c> Renumber<'a, 'c> {
    fn keeping(compiler: &'a mut Compiler<'c>, keep: Source) -> Renumber<'a, 'c> {
        Renumber { compiler, keep, renamed: Vec::new() }
    }
}

impl Rewrite for Renumber<'_, '_> {
    fn column(&mut self, column: Column) -> Option<Expr> {
        let (_, new) = self.renamed.iter().rev().find(|(old, _)| *old == column.source())?;
        Some(Expr::Column(if column.is_row_id() { new.row_id() } else { new.column(column.index()) }))
    }

    fn source(&mut self, source: Source) -> Source {
        if source == self.keep {
            return source;
        }
        let new = self.compiler.source();
        self.renamed.push((source, new));
        new
    }
}

/// The aggregates that are computed together, and the joins they are computed over.
struct Branch {
    aggregates: Vec<usize>,
    joins: Vec<bool>,
}

/// Divides aggregates by the to-many joins that they alone need. `fixed` is what else the level is made of.
fn branches(joins: &Joins, fixed: &[&Expr], aggregates: &[Aggregate], used: &[usize]) -> Vec<Branch> {
    let mut base = vec![false; joins.len()];
    base[0] = true;
    fixed.iter().for_each(|expr| mark(joins, expr, &mut base));
    joins.close(&mut base);
    let own: Vec<Vec<bool>> = used
        .iter()
        .map(|&index| {
            let mut own = vec![false; joins.len()];
            let Aggregate { argument, second, filter, order_by, .. } = &aggregates[index];
            let parts = argument.iter().chain(second).chain(filter);
            let keys = order_by.iter().map(|key| &key.expr);
            parts.chain(keys).for_each(|expr| mark(joins, expr, &mut own));
            joins.close(&mut own);
            own.iter().zip(&base).map(|(own, base)| *own && !base).collect()
        })
        .collect();
    let is_many = |id: usize| joins.get(id).parent.as_ref().is_some_and(|link| link.hop.many);
    let many: Vec<Vec<usize>> =
        own.iter().map(|own| (0..own.len()).filter(|&id| own[id] && is_many(id)).collect()).collect();
    let within = |a: &[usize], b: &[usize]| a.iter().all(|id| b.contains(id));

    let mut widest: Vec<&[usize]> = Vec::new();
    for set in &many {
        if !many.iter().any(|other| other.len() > set.len() && within(set, other))
            && !widest.contains(&&set[..])
        {
            widest.push(set);
        }
    }
    if widest.len() <= 1 {
        return vec![Branch { aggregates: used.to_vec(), joins: vec![true; joins.len()] }];
    }
    // What no aggregate has for itself belongs to the level.
    for id in 0..joins.len() {
        base[id] |= !own.iter().any(|own| own[id]);
    }
    let mut found: Vec<(&[usize], Branch)> = Vec::new();
    for (at, &index) in used.iter().enumerate() {
        let mut wider = widest.iter().filter(|set| within(&many[at], set));
        let set = match (wider.next(), wider.next()) {
            (Some(only), None) => only,
            _ => &many[at][..],
        };
        let place = found.iter().position(|(known, _)| *known == set).unwrap_or_else(|| {
            found.push((set, Branch { aggregates: Vec::new(), joins: base.clone() }));
            found.len() - 1
        });
        let branch = &mut found[place].1;
        branch.aggregates.push(index);
        branch.joins.iter_mut().zip(&own[at]).for_each(|(join, own)| *join |= own);
    }
    found.into_iter().map(|(_, branch)| branch).collect()
}

/// Marks the joins whose columns an expression mentions.
fn mark(joins: &Joins, expr: &Expr, marks: &mut [bool]) {
    rewrite::columns(expr, &mut |column| {
        if let Some(id) = joins.by_source(column.source()) {
            marks[id] = true;
        }
    });
}
