//! The verbs of to-many relations: what a related manager does in Django.
//!
//! `all` asks the database each time unless the rows were prefetched, so it is never stale. What changes the relation
//! takes `&mut self` and forgets what was prefetched.

use std::borrow::Cow;
use std::panic::Location;

use indexmap::IndexMap;
use nuages_storage::Value;

use super::{
    ManyToMany, Owner, Through,
    generic::GenericColumns,
    instances::{Instances, Relatable, keys},
    pairs::Pairs,
};
use crate::{
    atomic::Atomic,
    error::{Error, Misuse, Result},
    executor::{
        Executor, finish_write,
        warnings::{Place, SingleRead, read_single},
    },
    expression::Condition,
    instance,
    meta::{FieldKind, ModelMeta},
    model::Model,
    node::{Lookup, Node, Operator, Step},
    queryset::{QuerySet, Queryset, fetch_instances},
    save::Persist,
};

impl Owner {
    pub(super) fn key_value(&self) -> Result<Value> {
        self.single_key().ok_or(Error::Misuse(Misuse::Other("a relation of a row with a composite key")))
    }

    /// The step from the other side to this one.
    pub(super) fn back(&self) -> Result<Back> {
        Back::of(self.model, self.field)
    }

    /// Refuses another row than this one.
    pub(super) fn check_is<M: Model>(&self, owner: &M) -> Result<()> {
        match self.model == M::meta() && instance::key_of(owner) == self.single_key() {
            true => Ok(()),
            false => Err(Misuse::Other("the row that is given is not the one that has the relation").into()),
        }
    }

    /// The related rows, as a queryset of the default manager.
    pub(super) fn queryset<C: Model>(&self) -> Result<QuerySet<C>> {
        let mut state = C::objects().into_state();
        state.add_condition(self.back()?.leads_to(self.model, [&self.key_value()?]));
        if self.back()?.is_pair {
            state.stick();
        }
        Ok(QuerySet::from_state(state))
    }

    /// The pairs of a many-to-many relation.
    pub(super) fn pairs<'x>(&self, target: &'static ModelMeta, ex: &'x dyn Executor) -> Result<Pairs<'x>> {
        let Back { relation: (model, field), reverse, is_pair, .. } = self.back()?;
        if !is_pair {
            return Err(Misuse::NotAColumn { model: self.model.name }.into());
        }
        Pairs::new(model, field, reverse, self.key_value()?, target, ex)
    }

    /// Changes the pairs of a many-to-many relation, in whole: the statements and what their receivers do.
    pub(super) fn change_pairs(
        &self,
        target: &'static ModelMeta,
        ex: &dyn Executor,
        change: impl FnOnce(&Pairs<'_>) -> Result<()>,
    ) -> Result<()> {
        ex.atomic(|tx| change(&self.pairs(target, tx)?))
    }
}

/// How the other side of a relation leads here.
pub(super) struct Back {
    pub(super) step: Step,
    pub(super) relation: (&'static ModelMeta, u16),
    pub(super) is_pair: bool,
    reverse: bool,
    /// The columns of a generic key.
    pub(super) generic: Option<GenericColumns>,
}

impl Back {
    /// The way back from the other side of a model's field.
    pub(super) fn of(model: &'static ModelMeta, field: u16) -> Result<Back> {
        match model.field(field).map(|field| field.kind) {
            Some(FieldKind::Reverse { child, field, .. }) => {
                let (child, field) = (child(), field());
                let is_pair =
                    child.field(field).is_some_and(|f| matches!(f.kind, FieldKind::ManyToMany { .. }));
                let generic = GenericColumns::of(child, field);
                let step = Step::Field(generic.map_or(field, |columns| columns.object_id));
                Ok(Back { step, relation: (child, field), is_pair, reverse: true, generic })
            }
            Some(FieldKind::ManyToMany { .. }) => Ok(Back {
                step: Step::Back { child: model, field },
                relation: (model, field),
                is_pair: true,
                reverse: false,
                generic: None,
            }),
            _ => Err(Misuse::NotAColumn { model: model.name }.into()),
        }
    }

    /// Whether a row on the other side points at one of these of a model.
    pub(super) fn leads_to<'k>(
        &self,
        model: &'static ModelMeta,
        keys: impl IntoIterator<Item = &'k Value>,
    ) -> Node {
        let path = Node::Path([self.step].into_iter().collect());
        let mut keys = keys.into_iter().cloned().map(Node::Value);
        let meets = match (keys.next(), keys.next()) {
            (Some(key), None) => Node::lookup(Lookup::Exact, path, key),
            (first, second) => {
                let keys = first.into_iter().chain(second).chain(keys);
                Node::Call(Operator::Lookup(Lookup::In), std::iter::once(path).chain(keys).collect())
            }
        };
        match self.generic {
            Some(columns) => columns.lead_to(model).and(meets),
            None => meets,
        }
    }
}

/// The verbs that read, which both kinds of relation have.
macro_rules! reading {
    ($row:ident) => {
        pub(super) fn owned(&self) -> Result<&Owner> {
            Owner::stored(self.bound(), $row::NAME)
        }

        /// Says that a line of the program reads the relation of this row alone.
        fn followed(&self, place: Place, ex: &dyn Executor) -> Result<()> {
            let Owner { model, field, result, .. } = *self.owned()?;
            read_single(ex, SingleRead { model, field, result, place })
        }

        /// The related rows as a queryset.
        ///
        /// # Errors
        /// [`Error::Unsaved`] if the row that has the relation is not stored.
        pub fn objects(&self) -> Result<QuerySet<$row>> {
            self.owned()?.queryset()
        }

        /// The related rows that meet a condition, as a queryset.
        ///
        /// # Errors
        /// As `objects`.
        pub fn filter(&self, condition: impl Condition<$row>) -> Result<QuerySet<$row>> {
            Ok(self.objects()?.filter(condition))
        }

        /// The related rows: those that were prefetched, or by a query.
        ///
        /// # Errors
        /// As `objects`; what a query can fail with.
        #[track_caller]
        pub fn all(&self, ex: &dyn Executor) -> Result<Cow<'_, [$row]>> {
            self.all_at(Location::caller(), ex)
        }

        pub(crate) fn all_at(&self, place: Place, ex: &dyn Executor) -> Result<Cow<'_, [$row]>> {
            match self.loaded() {
                Some(rows) => Ok(Cow::Borrowed(rows)),
                None => {
                    self.followed(place, ex)?;
                    Ok(Cow::Owned(fetch_instances(self.objects()?.state(), ex)?))
                }
            }
        }

        /// How many related rows there are.
        ///
        /// # Errors
        /// As `all`.
        #[track_caller]
        pub fn count(&self, ex: &dyn Executor) -> Result<u64> {
            self.count_at(Location::caller(), ex)
        }

        pub(crate) fn count_at(&self, place: Place, ex: &dyn Executor) -> Result<u64> {
            match self.loaded() {
                Some(rows) => Ok(rows.len() as u64),
                None => {
                    self.followed(place, ex)?;
                    crate::queryset::count(self.objects()?.state(), ex)
                }
            }
        }

        /// Whether there is a related row.
        ///
        /// # Errors
        /// As `all`.
        #[track_caller]
        pub fn exists(&self, ex: &dyn Executor) -> Result<bool> {
            Ok(self.count(ex)? > 0)
        }
    };
}

/// The verbs that look for a related row and make it if there is none, which both kinds of relation have.
macro_rules! finding {
    ($row:ident) => {
        /// The only related row that meets the condition, or a new one that is related as by `create`; and whether it
        /// is new. Two that do it at once get one row.
        ///
        /// ```
        /// # use nuages::prelude::*;
        /// # #[derive(Model, Clone)]
        /// # pub struct User { pub id: Auto<i64>, pub name: String, #[related(Post::author)] pub posts: Related<Post> }
        /// # #[derive(Model, Clone)]
        /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
        /// # let db = App::new().models((User::app(), Post::app())).open_memory()?;
        /// # let mut user = User::objects().create(new!(User { name: "Ann" }), &db)?;
        /// let draft = || new!(Post { title: "Draft", author: _ });
        /// let (post, is_new) = user.posts.get_or_create(Post::title.eq("Draft"), draft, &db)?;
        /// assert!(is_new && post.author.key() == user.id.get());
        /// assert!(!user.posts.get_or_create(Post::title.eq("Draft"), draft, &db)?.1);
        /// # Ok::<(), Error>(())
        /// ```
        ///
        /// # Errors
        /// As [`QuerySet::get_or_create`].
        pub fn get_or_create(
            &mut self,
            condition: impl Condition<$row>,
            new: impl FnOnce() -> $row,
            ex: &dyn Executor,
        ) -> Result<($row, bool)> {
            self.objects()?.get_or_create_by(condition, |tx| self.create(new(), tx), ex)
        }

        /// The only related row that meets the condition, changed and saved, or a new one that is related as by
        /// `create`; and whether it is new.
        ///
        /// # Errors
        /// As [`QuerySet::update_or_create`].
        pub fn update_or_create(
            &mut self,
            condition: impl Condition<$row>,
            change: impl FnOnce(&mut $row),
            new: impl FnOnce() -> $row,
            ex: &dyn Executor,
        ) -> Result<($row, bool)> {
            let related = self.objects()?;
            let result = related.update_or_create_by(condition, change, |tx| self.create(new(), tx), ex);
            self.keep(None);
            result
        }
    };
}

impl<T: Model, Th: Through> ManyToMany<T, Th> {
    reading!(T);

    /// Pairs this row with others. Those that are paired with it already stay so, once.
    ///
    /// # Errors
    /// [`Error::Unsaved`] if a row has no key; [`Error::Integrity`] for one that is not stored.
    pub fn add(&mut self, rows: impl Relatable<T>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a many-to-many relation")?;
        let result = self.owned()?.change_pairs(T::meta(), ex, |pairs| pairs.add(keys));
        self.keep(None);
        finish_write(ex, result)
    }

    /// Ends the pairs with others. The rows themselves stay.
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn remove(&mut self, rows: impl Relatable<T>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a many-to-many relation")?;
        let result = self.owned()?.change_pairs(T::meta(), ex, |pairs| pairs.remove(&keys));
        self.keep(None);
        finish_write(ex, result)
    }

    /// Pairs this row with these and no others.
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn set(&mut self, rows: impl Relatable<T>, ex: &dyn Executor) -> Result<()> {
        let keys = keys(rows, "a many-to-many relation")?;
        let result = self.owned()?.change_pairs(T::meta(), ex, |pairs| pairs.set(keys));
        self.keep(None);
        finish_write(ex, result)
    }

    /// [`set`](ManyToMany::set) with options.
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn set_with(
        &mut self,
        rows: impl Relatable<T>,
        options: SetOptions,
        ex: &dyn Executor,
    ) -> Result<()> {
        if !options.clear {
            return self.set(rows, ex);
        }
        let keys = keys(rows, "a many-to-many relation")?;
        let anew = |pairs: &Pairs<'_>| pairs.clear().and_then(|()| pairs.add(keys));
        let result = self.owned()?.change_pairs(T::meta(), ex, anew);
        self.keep(None);
        finish_write(ex, result)
    }

    /// Ends all pairs of this row.
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn clear(&mut self, ex: &dyn Executor) -> Result<()> {
        let result = self.owned()?.change_pairs(T::meta(), ex, |pairs| pairs.clear());
        self.keep(None);
        finish_write(ex, result)
    }

    /// Stores a new row and pairs this one with it.
    ///
    /// # Errors
    /// As [`Persist::insert`].
    pub fn create(&mut self, instance: T, ex: &dyn Executor) -> Result<T> {
        self.owned()?;
        let created = ex.atomic(|tx| {
            let created = instance.insert(tx)?;
            self.add(&created, tx)?;
            Ok(created)
        });
        finish_write(ex, created)
    }

    finding!(T);
}

impl<T: Model, Th: Model> ManyToMany<T, Th> {
    /// Pairs this row with others by rows that `pair` makes, with more than the two keys; Django's
    /// `through_defaults`. The keys are filled in: write `_` for them. Those that are paired with it already stay as
    /// they are. As with `bulk_create`, rows of pairs send no signal.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)]
    /// # pub struct Course { pub id: Auto<i64>, pub name: String, pub students: ManyToMany<Student, Enrollment> }
    /// # #[derive(Model, Clone)] pub struct Student { pub id: Auto<i64>, pub name: String }
    /// #[derive(Model, Clone)]
    /// pub struct Enrollment {
    ///     pub id: Auto<i64>,
    ///     #[field(on_delete = Cascade)]
    ///     pub course: ForeignKey<Course>,
    ///     #[field(on_delete = Cascade)]
    ///     pub student: ForeignKey<Student>,
    ///     pub grade: String,
    /// }
    /// # let db = App::new().models((Course::app(), Student::app(), Enrollment::app())).open_memory()?;
    /// # let mut course = Course::objects().create(new!(Course { name: "Harmony" }), &db)?;
    /// # let student = Student::objects().create(new!(Student { name: "Ann" }), &db)?;
    /// let enrol = |_: &Student| new!(Enrollment { course: _, student: _, grade: "A" });
    /// course.students.add_with(&student, enrol, &db)?;
    /// assert_eq!(Enrollment::objects().values_list(Enrollment::grade).one(&db)?, "A");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn add_with(
        &mut self,
        instances: impl Instances<T>,
        pair: impl Fn(&T) -> Th,
        ex: &dyn Executor,
    ) -> Result<()> {
        let owner = self.owned()?;
        let rows = pair_rows(instances, pair)?;
        let result = owner.change_pairs(T::meta(), ex, |pairs| pairs.add_rows(rows));
        self.keep(None);
        finish_write(ex, result)
    }

    /// Pairs this row with these and no others, by rows that `pair` makes as for [`add_with`](ManyToMany::add_with).
    /// Pairs that are there already stay as they are, unless all are ended first: [`SetOptions::clear`].
    ///
    /// ```
    /// # use nuages::{prelude::*, relation::SetOptions};
    /// # #[derive(Model, Clone)]
    /// # pub struct Course { pub id: Auto<i64>, pub students: ManyToMany<Student, Enrollment> }
    /// # #[derive(Model, Clone)] pub struct Student { pub id: Auto<i64>, pub name: String }
    /// # #[derive(Model, Clone)]
    /// # pub struct Enrollment { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub course: ForeignKey<Course>,
    /// # #[field(on_delete = Cascade)] pub student: ForeignKey<Student>, pub grade: String }
    /// # let db = App::new().models((Course::app(), Student::app(), Enrollment::app())).open_memory()?;
    /// # let mut course = Course::objects().create(new!(Course {}), &db)?;
    /// # let new = |name| Student::objects().create(new!(Student { name }), &db);
    /// # let (ann, bob) = (new("Ann")?, new("Bob")?);
    /// let enrol = |grade: &'static str| move |_: &Student| new!(Enrollment { course: _, student: _, grade });
    /// course.students.set_through(&ann, enrol("A"), SetOptions::default(), &db)?;
    /// course.students.set_through([&ann, &bob], enrol("B"), SetOptions::default(), &db)?;
    /// assert_eq!(Enrollment::objects().order_by(Enrollment::id).values_list(Enrollment::grade).all(&db)?, ["A", "B"]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](ManyToMany::add).
    pub fn set_through(
        &mut self,
        instances: impl Instances<T>,
        pair: impl Fn(&T) -> Th,
        options: SetOptions,
        ex: &dyn Executor,
    ) -> Result<()> {
        let owner = self.owned()?;
        let rows = pair_rows(instances, pair)?;
        let result = owner.change_pairs(T::meta(), ex, |pairs| match options.clear {
            true => pairs.clear().and_then(|()| pairs.add_rows(rows)),
            false => pairs.set_rows(rows),
        });
        self.keep(None);
        finish_write(ex, result)
    }

    /// Stores a new row and pairs this one with it, by a row that `pair` makes as for
    /// [`add_with`](ManyToMany::add_with).
    ///
    /// # Errors
    /// As [`create`](ManyToMany::create).
    pub fn create_through(&mut self, instance: T, pair: impl Fn(&T) -> Th, ex: &dyn Executor) -> Result<T> {
        self.owned()?;
        let created = ex.atomic(|tx| {
            let created = instance.insert(tx)?;
            self.add_with(&created, pair, tx)?;
            Ok(created)
        });
        finish_write(ex, created)
    }
}

/// The rows of pairs that are made for some instances, by the keys of these.
fn pair_rows<T: Model, Th: Model>(
    instances: impl Instances<T>,
    pair: impl Fn(&T) -> Th,
) -> Result<IndexMap<Value, Th>> {
    let (mut rows, mut unsaved) = (IndexMap::new(), false);
    instances.each(&mut |instance| match instance::key_of(instance) {
        Some(key) => drop(rows.entry(key).or_insert_with(|| pair(instance))),
        None => unsaved = true,
    });
    match unsaved {
        true => Err(Error::Unsaved { model: T::NAME, wanted: "a many-to-many relation" }),
        false => Ok(rows),
    }
}

/// What may be asked of `set` beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// End all relations first, and make all that are wanted anew: two statements, where it is not asked what there is.
    pub clear: bool,
}

pub(super) use {finding, reading};
