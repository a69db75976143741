//! Subqueries in conditions become joins, and mean what they meant.

use nuages_engine::Error;
use nuages_engine::algebra::{Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, JoinKind, SortKey};
use nuages_storage::Value;

use super::blog::{A, C, G, P, author, blog, column, comment, first, is, post, select};

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

/// `(id, id * 37 - 37) IN (SELECT author_id, views FROM post)`, as SQL says it: whether a condition is true of some row.
#[test]
fn rows_are_looked_for_among_rows_by_all_their_columns() -> Result<(), Error> {
    let blog = blog()?;
    let id = || column(A, author::ID);
    let times = id().arithmetic(Arithmetic::Multiply, Expr::literal(37));
    let views = times.arithmetic(Arithmetic::Subtract, Expr::literal(37));
    let both = column(P, post::AUTHOR).equals(id()).and(column(P, post::VIEWS).equals(views));
    let among = Expr::InQuery(Box::new(Expr::literal(true)), Box::new(select(blog.posts(), [both])));
    let (plan, rows) = blog.plan(&select(blog.authors().filter(among), [id()]))?;
    assert!(plan.contains("Index semi-join with post by index post_author_views"), "{plan}");
    assert_eq!(rows.len(), 18, "{plan}"); // all but 7 and 14, whose views are not known
    Ok(())
}

/// The groups that fail are those of no row outside.
#[test]
fn what_may_fail_is_computed_only_for_rows_that_ask_for_it() -> Result<(), Error> {
    let blog = blog()?;
    let shares = Expr::literal(1_000).arithmetic(Arithmetic::Divide, column(P, post::VIEWS));
    let of_author =
        column(P, post::AUTHOR).equals(column(A, author::ID).arithmetic(Arithmetic::Add, Expr::literal(100)));
    let sum = Aggregate::of(AggregateFunction::Sum, shares);
    let summed = select(blog.posts().filter(of_author).aggregate(G, vec![], vec![sum]), [column(G, 0)]);
    let query = select(blog.authors(), [Expr::Scalar(Box::new(summed))]);
    let (plan, rows) = blog.plan(&query)?;
    assert_eq!(rows.len(), 20, "{plan}");
    Ok(())
}

#[test]
fn exists_under_or_marks_rows_by_keys_that_are_read_once() -> Result<(), Error> {
    let blog = blog()?;
    let seldom = column(P, post::VIEWS).compare(Comparison::Less, Expr::literal(10));
    let query = select(blog.posts().filter(seldom.or(blog.is_commented())), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        981,
        [
            "Project 1 columns           ?504 rows",
            "└─ Filter                   ?504 rows",
            "   │  post.views < 10 OR #4.1",
            "   └─ Mark join             1000 rows",
            "      │  whether there is a row with post.id = comment.post_id",
            "      ├─ Scan post          1000 rows",
            "      └─ Project 1 columns  1960 rows",
            "         └─ Scan comment    1960 rows"
        ]
    );
    Ok(())
}

#[test]
fn exists_as_a_column_of_few_rows_looks_each_up() -> Result<(), Error> {
    let blog = blog()?;
    let query = select(blog.posts().filter(is(P, post::ID, 3)), [blog.is_commented()]);
    assert_plan!(
        blog,
        query,
        1,
        [
            "Project 1 columns                            1 row",
            "└─ For each row a subquery                   1 row",
            "   │  whether there is a row",
            "   ├─ Scan post by id                        1 row",
            "   │     id = 3",
            "   └─ Project 0 columns                      ~2 rows",
            "      └─ Scan comment by index comment_post  ~2 rows",
            "            post_id = a parameter"
        ]
    );
    Ok(())
}

#[test]
fn a_row_that_is_not_among_others_is_looked_up_among_all_of_them() -> Result<(), Error> {
    let blog = blog()?;
    let equal = column(P, post::ID)
        .equals(column(C, comment::POST))
        .and(column(P, post::AUTHOR).equals(column(C, comment::ID)));
    let among = Expr::InQuery(Box::new(Expr::literal(true)), Box::new(select(blog.comments(), [equal])));
    let query = select(blog.posts().filter(among.not()), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        999,
        [
            "Project 1 columns           ?500 rows",
            "└─ Filter                   ?500 rows",
            "   │  NOT #4.1",
            "   └─ Mark join             1000 rows",
            "      │  whether there is a row with post.id = comment.post_id AND post.author_id = comment.id, or unknown",
            "      ├─ Scan post          1000 rows",
            "      └─ Project 2 columns  1960 rows",
            "         └─ Scan comment    1960 rows"
        ]
    );
    Ok(())
}

#[test]
fn a_comparison_with_all_rows_is_one_with_the_greatest() -> Result<(), Error> {
    let blog = blog()?;
    let greater = column(P, post::VIEWS).compare(Comparison::Greater, column(C, comment::POST));
    let among = Expr::InQuery(Box::new(Expr::literal(false)), Box::new(select(blog.comments(), [greater])));
    let query = select(blog.posts().filter(among.not()), [column(P, post::ID)]);
    assert_plan!(
        blog,
        query,
        0,
        [
            "Project 1 columns           ?500 rows",
            "└─ Filter                   ?500 rows",
            "   │  NOT #4.1",
            "   └─ Mark join             1000 rows",
            "      │  whether there is a row with post.views <= comment.post_id, or unknown",
            "      ├─ Scan post          1000 rows",
            "      └─ Project 1 columns  1960 rows",
            "         └─ Scan comment    1960 rows"
        ]
    );
    Ok(())
}

#[test]
fn a_count_within_a_sum_is_joined() -> Result<(), Error> {
    let blog = blog()?;
    let own = blog.comments().filter(column(C, comment::POST).equals(column(P, post::ID)));
    let count = select(own.aggregate(G, vec![], vec![Aggregate::rows()]), [column(G, 0)]);
    let sum = Aggregate::of(AggregateFunction::Sum, Expr::Scalar(Box::new(count)));
    let total = nuages_engine::algebra::Source::new(9);
    let query = select(blog.posts().aggregate(total, vec![], vec![sum]), [Expr::from(total.column(0))]);
    assert_plan!(
        blog,
        query,
        1,
        [
            "Project 1 columns                  1 row",
            "└─ Aggregate                       1 row",
            "   │  Sum",
            "   └─ Hash left join               ~1000 rows",
            "      │  #11.1 = post.id",
            "      ├─ Scan post                 1000 rows",
            "      └─ Group by comment.post_id  ~848 rows",
            "         │  CountRows",
            "         └─ Scan comment           1960 rows"
        ]
    );
    Ok(())
}
