//! Scalar expressions, compiled and evaluated a column at a time.
//!
//! [`Scalar::compile`] turns an [`Expr`] into a tree of typed nodes: columns become places in a batch, operands of
//! different kinds of numbers are converted to one, what depends on no row is computed once, patterns and `IN` lists
//! are prepared. [`Scalar::evaluate`] then computes a column for a batch, [`Scalar::filter`] the rows for which a
//! condition is true.
//!
//! Order of reading: this file; `types` (which types go together); `node` (the compiled tree); `compile`; `truth`
//! (three-valued logic on sets of rows) and `compare`; `arithmetic` and `quotient`; `conditional` (`CASE` and its kin);
//! `cast` and `narrow`; then [`functions`](crate::functions).
//!
//! Invariants:
//! - Every evaluation is told which rows are needed. Only those can fail; the others hold some value nobody reads.
//!   `AND`, `OR`, `CASE` and `COALESCE` ask their parts only for the rows that still need them.
//! - The operands of a comparison, and the branches of a choice, are of one class when they are compiled, so that
//!   kernels look at one form.

mod arithmetic;
mod cast;
mod compare;
mod compile;
mod conditional;
mod context;
pub(crate) mod fixed;
pub(crate) mod interval;
mod membership;
mod narrow;
mod node;
pub(crate) mod quotient;
mod truth;
mod types;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::{DataType, Value};

pub(crate) use arithmetic::{DIVISION_SCALE, arithmetic_type};
pub use cast::cast_value;
pub(crate) use cast::json_of;
pub(crate) use compare::{Words, float_key};
pub use context::Context;
pub(crate) use context::Visits;
pub(crate) use narrow::by_day;
pub(crate) use node::Frame;
pub use types::unify;
pub(crate) use types::{Class, among, class_of, decimal, keeps_scale, same_keys, scale_of};

use crate::algebra::{Column, Expr};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;
use node::{Node, Operation};

/// A compiled scalar expression; cheap to clone. See the [module](self).
///
/// ```
/// use nuages_engine::algebra::{Comparison, Expr, Source};
/// use nuages_engine::{Batch, Context, Scalar, Vector};
/// use nuages_storage::DataType;
/// let a = Source::new(0).column(0);
/// let above_one = Expr::from(a).compare(Comparison::Greater, Expr::literal(1));
/// let scalar = Scalar::compile(&above_one, &|column| (column == a).then_some((0, DataType::BigInt)))?;
/// let batch = Batch::new([Vector::ints([3, 1, 2])], 3);
/// let context = Context::new(&[]);
/// assert_eq!(scalar.filter(&batch, &context)?.iter().collect::<Vec<_>>(), [0, 2]);
/// # Ok::<(), nuages_engine::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scalar {
    root: Arc<Node>,
}

impl Scalar {
    /// Compiles an expression; `resolve` says where in a batch a column is, and its type.
    ///
    /// # Errors
    /// [`Error::Type`] where types do not go together; [`Error::Cast`] where a literal text is compared with another
    /// type and is not of its form; [`Error::Pattern`]; [`Error::UnknownColumn`] for a column that `resolve` does not
    /// know; [`Error::Unsupported`] for subqueries, which the planner takes out first.
    pub fn compile(
        expr: &Expr,
        resolve: &dyn Fn(Column) -> Option<(usize, DataType)>,
    ) -> Result<Scalar, Error> {
        Ok(Scalar { root: Arc::new(compile::compile(expr, resolve)?) })
    }

    /// The same, for a condition: its type must be boolean.
    ///
    /// # Errors
    /// As [`Scalar::compile`].
    pub fn compile_condition(
        expr: &Expr,
        resolve: &dyn Fn(Column) -> Option<(usize, DataType)>,
    ) -> Result<Scalar, Error> {
        let scalar = Scalar::compile(expr, resolve)?;
        types::expect(&scalar.root, Class::Bool, "condition")?;
        Ok(scalar)
    }

    /// Compiles two expressions that are compared for equality, each over columns of its own: converted to one class,
    /// as the operands of `=` are.
    ///
    /// # Errors
    /// As [`Scalar::compile`]; [`Error::Type`] if the two have no class in common.
    pub(crate) fn compile_equal(
        (left, resolve_left): (&Expr, &compile::Resolve<'_>),
        (right, resolve_right): (&Expr, &compile::Resolve<'_>),
    ) -> Result<[Scalar; 2], Error> {
        let nodes = [compile::compile(left, resolve_left)?, compile::compile(right, resolve_right)?];
        Ok(compile::unified(nodes, "=")?.map(|node| Scalar { root: Arc::new(node) }))
    }

    /// The type of its values; of NULL, which is of every type, text.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        self.root.data_type.unwrap_or(types::TEXT)
    }

    /// Whether it is known to say what another says: a clone of it, the same parameter or constant.
    pub(crate) fn is_same(&self, other: &Scalar) -> bool {
        Arc::ptr_eq(&self.root, &other.root) || self.root.is_same_value(&other.root)
    }

    /// Its value, if it depends neither on rows nor on parameters.
    #[must_use]
    pub fn as_constant(&self) -> Option<&Value> {
        self.root.as_constant()
    }

    /// Whether its value follows from the first `parameters` parameters alone.
    #[must_use]
    pub(crate) fn is_given_by(&self, parameters: usize) -> bool {
        self.root.is_given_by(parameters)
    }

    /// Whether its value may be another each time, also of the same rows under the same [`Context`].
    #[must_use]
    pub(crate) fn is_volatile(&self) -> bool {
        self.root.is_volatile()
    }

    /// The place in the batch, if it is no more than a column.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self.root.operation {
            Operation::Column(index) => Some(index),
            _ => None,
        }
    }

    /// Its value in the selected rows of a batch; in others the column holds anything.
    ///
    /// # Errors
    /// [`Error::Overflow`], [`Error::DivisionByZero`], [`Error::Cast`], [`Error::Pattern`] in a selected row;
    /// [`Error::MissingParameter`].
    pub fn evaluate<'v>(&self, batch: &Batch<'v>, context: &Context<'_>) -> Result<Vector<'v>, Error> {
        let frame = Frame { batch, context };
        Ok(match self.root.vector(&frame, &batch.selection)?.into_owned() {
            Vector::Constant { value, kind, .. } => Vector::Constant { value, kind, len: batch.len },
            column => column,
        })
    }

    /// The same in fewer rows, and without copying a column that the batch has computed already. The length of a
    /// constant means nothing.
    ///
    /// # Errors
    /// As [`Scalar::evaluate`].
    pub fn operand<'a, 'v>(
        &'a self,
        batch: &'a Batch<'v>,
        context: &'a Context<'a>,
        selection: &Bits,
    ) -> Result<Cow<'a, Vector<'v>>, Error> {
        self.root.vector(&Frame { batch, context }, selection)
    }

    /// The selected rows of a batch for which the condition is true, neither false nor unknown.
    ///
    /// # Errors
    /// As [`Scalar::evaluate`].
    pub fn filter(&self, batch: &Batch<'_>, context: &Context<'_>) -> Result<Bits, Error> {
        self.filter_rows(batch, context, &batch.selection)
    }

    /// The same for some of the selected rows.
    ///
    /// # Errors
    /// As [`Scalar::evaluate`].
    pub fn filter_rows(
        &self,
        batch: &Batch<'_>,
        context: &Context<'_>,
        selection: &Bits,
    ) -> Result<Bits, Error> {
        self.root.filter(&Frame { batch, context }, selection)
    }

    /// The value of an expression over no columns: a default, a literal row, a limit.
    ///
    /// # Errors
    /// As [`Scalar::evaluate`].
    pub fn value(&self, context: &Context<'_>) -> Result<Value, Error> {
        self.value_lent(context).map(Cow::into_owned)
    }

    /// The same without copying what need not be computed.
    ///
    /// # Errors
    /// As [`Scalar::evaluate`].
    #[inline]
    pub(crate) fn value_lent<'a>(&'a self, context: &Context<'a>) -> Result<Cow<'a, Value>, Error> {
        match self.root.given(context) {
            Some(value) => Ok(Cow::Borrowed(value)),
            None => self.value_computed(context).map(Cow::Owned),
        }
    }

    fn value_computed(&self, context: &Context<'_>) -> Result<Value, Error> {
        Ok(self.evaluate(&Batch::new([], 1), context)?.value(0))
    }
}
