//! Into JSON documents: nulls of every kind, deep paths, whole documents.

use nuages::{field::Value, prelude::*};
use nuages_tests::{data, lab::Gadget, oracle};
use serde_json::json;

fn made<const N: usize>(rows: [(&str, Option<Json>); N], db: &Db) -> Result<()> {
    for (name, meta) in rows {
        Gadget::objects().create(new!(Gadget { name, meta }), db)?;
    }
    Ok(())
}

fn names(rows: QuerySet<Gadget>, db: &Db) -> Result<Vec<String>> {
    rows.values_list(Gadget::name).all(db)
}

oracle! { "json", data::lab;
    null_kinds(db) {
        made([("jn", Some(Json::Null)), ("sn", None), ("kn", Some(json!({ "size": null }))), ("mk", Some(json!({})))], db)?;
        let some = || Gadget::objects().filter(Gadget::name.is_in(["jn", "sn", "kn", "mk"])).order_by(Gadget::name);
        let size = || Gadget::meta.key("size");
        [
            names(some().filter(Gadget::meta.eq(Json::Null)), db)?,
            names(some().filter(Gadget::meta.is_null(true)), db)?,
            names(some().filter(size().eq(None)), db)?,
            names(some().filter(size().is_null(true)), db)?,
            names(some().filter(size().is_null(false)), db)?,
            names(some().filter(Gadget::meta.has_key("size")), db)?,
        ]
    }
    deep_paths(db) {
        let whole = json!({ "b": [1, { "c": "x" }, [2, 3]] });
        made([("d", Some(json!({ "a": whole, "0": "zero", "k.y": true, "n": 1.5 })))], db)?;
        let count = |words: &str, value: Value| {
            Gadget::objects().filter(Gadget::name.eq("d") & Q::parse(words, value)?).count(db)
        };
        [
            count("meta__a__b__1__c", "x".into())?,
            count("meta__a__b__2__1", 3.into())?,
            count("meta__a__b__0__gte", 1.into())?,
            count("meta__0", "zero".into())?,
            count("meta__n__lt", 1.6.into())?,
            count("meta__a__b__9", 1.into())?,
            count("meta__a", whole.into())?,
        ]
    }
    value_kinds(db) {
        made([
            ("vs", Some(json!("text"))), ("vi", Some(json!(5))), ("vf", Some(json!(2.5))), ("vt", Some(json!(true))),
            ("vl", Some(json!([1, 2]))), ("ve", Some(json!([]))), ("vo", Some(json!({ "a": 1 }))),
        ], db)?;
        let some = || Gadget::objects().filter(Gadget::name.starts_with("v"));
        let is = |document: Json| names(some().filter(Gadget::meta.eq(document)), db);
        json!([
            is(json!("text"))?, is(json!(5))?, is(json!(true))?, is(json!([1, 2]))?, is(json!({ "a": 1 }))?, is(json!([]))?,
            some().exclude(Gadget::meta.eq(json!(5))).count(db)?,
        ])
    }
    keys_order_and_values(db) {
        made([("x1", Some(json!({ "w": 3 }))), ("x2", Some(json!({ "w": 1 }))), ("x3", Some(json!({ "w": 2, "z": [1] })))], db)?;
        let some = || Gadget::objects().filter(Gadget::name.starts_with("x"));
        json!([
            names(some().order_by(Gadget::meta.key("w")), db)?,
            names(some().filter(Gadget::meta.key("w").is_in([1, 2])).order_by(Gadget::name), db)?,
            some().order_by(Gadget::name).values_list(Gadget::meta.key("z")).all(db)?,
            some().filter(Gadget::meta.has_keys(["w", "z"])).count(db)?,
            some().filter(Gadget::meta.has_any_keys(["q", "z"])).count(db)?,
        ])
    }
}
