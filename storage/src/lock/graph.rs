//! Who waits for whom.
//!
//! A node of the graph is what goes on or stands still as one: a thread with all transactions on it, or a transaction
//! of async code. From each claim that waits an edge leads to the node of every other transaction that is in its way,
//! as a holder or in front of it in the queue. A cycle never goes away by itself.
//!
//! Cycles are looked for when a claim begins to wait, and need not be looked for at any other time. Every edge that
//! this adds begins or ends at the claim's node: those from it, and those to it of the waiters it went in front of.
//! So a new cycle leads through that node. To grant a claim adds no edge, since whoever waits for the new holder
//! waited for it in the queue; to release or to withdraw one only takes edges away.
//!
//! A transaction that is found on another thread takes the edges to its locks along, to a node that runs, and so waits
//! for nothing.

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::error::WaitFor;
use super::name::Slot;
use super::queue::{Blocker, Claim, Locked};
use super::{Node, OwnerId, Strength};

/// Where each node waits.
#[derive(Debug, Default)]
pub(super) struct Waits {
    slots: HashMap<Node, SmallVec<[Slot; 1]>>,
    /// The nodes of owners whose locks may name another.
    moved: HashMap<OwnerId, Node>,
}

/// A node that the search reached.
#[derive(Clone, Copy)]
struct Reached {
    node: Node,
    /// How: along which edge, from which of the nodes reached earlier. The start has none.
    from: Option<(usize, WaitFor)>,
    /// Where it waits, if that was seen on the way.
    place: Option<usize>,
}

impl Waits {
    pub(super) fn begin(&mut self, node: Node, slot: Slot) {
        self.slots.entry(node).or_default().push(slot);
    }

    pub(super) fn end(&mut self, node: Node, slot: Slot) {
        if let Some(slots) = self.slots.get_mut(&node) {
            if let Some(position) = slots.iter().position(|other| *other == slot) {
                slots.swap_remove(position);
            }
            if slots.is_empty() {
                self.slots.remove(&node);
            }
        }
    }

    /// An owner's locks are another node's from now on.
    pub(super) fn note_moved(&mut self, owner: OwnerId, node: Node) {
        self.moved.insert(owner, node);
    }

    /// An owner has no locks any more.
    pub(super) fn forget_moved(&mut self, owner: OwnerId) {
        self.moved.remove(&owner);
    }

    /// The node that has to go on before a blocker is out of the way. Who waits does so where it asked.
    fn node_of(&self, blocker: &Blocker) -> Node {
        let moved = if blocker.place.is_none() { self.moved.get(&blocker.owner) } else { None };
        moved.copied().unwrap_or(blocker.node)
    }

    /// How many claims wait.
    pub(super) fn len(&self) -> usize {
        self.slots.values().map(SmallVec::len).sum()
    }

    /// Whether the node waits for something.
    pub(super) fn contains(&self, node: Node) -> bool {
        self.slots.contains_key(&node)
    }

    /// A shortest cycle through a node, beginning with an edge from it. Breadth first; O(claims that wait).
    pub(super) fn cycle(&self, locked: &HashMap<Slot, Locked>, start: Node) -> Option<Vec<WaitFor>> {
        let mut reached = vec![Reached { node: start, from: None, place: None }];
        let mut seen = HashSet::new();
        let mut scanned = Scanned::default();
        let mut next = 0;
        while let Some(&at) = reached.get(next) {
            for (slot, locked, place, claim) in self.claims(locked, at) {
                let place = if at.node != start && scanned.repeats(slot, claim, place) { 0 } else { place };
                for blocker in locked.blockers(claim, place) {
                    let edge = edge(slot, claim, &blocker);
                    let node = self.node_of(&blocker);
                    if node == start {
                        return Some(path(&reached, next, edge));
                    }
                    if seen.insert(node) {
                        let from = Some((next, edge));
                        reached.push(Reached { node, from, place: blocker.place });
                    }
                }
            }
            next += 1;
        }
        None
    }

    /// The claims with which a node waits, and their places.
    fn claims<'a>(
        &'a self,
        locked: &'a HashMap<Slot, Locked>,
        Reached { node, place, .. }: Reached,
    ) -> impl Iterator<Item = (Slot, &'a Locked, usize, &'a Claim)> {
        let slots = self.slots.get(&node).map_or(&[][..], SmallVec::as_slice);
        // Who waits once only, and was seen there, need not be looked for in what may be a long queue.
        let place = place.filter(|_| slots.len() == 1);
        slots.iter().filter_map(|slot| Some((*slot, locked.get(slot)?))).flat_map(move |(slot, locked)| {
            let places = place.map_or(0..locked.queue().len(), |place| place..place + 1);
            let queue = locked.queue().take(places.end).skip(places.start).map(|waiting| &waiting.claim);
            let claims = places.zip(queue).filter(move |(_, claim)| claim.node == node);
            claims.map(move |(place, claim)| (slot, locked, place, claim))
        })
    }
}

fn edge(slot: Slot, claim: &Claim, blocker: &Blocker) -> WaitFor {
    WaitFor {
        waiter: claim.owner,
        name: slot.first(blocker.mask),
        strength: claim.strength,
        blocker: blocker.owner,
        because: blocker.because,
    }
}

/// The edges that lead to a node, with one more from it.
fn path(reached: &[Reached], mut node: usize, last: WaitFor) -> Vec<WaitFor> {
    let mut path = vec![last];
    while let Some((before, edge)) = reached[node].from {
        path.push(edge);
        node = before;
    }
    path.reverse();
    path
}

/// The queues that a search has looked through, and for which claim from which place towards the front.
///
/// In a long queue for one row each waiter has an edge to all in front of it. Those in front of the next one to be
/// looked at were already reached from one further behind that wants the same, so the holders are left to look at.
/// (All but one: a second claim of that one behind. Its node was reached too, and is not the start: there nothing is
/// noted.)
#[derive(Default)]
struct Scanned(Vec<(Slot, u64, Strength, usize)>);

impl Scanned {
    /// Whether nobody new is in front of a claim; if there may be, notes that now all of them are reached.
    fn repeats(&mut self, slot: Slot, claim: &Claim, place: usize) -> bool {
        let same = |noted: &&mut (Slot, u64, Strength, usize)| {
            (noted.0, noted.1, noted.2) == (slot, claim.mask, claim.strength)
        };
        match self.0.iter_mut().find(same) {
            Some((.., from)) if *from >= place => true,
            Some((.., from)) => {
                *from = place;
                false
            }
            None => {
                self.0.push((slot, claim.mask, claim.strength, place));
                false
            }
        }
    }
}
