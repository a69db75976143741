//! In which order the conditions of a scan are tested.
//!
//! A condition is evaluated only for the rows that those before it have left, so the cheap ones come first: comparisons
//! of numbers, then of texts, then searches in texts. Whatever may fail (a division, a cast, a function) stays behind
//! all that cannot, in the order in which it was written: one that was written first may keep another from failing.

use nuages_storage::{DataType, Lane};

use crate::algebra::{Column, Expr};
use crate::catalog::TableDefinition;

/// Conditions over the columns of one table, the cheapest first.
pub(super) fn cheapest_first(definition: &TableDefinition, mut parts: Vec<Expr>) -> Vec<Expr> {
    parts.sort_by_cached_key(|part| weight(definition, part));
    parts
}

/// How dear it is to test a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Number,
    Text,
    Search,
    /// It may fail, or nothing is known of it.
    Other,
}

fn weight(definition: &TableDefinition, expr: &Expr) -> Weight {
    let of_column = |column: &Column| match definition.columns.get(column.index()) {
        _ if column.is_row_id() => Weight::Number,
        Some(column) if is_text(column.data_type) => Weight::Text,
        Some(_) => Weight::Number,
        None => Weight::Other,
    };
    let of = |expr: &Expr| weight(definition, expr);
    match expr {
        Expr::Literal(_) | Expr::Parameter(..) => Weight::Number,
        Expr::Column(column) => of_column(column),
        Expr::Compare(_, a, b) => of(a).max(of(b)),
        Expr::IsNull(value) | Expr::Not(value) => of(value),
        Expr::InList(value, list) => list.iter().map(of).fold(of(value), Weight::max),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().map(of).fold(Weight::Number, Weight::max),
        // A day is a moment, and that does not fail.
        Expr::Cast(day, DataType::Timestamp) if is_day(definition, day) => Weight::Number,
        Expr::Match { text, pattern, .. } => of(text).max(of(pattern)).max(Weight::Search),
        _ => Weight::Other,
    }
}

/// Whether an expression is a column of days.
fn is_day(definition: &TableDefinition, expr: &Expr) -> bool {
    let Expr::Column(column) = expr else { return false };
    let kind = definition.columns.get(column.index()).map(|column| column.data_type);
    !column.is_row_id() && kind == Some(DataType::Date)
}

fn is_text(kind: DataType) -> bool {
    matches!(kind.lane(), Lane::Text | Lane::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Arithmetic, Comparison, Source, TextMatch};
    use crate::catalog::{NewColumn, NewTable};
    use crate::{Database, Session};

    #[test]
    fn what_may_fail_stays_behind_what_cannot() {
        let db = Database::new();
        let text = DataType::Text { max_length: None };
        let table = NewTable::new("t")
            .column(NewColumn::new("id", DataType::BigInt).generated())
            .column(NewColumn::new("number", DataType::BigInt))
            .column(NewColumn::new("name", text))
            .column(NewColumn::new("day", DataType::Date))
            .primary_key(["id"]);
        let table = db.create_table(table).unwrap();
        let catalog = db.catalog().unwrap();
        let definition = catalog.table(table).unwrap();
        let column = |place| Expr::from(Source::new(0).column(place));
        let number = column(1).compare(Comparison::NotEqual, Expr::literal(0));
        let name = column(2).equals(Expr::literal("x"));
        let search = Expr::Match {
            kind: TextMatch::Like,
            ignore_case: false,
            text: Box::new(column(2)),
            pattern: Box::new(Expr::literal("%x%")),
        };
        let quotient = Expr::literal(1).arithmetic(Arithmetic::Divide, column(1));
        let fails = quotient.clone().equals(Expr::literal(1));
        let fails_too = quotient.equals(Expr::literal(2));
        let moment = Expr::Literal(nuages_storage::Value::Timestamp(jiff::Timestamp::UNIX_EPOCH));
        let day = Expr::Cast(Box::new(column(3)), DataType::Timestamp).compare(Comparison::Less, moment);
        let written =
            vec![day.clone(), search.clone(), fails.clone(), name.clone(), fails_too.clone(), number.clone()];
        assert_eq!(cheapest_first(definition, written), [day, number, name, search, fails, fails_too]);
    }
}
