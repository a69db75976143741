//! What inner joins connect, and how many rows each set of their inputs joins to.
//!
//! Columns that equalities make equal form a *class*: of `a = b AND b = c` the three columns are one class, so `a` and
//! `c` may be joined first, by an equality nobody wrote. An expression over one input, as `lower(name)`, is a member of
//! a class as a column is. How many rows a set joins to depends on the set alone and not on the order, as it must for
//! dynamic programming: each class leaves a share of the combinations of its members' rows (see
//! [`spread`](super::super::spread)).

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::super::cost;
use super::super::filtered_scan::filtered_scan;
use super::super::planner::Planner;
use super::super::rewrite::mentioned;
use super::super::spread::{Spread, meeting_share};
use super::super::subject::{Subject, Subjects};
use super::set::InputSet;
use crate::algebra::walk::{self, ColumnSet};
use crate::algebra::{Comparison, Expr, Relation, Source};
use crate::evaluate::same_keys;
use crate::plan::{Basis, Estimate, Plan};

/// Stands for a source of no input.
const ELSEWHERE: usize = usize::MAX;

/// The inputs of inner joins and what connects them.
pub(crate) struct JoinGraph {
    inputs: Vec<Input>,
    classes: Vec<Class>,
    conjuncts: Vec<Conjunct>,
    neighbours: Vec<InputSet>,
    /// How what is known of it is known.
    basis: Basis,
}

struct Input {
    rows: f64,
    cost: f64,
    lookups: Vec<Lookup>,
    /// How many rows the table has in which they are looked up.
    table_rows: f64,
    keys: Vec<Key>,
}

/// An ordered path by which rows of an input are found: the classes of its leading columns, and how many rows have
/// equal values in the first one, two, .. of them.
struct Lookup {
    classes: SmallVec<[usize; 2]>,
    matches: SmallVec<[f64; 2]>,
}

/// A key of several columns that no two rows of a table share.
struct Key {
    classes: SmallVec<[usize; 4]>,
    rows: f64,
}

/// Columns, and expressions over one input, of different inputs that are equal.
struct Class {
    inputs: InputSet,
    members: Vec<Member>,
    /// The equalities that say so, with their two inputs.
    written: Vec<(Expr, [usize; 2])>,
    /// By which members are joined, as bits of a number: the share of the combinations of their rows that agree. Empty
    /// if their values are spread evenly, or there are too many of them for that.
    shares: Vec<f64>,
}

/// Members of a class up to which the shares of all of its subsets are kept.
const MEMBERS_WEIGHED_MAX: usize = 6;

struct Member {
    input: usize,
    expr: Expr,
    distinct: f64,
    /// The share of the rows in which it is not NULL, and so may equal something.
    present: f64,
}

/// A condition that is no equality of two members of a class.
struct Conjunct {
    expr: Expr,
    inputs: InputSet,
    /// Whether it mentions what is no input, and so is for the end.
    is_last: bool,
    share: f64,
    is_taken: bool,
}

impl Class {
    /// Finds out how often the values of its members meet. Rows are looked at only where more than one member may have
    /// values that are more frequent than others: of a foreign key and the key that it refers to, each row finds one.
    fn weigh(&mut self, planner: &Planner<'_>, inputs: &[(Relation, Plan)]) {
        if self.members.len() > MEMBERS_WEIGHED_MAX {
            return;
        }
        let (mut uneven, mut repeated) = (0, 0);
        for member in &self.members {
            let Expr::Column(column) = member.expr else { continue };
            let [is_uneven, is_repeated] = planner.may_be_uneven(&inputs[member.input].0, column);
            uneven += usize::from(is_uneven);
            repeated += usize::from(is_uneven && is_repeated);
        }
        if uneven < 2 || repeated == 0 {
            return;
        }
        let mut spreads: SmallVec<[Spread; 2]> = SmallVec::new();
        for member in &mut self.members {
            let (relation, plan) = &inputs[member.input];
            let spread = match member.expr {
                Expr::Column(column) => planner.spread(relation, column, plan.estimate.rows),
                _ => Spread::even(member.distinct),
            };
            member.distinct = spread.distinct();
            spreads.push(spread);
        }
        let joined =
            |bits: usize| spreads.iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1);
        let share = |bits: usize| match bits.count_ones() {
            0 | 1 => 1.0,
            _ => meeting_share(&joined(bits).map(|(_, spread)| spread).collect::<SmallVec<[&Spread; 2]>>()),
        };
        self.shares = (0..1 << spreads.len()).map(share).collect();
    }

    /// The share of the combinations of rows of a set of inputs that agree in the members among them.
    fn share(&self, set: InputSet) -> f64 {
        if let [_, ..] = self.shares.as_slice() {
            let bit = |(place, member): (usize, &Member)| usize::from(set.contains(member.input)) << place;
            return self.shares[self.members.iter().enumerate().map(bit).sum::<usize>()];
        }
        let (mut present, mut divisor, mut least, mut count) = (1.0, 1.0, f64::INFINITY, 0);
        for member in self.members.iter().filter(|member| set.contains(member.input)) {
            present *= member.present;
            divisor *= member.distinct;
            least = f64::min(least, member.distinct);
            count += 1;
        }
        if count > 1 { present * least / divisor } else { 1.0 }
    }
}

impl Planner<'_> {
    /// A column or an expression of an input as a member of a class.
    fn class_member(&self, expr: &Expr, input: usize, relation: &Relation, plan: &Plan) -> Member {
        let fixed = matches!(expr, Expr::Column(column) if self.is_fixed(relation, *column));
        let (distinct, present) = match expr {
            _ if fixed => (Some(1.0), 1.0),
            Expr::Column(column) => (self.distinct(*column), self.present_share(relation, *column)),
            computed => (self.distinct_of(computed), 1.0),
        };
        let distinct = distinct.unwrap_or(plan.estimate.rows).max(1.0);
        Member { input, expr: expr.clone(), distinct, present }
    }
}

/// The only input that an expression mentions, if it mentions one.
fn only_input(expr: &Expr, input: &dyn Fn(Source) -> usize) -> Option<usize> {
    if let Expr::Column(column) = expr {
        return Some(input(column.source())).filter(|input| *input != ELSEWHERE);
    }
    let mut inputs = mentioned(expr).into_iter().map(input);
    let first = inputs.next().filter(|first| *first != ELSEWHERE)?;
    inputs.all(|other| other == first).then_some(first)
}

impl JoinGraph {
    /// A graph of inputs, with their plans, and conjuncts over them.
    pub(crate) fn new(planner: &Planner<'_>, inputs: &[(Relation, Plan)], parts: Vec<Expr>) -> JoinGraph {
        let mut input_of = HashMap::new();
        for (number, (relation, _)) in inputs.iter().enumerate() {
            input_of.extend(walk::sources_of(relation).into_iter().map(|source| (source, number)));
        }
        let input = |source: Source| input_of.get(&source).copied().unwrap_or(ELSEWHERE);
        let mut graph = JoinGraph {
            inputs: Vec::new(),
            classes: Vec::new(),
            conjuncts: Vec::new(),
            neighbours: vec![InputSet::default(); inputs.len()],
            basis: Basis::Statistics,
        };
        let below = inputs.iter().map(|(_, plan)| plan.estimate.basis).max().unwrap_or(Basis::Counted);
        let (is_guess, ()) = planner.noting_guesses(|| {
            for part in parts {
                if let Some(members) = graph.class_members(planner, inputs, &part, &input) {
                    graph.add_equality(part, members);
                } else {
                    graph.add_conjunct(planner, inputs, part, &input);
                }
            }
            for class in &mut graph.classes {
                class.weigh(planner, inputs);
            }
            let describe = |(number, input)| graph.describe(planner, number, input);
            graph.inputs = inputs.iter().enumerate().map(describe).collect();
        });
        graph.basis = below.max(if is_guess { Basis::Guess } else { Basis::Statistics });
        for class in &graph.classes {
            for member in class.inputs.iter() {
                graph.neighbours[member] =
                    graph.neighbours[member].union(class.inputs).without(InputSet::of(member));
            }
        }
        graph
    }

    /// The two members that a conjunct says to be equal, if their classes may become one.
    fn class_members(
        &self,
        planner: &Planner<'_>,
        inputs: &[(Relation, Plan)],
        part: &Expr,
        input: &dyn Fn(Source) -> usize,
    ) -> Option<[Member; 2]> {
        let Expr::Compare(Comparison::Equal, a, b) = part else { return None };
        let (a_input, b_input) = (only_input(a, input)?, only_input(b, input)?);
        if a_input == b_input {
            return None;
        }
        let (a_class, b_class) = (self.class_of(a), self.class_of(b));
        let inputs_of =
            |class: Option<usize>, own| class.map_or(InputSet::of(own), |class| self.classes[class].inputs);
        let same = a_class.is_some() && a_class == b_class;
        let apart = !inputs_of(a_class, a_input).meets(inputs_of(b_class, b_input));
        if !same && !apart {
            return None;
        }
        let kind = |side: &Expr, input: usize| {
            let plan = &inputs.get(input)?.1;
            match side {
                Expr::Column(column) => {
                    Some(plan.columns.iter().find(|known| known.column == *column)?.data_type)
                }
                // Of a class any two are compared, any number of times.
                computed => {
                    let scalar = planner.compile(computed, plan).ok()?;
                    (!scalar.is_volatile()).then(|| scalar.data_type())
                }
            }
        };
        let (a_kind, b_kind) = (kind(a, a_input)?, kind(b, b_input)?);
        let member = |side: &Expr, input: usize| {
            let (relation, plan) = &inputs[input];
            planner.class_member(side, input, relation, plan)
        };
        same_keys(a_kind, b_kind).then(|| [member(a, a_input), member(b, b_input)])
    }

    fn class_of(&self, expr: &Expr) -> Option<usize> {
        self.classes.iter().position(|class| class.members.iter().any(|member| member.expr == *expr))
    }

    fn add_equality(&mut self, part: Expr, members: [Member; 2]) {
        let written = (part, members.each_ref().map(|member| member.input));
        let [a, b] = members.each_ref().map(|member| self.class_of(&member.expr));
        let (class, other) = match (a, b) {
            (Some(a), Some(b)) if a == b => (a, None),
            (Some(a), Some(b)) => (a.min(b), Some(self.classes.remove(a.max(b)))),
            (Some(class), None) | (None, Some(class)) => (class, None),
            (None, None) => {
                let class = Class {
                    inputs: InputSet::default(),
                    members: Vec::new(),
                    written: Vec::new(),
                    shares: Vec::new(),
                };
                self.classes.push(class);
                (self.classes.len() - 1, None)
            }
        };
        let class = &mut self.classes[class];
        if let Some(other) = other {
            class.inputs = class.inputs.union(other.inputs);
            class.members.extend(other.members);
            class.written.extend(other.written);
        }
        for member in members {
            if !class.members.iter().any(|known| known.expr == member.expr) {
                class.inputs = class.inputs.union(InputSet::of(member.input));
                class.members.push(member);
            }
        }
        class.written.push(written);
    }

    fn add_conjunct(
        &mut self,
        planner: &Planner<'_>,
        relations: &[(Relation, Plan)],
        expr: Expr,
        input: &dyn Fn(Source) -> usize,
    ) {
        let inputs_in =
            |expr: &Expr| -> SmallVec<[usize; 4]> { mentioned(expr).into_iter().map(input).collect() };
        let all = inputs_in(&expr);
        let is_last = all.is_empty() || all.contains(&ELSEWHERE);
        let known = |all: SmallVec<[usize; 4]>| {
            all.into_iter().filter(|input| *input != ELSEWHERE).collect::<InputSet>()
        };
        let inputs = known(all);
        if let Expr::Compare(Comparison::Equal, a, b) = &expr {
            let (a, b) = (known(inputs_in(a)), known(inputs_in(b)));
            if !a.meets(b) {
                a.iter().for_each(|side| self.neighbours[side] = self.neighbours[side].union(b));
                b.iter().for_each(|side| self.neighbours[side] = self.neighbours[side].union(a));
            }
        }
        let within: SmallVec<[&Relation; 4]> = inputs.iter().map(|input| &relations[input].0).collect();
        let share = planner.share_within(&expr, &within);
        self.conjuncts.push(Conjunct { expr, inputs, is_last, share, is_taken: false });
    }

    /// What an input is to the joins: its rows, and by which keys they are found.
    fn describe(&self, planner: &Planner<'_>, number: usize, (relation, plan): &(Relation, Plan)) -> Input {
        let mut input = Input {
            rows: plan.estimate.rows,
            cost: planner.price(plan),
            lookups: Vec::new(),
            table_rows: 0.0,
            keys: Vec::new(),
        };
        let Some((table, source, _)) = filtered_scan(relation) else { return input };
        let Ok(definition) = planner.table(table) else { return input };
        let rows = planner.table_rows(table);
        input.table_rows = rows;
        let subjects = Subjects::of(definition, source);
        // What may be looked up, with the number of its class and the share of the rows that have it.
        let keys: SmallVec<[(Subject, usize, f64); 4]> = self
            .classes
            .iter()
            .enumerate()
            .filter_map(|(class, of)| {
                let member = of.members.iter().find(|member| member.input == number)?;
                Some((subjects.find(&member.expr)?.0, class, member.present))
            })
            .collect();
        let key = |subject: Subject| keys.iter().find(|(known, ..)| *known == subject);
        let row_id = definition.row_id_column().and_then(|place| key(Subject::Column(place)));
        let row_id = row_id.map(|(_, class, _)| *class);
        if let Some(class) = row_id.or_else(|| self.class_of(&Expr::Column(source.row_id()))) {
            input.lookups.push(Lookup {
                classes: [class].into_iter().collect(),
                matches: [1.0].into_iter().collect(),
            });
        }
        for index in definition.indexes.iter().filter(|index| index.condition.is_none()) {
            let found: SmallVec<[_; 2]> = subjects.of_index(index).map_while(key).collect();
            let classes: SmallVec<[usize; 2]> = found.iter().map(|(_, class, _)| *class).collect();
            if index.is_unique() && classes.len() == index.parts.len() && classes.len() > 1 {
                input.keys.push(Key { classes: classes.iter().copied().collect(), rows: rows.max(1.0) });
            }
            if !classes.is_empty() {
                let mut present = rows;
                let matches = |(place, (.., share)): (usize, &&(Subject, usize, f64))| {
                    present *= share;
                    present / planner.distinct_keys(definition, index, place + 1)
                };
                let matches = found.iter().enumerate().map(matches).collect();
                input.lookups.push(Lookup { classes, matches });
            }
        }
        input
    }

    /// All inputs.
    pub(crate) fn all(&self) -> InputSet {
        (0..self.inputs.len()).collect()
    }

    /// The inputs that something connects to one of these.
    pub(crate) fn neighbours(&self, inputs: InputSet) -> InputSet {
        inputs.iter().fold(InputSet::default(), |all, input| all.union(self.neighbours[input]))
    }

    /// The sets of inputs between which nothing connects.
    pub(crate) fn components(&self) -> Vec<InputSet> {
        let (mut left, mut components) = (self.all(), Vec::new());
        while let Some(first) = left.iter().next() {
            let mut component = InputSet::of(first);
            loop {
                let grown = component.union(self.neighbours(component));
                if grown == component {
                    break;
                }
                component = grown;
            }
            components.push(component);
            left = left.without(component);
        }
        components
    }

    /// What it costs to read an input.
    pub(crate) fn input_cost(&self, input: usize) -> f64 {
        self.inputs[input].cost
    }

    /// An estimate of how many rows a set of inputs joins to.
    pub(crate) fn estimate(&self, set: InputSet) -> Estimate {
        Estimate::about(self.rows(set)).resting_on(self.basis)
    }

    /// How many rows a set of inputs joins to.
    pub(crate) fn rows(&self, set: InputSet) -> f64 {
        let mut rows: f64 = set.iter().map(|input| self.inputs[input].rows).product();
        for class in self.classes.iter().filter(|class| class.inputs.meets(set)) {
            rows *= class.share(set);
        }
        for input in set.iter() {
            rows *=
                self.inputs[input].keys.iter().map(|key| self.key_factor(key, input, set)).product::<f64>();
        }
        let conjuncts =
            self.conjuncts.iter().filter(|conjunct| !conjunct.is_last && conjunct.inputs.is_subset(set));
        (rows * conjuncts.map(|conjunct| conjunct.share).product::<f64>()).max(1e-3)
    }

    /// A key of several columns has no more combinations than its table has rows: by how much the product of the
    /// columns' numbers of different values is too great.
    fn key_factor(&self, key: &Key, input: usize, set: InputSet) -> f64 {
        let others = set.without(InputSet::of(input));
        let mut product = 1.0;
        for class in &key.classes {
            let class = &self.classes[*class];
            if !class.inputs.meets(others) {
                return 1.0;
            }
            let own = class.members.iter().find(|member| member.input == input);
            product *= own.map_or(1.0, |member| member.distinct);
        }
        (product / key.rows).max(1.0)
    }

    /// What the join of two sets costs by the cheapest method, their own rows and costs being these.
    pub(crate) fn join_cost(
        &self,
        (left, left_rows, left_cost): (InputSet, f64, f64),
        (right, right_rows, right_cost): (InputSet, f64, f64),
        rows: f64,
    ) -> f64 {
        let yielding = rows * cost::JOINED;
        let hash = left_cost
            + right_cost
            + cost::hash_join(left_rows.max(right_rows), left_rows.min(right_rows), rows);
        let by_right = self.lookup_cost(left, left_rows, right).map(|cost| left_cost + cost);
        let by_left = self.lookup_cost(right, right_rows, left).map(|cost| right_cost + cost);
        let by_index = by_right.into_iter().chain(by_left).map(|cost| cost + yielding);
        by_index.fold(hash, f64::min)
    }

    /// What it costs to look up the partners of the rows of a set by a key, if the right side is an input that has one.
    fn lookup_cost(&self, left: InputSet, left_rows: f64, right: InputSet) -> Option<f64> {
        let input = right.single()?;
        let found = |lookup: &Lookup| {
            let known =
                lookup.classes.iter().take_while(|class| self.classes[**class].inputs.meets(left)).count();
            known.checked_sub(1).map(|last| lookup.matches[last])
        };
        let input = &self.inputs[input];
        let matches = input.lookups.iter().filter_map(found).reduce(f64::min)?;
        Some(cost::index_join(left_rows, matches, input.table_rows))
    }

    /// What must hold between the rows of two sets that are joined: for each class with members in both one equality,
    /// as it is written if it is, and every other condition that neither set could be asked alone.
    pub(crate) fn conditions(&mut self, left: InputSet, right: InputSet) -> Vec<Expr> {
        let mut conditions = Vec::new();
        for class in &self.classes {
            let member = |set: InputSet| class.members.iter().find(|member| set.contains(member.input));
            let (Some(l), Some(r)) = (member(left), member(right)) else { continue };
            let across = |inputs: &[usize; 2]| {
                let [a, b] = *inputs;
                left.contains(a) && right.contains(b) || left.contains(b) && right.contains(a)
            };
            let written = class.written.iter().find(|(_, inputs)| across(inputs));
            let made = || l.expr.clone().equals(r.expr.clone());
            conditions.push(written.map_or_else(made, |(expr, _)| expr.clone()));
        }
        let both = left.union(right);
        for conjunct in &mut self.conjuncts {
            if !conjunct.is_taken && !conjunct.is_last && conjunct.inputs.is_subset(both) {
                conjunct.is_taken = true;
                conditions.push(conjunct.expr.clone());
            }
        }
        conditions
    }

    /// Adds the columns that conditions on a joined set may still mention.
    pub(crate) fn add_needed(&self, joined: InputSet, needed: &mut ColumnSet) {
        let is_open = |class: &&Class| class.inputs.meets(joined) && !class.inputs.is_subset(joined);
        let members = self.classes.iter().filter(is_open).flat_map(|class| &class.members);
        let own = members.filter(|member| joined.contains(member.input));
        own.for_each(|member| walk::add_columns(&member.expr, needed));
        self.rest().for_each(|expr| walk::add_columns(expr, needed));
    }

    /// The conditions that have not been taken, but for the classes.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &Expr> {
        self.conjuncts.iter().filter(|conjunct| !conjunct.is_taken).map(|conjunct| &conjunct.expr)
    }
}
