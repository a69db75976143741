//! When a queryset asks, and of whom: Django's answers.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::{self, *},
    data,
    lab::Post,
    oracle,
    oracle::{Answer, message},
};
use serde_json::json;

/// Whatever becomes of a post.
trait PostQuery: Queryset<Model = Post> {
    fn active(self) -> Self {
        self.filter(Post::is_active)
    }

    fn popular(self) -> Self {
        self.filter(Post::view_count.gte(1000))
    }
}

impl<Q: Queryset<Model = Post>> PostQuery for Q {}

oracle! { "lazy", data::lab;
    custom_queryset_chain(db) { Post::objects().active().popular().order_by(Post::pk).values_list(Post::pk).all(db)? }
}

mod on_chinook {
    use super::*;

    oracle! { "lazy", data::chinook;
        iterator_does_not_cache(db) {
            let rows = Genre::objects().on(db);
            let watch = db.capture();
            let mut count = 0;
            let mut visit = |rows: usize| count += rows;
            rows.queryset().each(db, |_| { visit(1); Ok(()) })?;
            rows.queryset().each_chunk(10, db, |chunk| { visit(chunk.len()); Ok(()) })?;
            visit(rows.iter()?.count());
            // Django counts the queries and throws the rows away; here a wrong number of rows shows.
            if count == 3 * rows.len()? { watch.len() } else { count }
        }
        filter_does_not_change_the_original(db) {
            let rows = Genre::objects();
            let _ = rows.clone().filter(Genre::pk.eq(1));
            rows.count(db)?
        }
        none(db) {
            let watch = db.capture();
            let none = || Genre::objects().none();
            let deleted = none().delete(db)?;
            let out = json!([
                none().all(db)?.iter().map(|row| row.name.answer()).collect::<Vec<_>>(),
                none().count(db)?,
                none().exists(db)?,
                none().filter(Genre::pk.eq(1)).all(db)?.iter().map(|row| row.name.answer()).collect::<Vec<_>>(),
                none().update(Genre::name.set("x"), db)?,
                [deleted.total.answer(), deleted.by_model.answer()],
                none().aggregate_values((Genre::pk.count().named("pk__count"), Genre::id.sum().named("pk__sum")), db)?.answer(),
            ]);
            json!({ "out": out, "queries": watch.len(), "EmptyQuerySet": none().is_never() })
        }
        raw(db) {
            let watch = db.capture();
            let genres = Genre::objects().raw("SELECT id, name, 5 AS five FROM genre WHERE id <= $1 ORDER BY id", [2]);
            let mut rows = Vec::new();
            for genre in genres.all(db)? {
                let name = genre.loaded(Genre::name).cloned().answer();
                rows.push(json!([genre.pk().answer(), name, genre.annotation("five")?.answer()]));
            }
            let queries = watch.len();
            let late = db.capture();
            let artists = Artist::objects().raw("SELECT id FROM artist WHERE id = 1", ()).all(db)?;
            let name = artists[0].get(Artist::name, db)?.answer();
            let with_deferred = late.len();
            let renamed = Genre::objects().raw("SELECT id, name AS n FROM genre WHERE id = 1", ()).translations([("n", "name")]);
            let renamed: Vec<_> = renamed.all(db)?.iter().map(|row| row.loaded(Genre::name).cloned().answer()).collect();
            json!({
                "rows": rows,
                "queries": queries,
                "deferred field loaded later": name,
                "queries with deferred": with_deferred,
                "without pk": message(Artist::objects().raw("SELECT name FROM artist", ()).all(db)),
                "renamed": renamed,
            })
        }
    }

    oracle! { "lookup", data::chinook;
        registered_transform(db) {
            let app = chinook::app().transform("length", |text: Expr<Dynamic, String>| text.length());
            let long = app.condition::<Genre>(("name__length__gte", 17))?;
            let rows = Genre::objects().filter(long).order_by(Genre::pk);
            rows.values_list((Genre::name, Genre::name.length())).all(db)?
        }
    }
}

#[test]
fn an_explanation_is_a_text_of_the_engine_and_runs_nothing() -> Result<()> {
    let db = data::chinook();
    let watch = db.capture();
    let text = Genre::objects().filter(Genre::name.eq("Jazz")).explain(&db)?.to_string();
    assert!(text.contains("genre"), "{text}");
    assert_eq!(watch.len(), 0);
    Ok(())
}

mod managers {
    use super::*;

    /// A row that is hidden rather than deleted.
    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "lab", objects = Self::live)]
    pub(super) struct Soft {
        pub id: Auto<i64>,
        #[field(max_length = 20)]
        pub name: String,
        #[field(default = false)]
        pub deleted: bool,
        #[field(on_delete = Cascade)]
        pub parent: Option<ForeignKey<Soft>>,
        #[related(Soft::parent)]
        pub children: Related<Soft>,
    }

    impl Soft {
        fn live() -> QuerySet<Soft> {
            Soft::all_objects().filter(Soft::deleted.eq(false))
        }
    }

    fn soft() -> Db {
        data::loaded(App::new().models(Soft::app()), &data::file("lab"))
    }

    oracle! { "lazy", soft;
        default_and_base_manager(db) {
            let named = |name: &str| Soft::all_objects().get(Soft::name.eq(name), db);
            let (leaf, live) = (named("leaf")?, named("live")?);
            let parent = |row: &Soft| Ok::<_, Error>(row.parent.get(db)?.map(|parent| parent.name.clone()));
            let children: Vec<String> = live.children.all(db)?.iter().map(|child| child.name.clone()).collect();
            json!({
                "objects": Soft::objects().order_by(Soft::pk).values_list(Soft::name).all(db)?,
                "forward": parent(&leaf)?,
                "forward to deleted": parent(&live)?,
                "reverse": children,
                "filter path": Soft::all_objects().filter(Soft::children.name.eq("dead")).values_list(Soft::name).all(db)?,
            })
        }
    }
}

mod by_hand {
    use super::*;
    use nuages::error::Misuse;

    #[test]
    fn a_raw_query_takes_parameters_and_tells_where_it_is_wrong() -> Result<()> {
        let db = data::chinook();
        let named = Genre::objects().raw("SELECT * FROM genre WHERE name = :name", ["Jazz' OR '1'='1"]);
        assert!(named.first(&db)?.is_none());
        let misspelt = Genre::objects().raw("SELECT id, nmae FROM genre", ()).all(&db).err();
        let text = misspelt.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(matches!(misspelt, Some(Error::Sql(_))) && text.contains("\"name\""), "{text}");
        let two = Genre::objects().raw("SELECT 1; SELECT 2", ()).all(&db);
        assert!(matches!(two, Err(Error::Sql(_))));
        let schema = Genre::objects().raw("DROP TABLE genre", ()).all(&db);
        assert!(matches!(schema, Err(Error::Sql(_))));
        let nowhere =
            Genre::objects().raw("SELECT id, name AS n FROM genre", ()).translations([("n", "nmae")]);
        assert!(matches!(nowhere.all(&db), Err(Error::UnknownName(_))));
        let keyless = Genre::objects().raw("SELECT name FROM genre", ()).all(&db);
        assert!(matches!(keyless, Err(Error::Misuse(Misuse::RawWithoutKey { model: "Genre" }))));
        Ok(())
    }

    #[test]
    fn a_raw_row_is_saved_as_far_as_it_was_read() -> Result<()> {
        let db = data::chinook();
        let mut jazz =
            Genre::objects().raw("SELECT id, name FROM genre WHERE id = $1", [2]).all(&db)?.remove(0);
        jazz.set(Genre::name, "Swing");
        jazz.save(&db)?;
        assert_eq!(Genre::objects().get(Genre::pk.eq(2), &db)?.name.as_deref(), Some("Swing"));
        assert!(jazz.annotation("five").is_err_and(|error| error.to_string().contains("raw query")));
        Ok(())
    }

    #[test]
    fn a_cursor_runs_in_its_transaction() -> Result<()> {
        let db = data::chinook();
        let undone: Result<()> = db.atomic(|tx| {
            let mut cursor = tx.cursor();
            cursor.execute("DELETE FROM invoice_line WHERE quantity > $1", (0,))?;
            assert!(cursor.row_count() > 0);
            Err(Error::custom("no"))
        });
        assert!(undone.is_err());
        let mut cursor = db.cursor();
        cursor.execute("SELECT id, name FROM genre WHERE id < $1 ORDER BY id", (4,))?;
        assert_eq!(cursor.columns(), ["id", "name"]);
        assert_eq!(cursor.fetch_one().map(|row| row[1].answer()), Some(json!("Rock")));
        assert_eq!(
            cursor.fetch_maps().answer(),
            json!([{ "id": 2, "name": "Jazz" }, { "id": 3, "name": "Metal" }])
        );
        assert!(cursor.fetch_all().is_empty() && cursor.fetch_many(2).is_empty());
        cursor.execute_many("UPDATE genre SET name = $2 WHERE id = $1", [(1, "Roll"), (2, "Swing")])?;
        assert_eq!(cursor.row_count(), 2);
        let failed =
            cursor.execute_many("INSERT INTO genre (id, name) VALUES ($1, $2)", [(100, "x"), (1, "y")]);
        assert!(matches!(failed, Err(Error::Integrity { .. })), "{failed:?}");
        let named = Genre::objects().get(Genre::pk.eq(1), &db)?.name;
        assert_eq!((named.as_deref(), Genre::objects().count(&db)?), (Some("Roll"), 25));
        Ok(())
    }

    #[test]
    fn chunks_have_at_least_one_row() {
        let db = data::chinook();
        let none = Genre::objects().each_chunk(0, &db, |_| Ok(()));
        assert!(matches!(none, Err(Error::Misuse(_))));
    }
}
