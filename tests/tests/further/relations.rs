//! Many to many, prefetches, rows with fields left out, SQL, querysets with methods of one's own.

use nuages::{prelude::*, relation::SetOptions};
use nuages_tests::{
    data,
    lab::{Category, Comment, Course, Enrollment, Person, Post, Product, Student, Tag, User},
    oracle,
    oracle::{Answer, instances},
};
use serde_json::{Value as Found, json};

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

oracle! { "m2m", data::lab;
    more(db) {
        let mut post = Post::objects().get(Post::pk.eq(6), db)?;
        let mut tags = Tag::objects().order_by(Tag::pk).all(db)?;
        let keys = |post: &Post| post.tags.objects()?.order_by(Tag::pk).values_list(Tag::pk).all(db);
        post.tags.add([&tags[0], &tags[1]], db)?;
        post.tags.add([1], db)?;
        let a = keys(&post)?;
        post.tags.set([&tags[1], &tags[2]], db)?;
        let b = keys(&post)?;
        post.tags.remove(&tags[3], db)?;
        let c = post.tags.count(db)?;
        post.tags.remove(&tags[1], db)?;
        let d = post.tags.filter(Tag::name.eq(tags[2].name.clone()))?.exists(db)?;
        tags[2].posts.clear(db)?;
        json!([a, b, c, d, post.tags.count(db)?])
    }
    self_symmetrical(db) {
        let made = |name: &str| Person::objects().create(new!(Person { name }), db);
        let (mut a, mut b, c) = (made("za")?, made("zb")?, made("zc")?);
        a.friends.add([&b, &c], db)?;
        a.follows.add(&b, db)?;
        let names = |rows: QuerySet<Person>| rows.values_list(Person::name).all(db).map(sorted);
        let x = json!([names(b.friends.objects()?)?, names(b.follows.objects()?)?, names(b.followers.objects()?)?]);
        b.friends.remove(&a, db)?;
        json!([
            x,
            names(a.friends.objects()?)?,
            names(Person::objects().filter(Person::friends.name.eq("za")))?,
            names(Person::objects().exclude(Person::follows.name.eq("zb")).filter(Person::name.starts_with("z")))?,
        ])
    }
    through_with_values(db) {
        let student = Student::objects().get(Student::pk.eq(1), db)?;
        let mut course = Course::objects().create(new!(Course { title: "new" }), db)?;
        for grade in ["B", "C"] {
            course.students.add_with(&student, |_| new!(Enrollment { student: _, course: _, grade }), db)?;
        }
        json!([
            course.enrollment_set.objects()?.values_list((Enrollment::grade, Enrollment::completed)).all(db)?,
            student.courses.filter(Course::enrollment_set.grade.eq("B"))?.values_list(Course::title).all(db)?,
            Enrollment::objects().filter(Enrollment::course.eq(&course)).count(db)?,
        ])
    }
}

oracle! { "m2m", data::lab;
    through_more(db) {
        let some = Student::objects().order_by(Student::pk).slice(..3).all(db)?;
        let new = |title: &str| Course::objects().create(new!(Course { title }), db);
        let (mut one, mut two) = (new("c1")?, new("c2")?);
        let graded = |grade: &'static str, completed: bool| {
            move |_: &Student| new!(Enrollment { course: _, student: _, grade, completed })
        };
        one.students.set_through(&some[..], graded("A", false), SetOptions::default(), db)?;
        two.students.add_with(&some[..2], graded("B", true), db)?;
        let both = Enrollment::course.title.is_in(["c1", "c2"]);
        let pairs = Enrollment::objects().filter(both).order_by((Enrollment::course.title, Enrollment::student))
            .values_list((Enrollment::course.title, Enrollment::student_id, Enrollment::grade, Enrollment::completed)).all(db)?;
        let graded_in = |course: &Course, grade: &str| Student::enrollment_set.course.eq(course) & Student::enrollment_set.grade.eq(grade);
        let has_b = || Student::enrollment_set.grade.eq("B");
        let counts = [
            Student::objects().filter(Student::courses.eq(&one) & Student::enrollment_set.grade.eq("A")).count(db)?,
            Student::objects().filter(graded_in(&two, "A")).count(db)?,
            Student::objects().filter(has_b()).distinct().count(db)?,
            Student::objects().exclude(has_b()).filter(Student::courses.eq(&one)).count(db)?,
        ];
        one.students.remove([&some[0], &some[0]], db)?;
        two.students.clear(db)?;
        let left = [one.students.count(db)?, two.students.count(db)?, Enrollment::objects().filter(Enrollment::course.eq(&one)).count(db)?];
        let first = |student: &Student| student.courses.filter(Course::title.eq("c1"));
        let of_second = first(&some[1])?.values_list((Course::title, Course::enrollment_set.grade)).all(db)?;
        let of_first = first(&some[0])?.exists(db)?;
        one.students.set([&some[0], &some[1]], db)?;
        let mut keys = one.students.objects()?.values_list(Student::pk).all(db)?;
        keys.sort_unstable();
        json!([
            pairs, counts, left, json!([of_second, of_first]),
            keys.iter().copied().map(Some).eq(some[..2].iter().map(Model::pk)),
            Enrollment::objects().filter(Enrollment::course.eq(&one)).order_by(Enrollment::student).values_list(Enrollment::grade).all(db)?,
        ])
    }
}

oracle! { "prefetch", data::lab;
    nested_objects(db) {
        let watch = db.capture();
        let comments = Comment::objects().select_related(Comment::author).filter(Comment::score.gt(0)).order_by(Comment::pk);
        let posts = Post::objects().filter(Post::is_active).order_by(Post::view_count.desc())
            .prefetch_with(Post::comments, comments).prefetch_related(Post::tags);
        let mut out = Vec::new();
        for category in Category::objects().order_by(Category::pk).prefetch_with(Category::posts, posts).all(db)? {
            let mut written = Vec::new();
            for post in category.posts.all(db)?.iter() {
                let mut said = Vec::new();
                for comment in post.comments.all(db)?.iter() {
                    said.push(json!([comment.pk(), comment.author.get(db)?.map(|author| author.username.clone())]));
                }
                let tags = post.tags.all(db)?.iter().map(|tag| tag.name.clone()).collect();
                written.push(json!([post.pk(), said, sorted(tags)]));
            }
            out.push(json!([category.name, written]));
        }
        json!([out, watch.len()])
    }
    nested_counts(db) {
        let watch = db.capture();
        let posts = Post::objects().order_by(Post::title).prefetch_related((Post::tags, Post::comments.author));
        let users = User::objects().prefetch_with(User::posts, posts).order_by(User::pk).all(db)?;
        let mut out = Vec::new();
        for user in &users {
            let mut written: Vec<Found> = Vec::new();
            for post in user.posts.all(db)?.iter() {
                let tags = post.tags.all(db)?.iter().map(|tag| tag.name.clone()).collect();
                let mut authors: Vec<Option<String>> = Vec::new();
                for comment in post.comments.all(db)?.iter() {
                    authors.push(comment.author.get(db)?.map(|author| author.username.clone()));
                }
                written.push(json!([post.title, sorted(tags), authors]));
            }
            out.push(json!([user.username, written]));
        }
        json!([out, watch.len()])
    }
    empty_results(db) {
        let watch = db.capture();
        let none = User::objects().filter(User::pk.eq(0)).prefetch_related(User::posts.tags).all(db)?;
        let first = watch.len();
        let alone = User::objects().filter(User::username.eq("dave")).prefetch_related(User::posts.tags).all(db)?;
        json!([instances(&none), first, instances(&alone), watch.len() - first])
    }
}

oracle! { "defer", data::lab;
    only_and_related(db) {
        let watch = db.capture();
        let rows = Post::objects().select_related(Post::author).only((Post::title, Post::author.username));
        let post = rows.get(Post::pk.eq(1), db)?;
        let author = post.related(Post::author).expect("a post has an author");
        let a = json!([post.get(Post::title, db)?, author.get(User::username, db)?]);
        let deferred = post.deferred();
        let email = author.get(User::email, db)?;
        json!([a, deferred.contains(&"body") && deferred.contains(&"slug"), email, watch.len()])
    }
    values_ignore(db) {
        json!([
            Post::objects().defer(Post::title).values_list(Post::title).order_by(Post::pk).slice(..1).all(db)?,
            Post::objects().only(Post::title).count(db)?,
            Post::objects().only(Post::title).values(Post::slug).order_by(Post::pk).first(db)?.answer(),
        ])
    }
}

/// Whatever becomes of a post.
trait PostQuery: Queryset<Model = Post> {
    fn active(self) -> Self {
        self.filter(Post::is_active)
    }

    fn popular(self, views: u32) -> Self {
        self.filter(Post::view_count.gte(views))
    }
}

impl<Q: Queryset<Model = Post>> PostQuery for Q {}

/// The shop's shelves.
trait ProductQuery: Queryset<Model = Product> {
    fn in_stock(self) -> Self {
        self.filter(Product::stock.gt(0))
    }

    fn on_sale(self) -> Self {
        self.filter(Product::sale_price.is_null(false) & Product::sale_price.lt(Product::price))
    }
}

impl<Q: Queryset<Model = Product>> ProductQuery for Q {}

oracle! { "lazy", data::lab;
    raw_more(db) {
        let sql = "SELECT id, username, (SELECT COUNT(*) FROM lab_post WHERE author_id = lab_user.id) AS n FROM lab_user WHERE username <> $1 ORDER BY id";
        let users = User::objects().raw(sql, ["bob"]).all(db)?;
        let watch = db.capture();
        let email = users[0].get(User::email, db)?.answer();
        let late = watch.len();
        let mut rows = Vec::new();
        for user in &users {
            rows.push(json!([user.pk().answer(), user.loaded(User::username).cloned().answer(), user.annotation("n")?.answer()]));
        }
        let down = User::objects().raw("SELECT * FROM lab_user ORDER BY id DESC", ()).all(db)?;
        json!([
            rows,
            email,
            late,
            User::objects().raw("SELECT * FROM lab_user WHERE id < 0", ()).all(db)?.len(),
            down[1..3].iter().map(|user| user.loaded(User::username).cloned().answer()).collect::<Vec<_>>(),
        ])
    }
    chain_of_managers(db) {
        json!([
            Post::objects().active().popular(100).order_by(Post::pk).values_list(Post::pk).all(db)?,
            Post::objects().filter(Post::pk.lte(4)).active().count(db)?,
            User::objects().get(User::pk.eq(1), db)?.posts.objects()?.active().count(db)?,
            Product::objects().in_stock().filter(Product::price.gt(10)).count(db)?,
            Product::objects().on_sale().order_by(Product::pk).values_list(Product::pk).all(db)?,
        ])
    }
}
