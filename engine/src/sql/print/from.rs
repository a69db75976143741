//! What stands after `FROM`: tables, derived ones and common ones, under names that nothing else in the statement has.

use nuages_storage::TableId;

use super::identifier::Identifier;
use super::query::Printer;
use super::select::{Select, Stage};
use crate::algebra::{Column, Relation, Source, WorkTable};
use crate::catalog::TableDefinition;

impl<'c> Printer<'c> {
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
    pub(super) fn named(&mut self, what: &str, kind: &str, source: Source, width: usize) -> Select {
        let alias = self.alias(kind);
        let names: Vec<String> = (0..width).map(|number| format!("c{number}")).collect();
        let scope: Vec<Column> = (0..width).map(|place| source.column(place)).collect();
        for (column, name) in scope.iter().zip(&names) {
            self.names.insert(*column, format!("{alias}.{name}"));
        }
        Select::from(format!("{what} AS {alias} ({})", names.join(", ")), scope)
    }

    /// A name for something after `FROM` that nothing else in the statement has: its own, or one with a number.
    pub(super) fn alias(&mut self, name: &str) -> String {
        let is_table = |name: &str| self.catalog.find_table(name).is_some();
        let numbered = (1..).map(|number| format!("{name}_{number}")).filter(|name| !is_table(name));
        let own = is_table(name).then(|| name.to_owned());
        let free = own.into_iter().chain(numbered).find(|name| !self.aliases.contains(name));
        let alias = free.unwrap_or_default();
        self.aliases.insert(alias.clone());
        alias
    }

    pub(super) fn common(&mut self, table: WorkTable, body: &str, width: usize) {
        self.work_table(table, width);
        let head = self.head(table);
        self.with.push(format!("{head} AS ({body})"));
    }

    pub(super) fn work_table(&mut self, table: WorkTable, width: usize) -> String {
        let name = self.alias("cte");
        let columns = (0..width).map(|number| format!("c{number}")).collect();
        self.work_tables.insert(table, (name.clone(), columns));
        name
    }

    pub(super) fn head(&self, table: WorkTable) -> String {
        let head = |(name, columns): &(String, Vec<String>)| format!("{name} ({})", columns.join(", "));
        self.work_tables.get(&table).map_or_else(String::new, head)
    }
}
