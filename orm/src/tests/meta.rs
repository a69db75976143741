use nuages_storage::{DataType, Value};

use super::blog::{Category, Post, Tag, User};
use crate::meta::{FieldKind, OnDelete, OrderMeta};
use crate::model::Model;

#[test]
fn options_and_types_are_described() {
    let meta = Post::meta();
    assert_eq!((meta.name, meta.app, meta.table), ("Post", "blog", "blog_post"));
    assert_eq!((meta.verbose_name, meta.verbose_name_plural), ("Post", "Posts"));
    assert_eq!(User::meta().table, "blog_user");
    let newest = OrderMeta { path: &["created_at"], descending: true };
    assert_eq!(meta.ordering, [newest, OrderMeta { path: &["author", "username"], descending: false }]);
    assert_eq!(meta.get_latest_by, [OrderMeta { path: &["created_at"], descending: false }]);
    assert_eq!(meta.indexes[0].name, Some("post_active_date_idx"));
    assert_eq!(meta.indexes[0].fields, [(7, false), (10, true)]);
    assert_eq!(meta.unique_together, [[4, 1]]);
    assert_eq!(meta.primary_key, [0]);

    let columns: Vec<_> = meta.columns().map(|(_, field)| field.column).collect();
    let expected = [
        "id",
        "title",
        "slug",
        "body",
        "author_id",
        "category_id",
        "view_count",
        "is_active",
        "price",
        "published",
        "created_at",
        "updated_at",
    ];
    assert_eq!(columns, expected);
    assert_eq!(meta.column_count(), 12);
}

#[test]
fn aliases_of_option_and_string_are_seen_through() {
    let meta = Post::meta();
    let field = |name| &meta.fields[usize::from(meta.field_index(name).unwrap())];
    assert!(matches!(field("title").kind, FieldKind::Column(DataType::Text { max_length: Some(200) })));
    assert!(matches!(field("price").kind, FieldKind::Column(DataType::Decimal { precision: 10, scale: 2 })));
    assert!(field("category").null && field("published").null && !field("author").null);
    assert!(
        field("id").auto && field("id").primary_key && field("view_count").unsigned == Some(u32::MAX.into())
    );
    assert!(matches!(field("category").on_delete, OnDelete::SetNull));
    assert_eq!(field("view_count").default.map(|default| default()), Some(Value::Int(0)));
    assert!(!field("created_at").editable && field("title").editable);
    assert_eq!(field("created_at").verbose_name, "created at");
}

#[test]
fn relations_lead_to_descriptions_and_back() {
    let author = Post::meta().fields[4];
    let tags = Post::meta().fields[12];
    assert_eq!(author.related_model(), Some(User::meta()));
    assert_eq!(tags.related_model(), Some(Tag::meta()));
    assert_ne!(author.related_model(), Some(Category::meta()));
    let FieldKind::Reverse { child, field, one } = User::meta().fields[3].kind else {
        panic!("not a reverse relation");
    };
    assert_eq!((child(), field(), one), (Post::meta(), 4, false));
}
