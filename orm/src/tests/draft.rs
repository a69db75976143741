use std::sync::Arc;

use nuages_storage::Value;

use super::blog::{Category, Post, User};
use crate::field::{RowWriter, ValueRow};
use crate::model::Model;
use crate::prelude::*;

fn alice() -> User {
    let mut alice = new!(User { username: "alice" });
    alice.id = 7.into();
    alice.bind();
    alice
}

#[test]
fn what_was_not_written_has_its_default() {
    let title = String::from("Hello");
    let alice = alice();
    let post = new!(Post { title, slug: "hello", author: &alice });
    assert_eq!((post.title.as_str(), &*post.slug, post.body.as_str()), ("Hello", "hello", ""));
    assert_eq!((post.view_count, post.is_active, post.price), (0, true, Decimal::ONE));
    assert_eq!((post.id.get(), post.category.as_ref(), post.published), (None, None, None));
    assert_eq!(post.author.loaded(), Some(&alice));
    assert!(post.created_at > DateTime::UNIX_EPOCH);
}

#[test]
fn a_key_takes_an_instance_a_key_a_number_or_nothing_yet() {
    let mut tech = new!(Category { name: "tech" });
    tech.id = 3.into();
    let post = new!(Post { title: "t", slug: "s", author: 7, category: &tech });
    assert_eq!((post.author.key(), post.category.as_ref().and_then(|key| key.key())), (Some(&7), Some(&3)));
    let later = new!(Post { title: "t", slug: "s", author: _, category: None });
    assert_eq!((later.author.key(), later.category), (None, None));
}

#[test]
fn reverse_relations_know_their_owner() {
    let mut alice = alice();
    assert_eq!(alice.posts.owner().and_then(|owner| owner.single_key()), Some(Value::Int(7)));
    alice.posts.keep(Some(Arc::default()));
    alice.bind();
    assert!(alice.posts.loaded().is_some());
    alice.id = 8.into();
    alice.bind();
    assert!(alice.posts.loaded().is_none());
}

#[derive(Default)]
struct Values(Vec<Value>);

impl Values {
    fn put(&mut self, column: usize, write: impl FnOnce(&mut ValueRow)) {
        assert_eq!(column, self.0.len(), "columns come in order");
        let mut row = ValueRow::default();
        write(&mut row);
        self.0.push(row.into_value());
    }
}

macro_rules! writers {
    ($($method:ident($type:ty);)*) => {
        impl RowWriter for Values {
            fn null(&mut self, column: usize) {
                self.put(column, |row| row.null(0));
            }
            fn fill(&mut self, column: usize) {
                self.put(column, |row| row.fill(0));
            }
            $(fn $method(&mut self, column: usize, value: $type) {
                self.put(column, |row| row.$method(0, value));
            })*
        }
    };
}
writers! {
    bool(bool);
    int(i64);
    float(f64);
    decimal(Decimal);
    text(&str);
    bytes(&[u8]);
    date(Date);
    time(Time);
    timestamp(DateTime);
    duration(Duration);
    uuid(Uuid);
    json(&Json);
    value(Value);
}

#[test]
fn a_row_is_read_as_it_was_written() {
    let mut post = new!(Post { title: "t", slug: "s", author: 7, view_count: 9 });
    post.id = 1.into();
    let mut values = Values::default();
    post.encode(&mut values);
    assert_eq!(values.0.len(), Post::meta().column_count());
    let read = Post::decode(values.0.as_slice()).unwrap();
    assert_eq!(read, post);
    assert!(read.id.is_stored() && !post.id.is_stored());

    values.0[6] = Value::Int(-1);
    let error = Post::decode(values.0.as_slice()).unwrap_err();
    assert_eq!((error.column, error.found), (6, Value::Int(-1)));
}
