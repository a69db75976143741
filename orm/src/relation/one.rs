//! The verbs of the other side of a `OneToOne`.

use std::{panic::Location, sync::Arc};

use nuages_storage::Value;

use super::{Forward, Generic, ManyToMany, Owner, Related, RelatedOne, Through, held::Held, manager::Back};
use crate::{
    error::{Error, Misuse, Result},
    executor::{
        Executor, FetchMode,
        warnings::{Place, SingleRead, read_single},
    },
    instance,
    meta::ModelMeta,
    model::{Accessor, FieldVisitor, Model},
    node::Step,
    prefetch::{Shared, set_parent},
    queryset::{QueryState, fetch_instances, first_row},
};

impl<C: Model> RelatedOne<C> {
    /// The row that points here, if there is one: at once if it was read, else by a query, which is kept.
    ///
    /// # Errors
    /// [`Error::Unsaved`] if the row that has the relation is not stored.
    #[track_caller]
    pub fn get(&self, ex: &dyn Executor) -> Result<Option<&C>> {
        self.get_at(Location::caller(), ex)
    }

    /// [`get`](RelatedOne::get) for a line of the program.
    pub(crate) fn get_at(&self, place: Place, ex: &dyn Executor) -> Result<Option<&C>> {
        match self.loaded() {
            Some(row) => Ok(row),
            None => Ok(self.keep_held(self.read(place, ex)?)),
        }
    }

    /// The row that points here, which knows this one if it is read now: following either way from there needs no
    /// query. A relation cannot see the row that it is a field of, so it is given here.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)]
    /// # pub struct User { pub id: Auto<i64>, pub name: String, #[related(Profile::user)] pub profile: RelatedOne<Profile> }
    /// # #[derive(Model, Clone)]
    /// # pub struct Profile { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub user: OneToOne<User> }
    /// # let db = App::new().models((User::app(), Profile::app())).open_memory()?;
    /// # let user = User::objects().create(new!(User { name: "Ann" }), &db)?;
    /// # Profile::objects().create(new!(Profile { user: &user }), &db)?;
    /// let watch = db.capture();
    /// let profile = user.profile.get_of(&user, &db)?.expect("Ann has one");
    /// assert_eq!(profile.user.get(&db)?.name, "Ann");
    /// assert!(profile.user.get(&db)?.profile.get(&db)?.is_some());
    /// assert_eq!(watch.len(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](RelatedOne::get); [`Misuse::Other`] for another row than the one that has the relation.
    #[track_caller]
    pub fn get_of<M: Model>(&self, owner: &M, ex: &dyn Executor) -> Result<Option<&C>> {
        let of = Owner::stored(self.bound(), C::NAME)?;
        of.check_is(owner)?;
        if let Some(row) = self.loaded() {
            return Ok(row);
        }
        let Some(row) = self.read(Location::caller(), ex)? else { return Ok(self.keep(None)) };
        let mut row = row.get().clone();
        if let Back { relation: (_, field), is_pair: false, .. } = of.back()? {
            let mut owner = owner.clone();
            M::visit(of.field, Keep { owner: &mut owner, row: Arc::new(row.clone()) });
            let owner: Shared = Arc::new(owner);
            set_parent(&mut row, field, &owner);
        }
        Ok(self.keep(Some(Arc::new(row))))
    }

    /// Asks for the row, as the fetch mode says.
    fn read(&self, place: Place, ex: &dyn Executor) -> Result<Option<Held<C>>> {
        let owner = Owner::stored(self.bound(), C::NAME)?;
        let key = owner.key_value()?;
        let fetch_one = |ex: &dyn Executor| {
            let mut state = QueryState::new(C::meta());
            state.add_condition(owner.back()?.leads_to(owner.model, [&key]));
            Ok(first_row::<C>(&state, ex)?.map(|row| Held::from(Arc::new(row))))
        };
        match self.origin() {
            Some(origin) => origin.find(&key, ex, place, fetch_one, fetch_peers::<C>),
            None if ex.settings().fetch_mode == Some(FetchMode::Raise) => {
                let field = owner.model.field(owner.field).map_or("", |field| field.name);
                Err(Error::FetchBlocked { model: owner.model.name, field })
            }
            None => {
                let Owner { model, field, result, .. } = *owner;
                read_single(ex, SingleRead { model, field, result, place })?;
                fetch_one(ex)
            }
        }
    }
}

/// Keeps the row that points at an instance in its field.
struct Keep<'a, M> {
    owner: &'a mut M,
    row: Shared,
}

impl<M: Model> FieldVisitor<M> for Keep<'_, M> {
    type Output = ();

    fn column(self) {}

    fn forward<F: Forward>(self, _: Accessor<M, F>) {}

    fn generic<F: Generic>(self, _: Accessor<M, F>) {}

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) {}

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) {}

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) {
        if let Ok(row) = self.row.downcast::<C>() {
            field.get(self.owner).keep(Some(row));
        }
    }
}

/// The rows that point at these keys of a model by the relation whose other side is a field of it.
fn fetch_peers<C: Model>(
    keys: &[Value],
    model: &'static ModelMeta,
    field: u16,
    ex: &dyn Executor,
) -> Result<Vec<(Value, C)>> {
    let back = Back::of(model, field)?;
    let Step::Field(field) = back.step else {
        return Err(Misuse::NotAColumn { model: model.name }.into());
    };
    let mut state = QueryState::new(C::meta());
    state.add_condition(back.leads_to(model, keys));
    let rows = fetch_instances::<C>(&state, ex)?;
    Ok(rows.into_iter().map(|row| (instance::value_of(&row, field), row)).collect())
}
