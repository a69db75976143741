//! The plans of a query that other decisions lead to.

use hashbrown::HashSet;
use nuages_storage::{Value, Version};

use crate::algebra::Query;
use crate::catalog::{Catalog, SchemaId};
use crate::error::Error;
use crate::evaluate::Context;
use crate::explain::{self, Explanation};
use crate::optimize::{self, Planned};
use crate::plan::Plan;
use crate::prepared::Prepared;
use crate::session::Session;

/// The most plans that are shown if nobody says how many: a query of many joins has more than anybody wants to see.
pub(crate) const PLANS_MAX: usize = 64;

/// How often a query is planned for each of the plans that are wanted: decisions about what is not part of the plan in
/// the end lead to the same plan again.
const ATTEMPTS_EACH: usize = 6;

/// A plan that a query may be run by.
#[derive(Clone, Debug)]
pub struct Alternative {
    query: Query,
    plan: Plan,
    schema: SchemaId,
    explanation: Explanation,
    cost: f64,
    deviations: Option<usize>,
}

impl Alternative {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it looks like.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// How long it is thought to take, in microseconds.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// Whether it is the optimiser's choice.
    pub fn is_chosen(&self) -> bool {
        self.deviations == Some(0)
    }

    /// Whether the query is run as it was written, without any optimisation.
    pub fn is_naive(&self) -> bool {
        self.deviations.is_none()
    }

    /// The query, prepared with this plan and no other: `session.run` runs it. Once the schema has changed it is
    /// planned anew, as any prepared query is.
    pub fn prepare(&self) -> Prepared {
        Prepared::with_plan(self.query.clone(), self.plan.clone(), self.schema)
    }

    /// Runs the plan on what a session sees now, within its limits, and explains it with what each operator did.
    ///
    /// # Errors
    /// What the query's expressions refuse; [`Error::PlanOutdated`] if it was made under another schema than the session
    /// has.
    pub fn analyze(&self, session: &dyn Session, parameters: &[Value]) -> Result<Explanation, Error> {
        let version = session.version()?;
        let catalog = Catalog::of(&version);
        if catalog.schema_id() != self.schema {
            return Err(Error::PlanOutdated);
        }
        let interrupt = session.interrupt();
        let context = Context::new(parameters).within(&interrupt);
        explain::analyze(&self.plan, &version, catalog, &context)
    }
}

/// The plans of a query, the optimiser's choice first and the others by what they are thought to cost; last comes the
/// query as it was written. They differ in access paths, in the order of joins and their methods, and in which
/// rewritings are made; those that differ from the choice in one decision are found before those that differ in more.
/// At most so many.
///
/// # Errors
/// What a query can be refused for when it is planned.
pub fn plans(
    query: &Query,
    catalog: &Catalog,
    version: &Version,
    most: usize,
) -> Result<Vec<Alternative>, Error> {
    let mut open = std::collections::VecDeque::from([(Vec::new(), 0)]);
    let (mut found, mut seen): (Vec<Alternative>, _) = (Vec::new(), HashSet::new());
    let alternative = |planned: Planned, deviations: Option<usize>| {
        let explanation = planned.plan.explain(catalog);
        let Planned { plan, cost } = planned;
        Alternative { query: query.clone(), plan, schema: catalog.schema_id(), explanation, cost, deviations }
    };
    for _ in 0..most.saturating_mul(ATTEMPTS_EACH).max(1) {
        let Some((given, deviations)) = open.pop_front() else { break };
        let (planned, further) = optimize::plan_along(query, catalog, version, given)?;
        open.extend(further.into_iter().map(|given| (given, deviations + 1)));
        let plan = alternative(planned, Some(deviations));
        if seen.insert(plan.explanation.to_string()) {
            found.push(plan);
        }
        if found.len() + 1 >= most {
            break;
        }
    }
    found[1..].sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let naive = alternative(optimize::plan_as_written(query, catalog, version)?, None);
    if seen.insert(naive.explanation.to_string()) {
        found.push(naive);
    }
    Ok(found)
}
