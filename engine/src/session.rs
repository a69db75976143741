//! Sessions: what a program talks to.
//!
//! A [`Database`](crate::Database), a [`Transaction`](crate::Transaction) and a [`Snapshot`](crate::Snapshot) are all
//! a [`Session`]: the same statements, under what each of them promises. A session supplies two things, a read of one
//! version and an atomic statement that writes; everything else is made of these, here. [`Under`] is a session whose
//! statements hold for one schema.

mod point;
mod under;

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::lock::Ticket;
use nuages_storage::{IndexId, Reach, RowId, RowRef, Rows, TableId, Value, Version};

use crate::algebra::{Query, Statement};
use crate::answer::run_query;
use crate::batch::Batch;
use crate::catalog::{Catalog, NewCheck, NewColumn, NewForeignKey, NewIndex, NewTable};
#[doc(hidden)]
pub use crate::database::InTransaction;
use crate::draws::Draws;
use crate::error::Error;
use crate::evaluate::Context;
use crate::explain::{self, Explanation};
use crate::limits::Interrupt;
use crate::memory::ResultRows;
use crate::optimize::{TableStatistics, depth};
use crate::outcome::{Outcome, ResultSet, RowKeys};
use crate::prepared::Prepared;
use crate::race::alternative::PLANS_MAX;
use crate::race::{self, Alternative, Race};
use crate::reads::Reads;
use crate::row::Row;
#[doc(hidden)]
pub use crate::write::at_once::Autocommit;
use crate::write::insert::NewRows;
use crate::write::{Found, WritingStatement, at_once, reach};
use crate::{execute, optimize};
#[doc(hidden)]
pub use under::AsSession;
pub use under::Under;

/// Reads and writes of one database, under one isolation.
///
/// Each method runs one statement, and a statement that fails has done nothing.
pub trait Session: Send + Sync {
    /// Runs a short read. It may hold up commits, so `f` must neither wait nor call back into a session of the
    /// database. A serializable transaction does not know what of the version is looked at, and so counts it as read
    /// whole.
    ///
    /// # Errors
    /// What `f` returns, and that the database cannot be used any more.
    fn read(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        if let Some(reads) = self.reads() {
            reads.everything();
        }
        self.read_unnoted(f)
    }

    /// What the session sees, held: for reads that are long or call back. O(1). It counts as read whole.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    fn version(&self) -> Result<Arc<Version>, Error> {
        if let Some(reads) = self.reads() {
            reads.everything();
        }
        self.version_unnoted()
    }

    /// As [`read`](Session::read), for who notes by itself what is read.
    #[doc(hidden)]
    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error>;

    /// As [`read`](Session::read), for who looks at nothing but this row, the catalog, and which tables there are. In a
    /// transaction that has written little this is faster, and a serializable one counts that row alone as read.
    ///
    /// # Errors
    /// As [`read`](Session::read).
    fn read_row(
        &self,
        table: TableId,
        row: RowId,
        f: &mut dyn FnMut(&Version) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(reads) = self.reads() {
            reads.row(table, row);
        }
        self.read_row_unnoted(table, row, f)
    }

    /// As [`read_row`](Session::read_row), for who notes by itself what is read.
    #[doc(hidden)]
    fn read_row_unnoted(
        &self,
        _table: TableId,
        _row: RowId,
        f: &mut dyn FnMut(&Version) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.read_unnoted(f)
    }

    /// As [`version`](Session::version), for who notes by itself what is read.
    #[doc(hidden)]
    fn version_unnoted(&self) -> Result<Arc<Version>, Error>;

    /// What the last statement has to wait for that failed with [`Error::WouldBlock`].
    fn take_waiting(&self) -> Option<Ticket> {
        None
    }

    /// Whether the session must know at its end what it has read.
    fn is_noting(&self) -> bool {
        self.reads().is_some()
    }

    /// The limits of a statement that begins now.
    fn interrupt(&self) -> Interrupt {
        Interrupt::default()
    }

    /// Runs one statement that writes: whole, or if it fails not at all. It may be attempted several times, until the
    /// locks are held that it rests on, and what an attempt did is undone before the next.
    ///
    /// # Errors
    /// What `f` returns; a constraint that does not hold at the end; [`Error::ReadOnly`]; a lock that was not granted;
    /// what `interrupt` ends it with.
    fn write(
        &self,
        reach: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// Where statements are written at once, if each is a transaction of its own.
    #[doc(hidden)]
    fn autocommits_in(&self) -> Option<Autocommit<'_>> {
        None
    }

    /// Where statements of one row are run at once, if the session is a transaction.
    #[doc(hidden)]
    fn in_transaction(&self) -> Option<InTransaction<'_>> {
        None
    }

    /// Where to note what is read, if the session must know at its end.
    #[doc(hidden)]
    fn reads(&self) -> Option<&Reads> {
        None
    }

    /// Where statements draw numbers of sequences, if they do.
    #[doc(hidden)]
    fn draws(&self) -> Option<Draws<'_>> {
        None
    }

    /// The tables that the session sees.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn catalog(&self) -> Result<Arc<Catalog>, Error> {
        let mut catalog = None;
        self.read_unnoted(&mut |version| {
            catalog = Some(Catalog::held(version.catalog()));
            Ok(())
        })?;
        Ok(catalog.unwrap_or_default())
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// What its expressions, the tables' constraints, or the session refuse.
    fn execute(&self, statement: &Statement, parameters: &[Value]) -> Result<Outcome, Error> {
        if let Statement::Query(query) = statement {
            let rows = self.query(query, parameters)?;
            return Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() });
        }
        if let Some(transaction) = self.in_transaction()
            && transaction.execute_at_once(statement, parameters)?
        {
            return Ok(Outcome { affected: 1, ..Outcome::default() });
        }
        let interrupt = self.interrupt();
        let context = Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
        if let Some(store) = self.autocommits_in() {
            interrupt.check(true)?;
            if let Some(outcome) = at_once::execute(store, statement, &context) {
                return outcome;
            }
        }
        depth::check_statement(statement)?;
        let (mut found, mut outcome) = (Found::default(), Outcome::default());
        let is_short = |version: &Version| reach::is_short(statement, version, &context);
        self.write(Reach::ShortIf(&is_short), &interrupt, &mut |writing| {
            outcome = writing.run(statement, &mut found, &context)?;
            Ok(())
        })?;
        Ok(outcome)
    }

    /// Runs a query and returns all of its rows.
    ///
    /// # Errors
    /// What its expressions refuse.
    fn query(&self, query: &Query, parameters: &[Value]) -> Result<ResultSet, Error> {
        let mut rows = ResultRows::new(self.interrupt().memory_bytes_max());
        self.query_each(query, parameters, &mut |batch| rows.add(batch))?;
        let rows = rows.finish();
        let columns = query.columns.iter().map(|column| column.name.clone()).collect();
        Ok(ResultSet { columns, rows })
    }

    /// Runs a query and hands out its rows, batch by batch, without copying what can be borrowed. One that locks rows
    /// first waits for them, and locks them until the transaction ends; outside of a transaction that is at once.
    ///
    /// # Errors
    /// What its expressions refuse, and what `each` returns.
    fn query_each(
        &self,
        query: &Query,
        parameters: &[Value],
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let (Some(lock), Some(transaction)) = (&query.lock, self.in_transaction())
            && let Some(rows) = transaction.lock_row_at_once(query, lock, parameters)?
        {
            return each(&rows);
        }
        let interrupt = self.interrupt();
        let context = Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
        if let Some(lock) = &query.lock {
            let (mut found, mut rows) = (Found::default(), None);
            self.write(Reach::Long, &interrupt, &mut |writing| {
                rows = Some(writing.lock_rows(query, lock, &mut found, &context)?);
                Ok(())
            })?;
            return rows.as_ref().map_or(Ok(()), each);
        }
        run_query(query, &*self.version_unnoted()?, &context, each)
    }

    /// The same for a query that is not asked again, and so need not be copied to be planned.
    ///
    /// # Errors
    /// As [`Session::query_each`].
    fn query_once(
        &self,
        query: Query,
        parameters: &[Value],
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if query.lock.is_some() {
            return self.query_each(&query, parameters, each);
        }
        let interrupt = self.interrupt();
        let context = Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
        let version = self.version_unnoted()?;
        // Where it is noted what is read, to read more would be to conflict with more.
        let plan = match self.is_noting() {
            true => optimize::plan(query, Catalog::of(&version), &version)?,
            false => optimize::plan_once(Cow::Owned(query), Catalog::of(&version), &version)?,
        };
        execute::run(&plan, &version, &context, each)
    }

    /// The plan of a query, as a tree for people.
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    fn explain(&self, query: &Query) -> Result<Explanation, Error> {
        let version = self.version_unnoted()?;
        let catalog = Catalog::of(&version);
        Ok(optimize::plan_kept(query, catalog, &version)?.explain(catalog))
    }

    /// What is known of the rows of a table: the share of NULLs, the number of different values, the most common values
    /// and a histogram of the others for each column, from a sample of a thousand rows. Plans draw it when they need it
    /// and draw it again when the table has become another, so that nothing has to be done for them.
    ///
    /// ```
    /// use nuages_engine::{Database, Session, sql::Connection};
    /// let mut connection = Connection::new(Database::new());
    /// connection.execute("CREATE TABLE song (key TEXT)", &[])?;
    /// connection.execute("INSERT INTO song VALUES ('G'), ('G'), ('Db'), (NULL)", &[])?;
    /// let song = connection.database().statistics("song")?;
    /// let (_, key) = &song.columns[0];
    /// assert_eq!((song.rows, key.null_share, key.distinct), (4, 0.25, 2.0));
    /// assert_eq!(key.common, [("Db".into(), 0.25), ("G".into(), 0.5)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownTable`].
    fn statistics(&self, table: &str) -> Result<TableStatistics, Error> {
        let version = self.version_unnoted()?;
        Catalog::of(&version).table_named(table)?.statistics_of(&version)
    }

    /// Draws the sample of a table's rows anew (see [`statistics`](Session::statistics)).
    ///
    /// # Errors
    /// [`Error::UnknownTable`].
    fn analyze(&self, table: &str) -> Result<TableStatistics, Error> {
        let version = self.version_unnoted()?;
        let table = Catalog::of(&version).table_named(table)?;
        table.statistics.forget();
        table.statistics_of(&version)
    }

    /// Runs a query, throws its rows away, and explains its plan with what each operator did.
    ///
    /// # Errors
    /// What its expressions refuse.
    fn explain_analyze(&self, query: &Query, parameters: &[Value]) -> Result<Explanation, Error> {
        let version = self.version()?;
        let catalog = Catalog::of(&version);
        let plan = optimize::plan_for(query, catalog, &version, parameters)?.plan;
        let interrupt = self.interrupt();
        explain::analyze(
            &plan,
            &version,
            catalog,
            &Context::new(parameters).drawing(self.draws()).within(&interrupt),
        )
    }

    /// The plans of a query: the one it is run by, and those that other decisions would lead to, 64 at most
    /// (see [`race::plans`]).
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    fn plans(&self, query: &Query) -> Result<Vec<Alternative>, Error> {
        let version = self.version_unnoted()?;
        race::plans(query, Catalog::of(&version), &version, PLANS_MAX)
    }

    /// Runs all of the plans of a query, each `runs` times, on what the session sees now (see [`race::race`]).
    ///
    /// # Errors
    /// What its expressions refuse; [`Error::PlansDiffer`] if two plans return different rows.
    fn race(&self, query: &Query, parameters: &[Value], runs: usize) -> Result<Race, Error> {
        race::race(self, query, parameters, runs)
    }

    /// Hands the row of this row id to `f`; false if there is none. O(log n), and nothing is copied. `f` must neither
    /// wait nor call back into a session of the database.
    ///
    /// # Errors
    /// As [`Session::read`]; [`Error::UnknownTable`].
    fn get(&self, table: TableId, row: RowId, f: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, Error> {
        let mut is_there = false;
        self.read_row(table, row, &mut |version| match version.table(table) {
            Some(rows) => {
                if let Some(row) = rows.get(row) {
                    is_there = true;
                    f(row);
                }
                Ok(())
            }
            None => Catalog::of(version).expect_table(table).map(drop),
        })?;
        Ok(is_there)
    }

    /// Hands the row with this key in an index to `f`; false if there is none. A NULL, and what is not of the column's
    /// type, equals nothing. Of several rows, as an index that is not unique may have, or one of whose key `key` gives
    /// only the first values, it is the first. O(log n), and nothing is copied. `f` must neither wait nor call back
    /// into a session of the database.
    ///
    /// # Errors
    /// As [`Session::read`]; [`Error::UnknownTable`], [`Error::UnknownIndex`].
    fn get_by_key(
        &self,
        table: TableId,
        index: IndexId,
        key: &[Value],
        f: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, Error> {
        let mut is_there = false;
        self.read_unnoted(&mut |version| {
            let definition = Catalog::of(version).expect_table(table)?;
            let index = definition.expect_index(index)?;
            let rows = version.table(table);
            let tree = rows.and_then(|rows| rows.index(index.id));
            let key = index.encode(definition, key);
            if let (Some(reads), Some(key)) = (self.reads(), &key) {
                reads.key(table, index.id, key, rows);
            }
            if let (Some(rows), Some(tree), Some(key)) = (rows, tree, key)
                && let Some(row) = tree.first_with_prefix(key.as_slice()).and_then(|id| rows.get(id))
            {
                is_there = true;
                f(row);
            }
            Ok(())
        })?;
        Ok(is_there)
    }

    /// Runs a prepared query and hands out its rows, batch by batch. One that is
    /// [short](Prepared::is_short) runs within a [`read`](Session::read), so `each` must then neither wait nor call
    /// back into a session of the database.
    ///
    /// # Errors
    /// As [`Prepared::run`].
    fn run(
        &self,
        query: &Prepared,
        parameters: &[Value],
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(query) = query.locking() {
            return self.query_each(query, parameters, each);
        }
        let interrupt = self.interrupt();
        let context = Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
        if query.is_short() {
            return self.read_unnoted(&mut |version| query.run_in(version, &context, each));
        }
        query.run_in(&*self.version_unnoted()?, &context, each)
    }

    /// Runs a prepared query and hands out its rows, one after the other. One that finds a row by its key, whatever its
    /// parameters are, goes from the key to the row and makes no batch. As for [`run`](Session::run), `each` must
    /// neither wait nor call back into a session of the database where the query is short.
    ///
    /// ```
    /// use nuages_engine::{Database, Prepared, Session, sql::Connection};
    /// use nuages_storage::Value;
    ///
    /// let mut connection = Connection::new(Database::new());
    /// connection.execute("CREATE TABLE song (id INTEGER PRIMARY KEY, title TEXT)", &[])?;
    /// connection.execute("INSERT INTO song VALUES (1, 'Nuages'), (2, 'Djangology')", &[])?;
    /// let db = connection.database();
    /// let song = Prepared::new(db, connection.read("SELECT title FROM song WHERE id = $1")?)?;
    /// let mut titles = Vec::new();
    /// for id in [2, 1, 7] {
    ///     db.run_rows(&song, &[Value::Int(id)], &mut |row| {
    ///         titles.extend(row.text(0).map(str::to_owned));
    ///         Ok(())
    ///     })?;
    /// }
    /// assert_eq!(titles, ["Djangology", "Nuages"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Prepared::run`].
    fn run_rows(
        &self,
        query: &Prepared,
        parameters: &[Value],
        each: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if point::run(self, query, parameters, each)? {
            return Ok(());
        }
        self.run(query, parameters, &mut |batch| {
            batch.selection.iter().try_for_each(|row| each(Row::of_batch(batch, row)))
        })
    }

    /// Inserts rows in leaf shape, all of whose slots are set: what is not is NULL, and no default. Returns the first
    /// of the keys that were generated; the others follow it.
    ///
    /// # Errors
    /// As for an `INSERT`; [`Error::RowsOutdated`] if the rows were built under another layout than the table has now.
    fn insert_rows(&self, table: TableId, rows: Vec<Rows>, keys: RowKeys) -> Result<Option<i64>, Error> {
        let reach = if rows.len() > 1 { Reach::Long } else { Reach::Short };
        let mut rows = NewRows::new(rows, keys);
        let interrupt = self.interrupt();
        let context = Context::new(&[]).within(&interrupt);
        if let Some(store) = self.autocommits_in().filter(|_| rows.is_one()) {
            interrupt.check(true)?;
            if let Some(inserted) = at_once::insert(store, table, &mut rows, &context) {
                inserted?;
                return Ok(rows.first_key());
            }
        }
        self.write(reach, &interrupt, &mut |writing| writing.insert_rows(table, &mut rows, &context))?;
        Ok(rows.first_key())
    }

    /// Creates a table.
    ///
    /// # Errors
    /// A name that is taken or not known, or [`Error::Definition`].
    fn create_table(&self, table: NewTable) -> Result<TableId, Error> {
        let mut id = None;
        self.write(Reach::Long, &self.interrupt(), &mut |writing| {
            id = Some(writing.create_table(table.clone())?);
            Ok(())
        })?;
        Ok(id.expect("a statement that succeeded has run"))
    }

    /// Drops a table and its rows.
    ///
    /// # Errors
    /// [`Error::UnknownTable`]; [`Error::Depended`] if another table refers to it.
    fn drop_table(&self, table: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.drop_tables(&[table.to_owned()]))
    }

    /// Gives a table another name. Its indexes and constraints keep theirs; only a primary key that is the row id, and
    /// so has no index, is named after the table it is in.
    ///
    /// # Errors
    /// [`Error::UnknownTable`], [`Error::DuplicateTable`].
    fn rename_table(&self, table: &str, name: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.rename_table(table, name))
    }

    /// Adds a column at the end. Rows that exist read its default; none is rewritten.
    ///
    /// # Errors
    /// [`Error::NotNull`] if there are rows, and neither a default nor NULL is possible; [`Error::DuplicateColumn`];
    /// what a definition can be refused for.
    fn add_column(&self, table: &str, column: NewColumn) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.add_column(table, column.clone()))
    }

    /// Drops a column, and the table's own indexes and constraints that involve it.
    ///
    /// # Errors
    /// [`Error::Depended`] if it is in the primary key, or other tables refer to it.
    fn drop_column(&self, table: &str, column: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.drop_column(table, column))
    }

    /// Gives a column another name.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`], [`Error::DuplicateColumn`].
    fn rename_column(&self, table: &str, column: &str, name: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.rename_column(table, column, name))
    }

    /// Makes a column another: its name, type, default, and whether it may be NULL or negative. Values are converted
    /// as by a cast, and everything the table promises is tested again.
    ///
    /// # Errors
    /// What a value cannot be converted for, or breaks; [`Error::Depended`] if a key involves it and the type is of
    /// another kind.
    fn change_column(&self, table: &str, column: &str, to: NewColumn) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| {
            writing.change_column(table, column, to.clone())
        })
    }

    /// Adds an index or unique constraint, built over the rows that exist.
    ///
    /// # Errors
    /// [`Error::Unique`] if two of them have one key; [`Error::DuplicateIndex`]; [`Error::UnknownColumn`].
    fn add_index(&self, table: &str, index: NewIndex) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.add_index(table, &index))
    }

    /// Drops an index, and the unique constraint it carries.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`]; [`Error::Depended`] if a foreign key needs it.
    fn drop_index(&self, table: &str, index: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.drop_index(table, index))
    }

    /// Adds a check.
    ///
    /// # Errors
    /// [`Error::Check`] if it is false of a row that exists; [`Error::DuplicateConstraint`].
    fn add_check(&self, table: &str, check: NewCheck) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.add_check(table, check.clone()))
    }

    /// Adds a foreign key.
    ///
    /// # Errors
    /// [`Error::ForeignKey`] if a row that exists refers to nothing; what a definition can be refused for.
    fn add_foreign_key(&self, table: &str, foreign_key: NewForeignKey) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| {
            writing.add_foreign_key(table, &foreign_key)
        })
    }

    /// Drops a check, a foreign key or a unique constraint.
    ///
    /// # Errors
    /// [`Error::UnknownConstraint`]; [`Error::Depended`] for the primary key, or if a foreign key needs it.
    fn drop_constraint(&self, table: &str, constraint: &str) -> Result<(), Error> {
        self.write(Reach::Long, &self.interrupt(), &mut |writing| writing.drop_constraint(table, constraint))
    }
}
