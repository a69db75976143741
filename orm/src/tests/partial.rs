use crate::prelude::*;

#[derive(Model, Clone, Debug)]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Book::author)]
    books: Related<Book>,
}

/// Where the books of deleted authors go.
fn nobody(ex: &dyn Executor) -> Result<Author> {
    Author::objects()
        .get_or_create(Author::name.eq("nobody"), || new!(Author { name: "nobody" }), ex)
        .map(|found| found.0)
}

#[derive(Model, Clone, Debug)]
struct Book {
    id: Auto<i64>,
    title: String,
    text: String,
    #[field(on_delete = Set(nobody))]
    author: ForeignKey<Author>,
    #[field(auto_now)]
    updated: DateTime,
}

fn library() -> Db {
    let db = App::new().models((Author::app(), Book::app())).open_memory().unwrap();
    let ann = Author::objects().create(new!(Author { name: "Ann" }), &db).unwrap();
    Book::objects().create(new!(Book { title: "One", text: "long", author: &ann }), &db).unwrap();
    Book::objects().create(new!(Book { title: "Two", text: "longer", author: &ann }), &db).unwrap();
    db
}

#[test]
fn what_was_deferred_is_read_once_when_asked_for() {
    let db = library();
    let books = Book::objects().only((Book::title,)).order_by(Book::id).all(&db).unwrap();
    assert_eq!((books[1].pk(), books[1].loaded(Book::title).map(String::as_str)), (Some(2), Some("Two")));
    assert_eq!(books[1].deferred(), ["text", "author", "updated"]);
    let capture = db.capture();
    assert_eq!(books[1].get(Book::text, &db).unwrap(), "longer");
    assert_eq!(books[1].get(Book::text, &db).unwrap(), "longer");
    assert_eq!(books[1].get(Book::author, &db).unwrap().key(), Some(&1));
    assert_eq!(capture.statements().len(), 2);
    let whole = books[1].clone().whole(&db).unwrap();
    assert_eq!((whole.title.as_str(), whole.text.as_str()), ("Two", "longer"));
}

#[test]
fn a_partial_row_saves_what_it_has() {
    let db = library();
    let mut book = Book::objects().defer((Book::text, Book::updated)).get(Book::id.eq(1), &db).unwrap();
    book.set(Book::title, "Uno");
    Book::objects().filter(Book::id.eq(1)).update(Book::text.set("other"), &db).unwrap();
    book.save(&db).unwrap();
    let book = Book::objects().get(Book::id.eq(1), &db).unwrap();
    assert_eq!((book.title.as_str(), book.text.as_str()), ("Uno", "other"));
}

#[test]
fn keys_of_deleted_rows_get_what_the_function_says() {
    let db = library();
    Author::objects().filter(Author::name.eq("Ann")).delete(&db).unwrap();
    let names = Book::objects().values_list(Book::author.name).all(&db).unwrap();
    assert_eq!(names, ["nobody", "nobody"]);
}

#[test]
fn undeclared_and_narrowed_relations_are_paths() {
    let db = library();
    let written = Author::objects().filter(Book::author.reverse().title.eq("Two"));
    assert_eq!(written.count(&db).unwrap(), 1);
    let same = Book::objects().filter(Book::author.then(Book::author.reverse()).title.eq("Two"));
    assert_eq!(same.count(&db).unwrap(), 2);
    let short = Author::books.filtered(Book::text.eq("long"));
    let rows = Author::objects().values_list((Author::name, short.at(Book::title))).all(&db).unwrap();
    assert_eq!(rows, [("Ann".to_owned(), Some("One".to_owned()))]);
}

#[test]
fn prefetched_rows_go_to_the_extras_each_under_its_own_condition() {
    let db = library();
    Author::objects().create(new!(Author { name: "Bob" }), &db).unwrap();
    let long = Book::objects().filter(Book::text.eq("longer"));
    let first = Book::objects().order_by(Book::title).slice(..1);
    let authors = Author::objects()
        .prefetch_to(Author::books, long)
        .prefetch_to(Author::books, first)
        .order_by(Author::id);
    let capture = db.capture();
    let authors = authors.all(&db).unwrap();
    assert_eq!(capture.statements().len(), 3);
    let (long, first) = &authors[0].extra;
    assert_eq!(
        (long.len(), long[0].title.as_str(), first.len(), first[0].title.as_str()),
        (1, "Two", 1, "One")
    );
    assert!(authors[0].books.loaded().is_none());
    assert!(authors[1].extra.0.is_empty() && authors[1].extra.1.is_empty());
}
