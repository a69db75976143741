//! Blocks within blocks: what a savepoint takes back, when hooks run, and which errors spoil a block.

use std::sync::{Arc, Mutex};

use nuages::{error::Error, prelude::*};
use nuages_tests::{chinook::Genre, data, lab::Tag, oracle};
use serde_json::json;

fn make(name: &'static str, slug: &'static str, ex: &dyn Executor) -> Result<Tag> {
    Tag::objects().create(new!(Tag { name, slug }), ex)
}

fn boom() -> Error {
    Error::custom("boom")
}

oracle! { "atomic", data::lab;
    three_deep(db) {
        let of_d = || Tag::objects().filter(Tag::slug.starts_with("d"));
        let counts = db.atomic(|tx| {
            make("1", "d1", tx)?;
            let mut within = 0;
            let failed = tx.atomic(|tx| {
                make("2", "d2", tx)?;
                tx.atomic(|tx| make("3", "d3", tx))?;
                within = of_d().count(tx)?;
                Err::<(), _>(boom())
            });
            assert!(failed.is_err());
            let after = of_d().count(tx)?;
            tx.atomic(|tx| make("4", "d4", tx))?;
            Ok([within, after])
        })?;
        json!([counts, of_d().order_by(Tag::slug).values_list(Tag::slug).all(db)?.iter().map(|slug| slug.as_str()).collect::<Vec<_>>()])
    }
    on_commit_and_savepoints(db) {
        let log = Arc::new(Mutex::new(Vec::new()));
        let entry = |text: &'static str| {
            let log = log.clone();
            move || log.lock().expect("a log").push(text)
        };
        let again = db.clone();
        db.atomic(|tx| {
            tx.on_commit(entry("a"))?;
            let failed = tx.atomic(|tx| {
                tx.on_commit(entry("lost"))?;
                tx.atomic(|tx| tx.on_commit(entry("lost too")))?;
                Err::<(), _>(boom())
            });
            assert!(failed.is_err());
            tx.atomic(|tx| {
                tx.on_commit(entry("b"))?;
                let hook = entry("from a hook");
                tx.try_on_commit(move || again.on_commit(hook))
            })?;
            tx.on_commit(entry("c"))?;
            entry("end")();
            Ok(())
        })?;
        let heard = log.lock().expect("a log").clone();
        json!(heard)
    }
    after_integrity_error_in_a_savepoint(db) {
        db.atomic(|tx| {
            let failed = tx.atomic(|tx| {
                make("fresh", "fresh", tx)?;
                make("Python", "again", tx)
            });
            assert!(matches!(failed, Err(Error::Integrity { .. })));
            let is_there = Tag::objects().filter(Tag::slug.eq("fresh")).exists(tx)?;
            let draft = || new!(Tag { name: "Python", slug: "again" });
            let (tag, created) = Tag::objects().get_or_create(Tag::name.eq("Python"), draft, tx)?;
            Ok(json!([is_there, [json!(tag.slug.as_str()), json!(created)]]))
        })?
    }
    what_dooms(db) {
        fn after(db: &Db, body: &dyn Fn(&dyn Executor)) -> serde_json::Value {
            let result = db.atomic(|tx| {
                body(tx);
                let any = Tag::objects().count(tx)? > 0;
                tx.set_rollback(true);
                Ok(any)
            });
            match result {
                Err(Error::Doomed) => json!("doomed"),
                other => json!(other.expect("nothing else goes wrong")),
            }
        }
        [
            after(db, &|tx| drop(Tag::objects().get(Tag::pk.eq(-1), tx))),
            after(db, &|tx| drop(Tag::objects().get(Q::<Tag>::all(), tx))),
            after(db, &|tx| drop(new!(Tag { name: "x".repeat(100), slug: "y z" }).full_clean(tx))),
            after(db, &|tx| drop(make("Python", "again", tx))),
            after(db, &|tx| drop(Tag::objects().bulk_create(["u", "v"].map(|slug| new!(Tag { name: "u", slug })), tx))),
            after(db, &|tx| drop(Tag::objects().update(Tag::name.set("same"), tx))),
            after(db, &|tx| drop(Tag::objects().get_or_create(Tag::slug.eq("python"), || new!(Tag { name: "x", slug: "python" }), tx))),
        ]
    }
}

oracle! { "lock", data::chinook;
    random_order(db) {
        let r = nuages::expression::function::random();
        let rows = || Genre::objects().annotate(&r).order_by(&r).select_for_update();
        db.atomic(|tx| {
            let found = rows().all(tx)?;
            let mut keys: Vec<_> = found.iter().filter_map(|row| row.pk()).collect();
            keys.sort_unstable();
            keys.dedup();
            Ok(json!([
                found.len(),
                keys.len(),
                found.iter().all(|row| (0.0..1.0).contains(&row.extra.0)),
                rows().filter(Genre::pk.lte(3)).all(tx)?.len(),
                rows().order_by(nuages::order::Order::random()).slice(..4).all(tx)?.len(),
            ]))
        })?
    }
}
