//! Explanations as text: the tree that a person reads, and plan snapshots in tests.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::{Explanation, Measurement};
use crate::plan::Basis;

/// A line and what stands at its end.
struct Line {
    text: String,
    figures: String,
}

impl Explanation {
    fn lines(&self, first: &str, rest: &str, lines: &mut Vec<Line>) {
        lines.push(Line { text: format!("{first}{}", self.operator), figures: self.figures() });
        let bar = if self.inputs.is_empty() { "   " } else { "│  " };
        for detail in &self.details {
            lines.push(Line { text: format!("{rest}{bar}{detail}"), figures: String::new() });
        }
        for (number, input) in self.inputs.iter().enumerate() {
            let (branch, below) =
                if number + 1 == self.inputs.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            input.lines(&format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
        }
    }

    /// How many rows it yields, and if that was measured what it did.
    pub(crate) fn figures(&self) -> String {
        let mark = match self.rows.basis {
            Basis::Counted => "",
            Basis::Statistics => "~",
            Basis::Guess => "?",
        };
        let rows = format!("{mark}{}", counted(self.rows.rows.round() as u64, "row"));
        match (self.measured, self.own_time()) {
            (Some(Measurement { runs, rows: found, batches, nodes, time }), Some(own)) => {
                let runs = if runs > 1 { format!(" in {runs} runs") } else { String::new() };
                let nodes = if nodes > 0 { format!(", {}", counted(nodes, "node")) } else { String::new() };
                let found = format!("{}, {}{nodes}{runs}", counted(found, "row"), counted(batches, "batch"));
                format!("{rows}; {found}, {} ({} itself)", Short(time), Short(own))
            }
            _ => rows,
        }
    }
}

fn counted(number: u64, of: &str) -> String {
    match (number, of.ends_with('h')) {
        (1, _) => format!("1 {of}"),
        (_, true) => format!("{number} {of}es"),
        (_, false) => format!("{number} {of}s"),
    }
}

/// A duration in a unit of three digits.
pub(crate) struct Short(pub(crate) Duration);

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos() as f64;
        let (unit, of) = match nanoseconds {
            below if below < 1e3 => ("ns", 1.0),
            below if below < 1e6 => ("µs", 1e3),
            below if below < 1e9 => ("ms", 1e6),
            _ => ("s", 1e9),
        };
        let value = nanoseconds / of;
        let digits = if of == 1.0 || value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        write!(f, "{value:.digits$} {unit}")
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        self.lines("", "", &mut lines);
        let width =
            lines.iter().filter(|line| !line.figures.is_empty()).map(|line| line.text.chars().count());
        let width = width.max().unwrap_or(0);
        for (number, Line { text, figures }) in lines.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            match figures.is_empty() {
                true => write!(f, "{text}")?,
                false => write!(f, "{text}{:pad$}  {figures}", "", pad = width - text.chars().count())?,
            }
        }
        Ok(())
    }
}

/// A plan as it is written down in a test: without empty lines around it, without what all lines are indented by, and
/// without spaces at the ends of lines.
pub fn outline(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let is_full = |line: &&str| !line.is_empty();
    let indent =
        lines.iter().filter(|line| is_full(line)).map(|line| line.len() - line.trim_start().len()).min();
    let first = lines.iter().position(is_full).unwrap_or(0);
    let end = lines.iter().rposition(is_full).map_or(first, |last| last + 1);
    let cut = |line: &&str| line.get(indent.unwrap_or(0)..).unwrap_or_default().to_owned();
    lines[first..end].iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// Asserts what the plan of a query looks like, as [`Session::explain`](crate::Session::explain) draws it. Indentation
/// and empty lines around the expected text do not count.
///
/// ```
/// use nuages_engine::algebra::{Expr, OutputColumn, Query, Relation, Source};
/// use nuages_engine::catalog::{NewColumn, NewTable};
/// use nuages_engine::{Database, Session, assert_plan};
/// use nuages_storage::DataType;
/// let db = Database::new();
/// let id = NewColumn::new("id", DataType::BigInt).generated();
/// let song = db.create_table(NewTable::new("song").column(id).primary_key(["id"]))?;
/// let s = Source::new(0);
/// let fifth = Relation::scan(song, s).filter(Expr::from(s.column(0)).equals(Expr::literal(5)));
/// assert_plan!(db, Query::new(fifth, vec![OutputColumn::new("id", s.column(0))]), "
///     Project 1 columns   0 rows
///     └─ Scan song by id  0 rows
///           id = 5
/// ");
/// # Ok::<(), nuages_engine::Error>(())
/// ```
#[macro_export]
macro_rules! assert_plan {
    ($session:expr, $query:expr, $expected:expr $(,)?) => {
        match $crate::Session::explain(&$session, &$query) {
            Ok(plan) => {
                let (plan, expected) = (plan.to_string(), $crate::explain::text::outline($expected));
                assert!(
                    $crate::explain::text::outline(&plan) == expected,
                    "the plan is not the expected one\n\nplan:\n{plan}\n\nexpected:\n{expected}\n"
                );
            }
            Err(error) => assert!(false, "the query cannot be planned: {error}"),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_does_not_depend_on_how_it_is_indented() {
        let text = "\n    Sort  3 rows  \n    └─ Scan  3 rows\n\n";
        assert_eq!(outline(text), "Sort  3 rows\n└─ Scan  3 rows");
        assert_eq!(outline(""), "");
    }

    #[test]
    fn times_have_three_digits() {
        let shown = |nanoseconds| Short(Duration::from_nanos(nanoseconds)).to_string();
        let times = [7, 1_500, 22_600, 912_000, 3_400_000, 12_000_000_000];
        assert_eq!(times.map(shown), ["7 ns", "1.50 µs", "22.6 µs", "912 µs", "3.40 ms", "12.0 s"]);
    }
}
