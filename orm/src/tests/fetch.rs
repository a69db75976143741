use crate::{
    executor::{Budget, FetchMode},
    prelude::*,
};

#[derive(Model, Clone, Debug)]
struct City {
    id: Auto<i64>,
    name: String,
}

#[derive(Model, Clone, Debug)]
struct Author {
    id: Auto<i64>,
    name: String,
    #[field(on_delete = SetNull)]
    born_in: Option<ForeignKey<City>>,
    #[related(Post::author)]
    posts: Related<Post>,
    #[related(Desk::author)]
    desk: RelatedOne<Desk>,
}

#[derive(Model, Clone, Debug)]
#[model(ordering = [id])]
struct Post {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
}

#[derive(Model, Clone, Debug)]
struct Desk {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: OneToOne<Author>,
}

/// Three authors of two posts each; the first two are born in cities of their own and have desks.
fn db() -> Db {
    let app = App::new().models((City::app(), Author::app(), Post::app(), Desk::app()));
    let db = app.open_memory().unwrap();
    for (name, city) in [("Ann", Some("Paris")), ("Bob", Some("Liège")), ("Cy", None)] {
        let city = city.map(|name| City::objects().create(new!(City { name }), &db).unwrap());
        let born_in = city.as_ref().map(ForeignKey::from);
        let author = Author::objects().create(new!(Author { name, born_in }), &db).unwrap();
        if city.is_some() {
            Desk::objects().create(new!(Desk { author: &author }), &db).unwrap();
        }
        for title in ["one", "two"] {
            Post::objects().create(new!(Post { title, author: &author }), &db).unwrap();
        }
    }
    db
}

/// How many statements something takes.
fn statements(db: &Db, run: impl FnOnce()) -> usize {
    let watch = db.capture();
    run();
    watch.len()
}

#[test]
fn one_reads_for_the_row_that_asks() {
    let db = db();
    let count = statements(&db, || {
        for post in Post::objects().all(&db).unwrap() {
            post.author.get(&db).unwrap();
        }
    });
    assert_eq!(count, 7);
}

#[test]
fn peers_reads_for_all_rows_of_the_result_and_goes_on_so() {
    let db = db();
    let mut names = Vec::new();
    let count = statements(&db, || {
        for post in Post::objects().fetch_mode(FetchMode::Peers).all(&db).unwrap() {
            let author = post.author.get(&db).unwrap();
            let city = author.born_in.get(&db).unwrap();
            names.push((author.name.clone(), city.map(|city| city.name.clone())));
        }
    });
    assert_eq!(count, 3);
    assert_eq!(names[0], ("Ann".into(), Some("Paris".into())));
    assert_eq!(names[3], ("Bob".into(), Some("Liège".into())));
    assert_eq!(names[5], ("Cy".into(), None));
}

#[test]
fn peers_of_joined_annotated_and_prefetched_rows_are_known() {
    let db = db().with_fetch_mode(FetchMode::Peers);
    let joined = statements(&db, || {
        for post in Post::objects().select_related(Post::author).all(&db).unwrap() {
            post.author.get(&db).unwrap().born_in.get(&db).unwrap();
        }
    });
    let annotated = statements(&db, || {
        for post in Post::objects().annotate(&(Post::id + 1)).all(&db).unwrap() {
            post.author.get(&db).unwrap();
        }
    });
    let prefetched = statements(&db, || {
        for author in Author::objects().prefetch_related(Author::posts).all(&db).unwrap() {
            for post in author.posts.all(&db).unwrap().iter() {
                post.author.get(&db).unwrap().born_in.get(&db).unwrap();
            }
        }
    });
    assert_eq!((joined, annotated, prefetched), (2, 2, 3));
}

#[test]
fn peers_reads_the_other_side_of_a_one_to_one_for_all() {
    let db = db();
    let mut found = Vec::new();
    let count = statements(&db, || {
        for author in Author::objects().fetch_mode(FetchMode::Peers).order_by(Author::id).all(&db).unwrap() {
            found.push(author.desk.get(&db).unwrap().map(|desk| desk.id));
        }
    });
    assert_eq!((count, found), (2, vec![Some(1.into()), Some(2.into()), None]));
}

#[test]
fn peers_reads_a_deferred_field_for_all() {
    let db = db();
    let mut titles = Vec::new();
    let count = statements(&db, || {
        for post in Post::objects().defer(Post::title).fetch_mode(FetchMode::Peers).all(&db).unwrap() {
            titles.push(post.get(Post::title, &db).unwrap().clone());
        }
    });
    assert_eq!((count, titles.len(), titles[5].as_str()), (2, 6, "two"));
}

#[test]
fn a_key_that_was_assigned_later_is_read_by_itself() {
    let db = db();
    let mut posts = Post::objects().fetch_mode(FetchMode::Peers).all(&db).unwrap();
    posts[0].author.get(&db).unwrap();
    posts[0].author = 3.into();
    assert_eq!(posts[0].author.get(&db).unwrap().name, "Cy");
    Author::objects().filter(Author::id.eq(1)).update(Author::name.set("Anna"), &db).unwrap();
    posts[1].author.forget();
    assert_eq!(posts[1].author.get(&db).unwrap().name, "Anna");
}

#[test]
fn raise_names_the_field_and_lets_what_was_read_through() {
    let db = db();
    let strict = db.with_fetch_mode(FetchMode::Raise);
    let blocked = |model, field| Error::FetchBlocked { model, field };
    let post = Post::objects().get(Post::id.eq(1), &strict).unwrap();
    assert_eq!(post.author.get(&strict).map(drop), Err(blocked("Post", "author")));
    assert_eq!(post.author.get(&db).map(drop), Err(blocked("Post", "author")));
    let author = Author::objects().fetch_mode(FetchMode::Raise).first(&db).unwrap().unwrap();
    assert_eq!(author.born_in.get(&db).map(drop), Err(blocked("Author", "born_in")));
    assert_eq!(author.desk.get(&db).map(drop), Err(blocked("Author", "desk")));
    let partial = Post::objects().only(Post::id).first(&strict).unwrap().unwrap();
    assert_eq!(partial.get(Post::title, &strict).map(drop), Err(blocked("Post", "title")));
    assert_eq!(partial.whole(&strict).map(drop), Err(blocked("Post", "title")));

    let joined = Post::objects().select_related(Post::author).first(&strict).unwrap().unwrap();
    assert_eq!(joined.author.get(&strict).unwrap().name, "Ann");
    let said = Post::objects().fetch_mode(FetchMode::One).first(&strict).unwrap().unwrap();
    assert_eq!(said.author.get(&strict).unwrap().name, "Ann");
    let unknown = Post::objects().first(&db).unwrap().unwrap().author.get(&strict).map(drop).unwrap_err();
    assert!(unknown.to_string().starts_with("the Author was not read with the row"), "{unknown}");
}

#[test]
fn a_budget_ends_what_reads_row_by_row() {
    let db = db();
    let page = || db.with_budget(Budget { follows_max: Some(2), ..Budget::default() });
    let too_often = |model, field| Error::FollowedTooOften { model, field, follows_max: 2 };

    let request = page();
    let read = |post: &Post| post.author.get(&request).map(drop);
    let outcome = Post::objects().all(&request).unwrap().iter().try_for_each(read);
    assert_eq!((outcome, request.statements_run()), (Err(too_often("Post", "author")), 3));

    let request = page();
    let read = |author: &Author| author.posts.all(&request).map(drop);
    let outcome = Author::objects().all(&request).unwrap().iter().try_for_each(read);
    assert_eq!(outcome, Err(too_often("Author", "posts")));

    let request = page();
    let read = |post: &Partial<Post>| post.get(Post::title, &request).map(drop);
    let outcome = Post::objects().defer(Post::title).all(&request).unwrap().iter().try_for_each(read);
    assert_eq!(outcome, Err(too_often("Post", "title")));

    let request = page();
    let posts = Post::objects().prefetch_related(Post::author).all(&request).unwrap();
    posts.iter().try_for_each(|post| post.author.get(&request).map(drop)).unwrap();
    assert_eq!(request.statements_run(), 2);
}

#[test]
fn a_budget_of_statements_holds_in_transactions_and_clones() {
    let db = db();
    let request = db.with_budget(Budget { statements_max: Some(3), ..Budget::default() });
    request.atomic(|tx| Post::objects().count(tx)).unwrap();
    Post::objects().update(Post::title.set("x"), &request).unwrap();
    let same = request.clone();
    Post::objects().get(Post::id.eq(1), &same).unwrap();
    let error = Post::objects().delete(&request).unwrap_err();
    assert!(matches!(error, Error::OverBudget { statements_max: 3, .. }));
    assert!(error.to_string().ends_with("is one more than the 3 that the budget allows"), "{error}");
    assert_eq!((request.statements_run(), same.statements_run(), db.statements_run()), (3, 3, 0));
    assert_eq!(Post::objects().count(&db).unwrap(), 6);
}
