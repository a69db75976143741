//! What receivers hear of writes, and when.

use super::*;

type Log = Arc<Mutex<Vec<Json>>>;

fn note(log: &Log, entry: Json) {
    log.lock().expect("no test panics while it holds the log").push(entry);
}

#[test]
fn save() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let (before, after) = (log.clone(), log.clone());
    let _before = db.connect_pre_save(move |_: &mut Tag, _: &Saving, _| {
        note(&before, json!(["pre_save", "Tag"]));
        Ok(())
    });
    let _after = db.connect_post_save(move |_: &mut Tag, saving: &Saving, _| {
        note(&after, json!(["post_save", "Tag", saving.created]));
        Ok(())
    });
    let mut tag = new!(Tag { name: "n", slug: "n" });
    tag.save(&db)?;
    tag.save(&db)?;
    let mut expected: Vec<Json> = vec![json!(["pre_init", "Tag"]), json!(["post_init", "Tag"])];
    expected.extend(log.lock().expect("a log").clone());
    oracle::check("signal.save", &json!(expected));
    Tag::objects().update(Tag::name.set(concat((Tag::name, "!"))), &db)?;
    Tag::objects().bulk_create([new!(Tag { name: "m", slug: "m" })], &db)?;
    assert_eq!(log.lock().expect("a log").len(), 4, "neither update nor bulk_create is a save");
    Ok(())
}

#[test]
fn delete_cascade_order() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let entry = |name: &'static str, model: &'static str| {
        let log = log.clone();
        move |key: Json| note(&log, json!([name, model, key]))
    };
    let (a, b) = (entry("pre_delete", "Bin"), entry("post_delete", "Bin"));
    let (c, d) = (entry("pre_delete", "Depot"), entry("post_delete", "Depot"));
    let _connections = (
        db.connect_pre_delete(move |bin: &mut Bin, _: &Deleting, _| {
            a(bin.id.answer());
            Ok(())
        }),
        db.connect_post_delete(move |bin: &mut Bin, _: &Deleting, _| {
            b(bin.id.answer());
            Ok(())
        }),
        db.connect_pre_delete(move |depot: &mut Depot, _: &Deleting, _| {
            c(depot.id.answer());
            Ok(())
        }),
        db.connect_post_delete(move |depot: &mut Depot, _: &Deleting, _| {
            d(depot.id.answer());
            Ok(())
        }),
    );
    Depot::objects().get(Depot::id.eq(1), &db)?.delete(&db)?;
    oracle::check("signal.delete_cascade_order", &json!(*log.lock().expect("a log")));
    Ok(())
}

#[test]
fn m2m_changed_is_told_before_and_after_from_either_side() -> Result<()> {
    let db = data::lab();
    let log = Log::default();
    let relation = Many { model: Post::meta(), field: Post::meta().field_index("tags").expect("a field") };
    let heard = log.clone();
    let _connection = db.connect_m2m_changed(relation, move |change, _| {
        let action = match (change.moment, change.action) {
            (Moment::Before, ManyToManyAction::Add) => "pre_add",
            (Moment::After, ManyToManyAction::Add) => "post_add",
            _ => "other",
        };
        let keys: Vec<Json> = change.keys.iter().flatten().map(Answer::answer).collect();
        note(
            &heard,
            json!(["m2m_changed", "Post_tags", [action, "Tag", change.reverse, change.model.name, keys]]),
        );
        Ok(())
    });
    let mut tag = Tag::objects().get(Tag::id.eq(5), &db)?;
    let post = Post::objects().get(Post::id.eq(1), &db)?;
    tag.posts.add(&post, &db)?;
    oracle::check("signal.m2m_reverse", &json!(*log.lock().expect("a log")));
    Ok(())
}

#[test]
fn receiver_creates_profile() -> Result<()> {
    let db = data::lab();
    let _connection = db.connect_post_save(|user: &mut User, saving: &Saving, ex| {
        if saving.created {
            Profile::objects().create(new!(Profile { user: &*user, location: "new" }), ex)?;
        }
        Ok(())
    });
    let mut user = User::objects().create(new!(User { username: "eve" }), &db)?;
    user.save(&db)?;
    let location = user.profile.get(&db)?.map(|profile| profile.location.clone());
    let count = Profile::objects().filter(Profile::user.eq(&user)).count(&db)?;
    oracle::check("signal.receiver_creates_profile", &json!([location, count]));
    Ok(())
}

#[test]
fn a_receivers_error_undoes_the_save() -> Result<()> {
    let db = data::lab();
    let _connection = db.connect_post_save(|_: &mut Tag, _: &Saving, _| Err(Error::custom("no")));
    assert!(matches!(Tag::objects().create(new!(Tag { name: "n", slug: "n" }), &db), Err(Error::Custom(_))));
    assert!(!Tag::objects().filter(Tag::slug.eq("n")).exists(&db)?);
    Ok(())
}
