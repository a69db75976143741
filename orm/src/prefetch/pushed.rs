//! `prefetch_to`: related rows that go to the extras of a row and not to the relation itself.
//!
//! They may be of any type, which the queryset that holds the prefetch does not know; so the call that does know it
//! leaves a function, [`Pushed`]. The relation of the instance itself stays as it was, and one relation can be pushed
//! under several conditions.

use std::{any::Any, fmt};

use nuages_storage::Value;

use super::way::{Keys, Way};
use crate::{
    error::{Misuse, Result},
    executor::Executor,
    model::Model,
    node::Step,
    queryset::{AnyRow, QueryState, state::Prefetch},
    relation::holder::Holder,
    row::{Prefetched, Row},
};

/// How the rows of a `prefetch_to` are read.
#[derive(Clone, Copy)]
pub struct Pushed(Push);

type Push = fn(&mut [Place<'_>], u16, &QueryState, &dyn Executor) -> Result<()>;

impl Pushed {
    /// For rows of `M`, from rows `S` of a queryset over `C`.
    pub(crate) fn of<M: Model, C: Model, S: Row + Clone + 'static>() -> Pushed {
        Pushed(fill::<M, C, S>)
    }
}

impl fmt::Debug for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pushed")
    }
}

/// Two are equal: what they read is said by the prefetch they are in.
impl PartialEq for Pushed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Where the related rows of one row go.
struct Place<'r> {
    /// What they are found by; none of a row that has none.
    key: Option<Value>,
    /// A copy of the row, to be shared with them.
    parent: Option<Box<dyn Any>>,
    slot: &'r mut dyn Any,
}

/// Fills the `number`th [`Prefetched`] of each row.
pub(crate) fn push<M: Model, H: Holder<M> + 'static>(
    rows: &mut [&mut dyn AnyRow],
    number: usize,
    prefetch: &Prefetch,
    ex: &dyn Executor,
) -> Result<()> {
    let (Some(Pushed(push)), Some(queryset)) = (prefetch.pushed, &prefetch.queryset) else {
        return Ok(());
    };
    let [Step::Field(field)] = prefetch.path.steps() else {
        return Err(Misuse::Other("prefetch_to needs a field of the model that leads to one model").into());
    };
    let way = Way::of(M::meta(), *field)?;
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let holder: Option<&H> = row.any_instance().and_then(|instance| instance.downcast_ref());
        let key = holder.and_then(|holder| match way.is_forward() {
            true => holder.value(*field).filter(|value| !value.is_null()),
            false => holder.key(),
        });
        let parent = holder.filter(|_| way.knows_parent()).and_then(Holder::whole);
        let parent = parent.map(|parent| Box::new(parent.clone()) as Box<dyn Any>);
        let mut slots = Vec::new();
        row.any_slots(&mut slots);
        if let Some(slot) = slots.into_iter().nth(number) {
            places.push(Place { key, parent, slot });
        }
    }
    push(&mut places, *field, queryset, ex)
}

fn fill<M: Model, C: Model, S: Row + Clone + 'static>(
    places: &mut [Place<'_>],
    field: u16,
    state: &QueryState,
    ex: &dyn Executor,
) -> Result<()> {
    let way = Way::of(M::meta(), field)?;
    let mut keys = Keys::default();
    // The places of each key: its rows go to the last of them, and copies to those before.
    let mut uses: Vec<Vec<usize>> = Vec::new();
    for (place, key) in places.iter_mut().map(|place| place.key.take()).enumerate() {
        let Some(key) = key else { continue };
        let number = keys.number(key);
        uses.resize_with(keys.len(), Vec::new);
        uses[number].push(place);
    }
    let mut related = way.rows::<M, C, S>(state, &keys, ex)?;
    way.set_parents::<M, C, S>(&mut related, |number| {
        let first = uses[number].first()?;
        places[*first].parent.as_ref()?.downcast_ref()
    });
    for (rows, uses) in related.into_iter().zip(uses) {
        let Some((last, others)) = uses.split_last() else { continue };
        for other in others {
            put(&mut places[*other], rows.clone());
        }
        put(&mut places[*last], rows);
    }
    Ok(())
}

fn put<S: Row + 'static>(place: &mut Place<'_>, rows: Vec<S>) {
    if let Some(slot) = place.slot.downcast_mut::<Prefetched<S>>() {
        *slot = Prefetched::from(rows);
    }
}
