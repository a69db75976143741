//! Database functions: Django's answers.

use nuages::{
    expression::function::{self, Collation, DatePart, DateUnit, null, pi},
    prelude::*,
};
use nuages_tests::{chinook::*, data, lab, oracle, oracle::Answer};
use serde_json::{Map, Value as Json, json};

use crate::expressions::{message, one};

oracle! { "func", data::chinook;
    nullif(db) {
        one(db, (value("x").null_if("x").named("a"), value("x").null_if("y").named("b")))?
    }
    concat_null_is_empty(db) {
        let x = concat((Customer::country, "/", Customer::state, "/", Customer::company));
        Customer::objects().filter(Customer::id.is_in([1, 2])).order_by(Customer::id).values_list(&x).all(db)?
    }
    concat_numbers(db) {
        one(db, concat(("#", Genre::id, "-", Genre::name)).named("x"))?
    }
    lower_upper_length(db) {
        one(db, (Genre::name.lower().named("l"), Genre::name.upper().named("u"), Genre::name.length().named("n")))?
    }
    length_counts_characters(db) {
        Customer::objects().filter(Customer::last_name.eq("Gonçalves")).values_list(Customer::last_name.length()).all(db)?
    }
    substr_left_right(db) {
        let s = value("abcdef");
        let mut found = one(db, (
            s.substr_from(2).named("a"),
            s.substr(2, 3).named("b"),
            s.left(2).named("c"),
            s.right(2).named("d"),
            s.left(99).named("e"),
            s.right(99).named("f"),
        ))?;
        found["zero"] = message(Genre::objects().values_list(Genre::name.substr_from(0)).all(db));
        found
    }
    pad_repeat_replace_reverse(db) {
        let s = value("abc");
        one(db, (
            s.pad_left(5, "xy").named("a"),
            s.pad_right(6, "-").named("b"),
            s.pad_left(2, " ").named("c"),
            s.repeated(2).named("d"),
            s.replaced("b", "BB").named("e"),
            s.replaced("b", "").named("f"),
            s.reversed().named("g"),
            s.repeated(0).named("h"),
        ))?
    }
    strindex_chr_ord(db) {
        one(db, (
            value("abcb").position("b").named("a"),
            value("abc").position("z").named("b"),
            value(65).chr().named("c"),
            value("A").ord().named("d"),
        ))?
    }
    // PostgreSQL takes 2.5 for an exact number, as a decimal is one here.
    cast_float_to_integer(db) {
        let exact = |text: &str| value(text.parse::<Decimal>().expect("a number")).cast::<i32>();
        one(db, (exact("2.5").named("a"), exact("3.5").named("b"), exact("-1.7").named("c")))?
    }
    math(db) {
        one(db, (
            value(-3).abs().named("a"),
            value(1.2).ceil().named("b"),
            value(-1.2).floor().named("c"),
            value(16.0).sqrt().named("d"),
            value(2).power(8).named("e"),
            value(-9).sign().named("f"),
            value(0).exp().named("g"),
            value(1.0).ln().named("h"),
            value(8).log(2).named("i"),
            pi().degrees().named("j"),
            value(0.0).cos().round(3).named("k"),
            value(7).modulo(3).named("l"),
        ))?
    }
    round(db) {
        one(db, (
            value(2.5).round(0).named("a"),
            value(3.5).round(0).named("b"),
            value(1.2345).round(2).named("c"),
            value(-2.5).round(0).named("d"),
        ))?
    }
}

mod of_rows {
    use super::*;
    use lab::{AllTypes, Post, Product};

    oracle! { "func", data::lab;
        coalesce(db) {
            let price: Expr<Product, Decimal> = Product::sale_price.coalesce(Product::price);
            let chosen = function::coalesce((null::<_, String>(), "b"));
            let alone = function::coalesce((Product::name,));
            let first = |row: Option<String>| json!({ "x": row });
            json!([
                Product::objects().order_by(Product::id).values_list(&price).all(db)?.answer(),
                first(Product::objects().values_list(&chosen).first(db)?),
                message(Product::objects().values_list(&alone).all(db)),
            ])
        }
        collate(db) {
            Post::objects().order_by((Post::title.collate(Collation::NoCase), Post::id)).values_list(Post::title).all(db)?
        }
        extract(db) {
            let row = Post::objects().filter(Post::id.eq(7));
            let parts = [
                ("year", DatePart::Year),
                ("iso_year", DatePart::IsoYear),
                ("quarter", DatePart::Quarter),
                ("month", DatePart::Month),
                ("week", DatePart::Week),
                ("week_day", DatePart::WeekDay),
                ("iso_week_day", DatePart::IsoWeekDay),
                ("day", DatePart::Day),
                ("hour", DatePart::Hour),
                ("minute", DatePart::Minute),
                ("second", DatePart::Second),
            ];
            let mut found = Map::new();
            for (name, part) in parts {
                found.insert(name.to_owned(), row.clone().values_list(Post::created_at.extract(part)).first(db)?.answer());
            }
            Json::Object(found)
        }
        trunc(db) {
            let row = Post::objects().filter(Post::id.eq(7));
            let units = [
                ("year", DateUnit::Year),
                ("quarter", DateUnit::Quarter),
                ("month", DateUnit::Month),
                ("week", DateUnit::Week),
                ("day", DateUnit::Day),
                ("hour", DateUnit::Hour),
                ("minute", DateUnit::Minute),
                ("second", DateUnit::Second),
            ];
            let mut found = Map::new();
            for (name, unit) in units {
                found.insert(name.to_owned(), row.clone().values_list(Post::created_at.truncate(unit)).first(db)?.answer());
            }
            Json::Object(found)
        }
        trunc_date_time(db) {
            Post::objects().filter(Post::id.eq(7)).values((
                Post::created_at.date().named("d"),
                Post::created_at.time().named("t"),
                Post::created_at.truncate(DateUnit::Month).date().named("m"),
            )).all(db)?
        }
        on_time_and_duration(db) {
            let clock = Time::constant(7, 8, 9, 0);
            let span = Duration::from_hours(26) + Duration::from_secs(3);
            AllTypes::objects().create(new!(AllTypes { clock, span }), db)?;
            AllTypes::objects().values((
                AllTypes::clock.extract(DatePart::Hour).named("h"),
                AllTypes::clock.extract(DatePart::Second).named("s"),
                AllTypes::clock.truncate(DateUnit::Hour).named("t"),
                (AllTypes::span * 2).named("x"),
                AllTypes::span,
            )).all(db)?
        }
    }
}
