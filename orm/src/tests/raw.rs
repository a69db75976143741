//! SQL by hand, about tables that are no model's too.

use nuages_engine::sql::Connection;

use crate::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(app = "shop", table = "genre")]
struct Genre {
    id: Auto<i64>,
    name: String,
}

fn db() -> Db {
    let db = App::new().models(Genre::app()).open_memory().unwrap();
    let new = |name| new!(Genre { name });
    Genre::objects().bulk_create(["Rock", "Jazz"].map(new), &db).unwrap();
    db
}

#[test]
fn sql_asks_tables_that_are_no_models() -> Result<()> {
    let db = db();
    let mut schema = Connection::new(db.engine().clone());
    let mut define = |sql: &str| drop(schema.execute(sql, &[]).unwrap());
    let mut cursor = db.cursor();
    assert!(cursor.execute("SELECT * FROM plays", ()).is_err());
    define("CREATE TABLE plays (genre BIGINT, n INTEGER)");
    cursor.execute("INSERT INTO plays VALUES ($1, $2)", (1, 5))?;
    let joined = "SELECT g.id, g.name, p.n FROM genre g JOIN plays p ON p.genre = g.id";
    let rows = Genre::objects().raw(joined, ()).all(&db)?;
    assert_eq!((rows[0].pk(), rows[0].annotation("n")?.as_int()), (Some(1), Some(5)));
    define("ALTER TABLE plays DROP COLUMN genre");
    cursor.execute("SELECT n FROM plays", ())?;
    assert_eq!(cursor.fetch_one(), Some(vec![5.into()]));
    assert!(Genre::objects().raw(joined, ()).all(&db).is_err());
    define("ALTER TABLE genre ADD COLUMN plays INTEGER DEFAULT 7");
    let rows = Genre::objects().raw("SELECT * FROM genre ORDER BY id", ()).all(&db)?;
    assert_eq!((rows.len(), rows[1].annotation("plays")?.as_int()), (2, Some(7)));
    Ok(())
}

#[test]
fn sql_means_the_schema_that_it_was_read_under_or_is_read_anew() {
    let db = db();
    let mut schema = Connection::new(db.engine().clone());
    let mut made_with = |columns: &str| {
        for sql in [
            "BEGIN",
            "DROP TABLE IF EXISTS plays",
            columns,
            "INSERT INTO plays (a, b) VALUES (1, 2)",
            "COMMIT",
        ] {
            schema.execute(sql, &[]).unwrap();
        }
    };
    made_with("CREATE TABLE plays (a INTEGER, b INTEGER)");
    std::thread::scope(|threads| {
        let changes = threads.spawn(|| {
            for _ in 0..150 {
                made_with("CREATE TABLE plays (b INTEGER, c INTEGER, a INTEGER)");
                made_with("CREATE TABLE plays (a INTEGER, b INTEGER)");
            }
        });
        let mut cursor = db.cursor();
        while !changes.is_finished() {
            cursor.execute("SELECT b, a FROM plays WHERE b = $1", [2]).unwrap();
            assert_eq!(cursor.fetch_all(), [vec![2.into(), 1.into()]]);
        }
    });
}
