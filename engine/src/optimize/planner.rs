//! The planner: what it knows while it plans one statement, and how it compiles scalars.

use std::cell::{Cell, RefCell};

use hashbrown::HashMap;
use nuages_storage::{DataType, TableId, Value, Version};

use super::cost;
use super::depth::Numbers;
use super::premise::Premise;
use super::rewrite::rewrite;
use super::rule::decorrelate::{decorrelate, has_scalar};
use super::rule::eliminate::eliminate;
use super::rule::order::order;
use super::rule::redundant::redundant;
use super::rule::regroup::regroup;
use super::rule::transitive::transitive;
use super::selectivity::SampledPart;
use super::steering::Steering;
use crate::algebra::walk::{self, ColumnSet, SourceSet};
use crate::algebra::{Column, Expr, JoinKind, Query, Relation, Source, WorkTable};
use crate::catalog::{Catalog, TableDefinition};
use crate::error::Error;
use crate::evaluate::Scalar;
use crate::plan::{Access, Basis, Estimate, PairCondition, Plan, PlanColumn, Predicate, Subquery};

/// How deep subqueries within subqueries, and joins within joins, are planned in two ways to take the cheaper. Each
/// level doubles the work.
pub(super) const NESTING_MAX: usize = 3;

/// Plans one statement.
pub(crate) struct Planner<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) version: &'a Version,
    /// Whether rewriting, indexes and join ordering are used. Without them the plan is the query as it was written,
    /// which a test compares the other with.
    pub(crate) optimize: bool,
    /// Whether the plan is run once, on the version it is made for.
    pub(crate) runs_once: bool,
    /// What a row of a leaf that is scanned is thought to cost.
    pub(crate) scan_cost: f64,
    /// Which alternatives are taken instead of the cheapest.
    pub(crate) steering: Steering,
    /// The values of the parameters that the plan is made for, as far as they are known.
    pub(super) values: &'a [Value],
    /// Whether something of the estimate that is being made was guessed.
    is_guess: Cell<bool>,
    /// What was counted by these values.
    pub(super) counted: RefCell<Vec<Premise>>,
    /// For which sampled rows conditions are true that were evaluated on a sample.
    pub(super) sampled: RefCell<Vec<SampledPart>>,
    next_source: u32,
    next_parameter: usize,
    /// Whether there is a subquery anywhere in it.
    pub(super) has_subquery: bool,
    /// How many subqueries and joins, one within the other, are being planned in two ways.
    pub(super) nesting: usize,
    /// Whether what is planned are the partners of a row, so that the unknown ends of a range are of that row.
    pub(super) finds_partners: bool,
    /// The tables behind the sources that are scans, and whether an outer join can NULL-extend them.
    scans: HashMap<Source, (TableId, bool)>,
    /// Columns that are passed on under another name, with what they are.
    aliases: HashMap<Column, Column>,
    /// The work tables that are defined around what is planned: the types of their columns, and how many rows they
    /// have.
    pub(crate) work_tables: HashMap<WorkTable, (Vec<DataType>, Estimate)>,
}

impl<'a> Planner<'a> {
    /// A planner for a query of which this is known, on the tables of `version`.
    pub(crate) fn new(catalog: &'a Catalog, version: &'a Version, numbers: Numbers) -> Planner<'a> {
        Planner {
            catalog,
            version,
            optimize: true,
            runs_once: false,
            scan_cost: cost::SCAN,
            steering: Steering::default(),
            values: &[],
            is_guess: Cell::new(false),
            counted: RefCell::default(),
            sampled: RefCell::default(),
            next_source: numbers.sources,
            next_parameter: numbers.parameters,
            has_subquery: numbers.has_subquery,
            nesting: 0,
            finds_partners: false,
            scans: HashMap::new(),
            aliases: HashMap::new(),
            work_tables: HashMap::new(),
        }
    }

    /// Lets the plan be made for these values of the query's parameters. Returns how many there are.
    pub(crate) fn know_values(&mut self, values: &'a [Value]) -> usize {
        self.values = &values[..values.len().min(self.next_parameter)];
        self.next_parameter
    }

    /// What the plan rests on: what was counted by the values, and how many rows the tables have.
    pub(crate) fn premises(self) -> Vec<Premise> {
        let mut premises = self.counted.into_inner();
        for (table, _) in self.scans.values() {
            let rows = self.version.table(*table).map_or(0, |rows| rows.len());
            let premise = Premise::Path { table: *table, access: Access::All, rows };
            if !premises.iter().any(|known| known.repeats(&premise)) {
                premises.push(premise);
            }
        }
        premises
    }

    /// The plan of a query: its columns are the query's output columns, in order.
    pub(crate) fn plan(&mut self, query: Query) -> Result<Plan, Error> {
        let (relation, other) = self.rewritten(query);
        match other {
            Some(other) => self.build_cheaper(relation, other),
            None => self.build_root(relation),
        }
    }

    /// A query as a projection that is rewritten; where correlated aggregates can be joined, the other way to run it
    /// too. (Apart from `plan`, which is on the stack once for each level of subqueries.)
    fn rewritten(&mut self, query: Query) -> (Relation, Option<Relation>) {
        let Query { relation, columns, .. } = query;
        self.note_scans(&relation, false);
        let outputs: Vec<Expr> = columns.into_iter().map(|column| column.expr).collect();
        let root = relation.project(self.fresh_source(), outputs);
        if !self.optimize {
            return (root, None);
        }
        let root = self.pushed(root);
        let may_join = self.has_subquery && self.nesting < NESTING_MAX && has_scalar(&root);
        let mut joined = may_join.then(|| root.clone());
        if joined.as_mut().is_some_and(|joined| decorrelate(joined, self))
            && let Some(joined) = joined
        {
            self.note_scans(&joined, false);
            let joined = self.pushed(joined);
            return (self.simplified(joined), Some(self.simplified(root)));
        }
        (self.simplified(root), None)
    }

    /// A relation with its conditions where they belong; it means the same, up to the order of rows that no sort fixes.
    pub(crate) fn pushed(&self, relation: Relation) -> Relation {
        rewrite(relation, &|expr| self.never_null(expr))
    }

    /// A projection by the rules that need its conditions where they belong.
    fn simplified(&self, mut root: Relation) -> Relation {
        if has_join(&root) {
            if transitive(&mut root, self) {
                root = self.pushed(root);
            }
            let mut needed = ColumnSet::new();
            if let Relation::Project { source, columns, .. } = &root {
                needed.extend((0..columns.len()).map(|place| source.column(place)));
            }
            eliminate(&mut root, &needed, self);
        }
        order(&mut root);
        redundant(&mut root, self);
        regroup(root, self)
    }

    /// The plan of a projection, with all of its columns.
    fn build_root(&mut self, root: Relation) -> Result<Plan, Error> {
        match root {
            Relation::Project { input, source, columns } => self.build_project(*input, source, columns, None),
            Relation::With { table, rows, input } => {
                self.build_with(table, *rows, |planner| planner.build_root(*input))
            }
            other => self.build(other, &ColumnSet::new()),
        }
    }

    /// The cheaper of the plans of two projections that mean the same.
    fn build_cheaper(&mut self, joined: Relation, applied: Relation) -> Result<Plan, Error> {
        self.nesting += 1;
        let (joined, applied) = (self.build_root(joined), self.build_root(applied));
        self.nesting -= 1;
        let (joined, applied) = (joined?, applied?);
        Ok(match self.choose(&[self.price(&joined), self.price(&applied)]) {
            0 => joined,
            _ => applied,
        })
    }

    /// The plan of a relation that has become one of its own, as that of a subquery.
    pub(crate) fn build_inside(&mut self, relation: Relation, needed: &ColumnSet) -> Result<Plan, Error> {
        let relation =
            if self.optimize { rewrite(relation, &|expr| self.never_null(expr)) } else { relation };
        self.build(relation, needed)
    }

    /// An estimate of what `rows` says, which follows from what is known no better than `below`.
    pub(super) fn estimated(&self, below: Basis, rows: impl FnOnce() -> f64) -> Estimate {
        let (is_guess, rows) = self.noting_guesses(rows);
        let own = if is_guess { Basis::Guess } else { Basis::Statistics };
        Estimate { rows, basis: own.max(below) }
    }

    /// Does something, and says whether anything was guessed for that.
    pub(super) fn noting_guesses<T>(&self, f: impl FnOnce() -> T) -> (bool, T) {
        let outer = self.is_guess.replace(false);
        let made = f();
        (self.is_guess.replace(outer), made)
    }

    /// Notes that the estimate that is being made is a guess in part.
    pub(super) fn note_guess(&self) {
        self.is_guess.set(true);
    }

    /// What a plan costs in all.
    pub(crate) fn price(&self, plan: &Plan) -> f64 {
        let table_rows = |table| self.table_rows(table);
        cost::Pricing { table_rows: &table_rows, scan_row: self.scan_cost }.of(plan).all
    }

    /// What a subquery costs that so many rows ask.
    pub(super) fn price_of(&self, subquery: &Subquery, rows: f64) -> f64 {
        let table_rows = |table| self.table_rows(table);
        cost::Pricing { table_rows: &table_rows, scan_row: self.scan_cost }.subquery(subquery, rows)
    }

    /// The number of one of several alternatives: the cheapest, unless the planner is told otherwise.
    pub(crate) fn choose(&mut self, costs: &[f64]) -> usize {
        self.steering.choose(costs)
    }

    /// Whether alternatives are looked at beside the best.
    pub(crate) fn is_steered(&self) -> bool {
        self.steering.is_on()
    }

    /// The definition of a table.
    pub(crate) fn table(&self, id: TableId) -> Result<&'a TableDefinition, Error> {
        self.catalog.table(id).map(|table| &**table).ok_or(Error::PlanOutdated)
    }

    pub(crate) fn fresh_source(&mut self) -> Source {
        let source = Source::new(self.next_source);
        self.next_source += 1;
        source
    }

    /// Notes which tables the sources of a relation are, and which columns are others under another name.
    pub(crate) fn note_scans(&mut self, relation: &Relation, nullable: bool) {
        match relation {
            Relation::Scan { table, source } => {
                self.scans.insert(*source, (*table, nullable));
            }
            Relation::Join { kind, left, right, .. } => {
                self.note_scans(left, nullable || *kind == JoinKind::Full);
                self.note_scans(right, nullable || matches!(kind, JoinKind::Left | JoinKind::Full));
                return;
            }
            Relation::Project { source, columns: defined, .. }
            | Relation::Aggregate { source, keys: defined, .. } => {
                for (place, expr) in defined.iter().enumerate() {
                    if let Expr::Column(column) = expr {
                        self.aliases.insert(source.column(place), *column);
                    }
                }
            }
            _ => {}
        }
        relation.each_input(&mut |input| self.note_scans(input, nullable));
        if self.has_subquery {
            for expr in walk::expressions(relation) {
                walk::walk(expr, &mut |expr| match expr {
                    Expr::Scalar(query) | Expr::InQuery(_, query) => self.note_scans(&query.relation, false),
                    Expr::Exists(relation) => self.note_scans(relation, false),
                    _ => {}
                });
            }
        }
    }

    /// The table behind a source, if it is a scan.
    pub(crate) fn scanned(&self, source: Source) -> Option<TableId> {
        self.scans.get(&source).map(|(table, _)| *table)
    }

    /// Whether the query reads no more than one table, and that once.
    pub(crate) fn is_alone(&self) -> bool {
        self.scans.len() == 1
    }

    /// What a column is before it was passed on under other names.
    pub(crate) fn origin(&self, mut column: Column) -> Column {
        while let Some(original) = self.aliases.get(&column) {
            column = *original;
        }
        column
    }

    /// Whether an expression is NULL in no row.
    pub(crate) fn never_null(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(value) => !value.is_null(),
            Expr::Column(column) => self.scans.get(&column.source()).is_some_and(|(table, nullable)| {
                !nullable
                    && (column.is_row_id()
                        || self
                            .catalog
                            .table(*table)
                            .and_then(|table| table.columns.get(column.index()))
                            .is_some_and(|column| !column.nullable))
            }),
            _ => false,
        }
    }

    /// Compiles an expression over the columns of `plan`.
    pub(crate) fn compile(&self, expr: &Expr, plan: &Plan) -> Result<Scalar, Error> {
        compile_over(expr, &plan.columns)
    }

    /// Compiles a condition over the columns of two plans side by side.
    pub(crate) fn compile_pair(
        &self,
        expr: Expr,
        left: &Plan,
        right: &[PlanColumn],
    ) -> Result<Predicate, Error> {
        let columns: Vec<_> = left.columns.iter().chain(right).copied().collect();
        Ok(Predicate { scalar: compile_over(&expr, &columns)?, expr })
    }

    /// Compiles a condition over the columns of two plans side by side that may have subqueries in it.
    pub(crate) fn compile_condition(
        &mut self,
        expr: Expr,
        left: &Plan,
        right: &[PlanColumn],
    ) -> Result<PairCondition, Error> {
        let mut columns: Vec<_> = left.columns.iter().chain(right).copied().collect();
        let mut exprs = [expr.clone()];
        let pending = self.extract(&mut exprs);
        let subqueries = self.subqueries(&mut columns, left.estimate.rows, pending)?;
        let predicate = Predicate { scalar: compile_over(&exprs[0], &columns)?, expr };
        Ok(PairCondition { predicate, subqueries })
    }

    /// A parameter for each of these columns: which takes which column of `input`, and what stands in the columns'
    /// place.
    #[expect(clippy::type_complexity, reason = "two lists about the same columns")]
    pub(crate) fn bind(
        &mut self,
        free: Vec<Column>,
        input: &[PlanColumn],
    ) -> Result<(Vec<(usize, usize)>, HashMap<Column, Expr>), Error> {
        let mut bindings = Vec::new();
        let mut by = HashMap::new();
        for column in free {
            let position = input.iter().position(|known| known.column == column);
            let position = position.ok_or(Error::NotInScope { column })?;
            by.insert(column, Expr::Parameter(self.next_parameter, input[position].data_type));
            bindings.push((self.next_parameter, position));
            self.next_parameter += 1;
        }
        Ok((bindings, by))
    }
}

/// Whether there is a join among the operators of a relation.
fn has_join(relation: &Relation) -> bool {
    let mut found = matches!(relation, Relation::Join { .. });
    relation.each_input(&mut |input| found |= has_join(input));
    found
}

/// Compiles an expression over columns.
pub(crate) fn compile_over(expr: &Expr, columns: &[PlanColumn]) -> Result<Scalar, Error> {
    Scalar::compile(expr, &resolve_in(columns))
}

/// Where a column is among these, and its type.
pub(super) fn resolve_in(columns: &[PlanColumn]) -> impl Fn(Column) -> Option<(usize, DataType)> {
    move |column| {
        let position = columns.iter().position(|known| known.column == column)?;
        Some((position, columns[position].data_type))
    }
}

/// The sources whose columns a plan yields.
pub(crate) fn sources(plan: &Plan) -> SourceSet {
    plan.columns.iter().map(|column| column.column.source()).collect()
}
