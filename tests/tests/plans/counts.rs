//! What the counts in the trees answer: how many rows there are, and where a deep page begins.

use nuages_engine::Error;
use nuages_engine::algebra::SortKey;

use super::blog::{P, at_least, blog, column, count, post, select};

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
