//! The algebra as SQL for SQLite.
//!
//! Every operator becomes a `SELECT` over its inputs in parentheses, whose columns are called after the source that
//! introduces them: the third column of source 5 is `s5_2`. Sources are unique in a statement, so a correlated
//! subquery just mentions the name. What SQLite lacks (`INTERSECT ALL`, semi-joins, `DISTINCT ON`) is spelled out in
//! what it has. Only what the generators make is covered.

use std::cell::Cell;

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Column, Comparison, Expr, Function, JoinKind, OutputColumn,
    Query, Relation, RowCount, SetKind, SortKey, Source, TextMatch,
};
use nuages_storage::{DataType, Value};

use crate::schema::{Table, joined};

/// Prints statements over some tables.
pub(crate) struct Printer<'t> {
    tables: &'t [Table],
    /// What the parameters are bound to; the SQL has the values.
    parameters: &'t [Value],
    /// Numbers for the names of columns that only the SQL has.
    fresh: Cell<usize>,
}

impl<'t> Printer<'t> {
    pub(crate) fn new(tables: &'t [Table], parameters: &'t [Value]) -> Printer<'t> {
        Printer { tables, parameters, fresh: Cell::new(0) }
    }

    /// A query. The order of its outermost sort is the order of its rows.
    pub(crate) fn query(&self, query: &Query) -> String {
        let columns: Vec<(String, &Expr)> =
            query.columns.iter().map(|OutputColumn { name, expr }| (name.clone(), expr)).collect();
        let (from, tail) = self.tailed(&query.relation);
        format!("SELECT {} FROM ({from}){tail}", self.named(&columns))
    }

    fn named(&self, columns: &[(String, &Expr)]) -> String {
        match columns {
            [] => "1".to_owned(),
            columns => joined(columns, |(name, expr)| format!("{} AS {name}", self.expr(expr))),
        }
    }

    /// What a relation sorts or limits, and the clauses that do it; they stand on the same `SELECT`, for the order of
    /// a subquery does not outlive it.
    fn tailed(&self, relation: &Relation) -> (String, String) {
        match relation {
            Relation::Limit { input, offset, count } => {
                let (from, order) = match &**input {
                    sort @ Relation::Sort { .. } => self.tailed(sort),
                    input => (self.relation(input), String::new()),
                };
                let count = count.as_ref().map_or("-1".to_owned(), |count| self.row_count(count));
                (from, format!("{order} LIMIT {count} OFFSET {}", self.row_count(offset)))
            }
            Relation::Sort { input, keys } => {
                let (from, order) = self.keyed(input, keys);
                (from, format!(" ORDER BY {order}"))
            }
            other => (self.relation(other), String::new()),
        }
    }

    fn row_count(&self, rows: &RowCount) -> String {
        match rows {
            RowCount::Fixed(rows) => rows.to_string(),
            RowCount::Computed(expr) => self.expr(expr),
        }
    }

    /// A relation with its sort keys as further columns, and the order by them. (In `ORDER BY` itself SQLite would
    /// take a number for a column's, and look for no column outside.)
    fn keyed(&self, input: &Relation, keys: &[SortKey]) -> (String, String) {
        let names: Vec<String> = keys.iter().map(|_| self.fresh("k")).collect();
        let columns: Vec<String> = keys
            .iter()
            .zip(&names)
            .map(|(key, name)| format!("{} AS {name}", self.expr(&key.expr)))
            .collect();
        let order: Vec<String> = keys
            .iter()
            .zip(&names)
            .map(|(key, name)| {
                let direction = if key.descending { "DESC" } else { "ASC" };
                let nulls = if key.nulls_first { "FIRST" } else { "LAST" };
                format!("{name} {direction} NULLS {nulls}")
            })
            .collect();
        (format!("SELECT *, {} FROM ({})", columns.join(", "), self.relation(input)), order.join(", "))
    }

    fn relation(&self, relation: &Relation) -> String {
        match relation {
            Relation::Unit => format!("SELECT 1 AS {}", self.fresh("one")),
            Relation::Scan { table, source } => self.scan(*table, *source),
            Relation::Values { source, types, rows } => self.values(*source, types, rows),
            Relation::Filter { input, predicate } => {
                format!("SELECT * FROM ({}) WHERE {}", self.relation(input), self.expr(predicate))
            }
            Relation::Project { input, source, columns } => {
                format!("SELECT {} FROM ({})", self.projected(*source, columns), self.relation(input))
            }
            Relation::Join { kind, left, right, on } => {
                let (left, right, on) = (self.relation(left), self.relation(right), self.expr(on));
                match kind {
                    JoinKind::Inner => format!("SELECT * FROM ({left}) JOIN ({right}) ON {on}"),
                    JoinKind::Left => format!("SELECT * FROM ({left}) LEFT JOIN ({right}) ON {on}"),
                    JoinKind::Full => format!("SELECT * FROM ({left}) FULL JOIN ({right}) ON {on}"),
                    JoinKind::Semi | JoinKind::Anti => {
                        let not = if *kind == JoinKind::Anti { "NOT " } else { "" };
                        format!(
                            "SELECT * FROM ({left}) WHERE {not}EXISTS (SELECT 1 FROM ({right}) WHERE {on})"
                        )
                    }
                }
            }
            Relation::Aggregate { input, source, keys, aggregates } => {
                self.aggregate(input, *source, keys, aggregates)
            }
            Relation::Sort { .. } | Relation::Limit { .. } => {
                let (from, tail) = self.tailed(relation);
                format!("SELECT * FROM ({from}){tail}")
            }
            Relation::Distinct { input, on } => self.distinct(input, on),
            Relation::Set { kind, all, source, left, right } => self.set(*kind, *all, *source, left, right),
            other => unreachable!("the generators do not make {other:?}"),
        }
    }

    fn scan(&self, table: nuages_storage::TableId, source: Source) -> String {
        let table =
            self.tables.iter().find(|known| known.id == table).expect("queries mention tables there are");
        let mut columns: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{} AS {}", column.name, name(source.column(place))))
            .collect();
        if table.has_row_id() {
            columns.push(format!("{} AS {}", table.columns[table.key[0]].name, name(source.row_id())));
        }
        format!("SELECT {} FROM {}", columns.join(", "), table.name)
    }

    fn values(&self, source: Source, types: &[DataType], rows: &[Vec<Expr>]) -> String {
        if rows.is_empty() {
            let nulls: Vec<String> =
                (0..types.len()).map(|place| format!("NULL AS {}", name(source.column(place)))).collect();
            return format!("SELECT {} WHERE 0", nulls.join(", "));
        }
        let rows: Vec<String> =
            rows.iter().map(|row| format!("SELECT {}", self.projected(source, row))).collect();
        rows.join(" UNION ALL ")
    }

    fn projected(&self, source: Source, columns: &[Expr]) -> String {
        let columns: Vec<(String, &Expr)> =
            columns.iter().enumerate().map(|(place, expr)| (name(source.column(place)), expr)).collect();
        self.named(&columns)
    }

    fn aggregate(&self, input: &Relation, source: Source, keys: &[Expr], aggregates: &[Aggregate]) -> String {
        let mut below = vec![format!("1 AS {}", self.fresh("one"))];
        let mut columns = Vec::new();
        let mut group = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let key_name = self.fresh("k");
            below.push(format!("{} AS {key_name}", self.expr(key)));
            columns.push(format!("{key_name} AS {}", name(source.column(place))));
            group.push(key_name);
        }
        for (place, aggregate) in aggregates.iter().enumerate() {
            let argument = match &aggregate.argument {
                Some(argument) => {
                    let argument_name = self.fresh("a");
                    below.push(format!("{} AS {argument_name}", self.expr(argument)));
                    argument_name
                }
                None => "*".to_owned(),
            };
            let filter = aggregate.filter.as_ref().map_or(String::new(), |filter| {
                let filter_name = self.fresh("f");
                below.push(format!("{} AS {filter_name}", self.expr(filter)));
                format!(" FILTER (WHERE {filter_name})")
            });
            let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
            let function = aggregate_name(aggregate.function);
            let column = name(source.column(keys.len() + place));
            columns.push(format!("{function}({distinct}{argument}){filter} AS {column}"));
        }
        let group = if group.is_empty() { String::new() } else { format!(" GROUP BY {}", group.join(", ")) };
        format!(
            "SELECT {} FROM (SELECT {} FROM ({})){group}",
            columns.join(", "),
            below.join(", "),
            self.relation(input)
        )
    }

    fn distinct(&self, input: &Relation, on: &[Expr]) -> String {
        match input {
            Relation::Sort { input, keys } => {
                let number = self.fresh("n");
                let (from, order) = self.keyed(input, keys);
                format!(
                    "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {} ORDER BY {order}) AS {number} \
                     FROM ({from})) WHERE {number} = 1",
                    joined(on, |expr| self.expr(expr)),
                )
            }
            input => {
                format!(
                    "SELECT DISTINCT {} FROM ({})",
                    joined(on, |expr| self.expr(expr)),
                    self.relation(input)
                )
            }
        }
    }

    fn set(&self, kind: SetKind, all: bool, source: Source, left: &Query, right: &Query) -> String {
        let side = |query: &Query| {
            let columns: Vec<(String, &Expr)> = query
                .columns
                .iter()
                .enumerate()
                .map(|(place, column)| (name(source.column(place)), &column.expr))
                .collect();
            format!("SELECT {} FROM ({})", self.named(&columns), self.relation(&query.relation))
        };
        let names: Vec<String> = (0..left.columns.len()).map(|place| name(source.column(place))).collect();
        let names = names.join(", ");
        let word = match kind {
            SetKind::Union => "UNION",
            SetKind::Intersect => "INTERSECT",
            SetKind::Except => "EXCEPT",
        };
        match (kind, all) {
            (SetKind::Union, true) => format!("{} UNION ALL {}", side(left), side(right)),
            (_, false) => format!("{} {word} {}", side(left), side(right)),
            (_, true) => {
                // Equal rows are told apart by their number, so that the n-th of one side meets the n-th of the other.
                let number = self.fresh("n");
                let numbered = |query: &Query| {
                    format!(
                        "SELECT {names}, row_number() OVER (PARTITION BY {names}) AS {number} FROM ({})",
                        side(query)
                    )
                };
                format!("SELECT {names} FROM ({} {word} {})", numbered(left), numbered(right))
            }
        }
    }

    fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Literal(value) => literal(value),
            Expr::Parameter(number, _) => literal(&self.parameters[*number]),
            Expr::Column(column) => name(*column),
            Expr::Compare(op, a, b) => format!("({} {} {})", self.expr(a), comparison(*op), self.expr(b)),
            Expr::And(parts) if parts.is_empty() => "1".to_owned(),
            Expr::Or(parts) if parts.is_empty() => "0".to_owned(),
            Expr::And(parts) => self.chain(parts, " AND "),
            Expr::Or(parts) => self.chain(parts, " OR "),
            Expr::Not(inner) => format!("(NOT {})", self.expr(inner)),
            Expr::IsNull(inner) => format!("({} IS NULL)", self.expr(inner)),
            Expr::InList(value, list) => {
                format!("({} IN ({}))", self.expr(value), joined(list, |item| self.expr(item)))
            }
            Expr::Arithmetic(op, a, b) => {
                format!("({} {} {})", self.expr(a), arithmetic(*op), self.expr(b))
            }
            Expr::Negate(inner) => format!("(- {})", self.expr(inner)),
            Expr::Case { branches, otherwise } => self.case(branches, otherwise.as_deref()),
            Expr::Cast(inner, to) => format!("CAST({} AS {})", self.expr(inner), sql_type(*to)),
            Expr::Match { kind, ignore_case, text, pattern } => {
                let folded = |expr: &Expr| match ignore_case {
                    true => format!("lower({})", self.expr(expr)),
                    false => self.expr(expr),
                };
                text_match(*kind, &folded(text), &folded(pattern))
            }
            Expr::Call(function, arguments) => self.call(function, arguments),
            Expr::Scalar(query) => format!("({})", self.query(query)),
            Expr::Exists(relation) => format!("(EXISTS (SELECT 1 FROM ({})))", self.relation(relation)),
            Expr::InQuery(value, query) => format!("({} IN ({}))", self.expr(value), self.query(query)),
        }
    }

    fn chain(&self, parts: &[Expr], between: &str) -> String {
        format!("({})", parts.iter().map(|part| self.expr(part)).collect::<Vec<_>>().join(between))
    }

    fn case(&self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> String {
        let branches: Vec<String> = branches
            .iter()
            .map(|(when, then)| format!(" WHEN {} THEN {}", self.expr(when), self.expr(then)))
            .collect();
        let otherwise = otherwise.map_or(String::new(), |expr| format!(" ELSE {}", self.expr(expr)));
        format!("(CASE{}{otherwise} END)", branches.concat())
    }

    fn call(&self, function: &Function, arguments: &[Expr]) -> String {
        let plain = |name: &str| format!("{name}({})", joined(arguments, |argument| self.expr(argument)));
        match function {
            Function::Lower => plain("lower"),
            Function::Upper => plain("upper"),
            Function::Length => plain("length"),
            Function::Substring => plain("substr"),
            Function::Trim => plain("trim"),
            Function::Replace => plain("replace"),
            Function::Coalesce => plain("coalesce"),
            Function::NullIf => plain("nullif"),
            Function::Abs => plain("abs"),
            Function::Position => plain("instr"),
            Function::Concat => {
                let text = |argument: &Expr| format!("coalesce({}, '')", self.expr(argument));
                format!("({})", arguments.iter().map(text).collect::<Vec<_>>().join(" || "))
            }
            Function::Greatest | Function::Least => {
                // SQLite's max() and min() of several arguments are NULL if one of them is.
                let value = self.fresh("v");
                let values: Vec<String> = arguments
                    .iter()
                    .map(|argument| format!("SELECT {} AS {value}", self.expr(argument)))
                    .collect();
                let name = if *function == Function::Greatest { "max" } else { "min" };
                format!("(SELECT {name}({value}) FROM ({}))", values.join(" UNION ALL "))
            }
            other => unreachable!("{other:?} is not generated"),
        }
    }

    fn fresh(&self, prefix: &str) -> String {
        self.fresh.set(self.fresh.get() + 1);
        format!("{prefix}{}", self.fresh.get())
    }
}

/// The name of a column.
fn name(column: Column) -> String {
    match column.is_row_id() {
        true => format!("s{}_row", column.source().number()),
        false => format!("s{}_{}", column.source().number(), column.index()),
    }
}

/// A value. Booleans are numbers in SQLite, and decimals floats.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::Int(value) if *value < 0 => format!("({value})"),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("({value:?})"),
        Value::Decimal(value) => format!("({})", value),
        value => format!("'{}'", value.to_string().replace('\'', "''")),
    }
}

fn comparison(op: Comparison) -> &'static str {
    match op {
        Comparison::Same => "IS",
        op => op.symbol(),
    }
}

fn arithmetic(op: Arithmetic) -> &'static str {
    op.symbol()
}

fn aggregate_name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::CountRows | AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        other => unreachable!("the generators do not make {other:?}"),
    }
}

fn sql_type(data_type: DataType) -> &'static str {
    match data_type {
        DataType::SmallInt | DataType::Integer | DataType::BigInt => "INTEGER",
        DataType::Text { .. } => "TEXT",
        _ => "REAL",
    }
}

fn text_match(kind: TextMatch, text: &str, pattern: &str) -> String {
    match kind {
        TextMatch::Exact => format!("({text} = {pattern})"),
        TextMatch::Contains => format!("(instr({text}, {pattern}) > 0)"),
        TextMatch::StartsWith => format!("(substr({text}, 1, length({pattern})) = {pattern})"),
        TextMatch::EndsWith => format!(
            "(CASE WHEN length({pattern}) > 0 THEN substr({text}, -length({pattern})) = {pattern} \
             WHEN {text} IS NOT NULL AND {pattern} IS NOT NULL THEN 1 END)"
        ),
        TextMatch::Like => format!("({text} LIKE {pattern} ESCAPE '\\')"),
        TextMatch::Regex => unreachable!("SQLite has no regular expressions"),
    }
}
