//! From the engine's batches to rows of a queryset.
//!
//! A row is read in place: [`BatchRow`] is one row of a batch, [`StoredRow`] one row of a table under the latch, and
//! a field takes its value from either without a [`Value`] in between.

use jiff::{SignedDuration, Timestamp, civil};
use nuages_engine::{Batch, Error as EngineError, Prepared, Vector, algebra::Query, bits::WORD_ROWS};
use nuages_storage::{DataType, RowRef, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    executor::{
        Executor, StatementKind,
        statement::{Asked, is_watched, run},
    },
    field::{DecodeError, RowReader},
    meta::ModelMeta,
    node::Node,
    row::{Columns, Joined, Row},
    schema::Bound,
};

/// One row of a batch.
pub(crate) struct BatchRow<'b, 'v> {
    pub(crate) batch: &'b Batch<'v>,
    pub(crate) row: usize,
}

impl BatchRow<'_, '_> {
    #[inline]
    fn column(&self, index: usize) -> Option<&Vector<'_>> {
        self.batch.columns.get(index)
    }
}

/// A method that asks the column's vector for its own kind of value.
macro_rules! from_vector {
    ($($method:ident -> $type:ty,)*) => {$(
        #[inline]
        fn $method(&self, column: usize) -> Option<$type> {
            self.column(column)?.$method(self.row)
        }
    )*};
}

impl RowReader for BatchRow<'_, '_> {
    #[inline]
    fn is_null(&self, column: usize) -> bool {
        self.column(column).is_none_or(|column| column.is_null(self.row))
    }

    from_vector! {
        bool -> bool,
        text -> &str,
        bytes -> &[u8],
        date -> civil::Date,
        time -> civil::Time,
        timestamp -> Timestamp,
        duration -> SignedDuration,
        uuid -> Uuid,
    }

    #[inline]
    fn int(&self, column: usize) -> Option<i64> {
        match self.column(column)? {
            column @ (Vector::Word { .. } | Vector::Constant { .. }) => column.int(self.row),
            other => other.value(self.row).as_int(),
        }
    }

    #[inline]
    fn float(&self, column: usize) -> Option<f64> {
        match self.column(column)? {
            column @ Vector::Word { kind: DataType::Float, .. } => column.float(self.row),
            other => other.value(self.row).as_float(),
        }
    }

    fn decimal(&self, column: usize) -> Option<Decimal> {
        let column = self.column(column)?;
        column.decimal(self.row).or_else(|| column.value(self.row).as_decimal())
    }

    fn json(&self, column: usize) -> Option<serde_json::Value> {
        self.column(column)?.json(self.row).map(std::borrow::Cow::into_owned)
    }

    fn value(&self, column: usize) -> Value {
        self.column(column).map_or(Value::Null, |column| column.value(self.row))
    }
}

/// One row of a model's table, by the positions of the model's columns.
pub(crate) struct StoredRow<'b, 'v> {
    pub(crate) row: RowRef<'v>,
    pub(crate) bound: &'b Bound,
}

/// A method that goes through [`Value`], which none of these types costs an allocation.
macro_rules! from_value {
    ($($method:ident -> $type:ty = $class:ident,)*) => {$(
        fn $method(&self, column: usize) -> Option<$type> {
            match RowReader::value(self, column) {
                Value::$class(value) => Some(value),
                _ => None,
            }
        }
    )*};
}

impl RowReader for StoredRow<'_, '_> {
    #[inline]
    fn is_null(&self, column: usize) -> bool {
        self.row.null(self.bound.slots[column])
    }

    #[inline]
    fn bool(&self, column: usize) -> Option<bool> {
        (!self.is_null(column)).then(|| self.row.bool(self.bound.slots[column]))
    }

    #[inline]
    fn int(&self, column: usize) -> Option<i64> {
        self.row.present_word(self.bound.slots[column]).map(u64::cast_signed)
    }

    #[inline]
    fn float(&self, column: usize) -> Option<f64> {
        self.row.present_word(self.bound.slots[column]).map(f64::from_bits)
    }

    #[inline]
    fn text(&self, column: usize) -> Option<&str> {
        self.row.text(self.bound.slots[column])
    }

    #[inline]
    fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.row.bytes(self.bound.slots[column])
    }

    from_value! {
        decimal -> Decimal = Decimal,
        date -> civil::Date = Date,
        time -> civil::Time = Time,
        timestamp -> Timestamp = Timestamp,
        duration -> SignedDuration = Duration,
        uuid -> Uuid = Uuid,
    }

    fn json(&self, column: usize) -> Option<serde_json::Value> {
        match RowReader::value(self, column) {
            Value::Json(value) => Some(*value),
            _ => None,
        }
    }

    fn value(&self, column: usize) -> Value {
        self.row.value(self.bound.slots[column], &self.bound.types[column])
    }
}

/// A stored value that a field does not know, with the names it has in the model.
pub(crate) fn decode_error(meta: &'static ModelMeta, error: DecodeError) -> Error {
    decode_error_in(meta, &Columns::default(), error, None)
}

/// The same of a result with these columns; the row tells its key.
pub(crate) fn decode_error_in(
    meta: &'static ModelMeta,
    columns: &Columns<'_>,
    error: DecodeError,
    row: Option<&dyn RowReader>,
) -> Error {
    let Place { table, column, key } = Place::of(meta, columns, error.column);
    let pk = row.zip(key).map(|(row, key)| Box::new(row.value(key)));
    Error::Decode { table, column, pk, value: Box::new(error.found) }
}

/// What a column of a result is, by the names it has in its model.
struct Place {
    table: &'static str,
    column: &'static str,
    /// The column of the result that has the primary key of the same row, if that is of one part.
    key: Option<usize>,
}

impl Place {
    fn of(meta: &'static ModelMeta, columns: &Columns<'_>, column: usize) -> Place {
        if let Some(node) = columns.selected.get(column) {
            let (table, column) = column_of(meta, node).unwrap_or((meta.table, "an expression"));
            return Place { table, column, key: None };
        }
        Place::among(meta, 0, columns.read, columns.joined, column).unwrap_or(Place {
            table: meta.table,
            column: "an annotation",
            key: None,
        })
    }

    /// In a model whose columns begin at an offset, or in what is joined to it.
    fn among(
        meta: &'static ModelMeta,
        offset: usize,
        read: Option<&[u16]>,
        joined: &[Joined],
        column: usize,
    ) -> Option<Place> {
        let own = column.checked_sub(offset).and_then(|position| match read {
            None => meta.columns().nth(position).map(|(_, field)| field),
            Some(read) => meta.field(*read.get(position)?),
        });
        if let Some(field) = own {
            let key = match (meta.primary_key, read) {
                ([key], None) => Some(offset + meta.position(*key)),
                ([key], Some(read)) => read.iter().position(|one| one == key).map(|at| offset + at),
                _ => None,
            };
            return Some(Place { table: meta.table, column: field.column, key });
        }
        joined.iter().find_map(|one| {
            let related = meta.field(one.field)?.related_model()?;
            Place::among(related, one.offset, one.read.as_deref(), &one.joined, column)
        })
    }
}

/// The table and column that an expression is, or is an aggregate of.
fn column_of(meta: &'static ModelMeta, node: &Node) -> Option<(&'static str, &'static str)> {
    match node.unnamed() {
        Node::Path(path) => {
            let (last, before) = path.steps().split_last()?;
            let model = before.iter().try_fold(meta, |model, step| step.target(model))?;
            Some((model.table, last.field(model)?.column))
        }
        Node::Aggregate(aggregate) => column_of(meta, aggregate.argument.as_ref()?),
        _ => None,
    }
}

/// What is asked of the engine: a query that is planned for this once, or one that was prepared.
pub(crate) enum Question<'q> {
    Once(Query),
    Prepared(&'q Prepared, &'q [Value]),
    /// One that is kept, but not prepared, or not for this database.
    OnceWith(&'q Query, &'q [Value]),
}

impl From<Query> for Question<'_> {
    fn from(query: Query) -> Self {
        Question::Once(query)
    }
}

impl<'q> From<&'q Query> for Question<'q> {
    fn from(query: &'q Query) -> Self {
        Question::OnceWith(query, &[])
    }
}

/// Asks and calls `visit` with each batch of rows, in order, until it fails.
///
/// A short prepared query is answered under the latch, so `visit` must not call back into the database.
fn each_batch(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: Question<'_>,
    visit: &mut dyn FnMut(&Batch<'_>) -> Result<()>,
) -> Result<()> {
    // What is watched is put into words afterwards, so it is not given away.
    let kept;
    let question = match question {
        Question::Once(query) if is_watched(ex) => {
            kept = query;
            Question::OnceWith(&kept, &[])
        }
        other => other,
    };
    let asked = match question {
        Question::Once(_) => Asked::Unwatched,
        Question::OnceWith(query, values) => Asked::Query(query, values),
        Question::Prepared(prepared, values) => Asked::Query(prepared.query(), values),
    };
    let mut failed = None;
    let mut each = |batch: &Batch<'_>| {
        visit(batch).map_err(|error| {
            failed = Some(error);
            // Any error ends the query; the caller sees the one above.
            EngineError::TransactionEnded
        })
    };
    let result = run(ex, StatementKind::Select, meta.table, &asked, |session| {
        Ok(match question {
            Question::Once(query) => session.query_once(query, &[], &mut each),
            Question::OnceWith(query, values) => session.query_each(query, values, &mut each),
            Question::Prepared(prepared, values) => session.run(prepared, values, &mut each),
        }?)
    });
    failed.map_or(result, Err)
}

/// Runs a query and calls `visit` with each row, in order, until it fails.
pub(crate) fn each(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    query: &Query,
    visit: &mut dyn FnMut(&BatchRow<'_, '_>) -> Result<()>,
) -> Result<()> {
    each_batch(ex, meta, query.into(), &mut |batch| {
        batch.selection.iter().try_for_each(|row| visit(&BatchRow { batch, row }))
    })
}

/// The rows of the answer.
pub(crate) fn fetch<'q, T>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
    read: impl FnMut(&BatchRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>> {
    fetch_with(ex, meta, question, &Columns::default(), read)
}

/// The rows of the answer, whose columns are known by name in errors.
pub(crate) fn fetch_with<'q, T>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
    columns: &Columns<'_>,
    read: impl FnMut(&BatchRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>> {
    fetch_about(ex, meta, question, columns, 0, read)
}

/// The same for an answer that may have about so many rows: there is room for as many from the beginning, if its first
/// batch has a leaf's rows or more. A list that grows is copied again and again.
pub(crate) fn fetch_about<'q, T>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
    columns: &Columns<'_>,
    expected: usize,
    mut read: impl FnMut(&BatchRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>> {
    let mut rows: Vec<T> = Vec::new();
    each_batch(ex, meta, question.into(), &mut |batch| {
        let count = batch.selection.count();
        if rows.capacity() == 0 && count >= WORD_ROWS {
            rows.reserve_exact(expected.max(count));
        }
        rows.reserve(count);
        for row in &batch.selection {
            let row = BatchRow { batch, row };
            rows.push(read(&row).map_err(|error| decode_error_in(meta, columns, error, Some(&row)))?);
        }
        Ok(())
    })?;
    if rows.capacity() / 2 > rows.len() && rows.capacity() == expected {
        rows.shrink_to_fit();
    }
    Ok(rows)
}

/// Which of some lists a row belongs in, if in any.
type ListOf<'f> = &'f dyn Fn(&BatchRow<'_, '_>) -> Option<u32>;

/// The rows of the answer in so many lists: `number` tells in which of them a row belongs, if in any, and only those
/// that do are read. The rows of a batch are told apart before they are read, so that a list whose rows come together
/// is allocated once, and each row stays where it was read to.
pub(crate) fn fetch_lists<'q, T>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
    columns: &Columns<'_>,
    (count, number): (usize, ListOf<'_>),
    mut read: impl FnMut(&BatchRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Vec<Vec<T>>> {
    let mut lists: Vec<Vec<T>> = std::iter::repeat_with(Vec::new).take(count).collect();
    let mut coming = vec![0u32; count];
    let mut places: Vec<(usize, usize)> = Vec::new();
    each_batch(ex, meta, question.into(), &mut |batch| {
        places.clear();
        for row in &batch.selection {
            if let Some(list) = number(&BatchRow { batch, row }) {
                coming[list as usize] += 1;
                places.push((row, list as usize));
            }
        }
        for (row, list) in places.drain(..) {
            lists[list].reserve(std::mem::take(&mut coming[list]) as usize);
            let row = BatchRow { batch, row };
            lists[list].push(read(&row).map_err(|error| decode_error_in(meta, columns, error, Some(&row)))?);
        }
        Ok(())
    })?;
    Ok(lists)
}

/// The first value of the only row of the answer.
pub(crate) fn scalar<'q>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
) -> Result<Value> {
    let mut value = Value::Null;
    each_batch(ex, meta, question.into(), &mut |batch| {
        for row in &batch.selection {
            value = BatchRow { batch, row }.value(0);
        }
        Ok(())
    })?;
    Ok(value)
}

/// The rows of the answer as the rows of a queryset.
pub(crate) fn fetch_rows<'q, R: Row>(
    ex: &dyn Executor,
    meta: &'static ModelMeta,
    question: impl Into<Question<'q>>,
    columns: Columns<'_>,
) -> Result<Vec<R>> {
    fetch_with(ex, meta, question, &columns, |row| R::read(row, &mut columns.clone()))
}
