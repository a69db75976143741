//! The algebra as SQL: what is printed is read as algebra that has the same rows, and that is printed and read as
//! itself.
//!
//! What is read is not what was printed to the letter: columns that nobody needs are not printed, a chain of filters is
//! one, and where SQL has one order for its clauses the algebra has any. So a query is printed and read until its text
//! stays, which it does after a few times, and then what is read must be the same algebra each time, but for how its
//! sources and work tables are numbered.

use nuages_engine::algebra::Query;
use nuages_engine::catalog::Catalog;
use nuages_engine::sql::Connection;

use super::Databases;

/// How often a query is printed at most before its text stays.
const READINGS_MAX: usize = 8;

impl Databases {
    /// What the text of a query is read as, at first and when it stays.
    ///
    /// # Errors
    /// A text that is not read, or does not stay; algebra that is not the same although its text is.
    pub(crate) fn read_again(&self, query: &Query, catalog: &Catalog) -> Result<Vec<Query>, String> {
        let reader = Connection::new(self.db.clone());
        let mut texts = vec![query.sql(catalog)];
        let mut read: Vec<Query> = Vec::new();
        while texts.len() <= READINGS_MAX {
            let text = &texts[texts.len() - 1];
            let again = reader.read(text).map_err(|error| format!("{text}\nis not read: {error}"))?;
            if let Some(before) = read.last().filter(|_| texts[..texts.len() - 1].last() == Some(text)) {
                let (before, now) = (renumbered(before), renumbered(&again));
                return match before == now {
                    true => Ok(vec![read.swap_remove(0), again]),
                    false => Err(format!("{text}\nis read as\n{before}\nand as\n{now}")),
                };
            }
            texts.push(again.sql(catalog));
            read.push(again);
        }
        Err(format!("does not stay as it is:\n{}", texts.join("\n")))
    }
}

/// A query as text, with its sources and work tables numbered as they come.
fn renumbered(query: &Query) -> String {
    let text = format!("{query:?}");
    let mut known: Vec<&str> = Vec::new();
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = ["Source(", "WorkTable("].iter().filter_map(|word| rest.find(word)).min() {
        let end = rest[at..].find(')').map_or(rest.len(), |end| at + end + 1);
        let place = known.iter().position(|name| *name == &rest[at..end]).unwrap_or(known.len());
        if place == known.len() {
            known.push(&rest[at..end]);
        }
        result.push_str(&rest[..at]);
        result.push_str(&format!("#{place}"));
        rest = &rest[end..];
    }
    result + rest
}

#[test]
fn sources_are_numbered_as_they_come() {
    use nuages_engine::algebra::{Expr, OutputColumn, Relation, Source};
    let query = |first: u32, second: u32| {
        let column = |source: u32| Expr::from(Source::new(source).column(1));
        let relation = Relation::Unit.project(Source::new(first), vec![column(second)]);
        Query::new(relation, vec![OutputColumn::new("c", column(first))])
    };
    assert_eq!(renumbered(&query(7, 3)), renumbered(&query(0, 1)));
    assert_ne!(renumbered(&query(7, 3)), renumbered(&query(7, 7)));
}
