//! One row by its key, without operators.
//!
//! What is asked most often finds one row or none, and takes less time than to make operators ready, to gather the row
//! into columns of its own and to throw both away. Here the row is found, and handed on where it lies: the batch is its
//! leaf, with nothing selected but the row.

use nuages_storage::{RowId, RowRef, Table, Value, Version};

use super::ranges;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::key_range::KeyRange;
use crate::plan::{Access, Fetch, Node, Plan, Scan};
use crate::reads::Extent;
use crate::vector::Vector;

/// A plan that finds one row or none, whatever its parameters are.
pub(super) struct Point<'p> {
    scan: &'p Scan,
    /// Which columns of the scan are wanted, in this order, if not all as they are.
    columns: Option<&'p [Scalar]>,
}

impl<'p> Point<'p> {
    /// The plan, if it is such a one: a scan by a whole key, perhaps below a choice of its columns.
    pub(super) fn of(plan: &'p Plan) -> Option<Point<'p>> {
        let (scan, columns) = match &plan.node {
            Node::Scan(scan) => (scan, None),
            Node::Project { input, columns } => match &input.node {
                Node::Scan(scan) => (scan, Some(columns.as_slice())),
                _ => return None,
            },
            _ => return None,
        };
        let is_plain = scan.filter.is_none() && scan.count.is_none() && scan.offset.fixed() == Some(0);
        let are_columns =
            || columns.is_none_or(|columns| columns.iter().all(|scalar| scalar.column().is_some()));
        (is_plain && scan.access.is_single() && are_columns()).then_some(Point { scan, columns })
    }

    /// Hands out the row, if there is one.
    pub(super) fn run<'v>(
        &self,
        version: &'v Version,
        context: &Context<'_>,
        each: &mut dyn FnMut(&Batch<'v>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        context.check()?;
        let table = version.table(self.scan.table).ok_or(Error::PlanOutdated)?;
        match self.find(table, context)? {
            Some(row) => each(&self.batch(row)),
            None => Ok(()),
        }
    }

    fn find<'v>(&self, table: &'v Table, context: &Context<'_>) -> Result<Option<RowRef<'v>>, Error> {
        let note = |extent: &dyn Fn() -> Extent| {
            if let Some(reads) = context.reads() {
                reads.scan(self.scan, extent(), context);
            }
        };
        match &self.scan.access {
            Access::Index { index: id, parts, prefixes, .. } => {
                let index = table.index(*id).ok_or(Error::PlanOutdated)?;
                let prefix = prefixes.first().map_or(&[][..], Vec::as_slice);
                let key = ranges::prefix_key(parts, prefix, context)?;
                note(&|| Extent::Keys(*id, key.iter().cloned().map(KeyRange::prefixed).collect()));
                let found = key.and_then(|key| index.first_with_prefix(key.as_slice()));
                Ok(found.and_then(|id| table.get(id)))
            }
            Access::RowIds(ids) => {
                let id = ids.first().map(|id| id.value(context)).transpose()?;
                let id = id.and_then(|id| id.as_int()).map(RowId::new); // NULL is none
                note(&|| Extent::rows(id));
                Ok(id.and_then(|id| table.get(id)))
            }
            _ => Err(Error::PlanOutdated),
        }
    }

    fn batch<'v>(&self, row: RowRef<'v>) -> Batch<'v> {
        row.touch();
        let view = row.view();
        let column = |fetch: &Fetch| match *fetch {
            Fetch::Slot(slot, kind) => Vector::leaf(view, slot, kind),
            // Of the other rows of the leaf nobody looks at any.
            Fetch::RowId(kind) => {
                Vector::Constant { value: Value::Int(row.row_id().get()), kind: Some(kind), len: view.len() }
            }
        };
        let fetch = &self.scan.fetch;
        let columns = match self.columns {
            None => fetch.iter().map(column).collect(),
            Some(columns) => {
                columns.iter().filter_map(Scalar::column).map(|place| column(&fetch[place])).collect()
            }
        };
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
            assert!(Point::of(&plan).is_some(), "{sql}: {}", plan.explain(catalog));
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
            assert!(Point::of(&plan).is_none(), "{sql}");
        }
    }
}
