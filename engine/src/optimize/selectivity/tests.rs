//! Estimates beside the truth, on columns that are spread evenly, as Zipf says, with NULLs, and alike.

use std::sync::OnceLock;

use nuages_storage::{DataType, Value};
use proptest::prelude::*;

use crate::algebra::{Expr, Insert, InsertSource, Source, Statement};
use crate::catalog::{NewColumn, NewTable};
use crate::sql::Connection;
use crate::{Database, Session};

const ROWS: i64 = 20_000;
const WORDS: i64 = 500;

/// A table without indexes but the key: `even` has 2,000 different values; `zipf` has up to 2,000, the n-th in
/// proportion to 1/n; `twin` is a function of `zipf`; `gaps` is NULL in 30% of the rows; `word` is a text of 500, as
/// skewed as `zipf`.
fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let db = Database::new();
        let integer = |name: &str| NewColumn::new(name, DataType::BigInt);
        let table = NewTable::new("t")
            .column(integer("id").generated())
            .column(integer("even"))
            .column(integer("zipf"))
            .column(integer("twin"))
            .column(integer("gaps").nullable(true))
            .column(NewColumn::new("word", DataType::Text { max_length: None }))
            .primary_key(["id"]);
        let table = db.create_table(table).unwrap();
        let row = |n: i64| {
            let zipf = zipf(random(n), 2_000);
            let gaps = if random(n + 7) < 0.3 { Value::Null } else { Value::Int(n % 40) };
            let word = format!("{:03} word", zipf % WORDS);
            let even = (random(n + 3) * 2_000.0) as i64;
            let values =
                [Value::Int(n), Value::Int(even), Value::Int(zipf), Value::Int(zipf / 3), gaps, word.into()];
            values.into_iter().map(|value| Some(Expr::Literal(value))).collect()
        };
        let insert = Insert {
            table,
            columns: (0..6).collect(),
            rows: InsertSource::Values((1..=ROWS).map(row).collect()),
            source: Source::new(0),
            conflict: None,
            returning: Vec::new(),
        };
        db.execute(&Statement::Insert(insert), &[]).unwrap();
        db
    })
}

/// A number from 0 to 1 for each number.
fn random(n: i64) -> f64 {
    let mut word = n.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (word >> 11) as f64 / (1u64 << 53) as f64
}

/// One of `values` numbers from 1 on, the n-th about in proportion to 1/n: the inverse of the distribution's integral.
fn zipf(random: f64, values: i64) -> i64 {
    (((values as f64).ln() * random).exp() as i64).clamp(1, values)
}

/// How many rows of `t` a condition is thought to leave, and how many it leaves.
fn thought_and_found(condition: &str) -> (f64, f64) {
    let connection = Connection::new(database().clone());
    let query = connection.read(&format!("SELECT id FROM t WHERE {condition}")).unwrap();
    let thought = connection.database().explain(&query).unwrap().rows.rows;
    (thought, connection.database().query(&query, &[]).unwrap().rows.len() as f64)
}

/// By what factor the rows are misjudged, fewer than `floor` counting as so many.
fn misjudged(condition: &str, floor: f64) -> f64 {
    let (thought, found) = thought_and_found(condition);
    let (thought, found) = (thought.max(floor), found.max(floor));
    f64::max(thought / found, found / thought)
}

/// A condition on one column, of the kinds that statistics answer for.
fn conditions() -> impl Strategy<Value = String> {
    let column = prop::sample::select(vec![("even", 2_000), ("zipf", 2_000), ("twin", 666), ("gaps", 40)]);
    (column, 0.0..1.0f64, 0.0..1.0f64, 0..7).prop_map(|((column, values), a, b, kind)| {
        let value = |random: f64| {
            if column == "zipf" { zipf(random, values) } else { (random * values as f64) as i64 }
        };
        let (low, high) = (value(a).min(value(b)), value(a).max(value(b)));
        match kind {
            0 => format!("{column} = {low}"),
            1 => format!("{column} <> {low}"),
            2 => format!("{column} < {high}"),
            3 => format!("{column} BETWEEN {low} AND {high}"),
            4 => format!("{column} IN ({low}, {high}, {})", low + 1),
            5 => format!("{column} IS NULL"),
            _ => format!("{column} IS NOT NULL AND {column} > {low}"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Of a sample of 1,024 rows, 8 are 156 of the table's: what is rarer than that is judged within a factor.
    #[test]
    fn conditions_on_a_column_are_judged_within_a_factor(condition in conditions()) {
        let factor = misjudged(&condition, 20.0);
        prop_assert!(factor < 10.0, "{condition}: {:?}", thought_and_found(&condition));
    }
}

#[test]
fn what_is_rare_is_not_thought_to_be_as_frequent_as_one_sampled_row() {
    // Each value of `even` is in ten rows, of which the sample has half a row.
    for value in [3, 500, 1_234, 1_999] {
        let (thought, _) = thought_and_found(&format!("even = {value}"));
        assert!((5.0..20.0).contains(&thought), "{thought}");
    }
    let (thought, found) = thought_and_found("even = -1");
    assert!(thought < 20.0 && found == 0.0, "{thought}");
}

#[test]
fn a_range_beyond_all_values_is_thought_to_be_nearly_empty() {
    // All values are common ones: what is beyond them is not as frequent as they are.
    for condition in ["gaps > 39", "gaps < 0", "gaps IS NOT NULL AND gaps > 39", "gaps BETWEEN 40 AND 50"] {
        let (thought, found) = thought_and_found(condition);
        assert!(thought < 20.0 && found == 0.0, "{condition}: {thought}");
    }
}

#[test]
fn a_text_begins_as_a_histogram_says() {
    for beginning in ["00", "01", "10", "2", "4"] {
        let factor = misjudged(&format!("word LIKE '{beginning}%'"), 20.0);
        assert!(factor < 3.0, "{beginning}: {factor}");
    }
}

#[test]
fn columns_that_depend_on_each_other_are_judged_together() {
    // One condition says what the other does; independent ones would leave a third of that.
    for condition in ["zipf < 9 AND twin < 3", "zipf = 1 AND twin = 0", "zipf BETWEEN 3 AND 5 AND twin = 1"] {
        let factor = misjudged(condition, 20.0);
        assert!(factor < 1.6, "{condition}: {:?}", thought_and_found(condition));
    }
}

#[test]
fn both_ends_of_a_narrow_range_are_judged_together() {
    let (thought, found) = thought_and_found("even >= 1000 AND even < 1005");
    assert!((25.0..100.0).contains(&thought), "{thought} for {found}");
}

#[test]
fn a_value_that_is_not_known_has_the_mean_of_all() {
    let connection = Connection::new(database().clone());
    let query = connection.read("SELECT id FROM t WHERE gaps = $1").unwrap();
    let thought = connection.database().explain(&query).unwrap().rows.rows;
    assert!((250.0..450.0).contains(&thought), "70% of the rows have one of 40 values: {thought}");
}
