//! Functions of days, times of day and instants.
//!
//! An instant has parts and beginnings only as seen from somewhere: from the executor's time zone, or from the one that
//! is given to the method that ends in `_in`. Days and times of day are the same everywhere.

use nuages_engine::algebra::{DatePart, DateUnit, Function};

use super::super::operand::Seen;
use super::super::{Expr, class};
use super::Like;
use crate::field::{Date, Field, Time, TimeZone};
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Path};

/// Writes the methods of a class twice: for columns, whose type depends on their path, and for expressions.
macro_rules! methods {
    ($class:ident { $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:tt = |$node:ident| $made:expr;)* }) => {
        impl<P: Path, H: Hop, T: Field> Col<P, H, T, class::$class> {$(
            $(#[$doc])*
            pub fn $name(self, $($argument: $type),*) -> Expr<P::Root, methods!(@type $output, Seen<P, T>)> {
                let $node = self.node();
                Expr::new($made)
            }
        )*}

        impl<M, T: Field> Expr<M, T, class::$class> {$(
            $(#[$doc])*
            pub fn $name(&self, $($argument: $type),*) -> Expr<M, methods!(@type $output, T)> {
                let $node = self.node().clone();
                Expr::new($made)
            }
        )*}
    };
    (@type Same, $from:ty) => { $from };
    (@type [$to:ty], $from:ty) => { Like<$from, $to> };
}

methods! { Day {
    /// A part of the day: the year, the ISO week, ..
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Stay { pub id: Auto<i64>, pub until: Date }
    /// let year: Expr<Stay, i32> = Stay::until.extract(DatePart::Year);
    /// ```
    ///
    /// A day has no hour, and to ask for one is an error of the verb.
    extract(part: DatePart) -> [i32] = |day| Node::call(Operator::Extract(part), [day]);
    /// The first of the year, month, ..; the week begins on Monday.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Stay { pub id: Auto<i64>, pub until: Date }
    /// let month: Expr<Stay, Date> = Stay::until.truncate(DateUnit::Month);
    /// ```
    truncate(unit: DateUnit) -> Same = |day| Node::call(Operator::Truncate(unit), [day]);
} }

methods! { Clock {
    /// The hour, minute or second.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Train { pub id: Auto<i64>, pub leaves: Time }
    /// let hour: Expr<Train, i32> = Train::leaves.extract(DatePart::Hour);
    /// ```
    extract(part: DatePart) -> [i32] = |time| Node::call(Operator::Extract(part), [time]);
    /// The full hour, minute or second before.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Train { pub id: Auto<i64>, pub leaves: Time }
    /// let hour: Expr<Train, Time> = Train::leaves.truncate(DateUnit::Hour);
    /// ```
    truncate(unit: DateUnit) -> Same = |time| Node::call(Operator::Truncate(unit), [time]);
} }

methods! { Instant {
    /// A part of the instant, in the executor's time zone.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let newest = Post::at.max().extract(DatePart::Year);
    /// ```
    extract(part: DatePart) -> [i32] = |instant| Node::call(Operator::Extract(part), [instant]);
    /// A part of the instant in a time zone.
    ///
    /// ```
    /// use nuages::{field::TimeZone, prelude::*};
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # Post::objects().create(new!(Post { at: "2024-07-15T18:45:00Z".parse::<DateTime>().unwrap() }), &db)?;
    /// let tokyo = TimeZone::get("Asia/Tokyo").expect("a time zone");
    /// assert_eq!(Post::objects().values_list(Post::at.extract_in(DatePart::Hour, tokyo)).all(&db)?, [3]);
    /// # Ok::<(), Error>(())
    /// ```
    extract_in(part: DatePart, zone: TimeZone) -> [i32] = |instant| {
        Node::call(Operator::Function(Function::Extract(part, Some(zone))), [instant])
    };
    /// The beginning of the year, month, .., in the executor's time zone; the week begins on Monday.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let month: Expr<Post, DateTime> = Post::at.truncate(DateUnit::Month);
    /// let first: Expr<Post, Date> = month.date();
    /// ```
    truncate(unit: DateUnit) -> Same = |instant| Node::call(Operator::Truncate(unit), [instant]);
    /// The beginning of the year, month, .. in a time zone.
    ///
    /// ```
    /// use nuages::{field::TimeZone, prelude::*};
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let day = Post::at.truncate_in(DateUnit::Day, TimeZone::get("Asia/Tokyo").expect("a time zone"));
    /// ```
    truncate_in(unit: DateUnit, zone: TimeZone) -> Same = |instant| {
        Node::call(Operator::Function(Function::Truncate(unit, Some(zone))), [instant])
    };
    /// The day of the instant, in the executor's time zone.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let last: Expr<Post, Option<Date>> = Post::at.max().date();
    /// ```
    date() -> [Date] = |instant| Node::call(Operator::DateOf, [instant]);
    /// The day of the instant in a time zone.
    ///
    /// ```
    /// use nuages::{field::TimeZone, prelude::*};
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let day: Expr<Post, Date> = Post::at.date_in(TimeZone::UTC);
    /// ```
    date_in(zone: TimeZone) -> [Date] = |instant| {
        Node::call(Operator::Function(Function::DateOf(Some(zone))), [instant])
    };
    /// The time of day of the instant, in the executor's time zone.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let time: Expr<Post, Time> = Post::at.time();
    /// ```
    time() -> [Time] = |instant| Node::call(Operator::TimeOf, [instant]);
    /// The time of day of the instant in a time zone.
    ///
    /// ```
    /// use nuages::{field::TimeZone, prelude::*};
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub at: DateTime }
    /// let time: Expr<Post, Time> = Post::at.time_in(TimeZone::UTC);
    /// ```
    time_in(zone: TimeZone) -> [Time] = |instant| {
        Node::call(Operator::Function(Function::TimeOf(Some(zone))), [instant])
    };
} }
