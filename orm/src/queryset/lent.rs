//! Rows that are lent: texts read where they lie, without a copy.
//!
//! [`QuerySet::hold`] plans a queryset and holds the state of the database that it reads. What it yields then may
//! borrow from the [`Holding`]: a `String` of the row is a `&str`, whose bytes are those of the table's leaf. Nothing
//! is allocated for a row.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)]
//! # pub struct Song { pub id: Auto<i64>, pub title: String, pub composer: Option<String> }
//! # fn main() -> nuages::Result<()> {
//! # let db = App::new().models(Song::app()).open_memory()?;
//! # Song::objects().create(new!(Song { title: "Nuages", composer: "Django" }), &db)?;
//! let songs = Song::objects().order_by(Song::title).values_list((Song::id, Song::title, Song::composer)).hold(&db)?;
//! let rows: Vec<(i64, &str, Option<&str>)> = songs.rows()?;
//! Song::objects().delete(&db)?; // what is held stays as it was
//! assert_eq!(rows, [(1, "Nuages", Some("Django"))]);
//! # Ok(())
//! # }
//! ```
//!
//! What can be lent as what is said by [`LendAs`]: any field as itself, a text also as a `&str`, tuples part by part. A
//! struct with `derive(Projection)` and a lifetime is lent, too:
//!
//! ```
//! # use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct Song { pub id: Auto<i64>, pub title: String }
//! #[derive(Projection)]
//! #[projection(Song)]
//! struct Title<'h> {
//!     id: i64,
//!     title: &'h str,
//! }
//!
//! # fn main() -> nuages::Result<()> {
//! # let db = App::new().models(Song::app()).open_memory()?;
//! # Song::objects().create(new!(Song { title: "Nuages" }), &db)?;
//! let songs = Song::objects().project::<Title<'_>>().hold(&db)?;
//! let titles: Vec<Title<'_>> = songs.rows()?;
//! assert_eq!((titles[0].id, titles[0].title), (1, "Nuages"));
//! # Ok(())
//! # }
//! ```

use std::marker::PhantomData;

use nuages_engine::{Batch, HeldQuery, catalog::Catalog};

use super::{Is, QuerySet, QueryState, run::columns_of};
use crate::{
    compile::Compiler,
    error::{Error, Misuse, Result},
    executor::{
        Executor, StatementKind,
        statement::{Asked, is_watched, run},
    },
    field::{DecodeError, Email, Field, Slug, StoredFile, StoredImage, Url},
    model::Model,
    read::{self, BatchRow},
};

impl<M: Model, R> QuerySet<M, R> {
    /// Holds the rows as they are now, to be read without copying their texts: see [`Holding`].
    ///
    /// Whoever holds an old state of the database keeps its memory, and makes writers copy what they change.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after `select_for_update`, which locks what may change.
    pub fn hold(&self, ex: &dyn Executor) -> Result<Holding<R>> {
        let state = self.state();
        if state.clauses().lock.is_some() {
            return Err(Misuse::NotAllowed { call: "hold", after: "select_for_update" }.into());
        }
        let compiled = Compiler::new(ex).rows(state)?;
        let shown = is_watched(ex).then(|| compiled.query.clone());
        let words = |catalog: &Catalog| shown.as_ref().map(|query| query.sql(catalog)).unwrap_or_default();
        let query = run(ex, StatementKind::Select, state.model.table, &Asked::Words(&words), |session| {
            Ok(HeldQuery::new(session, compiled.query)?)
        })?;
        Ok(Holding { query, state: state.clone(), row: PhantomData })
    }
}

/// The rows `R` of a queryset in the state of the database in which they were held. See the [module](self).
pub struct Holding<R> {
    query: HeldQuery,
    state: QueryState,
    row: PhantomData<fn() -> R>,
}

impl<R> Holding<R> {
    /// All rows, in order. The type of what is read into says what is borrowed: `Vec<(i64, &str)>`.
    ///
    /// # Errors
    /// As [`each`](Holding::each).
    pub fn rows<'h, B>(&'h self) -> Result<Vec<B>>
    where
        B: Lent<'h>,
        R: LendAs<B>,
    {
        let mut rows = Vec::new();
        self.read(|row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Calls `visit` with each row, in order, until it fails.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Song { pub id: Auto<i64>, pub title: String }
    /// # let db = App::new().models(Song::app()).open_memory()?;
    /// # Song::objects().bulk_create(["Nuages", "Daphne"].map(|title| new!(Song { title })), &db)?;
    /// let mut letters = 0;
    /// Song::objects().values_list(Song::title).hold(&db)?.each(|title: &str| {
    ///     letters += title.len();
    ///     Ok(())
    /// })?;
    /// assert_eq!(letters, 12);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Decode`] for a stored value that a field does not know; [`Misuse::Other`] for a text that is computed,
    /// and so lies nowhere, if it is wanted as a `&str`; what `visit` returns.
    pub fn each<'h, B>(&'h self, visit: impl FnMut(B) -> Result<()>) -> Result<()>
    where
        B: Lent<'h>,
        R: LendAs<B>,
    {
        self.read(visit)
    }

    fn read<'h, B>(&'h self, mut visit: impl FnMut(B) -> Result<()>) -> Result<()>
    where
        B: Lent<'h>,
        R: LendAs<B>,
    {
        let mut failed = None;
        let result = self.query.each(&mut |batch| {
            let read = batch.selection.iter().try_for_each(|row| {
                let row = LentRow { batch, row };
                visit(B::lent(&row, &mut 0).map_err(|error| self.explain(error))?)
            });
            read.map_err(|error| {
                failed = Some(error);
                // Any error ends the query; the caller sees the one above.
                nuages_engine::Error::TransactionEnded
            })
        });
        match failed {
            Some(error) => Err(error),
            None => result.map_err(|error| self.state.explain(error.into(), [])),
        }
    }

    #[cold]
    fn explain(&self, error: NotLent) -> Error {
        match error {
            NotLent::Unknown(error) => {
                read::decode_error_in(self.state.model, &columns_of(&self.state, &[], &[]), error, None)
            }
            NotLent::Computed => Misuse::Other(
                "a text that is computed lies nowhere to be borrowed from: read it as a `String`",
            )
            .into(),
        }
    }
}

/// One row of a batch that borrows from a [`Holding`].
pub struct LentRow<'b, 'h> {
    batch: &'b Batch<'h>,
    row: usize,
}

impl<'h> LentRow<'_, 'h> {
    /// The text of a column, if it is not NULL.
    #[inline]
    fn text(&self, column: usize) -> Result<Option<&'h str>, NotLent> {
        match self.batch.columns.get(column) {
            Some(column) if !column.is_null(self.row) => {
                column.lent_text(self.row).map(Some).ok_or(NotLent::Computed)
            }
            _ => Ok(None),
        }
    }

    fn as_read(&self) -> BatchRow<'_, 'h> {
        BatchRow { batch: self.batch, row: self.row }
    }
}

/// Why a row is not lent.
#[derive(Debug)]
pub enum NotLent {
    /// A field does not know its value.
    Unknown(DecodeError),
    /// A text was computed, and is not held.
    Computed,
}

/// What a row, or a part of one, is lent as by a [`Holding`] that lives for `'h`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not lent",
    note = "any field is lent, a text as a `&str`, tuples of them, and structs with a lifetime and `derive(Projection)`"
)]
pub trait Lent<'h>: Sized {
    /// Reads it from the columns that begin at `next`, and leaves `next` behind them.
    #[doc(hidden)]
    fn lent(row: &LentRow<'_, 'h>, next: &mut usize) -> Result<Self, NotLent>;
}

/// Rows of this type can be lent as a `B`.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not lent as a `{B}`",
    note = "any field is lent as itself, a text also as a `&str`, and a tuple part by part"
)]
pub trait LendAs<B> {}

/// Takes the next column.
fn take(next: &mut usize) -> usize {
    *next += 1;
    *next - 1
}

#[diagnostic::do_not_recommend]
impl<F: Field> Lent<'_> for F {
    #[inline]
    fn lent(row: &LentRow<'_, '_>, next: &mut usize) -> Result<F, NotLent> {
        F::decode(&row.as_read(), take(next)).map_err(NotLent::Unknown)
    }
}

#[diagnostic::do_not_recommend]
impl<'h> Lent<'h> for &'h str {
    #[inline]
    fn lent(row: &LentRow<'_, 'h>, next: &mut usize) -> Result<&'h str, NotLent> {
        let column = take(next);
        let unknown = || NotLent::Unknown(DecodeError::new(&row.as_read(), column, String::DATA_TYPE));
        row.text(column)?.ok_or_else(unknown)
    }
}

#[diagnostic::do_not_recommend]
impl<'h> Lent<'h> for Option<&'h str> {
    #[inline]
    fn lent(row: &LentRow<'_, 'h>, next: &mut usize) -> Result<Option<&'h str>, NotLent> {
        row.text(take(next))
    }
}

#[diagnostic::do_not_recommend]
impl<F: Field> LendAs<F> for F {}

macro_rules! texts {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<'h> LendAs<&'h str> for $type {}
        #[diagnostic::do_not_recommend]
        impl<'h> LendAs<Option<&'h str>> for Option<$type> {}
        impl Is<$type> for &str {}
        impl Is<Option<$type>> for Option<&str> {}
    )*};
}
texts! { String Slug Email Url StoredFile StoredImage }

macro_rules! tuples {
    ($($($part:ident $lent:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<'h, $($lent: Lent<'h>),*> Lent<'h> for ($($lent,)*) {
            #[inline]
            fn lent(row: &LentRow<'_, 'h>, next: &mut usize) -> Result<Self, NotLent> {
                Ok(($($lent::lent(row, next)?,)*))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: LendAs<$lent>, $lent),*> LendAs<($($lent,)*)> for ($($part,)*) {}
    )*};
}
tuples! {
    A LentA;
    A LentA B LentB;
    A LentA B LentB C LentC;
    A LentA B LentB C LentC D LentD;
    A LentA B LentB C LentC D LentD E LentE;
    A LentA B LentB C LentC D LentD E LentE F LentF;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG H LentH;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG H LentH I LentI;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG H LentH I LentI J LentJ;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG H LentH I LentI J LentJ K LentK;
    A LentA B LentB C LentC D LentD E LentE F LentF G LentG H LentH I LentI J LentJ K LentK L LentL;
}
