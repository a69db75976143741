//! Errors for whoever reads them by `{:?}`, as `fn main() -> Result<(), nuages::Error>` and `unwrap` do: the words
//! first, then what the error holds. `{:#?}` is what it holds alone.

use std::fmt;

use super::Error;

/// Writes the variants out as `derive(Debug)` would.
macro_rules! structure {
    ($error:ident, $f:ident; $($named:ident { $($field:ident),* })* ; $($single:ident)* ; $($unit:ident)*) => {
        match $error {
            $(Error::$named { $($field),* } => {
                $f.debug_struct(stringify!($named))$(.field(stringify!($field), $field))*.finish()
            })*
            $(Error::$single(inner) => $f.debug_tuple(stringify!($single)).field(inner).finish(),)*
            $(Error::$unit => $f.write_str(stringify!($unit)),)*
        }
    };
}

/// What an error holds.
struct Structure<'e>(&'e Error);

impl fmt::Debug for Structure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        structure! { error, f;
            DoesNotExist { model }
            MultipleObjectsReturned { model, count }
            Integrity { kind, table, constraint, columns, values, related }
            Protected { model, by }
            Restricted { model, by }
            Decode { table, column, pk, value }
            FetchBlocked { model, field }
            FollowedTooOften { model, field, follows_max }
            OverBudget { table, statements_max }
            DivisionByZero { model, divisions }
            NotUpdated { model }
            Unsaved { model, wanted }
            SerializationFailure { table, row }
            StatementTimeout { timeout }
            OtherModel { wanted, found }
            Unregistered { model }
            Migration { name, error };
            Validation UnknownName Misuse Deadlock Locked Checks Custom Sql Engine;
            Cancelled Doomed NestedDurable
        }
    }
}

/// ```
/// let missing = nuages::Error::DoesNotExist { model: "Post" };
/// let lines: Vec<String> = format!("{missing:?}").lines().map(str::to_owned).collect();
/// assert_eq!(lines, [missing.to_string(), "    DoesNotExist { model: \"Post\" }".to_owned()]);
/// ```
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return Structure(self).fmt(f);
        }
        write!(f, "{self}\n    {:?}", Structure(self))
    }
}
