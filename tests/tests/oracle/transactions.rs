//! `atomic` and its kin: Django's answers.

use std::sync::{Arc, Mutex};

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    data,
    lab::{Account, Profile, Tag, User},
    oracle,
    oracle::raises,
};
use serde_json::json;

/// The names of the tags that were not in the data.
fn names(db: &Db) -> Result<Vec<String>> {
    let known = data::lab();
    let known = Tag::objects().order_by(()).values_list(Tag::name).all(&known)?;
    Tag::objects().exclude(Tag::name.is_in(known)).order_by(Tag::id).values_list(Tag::name).all(db)
}

fn make(name: &'static str, ex: &dyn Executor) -> Result<Tag> {
    Tag::objects().create(new!(Tag { name: name, slug: name }), ex)
}

fn boom() -> Error {
    Error::custom("boom")
}

oracle! { "atomic", data::lab;
    outer_rollback_takes_inner(db) {
        let failed = db.atomic(|tx| {
            tx.atomic(|inner| make("inner", inner))?;
            Err::<(), _>(boom())
        });
        assert!(failed.is_err());
        names(db)?
    }
    caught_database_error_inside(db) {
        let out = db.atomic(|tx| {
            let _swallowed = make("Python", tx);
            make("z", tx)
        });
        let class = raises(out)["raises"].clone();
        json!([class, names(db)?])
    }
    caught_in_inner_block(db) {
        db.atomic(|tx| {
            let _swallowed = tx.atomic(|inner| make("Python", inner));
            make("z", tx)
        })?;
        names(db)?
    }
    set_rollback(db) {
        db.atomic(|tx| {
            make("a", tx)?;
            tx.set_rollback(true);
            Ok(())
        })?;
        names(db)?
    }
    manual_savepoints(db) {
        db.atomic(|tx| {
            make("a", tx)?;
            let mark = tx.savepoint()?;
            make("b", tx)?;
            tx.rollback_to(&mark)?;
            make("c", tx)
        })?;
        names(db)?
    }
    decorator(db) {
        fn transfer(source: &str, target: &str, amount: i32, ex: &dyn Executor) -> Result<()> {
            ex.atomic(|tx| {
                let owner = |name: &str| Account::objects().filter(Account::owner.eq(name));
                owner(target).update(Account::balance.set(Account::balance + amount), tx)?;
                owner(source).update(Account::balance.set(Account::balance - amount), tx)?;
                Ok(())
            })
        }
        transfer("ann", "ben", 30, db)?;
        assert!(matches!(transfer("ann", "ben", 1000, db), Err(Error::Integrity { .. })));
        Account::objects().order_by(Account::id).values_list((Account::owner, Account::balance)).all(db)?
    }
    on_commit_exception(db) {
        let log = Arc::new(Mutex::new(Vec::new()));
        let entry = |text: &'static str| {
            let log = log.clone();
            move || log.lock().expect("a log").push(text)
        };
        let result = db.atomic(|tx| {
            make("kept", tx)?;
            tx.on_commit(entry("after robust"))?;
            tx.try_on_commit(|| Err(boom()))?;
            tx.on_commit(entry("skipped"))
        });
        assert!(matches!(result, Err(Error::Custom(_))));
        json!([*log.lock().expect("a log"), names(db)?])
    }
    foreign_key_repaired_before_commit(db) {
        db.atomic(|tx| {
            Profile::objects().filter(Profile::id.eq(1)).update(Profile::user.set(999), tx)?;
            User::objects().create(new!(User { id: 999, username: "late" }), tx)
        })?;
        Profile::objects().get(Profile::id.eq(1), db)?.user.get(db)?.username.clone()
    }
    instances_are_not_rolled_back(db) {
        let mut tag = new!(Tag { name: "a", slug: "a" });
        let failed = db.atomic(|tx| {
            tag.save(tx)?;
            Err::<(), _>(boom())
        });
        assert!(failed.is_err());
        json!([tag.id.get().is_some(), !tag.id.is_stored(), Tag::objects().filter(Tag::slug.eq("a")).exists(db)?])
    }
}

#[test]
fn a_durable_block_is_the_outermost() -> Result<()> {
    let db = data::lab();
    db.durable(|tx| make("a", tx))?;
    assert_eq!(db.atomic(|tx| tx.durable(|_| Ok(()))), Err(Error::NestedDurable));
    Ok(())
}

#[test]
fn hooks_of_a_block_that_is_rolled_back_do_not_run() -> Result<()> {
    let db = data::lab();
    let log = Arc::new(Mutex::new(Vec::new()));
    let entry = |text: &'static str| {
        let log = log.clone();
        move || log.lock().expect("a log").push(text)
    };
    db.atomic(|tx| {
        tx.on_commit(entry("outer"))?;
        let _failed = tx.atomic(|inner| {
            inner.on_commit(entry("inner"))?;
            Err::<(), _>(boom())
        });
        assert!(log.lock().expect("a log").is_empty(), "nothing runs before the commit");
        Ok(())
    })?;
    db.on_commit(entry("at once"))?;
    assert_eq!(*log.lock().expect("a log"), ["outer", "at once"]);
    Ok(())
}

#[test]
fn an_error_of_the_programs_own() {
    #[derive(Debug, PartialEq)]
    enum Shop {
        Database(Error),
        OutOfStock,
    }
    impl From<Error> for Shop {
        fn from(error: Error) -> Self {
            Shop::Database(error)
        }
    }
    let db = data::lab();
    let result = db.try_atomic(|tx| {
        make("a", tx)?;
        Err::<(), _>(Shop::OutOfStock)
    });
    assert_eq!(result, Err(Shop::OutOfStock));
    assert_eq!(names(&db), Ok(Vec::new()));
}
