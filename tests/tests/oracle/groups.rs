//! `annotate`, `aggregate` and grouping: Django's answers.

use nuages::{error::Error, error::Misuse, prelude::*};
use nuages_engine::algebra::DateUnit;
use nuages_tests::{chinook::*, data, lab, oracle, oracle::Answer};
use serde_json::json;

mod annotate {
    use super::*;

    oracle! { "annotate", data::chinook;
        having(db) {
            let n = Artist::albums.count();
            Artist::objects().annotate(&n).filter(n.gte(8)).order_by((n.desc(), Artist::name)).values_list((Artist::name, &n)).all(db)?
        }
        having_or_where(db) {
            let n = Artist::albums.count();
            Artist::objects().annotate(&n).filter(n.gte(10) | Artist::name.eq("AC/DC")).order_by(Artist::name)
                .values_list((Artist::name, &n)).all(db)?
        }
        values_grouping(db) {
            let (n, total) = (Track::pk.count().named("n"), Track::milliseconds.sum().named("total"));
            Track::objects().values(Track::unit_price).annotate(&n).annotate(&total).order_by(Track::unit_price).all(db)?
        }
        values_after_does_not_group(db) {
            let n = Track::pk.count();
            [
                Track::objects().values_list((Track::media_type,)).annotate(&n).count(db)?,
                Track::objects().annotate(&n).values_list((Track::media_type, &n)).count(db)?,
            ]
        }
        order_by_joins_the_group_by(db) {
            let grouped = || Track::objects().values_list((Track::media_type,)).annotate(Track::pk.count());
            [grouped().order_by(Track::media_type).all(db)?.len(), grouped().order_by(Track::genre_id).all(db)?.len()]
        }
        meta_ordering_does_not_join_the_group_by(db) {
            Employee::objects().values(Employee::title).annotate(Employee::pk.count().named("n")).order_by(Employee::title).all(db)?
        }
        group_by_relation(db) {
            let n = Album::pk.count().named("n");
            Album::objects().values(Album::artist.name).annotate(&n).order_by((n.desc(), Album::artist.name)).slice(..4).all(db)?
        }
        group_by_annotation(db) {
            let minutes = (Track::milliseconds / 60000).named("minutes");
            let n = Track::pk.count().named("n");
            Track::objects().annotate(&minutes).values(&minutes).annotate(&n).order_by(&minutes).slice(..5).all(db)?
        }
        group_by_trunc_month(db) {
            let month = Invoice::invoice_date.truncate(DateUnit::Month).named("month");
            let (n, total) = (Invoice::pk.count().named("n"), Invoice::total.sum().named("total"));
            Invoice::objects().filter(Invoice::invoice_date.year.eq(2011)).annotate(&month).values(&month)
                .annotate(&n).annotate(&total).order_by(&month).all(db)?
        }
        count_with_having(db) {
            let n = Artist::albums.count();
            Artist::objects().annotate(&n).filter(n.gt(5)).count(db)?
        }
        alias_then_annotate(db) {
            let n = Artist::albums.count();
            let twice = &*n * 2;
            Artist::objects().alias(&n).annotate(&twice).filter(n.eq(10)).order_by(Artist::name).values_list((Artist::name, &twice)).all(db)?
        }
        on_annotation(db) {
            let (a, t) = (Artist::albums.count().distinct(), Artist::albums.tracks.count());
            let per = &*t / &*a;
            Artist::objects().annotate(&a).annotate(&t).annotate(&per).filter(a.gte(10)).order_by(Artist::name)
                .values_list((Artist::name, &a, &t, &per)).all(db)?
        }
        exists_flag(db) {
            let albums = Album::objects().filter(Album::artist.eq(outer(Artist::pk)));
            let has = exists(&albums).expr();
            Artist::objects().filter(Artist::id.is_in([1, 25, 26])).annotate(&has).order_by(Artist::id)
                .values_list((Artist::id, &has)).all(db)?
        }
        values_then_having_then_values(db) {
            let n = Customer::pk.count();
            Customer::objects().values_list((Customer::country,)).annotate(&n).filter(n.gte(4)).order_by((n.desc(), Customer::country))
                .values_list(Customer::country).all(db)?
        }
        grouping_with_filter_between(db) {
            let n = Customer::pk.count().named("n");
            Customer::objects().values(Customer::country).filter(Customer::support_rep.eq(3)).annotate(&n)
                .order_by((n.desc(), Customer::country)).slice(..3).all(db)?
        }
        deep_count(db) {
            let sold = Genre::tracks.invoice_lines.quantity.sum();
            Genre::objects().annotate(&sold).filter(sold.is_null(false)).order_by((sold.desc(), Genre::name))
                .values_list((Genre::name, &sold)).slice(..5).all(db)?
        }
    }

    oracle! { "annotate", data::lab;
        sum_reverse_null(db) {
            use lab::Shopper;
            let spent = (Shopper::orders.items.price * Shopper::orders.items.quantity).sum();
            Shopper::objects().annotate(&spent).order_by(Shopper::id).values_list((Shopper::name, &spent)).all(db)?
        }
        filter_before_and_after(db) {
            use lab::Post;
            let n = Post::comments.count();
            let good = || Post::comments.score.gt(0);
            let rows = |rows: QuerySet<Post, Annotated<Post, (i64,)>>| rows.order_by(Post::id).values_list((Post::id, &n)).all(db);
            json!({
                "before": rows(Post::objects().filter(good()).annotate(&n))?,
                "after": rows(Post::objects().annotate(&n).filter(good()))?,
            })
        }
        group_by_case(db) {
            use lab::Post;
            let tier = when(Post::view_count.gte(10000), "viral").when(Post::view_count.gte(1000), "popular")
                .when(Post::view_count.gte(100), "growing").otherwise("new").named("tier");
            Post::objects().annotate(&tier).values(&tier).annotate(Post::pk.count().named("n")).order_by(&tier).all(db)?
        }
        group_by_null(db) {
            use lab::Post;
            Post::objects().values(Post::category).annotate(Post::pk.count().named("n"))
                .order_by(Post::category_id.asc().nulls_first()).all(db)?
        }
        count_null_column_in_group(db) {
            use lab::Comment;
            Comment::objects().values(Comment::author).annotate(Comment::author.count().named("a"))
                .annotate(count().named("star")).annotate(Comment::flagged.count().named("f"))
                .order_by(Comment::author_id.asc().nulls_first()).all(db)?
        }
        used_in_f_and_filter(db) {
            use lab::Product;
            let margin = Product::price - Product::cost;
            Product::objects().annotate(&margin).filter(margin.gt(Product::cost / 2)).order_by(margin.desc())
                .values_list((Product::name, &margin)).all(db)?
        }
    }

    #[test]
    fn having_and_where() -> Result<()> {
        let db = data::chinook();
        let n = Artist::albums.count();
        let rows = Artist::objects()
            .filter(Artist::name.starts_with("A"))
            .annotate(&n)
            .filter(n.gt(1) & Artist::name.contains("e"))
            .order_by(Artist::name)
            .values_list((Artist::name, &n))
            .all(&db)?;
        oracle::check("annotate.having_and_where", &json!({ "rows": rows, "where": true, "having": true }));
        Ok(())
    }

    /// The one deliberate difference: Django multiplies.
    #[test]
    fn aggregates_over_different_branches_do_not_multiply() -> Result<()> {
        let db = data::lab();
        use lab::Post;
        let (comments, tags) = (Post::comments.count(), Post::tags.count());
        let both = Post::objects()
            .annotate(&comments)
            .annotate(&tags)
            .order_by(Post::id)
            .values_list((Post::id, &comments, &tags))
            .all(&db)?;
        for (post, comments, tags) in both {
            let post = Post::objects().get(Post::id.eq(post), &db)?;
            let alone = (post.comments.count(&db)?, post.tags.count(&db)?);
            assert_eq!((comments.cast_unsigned(), tags.cast_unsigned()), alone, "{post:?}");
        }
        Ok(())
    }
}

mod aggregate {
    use super::*;

    oracle! { "aggregate", data::chinook;
        default_names(db) {
            let n = Invoice::pk.count().named("pk__count");
            Invoice::objects().aggregate_values((n, Invoice::total.sum(), Invoice::total.min(), Invoice::total.max()), db)?
        }
        expression(db) {
            let revenue = (InvoiceLine::unit_price * InvoiceLine::quantity).sum().named("revenue");
            InvoiceLine::objects().aggregate_values(revenue, db)?
        }
        sum_avg_distinct(db) {
            let (s, a) = (Track::unit_price.sum().distinct().named("s"), Track::unit_price.avg().distinct().named("a"));
            Track::objects().aggregate_values((s, a), db)?
        }
        filter_argument(db) {
            Track::objects().aggregate_values((
                Track::pk.count().filter(Track::unit_price.lt(1)).named("cheap"),
                Track::pk.count().filter(Track::unit_price.gt(1)).named("dear"),
                Track::milliseconds.sum().filter(Track::genre.name.eq("Rock")).named("rock"),
                Track::id.sum().filter(Track::id.eq(0)).named("none"),
            ), db)?
        }
        default_argument(db) {
            let (s, a) = (Track::milliseconds.sum().default(0).named("s"), Track::milliseconds.avg().default(-1.5).named("a"));
            Track::objects().filter(Track::id.eq(0)).aggregate_values((s, a), db)?
        }
        min_max_text_and_date(db) {
            json!([
                Genre::objects().aggregate_values((Genre::name.min(), Genre::name.max()), db)?.answer(),
                Invoice::objects().aggregate_values((Invoice::invoice_date.min(), Invoice::invoice_date.max()), db)?.answer(),
            ])
        }
        several_related_to_each_other(db) {
            let (total, n) = (Track::milliseconds.sum(), Track::pk.count());
            let mean = (&*total / &*n).named("mean");
            Track::objects().aggregate_values((total.named("total"), n.named("n"), mean), db)?
        }
        over_values_distinct(db) {
            Track::objects().values_list(Track::composer).distinct()
                .aggregate_values((Track::composer.count().named("n"), count().named("star")), db)?
        }
    }

    #[test]
    fn over_annotation() -> Result<()> {
        let db = data::chinook();
        let n = Artist::albums.count().named("n");
        let watch = db.capture();
        let out = Artist::objects().annotate(&n).aggregate_values((n.max(), n.avg(), n.sum()), &db)?;
        assert_eq!(watch.len(), 1);
        oracle::check("aggregate.over_annotation", &json!({ "out": out.answer(), "subquery": 2 }));
        Ok(())
    }

    #[test]
    fn of_an_aggregate_that_is_no_annotation() {
        let db = data::chinook();
        let n = Artist::albums.count();
        let nested = Artist::objects().aggregate(n.max(), &db);
        let of = String::from("count");
        assert_eq!(nested, Err(Error::Misuse(Misuse::NestedAggregate { function: "max", of })));
    }
}

mod case {
    use super::*;

    oracle! { "case", data::lab;
        popularity(db) {
            use lab::Post;
            let tier = when(Post::view_count.gte(10000), "viral").when(Post::view_count.gte(1000), "popular")
                .when(Post::view_count.gte(100), "growing").otherwise("new");
            Post::objects().annotate(&tier).order_by(Post::id).values_list((Post::id, &tier)).all(db)?
        }
        conditional_ordering(db) {
            use lab::Post;
            let priority = when(Post::is_active.eq(true), 0).otherwise(1);
            Post::objects().annotate(&priority).order_by((&priority, Post::created_at.desc())).values_list((Post::id, &priority)).all(db)?
        }
        conditional_update(db) {
            use lab::Product;
            let stock = when(Product::stock.eq(0), Product::reorder_level).when(Product::stock.gt(100), 100).otherwise(Product::stock);
            let number = Product::objects().update(Product::stock.set(stock), db)?;
            json!([number, Product::objects().order_by(Product::id).values_list(Product::stock).all(db)?])
        }
    }

    oracle! { "case", data::chinook;
        conditional_aggregation(db) {
            let of = |country: &str| Customer::pk.count().filter(Customer::country.eq(country)).named(&country.to_lowercase());
            Customer::objects().aggregate_values((of("USA"), of("Canada"), of("Brazil")), db)?
        }
    }
}

mod subquery_of_children {
    use super::*;
    use lab::{Comment, Post, Product, Review, User};

    oracle! { "subquery", data::lab;
        exists_and_not_exists(db) {
            let spam = Comment::objects().filter(Comment::post.eq(outer(Post::pk)) & Comment::text.icontains("spam"));
            let keys = |condition| Post::objects().filter(condition).order_by(Post::id).values_list(Post::id).all(db);
            [keys(exists(&spam))?, keys(!exists(&spam))?]
        }
        update_from_subquery(db) {
            let mean = Review::rating.avg();
            let mean = Review::objects().filter(Review::product.eq(outer(Product::pk))).order_by(())
                .values_list((Review::product,)).annotate(&mean).values_list(&mean);
            Product::objects().update(Product::average_rating.set(subquery(&mean)), db)?;
            Product::objects().order_by(Product::id).values_list((Product::id, Product::average_rating)).all(db)?
        }
    }

    #[test]
    fn latest_child() -> Result<()> {
        let db = data::lab();
        let latest = Post::objects()
            .filter(Post::author.eq(outer(User::pk)))
            .order_by(Post::created_at.desc())
            .values_list(Post::title)
            .slice(..1);
        let latest = subquery(&latest);
        let watch = db.capture();
        let rows = User::objects()
            .annotate(&latest)
            .order_by(User::id)
            .values_list((User::username, &latest))
            .all(&db)?;
        oracle::check("subquery.latest_child", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }
}
