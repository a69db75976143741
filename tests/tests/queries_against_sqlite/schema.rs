//! Random tables and rows, for the engine and for SQLite.
//!
//! Values come from small ranges, so that joins find partners, groups have several rows and sets overlap. Floats are
//! multiples of a half and decimals of a quarter: sums of them are exact in binary, in whatever order they are added.

use std::collections::HashSet;
use std::fmt::Write as _;

use nuages_engine::algebra::{Comparison, Delete, Expr, Insert, InsertSource, Source, Statement, Update};
use nuages_engine::catalog::{NewColumn, NewIndex, NewPart, NewTable};
use nuages_engine::{Database, Session};
use nuages_storage::{DataType, TableId, Value};
use rust_decimal::Decimal;

use crate::sqlite;
use nuages_tests::tape::Tape;

/// What kind of values an expression has; the two engines are compared kind by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Int,
    Text,
    Bool,
    Float,
    Decimal,
    /// A mean: it is looked at, but not computed with, for it may be inexact.
    Mean,
}

impl Kind {
    /// The kinds that columns have.
    pub(crate) const ALL: [Kind; 5] = [Kind::Int, Kind::Text, Kind::Bool, Kind::Float, Kind::Decimal];

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Kind::Int | Kind::Float | Kind::Decimal)
    }

    /// The kind of a number that may be of either kind.
    pub(crate) fn wider(self, other: Kind) -> Kind {
        match (self, other) {
            (Kind::Float, _) | (_, Kind::Float) => Kind::Float,
            (Kind::Decimal, _) | (_, Kind::Decimal) => Kind::Decimal,
            _ => self,
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Kind::Int => DataType::BigInt,
            Kind::Text => DataType::Text { max_length: None },
            Kind::Bool => DataType::Bool,
            Kind::Float | Kind::Mean => DataType::Float,
            Kind::Decimal => DataType::Decimal { precision: 12, scale: 2 },
        }
    }

    /// The n-th value of the kind, of which there are many alike for small `n`.
    pub(crate) fn value(self, n: usize) -> Value {
        let number = i64::try_from(n).expect("the numbers drawn are small") - 2;
        match self {
            Kind::Int => Value::Int(number),
            Kind::Text => Value::from(word(n).as_str()),
            Kind::Bool => Value::Bool(n % 2 == 1),
            Kind::Float | Kind::Mean => Value::from(number as f64 * 0.5),
            Kind::Decimal => Value::Decimal(Decimal::new(number * 25, 2)),
        }
    }
}

/// A text with something in it that patterns, trimming or the order of bytes may stumble over.
fn word(n: usize) -> String {
    const WORDS: [&str; 12] = ["a", "b", "ab", "", "A", "ba", "abc", "B%", "a_b", " a ", "aab", "ac/dc"];
    match WORDS.get(n) {
        Some(word) => (*word).to_owned(),
        // Longer than what a leaf keeps inline.
        None if n == WORDS.len() => "x".repeat(1100),
        None => format!("w{n}"),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// From how many values those of the rows are drawn.
    spread: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct TableIndex {
    /// Columns, and for each whether it descends and whether its NULLs come first.
    pub(crate) parts: Vec<(usize, bool, bool)>,
    unique: bool,
    /// Whether the first part is followed by an expression, which no query asks for.
    expression: bool,
    /// Over `Source::SELF`.
    pub(crate) condition: Option<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<TableColumn>,
    /// The primary key; no column if there is none.
    pub(crate) key: Vec<usize>,
    pub(crate) indexes: Vec<TableIndex>,
    /// The rows that were inserted, what was done to them then, and what they are now.
    inserted: Vec<Vec<Value>>,
    changes: Vec<Change>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Known once the table has been created.
    pub(crate) id: TableId,
}

/// What is done to the rows that have `value` in the column `place`: they are deleted, or another column is set. So
/// leaves get holes, and entries of indexes move.
#[derive(Clone, Debug)]
struct Change {
    place: usize,
    value: Value,
    set: Option<(usize, Value)>,
}

/// The most columns a table gets, and so the length of a row's tape.
pub(crate) const COLUMNS_MAX: usize = 6;

impl Table {
    /// The n-th table: its definition off `tape`, and one row off each of `rows` that no unique key forbids.
    pub(crate) fn new(number: usize, tape: &mut Tape<'_>, rows: &[[u16; COLUMNS_MAX]]) -> Table {
        let mut columns = vec![column(0, Kind::Int, tape)];
        for place in 1..2 + tape.below(COLUMNS_MAX - 1) {
            let kind = tape.pick(&[Kind::Int, Kind::Text, Kind::Int, Kind::Bool, Kind::Float, Kind::Decimal]);
            columns.push(column(place, kind, tape));
        }
        let key = match tape.below(6) {
            0..=2 => vec![0],
            3 => vec![1],
            4 => vec![1, 0],
            _ => vec![],
        };
        for place in &key {
            columns[*place].nullable = false;
            columns[*place].spread = 3 + rows.len() * 3 / 2;
        }
        let mut table = Table {
            name: format!("t{number}"),
            columns,
            key,
            indexes: vec![],
            inserted: vec![],
            changes: vec![],
            rows: vec![],
            id: TableId::new(0),
        };
        for _ in 0..tape.below(5) {
            let index = table.index(tape);
            table.indexes.push(index);
        }
        table.fill(rows);
        for _ in 0..tape.below(3) {
            table.change(tape);
        }
        table
    }

    fn index(&self, tape: &mut Tape<'_>) -> TableIndex {
        let mut parts: Vec<(usize, bool, bool)> = Vec::new();
        for _ in 0..1 + tape.below(3) {
            let place = tape.below(self.columns.len());
            if parts.iter().all(|(known, ..)| *known != place) {
                let descending = tape.one_in(3);
                parts.push((place, descending, descending != tape.one_in(5)));
            }
        }
        let unique = tape.one_in(5);
        let condition = tape.one_in(4).then(|| self.condition(tape));
        let expression = !unique && tape.one_in(6);
        TableIndex { parts, unique, expression, condition }
    }

    fn condition(&self, tape: &mut Tape<'_>) -> Expr {
        let place = tape.below(self.columns.len());
        let column = Expr::from(Source::SELF.column(place));
        let value = Expr::Literal(self.columns[place].kind.value(tape.below(6)));
        match tape.below(3) {
            0 => column.is_null().not(),
            1 => column.equals(value),
            _ => column.compare(Comparison::Greater, value),
        }
    }

    /// What its rows can be found by, in order: the parts of its indexes and of its primary key.
    pub(crate) fn orders(&self) -> Vec<Vec<(usize, bool, bool)>> {
        let key = self.key.iter().map(|place| (*place, false, false)).collect();
        self.indexes
            .iter()
            .map(|index| index.parts.clone())
            .chain([key])
            .filter(|parts| !parts.is_empty())
            .collect()
    }

    /// Whether it is keyed by an integer, which is its row id then.
    pub(crate) fn has_row_id(&self) -> bool {
        self.key == [0] || (self.key == [1] && self.columns[1].kind == Kind::Int)
    }

    fn fill(&mut self, tapes: &[[u16; COLUMNS_MAX]]) {
        let unique: Vec<Vec<usize>> = std::iter::once(self.key.clone())
            .chain(self.indexes.iter().filter(|index| index.unique).map(TableIndex::places))
            .filter(|places| !places.is_empty())
            .collect();
        let mut seen = HashSet::new();
        for tape in tapes {
            let row: Vec<Value> =
                self.columns.iter().zip(tape).map(|(column, choice)| column.value(*choice)).collect();
            let keys: Vec<(usize, Vec<Value>)> = unique
                .iter()
                .enumerate()
                .map(|(number, places)| (number, places.iter().map(|place| row[*place].clone()).collect()))
                .filter(|(_, key): &(usize, Vec<Value>)| !key.iter().any(Value::is_null))
                .collect();
            if keys.iter().all(|key| !seen.contains(key)) {
                seen.extend(keys);
                self.rows.push(row);
            }
        }
        self.inserted.clone_from(&self.rows);
    }

    fn change(&mut self, tape: &mut Tape<'_>) {
        let place = tape.below(self.columns.len());
        let value = self.columns[place].kind.value(tape.below(6));
        let to = tape.below(self.columns.len());
        let mut unique = self.indexes.iter().filter(|index| index.unique).flat_map(TableIndex::places);
        // What is unique is left alone, so that no change is refused.
        let settable = !self.key.contains(&to) && unique.all(|place| place != to);
        let set = (settable && tape.one_in(2)).then(|| (to, self.columns[to].kind.value(tape.below(6))));
        match &set {
            None => self.rows.retain(|row| row[place] != value),
            Some((to, set)) => {
                let meant = self.rows.iter_mut().filter(|row| row[place] == value);
                meant.for_each(|row| row[*to].clone_from(set));
            }
        }
        self.changes.push(Change { place, value, set });
    }

    fn definition(&self) -> NewTable {
        let name = |place: &usize| self.columns[*place].name.clone();
        let mut table = NewTable::new(&self.name).primary_key(self.key.iter().map(name));
        for column in &self.columns {
            table =
                table.column(NewColumn::new(&column.name, column.kind.data_type()).nullable(column.nullable));
        }
        for (number, index) in self.indexes.iter().enumerate() {
            let part = |(place, descending, nulls_first): &(usize, bool, bool)| NewPart {
                descending: *descending,
                ..NewPart::column(name(place)).nulls_first(*nulls_first)
            };
            let mut parts: Vec<NewPart> = index.parts.iter().map(part).collect();
            if index.expression {
                let first = Expr::from(Source::SELF.column(index.parts[0].0));
                parts.insert(1, NewPart::expression(first.is_null()));
            }
            let mut new = NewIndex::new(format!("{}_i{number}", self.name), parts);
            new.unique = index.unique;
            new.condition.clone_from(&index.condition);
            table = table.index(new);
        }
        table
    }

    /// Creates and fills the table.
    pub(crate) fn create_in(&mut self, db: &Database) {
        self.id = db.create_table(self.definition()).expect("the definition is sound");
        let source = Source::new(0);
        let literal = |value: &Value| Some(Expr::Literal(value.clone()));
        let insert = Insert {
            table: self.id,
            columns: (0..self.columns.len()).collect(),
            rows: InsertSource::Values(
                self.inserted.iter().map(|row| row.iter().map(literal).collect()).collect(),
            ),
            source,
            conflict: None,
            returning: Vec::new(),
        };
        db.execute(&Statement::Insert(insert), &[]).expect("no row breaks a constraint");
        for Change { place, value, set } in &self.changes {
            let predicate = Some(Expr::from(source.column(*place)).equals(Expr::Literal(value.clone())));
            let (table, returning) = (self.id, Vec::new());
            let statement = match set {
                None => Statement::Delete(Delete { table, source, predicate, returning, using: None }),
                Some((to, set)) => {
                    let assignments = vec![(*to, Expr::Literal(set.clone()))];
                    Statement::Update(Update { table, source, predicate, assignments, returning, from: None })
                }
            };
            db.execute(&statement, &[]).expect("no change breaks a constraint");
        }
    }

    /// The statements that create and fill the table in SQLite. It gets no index: it is to be right, not fast.
    pub(crate) fn sql(&self) -> String {
        let column = |column: &TableColumn| {
            let data_type = match column.kind {
                Kind::Int | Kind::Bool => "INTEGER",
                Kind::Text => "TEXT",
                Kind::Float | Kind::Decimal | Kind::Mean => "REAL",
            };
            format!("{} {data_type}{}", column.name, if column.nullable { "" } else { " NOT NULL" })
        };
        let mut sql = format!("CREATE TABLE {} ({})", self.name, joined(&self.columns, column));
        if !self.rows.is_empty() {
            let row = |row: &Vec<Value>| format!("({})", joined(row, sqlite::literal));
            write!(sql, ";\nINSERT INTO {} VALUES {}", self.name, joined(&self.rows, row))
                .expect("a string can be written to");
        }
        sql + ";\n"
    }

    /// What SQLite is not told of the table, for whoever reads a failure.
    pub(crate) fn remarks(&self) -> String {
        let name = |place: &usize| self.columns[*place].name.as_str();
        let mut remarks = format!("-- {}: primary key ({})\n", self.name, joined(&self.key, name));
        for (number, index) in self.indexes.iter().enumerate() {
            let part = |(place, descending, nulls_first): &(usize, bool, bool)| {
                format!(
                    "{}{}{}",
                    name(place),
                    if *descending { " DESC" } else { "" },
                    if *nulls_first { " NULLS FIRST" } else { " NULLS LAST" }
                )
            };
            let unique = if index.unique { "unique " } else { "" };
            let condition = index.condition.as_ref().map_or(String::new(), |condition| {
                format!(" WHERE {}", condition.print(&|column| self.columns[column.index()].name.clone()))
            });
            let parts = joined(&index.parts, part);
            let expression = if index.expression { ", with an expression after the first part" } else { "" };
            writeln!(remarks, "-- {unique}index {}_i{number} ({parts}){expression}{condition}", self.name)
                .expect("a string can be written to");
        }
        if !self.changes.is_empty() {
            writeln!(remarks, "-- after {:?} of {} rows", self.changes, self.inserted.len())
                .expect("a string can be written to");
        }
        remarks
    }
}

impl TableIndex {
    fn places(&self) -> Vec<usize> {
        self.parts.iter().map(|(place, ..)| *place).collect()
    }
}

impl TableColumn {
    fn value(&self, choice: u16) -> Value {
        let mut tape = [choice, choice.wrapping_mul(40_503)];
        tape.reverse();
        let mut tape = Tape::new(&tape);
        if self.nullable && tape.one_in(4) {
            return Value::Null;
        }
        self.kind.value(tape.below(self.spread))
    }
}

fn column(place: usize, kind: Kind, tape: &mut Tape<'_>) -> TableColumn {
    let spread = tape.pick(&[5, 14, 3, 60]);
    TableColumn { name: format!("c{place}"), kind, nullable: !tape.one_in(3), spread }
}

/// The items as text, with commas between.
pub(crate) fn joined<T, S: AsRef<str>>(items: &[T], text: impl Fn(&T) -> S) -> String {
    items.iter().map(|item| text(item).as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}
