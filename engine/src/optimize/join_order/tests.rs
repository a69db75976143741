//! Orders beside all orders there are.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::graph::JoinGraph;
use super::set::InputSet;
use super::{JoinTree, Ordered, dynamic, greedy};
use crate::algebra::walk::ColumnSet;
use crate::algebra::{Expr, JoinKind, OutputColumn, Query, Relation, Source};
use crate::catalog::Catalog;
use crate::optimize::depth::check_query;
use crate::optimize::planner::Planner;
use crate::sql::Connection;
use crate::{Database, Session};

const TABLES: usize = 6;

/// Tables of 5, 15, 45, .. rows, each with a key, a column with an index and one without.
fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(made)
}

fn made() -> Database {
    let mut connection = Connection::new(Database::new());
    for (number, rows) in (0..TABLES).map(|number| (number, 5 * 3_usize.pow(number as u32))) {
        let statements = [
            format!("CREATE TABLE t{number} (id BIGINT PRIMARY KEY, a BIGINT, b BIGINT)"),
            format!("CREATE INDEX t{number}_a ON t{number} (a)"),
            format!("INSERT INTO t{number} SELECT n, n % 7, n % 40 FROM generate_series(1, {rows}) AS g (n)"),
        ];
        for statement in statements {
            connection.execute(&statement, &[]).unwrap();
        }
    }
    connection.database().clone()
}

/// What the cheapest tree of some inputs costs, found by looking at all trees without cross products.
fn least_cost(graph: &JoinGraph, set: InputSet) -> Option<f64> {
    if let Some(input) = set.single() {
        return Some(graph.input_cost(input));
    }
    let splits =
        set.subsets().filter(|left| *left != set && graph.neighbours(*left).meets(set.without(*left)));
    let cost = |left: InputSet| {
        let right = set.without(left);
        let (l, r) = (least_cost(graph, left)?, least_cost(graph, right)?);
        Some(graph.join_cost((left, graph.rows(left), l), (right, graph.rows(right), r), graph.rows(set)))
    };
    splits.filter_map(cost).reduce(f64::min)
}

fn inputs_of(tree: &JoinTree) -> InputSet {
    match tree {
        JoinTree::Input(input) => InputSet::of(*input),
        JoinTree::Join(left, right) => inputs_of(left).union(inputs_of(right)),
    }
}

/// `parent` of 1,000 rows, and `child` of 20,000, of which every tenth has a parent, by a key with an index and by a
/// copy of it without; its code is found by an expression that has an index. `code` has ten of the codes.
fn family() -> Connection {
    let mut connection = Connection::new(Database::new());
    for statement in [
        "CREATE TABLE parent (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE child (id BIGINT PRIMARY KEY, parent_id BIGINT REFERENCES parent, copied BIGINT, code TEXT NOT NULL,
             kind BIGINT NOT NULL)",
        "CREATE INDEX child_parent ON child (parent_id)",
        "CREATE INDEX child_kind ON child (kind)",
        "CREATE INDEX child_code ON child (lower(code))",
        "CREATE TABLE code (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO parent SELECT n, 'parent ' || n FROM generate_series(1, 1000) AS g (n)",
        "INSERT INTO child SELECT n, CASE WHEN n % 10 = 0 THEN n % 1000 + 1 END, CASE WHEN n % 10 = 0 THEN n % 1000 + 1 END,
             'Code ' || n, n % 10 FROM generate_series(1, 20000) AS g (n)",
        "INSERT INTO code SELECT n, 'code ' || n * 100 FROM generate_series(1, 10) AS g (n)",
    ] {
        connection.execute(statement, &[]).unwrap();
    }
    connection
}

#[test]
fn rows_whose_foreign_key_is_null_are_thought_to_find_nothing() {
    let connection = family();
    for (key, condition) in
        [("parent_id", "TRUE"), ("copied", "TRUE"), ("parent_id", "parent_id IS NOT NULL")]
    {
        let sql = format!("SELECT * FROM child JOIN parent ON parent.id = {key} WHERE {condition}");
        let plan = connection.database().explain(&connection.read(&sql).unwrap()).unwrap();
        let rows = plan.rows.rows;
        assert!(
            (1_600.0..2_500.0).contains(&rows),
            "2,000 rows, not {rows} by {key} where {condition}\n{plan}"
        );
    }
}

#[test]
fn an_equality_of_expressions_takes_part_in_the_order() {
    let connection = family();
    let plan = |sql: &str| connection.database().explain(&connection.read(sql).unwrap()).unwrap().to_string();
    // Ten codes find ten children by the index, and the ten parents of a kind two thousand.
    let by_index = plan(
        "SELECT count(*) FROM code JOIN child ON lower(child.code) = code.name JOIN parent ON parent.id = child.kind
         WHERE parent.id = 3",
    );
    assert!(by_index.contains("Index join with child by index child_code"), "{by_index}");
    // Three parents and ten codes are joined before each finds two thousand children, though nobody wrote by what.
    let joined = plan(
        "SELECT count(*) FROM parent JOIN child ON child.kind + 1 = parent.id % 10
         JOIN code ON code.id % 10 = child.kind + 1 WHERE parent.id < 4",
    );
    assert!(joined.contains("(parent.id % 10) = (code.id % 10)"), "{joined}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Each table but the first equals one before it in some column, so all are connected; some are equal to another
    /// one, too.
    #[test]
    fn the_best_of_all_orders_is_found_and_a_greedy_one_is_not_better(
        joined in prop::collection::vec((0..TABLES, 0..3usize, 0..3usize), TABLES - 1),
        more in prop::collection::vec((0..TABLES, 0..TABLES, 0..3usize), 0..2),
    ) {
        let db = database();
        let version = db.version().unwrap();
        let catalog = Catalog::of(&version);
        let source = |number: usize| Source::new(number as u32);
        let scan = |number: usize| {
            Relation::scan(catalog.table_named(&format!("t{number}")).unwrap().id, source(number))
        };
        let column = |number: usize, place: usize| Expr::from(source(number).column(place));
        let chain = joined.iter().enumerate().map(|(number, (other, own, theirs))| {
            column(number + 1, *own).equals(column(other % (number + 1), *theirs))
        });
        let closing = more.iter().filter(|(a, b, _)| a != b).map(|(a, b, place)| column(*a, *place).equals(column(*b, *place)));
        let parts: Vec<Expr> = chain.chain(closing).collect();
        let relation = (1..TABLES).fold(scan(0), |left, number| left.join(JoinKind::Inner, scan(number), Expr::literal(true)));
        let query = Query::new(relation.clone(), Vec::<OutputColumn>::new());
        let mut planner = Planner::new(catalog, &version, check_query(&query).expect("a query of a test"));
        planner.note_scans(&relation, false);
        let mut needed = ColumnSet::new();
        needed.extend((0..TABLES).flat_map(|number| (0..3).map(move |place| Source::new(number as u32).column(place))));
        let inputs: Vec<_> =
            (0..TABLES).map(|number| (scan(number), planner.build(scan(number), &needed).unwrap())).collect();
        let graph = JoinGraph::new(&planner, &inputs, parts);
        let Ordered { tree, cost, .. } = dynamic::order(&graph, graph.all()).unwrap();
        prop_assert_eq!(inputs_of(&tree), graph.all());
        let least = least_cost(&graph, graph.all()).unwrap();
        prop_assert!((cost - least).abs() <= least * 1e-9, "{} for {}", cost, least);
        let greedy = greedy::order(&graph, graph.all());
        prop_assert_eq!(inputs_of(&greedy.tree), graph.all());
        prop_assert!(greedy.cost >= least * (1.0 - 1e-9));
    }
}
