//! What querysets do over relations: prefetches, empty querysets, NULLs, changes of pairs, deep deletions.

use std::sync::atomic::{AtomicUsize, Ordering as Memory};

use nuages_storage::Value;

use crate::{prelude::*, signal::ManyToManyAction};

#[derive(Model, Clone, Debug)]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
struct Tag {
    id: Auto<i64>,
    name: String,
    #[related(Post::tags)]
    posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
struct Post {
    id: Auto<i64>,
    title: String,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    sale: Option<i64>,
    #[field(on_delete = SetNull)]
    main: Option<ForeignKey<Tag>>,
    tags: ManyToMany<Tag>,
}

#[derive(Model, Clone, Debug)]
struct Tree {
    id: i64,
    #[field(on_delete = Cascade)]
    parent: Option<ForeignKey<Tree>>,
}

fn app() -> App {
    App::new().models((Author::app(), Tag::app(), Post::app(), Tree::app()))
}

/// Two posts of Ann, one of Bob; both tags on the first two posts.
fn fill(db: &Db) {
    let tags = ["go", "rust"].map(|name| Tag::objects().create(new!(Tag { name: name }), db).unwrap());
    let authors =
        ["Ann", "Bob"].map(|name| Author::objects().create(new!(Author { name: name }), db).unwrap());
    for (title, author, main) in [("a", 0, Some(0)), ("b", 0, None), ("c", 1, None)] {
        let post = new!(Post {
            title: title,
            author: &authors[author],
            sale: main.map(|at: i64| at + 3),
            main: main.map(|at: i64| (&tags[at as usize]).into())
        });
        let mut post = Post::objects().create(post, db).unwrap();
        if author == 0 {
            post.tags.add(&tags.to_vec(), db).unwrap();
        }
    }
}

fn blog() -> Db {
    let db = app().open_memory().unwrap();
    fill(&db);
    db
}

fn titles(posts: &[Post]) -> Vec<&str> {
    posts.iter().map(|post| post.title.as_str()).collect()
}

#[test]
fn each_copy_of_a_row_gets_what_was_prefetched() {
    let db = blog();
    let posts = Post::objects().order_by(Post::id).prefetch_related(Post::tags.posts).all(&db).unwrap();
    for tag in posts[..2].iter().flat_map(|post| post.tags.loaded().unwrap()) {
        assert_eq!(tag.posts.loaded().unwrap().len(), 2, "{}", tag.name);
    }
    let twice = Post::objects().filter(Post::tags.id.gt(0)).order_by(Post::id).prefetch_related(Post::tags);
    let counts: Vec<usize> =
        twice.all(&db).unwrap().iter().map(|post| post.tags.loaded().unwrap().len()).collect();
    assert_eq!(counts, [2, 2, 2, 2]);
    let joined = Post::objects()
        .select_related(Post::author)
        .prefetch_related(Post::author.posts)
        .order_by(Post::id)
        .all(&db)
        .unwrap();
    let of_authors: Vec<_> = joined
        .iter()
        .map(|post| titles(post.author.loaded().unwrap().posts.loaded().unwrap()).len())
        .collect();
    assert_eq!(of_authors, [2, 2, 1]);
}

#[test]
fn a_sliced_prefetch_is_cut_once_for_each_row() {
    let db = blog();
    let second = Post::objects().order_by(Post::id).slice(1..2);
    let authors = Author::objects()
        .filter(Author::posts.id.gt(0))
        .order_by(Author::id)
        .prefetch_with(Author::posts, second)
        .all(&db)
        .unwrap();
    let found: Vec<_> = authors.iter().map(|author| titles(author.posts.loaded().unwrap())).collect();
    assert_eq!(found, [vec!["b"], vec!["b"], vec![]]);
}

#[test]
fn none_stays_empty_wherever_it_stands() {
    let db = blog();
    assert_eq!(Post::objects().none().aggregate(Post::id.count(), &db).unwrap(), 0);
    let first = Post::objects().filter(Post::id.eq(1));
    assert_eq!(first.clone().union(Post::objects().none()).all(&db).unwrap().len(), 1);
    assert_eq!(Post::objects().none().union(first.clone()).all(&db).unwrap().len(), 1);
    let mut seen = 0;
    let count = |_| {
        seen += 1;
        Ok(())
    };
    Post::objects().none().union(first).each(&db, count).unwrap();
    assert_eq!(seen, 1);
    let post = Post::objects().prefetch_with(Post::tags, Tag::objects().none()).first(&db).unwrap().unwrap();
    assert_eq!(post.tags.loaded().unwrap().len(), 0);
}

#[test]
fn a_function_that_takes_null_keeps_rows_without_a_value() {
    let db = blog();
    let kept = Post::objects().filter(Post::main.name.coalesce("none").eq("none"));
    assert_eq!(kept.count(&db).unwrap(), 2);
    let kept = Post::objects().exclude(Post::sale.coalesce(0).eq(0));
    assert_eq!(titles(&kept.all(&db).unwrap()), ["a"]);
    assert_eq!(Post::objects().exclude(Post::sale.eq(3)).count(&db).unwrap(), 2);
}

#[test]
fn an_outer_row_is_the_same_inside_an_exclusion() {
    let db = blog();
    // Of each author, whether there is another post of a tag that is not named as the author: all of them.
    let other = Author::objects().exclude(Author::posts.title.eq(outer(Author::name)));
    let names = Author::objects().filter(exists(&other)).update(Author::name.set("a"), &db).unwrap();
    assert_eq!(names, 2);
    // Ann, now `a`, has a post `a`; so for either author, named `a`, only Bob is left.
    let other =
        Author::objects().exclude(Author::posts.title.eq(outer(Author::name))).filter(Author::id.eq(2));
    assert_eq!(Author::objects().filter(exists(&other)).count(&db).unwrap(), 2);
    Author::objects().filter(Author::id.eq(1)).update(Author::name.set("c"), &db).unwrap();
    // To Ann, named `c`, Bob with his post `c` is excluded; to Bob, named `a`, he is not.
    let found = Author::objects().filter(exists(&other)).values_list(Author::id).all(&db).unwrap();
    assert_eq!(found, [2]);
}

#[test]
fn an_update_through_a_join_writes_annotations_of_its_own_row() {
    let db = blog();
    let more = Post::sale.coalesce(0) + Post::id;
    let of_ann = Post::objects().annotate(&more).filter(Post::author.name.eq("Ann"));
    assert_eq!(of_ann.update(Post::sale.set(&more), &db).unwrap(), 2);
    let sales = Post::objects().order_by(Post::id).values_list(Post::sale).all(&db).unwrap();
    assert_eq!(sales, [Some(4), Some(2), None]);
}

#[test]
fn a_relative_that_is_read_is_told_as_new() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let app = app().post_init(|_: &mut Tag| {
        SEEN.fetch_add(1, Memory::Relaxed);
    });
    let db = app.open_memory().unwrap();
    fill(&db);
    SEEN.store(0, Memory::Relaxed);
    let post = Post::objects().prefetch_related(Post::tags).get(Post::id.eq(1), &db).unwrap();
    assert_eq!(SEEN.load(Memory::Relaxed), 2);
    post.main.get(&db).unwrap();
    assert_eq!(SEEN.load(Memory::Relaxed), 3);
}

#[test]
fn pairs_change_as_a_whole() {
    // The receiver refuses the third tag, after the pairs with the others were removed.
    let app = app().m2m_changed(Post::tags, |change, _| {
        let refused = change.action == ManyToManyAction::Add && change.keys == Some(vec![Value::Int(3)]);
        if refused { Err(Error::Doomed) } else { Ok(()) }
    });
    let db = app.open_memory().unwrap();
    fill(&db);
    let new = Tag::objects().create(new!(Tag { name: "c" }), &db).unwrap();
    let mut post = Post::objects().get(Post::id.eq(1), &db).unwrap();
    assert!(post.tags.set(&new, &db).is_err());
    assert_eq!(post.tags.count(&db).unwrap(), 2);
}

#[test]
fn a_bulk_update_refuses_an_unsaved_relative() {
    let db = blog();
    let mut post = Post::objects().get(Post::id.eq(1), &db).unwrap();
    post.main = Some((&new!(Tag { name: "new" })).into());
    let result = Post::objects().bulk_update([&post], (Post::main,), &db);
    assert!(matches!(result, Err(Error::Unsaved { .. })), "{result:?}");
    assert_eq!(Post::objects().filter(Post::main.is_null(true)).count(&db).unwrap(), 2);
}

#[test]
fn a_deep_tree_is_deleted_without_recursion() {
    let delete = || {
        let db = app().pre_delete(|_: &mut Tree, _, _| Ok(())).open_memory().unwrap();
        let tree = |id: i64| Tree { id, parent: (id > 0).then(|| ForeignKey::to_key(id - 1)) };
        Tree::objects().bulk_create((0..3_000).map(tree), &db).unwrap();
        Tree::objects().filter(Tree::id.eq(0)).delete(&db).unwrap().total
    };
    let small = std::thread::Builder::new().stack_size(1 << 20);
    assert_eq!(small.spawn(delete).unwrap().join().unwrap(), 3_000);
}

#[test]
fn a_sliced_queryset_enters_a_union_with_its_slice() {
    let db = blog();
    let last = Post::objects().filter(Post::title.eq("c"));
    let both = Post::objects().order_by(Post::id.desc()).filter(Post::title.lt("c")).slice(..1).union(last);
    let mut found = both.values_list(Post::title).all(&db).unwrap();
    found.sort();
    assert_eq!(found, ["b", "c"]);
}

#[test]
fn what_a_union_cannot_do_is_refused() {
    let db = blog();
    let both = Post::objects().filter(Post::id.eq(1)).union(Post::objects().filter(Post::id.eq(2)));
    let post = Post::objects().get(Post::id.eq(2), &db).unwrap();
    assert!(both.contains(&post, &db).is_err());
    assert!(both.in_bulk([2], &db).is_err());
    assert!(both.clone().annotate(Post::id + 1).all(&db).is_err());
    assert!(both.distinct().all(&db).is_err());
}

#[test]
fn a_pair_that_another_thread_adds_just_now_is_no_error() {
    let db = app().open_memory().unwrap();
    fill(&db);
    let mut post = Post::objects().get(Post::title.eq("c"), &db).unwrap();
    let mut same = post.clone();
    let tag = Tag::objects().get(Tag::name.eq("go"), &db).unwrap();
    std::thread::scope(|threads| {
        let mut other = None;
        let added = db.atomic(|tx| {
            post.tags.add(&tag, tx)?;
            other = Some(threads.spawn(|| same.tags.add(&tag, &db)));
            while db.engine().waiting() == 0 {
                std::thread::yield_now();
            }
            Ok(())
        });
        added.unwrap();
        other.unwrap().join().unwrap().unwrap();
    });
    assert_eq!(post.tags.count(&db).unwrap(), 1);
}

#[test]
fn pairs_that_threads_add_and_take_away_at_once_lock_nobody_out() {
    let db = app().open_memory().unwrap();
    fill(&db);
    let post = Post::objects().get(Post::title.eq("c"), &db).unwrap();
    let tags = Tag::objects().all(&db).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..6 {
            let (db, tags, mut post) = (&db, &tags, post.clone());
            threads.spawn(move || {
                for round in 0..40 {
                    post.tags.add(tags, db).unwrap();
                    post.tags.remove(&tags[round % tags.len()], db).unwrap();
                }
            });
        }
    });
    assert!(post.tags.count(&db).unwrap() <= tags.len() as u64);
}
