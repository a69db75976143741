use nuages_storage::Value;

use crate::prelude::*;

#[derive(Choices, Clone, Debug, PartialEq)]
enum Level {
    Easy,
    Hard,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(clean = Self::check)]
struct Exam {
    id: Auto<i64>,
    #[field(unique, max_length = 8)]
    title: String,
    day: Date,
    #[field(choices, default = Level::Easy)]
    level: Level,
    #[field(blank)]
    seats: Option<u32>,
    #[field(blank)]
    note: String,
    #[field(on_delete = SetNull, blank)]
    after: Option<ForeignKey<Exam>>,
}

impl Exam {
    fn check(&self) -> Result<()> {
        match self.note == "cancelled" {
            true => Err(Error::invalid("__all__", "cancelled", "It is cancelled.")),
            false => Ok(()),
        }
    }
}

fn db() -> Db {
    App::new().models(Exam::app()).open_memory().unwrap()
}

/// What is wrong with some words, as `field: code`.
fn wrong<const COUNT: usize>(values: [(&str, &str); COUNT], db: &Db) -> Vec<String> {
    match Exam::clean_from(values, db) {
        Err(Error::Validation(errors)) => errors
            .iter()
            .flat_map(|(field, messages)| messages.iter().map(move |one| format!("{field}: {}", one.code)))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_become_an_instance_with_defaults() {
    let db = db();
    let sent = [("title", "Harmony"), ("day", "2024-05-31"), ("seats", "12"), ("note", ""), ("after", "")];
    let exam = Exam::clean_from(sent, &db).unwrap();
    let day = "2024-05-31".parse::<Date>().unwrap();
    assert_eq!(exam, new!(Exam { title: "Harmony", day, seats: 12 }));
    let stored = exam.insert(&db).unwrap();
    let sent: [(&str, Value); 4] =
        [("title", "Form".into()), ("day", day.into()), ("level", "hard".into()), ("after", 1.into())];
    let next = Exam::clean_from(sent, &db).unwrap();
    assert_eq!((next.level, next.after.unwrap().key()), (Level::Hard, stored.id.get()));
}

#[test]
fn every_field_says_what_is_wrong_with_it() {
    let db = db();
    let sent = [("title", "much too long"), ("level", "odd"), ("seats", "many")];
    assert_eq!(
        wrong(sent, &db),
        ["title: max_length", "level: invalid_choice", "seats: invalid", "day: required"]
    );
    assert_eq!(wrong([("title", ""), ("day", "2024-13-01")], &db), ["title: required", "day: invalid_date"]);
    assert_eq!(wrong([("title", "x"), ("day", "2024-05-31"), ("seats", "-1")], &db), ["seats: min_value"]);
    assert_eq!(wrong([("title", "x"), ("day", "2024-05-31T10:00")], &db), ["day: invalid"]);
    let short = Exam::clean_from([("title", "x"), ("day", "2024-5-1")], &db).unwrap();
    assert_eq!(short.day.to_string(), "2024-05-01");
}

#[test]
fn a_whole_instance_is_asked_about_others_and_itself() {
    let db = db();
    let sent = [("title", "Form"), ("day", "2024-05-31")];
    Exam::clean_from(sent, &db).unwrap().insert(&db).unwrap();
    assert_eq!(wrong(sent, &db), ["title: unique"]);
    let sent = [("title", "x"), ("day", "2024-05-31"), ("note", "cancelled"), ("after", "9")];
    assert_eq!(wrong(sent, &db), ["after: invalid", "__all__: cancelled"]);
    assert!(matches!(Exam::clean_from([("titel", "x")], &db), Err(Error::UnknownName(_))));
}
