//! From a description by names to a definition by places.
//!
//! A table is defined by adding its columns, keys, indexes, checks and foreign keys one after another; the verbs that
//! change an existing table add theirs in the same way. Nothing here looks at rows: that a definition makes sense is
//! decided here, that the rows there are keep it is decided by the schema change that uses it.

use std::sync::Arc;

use nuages_storage::value::DECIMAL_PRECISION_MAX;
use nuages_storage::{DataType, IndexId, Lane, Layout, Slot, TableId};

use super::index::IndexPrograms;
use super::new::NewPartKind;
use super::program::RowProgram;
use super::{
    Action, Catalog, CheckDefinition, ChildLookup, ColumnDefinition, ColumnId, ColumnSet, ConstraintId,
    ForeignKeyDefinition, IndexDefinition, IndexExpr, IndexPart, KeyConflict, NewCheck, NewColumn,
    NewForeignKey, NewIndex, NewTable, PrimaryKey, TableDefinition, TargetKey, Uniqueness,
};
use crate::algebra::{Expr, Function, Source};
use crate::error::{DefinitionProblem, Error};
use crate::optimize::depth;
use crate::optimize::statistics::StatisticsCell;

/// Where the numbers of ids come from: each call gives another one.
pub(crate) type FreshNumber<'a> = &'a mut dyn FnMut() -> u32;

impl TableDefinition {
    /// The definition of a new table.
    ///
    /// # Errors
    /// A name that is taken or unknown, or an [`Error::Definition`].
    pub(crate) fn resolve(
        id: TableId,
        new: NewTable,
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<TableDefinition, Error> {
        let mut table = TableDefinition {
            id,
            name: new.name,
            columns: Vec::new(),
            primary_key: PrimaryKey::None,
            row_id_conflict: KeyConflict::default(),
            indexes: Vec::new(),
            computed: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            referenced_by: Vec::new(),
            temporary: new.temporary,
            layout: Arc::new(Layout::new([])),
            statistics: StatisticsCell::default(),
            bounded: ColumnSet::ALL,
            involved: ColumnSet::ALL,
        };
        if table.name.is_empty() {
            return Err(table.problem(DefinitionProblem::EmptyName));
        }
        if new.columns.is_empty() {
            return Err(table.problem(DefinitionProblem::NoColumn));
        }
        let row_id = single_integer_key(&new.columns, &new.primary_key);
        let mut computed = Vec::new();
        for mut column in new.columns {
            let (generated, always) = (column.generated, column.always);
            let place = table.columns.len();
            computed.extend(column.computed.take().map(|expr| (place, expr)));
            let lane = if row_id == Some(place) { Lane::RowId } else { column.data_type.lane() };
            table.add_column(column, Slot::new(lane), fresh)?;
            table.columns[place].generated_key = generated;
            table.columns[place].always = always;
        }
        table.set_primary_key(&new.primary_key, new.key_conflict, catalog, fresh)?;
        table.set_computed(&computed)?;
        for index in &new.indexes {
            table.add_index(index, catalog, fresh)?;
        }
        for check in new.checks {
            table.add_check(check, fresh)?;
        }
        for foreign_key in &new.foreign_keys {
            table.add_foreign_key(foreign_key, catalog, fresh)?;
        }
        Ok(table)
    }

    /// Adds a column, stored in a new slot. Whether it is generated is left to who knows of the primary key.
    pub(crate) fn add_column(
        &mut self,
        new: NewColumn,
        slot: Slot,
        fresh: FreshNumber<'_>,
    ) -> Result<(), Error> {
        if new.name.is_empty() {
            return Err(self.problem(DefinitionProblem::EmptyName));
        }
        if self.columns.iter().any(|column| column.name == new.name) {
            return Err(Error::DuplicateColumn { table: self.name.clone(), column: new.name });
        }
        self.check_column(&new)?;
        self.columns.push(ColumnDefinition {
            id: ColumnId::new(fresh()),
            name: new.name,
            data_type: new.data_type,
            element: new.element,
            enumeration: new.enumeration,
            any: new.any,
            collation: new.collation,
            nullable: new.nullable,
            default: new.default,
            slot: self.layout.len(),
            lane: slot.lane,
            unsigned: new.unsigned,
            max: new.max,
            generated_key: false,
            always: false,
        });
        self.layout = Arc::new(self.layout.with_slot(slot));
        Ok(())
    }

    /// Whether a column makes sense by itself.
    pub(crate) fn check_column(&self, new: &NewColumn) -> Result<(), Error> {
        let is_number = matches!(
            new.data_type,
            DataType::SmallInt
                | DataType::Integer
                | DataType::BigInt
                | DataType::Float
                | DataType::Decimal { .. }
        );
        if let DataType::Decimal { precision, scale } = new.data_type
            && new.data_type != DataType::NUMERIC
            && !((1..=DECIMAL_PRECISION_MAX).contains(&precision) && scale <= precision)
        {
            let column = new.name.clone();
            return Err(self.problem(DefinitionProblem::DecimalDigits { column, precision, scale }));
        }
        if new.unsigned && !is_number {
            return Err(self.problem(DefinitionProblem::UnsignedNotNumber {
                column: new.name.clone(),
                data_type: new.data_type,
            }));
        }
        new.default.iter().chain(&new.computed).try_for_each(depth::check_expr)?;
        match &new.default {
            Some(Expr::Literal(value)) => {
                new.data_type.accepts(value.clone()).map_err(|source| Error::Value {
                    table: self.name.clone(),
                    column: new.name.clone(),
                    source,
                })?;
                Ok(())
            }
            Some(default) if !reads_only(default, &|_| false) => {
                Err(self.problem(DefinitionProblem::DefaultNotConstant { column: new.name.clone() }))
            }
            _ => Ok(()),
        }
    }

    fn set_primary_key(
        &mut self,
        names: &[String],
        on_conflict: KeyConflict,
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<(), Error> {
        let constraint = format!("{}_pkey", self.name);
        let columns = self.places(&constraint, names)?;
        for &place in &columns {
            if self.columns[place].nullable {
                let column = self.columns[place].name.clone();
                return Err(self.problem(DefinitionProblem::NullableKey { column }));
            }
        }
        self.primary_key = match columns[..] {
            [] => PrimaryKey::None,
            [column] if is_integer(self.columns[column].data_type) => {
                self.row_id_conflict = on_conflict;
                PrimaryKey::RowId { column }
            }
            _ => {
                let mut index = NewIndex::unique(constraint, names.iter().cloned());
                index.on_conflict = on_conflict;
                let index = self.add_primary_index(&index, catalog, fresh)?;
                PrimaryKey::Index { index, columns }
            }
        };
        let key = self.row_id_column();
        match self
            .columns
            .iter()
            .enumerate()
            .find(|(place, column)| column.generated_key && key != Some(*place))
        {
            Some((_, column)) => {
                let column = column.name.clone();
                Err(self.problem(DefinitionProblem::GeneratedNotKey { column }))
            }
            None => Ok(()),
        }
    }

    /// Adds the index of a primary key.
    fn add_primary_index(
        &mut self,
        index: &NewIndex,
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<IndexId, Error> {
        let id = self.add_index(index, catalog, fresh)?;
        let index = self.indexes.last_mut().expect("the index was added just now");
        if let Some(unique) = &mut index.unique {
            unique.primary = true;
        }
        Ok(id)
    }

    /// Makes columns the primary key of a table that has none and has rows, whose ids stay: an index, also over a single
    /// integer. Returns its id.
    pub(crate) fn add_primary_key(
        &mut self,
        names: &[String],
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<IndexId, Error> {
        if self.primary_key != PrimaryKey::None {
            return Err(self.problem(DefinitionProblem::SecondPrimaryKey));
        }
        let constraint = format!("{}_pkey", self.name);
        let columns = self.places(&constraint, names)?;
        if let Some(&place) = columns.iter().find(|place| self.columns[**place].nullable) {
            let column = self.columns[place].name.clone();
            return Err(self.problem(DefinitionProblem::NullableKey { column }));
        }
        let index = NewIndex::unique(constraint, names.iter().cloned());
        let index = self.add_primary_index(&index, catalog, fresh)?;
        self.primary_key = PrimaryKey::Index { index, columns };
        Ok(index)
    }

    /// Adds an index or unique constraint.
    pub(crate) fn add_index(
        &mut self,
        new: &NewIndex,
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<IndexId, Error> {
        self.check_index_name(&new.name, catalog)?;
        if new.unique {
            self.check_constraint_name(&new.name)?;
        }
        if new.parts.is_empty() {
            return Err(self.problem(DefinitionProblem::NoPart { name: new.name.clone() }));
        }
        let mut parts: Vec<IndexPart> = Vec::with_capacity(new.parts.len());
        for part in &new.parts {
            let (expr, nullable) = match &part.what {
                NewPartKind::Column(name) => {
                    let place = self.column_named(name)?;
                    if parts.iter().any(|part| part.column() == Some(place)) {
                        let (name, column) = (new.name.clone(), name.clone());
                        return Err(self.problem(DefinitionProblem::RepeatedColumn { name, column }));
                    }
                    (IndexExpr::Column(place), self.columns[place].nullable)
                }
                NewPartKind::Expression(expr) => {
                    self.check_indexable(&new.name, expr)?;
                    (IndexExpr::Expression(expr.clone()), true)
                }
            };
            parts.push(IndexPart {
                expr,
                descending: part.descending,
                nulls_first: part.nulls_first,
                nullable,
            });
        }
        if let Some(condition) = &new.condition {
            self.check_indexable(&new.name, condition)?;
        }
        let unique = new.unique.then(|| Uniqueness {
            constraint: new.name.clone(),
            nulls_distinct: new.nulls_distinct,
            deferred: new.deferred,
            primary: false,
            on_conflict: new.on_conflict,
        });
        let id = IndexId::new(fresh());
        let condition = new.condition.clone();
        let programs = IndexPrograms::compile(self, &parts, condition.as_ref())?;
        self.indexes.push(IndexDefinition { id, name: new.name.clone(), parts, unique, condition, programs });
        Ok(id)
    }

    /// Adds a check.
    pub(crate) fn add_check(&mut self, new: NewCheck, fresh: FreshNumber<'_>) -> Result<(), Error> {
        self.check_constraint_name(&new.name)?;
        self.check_of_one_row(&new.name, &new.condition)?;
        let id = ConstraintId::new(fresh());
        let program = Arc::new(RowProgram::compile_condition(self, &new.condition)?);
        self.checks.push(CheckDefinition { id, name: new.name, condition: new.condition, program });
        Ok(())
    }

    /// Adds a foreign key, and an index to find the referring rows of a key in, if there is none. Returns the index
    /// if it was added.
    pub(crate) fn add_foreign_key(
        &mut self,
        new: &NewForeignKey,
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<Option<IndexId>, Error> {
        self.check_constraint_name(&new.name)?;
        let target = if new.target == self.name { &*self } else { &**catalog.table_named(&new.target)? };
        if target.temporary.is_some() != self.temporary.is_some() {
            let (name, target) = (new.name.clone(), target.name.clone());
            return Err(self.problem(DefinitionProblem::KeyOfTemporary { name, target }));
        }
        let (columns, target_columns, target_key) = self.match_key(new, target)?;
        let target = target.id;
        for action in [new.on_delete, new.on_update] {
            let not_nullable = columns.iter().find(|&&place| !self.columns[place].nullable);
            if let (Action::SetNull, Some(&place)) = (action, not_nullable) {
                let (name, column) = (new.name.clone(), self.columns[place].name.clone());
                return Err(self.problem(DefinitionProblem::SetNullNotNullable { name, column }));
            }
        }
        let (lookup, added) = self.child_lookup(&columns, catalog, fresh)?;
        self.foreign_keys.push(ForeignKeyDefinition {
            id: ConstraintId::new(fresh()),
            name: new.name.clone(),
            columns,
            lookup,
            target,
            target_columns,
            target_key,
            on_delete: new.on_delete,
            on_update: new.on_update,
            deferred: new.deferred,
        });
        Ok(added)
    }

    /// The columns of both sides, in the order of the key referred to.
    fn match_key(
        &self,
        new: &NewForeignKey,
        target: &TableDefinition,
    ) -> Result<(Vec<usize>, Vec<usize>, TargetKey), Error> {
        let columns = self.places(&new.name, &new.columns)?;
        let target_columns = target.places(&new.name, &new.target_columns)?;
        if columns.is_empty() {
            return Err(self.problem(DefinitionProblem::NoPart { name: new.name.clone() }));
        }
        if columns.len() != target_columns.len() {
            return Err(self.problem(DefinitionProblem::ForeignKeyShape {
                name: new.name.clone(),
                columns: columns.len(),
                target_columns: target_columns.len(),
            }));
        }
        for (&place, &target_place) in columns.iter().zip(&target_columns) {
            let (column, parent) = (&self.columns[place], &target.columns[target_place]);
            if !same_kind(column.data_type, parent.data_type) {
                return Err(self.problem(DefinitionProblem::ForeignKeyType {
                    name: new.name.clone(),
                    column: column.name.clone(),
                    data_type: column.data_type,
                    target_type: parent.data_type,
                }));
            }
        }
        let Some((order, target_key)) = target.key_over(&target_columns) else {
            return Err(self.problem(DefinitionProblem::TargetNotUnique {
                name: new.name.clone(),
                target: target.name.clone(),
                target_columns: new.target_columns.clone(),
            }));
        };
        let reordered = |places: &[usize]| order.iter().map(|&at| places[at]).collect();
        Ok((reordered(&columns), reordered(&target_columns), target_key))
    }

    /// The key that consists of exactly these columns, and for each of its parts which of them it is.
    fn key_over(&self, columns: &[usize]) -> Option<(Vec<usize>, TargetKey)> {
        if self.row_id_column().is_some_and(|column| columns == [column]) {
            return Some((vec![0], TargetKey::RowId));
        }
        let usable = |index: &IndexDefinition| index.unique.is_some() && index.condition.is_none();
        self.indexes.iter().filter(|index| usable(index)).find_map(|index| {
            if index.parts.len() != columns.len() {
                return None;
            }
            let place_of =
                |part: &IndexPart| columns.iter().position(|column| part.column() == Some(*column));
            let order = index.parts.iter().map(place_of).collect::<Option<Vec<_>>>()?;
            Some((order, TargetKey::Index(index.id)))
        })
    }

    /// How rows are found by these columns; an index is added if none serves.
    fn child_lookup(
        &mut self,
        columns: &[usize],
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<(ChildLookup, Option<IndexId>), Error> {
        if self.row_id_column().is_some_and(|column| columns == [column]) {
            return Ok((ChildLookup::RowId, None));
        }
        if let Some(index) = self.indexes.iter().find(|index| index.begins_with(columns)) {
            return Ok((ChildLookup::Index(index.id), None));
        }
        let index = self.add_lookup_index(columns, catalog, fresh)?;
        Ok((ChildLookup::Index(index), Some(index)))
    }

    /// Adds an index to find rows by these columns of a foreign key.
    pub(crate) fn add_lookup_index(
        &mut self,
        columns: &[usize],
        catalog: &Catalog,
        fresh: FreshNumber<'_>,
    ) -> Result<IndexId, Error> {
        let names = self.column_names(columns);
        let mut name = format!("{}_{}_fk_idx", self.name, names.join("_"));
        while self.check_index_name(&name, catalog).is_err() {
            name.push('_');
        }
        self.add_index(&NewIndex::new(name, names), catalog, fresh)
    }

    /// The places of columns that a key names, each once.
    fn places(&self, key: &str, names: &[String]) -> Result<Vec<usize>, Error> {
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.column_named(name)?;
            if places.contains(&place) {
                let (name, column) = (key.to_owned(), name.clone());
                return Err(self.problem(DefinitionProblem::RepeatedColumn { name, column }));
            }
            places.push(place);
        }
        Ok(places)
    }

    pub(crate) fn check_index_name(&self, name: &str, catalog: &Catalog) -> Result<(), Error> {
        if name.is_empty() {
            return Err(self.problem(DefinitionProblem::EmptyName));
        }
        // Those of temporary tables are apart, as their tables are.
        let is_elsewhere = |table: &&Arc<TableDefinition>| {
            table.id != self.id
                && table.id.is_temporary() == self.id.is_temporary()
                && table.indexes.iter().any(|index| index.name == name)
        };
        let holder = match catalog.tables().find(is_elsewhere) {
            Some(table) => Some(&table.name),
            None => self.indexes.iter().any(|index| index.name == name).then_some(&self.name),
        };
        match holder {
            Some(table) => Err(Error::DuplicateIndex { table: table.clone(), index: name.to_owned() }),
            None => Ok(()),
        }
    }

    pub(crate) fn check_constraint_name(&self, name: &str) -> Result<(), Error> {
        if name.is_empty() {
            return Err(self.problem(DefinitionProblem::EmptyName));
        }
        if self.constraint_names().any(|taken| taken == name) {
            let (table, constraint) = (self.name.clone(), name.to_owned());
            return Err(Error::DuplicateConstraint { table, constraint });
        }
        Ok(())
    }

    /// The names of its unique constraints, checks and foreign keys.
    pub(crate) fn constraint_names(&self) -> impl Iterator<Item = &str> {
        let unique = self.indexes.iter().filter_map(|index| Some(index.unique.as_ref()?.constraint.as_str()));
        let checks = self.checks.iter().map(|check| check.name.as_str());
        unique.chain(checks).chain(self.foreign_keys.iter().map(|key| key.name.as_str()))
    }

    fn check_of_one_row(&self, name: &str, expr: &Expr) -> Result<(), Error> {
        depth::check_expr(expr)?;
        let own = |place: usize| place < self.columns.len();
        if reads_only(expr, &own) {
            Ok(())
        } else {
            Err(self.problem(DefinitionProblem::NotOfOneRow { name: name.to_owned() }))
        }
    }

    /// An index has the entry that its row had when it was written, and finds it by computing it again when the row
    /// goes: so it must not depend on when that is.
    fn check_indexable(&self, name: &str, expr: &Expr) -> Result<(), Error> {
        self.check_of_one_row(name, expr)?;
        if calls_now(expr) {
            return Err(self.problem(DefinitionProblem::IndexOfNow { name: name.to_owned() }));
        }
        Ok(())
    }

    pub(crate) fn problem(&self, problem: DefinitionProblem) -> Error {
        Error::Definition { table: self.name.clone(), problem }
    }
}

/// Whether an expression has neither parameters nor queries and reads no columns but those of `Source::SELF` at
/// `allowed` places.
pub(super) fn reads_only(expr: &Expr, allowed: &dyn Fn(usize) -> bool) -> bool {
    match expr {
        Expr::Parameter(..) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..) => false,
        Expr::Column(column) => {
            column.source() == Source::SELF && !column.is_row_id() && allowed(column.index())
        }
        _ => expr.children().into_iter().all(|child| reads_only(child, allowed)),
    }
}

fn calls_now(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(Function::Now, _)) || expr.children().into_iter().any(calls_now)
}

/// The place of the column that becomes the row id, if the key is one integer column.
fn single_integer_key(columns: &[NewColumn], key: &[String]) -> Option<usize> {
    let [name] = key else { return None };
    columns.iter().position(|column| column.name == *name && is_integer(column.data_type))
}

fn is_integer(data_type: DataType) -> bool {
    data_type.integer_range().is_some()
}

/// Whether values of both types are of one class, so that their keys agree.
pub(crate) fn same_kind(a: DataType, b: DataType) -> bool {
    match (a, b) {
        (DataType::Text { .. }, DataType::Text { .. })
        | (DataType::Decimal { .. }, DataType::Decimal { .. }) => true,
        _ => a == b || is_integer(a) && is_integer(b),
    }
}
