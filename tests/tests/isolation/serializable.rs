//! What a serializable transaction has read, by whatever path: if somebody else's commit would have made it another,
//! the transaction is refused.

use std::time::Duration;

use jiff::Timestamp;
use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, JoinKind, OutputColumn, Query, Relation,
    SetKind, SortKey, Source,
};
use nuages_engine::catalog::{Action, NewForeignKey, NewIndex, NewTable};
use nuages_engine::sql::Connection;
use nuages_engine::{Database, Error, Isolation, Prepared, Session, Transaction};
use nuages_storage::{RowId, TableId, Value};

use super::crowd::{Chance, audit, rounds};
use super::schema::{id, int, key, text};
use super::sql::sql;

const AUTHOR: Source = Source::new(1);
const BOOK: Source = Source::new(2);
const TOP: Source = Source::new(3);

/// Authors 1 to 8, of ages 30 to 37; each but the last has two books, of years 2000 to 2013.
fn library() -> Database {
    let db = Database::new();
    let author =
        NewTable::new("author").column(key("id")).column(text("name")).column(int("age")).column(int("city"));
    let name = NewIndex::unique("author_name", ["name"]);
    let age = NewIndex::new("author_age", ["age"]);
    db.create_table(author.primary_key(["id"]).unique(name).index(age)).unwrap();
    let wrote = NewForeignKey::new("wrote", ["author"], "author", ["id"]).on_delete(Action::Cascade);
    let book =
        NewTable::new("book").column(id()).column(int("author")).column(int("year")).column(int("price"));
    let year = NewIndex::new("book_year", ["year", "price"]);
    db.create_table(book.primary_key(["id"]).foreign_key(wrote).index(year)).unwrap();
    db.create_table(NewTable::new("note").column(id()).column(int("value")).primary_key(["id"])).unwrap();
    for author in 1..=8 {
        let (age, city) = (29 + author, author % 3);
        sql(&db, &format!("insert into author values ({author}, 'name {author}', {age}, {city})")).unwrap();
    }
    for book in 1..=14 {
        let (author, year, price) = ((book + 1) / 2, 1999 + book, book % 5 * 10);
        sql(&db, &format!("insert into book values ({book}, {author}, {year}, {price})")).unwrap();
    }
    db
}

fn table(db: &dyn Session, name: &str) -> TableId {
    db.catalog().unwrap().table_named(name).unwrap().id
}

fn author(place: usize) -> Expr {
    AUTHOR.column(place).into()
}

fn book(place: usize) -> Expr {
    BOOK.column(place).into()
}

fn top(place: usize) -> Expr {
    TOP.column(place).into()
}

fn compare(left: Expr, op: Comparison, right: i64) -> Expr {
    left.compare(op, Expr::literal(right))
}

fn columns(exprs: impl IntoIterator<Item = Expr>) -> Vec<OutputColumn> {
    exprs.into_iter().map(|expr| OutputColumn::new("column", expr)).collect()
}

/// Queries that take each access path and operator, about the rows around `n`.
fn queries(db: &dyn Session, n: i64) -> Vec<(&'static str, Query)> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less};
    let authors = || Relation::scan(table(db, "author"), AUTHOR);
    let books = || Relation::scan(table(db, "book"), BOOK);
    let all_of_author = || columns((0..4).map(author));
    let all_of_book = || columns((0..4).map(book));
    let rows = || vec![Aggregate::rows()];
    let count = |relation: Relation| Query::new(relation.aggregate(TOP, vec![], rows()), columns([top(0)]));
    let aggregate = |relation: Relation, function, argument| {
        let relation = relation.aggregate(TOP, vec![], vec![Aggregate::of(function, argument)]);
        Query::new(relation, columns([top(0)]))
    };
    let (year, age) = (2000 + n, 30 + n);
    let of_author = || book(1).equals(author(0));
    let named = author(1).equals(Expr::literal(format!("name {n}")));
    let years_of = |of: Expr| {
        Query::new(
            books().filter(book(1).equals(of)).sort(vec![SortKey::descending(book(2))]).limit(0, Some(1)),
            columns([book(2)]),
        )
    };
    vec![
        ("a row by its key", Query::new(authors().filter(compare(author(0), Equal, n)), all_of_author())),
        (
            "one column of a row",
            Query::new(authors().filter(compare(author(0), Equal, n)), columns([author(3)])),
        ),
        ("rows of several keys", {
            let keys = [n, n + 1, 100].map(Expr::literal).into();
            Query::new(authors().filter(Expr::InList(Box::new(author(0)), keys)), all_of_author())
        }),
        ("a range of keys", Query::new(authors().filter(compare(author(0), Greater, n)), all_of_author())),
        ("a unique key", Query::new(authors().filter(named), all_of_author())),
        ("a key of an index", Query::new(books().filter(compare(book(1), Equal, n)), all_of_book())),
        ("a range of an index", Query::new(books().filter(compare(book(2), Less, year)), all_of_book())),
        (
            "an index alone",
            Query::new(books().filter(compare(book(2), GreaterOrEqual, year)), columns([book(2)])),
        ),
        (
            "a column without index",
            Query::new(books().filter(compare(book(3), Equal, 20)), columns([book(0)])),
        ),
        ("one side or the other", {
            let either = compare(author(0), Equal, n).or(compare(author(2), Equal, age + 1));
            Query::new(authors().filter(either), all_of_author())
        }),
        ("the number of all rows", count(books())),
        ("the number of a key", count(books().filter(compare(book(1), Equal, n)))),
        ("the number of a range", count(books().filter(compare(book(2), Less, year)))),
        ("the number of what a scan finds", count(books().filter(compare(book(3), Less, 20)))),
        ("a sum", aggregate(books(), AggregateFunction::Sum, book(3))),
        ("the greatest by an index", aggregate(books(), AggregateFunction::Max, book(2))),
        ("the least without one", aggregate(books(), AggregateFunction::Min, book(3))),
        ("groups", {
            let grouped = books().aggregate(TOP, vec![book(1)], rows());
            Query::new(grouped, columns([top(0), top(1)]))
        }),
        ("the first by an index", {
            Query::new(books().sort(vec![SortKey::ascending(book(2))]).limit(0, Some(1)), all_of_book())
        }),
        ("the last by the key", {
            Query::new(books().sort(vec![SortKey::descending(book(0))]).limit(0, Some(2)), all_of_book())
        }),
        ("the first without an index", {
            Query::new(books().sort(vec![SortKey::ascending(book(3))]).limit(0, Some(3)), columns([book(3)]))
        }),
        ("the n-th", Query::new(books().limit(n.unsigned_abs(), Some(1)), all_of_book())),
        ("the n-th of a range", {
            let range = books().filter(compare(book(2), GreaterOrEqual, 2002));
            Query::new(
                range.sort(vec![SortKey::ascending(book(2))]).limit(n.unsigned_abs(), Some(2)),
                columns([book(2)]),
            )
        }),
        ("a join", {
            let young = authors().filter(compare(author(2), Less, age));
            Query::new(young.join(JoinKind::Inner, books(), of_author()), columns([author(1), book(2)]))
        }),
        ("a join that may find nothing", {
            let some = authors().filter(compare(author(0), GreaterOrEqual, n));
            Query::new(some.join(JoinKind::Left, books(), of_author()), columns([author(0), book(0)]))
        }),
        ("who has partners", {
            Query::new(authors().join(JoinKind::Semi, books(), of_author()), columns([author(0)]))
        }),
        ("who has none", {
            Query::new(authors().join(JoinKind::Anti, books(), of_author()), columns([author(0)]))
        }),
        ("a list from a query", {
            let of_year = Query::new(books().filter(compare(book(2), Equal, year)), columns([book(1)]));
            Query::new(
                authors().filter(Expr::InQuery(Box::new(author(0)), Box::new(of_year))),
                all_of_author(),
            )
        }),
        ("whether there is any", {
            let any = Expr::Exists(Box::new(books().filter(of_author().and(compare(book(3), Greater, 30)))));
            Query::new(authors().filter(any), columns([author(0)]))
        }),
        ("a query for each row", {
            Query::new(authors(), columns([author(0), Expr::Scalar(Box::new(years_of(author(0))))]))
        }),
        ("what is different", { Query::new(books().distinct(vec![book(3)]), columns([book(3)])) }),
        ("two queries together", {
            let left = Query::new(authors().filter(compare(author(2), Less, age)), columns([author(0)]));
            let right = Query::new(books().filter(compare(book(2), Less, year)), columns([book(1)]));
            let (left, right) = (Box::new(left), Box::new(right));
            let both = Relation::Set { kind: SetKind::Except, all: false, source: TOP, left, right };
            Query::new(both, columns([top(0)]))
        }),
        ("computed columns", {
            let sum = book(2).arithmetic(Arithmetic::Add, book(3));
            let computed = books().project(TOP, vec![sum]);
            Query::new(computed.filter(compare(top(0), Greater, 2020)), columns([top(0)]))
        }),
    ]
}

/// What others may commit meanwhile.
fn changes(n: i64) -> Vec<String> {
    let (year, age) = (2000 + n, 30 + n);
    vec![
        format!("insert into author values ({}, 'name {}', {age}, 1)", n + 100, n + 100),
        format!("insert into author values (100, 'a', {age}, 1)"),
        format!("insert into book values (default, {n}, {year}, 20)"),
        "insert into book values (default, 8, 1990, 0)".to_owned(),
        "insert into book values (-5, null, 2050, 50)".to_owned(),
        format!("update author set city = 9 where id = {n}"),
        format!("update author set age = age - 20 where id = {n}"),
        format!("update author set name = 'other' where id = {n}"),
        format!("update author set id = 200 where id = {n} and id = 8"),
        format!("update book set author = {n} where id = 14"),
        format!("update book set author = null where author = {n}"),
        format!("update book set year = {year} where id = 14"),
        "update book set year = year + 1 where id = 1".to_owned(),
        format!("update book set price = 20 where author = {n}"),
        "update book set price = 45 where id = 9".to_owned(),
        format!("delete from book where author = {n}"),
        "delete from book where id = 14".to_owned(),
        "delete from book where id = 1".to_owned(),
        format!("delete from author where id = {n}"),
        "delete from book".to_owned(),
    ]
}

/// The rows of a query, in whatever order they come: as texts, sorted.
fn answer(session: &dyn Session, query: &Query, prepared: Option<&Prepared>) -> Vec<String> {
    let mut rows = Vec::new();
    let mut each = |batch: &nuages_engine::Batch<'_>| {
        rows.extend(batch.selection.iter().map(|row| format!("{:?}", batch.row(row))));
        Ok(())
    };
    match prepared {
        Some(prepared) => session.run(prepared, &[], &mut each).unwrap(),
        None => session.query_each(query, &[], &mut each).unwrap(),
    }
    rows.sort();
    rows
}

/// Reads in a serializable transaction while somebody else commits a change; returns whether it was refused.
fn is_refused(db: &Database, change: &str, read: impl Fn(&Transaction)) -> bool {
    let tx = db.begin_with(Isolation::Serializable);
    read(&tx);
    sql(&tx, "insert into note values (default, 1)").unwrap();
    // On a thread of its own, as what waits for itself is refused.
    std::thread::scope(|scope| scope.spawn(|| drop(sql(db, change).unwrap())).join().unwrap());
    match tx.commit() {
        Ok(_) => false,
        Err(Error::SerializationFailure { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn whatever_a_query_read_and_another_has_changed_refuses_it() {
    let base = library();
    let (mut kept, mut refused) = (0, 0);
    for n in [2, 8] {
        for (name, query) in queries(&base, n) {
            let prepared = Prepared::new(&base, query.clone()).unwrap();
            for prepared in if n == 2 { vec![None, Some(&prepared)] } else { vec![None] } {
                let before = answer(&base, &query, prepared);
                for change in changes(n) {
                    let db = base.fork().unwrap();
                    let is_refused = is_refused(&db, &change, |tx| {
                        assert_eq!(answer(tx, &query, prepared), before);
                    });
                    let is_another = answer(&db, &query, prepared) != before;
                    assert!(is_refused || !is_another, "{name} did not notice: {change}");
                    match is_refused {
                        true => refused += 1,
                        false => kept += 1,
                    }
                }
            }
        }
    }
    // That everything were refused would be safe, and useless.
    assert!(kept * 3 > refused, "{refused} were refused and {kept} not");
}

#[test]
fn so_does_a_row_that_was_asked_for_directly() {
    let base = library();
    let (authors, books) = (table(&base, "author"), table(&base, "book"));
    let catalog = base.catalog().unwrap();
    let name = catalog.table(authors).unwrap().index_named("author_name").unwrap().id;
    let year = catalog.table(books).unwrap().index_named("book_year").unwrap().id;
    type Get<'a> = Box<dyn Fn(&dyn Session) -> Option<Vec<i64>> + 'a>;
    let gets: Vec<Get<'_>> = (0..10)
        .flat_map(|n| {
            let by_row: Get<'_> = Box::new(move |session| {
                let mut found = None;
                session
                    .get(authors, RowId::new(n), &mut |row| found = Some(vec![row.int(2), row.int(3)]))
                    .unwrap();
                found
            });
            let by_name: Get<'_> = Box::new(move |session| {
                let (mut found, key) = (None, [Value::from(format!("name {n}"))]);
                session
                    .get_by_key(authors, name, &key, &mut |row| found = Some(vec![row.int(2), row.int(3)]))
                    .unwrap();
                found
            });
            let by_year: Get<'_> = Box::new(move |session| {
                let (mut found, key) = (None, [Value::Int(2000 + n)]);
                session
                    .get_by_key(books, year, &key, &mut |row| {
                        found = Some(vec![row.row_id().get(), row.int(3)]);
                    })
                    .unwrap();
                found
            });
            [by_row, by_name, by_year]
        })
        .collect();
    for get in &gets {
        let before = get(&base);
        for change in changes(2).into_iter().chain(changes(8)) {
            let db = base.fork().unwrap();
            let is_refused = is_refused(&db, &change, |tx| assert_eq!(get(tx), before));
            assert!(is_refused || get(&db) == before, "not noticed: {change}");
        }
    }
}

#[test]
fn so_does_what_a_statement_found_that_writes() {
    let base = library();
    let statements = [
        "update author set city = 5 where age < 33",
        "update author set city = age where name = 'name 3'",
        "update author set city = 5 where city = 9",
        "delete from book where year > 2011",
        "delete from book where price = 45",
        "update book set price = 0 where author = 100",
    ];
    for statement in statements {
        for change in changes(2).into_iter().chain(changes(8)) {
            let db = base.fork().unwrap();
            let tx = db.begin_with(Isolation::Serializable);
            sql(&tx, statement).unwrap();
            // Who would have to wait is not a phantom.
            let is_done = std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let other = db.begin();
                    other.set_lock_timeout(Some(std::time::Duration::from_millis(1)));
                    sql(&other, &change).is_ok() && other.commit().is_ok()
                });
                other.join().unwrap()
            });
            if is_done && tx.commit().is_ok() {
                let one_after_the_other = [[change.as_str(), statement], [statement, change.as_str()]];
                let is_explained = one_after_the_other.into_iter().any(|order| {
                    let serial = base.fork().unwrap();
                    order.iter().for_each(|statement| drop(sql(&serial, statement).unwrap()));
                    let same = |all| sql(&db, all) == sql(&serial, all);
                    same("select * from author") && same("select * from book")
                });
                assert!(is_explained, "{statement} beside {change}");
            }
        }
    }
}

#[test]
fn what_serializable_transactions_did_is_what_they_do_one_after_the_other() {
    let base = library();
    let mut chance = Chance::new(7);
    for _ in 0..rounds(80) {
        let db = base.fork().unwrap();
        let n = 1 + chance.below(8);
        let queries = queries(&base, n);
        let scripts: Vec<(usize, String)> = (0..3)
            .map(|_| {
                let changes = changes(1 + chance.below(8));
                (
                    chance.below(queries.len() as u64) as usize,
                    changes[chance.below(changes.len() as u64) as usize].clone(),
                )
            })
            .collect();
        // Each notes the number of rows of a query, and changes something; in one thread each, all at once.
        let run = |session: &dyn Session, (query, change): &(usize, String)| {
            let seen = answer(session, &queries[*query].1, None);
            let digest =
                seen.concat().bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000_003);
            sql(session, &format!("insert into note values (default, {digest})"))?;
            sql(session, change)
        };
        let committed: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = scripts
                .iter()
                .map(|script| {
                    let (db, run) = (&db, &run);
                    scope.spawn(move || {
                        let tx = db.begin_with(Isolation::Serializable);
                        run(&tx, script).is_ok() && tx.commit().is_ok()
                    })
                })
                .collect();
            let done = threads.into_iter().map(|thread| thread.join().unwrap());
            done.enumerate().filter(|(_, done)| *done).map(|(at, _)| at).collect()
        });
        audit(&db);
        let outcome = |db: &Database| {
            let mut all: Vec<String> = Vec::new();
            for table in ["author", "book", "note"] {
                let rows = sql(db, &format!("select * from {table}")).unwrap().rows();
                // Generated ids tell in which order they were asked for, which is nobody's promise.
                let from = usize::from(table != "author");
                let mut rows: Vec<_> = rows.iter().map(|row| format!("{table} {:?}", &row[from..])).collect();
                rows.sort();
                all.extend(rows);
            }
            all
        };
        let end = outcome(&db);
        let explained = orders(&committed).into_iter().any(|order| {
            let serial = base.fork().unwrap();
            order.iter().all(|at| run(&serial, &scripts[*at]).is_ok()) && outcome(&serial) == end
        });
        let shown: Vec<_> = committed.iter().map(|at| (queries[scripts[*at].0].0, &scripts[*at].1)).collect();
        assert!(explained, "in no order: {shown:?}");
    }
}

/// A transaction takes down what it asked for, until it is too much to tell apart.
#[test]
fn who_has_asked_for_very_much_of_a_table_has_asked_for_all_of_it() {
    let ask = |tx: &Transaction, questions: usize| {
        for year in (3_000..).take(questions) {
            assert_eq!(sql(tx, &format!("select * from book where year = {year}")).unwrap().rows().len(), 0);
        }
    };
    let elsewhere = "update book set price = 1 where id = 1";
    assert!(!is_refused(&library(), elsewhere, |tx| ask(tx, 900)));
    assert!(is_refused(&library(), elsewhere, |tx| ask(tx, 1_100)));
    let another_table = "update author set city = 7 where id = 1";
    assert!(!is_refused(&library(), another_table, |tx| ask(tx, 1_100)));
    assert!(is_refused(&library(), "insert into book values (default, 1, 3001, 0)", |tx| ask(tx, 900)));
}

/// What it did is undone, and what it has seen is seen.
#[test]
fn what_was_read_before_a_rollback_to_a_savepoint_still_counts() {
    for (change, refused) in
        [("update book set price = 1 where year = 2003", true), ("delete from book where year = 2009", false)]
    {
        let is_refused = is_refused(&library(), change, |tx| {
            let savepoint = tx.savepoint();
            sql(tx, "select * from book where year = 2003").unwrap();
            tx.rollback_to(savepoint).unwrap();
        });
        assert_eq!(is_refused, refused, "{change}");
    }
}

/// Whether the row would have been among those read cannot be told, so it counts as one.
#[test]
fn a_row_of_which_a_condition_fails_is_a_conflict() {
    let db = library();
    sql(&db, "insert into note values (1, 5), (2, 3)").unwrap();
    let read = |tx: &Transaction| drop(sql(tx, "select * from note where 10 % value = 0").unwrap());
    assert!(!is_refused(&db, "update note set value = 7 where id = 2", read));
    assert!(is_refused(&db, "update note set value = 0 where id = 2", read));
}

/// By the time of the commit the clock says something else of each row, and of a function that asks it anew it cannot
/// even be told what it said.
#[test]
fn a_condition_on_the_clock_counts_as_of_when_it_was_asked() {
    for clock in ["now()", "clock_timestamp()"] {
        let db = Database::new();
        let (mut one, mut other) = (Connection::new(db.clone()), Connection::new(db));
        one.execute("CREATE TABLE lease (id BIGINT PRIMARY KEY, expires TIMESTAMP)", &[]).unwrap();
        one.execute("CREATE TABLE grant_of (lease BIGINT PRIMARY KEY)", &[]).unwrap();
        let patience = Duration::from_millis(300);
        let expires = Value::from(Timestamp::now() + patience);
        one.execute("INSERT INTO lease VALUES (1, $1)", &[expires]).unwrap();
        one.execute("BEGIN ISOLATION LEVEL SERIALIZABLE", &[]).unwrap();
        let held = one.query(&format!("SELECT count(*) FROM lease WHERE expires > {clock}"), &[]).unwrap();
        assert_eq!(held.rows, [[Value::Int(1)]], "{clock}");
        other.execute("DELETE FROM lease WHERE id = 1", &[]).unwrap();
        std::thread::sleep(patience);
        one.execute("INSERT INTO grant_of VALUES (1)", &[]).unwrap();
        let refused = one.execute("COMMIT", &[]).unwrap_err();
        assert!(refused.to_string().contains("lease"), "{clock}: {refused}");
    }
}

/// All orders of a few things.
fn orders(things: &[usize]) -> Vec<Vec<usize>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let rest: Vec<usize> = things.iter().copied().filter(|other| *other != things[at]).collect();
        orders(&rest).into_iter().map(move |mut order| {
            order.insert(0, things[at]);
            order
        })
    };
    (0..things.len()).flat_map(first).collect()
}
