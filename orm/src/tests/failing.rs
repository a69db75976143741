//! Receivers, functions of `Set` and hooks that fail in the middle: nothing is written, and who was told before, and in
//! which order, is what Django 5.2 does with the same models and rows.

use std::sync::{Arc, Mutex};

use crate::{model::Key, prelude::*, queryset::BulkOptions, signal::Saving};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", clean = Self::refuse_bad)]
struct Author {
    id: Auto<i64>,
    #[field(unique)]
    name: String,
}

impl Author {
    fn refuse_bad(&self) -> Result<()> {
        if self.name == "bad" { Err(Error::invalid("name", "bad", "A bad name.")) } else { Ok(()) }
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Post {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    likes: ManyToMany<Author>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Comment {
    id: Auto<i64>,
    text: String,
    #[field(on_delete = Cascade)]
    post: ForeignKey<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Note {
    id: Auto<i64>,
    #[field(on_delete = Set(ghost))]
    author: ForeignKey<Author>,
}

/// Whose notes they are when their author has gone; it fails if there is nobody.
fn ghost(ex: &dyn Executor) -> Result<Author> {
    Author::objects().filter(Author::name.eq("ghost")).first(ex)?.ok_or_else(|| Error::custom("no ghost"))
}

/// What was told, in order; whoever is told the word that it waits for fails.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(Vec<String>, Option<&'static str>)>>);

impl Told {
    fn hear(&self, word: String) -> Result<()> {
        let mut told = self.0.lock().unwrap();
        told.0.push(word.clone());
        if told.1 == Some(word.as_str()) { Err(Error::custom(word)) } else { Ok(()) }
    }

    /// Runs something that is to fail at a word, and tells what was heard.
    fn until(&self, word: &'static str, run: impl FnOnce() -> Result<()>) -> Vec<String> {
        *self.0.lock().unwrap() = (Vec::new(), Some(word));
        assert_eq!(run().map_err(|error| error.to_string()), Err(word.to_owned()));
        std::mem::take(&mut *self.0.lock().unwrap()).0
    }
}

/// Connects receivers of every signal of a model.
fn hear<M: Model>(app: App, told: &Told) -> App {
    let word = |told: &Told, kind: &'static str| {
        let told = told.clone();
        move |row: &mut M| {
            let key = row.pk().and_then(|key| key.values().first().map(ToString::to_string));
            told.hear(format!("{kind} {} {}", M::NAME, key.unwrap_or("new".to_owned())))
        }
    };
    let (pre_save, post_save) = (word(told, "pre_save"), word(told, "post_save"));
    let (pre_delete, post_delete) = (word(told, "pre"), word(told, "post"));
    app.pre_save(move |row: &mut M, _, _| pre_save(row))
        .post_save(move |row: &mut M, _, _| post_save(row))
        .pre_delete(move |row: &mut M, _, _| pre_delete(row))
        .post_delete(move |row: &mut M, _, _| post_delete(row))
}

/// Ann and a ghost; two posts of Ann's with two comments each, which the ghost likes; a note of Ann's.
fn db() -> (Db, Told) {
    let told = Told::default();
    let app = App::new().models((Author::app(), Post::app(), Comment::app(), Note::app()));
    let app = hear::<Author>(hear::<Post>(hear::<Comment>(app, &told), &told), &told);
    let heard = told.clone();
    let app = app.m2m_changed(Post::likes, move |change, _| heard.hear(change.name().to_owned()));
    let db = app.open_memory().unwrap();
    let ann = Author::objects().create(new!(Author { name: "ann" }), &db).unwrap();
    let ghost = Author::objects().create(new!(Author { name: "ghost" }), &db).unwrap();
    for title in ["x", "y"] {
        let mut post = Post::objects().create(new!(Post { title, author: &ann }), &db).unwrap();
        post.likes.add(&ghost, &db).unwrap();
        for n in 1..=2 {
            let comment = new!(Comment { text: format!("{title}{n}"), post: &post });
            Comment::objects().create(comment, &db).unwrap();
        }
    }
    Note::objects().create(new!(Note { author: &ann }), &db).unwrap();
    (db, told)
}

/// All rows.
fn dump(db: &Db) -> String {
    let posts = Post::objects().order_by(Post::id).prefetch_related(Post::likes).all(db).unwrap();
    let likes: Vec<_> = posts.iter().map(|post| post.likes.loaded().unwrap().to_vec()).collect();
    let authors = Author::objects().order_by(Author::id).all(db).unwrap();
    let comments = Comment::objects().order_by(Comment::id).all(db).unwrap();
    let notes = Note::objects().order_by(Note::id).all(db).unwrap();
    format!("{authors:?} {posts:?} {likes:?} {comments:?} {notes:?}")
}

/// Runs something that fails at a word, alone and inside a block that goes on; nothing of it may be written.
fn fails(word: &'static str, run: impl Fn(&dyn Executor) -> Result<()>) -> Vec<String> {
    let (db, told) = db();
    let before = dump(&db);
    let alone = told.until(word, || run(&db));
    assert_eq!(dump(&db), before, "{word}");
    let inside = db.atomic(|tx| {
        let inside = told.until(word, || run(tx));
        Author::objects().create(new!(Author { name: "later" }), tx)?.delete(tx)?;
        Ok(inside)
    });
    assert_eq!(inside, Ok(alone.clone()), "{word}: what a receiver returns spoils no block");
    assert_eq!(dump(&db), before, "{word}");
    alone
}

#[test]
fn a_cascade_that_a_receiver_stops_deletes_nothing() {
    let delete = |ex: &dyn Executor| {
        let mut ann = Author::objects().get(Author::name.eq("ann"), ex)?;
        let result = ann.delete(ex).map(drop);
        assert_eq!(ann.pk(), Some(1), "what is still stored keeps its key");
        result
    };
    let before = ["pre Comment 1", "pre Comment 2", "pre Comment 3", "pre Comment 4"];
    let further = ["pre Post 1", "pre Post 2", "pre Author 1"];
    let after = ["post Comment 4", "post Comment 3", "post Comment 2", "post Comment 1", "post Post 2"];
    let order: Vec<&str> = before.into_iter().chain(further).chain(after).collect();
    for stop in ["pre Comment 2", "pre Author 1", "post Comment 3", "post Post 2"] {
        let place = order.iter().position(|word| *word == stop).unwrap();
        assert_eq!(fails(stop, delete), order[..=place], "{stop}");
    }
    let of_a_queryset =
        |ex: &dyn Executor| Author::objects().filter(Author::name.eq("ann")).delete(ex).map(drop);
    assert_eq!(fails("post Comment 3", of_a_queryset), order[..9]);
}

#[test]
fn a_set_function_that_fails_is_asked_before_anything_is_told_or_deleted() {
    let told = fails("no ghost", |ex| {
        let nobody = |ex: &dyn Executor| {
            Author::objects().filter(Author::name.eq("ghost")).update(Author::name.set("somebody"), ex)?;
            Author::objects().get(Author::name.eq("ann"), ex)?.delete(ex).map(drop)
        };
        ex.atomic(|tx| nobody(tx))
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_save_that_a_receiver_stops_writes_nothing() {
    let create = |ex: &dyn Executor| Author::objects().create(new!(Author { name: "new" }), ex).map(drop);
    assert_eq!(fails("pre_save Author new", create), ["pre_save Author new"]);
    let told = fails("post_save Author 1", |ex| {
        let mut ann = Author::objects().get(Author::name.eq("ann"), ex)?;
        ann.name = "anna".into();
        ann.save(ex)
    });
    assert_eq!(told, ["pre_save Author 1", "post_save Author 1"]);
    fails("post_save Author 1", |ex| {
        let mut ann = Author::objects().get(Author::name.eq("ann"), ex)?;
        ann.name = "anna".into();
        ann.save_fields(Author::name, ex)
    });
    fails("post_save Author 2", |ex| {
        let change = |author: &mut Author| author.name = "spirit".into();
        Author::objects()
            .update_or_create(Author::name.eq("ghost"), change, || new!(Author { name: "?" }), ex)
            .map(drop)
    });
    fails("post_save Comment 1", |ex| {
        ex.atomic(|tx| {
            let mut comment = Comment::objects().get(Comment::id.eq(1), tx)?;
            Comment::objects().filter(Comment::id.gt(1)).delete(tx).ok();
            comment.text = "last".into();
            comment.save(tx)
        })
    });
}

#[test]
fn a_new_row_that_a_receiver_stops_is_not_stored_and_not_said_to_be() {
    let (db, _) = db();
    let _refused = db.connect_post_save(|_: &mut Author, _, _| Err(Error::custom("no")));
    let mut author = new!(Author { name: "new" });
    assert!(author.save(&db).is_err());
    assert!(!author.id.is_stored() && !Author::objects().filter(Author::name.eq("new")).exists(&db).unwrap());
}

#[test]
fn a_change_of_pairs_that_a_receiver_stops_changes_none() {
    let post = |ex: &dyn Executor| Post::objects().get(Post::id.eq(1), ex);
    assert_eq!(fails("post_add", |ex| post(ex)?.likes.add(1, ex)), ["pre_add", "post_add"]);
    assert_eq!(fails("post_clear", |ex| post(ex)?.likes.clear(ex)), ["pre_clear", "post_clear"]);
    let told = fails("pre_add", |ex| post(ex)?.likes.set([1], ex));
    assert_eq!(told, ["pre_remove", "post_remove", "pre_add"]);
}

#[test]
fn a_clean_that_fails_in_a_receiver_stops_the_save_with_its_messages() {
    let (db, _) = db();
    let before = dump(&db);
    let _checks = db.connect_pre_save(|author: &mut Author, _, ex| author.full_clean(ex));
    let refused = Author::objects().create(new!(Author { name: "bad" }), &db).unwrap_err();
    assert_eq!(refused, Error::invalid("name", "bad", "A bad name."));
    let taken = db.atomic(|tx| {
        let taken = Author::objects().create(new!(Author { name: "ann" }), tx);
        assert!(matches!(taken, Err(Error::Validation(_))), "{taken:?}");
        Author::objects().count(tx)
    });
    assert_eq!(taken, Ok(2), "what is not valid spoils no block");
    assert_eq!(dump(&db), before);
}

#[test]
fn bulk_verbs_write_all_batches_or_none() {
    let (db, told) = db();
    let before = dump(&db);
    *told.0.lock().unwrap() = Default::default();
    let rows = ["a", "b", "c", "ann"].map(|name| new!(Author { name }));
    let options = BulkOptions { batch_size: Some(2) };
    let refused = Author::objects().bulk_create_with(rows, options, &db);
    assert!(matches!(refused, Err(Error::Integrity { .. })), "{refused:?}");
    let mut all = Author::objects().order_by(Author::id).all(&db).unwrap();
    all.iter_mut().for_each(|author| author.name = "same".into());
    assert!(matches!(Author::objects().bulk_update(&all, Author::name, &db), Err(Error::Integrity { .. })));
    assert_eq!(dump(&db), before);
    assert!(told.0.lock().unwrap().0.is_empty(), "bulk verbs tell nobody");
}

#[test]
fn receivers_are_called_in_their_order_until_one_fails() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let receiver = |name: &'static str, fails: bool| {
        let order = order.clone();
        move |_: &mut Author, _: &Saving, ex: &dyn Executor| {
            order.lock().unwrap().push(name);
            Note::objects().update(Note::author.set(2), ex)?;
            if fails { Err(Error::custom(name)) } else { Ok(()) }
        }
    };
    let (db, _) = db();
    let before = dump(&db);
    let _connected = [
        db.connect_post_save(receiver("first", false)),
        db.connect_post_save(receiver("second", true)),
        db.connect_post_save(receiver("third", false)),
    ];
    let refused = Author::objects().create(new!(Author { name: "new" }), &db);
    assert_eq!(refused.map(drop).map_err(|error| error.to_string()), Err("second".into()));
    assert_eq!(*order.lock().unwrap(), ["first", "second"]);
    assert_eq!(dump(&db), before, "what a receiver wrote goes with the save");
}
