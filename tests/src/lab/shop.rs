//! A shop: products in stores, orders with items, reviews, coupons, bookings.

use super::*;

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
    #[field(blank, max_digits = 10, decimal_places = 2)]
    pub sale_price: Option<Decimal>,
    #[field(default = 0)]
    pub stock: i32,
    #[field(default = 5)]
    pub reorder_level: i32,
    #[field(blank)]
    pub average_rating: Option<f64>,
}

impl Product {
    fn constraints() -> Vec<Constraint<Product>> {
        vec![check(Product::price.gte(0)).name("price_not_negative")]
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
