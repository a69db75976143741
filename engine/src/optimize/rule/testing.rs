//! Relations as text, for the tests of rules.

use std::fmt::Write;

use nuages_storage::DataType;

use super::super::depth::check_query;
use super::super::planner::Planner;
use crate::algebra::walk::ColumnSet;
use crate::algebra::{Column, Expr, OutputColumn, Query, Relation, RowCount, Source};
use crate::catalog::{Catalog, NewColumn, NewForeignKey, NewIndex, NewTable};
use crate::{Database, Session};

/// The sources of the tests' scans.
pub(in crate::optimize) const P: Source = Source::new(0);
pub(in crate::optimize) const C: Source = Source::new(1);
pub(in crate::optimize) const G: Source = Source::new(2);

/// A column of one of them.
pub(in crate::optimize) fn column(source: Source, place: usize) -> Expr {
    Expr::from(source.column(place))
}

/// A whole number.
pub(in crate::optimize) fn number(value: i64) -> Expr {
    Expr::literal(value)
}

/// Two tables: `parent` (id, a) and `child` (id, parent_id, b), which refers to it.
pub(in crate::optimize) struct Family {
    db: Database,
    pub(in crate::optimize) parent: Relation,
    pub(in crate::optimize) child: Relation,
}

pub(in crate::optimize) fn family() -> Family {
    let db = Database::new();
    let integer = |name: &str| NewColumn::new(name, DataType::BigInt);
    let parent = NewTable::new("parent").column(integer("id").generated()).column(integer("a"));
    let parent = db.create_table(parent.primary_key(["id"])).expect("the table is sound");
    let child = NewTable::new("child")
        .column(integer("id").generated())
        .column(integer("parent_id"))
        .column(integer("b").nullable(true))
        .primary_key(["id"])
        .index(NewIndex::new("child_parent", ["parent_id"]))
        .foreign_key(NewForeignKey::new("child_parent", ["parent_id"], "parent", ["id"]));
    let child = db.create_table(child).expect("the table is sound");
    Family { db, parent: Relation::scan(parent, P), child: Relation::scan(child, C) }
}

impl Family {
    /// Gives a rule a relation and a planner for it.
    pub(in crate::optimize) fn plan<T>(
        &self,
        relation: Relation,
        rule: impl FnOnce(&mut Planner<'_>, Relation) -> T,
    ) -> T {
        let version = self.db.version().expect("the database is usable");
        let query = Query::new(relation.clone(), Vec::<OutputColumn>::new());
        let mut planner =
            Planner::new(Catalog::of(&version), &version, check_query(&query).expect("a query of a test"));
        planner.note_scans(&relation, false);
        rule(&mut planner, relation)
    }
}

/// A set of columns.
pub(super) fn needed(columns: impl IntoIterator<Item = Column>) -> ColumnSet {
    let mut set = ColumnSet::new();
    set.extend(columns);
    set
}

/// A relation as an indented tree.
pub(in crate::optimize) fn show(relation: &Relation) -> String {
    let mut text = String::new();
    draw(relation, 0, &mut text);
    text.trim_end().to_owned()
}

fn draw(relation: &Relation, depth: usize, text: &mut String) {
    let name = |column: Column| {
        let table = match column.source().number() {
            0 => "p".to_owned(),
            1 => "c".to_owned(),
            number => format!("s{number}"),
        };
        format!("{table}.{}", column.index())
    };
    let expr = |expr: &Expr| expr.print(&name).to_string();
    let exprs = |list: &[Expr]| list.iter().map(expr).collect::<Vec<_>>().join(", ");
    let line = match relation {
        Relation::Unit => "unit".into(),
        Relation::Scan { source, .. } => format!("scan {}", if *source == P { "p" } else { "c" }),
        Relation::Filter { predicate, .. } => format!("filter {}", expr(predicate)),
        Relation::Project { columns, .. } => format!("project {}", exprs(columns)),
        Relation::Join { kind, on, .. } => format!("{kind:?} join {}", expr(on)),
        Relation::Aggregate { keys, aggregates, .. } => {
            let functions: Vec<String> = aggregates.iter().map(|of| format!("{:?}", of.function)).collect();
            format!("group by {}: {}", exprs(keys), functions.join(", "))
        }
        Relation::Sort { keys, .. } => {
            format!("sort {}", keys.iter().map(|key| expr(&key.expr)).collect::<Vec<_>>().join(", "))
        }
        Relation::Limit { count, offset, .. } => {
            let [count, offset] = [count.as_ref(), Some(offset)].map(|rows| rows.and_then(RowCount::fixed));
            format!("limit {count:?} after {}", offset.unwrap_or_default())
        }
        Relation::Distinct { on, .. } => format!("distinct {}", exprs(on)),
        Relation::Set { kind, left, right, .. } => {
            let _ = writeln!(text, "{:depth$}{kind:?}", "");
            draw(&left.relation, depth + 2, text);
            draw(&right.relation, depth + 2, text);
            return;
        }
        other => format!("{other:?}"),
    };
    let _ = writeln!(text, "{:depth$}{line}", "");
    relation.inputs().into_iter().for_each(|input| draw(input, depth + 2, text));
}
