//! SELECT: the order in which its clauses mean something.
//!
//! FROM, WHERE, GROUP BY, HAVING, the list, DISTINCT, ORDER BY, LIMIT. Aggregates are found while the list, HAVING and
//! ORDER BY are bound over the rows; if there are any, these expressions become ones over the groups.

use std::cell::RefCell;

use sqlparser::ast::{self, SelectItem};
use sqlparser::tokenizer::Span;

use super::clauses::{Clauses, Item};
use super::grouping::Grouping;
use super::grouping_sets::{self, Sets};
use super::json::scalar;
use super::query::{BoundQuery, Tail};
use super::row::written_parts;
use super::scope::{Scope, ScopeTable, Shape};
use super::typed::Typed;
use super::window::Windows;
use super::written::written;
use super::{Binder, Bound, begin_of, last_part, nearest_table, unsupported};
use crate::algebra::{Expr, OutputColumn, SortKey};
use crate::sql::error::{Problem, SqlError};

/// What a GROUP BY says.
struct GroupBy {
    keys: Vec<Expr>,
    /// The expressions that groups agree in but for case.
    folded: Vec<Expr>,
    /// The groupings, where there are several.
    sets: Option<Sets>,
}

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        select: &ast::Select,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        check_supported(select)?;
        let mut scope = Scope::within(outer);
        let mut relation = self.from(&select.from, &mut scope)?;
        if self.is_sqlite() {
            scope.aliases = aliases(&select.projection);
        }
        if let Some(predicate) = &select.selection {
            scope.clause = "WHERE";
            relation = relation.filter(self.condition(predicate, &scope)?);
        }
        if !self.is_sqlite() {
            scope.series = Some(RefCell::default());
        }
        scope.takes_series = true;
        let keys = self.group_keys(select, &mut scope)?;
        scope.takes_series = false;
        if let Some(series) = &scope.series {
            relation = self.joined_with_series(relation, &mut series.borrow_mut())?;
        }
        let is_grouped = keys.is_some() || select.having.is_some();
        let mut grouping = Grouping::new(self.source());
        if let Some(grouped) = keys {
            (grouping.keys, grouping.folded, grouping.sets) = (grouped.keys, grouped.folded, grouped.sets);
        }
        scope.grouping = Some(RefCell::new(grouping));
        scope.windows = Some(RefCell::new(Windows { source: self.source(), functions: Vec::new() }));
        scope.named_windows = &select.named_window;
        scope.clause = "the list";
        scope.takes_series = true;
        let mut items = self.items(&select.projection, &scope)?;
        let is_distinct = matches!(select.distinct, Some(ast::Distinct::Distinct));
        self.hand_out_as_they_are(&mut items, is_distinct);
        scope.takes_series = false;
        scope.clause = "HAVING";
        let windows = scope.windows.take();
        let having = select.having.as_ref().map(|having| self.condition(having, &scope)).transpose()?;
        scope.clause = "ORDER BY";
        scope.windows = windows;
        scope.takes_series = true;
        let order = self.order(tail, &items, &scope)?;
        scope.takes_series = false;
        scope.clause = "DISTINCT ON";
        let distinct_on = match &select.distinct {
            Some(ast::Distinct::On(exprs)) => Some(self.meant(exprs, &items, &scope)?),
            _ => None,
        };
        let clauses = Clauses { relation, is_grouped, items, having, order, is_distinct, distinct_on };
        self.assembled(clauses, scope, tail)
    }

    /// What rows are grouped by; none without GROUP BY.
    fn group_keys(&mut self, select: &ast::Select, scope: &mut Scope<'_>) -> Bound<Option<GroupBy>> {
        let ast::GroupByExpr::Expressions(exprs, modifiers) = &select.group_by else {
            return Err(unsupported("GROUP BY ALL").into());
        };
        if !modifiers.is_empty() {
            return Err(unsupported("WITH ROLLUP behind GROUP BY; write ROLLUP (..)").into());
        }
        if exprs.is_empty() {
            return Ok(None);
        }
        scope.clause = "GROUP BY";
        let mut combinations = vec![Vec::new()];
        for expr in exprs {
            let of_element = grouping_sets::combinations(expr)?;
            combinations = grouping_sets::crossed(&combinations, &of_element)?;
        }
        let (mut keys, mut kinds, mut folded) = (Vec::new(), Vec::new(), Vec::new());
        let mut known: Vec<(&ast::Expr, usize)> = Vec::new();
        let mut sets = Vec::with_capacity(combinations.len());
        for combination in combinations {
            let mut set = Vec::with_capacity(combination.len());
            for expr in combination {
                let place = match known.iter().find(|(bound, _)| std::ptr::eq(*bound, expr)) {
                    Some((_, place)) => *place,
                    None => {
                        let bound = self.group_key(expr, select, scope)?;
                        let kind = bound.kind;
                        if bound.ignores_case() {
                            folded.push(bound.expr.clone());
                        }
                        let key = bound.distinguished();
                        let place = keys.iter().position(|known| *known == key).unwrap_or(keys.len());
                        if place == keys.len() {
                            keys.push(key);
                            kinds.push(kind);
                        }
                        known.push((expr, place));
                        place
                    }
                };
                if !set.contains(&place) {
                    set.push(place);
                }
            }
            sets.push(set);
        }
        if exprs.iter().all(|expr| !is_grouping_set(expr)) {
            return Ok(Some(GroupBy { keys, folded, sets: None }));
        }
        let sets = self.sets(sets, kinds)?;
        keys.push(sets.key());
        Ok(Some(GroupBy { keys, folded, sets: Some(sets) }))
    }

    /// One of the expressions that rows are grouped by, which may be the number or the name of a column of the list.
    fn group_key(&mut self, expr: &ast::Expr, select: &ast::Select, scope: &Scope<'_>) -> Bound<Typed> {
        let meant = match self.ordinal(expr, select.projection.len())? {
            Some(place) => match &select.projection[place] {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
                _ => return Err(SqlError::at(unsupported("GROUP BY the number of a *"), begin_of(expr))),
            },
            None => expr,
        };
        match (self.value_of(meant, scope), meant) {
            (Err(error), ast::Expr::Identifier(name))
                if matches!(error.problem(), Problem::UnknownColumn { .. }) =>
            {
                let alias = aliases(&select.projection)
                    .into_iter()
                    .find(|(alias, _)| self.means(name, &self.new_name(alias)));
                match alias {
                    Some((_, expr)) => self.value_of(expr, scope),
                    None => Err(error),
                }
            }
            (bound, _) => bound,
        }
    }

    /// The names and values of the columns of a result.
    pub(super) fn named_values(
        &mut self,
        projection: &[SelectItem],
        scope: &Scope<'_>,
    ) -> Bound<Vec<(String, Typed)>> {
        Ok(self.items(projection, scope)?.into_iter().map(|item| (item.name, item.typed)).collect())
    }

    /// The columns of the result.
    fn items(&mut self, projection: &[SelectItem], scope: &Scope<'_>) -> Bound<Vec<Item>> {
        let mut items = Vec::with_capacity(projection.len());
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let typed = self.result_value(expr, scope)?;
                    items.push(Item { name: self.name_of(expr), typed, span: begin_of(expr) });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.result_value(expr, scope)?;
                    items.push(Item { name: self.new_name(alias), typed, span: begin_of(expr) });
                }
                SelectItem::Wildcard(_) => {
                    if scope.tables.is_empty() {
                        return Err(unsupported("* without FROM").into());
                    }
                    add_all_columns(scope, &mut items);
                }
                SelectItem::QualifiedWildcard(of, _) => {
                    let name = whole_row_of(of)?;
                    let table = scope.tables.iter().find(|table| self.means(name, &table.name));
                    let table = table.ok_or_else(|| {
                        let nearest = nearest_table(self.catalog, &name.value);
                        SqlError::at(Problem::UnknownTable { name: name.value.clone(), nearest }, name.span)
                    })?;
                    add_columns(table, &[], &mut items);
                }
                other => return Err(unsupported(format!("{other} in a SELECT list")).into()),
            }
        }
        Ok(items)
    }

    /// The value of a result column, which may be a row.
    fn result_value(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Bound<Typed> {
        let may_be_row = matches!(expr, ast::Expr::Identifier(_)) || written_parts(expr).is_some();
        match may_be_row.then(|| self.row_as_text(expr, scope)).transpose()?.flatten() {
            Some(row) => Ok(row),
            None => self.value_of(expr, scope),
        }
    }

    /// What a column of the result is called that is given no name.
    fn name_of(&self, expr: &ast::Expr) -> String {
        match expr {
            ast::Expr::Identifier(name) => self.new_name(name),
            ast::Expr::CompoundIdentifier(parts) => {
                parts.last().map(|name| self.new_name(name)).unwrap_or_default()
            }
            ast::Expr::Nested(inner) if !self.is_sqlite() => self.name_of(inner),
            // Of a subquery nobody sees the names.
            _ if self.is_sqlite() && self.depth > 1 => String::new(),
            expr if self.is_sqlite() => written(expr),
            ast::Expr::Function(function) => {
                last_part(&function.name).map(|name| self.new_name(name)).unwrap_or_default()
            }
            ast::Expr::Cast { expr, data_type, .. } => match self.name_of(expr) {
                name if name == UNNAMED || name == "case" => type_word(data_type),
                name => name,
            },
            ast::Expr::Case { else_result: Some(otherwise), .. } if is_named(otherwise) => {
                self.name_of(otherwise)
            }
            ast::Expr::Collate { expr, .. } => self.name_of(expr),
            ast::Expr::TypedString(typed) => type_word(&typed.data_type),
            other => special_name(other).unwrap_or(UNNAMED).to_owned(),
        }
    }

    /// The sort keys, over the rows.
    fn order(&mut self, tail: &Tail<'_>, items: &[Item], scope: &Scope<'_>) -> Bound<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(tail.order.len());
        for key in tail.order {
            let typed = self.meant_by(&key.expr, items, scope)?;
            // A constant orders nothing.
            if !matches!(typed.expr, Expr::Literal(_)) {
                keys.push(self.sort_key(self.ordered(typed), &key.options));
            }
        }
        Ok(keys)
    }

    /// What expressions mean beside the list: see [`meant_by`](Binder::meant_by).
    fn meant(&mut self, exprs: &[ast::Expr], items: &[Item], scope: &Scope<'_>) -> Bound<Vec<Expr>> {
        exprs.iter().map(|expr| Ok(self.meant_by(expr, items, scope)?.distinguished())).collect()
    }

    /// What an expression means that may be the number or the name of a column of the list.
    fn meant_by(&mut self, expr: &ast::Expr, items: &[Item], scope: &Scope<'_>) -> Bound<Typed> {
        let by_name = |name: &ast::Ident| items.iter().position(|item| self.means(name, &item.name));
        let place = match (expr, self.ordinal(expr, items.len())?) {
            (_, Some(place)) => Some(place),
            (ast::Expr::Identifier(name), None) => by_name(name),
            _ => None,
        };
        Ok(match place {
            Some(place) => items[place].typed.clone(),
            None => self.value_of(expr, scope)?,
        })
    }

    /// The columns that a statement returns of the rows it has changed.
    pub(super) fn returning(
        &mut self,
        items: Option<&[SelectItem]>,
        scope: &mut Scope<'_>,
    ) -> Bound<Vec<OutputColumn>> {
        scope.clause = "RETURNING";
        let items = items.map(|items| self.items(items, scope)).transpose()?.unwrap_or_default();
        self.returned = items.iter().map(|item| Shape::of(item.name.clone(), &item.typed)).collect();
        let returned = items.into_iter().map(|item| {
            let expr = if item.typed.is_any() { scalar(item.typed).expr } else { item.typed.expr };
            OutputColumn { name: item.name, expr }
        });
        Ok(returned.collect())
    }
}

/// Adds what `*` means.
pub(super) fn add_all_columns(scope: &Scope<'_>, items: &mut Vec<Item>) {
    for merged in &scope.merged {
        items.push(Item { name: merged.name.clone(), typed: merged.typed.clone(), span: Span::empty() });
    }
    scope.tables.iter().for_each(|table| add_columns(table, &table.merged, items));
}

/// Adds the columns of a table, but for some.
pub(super) fn add_columns(table: &ScopeTable, left_out: &[usize], items: &mut Vec<Item>) {
    for place in (0..table.len()).filter(|place| !left_out.contains(place)) {
        let name = table.column_name(place).to_owned();
        items.push(Item { name, typed: table.column(place), span: Span::empty() });
    }
}

fn is_grouping_set(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Rollup(_) | ast::Expr::Cube(_) | ast::Expr::GroupingSets(_))
}

/// The table all of whose columns are meant: `t.*`, `(t).*`.
fn whole_row_of(of: &ast::SelectItemQualifiedWildcardKind) -> Bound<&ast::Ident> {
    match of {
        ast::SelectItemQualifiedWildcardKind::ObjectName(name) => last_part(name),
        ast::SelectItemQualifiedWildcardKind::Expr(ast::Expr::Nested(inner)) => match &**inner {
            ast::Expr::Identifier(name) => Ok(name),
            other => Err(SqlError::at(unsupported(format!("all parts of {other}")), begin_of(other))),
        },
        other => Err(unsupported(format!("{other} in a SELECT list")).into()),
    }
}

/// The names that a list gives, and what for.
fn aliases<'s>(projection: &'s [SelectItem]) -> Vec<(&'s ast::Ident, &'s ast::Expr)> {
    let alias = |item: &'s SelectItem| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias, expr)),
        _ => None,
    };
    projection.iter().filter_map(alias).collect()
}

fn check_supported(select: &ast::Select) -> Bound<()> {
    let refused = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT INTO"),
        (select.qualify.is_some(), "QUALIFY"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (select.prewhere.is_some(), "PREWHERE"),
    ];
    match refused.into_iter().find(|(is_used, _)| *is_used) {
        Some((_, clause)) => Err(SqlError::at(unsupported(clause), select.select_token.0.span)),
        None => Ok(()),
    }
}

/// What PostgreSQL calls a column that nothing gives a name.
const UNNAMED: &str = "?column?";

/// Whether an expression has a name of its own that a `CASE` takes over.
fn is_named(expr: &ast::Expr) -> bool {
    use ast::Expr::{CompoundIdentifier, Function, Identifier};
    matches!(expr, Identifier(_) | CompoundIdentifier(_) | Function(_))
}

/// What PostgreSQL calls a column of an expression with a syntax of its own.
fn special_name(expr: &ast::Expr) -> Option<&'static str> {
    Some(match expr {
        ast::Expr::BinaryOp { op: ast::BinaryOperator::Overlaps, .. } => "overlaps",
        ast::Expr::Case { .. } => "case",
        ast::Expr::Exists { .. } => "exists",
        ast::Expr::Extract { .. } => "extract",
        ast::Expr::Position { .. } => "position",
        ast::Expr::Substring { .. } => "substring",
        ast::Expr::Overlay { .. } => "overlay",
        ast::Expr::Trim { trim_where: Some(ast::TrimWhereField::Leading), .. } => "ltrim",
        ast::Expr::Trim { trim_where: Some(ast::TrimWhereField::Trailing), .. } => "rtrim",
        ast::Expr::Trim { .. } => "btrim",
        ast::Expr::Ceil { .. } => "ceil",
        ast::Expr::Floor { .. } => "floor",
        ast::Expr::AtTimeZone { .. } => "timezone",
        ast::Expr::Interval(_) => "interval",
        ast::Expr::Array(_) => "array",
        ast::Expr::Tuple(_) => "row",
        ast::Expr::Value(value) if matches!(value.value, ast::Value::Boolean(_)) => "bool",
        _ => return None,
    })
}

/// PostgreSQL's own name of a type.
fn type_word(kind: &ast::DataType) -> String {
    let written = kind.to_string().to_lowercase();
    let plain = written.split('(').next().unwrap_or_default().trim();
    let word = match plain {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "double precision" | "double" | "float" => "float8",
        "real" => "float4",
        "decimal" | "dec" => "numeric",
        "boolean" => "bool",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        other => other,
    };
    word.to_owned()
}
