//! A queryset as people read it: the calls it was made by, in Django's words.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub name: String }
//! # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub views: i64, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
//! let posts = Post::objects()
//!     .filter(Post::author.name.eq("Django") & Post::views.gt(3))
//!     .exclude(Post::title.icontains("draft"))
//!     .order_by(Post::views.desc())
//!     .slice(..10);
//! assert_eq!(
//!     format!("{posts:?}"),
//!     "Post.filter(author__name = 'Django' & views__gt = 3).exclude(title__icontains = 'draft').order_by(-views)[0..10]"
//! );
//! ```
//!
//! What a database would be asked is [`sql`](super::QuerySet::sql), which needs the database.

use std::fmt;

use nuages_engine::sql::literal;

use super::{
    names::path_name,
    state::{Condition, Distinct, OrderNode, Ordering, QueryState, Shape},
};
use crate::{
    node::{Lookup, Node, Operator},
    words::lookup_name,
};

impl fmt::Debug for QueryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clauses = self.clauses();
        f.write_str(self.model.name)?;
        if clauses.empty {
            f.write_str(".none()")?;
        }
        for Condition { node, exclude, .. } in &self.conditions {
            write!(f, ".{}({})", if *exclude { "exclude" } else { "filter" }, self.in_words(node))?;
        }
        for annotation in &clauses.annotations {
            let call = if annotation.shown { "annotate" } else { "alias" };
            match annotation.node.name() {
                Some(name) => write!(f, ".{call}({name} = {})", self.in_words(annotation.node.unnamed()))?,
                None => write!(f, ".{call}({})", self.in_words(&annotation.node))?,
            }
        }
        if let Shape::Values { columns, .. } = &clauses.shape {
            write!(f, ".values({})", self.list(columns))?;
        }
        if let Ordering::By(keys) = &clauses.ordering {
            let keys: Vec<String> = keys.iter().map(|key| self.key_in_words(key)).collect();
            write!(f, ".order_by({})", keys.join(", "))?;
        }
        if clauses.reversed {
            f.write_str(".reverse()")?;
        }
        match &clauses.distinct {
            Distinct::No => {}
            Distinct::Rows => f.write_str(".distinct()")?,
            Distinct::On(columns) => write!(f, ".distinct({})", self.list(columns))?,
        }
        for combination in &clauses.combined {
            let call = match combination.kind {
                nuages_engine::algebra::SetKind::Union => "union",
                nuages_engine::algebra::SetKind::Intersect => "intersection",
                nuages_engine::algebra::SetKind::Except => "difference",
            };
            write!(f, ".{call}({:?})", combination.other)?;
        }
        for path in &clauses.select_related {
            write!(f, ".select_related({})", path_name(self.model, path))?;
        }
        for prefetch in &clauses.prefetch {
            write!(f, ".prefetch_related({}", path_name(self.model, &prefetch.path))?;
            if let Some(queryset) = &prefetch.queryset {
                write!(f, ", {queryset:?}")?;
            }
            f.write_str(")")?;
        }
        if clauses.lock.is_some() {
            f.write_str(".select_for_update()")?;
        }
        let slice = clauses.slice;
        match slice.count {
            _ if slice.is_all() => Ok(()),
            Some(count) => write!(f, "[{}..{}]", slice.offset, slice.offset.saturating_add(count)),
            None => write!(f, "[{}..]", slice.offset),
        }
    }
}

impl QueryState {
    fn list(&self, nodes: &[Node]) -> String {
        nodes.iter().map(|node| self.in_words(node)).collect::<Vec<_>>().join(", ")
    }

    fn key_in_words(&self, key: &OrderNode) -> String {
        let sign = if key.descending { "-" } else { "" };
        let nulls = match key.nulls_first {
            None => "",
            Some(true) => " nulls first",
            Some(false) => " nulls last",
        };
        format!("{sign}{}{nulls}", self.in_words(&key.node))
    }

    /// An expression as in the words of `filter(title__icontains = 'nua')`.
    fn in_words(&self, node: &Node) -> String {
        match node {
            Node::Value(value) => literal(value),
            Node::Parameter(index, _) => format!("${}", index + 1),
            Node::Call(Operator::And, operands) => self.joined(operands, " & "),
            Node::Call(Operator::Or, operands) => self.joined(operands, " | "),
            Node::Call(Operator::Not, operands) => format!("!({})", self.list(operands)),
            Node::Call(Operator::Lookup(lookup), operands) => self.lookup_in_words(*lookup, operands),
            Node::Call(Operator::Function(function), operands) => {
                format!("{}({})", function.name(), self.list(operands))
            }
            Node::Call(Operator::Negate, operands) => format!("-{}", self.list(operands)),
            Node::Aggregate(aggregate) => {
                let of = aggregate.argument.as_ref().map_or("*".to_owned(), |of| self.in_words(of));
                let name = super::names::function_name(aggregate.function);
                let distinct = if aggregate.distinct { "distinct " } else { "" };
                match &aggregate.filter {
                    Some(filter) => format!("{name}({distinct}{of}, filter = {})", self.in_words(filter)),
                    None => format!("{name}({distinct}{of})"),
                }
            }
            Node::Case(case) => {
                let branches = case.branches.iter();
                let when = branches.map(|(when, then)| {
                    format!("when({}, then = {})", self.in_words(when), self.in_words(then))
                });
                let default = case.otherwise.iter().map(|node| format!("default = {}", self.in_words(node)));
                format!("case({})", when.chain(default).collect::<Vec<_>>().join(", "))
            }
            Node::Outer { model, node } => format!("outer({})", QueryState::new(model).in_words(node)),
            Node::Subquery(queryset) => format!("subquery({queryset:?})"),
            Node::Exists(queryset) => format!("exists({queryset:?})"),
            Node::Misuse(misuse) => misuse.to_string(),
            other => self.words_of(other),
        }
    }

    /// Operands with a word between them; junctions among them in parentheses.
    fn joined(&self, operands: &[Node], word: &str) -> String {
        let operand = |operand: &Node| match operand {
            Node::Call(Operator::And | Operator::Or, _) => format!("({})", self.in_words(operand)),
            other => self.in_words(other),
        };
        operands.iter().map(operand).collect::<Vec<_>>().join(word)
    }

    fn lookup_in_words(&self, lookup: Lookup, operands: &[Node]) -> String {
        let Some((left, right)) = operands.split_first() else { return String::new() };
        let left = self.in_words(left);
        let left = if left.contains(' ') { format!("({left})") } else { left };
        let right = match (lookup, right) {
            (Lookup::In, [Node::Subquery(queryset)]) => format!("{queryset:?}"),
            (Lookup::In, values) => format!("[{}]", self.list(values)),
            (Lookup::Range, values) => format!("({})", self.list(values)),
            (_, values) => self.list(values),
        };
        match lookup {
            Lookup::Exact => format!("{left} = {right}"),
            lookup => format!("{left}__{} = {right}", lookup_name(lookup)),
        }
    }
}
