//! Plans of querysets: the same values as the engine's, from the ORM's verbs.

use nuages::prelude::*;
use nuages_tests::chinook::Track;
use nuages_tests::data;

#[test]
fn a_queryset_shows_what_its_plan_did() {
    let db = data::chinook();
    let queen = Track::objects().filter(Track::album.artist.name.eq("Queen"));
    let rows = queen.all(&db).unwrap().len() as u64;
    let plan = queen.explain_analyze(&db).unwrap();
    assert_eq!(plan.measured.map(|measured| measured.rows), Some(rows), "{plan}");
}

#[test]
fn the_plans_of_a_queryset_return_the_same_rows_in_a_race() {
    let db = data::chinook();
    let queen = Track::objects().filter(Track::album.artist.name.eq("Queen"));
    let plans = queen.plans(&db).unwrap();
    assert!(plans.len() > 3 && plans[0].is_chosen());
    let race = queen.race(&db, 1).unwrap();
    assert_eq!(race.rows as usize, queen.all(&db).unwrap().len());
    assert!(race.to_html("Tracks by Queen").contains("Tracks by Queen"));
}
