//! Conditions in words, before it is known of which model they speak.

use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use nuages_storage::Value;

use crate::error::Result;
use crate::meta::ModelMeta;
use crate::node::Node;
use crate::queryset::{QuerySet, QueryState};
use crate::words::{self, Vocabulary};

/// A condition in Django's words; what its `Q` objects are. The queryset that is given it looks the names up.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] #[model(app = "shop")]
/// # pub struct Film { pub id: Auto<i64>, pub title: String, pub year: i32 }
/// # let db = App::new().models(Film::app()).open_memory()?;
/// let old = Words::new("year__lt", 1950) & !Words::new("title__startswith", "The");
/// assert_eq!(db.objects("shop.Film")?.filter(old | Words::is_in("id", [1, 2]))?.count(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a condition does nothing until it is given to `filter` or `exclude`"]
pub struct Words(Tree);

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    /// A path and perhaps a lookup, and what is compared with.
    Is(String, Value),
    /// A path, and the values it may have.
    In(String, Vec<Value>),
    /// A path, and the queryset whose only column has the values it may have.
    InQuery(String, Arc<QueryState>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

impl Words {
    /// A comparison: `("author__username__icontains", "al")`. Text is converted to the type of the column; for the
    /// lookups `in` and `range` it is a list, separated by commas.
    pub fn new(words: impl Into<String>, value: impl Into<Value>) -> Words {
        Words(Tree::Is(words.into(), value.into()))
    }

    /// Whether a value is among others.
    pub fn is_in(words: impl Into<String>, values: impl IntoIterator<Item: Into<Value>>) -> Words {
        Words(Tree::In(words.into(), values.into_iter().map(Into::into).collect()))
    }

    /// Whether a value is among the rows of a queryset of one column, or among the keys of one of instances.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] #[model(app = "shop")] pub struct Film { pub id: Auto<i64>, pub title: String }
    /// # let db = App::new().models(Film::app()).open_memory()?;
    /// let last = Film::objects().order_by(Film::id.desc()).slice(..3).values_list(Film::id);
    /// assert_eq!(db.objects("shop.Film")?.filter(Words::in_query("pk", &last))?.count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn in_query<M, R>(words: impl Into<String>, rows: &QuerySet<M, R>) -> Words {
        Words(Tree::InQuery(words.into(), Arc::new(rows.state().clone())))
    }

    /// The condition that every row meets, from which others are built up.
    pub const fn all() -> Words {
        Words(Tree::And(Vec::new()))
    }

    /// What it means for rows of a model.
    pub(crate) fn node(&self, model: &'static ModelMeta, vocabulary: &Vocabulary) -> Result<Node> {
        self.0.node(model, vocabulary)
    }
}

impl Tree {
    fn node(&self, model: &'static ModelMeta, vocabulary: &Vocabulary) -> Result<Node> {
        match self {
            Tree::Is(words, value) => words::condition(model, vocabulary, words, value.clone()),
            Tree::In(words, values) => words::among(model, vocabulary, words, values),
            Tree::InQuery(words, query) => words::in_query(model, vocabulary, words, query),
            Tree::And(parts) => {
                parts.iter().try_fold(Node::all(), |all, part| Ok(all.and(part.node(model, vocabulary)?)))
            }
            Tree::Or(parts) => {
                parts.iter().try_fold(Node::all(), |any, part| Ok(any.or(part.node(model, vocabulary)?)))
            }
            Tree::Not(part) => Ok(part.node(model, vocabulary)?.negated()),
        }
    }

    /// The parts of a conjunction, or the condition itself as its only one.
    fn and_parts(self) -> Vec<Tree> {
        match self {
            Tree::And(parts) => parts,
            other => vec![other],
        }
    }

    /// The same of a disjunction.
    fn or_parts(self) -> Vec<Tree> {
        match self {
            Tree::Or(parts) => parts,
            other => vec![other],
        }
    }
}

impl<V: Into<Value>> From<(&str, V)> for Words {
    fn from((words, value): (&str, V)) -> Words {
        Words::new(words, value)
    }
}

/// All of them, of one related row.
impl<V: Into<Value>, const COUNT: usize> From<[(&str, V); COUNT]> for Words {
    fn from(parts: [(&str, V); COUNT]) -> Words {
        Words(Tree::And(parts.into_iter().map(|part| Words::from(part).0).collect()))
    }
}

impl BitAnd for Words {
    type Output = Words;
    fn bitand(self, other: Words) -> Words {
        let mut parts = self.0.and_parts();
        parts.extend(other.0.and_parts());
        Words(Tree::And(parts))
    }
}

impl BitOr for Words {
    type Output = Words;
    fn bitor(self, other: Words) -> Words {
        let mut parts = self.0.or_parts();
        parts.extend(other.0.or_parts());
        Words(Tree::Or(parts))
    }
}

impl Not for Words {
    type Output = Words;
    fn not(self) -> Words {
        Words(Tree::Not(Box::new(self.0)))
    }
}
