//! The blog of the guide: its models, and a few rows.

use nuages::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "auth")]
pub(crate) struct User {
    pub(crate) id: Auto<i64>,
    #[field(max_length = 150, unique)]
    pub(crate) username: String,
    #[field(default = false)]
    pub(crate) is_staff: bool,
    pub(crate) last_login: Option<DateTime>,
    #[related(Profile::user)]
    pub(crate) profile: RelatedOne<Profile>,
    #[related(Post::author)]
    pub(crate) posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog")]
pub(crate) struct Profile {
    pub(crate) id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub(crate) user: OneToOne<User>,
    #[field(blank, default = "")]
    pub(crate) bio: String,
    #[field(blank, default = "")]
    pub(crate) website: Url,
    #[field(blank, max_length = 100, default = "")]
    pub(crate) location: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog", verbose_name_plural = "Categories")]
pub(crate) struct Category {
    pub(crate) id: Auto<i64>,
    #[field(max_length = 100)]
    pub(crate) name: String,
    #[field(unique)]
    pub(crate) slug: Slug,
    #[related(Post::category)]
    pub(crate) posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "blog")]
pub(crate) struct Tag {
    pub(crate) id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub(crate) name: String,
    #[field(unique)]
    pub(crate) slug: Slug,
    #[related(Post::tags)]
    pub(crate) posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(
    app = "blog",
    ordering = [-created_at],
    verbose_name = "Post",
    verbose_name_plural = "Posts",
    index(slug),
    index(-created_at),
    index(is_active, -created_at, name = "post_active_date_idx")
)]
pub(crate) struct Post {
    pub(crate) id: Auto<i64>,
    #[field(max_length = 200)]
    pub(crate) title: String,
    #[field(unique)]
    pub(crate) slug: Slug,
    pub(crate) body: String,
    #[field(on_delete = Cascade)]
    pub(crate) author: ForeignKey<User>,
    #[field(on_delete = SetNull, blank)]
    pub(crate) category: Option<ForeignKey<Category>>,
    pub(crate) tags: ManyToMany<Tag>,
    #[field(default = 0)]
    pub(crate) view_count: u32,
    #[field(default = true)]
    pub(crate) is_active: bool,
    #[field(default = false)]
    pub(crate) is_featured: bool,
    #[field(auto_now_add)]
    pub(crate) created_at: DateTime,
    #[field(auto_now)]
    pub(crate) updated_at: DateTime,
}

/// An empty blog.
pub(crate) fn empty() -> Db {
    let models = (User::app(), Profile::app(), Category::app(), Tag::app(), Post::app());
    App::new().models(models).open_memory().expect("the models fit together")
}

/// Title, author, category, views, whether it is active, tags, day.
type PostLine =
    (&'static str, &'static str, Option<&'static str>, u32, bool, &'static [&'static str], &'static str);

/// The rows of [`blog`], a post a line.
const POSTS: [PostLine; 8] = [
    ("Hello Django", "alice", Some("tech"), 12_000, true, &["django", "python"], "2024-01-05"),
    ("Python tips", "alice", Some("tech"), 1_500, true, &["python"], "2024-02-10"),
    ("The old days", "alice", None, 90, false, &[], "2023-05-01"),
    ("Queries in depth", "bob", Some("tech"), 300, true, &["django"], "2024-03-01"),
    ("A walk in Paris", "bob", Some("travel"), 2_500, true, &["travel"], "2024-06-20"),
    ("Old maps of Paris", "bob", Some("travel"), 120, true, &["travel", "maps"], "2023-11-11"),
    ("Django signals", "carol", Some("tech"), 80, true, &["django"], "2024-07-01"),
    ("Notes", "carol", None, 5, false, &["python"], "2025-01-01"),
];

/// A blog with three authors, two of them with a profile, three categories, four tags and eight posts.
pub(crate) fn blog() -> Db {
    let db = empty();
    fill(&db).expect("the rows fit the models");
    db
}

fn fill(db: &Db) -> Result<()> {
    for (username, is_staff) in [("alice", false), ("bob", false), ("carol", true)] {
        let user = User::objects().create(new!(User { username, is_staff }), db)?;
        if !is_staff {
            let profile = new!(Profile { user: &user, bio: format!("I am {username}"), location: "Paris" });
            Profile::objects().create(profile, db)?;
        }
    }
    for (name, slug) in [("Technology", "tech"), ("Travel", "travel"), ("Cooking", "cooking")] {
        Category::objects().create(new!(Category { name, slug }), db)?;
    }
    for slug in ["django", "python", "travel", "maps"] {
        Tag::objects().create(new!(Tag { name: format!("#{slug}"), slug }), db)?;
    }
    for (title, author, category, view_count, is_active, tags, day) in POSTS {
        let author = User::objects().get(User::username.eq(author), db)?;
        let category =
            category.map(|slug| Category::objects().get(Category::slug.eq(slug), db)).transpose()?;
        let category = category.as_ref().map(ForeignKey::from);
        let slug = title.to_lowercase().replace(' ', "-");
        let body = format!("{title}: the text.");
        let post = new!(Post { title, slug, body, author: &author, category, view_count, is_active });
        let mut post = Post::objects().create(post, db)?;
        let tags = Tag::objects().filter(Tag::slug.is_in(tags)).all(db)?;
        post.tags.add(&tags, db)?;
        let created_at: DateTime = format!("{day}T12:00:00Z").parse().expect("a day");
        Post::objects().filter(Post::id.eq(post.id)).update(Post::created_at.set(created_at), db)?;
    }
    Ok(())
}

/// The titles of the rows of a queryset, in its order.
pub(crate) fn titles(posts: QuerySet<Post>, db: &Db) -> Result<Vec<String>> {
    posts.values_list(Post::title).all(db)
}
