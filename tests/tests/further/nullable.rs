//! What NULL does, of columns and of joins that find nothing: negations across relations, orders, exclusive or.

use nuages::prelude::*;
use nuages_tests::{
    chinook::{Customer, Invoice},
    data,
    lab::{Category, Comment, Post, Tag, User},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

oracle! { "nullable", data::lab;
    exclude_across_many_to_many(db) {
        let all = Post::objects;
        let keys = |rows: QuerySet<Post>| rows.order_by(Post::pk).values_list(Post::pk).all(db);
        let (tag, comment) = (Post::tags, Post::comments);
        [
            keys(all().exclude(tag.name.eq("Django")))?,
            keys(all().exclude(tag.is_null(true)))?,
            keys(all().exclude(Post::category.name.eq("Tech") & tag.name.eq("Python")))?,
            keys(all().exclude(tag.is_null(true) | Post::category.is_null(true)))?,
            keys(all().exclude(comment.author.username.eq("bob")))?,
            keys(all().exclude(comment.author.is_null(true)))?,
            keys(all().filter(!comment.flagged.eq(true)))?,
            keys(all().exclude(comment.flagged.eq(false) & comment.score.gt(1)))?,
            keys(all().filter(comment.author.eq(None)))?,
            keys(all().exclude(comment.author.profile.location.eq("")))?,
        ]
    }
    exclude_of_counts(db) {
        let (n, m) = (Post::tags.count(), User::posts.view_count.max());
        let posts = || Post::objects().annotate(&n).order_by(Post::pk);
        let users = || User::objects().annotate(&m).order_by(User::pk);
        let keys = |rows: QuerySet<User>| rows.order_by(User::pk).values_list(User::pk).all(db);
        [
            posts().exclude(n.eq(0)).values_list(Post::pk).all(db)?,
            posts().exclude(n.gt(1) & Post::category.is_null(false)).values_list(Post::pk).all(db)?,
            users().exclude(m.gt(100)).values_list(User::pk).all(db)?,
            users().filter(m.eq(None)).values_list(User::pk).all(db)?,
            users().exclude(m.eq(None)).values_list(User::pk).all(db)?,
            keys(User::objects().exclude(User::posts.comments.score.gt(2)))?,
            keys(User::objects().exclude(User::profile.location.eq("Berlin")))?,
            keys(User::objects().exclude(User::profile.is_null(true)))?,
            keys(User::objects().filter(User::profile.is_null(true) | User::posts.is_null(true)).distinct())?,
        ]
    }
    deep_negations(db) {
        let all = Comment::objects;
        let keys = |rows: QuerySet<Comment>| rows.order_by(Comment::pk).values_list(Comment::pk).all(db);
        let categories = |rows: QuerySet<Category>| rows.order_by(Category::pk).values_list(Category::pk).all(db);
        let author = Comment::author;
        [
            keys(all().exclude(author.posts.category.name.eq("Tech")))?,
            keys(all().exclude(!author.username.eq("bob")))?,
            keys(all().filter(!(author.is_null(true) | Comment::flagged.eq(true))))?,
            keys(all().exclude(Comment::flagged.eq(None)).exclude(author.eq(None)))?,
            keys(all().exclude(author.is_in(User::objects().filter(User::is_staff))))?,
            keys(all().exclude(author.is_in([1, 2])))?,
            keys(all().exclude(Comment::score.eq(Comment::post.view_count)))?,
            keys(all().exclude(Comment::flagged.eq(Comment::post.is_active)))?,
            categories(Category::objects().exclude(Category::posts.author.comment_set.flagged.eq(true)))?,
            categories(Category::objects().exclude(Category::posts.is_null(true)))?,
        ]
    }
    order_and_reverse(db) {
        let author = Comment::author_id;
        let all = Comment::objects;
        let both = |rows: QuerySet<Comment>| rows.values_list((Comment::pk, author)).all(db);
        let key = |row: Option<Comment>| row.and_then(|row| row.pk());
        let music = &data::chinook();
        let company = Customer::company;
        let names = |rows: QuerySet<Customer>| rows.values_list(company).slice(..2).all(music);
        json!([
            both(all().order_by((author.asc().nulls_last(), Comment::pk)).reverse())?.answer(),
            both(all().order_by((author.desc().nulls_first(), Comment::pk)))?.answer(),
            key(all().order_by((author.asc().nulls_last(), Comment::pk)).last(db)?),
            key(all().order_by((author.desc().nulls_last(), Comment::pk.desc())).first(db)?),
            all().order_by((Comment::flagged.asc().nulls_first(), Comment::pk)).reverse().values_list(Comment::flagged).all(db)?,
            names(Customer::objects().order_by((company.desc().nulls_last(), Customer::pk)))?,
            names(Customer::objects().order_by((company.asc().nulls_first(), Customer::pk)).reverse())?,
            names(Customer::objects().order_by((company.upper().asc().nulls_last(), Customer::pk)))?,
        ])
    }
    xor(db) {
        let keys = |rows: QuerySet<Comment>| rows.order_by(Comment::pk).values_list(Comment::pk).all(db);
        let a = || Comment::flagged.eq(true);
        let b = || Comment::score.gt(1);
        let c = || Comment::author.username.eq("bob");
        let all = Comment::objects;
        let tagged = |name: &'static str| Post::tags.name.eq(name);
        let one = Post::objects().filter(tagged("Python") ^ tagged("Django")).distinct().order_by(Post::pk);
        [
            keys(all().filter(a() ^ b()))?,
            keys(all().filter(a() ^ b() ^ c()))?,
            keys(all().exclude(a() ^ b()))?,
            keys(all().filter(!(a() ^ c())))?,
            keys(all().filter(b()) ^ all().filter(c()))?,
            one.values_list(Post::pk).all(db)?,
        ]
    }
    in_and_subqueries(db) {
        let keys = |rows: QuerySet<User>| rows.order_by(User::pk).values_list(User::pk).all(db);
        let writers = || Comment::objects().values_list(Comment::author_id);
        let own = Comment::objects().filter(Comment::author.eq(outer(User::pk)));
        let talks = Post::objects().filter(Post::author.eq(outer(User::pk)) & Post::comments.author.eq(outer(User::pk)));
        let known = Comment::author.is_null(false);
        let odd = Post::objects().filter(Post::is_active.eq(false)).union(Post::objects().filter(Post::is_featured));
        let with_p = Post::author.is_in(User::objects().filter(User::profile.is_null(false)))
            & Post::tags.is_in(Tag::objects().filter(Tag::name.starts_with("P")));
        [
            keys(User::objects().filter(User::pk.is_in(writers())))?,
            keys(User::objects().exclude(User::pk.is_in(writers())))?,
            keys(User::objects().exclude(User::pk.is_in(writers().filter(known))))?,
            keys(User::objects().exclude(exists(&own)))?,
            keys(User::objects().filter(!exists(&talks)))?,
            keys(User::objects().filter(User::posts.is_in(Post::objects().order_by(Post::view_count.desc()).slice(..2))).distinct())?,
            keys(User::objects().filter(User::posts.is_in(odd)).distinct())?,
            Post::objects().filter(with_p).distinct().order_by(Post::pk).values_list(Post::pk).all(db)?,
        ]
    }
}

oracle! { "nullable", data::chinook;
    latest_and_earliest(db) {
        let key = |row: Result<Customer>| row.map(|row| row.pk());
        let bill = |row: Result<Invoice>| row.map(|row| row.pk());
        let firms = || Customer::objects().filter(Customer::company.is_null(false));
        let n = Invoice::lines.count();
        json!([
            key(firms().latest((Customer::company, Customer::pk), db))?,
            key(firms().earliest((Customer::company.desc(), Customer::pk), db))?,
            bill(Invoice::objects().latest((Invoice::total, Invoice::invoice_date.desc()), db))?,
            bill(Invoice::objects().filter(Invoice::customer.eq(5)).earliest((Invoice::customer.country, Invoice::total.desc()), db))?,
            bill(Invoice::objects().latest((), db))?,
            bill(Invoice::objects().order_by(Invoice::total).latest((), db))?,
            raises(Invoice::objects().none().latest(Invoice::total, db)),
            raises(Invoice::objects().slice(..3).latest(Invoice::total, db)),
            Invoice::objects().annotate(&n).latest((&n, Invoice::pk), db)?.object.pk(),
        ])
    }
}
