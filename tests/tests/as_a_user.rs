//! What a new user met first, and what must not happen again.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuages::prelude::*;

/// Named as the derives once named their own type parameters.
#[derive(Model, Clone, Debug)]
struct R {
    id: Auto<i64>,
    small: u16,
    wide: u32,
}

#[derive(Model, Clone, Debug)]
struct P {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    r: ForeignKey<R>,
}

fn db() -> Db {
    App::new().models((R::app(), P::app())).open_memory().unwrap()
}

#[test]
fn a_number_that_the_field_cannot_hold_is_refused_and_the_row_stays_readable() {
    let db = db();
    let row = R::objects().create(new!(R { small: 1, wide: 2 }), &db).unwrap();
    let beyond = [
        ("wide = 5000000000", R::objects().update(R::wide.set(5_000_000_000_i64), &db)),
        ("small = 70001", R::objects().update(R::small.set(R::small + 70_000), &db)),
        ("wide = -1", R::objects().update(R::wide.set(R::wide - 3), &db)),
    ];
    for (what, refused) in beyond {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(what), "{told}");
    }
    let kept = R::objects().get(R::id.eq(row.id), &db).unwrap();
    assert_eq!((kept.small, kept.wide), (1, 2));
    R::objects().update((R::small.set(u16::MAX), R::wide.set(u32::MAX)), &db).unwrap();
    let kept = R::objects().get(R::id.eq(row.id), &db).unwrap();
    assert_eq!((kept.small, kept.wide), (u16::MAX, u32::MAX));
}

#[test]
fn models_may_be_called_like_type_parameters() {
    let db = db();
    let r = R::objects().create(new!(R { small: 1, wide: 2 }), &db).unwrap();
    P::objects().create(new!(P { r: &r }), &db).unwrap();
    assert_eq!(P::objects().filter(P::r.small.eq(1)).count(&db).unwrap(), 1);
}

#[test]
fn a_model_whose_parent_is_not_in_the_app_is_told_by_name() {
    let told = App::new().models(P::app()).open_memory().err().unwrap().to_string();
    assert_eq!(told, "the model R is not in the App; add R::app() to its models");
}

#[derive(Model, Clone, Debug)]
struct Course {
    id: Auto<i64>,
    students: ManyToMany<R, Enrollment>,
}

#[derive(Model, Clone, Debug)]
#[model(unique_together(course, student))]
struct Enrollment {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    course: ForeignKey<Course>,
    #[field(on_delete = Cascade)]
    student: ForeignKey<R>,
    #[field(auto_now_add)]
    since: DateTime,
    #[field(default = 5)]
    weight: i32,
    grade: Option<String>,
}

#[test]
fn a_pair_with_further_columns_gets_their_defaults() {
    let db = App::new().models((R::app(), Course::app(), Enrollment::app())).open_memory().unwrap();
    let student = R::objects().create(new!(R { small: 1, wide: 2 }), &db).unwrap();
    let mut course = Course::objects().create(new!(Course {}), &db).unwrap();
    course.students.add(&student, &db).unwrap();
    course.students.add(&student, &db).unwrap();
    let pair = Enrollment::objects().get(Enrollment::student.eq(&student), &db).unwrap();
    assert_eq!((pair.weight, pair.grade, pair.course.key()), (5, None, course.pk().as_ref()));
    assert!(pair.since > "2020-01-01T00:00:00Z".parse::<DateTime>().unwrap());
}
