//! `select_for_update`: what is read under it stays as it is until the block ends.

use crate::{
    prelude::*,
    queryset::lock::{Lock, LockWait},
};

#[derive(Model, Clone, Debug)]
struct Counter {
    id: Auto<i64>,
    value: i64,
}

fn counter() -> Db {
    let db = App::new().models((Counter::app(),)).open_memory().unwrap();
    Counter::objects().create(new!(Counter { value: 0 }), &db).unwrap();
    db
}

/// Two threads, 200 increments each.
fn race(db: &Db, increment: impl Fn() -> Result<()> + Sync) -> i64 {
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| (0..200).for_each(|_| increment().unwrap()));
        }
    });
    Counter::objects().get(Counter::id.eq(1), db).unwrap().value
}

#[test]
fn no_increment_is_lost_under_a_lock() {
    let db = counter();
    let increment = || {
        db.atomic(|tx| {
            let mut counter = Counter::objects().select_for_update().get(Counter::id.eq(1), tx)?;
            counter.value += 1;
            counter.save(tx)
        })
    };
    assert_eq!(race(&db, increment), 400);
}

#[test]
fn update_or_create_loses_no_change() {
    let db = counter();
    let increment = || {
        let change = |counter: &mut Counter| counter.value += 1;
        let new = || new!(Counter { value: 0 });
        Counter::objects().update_or_create(Counter::id.eq(1), change, new, &db).map(drop)
    };
    assert_eq!(race(&db, increment), 400);
}

#[test]
fn a_lock_outside_of_a_block_is_refused() {
    let db = counter();
    assert!(matches!(Counter::objects().select_for_update().all(&db), Err(Error::Misuse(_))));
}

#[test]
fn a_locked_row_is_not_available_or_passed_over_as_is_asked() {
    let db = counter();
    Counter::objects().create(new!(Counter { value: 10 }), &db).unwrap();
    let locked = |wait, tx: &Tx<'_>| {
        let lock = Lock { wait, ..Lock::default() };
        Counter::objects().order_by(Counter::id.asc()).select_for_update_with(lock).slice(..1).all(tx)
    };
    db.atomic(|tx| {
        let mine = locked(LockWait::Wait, tx)?;
        assert_eq!(mine[0].value, 0);
        db.atomic(|other| {
            assert_eq!(locked(LockWait::SkipLocked, other)?[0].value, 10, "the limit counts what is left");
            let refused = locked(LockWait::NoWait, other).unwrap_err();
            assert!(matches!(refused, Error::Locked(_)), "{refused}");
            Ok(())
        })?;
        // The other transaction is over, and its locks with it.
        assert_eq!(Counter::objects().select_for_update().all(tx)?.len(), 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_thread_that_would_wait_for_itself_is_told_so() {
    let db = counter();
    db.atomic(|tx| {
        Counter::objects().select_for_update().all(tx)?;
        let refused = Counter::objects().update(Counter::value.set(7), &db).unwrap_err();
        assert!(matches!(refused, Error::Deadlock(_)), "{refused}");
        assert!(!refused.is_retryable());
        Ok(())
    })
    .unwrap();
}

#[derive(Model, Clone, Debug)]
struct Owner {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
struct Pet {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    owner: ForeignKey<Owner>,
}

/// Two owners with a pet each.
fn pets() -> Db {
    let db = App::new().models((Owner::app(), Pet::app())).open_memory().unwrap();
    for name in ["Naguine", "Sophie"] {
        let owner = Owner::objects().create(new!(Owner { name }), &db).unwrap();
        Pet::objects().create(new!(Pet { owner: &owner }), &db).unwrap();
    }
    db
}

#[derive(Model, Clone, Debug)]
struct Shelf {
    id: Auto<i64>,
    #[related(Book::shelf)]
    books: Related<Book>,
    marks: ManyToMany<Mark>,
}

#[derive(Model, Clone, Debug)]
struct Book {
    id: Auto<i64>,
    #[field(max_length = 20, unique)]
    slug: String,
    views: i64,
    #[field(on_delete = Cascade)]
    shelf: ForeignKey<Shelf>,
}

#[derive(Model, Clone, Debug)]
struct Mark {
    id: Auto<i64>,
    #[field(max_length = 20, unique)]
    slug: String,
    views: i64,
}

fn shelf() -> (Db, Shelf) {
    let db = App::new().models((Shelf::app(), Book::app(), Mark::app())).open_memory().unwrap();
    let shelf = Shelf::objects().create(new!(Shelf {}), &db).unwrap();
    (db, shelf)
}

/// What two threads get that do the same at the same time, so many times. They wait for each other, so neither may panic.
fn at_once<T: Send>(times: usize, verb: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let meeting = std::sync::Barrier::new(2);
    let one = || {
        let once = |time| {
            meeting.wait();
            verb(time)
        };
        (0..times).map(once).collect::<Vec<_>>()
    };
    std::thread::scope(|threads| {
        let both = [threads.spawn(one), threads.spawn(one)];
        both.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn update_or_create_of_a_relation_loses_no_change() {
    let (db, shelf) = shelf();
    for thread in at_once(200, |_| {
        let mut shelf = shelf.clone();
        let new = || new!(Book { slug: "x", views: 1, shelf: _ });
        shelf.books.update_or_create(Book::slug.eq("x"), |book| book.views += 1, new, &db)?;
        let new = || new!(Mark { slug: "x", views: 1 });
        shelf.marks.update_or_create(Mark::slug.eq("x"), |mark| mark.views += 1, new, &db)
    }) {
        thread.unwrap();
    }
    assert_eq!(shelf.books.objects().unwrap().get(Book::slug.eq("x"), &db).unwrap().views, 400);
    assert_eq!(shelf.marks.objects().unwrap().get(Mark::slug.eq("x"), &db).unwrap().views, 400);
}

#[test]
fn two_that_get_or_create_a_related_row_at_once_get_one() {
    const TIMES: usize = 200;
    let (db, shelf) = shelf();
    let books = at_once(TIMES, |time| {
        let slug = time.to_string();
        let new = || new!(Book { slug: slug.as_str(), views: 0, shelf: _ });
        shelf.clone().books.get_or_create(Book::slug.eq(slug.as_str()), new, &db).map(|found| found.1)
    });
    let marks = at_once(TIMES, |time| {
        let slug = time.to_string();
        let new = || new!(Mark { slug: slug.as_str(), views: 0 });
        shelf.clone().marks.get_or_create(Mark::slug.eq(slug.as_str()), new, &db).map(|found| found.1)
    });
    for are_new in [books, marks] {
        assert_eq!(are_new.into_iter().filter(|is_new| *is_new.as_ref().unwrap()).count(), TIMES);
    }
    assert_eq!(
        (shelf.books.count(&db).unwrap(), shelf.marks.count(&db).unwrap()),
        (TIMES as u64, TIMES as u64)
    );
}

#[test]
fn rows_of_relations_are_locked_as_is_said() {
    let db = pets();
    let is_locked = |found: Result<usize>| match found {
        Ok(_) => false,
        Err(Error::Locked(_)) => true,
        Err(other) => unreachable!("{other}"),
    };
    let nowait = || Lock::new().nowait();
    let locked = |lock: Option<Lock>| {
        let pets = Pet::objects().filter(Pet::owner.name.eq("Sophie")).select_related(Pet::owner);
        let pets = match lock {
            Some(lock) => pets.select_for_update_with(lock),
            None => pets.select_for_update(),
        };
        db.atomic(|tx| {
            assert_eq!(pets.all(tx)?.len(), 1);
            let owners = Owner::objects().filter(Owner::name.eq("Naguine")).select_for_update_with(nowait());
            assert!(!is_locked(db.atomic(|other| Ok(owners.all(other)?.len()))), "it was not asked for");
            let pets =
                db.atomic(|other| Ok(Pet::objects().select_for_update_with(nowait()).all(other)?.len()));
            let owners =
                db.atomic(|other| Ok(Owner::objects().select_for_update_with(nowait()).all(other)?.len()));
            Ok((is_locked(pets), is_locked(owners)))
        })
        .unwrap()
    };
    assert_eq!(locked(None), (true, true));
    assert_eq!(locked(Some(Lock::new().of_own())), (true, false));
    assert_eq!(locked(Some(Lock::new().of(Pet::owner))), (false, true));
    assert_eq!(locked(Some(Lock::new().of_own().of(Pet::owner))), (true, true));
    let not_followed = Pet::objects().select_for_update_with(Lock::new().of(Pet::owner));
    let refused = db.atomic(|tx| not_followed.all(tx)).unwrap_err();
    assert!(refused.to_string().contains("select_related"), "{refused}");
}

#[test]
fn others_may_refer_to_a_row_that_is_locked_without_its_key() {
    let db = pets();
    let is_refused = |lock: Lock| {
        db.atomic(|tx| {
            let owner = Owner::objects().select_for_update_with(lock).get(Owner::id.eq(1), tx)?;
            let born = db.atomic(|other| Pet::objects().create(new!(Pet { owner: &owner }), other));
            let renamed = db.atomic(|other| Owner::objects().update(Owner::name.set("Babik"), other));
            assert!(matches!(renamed, Err(Error::Deadlock(_))), "the row itself is locked");
            Ok(born.is_err())
        })
        .unwrap()
    };
    assert!(is_refused(Lock::new()));
    assert!(!is_refused(Lock::new().no_key()));
}

#[test]
fn a_row_locked_by_its_key_is_read_as_it_is_then_and_kept_from_others() {
    let db = counter();
    let by_key = |id: i64, lock: Lock, ex: &dyn Executor| {
        Counter::objects().select_for_update_with(lock).get(Counter::id.eq(id), ex).map(|row| row.value)
    };
    let kept =
        prepare(|id: Param<i64>| Counter::objects().filter(Counter::id.eq(id)).select_for_update(), &db);
    let kept = kept.unwrap();
    for isolation in [Isolation::ReadCommitted, Isolation::Snapshot, Isolation::Serializable] {
        Counter::objects().update(Counter::value.set(3), &db).unwrap();
        let db = db.with_isolation(isolation);
        db.atomic(|tx| {
            assert_eq!(by_key(1, Lock::new(), tx)?, 3);
            let refused = db.atomic(|other| by_key(1, Lock::new().nowait(), other));
            assert!(matches!(refused, Err(Error::Locked(_))), "{refused:?}");
            let passed_over = db.atomic(|other| by_key(1, Lock::new().skip_locked(), other));
            assert!(matches!(passed_over, Err(Error::DoesNotExist { .. })), "{passed_over:?}");
            Counter::objects()
                .filter(Counter::id.eq(1))
                .update(Counter::value.set(Counter::value + 1), tx)?;
            assert_eq!(
                (by_key(1, Lock::new(), tx)?, kept.get(1, tx)?.value),
                (4, 4),
                "its own write is seen"
            );
            assert!(matches!(by_key(2, Lock::new(), tx), Err(Error::DoesNotExist { .. })));
            assert!(kept.first(2, tx)?.is_none());
            Ok(())
        })
        .unwrap();
        assert_eq!(by_key(1, Lock::new(), &db.begin().unwrap()), Ok(4), "the locks are gone");
    }
    let queries = db.queries();
    db.atomic(|tx| by_key(1, Lock::new(), tx)).unwrap();
    let shown = queries.statements();
    assert!(shown.len() == 1 && shown[0].sql().contains("FOR UPDATE"), "who watches is shown the lock, too");
}
