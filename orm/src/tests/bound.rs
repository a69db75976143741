use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(ordering = [number])]
struct Track {
    id: Auto<i64>,
    number: i64,
}

/// A database with so many tracks.
fn db(tracks: i64) -> Db {
    let db = App::new().models(Track::app()).open_memory().unwrap();
    Track::objects().bulk_create((1..=tracks).map(|number| new!(Track { number })), &db).unwrap();
    db
}

/// The numbers of tracks.
fn numbers<'t>(tracks: impl IntoIterator<Item = &'t Track>) -> Vec<i64> {
    tracks.into_iter().map(|track| track.number).collect()
}

#[test]
fn what_was_read_once_answers_everything() {
    let db = db(5);
    let watch = db.capture();
    let tracks = Track::objects().on(&db);
    assert!(!tracks.is_read() && watch.is_empty());
    assert_eq!((tracks.len().unwrap(), tracks.is_empty().unwrap()), (5, false));
    assert_eq!(numbers(tracks.iter().unwrap()), [1, 2, 3, 4, 5]);
    assert_eq!((tracks.count().unwrap(), tracks.exists().unwrap()), (5, true));
    let second = tracks.get(1).unwrap().unwrap();
    assert!(tracks.contains(&second).unwrap());
    assert_eq!(numbers(&*tracks.range(1..3).unwrap()), [2, 3]);
    assert_eq!(tracks.first().unwrap().unwrap().number, 1);
    tracks.repr().unwrap();
    assert!(tracks.get(5).unwrap().is_none());
    assert_eq!(watch.len(), 1);
}

#[test]
fn unread_it_asks_for_no_more_than_is_wanted_and_keeps_nothing() {
    let db = db(5);
    let tracks = Track::objects().on(&db);
    let watch = db.capture();
    assert_eq!(tracks.get(4).unwrap().unwrap().number, 5);
    assert!(tracks.get(5).unwrap().is_none());
    assert_eq!((tracks.count().unwrap(), tracks.exists().unwrap()), (5, true));
    assert_eq!(numbers(&*tracks.range(3..).unwrap()), [4, 5]);
    assert_eq!(tracks.last().unwrap().unwrap().number, 5);
    tracks.repr().unwrap();
    assert!(!tracks.is_read());
    assert_eq!(watch.len(), 7);
}

#[test]
fn a_clone_and_a_further_call_read_anew() {
    let db = db(3);
    let tracks = Track::objects().on(&db);
    tracks.rows().unwrap();
    let watch = db.capture();
    assert!(!tracks.clone().is_read());
    assert_eq!(tracks.clone().filter(Track::number.gt(1)).len().unwrap(), 2);
    assert_eq!(watch.len(), 1);
    Track::objects().create(new!(Track { number: 4 }), &db).unwrap();
    assert_eq!((tracks.len().unwrap(), tracks.clone().len().unwrap()), (3, 4));
}

#[test]
fn slices_have_steps_and_end_at_the_last_row() {
    let db = db(7);
    let (unread, read) = (Track::objects().on(&db), Track::objects().on(&db));
    read.rows().unwrap();
    for tracks in [&unread, &read] {
        let stepped = |step| numbers(&tracks.range_by(1..6, step).unwrap());
        assert_eq!((stepped(1), stepped(2), stepped(9)), (vec![2, 3, 4, 5, 6], vec![2, 4, 6], vec![2]));
        assert_eq!(numbers(&*tracks.range(5..=9).unwrap()), [6, 7]);
        assert_eq!(numbers(&tracks.range_by(.., 3).unwrap()), [1, 4, 7]);
        assert!(tracks.range(9..).unwrap().is_empty());
        #[expect(clippy::reversed_empty_ranges, reason = "what a careless page number comes to")]
        let backwards = tracks.range(4..2).unwrap();
        assert!(backwards.is_empty());
        assert!(matches!(tracks.range_by(.., 0), Err(Error::Misuse(_))));
    }
    assert!(!unread.is_read());
}

#[test]
fn the_repr_shows_twenty_rows_and_says_that_there_are_more() {
    let repr = |tracks| {
        let db = db(tracks);
        let numbers = Track::objects().values_list(Track::number).on(&db);
        let unread = numbers.repr().unwrap();
        numbers.rows().unwrap();
        assert_eq!(unread, numbers.repr().unwrap());
        assert_eq!(unread, format!("{numbers:?}"));
        unread
    };
    assert_eq!((repr(0).as_str(), repr(2).as_str()), ("<QuerySet []>", "<QuerySet [1, 2]>"));
    assert!(repr(20).ends_with("19, 20]>"));
    assert!(repr(21).ends_with("19, 20, '...(remaining elements truncated)...']>"));
}

#[test]
fn writing_through_it_forgets_what_was_read() {
    let db = db(3);
    let mut tracks = Track::objects().filter(Track::number.lt(3)).on(&db);
    assert_eq!(tracks.len().unwrap(), 2);
    assert_eq!(tracks.update(Track::number.set(Track::number + 1)).unwrap(), 2);
    assert_eq!(numbers(tracks.rows().unwrap()), [2]);
    assert_eq!(tracks.delete().unwrap().total, 1);
    assert!(tracks.is_empty().unwrap());
}

#[test]
fn a_misuse_is_told_where_it_reads() {
    let db = db(1);
    let tracks = Track::objects().slice(..1).filter(Track::number.gt(1)).on(&db);
    assert!(matches!(tracks.rows(), Err(Error::Misuse(_))));
    assert_eq!(format!("{tracks:?}"), "<QuerySet unreadable: filter cannot follow a slice>");
}
