//! Module 3: rows of values, aggregates and annotations, F and Q, conditional expressions, subqueries, SQL.

use nuages::prelude::*;

use crate::blog::{Category, Post, User, blog, titles};

mod rows_of_values {
    use super::*;

    #[test]
    fn values_are_maps_and_values_list_tuples() -> Result<()> {
        let db = blog();
        let rows = Post::objects()
            .order_by(Post::id)
            .values((Post::id, Post::title, Post::author.username))
            .all(&db)?;
        let names: Vec<&str> = rows[0].keys().map(String::as_str).collect();
        assert_eq!(names, ["id", "title", "author__username"]);
        assert_eq!(rows[0]["author__username"], "alice".into());
        let rows = Post::objects().order_by(Post::id).values_list((Post::id, Post::title)).all(&db)?;
        assert_eq!((rows[0].0, rows[0].1.as_str()), (1, "Hello Django"));
        let names = Category::objects().order_by(Category::id).values_list(Category::name).all(&db)?;
        assert_eq!(names, ["Technology", "Travel", "Cooking"]);
        Ok(())
    }

    /// What a list of choices wants to know of a category, checked by the compiler, field by field.
    #[derive(Projection, Debug, PartialEq)]
    #[projection(Category)]
    struct Choice {
        slug: Slug,
        name: String,
    }

    #[test]
    fn a_struct_may_be_a_row() -> Result<()> {
        let choices = Category::objects().order_by(Category::name).project::<Choice>().all(&blog())?;
        assert_eq!(choices[0], Choice { slug: "cooking".into(), name: "Cooking".into() });
        Ok(())
    }
}

mod summaries {
    use super::*;

    #[test]
    fn aggregate_is_one_answer_for_all_rows() -> Result<()> {
        let db = blog();
        let views =
            (Post::id.count(), Post::view_count.avg(), Post::view_count.max(), Post::view_count.sum());
        let (total, avg, max, sum) = Post::objects().aggregate(views, &db)?;
        assert_eq!((total, avg, max, sum), (8, Some(2074.375), Some(12_000), Some(16_595)));
        let named = (Post::id.count().named("total"), Post::view_count.max().named("max_views"));
        let row = Post::objects().aggregate_values(named, &db)?;
        assert_eq!((&row["total"], &row["max_views"]), (&8.into(), &12_000.into()));
        Ok(())
    }

    #[test]
    fn annotate_is_one_answer_for_each_row() -> Result<()> {
        let db = blog();
        let posts = User::posts.count();
        let authors = User::objects().annotate(&posts).order_by((posts.desc(), User::username)).all(&db)?;
        let counted: Vec<(&str, i64)> =
            authors.iter().map(|row| (row.username.as_str(), row.extra.0)).collect();
        assert_eq!(counted, [("alice", 3), ("bob", 3), ("carol", 2)]);
        let many = User::objects().annotate(&posts).filter(posts.gte(3));
        assert_eq!(many.count(&db)?, 2, "a condition on what was annotated is HAVING");
        Ok(())
    }

    #[test]
    fn categories_by_their_posts() -> Result<()> {
        let db = blog();
        let posts = Category::posts.count();
        let rows =
            Category::objects().order_by(posts.desc()).values_list((Category::name, &*posts)).all(&db)?;
        let expected = [("Technology", 4), ("Travel", 2), ("Cooking", 0)];
        assert_eq!(rows, expected.map(|(name, posts)| (name.to_owned(), posts)));
        Ok(())
    }
}

mod columns_of_the_row {
    use super::*;

    #[test]
    fn an_update_with_f_loses_nothing_where_a_read_and_a_save_do() -> Result<()> {
        // Question 4: eight threads add up.
        let db = blog();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..25 {
                        let post = Post::objects().filter(Post::pk.eq(1));
                        post.update(Post::view_count.set(Post::view_count + 1), &db).expect("an update");
                    }
                });
            }
        });
        assert_eq!(Post::objects().get(Post::pk.eq(1), &db)?.view_count, 12_200);
        let (mut one, mut other) =
            (Post::objects().get(Post::pk.eq(2), &db)?, Post::objects().get(Post::pk.eq(2), &db)?);
        one.view_count += 1;
        one.save(&db)?;
        other.view_count += 1;
        other.save(&db)?;
        assert_eq!(Post::objects().get(Post::pk.eq(2), &db)?.view_count, 1_501, "one of the two is lost");
        Ok(())
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "shop")]
    struct Product {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        stock: i32,
        reorder_level: i32,
        cost_price: i32,
        selling_price: i32,
    }

    #[test]
    fn columns_are_compared_and_subtracted() -> Result<()> {
        let db = App::new().models(Product::app()).open_memory()?;
        for (name, stock, reorder_level, cost_price, selling_price) in
            [("reeds", 3, 10, 5, 9), ("strings", 40, 10, 8, 30), ("plectra", 9, 10, 1, 2)]
        {
            let product = new!(Product { name, stock, reorder_level, cost_price, selling_price });
            Product::objects().create(product, &db)?;
        }
        let low =
            Product::objects().filter(Product::stock.lt(Product::reorder_level)).order_by(Product::name);
        assert_eq!(low.values_list(Product::name).all(&db)?, ["plectra", "reeds"]);
        let profit = Product::selling_price - Product::cost_price;
        let best =
            Product::objects().annotate(&profit).order_by(profit.desc()).first(&db)?.expect("a product");
        assert_eq!((best.name.as_str(), best.extra.0), ("strings", 22));
        Ok(())
    }
}

mod conditions {
    use super::*;

    #[test]
    fn or_and_not() -> Result<()> {
        let db = blog();
        let found = |condition| titles(Post::objects().filter(condition).order_by(Post::title), &db);
        assert_eq!(
            found(Post::title.icontains("python") | Post::title.icontains("signals"))?,
            ["Django signals", "Python tips"]
        );
        let authors = Post::author.username.eq("alice") | Post::author.username.eq("bob");
        assert_eq!(found(Post::is_active & authors)?.len(), 5);
        assert_eq!(found(!Post::title.icontains("old"))?.len(), 6);
        let complex = (Post::view_count.gt(1_000) | Post::is_featured) & !Post::author.is_staff;
        assert_eq!(found(complex)?, ["A walk in Paris", "Hello Django", "Python tips"]);
        Ok(())
    }

    #[test]
    fn a_search_form_builds_its_condition_step_by_step() -> Result<()> {
        fn search(term: Option<&str>, category: Option<i64>, db: &Db) -> Result<u64> {
            let mut condition = Q::<Post>::all();
            if let Some(term) = term {
                condition &= Post::title.icontains(term);
            }
            if let Some(category) = category {
                condition &= Post::category_id.eq(category);
            }
            Post::objects().filter(condition).count(db)
        }
        let db = blog();
        assert_eq!(search(None, None, &db)?, 8);
        assert_eq!(search(Some("django"), None, &db)?, 2);
        assert_eq!(search(Some("django"), Some(1), &db)?, 2);
        assert_eq!(search(Some("paris"), Some(1), &db)?, 0);
        Ok(())
    }

    #[test]
    fn a_column_by_cases() -> Result<()> {
        let db = blog();
        let popularity = when(Post::view_count.gte(10_000), "viral")
            .when(Post::view_count.gte(1_000), "popular")
            .when(Post::view_count.gte(100), "growing")
            .otherwise("new");
        let rows =
            Post::objects().order_by(Post::id).values_list((Post::view_count, &popularity)).all(&db)?;
        let expected = [(12_000, "viral"), (1_500, "popular"), (90, "new"), (300, "growing")];
        assert_eq!(rows[..4], expected.map(|(views, name)| (views, name.to_owned())));
        Ok(())
    }

    #[test]
    fn an_order_by_cases_has_the_active_first() -> Result<()> {
        let priority = when(Post::is_active, 0).otherwise(1);
        let posts = Post::objects().annotate(&priority).order_by((&priority, Post::created_at.desc()));
        let rows = posts.all(&blog())?;
        let order: Vec<(&str, bool)> =
            rows.iter().map(|post| (post.title.as_str(), post.is_active)).collect();
        assert_eq!((order[0], order[5]), (("Django signals", true), ("Old maps of Paris", true)));
        assert_eq!(order[6..], [("Notes", false), ("The old days", false)]);
        Ok(())
    }
}

mod subqueries {
    use super::*;

    #[test]
    fn the_latest_post_of_each_author() -> Result<()> {
        let latest = Post::objects()
            .filter(Post::author.eq(outer(User::pk)))
            .order_by(Post::created_at.desc())
            .values_list(Post::title)
            .slice(..1);
        let title = subquery(&latest);
        let rows = User::objects().order_by(User::id).values_list((User::username, &title)).all(&blog())?;
        let expected = [("alice", "Python tips"), ("bob", "A walk in Paris"), ("carol", "Notes")];
        assert_eq!(rows, expected.map(|(name, title)| (name.to_owned(), Some(title.to_owned()))));
        Ok(())
    }
}

mod exercises {
    use super::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "shop")]
    struct Product {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[related(OrderItem::product)]
        items: Related<OrderItem>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "shop")]
    struct OrderItem {
        id: Auto<i64>,
        #[field(on_delete = Protect)]
        product: ForeignKey<Product>,
        quantity: u32,
    }

    #[test]
    fn the_five_best_sellers() -> Result<()> {
        // Question 1.
        let db = App::new().models((Product::app(), OrderItem::app())).open_memory()?;
        for (name, quantities) in [
            ("a", &[1, 2][..]),
            ("b", &[9]),
            ("c", &[]),
            ("d", &[4, 4]),
            ("e", &[7]),
            ("f", &[5]),
            ("g", &[6]),
        ] {
            let product = Product::objects().create(new!(Product { name }), &db)?;
            for &quantity in quantities {
                OrderItem::objects().create(new!(OrderItem { product: &product, quantity }), &db)?;
            }
        }
        let sold = Product::items.quantity.sum().default(0);
        let best = Product::objects().annotate(&sold).order_by(sold.desc()).slice(..5).all(&db)?;
        let best: Vec<(&str, i64)> = best.iter().map(|row| (row.name.as_str(), row.extra.0)).collect();
        assert_eq!(best, [("b", 9), ("d", 8), ("e", 7), ("g", 6), ("f", 5)]);
        Ok(())
    }

    #[test]
    fn users_of_many_posts_or_of_the_last_days() -> Result<()> {
        // Question 2, with three posts in place of more than ten.
        let db = blog();
        let now: DateTime = "2025-02-01T00:00:00Z".parse().expect("an instant");
        let carol = User::objects().filter(User::username.eq("carol"));
        carol.update(User::last_login.set(Some(now - Duration::from_hours(48))), &db)?;
        let posts = User::posts.count();
        let week_ago = now - Duration::from_hours(7 * 24);
        let active = User::objects().annotate(&posts).filter(posts.gt(2) | User::last_login.gte(week_ago));
        let mut names: Vec<String> = active.all(&db)?.iter().map(|row| row.username.clone()).collect();
        names.sort();
        assert_eq!(names, ["alice", "bob", "carol"]);
        let bound = now + Duration::from_hours(1);
        let active = User::objects().annotate(&posts).filter(posts.gt(3) | User::last_login.gte(bound));
        assert!(active.all(&db)?.is_empty());
        Ok(())
    }
}
