//! Who competes, and on which rows.

/// A contestant's error, whatever its own type is.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A user to insert.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) hair_color: Option<String>,
}

/// The rows of a run. Keys count from one in the order of the lists.
#[derive(Debug)]
pub(crate) struct Input {
    /// The users who are there.
    pub(crate) users: Vec<NewUser>,
    /// The posts: the key of the user, title, text.
    pub(crate) posts: Vec<(i64, String, Option<String>)>,
    /// The comments: the key of the post and the text.
    pub(crate) comments: Vec<(i64, String)>,
    /// The users to insert.
    pub(crate) fresh: Vec<NewUser>,
}

/// Posts of a user, and comments of a post; only the first hundred users have comments.
const CHILDREN: usize = 5;

impl Input {
    /// The rows for so many users.
    pub(crate) fn generate(users: usize) -> Input {
        let user = |i: usize| NewUser {
            name: format!("User {i}"),
            hair_color: ["black", "brown", ""]
                .get(i % 3)
                .filter(|color| !color.is_empty())
                .map(|&color| color.to_owned()),
        };
        let posts = (0..users * CHILDREN).map(|i| {
            let text = (i % 2 == 0).then(|| format!("the text of post {i}, which is some words long"));
            ((i / CHILDREN) as i64 + 1, format!("Post {i}"), text)
        });
        let comments = (0..users.min(1_000) * CHILDREN * CHILDREN)
            .map(|i| ((i / CHILDREN) as i64 + 1, format!("Comment {i}, which agrees")));
        Input {
            users: (0..users).map(user).collect(),
            posts: posts.collect(),
            comments: comments.collect(),
            fresh: (users..users * 2).map(user).collect(),
        }
    }
}

/// An ORM, or a programmer without one, with a database of users, posts and comments.
pub(crate) trait Contestant {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// Takes the rows; not timed.
    fn load(&mut self, input: &Input) -> Result<()>;

    /// All users as structs: the sum of the lengths of their names.
    fn all_users(&mut self) -> Result<u64>;

    /// The black-haired users with their posts, a pair for each post and one for who has none, by name from the last to
    /// the first: the sum of the lengths of names and titles, each times its place modulo 7.
    fn black_haired(&mut self) -> Result<u64>;

    /// Inserts users as one batch: how many.
    fn insert(&mut self, users: &[NewUser]) -> Result<u64>;

    /// Deletes what [`insert`](Contestant::insert) inserted.
    fn uninsert(&mut self) -> Result<()>;

    /// All users with their posts with their comments: the sum of the lengths of the comments of each user times the
    /// user's key.
    fn associations(&mut self) -> Result<u64>;
}

/// What [`Contestant::black_haired`] adds up.
pub(crate) fn weigh(place: usize, name: &str, title: Option<&str>) -> u64 {
    (place % 7) as u64 * (name.len() + title.map_or(0, str::len)) as u64
}
