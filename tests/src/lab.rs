//! Small models by hand, for what a real database does not show: a blog, a shop, a school, people, accounts, and every
//! rule of deletion.
#![allow(missing_docs, reason = "fields of a sample are named for what they are")]

use std::net::IpAddr;

mod keys;

pub use keys::{Chapter, EnrolmentKey, Film};

use nuages::{
    constraint::{Constraint, check, unique},
    error::ValidationErrors,
    prelude::*,
    validate::{matches, max_value, min_value},
};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct User {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub username: String,
    #[field(blank, default = "")]
    pub email: String,
    #[field(default = false)]
    pub is_staff: bool,
    #[related(Profile::user)]
    pub profile: RelatedOne<Profile>,
    #[related(Post::author)]
    pub posts: Related<Post>,
    #[related(Comment::author)]
    pub comment_set: Related<Comment>,
    #[related(Student::user)]
    pub student: RelatedOne<Student>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Profile {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub user: OneToOne<User>,
    #[field(blank, default = "")]
    pub bio: String,
    #[field(blank, default = "")]
    pub website: String,
    #[field(blank, max_length = 100, default = "")]
    pub location: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", verbose_name_plural = "Categories")]
pub struct Category {
    pub id: Auto<i64>,
    #[field(max_length = 100)]
    pub name: String,
    #[field(unique)]
    pub slug: Slug,
    #[related(Post::category)]
    pub posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Tag {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub name: String,
    #[field(unique)]
    pub slug: Slug,
    #[related(Post::tags)]
    pub posts: Related<Post>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [-created_at], get_latest_by = created_at)]
pub struct Post {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub title: String,
    #[field(unique)]
    pub slug: Slug,
    pub body: String,
    #[field(on_delete = Cascade)]
    pub author: ForeignKey<User>,
    #[field(on_delete = SetNull)]
    pub category: Option<ForeignKey<Category>>,
    #[field(default = 0)]
    pub view_count: u32,
    #[field(default = true)]
    pub is_active: bool,
    #[field(default = false)]
    pub is_featured: bool,
    #[field(max_length = 20, default = "draft")]
    pub status: String,
    #[field(auto_now_add)]
    pub created_at: DateTime,
    #[field(auto_now)]
    pub updated_at: DateTime,
    pub tags: ManyToMany<Tag>,
    #[related(Comment::post)]
    pub comments: Related<Comment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Comment {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub post: ForeignKey<Post>,
    #[field(on_delete = SetNull)]
    pub author: Option<ForeignKey<User>>,
    #[field(max_length = 200)]
    pub text: String,
    #[field(default = 0)]
    pub score: i32,
    pub flagged: Option<bool>,
    pub created_at: DateTime,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Store {
    pub id: Auto<i64>,
    #[field(max_length = 50)]
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(
    app = "lab",
    table = "shop_product",
    ordering = [name],
    unique_together(sku, store),
    constraints = Product::constraints
)]
pub struct Product {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub name: String,
    #[field(max_length = 50)]
    pub sku: String,
    #[field(on_delete = Cascade)]
    pub store: ForeignKey<Store>,
    #[field(max_length = 50)]
    pub category: String,
    #[field(max_digits = 10, decimal_places = 2)]
    pub price: Decimal,
    #[field(max_digits = 10, decimal_places = 2)]
    pub cost: Decimal,
    #[field(max_digits = 10, decimal_places = 2)]
    pub sale_price: Option<Decimal>,
    #[field(default = 0)]
    pub stock: i32,
    #[field(default = 5)]
    pub reorder_level: i32,
    pub average_rating: Option<f64>,
}

impl Product {
    fn constraints() -> Vec<Constraint<Product>> {
        vec![check(Product::price.gte(0)).name("price_not_negative")]
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Booking::constraints, clean = Booking::clean)]
pub struct Booking {
    pub id: Auto<i64>,
    #[field(max_length = 10)]
    pub room: String,
    pub start: Date,
    pub end: Date,
    #[field(default = false)]
    pub cancelled: bool,
}

impl Booking {
    fn clean(&self) -> Result<()> {
        match self.room == "closed" {
            // Django's message has no code either.
            true => Err(Error::invalid(ValidationErrors::WHOLE, "", "That room is closed.")),
            false => Ok(()),
        }
    }

    fn constraints() -> Vec<Constraint<Booking>> {
        vec![
            check(Booking::end.gt(Booking::start))
                .name("end_after_start")
                .message("End must be after start."),
            unique((Booking::room, Booking::start))
                .when(Booking::cancelled.eq(false))
                .name("room_start_active"),
        ]
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Shopper {
    pub id: Auto<i64>,
    #[field(max_length = 50)]
    pub name: String,
    pub last_seen: Option<Date>,
    #[related(Order::shopper)]
    pub orders: Related<Order>,
    #[related(Review::shopper)]
    pub reviews: Related<Review>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Order {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub shopper: ForeignKey<Shopper>,
    #[field(max_length = 20, default = "pending")]
    pub status: String,
    #[field(default = 2)]
    pub priority: i32,
    pub placed_at: DateTime,
    #[related(OrderItem::order)]
    pub items: Related<OrderItem>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct OrderItem {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub order: ForeignKey<Order>,
    #[field(on_delete = Protect)]
    pub product: ForeignKey<Product>,
    #[field(default = 1)]
    pub quantity: u32,
    #[field(max_digits = 10, decimal_places = 2)]
    pub price: Decimal,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", unique_together(product, shopper))]
pub struct Review {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub product: ForeignKey<Product>,
    #[field(on_delete = Cascade)]
    pub shopper: ForeignKey<Shopper>,
    #[field(validators = [min_value(1), max_value(5)])]
    pub rating: u16,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Student {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub user: OneToOne<User>,
    #[related(Course::students)]
    pub courses: Related<Course>,
    #[related(Enrollment::student)]
    pub enrollment_set: Related<Enrollment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Course {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub title: String,
    pub students: ManyToMany<Student, Enrollment>,
    #[related(Enrollment::course)]
    pub enrollment_set: Related<Enrollment>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", unique_together(student, course))]
pub struct Enrollment {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub student: ForeignKey<Student>,
    #[field(on_delete = Cascade)]
    pub course: ForeignKey<Course>,
    #[field(auto_now_add)]
    pub enrolled_at: DateTime,
    #[field(max_length = 2, blank, default = "")]
    pub grade: String,
    #[field(default = false)]
    pub completed: bool,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Person {
    pub id: Auto<i64>,
    #[field(max_length = 50)]
    pub name: String,
    pub friends: ManyToMany<Person>,
    #[field(symmetrical = false)]
    pub follows: ManyToMany<Person>,
    #[related(Person::follows)]
    pub followers: Related<Person>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Account::constraints)]
pub struct Account {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub owner: String,
    #[field(default = 0)]
    pub balance: i32,
    #[related(Transfer::from_account)]
    pub outgoing_transfers: Related<Transfer>,
    #[related(Transfer::to_account)]
    pub incoming_transfers: Related<Transfer>,
}

impl Account {
    fn constraints() -> Vec<Constraint<Account>> {
        vec![check(Account::balance.gte(0)).name("balance_not_negative")]
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Transfer {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub from_account: ForeignKey<Account>,
    #[field(on_delete = Cascade)]
    pub to_account: ForeignKey<Account>,
    pub amount: i32,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Region {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[related(Depot::region)]
    pub depots: Related<Depot>,
    #[related(Lease::region)]
    pub leases: Related<Lease>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Depot {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(on_delete = Cascade)]
    pub region: ForeignKey<Region>,
    #[related(Bin::depot)]
    pub bins: Related<Bin>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Bin {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub label: String,
    #[field(on_delete = Cascade)]
    pub depot: ForeignKey<Depot>,
    #[related(Part::bin)]
    pub parts: Related<Part>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Part {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(on_delete = SetNull)]
    pub bin: Option<ForeignKey<Bin>>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Audit {
    pub id: Auto<i64>,
    #[field(on_delete = Protect)]
    pub depot: ForeignKey<Depot>,
}

/// Deletable with its region, not with its depot.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Lease {
    pub id: Auto<i64>,
    #[field(on_delete = Restrict)]
    pub depot: ForeignKey<Depot>,
    #[field(on_delete = Cascade)]
    pub region: ForeignKey<Region>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Scan {
    pub id: Auto<i64>,
    #[field(on_delete = DoNothing)]
    pub bin: ForeignKey<Bin>,
}

/// A coupon whose code is unique whatever the case of its letters, and whose headline is so on a day.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Coupon::constraints)]
pub struct Coupon {
    pub id: Auto<i64>,
    #[field(max_length = 10, validators = [matches("^[A-Za-z0-9]+$")])]
    pub code: String,
    #[field(max_length = 10, blank)]
    pub campaign: Option<String>,
    #[field(blank)]
    pub published: Option<Date>,
    #[field(max_length = 20, blank, unique_for_date = published)]
    pub headline: String,
}

impl Coupon {
    fn constraints() -> Vec<Constraint<Coupon>> {
        vec![unique(Coupon::code.lower()).name("code_ci"), unique((Coupon::campaign,)).name("one_campaign")]
    }
}

/// Every kind of default, and a column that the database computes. The name is an `Option` with a constraint so that a
/// test can leave it out as Python can.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Counter::constraints)]
pub struct Counter {
    pub id: Auto<i64>,
    #[field(max_length = 20, default = Some("unnamed".to_owned()))]
    pub name: Option<String>,
    #[field(default = 0)]
    pub hits: i32,
    #[field(db_default = 7)]
    pub weight: Auto<i32>,
    #[field(db_default = now())]
    pub seen_at: Auto<DateTime>,
    #[field(generated = Counter::hits * 2)]
    pub doubled: Auto<i32>,
}

impl Counter {
    fn constraints() -> Vec<Constraint<Counter>> {
        vec![check(Counter::name.is_null(false)).name("has_a_name")]
    }
}

/// A ticket goes back to the first user, and to the one who stands for all that are gone.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Ticket {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub title: String,
    #[field(on_delete = SetDefault, default = 1)]
    pub editor: ForeignKey<User>,
    #[field(on_delete = Set(sentinel_user))]
    pub reviewer: Option<ForeignKey<User>>,
}

/// Who stands for deleted users.
fn sentinel_user(ex: &dyn Executor) -> Result<User> {
    let deleted = || new!(User { username: "deleted" });
    Ok(User::objects().get_or_create(User::username.eq("deleted"), deleted, ex)?.0)
}

/// Rows that are hidden before they are deleted.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", objects = Self::live)]
pub struct Soft {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(default = false)]
    pub deleted: bool,
    #[field(on_delete = Cascade)]
    pub parent: Option<ForeignKey<Soft>>,
    #[related(Soft::parent)]
    pub children: Related<Soft>,
}

impl Soft {
    fn live() -> QuerySet<Soft> {
        Soft::all_objects().filter(Soft::deleted.eq(false))
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Gadget {
    #[field(primary_key, default = Uuid::new_v4())]
    pub id: Auto<Uuid>,
    #[field(max_length = 30)]
    pub name: String,
    #[field(default = serde_json::json!({}))]
    pub meta: Option<Json>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct AllTypes {
    pub id: Auto<i64>,
    pub big: Option<i64>,
    pub small: Option<i16>,
    #[field(validators = [max_value(i32::MAX)])]
    pub positive: Option<u32>,
    pub real: Option<f64>,
    #[field(max_digits = 8, decimal_places = 2)]
    pub money: Option<Decimal>,
    pub flag: Option<bool>,
    pub text: Option<String>,
    #[field(max_length = 5)]
    pub short: Option<String>,
    pub day: Option<Date>,
    pub moment: Option<DateTime>,
    pub clock: Option<Time>,
    pub span: Option<Duration>,
    pub token: Option<Uuid>,
    pub blob: Option<Vec<u8>>,
    pub ip: Option<IpAddr>,
    pub data: Option<Json>,
}

/// An abstract base: who made it.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(abstract, ordering = [pk])]
pub struct Stamped {
    /// The maker.
    #[field(on_delete = Cascade)]
    pub made_by: Option<ForeignKey<User>>,
}

impl Stamped {
    /// The maker's name.
    pub fn maker(&self, ex: &dyn Executor) -> Result<Option<String>> {
        Ok(self.made_by.get(ex)?.map(|user| user.username.clone()))
    }
}

/// What others extend.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Place {
    pub id: Auto<i64>,
    #[field(max_length = 30)]
    pub name: String,
    #[field(max_length = 30)]
    pub city: String,
    #[related(Restaurant::place)]
    pub restaurant: RelatedOne<Restaurant>,
}

/// A place with stars. They are an `Option` with a constraint so that a test can leave them out as Python can.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Restaurant::constraints)]
pub struct Restaurant {
    #[model(parent)]
    pub place: Parent<Place>,
    #[field(default = Some(0))]
    pub stars: Option<i32>,
}

impl Restaurant {
    fn constraints() -> Vec<Constraint<Restaurant>> {
        vec![check(Restaurant::stars.is_null(false)).name("has_stars")]
    }
}

/// A place with stars and an oven.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Pizzeria {
    #[model(parent)]
    pub restaurant: Parent<Restaurant>,
    #[field(max_length = 20, default = "wood")]
    pub oven: String,
}

/// An app of these models.
pub fn app() -> App {
    App::new()
        .models((
            User::app(),
            Profile::app(),
            Category::app(),
            Tag::app(),
            Post::app(),
            Comment::app(),
            Store::app(),
            Product::app(),
            Shopper::app(),
            Order::app(),
            OrderItem::app(),
            Review::app(),
            Student::app(),
            Course::app(),
            Enrollment::app(),
        ))
        .models((
            Person::app(),
            Account::app(),
            Transfer::app(),
            Region::app(),
            Depot::app(),
            Bin::app(),
            Part::app(),
            Audit::app(),
            Lease::app(),
            Scan::app(),
            Coupon::app(),
            Counter::app(),
            Ticket::app(),
            Soft::app(),
            Gadget::app(),
            AllTypes::app(),
            Booking::app(),
            EnrolmentKey::app(),
            Film::app(),
            Chapter::app(),
        ))
}
