//! Relations: `select_related`, `prefetch_related`, managers, many-to-many, to-many conditions. Django's answers.

use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::*,
    data, lab, oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

mod fetch {
    use super::*;
    use nuages::executor::FetchMode;

    oracle! { "fetch", data::lab;
        peers_deferred_field(db) {
            use lab::Post;
            let watch = db.capture();
            for post in Post::objects().only(Post::title).fetch_mode(FetchMode::Peers).all(db)? {
                post.get(Post::body, db)?;
            }
            watch.len()
        }
    }

    #[test]
    fn raise() -> Result<()> {
        let db = data::chinook();
        let album = Album::objects().fetch_mode(FetchMode::Raise).get(Album::id.eq(1), &db)?;
        let Err(Error::FetchBlocked { model, field }) = album.artist.get(&db) else {
            panic!("it was fetched")
        };
        let message = format!("Fetching of {model}.{field} blocked.");
        let blocked = json!({ "raises": "FieldFetchBlocked", "message": message });
        oracle::check("fetch.raise", &json!([album.title, blocked]));
        Ok(())
    }
}

mod select_related {
    use super::*;

    #[test]
    fn chain_loads_the_middle() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let track = Track::objects().select_related(Track::album.artist).get(Track::pk.eq(1), &db)?;
        let album = track.album.get(&db)?.expect("the track has an album");
        let out = json!([album.title, album.artist.get(&db)?.name]);
        let loaded = watch.len();
        track.genre.get(&db)?;
        oracle::check(
            "select_related.chain_loads_the_middle",
            &json!({ "out": out, "queries": loaded, "after genre": watch.len() }),
        );
        Ok(())
    }

    #[test]
    fn nullable_uses_left_join() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let mut rows = Vec::new();
        for employee in Employee::objects().select_related(Employee::reports_to).all(&db)? {
            rows.push(json!([
                employee.last_name,
                employee.reports_to.get(&db)?.map(|boss| boss.last_name.clone())
            ]));
        }
        oracle::check(
            "select_related.nullable_uses_left_join",
            &json!({ "rows": rows, "queries": watch.len(), "left": true }),
        );
        Ok(())
    }

    #[test]
    fn reverse_one_to_one() -> Result<()> {
        let db = data::lab();
        use lab::User;
        let watch = db.capture();
        let mut rows = Vec::new();
        for user in User::objects().select_related(User::profile).order_by(User::id).all(&db)? {
            rows.push(json!([user.username, user.profile.get(&db)?.map(|profile| profile.location.clone())]));
        }
        oracle::check("select_related.reverse_one_to_one", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }
}

mod prefetch {
    use super::*;
    use lab::Post;

    #[test]
    fn reverse_fk() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let mut rows = Vec::new();
        let artists =
            Artist::objects().filter(Artist::id.lte(5)).order_by(Artist::id).prefetch_related(Artist::albums);
        for artist in artists.all(&db)? {
            rows.push(json!([artist.name, artist.albums.all(&db)?.len()]));
        }
        oracle::check("prefetch.reverse_fk", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }

    #[test]
    fn m2m() -> Result<()> {
        let db = data::lab();
        let watch = db.capture();
        let mut rows = Vec::new();
        for post in Post::objects().order_by(Post::id).prefetch_related(Post::tags).all(&db)? {
            let mut names: Vec<String> = post.tags.all(&db)?.iter().map(|tag| tag.name.clone()).collect();
            names.sort();
            rows.push(json!([post.id.answer(), names]));
        }
        oracle::check("prefetch.m2m", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }

    #[test]
    fn nested() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let mut rows = Vec::new();
        let artists = Artist::objects()
            .filter(Artist::id.lte(5))
            .order_by(Artist::id)
            .prefetch_related(Artist::albums.tracks);
        for artist in artists.all(&db)? {
            let mut tracks = 0;
            for album in artist.albums.all(&db)?.iter() {
                tracks += album.tracks.all(&db)?.len();
            }
            rows.push(json!([artist.name, tracks]));
        }
        oracle::check("prefetch.nested", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }

    #[test]
    fn forward_fk_fetches_distinct_parents() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let mut names = Vec::new();
        for track in Track::objects().filter(Track::id.lte(100)).prefetch_related(Track::genre).all(&db)? {
            names.extend(track.genre.get(&db)?.and_then(|genre| genre.name.clone()));
        }
        names.sort();
        names.dedup();
        let found = json!({ "names": names, "queries": watch.len() });
        oracle::check("prefetch.forward_fk_fetches_distinct_parents", &found);
        Ok(())
    }

    #[test]
    fn a_prefetched_child_knows_its_parent() -> Result<()> {
        let db = data::chinook();
        let artist = Artist::objects().prefetch_related(Artist::albums).get(Artist::id.eq(1), &db)?;
        let watch = db.capture();
        let album = &artist.albums.all(&db)?[0];
        assert_eq!(album.artist.get(&db)?.name, artist.name);
        assert_eq!(watch.len(), 0);
        Ok(())
    }

    #[test]
    fn sliced_queryset() -> Result<()> {
        let db = data::chinook();
        let watch = db.capture();
        let newest = Album::objects().order_by(Album::id.desc()).slice(..2);
        let artists = Artist::objects().filter(Artist::id.is_in([1, 2, 8])).order_by(Artist::id);
        let mut rows = Vec::new();
        for artist in artists.prefetch_with(Artist::albums, newest).all(&db)? {
            let albums = artist.albums.all(&db)?.iter().map(|album| album.id.answer()).collect::<Vec<_>>();
            rows.push(json!([artist.id.answer(), albums]));
        }
        oracle::check("prefetch.sliced_queryset", &json!({ "rows": rows, "queries": watch.len() }));
        Ok(())
    }

    #[test]
    fn one_relation_twice_with_a_queryset_is_refused() {
        let db = data::lab();
        use lab::User;
        let twice = User::objects().prefetch_related(User::posts).prefetch_with(User::posts, Post::objects());
        assert!(matches!(twice.all(&db), Err(Error::Misuse(_))));
    }
}

mod multi {
    use super::*;
    use lab::{Comment, Course, Post, Student};

    fn keys(rows: QuerySet<Post>, db: &Db) -> Result<Vec<i64>> {
        rows.order_by(Post::id).values_list(Post::id).all(db)
    }

    oracle! { "multi", data::lab;
        two_filters_multiply_rows(db) {
            let one = Post::objects().filter(Post::comments.score.gte(0) & Post::comments.id.gte(1));
            let two = Post::objects().filter(Post::comments.score.gte(0)).filter(Post::comments.id.gte(1));
            json!([keys(one, db)?, keys(two.clone(), db)?, two.order_by(Post::id).distinct().count(db)?])
        }
        q_objects_in_one_filter_share_the_join(db) {
            let (great, low) = (Post::comments.text.eq("great"), Post::comments.score.lt(3));
            [
                Post::objects().filter(great.clone() & low.clone()).count(db)?,
                Post::objects().filter(great.clone() & low.clone()).count(db)?,
                Post::objects().filter(great).filter(low).count(db)?,
            ]
        }
        exclude_two_conditions_not_same_row(db) {
            let both = || Post::comments.text.eq("great") & Post::comments.score.lt(0);
            let matching = Post::objects().filter(both()).order_by(()).values_list(Post::id);
            [keys(Post::objects().exclude(both()), db)?, keys(Post::objects().exclude(Post::id.is_in(&matching)), db)?]
        }
        filter_not_q(db) {
            let great = || Post::comments.text.eq("great");
            [keys(Post::objects().filter(!great()), db)?, keys(Post::objects().exclude(great()), db)?]
        }
        filter_then_exclude(db) {
            keys(Post::objects().filter(Post::comments.score.gt(3)).exclude(Post::comments.text.eq("great")).distinct(), db)?
        }
        exclude_m2m(db) { keys(Post::objects().exclude(Post::tags.slug.eq("django")), db)? }
        m2m_both_tags(db) {
            json!([
                keys(Post::objects().filter(Post::tags.slug.eq("django")).filter(Post::tags.slug.eq("python")), db)?,
                Post::objects().filter(Post::tags.slug.eq("django") & Post::tags.name.eq("Python")).count(db)?,
            ])
        }
        m2m_any_tag_duplicates(db) {
            let any = Post::objects().filter(Post::tags.slug.is_in(["django", "python"]));
            [keys(any.clone(), db)?, keys(any.distinct(), db)?]
        }
        exclude_nullable_fk(db) {
            let tech = || Post::category.name.eq("Tech");
            [keys(Post::objects().exclude(tech()), db)?, keys(Post::objects().filter(tech()), db)?]
        }
        exclude_isnull_reverse(db) {
            [
                keys(Post::objects().exclude(Post::comments.is_null(true)), db)?,
                keys(Post::objects().filter(Post::comments.is_null(true)), db)?,
            ]
        }
        through_model_lookup(db) {
            let student = Student::objects().get(Student::id.eq(1), db)?;
            json!([
                Student::objects().filter(Student::enrollment_set.completed.eq(true)).order_by(Student::id).values_list(Student::id).all(db)?,
                Course::objects().filter(Course::enrollment_set.grade.eq("C")).values_list(Course::title).all(db)?,
                student.courses.objects()?.filter(Course::enrollment_set.completed.eq(true)).values_list(Course::title).all(db)?,
            ])
        }
        values_across_to_many_multiplies(db) {
            Post::objects().order_by((Post::id, Post::tags.name)).values_list((Post::id, Post::tags.name)).all(db)?
        }
    }

    #[test]
    fn exclude_uses_subquery() -> Result<()> {
        let db = data::lab();
        let rows = keys(Post::objects().exclude(Post::comments.text.eq("great")), &db)?;
        oracle::check("multi.exclude_uses_subquery", &json!({ "rows": rows, "subquery": true }));
        Ok(())
    }

    oracle! { "null", data::lab;
        boolean_three_values(db) {
            let keys = |rows: QuerySet<Comment>| rows.order_by(Comment::id).values_list(Comment::id).all(db);
            json!({
                "true": keys(Comment::objects().filter(Comment::flagged.eq(true)))?,
                "false": keys(Comment::objects().filter(Comment::flagged.eq(false)))?,
                "not true": keys(Comment::objects().exclude(Comment::flagged.eq(true)))?,
                "not false": keys(Comment::objects().exclude(Comment::flagged.eq(false)))?,
                "null": keys(Comment::objects().filter(Comment::flagged.is_null(true)))?,
            })
        }
    }

    oracle! { "q", data::lab;
        and_or_not(db) {
            let loud = Post::view_count.gt(1000) | Post::is_featured.eq(true);
            keys(Post::objects().filter(loud & !Post::author.is_staff.eq(false)), db)?
        }
        positional_then_keyword(db) {
            let either = Post::author.username.eq("alice") | Post::author.username.eq("bob");
            keys(Post::objects().filter(either & Post::is_active.eq(true)), db)?
        }
    }

    oracle! { "values", data::lab;
        reverse_and_m2m(db) {
            use lab::Tag;
            Tag::objects().order_by((Tag::id, Tag::posts.id)).values_list((Tag::name, Tag::posts.id)).all(db)?
        }
        null_relation(db) { Post::objects().order_by(Post::id).values_list((Post::id, Post::category.name)).all(db)? }
    }
}

mod many_to_many {
    use super::*;
    use lab::{Person, Post, Tag};

    fn post(key: i64, db: &Db) -> Result<Post> {
        Post::objects().get(Post::id.eq(key), db)
    }

    fn tags_of(key: i64, db: &Db) -> Result<Vec<String>> {
        Tag::objects().filter(Tag::posts.eq(key)).order_by(Tag::id).values_list(Tag::name).all(db)
    }

    #[test]
    fn add_is_idempotent() -> Result<()> {
        let db = data::lab();
        let mut post = post(3, &db)?;
        let tag = |key: i64| Tag::objects().get(Tag::id.eq(key), &db);
        let (python, django) = (tag(1)?, tag(2)?);
        let watch = db.capture();
        post.tags.add(&python, &db)?;
        let first = watch.len();
        post.tags.add(&python, &db)?;
        let again = watch.len() - first;
        post.tags.add([&python, &django, &django, &python], &db)?;
        let rows = post.tags.count(&db)?;
        let found = json!({ "first": first, "again": again, "tags": tags_of(3, &db)?, "rows": rows });
        oracle::check("m2m.add_is_idempotent", &found);
        Ok(())
    }

    #[test]
    fn remove_and_clear() -> Result<()> {
        let db = data::lab();
        let mut post = post(7, &db)?;
        let one = Tag::objects().filter(Tag::id.is_in([1, 5])).all(&db)?;
        let watch = db.capture();
        post.tags.remove(&one, &db)?;
        let left = tags_of(7, &db)?;
        post.tags.clear(&db)?;
        post.tags.clear(&db)?;
        let deletes = watch.statements().iter().filter(|one| one.to_string().starts_with("DELETE")).count();
        let found = json!({ "left": left, "end": tags_of(7, &db)?, "tags still exist": Tag::objects().count(&db)?, "deletes": deletes });
        oracle::check("m2m.remove_and_clear", &found);
        Ok(())
    }

    #[test]
    fn set_leaves_what_stays_alone() -> Result<()> {
        let db = data::lab();
        let mut post = post(7, &db)?;
        let wanted = Tag::objects().filter(Tag::id.is_in([2, 3])).all(&db)?;
        post.tags.set(&wanted, &db)?;
        assert_eq!(tags_of(7, &db)?, ["Django", "Rust"]);
        Ok(())
    }

    #[test]
    fn relations_of_a_model_with_itself() -> Result<()> {
        let db = data::lab();
        let person = |name: &str| Person::objects().get(Person::name.eq(name), &db);
        let (mut ada, eve) = (person("Ada")?, person("Di")?);
        let names = |rows: QuerySet<Person>| rows.order_by(Person::name).values_list(Person::name).all(&db);
        let found = json!([names(ada.follows.objects()?)?, names(ada.followers.objects()?)?]);
        oracle::check("m2m.asymmetrical", &found);
        ada.friends.add(&eve, &db)?;
        assert!(eve.friends.objects()?.contains(&ada, &db)?, "friendship holds both ways");
        ada.friends.remove(&eve, &db)?;
        assert!(!eve.friends.objects()?.contains(&ada, &db)?);
        Ok(())
    }

    oracle! { "m2m", data::chinook;
        playlists_real(db) {
            let track = Track::objects().get(Track::id.eq(1), db)?;
            json!([
                track.playlists.objects()?.order_by(Playlist::id).values_list((Playlist::id, Playlist::name)).all(db)?,
                Playlist::objects().get(Playlist::id.eq(16), db)?.tracks.count(db)?,
                Playlist::objects().filter(Playlist::name.eq("Music")).order_by(Playlist::id).values_list(Playlist::tracks.id).distinct().count(db)?,
            ])
        }
    }

    oracle! { "m2m", data::lab;
        create_through_manager(db) {
            let tag = post(3, db)?.tags.create(new!(Tag { name: "Fresh", slug: "fresh" }), db)?;
            json!([tag.id.get().is_some(), tags_of(3, db)?])
        }
    }
}

mod reverse {
    use super::*;
    use lab::{Account, Category, Post, Transfer, User};

    oracle! { "reverse", data::lab;
        set_on_not_null_never_removes(db) {
            let mut user = User::objects().get(User::id.eq(1), db)?;
            let five = Post::objects().get(Post::id.eq(5), db)?;
            user.posts.set(&five, db)?;
            user.posts.objects()?.order_by(Post::id).values_list(Post::id).all(db)?
        }
        clear_sets_null(db) {
            let mut tech = Category::objects().get(Category::slug.eq("tech"), db)?;
            let watch = db.capture();
            tech.posts.clear(db)?;
            json!([watch.len(), tech.posts.count(db)?, Post::objects().filter(Post::category.is_null(true)).count(db)?])
        }
        two_fks_to_one_model(db) {
            let ann = Account::objects().get(Account::owner.eq("ann"), db)?;
            let out = Account::outgoing_transfers.amount.sum();
            json!([
                ann.outgoing_transfers.objects()?.order_by(Transfer::id).values_list(Transfer::amount).all(db)?,
                ann.incoming_transfers.objects()?.values_list(Transfer::amount).all(db)?,
                Account::objects().annotate(&out).order_by(Account::id).values_list((Account::owner, &out)).all(db)?,
            ])
        }
    }

    #[test]
    fn an_unsaved_row_has_no_related_rows_to_ask_for() {
        let db = data::chinook();
        let artist = new!(Artist { name: "x" });
        assert!(matches!(artist.albums.all(&db), Err(Error::Unsaved { .. })));
    }
}

mod attr {
    use super::*;

    #[test]
    fn assign_unsaved_parent() -> Result<()> {
        let db = data::chinook();
        let mut parent = new!(Artist { name: "new" });
        let mut album = new!(Album { title: "x", artist: &parent });
        assert_eq!(raises(album.save(&db)), json!({ "raises": "ValueError" }));
        parent.save(&db)?;
        album.artist = (&parent).into();
        album.save(&db)?;
        assert_eq!(album.artist.key(), parent.id.get());
        Ok(())
    }

    #[test]
    fn null_fk() -> Result<()> {
        let db = data::chinook();
        let boss = Employee::objects().get(Employee::last_name.eq("Adams"), &db)?;
        let watch = db.capture();
        assert!(boss.reports_to.get(&db)?.is_none());
        assert_eq!(watch.len(), 0);
        Ok(())
    }
}
