//! What errors say, read as a user reads it.

use nuages_storage::Value;

use crate::error::IntegrityKind;
use crate::prelude::*;

#[derive(Choices, Clone, Debug, PartialEq)]
enum Grade {
    Good,
    Bad,
}

#[derive(Choices, Clone, Debug, PartialEq)]
enum Mood {
    Calm,
    #[choices(unknown)]
    Other(String),
}

#[derive(Model, Clone, Debug)]
#[model(app = "school")]
struct Student {
    id: Auto<i64>,
    name: String,
    #[field(default = 0)]
    points: i64,
    #[field(default = 0)]
    tries: i64,
    #[field(choices, default = Grade::Good)]
    grade: Grade,
    #[field(choices, default = Mood::Calm)]
    mood: Mood,
    #[field(default = true)]
    is_active: bool,
    is_away: Option<bool>,
    #[related(Essay::student)]
    essays: Related<Essay>,
    #[related(Locker::student)]
    locker: RelatedOne<Locker>,
    courses: ManyToMany<Course, Enrollment>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "school")]
struct Essay {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    student: ForeignKey<Student>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "school")]
struct Locker {
    id: Auto<i64>,
    #[field(on_delete = DoNothing)]
    student: OneToOne<Student>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "school")]
struct Course {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(app = "school")]
struct Enrollment {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    student: ForeignKey<Student>,
    #[field(on_delete = Cascade)]
    course: ForeignKey<Course>,
    grade: Option<String>,
}

fn db() -> Db {
    let models = (Student::app(), Essay::app(), Locker::app(), Course::app(), Enrollment::app());
    let db = App::new().models(models).open_memory().unwrap();
    let student = Student::objects().create(new!(Student { name: "Ann" }), &db).unwrap();
    Essay::objects().create(new!(Essay { title: "On Swing", student: &student }), &db).unwrap();
    db
}

#[test]
fn a_division_by_zero_is_told_with_its_expression() {
    let db = db();
    let share = Student::points / Student::tries;
    let text = "division by zero in rows of Student: points / tries; \
                to get NULL there, divide by an expression with null_if(0)";
    let told = |result: Result<()>| assert_eq!(result.unwrap_err().to_string(), text);
    told(Student::objects().annotate(&share).all(&db).map(drop));
    told(Student::objects().filter(share.gt(1)).count(&db).map(drop));
    told(Student::objects().filter(share.gt(1)).exists(&db).map(drop));
    told(Student::objects().aggregate(share.sum(), &db).map(drop));
    told(Student::objects().update(Student::points.set(&share), &db).map(drop));
    told(Student::objects().annotate(&share).each(&db, |_| Ok(())));
    let least = prepare(|least: Param<i64>| Student::objects().filter(share.gt(least)), &db).unwrap();
    told(least.all(1, &db).map(drop));
    let safe = Student::points / Student::tries.null_if(0);
    assert_eq!(Student::objects().values_list(&safe).one(&db).unwrap(), None);
    let error =
        Student::objects().order_by(((Student::points + 1) % Student::tries).desc()).all(&db).unwrap_err();
    assert!(
        error.to_string().starts_with("division by zero in rows of Student: (points + 1) % tries;"),
        "{error}"
    );
}

#[test]
fn an_unsaved_row_is_named_with_the_relation_that_was_asked_of_it() {
    let db = db();
    let mut new = new!(Student { name: "Bob" });
    let unsaved = |wanted| Err(Error::Unsaved { model: "Student", wanted });
    assert_eq!(new.essays.all(&db).map(drop), unsaved("essays"));
    assert_eq!(new.locker.get(&db).map(drop), unsaved("locker"));
    assert_eq!(new.courses.count(&db).map(drop), unsaved("courses"));
    let course = Course::objects().create(new!(Course { name: "Harmony" }), &db).unwrap();
    assert_eq!(new.courses.add(&course, &db), unsaved("courses"));
    let error = new.courses.clear(&db).unwrap_err();
    assert_eq!(error.to_string(), "courses needs the key of a Student that is not stored; save it first");
    let error = Essay::objects().create(new!(Essay { title: "x", student: &new }), &db).unwrap_err();
    assert_eq!(error.to_string(), "student needs the key of a Student that is not stored; save it first");
    new.save(&db).unwrap();
    assert!(new.essays.all(&db).unwrap().is_empty());
    new.delete(&db).unwrap();
    assert_eq!(new.essays.all(&db).map(drop), unsaved("essays"));
}

#[test]
fn foreign_keys_say_which_row_is_missing_or_must_stay() {
    let db = db();
    let error = Essay::objects().create(new!(Essay { title: "x", student: 9 }), &db).unwrap_err();
    assert!(matches!(error, Error::Integrity { kind: IntegrityKind::ForeignKey, .. }));
    let text = "table \"school_essay\" cannot have a row with student_id = 9: \
                table \"school_student\" has no row that it would point at";
    assert!(error.to_string().starts_with(text), "{error}");
    Locker::objects().create(new!(Locker { student: 1 }), &db).unwrap();
    let error = Student::objects().delete(&db).unwrap_err();
    assert!(matches!(error, Error::Integrity { kind: IntegrityKind::Referenced, .. }), "{error:?}");
    let text = "the row of table \"school_student\" with id = 1 must stay: \
                rows of table \"school_locker\" point at it";
    assert!(error.to_string().starts_with(text), "{error}");
}

#[test]
fn a_stored_stranger_is_told_by_table_column_and_row() {
    let db = db();
    let grade = Student::name.cast::<String>();
    Student::objects().update(Student::grade.set(grade), &db).unwrap();
    let decode = |pk: Option<i64>| Error::Decode {
        table: "school_student",
        column: "grade",
        pk: pk.map(|pk| Box::new(Value::Int(pk))),
        value: Box::new(Value::from("Ann")),
    };
    assert_eq!(Student::objects().all(&db).map(drop), Err(decode(Some(1))));
    let columns = (Student::id, Student::name, Student::grade);
    assert_eq!(Student::objects().values_list(columns).all(&db).map(drop), Err(decode(None)));
    let columns = (Essay::title, Essay::student.grade);
    assert_eq!(Essay::objects().values_list(columns).all(&db).map(drop), Err(decode(None)));
    let joined = Essay::objects().select_related(Essay::student).all(&db);
    assert_eq!(joined.map(drop), Err(decode(Some(1))));
    assert_eq!(Student::objects().aggregate(Student::grade.max(), &db).map(drop), Err(decode(None)));
    let text = "column \"grade\" of table \"school_student\" holds Ann, which its field cannot hold (row 1)";
    assert_eq!(decode(Some(1)).to_string(), text);
}

#[test]
fn a_text_that_is_no_choice_is_refused_where_it_could_not_be_read_back() {
    let db = db();
    let refused = |result: Result<()>| match result {
        Err(Error::Validation(errors)) => assert_eq!(errors.field("grade")[0].code, "invalid_choice"),
        other => panic!("{other:?}"),
    };
    refused(Student::objects().update(Student::grade.set("ugly"), &db).map(drop));
    let mut student = Student::objects().get(Student::id.eq(1), &db).unwrap();
    refused(student.save_set(Student::grade.set("ugly"), &db));
    refused(db.objects("Student").unwrap().update([("grade", "ugly")], &db).map(drop));
    refused(db.objects("Student").unwrap().create([("name", "Bob"), ("grade", "ugly")], &db).map(drop));
    Student::objects().update(Student::grade.set("bad"), &db).unwrap();
    Student::objects().update(Student::mood.set("stormy"), &db).unwrap();
    student.refresh(&db).unwrap();
    assert_eq!((student.grade, student.mood), (Grade::Bad, Mood::Other("stormy".into())));
}

#[test]
fn a_boolean_is_a_condition_as_it_is() {
    let db = db();
    let away = [("Bob", Some(true)), ("Cy", Some(false))];
    let away = away.map(|(name, is_away)| new!(Student { name, is_away, is_active: false }));
    Student::objects().bulk_create(away, &db).unwrap();
    let names = |students: QuerySet<Student>| {
        students.order_by(Student::id).values_list(Student::name).all(&db).unwrap().join(" ")
    };
    let all = Student::objects;
    assert_eq!(names(all().filter(Student::is_active)), "Ann");
    assert_eq!(names(all().exclude(Student::is_away)), "Ann Cy");
    assert_eq!(names(all().filter(!Student::is_active & Student::is_away)), "Bob");
    assert_eq!(names(all().filter(Student::is_active | Student::name.eq("Cy"))), "Ann Cy");
    assert_eq!(names(all().filter(Student::name.eq("Cy") | Student::is_active)), "Ann Cy");
    let has_essay = exists(&Essay::objects().filter(Essay::student.eq(outer(Student::pk)))).expr();
    assert_eq!(names(all().alias(&has_essay).filter(&has_essay)), "Ann");
    let word = when(Student::is_active, "here").otherwise("gone");
    assert_eq!(all().filter(word.eq("gone")).count(&db).unwrap(), 2);
    assert_eq!(all().aggregate(Student::id.count().filter(Student::is_active), &db).unwrap(), 1);
    assert_eq!(names(all().filter(Essay::student.reverse().student.is_active)), "Ann");
}

#[test]
fn pairs_are_added_with_more_than_their_keys() {
    let db = db();
    let courses = ["Harmony", "Rhythm", "Form"].map(|name| new!(Course { name }));
    let courses = Course::objects().bulk_create(courses, &db).unwrap();
    let mut student = Student::objects().get(Student::id.eq(1), &db).unwrap();
    student.courses.add(&courses[0], &db).unwrap();
    let graded = |course: &Course| {
        new!(Enrollment { student: _, course: _, grade: Some(format!("{}!", course.name)) })
    };
    student.courses.add_with(&courses[..2], graded, &db).unwrap();
    student.courses.add_with([&courses[2], &courses[2]], graded, &db).unwrap();
    let rows = Enrollment::objects().order_by(Enrollment::id);
    let rows = rows.values_list((Enrollment::course_id, Enrollment::student_id, Enrollment::grade));
    let grade = |text: &str| Some(text.to_owned());
    assert_eq!(rows.all(&db).unwrap(), [(1, 1, None), (2, 1, grade("Rhythm!")), (3, 1, grade("Form!"))]);
    let unsaved = student.courses.add_with(&new!(Course { name: "x" }), graded, &db);
    assert!(matches!(unsaved, Err(Error::Unsaved { model: "Course", .. })));
}
