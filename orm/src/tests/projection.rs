use nuages_storage::Value;

use super::blog::Post;
use crate::prelude::*;
use crate::queryset::state::Shape;
use crate::row::{Columns, Row};

#[derive(Projection, Debug, PartialEq)]
#[projection(Post)]
struct Summary {
    title: String,
    #[expr(author.username)]
    author: String,
    #[expr(created_at.year)]
    year: i32,
    #[expr(Post::tags.count())]
    tags: i64,
    #[expr(category.name)]
    category: Option<String>,
}

#[test]
fn a_projection_reads_its_fields_in_order() {
    let posts: QuerySet<Post, Summary> = Post::objects().project();
    let Shape::Values { columns, .. } = &posts.state().clauses().shape else { panic!("no values") };
    assert_eq!(columns[1], Post::author.username.node());
    assert_eq!(columns.len(), 5);
    let row: &[Value] = &["t".into(), "alice".into(), Value::Int(2024), Value::Int(2), Value::Null];
    let summary = Summary::read(row, &mut Columns::default()).unwrap();
    let expected = Summary { title: "t".into(), author: "alice".into(), year: 2024, tags: 2, category: None };
    assert_eq!(summary, expected);
}
