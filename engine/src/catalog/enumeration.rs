//! Enumerations: types whose values are words, in an order of their own.
//!
//! A column of one is stored as text, and what it takes is tested against the words. Their order is told by *ranks*, far
//! apart, so that a word that comes between two others changes no rank: an index over ranks stays as it is.

use std::sync::Arc;

use super::names::nearest;
use super::{Catalog, ColumnDefinition, EnumId, IndexExpr, SchemaId, TableDefinition};
use crate::algebra::{EnumCall, EnumVerb, Expr, Function};

/// How far apart ranks are of words that were added behind each other: so often can a word be put between two.
const RANK_STEP: i64 = 1 << 32;

/// An enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumDefinition {
    /// What it is known by, whatever it is called.
    pub id: EnumId,
    /// Its name; no other type has it.
    pub name: String,
    /// Its values, the least first.
    pub labels: Vec<EnumLabel>,
}

/// A value of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumLabel {
    /// What it is written as.
    pub name: String,
    /// What it is compared by; it never changes.
    pub rank: i64,
}

/// Where a new value of an enumeration goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnumPlace {
    /// Behind all others.
    Last,
    /// Before the one of this name.
    Before(String),
    /// Behind the one of this name.
    After(String),
}

impl EnumDefinition {
    /// An enumeration of these values, the least first.
    pub(crate) fn new(id: EnumId, name: String, labels: Vec<String>) -> EnumDefinition {
        let ranks = (1..).map(|place: i64| place * RANK_STEP);
        let labels = labels.into_iter().zip(ranks).map(|(name, rank)| EnumLabel { name, rank }).collect();
        EnumDefinition { id, name, labels }
    }

    /// The rank of a value; none if it is no value.
    pub fn rank(&self, label: &str) -> Option<i64> {
        self.labels.iter().find(|known| known.name == label).map(|known| known.rank)
    }

    /// The value of a rank.
    pub fn label(&self, rank: i64) -> Option<&str> {
        self.labels.iter().find(|known| known.rank == rank).map(|known| known.name.as_str())
    }

    /// The value that one that is none was probably meant to be.
    pub fn nearest(&self, label: &str) -> Option<String> {
        nearest(label, self.labels.iter().map(|known| known.name.as_str()))
    }

    /// The same with one more value; none if there is no such place, or no room there.
    pub(crate) fn with_label(&self, name: &str, place: &EnumPlace) -> Option<EnumDefinition> {
        let at = |label: &str| self.labels.iter().position(|known| known.name == label);
        let at = match place {
            EnumPlace::Last => self.labels.len(),
            EnumPlace::Before(label) => at(label)?,
            EnumPlace::After(label) => at(label)? + 1,
        };
        let before = at.checked_sub(1).map_or(0, |before| self.labels[before].rank);
        let rank = match self.labels.get(at) {
            Some(after) => before + (after.rank - before) / 2,
            None => before.checked_add(RANK_STEP)?,
        };
        if rank == before {
            return None;
        }
        let mut more = self.clone();
        more.labels.insert(at, EnumLabel { name: name.to_owned(), rank });
        Some(more)
    }
}

/// What is done with a value of an enumeration, as an expression.
pub(crate) fn call(verb: EnumVerb, of: &Arc<EnumDefinition>, value: Expr) -> Expr {
    let call = EnumCall { verb, of: Arc::clone(of) };
    Expr::Call(Function::Enumeration(Box::new(call)), vec![value])
}

impl Catalog {
    /// The enumerations, the oldest first.
    pub fn enums(&self) -> impl ExactSizeIterator<Item = &Arc<EnumDefinition>> {
        self.enums.iter()
    }

    /// The enumeration of this name.
    pub fn enum_named(&self, name: &str) -> Option<&Arc<EnumDefinition>> {
        self.enums.iter().find(|known| known.name == name)
    }

    /// The enumeration of this id.
    pub fn enumeration(&self, id: EnumId) -> Option<&Arc<EnumDefinition>> {
        self.enums.iter().find(|known| known.id == id)
    }

    /// The columns that are of an enumeration: their tables, and their places there.
    pub fn columns_of_enum(&self, id: EnumId) -> impl Iterator<Item = (&Arc<TableDefinition>, usize)> {
        self.every_table().flat_map(move |table| {
            let is_of = move |place: &usize| {
                table.columns[*place].enumeration.as_ref().is_some_and(|known| known.id == id)
            };
            (0..table.columns.len()).filter(is_of).map(move |place| (table, place)).collect::<Vec<_>>()
        })
    }

    /// This catalog with other enumerations.
    pub(crate) fn with_enums(&self, enums: Vec<Arc<EnumDefinition>>) -> Catalog {
        Catalog { schema: SchemaId::fresh(), enums: enums.into(), ..self.clone() }
    }

    /// The tables that have a column of an enumeration, or keep an expression that computes with it.
    pub(crate) fn depending_on_enum(&self, id: EnumId) -> impl Iterator<Item = &Arc<TableDefinition>> {
        let is_of =
            move |column: &ColumnDefinition| column.enumeration.as_ref().is_some_and(|of| of.id == id);
        self.every_table().filter(move |table| {
            table.columns.iter().any(is_of) || table.kept_expressions().any(|expr| computes_with(expr, id))
        })
    }
}

impl TableDefinition {
    /// The expressions that are kept with a table: of its defaults, computed columns, checks and indexes.
    fn kept_expressions(&self) -> impl Iterator<Item = &Expr> {
        let defaults = self.columns.iter().filter_map(|column| column.default.as_ref());
        let computed = self.computed.iter().map(|computed| &computed.expr);
        let checks = self.checks.iter().map(|check| &check.condition);
        let parts = self.indexes.iter().flat_map(|index| &index.parts).filter_map(|part| match &part.expr {
            IndexExpr::Expression(expr) => Some(expr),
            IndexExpr::Column(_) => None,
        });
        let conditions = self.indexes.iter().filter_map(|index| index.condition.as_ref());
        defaults.chain(computed).chain(checks).chain(parts).chain(conditions)
    }

    /// Calls `visit` with the expressions that are kept with a table.
    /// Who changes them compiles them anew.
    fn each_kept_expression(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        self.columns.iter_mut().filter_map(|column| column.default.as_mut()).for_each(&mut *visit);
        self.computed.iter_mut().for_each(|computed| visit(&mut computed.expr));
        self.checks.iter_mut().for_each(|check| visit(&mut check.condition));
        for index in &mut self.indexes {
            index.condition.iter_mut().for_each(&mut *visit);
            for part in &mut index.parts {
                if let IndexExpr::Expression(expr) = &mut part.expr {
                    visit(expr);
                }
            }
        }
    }

    /// Puts what an enumeration has become in the place of what it was.
    pub(crate) fn redirect_enum(&mut self, to: &Arc<EnumDefinition>) {
        let columns = self.columns.iter_mut().filter_map(|column| column.enumeration.as_mut());
        columns.filter(|of| of.id == to.id).for_each(|of| of.clone_from(to));
        self.each_kept_expression(&mut |expr| redirect(expr, to));
    }
}

/// Puts what an enumeration has become in the place of what it was, in an expression.
fn redirect(expr: &mut Expr, to: &Arc<EnumDefinition>) {
    if let Expr::Call(Function::Enumeration(call), _) = expr
        && call.of.id == to.id
    {
        call.of.clone_from(to);
    }
    expr.each_child_mut(&mut |child| redirect(child, to));
}

/// Whether an expression computes with an enumeration.
fn computes_with(expr: &Expr, id: EnumId) -> bool {
    matches!(expr, Expr::Call(Function::Enumeration(call), _) if call.of.id == id)
        || expr.any_child(|child| computes_with(child, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &EnumDefinition) -> Vec<&str> {
        of.labels.iter().map(|label| label.name.as_str()).collect()
    }

    #[test]
    fn values_that_are_put_between_others_leave_their_ranks() {
        let mood = EnumDefinition::new(EnumId::new(1), "mood".into(), vec!["sad".into(), "happy".into()]);
        let more = mood.with_label("ok", &EnumPlace::After("sad".into())).unwrap();
        let more = more.with_label("dead", &EnumPlace::Before("sad".into())).unwrap();
        let more = more.with_label("great", &EnumPlace::Last).unwrap();
        assert_eq!(names(&more), ["dead", "sad", "ok", "happy", "great"]);
        assert!(more.labels.is_sorted_by(|a, b| a.rank < b.rank));
        assert_eq!((more.rank("sad"), more.rank("happy")), (mood.rank("sad"), mood.rank("happy")));
        assert_eq!(more.with_label("x", &EnumPlace::After("none".into())), None);
    }

    #[test]
    fn a_place_between_two_values_is_full_at_last() {
        let mut of = EnumDefinition::new(EnumId::new(1), "n".into(), vec!["0".into(), "z".into()]);
        let mut count = 0;
        while let Some(more) = of.with_label(&format!("a{count}"), &EnumPlace::After("0".into())) {
            (of, count) = (more, count + 1);
        }
        assert_eq!(count, 32);
        assert!(of.labels.is_sorted_by(|a, b| a.rank < b.rank));
    }
}
