//! Module 6: querysets with methods of one's own, signals, transactions, locks, async.

use std::sync::{Arc, Mutex};

use nuages::{error::Error, prelude::*, signal::Saving};

use crate::blog::{Category, Post, Profile, Tag, User, blog, titles};

mod own_methods {
    use super::*;

    /// What a blog asks of its posts. An ordinary trait: its methods are there on every queryset of posts, whatever the
    /// shape of its rows.
    trait PostQuery: Queryset<Model = Post> {
        fn active(self) -> Self {
            self.filter(Post::is_active)
        }

        fn by_author(self, user: &User) -> Self {
            self.filter(Post::author.eq(user))
        }

        fn popular(self, min_views: u32) -> Self {
            self.filter(Post::view_count.gte(min_views))
        }
    }

    impl<Q: Queryset<Model = Post>> PostQuery for Q {}

    #[test]
    fn they_chain_before_and_after_everything() -> Result<()> {
        let db = blog();
        let alice = User::objects().get(User::username.eq("alice"), &db)?;
        let popular = Post::objects().active().popular(1_000).order_by(Post::created_at.desc());
        assert_eq!(titles(popular, &db)?, ["A walk in Paris", "Python tips", "Hello Django"]);
        let words =
            Post::objects().values_list((Post::title, Post::view_count)).by_author(&alice).popular(10_000);
        assert_eq!(words.all(&db)?, [("Hello Django".to_owned(), 12_000)]);
        assert_eq!(alice.posts.objects()?.active().count(&db)?, 2);
        Ok(())
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "notes", objects = Self::live)]
    struct Note {
        id: Auto<i64>,
        #[field(max_length = 20)]
        text: String,
        #[field(default = false)]
        deleted: bool,
    }

    impl Note {
        fn live() -> QuerySet<Note> {
            Note::all_objects().filter(Note::deleted.eq(false))
        }
    }

    #[test]
    fn a_model_may_have_another_default_manager() -> Result<()> {
        let db = App::new().models(Note::app()).open_memory()?;
        Note::objects().create(new!(Note { text: "kept" }), &db)?;
        Note::objects().create(new!(Note { text: "gone", deleted: true }), &db)?;
        assert_eq!((Note::objects().count(&db)?, Note::all_objects().count(&db)?), (1, 2));
        Ok(())
    }
}

mod signals {
    use super::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "blog")]
    struct DeletionLog {
        id: Auto<i64>,
        #[field(max_length = 50)]
        model: String,
        object_id: i64,
        #[field(max_length = 200)]
        title: String,
    }

    fn db() -> Result<Db> {
        let models =
            (User::app(), Profile::app(), Category::app(), Tag::app(), Post::app(), DeletionLog::app());
        App::new()
            .models(models)
            .post_save(|user: &mut User, saving: &Saving, ex| {
                if saving.created {
                    Profile::objects().create(new!(Profile { user: &*user }), ex)?;
                }
                Ok(())
            })
            .pre_delete(|post: &mut Post, _, ex| {
                let object_id = post.pk().expect("a stored row has a key");
                let log = new!(DeletionLog { model: "Post", object_id, title: post.title.clone() });
                DeletionLog::objects().create(log, ex).map(drop)
            })
            .open_memory()
    }

    #[test]
    fn a_user_gets_a_profile_and_a_deleted_post_a_line() -> Result<()> {
        let db = db()?;
        let mut user = User::objects().create(new!(User { username: "alice" }), &db)?;
        user.save(&db)?;
        assert_eq!(Profile::objects().filter(Profile::user.eq(&user)).count(&db)?, 1);
        let post = new!(Post { title: "Hello", slug: "hello", body: "", author: &user });
        let mut post = Post::objects().create(post, &db)?;
        let key = post.pk();
        post.delete(&db)?;
        let log = DeletionLog::objects().one(&db)?;
        assert_eq!((log.title.as_str(), Some(log.object_id)), ("Hello", key));
        // A cascade tells of each row, too; a bulk verb of none.
        let posts =
            (0..3).map(|i| new!(Post { title: "T", slug: format!("t-{i}"), body: "", author: &user }));
        Post::objects().bulk_create(posts, &db)?;
        user.delete(&db)?;
        assert_eq!(DeletionLog::objects().count(&db)?, 4);
        Ok(())
    }
}

mod transactions {
    use super::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "bank")]
    struct Account {
        id: Auto<i64>,
        balance: i64,
    }

    fn bank() -> Result<Db> {
        let db = App::new().models(Account::app()).open_memory()?;
        Account::objects().bulk_create((0..2).map(|_| new!(Account { balance: 100 })), &db)?;
        Ok(db)
    }

    fn balance(key: i64, ex: &dyn Executor) -> Result<i64> {
        Ok(Account::objects().get(Account::id.eq(key), ex)?.balance)
    }

    /// What Django writes as `@transaction.atomic` above a function.
    fn transfer(from: i64, to: i64, amount: i64, ex: &dyn Executor) -> Result<()> {
        ex.atomic(|tx| {
            let mut from = Account::objects().select_for_update().get(Account::id.eq(from), tx)?;
            let mut to = Account::objects().select_for_update().get(Account::id.eq(to), tx)?;
            from.balance -= amount;
            from.save(tx)?;
            if from.balance < 0 {
                return Err(Error::custom("not enough money"));
            }
            to.balance += amount;
            to.save(tx)
        })
    }

    #[test]
    fn both_saves_or_none() -> Result<()> {
        let db = bank()?;
        transfer(1, 2, 30, &db)?;
        assert!(transfer(1, 2, 300, &db).is_err());
        assert_eq!((balance(1, &db)?, balance(2, &db)?), (70, 130));
        Ok(())
    }

    #[test]
    fn a_block_inside_is_a_savepoint() -> Result<()> {
        let db = bank()?;
        db.atomic(|tx| {
            transfer(1, 2, 10, tx)?;
            let mail: Result<()> = tx.atomic(|inner| {
                transfer(1, 2, 50, inner)?;
                Err(Error::custom("the mail server is away"))
            });
            assert!(mail.is_err());
            Ok(())
        })?;
        assert_eq!(balance(1, &db)?, 90, "the order is kept, what came with the mail is not");
        Ok(())
    }

    #[test]
    fn mail_goes_out_after_the_commit_only() -> Result<()> {
        let db = bank()?;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let send = |text: &'static str, tx: &Tx<'_>| -> Result<()> {
            let sent = Arc::clone(&sent);
            tx.on_commit(move || {
                sent.lock().expect("no thread panicked").push(text);
            })
        };
        db.atomic(|tx| {
            send("first", tx)?;
            let undone: Result<()> = tx.atomic(|inner| {
                send("never", inner)?;
                Err(Error::custom("no"))
            });
            assert!(undone.is_err() && sent.lock().expect("no thread panicked").is_empty());
            send("second", tx)?;
            Ok(())
        })?;
        assert_eq!(*sent.lock().expect("no thread panicked"), ["first", "second"]);
        Ok(())
    }

    #[test]
    fn a_locked_row_waits_for_no_one_outside_a_block() -> Result<()> {
        let db = bank()?;
        let outside = Account::objects().select_for_update().get(Account::id.eq(1), &db);
        assert!(outside.is_err(), "Django refuses it, too");
        std::thread::scope(|threads| {
            for (from, to) in [(1, 2), (1, 2), (1, 2), (1, 2)] {
                let db = &db;
                threads.spawn(move || {
                    for _ in 0..5 {
                        transfer(from, to, 1, db).expect("a transfer");
                    }
                });
            }
        });
        assert_eq!((balance(1, &db)?, balance(2, &db)?), (80, 120));
        Ok(())
    }
}

mod pitfalls {
    use super::*;

    #[test]
    fn what_a_user_typed_is_a_value_and_never_sql() -> Result<()> {
        let db = blog();
        let typed = "' OR 1=1; DROP TABLE blog_post; --";
        assert_eq!(Post::objects().filter(Post::title.icontains(typed)).count(&db)?, 0);
        assert_eq!(Post::objects().filter(Q::<Post>::parse("title__icontains", typed)?).count(&db)?, 0);
        assert_eq!(Post::objects().count(&db)?, 8);
        Ok(())
    }

    #[test]
    fn a_field_that_a_form_made_up_is_told_with_its_neighbours() {
        let told =
            Q::<Post>::parse("titel__icontains", "x").map(drop).expect_err("no such field").to_string();
        assert!(told.contains("titel") && told.contains("title"), "{told}");
    }
}

mod tasks {
    use super::*;

    #[test]
    fn verbs_for_tasks() -> Result<()> {
        let db = blog();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let post = Post::objects().aget(Post::pk.eq(1), &db).await?;
            assert_eq!(post.title, "Hello Django");
            let author = post.author.get(&db)?;
            let fresh = new!(Post { title: "Async Post", slug: "async", body: "...", author });
            Post::objects().acreate(fresh, &db).await?;
            assert_eq!(Post::objects().count(&db)?, 9);
            let active = Post::objects().filter(Post::is_active).aall(&db).await?;
            assert_eq!(active.len(), 7);
            Ok(())
        })
    }
}
