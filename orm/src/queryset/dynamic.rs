//! Querysets of models that are known by name only: for admin screens, fixtures, consoles and search forms.
//!
//! `QuerySet<Dynamic, Record>` says in words what a typed queryset says in tokens: the same conditions, orders and
//! verbs, over the same untyped core. A name that is none is an [`Error::UnknownName`] with what there is and what
//! was probably meant, told at once by the call. Records are stored through their model's own type, so defaults,
//! receivers and overridden hooks are what they are for instances.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)]
//! # #[model(app = "blog")]
//! # pub struct Post { pub id: Auto<i64>, #[field(max_length = 200)] pub title: String, #[field(default = 0)] pub views: u32 }
//! # let db = App::new().models(Post::app()).open_memory()?;
//! let posts = db.objects("blog.Post")?;
//! posts.create([("title", "Nuages")], &db)?;
//! posts.create([("title", "Daphne")], &db)?;
//!
//! let found = posts.clone().filter(("title__icontains", "nua"))?;
//! assert_eq!(found.update([("views", 1_937)], &db)?, 1);
//! for post in posts.clone().filter(Words::new("views__gt", 0) | Words::new("title", "Django"))?.all(&db)? {
//!     println!("{} was seen {} times", post.get("title")?, post.get("views")?);
//! }
//! let rows = posts.clone().order_by(["-views", "title"])?.values(["title"])?.all(&db)?;
//! assert_eq!(rows[0]["title"].as_text(), Some("Nuages"));
//!
//! let wrong = posts.filter(("titel", "Nuages")).map(drop);
//! assert!(wrong.is_err_and(|error| error.to_string().contains("did you mean \"title\"?")));
//! # Ok::<(), Error>(())
//! ```
//!
//! Order of reading: this file; `record` ([`Record`], a row by name, and how it is stored); `conditions` ([`Words`]).

mod conditions;
pub(crate) mod record;

use std::ops::RangeBounds;

use super::{
    QuerySet, QueryState,
    build::slice_of,
    get::{only_row_of, unordered},
    run::{is_empty, lock, order_by_key},
    state::{Ordering, Shape, Slice},
    summary::{count, exists},
    write::update,
};
use crate::{
    app::App,
    assignment::AssignmentNode,
    compile::Compiler,
    delete::{self, Deleted},
    error::{Error, GET_ROWS_MAX, Misuse, Result, UnknownName},
    executor::{Db, Executor, finish_write},
    field::RowReader,
    meta::ModelMeta,
    model::Model,
    node::{Node, Operator, Step},
    read,
    row::ValuesRow,
    words,
};

pub use conditions::Words;
pub use record::Record;

use nuages_engine::algebra::DateUnit;
use nuages_storage::{DataType, Value};

/// Stands for a model that is known by name only.
pub struct Dynamic;

/// What a queryset of a model known by name yields: a [`Record`], or a map of values.
pub trait NamedRow: Sized {
    /// Reads a row of the model, whose columns have these names if they were chosen.
    #[doc(hidden)]
    fn read<R: RowReader + ?Sized>(row: &R, model: &'static ModelMeta, names: &[String]) -> Self;
}

impl NamedRow for ValuesRow {
    fn read<R: RowReader + ?Sized>(row: &R, _: &'static ModelMeta, names: &[String]) -> Self {
        names.iter().enumerate().map(|(column, name)| (name.clone(), row.value(column))).collect()
    }
}

impl App {
    /// The description of a model by its label, `blog.Post`, or by its name alone where only one app has it. Case
    /// does not matter in a model's name, as in Django.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the labels there are.
    pub fn meta_named(&self, label: &str) -> Result<&'static ModelMeta> {
        let is_meant = |meta: &ModelMeta| match label.split_once('.') {
            Some((app, name)) => meta.app == app && meta.name.eq_ignore_ascii_case(name),
            None => meta.name.eq_ignore_ascii_case(label),
        };
        let mut found = self.metas().filter(|meta| is_meant(meta));
        match (found.next(), found.next()) {
            (Some(meta), None) => Ok(meta),
            _ => {
                let labels = self.metas().map(ToString::to_string).collect();
                Err(UnknownName::among("the app".to_owned(), label, labels))
            }
        }
    }

    /// The rows of a model by its label: those of its default manager.
    ///
    /// # Errors
    /// As [`App::meta_named`].
    pub fn objects(&self, label: &str) -> Result<QuerySet<Dynamic, Record>> {
        let meta = self.meta_named(label)?;
        let typed = self.typed(meta).ok_or(Error::Unregistered { model: meta.name })?;
        let mut state = (typed.objects)();
        if !self.vocabulary().is_empty() {
            state.clauses_mut().vocabulary = Some(self.vocabulary().clone());
        }
        Ok(QuerySet::from_state(state))
    }
}

impl Db {
    /// The rows of a model by its label, `blog.Post`; [`App::objects`].
    ///
    /// # Errors
    /// As [`App::meta_named`].
    pub fn objects(&self, label: &str) -> Result<QuerySet<Dynamic, Record>> {
        self.shared().app().objects(label)
    }
}

impl<M: Model, R> QuerySet<M, R> {
    /// The same rows as records, to be spoken of in words from here on. What was annotated is in no record, but
    /// [`values`](QuerySet::values) may name it. Rows that are values already are an error of the verb.
    pub fn records(self) -> QuerySet<Dynamic, Record> {
        let mut state = self.into_state();
        if !matches!(state.clauses().shape, Shape::Instances) {
            state.misuse(Misuse::NotAllowed { call: "records", after: "values" });
        }
        QuerySet::from_state(state)
    }
}

/// The calls that say which rows, in words.
impl<R> QuerySet<Dynamic, R> {
    /// The model.
    pub const fn meta(&self) -> &'static ModelMeta {
        self.state().model
    }

    /// Only rows that meet the condition: `("title__icontains", "nua")`, or [`Words`] joined by `&`, `|` and `!`.
    /// Over a to-many relation, everything in one call speaks of one related row.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn filter(self, condition: impl Into<Words>) -> Result<Self> {
        self.condition("filter", &condition.into(), false)
    }

    /// Only rows that do not meet the condition.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn exclude(self, condition: impl Into<Words>) -> Result<Self> {
        self.condition("exclude", &condition.into(), true)
    }

    fn condition(mut self, call: &'static str, words: &Words, exclude: bool) -> Result<Self> {
        let condition = words.node(self.meta(), self.state().vocabulary())?;
        self.state_mut().condition(call, condition, exclude);
        Ok(self)
    }

    /// In this order: `["-created_at", "author__username"]`. Of no name, in no order.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn order_by(mut self, order: impl IntoIterator<Item: AsRef<str>>) -> Result<Self> {
        let model = self.meta();
        let vocabulary = self.state().vocabulary();
        let keys = order.into_iter().map(|words| words::order(model, vocabulary, words.as_ref()));
        let keys = keys.collect::<Result<_>>()?;
        let state = self.state_mut();
        state.refuse_after_slice("order_by");
        state.clauses_mut().ordering = Ordering::By(keys);
        Ok(self)
    }

    /// In the opposite order.
    pub fn reverse(mut self) -> Self {
        let state = self.state_mut();
        state.refuse_after_slice("reverse");
        let clauses = state.clauses_mut();
        clauses.reversed = !clauses.reversed;
        self
    }

    /// Each row once.
    pub fn distinct(mut self) -> Self {
        let state = self.state_mut();
        state.refuse_after_slice("distinct");
        state.clauses_mut().distinct = super::state::Distinct::Rows;
        self
    }

    /// A run of the rows. A slice of a slice counts from its first row.
    pub fn slice(mut self, range: impl RangeBounds<usize>) -> Self {
        let clauses = self.state_mut().clauses_mut();
        clauses.slice = clauses.slice.then(slice_of(&range));
        self
    }

    /// No row, and no query.
    pub fn none(mut self) -> Self {
        self.state_mut().clauses_mut().empty = true;
        self
    }

    /// Rows as maps from these names, which may lead to other models or be those of annotations, to values:
    /// `["title", "author__username"]`. Of no name, all columns.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Misuse::AliasNotSelected`].
    pub fn values(
        mut self,
        names: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<QuerySet<Dynamic, ValuesRow>> {
        let model = self.meta();
        let vocabulary = self.state().vocabulary();
        let columns = names.into_iter().map(|words| {
            if let Some(annotation) = self.state().annotation_named(words.as_ref())? {
                return Ok(annotation);
            }
            match words::path(model, vocabulary, words.as_ref())? {
                path @ Node::Path(_) => Ok(path),
                transformed => Ok(Node::Named(words.as_ref().into(), transformed.into())),
            }
        });
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            columns = self.state().everything();
        }
        let annotations_before = self.state().annotation_count();
        self.state_mut().clauses_mut().shape = Shape::Values { columns, annotations_before };
        Ok(QuerySet::from_state(self.into_state()))
    }
}

/// Which days the rows are of.
impl QuerySet<Dynamic, Record> {
    /// The first days of the years, months, weeks or days that the rows are of, each once and in order, under the name
    /// `datefield`; as [`dates`](QuerySet::dates) of a typed queryset. `kind` is `year`, `month`, `week` or `day`.
    ///
    /// # Errors
    /// [`Error::UnknownName`], also for a kind that is none; [`Misuse::WrongField`] for what has no day.
    pub fn dates(self, name: &str, kind: &str) -> Result<QuerySet<Dynamic, ValuesRow>> {
        let unit = unit_named("dates", kind, &DATE_KINDS[..4])?;
        let (value, data_type) = self.value_named(name)?;
        let day = match data_type {
            Some(DataType::Date) => value.clone(),
            Some(DataType::Timestamp) => Node::call(Operator::DateOf, [value.clone()]),
            _ => return Err(self.wrong_field("dates", name, "a date, or an instant")),
        };
        Ok(self.distinct_days("dates", value, Node::call(Operator::Truncate(unit), [day])))
    }

    /// The beginnings of the years, months, .. seconds that the rows are of, in the executor's time zone, each once and
    /// in order, under the name `datefield`. `kind` is one of those of [`dates`](QuerySet::dates), `hour`, `minute` or
    /// `second`.
    ///
    /// # Errors
    /// As [`dates`](QuerySet::dates).
    pub fn datetimes(self, name: &str, kind: &str) -> Result<QuerySet<Dynamic, ValuesRow>> {
        let unit = unit_named("datetimes", kind, &DATE_KINDS)?;
        let (value, data_type) = self.value_named(name)?;
        if data_type != Some(DataType::Timestamp) {
            return Err(self.wrong_field("datetimes", name, "an instant"));
        }
        let instant = Node::call(Operator::Truncate(unit), [value.clone()]);
        Ok(self.distinct_days("datetimes", value, instant))
    }

    fn value_named(&self, name: &str) -> Result<(Node, Option<DataType>)> {
        words::value(self.meta(), self.state().vocabulary(), name)
    }

    fn wrong_field(&self, call: &'static str, name: &str, expected: &'static str) -> Error {
        Misuse::WrongField { call, model: self.meta().name, field: name.to_owned(), expected }.into()
    }

    fn distinct_days(self, call: &'static str, value: Node, truncated: Node) -> QuerySet<Dynamic, ValuesRow> {
        let mut state = self.into_state();
        state.distinct_values(call, value, truncated);
        QuerySet::from_state(state)
    }
}

/// The kinds of `dates` and `datetimes`, in Django's words; the first four are of days.
const DATE_KINDS: [(&str, DateUnit); 7] = [
    ("year", DateUnit::Year),
    ("month", DateUnit::Month),
    ("week", DateUnit::Week),
    ("day", DateUnit::Day),
    ("hour", DateUnit::Hour),
    ("minute", DateUnit::Minute),
    ("second", DateUnit::Second),
];

fn unit_named(call: &str, kind: &str, kinds: &[(&str, DateUnit)]) -> Result<DateUnit> {
    match kinds.iter().find(|(word, _)| *word == kind) {
        Some((_, unit)) => Ok(*unit),
        None => {
            let choices = kinds.iter().map(|(word, _)| (*word).to_owned()).collect();
            Err(UnknownName::among(call.to_owned(), kind, choices))
        }
    }
}

/// The verbs that do not read rows.
impl<R> QuerySet<Dynamic, R> {
    /// How many rows there are.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a chain of calls that makes no sense.
    pub fn count(&self, ex: &dyn Executor) -> Result<u64> {
        count(self.state(), ex)
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// As [`count`](QuerySet::count).
    pub fn exists(&self, ex: &dyn Executor) -> Result<bool> {
        exists(self.state(), ex)
    }

    /// Writes columns of all rows by one statement and says how many rows it hit. Text is converted to the type of
    /// the column.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for what is no column of the model itself; [`Error::Validation`] for a value that the
    /// field cannot hold; as `update` of a typed queryset.
    pub fn update<N: AsRef<str>, V: Into<Value>>(
        &self,
        values: impl IntoIterator<Item = (N, V)>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        let model = self.meta();
        let typed = ex.shared().app().typed(model).ok_or(Error::Unregistered { model: model.name })?;
        let assignments = values.into_iter().map(|(name, value)| {
            let (above, owner, field) = words::written_place(model, name.as_ref())?;
            let value = record::converted(owner, field, value.into())?;
            if !value.is_null() && owner == model {
                (typed.can_hold)(field, &value)?;
            }
            Ok(AssignmentNode { above, step: Step::Field(field), value: Node::Value(value) })
        });
        let assignments = assignments.collect::<Result<Vec<_>>>()?;
        finish_write(ex, update(self.state(), &assignments, ex))
    }

    /// Deletes all rows and what their foreign keys say.
    ///
    /// # Errors
    /// As `delete` of a typed queryset.
    pub fn delete(&self, ex: &dyn Executor) -> Result<Deleted> {
        finish_write(ex, delete::by_queryset(self.state(), ex))
    }

    /// Stores a new row, as `create` of a typed queryset does, and returns it. Text is converted to the type of the
    /// column; what is not named has its default.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Validation`] for a text that is no value of its column;
    /// [`Error::Integrity`], also for a column that is not named and has no default.
    pub fn create<N: AsRef<str>, V: Into<Value>>(
        &self,
        values: impl IntoIterator<Item = (N, V)>,
        ex: &dyn Executor,
    ) -> Result<Record> {
        let model = self.meta();
        let typed = ex.shared().app().typed(model).ok_or(Error::Unregistered { model: model.name })?;
        let values = values.into_iter().map(|(name, value)| {
            let field = words::own_column(model, name.as_ref())?;
            Ok((field, record::converted(model, field, value.into())?))
        });
        finish_write(ex, (typed.create)(&values.collect::<Result<Vec<_>>>()?, ex))
    }
}

/// The verbs that read rows.
impl<R: NamedRow> QuerySet<Dynamic, R> {
    /// All rows, in order.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a chain of calls that makes no sense.
    pub fn all(&self, ex: &dyn Executor) -> Result<Vec<R>> {
        rows(self.state(), ex)
    }

    /// The only row that meets a condition.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`], [`Error::MultipleObjectsReturned`]; [`Error::UnknownName`].
    pub fn get(&self, condition: impl Into<Words>, ex: &dyn Executor) -> Result<R> {
        let mut state = self.clone().filter(condition)?.into_state();
        unordered(&mut state);
        limit(&mut state, GET_ROWS_MAX + 1);
        only_row_of(state.model.name, rows(&state, ex)?)
    }

    /// The first row; of a queryset without an order, the one with the least key.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all).
    pub fn first(&self, ex: &dyn Executor) -> Result<Option<R>> {
        let mut state = self.state().clone();
        order_by_key(&mut state);
        limit(&mut state, 1);
        Ok(rows(&state, ex)?.pop())
    }

    /// The last row; of a queryset without an order, the one with the greatest key.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after a slice.
    pub fn last(&self, ex: &dyn Executor) -> Result<Option<R>> {
        let mut state = self.state().clone();
        state.refuse_after_slice("last");
        order_by_key(&mut state);
        let clauses = state.clauses_mut();
        clauses.reversed = !clauses.reversed;
        limit(&mut state, 1);
        Ok(rows(&state, ex)?.pop())
    }
}

fn limit(state: &mut QueryState, count: u64) {
    let clauses = state.clauses_mut();
    clauses.slice = clauses.slice.then(Slice { offset: 0, count: Some(count) });
}

fn rows<R: NamedRow>(state: &QueryState, ex: &dyn Executor) -> Result<Vec<R>> {
    state.sound()?;
    lock(state, ex)?;
    if is_empty(state) {
        return Ok(Vec::new());
    }
    let compiled = Compiler::new(ex).rows(state)?;
    let names = state.names();
    read::fetch(ex, state.model, &compiled.query, |row| Ok(R::read(row, state.model, &names)))
}
