//! The final project: the data layer of a shop.
//!
//! A queryset with the shop's own words, the best customers, what is low on stock, an order that never sells what is
//! not there, and a rating that follows its reviews.

use nuages::{error::Error, prelude::*, signal::Saving};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", verbose_name_plural = "Categories")]
struct Category {
    id: Auto<i64>,
    #[field(max_length = 100, unique)]
    name: String,
    #[related(Product::category)]
    products: Related<Product>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", ordering = [name])]
struct Product {
    id: Auto<i64>,
    #[field(max_length = 200)]
    name: String,
    #[field(on_delete = Protect)]
    category: ForeignKey<Category>,
    #[field(max_digits = 10, decimal_places = 2)]
    price: Decimal,
    #[field(max_digits = 10, decimal_places = 2)]
    sale_price: Option<Decimal>,
    #[field(default = 0)]
    stock: u32,
    #[field(default = 5)]
    reorder_level: u32,
    average_rating: Option<f64>,
    #[related(Review::product)]
    reviews: Related<Review>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Customer {
    id: Auto<i64>,
    #[field(max_length = 100)]
    name: String,
    #[related(Order::customer)]
    orders: Related<Order>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop")]
struct Order {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    customer: ForeignKey<Customer>,
    #[field(auto_now_add)]
    placed_at: DateTime,
    #[related(OrderItem::order)]
    items: Related<OrderItem>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", unique_together(order, product))]
struct OrderItem {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    order: ForeignKey<Order>,
    #[field(on_delete = Protect)]
    product: ForeignKey<Product>,
    quantity: u32,
    #[field(max_digits = 10, decimal_places = 2)]
    price: Decimal,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "shop", unique_together(product, customer))]
struct Review {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    product: ForeignKey<Product>,
    #[field(on_delete = Cascade)]
    customer: ForeignKey<Customer>,
    rating: u16,
}

/// 1. The shop's own words.
trait ProductQuery: Queryset<Model = Product> {
    fn in_stock(self) -> Self {
        self.filter(Product::stock.gt(0))
    }

    fn by_category(self, name: &str) -> Self {
        self.filter(Product::category.name.eq(name))
    }

    fn on_sale(self) -> Self {
        self.filter(Product::sale_price.is_null(false) & Product::sale_price.lt(Product::price))
    }
}

impl<Q: Queryset<Model = Product>> ProductQuery for Q {}

/// 4. An order of some products, each with how many of it: all of it, or nothing.
///
/// Each product is taken from the stock by one conditional update, so two orders cannot both take the last piece. They
/// are taken in the order of their keys, so two orders cannot wait for each other.
fn place_order(customer: &Customer, cart: &[(i64, u32)], ex: &dyn Executor) -> Result<Order> {
    let mut cart = cart.to_vec();
    cart.sort_unstable();
    ex.atomic(|tx| {
        let mut order = Order::objects().create(new!(Order { customer }), tx)?;
        for &(product, quantity) in &cart {
            let enough = Product::objects().filter(Product::id.eq(product) & Product::stock.gte(quantity));
            if enough.update(Product::stock.set(Product::stock - quantity), tx)? == 0 {
                return Err(Error::custom(format!("there are not {quantity} of product {product}")));
            }
            let price = Product::objects().get(Product::id.eq(product), tx)?.price;
            order.items.create(new!(OrderItem { order: _, product, quantity, price }), tx)?;
        }
        Ok(order)
    })
}

/// 5. A rating is the mean of its reviews, whenever one is saved.
fn app() -> App {
    let models =
        (Category::app(), Product::app(), Customer::app(), Order::app(), OrderItem::app(), Review::app());
    App::new().models(models).post_save(|review: &mut Review, _: &Saving, ex| {
        let reviews = Review::objects().filter(Review::product.eq(&review.product));
        let mean = reviews.aggregate(Review::rating.avg(), ex)?;
        let product = Product::objects().filter(Product::id.eq(review.product.key().copied()));
        product.update(Product::average_rating.set(mean), ex).map(drop)
    })
}

/// Three categories, six products, twelve customers.
fn shop() -> Result<Db> {
    let db = app().open_memory()?;
    for name in ["Electronics", "Books", "Toys"] {
        Category::objects().create(new!(Category { name }), &db)?;
    }
    for (name, category, price, sale_price, stock) in [
        ("Amplifier", 1, 500, Some(450), 2),
        ("Cable", 1, 10, None, 100),
        ("Pickup", 1, 80, None, 0),
        ("Songbook", 2, 30, Some(30), 1),
        ("Biography", 2, 25, Some(20), 40),
        ("Ukulele", 3, 60, None, 3),
    ] {
        let sale_price = sale_price.map(Decimal::from);
        Product::objects().create(new!(Product { name, category, price, sale_price, stock }), &db)?;
    }
    Customer::objects()
        .bulk_create((0..12).map(|i| new!(Customer { name: format!("customer {i}") })), &db)?;
    Ok(db)
}

fn names(products: QuerySet<Product>, db: &Db) -> Result<Vec<String>> {
    products.values_list(Product::name).all(db)
}

#[test]
fn the_words_of_the_shop_chain() -> Result<()> {
    let db = shop()?;
    assert_eq!(names(Product::objects().in_stock().by_category("Electronics"), &db)?, ["Amplifier", "Cable"]);
    assert_eq!(names(Product::objects().on_sale(), &db)?, ["Amplifier", "Biography"]);
    assert_eq!(Product::objects().on_sale().in_stock().by_category("Books").count(&db)?, 1);
    Ok(())
}

#[test]
fn the_ten_best_customers_with_the_day_of_their_last_order() -> Result<()> {
    // 2.
    let db = shop()?;
    for (i, customer) in Customer::objects().order_by(Customer::id).all(&db)?.iter().enumerate() {
        for _ in 0..i {
            place_order(customer, &[(2, 1)], &db)?;
        }
    }
    let spent = (Customer::orders.items.price * Customer::orders.items.quantity).sum().default(0);
    let last = Customer::orders.placed_at.max();
    let best =
        Customer::objects().annotate(&spent).annotate(&last).order_by(spent.desc()).slice(..10).all(&db)?;
    let order: Vec<&str> = best.iter().map(|customer| customer.name.as_str()).collect();
    assert_eq!((order.len(), order[0], order[9]), (10, "customer 11", "customer 2"));
    assert_eq!(best[0].extra.0, Decimal::from(110));
    let newest =
        Order::objects().filter(Order::customer.eq(&best[0].object)).latest(Order::placed_at, &db)?;
    assert_eq!(best[0].extra.1, Some(newest.placed_at));
    Ok(())
}

#[test]
fn what_is_low_on_stock_in_electronics() -> Result<()> {
    // 3.
    let low = Product::objects().filter(Product::stock.lt(Product::reorder_level)).by_category("Electronics");
    assert_eq!(names(low, &shop()?)?, ["Amplifier", "Pickup"]);
    Ok(())
}

#[test]
fn an_order_is_placed_whole_or_not_at_all() -> Result<()> {
    let db = shop()?;
    let customer = Customer::objects().get(Customer::pk.eq(1), &db)?;
    let order = place_order(&customer, &[(1, 1), (2, 5)], &db)?;
    assert_eq!(order.items.count(&db)?, 2);
    assert!(place_order(&customer, &[(2, 5), (1, 2)], &db).is_err());
    let stock = Product::objects().order_by(Product::id).slice(..2).values_list(Product::stock).all(&db)?;
    assert_eq!((stock, Order::objects().count(&db)?), (vec![1, 95], 1));
    Ok(())
}

#[test]
fn eight_threads_never_sell_what_is_not_there() -> Result<()> {
    let db = shop()?;
    let customers = Customer::objects().all(&db)?;
    let placed: u32 = std::thread::scope(|threads| {
        let buyers: Vec<_> = (0..8)
            .map(|i| {
                let (db, customer) = (&db, &customers[i]);
                threads.spawn(move || {
                    let carts = (0..10)
                        .map(|round| if (i + round) % 2 == 0 { [(2, 3), (6, 1)] } else { [(6, 1), (2, 3)] });
                    carts.filter(|cart| place_order(customer, cart, db).is_ok()).count() as u32
                })
            })
            .collect();
        buyers.into_iter().map(|buyer| buyer.join().expect("no buyer panics")).sum()
    });
    let left = Product::objects()
        .filter(Product::id.is_in([2, 6]))
        .order_by(Product::id)
        .values_list(Product::stock)
        .all(&db)?;
    assert_eq!(placed, 3, "there were three ukuleles");
    assert_eq!(left, [100 - 9, 0]);
    assert_eq!(OrderItem::objects().aggregate(OrderItem::quantity.sum(), &db)?, Some(12));
    Ok(())
}

#[test]
fn a_rating_follows_its_reviews() -> Result<()> {
    let db = shop()?;
    let rating = |db: &Db| Ok::<_, Error>(Product::objects().get(Product::pk.eq(1), db)?.average_rating);
    assert_eq!(rating(&db)?, None);
    for (customer, stars) in [(1, 5), (2, 2)] {
        Review::objects().create(new!(Review { product: 1, customer, rating: stars }), &db)?;
    }
    assert_eq!(rating(&db)?, Some(3.5));
    let mut review = Review::objects().get(Review::customer_id.eq(2), &db)?;
    review.rating = 4;
    review.save(&db)?;
    assert_eq!(rating(&db)?, Some(4.5));
    Ok(())
}
