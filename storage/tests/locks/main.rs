//! The lock table through its public face: scenarios, a naive model, threads, and async code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod asynchronous;
mod model;
mod scenarios;
mod threads;

use nuages_storage::lock::{How, LockError, Name, Outcome, Owner, Strength, Ticket};
use nuages_storage::{RowId, TableId};

const TABLE: TableId = TableId::new(1);

fn row(number: i64) -> Name {
    Name::Row(TABLE, RowId::new(number))
}

/// Asks for what must be free.
#[track_caller]
fn take(owner: &mut Owner, name: Name, strength: Strength) {
    let outcome = owner.request(name, strength, How::Wait).unwrap();
    assert!(matches!(outcome, Outcome::Granted), "{name} is not free for {strength}");
}

/// Asks for what must not be free.
#[track_caller]
fn queue(owner: &mut Owner, name: Name, strength: Strength) -> Ticket {
    match owner.request(name, strength, How::Wait).unwrap() {
        Outcome::Wait(ticket) => ticket,
        Outcome::Granted => panic!("{name} is free for {strength}"),
    }
}

/// Asks for what must be refused.
#[track_caller]
fn refused(owner: &mut Owner, name: Name, strength: Strength) -> LockError {
    owner.request(name, strength, How::Wait).expect_err("nobody was in the way, or could wait")
}

/// Whether a ticket is through; it has to be asked for by polling, since to wait would block.
fn is_through(ticket: &mut Ticket) -> bool {
    use std::pin::Pin;
    use std::task::{Context, Waker};
    Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop())) == std::task::Poll::Ready(Ok(()))
}
