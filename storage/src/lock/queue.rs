//! Who holds the names of one slot, and who waits for them in which order.
//!
//! A claim is granted when no other transaction's lock, and no claim in front of it, is in conflict with it; so nobody
//! is starved by those who come later. There are two ways past others that wait, both for those who hold something
//! here already and would otherwise wait for one who waits for them:
//!
//! - who asks for more of what it holds goes to the front, and waits for other holders alone;
//! - who holds something else in the slot that somebody waits for goes in front of the first who does.

use std::collections::{VecDeque, vec_deque};
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::error::Because;
use super::ticket::Waiter;
use super::{Node, OwnerId, Strength};

/// Names of a slot that a transaction holds, or wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) owner: OwnerId,
    /// The node of the owner in the graph of who waits for whom.
    pub(super) node: Node,
    /// The names, a bit each.
    pub(super) mask: u64,
    pub(super) strength: Strength,
}

impl Claim {
    /// The names that the two cannot both have.
    fn conflict(&self, other: &Self) -> u64 {
        if self.owner != other.owner && self.strength.conflicts_with(other.strength) {
            self.mask & other.mask
        } else {
            0
        }
    }
}

/// A claim that is not granted yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) claim: Claim,
    pub(super) waiter: Arc<Waiter>,
}

/// Somebody who is in the way of a claim.
#[derive(Debug)]
pub(super) struct Blocker {
    pub(super) owner: OwnerId,
    pub(super) node: Node,
    /// The names about which they are in conflict.
    pub(super) mask: u64,
    pub(super) because: Because,
    /// Its place in the queue, if it waits there itself.
    pub(super) place: Option<usize>,
}

/// The locks of one slot.
///
/// Of one owner there is at most one lock for a name, the strongest it asked for; its locks of one strength are one
/// claim. When nobody holds anything nobody waits either.
#[derive(Debug)]
pub(super) struct Locked {
    holders: SmallVec<[Claim; 1]>,
    queue: Queue,
}

/// Who waits, from the front. Nobody does in most slots, and then there is nothing to be made, moved and freed.
#[derive(Debug, Default)]
struct Queue(Option<VecDeque<Waiting>>);

impl Queue {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, VecDeque::len)
    }

    fn get(&self, place: usize) -> Option<&Waiting> {
        self.0.as_ref()?.get(place)
    }

    fn iter(&self) -> vec_deque::Iter<'_, Waiting> {
        self.before(self.len())
    }

    /// Those in front of a place.
    fn before(&self, place: usize) -> vec_deque::Iter<'_, Waiting> {
        self.0.as_ref().map_or_else(vec_deque::Iter::default, |queue| queue.range(..place))
    }

    fn insert(&mut self, place: usize, waiting: Waiting) {
        self.0.get_or_insert_default().insert(place, waiting);
    }

    fn remove(&mut self, place: usize) -> Option<Waiting> {
        self.0.as_mut()?.remove(place)
    }

    fn retain(&mut self, keep: impl FnMut(&Waiting) -> bool) {
        if let Some(queue) = &mut self.0 {
            queue.retain(keep);
        }
    }
}

impl Locked {
    /// A slot that was free.
    pub(super) fn by(claim: Claim) -> Self {
        Self { holders: smallvec![claim], queue: Queue::default() }
    }

    pub(super) fn is_free(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    /// Whether nobody else holds or waits for anything here.
    pub(super) fn is_of_nobody_but(&self, owner: OwnerId) -> bool {
        self.queue.is_empty() && self.holders.iter().all(|held| held.owner == owner)
    }

    /// The names that an owner holds here.
    pub(super) fn held_by(&self, owner: OwnerId) -> u64 {
        self.holders.iter().filter(|held| held.owner == owner).fold(0, |names, held| names | held.mask)
    }

    /// What of a claim its owner does not have yet.
    pub(super) fn missing(&self, claim: &Claim) -> u64 {
        let has = |held: &&Claim| held.owner == claim.owner && held.strength >= claim.strength;
        self.holders.iter().filter(has).fold(claim.mask, |missing, held| missing & !held.mask)
    }

    /// Where in the queue a new claim belongs.
    pub(super) fn place(&self, claim: &Claim) -> usize {
        let own = || self.holders.iter().filter(|held| held.owner == claim.owner);
        if own().any(|held| held.mask & claim.mask != 0) {
            return 0;
        }
        let waits_for_owner = |waiting: &Waiting| own().any(|held| held.conflict(&waiting.claim) != 0);
        self.queue.iter().position(waits_for_owner).unwrap_or(self.queue.len())
    }

    /// The names of a claim at this place that it cannot have now.
    pub(super) fn blocked(&self, claim: &Claim, place: usize) -> u64 {
        let waiting = self.queue.before(place).map(|waiting| &waiting.claim);
        self.holders.iter().chain(waiting).fold(0, |blocked, other| blocked | claim.conflict(other))
    }

    /// Whether nobody waits here, and what is in the way of a claim is held by other threads and tasks than its own.
    pub(super) fn is_held_elsewhere(&self, claim: &Claim) -> bool {
        self.queue.is_empty()
            && self.holders.iter().all(|held| held.node != claim.node || held.conflict(claim) == 0)
    }

    /// Who is in the way of a claim at this place: first the holders, then those in front from the nearest on.
    pub(super) fn blockers(&self, claim: &Claim, place: usize) -> impl Iterator<Item = Blocker> {
        let holders = self.holders.iter().map(|held| (held, Because::Holds(held.strength), None));
        let waiting = self.queue.before(place).map(|waiting| &waiting.claim).enumerate().rev();
        let waiting =
            waiting.map(|(place, asked)| (asked, Because::WaitsInFront(asked.strength), Some(place)));
        holders.chain(waiting).filter_map(|(other, because, place)| {
            let mask = claim.conflict(other);
            (mask != 0).then_some(Blocker { owner: other.owner, node: other.node, mask, because, place })
        })
    }

    /// Those who wait, from the front.
    pub(super) fn queue(&self) -> vec_deque::Iter<'_, Waiting> {
        self.queue.iter()
    }

    /// Makes the claim's owner hold it. What it held less strongly it now holds like this.
    pub(super) fn hold(&mut self, mut claim: Claim) {
        claim.mask = self.missing(&claim);
        let mut held = false;
        self.holders.retain(|other| {
            if other.owner == claim.owner && other.strength == claim.strength {
                other.mask |= claim.mask;
                held = true;
            } else if other.owner == claim.owner && other.strength < claim.strength {
                other.mask &= !claim.mask;
            }
            other.mask != 0
        });
        if !held && claim.mask != 0 {
            self.holders.push(claim);
        }
    }

    /// Puts a claim into the queue.
    pub(super) fn wait(&mut self, place: usize, claim: Claim, waiter: Arc<Waiter>) {
        self.queue.insert(place, Waiting { claim, waiter });
    }

    /// Takes a claim out of the queue again. Those behind it may be free to go on then.
    pub(super) fn stop_waiting(&mut self, waiter: &Arc<Waiter>) {
        self.queue.retain(|waiting| !Arc::ptr_eq(&waiting.waiter, waiter));
    }

    /// The place of a waiter in the queue, and what it waits for.
    pub(super) fn find(&self, waiter: &Arc<Waiter>) -> Option<(usize, Claim)> {
        let mut queue = self.queue.iter().enumerate();
        queue.find_map(|(place, waiting)| {
            Arc::ptr_eq(&waiting.waiter, waiter).then_some((place, waiting.claim))
        })
    }

    /// Takes from an owner what it holds here, and what it waits for, which is the result.
    pub(super) fn let_go(&mut self, owner: OwnerId) -> Vec<Waiting> {
        self.holders.retain(|held| held.owner != owner);
        let mut left = Vec::new();
        while let Some(place) = self.queue.iter().position(|waiting| waiting.claim.owner == owner) {
            left.extend(self.queue.remove(place));
        }
        left
    }

    /// Grants what nothing is in the way of any more, from the front, and returns it.
    pub(super) fn grant(&mut self) -> Vec<Waiting> {
        let mut granted = Vec::new();
        let mut place = 0;
        while let Some(Waiting { claim, .. }) = self.queue.get(place) {
            let claim = *claim;
            if self.blockers(&claim, place).next().is_some() {
                place += 1;
            } else {
                self.hold(claim);
                granted.extend(self.queue.remove(place));
            }
        }
        granted
    }
}
