//! Every operation on the disk fails once, in each way it can.

use std::io::ErrorKind;

use super::*;
use crate::file::simulated::{Dice, Fault};

/// What is known of a run: how many commits were tried, and how many of them must be there.
#[derive(Clone, Copy, Debug)]
struct Run {
    tried: usize,
    durable: usize,
}

/// Commits a workload until something fails, with a checkpoint and a sync now and then.
fn run(system: &Simulated, durability: Durability, steps: &[Step]) -> Run {
    let mut run = Run { tried: 0, durable: 0 };
    let Ok(store) = open(system, durability) else { return run };
    for (at, step) in steps.iter().enumerate() {
        run.tried += 1;
        if commit(&store, step).is_err() {
            assert!(commit_catalog(&store).is_err(), "nothing more is committed");
            break;
        }
        if durability == Durability::Full {
            run.durable = run.tried;
        }
        if at % 3 == 2 && store.flush().is_ok() {
            run.durable = run.tried;
        }
        if at % 5 == 4 && store.compact().is_ok() {
            run.durable = run.tried;
        }
    }
    run
}

/// A commit that can be made whatever there is.
fn commit_catalog(store: &Store) -> Result<(), Error> {
    store.write(Reach::Short, |writer| {
        writer.locking().schema();
        let text = text_of(writer.version().catalog()) + "onwards;";
        writer.push(Operation::Schema(SchemaChange::Catalog(catalog(text))));
        Ok(())
    })
}

/// Opens what a run has left: a state between what was durable and what was tried, on which one can go on.
fn check(system: &Simulated, run: Run, models: &[Model], about: &str) {
    let store = open(system, Durability::Full).unwrap_or_else(|error| panic!("{about}: {error}"));
    let found = contents(&store.snapshot().unwrap());
    let commits = store.snapshot().unwrap().commit().number() as usize;
    assert!((run.durable..=run.tried).contains(&commits), "{about}: {commits} commits of {run:?}");
    assert_eq!(found, models[commits], "{about}");
    commit_catalog(&store).unwrap_or_else(|error| panic!("{about}: {error}"));
    let expected = contents(&store.snapshot().unwrap());
    drop(store);
    let store = open(system, Durability::Full).unwrap_or_else(|error| panic!("{about}, again: {error}"));
    assert_eq!(contents(&store.snapshot().unwrap()), expected, "{about}");
}

const FAULTS: [Fault; 4] = [
    Fault::PowerCut,
    Fault::Fails(ErrorKind::Other),
    Fault::Fails(ErrorKind::StorageFull),
    Fault::FailsHalfway(ErrorKind::StorageFull),
];

#[test]
fn whatever_operation_fails_a_prefix_with_all_that_was_durable_is_there() {
    let steps = workload();
    let models = models(&steps);
    for durability in [Durability::Full, Durability::Buffered] {
        let whole = Simulated::default();
        let without_fault = run(&whole, durability, &steps);
        assert_eq!(without_fault.tried, steps.len());
        for at in 1..=whole.operations() {
            for fault in FAULTS {
                let system = Simulated::default();
                system.plan(at, fault);
                let run = run(&system, durability, &steps);
                let about = format!("{durability:?}, {fault:?} at {at}");
                check(&system.after_kill(), run, &models, &format!("{about}, killed"));
                for seed in 0..3 {
                    let seed = seed + 100 * at;
                    let about = format!("{about}, power cut with seed {seed}");
                    check(&system.after_power_cut(seed), run, &models, &about);
                }
            }
        }
    }
}

#[test]
fn a_recovery_that_is_interrupted_is_made_good_by_the_next() {
    let steps = workload();
    let models = models(&steps);
    let mut dice = Dice::new(7);
    for round in 0..40 {
        let system = Simulated::default();
        system.plan(10 + dice.below(60) as u64, Fault::PowerCut);
        let run = run(&system, Durability::Buffered, &steps);
        let found = system.after_power_cut(round);
        let at = 1 + dice.below(6) as u64;
        found.plan(at, Fault::PowerCut);
        drop(open(&found, Durability::Full));
        check(&found.after_power_cut(round), run, &models, &format!("round {round}, interrupted at {at}"));
    }
}
