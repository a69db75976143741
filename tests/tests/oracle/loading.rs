//! What is loaded when: `select_related` with `only`, prefetches into extras, deferred fields, `refresh`. Django's
//! answers.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::*,
    data,
    lab::{Post, Tag, User},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

mod load {
    use super::*;

    oracle! { "load", data::chinook;
        fk_id_needs_no_query(db) {
            let watch = db.capture();
            let albums = Album::objects().order_by(Album::id).slice(..10).all(db)?;
            let ids: Vec<Option<i64>> = albums.iter().map(|album| album.artist.key().copied()).collect();
            json!({ "queries": watch.len(), "ids": ids })
        }
        fk_is_cached_on_the_instance(db) {
            let album = Album::objects().get(Album::id.eq(1), db)?;
            let watch = db.capture();
            let (first, second) = (album.artist.get(db)?, album.artist.get(db)?);
            json!([watch.len(), std::ptr::eq(first, second)])
        }
    }
}

mod select_related {
    use super::*;

    oracle! { "select_related", data::chinook;
        with_only(db) {
            let watch = db.capture();
            let album = Album::objects().select_related(Album::artist).only((Album::title, Album::artist.name));
            let album = album.get(Album::id.eq(1), db)?;
            let artist = album.get(Album::artist, db)?.get(db)?;
            let out = json!([album.get(Album::title, db)?, artist.name]);
            let queries = watch.len();
            let lone = Artist::objects().only(Artist::pk).get(Artist::id.eq(1), db)?;
            json!({ "out": out, "queries": queries, "deferred": [album.deferred(), lone.deferred()] })
        }
        after_values_is_refused(db) {
            let refused = Album::objects().values_list((Album::title,)).select_related(Album::artist).all(db);
            let Err(Error::Misuse(nuages::error::Misuse::NotAllowed { call, after })) = refused else {
                panic!("it is read")
            };
            json!({ "raises": "TypeError", "message": format!("Cannot call {call}() after .{after}() or .{after}_list()") })
        }
        deferring_the_fk_is_an_error(db) {
            let albums = Album::objects().select_related(Album::artist).only(Album::title).all(db);
            let Err(Error::Misuse(nuages::error::Misuse::DeferredAndJoined { model, field })) = albums else {
                panic!("it is read")
            };
            let message =
                format!("Field {model}.{field} cannot be both deferred and traversed using select_related at the same time.");
            json!({ "raises": "FieldError", "message": message })
        }
    }

    #[test]
    fn a_joined_row_may_have_deferred_fields_itself() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let tracks = Track::objects()
            .select_related((Track::album.artist, Track::genre))
            .defer((Track::composer, Track::album.title))
            .order_by(Track::id)
            .slice(..3)
            .all(&db)?;
        let album = tracks[0].related(Track::album).expect("it was joined");
        assert_eq!((tracks[0].deferred(), album.deferred()), (vec!["composer"], vec!["title"]));
        assert_eq!(album.get(Album::artist, &db)?.get(&db)?.name.as_deref(), Some("AC/DC"));
        assert_eq!(
            tracks[0].get(Track::genre, &db)?.get(&db)?.and_then(|genre| genre.name.as_deref()),
            Some("Rock")
        );
        assert_eq!(watch.len(), 1);
        assert_eq!(album.get(Album::title, &db)?, "For Those About To Rock We Salute You");
        assert_eq!(watch.len(), 2);
        Ok(())
    }

    #[test]
    fn a_missing_row_is_not_joined_to_a_row_with_deferred_fields() -> Result<()> {
        let db = data::chinook();
        let all = Employee::objects().select_related(Employee::reports_to);
        let named = all.only((Employee::last_name, Employee::reports_to.last_name)).order_by(Employee::id);
        let named = named.all(&db)?;
        assert!(named[0].related(Employee::reports_to).is_none());
        let boss = named[1].related(Employee::reports_to).expect("an employee with a boss");
        assert_eq!(boss.loaded(Employee::last_name).map(String::as_str), Some("Adams"));
        Ok(())
    }
}

mod prefetch {
    use super::*;

    oracle! { "prefetch", data::chinook;
        sets_the_forward_cache(db) {
            let artist = Artist::objects().prefetch_related(Artist::albums).get(Artist::id.eq(1), db)?;
            let watch = db.capture();
            let albums = artist.albums.all(db)?;
            // The albums share one copy of their artist, which equals the one that was asked for.
            let (one, other) = (albums[0].artist.get(db)?, albums[1].artist.get(db)?);
            json!({ "same": std::ptr::eq(one, other) && *one == artist, "queries": watch.len() })
        }
        related_manager_sets_the_forward_cache(db) {
            let artist = Artist::objects().get(Artist::id.eq(1), db)?;
            let watch = db.capture();
            let mut same = Vec::new();
            // A field cannot see the row that it is a field of, so the row is given.
            for album in artist.albums.all_of(&artist, db)? {
                same.push(*album.artist.get(db)? == artist);
            }
            json!({ "same": same, "queries": watch.len() })
        }
        with_iterator(db) {
            let watch = db.capture();
            let ten = Artist::objects().filter(Artist::id.lte(10)).order_by(Artist::id).prefetch_related(Artist::albums);
            for artist in ten.iterator_by(4, db)? {
                assert!(artist?.albums.loaded().is_some());
            }
            let queries = watch.len();
            let refused = match Artist::objects().prefetch_related(Artist::albums).iterator(db) {
                Err(Error::Misuse(nuages::error::Misuse::NotAllowed { after, .. })) => json!({
                    "raises": "ValueError",
                    "message": format!("chunk_size must be provided when using QuerySet.iterator() after {after}()."),
                }),
                other => raises(other.map(drop)),
            };
            json!([queries, refused])
        }
        none_clears(db) {
            let watch = db.capture();
            Genre::objects().prefetch_related(Genre::tracks).prefetch_none().all(db)?;
            watch.len()
        }
    }

    oracle! { "prefetch", data::lab;
        queryset_and_to_attr(db) {
            let watch = db.capture();
            let active = Post::objects().filter(Post::is_active).select_related(Post::category);
            let users = User::objects().order_by(User::id).prefetch_to(User::posts, active).all(db)?;
            let mut rows = Vec::new();
            for user in &users {
                let mut posts = user.extra.0.to_vec();
                posts.sort_by_key(|post| post.id.get().copied());
                let mut found = Vec::new();
                for post in &posts {
                    found.push(json!([post.id.answer(), post.category.get(db)?.map(|category| &category.name)]));
                }
                rows.push(json!([user.username, found]));
            }
            // Python's `list` is a slice of rows here.
            let kind = if std::any::type_name_of_val(&*users[0].extra.0).starts_with('[') { "list" } else { "" };
            json!({ "rows": rows, "type": kind, "queries": watch.len() })
        }
        same_lookup_twice_with_queryset(db) {
            let twice = User::objects().prefetch_related(User::posts).prefetch_with(User::posts, Post::objects());
            let Err(Error::Misuse(nuages::error::Misuse::PrefetchTwice { relation })) = twice.all(db) else {
                panic!("it is read")
            };
            let message = format!(
                "'{relation}' lookup was already seen with a different queryset. You may need to adjust the ordering of your lookups."
            );
            json!({ "raises": "ValueError", "message": message })
        }
        two_attributes_of_one_relation(db) {
            let watch = db.capture();
            let user = User::objects()
                .prefetch_to(User::posts, Post::objects().filter(Post::is_active))
                .prefetch_to(User::posts, Post::objects().filter(Post::is_active.eq(false)))
                .get(User::id.eq(1), db)?;
            let (on, off) = &user.extra;
            json!({ "out": [on.len(), off.len()], "queries": watch.len() })
        }
        through_to_attr(db) {
            let watch = db.capture();
            let on = Post::objects().filter(Post::is_active).order_by(Post::id).prefetch_related(Post::tags);
            let mut rows = Vec::new();
            for user in User::objects().order_by(User::id).prefetch_to(User::posts, on).all(db)? {
                let mut posts = Vec::new();
                for post in &user.extra.0 {
                    let mut tags = post.tags.all(db)?.into_owned();
                    tags.sort_by_key(|tag| tag.id.get().copied());
                    posts.push(tags.into_iter().map(|tag| tag.name).collect::<Vec<_>>());
                }
                rows.push(json!([user.username, posts]));
            }
            json!({ "rows": rows, "queries": watch.len() })
        }
    }
}

mod defer {
    use super::*;
    use nuages::partial::Partial;

    oracle! { "defer", data::lab;
        n_plus_one(db) {
            let watch = db.capture();
            for post in Post::objects().only(Post::title).all(db)? {
                post.get(Post::body, db)?;
            }
            watch.len()
        }
        save_writes_loaded_fields_only(db) {
            let mut post = Post::objects().only(Post::title).get(Post::id.eq(1), db)?;
            let before = Post::objects().get(Post::id.eq(1), db)?;
            post.set(Post::title, "New");
            // What others write meanwhile to fields that were not read is not overwritten.
            Post::objects().filter(Post::id.eq(1)).update((Post::body.set("theirs"), Post::status.set("theirs")), db)?;
            let watch = db.capture();
            post.save(db)?;
            let queries = watch.len();
            let after = Post::objects().get(Post::id.eq(1), db)?;
            assert_eq!((after.body.as_str(), after.status.as_str(), after.updated_at), ("theirs", "theirs", before.updated_at));
            let sets: Vec<&str> = (before.title != after.title).then_some("title").into_iter().collect();
            json!({ "queries": queries, "sets": sets })
        }
        refresh_from_db(db) {
            let mut post = Post::objects().get(Post::id.eq(1), db)?;
            Post::objects().filter(Post::id.eq(1)).update((Post::title.set("A"), Post::body.set("B")), db)?;
            let watch = db.capture();
            post.refresh_fields(Post::title, db)?;
            let first = json!([post.title, post.body]);
            post.refresh(db)?;
            json!({ "first": first, "second": [post.title, post.body], "queries": watch.len() })
        }
        refresh_deleted_row(db) {
            let mut post = Post::objects().get(Post::id.eq(3), db)?;
            Post::objects().filter(Post::id.eq(3)).delete(db)?;
            raises(post.refresh(db))
        }
        refresh_from_queryset(db) {
            let mut post = Post::objects().get(Post::id.eq(1), db)?;
            raises(post.refresh_from(&Post::objects().filter(Post::is_active.eq(false)), db))
        }
    }

    oracle! { "defer", data::chinook;
        calls_combine(db) {
            fn names<M: Model<Pk = i64>>(rows: QuerySet<M, Partial<M>>, db: &Db) -> Result<Vec<&'static str>> {
                Ok(rows.order_by(()).first(db)?.expect("a row").deferred())
            }
            json!({
                "defer.defer": names(Genre::objects().defer(Genre::name).defer(Genre::id), db)?,
                "only.only": names(Artist::objects().only(Artist::name).only(Artist::pk), db)?,
                "only.defer": names(Album::objects().only((Album::title, Album::artist)).defer(Album::title), db)?,
                "defer.only": names(Album::objects().defer(Album::title).only((Album::title, Album::artist)), db)?,
                "defer(None)": names(Album::objects().defer(Album::title).defer_none(), db)?,
            })
        }
    }

    #[test]
    fn rows_with_deferred_fields_are_prefetched_annotated_and_followed_like_others() -> Result<()> {
        let db = data::lab();
        let n = User::posts.count();
        let watch = db.capture();
        let users = User::objects().only(User::username).annotate(&n).prefetch_related(User::posts.tags);
        let users =
            users.prefetch_to(User::posts, Post::objects().only(Post::title)).order_by(User::id).all(&db)?;
        let (count, titles) = &users[0].extra;
        assert_eq!((users[0].deferred(), *count, titles.len()), (vec!["email", "is_staff"], 3, 3));
        let posts = users[0].get(User::posts, &db)?.all(&db)?;
        assert_eq!((posts.len(), posts[0].tags.loaded().is_some()), (3, true));
        assert_eq!(titles[0].deferred().len(), Post::meta().column_count() - 2);
        assert_eq!(watch.len(), 4);
        Ok(())
    }

    #[test]
    fn a_key_of_a_row_with_deferred_fields_is_followed_for_all_peers() -> Result<()> {
        use nuages::executor::FetchMode;
        let db = data::lab();
        let watch = db.capture();
        let posts = Post::objects().only((Post::title, Post::author)).fetch_mode(FetchMode::Peers);
        for post in posts.all(&db)? {
            post.get(Post::author, &db)?.get(&db)?;
        }
        assert_eq!(watch.len(), 2);
        let strict = db.with_fetch_mode(FetchMode::Raise);
        let post = Post::objects().only(Post::author).order_by(Post::id).first(&strict)?.expect("a post");
        let blocked = post.get(Post::author, &strict)?.get(&strict);
        assert_eq!(blocked.map(drop), Err(Error::FetchBlocked { model: "Post", field: "author" }));
        Ok(())
    }

    #[test]
    fn deletions_and_unions_of_rows_with_deferred_fields() -> Result<()> {
        let db = data::lab();
        let named = || User::objects().only(User::username);
        let one = named().filter(User::id.eq(1));
        let both = one.clone().union(named().filter(User::id.eq(2))).all(&db)?;
        assert_eq!(both[1].deferred(), ["email", "is_staff"]);
        let unlike = one.union(User::objects().only(User::email)).all(&db);
        assert!(matches!(unlike, Err(Error::Misuse(_))));
        let tags = Tag::objects().defer(Tag::name).filter(Tag::slug.eq("unused"));
        assert_eq!(tags.delete(&db)?.total, 1);
        Ok(())
    }
}
