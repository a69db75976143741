//! Every type of field and kind of default.

use std::net::IpAddr;

use super::*;

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

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Gadget {
    #[field(primary_key, default = Uuid::new_v4())]
    pub id: Auto<Uuid>,
    #[field(max_length = 30)]
    pub name: String,
    #[field(blank, default = serde_json::json!({}))]
    pub meta: Option<Json>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct AllTypes {
    pub id: Auto<i64>,
    #[field(blank)]
    pub big: Option<i64>,
    #[field(blank)]
    pub small: Option<i16>,
    #[field(blank, validators = [max_value(i32::MAX)])]
    pub positive: Option<u32>,
    #[field(blank)]
    pub real: Option<f64>,
    #[field(blank, max_digits = 8, decimal_places = 2)]
    pub money: Option<Decimal>,
    #[field(blank)]
    pub flag: Option<bool>,
    #[field(blank)]
    pub text: Option<String>,
    #[field(blank, max_length = 5)]
    pub short: Option<String>,
    #[field(blank)]
    pub day: Option<Date>,
    #[field(blank)]
    pub moment: Option<DateTime>,
    #[field(blank)]
    pub clock: Option<Time>,
    #[field(blank)]
    pub span: Option<Duration>,
    #[field(blank)]
    pub token: Option<Uuid>,
    #[field(blank)]
    pub blob: Option<Vec<u8>>,
    #[field(blank)]
    pub ip: Option<IpAddr>,
    #[field(blank)]
    pub data: Option<Json>,
}
