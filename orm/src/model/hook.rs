//! Overridden methods: what a model does itself when it is validated, saved or deleted.
//!
//! `#[model(clean = Self::check_room, before_save = Self::slugify)]` names functions of the model. They run where an
//! overridden `clean()`, `save()` or `delete()` runs in Django: for instances that are saved, created or deleted, and
//! not for `update`, `bulk_create`, the rows of a cascade, or `save_set`, which is an update of one row. What they
//! write is in the same transaction as the verb, and an error stops it. Receivers of an [`App`](crate::app::App) are
//! told within: `before_save`, pre-save receivers, the row, post-save receivers, `after_save`.
//!
//! ```
//! use nuages::prelude::*;
//!
//! #[derive(Model, Clone, Debug)]
//! #[model(before_save = Self::slugify, clean = Self::check_title)]
//! pub struct Post {
//!     pub id: Auto<i64>,
//!     pub title: String,
//!     #[field(blank)]
//!     pub slug: Slug,
//! }
//!
//! impl Post {
//!     fn slugify(&mut self) {
//!         if self.slug.is_empty() {
//!             self.slug = self.title.to_lowercase().replace(' ', "-").into();
//!         }
//!     }
//!
//!     fn check_title(&self) -> Result<()> {
//!         match self.title.contains('!') {
//!             true => Err(Error::invalid("title", "loud", "A title does not shout.")),
//!             false => Ok(()),
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let db = App::new().models(Post::app()).open_memory()?;
//! let post = Post::objects().create(new!(Post { title: "Minor Swing" }), &db)?;
//! assert_eq!(post.slug.as_str(), "minor-swing");
//! assert!(new!(Post { title: "Swing!" }).full_clean(&db).is_err());
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::executor::Executor;
use crate::signal::Saving;

/// A moment in the life of an instance; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook<'s> {
    /// Before it is saved, and before receivers are told.
    BeforeSave(&'s Saving),
    /// After it was saved, and after receivers were told.
    AfterSave(&'s Saving),
    /// Before it is deleted by itself.
    BeforeDelete,
    /// After it was deleted by itself.
    AfterDelete,
}

/// Which hooks a model has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// `before_save` or `after_save`.
    pub save: bool,
    /// `before_delete` or `after_delete`.
    pub delete: bool,
}

/// What may stand for `before_save` and its kin: `fn(&mut self)`, with or without `Result`, or with the save and the
/// executor too. `Shape` tells them apart.
#[diagnostic::on_unimplemented(
    message = "this is no hook of a save",
    label = "expected `fn(&mut self)`, `fn(&mut self) -> Result<()>` or `fn(&mut self, &Saving, &dyn Executor) -> Result<()>`"
)]
pub trait SaveHook<M, Shape> {
    /// Calls it.
    fn call(&self, instance: &mut M, saving: &Saving, ex: &dyn Executor) -> Result<()>;
}

/// What may stand for `before_delete` and `after_delete`: `fn(&mut self)`, with or without `Result`, or with the
/// executor too.
#[diagnostic::on_unimplemented(
    message = "this is no hook of a deletion",
    label = "expected `fn(&mut self)`, `fn(&mut self) -> Result<()>` or `fn(&mut self, &dyn Executor) -> Result<()>`"
)]
pub trait DeleteHook<M, Shape> {
    /// Calls it.
    fn call(&self, instance: &mut M, ex: &dyn Executor) -> Result<()>;
}

/// What may stand for `clean`: `fn(&self) -> Result<()>`, or with the executor too.
#[diagnostic::on_unimplemented(
    message = "this cannot validate a model",
    label = "expected `fn(&self) -> Result<()>` or `fn(&self, &dyn Executor) -> Result<()>`"
)]
pub trait CleanHook<M, Shape> {
    /// Calls it.
    fn call(&self, instance: &M, ex: &dyn Executor) -> Result<()>;
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M)> SaveHook<M, fn(&mut M)> for F {
    fn call(&self, instance: &mut M, _: &Saving, _: &dyn Executor) -> Result<()> {
        self(instance);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M) -> Result<()>> SaveHook<M, fn(&mut M) -> Result<()>> for F {
    fn call(&self, instance: &mut M, _: &Saving, _: &dyn Executor) -> Result<()> {
        self(instance)
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M, &Saving, &dyn Executor) -> Result<()>> SaveHook<M, fn(&mut M, &Saving, &dyn Executor)>
    for F
{
    fn call(&self, instance: &mut M, saving: &Saving, ex: &dyn Executor) -> Result<()> {
        self(instance, saving, ex)
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M)> DeleteHook<M, fn(&mut M)> for F {
    fn call(&self, instance: &mut M, _: &dyn Executor) -> Result<()> {
        self(instance);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M) -> Result<()>> DeleteHook<M, fn(&mut M) -> Result<()>> for F {
    fn call(&self, instance: &mut M, _: &dyn Executor) -> Result<()> {
        self(instance)
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&mut M, &dyn Executor) -> Result<()>> DeleteHook<M, fn(&mut M, &dyn Executor)> for F {
    fn call(&self, instance: &mut M, ex: &dyn Executor) -> Result<()> {
        self(instance, ex)
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&M) -> Result<()>> CleanHook<M, fn(&M)> for F {
    fn call(&self, instance: &M, _: &dyn Executor) -> Result<()> {
        self(instance)
    }
}

#[diagnostic::do_not_recommend]
impl<M, F: Fn(&M, &dyn Executor) -> Result<()>> CleanHook<M, fn(&M, &dyn Executor)> for F {
    fn call(&self, instance: &M, ex: &dyn Executor) -> Result<()> {
        self(instance, ex)
    }
}
