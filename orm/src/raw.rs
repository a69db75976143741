//! SQL by hand, where an expression does not do: `raw` to instances, and a cursor to rows.
//!
//! The text of a statement is a `&'static str`: it stands in the program. What is known at run time goes in as a
//! parameter (`$1`, `?`, `:name`), never as text; so nothing here can be pasted together. The dialect is PostgreSQL's,
//! and the engine reads it; statements about the schema and transactions are not among them, for those are `atomic` and
//! migrations.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] #[model(app = "shop", table = "genre")] pub struct Genre { pub id: Auto<i64>, pub name: String }
//! # let db = App::new().models(Genre::app()).open_memory()?;
//! # Genre::objects().bulk_create(["Rock", "Jazz", "Metal"].map(|name| new!(Genre { name })), &db)?;
//! let genres = Genre::objects().raw("SELECT id, length(name) AS letters FROM genre WHERE id <= $1 ORDER BY id", [2]);
//! for genre in genres.all(&db)? {
//!     // What was not selected is read when it is asked for.
//!     println!("{} has {} letters", genre.get(Genre::name, &db)?, genre.annotation("letters")?);
//! }
//!
//! let mut cursor = db.cursor();
//! cursor.execute("UPDATE genre SET name = upper(name) WHERE name LIKE $1", ["J%"])?;
//! assert_eq!(cursor.row_count(), 1);
//! cursor.execute("SELECT count(*) AS n, max(name) FROM genre", ())?;
//! assert_eq!(cursor.columns()[0], "n");
//! assert_eq!(cursor.fetch_one().map(|row| row[0].clone()), Some(3.into()));
//! # Ok::<(), Error>(())
//! ```
//!
//! Order of reading: [`RawQuerySet`], [`RawRow`], [`Cursor`].

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use indexmap::IndexMap;
use nuages_engine::sql::{Dialect, statement};
use nuages_engine::{ColumnNames, Error as EngineError, Outcome, ResultSet, Session, Under};
use nuages_storage::Value;

use crate::error::{Error, Misuse, Result, UnknownName};
use crate::executor::statement::{Asked, kind_of, run as run_watched};
use crate::executor::{Executor, StatementKind, finish_write};
use crate::meta::FieldMeta;
use crate::model::Model;
use crate::partial::Partial;
use crate::prefetch;
use crate::queryset::QuerySet;
use crate::queryset::relations::Relations;
use crate::queryset::state::Prefetch;
use crate::read;
use crate::row::ValuesRow;

/// Values for the parameters of a statement, in order: a tuple, an array or a `Vec`; `()` if it has none.
pub trait Parameters {
    /// The values.
    fn into_values(self) -> Vec<Value>;
}

impl Parameters for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<V: Into<Value>> Parameters for Vec<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<V: Into<Value>, const COUNT: usize> Parameters for [V; COUNT] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        impl<$($part: Into<Value>),*> Parameters for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_values(self) -> Vec<Value> {
                let ($($part,)*) = self;
                vec![$($part.into()),*]
            }
        }
    )*};
}
crate::row::for_tuples!(tuples);

/// Runs one statement under the schema that its names were looked up in. If that has changed meanwhile, they are looked
/// up anew: before it writes anything, or after it has read, since what was read can be forgotten.
fn run(sql: &str, values: &[Value], table: &'static str, ex: &dyn Executor) -> Result<Outcome> {
    loop {
        let catalog = ex.session()?.catalog()?;
        let (bound, values) = statement(sql, values, Dialect::PostgreSql, &catalog)?;
        let (asked, kind) = (Asked::Statement(&bound, &values), kind_of(&bound));
        let outcome = run_watched(ex, kind, table, &asked, |session| match kind {
            StatementKind::Select => Ok(session.execute(&bound, &values)?),
            _ => Ok(Under::new(session, catalog.schema_id()).execute(&bound, &values)?),
        });
        let is_refused = |error: &Error| matches!(error, Error::Engine(error) if matches!(**error, EngineError::SchemaChanged));
        if (kind == StatementKind::Select || outcome.as_ref().is_err_and(is_refused))
            && ex.session()?.catalog()?.schema_id() != catalog.schema_id()
        {
            continue;
        }
        return if kind == StatementKind::Select { outcome } else { finish_write(ex, outcome) };
    }
}

/// Rows of `M` by a statement of SQL. Each verb runs it anew.
#[derive(Clone, Debug)]
#[must_use = "a raw query does nothing until a verb such as `all` is given an executor"]
pub struct RawQuerySet<M> {
    sql: &'static str,
    values: Vec<Value>,
    translations: Vec<(&'static str, &'static str)>,
    prefetch: Vec<Prefetch>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> QuerySet<M> {
    /// Rows by SQL. Columns that are named like columns of the model are its fields; fields that are not there are
    /// deferred, and other columns are annotations of the row. The primary key must be there.
    ///
    /// What the queryset asked for before is not part of it, as in Django.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] #[model(app = "shop", table = "genre")] pub struct Genre { pub id: Auto<i64>, pub name: String }
    /// # let db = App::new().models(Genre::app()).open_memory()?;
    /// # Genre::objects().bulk_create(["Rock", "Jazz"].map(|name| new!(Genre { name })), &db)?;
    /// let jazz = Genre::objects().raw("SELECT * FROM genre WHERE name = $1", ["Jazz"]).first(&db)?;
    /// assert_eq!(jazz.map(|genre| genre.pk()), Some(Some(2)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn raw(self, sql: &'static str, parameters: impl Parameters) -> RawQuerySet<M> {
        RawQuerySet {
            sql,
            values: parameters.into_values(),
            translations: Vec::new(),
            prefetch: Vec::new(),
            model: PhantomData,
        }
    }
}

impl<M: Model> RawQuerySet<M> {
    /// Reads columns of other names as fields: `translations([("n", "name")])`.
    pub fn translations(
        mut self,
        columns_and_fields: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        self.translations.extend(columns_and_fields);
        self
    }

    /// Reads relations by one query for each, for all rows together, as
    /// [`prefetch_related`](crate::queryset::Queryset::prefetch_related) does.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] #[model(table = "author")]
    /// # pub struct Author { pub id: Auto<i64>, pub name: String, #[related(Post::author)] pub posts: Related<Post> }
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub author: ForeignKey<Author> }
    /// # let db = App::new().models((Author::app(), Post::app())).open_memory()?;
    /// # let ann = Author::objects().create(new!(Author { name: "Ann" }), &db)?;
    /// # Post::objects().create(new!(Post { author: &ann }), &db)?;
    /// let authors = Author::objects().raw("SELECT id FROM author", ()).prefetch_related(Author::posts);
    /// for author in authors.all(&db)? {
    ///     assert_eq!(author.get(Author::posts, &db)?.loaded().map(<[Post]>::len), Some(1));
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn prefetch_related(mut self, relations: impl Relations<M>) -> Self {
        let mut paths = Vec::new();
        relations.collect(&mut paths);
        let prefetch = |path| Prefetch { path, queryset: None, pushed: None };
        self.prefetch.extend(paths.into_iter().map(prefetch));
        self
    }

    /// All rows.
    ///
    /// # Errors
    /// [`Error::Sql`] for a text that is no statement or names what there is not; [`Misuse::RawWithoutKey`];
    /// [`Error::UnknownName`] for a translation to no field; [`Error::Decode`] for a value that its field cannot hold.
    pub fn all(&self, ex: &dyn Executor) -> Result<Vec<RawRow<M>>> {
        let ResultSet { columns, rows } = run(self.sql, &self.values, M::meta().table, ex)?.rows;
        let places = self.places(&columns)?;
        let rows = rows.into_iter().map(|row| read_row(row, &columns, &places));
        let mut rows: Vec<RawRow<M>> = rows.collect::<Result<_>>()?;
        let mut holders: Vec<&mut Partial<M>> = rows.iter_mut().map(|row| &mut row.row).collect();
        prefetch::into::<M, _>(&mut holders, &self.prefetch, ex)?;
        Ok(rows)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`all`](RawQuerySet::all).
    pub fn first(&self, ex: &dyn Executor) -> Result<Option<RawRow<M>>> {
        Ok(self.all(ex)?.into_iter().next())
    }

    /// The names of the columns, in order.
    ///
    /// # Errors
    /// As [`all`](RawQuerySet::all).
    pub fn columns(&self, ex: &dyn Executor) -> Result<Vec<String>> {
        Ok(run(self.sql, &self.values, M::meta().table, ex)?.rows.columns.to_vec())
    }

    /// For each column the field it is read as, if it is one.
    fn places(&self, columns: &[String]) -> Result<Vec<Option<u16>>> {
        let meta = M::meta();
        let fields = || meta.columns().filter(|(_, field)| field.is_column());
        for (_, name) in &self.translations {
            if !fields().any(|(_, field)| field.name == *name) {
                let names = fields().map(|(_, field)| field.name.to_owned()).collect();
                return Err(UnknownName::among(meta.to_string(), name, names));
            }
        }
        let field_of = |column: &String| {
            let translated = self.translations.iter().find(|(from, _)| from == column);
            let is_meant = |field: &FieldMeta| match translated {
                Some((_, name)) => field.name == *name,
                None => field.column.eq_ignore_ascii_case(column),
            };
            fields().find(|(_, field)| is_meant(field)).map(|(index, _)| index)
        };
        let places: Vec<Option<u16>> = columns.iter().map(field_of).collect();
        if meta.primary_key.iter().all(|key| places.contains(&Some(*key))) {
            Ok(places)
        } else {
            Err(Misuse::RawWithoutKey { model: M::NAME }.into())
        }
    }
}

fn read_row<M: Model>(row: Vec<Value>, columns: &[String], places: &[Option<u16>]) -> Result<RawRow<M>> {
    let mut draft = M::Draft::default();
    let mut annotations = IndexMap::new();
    for ((value, column), place) in row.into_iter().zip(columns).zip(places) {
        match place {
            Some(field) => {
                let read = M::read_part(&mut draft, *field, std::slice::from_ref(&value), 0);
                read.map_err(|error| {
                    read::decode_error(M::meta(), error.shifted(M::meta().position(*field)))
                })?;
            }
            None => {
                annotations.insert(column.clone(), value);
            }
        }
    }
    Ok(RawRow { row: Partial::of(draft), annotations })
}

/// A row of a raw query: what of the model was selected, and what was selected beside it.
pub struct RawRow<M: Model> {
    row: Partial<M>,
    annotations: ValuesRow,
}

impl<M: Model> RawRow<M> {
    /// A column that is no field of the model.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn annotation(&self, name: &str) -> Result<&Value> {
        let names = || self.annotations.keys().cloned().collect();
        self.annotations
            .get(name)
            .ok_or_else(|| UnknownName::among("the raw query".to_owned(), name, names()))
    }

    /// The columns that are no fields of the model.
    pub const fn annotations(&self) -> &ValuesRow {
        &self.annotations
    }

    /// The row of the model.
    pub fn into_partial(self) -> Partial<M> {
        self.row
    }
}

impl<M: Model> Deref for RawRow<M> {
    type Target = Partial<M>;
    fn deref(&self) -> &Partial<M> {
        &self.row
    }
}

impl<M: Model> DerefMut for RawRow<M> {
    fn deref_mut(&mut self) -> &mut Partial<M> {
        &mut self.row
    }
}

impl<M: Model> Clone for RawRow<M> {
    fn clone(&self) -> Self {
        RawRow { row: self.row.clone(), annotations: self.annotations.clone() }
    }
}

impl<M: Model> fmt::Debug for RawRow<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRow").field("row", &self.row).field("annotations", &self.annotations).finish()
    }
}

/// SQL on an executor, as Python's cursors have it: one statement at a time, and then its rows.
pub struct Cursor<'x> {
    ex: &'x dyn Executor,
    affected: u64,
    columns: ColumnNames,
    rows: VecDeque<Vec<Value>>,
}

/// Every executor has cursors.
pub trait Cursors {
    /// A cursor that has executed nothing yet. In a transaction its statements are the transaction's.
    fn cursor(&self) -> Cursor<'_>;
}

impl<X: Executor> Cursors for X {
    fn cursor(&self) -> Cursor<'_> {
        Cursor::new(self)
    }
}

impl<'x> Cursor<'x> {
    /// A cursor on an executor that is known as no more than that.
    pub const fn new(ex: &'x dyn Executor) -> Cursor<'x> {
        Cursor { ex, affected: 0, columns: ColumnNames::none(), rows: VecDeque::new() }
    }

    /// Runs one statement, and forgets the rows of the one before.
    ///
    /// # Errors
    /// [`Error::Sql`]; [`Error::Integrity`] and what else statements are refused for.
    pub fn execute(&mut self, sql: &'static str, parameters: impl Parameters) -> Result<()> {
        let outcome = run(sql, &parameters.into_values(), "SQL", self.ex)?;
        self.affected = outcome.affected;
        self.columns = outcome.rows.columns;
        self.rows = outcome.rows.rows.into();
        Ok(())
    }

    /// Runs one statement for each list of values, all of them or none. It is a statement that returns no rows.
    ///
    /// # Errors
    /// As [`execute`](Cursor::execute), and then nothing was done.
    pub fn execute_many<P: Parameters>(
        &mut self,
        sql: &'static str,
        lists: impl IntoIterator<Item = P>,
    ) -> Result<()> {
        use crate::atomic::Atomic;
        self.columns = ColumnNames::none();
        self.rows.clear();
        self.affected = self.ex.atomic(|tx| {
            lists.into_iter().try_fold(0, |affected, list| {
                Ok(affected + run(sql, &list.into_values(), "SQL", tx)?.affected)
            })
        })?;
        Ok(())
    }

    /// How many rows the statement inserted, changed or deleted; of a query, how many it returned.
    pub const fn row_count(&self) -> u64 {
        self.affected
    }

    /// The names of its columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row, if there is one.
    pub fn fetch_one(&mut self) -> Option<Vec<Value>> {
        self.rows.pop_front()
    }

    /// So many of the next rows, or what is left of them.
    pub fn fetch_many(&mut self, count: usize) -> Vec<Vec<Value>> {
        self.rows.drain(..count.min(self.rows.len())).collect()
    }

    /// The rows that are left.
    pub fn fetch_all(&mut self) -> Vec<Vec<Value>> {
        std::mem::take(&mut self.rows).into()
    }

    /// The rows that are left, by the names of their columns. Of two columns of one name the last counts.
    pub fn fetch_maps(&mut self) -> Vec<ValuesRow> {
        let rows = std::mem::take(&mut self.rows);
        rows.into_iter().map(|row| self.columns.iter().cloned().zip(row).collect()).collect()
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("columns", &self.columns).field("rows", &self.rows.len()).finish()
    }
}
