//! Into JSON documents: Django's answers.

use nuages::prelude::*;
use nuages_tests::{data, lab::Gadget, oracle, oracle::Answer};
use serde_json::json;

fn names(condition: Q<Gadget>, db: &Db) -> Result<Vec<String>> {
    Gadget::objects().filter(condition).order_by(Gadget::name).values_list(Gadget::name).all(db)
}

oracle! { "json", data::lab;
    nested_key_and_index(db) {
        let meta = Gadget::meta;
        [
            names(meta.key("size").key("w").eq(10), db)?,
            names(meta.key("tags").index(0).eq("b"), db)?,
            names(meta.index(2).key("k").eq("v"), db)?,
        ]
    }
    key_comparison(db) { names(Gadget::meta.key("size").key("h").gt(5), db)? }
    null_and_missing(db) {
        let color = Gadget::meta.key("color");
        json!({
            "color=None": names(color.eq(None), db)?,
            "color__isnull": names(color.is_null(true), db)?,
            "color not null": names(color.is_null(false), db)?,
            "meta__isnull": names(Gadget::meta.is_null(true), db)?,
        })
    }
    exclude_missing_key(db) {
        Gadget::objects().exclude(Gadget::meta.key("color").eq("red")).order_by(Gadget::name).values_list(Gadget::name).all(db)?
    }
    values_of_key(db) {
        Gadget::objects().order_by(Gadget::name).values_list((Gadget::name, Gadget::meta.key("color"), Gadget::meta.key("on"))).all(db)?
    }
    key_text_lookup(db) {
        let color = Gadget::meta.key("color");
        [names(color.icontains("RE"), db)?, names(color.is_in(["blue", "green"]), db)?]
    }
    order_by_key(db) {
        let size = Gadget::meta.key("size");
        Gadget::objects().filter(size.is_null(false)).order_by(size.key("w").desc()).values_list(Gadget::name).all(db)?
    }
}

/// What a condition in words finds.
fn in_words(words: &str, value: impl Into<nuages::field::Value>, db: &Db) -> Vec<String> {
    let condition = Q::parse(words, value).unwrap_or_else(|error| panic!("{words}: {error}"));
    names(condition, db).unwrap_or_else(|error| panic!("{words}: {error}"))
}

#[test]
fn words_lead_into_documents() -> Result<()> {
    let db = data::lab();
    let meta = Gadget::meta;
    assert_eq!(in_words("meta__size__w", 10, &db), ["lamp"]);
    assert_eq!(in_words("meta__tags__0", "b", &db), ["radio"]);
    assert_eq!(in_words("meta__tags__-1", "b", &db), names(meta.key("tags").index(-1).eq("b"), &db)?);
    assert_eq!(in_words("meta__2__k", "v", &db), ["list"]);
    assert_eq!(in_words("meta__size__h__gt", 5, &db), ["lamp"]);
    assert_eq!(in_words("meta__color", nuages::field::Value::Null, &db), ["radio"]);
    assert_eq!(in_words("meta__color__isnull", true, &db), ["blank", "list", "nothing"]);
    assert_eq!(in_words("meta__color__icontains", "RE", &db), ["lamp"]);
    assert_eq!(in_words("meta__color__in", "blue,green", &db), ["fan"]);
    assert_eq!(in_words("meta__has_key", "color", &db), ["fan", "lamp", "radio"]);
    assert_eq!(in_words("meta__has_keys", json!(["color", "size"]), &db), ["fan", "lamp"]);
    assert_eq!(in_words("meta__has_any_keys", "price,on", &db), ["fan", "lamp", "radio"]);
    assert_eq!(in_words("meta__contains", json!({ "on": false }), &db), ["fan"]);
    assert_eq!(in_words("meta__size__contained_by", json!({ "w": 5, "h": 5, "d": 5 }), &db), ["fan"]);

    let gadgets = db.objects("lab.Gadget")?;
    let sizes = gadgets.filter(("meta__size__isnull", false))?.order_by(["-meta__size__w"])?;
    let sizes = sizes.values(["name", "meta__size__w"])?.all(&db)?;
    let row = |name: &str, width: i64| json!({ "name": name, "meta__size__w": width });
    assert_eq!(sizes.answer(), json!([row("lamp", 10), row("fan", 5)]));
    Ok(())
}

#[test]
fn a_number_is_no_text_and_true_is_no_number() -> Result<()> {
    let db = data::lab();
    let width = Gadget::meta.key("size").key("w");
    assert_eq!(names(width.eq("10"), &db)?, [""; 0]);
    assert_eq!(names(width.eq(10.0), &db)?, ["lamp"]);
    assert_eq!(names(Gadget::meta.key("on").eq(true), &db)?, ["lamp"]);
    assert_eq!(names(Gadget::meta.key("on").eq(1), &db)?, [""; 0]);
    assert_eq!(names(Gadget::meta.key("price").range(12, 13), &db)?, ["radio"]);
    Ok(())
}

#[test]
fn containment_and_keys() -> Result<()> {
    let db = data::lab();
    let meta = Gadget::meta;
    assert_eq!(names(meta.contains(json!({ "tags": ["b"] })), &db)?, ["lamp", "radio"]);
    assert_eq!(names(meta.key("tags").contained_by(json!(["a", "b", "z"])), &db)?, ["fan", "lamp"]);
    assert_eq!(names(meta.has_keys(["color", "price"]), &db)?, ["radio"]);
    assert_eq!(names(meta.has_any_keys(["size", "price"]), &db)?, ["fan", "lamp", "radio"]);
    assert_eq!(names(meta.has_keys([""; 0]), &db)?.len(), 6);
    assert_eq!(names(meta.has_any_keys([""; 0]), &db)?, [""; 0]);
    assert_eq!(names(meta.key("size").has_key("w"), &db)?, ["fan", "lamp"]);
    // As in Django, a document that is NULL is not one that has the key.
    assert_eq!(names(!meta.has_key("color"), &db)?, ["blank", "list", "nothing"]);
    Ok(())
}

#[test]
fn a_key_as_text_is_text() -> Result<()> {
    let db = data::lab();
    let color = Gadget::meta.key("color").text();
    let rows =
        Gadget::objects().filter(color.length().gt(3)).values_list((Gadget::name, color.upper())).all(&db)?;
    assert_eq!(rows, [("fan".to_owned(), Some("BLUE".to_owned()))]);
    Ok(())
}

#[test]
fn none_is_null_where_it_is_stored_and_the_documents_null_where_it_is_sought() -> Result<()> {
    let db = data::lab();
    let lamp = Gadget::objects().filter(Gadget::name.eq("lamp"));
    lamp.update(Gadget::meta.set(None), &db)?;
    assert_eq!(names(Gadget::meta.is_null(true), &db)?, ["lamp", "nothing"]);
    lamp.update(Gadget::meta.set(Json::Null), &db)?;
    assert_eq!(names(Gadget::meta.eq(None), &db)?, ["lamp"]);
    assert_eq!(names(Gadget::meta.is_null(true), &db)?, ["nothing"]);
    Ok(())
}
