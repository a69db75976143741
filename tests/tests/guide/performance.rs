//! Module 5: the N+1 problem, relations fetched along, what not to load, batches, indexes.

use nuages::{error::Error, executor::FetchMode, prelude::*, queryset::BulkOptions};

use crate::blog::{Category, Post, Profile, Tag, User, blog, empty};

mod n_plus_one {
    use super::*;

    #[test]
    fn a_query_for_each_row_or_one_for_all() -> Result<()> {
        let db = blog();
        let watch = db.capture();
        for post in Post::objects().all(&db)? {
            post.author.get(&db)?;
        }
        assert_eq!(watch.len(), 9, "one for the posts, and one for the author of each of the eight");
        drop(watch);
        let watch = db.capture();
        for post in Post::objects().select_related(Post::author).all(&db)? {
            post.author.get(&db)?;
        }
        assert_eq!(watch.len(), 1);
        Ok(())
    }

    #[test]
    fn a_connection_may_refuse_to_fetch_row_by_row() -> Result<()> {
        let strict = blog().with_fetch_mode(FetchMode::Raise);
        let posts = Post::objects().all(&strict)?;
        assert!(matches!(posts[0].author.get(&strict), Err(Error::FetchBlocked { .. })));
        let posts = Post::objects().select_related(Post::author).all(&strict)?;
        assert_eq!(posts[0].author.get(&strict)?.username, "carol");
        Ok(())
    }
}

mod fetched_along {
    use super::*;

    #[test]
    fn joins_for_keys_and_a_query_more_for_each_list() -> Result<()> {
        let db = blog();
        let watch = db.capture();
        let posts = Post::objects()
            .select_related((Post::author.profile, Post::category))
            .prefetch_related(Post::tags)
            .order_by(Post::id)
            .all(&db)?;
        for post in &posts {
            post.author.get(&db)?.profile.get(&db)?;
            post.category.get(&db)?;
            post.tags.all(&db)?;
        }
        assert_eq!(watch.len(), 2);
        assert_eq!(posts[0].tags.all(&db)?.len(), 2);
        Ok(())
    }

    #[test]
    fn a_queryset_of_ones_own_for_what_is_fetched() -> Result<()> {
        let db = blog();
        let active = Post::objects().filter(Post::is_active).select_related(Post::category);
        let watch = db.capture();
        let authors = User::objects().prefetch_with(User::posts, active).order_by(User::id).all(&db)?;
        let counts: Vec<usize> = authors
            .iter()
            .map(|author| author.posts.all(&db).map(|posts| posts.len()))
            .collect::<Result<_>>()?;
        assert_eq!((counts, watch.len()), (vec![2, 3, 1], 2));
        Ok(())
    }

    #[test]
    fn the_orders_of_question_one() -> Result<()> {
        // Posts stand for orders, authors for customers, tags for items: 1 + 2n queries, or two.
        let db = blog();
        let watch = db.capture();
        for post in Post::objects().all(&db)? {
            post.author.get(&db)?;
            post.tags.all(&db)?;
        }
        assert_eq!(watch.len(), 1 + 2 * 8);
        drop(watch);
        let watch = db.capture();
        for post in Post::objects().select_related(Post::author).prefetch_related(Post::tags).all(&db)? {
            post.author.get(&db)?;
            post.tags.all(&db)?;
        }
        assert_eq!(watch.len(), 2);
        Ok(())
    }
}

mod no_more_than_needed {
    use super::*;

    #[test]
    fn only_and_defer_leave_columns_behind() -> Result<()> {
        let db = blog();
        let watch = db.capture();
        let posts =
            Post::objects().only((Post::id, Post::title, Post::created_at)).order_by(Post::id).all(&db)?;
        assert_eq!(posts[0].loaded(Post::title).map(String::as_str), Some("Hello Django"));
        assert_eq!((posts[0].loaded(Post::body), watch.len()), (None, 1));
        assert_eq!(posts[0].get(Post::body, &db)?, "Hello Django: the text.");
        assert_eq!(watch.len(), 2, "a column that was left behind costs a query");
        let posts = Post::objects().defer(Post::body).order_by(Post::id).all(&db)?;
        assert!(posts[0].loaded(Post::body).is_none() && posts[0].loaded(Post::view_count).is_some());
        Ok(())
    }

    #[test]
    fn counting_and_asking_whether_there_is_any_load_no_rows() -> Result<()> {
        // Question 4: a count reads no row, `all(..).len()` reads them all.
        let db = blog();
        let active = Post::objects().filter(Post::is_active);
        assert_eq!(active.count(&db)?, 6);
        assert_eq!(active.all(&db)?.len(), 6);
        let bob = User::objects().get(User::username.eq("bob"), &db)?;
        assert!(Post::objects().filter(Post::author.eq(&bob)).exists(&db)?);
        let plan = Post::objects().explain(&db)?.to_string();
        assert!(plan.contains("blog_post"), "{plan}");
        Ok(())
    }

    #[test]
    fn texts_are_read_where_they_lie() -> Result<()> {
        let db = blog();
        let titles = Post::objects().order_by(Post::id).values_list((Post::id, Post::title)).hold(&db)?;
        Post::objects().update(Post::title.set("?"), &db)?;
        let rows: Vec<(i64, &str)> = titles.rows()?; // no title is copied, and what is held stays as it was
        assert_eq!((rows.len(), rows[0]), (8, (1, "Hello Django")));
        Ok(())
    }

    #[test]
    fn an_export_goes_row_by_row() -> Result<()> {
        // Question 3: one row at a time, and only the columns that are written.
        let db = blog();
        let mut csv = csv::Writer::from_writer(Vec::new());
        let rows = Post::objects().order_by(Post::id).values_list((Post::id, Post::title, Post::view_count));
        rows.each(&db, |(id, title, views)| {
            csv.write_record([id.to_string(), title, views.to_string()]).map_err(Error::custom)
        })?;
        let text = String::from_utf8(csv.into_inner().expect("the writer was flushed")).expect("UTF-8");
        assert!(text.starts_with("1,Hello Django,12000\n2,Python tips,1500\n"), "{text}");
        assert_eq!(text.lines().count(), 8);
        Ok(())
    }
}

mod batches {
    use super::*;

    #[test]
    fn a_thousand_posts_in_ten_statements() -> Result<()> {
        let db = empty();
        let author = User::objects().create(new!(User { username: "alice" }), &db)?;
        let posts = (0..1_000).map(|i| {
            new!(Post {
                title: format!("Post {i}"),
                slug: format!("post-{i}"),
                body: "...",
                author: &author,
                is_active: false
            })
        });
        let watch = db.capture();
        let posts = Post::objects().bulk_create_with(posts, BulkOptions { batch_size: Some(100) }, &db)?;
        assert_eq!((posts.len(), watch.len()), (1_000, 10));
        drop(watch);

        let mut posts = posts;
        for post in &mut posts {
            post.is_active = true;
        }
        let watch = db.capture();
        let changed = Post::objects().bulk_update_with(
            &posts,
            Post::is_active,
            BulkOptions { batch_size: Some(100) },
            &db,
        )?;
        assert_eq!((changed, watch.len()), (1_000, 10));
        drop(watch);

        let watch = db.capture();
        let changed = Post::objects().filter(Post::is_active).update(Post::is_active.set(false), &db)?;
        assert_eq!((changed, watch.len()), (1_000, 1));
        Ok(())
    }
}

mod indexes {
    use super::*;

    #[test]
    fn an_index_of_two_columns_filters_and_orders() -> Result<()> {
        let db = blog();
        let author = User::objects().get(User::pk.eq(1), &db)?;
        let posts =
            (0..1_000).map(|i| new!(Post { title: "T", slug: format!("t-{i}"), body: "", author: &author }));
        Post::objects().bulk_create(posts, &db)?;
        let newest = Post::objects().filter(Post::is_active).order_by(Post::created_at.desc()).slice(..3);
        let plan = newest.explain(&db)?.to_string();
        assert!(
            plan.contains("post_active_date_idx") && !plan.contains("Sort") && !plan.contains("Top"),
            "{plan}"
        );
        let by_slug = Post::objects().filter(Post::slug.eq("notes")).explain(&db)?.to_string();
        assert!(by_slug.contains("slug"), "{by_slug}");
        Ok(())
    }

    #[test]
    fn every_model_of_the_module_is_there() -> Result<()> {
        let db = blog();
        let counts = (
            User::objects().count(&db)?,
            Profile::objects().count(&db)?,
            Category::objects().count(&db)?,
            Tag::objects().count(&db)?,
            Post::objects().count(&db)?,
        );
        assert_eq!(counts, (3, 2, 3, 4, 8));
        Ok(())
    }
}
