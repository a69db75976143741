//! Ways back from keys that the model they point at declares no other side of.

use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Book::author)]
    books: Related<Book>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Book {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", default_related_name = "verdicts")]
struct Review {
    id: Auto<i64>,
    stars: i32,
    #[field(on_delete = Cascade)]
    book: ForeignKey<Book>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Shelf {
    id: Auto<i64>,
    name: String,
    books: ManyToMany<Book>,
}

/// Two keys to one model, which no one name tells apart.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Loan {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    from: ForeignKey<Shelf>,
    #[field(on_delete = Cascade)]
    to: ForeignKey<Shelf>,
}

fn db() -> Result<Db> {
    let db = App::new()
        .models((Author::app(), Book::app(), Review::app(), Shelf::app(), Loan::app()))
        .open_memory()?;
    let author = Author::objects().create(new!(Author { name: "Ann" }), &db)?;
    let mut shelf = Shelf::objects().create(new!(Shelf { name: "top" }), &db)?;
    for (title, stars) in [("A", vec![5, 1]), ("B", vec![3]), ("C", vec![])] {
        let book = Book::objects().create(new!(Book { title, author: &author }), &db)?;
        for stars in stars {
            Review::objects().create(new!(Review { stars, book: &book }), &db)?;
        }
        if title != "B" {
            shelf.books.add(&book, &db)?;
        }
    }
    Ok(db)
}

#[test]
fn words_lead_back_by_the_models_name_or_its_default_related_name() -> Result<()> {
    let db = db()?;
    let books = || db.objects("shop.Book");
    assert_eq!(books()?.filter(("verdicts__stars__gte", 3))?.count(&db)?, 2);
    assert_eq!(books()?.exclude(("verdicts__stars__gte", 3))?.count(&db)?, 1);
    assert_eq!(books()?.filter(("verdicts__isnull", true))?.count(&db)?, 1);
    assert_eq!(books()?.filter(("shelf__name", "top"))?.order_by(["-title"])?.count(&db)?, 2);
    assert_eq!(db.objects("shop.Author")?.filter(("books__verdicts__stars", 1))?.count(&db)?, 1);
    let rows =
        books()?.order_by(["title", "-verdicts__stars"])?.values(["title", "verdicts__stars"])?.all(&db)?;
    let stars: Vec<_> = rows.iter().map(|row| row["verdicts__stars"].clone()).collect();
    assert_eq!(stars, [5.into(), 1.into(), 3.into(), crate::field::Value::Null]);
    Ok(())
}

#[test]
fn rows_of_values_name_an_undeclared_way_so_too() -> Result<()> {
    let db = db()?;
    let stars = Review::book.reverse().stars;
    let row = Book::objects().order_by(Book::id).values((Book::title, stars.max())).first(&db)?;
    let names: Vec<String> = row.iter().flat_map(|row| row.keys().cloned()).collect();
    assert_eq!(names, ["title", "verdicts__stars__max"]);
    Ok(())
}

#[test]
fn a_name_of_two_ways_or_of_a_declared_one_leads_nowhere() -> Result<()> {
    let db = db()?;
    let unknown = |model: &str, words: &str| match db.objects(model)?.filter((words, 1)) {
        Err(Error::UnknownName(unknown)) => Ok::<_, Error>(unknown.choices.clone()),
        other => panic!("{words}: {other:?}"),
    };
    unknown("shop.Shelf", "loan__id")?;
    unknown("shop.Book", "review__stars")?;
    let choices = unknown("shop.Author", "book__title")?;
    assert_eq!(choices, ["id", "name", "books"]);
    let choices = unknown("shop.Book", "verdict__stars")?;
    assert_eq!(choices, ["id", "title", "author", "verdicts", "shelf"]);
    Ok(())
}
