//! What models are: choices, how instances read, proxies. Django's answers.

use nuages::{
    field::Choices as _,
    meta::{Choice, ChoiceValue},
    prelude::*,
};
use nuages_tests::{
    data,
    lab::Shopper,
    oracle,
    oracle::{Answer, instance},
};
use serde_json::{Value as Json, json};

#[derive(Choices, Clone, Debug, PartialEq, PartialOrd)]
enum Status {
    Pending,
    Paid,
    Shipped,
    Cancelled,
}

#[derive(Choices, Clone, Debug, PartialEq, PartialOrd)]
enum Priority {
    #[choices(value = 1)]
    Low,
    #[choices(value = 2)]
    Normal,
    #[choices(value = 3)]
    High,
    #[choices(unknown)]
    Other(i64),
}

/// The orders of the lab with their choices.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Order {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    shopper: ForeignKey<Shopper>,
    #[field(choices, max_length = 20, default = Some(Status::Pending))]
    status: Option<Status>,
    #[field(choices, default = Priority::Normal)]
    priority: Priority,
    placed_at: DateTime,
}

#[derive(Choices, Clone, Debug, PartialEq)]
enum Stage {
    Draft,
    #[choices(label = "In review")]
    Review,
    Published,
}

/// What a post of the lab is at.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Post {
    id: Auto<i64>,
    title: String,
    slug: String,
    body: String,
    author_id: i64,
    category_id: Option<i64>,
    view_count: u32,
    is_active: bool,
    is_featured: bool,
    #[field(choices)]
    status: Stage,
    created_at: DateTime,
    updated_at: DateTime,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", display = Self::label)]
struct Tag {
    id: Auto<i64>,
    name: String,
    slug: String,
}

impl Tag {
    fn label(&self) -> &str {
        &self.name
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Place {
    id: Auto<i64>,
    name: String,
    city: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(proxy, ordering = [-name], objects = Self::open)]
struct PlaceProxy(Place);

impl PlaceProxy {
    fn open() -> QuerySet<Place> {
        Place::objects().exclude(Place::city.eq("Closed"))
    }
}

fn db() -> Db {
    let models = (Shopper::app(), Order::app(), Post::app(), Tag::app(), Place::app());
    data::loaded(App::new().models(models), &data::file("lab"))
}

fn order(key: i64, db: &Db) -> Result<Order> {
    Order::objects().get(Order::id.eq(key), db)
}

/// As JSON has it.
fn stored(choice: &Choice) -> Json {
    match choice.value {
        ChoiceValue::Int(value) => json!(value),
        ChoiceValue::Text(value) => json!(value),
    }
}

/// The label, and of a value that is no choice the value.
fn shown(priority: &Priority) -> Json {
    match Priority::CHOICES.iter().any(|choice| stored(choice) == json!(priority.value())) {
        true => json!(priority.label()),
        false => priority.label().parse::<i64>().map_or(Json::Null, Json::from),
    }
}

/// `"Status"` of a type.
fn name_of<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or_default()
}

oracle! { "model", db;
    get_foo_display(db) {
        let second = order(2, db)?;
        let at: DateTime = "2024-01-01T00:00:00Z".parse().expect("a moment");
        let strange = new!(Order { shopper: 1, placed_at: at, status: None, priority: Priority::Other(99) });
        json!([
            second.status.as_ref().map(ToString::to_string),
            second.get_status_display(),
            second.get_priority_display(),
            shown(&strange.priority),
            strange.get_status_display(),
            Post::objects().get(Post::id.eq(4), db)?.get_status_display(),
        ])
    }
    choices_api(db) {
        assert!(Order::objects().exists(db).is_ok());
        fn pairs(choices: &[Choice]) -> Json {
            choices.iter().map(|choice| json!([stored(choice), choice.label])).collect()
        }
        let (labels, values): (Vec<&str>, Vec<Json>) =
            Status::CHOICES.iter().map(|choice| (choice.label, stored(choice))).unzip();
        let names: Vec<String> = Status::NAMES.iter().map(|name| name.to_uppercase()).collect();
        json!([
            pairs(Status::CHOICES),
            labels,
            values,
            names,
            pairs(Priority::CHOICES),
            Status::Paid.value() == "paid",
            Status::Paid.to_string(),
            Status::choice("paid").map(|paid| paid.label().into_owned()).ok(),
            Priority::High > Priority::Low,
            Status::choice("paid").is_ok(),
            Status::choice("lost").is_ok(),
        ])
    }
    filter_by_choice_member(db) {
        json!([
            Order::objects().filter(Order::status.eq(Status::Paid)).count(db)?,
            Order::objects().filter(Order::status.eq("paid")).count(db)?,
            Order::objects().filter(Order::priority.gte(Priority::Normal)).count(db)?,
        ])
    }
    proxy(db) {
        Place::objects().delete(db)?;
        for name in ["Park", "Zoo"] {
            Place::objects().create(new!(Place { name, city: "Rome" }), db)?;
        }
        let names = PlaceProxy::objects().all(db)?.iter().map(|place| place.name.clone()).collect::<Vec<_>>();
        fn type_of<T>(_: &Option<T>) -> &'static str {
            name_of::<T>()
        }
        let created = PlaceProxy::create(new!(Place { name: "P", city: "Q" }), db)?;
        json!([
            names,
            type_of(&PlaceProxy::objects().first(db)?),
            type_of(&Place::objects().first(db)?),
            Place::meta().table,
            *created == Place::objects().get(Place::name.eq("P"), db)?,
        ])
    }
}

mod music {
    use super::*;
    use nuages_tests::chinook::Genre;

    #[test]
    fn str_repr() -> Result<()> {
        let (music, lab) = (data::chinook(), db());
        let genre = Genre::objects().get(Genre::id.eq(1), &music)?;
        let tag = Tag::objects().get(Tag::id.eq(1), &lab)?;
        let unsaved = new!(Genre {});
        let found = json!([genre.describe(), tag.repr(), unsaved.describe(), Status::Paid.to_string()]);
        oracle::check("model.str_repr", &found);
        assert_eq!(instance(&tag), json!("Tag#1"));
        assert_eq!(tag.id.answer(), json!(1));
        Ok(())
    }
}
