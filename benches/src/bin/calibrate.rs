//! Measures what the optimiser's cost model is made of: the time a row of each operator takes, beside the constant.
//!
//! Each operator is run by a plan that is forced to use it, nine times on 100,000 rows; the figure is the shortest time
//! in the operator itself. Only the constants' ratios decide about plans, so what matters is that no figure is off by
//! more than the others.

use std::process::ExitCode;

use comfy_table::Table;
use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn,
    Query, Relation, SortKey, Source, Statement,
};
use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
use nuages_engine::explain::Explanation;
use nuages_engine::optimize::cost::CONSTANTS;
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, TableId, Value};

/// Rows of the large table, and of the small one.
const ROWS: i64 = 100_000;
const FEW: i64 = 1_000;

/// How often each operator is run.
const RUNS: usize = 9;

const T: Source = Source::new(0);
const S: Source = Source::new(1);
const G: Source = Source::new(2);

/// The columns of both tables.
const ID: usize = 0;
/// A permutation of the ids, with a unique index.
const KEY: usize = 1;
/// A thousand different values, with an index.
const GROUP: usize = 2;
/// The group, without an index.
const PLAIN: usize = 3;

fn main() -> ExitCode {
    match calibrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Tables {
    db: Database,
    large: TableId,
    small: TableId,
}

fn column(source: Source, place: usize) -> Expr {
    Expr::from(source.column(place))
}

fn tables() -> Result<Tables, Error> {
    let db = Database::new();
    let create = |name: &str, rows: i64| {
        let integer = |name: &str| NewColumn::new(name, DataType::BigInt);
        let table = db.create_table(
            NewTable::new(name)
                .column(integer("id").generated())
                .column(integer("key"))
                .column(integer("group"))
                .column(integer("plain"))
                .primary_key(["id"])
                .unique(NewIndex::new(format!("{name}_key"), ["key"]))
                .index(NewIndex::new(format!("{name}_group"), ["group"])),
        )?;
        let row = |n: i64| [n, n * 61_291 % rows, n * 7_919 % 1_000, n * 7_919 % 1_000];
        let rows = (1..=rows).map(|n| row(n).map(|n| Some(Expr::Literal(Value::from(n)))).into()).collect();
        let insert = Insert {
            table,
            columns: vec![ID, KEY, GROUP, PLAIN],
            rows: InsertSource::Values(rows),
            source: T,
            conflict: None,
            returning: vec![],
        };
        db.execute(&Statement::Insert(insert), &[]).map(|_| table)
    };
    let (large, small) = (create("large", ROWS)?, create("small", FEW)?);
    Ok(Tables { db, large, small })
}

impl Tables {
    fn large(&self) -> Relation {
        Relation::scan(self.large, T)
    }

    fn small(&self) -> Relation {
        Relation::scan(self.small, S)
    }

    /// The shortest time in an operator itself, in microseconds, of the first plan that has one of this name.
    fn time(&self, relation: Relation, columns: &[Expr], operator: &str) -> Result<Option<f64>, Error> {
        let columns = columns.iter().map(|expr| OutputColumn::new("", expr.clone())).collect();
        let query = Query::new(relation, columns);
        for plan in self.db.plans(&query)? {
            if find(plan.explanation(), operator).is_none() {
                continue;
            }
            let mut least = f64::INFINITY;
            for _ in 0..RUNS {
                let measured = plan.analyze(&self.db, &[])?;
                let own = find(&measured, operator).and_then(Explanation::own_time);
                least = own.map_or(least, |own| least.min(own.as_secs_f64() * 1e6));
            }
            return Ok(Some(least));
        }
        Ok(None)
    }
}

fn find<'e>(plan: &'e Explanation, operator: &str) -> Option<&'e Explanation> {
    if plan.operator.starts_with(operator) {
        return Some(plan);
    }
    plan.inputs.iter().find_map(|input| find(input, operator))
}

fn calibrate() -> Result<(), Error> {
    let tables = tables()?;
    let (rows, few) = (ROWS as f64, FEW as f64);
    let large = || tables.large();
    let keys = [column(T, KEY), column(T, PLAIN)];
    let below =
        |source, place, bound: i64| column(source, place).compare(Comparison::Less, Expr::literal(bound));
    let equal = |place| column(T, place).equals(column(S, ID));
    let join = |place| large().join(JoinKind::Inner, tables.small(), equal(place));
    let time = |relation, columns: &[Expr], operator: &str| tables.time(relation, columns, operator);

    let scan = time(large(), &keys, "Scan large")?.map(|all| all / rows);
    let filtered = time(large().filter(below(T, PLAIN, 500)), &keys, "Scan large")?.map(|all| all / rows);
    let index = time(large().filter(below(T, GROUP, 100)), &keys, "Scan large by index")?;
    // Half of the rows in one index, and a hundred of them in another.
    let both = below(T, GROUP, 500).and(below(T, KEY, 100));
    let entries = time(large().filter(both), &keys, "Scan large by index large_key and index large_group")?;
    // Of a join on a unique key: 1,000 rows that look up one of 100,000 each; the key lies scattered.
    let by_id = time(join(ID), &keys, "Index join with large by primary key")?.map(|all| all / few);
    let by_key = time(join(KEY), &keys, "Index join with large by index")?.map(|all| all / few);
    let hashed = tables.small().join(JoinKind::Left, large(), equal(KEY));
    let built = time(hashed, &[column(S, ID)], "Hash left join")?.map(|all| all / rows);
    let probing = large().join(JoinKind::Left, tables.small(), equal(PLAIN));
    let probed = time(probing, &[column(T, ID)], "Hash left join")?.map(|all| all / rows);
    // A row of each side, the right one copied, and one that is put out.
    let again = Relation::scan(tables.large, S);
    let merged = large().join(JoinKind::Inner, again, column(T, ID).equals(column(S, ID)));
    let merged = time(merged, &[column(T, KEY), column(S, KEY)], "Merge join")?.map(|all| all / rows);
    let other = Relation::scan(tables.small, T);
    let apart = column(T, KEY).arithmetic(Arithmetic::Add, column(S, KEY)).equals(Expr::literal(-1));
    let pairs =
        time(other.join(JoinKind::Inner, tables.small(), apart), &[column(S, ID)], "Nested loop join")?;
    let sorted = large().sort(vec![SortKey::ascending(column(T, PLAIN))]);
    let sort = time(sorted, &keys, "Sort")?.map(|all| all / rows);
    let group = |keys: Vec<Expr>| {
        let sum = Aggregate::of(AggregateFunction::Sum, column(T, KEY));
        large().aggregate(G, keys, vec![sum])
    };
    let summed = time(group(vec![]), &[column(G, 0)], "Aggregate")?.map(|all| all / rows);
    let grouped = time(group(vec![column(T, PLAIN)]), &[column(G, 1)], "Group by")?.map(|all| all / rows);
    let sum = column(T, KEY).arithmetic(Arithmetic::Add, column(T, PLAIN));
    let computed = time(large(), &[sum], "Project")?.map(|all| all / rows);

    let difference = |a: Option<f64>, b: Option<f64>| Some((a? - b?).max(0.0));
    let rows_joined = CONSTANTS.iter().find(|(name, _)| *name == "joined").map_or(0.0, |(_, time)| *time);
    let measured = [
        ("scan", scan),
        ("test", difference(filtered, scan)),
        ("fetch", by_id),
        ("index", index.map(|all| all / (rows / 10.0))),
        ("entry", entries.map(|all| all / (rows / 2.0))),
        ("descend", difference(by_key, by_id)),
        ("build", built),
        ("probe", probed),
        ("merge", merged.map(|all| (all - 2.0 * rows_joined) / 2.0)),
        ("pair", pairs.map(|all| all / (few * few))),
        ("sort", sort),
        ("group", difference(grouped, summed)),
        ("aggregate", summed),
        ("compute", computed),
    ];
    let mut table = Table::new();
    table.set_header(["constant", "measured, ns a row", "in the model, ns"]);
    for (name, time) in measured {
        let model = CONSTANTS.iter().find(|(known, _)| *known == name).map(|(_, constant)| constant * 1e3);
        let shown = |nanoseconds: Option<f64>| nanoseconds.map_or_else(|| "-".into(), |n| format!("{n:.1}"));
        table.add_row([name.to_owned(), shown(time.map(|time| time * 1e3)), shown(model)]);
    }
    println!("{table}");
    Ok(())
}
