//! An abstract base, and models that extend others.

use super::*;

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
