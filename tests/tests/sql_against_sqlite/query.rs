//! Queries: joins, groups, windows, set operations, common tables and subqueries.
//!
//! An answer must be one set of rows. So a LIMIT stands only behind an order of all columns, and what looks at the
//! order of rows (`row_number`, frames of rows) orders them by all columns there are: rows that are alike may be
//! exchanged.

use nuages_tests::tape::Tape;

use super::expression::{Kind, literal};
use super::schema::Schema;

/// A name that a value may be read by.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    kind: Kind,
    /// Whether it is a column, which a subquery may mention too: aggregates and window functions may it not.
    is_column: bool,
}

/// A query, and what is known of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    pub(crate) sql: String,
    pub(crate) kinds: Vec<Kind>,
    /// The columns it is ordered by, first to last.
    pub(crate) order: Vec<usize>,
}

/// A condition over rows, which splits them in three.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// What is read, up to the word WHERE.
    pub(crate) from: String,
    pub(crate) columns: String,
    pub(crate) condition: String,
}

/// Writes queries down, by the decisions of a tape.
pub(crate) struct Writer<'s> {
    pub(crate) tape: Tape<'s>,
    pub(crate) schema: &'s Schema,
    /// What may be named, the innermost query last.
    scopes: Vec<Vec<Name>>,
    /// Common tables in scope.
    common: Vec<(String, Vec<Kind>)>,
    aliases: usize,
    /// How many more subqueries there may be.
    queries_left: usize,
    /// Whether columns of outer queries may be named.
    sees_outer: bool,
    /// A table that must not be read.
    pub(crate) banned: Option<String>,
}

/// How deep expressions lie within each other.
const DEPTH: usize = 3;

impl<'s> Writer<'s> {
    pub(crate) fn new(schema: &'s Schema, tape: Tape<'s>) -> Writer<'s> {
        let (scopes, common) = (Vec::new(), Vec::new());
        Writer { tape, schema, scopes, common, aliases: 0, queries_left: 4, sees_outer: true, banned: None }
    }

    /// A query as a whole.
    pub(crate) fn whole(&mut self) -> Selected {
        let mut with = String::new();
        if self.tape.one_in(8) {
            let kinds = self.kinds();
            let rows = self.plain(&kinds, 1);
            let hint = self.tape.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]);
            with = format!("WITH w AS {hint}({rows}) ");
            self.common.push(("w".to_owned(), kinds));
        } else if self.tape.one_in(12) {
            let (step, end) = (self.tape.pick(&["1", "2"]), self.tape.below(9));
            let union = self.tape.pick(&["UNION ALL", "UNION"]);
            with = format!(
                "WITH RECURSIVE w(c0) AS (SELECT 1 {union} SELECT c0 + {step} FROM w WHERE c0 < {end}) "
            );
            self.common.push(("w".to_owned(), vec![Kind::Int]));
        }
        let kinds = self.kinds();
        let mut selected = self.ordered(&kinds, DEPTH);
        selected.sql.insert_str(0, &with);
        selected
    }

    /// A query for a view.
    pub(crate) fn view(&mut self) -> Selected {
        let kinds = self.kinds();
        let sql = self.plain(&kinds, 1);
        Selected { sql, kinds, order: Vec::new() }
    }

    fn kinds(&mut self) -> Vec<Kind> {
        (0..=self.tape.below(3)).map(|_| Kind::any(&mut self.tape)).collect()
    }

    /// A query with an order, or none.
    fn ordered(&mut self, kinds: &[Kind], depth: usize) -> Selected {
        let mut sql = self.plain(kinds, depth);
        let mut order = Vec::new();
        let wanted = self.tape.below(5);
        if wanted < 3 {
            return Selected { sql, kinds: kinds.to_vec(), order };
        }
        order.extend(0..kinds.len());
        if self.tape.one_in(2) {
            order.rotate_left(1);
        }
        if wanted == 3 {
            order.truncate(self.tape.below(kinds.len()) + 1);
        }
        let keys: Vec<String> = order.iter().map(|place| self.sort_key(&(place + 1).to_string())).collect();
        sql = format!("{sql} ORDER BY {}", keys.join(", "));
        if wanted == 4 {
            sql = format!("{sql} LIMIT {}", self.tape.pick(&["3", "1", "10", "0", "-1"]));
            if self.tape.one_in(3) {
                sql = format!("{sql} OFFSET {}", self.tape.pick(&["1", "0", "5"]));
            }
        }
        Selected { sql, kinds: kinds.to_vec(), order }
    }

    /// All rows of a query, in an order of all columns.
    pub(crate) fn in_full_order(&mut self, kinds: &[Kind]) -> String {
        let sql = self.plain(kinds, 1);
        let keys: Vec<String> = (1..=kinds.len()).map(|place| place.to_string()).collect();
        format!("{sql} ORDER BY {}", keys.join(", "))
    }

    fn sort_key(&mut self, text: &str) -> String {
        let direction = self.tape.pick(&["", " DESC"]);
        let nulls = self.tape.pick(&["", "", " NULLS FIRST", " NULLS LAST"]);
        format!("{text}{direction}{nulls}")
    }

    /// A query without an order.
    fn plain(&mut self, kinds: &[Kind], depth: usize) -> String {
        let mut sql = self.select(kinds, depth);
        while self.tape.one_in(7) {
            let operator = self.tape.pick(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
            sql = format!("{sql} {operator} {}", self.select(kinds, depth.min(1)));
        }
        sql
    }

    fn select(&mut self, kinds: &[Kind], depth: usize) -> String {
        self.scopes.push(Vec::new());
        let mut sql = format!(" FROM {}", self.from(depth));
        if !self.tape.one_in(3) {
            sql = format!("{sql} WHERE {}", self.condition(depth));
        }
        let is_grouped = self.tape.one_in(4);
        if is_grouped {
            sql += &self.group(depth);
        }
        if self.tape.one_in(6) {
            self.add_windows();
        }
        let columns: Vec<String> = kinds.iter().map(|kind| self.value(*kind, depth.min(2))).collect();
        self.scopes.pop();
        let named = columns.iter().enumerate().map(|(place, column)| format!("{column} AS c{place}"));
        let distinct = if self.tape.one_in(7) { "DISTINCT " } else { "" };
        format!("SELECT {distinct}{}{sql}", named.collect::<Vec<_>>().join(", "))
    }

    /// Groups the rows of the innermost query: from here on its keys and its aggregates are what may be named.
    fn group(&mut self, depth: usize) -> String {
        let mut names = Vec::new();
        for _ in 0..self.tape.below(3) {
            let Some((column, kind)) = self.any_column() else { break };
            let computed = match (self.tape.below(5), kind) {
                (3, Kind::Int) => Some((format!("({column} % 3)"), Kind::Int)),
                (3, Kind::Text) => Some((format!("length({column})"), Kind::Int)),
                (4, _) => Some((format!("({column} IS NULL)"), Kind::Int)),
                _ => None,
            };
            let is_column = computed.is_none();
            let (text, kind) = computed.unwrap_or((column, kind));
            names.push(Name { text, kind, is_column });
        }
        let keys: Vec<String> = names.iter().map(|name| name.text.clone()).collect();
        for kind in Kind::ALL {
            if self.tape.one_in(2) {
                let text = self.aggregate(kind);
                names.push(Name { text, kind, is_column: false });
            }
        }
        let text = self.aggregate(Kind::Int);
        names.push(Name { text, kind: Kind::Int, is_column: false });
        if let Some(scope) = self.scopes.last_mut() {
            *scope = names;
        }
        // Without keys it is an aggregate in its place that makes it a group.
        if keys.is_empty() {
            return String::new();
        }
        let having = match self.tape.one_in(3) {
            true => format!(" HAVING {}", self.condition(depth.min(1))),
            false => String::new(),
        };
        format!(" GROUP BY {}{having}", keys.join(", "))
    }

    /// A sum of columns of the innermost query and of one around it.
    fn mixed_sum(&mut self) -> Option<String> {
        let innermost = self.scopes.len().checked_sub(1).filter(|innermost| *innermost > 0)?;
        if !self.sees_outer || !self.tape.one_in(4) {
            return None;
        }
        let depths = [innermost, self.tape.below(innermost)];
        let mut names = depths.into_iter().map(|depth| {
            let is_number = |name: &&Name| name.is_column && name.kind == Kind::Int;
            let fitting: Vec<&Name> = self.scopes[depth].iter().filter(is_number).collect();
            Some(fitting.get(self.tape.below(fitting.len().max(1)))?.text.clone())
        });
        let (own, outer) = (names.next()??, names.next()??);
        Some(format!("({own} + {outer})"))
    }

    /// An aggregate of the rows of the innermost query. One whose argument names an outer query's columns alone would
    /// be the outer query's; with one of its own it is the innermost's.
    fn aggregate(&mut self, kind: Kind) -> String {
        let mixed = if kind == Kind::Int { self.mixed_sum() } else { None };
        let (saw, left) = (self.sees_outer, self.queries_left);
        (self.sees_outer, self.queries_left) = (false, 0);
        let mut of = |kind| self.value(kind, 1);
        let argument = mixed.unwrap_or_else(|| of(kind));
        let call = match kind {
            Kind::Int => match self.tape.below(7) {
                0 => "count(*)".to_owned(),
                1 => {
                    let kind = Kind::any(&mut self.tape);
                    format!("count({})", self.value(kind, 1))
                }
                2 => format!("sum({argument})"),
                3 => format!("max({argument})"),
                4 => format!("min({argument})"),
                5 => format!("sum(DISTINCT {argument})"),
                _ => {
                    let kind = Kind::any(&mut self.tape);
                    format!("count(DISTINCT {})", self.value(kind, 1))
                }
            },
            Kind::Real => match self.tape.below(6) {
                0 => format!("sum({argument})"),
                1 => format!("avg({argument})"),
                2 => format!("total({argument})"),
                3 => format!("max({argument})"),
                4 => format!("min({argument})"),
                _ => format!("avg({})", self.value(Kind::Int, 1)),
            },
            Kind::Text => match self.tape.below(4) {
                0 => format!("max({argument})"),
                1 => format!("min({argument})"),
                2 => format!("group_concat({argument}, ',' ORDER BY {argument})"),
                _ => format!("group_concat(DISTINCT {argument} ORDER BY {argument})"),
            },
        };
        let filter = match self.tape.one_in(5) {
            true => format!(" FILTER (WHERE {})", self.condition(1)),
            false => String::new(),
        };
        (self.sees_outer, self.queries_left) = (saw, left);
        call + &filter
    }

    /// Window functions, which may be named like columns of the innermost query.
    fn add_windows(&mut self) {
        let columns: Vec<String> = self
            .scopes
            .last()
            .map_or_else(Vec::new, |scope| scope.iter().map(|name| name.text.clone()).collect());
        let total = columns.join(", ");
        let partition = match self.any_name() {
            Some((name, _)) if self.tape.one_in(2) => format!("PARTITION BY {name} "),
            _ => String::new(),
        };
        let mut windows = Vec::new();
        for _ in 0..=self.tape.below(2) {
            let of = Kind::any(&mut self.tape);
            let left = std::mem::take(&mut self.queries_left);
            let argument = self.value(of, 1);
            self.queries_left = left;
            let (call, kind, order) = match self.tape.below(12) {
                0 => ("row_number()".to_owned(), Kind::Int, total.clone()),
                1 => (format!("lag({argument})"), of, total.clone()),
                2 => (format!("lead({argument}, 2)"), of, total.clone()),
                3 => (format!("first_value({argument})"), of, total.clone()),
                4 => (format!("last_value({argument})"), of, total.clone()),
                5 => (format!("nth_value({argument}, 2)"), of, total.clone()),
                6 => (format!("ntile({})", self.tape.pick(&["2", "3"])), Kind::Int, total.clone()),
                7 => ("rank()".to_owned(), Kind::Int, self.some_key()),
                8 => ("dense_rank()".to_owned(), Kind::Int, self.some_key()),
                9 => (format!("count({argument})"), Kind::Int, self.some_key()),
                10 => (format!("max({argument})"), of, self.some_key()),
                _ => {
                    let argument = self.value(Kind::Int, 0);
                    (format!("sum({argument})"), Kind::Int, self.some_key())
                }
            };
            let frame = match order == total && call.contains("value") || call.starts_with("sum") {
                true => self.frame(order == total),
                false => String::new(),
            };
            let order = if order.is_empty() { order } else { format!("ORDER BY {order}") };
            windows.push(Name {
                text: format!("{call} OVER ({partition}{order}{frame})"),
                kind,
                is_column: false,
            });
        }
        if let Some(scope) = self.scopes.last_mut() {
            // The first of their kind, so that they are named.
            windows.append(scope);
            *scope = windows;
        }
    }

    fn some_key(&mut self) -> String {
        match self.any_name() {
            Some((name, _)) => self.sort_key(&name),
            None => String::new(),
        }
    }

    /// A frame: one of rows only where the order tells rows apart.
    fn frame(&mut self, is_total: bool) -> String {
        let unit =
            if is_total { self.tape.pick(&["", "ROWS", "GROUPS"]) } else { self.tape.pick(&["", "GROUPS"]) };
        if unit.is_empty() {
            return String::new();
        }
        let begin = self.tape.pick(&["UNBOUNDED PRECEDING", "1 PRECEDING", "2 PRECEDING", "CURRENT ROW"]);
        let end = self.tape.pick(&["CURRENT ROW", "1 FOLLOWING", "UNBOUNDED FOLLOWING", "2 FOLLOWING"]);
        let exclude = self.tape.pick(&["", "", " EXCLUDE CURRENT ROW", " EXCLUDE TIES", " EXCLUDE GROUP"]);
        format!(" {unit} BETWEEN {begin} AND {end}{exclude}")
    }

    /// What is read, and what it is joined with.
    fn from(&mut self, depth: usize) -> String {
        let mut sql = self.source(depth);
        for _ in 0..self.tape.below(8).saturating_sub(4).min(depth) {
            let known = self.scopes.last().map_or(0, Vec::len);
            let kind = self.tape.pick(&[
                "JOIN",
                "LEFT JOIN",
                "JOIN",
                "LEFT JOIN",
                "RIGHT JOIN",
                "FULL JOIN",
                "CROSS JOIN",
            ]);
            let source = self.source(depth - 1);
            sql = format!("{sql} {kind} {source}");
            if kind != "CROSS JOIN" {
                let condition = self.join_condition(known);
                sql = format!("{sql} ON {condition}");
            }
        }
        sql
    }

    /// A condition between what was joined before and what is joined now.
    fn join_condition(&mut self, known: usize) -> String {
        let scope = self.scopes.last().cloned().unwrap_or_default();
        let (before, now) = scope.split_at(known);
        let right = now.get(self.tape.below(now.len().max(1))).cloned();
        let equal = right.and_then(|right| {
            let same: Vec<&Name> = before.iter().filter(|left| left.kind == right.kind).collect();
            let left = *same.get(self.tape.below(same.len().max(1)))?;
            Some(format!("{} = {}", left.text, right.text))
        });
        match (equal, self.tape.below(4)) {
            (Some(equal), 0..=2) => equal,
            (Some(equal), _) => format!("{equal} AND {}", self.condition(1)),
            (None, _) => self.condition(1),
        }
    }

    /// A table, a view, a common table or a query in the place of one; its columns come into scope.
    fn source(&mut self, depth: usize) -> String {
        let alias = format!("a{}", self.aliases);
        self.aliases += 1;
        let may_nest = depth > 1 && self.queries_left > 0;
        if may_nest && self.tape.one_in(8) {
            self.queries_left -= 1;
            let hidden = self.scopes.pop().unwrap_or_default();
            let kinds = self.kinds();
            let query = self.ordered(&kinds, depth - 1).sql;
            self.scopes.push(hidden);
            self.add_columns(&alias, &kinds);
            return format!("({query}) AS {alias}");
        }
        if let Some((name, kinds)) = self.common.last().cloned()
            && self.tape.one_in(2)
        {
            self.add_columns(&alias, &kinds);
            return format!("{name} AS {alias}");
        }
        let tables: Vec<_> = self
            .schema
            .tables
            .iter()
            .filter(|table| self.banned.as_ref().is_none_or(|banned| *banned != table.name && !table.is_view))
            .collect();
        if tables.is_empty() {
            self.add_columns(&alias, &[Kind::Int]);
            return format!("(SELECT 1 AS c0) AS {alias}");
        }
        let table = tables[self.tape.below(tables.len())];
        let names = table.columns.iter().map(|(column, kind)| Name {
            text: format!("{alias}.{column}"),
            kind: *kind,
            is_column: true,
        });
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(names);
        }
        format!("{} AS {alias}", table.name)
    }

    fn add_columns(&mut self, alias: &str, kinds: &[Kind]) {
        let names = kinds.iter().enumerate().map(|(place, kind)| Name {
            text: format!("{alias}.c{place}"),
            kind: *kind,
            is_column: true,
        });
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(names);
        }
    }

    /// Brings the columns of the table that a statement changes into scope.
    pub(crate) fn enter(&mut self, columns: impl Iterator<Item = (String, Kind)>) {
        self.scopes.push(columns.map(|(text, kind)| Name { text, kind, is_column: true }).collect());
    }

    /// Leaves what was entered.
    pub(crate) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Forbids subqueries from here on.
    pub(crate) fn without_queries(&mut self) {
        self.queries_left = 0;
    }

    /// A column of a kind, of this query or now and then of one around it.
    pub(crate) fn column(&mut self, kind: Kind) -> Option<String> {
        let outermost = self.scopes.len().saturating_sub(1);
        let depth = if self.sees_outer && outermost > 0 && self.tape.one_in(4) {
            self.tape.below(outermost)
        } else {
            outermost
        };
        let is_outer = depth != outermost;
        let scope = self.scopes.get(depth)?;
        let fitting: Vec<&Name> =
            scope.iter().filter(|name| name.kind == kind && (name.is_column || !is_outer)).collect();
        let name = fitting.get(self.tape.below(fitting.len().max(1)))?;
        Some(name.text.clone())
    }

    /// A column of the innermost query.
    pub(crate) fn any_column(&mut self) -> Option<(String, Kind)> {
        let scope = self.scopes.last()?;
        let columns: Vec<&Name> = scope.iter().filter(|name| name.is_column).collect();
        let name = columns.get(self.tape.below(columns.len().max(1)))?;
        Some((name.text.clone(), name.kind))
    }

    /// A column or an aggregate of the innermost query.
    fn any_name(&mut self) -> Option<(String, Kind)> {
        let scope = self.scopes.last()?;
        let name = scope.get(self.tape.below(scope.len().max(1)))?;
        Some((name.text.clone(), name.kind))
    }

    fn may_query(&mut self) -> bool {
        let may = self.queries_left > 0;
        self.queries_left = self.queries_left.saturating_sub(1);
        may
    }

    /// A query of one value.
    pub(crate) fn scalar_query(&mut self, kind: Kind, depth: usize) -> Option<String> {
        if !self.may_query() {
            return None;
        }
        if self.tape.one_in(3) {
            let sql = self.plain(&[kind], depth.min(1));
            return Some(format!("{sql} ORDER BY {} LIMIT 1", self.sort_key("1")));
        }
        self.scopes.push(Vec::new());
        let from = self.from(depth.min(1));
        let condition = self.condition(1);
        let aggregate = self.aggregate(kind);
        self.scopes.pop();
        Some(format!("SELECT {aggregate} FROM {from} WHERE {condition}"))
    }

    /// A query of one column.
    pub(crate) fn column_query(&mut self, kind: Kind, depth: usize) -> Option<String> {
        self.may_query().then(|| self.ordered_if_cut(kind, depth.min(1)))
    }

    fn ordered_if_cut(&mut self, kind: Kind, depth: usize) -> String {
        let sql = self.plain(&[kind], depth);
        if self.tape.one_in(6) { format!("{sql} ORDER BY {} LIMIT 2", self.sort_key("1")) } else { sql }
    }

    /// A query of which only matters whether it has rows.
    pub(crate) fn rows_query(&mut self, depth: usize) -> Option<String> {
        let kind = Kind::any(&mut self.tape);
        self.may_query().then(|| self.plain(&[kind], depth.min(1)))
    }

    /// Rows, and a condition that splits them.
    pub(crate) fn partition(&mut self) -> Partition {
        self.scopes.push(Vec::new());
        let from = self.from(2);
        let columns: Vec<String> = (0..=self.tape.below(2))
            .map(|_| self.any_column().map_or_else(|| "1".to_owned(), |(name, _)| name))
            .collect();
        let condition = self.condition(DEPTH);
        self.scopes.pop();
        Partition { from, columns: columns.join(", "), condition }
    }

    /// A literal or a computation of the columns in scope.
    pub(crate) fn assigned(&mut self, kind: Kind) -> String {
        if self.tape.one_in(2) { self.value(kind, 2) } else { literal(kind, &mut self.tape) }
    }
}
