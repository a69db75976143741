//! Tables, their rows, indexes and views, as SQL.

use std::fmt::Write;

use nuages_tests::tape::Tape;

use super::expression::{Kind, literal};
use super::query::Writer;

/// A table or a view, as queries know it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, Kind)>,
    pub(crate) is_view: bool,
    /// The columns of its keys, as places: a row may be named by them in `ON CONFLICT`.
    pub(crate) keys: Vec<Vec<usize>>,
    /// How many of its columns, the first ones, are given values; the others are computed from them.
    pub(crate) given: usize,
}

/// What there is, and the statements that make it.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) tables: Vec<Table>,
    pub(crate) script: Vec<String>,
    /// Whether a table refers to another, so that a change of one may change others.
    pub(crate) has_foreign_keys: bool,
}

/// The tape of a table: its definition, and its rows.
pub(crate) type TableTape = (Vec<u16>, Vec<Vec<u16>>);

/// How many columns a table has at most.
pub(crate) const COLUMNS_MAX: usize = 5;

impl Schema {
    pub(crate) fn new(tables: &[TableTape], views: &[Vec<u16>]) -> Schema {
        let mut schema = Schema::default();
        for (definition, rows) in tables {
            schema.add_table(&mut Tape::new(definition), rows);
        }
        for tape in views {
            schema.add_view(tape);
        }
        schema
    }

    fn add_table(&mut self, tape: &mut Tape<'_>, rows: &[Vec<u16>]) {
        let name = format!("t{}", self.tables.len());
        let mut definition = format!("CREATE TABLE {name} (");
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        let has_id = tape.one_in(2);
        if has_id {
            definition.push_str("id INTEGER PRIMARY KEY, ");
            columns.push(("id".to_owned(), Kind::Int));
            keys.push(vec![0]);
        }
        for place in 0..tape.below(COLUMNS_MAX - 1) + 1 {
            let kind = tape.pick(&Kind::ALL);
            let column = format!("c{place}");
            let type_name = match kind {
                Kind::Int => tape.pick(&["INTEGER", "INT", "BIGINT"]),
                Kind::Real => tape.pick(&["REAL", "DOUBLE PRECISION"]),
                Kind::Text => tape.pick(&["TEXT", "VARCHAR(40)"]),
            };
            let _ = write!(definition, "{column} {type_name}");
            match tape.below(16) {
                13 => definition.push_str(" NOT NULL"),
                14 => {
                    definition.push_str(" UNIQUE");
                    keys.push(vec![columns.len()]);
                }
                15 => {
                    let _ = write!(definition, " DEFAULT {}", literal(kind, tape));
                }
                12 if kind == Kind::Int => {
                    let _ = write!(definition, " CHECK ({column} < 50)");
                }
                10 | 11 if kind == Kind::Int => self.add_reference(&mut definition, tape),
                _ => {}
            }
            definition.push_str(", ");
            columns.push((column, kind));
        }
        let given = columns.len();
        if tape.one_in(4) {
            let (of, kind) = columns[tape.below(given)].clone();
            let (type_name, expr) = match kind {
                Kind::Int => ("INTEGER", format!("{of} + 1")),
                Kind::Real => ("REAL", format!("{of} * 2.0")),
                Kind::Text => ("TEXT", format!("{of} || 'g'")),
            };
            let _ = write!(definition, "g {type_name} GENERATED ALWAYS AS ({expr}) STORED, ");
            columns.push(("g".to_owned(), kind));
        }
        if !has_id && columns.len() > 1 && tape.one_in(5) {
            let places = [columns.len() - 2, columns.len() - 1];
            let _ = write!(definition, "UNIQUE ({}, {}), ", columns[places[0]].0, columns[places[1]].0);
            keys.push(places.to_vec());
        }
        definition.truncate(definition.len() - 2);
        self.script.push(definition + ")");
        self.add_indexes(&name, &columns, &mut keys, tape);
        for row in rows {
            let mut row = Tape::new(row);
            let value = |(column, kind): &(String, Kind)| match column.as_str() {
                "id" => row.below(30).to_string(),
                _ => stored(*kind, &mut row),
            };
            let values: Vec<String> = columns[..given].iter().map(value).collect();
            self.script.push(format!("INSERT INTO {name} VALUES ({})", values.join(", ")));
        }
        self.tables.push(Table { name, columns, is_view: false, keys, given });
    }

    /// A foreign key of the column that is being defined, if there is what it may refer to.
    fn add_reference(&mut self, definition: &mut String, tape: &mut Tape<'_>) {
        let Some(parent) = self.tables.iter().find(|table| table.columns[0].0 == "id") else { return };
        let action = tape.pick(&[
            "",
            " ON DELETE CASCADE",
            " ON DELETE SET NULL",
            " ON DELETE CASCADE ON UPDATE CASCADE",
        ]);
        let _ = write!(definition, " REFERENCES {} (id){action}", parent.name);
        self.has_foreign_keys = true;
    }

    fn add_indexes(
        &mut self,
        table: &str,
        columns: &[(String, Kind)],
        keys: &mut Vec<Vec<usize>>,
        tape: &mut Tape<'_>,
    ) {
        for number in 0..tape.below(3) {
            let first = tape.below(columns.len());
            let second = tape.below(columns.len());
            let mut parts = vec![columns[first].0.clone()];
            let mut places = vec![first];
            if second != first && tape.one_in(2) {
                parts.push(columns[second].0.clone());
                places.push(second);
            }
            for part in &mut parts {
                if tape.one_in(3) {
                    part.push_str(" DESC");
                }
            }
            let unique = if tape.one_in(5) { "UNIQUE " } else { "" };
            let condition = match tape.below(6) {
                4 => format!(" WHERE {} IS NOT NULL", columns[second].0),
                5 => format!(" WHERE {} > {}", columns[second].0, literal(columns[second].1, tape)),
                _ => String::new(),
            };
            if !unique.is_empty() && condition.is_empty() {
                keys.push(places);
            }
            let parts = parts.join(", ");
            self.script
                .push(format!("CREATE {unique}INDEX i{number}_{table} ON {table} ({parts}){condition}"));
        }
    }

    fn add_view(&mut self, tape: &[u16]) {
        let name = format!("v{}", self.tables.len());
        let selected = Writer::new(self, Tape::new(tape)).view();
        self.script.push(format!("CREATE VIEW {name} AS {}", selected.sql));
        let columns = selected.kinds.iter().enumerate().map(|(place, kind)| (format!("c{place}"), *kind));
        let given = selected.kinds.len();
        self.tables.push(Table { name, columns: columns.collect(), is_view: true, keys: Vec::new(), given });
    }
}

/// A value as a row has it: NULL now and then, and often one that other rows have too.
pub(crate) fn stored(kind: Kind, tape: &mut Tape<'_>) -> String {
    if tape.one_in(7) {
        return "NULL".to_owned();
    }
    match kind {
        Kind::Int => tape.below(14).to_string(),
        Kind::Real | Kind::Text => literal(kind, tape),
    }
}
