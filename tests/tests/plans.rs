//! Plans: that the optimiser does what a person would do, and that its plans have the right rows.
//!
//! Each test shows a query's plan as EXPLAIN draws it. A number without a tilde was counted in a counted tree.

use jiff::Timestamp;
use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn,
    Query, Relation, SortKey, Source, Statement, TextMatch,
};
use nuages_engine::catalog::{Catalog, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
use nuages_engine::plan::Plan;
use nuages_engine::{Context, Database, Error, Session, execute, optimize};
use nuages_storage::{DataType, TableId, Value, Version};

const TEXT: DataType = DataType::Text { max_length: None };

/// A blog: 20 authors with 50 posts each; every post but each fiftieth is published and has two comments.
struct Blog {
    db: Database,
    author: TableId,
    post: TableId,
    comment: TableId,
}

/// The columns of the tables, by their places.
mod author {
    pub(super) const ID: usize = 0;
    pub(super) const NAME: usize = 1;
}

mod post {
    pub(super) const ID: usize = 0;
    pub(super) const AUTHOR: usize = 1;
    pub(super) const SLUG: usize = 2;
    pub(super) const VIEWS: usize = 3;
    pub(super) const PUBLISHED: usize = 4;
}

mod comment {
    pub(super) const ID: usize = 0;
    pub(super) const POST: usize = 1;
}

fn blog() -> Result<Blog, Error> {
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
    fn plan(&self, query: &Query) -> Result<(String, Vec<Vec<Value>>), Error> {
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

    fn posts(&self) -> Relation {
        Relation::scan(self.post, P)
    }

    fn authors(&self) -> Relation {
        Relation::scan(self.author, A)
    }

    fn comments(&self) -> Relation {
        Relation::scan(self.comment, C)
    }

    /// Comments with their posts and the posts' authors, joined in this order as it is written.
    fn everything(&self) -> Relation {
        self.comments()
            .join(JoinKind::Inner, self.posts(), column(C, comment::POST).equals(column(P, post::ID)))
            .join(JoinKind::Inner, self.authors(), column(P, post::AUTHOR).equals(column(A, author::ID)))
    }

    /// That a post has a comment.
    fn is_commented(&self) -> Expr {
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

const A: Source = Source::new(0);
const P: Source = Source::new(1);
const C: Source = Source::new(2);
const G: Source = Source::new(3);

fn column(source: Source, place: usize) -> Expr {
    Expr::from(source.column(place))
}

fn select(relation: Relation, columns: impl IntoIterator<Item = Expr>) -> Query {
    Query::new(relation, columns.into_iter().map(|expr| OutputColumn::new("", expr)).collect())
}

fn count(relation: Relation) -> Query {
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

fn is(source: Source, place: usize, value: impl Into<Value>) -> Expr {
    column(source, place).equals(Expr::literal(value))
}

fn at_least(source: Source, place: usize, value: i64) -> Expr {
    column(source, place).compare(Comparison::GreaterOrEqual, Expr::literal(value))
}

fn first(count: u64, relation: Relation) -> Relation {
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

#[test]
fn a_primary_key_is_looked_up() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(is(P, post::ID, 5)), [column(P, post::SLUG)]);
    assert_plan!(blog, query, 1, ["Project 1 columns   1 row", "└─ Scan post by id  1 row", "      id = 5"]);
    Ok(())
}

#[test]
fn a_list_of_primary_keys_is_looked_up_key_by_key() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts()
            .filter(Expr::InList(Box::new(column(P, post::ID)), vec![Expr::literal(5), Expr::literal(7)])),
        [column(P, post::SLUG)],
    );
    assert_plan!(
        blog,
        query,
        2,
        ["Project 1 columns   2 rows", "└─ Scan post by id  2 rows", "      id IN (5, 7)"]
    );
    Ok(())
}

#[test]
fn a_unique_index_finds_its_row() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(is(P, post::SLUG, "post-7")), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        1,
        [
            "Project 1 columns                    1 row",
            "└─ Scan post by index post_slug_key  1 row",
            "      slug = \"post-7\""
        ]
    );
    Ok(())
}

#[test]
fn an_index_of_two_columns_answers_an_equality_and_a_range() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().filter(is(P, post::AUTHOR, 3).and(at_least(P, post::VIEWS, 900))),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        4,
        [
            "Project 1 columns                        4 rows",
            "└─ Scan post by index post_author_views  4 rows",
            "      author_id = 3",
            "      views >= 900"
        ]
    );
    Ok(())
}

#[test]
fn an_index_finds_nulls() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().filter(is(P, post::AUTHOR, 3).and(column(P, post::VIEWS).is_null())),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        7,
        [
            "Project 1 columns                        7 rows",
            "└─ Scan post by index post_author_views  7 rows",
            "      author_id = 3",
            "      views IS NULL"
        ]
    );
    Ok(())
}

fn matches(source: Source, place: usize, kind: TextMatch, pattern: &str) -> Expr {
    let (text, pattern) = (Box::new(column(source, place)), Box::new(Expr::literal(pattern)));
    Expr::Match { kind, ignore_case: false, text, pattern }
}

#[test]
fn an_index_finds_what_a_text_begins_with() -> Result<(), Error> {
    let blog = blog()?;
    for (kind, pattern) in [(TextMatch::StartsWith, "post-99"), (TextMatch::Like, "post-99%")] {
        let query = select(blog.posts().filter(matches(P, post::SLUG, kind, pattern)), [column(P, post::ID)]);
        assert_plan!(
            blog,
            query,
            11,
            [
                "Project 1 columns                    11 rows",
                "└─ Scan post by index post_slug_key  11 rows",
                "      slug begins with \"post-99\""
            ]
        );
    }
    let query = select(
        blog.posts().filter(matches(P, post::SLUG, TextMatch::Like, "post-99_")),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns                    ~10 rows",
            "└─ Scan post by index post_slug_key  ~10 rows",
            "      slug begins with \"post-99\"",
            "      filter post.slug LIKE 'post-99_'"
        ]
    );
    Ok(())
}

#[test]
fn the_parts_of_a_disjunction_are_found_by_an_index_each() -> Result<(), Error> {
    let blog = blog()?;
    let any = is(P, post::SLUG, "post-7")
        .or(Expr::InList(Box::new(column(P, post::ID)), vec![Expr::literal(7), Expr::literal(9)]))
        .or(is(P, post::AUTHOR, 3).and(at_least(P, post::VIEWS, 900)));
    let query = select(blog.posts().filter(any.clone()), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        6,
        [
            "Project 1 columns                                                     ~6 rows",
            "└─ Scan post by index post_slug_key or id or index post_author_views  ~6 rows",
            "      slug = \"post-7\" OR id IN (7, 9) OR author_id = 3 AND views >= 900"
        ]
    );
    let with_one_that_is_not_indexed = any.or(is(P, post::PUBLISHED, false));
    let query = select(blog.posts().filter(with_one_that_is_not_indexed), [column(P, post::ID)]);
    let (plan, rows) = blog.plan(&query)?;
    assert!(plan.contains("Scan post  "), "{plan}");
    assert_eq!(rows.len(), 26);
    Ok(())
}

#[test]
fn an_index_is_not_used_for_most_of_a_table() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(at_least(P, post::VIEWS, 10)), [column(P, post::SLUG)]);
    assert_plan!(
        blog,
        query,
        850,
        ["Project 1 columns  850 rows", "└─ Scan post       850 rows", "      filter post.views >= 10"]
    );
    Ok(())
}

#[test]
fn an_index_with_a_condition_is_used_where_the_query_implies_it() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().filter(column(P, post::PUBLISHED).not().and(is(P, post::AUTHOR, 11))),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns                  10 rows",
            "└─ Scan post by index post_drafts  10 rows",
            "      author_id = 11"
        ]
    );
    Ok(())
}

#[test]
fn an_index_yields_its_order() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().filter(is(P, post::AUTHOR, 3)).sort(vec![SortKey::ascending(column(P, post::VIEWS))]),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        50,
        [
            "Project 1 columns                        50 rows",
            "└─ Scan post by index post_author_views  50 rows",
            "      author_id = 3"
        ]
    );
    Ok(())
}

#[test]
fn an_index_is_read_backward_for_the_opposite_order() -> Result<(), Error> {
    let blog = blog()?;
    // Entries with equal keys lie in the order of their row ids.
    let newest = [column(P, post::VIEWS), column(P, post::ID)].map(SortKey::descending);
    let query = select(
        first(5, blog.posts().filter(is(P, post::AUTHOR, 3)).sort(newest.into())),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        5,
        [
            "Project 1 columns                                    5 rows",
            "└─ Limit 5                                           5 rows",
            "   └─ Scan post by index post_author_views backward  50 rows",
            "         author_id = 3"
        ]
    );
    Ok(())
}

#[test]
fn a_limit_reads_the_beginning_of_an_index_without_a_sort() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        first(10, blog.posts().sort(vec![SortKey::descending(column(P, post::VIEWS))])),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns                    10 rows",
            "└─ Limit 10                          10 rows",
            "   └─ Scan post by index post_views  1000 rows"
        ]
    );
    Ok(())
}

#[test]
fn an_index_that_has_its_nulls_elsewhere_is_no_order() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        first(
            10,
            blog.posts()
                .sort(vec![SortKey { nulls_first: false, ..SortKey::descending(column(P, post::VIEWS)) }]),
        ),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns   10 rows",
            "└─ Limit 10         10 rows",
            "   └─ Top 10        10 rows",
            "      │  post.views DESC NULLS LAST",
            "      └─ Scan post  1000 rows"
        ]
    );
    Ok(())
}

#[test]
fn an_order_without_an_index_keeps_only_the_first_rows() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        first(10, blog.posts().sort(vec![SortKey::ascending(column(P, post::PUBLISHED))])),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns   10 rows",
            "└─ Limit 10         10 rows",
            "   └─ Top 10        10 rows",
            "      │  post.published",
            "      └─ Scan post  1000 rows"
        ]
    );
    Ok(())
}

#[test]
fn rows_are_counted_in_the_tree() -> Result<(), Error> {
    let blog = blog()?;
    let query = count(blog.posts());
    assert_plan!(blog, query, 1, ["Project 1 columns          1 row", "└─ Count post in the tree  1 row"]);
    Ok(())
}

#[test]
fn a_range_of_an_index_is_counted_in_the_tree() -> Result<(), Error> {
    let blog = blog()?;
    let query = count(blog.posts().filter(at_least(P, post::VIEWS, 900)));
    assert_plan!(
        blog,
        query,
        1,
        [
            "Project 1 columns                              1 row",
            "└─ Count post by index post_views in the tree  1 row",
            "      views >= 900"
        ]
    );
    Ok(())
}

#[test]
fn what_no_path_covers_is_counted_row_by_row() -> Result<(), Error> {
    let blog = blog()?;
    let query = count(blog.posts().filter(at_least(P, post::VIEWS, 900).and(column(P, post::PUBLISHED))));
    assert_plan!(
        blog,
        query,
        1,
        [
            "Project 1 columns  1 row",
            "└─ Aggregate       1 row",
            "   │  CountRows",
            "   └─ Scan post    ~86 rows",
            "         filter post.views >= 900 AND post.published"
        ]
    );
    Ok(())
}

#[test]
fn a_deep_offset_begins_at_its_row() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().sort(vec![SortKey::ascending(column(P, post::ID))]).limit(900, Some(10)),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns  10 rows",
            "└─ Limit 10        10 rows",
            "   └─ Scan post    1000 rows",
            "         begins at row 900 by the counts in the tree"
        ]
    );
    Ok(())
}

#[test]
fn a_deep_offset_begins_at_its_entry_of_an_index() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts().sort(vec![SortKey::descending(column(P, post::VIEWS))]).limit(500, Some(10)),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 1 columns                    10 rows",
            "└─ Limit 10                          10 rows",
            "   └─ Scan post by index post_views  1000 rows",
            "         begins at row 500 by the counts in the tree"
        ]
    );
    Ok(())
}

#[test]
fn joins_begin_at_the_one_row_that_is_wanted() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.everything().filter(is(P, post::SLUG, "post-7")), [column(C, comment::ID)]);
    assert_plan!(
        blog,
        query,
        2,
        [
            "Project 1 columns                                 ~2 rows",
            "└─ Index join with comment by index comment_post  ~2 rows",
            "   │  comment.post_id = post.id",
            "   └─ Scan post by index post_slug_key            1 row",
            "         slug = \"post-7\""
        ]
    );
    Ok(())
}

#[test]
fn joins_begin_at_the_far_end_if_that_is_where_the_condition_is() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.everything().filter(is(A, author::NAME, "author 3")), [column(C, comment::ID)]);
    assert_plan!(
        blog,
        query,
        100,
        [
            "Project 1 columns                                      ~98 rows",
            "└─ Index join with comment by index comment_post       ~98 rows",
            "   │  comment.post_id = post.id",
            "   └─ Index join with post by index post_author_views  ~50 rows",
            "      │  post.author_id = author.id",
            "      └─ Scan author                                   ~1 row",
            "            filter author.name = 'author 3'"
        ]
    );
    Ok(())
}

#[test]
fn joins_of_whole_tables_build_on_the_smaller_side() -> Result<(), Error> {
    let blog = blog()?;
    let names = [column(C, comment::ID), column(P, post::SLUG), column(A, author::NAME)];
    let query = select(blog.everything(), names);
    assert_plan!(
        blog,
        query,
        1960,
        [
            "Project 3 columns     ~1960 rows",
            "└─ Hash join          ~1960 rows",
            "   │  comment.post_id = post.id",
            "   ├─ Scan comment    1960 rows",
            "   └─ Hash join       ~1000 rows",
            "      │  post.author_id = author.id",
            "      ├─ Scan post    1000 rows",
            "      └─ Scan author  20 rows"
        ]
    );
    Ok(())
}

#[test]
fn joins_along_foreign_keys_that_nobody_looks_at_are_not_made() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.everything(), [column(C, comment::ID)]);
    assert_plan!(blog, query, 1960, ["Project 1 columns  1960 rows", "└─ Scan comment    1960 rows"]);
    Ok(())
}

#[test]
fn exists_is_a_semi_join() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(blog.is_commented()), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        980,
        [
            "Project 1 columns   ~1000 rows",
            "└─ Hash semi-join   ~1000 rows",
            "   │  comment.post_id = post.id",
            "   ├─ Scan post     1000 rows",
            "   └─ Scan comment  1960 rows"
        ]
    );
    Ok(())
}

#[test]
fn exists_for_few_rows_looks_each_up() -> Result<(), Error> {
    let blog = blog()?;
    let query =
        select(blog.posts().filter(is(P, post::AUTHOR, 3).and(blog.is_commented())), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        50,
        [
            "Project 1 columns                                      ~50 rows",
            "└─ Index semi-join with comment by index comment_post  ~50 rows",
            "   │  comment.post_id = post.id",
            "   └─ Scan post                                        50 rows",
            "         filter post.author_id = 3"
        ]
    );
    Ok(())
}

#[test]
fn not_exists_is_an_anti_join() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(blog.is_commented().not()), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        20,
        [
            "Project 1 columns   ~100 rows",
            "└─ Hash anti-join   ~100 rows",
            "   │  comment.post_id = post.id",
            "   ├─ Scan post     1000 rows",
            "   └─ Scan comment  1960 rows"
        ]
    );
    Ok(())
}

#[test]
fn an_outer_join_whose_nulls_are_refused_is_an_inner_join() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        blog.posts()
            .join(JoinKind::Left, blog.authors(), column(P, post::AUTHOR).equals(column(A, author::ID)))
            .filter(is(A, author::NAME, "author 3")),
        [column(P, post::ID)],
    );
    assert_plan!(
        blog,
        query,
        50,
        [
            "Project 1 columns                                   ~50 rows",
            "└─ Index join with post by index post_author_views  ~50 rows",
            "   │  post.author_id = author.id",
            "   └─ Scan author                                   ~1 row",
            "         filter author.name = 'author 3'"
        ]
    );
    Ok(())
}

#[test]
fn a_page_with_its_parents_reads_no_more_than_the_page() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(
        first(
            10,
            blog.posts()
                .join(JoinKind::Inner, blog.authors(), column(P, post::AUTHOR).equals(column(A, author::ID)))
                .sort(vec![SortKey::descending(column(P, post::VIEWS))]),
        ),
        [column(P, post::ID), column(A, author::NAME)],
    );
    assert_plan!(
        blog,
        query,
        10,
        [
            "Project 2 columns                            ~10 rows",
            "└─ Limit 10                                  ~10 rows",
            "   └─ Index join with author by primary key  ~1000 rows",
            "      │  post.author_id = author.id",
            "      └─ Scan post by index post_views       1000 rows"
        ]
    );
    Ok(())
}

#[test]
fn in_looks_among_values_that_are_subqueries_themselves() -> Result<(), Error> {
    let blog = blog()?;
    let greatest = Aggregate {
        function: AggregateFunction::Max,
        argument: Some(column(A, author::ID)),
        distinct: false,
        filter: None,
        second: None,
        order_by: Vec::new(),
    };
    let last_author = select(blog.authors().aggregate(G, vec![], vec![greatest]), [column(G, 0)]);
    let values = select(blog.comments(), [Expr::Scalar(Box::new(last_author))]);
    let is_last = Expr::InQuery(Box::new(column(P, post::AUTHOR)), Box::new(values));
    let (_, rows) = blog.plan(&select(blog.posts().filter(is_last), [column(P, post::ID)]))?;
    assert_eq!(rows.len(), 50);
    Ok(())
}

#[test]
fn exists_sees_only_the_rows_that_a_limit_below_its_filter_leaves() -> Result<(), Error> {
    let blog = blog()?;
    let oldest = first(1, blog.posts().sort(vec![SortKey::ascending(column(P, post::ID))]));
    let by_author = oldest.clone().filter(column(P, post::AUTHOR).equals(column(A, author::ID)));
    let query = select(blog.authors().filter(Expr::Exists(Box::new(by_author))), [column(A, author::ID)]);
    assert_eq!(blog.plan(&query)?.1, [[Value::from(2)]]);
    let one_each = oldest.distinct(vec![column(P, post::PUBLISHED)]);
    let by_author = one_each.filter(column(P, post::AUTHOR).equals(column(A, author::ID)));
    let query = select(blog.authors().filter(Expr::Exists(Box::new(by_author))), [column(A, author::ID)]);
    assert_eq!(blog.plan(&query)?.1, [[Value::from(2)]]);
    Ok(())
}

#[test]
fn in_looks_for_a_value_that_is_a_subquery_itself() -> Result<(), Error> {
    let blog = blog()?;
    let least = Aggregate {
        function: AggregateFunction::Min,
        argument: Some(column(C, comment::POST)),
        distinct: false,
        filter: None,
        second: None,
        order_by: Vec::new(),
    };
    let first_post = select(blog.comments().aggregate(G, vec![], vec![least]), [column(G, 0)]);
    let of_author = column(P, post::AUTHOR).equals(column(A, author::ID));
    let own_posts = select(blog.posts().filter(of_author), [column(P, post::ID)]);
    let wrote_it = Expr::InQuery(Box::new(Expr::Scalar(Box::new(first_post))), Box::new(own_posts));
    let query = select(blog.authors().filter(wrote_it), [column(A, author::ID)]);
    assert_eq!(blog.plan(&query)?.1, [[Value::from(2)]]);
    Ok(())
}

/// Forty authors with neighbouring ids, joined in a chain.
#[test]
fn dozens_of_joins_are_planned() -> Result<(), Error> {
    const AUTHORS: u32 = 40;
    let blog = blog()?;
    let of = |number| Source::new(number);
    let chain = (1..AUTHORS).fold(Relation::scan(blog.author, of(0)), |joined, number| {
        let same = column(of(number), author::ID).equals(column(of(number - 1), author::ID));
        joined.join(JoinKind::Inner, Relation::scan(blog.author, of(number)), same)
    });
    let query =
        select(chain.filter(is(of(AUTHORS / 2), author::NAME, "author 7")), [column(of(0), author::ID)]);
    let (plan, rows) = blog.plan(&query)?;
    assert_eq!(rows, [[Value::from(7)]]);
    assert!(!plan.contains("Nested"), "every author is found by the one before:\n{plan}");
    Ok(())
}

/// The condition speaks of both sides and of a third table, so it can go nowhere else.
#[test]
fn the_condition_of_an_outer_join_may_have_a_subquery() -> Result<(), Error> {
    let blog = blog()?;
    let twice = |id: Expr| id.clone().arithmetic(Arithmetic::Add, id);
    let of_both = column(C, comment::POST)
        .equals(column(P, post::ID))
        .and(column(C, comment::ID).compare(Comparison::Less, twice(column(A, author::ID))));
    let on = column(P, post::AUTHOR)
        .equals(column(A, author::ID))
        .and(Expr::Exists(Box::new(blog.comments().filter(of_both))));
    for (kind, expected) in [(JoinKind::Left, 20), (JoinKind::Semi, 19), (JoinKind::Anti, 1)] {
        let query = select(blog.authors().join(kind, blog.posts(), on.clone()), [column(A, author::ID)]);
        let (plan, rows) = blog.plan(&query)?;
        assert!(plan.contains("Hash"), "{plan}");
        assert_eq!(rows.len(), expected, "{kind:?}\n{plan}");
    }
    Ok(())
}
