//! Functions, aggregates and collations beyond Django's recorded answers.

use crate::error::Misuse;
use crate::expression::function::{Collation, func, json_array, json_object, null, random};
use crate::field::TimeZone;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
struct Word {
    id: Auto<i64>,
    text: String,
    note: Option<String>,
    size: i64,
    weight: Option<Decimal>,
    good: bool,
    on: Date,
    at: DateTime,
}

fn db() -> Db {
    let db = App::new().models(Word::app()).open_memory().unwrap();
    let rows = [("beta", None, 3, true), ("Alpha", Some("x"), 5, false), ("alpha", Some("y"), 7, true)];
    for (text, note, size, good) in rows {
        let weight = note.map(|_| Decimal::new(15, 1));
        let (on, at) = (Date::constant(2024, 2, 29), "2024-12-31T23:30:00Z".parse::<DateTime>().unwrap());
        let word = new!(Word { text, note: note.map(str::to_owned), size, weight, good, on, at });
        Word::objects().create(word, &db).unwrap();
    }
    db
}

#[expect(clippy::needless_pass_by_value, reason = "an expression is made for each call")]
fn first<T: crate::field::Field>(db: &Db, expression: Expr<Word, T>) -> Result<T, Error> {
    Ok(Word::objects().order_by(Word::id).values_list(&expression).first(db)?.expect("a row"))
}

#[test]
fn an_argument_that_is_null_makes_the_result_null() {
    let db = db();
    let padded: Expr<Word, Option<String>> = Word::text.pad_left(6, Word::note);
    let all = Word::objects().order_by(Word::id).values_list(&padded).all(&db).unwrap();
    assert_eq!(all, [None, Some("xAlpha".into()), Some("yalpha".into())]);
    let power: Expr<Word, Option<f64>> = Word::size.power(Word::weight);
    assert_eq!(first(&db, power), Ok(None));
    assert_eq!(first(&db, concat((Word::text, Word::note))), Ok("beta".into()));
    assert_eq!(first(&db, coalesce((Word::note, null::<_, String>(), Word::text))), Ok("beta".into()));
    assert_eq!(first(&db, greatest((Word::size, Word::weight.cast::<i64>()))), Ok(3));
}

#[test]
fn arguments_are_expressions_as_well_as_values() {
    let db = db();
    assert_eq!(first(&db, Word::text.left(Word::size - 1)), Ok("be".into()));
    assert_eq!(first(&db, Word::text.substr(Word::text.position("t"), 2)), Ok("ta".into()));
    assert_eq!(first(&db, Word::text.replaced(Word::text.left(1), "B")), Ok("Beta".into()));
    assert_eq!(first(&db, Word::text.upper().reversed().lower()), Ok("ateb".into()));
}

#[test]
fn constants_that_make_no_sense_are_told_before_the_query_runs() {
    let db = db();
    let below =
        |call, argument, least, given| Err(Misuse::BelowLeast { call, argument, least, given }.into());
    let watch = db.capture();
    assert_eq!(first(&db, Word::text.left(0)), below("left", "count", 1, 0));
    assert_eq!(first(&db, Word::text.right(-2)), below("right", "count", 1, -2));
    assert_eq!(first(&db, Word::text.repeated(-1)), below("repeated", "number", 0, -1));
    assert_eq!(first(&db, Word::text.pad_left(-1, " ")), below("pad_left", "length", 0, -1));
    let few = |call| Err(Misuse::TooFew { call, least: 2, given: 1 }.into());
    assert_eq!(first(&db, concat((Word::text,))), few("concat"));
    assert_eq!(first(&db, greatest((Word::text,))), few("greatest"));
    let unknown = func::<_, i64>("launch_rockets", (Word::text,));
    assert_eq!(first(&db, unknown), Err(Misuse::UnknownFunction { name: "launch_rockets" }.into()));
    assert_eq!(watch.len(), 0);
}

#[test]
fn what_has_no_value_is_an_error_and_no_nonsense() {
    let db = db();
    for expression in
        [(Word::size * -1).sqrt(), (Word::size - 3).ln(), Word::size.acos(), Word::size.power(10_000)]
    {
        assert!(matches!(first(&db, expression), Err(Error::Engine(_))));
    }
    assert!(first(&db, func::<_, i64>("lower", (Word::size, Word::size))).is_err(), "a count of arguments");
}

#[test]
fn powers_and_bits_stay_with_integers() {
    let db = db();
    assert_eq!(first(&db, Word::size.pow(2)), Ok(9_i64));
    assert_eq!(first(&db, Word::size.pow(0.5).round(3)), Ok(1.732));
    let nullable: Expr<Word, Option<Decimal>> = Word::weight.pow(2);
    assert_eq!(first(&db, nullable), Ok(None));
    assert_eq!(
        first(&db, Word::size.bitxor(1).bitor(8).bitand(10).bitleftshift(2).bitrightshift(1)),
        Ok(20_i64)
    );
}

#[test]
fn days_and_instants_have_parts_and_beginnings_in_a_time_zone() {
    let db = db();
    let tokyo = || TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(first(&db, Word::at.extract(DatePart::Year)), Ok(2024));
    assert_eq!(first(&db, Word::at.extract_in(DatePart::Year, tokyo())), Ok(2025));
    assert_eq!(first(&db.in_zone(tokyo()), Word::at.extract(DatePart::Year)), Ok(2025));
    assert_eq!(first(&db, Word::at.date_in(tokyo())), Ok(Date::constant(2025, 1, 1)));
    assert_eq!(first(&db, Word::at.time_in(tokyo())), Ok(Time::constant(8, 30, 0, 0)));
    assert_eq!(
        first(&db, Word::at.truncate_in(DateUnit::Year, tokyo())),
        Ok("2024-12-31T15:00:00Z".parse().unwrap())
    );
    assert_eq!(first(&db, Word::on.truncate(DateUnit::Quarter)), Ok(Date::constant(2024, 1, 1)));
    assert_eq!(first(&db, Word::on.extract(DatePart::DayOfYear)), Ok(60));
    assert_eq!(first(&db, Word::on - Duration::from_hours(24)), Ok("2024-02-28T00:00:00Z".parse().unwrap()));
    assert_eq!(
        first(&db, (Word::at - Duration::from_mins(30)).time() - Time::midnight()),
        Ok(Duration::from_hours(23))
    );
    assert!(first(&db, Word::on.extract(DatePart::Hour)).is_err(), "a day has no hour");
}

#[test]
fn json_is_made_of_values() {
    let db = db();
    let object = json_object((
        ("text", Word::text),
        ("note", Word::note),
        ("list", json_array((Word::size, Word::good))),
    ));
    let expected = serde_json::json!({ "text": "beta", "note": null, "list": [3, true] });
    assert_eq!(first(&db, object), Ok(expected));
}

#[test]
fn texts_are_ordered_and_compared_ignoring_case_and_stay_themselves() {
    let db = db();
    let text = Word::text.collate(Collation::NoCase);
    let rows = Word::objects().order_by((text.desc(), Word::id)).values_list(&text).all(&db).unwrap();
    assert_eq!(rows, ["beta", "Alpha", "alpha"]);
    assert_eq!(Word::objects().filter(text.eq("ALPHA")).count(&db).unwrap(), 2);
    assert_eq!(Word::objects().filter(text.is_in(["ALPHA", "gamma"])).count(&db).unwrap(), 2);
    assert_eq!(Word::objects().filter(text.starts_with("BE")).count(&db).unwrap(), 1);
    assert_eq!(
        Word::objects().filter(Word::text.collate(Collation::Binary).eq("ALPHA")).count(&db).unwrap(),
        0
    );
}

#[test]
fn aggregates_join_texts_in_order_and_estimate_from_samples() {
    let db = db();
    let joined = Word::text.string_agg("/").order_by(Word::size.desc());
    assert_eq!(Word::objects().aggregate(&joined, &db), Ok(Some("alpha/Alpha/beta".into())));
    let cut = Word::objects().order_by(Word::id).slice(..2);
    assert_eq!(cut.aggregate(&joined, &db), Ok(Some("Alpha/beta".into())));
    let distinct = Word::text.lower().string_agg(",").distinct().order_by(Word::text.lower()).default("-");
    assert_eq!(Word::objects().aggregate(&distinct, &db), Ok("alpha,beta".into()));
    assert_eq!(Word::objects().filter(Word::id.eq(0)).aggregate(&distinct, &db), Ok("-".into()));
    let sizes = Word::size.json_agg().filter(Word::good).order_by(Word::id);
    assert_eq!(Word::objects().aggregate(sizes, &db), Ok(Some(serde_json::json!([3, 7]))));
    let (pop, sample) = (Word::size.variance(), Word::size.variance().sample());
    let (pop, sample) = Word::objects().aggregate((pop, sample), &db).unwrap();
    assert!((pop.unwrap() - 8.0 / 3.0).abs() < 1e-9 && (sample.unwrap() - 4.0).abs() < 1e-9);
    let one = Word::objects().filter(Word::id.eq(1));
    let spreads =
        one.aggregate((Word::weight.stddev(), Word::size.stddev(), Word::size.stddev().sample()), &db);
    assert_eq!(spreads, Ok((None, Some(0.0), None)));
    let truths = Word::objects().aggregate((Word::good.bool_and(), Word::good.bool_or()), &db);
    assert_eq!(truths, Ok((Some(false), Some(true))));
    let any =
        Word::objects().values_list((Word::good,)).annotate(Word::size.any_value()).order_by(Word::good);
    assert_eq!(any.all(&db).unwrap()[0], (false, Some(5)));
}

#[test]
fn random_numbers_differ() {
    let db = db();
    let (one, other) = (random(), random());
    let rows = Word::objects().annotate(&one).annotate(&other).all(&db).unwrap();
    assert!(rows.windows(2).all(|pair| pair[0].extra.0 != pair[1].extra.0));
    assert!(rows.iter().all(|row| row.extra.0 != row.extra.1 && (0.0..1.0).contains(&row.extra.0)));
}

#[test]
fn an_annotated_random_number_is_drawn_once_for_the_row_its_order_and_its_conditions() {
    let db = db();
    let (one, other): (Expr<Word, f64>, Expr<Word, f64>) = (random(), random());
    let twice: Expr<Word, f64> = &one * 2.0;
    for round in 0..20 {
        let rows = Word::objects().annotate(&one).annotate(&other).annotate(&twice);
        let rows = rows.filter(one.lt(0.7)).order_by((one.desc(), Word::id)).distinct().all(&db).unwrap();
        let drawn: Vec<f64> = rows.iter().map(|row| row.extra.0).collect();
        assert!(drawn.iter().all(|number| *number < 0.7), "{round}: {drawn:?}");
        assert!(drawn.is_sorted_by(|a, b| a >= b), "{round}: {drawn:?}");
        assert!(rows.iter().all(|row| (row.extra.0 * 2.0 - row.extra.2).abs() < 1e-12), "{round}");
        assert!(rows.iter().all(|row| row.extra.0 != row.extra.1));
    }
    // By groups each asks for its own.
    let n = Word::pk.count();
    let grouped = Word::objects().annotate(&one).values_list((Word::good,)).annotate(&n);
    assert_eq!(grouped.order_by(Word::good).all(&db).unwrap(), [(false, 1), (true, 2)]);
    assert_eq!(Word::objects().annotate(&one).filter(one.lt(2.0)).count(&db), Ok(3));
    assert_eq!(Word::objects().alias(&one).filter(one.gte(0.0)).update(Word::size.set(1), &db), Ok(3));
    let most = Word::objects().annotate(&one).aggregate(one.max(), &db).unwrap();
    assert!(most.is_some_and(|most| most < 1.0));
    let joined = Word::objects().annotate(&one).filter(one.lt(2.0)).order_by(&one).slice(..2);
    assert_eq!(
        joined.delete(&db).err(),
        Some(Misuse::NotAllowed { call: "delete", after: "a slice" }.into())
    );
}

#[test]
fn an_annotated_text_without_regard_to_case_is_ordered_and_compared_so() {
    let db = db();
    let text = Word::text.collate(Collation::NoCase);
    let rows = Word::objects().annotate(&text);
    let sorted = rows.clone().order_by((&text, Word::id)).values_list(&text).all(&db).unwrap();
    assert_eq!(sorted, ["Alpha", "alpha", "beta"]);
    let down = rows.clone().order_by((text.desc(), Word::id.desc())).values_list(Word::id).all(&db).unwrap();
    assert_eq!(down, [1, 3, 2]);
    assert_eq!(rows.clone().filter(text.eq("ALPHA")).count(&db), Ok(2));
    assert_eq!(rows.exclude(text.is_in(["ALPHA"])).count(&db), Ok(1));
}

#[test]
fn an_annotation_may_not_have_the_name_of_a_field() {
    let db = db();
    let named = Word::objects().annotate(Word::size.named("text")).all(&db);
    assert_eq!(named, Err(Misuse::AnnotationClash { model: "Word", field: "text" }.into()));
    let empty = Word::objects().annotate(when(Q::<Word>::all(), 1).otherwise(2)).all(&db);
    assert_eq!(empty, Err(Misuse::EmptyCondition { call: "when" }.into()));
}
