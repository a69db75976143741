use nuages_engine::algebra::DatePart;
use nuages_storage::Value;

use super::blog::{Category, Post, Tag, User};
use crate::error::{Error, Misuse};
use crate::meta::ModelMeta;
use crate::node::{FieldPath, Lookup, Node, Operator};
use crate::prelude::*;
use crate::queryset::state::{Distinct, Ordering, Shape};

/// A path by names.
fn path(model: &'static ModelMeta, names: &str) -> Node {
    let mut path = FieldPath::new();
    let mut model = Some(model);
    for name in names.split('.') {
        let from = model.unwrap();
        let index = from.field_index(name).unwrap();
        path.push(crate::node::Step::Field(index));
        model = from.fields[usize::from(index)].related_model();
    }
    Node::Path(path)
}

fn lookup(lookup: Lookup, names: &str, value: impl Into<Value>) -> Node {
    Node::lookup(lookup, path(Post::meta(), names), Node::Value(value.into()))
}

#[test]
fn lookups_are_nodes_over_paths() {
    assert_eq!(*Post::title.eq("x").node(), lookup(Lookup::Exact, "title", "x"));
    assert_eq!(*Post::view_count.gte(100).node(), lookup(Lookup::Gte, "view_count", 100));
    assert_eq!(
        *Post::author.username.icontains("al").node(),
        lookup(Lookup::IContains, "author.username", "al")
    );
    assert_eq!(*Post::category.name.eq(None).node(), lookup(Lookup::Exact, "category.name", Value::Null));
    assert_eq!(*Post::published.is_null(true).node(), lookup(Lookup::IsNull, "published", true));
    let year = Node::call(Operator::Extract(DatePart::Year), [path(Post::meta(), "created_at")]);
    assert_eq!(
        *Post::created_at.year.lt(2020).node(),
        Node::lookup(Lookup::Lt, year, Node::Value(Value::Int(2020)))
    );
    assert_eq!(
        *User::posts.title.eq("t").node(),
        Node::lookup(Lookup::Exact, path(User::meta(), "posts.title"), Node::Value("t".into()))
    );
}

#[test]
fn a_token_costs_nothing() {
    assert_eq!(size_of_val(&Post::author), 0);
    assert_eq!(size_of_val(&Post::author.username), 0);
}

#[test]
fn a_key_is_compared_with_an_instance_a_key_or_a_value() {
    let mut alice = new!(User { username: "alice" });
    assert_eq!(
        *Post::author.eq(&alice).node(),
        Node::lookup(
            Lookup::Exact,
            path(Post::meta(), "author"),
            Node::misuse(Error::Unsaved { model: "User", wanted: "a comparison" })
        )
    );
    alice.id = 7.into();
    let seven = lookup(Lookup::Exact, "author", 7);
    assert_eq!(*Post::author.eq(&alice).node(), seven);
    assert_eq!(*Post::author.eq(7).node(), seven);
    assert_eq!(*Post::author.eq(alice.id).node(), seven);
    let Node::Path(mut bare) = path(Post::meta(), "author") else { unreachable!("a path") };
    bare.push(crate::node::Step::Key);
    let bare = Node::lookup(Lookup::Exact, Node::Path(bare), Node::Value(Value::Int(7)));
    assert_eq!(*Post::author_id.eq(7).node(), bare);
    assert_eq!(*Post::author.eq(ForeignKey::from(&alice)).node(), seven);
    assert_eq!(*Post::category.eq(None).node(), lookup(Lookup::Exact, "category", Value::Null));
}

#[test]
fn q_speaks_as_django_does() {
    let q = q!(Post, author__username = "alice", view_count__gte = 100, created_at__year = 2024);
    // Sorted by the names.
    let typed =
        Post::author.username.eq("alice") & Post::created_at.year.eq(2024) & Post::view_count.gte(100);
    assert_eq!(q.node(), typed.node());
    assert_eq!(q!(Post, title__istartswith = "x").node(), Post::title.istarts_with("x").node());
    assert_eq!(q!(Post, id__in = [1, 5]).node(), Post::id.is_in([1, 5]).node());
    assert_eq!(q!(Post, view_count__range = (10, 100)).node(), Post::view_count.range(10, 100).node());
    assert_eq!(q!(Post, category__isnull = true).node(), Post::category.is_null(true).node());
    assert!(q!(Post).node().is_all());
}

#[test]
fn conditions_are_joined_flat() {
    let three = Post::id.eq(1) & Post::id.eq(2) & Post::id.eq(3);
    let Node::Call(Operator::And, operands) = three.node() else { panic!("not a conjunction") };
    assert_eq!(operands.len(), 3);
    let mut built = Q::<Post>::all();
    built &= Post::id.eq(1);
    assert_eq!(built.node(), Post::id.eq(1).node());
    built |= !Post::id.eq(2);
    assert!(matches!(built.node(), Node::Call(Operator::Or, operands) if operands.len() == 2));
}

#[test]
fn expressions_have_the_types_of_a_table() {
    let _: Expr<Post, i64> = Post::view_count + 1;
    let _: Expr<Post, Decimal> = Post::price * Post::view_count;
    let _: Expr<Post, f64> = Post::price * 1.5;
    let _: Expr<Post, Duration> = Post::updated_at - Post::created_at;
    let _: Expr<Post, Option<Duration>> = Post::updated_at - Post::published;
    let _: Expr<Post, i64> = Post::title.length();
    let _: Expr<Post, Option<String>> = Post::category.name.lower();
    let _: Expr<Post, String> = Post::category.name.coalesce("none");
    let _: Expr<Post, String> = concat((Post::title, " by ", Post::author.username));
    let _: Aggregate<User, Option<i64>> = User::posts.view_count.sum();
    let _: Aggregate<User, i64> =
        User::posts.view_count.sum().filter(User::posts.is_active.eq(true)).default(0);
    let _: Aggregate<User, Option<DateTime>> = User::posts.created_at.max();
    let _: Expr<Post, String> =
        when(Post::view_count.gte(10_000), "viral").when(Post::view_count.gte(10), "some").otherwise("new");
    let _: Q<Post> = (Post::view_count + 1).gt(Post::id);
}

#[test]
fn rows_have_the_types_of_what_is_selected() {
    let _: QuerySet<Post, String> = Post::objects().values_list(Post::title);
    let _: QuerySet<Post, (String, Option<String>, Option<i64>)> =
        Post::objects().values_list((Post::title, Post::category.name, Post::category));
    let _: QuerySet<Post, (Option<i32>, i32)> =
        Post::objects().values_list((Post::published.year, Post::created_at.year));
    let n = User::posts.count();
    let _: QuerySet<User, Annotated<User, (i64, Option<u32>)>> = User::objects()
        .annotate(&n)
        .annotate(User::posts.view_count.max())
        .filter(n.gt(3))
        .order_by(n.desc());
    let _: QuerySet<Post, (i32, i64)> =
        Post::objects().values_list((Post::created_at.year,)).annotate(count());
    let titles = Post::objects().values_list((Post::title,));
    let _: QuerySet<Post, (String,)> = titles.union(User::objects().values_list((User::username,)));
}

#[test]
fn an_equal_subtree_is_the_annotation() {
    let n = User::posts.count();
    let users =
        User::objects().annotate(&n).annotate(&n * 2).filter(n.gt(3)).order_by((n.desc(), User::username));
    let clauses = users.state().clauses();
    assert_eq!(clauses.annotations.len(), 2);
    let two = Node::Value(Value::Int(2));
    let times = Operator::Arithmetic(nuages_engine::algebra::Arithmetic::Multiply);
    assert_eq!(clauses.annotations[1].node, Node::call(times, [Node::Annotation(0), two]));
    let condition = &users.state().conditions[0];
    assert_eq!(condition.node, Node::lookup(Lookup::Gt, Node::Annotation(0), Node::Value(Value::Int(3))));
    assert_eq!(condition.annotations_before, 2);
    let Ordering::By(keys) = &clauses.ordering else { panic!("no order") };
    assert_eq!((&keys[0].node, keys[0].descending, keys[1].descending), (&Node::Annotation(0), true, false));
}

#[test]
fn a_plain_queryset_keeps_conditions_only() {
    let posts = Post::objects().filter(Post::id.eq(7));
    assert!(posts.state().is_plain());
    assert_eq!(posts.state().conditions.len(), 1);
}

#[test]
fn the_first_misuse_is_kept() {
    let posts = Post::objects().slice(..3).filter(Post::id.eq(1)).distinct();
    let misuse = Misuse::NotAllowed { call: "filter", after: "a slice" };
    assert_eq!(posts.state().clauses().misuse, Some(Box::new(misuse.into())));
    let page = Post::objects().slice(10..).slice(5..8);
    assert_eq!((page.state().clauses().slice.offset, page.state().clauses().slice.count), (15, Some(3)));
}

#[test]
fn builders_fill_the_state() {
    let posts = Post::objects()
        .select_related((Post::author, Post::category))
        .prefetch_related(Post::tags)
        .distinct()
        .exclude(Post::tags.slug.eq("x"));
    let clauses = posts.state().clauses();
    assert_eq!((clauses.select_related.len(), clauses.prefetch.len()), (2, 1));
    assert_eq!(clauses.distinct, Distinct::Rows);
    assert!(posts.state().conditions[0].exclude);
    let names = Tag::objects().values((Tag::slug, Tag::posts.count().named("n")));
    assert!(matches!(&names.state().clauses().shape, Shape::Values { columns, .. } if columns.len() == 2));
    let _ = Category::objects().filter(Category::id.is_in(Post::objects().values_list(Post::category)));
    let _ = Post::objects().filter(Post::author.is_in(User::objects()));
    let latest = Post::objects().filter(Post::author.eq(outer(User::pk))).values_list(Post::title).slice(..1);
    let _: QuerySet<User, Annotated<User, (Option<String>,)>> = User::objects().annotate(subquery(&latest));
    let _ = User::objects().filter(exists(&Post::objects().filter(Post::author.eq(outer(User::pk)))));
}
