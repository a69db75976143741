//! Module 2: one to one, many to one, many to many, and columns of its own between two models.

use nuages::{error::Error, prelude::*};

use crate::blog::{Category, Post, Profile, Tag, User, blog, titles};

mod one_to_one {
    use super::*;

    #[test]
    fn a_profile_knows_its_user_and_a_user_the_profile() -> Result<()> {
        let db = blog();
        let profile = Profile::objects().get(Profile::pk.eq(1), &db)?;
        assert_eq!(profile.user.get(&db)?.username, "alice");
        let bob = User::objects().get(User::username.eq("bob"), &db)?;
        assert_eq!(bob.profile.get(&db)?.map(|profile| profile.bio.as_str()), Some("I am bob"));
        let carol = User::objects().get(User::username.eq("carol"), &db)?;
        assert!(carol.profile.get(&db)?.is_none());
        let second = Profile::objects().create(new!(Profile { user: &bob }), &db);
        assert!(matches!(second, Err(Error::Integrity { .. })), "one user, one profile: {second:?}");
        Ok(())
    }
}

mod many_to_one {
    use super::*;

    #[test]
    fn forward_the_key_costs_nothing_and_the_row_a_query() -> Result<()> {
        let db = blog();
        let post = Post::objects().get(Post::pk.eq(1), &db)?;
        let watch = db.capture();
        assert_eq!((post.author.key(), watch.len()), (Some(&1), 0));
        assert_eq!((post.author.get(&db)?.username.as_str(), watch.len()), ("alice", 1));
        assert_eq!((post.author.get(&db)?.username.as_str(), watch.len()), ("alice", 1));
        Ok(())
    }

    #[test]
    fn backward_is_a_manager() -> Result<()> {
        let db = blog();
        let alice = User::objects().get(User::username.eq("alice"), &db)?;
        assert_eq!(alice.posts.all(&db)?.len(), 3);
        assert_eq!(alice.posts.filter(Post::is_active)?.count(&db)?, 2);
        let tech = Category::objects().get(Category::slug.eq("tech"), &db)?;
        let newest = tech.posts.objects()?.order_by(Post::created_at.desc());
        assert_eq!(
            titles(newest, &db)?,
            ["Django signals", "Queries in depth", "Python tips", "Hello Django"]
        );
        Ok(())
    }

    #[test]
    fn cascade_and_set_null_of_question_two() -> Result<()> {
        let db = blog();
        User::objects().filter(User::username.eq("bob")).delete(&db)?;
        assert_eq!(Post::objects().count(&db)?, 5, "posts go with their author");
        Category::objects().delete(&db)?;
        assert_eq!(Post::objects().count(&db)?, 5, "and stay without their category");
        Ok(())
    }
}

mod many_to_many {
    use super::*;

    #[test]
    fn tags_are_added_set_removed_and_cleared() -> Result<()> {
        let db = blog();
        let mut post = Post::objects().get(Post::slug.eq("the-old-days"), &db)?;
        let tag = |slug| Tag::objects().get(Tag::slug.eq(slug), &db);
        let (django, python, maps) = (tag("django")?, tag("python")?, tag("maps")?);
        let slugs = |post: &Post| {
            let tags = post.tags.objects()?.order_by(Tag::slug);
            tags.values_list(Tag::slug).all(&db)
        };
        post.tags.add(&django, &db)?;
        post.tags.add([&django, &python], &db)?;
        assert_eq!(slugs(&post)?, ["django", "python"].map(Slug::from));
        post.tags.set([&django, &maps], &db)?;
        assert_eq!(slugs(&post)?, ["django", "maps"].map(Slug::from));
        post.tags.remove(&maps, &db)?;
        assert_eq!(slugs(&post)?, ["django"].map(Slug::from));
        post.tags.clear(&db)?;
        assert!(!post.tags.exists(&db)?);
        Ok(())
    }

    #[test]
    fn from_the_other_side_and_across() -> Result<()> {
        let db = blog();
        let django = Tag::objects().get(Tag::slug.eq("django"), &db)?;
        assert_eq!(django.posts.all(&db)?.len(), 3);
        let posts = Post::objects().filter(Post::tags.slug.eq("django")).order_by(Post::title);
        assert_eq!(titles(posts, &db)?, ["Django signals", "Hello Django", "Queries in depth"]);
        Ok(())
    }
}

mod through {
    use super::*;

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "school")]
    struct Student {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[related(Course::students)]
        courses: Related<Course>,
        #[related(Enrollment::student)]
        enrollments: Related<Enrollment>,
    }

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "school")]
    struct Teacher {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[related(Course::teacher)]
        courses: Related<Course>,
    }

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "school")]
    struct Course {
        id: Auto<i64>,
        #[field(max_length = 200)]
        title: String,
        #[field(on_delete = Protect)]
        teacher: ForeignKey<Teacher>,
        students: ManyToMany<Student, Enrollment>,
        #[related(Enrollment::course)]
        enrollments: Related<Enrollment>,
    }

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "school", unique_together(student, course))]
    struct Enrollment {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        student: ForeignKey<Student>,
        #[field(on_delete = Cascade)]
        course: ForeignKey<Course>,
        #[field(auto_now_add)]
        enrolled_at: DateTime,
        #[field(max_length = 2, blank, default = "")]
        grade: String,
        #[field(default = false)]
        completed: bool,
    }

    /// The school of question 1: a teacher teaches courses, students are enrolled in them.
    fn school() -> Result<Db> {
        let models = (Student::app(), Teacher::app(), Course::app(), Enrollment::app());
        let db = App::new().models(models).open_memory()?;
        let teacher = Teacher::objects().create(new!(Teacher { name: "Ms Boulanger" }), &db)?;
        for title in ["Harmony", "Counterpoint"] {
            Course::objects().create(new!(Course { title, teacher: &teacher }), &db)?;
        }
        for name in ["Quincy", "Philip"] {
            Student::objects().create(new!(Student { name }), &db)?;
        }
        Ok(db)
    }

    #[test]
    fn an_enrollment_has_columns_of_its_own_and_is_there_once() -> Result<()> {
        let db = school()?;
        let (student, course) =
            (Student::objects().get(Student::pk.eq(1), &db)?, Course::objects().get(Course::pk.eq(1), &db)?);
        let enroll = || new!(Enrollment { student: &student, course: &course, grade: "A", completed: true });
        Enrollment::objects().create(enroll(), &db)?;
        let again = Enrollment::objects().create(enroll(), &db);
        assert!(again.is_err_and(|error| error.to_string().contains("student")));
        assert_eq!(course.students.all(&db)?.len(), 1);
        let both = Enrollment::student.eq(&student) & Enrollment::course.eq(&course);
        assert_eq!(Enrollment::objects().get(both, &db)?.grade, "A");
        Ok(())
    }

    #[test]
    fn a_manager_fills_the_columns_between() -> Result<()> {
        let db = school()?;
        let mut course = Course::objects().get(Course::pk.eq(2), &db)?;
        let philip = Student::objects().get(Student::name.eq("Philip"), &db)?;
        course.students.add_with(
            &philip,
            |_| new!(Enrollment { student: _, course: _, grade: "B+" }),
            &db,
        )?;
        assert_eq!(Enrollment::objects().one(&db)?.grade, "B+");
        let done = philip.courses.filter(Course::enrollments.completed.eq(true))?;
        assert_eq!(done.count(&db)?, 0);
        Enrollment::objects().update(Enrollment::completed.set(true), &db)?;
        let done = philip.courses.filter(Course::enrollments.completed.eq(true))?;
        assert_eq!(done.values_list(Course::title).all(&db)?, ["Counterpoint"]);
        Ok(())
    }

    #[test]
    fn a_teacher_of_students() -> Result<()> {
        let db = school()?;
        let mut course = Course::objects().get(Course::pk.eq(1), &db)?;
        course.students.add(&Student::objects().all(&db)?, &db)?;
        let taught = Student::objects().filter(Student::courses.teacher.name.eq("Ms Boulanger")).distinct();
        assert_eq!(taught.count(&db)?, 2);
        Ok(())
    }
}

mod reverse_names {
    use super::*;

    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "bank")]
    struct Account {
        id: Auto<i64>,
        #[related(Transfer::from_account)]
        outgoing_transfers: Related<Transfer>,
        #[related(Transfer::to_account)]
        incoming_transfers: Related<Transfer>,
    }

    /// Two keys to one model, each with its own way back; and one without, which is Django's `related_name="+"`.
    #[derive(Model, Clone, Debug, PartialEq)]
    #[model(app = "bank")]
    struct Transfer {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        from_account: ForeignKey<Account>,
        #[field(on_delete = Cascade)]
        to_account: ForeignKey<Account>,
        #[field(on_delete = SetNull)]
        ordered_by: Option<ForeignKey<Account>>,
        amount: i32,
    }

    #[test]
    fn two_keys_to_one_model_have_two_ways_back() -> Result<()> {
        let db = App::new().models((Account::app(), Transfer::app())).open_memory()?;
        let (one, other) = (
            Account::objects().create(new!(Account {}), &db)?,
            Account::objects().create(new!(Account {}), &db)?,
        );
        for amount in [5, 7] {
            let transfer = new!(Transfer { from_account: &one, to_account: &other, amount });
            Transfer::objects().create(transfer, &db)?;
        }
        assert_eq!((one.outgoing_transfers.count(&db)?, one.incoming_transfers.count(&db)?), (2, 0));
        let sent = Transfer::amount.sum();
        let received = other.incoming_transfers.objects()?.aggregate(sent, &db)?;
        assert_eq!(received, Some(12));
        // A way back that no model declares is there as a path.
        let ordering = Account::objects().filter(Transfer::ordered_by.reverse().amount.gt(5));
        assert_eq!(ordering.count(&db)?, 0);
        Ok(())
    }
}
