//! Small models by hand, for what a real database does not show: a blog, a shop, a school, people, accounts, and every
//! rule of deletion.
#![allow(missing_docs, reason = "fields of a sample are named for what they are")]

mod blog;
mod deletion;
mod fields;
mod keys;
mod parents;
mod people;
mod school;
mod shop;

pub use blog::{Category, Comment, Post, Profile, Tag, User};
pub use deletion::{Audit, Bin, Depot, Lease, Part, Region, Scan, Soft, Ticket};
pub use fields::{AllTypes, Counter, Gadget};
pub use keys::{Chapter, EnrolmentKey, Film, Sticker};
pub use parents::{Pizzeria, Place, Restaurant, Stamped};
pub use people::{Account, Person, Transfer};
pub use school::{Course, Enrollment, Student};
pub use shop::{Booking, Coupon, Order, OrderItem, Product, Review, Shopper, Store};

use nuages::{
    constraint::{Constraint, check, unique},
    error::ValidationErrors,
    prelude::*,
    validate::{matches, max_value, min_value},
};

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
            Sticker::app(),
        ))
}
