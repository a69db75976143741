//! The order of related rows that have places among those of the row that has the relation.

use super::{Owner, Related};
use crate::{
    asynchronous::Awaited,
    error::{Misuse, Result},
    executor::Executor,
    node::Node,
    order::InOrder,
    row::Row,
};

impl<C: InOrder + Row> Related<C> {
    /// The keys of the related rows, by their places; Django's `film.get_chapter_order()`.
    ///
    /// # Errors
    /// [`Error::Unsaved`](crate::Error::Unsaved) if the row that has the relation is not stored; [`Misuse::Other`] for
    /// a relation that is not the one in which the rows have places; as `all`.
    pub fn order(&self, ex: &dyn Executor) -> Result<Vec<C::Pk>> {
        C::PLACES.order_of(parent::<C>(self.owned()?)?, ex)
    }

    /// Gives the related rows the places that their keys have in this list, by one statement; Django's
    /// `film.set_chapter_order([..])`. Rows of others, and those that are not in the list, stay where they are.
    ///
    /// # Errors
    /// As [`order`](Related::order) and `update`.
    pub fn set_order(&mut self, keys: impl IntoIterator<Item = C::Pk>, ex: &dyn Executor) -> Result<u64> {
        let parent = parent::<C>(self.owned()?)?;
        self.keep(None);
        C::PLACES.set_order_of(parent, keys, ex)
    }

    /// [`order`](Related::order), in a task.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aorder(&self, ex: &dyn Executor) -> Result<Vec<C::Pk>> {
        ex.awaiting(|tx| self.order(tx)).await
    }

    /// [`set_order`](Related::set_order), in a task.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aset_order(
        &mut self,
        keys: impl IntoIterator<Item = C::Pk>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        let keys: Vec<C::Pk> = keys.into_iter().collect();
        let parent = parent::<C>(self.owned()?)?;
        self.keep(None);
        ex.awaiting(|tx| C::PLACES.set_order_of(parent.clone(), keys.iter().cloned(), tx)).await
    }
}

/// The row that has a relation, as the one within which rows of `C` have their places.
fn parent<C: InOrder>(owner: &Owner) -> Result<Node> {
    if owner.back()?.step != C::PLACES.parent_step() {
        return Err(Misuse::Other("the rows have no places within this relation").into());
    }
    Ok(Node::Value(owner.key_value()?))
}
