//! Crowds over a database in files: what is promised of versions that are published at once holds also where they are
//! published when they are durable, and after the files were opened again.

use std::path::PathBuf;

use nuages_engine::catalog::{Action, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Durability, Isolation, Options, Session};

use super::crowd::{audit, crowd, retrying, rounds, unless_refused};
use super::schema::{id, int, key, text};
use super::sql::{ints, rows, sql};

/// A directory that is removed in the end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("nuages-isolation-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TABLES: [&str; 3] = ["account", "owner", "card"];

fn create(db: &Database) {
    let account = NewTable::new("account").column(key("id")).column(int("balance"));
    let by_balance = NewIndex::new("account_balance", ["balance"]);
    db.create_table(account.primary_key(["id"]).index(by_balance)).unwrap();
    let name = NewIndex::unique("owner_name", ["name"]);
    let owner = NewTable::new("owner").column(id()).column(text("name")).primary_key(["id"]);
    db.create_table(owner.unique(name)).unwrap();
    let of_owner = NewForeignKey::new("of_owner", ["owner"], "owner", ["id"]).on_delete(Action::Cascade);
    let card = NewTable::new("card").column(id()).column(int("owner")).primary_key(["id"]);
    db.create_table(card.foreign_key(of_owner)).unwrap();
    for id in 1..=6 {
        sql(db, &format!("insert into account values ({id}, 100)")).unwrap();
        sql(db, &format!("insert into owner values ({id}, 'owner {id}')")).unwrap();
    }
}

fn write(db: &Database, threads: usize, each: usize) {
    crowd(threads, each, |chance| {
        let (one, other) = (1 + chance.below(6), 1 + chance.below(6));
        sql(db, &format!("update account set balance = balance + 1 where id = {one}")).unwrap();
        retrying(db, chance.level(), |tx| {
            sql(tx, &format!("update account set balance = balance - 7 where id = {one}"))?;
            sql(tx, &format!("update account set balance = balance + 7 where id = {other}"))
        })
        .unwrap();
        retrying(db, Isolation::Serializable, |tx| {
            let balance = ints(tx, &format!("select * from account where id = {one}"), 1)?[0];
            sql(tx, &format!("update account set balance = {} where id = {one}", balance + 1))
        })
        .unwrap();
        let statement = match chance.below(5) {
            0 => format!("delete from owner where id = {one}"),
            1 => format!("insert into owner values ({one}, 'owner {other}')"),
            2 => format!("insert into owner values (default, 'owner {one}')"),
            3 => "update account set balance = balance + 0".to_owned(),
            _ => format!("insert into card values (default, {other})"),
        };
        unless_refused(sql(db, &statement));
    });
}

#[test]
fn a_crowd_on_files_loses_nothing_and_finds_it_again() {
    for (name, durability) in [("full", Durability::Full), ("buffered", Durability::Buffered)] {
        let scratch = Scratch::new(name);
        // Small enough that a checkpoint is written now and then.
        let options = || {
            let mut options = Options::from(durability);
            options.checkpoint_bytes = 1 << 14;
            options
        };
        let (threads, each) = (4, rounds(40));
        let contents = |db: &Database| {
            audit(db);
            TABLES.map(|table| rows(db, &format!("select * from {table}")).unwrap())
        };
        let sum = |db: &Database| ints(db, "select * from account", 1).unwrap().iter().sum::<i64>();
        let db = Database::open_with(&scratch.0, options()).unwrap();
        create(&db);
        write(&db, threads, each);
        let written = contents(&db);
        assert_eq!(sum(&db), 600 + (threads * each * 2) as i64, "{durability:?}");
        drop(db);
        let db = Database::open_with(&scratch.0, options()).unwrap();
        assert_eq!(contents(&db), written, "{durability:?}");
        write(&db, threads, each);
        contents(&db);
        assert_eq!(sum(&db), 600 + (threads * each * 4) as i64, "{durability:?}");
    }
}
