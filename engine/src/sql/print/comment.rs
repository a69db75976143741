//! Enumerations and comments as the statements that make them.

use super::expression::quoted;
use super::identifier::Identifier;
use crate::catalog::{Catalog, Commented, EnumDefinition};

/// The statement that makes an enumeration, without its semicolon.
///
/// ```
/// use nuages_engine::Session;
/// use nuages_engine::sql::{Connection, enum_statement};
/// let mut connection = Connection::new(nuages_engine::Database::new());
/// connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')", &[])?;
/// let catalog = connection.session().catalog()?;
/// let text = enum_statement(catalog.enum_named("mood").unwrap());
/// assert_eq!(text, "CREATE TYPE mood AS ENUM ('sad', 'happy')");
/// # Ok::<(), nuages_engine::sql::SqlError>(())
/// ```
pub fn enum_statement(of: &EnumDefinition) -> String {
    let labels: Vec<String> = of.labels.iter().map(|label| quoted(&label.name)).collect();
    format!("CREATE TYPE {} AS ENUM ({})", Identifier(&of.name), labels.join(", "))
}

/// The statement that puts a comment on something, without its semicolon; none if that is not in the catalog.
///
/// ```
/// use nuages_engine::Session;
/// use nuages_engine::sql::{Connection, comment_statement};
/// let mut connection = Connection::new(nuages_engine::Database::new());
/// connection.execute("CREATE TABLE film (id INTEGER); COMMENT ON TABLE film IS 'what is shown'", &[])?;
/// let catalog = connection.session().catalog()?;
/// let (of, text) = catalog.comments().next().unwrap();
/// assert_eq!(comment_statement(of, text, &catalog).unwrap(), "COMMENT ON TABLE film IS 'what is shown'");
/// # Ok::<(), nuages_engine::sql::SqlError>(())
/// ```
pub fn comment_statement(of: &Commented, text: &str, catalog: &Catalog) -> Option<String> {
    let table = of.table().and_then(|table| catalog.table(table));
    let (kind, name) = match of {
        Commented::Schema => ("SCHEMA", "public"),
        Commented::Enum(id) => ("TYPE", catalog.enumeration(*id)?.name.as_str()),
        Commented::Sequence(id) => {
            ("SEQUENCE", catalog.sequences().find(|known| known.id == *id)?.name.as_str())
        }
        Commented::Table(_) => ("TABLE", table?.name.as_str()),
        Commented::Column(_, id) => {
            ("COLUMN", table?.columns.iter().find(|known| known.id == *id)?.name.as_str())
        }
        Commented::Index(_, id) => ("INDEX", table?.index(*id)?.name.as_str()),
        Commented::View(name) => ("VIEW", name.as_str()),
    };
    let before = match of {
        Commented::Column(..) => format!("{}.", Identifier(&table?.name)),
        _ => String::new(),
    };
    Some(format!("COMMENT ON {kind} {before}{} IS {}", Identifier(name), quoted(text)))
}
