//! What the operators of a plan read beside their inputs: the version, and the work tables that are defined around
//! them.

use std::cell::RefCell;
use std::rc::Rc;

use nuages_storage::Version;

use super::ranges::Ranks;
use super::{Running, chunks};
use crate::algebra::WorkTable;
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::optimize::premise::Counted;
use crate::plan::{Plan, Scan};

/// See the [module](self). Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scope<'v> {
    version: &'v Version,
    /// What was counted in it already, under the parameters of this run.
    counted: Option<&'v Counted>,
    tables: Option<Rc<Definition<'v>>>,
}

/// A work table and those defined before it.
struct Definition<'v> {
    table: WorkTable,
    rows: Rc<WorkRows<'v>>,
    outer: Option<Rc<Definition<'v>>>,
}

/// The rows of a work table.
pub(super) struct WorkRows<'v> {
    state: RefCell<State<'v>>,
    charge: RefCell<Charge>,
}

enum State<'v> {
    /// Nobody has read them yet.
    Pending(&'v Plan, Running<'v>),
    Known(Rc<Batch<'v>>),
    /// They are being computed, or that has failed.
    Unknown,
}

impl<'v> Scope<'v> {
    /// A version, and no work table.
    pub(crate) fn new(version: &'v Version) -> Scope<'v> {
        Scope { version, counted: None, tables: None }
    }

    /// The same version, of which this is known.
    pub(crate) fn knowing(self, counted: Option<&'v Counted>) -> Scope<'v> {
        Scope { counted, ..self }
    }

    /// The ranks of a scan's path, if they are known.
    pub(super) fn ranks(&self, scan: &Scan) -> Option<&'v Ranks> {
        self.counted?.ranks(scan.premise?)
    }

    /// The version.
    pub(crate) fn version(&self) -> &'v Version {
        self.version
    }

    /// The same with a work table more.
    pub(super) fn with(&self, table: WorkTable, rows: Rc<WorkRows<'v>>) -> Scope<'v> {
        let definition = Definition { table, rows, outer: self.tables.clone() };
        Scope { tables: Some(Rc::new(definition)), ..*self }
    }

    /// A work table.
    pub(super) fn table(&self, table: WorkTable) -> Option<Rc<WorkRows<'v>>> {
        let mut definition = self.tables.as_ref();
        while let Some(found) = definition {
            if found.table == table {
                return Some(Rc::clone(&found.rows));
            }
            definition = found.outer.as_ref();
        }
        None
    }
}

impl<'v> WorkRows<'v> {
    /// Those that an operator yields; it is asked when they are first read.
    pub(super) fn pending(plan: &'v Plan, rows: Running<'v>) -> Rc<WorkRows<'v>> {
        Rc::new(WorkRows { state: RefCell::new(State::Pending(plan, rows)), charge: RefCell::default() })
    }

    /// None yet.
    pub(super) fn unknown() -> Rc<WorkRows<'v>> {
        Rc::new(WorkRows { state: RefCell::new(State::Unknown), charge: RefCell::default() })
    }

    /// Puts other rows in their place.
    pub(super) fn set(&self, rows: Rc<Batch<'v>>) {
        self.state.replace(State::Known(rows));
    }

    /// The rows.
    pub(super) fn rows(&self, context: &Context<'_>) -> Result<Rc<Batch<'v>>, Error> {
        // Not borrowed while they are computed: what computes them may read other work tables.
        let rows = match self.state.replace(State::Unknown) {
            State::Known(rows) => rows,
            State::Pending(plan, running) => {
                let mut charge = Charge::default();
                let rows =
                    chunks::collect(plan, running, ("a common table expression", &mut charge), context)?;
                self.charge.replace(charge);
                Rc::new(rows)
            }
            State::Unknown => return Err(Error::PlanOutdated),
        };
        self.state.replace(State::Known(Rc::clone(&rows)));
        Ok(rows)
    }
}
