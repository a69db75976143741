//! EXPLAIN: a plan as a tree that a person can read.
//!
//! Every line is an operator, how it works and how many rows it yields: a plain number was counted in a counted tree,
//! one with a tilde is an estimate from statistics, one with a question mark rests on a guess. An explanation is a
//! value: [`text`] draws it, [`graph`] writes it for Graphviz and Mermaid, [`json`] for programs. [`analyze`] runs a
//! plan and notes in its explanation what each operator did.

pub mod graph;
pub mod json;
pub mod text;

use std::time::Duration;

use hashbrown::HashMap;
use nuages_storage::{IndexId, TableId, Value, Version};

use crate::algebra::{Column, Expr, JoinKind, SetKind, SortKey, Source, WindowFunction, WindowKind};
use crate::catalog::{Catalog, IndexExpr, IndexPart, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::execute;
use crate::execute::measured::measured;
pub use crate::measurement::Measurement;
use crate::plan::{
    Access, Bounds, Estimate, KeyValue, Lookup, LookupBy, Mark, Node, Plan, Scan, SubqueryKind, Top, Values,
};

/// A plan for people. Its [`Display`](std::fmt::Display) draws it as a tree; the fields serve programs.
///
/// ```text
/// Limit 10                                    10 rows
/// └─ Scan track by index track_album_id       11 rows
///    album_id = 5
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The operator and what it works on.
    pub operator: String,
    /// How: conditions, keys, bounds.
    pub details: Vec<String>,
    /// How many rows it yields.
    pub rows: Estimate,
    /// What it did, if the plan was run for that.
    pub measured: Option<Measurement>,
    /// What it stands on.
    pub inputs: Vec<Explanation>,
}

impl Explanation {
    /// The time in the operator itself, without what it stands on.
    pub fn own_time(&self) -> Option<Duration> {
        let below: Duration = self.inputs.iter().filter_map(|input| input.measured).map(|of| of.time).sum();
        self.measured.map(|measured| measured.time.saturating_sub(below))
    }
}

/// Runs a plan and explains it with what each operator did. Its rows are thrown away.
///
/// # Errors
/// As [`execute::run`].
pub fn analyze(
    plan: &Plan,
    version: &Version,
    catalog: &Catalog,
    context: &Context<'_>,
) -> Result<Explanation, Error> {
    let plan = measured(plan.clone());
    execute::run(&plan, version, context, &mut |_| Ok(()))?;
    Ok(plan.explain(catalog))
}

impl Plan {
    /// The plan as a tree for people, with the names of `catalog`.
    pub fn explain(&self, catalog: &Catalog) -> Explanation {
        let mut names = Names { catalog, tables: HashMap::new() };
        names.note(self);
        names.explain(self)
    }

    /// How many rows it yields.
    pub fn estimate(&self) -> Estimate {
        self.estimate
    }
}

/// The names of a plan's columns: a source that is a scan has its table's.
struct Names<'a> {
    catalog: &'a Catalog,
    tables: HashMap<Source, TableId>,
}

impl Names<'_> {
    fn note(&mut self, plan: &Plan) {
        match &plan.node {
            Node::Scan(scan) => {
                for column in &plan.columns {
                    self.tables.insert(column.column.source(), scan.table);
                }
                self.note_filter(scan.filter.as_ref().map(|filter| &filter.expr), scan.table);
            }
            Node::IndexJoin { left, lookup, .. } => {
                self.note(left);
                let outside = |column: &Column| !self.tables.contains_key(&column.source());
                let own: Vec<Source> = lookup
                    .on
                    .iter()
                    .chain(lookup.residual.as_ref().map(|residual| &residual.expr))
                    .flat_map(mentioned)
                    .chain(plan.columns.iter().map(|column| column.column))
                    .filter(outside)
                    .map(Column::source)
                    .collect();
                self.tables.extend(own.into_iter().map(|source| (source, lookup.table)));
            }
            _ => inputs(plan).into_iter().for_each(|input| self.note(input)),
        }
    }

    fn note_filter(&mut self, filter: Option<&Expr>, table: TableId) {
        for column in filter.into_iter().flat_map(mentioned) {
            self.tables.entry(column.source()).or_insert(table);
        }
    }

    fn table(&self, id: TableId) -> Option<&TableDefinition> {
        self.catalog.table(id).map(|table| &**table)
    }

    fn table_name(&self, id: TableId) -> String {
        self.table(id).map_or_else(|| "a dropped table".into(), |table| table.name.clone())
    }

    fn index_name(&self, table: TableId, id: IndexId) -> String {
        let index = self.table(table).and_then(|table| table.index(id));
        index.map_or_else(|| "a dropped index".into(), |index| index.name.clone())
    }

    fn column(&self, column: Column) -> String {
        let Some(table) = self.tables.get(&column.source()).and_then(|table| self.table(*table)) else {
            return format!("#{}.{}", column.source().number(), column.index() + 1);
        };
        match table.columns.get(column.index()) {
            Some(found) => format!("{}.{}", table.name, found.name),
            None => format!("{}'s row id", table.name),
        }
    }

    fn expr(&self, expr: &Expr) -> String {
        expr.print(&|column| self.column(column)).to_string()
    }

    fn exprs(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn order(&self, keys: &[SortKey]) -> String {
        let key = |key: &SortKey| {
            let direction = if key.descending { " DESC" } else { "" };
            let nulls = match (key.nulls_first == key.descending, key.nulls_first) {
                (true, _) => "",
                (false, true) => " NULLS FIRST",
                (false, false) => " NULLS LAST",
            };
            format!("{}{direction}{nulls}", self.expr(&key.expr))
        };
        keys.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    fn window(&self, function: &WindowFunction) -> String {
        let name = match function.function {
            WindowKind::Aggregate(function) => format!("{function:?}"),
            kind => format!("{kind:?}"),
        };
        let mut over = Vec::new();
        if !function.partition_by.is_empty() {
            over.push(format!("partition by {}", self.exprs(&function.partition_by)));
        }
        if !function.order_by.is_empty() {
            over.push(format!("order by {}", self.order(&function.order_by)));
        }
        format!("{name}({}) over ({})", self.exprs(&function.arguments), over.join(" "))
    }

    fn explain(&self, plan: &Plan) -> Explanation {
        if let Node::Measured { input, counter } = &plan.node {
            return Explanation { measured: Some(counter.read()), ..self.explain(input) };
        }
        let mut details = Vec::new();
        let operator = match &plan.node {
            Node::Unit => "One row".into(),
            Node::Values(rows) => format!("{} literal rows", rows.len()),
            Node::Scan(scan) => self.scan(scan, &mut details),
            Node::Count(access, table) => {
                let path = self.access(*table, access, &mut details);
                format!("Count {}{path} in the tree", self.table_name(*table))
            }
            Node::Filter { predicate, .. } => {
                details.push(self.expr(&predicate.expr));
                "Filter".into()
            }
            Node::Project { columns, .. } => format!("Project {} columns", columns.len()),
            Node::HashJoin { kind, on, residual, .. } | Node::MergeJoin { kind, on, residual, .. } => {
                details.push(self.exprs(on));
                details.extend(residual.iter().map(|residual| self.expr(&residual.predicate.expr)));
                let way = match plan.node {
                    Node::HashJoin { marks: true, .. } => "Hash right",
                    Node::HashJoin { .. } => "Hash",
                    _ => "Merge",
                };
                format!("{way} {}", kind_word(*kind))
            }
            Node::IndexJoin { kind, lookup, .. } => self.index_join(*kind, lookup, &mut details),
            Node::NestedLoop { kind, on, .. } => {
                details.extend(on.iter().map(|on| self.expr(&on.predicate.expr)));
                format!("Nested loop {}", kind_word(*kind))
            }
            Node::Aggregate { by, aggregates, .. } => {
                let functions: Vec<String> =
                    aggregates.iter().map(|aggregate| format!("{:?}", aggregate.function)).collect();
                details.push(functions.join(", "));
                match by.is_empty() {
                    true => "Aggregate".into(),
                    false => format!("Group by {}", self.exprs(by)),
                }
            }
            Node::Sort { top, by, .. } => {
                details.push(self.order(by));
                let of = |top: &Top| match (top.offset.fixed(), top.count.fixed()) {
                    (Some(_), Some(_)) => format!("Top {}", top.expected),
                    _ => "Top rows, as many as given".into(),
                };
                top.as_ref().map_or_else(|| "Sort".into(), of)
            }
            Node::Limit { offset, count, .. } => {
                let count = count.as_ref().map_or_else(|| "all".into(), ToString::to_string);
                match offset.fixed() {
                    Some(0) => format!("Limit {count}"),
                    _ => format!("Limit {count} after {offset}"),
                }
            }
            Node::Distinct { .. } => "Distinct".into(),
            Node::Set { kind, all, .. } => {
                let word = match kind {
                    SetKind::Union => "Union",
                    SetKind::Intersect => "Intersect",
                    SetKind::Except => "Except",
                };
                format!("{word}{}", if *all { " all" } else { "" })
            }
            Node::Window { by, .. } => {
                details.extend(by.iter().map(|function| self.window(function)));
                "Window".into()
            }
            Node::With { table, .. } => format!("With work table {}", table.number()),
            Node::Recursive { table, all, .. } => {
                details.push(if *all { String::new() } else { "each row once".into() });
                format!("Recursion over work table {}", table.number())
            }
            Node::WorkTable { table, .. } => format!("Work table {}", table.number()),
            Node::Lateral { kind, on, .. } => {
                details.extend(on.iter().map(|on| self.expr(&on.predicate.expr)));
                format!("For each row a {}", kind_word(*kind))
            }
            Node::Apply { subqueries, .. } => {
                details.extend(subqueries.iter().map(|subquery| match &subquery.kind {
                    SubqueryKind::Scalar => "a value".into(),
                    SubqueryKind::Exists => "whether there is a row".into(),
                    SubqueryKind::In(_) => "whether a value is among the rows".into(),
                    SubqueryKind::Mark(mark) => self.mark(mark),
                }));
                match subqueries.iter().all(|subquery| matches!(subquery.kind, SubqueryKind::Mark(_))) {
                    true => "Mark join".into(),
                    false => "For each row a subquery".into(),
                }
            }
            Node::Measured { .. } => unreachable!("it is explained above by what it measures"),
        };
        details.retain(|detail| !detail.is_empty());
        let inputs = inputs(plan).into_iter().map(|input| self.explain(input)).collect();
        Explanation { operator, details, rows: plan.estimate, measured: None, inputs }
    }

    fn mark(&self, mark: &Mark) -> String {
        let on: Vec<String> = mark.on.iter().map(|on| self.expr(on)).collect();
        let with = if on.is_empty() { "" } else { " with " };
        let unknown = if mark.is_certain { "" } else { ", or unknown" };
        format!("whether there is a row{with}{}{unknown}", on.join(" AND "))
    }

    fn scan(&self, scan: &Scan, details: &mut Vec<String>) -> String {
        let path = self.access(scan.table, &scan.access, details);
        if let Some(filter) = &scan.filter {
            details.push(format!("filter {}", self.expr(&filter.expr)));
        }
        if scan.offset.fixed() != Some(0) {
            details.push(format!("begins at row {} by the counts in the tree", scan.offset));
        }
        let backward = if scan.reverse { " backward" } else { "" };
        format!("Scan {}{path}{backward}", self.table_name(scan.table))
    }

    fn access(&self, table: TableId, access: &Access, details: &mut Vec<String>) -> String {
        let key = self.table(table).and_then(|table| Some(&table.columns.get(table.row_id_column()?)?.name));
        let key = key.map_or("row id", String::as_str);
        match access {
            Access::All => String::new(),
            Access::RowRange(bounds) => {
                details.push(range(key, bounds));
                format!(" by {key}")
            }
            Access::RowIds(values) => {
                details.push(among(key, values.iter()));
                format!(" by {key}")
            }
            Access::Index { index, prefixes, bounds, .. } => {
                let parts: Vec<String> = self
                    .table(table)
                    .and_then(|table| Some((table, table.index(*index)?)))
                    .map(|(table, index)| {
                        let name = |part: &IndexPart| part_name(table, part);
                        index.parts.iter().map(name).collect()
                    })
                    .unwrap_or_default();
                let fixed = prefixes.first().map_or(0, Vec::len);
                for (number, part) in parts.iter().take(fixed).enumerate() {
                    details.push(equal(part, prefixes.iter().filter_map(|prefix| prefix.get(number))));
                }
                if let Some(part) = parts.get(fixed) {
                    details.push(range(part, bounds));
                }
                format!(" by index {}", self.index_name(table, *index))
            }
            Access::Union(paths) | Access::Intersection(paths) => {
                let [both, word] = match access {
                    Access::Union(_) => [" OR ", " or "],
                    _ => [" AND ", " and "],
                };
                let mut names = Vec::new();
                let mut found = Vec::new();
                for path in paths {
                    let mut details = Vec::new();
                    let name = self.access(table, path, &mut details);
                    details.retain(|detail| !detail.is_empty());
                    found.push(details.join(" AND "));
                    names.push(name.trim_start_matches(" by ").to_owned());
                }
                details.push(found.join(both));
                names.dedup();
                format!(" by {}", names.join(word))
            }
        }
    }

    fn index_join(&self, kind: JoinKind, lookup: &Lookup, details: &mut Vec<String>) -> String {
        details.push(self.exprs(&lookup.on));
        details.extend(lookup.residual.iter().map(|residual| self.expr(&residual.expr)));
        let by = match &lookup.by {
            LookupBy::RowId(_) => "primary key".into(),
            LookupBy::Index { index, .. } => format!("index {}", self.index_name(lookup.table, *index)),
        };
        format!("Index {} with {} by {by}", kind_word(kind), self.table_name(lookup.table))
    }
}

/// A part of an index of `table`: a column's name, or the expression.
fn part_name(table: &TableDefinition, part: &IndexPart) -> String {
    let name = |place: usize| table.columns.get(place).map(|column| column.name.clone());
    let of = |column: Column| name(column.index()).unwrap_or_else(|| "row id".into());
    match &part.expr {
        IndexExpr::Column(place) => name(*place).unwrap_or_default(),
        IndexExpr::Expression(expr) => expr.print(&of).to_string(),
    }
}

fn mentioned(expr: &Expr) -> Vec<Column> {
    let mut found = Vec::new();
    if let Expr::Column(column) = expr {
        found.push(*column);
    }
    found.extend(expr.children().into_iter().flat_map(mentioned));
    found
}

fn inputs(plan: &Plan) -> Vec<&Plan> {
    match &plan.node {
        Node::Unit | Node::Values(_) | Node::Scan(_) | Node::Count(..) => Vec::new(),
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::Aggregate { input, .. }
        | Node::Sort { input, .. }
        | Node::Limit { input, .. }
        | Node::Window { input, .. }
        | Node::Distinct { input, .. }
        | Node::Measured { input, .. } => vec![input],
        Node::WorkTable { .. } => Vec::new(),
        Node::With { rows, input, .. } => vec![rows, input],
        Node::Recursive { base, step, .. } => vec![base, step],
        Node::IndexJoin { left, .. } => vec![left],
        Node::HashJoin { left, right, .. }
        | Node::MergeJoin { left, right, .. }
        | Node::NestedLoop { left, right, .. }
        | Node::Lateral { left, right, .. }
        | Node::Set { left, right, .. } => vec![left, right],
        Node::Apply { input, subqueries } => {
            std::iter::once(&**input).chain(subqueries.iter().map(|subquery| &subquery.plan)).collect()
        }
    }
}

fn kind_word(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "join",
        JoinKind::Left => "left join",
        JoinKind::Full => "full join",
        JoinKind::Semi => "semi-join",
        JoinKind::Anti => "anti-join",
    }
}

fn bound_text(scalar: &Scalar) -> String {
    scalar.as_constant().map_or_else(|| "a parameter".into(), |value| value.quoted().to_string())
}

fn equal<'s>(column: &str, values: impl Iterator<Item = &'s KeyValue> + Clone) -> String {
    match values.clone().next() {
        Some(KeyValue { value, matches_null: true }) => match value.as_constant() {
            Some(Value::Null) => format!("{column} IS NULL"),
            _ => format!("{column} IS NOT DISTINCT FROM {}", bound_text(value)),
        },
        _ => among(column, values.map(|value| &value.value)),
    }
}

fn among<'s>(column: &str, values: impl Iterator<Item = &'s Scalar>) -> String {
    let mut values: Vec<String> = values.map(bound_text).collect();
    values.dedup();
    match values.as_slice() {
        [one] => format!("{column} = {one}"),
        [first, .., last] if values.len() > 5 => {
            format!("{column} IN ({first}, .. {} more .., {last})", values.len() - 2)
        }
        values => format!("{column} IN ({})", values.join(", ")),
    }
}

fn range(column: &str, bounds: &Bounds) -> String {
    let end = |bound: &Option<crate::plan::Bound>, strict: &str, loose: &str| {
        let bound = bound.as_ref()?;
        let op = if bound.inclusive { loose } else { strict };
        Some(format!("{column} {op} {}", bound_text(&bound.value)))
    };
    let beginning = bounds.beginning().map(|text| format!("{column} begins with {}", bound_text(text)));
    let not_null = matches!(bounds.values, Values::NotNull).then(|| format!("{column} IS NOT NULL"));
    let ends = [end(&bounds.lower, ">", ">="), end(&bounds.upper, "<", "<="), beginning, not_null];
    ends.into_iter().flatten().collect::<Vec<_>>().join(" AND ")
}
