//! Where joins begin, how they are made, and which are not made at all.

use nuages_engine::Error;
use nuages_engine::algebra::{Comparison, JoinKind, Relation, SortKey, Source};
use nuages_storage::Value;

use super::blog::{A, C, P, author, blog, column, comment, first, is, post, select};

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

#[test]
fn columns_that_are_the_same_where_both_are_null_are_hashed() -> Result<(), Error> {
    let blog = blog()?;
    let other = Source::new(20);
    let same = column(P, post::VIEWS).compare(Comparison::Same, column(other, post::VIEWS));
    let joined = blog.posts().join(JoinKind::Inner, Relation::scan(blog.post, other), same);
    let query = select(joined, [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        21_022,
        [
            "Project 1 columns  ~858 rows",
            "└─ Hash join       ~858 rows",
            "   │  post.views IS NOT DISTINCT FROM post.views",
            "   ├─ Scan post    1000 rows",
            "   └─ Scan post    1000 rows"
        ]
    );
    Ok(())
}

#[test]
fn more_tables_are_joined_than_are_ordered_at_once() -> Result<(), Error> {
    let blog = blog()?;
    let authors = |number: u32| {
        let source = |next| Source::new(100 + number * 100 + next);
        let own = |next| column(source(next), author::ID);
        let first = Relation::scan(blog.author, source(0));
        (1..75).fold(first, |joined, next| {
            let on = own(0).equals(own(next));
            joined.join(JoinKind::Inner, Relation::scan(blog.author, source(next)), on)
        })
    };
    let name = |number: u32| column(Source::new(100 + number * 100 + 74), author::NAME);
    let joined = authors(0).join(JoinKind::Inner, authors(1), name(0).equals(name(1)));
    let query = select(joined, [name(0), name(1)]);
    assert_eq!(blog.plan(&query)?.1.len(), 20);
    Ok(())
}
