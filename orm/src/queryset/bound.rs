//! `.on(&db)`: a queryset that knows where it runs, reads its rows once and keeps them, as Django's does.
//!
//! It is fallible where it reads, so there is neither `Index` nor `IntoIterator`: `posts.iter()?`, `posts.len()?`.
//! What Django answers from the rows that were read, [`BoundQuerySet`] answers from them too; what Django asks the
//! database for as long as nothing was read (`count`, `exists`, one row by its place, a slice) is a query here too,
//! and keeps nothing.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] #[model(ordering = [id])] pub struct Post { pub id: Auto<i64>, pub title: String }
//! # let db = App::new().models(Post::app()).open_memory()?;
//! # Post::objects().bulk_create(["Minor Swing", "Nuages", "Daphne"].map(|title| new!(Post { title })), &db)?;
//! let watch = db.capture();
//! let posts = Post::objects().on(&db);
//! for post in posts.iter()? {
//!     println!("{}", post.title);
//! }
//! assert_eq!((posts.len()?, posts.is_empty()?, posts.count()?), (3, false, 3));
//! assert_eq!(posts.get(1)?.map(|post| post.title.clone()), Some("Nuages".into()));
//! assert_eq!(posts.range_by(.., 2)?.len(), 2);
//! assert_eq!(watch.len(), 1);
//! # Ok::<(), Error>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::OnceLock;

use super::build::Queryset;
use super::run::is_ordered;
use super::{QuerySet, QueryState};
use crate::assignment::Assignments;
use crate::delete::Deleted;
use crate::error::{Error, Misuse, Result};
use crate::executor::Executor;
use crate::model::Model;
use crate::row::Row;

/// A repr shows so many rows; the number is Django's.
const REPR_ROWS_MAX: usize = 20;

/// A queryset on an executor. See the [module](self).
///
/// It is a [`Queryset`] itself: `posts.filter(..)` goes on from it with nothing read. A clone has read nothing
/// either, as Django's `posts.all()`.
#[must_use = "a queryset is lazy: it does nothing until it is read"]
pub struct BoundQuerySet<'x, M, R = M> {
    queryset: QuerySet<M, R>,
    ex: &'x dyn Executor,
    rows: OnceLock<Vec<R>>,
}

impl<M: Model, R> QuerySet<M, R> {
    /// The queryset on an executor: its rows are read when they are first needed, and kept. See
    /// [`BoundQuerySet`].
    pub const fn on(self, ex: &dyn Executor) -> BoundQuerySet<'_, M, R> {
        BoundQuerySet { queryset: self, ex, rows: OnceLock::new() }
    }
}

impl<'x, M: Model, R> BoundQuerySet<'x, M, R> {
    /// The queryset, for verbs that this type has not.
    pub const fn queryset(&self) -> &QuerySet<M, R> {
        &self.queryset
    }

    /// Where it runs.
    pub const fn executor(&self) -> &'x dyn Executor {
        self.ex
    }

    /// Keeps rows that were read, unless some are kept already.
    pub(crate) fn keep(&self, rows: Vec<R>) {
        let _ = self.rows.set(rows);
    }

    /// Forgets the rows that were read.
    pub(crate) fn forget(&mut self) {
        self.rows.take();
    }

    /// Whether its rows were read.
    pub fn is_read(&self) -> bool {
        self.rows.get().is_some()
    }

    /// [`QuerySet::update`]. Rows that were read are forgotten.
    ///
    /// # Errors
    /// As [`QuerySet::update`].
    pub fn update(&mut self, assignments: impl Assignments<M>) -> Result<u64> {
        self.forget();
        self.queryset.update(assignments, self.ex)
    }

    /// [`QuerySet::delete`]. Rows that were read are forgotten.
    ///
    /// # Errors
    /// As [`QuerySet::delete`].
    pub fn delete(&mut self) -> Result<Deleted> {
        self.forget();
        self.queryset.delete(self.ex)
    }
}

impl<M: Model, R: Row> BoundQuerySet<'_, M, R> {
    /// The rows, read by the first call and kept.
    ///
    /// # Errors
    /// As [`QuerySet::all`]. What failed is asked again by the next call.
    pub fn rows(&self) -> Result<&[R]> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        let rows = self.queryset.all(self.ex)?;
        Ok(self.rows.get_or_init(|| rows))
    }

    /// The rows, to be owned.
    ///
    /// # Errors
    /// As [`rows`](BoundQuerySet::rows).
    pub fn into_rows(self) -> Result<Vec<R>> {
        let BoundQuerySet { queryset, ex, rows } = self;
        rows.into_inner().map_or_else(|| queryset.all(ex), Ok)
    }

    /// The rows one after the other.
    ///
    /// # Errors
    /// As [`rows`](BoundQuerySet::rows).
    pub fn iter(&self) -> Result<std::slice::Iter<'_, R>> {
        Ok(self.rows()?.iter())
    }

    /// How many rows there are, by reading them all; [`count`](BoundQuerySet::count) reads none.
    ///
    /// # Errors
    /// As [`rows`](BoundQuerySet::rows).
    pub fn len(&self) -> Result<usize> {
        Ok(self.rows()?.len())
    }

    /// Whether there is no row, by reading them all; [`exists`](BoundQuerySet::exists) reads none.
    ///
    /// # Errors
    /// As [`rows`](BoundQuerySet::rows).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.rows()?.is_empty())
    }

    /// How many rows there are: of those that were read, or by a query of its own.
    ///
    /// # Errors
    /// As [`QuerySet::count`].
    pub fn count(&self) -> Result<u64> {
        self.rows.get().map_or_else(|| self.queryset.count(self.ex), |rows| Ok(rows.len() as u64))
    }

    /// Whether there is a row: of those that were read, or by a query of its own.
    ///
    /// # Errors
    /// As [`QuerySet::exists`].
    pub fn exists(&self) -> Result<bool> {
        self.rows.get().map_or_else(|| self.queryset.exists(self.ex), |rows| Ok(!rows.is_empty()))
    }
}

impl<M: Model, R: Row + Clone> BoundQuerySet<'_, M, R> {
    /// The row at a place, counted from 0: of those that were read, or by a query of its own that is not kept.
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn get(&self, index: usize) -> Result<Option<Cow<'_, R>>> {
        match self.rows.get() {
            Some(rows) => Ok(rows.get(index).map(Cow::Borrowed)),
            None => {
                let rows = self.queryset.clone().slice(index..=index).all(self.ex)?;
                Ok(rows.into_iter().next().map(Cow::Owned))
            }
        }
    }

    /// A run of the rows: of those that were read, or by a query of its own that is not kept. What lies beyond the
    /// last row is left out.
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn range(&self, range: impl RangeBounds<usize>) -> Result<Cow<'_, [R]>> {
        let (start, end) = bounds(&range);
        match self.rows.get() {
            Some(rows) => {
                let end = end.min(rows.len());
                Ok(Cow::Borrowed(rows.get(start.min(end)..end).unwrap_or_default()))
            }
            None => Ok(Cow::Owned(self.queryset.clone().slice(range_of(start, end)).all(self.ex)?)),
        }
    }

    /// Every `step`-th row of a run, beginning with its first: Django's `posts[start:end:step]`.
    ///
    /// # Errors
    /// [`Misuse::Other`] for a step of 0; as [`range`](BoundQuerySet::range).
    pub fn range_by(&self, range: impl RangeBounds<usize>, step: usize) -> Result<Vec<R>> {
        if step == 0 {
            return Err(Misuse::Other("a slice goes on by at least one row: its step cannot be 0").into());
        }
        Ok(match self.range(range)? {
            Cow::Borrowed(rows) => rows.iter().step_by(step).cloned().collect(),
            Cow::Owned(rows) => rows.into_iter().step_by(step).collect(),
        })
    }

    /// The first row: of those that were read if they have an order, else as [`QuerySet::first`].
    ///
    /// # Errors
    /// As [`QuerySet::first`].
    pub fn first(&self) -> Result<Option<Cow<'_, R>>> {
        match self.rows.get() {
            Some(rows) if is_ordered(self.queryset.state()) => Ok(rows.first().map(Cow::Borrowed)),
            _ => Ok(self.queryset.first(self.ex)?.map(Cow::Owned)),
        }
    }

    /// The last row, always by a query of its own; [`QuerySet::last`].
    ///
    /// # Errors
    /// As [`QuerySet::last`].
    pub fn last(&self) -> Result<Option<R>> {
        self.queryset.last(self.ex)
    }
}

impl<M: Model + Row> BoundQuerySet<'_, M> {
    /// Whether an instance's row is among the rows: those that were read, or by a query of its own.
    ///
    /// # Errors
    /// As [`QuerySet::contains`].
    pub fn contains(&self, instance: &M) -> Result<bool> {
        let Some(rows) = self.rows.get() else { return self.queryset.contains(instance, self.ex) };
        let key = instance.pk().ok_or(Error::Unsaved { model: M::NAME, wanted: "contains" })?;
        Ok(rows.iter().any(|row| row.pk().as_ref() == Some(&key)))
    }
}

impl<M: Model, R: Row + fmt::Debug> BoundQuerySet<'_, M, R> {
    /// The rows as Django's `repr` shows them: the first 20, and that there are more. If nothing was read, it reads
    /// no more than these and keeps nothing.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Tag { pub id: Auto<i64>, pub name: String }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// # Tag::objects().bulk_create(["Go", "Rust"].map(|name| new!(Tag { name })), &db)?;
    /// let names = Tag::objects().values_list(Tag::name).order_by(Tag::name).on(&db);
    /// assert_eq!(names.repr()?, r#"<QuerySet ["Go", "Rust"]>"#);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`QuerySet::all`].
    pub fn repr(&self) -> Result<String> {
        let shown = |rows: &[R]| format!("<QuerySet {:?}>", Shown(rows));
        match self.rows.get() {
            Some(rows) => Ok(shown(rows)),
            None => Ok(shown(&self.queryset.clone().slice(..=REPR_ROWS_MAX).all(self.ex)?)),
        }
    }
}

/// It reads, as [`repr`](BoundQuerySet::repr); an error stands in the place of the rows.
impl<M: Model, R: Row + fmt::Debug> fmt::Debug for BoundQuerySet<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr() {
            Ok(repr) => f.write_str(&repr),
            Err(error) => write!(f, "<QuerySet unreadable: {error}>"),
        }
    }
}

/// A clone that has read nothing.
impl<M, R> Clone for BoundQuerySet<'_, M, R> {
    fn clone(&self) -> Self {
        BoundQuerySet { queryset: self.queryset.clone(), ex: self.ex, rows: OnceLock::new() }
    }
}

impl<M: Model, R> Queryset for BoundQuerySet<'_, M, R> {
    type Model = M;
    type Row = R;

    fn state(&self) -> &QueryState {
        self.queryset.state()
    }

    fn state_mut(&mut self) -> &mut QueryState {
        self.rows.take();
        self.queryset.state_mut()
    }
}

/// Rows as a list for people, which ends after twenty.
struct Shown<'r, R>(&'r [R]);

impl<R: fmt::Debug> fmt::Debug for Shown<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.0.iter().take(REPR_ROWS_MAX));
        if self.0.len() > REPR_ROWS_MAX {
            list.entry(&format_args!("'...(remaining elements truncated)...'"));
        }
        list.finish()
    }
}

/// From which place to before which.
fn bounds(range: &impl RangeBounds<usize>) -> (usize, usize) {
    let start = match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => usize::MAX,
    };
    (start, end)
}

/// The same as a range for a slice, without a limit if there is none.
fn range_of(start: usize, end: usize) -> (Bound<usize>, Bound<usize>) {
    let end = if end == usize::MAX { Bound::Unbounded } else { Bound::Excluded(end) };
    (Bound::Included(start), end)
}
