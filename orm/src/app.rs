//! The App: which models there are, and who listens to them.
//!
//! Nothing is global to the process. An [`App`] is a value that a program makes once and opens databases with; forks
//! of a database share it, and two tests that run side by side do not meet.
//!
//! ```
//! # use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)]
//! # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
//! let db = App::new()
//!     .models(Post::app())
//!     .pre_save(|post: &mut Post, _saving, _ex| {
//!         post.title = post.title.to_uppercase();
//!         Ok(())
//!     })
//!     .open_memory()?;
//! let post = Post::objects().create(new!(Post { title: "nuages" }), &db)?;
//! assert_eq!(post.title, "NUAGES");
//! # Ok::<(), Error>(())
//! ```

use std::{path::Path, sync::Arc};

use nuages_engine::{Database, Options, Session, catalog::Catalog};

use crate::{
    error::Result,
    executor::{Db, Executor, Warnings},
    meta::ModelMeta,
    migrate::{Applied, Migrations},
    model::Model,
    schema::{self, Binding},
    signal::{Connection, Deleting, Many, ManyToManyChange, Moment, Saving, Signals, Typed},
    words::Vocabulary,
};

/// A model as an [`App`] knows it; [`InApp::app`] makes it.
#[derive(Clone, Copy)]
pub struct Registered {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) typed: Typed,
}

/// Every model can be registered.
pub trait InApp: Model {
    /// The model, to be given to [`App::models`].
    fn app() -> Registered {
        Registered { meta: Self::meta(), typed: Typed::of::<Self>() }
    }
}

impl<M: Model> InApp for M {}

/// Models for [`App::models`]: one, a tuple, an array or a `Vec` of them.
pub trait Models {
    /// Adds them to a list.
    fn add_to(self, models: &mut Vec<Registered>);
}

impl Models for Registered {
    fn add_to(self, models: &mut Vec<Registered>) {
        models.push(self);
    }
}

impl<T: Models> Models for Vec<T> {
    fn add_to(self, models: &mut Vec<Registered>) {
        self.into_iter().for_each(|one| one.add_to(models));
    }
}

impl<T: Models, const COUNT: usize> Models for [T; COUNT] {
    fn add_to(self, models: &mut Vec<Registered>) {
        self.into_iter().for_each(|one| one.add_to(models));
    }
}

/// Tuples of every length up to that of the list.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: Models, $($rest: Models),*> Models for ($first, $($rest,)*) {
            #[expect(non_snake_case, reason = "each variable is named for its type")]
            fn add_to(self, models: &mut Vec<Registered>) {
                let ($first, $($rest,)*) = self;
                $first.add_to(models);
                $($rest.add_to(models);)*
            }
        }
        tuples! { $($rest)* }
    };
}
tuples! { A B C D E F G H I J K L M N O P Q R S T U V W X }

/// Models and receivers of a program. See the [module](self).
#[derive(Default)]
pub struct App {
    models: Vec<Registered>,
    signals: Signals,
    vocabulary: Arc<Vocabulary>,
    warnings: Warnings,
    migrations: Option<Migrations>,
}

impl App {
    /// An app without models.
    pub fn new() -> App {
        App::default()
    }

    /// Adds models. One that is there already is not added again.
    #[must_use]
    pub fn models(mut self, models: impl Models) -> App {
        let mut added = Vec::new();
        models.add_to(&mut added);
        for model in added {
            if !self.models.iter().any(|known| known.meta == model.meta) {
                Arc::make_mut(&mut self.vocabulary).learn(model.meta);
                self.models.push(model);
            }
        }
        self
    }

    /// Adds a model by its type.
    #[must_use]
    pub fn model<M: Model>(self) -> App {
        self.models(M::app())
    }

    /// The descriptions of its models, in the order they were added.
    pub fn metas(&self) -> impl Iterator<Item = &'static ModelMeta> {
        self.models.iter().map(|model| model.meta)
    }

    /// What knows the type of a model.
    pub(crate) fn typed(&self, meta: &'static ModelMeta) -> Option<&Typed> {
        self.models.iter().find(|model| model.meta == meta).map(|model| &model.typed)
    }

    /// The transforms and lookups that were added to Django's words.
    pub(crate) const fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    pub(crate) const fn vocabulary_mut(&mut self) -> &mut Arc<Vocabulary> {
        &mut self.vocabulary
    }

    pub(crate) const fn default_warnings(&self) -> Warnings {
        self.warnings
    }

    /// Opens databases by these migrations: those that a database has not had are applied to it, where otherwise the
    /// tables that are not there would be made.
    ///
    /// ```
    /// # use nuages::{field::DataType, migrate::{FieldState, Migration, Migrations, ModelState, Operation}, prelude::*};
    /// # #[derive(Model, Clone, Debug)]
    /// # #[model(app = "shop")]
    /// # pub struct Item { pub id: Auto<i64>, pub name: String }
    /// let name = FieldState::column("name", DataType::Text { max_length: None });
    /// let item = ModelState::with_id("shop", "Item").field("name", name);
    /// let migrations = || Migrations::new([Migration::new("0001_initial", [Operation::CreateModel(item.clone())])]);
    /// let db = App::new().models(Item::app()).migrations(migrations()).open_memory()?;
    /// assert_eq!(Item::objects().count(&db)?, 0);
    ///
    /// # #[derive(Model, Clone, Debug)]
    /// # #[model(app = "shop")]
    /// # pub struct Note { pub id: Auto<i64> }
    /// let forgotten = App::new().models((Item::app(), Note::app())).migrations(migrations()).open_memory();
    /// assert!(forgotten.is_err_and(|error| error.to_string().ends_with("has to do this: Create model Note")));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn migrations(self, migrations: Migrations) -> App {
        App { migrations: Some(migrations), ..self }
    }

    /// What databases of this app warn of, where they are not [told otherwise](Db::with_warnings).
    #[must_use]
    pub fn warnings(self, warnings: Warnings) -> App {
        App { warnings, ..self }
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Calls `receiver` before each save of an `M`; its `Err` stops the save. `update`, `bulk_create` and
    /// `bulk_update` are no saves.
    #[must_use]
    pub fn pre_save<M: Model>(
        self,
        receiver: impl Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> App {
        self.signals.on_save(Moment::Before, receiver).keep();
        self
    }

    /// Calls `receiver` after each save of an `M`; its `Err` undoes the save.
    #[must_use]
    pub fn post_save<M: Model>(
        self,
        receiver: impl Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> App {
        self.signals.on_save(Moment::After, receiver).keep();
        self
    }

    /// Calls `receiver` before each deletion of an `M`, also by a cascade.
    #[must_use]
    pub fn pre_delete<M: Model>(
        self,
        receiver: impl Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> App {
        self.signals.on_delete(Moment::Before, receiver).keep();
        self
    }

    /// Calls `receiver` after each deletion of an `M`, also by a cascade.
    #[must_use]
    pub fn post_delete<M: Model>(
        self,
        receiver: impl Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> App {
        self.signals.on_delete(Moment::After, receiver).keep();
        self
    }

    /// Calls `receiver` with every row of `M` that becomes an instance: those of querysets, those that are followed to
    /// or prefetched, and after a row those that `select_related` joined to it. A row of `only` or `defer` is none until
    /// it is made [`whole`](crate::partial::Partial::whole).
    #[must_use]
    pub fn post_init<M: Model>(self, receiver: impl Fn(&mut M) + Send + Sync + 'static) -> App {
        self.signals.on_init(receiver).keep();
        self
    }

    /// Calls `receiver` before and after each change of a many-to-many relation, from whichever side.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Tag { pub id: Auto<i64>, pub name: String }
    /// # #[derive(Model, Clone, Debug)] pub struct Post { pub id: Auto<i64>, pub tags: ManyToMany<Tag> }
    /// let app = App::new().models((Tag::app(), Post::app())).m2m_changed(Post::tags, |change, _| match change.name() {
    ///     "pre_clear" => Err(Error::custom("tags are for ever")),
    ///     _ => Ok(()),
    /// });
    /// let db = app.open_memory()?;
    /// let tag = Tag::objects().create(new!(Tag { name: "swing" }), &db)?;
    /// let mut post = Post::objects().create(new!(Post {}), &db)?;
    /// post.tags.add(&tag, &db)?;
    /// assert!(post.tags.clear(&db).is_err() && post.tags.exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn m2m_changed(
        self,
        relation: impl Into<Many>,
        receiver: impl Fn(&ManyToManyChange, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> App {
        self.signals.on_many_to_many(relation.into(), receiver).keep();
        self
    }

    /// A new database in memory with the tables of the models.
    ///
    /// # Errors
    /// What the engine says of a model that makes no sense: two tables of one name, a key to a model that is not
    /// registered; with [`migrations`](App::migrations) what they fail for.
    pub fn open_memory(self) -> Result<Db> {
        self.make_tables(Database::new())
    }

    /// The database in a directory, which is made if there is nothing. Tables that models lack are created; those that
    /// are there stay as they are. A commit returns when it is on disk.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String }
    /// # let path = std::env::temp_dir().join(format!("nuages-app-{}", std::process::id()));
    /// let db = App::new().models(Post::app()).open(&path)?;
    /// Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// drop(db);
    /// let db = App::new().models(Post::app()).open(&path)?;
    /// assert_eq!(Post::objects().count(&db)?, 1);
    /// # drop(db);
    /// # std::fs::remove_dir_all(path).expect("it is there");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The engine's `File`, which names the file; what it says of a model that makes no sense, or does not fit the
    /// table that is there; with [`migrations`](App::migrations) what they fail for.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Db> {
        self.open_with(path, Options::default())
    }

    /// [`open`](App::open) with a [`Durability`](nuages_engine::Durability) or [`Options`] of one's own.
    ///
    /// # Errors
    /// As [`open`](App::open).
    pub fn open_with(self, path: impl AsRef<Path>, options: impl Into<Options>) -> Result<Db> {
        self.make_tables(Database::open_with(path, options)?)
    }

    fn make_tables(self, database: Database) -> Result<Db> {
        if let Some(migrations) = &self.migrations {
            self.expect_sense()?;
            migrations.expect_models(self.metas().filter(|meta| !std::ptr::eq(*meta, Applied::meta())))?;
            migrations.migrate(&database)?;
            return self.bind(database);
        }
        // All of them or none, should the program stop between two.
        let transaction = database.begin();
        schema::create_missing(&transaction, &self.metas().collect::<Vec<_>>())?;
        self.expect_sense()?;
        transaction.commit()?;
        self.bind(database)
    }

    /// A database that has the tables of the models already.
    ///
    /// # Errors
    /// The engine's `UnknownTable` or `UnknownColumn`.
    pub fn bind(self, database: Database) -> Result<Db> {
        let metas: Vec<_> = self.metas().collect();
        let mut binding = None;
        database.read(&mut |version| {
            binding = Some(Binding::new(&metas, Catalog::of(version)));
            Ok(())
        })?;
        let binding = binding.unwrap_or_else(|| Ok(Binding::default()))?;
        Ok(Db::new(Arc::new(self), database, Arc::new(binding)))
    }
}

impl Db {
    /// [`App::pre_save`] of an open database; the receiver is called as long as what is returned lives.
    pub fn connect_pre_save<M: Model>(
        &self,
        receiver: impl Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        self.shared().app().signals.on_save(Moment::Before, receiver)
    }

    /// [`App::post_save`] of an open database; the receiver is called as long as what is returned lives.
    pub fn connect_post_save<M: Model>(
        &self,
        receiver: impl Fn(&mut M, &Saving, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        self.shared().app().signals.on_save(Moment::After, receiver)
    }

    /// [`App::pre_delete`] of an open database; the receiver is called as long as what is returned lives.
    pub fn connect_pre_delete<M: Model>(
        &self,
        receiver: impl Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        self.shared().app().signals.on_delete(Moment::Before, receiver)
    }

    /// [`App::post_delete`] of an open database; the receiver is called as long as what is returned lives.
    pub fn connect_post_delete<M: Model>(
        &self,
        receiver: impl Fn(&mut M, &Deleting, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        self.shared().app().signals.on_delete(Moment::After, receiver)
    }

    /// [`App::m2m_changed`] of an open database; the receiver is called as long as what is returned lives.
    pub fn connect_m2m_changed(
        &self,
        relation: impl Into<Many>,
        receiver: impl Fn(&ManyToManyChange, &dyn Executor) -> Result<()> + Send + Sync + 'static,
    ) -> Connection<'_> {
        self.shared().app().signals.on_many_to_many(relation.into(), receiver)
    }
}
