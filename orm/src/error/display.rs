//! How an [`Error`] reads: the thing by name, what was expected, what came, what to do.

use std::fmt;

use super::{Blocker, Error, GET_ROWS_MAX, IntegrityKind, Misuse, UnknownName, ValidationErrors};
use nuages_engine::Error as EngineError;
use nuages_storage::Value;

/// Blockers beyond this many are counted, not listed.
const BLOCKERS_SHOWN_MAX: usize = 5;

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Deadlock(error) | Error::Locked(error) => Some(&**error),
            Error::Migration { error, .. } => Some(&**error),
            Error::Custom(custom) => Some(custom.source()),
            Error::Sql(error) => Some(&**error),
            Error::Engine(error) => Some(&**error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::DoesNotExist { model } => write!(f, "no {model} matches the query"),
            Error::MultipleObjectsReturned { model, count } if *count > GET_ROWS_MAX => {
                write!(f, "get() found more than {GET_ROWS_MAX} {model} rows instead of one")
            }
            Error::MultipleObjectsReturned { model, count } => {
                write!(f, "get() found {count} {model} rows instead of one")
            }
            Error::Integrity { kind, table, constraint, columns, values, related } => {
                write_integrity(f, *kind, table, columns, values, related.as_deref())?;
                constraint.as_ref().map_or(Ok(()), |name| write!(f, " (constraint \"{name}\")"))
            }
            Error::Protected { model, by } => write_blocked(f, model, by, "protected"),
            Error::Restricted { model, by } => write_blocked(f, model, by, "restricted"),
            Error::Validation(errors) => errors.fmt(f),
            Error::Decode { table, column, pk, value } => {
                write!(
                    f,
                    "column \"{column}\" of table \"{table}\" holds {value}, which its field cannot hold"
                )?;
                pk.as_ref().map_or(Ok(()), |pk| write!(f, " (row {pk})"))
            }
            Error::FetchBlocked { model, field: "" } => write!(
                f,
                "the {model} was not read with the row whose key leads to it, and the fetch mode forbids to read it \
                 later; add it to select_related or prefetch_related"
            ),
            Error::FetchBlocked { model, field } => write!(
                f,
                "{model}.{field} was not read with its row, and the fetch mode forbids to read it later; \
                 add it to select_related, prefetch_related or only"
            ),
            Error::FollowedTooOften { model, field, follows_max } => write!(
                f,
                "{model}.{field} was read for one row after the other more than {follows_max} times; \
                 read it for all rows at once, by select_related, prefetch_related or FetchMode::Peers"
            ),
            Error::OverBudget { table, statements_max } => write!(
                f,
                "a statement on table \"{table}\" is one more than the {statements_max} that the budget allows"
            ),
            Error::DivisionByZero { model, divisions } => {
                write!(f, "division by zero in rows of {model}")?;
                for (number, division) in divisions.iter().enumerate() {
                    write!(f, "{}{division}", if number == 0 { ": " } else { " or " })?;
                }
                f.write_str("; to get NULL there, divide by an expression with null_if(0)")
            }
            Error::NotUpdated { model } => {
                write!(f, "no {model} row was changed: the instance is not, or no longer, stored")
            }
            Error::Unsaved { model, wanted } => {
                write!(f, "{wanted} needs the key of a {model} that is not stored; save it first")
            }
            Error::UnknownName(unknown) => unknown.fmt(f),
            Error::Misuse(misuse) => misuse.fmt(f),
            Error::Doomed => f.write_str(
                "an earlier write in this atomic block failed, so the block will be rolled back; \
                 put what may fail into an inner atomic block",
            ),
            Error::NestedDurable => f.write_str("a durable atomic block cannot stand inside another"),
            Error::OtherModel { wanted, found } => {
                let name = found.name;
                write!(f, "the generic key leads to a {found}, and not to a {wanted}; ")?;
                write!(f, "ask for a {name}, or for any row by record()")
            }
            Error::Unregistered { model } => {
                write!(f, "the model {model} is not in the App; add {model}::app() to its models")
            }
            Error::Checks(findings) => {
                f.write_str("the models make no sense:")?;
                findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
            }
            Error::Migration { name, error } => write!(f, "the migration \"{name}\" failed: {error}"),
            Error::Deadlock(error) | Error::Locked(error) => error.fmt(f),
            Error::SerializationFailure { table, row } => {
                let failure = EngineError::SerializationFailure { table: table.clone(), row: *row };
                failure.fmt(f)
            }
            Error::StatementTimeout { timeout } => EngineError::StatementTimeout { timeout: *timeout }.fmt(f),
            Error::Cancelled => EngineError::Cancelled.fmt(f),
            Error::Custom(custom) => write!(f, "{}", custom.source()),
            Error::Sql(error) => error.fmt(f),
            Error::Engine(error) => error.fmt(f),
        }
    }
}

fn write_integrity(
    f: &mut fmt::Formatter<'_>,
    kind: IntegrityKind,
    table: &str,
    columns: &[String],
    values: &[Value],
    related: Option<&str>,
) -> fmt::Result {
    match (kind, related) {
        (IntegrityKind::NotNull, _) => {
            write!(f, "column \"{}\" of table \"{table}\" must have a value", columns.join("\", \""))
        }
        (IntegrityKind::Unique, _) => {
            write!(f, "table \"{table}\" already has a row with ")?;
            write_pairs(f, columns, values)
        }
        (IntegrityKind::ForeignKey, Some(related)) => {
            write!(f, "table \"{table}\" cannot have a row with ")?;
            write_pairs(f, columns, values)?;
            write!(f, ": table \"{related}\" has no row that it would point at")
        }
        (IntegrityKind::ForeignKey, None) => {
            write!(f, "a foreign key of table \"{table}\" would point at nothing")
        }
        (IntegrityKind::Referenced, related) => {
            write!(f, "the row of table \"{table}\" with ")?;
            write_pairs(f, columns, values)?;
            write!(f, " must stay: rows of table \"{}\" point at it", related.unwrap_or("another"))
        }
        (IntegrityKind::Check, _) => {
            write!(f, "a check of table \"{table}\" is false for ")?;
            write_pairs(f, columns, values)
        }
    }
}

fn write_pairs(f: &mut fmt::Formatter<'_>, columns: &[String], values: &[Value]) -> fmt::Result {
    for (i, column) in columns.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        match values.get(i) {
            Some(value) => write!(f, "{comma}{column} = {value}")?,
            None => write!(f, "{comma}{column}")?,
        }
    }
    Ok(())
}

fn write_blocked(f: &mut fmt::Formatter<'_>, model: &str, by: &[Blocker], how: &str) -> fmt::Result {
    write!(f, "{model} rows cannot be deleted, they are {how} by ")?;
    for (i, blocker) in by.iter().take(BLOCKERS_SHOWN_MAX).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}{}.{} of row {}", blocker.model, blocker.field, blocker.pk)?;
    }
    match by.len().checked_sub(BLOCKERS_SHOWN_MAX) {
        Some(more) if more > 0 => write!(f, " and {more} more"),
        _ => Ok(()),
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (field, messages)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{field}:")?;
            for message in messages {
                write!(f, " {}", message.text)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no \"{}\"", self.within, self.name)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean \"{nearest}\"?")?,
            None if self.choices.is_empty() => {}
            None => write!(f, ".")?,
        }
        if self.choices.is_empty() { Ok(()) } else { write!(f, " Choices are: {}", self.choices.join(", ")) }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::NotAllowed { call, after } => write!(f, "{call} cannot follow {after}"),
            Misuse::NoOrdering { call } => write!(f, "{call} needs an order; name a field or add order_by"),
            Misuse::NestedAggregate { function, of } => {
                write!(f, "{function} of the aggregate {of}: annotate {of} first, then aggregate it")
            }
            Misuse::WindowHere { place } => {
                write!(f, "a window function cannot stand in {place}; annotate it first, or use a subquery")
            }
            Misuse::EmptyCondition { call } => {
                write!(f, "the condition of {call} is empty, so every row meets it; leave {call} out")
            }
            Misuse::BelowLeast { call, argument, least, given } => {
                write!(f, "the {argument} of {call} must be {least} or more, and is {given}")
            }
            Misuse::UnknownFunction { name } => {
                write!(f, "the engine has no function called {name}; func takes the names that SQL has")
            }
            Misuse::TooFew { call, least, given } => {
                write!(f, "{call} takes {least} expressions or more, and was given {given}")
            }
            Misuse::AliasNotSelected { name } => {
                write!(f, "{name} is an alias, which is in no row; use annotate to have it selected")
            }
            Misuse::AggregateHere { place } => {
                write!(f, "an aggregate cannot stand in {place}; use a subquery")
            }
            Misuse::JoinHere { place } => {
                write!(f, "{place} takes columns of the model itself; use a subquery to read another table")
            }
            Misuse::ColumnHere { place } => {
                write!(
                    f,
                    "{place} writes a row that is not there yet, and an expression reads a column of it"
                )
            }
            Misuse::FieldsHere { place } => write!(f, "{place} takes fields, not expressions"),
            Misuse::NothingToUpdate => {
                f.write_str("update_conflicts needs the fields that rows in conflict get")
            }
            Misuse::EmptyBatches => f.write_str("a batch has at least one row"),
            Misuse::NoOuter { model } => {
                write!(f, "outer(..) speaks of a query over {model}, and this query stands in none")
            }
            Misuse::UnknownAnnotation { index } => write!(f, "the queryset has no annotation number {index}"),
            Misuse::NotAColumn { model } => write!(f, "a path of {model} does not lead to a value"),
            Misuse::DeferredAndJoined { model, field } => write!(
                f,
                "`{model}.{field}` is deferred, and select_related joins by it: read it too, or do not join"
            ),
            Misuse::ToMany { call, relation } => {
                write!(f, "{call} cannot follow {relation}, which leads to many rows; use prefetch_related")
            }
            Misuse::NameTaken { name } => {
                write!(f, "there is a \"{name}\" already; remove or rename it first")
            }
            Misuse::OtherMigrations { found, expected: Some(expected) } => write!(
                f,
                "the database has had the migration \"{found}\" where the program has \"{expected}\"; \
                 put new migrations behind those that were applied"
            ),
            Misuse::OtherMigrations { found, expected: None } => {
                write!(f, "the database has had the migration \"{found}\", which the program has not")
            }
            Misuse::NotMigrated { changes } => write!(
                f,
                "the models are not what their migrations lead to; a further migration has to do this: {}",
                changes.join("; ")
            ),
            Misuse::BlockInside => {
                f.write_str("a task's block is open inside this one; use its transaction, or await it first")
            }
            Misuse::OrderNotSelected => {
                f.write_str("a combined queryset can be ordered only by the columns it returns")
            }
            Misuse::PrefetchTwice { relation } => {
                write!(
                    f,
                    "{relation} is prefetched already with another queryset; order the prefetches differently"
                )
            }
            Misuse::AnnotationClash { model, field } => {
                write!(f, "the annotation \"{field}\" has the name of a field of {model}; name it otherwise")
            }
            Misuse::LookupValue { lookup, expected, given } => {
                write!(f, "the lookup {lookup} takes {expected}, and was given {given:?}")
            }
            Misuse::LookupNotLast { lookup, words } => {
                write!(f, "the lookup {lookup} ends a condition, and {words} goes on behind it")
            }
            Misuse::UnreadText { model, words, expected, given } => {
                write!(f, "{words} of {model} takes values of type {expected}, and {given:?} is none")
            }
            Misuse::ColumnCount { lookup, expected, given } => write!(
                f,
                "the queryset compared by {lookup} must have {expected} columns and has {given}; \
                 choose them with values_list"
            ),
            Misuse::WrongField { call, model, field, expected } => {
                write!(f, "{call} takes {expected}, and {model}.{field} is none")
            }
            Misuse::Through { relation, through, target, keys } if keys.is_empty() => {
                write!(f, "{relation} goes through {through}, which has no key to {target}")
            }
            Misuse::Through { relation, through, target, keys } => write!(
                f,
                "{relation} goes through {through}, whose keys to {target} are {}; say which two it goes by with \
                 `#[field(through_fields(.., ..))]`",
                keys.join(", ")
            ),
            Misuse::RawWithoutKey { model } => {
                write!(f, "a raw query of {model} must have its primary key among its columns")
            }
            Misuse::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_thing_and_what_to_do() {
        let blocked = Error::Protected {
            model: "Depot",
            by: (0..7).map(|i| Blocker { model: "Audit", field: "depot", pk: Value::Int(i) }).collect(),
        };
        let text = blocked.to_string();
        assert!(
            text.starts_with("Depot rows cannot be deleted, they are protected by Audit.depot of row 0"),
            "{text}"
        );
        assert!(text.ends_with("and 2 more"), "{text}");
        assert_eq!(
            Error::MultipleObjectsReturned { model: "Tag", count: 21 }.to_string(),
            "get() found more than 20 Tag rows instead of one"
        );
    }

    #[test]
    fn validation_messages_keep_field_and_code() {
        let mut errors = ValidationErrors::default();
        errors.add("title", "required", "This field cannot be blank.");
        errors.add("title", "max_length", "Too long.");
        errors.add(ValidationErrors::WHOLE, "invalid", "No.");
        assert_eq!(
            errors.field("title").iter().map(|m| m.code).collect::<Vec<_>>(),
            ["required", "max_length"]
        );
        assert_eq!(errors.to_string(), "title: This field cannot be blank. Too long.; __all__: No.");
        assert!(errors.field("body").is_empty());
    }
}
