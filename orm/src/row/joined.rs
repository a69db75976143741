//! Models joined by `select_related`, read from the same row and put where the relation is.

use std::sync::Arc;

use crate::field::{DecodeError, RowReader};
use crate::meta::ModelMeta;
use crate::model::{Accessor, FieldVisitor, Model};
use crate::relation::{ForeignKey, Forward, Generic, ManyToMany, Related, RelatedOne, Through};

/// A joined model: by which field it was reached, where its columns begin, and what is joined to it in turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Joined {
    /// The relation, by its place in the fields of the model before it.
    pub field: u16,
    /// Its first column.
    pub offset: usize,
    /// The fields of it that were read; all if none.
    pub read: Option<Vec<u16>>,
    /// What is joined to it.
    pub joined: Vec<Joined>,
}

impl Joined {
    /// Whether the join found no row.
    pub(crate) fn is_missing<R: RowReader + ?Sized>(&self, model: &'static ModelMeta, row: &R) -> bool {
        let place = |field: u16| match &self.read {
            None => Some(model.position(field)),
            Some(read) => read.iter().position(|one| *one == field),
        };
        model.primary_key.iter().filter_map(|field| place(*field)).all(|at| row.is_null(self.offset + at))
    }
}

/// Reads what is joined to an instance and puts it there.
pub(super) fn attach<M: Model, R: RowReader + ?Sized>(
    instance: &mut M,
    row: &R,
    joined: &[Joined],
) -> Result<(), DecodeError> {
    for joined in joined {
        M::visit(joined.field, Attach { instance, row, joined }).transpose()?;
    }
    Ok(())
}

/// Reads the joined model; none if the join found no row.
pub(crate) fn read<M: Model, R: RowReader + ?Sized>(
    row: &R,
    joined: &Joined,
) -> Result<Option<Arc<M>>, DecodeError> {
    if joined.is_missing(M::meta(), row) {
        return Ok(None);
    }
    let related = super::decode::<M, R>(row, joined.offset);
    let mut related = related.map_err(|error| error.shifted(joined.offset))?;
    attach(&mut related, row, &joined.joined)?;
    Ok(Some(Arc::new(related)))
}

struct Attach<'a, M, R: ?Sized> {
    instance: &'a mut M,
    row: &'a R,
    joined: &'a Joined,
}

impl<M: Model, R: RowReader + ?Sized> FieldVisitor<M> for Attach<'_, M, R> {
    type Output = Result<(), DecodeError>;

    fn column(self) -> Self::Output {
        Ok(())
    }

    fn forward<F: Forward>(self, field: Accessor<M, F>) -> Self::Output {
        if let Some(related) = read::<F::Model, R>(self.row, self.joined)? {
            *field.get_mut(self.instance) = F::from_key(Some(ForeignKey::loaded_with(related)));
        }
        Ok(())
    }

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) -> Self::Output {
        Ok(())
    }

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) -> Self::Output {
        Ok(())
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) -> Self::Output {
        let related = read::<C, R>(self.row, self.joined)?;
        field.get(self.instance).keep(related);
        Ok(())
    }

    fn generic<F: Generic>(self, _: Accessor<M, F>) -> Self::Output {
        Ok(())
    }
}
