//! Proxies: another type for the rows of a model, with methods, an order and a manager of its own.

use std::ops::DerefMut;

use super::Model;
use crate::error::Result;
use crate::executor::Executor;
use crate::meta::OrderMeta;
use crate::queryset::QuerySet;
use crate::row::Row;
use crate::save::Persist;

/// A type that stands for the rows of a model; Django's proxy models. `derive(Model)` implements it for a struct
/// around the model.
///
/// Its querysets are the model's, asked by the model's own columns; only what they yield is another type. It derefs to
/// the model, so fields, relations and verbs are there. It has no table, and is not added to the app.
///
/// ```
/// use nuages::prelude::*;
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Place {
///     pub id: Auto<i64>,
///     pub name: String,
///     #[field(default = true)]
///     pub is_open: bool,
/// }
///
/// #[derive(Model, Clone, Debug)]
/// #[model(proxy, ordering = [-name], objects = Self::open)]
/// pub struct OpenPlace(Place);
///
/// impl OpenPlace {
///     fn open() -> QuerySet<Place> {
///         Place::objects().filter(Place::is_open)
///     }
///
///     pub fn sign(&self) -> String {
///         format!("Welcome to the {}", self.name)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let db = App::new().models(Place::app()).open_memory()?;
/// for (name, is_open) in [("Park", true), ("Zoo", true), ("Fair", false)] {
///     Place::objects().create(new!(Place { name, is_open }), &db)?;
/// }
/// let signs: Vec<String> = OpenPlace::objects().all(&db)?.iter().map(OpenPlace::sign).collect();
/// assert_eq!(signs, ["Welcome to the Zoo", "Welcome to the Park"]);
/// let mut park = OpenPlace::objects().get(Place::name.eq("Park"), &db)?;
/// park.is_open = false;
/// park.save(&db)?;
/// assert_eq!(OpenPlace::objects().count(&db)?, 1);
/// # Ok(())
/// # }
/// ```
pub trait Proxy: Row + From<Self::Of> + Into<Self::Of> + DerefMut<Target = Self::Of> {
    /// The model whose rows they are.
    type Of: Model;

    /// The ordering of querysets that name none; the model's own if none.
    const ORDERING: Option<&'static [OrderMeta]> = None;

    /// The rows of the proxy's default manager as the model's: all that the model's has, unless the proxy says
    /// `#[model(objects = ..)]`.
    #[doc(hidden)]
    fn of_objects() -> QuerySet<Self::Of> {
        Self::Of::objects()
    }

    /// The rows of the default manager.
    fn objects() -> QuerySet<Self::Of, Self> {
        read_as(Self::of_objects())
    }

    /// All rows of the model, whatever a manager leaves out.
    fn all_objects() -> QuerySet<Self::Of, Self> {
        read_as(Self::Of::all_objects())
    }

    /// Stores a new row of the model.
    ///
    /// # Errors
    /// As [`Persist::insert`].
    fn create(row: Self::Of, ex: &dyn Executor) -> Result<Self> {
        row.insert(ex).map(Self::from)
    }
}

/// The rows of a model as those of a proxy, in its order.
fn read_as<P: Proxy>(rows: QuerySet<P::Of>) -> QuerySet<P::Of, P> {
    let mut state = rows.into_state();
    if P::ORDERING.is_some() {
        state.clauses_mut().default_ordering = P::ORDERING;
    }
    QuerySet::from_state(state)
}
