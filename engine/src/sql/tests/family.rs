//! Functions of families and the operators of JSON, by their names in SQL.

use super::{assert_refused, postgresql, rows, sqlite};

#[test]
fn functions_of_texts_and_numbers_have_the_names_of_postgresql() {
    let mut db = postgresql();
    for (sql, expected) in [
        ("split_part('a,b,c', ',', 2)", "b"),
        ("initcap('hello world')", "Hello World"),
        ("concat_ws('-', 1, NULL, 'x')", "1-x"),
        ("format('%s is %L', 'it', 'so')", "it is 'so'"),
        ("btrim('xxaxx', 'x')", "a"),
        ("regexp_replace('a1b2', '[0-9]', '#', 'g')", "a#b#"),
        ("chr(65) || ascii('B')", "A66"),
        ("trunc(2.567, 1)", "2.5"),
        ("round(degrees(pi()))", "180.0"),
        ("log(100)", "2.0"),
        ("to_char(TIMESTAMP '2024-03-05 17:07:09', 'YYYY/MM/DD HH24:MI')", "2024/03/05 17:07"),
    ] {
        assert_eq!(rows(&mut db, &format!("SELECT {sql}")), expected, "{sql}");
    }
    assert_eq!(rows(&mut db, "SELECT count(DISTINCT random()) FROM (VALUES (1), (2), (3)) AS t (n)"), "3");
    assert_refused(&mut db, "SELECT chr(0)", "chr()");
}

#[test]
fn json_is_asked_by_operators_and_functions() {
    let mut db = postgresql();
    let document = r#"'{"a": {"b": [1, "two"]}, "c": null}'::jsonb"#;
    for (sql, expected) in [
        ("-> 'a' -> 'b' ->> 1", "two"),
        ("-> 'a' -> 'b' -> -2", "1"),
        (r#"@> '{"a": {"b": [1]}}'::jsonb"#, "true"),
        (r#"@> '{"a": {"b": [3]}}'::jsonb"#, "false"),
    ] {
        assert_eq!(rows(&mut db, &format!("SELECT {document} {sql}")), expected, "{sql}");
    }
    let length =
        format!("SELECT jsonb_array_length({document} -> 'a' -> 'b'), jsonb_typeof({document} -> 'c')");
    assert_eq!(rows(&mut db, &length), "2,null");
    assert_eq!(rows(&mut db, "SELECT json_build_object('n', 1) ->> 'n'"), "1");

    let mut db = sqlite();
    let text = r#"'{"a": {"b": [1, "two"]}}'"#;
    assert_eq!(
        rows(&mut db, &format!("SELECT {text} ->> '$.a.b[1]', json_extract({text}, '$.a.b[#-1]')")),
        "two,two"
    );
    assert_eq!(rows(&mut db, "SELECT json_valid('{'), unicode('A'), char(72, 105)"), "0,65,Hi");
}
