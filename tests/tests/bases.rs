//! Abstract bases of another crate: what they say means what it means there.

use nuages::prelude::*;
use nuages_tests::lab::{self, User};

/// The recorded database's `Cake(Stamped)`.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Cake {
    id: Auto<i64>,
    #[model(flatten)]
    stamp: nuages_tests::lab::Stamped,
    #[field(max_length = 20)]
    flavour: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [-word])]
struct Ribbon {
    #[model(flatten)]
    stamp: lab::Stamped,
    #[field(primary_key)]
    word: Slug,
}

#[test]
fn the_models_of_a_base_have_tables_and_orders_of_their_own() {
    let db = lab::app().models((Cake::app(), Ribbon::app())).open_memory().unwrap();
    let alice = User::objects().create(new!(User { username: "alice" }), &db).unwrap();
    for flavour in ["lemon", "apple"] {
        Cake::objects().create(new!(Cake { flavour, made_by: &alice }), &db).unwrap();
    }
    for word in ["a", "b"] {
        Ribbon::objects().create(new!(Ribbon { word }), &db).unwrap();
    }
    let flavours: Vec<String> = Cake::objects().values_list(Cake::flavour).all(&db).unwrap();
    assert_eq!(flavours, ["lemon", "apple"]);
    let words: Vec<Slug> = Ribbon::objects().values_list(Ribbon::word).all(&db).unwrap();
    assert_eq!(words, ["b", "a"]);
    assert_eq!(Ribbon::objects().filter(Ribbon::made_by.is_null(true)).count(&db).unwrap(), 2);
    let made = User::objects().filter(Cake::made_by.reverse().flavour.eq("lemon")).all(&db).unwrap();
    assert_eq!(made, std::slice::from_ref(&alice));
    let cake = Cake::objects().select_related(Cake::made_by).get(Cake::flavour.eq("apple"), &db).unwrap();
    assert_eq!(cake.stamp.maker(&db).unwrap(), Some("alice".to_owned()));
    let mut alice = alice;
    let deleted = alice.delete(&db).unwrap();
    assert_eq!(deleted.by_model["lab.Cake"], 2);
}
