//! Statements of one row, which have ways of their own: alone and at once, beside a transaction that holds a lock, in a
//! transaction that looks its earlier writes through, and in one that has applied them. All of them do the same.

use std::sync::Arc;

use nuages_engine::algebra::{Arithmetic, Expr};
use nuages_engine::catalog::{Action, NewColumn, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, RowKeys, Session};
use nuages_storage::{DataType, LeafBuilder, RowId, Value};
use proptest::prelude::*;

use super::support::*;

/// What is done to the table `song`.
#[derive(Clone, Debug)]
enum Deed {
    /// A row in leaf shape, of this key or of the next.
    Insert {
        key: Option<i64>,
        slug: String,
        year: Option<i64>,
        band: Option<i64>,
    },
    /// The same as values.
    InsertValues {
        slug: String,
        year: i64,
    },
    /// To the plays of a row.
    Add {
        key: i64,
        number: i64,
    },
    /// Of a row, so that an index changes.
    SetSlug {
        key: i64,
        slug: String,
    },
    Delete {
        key: i64,
    },
    /// Of a row that others refer to.
    DeleteBand {
        key: i64,
    },
    InsertBand {
        name: String,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let slug = || "[ab]{0,2}|a long slug that is no key of eight bytes [ab]";
    let key = || 0..12i64;
    prop_oneof![
        4 => (proptest::option::weighted(0.3, key()), slug(), proptest::option::of(1930..1934i64), proptest::option::of(1..4i64))
            .prop_map(|(key, slug, year, band)| Deed::Insert { key, slug, year, band }),
        1 => (slug(), 1930..1934i64).prop_map(|(slug, year)| Deed::InsertValues { slug, year }),
        2 => (key(), -3..3i64).prop_map(|(key, number)| Deed::Add { key, number }),
        1 => (key(), slug()).prop_map(|(key, slug)| Deed::SetSlug { key, slug }),
        2 => key().prop_map(|key| Deed::Delete { key }),
        1 => (1..4i64).prop_map(|key| Deed::DeleteBand { key }),
        1 => "[xy]".prop_map(|name| Deed::InsertBand { name }),
    ]
}

fn shop() -> Database {
    let db = Database::new();
    let band = NewTable::new("band").column(id()).column(text("name")).primary_key(["id"]);
    let song = NewTable::new("song")
        .column(id())
        .column(text("slug"))
        .column(int("plays").unsigned())
        .column(NewColumn::new("year", DataType::BigInt).nullable(true))
        .column(NewColumn::new("band_id", DataType::BigInt).nullable(true))
        .primary_key(["id"])
        .unique(NewIndex::unique("song_slug", ["slug", "year"]))
        .index(NewIndex::new("song_year", ["year"]))
        .check("song_plays", less(own(2), Expr::literal(11)))
        .foreign_key(NewForeignKey::new("song_band", ["band_id"], "band", ["id"]).on_delete(Action::SetNull));
    db.create_table(band).unwrap();
    db.create_table(song).unwrap();
    db.create_table(NewTable::new("other").column(id()).primary_key(["id"])).unwrap();
    insert(&db, "band", &[row![1, "quintette"], row![2, "orchestre"]]);
    insert(&db, "song", &[row![1, "aa", 5, 1930, 1], row![2, "b", 9, 1931, null]]);
    insert(&db, "other", &[row![1]]);
    db
}

/// What became of a deed: what it returned, or its error.
fn run(session: &dyn Session, deed: &Deed) -> Result<String, Error> {
    let song = table_id(session, "song");
    match deed {
        Deed::Insert { key, slug, year, band } => {
            let layout = Arc::clone(&session.catalog()?.expect_table(song)?.layout);
            let mut row = LeafBuilder::new(layout);
            row.set_text(1, slug);
            row.set_int(2, 3);
            year.iter().for_each(|year| row.set_int(3, *year));
            band.iter().for_each(|band| row.set_int(4, *band));
            row.finish_row(RowId::new(key.unwrap_or_default()));
            let keys = if key.is_some() { RowKeys::Given } else { RowKeys::Generated };
            session.insert_rows(song, vec![row.finish()], keys).map(|first| format!("{first:?}"))
        }
        Deed::InsertValues { slug, year } => {
            let row = row![null, (slug.clone()), 3, (*year), null];
            try_insert(session, "song", &[row]).map(|outcome| format!("{outcome:?}"))
        }
        Deed::Add { key, number } => {
            let more = column(2).arithmetic(Arithmetic::Add, Expr::literal(*number));
            update(session, "song", Some(is(0, *key)), vec![(2, more)]).map(|count| count.to_string())
        }
        Deed::SetSlug { key, slug } => {
            let slug = vec![(1, Expr::literal(slug.clone()))];
            update(session, "song", Some(is(0, *key)), slug).map(|count| count.to_string())
        }
        Deed::Delete { key } => {
            delete(session, "song", Some(is(0, *key))).map(|outcome| format!("{:?}", outcome.per_table))
        }
        Deed::DeleteBand { key } => {
            delete(session, "band", Some(is(0, *key))).map(|outcome| format!("{:?}", outcome.per_table))
        }
        Deed::InsertBand { name } => {
            let row = row![null, (name.clone())];
            try_insert(session, "band", &[row]).map(|outcome| format!("{outcome:?}"))
        }
    }
}

/// What it is when everything is done.
fn outcome(db: &Database) -> [Vec<Vec<Value>>; 2] {
    [rows(db, "song"), rows(db, "band")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_statement_of_one_row_does_the_same_whichever_way_it_goes(deeds in prop::collection::vec(deed(), 1..24)) {
        let alone = shop();
        let beside = shop();
        let holder = beside.begin();
        update(&holder, "other", None, vec![(0, Expr::literal(1))]).unwrap();
        let (overlaid, applied) = (shop(), shop());
        let (overlaying, applying) = (overlaid.begin(), applied.begin());
        for deed in &deeds {
            let done = run(&alone, deed);
            prop_assert_eq!(&done, &run(&beside, deed), "beside a transaction: {:?}", deed);
            prop_assert_eq!(&done, &run(&overlaying, deed), "in a transaction: {:?}", deed);
            // Who looks at everything has a view made of what was written.
            let _ = rows(&applying, "song");
            prop_assert_eq!(&done, &run(&applying, deed), "in a transaction that looks: {:?}", deed);
        }
        overlaying.commit().unwrap();
        applying.commit().unwrap();
        let expected = outcome(&alone);
        prop_assert_eq!(&expected, &outcome(&beside));
        prop_assert_eq!(&expected, &outcome(&overlaid));
        prop_assert_eq!(&expected, &outcome(&applied));
    }
}

#[test]
fn a_hundred_rows_of_one_transaction_see_each_others_keys_and_leave_no_trace() {
    let db = shop();
    let before = outcome(&db);
    let transaction = db.begin();
    for number in 0..100i64 {
        let deed = |slug: String| Deed::Insert { key: None, slug, year: Some(1940), band: Some(1) };
        run(&transaction, &deed(format!("song {number}"))).unwrap();
        let again = run(&transaction, &deed(format!("song {}", number / 2)));
        assert!(matches!(again, Err(Error::Unique { .. })), "{again:?}");
    }
    assert_eq!(rows(&transaction, "song").len(), 102);
    transaction.rollback();
    assert_eq!(outcome(&db), before);
}
