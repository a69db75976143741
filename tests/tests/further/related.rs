//! Relations in combination: prefetches within prefetches, sliced and annotated; joins through nullable hops; people who
//! follow each other; pairs with columns of their own; generic relations; models that extend others.

use nuages::{
    delete::{DeleteOptions, Deleted},
    prelude::*,
    relation::SetOptions,
};
use nuages_tests::{
    chinook::{Album, Artist, Playlist, Track},
    data,
    lab::{
        self, Comment, Course, Enrollment, Film, Person, Pizzeria, Place, Post, Restaurant, Sticker, Student,
        User,
    },
    oracle,
    oracle::Answer,
};
use serde_json::{Value as Json, json};

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn counted(deleted: &Deleted) -> Json {
    json!([deleted.total, deleted.by_model.answer()])
}

oracle! { "relations", data::chinook;
    prefetch_sliced_nested(db) {
        let longest = Track::objects().order_by((Track::milliseconds.desc(), Track::pk)).slice(..1);
        let albums = Album::objects().order_by(Album::title.desc()).prefetch_to(Album::tracks, longest).slice(..2);
        let watch = db.capture();
        let rows = Artist::objects().filter(Artist::pk.lte(6)).order_by(Artist::pk).prefetch_to(Artist::albums, albums).all(db)?;
        let out: Vec<Json> = rows.iter().map(|artist| {
            let two = artist.extra.0.iter().map(|album| {
                json!([album.title, album.extra.0.iter().map(|track| &track.name).collect::<Vec<_>>()])
            });
            json!([artist.name, two.collect::<Vec<_>>()])
        }).collect();
        json!([out, watch.len()])
    }
    prefetch_m2m_sliced(db) {
        let tracks = Track::objects().select_related(Track::album.artist)
            .order_by((Track::unit_price.desc(), Track::milliseconds.desc(), Track::pk)).slice(1..3);
        let watch = db.capture();
        let mut out = Vec::new();
        for playlist in Playlist::objects().order_by(Playlist::pk).prefetch_to(Playlist::tracks, tracks).all(db)? {
            let mut some = Vec::new();
            for track in &playlist.extra.0 {
                let album = track.album.get(db)?.expect("it has an album");
                some.push(json!([track.pk(), album.artist.get(db)?.name]));
            }
            out.push(json!([playlist.pk(), some]));
        }
        json!([out, watch.len()])
    }
}

oracle! { "relations", data::lab;
    prefetch_filtered_annotated(db) {
        let n = Post::comments.count();
        let posts = Post::objects().annotate(&n).filter(n.gt(0)).order_by((n.desc(), Post::pk));
        let watch = db.capture();
        let users = User::objects().order_by(User::pk).prefetch_to(User::posts, posts).prefetch_related(User::profile);
        let mut out = Vec::new();
        for user in users.all(db)? {
            let talked: Vec<Json> = user.extra.0.iter().map(|post| json!([post.title, post.extra.0])).collect();
            out.push(json!([user.username, talked, user.profile.get(db)?.map(|profile| &profile.location)]));
        }
        json!([out, watch.len()])
    }
    prefetch_twice_and_sub_lookup(db) {
        let watch = db.capture();
        let users = User::objects().order_by(User::pk)
            .prefetch_related((User::posts.comments.author, User::posts.tags, User::comment_set.post));
        let mut out = Vec::new();
        for user in users.all(db)? {
            let (mut tags, mut comments, mut titles) = (Vec::new(), 0, Vec::new());
            for post in user.posts.all(db)?.iter() {
                tags.extend(post.tags.all(db)?.iter().map(|tag| tag.name.clone()));
                comments += post.comments.all(db)?.len();
            }
            for comment in user.comment_set.all(db)?.iter() {
                titles.push(comment.post.get(db)?.title.clone());
            }
            out.push(json!([user.username, sorted(tags), comments, sorted(titles)]));
        }
        json!([out, watch.len()])
    }
    select_related_mix(db) {
        let watch = db.capture();
        let comments = Comment::objects().order_by(Comment::pk)
            .select_related((Comment::post.author.profile, Comment::author.profile, Comment::post.category));
        let mut out = Vec::new();
        for comment in comments.all(db)? {
            let post = comment.post.get(db)?;
            let who = comment.author.get(db)?;
            let profile = who.map(|who| who.profile.get(db)).transpose()?.flatten();
            out.push(json!([
                comment.pk(), post.author.get(db)?.username, post.category.get(db)?.map(|category| &category.name),
                who.map(|who| &who.username), profile.map(|profile| &profile.location),
            ]));
        }
        json!([out, watch.len()])
    }
    many_to_many_of_self(db) {
        let new = |name: &str| Person::objects().create(new!(Person { name }), db);
        let (mut a, mut b, mut c) = (new("za")?, new("zb")?, new("zc")?);
        a.follows.add([&b, &c], db)?;
        c.followers.add(&b, db)?;
        b.followers.remove(&a, db)?;
        let z = || Person::name.starts_with("z");
        let names = |rows: QuerySet<Person>| rows.filter(z()).values_list(Person::name).all(db).map(sorted);
        let (out, back) = (Person::follows.count().distinct(), Person::followers.count().distinct());
        let counts = Person::objects().filter(z()).annotate(&out).annotate(&back).order_by(Person::name)
            .values_list((Person::name, &out, &back)).all(db)?;
        let mut followers = Vec::new();
        for person in Person::objects().filter(z()).order_by(Person::name).prefetch_related(Person::followers).all(db)? {
            followers.push(sorted(person.followers.all(db)?.iter().map(|row| row.name.clone()).collect()));
        }
        let all = Person::objects;
        let first = json!([
            names(a.follows.objects()?)?, names(b.follows.objects()?)?, names(c.followers.objects()?)?, counts.answer(),
            names(all().exclude(Person::followers.name.eq("za")))?,
            names(all().filter(Person::followers.follows.eq(&c)).distinct())?,
            names(all().filter(Person::follows.is_null(true)))?,
            followers,
        ]);
        let itself = a.clone();
        a.follows.set(&itself, db)?;
        let mut found = first;
        let last = [Json::Null, json!(names(a.follows.objects()?)?), json!(names(a.followers.objects()?)?)];
        found.as_array_mut().into_iter().for_each(|found| found.extend(last.clone()));
        found
    }
    through_defaults(db) {
        let mut course = Course::objects().create(new!(Course { title: "t" }), db)?;
        let some = Student::objects().order_by(Student::pk).slice(..3).all(db)?;
        let own = Enrollment::course.eq(&course);
        let pairs = || Enrollment::objects().filter(own.clone()).order_by(Enrollment::student)
            .values_list((Enrollment::student_id, Enrollment::grade, Enrollment::completed)).all(db).map(|rows| rows.answer());
        let graded = |grade: &'static str, completed: bool| {
            move |_: &Student| new!(Enrollment { course: _, student: _, grade, completed })
        };
        let usual = SetOptions::default();
        course.students.set_through(&some[..2], graded("A", false), usual, db)?;
        let one = pairs()?;
        course.students.set_through(&some[1..], graded("B", true), usual, db)?;
        let two = pairs()?;
        course.students.add_with(&some[..2], graded("C", false), db)?;
        let three = pairs()?;
        course.students.set_through(&some[0], graded("D", false), SetOptions { clear: true }, db)?;
        let four = pairs()?;
        let user = User::objects().create(new!(User { username: "fresh" }), db)?;
        course.students.create_through(new!(Student { user: &user }), graded("E", false), db)?;
        json!([
            one, two, three, four,
            Enrollment::objects().filter(own.clone() & Enrollment::grade.eq("E")).count(db)?,
            course.students.filter(Student::enrollment_set.grade.eq("D"))?.count(db)?,
            course.students.count(db)?,
        ])
    }
    generic_filter_delete(db) {
        let new = |title: &str| Film::objects().create(new!(Film { title }), db);
        let (mut film, mut other) = (new("f")?, new("g")?);
        for word in ["a", "b", "c"] {
            film.labels.create(new!(Sticker { word, target: _ }), db)?;
        }
        other.labels.create(new!(Sticker { word: "a", target: _ }), db)?;
        let both = || Film::objects().filter(Film::title.is_in(["f", "g"]));
        let n = Film::labels.count();
        let title = Sticker::target.to::<Film>().title;
        let one = film.labels.filter(Sticker::word.is_in(["a", "b"]))?.order_by(Sticker::word).values_list(Sticker::word).all(db)?;
        let gone = counted(&film.labels.filter(Sticker::word.eq("a"))?.delete(db)?);
        let found = Film::objects().filter(Film::labels.word.eq("a")).values_list(Film::title).all(db)?;
        let without = both().exclude(Film::labels.word.eq("a")).values_list(Film::title).all(db)?;
        let counts = both().annotate(&n).order_by(Film::title).values_list((Film::title, &n)).all(db)?.answer();
        let back = Sticker::objects().filter(title.eq("f")).order_by(Sticker::word).values_list((Sticker::word, title)).all(db)?;
        film.labels.objects()?.update(Sticker::word.set("x"), db)?;
        let last = other.labels.objects()?.one(db)?;
        film.labels.add(&last, db)?;
        let moved = [film.labels.count(db)?, other.labels.count(db)?];
        let deleted = counted(&film.delete(db)?);
        let left = Sticker::objects().filter(Sticker::word.is_in(["x", "a"])).count(db)?;
        json!([one, gone, found, without, counts, back.answer(), moved, deleted, left])
    }
    generic_filters_and_counts(db) {
        let new = |title: &str| Film::objects().create(new!(Film { title }), db);
        let (mut one, two) = (new("one")?, new("two")?);
        for (word, film) in [("a", &one), ("b", &one), ("c", &two)] {
            Sticker::objects().create(new!(Sticker { word, target: film }), db)?;
        }
        let user = User::objects().get(User::pk.eq(1), db)?;
        Sticker::objects().create(new!(Sticker { word: "u", target: &user }), db)?;
        let n = Film::labels.count();
        // Django was asked in a database without the sample's films.
        let films = || Film::objects().filter(Film::title.is_in(["one", "two"])).order_by(Film::title);
        let counts = films().annotate(&n).values_list((Film::title, &n)).all(db)?;
        let with = films().filter(Film::labels.word.eq("b")).values_list(Film::title).all(db)?;
        let without = films().exclude(Film::labels.word.eq("b")).values_list(Film::title).all(db)?;
        let back = Sticker::objects().filter(Sticker::target.to::<Film>().title.eq("one")).order_by(Sticker::word).values_list(Sticker::word).all(db)?;
        let mut kinds = Vec::new();
        let words = Sticker::word.is_in(["a", "b", "c", "u"]);
        for sticker in Sticker::objects().filter(words.clone()).order_by(Sticker::word).prefetch_related(Sticker::target).all(db)? {
            kinds.push(if sticker.target.loaded::<Film>().is_some() { "Film" } else { "User" });
        }
        let gone = one.labels.filter(Sticker::word.eq("a"))?.delete(db)?.total;
        json!([
            counts, with, without, back, kinds, gone, one.labels.count(db)?, counted(&one.delete(db)?),
            Sticker::objects().filter(words).count(db)?,
        ])
    }
    generic_more(db) {
        let mut film = Film::objects().create(new!(Film { title: "f" }), db)?;
        let user = User::objects().create(new!(User { username: "stuck" }), db)?;
        for word in ["p", "q"] {
            film.labels.create(new!(Sticker { word, target: _ }), db)?;
        }
        Sticker::objects().create(new!(Sticker { word: "u", target: &user }), db)?;
        let watch = db.capture();
        let some = Sticker::word.is_in(["p", "q", "u"]);
        let mut rows = Vec::new();
        for sticker in Sticker::objects().filter(some).order_by(Sticker::word).prefetch_related(Sticker::target).all(db)? {
            let kind = if sticker.target.loaded::<Film>().is_some() { "Film" } else { "" };
            let kind = if sticker.target.loaded::<User>().is_some() { "User" } else { kind };
            rows.push(json!([sticker.word, kind]));
        }
        let n = watch.len();
        let watch = db.capture();
        let mut nested = Vec::new();
        for film in Film::objects().filter(Film::pk.eq(film.pk())).prefetch_related(Film::labels).all(db)? {
            nested.push(json!([film.title, sorted(film.labels.all(db)?.iter().map(|row| row.word.clone()).collect())]));
        }
        let m = watch.len();
        let p = film.labels.filter(Sticker::word.eq("p"))?.one(db)?;
        film.labels.remove(&p, db)?;
        let left = [film.labels.count(db)?, Sticker::objects().filter(Sticker::word.eq("p")).count(db)?];
        film.labels.clear(db)?;
        let is_left = film.labels.exists(db)?;
        let word = || new!(Sticker { word: "n", target: _ });
        let made = film.labels.get_or_create(Sticker::word.eq("n"), word, db)?.1;
        json!([rows, n, nested, m, left, is_left, made, film.labels.get_or_create(Sticker::word.eq("n"), word, db)?.1])
    }
}

/// The sample's tables, and those of the places.
fn places() -> Db {
    let models = (Place::app(), Restaurant::app(), Pizzeria::app());
    lab::app().models(models).open_memory().expect("the models fit")
}

fn restaurant(name: &str, stars: i32, db: &Db) -> Result<Restaurant> {
    let place = new!(Place { name, city: "X" });
    Restaurant::objects().create(new!(Restaurant { place, stars: Some(stars) }), db)
}

fn pizzeria(name: &str, stars: i32, oven: &str, db: &Db) -> Result<Pizzeria> {
    let place = new!(Place { name, city: "X" });
    let restaurant = new!(Restaurant { place, stars: Some(stars) });
    Pizzeria::objects().create(new!(Pizzeria { restaurant, oven }), db)
}

oracle! { "parents", places;
    reading(db) {
        let r = restaurant("R", 3, db)?;
        let z = pizzeria("P", 2, "gas", db)?;
        Place::objects().create(new!(Place { name: "Q", city: "X" }), db)?;
        let watch = db.capture();
        let rows: Vec<Json> = Pizzeria::objects().filter(Pizzeria::restaurant.place.name.eq("P")).all(db)?.iter()
            .map(|row| json!([row.name, row.stars, row.oven])).collect();
        let mut seen = Vec::new();
        for place in Place::objects().filter(Place::city.eq("X")).select_related(Place::restaurant).order_by(Place::name).all(db)? {
            seen.push(json!([place.name, place.restaurant.get(db)?.map(|restaurant| restaurant.stars)]));
        }
        let n = watch.len();
        let at_x = || Place::objects().filter(Place::city.eq("X")).order_by(Place::name);
        let names = |rows: QuerySet<Place>| rows.values_list(Place::name).all(db);
        let eaten = || Restaurant::objects().filter(Restaurant::place.city.eq("X"));
        let oven: Vec<Json> = at_x().filter(Place::restaurant.stars.gt(1)).values_list((Place::name, Place::restaurant.stars, Place::pk)).all(db)?
            .into_iter()
            .map(|(name, stars, key)| Ok(json!([
                name, stars, Pizzeria::objects().filter(Pizzeria::pk.eq(key)).values_list(Pizzeria::oven).first(db)?,
            ]))).collect::<Result<_>>()?;
        let ovens = Pizzeria::objects().values_list(Pizzeria::pk);
        json!([
            rows, seen, n, oven,
            names(at_x().exclude(Place::restaurant.stars.eq(3)))?,
            names(at_x().filter(Place::restaurant.is_null(true)))?,
            eaten().exclude(Restaurant::place_id.is_in(ovens)).values_list(Restaurant::place.name).all(db)?,
            Pizzeria::objects().filter(Pizzeria::restaurant.place.city.eq("X")).values((Pizzeria::restaurant.place.name.named("name"), Pizzeria::restaurant.stars.named("stars"), Pizzeria::oven)).all(db)?.answer(),
            eaten().order_by(Restaurant::place.name.desc()).values_list(Restaurant::place.name).all(db)?,
            eaten().aggregate_values((Restaurant::stars.sum().named("s"), Restaurant::place.name.max().named("n")), db)?.answer(),
            Restaurant::objects().in_bulk([r.pk().unwrap_or_default()], db)?.values().map(|row| row.name.clone()).next(),
            Pizzeria::objects().get(Pizzeria::pk.eq(z.pk().unwrap_or_default()), db)?.oven,
        ])
    }
    deleting(db) {
        pizzeria("P", 2, "wood", db)?;
        restaurant("R", 3, db)?;
        let q = Place::objects().create(new!(Place { name: "Q", city: "X" }), db)?;
        let a = counted(&Pizzeria::objects().filter(Pizzeria::restaurant.place.name.eq("P")).delete(db)?);
        let b = counted(&Place::objects().filter(Place::name.eq("R")).delete(db)?);
        let c = counted(&Place::objects().filter(Place::pk.eq(q.pk().unwrap_or_default())).delete(db)?);
        let mut z = pizzeria("P", 2, "wood", db)?;
        let d = counted(&z.delete_with(DeleteOptions { keep_parents: true }, db)?);
        let left = [
            Restaurant::objects().filter(Restaurant::place.name.eq("P")).count(db)?,
            Place::objects().filter(Place::name.eq("P")).count(db)?,
        ];
        let e = counted(&Restaurant::objects().filter(Restaurant::place.name.eq("P")).delete(db)?);
        json!([a, b, c, d, left, e])
    }
}
