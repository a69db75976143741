//! What prefetches cost: as many queries for many parents as for few, and of a slice no more rows than it yields.

use nuages_engine::explain::Explanation;
use nuages_storage::Value;

use crate::{compile::Compiler, node::FieldPath, prelude::*};

#[derive(Model, Clone, Debug)]
struct Author {
    id: Auto<i64>,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
#[model(index(author, -views))]
struct Post {
    id: Auto<i64>,
    views: i64,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    tags: ManyToMany<Tag>,
}

#[derive(Model, Clone, Debug)]
struct Tag {
    id: Auto<i64>,
    #[related(Post::tags)]
    posts: Related<Post>,
}

const POSTS: i64 = 40;

/// So many authors of 40 posts each, every one with the only tag.
fn blog(authors: i64) -> Db {
    let db = App::new().models((Author::app(), Post::app(), Tag::app())).open_memory().unwrap();
    let authors = Author::objects().bulk_create((0..authors).map(|_| new!(Author {})), &db).unwrap();
    let keys = authors.iter().map(|author| author.pk().unwrap());
    let posts = keys.flat_map(|author| (0..POSTS).map(move |views| new!(Post { views, author })));
    let posts = Post::objects().bulk_create(posts, &db).unwrap();
    let mut tag = Tag::objects().create(new!(Tag {}), &db).unwrap();
    tag.posts.add(&posts, &db).unwrap();
    db
}

fn statements<R: crate::row::Row>(authors: &QuerySet<Author, R>, db: &Db) -> usize {
    let watch = db.capture();
    authors.all(db).unwrap();
    watch.len()
}

#[test]
fn a_thousand_parents_cost_as_many_queries_as_ten() {
    let (few, many) = (blog(10), blog(1_000));
    let best = || Post::objects().order_by(Post::views.desc()).slice(..2).prefetch_related(Post::tags);
    let kept = Author::objects().prefetch_related(Author::posts.tags);
    let sliced = Author::objects().prefetch_with(Author::posts, best());
    let pushed = Author::objects().prefetch_to(Author::posts, best());
    let partial = Author::objects().only(Author::id).prefetch_to(Author::posts, best().only(Post::views));
    for (db, name) in [(&few, "few"), (&many, "many")] {
        assert_eq!(statements(&kept, db), 3, "{name}");
        assert_eq!(statements(&sliced, db), 3, "{name}");
        assert_eq!(statements(&pushed, db), 3, "{name}");
        assert_eq!(statements(&partial, db), 3, "{name}");
    }
}

#[test]
fn the_rows_of_most_parents_are_asked_for_without_a_list_and_those_of_others_left_out() {
    let db = blog(5);
    let asked = |authors: QuerySet<Author>| {
        let watch = db.capture();
        for author in authors.prefetch_related(Author::posts).order_by(Author::id.desc()).all(&db).unwrap() {
            let posts = author.posts.loaded().unwrap();
            assert_eq!(posts.len(), POSTS as usize);
            let ordered = posts.is_sorted_by_key(|post| post.id.get().copied());
            assert!(ordered && posts.iter().all(|post| post.author.key() == author.pk().as_ref()));
            assert_eq!(posts[0].author.loaded().unwrap().id, author.id);
        }
        watch.statements()[1].sql()
    };
    for (authors, has_list) in [
        (Author::objects(), false),
        (Author::objects().filter(Author::id.gt(2)), false),
        (Author::objects().filter(Author::id.is_in([1, 3, 5])), false),
        (Author::objects().filter(Author::id.gt(3)), true),
    ] {
        let sql = asked(authors);
        assert_eq!(sql.contains("WHERE"), has_list, "{sql}");
    }
    // A condition may have a better path of its own together with the keys, and a tag's posts are found by pairs.
    let watch = db.capture();
    let some = Post::objects().filter(Post::views.lt(3));
    let found = Author::objects().prefetch_with(Author::posts, some).all(&db).unwrap();
    assert!(found.iter().all(|author| author.posts.loaded().unwrap().len() == 3));
    Tag::objects().prefetch_related(Tag::posts).all(&db).unwrap();
    assert!([1, 3].iter().all(|place| watch.statements()[*place].sql().contains("WHERE")));
}

/// How many rows the scans of a plan yielded.
fn scanned(plan: &Explanation) -> u64 {
    match &plan.inputs[..] {
        [] => plan.measured.map_or(0, |measured| measured.rows),
        inputs => inputs.iter().map(scanned).sum(),
    }
}

#[test]
fn a_slice_for_each_parent_reads_no_more_rows_than_it_yields() {
    let db = blog(200);
    let best = Post::objects().order_by(Post::views.desc()).slice(1..3);
    let back = FieldPath::field(Post::meta().field_index("author").unwrap());
    for parents in [10, 100] {
        let keys: Vec<Value> = (1..=parents).map(Value::Int).collect();
        let query =
            Compiler::new(&db).related(best.state(), Author::meta(), &back, keys.into_iter()).unwrap().query;
        let plan = db.session().unwrap().explain_analyze(&query, &[]).unwrap();
        let read = scanned(&plan);
        // The parent itself, and as many of its posts as lie before the end of the slice.
        assert!(read <= parents as u64 * (1 + 3), "{read} rows for {parents} parents\n{plan}");
        let yielded = plan.measured.map(|measured| measured.rows);
        assert_eq!(yielded, Some(parents as u64 * 2));
    }
}

#[test]
fn a_slice_of_pairs_is_one_for_each_parent_and_keeps_its_order() {
    let db = blog(3);
    let best = Post::objects().order_by((Post::views.desc(), Post::id)).slice(..4);
    let tag = Tag::objects().prefetch_with(Tag::posts, best).get(Tag::id.eq(1), &db).unwrap();
    let views: Vec<i64> = tag.posts.loaded().unwrap().iter().map(|post| post.views).collect();
    assert_eq!(views, [39, 39, 39, 38]);
    let fewest = Post::objects().order_by(Post::views).slice(..1).values_list((Post::author_id, Post::views));
    let authors = Author::objects().prefetch_to(Author::posts, fewest).order_by(Author::id.desc());
    let found: Vec<_> = authors.all(&db).unwrap().iter().map(|author| author.extra.0.to_vec()).collect();
    assert_eq!(found, [vec![(3, 0)], vec![(2, 0)], vec![(1, 0)]]);
}

#[test]
fn rows_of_any_type_are_pushed_and_know_their_parent_where_they_can() {
    let db = blog(2);
    let n = Post::tags.count();
    let counted = Post::objects().annotate(&n).filter(Post::views.lt(2)).order_by(Post::views);
    let twice = Author::objects().filter(Author::posts.views.lt(2)).order_by(Author::id);
    let authors = twice
        .prefetch_to(Author::posts, counted)
        .prefetch_to(Author::posts, Post::objects().filter(Post::views.eq(7)).values((Post::views,)));
    let watch = db.capture();
    for author in authors.all(&db).unwrap() {
        let (counted, values) = &author.extra;
        assert_eq!(
            counted.iter().map(|post| (post.views, post.extra.0)).collect::<Vec<_>>(),
            [(0, 1), (1, 1)]
        );
        assert_eq!(counted[0].author.get(&db).unwrap().id, author.id);
        assert_eq!(values[0]["views"], Value::Int(7));
    }
    assert_eq!(watch.len(), 3);
}

#[test]
fn a_slice_of_what_a_key_leads_to_is_refused() {
    let db = blog(1);
    let sliced = Post::objects().prefetch_with(Post::author, Author::objects().slice(..1));
    assert!(matches!(sliced.all(&db), Err(Error::Misuse(_))));
    let sliced = Post::objects().prefetch_to(Post::author, Author::objects().slice(..1));
    assert!(matches!(sliced.all(&db), Err(Error::Misuse(_))));
    let pushed = Post::objects().prefetch_to(Post::author, Author::objects().values_list(Author::pk));
    assert_eq!(pushed.all(&db).unwrap()[0].extra.0.len(), 1);
}
