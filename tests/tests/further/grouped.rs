//! Groups, conditional aggregates and windows with frames, beside the rest of a row.

use nuages::{
    expression::window::{
        cume_dist, dense_rank, first_value, last_value, lead, nth_value, ntile, percent_rank, window,
    },
    prelude::*,
};
use nuages_tests::{
    chinook::{Album, Artist, Customer, Employee, Genre, Invoice, Track},
    data,
    lab::{Category, Comment, Post, Tag, User},
    oracle,
    oracle::Answer,
};
use serde_json::{Value as Json, json};

oracle! { "group", data::chinook;
    instances_with_everything(db) {
        let (n, first) = (Artist::albums.count(), Artist::albums.title.min());
        let artists = Artist::objects().annotate(&n).annotate(&first).filter(n.gt(5)).order_by((n.desc(), Artist::name));
        let artists: Vec<Json> = artists.all(db)?.iter()
            .map(|row| json!([row.pk(), row.name, row.extra.0, row.extra.1])).collect();
        let (tracks, length) = (Album::tracks.count(), Album::tracks.milliseconds.sum());
        let albums = Album::objects().select_related(Album::artist).annotate(&tracks).annotate(&length)
            .order_by((length.desc(), Album::pk)).slice(..4);
        let mut longest = Vec::new();
        for row in albums.all(db)? {
            longest.push(json!([row.pk(), row.title, row.artist.get(db)?.name, row.extra.0, row.extra.1]));
        }
        let (reports, latest) = (Employee::reports.count(), Employee::reports.hire_date.max());
        let employees = Employee::objects().annotate(&reports).annotate(&latest).order_by(Employee::pk).all(db)?;
        let employees: Vec<Json> = employees.iter().map(|row| {
            json!([row.pk(), row.last_name, row.reports_to.as_ref().and_then(|boss| boss.key().copied()), row.extra.0, row.extra.1.answer()])
        }).collect();
        let count = Track::pk.count().named("n");
        let (served, spent) = (Customer::pk.count().named("n"), Customer::invoices.total.sum().named("s"));
        let of_artist = Artist::albums.count();
        json!([
            artists, longest, employees,
            Track::objects().values((Track::album.artist, Track::album.artist.name)).annotate(&count)
                .order_by((count.desc(), Track::album.artist)).slice(..3).all(db)?.answer(),
            Customer::objects().values((Customer::support_rep, Customer::support_rep.last_name)).annotate(&served).annotate(&spent)
                .order_by(Customer::support_rep).all(db)?.answer(),
            Album::objects().annotate(&tracks).filter(tracks.eq(0)).count(db)?,
            Artist::objects().annotate(&of_artist).filter(of_artist.eq(0))
                .aggregate_values((Artist::pk.count().named("c"), Artist::name.max().named("m")), db)?.answer(),
        ])
    }
}

oracle! { "group", data::lab;
    nullable_sides(db) {
        let (n, s) = (Comment::pk.count().named("n"), Comment::score.sum().named("s"));
        let comments = Comment::objects().values((Comment::author, Comment::author.username)).annotate(&n).annotate(&s)
            .order_by(Comment::author_id.asc().nulls_first()).all(db)?.answer();
        let chinook = data::chinook();
        let reports = Employee::pk.count().named("n");
        let bosses = Employee::objects().values((Employee::reports_to, Employee::reports_to.last_name, Employee::reports_to.title))
            .annotate(&reports).order_by(Employee::reports_to_id.asc().nulls_first()).all(&chinook)?.answer();
        let said = Post::comments.count();
        let mut posts = Vec::new();
        for post in Post::objects().select_related(Post::category).annotate(&said).order_by(Post::pk).all(db)? {
            posts.push(json!([post.pk(), post.category.get(db)?.map(|category| &category.name), post.extra.0]));
        }
        let (many, views) = (Category::posts.count(), Category::posts.view_count.avg());
        let categories = Category::objects().annotate(&many).annotate(&views).order_by(Category::pk)
            .values_list((Category::name, &many, &views)).all(db)?.answer();
        json!([comments, bosses, posts, categories])
    }
}

oracle! { "aggregate", data::chinook;
    conditional(db) {
        let total = Invoice::total;
        let rep = Invoice::customer.support_rep.last_name;
        let (usa, big) = (|| Invoice::billing_country.eq("USA"), |least: i32| total.gt(least));
        let north = when(Invoice::billing_country.is_in(["USA", "Canada"]), total).otherwise(Decimal::ZERO);
        let n = |condition: Q<Invoice>, name: &str| Invoice::pk.count().filter(condition).named(name);
        let (long, all) = (Genre::tracks.count().filter(Genre::tracks.milliseconds.gt(1_000_000)), Genre::tracks.count());
        let spent = Customer::invoices.total.sum().filter(Customer::invoices.invoice_date.year.eq(2010));
        let dear = Customer::invoices.count().filter(Customer::invoices.total.gt(5));
        let very_long = Track::objects().filter(Track::genre.eq(outer(Genre::pk)) & Track::milliseconds.gt(2_000_000));
        let live = Artist::albums.count().filter(Artist::albums.title.icontains("live")).distinct();
        json!([
            Invoice::objects().aggregate_values((
                total.sum().filter(usa()).named("a"), n(big(10) & !usa(), "b"), total.avg().filter(rep.eq("Park")).named("c"),
            ), db)?.answer(),
            Invoice::objects().values(rep).annotate(n(total.gte(10), "big")).annotate(n(total.lt(1), "small"))
                .annotate(total.sum().filter(big(1_000)).named("none")).order_by(rep).all(db)?.answer(),
            Invoice::objects().aggregate_values(north.sum().named("s"), db)?.answer(),
            Genre::objects().annotate(&long).annotate(&all).filter(long.gt(0)).order_by((long.desc(), Genre::pk))
                .values_list((Genre::name, &long, &all)).all(db)?,
            Customer::objects().annotate(&spent).annotate(&dear).filter(spent.gt(20)).order_by(Customer::pk)
                .values_list((Customer::pk, &spent, &dear)).all(db)?.answer(),
            Genre::objects().aggregate_values(Genre::pk.count().filter(exists(&very_long)).named("n"), db)?.answer(),
            Artist::objects().annotate(&live).filter(live.gt(1)).order_by((live.desc(), Artist::name))
                .values_list((Artist::name, &live)).all(db)?,
        ])
    }
}

oracle! { "window", data::chinook;
    frames_more(db) {
        let by = || window().partition_by(Track::album).order_by(Track::pk);
        let rows = || Track::objects().filter(Track::album.is_in([1, 4])).order_by(Track::pk);
        let framed = rows().values_list((
            Track::pk,
            Track::milliseconds.sum().over(by().rows(-1..=1)),
            Track::pk.count().over(by().rows(..=-1)),
            first_value(Track::name).over(by().rows(1..)),
        )).all(db)?;
        let placed = rows().values_list((
            last_value(Track::pk).over(by().rows(0..=2)),
            nth_value(Track::pk, 2).over(by().rows(..)),
            lead(Track::pk, 2).over(by()),
            ntile(3).over(by()),
        )).all(db)?;
        let rows: Vec<Json> = framed.into_iter().zip(placed)
            .map(|((key, a, b, c), (d, e, f, g))| json!([key, a, b, c, d, e, f, g])).collect();
        let of = || window().partition_by(Invoice::customer);
        let more = Invoice::objects().filter(Invoice::customer.is_in([2, 3])).order_by(Invoice::pk).values_list((
            Invoice::pk,
            dense_rank().over(of().order_by(Invoice::total.desc())),
            percent_rank().over(of().order_by(Invoice::total)),
            cume_dist().over(of().order_by(Invoice::total)),
            Invoice::total.sum().over(of().order_by(Invoice::invoice_date)),
        )).all(db)?;
        json!([rows, more.answer()])
    }
}

oracle! { "distinct", data::lab;
    and_groups(db) {
        let chinook = data::chinook();
        let tagged = || Post::objects().filter(Post::tags.is_null(false));
        let (a, c) = (Comment::author.count(), Comment::score.sum());
        let (n, m) = (Post::tags.count().distinct(), Post::comments.count().distinct());
        let writers = User::objects().filter(User::posts.tags.name.is_in(["Python", "Django"])).distinct();
        json!([
            Track::objects().filter(Track::album.is_in([1, 2, 3])).values_list((Track::unit_price, Track::media_type)).distinct()
                .order_by(Track::media_type).all(&chinook)?.answer(),
            tagged().distinct().count(db)?,
            tagged().count(db)?,
            writers.order_by(User::username).values_list(User::username).all(db)?,
            Post::objects().values(Post::author).distinct().count(db)?,
            Post::objects().values((Post::author, Post::is_active)).distinct().order_by((Post::author, Post::is_active)).all(db)?.answer(),
            Post::objects().values_list(Post::author.username).distinct().order_by(Post::author.username.desc()).all(db)?,
            Comment::objects().aggregate_values((
                a.clone().distinct().named("a"), a.named("b"), c.clone().named("c"), c.distinct().named("d"),
            ), db)?.answer(),
            Post::objects().annotate(&n).annotate(&m).order_by(Post::pk).values_list((Post::pk, &n, &m)).all(db)?,
            Tag::objects().filter(Tag::posts.author.username.eq("alice")).distinct().order_by(Tag::name).values_list(Tag::name).all(db)?,
        ])
    }
}
