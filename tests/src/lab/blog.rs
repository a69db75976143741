//! A blog: users with profiles, posts with categories, tags and comments.

use super::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct User {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub username: String,
    #[field(blank, default = "")]
    pub email: String,
    #[field(default = false)]
    pub is_staff: bool,
    #[related(Profile::user)]
    pub profile: RelatedOne<Profile>,
    #[related(Post::author)]
    pub posts: Related<Post>,
    #[related(Comment::author)]
    pub comment_set: Related<Comment>,
    #[related(Student::user)]
    pub student: RelatedOne<Student>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Profile {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub user: OneToOne<User>,
    #[field(blank, default = "")]
    pub bio: String,
    #[field(blank, default = "")]
    pub website: String,
    #[field(blank, max_length = 100, default = "")]
    pub location: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", verbose_name_plural = "Categories")]
pub struct Category {
    pub id: Auto<i64>,
    #[field(max_length = 100)]
    pub name: String,
    #[field(unique)]
    pub slug: Slug,
    #[related(Post::category)]
    pub posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Tag {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub name: String,
    #[field(unique)]
    pub slug: Slug,
    #[related(Post::tags)]
    pub posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [-created_at], get_latest_by = created_at)]
pub struct Post {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub title: String,
    #[field(unique)]
    pub slug: Slug,
    pub body: String,
    #[field(on_delete = Cascade)]
    pub author: ForeignKey<User>,
    #[field(blank, on_delete = SetNull)]
    pub category: Option<ForeignKey<Category>>,
    #[field(default = 0)]
    pub view_count: u32,
    #[field(default = true)]
    pub is_active: bool,
    #[field(default = false)]
    pub is_featured: bool,
    #[field(max_length = 20, default = "draft")]
    pub status: String,
    #[field(auto_now_add)]
    pub created_at: DateTime,
    #[field(auto_now)]
    pub updated_at: DateTime,
    pub tags: ManyToMany<Tag>,
    #[related(Comment::post)]
    pub comments: Related<Comment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Comment {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub post: ForeignKey<Post>,
    #[field(on_delete = SetNull)]
    pub author: Option<ForeignKey<User>>,
    #[field(max_length = 200)]
    pub text: String,
    #[field(default = 0)]
    pub score: i32,
    pub flagged: Option<bool>,
    pub created_at: DateTime,
}
