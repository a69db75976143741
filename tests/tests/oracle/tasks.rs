//! Verbs for tasks, on two runtimes. Django's answers.

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt};
use nuages::{error::Error, prelude::*};
use nuages_tests::{
    chinook::Artist,
    data,
    lab::{Course, Post, Tag, User},
    oracle,
};
use serde_json::{Value as Json, json};

fn on_tokio<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime of one thread can be made").block_on(task)
}

/// What Django has with an `a` before it; each is called below or in the tests of the ORM.
async fn twins(db: &Db) -> Result<Json> {
    let rows = Tag::objects().order_by(Tag::id);
    let mut called = Vec::new();
    let mut call = |name: &'static str| called.push(name);
    rows.aaggregate(Tag::id.count(), db).await?;
    call("aaggregate");
    let two = rows
        .abulk_create([new!(Tag { name: "p", slug: "p" }), new!(Tag { name: "q", slug: "q" })], db)
        .await?;
    call("abulk_create");
    assert_eq!(rows.abulk_update(&two, Tag::name, db).await?, 2);
    call("abulk_update");
    assert!(rows.acontains(&two[0], db).await?);
    call("acontains");
    rows.acount(db).await?;
    call("acount");
    rows.acreate(new!(Tag { name: "r", slug: "r" }), db).await?;
    call("acreate");
    assert_eq!(rows.clone().filter(Tag::slug.is_in(["p", "q", "r"])).adelete(db).await?.total, 3);
    call("adelete");
    assert_eq!(rows.aearliest(Tag::id, db).await?.id, 1);
    call("aearliest");
    rows.aexists(db).await?;
    call("aexists");
    rows.aexplain(db).await?;
    call("aexplain");
    rows.afirst(db).await?;
    call("afirst");
    rows.aget(Tag::id.eq(1), db).await?;
    call("aget");
    rows.aget_or_create(Tag::slug.eq("python"), || new!(Tag { name: "x", slug: "python" }), db).await?;
    call("aget_or_create");
    assert_eq!(rows.ain_bulk([1, 2, 99], db).await?.len(), 2);
    call("ain_bulk");
    assert_eq!(rows.aiterator(db)?.count().await as u64, rows.acount(db).await?);
    call("aiterator");
    rows.alast(db).await?;
    call("alast");
    assert_eq!(rows.alatest(Tag::id, db).await?.id, 5);
    call("alatest");
    rows.aupdate(Tag::name.set(concat((Tag::name, "!"))), db).await?;
    call("aupdate");
    let change = |tag: &mut Tag| tag.name = "Python".into();
    rows.aupdate_or_create(Tag::slug.eq("python"), change, || new!(Tag { name: "x", slug: "python" }), db)
        .await?;
    call("aupdate_or_create");
    Ok(json!(called))
}

async fn body(db: &Db) -> Result<Json> {
    let tags = Tag::objects().filter(Tag::id.lte(2)).order_by(Tag::id);
    let names: Vec<String> = tags.aiterator(db)?.map_ok(|tag| tag.name).try_collect().await?;
    let new = || new!(Tag { name: "Async", slug: "async" });
    let (mut tag, made) = Tag::objects().aget_or_create(Tag::slug.eq("async"), new, db).await?;
    tag.posts.aadd(1, db).await?;
    tag.name = "A2".into();
    tag.asave(db).await?;
    let all = Tag::objects();
    Ok(json!([
        names,
        made,
        all.acount(db).await?,
        tag.posts.acount(db).await?,
        all.aget(Tag::id.eq(1), db).await?.name,
        all.clone().filter(Tag::slug.eq("async")).aexists(db).await?,
        all.clone().order_by(Tag::id).afirst(db).await?.and_then(|tag| tag.id.get().copied()),
        { "n": all.aaggregate(Tag::id.count(), db).await? },
        tag.adelete(db).await?.total,
    ]))
}

#[test]
fn methods() -> Result<()> {
    let db = data::lab();
    let found = on_tokio(body(&db))?;
    // Django has no `aall`, since `all` asks nothing there; here it does, and has one.
    oracle::check("async.methods", &json!([found, false, on_tokio(twins(&db))?]));
    assert_eq!(smol::block_on(body(&data::lab()))?, found, "it is the same on another runtime");
    Ok(())
}

#[test]
fn relations_and_instances_have_twins_too() -> Result<()> {
    let db = data::lab();
    smol::block_on(async {
        let mut post = Post::objects().aget(Post::id.eq(3), &db).await?;
        assert_eq!(post.author.aget(&db).await?.username, "bob");
        post.tags.aset([1, 2], &db).await?;
        post.tags.aremove(1, &db).await?;
        let made = post.tags.acreate(new!(Tag { name: "T", slug: "t" }), &db).await?;
        assert_eq!(post.tags.aall(&db).await?.len(), 2);
        post.tags.aclear(&db).await?;
        assert!(!post.tags.aexists(&db).await? && made.id.is_stored());
        Post::objects().filter(Post::id.eq(3)).aupdate(Post::title.set("A"), &db).await?;
        post.arefresh_fields(Post::title, &db).await?;
        assert_eq!(post.title, "A");
        let mut user = User::objects().aget(User::id.eq(1), &db).await?;
        assert!(user.profile.aget(&db).await?.is_some());
        let draft = || new!(Post { title: "D", slug: "d", body: "", author: _ });
        assert!(user.posts.aget_or_create(Post::slug.eq("d"), draft, &db).await?.1);
        let partial = Post::objects().only(Post::title).aget(Post::slug.eq("d"), &db).await?;
        assert_eq!(partial.aget(Post::author, &db).await.map(drop), Ok(()));
        let mut course = Course::objects().aget(Course::id.eq(3), &db).await?;
        use nuages_tests::lab::{Enrollment, Student};
        let student = Student::objects().aget(Student::id.eq(2), &db).await?;
        let enrol = |_: &Student| new!(Enrollment { student: _, course: _, grade: "A" });
        course.students.aadd_with(&student, enrol, &db).await?;
        assert_eq!(course.enrollment_set.objects()?.acount(&db).await?, 1);
        Ok(())
    })
}

#[test]
fn a_stream_prefetches_chunk_by_chunk_and_tells_its_errors_as_items() -> Result<()> {
    let db = data::chinook();
    on_tokio(async {
        let ten = Artist::objects()
            .filter(Artist::id.lte(10))
            .order_by(Artist::id)
            .prefetch_related(Artist::albums);
        let watch = db.capture();
        let mut rows = ten.aiterator_by(4, &db);
        let first = rows.try_next().await?.expect("ten artists");
        assert_eq!((watch.len(), first.albums.loaded().map(<[_]>::len)), (2, Some(2)));
        assert_eq!(rows.try_fold(1, |count, _| async move { Ok(count + 1) }).await?, 10);
        assert_eq!(watch.len(), 4);
        assert!(matches!(ten.aiterator(&db), Err(Error::Misuse(_))));
        let mut wrong = Artist::objects().slice(..3).filter(Artist::id.gt(1)).aiterator(&db)?;
        assert!(matches!(wrong.next().await, Some(Err(Error::Misuse(_)))));
        assert!(wrong.next().await.is_none());
        Ok(())
    })
}
