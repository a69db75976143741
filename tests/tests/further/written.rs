//! Writes that compute: expressions over many rows, other values for new rows than for old ones, pairs with columns.

use nuages::{prelude::*, relation::SetOptions};
use nuages_tests::{
    data,
    lab::{Account, Comment, Course, Enrollment, Student},
    oracle,
    oracle::raises,
};
use serde_json::json;

oracle! { "bulk", data::lab;
    update_expressions_more(db) {
        let rows = Comment::objects().order_by(Comment::pk).slice(..3).all(db)?;
        let own = |place: usize| Comment::objects().filter(Comment::pk.eq(rows[place].pk()));
        let (score, text) = (Comment::score, Comment::text);
        let case = when(text.starts_with("x"), 1).otherwise(2);
        // Django's instances hold expressions; here they are updates of one row each.
        let changed = own(0).update((score.set(score + 10), text.set(concat((text, "!")))), db)?
            + own(1).update((score.set(score * score), text.set(text.upper())), db)?
            + own(2).update((score.set(case), text.set("plain")), db)?;
        let stored = Comment::objects().order_by(Comment::pk).values_list((text, score)).slice(..3).all(db)?;
        let unsaved = Comment { id: Auto::unset(), ..rows[0].clone() };
        let two = nuages::queryset::BulkOptions { batch_size: Some(0) };
        json!([
            changed, stored,
            raises(Comment::objects().bulk_update(&rows, (), db)),
            raises(Comment::objects().bulk_update(&rows, Comment::id, db)),
            raises(Comment::objects().bulk_update(&[unsaved], text, db)),
            Comment::objects().bulk_update(&[], text, db)?,
            raises(Comment::objects().bulk_update_with(&rows, text, two, db)),
        ])
    }
}

oracle! { "update_or_create", data::lab;
    create_defaults_more(db) {
        let accounts = Account::objects;
        let new = |owner: &'static str, balance: i32| move || new!(Account { owner, balance });
        let owner = |name: &'static str| Account::owner.eq(name);
        let balance = |name: &'static str| accounts().filter(owner(name)).values_list(Account::balance).one(db);
        let (a, is_new) = accounts().update_or_create(owner("new"), |row| row.balance = 5, new("new", 1), db)?;
        let (_, b) = accounts().update_or_create(owner("new"), |row| row.balance += 5, new("new", 1), db)?;
        let second = balance("new")?;
        let (c, c_new) = accounts().update_or_create(owner("other"), |_| (), new("other", 3), db)?;
        let (d, d_new) = accounts().update_or_create(owner("other"), |_| (), new("other", 4), db)?;
        let (e, e_new) = accounts().update_or_create(Account::owner.iexact("OTHER"), |row| row.balance = 8, new("OTHER", 0), db)?;
        let f = accounts().update_or_create(owner("third"), |row| row.balance = 1, new("third", -1), db);
        json!([
            a.balance, is_new, second, b, c.balance, c_new, d.balance, d_new, e.balance, e_new,
            raises(f), accounts().filter(owner("third")).exists(db)?,
        ])
    }
}

oracle! { "m2m", data::lab;
    through_defaults_more(db) {
        let mut course = Course::objects().create(new!(Course { title: "n1" }), db)?;
        let mut some = Student::objects().order_by(Student::pk).slice(..3).all(db)?;
        let graded = |grade: &'static str, completed: bool| {
            move |_: &Student| new!(Enrollment { course: _, student: _, grade, completed })
        };
        let rows = |course: &Course| course.enrollment_set.objects().map(|rows| rows.order_by(Enrollment::student_id));
        let whole = |course: &Course| {
            rows(course)?.values_list((Enrollment::student_id, Enrollment::grade, Enrollment::completed)).all(db)
        };
        course.students.add_with(&some[0], graded("A", false), db)?;
        course.students.add_with(&some[..2], graded("B", false), db)?;
        let one = rows(&course)?.values_list((Enrollment::student_id, Enrollment::grade)).all(db)?;
        course.students.set_through(&some[1..], graded("C", true), SetOptions::default(), db)?;
        let two = whole(&course)?;
        course.students.set_through(&some[..2], graded("D", false), SetOptions { clear: true }, db)?;
        let three = whole(&course)?;
        // From the other side the pair itself is written.
        Enrollment::objects().create(new!(Enrollment { course: &course, student: &some[2], grade: "E" }), db)?;
        let courses = Course::objects().count(db)?;
        let made = Course::objects().create(new!(Course { title: "n2" }), db)?;
        Enrollment::objects().create(new!(Enrollment { course: &made, student: &some[0], grade: "F" }), db)?;
        let first = some.remove(0);
        let (_, is_new) = course.students.get_or_create(Student::pk.eq(first.pk()), || unreachable!("it is there"), db)?;
        json!([
            one, two, three,
            rows(&course)?.values_list(Enrollment::grade).all(db)?,
            Course::objects().count(db)? - courses,
            made.enrollment_set.objects()?.values_list(Enrollment::grade).one(db)?,
            is_new,
            course.students.filter(Student::enrollment_set.grade.eq("E"))?.count(db)?,
        ])
    }
}
