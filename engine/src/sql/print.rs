//! SQL out: expressions, queries and definitions as PostgreSQL would read them.
//!
//! Order of reading: `identifier` and `expression` (the small), `aggregate`, `mentions`, `select`, `query`, `relation`
//! and `from` (what is asked), `statement` (what writes), `definition` (what makes a table),
//! `comment`.

mod aggregate;
mod comment;
mod definition;
mod expression;
mod from;
mod identifier;
mod mentions;
mod query;
mod relation;
mod select;
mod statement;

pub use comment::{comment_statement, enum_statement};
pub use definition::{Definition, sequence_statement};
pub(super) use definition::{index_statement, own};
pub use expression::{literal, quoted};
pub use identifier::Identifier;

use crate::algebra::{Column, Query, Relation, Statement};
use crate::catalog::Catalog;

impl Query {
    /// The query as SQL, with the names of a catalog.
    ///
    /// ```
    /// use nuages_engine::algebra::{Comparison, Expr, OutputColumn, Query, Relation, Source};
    /// use nuages_engine::catalog::{NewColumn, NewTable};
    /// use nuages_engine::{Database, Session};
    /// use nuages_storage::DataType;
    ///
    /// let db = Database::new();
    /// let post = db.create_table(NewTable::new("post").column(NewColumn::new("views", DataType::BigInt)))?;
    /// let views = Expr::from(Source::new(0).column(0));
    /// let popular = Relation::scan(post, Source::new(0))
    ///     .filter(views.clone().compare(Comparison::Greater, Expr::literal(100)));
    /// let query = Query::new(popular, vec![OutputColumn::new("views", views)]);
    /// assert_eq!(query.sql(&*db.catalog()?), "SELECT post.views FROM post WHERE post.views > 100");
    /// # Ok::<(), nuages_engine::Error>(())
    /// ```
    pub fn sql(&self, catalog: &Catalog) -> String {
        query::Printer::new(catalog, self).print(self)
    }
}

impl Statement {
    /// The statement as SQL, with the names of a catalog.
    ///
    /// ```
    /// use nuages_engine::algebra::{Delete, Expr, Source, Statement};
    /// use nuages_engine::catalog::{NewColumn, NewTable};
    /// use nuages_engine::{Database, Session};
    /// use nuages_storage::DataType;
    ///
    /// let db = Database::new();
    /// let table = db.create_table(NewTable::new("post").column(NewColumn::new("views", DataType::BigInt)))?;
    /// let source = Source::new(0);
    /// let predicate = Some(Expr::from(source.column(0)).equals(Expr::literal(0)));
    /// let delete = Statement::Delete(Delete { table, source, using: None, predicate, returning: Vec::new() });
    /// assert_eq!(delete.sql(&*db.catalog()?), "DELETE FROM post WHERE post.views = 0");
    /// # Ok::<(), nuages_engine::Error>(())
    /// ```
    pub fn sql(&self, catalog: &Catalog) -> String {
        let mut printer = query::Printer::of(catalog, statement::mentioned(self));
        statement::statement(self, &mut printer)
    }
}

/// What an expression mentions and cannot print itself.
trait Names {
    /// What a column is called.
    fn column(&mut self, column: Column) -> String;
    /// A subquery, without parentheses.
    fn query(&mut self, query: &Query) -> String;
    /// A subquery of which only the rows matter, without parentheses.
    fn relation(&mut self, relation: &Relation) -> String;
}
