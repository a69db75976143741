//! What can be asked of a column, a path and a condition: Django's answers.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::*,
    data,
    lab::{self, AllTypes, Post, Product, Tag},
    oracle,
    oracle::{Answer, message},
};
use serde_json::json;

fn instant(text: &str) -> DateTime {
    text.parse().expect("an instant")
}

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

mod lookup {
    use super::*;

    oracle! { "lookup", data::lab;
        contains_case(db) { Tag::objects().filter(Tag::name.contains("python")).values_list(Tag::name).all(db)? }
        istartswith(db) {
            Post::objects().filter(Post::title.istarts_with("django")).order_by(Post::pk).values_list(Post::title).all(db)?
        }
        range_dates_end_at_midnight(db) {
            let (from, to) = (instant("2023-03-01T00:00:00Z"), instant("2023-03-31T00:00:00Z"));
            let days = Post::created_at.date.range(day("2023-03-01"), day("2023-03-31"));
            [
                Post::objects().filter(Post::created_at.range(from, to)).count(db)?,
                Post::objects().filter(days).count(db)?,
            ]
        }
        expression_objects(db) {
            let low = Product::stock.lt(Product::reorder_level).expr();
            Product::objects().filter(Product::price.gt(Product::cost * 2)).annotate(&low).order_by(Product::pk)
                .values_list((Product::name, &low)).all(db)?
        }
    }
}

mod lookup_chinook {
    use super::*;

    oracle! { "lookup", data::chinook;
        decimal_against_float_and_string(db) {
            [
                Invoice::objects().filter(Invoice::total.eq(13.86)).count(db)?,
                Invoice::objects().filter(Q::parse("total", "13.86")?).count(db)?,
            ]
        }
        in_empty_runs_no_query(db) {
            let watch = db.capture();
            let none = || Artist::objects().filter(Artist::pk.is_in(Vec::<i64>::new()));
            let rows: Vec<String> = none().all(db)?.iter().map(|row| row.id.to_string()).collect();
            let (count, exists) = (none().count(db)?, none().exists(db)?);
            json!({ "rows": rows, "count": count, "exists": exists, "queries": watch.len() })
        }
        in_subquery_two_columns(db) {
            let two = Track::objects().values_list((Track::pk, Track::name));
            message(db.objects("Track")?.filter(Words::in_query("pk", &two)).and_then(|rows| rows.count(db)))
        }
        isnull_needs_boolean(db) {
            message(db.objects("Employee")?.filter(("reports_to__isnull", 0)).and_then(|rows| rows.count(db)))
        }
        fk_of_fk_trimmed_join(db) {
            let tracks = Track::objects().filter(Track::album.artist.id.eq(1));
            json!({ "count": tracks.count(db)?, "joins": tracks.sql(db)?.matches("JOIN").count() })
        }
        fk_cannot_contain(db) { message(db.objects("Album")?.filter(("artist__icontains", "x")).and_then(|rows| rows.count(db))) }
        unknown_field(db) { message(db.objects("Genre")?.filter(("colour", "x")).and_then(|rows| rows.count(db))) }
        unknown_lookup(db) { message(db.objects("Genre")?.filter(("name__almost", "x")).and_then(|rows| rows.count(db))) }
    }
}

mod date {
    use super::*;

    oracle! { "date", data::lab;
        year_comparisons(db) {
            let year = Post::created_at.year;
            let count = |condition: Q<Post>| Post::objects().filter(condition).count(db);
            [count(year.gt(2023))?, count(year.gte(2023))?, count(year.lt(2024))?, count(year.lte(2024))?, count(year.is_in([2023, 2025]))?]
        }
        week_is_iso(db) {
            for text in ["2023-01-01", "2024-12-30"] {
                AllTypes::objects().create(new!(AllTypes { day: day(text) }), db)?;
            }
            let day = AllTypes::day;
            AllTypes::objects().order_by(day).values_list((day.week, day.iso_year, day.year)).all(db)?
        }
        hour_minute_second(db) {
            let at = Post::created_at;
            let keys = |condition: Q<Post>| Post::objects().filter(condition).order_by(Post::pk).values_list(Post::pk).all(db);
            json!({
                "hour 23": keys(at.hour.eq(23))?.answer(),
                "minute >= 30": keys(at.minute.gte(30))?.answer(),
                "second 6": keys(at.second.eq(6))?.answer(),
            })
        }
        chained_transforms(db) { Post::objects().filter(Post::created_at.date.month.eq(3)).count(db)? }
        timezone_shifts_date(db) {
            let (december, january) = (day("2023-12-31"), day("2024-01-01"));
            let at = Post::created_at;
            let rows = |condition: Q<Post>| Post::objects().filter(condition).order_by(Post::pk).values_list(Post::pk);
            let tokyo = db.in_time_zone("Asia/Tokyo")?;
            let seen_there = json!([
                rows(at.date.eq(december)).count(&tokyo)?,
                rows(at.date.eq(january)).all(&tokyo)?.answer(),
                rows(at.year.eq(2024)).count(&tokyo)?,
                rows(at.hour.eq(9)).all(&tokyo)?.answer(),
            ]);
            json!({
                "utc": rows(at.date.eq(december)).count(db)?,
                "tokyo": seen_there,
                "utc year 2024": rows(at.year.eq(2024)).count(db)?,
            })
        }
    }
}

mod q {
    use super::*;

    oracle! { "q", data::lab;
        keyword_arguments_are_anded(db) {
            let count = |condition: Q<Post>| Post::objects().filter(condition).count(db);
            [
                count(q!(Post, is_active = true, is_featured = true))?,
                count(q!(Post, is_active = true) & q!(Post, is_featured = true))?,
                count(!q!(Post, is_active = true, is_featured = true))?,
            ]
        }
        in_expression(db) {
            let hot = Post::view_count.gte(1000).expr();
            Post::objects().annotate(&hot).order_by(Post::pk).values_list((Post::pk, &hot)).all(db)?
        }
    }
}

mod q_chinook {
    use super::*;

    oracle! { "q", data::chinook;
        empty(db) {
            let (empty, jazz) = (Q::<Genre>::all, || Genre::name.eq("Jazz"));
            let count = |rows: QuerySet<Genre>| rows.count(db);
            json!([
                count(Genre::objects().filter(empty()))?,
                count(Genre::objects().filter(!empty()))?,
                count(Genre::objects().exclude(empty()))?,
                count(Genre::objects().filter(empty() | jazz()))?,
                count(Genre::objects().filter(empty() & jazz()))?,
                !empty().is_empty(),
            ])
        }
        equality(_db) {
            let named = || Artist::name.eq("x");
            [
                q!(Artist, id = 1, name = "x") == q!(Artist, name = "x", id = 1),
                Artist::id.eq(1) & named() == q!(Artist, id = 1, name = "x"),
                named() == named(),
                Artist::id.eq(1) == Artist::id.eq(2),
            ]
        }
        or_promotes_join(db) {
            let found = Artist::albums.title.eq("Balls to the Wall") | Artist::name.eq("Milton Nascimento & Bebeto");
            let found = Artist::objects().filter(found);
            json!({ "count": found.count(db)?, "left": found.sql(db)?.contains("LEFT") })
        }
    }

    #[test]
    fn equal_conditions_have_equal_hashes() {
        let distinct: std::collections::HashSet<Q<Artist>> =
            [q!(Artist, id = 1, name = "x"), q!(Artist, name = "x", id = 1), q!(Artist, id = 2)].into();
        assert_eq!(distinct.len(), 2);
    }

    #[test]
    fn exclusive_or_takes_null_for_not_true() -> Result<()> {
        let db = data::chinook();
        let count = |condition: Q<Track>| Track::objects().filter(condition).count(&db);
        let (short, written) = (|| Track::milliseconds.lt(200_000), || Track::composer.contains("Young"));
        let either = count(short() | written())?;
        let both = count(short() & written())?;
        assert_eq!(count(short() ^ written())?, either - both);
        assert_eq!(count(Q::all() ^ written())?, count(written())?);
        Ok(())
    }
}

#[test]
fn names_that_are_none_are_told_with_the_near_ones() -> Result<()> {
    let db = data::lab();
    let posts = || db.objects("lab.Post");
    let said = |words: &str| match posts()?.filter((words, "x")) {
        Err(Error::UnknownName(unknown)) => Ok::<_, Error>((unknown.within.clone(), unknown.nearest.clone())),
        other => panic!("{words}: {other:?}"),
    };
    let near = |within: &str, name: &str| (within.to_owned(), Some(name.to_owned()));
    assert_eq!(said("titel")?, near("lab.Post", "title"));
    assert_eq!(said("author__usernam")?, near("lab.User", "username"));
    assert_eq!(said("title__startwith")?, near("lab.Post.title", "startswith"));
    assert_eq!(said("created_at__yaer")?, near("lab.Post.created_at", "year"));
    assert!(lab::app().meta_named("lab.Pst").is_err_and(|error| error.to_string().contains("lab.Post")));
    Ok(())
}
