//! Saves within saves and deletions within deletions: who is told, in which order, and what is there by then.

use std::sync::{Arc, Mutex};

use nuages::{
    prelude::*,
    signal::{Deleting, Many, Saving},
};
use nuages_tests::{
    data,
    lab::{
        self, Bin, Comment, Order, OrderItem, Part, Pizzeria, Place, Post, Profile, Restaurant, Scan, Tag,
        User,
    },
    oracle,
    oracle::Answer,
};
use serde_json::{Value as Json, json};

/// What was heard, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Json>>>);

impl Log {
    fn note(&self, entry: Json) {
        self.0.lock().expect("no test panics while it holds the log").push(entry);
    }

    /// What was heard since it was asked last.
    fn heard(&self) -> Json {
        Json::Array(std::mem::take(&mut *self.0.lock().expect("a log")))
    }
}

fn moment(text: &str) -> DateTime {
    text.parse().expect("a moment")
}

oracle! { "signal", data::lab;
    nested_saves_and_deletes(db) {
        let log = Log::default();
        let logs = std::array::from_fn::<_, 8, _>(|_| log.clone());
        let [a, b, c, d, e, f, g, h] = logs;
        let _heard = (
            db.connect_pre_save(move |_: &mut Order, saving: &Saving, _| {
                a.note(json!(["pre_save", "Order", saving.update_fields]));
                Ok(())
            }),
            db.connect_post_save(move |order: &mut Order, saving: &Saving, ex| {
                b.note(json!(["post_save", "Order", saving.created]));
                if saving.created {
                    OrderItem::objects().create(new!(OrderItem { order: &*order, product: 1, price: 1 }), ex)?;
                }
                Ok(())
            }),
            db.connect_pre_save(move |item: &mut OrderItem, _: &Saving, ex| {
                c.note(json!(["pre_save", "OrderItem", item.order.get(ex)?.status]));
                Ok(())
            }),
            db.connect_post_save(move |item: &mut OrderItem, saving: &Saving, ex| {
                d.note(json!(["post_save", "OrderItem", saving.created]));
                if saving.created {
                    let mut order = item.order.get(ex)?.clone();
                    order.status = "paid".into();
                    order.save_fields(Order::status, ex)?;
                }
                Ok(())
            }),
            db.connect_pre_delete(move |order: &mut Order, _: &Deleting, ex| {
                e.note(json!(["pre_delete", "Order"]));
                OrderItem::objects().filter(OrderItem::order.eq(&*order)).update(OrderItem::quantity.set(9_u32), ex)?;
                Ok(())
            }),
            db.connect_post_delete(move |order: &mut Order, _: &Deleting, ex| {
                let is_there = Order::objects().filter(Order::pk.eq(order.pk())).exists(ex)?;
                f.note(json!(["post_delete", "Order", is_there]));
                Ok(())
            }),
            db.connect_pre_delete(move |_: &mut OrderItem, _: &Deleting, _| {
                g.note(json!(["pre_delete", "OrderItem"]));
                Ok(())
            }),
            db.connect_post_delete(move |item: &mut OrderItem, _: &Deleting, _| {
                h.note(json!(["post_delete", "OrderItem", item.quantity]));
                Ok(())
            }),
        );
        let order = new!(Order { shopper: 1, placed_at: moment("2024-05-01T00:00:00Z") });
        let mut order = Order::objects().create(order, db)?;
        let status = Order::objects().get(Order::pk.eq(order.pk()), db)?.status;
        let deleted = order.delete(db)?.total;
        json!([log.heard(), status, deleted])
    }
    deletes_within_a_receiver(db) {
        let log = Log::default();
        let [a, b, c, d] = std::array::from_fn(|_| log.clone());
        let _heard = (
            db.connect_pre_delete(move |bin: &mut Bin, _: &Deleting, ex| {
                a.note(json!(["pre", "Bin", bin.pk()]));
                if bin.pk() == Some(1) {
                    Part::objects().filter(Part::bin.eq(1)).delete(ex)?;
                }
                Ok(())
            }),
            db.connect_post_delete(move |bin: &mut Bin, _: &Deleting, _| {
                b.note(json!(["post", "Bin", bin.id.answer()]));
                Ok(())
            }),
            db.connect_pre_delete(move |part: &mut Part, _: &Deleting, _| {
                c.note(json!(["pre", "Part", part.pk()]));
                Ok(())
            }),
            db.connect_post_delete(move |part: &mut Part, _: &Deleting, _| {
                d.note(json!(["post", "Part", part.id.answer()]));
                Ok(())
            }),
        );
        Scan::objects().delete(db)?;
        let deleted = Bin::objects().filter(Bin::pk.is_in([1, 2])).delete(db)?.total;
        let left = Part::objects().filter(Part::bin.eq(None)).order_by(Part::pk).values_list(Part::pk).all(db)?;
        json!([log.heard(), deleted, left])
    }
    bulk_and_related(db) {
        let log = Log::default();
        macro_rules! listen {
            ($($model:ident)*) => { ($({
                let [a, b, c, d] = std::array::from_fn(|_| log.clone());
                (
                    db.connect_pre_save(move |_: &mut $model, _: &Saving, _| { a.note(json!(["pre_save", $model::NAME])); Ok(()) }),
                    db.connect_post_save(move |_: &mut $model, _: &Saving, _| { b.note(json!(["post_save", $model::NAME])); Ok(()) }),
                    db.connect_pre_delete(move |_: &mut $model, _: &Deleting, _| { c.note(json!(["pre_delete", $model::NAME])); Ok(()) }),
                    db.connect_post_delete(move |_: &mut $model, _: &Deleting, _| { d.note(json!(["post_delete", $model::NAME])); Ok(()) }),
                )
            },)*) };
        }
        let heard = log.clone();
        let _heard = (
            listen!(Post Comment Tag Profile User),
            db.connect_m2m_changed(Many::from(Post::tags), move |change, _| {
                heard.note(json!(["m2m_changed", change.through()]));
                Ok(())
            }),
        );
        let mut user = User::objects().get(User::pk.eq(2), db)?;
        user.posts.create(new!(Post { title: "s", slug: "s1", body: "b", author: _ }), db)?;
        user.comment_set.add(&Comment::objects().get(Comment::pk.eq(1), db)?, db)?;
        // Django's `add(.., bulk=False)` saves the row.
        let mut first = Comment::objects().get(Comment::pk.eq(1), db)?;
        first.author = Some((&user).into());
        first.save(db)?;
        user.comment_set.remove(&first, db)?;
        user.comment_set.set(&Comment::objects().get(Comment::pk.eq(2), db)?, db)?;
        user.comment_set.objects()?.update(Comment::score.set(3), db)?;
        Tag::objects().bulk_create([new!(Tag { name: "b1", slug: "b1" })], db)?;
        let mut post = Post::objects().get(Post::slug.eq("s1"), db)?;
        post.tags.create(new!(Tag { name: "b2", slug: "b2" }), db)?;
        Tag::objects().filter(Tag::slug.eq("b1")).update(Tag::name.set("b3"), db)?;
        Tag::objects().bulk_update(&[Tag::objects().get(Tag::slug.eq("b1"), db)?], Tag::name, db)?;
        Tag::objects().get_or_create(Tag::slug.eq("b1"), || new!(Tag { name: "x", slug: "b1" }), db)?;
        Profile::objects().get(Profile::user.eq(1), db)?.save(db)?;
        log.heard()
    }
}

/// The sample's tables, and those of the places.
fn places() -> Db {
    let models = (Place::app(), Restaurant::app(), Pizzeria::app());
    lab::app().models(models).open_memory().expect("the models fit")
}

oracle! { "parents", places;
    deleting_more(db) {
        let log = Log::default();
        macro_rules! listen {
            ($($model:ident)*) => { ($({
                let [a, b] = std::array::from_fn(|_| log.clone());
                (
                    db.connect_pre_delete(move |_: &mut $model, _: &Deleting, _| { a.note(json!(["pre_delete", $model::NAME])); Ok(()) }),
                    db.connect_post_delete(move |_: &mut $model, _: &Deleting, _| { b.note(json!(["post_delete", $model::NAME])); Ok(()) }),
                )
            },)*) };
        }
        let restaurant = |name: &'static str, stars: i32| {
            new!(Restaurant { place: new!(Place { name, city: "C" }), stars: Some(stars) })
        };
        let pizzeria = Pizzeria::objects().create(new!(Pizzeria { restaurant: restaurant("P", 2), oven: "gas" }), db)?;
        let other = Restaurant::objects().create(restaurant("R", 4), db)?;
        let _heard = listen!(Place Restaurant Pizzeria);
        let one = Place::objects().get(Place::pk.eq(pizzeria.pk()), db)?.delete(db)?;
        let first = log.heard();
        let two = Restaurant::objects().filter(Restaurant::place_id.eq(other.pk())).delete(db)?;
        json!([
            one.total, one.by_model.answer(), first, two.total, two.by_model.answer(), log.heard(),
            Place::objects().filter(Place::city.eq("C")).count(db)?,
        ])
    }
}
