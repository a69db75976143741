//! Rows that are known by a key: found without a plan.
//!
//! A queryset that asks for nothing but one value of the primary key, or of a column with a unique index, is not
//! compiled. The row is looked up under the latch and read where it lies: key to row, or key to index entry to row.

use nuages_engine::algebra::{Expr, OutputColumn, Query, Relation, Source};
use nuages_engine::catalog::Catalog;
use nuages_storage::lock::{How, Strength};
use nuages_storage::{DataType, RowId, RowRef, Table, Value, Version, key::KeyBuffer};

use super::{
    QuerySet, QueryState,
    complete::complete_row,
    lock::{Lock, LockWait},
};
use crate::{
    error::Result,
    executor::{
        Executor, StatementKind,
        statement::{Asked, is_watched, run},
    },
    field::DecodeError,
    meta::ModelMeta,
    model::Model,
    node::{Lookup, Node, Operator, Step},
    read::{self, StoredRow},
    row::{Columns, Row},
    schema::{Bound, UniqueKey},
};

/// Up to so many rows are thought to be in the cache, where to ask for all of a row at once only costs.
const CACHED_ROWS_MAX: u64 = 4_096;

/// How a row is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// By its row id.
    RowId,
    /// By its row id, and locked, which needs a transaction.
    Locked(Strength, How),
    /// By an index.
    Unique(UniqueKey),
}

impl By {
    /// How a queryset finds its row, and by which value or parameter, if it asks for one row by its key and for
    /// nothing else.
    pub(crate) fn of<'s>(state: &'s QueryState, bound: &Bound) -> Option<(By, &'s Node)> {
        let [condition] = &state.conditions[..] else { return None };
        let lock = match state.is_plain() {
            true => None,
            false => Some(state.clauses().lock_alone()?),
        };
        if condition.exclude { None } else { By::with_lock(&condition.node, lock, bound) }
    }

    /// The same of all rows of a model that meet a condition.
    pub(crate) fn named_in<'s>(condition: &'s Node, bound: &Bound) -> Option<(By, &'s Node)> {
        By::with_lock(condition, None, bound)
    }

    fn with_lock<'s>(condition: &'s Node, lock: Option<&Lock>, bound: &Bound) -> Option<(By, &'s Node)> {
        let model = bound.meta;
        let Node::Call(Operator::Lookup(Lookup::Exact), operands) = condition else { return None };
        let [Node::Path(path), operand] = &operands[..] else { return None };
        let field = match path.steps() {
            [] => *model.primary_key.first()?,
            [Step::Field(field)] | [Step::Field(field), Step::Key] => *field,
            _ => return None,
        };
        // A row that extends another is read together with it.
        if model.parent.is_some()
            || path.steps().is_empty() && model.primary_key.len() > 1
            || !model.field(field)?.is_column()
        {
            return None;
        }
        let column = model.position(field);
        let fits = match operand {
            Node::Value(value) => is_of(value, bound.types[column]),
            Node::Parameter(_, given) => is_alike(*given, bound.types[column]),
            _ => false,
        };
        if !fits {
            return None;
        }
        match lock {
            None if bound.row_id == Some(column) => return Some((By::RowId, operand)),
            Some(lock) if bound.row_id == Some(column) => return Some((By::locked(lock)?, operand)),
            Some(_) => return None,
            None => {}
        }
        let unique = bound.unique.iter().find(|unique| unique.column == column)?;
        Some((By::Unique(*unique), operand))
    }

    /// By the row id, with this lock, if it is of the row alone and waits or fails where it is not free.
    fn locked(lock: &Lock) -> Option<By> {
        let how = match lock.wait {
            LockWait::Wait => How::Wait,
            LockWait::NoWait => How::NoWait,
            LockWait::SkipLocked => return None,
        };
        lock.of.is_empty().then_some(By::Locked(lock.strength.of_engine(), how))
    }

    /// What is asked, as SQL.
    fn words(self, value: &Value, bound: &Bound, catalog: &Catalog) -> String {
        let column = match self {
            By::RowId | By::Locked(..) => bound.row_id,
            By::Unique(unique) => Some(unique.column),
        };
        let source = Source::new(0);
        let named = bound.meta.columns().zip(&bound.columns);
        let columns = named.map(|((_, field), &at)| OutputColumn::new(field.column, source.column(at)));
        let rows = Relation::scan(bound.table, source);
        let key =
            column.and_then(|position| bound.columns.get(position)).map(|&column| source.column(column));
        let is_it = key.map(|key| Expr::Column(key).equals(Expr::Literal(value.clone())));
        let rows = is_it.map_or(rows.clone(), |is_it| rows.filter(is_it));
        Query::new(rows, columns.collect()).sql(catalog)
    }

    /// The row with this key; `Err` if the index is not there any more.
    fn find<'v>(self, table: &'v Table, value: &Value) -> Result<Option<RowRef<'v>>, Dropped> {
        match (self, value) {
            (_, Value::Null) => Ok(None),
            (By::RowId | By::Locked(..), Value::Int(key)) => Ok(table.get(RowId::new(*key))),
            (By::RowId | By::Locked(..), _) => Ok(None),
            (By::Unique(unique), value) => {
                let index = table.index(unique.index).ok_or(Dropped)?;
                let mut key = KeyBuffer::new();
                match value {
                    Value::Text(text) => key.push_text(unique.part, text),
                    value => key.push_value(unique.part, value),
                }
                Ok(index.first_with_key(key.as_slice()).and_then(|row| table.get(row)))
            }
        }
    }
}

/// The index by which a row was to be found is gone.
struct Dropped;

/// Whether values of this type are found under the keys of a column of that type.
fn is_alike(given: DataType, column: DataType) -> bool {
    let is_integer = |kind| matches!(kind, DataType::SmallInt | DataType::Integer | DataType::BigInt);
    let is_text = |kind| matches!(kind, DataType::Text { .. });
    is_integer(given) && is_integer(column)
        || is_text(given) && is_text(column)
        || matches!((given, column), (DataType::Uuid, DataType::Uuid) | (DataType::Date, DataType::Date))
}

/// Whether a value is found under the keys of a column of that type.
fn is_of(value: &Value, column: DataType) -> bool {
    match value {
        Value::Int(_) => is_alike(DataType::BigInt, column),
        Value::Text(_) => is_alike(DataType::Text { max_length: None }, column),
        Value::Uuid(_) => column == DataType::Uuid,
        Value::Date(_) => column == DataType::Date,
        _ => false,
    }
}

/// What a lookup by key came to.
pub(crate) enum Found<T> {
    /// The row, if there is one.
    Row(Option<T>),
    /// It cannot be looked up any more; a query must be asked.
    Ask,
}

/// Looks a row up and reads it under the latch.
pub(crate) fn look_up<T>(
    by: By,
    value: &Value,
    bound: &Bound,
    ex: &dyn Executor,
    mut read: impl FnMut(&StoredRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Found<T>> {
    if let By::Locked(strength, how) = by {
        return lock_and_look_up((strength, how), value, bound, ex, read);
    }
    if ex.session()?.is_noting() {
        return Ok(Found::Ask);
    }
    // It is moved once: out of here.
    let mut found: Option<Result<T, DecodeError>> = None;
    let mut is_dropped = false;
    let mut look = |version: &Version| {
        if let Some(table) = version.table(bound.table) {
            match by.find(table, value) {
                Ok(Some(row)) => {
                    if table.len() > CACHED_ROWS_MAX {
                        row.touch();
                    }
                    found = Some(read(&StoredRow { row, bound }));
                }
                Ok(None) => {}
                Err(Dropped) => is_dropped = true,
            }
        }
        Ok(())
    };
    let words = |catalog: &Catalog| by.words(value, bound, catalog);
    run(ex, StatementKind::Select, bound.meta.table, &Asked::Words(&words), |session| {
        Ok(match (by, value) {
            (By::RowId, Value::Int(row)) => session.read_row(bound.table, RowId::new(*row), &mut look),
            _ => session.read(&mut look),
        }?)
    })?;
    match found {
        Some(Ok(row)) => Ok(Found::Row(Some(row))),
        Some(Err(error)) => Err(read::decode_error(bound.meta, error)),
        None if is_dropped => Ok(Found::Ask),
        None => Ok(Found::Row(None)),
    }
}

/// Locks a row in a transaction and reads it under the latch. One that is not there, or not seen as it is, is left to a
/// query, and all of them where statements are counted or shown.
fn lock_and_look_up<T>(
    lock: (Strength, How),
    value: &Value,
    bound: &Bound,
    ex: &dyn Executor,
    mut read: impl FnMut(&StoredRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Found<T>> {
    let (Some(transaction), Value::Int(row)) = (ex.session()?.in_transaction(), value) else {
        return Ok(Found::Ask);
    };
    if is_watched(ex) || ex.settings().spending.is_some() {
        return Ok(Found::Ask);
    }
    let mut found: Option<Result<T, DecodeError>> = None;
    let mut look = |row: RowRef<'_>| found = Some(read(&StoredRow { row, bound }));
    if !transaction.get_locked(bound.table, RowId::new(*row), lock, &mut look)? {
        return Ok(Found::Ask);
    }
    match found {
        Some(Ok(row)) => Ok(Found::Row(Some(row))),
        Some(Err(error)) => Err(read::decode_error(bound.meta, error)),
        None => Ok(Found::Ask),
    }
}

/// Looks up the row of a queryset, and tells who wants to see new instances.
pub(crate) fn row_of<M: Model, R: Row>(
    by: By,
    value: &Value,
    bound: &Bound,
    ex: &dyn Executor,
) -> Result<Found<R>> {
    let mut found = look_up(by, value, bound, ex, |row| R::read(row, &mut Columns::default()))?;
    if let Found::Row(Some(row)) = &mut found {
        complete_row::<M, R>(row, ex)?;
    }
    Ok(found)
}

/// The row of a model with a key, whatever its default manager leaves out.
pub(crate) fn fetch_by_key<M: Model>(key: &Value, ex: &dyn Executor) -> Result<Option<M>> {
    let meta: &'static ModelMeta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    if let (Some(_), Value::Int(_), None) = (bound.row_id, key, meta.parent) {
        let read = |row: &StoredRow<'_, '_>| crate::row::read_instance(row, &mut Columns::default());
        if let Found::Row(mut row) = look_up(By::RowId, key, bound, ex, read)? {
            if let Some(row) = &mut row {
                complete_row::<M, M>(row, ex)?;
            }
            return Ok(row);
        }
    }
    let mut state = QuerySet::<M>::from_state(QueryState::new(meta)).into_state();
    state.add_condition(super::run::keys_in([key.clone()]));
    super::run::first_row(&state, ex)
}
