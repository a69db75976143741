//! How many queries a verb takes, and how many rows they read.
//!
//! Queries are counted twice: by [`Counting`], an executor of this file that wraps another and its session, and by what
//! `Db::queries` recorded. The two must agree, so neither can forget a statement.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use nuages::{
    atomic::Tx,
    executor::{CommitHook, FetchMode, Settings, Shared},
    prelude::*,
};
use nuages_engine::{
    Batch, Error as EngineError, Outcome, Prepared, RowKeys, Session, WritingStatement,
    algebra::{Query, Statement},
    explain::{Explanation, Measurement},
    limits::Interrupt,
};
use nuages_storage::{Reach, RowId, Rows, TableId, Value, Version};

/// A session that counts the statements it is asked for, and the rows that their plans take from tables.
struct Counted<'s> {
    inner: &'s dyn Session,
    statements: AtomicU64,
    rows_read: AtomicU64,
}

impl Counted<'_> {
    fn statement(&self) {
        self.statements.fetch_add(1, Relaxed);
    }

    /// Runs the query once more, to see what its operators did.
    fn measure(&self, query: &Query, values: &[Value]) -> Result<(), EngineError> {
        self.statement();
        let read = taken_from_tables(&self.inner.explain_analyze(query, values)?);
        self.rows_read.fetch_add(read, Relaxed);
        Ok(())
    }
}

/// The rows that the operators yielded which stand on no other, or look rows up for each row of another. One that is
/// begun for each row of another and leaves rows out may look at any number of them, and counts a million for each
/// time.
fn taken_from_tables(plan: &Explanation) -> u64 {
    let filters = plan.details.iter().any(|detail| detail.starts_with("filter"));
    let looked_at = if filters { 1_000_000 } else { 0 };
    let read = |of: Measurement| of.rows + looked_at * of.runs.saturating_sub(1);
    let own = plan.measured.map_or(0, read);
    let below: u64 = plan.inputs.iter().map(taken_from_tables).sum();
    let looks_up = plan.operator.contains("index") || plan.operator.starts_with("Scan");
    if plan.inputs.is_empty() || looks_up { own + below } else { below }
}

type Visit<'v> = &'v mut dyn FnMut(&Version) -> Result<(), EngineError>;
type Each<'v> = &'v mut dyn FnMut(&Batch<'_>) -> Result<(), EngineError>;

impl Session for Counted<'_> {
    fn read(&self, f: Visit<'_>) -> Result<(), EngineError> {
        self.statement();
        self.inner.read(f)
    }

    fn read_row(&self, table: TableId, row: RowId, f: Visit<'_>) -> Result<(), EngineError> {
        self.statement();
        self.inner.read_row(table, row, f)
    }

    fn read_unnoted(&self, f: Visit<'_>) -> Result<(), EngineError> {
        self.inner.read_unnoted(f)
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, EngineError> {
        self.inner.version_unnoted()
    }

    fn interrupt(&self) -> Interrupt {
        self.inner.interrupt()
    }

    fn write(
        &self,
        reach: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.inner.write(reach, interrupt, f)
    }

    fn execute(&self, statement: &Statement, values: &[Value]) -> Result<Outcome, EngineError> {
        self.statement();
        self.inner.execute(statement, values)
    }

    fn query_each(&self, query: &Query, values: &[Value], each: Each<'_>) -> Result<(), EngineError> {
        self.measure(query, values)?;
        self.inner.query_each(query, values, each)
    }

    fn query_once(&self, query: Query, values: &[Value], each: Each<'_>) -> Result<(), EngineError> {
        self.measure(&query, values)?;
        self.inner.query_once(query, values, each)
    }

    fn run(&self, query: &Prepared, values: &[Value], each: Each<'_>) -> Result<(), EngineError> {
        self.measure(query.query(), values)?;
        self.inner.run(query, values, each)
    }

    fn insert_rows(
        &self,
        table: TableId,
        rows: Vec<Rows>,
        keys: RowKeys,
    ) -> Result<Option<i64>, EngineError> {
        self.statement();
        self.inner.insert_rows(table, rows, keys)
    }
}

/// An executor that counts what runs on it. What a verb runs in a transaction of its own, it does not see.
struct Counting<'x> {
    inner: &'x dyn Executor,
    session: Counted<'x>,
}

impl<'x> Counting<'x> {
    fn of(inner: &'x dyn Executor) -> Counting<'x> {
        let session = inner.session().unwrap();
        let counts = AtomicU64::new;
        Counting { inner, session: Counted { inner: session, statements: counts(0), rows_read: counts(0) } }
    }

    /// How many statements ran, and how many rows were read by queries, since it was asked last.
    fn take(&self) -> (u64, u64) {
        (self.session.statements.swap(0, Relaxed), self.session.rows_read.swap(0, Relaxed))
    }
}

impl Executor for Counting<'_> {
    fn session(&self) -> Result<&dyn Session> {
        Ok(&self.session)
    }

    fn shared(&self) -> &Shared {
        self.inner.shared()
    }

    fn settings(&self) -> &Settings {
        self.inner.settings()
    }

    fn begin(&self) -> Result<Tx<'_>> {
        self.inner.begin()
    }

    fn in_atomic_block(&self) -> bool {
        self.inner.in_atomic_block()
    }

    fn defer_to_commit(&self, hook: CommitHook) -> Result<()> {
        self.inner.defer_to_commit(hook)
    }

    fn note_failed_write(&self, error: &Error) {
        self.inner.note_failed_write(error);
    }
}

#[derive(Model, Clone, Debug)]
struct City {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
struct Author {
    id: Auto<i64>,
    name: String,
    #[field(on_delete = SetNull)]
    born_in: Option<ForeignKey<City>>,
    #[related(Book::author)]
    books: Related<Book>,
    #[related(Desk::author)]
    desk: RelatedOne<Desk>,
}

#[derive(Model, Clone, Debug)]
struct Desk {
    id: Auto<i64>,
    #[field(unique)]
    number: i64,
    #[field(on_delete = Cascade)]
    author: OneToOne<Author>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "tag")]
struct Tag {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
struct Book {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    #[field(on_delete = SetNull)]
    printed_in: Option<ForeignKey<City>>,
    tags: ManyToMany<Tag>,
}

/// So many authors with so many books each. Every other author was born in the only city and has a desk; every third
/// book was printed there; each book of an odd number has both tags.
fn library(authors: i64, books: i64) -> Db {
    let app = App::new().models((City::app(), Author::app(), Desk::app(), Tag::app(), Book::app()));
    let db = app.open_memory().unwrap();
    db.atomic(|tx| {
        let city = City::objects().create(new!(City { name: "Liberchies" }), tx)?;
        let tags = ["swing", "waltz"].map(|name| new!(Tag { name }));
        let tags = Tag::objects().bulk_create(tags, tx)?;
        let here = |is_here: bool| is_here.then(|| ForeignKey::from(&city));
        let rows =
            (0..authors).map(|n| new!(Author { name: format!("author {n}"), born_in: here(n % 2 == 0) }));
        for (n, author) in (0..).zip(Author::objects().bulk_create(rows, tx)?) {
            if n % 2 == 0 {
                Desk::objects().create(new!(Desk { number: n, author: &author }), tx)?;
            }
            let rows = (0..books).map(|b| {
                new!(Book { title: format!("book {b}"), author: &author, printed_in: here(b % 3 == 0) })
            });
            let made = Book::objects().bulk_create(rows, tx)?;
            for mut book in made.into_iter().take(2).skip(1) {
                book.tags.add(&tags, tx)?;
            }
        }
        Ok(())
    })
    .unwrap();
    db
}

/// Runs something on a database, and tells how many statements both counters saw, which must agree.
fn statements(db: &Db, run: impl FnOnce(&dyn Executor) -> Result<()>) -> u64 {
    let (queries, counting) = (db.queries(), Counting::of(db));
    run(&counting).unwrap();
    let (counted, _) = counting.take();
    assert_eq!(counted, queries.len() as u64, "the counters differ: {:?}", queries.statements());
    counted
}

#[test]
fn the_wrapper_and_the_databases_own_counter_agree() {
    let db = library(6, 4);
    let books = || Book::objects().order_by(Book::id);
    type Verb = fn(&dyn Executor) -> Result<()>;
    let verbs: [(&str, u64, Verb); 15] = [
        ("all", 1, |ex| Book::objects().all(ex).map(drop)),
        ("get by key", 1, |ex| Book::objects().get(Book::id.eq(1), ex).map(drop)),
        ("get by a unique value", 1, |ex| Desk::objects().get(Desk::number.eq(2), ex).map(drop)),
        ("count", 1, |ex| Book::objects().filter(Book::author.name.eq("author 1")).count(ex).map(drop)),
        ("exists", 1, |ex| Book::objects().exists(ex).map(drop)),
        ("aggregate", 1, |ex| Book::objects().aggregate(Book::id.max(), ex).map(drop)),
        ("update", 1, |ex| Book::objects().update(Book::title.set("x"), ex).map(drop)),
        ("create", 1, |ex| Tag::objects().create(new!(Tag { name: "new" }), ex).map(drop)),
        ("none", 0, |ex| Book::objects().none().all(ex).map(drop)),
        ("a joined key", 1, |ex| {
            for book in Book::objects().select_related(Book::author).all(ex)? {
                book.author.get(ex)?;
            }
            Ok(())
        }),
        ("a followed key", 25, |ex| {
            for book in Book::objects().all(ex)? {
                book.author.get(ex)?;
            }
            Ok(())
        }),
        ("a followed relation", 7, |ex| {
            for author in Author::objects().all(ex)? {
                author.books.all(ex)?;
            }
            Ok(())
        }),
        ("a deferred field", 2, |ex| {
            let book = Book::objects().defer(Book::title).get(Book::id.eq(1), ex)?;
            book.get(Book::title, ex).map(drop)
        }),
        ("raw", 1, |ex| Tag::objects().raw("SELECT id, name FROM tag WHERE id > $1", [1]).all(ex).map(drop)),
        ("three relations of two levels", 4, |ex| {
            let authors = Author::objects().prefetch_related((Author::books.tags, Author::desk)).all(ex)?;
            for book in authors.iter().flat_map(|author| author.books.loaded().unwrap()) {
                book.tags.all(ex)?;
            }
            Ok(())
        }),
    ];
    for (name, expected, verb) in verbs {
        assert_eq!(statements(&db.fork().unwrap(), verb), expected, "{name}");
    }
    let mut book = books().first(&db).unwrap().unwrap();
    let fork = db.fork().unwrap();
    assert_eq!(statements(&fork, |ex| fork.atomic(|_| books().all(ex).map(drop))), 1);
    assert_eq!(fork.assert_num_queries(1, || book.refresh(&fork)), Ok(()));
}

#[test]
fn a_prefetch_costs_the_same_for_ten_and_a_thousand_parents() {
    let cost = |authors| {
        let db = library(authors, 3);
        let all = (Author::books.tags, Author::books.printed_in, Author::desk, Author::born_in);
        let few = Book::objects().order_by(Book::id.desc()).slice(..2).prefetch_related(Book::tags);
        let prefetched = statements(&db, |ex| {
            for author in Author::objects().prefetch_related(all).all(ex)? {
                assert_eq!(author.books.all(ex)?.len(), 3);
                author.desk.get(ex)?;
                author.born_in.get(ex)?;
                for book in author.books.all(ex)?.iter() {
                    book.tags.all(ex)?;
                    book.printed_in.get(ex)?;
                    book.author.get(ex)?;
                }
            }
            Ok(())
        });
        let sliced = statements(&db, |ex| {
            for author in Author::objects().prefetch_with(Author::books, few).all(ex)? {
                assert_eq!(author.books.all(ex)?.len(), 2);
            }
            Ok(())
        });
        (prefetched, sliced)
    };
    assert_eq!((cost(10), cost(1_000)), ((6, 3), (6, 3)));
}

#[test]
fn a_sliced_prefetch_reads_rows_in_proportion_to_parents_and_limit() {
    let read = |authors: i64, books: i64, limit: usize| {
        let db = library(authors, books);
        let counting = Counting::of(&db);
        let some = Book::objects().order_by(Book::id.desc()).slice(..limit);
        let found = Author::objects().prefetch_with(Author::books, some).all(&counting).unwrap();
        assert!(found.iter().all(|author| author.books.loaded().unwrap().len() == limit));
        let (statements, rows) = counting.take();
        assert_eq!(statements, 2);
        rows
    };
    // With ten parents, too, the table is not gone through from its end for each of them.
    for (authors, books) in [(10, 30), (20, 10), (1_000, 5)] {
        let rows = read(authors, books, 3);
        assert!(rows <= authors as u64 * (3 + 2), "{rows} rows for {authors} parents of {books} rows each");
    }
    let few = read(200, 30, 3);
    let (bound, own) = (200 * 3, 2 * 200);
    assert!((bound..=bound + own).contains(&few), "{few} rows for 200 parents of 3 rows each");
    assert_eq!(read(200, 90, 3), few, "three times as many children");
    assert_eq!(read(400, 30, 3), 2 * few, "twice as many parents");
    assert_eq!(read(200, 30, 6) - few, bound, "twice the limit");
}

#[test]
fn select_related_needs_no_further_query_though_a_row_is_missing() {
    let db = library(4, 3);
    let strict = db.with_fetch_mode(FetchMode::Raise);
    let joined = (Book::printed_in, Book::author.born_in, Book::author.desk);
    let cities: Vec<_> = db.assert_num_queries(1, || {
        let books = Book::objects().select_related(joined).order_by(Book::id).all(&strict).unwrap();
        let told = books.iter().map(|book| {
            let author = book.author.get(&strict).unwrap();
            let born_in = author.born_in.get(&strict).unwrap().map(|city| city.name.clone());
            let printed_in = book.printed_in.get(&strict).unwrap().is_some();
            let desk = author.desk.get(&strict).unwrap().map(|desk| desk.number);
            (born_in, printed_in, desk)
        });
        told.collect()
    });
    let here = || Some("Liberchies".to_owned());
    assert_eq!(cities[..2], [(here(), true, Some(0)), (here(), false, Some(0))]);
    assert_eq!(cities[3..5], [(None, true, None), (None, false, None)]);
    // The other side of a one-to-one that was not joined is refused, also where there is none.
    let authors = Author::objects().select_related(Author::born_in).all(&strict).unwrap();
    for author in &authors {
        let blocked = Error::FetchBlocked { model: "Author", field: "desk" };
        assert_eq!(author.desk.get(&strict).map(drop), Err(blocked));
    }
    // A desk knows its author's other side.
    let desks = Desk::objects().select_related(Desk::author.born_in).all(&strict).unwrap();
    assert!(desks.iter().all(|desk| desk.author.get(&strict).unwrap().born_in.get(&strict).is_ok()));
}
