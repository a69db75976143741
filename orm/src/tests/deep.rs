//! What is nested deep: an error of the verb, and never an exhausted stack. Each test runs with the two megabytes that a
//! thread of Rust's has.

use std::collections::HashSet;

use crate::error::Error;
use crate::order::Order;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "deep")]
struct Page {
    pub id: Auto<i64>,
    pub views: i64,
    pub meta: Option<Json>,
    #[field(on_delete = SetNull)]
    pub up: Option<ForeignKey<Page>>,
    #[related(Page::up)]
    pub below: Related<Page>,
}

/// What the engine says of a statement that is too deep.
const TOO_DEEP: &str = "nested deeper than the 96 levels that are allowed; flatten it";

/// How often something is wrapped that is far too deep.
const FAR: i64 = 20_000;

fn database() -> Db {
    App::new().models(Page::app()).open_memory().unwrap()
}

fn in_a_small_stack(test: fn(&Db)) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(move || test(&database())).unwrap().join().unwrap();
}

fn is_too_deep<T>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| error.to_string().contains(TOO_DEEP))
}

/// `views + 1 + 1 ..`, so many times.
fn sum(terms: i64) -> Expr<Page, i64> {
    (0..terms).fold(Page::views + 0, |sum, _| sum + 1)
}

/// `((views = 0 | views = 1) & views > 0 | ..`, so many times.
fn mixed(times: i64) -> Q<Page> {
    (0..times).fold(Page::views.eq(0), |q, n| (q | Page::views.eq(n)) & Page::views.gt(n))
}

/// A value within as many CASEs.
fn cases(times: i64) -> Expr<Page, i64> {
    (0..times).fold(Page::views + 0, |inner, n| when(Page::views.eq(n), n).otherwise(inner))
}

/// Subqueries within subqueries.
fn within(times: i64) -> Q<Page> {
    (0..times).fold(Page::views.eq(0), |inner, _| exists(&Page::objects().filter(inner)))
}

#[test]
fn what_is_built_too_deep_is_an_error_of_the_verb() {
    in_a_small_stack(|db| {
        assert!(is_too_deep(Page::objects().filter(sum(FAR).eq(1)).count(db)));
        assert!(is_too_deep(Page::objects().filter(mixed(FAR)).all(db)));
        assert!(is_too_deep(Page::objects().exclude(mixed(FAR)).all(db)));
        assert!(is_too_deep(Page::objects().annotate(cases(FAR)).all(db)));
        assert!(is_too_deep(Page::objects().order_by(sum(FAR).desc()).all(db)));
        assert!(is_too_deep(Page::objects().filter(within(FAR)).exists(db)));
        assert!(is_too_deep(Page::objects().filter(Page::id.eq(1)).update(Page::views.set(sum(FAR)), db)));
        let named = (0..FAR).fold(sum(1), |sum, _| sum.named("n"));
        assert_eq!(Page::objects().values_list(named).all(db).unwrap(), Vec::<i64>::new());
    });
}

#[test]
fn what_is_built_too_deep_is_compared_hashed_shown_copied_and_dropped() {
    in_a_small_stack(|_| {
        for build in [mixed as fn(i64) -> Q<Page>, within, |n| sum(n).eq(1), |n| cases(n).eq(1)] {
            let deep = build(FAR);
            assert_eq!(deep.clone(), deep);
            assert_eq!(HashSet::from([deep.clone()]).len(), 1);
            assert!(!format!("{deep:?}").is_empty());
            let queryset = Page::objects().filter(deep.clone()).exclude(!deep);
            assert!(!format!("{queryset:?}").is_empty());
        }
    });
}

#[test]
fn what_is_nearly_too_deep_runs_or_is_an_error() {
    in_a_small_stack(|db| {
        Page::objects().create(new!(Page { views: 1 }), db).unwrap();
        for levels in [40, 80, 88, 92, 93, 94, 95, 96, 97, 100, 150, 200] {
            match Page::objects().filter(sum(levels).eq(levels + 1)).count(db) {
                Ok(found) => assert_eq!(found, 1, "{levels}"),
                error => assert!(levels > 80 && is_too_deep(error), "{levels}"),
            }
            for found in [
                Page::objects().filter(mixed(levels / 2)).count(db),
                Page::objects().exclude(mixed(levels / 2)).count(db),
                Page::objects().filter(cases(levels).eq(1)).count(db),
                Page::objects().filter(within(levels / 10)).count(db),
                Page::objects().exclude(within(levels / 10)).count(db),
            ] {
                assert!(found.is_ok() || levels > 40 && is_too_deep(found), "{levels}");
            }
        }
    });
}

#[test]
fn words_that_lead_too_deep_are_an_error() {
    in_a_small_stack(|db| {
        for (first, name) in [("meta", "__a"), ("up", "__up"), ("below", "__below")] {
            let words = |names: usize| format!("{first}{}", name.repeat(names));
            assert!(is_too_deep(Q::<Page>::parse(&words(5_000), 1)), "{first}");
            assert!(is_too_deep(Order::<Page>::parse(&words(5_000))), "{first}");
            for names in [20, 60, 92, 93, 94, 95, 96] {
                let Ok(found) = Q::<Page>::parse(&words(names), 1) else { continue };
                let found = [Page::objects().filter(found.clone()), Page::objects().exclude(found)];
                for found in found.map(|pages| pages.count(db)) {
                    assert!(found == Ok(0) || is_too_deep(found), "{first} {names}");
                }
            }
        }
        let joins = (0..100).fold(Page::objects(), |pages, _| {
            let many = format!("below{}", "__below".repeat(50));
            pages.filter(Q::parse(&many, 1).unwrap())
        });
        assert!(is_too_deep(joins.count(db)));
    });
}

#[test]
fn querysets_within_querysets_too_deep_are_an_error() {
    in_a_small_stack(|db| {
        let right = (0..2_000).fold(Page::objects(), |inner, _| Page::objects().union(inner));
        assert!(is_too_deep(right.all(db)));
        let sliced = (0..2_000).fold(Page::objects(), |inner, _| inner.slice(..9).union(Page::objects()));
        assert!(is_too_deep(sliced.all(db)));
        let below = |inner| Page::objects().prefetch_with(Page::below, inner);
        assert!(is_too_deep((0..2_000).fold(Page::objects(), |inner, _| below(inner)).all(db)));
    });
}

#[test]
fn a_condition_of_many_terms_is_flat() {
    in_a_small_stack(|db| {
        let pages = (0..3).map(|views| new!(Page { views })).collect::<Vec<_>>();
        Page::objects().bulk_create(pages, db).unwrap();
        let any = (0..3_000).fold(Q::all(), |any, n| any | Page::views.eq(n));
        assert_eq!(any, (0..3_000).map(|n| Page::views.eq(n)).reduce(|any, one| any | one).unwrap());
        assert_eq!(Page::objects().filter(any.clone()).count(db), Ok(3));
        // What was shared before it grew stays as it was.
        let more = any.clone() | Page::views.lt(0);
        assert_ne!(any, more);
        let all = (0..3_000).fold(Page::objects(), |pages, n| pages.filter(Page::views.gt(-n)));
        assert_eq!(all.count(db), Ok(2));
    });
}

/// A list of pages, each below the one before it: the last, from which the way up was followed to the first.
fn followed(pages: i64, db: &Db) -> Page {
    let page = |id: i64| new!(Page { id, views: id, up: (id > 1).then(|| ForeignKey::<Page>::from(id - 1)) });
    Page::objects().bulk_create((1..=pages).map(page).collect::<Vec<_>>(), db).unwrap();
    let last = Page::objects().get(Page::id.eq(pages), db).unwrap();
    let mut at = &last;
    while let Some(up) = &at.up {
        at = up.get(db).unwrap();
    }
    assert_eq!(at.views, 1);
    last
}

/// How many pages are above one, of those that were read.
fn above(page: &Page) -> usize {
    std::iter::successors(Some(page), |page| page.up.as_ref()?.loaded()).count() - 1
}

#[test]
fn a_row_from_which_a_long_way_was_followed_is_dropped() {
    in_a_small_stack(|db| {
        let last = followed(20_000, db);
        let copy = last.clone();
        drop(last);
        assert_eq!(above(&copy), 19_999);
        drop(copy);
    });
}

#[test]
fn what_else_has_a_part_of_a_long_way_keeps_it_when_the_rest_is_dropped() {
    in_a_small_stack(|db| {
        let last = followed(1_000, db);
        let middle =
            std::iter::successors(Some(&last), |page| page.up.as_ref()?.loaded()).nth(500).cloned().unwrap();
        drop(last);
        assert_eq!((middle.views, above(&middle)), (500, 499));
    });
}
