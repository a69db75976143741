//! Functions of numbers.
//!
//! Those that keep the kind of a number keep its type; the others are computed in double precision. What has no value
//! (the logarithm of a negative number, a root of one) is an error of the verb.

use nuages_engine::algebra::{Arithmetic, Function, MathFunction, StringFunction};

use super::super::operand::Seen;
use super::super::{Expr, Operand, Term, class};
use super::{Joint, Like, methods};
use crate::field::Field;
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Path};

/// The call of a function.
fn call<const N: usize>(function: Function, arguments: [Node; N]) -> Node {
    Node::call(Operator::Function(function), arguments)
}

/// The call of a function of floats.
fn math<const N: usize>(function: MathFunction, arguments: [Node; N]) -> Node {
    call(Function::Math(function), arguments)
}

/// Arithmetic in double precision.
fn float(operator: Arithmetic, left: Node, right: Node) -> Node {
    let float = |node| Node::call(Operator::Cast(f64::DATA_TYPE), [node]);
    Node::call(Operator::Arithmetic(operator), [float(left), float(right)])
}

methods! {
    Number in "# #[derive(Model, Clone)] pub struct Point { pub id: Auto<i64>, pub x: f64, pub n: i64 }
# let db = App::new().models(Point::app()).open_memory()?;
# Point::objects().create(new!(Point { x: -1.25, n: 9 }), &db)?;
let points = Point::objects();
" {
    /// The absolute value.
    abs() -> Same = |number| call(Function::Abs, [number]),
        "points.values_list(Point::x.abs()).all(&db)?, [1.25]";
    /// The least integer not below.
    ceil() -> Same = |number| call(Function::Ceiling, [number]),
        "points.values_list(Point::x.ceil()).all(&db)?, [-1.0]";
    /// The greatest integer not above.
    floor() -> Same = |number| call(Function::Floor, [number]),
        "points.values_list(Point::x.floor()).all(&db)?, [-2.0]";
    /// Rounded to `digits` after the point, half away from zero; digits before the point are negative.
    round(digits: A = i64) -> Same = |number, digits| call(Function::Round, [number, digits]),
        "points.values_list((Point::x.round(1), value(1250).round(-2))).all(&db)?, [(-1.3, 1300)]";
    /// -1, 0 or 1.
    sign() -> Same = |number| call(Function::Sign, [number]),
        "points.values_list(Point::x.sign()).all(&db)?, [-1.0]";
    /// The square root.
    sqrt() -> [f64] = |number| call(Function::SquareRoot, [number]),
        "points.values_list(Point::n.sqrt()).all(&db)?, [3.0]";
    /// e to the power of the number.
    exp() -> [f64] = |number| call(Function::Exp, [number]),
        "points.values_list((Point::n - 9).exp()).all(&db)?, [1.0]";
    /// The natural logarithm.
    ln() -> [f64] = |number| call(Function::Ln, [number]),
        "points.values_list((Point::n - 8).ln()).all(&db)?, [0.0]";
    /// The logarithm to a base: Django's `Log(base, number)`.
    log(base: A = f64) -> [f64] = |number, base| math(MathFunction::LogBase, [base, number]),
        "points.values_list(Point::n.log(3).round(9)).all(&db)?, [2.0]";
    /// To the power of `exponent`, in double precision. [`pow`](Self::pow) stays with integers.
    power(exponent: A = f64) -> [f64] = |number, exponent| float(Arithmetic::Power, number, exponent),
        "points.values_list(Point::n.power(0.5)).all(&db)?, [3.0]";
    /// The remainder, in double precision, with the sign of the dividend. `%` stays with integers.
    modulo(divisor: A = f64) -> [f64] = |number, divisor| float(Arithmetic::Modulo, number, divisor),
        "points.values_list(Point::x.modulo(1)).all(&db)?, [-0.25]";
    /// The sine of an angle in radians.
    sin() -> [f64] = |number| math(MathFunction::Sin, [number]),
        "points.values_list((Point::n - 9).sin()).all(&db)?, [0.0]";
    /// The cosine of an angle in radians.
    cos() -> [f64] = |number| math(MathFunction::Cos, [number]),
        "points.values_list((Point::n - 9).cos()).all(&db)?, [1.0]";
    /// The tangent of an angle in radians.
    tan() -> [f64] = |number| math(MathFunction::Tan, [number]),
        "points.values_list((Point::n - 9).tan()).all(&db)?, [0.0]";
    /// The cotangent of an angle in radians.
    cot() -> [f64] = |number| math(MathFunction::Cot, [number]),
        "points.values_list(Point::x.cot().round(3)).all(&db)?, [-0.332]";
    /// The angle in radians that has this sine.
    asin() -> [f64] = |number| math(MathFunction::Asin, [number]),
        "points.values_list((Point::n - 9).asin()).all(&db)?, [0.0]";
    /// The angle in radians that has this cosine.
    acos() -> [f64] = |number| math(MathFunction::Acos, [number]),
        "points.values_list((Point::n - 8).acos()).all(&db)?, [0.0]";
    /// The angle in radians that has this tangent.
    atan() -> [f64] = |number| math(MathFunction::Atan, [number]),
        "points.values_list((Point::n - 9).atan()).all(&db)?, [0.0]";
    /// The angle in radians of the point of this height and this `x`.
    atan2(x: A = f64) -> [f64] = |number, x| math(MathFunction::Atan2, [number, x]),
        "points.values_list(Point::n.atan2(9).degrees()).all(&db)?, [45.0]";
    /// Radians as degrees.
    degrees() -> [f64] = |number| math(MathFunction::Degrees, [number]),
        "points.values_list(nuages::expression::function::pi().degrees()).all(&db)?, [180.0]";
    /// Degrees as radians.
    radians() -> [f64] = |number| math(MathFunction::Radians, [number]),
        "points.values_list((Point::n * 20).radians().sin().round(9)).all(&db)?, [0.0]";
    /// The character of a code point.
    chr() -> [String] = |number| call(Function::String(StringFunction::Chr), [number]),
        "points.values_list((Point::n + 56).chr()).all(&db)?, [\"A\"]";
    }
}
