//! Random window functions over random rows, here and by SQLite: every row gets the same values.
//!
//! Where the order of peers decides, the sort keys end in the primary key, so that there is one answer.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuages_engine::algebra::{
    AggregateFunction, Bound, Comparison, Exclude, Expr, Frame, FrameUnit, Insert, InsertSource,
    OutputColumn, Query, Relation, SortKey, Source, Statement, WindowFunction, WindowKind,
};
use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Session};
use nuages_storage::{DataType, TableId, Value};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as SqliteValue;

const ROW: Source = Source::new(0);
const WINDOW: Source = Source::new(1);
const ID: usize = 0;
const GROUP: usize = 1;
const INT: usize = 2;
const FLOAT: usize = 3;
const TEXT: usize = 4;
const NAMES: [&str; 5] = ["id", "g", "a", "f", "t"];

type Row = (Option<i64>, Option<i64>, Option<i64>, Option<String>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::weighted(0.9, 0_i64..4),
        prop::option::weighted(0.85, -6_i64..7),
        prop::option::weighted(0.9, -20_i64..20),
        prop::option::weighted(0.9, "[a-c]{0,2}"),
    );
    prop_oneof![2 => prop::collection::vec(row.clone(), 0..14), 1 => prop::collection::vec(row, 40..120)]
}

/// Both databases with the same rows.
fn databases(rows: &[Row]) -> (Database, TableId, Connection) {
    let db = Database::new();
    let nullable = |name: &str, kind| NewColumn::new(name, kind).nullable(true);
    let table = NewTable::new("r")
        .column(NewColumn::new("id", DataType::BigInt))
        .column(nullable("g", DataType::BigInt))
        .column(nullable("a", DataType::BigInt))
        .column(nullable("f", DataType::Float))
        .column(nullable("t", DataType::Text { max_length: None }))
        .primary_key(["id"]);
    let table = db.create_table(table).unwrap();
    let sqlite = Connection::open_in_memory().unwrap();
    sqlite
        .execute("create table r (id integer primary key, g integer, a integer, f real, t text)", ())
        .unwrap();
    let mut values = Vec::new();
    for (id, (g, a, f, t)) in rows.iter().enumerate() {
        let f = f.map(|f| f as f64 / 4.0);
        sqlite.execute("insert into r values (?, ?, ?, ?, ?)", (id as i64, g, a, f, t)).unwrap();
        let row = [Value::from(id as i64), (*g).into(), (*a).into(), f.into(), t.clone().into()];
        values.push(row.map(|value| Some(Expr::Literal(value))).into());
    }
    let (columns, rows) = ((0..5).collect(), InsertSource::Values(values));
    let insert = Insert { table, columns, rows, conflict: None, source: ROW, returning: Vec::new() };
    db.execute(&Statement::Insert(insert), &[]).unwrap();
    (db, table, sqlite)
}

fn column(place: usize) -> Expr {
    ROW.column(place).into()
}

/// A window function and what it is in SQL.
#[derive(Clone, Debug)]
struct Case {
    function: WindowFunction,
    sql: String,
}

fn kinds() -> impl Strategy<Value = (WindowKind, Vec<Expr>, String)> {
    use AggregateFunction::{Avg, Count, CountRows, Max, Min, StringAgg, Sum, Total};
    let aggregate = |function, places: &[usize], name: &str| {
        let arguments: Vec<Expr> = places.iter().map(|place| column(*place)).collect();
        let names: Vec<&str> = places.iter().map(|place| NAMES[*place]).collect();
        let names = if names.is_empty() { "*".to_owned() } else { names.join(", ") };
        (WindowKind::Aggregate(function), arguments, format!("{name}({names})"))
    };
    let plain = |kind, name: &str| (kind, Vec::new(), format!("{name}()"));
    let literal = |value: i64| Expr::literal(value);
    let joined = (
        WindowKind::Aggregate(StringAgg),
        vec![column(TEXT), Expr::literal("-")],
        "group_concat(t, '-')".to_owned(),
    );
    prop::sample::select(vec![
        plain(WindowKind::RowNumber, "row_number"),
        plain(WindowKind::Rank, "rank"),
        plain(WindowKind::DenseRank, "dense_rank"),
        plain(WindowKind::PercentRank, "percent_rank"),
        plain(WindowKind::CumeDist, "cume_dist"),
        (WindowKind::Ntile, vec![literal(3)], "ntile(3)".to_owned()),
        (WindowKind::Lag, vec![column(TEXT)], "lag(t)".to_owned()),
        (WindowKind::Lag, vec![column(INT), literal(2), literal(-9)], "lag(a, 2, -9)".to_owned()),
        (WindowKind::Lead, vec![column(FLOAT), literal(3), column(FLOAT)], "lead(f, 3, f)".to_owned()),
        (WindowKind::FirstValue, vec![column(TEXT)], "first_value(t)".to_owned()),
        (WindowKind::LastValue, vec![column(INT)], "last_value(a)".to_owned()),
        (WindowKind::NthValue, vec![column(INT), literal(2)], "nth_value(a, 2)".to_owned()),
        (WindowKind::NthValue, vec![literal(7), literal(3)], "nth_value(7, 3)".to_owned()),
        aggregate(CountRows, &[], "count"),
        aggregate(Count, &[TEXT], "count"),
        aggregate(Sum, &[INT], "sum"),
        aggregate(Avg, &[INT], "avg"),
        aggregate(Sum, &[FLOAT], "sum"),
        aggregate(Avg, &[FLOAT], "avg"),
        aggregate(Total, &[INT], "total"),
        aggregate(Min, &[INT], "min"),
        aggregate(Max, &[TEXT], "max"),
        aggregate(Min, &[FLOAT], "min"),
        joined,
    ])
}

/// A frame in both forms, with ends in the order that SQL asks for.
fn frames() -> impl Strategy<Value = (Frame, String)> {
    let ends = (0_usize..5, 0_usize..5, 0_i64..5, 0_i64..5);
    (prop::sample::select(vec![0, 1, 2]), ends, 0_usize..4).prop_map(|(unit, (a, b, x, y), exclude)| {
        let (start, end) = (a.min(b).min(3), a.max(b).max(1));
        let bound = |kind, offset: i64| match kind {
            0 => (Bound::UnboundedPreceding, "unbounded preceding".to_owned()),
            1 => (Bound::Preceding(Expr::literal(offset)), format!("{offset} preceding")),
            2 => (Bound::CurrentRow, "current row".to_owned()),
            3 => (Bound::Following(Expr::literal(offset)), format!("{offset} following")),
            _ => (Bound::UnboundedFollowing, "unbounded following".to_owned()),
        };
        let (unit, unit_sql) =
            [(FrameUnit::Rows, "rows"), (FrameUnit::Range, "range"), (FrameUnit::Groups, "groups")][unit];
        let (exclude, exclude_sql) = [
            (Exclude::NoOthers, "no others"),
            (Exclude::CurrentRow, "current row"),
            (Exclude::Group, "group"),
            (Exclude::Ties, "ties"),
        ][exclude];
        let ((start, start_sql), (end, end_sql)) = (bound(start, x), bound(end, y));
        let sql = format!("{unit_sql} between {start_sql} and {end_sql} exclude {exclude_sql}");
        (Frame { unit, start, end, exclude }, sql)
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let key = (prop::sample::select(vec![GROUP, INT, FLOAT]), any::<bool>(), any::<bool>());
    (kinds(), frames(), prop::option::of(Just(GROUP)), prop::option::weighted(0.9, key), any::<bool>())
        .prop_map(|((kind, arguments, call), (frame, frame_sql), partition, key, filtered)| {
            let offsets = frame.start.offset().is_some() || frame.end.offset().is_some();
            let one_key = frame.unit == FrameUnit::Range && offsets;
            let key = key.or(one_key.then_some((INT, false, false)));
            let mut order: Vec<(usize, bool, bool)> = key.into_iter().collect();
            // Of peers some functions see which comes first.
            if !one_key {
                order.push((ID, false, false));
            }
            let aggregate = matches!(kind, WindowKind::Aggregate(of) if !of.depends_on_order());
            let (kind, arguments, call) = match one_key && !aggregate {
                true => {
                    (WindowKind::Aggregate(AggregateFunction::Sum), vec![column(INT)], "sum(a)".to_owned())
                }
                false => (kind, arguments, call),
            };
            let filtered = filtered && matches!(kind, WindowKind::Aggregate(_));
            let order_by = order.iter().map(|(place, descending, nulls_first)| SortKey {
                expr: column(*place),
                descending: *descending,
                nulls_first: *nulls_first,
            });
            let order_sql: Vec<String> = order
                .iter()
                .map(|(place, descending, nulls_first)| {
                    let direction = if *descending { "desc" } else { "asc" };
                    let nulls = if *nulls_first { "first" } else { "last" };
                    format!("{} {direction} nulls {nulls}", NAMES[*place])
                })
                .collect();
            let filter = filtered.then(|| column(INT).compare(Comparison::Greater, Expr::literal(-3)));
            let filter_sql = if filtered { " filter (where a > -3)" } else { "" };
            let partition_sql =
                partition.map_or(String::new(), |place| format!("partition by {} ", NAMES[place]));
            let sql = format!(
                "{call}{filter_sql} over ({partition_sql}order by {} {frame_sql})",
                order_sql.join(", ")
            );
            let function = WindowFunction {
                function: kind,
                arguments,
                filter,
                partition_by: partition.map(column).into_iter().collect(),
                order_by: order_by.collect(),
                frame,
            };
            Case { function, sql }
        })
}

fn ours(db: &Database, table: TableId, functions: Vec<WindowFunction>) -> Vec<Vec<Value>> {
    let count = functions.len();
    let relation = Relation::scan(table, ROW).window(WINDOW, functions);
    let relation = relation.sort(vec![SortKey::ascending(column(ID))]);
    let id = OutputColumn::new("id", ROW.column(ID));
    let columns = (0..count).map(|place| OutputColumn::new("value", WINDOW.column(place)));
    db.query(&Query::new(relation, std::iter::once(id).chain(columns).collect()), &[]).unwrap().rows
}

fn theirs(sqlite: &Connection, calls: &[String]) -> Vec<Vec<Value>> {
    let sql = format!("select id, {} from r order by id", calls.join(", "));
    let mut statement = sqlite.prepare(&sql).expect(&sql);
    let width = calls.len() + 1;
    let value = |value| match value {
        SqliteValue::Null => Value::Null,
        SqliteValue::Integer(int) => Value::Int(int),
        SqliteValue::Real(float) => Value::Float(float),
        SqliteValue::Text(text) => Value::Text(text),
        SqliteValue::Blob(_) => unreachable!("there are no bytes"),
    };
    let rows = statement.query_map((), |row| (0..width).map(|at| row.get(at).map(value)).collect());
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_function_over_every_frame_is_as_sqlite_has_it(
        rows in rows(),
        cases in prop::collection::vec(cases(), 1..4),
    ) {
        let (db, table, sqlite) = databases(&rows);
        let calls: Vec<String> = cases.iter().map(|case| case.sql.clone()).collect();
        let functions = cases.into_iter().map(|case| case.function).collect();
        prop_assert_eq!(ours(&db, table, functions), theirs(&sqlite, &calls), "{:?}", calls);
    }
}

fn sum_over(frame: Frame, order_by: Vec<SortKey>) -> WindowFunction {
    WindowFunction {
        function: WindowKind::Aggregate(AggregateFunction::Sum),
        arguments: vec![column(INT)],
        filter: None,
        partition_by: Vec::new(),
        order_by,
        frame,
    }
}

#[test]
fn an_offset_that_is_negative_or_null_or_of_the_wrong_type_is_an_error() {
    let (db, table, _) = databases(&[(None, Some(1), None, None)]);
    for offset in [Expr::literal(-1), Expr::Literal(Value::Null), Expr::literal("x"), Expr::literal(1.5)] {
        let frame = Frame { unit: FrameUnit::Rows, start: Bound::Preceding(offset), ..Frame::default() };
        let relation = Relation::scan(table, ROW)
            .window(WINDOW, vec![sum_over(frame, vec![SortKey::ascending(column(INT))])]);
        let query = Query::new(relation, vec![OutputColumn::new("sum", WINDOW.column(0))]);
        assert!(db.query(&query, &[]).is_err());
    }
}

#[test]
fn a_sum_that_does_not_fit_is_an_error_and_one_that_once_did_not_is_none() {
    let rows = [Some(i64::MAX), Some(1), Some(-5)].map(|a| (None, a, None, None));
    let (db, table, _) = databases(&rows);
    let query = |frame| {
        let sum = sum_over(frame, vec![SortKey::ascending(column(ID))]);
        let relation = Relation::scan(table, ROW).window(WINDOW, vec![sum]);
        db.query(&Query::new(relation, vec![OutputColumn::new("sum", WINDOW.column(0))]), &[])
    };
    assert!(query(Frame::default()).is_err());
    assert_eq!(query(Frame::PARTITION).unwrap().rows, vec![vec![Value::Int(i64::MAX - 4)]; 3]);
}

#[test]
fn a_condition_on_the_partition_goes_below_the_window_and_no_other_does() {
    let rows: Vec<Row> = (0..20).map(|n| (Some(n % 2), Some(n), None, None)).collect();
    let (db, table, _) = databases(&rows);
    let number = WindowFunction {
        function: WindowKind::RowNumber,
        arguments: Vec::new(),
        filter: None,
        partition_by: vec![column(GROUP)],
        order_by: vec![SortKey::descending(column(INT))],
        frame: Frame::default(),
    };
    let first_two = Expr::from(WINDOW.column(0)).compare(Comparison::LessOrEqual, Expr::literal(2));
    let condition = first_two.and(column(GROUP).equals(Expr::literal(1)));
    let relation = Relation::scan(table, ROW).window(WINDOW, vec![number]).filter(condition);
    let query = Query::new(relation, vec![OutputColumn::new("a", ROW.column(INT))]);
    assert_eq!(db.query(&query, &[]).unwrap().rows, [[Value::Int(19)], [Value::Int(17)]]);
    let plan = db.explain(&query).unwrap().to_string();
    let window = plan.find("Window").unwrap();
    assert!(plan.find("g = 1").is_some_and(|place| place > window), "{plan}");
}
