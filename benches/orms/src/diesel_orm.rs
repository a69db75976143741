//! Diesel on SQLite.

use diesel::{connection::SimpleConnection, prelude::*};

use crate::contestant::{Contestant, Input, NewUser, Result, weigh};

diesel::table! {
    users (id) { id -> BigInt, name -> Text, hair_color -> Nullable<Text>, }
}
diesel::table! {
    posts (id) { id -> BigInt, user_id -> BigInt, title -> Text, body -> Nullable<Text>, }
}
diesel::table! {
    comments (id) { id -> BigInt, post_id -> BigInt, text -> Text, }
}
diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments);

#[derive(Identifiable, Queryable, Selectable, Debug)]
#[diesel(table_name = users)]
struct User {
    id: i64,
    name: String,
    #[expect(dead_code, reason = "it is loaded as the others load it")]
    hair_color: Option<String>,
}

#[derive(Identifiable, Queryable, Selectable, Associations, Debug)]
#[diesel(table_name = posts, belongs_to(User))]
struct Post {
    id: i64,
    user_id: i64,
    title: String,
    #[expect(dead_code, reason = "it is loaded as the others load it")]
    body: Option<String>,
}

#[derive(Identifiable, Queryable, Selectable, Associations, Debug)]
#[diesel(table_name = comments, belongs_to(Post))]
struct Comment {
    id: i64,
    post_id: i64,
    text: String,
}

#[derive(Insertable)]
#[diesel(table_name = users)]
struct Insert<'a> {
    name: &'a str,
    hair_color: Option<&'a str>,
}

impl<'a> From<&'a NewUser> for Insert<'a> {
    fn from(user: &'a NewUser) -> Self {
        Insert { name: &user.name, hair_color: user.hair_color.as_deref() }
    }
}

/// The tables, as the other contestants on SQLite have them, too.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, hair_color TEXT);
    CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id BIGINT NOT NULL REFERENCES users (id),
                        title TEXT NOT NULL, body TEXT);
    CREATE TABLE comments (id INTEGER PRIMARY KEY AUTOINCREMENT, post_id BIGINT NOT NULL REFERENCES posts (id),
                           text TEXT NOT NULL);
    CREATE INDEX posts_user ON posts (user_id);
    CREATE INDEX comments_post ON comments (post_id);";

/// Forgets the users after a key, and that they have been.
pub(crate) fn forget(users: usize) -> String {
    format!(
        "DELETE FROM users WHERE id > {users}; UPDATE sqlite_sequence SET seq = {users} WHERE name = 'users'"
    )
}

pub(crate) struct Diesel {
    connection: SqliteConnection,
    users: usize,
}

impl Diesel {
    pub(crate) fn new() -> Result<Diesel> {
        let mut connection = SqliteConnection::establish(":memory:")?;
        connection.batch_execute(SCHEMA)?;
        Ok(Diesel { connection, users: 0 })
    }
}

impl Contestant for Diesel {
    fn name(&self) -> &'static str {
        "Diesel"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        self.users = input.users.len();
        self.connection.transaction(|connection| {
            for user in &input.users {
                diesel::insert_into(users::table).values(Insert::from(user)).execute(connection)?;
            }
            for (user, title, body) in &input.posts {
                let post = (posts::user_id.eq(user), posts::title.eq(title), posts::body.eq(body));
                diesel::insert_into(posts::table).values(post).execute(connection)?;
            }
            for (post, text) in &input.comments {
                let comment = (comments::post_id.eq(post), comments::text.eq(text));
                diesel::insert_into(comments::table).values(comment).execute(connection)?;
            }
            Ok(())
        })
    }

    fn all_users(&mut self) -> Result<u64> {
        let users = users::table.select(User::as_select()).load(&mut self.connection)?;
        Ok(users.iter().map(|user| user.name.len() as u64).sum())
    }

    fn black_haired(&mut self) -> Result<u64> {
        let pairs: Vec<(User, Option<Post>)> = users::table
            .left_join(posts::table)
            .filter(users::hair_color.eq("black"))
            .order((users::name.desc(), posts::id))
            .select((User::as_select(), Option::<Post>::as_select()))
            .load(&mut self.connection)?;
        let pairs = pairs.iter().enumerate();
        Ok(pairs
            .map(|(i, (user, post))| weigh(i, &user.name, post.as_ref().map(|post| post.title.as_str())))
            .sum())
    }

    fn insert(&mut self, new: &[NewUser]) -> Result<u64> {
        let rows: Vec<Insert<'_>> = new.iter().map(Insert::from).collect();
        let count = self.connection.transaction(|connection| {
            // SQLite takes 32,766 parameters a statement.
            rows.chunks(10_000).try_fold(0, |count, rows| {
                Ok::<_, diesel::result::Error>(
                    count + diesel::insert_into(users::table).values(rows).execute(connection)?,
                )
            })
        })?;
        Ok(count as u64)
    }

    fn uninsert(&mut self) -> Result<()> {
        Ok(self.connection.batch_execute(&forget(self.users))?)
    }

    fn associations(&mut self) -> Result<u64> {
        let users = users::table.select(User::as_select()).load(&mut self.connection)?;
        let posts = Post::belonging_to(&users).select(Post::as_select()).load(&mut self.connection)?;
        let comments =
            Comment::belonging_to(&posts).select(Comment::as_select()).load(&mut self.connection)?;
        let comments = comments.grouped_by(&posts);
        let posts = posts.into_iter().zip(comments).grouped_by(&users);
        let mut sum = 0;
        for (user, posts) in users.iter().zip(posts) {
            let texts = posts.iter().flat_map(|(_, comments)| comments);
            sum += texts.map(|comment| comment.text.len() as u64 * user.id as u64).sum::<u64>();
        }
        Ok(sum)
    }
}
