//! Everything a table can be defined with is defined again when the database is opened.

use jiff::tz::{Offset, TimeZone};
use nuages_engine::algebra::{
    Arithmetic, Comparison, DatePart, DateUnit, Expr, Function, OutputColumn, Query, Relation, Source,
    TextMatch,
};
use nuages_engine::catalog::{
    Action, Catalog, NewCheck, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable, TableDefinition,
};
use nuages_engine::sql::{Connection, Dialect, Problem};
use nuages_engine::{Database, Durability, Error, RowKeys, Session};
use nuages_storage::{DataType, LeafBuilder, TableId, Value};

use crate::scratch::Scratch;

fn column(place: usize) -> Expr {
    Source::SELF.column(place).into()
}

fn text(max_length: Option<u32>) -> DataType {
    DataType::Text { max_length }
}

fn define(db: &Database) {
    let band = NewTable::new("band")
        .column(NewColumn::new("country", text(Some(2))))
        .column(NewColumn::new("name", text(None)))
        .column(NewColumn::new("founded", DataType::Date).nullable(true))
        .primary_key(["country", "name"]);
    db.create_table(band).unwrap();
    let kinds =
        [("a", DataType::Bool), ("b", DataType::SmallInt), ("c", DataType::Float), ("d", DataType::Bytes)];
    let more =
        [("e", DataType::Time), ("f", DataType::Duration), ("g", DataType::Uuid), ("h", DataType::Json)];
    let song = NewTable::new("song")
        .column(NewColumn::new("id", DataType::BigInt).generated())
        .column(NewColumn::new("title", text(Some(50))))
        .column(NewColumn::new("country", text(None)).nullable(true))
        .column(NewColumn::new("band", text(None)).nullable(true))
        .column(NewColumn::new("price", DataType::Decimal { precision: 8, scale: 2 }).default(price("9.50")))
        .column(
            NewColumn::new("at", DataType::Timestamp)
                .nullable(true)
                .default(Expr::Call(Function::Now, vec![])),
        )
        .column(NewColumn::new("rating", DataType::Integer).unsigned().at_most(5).default(Expr::literal(3)));
    let song = kinds
        .into_iter()
        .chain(more)
        .fold(song, |table, (name, data_type)| table.column(NewColumn::new(name, data_type).nullable(true)));
    let song = song.column(NewColumn::array("tags", text(Some(9))).nullable(true));
    let lower = Expr::Call(Function::Lower, vec![column(1)]);
    let rated = column(6).compare(Comparison::Greater, Expr::literal(1));
    let song = song
        .primary_key(["id"])
        .unique(NewIndex::new("song_title", [NewPart::expression(lower)]).when(rated))
        .unique(NewIndex::new("song_price", ["price", "at"]).nulls_not_distinct().deferred(true))
        .index(NewIndex::new("song_rating", [NewPart::column("rating").descending().nulls_first(true)]))
        .check("song_check", condition())
        .foreign_key(
            NewForeignKey::new("song_band", ["country", "band"], "band", ["country", "name"])
                .on_delete(Action::Cascade)
                .on_update(Action::SetNull)
                .deferred(true),
        );
    db.create_table(song).unwrap();
}

fn price(digits: &str) -> Expr {
    Expr::Literal(Value::Decimal(digits.parse().unwrap()))
}

/// A condition with one of every kind of expression, that holds of every row.
fn condition() -> Expr {
    let zone = || Some(TimeZone::get("Europe/Paris").unwrap());
    let fixed = Some(Offset::from_hours(-3).unwrap().to_time_zone());
    let year = Expr::Call(Function::Extract(DatePart::Year, zone()), vec![column(5)]);
    let day = Expr::Call(Function::Truncate(DateUnit::Day, fixed), vec![column(5)]);
    let date = Expr::Call(Function::DateOf(None), vec![day]);
    let doubled = column(6).arithmetic(Arithmetic::Multiply, Expr::literal(2));
    let case = Expr::Case {
        branches: vec![(column(7), Expr::literal(1)), (column(7).not(), Expr::literal(2))],
        otherwise: Some(Box::new(Expr::Negate(Box::new(Expr::literal(-3))))),
    };
    let like = Expr::Match {
        kind: TextMatch::StartsWith,
        ignore_case: true,
        text: Box::new(column(1)),
        pattern: Box::new(Expr::literal("")),
    };
    let listed = Expr::InList(Box::new(case), [1, 2, 3].map(Expr::literal).into());
    let cast = Expr::Cast(Box::new(doubled), text(None)).compare(Comparison::NotEqual, Expr::literal("11"));
    let late = year.compare(Comparison::GreaterOrEqual, Expr::literal(1910)).or(column(5).is_null());
    late.and(date.is_null().or(Expr::literal(true))).and(like).and(listed).and(cast)
}

/// Definitions as they print: all of them but their compiled expressions, which have sets in any order.
fn definitions(db: &Database) -> Vec<String> {
    let print = |table: &TableDefinition| {
        let indexes = table.indexes.iter().map(|index| {
            format!(
                "{} {:?} {:?} {:?} {:?}",
                index.name, index.id, index.parts, index.unique, index.condition
            )
        });
        let checks =
            table.checks.iter().map(|check| format!("{} {:?} {:?}", check.name, check.id, check.condition));
        let rest = (&table.primary_key, &table.foreign_keys, &table.referenced_by, &table.layout);
        let head = format!("{} {:?} {:?} {rest:?}", table.name, table.id, table.columns);
        std::iter::once(head).chain(indexes).chain(checks).collect::<Vec<_>>()
    };
    db.catalog().unwrap().tables().flat_map(|table| print(table)).collect()
}

fn insert(db: &Database, titles: &[&str]) -> Result<Option<i64>, Error> {
    let catalog = db.catalog()?;
    let song = catalog.table_named("song")?;
    let mut builder = LeafBuilder::new(song.layout.clone());
    for title in titles {
        builder.set_text(1, title);
        builder.set_value(4, &Value::Decimal("1.25".parse().unwrap()));
        builder.set_int(5, 1_000_000 + i64::try_from(title.len()).unwrap());
        builder.set_int(6, 4);
        builder.finish_row_unnumbered();
    }
    db.insert_rows(song.id, vec![builder.finish()], RowKeys::Generated)
}

fn rows(db: &Database, table: TableId) -> Vec<Vec<Value>> {
    let row = Source::new(0);
    let columns = (0..7).map(|place| OutputColumn::new(format!("c{place}"), row.column(place)));
    db.query(&Query::new(Relation::scan(table, row), columns.collect()), &[]).unwrap().rows
}

#[test]
fn what_was_defined_and_inserted_is_there_after_replaying_and_after_a_checkpoint() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = Database::open_with(&path, Durability::Buffered).unwrap();
    define(&db);
    assert_eq!(insert(&db, &["Minor Swing", "Daphne"]).unwrap(), Some(1));
    db.add_column("song", NewColumn::new("views", DataType::BigInt).default(Expr::literal(0))).unwrap();
    db.rename_column("song", "views", "plays").unwrap();
    db.drop_column("song", "c").unwrap();
    db.add_check("song", NewCheck::new("plays_check", Expr::literal(true))).unwrap();
    db.create_table(NewTable::new("short").column(NewColumn::new("lived", DataType::Bool))).unwrap();
    db.drop_table("short").unwrap();
    db.rename_table("band", "group").unwrap();
    let song = db.catalog().unwrap().table_named("song").unwrap().id;
    let (expected, expected_rows) = (definitions(&db), rows(&db, song));
    for round in 0..3 {
        if round == 1 {
            db.compact().unwrap();
        }
        let again = {
            let backup = scratch.join(format!("backup-{round}"));
            db.backup(&backup).unwrap();
            Database::open(backup).unwrap()
        };
        assert_eq!(definitions(&again), expected);
        assert_eq!(rows(&again, song), expected_rows);
    }
    drop(db);
    let db = Database::open(&path).unwrap();
    assert_eq!(definitions(&db), expected);
    assert_eq!(rows(&db, song), expected_rows);
    assert!(db.recovery().unwrap().checkpoint.is_some());
    assert!(Catalog::clone(&db.catalog().unwrap()).table_named("band").is_err());
}

#[test]
fn what_tables_promise_holds_after_opening() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = Database::open(&path).unwrap();
    define(&db);
    insert(&db, &["Nuages"]).unwrap();
    drop(db);
    let db = Database::open(&path).unwrap();
    let error = insert(&db, &["NUAGES"]).unwrap_err();
    assert!(matches!(&error, Error::Unique { constraint, .. } if constraint == "song_title"), "{error}");
    assert_eq!(
        insert(&db, &["Manoir de mes reves"]).unwrap(),
        Some(3),
        "a key was taken by the row that was refused"
    );
    let error =
        db.create_table(NewTable::new("song").column(NewColumn::new("x", DataType::Bool))).unwrap_err();
    assert!(matches!(error, Error::DuplicateTable { .. }));
    let other = db.create_table(NewTable::new("other").column(NewColumn::new("x", DataType::Bool))).unwrap();
    assert!(db.catalog().unwrap().tables().all(|table| table.id <= other), "no id is used twice");
}

#[test]
fn a_zone_that_cannot_be_named_is_refused_and_nothing_else_is() {
    let scratch = Scratch::new();
    let db = Database::open(scratch.join("music")).unwrap();
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let hour = Expr::Call(Function::Extract(DatePart::Hour, Some(zone)), vec![column(0)]);
    let table = NewTable::new("concert")
        .column(NewColumn::new("at", DataType::Timestamp))
        .index(NewIndex::new("by_hour", [NewPart::expression(hour)]));
    let error = db.create_table(table.clone()).unwrap_err();
    assert!(error.to_string().contains("time zone"), "{error}");
    assert_eq!(db.catalog().unwrap().tables().count(), 0);
    db.create_table(NewTable { indexes: vec![], ..table }).unwrap();
}

#[test]
fn what_sql_says_of_keys_and_columns_is_kept_with_them() {
    let scratch = Scratch::new();
    let define = "CREATE TABLE t (k INTEGER PRIMARY KEY ON CONFLICT IGNORE, u UNIQUE ON CONFLICT REPLACE, v);
        INSERT INTO t VALUES (1, 'x', 10), (2, 7, 'y');
        PRAGMA user_version = 12";
    let db = Database::open(scratch.join("music")).unwrap();
    Connection::with_dialect(db.clone(), Dialect::Sqlite).execute(define, &[]).unwrap();
    let identity = "CREATE TABLE numbered (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY)";
    Connection::new(db.clone()).execute(identity, &[]).unwrap();
    drop(db);
    let db = Database::open(scratch.join("music")).unwrap();
    let mut sqlite = Connection::with_dialect(db.clone(), Dialect::Sqlite);
    assert_eq!(sqlite.query("PRAGMA user_version", &[]).unwrap().rows, [[Value::Int(12)]]);
    sqlite.execute("INSERT INTO t VALUES (1, 'z', 0), (3, 7, 9), (4, '7', 100)", &[]).unwrap();
    let rows = sqlite.query("SELECT k, u, v FROM t ORDER BY v", &[]).unwrap().rows;
    let expected: [[Value; 3]; 3] = [
        [3.into(), 7.into(), 9.into()],
        [1.into(), "x".into(), 10.into()],
        [4.into(), "7".into(), 100.into()],
    ];
    assert_eq!(rows, expected);
    let error = Connection::new(db).execute("INSERT INTO numbered VALUES (5)", &[]).unwrap_err();
    assert!(matches!(error.problem(), Problem::AlwaysGenerated { column } if column == "id"), "{error}");
}

/// What a catalog says of its enumerations and comments, and of the columns that are of one.
fn types_and_comments(db: &Database) -> Vec<String> {
    let catalog = db.catalog().unwrap();
    let enums = catalog.enums().map(|of| format!("{of:?}"));
    let columns = catalog.tables().flat_map(|table| table.columns.clone());
    let columns = columns.map(|column| format!("{} {:?}", column.name, column.enumeration));
    let comments = catalog.comments().map(|(of, text)| format!("{of:?} {text}"));
    enums.chain(columns).chain(comments).collect()
}

#[test]
fn enumerations_and_comments_are_kept_and_hold_after_opening() {
    let scratch = Scratch::new();
    let path = scratch.join("moods");
    let db = Database::open_with(&path, Durability::Buffered).unwrap();
    let mut connection = Connection::new(db.clone());
    let define = "CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE TABLE p (n INTEGER PRIMARY KEY, m mood DEFAULT 'sad', CHECK (m > 'sad' OR n < 10));
        CREATE UNIQUE INDEX p_least ON p (least(m, 'happy'::mood)) WHERE n > 5;
        CREATE VIEW v AS SELECT m FROM p;
        CREATE SEQUENCE s;
        COMMENT ON TYPE mood IS 'how'; COMMENT ON TABLE p IS 'who'; COMMENT ON COLUMN p.m IS 'what';
        COMMENT ON INDEX p_least IS 'once'; COMMENT ON VIEW v IS 'seen'; COMMENT ON SEQUENCE s IS 'counted';
        COMMENT ON SCHEMA public IS 'all';
        INSERT INTO p VALUES (1, 'happy'), (2, 'sad')";
    connection.execute(define, &[]).unwrap();
    db.compact().unwrap();
    connection.execute("ALTER TYPE mood ADD VALUE 'ok' AFTER 'sad'", &[]).unwrap();
    connection.execute("INSERT INTO p VALUES (11, 'ok'); COMMENT ON TABLE p IS 'people'", &[]).unwrap();
    connection
        .execute("BEGIN; ALTER TYPE mood ADD VALUE 'x'; COMMENT ON TYPE mood IS NULL; ROLLBACK", &[])
        .unwrap();
    let expected = types_and_comments(&db);
    assert!(expected.contains(&"Schema all".to_owned()), "{expected:?}");
    drop((connection, db));
    for round in 0..3 {
        let db = Database::open(&path).unwrap();
        assert_eq!(types_and_comments(&db), expected, "round {round}");
        let mut connection = Connection::new(db.clone());
        let ordered = connection.query("SELECT n FROM p ORDER BY m, n", &[]).unwrap();
        assert_eq!(ordered.rows, [[Value::Int(2)], [Value::Int(11)], [Value::Int(1)]]);
        let refused = connection.execute("INSERT INTO p VALUES (3, $1)", &["mad".into()]).unwrap_err();
        assert!(matches!(refused.problem(), Problem::Engine(Error::NotOfEnum { .. })), "{refused}");
        for wrong in ["INSERT INTO p VALUES (12, 'sad')", "INSERT INTO p VALUES (12, 'ok')", "DROP TYPE mood"]
        {
            assert!(connection.execute(wrong, &[]).is_err(), "{wrong}");
        }
        if round == 1 {
            db.compact().unwrap();
        }
    }
}
