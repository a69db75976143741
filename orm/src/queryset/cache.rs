//! The plan cache: what verbs ask again and again is compiled and planned once.
//!
//! A program asks for `Post::id.eq(1)`, then for `Post::id.eq(2)`, by the same line of code. Querysets that differ in
//! nothing but such values are of one [`shape`], and a shape is compiled and planned once for each verb, with
//! parameters where the values were; each further queryset of the shape runs that with its own values, as one that was
//! [prepared](super::prepare) does. Nothing is rendered to text and looked up by it: a queryset is compared with the
//! kept ones as a tree, and on the way its values are collected.
//!
//! What makes this sound:
//! - A value is lifted out only where it means the same as a parameter does: on the right of a comparison with a column
//!   of its own kind ([`shape`] says where). Everything else, NULLs and booleans too, is part of the shape.
//! - The engine's [`Prepared`](nuages_engine::Prepared) knows for which schema a plan was made, and for which values it
//!   is good: it plans anew where another plan may be better. So a kept shape outlives changes of the schema, and the
//!   forks of a database share what is kept.
//! - What cannot be compiled so (because a constant has to be a constant) is remembered as such and compiled each time.
//!
//! At most [`SHAPES_MAX`] shapes are kept; those that were not asked for lately give way.

mod hash;
mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hashbrown::HashTable;
use nuages_engine::algebra::Statement;
use nuages_storage::Value;
use parking_lot::RwLock;

use super::{
    QueryState,
    compiled::{Compiled, CompiledWrite, Home, Values},
    write::update_of,
};
use crate::{
    assignment::AssignmentNode,
    delete,
    error::Result,
    executor::Executor,
    node::{FieldPath, Node},
};
pub(crate) use shape::LIST_MAX;
use shape::Lifting;

/// How many shapes are kept.
const SHAPES_MAX: usize = if cfg!(test) { 8 } else { 512 };

/// What was planned for the querysets of a database and its forks. See the [module](self).
#[derive(Default)]
pub(crate) struct PlanCache {
    shapes: RwLock<HashTable<Arc<Kept>>>,
}

/// What a verb asks of a queryset.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    Rows,
    /// Rows, and of each what a path leads to.
    Related(&'a FieldPath),
    Count,
    Exists,
    Aggregate(&'a [Node]),
    Update(&'a [AssignmentNode]),
    Delete,
}

/// The same, kept, with parameters in the place of values.
#[derive(Clone)]
enum Question {
    Rows,
    Related(FieldPath),
    Count,
    Exists,
    Aggregate(Vec<Node>),
    Update(Vec<AssignmentNode>),
    Delete,
}

/// A shape and what was made of it.
pub(crate) struct Kept {
    hash: u64,
    state: QueryState,
    question: Question,
    home: Home,
    /// None if it has to be compiled with its values each time.
    plan: Option<Plan>,
    /// Whether it was asked for since it was last looked at whether it should stay.
    is_used: AtomicBool,
}

enum Plan {
    Read(Compiled),
    /// None if nothing would be written.
    Update(Option<CompiledWrite>),
    Delete(delete::Plan),
}

/// A kept plan and the values to run it with.
pub(crate) struct Found {
    kept: Arc<Kept>,
    values: Values,
}

impl PlanCache {
    /// The plan of a queryset's shape and the queryset's values; made now, if it is the first of its shape. None if
    /// it is to be compiled as it is.
    pub(crate) fn find(&self, state: &QueryState, asked: Asked<'_>, ex: &dyn Executor) -> Option<Found> {
        let hash = hash::hash(state, asked)?;
        let mut values = Values::new();
        let known = self.shapes.read().find(hash, |kept| kept.is_of(state, asked, ex, &mut values)).cloned();
        let kept = match known {
            Some(kept) => kept,
            None => self.keep(hash, state, asked, &mut values, ex)?,
        };
        if !kept.is_used.load(Relaxed) {
            kept.is_used.store(true, Relaxed);
        }
        kept.plan.is_some().then_some(Found { kept, values })
    }

    /// Compiles a shape and keeps what came of it.
    fn keep(
        &self,
        hash: u64,
        state: &QueryState,
        asked: Asked<'_>,
        values: &mut Values,
        ex: &dyn Executor,
    ) -> Option<Arc<Kept>> {
        // What ails the executor says nothing about the shape.
        ex.session().ok()?;
        if state.mentions_parameter() || asked.mentions_parameter() {
            return None;
        }
        let (asked_state, mut lifting) = (state, Lifting::new(ex.shared().binding()));
        let state = lifting.state(state);
        let question = match asked {
            Asked::Rows => Question::Rows,
            Asked::Related(path) => Question::Related(path.clone()),
            Asked::Count => Question::Count,
            Asked::Exists => Question::Exists,
            Asked::Aggregate(nodes) => Question::Aggregate(nodes.to_vec()),
            Asked::Update(list) => Question::Update(lifting.assignments(state.model, list)),
            Asked::Delete => Question::Delete,
        };
        let offset = lifting.offset(&state);
        *values = lifting.into_values();
        let home = Home::of(ex, values.len());
        let plan = plan(&state, &question, (values, offset), &home, ex).ok().flatten();
        let kept = Arc::new(Kept { hash, state, question, home, plan, is_used: AtomicBool::new(true) });
        let mut shapes = self.shapes.write();
        // Another thread may have been first; the values are then those that its plan wants.
        let known = shapes.find(hash, |known| {
            let mut same = Values::new();
            known.is_of(asked_state, asked, ex, &mut same) && same == *values
        });
        if let Some(known) = known {
            return Some(Arc::clone(known));
        }
        if shapes.len() >= SHAPES_MAX {
            make_room(&mut shapes);
        }
        shapes.insert_unique(hash, Arc::clone(&kept), |kept| kept.hash);
        Some(kept)
    }

    /// How many shapes are kept.
    pub(crate) fn len(&self) -> usize {
        self.shapes.read().len()
    }
}

/// Removes what was not asked for since the last time; if that is nothing, every other one.
fn make_room(shapes: &mut HashTable<Arc<Kept>>) {
    shapes.retain(|kept| kept.is_used.swap(false, Relaxed));
    if shapes.len() >= SHAPES_MAX {
        let mut stays = false;
        shapes.retain(|_| {
            stays = !stays;
            stays
        });
    }
}

/// Compiles and plans a shape, of which one parameter may be the offset; none if that has to be a constant.
fn plan(
    state: &QueryState,
    question: &Question,
    (values, offset): (&Values, Option<usize>),
    home: &Home,
    ex: &dyn Executor,
) -> Result<Option<Plan>> {
    let mut compiler = home.compiler(ex).leave_offset_open(offset);
    let mut joined = Vec::new();
    let query = match question {
        Question::Rows | Question::Related(_) => {
            let rows = match question {
                Question::Related(path) => compiler.rows_with(state, path)?,
                _ => compiler.rows(state)?,
            };
            joined = rows.joined;
            rows.query
        }
        Question::Count => compiler.count(state)?,
        Question::Exists => compiler.any(state)?,
        Question::Aggregate(nodes) => compiler.aggregate_rows(state, nodes)?,
        Question::Update(list) => {
            let update = update_of(state, list, &mut compiler)?;
            let write = |update| CompiledWrite::new(Statement::Update(update), &compiler);
            return Ok(Some(Plan::Update(update.map(write))));
        }
        Question::Delete => {
            let plan = delete::Plan::new(state, compiler, ex.shared().app())?;
            return Ok(Some(Plan::Delete(plan)));
        }
    };
    if compiler.lacks_open_offset() {
        return Ok(None);
    }
    Compiled::for_values(query, joined, &compiler, values, ex).map(|read| Some(Plan::Read(read)))
}

impl Asked<'_> {
    fn mentions_parameter(self) -> bool {
        match self {
            Asked::Rows | Asked::Related(_) | Asked::Count | Asked::Exists | Asked::Delete => false,
            Asked::Aggregate(nodes) => nodes.iter().any(shape::mentions_parameter),
            Asked::Update(list) => list.iter().any(|one| shape::mentions_parameter(&one.value)),
        }
    }
}

impl Kept {
    /// Whether a queryset is of this shape; then `values` are its values.
    fn is_of(&self, state: &QueryState, asked: Asked<'_>, ex: &dyn Executor, values: &mut Values) -> bool {
        values.clear();
        let is_question = |values: &mut Values| match (&self.question, asked) {
            (Question::Rows, Asked::Rows)
            | (Question::Count, Asked::Count)
            | (Question::Exists, Asked::Exists)
            | (Question::Delete, Asked::Delete) => true,
            (Question::Related(kept), Asked::Related(path)) => kept == path,
            (Question::Aggregate(kept), Asked::Aggregate(nodes)) => kept == nodes,
            (Question::Update(kept), Asked::Update(list)) => shape::same_assignments(kept, list, values),
            _ => false,
        };
        shape::same_state(&self.state, state, values)
            && is_question(values)
            && shape::same_slice(&self.state, state, values)
            && self.home.is(ex)
    }
}

/// The plan is of the question that it was found for.
const OTHER_PLAN: &str = "a shape is kept with the plan of its own question";

impl Found {
    /// The values.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The plan of a question about rows.
    pub(crate) fn read(&self) -> &Compiled {
        match &self.kept.plan {
            Some(Plan::Read(compiled)) => compiled,
            _ => unreachable!("{OTHER_PLAN}"),
        }
    }

    /// The statement of an update; none if it would write nothing.
    pub(super) fn update(&self) -> Option<&CompiledWrite> {
        match &self.kept.plan {
            Some(Plan::Update(write)) => write.as_ref(),
            _ => unreachable!("{OTHER_PLAN}"),
        }
    }

    /// The plan of a deletion.
    pub(crate) fn deletion(&self) -> &delete::Plan {
        match &self.kept.plan {
            Some(Plan::Delete(plan)) => plan,
            _ => unreachable!("{OTHER_PLAN}"),
        }
    }
}

/// What is kept of a queryset on an executor's database, if it can be: see [`PlanCache::find`].
pub(crate) fn find(state: &QueryState, asked: Asked<'_>, ex: &dyn Executor) -> Option<Found> {
    if ex.settings().plans_anew {
        return None;
    }
    ex.shared().plans.find(state, asked, ex)
}
