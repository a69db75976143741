use nuages_storage::Value;

use super::blog::{Category, Post, Tag, User};
use crate::error::{Error, Misuse};
use crate::node::{Lookup, Node, Operator};
use crate::order::Order;
use crate::prelude::*;

fn parsed(words: &str, value: impl Into<Value>) -> Node {
    Q::<Post>::parse(words, value).unwrap().into_node()
}

#[test]
fn words_mean_what_q_means() {
    assert_eq!(parsed("title", "x"), *Post::title.eq("x").node());
    assert_eq!(parsed("author__username__icontains", "al"), *Post::author.username.icontains("al").node());
    assert_eq!(parsed("created_at__year__gte", 2024), *Post::created_at.year.gte(2024).node());
    assert_eq!(parsed("category__isnull", "true"), *Post::category.is_null(true).node());
    assert_eq!(parsed("author_id", 7), *Post::author_id.eq(7).node());
    assert_eq!(parsed("pk__in", 7), *Post::id.is_in([7]).node());
    let order = Order::<Post>::parse("-author__username").unwrap();
    let typed = Post::objects().order_by(Post::author.username.desc());
    assert_eq!(Post::objects().order_by(order).state(), typed.state());
}

#[test]
fn text_is_converted_to_the_type_of_the_column() {
    let value = |int: i64| Node::Value(int.into());
    let id = Post::id.node();
    let list = Node::call(Operator::Lookup(Lookup::In), [id, value(1), value(5)]);
    assert_eq!(parsed("id__in", "1, 5"), list);
    assert_eq!(parsed("author", "7"), Node::lookup(Lookup::Exact, Post::author.node(), value(7)));
}

#[test]
fn a_text_that_is_no_value_of_the_column_is_told_with_the_words_it_was_given_for() {
    let told = |words: &str, text: &str| Q::<Post>::parse(words, text).unwrap_err().to_string();
    assert_eq!(
        told("author__id__in", "1,x"),
        "author__id__in of Post takes values of type bigint, and \"x\" is none"
    );
    assert_eq!(
        told("created_at__year", "last"),
        "created_at__year of Post takes values of type integer, and \"last\" is none"
    );
    assert_eq!(
        told("category__isnull", "maybe"),
        "the lookup isnull takes true or false, and was given \"maybe\""
    );
    assert_eq!(
        told("id__range", "1,2,3"),
        "the lookup range takes two values, separated by a comma, and was given \"1,2,3\""
    );
    assert_eq!(
        told("id__exact__gt", "1"),
        "the lookup exact ends a condition, and id__exact__gt goes on behind it"
    );
}

#[test]
fn a_wrong_name_is_told_with_what_was_meant() {
    let unknown = |words: &str| match Q::<Post>::parse(words, "x") {
        Err(Error::UnknownName(unknown)) => (unknown.name.clone(), unknown.nearest.clone()),
        other => panic!("{words} is known: {other:?}"),
    };
    assert_eq!(unknown("titel"), ("titel".into(), Some("title".into())));
    assert_eq!(unknown("author__usernme"), ("usernme".into(), Some("username".into())));
    assert_eq!(unknown("title__icontain"), ("icontain".into(), Some("icontains".into())));
    assert_eq!(unknown("title__year"), ("year".into(), None));
    assert_eq!(unknown(""), (String::new(), None));
    assert_eq!(unknown("zz"), ("zz".into(), None));
    assert!(Order::<Post>::parse("-creatd_at").is_err());
}

#[test]
fn a_range_is_two_values_and_isnull_is_true_or_false() {
    assert!(Q::<Post>::parse("id__range", "1").is_err());
    assert!(Q::<Post>::parse("id__range", "1,2,3").is_err());
    assert!(Q::<Post>::parse("id__range", "1,2").is_ok());
    assert!(Q::<Post>::parse("category__isnull", 0).is_err());
    assert!(Q::<Post>::parse("category__isnull", true).is_ok());
}

#[test]
fn an_empty_list_finds_nothing_and_asks_nothing() -> Result<()> {
    let db = App::new().models((User::app(), Category::app(), Tag::app(), Post::app())).open_memory()?;
    let watch = db.capture();
    for list in [Value::from(""), json(serde_json::json!([]))] {
        let found = Post::objects().filter(Q::parse("pk__in", list.clone())?);
        assert_eq!(found.count(&db)?, 0);
    }
    assert_eq!(watch.len(), 0);
    Ok(())
}

fn json(json: serde_json::Value) -> Value {
    Value::Json(Box::new(json))
}

#[test]
fn an_array_is_a_list() {
    let list = json(serde_json::json!([1, "5"]));
    assert_eq!(parsed("pk__in", list.clone()), *Post::id.is_in([1, 5]).node());
    assert_eq!(parsed("pk__range", list), *Post::id.range(1, 5).node());
    assert_eq!(parsed("title__in", json(serde_json::json!(["a,b"]))), *Post::title.is_in(["a,b"]).node());
}

#[test]
fn null_is_equal_to_null_and_compared_with_nothing() {
    assert_eq!(parsed("category", Value::Null), parsed("category__exact", Value::Null));
    for words in ["id__gt", "id__in", "id__range", "title__contains", "created_at__year__lte", "title__regex"]
    {
        let wrong = Q::<Post>::parse(words, Value::Null).map(drop);
        assert!(matches!(wrong, Err(Error::Misuse(Misuse::LookupValue { .. }))), "{words}: {wrong:?}");
    }
}
