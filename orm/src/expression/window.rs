//! Window functions: values over the rows around a row.
//!
//! A [`Window`] says which rows are around a row, in which order, and which of them are looked at; `over` puts a
//! function, or any aggregate, on it. What results is an expression like others: a condition on it is met by rows
//! *after* the windows are computed, and a slice comes last.
//!
//! The functions: [`row_number`], [`rank`], [`dense_rank`], [`percent_rank`], [`cume_dist`], [`ntile`] of a row's
//! place; [`lag`] and [`lead`] of rows before and after; [`first_value`], [`last_value`] and [`nth_value`] of the
//! frame.

mod frame;

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::sync::Arc;

use nuages_engine::algebra::{AggregateFunction, Frame, FrameUnit, WindowKind};
use nuages_storage::Value;

use super::function::{Like, Terms};
use super::{Aggregate, Expr, Operand, Term};
use crate::error::Misuse;
use crate::field::Field;
use crate::node::{AggregateNode, Node, Operator, WindowNode};
use crate::order::Orderings;
use crate::path::Types;
use crate::queryset::state::OrderNode;

pub use frame::{Count, Distance, FrameBounds, Offset};
pub use nuages_engine::algebra::Exclude;

/// The rows around a row of `M`.
///
/// Without a partition they are all rows; without an order all of them are equal. The frame is, as in SQL, from the
/// first row of the partition to the last that is sorted like the row itself; so a sum over an ordered window is a
/// running sum, and over one without an order a total.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{rank, window};
/// # #[derive(Model, Clone)]
/// # pub struct Sale { pub id: Auto<i64>, pub shop: String, pub day: i32, pub amount: i64 }
/// # let db = App::new().models(Sale::app()).open_memory()?;
/// # for (shop, day, amount) in [("Lyon", 1, 5), ("Lyon", 2, 7), ("Lyon", 3, 6), ("Nice", 1, 9)] {
/// #     Sale::objects().create(new!(Sale { shop, day, amount }), &db)?;
/// # }
/// let by_day = window().partition_by(Sale::shop).order_by(Sale::day);
/// let running = Sale::amount.sum().over(&by_day);
/// let around = Sale::amount.max().over(by_day.rows(-1..=1));
/// let place = rank().over(window().partition_by(Sale::shop).order_by(Sale::amount.desc()));
/// let rows = Sale::objects().filter(place.lte(2)).order_by(Sale::id).values_list((Sale::amount, &place, &running, &around));
/// assert_eq!(rows.all(&db)?, [(7, 1, Some(12), Some(7)), (6, 2, Some(18), Some(7)), (9, 1, Some(9), Some(9))]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a window does nothing until a function is put over it"]
pub struct Window<M> {
    partition_by: Vec<Node>,
    order_by: Vec<OrderNode>,
    frame: Frame<Value>,
    /// The frame's mistake, which the verb tells.
    misuse: Option<Misuse>,
    model: Types<M>,
}

/// The window of all rows, in no order.
pub const fn window<M>() -> Window<M> {
    let frame = frame::DEFAULT;
    Window { partition_by: Vec::new(), order_by: Vec::new(), frame, misuse: None, model: PhantomData }
}

impl<M> Window<M> {
    /// Only rows that agree with the row in these: a column, a relation, an expression, or a tuple of them.
    pub fn partition_by(mut self, terms: impl Terms<M>) -> Self {
        self.partition_by = terms.into_nodes();
        self
    }

    /// In this order, which takes what `order_by` of a queryset does.
    pub fn order_by(mut self, order: impl Orderings<M>) -> Self {
        self.order_by.clear();
        order.collect(&mut self.order_by);
        self
    }

    /// Looks at rows by how many rows away they are, negative before the row: `rows(-1..=1)`, `rows(..=0)`, `rows(..)`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::expression::window::window;
    /// # #[derive(Model, Clone)] pub struct Sale { pub id: Auto<i64>, pub amount: i64 }
    /// let mean_of_three: Expr<Sale, Option<f64>> = Sale::amount.avg().over(window().order_by(Sale::id).rows(-1..=1));
    /// ```
    pub fn rows(self, bounds: impl FrameBounds<Count>) -> Self {
        self.frame(FrameUnit::Rows, bounds.ends())
    }

    /// Looks at rows by how far their sort key is from that of the row, which must be the only one and a number or a
    /// point in time: `range(-10..=10)`, `range(Duration::from_hours(-24)..=Duration::ZERO)`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::expression::window::window;
    /// # #[derive(Model, Clone)] pub struct Visit { pub id: Auto<i64>, pub at: DateTime }
    /// let day = Duration::from_hours(24);
    /// let within_a_day: Expr<Visit, i64> = Visit::id.count().over(window().order_by(Visit::at).range(-day..=Duration::ZERO));
    /// ```
    pub fn range(self, bounds: impl FrameBounds<Distance>) -> Self {
        self.frame(FrameUnit::Range, bounds.ends())
    }

    /// Looks at rows by how many groups of equal rows away they are.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::expression::window::window;
    /// # #[derive(Model, Clone)] pub struct Sale { pub id: Auto<i64>, pub day: i32, pub amount: i64 }
    /// let two_days: Expr<Sale, Option<i64>> = Sale::amount.sum().over(window().order_by(Sale::day).groups(-1..=0));
    /// ```
    pub fn groups(self, bounds: impl FrameBounds<Count>) -> Self {
        self.frame(FrameUnit::Groups, bounds.ends())
    }

    /// Leaves the row, its equals or both out of the frame.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::expression::window::{Exclude, window};
    /// # #[derive(Model, Clone)] pub struct Sale { pub id: Auto<i64>, pub amount: i64 }
    /// let others: Expr<Sale, Option<i64>> = Sale::amount.sum().over(window().rows(..).exclude(Exclude::CurrentRow));
    /// ```
    pub fn exclude(mut self, exclude: Exclude) -> Self {
        self.frame.exclude = exclude;
        self
    }

    fn frame(mut self, unit: FrameUnit, ends: frame::Ends) -> Self {
        if frame::is_backward(&ends) {
            self.misuse = Some(Misuse::Other("the frame of a window begins after its end; swap its bounds"));
        }
        let (start, end) = ends;
        self.frame = Frame { unit, start, end, exclude: self.frame.exclude };
        self
    }

    /// A function over the window.
    fn of(&self, kind: WindowKind, arguments: Vec<Node>, filter: Option<Node>) -> Node {
        if let Some(misuse) = &self.misuse {
            return Node::misuse(misuse.clone());
        }
        let window = WindowNode {
            kind,
            arguments,
            filter,
            partition_by: self.partition_by.clone(),
            order_by: self.order_by.clone(),
            frame: self.frame.clone(),
        };
        Node::Window(Arc::new(window)).bounded()
    }
}

impl<M> Clone for Window<M> {
    fn clone(&self) -> Self {
        Window {
            partition_by: self.partition_by.clone(),
            order_by: self.order_by.clone(),
            frame: self.frame.clone(),
            misuse: self.misuse.clone(),
            model: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for Window<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Window");
        shown.field("partition_by", &self.partition_by).field("order_by", &self.order_by);
        shown.field("frame", &self.frame).finish()
    }
}

/// A window function that has no window yet.
#[must_use = "a window function needs a window: `.over(window())`"]
#[derive(Clone, Debug)]
pub struct Unplaced<M, T> {
    kind: WindowKind,
    arguments: Vec<Node>,
    types: Types<(M, T)>,
}

impl<M, T: Field> Unplaced<M, T> {
    const fn new(kind: WindowKind, arguments: Vec<Node>) -> Self {
        Unplaced { kind, arguments, types: PhantomData }
    }

    /// The function over a window.
    pub fn over(self, window: impl Borrow<Window<M>>) -> Expr<M, T> {
        Expr::new(window.borrow().of(self.kind, self.arguments, None))
    }
}

/// Functions of a row's place, which have no argument.
macro_rules! places {
    ($($(#[$doc:meta])* $name:ident -> $type:ty = $kind:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// ```
        /// use nuages::prelude::*;
        #[doc = concat!("use nuages::expression::window::{", stringify!($name), ", window};")]
        /// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub stars: i32 }
        #[doc = concat!(
            "let place: Expr<Film, ", stringify!($type), "> = ", stringify!($name),
            "().over(window().order_by(Film::stars.desc()));"
        )]
        /// ```
        pub const fn $name<M>() -> Unplaced<M, $type> {
            Unplaced::new(WindowKind::$kind, Vec::new())
        }
    )*};
}

places! {
    /// The number of the row in its partition, from 1.
    row_number -> i64 = RowNumber;
    /// The number of the first row that is sorted like this one: 1, 2, 2, 4.
    rank -> i64 = Rank;
    /// How many different places there are up to the row's: 1, 2, 2, 3.
    dense_rank -> i64 = DenseRank;
    /// The rank as a share: `(rank - 1) / (rows - 1)`, 0 for the only row.
    percent_rank -> f64 = PercentRank;
    /// The share of rows up to the last that is sorted like this one.
    cume_dist -> f64 = CumeDist;
}

/// Which of `parts` parts of the partition, as equal as can be, the row is in, from 1. No part is an error of the verb.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{ntile, window};
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub stars: i32 }
/// let quartile: Expr<Film, i64> = ntile(4).over(window().order_by(Film::stars));
/// ```
pub fn ntile<M>(parts: u32) -> Unplaced<M, i64> {
    let argument = match parts {
        0 => Node::misuse(Misuse::Other("ntile divides rows into parts and was given 0; give it 1 or more")),
        parts => number(parts),
    };
    Unplaced::new(WindowKind::Ntile, vec![argument])
}

/// The value of `term` so many rows before; NULL where there is no such row.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{lag, window};
/// # #[derive(Model, Clone)] pub struct Day { pub id: Auto<i64>, pub sales: i64 }
/// let by_day = window().order_by(Day::id);
/// let growth: Expr<Day, Option<i64>> = Day::sales - lag(Day::sales, 1).over(&by_day);
/// let last_week: Expr<Day, i64> = lag(Day::sales, 7).default(0).over(&by_day);
/// ```
pub fn lag<M, E: Term<M>>(term: E, rows: u32) -> Shifted<M, E::T> {
    Shifted { kind: WindowKind::Lag, arguments: [term.into_node(), number(rows)], types: PhantomData }
}

/// The value of `term` so many rows after; NULL where there is no such row.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{lead, window};
/// # #[derive(Model, Clone)] pub struct Day { pub id: Auto<i64>, pub sales: i64 }
/// let tomorrow: Expr<Day, Option<i64>> = lead(Day::sales, 1).over(window().order_by(Day::id));
/// ```
pub fn lead<M, E: Term<M>>(term: E, rows: u32) -> Shifted<M, E::T> {
    Shifted { kind: WindowKind::Lead, arguments: [term.into_node(), number(rows)], types: PhantomData }
}

/// A value of another row, over no window yet: what [`lag`] and [`lead`] give.
#[must_use = "a window function needs a window: `.over(window())`"]
#[derive(Clone, Debug)]
pub struct Shifted<M, T> {
    kind: WindowKind,
    arguments: [Node; 2],
    types: Types<(M, T)>,
}

impl<M, T: Field> Shifted<M, T> {
    /// The value where there is no such row.
    pub fn default<V: Term<M> + Operand<T::Base, M>>(self, value: V) -> Unplaced<M, Either<T, V::T>> {
        let [term, rows] = self.arguments;
        Unplaced::new(self.kind, vec![term, rows, Term::into_node(value)])
    }

    /// The function over a window.
    pub fn over(self, window: impl Borrow<Window<M>>) -> Expr<M, Option<T::Base>> {
        Expr::new(window.borrow().of(self.kind, self.arguments.into(), None))
    }
}

/// A value of type `T`, or one of type `U` in its stead: NULL if either is.
pub type Either<T, U> = Like<<<T as Field>::Null as crate::path::Nullability>::Wrap<U>, <T as Field>::Base>;

/// The value of `term` in the first row of the frame; NULL of an empty frame.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{first_value, window};
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub year: i32, pub title: String }
/// let best: Expr<Film, Option<String>> = first_value(Film::title).over(window().partition_by(Film::year).order_by(Film::id));
/// ```
pub fn first_value<M, E: Term<M>>(term: E) -> Unplaced<M, Option<<E::T as Field>::Base>> {
    Unplaced::new(WindowKind::FirstValue, vec![term.into_node()])
}

/// The value of `term` in the last row of the frame, which by default is the last that is sorted like the row; with
/// `rows(..)` the last of the partition.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{last_value, window};
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub year: i32, pub title: String }
/// let by_year = window().partition_by(Film::year).order_by(Film::id).rows(..);
/// let last: Expr<Film, Option<String>> = last_value(Film::title).over(by_year);
/// ```
pub fn last_value<M, E: Term<M>>(term: E) -> Unplaced<M, Option<<E::T as Field>::Base>> {
    Unplaced::new(WindowKind::LastValue, vec![term.into_node()])
}

/// The value of `term` in the n-th row of the frame, from 1; NULL where it is shorter. The 0th is an error of the verb.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::expression::window::{nth_value, window};
/// # #[derive(Model, Clone)] pub struct Film { pub id: Auto<i64>, pub title: String }
/// let second: Expr<Film, Option<String>> = nth_value(Film::title, 2).over(window().order_by(Film::id).rows(..));
/// ```
pub fn nth_value<M, E: Term<M>>(term: E, n: u32) -> Unplaced<M, Option<<E::T as Field>::Base>> {
    let place = match n {
        0 => Node::misuse(Misuse::Other("nth_value counts rows from 1 and was given 0")),
        n => number(n),
    };
    Unplaced::new(WindowKind::NthValue, vec![term.into_node(), place])
}

fn number(number: u32) -> Node {
    Node::Value(i64::from(number).into())
}

impl<M, T: Field, K> Aggregate<M, T, K> {
    /// The aggregate over a window of each row and not over groups: a running sum, a moving average.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::expression::window::window;
    /// # #[derive(Model, Clone)] pub struct Sale { pub id: Auto<i64>, pub shop: String, pub amount: i64 }
    /// let share = Sale::amount * 100 / Sale::amount.sum().over(window().partition_by(Sale::shop));
    /// let _ = Sale::objects().annotate(&share).order_by(share.desc());
    /// ```
    ///
    /// One that is distinct or ordered has no meaning over a window, and is an error of the verb.
    pub fn over(&self, window: impl Borrow<Window<M>>) -> Expr<M, T, K> {
        let window = window.borrow();
        Expr::new(match self.node() {
            Node::Aggregate(aggregate) => over(aggregate, window),
            other => other.clone(),
        })
    }
}

fn over<M>(aggregate: &AggregateNode, window: &Window<M>) -> Node {
    if aggregate.distinct || !aggregate.order_by.is_empty() {
        return Node::misuse(Misuse::Other(
            "an aggregate over a window cannot be distinct or have an order of its own",
        ));
    }
    let function = match aggregate.argument {
        None => AggregateFunction::CountRows,
        Some(_) => aggregate.function,
    };
    let arguments = aggregate.argument.iter().chain(&aggregate.second).cloned().collect();
    let value = window.of(WindowKind::Aggregate(function), arguments, aggregate.filter.clone());
    match &aggregate.default {
        Some(default) => {
            let coalesce = Operator::Function(nuages_engine::algebra::Function::Coalesce);
            Node::call(coalesce, [value, default.clone()])
        }
        None => value,
    }
}
