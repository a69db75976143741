//! What each lookup finds.

use super::*;

oracle! { "lookup", data::chinook;
    exact_implicit_case_sensitive(db) {
        [Artist::objects().filter(Artist::name.eq("ac/dc")).count(db)?, Artist::objects().filter(Artist::name.eq("AC/DC")).count(db)?]
    }
    exact_none_is_isnull(db) {
        let none: Option<String> = None;
        [
            Track::objects().filter(Track::composer.eq(none.clone())).count(db)?,
            Track::objects().filter(Track::composer.eq(none.clone())).count(db)?,
            Track::objects().filter(Track::composer.iexact(none)).count(db)?,
            Track::objects().filter(Track::composer.is_null(true)).count(db)?,
        ]
    }
    exclude_none_is_not_null(db) {
        [
            Track::objects().exclude(Track::composer.is_null(true)).count(db)?,
            Track::objects().filter(Track::composer.is_null(false)).count(db)?,
        ]
    }
    icontains(db) { Track::objects().filter(Track::name.icontains("LOVE")).count(db)? }
    percent_is_literal(db) {
        json!([
            Track::objects().filter(Track::name.contains("%")).order_by(Track::id).values_list(Track::name).all(db)?,
            Track::objects().filter(Track::name.contains("_")).count(db)?,
        ])
    }
    iendswith(db) { Customer::objects().filter(Customer::email.iends_with("@GMAIL.COM")).count(db)? }
    text_on_integer_column(db) {
        let text = Track::milliseconds.cast::<String>();
        Track::objects().filter(text.starts_with("3437")).order_by(Track::id).values_list(Track::milliseconds).all(db)?
    }
    contains_empty_string(db) {
        [
            Track::objects().filter(Track::composer.contains("")).count(db)?,
            Track::objects().exclude(Track::composer.contains("")).count(db)?,
        ]
    }
    non_ascii_exact(db) {
        Customer::objects().filter(Customer::last_name.eq("Gonçalves")).values_list(Customer::first_name).all(db)?
    }
    non_ascii_icontains(db) { Customer::objects().filter(Customer::last_name.icontains("GONÇALVES")).count(db)? }
    regex(db) {
        Track::objects().filter(Track::name.regex("^(The )?Wh[aeo]")).order_by(Track::id).values_list(Track::name).slice(..12).all(db)?
    }
    regex_null(db) {
        [Track::objects().filter(Track::composer.regex(".")).count(db)?, Track::objects().exclude(Track::composer.regex(".")).count(db)?]
    }
    gt_gte_lt_lte(db) {
        let all = Invoice::objects();
        [
            all.clone().filter(Invoice::total.gt(cents("13.86"))).count(db)?,
            all.clone().filter(Invoice::total.gte(cents("13.86"))).count(db)?,
            all.clone().filter(Invoice::total.lt(cents("0.99"))).count(db)?,
            all.filter(Invoice::total.lte(cents("0.99"))).count(db)?,
        ]
    }
    integer_gt_float(db) {
        [
            Track::objects().filter(Track::id.gte(2.5) & Track::id.lte(4)).order_by(Track::id).values_list(Track::id).all(db)?,
            Track::objects().filter(Track::id.lt(2.5)).order_by(Track::id).values_list(Track::id).all(db)?,
        ]
    }
    range_reversed_is_empty(db) { Track::objects().filter(Track::id.range(13, 10)).count(db)? }
    not_in_with_nulls(db) {
        [
            Track::objects().filter(Track::composer.is_in(["AC/DC"])).count(db)?,
            Track::objects().exclude(Track::composer.is_in(["AC/DC"])).count(db)?,
            Track::objects().count(db)?,
        ]
    }
    in_subquery_values(db) {
        let reps = Customer::objects().filter(Customer::country.eq("Brazil")).values_list(Customer::support_rep);
        Employee::objects().filter(Employee::id.is_in(&reps)).values_list(Employee::last_name).all(db)?
    }
    in_sliced_subquery(db) {
        let longest = Track::objects().order_by((Track::milliseconds.desc(), Track::id)).slice(..3).values_list(Track::id);
        Track::objects().filter(Track::id.is_in(&longest)).order_by(Track::id).values_list(Track::id).all(db)?
    }
    in_instances(db) {
        let artists = Artist::objects().filter(Artist::name.is_in(["Accept", "AC/DC"])).all(db)?;
        Album::objects().filter(Album::artist.is_in(&artists)).order_by(Album::id).values_list(Album::title).all(db)?
    }
    isnull(db) {
        json!([
            Employee::objects().filter(Employee::reports_to.is_null(true)).values_list(Employee::last_name).all(db)?,
            Employee::objects().filter(Employee::reports_to.is_null(false)).count(db)?,
        ])
    }
    isnull_through_nullable_fk(db) {
        Employee::objects().filter(Employee::reports_to.reports_to.is_null(true)).values_list(Employee::last_name).all(db)?
    }
    fk_spellings(db) {
        let one = Artist::objects().get(Artist::pk.eq(1), db)?;
        let with = |condition| Album::objects().filter(condition).count(db);
        [
            with(Album::artist.eq(&one))?,
            with(Album::artist.eq(1))?,
            with(Album::artist_id.eq(1))?,
            with(Album::artist.pk.eq(1))?,
            with(Album::artist.id.eq(1))?,
            with(Album::artist.eq(1_i32))?,
        ]
    }
    deep_path(db) {
        let path = Customer::invoices.lines.track.album.artist.name;
        Customer::objects().filter(path.eq("AC/DC")).distinct().order_by(Customer::id).values_list(Customer::id).all(db)?
    }
    reverse_instance(db) {
        let album = Album::objects().get(Album::id.eq(4), db)?;
        Artist::objects().filter(Artist::albums.eq(&album)).values_list(Artist::name).all(db)?
    }
    f_across_relation(db) {
        Customer::objects().filter(Customer::country.eq(Customer::support_rep.country)).order_by(Customer::id)
            .values_list((Customer::id, Customer::city)).all(db)?
    }
    filter_by_boolean_expression(db) {
        let albums = Album::objects().filter(Album::artist.eq(outer(Artist::pk)));
        Artist::objects().filter(!exists(&albums)).count(db)?
    }
    sliced_f(db) {
        let (two, rest) = (Artist::name.substr(1, 2), Artist::name.substr(3, 1000));
        Artist::objects().filter(Artist::id.lte(3)).order_by(Artist::id).values_list((two, rest)).all(db)?
    }
}

#[test]
fn in_empty_runs_and_finds_nothing() -> Result<()> {
    let db = data::chinook();
    let nothing = Artist::objects().filter(Artist::id.is_in(Vec::<i64>::new()));
    assert_eq!((nothing.all(&db)?.len(), nothing.count(&db)?, nothing.exists(&db)?), (0, 0, false));
    Ok(())
}
