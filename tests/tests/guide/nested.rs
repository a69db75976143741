//! Module 4: conditions, orders and annotations that go along relations as far as one likes.

use nuages::prelude::*;

use crate::blog::{Category, Post, User, blog, titles};

mod companies {
    use super::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "office")]
    struct Company {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[related(Department::company)]
        departments: Related<Department>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "office")]
    struct Department {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[field(on_delete = Cascade)]
        company: ForeignKey<Company>,
        #[related(Employee::department)]
        employees: Related<Employee>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "office")]
    struct Employee {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[field(on_delete = Cascade)]
        department: ForeignKey<Department>,
        #[related(Task::employee)]
        tasks: Related<Task>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "office")]
    struct Task {
        id: Auto<i64>,
        #[field(max_length = 20)]
        status: String,
        #[field(on_delete = Cascade)]
        employee: ForeignKey<Employee>,
    }

    #[test]
    fn four_levels_down() -> Result<()> {
        let models = (Company::app(), Department::app(), Employee::app(), Task::app());
        let db = App::new().models(models).open_memory()?;
        for (name, statuses) in [("Swing Ltd", ["done", "open", "done"]), ("Blues Inc", ["open"; 3])] {
            let company = Company::objects().create(new!(Company { name }), &db)?;
            let department =
                Department::objects().create(new!(Department { name: "Sales", company: &company }), &db)?;
            for status in statuses {
                let employee =
                    Employee::objects().create(new!(Employee { name: "E", department: &department }), &db)?;
                Task::objects().create(new!(Task { status, employee: &employee }), &db)?;
            }
        }
        let done = Company::objects().filter(Company::departments.employees.tasks.status.eq("done"));
        assert_eq!(done.count(&db)?, 2, "a company for each task that is done");
        assert_eq!(done.distinct().values_list(Company::name).all(&db)?, ["Swing Ltd"]);
        let up = Task::objects().filter(Task::employee.department.company.name.starts_with("Blues"));
        assert_eq!(up.count(&db)?, 3);
        Ok(())
    }
}

mod across {
    use super::*;

    #[test]
    fn a_row_comes_as_often_as_it_matches_unless_distinct() -> Result<()> {
        // Question 2 of the module.
        let db = blog();
        let authors = User::objects().filter(User::posts.tags.slug.eq("django"));
        assert_eq!((authors.count(&db)?, authors.distinct().count(&db)?), (3, 3));
        let authors = User::objects().filter(User::posts.tags.slug.eq("travel"));
        assert_eq!((authors.clone().count(&db)?, authors.distinct().count(&db)?), (2, 1));
        Ok(())
    }

    #[test]
    fn an_order_of_another_table() -> Result<()> {
        let posts = Post::objects().order_by((Post::author.username.desc(), Post::title));
        assert_eq!(titles(posts, &blog())?[..2], ["Django signals", "Notes"]);
        Ok(())
    }

    #[test]
    fn filter_annotate_filter_order() -> Result<()> {
        let db = blog();
        let active = Category::posts.count();
        let rows = Category::objects()
            .filter(Category::posts.is_active.eq(true))
            .annotate(&active)
            .filter(active.gt(1))
            .order_by(active.desc())
            .all(&db)?;
        let rows: Vec<(&str, i64)> = rows.iter().map(|row| (row.name.as_str(), row.extra.0)).collect();
        assert_eq!(rows, [("Technology", 4), ("Travel", 2)]);
        Ok(())
    }

    #[test]
    fn unique_authors_of_a_category() -> Result<()> {
        // Question 3.
        let authors = Category::posts.author.count().distinct();
        let rows = Category::objects()
            .order_by(Category::id)
            .values_list((Category::name, &*authors))
            .all(&blog())?;
        let expected = [("Technology", 3), ("Travel", 1), ("Cooking", 0)];
        assert_eq!(rows, expected.map(|(name, authors)| (name.to_owned(), authors)));
        Ok(())
    }
}

mod schools {
    use super::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "school")]
    struct School {
        id: Auto<i64>,
        #[field(max_length = 50)]
        name: String,
        #[related(Class::school)]
        classes: Related<Class>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "school")]
    struct Class {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        school: ForeignKey<School>,
        #[related(Student::class)]
        students: Related<Student>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "school")]
    struct Student {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        class: ForeignKey<Class>,
        #[related(Grade::student)]
        grades: Related<Grade>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "school")]
    struct Grade {
        id: Auto<i64>,
        #[field(on_delete = Cascade)]
        student: ForeignKey<Student>,
        value: u16,
    }

    #[test]
    fn schools_with_a_grade_above_ninety() -> Result<()> {
        // Question 1.
        let db =
            App::new().models((School::app(), Class::app(), Student::app(), Grade::app())).open_memory()?;
        for (name, grades) in [("Conservatoire", [95, 99, 70]), ("Village", [90, 80, 70])] {
            let school = School::objects().create(new!(School { name }), &db)?;
            let class = Class::objects().create(new!(Class { school: &school }), &db)?;
            for value in grades {
                let student = Student::objects().create(new!(Student { class: &class }), &db)?;
                Grade::objects().create(new!(Grade { student: &student, value }), &db)?;
            }
        }
        let good = School::objects().filter(School::classes.students.grades.value.gt(90)).distinct();
        assert_eq!(good.values_list(School::name).all(&db)?, ["Conservatoire"]);
        Ok(())
    }
}
