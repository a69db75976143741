//! Windows beyond Django's recorded answers: every frame, what they may stand in, and what is refused.

use crate::error::Misuse;
use crate::expression::window::{
    Exclude, Window, dense_rank, first_value, lag, last_value, lead, nth_value, ntile, rank, row_number,
    window,
};
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
struct Shop {
    id: Auto<i64>,
    name: String,
    #[related(Sale::shop)]
    sales: Related<Sale>,
}

#[derive(Model, Clone, Debug, PartialEq)]
struct Sale {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    shop: ForeignKey<Shop>,
    day: i64,
    amount: i64,
    price: Decimal,
    at: DateTime,
    refund: Option<i64>,
}

/// Days 1, 1, 2, 4 in Lyon, 1, 5 in Nice; amounts 10, 20, .. 60, one an hour.
fn db() -> Db {
    let db = App::new().models((Shop::app(), Sale::app())).open_memory().unwrap();
    let shops: Vec<Shop> =
        ["Lyon", "Nice"].map(|name| Shop::objects().create(new!(Shop { name }), &db).unwrap()).into();
    for (index, (shop, day)) in [(0, 1), (0, 1), (0, 2), (0, 4), (1, 1), (1, 5)].into_iter().enumerate() {
        let n = index as i64 + 1;
        let at = DateTime::from_second(n * 3_600).unwrap();
        let refund = (n % 2 == 0).then_some(n);
        let sale =
            new!(Sale { shop: &shops[shop], day, amount: n * 10, price: Decimal::new(n, 1), at, refund });
        Sale::objects().create(sale, &db).unwrap();
    }
    db
}

fn by_day() -> Window<Sale> {
    window().partition_by(Sale::shop).order_by(Sale::day)
}

/// A value of each sale, in the order of their keys.
fn each<T: Field>(db: &Db, expression: &Expr<Sale, T>) -> Vec<T> {
    Sale::objects().order_by(Sale::id).values_list(expression).all(db).unwrap()
}

use crate::field::Field;

#[test]
fn frames_count_rows_groups_and_distances() {
    let db = db();
    let sum = |window: Window<Sale>| -> Vec<i64> {
        each(&db, &Sale::amount.sum().over(window)).into_iter().map(Option::unwrap_or_default).collect()
    };
    let in_order = window().partition_by(Sale::shop).order_by((Sale::day, Sale::id));
    assert_eq!(sum(by_day()), [30, 30, 60, 100, 50, 110]);
    assert_eq!(sum(in_order.clone().rows(-1..=0)), [10, 30, 50, 70, 50, 110]);
    assert_eq!(sum(in_order.clone().rows(1..)), [90, 70, 40, 0, 60, 0]);
    assert_eq!(sum(in_order.clone().rows(..=-1)), [0, 10, 30, 60, 0, 50]);
    assert_eq!(sum(in_order.rows(..)), [100, 100, 100, 100, 110, 110]);
    assert_eq!(sum(by_day().groups(-1..=0)), [30, 30, 60, 70, 50, 110]);
    assert_eq!(sum(by_day().groups(0..=1)), [60, 60, 70, 40, 110, 60]);
    assert_eq!(sum(by_day().range(-1..=0)), [30, 30, 60, 40, 50, 60]);
    assert_eq!(sum(by_day().range(2..=3)), [40, 40, 40, 0, 0, 0]);
}

#[test]
fn distances_are_of_the_kind_of_the_sort_key() {
    let db = db();
    let count = |window: Window<Sale>| each(&db, &Sale::id.count().over(window));
    let by_time = window().order_by(Sale::at);
    assert_eq!(count(by_time.range(-Duration::from_hours(2)..=Duration::ZERO)), [1, 2, 3, 3, 3, 3]);
    let by_price = window().order_by(Sale::price);
    assert_eq!(count(by_price.range(Decimal::new(-1, 1)..=Decimal::new(1, 1))), [2, 3, 3, 3, 3, 2]);
}

#[test]
fn a_frame_leaves_out_the_row_its_equals_or_both() {
    let db = db();
    let sum = |exclude| {
        let window = by_day().rows(..).exclude(exclude);
        each(&db, &Sale::amount.sum().over(window))
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect::<Vec<i64>>()
    };
    assert_eq!(sum(Exclude::NoOthers), [100, 100, 100, 100, 110, 110]);
    assert_eq!(sum(Exclude::CurrentRow), [90, 80, 70, 60, 60, 50]);
    assert_eq!(sum(Exclude::Group), [70, 70, 70, 60, 60, 50]);
    assert_eq!(sum(Exclude::Ties), [80, 90, 100, 100, 110, 110]);
}

#[test]
fn values_of_other_rows_and_their_defaults() {
    let db = db();
    let all = window().order_by(Sale::id);
    assert_eq!(
        each(&db, &lag(Sale::amount, 1).over(&all)),
        [None, Some(10), Some(20), Some(30), Some(40), Some(50)]
    );
    let ahead: Expr<Sale, i64> = lead(Sale::amount, 4).default(-1).over(&all);
    assert_eq!(each(&db, &ahead), [50, 60, -1, -1, -1, -1]);
    let or_own: Expr<Sale, i64> = lag(Sale::amount, 5).default(Sale::amount).over(&all);
    assert_eq!(each(&db, &or_own), [10, 20, 30, 40, 50, 10]);
    // A value that is NULL stays NULL, whatever stands for a missing row.
    let nullable: Expr<Sale, Option<i64>> = lag(Sale::refund, 1).default(0).over(&all);
    assert_eq!(each(&db, &nullable), [Some(0), None, Some(2), None, Some(4), None]);
    let empty_frame = first_value(Sale::amount).over(all.clone().rows(1..=1));
    assert_eq!(each(&db, &empty_frame).last(), Some(&None));
    assert_eq!(each(&db, &last_value(Sale::amount).over(all.clone().rows(..)))[0], Some(60));
    assert_eq!(each(&db, &nth_value(Sale::amount, 3).over(all.rows(..)))[0], Some(30));
}

#[test]
fn aggregates_keep_their_filter_and_default_over_a_window() {
    let db = db();
    let late = Sale::amount.sum().filter(Sale::day.gt(1)).default(0).over(by_day());
    assert_eq!(each(&db, &late), [0, 0, 30, 70, 0, 60]);
    let share =
        Sale::amount * 100 / Sale::amount.sum().default(0).over(window().partition_by(Sale::shop.name));
    assert_eq!(each(&db, &share), [10_i64, 20, 30, 40, 45, 54]);
}

#[test]
fn conditions_on_windows_come_after_them_and_others_before() {
    let db = db();
    let number = row_number().over(window().order_by(Sale::id));
    let numbered = Sale::objects().annotate(&number).order_by(Sale::id);
    let keys = |rows: QuerySet<Sale, Annotated<Sale, (i64,)>>| {
        rows.values_list((Sale::id, &number)).all(&db).unwrap()
    };
    assert_eq!(keys(numbered.clone().filter(number.eq(2) & Sale::shop.eq(2))), [(6, 2)]);
    assert_eq!(keys(numbered.clone().filter(number.eq(2) | Sale::amount.eq(50))), [(2, 2), (5, 5)]);
    assert_eq!(keys(numbered.clone().exclude(number.gt(1))), [(1, 1)]);
    assert_eq!(numbered.clone().filter(number.lte(4)).count(&db).unwrap(), 4);
    assert!(numbered.filter(number.gt(6)).exists(&db).is_ok_and(|found| !found));
    let best = rank().over(by_day().order_by(Sale::amount.desc()));
    let shops =
        Sale::objects().filter(best.eq(1)).order_by(Sale::id).values_list(Sale::shop.name).all(&db).unwrap();
    assert_eq!(shops, ["Lyon", "Nice"]);
    assert_eq!(Sale::objects().filter(best.gt(1)).delete(&db).unwrap().total, 4);
    assert_eq!(Sale::objects().values_list(Sale::id).order_by(Sale::id).all(&db).unwrap(), [4, 6]);
}

#[test]
fn windows_stand_over_groups_and_aggregates_over_windows() {
    let db = db();
    let total = Sale::amount.sum();
    let place = dense_rank().over(window().order_by(total.desc()));
    let shops =
        Sale::objects().values_list((Sale::shop.name,)).annotate(&total).annotate(&place).order_by(&place);
    assert_eq!(shops.all(&db).unwrap(), [("Nice".into(), Some(110), 1), ("Lyon".into(), Some(100), 2)]);
    let of_shop = Shop::sales.amount.max();
    let quarter = ntile(2).over(window().order_by(&of_shop));
    let rows = Shop::objects()
        .annotate(&of_shop)
        .annotate(&quarter)
        .order_by(Shop::id)
        .values_list((&of_shop, &quarter));
    assert_eq!(rows.all(&db).unwrap(), [(Some(40), 1), (Some(60), 2)]);
    let running = Sale::amount.sum().over(by_day());
    let most = Sale::objects().annotate(&running).aggregate(running.max(), &db).unwrap();
    assert_eq!(most, Some(110));
}

#[test]
fn a_window_inside_a_subquery_sees_the_row_outside() {
    let db = db();
    let number = row_number().over(window().order_by(Sale::amount.desc()));
    let second = Sale::objects()
        .filter(Sale::shop.eq(outer(Shop::pk)))
        .annotate(&number)
        .filter(number.eq(2))
        .values_list(Sale::amount);
    let second = subquery(&second);
    let rows = Shop::objects().annotate(&second).order_by(Shop::id).values_list(&second).all(&db).unwrap();
    assert_eq!(rows, [Some(30), Some(50)]);
}

#[test]
fn windows_are_refused_where_there_are_no_rows_around_a_row() {
    let db = db();
    let number = row_number().over(window());
    let refused = |result: Result<(), Error>, place: &'static str| {
        assert_eq!(result, Err(Misuse::WindowHere { place }.into()));
    };
    refused(Sale::objects().update(Sale::amount.set(&number), &db).map(drop), "update");
    refused(Sale::objects().aggregate(number.max(), &db).map(drop), "an aggregate");
    refused(Sale::objects().annotate(number.max()).all(&db).map(drop), "an aggregate");
    refused(Sale::objects().aggregate(&number, &db).map(drop), "aggregate");
    let of_window = lag(&number, 1).over(window());
    refused(Sale::objects().annotate(&of_window).all(&db).map(drop), "another window function");
    let grouped = Sale::objects().annotate(&number).values_list((&number,)).annotate(Sale::id.count());
    refused(grouped.all(&db).map(drop), "what rows are grouped by");
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "that is what is told")]
fn what_makes_no_sense_of_a_window_is_told_by_the_verb() {
    let db = db();
    let told = |expression: Expr<Sale, i64>| {
        Sale::objects().values_list(&expression).all(&db).unwrap_err().to_string()
    };
    let some = |window| Sale::id.count().over(window);
    assert!(told(some(window().order_by(Sale::id).rows(2..=1))).contains("begins after its end"));
    assert!(told(some(window().rows(0..=-1))).contains("begins after its end"));
    assert!(told(Sale::id.count().distinct().over(window())).contains("cannot be distinct"));
    assert!(told(ntile(0).over(window())).contains("ntile"));
    assert!(told(nth_value(Sale::amount, 0).over(window()).coalesce(0)).contains("nth_value"));
    assert!(
        told(some(window().range(-1..=1))).contains("sort key"),
        "{}",
        told(some(window().range(-1..=1)))
    );
}
