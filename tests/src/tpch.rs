//! TPC-H: its tables, its rows at any scale, and its 22 queries with the parameters of the specification's validation
//! run (revision 3, clause 2.4).
//!
//! Rows and query texts are the `tpchgen` crate's. SQLite knows neither dates nor intervals, so it gets the same
//! queries with dates as texts and the arithmetic on them done ([`for_sqlite`]).

use jiff::ToSpan;
use jiff::civil::Date;
use nuages_engine::algebra::{Expr, Insert, InsertSource, Source, Statement};
use nuages_engine::evaluate::cast_value;
use nuages_engine::{Error, Session};
use nuages_storage::Value;
use regex::{Captures, Regex};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen::q_and_a::queries;

/// How many queries there are; they are numbered from 1.
pub const QUERIES: usize = 22;

/// The tables, those that are referred to first.
pub const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

/// The tables' definitions, for any SQL, with an index for each foreign key.
pub const SCHEMA: &str = "
CREATE TABLE region (r_regionkey INTEGER PRIMARY KEY, r_name VARCHAR(25) NOT NULL, r_comment VARCHAR(152) NOT NULL);
CREATE TABLE nation (
    n_nationkey INTEGER PRIMARY KEY, n_name VARCHAR(25) NOT NULL,
    n_regionkey INTEGER NOT NULL REFERENCES region, n_comment VARCHAR(152) NOT NULL);
CREATE TABLE supplier (
    s_suppkey INTEGER PRIMARY KEY, s_name VARCHAR(25) NOT NULL, s_address VARCHAR(40) NOT NULL,
    s_nationkey INTEGER NOT NULL REFERENCES nation, s_phone VARCHAR(15) NOT NULL,
    s_acctbal NUMERIC(15, 2) NOT NULL, s_comment VARCHAR(101) NOT NULL);
CREATE TABLE customer (
    c_custkey INTEGER PRIMARY KEY, c_name VARCHAR(25) NOT NULL, c_address VARCHAR(40) NOT NULL,
    c_nationkey INTEGER NOT NULL REFERENCES nation, c_phone VARCHAR(15) NOT NULL,
    c_acctbal NUMERIC(15, 2) NOT NULL, c_mktsegment VARCHAR(10) NOT NULL, c_comment VARCHAR(117) NOT NULL);
CREATE TABLE part (
    p_partkey INTEGER PRIMARY KEY, p_name VARCHAR(55) NOT NULL, p_mfgr VARCHAR(25) NOT NULL,
    p_brand VARCHAR(10) NOT NULL, p_type VARCHAR(25) NOT NULL, p_size INTEGER NOT NULL,
    p_container VARCHAR(10) NOT NULL, p_retailprice NUMERIC(15, 2) NOT NULL, p_comment VARCHAR(23) NOT NULL);
CREATE TABLE partsupp (
    ps_partkey INTEGER NOT NULL REFERENCES part, ps_suppkey INTEGER NOT NULL REFERENCES supplier,
    ps_availqty INTEGER NOT NULL, ps_supplycost NUMERIC(15, 2) NOT NULL, ps_comment VARCHAR(199) NOT NULL,
    PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE orders (
    o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER NOT NULL REFERENCES customer,
    o_orderstatus VARCHAR(1) NOT NULL, o_totalprice NUMERIC(15, 2) NOT NULL, o_orderdate DATE NOT NULL,
    o_orderpriority VARCHAR(15) NOT NULL, o_clerk VARCHAR(15) NOT NULL, o_shippriority INTEGER NOT NULL,
    o_comment VARCHAR(79) NOT NULL);
CREATE TABLE lineitem (
    l_orderkey INTEGER NOT NULL REFERENCES orders, l_partkey INTEGER NOT NULL REFERENCES part,
    l_suppkey INTEGER NOT NULL REFERENCES supplier, l_linenumber INTEGER NOT NULL,
    l_quantity NUMERIC(15, 2) NOT NULL, l_extendedprice NUMERIC(15, 2) NOT NULL,
    l_discount NUMERIC(15, 2) NOT NULL, l_tax NUMERIC(15, 2) NOT NULL, l_returnflag VARCHAR(1) NOT NULL,
    l_linestatus VARCHAR(1) NOT NULL, l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL,
    l_receiptdate DATE NOT NULL, l_shipinstruct VARCHAR(25) NOT NULL, l_shipmode VARCHAR(10) NOT NULL,
    l_comment VARCHAR(44) NOT NULL, PRIMARY KEY (l_orderkey, l_linenumber));
CREATE INDEX nation_region ON nation (n_regionkey);
CREATE INDEX supplier_nation ON supplier (s_nationkey);
CREATE INDEX customer_nation ON customer (c_nationkey);
CREATE INDEX partsupp_supplier ON partsupp (ps_suppkey);
CREATE INDEX orders_customer ON orders (o_custkey);
CREATE INDEX lineitem_part_supplier ON lineitem (l_partkey, l_suppkey);
CREATE INDEX lineitem_supplier ON lineitem (l_suppkey);
";

/// The rows of a table, each a text of its fields with bars after them.
///
/// # Panics
/// If there is no such table.
pub fn lines(table: &str, scale: f64) -> Box<dyn Iterator<Item = String>> {
    macro_rules! rows {
        ($generator:ident) => {
            Box::new($generator::new(scale, 1, 1).iter().map(|row| row.to_string()))
        };
    }
    match table {
        "region" => rows!(RegionGenerator),
        "nation" => rows!(NationGenerator),
        "supplier" => rows!(SupplierGenerator),
        "customer" => rows!(CustomerGenerator),
        "part" => rows!(PartGenerator),
        "partsupp" => rows!(PartSuppGenerator),
        "orders" => rows!(OrderGenerator),
        "lineitem" => rows!(LineItemGenerator),
        other => panic!("TPC-H has no table {other}"),
    }
}

/// The fields of a line.
pub fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.trim_end_matches('|').split('|')
}

/// Fills the tables, which must be there.
///
/// # Errors
/// What the tables refuse.
pub fn load(session: &dyn Session, scale: f64) -> Result<(), Error> {
    let catalog = session.catalog()?;
    for name in TABLES {
        let table = catalog.table_named(name)?;
        let row = |line: String| {
            let value = |(field, column): (&str, &nuages_engine::catalog::ColumnDefinition)| {
                Ok(Some(Expr::Literal(cast_value(Value::from(field), column.data_type)?)))
            };
            fields(&line).zip(&table.columns).map(value).collect::<Result<Vec<_>, Error>>()
        };
        let mut lines = lines(name, scale).peekable();
        while lines.peek().is_some() {
            let rows = lines.by_ref().take(5_000).map(row).collect::<Result<Vec<_>, Error>>()?;
            let insert = Insert {
                table: table.id,
                columns: (0..table.columns.len()).collect(),
                rows: InsertSource::Values(rows),
                source: Source::new(0),
                returning: Vec::new(),
                conflict: None,
            };
            session.execute(&Statement::Insert(insert), &[])?;
        }
    }
    Ok(())
}

/// The statements of a query: most are one; the fifteenth makes a view, asks it, and drops it.
///
/// # Panics
/// If there is no query of this number.
pub fn query(number: usize, scale: f64) -> Vec<String> {
    let text = i32::try_from(number).ok().and_then(queries::query);
    let text = text.unwrap_or_else(|| panic!("TPC-H has no query {number}"));
    let parameters = parameters(number, scale);
    let mark = Regex::new(r":(\d+|s)").expect("a good pattern");
    let text = mark.replace_all(text, |found: &Captures<'_>| match &found[1] {
        "s" => "0".to_owned(),
        place => parameters[place.parse::<usize>().expect("a number") - 1].clone(),
    });
    let statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(|statement| with_limit(number, statement)).collect()
}

/// What the specification's validation run puts in the place of the marks.
fn parameters(number: usize, scale: f64) -> Vec<String> {
    let fraction = (0.0001 / scale).to_string();
    let values: &[&str] = match number {
        1 => &["90"],
        2 => &["15", "BRASS", "EUROPE"],
        3 => &["BUILDING", "1995-03-15"],
        4 => &["1993-07-01"],
        5 => &["ASIA", "1994-01-01"],
        6 => &["1994-01-01", "0.06", "24"],
        7 => &["FRANCE", "GERMANY"],
        8 => &["BRAZIL", "AMERICA", "ECONOMY ANODIZED STEEL"],
        9 => &["green"],
        10 => &["1993-10-01"],
        11 => &["GERMANY", &fraction],
        12 => &["MAIL", "SHIP", "1994-01-01"],
        13 => &["special", "requests"],
        14 => &["1995-09-01"],
        15 => &["1996-01-01"],
        16 => &["Brand#45", "MEDIUM POLISHED", "49", "14", "23", "45", "19", "3", "36", "9"],
        17 => &["Brand#23", "MED BOX"],
        18 => &["300"],
        19 => &["Brand#12", "Brand#23", "Brand#34", "1", "10", "20"],
        20 => &["forest", "1994-01-01", "CANADA"],
        21 => &["SAUDI ARABIA"],
        22 => &["13", "31", "23", "29", "30", "18", "17"],
        _ => &[],
    };
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The specification wants only the first rows of some.
fn with_limit(number: usize, statement: &str) -> String {
    match number {
        2 | 18 | 21 => format!("{statement} limit 100"),
        3 => format!("{statement} limit 10"),
        10 => format!("{statement} limit 20"),
        _ => statement.to_owned(),
    }
}

/// A query as SQLite reads it.
///
/// # Panics
/// If a date of it is none.
pub fn for_sqlite(statement: &str) -> String {
    let replace = |pattern: &str, text: &str, with: &dyn Fn(&Captures<'_>) -> String| {
        Regex::new(pattern).expect("a good pattern").replace_all(text, with).into_owned()
    };
    let shifted = |found: &Captures<'_>| {
        let date: Date = found[1].parse().expect("a date");
        let count: i32 = found[3].parse().expect("a number");
        let count = if &found[2] == "-" { -count } else { count };
        let span = match &found[4] {
            "day" => count.days(),
            "month" => count.months(),
            _ => count.years(),
        };
        format!("'{}'", date.checked_add(span).expect("a date near the others"))
    };
    let text =
        replace(r"date '([\d-]+)' ([+-]) interval '(\d+)' (day|month|year)(?: \(\d\))?", statement, &shifted);
    let text = replace(r"date ('[\d-]+')", &text, &|found| found[1].to_owned());
    let year = |found: &Captures<'_>| format!("cast(strftime('%Y', {}) as integer)", &found[1]);
    let text = replace(r"extract\(year from (\w+)\)", &text, &year);
    let part = |found: &Captures<'_>| format!("substr({}, {}, {})", &found[1], &found[2], &found[3]);
    let text = replace(r"substring\((\w+) from (\d+) for (\d+)\)", &text, &part);
    // In doubles 0.06 + 0.01 is less than 0.07. A derived table's columns cannot be named behind it.
    text.replace("0.06 - 0.01", "0.05")
        .replace("0.06 + 0.01", "0.07")
        .replace("count(o_orderkey)\n", "count(o_orderkey) as c_count\n")
        .replace("c_orders (c_custkey, c_count)", "c_orders")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_texts_for_sqlite() {
        let text = "x < date '1998-12-01' - interval '90' day (3) and y = date '1994-01-01'";
        assert_eq!(for_sqlite(text), "x < '1998-09-02' and y = '1994-01-01'");
        let text = "date '1993-10-01' + interval '3' month, extract(year from o_orderdate)";
        assert_eq!(for_sqlite(text), "'1994-01-01', cast(strftime('%Y', o_orderdate) as integer)");
    }

    #[test]
    fn no_mark_is_left_in_a_query() {
        for number in 1..=QUERIES {
            let statements = query(number, 0.01);
            assert_eq!(statements.len(), if number == 15 { 3 } else { 1 });
            assert!(statements.iter().all(|statement| !statement.contains(':')), "{statements:?}");
        }
    }
}
