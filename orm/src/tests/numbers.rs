use crate::error::IntegrityKind;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
struct Pixel {
    id: Auto<i64>,
    red: u8,
    alpha: f32,
    #[field(default = 1.5)]
    gamma: Option<f32>,
}

fn db() -> Db {
    let db = App::new().models(Pixel::app()).open_memory().unwrap();
    for (red, alpha) in [(0, 0.1), (200, 0.5), (u8::MAX, f32::MAX)] {
        Pixel::objects().create(new!(Pixel { red, alpha }), &db).unwrap();
    }
    db
}

#[test]
fn small_numbers_are_stored_compared_and_read_back() {
    let db = db();
    let pixel = Pixel::objects().get(Pixel::red.eq(255), &db).unwrap();
    assert_eq!((pixel.red, pixel.alpha, pixel.gamma), (u8::MAX, f32::MAX, Some(1.5)));
    assert_eq!(Pixel::objects().filter(Pixel::alpha.eq(0.1)).count(&db).unwrap(), 1);
    assert_eq!(Pixel::objects().filter(Pixel::red.range(1, 200_i64)).count(&db).unwrap(), 1);
    let few = Pixel::objects().filter(Pixel::alpha.lt(1));
    let (sum, mean) = few.aggregate((Pixel::red.sum(), Pixel::alpha.avg()), &db).unwrap();
    assert_eq!(sum, Some(200_i64));
    assert!((mean.unwrap() - 0.3).abs() < 1e-6);
    let more = few.annotate((Pixel::alpha * 2 + Pixel::red).named("more")).order_by(Pixel::id);
    let more: Vec<f64> = more.all(&db).unwrap().into_iter().map(|row| row.extra.0).collect();
    assert!((more[1] - 201.0).abs() < f64::EPSILON, "{more:?}");
}

#[test]
fn what_a_small_number_cannot_hold_is_refused_by_the_database() {
    let db = db();
    let over = Pixel::objects().update(Pixel::red.set(Pixel::red + 1), &db).unwrap_err();
    assert!(
        matches!(over, Error::Integrity { kind: IntegrityKind::Check, .. } | Error::Engine(_)),
        "{over:?}"
    );
    let under = Pixel::objects().update(Pixel::red.set(-1), &db).unwrap_err();
    assert!(matches!(under, Error::Integrity { kind: IntegrityKind::Check, .. }), "{under:?}");
    assert_eq!(Pixel::objects().filter(Pixel::red.eq(0)).count(&db).unwrap(), 1);
}
