//! Verbs for tasks: where one has to wait for a lock, or its commit for the disk, its task is parked and not the
//! thread.
//!
//! Nothing else of the database takes time that is not the processor's, so that is all the difference, and no runtime
//! is asked for. [`aatomic`](Awaited::aatomic) is [`atomic`](crate::atomic::Atomic::atomic) with an async closure; in
//! it [`awaiting`](Awaited::awaiting) runs any verbs, and those of querysets (prepared and bound ones too), instances,
//! partial rows and relations have a twin of their own, by Django's names (`aget`, `asave`, `post.tags.aadd(..)`);
//! `aiterator` is a stream.
//!
//! A verb that has to wait is undone, to its own savepoint, and run again when the lock is there; so receivers and
//! hooks on the way may run more than once. A future that is dropped while it waits leaves the queue of the lock.
//!
//! ```
//! # use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)]
//! # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
//! # let db = App::new().models(Account::app()).open_memory()?;
//! async fn transfer(amount: i64, db: &Db) -> Result<()> {
//!     db.aatomic(async |tx| {
//!         let mut from = Account::objects().select_for_update().aget(Account::id.eq(1), tx).await?;
//!         from.balance -= amount;
//!         from.asave(tx).await?;
//!         let to = Account::objects().filter(Account::id.eq(2));
//!         to.aupdate(Account::balance.set(Account::balance + amount), tx).await?;
//!         Ok(())
//!     })
//!     .await
//! }
//! # Account::objects().bulk_create((0..2).map(|_| new!(Account { balance: 50 })), &db)?;
//! # let mut task = std::pin::pin!(transfer(20, &db));
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(std::future::Future::poll(task.as_mut(), &mut context).is_ready());
//! # assert_eq!(Account::objects().get(Account::id.eq(2), &db)?.balance, 70);
//! # Ok::<(), Error>(())
//! ```
//!
//! Order of reading: this file; `querysets`, `kept`, `instances` and `relations` (the twins); `stream` (`aiterator`).

use std::{future::Future, ops::ControlFlow};

use nuages_engine::asynchronous::granted;
use nuages_storage::lock::Ticket;

use crate::{
    atomic::Tx,
    error::{Error, Result},
    executor::Executor,
};

/// `aatomic` and its kin, on every executor.
pub trait Awaited: Executor {
    /// Runs `body` as a whole, as [`atomic`](crate::atomic::Atomic::atomic) does. Inside another block it is a savepoint,
    /// and the block around it rests until it has ended: savepoints are undone in the order of a stack, so that of two
    /// blocks that took turns, one could undo what the other wrote.
    ///
    /// # Errors
    /// As `atomic`; [`Misuse::BlockInside`](crate::error::Misuse::BlockInside) from the verbs of a block that rests.
    ///
    /// ```
    /// # use nuages::{error::Misuse, prelude::*};
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> nuages::Result<()> {
    /// # let db = App::new().models(Account::app()).open_memory()?;
    /// db.aatomic(async |tx| {
    ///     tx.aatomic(async |inner| {
    ///         assert_eq!(Account::objects().acount(tx).await, Err(Misuse::BlockInside.into()));
    ///         Account::objects().acount(inner).await
    ///     })
    ///     .await?;
    ///     Account::objects().acount(tx).await
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    fn aatomic<T>(&self, body: impl AsyncFnOnce(&Tx<'_>) -> Result<T>) -> impl Future<Output = Result<T>> {
        self.try_aatomic(body)
    }

    /// [`aatomic`](Awaited::aatomic) with the program's own error.
    ///
    /// # Errors
    /// As [`aatomic`](Awaited::aatomic), converted.
    fn try_aatomic<T, E: From<Error>>(
        &self,
        body: impl AsyncFnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> impl Future<Output = Result<T, E>> {
        async {
            let tx = self.begin_async()?;
            let value = body(&tx).await?;
            tx.acommit().await?;
            Ok(value)
        }
    }

    /// Runs verbs as a whole, awaiting the locks they need. They are run again after each wait.
    ///
    /// # Errors
    /// What `verbs` returns; [`Error::Locked`] after the executor's lock timeout, and as its other limits say.
    fn awaiting<T>(&self, verbs: impl Fn(&Tx<'_>) -> Result<T>) -> impl Future<Output = Result<T>> {
        async move {
            if self.in_atomic_block() {
                return until_free(self, &verbs).await;
            }
            let outermost = self.begin_async()?;
            let value = until_free(&outermost, &verbs).await?;
            outermost.acommit().await?;
            Ok(value)
        }
    }
}

/// Runs verbs in a block of their own within a transaction, until none of them has to wait. No block is open while the
/// task waits, so that what other futures of the task write meanwhile is not undone with this.
async fn until_free<X: Executor + ?Sized, T>(within: &X, verbs: &impl Fn(&Tx<'_>) -> Result<T>) -> Result<T> {
    let interrupt = within.session()?.interrupt();
    loop {
        match attempt(within, verbs)? {
            ControlFlow::Break(value) => return Ok(value),
            ControlFlow::Continue(ticket) => granted(ticket, &interrupt).await?,
        }
    }
}

/// Runs verbs as far as they come, and says what they give or what one of them has to wait for.
fn attempt<X: Executor + ?Sized, T>(
    within: &X,
    verbs: &impl Fn(&Tx<'_>) -> Result<T>,
) -> Result<ControlFlow<T, Ticket>> {
    // A lock that a plain verb was refused before is not what these verbs wait for.
    drop(within.session()?.take_waiting());
    let block = within.begin()?;
    let result = verbs(&block);
    // Asked for also if the verbs succeeded: a receiver or an inner block may have swallowed that one had to wait.
    if let Some(ticket) = within.session()?.take_waiting() {
        return Ok(ControlFlow::Continue(ticket));
    }
    let value = result?;
    block.commit()?;
    Ok(ControlFlow::Break(value))
}

impl<X: Executor + ?Sized> Awaited for X {}

/// A twin that awaits its locks, of a verb that has the arguments after the executor's. The verb may run more than
/// once, so arguments are cloned for it.
macro_rules! twins {
    ($($(#[$doc:meta])* $name:ident = $verb:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As its twin.
        pub async fn $name(&self, $($argument: $type,)* ex: &dyn Executor) -> Result<$result> {
            ex.awaiting(|tx| self.$verb($($argument.clone(),)* tx)).await
        }
    )*};
}

/// Runs a verb that changes what it is called on: it changes a copy, which takes the place of the old when the verb has
/// succeeded, so that a verb that has to wait leaves nothing half changed.
async fn changing<S: Clone, T>(
    subject: &mut S,
    ex: &dyn Executor,
    verb: impl Fn(&mut S, &Tx<'_>) -> Result<T>,
) -> Result<T> {
    let (changed, result) = ex
        .awaiting(|tx| {
            let mut copy = subject.clone();
            let result = verb(&mut copy, tx)?;
            Ok((copy, result))
        })
        .await?;
    *subject = changed;
    Ok(result)
}

/// A twin of a verb that changes what it is called on.
macro_rules! changing_twins {
    ($($(#[$doc:meta])* $name:ident = $verb:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As its twin.
        pub async fn $name(&mut self, $($argument: $type,)* ex: &dyn Executor) -> Result<$result> {
            changing(self, ex, |copy, tx| copy.$verb($($argument.clone(),)* tx)).await
        }
    )*};
}

/// The same as methods of a trait.
macro_rules! trait_twins {
    ($($(#[$doc:meta])* $name:ident = $verb:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As its twin.
        fn $name(&mut self, $($argument: $type,)* ex: &dyn Executor) -> impl Future<Output = Result<$result>> {
            changing(self, ex, move |copy, tx| copy.$verb($($argument.clone(),)* tx))
        }
    )*};
}

mod instances;
mod kept;
mod querysets;
mod relations;
mod stream;

pub use instances::AsyncPersist;
pub use relations::AsyncFollow;
pub use stream::RowStream;
