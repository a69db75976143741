//! Rows of a model whose key has two parts: every verb hits the row with both, and no other.

use crate::prelude::*;

#[derive(Model, Clone, Debug)]
struct Student {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(primary_key(course, student))]
struct Enrollment {
    course: i64,
    #[field(on_delete = Cascade)]
    student: ForeignKey<Student>,
    grade: i64,
}

fn school() -> Db {
    let db = App::new().models((Student::app(), Enrollment::app())).open_memory().unwrap();
    fill(&db);
    db
}

fn fill(db: &Db) {
    for name in ["Ann", "Bob"] {
        let student = Student::objects().create(new!(Student { name: name }), db).unwrap();
        for course in [1, 2] {
            Enrollment::objects()
                .create(new!(Enrollment { course: course, student: &student, grade: 0 }), db)
                .unwrap();
        }
    }
}

fn one(course: i64, name: &str, db: &Db) -> Enrollment {
    let condition = Enrollment::course.eq(course) & Enrollment::student.name.eq(name);
    Enrollment::objects().get(condition, db).unwrap()
}

fn left(db: &Db) -> Vec<(i64, String, i64)> {
    Enrollment::objects()
        .order_by((Enrollment::course, Enrollment::student.name))
        .values_list((Enrollment::course, Enrollment::student.name, Enrollment::grade))
        .all(db)
        .unwrap()
}

fn row(course: i64, name: &str, grade: i64) -> (i64, String, i64) {
    (course, name.to_owned(), grade)
}

#[test]
fn an_instance_deletes_its_own_row() {
    let db = school();
    let deleted = one(1, "Ann", &db).delete(&db).unwrap();
    assert_eq!(deleted.total, 1);
    assert_eq!(left(&db), [row(1, "Bob", 0), row(2, "Ann", 0), row(2, "Bob", 0)]);
}

#[test]
fn a_queryset_over_a_join_deletes_and_updates_its_own_rows() {
    let db = school();
    let of_ann = Enrollment::objects().filter(Enrollment::student.name.eq("Ann"));
    assert_eq!(of_ann.update(Enrollment::grade.set(5), &db).unwrap(), 2);
    assert_eq!(left(&db), [row(1, "Ann", 5), row(1, "Bob", 0), row(2, "Ann", 5), row(2, "Bob", 0)]);
    assert_eq!(of_ann.filter(Enrollment::course.eq(1)).delete(&db).unwrap().total, 1);
    assert_eq!(left(&db), [row(1, "Bob", 0), row(2, "Ann", 5), row(2, "Bob", 0)]);
}

#[test]
fn rows_are_collected_one_by_one_where_a_receiver_listens() {
    let app = App::new()
        .models((Student::app(), Enrollment::app()))
        .pre_delete(|row: &mut Enrollment, _, _| if row.grade > 9 { Err(Error::Doomed) } else { Ok(()) });
    let db = app.open_memory().unwrap();
    fill(&db);
    Enrollment::objects()
        .filter(Enrollment::student.name.eq("Bob"))
        .update(Enrollment::grade.set(10), &db)
        .unwrap();
    assert_eq!(one(1, "Ann", &db).delete(&db).unwrap().total, 1);
    assert_eq!(left(&db), [row(1, "Bob", 10), row(2, "Ann", 0), row(2, "Bob", 10)]);
    assert_eq!(Student::objects().filter(Student::name.eq("Ann")).delete(&db).unwrap().total, 2);
    assert_eq!(left(&db), [row(1, "Bob", 10), row(2, "Bob", 10)]);
    assert!(Student::objects().filter(Student::name.eq("Bob")).delete(&db).is_err());
}

#[test]
fn bulk_verbs_take_the_whole_key() {
    let db = school();
    let mut changed = [one(1, "Ann", &db), one(2, "Bob", &db)];
    changed[0].grade = 3;
    changed[1].grade = 4;
    let count = Enrollment::objects().bulk_update(&changed, (Enrollment::grade,), &db).unwrap();
    assert_eq!(count, 2);
    assert_eq!(left(&db), [row(1, "Ann", 3), row(1, "Bob", 0), row(2, "Ann", 0), row(2, "Bob", 4)]);
    let keys = changed.iter().filter_map(|row| row.pk());
    let found = Enrollment::objects().in_bulk(keys, &db).unwrap();
    assert_eq!((found.len(), found[&changed[1].pk().unwrap()].grade), (2, 4));
    assert!(Enrollment::objects().filter(Enrollment::grade.eq(4)).contains(&changed[1], &db).unwrap());
    assert!(!Enrollment::objects().filter(Enrollment::grade.eq(4)).contains(&changed[0], &db).unwrap());
}
