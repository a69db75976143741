//! `bulk_create` of rows that are there already: Django's answers.

use nuages::{
    error::{Error, Misuse},
    prelude::*,
    queryset::{BulkOptions, CreateOptions},
};
use nuages_tests::{
    data,
    lab::Tag,
    oracle,
    oracle::{Answer, raises, says},
};
use serde_json::{Value as Json, json};

fn tag(name: &str, slug: &str) -> Tag {
    new!(Tag { name, slug })
}

/// Django's words for what may not be asked of `bulk_create`.
fn refused(result: Result<Vec<Tag>>) -> Json {
    says(result, "ValueError", |error| match error {
        Error::Misuse(Misuse::EmptyBatches) => Some("Batch size must be a positive integer.".into()),
        Error::Misuse(Misuse::NothingToUpdate) => Some(
            "Fields that will be updated when a row insertion fails on conflicts must be provided.".into(),
        ),
        Error::Misuse(Misuse::NotAllowed { call, .. }) => {
            Some(format!("{} are mutually exclusive.", call.replace(" or ", " and ")))
        }
        _ => None,
    })
}

oracle! { "bulk", data::lab;
    create_empty_and_generator(db) {
        let watch = db.capture();
        let empty = Tag::objects().bulk_create([], db)?.len();
        let statements = watch.len();
        let made = Tag::objects().bulk_create(["x", "y", "z"].map(|letter| tag(letter, letter)), db)?;
        let no_rows = BulkOptions { batch_size: Some(0) };
        let no_rows = Tag::objects().bulk_create_with([tag("q", "q")], no_rows, db);
        json!([vec![Json::Null; empty], statements, made.len(), refused(no_rows)])
    }
    create_ignore_conflicts(db) {
        let ignoring = CreateOptions::new().ignore_conflicts();
        let rows = Tag::objects().bulk_create_with([tag("Python", "python"), tag("Go", "go")], ignoring, db)?;
        let keys: Vec<Json> = rows.iter().map(|row| row.id.answer()).collect();
        json!([Tag::objects().count(db)?, keys, raises(Tag::objects().bulk_create([tag("Python", "py")], db))])
    }
    create_update_conflicts(db) {
        let updating = CreateOptions::new().update_conflicts(Tag::slug, Tag::name);
        let rows = [tag("Python 3", "python"), tag("Go", "go")];
        let rows = Tag::objects().bulk_create_with(rows, updating, db)?;
        let python = Tag::objects().get(Tag::slug.eq("python"), db)?;
        let nothing = CreateOptions::new().update_conflicts(Tag::slug, ());
        let both = CreateOptions::new().update_conflicts(Tag::slug, Tag::name).ignore_conflicts();
        json!([
            python.id.answer(),
            python.name,
            Tag::objects().count(db)?,
            rows[0].id.answer(),
            refused(Tag::objects().bulk_create_with([tag("", "")], nothing, db)),
            refused(Tag::objects().bulk_create_with([tag("", "")], both, db)),
        ])
    }
}

#[test]
fn a_conflict_with_another_key_than_the_named_one_is_refused() -> Result<()> {
    let db = data::lab();
    let updating = || CreateOptions::new().update_conflicts(Tag::slug, Tag::name);
    let other_key = Tag::objects().bulk_create_with([tag("Python", "py")], updating(), &db);
    assert_eq!(raises(other_key), json!({ "raises": "IntegrityError" }));
    let not_a_key = CreateOptions::new().update_conflicts((Tag::slug, Tag::name), Tag::name);
    assert!(Tag::objects().bulk_create_with([tag("a", "b")], not_a_key, &db).is_err());
    let batches = updating().batch_size(1);
    let rows = Tag::objects().bulk_create_with([tag("Py", "python"), tag("Go", "go")], batches, &db)?;
    assert_eq!(rows.iter().filter(|row| row.id.is_stored()).count(), 2);
    assert_eq!(Tag::objects().get(Tag::slug.eq("python"), &db)?.name, "Py");
    Ok(())
}
