//! What a database tells of what it runs: warnings and events through `tracing`, captured statements.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing::{Event, Level, Metadata, Subscriber, field, span};

use crate::{
    executor::{Event as Captured, FetchMode, StatementKind, Warnings},
    prelude::*,
};

#[derive(Model, Clone, Debug)]
#[model(app = "blog")]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Post::author)]
    posts: Related<Post>,
    #[related(Desk::author)]
    desk: RelatedOne<Desk>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "blog")]
struct Tag {
    id: Auto<i64>,
    #[field(unique)]
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(app = "blog")]
struct Post {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    tags: ManyToMany<Tag>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "blog")]
struct Desk {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: OneToOne<Author>,
}

/// Twelve authors of one post each.
fn db() -> Db {
    let app = App::new().models((Author::app(), Tag::app(), Post::app(), Desk::app()));
    let db = app.open_memory().unwrap();
    for n in 0..12 {
        let author = Author::objects().create(new!(Author { name: format!("author {n}") }), &db).unwrap();
        Post::objects().create(new!(Post { title: format!("post {n}"), author: &author }), &db).unwrap();
    }
    db
}

/// Hears what is said in this thread.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Heard>>>);

/// What was said, with its fields as text.
#[derive(Debug)]
struct Heard {
    target: &'static str,
    level: Level,
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Heard {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }
}

impl field::Visit for Heard {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push((name, format!("{value:?}"))),
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("nuages")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let (target, level) = (metadata.target(), *metadata.level());
        let mut heard = Heard { target, level, message: String::new(), fields: Vec::new() };
        event.record(&mut heard);
        self.0.lock().unwrap().push(heard);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is said to a target while something runs.
fn heard(target: &str, run: impl FnOnce()) -> Vec<Heard> {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), run);
    let mut heard = std::mem::take(&mut *listener.0.lock().unwrap());
    heard.retain(|one| one.target == target);
    heard
}

fn row_by_row(after: u32) -> Warnings {
    Warnings { row_by_row: Some(after), ..Warnings::default() }
}

#[test]
fn a_key_that_is_followed_row_by_row_is_warned_of_with_its_line_and_its_cure() {
    let db = db().with_warnings(row_by_row(5));
    let mut line = 0;
    let warnings = heard("nuages::row_by_row", || {
        for post in Post::objects().all(&db).unwrap() {
            line = line!() + 1;
            post.author.get(&db).unwrap();
        }
    });
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.level, Level::WARN);
    assert_eq!(
        warning.message,
        format!(
            "Post.author was read for 5 rows one by one at {}:{line}:25: \
             add .select_related(Post::author) to the queryset they came from",
            file!()
        )
    );
    let said = ["model", "relation", "times", "line"].map(|name| warning.field(name).unwrap_or_default());
    assert_eq!(said, ["\"Post\"", "\"author\"", "5", &line.to_string()]);
}

#[test]
fn each_kind_of_relation_has_its_own_cure() {
    let db = db().with_warnings(row_by_row(3));
    let cure = |run: &dyn Fn()| {
        let warnings = heard("nuages::row_by_row", run);
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        let (read, cure) = (warning.message.split(' ').next(), warning.message.split(": ").nth(1));
        (read.unwrap_or_default().to_owned(), cure.unwrap_or_default().to_owned())
    };
    let authors = || Author::objects().all(&db).unwrap();
    let add = |cure: &str| format!("add {cure} to the queryset they came from");
    let posts = cure(&|| authors().iter().for_each(|author| drop(author.posts.all(&db).unwrap())));
    assert_eq!(posts, ("Author.posts".into(), add(".prefetch_related(Author::posts)")));
    let counts = cure(&|| authors().iter().for_each(|author| drop(author.posts.exists(&db))));
    assert_eq!(counts.0, "Author.posts");
    let desks =
        cure(&|| authors().iter().for_each(|author| assert!(author.desk.get(&db).unwrap().is_none())));
    assert_eq!(desks, ("Author.desk".into(), add(".select_related(Author::desk)")));
    let tags = cure(&|| {
        let prefetched = Author::objects().prefetch_related(Author::posts).all(&db).unwrap();
        for post in prefetched.iter().flat_map(|author| author.posts.loaded().unwrap()) {
            post.tags.all(&db).unwrap();
        }
    });
    assert_eq!(tags, ("Post.tags".into(), add(".prefetch_related(Post::tags)")));
    let titles = cure(&|| {
        for post in Post::objects().defer(Post::title).all(&db).unwrap() {
            post.get(Post::title, &db).unwrap();
        }
    });
    assert_eq!(titles, ("Post.title".into(), "the queryset they came from should not defer it".into()));
}

#[test]
fn only_what_one_line_reads_of_one_result_is_warned_of() {
    let db = db().with_warnings(row_by_row(3));
    let warnings = heard("nuages::row_by_row", || {
        for post in Post::objects().select_related(Post::author).all(&db).unwrap() {
            post.author.get(&db).unwrap();
        }
        for post in Post::objects().fetch_mode(FetchMode::Peers).all(&db).unwrap() {
            post.author.get(&db).unwrap();
        }
        for id in 1..=12 {
            let post = Post::objects().get(Post::id.eq(id), &db).unwrap();
            post.author.get(&db).unwrap();
        }
        for page in 0..6 {
            for post in Post::objects().order_by(Post::id).slice(2 * page..2 * page + 2).all(&db).unwrap() {
                post.author.get(&db).unwrap();
            }
        }
        let posts = Post::objects().all(&db).unwrap();
        posts[0].author.get(&db).unwrap();
        posts[1].author.get(&db).unwrap();
        posts[2].author.get(&db).unwrap();
        assert_eq!(posts[3].author.get(&db).unwrap().name, "author 3");
    });
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn the_warning_comes_again_after_ten_times_as_many_and_in_transactions_too() {
    let db = db().with_warnings(row_by_row(1));
    let warnings = heard("nuages::row_by_row", || {
        db.atomic(|tx| Post::objects().all(tx)?.iter().try_for_each(|post| post.author.get(tx).map(drop)))
            .unwrap();
    });
    let times: Vec<_> = warnings.iter().filter_map(|warning| warning.field("times")).collect();
    assert_eq!(times, ["1", "10"]);
}

#[test]
fn the_line_of_a_task_is_that_of_the_program() {
    let db = db().with_warnings(row_by_row(3));
    let mut line = 0;
    let warnings = heard("nuages::row_by_row", || {
        let task = async {
            for post in Post::objects().aall(&db).await.unwrap() {
                line = line!() + 1;
                post.author.aget(&db).await.unwrap();
            }
            for author in Author::objects().aall(&db).await.unwrap() {
                author.posts.acount(&db).await.unwrap();
            }
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(task);
    });
    let lines: Vec<_> = warnings.iter().filter_map(|warning| warning.field("line")).collect();
    assert_eq!(lines, [line.to_string(), (line + 3).to_string()]);
}

#[test]
fn a_slow_statement_is_warned_of_with_its_words() {
    let slow = |slow| Warnings { slow: Some(slow), ..Warnings::default() };
    let db = db();
    let run = |db: &Db| {
        Post::objects().filter(Post::title.eq("post 3")).all(db).unwrap();
        Tag::objects().create(new!(Tag { name: "it's" }), db).unwrap();
    };
    let (always, never) = (db.with_warnings(slow(Duration::ZERO)), db.with_warnings(slow(Duration::MAX)));
    let warnings = heard("nuages::slow", || run(&always));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].message.contains("0ns or more is slow: SELECT blog_post.id"), "{warnings:?}");
    assert!(warnings[0].message.contains("/* $1 = 'post 3' */"), "{warnings:?}");
    assert!(warnings[1].message.contains("INSERT INTO blog_tag (id, name) VALUES"), "{warnings:?}");
    assert_eq!((warnings[1].field("kind"), warnings[1].level), (Some("INSERT"), Level::WARN));
    db.atomic(|tx| Tag::objects().delete(tx)).unwrap();
    assert!(heard("nuages::slow", || run(&never)).is_empty());
}

#[test]
fn warnings_of_the_app_are_those_of_its_databases() {
    let app = || App::new().models((Tag::app(),));
    let warnings = Warnings { slow: Some(Duration::ZERO), ..Warnings::default() };
    let db = app().warnings(warnings).open_memory().unwrap();
    let fork = db.fork().unwrap();
    let count = |db: &Db| heard("nuages::slow", || drop(Tag::objects().count(db))).len();
    assert_eq!((count(&db), count(&fork), count(&app().open_memory().unwrap())), (1, 1, 0));
}

#[test]
fn every_statement_is_an_event() {
    let db = db();
    let events = heard("nuages::statement", || {
        Post::objects().get(Post::id.eq(7), &db).unwrap();
        Post::objects().filter(Post::id.eq(7)).update(Post::title.set("it's"), &db).unwrap();
    });
    let said: Vec<_> = events.iter().map(|event| (event.level, event.message.as_str())).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].1.ends_with("FROM blog_post WHERE blog_post.id = 7"), "{said:?}");
    assert!(said[1].1.starts_with("UPDATE blog_post SET title = ") && said[1].0 == Level::DEBUG, "{said:?}");
}

#[test]
fn a_capture_has_the_words_of_every_kind_of_statement() {
    let db = db();
    let queries = db.queries();
    let mut tag = Tag::objects().create(new!(Tag { name: "swing" }), &db).unwrap();
    Tag::objects().get(Tag::name.eq("swing"), &db).unwrap();
    tag.name = "waltz".into();
    tag.save(&db).unwrap();
    Tag::objects().raw("SELECT id, name FROM blog_tag WHERE id > $1", [0]).all(&db).unwrap();
    let mut post = Post::objects().get(Post::id.eq(1), &db).unwrap();
    post.tags.add(&tag, &db).unwrap();
    Tag::objects().filter(Tag::name.eq("waltz")).delete(&db).unwrap();
    let many = (0..9).map(|n| new!(Tag { name: format!("tag {n}") }));
    Tag::objects().bulk_create(many, &db).unwrap();
    let statements = queries.statements();
    let all: Vec<String> = statements.iter().map(|statement| statement.sql()).collect();
    for (statement, sql) in statements.iter().zip(&all) {
        assert!(sql.starts_with(&statement.kind.to_string()), "{statement}: {sql}");
        assert!(statement.elapsed() > Duration::ZERO, "{sql}");
    }
    let has = |part: &str| assert!(all.iter().any(|sql| sql.contains(part)), "{part} is not in {all:#?}");
    has("INSERT INTO blog_tag (id, name) VALUES (DEFAULT, 'swing')");
    has("FROM blog_tag WHERE blog_tag.name = 'swing'");
    has("UPDATE blog_tag SET name = 'waltz' WHERE blog_tag.id = 1");
    has("INSERT INTO blog_post_tags");
    has("DELETE FROM blog_tag");
    has("'tag 2') /* and 6 more rows */");
    let kinds: Vec<StatementKind> = queries.kinds();
    assert_eq!(kinds.len(), statements.len());
    assert!(queries.events().iter().any(|event| matches!(event, Captured::Statement(_))));
}

#[test]
fn a_wrong_number_of_queries_lists_them() {
    let db = db();
    assert_eq!(db.assert_num_queries(1, || Tag::objects().count(&db)), Ok(0));
    let failed = catch_unwind(AssertUnwindSafe(|| {
        db.assert_num_queries(1, || (Tag::objects().count(&db), Tag::objects().get(Tag::id.eq(1), &db)))
    }));
    let message = *failed.map(drop).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        message,
        "2 queries executed, 1 expected\nCaptured queries were:\n\
         1. SELECT count(*) AS count FROM blog_tag\n\
         2. SELECT blog_tag.id, blog_tag.name FROM blog_tag WHERE blog_tag.id = 1"
    );
}

#[test]
fn a_queryset_reads_as_the_calls_it_was_made_by() {
    let posts = Post::objects;
    let either = Post::id.is_in([1, 2]) | !Post::title.starts_with("a");
    assert_eq!(
        format!("{:?}", posts().filter(either)),
        "Post.filter(id__in = [1, 2] | !(title__startswith = 'a'))"
    );
    let authors = Author::objects().annotate(&Author::posts.count()).order_by(Author::name.desc());
    assert_eq!(
        format!("{:?}", authors.prefetch_related(Author::posts)),
        "Author.annotate(count(posts)).order_by(-name).prefetch_related(posts)"
    );
    let joined = posts().select_related(Post::author).distinct().slice(5..);
    assert_eq!(format!("{joined:?}"), "Post.distinct().select_related(author)[5..]");
    let lower = posts().filter(Post::title.lower().eq("x")).exclude(Post::author.is_null(true)).none();
    assert_eq!(format!("{lower:?}"), "Post.none().filter(lower(title) = 'x').exclude(author__isnull = true)");
    let of_them = Author::objects().filter(Author::id.is_in(posts().values_list(Post::author)));
    assert!(format!("{of_them:?}").starts_with("Author.filter(id__in = Post.values("), "{of_them:?}");
}
