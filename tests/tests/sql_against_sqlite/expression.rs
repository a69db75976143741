//! Values and conditions, as SQL that both engines define alike.
//!
//! Integers stay small and reals are multiples of a quarter, so that sums are exact in whatever order they are added
//! up.

use nuages_tests::tape::Tape;

use super::query::Writer;

/// What a value is. Conditions are integers where a value is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Real,
    Text,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Int, Kind::Text, Kind::Real];

    pub(crate) fn any(tape: &mut Tape<'_>) -> Kind {
        tape.pick(&Kind::ALL)
    }
}

/// A literal that is not NULL.
pub(crate) fn literal(kind: Kind, tape: &mut Tape<'_>) -> String {
    let all: &[&str] = match kind {
        Kind::Int => &["1", "0", "2", "3", "5", "7", "10", "-1", "100"],
        Kind::Real => &["1.0", "0.0", "0.5", "2.25", "-1.5", "7.0", "10.75"],
        Kind::Text => {
            &["'a'", "''", "'B'", "'ab'", "'abc'", "'b_c'", "'10'", "'9'", "' a '", "'50%'", "'1.5'"]
        }
    };
    tape.pick(all).to_owned()
}

const COMPARISONS: [&str; 8] = ["=", "<", ">", "<=", ">=", "<>", "IS", "IS NOT"];

const PATTERNS: [&str; 9] =
    ["'a%'", "'%b'", "'%b%'", "'_'", "'%'", "'a_c'", "'B%'", "''", "'%\\%%' ESCAPE '\\'"];

impl Writer<'_> {
    /// A value, as an operand.
    pub(crate) fn value(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.tape.is_at_end() || self.tape.one_in(3) {
            return self.leaf(kind);
        }
        match self.tape.below(14) {
            0..=2 => self.leaf(kind),
            3 => {
                let (when, then, other) =
                    (self.condition(depth - 1), self.value(kind, depth - 1), self.value(kind, depth - 1));
                let otherwise = if self.tape.one_in(4) { String::new() } else { format!(" ELSE {other}") };
                format!("CASE WHEN {when} THEN {then}{otherwise} END")
            }
            4 => {
                let of = Kind::any(&mut self.tape);
                let (operand, when) = (self.value(of, depth - 1), self.value(of, depth - 1));
                let (then, other) = (self.value(kind, depth - 1), self.value(kind, depth - 1));
                format!("CASE {operand} WHEN {when} THEN {then} ELSE {other} END")
            }
            5 => format!("coalesce({}, {})", self.value(kind, depth - 1), self.value(kind, depth - 1)),
            6 => format!("nullif({}, {})", self.value(kind, depth - 1), self.value(kind, depth - 1)),
            7 => match self.scalar_query(kind, depth - 1) {
                Some(query) => format!("({query})"),
                None => self.leaf(kind),
            },
            8 => {
                let function = self.tape.pick(&["max", "min"]);
                format!("{function}({}, {})", self.value(kind, depth - 1), self.value(kind, depth - 1))
            }
            9 => format!(
                "iif({}, {}, {})",
                self.condition(depth - 1),
                self.value(kind, depth - 1),
                self.value(kind, depth - 1)
            ),
            _ => match kind {
                Kind::Int => self.integer(depth - 1),
                Kind::Real => self.real(depth - 1),
                Kind::Text => self.text(depth - 1),
            },
        }
    }

    fn integer(&mut self, depth: usize) -> String {
        match self.tape.below(14) {
            0 | 1 => self.binary(Kind::Int, &["+", "-", "*"], depth),
            2 => self.binary(Kind::Int, &["/", "%"], depth),
            3 => self.binary(Kind::Int, &["&", "|", "<<", ">>"], depth),
            4 => format!("(- {})", self.value(Kind::Int, depth)),
            5 => format!("abs({})", self.value(Kind::Int, depth)),
            6 => format!("length({})", self.value(Kind::Text, depth)),
            7 => format!("instr({}, {})", self.value(Kind::Text, depth), self.value(Kind::Text, depth)),
            8 => format!("({})", self.condition(depth)),
            9 => format!("CAST({} AS INTEGER)", self.value(Kind::Text, depth)),
            10 => format!("CAST({} AS INTEGER)", self.value(Kind::Real, depth)),
            11 => format!("(~ {})", self.value(Kind::Int, depth)),
            12 => format!("sign({})", self.value(Kind::Int, depth)),
            _ => format!("unicode({})", self.value(Kind::Text, depth)),
        }
    }

    fn real(&mut self, depth: usize) -> String {
        match self.tape.below(8) {
            0 | 1 => self.binary(Kind::Real, &["+", "-", "*"], depth),
            2 => {
                format!("({} / {})", self.value(Kind::Real, depth), self.tape.pick(&["2.0", "4", "0.5", "0"]))
            }
            3 => format!("abs({})", self.value(Kind::Real, depth)),
            4 => format!("CAST({} AS REAL)", self.value(Kind::Int, depth)),
            5 => format!("({} + {})", self.value(Kind::Real, depth), self.value(Kind::Int, depth)),
            6 => format!("round({}, {})", self.value(Kind::Real, depth), self.tape.pick(&["0", "1"])),
            _ => format!("(- {})", self.value(Kind::Real, depth)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.tape.below(12) {
            0 | 1 => format!("({} || {})", self.value(Kind::Text, depth), self.value(Kind::Text, depth)),
            2 => format!("upper({})", self.value(Kind::Text, depth)),
            3 => format!("lower({})", self.value(Kind::Text, depth)),
            4 => {
                let start = self.tape.pick(&["1", "2", "-1", "0", "-2"]);
                format!("substr({}, {start})", self.value(Kind::Text, depth))
            }
            5 => {
                let (start, count) =
                    (self.tape.pick(&["1", "2", "-1", "0"]), self.tape.pick(&["1", "2", "0"]));
                format!("substr({}, {start}, {count})", self.value(Kind::Text, depth))
            }
            6 => {
                format!("{}({})", self.tape.pick(&["trim", "ltrim", "rtrim"]), self.value(Kind::Text, depth))
            }
            7 => {
                let text = self.value(Kind::Text, depth);
                format!(
                    "replace({text}, {}, {})",
                    self.value(Kind::Text, depth),
                    self.value(Kind::Text, depth)
                )
            }
            8 => format!("CAST({} AS TEXT)", self.value(Kind::Int, depth)),
            9 => format!("({} || {})", self.value(Kind::Int, depth), self.value(Kind::Text, depth)),
            10 => format!("hex({})", self.value(Kind::Text, depth)),
            _ => format!("ltrim({}, {})", self.value(Kind::Text, depth), self.value(Kind::Text, depth)),
        }
    }

    fn binary(&mut self, kind: Kind, operators: &[&str], depth: usize) -> String {
        let operator = self.tape.pick(operators);
        let (left, right) = (self.value(kind, depth), self.value(kind, depth));
        match operator {
            // Far shifts and divisions of the least integer are elsewhere.
            "<<" | ">>" => format!("({left} {operator} {})", self.tape.pick(&["1", "0", "3"])),
            operator => format!("({left} {operator} {right})"),
        }
    }

    /// A column or a literal.
    fn leaf(&mut self, kind: Kind) -> String {
        match self.tape.below(8) {
            0..=5 => self.column(kind).unwrap_or_else(|| literal(kind, &mut self.tape)),
            6 => literal(kind, &mut self.tape),
            _ => "NULL".to_owned(),
        }
    }

    /// A condition.
    pub(crate) fn condition(&mut self, depth: usize) -> String {
        if depth == 0 || self.tape.is_at_end() {
            return self.simple_condition();
        }
        match self.tape.below(16) {
            0..=2 => self.simple_condition(),
            3 | 4 => self.connected("AND", depth),
            5 => self.connected("OR", depth),
            6 => format!("(NOT {})", self.condition(depth - 1)),
            7 => {
                let kind = Kind::any(&mut self.tape);
                let not = self.not();
                let (value, low) = (self.value(kind, depth - 1), self.value(kind, depth - 1));
                format!("({value} {not}BETWEEN {low} AND {})", self.value(kind, depth - 1))
            }
            8 => {
                let kind = Kind::any(&mut self.tape);
                let (value, not) = (self.value(kind, depth - 1), self.not());
                let list: Vec<String> =
                    (0..=self.tape.below(4)).map(|_| self.value(kind, depth.min(2) - 1)).collect();
                format!("({value} {not}IN ({}))", list.join(", "))
            }
            9 => {
                let kind = Kind::any(&mut self.tape);
                let (value, not) = (self.value(kind, depth - 1), self.not());
                match self.column_query(kind, depth - 1) {
                    Some(query) => format!("({value} {not}IN ({query}))"),
                    None => self.simple_condition(),
                }
            }
            10 => {
                let not = self.not();
                match self.rows_query(depth - 1) {
                    Some(query) => format!("({not}EXISTS ({query}))"),
                    None => self.simple_condition(),
                }
            }
            11 => {
                let (text, not) = (self.value(Kind::Text, depth - 1), self.not());
                format!("({text} {not}LIKE {})", self.tape.pick(&PATTERNS))
            }
            12 => {
                let text = self.value(Kind::Text, depth - 1);
                format!("({text} GLOB {})", self.tape.pick(&["'a*'", "'*b'", "'?'", "'[a-c]*'", "'B*'"]))
            }
            13 => {
                let (a, b) = (Kind::any(&mut self.tape), Kind::any(&mut self.tape));
                let operator = self.tape.pick(&["=", "<", ">=", "<>"]);
                let (w, x) = (self.value(a, depth - 1), self.value(b, depth - 1));
                let (y, z) = (self.value(a, depth - 1), self.value(b, depth - 1));
                format!("(({w}, {x}) {operator} ({y}, {z}))")
            }
            14 => {
                let kind = Kind::any(&mut self.tape);
                let operator = self.tape.pick(&COMPARISONS);
                format!("({} {operator} {})", self.value(kind, depth - 1), self.value(kind, depth - 1))
            }
            _ => match self.tape.below(3) {
                0 => format!("({} <> 0)", self.value(Kind::Int, depth - 1)),
                1 => self.mixed_comparison(depth - 1),
                _ => {
                    let kind = Kind::any(&mut self.tape);
                    let not = self.not();
                    let (left, right) = (self.value(kind, depth - 1), self.value(kind, depth - 1));
                    format!("({left} IS {not}DISTINCT FROM {right})")
                }
            },
        }
    }

    fn connected(&mut self, word: &str, depth: usize) -> String {
        format!("({} {word} {})", self.condition(depth - 1), self.condition(depth - 1))
    }

    /// A comparison of an integer with a real, or of a column with a literal of another kind.
    fn mixed_comparison(&mut self, depth: usize) -> String {
        let operator = self.tape.pick(&COMPARISONS);
        if self.tape.one_in(2) {
            let (kind, other) = (Kind::any(&mut self.tape), Kind::any(&mut self.tape));
            if let Some(column) = self.column(kind) {
                return format!("({column} {operator} {})", literal(other, &mut self.tape));
            }
        }
        format!("({} {operator} {})", self.value(Kind::Int, depth), self.value(Kind::Real, depth))
    }

    /// What an index may serve: a column beside a literal or another column.
    pub(crate) fn simple_condition(&mut self) -> String {
        let kind = Kind::any(&mut self.tape);
        let Some(column) = self.column(kind).or_else(|| self.any_column().map(|(name, _)| name)) else {
            return self.tape.pick(&["1", "0", "NULL"]).to_owned();
        };
        match self.tape.below(8) {
            0..=3 => {
                let operator = self.tape.pick(&COMPARISONS);
                format!("({column} {operator} {})", literal(kind, &mut self.tape))
            }
            4 | 5 => {
                let operator = self.tape.pick(&COMPARISONS);
                match self.column(kind) {
                    Some(other) => format!("({column} {operator} {other})"),
                    None => format!("({column} {operator} {})", literal(kind, &mut self.tape)),
                }
            }
            6 => format!("({column} IS {}NULL)", self.not()),
            _ => {
                let (a, b) = (literal(kind, &mut self.tape), literal(kind, &mut self.tape));
                format!("({column} IN ({a}, {b}))")
            }
        }
    }

    fn not(&mut self) -> &'static str {
        if self.tape.one_in(3) { "NOT " } else { "" }
    }
}
