use crate::error::Error;
use crate::meta::FieldKind;
use crate::prelude::*;

/// Bases stand in a module of their own: what their attributes and types mean is looked up there.
mod bases {
    use crate::field::DateTime as Moment;
    use crate::prelude::*;

    const TITLE_LENGTH: u32 = 10;

    fn untitled() -> &'static str {
        "untitled"
    }

    #[derive(Choices, Clone, Copy, Debug, PartialEq)]
    pub(super) enum Status {
        Draft,
        #[choices(label = "Out now")]
        Live,
    }

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(abstract, get_latest_by = changed_at, before_save = Self::count)]
    pub(super) struct Tracked {
        /// When it was made.
        #[field(auto_now_add)]
        pub(super) created_at: Moment,
        #[field(auto_now)]
        pub(super) changed_at: Moment,
        #[field(default = 0)]
        pub(super) saves: i32,
    }

    impl Tracked {
        fn count(&mut self) {
            self.saves += 1;
        }
    }

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(abstract, ordering = [author.name, -title], index(title, -status), unique_together(title, author), clean = Self::check)]
    pub(super) struct Publication {
        pub(super) id: Auto<i64>,
        #[model(flatten)]
        pub(super) tracked: Tracked,
        #[field(max_length = TITLE_LENGTH, default = untitled())]
        pub(super) title: String,
        #[field(choices, default = Status::Draft)]
        pub(super) status: Status,
        #[field(on_delete = Cascade, editable = false)]
        pub(super) author: ForeignKey<super::Author>,
        pub(super) pages: u32,
        tags: ManyToMany<super::Tag>,
    }

    impl Publication {
        fn check(&self) -> Result<()> {
            match self.title.as_str() {
                "!" => Err(Error::invalid("title", "loud", "A title does not shout.")),
                _ => Ok(()),
            }
        }

        pub(super) fn tags(&self) -> &ManyToMany<super::Tag> {
            &self.tags
        }

        pub(super) fn tags_mut(&mut self) -> &mut ManyToMany<super::Tag> {
            &mut self.tags
        }
    }
}

use bases::{Publication, Status};

#[derive(Model, Clone, Debug, PartialEq)]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Book::author)]
    books: Related<Book>,
}

#[derive(Model, Clone, Debug, PartialEq)]
struct Tag {
    id: Auto<i64>,
    word: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(before_save = Self::tidy)]
struct Book {
    #[field(max_length = 13)]
    isbn: String,
    #[model(flatten)]
    publication: Publication,
    #[field(default = 0)]
    sold: i64,
}

impl Book {
    fn tidy(&mut self) {
        self.isbn = self.isbn.trim().to_owned();
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(ordering = [pages], index(pages))]
struct Article {
    #[model(flatten)]
    publication: Publication,
    #[model(flatten)]
    place: Place,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(abstract)]
struct Place {
    #[field(db_index)]
    city: Option<String>,
}

fn db() -> (Db, Author) {
    let models = (Author::app(), Tag::app(), Book::app(), Article::app());
    let db = App::new().models(models).open_memory().unwrap();
    let django = Author::objects().create(new!(Author { name: "Django" }), &db).unwrap();
    for (isbn, title, pages) in [(" 1 ", "Nuages", 30), ("2", "Swing", 20)] {
        Book::objects().create(new!(Book { isbn, title, pages, author: &django }), &db).unwrap();
    }
    (db, django)
}

fn titles(books: Vec<Book>) -> Vec<String> {
    books.into_iter().map(|book| book.publication.title).collect()
}

#[test]
fn the_fields_of_a_base_are_the_models_own_in_its_place() {
    let names = |meta: &'static crate::meta::ModelMeta| -> Vec<_> {
        meta.fields.iter().map(|field| field.column).collect()
    };
    let shared = ["id", "created_at", "changed_at", "saves", "title", "status", "author_id", "pages", "tags"];
    assert_eq!(names(Book::meta()), [&["isbn"][..], &shared, &["sold"]].concat());
    assert_eq!(names(Article::meta()), [&shared[..], &["city"]].concat());
    let title = Book::meta().field(5).unwrap();
    assert!(matches!(title.kind, FieldKind::Column(nuages_storage::DataType::Text { max_length: Some(10) })));
    assert_eq!((Book::meta().primary_key, Book::meta().table), (&[1][..], "nuages_book"));
    assert!(!Book::meta().field(7).unwrap().editable);
    assert_eq!(
        Book::REQUIRED.iter().filter(|field| field.1).map(|field| field.0).collect::<Vec<_>>(),
        ["isbn", "author", "pages"]
    );
}

#[test]
fn options_are_taken_over_where_the_model_says_nothing() {
    let keys = |meta: &'static crate::meta::ModelMeta| -> Vec<_> {
        meta.ordering.iter().map(|key| (key.path.join("."), key.descending)).collect()
    };
    assert_eq!(keys(Book::meta()), [("author.name".into(), false), ("title".into(), true)]);
    assert_eq!(keys(Article::meta()), [("pages".into(), false)]);
    assert_eq!(Book::meta().get_latest_by[0].path, ["changed_at"]);
    assert_eq!(Book::meta().indexes[0].fields, [(5, false), (6, true)]);
    assert_eq!(Article::meta().indexes.iter().map(|index| index.fields.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(Book::meta().unique_together, [[5, 7]]);
    let (db, django) = db();
    let again =
        Book::objects().create(new!(Book { isbn: "3", title: "Swing", pages: 1, author: &django }), &db);
    assert!(matches!(again, Err(Error::Integrity { .. })));
}

#[test]
fn rows_are_made_read_changed_and_deleted() {
    let (db, django) = db();
    let mut book = Book::objects().get(Book::title.eq("Nuages"), &db).unwrap();
    assert_eq!((book.isbn.as_str(), book.publication.tracked.saves), ("1", 1));
    assert_eq!(book.get_status_display(), "Draft");
    assert_eq!(book.publication.get_status_display(), "Draft");
    let before = book.publication.tracked.changed_at;
    book.publication.status = Status::Live;
    book.save(&db).unwrap();
    assert_eq!(book.get_status_display(), "Out now");
    assert!(book.publication.tracked.changed_at > before);
    book.save_set(Book::pages.set(Book::pages + 5), &db).unwrap();
    assert_eq!((book.publication.pages, book.publication.tracked.saves), (35, 2));
    assert_eq!(
        Book::objects().filter(Book::author.name.eq("Django")).update(Book::sold.set(9), &db).unwrap(),
        2
    );
    assert_eq!(
        titles(
            Author::objects()
                .get(Author::books.pages.eq(35), &db)
                .unwrap()
                .books
                .all(&db)
                .unwrap()
                .into_owned()
        ),
        ["Swing", "Nuages"]
    );
    let tag = Tag::objects().create(new!(Tag { word: "jazz" }), &db).unwrap();
    book.publication.tags_mut().add(&tag, &db).unwrap();
    assert_eq!(book.publication.tags().all(&db).unwrap()[0].word, "jazz");
    assert_eq!(Book::objects().filter(Book::tags.word.eq("jazz")).count(&db).unwrap(), 1);
    book.delete(&db).unwrap();
    assert!(book.pk().is_none());
    let mut django = django;
    assert_eq!(django.delete(&db).unwrap().total, 2);
}

#[test]
fn conditions_orders_and_words_name_them_without_the_base() {
    let (db, _) = db();
    let found = |q: Q<Book>| titles(Book::objects().filter(q).all(&db).unwrap());
    assert_eq!(titles(Book::objects().all(&db).unwrap()), ["Swing", "Nuages"]);
    assert_eq!(found(Book::pages.gt(20) & Book::created_at.year.gte(2000)), ["Nuages"]);
    assert_eq!(found(q!(Book, title__startswith = "S", author__name = "Django")), ["Swing"]);
    assert_eq!(found(Q::parse("author__name__icontains", "djan").unwrap()), ["Swing", "Nuages"]);
    assert_eq!(found(Q::parse("status", "live").unwrap()), [""; 0]);
    assert_eq!(titles(Book::objects().order_by(Book::pages).all(&db).unwrap()), ["Swing", "Nuages"]);
    let pages: Option<i64> = Author::objects().aggregate(Author::books.pages.sum(), &db).unwrap();
    assert_eq!(pages, Some(50));
}

#[test]
fn rows_with_fields_left_out_are_asked_by_the_same_names() {
    let (db, _) = db();
    let mut book = Book::objects().only((Book::title,)).get(Book::pages.eq(20), &db).unwrap();
    assert_eq!(book.loaded(Book::title).map(String::as_str), Some("Swing"));
    assert_eq!(book.loaded(Book::pages), None);
    assert_eq!(*book.get(Book::pages, &db).unwrap(), 20);
    book.set(Book::title, "Minor");
    book.save(&db).unwrap();
    assert_eq!(book.whole(&db).unwrap().publication.title, "Minor");
    let mut whole = Book::objects().get(Book::title.eq("Minor"), &db).unwrap();
    whole.publication.pages = 1;
    whole.publication.title = "lost".into();
    whole.save_fields((Book::pages,), &db).unwrap();
    whole.refresh(&db).unwrap();
    assert_eq!((whole.publication.title.as_str(), whole.publication.pages), ("Minor", 1));
}

#[test]
fn it_is_validated_by_the_bases_attributes_and_its_clean() {
    let (db, django) = db();
    let codes = |title: &str| {
        let book = new!(Book { isbn: "3", title, pages: 1, author: &django });
        match book.full_clean(&db) {
            Err(Error::Validation(errors)) => {
                errors.field("title").iter().map(|error| error.code.to_string()).collect::<Vec<_>>()
            }
            Ok(()) => Vec::new(),
            Err(other) => vec![other.to_string()],
        }
    };
    assert_eq!(codes("!"), ["loud"]);
    assert_eq!(codes("longer than ten"), ["max_length"]);
    assert_eq!(codes("fine"), [""; 0]);
    assert_eq!(new!(Book { isbn: "3", pages: 1, author: &django }).publication.title, "untitled");
}

#[test]
fn a_base_of_a_function_serves_the_models_of_the_function() {
    #[derive(Model, Clone, Debug)]
    struct Note {
        #[model(flatten)]
        numbered: Numbered,
        text: String,
    }

    #[derive(Model, Clone, Debug)]
    #[model(abstract)]
    struct Numbered {
        #[field(primary_key)]
        number: i64,
    }

    let db = App::new().models(Note::app()).open_memory().unwrap();
    Note::objects().create(new!(Note { number: 7, text: "x" }), &db).unwrap();
    let note = Note::objects().get(Note::pk.eq(7), &db).unwrap();
    assert_eq!((note.numbered.number, note.pk()), (7, Some(7)));
}
