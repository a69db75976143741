//! What is kept of a queryset's shape never changes an answer: random querysets with random values, NULLs among them,
//! between changes of rows and of the schema, give what they give when each is compiled and planned by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use nuages::prelude::*;
use nuages_engine::Session;
use nuages_engine::catalog::NewIndex;
use proptest::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Label {
    id: Auto<i64>,
    name: String,
    founded: Option<i32>,
    #[related(Record::label)]
    records: Related<Record>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", ordering = [plays])]
struct Record {
    id: Auto<i64>,
    title: String,
    #[field(db_index)]
    plays: i32,
    rating: Option<f64>,
    #[field(on_delete = Cascade)]
    label: Option<ForeignKey<Label>>,
}

/// A condition, to be built again with other values.
#[derive(Clone, Debug)]
enum Test {
    Plays(u8, i32),
    PlaysWithin(i32, i32),
    PlaysAmong(Vec<i32>),
    Rating(u8, Option<i32>),
    Title(String),
    Label(Option<i64>),
    LabelName(String),
    LabelFounded(Option<i32>),
    HasSibling(i32),
    Not(Box<Test>),
    Both(Box<Test>, Box<Test>),
    Either(Box<Test>, Box<Test>),
}

impl Test {
    fn q(&self) -> Q<Record> {
        match self {
            Test::Plays(0, than) => Record::plays.eq(*than),
            Test::Plays(1, than) => Record::plays.lt(*than),
            Test::Plays(2, than) => Record::plays.gte(*than),
            Test::Plays(_, than) => Record::plays.gt(*than),
            Test::PlaysWithin(from, to) => Record::plays.range(*from, *to),
            Test::PlaysAmong(list) => Record::plays.is_in(list.clone()),
            Test::Rating(0, than) => Record::rating.eq(than.map(f64::from)),
            Test::Rating(_, than) => Record::rating.gt(than.map_or(2.5, f64::from)),
            Test::Title(text) => Record::title.eq(text.clone()),
            Test::Label(Some(key)) => Record::label.eq(*key),
            Test::Label(None) => Record::label.eq(None),
            Test::LabelName(name) => Record::label.name.eq(name.clone()),
            Test::LabelFounded(year) => Record::label.founded.eq(*year),
            Test::HasSibling(plays) => {
                Record::label.is_in(Label::objects().filter(Label::records.plays.gt(*plays)))
            }
            Test::Not(test) => !test.q(),
            Test::Both(one, other) => one.q() & other.q(),
            Test::Either(one, other) => one.q() | other.q(),
        }
    }
}

fn test() -> impl Strategy<Value = Test> {
    let plays = -3..40i32;
    let leaf = prop_oneof![
        (0..4u8, plays.clone()).prop_map(|(op, than)| Test::Plays(op, than)),
        (plays.clone(), plays.clone()).prop_map(|(from, to)| Test::PlaysWithin(from, to)),
        prop::collection::vec(plays.clone(), 0..4).prop_map(Test::PlaysAmong),
        (0..2u8, prop::option::of(0..5i32)).prop_map(|(op, than)| Test::Rating(op, than)),
        (0..30u8).prop_map(|n| Test::Title(format!("Record {n}"))),
        prop::option::of(1..6i64).prop_map(Test::Label),
        (1..6u8).prop_map(|n| Test::LabelName(format!("Label {n}"))),
        prop::option::of(1930..1934i32).prop_map(Test::LabelFounded),
        plays.prop_map(Test::HasSibling),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|test| Test::Not(Box::new(test))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Test::Both(one.into(), other.into())),
            (inner.clone(), inner).prop_map(|(one, other)| Test::Either(one.into(), other.into())),
        ]
    })
}

/// What happens to the database between questions.
#[derive(Clone, Debug)]
enum Step {
    Ask(Test, bool, Option<(u8, u8)>),
    Insert(u8),
    Update(Test, i32),
    Delete(i32),
    Index,
    Unindex,
}

fn step() -> impl Strategy<Value = Step> {
    let slice = prop::option::of((0..6u8, 1..9u8));
    prop_oneof![
        8 => (test(), any::<bool>(), slice).prop_map(|(test, exclude, slice)| Step::Ask(test, exclude, slice)),
        1 => (1..120u8).prop_map(Step::Insert),
        1 => (test(), 0..5i32).prop_map(|(test, by)| Step::Update(test, by)),
        1 => (0..40i32).prop_map(Step::Delete),
        1 => Just(Step::Index),
        1 => Just(Step::Unindex),
    ]
}

fn shop() -> Result<Db> {
    let db = App::new().models((Label::app(), Record::app())).open_memory()?;
    let label = |n: i32| new!(Label { name: format!("Label {n}"), founded: (n % 3 > 0).then_some(1930 + n) });
    Label::objects().bulk_create((1..6).map(label), &db)?;
    insert(&db, 30)?;
    Ok(db)
}

fn insert(db: &Db, count: u8) -> Result<()> {
    let record = |n: i32| {
        let label = (n % 4 > 0).then_some(ForeignKey::to_key(1 + i64::from(n) % 5));
        let rating = (n % 3 > 0).then_some(f64::from(n % 5));
        new!(Record { title: format!("Record {n}"), plays: n % 37, rating, label })
    };
    Record::objects().bulk_create((0..i32::from(count)).map(record), db).map(drop)
}

/// All that is asked of a condition; what a database answers.
fn answers(
    test: &Test,
    exclude: bool,
    slice: Option<(u8, u8)>,
    db: &Db,
) -> Result<impl PartialEq + std::fmt::Debug> {
    let all = if exclude { Record::objects().exclude(test.q()) } else { Record::objects().filter(test.q()) };
    let in_order = all.clone().order_by((-Record::plays, Record::id.asc()));
    let rows = match slice {
        Some((from, count)) => {
            in_order.clone().slice(usize::from(from)..usize::from(from + count)).all(db)?
        }
        None => in_order.all(db)?,
    };
    let by_label =
        all.clone().values_list((Record::label.name, Record::plays)).order_by(Record::id.asc()).all(db)?;
    let sums = all.aggregate((count(), Record::plays.sum(), Record::rating.max()), db)?;
    Ok((rows, by_label, sums, in_order.first(db)?, all.count(db)?, all.exists(db)?))
}

fn run(steps: Vec<Step>) -> Result<()> {
    let db = shop()?;
    let anew = db.planning_anew();
    for step in steps {
        match step {
            Step::Ask(test, exclude, slice) => {
                let (kept, plain) =
                    (answers(&test, exclude, slice, &db)?, answers(&test, exclude, slice, &anew)?);
                assert_eq!(kept, plain, "{test:?}");
            }
            Step::Insert(count) => insert(&db, count)?,
            Step::Update(test, by) => {
                let fork = db.fork()?.planning_anew();
                let to = |db: &Db| {
                    Record::objects().filter(test.q()).update(Record::plays.set(Record::plays + by), db)
                };
                assert_eq!(to(&db)?, to(&fork)?);
                assert_eq!(Record::objects().all(&db)?, Record::objects().all(&fork)?);
            }
            Step::Delete(plays) => {
                let fork = db.fork()?.planning_anew();
                let delete = |db: &Db| Record::objects().filter(Record::plays.eq(plays)).delete(db);
                assert_eq!(delete(&db)?, delete(&fork)?);
            }
            Step::Index => {
                drop(db.engine().add_index("shop_record", NewIndex::new("more", ["rating", "plays"])));
            }
            Step::Unindex => drop(db.engine().drop_index("shop_record", "more")),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_kept_plan_gives_the_answer_of_a_new_one(steps in prop::collection::vec(step(), 1..24)) {
        run(steps).unwrap();
    }
}

/// A plan that is good for few rows is not run for many: the same shape, the other way to go.
#[test]
fn each_kind_of_values_has_its_plan() -> Result<()> {
    let db = shop()?;
    (0..20).try_for_each(|_| insert(&db, 200))?;
    for plays in [0, 36, 18, 0, 36] {
        let asked = Record::objects().filter(Record::plays.gte(plays)).order_by(Record::title.asc());
        assert_eq!(asked.all(&db)?, asked.all(&db.planning_anew())?);
    }
    assert_eq!(db.kept_plans(), 1);
    Ok(())
}
