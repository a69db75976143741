//! The models of the guide's blog.

use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog")]
pub(super) struct User {
    pub id: Auto<i64>,
    #[field(unique, max_length = 150)]
    pub username: String,
    pub boss: Option<i64>,
    #[related(Post::author)]
    pub posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog")]
pub(super) struct Category {
    pub id: Auto<i64>,
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog")]
pub(super) struct Tag {
    pub id: Auto<i64>,
    pub slug: Slug,
    #[related(Post::tags)]
    pub posts: Related<Post>,
}

/// Aliases: no macro may look at a type's name.
type Maybe<T> = Option<T>;
type Words = String;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(
    table = "blog_post",
    app = "blog",
    ordering = [-created_at, author.username],
    verbose_name = "Post",
    index(is_active, -created_at, name = "post_active_date_idx"),
    unique_together(author, title),
    get_latest_by = created_at
)]
pub(super) struct Post {
    pub id: Auto<i64>,
    /// What people read first.
    #[field(max_length = 200)]
    pub title: Words,
    #[field(unique)]
    pub slug: Slug,
    #[field(blank)]
    pub body: String,
    #[field(on_delete = Cascade)]
    pub author: ForeignKey<User>,
    #[field(on_delete = SetNull)]
    pub category: Maybe<ForeignKey<Category>>,
    #[field(default = 0)]
    pub view_count: u32,
    #[field(default = true)]
    pub is_active: bool,
    #[field(max_digits = 10, decimal_places = 2, default = 1)]
    pub price: Decimal,
    pub published: Maybe<DateTime>,
    #[field(auto_now_add)]
    pub created_at: DateTime,
    #[field(auto_now)]
    pub updated_at: DateTime,
    pub tags: ManyToMany<Tag>,
}
