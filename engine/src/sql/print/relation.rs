//! Relations as `SELECT`s that still have no columns, and as derived tables where an operator comes too late for one.

use super::Names;
use super::aggregate::{aggregate, no_place, order_by, window};
use super::expression::{expression, operand};
use super::query::{Printer, column_of, is_constant};
use super::select::{Select, Stage};
use crate::algebra::walk::{ColumnSet, add_columns, has_subquery, walk, walk_query, walk_relation};
use crate::algebra::{Aggregate, Column, Expr, JoinKind, Relation, SortKey, Source, WindowFunction};

impl Printer<'_> {
    /// The `SELECT` of a relation, still without columns.
    pub(super) fn relation(&mut self, relation: &Relation) -> Select {
        match relation {
            Relation::Unit => Select::default(),
            Relation::Scan { table, source } => self.scan(*table, *source),
            Relation::Values { source, rows, types } if rows.is_empty() => {
                let nulls: Vec<String> = types.iter().map(|kind| format!("CAST(NULL AS {kind})")).collect();
                let none = format!("(SELECT {} WHERE FALSE)", nulls.join(", "));
                self.named(&none, "v", *source, types.len())
            }
            Relation::Values { source, rows, types } => {
                let row = |row: &Vec<Expr>, printer: &mut Self, is_first: bool| {
                    // The types are told in the first row, if its values do not tell them.
                    let value = |(expr, data_type): (&Expr, &nuages_storage::DataType)| match expr {
                        Expr::Cast(_, own) if own == data_type => expression(expr, printer),
                        expr if is_first => format!("CAST({} AS {data_type})", expression(expr, printer)),
                        expr => expression(expr, printer),
                    };
                    let values: Vec<String> = row.iter().zip(types).map(value).collect();
                    format!("({})", values.join(", "))
                };
                let rows: Vec<String> =
                    rows.iter().enumerate().map(|(number, values)| row(values, self, number == 0)).collect();
                self.named(&format!("(VALUES {})", rows.join(", ")), "v", *source, types.len())
            }
            Relation::Filter { input, predicate } => {
                let select = self.until(input, Stage::Having);
                let mut select = self.settled(select, [predicate]);
                let text = expression(predicate, self);
                let text = if matches!(predicate, Expr::Or(_)) { format!("({text})") } else { text };
                if select.stage >= Stage::Group {
                    select.stage = Stage::Having;
                    select.having.push(text);
                } else {
                    select.stage = Stage::Where;
                    select.filter.push(text);
                }
                select
            }
            Relation::Project { input, source, columns } => self.project(input, *source, columns),
            Relation::Join { kind, left, right, on } => self.join(*kind, left, right, on),
            Relation::Aggregate { input, source, keys, aggregates } => {
                self.aggregate(input, *source, keys, aggregates)
            }
            Relation::Window { input, source, functions } => self.window(input, *source, functions),
            Relation::Sort { input, keys } => self.sort(input, keys),
            Relation::Limit { input, offset, count } => {
                let mut select = self.until(input, Stage::Order);
                select.offset = self.offset(offset);
                select.count = count.as_ref().map(|count| self.row_count(count));
                select.stage = Stage::Limit;
                select
            }
            Relation::Distinct { input, on } => self.distinct(input, on),
            Relation::Set { kind, all, source, left, right } => {
                let body = self.set(*kind, *all, left, right);
                self.named(&format!("({body})"), "u", *source, left.columns.len())
            }
            Relation::With { table, rows, input } => {
                let body = self.print(rows);
                self.common(*table, &body, rows.columns.len());
                self.relation(input)
            }
            Relation::Recursive { table, base, step, all, source } => {
                let first = self.print(base);
                let name = self.work_table(*table, base.columns.len());
                let next = self.print(step);
                let word = if *all { "UNION ALL" } else { "UNION" };
                let head = self.head(*table);
                self.with.push(format!("{head} AS (({first}) {word} ({next}))"));
                self.named(&name, "r", *source, base.columns.len())
            }
            Relation::WorkTable { table, source, types } => {
                let name = self.work_tables.get(table).map_or_else(String::new, |(name, _)| name.clone());
                self.named(&name, "w", *source, types.len())
            }
        }
    }

    /// The `SELECT` of a relation that has come no further than `stage`.
    pub(super) fn until(&mut self, relation: &Relation, stage: Stage) -> Select {
        let select = self.relation(relation);
        if select.stage <= stage { select } else { self.wrapped(&select) }
    }

    /// A `SELECT` as a derived table of another.
    fn wrapped(&mut self, select: &Select) -> Select {
        let (scope, text, alias) = self.derived(select);
        Select::from(format!("({text}) AS {alias}"), scope)
    }

    /// The text of a derived table and what it is called; from now on its columns are mentioned as that.
    fn derived(&mut self, select: &Select) -> (Vec<Column>, String, String) {
        let alias = self.alias("q");
        let scope: Vec<Column> =
            select.scope.iter().copied().filter(|column| self.mentioned.contains(column)).collect();
        let names: Vec<String> = (0..scope.len()).map(|number| format!("c{number}")).collect();
        let columns: Vec<String> = scope
            .iter()
            .zip(&names)
            .map(|(column, name)| format!("{} AS {name}", self.column(*column)))
            .collect();
        let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
        let exprs: Vec<Expr> = scope.iter().map(|column| Expr::Column(*column)).collect();
        let text = self.finished(select, &columns, exprs.iter());
        for (column, name) in scope.iter().zip(names) {
            self.names.insert(*column, format!("{alias}.{name}"));
            self.of_groups.remove(column);
        }
        (scope, text, alias)
    }

    /// The `SELECT`, or a derived table of it if a subquery in one of these expressions mentions what only its groups
    /// have: an aggregate would be one of the query that it stands in.
    pub(super) fn settled<'e>(
        &mut self,
        select: Select,
        exprs: impl IntoIterator<Item = &'e Expr>,
    ) -> Select {
        if self.of_groups.is_empty() {
            return select;
        }
        let mut is_beyond = false;
        let mut mention = |expr: &Expr| {
            is_beyond |= matches!(expr, Expr::Column(column) if self.of_groups.contains(column));
        };
        for expr in exprs {
            walk(expr, &mut |expr| match expr {
                Expr::Scalar(query) | Expr::InQuery(_, query) => walk_query(query, &mut mention),
                Expr::Exists(relation) => walk_relation(relation, &mut mention),
                _ => {}
            });
        }
        if is_beyond { self.wrapped(&select) } else { select }
    }

    fn project(&mut self, input: &Relation, source: Source, columns: &[Expr]) -> Select {
        let mut select = self.relation(input);
        let needed = |(place, expr)| {
            let column = source.column(place);
            self.mentioned.contains(&column).then_some((column, expr))
        };
        let columns: Vec<(Column, &Expr)> = columns.iter().enumerate().filter_map(needed).collect();
        if columns.is_empty() {
            select.scope.clear();
            return select;
        }
        // Its columns may be computed before the rows are put in order, but not before they are made distinct.
        if select.is_projected || select.distinct.is_some() {
            select = self.wrapped(&select);
        }
        select = self.settled(select, columns.iter().map(|(_, expr)| *expr));
        // Columns that are only called otherwise are computed nowhere.
        let scope = &select.scope;
        let is_own = |expr: &Expr| matches!(expr, Expr::Column(column) if scope.contains(column));
        let is_renaming = columns.iter().all(|(_, expr)| is_own(expr));
        if !is_renaming || select.stage > Stage::Where {
            select.is_projected = true;
            select.stage = select.stage.max(Stage::Projected);
        }
        select.scope = columns.iter().map(|(column, _)| *column).collect();
        for (column, expr) in columns {
            let text = operand(expr, self);
            self.names.insert(column, text);
            let mut is_of_groups = false;
            walk(expr, &mut |expr| {
                is_of_groups |= matches!(expr, Expr::Column(column) if self.of_groups.contains(column));
            });
            if is_of_groups {
                self.of_groups.insert(column);
            }
        }
        select
    }

    fn sort(&mut self, input: &Relation, keys: &[SortKey]) -> Select {
        let select = self.until(input, Stage::Distinct);
        // What is the same in every row orders nothing, and as a number it would be read as a place.
        let orders = |key: &&SortKey| !is_constant(&operand(&key.expr, self));
        let keys: Vec<SortKey> = keys.iter().filter(orders).cloned().collect();
        if keys.is_empty() {
            return select;
        }
        let mut select = self.settled(select, keys.iter().map(|key| &key.expr));
        let is_among = |on: &Vec<Expr>| keys.iter().all(|key| on.contains(&key.expr));
        let mut order = order_by(&keys, self);
        // A subquery that is repeated is read as another one than the column that is distinct.
        if !select.distinct.as_ref().is_none_or(is_among)
            || select.distinct.is_some() && order.contains("SELECT ")
        {
            select = self.wrapped(&select);
            order = order_by(&keys, self);
        }
        select.order = order;
        select.stage = Stage::Order;
        select
    }

    fn distinct(&mut self, input: &Relation, on: &[Expr]) -> Select {
        let select = self.until(input, Stage::Order);
        let mut select = self.settled(select, on);
        if select.distinct.is_some() {
            select = self.wrapped(&select);
        }
        // Rows that differ in nothing are one.
        if on.iter().all(|expr| is_constant(&expression(expr, self))) {
            select.count = Some("1".to_owned());
            select.stage = Stage::Limit;
            return select;
        }
        // The first of the rows that agree is kept: in the order that there is, if there is one.
        select.is_first_kept = select.stage == Stage::Order;
        select.distinct = Some(on.to_vec());
        select.stage = select.stage.max(Stage::Distinct);
        select
    }

    fn join(&mut self, kind: JoinKind, left: &Relation, right: &Relation, on: &Expr) -> Select {
        let mut select = self.until(left, if is_pairing(kind) { Stage::From } else { Stage::Where });
        let mut inside = ColumnSet::new();
        walk_relation(right, &mut |expr| inside.extend(column_of(expr)));
        let is_lateral = select.scope.iter().any(|column| inside.contains(column));
        // A common table may mention the left side only within what is lateral itself.
        let outside = is_lateral.then(|| std::mem::take(&mut self.with));
        let other = self.relation(right);
        if !is_pairing(kind) {
            let mut other = if other.stage <= Stage::Where { other } else { self.wrapped(&other) };
            other.filter.push(operand(on, self));
            let not = if kind == JoinKind::Anti { "NOT " } else { "" };
            let rows = other.with_columns("", "1").to_string();
            let rows = match outside {
                Some(outside) => self.under_with(outside, rows),
                None => rows,
            };
            select.filter.push(format!("{not}EXISTS ({rows})"));
            select.stage = Stage::Where;
            return select;
        }
        let (scope, text) = match other.stage {
            Stage::From if !is_lateral && !other.from.is_empty() => {
                let mut inner = right;
                while let Relation::Project { input, .. } = inner {
                    inner = input;
                }
                let is_join = matches!(inner, Relation::Join { .. });
                let text = if is_join { format!("({})", other.from) } else { other.from };
                (other.scope, text)
            }
            _ => {
                let (scope, text, alias) = self.derived(&other);
                let lateral = if is_lateral { "LATERAL " } else { "" };
                let text = match outside {
                    Some(outside) => self.under_with(outside, text),
                    None => text,
                };
                (scope, format!("{lateral}({text}) AS {alias}"))
            }
        };
        if select.from.is_empty() {
            select = self.wrapped(&select);
        }
        let always = *on == Expr::And(Vec::new());
        select.scope.extend(scope);
        select.from = match kind {
            JoinKind::Inner if always => format!("{} CROSS JOIN {text}", select.from),
            kind => {
                let word = match kind {
                    JoinKind::Left => "LEFT JOIN",
                    JoinKind::Full => "FULL JOIN",
                    _ => "JOIN",
                };
                format!("{} {word} {text} ON {}", select.from, expression(on, self))
            }
        };
        select
    }

    fn aggregate(
        &mut self,
        input: &Relation,
        source: Source,
        keys: &[Expr],
        aggregates: &[Aggregate],
    ) -> Select {
        let mut select = self.until(input, Stage::Where);
        // One that nobody needs is not told: what it is computed from may be nowhere.
        let needed = |place: usize| self.mentioned.contains(&source.column(keys.len() + place));
        let aggregates = aggregates.iter().enumerate().map(|(place, aggregate)| match needed(place) {
            true => aggregate.clone(),
            false => Aggregate::rows(),
        });
        let (keys, aggregates) = (keys.to_vec(), aggregates.collect());
        let (keys, aggregates) = self.told(&mut select, keys, aggregates);
        let mut texts: Vec<String> = keys.iter().map(|key| operand(key, self)).collect();
        texts.extend(aggregates.iter().map(|one| aggregate(one, self)));
        select.group = Some(keys.iter().map(|key| no_place(key, self)).collect());
        select.aggregates = texts[keys.len()..].to_vec();
        select.scope = (0..texts.len()).map(|place| source.column(place)).collect();
        // A subquery can mention a key that is a column.
        let is_whole = |place: usize| !matches!(keys.get(place), Some(Expr::Column(_)));
        let of_groups = (0..texts.len()).filter(|place| is_whole(*place)).map(|place| source.column(place));
        self.of_groups.extend(of_groups);
        self.names.extend(select.scope.iter().copied().zip(texts));
        select.stage = Stage::Group;
        select
    }

    /// The keys and aggregates of groups as they can be told. A subquery that is repeated above the groups would be
    /// read as another one than the key, and an aggregate of nothing but columns of a query around as one of that
    /// query: these keys and arguments are computed in a derived table.
    fn told(
        &mut self,
        select: &mut Select,
        mut keys: Vec<Expr>,
        mut aggregates: Vec<Aggregate>,
    ) -> (Vec<Expr>, Vec<Aggregate>) {
        let scope = select.scope.clone();
        let strange = aggregates.iter_mut().filter(|aggregate| {
            let mut columns = ColumnSet::new();
            aggregate.expressions().for_each(|expr| add_columns(expr, &mut columns));
            let is_named = columns.iter().any(|column| self.names.contains_key(column));
            is_named && !columns.iter().any(|column| scope.contains(column))
        });
        let arguments: Vec<&mut Expr> =
            strange.filter_map(|aggregate| aggregate.expressions_mut().next()).collect();
        let computed = keys.iter_mut().filter(|key| has_subquery(key)).chain(arguments);
        let computed: Vec<&mut Expr> = computed.collect();
        if computed.is_empty() {
            return (keys, aggregates);
        }
        for expr in computed {
            let column = Source::new(u32::MAX - 1).column(self.computed);
            self.computed += 1;
            let text = operand(expr, self);
            self.names.insert(column, text);
            self.mentioned.insert(column);
            select.scope.push(column);
            *expr = Expr::Column(column);
        }
        // What only they were computed from is needed no more.
        let mut needed = ColumnSet::new();
        let exprs = keys.iter().chain(aggregates.iter().flat_map(Aggregate::expressions));
        exprs.for_each(|expr| add_columns(expr, &mut needed));
        select.scope.retain(|column| needed.contains(column));
        *select = self.wrapped(select);
        (keys, aggregates)
    }

    fn window(&mut self, input: &Relation, source: Source, functions: &[WindowFunction]) -> Select {
        let select = self.until(input, Stage::Having);
        let mut exprs = Vec::new();
        functions.iter().for_each(|function| function.each_expression(&mut |expr| exprs.push(expr)));
        let mut select = self.settled(select, exprs);
        for (place, function) in functions.iter().enumerate() {
            let text = window(function, self);
            self.of_groups.insert(source.column(place));
            select.scope.push(source.column(place));
            self.names.insert(source.column(place), text);
        }
        // Window functions stand among the columns: whatever filters by them comes too late.
        select.stage = Stage::Projected;
        select
    }
}

/// Whether a join's columns are those of both of its sides.
fn is_pairing(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Full)
}
