//! Groups and aggregates where joins multiply rows, orders join the groups, and filters stand before or after.

use nuages::prelude::*;
use nuages_tests::{
    data,
    lab::{Category, Comment, Order, OrderItem, Post, Product, Shopper, User},
    oracle,
    oracle::Answer,
};
use serde_json::json;

oracle! { "aggregate", data::lab;
    filtered_relations(db) {
        let quantity = Order::items.quantity;
        let whole = Order::objects().aggregate_values((
            quantity.sum().named("a"),
            quantity.sum().filter(Order::items.price.gt(20)).named("b"),
            Order::items.count().filter(Order::status.eq("paid")).named("c"),
            // Each aggregate over its own relation: Django counts an order once for each of its items here.
            quantity.count().named("d"),
            Order::pk.count().distinct().named("e"),
        ), db)?;
        let shopper = Shopper::pk;
        let shipped = Shopper::orders.count().filter(Shopper::orders.status.eq("shipped"));
        let last = Shopper::orders.placed_at.max().filter(Shopper::orders.priority.gte(2));
        let n = Shopper::orders.count();
        let each = Shopper::orders.count().distinct();
        let items = OrderItem::product.reverse();
        let sold = items.quantity.sum().filter(!items.order.status.eq("cancelled")).coalesce(0);
        let good = Post::comments.count().filter(Post::comments.score.gt(0)).distinct();
        let tagged = Post::tags.count().distinct();
        let tags = Post::tags.count();
        let normal = || Shopper::orders.priority.eq(2);
        json!([
            whole.answer(),
            Shopper::objects().order_by(shopper).annotate(&shipped).annotate(&last).values_list((shopper, &shipped, &last)).all(db)?.answer(),
            Shopper::objects().filter(normal()).order_by(shopper).annotate(&n).values_list((shopper, &n)).all(db)?,
            Shopper::objects().annotate(&n).filter(normal()).order_by(shopper).values_list((shopper, &n)).all(db)?,
            Shopper::objects().annotate(&each).filter(each.gt(1) & Shopper::orders.status.eq("paid")).order_by(shopper).distinct()
                .values_list((shopper, &each)).all(db)?,
            Product::objects().annotate(&sold).order_by((sold.desc(), Product::pk)).values_list((Product::pk, &sold)).all(db)?.answer(),
            Post::objects().annotate(&good).annotate(&tagged).order_by(Post::pk).values_list((Post::pk, &good, &tagged)).all(db)?,
            Post::objects().filter(Post::tags.name.is_in(["Python", "Rust"])).annotate(&tags).filter(tags.eq(2)).order_by(Post::pk)
                .values_list(Post::pk).all(db)?,
        ])
    }
}

oracle! { "group", data::lab;
    order_by_pitfalls(db) {
        let of = Product::category;
        let n = Product::pk.count().named("n");
        let products = || Product::objects().values(of).annotate(&n);
        let posts = Post::pk.count().named("n");
        let by_author = || Post::objects().values(Post::author).annotate(&posts);
        let (views, last) = (Post::view_count.sum().named("v"), Post::created_at.max().named("m"));
        let (said, score) = (Comment::pk.count().named("n"), Comment::score.sum().named("s"));
        let (flagged, rows) = (Comment::flagged.count().named("n"), Comment::pk.count().named("m"));
        json!([
            products().order_by(of).all(db)?.answer(),
            products().order_by(Product::name).values_list((of, &n)).all(db)?.answer(),
            products().order_by((n.desc(), of)).values_list((of, &n)).all(db)?.answer(),
            by_author().order_by(Post::author_id).all(db)?.answer(),
            Post::objects().values(Post::author.username).annotate(&views).annotate(&last).order_by(views.desc()).all(db)?.answer(),
            by_author().order_by((Post::author_id, Post::status)).values_list((Post::author_id, Post::status, &posts)).all(db)?.answer(),
            Post::objects().order_by(Post::author_id).values(Post::author).annotate(&posts).values_list(&posts).all(db)?.answer(),
            Comment::objects().values(Comment::post.author).annotate(&said).annotate(&score).filter(said.gt(1))
                .order_by((score.desc(), Comment::post.author_id)).all(db)?.answer(),
            Comment::objects().values(Comment::flagged).annotate(&flagged).annotate(&rows)
                .order_by(Comment::flagged.asc().nulls_last()).all(db)?.answer(),
        ])
    }
}

oracle! { "annotate", data::lab;
    conditions_and_nulls(db) {
        let none = Post::comments.count().filter(Post::comments.flagged.eq(None));
        let (score, whole) = (Post::comments.score.sum(), Post::comments.score.sum().default(0));
        let (mean, posts) = (User::posts.comments.score.avg(), User::posts.count().distinct());
        let by_staff = Category::posts.count().filter(Category::posts.author.is_staff.eq(true));
        let least = Category::posts.view_count.min().filter(Category::posts.is_active.eq(true));
        let n = User::posts.count();
        let (comments, tags) = (Post::comments.count(), Post::tags.count().distinct());
        let tagged = Post::tags.count();
        json!([
            Post::objects().order_by(Post::pk).annotate(&none).values_list((Post::pk, &none)).all(db)?,
            Post::objects().annotate(&score).order_by((score.desc().nulls_last(), Post::pk)).values_list((Post::pk, &score)).all(db)?,
            Post::objects().annotate(&whole).filter(whole.eq(0)).order_by(Post::pk).values_list(Post::pk).all(db)?,
            Post::objects().annotate(&score).exclude(score.gt(0)).order_by(Post::pk).values_list(Post::pk).all(db)?,
            User::objects().annotate(&mean).annotate(&posts).order_by(User::pk).values_list((User::pk, &mean, &posts)).all(db)?.answer(),
            Category::objects().annotate(&by_staff).annotate(&least).order_by(Category::pk).values_list((Category::pk, &by_staff, &least)).all(db)?,
            User::objects().annotate(&n).aggregate_values((
                n.avg().named("a"), n.max().named("m"), n.sum().filter(User::is_staff.eq(true)).named("s"),
            ), db)?.answer(),
            Post::objects().values_list((Post::author_id, Post::is_active)).annotate(&comments).annotate(&tags)
                .order_by((Post::author_id, Post::is_active)).values_list((Post::author_id, Post::is_active, &tags)).all(db)?.answer(),
            Post::objects().alias(&tagged).filter(tagged.gte(2)).annotate(&comments).order_by(Post::pk).values_list(Post::pk).all(db)?,
        ])
    }
}
