//! What a name means: the tables of a FROM clause, those of the queries around it, and what else is in sight.

use std::cell::RefCell;
use std::sync::Arc;

use nuages_storage::DataType;
use smallvec::SmallVec;
use sqlparser::ast;

use super::collation::Collating;
use super::grouping::Grouping;
use super::series::Series;
use super::typed::{Affinity, Typed, Width};
use super::view::ViewColumns;
use super::window::Windows;
use super::{Binder, Bound, is_same_in_any_case};
use crate::algebra::{Expr, Source};
use crate::catalog::names::nearest;
use crate::catalog::{Collation, ColumnDefinition, EnumId, NewColumn, TableDefinition};
use crate::sql::error::{Problem, SqlError};

/// A column of a query's result, or of what stands in a FROM clause.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Shape {
    pub(in crate::sql) name: String,
    pub(in crate::sql) kind: Option<DataType>,
    pub(in crate::sql) affinity: Affinity,
    pub(in crate::sql) collation: Collating,
    /// What its members are, if it is an array.
    pub(in crate::sql) element: Option<DataType>,
    /// The enumeration that it is of, if it is of one.
    pub(in crate::sql) enumeration: Option<EnumId>,
    /// What it is to PostgreSQL, if it is an integer.
    pub(in crate::sql) width: Width,
}

impl Shape {
    /// That of what has a type and no inclination.
    pub(in crate::sql) fn of_type(name: impl Into<String>, kind: DataType) -> Shape {
        let (affinity, collation) = (Affinity::None, Collating::Unsaid);
        let width = Width::default();
        let (element, enumeration) = (None, None);
        Shape { name: name.into(), kind: Some(kind), affinity, collation, element, enumeration, width }
    }

    /// That of a column of a table.
    pub(in crate::sql) fn of_column(column: &ColumnDefinition) -> Shape {
        let shape = Shape::inclined(&column.name, column.data_type, column.collation, column.element);
        Shape { enumeration: column.enumeration.as_ref().map(|of| of.id), ..shape }.of_any(column.any)
    }

    /// That of a column of a table that is not there yet.
    pub(in crate::sql) fn of_new_column(column: &NewColumn) -> Shape {
        let shape = Shape::inclined(&column.name, column.data_type, column.collation, column.element);
        Shape { enumeration: column.enumeration.as_ref().map(|of| of.id), ..shape }.of_any(column.any)
    }

    fn of_any(self, is_any: bool) -> Shape {
        if is_any { Shape { affinity: Affinity::Any, ..self } } else { self }
    }

    fn inclined(name: &str, kind: DataType, collation: Collation, element: Option<DataType>) -> Shape {
        let (affinity, collation) = (Affinity::of(kind), Collating::OfColumn(collation));
        let width = Width::of(kind);
        let enumeration = None;
        Shape { name: name.to_owned(), kind: Some(kind), affinity, collation, element, enumeration, width }
    }

    /// That of an expression under a name.
    pub(in crate::sql) fn of(name: impl Into<String>, typed: &Typed) -> Shape {
        let Typed { kind, affinity, collation, element, enumeration, width, .. } = *typed;
        Shape { name: name.into(), kind, affinity, collation, element, enumeration, width }
    }

    /// Whether its type is known only when it is there.
    pub(in crate::sql) fn is_any(&self) -> bool {
        self.affinity == Affinity::Any
    }

    /// An expression for a column like this.
    pub(in crate::sql) fn typed(&self, expr: Expr) -> Typed {
        let Shape { kind, affinity, collation, element, enumeration, width, .. } = *self;
        Typed { affinity, collation, element, enumeration, width, ..Typed::new(expr, kind) }
    }
}

/// What the columns of a table in scope are.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    /// Those of a table.
    Table(Arc<TableDefinition>),
    /// Those of a query.
    Query(Arc<[Shape]>),
    /// Those of a view whose rows are changed.
    View(Arc<ViewColumns>),
}

/// A table in scope.
#[derive(Clone, Debug)]
pub(super) struct ScopeTable {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) columns: Columns,
    /// Columns that a USING has merged with those of a table before, so that only a qualified name means them.
    pub(super) merged: SmallVec<[usize; 2]>,
}

impl ScopeTable {
    pub(super) fn len(&self) -> usize {
        match &self.columns {
            Columns::Table(table) => table.columns.len(),
            Columns::Query(columns) => columns.len(),
            Columns::View(view) => view.columns.len(),
        }
    }

    pub(super) fn column_name(&self, place: usize) -> &str {
        match &self.columns {
            Columns::Table(table) => &table.columns[place].name,
            Columns::Query(columns) => &columns[place].name,
            Columns::View(view) => &view.columns[place].0,
        }
    }

    pub(super) fn column(&self, place: usize) -> Typed {
        let expr = Expr::Column(self.source.column(place));
        match &self.columns {
            Columns::View(view) => view.columns[place].1.clone(),
            Columns::Table(table) => {
                let column = &table.columns[place];
                let collation = Collating::OfColumn(column.collation);
                if column.any {
                    return Typed { collation, ..Typed::any(expr) };
                }
                let enumeration = column.enumeration.as_ref().map(|of| of.id);
                let typed = Typed::inclined(expr, column.data_type);
                Typed { collation, element: column.element, enumeration, ..typed }
            }
            Columns::Query(columns) => {
                match columns[place].kind {
                    Some(_) => columns[place].typed(expr),
                    // What has no type is NULL.
                    None => Typed::null(),
                }
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.column_name(place))
    }

    fn place_of(&self, binder: &Binder<'_>, name: &ast::Ident) -> Option<usize> {
        match &self.columns {
            Columns::Table(table) => table.columns.iter().position(|column| binder.means(name, &column.name)),
            Columns::Query(columns) => columns.iter().position(|column| binder.means(name, &column.name)),
            Columns::View(view) => view.columns.iter().position(|(known, _)| binder.means(name, known)),
        }
    }
}

/// A column that a full join with USING has made of two.
#[derive(Clone, Debug)]
pub(super) struct MergedColumn {
    pub(super) name: String,
    pub(super) typed: Typed,
}

/// What is in sight of an expression.
#[derive(Debug, Default)]
pub(in crate::sql) struct Scope<'s> {
    pub(super) tables: Vec<ScopeTable>,
    /// The first of them that can be seen: the condition of a join sees only what is joined.
    pub(super) visible_from: usize,
    /// Columns of full joins.
    pub(super) merged: Vec<MergedColumn>,
    /// The names that the SELECT list gives; SQLite sees them everywhere.
    pub(super) aliases: Vec<(&'s ast::Ident, &'s ast::Expr)>,
    /// The groups, where there may be some.
    pub(super) grouping: Option<RefCell<Grouping>>,
    /// The window functions, where there may be some.
    pub(super) windows: Option<RefCell<Windows>>,
    /// The functions that make rows, where there may be some.
    pub(super) series: Option<RefCell<Series>>,
    /// Whether there may be more of them in this clause.
    pub(super) takes_series: bool,
    /// What the WINDOW clause names.
    pub(super) named_windows: &'s [ast::NamedWindowDefinition],
    /// The clause that is being bound, for messages.
    pub(super) clause: &'static str,
    /// The query around.
    pub(super) outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    pub(super) fn within(outer: Option<&'s Scope<'s>>) -> Scope<'s> {
        Scope { outer, clause: "this place", ..Scope::default() }
    }

    pub(super) fn visible(&self) -> &[ScopeTable] {
        self.tables.get(self.visible_from..).unwrap_or_default()
    }

    /// Whether a source is one of this query's own tables.
    pub(super) fn has(&self, source: Source) -> bool {
        self.tables.iter().any(|table| table.source == source)
    }

    pub(super) fn chain(&'s self) -> impl Iterator<Item = &'s Scope<'s>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }
}

impl Binder<'_> {
    /// The column that a name without a table means.
    pub(super) fn column(&mut self, name: &ast::Ident, scope: &Scope<'_>) -> Bound<Typed> {
        for level in scope.chain() {
            if let Some(found) = self.column_here(name, level)? {
                return Ok(found);
            }
            if let Some(found) = self.alias_here(name, level)? {
                return Ok(found);
            }
        }
        if !self.is_sqlite() && name.quote_style.is_none() && is_session_word(&name.value) {
            return self.scalar_function(&name.value.to_ascii_lowercase(), Vec::new(), name.span);
        }
        // A text in double quotes is a text to SQLite where it is no name.
        if self.is_sqlite() && name.quote_style == Some('"') {
            return Ok(Typed::literal(nuages_storage::Value::Text(name.value.clone())));
        }
        let names = scope.chain().flat_map(|level| level.visible().iter().flat_map(ScopeTable::names));
        let problem = Problem::UnknownColumn {
            name: name.value.clone(),
            table: None,
            nearest: nearest(&name.value, names),
        };
        Err(SqlError::at(problem, name.span))
    }

    fn column_here(&self, name: &ast::Ident, scope: &Scope<'_>) -> Bound<Option<Typed>> {
        if let Some(merged) = scope.merged.iter().find(|merged| self.means(name, &merged.name)) {
            return Ok(Some(merged.typed.clone()));
        }
        let mut found: Option<(&ScopeTable, usize)> = None;
        for table in scope.visible() {
            let Some(place) = table.place_of(self, name) else { continue };
            if table.merged.contains(&place) {
                continue;
            }
            if let Some((first, _)) = found {
                let problem = Problem::AmbiguousColumn {
                    name: name.value.clone(),
                    first: first.name.clone(),
                    second: table.name.clone(),
                };
                return Err(SqlError::at(problem, name.span));
            }
            found = Some((table, place));
        }
        if found.is_none() && self.is_row_id(name) {
            let mut tables =
                scope.visible().iter().filter(|table| matches!(table.columns, Columns::Table(_)));
            if let (Some(table), None) = (tables.next(), tables.next()) {
                return Ok(Some(row_id(table)));
            }
        }
        Ok(found.map(|(table, place)| table.column(place)))
    }

    /// The column of this query's own tables that an unquoted name means in SQLite's dialect, behind the name of a table if
    /// one is given; none where more is to be looked at, as where the name is that of a column of two tables.
    pub(super) fn own_column(&self, table: Option<&str>, name: &str, scope: &Scope<'_>) -> Option<Typed> {
        let is_meant = |of: &ScopeTable| table.is_none_or(|table| is_same_in_any_case(table, &of.name));
        let place_in = |of: &ScopeTable| of.names().position(|known| is_same_in_any_case(name, known));
        let tables = scope.visible().iter().filter(|table| is_meant(table));
        let mut found = tables.filter_map(|table| Some((table, place_in(table)?)));
        let (table, place) = found.next()?;
        (found.next().is_none() && table.merged.is_empty()).then(|| table.column(place))
    }

    /// What the SELECT list calls so.
    fn alias_here(&mut self, name: &ast::Ident, scope: &Scope<'_>) -> Bound<Option<Typed>> {
        if !self.is_sqlite() {
            return Ok(None);
        }
        let Some(&(_, expr)) =
            scope.aliases.iter().find(|(alias, _)| alias.value.eq_ignore_ascii_case(&name.value))
        else {
            return Ok(None);
        };
        // What it stands for is not looked for among the names again. Its aggregates are those of the query: `HAVING n > 1`
        // of `count(*) AS n`.
        let nothing = || Grouping::new(Source::new(0));
        let inner = Scope {
            tables: scope.tables.clone(),
            merged: scope.merged.clone(),
            clause: scope.clause,
            outer: scope.outer,
            grouping: scope.grouping.as_ref().map(|grouping| RefCell::new(grouping.replace(nothing()))),
            ..Scope::default()
        };
        let bound = self.expression(expr, &inner);
        if let (Some(grouping), Some(lent)) = (&scope.grouping, inner.grouping) {
            grouping.replace(lent.into_inner());
        }
        bound.map(Some)
    }

    /// The column that a name with a table means.
    pub(super) fn qualified(&mut self, parts: &[ast::Ident], scope: &Scope<'_>) -> Bound<Typed> {
        let [.., table_name, name] = parts else {
            return parts.first().map_or_else(|| Ok(Typed::null()), |name| self.column(name, scope));
        };
        if let [.., schema, _, _] = parts {
            super::expect_schema(schema)?;
        }
        let mut known: Option<&ScopeTable> = None;
        for level in scope.chain() {
            for table in level.visible().iter().filter(|table| self.means(table_name, &table.name)) {
                if let Some(place) = table.place_of(self, name) {
                    return Ok(table.column(place));
                }
                if self.is_row_id(name) && matches!(table.columns, Columns::Table(_)) {
                    return Ok(row_id(table));
                }
                known.get_or_insert(table);
            }
        }
        let problem = match known {
            Some(table) => Problem::UnknownColumn {
                name: name.value.clone(),
                table: Some(table.name.clone()),
                nearest: nearest(&name.value, table.names()),
            },
            None => {
                // A table that goes by another name here is meant by that.
                let renamed = scope.chain().flat_map(|level| level.visible()).find(
                    |table| matches!(&table.columns, Columns::Table(of) if self.means(table_name, &of.name)),
                );
                let names =
                    scope.chain().flat_map(|level| level.visible().iter().map(|table| table.name.as_str()));
                let meant = renamed.map(|table| table.name.clone());
                let meant = meant.or_else(|| nearest(&table_name.value, names));
                let (name, nearest) = (table_name.value.clone(), meant);
                return Err(SqlError::at(Problem::UnknownTable { name, nearest }, table_name.span));
            }
        };
        Err(SqlError::at(problem, name.span))
    }

    /// Whether a name is one of those SQLite has for the row id. One is read in each dialect, because queries are
    /// printed with it; and no name at all, which no column can have.
    pub(super) fn is_row_id(&self, name: &ast::Ident) -> bool {
        let is = |known: &str| name.value.eq_ignore_ascii_case(known);
        is("rowid") || name.value.is_empty() || (self.is_sqlite() && (is("_rowid_") || is("oid")))
    }
}

fn row_id(table: &ScopeTable) -> Typed {
    Typed::inclined(Expr::Column(table.source.row_id()), DataType::BigInt)
}

/// Whether a name is a word of PostgreSQL's for something that is known of the session, where no column has it.
fn is_session_word(name: &str) -> bool {
    const WORDS: [&str; 5] =
        ["current_schema", "current_user", "session_user", "current_role", "current_catalog"];
    WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
}
