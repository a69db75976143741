//! Rows as text: a table for people, CSV and JSON for programs, Markdown for pages.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use nuages_engine::ResultSet;
use nuages_storage::Value;

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table with lines, numbers to the right.
    #[default]
    Table,
    /// Comma-separated values with a head line (RFC 4180); NULL is empty, an empty text is "".
    Csv,
    /// An array of objects. Numbers and booleans are themselves, decimals and all else texts.
    Json,
    /// A table in Markdown.
    Markdown,
}

impl Format {
    /// Prints rows. A statement that returns no columns prints nothing.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn print(self, rows: &ResultSet, out: &mut dyn Write) -> io::Result<()> {
        if rows.columns.is_empty() {
            return Ok(());
        }
        match self {
            Format::Table => {
                writeln!(out, "{}", table(rows, UTF8_FULL_CONDENSED))?;
                let count = rows.rows.len();
                writeln!(out, "({count} row{})", if count == 1 { "" } else { "s" })
            }
            Format::Markdown => writeln!(out, "{}", table(rows, ASCII_MARKDOWN)),
            Format::Csv => csv(rows, out),
            Format::Json => json(rows, out),
        }
    }
}

/// A table as wide as the terminal, or as its content if there is none.
fn table(rows: &ResultSet, preset: &str) -> Table {
    let mut table = Table::new();
    table.load_preset(preset);
    if preset == UTF8_FULL_CONDENSED {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(rows.columns.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    for row in &rows.rows {
        table.add_row(row.iter().map(|value| cell(value, preset == ASCII_MARKDOWN)));
    }
    table
}

fn cell(value: &Value, escapes_bars: bool) -> Cell {
    match value {
        Value::Null => Cell::new("NULL").fg(Color::DarkGrey),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => {
            Cell::new(value).set_alignment(CellAlignment::Right)
        }
        value if escapes_bars => Cell::new(value.to_string().replace('|', "\\|").replace('\n', "<br>")),
        value => Cell::new(value),
    }
}

/// Written here and not by the `csv` crate, whose quoting cannot tell a NULL from an empty text.
fn csv(rows: &ResultSet, out: &mut dyn Write) -> io::Result<()> {
    let head: Vec<String> = rows.columns.iter().map(|name| quoted(name)).collect();
    writeln!(out, "{}", head.join(","))?;
    for row in &rows.rows {
        let field = |value: &Value| if value.is_null() { String::new() } else { quoted(&value.to_string()) };
        let fields: Vec<String> = row.iter().map(field).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    Ok(())
}

/// A field of a CSV, in quotes if it needs them.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn json(rows: &ResultSet, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "[")?;
    for (number, row) in rows.rows.iter().enumerate() {
        write!(out, "{}\n  {{", if number == 0 { "" } else { "," })?;
        for (place, (name, value)) in rows.columns.iter().zip(row).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(out, "{separator}{}: {}", serde_json::Value::from(name.as_str()), json_value(value))?;
        }
        write!(out, "}}")?;
    }
    writeln!(out, "{}]", if rows.rows.is_empty() { "" } else { "\n" })
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Int(int) => (*int).into(),
        // What JSON has no number for (NaN, infinity) is said as a text.
        Value::Float(float) if float.is_finite() => (*float).into(),
        Value::Json(json) => (**json).clone(),
        value => value.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: Format) -> String {
        let rows = ResultSet {
            columns: vec!["id".into(), "name, full".into()].into(),
            rows: vec![vec![Value::Int(1), Value::from("a|b\n\"c\"")], vec![Value::Null, Value::from("")]],
        };
        let mut out = Vec::new();
        format.print(&rows, &mut out).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn csv_tells_null_from_the_empty_text() {
        assert_eq!(printed(Format::Csv), "id,\"name, full\"\n1,\"a|b\n\"\"c\"\"\"\n,\"\"\n");
    }

    #[test]
    fn json_keeps_the_types_it_has() {
        let parsed: serde_json::Value = serde_json::from_str(&printed(Format::Json)).expect("JSON");
        assert_eq!(
            parsed,
            serde_json::json!([
                {"id": 1, "name, full": "a|b\n\"c\""},
                {"id": null, "name, full": ""},
            ])
        );
    }

    #[test]
    fn markdown_escapes_what_would_end_a_cell() {
        let text = printed(Format::Markdown);
        assert!(text.contains("a\\|b<br>"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_table_says_how_many_rows() {
        assert!(printed(Format::Table).ends_with("(2 rows)\n"));
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let mut out = Vec::new();
        let rows = ResultSet { columns: vec!["a".into()].into(), rows: vec![] };
        Format::Json.print(&rows, &mut out).expect("a Vec takes all");
        assert_eq!(out, b"[]\n");
    }
}
