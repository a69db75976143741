//! The calls that change the row: `annotate` lets it grow, `values_list` and `values` make it anew.

use std::sync::Arc;

use super::state::{Annotation, Prefetch, Shape};
use super::{QuerySet, QueryState};
use crate::error::Misuse;
use crate::expression::Term;
use crate::model::Model;
use crate::node::{FieldPath, Node, Step};
use crate::path::{Hop, Rel, Root};
use crate::prefetch::Pushed;
use crate::row::{Prefetched, Push, Row, Select, Selection, ValuesRow};

impl<M: Model, R> QuerySet<M, R> {
    /// The same state with another row.
    fn reshaped<S>(self) -> QuerySet<M, S> {
        QuerySet::from_state(self.state)
    }

    /// Adds a computed value to each row. After `values` or `values_list` an aggregate is computed over the groups
    /// of rows that agree in these.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub year: i32, pub views: i64 }
    /// let total = Post::views.sum();
    /// let by_year: QuerySet<Post, (i32, Option<i64>)> = Post::objects().values_list((Post::year,)).annotate(&total);
    /// ```
    pub fn annotate<E: Annotates<M, R>>(mut self, expression: E) -> QuerySet<M, E::Out> {
        self.state.annotate(&expression.into_node(), true);
        self.reshaped()
    }

    /// Computes a value that conditions and orders may use, and that is not in the row.
    pub fn alias<E: Term<M>>(mut self, expression: E) -> Self {
        self.state.annotate(&expression.into_node(), false);
        self
    }

    /// Reads related rows by one query for all rows together and puts them into the row, beside its annotations:
    /// Django's `Prefetch(.., to_attr=..)`. A slice of the queryset is one for each row, and the related rows may be of
    /// any type: instances with extras or with deferred fields, values, rows with prefetches of their own.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, #[related(Post::author)] pub posts: Related<Post> }
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub views: i64, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
    /// # fn main() -> nuages::Result<()> {
    /// let db = App::new().models((User::app(), Post::app())).open_memory()?;
    /// let best = Post::objects().order_by(Post::views.desc()).slice(..2);
    /// let views = Post::objects().values_list(Post::views);
    /// for user in User::objects().prefetch_to(User::posts, best).prefetch_to(User::posts, views).all(&db)? {
    ///     let (posts, views) = &user.extra;
    ///     assert!(posts.len() <= 2 && views.iter().all(|views: &i64| *views >= 0));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch_to<H: Hop, C: Model, S: Row + Clone + 'static>(
        mut self,
        relation: Rel<Root<M>, H, C>,
        rows: QuerySet<C, S>,
    ) -> QuerySet<M, R::Out>
    where
        R: Push<Prefetched<S>>,
    {
        if !matches!(self.state.clauses().shape, Shape::Instances) {
            self.state.misuse(Misuse::NotAllowed { call: "prefetch_to", after: "values" });
        }
        let queryset = Some(Arc::new(rows.into_state()));
        let pushed = Some(Pushed::of::<M, C, S>());
        let prefetch = Prefetch { path: relation.path(), queryset, pushed };
        self.state.clauses_mut().prefetch.push(prefetch);
        self.reshaped()
    }

    /// Rows of one expression (bare values, Django's `flat=True`), or of a tuple of them.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub views: i64 }
    /// let titles: QuerySet<Post, String> = Post::objects().values_list(Post::title);
    /// let pairs: QuerySet<Post, (String, i64)> = Post::objects().values_list((Post::title, Post::views));
    /// ```
    pub fn values_list<S: Select<M>>(mut self, selection: S) -> QuerySet<M, S::Out> {
        self.state.values::<M, S>(selection);
        self.reshaped()
    }

    /// Rows as maps from names to values. The names are Django's: `author__username`, `total__sum`, or as given by
    /// `named`. Of nothing, `values(())`, they are all columns of the model and the annotations.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64> }
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
    /// # let db = App::new().models((User::app(), Post::app())).open_memory()?;
    /// # let author = User::objects().create(new!(User {}), &db)?;
    /// # Post::objects().create(new!(Post { title: "Nuages", author: &author }), &db)?;
    /// let titles = Post::objects().values((Post::title, Post::author.id)).all(&db)?;
    /// assert_eq!(titles[0]["author__id"], 1.into());
    /// let everything = Post::objects().values(()).all(&db)?;
    /// assert_eq!(everything[0].keys().collect::<Vec<_>>(), ["id", "title", "author_id"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn values<S: Selection<M>>(mut self, selection: S) -> QuerySet<M, ValuesRow> {
        self.state.values::<M, S>(selection);
        self.reshaped()
    }

    /// Rows as a struct with `derive(Projection)`, one field for each expression. One with a lifetime is read where it
    /// lies: see [`hold`](QuerySet::hold).
    pub fn project<P: Projection<M>>(mut self) -> QuerySet<M, P> {
        self.state.values::<M, _>(Nodes(P::nodes()));
        self.reshaped()
    }
}

/// An expression over `M` by which rows of type `R` grow. It is a trait of the expression, and not a bound on `R`, so
/// that rustc tells at the expression why a row cannot.
pub trait Annotates<M, R>: Term<M> {
    /// The longer row.
    type Out;
}

impl<M, R: Push<E::T>, E: Term<M>> Annotates<M, R> for E {
    type Out = R::Out;
}

/// A struct that rows of `M` can be read as; implemented by `derive(Projection)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection of `{M}`",
    note = "put `#[derive(Projection)] #[projection({M})]` on the struct"
)]
pub trait Projection<M> {
    /// The expressions, in the order of the fields.
    fn nodes() -> Vec<Node>;
}

/// A field of a projection has the type of its expression.
#[diagnostic::on_unimplemented(
    message = "the field has type `{Self}`, but the expression yields `{T}`",
    label = "expected `{T}`"
)]
pub trait Is<T> {}
impl<T> Is<T> for T {}

/// The expression of a projection's field of type `F`; the derive calls it.
pub fn projected<F: Is<E::T>, M, E: Term<M>>(expression: E) -> Node {
    expression.into_node()
}

/// Expressions that are nodes already.
pub(crate) struct Nodes(pub(crate) Vec<Node>);

impl<M> Selection<M> for Nodes {
    fn collect(self, nodes: &mut Vec<Node>) {
        nodes.extend(self.0);
    }
}

impl QueryState {
    fn annotate(&mut self, node: &Node, shown: bool) {
        self.refuse_after_combination("annotate");
        if let Node::Named(name, _) = node
            && let Shape::Instances = self.clauses().shape
            && let Some(field) = self.model.fields.iter().find(|field| field.name == &**name)
        {
            self.misuse(Misuse::AnnotationClash { model: self.model.name, field: field.name });
        }
        let node = match node {
            Node::Named(name, inner) => Node::Named(name.clone(), Arc::new(self.resolve(inner))),
            other => self.resolve(other),
        };
        self.clauses_mut().annotations.push(Annotation { node, shown });
    }

    /// All columns of the model, keys by their own names, and the shown annotations: Django's `values()`.
    pub(super) fn everything(&self) -> Vec<Node> {
        let columns = self.model.columns().map(|(index, field)| {
            let mut path = FieldPath::field(index);
            if field.related_model().is_some() {
                path.push(Step::Key);
            }
            Node::Path(path)
        });
        let annotations = self.clauses().annotations.iter().enumerate();
        let shown = annotations.filter(|(_, one)| one.shown).map(|(index, _)| Node::Annotation(index));
        columns.chain(shown).collect()
    }

    fn values<M, S: Selection<M>>(&mut self, selection: S) {
        let mut nodes = Vec::new();
        selection.collect(&mut nodes);
        self.select(nodes);
    }

    /// Makes rows of these expressions; of none, of all columns and annotations.
    fn select(&mut self, mut nodes: Vec<Node>) {
        if nodes.is_empty() {
            nodes = self.everything();
        }
        let columns = nodes.iter().map(|node| self.resolve(node)).collect();
        let annotations_before = self.annotation_count();
        let clauses = self.clauses_mut();
        clauses.loading = None;
        clauses.select_related.clear();
        let shape = std::mem::replace(&mut clauses.shape, Shape::Values { columns, annotations_before });
        if let Shape::Values { columns, annotations_before } = shape {
            let mut later = clauses.annotations.iter().skip(usize::from(annotations_before));
            if later.any(|annotation| annotation.node.has_aggregate()) {
                clauses.grouping = Some(columns);
            }
        }
    }
}
