//! A school: students in courses, through enrolments.

use super::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Student {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub user: OneToOne<User>,
    #[related(Course::students)]
    pub courses: Related<Course>,
    #[related(Enrollment::student)]
    pub enrollment_set: Related<Enrollment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Course {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub title: String,
    pub students: ManyToMany<Student, Enrollment>,
    #[related(Enrollment::course)]
    pub enrollment_set: Related<Enrollment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", unique_together(student, course))]
pub struct Enrollment {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub student: ForeignKey<Student>,
    #[field(on_delete = Cascade)]
    pub course: ForeignKey<Course>,
    #[field(auto_now_add)]
    pub enrolled_at: DateTime,
    #[field(max_length = 2, blank, default = "")]
    pub grade: String,
    #[field(default = false)]
    pub completed: bool,
}
