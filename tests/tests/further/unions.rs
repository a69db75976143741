//! Rows of several querysets together: counted, ordered, sliced, and what may not be asked of them.

use nuages::prelude::*;
use nuages_tests::{
    data,
    lab::Post,
    oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

fn of_alice() -> QuerySet<Post> {
    Post::objects().filter(Post::author.eq(1)).order_by(())
}

fn read() -> QuerySet<Post> {
    Post::objects().filter(Post::view_count.gte(100)).order_by(())
}

oracle! { "set", data::lab;
    chains_more(db) {
        let both = || of_alice().union(read());
        let keys = |rows: QuerySet<Post>| rows.values_list(Post::pk);
        let pairs = |rows: QuerySet<Post>| rows.values_list((Post::pk, Post::view_count));
        let authors = || of_alice().values(Post::author).union(read().values(Post::author));
        let sliced = both().order_by(Post::title).slice(1..3).all(db)?;
        let active = Post::objects().filter(Post::is_active).order_by(());
        // Django's columns may be of other types; here the second is the key in both.
        let titles = of_alice().values_list((Post::title, Post::view_count.cast::<i64>()))
            .union(read().values_list((Post::slug.cast::<String>(), Post::pk)));
        json!([
            both().count(db)?,
            of_alice().union_all(read()).count(db)?,
            of_alice().intersection(read()).count(db)?,
            of_alice().difference(read()).count(db)?,
            keys(of_alice()).union(keys(read())).order_by(Post::pk.desc()).all(db)?,
            pairs(of_alice()).union(pairs(read())).order_by((Post::view_count, Post::pk)).all(db)?,
            authors().order_by(Post::author_id).all(db)?.answer(),
            authors().count(db)?,
            both().slice(..2).count(db)?,
            sliced.iter().map(Model::pk).collect::<Vec<_>>(),
            both().exists(db)?,
            of_alice().difference(of_alice()).exists(db)?,
            both().order_by(Post::pk.desc()).first(db)?.and_then(|post| post.pk()),
            titles.order_by(Post::title).slice(..3).all(db)?,
            both().union(Post::objects().filter(Post::pk.eq(3)).order_by(())).count(db)?,
            of_alice().intersection(read()).intersection(active).count(db)?,
        ])
    }
    chains_refused(db) {
        let both = || of_alice().union(read());
        json!([
            raises(both().update(Post::view_count.set(1_u32), db)),
            raises(both().delete(db)),
            raises(both().distinct().count(db)),
            raises(both().exclude(Post::pk.eq(1)).count(db)),
            raises(both().select_related(Post::author).count(db)),
            raises(both().in_bulk([1], db)),
            raises(both().get(Post::pk.eq(1), db)),
            raises(both().alias(value::<Post, _>(1).named("k")).count(db)),
            raises(both().defer(Post::title).count(db)),
        ])
    }
}
