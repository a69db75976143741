//! Nuages.

use nuages::prelude::*;

use crate::contestant::{Contestant, Input, NewUser, Result, weigh};

#[derive(Model, Clone, Debug)]
#[model(app = "bench")]
pub(crate) struct User {
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    pub(crate) hair_color: Option<String>,
    #[related(Post::user)]
    pub(crate) posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "bench")]
pub(crate) struct Post {
    pub(crate) id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub(crate) user: ForeignKey<User>,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    #[related(Comment::post)]
    pub(crate) comments: Related<Comment>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "bench")]
pub(crate) struct Comment {
    pub(crate) id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub(crate) post: ForeignKey<Post>,
    pub(crate) text: String,
}

/// A user and one of the posts, as the others load them.
#[derive(Projection, Debug)]
#[projection(User)]
#[expect(dead_code, reason = "columns are loaded as the others load them")]
struct Pair {
    id: i64,
    name: String,
    hair_color: Option<String>,
    #[expr(posts.id)]
    post: Option<i64>,
    #[expr(posts.title)]
    title: Option<String>,
    #[expr(posts.body)]
    body: Option<String>,
}

pub(crate) struct Nuages {
    db: Db,
    users: i64,
}

impl Nuages {
    pub(crate) fn new() -> Result<Nuages> {
        let db = App::new().models((User::app(), Post::app(), Comment::app())).open_memory()?;
        Ok(Nuages { db, users: 0 })
    }
}

fn user(new: &NewUser) -> User {
    new!(User { name: new.name.clone(), hair_color: new.hair_color.clone() })
}

impl Contestant for Nuages {
    fn name(&self) -> &'static str {
        "Nuages"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        User::objects().bulk_create(input.users.iter().map(user), &self.db)?;
        let posts = input.posts.iter();
        let posts = posts
            .map(|(user, title, body)| new!(Post { user: *user, title: title.clone(), body: body.clone() }));
        Post::objects().bulk_create(posts, &self.db)?;
        let comments = input.comments.iter();
        let comments = comments.map(|(post, text)| new!(Comment { post: *post, text: text.clone() }));
        Comment::objects().bulk_create(comments, &self.db)?;
        self.users = input.users.len() as i64;
        Ok(())
    }

    fn all_users(&mut self) -> Result<u64> {
        let users = User::objects().all(&self.db)?;
        Ok(users.iter().map(|user| user.name.len() as u64).sum())
    }

    fn black_haired(&mut self) -> Result<u64> {
        let users = User::objects()
            .filter(User::hair_color.eq("black"))
            .order_by((User::name.desc(), User::posts.id));
        let pairs = users.project::<Pair>().all(&self.db)?;
        Ok(pairs.iter().enumerate().map(|(i, pair)| weigh(i, &pair.name, pair.title.as_deref())).sum())
    }

    fn insert(&mut self, users: &[NewUser]) -> Result<u64> {
        Ok(User::objects().bulk_create(users.iter().map(user), &self.db)?.len() as u64)
    }

    fn uninsert(&mut self) -> Result<()> {
        User::objects().filter(User::id.gt(self.users)).delete(&self.db)?;
        Ok(())
    }

    fn associations(&mut self) -> Result<u64> {
        let users = User::objects().prefetch_related((User::posts, User::posts.comments)).all(&self.db)?;
        let mut sum = 0;
        for user in &users {
            let key = user.id.get().copied().unwrap_or_default() as u64;
            for post in user.posts.all(&self.db)?.iter() {
                sum += post
                    .comments
                    .all(&self.db)?
                    .iter()
                    .map(|comment| comment.text.len() as u64 * key)
                    .sum::<u64>();
            }
        }
        Ok(sum)
    }
}
