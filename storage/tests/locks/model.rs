//! The lock table against a model that keeps each row by itself and looks at everything each time.

use std::collections::{BTreeMap, BTreeSet};

use nuages_storage::RowId;
use nuages_storage::lock::Strength::{KeyShare, NoKeyUpdate, Share, Update};
use nuages_storage::lock::{
    Because, How, LockError, Locks, Name, Outcome, Owner, RowBlock, Strength, Ticket,
};
use proptest::prelude::*;

use crate::{TABLE, is_through};

const OWNERS: usize = 6;
/// The first two owners are on one thread.
const NODES: [usize; OWNERS] = [0, 0, 1, 2, 3, 4];
const BLOCKS: usize = 3;
const ROWS: u32 = 4;

#[derive(Clone, Copy, Debug)]
struct Wait {
    number: usize,
    owner: usize,
    rows: u64,
    strength: Strength,
}

/// One edge: who waits, in which block, about which row, for whom, and whether that one holds the row.
type Edge = (usize, usize, u32, usize, bool);

#[derive(Clone, Debug, Default)]
struct Model {
    /// By block, owner and row.
    held: BTreeMap<(usize, usize, u32), Strength>,
    /// By block, from the front.
    queues: [Vec<Wait>; BLOCKS],
    waits_so_far: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Granted,
    Wait(usize),
    /// The first row that is not free.
    NotAvailable(u32),
    Cycle(BTreeSet<Edge>),
}

fn rows_of(mask: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |row| mask >> row & 1 == 1)
}

impl Model {
    fn held_by(&self, block: usize, owner: usize, row: u32) -> Option<Strength> {
        self.held.get(&(block, owner, row)).copied()
    }

    /// Who is in the way of a claim, about which row, and whether as a holder.
    fn blockers(&self, block: usize, claim: Wait, place: usize) -> Vec<(u32, usize, bool)> {
        let mut blockers = Vec::new();
        for row in rows_of(claim.rows) {
            for owner in (0..OWNERS).filter(|owner| *owner != claim.owner) {
                if self.held_by(block, owner, row).is_some_and(|held| held.conflicts_with(claim.strength)) {
                    blockers.push((row, owner, true));
                }
            }
            for other in self.queues[block][..place].iter().filter(|other| other.owner != claim.owner) {
                if other.rows >> row & 1 == 1 && other.strength.conflicts_with(claim.strength) {
                    blockers.push((row, other.owner, false));
                }
            }
        }
        blockers
    }

    fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (block, queue) in self.queues.iter().enumerate() {
            for (place, wait) in queue.iter().enumerate() {
                let blockers = self.blockers(block, *wait, place).into_iter();
                edges.extend(blockers.map(|(row, owner, holds)| (wait.owner, block, row, owner, holds)));
            }
        }
        edges
    }

    /// Whether a node waits for itself: the transitive closure, by Warshall.
    fn in_cycle(&self, node: usize) -> bool {
        let mut reaches = [[false; OWNERS]; OWNERS];
        for (waiter, _, _, blocker, _) in self.edges() {
            reaches[NODES[waiter]][NODES[blocker]] = true;
        }
        for via in 0..OWNERS {
            for from in 0..OWNERS {
                for to in 0..OWNERS {
                    reaches[from][to] |= reaches[from][via] && reaches[via][to];
                }
            }
        }
        reaches[node][node]
    }

    fn missing(&self, block: usize, owner: usize, rows: u64, strength: Strength) -> u64 {
        let lacks = |row: &u32| self.held_by(block, owner, *row).is_none_or(|held| held < strength);
        rows_of(rows).filter(lacks).map(|row| 1 << row).sum()
    }

    fn place(&self, block: usize, claim: Wait) -> usize {
        let holds = |row| self.held_by(block, claim.owner, row);
        if rows_of(claim.rows).any(|row| holds(row).is_some()) {
            return 0;
        }
        let waits_for_it = |other: &Wait| {
            other.owner != claim.owner
                && rows_of(other.rows)
                    .any(|row| holds(row).is_some_and(|held| held.conflicts_with(other.strength)))
        };
        self.queues[block].iter().position(waits_for_it).unwrap_or(self.queues[block].len())
    }

    fn hold(&mut self, block: usize, claim: Wait) {
        for row in rows_of(self.missing(block, claim.owner, claim.rows, claim.strength)) {
            self.held.insert((block, claim.owner, row), claim.strength);
        }
    }

    fn request(&mut self, owner: usize, block: usize, rows: u64, strength: Strength, how: How) -> Expected {
        let rows = self.missing(block, owner, rows, strength);
        if rows == 0 {
            return Expected::Granted;
        }
        self.waits_so_far += 1;
        let claim = Wait { number: self.waits_so_far, owner, rows, strength };
        let place = self.place(block, claim);
        let blockers = self.blockers(block, claim, place);
        match blockers.first() {
            Some((row, ..)) if how == How::NoWait => return Expected::NotAvailable(*row),
            _ => {}
        }
        self.queues[block].insert(place, claim);
        if self.in_cycle(NODES[owner]) {
            let edges = self.edges();
            self.queues[block].remove(place);
            return Expected::Cycle(edges);
        }
        if blockers.is_empty() {
            self.queues[block].remove(place);
            self.hold(block, claim);
            return Expected::Granted;
        }
        Expected::Wait(claim.number)
    }

    fn take_free(&mut self, owner: usize, block: usize, rows: u64, strength: Strength) -> u64 {
        let mut takes = |rows| self.request(owner, block, rows, strength, How::NoWait) == Expected::Granted;
        if takes(rows) { rows } else { rows_of(rows).map(|row| 1 << row).filter(|row| takes(*row)).sum() }
    }

    fn grant(&mut self) {
        while let Some((block, place)) = self.first_free() {
            let claim = self.queues[block].remove(place);
            self.hold(block, claim);
        }
    }

    fn first_free(&self) -> Option<(usize, usize)> {
        let places =
            (0..BLOCKS).flat_map(|block| (0..self.queues[block].len()).map(move |place| (block, place)));
        places
            .into_iter()
            .find(|(block, place)| self.blockers(*block, self.queues[*block][*place], *place).is_empty())
    }

    fn withdraw(&mut self, number: usize) {
        self.queues.iter_mut().for_each(|queue| queue.retain(|wait| wait.number != number));
        self.grant();
    }

    fn release(&mut self, owner: usize) {
        self.held.retain(|(_, holder, _), _| *holder != owner);
        self.queues.iter_mut().for_each(|queue| queue.retain(|wait| wait.owner != owner));
        self.grant();
    }

    fn is_waiting(&self, number: usize) -> bool {
        self.queues.iter().flatten().any(|wait| wait.number == number)
    }

    /// What has to be true whatever was done.
    fn check(&self) {
        for ((block, owner, row), strength) in &self.held {
            for other in (0..OWNERS).filter(|other| other != owner) {
                let beside = self.held_by(*block, other, *row);
                assert!(beside.is_none_or(|beside| !beside.conflicts_with(*strength)), "two hold row {row}");
            }
        }
        assert_eq!(self.first_free(), None, "somebody waits for nothing");
        assert!(!NODES.iter().any(|node| self.in_cycle(*node)), "a deadlock was let in");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request { owner: usize, block: usize, rows: u64, strength: Strength, how: How },
    TakeFree { owner: usize, block: usize, rows: u64, strength: Strength },
    Drop(prop::sample::Index),
    GiveUp(prop::sample::Index),
    Release(usize),
}

fn strength() -> impl Strategy<Value = Strength> {
    prop::sample::select(vec![KeyShare, Share, NoKeyUpdate, Update])
}

fn step() -> impl Strategy<Value = Step> {
    let (owner, block, rows) = (0..OWNERS, 0..BLOCKS, 0u64..1 << ROWS);
    let single = (0..ROWS).prop_map(|row| 1 << row);
    let rows = prop_oneof![2 => single, 1 => rows];
    let how = prop_oneof![4 => Just(How::Wait), 1 => Just(How::NoWait)];
    let request = (owner.clone(), block.clone(), rows.clone(), strength(), how);
    prop_oneof![
        12 => request.prop_map(|(owner, block, rows, strength, how)| Step::Request {
            owner, block, rows, strength, how
        }),
        2 => (owner, block, rows, strength()).prop_map(|(owner, block, rows, strength)| Step::TakeFree {
            owner, block, rows, strength
        }),
        1 => any::<prop::sample::Index>().prop_map(Step::Drop),
        1 => any::<prop::sample::Index>().prop_map(Step::GiveUp),
        2 => (0..OWNERS).prop_map(Step::Release),
    ]
}

/// The lock table and its model, side by side.
struct Both {
    owners: Vec<Owner>,
    tickets: Vec<(usize, Ticket)>,
    model: Model,
}

impl Both {
    fn new() -> Self {
        let locks = Locks::default();
        let of_one_thread =
            std::thread::scope(|scope| scope.spawn(|| [locks.owner(), locks.owner()]).join().unwrap());
        let mut owners = Vec::from(of_one_thread);
        owners.resize_with(OWNERS, || locks.async_owner());
        Self { owners, tickets: Vec::new(), model: Model::default() }
    }

    fn block(number: usize) -> RowBlock {
        RowBlock::of(RowId::new(number as i64 * 64 - 64)).0
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Request { owner, block, rows, strength, how } => {
                let expected = self.model.request(owner, block, rows, strength, how);
                let answer = self.owners[owner].request_rows(TABLE, Self::block(block), rows, strength, how);
                self.compare(owner, block, expected, answer);
            }
            Step::TakeFree { owner, block, rows, strength } => {
                let expected = self.model.take_free(owner, block, rows, strength);
                let taken = self.owners[owner].take_free_rows(TABLE, Self::block(block), rows, strength);
                assert_eq!(taken, expected);
            }
            Step::Drop(index) if !self.tickets.is_empty() => {
                let (number, _) = self.tickets.swap_remove(index.index(self.tickets.len()));
                self.model.withdraw(number);
            }
            Step::GiveUp(index) if !self.tickets.is_empty() => {
                let (number, ticket) = self.tickets.swap_remove(index.index(self.tickets.len()));
                assert_eq!(ticket.give_up().is_ok(), !self.model.is_waiting(number));
                self.model.withdraw(number);
            }
            Step::Drop(_) | Step::GiveUp(_) => {}
            Step::Release(owner) => self.release(owner),
        }
        self.model.check();
        for (number, ticket) in &mut self.tickets {
            assert_eq!(is_through(ticket), !self.model.is_waiting(*number));
        }
    }

    fn release(&mut self, owner: usize) {
        self.owners[owner].release();
        let own = |number: &usize| {
            let mut waits = self.model.queues.iter().flatten();
            waits.any(|wait| wait.number == *number && wait.owner == owner)
        };
        for (_, ticket) in self.tickets.extract_if(.., |(number, _)| own(number)) {
            assert_eq!(ticket.give_up(), Err(LockError::Ended));
        }
        self.model.release(owner);
    }

    fn compare(
        &mut self,
        owner: usize,
        block: usize,
        expected: Expected,
        answer: Result<Outcome, LockError>,
    ) {
        match (expected, answer) {
            (Expected::Granted, Ok(Outcome::Granted)) => {}
            (Expected::Wait(number), Ok(Outcome::Wait(ticket))) => self.tickets.push((number, ticket)),
            (Expected::NotAvailable(row), Err(LockError::NotAvailable { name })) => {
                assert_eq!(name, Name::Row(TABLE, Self::block(block).row(row)));
            }
            (Expected::Cycle(edges), Err(error)) => self.compare_cycle(owner, &edges, &error),
            (expected, answer) => panic!("expected {expected:?}, got {answer:?}"),
        }
    }

    /// The cycle that is told begins with the owner, consists of edges that there are, each from the node to which
    /// the one before leads, and ends in the owner or in its thread.
    fn compare_cycle(&self, owner: usize, edges: &BTreeSet<Edge>, error: &LockError) {
        let (LockError::Deadlock { cycle } | LockError::WouldWaitForItself { cycle }) = error else {
            panic!("expected a cycle, got {error}")
        };
        let number = |id| self.owners.iter().position(|owner| owner.id() == id).unwrap();
        let mut node = NODES[owner];
        for edge in cycle {
            let Name::Row(_, row) = edge.name else { panic!("{}", edge.name) };
            let (block, bit) = RowBlock::of(row);
            let block = (0..BLOCKS).find(|number| Self::block(*number) == block).unwrap();
            let (waiter, blocker) = (number(edge.waiter), number(edge.blocker));
            let holds = matches!(edge.because, Because::Holds(_));
            assert!(
                edges.contains(&(waiter, block, bit.trailing_zeros(), blocker, holds)),
                "no such edge: {edge:?}"
            );
            assert_eq!(NODES[waiter], node);
            node = NODES[blocker];
        }
        assert_eq!(node, NODES[owner]);
        let itself = cycle.last().is_some_and(|last| last.blocker != self.owners[owner].id());
        assert_eq!(itself, matches!(error, LockError::WouldWaitForItself { .. }));
    }

    /// Lets those who wait for nothing end, one after another, until nobody waits.
    fn end(mut self) {
        while self.model.queues.iter().any(|queue| !queue.is_empty()) {
            let waits = |node| self.model.queues.iter().flatten().any(|wait| NODES[wait.owner] == node);
            let holds = |owner| self.model.held.keys().any(|(_, holder, _)| *holder == owner);
            let free = (0..OWNERS).find(|owner| !waits(NODES[*owner]) && holds(*owner));
            self.step(&Step::Release(free.expect("somebody holds what the others wait for")));
        }
        assert!(self.tickets.iter_mut().all(|(_, ticket)| is_through(ticket)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_lock_table_does_what_the_model_does(steps in prop::collection::vec(step(), 0..60)) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step);
        }
        both.end();
    }
}
