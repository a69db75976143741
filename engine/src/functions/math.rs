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
