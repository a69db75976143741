//! Index joins: the partners of a row looked up by a key of the table they are in.

use super::super::access::fetches;
use super::super::cost;
use super::super::filtered_scan::filtered_scan;
use super::super::implication::condition_covered;
use super::super::planner::{Planner, sources};
use super::super::subject::{Subject, Subjects};
use super::joined::{joined_columns, joined_rows};
use super::{Wanted, equality};
use crate::algebra::walk::{self, ColumnSet, SourceSet, conjunction, conjuncts};
use crate::algebra::{Expr, JoinKind, Relation};
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Scalar, same_keys};
use crate::plan::{Estimate, Lookup, LookupBy, Node, Plan};

/// A lookup that an index join may use, and what it costs.
pub(super) struct LookupCandidate {
    by: LookupBy,
    /// The conjuncts it covers.
    pub(super) covered: Vec<usize>,
    matches: f64,
    pub(super) cost: f64,
}

impl Planner<'_> {
    /// The cheapest way to look up the partners of a left row by a key of the right table.
    pub(super) fn lookup(
        &self,
        left: &Plan,
        right: &Relation,
        on: &[Expr],
    ) -> Result<Option<LookupCandidate>, Error> {
        let Some((table, source, filter)) = filtered_scan(right) else { return Ok(None) };
        let definition = self.table(table)?;
        let subjects = Subjects::of(definition, source);
        let left_sources = sources(left);
        let right_sources = SourceSet::from_iter([source]);
        let mut keys = Vec::new();
        for (number, part) in on.iter().enumerate() {
            let Some((value, own)) = equality(part, &left_sources, &right_sources) else { continue };
            let Some((subject, kind)) = subjects.find(own) else { continue };
            let scalar = self.compile(value, left)?;
            if same_keys(scalar.data_type(), kind) {
                keys.push((number, subject, scalar));
            }
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let key = definition.row_id_column().map(Subject::Column);
        let row_id = keys.iter().find(|(_, subject, _)| key == Some(*subject));
        if let Some((number, _, scalar)) = row_id {
            let cost = cost::fetches(left.estimate.rows, self.table_rows(table));
            let by = LookupBy::RowId(scalar.clone());
            return Ok(Some(LookupCandidate { by, covered: vec![*number], matches: 1.0, cost }));
        }
        let parts = filter.cloned().map(conjuncts).unwrap_or_default();
        let serves = |index: &&IndexDefinition| condition_covered(index, &subjects, &parts).is_some();
        let indexes = definition.indexes.iter().filter(serves);
        Ok(indexes
            .filter_map(|index| self.index_lookup(&subjects, index, &keys, left.estimate.rows))
            .min_by(|a, b| a.cost.total_cmp(&b.cost)))
    }

    fn index_lookup(
        &self,
        subjects: &Subjects<'_>,
        index: &IndexDefinition,
        keys: &[(usize, Subject, Scalar)],
        left_rows: f64,
    ) -> Option<LookupCandidate> {
        let definition = subjects.definition;
        let key_of = |part: Subject| keys.iter().find(|(_, subject, _)| *subject == part);
        let found: Vec<_> = subjects.of_index(index).map_while(key_of).collect();
        let unique = index.is_unique() && found.len() == index.parts.len();
        let rows = self.index_entries(definition.id, index);
        let matches = if unique { 1.0 } else { rows / self.distinct_keys(definition, index, found.len()) };
        let cost = cost::index_join(left_rows, matches, self.table_rows(definition.id));
        (!found.is_empty()).then(|| LookupCandidate {
            by: LookupBy::Index {
                index: index.id,
                parts: index.key_parts(),
                keys: found.iter().map(|(_, _, scalar)| scalar.clone()).collect(),
                unique,
            },
            covered: found.iter().map(|(number, ..)| *number).collect(),
            matches,
            cost,
        })
    }

    /// How many different values the first parts of an index have.
    pub(crate) fn distinct_keys(
        &self,
        definition: &TableDefinition,
        index: &IndexDefinition,
        parts: usize,
    ) -> f64 {
        let rows = self.version.table(definition.id);
        let counted = rows
            .filter(|_| parts > 0)
            .and_then(|rows| definition.statistics.distinct_keys(definition, rows, index, parts));
        counted.unwrap_or_else(|| self.table_rows(definition.id) * 0.1).max(1.0)
    }

    pub(super) fn index_join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: &Relation,
        on: Vec<Expr>,
        candidate: LookupCandidate,
        wanted: Wanted<'_>,
    ) -> Result<Plan, Error> {
        let Some((table, source, filter)) = filtered_scan(right) else {
            return Err(Error::Unsupported {
                feature: "an index join with something that is no table".into(),
            });
        };
        let mut residual: Vec<Expr> =
            filter.into_iter().flat_map(|filter| conjuncts(filter.clone())).collect();
        let (covered, rest): (Vec<_>, Vec<_>) =
            on.into_iter().enumerate().partition(|(number, _)| candidate.covered.contains(number));
        residual.extend(rest.into_iter().map(|(_, part)| part));
        let on = covered.into_iter().map(|(_, part)| part).collect();
        let Estimate { rows, basis } = left.estimate;
        let estimate = wanted.estimate.unwrap_or_else(|| {
            self.estimated(basis, || {
                joined_rows(kind, rows, candidate.matches * self.share_of_all(&residual))
            })
        });
        let mut wanted = match kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => wanted.needed.clone(),
            JoinKind::Semi | JoinKind::Anti => ColumnSet::new(),
        };
        residual.iter().for_each(|part| walk::add_columns(part, &mut wanted));
        let (fetch, right_columns) = fetches(self.table(table)?, source, &wanted)?;
        let residual = conjunction(residual)
            .map(|predicate| self.compile_pair(predicate, &left, &right_columns))
            .transpose()?;
        let columns = joined_columns(kind, &left, &right_columns);
        let lookup = Lookup { table, fetch, by: candidate.by, matches: candidate.matches, residual, on };
        let node = Node::IndexJoin { kind, left: Box::new(left), lookup };
        Ok(Plan { node, columns, estimate })
    }
}
