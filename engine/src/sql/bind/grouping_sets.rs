//! ROLLUP, CUBE and GROUPING SETS: several groupings of the same rows, one after another.
//!
//! The rows are computed once, as a work table, and grouped by each set; the groupings are a union. A key that a set
//! lacks is NULL in its rows. Which keys those are is a key itself: a number that has a bit for each, which
//! `GROUPING()` reads. While expressions are bound it is a column of a source that nothing else has; when they are put
//! over the groups it becomes one of theirs, as any key does.

use hashbrown::HashMap;
use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::grouping::Grouping;
use super::scope::Scope;
use super::typed::{TEXT, Typed};
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::walk::{ColumnSet, add_columns, sources_of, substitute};
use crate::algebra::{Arithmetic, Column, Expr, OutputColumn, Query, Relation, SetKind, Source};
use crate::sql::error::{Problem, SqlError};

/// How many groupings there may be, as in PostgreSQL.
const SETS_MAX: usize = 4096;

/// How many keys there may be beside others: a bit for each.
const KEYS_MAX: usize = 62;

/// Which keys are grouped by, one grouping after another.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    /// The keys of each grouping, as places among all of them.
    sets: Vec<Vec<usize>>,
    /// The types of all keys.
    kinds: Vec<Option<DataType>>,
    /// What stands for the keys that a grouping lacks, as bits.
    lacking: Column,
}

impl Sets {
    /// The key that says which keys are lacking.
    pub(super) fn key(&self) -> Expr {
        Expr::Column(self.lacking)
    }

    /// Whether every grouping has a key.
    pub(super) fn all_have(&self, key: usize) -> bool {
        self.sets.iter().all(|set| set.contains(&key))
    }

    /// The keys that a set lacks, the first as the lowest bit.
    fn lacking_in(&self, set: &[usize]) -> i64 {
        (0..self.kinds.len()).filter(|key| !set.contains(key)).map(|key| 1 << key).sum()
    }
}

/// The combinations of keys that an element of GROUP BY stands for; a key by itself is one of one.
pub(super) fn combinations(expr: &Ast) -> Bound<Vec<Vec<&Ast>>> {
    let sets = match expr {
        Ast::Rollup(groups) => {
            let first = |length: usize| groups.iter().take(length).flatten().collect();
            (0..=groups.len()).rev().map(first).collect()
        }
        Ast::Cube(groups) if groups.len() <= SETS_MAX.ilog2() as usize => {
            let has = |set: usize, place: usize| set >> (groups.len() - 1 - place) & 1 == 1;
            let chosen = |set: usize| {
                let groups = groups.iter().enumerate().filter(|(place, _)| has(set, *place));
                groups.flat_map(|(_, group)| group).collect()
            };
            (0..1_usize << groups.len()).rev().map(chosen).collect()
        }
        Ast::Cube(_) => return Err(SqlError::at(too_many(), begin_of(expr))),
        // One of them may be several itself.
        Ast::GroupingSets(groups) => {
            let mut sets = Vec::with_capacity(groups.len());
            for group in groups {
                match group.as_slice() {
                    [inner @ (Ast::Rollup(_) | Ast::Cube(_) | Ast::GroupingSets(_))] => {
                        sets.extend(combinations(inner)?);
                    }
                    group => sets.push(group.iter().collect()),
                }
            }
            sets
        }
        expr => vec![vec![expr]],
    };
    Ok(sets)
}

/// Each of the combinations so far with each of more.
pub(super) fn crossed<'g>(so_far: &[Vec<&'g Ast>], more: &[Vec<&'g Ast>]) -> Bound<Vec<Vec<&'g Ast>>> {
    if so_far.len() * more.len() > SETS_MAX {
        return Err(too_many().into());
    }
    let pair = |first: &Vec<&'g Ast>, second: &Vec<&'g Ast>| first.iter().chain(second).copied().collect();
    Ok(so_far.iter().flat_map(|first| more.iter().map(move |second| pair(first, second))).collect())
}

fn too_many() -> Problem {
    unsupported(format!("a GROUP BY of more than {SETS_MAX} grouping sets"))
}

impl Binder<'_> {
    /// The groupings, when it is known which keys there are.
    pub(super) fn sets(&mut self, sets: Vec<Vec<usize>>, kinds: Vec<Option<DataType>>) -> Bound<Sets> {
        if kinds.len() > KEYS_MAX {
            return Err(
                unsupported(format!("a GROUP BY of more than {KEYS_MAX} keys in grouping sets")).into()
            );
        }
        Ok(Sets { sets, kinds, lacking: self.source().column(0) })
    }

    /// `GROUPING(a, b)`: which of the keys a row's grouping lacks, the last as the lowest bit.
    pub(super) fn grouping_call(
        &mut self,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let Some(grouping) = &scope.grouping else {
            let (function, clause) = ("grouping".to_owned(), scope.clause);
            return Err(SqlError::at(Problem::AggregateHere { function, clause }, span));
        };
        let arguments = super::function::plain_arguments(call, "grouping", span)?;
        let mut result: Option<Expr> = None;
        for argument in arguments {
            let bound = self.value_of(argument, scope)?.expr;
            let grouping = grouping.borrow();
            let Some(key) = grouping.keys.iter().position(|key| *key == bound) else {
                let problem = unsupported("GROUPING() of what is no key of GROUP BY");
                return Err(SqlError::at(problem, begin_of(argument)));
            };
            let number = |number: i64| Expr::Literal(Value::Int(number));
            let bit = match &grouping.sets {
                None => number(0),
                Some(sets) => {
                    let shifted = sets.key().arithmetic(Arithmetic::ShiftRight, number(key as i64));
                    shifted.arithmetic(Arithmetic::BitAnd, number(1))
                }
            };
            result = Some(match result {
                None => bit,
                Some(before) => {
                    let before = before.arithmetic(Arithmetic::ShiftLeft, number(1));
                    before.arithmetic(Arithmetic::BitOr, bit)
                }
            });
        }
        let result =
            result.ok_or_else(|| super::function::arity("grouping", "a key of GROUP BY", 0, span))?;
        Ok(Typed::new(result, DataType::BigInt))
    }

    /// The groups of a relation.
    pub(super) fn groups(&mut self, relation: Relation, grouping: Grouping, scope: &Scope<'_>) -> Relation {
        let Grouping { source, mut keys, aggregates, sets, .. } = grouping;
        let Some(sets) = sets else { return relation.aggregate(source, keys, aggregates) };
        // The last key is the number.
        keys.truncate(sets.kinds.len());
        let mut mentioned = ColumnSet::new();
        let over_rows = aggregates.iter().flat_map(|aggregate| aggregate.expressions());
        keys.iter().chain(over_rows).for_each(|expr| add_columns(expr, &mut mentioned));
        let own = sources_of(&relation);
        let columns: Vec<Column> =
            mentioned.iter().copied().filter(|column| own.contains(&column.source())).collect();
        let types: Vec<DataType> = columns.iter().map(|column| type_of(*column, scope)).collect();
        let table = self.work_table();
        let mut groupings = Vec::with_capacity(sets.sets.len());
        for set in &sets.sets {
            let (rows, groups) = (self.source(), self.source());
            let by: HashMap<Column, Expr> = columns
                .iter()
                .enumerate()
                .map(|(place, column)| (*column, Expr::Column(rows.column(place))))
                .collect();
            let mut own_keys: Vec<Expr> = set.iter().map(|key| keys[*key].clone()).collect();
            let mut own_aggregates = aggregates.clone();
            let exprs = own_aggregates.iter_mut().flat_map(|aggregate| aggregate.expressions_mut());
            own_keys.iter_mut().chain(exprs).for_each(|expr| substitute(expr, &by));
            let key = |(key, kind): (usize, &Option<DataType>)| match set.iter().position(|own| *own == key) {
                Some(place) => Expr::Column(groups.column(place)),
                None => Expr::Cast(Box::new(Expr::Literal(Value::Null)), kind.unwrap_or(TEXT)),
            };
            let lacking = Expr::Literal(Value::Int(sets.lacking_in(set)));
            let results = (0..aggregates.len()).map(|place| groups.column(set.len() + place).into());
            let outputs = sets.kinds.iter().enumerate().map(key).chain([lacking]).chain(results);
            let rows = Relation::WorkTable { table, source: rows, types: types.clone() };
            groupings.push(Query::new(
                rows.aggregate(groups, own_keys, own_aggregates),
                outputs.map(|expr| OutputColumn::new("", expr)).collect(),
            ));
        }
        let columns = columns.into_iter().map(|column| OutputColumn::new("", column)).collect();
        let rows = Box::new(Query::new(relation, columns));
        let input = Box::new(self.union_of(groupings, source));
        Relation::With { table, rows, input }
    }

    /// The rows of all queries, as a tree that is as flat as can be.
    fn union_of(&mut self, mut queries: Vec<Query>, source: Source) -> Relation {
        if queries.len() < 2 {
            let query = queries.pop().unwrap_or_else(|| Query::new(Relation::Unit, Vec::new()));
            return query
                .relation
                .project(source, query.columns.into_iter().map(|column| column.expr).collect());
        }
        let width = queries[0].columns.len();
        let right = queries.split_off(queries.len().div_ceil(2));
        let mut side = |mut queries: Vec<Query>| match queries.len() {
            1 => queries.remove(0),
            _ => {
                let source = self.source();
                let columns = (0..width).map(|place| OutputColumn::new("", source.column(place))).collect();
                Query::new(self.union_of(queries, source), columns)
            }
        };
        let (left, right) = (Box::new(side(queries)), Box::new(side(right)));
        Relation::Set { kind: SetKind::Union, all: true, source, left, right }
    }
}

/// The type of a column of a table in scope.
fn type_of(column: Column, scope: &Scope<'_>) -> DataType {
    let table = scope.tables.iter().find(|table| table.source == column.source());
    match table {
        Some(table) if !column.is_row_id() => table.column(column.index()).kind.unwrap_or(TEXT),
        _ => DataType::BigInt,
    }
}
