//! Related managers, attributes that are relations, and keys of several parts. Django's answers.

use nuages::{error::Error, prelude::*, relation::SetOptions};
use nuages_tests::{
    chinook::{Album, Artist, MediaType},
    data,
    lab::{Course, Enrollment, EnrolmentKey, Film, Person, Post, Sticker, Student, Tag, User},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

fn post(key: i64, db: &Db) -> Result<Post> {
    Post::objects().get(Post::id.eq(key), db)
}

fn tags_of(key: i64, db: &Db) -> Result<Vec<String>> {
    Tag::objects().filter(Tag::posts.eq(key)).order_by(Tag::id).values_list(Tag::name).all(db)
}

mod m2m {
    use super::*;

    oracle! { "m2m", data::lab;
        add_missing_key(db) { raises(post(3, db)?.tags.add(999, db)) }
        set_clear_true(db) {
            let mut post = post(7, db)?;
            let watch = db.capture();
            post.tags.set_with([2, 3], SetOptions { clear: true }, db)?;
            let kinds: Vec<String> = watch.kinds().iter().map(ToString::to_string).collect();
            json!({ "tags": tags_of(7, db)?, "kinds": kinds })
        }
        through_ordering_of_access(db) {
            let course = Course::objects().get(Course::id.eq(1), db)?;
            let student = Student::objects().get(Student::id.eq(1), db)?;
            let graded = course.students.objects()?.order_by(Student::enrollment_set.grade);
            json!([
                graded.values_list((Student::user.username, Student::enrollment_set.grade)).all(db)?,
                student.enrollment_set.objects()?.order_by(Enrollment::id).values_list(Enrollment::course.title).all(db)?,
            ])
        }
    }

    #[test]
    fn what_has_no_key_cannot_be_added_and_nothing_is() -> Result<()> {
        let db = data::lab();
        let mut post = post(3, &db)?;
        let before = tags_of(3, &db)?;
        let refused = post
            .tags
            .add([&Tag::objects().get(Tag::id.eq(1), &db)?, &new!(Tag { name: "x", slug: "x" })], &db);
        assert!(matches!(refused, Err(Error::Unsaved { model: "Tag", .. })), "{refused:?}");
        post.tags.add(Vec::<i64>::new(), &db)?;
        assert_eq!(tags_of(3, &db)?, before);
        Ok(())
    }

    #[test]
    fn a_manager_finds_or_makes_related_rows_only() -> Result<()> {
        let db = data::lab();
        let mut post = post(3, &db)?;
        let fresh = || new!(Tag { name: "Fresh", slug: "fresh" });
        let (tag, is_new) = post.tags.get_or_create(Tag::slug.eq("fresh"), fresh, &db)?;
        assert!(is_new && tags_of(3, &db)?.contains(&"Fresh".to_owned()));
        let (again, is_new) =
            post.tags.update_or_create(Tag::slug.eq("fresh"), |tag| tag.name = "Old".into(), fresh, &db)?;
        assert_eq!((again.id, is_new, again.name.as_str()), (tag.id, false, "Old"));
        // A tag that is there, but not of this post, is not found; and to make it again is refused, in whole.
        let known =
            post.tags.get_or_create(Tag::slug.eq("sql"), || new!(Tag { name: "SQL 2", slug: "sql" }), &db);
        assert!(matches!(known, Err(Error::Integrity { .. })), "{known:?}");
        assert!(!Tag::objects().filter(Tag::name.eq("SQL 2")).exists(&db)?);
        Ok(())
    }

    #[test]
    fn friends_by_key_hold_both_ways_and_follows_only_one() -> Result<()> {
        let db = data::lab();
        let id =
            |name: &str| Person::objects().filter(Person::name.eq(name)).values_list(Person::id).one(&db);
        let (ada, di) = (id("Ada")?, id("Di")?);
        let mut person = Person::objects().get(Person::id.eq(ada), &db)?;
        person.friends.set_with([di], SetOptions { clear: true }, &db)?;
        let mut other = Person::objects().get(Person::id.eq(di), &db)?;
        assert_eq!(other.friends.objects()?.filter(Person::id.eq(ada)).count(&db)?, 1);
        other.friends.clear(&db)?;
        assert_eq!(person.friends.count(&db)?, 0);
        other.follows.clear(&db)?;
        person.follows.set(di, &db)?;
        assert_eq!(
            (person.follows.count(&db)?, other.follows.filter(Person::id.eq(ada))?.count(&db)?),
            (1, 0)
        );
        assert!(other.followers.filter(Person::id.eq(ada))?.exists(&db)?);
        Ok(())
    }
}

mod reverse {
    use super::*;

    oracle! { "reverse", data::lab;
        update_and_bulk_through_manager(db) {
            let user = User::objects().get(User::id.eq(1), db)?;
            let posts = ["a", "b"].map(|c| new!(Post { title: c, slug: c, body: "", author: _ }));
            let refused = raises(user.posts.objects()?.bulk_create(posts, db));
            json!([refused, user.posts.objects()?.update(Post::view_count.set(1), db)?])
        }
    }

    #[test]
    fn set_with_clear_makes_rows_point_at_nothing_first() -> Result<()> {
        use nuages_tests::lab::Category;
        let db = data::lab();
        let mut tech = Category::objects().get(Category::slug.eq("tech"), &db)?;
        tech.posts.set_with([3, 5], SetOptions { clear: true }, &db)?;
        assert_eq!(tech.posts.objects()?.order_by(Post::id).values_list(Post::pk).all(&db)?, [3, 5]);
        let refused = tech.posts.set_with([3], SetOptions { clear: false }, &db);
        assert!(refused.is_ok());
        assert_eq!(tech.posts.count(&db)?, 1);
        Ok(())
    }

    #[test]
    fn children_of_a_manager_know_the_parent_that_they_were_given() -> Result<()> {
        let db = data::chinook();
        let artist = Artist::objects().get(Artist::id.eq(1), &db)?;
        let watch = db.capture();
        for album in artist.albums.all_of(&artist, &db)? {
            assert_eq!(album.artist.get(&db)?, &artist);
        }
        assert_eq!(watch.len(), 1);
        let other = Artist::objects().get(Artist::id.eq(2), &db)?;
        assert!(matches!(artist.albums.all_of(&other, &db), Err(Error::Misuse(_))));
        Ok(())
    }
}

mod attr {
    use super::*;

    oracle! { "attr", data::chinook;
        assign_instance_sets_id(db) {
            let second = Artist::objects().get(Artist::id.eq(2), db)?;
            let mut album = new!(Album { title: "x", artist: &second });
            let first = album.artist.key().copied();
            album.artist = 1.into();
            json!([first, album.artist.get(db)?.name])
        }
        assign_unsaved_parent(db) {
            let mut parent = new!(Artist { name: "new" });
            let mut album = new!(Album { title: "x", artist: &parent });
            let refused = match album.save(db) {
                Err(Error::Unsaved { wanted, .. }) => json!({
                    "raises": "ValueError",
                    "message": format!("save() prohibited to prevent data loss due to unsaved related object '{wanted}'."),
                }),
                other => raises(other),
            };
            // An assigned instance is a copy: it is assigned again when it has got its key.
            parent.save(db)?;
            album.artist = (&parent).into();
            album.save(db)?;
            json!([refused, album.artist.key() == parent.id.get()])
        }
        null_fk(db) {
            use nuages_tests::chinook::Employee;
            let boss = Employee::objects().get(Employee::last_name.eq("Adams"), db)?;
            let watch = db.capture();
            let out = boss.reports_to.get(db)?.map(|row| row.last_name.clone());
            json!([out, watch.len()])
        }
    }

    oracle! { "attr", data::lab;
        reverse_one_to_one_cached_both_ways(db) {
            let user = User::objects().get(User::id.eq(1), db)?;
            let watch = db.capture();
            let profile = user.profile.get_of(&user, db)?.expect("a profile");
            let same = *profile.user.get(db)? == user;
            profile.user.get(db)?.profile.get(db)?;
            json!([watch.len(), same])
        }
        reverse_manager_of_unsaved(db) {
            json!([
                raises(new!(Artist { name: "x" }).albums.all(db)),
                raises(new!(Post { title: "x", slug: "x", body: "", author: 1 }).tags.all(db)),
            ])
        }
    }

    #[test]
    fn reverse_manager_default_name() -> Result<()> {
        let (music, lab) = (data::chinook(), data::lab());
        // Names are never invented here: `tracks` is declared, and `Track::media_type.reverse()` needs no declaration.
        let media = MediaType::objects().get(MediaType::id.eq(5), &music)?;
        let bob = User::objects().get(User::id.eq(2), &lab)?;
        let film = Film::objects().get(Film::id.eq(1), &lab)?;
        let found = json!([
            media.tracks.count(&music)?,
            bob.comment_set.count(&lab)?,
            film.chapter_set.owner().is_some_and(|owner| owner.model == Film::meta()),
        ]);
        oracle::check("attr.reverse_manager_default_name", &found);
        Ok(())
    }
}

mod multi {
    use super::*;

    oracle! { "multi", data::lab;
        related_manager_filter_is_sticky(db) {
            let tags = post(7, db)?.tags;
            let names = |rows: QuerySet<Tag>| -> Result<Vec<String>> {
                let mut names = rows.values_list(Tag::name).all(db)?;
                names.sort();
                names.dedup();
                Ok(names)
            };
            json!({
                "tags.filter": names(tags.filter(Tag::posts.is_active)?)?,
                "tags.all().filter": names(tags.objects()?.filter(Tag::posts.is_active))?,
                "tags.order_by().filter": names(tags.objects()?.order_by(Tag::id).filter(Tag::posts.is_active))?,
                "tags.all().all().filter": names(tags.objects()?.filter(Q::all()).filter(Tag::posts.is_active))?,
            })
        }
        generic_relation(db) {
            let mut film = Film::objects().get(Film::title.eq("Metropolis"), db)?;
            film.labels.create(new!(Sticker { word: "classic", target: _ }), db)?;
            film.labels.create(new!(Sticker { word: "silent", target: _ }), db)?;
            let other = Film::objects().get(Film::title.eq("Nosferatu"), db)?;
            Sticker::objects().create(new!(Sticker { word: "silent", target: &other }), db)?;
            let bob = User::objects().get(User::username.eq("bob"), db)?;
            Sticker::objects().create(new!(Sticker { word: "silent", target: &bob }), db)?;

            let silent = Film::objects().filter(Film::labels.word.eq("silent")).order_by(Film::pk);
            let of_metropolis = Sticker::objects().filter(Sticker::target.to::<Film>().title.eq("Metropolis"));
            let is_user = Sticker::content_type.eq(ContentType::of::<User>());
            let of_users = Sticker::objects().filter(Sticker::word.eq("silent") & is_user).all(db)?;
            let users: Result<Vec<String>> =
                of_users.iter().map(|one| Ok(one.target.get::<User>(db)?.username.clone())).collect();
            let count = film.labels.count(db)?;
            let words = of_metropolis.order_by(Sticker::word).values_list(Sticker::word).all(db)?;
            let titles = silent.values_list(Film::title).all(db)?;
            let deleted = film.delete(db)?;
            let left = Sticker::objects().count(db)?;
            json!([titles, words, count, users?, [deleted.total, deleted.by_model.answer()], left])
        }
        composite_pk(db) {
            let names = |rows: QuerySet<EnrolmentKey>| {
                rows.order_by(EnrolmentKey::pk).values_list(EnrolmentKey::name).all(db)
            };
            let all = EnrolmentKey::objects();
            json!([
                all.get(EnrolmentKey::pk.eq((1, 2)), db)?.name,
                names(all.clone().filter(EnrolmentKey::pk.is_in([(1, 1), (2, 1)])))?,
                names(all.clone().filter(EnrolmentKey::pk.gt((1, 1))))?,
                all.clone().order_by(EnrolmentKey::pk.desc()).values_list(EnrolmentKey::pk).all(db)?,
                all.get(EnrolmentKey::tenant.eq(2), db)?.pk().answer(),
            ])
        }
    }

    #[test]
    fn tuples_are_compared_part_by_part() -> Result<()> {
        let db = data::lab();
        let count = |condition: Q<EnrolmentKey>| EnrolmentKey::objects().filter(condition).count(&db);
        let pk = EnrolmentKey::pk;
        assert_eq!((count(pk.gte((1, 2)))?, count(pk.lt((1, 2)))?, count(pk.lte((2, 1)))?), (2, 1, 3));
        assert_eq!((count(pk.is_in([(0_i64, 0_i64); 0]))?, count(!pk.eq((1, 1)))?), (0, 2));
        let mixed = (EnrolmentKey::name, EnrolmentKey::tenant);
        assert_eq!(count(mixed.gt(("b".to_owned(), 0)))?, 2);
        Ok(())
    }
}
