//! Deletion: Django's `Collector`.
//!
//! Deleting a row means deleting, changing or defending the rows that point at it. Where only cascades and SET NULL
//! are in reach and nobody listens, the engine's own foreign keys do all of it in one statement. Otherwise the
//! `collector` looks the rows up level by level (a statement for each foreign key of a level, never one for each
//! row), refuses or collects, and then writes: children before parents.
//!
//! Counts are by model, as Django's: `{"lab.Post": 3, "lab.Post_tags": 5}`.

mod by_model;
mod collector;
mod reach;

use nuages_engine::algebra::{Query, Statement};
use nuages_storage::{TableId, Value};

use crate::{
    app::App,
    atomic::Atomic,
    compile::Compiler,
    error::{Misuse, Result},
    executor::{Executor, statement::execute},
    field::RowReader,
    instance::key_of,
    meta::ModelMeta,
    model::Model,
    queryset::{
        QueryState,
        cache::{self, Asked},
        compiled::with_now,
        fetch_instances, keys_in, plain_instances_of,
        state::Shape,
    },
    read::{self, Question},
    signal::{Deleting, Doomed, FetchRows, Moment},
};
use reach::Reach;

pub use by_model::{ByModel, Label};

/// What a deletion deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many rows in all.
    pub total: u64,
    /// How many of each model, by its label: `blog.Post`.
    pub by_model: ByModel,
}

impl Deleted {
    fn add(&mut self, label: Label, count: u64) {
        if count > 0 {
            self.total += count;
            self.by_model.add(label, count);
        }
    }
}

/// What may be asked of the deletion of an instance beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// The row that it extends stays; see [`Parent`](crate::relation::Parent).
    pub keep_parents: bool,
}

/// Deletes the rows of a queryset.
pub(crate) fn by_queryset(state: &QueryState, ex: &dyn Executor) -> Result<Deleted> {
    check(state)?;
    if state.is_never() {
        return Ok(Deleted::default());
    }
    if let Some(fetch) = heard(state.model, ex) {
        return delete_heard(state, fetch, ex);
    }
    if let Some(found) = cache::find(state, Asked::Delete, ex) {
        return found.deletion().run(found.values(), ex);
    }
    let mut compiler = Compiler::new(ex);
    if Reach::of(state.model, ex.shared().app()).engine_suffices(ex.shared().app()) {
        let statement = Statement::Delete(compiler.delete(state)?);
        return delete_in_engine(state.model, &statement, &[], ex);
    }
    collect(state.model, &compiler.keys(state)?, &[], ex)
}

/// How the rows of a model are read as instances, if somebody listens to their deletion and they are told apart by one
/// value.
fn heard(meta: &'static ModelMeta, ex: &dyn Executor) -> Option<FetchRows> {
    let app = ex.shared().app();
    let is_heard = reach::is_heard(meta, app) && meta.primary_key.len() == 1;
    app.typed(meta).filter(|_| is_heard).map(|typed| typed.fetch_rows)
}

/// Deletes the rows of a queryset by way of their instances: one query for both keys and receivers.
fn delete_heard(state: &QueryState, fetch: FetchRows, ex: &dyn Executor) -> Result<Deleted> {
    let mut state = state.clone();
    let clauses = state.clauses_mut();
    clauses.prefetch.clear();
    clauses.select_related.clear();
    clauses.loading = None;
    ex.atomic(|tx| {
        let instances = fetch(&state, tx)?;
        match instances.len() {
            0 => Ok(Deleted::default()),
            _ => collector::delete_instances(state.model, instances, tx),
        }
    })
}

/// Refuses querysets that have no rows to delete.
fn check(state: &QueryState) -> Result<()> {
    let clauses = state.clauses();
    state.sound()?;
    let after = if !clauses.slice.is_all() {
        "a slice"
    } else if !matches!(clauses.shape, Shape::Instances) {
        "values or values_list"
    } else if state.is_distinct_on() {
        "distinct_on"
    } else if let Some(combination) = state.combination_name() {
        combination
    } else {
        return Ok(());
    };
    Err(Misuse::NotAllowed { call: "delete", after }.into())
}

/// Deletes the rows whose keys a query has, by the collector.
fn collect(meta: &'static ModelMeta, keys: &Query, values: &[Value], ex: &dyn Executor) -> Result<Deleted> {
    let question = Question::OnceWith(keys, values);
    let keys: Vec<Value> = read::fetch(ex, meta, question, |row| Ok(row.value(0)))?;
    if keys.is_empty() {
        return Ok(Deleted::default());
    }
    ex.atomic(|tx| collector::delete(meta, keys, DeleteOptions::default(), tx))
}

/// The deletion of a queryset's rows, compiled. What is in reach stays as it is; who listens, and so whether the
/// engine's foreign keys suffice, is asked anew each time it runs.
#[derive(Debug)]
pub struct Plan {
    model: &'static ModelMeta,
    reach: Reach,
    statements: Option<Statements>,
    now: bool,
}

/// The same rows twice.
#[derive(Debug)]
struct Statements {
    /// To be deleted by one statement.
    delete: Statement,
    /// Their keys, for the collector.
    keys: Query,
}

impl Plan {
    /// Compiles it.
    pub(crate) fn new(state: &QueryState, mut compiler: Compiler<'_>, app: &App) -> Result<Plan> {
        check(state)?;
        let statements = match state.clauses().empty {
            true => None,
            false => {
                let delete = Statement::Delete(compiler.delete(state)?);
                Some(Statements { delete, keys: compiler.keys(state)? })
            }
        };
        let (reach, now) = (Reach::of(state.model, app), compiler.asks_for_now());
        Ok(Plan { model: state.model, reach, statements, now })
    }

    /// Deletes, with these values of the parameters.
    pub(crate) fn run(&self, values: &[Value], ex: &dyn Executor) -> Result<Deleted> {
        with_now(values, self.now, ex, |values| self.run_with(values, ex))
    }

    fn run_with(&self, values: &[Value], ex: &dyn Executor) -> Result<Deleted> {
        let Some(statements) = &self.statements else { return Ok(Deleted::default()) };
        if self.reach.engine_suffices(ex.shared().app()) {
            return delete_in_engine(self.model, &statements.delete, values, ex);
        }
        collect(self.model, &statements.keys, values, ex)
    }
}

/// Deletes the rows of a model with these keys, which are of one part.
pub(crate) fn by_keys(
    meta: &'static ModelMeta,
    keys: Vec<Value>,
    options: DeleteOptions,
    ex: &dyn Executor,
) -> Result<Deleted> {
    if Reach::of(meta, ex.shared().app()).engine_suffices(ex.shared().app()) {
        let mut state = QueryState::new(meta);
        state.add_condition(keys_in(keys));
        let statement = Statement::Delete(Compiler::new(ex).delete(&state)?);
        return delete_in_engine(meta, &statement, &[], ex);
    }
    ex.atomic(|tx| collector::delete(meta, keys, options, tx))
}

/// One statement; the engine's foreign keys do the rest, and it counts.
fn delete_in_engine(
    meta: &'static ModelMeta,
    statement: &Statement,
    values: &[Value],
    ex: &dyn Executor,
) -> Result<Deleted> {
    let outcome = execute(ex, meta.table, statement, values)?;
    let own = ex.shared().binding().model(meta)?.table;
    let mut deleted = Deleted::default();
    for (table, count) in outcome.per_table {
        deleted.add(if table == own { Label::of_model(meta) } else { label(table, ex) }, count);
    }
    Ok(deleted)
}

/// The label of the model whose rows a table has, or of the relation whose pairs it has.
fn label(table: TableId, ex: &dyn Executor) -> Label {
    for bound in ex.shared().binding().models() {
        if bound.table == table {
            return Label::of_model(bound.meta);
        }
        let through =
            bound.throughs().iter().find(|(_, through)| through.table == table && through.model.is_none());
        if let Some((field, _)) = through {
            return Label::of_pairs(bound.meta, *field);
        }
    }
    Label::of_table(table)
}

/// The rows that these values tell from all others, as instances for receivers.
pub(crate) fn fetch_doomed<M: Model>(keys: &[Value], ex: &dyn Executor) -> Result<Box<dyn Doomed>> {
    let compiled = Compiler::new(ex).rows_of_identities(M::meta(), keys)?;
    Ok(Box::new(Instances(plain_instances_of::<M>(&compiled, ex)?)))
}

/// The rows of a queryset, as instances for receivers.
pub(crate) fn fetch_rows<M: Model>(state: &QueryState, ex: &dyn Executor) -> Result<Box<dyn Doomed>> {
    Ok(Box::new(Instances(fetch_instances::<M>(state, ex)?)))
}

struct Instances<M>(Vec<M>);

impl<M: Model> Doomed for Instances<M> {
    fn keys(&self) -> Vec<Value> {
        self.0.iter().filter_map(key_of).collect()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn tell(&mut self, index: usize, moment: Moment, deleting: &Deleting, ex: &dyn Executor) -> Result<()> {
        ex.shared().app().signals().delete(moment, &mut self.0[index], deleting, ex)
    }
}
