//! `bulk_create` of rows of which some may be there already: what becomes of those.

use std::marker::PhantomData;

use super::write::{BulkOptions, own_columns};
use crate::{
    error::{Misuse, Result},
    model::Model,
    node::Node,
    row::Selection,
};

/// What may be asked of `bulk_create` beyond the usual.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::queryset::CreateOptions;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Tag { pub id: Auto<i64>, pub name: String, #[field(unique)] pub slug: Slug }
/// # let db = App::new().models(Tag::app()).open_memory()?;
/// let rust = |name| new!(Tag { name, slug: "rust" });
/// Tag::objects().bulk_create([rust("Rust")], &db)?;
///
/// let ignoring = CreateOptions::new().ignore_conflicts();
/// Tag::objects().bulk_create_with([rust("Iron oxide")], ignoring, &db)?;
/// assert_eq!(Tag::objects().get(Tag::slug.eq("rust"), &db)?.name, "Rust");
///
/// let updating = CreateOptions::new().update_conflicts(Tag::slug, Tag::name);
/// let tags = Tag::objects().bulk_create_with([rust("Rust 2024")], updating, &db)?;
/// assert_eq!(tags[0].pk(), Some(1));
/// assert_eq!(Tag::objects().get(Tag::slug.eq("rust"), &db)?.name, "Rust 2024");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CreateOptions<M> {
    pub(super) batch_size: Option<usize>,
    conflicts: Conflicts,
    /// The first mistake in the chain of calls; the verb tells it.
    misuse: Option<Misuse>,
    model: PhantomData<fn() -> M>,
}

/// What was asked for, as it was named.
#[derive(Clone, Debug)]
enum Conflicts {
    Refused,
    Ignored,
    Updated { unique: Vec<Node>, update: Vec<Node> },
}

/// What happens to rows whose key another row has, by the places of fields.
#[derive(Debug)]
pub(crate) enum OnConflict {
    /// They are not inserted.
    Ignore,
    /// The other rows get their values.
    Update {
        /// The fields of the key; any key if none.
        unique: Vec<u16>,
        /// What is written.
        update: Vec<u16>,
    },
}

impl<M: Model> CreateOptions<M> {
    /// All rows by one statement, which fails if one of them has a key that another row has.
    pub fn new() -> CreateOptions<M> {
        CreateOptions { batch_size: None, conflicts: Conflicts::Refused, misuse: None, model: PhantomData }
    }

    /// So many rows are written by one statement.
    #[must_use]
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = Some(rows);
        self
    }

    /// Rows with a key that another row has are left out. Nobody learns which, so none of the instances that come
    /// back has a key that the database made.
    #[must_use]
    pub fn ignore_conflicts(self) -> Self {
        self.choose(Conflicts::Ignored)
    }

    /// Rows that agree with another row in the `unique` fields, which are those of a unique constraint or of the
    /// primary key, are not inserted; the other row gets their values of the `update` fields. Of no unique field, any
    /// key counts.
    #[must_use]
    pub fn update_conflicts(self, unique: impl Selection<M>, update: impl Selection<M>) -> Self {
        let (mut keys, mut fields) = (Vec::new(), Vec::new());
        unique.collect(&mut keys);
        update.collect(&mut fields);
        self.choose(Conflicts::Updated { unique: keys, update: fields })
    }

    fn choose(mut self, conflicts: Conflicts) -> Self {
        if !matches!(self.conflicts, Conflicts::Refused) {
            self.misuse.get_or_insert(Misuse::NotAllowed {
                call: "ignore_conflicts or update_conflicts",
                after: "the other",
            });
        }
        self.conflicts = conflicts;
        self
    }

    /// What happens to rows in conflict, if they are not refused.
    ///
    /// # Errors
    /// The mistake that was made in saying so; [`Misuse::NothingToUpdate`]; [`Misuse::JoinHere`] for a field of
    /// another model.
    pub(super) fn on_conflict(&self) -> Result<Option<OnConflict>> {
        if let Some(misuse) = &self.misuse {
            return Err(misuse.clone().into());
        }
        match &self.conflicts {
            Conflicts::Refused => Ok(None),
            Conflicts::Ignored => Ok(Some(OnConflict::Ignore)),
            Conflicts::Updated { update, .. } if update.is_empty() => Err(Misuse::NothingToUpdate.into()),
            Conflicts::Updated { unique, update } => {
                let unique = own_columns::<M>(unique, "bulk_create")?;
                let update = own_columns::<M>(update, "bulk_create")?;
                if update.iter().any(|field| M::meta().primary_key.contains(field)) {
                    return Err(Misuse::Other("a conflict cannot change primary keys").into());
                }
                Ok(Some(OnConflict::Update { unique, update }))
            }
        }
    }
}

impl<M: Model> Default for CreateOptions<M> {
    fn default() -> Self {
        CreateOptions::new()
    }
}

impl<M: Model> From<BulkOptions> for CreateOptions<M> {
    fn from(BulkOptions { batch_size }: BulkOptions) -> Self {
        CreateOptions { batch_size, ..CreateOptions::new() }
    }
}
