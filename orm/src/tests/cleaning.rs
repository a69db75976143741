//! What `full_clean` says, to the letter: Django 5.2's messages for the same model and values.

use crate::{
    constraint::{Constraint, check, unique},
    field::{Email, Slug, Url},
    prelude::*,
    validate::max_value,
};

#[derive(Model, Clone, Debug)]
#[model(app = "lab")]
struct Shop {
    id: Auto<i64>,
    name: String,
}

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
enum Kind {
    #[choices(value = "a")]
    A,
    #[choices(value = "b")]
    B,
}

#[derive(Model, Clone, Debug)]
#[model(
    app = "lab",
    unique_together(room, day),
    unique_together(room, shop, day),
    constraints = Item::constraints
)]
struct Item {
    id: Auto<i64>,
    #[field(verbose_name = "item code", max_length = 3, unique)]
    code: String,
    kind: Kind,
    #[field(max_digits = 4, decimal_places = 2)]
    price: Decimal,
    small: i16,
    #[field(validators = [max_value(10)])]
    amount: u32,
    mail: Email,
    slug: Slug,
    site: Url,
    #[field(on_delete = Cascade)]
    shop: ForeignKey<Shop>,
    #[field(max_length = 10)]
    room: String,
    day: Date,
    #[field(max_length = 10, unique_for_date = day)]
    title: String,
    #[field(max_length = 10, unique_for_month = day)]
    monthly: String,
    #[field(max_length = 10, unique_for_year = day)]
    yearly: String,
    live: bool,
}

impl Item {
    fn constraints() -> Vec<Constraint<Item>> {
        vec![
            unique(Item::small).when(Item::live.eq(true)).name("one_live"),
            unique(Item::slug.lower()).name("slug_ci"),
            unique(Item::mail).name("plain_mail"),
            unique((Item::mail, Item::site)).name("mail_site"),
            unique(Item::site).name("own_words").message("Taken.").code("taken"),
            check(Item::amount.gt(0)).name("some"),
            check(Item::price.gt(0)).name("priced").message("Not free.").code("free"),
        ]
    }
}

/// The item of the only row.
fn good() -> Item {
    new!(Item {
        code: "abc",
        kind: Kind::A,
        price: "1.50".parse::<Decimal>().unwrap(),
        small: 1_i16,
        amount: 1_u32,
        mail: "a@b.org",
        slug: "s",
        site: "https://a.org",
        shop: 1,
        room: "r",
        day: "2024-01-02".parse::<Date>().unwrap(),
        title: "t",
        monthly: "m",
        yearly: "y",
        live: true,
    })
}

/// What is said of another item than the good one: a line each, and a star for the whole.
fn said(change: impl FnOnce(&mut Item)) -> Vec<String> {
    let db = App::new().models((Shop::app(), Item::app())).open_memory().unwrap();
    Shop::objects().create(new!(Shop { name: "x" }), &db).unwrap();
    Item::objects().create(good(), &db).unwrap();
    let mut item = good();
    change(&mut item);
    let Err(Error::Validation(errors)) = item.full_clean(&db) else { return Vec::new() };
    let lines = errors.iter().flat_map(|(field, messages)| {
        let field = if field == "__all__" { "*" } else { field };
        messages.iter().map(move |message| format!("{field}: {}: {}", message.code, message.text))
    });
    let mut lines: Vec<String> = lines.collect();
    // Of two fields nobody reads the order.
    lines.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    lines
}

const TOGETHER: [&str; 2] = [
    "*: unique_together: Item with this Room and Day already exists.",
    "*: unique_together: Item with this Room, Shop and Day already exists.",
];

#[test]
fn a_row_that_is_there_already_is_told_by_each_field_and_constraint() {
    let expected = [
        TOGETHER[0],
        TOGETHER[1],
        "*: violated: Constraint \u{201c}one_live\u{201d} is violated.",
        "*: violated: Constraint \u{201c}slug_ci\u{201d} is violated.",
        "*: unique_together: Item with this Mail and Site already exists.",
        "*: taken: Taken.",
        "code: unique: Item with this Item code already exists.",
        "mail: unique: Item with this Mail already exists.",
        "monthly: unique_for_date: Monthly must be unique for Day month.",
        "title: unique_for_date: Title must be unique for Day date.",
        "yearly: unique_for_date: Yearly must be unique for Day year.",
    ];
    assert_eq!(said(|_| {}), expected);
}

/// Nothing in common with the row that is there.
fn other(item: &mut Item) {
    item.code = "x".into();
    item.room = "q".into();
    (item.mail, item.site, item.slug) = ("n@b.org".into(), "https://n.org".into(), "n".into());
    (item.title, item.monthly, item.yearly) = ("u".into(), "n".into(), "z".into());
    item.live = false;
}

/// What is said of an item that has nothing in common with the row, but this change.
fn alone(change: impl FnOnce(&mut Item)) -> Vec<String> {
    said(|item| {
        other(item);
        change(item);
    })
}

#[test]
fn values_that_do_not_fit_are_told_in_djangos_words() {
    let said = alone(|item| {
        item.code = "abcd".into();
        item.price = "123.4".parse().unwrap();
        item.amount = 11;
        (item.mail, item.slug, item.site) = ("x".into(), "a b".into(), "x".into());
        item.shop = 99.into();
    });
    let expected = [
        "amount: max_value: Ensure this value is less than or equal to 10.",
        "code: max_length: Ensure this value has at most 3 characters (it has 4).",
        "mail: invalid: Enter a valid email address.",
        "price: max_whole_digits: Ensure that there are no more than 2 digits before the decimal point.",
        "shop: invalid: shop instance with id 99 is not a valid choice.",
        "site: invalid: Enter a valid URL.",
        "slug: invalid: Enter a valid \u{201c}slug\u{201d} consisting of letters, numbers, underscores or hyphens.",
    ];
    assert_eq!(said, expected);
    let price = |price: &str| alone(|item| item.price = price.parse().unwrap());
    let places = "price: max_decimal_places: Ensure that there are no more than 2 decimal places.";
    assert_eq!(price("1.234"), [places]);
    let digits = "price: max_digits: Ensure that there are no more than 4 digits in total.";
    assert_eq!(price("12345.6"), [digits]);
    assert_eq!(alone(|item| item.code.clear()), ["code: blank: This field cannot be blank."]);
    let free = ["*: violated: Constraint \u{201c}some\u{201d} is violated.", "*: free: Not free."];
    assert_eq!(
        alone(|item| {
            item.amount = 0;
            item.price = 0.into();
        }),
        free
    );
}

#[test]
fn only_what_is_in_the_way_is_told() {
    assert_eq!(alone(|_| {}), [""; 0]);
    let slug = ["*: violated: Constraint \u{201c}slug_ci\u{201d} is violated."];
    assert_eq!(alone(|item| item.slug = "S".into()), slug);
    let next_year = |item: &mut Item| {
        (item.title, item.monthly, item.yearly) = ("t".into(), "m".into(), "y".into());
        item.day = "2025-01-02".parse().unwrap();
    };
    assert_eq!(alone(next_year), ["monthly: unique_for_date: Monthly must be unique for Day month."]);
}

#[derive(Model, Clone, Debug)]
#[model(app = "lab", constraints = Page::constraints)]
struct Page {
    id: Auto<i64>,
    #[field(max_length = 10)]
    tenant: String,
    #[field(max_length = 10)]
    slug: String,
    day: Date,
    rank: i64,
    #[field(max_length = 10, unique_for_year = day)]
    title: String,
    live: bool,
}

impl Page {
    fn constraints() -> Vec<Constraint<Page>> {
        vec![
            unique((Page::tenant, Page::slug)).when(Page::live.eq(true)).name("one_slug"),
            unique((Page::rank + 1, Page::slug.lower())).name("one_rank"),
        ]
    }
}

/// As migrations leave it that have added fields one after the other, and one that the model no longer has.
const PAGES: &str = "
    CREATE TABLE lab_page (
        id BIGSERIAL PRIMARY KEY, live BOOLEAN NOT NULL, slug VARCHAR(10) NOT NULL, gone TEXT, rank BIGINT NOT NULL,
        title VARCHAR(10) NOT NULL, tenant VARCHAR(10) NOT NULL, day DATE NOT NULL
    );
    INSERT INTO lab_page (tenant, slug, day, rank, title, live) VALUES ('a', 'x', '2024-01-02', 1, 't', TRUE)";

#[test]
fn a_table_whose_columns_stand_in_another_order_is_asked_for_the_same() {
    let database = nuages_engine::Database::new();
    nuages_engine::sql::Connection::new(database.clone()).execute(PAGES, &[]).unwrap();
    let db = App::new().models(Page::app()).bind(database).unwrap();
    let page = |tenant: &str, slug: &str, rank: i64, title: &str, day: &str| {
        let page = new!(Page { tenant, slug, day: day.parse::<Date>().unwrap(), rank, title, live: true });
        match page.full_clean(&db) {
            Ok(()) => Vec::new(),
            Err(Error::Validation(errors)) => {
                errors.iter().flat_map(|(_, told)| told.iter().map(|one| one.text.clone())).collect()
            }
            Err(other) => vec![other.to_string()],
        }
    };
    let none = [""; 0];
    assert_eq!(page("a", "x", 7, "u", "2024-01-02"), ["Constraint \u{201c}one_slug\u{201d} is violated."]);
    assert_eq!(page("x", "a", 7, "u", "2024-01-02"), none);
    assert_eq!(page("b", "X", 1, "u", "2024-01-02"), ["Constraint \u{201c}one_rank\u{201d} is violated."]);
    assert_eq!(page("b", "x", 2, "u", "2024-01-02"), none);
    assert_eq!(page("b", "y", 1, "t", "2024-12-31"), ["Title must be unique for Day year."]);
    assert_eq!(page("b", "y", 1, "t", "2025-01-02"), none);
}

#[derive(Model, Clone, Debug)]
#[model(app = "lab")]
struct Sheet {
    id: Auto<i64>,
    number: Option<i32>,
    #[field(blank)]
    free: Option<i32>,
    #[field(default = 3)]
    given: Option<i32>,
    #[field(editable = false)]
    hidden: Option<i32>,
    #[field(on_delete = SetNull)]
    shop: Option<ForeignKey<Shop>>,
    #[field(default = Json::from(1))]
    document: Json,
    #[field(default = vec![1])]
    bytes: Vec<u8>,
}

/// What is said of a sheet: a line each.
fn told(result: Result<Sheet>) -> Vec<String> {
    let Err(Error::Validation(errors)) = result else { return Vec::new() };
    let lines = errors.iter().flat_map(|(field, messages)| {
        messages.iter().map(move |message| format!("{field}: {}: {}", message.code, message.text))
    });
    lines.collect()
}

#[test]
fn what_may_be_null_and_is_not_blank_must_be_filled() {
    let db = App::new().models((Shop::app(), Sheet::app())).open_memory().unwrap();
    let shop = Shop::objects().create(new!(Shop { name: "x" }), &db).unwrap();
    let clean = |sheet: Sheet| told(sheet.full_clean(&db).map(|()| sheet));
    let blank = |field: &str| format!("{field}: blank: This field cannot be blank.");
    assert_eq!(clean(new!(Sheet {})), [blank("number"), blank("shop")]);
    assert_eq!(clean(new!(Sheet { number: 1, shop: &shop })), [""; 0]);
    for json in [Json::Object(Default::default()), Json::Array(Vec::new()), Json::from("")] {
        assert_eq!(clean(new!(Sheet { number: 1, shop: &shop, document: json })), [blank("document")]);
    }
    let null = ["document: null: This field cannot be null."];
    assert_eq!(clean(new!(Sheet { number: 1, shop: &shop, document: Json::Null })), null);
    assert_eq!(clean(new!(Sheet { number: 1, shop: &shop, document: Json::Bool(false) })), [""; 0]);
    assert_eq!(clean(new!(Sheet { number: 1, shop: &shop, bytes: Vec::new() })), [blank("bytes")]);
    // The table takes what a form does not.
    assert!(new!(Sheet {}).insert(&db).is_ok());

    let required = |field: &str| format!("{field}: required: This field is required.");
    let none: [(&str, &str); 0] = [];
    assert_eq!(told(Sheet::clean_from(none, &db)), [required("number"), required("shop")]);
    assert_eq!(told(Sheet::clean_from([("number", ""), ("shop", "1")], &db)), [required("number")]);
    assert_eq!(told(Sheet::clean_from([("number", "1"), ("shop", "1"), ("free", "")], &db)), [""; 0]);
}
