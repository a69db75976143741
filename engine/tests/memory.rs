//! What a statement may keep in memory: who exceeds it is named, and the session goes on.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Expr, Frame, Function, Insert, InsertSource, JoinKind,
    OutputColumn, Query, Relation, SetKind, SortKey, Source, Statement, WindowFunction, WindowKind,
    WorkTable,
};
use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::limits::Limits;
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, TableId, Value};

const A: Source = Source::new(0);
const B: Source = Source::new(1);
const C: Source = Source::new(2);
const ROWS: i64 = 3_000;

fn database() -> (Database, TableId) {
    let db = Database::new();
    let column = NewColumn::new("n", DataType::BigInt);
    let table = db.create_table(NewTable::new("t").column(column)).unwrap();
    let rows = InsertSource::Values((0..ROWS).map(|n| vec![Some(Expr::literal(n))]).collect());
    let insert = Insert { table, columns: vec![0], rows, conflict: None, source: A, returning: Vec::new() };
    db.execute(&Statement::Insert(insert), &[]).unwrap();
    (db, table)
}

fn n(source: Source) -> Expr {
    source.column(0).into()
}

/// The number of rows of a relation, so that its result is small.
fn counted(relation: Relation) -> Query {
    let count = relation.aggregate(Source::new(9), Vec::new(), vec![Aggregate::rows()]);
    Query::new(count, vec![OutputColumn::new("count", Source::new(9).column(0))])
}

fn limited(db: &Database, bytes: u64, query: &Query) -> Result<Value, Error> {
    let limits = Limits { memory_bytes_max: Some(bytes), ..Limits::default() };
    let session = db.with_limits(limits);
    session.query(query, &[]).map(|mut result| result.rows.swap_remove(0).swap_remove(0))
}

#[test]
fn whoever_keeps_too_much_is_named_and_the_session_goes_on() {
    let (db, table) = database();
    let scan = |source| Relation::scan(table, source);
    let query =
        |relation, source: Source| Box::new(Query::new(relation, vec![OutputColumn::new("n", n(source))]));
    let texts = Expr::Cast(Box::new(n(A)), DataType::Text { max_length: None });
    let joined =
        Aggregate { second: Some(Expr::literal(",")), ..Aggregate::of(AggregateFunction::StringAgg, texts) };
    let number = WindowFunction {
        function: WindowKind::RowNumber,
        arguments: Vec::new(),
        filter: None,
        partition_by: Vec::new(),
        order_by: vec![SortKey::descending(n(A))],
        frame: Frame::default(),
    };
    let ordered = Expr::from(B.column(0)).equals(Expr::literal(1));
    let work = || Relation::WorkTable { table: WorkTable::new(0), source: B, types: vec![DataType::BigInt] };
    let less = n(A).compare(nuages_engine::algebra::Comparison::Less, n(B));
    let union = Relation::Set {
        kind: SetKind::Union,
        all: false,
        source: C,
        left: query(scan(A), A),
        right: query(scan(B), B),
    };
    let sorted = || {
        let key = n(A).arithmetic(Arithmetic::Modulo, Expr::literal(7));
        scan(A).sort(vec![SortKey::descending(key)])
    };
    // What may be NULL is not looked for by a join.
    let nullable = Expr::Call(Function::NullIf, vec![n(B), Expr::literal(-1)]);
    let maybe = Box::new(Query::new(scan(B), vec![OutputColumn::new("n", nullable)]));
    let not_among = Expr::InQuery(Box::new(n(A)), maybe).not();
    let distinct = Aggregate { distinct: true, ..Aggregate::of(AggregateFunction::Count, n(A)) };
    let cases = [
        ("a hash join", counted(scan(A).join(JoinKind::Left, scan(B), n(A).equals(n(B))))),
        ("a nested loop", counted(scan(A).limit(0, Some(2)).join(JoinKind::Left, scan(B), less))),
        ("a window", counted(scan(A).window(B, vec![number]).filter(ordered))),
        ("a distinction", counted(scan(A).distinct(vec![n(A)]))),
        ("a set operation", counted(union)),
        ("a grouping", counted(scan(A).aggregate(B, vec![n(A)], vec![Aggregate::rows()]))),
        (
            "an aggregate that lists values",
            counted(scan(A).aggregate(B, Vec::new(), vec![joined]).filter(n(B).is_null().not())),
        ),
        (
            "a common table expression",
            counted(Relation::With {
                table: WorkTable::new(0),
                rows: query(scan(A), A),
                input: Box::new(work().filter(n(B).is_null().not())),
            }),
        ),
        (
            "a sort",
            Query::new(
                scan(A)
                    .sort(vec![SortKey::descending(n(A).arithmetic(Arithmetic::Modulo, Expr::literal(7)))]),
                vec![OutputColumn::new("n", n(A))],
            ),
        ),
        ("a sort", counted(sorted().limit(0, Some(1_000_000)))),
        ("a sort", counted(sorted().limit(2_500, Some(10)))),
        ("a subquery", counted(scan(A).filter(not_among))),
        (
            "an aggregate of distinct values",
            Query::new(scan(A).aggregate(B, Vec::new(), vec![distinct]), vec![OutputColumn::new("n", n(B))]),
        ),
        ("the result", Query::new(scan(A), vec![OutputColumn::new("n", n(A))])),
    ];
    for (operator, query) in cases {
        let refused = limited(&db, 4_000, &query);
        assert_eq!(refused, Err(Error::MemoryLimit { operator, bytes_max: 4_000 }), "{operator}");
        assert!(limited(&db, 10_000_000, &query).is_ok(), "{operator}");
    }
    assert_eq!(limited(&db, 4_000, &counted(scan(A))), Ok(ROWS.into()));
    // Of all rows that come by only the first are kept.
    let (all, first) = (counted(sorted()), counted(sorted().limit(0, Some(3))));
    assert!(limited(&db, 20_000, &all).is_ok(), "nobody asks in which order rows are counted");
    assert_eq!(limited(&db, 20_000, &first), Ok(3.into()));
}

#[test]
fn a_recursion_without_end_ends_at_the_limit() {
    let db = Database::new();
    let query = |relation, expr| Box::new(Query::new(relation, vec![OutputColumn::new("n", expr)]));
    let work = Relation::WorkTable { table: WorkTable::new(0), source: B, types: vec![DataType::BigInt] };
    let base = query(Relation::Unit, Expr::literal(1));
    for (all, next) in [(true, n(B)), (false, n(B).arithmetic(Arithmetic::Add, Expr::literal(1)))] {
        let step = query(work.clone(), next);
        let base = base.clone();
        let endless = Relation::Recursive { table: WorkTable::new(0), base, step, all, source: C };
        let refused = limited(&db, 20_000, &counted(endless));
        assert_eq!(refused, Err(Error::MemoryLimit { operator: "a recursion", bytes_max: 20_000 }));
    }
}

#[test]
fn what_one_row_kept_is_given_back_before_the_next() {
    let (db, table) = database();
    // For each of many rows a few, which are sorted: only those of one row are there at a time.
    let few = Relation::scan(table, B)
        .filter(n(B).compare(nuages_engine::algebra::Comparison::Less, Expr::literal(40)))
        .sort(vec![SortKey::descending(n(B).arithmetic(Arithmetic::BitXor, n(A)))])
        .limit(1, Some(60));
    let lateral =
        Relation::scan(table, A).limit(0, Some(200)).join(JoinKind::Inner, few, Expr::And(Vec::new()));
    assert_eq!(limited(&db, 8_000, &counted(lateral)), Ok((200 * 39).into()));
}
