//! INSERT, UPDATE and DELETE.
//!
//! What a statement does must not hang on the order in which it meets rows: the source of an insertion that passes over
//! conflicts is ordered, and a SET reads other tables than the one that is changed.

use super::expression::Kind;
use super::query::Writer;
use super::schema::{Table, stored};

impl Writer<'_> {
    /// A statement that changes a table, if there is a table.
    pub(crate) fn change(&mut self) -> Option<String> {
        let tables: Vec<&Table> = self.schema.tables.iter().filter(|table| !table.is_view).collect();
        let table = *tables.get(self.tape.below(tables.len()))?;
        let sql = match self.tape.below(8) {
            0..=2 => self.insert(table),
            3..=5 => self.update(table),
            _ => self.delete(table),
        };
        Some(sql + &self.returning(table))
    }

    fn returning(&mut self, table: &Table) -> String {
        match self.tape.below(4) {
            2 => " RETURNING *".to_owned(),
            3 => {
                self.enter(table.columns.iter().cloned());
                self.without_queries();
                let values = [self.value(Kind::Int, 2), self.value(Kind::Text, 1)];
                self.leave();
                format!(" RETURNING {}", values.join(", "))
            }
            _ => String::new(),
        }
    }

    fn insert(&mut self, table: &Table) -> String {
        let mut places: Vec<usize> = (0..table.given).collect();
        // Ids are given: SQLite's next is one above the greatest there is, Nuages' one above the greatest there was.
        if self.tape.one_in(3) {
            places.truncate(self.tape.below(places.len()) + 1);
        }
        let names: Vec<&str> = places.iter().map(|place| table.columns[*place].0.as_str()).collect();
        let kinds: Vec<Kind> = places.iter().map(|place| table.columns[*place].1).collect();
        let or = self.tape.pick(&["", "", " OR IGNORE", " OR REPLACE"]);
        let rows = if names[0] != "id" && self.tape.one_in(3) {
            self.in_full_order(&kinds)
        } else {
            let rows = (0..=self.tape.below(3)).map(|_| {
                let has_id = names[0] == "id";
                let values: Vec<String> = (kinds.iter().enumerate())
                    .map(|(place, kind)| match has_id && place == 0 {
                        true => self.tape.below(30).to_string(),
                        false => stored(*kind, &mut self.tape),
                    })
                    .collect();
                format!("({})", values.join(", "))
            });
            format!("VALUES {}", rows.collect::<Vec<_>>().join(", "))
        };
        let conflict = if or.is_empty() { self.on_conflict(table) } else { String::new() };
        format!("INSERT{or} INTO {} ({}) {rows}{conflict}", table.name, names.join(", "))
    }

    fn on_conflict(&mut self, table: &Table) -> String {
        match self.tape.below(4) {
            2 => " ON CONFLICT DO NOTHING".to_owned(),
            3 if !table.keys.is_empty() => {
                let key = &table.keys[self.tape.below(table.keys.len())];
                let target: Vec<&str> = key.iter().map(|place| table.columns[*place].0.as_str()).collect();
                let place = self.tape.below(table.given);
                let (column, kind) = &table.columns[place];
                let own = table.columns.iter().map(|(name, kind)| (format!("{}.{name}", table.name), *kind));
                let theirs = table.columns.iter().map(|(name, kind)| (format!("excluded.{name}"), *kind));
                self.enter(theirs.chain(own));
                self.without_queries();
                let value = self.value(*kind, 1);
                let condition = match self.tape.one_in(3) {
                    true => format!(" WHERE {}", self.condition(1)),
                    false => String::new(),
                };
                self.leave();
                format!(" ON CONFLICT ({}) DO UPDATE SET {column} = {value}{condition}", target.join(", "))
            }
            _ => String::new(),
        }
    }

    fn update(&mut self, table: &Table) -> String {
        self.enter_table(table);
        let condition = match self.tape.one_in(5) {
            false => format!(" WHERE {}", self.condition(2)),
            true => String::new(),
        };
        self.banned = Some(table.name.clone());
        if self.schema.has_foreign_keys {
            self.without_queries();
        }
        let assignments: Vec<String> = (0..=self.tape.below(2))
            .scan(Vec::new(), |used, _| {
                let place = self.tape.below(table.given);
                if used.contains(&place) {
                    return None;
                }
                used.push(place);
                let (column, kind) = &table.columns[place];
                Some(format!("{column} = {}", self.assigned(*kind)))
            })
            .collect();
        self.leave();
        format!("UPDATE {} SET {}{condition}", table.name, assignments.join(", "))
    }

    fn delete(&mut self, table: &Table) -> String {
        self.enter_table(table);
        let condition = self.condition(2);
        self.leave();
        format!("DELETE FROM {} WHERE {condition}", table.name)
    }

    fn enter_table(&mut self, table: &Table) {
        let columns = table.columns.iter().map(|(name, kind)| (format!("{}.{name}", table.name), *kind));
        self.enter(columns);
    }
}
