//! Windows: functions of a row and of the rows around it.

use nuages::expression::window::{
    cume_dist, dense_rank, first_value, lag, last_value, lead, nth_value, ntile, percent_rank, rank,
    row_number, window,
};
use nuages::prelude::*;
use nuages_tests::{chinook::*, data, lab, oracle, oracle::raises};
use serde_json::json;

mod of_comments {
    use super::*;
    use lab::Comment;

    oracle! { "window", data::lab;
        rank_dense_rank(db) {
            let by = window().order_by(Comment::score.desc());
            let (r, d) = (rank().over(&by), dense_rank().over(&by));
            Comment::objects().annotate(&r).annotate(&d).order_by((&r, Comment::id))
                .values_list((Comment::id, Comment::score, &r, &d)).all(db)?
        }
        percent_rank_cume_dist_ntile(db) {
            let by = window().order_by(Comment::score);
            let thirds = window().order_by((Comment::score, Comment::id));
            Comment::objects().order_by((Comment::score, Comment::id))
                .values_list((Comment::id, percent_rank().over(&by), cume_dist().over(&by), ntile(3).over(thirds))).all(db)?
        }
        sum_over_partition(db) {
            let total = Comment::score.sum().over(window().partition_by((Comment::post,)));
            Comment::objects().annotate(&total).order_by(Comment::id).values_list((Comment::id, Comment::score, &total)).all(db)?
        }
        first_last_nth_value(db) {
            let by = window().partition_by((Comment::post,)).order_by(Comment::id);
            let whole = by.clone().rows(..);
            Comment::objects().order_by(Comment::id).values_list((
                Comment::id,
                first_value(Comment::text).over(&by),
                last_value(Comment::text).over(&by),
                last_value(Comment::text).over(whole),
                nth_value(Comment::text, 2).over(&by),
            )).all(db)?
        }
        nulls_in_order(db) {
            let n = row_number().over(window().order_by((Comment::author_id.asc().nulls_last(), Comment::id)));
            Comment::objects().annotate(&n).order_by(Comment::id).values_list((Comment::id, &n)).all(db)?
        }
    }
}

oracle! { "window", data::chinook;
    lag_lead(db) {
        let by = window().order_by(Invoice::id);
        Invoice::objects().filter(Invoice::customer.eq(1)).order_by(Invoice::id).values_list((
            Invoice::id,
            Invoice::total,
            lag(Invoice::total, 1).over(&by),
            lag(Invoice::total, 2).default(0).over(&by),
            lead(Invoice::total, 1).over(&by),
        )).all(db)?
    }
    running_sum(db) {
        let run = Invoice::total.sum().over(window().order_by(Invoice::invoice_date));
        Invoice::objects().filter(Invoice::customer.eq(1)).annotate(&run).order_by(Invoice::invoice_date)
            .values_list((Invoice::total, &run)).all(db)?
    }
    moving_average(db) {
        let mean = Invoice::total.avg().over(window().order_by(Invoice::invoice_date).rows(-1..=1));
        Invoice::objects().filter(Invoice::customer.eq(2)).annotate(&mean).order_by(Invoice::invoice_date)
            .values_list((Invoice::total, &mean)).all(db)?
    }
    over_aggregate(db) {
        let n = Customer::pk.count();
        let place = rank().over(window().order_by(n.desc()));
        Customer::objects().values_list((Customer::country,)).annotate(&n).annotate(&place)
            .order_by((&place, Customer::country)).slice(..6).all(db)?
    }
    in_update(db) {
        let number = row_number().over(window());
        raises(Genre::objects().update(Genre::name.set(number.cast::<String>()), db))
    }
    slice_with_filter(db) {
        let n = row_number().over(window().partition_by((Track::genre,)).order_by((Track::bytes.desc(), Track::id)));
        Track::objects().annotate(&n).filter(n.eq(1)).order_by((Track::bytes.desc(), Track::id))
            .values_list((Track::id, Track::genre_id)).slice(..3).all(db)?
    }
}

/// Django wraps the query in a second SELECT; here the filter stands above the window in one plan.
#[test]
fn filter_wraps_in_subquery() -> Result<()> {
    let db = data::chinook();
    let n = row_number()
        .over(window().partition_by((Track::album,)).order_by((Track::milliseconds.desc(), Track::id)));
    let best = Track::objects().filter(Track::album_id.lte(3)).annotate(&n).filter(n.lte(2));
    let best = best.order_by((Track::album_id, &n)).values_list((Track::album_id, Track::id, &n));
    let watch = db.capture();
    let rows = best.all(&db)?;
    assert_eq!(watch.len(), 1);
    let sql = best.sql(&db)?;
    let selects = sql.matches("SELECT").count();
    oracle::check("window.filter_wraps_in_subquery", &json!({ "rows": rows, "selects": selects }));
    Ok(())
}
