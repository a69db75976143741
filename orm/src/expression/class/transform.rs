//! Transforms: `created_at.year` and its like, which are columns again.
//!
//! A transform is a [`Hop`] that goes where the column's goes and wraps its value; so `Post::created_at.year` is a
//! [`Col`] of numbers with everything a column of numbers can do, and costs nothing until it is used.

use std::marker::PhantomData;

use jiff::civil;
use nuages_engine::algebra::DatePart;

use super::{Clock, Day, Number};
use crate::node::{Node, Operator, Step};
use crate::path::{Col, Cols, Hop, Nullability, Path, Token, Types};

/// No transform.
pub struct NoCols<P, H, N>(Types<(P, H, N)>);

impl<P: Path, H: Hop, N: Nullability> Cols for NoCols<P, H, N> {
    const REF: &'static Self = &NoCols(PhantomData);
}

/// The transforms, each a hop around another.
pub mod hop {
    use super::{DatePart, Hop, Node, Operator, PhantomData, Step};

    macro_rules! transforms {
        ($($(#[$doc:meta])* $name:ident = $operator:expr,)*) => {$(
            $(#[$doc])*
            pub struct $name<H>(PhantomData<fn() -> H>);
            impl<H: Hop> Hop for $name<H> {
                type Null = H::Null;
                type Card = H::Card;
                type Back = H::Back;
                fn step() -> Step {
                    H::step()
                }
                fn wrap(node: Node) -> Node {
                    Node::call($operator, [H::wrap(node)])
                }
            }
        )*};
    }

    transforms! {
        /// The year.
        Year = Operator::Extract(DatePart::Year),
        /// The year of the ISO week.
        IsoYear = Operator::Extract(DatePart::IsoYear),
        /// The quarter.
        Quarter = Operator::Extract(DatePart::Quarter),
        /// The month.
        Month = Operator::Extract(DatePart::Month),
        /// The ISO week.
        Week = Operator::Extract(DatePart::Week),
        /// The day of the week, Sunday first.
        WeekDay = Operator::Extract(DatePart::WeekDay),
        /// The day of the week, Monday first.
        IsoWeekDay = Operator::Extract(DatePart::IsoWeekDay),
        /// The day of the month.
        DayOfMonth = Operator::Extract(DatePart::Day),
        /// The day of the year.
        DayOfYear = Operator::Extract(DatePart::DayOfYear),
        /// The hour.
        Hour = Operator::Extract(DatePart::Hour),
        /// The minute.
        Minute = Operator::Extract(DatePart::Minute),
        /// The second.
        Second = Operator::Extract(DatePart::Second),
        /// The date of an instant.
        DateOf = Operator::DateOf,
        /// The time of day of an instant.
        TimeOf = Operator::TimeOf,
    }
}

macro_rules! sets {
    ($($(#[$doc:meta])* $set:ident { $($(#[$field_doc:meta])* $name:ident: $hop:ident, $type:ty, $class:ty;)* })*) => {$(
        $(#[$doc])*
        pub struct $set<P: Path, H: Hop, N: Nullability> {
            $($(#[$field_doc])* pub $name: Col<P, hop::$hop<H>, N::Wrap<$type>, $class>,)*
        }
        impl<P: Path, H: Hop, N: Nullability> Cols for $set<P, H, N> {
            const REF: &'static Self = &$set { $($name: Token::NEW,)* };
        }
    )*};
}

sets! {
    /// What can be taken out of a date.
    DateCols {
        /// The year.
        year: Year, i32, Number;
        /// The year of the ISO 8601 week.
        iso_year: IsoYear, i32, Number;
        /// 1 to 4.
        quarter: Quarter, i32, Number;
        /// 1 to 12.
        month: Month, i32, Number;
        /// The ISO 8601 week.
        week: Week, i32, Number;
        /// 1 to 7, Sunday is 1.
        week_day: WeekDay, i32, Number;
        /// 1 to 7, Monday is 1.
        iso_week_day: IsoWeekDay, i32, Number;
        /// The day of the month.
        day: DayOfMonth, i32, Number;
        /// The day of the year.
        day_of_year: DayOfYear, i32, Number;
    }
    /// What can be taken out of a time of day.
    TimeCols {
        /// 0 to 23.
        hour: Hour, i32, Number;
        /// 0 to 59.
        minute: Minute, i32, Number;
        /// 0 to 59.
        second: Second, i32, Number;
    }
    /// What can be taken out of an instant, seen in the executor's time zone.
    TimestampCols {
        /// Its date.
        date: DateOf, civil::Date, Day;
        /// Its time of day.
        time: TimeOf, civil::Time, Clock;
        /// The year.
        year: Year, i32, Number;
        /// The year of the ISO 8601 week.
        iso_year: IsoYear, i32, Number;
        /// 1 to 4.
        quarter: Quarter, i32, Number;
        /// 1 to 12.
        month: Month, i32, Number;
        /// The ISO 8601 week.
        week: Week, i32, Number;
        /// 1 to 7, Sunday is 1.
        week_day: WeekDay, i32, Number;
        /// 1 to 7, Monday is 1.
        iso_week_day: IsoWeekDay, i32, Number;
        /// The day of the month.
        day: DayOfMonth, i32, Number;
        /// The day of the year.
        day_of_year: DayOfYear, i32, Number;
        /// 0 to 23.
        hour: Hour, i32, Number;
        /// 0 to 59.
        minute: Minute, i32, Number;
        /// 0 to 59.
        second: Second, i32, Number;
    }
}
