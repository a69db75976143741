//! Random querysets over random rows, against loops over structs.
//!
//! What is checked is Django's meaning of a condition: a lookup of a column that is NULL is false, and the opposite of
//! such a condition has every row that the condition has not. So `filter(q)` and `exclude(q)` share no row and miss
//! none, however deep the ands, ors and nots are nested, along a key that may be NULL as well. Only where something is
//! computed from a NULL is the answer unknown, as in Django, and so is its opposite.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::cmp::Ordering;

use nuages::prelude::*;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

#[derive(Model, Clone, Debug, PartialEq)]
struct Label {
    id: Auto<i64>,
    // Not `String`: of a column that is never NULL in a row that may be missing, Django's exclude forgets the NULL when
    // the same row was asked for before under the same negation, and so does ours.
    name: Option<String>,
    rank: Option<i32>,
    #[related(Record::label)]
    records: Related<Record>,
}

#[derive(Model, Clone, Debug, PartialEq)]
struct Record {
    id: Auto<i64>,
    size: Option<i32>,
    weight: i32,
    title: Option<String>,
    done: Option<bool>,
    #[field(on_delete = Cascade)]
    label: Option<ForeignKey<Label>>,
}

/// The labels: a name, and a rank that one of them has not.
const LABELS: [(&str, Option<i32>); 3] = [("Jazz", Some(1)), ("blues", None), ("", Some(3))];

/// A record as plain data; a label by its place.
#[derive(Clone, Debug)]
struct Plain {
    size: Option<i32>,
    weight: i32,
    title: Option<String>,
    done: Option<bool>,
    label: Option<usize>,
}

impl Plain {
    fn label_name(&self) -> Option<&'static str> {
        self.label.map(|label| LABELS[label].0)
    }

    fn label_rank(&self) -> Option<i32> {
        self.label.and_then(|label| LABELS[label].1)
    }
}

/// A condition, as data.
#[derive(Clone, Debug)]
enum Test {
    SizeIs(Option<i32>),
    SizeOver(i32),
    SizeIn(Vec<i32>),
    SizeFrom(i32, i32),
    SizeOverWeight,
    WeightOverSizePlus(i32),
    TitleHas(String),
    TitleStarts(String),
    TitleIs(String),
    NoTitle(bool),
    Done,
    LabelName(String),
    RankOver(i32),
    NoRank(bool),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
}

impl Test {
    fn condition(&self) -> Q<Record> {
        match self {
            Test::SizeIs(size) => Record::size.eq(*size),
            Test::SizeOver(size) => Record::size.gt(*size),
            Test::SizeIn(sizes) => Record::size.is_in(sizes.clone()),
            Test::SizeFrom(from, to) => Record::size.range(*from, *to),
            Test::SizeOverWeight => Record::size.gt(Record::weight),
            Test::WeightOverSizePlus(more) => Record::weight.gt(Record::size + *more),
            Test::TitleHas(part) => Record::title.icontains(part.as_str()),
            Test::TitleStarts(part) => Record::title.starts_with(part.as_str()),
            Test::TitleIs(title) => Record::title.eq(title.as_str()),
            Test::NoTitle(none) => Record::title.is_null(*none),
            Test::Done => Record::done.eq(true),
            Test::LabelName(name) => Record::label.name.eq(name.as_str()),
            Test::RankOver(rank) => Record::label.rank.gt(*rank),
            Test::NoRank(none) => Record::label.rank.is_null(*none),
            Test::And(one, other) => one.condition() & other.condition(),
            Test::Or(one, other) => one.condition() | other.condition(),
            Test::Not(test) => !test.condition(),
        }
    }

    /// Whether the row is among those of the condition, if that is known.
    fn truth(&self, row: &Plain) -> Option<bool> {
        match self {
            Test::WeightOverSizePlus(more) => row.size.map(|own| row.weight > own + more),
            Test::And(one, other) => match (one.truth(row), other.truth(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Test::Or(one, other) => match (one.truth(row), other.truth(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Test::Not(test) => test.truth(row).map(|truth| !truth),
            lookup => Some(lookup.finds(row)),
        }
    }

    fn holds(&self, row: &Plain) -> bool {
        self.truth(row) == Some(true)
    }

    /// The lookups of columns.
    fn finds(&self, row: &Plain) -> bool {
        let lower = |text: &str| text.to_lowercase();
        let title = row.title.as_deref();
        match self {
            Test::SizeIs(size) => row.size == *size,
            Test::SizeOver(size) => row.size.is_some_and(|own| own > *size),
            Test::SizeIn(sizes) => row.size.is_some_and(|own| sizes.contains(&own)),
            Test::SizeFrom(from, to) => row.size.is_some_and(|own| (*from..=*to).contains(&own)),
            Test::SizeOverWeight => row.size.is_some_and(|own| own > row.weight),
            Test::TitleHas(part) => title.is_some_and(|title| lower(title).contains(&lower(part))),
            Test::TitleStarts(part) => title.is_some_and(|title| title.starts_with(part.as_str())),
            Test::TitleIs(text) => title == Some(text),
            Test::NoTitle(none) => title.is_none() == *none,
            Test::Done => row.done == Some(true),
            Test::LabelName(name) => row.label_name() == Some(name),
            Test::RankOver(rank) => row.label_rank().is_some_and(|own| own > *rank),
            Test::NoRank(none) => row.label_rank().is_none() == *none,
            Test::WeightOverSizePlus(_) | Test::And(..) | Test::Or(..) | Test::Not(_) => {
                unreachable!("no lookup of a column")
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "[abAB%_]{0,3}"
}

fn plain() -> impl Strategy<Value = Plain> {
    let size = prop::option::of(-3..6);
    (size, -3..6, prop::option::of(text()), any::<Option<bool>>(), prop::option::of(0..LABELS.len()))
        .prop_map(|(size, weight, title, done, label)| Plain { size, weight, title, done, label })
}

fn test() -> impl Strategy<Value = Test> {
    let leaf = prop_oneof![
        prop::option::of(-3..6).prop_map(Test::SizeIs),
        (-3..6).prop_map(Test::SizeOver),
        prop::collection::vec(-3..6, 0..4).prop_map(Test::SizeIn),
        (-3..6, -3..6).prop_map(|(from, to)| Test::SizeFrom(from, to)),
        Just(Test::SizeOverWeight),
        (-2..3).prop_map(Test::WeightOverSizePlus),
        text().prop_map(Test::TitleHas),
        text().prop_map(Test::TitleStarts),
        text().prop_map(Test::TitleIs),
        any::<bool>().prop_map(Test::NoTitle),
        Just(Test::Done),
        prop::sample::select(&["Jazz", "blues", "", "none"][..])
            .prop_map(|name| Test::LabelName(name.into())),
        (0..4).prop_map(Test::RankOver),
        any::<bool>().prop_map(Test::NoRank),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Test::And(one.into(), other.into())),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Test::Or(one.into(), other.into())),
            inner.prop_map(|test| Test::Not(test.into())),
        ]
    })
}

fn database(rows: &[Plain]) -> Db {
    let db = App::new().models((Label::app(), Record::app())).open_memory().unwrap();
    let labels = LABELS.map(|(name, rank)| new!(Label { name: Some(name.to_owned()), rank }));
    Label::objects().bulk_create(labels, &db).unwrap();
    let labels = Label::objects().order_by(Label::id).all(&db).unwrap();
    let records = rows.iter().map(|row| {
        let label = row.label.map(|label| ForeignKey::from(&labels[label]));
        let title = row.title.clone();
        new!(Record { size: row.size, weight: row.weight, title, done: row.done, label })
    });
    Record::objects().bulk_create(records, &db).unwrap();
    db
}

/// Places of the rows of a queryset, which are their keys from zero.
fn places(records: QuerySet<Record>, db: &Db) -> Vec<usize> {
    let keys = records.values_list(Record::id).all(db).unwrap();
    keys.into_iter().map(|key| usize::try_from(key).unwrap() - 1).collect()
}

/// NULL after every value.
fn nulls_last<T: Ord>(one: Option<T>, other: Option<T>) -> Ordering {
    (one.is_none(), one).cmp(&(other.is_none(), other))
}

proptest! {
    #![proptest_config(prop::test_runner::Config { cases: cases(), ..Default::default() })]

    #[test]
    fn filter_and_exclude_divide_the_rows(rows in prop::collection::vec(plain(), 0..24), test in test()) {
        let db = database(&rows);
        let with = |truth| (0..rows.len()).filter(|&place| test.truth(&rows[place]) == Some(truth)).collect();
        let (inside, outside): (Vec<usize>, Vec<usize>) = (with(true), with(false));
        let all = || Record::objects().order_by(Record::id);
        prop_assert_eq!(places(all().filter(test.condition()), &db), &inside[..]);
        prop_assert_eq!(places(all().exclude(test.condition()), &db), &outside[..]);
        prop_assert_eq!(places(all().filter(!test.condition()), &db), &outside[..]);
        prop_assert_eq!(places(all().filter(!!test.condition()), &db), &inside[..]);
        prop_assert_eq!(places(all().exclude(!test.condition()), &db), &inside[..]);
        let found = Record::objects().filter(test.condition());
        prop_assert_eq!(found.count(&db).unwrap(), inside.len() as u64);
        prop_assert_eq!(found.exists(&db).unwrap(), !inside.is_empty());
        let fork = db.fork().unwrap();
        prop_assert_eq!(found.update(Record::weight.set(100), &fork).unwrap(), inside.len() as u64);
        prop_assert_eq!(Record::objects().filter(Record::weight.eq(100)).count(&fork).unwrap(), inside.len() as u64);
        let fork = db.fork().unwrap();
        prop_assert_eq!(found.delete(&fork).unwrap().total, inside.len() as u64);
        prop_assert_eq!(Record::objects().count(&fork).unwrap(), (rows.len() - inside.len()) as u64);
    }

    /// Django's rule of relations to many: the conditions of one filter are of one related row, those of two filters
    /// each of any, and so are those of an exclude, which leaves out whatever has any such row.
    #[test]
    fn conditions_over_many_rows_are_of_one_row_in_a_filter_and_of_any_in_its_opposite(
        rows in prop::collection::vec(plain(), 0..12),
        (size, weight) in (-3..6, -3..6),
    ) {
        let db = database(&rows);
        let found = |labels: QuerySet<Label>| -> Vec<usize> {
            let keys = labels.order_by(Label::id).values_list(Label::id).distinct().all(&db).unwrap();
            keys.into_iter().map(|key| usize::try_from(key).unwrap() - 1).collect()
        };
        let is_big = |row: &Plain| row.size.is_some_and(|own| own > size);
        let is_heavy = |row: &Plain| row.weight > weight;
        let any = |label: usize, test: &dyn Fn(&Plain) -> bool| {
            rows.iter().any(|row| row.label == Some(label) && test(row))
        };
        let with = |test: &dyn Fn(usize) -> bool| -> Vec<usize> { (0..LABELS.len()).filter(|&l| test(l)).collect() };
        let (big, heavy) = (|| Label::records.size.gt(size), || Label::records.weight.gt(weight));
        let all = Label::objects;

        let one_is_both = with(&|label| any(label, &|row| is_big(row) && is_heavy(row)));
        let one_each = with(&|label| any(label, &is_big) && any(label, &is_heavy));
        let either = with(&|label| any(label, &is_big) || any(label, &is_heavy));
        prop_assert_eq!(found(all().filter(big() & heavy())), one_is_both);
        prop_assert_eq!(found(all().filter(big()).filter(heavy())), &one_each[..]);
        prop_assert_eq!(found(all().filter(big() | heavy())), &either[..]);

        let opposite = |labels: &[usize]| with(&|label| !labels.contains(&label));
        let none_big = with(&|label| !any(label, &is_big));
        prop_assert_eq!(found(all().exclude(big())), &none_big[..]);
        prop_assert_eq!(found(all().filter(!big())), &none_big[..]);
        prop_assert_eq!(found(all().filter(!!big())), opposite(&none_big));
        prop_assert_eq!(found(all().exclude(big() & heavy())), opposite(&one_each));
        prop_assert_eq!(found(all().exclude(big() | heavy())), opposite(&either));
        prop_assert_eq!(found(all().exclude(big()).exclude(heavy())), opposite(&either));
    }

    #[test]
    fn an_order_and_a_slice_are_those_of_a_stable_sort(
        rows in prop::collection::vec(plain(), 0..24),
        test in test(),
        (from, count) in (0_usize..10, 0_usize..10),
    ) {
        let db = database(&rows);
        let mut expected: Vec<usize> = (0..rows.len()).filter(|&place| test.holds(&rows[place])).collect();
        expected.sort_by(|&one, &other| {
            let (one, other) = (&rows[one], &rows[other]);
            nulls_last(one.label_rank(), other.label_rank()).then(nulls_last(one.size, other.size).reverse())
        });
        let order = (Record::label.rank, Record::size.desc(), Record::id);
        let ordered = Record::objects().filter(test.condition()).order_by(order);
        prop_assert_eq!(places(ordered.clone(), &db), &expected[..]);
        let page: Vec<usize> = expected.iter().copied().skip(from).take(count).collect();
        prop_assert_eq!(places(ordered.clone().slice(from..from + count), &db), &page[..]);
        prop_assert_eq!(ordered.slice(from..from + count).count(&db).unwrap(), page.len() as u64);
    }

    #[test]
    fn aggregates_and_groups_are_those_of_a_loop(rows in prop::collection::vec(plain(), 0..24), test in test()) {
        let db = database(&rows);
        let found: Vec<&Plain> = rows.iter().filter(|row| test.holds(row)).collect();
        let sizes = || found.iter().filter_map(|row| row.size);
        let heavy = || found.iter().filter(|row| row.weight > 0);
        let selection = (
            Record::size.sum(),
            Record::size.count(),
            Record::size.max(),
            Record::id.count().filter(Record::weight.gt(0)),
            Record::size.count().distinct(),
        );
        let (sum, count, max, positive, different) =
            Record::objects().filter(test.condition()).aggregate(selection, &db).unwrap();
        let expected = sizes().map(i64::from).reduce(|sum, size| sum + size);
        prop_assert_eq!((sum, count, max), (expected, sizes().count() as i64, sizes().max()));
        let set: std::collections::BTreeSet<i32> = sizes().collect();
        prop_assert_eq!((positive, different), (heavy().count() as i64, set.len() as i64));

        let mut groups: std::collections::BTreeMap<(bool, Option<&str>), (i64, i64)> = Default::default();
        for row in &found {
            let group = groups.entry((row.label.is_none(), row.label_name())).or_default();
            *group = (group.0 + 1, group.1 + i64::from(row.weight));
        }
        let expected = groups.iter().map(|((_, name), (count, sum))| (name.map(str::to_owned), *count, Some(*sum)));
        let expected: Vec<_> = expected.collect();
        let grouped = Record::objects()
            .filter(test.condition())
            .values_list((Record::label.name,))
            .annotate(&*Record::id.count())
            .annotate(&*Record::weight.sum())
            .order_by(Record::label.name);
        prop_assert_eq!(grouped.all(&db).unwrap(), expected);
    }
}

/// How many cases: few in the default run, many where `NUAGES_SOAK` is set.
fn cases() -> u32 {
    if std::env::var_os("NUAGES_SOAK").is_some() { 20_000 } else { 150 }
}
