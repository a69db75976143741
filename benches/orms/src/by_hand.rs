//! rusqlite, and structs filled by hand; every statement is prepared once.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use crate::{
    contestant::{Contestant, Input, NewUser, Result, weigh},
    diesel_orm::{SCHEMA, forget},
};

struct User {
    id: i64,
    name: String,
    #[expect(dead_code, reason = "it is loaded as the others load it")]
    hair_color: Option<String>,
}

struct Post {
    id: i64,
    user_id: i64,
    title: String,
    #[expect(dead_code, reason = "it is loaded as the others load it")]
    body: Option<String>,
}

struct Comment {
    #[expect(dead_code, reason = "it is loaded as the others load it")]
    id: i64,
    post_id: i64,
    text: String,
}

pub(crate) struct ByHand {
    connection: Connection,
    users: usize,
}

impl ByHand {
    pub(crate) fn new() -> Result<ByHand> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(ByHand { connection, users: 0 })
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
    }

    fn users(&self) -> Result<Vec<User>> {
        self.rows("SELECT id, name, hair_color FROM users", |row| {
            Ok(User { id: row.get(0)?, name: row.get(1)?, hair_color: row.get(2)? })
        })
    }
}

impl Contestant for ByHand {
    fn name(&self) -> &'static str {
        "rusqlite by hand"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        self.users = input.users.len();
        self.insert(&input.users)?;
        let transaction = self.connection.transaction()?;
        for (user, title, body) in &input.posts {
            let mut insert =
                transaction.prepare_cached("INSERT INTO posts (user_id, title, body) VALUES (?, ?, ?)")?;
            insert.execute(params![user, title, body])?;
        }
        for (post, text) in &input.comments {
            let mut insert =
                transaction.prepare_cached("INSERT INTO comments (post_id, text) VALUES (?, ?)")?;
            insert.execute(params![post, text])?;
        }
        Ok(transaction.commit()?)
    }

    fn all_users(&mut self) -> Result<u64> {
        Ok(self.users()?.iter().map(|user| user.name.len() as u64).sum())
    }

    fn black_haired(&mut self) -> Result<u64> {
        let sql = "SELECT u.id, u.name, u.hair_color, p.id, p.user_id, p.title, p.body \
                   FROM users u LEFT JOIN posts p ON p.user_id = u.id \
                   WHERE u.hair_color = 'black' ORDER BY u.name DESC, p.id";
        let pairs = self.rows(sql, |row| {
            let user = User { id: row.get(0)?, name: row.get(1)?, hair_color: row.get(2)? };
            let post = match row.get(3)? {
                Some(id) => Some(Post { id, user_id: row.get(4)?, title: row.get(5)?, body: row.get(6)? }),
                None => None,
            };
            Ok((user, post))
        })?;
        let pairs = pairs.iter().enumerate();
        Ok(pairs
            .map(|(i, (user, post))| weigh(i, &user.name, post.as_ref().map(|post| post.title.as_str())))
            .sum())
    }

    fn insert(&mut self, users: &[NewUser]) -> Result<u64> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO users (name, hair_color) VALUES (?, ?)")?;
            for user in users {
                insert.execute(params![user.name, user.hair_color])?;
            }
        }
        transaction.commit()?;
        Ok(users.len() as u64)
    }

    fn uninsert(&mut self) -> Result<()> {
        Ok(self.connection.execute_batch(&forget(self.users))?)
    }

    fn associations(&mut self) -> Result<u64> {
        let users = self.users()?;
        let posts = self.rows("SELECT id, user_id, title, body FROM posts", |row| {
            Ok(Post { id: row.get(0)?, user_id: row.get(1)?, title: row.get(2)?, body: row.get(3)? })
        })?;
        let comments = self.rows("SELECT id, post_id, text FROM comments", |row| {
            Ok(Comment { id: row.get(0)?, post_id: row.get(1)?, text: row.get(2)? })
        })?;
        let mut of_post: HashMap<i64, Vec<Comment>> = HashMap::new();
        for comment in comments {
            of_post.entry(comment.post_id).or_default().push(comment);
        }
        let mut of_user: HashMap<i64, Vec<(Post, Vec<Comment>)>> = HashMap::new();
        for post in posts {
            let comments = of_post.remove(&post.id).unwrap_or_default();
            of_user.entry(post.user_id).or_default().push((post, comments));
        }
        let mut sum = 0;
        for user in &users {
            let texts = of_user.get(&user.id).into_iter().flatten().flat_map(|(_, comments)| comments);
            sum += texts.map(|comment| comment.text.len() as u64 * user.id as u64).sum::<u64>();
        }
        Ok(sum)
    }
}
