//! Edges of verbs beside each other: what Django 5.2 answers on SQLite to the same calls on the same rows.
//!
//! Keys count from one in the order in which rows are made, so `p3` has the key 3.

use std::sync::{Arc, Mutex};

use nuages::{
    error::{Error, Misuse},
    prelude::*,
    relation::SetOptions,
    signal::Many,
};

#[derive(Model, Clone, Debug)]
#[model(app = "x", ordering = [-name])]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Post::author)]
    posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "x")]
struct Tag {
    id: Auto<i64>,
    #[field(unique)]
    name: String,
    #[related(Post::tags)]
    posts: Related<Post>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "x")]
struct Mark {
    id: Auto<i64>,
    word: String,
    #[model(generic)]
    target: GenericForeignKey,
}

#[derive(Model, Clone, Debug)]
#[model(app = "x")]
struct Post {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    title: String,
    n: Option<i64>,
    day: Option<Date>,
    tags: ManyToMany<Tag>,
    #[related(Mark::target)]
    marks: Related<Mark>,
}

/// Three authors, three tags, five posts, three marks.
fn db() -> Result<Db> {
    let models = (Author::app(), Tag::app(), Mark::app(), Post::app());
    let db = App::new().models(models).open_memory()?;
    for name in ["a", "b", "c"] {
        Author::objects().create(new!(Author { name }), &db)?;
    }
    for name in ["x", "y", "z"] {
        Tag::objects().create(new!(Tag { name }), &db)?;
    }
    let day = |text: &str| Some(text.parse::<Date>().expect("a day"));
    let rows = [
        (1, "p1", Some(1), day("2024-01-05")),
        (1, "p2", None, None),
        (2, "p3", Some(3), day("2024-01-09")),
        (2, "p4", Some(2), None),
        (3, "p5", None, day("2023-02-01")),
    ];
    let rows = rows.map(|(author, title, n, day)| new!(Post { author: author, title, n, day }));
    Post::objects().bulk_create(rows, &db)?;
    post(1, &db)?.tags.set([1, 2], &db)?;
    post(2, &db)?.tags.set([1], &db)?;
    post(3, &db)?.tags.set([3], &db)?;
    for (key, word) in [(1, "m1"), (1, "m2"), (3, "m3")] {
        let post = post(key, &db)?;
        Mark::objects().create(new!(Mark { word, target: &post }), &db)?;
    }
    Ok(db)
}

fn post(key: i64, db: &Db) -> Result<Post> {
    Post::objects().get(Post::id.eq(key), db)
}

fn titles(posts: &QuerySet<Post>, db: &Db) -> Result<Vec<String>> {
    Ok(posts.all(db)?.into_iter().map(|post| post.title).collect())
}

fn numbers(db: &Db) -> Result<Vec<Option<i64>>> {
    Post::objects().order_by(Post::id).values_list(Post::n).all(db)
}

fn is_misuse<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Misuse(_)))
}

#[test]
fn a_relation_in_order_by_brings_the_order_of_its_model() -> Result<()> {
    let db = db()?;
    let posts = Post::objects();
    assert_eq!(
        titles(&posts.clone().order_by((Post::author, Post::id)), &db)?,
        ["p5", "p3", "p4", "p1", "p2"]
    );
    assert_eq!(
        titles(&posts.clone().order_by((Post::author_id, Post::id)), &db)?,
        ["p1", "p2", "p3", "p4", "p5"]
    );
    // As PostgreSQL does it: NULL comes last.
    let by_tag = posts.order_by((Post::tags.name, Post::id)).distinct();
    assert_eq!(titles(&by_tag, &db)?, ["p1", "p2", "p1", "p3", "p4", "p5"]);
    Ok(())
}

#[test]
fn aggregates_of_a_slice_see_the_slice_only() -> Result<()> {
    let db = db()?;
    let posts = || Post::objects().order_by(Post::id);
    let of_three = posts().slice(..3).aggregate((Post::n.sum(), Post::n.count(), Post::n.avg()), &db)?;
    assert_eq!(of_three, (Some(4), 2, Some(2.0)));
    assert_eq!(posts().slice(1..3).count(&db)?, 2);
    assert!(!posts().slice(9..).exists(&db)?);
    Ok(())
}

#[test]
fn dates_leave_nulls_out_and_combinations_are_sliced_as_one() -> Result<()> {
    let db = db()?;
    let months = Post::objects().dates(Post::day, DateUnit::Month).reverse().all(&db)?;
    assert_eq!(months.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2024-01-01", "2023-02-01"]);
    let many = || Post::objects().filter(Post::n.gt(1));
    let of_a = || Post::objects().filter(Post::author_id.eq(1));
    assert_eq!(titles(&many().union(of_a()).order_by(Post::title.desc()).slice(..2), &db)?, ["p4", "p3"]);
    assert_eq!(many().union_all(of_a()).slice(1..).count(&db)?, 3);
    let of_b = Post::objects().filter(Post::author_id.eq(2));
    assert_eq!(titles(&many().intersection(of_b).order_by(Post::id), &db)?, ["p3", "p4"]);
    let rest = Post::objects().difference(Post::objects().filter(Post::n.gt(0)));
    assert_eq!(titles(&rest.order_by(Post::id), &db)?, ["p2", "p5"]);
    assert!(!Post::objects().none().union(Post::objects().none()).exists(&db)?);
    assert_eq!(Post::objects().none().union(Post::objects().filter(Post::n.eq(1))).count(&db)?, 1);
    assert!(is_misuse(&many().union(of_a()).filter(Post::n.eq(1)).all(&db)));
    Ok(())
}

#[test]
fn values_before_annotate_group_and_after_it_do_not() -> Result<()> {
    let db = db()?;
    let tags = Post::tags.count();
    let each = Post::objects().annotate(&tags).order_by((Post::author_id, tags.asc(), Post::id));
    let each = each.values_list((Post::author_id, &tags)).all(&db)?;
    assert_eq!(each, [(1, 1), (1, 2), (2, 0), (2, 1), (3, 0)]);
    let grouped = Post::objects().values_list((Post::author_id,)).annotate(&tags).order_by(Post::author_id);
    assert_eq!(grouped.all(&db)?, [(1, 3), (2, 1), (3, 0)]);
    let rows = Post::id.count();
    let several = Post::objects().values_list((Post::author_id,)).annotate(&rows);
    let several = several.filter(rows.gt(1)).order_by(Post::author_id.desc()).all(&db)?;
    assert_eq!(several, [(2, 2), (1, 2)]);
    // A post with two tags counts twice beside them.
    let one_author = Post::n.count().filter(Post::author_id.eq(1));
    let huge = || Post::n.sum().filter(Post::n.gt(9));
    let all = Post::objects()
        .aggregate((Post::tags.count().distinct(), one_author, huge(), huge().default(7)), &db)?;
    assert_eq!(all, (3, 2, None, 7));
    Ok(())
}

#[test]
fn updates_take_annotations_and_joins_as_conditions_but_not_as_values() -> Result<()> {
    let tags = Post::tags.count();
    let posts = Post::objects;
    let add = |more: i64| Post::n.set(Post::n + more);
    let db = db()?;
    assert!(is_misuse(&posts().slice(..2).update(Post::n.set(1), &db)));
    assert!(is_misuse(&posts().update(Post::title.set(Post::author.name), &db)));
    assert!(is_misuse(&posts().annotate(&tags).update(Post::n.set(&tags), &db)));
    assert_eq!(posts().annotate(&tags).filter(tags.eq(2)).update(add(10), &db)?, 1);
    assert_eq!(numbers(&db)?, [Some(11), None, Some(3), Some(2), None]);
    // A row that two tags find is updated once.
    let tagged = || posts().filter(Post::tags.name.is_in(["x", "y"]));
    assert_eq!(tagged().update(add(1), &db)?, 2);
    assert_eq!(numbers(&db)?, [Some(12), None, Some(3), Some(2), None]);
    assert_eq!(tagged().distinct().update(Post::n.set(5), &db)?, 2);
    assert_eq!(
        posts().filter(Post::author.name.eq("b")).order_by(Post::id.desc()).update(Post::n.set(1), &db)?,
        2
    );
    assert_eq!(numbers(&db)?, [Some(5), Some(5), Some(1), Some(1), None]);
    Ok(())
}

#[test]
fn deletes_refuse_slices_and_values() -> Result<()> {
    let db = db()?;
    assert!(is_misuse(&Post::objects().slice(..2).delete(&db)));
    assert!(is_misuse(&Post::objects().values_list(Post::id).delete(&db)));
    assert!(is_misuse(&Post::objects().in_bulk_by(Post::title, ["p1"], &db)));
    Ok(())
}

#[test]
fn bulk_update_refuses_keys_and_unsaved_rows_and_passes_over_missing_ones() -> Result<()> {
    let db = db()?;
    let (posts, rows) = (Post::objects(), Post::objects().all(&db)?);
    assert!(matches!(posts.bulk_update(&rows, Post::id, &db), Err(Error::Misuse(Misuse::Other(_)))));
    assert!(is_misuse(&posts.bulk_update(&rows, (), &db)));
    let unsaved = new!(Post { author: 1, title: "q" });
    assert!(matches!(posts.bulk_update([&unsaved], Post::title, &db), Err(Error::Unsaved { .. })));
    assert_eq!(posts.bulk_update([&rows[3], &rows[3]], Post::title, &db)?, 1);
    let mut missing = unsaved;
    missing.id = 99.into();
    assert_eq!(posts.bulk_update([&missing], Post::title, &db)?, 0);
    Ok(())
}

#[test]
fn changes_of_pairs_say_what_changes_and_no_more() -> Result<()> {
    type Heard = (String, Option<Vec<i64>>, bool);
    let db = db()?;
    let log: Arc<Mutex<Vec<Heard>>> = Arc::default();
    let heard = Arc::clone(&log);
    let relation = Many { model: Post::meta(), field: Post::meta().field_index("tags").expect("a field") };
    let _heard = db.connect_m2m_changed(relation, move |change, _| {
        let keys = change.keys.as_ref().map(|keys| {
            let mut keys: Vec<i64> = keys.iter().filter_map(|key| key.as_int()).collect();
            keys.sort_unstable();
            keys
        });
        heard.lock().expect("no test panics here").push((change.name().to_string(), keys, change.reverse));
        Ok(())
    });
    let said = || std::mem::take(&mut *log.lock().expect("no test panics here"));
    let two = |action: &str, keys: Option<&[i64]>, reverse| {
        ["pre", "post"].map(|moment| (format!("{moment}_{action}"), keys.map(<[i64]>::to_vec), reverse))
    };
    let mut first = post(1, &db)?;
    first.tags.set([1, 2], &db)?;
    assert_eq!(said(), []);
    first.tags.add([1, 2], &db)?;
    assert_eq!(said(), two("add", Some(&[]), false));
    post(5, &db)?.tags.remove([1], &db)?;
    assert_eq!(said(), two("remove", Some(&[1]), false));
    post(5, &db)?.tags.clear(&db)?;
    assert_eq!(said(), two("clear", None, false));
    first.tags.set_with([2, 3], SetOptions { clear: true }, &db)?;
    assert_eq!(said(), [two("clear", None, false), two("add", Some(&[2, 3]), false)].concat());
    first.tags.set([3, 1], &db)?;
    assert_eq!(said(), [two("remove", Some(&[2]), false), two("add", Some(&[1]), false)].concat());
    let mut y = Tag::objects().get(Tag::name.eq("y"), &db)?;
    y.posts.add([4, 5], &db)?;
    assert_eq!(said(), two("add", Some(&[4, 5]), true));
    // A deleted row takes its pairs with it, and nobody is told.
    assert_eq!(y.delete(&db)?.total, 3);
    assert_eq!(said(), []);
    Ok(())
}

#[test]
fn generic_rows_go_with_what_they_lead_to() -> Result<()> {
    let db = db()?;
    let marked = Post::objects().filter(Post::marks.word.starts_with("m")).order_by(Post::id);
    assert_eq!(titles(&marked, &db)?, ["p1", "p1", "p3"]);
    let marks = Post::marks.count();
    let counts = Post::objects().order_by(Post::id).values_list((Post::id,)).annotate(&marks).all(&db)?;
    assert_eq!(counts, [(1, 2), (2, 0), (3, 1), (4, 0), (5, 0)]);
    assert_eq!(Post::objects().exclude(Post::marks.word.eq("zz")).count(&db)?, 5);

    let deleted = Author::objects().get(Author::name.eq("a"), &db)?.delete(&db)?;
    let of = |label: &str| {
        deleted.by_model.iter().find(|(one, _)| one.to_string() == label).map(|(_, count)| count)
    };
    assert_eq!(deleted.total, 8);
    assert_eq!(["x.Post_tags", "x.Post", "x.Mark", "x.Author"].map(of), [Some(3), Some(2), Some(2), Some(1)]);
    Ok(())
}
