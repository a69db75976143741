//! Which rows, in which order, how many, made of what: Django's answers, the second part.

use nuages::{error::Error, order::Order, prelude::*};
use nuages_tests::{
    chinook::*,
    data,
    lab::{Comment, Post},
    oracle,
    oracle::{Answer, message, raises},
};
use serde_json::{Value as Answered, json};

mod order {
    use super::*;

    oracle! { "order", data::chinook;
        meta_default_and_clear(db) {
            let cleared = Employee::objects().order_by(());
            json!({
                "meta": Employee::objects().values_list(Employee::last_name).all(db)?.answer(),
                "replaced": Employee::objects().order_by(Employee::pk.desc()).values_list(Employee::pk).all(db)?.answer(),
                "cleared": Vec::<String>::from_iter(cleared.sql(db)?.contains("ORDER BY").then(|| "ORDER BY".to_owned())),
                "ordered": cleared.is_ordered(),
            })
        }
        by_unknown_field(db) { message(db.objects("Genre")?.order_by(["colour"]).and_then(|rows| rows.all(db))) }
        random_has_all_rows(db) {
            let mut keys = Genre::objects().order_by(Order::random()).values_list(Genre::pk).all(db)?;
            let in_words = db.objects("Genre")?.order_by(["?"])?.values(["id"])?.all(db)?;
            keys.sort_unstable();
            keys == (1..=25).collect::<Vec<_>>() && in_words.len() == 25
        }
    }
}

mod order_lab {
    use super::*;

    oracle! { "order", data::lab;
        by_case(db) {
            let rank = when(Post::status.eq("review"), 0).when(Post::status.eq("published"), 1).otherwise(2);
            Post::objects().order_by((&rank, Post::pk)).values_list((Post::pk, Post::status)).all(db)?
        }
    }
}

mod slice {
    use super::*;

    oracle! { "slice", data::chinook;
        then_update_delete_get(db) {
            let five = || Genre::objects().slice(..5);
            json!([
                message(five().update(Genre::name.set("x"), db)),
                message(five().delete(db)),
                message(five().latest(Genre::pk, db)),
                raises(Genre::objects().order_by(Genre::pk).slice(..5).get(Genre::pk.eq(1), db)),
            ])
        }
    }
}

mod get {
    use super::*;

    /// What a view makes of rows that are not there.
    fn found_or_404<T: Answer>(result: Result<T>) -> Answered {
        match result {
            Err(error) if error.is_not_found() => json!({ "raises": "Http404" }),
            other => other.map_or_else(|error| json!(error.to_string()), |found| found.answer()),
        }
    }

    oracle! { "get", data::chinook;
        one(db) {
            let watch = db.capture();
            let name = Artist::objects().get(Artist::pk.eq(1), db)?.name;
            let queries = watch.len();
            // No more rows are read than tell that there are too many.
            let many = Artist::objects().get(Artist::pk.gt(0), db);
            let limited = matches!(many, Err(Error::MultipleObjectsReturned { count: 21, .. }));
            json!({ "name": name, "queries": queries, "limit 21": limited })
        }
        does_not_exist(db) {
            let none = || Artist::objects().get(Artist::pk.eq(0), db).map(drop);
            let no_album = Album::objects().get(Album::pk.eq(0), db).map(drop);
            json!([message(none()), none().is_err_and(|error| error.is_not_found()), none() == no_album])
        }
        object_or_404(db) {
            json!([
                found_or_404(Genre::objects().get(Genre::pk.eq(2), db).map(|row| row.name)),
                found_or_404(Genre::objects().get(Genre::pk.eq(0), db).map(|row| row.name)),
                found_or_404(Genre::objects().filter(Genre::pk.lt(3)).get(Genre::pk.eq(3), db).map(|row| row.name)),
                found_or_404(Genre::objects().filter(Genre::name.eq("Polka")).at_least_one(db).map(|rows| rows.len())),
            ])
        }
    }
}

mod values {
    use super::*;

    oracle! { "values", data::chinook;
        expressions(db) {
            let two = || Genre::objects().order_by(Genre::pk).slice(..2);
            let low = Genre::name.lower();
            json!({
                "values": two().values((Genre::pk.named("pk"), low.named("low"))).all(db)?.answer(),
                "values_list": two().values_list((Genre::pk, &low)).all(db)?.answer(),
                "transform": Invoice::objects().order_by(Invoice::pk).values(Invoice::invoice_date.year).slice(..1).all(db)?.answer(),
            })
        }
        named_clash_with_field(db) { message(Genre::objects().annotate(Genre::name.lower().named("name")).all(db)) }
        in_bulk_after_values(db) {
            let keyed = |found: &dyn Fn(&mut Answered)| {
                let mut object = json!({});
                found(&mut object);
                object
            };
            let maps = Genre::objects().values(Genre::name).in_bulk([1], db)?;
            let names = Genre::objects().values_list(Genre::name).in_bulk([1], db)?;
            json!([
                keyed(&|object| maps.iter().for_each(|(key, row)| object[key.to_string()] = row.answer())),
                keyed(&|object| names.iter().for_each(|(key, row)| object[key.to_string()] = row.answer())),
            ])
        }
    }
}

mod dates {
    use super::*;

    oracle! { "dates", data::lab;
        dates_refuses(db) {
            let hours = db.objects("lab.AllTypes")?.dates("day", "hour").map(drop);
            let kinds = match &hours {
                Err(Error::UnknownName(unknown)) => {
                    let (last, kinds) = unknown.choices.split_last().expect("there are kinds");
                    let kinds: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
                    json!({ "raises": "ValueError", "message": format!("'kind' must be one of {}, or '{last}'.", kinds.join(", ")) })
                }
                other => json!(format!("{other:?}")),
            };
            json!([
                kinds,
                Comment::objects().dates(Comment::created_at, DateUnit::Year).all(db)?.answer(),
                raises(db.objects("lab.Comment")?.dates("text", "year")),
            ])
        }
    }
}

mod set {
    use super::*;

    fn one_and_two() -> QuerySet<Genre> {
        Genre::objects().filter(Genre::pk.eq(1)).union(Genre::objects().filter(Genre::pk.eq(2)))
    }

    oracle! { "set", data::chinook;
        slice_and_count(db) {
            let both = Artist::objects().filter(Artist::pk.lte(3)).union(Artist::objects().filter(Artist::pk.is_in([7, 9])));
            let both = both.order_by(Artist::pk);
            json!([
                both.count(db)?,
                both.clone().values_list(Artist::pk).slice(1..4).all(db)?.answer(),
                both.exists(db)?,
                both.first(db)?.map(|row| row.id.answer()),
            ])
        }
        filter_after_union(db) {
            json!([
                message(one_and_two().filter(Genre::pk.eq(1)).all(db)),
                message(one_and_two().exclude(Genre::pk.eq(1)).all(db)),
                message(one_and_two().annotate(Genre::pk.count()).all(db)),
                message(one_and_two().distinct().all(db)),
                message(one_and_two().update(Genre::name.set("x"), db)),
                message(one_and_two().delete(db)),
            ])
        }
        get_and_contains_after_union(db) {
            let rock = Genre::objects().get(Genre::pk.eq(1), db)?;
            json!([raises(one_and_two().get(Genre::pk.eq(1), db)), raises(one_and_two().contains(&rock, db))])
        }
        with_empty(db) {
            let some = || Genre::objects().filter(Genre::pk.lte(2)).order_by(());
            let none = || Genre::objects().none();
            [
                some().union(none()).count(db)?,
                none().union(some()).count(db)?,
                some().intersection(none()).count(db)?,
                some().difference(none()).count(db)?,
                none().difference(some()).count(db)?,
            ]
        }
        operators_are_not_union(db) {
            let one = |key: i64| Artist::objects().filter(Artist::pk.eq(key));
            let selects = |rows: QuerySet<Artist>| Ok::<_, Error>(rows.sql(db)?.matches("SELECT").count());
            assert_eq!((one(1) | one(2)).count(db)?, one(1).union(one(2)).count(db)?);
            [selects(one(1) | one(2))?, selects(one(1).union(one(2)))?]
        }
    }

    #[test]
    fn operators_join_conditions() -> Result<()> {
        let db = data::chinook();
        let few = || Genre::objects().filter(Genre::pk.lte(3));
        let some = || Genre::objects().exclude(Genre::pk.lt(3)).filter(Genre::pk.lt(9));
        assert_eq!((few() & some()).count(&db)?, 1);
        assert_eq!((few() | some()).count(&db)?, 8);
        assert_eq!((few() ^ some()).count(&db)?, 7);
        assert_eq!((few() | Genre::objects().none()).count(&db)?, 3);
        assert_eq!((Genre::objects().none() | few()).count(&db)?, 3);
        assert_eq!((few() & Genre::objects().none()).count(&db)?, 0);
        assert_eq!((few() | Genre::objects()).count(&db)?, 25);
        let cut = few() | some().slice(..2);
        assert!(matches!(cut.count(&db), Err(Error::Misuse(_))));
        let distinct = few() & some().distinct();
        assert!(matches!(distinct.count(&db), Err(Error::Misuse(_))));
        Ok(())
    }
}
