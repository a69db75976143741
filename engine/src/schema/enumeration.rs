//! Enumerations: created, given more values, called otherwise, dropped.

use std::sync::Arc;

use crate::catalog::{Catalog, Commented, EnumDefinition, EnumId, EnumPlace, TableDefinition};
use crate::error::Error;
use crate::schema::column::recompile;
use crate::write::WritingStatement;

impl WritingStatement<'_, '_> {
    /// Creates an enumeration of these values, the least first.
    pub(crate) fn create_enum(&mut self, name: &str, labels: &[String]) -> Result<(), Error> {
        let catalog = self.catalog_to_change(name)?;
        let id = EnumId::new(self.writer().fresh_id());
        let new = EnumDefinition::new(id, name.to_owned(), labels.to_vec());
        let known = catalog.enums().cloned();
        self.install(catalog.with_enums(known.chain([Arc::new(new)]).collect()));
        Ok(())
    }

    /// Puts another definition in the place of an enumeration's, also in the columns that are of it and in the expressions
    /// that compute with it. No rank is another, so that rows and indexes stay as they are.
    fn change_enum(&mut self, catalog: &Catalog, to: EnumDefinition) -> Result<(), Error> {
        let (to, mut changed) = (Arc::new(to), Catalog::clone(catalog));
        let tables: Vec<_> = catalog.depending_on_enum(to.id).map(|table| table.id).collect();
        for table in tables {
            let mut definition = TableDefinition::clone(changed.expect_table(table)?);
            definition.redirect_enum(&to);
            recompile(&mut definition)?;
            changed = changed.with(definition);
        }
        let enums = changed.enums().map(|known| if known.id == to.id { &to } else { known }).cloned();
        let changed = changed.with_enums(enums.collect());
        self.install(changed);
        Ok(())
    }

    /// Adds a value to an enumeration.
    ///
    /// # Errors
    /// [`Error::EnumFull`] if there is no room.
    pub(crate) fn add_enum_label(&mut self, name: &str, label: &str, place: &EnumPlace) -> Result<(), Error> {
        let catalog = self.catalog_to_change(name)?;
        let Some(known) = catalog.enum_named(name) else { return Ok(()) };
        let more = known.with_label(label, place);
        let more = more.ok_or_else(|| Error::EnumFull { name: name.to_owned(), value: label.to_owned() })?;
        self.change_enum(&catalog, more)
    }

    /// Gives an enumeration another name.
    pub(crate) fn rename_enum(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let catalog = self.catalog_to_change(from)?;
        let Some(known) = catalog.enum_named(from) else { return Ok(()) };
        let renamed = EnumDefinition { name: to.to_owned(), ..EnumDefinition::clone(known) };
        self.change_enum(&catalog, renamed)
    }

    /// Drops enumerations that nothing is of.
    ///
    /// # Errors
    /// [`Error::EnumUsed`].
    pub(crate) fn drop_enums(&mut self, ids: &[EnumId]) -> Result<(), Error> {
        let Some(first) = ids.first() else { return Ok(()) };
        let catalog = self.catalog_to_change(&format!("#{}", first.number()))?;
        for known in catalog.enums().filter(|known| ids.contains(&known.id)) {
            if let Some(table) = catalog.depending_on_enum(known.id).next() {
                return Err(Error::EnumUsed { name: known.name.clone(), table: table.name.clone() });
            }
        }
        let left = catalog.enums().filter(|known| !ids.contains(&known.id)).cloned().collect();
        self.install(catalog.with_enums(left));
        Ok(())
    }

    /// Puts a comment on something, or takes it away.
    pub(crate) fn comment_on(&mut self, of: &Commented, text: Option<&str>) -> Result<(), Error> {
        let catalog = self.catalog_to_change("comment")?;
        self.install(catalog.with_comment(of.clone(), text.map(str::to_owned)));
        Ok(())
    }
}
