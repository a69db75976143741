//! Each rule of the lock table by the scenario that needs it. The owners are those of async code unless a test is
//! about threads: on one thread they could not wait for each other.

use std::time::{Duration, Instant};

use nuages_storage::lock::Strength::{KeyShare, NoKeyUpdate, Share, Update};
use nuages_storage::lock::{
    Because, How, LockError, Locks, Name, Outcome, Owner, RowBlock, Strength, WaitFor,
};
use nuages_storage::{IndexId, RowId, TableId};

use crate::{TABLE, is_through, queue, refused, row, take};

fn owners<const N: usize>() -> [Owner; N] {
    let locks = Locks::default();
    std::array::from_fn(|_| locks.async_owner())
}

#[test]
fn two_hold_a_row_together_if_their_strengths_do_not_conflict() {
    for held in [KeyShare, Share, NoKeyUpdate, Update] {
        for asked in [KeyShare, Share, NoKeyUpdate, Update] {
            let [mut holder, mut other] = owners();
            take(&mut holder, row(1), held);
            let answer = other.request(row(1), asked, How::NoWait).map(|_| ());
            let refused = Err(LockError::NotAvailable { name: row(1) });
            assert_eq!(answer, if held.conflicts_with(asked) { refused } else { Ok(()) });
        }
    }
}

#[test]
fn names_that_differ_are_locked_apart() {
    let locks = Locks::default();
    let (one, two) = (IndexId::new(1), IndexId::new(2));
    let names = [
        Name::Table(TABLE),
        Name::Table(TableId::new(2)),
        row(1),
        row(2),
        row(-1),
        row(1 << 40),
        Name::Row(TableId::new(2), RowId::new(1)),
        locks.key(one, b"a"),
        locks.key(one, b"b"),
        locks.key(two, b"a"),
        locks.object("a"),
        locks.object("b"),
    ];
    let mut owners: Vec<Owner> = names.iter().map(|_| locks.async_owner()).collect();
    for (owner, name) in owners.iter_mut().zip(names) {
        take(owner, name, Update);
    }
    let mut other = locks.async_owner();
    for name in [names[0], row(-1), locks.key(two, b"a"), locks.object("b")] {
        assert_eq!(other.request(name, KeyShare, How::NoWait).unwrap_err(), LockError::NotAvailable { name });
    }
}

#[test]
fn writers_share_a_table_and_a_schema_change_waits_for_them_all() {
    let [mut a, mut b, mut change, mut late] = owners();
    let table = Name::Table(TABLE);
    take(&mut a, table, Strength::SHARED);
    take(&mut b, table, Strength::SHARED);
    let mut changing = queue(&mut change, table, Strength::EXCLUSIVE);
    let mut writing = queue(&mut late, table, Strength::SHARED);
    a.release();
    assert!(!is_through(&mut changing));
    b.release();
    assert!(is_through(&mut changing) && !is_through(&mut writing));
    change.release();
    assert!(is_through(&mut writing));
}

#[test]
fn who_holds_a_lock_may_ask_again_and_for_less() {
    let [mut a, mut b] = owners();
    for strength in [NoKeyUpdate, NoKeyUpdate, KeyShare, Update, Share] {
        take(&mut a, row(1), strength);
    }
    let mut waiting = queue(&mut b, row(1), KeyShare);
    a.release();
    assert!(is_through(&mut waiting));
}

#[test]
fn a_stream_of_readers_does_not_starve_a_writer() {
    let [mut reader, mut writer, mut next_reader, mut last] = owners();
    take(&mut reader, row(1), Share);
    let mut write = queue(&mut writer, row(1), Update);
    let mut read = queue(&mut next_reader, row(1), Share);
    assert_eq!(
        last.request(row(1), KeyShare, How::NoWait).unwrap_err(),
        LockError::NotAvailable { name: row(1) }
    );
    reader.release();
    assert!(is_through(&mut write) && !is_through(&mut read));
    writer.release();
    assert!(is_through(&mut read));
}

#[test]
fn who_is_not_in_conflict_with_those_who_wait_does_not_wait() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Share);
    let _waiting = queue(&mut b, row(1), NoKeyUpdate);
    take(&mut c, row(1), KeyShare);
}

#[test]
fn a_holder_who_asks_for_more_goes_to_the_front() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Share);
    take(&mut b, row(1), Share);
    let mut new = queue(&mut c, row(1), Update);
    let mut upgrade = queue(&mut a, row(1), Update);
    b.release();
    assert!(is_through(&mut upgrade) && !is_through(&mut new));
    a.release();
    assert!(is_through(&mut new));
}

#[test]
fn a_lone_holder_gets_more_at_once_in_spite_of_a_queue() {
    let [mut a, mut b] = owners();
    take(&mut a, row(1), KeyShare);
    let _waiting = queue(&mut b, row(1), Update);
    take(&mut a, row(1), Update);
}

#[test]
fn two_holders_who_both_ask_for_more_are_a_deadlock() {
    let [mut a, mut b] = owners();
    take(&mut a, row(1), Share);
    take(&mut b, row(1), Share);
    let mut upgrade = queue(&mut a, row(1), NoKeyUpdate);
    let edge = |waiter: &Owner, blocker: &Owner, because| WaitFor {
        waiter: waiter.id(),
        name: row(1),
        strength: NoKeyUpdate,
        blocker: blocker.id(),
        because,
    };
    let cycle = vec![edge(&b, &a, Because::Holds(Share)), edge(&a, &b, Because::Holds(Share))];
    assert_eq!(refused(&mut b, row(1), NoKeyUpdate), LockError::Deadlock { cycle });
    b.release();
    assert!(is_through(&mut upgrade));
}

#[test]
fn a_cycle_over_rows_keys_and_tables_is_found_and_names_each_of_them() {
    let locks = Locks::default();
    let [mut a, mut b, mut c] = std::array::from_fn(|_| locks.async_owner());
    let (table, key) = (Name::Table(TABLE), locks.key(IndexId::new(1), b"slug"));
    take(&mut a, row(5), NoKeyUpdate);
    take(&mut b, key, Strength::EXCLUSIVE);
    take(&mut c, table, Strength::EXCLUSIVE);
    let _waits = queue(&mut a, key, Strength::EXCLUSIVE);
    let mut for_table = queue(&mut b, table, Strength::SHARED);
    let error = refused(&mut c, row(5), Share);
    let LockError::Deadlock { cycle } = &error else { panic!("{error}") };
    let steps: Vec<_> =
        cycle.iter().map(|edge| (edge.waiter, edge.name, edge.blocker, edge.because)).collect();
    assert_eq!(
        steps,
        [
            (c.id(), row(5), a.id(), Because::Holds(NoKeyUpdate)),
            (a.id(), key, b.id(), Because::Holds(Update)),
            (b.id(), table, c.id(), Because::Holds(Update)),
        ]
    );
    let text = error.to_string();
    assert!(text.contains("waits for row 5 of table 1 (share), which transaction"), "{text}");
    drop(c);
    assert!(is_through(&mut for_table));
}

#[test]
fn a_cycle_through_somebody_in_front_in_a_queue_is_found() {
    let [mut reader, mut a, mut b] = owners();
    take(&mut reader, row(1), Share);
    take(&mut b, row(2), Update);
    let _in_front = queue(&mut b, row(1), Update);
    let _behind = queue(&mut a, row(1), Share); // waits for b alone
    take(&mut a, row(3), Update);
    let error = refused(&mut b, row(3), Update);
    let LockError::Deadlock { cycle } = error else { panic!("{error}") };
    assert_eq!(cycle[1].because, Because::WaitsInFront(Update));
}

#[test]
fn a_cycle_made_by_going_in_front_of_others_is_found() {
    let [mut key_holder, mut share_holder, mut a, mut passed] = owners();
    take(&mut key_holder, row(1), KeyShare);
    take(&mut share_holder, row(1), Share);
    take(&mut a, row(1), KeyShare);
    take(&mut passed, row(2), Update);
    let mut waits_for_share = queue(&mut passed, row(1), NoKeyUpdate);
    let _waits_for_passed = queue(&mut key_holder, row(2), Update);
    // In front, `a` would wait for `key_holder`, it for `passed`, and that one for `a`.
    let error = refused(&mut a, row(1), Update);
    let LockError::Deadlock { cycle } = error else { panic!("{error}") };
    let waiters: Vec<_> = cycle.iter().map(|edge| edge.waiter).collect();
    assert_eq!(waiters, [a.id(), key_holder.id(), passed.id()]);
    share_holder.release();
    assert!(is_through(&mut waits_for_share), "the refused request is still in the way");
}

#[test]
fn who_was_refused_keeps_what_it_has_and_leaves_nothing_in_the_queue() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Update);
    take(&mut b, row(2), Update);
    let mut waiting = queue(&mut a, row(2), Update);
    refused(&mut b, row(1), Update);
    assert!(c.request(row(2), KeyShare, How::NoWait).is_err());
    b.release();
    assert!(is_through(&mut waiting));
    a.release();
    take(&mut c, row(1), Update);
    take(&mut c, row(2), Update);
}

#[test]
fn neighbouring_rows_are_locked_together_and_all_or_none() {
    let [mut a, mut b] = owners();
    let (block, bit) = RowBlock::of(RowId::new(64));
    assert_eq!(bit, 1);
    take(&mut a, row(66), NoKeyUpdate);
    let ask =
        |owner: &mut Owner, mask| owner.request_rows(TABLE, block, mask, Update, How::NoWait).map(|_| ());
    assert_eq!(ask(&mut b, 0b1110), Err(LockError::NotAvailable { name: row(66) }));
    assert_eq!(ask(&mut a, 0b1010), Ok(()), "rows 65 and 67 were not kept by who was refused");
    assert_eq!(ask(&mut b, u64::MAX << 4), Ok(()));
    assert_eq!(ask(&mut b, 0), Ok(()));
    assert_eq!(ask(&mut a, u64::MAX), Err(LockError::NotAvailable { name: row(68) }));
    b.release();
    assert_eq!(ask(&mut a, u64::MAX), Ok(()));
}

#[test]
fn rows_that_are_locked_or_waited_for_can_be_skipped() {
    let [mut a, mut b, mut c] = owners();
    let (block, _) = RowBlock::of(RowId::new(0));
    take(&mut a, row(1), Share);
    let _waiting = queue(&mut b, row(1), Update);
    take(&mut b, row(3), NoKeyUpdate);
    assert_eq!(c.take_free_rows(TABLE, block, 0b11111, Share), 0b10101);
    assert_eq!(c.take_free_rows(TABLE, block, 0b01010, KeyShare), 0b01000);
    assert_eq!(c.take_free_rows(TABLE, block, 0b00010, Share), 0);
    assert_eq!(a.take_free_rows(TABLE, block, 0b10111, Share), 0b10111, "what it holds is free for it");
    assert_eq!(a.take_free_rows(TABLE, block, 0, Share), 0);
}

#[test]
fn who_holds_some_of_the_rows_still_skips_those_that_others_wait_for() {
    let [mut a, mut b, mut c] = owners();
    let (block, _) = RowBlock::of(RowId::new(0));
    take(&mut a, row(1), Share);
    take(&mut c, row(0), Share);
    let outcome = b.request_rows(TABLE, block, 0b110, Update, How::Wait).unwrap();
    let Outcome::Wait(_both) = outcome else { panic!("row 1 is not free") };
    assert_eq!(c.take_free_rows(TABLE, block, 0b1101, KeyShare), 0b1001);
}

#[test]
fn who_holds_one_row_does_not_queue_for_another_behind_somebody_waiting_for_both() {
    let [mut a, mut b] = owners();
    let (block, _) = RowBlock::of(RowId::new(0));
    take(&mut a, row(1), Update);
    let outcome = b.request_rows(TABLE, block, 0b110, Update, How::Wait).unwrap();
    let Outcome::Wait(mut both) = outcome else { panic!("row 1 is not free") };
    take(&mut a, row(2), Update); // otherwise a deadlock
    assert!(!is_through(&mut both));
    a.release();
    assert!(is_through(&mut both));
}

#[test]
fn two_transactions_of_one_thread_cannot_wait_for_each_other() {
    let locks = Locks::default();
    let (mut outer, mut inner) = (locks.owner(), locks.owner());
    take(&mut outer, row(1), Update);
    let error = refused(&mut inner, row(1), KeyShare);
    let LockError::WouldWaitForItself { cycle } = error else { panic!("{error}") };
    assert_eq!((cycle.len(), cycle[0].waiter, cycle[0].blocker), (1, inner.id(), outer.id()));
    assert!(inner.request(row(1), KeyShare, How::NoWait).is_err());
    take(&mut inner, row(2), Update);
}

#[test]
fn a_thread_that_would_wait_for_itself_through_another_gets_that_error() {
    let locks = Locks::default();
    let (mut outer, mut inner) = (locks.owner(), locks.owner());
    take(&mut outer, row(1), Update);
    std::thread::scope(|scope| {
        let (holds, is_held) = std::sync::mpsc::channel();
        let (locks, id) = (&locks, outer.id());
        scope.spawn(move || {
            let mut other = locks.owner();
            take(&mut other, row(2), Update);
            let ticket = queue(&mut other, row(1), Update);
            holds.send(other.id()).unwrap();
            ticket.wait(None).unwrap();
        });
        let other = is_held.recv().unwrap();
        let error = refused(&mut inner, row(2), Share);
        let LockError::WouldWaitForItself { cycle } = error else { panic!("{error}") };
        let edges: Vec<_> = cycle.iter().map(|edge| (edge.waiter, edge.blocker)).collect();
        assert_eq!(edges, [(inner.id(), other), (other, id)]);
        // What the thread asks for in the first transaction could be had by that one's rollback.
        assert!(matches!(refused(&mut outer, row(2), Share), LockError::Deadlock { .. }));
        outer.release();
    });
}

#[test]
fn a_transaction_is_on_the_thread_that_asked_for_it_last() {
    let locks = Locks::default();
    let mut moved = locks.owner();
    take(&mut moved, row(1), Update);
    let (asked, has_asked) = std::sync::mpsc::channel();
    let (waits, is_waited_for) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let locks = &locks;
        let there = scope.spawn(move || {
            take(&mut moved, row(2), Update);
            for name in [row(1), row(2)] {
                let error = refused(&mut locks.owner(), name, KeyShare);
                assert!(matches!(error, LockError::WouldWaitForItself { .. }), "{error}");
            }
            asked.send(()).unwrap();
            is_waited_for.recv().unwrap();
            moved.release();
            moved
        });
        has_asked.recv().unwrap();
        let mut here = locks.owner();
        let ticket = queue(&mut here, row(1), Share);
        waits.send(()).unwrap();
        ticket.wait(None).unwrap();
        let mut back = there.join().unwrap();
        assert!(matches!(refused(&mut back, row(1), Update), LockError::WouldWaitForItself { .. }));
    });
}

#[test]
fn a_deadlock_with_a_transaction_that_has_moved_is_found() {
    let locks = Locks::default();
    let mut moved = locks.owner();
    take(&mut moved, row(1), Update);
    std::thread::scope(|scope| {
        let locks = &locks;
        let (ready, is_ready) = std::sync::mpsc::channel();
        let mut here = locks.owner();
        take(&mut here, row(2), Update);
        scope.spawn(move || {
            // Through another transaction of the thread that it has come to.
            take(&mut moved, row(3), Update);
            let mut other = locks.owner();
            let ticket = queue(&mut other, row(2), Update);
            ready.send(()).unwrap();
            ticket.wait(None).unwrap();
        });
        is_ready.recv().unwrap();
        assert!(matches!(refused(&mut here, row(1), Share), LockError::Deadlock { .. }));
        here.release();
    });
}

#[test]
fn who_waits_for_a_transaction_that_came_to_its_thread_unseen_is_let_go_by_the_time_limit() {
    let locks = Locks::default();
    let mut moved = locks.owner();
    take(&mut moved, row(1), Update);
    std::thread::scope(|scope| {
        let locks = &locks;
        scope.spawn(move || {
            let mut other = locks.owner();
            let soon = Instant::now() + Duration::from_millis(1);
            let error = queue(&mut other, row(1), Update).wait(Some(soon)).unwrap_err();
            assert!(
                matches!(&error, LockError::Timeout { blockers, .. } if *blockers == [moved.id()]),
                "{error}"
            );
            moved.release();
            take(&mut other, row(1), Update);
        });
    });
}

#[test]
fn who_waited_too_long_is_told_for_whom_and_leaves_the_queue() {
    let [mut a, mut b, mut c, mut d] = owners();
    take(&mut a, row(1), Share);
    let first = queue(&mut b, row(1), Update);
    let mut behind = queue(&mut c, row(1), Share);
    let last = queue(&mut d, row(1), NoKeyUpdate);
    let soon = Instant::now() + Duration::from_millis(1);
    let error = last.wait(Some(soon)).unwrap_err();
    let blockers = vec![a.id(), b.id(), c.id()];
    assert_eq!(error, LockError::Timeout { name: row(1), strength: NoKeyUpdate, blockers });
    assert!(!is_through(&mut behind));
    let error = first.give_up().unwrap_err();
    assert_eq!(error, LockError::Timeout { name: row(1), strength: Update, blockers: vec![a.id()] });
    assert!(is_through(&mut behind), "nobody conflicts with it any more");
}

#[test]
fn a_ticket_that_is_dropped_lets_those_behind_go_on() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Share);
    let dropped = queue(&mut b, row(1), Update);
    let mut behind = queue(&mut c, row(1), Share);
    drop(dropped);
    assert!(is_through(&mut behind));
    a.release();
    c.release();
    take(&mut b, row(1), Update);
}

#[test]
fn a_lock_granted_before_its_ticket_was_dropped_is_kept() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Update);
    let ticket = queue(&mut b, row(1), Update);
    a.release();
    drop(ticket);
    assert!(c.request(row(1), KeyShare, How::NoWait).is_err());
    take(&mut b, row(1), Update);
    b.release();
    take(&mut c, row(1), Update);
}

#[test]
fn an_owner_that_ends_ends_its_wait() {
    let [mut a, mut b, mut c] = owners();
    take(&mut a, row(1), Share);
    let ticket = queue(&mut b, row(1), Update);
    let mut behind = queue(&mut c, row(1), Share);
    drop(b);
    assert!(is_through(&mut behind));
    assert_eq!(ticket.wait(None), Err(LockError::Ended));
}

#[test]
fn a_transaction_is_counted_from_its_first_lock_until_it_released_all() {
    let locks = Locks::default();
    let (mut a, mut b) = (locks.owner(), locks.owner());
    assert_eq!(locks.lockers(), 0);
    assert!(a.announce());
    assert_eq!(locks.lockers(), 1);
    assert!(!a.announce());
    take(&mut a, row(1), Update);
    take(&mut b, row(2), Update);
    assert_eq!(locks.lockers(), 2);
    a.release();
    a.release();
    assert_eq!(locks.lockers(), 1);
    assert!(a.announce(), "it may go on to lock again");
    drop((a, b));
    assert_eq!(locks.lockers(), 0);
}

#[test]
fn ten_thousand_slots_are_released_at_once() {
    let [mut a, mut b] = owners();
    for number in 0..10_000 {
        take(&mut a, row(number * 64), Update);
    }
    let mut last = queue(&mut b, row(9_999 * 64), Share);
    drop(a);
    assert!(is_through(&mut last));
    for number in 0..10_000 {
        take(&mut b, row(number * 64), Update);
    }
}
