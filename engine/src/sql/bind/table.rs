//! CREATE TABLE and CREATE INDEX, as descriptions for the catalog.

use nuages_storage::DataType;
use smallvec::SmallVec;
use sqlparser::ast::{self, ColumnOption};

use super::collation::lower;
use super::constraint::unique_over;
use super::scope::{Columns, Scope, ScopeTable, Shape};
use super::typed::{TEXT, cast};
use super::types::{is_any, is_serial};
use super::{Binder, Bound, begin_of, last_part, unsupported};
use crate::algebra::{Expr, Source};
use crate::catalog::{Collation, NewColumn, NewIndex, NewPart, NewSequence, NewTable, TableDefinition};
use crate::evaluate::class_of;
use crate::sql::error::{Problem, SqlError};
use crate::sql::sequence::identity_steps;

impl Binder<'_> {
    /// What a CREATE TABLE describes, but for the rows of its query.
    pub(in crate::sql) fn new_table(&mut self, create: &ast::CreateTable) -> Bound<NewTable> {
        let name = last_part(&create.name)?;
        let refused = [
            (create.inherits.is_some(), "INHERITS"),
            (create.partition_by.is_some() || create.partition_of.is_some(), "PARTITION BY"),
            (create.clone.is_some(), "CLONE"),
        ];
        if let Some((_, feature)) = refused.into_iter().find(|(is_there, _)| *is_there) {
            return Err(SqlError::at(unsupported(feature), name.span));
        }
        let mut table = NewTable::new(self.new_name(name));
        if let Some(ast::CreateTableLikeKind::Parenthesized(like) | ast::CreateTableLikeKind::Plain(like)) =
            &create.like
        {
            if matches!(like.defaults, Some(ast::CreateTableLikeDefaults::Including)) {
                return Err(SqlError::at(unsupported("LIKE .. INCLUDING DEFAULTS"), name.span));
            }
            table.columns = table_like(self.table(last_part(&like.name)?)?).columns;
        }
        for column in &create.columns {
            let new = self.new_column(column)?;
            table.columns.push(new);
        }
        for (place, column) in create.columns.iter().enumerate() {
            table.columns[place].computed = self.computed_by(column, &table)?;
            self.column_constraints(column, &mut table)?;
        }
        for constraint in &create.constraints {
            self.table_constraint(constraint, &mut table)?;
        }
        // A column of the primary key has a value, whether it says so or not.
        for column in &mut table.columns {
            if table.primary_key.contains(&column.name) {
                column.nullable = false;
            }
        }
        self.tighten_primary_key(&mut table);
        let begin = table.columns.len() - create.columns.len();
        for (place, column) in create.columns.iter().enumerate() {
            let new = &mut table.columns[begin + place];
            let is_key = table.primary_key == [new.name.as_str()];
            self.number_by_sequence(column, new, &table.name, is_key);
        }
        if let [key] = table.primary_key.as_slice() {
            let written = create.columns.iter().find(|column| self.new_name(&column.name) == *key);
            if let (Some(column), Some(written)) =
                (table.columns.iter_mut().find(|column| column.name == *key), written)
            {
                column.generated |= self.numbers_itself(written, column);
            }
        }
        Ok(table)
    }

    /// A primary key is one of columns as they are; where one of them is compared without regard to case, another index
    /// sees to it that no two keys differ in case alone.
    fn tighten_primary_key(&self, table: &mut NewTable) {
        let ignores_case = |name: &String| {
            table
                .columns
                .iter()
                .any(|column| column.name == *name && column.collation == Collation::IgnoreCase)
        };
        if table.primary_key.iter().any(ignores_case) {
            let name = format!("{}_{}_key", table.name, table.primary_key.join("_"));
            let index = unique_over(name, &table.primary_key, table);
            table.indexes.push(index);
        }
    }

    /// Whether a column that is the primary key gets its values by itself.
    fn numbers_itself(&self, written: &ast::ColumnDef, column: &NewColumn) -> bool {
        column.data_type == DataType::BigInt && self.is_sqlite() && column.default.is_none()
            || is_serial(&written.data_type)
    }

    /// Gives a column that numbers itself a sequence of its own, unless it is the primary key and counts from 1.
    fn number_by_sequence(
        &self,
        written: &ast::ColumnDef,
        column: &mut NewColumn,
        table: &str,
        is_key: bool,
    ) {
        let is_numbered = column.generated || is_serial(&written.data_type);
        if self.is_sqlite() || column.sequence.is_none() && (is_key || !is_numbered) {
            return;
        }
        let name = format!("{table}_{}_seq", column.name);
        let data_type = column.data_type;
        let steps = column.sequence.take().map(|sequence| sequence.steps);
        let new = NewSequence::counting(name, data_type);
        column.sequence = Some(NewSequence { steps: steps.unwrap_or(new.steps), ..new });
        (column.generated, column.nullable) = (false, false);
    }

    /// A column, without the constraints that are the table's.
    pub(in crate::sql) fn new_column(&mut self, column: &ast::ColumnDef) -> Bound<NewColumn> {
        let data_type = self.data_type(&column.data_type, column.name.span)?;
        let name = self.new_name(&column.name);
        let new = match self.element_of(&column.data_type, column.name.span)? {
            Some(element) => NewColumn::array(name, element),
            None => NewColumn::new(name, data_type),
        };
        let mut new = new.nullable(true);
        new.enumeration = self.enum_of(&column.data_type).cloned();
        new.any = self.is_sqlite() && is_any(&column.data_type);
        if new.any {
            new.data_type = DataType::Json;
        }
        for option in &column.options {
            match &option.option {
                ColumnOption::NotNull => new.nullable = false,
                ColumnOption::Null => new.nullable = true,
                ColumnOption::Default(expr) => {
                    // A collation behind the default is the column's, as one behind its type is.
                    let expr = match expr {
                        ast::Expr::Collate { expr, collation } => {
                            new.collation = self.collation_of(collation, &column.name)?;
                            expr
                        }
                        expr => expr,
                    };
                    new.default = Some(match new.any {
                        true => self.default_of_any(expr)?,
                        false => self.default_of(expr, &new)?,
                    });
                }
                ColumnOption::PrimaryKey(_) => new.nullable = false,
                ColumnOption::Generated { generation_expr: None, generated_as, sequence_options, .. } => {
                    if let Some(options) = sequence_options.as_ref().filter(|options| !options.is_empty()) {
                        if self.is_sqlite() {
                            let problem = unsupported("options of an identity column");
                            return Err(SqlError::at(problem, column.name.span));
                        }
                        let steps = identity_steps(options, data_type, column.name.span)?;
                        new.sequence = Some(NewSequence { steps, ..NewSequence::counting("", data_type) });
                    }
                    new.generated = true;
                    new.always = *generated_as == ast::GeneratedAs::Always;
                }
                ColumnOption::Identity(_) => new.generated = true,
                ColumnOption::Generated { generation_expr: Some(_), .. }
                | ColumnOption::Unique(_)
                | ColumnOption::Check(_)
                | ColumnOption::ForeignKey(_)
                | ColumnOption::Comment(_)
                | ColumnOption::OnConflict(_) => {}
                ColumnOption::DialectSpecific(tokens)
                    if tokens.iter().all(|token| token.to_string().to_uppercase().starts_with("AUTO")) =>
                {
                    new.generated = true;
                }
                ColumnOption::Collation(name) => new.collation = self.collation_of(name, &column.name)?,
                other => {
                    let problem = unsupported(format!("the column option {other}"));
                    return Err(SqlError::at(problem, column.name.span));
                }
            }
        }
        Ok(new)
    }

    /// The collation of a column.
    fn collation_of(&self, collation: &ast::ObjectName, column: &ast::Ident) -> Bound<Collation> {
        self.collation_named(collation).map_err(|error| error.or_at(column.span.start))
    }

    /// A column that is added to a table that is there.
    pub(in crate::sql) fn added_column(
        &mut self,
        column: &ast::ColumnDef,
        definition: &TableDefinition,
    ) -> Bound<NewColumn> {
        let mut table = table_like(definition);
        table.columns.push(self.new_column(column)?);
        let computed = self.computed_by(column, &table)?;
        let mut new = table.columns.swap_remove(definition.columns.len());
        new.computed = computed;
        self.number_by_sequence(column, &mut new, &definition.name, false);
        Ok(new)
    }

    /// What a column is computed by, if it is: `GENERATED ALWAYS AS (expression)`. It is stored, also where SQLite
    /// would compute it anew each time, which makes no difference to what it is.
    fn computed_by(&mut self, column: &ast::ColumnDef, table: &NewTable) -> Bound<Option<Expr>> {
        let given = column.options.iter().find_map(|option| match &option.option {
            ColumnOption::Generated { generation_expr: Some(expr), .. } => Some(expr),
            _ => None,
        });
        let Some(expr) = given else { return Ok(None) };
        let name = self.new_name(&column.name);
        let new = table.columns.iter().find(|known| known.name == name);
        if new.is_some_and(|new| new.default.is_some() || new.generated) {
            let problem = unsupported("a column that is computed and has another value by default");
            return Err(SqlError::at(problem, column.name.span));
        }
        let mut scope = self.scope_of_new(table)?;
        scope.clause = "GENERATED ALWAYS AS";
        let typed = self.value_of(expr, &scope)?;
        if new.is_some_and(|new| new.any) {
            return Ok(Some(self.value(typed).into_any_as_is().expr));
        }
        let wanted = new.map_or(TEXT, |new| super::types::without_limit(new.data_type));
        let is_other = typed.class().is_some_and(|class| class != class_of(wanted));
        Ok(Some(if is_other { cast(typed.expr, wanted) } else { typed.expr }))
    }

    /// The default of a column that is to be.
    pub(in crate::sql) fn default_of(&mut self, expr: &ast::Expr, column: &NewColumn) -> Bound<Expr> {
        let mut scope = Scope::within(None);
        scope.clause = "DEFAULT";
        let typed = self.value_of(expr, &scope)?;
        let typed = self.read_as_array(typed, column.element, begin_of(expr))?;
        if let Some(of) = &column.enumeration {
            self.expect_enum(&typed, of, "DEFAULT", begin_of(expr))?;
        }
        let wanted = super::types::without_limit(column.data_type);
        let is_other = typed.class().is_some_and(|class| class != class_of(wanted));
        if !is_other {
            return Ok(typed.expr);
        }
        // A constant is a value: what it is not can be refused at once.
        if let Expr::Literal(value) = &typed.expr {
            let value = crate::evaluate::cast_value(value.clone(), wanted);
            return value
                .map(Expr::Literal)
                .map_err(|error| SqlError::at(Problem::Engine(error), begin_of(expr)));
        }
        Ok(cast(typed.expr, wanted))
    }

    /// The default of a column without a type.
    pub(in crate::sql) fn default_of_any(&mut self, expr: &ast::Expr) -> Bound<Expr> {
        let mut scope = Scope::within(None);
        scope.clause = "DEFAULT";
        let typed = self.value_of(expr, &scope)?;
        Ok(self.value(typed).into_any_as_is().expr)
    }

    /// The columns of a table that is not there yet.
    pub(super) fn scope_of_new(&self, table: &NewTable) -> Bound<Scope<'static>> {
        let shape = table.columns.iter().map(Shape::of_new_column);
        Ok(scope_of_shape(&table.name, shape.collect()))
    }

    /// What the values of a column are computed by that gets another type.
    pub(in crate::sql) fn conversion(
        &mut self,
        expr: &ast::Expr,
        to: DataType,
        definition: &TableDefinition,
    ) -> Bound<Expr> {
        let shape = definition.columns.iter().map(Shape::of_column);
        let mut scope = scope_of_shape(&definition.name, shape.collect());
        scope.clause = "USING";
        let typed = self.value_of(expr, &scope)?;
        let to = super::types::without_limit(to);
        let is_other = typed.class().is_some_and(|class| class != class_of(to));
        Ok(if is_other { cast(typed.expr, to) } else { typed.expr })
    }

    /// An expression in an index, and a word for it: also a column with a collation, as SQLite writes it.
    fn index_expression(
        &mut self,
        expr: &ast::Expr,
        definition: &TableDefinition,
        scope: &Scope<'_>,
    ) -> Bound<(String, NewPart)> {
        let typed = self.value_of(expr, scope)?;
        let column = match typed.expr {
            Expr::Column(column) => definition.columns.get(column.index()),
            _ => None,
        };
        Ok(match column.filter(|_| !typed.ignores_case()) {
            Some(column) => (column.name.clone(), NewPart::column(column.name.clone())),
            None => ("expr".to_owned(), NewPart::expression(typed.distinguished())),
        })
    }

    /// A name that no index, table or view has: with a number behind it, as PostgreSQL puts it there, if one has it.
    fn free_name(&self, base: String) -> String {
        let is_taken = |name: &String| {
            let is_table = self.catalog.tables().any(|table| table.name == *name);
            is_table || self.catalog.view_named(name).is_some() || self.catalog.index_named(name).is_some()
        };
        let numbered = (1..).map(|number| format!("{base}{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base)
    }

    /// What a CREATE INDEX describes.
    pub(in crate::sql) fn new_index(
        &mut self,
        create: &ast::CreateIndex,
        definition: &TableDefinition,
    ) -> Bound<NewIndex> {
        let shape = definition.columns.iter().map(Shape::of_column);
        let mut scope = scope_of_shape(&definition.name, shape.collect());
        scope.clause = "an index";
        let mut parts = Vec::with_capacity(create.columns.len());
        let mut words = Vec::new();
        for column in &create.columns {
            let part = match &column.column.expr {
                ast::Expr::Identifier(name) => {
                    let place = self.place_of(name, definition)?;
                    let column = &definition.columns[place];
                    words.push(column.name.clone());
                    part_of(&column.name, place, column.collation)
                }
                expr => {
                    let (word, part) = self.index_expression(expr, definition, &scope)?;
                    words.push(word);
                    part
                }
            };
            let key = self.sort_key(Expr::And(Vec::new()), &column.column.options);
            let part = if key.descending { part.descending() } else { part };
            parts.push(part.nulls_first(key.nulls_first));
        }
        let name = match &create.name {
            Some(name) => self.new_name(last_part(name)?),
            None => self.free_name(format!("{}_{}_idx", definition.name, words.join("_"))),
        };
        let mut index = NewIndex::new(name, parts);
        index.unique = create.unique;
        index.nulls_distinct = create.nulls_distinct.unwrap_or(true);
        if let Some(predicate) = &create.predicate {
            index.condition = Some(self.condition(predicate, &scope)?);
        }
        Ok(index)
    }
}

/// A new table of the columns of one that is there.
pub(super) fn table_like(definition: &TableDefinition) -> NewTable {
    let mut table = NewTable::new(definition.name.clone());
    table.columns.extend(definition.columns.iter().map(|column| {
        let mut new = NewColumn::new(column.name.clone(), column.data_type).nullable(column.nullable);
        (new.collation, new.element, new.any) = (column.collation, column.element, column.any);
        new.enumeration.clone_from(&column.enumeration);
        new
    }));
    table
}

/// A column as an index has it: without regard to case if that is how it is compared.
pub(super) fn part_of(name: &str, place: usize, collation: Collation) -> NewPart {
    match collation {
        Collation::Binary => NewPart::column(name),
        Collation::IgnoreCase => NewPart::expression(lower(Source::SELF.column(place).into())),
    }
}

fn scope_of_shape(name: &str, shape: Vec<Shape>) -> Scope<'static> {
    let mut scope = Scope::within(None);
    scope.clause = "CHECK";
    scope.tables.push(ScopeTable {
        name: name.to_owned(),
        source: Source::SELF,
        columns: Columns::Query(shape.into()),
        merged: SmallVec::new(),
    });
    scope
}
