//! Arithmetic and conditional expressions: Django's answers.

use nuages::{error::Error, error::Misuse, prelude::*};
use nuages_tests::{
    chinook::*,
    data, lab, oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Json, json};

/// What expressions are in the row of the first genre, by their names.
pub(crate) fn one<S: nuages::row::Selection<Genre>>(db: &Db, expressions: S) -> Result<Json> {
    Ok(Genre::objects().filter(Genre::id.eq(1)).values(expressions).first(db)?.answer())
}

/// `{"raises": class, "message": ..}`: Django's words, made of what the error says.
pub(crate) fn message<T>(result: Result<T>) -> Json {
    let words = match result.as_ref().err() {
        Some(Error::Misuse(Misuse::BelowLeast { argument, least, .. })) => {
            let argument = if *argument == "start" { "pos" } else { argument };
            format!("'{argument}' must be greater than {}", least - 1)
        }
        Some(Error::Misuse(Misuse::TooFew { call, .. })) => {
            format!("{} must take at least two expressions", capitalized(call))
        }
        Some(Error::Misuse(Misuse::EmptyCondition { call })) => {
            format!("An empty Q() can't be used as a {}() condition.", capitalized(call))
        }
        Some(Error::Misuse(Misuse::NestedAggregate { function, of })) => {
            let of =
                if ["sum", "count", "max"].contains(&of.as_str()) { capitalized(of) } else { of.clone() };
            format!("Cannot compute {}('{of}'): '{of}' is an aggregate", capitalized(function))
        }
        Some(Error::Misuse(Misuse::AnnotationClash { field, .. })) => {
            format!("The annotation '{field}' conflicts with a field on the model.")
        }
        Some(Error::Misuse(Misuse::AliasNotSelected { name })) => {
            format!("Cannot select the '{name}' alias. Use annotate() to promote it.")
        }
        Some(Error::UnknownName(unknown)) => {
            let mut choices = unknown.choices.clone();
            choices.sort_unstable();
            let choices = choices.join(", ");
            format!("Cannot resolve keyword '{}' into field. Choices are: {choices}", unknown.name)
        }
        _ => String::new(),
    };
    let mut said = raises(result);
    said["message"] = json!(words);
    said
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

mod f {
    use super::*;
    use lab::{Booking, Comment, Post, Product};

    oracle! { "f", data::chinook;
        modulo_sign(db) {
            let (a, b) = (value(-7) % 3, value(7) % -3);
            one(db, (a.named("a"), b.named("b"), value(-7.5).modulo(2).named("c")))?
        }
        power_and_bits(db) {
            one(db, (
                value(2).pow(10).named("p"),
                Genre::id.bitand(1).named("a"),
                Genre::id.bitor(6).named("o"),
                Genre::id.bitxor(3).named("x"),
                Genre::id.bitleftshift(4).named("s"),
                value(40).bitrightshift(3).named("r"),
            ))?
        }
    }

    oracle! { "f", data::lab;
        null_propagates(db) {
            let off: Expr<Product, Option<Decimal>> = Product::price - Product::sale_price;
            Product::objects().order_by(Product::id).annotate(&off).values_list((Product::id, &off)).all(db)?
        }
        decimal_times_integer(db) {
            let (v, w) = ((Product::price * Product::stock).named("v"), (Product::price / 3).named("w"));
            Product::objects().filter(Product::id.eq(3)).values((v, w)).all(db)?
        }
        integer_plus_decimal_is_decimal(db) {
            let (x, y) = ((Product::price + Product::stock).named("x"), (Product::stock + 0.5).named("y"));
            Product::objects().filter(Product::id.eq(4)).values((x, y)).all(db)?
        }
        datetime_minus_datetime(db) {
            let age: Expr<Comment, Duration> = Comment::created_at - Comment::post.created_at;
            Comment::objects().filter(Comment::post.eq(1)).annotate(&age).order_by(Comment::id)
                .values_list((Comment::id, &age)).all(db)?
        }
        datetime_plus_timedelta(db) {
            let two_days = Comment::post.created_at + Duration::from_hours(48);
            let late = Comment::objects().filter(Comment::created_at.gt(two_days)).order_by(Comment::id);
            let moved = Post::created_at + Duration::from_hours(37);
            json!([
                late.values_list(Comment::id).all(db)?.answer(),
                Post::objects().filter(Post::id.eq(5)).values_list(&moved).all(db)?.answer(),
            ])
        }
        date_difference(db) {
            let nights: Expr<Booking, Duration> = Booking::end - Booking::start;
            Booking::objects().order_by(Booking::id).values_list((Booking::id, &nights)).all(db)?
        }
        duration_filter(db) {
            let age = Comment::created_at - Comment::post.created_at;
            Comment::objects().annotate(&age).filter(age.lt(Duration::from_hours(48))).order_by(Comment::id)
                .values_list(Comment::id).all(db)?
        }
    }
}

mod aggregate {
    use super::*;
    use lab::Post;

    oracle! { "aggregate", data::chinook;
        none_queryset_runs_no_query(db) {
            let watch = db.capture();
            let out = Track::objects().none().aggregate_values((
                Track::id.count().named("n"),
                Track::milliseconds.sum().named("s"),
                Track::milliseconds.sum().default(7).named("d"),
                Track::id.sum().coalesce(3).named("e"),
            ), db)?;
            json!({ "out": out.answer(), "queries": watch.len() })
        }
        sample_stddev_of_one_row(db) {
            Track::objects().filter(Track::id.eq(1)).aggregate_values(Track::bytes.stddev().sample().named("s"), db)?
        }
        of_nothing(db) {
            Track::objects().aggregate_values((), db)?
        }
        nested_is_refused(db) {
            let n = Artist::albums.count().named("n");
            [
                message(Artist::objects().annotate(Artist::albums.id.sum().count()).all(db)),
                message(Artist::objects().aggregate((&n, n.max()), db)),
            ]
        }
        of_unknown_field(db) {
            message(Genre::objects().records().values(["weight"]))
        }
    }

    oracle! { "aggregate", data::lab;
        boolean_conditional_sum(db) {
            let score = when(Post::is_featured, 10).when(Post::is_active, 1).otherwise(0);
            Post::objects().aggregate_values((
                Post::id.count().filter(Post::is_active).named("active"),
                score.sum().named("score"),
            ), db)?
        }
    }
}

mod annotate {
    use super::*;

    oracle! { "annotate", data::chinook;
        alias_is_not_selected(db) {
            let n = Artist::albums.count().named("n");
            let rows = Artist::objects().alias(&n).filter(n.gte(10)).order_by((n.desc(), Artist::name));
            // A row of `alias` is the instance itself, and has no place for more.
            let first: Option<Artist> = rows.first(db)?;
            json!({
                "rows": rows.clone().values_list(Artist::name).all(db)?.answer(),
                "attribute": first.is_none(),
                "in values": message(rows.records().values(["n"])),
            })
        }
        overwrites_and_name_clash(db) {
            let twice = Genre::objects().annotate(value(1).named("x")).annotate(value(2).named("x"));
            let row = twice.records().values(["x"])?.first(db)?;
            json!([row.map(|row| row["x"].answer()), message(Artist::objects().annotate(Artist::albums.count().named("albums")).all(db))])
        }
        percentage(db) {
            let total = i64::try_from(Track::objects().count(db)?).expect("a number of tracks");
            let share = (Genre::tracks.count() * 100.0 / total).round(2);
            Genre::objects().annotate(&share).order_by((share.desc(), Genre::name))
                .values_list((Genre::name, &share)).slice(..3).all(db)?
        }
    }
}

mod subquery_of_one {
    use super::*;
    use lab::{Comment, Post};

    oracle! { "subquery", data::lab;
        no_rows_is_null(db) {
            let n = Comment::id.count();
            let n = Comment::objects().filter(Comment::post.eq(outer(Post::pk))).values_list((Comment::post,))
                .annotate(&n).values_list(&n);
            let (n, z) = (subquery(&n), subquery(&n).coalesce(0));
            Post::objects().annotate(&n).annotate(&z).order_by(Post::id).values_list((Post::id, &n, &z)).all(db)?
        }
    }

    oracle! { "subquery", data::chinook;
        annotate_then_group(db) {
            let first = Invoice::objects().filter(Invoice::customer.eq(outer(Customer::pk)))
                .order_by((Invoice::invoice_date, Invoice::id)).values_list(Invoice::invoice_date).slice(..1);
            let year = subquery(&first).extract(DatePart::Year).named("y");
            Customer::objects().annotate(&year).values(&year).annotate(Customer::id.count().named("n")).order_by(&year).all(db)?
        }
    }
}

mod case {
    use super::*;

    oracle! { "case", data::chinook;
        first_match_wins(db) {
            one(db, when(Genre::id.gt(0), "a").when(Genre::id.eq(1), "b").or_null().named("x"))?
        }
        when_empty_in(db) {
            let none: [i64; 0] = [];
            let never = when(Genre::id.is_in(none), "a").otherwise("b").named("x");
            let empty = when(Q::<Genre>::all(), 1).or_null();
            json!([one(db, never)?, message(Genre::objects().values_list(&empty).all(db))])
        }
    }
}
