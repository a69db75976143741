//! Plays: sessions on threads of their own that do one step after another, as a script says.
//!
//! ```text
//! T1: update test set value = 11 where id = 1 | 1
//! T2: update test set value = 12 where id = 1 | waits
//! T1: commit                                  | ok
//! T2:                                         | 1     | not serializable | not serializable
//! ```
//!
//! A line is a session, a statement, and the answer expected: one for all levels of isolation, or one each for read
//! committed, snapshot and serializable, where `-` leaves the step out. A step that `waits` is seen to wait for a lock,
//! and a later line without a statement says what it answered in the end. Sessions are transactions from the beginning,
//! and after `commit` or `rollback` until the next `begin` each statement is one of its own. `db` never is a
//! transaction.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nuages_engine::{Database, Error, Isolation, LockError, Transaction};

use super::sql::sql;

/// The levels, in the order of a script's columns.
pub(crate) const LEVELS: [Isolation; 3] =
    [Isolation::ReadCommitted, Isolation::Snapshot, Isolation::Serializable];

/// After this long something that was to happen will not happen any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays a script at each level, on a new database each time.
#[track_caller]
pub(crate) fn play(database: impl Fn() -> Database, script: &str) {
    for level in LEVELS {
        play_at(level, &database(), script);
    }
}

/// Plays a script at one level.
#[track_caller]
pub(crate) fn play_at(level: Isolation, db: &Database, script: &str) {
    let mut cast: HashMap<&str, Actor> = HashMap::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut cells = line.split('|').map(str::trim);
        let (name, step) = cells.next().and_then(|step| step.split_once(':')).expect("a session and a step");
        let answers: Vec<&str> = cells.collect();
        let at = LEVELS.iter().position(|other| *other == level).unwrap_or_default();
        let expected = answers.get(at).or(answers.first()).copied().expect("an answer");
        if expected == "-" {
            continue;
        }
        let waiting = cast.values().filter(|actor| actor.is_waiting).count();
        let actor =
            cast.entry(name).or_insert_with(|| Actor::new(db.clone(), (name != "db").then_some(level)));
        let answer = match step.trim() {
            "" => actor.answer(),
            step => actor.act(step, db, waiting),
        };
        assert_eq!(answer, expected, "at {level:?}: {line}");
    }
    let left: Vec<_> = cast.iter().filter(|(_, actor)| actor.is_waiting).map(|(name, _)| name).collect();
    assert!(left.is_empty(), "at {level:?} still waiting: {left:?}");
}

/// A session on a thread.
struct Actor {
    steps: Sender<String>,
    answers: Receiver<String>,
    is_waiting: bool,
}

impl Actor {
    fn new(db: Database, level: Option<Isolation>) -> Actor {
        let (steps, to_do) = channel::<String>();
        let (done, answers) = channel();
        thread::spawn(move || {
            let mut tx = level.map(|level| db.begin_with(level));
            for step in to_do {
                let answer = perform(&db, &mut tx, level, &step).unwrap_or_else(|error| in_words(&error));
                if done.send(answer).is_err() {
                    return;
                }
            }
        });
        Actor { steps, answers, is_waiting: false }
    }

    /// Does a step, until it has answered or waits for a lock as well as `waiting` others.
    fn act(&mut self, step: &str, db: &Database, waiting: usize) -> String {
        assert!(!self.is_waiting, "it waits, and cannot: {step}");
        self.steps.send(step.to_owned()).expect("the session goes on until the play ends");
        let began = Instant::now();
        loop {
            match self.answers.recv_timeout(Duration::from_micros(200)) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if db.waiting() > waiting => {
                    self.is_waiting = true;
                    return "waits".to_owned();
                }
                Err(RecvTimeoutError::Timeout) => assert!(began.elapsed() < PATIENCE, "no answer: {step}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the session panicked: {step}"),
            }
        }
    }

    /// What the step answered that waited.
    fn answer(&mut self) -> String {
        assert!(self.is_waiting, "it does not wait");
        self.is_waiting = false;
        self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| "waits".to_owned())
    }
}

/// One step of a session.
fn perform(
    db: &Database,
    tx: &mut Option<Transaction>,
    level: Option<Isolation>,
    step: &str,
) -> Result<String, Error> {
    match (step, tx.take()) {
        ("begin", None) => *tx = level.map(|level| db.begin_with(level)),
        ("commit", Some(ending)) => drop(ending.commit()?),
        ("rollback", Some(ending)) => ending.rollback(),
        (statement, Some(going_on)) => {
            let answer = sql(&going_on, statement);
            *tx = Some(going_on);
            return Ok(answer?.to_string());
        }
        (statement, None) => return Ok(sql(db, statement)?.to_string()),
    }
    Ok("ok".to_owned())
}

/// An error as scripts name it.
fn in_words(error: &Error) -> String {
    match error {
        Error::SerializationFailure { .. } => "not serializable".to_owned(),
        Error::Unique { .. } => "unique".to_owned(),
        Error::ForeignKey { .. } => "no parent".to_owned(),
        Error::Referenced { .. } => "has children".to_owned(),
        Error::Lock(error) => match **error {
            LockError::Deadlock { .. } => "deadlock".to_owned(),
            LockError::NotAvailable { .. } => "locked".to_owned(),
            ref other => other.to_string(),
        },
        other => other.to_string(),
    }
}
