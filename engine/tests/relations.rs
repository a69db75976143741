//! Common table expressions, recursion, lateral joins, full joins and the aggregates that see an order, here and by
//! SQLite where it has them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn,
    Query, Relation, SetKind, SortKey, Source, Statement, WorkTable,
};
use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, TableId, Value};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as SqliteValue;

const A: Source = Source::new(0);
const B: Source = Source::new(1);
const C: Source = Source::new(2);
const D: Source = Source::new(3);
const T: WorkTable = WorkTable::new(0);

/// Rows of two tables of two nullable integers.
type Rows = Vec<(Option<i64>, Option<i64>)>;

fn rows() -> impl Strategy<Value = Rows> {
    let value = || prop::option::weighted(0.85, 0_i64..6);
    prop::collection::vec((value(), value()), 0..9)
}

struct Both {
    db: Database,
    sqlite: Connection,
    x: TableId,
    y: TableId,
}

impl Both {
    fn new(x: &Rows, y: &Rows) -> Both {
        let (db, sqlite) = (Database::new(), Connection::open_in_memory().unwrap());
        let create = |name: &str, rows: &Rows| {
            sqlite.execute(&format!("create table {name} (p integer, q integer)"), ()).unwrap();
            let column = |name: &str| NewColumn::new(name, DataType::BigInt).nullable(true);
            let table = db.create_table(NewTable::new(name).column(column("p")).column(column("q"))).unwrap();
            for (p, q) in rows {
                sqlite.execute(&format!("insert into {name} values (?, ?)"), (p, q)).unwrap();
            }
            let row = |(p, q): &(Option<i64>, Option<i64>)| {
                [p, q].map(|value| Some(Expr::Literal((*value).into()))).to_vec()
            };
            let rows = InsertSource::Values(rows.iter().map(row).collect());
            let (columns, returning) = (vec![0, 1], Vec::new());
            let insert = Insert { table, columns, rows, conflict: None, source: A, returning };
            db.execute(&Statement::Insert(insert), &[]).unwrap();
            table
        };
        let (x, y) = (create("x", x), create("y", y));
        Both { db, sqlite, x, y }
    }

    /// That a query has the rows that SQLite has for this text, in whatever order.
    fn agree(&self, query: &Query, sql: &str) -> Result<(), TestCaseError> {
        let mut ours =
            self.db.query(query, &[]).map_err(|error| TestCaseError::fail(error.to_string()))?.rows;
        let mut statement = self.sqlite.prepare(sql).expect(sql);
        let width = query.columns.len();
        let value = |value| match value {
            SqliteValue::Null => Value::Null,
            SqliteValue::Integer(int) => Value::Int(int),
            SqliteValue::Real(float) => Value::Float(float),
            SqliteValue::Text(text) => Value::Text(text),
            SqliteValue::Blob(_) => unreachable!("there are no bytes"),
        };
        let rows = statement.query_map((), |row| (0..width).map(|at| row.get(at).map(value)).collect());
        let mut theirs: Vec<Vec<Value>> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        ours.sort();
        theirs.sort();
        prop_assert_eq!(ours, theirs, "{}\n{}", sql, self.db.explain(query).unwrap());
        Ok(())
    }
}

fn outputs(columns: impl IntoIterator<Item = Expr>) -> Vec<OutputColumn> {
    columns.into_iter().map(|expr| OutputColumn::new("value", expr)).collect()
}

fn columns(source: Source) -> [Expr; 2] {
    [source.column(0).into(), source.column(1).into()]
}

fn less(left: Expr, right: Expr) -> Expr {
    left.compare(Comparison::Less, right)
}

fn work_table(source: Source) -> Relation {
    Relation::WorkTable { table: T, source, types: vec![DataType::BigInt; 2] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn a_full_join_has_any_condition(x in rows(), y in rows()) {
        let both = Both::new(&x, &y);
        let conditions = [
            (columns(A)[0].clone().equals(columns(B)[0].clone()), "x.p = y.p"),
            (less(columns(A)[0].clone(), columns(B)[1].clone()), "x.p < y.q"),
            (
                columns(A)[0].clone().equals(columns(B)[0].clone()).and(less(columns(A)[1].clone(), columns(B)[1].clone())),
                "x.p = y.p and x.q < y.q",
            ),
            (less(columns(A)[0].clone(), Expr::literal(3)), "x.p < 3"),
        ];
        let filters = [
            (Expr::And(Vec::new()), "true"),
            (columns(A)[0].clone().compare(Comparison::Greater, Expr::literal(1)), "x.p > 1"),
            (columns(B)[1].clone().compare(Comparison::Greater, Expr::literal(1)), "y.q > 1"),
            (columns(B)[1].clone().is_null(), "y.q is null"),
        ];
        for (on, on_sql) in &conditions {
            for (filter, filter_sql) in &filters {
                let joined = Relation::scan(both.x, A).join(JoinKind::Full, Relation::scan(both.y, B), on.clone());
                let columns = columns(A).into_iter().chain(columns(B));
                let query = Query::new(joined.filter(filter.clone()), outputs(columns));
                both.agree(&query, &format!("select * from x full join y on {on_sql} where {filter_sql}"))?;
            }
        }
    }

    #[test]
    fn a_work_table_is_read_as_often_as_it_is_named(x in rows(), y in rows()) {
        let both = Both::new(&x, &y);
        let filtered = Relation::scan(both.x, A).filter(less(columns(A)[0].clone(), Expr::literal(4)));
        let rows = Box::new(Query::new(filtered, outputs(columns(A))));
        let on = columns(B)[0].clone().equals(columns(C)[1].clone());
        let members = Query::new(work_table(D), outputs([D.column(0).into()]));
        let within = Expr::InQuery(Box::new(columns(B)[1].clone()), Box::new(members));
        let input = work_table(B).join(JoinKind::Left, work_table(C), on).filter(within);
        let with = Relation::With { table: T, rows, input: Box::new(input) };
        let query = Query::new(with, outputs(columns(B).into_iter().chain(columns(C))));
        both.agree(
            &query,
            "with t as materialized (select * from x where p < 4) \
             select * from t a left join t b on a.p = b.q where a.q in (select p from t)",
        )?;
    }

    #[test]
    fn a_recursion_without_duplicates_walks_a_graph_with_cycles(x in rows()) {
        let both = Both::new(&x, &Vec::new());
        let known = |source: Source| columns(source)[0].clone().is_null().not();
        let base = Query::new(Relation::scan(both.x, A).filter(known(A)), outputs(columns(A)));
        let on = columns(B)[1].clone().equals(columns(C)[0].clone());
        let step = work_table(B).join(JoinKind::Inner, Relation::scan(both.x, C), on);
        let step = Query::new(step, outputs([columns(B)[0].clone(), columns(C)[1].clone()]));
        let (base, step) = (Box::new(base), Box::new(step));
        let paths = Relation::Recursive { table: T, base, step, all: false, source: D };
        let query = Query::new(paths, outputs(columns(D)));
        both.agree(
            &query,
            "with recursive t(p, q) as (select p, q from x where p is not null \
             union select t.p, x.q from t join x on t.q = x.p) select * from t",
        )?;
    }

    #[test]
    fn the_right_side_of_a_join_may_depend_on_the_left_row(x in rows(), y in rows()) {
        // SQLite has no LATERAL; what it is told says the same with subqueries of one row.
        let both = Both::new(&x, &y);
        let greater = less(columns(A)[0].clone(), columns(B)[0].clone());
        let first = Relation::scan(both.y, B)
            .filter(greater)
            .sort(vec![SortKey::ascending(columns(B)[0].clone()), SortKey::ascending(columns(B)[1].clone())])
            .limit(0, Some(1));
        for kind in [JoinKind::Left, JoinKind::Inner] {
            let joined = Relation::scan(both.x, A).join(kind, first.clone(), Expr::And(Vec::new()));
            let query = Query::new(joined, outputs(columns(A).into_iter().chain([columns(B)[1].clone()])));
            let filter = match kind {
                JoinKind::Left => "",
                _ => "where exists (select 1 from y where y.p > x.p)",
            };
            let first = "select q from y where y.p > x.p order by p nulls last, q nulls last limit 1";
            both.agree(&query, &format!("select p, q, ({first}) from x {filter}"))?;
        }
        let summed = Aggregate::of(AggregateFunction::Sum, columns(B)[1].clone());
        let sums = Relation::scan(both.y, B).filter(columns(B)[0].clone().equals(columns(A)[0].clone()));
        let sums = sums.aggregate(C, Vec::new(), vec![summed]);
        let above = Expr::from(C.column(0)).compare(Comparison::Greater, columns(A)[1].clone());
        let joined = Relation::scan(both.x, A).join(JoinKind::Inner, sums, above);
        let query = Query::new(joined, outputs(columns(A).into_iter().chain([C.column(0).into()])));
        both.agree(
            &query,
            "select * from (select p, q, (select sum(q) from y where y.p = x.p) s from x) where s > q",
        )?;
    }

    #[test]
    fn a_lateral_side_that_only_filters_is_an_ordinary_join(x in rows(), y in rows()) {
        let both = Both::new(&x, &y);
        let same = columns(B)[0].clone().equals(columns(A)[0].clone());
        let right = Relation::scan(both.y, B).filter(same.and(less(columns(A)[1].clone(), columns(B)[1].clone())));
        let joined = Relation::scan(both.x, A).join(JoinKind::Left, right, Expr::And(Vec::new()));
        let query = Query::new(joined, outputs(columns(A).into_iter().chain(columns(B))));
        both.agree(&query, "select * from x left join y on y.p = x.p and x.q < y.q")?;
        let plan = both.db.explain(&query).unwrap().to_string();
        prop_assert!(!plan.contains("For each row"), "{}", plan);
    }

    #[test]
    fn aggregates_take_their_rows_in_order(x in rows()) {
        let both = Both::new(&x, &Vec::new());
        let text = Expr::Cast(Box::new(columns(A)[1].clone()), DataType::Text { max_length: None });
        let order_by = vec![SortKey::descending(columns(A)[1].clone())];
        let joined = |distinct| Aggregate {
            second: Some(Expr::literal(",")),
            distinct,
            filter: Some(less(columns(A)[1].clone(), Expr::literal(5))),
            order_by: order_by.clone(),
            ..Aggregate::of(AggregateFunction::StringAgg, text.clone())
        };
        let total = Aggregate::of(AggregateFunction::Total, columns(A)[1].clone());
        let listed = Aggregate { order_by: order_by.clone(), ..Aggregate::of(AggregateFunction::JsonAgg, columns(A)[1].clone()) };
        let groups = Relation::scan(both.x, A).aggregate(B, vec![columns(A)[0].clone()], vec![joined(false), total, listed]);
        let text_of_list = Expr::Cast(Box::new(B.column(3).into()), DataType::Text { max_length: None });
        let query = Query::new(groups, outputs((0..3).map(|place| B.column(place).into()).chain([text_of_list])));
        both.agree(
            &query,
            "select p, group_concat(q, ',' order by q desc nulls first) filter (where q < 5), total(q), \
             json_group_array(q order by q desc nulls first) from x group by p",
        )?;
        let one = Relation::scan(both.x, A).aggregate(B, Vec::new(), vec![joined(true)]);
        let theirs = "select group_concat(q, ',' order by q desc) from (select distinct q from x where q < 5)";
        both.agree(&Query::new(one, outputs([B.column(0).into()])), theirs)?;
    }
}

#[test]
fn a_recursion_counts_with_all_its_rows_and_ends_under_a_limit() {
    let db = Database::new();
    let count = |until: Option<i64>, limit: Option<u64>| {
        let base = Query::new(Relation::Unit, outputs([Expr::literal(1), Expr::literal(0)]));
        let next = work_table(A);
        let next = match until {
            Some(until) => next.filter(less(columns(A)[0].clone(), Expr::literal(until))),
            None => next,
        };
        let more = columns(A)[0].clone().arithmetic(Arithmetic::Add, Expr::literal(1));
        let step = Query::new(next, outputs([more, columns(A)[0].clone()]));
        let (base, step) = (Box::new(base), Box::new(step));
        let numbers = Relation::Recursive { table: T, base, step, all: true, source: B }.limit(0, limit);
        let sum = Aggregate::of(AggregateFunction::Sum, columns(B)[0].clone());
        let relation = numbers.aggregate(C, Vec::new(), vec![Aggregate::rows(), sum]);
        db.query(&Query::new(relation, outputs(columns(C))), &[]).unwrap().rows
    };
    assert_eq!(count(Some(3_000), None), [[Value::Int(3_000), Value::Int(4_501_500)]]);
    assert_eq!(count(None, Some(50)), [[Value::Int(50), Value::Int(1_275)]]);
}

#[test]
fn the_sides_of_a_recursion_have_as_many_columns() {
    let db = Database::new();
    let base = Box::new(Query::new(Relation::Unit, outputs([Expr::literal(1)])));
    let step = Box::new(Query::new(Relation::Unit, outputs([Expr::literal(1), Expr::literal(2)])));
    let numbers = Relation::Recursive { table: T, base, step, all: true, source: B };
    let query = Query::new(numbers, outputs([B.column(0).into()]));
    assert_eq!(db.query(&query, &[]), Err(Error::SetShape { left: 1, right: 2 }));
}

#[test]
fn a_work_table_is_not_read_outside_of_what_defines_it() {
    let db = Database::new();
    let query = Query::new(work_table(A), outputs(columns(A)));
    assert_eq!(db.query(&query, &[]), Err(Error::UnknownWorkTable { number: 0 }));
    let side = |relation| Box::new(Query::new(relation, outputs(columns(A))));
    let rows = side(Relation::Values { source: A, types: vec![DataType::BigInt; 2], rows: Vec::new() });
    let with = Relation::With { table: T, rows, input: Box::new(work_table(A)) };
    let union = Relation::Set {
        kind: SetKind::Union,
        all: true,
        source: D,
        left: side(with),
        right: side(work_table(A)),
    };
    let query = Query::new(union, outputs(columns(D)));
    assert_eq!(db.query(&query, &[]), Err(Error::UnknownWorkTable { number: 0 }));
}

#[test]
fn variances_bits_truths_and_objects() {
    let rows = [(Some(1), Some(6)), (Some(1), Some(3)), (Some(2), None), (Some(1), Some(12))];
    let both = Both::new(&rows.to_vec(), &Vec::new());
    let of = |function| Aggregate::of(function, columns(A)[1].clone());
    let truth = |function| Aggregate::of(function, less(columns(A)[1].clone(), Expr::literal(7)));
    let key = Expr::Cast(Box::new(columns(A)[1].clone()), DataType::Text { max_length: None });
    let object = Aggregate {
        second: Some(columns(A)[0].clone()),
        filter: Some(columns(A)[1].clone().is_null().not()),
        ..Aggregate::of(AggregateFunction::JsonObjectAgg, key)
    };
    let aggregates = vec![
        of(AggregateFunction::VarPop),
        of(AggregateFunction::VarSamp),
        of(AggregateFunction::BitAnd),
        of(AggregateFunction::BitOr),
        truth(AggregateFunction::BoolAnd),
        truth(AggregateFunction::BoolOr),
        of(AggregateFunction::AnyValue),
        object,
    ];
    let width = aggregates.len() + 1;
    let groups = Relation::scan(both.x, A).aggregate(B, vec![columns(A)[0].clone()], aggregates);
    let query = Query::new(groups, outputs((0..width).map(|place| B.column(place).into())));
    let found = both.db.query(&query, &[]).unwrap().rows;
    let json = serde_json::json!({"6": 1, "3": 1, "12": 1});
    let expected = [
        vec![
            1.into(),
            14.0.into(),
            21.0.into(),
            0.into(),
            15.into(),
            false.into(),
            true.into(),
            6.into(),
            json.into(),
        ],
        std::iter::once(2.into()).chain(vec![Value::Null; 8]).collect(),
    ];
    assert_eq!(found, expected);
}
