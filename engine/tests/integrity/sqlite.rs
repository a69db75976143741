//! Random statements, run here and by SQLite: the same are refused, and the same rows remain.
//!
//! Where the two mean different things on purpose, the statements keep clear of it. SQLite looks at unique keys row by
//! row, so an update of several rows leaves keys alone; a row that sets both its own key and a reference to itself has
//! its reference followed there and not here.

use nuages_engine::algebra::{Comparison, Delete, Expr, Insert, InsertSource, Statement, Update};
use nuages_engine::catalog::{Action, NewColumn, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, Savepoint, Session, Transaction};
use nuages_storage::Value;
use proptest::prelude::*;
use rusqlite::Connection;

use super::support::*;

const SCHEMA: &str = "
    create table a (id integer primary key, u integer unique, check (u <> 4));
    create table b (id integer primary key, a integer references a (id) on delete cascade on update cascade,
        x integer, y integer, unique (x, y));
    create table c (id integer primary key, b integer references b (id) on delete set null on update cascade,
        x integer, y integer, foreign key (x, y) references b (x, y) on delete cascade on update set null);
    create table d (id integer primary key, c integer references c (id) on delete restrict on update restrict,
        a integer default 1 references a (id) on delete set default on update set default,
        up integer references d (id) on delete cascade on update cascade);
    create table e (id integer primary key, a integer references a (id) deferrable initially deferred,
        d integer not null references d (id));
    create table g (k text primary key not null);
    create table h (id integer primary key, k text references g (k) on delete cascade on update cascade);
";

/// The names of a table's columns, and how many of them from the second on are keys of any kind.
const TABLES: [(&str, &[&str], usize); 7] = [
    ("a", &["id", "u"], 1),
    ("b", &["id", "a", "x", "y"], 3),
    ("c", &["id", "b", "x", "y"], 0),
    ("d", &["id", "c", "a", "up"], 0),
    ("e", &["id", "a", "d"], 0),
    ("g", &["k"], 0),
    ("h", &["id", "k"], 0),
];

fn nullable(name: &str) -> NewColumn {
    int(name).nullable(true)
}

/// The same schema.
fn database() -> Database {
    use Action::{Cascade, Restrict, SetDefault, SetNull};
    let db = Database::new();
    let table = |name: &str| NewTable::new(name).column(id()).primary_key(["id"]);
    let fk = |name: &str, from: &[&str], target: &str, to: &[&str]| {
        NewForeignKey::new(name, from.iter().copied(), target, to.iter().copied())
    };
    let not_four = own(1).compare(Comparison::NotEqual, Expr::literal(4));
    let a = table("a").column(nullable("u")).unique(NewIndex::new("a_u", ["u"])).check("a_check", not_four);
    let b = table("b").column(nullable("a")).column(nullable("x")).column(nullable("y"));
    let b = b.unique(NewIndex::new("b_xy", ["x", "y"]));
    let b = b.foreign_key(fk("b_a", &["a"], "a", &["id"]).on_delete(Cascade).on_update(Cascade));
    let c = table("c").column(nullable("b")).column(nullable("x")).column(nullable("y"));
    let c = c.foreign_key(fk("c_b", &["b"], "b", &["id"]).on_delete(SetNull).on_update(Cascade));
    let c = c.foreign_key(fk("c_xy", &["x", "y"], "b", &["x", "y"]).on_delete(Cascade).on_update(SetNull));
    let d = table("d").column(nullable("c")).column(nullable("a").default(Expr::literal(1)));
    let d = d.column(nullable("up"));
    let d = d.foreign_key(fk("d_c", &["c"], "c", &["id"]).on_delete(Restrict).on_update(Restrict));
    let d = d.foreign_key(fk("d_a", &["a"], "a", &["id"]).on_delete(SetDefault).on_update(SetDefault));
    let d = d.foreign_key(fk("d_up", &["up"], "d", &["id"]).on_delete(Cascade).on_update(Cascade));
    let e = table("e").column(nullable("a")).column(int("d"));
    let e = e.foreign_key(fk("e_a", &["a"], "a", &["id"]).deferred(true));
    let e = e.foreign_key(fk("e_d", &["d"], "d", &["id"]));
    let g = NewTable::new("g").column(text("k")).primary_key(["k"]);
    let h = table("h").column(text("k").nullable(true));
    let h = h.foreign_key(fk("h_k", &["k"], "g", &["k"]).on_delete(Cascade).on_update(Cascade));
    for table in [a, b, c, d, e, g, h] {
        db.create_table(table).unwrap();
    }
    db
}

/// A small number or NULL; a text in the columns that are text.
type Cell = Option<i64>;

#[derive(Clone, Debug)]
enum Step {
    Insert {
        table: usize,
        rows: Vec<Vec<Cell>>,
    },
    /// Sets some columns of the row whose first column is this.
    UpdateOne {
        table: usize,
        key: i64,
        cells: Vec<Option<Cell>>,
    },
    /// Sets one column that is no key, where another is less.
    UpdateMany {
        table: usize,
        column: usize,
        cell: Cell,
        test: usize,
        below: i64,
    },
    DeleteOne {
        table: usize,
        key: i64,
    },
    DeleteMany {
        table: usize,
        test: usize,
        below: i64,
    },
    Begin,
    Savepoint,
    RollbackTo,
    Commit,
    Rollback,
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![1 => Just(None), 5 => (1..6i64).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    let table = || 0..TABLES.len();
    let key = || 1..6i64;
    let row = move |width: usize| {
        let rest = prop::collection::vec(cell(), width - 1);
        (key().prop_map(Some), rest).prop_map(|(key, rest)| [vec![key], rest].concat())
    };
    let rows = move |table: usize| prop::collection::vec(row(TABLES[table].1.len()), 1..3);
    let set = |table: usize| prop::collection::vec(prop::option::of(cell()), TABLES[table].1.len());
    prop_oneof![
        12 => table().prop_flat_map(move |table| rows(table).prop_map(move |rows| Step::Insert { table, rows })),
        4 => (table(), key()).prop_flat_map(move |(table, key)| {
            set(table).prop_map(move |cells| Step::UpdateOne { table, key, cells })
        }),
        3 => (table(), 0..4usize, cell(), 0..4usize, key()).prop_map(|(table, column, cell, test, below)| {
            let width = TABLES[table].1.len();
            Step::UpdateMany { table, column: column % width, cell, test: test % width, below }
        }),
        3 => (table(), key()).prop_map(|(table, key)| Step::DeleteOne { table, key }),
        1 => (table(), 0..4usize, key()).prop_map(|(table, test, below)| {
            Step::DeleteMany { table, test: test % TABLES[table].1.len(), below }
        }),
        2 => Just(Step::Begin),
        1 => Just(Step::Savepoint),
        1 => Just(Step::RollbackTo),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
    ]
}

fn is_text(table: usize, column: usize) -> bool {
    TABLES[table].1[column] == "k"
}

fn value(table: usize, column: usize, cell: Cell) -> Value {
    match cell {
        None => Value::Null,
        Some(number) if is_text(table, column) => Value::from(format!("k{number}")),
        Some(number) => Value::Int(number),
    }
}

fn literal(table: usize, column: usize, cell: Cell) -> Expr {
    Expr::Literal(value(table, column, cell))
}

fn sql_literal(table: usize, column: usize, cell: Cell) -> String {
    match cell {
        None => "null".into(),
        Some(number) if is_text(table, column) => format!("'k{number}'"),
        Some(number) => number.to_string(),
    }
}

/// The same statement for both, or none if it is one they differ in on purpose.
fn statements(db: &Database, step: &Step) -> Option<(String, Statement)> {
    let id = |table: usize| table_id(db, TABLES[table].0);
    let less = |table, test, below| column(test).compare(Comparison::Less, literal(table, test, Some(below)));
    match step {
        Step::Insert { table, rows } => {
            let sql_row = |row: &Vec<Cell>| {
                let cells = row.iter().enumerate().map(|(at, cell)| sql_literal(*table, at, *cell));
                format!("({})", cells.collect::<Vec<_>>().join(", "))
            };
            let row = |row: &Vec<Cell>| {
                row.iter().enumerate().map(|(at, cell)| Some(literal(*table, at, *cell))).collect::<Vec<_>>()
            };
            let sql_rows: Vec<_> = rows.iter().map(sql_row).collect();
            let insert = Insert {
                table: id(*table),
                columns: (0..TABLES[*table].1.len()).collect(),
                rows: InsertSource::Values(rows.iter().map(row).collect()),
                conflict: None,
                source: ROW,
                returning: Vec::new(),
            };
            let sql = format!("insert into {} values {}", TABLES[*table].0, sql_rows.join(", "));
            Some((sql, Statement::Insert(insert)))
        }
        Step::UpdateOne { table, key, cells } => {
            let set: Vec<_> =
                cells.iter().enumerate().filter_map(|(at, cell)| Some((at, (*cell)?))).collect();
            let sets = |name: &str| set.iter().any(|(at, _)| TABLES[*table].1[*at] == name);
            let key_is_null = set.first().is_some_and(|(at, cell)| *at == 0 && cell.is_none());
            if set.is_empty() || key_is_null || sets("id") && sets("up") {
                return None;
            }
            let predicate = column(0).equals(literal(*table, 0, Some(*key)));
            let test = format!("{} = {}", TABLES[*table].1[0], sql_literal(*table, 0, Some(*key)));
            Some(update_statements(id(*table), *table, &set, predicate, &test))
        }
        Step::UpdateMany { table, column: at, cell, test, below } => {
            let (name, columns, keys) = TABLES[*table];
            if *at <= keys || name == "g" {
                return None;
            }
            let sql_test = format!("{} < {}", columns[*test], sql_literal(*table, *test, Some(*below)));
            let predicate = less(*table, *test, *below);
            Some(update_statements(id(*table), *table, &[(*at, *cell)], predicate, &sql_test))
        }
        Step::DeleteOne { table, key } => {
            let predicate = Some(column(0).equals(literal(*table, 0, Some(*key))));
            let (name, columns, _) = TABLES[*table];
            let sql =
                format!("delete from {name} where {} = {}", columns[0], sql_literal(*table, 0, Some(*key)));
            let delete =
                Delete { table: id(*table), source: ROW, predicate, returning: Vec::new(), using: None };
            Some((sql, Statement::Delete(delete)))
        }
        Step::DeleteMany { table, test, below } => {
            let (name, columns, _) = TABLES[*table];
            let literal = sql_literal(*table, *test, Some(*below));
            let sql = format!("delete from {name} where {} < {literal}", columns[*test]);
            let predicate = Some(less(*table, *test, *below));
            let delete =
                Delete { table: id(*table), source: ROW, predicate, returning: Vec::new(), using: None };
            Some((sql, Statement::Delete(delete)))
        }
        Step::Begin | Step::Savepoint | Step::RollbackTo | Step::Commit | Step::Rollback => None,
    }
}

fn update_statements(
    id: nuages_storage::TableId,
    table: usize,
    set: &[(usize, Cell)],
    predicate: Expr,
    test: &str,
) -> (String, Statement) {
    let sql_set =
        set.iter().map(|(at, cell)| format!("{} = {}", TABLES[table].1[*at], sql_literal(table, *at, *cell)));
    let sql =
        format!("update {} set {} where {test}", TABLES[table].0, sql_set.collect::<Vec<_>>().join(", "));
    let update = Update {
        table: id,
        source: ROW,
        predicate: Some(predicate),
        assignments: set.iter().map(|(at, cell)| (*at, literal(table, *at, *cell))).collect(),
        returning: Vec::new(),
        from: None,
    };
    (sql, Statement::Update(update))
}

/// Both databases, and the transactions they are in.
struct Both {
    sqlite: Connection,
    db: Database,
    tx: Option<Transaction>,
    savepoint: Option<Savepoint>,
}

impl Both {
    fn new() -> Both {
        let sqlite = Connection::open_in_memory().unwrap();
        sqlite.execute_batch("pragma foreign_keys = on").unwrap();
        sqlite.execute_batch(SCHEMA).unwrap();
        Both { sqlite, db: database(), tx: None, savepoint: None }
    }

    fn session(&self) -> &dyn Session {
        self.tx.as_ref().map_or(&self.db, |tx| tx)
    }

    /// Takes a step in both; what each said.
    fn take(&mut self, step: &Step) -> Option<(String, Result<(), String>, Result<(), Error>)> {
        let sql = |both: &Both, sql: &str| both.sqlite.execute_batch(sql).map_err(|error| error.to_string());
        match (step, self.tx.take()) {
            (Step::Begin, None) => {
                self.tx = Some(self.db.begin());
                self.savepoint = None;
                Some(("begin".into(), sql(self, "begin"), Ok(())))
            }
            (Step::Savepoint, Some(tx)) => {
                self.savepoint = Some(tx.savepoint());
                self.tx = Some(tx);
                Some(("savepoint s".into(), sql(self, "savepoint s"), Ok(())))
            }
            (Step::RollbackTo, Some(tx)) if self.savepoint.is_some() => {
                let ours = self.savepoint.map_or(Ok(()), |savepoint| tx.rollback_to(savepoint));
                self.tx = Some(tx);
                Some(("rollback to s".into(), sql(self, "rollback to s"), ours))
            }
            (Step::Commit, Some(tx)) => {
                let theirs = sql(self, "commit");
                if theirs.is_err() {
                    sql(self, "rollback").unwrap(); // a commit that is refused leaves SQLite's transaction open
                }
                Some(("commit".into(), theirs, tx.commit().map(drop)))
            }
            (Step::Rollback, Some(tx)) => {
                tx.rollback();
                Some(("rollback".into(), sql(self, "rollback"), Ok(())))
            }
            (step, tx) => {
                self.tx = tx;
                let (text, statement) = statements(&self.db, step)?;
                let theirs = sql(self, &text);
                let ours = self.session().execute(&statement, &[]).map(drop);
                Some((text, theirs, ours))
            }
        }
    }

    fn their_rows(&self, table: &str) -> Vec<Vec<Value>> {
        let mut query = self.sqlite.prepare(&format!("select * from {table} order by 1")).unwrap();
        let width = query.column_count();
        let rows = query.query_map([], |row| {
            (0..width)
                .map(|at| {
                    Ok(match row.get_ref(at)? {
                        rusqlite::types::ValueRef::Integer(number) => Value::Int(number),
                        rusqlite::types::ValueRef::Text(text) => {
                            Value::from(String::from_utf8_lossy(text).into_owned())
                        }
                        _ => Value::Null,
                    })
                })
                .collect()
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn our_rows(&self, table: &str) -> Vec<Vec<Value>> {
        let mut rows = rows(self.session(), table);
        rows.sort();
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn random_statements_are_accepted_and_change_rows_as_sqlite_says(steps in prop::collection::vec(step(), 1..80)) {
        let mut both = Both::new();
        let mut history = Vec::new();
        for step in &steps {
            let Some((text, theirs, ours)) = both.take(step) else { continue };
            history.push(text);
            prop_assert_eq!(theirs.is_ok(), ours.is_ok(), "{:?}: {:?} or {:?}", history, theirs, ours);
            for (table, ..) in TABLES {
                prop_assert_eq!(both.their_rows(table), both.our_rows(table), "{} after {:?}", table, history);
            }
        }
    }
}

#[test]
fn most_kinds_of_statements_are_accepted_often_enough_to_mean_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(step(), 60..80);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..20 {
        let mut both = Both::new();
        for step in steps.new_tree(&mut runner).unwrap().current() {
            match both.take(&step) {
                Some((_, _, Ok(()))) => accepted += 1,
                Some((_, _, Err(_))) => refused += 1,
                None => {}
            }
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} accepted, {refused} refused");
}
