//! Search arguments (System R's word): conjuncts that say something of one [`Subject`] which an ordered path can find.
//!
//! | conjunct | test |
//! |---|---|
//! | `a = x`, `a`, `NOT a` of booleans, an exact or wildcard-free match | equal |
//! | `a IS NULL`, `a IS NOT DISTINCT FROM x` | equal, where NULL is a value too |
//! | `a IN (x, y)` | among |
//! | `a < x` and its kin | lower or upper end |
//! | `a IS NOT NULL` | not NULL |
//! | `a` starts with `x`, `a LIKE 'x%'`, `a ILIKE 'x%'` | beginning |
//!
//! `a` is a column, or an expression that an index has as a part. `x` mentions no column: it is known when the scan
//! begins. A match without regard to case is one of the lower case of its text, if an index has that as a part.

use nuages_storage::{DataType, Value};

use super::subject::{Subject, Subjects};
use crate::algebra::walk;
use crate::algebra::{Builtin, Comparison, Expr, Function, TextMatch};
use crate::evaluate::{Scalar, by_day, same_keys};
use crate::functions::pattern::{Following, like_beginning};
use crate::plan::{Bound, Bounds, KeyValue, Values};

/// A conjunct that an access path can answer.
pub(super) struct Sarg {
    /// Which conjunct it is.
    pub(super) conjunct: usize,
    pub(super) subject: Subject,
    pub(super) test: Test,
    /// Whether the conjunct says no more than the test.
    is_all: bool,
}

pub(super) enum Test {
    Equal(KeyValue),
    Among(Vec<Scalar>),
    Lower(Bound),
    Upper(Bound),
    Beginning(Scalar),
    NotNull,
}

impl Sarg {
    /// The conjunct, if who has made the test need not evaluate it.
    pub(super) fn covered(&self) -> Option<usize> {
        self.is_all.then_some(self.conjunct)
    }
}

/// What each conjunct says about a single subject.
pub(super) fn sargs(subjects: &Subjects<'_>, parts: &[Expr]) -> Vec<Sarg> {
    let mut found = Vec::new();
    for (conjunct, part) in parts.iter().enumerate() {
        let own = subjects.find(part).and_then(|subject| truth(subject, true));
        for (subject, test, is_all) in sarg(subjects, part).into_iter().chain(own) {
            found.push(Sarg { conjunct, subject, test, is_all });
        }
    }
    found
}

/// The subject, the test, and whether the conjunct says no more.
fn sarg(subjects: &Subjects<'_>, part: &Expr) -> Option<(Subject, Test, bool)> {
    let own = |expr: &Expr| subjects.find(expr);
    match part {
        Expr::Compare(op, a, b) => {
            let ((subject, kind), op, value) = match (own(a), own(b)) {
                (Some(subject), None) => (subject, *op, b),
                (None, Some(subject)) => (subject, op.flipped(), a),
                _ => return day_test(*op, a, b, &own),
            };
            let test = comparison(op, bound(value, kind)?)?;
            Some((subject, test, true))
        }
        Expr::IsNull(value) => {
            let (subject, _) = own(value)?;
            let null = KeyValue { value: constant(Value::Null)?, matches_null: true };
            Some((subject, Test::Equal(null), true))
        }
        Expr::InList(value, list) => {
            let (subject, kind) = own(value)?;
            let values = list.iter().map(|item| bound(item, kind)).collect::<Option<Vec<_>>>()?;
            Some((subject, Test::Among(values), true))
        }
        Expr::Match { kind, ignore_case: false, text, pattern } => {
            let (subject, text @ DataType::Text { .. }) = own(text)? else { return None };
            let (test, is_all) = text_match(*kind, pattern, text)?;
            Some((subject, test, is_all))
        }
        Expr::Match { kind, ignore_case: true, text, pattern } if subjects.has_computed() => {
            let text = Expr::Call(Function::Lower, vec![(**text).clone()]);
            let (subject, text @ DataType::Text { .. }) = own(&text)? else { return None };
            let beginning = lower_beginning(*kind, pattern, text)?;
            // With nothing all texts begin.
            (known_length(&beginning) != Some(0)).then_some((subject, Test::Beginning(beginning), false))
        }
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(value) => own(value).map(|(subject, _)| (subject, Test::NotNull, true)),
            inner => truth(own(inner)?, false),
        },
        _ => None,
    }
}

/// What the lower case of a text begins with that matches a pattern without regard to case. The conjunct says more than
/// that.
fn lower_beginning(kind: TextMatch, pattern: &Expr, text: DataType) -> Option<Scalar> {
    let is_like = match kind {
        TextMatch::Exact | TextMatch::StartsWith => false,
        TextMatch::Like => true,
        TextMatch::EndsWith | TextMatch::Contains | TextMatch::Regex => return None,
    };
    let beginning = Function::Builtin(Builtin::named("lower_beginning")?);
    bound(&Expr::Call(beginning, vec![pattern.clone(), Expr::literal(is_like)]), text)
}

/// How long a beginning is, if it is known while planning.
fn known_length(beginning: &Scalar) -> Option<usize> {
    beginning.as_constant()?.as_text().map(str::len)
}

/// A column of days compared with a moment that is known now.
fn day_test(
    op: Comparison,
    a: &Expr,
    b: &Expr,
    own: &dyn Fn(&Expr) -> Option<(Subject, DataType)>,
) -> Option<(Subject, Test, bool)> {
    let days = |expr: &Expr| match expr {
        Expr::Cast(days, DataType::Timestamp) => own(days).filter(|(_, kind)| *kind == DataType::Date),
        _ => None,
    };
    let ((subject, _), op, moment) = match (days(a), days(b)) {
        (Some(subject), None) => (subject, op, b),
        (None, Some(subject)) => (subject, op.flipped(), a),
        _ => return None,
    };
    let (op, day) = by_day(op, bound(moment, DataType::Timestamp)?.as_constant()?)?;
    Some((subject, comparison(op, constant(day)?)?, true))
}

fn truth((subject, kind): (Subject, DataType), is_true: bool) -> Option<(Subject, Test, bool)> {
    let value = (kind == DataType::Bool).then(|| constant(Value::Bool(is_true)))??;
    Some((subject, equal(value), true))
}

fn equal(value: Scalar) -> Test {
    Test::Equal(KeyValue { value, matches_null: false })
}

fn comparison(op: Comparison, value: Scalar) -> Option<Test> {
    Some(match op {
        Comparison::Equal => equal(value),
        Comparison::Same => Test::Equal(KeyValue { value, matches_null: true }),
        Comparison::Less => Test::Upper(Bound { value, inclusive: false }),
        Comparison::LessOrEqual => Test::Upper(Bound { value, inclusive: true }),
        Comparison::Greater => Test::Lower(Bound { value, inclusive: false }),
        Comparison::GreaterOrEqual => Test::Lower(Bound { value, inclusive: true }),
        Comparison::NotEqual => return None,
    })
}

/// What a case-sensitive match says of its text, and whether it says no more.
fn text_match(kind: TextMatch, pattern: &Expr, text: DataType) -> Option<(Test, bool)> {
    match (kind, pattern) {
        (TextMatch::Exact, pattern) => Some((equal(bound(pattern, text)?), true)),
        (TextMatch::StartsWith, pattern) => Some((Test::Beginning(bound(pattern, text)?), true)),
        (TextMatch::Like, Expr::Literal(Value::Text(pattern))) => {
            let (beginning, following) = like_beginning(pattern)?;
            let value = constant(Value::Text(beginning))?;
            Some(match following {
                Following::Nothing => (equal(value), true),
                Following::Anything => (Test::Beginning(value), true),
                Following::Pattern => (Test::Beginning(value), false),
            })
        }
        _ => None,
    }
}

fn constant(value: Value) -> Option<Scalar> {
    Scalar::compile(&Expr::Literal(value), &|_| None).ok()
}

/// A bound of a subject of this type: an expression without columns whose keys order as the column's do.
fn bound(expr: &Expr, data_type: DataType) -> Option<Scalar> {
    let is_plain = matches!(expr, Expr::Literal(_) | Expr::Parameter(..));
    if !is_plain && (walk::has_subquery(expr) || !walk::columns_of(expr).is_empty() || expr.is_volatile()) {
        return None;
    }
    let compile = |expr: &Expr| Scalar::compile(expr, &|_| None).ok();
    let scalar = compile(expr)?;
    if same_keys(scalar.data_type(), data_type) {
        return Some(scalar);
    }
    let widened = match (scalar.data_type(), data_type) {
        (DataType::SmallInt | DataType::Integer | DataType::BigInt, DataType::Decimal { .. }) => {
            DataType::Decimal { precision: 28, scale: 0 }
        }
        (DataType::SmallInt | DataType::Integer, DataType::Float) => DataType::Float,
        _ => return None,
    };
    compile(&Expr::Cast(Box::new(expr.clone()), widened))
}

/// The range of a subject that the tests on it leave, and the conjuncts it covers; none if they leave all of it.
pub(super) fn bounds(sargs: &[Sarg], subject: Subject) -> Option<(Bounds, Vec<usize>)> {
    let mut bounds = Bounds::default();
    let mut covered = Vec::new();
    let own = || sargs.iter().filter(|sarg| sarg.subject == subject);
    let beginning = own().filter_map(|sarg| match &sarg.test {
        Test::Beginning(beginning) => Some((sarg, beginning)),
        _ => None,
    });
    // The longer a beginning is, the fewer texts have it.
    if let Some((sarg, beginning)) = beginning.max_by_key(|(_, beginning)| known_length(beginning)) {
        bounds.values = Values::Beginning(beginning.clone());
        return Some((bounds, sarg.covered().into_iter().collect()));
    }
    for sarg in own() {
        let (end, bound) = match &sarg.test {
            Test::Lower(bound) => (&mut bounds.lower, bound),
            Test::Upper(bound) => (&mut bounds.upper, bound),
            Test::NotNull => {
                bounds.values = Values::NotNull;
                covered.extend(sarg.covered());
                continue;
            }
            Test::Beginning(_) | Test::Equal(_) | Test::Among(_) => continue,
        };
        if end.is_none() {
            *end = Some(bound.clone());
            covered.extend(sarg.covered());
        }
    }
    bounds.is_bounded().then_some((bounds, covered))
}
