//! Functions of floats, and lots.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use nuages_storage::DataType;

use super::Call;
use super::signature::{Signature, expect, expect_count};
use crate::algebra::{Function, MathFunction};
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::Vector;

/// What a function takes: one float, or two, or none.
pub(super) fn signature(of: MathFunction, types: &[Option<DataType>]) -> Result<Signature, Error> {
    let count = match of {
        MathFunction::Pi | MathFunction::Random => 0,
        MathFunction::Atan2 | MathFunction::LogBase => 2,
        _ => 1,
    };
    expect_count(of.name(), types.len(), count..=count)?;
    for given in types {
        expect(&Function::Math(of), *given, &[Class::Float])?;
    }
    Ok(Signature { arguments: vec![DataType::Float; count], result: DataType::Float })
}

pub(super) fn evaluate(of: MathFunction, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let argument = |place: usize, row| call.columns.get(place).and_then(|column| column.float(row));
    call.words(DataType::Float, |row| {
        let (x, y) = (argument(0, row).unwrap_or_default(), argument(1, row).unwrap_or_default());
        let result = float(of, x, y);
        let fails = !result.is_finite() && x.is_finite() && y.is_finite();
        match fails {
            true => Err(Error::Overflow { operation: format!("{}()", of.name()) }),
            false => Ok(result.to_bits().cast_signed()),
        }
    })
}

fn float(of: MathFunction, x: f64, y: f64) -> f64 {
    match of {
        MathFunction::Log10 => x.log10(),
        MathFunction::Log2 => x.log2(),
        MathFunction::LogBase => y.ln() / x.ln(),
        MathFunction::CubeRoot => x.cbrt(),
        MathFunction::Sin => x.sin(),
        MathFunction::Cos => x.cos(),
        MathFunction::Tan => x.tan(),
        MathFunction::Cot => x.tan().recip(),
        MathFunction::Asin => x.asin(),
        MathFunction::Acos => x.acos(),
        MathFunction::Atan => x.atan(),
        MathFunction::Atan2 => x.atan2(y),
        MathFunction::Sinh => x.sinh(),
        MathFunction::Cosh => x.cosh(),
        MathFunction::Tanh => x.tanh(),
        MathFunction::Asinh => x.asinh(),
        MathFunction::Acosh => x.acosh(),
        MathFunction::Atanh => x.atanh(),
        MathFunction::Degrees => x.to_degrees(),
        MathFunction::Radians => x.to_radians(),
        MathFunction::Pi => std::f64::consts::PI,
        MathFunction::Random => random(),
    }
}

/// A float from 0 to below 1: the upper 53 bits of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
/// Number Generators", OOPSLA 2014), which every thread begins somewhere else. Not for secrets.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds exactly")]
fn random() -> f64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
    }
    let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;
    use nuages_storage::Value;
    use proptest::prelude::*;

    fn call(of: MathFunction, arguments: &[f64]) -> Result<Value, Error> {
        let arguments = arguments.iter().map(|float| Expr::literal(*float));
        value_of(&Expr::Call(Function::Math(of), arguments.collect()))
    }

    fn float_of(of: MathFunction, arguments: &[f64]) -> f64 {
        call(of, arguments).unwrap().as_float().unwrap()
    }

    proptest! {
        // The SQLite that the tests are built with has none of these functions.
        #[test]
        fn inverse_functions_lead_back(x in -1.4..1.4_f64, y in 0.1..9.0_f64) {
            use MathFunction::{
                Acos, Acosh, Asin, Asinh, Atan, Atan2, Atanh, Cos, Cosh, Cot, CubeRoot, Degrees, Log2, Log10,
                LogBase, Radians, Sin, Sinh, Tan, Tanh,
            };
            let pairs = [(Sin, Asin), (Tan, Atan), (Sinh, Asinh), (Tanh, Atanh), (Degrees, Radians)];
            for (of, inverse) in pairs {
                let back = float_of(inverse, &[float_of(of, &[x])]);
                prop_assert!((back - x).abs() < 1e-9, "{:?} {}", of, back);
            }
            for (of, inverse) in [(Cos, Acos), (Cosh, Acosh)] {
                let back = float_of(inverse, &[float_of(of, &[x])]);
                prop_assert!((back - x.abs()).abs() < 1e-6, "{:?} {}", of, back);
            }
            prop_assert!((float_of(CubeRoot, &[x * x * x]) - x).abs() < 1e-9);
            prop_assert!((float_of(Atan2, &[x * y, y]) - x.atan()).abs() < 1e-9);
            prop_assert!((float_of(Log10, &[10_f64.powf(x)]) - x).abs() < 1e-9);
            prop_assert!((float_of(Log2, &[2_f64.powf(x)]) - x).abs() < 1e-9);
            prop_assert!((float_of(LogBase, &[y + 1.0, (y + 1.0).powf(x)]) - x).abs() < 1e-9);
            prop_assert!((float_of(Cot, &[y / 9.0]) * float_of(Tan, &[y / 9.0]) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        let none = [(MathFunction::Log10, 0.0), (MathFunction::Log2, -1.0), (MathFunction::Asin, 1.5)];
        let none = none.into_iter().chain([(MathFunction::Acosh, 0.5), (MathFunction::Cosh, 1e4)]);
        for (of, x) in none {
            assert!(matches!(call(of, &[x]), Err(Error::Overflow { .. })), "{of:?}({x})");
        }
        assert_eq!(call(MathFunction::Pi, &[]), Ok(std::f64::consts::PI.into()));
    }

    #[test]
    fn lots_differ_and_lie_from_zero_to_below_one() {
        let drawn: Vec<f64> = (0..1_000).map(|_| random()).collect();
        assert!(drawn.iter().all(|lot| (0.0..1.0).contains(lot)));
        assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
        let mean = drawn.iter().sum::<f64>() / 1_000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
