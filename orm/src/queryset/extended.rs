//! `update` of fields that a row has from what it extends: Django's updates of multi-table inheritance.
//!
//! A restaurant's name stands in the table of places. What is written may decide which rows are meant, so they are told
//! by their keys first; a row and what it extends have the same one. Then each table is written by a statement of its
//! own, all of them or none.

use nuages_storage::Value;

use super::{
    run::keys_in,
    state::{Ordering, QueryState, Shape},
    write,
};
use crate::{
    assignment::AssignmentNode,
    atomic::Atomic,
    compile::Compiler,
    error::{Error, Misuse, Result},
    executor::Executor,
    field::RowReader,
    meta::ModelMeta,
    node::{FieldPath, Node, Step},
    read,
};

/// Writes fields of the rows of a queryset and of what they extend. As in Django, the rows of the queryset's own table
/// count, if any of its fields is written.
pub(super) fn update(state: &QueryState, list: &[AssignmentNode], ex: &dyn Executor) -> Result<u64> {
    write::check_rows(state)?;
    if state.is_never() {
        return Ok(0);
    }
    let (own, extended): (Vec<_>, Vec<_>) = list.iter().cloned().partition(AssignmentNode::is_own);
    let mut tables: Vec<(FieldPath, Vec<AssignmentNode>)> = Vec::new();
    for AssignmentNode { above, step, value } in extended {
        let value = seen_from(above.steps(), &value);
        let place = tables.iter().position(|(known, _)| *known == above).unwrap_or_else(|| {
            tables.push((above, Vec::new()));
            tables.len() - 1
        });
        tables[place].1.push(AssignmentNode::own(step, value));
    }
    ex.atomic(|tx| {
        let keys = keys(state, tx)?;
        if keys.is_empty() {
            return Ok(0);
        }
        let write = |model, list: &[AssignmentNode]| {
            let mut rows = QueryState::new(model);
            rows.add_condition(keys_in(keys.iter().cloned()));
            write::update(&rows, list, tx)
        };
        let mut changed = (!own.is_empty()).then(|| write(state.model, &own)).transpose()?;
        for (above, list) in &tables {
            let model = extended_model(state.model, above)?;
            check_choices(model, list, tx)?;
            let of_table = write(model, list)?;
            changed.get_or_insert(of_table);
        }
        Ok(changed.unwrap_or_default())
    })
}

/// The model at the end of a way from a row to what it extends.
fn extended_model(model: &'static ModelMeta, above: &FieldPath) -> Result<&'static ModelMeta> {
    let end = above.steps().iter().try_fold(model, |model, step| step.target(model));
    end.ok_or_else(|| Misuse::JoinHere { place: "update" }.into())
}

/// An expression over a row as one over what the row extends.
fn seen_from(above: &[Step], node: &Node) -> Node {
    match node {
        Node::Path(path) => match path.steps().strip_prefix(above) {
            Some(rest) => Node::Path(rest.iter().copied().collect()),
            None => Node::misuse(Misuse::JoinHere { place: "update" }),
        },
        Node::Filtered(_) => Node::misuse(Misuse::JoinHere { place: "update" }),
        other => other.map(&|part| seen_from(above, part)),
    }
}

/// Refuses constants that are none of a field's choices.
fn check_choices(model: &'static ModelMeta, list: &[AssignmentNode], ex: &dyn Executor) -> Result<()> {
    let typed = ex.shared().app().typed(model).ok_or(Error::Unregistered { model: model.name })?;
    for one in list {
        let (Step::Field(field), Node::Value(value)) = (one.step, &one.value) else { continue };
        if model.field(field).is_some_and(|field| field.choices.is_some()) && !value.is_null() {
            (typed.can_hold)(field, value)?;
        }
    }
    Ok(())
}

/// The keys of the rows of a queryset, each once.
fn keys(state: &QueryState, ex: &dyn Executor) -> Result<Vec<Value>> {
    let mut bare = state.clone();
    let clauses = bare.clauses_mut();
    let annotations_before = u16::try_from(clauses.annotations.len()).unwrap_or(u16::MAX);
    clauses.shape = Shape::Values { columns: vec![Node::Path(FieldPath::new())], annotations_before };
    clauses.ordering = Ordering::By(Vec::new());
    let query = Compiler::new(ex).rows(&bare)?.query;
    let mut keys = read::fetch(ex, state.model, query, |row| Ok(row.value(0)))?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
