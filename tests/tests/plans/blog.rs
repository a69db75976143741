//! A blog to plan for, and the words in which its queries are written.

use jiff::Timestamp;
use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn, Query,
    Relation, Source, Statement,
};
use nuages_engine::catalog::{Catalog, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
use nuages_engine::plan::Plan;
use nuages_engine::{Context, Database, Error, Session, execute, optimize};
use nuages_storage::{DataType, TableId, Value, Version};

const TEXT: DataType = DataType::Text { max_length: None };

/// A blog: 20 authors with 50 posts each; every post but each fiftieth is published and has two comments.
pub(crate) struct Blog {
    db: Database,
    pub(crate) author: TableId,
    pub(crate) post: TableId,
    pub(crate) comment: TableId,
}

/// The columns of the tables, by their places.
pub(crate) mod author {
    pub(crate) const ID: usize = 0;
    pub(crate) const NAME: usize = 1;
}

pub(crate) mod post {
    pub(crate) const ID: usize = 0;
    pub(crate) const AUTHOR: usize = 1;
    pub(crate) const SLUG: usize = 2;
    pub(crate) const VIEWS: usize = 3;
    pub(crate) const PUBLISHED: usize = 4;
}

pub(crate) mod comment {
    pub(crate) const ID: usize = 0;
    pub(crate) const POST: usize = 1;
}

pub(crate) fn blog() -> Result<Blog, Error> {
    let db = Database::new();
    let id = || NewColumn::new("id", DataType::BigInt).generated();
    let author = db.create_table(
        NewTable::new("author").column(id()).column(NewColumn::new("name", TEXT)).primary_key(["id"]),
    )?;
    let post = db.create_table(
        NewTable::new("post")
            .column(id())
            .column(NewColumn::new("author_id", DataType::BigInt))
            .column(NewColumn::new("slug", TEXT))
            .column(NewColumn::new("views", DataType::Integer).nullable(true))
            .column(NewColumn::new("published", DataType::Bool))
            .primary_key(["id"])
            .unique(NewIndex::new("post_slug_key", ["slug"]))
            .index(NewIndex::new("post_author_views", ["author_id", "views"]))
            .index(NewIndex::new("post_views", [NewPart::column("views").descending()]))
            .index(
                NewIndex::new("post_drafts", ["author_id"])
                    .when(Expr::from(Source::SELF.column(post::PUBLISHED)).not()),
            )
            .foreign_key(NewForeignKey::new("post_author", ["author_id"], "author", ["id"])),
    )?;
    let comment = db.create_table(
        NewTable::new("comment")
            .column(id())
            .column(NewColumn::new("post_id", DataType::BigInt))
            .column(NewColumn::new("body", TEXT))
            .primary_key(["id"])
            .index(NewIndex::new("comment_post", ["post_id"]))
            .foreign_key(NewForeignKey::new("comment_post", ["post_id"], "post", ["id"])),
    )?;
    let blog = Blog { db, author, post, comment };
    blog.insert(author, (1..=20).map(|n| vec![Value::from(n), Value::from(format!("author {n}"))]))?;
    blog.insert(
        post,
        (1..=1000).map(|n| {
            let views = if n % 7 == 0 { Value::Null } else { Value::from(n * 37 % 1000) };
            vec![Value::from(n), (n % 20 + 1).into(), format!("post-{n}").into(), views, (n % 50 != 0).into()]
        }),
    )?;
    let commented = (1..=1000).filter(|n| n % 50 != 0).flat_map(|n| [(2 * n, n), (2 * n + 1, n)]);
    blog.insert(comment, commented.map(|(id, n)| vec![id.into(), n.into(), format!("comment {id}").into()]))?;
    Ok(blog)
}

impl Blog {
    fn insert(&self, table: TableId, rows: impl Iterator<Item = Vec<Value>>) -> Result<(), Error> {
        let rows: Vec<Vec<Option<Expr>>> =
            rows.map(|row| row.into_iter().map(|value| Some(Expr::Literal(value))).collect()).collect();
        let columns = (0..rows.first().map_or(0, Vec::len)).collect();
        let rows = InsertSource::Values(rows);
        let insert =
            Insert { table, columns, rows, source: Source::new(0), returning: Vec::new(), conflict: None };
        self.db.execute(&Statement::Insert(insert), &[]).map(drop)
    }

    /// Shows the plan of a query, checks that it has the rows of the plan that runs the query as it is written, and
    /// returns it as drawn, and the rows.
    pub(crate) fn plan(&self, query: &Query) -> Result<(String, Vec<Vec<Value>>), Error> {
        let version = self.db.version()?;
        let catalog = Catalog::of(&version);
        let plan = optimize::plan(query.clone(), catalog, &version)?;
        let naive = optimize::plan_naively(query.clone(), catalog, &version)?;
        let (rows, expected) = (run(&plan, &version)?, run(&naive, &version)?);
        let sorted = |rows: &[Vec<Value>]| {
            let mut rows = rows.to_vec();
            rows.sort();
            rows
        };
        assert_eq!(sorted(&rows), sorted(&expected), "{}", plan.explain(catalog));
        Ok((plan.explain(catalog).to_string(), rows))
    }

    pub(crate) fn posts(&self) -> Relation {
        Relation::scan(self.post, P)
    }

    pub(crate) fn authors(&self) -> Relation {
        Relation::scan(self.author, A)
    }

    pub(crate) fn comments(&self) -> Relation {
        Relation::scan(self.comment, C)
    }

    /// Comments with their posts and the posts' authors, joined in this order as it is written.
    pub(crate) fn everything(&self) -> Relation {
        self.comments()
            .join(JoinKind::Inner, self.posts(), column(C, comment::POST).equals(column(P, post::ID)))
            .join(JoinKind::Inner, self.authors(), column(P, post::AUTHOR).equals(column(A, author::ID)))
    }

    /// That a post has a comment.
    pub(crate) fn is_commented(&self) -> Expr {
        let own = column(C, comment::POST).equals(column(P, post::ID));
        Expr::Exists(Box::new(self.comments().filter(own)))
    }
}

fn run(plan: &Plan, version: &Version) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = Vec::new();
    let context = Context::at(&[], Timestamp::UNIX_EPOCH);
    execute::run(plan, version, &context, &mut |batch| {
        rows.extend(batch.selection.iter().map(|row| batch.row(row)));
        Ok(())
    })?;
    Ok(rows)
}

pub(crate) const A: Source = Source::new(0);
pub(crate) const P: Source = Source::new(1);
pub(crate) const C: Source = Source::new(2);
pub(crate) const G: Source = Source::new(3);

pub(crate) fn column(source: Source, place: usize) -> Expr {
    Expr::from(source.column(place))
}

pub(crate) fn select(relation: Relation, columns: impl IntoIterator<Item = Expr>) -> Query {
    Query::new(relation, columns.into_iter().map(|expr| OutputColumn::new("", expr)).collect())
}

pub(crate) fn count(relation: Relation) -> Query {
    let rows = Aggregate {
        function: AggregateFunction::CountRows,
        argument: None,
        distinct: false,
        filter: None,
        second: None,
        order_by: Vec::new(),
    };
    select(relation.aggregate(G, vec![], vec![rows]), [column(G, 0)])
}

pub(crate) fn is(source: Source, place: usize, value: impl Into<Value>) -> Expr {
    column(source, place).equals(Expr::literal(value))
}

pub(crate) fn at_least(source: Source, place: usize, value: i64) -> Expr {
    column(source, place).compare(Comparison::GreaterOrEqual, Expr::literal(value))
}

pub(crate) fn first(count: u64, relation: Relation) -> Relation {
    relation.limit(0, Some(count))
}

/// Asserts what a plan looks like and how many rows it has.
macro_rules! assert_plan {
    ($blog:expr, $query:expr, $rows:expr, [$($line:expr),* $(,)?]) => {
        let (plan, rows) = $blog.plan(&$query)?;
        assert_eq!(plan.lines().collect::<Vec<_>>(), [$($line),*], "the plan is\n{plan}");
        assert_eq!(rows.len(), $rows);
    };
}
