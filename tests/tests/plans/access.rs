//! How one table is read: by its key, by an index, in the order of one, or whole.

use nuages_engine::Error;
use nuages_engine::algebra::{Expr, SortKey, Source, TextMatch};

use super::blog::{P, at_least, blog, column, first, is, post, select};

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
