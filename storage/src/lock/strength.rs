//! How strongly a lock is held, and which strengths exclude each other.

use std::fmt;

/// The strength of a lock: PostgreSQL's four of a row, of which the other names use two.
///
/// | held \ asked  | `KeyShare` | `Share` | `NoKeyUpdate` | `Update` |
/// |---------------|:----------:|:-------:|:-------------:|:--------:|
/// | `KeyShare`    |            |         |               | waits    |
/// | `Share`       |            |         | waits         | waits    |
/// | `NoKeyUpdate` |            | waits   | waits         | waits    |
/// | `Update`      | waits      | waits   | waits         | waits    |
///
/// Each strength conflicts with everything the weaker ones conflict with, so they are ordered, and a holder of one
/// needs no weaker one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Strength {
    /// The row stays, and with it the key that others refer to (`FOR KEY SHARE`): taken on the parent of a new child.
    KeyShare,
    /// The row stays as it is (`FOR SHARE`).
    Share,
    /// The row changes, but no key that others refer to (`FOR NO KEY UPDATE`): an ordinary update.
    NoKeyUpdate,
    /// The row goes, or a key of it changes (`FOR UPDATE`).
    Update,
}

impl Strength {
    /// How a table is held by those who lock rows or keys in it.
    pub const SHARED: Self = Self::Share;
    /// How a table is held by a change of its schema, and how a unique key or an object's name is always held.
    pub const EXCLUSIVE: Self = Self::Update;

    /// Whether two transactions cannot hold one name in these strengths at once.
    #[must_use]
    pub const fn conflicts_with(self, other: Self) -> bool {
        // The table above is the upper right half of a square, cut along its diagonal.
        self as u8 + other as u8 >= Self::Update as u8
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyShare => "key share",
            Self::Share => "share",
            Self::NoKeyUpdate => "no key update",
            Self::Update => "update",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Strength::{KeyShare, NoKeyUpdate, Share, Update};

    #[test]
    fn the_strengths_conflict_as_in_postgresql() {
        let all = [KeyShare, Share, NoKeyUpdate, Update];
        let conflicts = all.map(|held| all.map(|asked| held.conflicts_with(asked)));
        assert_eq!(
            conflicts,
            [
                [false, false, false, true],
                [false, false, true, true],
                [false, true, true, true],
                [true, true, true, true],
            ]
        );
    }

    #[test]
    fn a_stronger_lock_keeps_out_whom_a_weaker_one_does() {
        for weaker in [KeyShare, Share, NoKeyUpdate, Update] {
            for stronger in [KeyShare, Share, NoKeyUpdate, Update].into_iter().filter(|other| *other > weaker)
            {
                for other in [KeyShare, Share, NoKeyUpdate, Update] {
                    assert!(!weaker.conflicts_with(other) || stronger.conflicts_with(other));
                }
            }
        }
    }
}
