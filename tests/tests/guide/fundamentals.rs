//! Module 1: models, fields and their options, create, read, update and delete, lazy querysets, lookups.

use std::str::FromStr;

use nuages::{error::Error, prelude::*};

use crate::blog::{Category, Post, Profile, User, blog, empty, titles};

mod fields {
    use super::*;

    /// A checksum is never in a form; an order has its number from the start; the rest is filled in when it is stored.
    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "shop")]
    struct Order {
        id: Auto<i64>,
        #[field(default = Uuid::new_v4(), editable = false)]
        order_number: Uuid,
        #[field(auto_now_add)]
        created_at: DateTime,
        #[field(max_length = 64, editable = false, blank, default = "")]
        checksum: String,
        #[field(choices, default = Status::Pending)]
        status: Status,
        #[field(max_length = 15, verbose_name = "Phone Number", blank, default = "")]
        phone_no: String,
        #[field(max_digits = 10, decimal_places = 2, default = 0)]
        total: Decimal,
    }

    #[derive(Choices, Clone, Copy, Debug, PartialEq)]
    enum Status {
        Pending,
        Paid,
        #[choices(label = "On its way")]
        Shipped,
        Cancelled,
    }

    fn db() -> Db {
        App::new().models(Order::app()).open_memory().expect("the model is sound")
    }

    #[test]
    fn a_field_that_is_not_editable_is_stored_all_the_same_and_is_no_part_of_forms() -> Result<()> {
        let db = db();
        let mut order = new!(Order {});
        order.checksum = "c0ffee".into();
        order.save(&db)?;
        let stored = Order::objects().get(Order::id.eq(order.id), &db)?;
        assert_eq!((stored.checksum.as_str(), stored.order_number), ("c0ffee", order.order_number));
        let editable: Vec<&str> =
            Order::meta().fields.iter().filter(|field| field.editable).map(|field| field.name).collect();
        assert_eq!(editable, ["id", "status", "phone_no", "total"]);
        Ok(())
    }

    #[test]
    fn a_verbose_name_is_for_people_and_a_query_speaks_of_the_field() {
        let field =
            |name: &str| Order::meta().fields.iter().find(|field| field.name == name).expect("a field");
        assert_eq!(field("phone_no").verbose_name, "Phone Number");
        assert_eq!(field("order_number").verbose_name, "order number");
        let meta = Post::meta();
        assert_eq!((meta.verbose_name, meta.verbose_name_plural), ("Post", "Posts"));
        assert_eq!(Category::meta().verbose_name_plural, "Categories");
        assert!(Q::<Order>::parse("Phone Number", "1").is_err());
        assert!(Q::<Order>::parse("phone_no", "1").is_ok());
    }

    #[test]
    fn choices_are_stored_as_values_and_shown_as_labels() -> Result<()> {
        let db = db();
        let order = Order::objects().create(new!(Order { status: Status::Shipped }), &db)?;
        let order = Order::objects().get(Order::id.eq(order.id), &db)?;
        assert_eq!(
            (&order.status, order.status.value(), &*order.status.label()),
            (&Status::Shipped, "shipped", "On its way")
        );
        assert_eq!(Order::objects().filter(Order::status.eq(Status::Shipped)).count(&db)?, 1);
        assert_eq!(Order::objects().filter(Q::<Order>::parse("status", "shipped")?).count(&db)?, 1);
        assert_eq!(Order::objects().filter(Order::status.eq(Status::Paid)).count(&db)?, 0);
        let labels: Vec<&str> = Status::CHOICES.iter().map(|choice| choice.label).collect();
        assert_eq!(labels, ["Pending", "Paid", "On its way", "Cancelled"]);
        Ok(())
    }

    #[test]
    fn null_is_of_the_database_and_blank_of_validation() -> Result<()> {
        // Question 1 of the module: `Option` is NULL in the column; `blank` lets validation pass an empty text.
        let db = db();
        new!(Order { phone_no: "" }).full_clean(&db)?;
        let post = new!(Post { title: "", slug: "s", body: "b", author: 1 });
        let Err(Error::Validation(errors)) = post.full_clean(&blog()) else {
            panic!("an empty title passed")
        };
        assert!(errors.to_string().contains("title"), "{errors}");
        let field =
            |name: &str| Post::meta().fields.iter().find(|field| field.name == name).expect("a field");
        assert!(field("category").null && field("category").blank && !field("title").null);
        Ok(())
    }

    #[test]
    fn decimals_are_checked_to_their_digits() -> Result<()> {
        let db = db();
        let total = Decimal::from_str("12345.678").expect("a decimal");
        let refused = new!(Order { total }).full_clean(&db);
        assert!(refused.is_err_and(|error| error.to_string().contains("2 decimal places")));
        let total = Decimal::from_str("12345.67").expect("a decimal");
        let order = Order::objects().create(new!(Order { total }), &db)?;
        assert_eq!(Order::objects().get(Order::id.eq(order.id), &db)?.total, total);
        Ok(())
    }
}

mod deletion {
    use super::*;

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "blog")]
    struct Writer {
        id: Auto<i64>,
        #[field(max_length = 20)]
        name: String,
    }

    /// Each key with another rule.
    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "blog")]
    struct Article {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        author: Option<ForeignKey<Writer>>,
        #[field(on_delete = SetNull)]
        translator: Option<ForeignKey<Writer>>,
        #[field(on_delete = Protect)]
        owner: Option<ForeignKey<Writer>>,
        #[field(on_delete = SetDefault, default = 1)]
        editor: Option<ForeignKey<Writer>>,
        #[field(on_delete = Set(sentinel))]
        reviewer: Option<ForeignKey<Writer>>,
    }

    /// The key that reviews of writers who have gone are given.
    fn sentinel(ex: &dyn Executor) -> Result<i64> {
        let (writer, _) = Writer::objects().get_or_create(
            Writer::name.eq("anonymous"),
            || new!(Writer { name: "anonymous" }),
            ex,
        )?;
        Ok(writer.pk().expect("a stored row has a key"))
    }

    fn db() -> Result<(Db, Writer)> {
        let db = App::new().models((Writer::app(), Article::app())).open_memory()?;
        Writer::objects().create(new!(Writer { name: "the default" }), &db)?;
        let django = Writer::objects().create(new!(Writer { name: "Django" }), &db)?;
        Ok((db, django))
    }

    #[test]
    fn cascade_takes_the_children_along_and_counts_them() -> Result<()> {
        let db = blog();
        let deleted = User::objects().filter(User::username.eq("alice")).delete(&db)?;
        assert_eq!((deleted.by_model["blog.Post"], deleted.by_model["auth.User"]), (3, 1));
        assert_eq!((deleted.by_model["blog.Profile"], deleted.by_model["blog.Post_tags"]), (1, 3));
        assert_eq!((deleted.total, Post::objects().count(&db)?), (8, 5));
        Ok(())
    }

    #[test]
    fn set_null_keeps_the_child_without_its_parent() -> Result<()> {
        let db = blog();
        Category::objects().filter(Category::slug.eq("tech")).delete(&db)?;
        assert_eq!(
            (Post::objects().count(&db)?, Post::objects().filter(Post::category.is_null(true)).count(&db)?),
            (8, 6)
        );
        Ok(())
    }

    #[test]
    fn protect_refuses_and_names_who_is_in_the_way() -> Result<()> {
        let (db, mut django) = db()?;
        Article::objects().create(new!(Article { owner: &django }), &db)?;
        let refused = django.delete(&db);
        assert!(matches!(&refused, Err(Error::Protected { .. })), "{refused:?}");
        assert_eq!(Writer::objects().count(&db)?, 2);
        Ok(())
    }

    #[test]
    fn set_default_and_set_give_another_parent() -> Result<()> {
        let (db, mut django) = db()?;
        let article = new!(Article { editor: &django, reviewer: &django });
        let mut article = Article::objects().create(article, &db)?;
        django.delete(&db)?;
        article.refresh(&db)?;
        let name = |key: &Option<ForeignKey<Writer>>| {
            Ok::<_, Error>(key.get(&db)?.map(|writer| writer.name.clone()))
        };
        assert_eq!(name(&article.editor)?.as_deref(), Some("the default"));
        assert_eq!(name(&article.reviewer)?.as_deref(), Some("anonymous"));
        Ok(())
    }
}

mod crud {
    use super::*;

    #[test]
    fn four_ways_to_create() -> Result<()> {
        let db = empty();
        let author = User::objects().create(new!(User { username: "alice" }), &db)?;
        let mut first = new!(Post {
            title: "My First Post",
            slug: "my-first-post",
            body: "Hello world!",
            author: &author
        });
        first.save(&db)?;
        let second =
            new!(Post { title: "My Second Post", slug: "my-second-post", body: "Content", author: &author });
        Post::objects().create(second, &db)?;

        let same = Post::slug.eq("my-first-post");
        let fresh = || new!(Post { title: "?", slug: "my-first-post", body: "...", author: &author });
        let (post, created) = Post::objects().get_or_create(same.clone(), fresh, &db)?;
        assert_eq!((post.title.as_str(), created), ("My First Post", false));
        let (post, created) =
            Post::objects().update_or_create(same, |post| post.title = "Updated Title".into(), fresh, &db)?;
        assert_eq!((post.title.as_str(), created, post.is_active), ("Updated Title", false, true));
        assert_eq!(Post::objects().count(&db)?, 2);
        Ok(())
    }

    #[test]
    fn reading() -> Result<()> {
        let db = blog();
        assert_eq!(Post::objects().all(&db)?.len(), 8);
        let post = Post::objects().get(Post::slug.eq("hello-django"), &db)?;
        assert_eq!(post.title, "Hello Django");
        let nobody = Post::objects().get(Post::pk.eq(999), &db);
        assert!(matches!(nobody, Err(Error::DoesNotExist { .. })));
        let alice = User::objects().get(User::username.eq("alice"), &db)?;
        assert_eq!(Post::objects().filter(Post::author.eq(&alice) & Post::is_active).count(&db)?, 2);
        assert_eq!(Post::objects().exclude(Post::author.eq(&alice)).count(&db)?, 5);
        let newest = titles(Post::objects().order_by(Post::created_at.desc()).slice(..2), &db)?;
        assert_eq!(newest, ["Notes", "Django signals"]);
        assert_eq!(titles(Post::objects(), &db)?[..2], newest, "the model's own order is the same");
        assert_eq!(titles(Post::objects().order_by(Post::title).slice(5..10), &db)?.len(), 3);
        let oldest = Post::objects().order_by(Post::created_at).first(&db)?.expect("a post");
        assert_eq!(oldest.title, "The old days");
        Ok(())
    }

    #[test]
    fn updating_an_instance_a_queryset_and_some_fields() -> Result<()> {
        let db = blog();
        let mut post = Post::objects().get(Post::pk.eq(1), &db)?;
        let before = post.updated_at;
        post.title = "Updated Title".into();
        post.save(&db)?;
        assert!(post.updated_at > before, "auto_now");
        assert_eq!(
            Post::objects().filter(Post::is_active.eq(false)).update(Post::is_active.set(true), &db)?,
            2
        );
        // Question 5: a save of one field leaves to others what they have written meanwhile.
        Post::objects().filter(Post::pk.eq(1)).update(Post::view_count.set(7), &db)?;
        post.title = "New Title".into();
        post.save_fields(Post::title, &db)?;
        post.refresh(&db)?;
        assert_eq!((post.title.as_str(), post.view_count), ("New Title", 7));
        Ok(())
    }

    #[test]
    fn deleting_one_some_and_all() -> Result<()> {
        let db = blog();
        let mut post = Post::objects().get(Post::slug.eq("notes"), &db)?;
        post.delete(&db)?;
        assert!(post.id.get().is_none(), "the row is gone, and so is its key");
        let deleted = Post::objects().filter(Post::is_active.eq(false)).delete(&db)?;
        assert_eq!((deleted.total, deleted.by_model["blog.Post"]), (1, 1));
        Post::objects().delete(&db)?;
        assert!(!Post::objects().exists(&db)?);
        Ok(())
    }
}

mod querysets {
    use super::*;

    #[test]
    fn nothing_is_asked_before_rows_are_wanted_and_then_once() -> Result<()> {
        // Question 3.
        let db = blog();
        let watch = db.capture();
        let posts = Post::objects().filter(Post::is_active).order_by(Post::created_at.desc()).on(&db);
        assert!(watch.is_empty());
        let read: Vec<&str> = posts.iter()?.map(|post| post.title.as_str()).collect();
        assert_eq!((read.len(), watch.len()), (6, 1));
        assert_eq!(
            (posts.len()?, posts.get(0)?.map(|post| post.title.clone()).as_deref()),
            (6, Some(read[0]))
        );
        assert_eq!(watch.len(), 1, "a queryset that was read keeps its rows");
        Ok(())
    }

    #[test]
    fn get_wants_one_row_and_filter_any_number() -> Result<()> {
        // Question 4.
        let db = blog();
        assert!(matches!(Post::objects().get(Post::pk.eq(99), &db), Err(Error::DoesNotExist { .. })));
        let several = Post::objects().get(Post::title.icontains("paris"), &db);
        assert!(matches!(several, Err(Error::MultipleObjectsReturned { .. })));
        assert!(Post::objects().filter(Post::pk.eq(99)).all(&db)?.is_empty());
        Ok(())
    }
}

mod lookups {
    use super::*;

    fn found(condition: Q<Post>) -> Result<Vec<String>> {
        titles(Post::objects().filter(condition).order_by(Post::title), &blog())
    }

    #[test]
    fn every_lookup_of_the_table() -> Result<()> {
        let rows = [
            (found(Post::title.eq("Notes"))?, vec!["Notes"]),
            (found(Post::title.iexact("nOTES"))?, vec!["Notes"]),
            (found(Post::title.contains("Django"))?, vec!["Django signals", "Hello Django"]),
            (found(Post::title.icontains("OLD"))?, vec!["Old maps of Paris", "The old days"]),
            (found(Post::title.starts_with("The"))?, vec!["The old days"]),
            (found(Post::title.ends_with("depth"))?, vec!["Queries in depth"]),
            (found(Post::view_count.gt(2_500))?, vec!["Hello Django"]),
            (found(Post::view_count.gte(2_500))?, vec!["A walk in Paris", "Hello Django"]),
            (found(Post::view_count.lt(80))?, vec!["Notes"]),
            (found(Post::view_count.lte(80))?, vec!["Django signals", "Notes"]),
            (found(Post::id.is_in([1, 2, 77]))?, vec!["Hello Django", "Python tips"]),
            (found(Post::category.is_null(true))?, vec!["Notes", "The old days"]),
            (
                found(Post::view_count.range(90, 300))?,
                vec!["Old maps of Paris", "Queries in depth", "The old days"],
            ),
            (
                found(Post::created_at.date.eq("2024-06-20".parse::<Date>().expect("a day")))?,
                vec!["A walk in Paris"],
            ),
            (found(Post::created_at.year.eq(2023))?, vec!["Old maps of Paris", "The old days"]),
            (found(Post::created_at.month.eq(1))?, vec!["Hello Django", "Notes"]),
        ];
        for (found, expected) in rows {
            assert_eq!(found, expected);
        }
        Ok(())
    }

    #[test]
    fn conditions_side_by_side_are_anded_in_djangos_words_too() -> Result<()> {
        let db = blog();
        let both = Post::objects().filter(q!(Post, body__icontains = "django", view_count__gt = 100));
        assert_eq!(titles(both, &db)?, ["Hello Django"]);
        let both = Post::objects().filter(Post::body.icontains("django")).filter(Post::view_count.gt(100));
        assert_eq!(both.count(&db)?, 1);
        Ok(())
    }

    #[test]
    fn the_laptops_of_question_two() -> Result<()> {
        #[derive(Model, Clone, Debug)]
        #[model(app = "shop")]
        struct Product {
            id: Auto<i64>,
            #[field(max_length = 200)]
            name: String,
            #[field(max_digits = 10, decimal_places = 2)]
            price: Decimal,
        }
        let db = App::new().models(Product::app()).open_memory()?;
        for (name, price) in [
            ("Laptop 13", 499),
            ("LAPTOP 15", 500),
            ("gaming laptop", 2000),
            ("laptop bag", 40),
            ("Phone", 900),
        ] {
            Product::objects().create(new!(Product { name, price }), &db)?;
        }
        let laptops =
            Product::objects().filter(q!(Product, name__icontains = "laptop", price__range = (500, 2000)));
        assert_eq!(
            laptops.order_by(Product::price).values_list(Product::name).all(&db)?,
            ["LAPTOP 15", "gaming laptop"]
        );
        Ok(())
    }
}

#[test]
fn a_profile_is_found_from_its_user_in_the_first_module_already() -> Result<()> {
    let db = blog();
    let bio =
        Profile::objects().filter(Profile::user.username.eq("bob")).values_list(Profile::bio).one(&db)?;
    assert_eq!(bio, "I am bob");
    Ok(())
}
