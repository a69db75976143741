//! Which rows a queryset has and in which order: Django's answers.

mod lookup;

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::*,
    data, oracle,
    oracle::{Answer, instances, raises},
};
use serde_json::json;

fn cents(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

mod lazy {
    use super::*;

    oracle! { "lazy", data::chinook;
        cache(db) {
            let rows = Genre::objects().order_by(Genre::id).on(db);
            let watch = db.capture();
            let first = rows.iter()?.next().expect("a first genre");
            assert_eq!((rows.len()?, rows.is_empty()?, rows.count()?, rows.exists()?), (25, false, 25, true));
            assert_eq!((rows.get(0)?.as_deref(), rows.range(1..3)?.len()), (Some(first), 2));
            assert!(rows.contains(first)? && rows.repr()?.starts_with("<QuerySet [Genre"));
            let cached = watch.len();
            assert_eq!(rows.clone().get(0)?.as_deref(), Some(first));
            assert_eq!(rows.clone().filter(Genre::id.eq(1)).count()?, 1);
            assert_eq!(rows.first()?.as_deref(), Some(first));
            json!({ "cached": cached, "new queries": watch.len() - cached })
        }
    }
}

mod dates {
    use super::*;
    use nuages_tests::lab::{AllTypes, Comment};

    oracle! { "dates", data::lab;
        dates_on_date_field(db) {
            for text in ["2024-02-29", "2024-02-01", "2023-12-31", "2024-02-29"] {
                let day: Date = text.parse().expect("a day");
                AllTypes::objects().create(new!(AllTypes { day }), db)?;
            }
            AllTypes::objects().create(new!(AllTypes {}), db)?;
            let dates = |unit| AllTypes::objects().dates(AllTypes::day, unit);
            json!({
                "year": dates(DateUnit::Year).all(db)?.answer(),
                "month": dates(DateUnit::Month).all(db)?.answer(),
                "week": dates(DateUnit::Week).all(db)?.answer(),
                "day": dates(DateUnit::Day).all(db)?.answer(),
                "desc": dates(DateUnit::Month).reverse().all(db)?.answer(),
            })
        }
    }

    #[test]
    fn instants_have_days_where_they_are_seen_from_and_hours_are_for_datetimes() -> Result<()> {
        let db = data::lab();
        let years = Comment::objects().dates(Comment::created_at, DateUnit::Year).all(&db)?;
        assert_eq!(years.answer(), json!(["2023-01-01", "2024-01-01", "2025-01-01"]));
        let hours = Comment::objects().dates(Comment::created_at, DateUnit::Hour).all(&db);
        assert!(matches!(hours, Err(Error::Misuse(_))));
        let hours = Comment::objects().datetimes(Comment::created_at, DateUnit::Hour).all(&db)?;
        assert!(hours.is_sorted() && hours.len() > years.len());
        Ok(())
    }
}

mod q {
    use super::*;

    oracle! { "q", data::chinook;
        contradiction_and_tautology(db) {
            let never = || Genre::id.is_in(Vec::<i64>::new());
            let with = |condition| Genre::objects().filter(condition).count(db);
            [
                with(never())?,
                with(!never())?,
                with(never() | Genre::name.eq("Jazz"))?,
                with(never() & Genre::name.eq("Jazz"))?,
            ]
        }
        or_many(db) {
            let mut condition = Q::all();
            for name in ["Accept", "Aerosmith", "Apocalyptica"] {
                condition |= Album::artist.name.eq(name);
            }
            Album::objects().filter(condition).order_by(Album::id).values_list(Album::title).all(db)?
        }
        de_morgan(db) {
            let (a, b) = (Track::composer.istarts_with("A"), Track::unit_price.gt(1));
            let with = |condition| Track::objects().filter(condition).count(db);
            [
                with(!(a.clone() | b.clone()))?,
                with(!a.clone() & !b.clone())?,
                with(!(a.clone() & b.clone()))?,
                with(!a | !b)?,
            ]
        }
    }

    #[test]
    fn or_promotes_join() -> Result<()> {
        let db = data::chinook();
        let condition =
            Artist::albums.title.eq("Balls to the Wall") | Artist::name.eq("Milton Nascimento & Bebeto");
        let found = json!({ "count": Artist::objects().filter(condition).count(&db)?, "left": true });
        oracle::check("q.or_promotes_join", &found);
        Ok(())
    }

    #[test]
    fn the_empty_condition_leaves_nothing_out() -> Result<()> {
        let db = data::chinook();
        assert_eq!(Genre::objects().filter(Q::all()).count(&db)?, 25);
        assert_eq!(Genre::objects().filter(Q::all() | Genre::name.eq("Jazz")).count(&db)?, 1);
        Ok(())
    }
}

mod null {
    use super::*;

    oracle! { "null", data::chinook;
        exclude_equals_keeps_null(db) {
            json!({
                "filter": Track::objects().filter(Track::composer.eq("AC/DC")).count(db)?,
                "exclude": Track::objects().exclude(Track::composer.eq("AC/DC")).count(db)?,
                "total": Track::objects().count(db)?,
            })
        }
        f_equals_f_null(db) { Track::objects().filter(Track::composer.eq(Track::composer)).count(db)? }
    }
}

mod order {
    use super::*;

    oracle! { "order", data::chinook;
        two_keys(db) {
            Track::objects().filter(Track::id.lte(12)).order_by((Track::unit_price.desc(), Track::milliseconds))
                .values_list(Track::id).all(db)?
        }
        by_fk_without_meta_ordering(db) {
            Album::objects().order_by((Album::artist, Album::id.desc())).values_list((Album::artist_id, Album::id)).slice(..6).all(db)?
        }
        reverse(db) {
            json!({
                "meta": Employee::objects().reverse().values_list(Employee::last_name).all(db)?,
                "twice": Employee::objects().reverse().reverse().first(db)?.map(|row| row.last_name),
                "explicit": Employee::objects().order_by(Employee::id).reverse().values_list(Employee::id).all(db)?,
                "after reverse": Employee::objects().reverse().order_by(Employee::id).values_list(Employee::id).all(db)?,
            })
        }
        last_order_by_wins(db) {
            Genre::objects().order_by(Genre::name.desc()).order_by(Genre::id).values_list(Genre::id).slice(..3).all(db)?
        }
        null_default_position(db) {
            Employee::objects().order_by((Employee::reports_to_id, Employee::id)).values_list(Employee::id).all(db)?
        }
        by_expression(db) {
            Genre::objects().order_by((Genre::name.length().desc(), Genre::name.lower())).values_list(Genre::name).slice(..5).all(db)?
        }
    }

    #[test]
    fn the_models_own_order_applies_until_another_is_named() -> Result<()> {
        let db = data::chinook();
        let names = Employee::objects().values_list(Employee::last_name).all(&db)?;
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(
            Employee::objects().order_by(Employee::id.desc()).first(&db)?.map(|row| row.id),
            Some(8.into())
        );
        Ok(())
    }
}

mod slice {
    use super::*;

    oracle! { "slice", data::chinook;
        limit_offset(db) {
            let all = Genre::objects().order_by(Genre::id).values_list(Genre::id);
            json!({
                "[:3]": all.clone().slice(..3).all(db)?,
                "[3:5]": all.clone().slice(3..5).all(db)?,
                "[22:]": all.clone().slice(22..).all(db)?,
                "[2:2]": all.clone().slice(2..2).all(db)?,
                "[30:40]": all.slice(30..40).all(db)?,
            })
        }
        of_slice(db) {
            let all = || Genre::objects().order_by(Genre::id).values_list(Genre::id);
            [
                all().slice(5..15).slice(2..4).all(db)?,
                all().slice(5..15).slice(8..20).all(db)?,
                all().slice(..3).slice(1..).all(db)?,
                all().slice(5..).slice(5..7).all(db)?,
            ]
        }
        first_of_slice(db) {
            let slice = Genre::objects().order_by(Genre::id).slice(3..6);
            json!([slice.first(db)?.map(|row| row.id.answer()), raises(slice.last(db))])
        }
        in_subquery_top_n(db) {
            let top = Track::objects().order_by((Track::milliseconds.desc(), Track::id)).values_list(Track::id).slice(..5);
            Track::objects().filter(Track::id.is_in(&top)).aggregate_values((Track::milliseconds.min(), Track::pk.count().named("pk__count")), db)?
        }
        count_exists_aggregate(db) {
            let ten = Track::objects().order_by(Track::id).slice(..10);
            let n = Track::pk.count().named("n");
            json!([
                ten.count(db)?,
                ten.exists(db)?,
                ten.aggregate_values((Track::milliseconds.sum(), n), db)?.answer(),
                Track::objects().slice(4000..).exists(db)?,
            ])
        }
    }

    #[test]
    fn a_slice_is_neither_updated_nor_deleted_nor_filtered() {
        let db = data::chinook();
        let five = || Genre::objects().slice(..5);
        for refused in [
            five().update(Genre::name.set("x"), &db).err(),
            five().delete(&db).err(),
            five().latest(Genre::id, &db).err(),
            five().get(Genre::id.eq(1), &db).err(),
        ] {
            assert!(matches!(refused, Some(Error::Misuse(_))), "{refused:?}");
        }
    }
}

mod distinct {
    use super::*;

    oracle! { "distinct", data::chinook;
        values(db) {
            Track::objects().values_list(Track::unit_price).distinct().order_by(Track::unit_price).all(db)?
        }
        then_slice_then_count(db) { Track::objects().values_list(Track::composer).distinct().slice(..50).count(db)? }
        on_fields(db) {
            Employee::objects().order_by((Employee::title, Employee::id)).distinct_on(Employee::title).values_list(Employee::id).all(db)?
        }
    }
}

mod get {
    use super::*;

    oracle! { "get", data::chinook;
        duplicates_from_join(db) {
            let name = Artist::albums.artist.name;
            json!([
                raises(Artist::objects().get(name.eq("AC/DC"), db)),
                Artist::objects().distinct().get(name.eq("AC/DC"), db)?.name,
            ])
        }
        first_last(db) {
            json!([
                Artist::objects().first(db)?.map(|row| row.id.answer()),
                Artist::objects().last(db)?.map(|row| row.id.answer()),
                Genre::objects().first(db)?.map(|row| row.name),
                Genre::objects().last(db)?.map(|row| row.name),
                Genre::objects().none().first(db)?.map(|row| row.name),
                Genre::objects().filter(Genre::id.eq(0)).last(db)?.map(|row| row.name),
                Genre::objects().order_by(Genre::id.desc()).first(db)?.map(|row| row.id.answer()),
            ])
        }
        latest_earliest(db) {
            json!([
                Invoice::objects().latest((), db)?.id.answer(),
                Invoice::objects().earliest((), db)?.id.answer(),
                Invoice::objects().latest((Invoice::total, Invoice::id), db)?.id.answer(),
                Invoice::objects().earliest((Invoice::total.desc(), Invoice::id), db)?.id.answer(),
                raises(Artist::objects().latest((), db)),
                raises(Invoice::objects().none().latest((), db)),
            ])
        }
        latest_ignores_order_by(db) { Invoice::objects().order_by(Invoice::id).latest(Invoice::invoice_date, db)?.id.answer() }
    }

    #[test]
    fn one_row_or_an_error() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        assert_eq!(Artist::objects().get(Artist::pk.eq(1), &db)?.name.as_deref(), Some("AC/DC"));
        assert_eq!(watch.len(), 1);
        let none = Artist::objects().get(Artist::pk.eq(0), &db);
        assert_eq!(none, Err(Error::DoesNotExist { model: "Artist" }));
        let many = Artist::objects().get(Artist::id.gt(0), &db);
        assert_eq!(many, Err(Error::MultipleObjectsReturned { model: "Artist", count: 21 }));
        Ok(())
    }
}

mod values {
    use super::*;

    oracle! { "values", data::chinook;
        dicts(db) {
            Album::objects().filter(Album::id.lte(2)).order_by(Album::id).values((Album::id, Album::title, Album::artist.name)).all(db)?
        }
        twice(db) { Genre::objects().filter(Genre::id.eq(1)).values(Genre::name).values(Genre::id.named("pk")).all(db)? }
    }
}

mod multi {
    use super::*;

    oracle! { "multi", data::chinook;
        filtered_relation_filter(db) {
            let live = Artist::albums.filtered(Album::title.icontains("live"));
            let (id, title) = (live.at(Album::id), live.at(Album::title));
            Artist::objects().filter(id.is_null(false)).order_by((Artist::id, &id)).values_list((Artist::name, &title)).all(db)?
        }
        duplicates(db) {
            let with_a = Artist::objects().filter(Artist::albums.title.icontains("a"));
            [with_a.count(db)?, with_a.distinct().count(db)?]
        }
        self_fk(db) {
            let names = |rows: QuerySet<Employee>| rows.values_list(Employee::last_name).all(db);
            [
                names(Employee::objects().filter(Employee::reports_to.last_name.eq("Edwards")))?,
                names(Employee::objects().filter(Employee::reports.last_name.eq("Peacock")))?,
                names(Employee::objects().exclude(Employee::reports.is_null(false)))?,
                names(Employee::objects().filter(Employee::reports_to.reports_to.last_name.eq("Adams")))?,
            ]
        }
    }
}

mod date {
    use super::*;

    oracle! { "date", data::chinook;
        year_uses_between(db) { Invoice::objects().filter(Invoice::invoice_date.year.eq(2009)).count(db)? }
        month_range(db) { Invoice::objects().filter(Invoice::invoice_date.month.range(11, 12)).count(db)? }
        quarter(db) {
            let mut counts = Vec::new();
            for quarter in 1..=4 {
                counts.push(Invoice::objects().filter(Invoice::invoice_date.quarter.eq(quarter)).count(db)?);
            }
            counts
        }
        week_day_sunday_is_1(db) {
            let mut counts = Vec::new();
            for day in 1..=7 {
                let sunday_first = Invoice::objects().filter(Invoice::invoice_date.week_day.eq(day)).count(db)?;
                let monday_first = Invoice::objects().filter(Invoice::invoice_date.iso_week_day.eq(day)).count(db)?;
                counts.push((day, sunday_first, monday_first));
            }
            counts
        }
    }
}

mod set {
    use super::*;

    oracle! { "set", data::chinook;
        union(db) {
            let a = || Artist::objects().filter(Artist::id.lte(3));
            let b = || Artist::objects().filter(Artist::id.is_in([3, 4]));
            let sorted = |rows: Vec<Artist>| {
                let mut keys: Vec<i64> = rows.iter().filter_map(Artist::pk_value).collect();
                keys.sort_unstable();
                keys
            };
            json!({
                "union": sorted(a().union(b()).all(db)?),
                "all": sorted(a().union_all(b()).all(db)?),
                "ordered": a().union(b()).order_by(Artist::name.desc()).all(db)?.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
            })
        }
        values_of_different_models(db) {
            let genres = Genre::objects().filter(Genre::id.lte(2)).order_by(()).values(Genre::name);
            Artist::objects().filter(Artist::id.lte(2)).values(Artist::name).union(genres).order_by(Artist::name).all(db)?
        }
        intersection_difference(db) {
            let a = || Genre::objects().filter(Genre::id.lte(5)).order_by(()).values_list(Genre::id);
            let b = || Genre::objects().filter(Genre::id.gte(4)).order_by(()).values_list(Genre::id);
            [a().intersection(b()).order_by(Genre::id).all(db)?, a().difference(b()).order_by(Genre::id).all(db)?]
        }
    }
}

mod subquery {
    use super::*;

    oracle! { "subquery", data::chinook;
        in_filter_comparison(db) {
            let longest = Track::objects().filter(Track::genre.name.eq("Opera")).order_by(Track::milliseconds.desc())
                .values_list(Track::milliseconds).slice(..1);
            Track::objects().filter(Track::milliseconds.gt(subquery(&longest))).count(db)?
        }
        scalar_in_filter_without_subquery_class(db) {
            let longest = Track::objects().order_by(Track::milliseconds.desc()).values_list(Track::milliseconds).slice(..1);
            Track::objects().filter(Track::milliseconds.eq(subquery(&longest))).values_list(Track::id).all(db)?
        }
        top_per_group(db) {
            let best = Track::objects().filter(Track::genre.eq(outer(Track::genre))).order_by((Track::milliseconds.desc(), Track::id))
                .values_list(Track::id).slice(..1);
            Track::objects().filter(Track::id.eq(subquery(&best))).order_by(Track::genre_id).values_list((Track::genre_id, Track::id)).all(db)?
        }
        in_aggregate_sum(db) {
            let n = Track::pk.count();
            let tracks = Track::objects().filter(Track::album.artist.eq(outer(Artist::pk))).order_by(())
                .values_list((Track::album.artist,)).annotate(&n).values_list(&n);
            let tracks = subquery(&tracks).named("n");
            Artist::objects().annotate(&tracks).aggregate_values((tracks.sum(), tracks.max()), db)?
        }
    }
}

/// The key of a stored row.
trait PkValue {
    fn pk_value(&self) -> Option<i64>;
}

impl PkValue for Artist {
    fn pk_value(&self) -> Option<i64> {
        self.id.get().copied()
    }
}

#[test]
fn instances_are_answered_by_key() -> Result<()> {
    let db = data::chinook();
    let rows = Genre::objects().order_by(Genre::id).slice(..2).all(&db)?;
    assert_eq!(instances(&rows), json!(["Genre#1", "Genre#2"]));
    Ok(())
}
