use nuages_storage::Value;

use super::blog::{Category, Post, Tag, User};
use crate::error::{IntegrityKind, Misuse};
use crate::prelude::*;

/// Two authors, and posts of 3, 20 and 100 views.
fn db() -> Db {
    let app = App::new().models((User::app(), Category::app(), Tag::app(), Post::app()));
    let db = app.open_memory().unwrap();
    let users = db.objects("blog.User").unwrap();
    for username in ["alice", "bob"] {
        users.create([("username", username)], &db).unwrap();
    }
    let posts = db.objects("blog.post").unwrap();
    for (title, author, views) in [("Nuages", 1, 3), ("Daphne", 1, 20), ("Minor Swing", 2, 100)] {
        let values: [(&str, Value); 4] = [
            ("title", title.into()),
            ("slug", title.to_lowercase().replace(' ', "-").into()),
            ("author", author.into()),
            ("view_count", views.into()),
        ];
        posts.create(values, &db).unwrap();
    }
    db
}

fn posts(db: &Db) -> QuerySet<Dynamic, Record> {
    db.objects("Post").unwrap().order_by(["id"]).unwrap()
}

/// The titles of records.
fn titles(records: &[Record]) -> Vec<&str> {
    records.iter().filter_map(|record| record.get("title").unwrap().as_text()).collect()
}

#[test]
fn a_model_is_found_by_its_label_or_its_name() {
    let db = db();
    for label in ["blog.Post", "blog.post", "Post", "post"] {
        assert_eq!(db.objects(label).unwrap().meta(), Post::meta());
    }
    let error = db.objects("blog.Pots").map(drop).unwrap_err();
    let text = "the app has no \"blog.Pots\"; did you mean \"blog.Post\"? \
                Choices are: blog.User, blog.Category, blog.Tag, blog.Post";
    assert_eq!(error.to_string(), text);
    let error = db.objects("Pots").map(drop).unwrap_err();
    assert_eq!(error.to_string(), text.replacen("blog.Pots", "Pots", 1), "whatever its app");
    let error = db.objects("Invoice").map(drop).unwrap_err();
    assert!(error.to_string().starts_with("the app has no \"Invoice\". Choices are: blog.User"), "{error}");
}

#[test]
fn conditions_in_words_are_joined_as_q_objects_are() {
    let db = db();
    let titles_of = |words: Words| {
        let found = posts(&db).filter(words).unwrap().all(&db).unwrap();
        titles(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(titles_of(("author__username", "alice").into()), ["Nuages", "Daphne"]);
    assert_eq!(titles_of(Words::new("view_count__gte", "20")), ["Daphne", "Minor Swing"]);
    let either = Words::new("view_count__lt", 5) | Words::new("author__username__startswith", "b");
    assert_eq!(titles_of(either.clone()), ["Nuages", "Minor Swing"]);
    assert_eq!(titles_of(!either), ["Daphne"]);
    assert_eq!(titles_of([("author", 1), ("view_count", 20)].into()), ["Daphne"]);
    assert_eq!(titles_of(Words::is_in("pk", [3, 1])), ["Nuages", "Minor Swing"]);
    assert_eq!(titles_of(Words::all()).len(), 3);
    let rest = posts(&db).exclude(("title__icontains", "A")).unwrap();
    assert_eq!(titles(&rest.all(&db).unwrap()), ["Minor Swing"]);
}

#[test]
fn it_means_what_the_typed_queryset_means() {
    let words = Post::objects()
        .records()
        .filter(("author__username__icontains", "al"))
        .and_then(|posts| posts.exclude(("created_at__year", 2020)))
        .and_then(|posts| posts.order_by(["-author__username", "title"]))
        .unwrap()
        .slice(..5);
    let typed = Post::objects()
        .filter(Post::author.username.icontains("al"))
        .exclude(Post::created_at.year.eq(2020))
        .order_by((Post::author.username.desc(), Post::title))
        .slice(..5);
    assert_eq!(words.state(), typed.state());
}

#[test]
fn rows_are_read_in_order_and_slices() {
    let db = db();
    let by_views = posts(&db).order_by(["-view_count"]).unwrap();
    assert_eq!(titles(&by_views.all(&db).unwrap()), ["Minor Swing", "Daphne", "Nuages"]);
    assert_eq!(titles(&by_views.clone().slice(1..).all(&db).unwrap()), ["Daphne", "Nuages"]);
    assert_eq!(titles(&by_views.clone().reverse().slice(..1).all(&db).unwrap()), ["Nuages"]);
    assert_eq!(by_views.first(&db).unwrap().unwrap().to_string(), "Post object (3)");
    assert_eq!(by_views.last(&db).unwrap().unwrap().to_string(), "Post object (1)");
    assert_eq!((by_views.count(&db).unwrap(), by_views.clone().none().exists(&db).unwrap()), (3, false));
    let late = by_views.slice(..1).filter(("id", 1)).unwrap().all(&db);
    assert!(matches!(late, Err(Error::Misuse(Misuse::NotAllowed { call: "filter", .. }))));
}

#[test]
fn get_finds_exactly_one() {
    let db = db();
    let post = posts(&db).get(("slug", "daphne"), &db).unwrap();
    assert_eq!((post.get("author_id").unwrap(), post.get("pk").unwrap()), (&1.into(), &2.into()));
    let none = posts(&db).get(("slug", "x"), &db);
    assert!(matches!(none, Err(Error::DoesNotExist { model: "Post" })));
    let many = posts(&db).get(("author", 1), &db);
    assert!(matches!(many, Err(Error::MultipleObjectsReturned { model: "Post", count: 2 })));
}

#[test]
fn values_have_the_names_they_were_asked_by() {
    let db = db();
    let rows = posts(&db).slice(..1).values(["title", "author__username", "created_at__year"]).unwrap();
    let rows = rows.all(&db).unwrap();
    assert_eq!(rows[0].keys().collect::<Vec<_>>(), ["title", "author__username", "created_at__year"]);
    assert_eq!(rows[0]["author__username"].as_text(), Some("alice"));
    assert!(rows[0]["created_at__year"].as_int().is_some_and(|year| year >= 2024));
}

#[test]
fn writing_converts_text_and_tells_what_cannot_be() {
    let db = db();
    assert_eq!(posts(&db).update([("view_count", "7")], &db).unwrap(), 3);
    assert_eq!(Post::objects().filter(Post::view_count.eq(7)).count(&db).unwrap(), 3);
    let error = posts(&db).update([("view_count", "many")], &db).unwrap_err();
    let Error::Validation(errors) = error else { panic!("{error}") };
    assert_eq!(errors.field("view_count")[0].code, "invalid");
    let error = posts(&db).update([("tags", 1)], &db).unwrap_err();
    assert!(matches!(error, Error::UnknownName(unknown) if unknown.choices.contains(&"title".to_owned())));
    let deleted = posts(&db).filter(("author__username", "alice")).unwrap().delete(&db).unwrap();
    assert_eq!((deleted.total, deleted.by_model["blog.Post"]), (2, 2));
}

#[test]
fn a_new_row_has_defaults_and_needs_what_has_none() {
    let db = db();
    let values: [(&str, Value); 3] =
        [("title", "New".into()), ("slug", "new".into()), ("author_id", 2.into())];
    let post = posts(&db).create(values, &db).unwrap();
    assert_eq!((post.get("view_count").unwrap(), post.get("is_active").unwrap()), (&0.into(), &true.into()));
    assert_eq!(post.to_instance::<Post>().unwrap(), Post::objects().get(Post::id.eq(4), &db).unwrap());
    let error = posts(&db).create([("title", "New")], &db).unwrap_err();
    assert!(matches!(error, Error::Integrity { kind: IntegrityKind::NotNull, .. }), "{error}");
    assert_eq!(error.to_string(), "column \"slug\" of table \"blog_post\" must have a value");
    let error = posts(&db).create([("title", Value::Null)], &db).unwrap_err();
    assert_eq!(error.to_string(), "column \"title\" of table \"blog_post\" must have a value");
    assert!(matches!(posts(&db).create([("titel", "x")], &db), Err(Error::UnknownName(_))));
}

#[test]
fn a_record_is_saved_through_its_model() {
    let app = App::new().models((User::app(), Category::app(), Tag::app(), Post::app()));
    let db = app
        .pre_save(|user: &mut User, _, _| {
            user.username = user.username.to_uppercase();
            Ok(())
        })
        .open_memory()
        .unwrap();
    let mut user = db.objects("User").unwrap().create([("username", "carol")], &db).unwrap();
    assert_eq!(user.get("username").unwrap().as_text(), Some("CAROL"));
    user.set("username", "dave").unwrap();
    user.set("boss", "1").unwrap();
    user.save(&db).unwrap();
    assert_eq!(format!("{user:?}"), r#"blog.User {"id": Int(1), "username": Text("DAVE"), "boss": Int(1)}"#);
    assert_eq!(user.get("boss").unwrap(), &1.into());
    assert!(user.set("bos", 1).unwrap_err().to_string().contains("did you mean \"boss\"?"));
    assert_eq!(user.delete(&db).unwrap().total, 1);
    assert!(!User::objects().exists(&db).unwrap());
}
