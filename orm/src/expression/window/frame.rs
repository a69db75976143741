//! Frames: which rows of its partition a window function looks at, as ranges.

use std::ops::{RangeFrom, RangeFull, RangeInclusive, RangeToInclusive};

use nuages_engine::algebra::{Bound, Exclude, Frame, FrameUnit};
use nuages_storage::Value;
use rust_decimal::Decimal;

use crate::field::Duration;

/// Both ends of a frame.
pub(super) type Ends = (Bound<Value>, Bound<Value>);

/// SQL's default: from the first row of the partition to the last peer of the row.
pub(super) const DEFAULT: Frame<Value> = Frame {
    unit: FrameUnit::Range,
    start: Bound::UnboundedPreceding,
    end: Bound::CurrentRow,
    exclude: Exclude::NoOthers,
};

/// Of bounds that count rows, or groups of rows.
pub enum Count {}

/// Of bounds that are a distance from the row's sort key.
pub enum Distance {}

/// The bounds of a frame: `..`, `from..`, `..=to` or `from..=to`. They include their ends, as SQL's do; 0 is the row
/// itself, what is negative lies before it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not bound a frame",
    label = "expected `..`, `from..`, `..=to` or `from..=to`",
    note = "rows and groups are counted by `i64`; a range is told by `i64`, `f64`, `Decimal` or `Duration`"
)]
pub trait FrameBounds<Unit> {
    /// The ends.
    #[doc(hidden)]
    fn ends(self) -> (Bound<Value>, Bound<Value>);
}

/// How far from a row's sort key another's may be.
pub trait Offset: Copy {
    /// The bound that lies so far away.
    #[doc(hidden)]
    fn bound(self) -> Bound<Value>;
}

/// The bound of a signed offset, given how it compares with zero and its size.
fn signed(offset: std::cmp::Ordering, size: impl Into<Value>) -> Bound<Value> {
    match offset {
        std::cmp::Ordering::Less => Bound::Preceding(size.into()),
        std::cmp::Ordering::Equal => Bound::CurrentRow,
        std::cmp::Ordering::Greater => Bound::Following(size.into()),
    }
}

impl Offset for i64 {
    fn bound(self) -> Bound<Value> {
        signed(self.cmp(&0), self.saturating_abs())
    }
}

impl Offset for f64 {
    fn bound(self) -> Bound<Value> {
        signed(self.total_cmp(&0.0), self.abs())
    }
}

impl Offset for Decimal {
    fn bound(self) -> Bound<Value> {
        signed(self.cmp(&Decimal::ZERO), self.abs())
    }
}

impl Offset for Duration {
    fn bound(self) -> Bound<Value> {
        let size = if self.is_negative() { self.checked_neg().unwrap_or(Duration::MAX) } else { self };
        signed(self.cmp(&Duration::ZERO), size)
    }
}

impl<Unit> FrameBounds<Unit> for RangeFull {
    fn ends(self) -> Ends {
        (Bound::UnboundedPreceding, Bound::UnboundedFollowing)
    }
}

macro_rules! bounds {
    ($([$($generics:tt)*] $offset:ty, $unit:ty;)*) => {$(
        impl<$($generics)*> FrameBounds<$unit> for RangeInclusive<$offset> {
            fn ends(self) -> Ends {
                (self.start().bound(), self.end().bound())
            }
        }

        impl<$($generics)*> FrameBounds<$unit> for RangeFrom<$offset> {
            fn ends(self) -> Ends {
                (self.start.bound(), Bound::UnboundedFollowing)
            }
        }

        impl<$($generics)*> FrameBounds<$unit> for RangeToInclusive<$offset> {
            fn ends(self) -> Ends {
                (Bound::UnboundedPreceding, self.end.bound())
            }
        }
    )*};
}

bounds! {
    [] i64, Count;
    [V: Offset] V, Distance;
}

/// Whether a frame can have no row because it ends before it begins.
pub(super) fn is_backward((start, end): &Ends) -> bool {
    use Bound::{CurrentRow, Following, Preceding};
    let above = |left: &Value, right: &Value| left.cmp(right).is_gt();
    match (start, end) {
        (CurrentRow | Following(_), Preceding(_)) | (Following(_), CurrentRow) => true,
        (Preceding(from), Preceding(to)) => above(to, from),
        (Following(from), Following(to)) => above(from, to),
        _ => false,
    }
}
