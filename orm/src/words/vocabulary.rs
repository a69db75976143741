//! Words that a program adds to Django's: transforms and lookups of its own, for querysets in words.
//!
//! In Rust they need no registration: a method of a trait of the program's is a lookup as good as any.
//!
//! ```
//! use nuages::{expression::class, field::Field, path::{Col, Hop, Path}, prelude::*};
//! # #[derive(Model, Clone, Debug)] #[model(app = "shop")]
//! # pub struct Film { pub id: Auto<i64>, pub title: String, pub year: i32 }
//! /// Whether a text has a word as a whole.
//! trait Mentions<M> {
//!     fn mentions(self, word: &str) -> Q<M>;
//! }
//!
//! impl<P: Path, H: Hop, T: Field> Mentions<P::Root> for Col<P, H, T, class::Text> {
//!     fn mentions(self, word: &str) -> Q<P::Root> {
//!         self.iregex(format!(r"\b{word}\b"))
//!     }
//! }
//!
//! # let app = App::new().models(Film::app());
//! let db = app
//!     .transform("length", |text: Expr<Dynamic, String>| text.length())
//!     .lookup("ne", |left: Expr<Dynamic, String>, right| left.ne(right))
//!     .open_memory()?;
//! Film::objects().bulk_create([("Swing", 1990), ("Swinging", 1940)].map(|(title, year)| new!(Film { title, year })), &db)?;
//!
//! assert_eq!(Film::objects().filter(Film::title.mentions("swing")).count(&db)?, 1);
//! let films = db.objects("shop.Film")?;
//! assert_eq!(films.clone().filter(("title__length__gt", 5))?.count(&db)?, 1);
//! assert_eq!(films.filter(("title__ne", "Swing"))?.count(&db)?, 1);
//! # Ok::<(), Error>(())
//! ```

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, LazyLock};

use nuages_storage::DataType;

use crate::app::App;
use crate::error::Result;
use crate::executor::Db;
use crate::expression::class::{self, Class};
use crate::expression::{Expr, Q};
use crate::field::Field;
use crate::meta::{FieldKind, FieldMeta, ModelMeta};
use crate::model::Model;
use crate::node::{Node, Step};
use crate::queryset::{Dynamic, Words};

/// The transforms and lookups of a program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    transforms: Vec<Transform>,
    lookups: Vec<CustomLookup>,
    /// The models of the program, whose relations may have names that no field declares.
    models: Vec<&'static ModelMeta>,
}

/// A way from one model to another that no field of the first declares.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// What it is called in words, as Django names it where nothing else is said: by the other model, in small letters.
    pub(crate) name: String,
    pub(crate) step: Step,
    /// Where it leads.
    pub(crate) target: &'static ModelMeta,
    /// The key that it goes along, and whose it is.
    pub(crate) field: (&'static ModelMeta, &'static str),
}

/// What makes a value of a value.
#[derive(Clone)]
pub(crate) struct Transform {
    name: &'static str,
    /// The class of the values it takes.
    from: TypeId,
    to: DataType,
    make: Arc<dyn Fn(Node) -> Node + Send + Sync>,
}

/// What compares two values.
#[derive(Clone)]
pub(crate) struct CustomLookup {
    name: &'static str,
    from: TypeId,
    make: Arc<dyn Fn(Node, Node) -> Node + Send + Sync>,
}

impl Transform {
    pub(crate) fn of(&self, value: Node) -> Node {
        (self.make)(value)
    }

    pub(crate) const fn to(&self) -> DataType {
        self.to
    }
}

impl CustomLookup {
    pub(crate) fn of(&self, left: Node, right: Node) -> Node {
        (self.make)(left, right)
    }
}

impl Vocabulary {
    /// That of who knows no program.
    pub(crate) fn none() -> &'static Vocabulary {
        static NONE: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::default);
        &NONE
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.transforms.is_empty() && self.lookups.is_empty() && self.models.is_empty()
    }

    /// Lets words lead to the rows of a model, and from them.
    pub(crate) fn learn(&mut self, model: &'static ModelMeta) {
        self.models.push(model);
    }

    /// The way from a model that has this name, if only one has it.
    pub(crate) fn way(&self, from: &'static ModelMeta, name: &str) -> Option<Way> {
        let mut ways = self.ways(from).filter(|way| way.name == name);
        ways.next().filter(|_| ways.next().is_none())
    }

    /// The ways from a model that none of its fields declares: along its generic keys to the models that declare their
    /// other sides, and back from the keys that point at it.
    pub(crate) fn ways(&self, from: &'static ModelMeta) -> impl Iterator<Item = Way> {
        self.models.iter().flat_map(move |other| along(from, other).chain(back(from, other)))
    }

    /// The transform of this name for values of a type; the one added last, if there are several.
    pub(crate) fn transform(&self, name: &str, of: Option<DataType>) -> Option<&Transform> {
        let from = class_of(of?);
        self.transforms.iter().rev().find(|one| one.name == name && one.from == from)
    }

    /// The lookup of this name for values of a type; the one added last, if there are several.
    pub(crate) fn lookup(&self, name: &str, of: Option<DataType>) -> Option<&CustomLookup> {
        let from = class_of(of?);
        self.lookups.iter().rev().find(|one| one.name == name && one.from == from)
    }

    /// The names of what there is for values of a type.
    pub(crate) fn names(&self, of: Option<DataType>) -> impl Iterator<Item = &'static str> {
        let from = of.map(class_of);
        let transforms = self.transforms.iter().filter(move |one| Some(one.from) == from).map(|one| one.name);
        transforms.chain(self.lookups.iter().filter(move |one| Some(one.from) == from).map(|one| one.name))
    }
}

/// The ways along the generic keys of a model to another one.
fn along(from: &'static ModelMeta, target: &'static ModelMeta) -> impl Iterator<Item = Way> {
    target.fields.iter().filter_map(move |declared| {
        let FieldKind::Reverse { child, field, .. } = declared.kind else { return None };
        let field = field();
        let key =
            from.field(field).filter(|key| child() == from && matches!(key.kind, FieldKind::Generic))?;
        let step = Step::To { field, target };
        Some(Way { name: target.name.to_lowercase(), step, target, field: (from, key.name) })
    })
}

/// The ways back from the keys of another model that point at one, and of which it declares no other side.
fn back(from: &'static ModelMeta, child: &'static ModelMeta) -> impl Iterator<Item = Way> {
    (0u16..).zip(child.fields).filter_map(move |(field, key)| {
        let leads_here = match key.kind {
            FieldKind::ForeignKey { target, .. } => target() == from,
            // People who are each other's friends are so from both sides.
            FieldKind::ManyToMany { target, .. } => target() == from && child != from,
            _ => false,
        };
        let is_declared = |own: &FieldMeta| {
            matches!(own.kind, FieldKind::Reverse { child: of, field: by, .. } if of() == child && by() == field)
        };
        if !leads_here || from.fields.iter().any(is_declared) {
            return None;
        }
        let step = Step::Back { child, field };
        Some(Way { name: child.reverse_name(), step, target: child, field: (child, key.name) })
    })
}

/// Two vocabularies are equal if they are the same.
impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for CustomLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn class_of(data_type: DataType) -> TypeId {
    fn id<K: Class>() -> TypeId {
        TypeId::of::<K>()
    }
    match data_type {
        DataType::Bool => id::<class::Boolean>(),
        DataType::SmallInt
        | DataType::Integer
        | DataType::BigInt
        | DataType::Float
        | DataType::Decimal { .. } => id::<class::Number>(),
        DataType::Text { .. } => id::<class::Text>(),
        DataType::Bytes => id::<class::Binary>(),
        DataType::Date => id::<class::Day>(),
        DataType::Time => id::<class::Clock>(),
        DataType::Timestamp => id::<class::Instant>(),
        DataType::Duration => id::<class::Span>(),
        DataType::Uuid => id::<class::Unique>(),
        DataType::Json => id::<class::Document>(),
    }
}

impl App {
    /// Adds a transform to the words of dynamic querysets: after it, `title__length` is a value where `title` is one of
    /// the class of `T`. Django's `register_lookup` of a `Transform`; but it belongs to the app and not to the process.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] #[model(app = "shop")] pub struct Film { pub id: Auto<i64>, pub balance: i32 }
    /// let app = App::new().models(Film::app()).transform("abs", |number: Expr<Dynamic, i64>| number.abs());
    /// let db = app.open_memory()?;
    /// assert_eq!(db.objects("shop.Film")?.filter(("balance__abs__lt", 10))?.count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn transform<T: Field, U: Field>(
        mut self,
        name: &'static str,
        make: impl Fn(Expr<Dynamic, T>) -> Expr<Dynamic, U> + Send + Sync + 'static,
    ) -> App {
        let make = move |node| make(Expr::new(node)).into_node();
        let transform =
            Transform { name, from: TypeId::of::<T::Class>(), to: U::DATA_TYPE, make: Arc::new(make) };
        Arc::make_mut(self.vocabulary_mut()).transforms.push(transform);
        self
    }

    /// Adds a lookup to the words of dynamic querysets, for values of the class of `T`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] #[model(app = "shop")] pub struct Film { pub id: Auto<i64>, pub title: String }
    /// let app = App::new().models(Film::app()).lookup("ne", |left: Expr<Dynamic, String>, right| left.ne(right));
    /// let db = app.open_memory()?;
    /// assert_eq!(db.objects("shop.Film")?.filter(("title__ne", "Nuages"))?.count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn lookup<T: Field>(
        mut self,
        name: &'static str,
        make: impl Fn(Expr<Dynamic, T>, Expr<Dynamic, T>) -> Q<Dynamic> + Send + Sync + 'static,
    ) -> App {
        let make = move |left, right| make(Expr::new(left), Expr::new(right)).into_node();
        let lookup = CustomLookup { name, from: TypeId::of::<T::Class>(), make: Arc::new(make) };
        Arc::make_mut(self.vocabulary_mut()).lookups.push(lookup);
        self
    }

    /// A condition in words on a model known by its type, in which the app's own transforms and lookups may stand too:
    /// what [`Q::parse`] is without them.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::error::Error::UnknownName), [`Misuse`](crate::error::Misuse).
    pub fn condition<M: Model>(&self, words: impl Into<Words>) -> Result<Q<M>> {
        words.into().node(M::meta(), self.vocabulary()).map(Q::new)
    }
}

impl Db {
    /// [`App::condition`] of the database's app.
    ///
    /// # Errors
    /// As [`App::condition`].
    pub fn condition<M: Model>(&self, words: impl Into<Words>) -> Result<Q<M>> {
        crate::executor::Executor::shared(self).app().condition(words)
    }
}
