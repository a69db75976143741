//! Plans that column statistics decide: without them one of each pair would be the other's.

use nuages_engine::plan::Basis;
use nuages_engine::sql::Connection;
use nuages_engine::{Database, Session};

/// Countries, customers of whom nine in ten live in the first country, and ten orders of each customer. Of the
/// customers' `grade`s one is common and the others are rare; there is an index on none of these columns.
fn shop() -> Connection {
    let mut connection = Connection::new(Database::new());
    let statements = [
        "CREATE TABLE country (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE customer (id BIGINT PRIMARY KEY, country BIGINT NOT NULL, grade BIGINT NOT NULL)",
        "CREATE TABLE purchase (id BIGINT PRIMARY KEY, customer BIGINT NOT NULL, amount BIGINT NOT NULL)",
        "CREATE INDEX purchase_customer ON purchase (customer)",
        "INSERT INTO country SELECT n, 'country ' || n FROM generate_series(1, 100) AS g (n)",
        "INSERT INTO customer
             SELECT n, CASE WHEN n % 10 = 0 THEN 1 + n % 99 ELSE 1 END, CASE WHEN n % 8 = 0 THEN n ELSE 0 END
             FROM generate_series(1, 4000) AS g (n)",
        "INSERT INTO purchase SELECT n, 1 + n % 4000, n % 97 FROM generate_series(1, 40000) AS g (n)",
    ];
    for statement in statements {
        connection.execute(statement, &[]).expect("a good statement");
    }
    connection
}

fn plan(connection: &Connection, sql: &str) -> String {
    let query = connection.read(sql).expect("a good query");
    connection.database().explain(&query).expect("a query that can be planned").to_string()
}

/// The figure at the end of the line of an operator.
fn rows_of(plan: &str, operator: &str) -> f64 {
    let line = plan.lines().find(|line| line.contains(operator)).unwrap_or_default();
    let figure = line.trim_end_matches(" rows").trim_end_matches(" row").rsplit(' ').next();
    figure.and_then(|rows| rows.trim_start_matches(['~', '?']).parse().ok()).unwrap_or(f64::NAN)
}

#[test]
fn orders_of_a_country_are_looked_up_where_few_customers_live_and_joined_whole_where_most_do() {
    let connection = shop();
    let of = |name: &str| {
        plan(
            &connection,
            &format!(
                "SELECT purchase.amount FROM country
                 JOIN customer ON customer.country = country.id
                 JOIN purchase ON purchase.customer = customer.id
                 WHERE country.name = '{name}'"
            ),
        )
    };
    let (few, most) = (of("country 71"), of("country 1"));
    assert!(few.contains("with purchase by index purchase_customer"), "{few}");
    assert!(!most.contains("by index"), "{most}");
    let customers = |plan: &str| rows_of(plan, "join");
    assert!((10.0..400.0).contains(&customers(&few)), "{few}");
    assert!((30_000.0..40_000.0).contains(&customers(&most)), "{most}");
}

#[test]
fn a_rare_value_of_a_column_without_an_index_is_looked_up_further_and_a_common_one_is_not() {
    let connection = shop();
    let of = |grade: i64| {
        plan(
            &connection,
            &format!(
                "SELECT purchase.amount FROM customer JOIN purchase ON purchase.customer = customer.id
                 WHERE customer.grade = {grade}"
            ),
        )
    };
    let (rare, common) = (of(1_600), of(0));
    assert!(rare.contains("with purchase by index purchase_customer"), "{rare}");
    assert!(!common.contains("by index"), "{common}");
}

#[test]
fn values_that_are_common_on_both_sides_make_a_join_large() {
    let connection = shop();
    let plan = plan(
        &connection,
        "SELECT a.id, b.id FROM customer a JOIN customer b ON a.country = b.country AND a.id < b.id + 0",
    );
    // Nine in ten live in one country, so four in five pairs agree; by the number of countries it would be one in a
    // hundred.
    let rows = rows_of(&plan, "join");
    assert!((2e6..2e7).contains(&rows), "{plan}");
}

#[test]
fn an_explanation_says_on_what_each_number_rests() {
    let connection = shop();
    for (condition, basis, mark) in [
        ("id <= 100", Basis::Counted, "  100 rows"),
        ("grade = 0", Basis::Statistics, "  ~"),
        ("grade > $1", Basis::Guess, "  ?"),
    ] {
        let query =
            connection.read(&format!("SELECT id FROM customer WHERE {condition}")).expect("a good query");
        let plan = connection.database().explain(&query).expect("a query that can be planned");
        assert_eq!(plan.rows.basis, basis, "{plan}");
        assert!(plan.to_string().contains(mark), "{plan}");
        assert_eq!(plan.to_json()["rows"]["basis"], basis.name());
    }
}

#[test]
fn statistics_can_be_looked_at_and_drawn_anew() {
    let mut connection = shop();
    let grades = |connection: &Connection| {
        let mut customer = connection.database().statistics("customer").expect("a table");
        assert_eq!((customer.rows, customer.sampled), (4_000, 1_024));
        customer.columns.swap_remove(2)
    };
    let (name, before) = grades(&connection);
    let zero = before.common.iter().find(|(value, _)| *value == 0.into()).map(|(_, share)| *share);
    assert_eq!(name, "grade");
    assert!(zero.is_some_and(|share| (0.83..0.92).contains(&share)), "{before:?}");
    assert!((250.0..1_000.0).contains(&before.distinct), "500 and one: {}", before.distinct);
    connection.execute("UPDATE customer SET grade = 7", &[]).expect("a good statement");
    connection.execute("ANALYZE customer", &[]).expect("a good statement");
    let (_, after) = grades(&connection);
    assert_eq!(after.common, [(7.into(), 1.0)]);
    assert!(
        connection.database().analyze("costumer").is_err_and(|error| error.to_string().contains("customer"))
    );
}
