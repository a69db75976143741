//! Plans as values: alternatives, races, measurements and hypotheses, on a shop of three tables.

use nuages_engine::algebra::{
    Aggregate, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn, Query, Relation, SortKey,
    Source, Statement,
};
use nuages_engine::catalog::{NewColumn, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, Session, assert_plan};
use nuages_storage::{DataType, TableId, Value};

struct Shop {
    db: Database,
    customer: TableId,
    order: TableId,
    line: TableId,
}

const C: Source = Source::new(0);
const O: Source = Source::new(1);
const L: Source = Source::new(2);
const G: Source = Source::new(3);

fn column(source: Source, place: usize) -> Expr {
    Expr::from(source.column(place))
}

/// A hundred customers of ten countries, 1,000 orders, 3,000 lines.
fn shop() -> Result<Shop, Error> {
    let db = Database::new();
    let integer = |name| NewColumn::new(name, DataType::BigInt);
    let id = || integer("id").generated();
    let customer = db.create_table(
        NewTable::new("customer").column(id()).column(integer("country")).primary_key(["id"]),
    )?;
    let order = db.create_table(
        NewTable::new("order")
            .column(id())
            .column(integer("customer_id"))
            .column(integer("total"))
            .primary_key(["id"])
            .index(NewIndex::new("order_customer", ["customer_id"]))
            .foreign_key(NewForeignKey::new("order_customer", ["customer_id"], "customer", ["id"])),
    )?;
    let line = db.create_table(
        NewTable::new("line")
            .column(integer("order_id"))
            .column(integer("quantity"))
            .index(NewIndex::new("line_order", ["order_id"]))
            .foreign_key(NewForeignKey::new("line_order", ["order_id"], "order", ["id"])),
    )?;
    let shop = Shop { db, customer, order, line };
    shop.insert(customer, (1..=100).map(|n| vec![n, n % 10]))?;
    shop.insert(order, (1..=1000).map(|n| vec![n, n % 100 + 1, n * 7 % 500]))?;
    shop.insert(line, (0..3000).map(|n| vec![n / 3 + 1, n % 5]))?;
    Ok(shop)
}

impl Shop {
    fn insert(&self, table: TableId, rows: impl Iterator<Item = Vec<i64>>) -> Result<(), Error> {
        let values = |row: Vec<i64>| row.into_iter().map(|n| Some(Expr::literal(n))).collect();
        let rows: Vec<Vec<Option<Expr>>> = rows.map(values).collect();
        let columns = (0..rows.first().map_or(0, Vec::len)).collect();
        let rows = InsertSource::Values(rows);
        let source = Source::new(0);
        let insert = Insert { table, columns, rows, source, conflict: None, returning: vec![] };
        self.db.execute(&Statement::Insert(insert), &[]).map(drop)
    }

    /// The lines of the orders of a country's customers, by how much they are of.
    fn lines_of(&self, country: i64) -> Query {
        let joined = Relation::scan(self.line, L)
            .join(JoinKind::Inner, Relation::scan(self.order, O), column(L, 0).equals(column(O, 0)))
            .join(JoinKind::Inner, Relation::scan(self.customer, C), column(O, 1).equals(column(C, 0)))
            .filter(column(C, 1).equals(Expr::literal(country)));
        let counted = joined.aggregate(G, vec![column(L, 1)], vec![Aggregate::rows()]);
        let columns = [0, 1].map(|place| OutputColumn::new("", column(G, place)));
        Query::new(counted.sort(vec![SortKey::ascending(column(G, 0))]), columns.into())
    }

    fn dear_orders(&self) -> Query {
        let dear = column(O, 2).compare(Comparison::GreaterOrEqual, Expr::literal(490));
        Query::new(Relation::scan(self.order, O).filter(dear), vec![OutputColumn::new("id", column(O, 0))])
    }
}

#[test]
fn every_plan_of_a_query_has_its_rows() -> Result<(), Error> {
    let shop = shop()?;
    let query = shop.lines_of(3);
    let expected = shop.db.query(&query, &[])?.rows;
    let plans = shop.db.plans(&query)?;
    assert!(plans.len() > 10, "there are many ways to join three tables, and {} plans", plans.len());
    assert_eq!(plans.iter().filter(|plan| plan.is_chosen()).count(), 1);
    assert!(plans[0].is_chosen() && plans[plans.len() - 1].is_naive());
    for plan in &plans {
        let mut rows = Vec::new();
        shop.db.run(&plan.prepare(), &[], &mut |batch| {
            rows.extend(batch.selection.iter().map(|row| batch.row(row)));
            Ok(())
        })?;
        assert_eq!(rows, expected, "{}", plan.explanation());
    }
    Ok(())
}

#[test]
fn plans_differ_in_order_method_and_access_path() -> Result<(), Error> {
    let shop = shop()?;
    let plans = shop.db.plans(&shop.lines_of(3))?;
    let texts: Vec<String> = plans.iter().map(|plan| plan.explanation().to_string()).collect();
    for part in ["Hash join", "Index join with line", "Index join with order", "Nested loop"] {
        assert!(texts.iter().any(|text| text.contains(part)), "no plan has {part}");
    }
    Ok(())
}

#[test]
fn a_race_ranks_the_plans_and_says_which_was_chosen() -> Result<(), Error> {
    let shop = shop()?;
    let race = shop.db.race(&shop.lines_of(3), &[], 2)?;
    assert_eq!(race.rows, 3);
    assert!(race.contestants.windows(2).all(|pair| pair[0].time() <= pair[1].time()));
    assert!(race.contestants.iter().all(|contestant| !contestant.times.is_empty()));
    let (place, chosen) = race.chosen().expect("the optimiser's choice takes part");
    assert_eq!(race.contestants[place].time(), chosen.time());
    let tau = race.tau().expect("the plans do not all cost the same");
    assert!((-1.0..=1.0).contains(&tau));
    Ok(())
}

#[test]
fn a_race_is_a_page_of_its_own() -> Result<(), Error> {
    let shop = shop()?;
    let page = shop.db.race(&shop.lines_of(3), &[], 1)?.to_html("Lines <of> a country");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<h1>Lines &lt;of&gt; a country</h1>"));
    assert!(!page.contains("http") && !page.contains("<script"), "it needs nothing else");
    assert_eq!(page.matches("<ul").count(), page.matches("</ul>").count());
    assert!(page.contains("the optimiser's choice") && page.contains("as written"));
    Ok(())
}

#[test]
fn an_analyzed_plan_says_what_each_operator_did() -> Result<(), Error> {
    let shop = shop()?;
    let plan = shop.db.explain_analyze(&shop.dear_orders(), &[])?;
    let scan = &plan.inputs[0];
    assert!(scan.operator.contains("Scan order"), "{plan}");
    let measured = scan.measured.expect("the plan was run");
    assert_eq!((measured.rows, measured.runs), (20, 1));
    assert!(measured.batches > 1 && measured.time <= plan.measured.expect("the plan was run").time);
    assert_eq!(plan.to_json()["inputs"][0]["measured"]["rows"], 20);
    assert!(plan.to_string().contains("20 rows, "), "{plan}");
    Ok(())
}

#[test]
fn an_index_that_does_not_exist_can_be_tried() -> Result<(), Error> {
    let shop = shop()?;
    let query = shop.dear_orders();
    let index = NewIndex::new("order_total", ["total"]);
    let tried = shop.db.what_if(&query, &[], "order", index.clone(), 2)?;
    assert!(tried.changes_the_plan(), "{tried}");
    assert!(tried.after.explanation.to_string().contains("order_total"), "{tried}");
    assert!(tried.after.cost < tried.before.cost);
    assert!(shop.db.catalog()?.index_named("order_total").is_none(), "the fork is gone");
    let unknown = shop.db.what_if(&query, &[], "orders", index, 1);
    assert!(matches!(unknown, Err(Error::UnknownTable { .. })), "{unknown:?}");
    Ok(())
}

#[test]
fn a_forced_plan_takes_parameters() -> Result<(), Error> {
    let shop = shop()?;
    let of_customer = column(O, 1).equals(Expr::Parameter(0, DataType::BigInt));
    let query = Query::new(
        Relation::scan(shop.order, O).filter(of_customer),
        vec![OutputColumn::new("id", column(O, 0))],
    );
    for plan in shop.db.plans(&query)? {
        let mut rows = 0;
        shop.db.run(&plan.prepare(), &[Value::from(7)], &mut |batch| {
            rows += batch.count();
            Ok(())
        })?;
        assert_eq!(rows, 10, "{}", plan.explanation());
    }
    Ok(())
}

#[test]
fn a_plan_is_asserted_by_its_drawing() -> Result<(), Error> {
    let shop = shop()?;
    assert_plan!(
        shop.db,
        shop.dear_orders(),
        "
        Project 1 columns  ~20 rows
        └─ Scan order      ~20 rows
              filter order.total >= 490
        "
    );
    Ok(())
}
