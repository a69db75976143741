//! Inserting instances: encoded straight into the shape in which tables keep their rows.
//!
//! [`LeafWriter`] takes the columns of an instance, one after the other, and sets the slots of a leaf. There is no
//! list of values in between. What the engine would check on values it checks here: the length of texts, the digits
//! of decimals.

use jiff::{SignedDuration, Timestamp, civil};
use nuages_engine::{
    Error as EngineError, RowKeys,
    algebra::{
        ConflictAction, ConflictTarget, Expr, Insert, InsertSource, OnConflict as EngineConflict,
        OutputColumn, Source, Statement,
    },
    bits::WORD_ROWS,
    catalog::Catalog,
};
use nuages_storage::{DataType, LeafBuilder, RowId, Rows, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    error::Result,
    executor::{
        Executor, StatementKind,
        statement::{Asked, and_more_rows, execute, run},
    },
    field::RowWriter,
    instance,
    model::Model,
    queryset::conflict::OnConflict,
    schema::Bound,
};

/// Writes one row into a leaf.
pub(crate) struct LeafWriter<'a> {
    bound: &'a Bound,
    leaf: &'a mut LeafBuilder,
    /// The row id, where the table is keyed by the primary key and it is set.
    key: Option<i64>,
    /// A column other than the key is to be filled by the database, which needs more than a leaf.
    fills: bool,
    /// The first value that its column cannot take.
    error: Option<EngineError>,
}

impl LeafWriter<'_> {
    fn refuse(&mut self, column: usize, source: nuages_storage::TypeError) {
        let meta = self.bound.meta;
        let name = meta.columns().nth(column).map_or("", |(_, field)| field.column);
        self.error.get_or_insert(EngineError::Value {
            table: meta.table.to_owned(),
            column: name.to_owned(),
            source,
        });
    }

    fn is_key(&self, column: usize) -> bool {
        self.bound.row_id == Some(column)
    }
}

/// A setter that needs no check.
macro_rules! set {
    ($($method:ident($type:ty) = $set:ident;)*) => {$(
        fn $method(&mut self, column: usize, value: $type) {
            self.leaf.$set(self.bound.slots[column], value);
        }
    )*};
}

impl RowWriter for LeafWriter<'_> {
    fn null(&mut self, column: usize) {
        if !self.is_key(column) {
            self.leaf.set_null(self.bound.slots[column]);
        }
    }

    fn fill(&mut self, column: usize) {
        if !self.is_key(column) {
            self.fills = true;
        }
    }

    fn int(&mut self, column: usize, value: i64) {
        if self.is_key(column) {
            self.key = Some(value);
        } else if matches!(
            self.bound.types[column],
            DataType::SmallInt | DataType::Integer | DataType::BigInt
        ) {
            self.leaf.set_int(self.bound.slots[column], value);
        } else {
            RowWriter::value(self, column, Value::Int(value));
        }
    }

    fn text(&mut self, column: usize, value: &str) {
        match self.bound.types[column] {
            DataType::Text { max_length: Some(max) } if value.len() > max as usize => {
                RowWriter::value(self, column, Value::Text(value.to_owned()));
            }
            DataType::Text { .. } => self.leaf.set_text(self.bound.slots[column], value),
            _ => RowWriter::value(self, column, Value::Text(value.to_owned())),
        }
    }

    fn decimal(&mut self, column: usize, value: Decimal) {
        RowWriter::value(self, column, Value::Decimal(value));
    }

    set! {
        bool(bool) = set_bool;
        float(f64) = set_float;
        bytes(&[u8]) = set_bytes;
        date(civil::Date) = set_date;
        time(civil::Time) = set_time;
        timestamp(Timestamp) = set_timestamp;
        duration(SignedDuration) = set_duration;
        uuid(Uuid) = set_uuid;
    }

    fn json(&mut self, column: usize, value: &serde_json::Value) {
        RowWriter::value(self, column, Value::Json(Box::new(value.clone())));
    }

    fn value(&mut self, column: usize, value: Value) {
        match self.bound.types[column].accepts(value) {
            Ok(value) => self.leaf.set_value(self.bound.slots[column], &value),
            Err(source) => self.refuse(column, source),
        }
    }
}

/// The columns of a row as values; `None` is to be filled by the database.
pub(crate) struct ValueList<'a> {
    values: Vec<Option<Value>>,
    /// Only these columns are wanted.
    only: Option<&'a [usize]>,
}

impl ValueList<'_> {
    pub(crate) fn of<M: Model>(instance: &M) -> Vec<Option<Value>> {
        let mut list = ValueList { values: vec![Some(Value::Null); M::meta().column_count()], only: None };
        instance.encode(&mut list);
        list.values
    }

    /// The values of some columns; of the others nothing.
    pub(crate) fn of_columns<M: Model>(instance: &M, only: &[usize]) -> Vec<Option<Value>> {
        let mut list = ValueList { values: vec![None; M::meta().column_count()], only: Some(only) };
        instance.encode(&mut list);
        list.values
    }

    fn set(&mut self, column: usize, value: impl FnOnce() -> Option<Value>) {
        let is_wanted = self.only.is_none_or(|only| only.contains(&column));
        if let (true, Some(place)) = (is_wanted, self.values.get_mut(column)) {
            *place = value();
        }
    }
}

/// A setter that keeps a value.
macro_rules! keep {
    ($($method:ident($type:ty) = |$value:ident| $make:expr;)*) => {$(
        fn $method(&mut self, column: usize, $value: $type) {
            self.set(column, || Some($make));
        }
    )*};
}

impl RowWriter for ValueList<'_> {
    fn null(&mut self, column: usize) {
        self.set(column, || Some(Value::Null));
    }

    fn fill(&mut self, column: usize) {
        self.set(column, || None);
    }

    keep! {
        bool(bool) = |value| Value::Bool(value);
        int(i64) = |value| Value::Int(value);
        float(f64) = |value| Value::Float(value);
        decimal(Decimal) = |value| Value::Decimal(value);
        text(&str) = |value| Value::Text(value.to_owned());
        bytes(&[u8]) = |value| Value::Bytes(value.into());
        date(civil::Date) = |value| Value::Date(value);
        time(civil::Time) = |value| Value::Time(value);
        timestamp(Timestamp) = |value| Value::Timestamp(value);
        duration(SignedDuration) = |value| Value::Duration(value);
        uuid(Uuid) = |value| Value::Uuid(value);
        json(&serde_json::Value) = |value| Value::Json(Box::new(value.clone()));
        value(Value) = |value| value;
    }
}

/// Inserts instances by one statement, all with keys or all without, and gives them the keys they got.
pub(crate) fn insert<M: Model>(ex: &dyn Executor, instances: &mut [M]) -> Result<()> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let Some((rows, given)) = encode(bound, instances)? else {
        return insert_values(ex, bound, instances);
    };
    let keys = if given { RowKeys::Given } else { RowKeys::Generated };
    let words = |catalog: &Catalog| words(bound, instances, catalog);
    let first = run(ex, StatementKind::Insert, meta.table, &Asked::Words(&words), |session| {
        Ok(session.insert_rows(bound.table, rows, keys)?)
    })?;
    // One walk for all that is to be done: many instances are more than the cache holds.
    let chosen = match meta.primary_key {
        [field] => first.map(|first| (*field, first)),
        _ => None,
    };
    for (instance, number) in instances.iter_mut().zip(0..) {
        if let Some((field, first)) = chosen {
            instance::set_value(instance, field, &Value::Int(first + number))?;
        }
        instance::mark_stored(instance, true);
        instance.bind();
    }
    Ok(())
}

/// The insertion of instances as SQL; of many, the first.
fn words<M: Model>(bound: &Bound, instances: &[M], catalog: &Catalog) -> String {
    const SHOWN: usize = 3;
    let (shown, more) = instances.split_at(instances.len().min(SHOWN));
    let sql = statement_of(bound, shown, &[]).map(|mut insert| {
        insert.returning.clear();
        Statement::Insert(insert).sql(catalog)
    });
    and_more_rows(sql.unwrap_or_default(), more.len())
}

/// The instances in leaf shape, and whether they have their row ids; nothing if a column is to be filled.
fn encode<M: Model>(bound: &Bound, instances: &[M]) -> Result<Option<(Vec<Rows>, bool)>> {
    if !bound.is_identical || !bound.generated.is_empty() {
        return Ok(None);
    }
    let mut rows = Vec::with_capacity(instances.len() / WORD_ROWS + 1);
    let leaf_for = |left: usize| LeafBuilder::with_capacity(bound.layout.clone(), left);
    let mut leaf = leaf_for(instances.len());
    let mut given = false;
    for (done, instance) in instances.iter().enumerate() {
        if leaf.is_full() {
            rows.push(leaf.finish());
            leaf = leaf_for(instances.len() - done);
        }
        let mut writer = LeafWriter { bound, leaf: &mut leaf, key: None, fills: false, error: None };
        instance.encode(&mut writer);
        let LeafWriter { key, fills, error, .. } = writer;
        if let Some(error) = error {
            return Err(error.into());
        }
        if fills {
            return Ok(None);
        }
        match key {
            Some(key) => {
                given = true;
                leaf.finish_row(RowId::new(key));
            }
            None => leaf.finish_row_unnumbered(),
        }
    }
    rows.push(leaf.finish());
    Ok(Some((rows, given)))
}

/// [`insert`] of rows of which some may be there already. Those that are ignored are not told from the others, so
/// none gets a key.
pub(crate) fn insert_or<M: Model>(
    ex: &dyn Executor,
    instances: &mut [M],
    conflict: &OnConflict,
) -> Result<()> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let mut statement = statement_of(bound, instances, &[])?;
    let place = |field: &u16| bound.columns[meta.position(*field)];
    let (target, action) = match conflict {
        OnConflict::Ignore => {
            statement.returning.clear();
            (None, ConflictAction::DoNothing)
        }
        OnConflict::Update { unique, update } => {
            let excluded = Source::new(1);
            let written = update.iter().map(place).map(|at| (at, Expr::Column(excluded.column(at))));
            let mut assignments = written.collect();
            bound.generate(&mut assignments, statement.source)?;
            let target =
                (!unique.is_empty()).then(|| ConflictTarget::Columns(unique.iter().map(place).collect()));
            (target, ConflictAction::DoUpdate { excluded, assignments, predicate: None, one_by_one: false })
        }
    };
    statement.conflict = Some(EngineConflict::new(target, action));
    insert_and_read(ex, statement, instances)
}

/// Inserts an instance some of whose columns, by position, are computed by the database, and reads these back.
pub(crate) fn insert_computed<M: Model>(
    ex: &dyn Executor,
    instance: &mut M,
    computed: &[(u16, Expr)],
) -> Result<()> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let fields: Vec<u16> = computed.iter().map(|(field, _)| *field).collect();
    let statement = statement_of(bound, std::slice::from_ref(instance), computed)?;
    let outcome = execute(ex, meta.table, &Statement::Insert(statement), &[])?;
    for row in &outcome.rows.rows {
        for (index, field) in meta.columns() {
            if field.auto || fields.contains(&index) {
                instance::set_value(instance, index, &row[meta.position(index)])?;
            }
        }
    }
    instance::mark_stored(instance, true);
    instance.bind();
    Ok(())
}

/// The plain way: a statement with values, whose unset columns the engine fills and returns.
fn insert_values<M: Model>(ex: &dyn Executor, bound: &Bound, instances: &mut [M]) -> Result<()> {
    insert_and_read(ex, statement_of(bound, instances, &[])?, instances)
}

/// The statement that inserts instances, with what is computed in the place of their fields, and returns all columns.
fn statement_of<M: Model>(bound: &Bound, instances: &[M], computed: &[(u16, Expr)]) -> Result<Insert> {
    let mut rows = Vec::with_capacity(instances.len());
    for instance in instances {
        rows.push(ValueList::of(instance));
    }
    statement_of_values(bound, rows, computed)
}

/// The same for their values.
fn statement_of_values(
    bound: &Bound,
    given: Vec<Vec<Option<Value>>>,
    computed: &[(u16, Expr)],
) -> Result<Insert> {
    let mut rows = Vec::with_capacity(given.len());
    for values in given {
        let mut row: Vec<_> = values.into_iter().map(|value| value.map(Expr::Literal)).collect();
        for (field, value) in computed {
            row[bound.meta.position(*field)] = Some(value.clone());
        }
        bound.generate_new(&mut row)?;
        rows.push(row);
    }
    let source = Source::new(0);
    let returning = bound.columns.iter().map(|&column| OutputColumn::new("", source.column(column)));
    Ok(Insert {
        table: bound.table,
        columns: bound.columns.clone(),
        rows: InsertSource::Values(rows),
        source,
        returning: returning.collect(),
        conflict: None,
    })
}

/// Runs an insertion and gives the instances what the database filled, if it says so.
fn insert_and_read<M: Model>(ex: &dyn Executor, statement: Insert, instances: &mut [M]) -> Result<()> {
    let meta = M::meta();
    let tells = !statement.returning.is_empty();
    let outcome = execute(ex, meta.table, &Statement::Insert(statement), &[])?;
    if !tells {
        return Ok(());
    }
    for (instance, row) in instances.iter_mut().zip(&outcome.rows.rows) {
        for ((index, field), value) in meta.columns().zip(row) {
            if field.auto {
                instance::set_value(instance, index, value)?;
            }
        }
        instance::mark_stored(instance, true);
        instance.bind();
    }
    Ok(())
}
