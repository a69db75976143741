//! Into JSON documents: nulls of every kind, deep paths, whole documents.

use nuages::{error::Error, field::Value, prelude::*};
use nuages_tests::{data, lab::Gadget, oracle, oracle::Answer};
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

oracle! { "document", data::lab;
    null_kinds_more(db) {
        made([
            ("na", None), ("nb", Some(Json::Null)), ("nc", Some(json!({ "k": null, "list": [1, "two", { "x": 1 }] }))),
            ("nd", Some(json!([1, 2, "k"]))),
        ], db)?;
        let rows = || Gadget::objects().filter(Gadget::name.starts_with("n")).order_by(Gadget::name);
        let n = |condition: Q<Gadget>| names(rows().filter(condition), db);
        let without = |condition: Q<Gadget>| names(rows().exclude(condition), db);
        let (meta, k, list) = (Gadget::meta, Gadget::meta.key("k"), Gadget::meta.key("list"));
        [
            n(meta.is_null(true))?,
            n(k.eq(None))?,
            n(k.is_null(true))?,
            n(k.is_null(false))?,
            without(k.eq(None))?,
            n(meta.has_key("k"))?,
            without(meta.has_key("k"))?,
            n(meta.has_keys(["k", "list"]))?,
            n(meta.has_any_keys(["list", "zz"]))?,
            n(list.index(0).eq(1))?,
            n(list.index(1).eq("two"))?,
            n(list.index(2).key("x").gt(0))?,
            n(meta.index(0).eq(1))?,
            n(meta.index(2).eq("k"))?,
            n(list.is_null(false))?,
            n(list.index(1).text().starts_with("t"))?,
            without(list.index(0).eq(1))?,
        ]
    }
    none_negated(db) {
        made([
            ("na", None), ("nb", Some(Json::Null)), ("nc", Some(json!({ "k": null, "m": 1 }))), ("nd", Some(json!({ "k": 1 }))),
            ("ne", Some(json!({}))), ("nf", Some(json!([null]))),
        ], db)?;
        let rows = || Gadget::objects().filter(Gadget::name.starts_with("n")).order_by(Gadget::name);
        let without = |condition: Q<Gadget>| names(rows().exclude(condition), db);
        let (meta, k, m) = (Gadget::meta, Gadget::meta.key("k"), Gadget::meta.key("m"));
        [
            without(k.eq(None))?,
            names(rows().filter(!k.eq(None)), db)?,
            without(meta.eq(None))?,
            without(k.eq(None) & m.eq(1))?,
            without(k.eq(1))?,
            without(k.is_null(true))?,
            without(k.is_null(false))?,
            names(rows().filter(!k.eq(None) | Gadget::name.eq("nd")), db)?,
            without(meta.index(0).eq(None))?,
            without(k.is_in([1, 2]))?,
        ]
    }
    containment(db) {
        made([
            ("na", Some(json!({ "tags": ["x", "y"], "size": 3 }))), ("nb", Some(json!({ "tags": ["y"], "size": null }))),
            ("nc", Some(json!([1, 2, [3]]))), ("nd", Some(json!({ "deep": { "list": [{ "k": 1 }, { "k": 2 }] } }))),
            ("ne", Some(json!(5))),
        ], db)?;
        let rows = || Gadget::objects().filter(Gadget::name.starts_with("n")).order_by(Gadget::name);
        let n = |condition: Q<Gadget>| names(rows().filter(condition), db);
        let (meta, tags) = (Gadget::meta, Gadget::meta.key("tags"));
        [
            n(meta.contains(json!({ "tags": ["y"] })))?,
            n(meta.contains(json!({ "tags": [] })))?,
            n(meta.contains(json!([1])))?,
            n(meta.contains(json!([[3]])))?,
            n(meta.contains(json!(1)))?,
            n(meta.contains(json!({ "deep": { "list": [{ "k": 2 }] } })))?,
            n(tags.contains(json!(["x"])))?,
            n(tags.contains(json!("y")))?,
            n(meta.contained_by(json!({ "tags": ["x", "y", "z"], "size": 3, "more": 1 })))?,
            n(meta.contained_by(json!([1, 2, 3, [3, 4]])))?,
            names(rows().exclude(meta.contains(json!({ "size": null }))), db)?,
            n(meta.contains(json!({})))?,
        ]
    }
    update_and_values(db) {
        made([("n", Some(json!({ "a": 1, "b": [1, 2] })))], db)?;
        let row = || Gadget::objects().filter(Gadget::name.eq("n"));
        let meta = Gadget::meta;
        let one = row().values_list((meta.key("a"), meta.key("b").index(1), meta.key("zz"))).all(db)?;
        row().update(meta.set(json!({ "a": 2, "b": null })), db)?;
        let two = row().values_list((meta.key("a"), meta.key("b"), meta)).all(db)?;
        let counts = || Ok::<_, Error>([row().filter(meta.is_null(true)).count(db)?, row().filter(meta.eq(Json::Null)).count(db)?]);
        row().update(meta.set(None), db)?;
        let three = counts()?;
        row().update(meta.set(Json::Null), db)?;
        json!([one, two, three, counts()?])
    }
}

oracle! { "document", data::lab;
    keys_more(db) {
        made([
            ("ka", Some(json!({ "s": "b", "n": 10, "l": [3, 1], "o": { "x": 1 }, "t": true }))),
            ("kb", Some(json!({ "s": "a", "n": 9, "o": { "x": null }, "t": false }))),
            ("kc", Some(json!({ "s": null, "n": 2.5 }))), ("kd", Some(json!({}))), ("ke", None),
        ], db)?;
        let rows = || Gadget::objects().filter(Gadget::name.starts_with("k")).order_by(Gadget::name);
        let n = |condition: Q<Gadget>| names(rows().filter(condition), db);
        let without = |condition: Q<Gadget>| names(rows().exclude(condition), db);
        let of = |wanted: &[&'static str], order: nuages::order::Order<Gadget>| {
            names(Gadget::objects().filter(Gadget::name.is_in(wanted.to_vec())).order_by(order), db)
        };
        let meta = Gadget::meta;
        let [s, number, l, o, t] = ["s", "n", "l", "o", "t"].map(|key| meta.key(key));
        let x = o.key("x");
        let shown = Gadget::objects().filter(Gadget::name.starts_with("k") & meta.has_key("n")).order_by(Gadget::name);
        let float = number.text().cast::<f64>().max().filter(Gadget::name.is_in(["ka", "kb", "kc"]));
        json!([
            rows().values_list(&s).all(db)?,
            rows().values_list((&x, l.index(0))).all(db)?,
            rows().values(t.named("meta__t")).all(db)?.answer(),
            n(s.is_null(true))?,
            n(x.is_null(false))?,
            n(s.eq(None))?,
            without(s.is_null(false))?,
            n(number.gt(5))?,
            n(number.lte(9))?,
            n(number.is_in([json!(10), json!(2.5)]))?,
            n(s.text().icontains("A"))?,
            n(t.eq(true))?,
            without(t.eq(true))?,
            n(o.eq(json!({ "x": 1 })))?,
            n(l.index(1).eq(1))?,
            rows().filter(Gadget::name.is_in(["ka", "kb"])).values_list(s.text()).all(db)?,
            shown.values_list(&number).all(db)?,
            names(Gadget::objects().filter(meta.has_key("t")).order_by(&t), db)?,
            of(&["ka", "kb"], s.asc())?,
            of(&["ka", "kb", "kc"], number.desc())?,
            rows().filter(number.eq(&number)).count(db)?,
            Gadget::objects().filter(Gadget::name.starts_with("k")).aggregate_values((s.count().named("c"), float.named("m")), db)?.answer(),
        ])
    }
}
