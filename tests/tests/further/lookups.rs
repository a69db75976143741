//! What can be asked of a column and across relations.

use nuages::prelude::*;
use nuages_tests::{chinook, chinook::*, data, lab, oracle, oracle::Answer};
use serde_json::json;

mod on_chinook {
    use super::*;

    fn tracks(condition: Q<Track>, db: &Db) -> Result<u64> {
        Track::objects().filter(condition).count(db)
    }

    oracle! { "lookup", data::chinook;
        in_list_with_none(db) {
            let composers = [Some("AC/DC".to_owned()), None];
            [
                tracks(Track::composer.is_in(composers.clone()), db)?,
                Track::objects().exclude(Track::composer.is_in(composers)).count(db)?,
                Employee::objects().filter(Employee::reports_to_id.is_in([None, Some(1)])).count(db)?,
            ]
        }
        negative_and_huge(db) {
            [
                tracks(Track::bytes.gt(-1), db)?,
                tracks(Track::milliseconds.lt(-5), db)?,
                tracks(Track::pk.is_in([-1, 0, 1_i64 << 62]), db)?,
                tracks(Track::milliseconds.gt(1_i64 << 40), db)?,
                Track::objects().exclude(Track::milliseconds.lt(1_i64 << 40)).count(db)?,
            ]
        }
        integer_overflow(db) {
            [tracks(Track::pk.eq(u64::MAX), db)?, tracks(Track::milliseconds.gte(1_i64 << 31), db)?, tracks(Track::milliseconds.lt(1_i64 << 31), db)?]
        }
        regex_special(db) {
            json!([
                tracks(Track::name.regex(r"^\d+$"), db)?,
                tracks(Track::name.iregex(r"^(the|a) .*love"), db)?,
                tracks(Track::name.regex(r"[^\x00-\x7F]"), db)?,
                Genre::objects().filter(Genre::name.iregex("ROCK$")).order_by(Genre::pk).values_list(Genre::name).all(db)?,
            ])
        }
        underscore_and_backslash(db) {
            for name in ["a_b", "aXb", "a\\b", "a*b"] {
                Genre::objects().create(new!(Genre { name: name.to_owned() }), db)?;
            }
            let names = |condition: Q<Genre>| Genre::objects().filter(condition).values_list(Genre::name).all(db);
            [
                names(Genre::name.contains("_"))?,
                names(Genre::name.starts_with("a_"))?,
                names(Genre::name.icontains("\\"))?,
                names(Genre::name.ends_with("*b"))?,
            ]
        }
        contains_f(db) {
            Track::objects().filter(Track::album.title.contains(Track::name)).order_by(Track::pk).values_list(Track::pk).slice(..5).all(db)?
        }
        startswith_f_escapes(db) {
            let genre = Genre::objects().create(new!(Genre { name: "50%".to_owned() }), db)?;
            Track::objects().filter(Track::pk.lte(3)).update(Track::genre.set(&genre), db)?;
            Track::objects().filter(Track::pk.eq(1)).update(Track::name.set("50% off"), db)?;
            Track::objects().filter(Track::pk.eq(2)).update(Track::name.set("500 miles"), db)?;
            Track::objects().filter(Track::name.starts_with(Track::genre.name)).order_by(Track::pk).values_list(Track::pk).all(db)?
        }
        not_filter_isnull_relation(db) {
            let artists = Artist::objects;
            [
                artists().filter(Artist::albums.is_null(true)).count(db)?,
                artists().filter(Artist::albums.eq(None)).count(db)?,
                artists().exclude(Artist::albums.eq(None)).count(db)?,
                artists().exclude(Artist::albums.is_null(true)).distinct().count(db)?,
                artists().filter(Artist::albums.is_null(false)).count(db)?,
            ]
        }
    }
}

mod on_lab {
    use super::*;
    use lab::{Comment, Post, Product, User};

    oracle! { "lookup", data::lab;
        range_f_and_none(db) {
            let products = |condition: Q<Product>| Product::objects().filter(condition).order_by(Product::pk).values_list(Product::pk).all(db);
            json!([products(Product::stock.range(0, Product::reorder_level))?, products(Product::stock.range(10, 5))?.len()])
        }
        in_f_values(db) {
            let fives = Product::reorder_level.is_in([value(Product::stock), value(5)]);
            Product::objects().filter(fives).order_by(Product::pk).values_list(Product::pk).all(db)?
        }
        exclude_null_comparison(db) {
            let products = Product::objects;
            [
                products().exclude(Product::sale_price.lt(50)).count(db)?,
                products().filter(!Product::sale_price.lt(50)).count(db)?,
                products().exclude(Product::sale_price.eq(None)).count(db)?,
                Comment::objects().exclude(Comment::flagged.eq(true)).count(db)?,
                Comment::objects().exclude(Comment::flagged.eq(false)).count(db)?,
                Comment::objects().exclude(Comment::author.username.eq("alice")).count(db)?,
            ]
        }
        exclude_f(db) {
            let without = |condition: Q<Product>| Product::objects().exclude(condition).order_by(Product::pk).values_list(Product::pk).all(db);
            [without(Product::sale_price.lt(Product::price))?, without(Product::price.gt(Product::sale_price))?]
        }
    }

    oracle! { "multi", data::lab;
        exclude_two_paths(db) {
            let without = |condition: Q<User>| User::objects().exclude(condition).order_by(User::pk).values_list(User::username).all(db);
            let (active, seen) = (|| User::posts.is_active.eq(true), || User::posts.view_count.gt(100));
            [without(active())?, without(active() & seen())?, without(active() | seen())?]
        }
        exclude_f_across(db) {
            let keys = |rows: QuerySet<Post>| rows.order_by(Post::pk).values_list(Post::pk).all(db);
            let own = || Post::comments.author.eq(Post::author);
            json!([
                User::objects().exclude(User::posts.title.eq(User::username)).count(db)?,
                keys(Post::objects().exclude(own()))?,
                keys(Post::objects().filter(own()))?,
            ])
        }
        double_negation(db) {
            let keys = |rows: QuerySet<Post>| rows.order_by(Post::pk).values_list(Post::pk).all(db);
            let python = || Post::tags.name.eq("Python");
            [keys(Post::objects().exclude(!python()))?, keys(Post::objects().filter(!!python()))?]
        }
        filter_q_not_inside_and(db) {
            let (python, django) = (|| Post::tags.name.eq("Python"), || Post::tags.name.eq("Django"));
            let keys = |condition: Q<Post>| Post::objects().filter(condition).order_by(Post::pk).values_list(Post::pk);
            [keys(python() & !django()).all(db)?, keys(Post::is_active | !python()).distinct().all(db)?]
        }
        annotate_then_exclude_multi(db) {
            let n = User::posts.count();
            User::objects().annotate(&n).exclude(User::posts.title.eq("Old news")).order_by(User::pk).values_list((User::username, &n)).all(db)?
        }
        filter_annotate_filter_multi(db) {
            let n = User::posts.count();
            let active = || User::posts.is_active.eq(true);
            [
                User::objects().filter(active()).annotate(&n).order_by(User::pk).values_list((User::username, &n)).all(db)?,
                User::objects().annotate(&n).filter(active()).order_by(User::pk).values_list((User::username, &n)).all(db)?,
            ]
        }
        distinct_count(db) {
            let tagged = || User::objects().filter(User::posts.tags.is_null(false));
            let tags = || User::posts.tags.count();
            json!([
                tagged().count(db)?,
                tagged().distinct().count(db)?,
                User::objects().aggregate_values((tags().named("a"), tags().distinct().named("b")), db)?.answer(),
            ])
        }
        order_by_multi_duplicates(db) { User::objects().order_by((User::posts.title.asc().nulls_first(), User::pk)).values_list(User::username).all(db)? }
        distinct_and_order_by_related(db) {
            User::objects().order_by((User::posts.is_active.asc().nulls_first(), User::pk)).distinct().values_list(User::username).all(db)?
        }
        filtered_relation_annotate(db) {
            let active = User::posts.filtered(Post::is_active.eq(true));
            let (n, top) = (active.at(Post::pk).count(), active.at(Post::view_count).max());
            User::objects().annotate(&n).annotate(&top).order_by(User::pk).values_list((User::username, &n, &top)).all(db)?
        }
        filtered_relation_isnull(db) {
            let hot = User::posts.filtered(Post::view_count.gt(1000));
            User::objects().filter(hot.at(Post::pk).is_null(true)).order_by(User::pk).values_list(User::username).all(db)?
        }
        filtered_relation_values(db) {
            let hot = User::posts.filtered(Post::view_count.gt(100));
            User::objects().order_by((User::pk, hot.at(Post::pk))).values_list((User::username, hot.at(Post::title))).all(db)?
        }
        filtered_relation_exclude(db) {
            let hot = User::posts.filtered(Post::view_count.gt(100));
            User::objects().exclude(hot.at(Post::title).starts_with("H")).order_by(User::pk).values_list(User::username).distinct().all(db)?
        }
    }
}

mod of_the_program {
    use super::*;

    oracle! { "lookup", data::chinook;
        custom_transform_chained(db) {
            let app = chinook::app().transform("size", |text: Expr<Dynamic, String>| text.length());
            let db = &app.bind(db.engine().clone())?;
            let genres = |words: Words| Ok::<_, Error>(Genre::objects().filter(db.condition(words)?));
            let of = |words: &str, value: i64| Words::new(words, value);
            let misspelt = genres(of("name__sise", 4)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(misspelt.contains("did you mean \"size\"?"), "{misspelt}");
            let words = "Unsupported lookup 'sise' for CharField or join on the field not permitted, perhaps you meant size?";
            json!([
                genres(of("name__size", 4))?.order_by(Genre::pk).values_list(Genre::name).all(db)?,
                genres(of("name__size__gte", 15))?.count(db)?,
                Genre::objects().exclude(db.condition(of("name__size__lt", 15))?).count(db)?,
                genres(of("name__size", 3) | Words::is_in("name__size", [5, 6]))?.count(db)?,
                Track::objects().filter(db.condition(Words::new("album__title__size__range", "1,3"))?).count(db)?,
                Album::objects().filter(db.condition(of("tracks__name__size", 1))?).distinct().count(db)?,
                genres(Words::new("name__size__contains", "x"))?.count(db)?,
                { "raises": "FieldError", "message": words },
            ])
        }
        custom_ne(db) {
            // SQL's `<>`, which nothing meets that is NULL; `ne` is Django's `exclude` and keeps those rows.
            let other = |left: Expr<Dynamic, String>, right: Expr<Dynamic, String>| left.lt(right.clone()) | left.gt(right);
            let app = chinook::app().lookup("ne", other);
            let db = &app.bind(db.engine().clone())?;
            let tracks = |words: &str, value: &str| Ok::<_, Error>(Track::objects().filter(db.condition(Words::new(words, value))?));
            json!([
                Genre::objects().filter(db.condition(("name__ne", "Rock"))?).count(db)?,
                tracks("composer__ne", "AC/DC")?.count(db)?,
                Track::objects().exclude(db.condition(("composer__ne", "AC/DC"))?).count(db)?,
                tracks("genre__name__ne", "Rock")?.filter(Track::genre.name.starts_with("R")).count(db)?,
                // What is compared with another column is not said in words.
                Track::objects().filter(Track::name.lt(Track::composer) | Track::name.gt(Track::composer)).count(db)?,
                Track::objects().filter(!Track::name.ne(Track::album.title)).count(db)?,
            ])
        }
    }
}

mod combined {
    use super::*;

    oracle! { "lookup", data::chinook;
        regex_and_case(db) {
            let c = |condition: Q<Track>| Track::objects().filter(condition).count(db);
            let (name, composer) = (Track::name, Track::composer);
            [
                c(name.iregex(r"^the\b"))?, c(name.regex(r"^The\b"))?, c(name.iregex("(love|hate)$"))?, c(composer.iregex("^$"))?,
                c(name.regex("[0-9]{3,}"))?, c(name.iregex(r"\("))?, Track::objects().exclude(composer.iregex("a")).count(db)?,
                c(name.iexact("BALLS TO THE WALL"))?, c(composer.is_null(true))?, c(name.iends_with("LOVE"))?,
            ]
        }
    }

    oracle! { "lookup", data::lab;
        composite_keys(db) {
            use lab::EnrolmentKey as Key;
            for (tenant, number) in [(91, 1), (91, 2), (92, 1)] {
                Key::objects().create(new!(Key { tenant, number, name: format!("{tenant}-{number}") }), db)?;
            }
            let pk = || tuple((Key::tenant, Key::number));
            let known = Key::objects().get(pk().eq((92, 1)), db)?.pk();
            let updated = Key::objects().filter(pk().eq((91, 2))).update(Key::name.set("new"), db)?;
            let deleted = Key::objects().filter(pk().is_in([(91, 1)])).delete(db)?;
            let rows = || Key::objects().filter(Key::tenant.gt(90)).order_by(pk().asc());
            let n = |rows: QuerySet<Key>| rows.values_list(Key::name).all(db);
            json!([
                n(rows())?, n(rows().reverse())?,
                n(rows().filter(pk().is_in([(91, 2), (92, 1), (1, 1)])))?, n(rows().filter(pk().gt((91, 1))))?,
                n(rows().filter(pk().lte((91, 2))))?, n(rows().exclude(pk().eq((91, 1))))?,
                known, updated, [deleted.total.answer(), deleted.by_model.answer()],
                n(Key::objects().filter(Key::tenant.eq(91)))?,
                // A key of which a part is missing is none that could be asked for.
                { "raises": "DoesNotExist" },
                Key::objects().in_bulk([(91, 2), (5, 5)], db)?.into_keys().collect::<Vec<_>>(),
                rows().count(db)?, rows().filter(pk().eq((92, 1))).exists(db)?, rows().last(db)?.and_then(|row| row.pk()),
            ])
        }
    }
}
