//! Two tables: parents and their children.

use std::hint::black_box;

use hashbrown::HashMap;
use nuages::prelude::{Model, Param, Queryset, count, prepare};
use nuages_engine::algebra::{Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, JoinKind, Query};
use nuages_engine::algebra::{Relation, SortKey, Source};
use nuages_storage::{DataType, Value};

use super::{Tables, Workload, repeats};
use crate::contestant::engine::{self, columns};
use crate::contestant::orm;
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::{AUTHORS, Author, Book, RATES};
use crate::harness::{Result, Sample, timed};

/// Books that are joined with their authors.
const JOINED: usize = 100_000;
/// Books that are fetched along with their authors.
const PREFETCHED: usize = 10_000;

/// Every number of books that a workload here asks for.
pub(crate) const LIBRARY_SIZES: [usize; 2] = [PREFETCHED, JOINED];

/// Reads across a foreign key.
pub(crate) trait Relations {
    /// How many books there are by authors of at least this rate, and the sum of their pages times that rate; as
    /// often as told.
    fn join(&mut self, rate_min: i64, times: usize) -> Result<Sample>;

    /// All authors as structs, each with its books as structs; as often as told.
    fn prefetch(&mut self, times: usize) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "prefetch of 1,000 parents' children",
        unit: "parent",
        tables: Tables::Library { books: PREFETCHED },
        units: |input| AUTHORS as usize * repeats(input) / 10,
        run: |contestant, input, _| contestant.prefetch(repeats(input) / 10),
    },
    Workload {
        name: "join with 1,000 rows, sum",
        unit: "row",
        tables: Tables::Library { books: JOINED },
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.join(RATES / 2, repeats(input)),
    },
];

/// What a prefetch comes to.
type WithBooks = Vec<(Author, Vec<Book>)>;

/// Times `fetch`, done `times` times, and adds up the checksums; a book counts more the later it comes.
fn prefetched(times: usize, mut fetch: impl FnMut() -> Result<WithBooks>) -> Result<Sample> {
    let author = |(author, books): &(Author, Vec<Book>)| {
        books.iter().fold(author.checksum(), |sum, book| super::in_order(sum, book.checksum()))
    };
    timed(|| {
        (0..times).try_fold(0_u64, |sum, _| {
            let authors = fetch()?;
            Ok(authors.iter().map(author).fold(sum, u64::wrapping_add))
        })
    })
}

/// The checksum of a join's two numbers.
fn joined(count: i64, sum: i64) -> u64 {
    (count as u64).rotate_left(32).wrapping_add(sum as u64)
}

impl Relations for Sqlite {
    fn join(&mut self, rate_min: i64, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare(
            "SELECT count(*), sum(book.pages * author.rate)
             FROM book JOIN author ON author.id = book.author_id WHERE author.rate >= ?1",
        )?;
        timed(|| {
            (0..times).try_fold(0_u64, |sum, _| {
                let checksum = statement.query_row([rate_min], |row| Ok(joined(row.get(0)?, row.get(1)?)))?;
                Ok(sum.wrapping_add(checksum))
            })
        })
    }

    /// Two queries and a hash table, as one writes it by hand.
    fn prefetch(&mut self, times: usize) -> Result<Sample> {
        let mut authors = self.connection.prepare("SELECT id, name, rate FROM author ORDER BY id")?;
        let mut books = self.connection.prepare(
            "SELECT id, author_id, title, pages FROM book WHERE author_id IN (SELECT id FROM author) ORDER BY id",
        )?;
        prefetched(times, || {
            let mut children: HashMap<i64, Vec<Book>> = HashMap::new();
            let mut rows = books.query(())?;
            while let Some(row) = rows.next()? {
                let book =
                    Book { id: row.get(0)?, author_id: row.get(1)?, title: row.get(2)?, pages: row.get(3)? };
                children.entry(book.author_id).or_default().push(book);
            }
            let author = |row: &rusqlite::Row<'_>| {
                let author = Author { id: row.get(0)?, name: row.get(1)?, rate: row.get(2)? };
                let books = children.remove(&author.id).unwrap_or_default();
                Ok((author, books))
            };
            Ok(authors.query_map((), author)?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Relations for Engine {
    fn join(&mut self, rate_min: i64, times: usize) -> Result<Sample> {
        let engine::Tables { book: books, author: authors, .. } = self.tables;
        let (book, author, total) = (Source::new(0), Source::new(1), Source::new(2));
        let rate = || Expr::from(author.column(engine::author::RATE));
        let question = self.question([DataType::BigInt], |[rate_min]| {
            let author_id = Expr::from(book.column(engine::book::AUTHOR_ID));
            let on = author_id.equals(author.column(engine::author::ID).into());
            let joined = Relation::scan(books, book)
                .join(JoinKind::Inner, Relation::scan(authors, author), on)
                .filter(rate().compare(Comparison::GreaterOrEqual, rate_min));
            let pages = Expr::from(book.column(engine::book::PAGES));
            let sum = Aggregate::of(AggregateFunction::Sum, pages.arithmetic(Arithmetic::Multiply, rate()));
            let totals = joined.aggregate(total, Vec::new(), vec![Aggregate::rows(), sum]);
            Query::new(totals, columns(total, 2))
        })?;
        timed(|| {
            (0..times).try_fold(0_u64, |checksum, _| {
                let [count, sum] = question.integers([Value::Int(rate_min)])?;
                Ok(checksum.wrapping_add(joined(count, sum)))
            })
        })
    }

    /// As for SQLite.
    fn prefetch(&mut self, times: usize) -> Result<Sample> {
        let engine::Tables { book: books, author: authors, .. } = self.tables;
        let (book, author) = (Source::new(0), Source::new(1));
        let by_id = |relation: Relation, id: Expr| relation.sort(vec![SortKey::ascending(id)]);
        let all_authors = self.question([], |[]| {
            let id = author.column(engine::author::ID).into();
            Query::new(by_id(Relation::scan(authors, author), id), columns(author, 3))
        })?;
        let their_books = self.question([], |[]| {
            let ids = Query::new(Relation::scan(authors, author), columns(author, 1));
            let author_id = Expr::from(book.column(engine::book::AUTHOR_ID));
            let chosen =
                Relation::scan(books, book).filter(Expr::InQuery(Box::new(author_id), Box::new(ids)));
            Query::new(by_id(chosen, book.column(engine::book::ID).into()), columns(book, 4))
        })?;
        prefetched(times, || {
            let mut children: HashMap<i64, Vec<Book>> = HashMap::new();
            their_books.ask([], |batch| {
                let int = |column, row| batch.column(column).int(row).unwrap_or_default();
                for row in &batch.selection {
                    let author_id = int(engine::book::AUTHOR_ID, row);
                    let title = batch.column(engine::book::TITLE).text(row).unwrap_or_default().to_owned();
                    let pages = int(engine::book::PAGES, row);
                    let book = Book { id: int(engine::book::ID, row), author_id, title, pages };
                    children.entry(author_id).or_default().push(book);
                }
            })?;
            let mut fetched = Vec::new();
            all_authors.ask([], |batch| {
                let int = |column, row| batch.column(column).int(row).unwrap_or_default();
                for row in &batch.selection {
                    let id = int(engine::author::ID, row);
                    let name = batch.column(engine::author::NAME).text(row).unwrap_or_default().to_owned();
                    let author = Author { id, name, rate: int(engine::author::RATE, row) };
                    fetched.push((author, children.remove(&id).unwrap_or_default()));
                }
            })?;
            Ok(fetched)
        })
    }
}

/// The checksum of authors with their books, as [`prefetched`] has it.
fn with_books(authors: &[orm::Author], ex: &dyn nuages::Executor) -> Result<u64> {
    authors.iter().try_fold(0_u64, |sum, author| {
        let books = author.books.all(ex)?;
        let books = books.iter().fold(author.checksum(), |sum, book| super::in_order(sum, book.checksum()));
        Ok(sum.wrapping_add(books))
    })
}

impl Relations for Orm {
    fn join(&mut self, rate_min: i64, times: usize) -> Result<Sample> {
        use orm::Book;
        let db = &self.db;
        let total = || (count(), (Book::pages * Book::author.rate).sum());
        let checksum = |(count, sum): (i64, Option<i64>)| joined(count, sum.unwrap_or_default());
        if !self.prepares() {
            return timed(|| {
                (0..times).try_fold(0_u64, |sum, _| {
                    let books = Book::objects().filter(Book::author.rate.gte(rate_min));
                    Ok(sum.wrapping_add(checksum(books.aggregate(total(), db)?)))
                })
            });
        }
        let books =
            |rate: Param<i64>| Book::objects().filter(Book::author.rate.gte(rate)).aggregating(total());
        let books = prepare(books, db)?;
        timed(|| {
            (0..times).try_fold(0_u64, |sum, _| Ok(sum.wrapping_add(checksum(books.run(rate_min, db)?))))
        })
    }

    fn prefetch(&mut self, times: usize) -> Result<Sample> {
        use orm::Author;
        let db = &self.db;
        let authors = || Author::objects().prefetch_related(Author::books);
        let mut sum = 0_u64;
        let mut add = |authors: Vec<Author>| -> Result<()> {
            sum = sum.wrapping_add(with_books(&authors, db)?);
            Ok(())
        };
        let sample = if self.prepares() {
            let authors = prepare(|()| authors(), db)?;
            timed(|| (0..times).try_for_each(|_| add(authors.all((), db)?)).map(|()| 0))?
        } else {
            timed(|| (0..times).try_for_each(|_| add(authors().all(db)?)).map(|()| 0))?
        };
        Ok(Sample { checksum: sum, ..sample })
    }
}

impl Relations for Collections {
    fn join(&mut self, rate_min: i64, times: usize) -> Result<Sample> {
        timed(|| {
            let mut checksum = 0_u64;
            for _ in 0..times {
                let (mut count, mut sum) = (0, 0);
                for book in black_box(&self.books).values() {
                    let author = &self.authors[&book.author_id];
                    if author.rate >= rate_min {
                        count += 1;
                        sum += book.pages * author.rate;
                    }
                }
                checksum = checksum.wrapping_add(joined(count, sum));
            }
            Ok(checksum)
        })
    }

    fn prefetch(&mut self, times: usize) -> Result<Sample> {
        let books_of = |id: &i64| -> Vec<Book> {
            let ids = self.books_by_author.get(id).map_or(&[][..], Vec::as_slice);
            ids.iter().map(|id| self.books[id].clone()).collect()
        };
        prefetched(times, || {
            Ok(self.authors.iter().map(|(id, author)| (author.clone(), books_of(id))).collect())
        })
    }
}
