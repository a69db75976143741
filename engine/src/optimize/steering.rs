//! Choices: where a planner takes one of several alternatives, and how it is made to take another.
//!
//! Planning is deterministic. Each time it has a choice it asks here, and the answer is written down; so a plan is
//! known by the list of its answers, and every list of answers is a plan. [`deviations`](Steering::deviations) are the
//! lists that give a first different answer somewhere: planning again with one of them is planning as before up to
//! there, taking the other way, and doing the best from then on. (Model checkers explore schedules so.)

/// The answers that are given, and those that were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steering {
    is_on: bool,
    /// The first answers; after them, the cheapest.
    given: Vec<usize>,
    /// What was answered, and how many answers there were.
    answers: Vec<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    chosen: usize,
    alternatives: usize,
}

impl Steering {
    /// Gives these answers first, and looks at alternatives that are known to be worse too.
    pub(crate) fn along(given: Vec<usize>) -> Steering {
        Steering { is_on: true, given, answers: Vec::new() }
    }

    /// Whether alternatives are wanted that a planner would not look at for the best plan.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// The number of one of several alternatives, by their costs. There is one.
    pub(crate) fn choose(&mut self, costs: &[f64]) -> usize {
        let cheapest = (0..costs.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
        if !self.is_on || costs.len() < 2 {
            return cheapest;
        }
        let given = self.given.get(self.answers.len()).copied();
        let chosen = given.filter(|given| *given < costs.len()).unwrap_or(cheapest);
        self.answers.push(Answer { chosen, alternatives: costs.len() });
        chosen
    }

    /// The lists of answers that agree with the answers given so far up to one, after those that were prescribed.
    pub(crate) fn deviations(&self) -> impl Iterator<Item = Vec<usize>> + use<'_> {
        let of = move |place: usize| {
            let Answer { chosen, alternatives } = self.answers[place];
            let others = (0..alternatives).filter(move |other| *other != chosen);
            others.map(move |other: usize| {
                let before = self.answers[..place].iter().map(|answer| answer.chosen);
                before.chain([other]).collect()
            })
        };
        (self.given.len()..self.answers.len()).flat_map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two choices, the second of which is there only after one answer to the first.
    fn plan(steering: &mut Steering) -> (usize, Option<usize>) {
        let first = steering.choose(&[2.0, 1.0, 3.0]);
        (first, (first != 2).then(|| steering.choose(&[5.0, 4.0])))
    }

    #[test]
    fn every_plan_is_reached_once_from_the_cheapest() {
        let (mut open, mut plans) = (vec![Vec::new()], Vec::new());
        while let Some(given) = open.pop() {
            let mut steering = Steering::along(given);
            plans.push(plan(&mut steering));
            open.extend(steering.deviations());
        }
        assert_eq!(plans[0], (1, Some(1)));
        plans.sort_unstable();
        assert_eq!(plans, [(0, Some(0)), (0, Some(1)), (1, Some(0)), (1, Some(1)), (2, None)]);
    }
}
