//! Random queries.
//!
//! A generated query is right by construction: it mentions only what is in scope, its kinds agree, and whatever the
//! order of rows decides (a limit, the first row of each group) stands on an order that is total. Sizes are bounded,
//! since the naive plan joins by nested loops.

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Comparison, Expr, JoinKind, OutputColumn, Query, Relation, SetKind,
    SortKey, Source,
};

use nuages_storage::{TableId, Value};

use crate::expression::Field;
use crate::schema::{Kind, Table};
use nuages_tests::tape::Tape;

/// Pairs of rows that a query may look at, times how often it is asked for as a subquery.
const PAIRS_MAX: f64 = 60_000.0;

/// How deep operators and expressions are nested.
const RELATION_DEPTH_MAX: usize = 4;
const SCALAR_DEPTH_MAX: usize = 2;
const SUBQUERY_DEPTH_MAX: usize = 2;

/// A query and how its answer is compared.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    pub(crate) query: Query,
    pub(crate) kinds: Vec<Kind>,
    /// What its parameters are bound to.
    pub(crate) parameters: Vec<Value>,
    /// Whether its rows have one order.
    pub(crate) ordered: bool,
}

/// Makes one query.
pub(crate) struct Generator<'a> {
    pub(crate) tape: Tape<'a>,
    tables: &'a [Table],
    next_source: u32,
    pub(crate) parameters: Vec<Value>,
    /// The columns of the queries around the one that is being made.
    pub(crate) outer: Vec<Vec<Field>>,
    /// Whether an expression may have a subquery in it now.
    pub(crate) subqueries: bool,
    /// How often the relation being made may be evaluated.
    times: f64,
}

/// A relation, what is in scope above it, and about how many rows it has at most.
struct Made {
    relation: Relation,
    scope: Vec<Field>,
    rows: f64,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(tables: &'a [Table], tape: Tape<'a>) -> Generator<'a> {
        Generator {
            tape,
            tables,
            next_source: 0,
            parameters: Vec::new(),
            outer: Vec::new(),
            subqueries: true,
            times: 1.0,
        }
    }

    /// A whole query.
    pub(crate) fn query(mut self) -> Generated {
        let made = self.relation(RELATION_DEPTH_MAX);
        let ordered = self.tape.one_in(3);
        let relation = if ordered { self.ordered(made.relation, &made.scope) } else { made.relation };
        let fields = self.some_of(&made.scope);
        let mut columns: Vec<(Expr, Kind)> = fields.iter().map(|field| (field.expr(), field.kind)).collect();
        self.times = made.rows.max(1.0);
        for _ in 0..self.tape.below(3) {
            let kind = self.any_kind(&made.scope);
            columns.push((self.scalar(kind, &made.scope, SCALAR_DEPTH_MAX), kind));
        }
        let kinds = columns.iter().map(|(_, kind)| *kind).collect();
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(place, (expr, _))| OutputColumn::new(format!("r{place}"), expr))
            .collect();
        Generated { query: Query::new(relation, columns), kinds, parameters: self.parameters, ordered }
    }

    pub(crate) fn fresh_source(&mut self) -> Source {
        self.next_source += 1;
        Source::new(self.next_source - 1)
    }

    /// A choice of these, of which there is at least one.
    fn some_of(&mut self, fields: &[Field]) -> Vec<Field> {
        let first = self.tape.below(fields.len());
        let mut some = vec![fields[first]];
        for field in fields {
            if self.tape.one_in(3) && !some.contains(field) {
                some.push(*field);
            }
        }
        some
    }

    fn relation(&mut self, depth: usize) -> Made {
        if depth == 0 || self.tape.is_at_end() {
            return self.scan();
        }
        let depth = depth - 1;
        match self.tape.below(16) {
            0 | 1 => self.scan(),
            2 | 3 => self.filter(depth),
            4..=7 => self.join(depth),
            8 => self.semi_join(depth),
            9 => self.project(depth),
            10 | 11 => self.aggregate(depth),
            12 => self.distinct(depth),
            13 => self.set(depth),
            14 => {
                let Made { relation, scope, rows } = self.relation(depth);
                let relation = self.limited(relation, &scope);
                Made { relation, scope, rows }
            }
            _ => self.values(),
        }
    }

    fn scan(&mut self) -> Made {
        let tables = self.tables;
        let table = &tables[self.tape.below(tables.len())];
        let source = self.fresh_source();
        let mut scope: Vec<Field> = table
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| Field { column: source.column(place), kind: column.kind })
            .collect();
        if table.has_row_id() && self.tape.one_in(4) {
            scope.push(Field { column: source.row_id(), kind: Kind::Int });
        }
        let mut relation = Relation::scan(table.id, source);
        if let Some(condition) = self.key_condition(table, source) {
            relation = relation.filter(condition);
        }
        // So that a conditional index may be used.
        let conditions: Vec<&Expr> =
            table.indexes.iter().filter_map(|index| index.condition.as_ref()).collect();
        if !conditions.is_empty() && self.tape.one_in(3) {
            let mut condition = self.tape.pick(&conditions).clone();
            rename_self(&mut condition, source);
            relation = relation.filter(condition);
        }
        Made { relation, scope, rows: table.rows.len() as f64 }
    }

    /// At times, what an index can answer: equalities with its first parts, then a range or a list.
    fn key_condition(&mut self, table: &Table, source: Source) -> Option<Expr> {
        let orders = table.orders();
        if orders.is_empty() || !self.tape.one_in(4) {
            return None;
        }
        let mut parts = Vec::new();
        for (place, ..) in self.tape.pick(&orders) {
            let (column, kind) = (Expr::from(source.column(place)), table.columns[place].kind);
            match self.tape.below(4) {
                0 | 1 => parts.push(column.equals(self.scalar(kind, &[], 0))),
                2 => {
                    let list = (0..1 + self.tape.below(3)).map(|_| self.scalar(kind, &[], 0)).collect();
                    parts.push(Expr::InList(Box::new(column), list));
                    break;
                }
                _ => {
                    let ends = self.tape.below(3);
                    let lower = self.tape.pick(&[Comparison::GreaterOrEqual, Comparison::Greater]);
                    let upper = self.tape.pick(&[Comparison::Less, Comparison::LessOrEqual]);
                    if ends != 1 {
                        parts.push(column.clone().compare(lower, self.scalar(kind, &[], 0)));
                    }
                    if ends != 0 {
                        parts.push(column.compare(upper, self.scalar(kind, &[], 0)));
                    }
                    break;
                }
            }
        }
        Some(Expr::And(parts))
    }

    fn values(&mut self) -> Made {
        let source = self.fresh_source();
        let kinds: Vec<Kind> = (0..1 + self.tape.below(2)).map(|_| self.tape.pick(&Kind::ALL)).collect();
        let rows: Vec<Vec<Expr>> = (0..self.tape.pick(&[1, 3, 4, 2, 0]))
            .map(|_| kinds.iter().map(|kind| self.literal(*kind)).collect())
            .collect();
        let scope = fields_of(source, &kinds);
        let count = rows.len() as f64;
        let types = kinds.iter().map(|kind| kind.data_type()).collect();
        Made { relation: Relation::Values { source, types, rows }, scope, rows: count }
    }

    fn filter(&mut self, depth: usize) -> Made {
        let Made { relation, scope, rows } = self.relation(depth);
        let predicate = self.with_times(rows, |this| this.predicate(&scope, SCALAR_DEPTH_MAX));
        Made { relation: relation.filter(predicate), scope, rows }
    }

    fn join(&mut self, depth: usize) -> Made {
        let left = self.relation(depth);
        let right = self.relation(depth.min(2));
        if left.rows * right.rows * self.times > PAIRS_MAX {
            return left;
        }
        let kind = if self.tape.one_in(3) { JoinKind::Left } else { JoinKind::Inner };
        let scope = [left.scope.as_slice(), &right.scope].concat();
        let on = self.condition(&left.scope, &right.scope, left.rows * right.rows);
        let rows = (left.rows * right.rows / 4.0).max(left.rows);
        Made { relation: left.relation.join(kind, right.relation, on), scope, rows }
    }

    fn semi_join(&mut self, depth: usize) -> Made {
        let left = self.relation(depth);
        let right = self.relation(depth.min(2));
        if left.rows * right.rows * self.times > PAIRS_MAX {
            return left;
        }
        let kind = if self.tape.one_in(2) { JoinKind::Anti } else { JoinKind::Semi };
        let on = self.condition(&left.scope, &right.scope, left.rows * right.rows);
        Made { relation: left.relation.join(kind, right.relation, on), ..left }
    }

    /// The condition of a join, tested on so many pairs: mostly equalities between columns.
    fn condition(&mut self, left: &[Field], right: &[Field], pairs: f64) -> Expr {
        let mut parts = Vec::new();
        for _ in 0..self.tape.pick(&[1, 1, 1, 2, 0]) {
            let field = self.tape.pick(left);
            let alike = |other: &Field| {
                other.kind == field.kind || (other.kind.is_number() && field.kind.is_number())
            };
            let partners: Vec<Field> = right.iter().copied().filter(alike).collect();
            if !partners.is_empty() {
                let (a, b) = (field.expr(), self.tape.pick(&partners).expr());
                parts.push(if self.tape.one_in(2) { b.equals(a) } else { a.equals(b) });
            }
        }
        if self.tape.one_in(4) {
            let both = [left, right].concat();
            parts.push(self.with_times(pairs, |this| this.predicate(&both, 1)));
        }
        Expr::And(parts)
    }

    fn project(&mut self, depth: usize) -> Made {
        let Made { relation, scope, rows } = self.relation(depth);
        let kinds: Vec<Kind> = (0..1 + self.tape.below(4)).map(|_| self.any_kind(&scope)).collect();
        let (relation, source) = self.projected(relation, &scope, rows, &kinds);
        Made { relation, scope: fields_of(source, &kinds), rows }
    }

    fn projected(
        &mut self,
        relation: Relation,
        scope: &[Field],
        rows: f64,
        kinds: &[Kind],
    ) -> (Relation, Source) {
        let source = self.fresh_source();
        let columns = self.with_times(rows, |this| this.scalars(kinds, scope));
        (relation.project(source, columns), source)
    }

    fn scalars(&mut self, kinds: &[Kind], scope: &[Field]) -> Vec<Expr> {
        kinds.iter().map(|kind| self.scalar(*kind, scope, SCALAR_DEPTH_MAX)).collect()
    }

    fn aggregate(&mut self, depth: usize) -> Made {
        let Made { relation, scope, rows } = self.relation(depth);
        let source = self.fresh_source();
        let mut kinds: Vec<Kind> =
            (0..self.tape.pick(&[1, 0, 1, 2])).map(|_| self.any_kind(&scope)).collect();
        let (keys, aggregates) = self.with_times(rows, |this| {
            let keys = kinds
                .iter()
                .map(|kind| {
                    let depth = usize::from(this.tape.one_in(4));
                    this.scalar(*kind, &scope, depth)
                })
                .collect();
            let aggregates: Vec<(Aggregate, Kind)> =
                (0..1 + this.tape.below(3)).map(|_| this.one_aggregate(&scope)).collect();
            (keys, aggregates)
        });
        let (aggregates, results): (Vec<Aggregate>, Vec<Kind>) = aggregates.into_iter().unzip();
        kinds.extend(results);
        let rows = if kinds.len() == aggregates.len() { 1.0 } else { rows };
        Made {
            relation: relation.aggregate(source, keys, aggregates),
            scope: fields_of(source, &kinds),
            rows,
        }
    }

    fn one_aggregate(&mut self, scope: &[Field]) -> (Aggregate, Kind) {
        let number = self.tape.pick(&[Kind::Int, Kind::Float, Kind::Decimal]);
        let any = self.any_kind(scope);
        let (function, argument, result) = match self.tape.below(7) {
            0 | 1 => (AggregateFunction::CountRows, None, Kind::Int),
            2 => (AggregateFunction::Count, Some(any), Kind::Int),
            3 => (AggregateFunction::Sum, Some(number), number),
            4 if number != Kind::Decimal => (AggregateFunction::Avg, Some(number), Kind::Mean),
            5 => (AggregateFunction::Min, Some(any), any),
            _ => (AggregateFunction::Max, Some(any), any),
        };
        let argument = argument.map(|kind| self.scalar(kind, scope, 1));
        let distinct = argument.is_some() && self.tape.one_in(3);
        let filter = self.tape.one_in(3).then(|| self.predicate(scope, 1));
        (Aggregate { function, argument, distinct, filter, second: None, order_by: Vec::new() }, result)
    }

    fn distinct(&mut self, depth: usize) -> Made {
        let Made { relation, scope, rows } = self.relation(depth);
        let on = self.some_of(&scope);
        let exprs = on.iter().map(|field| field.expr()).collect();
        if self.tape.one_in(2) {
            // The first row of each group, which an order decides.
            let keys = self.sort_keys(&relation, &scope);
            return Made { relation: relation.sort(keys).distinct(exprs), scope, rows };
        }
        Made { relation: relation.distinct(exprs), scope: on, rows }
    }

    fn set(&mut self, depth: usize) -> Made {
        let (left, right) = (self.relation(depth.min(2)), self.relation(depth.min(2)));
        let mut kinds: Vec<Kind> = (0..1 + self.tape.below(2)).map(|_| self.any_kind(&left.scope)).collect();
        let left_query = self.side(left.relation, &left.scope, left.rows, &kinds);
        let right_kinds: Vec<Kind> = kinds
            .iter()
            .map(|kind| match kind.is_number() && self.tape.one_in(4) {
                true => self.tape.pick(&[Kind::Float, Kind::Int, Kind::Decimal]),
                false => *kind,
            })
            .collect();
        let right_query = self.side(right.relation, &right.scope, right.rows, &right_kinds);
        for (kind, right) in kinds.iter_mut().zip(right_kinds) {
            if right != *kind {
                *kind = kind.wider(right);
            }
        }
        let kind = self.tape.pick(&[SetKind::Union, SetKind::Intersect, SetKind::Except]);
        let all = self.tape.one_in(2);
        let source = self.fresh_source();
        let relation =
            Relation::Set { kind, all, source, left: Box::new(left_query), right: Box::new(right_query) };
        Made { relation, scope: fields_of(source, &kinds), rows: left.rows + right.rows }
    }

    /// A query with columns of these kinds.
    fn side(&mut self, relation: Relation, scope: &[Field], rows: f64, kinds: &[Kind]) -> Query {
        let exprs = self.with_times(rows, |this| {
            kinds.iter().map(|kind| this.scalar(*kind, scope, 1)).collect::<Vec<Expr>>()
        });
        Query::new(relation, exprs.into_iter().map(|expr| OutputColumn::new("r", expr)).collect())
    }

    /// The relation in a total order, and perhaps only a run of it.
    fn ordered(&mut self, relation: Relation, scope: &[Field]) -> Relation {
        match self.tape.one_in(2) {
            true => self.limited(relation, scope),
            false => {
                let keys = self.sort_keys(&relation, scope);
                relation.sort(keys)
            }
        }
    }

    fn limited(&mut self, relation: Relation, scope: &[Field]) -> Relation {
        let keys = self.sort_keys(&relation, scope);
        let offset = self.tape.pick(&[0, 0, 0, 1, 5, 0, 20]);
        let count = self.tape.pick(&[Some(3), Some(10), Some(1), None, Some(40), Some(80), Some(0)]);
        relation.sort(keys).limit(offset, count)
    }

    /// Keys that leave no two different rows in doubt.
    fn sort_keys(&mut self, relation: &Relation, scope: &[Field]) -> Vec<SortKey> {
        let mut keys = if self.tape.one_in(3) { self.index_order(relation) } else { Vec::new() };
        let mut exprs: Vec<Expr> = Vec::new();
        for _ in 0..self.tape.below(3) {
            let field = self.tape.pick(scope);
            exprs.push(match self.tape.one_in(5) {
                true => self.scalar(field.kind, scope, 1),
                false => field.expr(),
            });
        }
        exprs.extend(scope.iter().map(|field| field.expr()));
        for expr in exprs {
            if keys.iter().all(|key| key.expr != expr) {
                let descending = self.tape.one_in(3);
                keys.push(SortKey { expr, descending, nulls_first: descending != self.tape.one_in(5) });
            }
        }
        keys
    }

    /// The order of an index of the scan below, forward or backward.
    fn index_order(&mut self, relation: &Relation) -> Vec<SortKey> {
        let Some((table, source)) = first_scan(relation) else { return Vec::new() };
        let tables = self.tables;
        let Some(table) = tables.iter().find(|known| known.id == table) else { return Vec::new() };
        let orders = table.orders();
        if orders.is_empty() {
            return Vec::new();
        }
        let backward = self.tape.one_in(2);
        let key = |(place, descending, nulls_first): (usize, bool, bool)| SortKey {
            expr: Expr::from(source.column(place)),
            descending: descending != backward,
            nulls_first: nulls_first != backward,
        };
        self.tape.pick(&orders).into_iter().map(key).collect()
    }

    /// Makes expressions that are evaluated for each of `rows` rows.
    fn with_times<T>(&mut self, rows: f64, make: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.times;
        self.times *= rows.max(1.0);
        let made = make(self);
        self.times = before;
        made
    }

    /// Makes something inside a subquery, around which `scope` is.
    fn inside<T>(&mut self, scope: &[Field], make: impl FnOnce(&mut Self) -> T) -> T {
        self.outer.push(scope.to_vec());
        let made = make(self);
        self.outer.pop();
        made
    }

    /// A relation for a subquery, small enough to be asked for often.
    fn subquery(&mut self) -> Option<Made> {
        if self.outer.len() > SUBQUERY_DEPTH_MAX {
            return None;
        }
        let depth = 1 + self.tape.below(2);
        let made = self.relation(depth);
        // Mostly a filter, where the correlation is.
        let Made { relation, scope, rows } = made;
        if rows * self.times > PAIRS_MAX {
            return None;
        }
        let relation = match self.tape.below(4) {
            0 => relation,
            _ => relation.filter(self.with_times(rows, |this| this.predicate(&scope, 1))),
        };
        Some(Made { relation, scope, rows })
    }

    /// `EXISTS`, `IN` or their negation.
    pub(crate) fn subquery_predicate(&mut self, scope: &[Field]) -> Expr {
        let kind = self.any_kind(scope);
        let exists = self.tape.below(2) == 0;
        let made = self.inside(scope, |this| {
            let made = this.subquery()?;
            let column = match exists {
                true => None,
                false if kind.is_number() && this.tape.one_in(3) => {
                    let other = this.tape.pick(&[Kind::Float, Kind::Int, Kind::Decimal]);
                    Some(this.scalar(other, &made.scope, 1))
                }
                false => Some(this.scalar(kind, &made.scope, 1)),
            };
            Some((made.relation, column))
        });
        let predicate = match made {
            None => return self.leaf_predicate(scope),
            Some((relation, None)) => Expr::Exists(Box::new(relation)),
            Some((relation, Some(column))) => {
                let value = self.scalar(kind, scope, 1);
                let query = Query::new(relation, vec![OutputColumn::new("r", column)]);
                Expr::InQuery(Box::new(value), Box::new(query))
            }
        };
        if self.tape.one_in(2) { predicate.not() } else { predicate }
    }

    fn leaf_predicate(&mut self, scope: &[Field]) -> Expr {
        let kind = self.any_kind(scope);
        self.scalar(kind, scope, 0).equals(self.literal(kind))
    }

    /// A subquery of one value: an aggregate without groups, or the first row of an order.
    pub(crate) fn scalar_subquery(&mut self, kind: Kind, scope: &[Field]) -> Expr {
        let query = self.inside(scope, |this| {
            let made = this.subquery()?;
            if this.tape.one_in(2) {
                let relation = {
                    let keys = this.sort_keys(&made.relation, &made.scope);
                    made.relation.sort(keys).limit(0, Some(1))
                };
                let column = this.scalar(kind, &made.scope, 0);
                return Some(Query::new(relation, vec![OutputColumn::new("r", column)]));
            }
            let functions: &[AggregateFunction] = match kind {
                Kind::Int | Kind::Float | Kind::Decimal => {
                    &[AggregateFunction::Max, AggregateFunction::Sum, AggregateFunction::Min]
                }
                _ => &[AggregateFunction::Max, AggregateFunction::Min],
            };
            let function = this.tape.pick(functions);
            let source = this.fresh_source();
            let counts = kind == Kind::Int && this.tape.one_in(3);
            let aggregate = match counts {
                true => Aggregate {
                    function: AggregateFunction::CountRows,
                    argument: None,
                    distinct: false,
                    filter: None,
                    second: None,
                    order_by: Vec::new(),
                },
                false => {
                    let argument = Some(this.scalar(kind, &made.scope, 1));
                    Aggregate {
                        function,
                        argument,
                        distinct: false,
                        filter: None,
                        second: None,
                        order_by: Vec::new(),
                    }
                }
            };
            let relation = made.relation.aggregate(source, vec![], vec![aggregate]);
            Some(Query::new(relation, vec![OutputColumn::new("r", source.column(0))]))
        });
        match query {
            Some(query) => Expr::Scalar(Box::new(query)),
            None => self.literal(kind),
        }
    }
}

fn fields_of(source: Source, kinds: &[Kind]) -> Vec<Field> {
    kinds
        .iter()
        .enumerate()
        .map(|(place, kind)| Field { column: source.column(place), kind: *kind })
        .collect()
}

/// The first scan of a relation, if its columns are in scope above it.
fn first_scan(relation: &Relation) -> Option<(TableId, Source)> {
    match relation {
        Relation::Scan { table, source } => Some((*table, *source)),
        Relation::Filter { input, .. } => first_scan(input),
        Relation::Join { left, .. } => first_scan(left),
        _ => None,
    }
}

fn rename_self(expr: &mut Expr, source: Source) {
    if let Expr::Column(column) = expr {
        *column = source.column(column.index());
    }
    expr.children_mut().into_iter().for_each(|child| rename_self(child, source));
}
