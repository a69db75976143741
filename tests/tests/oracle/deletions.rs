//! `delete`: Django's answers.

use nuages::{
    delete::Deleted,
    error::{Error, Misuse},
    prelude::*,
};
use nuages_tests::{
    chinook::{Artist, InvoiceLine},
    data,
    lab::{Comment, Post, Soft, Tag, Ticket, User},
    oracle,
    oracle::{Answer, says},
};
use serde_json::{Value as Json, json};

fn counted(deleted: &Deleted) -> Json {
    json!([deleted.total, deleted.by_model.answer()])
}

fn user(key: i64, db: &Db) -> Result<User> {
    User::objects().get(User::id.eq(key), db)
}

/// Told by what has no method `delete` of its own.
trait HasNoDelete {
    fn delete(&self, _: &Db) -> bool {
        false
    }
}
impl<M> HasNoDelete for Related<M> {}

oracle! { "delete", data::lab;
    instance_keeps_fields_loses_pk(db) {
        let mut tag = Tag::objects().get(Tag::slug.eq("unused"), db)?;
        tag.delete(db)?;
        let again = says(tag.delete(db), "ValueError", |error| match error {
            Error::Unsaved { model, wanted } => Some(format!(
                "{model} object can't be {wanted}d because its {} attribute is set to None.",
                Tag::meta().fields[usize::from(Tag::meta().primary_key[0])].name
            )),
            _ => None,
        });
        json!([tag.id.answer(), tag.name, again])
    }
    user_cascade(db) {
        let out = counted(&user(2, db)?.delete(db)?);
        let ticket = Ticket::objects().get(Ticket::id.eq(1), db)?;
        let reviewer = ticket.reviewer.get(db)?.map(|user| user.username.clone());
        let nobodys = Comment::objects().filter(Comment::author.is_null(true)).count(db)?;
        json!([out, nobodys, ticket.editor.key(), reviewer])
    }
    set_default_and_set(db) {
        let users = || User::objects().count(db).map(u64::cast_signed);
        let before = users()?;
        user(3, db)?.delete(db)?;
        let tickets = Ticket::objects().order_by(Ticket::id).values_list((Ticket::editor_id, Ticket::reviewer_id));
        json!([tickets.all(db)?, users()? - before])
    }
    refused_after(db) {
        let of_values = Post::objects().values_list((Post::pk,)).delete(db);
        let of_values = says(of_values, "TypeError", |error| match error {
            Error::Misuse(Misuse::NotAllowed { call, after }) => {
                let after: Vec<String> = after.split(" or ").map(|call| format!(".{call}()")).collect();
                Some(format!("Cannot call {call}() after {}", after.join(" or ")))
            }
            _ => None,
        });
        let distinct = counted(&Post::objects().distinct().delete(db)?);
        json!([of_values, distinct, user(1, db)?.posts.delete(db)])
    }
    self_cascade(db) {
        let mut root = Soft::all_objects().get(Soft::name.eq("root"), db)?;
        json!([counted(&root.delete(db)?), Soft::all_objects().count(db)?])
    }
}

fn statements_and_rows(artists: i32, db: &Db) -> Result<(Deleted, usize)> {
    InvoiceLine::objects().delete(db)?;
    let watch = db.capture();
    let deleted = Artist::objects().filter(Artist::id.lte(artists)).delete(db)?;
    Ok((deleted, watch.len()))
}

oracle! { "delete", data::chinook;
    queryset_is_not_per_row(db) {
        let (deleted, statements) = statements_and_rows(10, db)?;
        json!([counted(&deleted), statements])
    }
}

#[test]
fn statements_follow_the_levels_and_not_the_rows() -> Result<()> {
    let (few, many) =
        (statements_and_rows(10, &data::chinook())?, statements_and_rows(100, &data::chinook())?);
    assert!(few.0.total < many.0.total);
    assert_eq!(few.1, many.1);
    Ok(())
}

/// What stands for a user is asked for only if something needs it.
#[test]
fn a_set_function_that_fails_undoes_all() -> Result<()> {
    let db = data::lab();
    let before = (User::objects().count(&db)?, Post::objects().count(&db)?);
    let _connection = db.connect_pre_save(|user: &mut User, _, _| match user.username.as_str() {
        "deleted" => Err(Error::custom("nobody stands for the deleted")),
        _ => Ok(()),
    });
    assert!(matches!(user(2, &db)?.delete(&db), Err(Error::Custom(_))));
    assert_eq!((User::objects().count(&db)?, Post::objects().count(&db)?), before);
    assert_eq!(Ticket::objects().get(Ticket::id.eq(1), &db)?.editor.key(), Some(&2));
    user(4, &db)?.delete(&db)?;
    Ok(())
}

#[test]
fn a_receiver_that_fails_in_the_middle_of_a_cascade_undoes_all() -> Result<()> {
    let db = data::lab();
    let before = (User::objects().count(&db)?, Post::objects().count(&db)?, Comment::objects().count(&db)?);
    let _connection = db.connect_post_delete(|_: &mut Post, _, _| Err(Error::custom("no")));
    assert!(matches!(user(2, &db)?.delete(&db), Err(Error::Custom(_))));
    let after = (User::objects().count(&db)?, Post::objects().count(&db)?, Comment::objects().count(&db)?);
    assert_eq!(before, after);
    Ok(())
}
