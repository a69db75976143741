//! Queries as `SELECT`s.
//!
//! Every column of the algebra gets the text it can be mentioned by: of a scan its name, of an aggregate the function
//! itself, of a derived table what the table calls it. An operator adds its clause to the [`Select`] of its input if it
//! comes in SQL's order, and to a wrapped one otherwise. Columns nobody mentions are not printed.

use hashbrown::{HashMap, HashSet};

use nuages_storage::TableId;
use nuages_storage::lock::Strength;

use super::Names;
use super::aggregate::{aggregate, direction, no_place, order_by, window};
use super::expression::{expression, operand};
use super::identifier::Identifier;
use super::select::{Select, Stage};
use crate::algebra::{
    Aggregate, Column, Expr, JoinKind, LockWait, OutputColumn, Query, Relation, RowCount, RowLock, SetKind,
    SortKey, Source, WindowFunction, WorkTable,
};
use crate::catalog::{Catalog, TableDefinition};
use crate::optimize::columns::{ColumnSet, walk_query, walk_relation};

/// Prints one statement.
pub(super) struct Printer<'c> {
    catalog: &'c Catalog,
    /// What every column in scope is mentioned by.
    names: HashMap<Column, String>,
    /// Every column that is mentioned anywhere in the statement.
    mentioned: ColumnSet,
    /// The names that things after `FROM` have.
    aliases: HashSet<String>,
    /// What the work tables in scope are called, and their columns.
    work_tables: HashMap<WorkTable, (String, Vec<String>)>,
    /// What the scans are called.
    scans: HashMap<Source, String>,
    /// The common table expressions of the query being printed.
    with: Vec<String>,
}

impl<'c> Printer<'c> {
    pub(super) fn new(catalog: &'c Catalog, query: &Query) -> Printer<'c> {
        Printer::of(catalog, |visit| walk_query(query, visit))
    }

    /// Of whatever has expressions, with which `walk` calls what it is given.
    pub(super) fn of(catalog: &'c Catalog, walk: impl FnOnce(&mut dyn FnMut(&Expr))) -> Printer<'c> {
        let mut mentioned = ColumnSet::new();
        walk(&mut |expr| mentioned.extend(column_of(expr)));
        Printer {
            catalog,
            names: HashMap::new(),
            mentioned,
            aliases: HashSet::new(),
            work_tables: HashMap::new(),
            scans: HashMap::new(),
            with: Vec::new(),
        }
    }

    /// A query with its columns and, in front, the common table expressions that it has.
    pub(super) fn print(&mut self, query: &Query) -> String {
        let outside = std::mem::take(&mut self.with);
        let body = match self.plain_set(query) {
            Some(body) => body,
            None => {
                let select = self.relation(&query.relation);
                let columns: Vec<String> = query.columns.iter().map(|column| self.output(column)).collect();
                let exprs = query.columns.iter().map(|column| &column.expr);
                let lock = query.lock.as_ref().map(|lock| self.lock(lock)).unwrap_or_default();
                format!("{}{lock}", self.finished(&select, &columns.join(", "), exprs))
            }
        };
        self.under_with(outside, body)
    }

    /// A `SELECT` with the common table expressions in front that came up in it; those of the query outside come back.
    fn under_with(&mut self, outside: Vec<String>, body: String) -> String {
        let with = std::mem::replace(&mut self.with, outside);
        if with.is_empty() { body } else { format!("WITH RECURSIVE {} {body}", with.join(", ")) }
    }

    /// `FOR UPDATE OF ..`
    fn lock(&self, lock: &RowLock) -> String {
        let strength = match lock.strength {
            Strength::Update => "UPDATE",
            Strength::NoKeyUpdate => "NO KEY UPDATE",
            Strength::Share => "SHARE",
            Strength::KeyShare => "KEY SHARE",
        };
        let wait = match lock.wait {
            LockWait::Wait => "",
            LockWait::NoWait => " NOWAIT",
            LockWait::SkipLocked => " SKIP LOCKED",
        };
        let of: Vec<&str> = lock
            .sources
            .iter()
            .filter_map(|(_, source)| self.scans.get(source))
            .map(String::as_str)
            .collect();
        format!(" FOR {strength} OF {}{wait}", of.join(", "))
    }

    /// An output column; one that is called what it is, or nothing, needs no name.
    fn output(&mut self, column: &OutputColumn) -> String {
        let text = expression(&column.expr, self);
        let name = Identifier(&column.name).to_string();
        let is_called_so = || text == name || text.ends_with(&format!(".{name}"));
        let is_named = column.name.is_empty() || matches!(column.expr, Expr::Column(_)) && is_called_so();
        if is_named { text } else { format!("{text} AS {name}") }
    }

    /// A `SELECT` with these columns, and `DISTINCT` as it must be over them.
    fn finished<'e>(
        &mut self,
        select: &Select,
        columns: &str,
        exprs: impl Iterator<Item = &'e Expr>,
    ) -> String {
        // One group of all rows needs something that says so.
        let is_whole = select.group.as_ref().is_some_and(Vec::is_empty) && select.having.is_empty();
        if is_whole && !select.aggregates.iter().any(|aggregate| columns.contains(aggregate)) {
            let mut grouped = select.clone();
            grouped.having.push("true".into());
            return self.finished(&grouped, columns, exprs);
        }
        let distinct = match &select.distinct {
            None => String::new(),
            Some(on) => {
                // What is the same in every row tells none apart, and as a number it would be read as a place.
                let mut told = |expr: &Expr| Some(expression(expr, self)).filter(|text| !is_constant(text));
                let on: Vec<String> = on.iter().filter_map(&mut told).collect();
                if !select.is_first_kept && exprs.filter_map(told).eq(on.iter().cloned()) {
                    "DISTINCT ".into()
                } else {
                    format!("DISTINCT ON ({}) ", on.join(", "))
                }
            }
        };
        select.with_columns(&distinct, columns).to_string()
    }

    /// A set operation whose columns are the query's own, sorted and cut at most: it needs no derived table.
    fn plain_set(&mut self, query: &Query) -> Option<String> {
        let (mut relation, mut limit, mut keys): (_, _, &[SortKey]) = (&query.relation, (None, None), &[]);
        if let Relation::Limit { input, offset, count } = relation {
            (relation, limit) =
                (input, (self.offset(offset), count.as_ref().map(|count| self.row_count(count))));
        }
        if let Relation::Sort { input, keys: by } = relation {
            (relation, keys) = (input, by);
        }
        let Relation::Set { kind, all, source, left, right } = relation else { return None };
        let place = |expr: &Expr| match expr {
            Expr::Column(column) if column.source() == *source => Some(column.index()),
            _ => None,
        };
        let is_own = query.lock.is_none()
            && query.columns.len() == left.columns.len()
            && query.columns.iter().zip(&left.columns).enumerate().all(|(number, (column, own))| {
                place(&column.expr) == Some(number) && column.name == own.name
            });
        let order = keys.iter().map(|key| Some(format!("{}{}", place(&key.expr)? + 1, direction(key))));
        let order: Vec<String> = order.collect::<Option<_>>().filter(|_| is_own)?;
        let body = self.set(*kind, *all, left, right);
        let (offset, count) = limit;
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let count = count.map(|count| format!(" LIMIT {count}")).unwrap_or_default();
        let offset = offset.map(|offset| format!(" OFFSET {offset}")).unwrap_or_default();
        Some(format!("{body}{order}{count}{offset}"))
    }

    /// A number of rows to leave out, if there are any.
    fn offset(&mut self, offset: &RowCount) -> Option<String> {
        (offset.fixed() != Some(0)).then(|| self.row_count(offset))
    }

    fn row_count(&mut self, rows: &RowCount) -> String {
        match rows {
            RowCount::Fixed(rows) => rows.to_string(),
            RowCount::Computed(expr) => expression(expr, self),
        }
    }

    fn set(&mut self, kind: SetKind, all: bool, left: &Query, right: &Query) -> String {
        let word = match kind {
            SetKind::Union => "UNION",
            SetKind::Intersect => "INTERSECT",
            SetKind::Except => "EXCEPT",
        };
        let all = if all { " ALL" } else { "" };
        format!("({}) {word}{all} ({})", self.print(left), self.print(right))
    }

    /// The `SELECT` of a relation, still without columns.
    fn relation(&mut self, relation: &Relation) -> Select {
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
                let mut select = self.until(input, Stage::Having);
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
            Relation::Project { input, source, columns } => {
                let mut select = self.relation(input);
                // Its columns may be computed before the rows are put in order, but not before they are made distinct.
                if select.is_projected || select.distinct.is_some() {
                    select = self.wrapped(&select);
                }
                let is_renaming = columns.iter().all(|expr| matches!(expr, Expr::Column(_)));
                let columns: Vec<(Column, &Expr)> =
                    columns.iter().enumerate().map(|(place, expr)| (source.column(place), expr)).collect();
                select.scope = columns.iter().map(|(column, _)| *column).collect();
                for (column, expr) in columns {
                    let text = operand(expr, self);
                    self.names.insert(column, text);
                }
                // Columns that are only called otherwise are computed nowhere.
                if !is_renaming || select.stage > Stage::Where {
                    select.is_projected = true;
                    select.stage = select.stage.max(Stage::Projected);
                }
                select
            }
            Relation::Join { kind, left, right, on } => self.join(*kind, left, right, on),
            Relation::Aggregate { input, source, keys, aggregates } => {
                self.aggregate(input, *source, keys, aggregates)
            }
            Relation::Window { input, source, functions } => self.window(input, *source, functions),
            Relation::Sort { input, keys } => {
                let mut select = self.until(input, Stage::Distinct);
                let is_among = |on: &Vec<Expr>| keys.iter().all(|key| on.contains(&key.expr));
                let mut order = order_by(keys, self);
                // A subquery that is repeated is read as another one than the column that is distinct.
                if !select.distinct.as_ref().is_none_or(is_among)
                    || select.distinct.is_some() && order.contains("SELECT ")
                {
                    select = self.wrapped(&select);
                    order = order_by(keys, self);
                }
                select.order = order;
                select.stage = Stage::Order;
                select
            }
            Relation::Limit { input, offset, count } => {
                let mut select = self.until(input, Stage::Order);
                select.offset = self.offset(offset);
                select.count = count.as_ref().map(|count| self.row_count(count));
                select.stage = Stage::Limit;
                select
            }
            Relation::Distinct { input, on } => {
                let mut select = self.until(input, Stage::Order);
                if select.distinct.is_some() {
                    select = self.wrapped(&select);
                }
                // The first of the rows that agree is kept: in the order that there is, if there is one.
                select.is_first_kept = select.stage == Stage::Order;
                select.distinct = Some(on.clone());
                select.stage = select.stage.max(Stage::Distinct);
                select
            }
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
    fn until(&mut self, relation: &Relation, stage: Stage) -> Select {
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
        }
        (scope, text, alias)
    }

    /// A table of the catalog.
    pub(super) fn table(&self, table: TableId) -> Option<&'c TableDefinition> {
        self.catalog.table(table).map(|table| &**table)
    }

    /// Rows that stand beside those that a statement writes: where they come from, and which of them.
    pub(super) fn rows_beside(&mut self, rows: &Relation) -> Select {
        self.until(rows, Stage::Where)
    }

    /// Mentions the columns of a source as those of something that is called so.
    pub(super) fn call_columns(
        &mut self,
        source: Source,
        table: &TableDefinition,
        name: &str,
    ) -> Vec<Column> {
        let name = Identifier(name);
        let columns = table.columns.iter().enumerate();
        let mut named: Vec<(Column, String)> = columns
            .map(|(place, column)| (source.column(place), format!("{name}.{}", Identifier(&column.name))))
            .collect();
        named.push((source.row_id(), format!("{name}.rowid")));
        let scope = named.iter().map(|(column, _)| *column).collect();
        self.names.extend(named);
        scope
    }

    pub(super) fn scan(&mut self, table: TableId, source: Source) -> Select {
        let Some(definition) = self.table(table) else { return Select::default() };
        let alias = self.alias(&definition.name);
        let scope = self.call_columns(source, definition, &alias);
        self.scans.insert(source, Identifier(&alias).to_string());
        let name = Identifier(&definition.name);
        let from = if alias == definition.name {
            name.to_string()
        } else {
            format!("{name} AS {}", Identifier(&alias))
        };
        Select::from(from, scope)
    }

    /// Something after `FROM` with columns of this source, which it names.
    fn named(&mut self, what: &str, kind: &str, source: Source, width: usize) -> Select {
        let alias = self.alias(kind);
        let names: Vec<String> = (0..width).map(|number| format!("c{number}")).collect();
        let scope: Vec<Column> = (0..width).map(|place| source.column(place)).collect();
        for (column, name) in scope.iter().zip(&names) {
            self.names.insert(*column, format!("{alias}.{name}"));
        }
        Select::from(format!("{what} AS {alias} ({})", names.join(", ")), scope)
    }

    /// A name for something after `FROM` that nothing else in the statement has: its own, or one with a number.
    fn alias(&mut self, name: &str) -> String {
        let is_table = |name: &str| self.catalog.table_named(name).is_ok();
        let numbered = (1..).map(|number| format!("{name}_{number}")).filter(|name| !is_table(name));
        let own = is_table(name).then(|| name.to_owned());
        let free = own.into_iter().chain(numbered).find(|name| !self.aliases.contains(name));
        let alias = free.unwrap_or_default();
        self.aliases.insert(alias.clone());
        alias
    }

    fn common(&mut self, table: WorkTable, body: &str, width: usize) {
        self.work_table(table, width);
        let head = self.head(table);
        self.with.push(format!("{head} AS ({body})"));
    }

    fn work_table(&mut self, table: WorkTable, width: usize) -> String {
        let name = self.alias("cte");
        let columns = (0..width).map(|number| format!("c{number}")).collect();
        self.work_tables.insert(table, (name.clone(), columns));
        name
    }

    fn head(&self, table: WorkTable) -> String {
        let head = |(name, columns): &(String, Vec<String>)| format!("{name} ({})", columns.join(", "));
        self.work_tables.get(&table).map_or_else(String::new, head)
    }

    fn join(&mut self, kind: JoinKind, left: &Relation, right: &Relation, on: &Expr) -> Select {
        let mut select = self.until(left, if is_pairing(kind) { Stage::From } else { Stage::Where });
        let mut inside = ColumnSet::new();
        walk_relation(right, &mut |expr| inside.extend(column_of(expr)));
        let is_lateral = select.scope.iter().any(|column| inside.contains(column));
        let other = self.relation(right);
        if !is_pairing(kind) {
            let mut other = if other.stage <= Stage::Where { other } else { self.wrapped(&other) };
            other.filter.push(operand(on, self));
            let not = if kind == JoinKind::Anti { "NOT " } else { "" };
            select.filter.push(format!("{not}EXISTS ({})", other.with_columns("", "1")));
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
                (scope, format!("{}({text}) AS {alias}", if is_lateral { "LATERAL " } else { "" }))
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
        let mut texts: Vec<String> = keys.iter().map(|key| operand(key, self)).collect();
        texts.extend(aggregates.iter().map(|one| aggregate(one, self)));
        select.group = Some(keys.iter().map(|key| no_place(key, self)).collect());
        select.aggregates = texts[keys.len()..].to_vec();
        select.scope = (0..texts.len()).map(|place| source.column(place)).collect();
        self.names.extend(select.scope.iter().copied().zip(texts));
        select.stage = Stage::Group;
        select
    }

    fn window(&mut self, input: &Relation, source: Source, functions: &[WindowFunction]) -> Select {
        let mut select = self.until(input, Stage::Having);
        for (place, function) in functions.iter().enumerate() {
            let text = window(function, self);
            select.scope.push(source.column(place));
            self.names.insert(source.column(place), text);
        }
        // Window functions stand among the columns: whatever filters by them comes too late.
        select.stage = Stage::Projected;
        select
    }
}

impl Names for Printer<'_> {
    fn column(&mut self, column: Column) -> String {
        // What is out of scope is an error of who made the statement; its text says so.
        self.names
            .get(&column)
            .cloned()
            .unwrap_or_else(|| format!("unknown_{}.c{}", column.source().number(), column.index()))
    }

    fn query(&mut self, query: &Query) -> String {
        self.print(query)
    }

    fn relation(&mut self, relation: &Relation) -> String {
        let outside = std::mem::take(&mut self.with);
        let mut select = Printer::relation(self, relation);
        // Where only matters whether there are rows, it does not whether they are distinct.
        if select.stage < Stage::Limit {
            select.distinct = None;
            select.order.clear();
        }
        let body = self.finished(&select, "1", std::iter::empty());
        self.under_with(outside, body)
    }
}

/// Whether a join's columns are those of both of its sides.
fn is_pairing(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Full)
}

/// Whether printed text is a number or NULL.
fn is_constant(text: &str) -> bool {
    text == "NULL" || text.starts_with("CAST(NULL AS ") || text.parse::<f64>().is_ok()
}

fn column_of(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Column(column) => Some(*column),
        _ => None,
    }
}
