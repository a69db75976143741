//! One row by its key, without operators.
//!
//! What is asked most often finds one row or none, and takes less time than to make operators ready, to gather the row
//! into columns of its own and to throw both away. Here the row is found, and handed on where it lies: as a [`Row`], or in
//! a batch, which is its leaf with nothing selected but the row.

use nuages_storage::{RowId, RowRef, TableId, Value, Version};
use smallvec::SmallVec;

use super::ranges;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::key_range::KeyRange;
use crate::plan::{Access, Fetch, Node, Plan, Scan};
use crate::reads::Extent;
use crate::row::Row;
use crate::vector::Vector;

/// Up to so many rows are thought to be in the cache, where to ask for all of a row at once only costs.
const CACHED_ROWS_MAX: u64 = 4_096;

/// What is read of the row that a plan finds.
pub(crate) type PointFetch = SmallVec<[Fetch; 8]>;

/// A plan that finds one row or none, whatever its parameters are.
#[derive(Clone, Copy)]
pub(crate) struct Point<'p> {
    scan: &'p Scan,
    /// The columns that are wanted, in their order.
    fetch: &'p [Fetch],
}

/// What is read of the row by a plan that finds one row or none: by a scan by a whole key, perhaps below a choice of
/// its columns. None if it is another plan.
pub(crate) fn point_fetch(plan: &Plan) -> Option<PointFetch> {
    let (scan, columns) = parts_of(plan)?;
    let is_plain = scan.filter.is_none() && scan.count.is_none() && scan.offset.fixed() == Some(0);
    if !is_plain || !scan.access.is_single() {
        return None;
    }
    match columns {
        None => Some(PointFetch::from_slice(&scan.fetch)),
        Some(columns) => columns.iter().map(|scalar| scan.fetch.get(scalar.column()?).copied()).collect(),
    }
}

/// The scan of a plan that may be a point, and the choice of columns above it.
fn parts_of(plan: &Plan) -> Option<(&Scan, Option<&[Scalar]>)> {
    match &plan.node {
        Node::Scan(scan) => Some((scan, None)),
        Node::Project { input, columns } => match &input.node {
            Node::Scan(scan) => Some((scan, Some(columns))),
            _ => None,
        },
        _ => None,
    }
}

impl<'p> Point<'p> {
    /// The plan, of which this is [what is read](point_fetch).
    #[inline]
    pub(crate) fn of(plan: &'p Plan, fetch: &'p [Fetch]) -> Option<Point<'p>> {
        parts_of(plan).map(|(scan, _)| Point { scan, fetch })
    }

    /// The table it reads.
    #[inline]
    pub(crate) fn table(&self) -> TableId {
        self.scan.table
    }

    /// The id of the row, if that is what it is found by, and if it is not NULL.
    #[inline]
    pub(crate) fn row_id(&self, context: &Context<'_>) -> Result<Option<RowId>, Error> {
        let Access::RowIds(ids) = &self.scan.access else { return Ok(None) };
        let Some(id) = ids.first() else { return Ok(None) };
        Ok(id.value_lent(context)?.as_int().map(RowId::new))
    }

    /// Hands out the row in a batch, if there is one.
    pub(crate) fn run<'v>(
        &self,
        version: &'v Version,
        context: &Context<'_>,
        each: &mut dyn FnMut(&Batch<'v>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        context.check()?;
        let row_id = self.row_id(context)?;
        match self.find(version, row_id, context)? {
            Some(row) => each(&self.batch(row)),
            None => Ok(()),
        }
    }

    /// The row, if there is one, of which the [id](Point::row_id) is known if it is found by that.
    #[inline]
    pub(crate) fn row<'v>(
        &self,
        version: &'v Version,
        row_id: Option<RowId>,
        context: &Context<'_>,
    ) -> Result<Option<Row<'v>>, Error>
    where
        'p: 'v,
    {
        Ok(self.find(version, row_id, context)?.map(|row| Row::of_table(row, self.fetch)))
    }

    #[inline]
    fn find<'v>(
        &self,
        version: &'v Version,
        row_id: Option<RowId>,
        context: &Context<'_>,
    ) -> Result<Option<RowRef<'v>>, Error> {
        let table = version.table(self.scan.table).ok_or(Error::PlanOutdated)?;
        let note = |extent: &dyn Fn() -> Extent| {
            if let Some(reads) = context.reads() {
                reads.scan(self.scan, extent(), context);
            }
        };
        let row = match &self.scan.access {
            Access::RowIds(_) => {
                note(&|| Extent::rows(row_id));
                row_id.and_then(|id| table.get(id))
            }
            Access::Index { index: id, parts, prefixes, .. } => {
                let index = table.index(*id).ok_or(Error::PlanOutdated)?;
                let prefix = prefixes.first().map_or(&[][..], Vec::as_slice);
                let key = ranges::prefix_key(parts, prefix, context)?;
                note(&|| Extent::Keys(*id, key.iter().cloned().map(KeyRange::prefixed).collect()));
                let found = key.and_then(|key| index.first_with_prefix(key.as_slice()));
                found.and_then(|id| table.get(id))
            }
            _ => return Err(Error::PlanOutdated),
        };
        if let Some(row) = &row
            && table.len() > CACHED_ROWS_MAX
        {
            row.touch();
        }
        Ok(row)
    }

    fn batch<'v>(&self, row: RowRef<'v>) -> Batch<'v> {
        let view = row.view();
        let column = |fetch: &Fetch| match *fetch {
            Fetch::Slot(slot, kind) => Vector::leaf(view, slot, kind),
            // Of the other rows of the leaf nobody looks at any.
            Fetch::RowId(kind) => {
                Vector::Constant { value: Value::Int(row.row_id().get()), kind: Some(kind), len: view.len() }
            }
        };
        let columns = self.fetch.iter().map(column).collect();
        Batch { columns, selection: Bits::from_word(1 << row.row()), len: view.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::execute::{Scope, open, run};
    use crate::optimize;
    use crate::sql::Connection;
    use crate::{Database, Session};

    fn rows(batch: &Batch<'_>) -> Vec<Vec<Value>> {
        batch.selection.iter().map(|row| batch.row(row)).collect()
    }

    #[test]
    fn a_row_is_found_without_operators_as_it_is_by_them() {
        let mut connection = Connection::new(Database::new());
        for statement in [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size NUMERIC(8, 2), is_new BOOLEAN, a INTEGER, b INTEGER,
                 UNIQUE (a, b))",
            "INSERT INTO t SELECT n, 'name ' || n, n + 0.5, n % 3 = 0, n % 20, CASE WHEN n % 5 > 0 THEN n END
                 FROM generate_series(1, 200) AS g (n)",
        ] {
            connection.execute(statement, &[]).unwrap();
        }
        let version = connection.database().version().unwrap();
        let catalog = Catalog::of(&version);
        for (sql, keys) in [
            ("SELECT * FROM t WHERE id = $1", [Value::Int(7), Value::Int(201), Value::Null]),
            (
                "SELECT is_new, id, name, id FROM t WHERE id = $1",
                [Value::Int(200), Value::Int(-1), Value::Null],
            ),
            ("SELECT size, name FROM t WHERE name = $1", ["name 77".into(), "name".into(), Value::Null]),
            ("SELECT id FROM t WHERE a = 3 AND b = $1", [Value::Int(23), Value::Int(24), Value::Null]),
        ] {
            let plan = optimize::plan(connection.read(sql).unwrap(), catalog, &version).unwrap();
            assert!(point_fetch(&plan).is_some(), "{sql}: {}", plan.explain(catalog));
            for (place, key) in keys.iter().enumerate() {
                let context = Context::new(std::slice::from_ref(key));
                let (mut found, mut expected, mut batch) = (Vec::new(), Vec::new(), Batch::default());
                run(&plan, &version, &context, &mut |batch| {
                    found.extend(rows(batch));
                    Ok(())
                })
                .unwrap();
                let mut operator = open(&plan, &Scope::new(&version));
                while operator.next(&mut batch, &context).unwrap() {
                    expected.extend(rows(&batch));
                }
                assert_eq!(found, expected, "{sql} with {key}");
                assert_eq!(found.len(), usize::from(place == 0), "{sql} with {key}");
            }
        }
    }

    #[test]
    fn what_may_find_more_or_is_computed_has_operators() {
        let mut connection = Connection::new(Database::new());
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER UNIQUE)", &[]).unwrap();
        let version = connection.database().version().unwrap();
        let catalog = Catalog::of(&version);
        for sql in [
            "SELECT id FROM t WHERE id IN ($1, 2)",
            "SELECT id + 1 FROM t WHERE id = $1",
            "SELECT id FROM t WHERE id = $1 AND a > 3",
            "SELECT id FROM t WHERE a IS NULL",
            "SELECT id FROM t WHERE id = $1 OFFSET 1",
        ] {
            let plan = optimize::plan(connection.read(sql).unwrap(), catalog, &version).unwrap();
            assert!(point_fetch(&plan).is_none(), "{sql}");
        }
    }
}
