//! Histories: what transactions read and wrote, and whether any order of them explains it.
//!
//! After Adya, "Weak consistency: a generalized theory and optimistic implementations for distributed transactions"
//! (1999), and the way Elle infers dependencies from lists (Kingsbury and Alvaro, VLDB 2020): if every write appends a
//! value of its own to a list, then a list that was read tells in which order its values were written, and so for each
//! pair of transactions which came first, and why.
//!
//! ```text
//!   ww   the second appended right after the first                             G0        a cycle of ww
//!   wr   the second read the first's value last                               G1c       of ww and wr
//!   rw   the second appended what the first did not see yet                   G-single  with one rw
//!                                                                             G2        with more
//! ```
//!
//! A register that is overwritten with values of its own is a list of which only the last value is seen; which of two
//! writes came first is known there where a transaction read the one and wrote the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// One thing a transaction did to a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Did {
    Append(i64, i64),
    Read(i64, Vec<i64>),
    /// Overwrote the register.
    Set(i64, i64),
    /// Read the register; nothing was written before.
    Get(i64, Option<i64>),
}

/// A transaction, and whether it committed.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) did: Vec<Did>,
    pub(crate) committed: bool,
}

/// What cannot be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Anomaly {
    /// A value that was rolled back was read.
    G1a,
    /// A value was read that its writer had overwritten before it committed.
    G1b,
    /// A transaction does not see what it has written.
    Internal,
    /// Two reads of one list are not one the beginning of the other: a value was lost, or came twice.
    Incompatible,
    G0,
    G1c,
    GSingle,
    G2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    WriteWrite,
    WriteRead,
    ReadWrite,
}

/// Which transactions come before which others, and why.
#[derive(Debug, Default)]
struct Graph {
    edges: BTreeMap<usize, BTreeSet<(usize, Edge)>>,
}

impl Graph {
    fn add(&mut self, from: Option<usize>, to: Option<usize>, edge: Edge) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.edges.entry(from).or_default().insert((to, edge));
        }
    }

    /// Whether `to` can be reached over edges of these kinds.
    fn reaches(&self, from: usize, to: usize, kinds: &[Edge]) -> bool {
        let (mut seen, mut next) = (BTreeSet::from([from]), VecDeque::from([from]));
        while let Some(at) = next.pop_front() {
            if at == to {
                return true;
            }
            for (other, edge) in self.edges.get(&at).into_iter().flatten() {
                if kinds.contains(edge) && seen.insert(*other) {
                    next.push_back(*other);
                }
            }
        }
        false
    }

    /// Whether an edge of this kind is closed to a cycle by edges of those.
    fn has_cycle(&self, edge: Edge, kinds: &[Edge]) -> bool {
        let edges = self.edges.iter().flat_map(|(from, edges)| edges.iter().map(move |to| (*from, *to)));
        edges.into_iter().any(|(from, (to, kind))| kind == edge && self.reaches(to, from, kinds))
    }
}

/// Everything in a history that no order of its transactions explains.
pub(crate) fn anomalies(history: &[Done]) -> BTreeSet<Anomaly> {
    let mut found = BTreeSet::new();
    let committed = || history.iter().enumerate().filter(|(_, done)| done.committed);
    if committed().any(|(_, done)| !agrees_with_itself(done)) {
        found.insert(Anomaly::Internal);
    }
    let writers = Writers::of(history);
    for (reader, done) in committed() {
        for (key, value) in done.did.iter().flat_map(seen) {
            match writers.of_value.get(&(key, value)) {
                Some(write) if write.by != reader && !history[write.by].committed => {
                    found.insert(Anomaly::G1a);
                }
                Some(write) if write.by != reader && !write.is_last && is_end_of(&done.did, key, value) => {
                    found.insert(Anomaly::G1b);
                }
                Some(_) => {}
                None => {
                    found.insert(Anomaly::Incompatible);
                }
            }
        }
    }
    let (mut graph, mut orders) = (Graph::default(), BTreeMap::<i64, Vec<i64>>::new());
    for (_, done) in committed() {
        for did in &done.did {
            let Did::Read(key, list) = did else { continue };
            let longest = orders.entry(*key).or_default();
            let (short, long) =
                if list.len() < longest.len() { (list, &*longest) } else { (&*longest, list) };
            if !long.starts_with(short) {
                found.insert(Anomaly::Incompatible);
            }
            *longest = long.clone();
        }
    }
    for (key, list) in &orders {
        let by = |value: &i64| writers.by(*key, *value);
        list.windows(2).for_each(|pair| graph.add(by(&pair[0]), by(&pair[1]), Edge::WriteWrite));
    }
    for (reader, done) in committed() {
        add_reads(&mut graph, reader, done, &orders, &writers);
        add_registers(&mut graph, reader, done, history, &writers);
    }
    use Edge::{ReadWrite, WriteRead, WriteWrite};
    let cycles = [
        (Anomaly::G0, WriteWrite, &[WriteWrite][..]),
        (Anomaly::G1c, WriteRead, &[WriteWrite, WriteRead]),
        (Anomaly::GSingle, ReadWrite, &[WriteWrite, WriteRead]),
        (Anomaly::G2, ReadWrite, &[WriteWrite, WriteRead, ReadWrite]),
    ];
    let cycles = cycles.into_iter().filter(|(_, edge, kinds)| graph.has_cycle(*edge, kinds));
    found.extend(cycles.map(|(anomaly, ..)| anomaly));
    found
}

/// Who wrote which value; no value is written twice.
struct Writers {
    of_value: HashMap<(i64, i64), Write>,
}

struct Write {
    by: usize,
    /// Whether it is its transaction's last to the key.
    is_last: bool,
}

impl Writers {
    fn of(history: &[Done]) -> Writers {
        let mut of_value = HashMap::new();
        for (by, done) in history.iter().enumerate() {
            let written = || done.did.iter().filter_map(written);
            for (key, value) in written() {
                let is_last = written().rfind(|(other, _)| *other == key) == Some((key, value));
                of_value.insert((key, value), Write { by, is_last });
            }
        }
        Writers { of_value }
    }

    fn by(&self, key: i64, value: i64) -> Option<usize> {
        self.of_value.get(&(key, value)).map(|write| write.by)
    }
}

fn written(did: &Did) -> Option<(i64, i64)> {
    match did {
        Did::Append(key, value) | Did::Set(key, value) => Some((*key, *value)),
        Did::Read(..) | Did::Get(..) => None,
    }
}

/// The keys and values that were read.
fn seen(did: &Did) -> Vec<(i64, i64)> {
    match did {
        Did::Read(key, list) => list.iter().map(|value| (*key, *value)).collect(),
        Did::Get(key, Some(value)) => vec![(*key, *value)],
        _ => Vec::new(),
    }
}

/// Whether a value was the last that was read of a key, so that the writer's next one was not there.
fn is_end_of(did: &[Did], key: i64, value: i64) -> bool {
    did.iter().any(|did| match did {
        Did::Read(read, list) => *read == key && list.last() == Some(&value),
        Did::Get(read, got) => *read == key && *got == Some(value),
        _ => false,
    })
}

/// Whether a transaction sees what it has written.
fn agrees_with_itself(done: &Done) -> bool {
    let (mut lists, mut registers) = (HashMap::<i64, Vec<i64>>::new(), HashMap::new());
    done.did.iter().all(|did| match did {
        Did::Append(key, value) => {
            lists.entry(*key).or_default().push(*value);
            true
        }
        Did::Set(key, value) => {
            registers.insert(*key, *value);
            true
        }
        Did::Read(key, list) => lists.get(key).is_none_or(|own| list.ends_with(own)),
        Did::Get(key, value) => registers.get(key).is_none_or(|own| *value == Some(*own)),
    })
}

/// What follows from the lists that a transaction read.
fn add_reads(
    graph: &mut Graph,
    reader: usize,
    done: &Done,
    orders: &BTreeMap<i64, Vec<i64>>,
    writers: &Writers,
) {
    for did in &done.did {
        let Did::Read(key, list) = did else { continue };
        // Its own values at the end tell nothing of others; those before them, and those that came after, do.
        let others = list.iter().rev().find(|value| writers.by(*key, **value) != Some(reader));
        graph.add(others.and_then(|last| writers.by(*key, *last)), Some(reader), Edge::WriteRead);
        let next = orders.get(key).and_then(|order| order.get(list.len()));
        graph.add(Some(reader), next.and_then(|next| writers.by(*key, *next)), Edge::ReadWrite);
    }
}

/// What follows from the registers that a transaction read, and from those that it read and then wrote.
fn add_registers(graph: &mut Graph, reader: usize, done: &Done, history: &[Done], writers: &Writers) {
    for (at, did) in done.did.iter().enumerate() {
        let Did::Get(key, value) = did else { continue };
        if value.is_some_and(|value| writers.by(*key, value) == Some(reader)) {
            continue;
        }
        let writer = value.and_then(|value| writers.by(*key, value));
        graph.add(writer, Some(reader), Edge::WriteRead);
        if done.did[at..].iter().any(|did| matches!(did, Did::Set(set, _) if set == key)) {
            graph.add(writer, Some(reader), Edge::WriteWrite);
        }
        // Who read the same value and overwrote it came after everybody else who read it.
        for (other, over) in history.iter().enumerate().filter(|(_, over)| over.committed) {
            let read = over.did.iter().position(|did| did == &Did::Get(*key, *value));
            let set = |from: usize| {
                over.did[from..].iter().any(|did| matches!(did, Did::Set(set, _) if set == key))
            };
            if read.is_some_and(set) {
                graph.add(Some(reader), Some(other), Edge::ReadWrite);
            }
        }
    }
}

mod tests {
    use super::Anomaly::*;
    use super::Did::*;
    use super::*;

    fn found(transactions: &[&[Did]]) -> Vec<Anomaly> {
        let done = |did: &&[Did]| Done { did: did.to_vec(), committed: true };
        let history: Vec<Done> = transactions.iter().map(done).collect();
        anomalies(&history).into_iter().collect()
    }

    #[test]
    fn nothing_is_found_in_what_can_be_put_in_order() {
        assert_eq!(found(&[]), []);
        let reads = [Read(1, vec![1, 2]), Read(2, vec![3])];
        assert_eq!(found(&[&[Append(1, 1), Append(2, 3)], &[Read(1, vec![1]), Append(1, 2)], &reads]), []);
        assert_eq!(
            found(&[&[Set(1, 1)], &[Get(1, Some(1)), Set(1, 2)], &[Get(1, Some(2)), Get(2, None)]]),
            []
        );
    }

    #[test]
    fn a_cycle_of_writes_is_found() {
        let (one, other) = ([Append(1, 1), Append(2, 2)], [Append(1, 3), Append(2, 4)]);
        let found = found(&[&one, &other, &[Read(1, vec![1, 3])], &[Read(2, vec![4, 2])]]);
        assert!(found.contains(&G0), "{found:?}");
    }

    #[test]
    fn a_read_of_what_was_rolled_back_is_found() {
        let aborted = Done { did: vec![Append(1, 1)], committed: false };
        let reader = Done { did: vec![Read(1, vec![1])], committed: true };
        assert_eq!(anomalies(&[aborted, reader]), BTreeSet::from([G1a]));
    }

    #[test]
    fn a_read_between_two_writes_of_one_transaction_is_found() {
        assert!(
            found(&[&[Append(1, 1), Append(1, 2)], &[Read(1, vec![1])], &[Read(1, vec![1, 2])]])
                .contains(&G1b)
        );
        assert_eq!(found(&[&[Set(1, 1), Set(1, 2)], &[Get(1, Some(1))]]), [G1b]);
    }

    #[test]
    fn information_that_flows_in_a_circle_is_found() {
        let found = found(&[&[Append(1, 1), Read(2, vec![2])], &[Append(2, 2), Read(1, vec![1])]]);
        assert_eq!(found, [G1c]);
    }

    #[test]
    fn read_skew_is_found() {
        let writer = [Append(1, 1), Append(2, 2)];
        assert_eq!(
            found(&[&writer, &[Read(1, vec![]), Read(2, vec![2])], &[Read(1, vec![1])]]),
            [GSingle, G2]
        );
    }

    #[test]
    fn a_lost_update_is_found() {
        let found = found(&[&[Get(1, None), Set(1, 1)], &[Get(1, None), Set(1, 2)]]);
        assert_eq!(found, [G2]);
        let (one, other) = ([Read(1, vec![]), Append(1, 1)], [Read(1, vec![]), Append(1, 2)]);
        assert_eq!(super::tests::found(&[&one, &other, &[Read(1, vec![1, 2])]]), [GSingle, G2]);
    }

    #[test]
    fn write_skew_is_found() {
        let (one, other) = ([Read(1, vec![]), Append(2, 1)], [Read(2, vec![]), Append(1, 2)]);
        assert_eq!(found(&[&one, &other, &[Read(1, vec![2]), Read(2, vec![1])]]), [G2]);
    }

    #[test]
    fn lists_that_do_not_continue_each_other_are_found() {
        let found = found(&[&[Append(1, 1)], &[Append(1, 2)], &[Read(1, vec![1])], &[Read(1, vec![2])]]);
        assert_eq!(found, [Incompatible]);
        assert!(super::tests::found(&[&[Append(1, 1), Read(1, vec![])]]).contains(&Internal));
        assert_eq!(super::tests::found(&[&[Read(1, vec![7])]]), [Incompatible]);
    }
}
