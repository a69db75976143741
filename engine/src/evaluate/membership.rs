//! `IN` over a list: of constants, or of parameters, which are constants for as long as a statement runs.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashSet;
use nuages_storage::Value;

use super::Class;
use super::compare::{Words, float_key, nulls};
use super::node::{Frame, Node, Operation};
use super::truth::Truth;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

/// A list of so many parameters is made a set once a statement; a shorter one is compared element by element.
const SET_MIN: usize = 8;

/// What a value is compared with, and not all of it constants.
#[derive(Debug)]
pub(super) struct List {
    pub(super) elements: Vec<Node>,
    /// By which its set is known while a statement runs; none if it has no set.
    set: Option<u64>,
}

impl List {
    pub(super) fn new(elements: Vec<Node>) -> List {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let is_fixed =
            |node: &Node| matches!(node.operation, Operation::Parameter(_) | Operation::Constant(_));
        let has_set = elements.len() >= SET_MIN && elements.iter().all(is_fixed);
        List { elements, set: has_set.then(|| NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    /// Its elements as a set, if none of them depends on a row, and if it is worth while for the rows of `selection`.
    pub(super) fn members<'a>(
        &'a self,
        class: Option<Class>,
        frame: &Frame<'a, '_>,
        selection: &Bits,
    ) -> Result<Option<Arc<Members>>, Error> {
        let Some(set) = self.set else { return Ok(None) };
        let sets = frame.context.sets();
        if let Some(known) = sets.find(set) {
            return Ok(Some(known));
        }
        if !sets.is_worth_while(selection.count()) {
            return Ok(None);
        }
        let first = Bits::none(frame.batch.len);
        let values = self.elements.iter().map(|element| Ok(element.vector(frame, &first)?.value(0)));
        let values = values.collect::<Result<Vec<Value>, Error>>()?;
        let class = class.or_else(|| self.elements.iter().find_map(Node::class));
        let members = Arc::new(Members::new(class, &values.iter().collect::<Vec<_>>()));
        sets.keep(set, Arc::clone(&members));
        Ok(Some(members))
    }
}

/// The sets of a statement's lists of parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Sets {
    known: RefCell<Vec<(u64, Arc<Members>)>>,
    /// How many rows were compared with lists element by element.
    compared: Cell<usize>,
}

/// After so many rows sets are made. A subquery that is run for each row outside looks at few, each time anew.
const COMPARED_MAX: usize = 32;

impl Sets {
    /// Whether a set is to be made for so many rows; if not, they are taken to be compared with each element.
    fn is_worth_while(&self, rows: usize) -> bool {
        let compared = self.compared.get() + rows;
        self.compared.set(compared);
        compared > COMPARED_MAX
    }

    fn find(&self, set: u64) -> Option<Arc<Members>> {
        let known = self.known.borrow();
        known.iter().find(|(known, _)| *known == set).map(|(_, members)| Arc::clone(members))
    }

    fn keep(&self, set: u64, members: Arc<Members>) {
        self.known.borrow_mut().push((set, members));
    }
}

/// The constants of a list, prepared for looking up.
#[derive(Debug)]
pub(super) struct Members {
    form: Form,
    /// Whether NULL is in the list: then what is not found is unknown.
    null: bool,
    empty: bool,
}

#[derive(Debug)]
enum Form {
    /// Words, floats by the key they compare by.
    Words(HashSet<i64>),
    Texts(HashSet<Box<str>>),
    Values(HashSet<Value>),
}

impl Members {
    /// The constants, all of one class.
    pub(super) fn new(class: Option<Class>, constants: &[&Value]) -> Members {
        let present = || constants.iter().copied().filter(|value| !value.is_null());
        let form = match class {
            Some(
                Class::Int | Class::Float | Class::Date | Class::Time | Class::Timestamp | Class::Duration,
            ) => Form::Words(
                present().filter_map(|value| value.to_word()).map(|word| word_key(class, word)).collect(),
            ),
            Some(Class::Text) => Form::Texts(present().filter_map(Value::as_text).map(Box::from).collect()),
            _ => Form::Values(present().cloned().collect()),
        };
        Members { form, null: constants.iter().any(|value| value.is_null()), empty: constants.is_empty() }
    }

    /// For which rows of `selection` the needle is in the list.
    pub(super) fn test(
        &self,
        class: Option<Class>,
        needle: &Vector<'_>,
        len: usize,
        selection: &Bits,
    ) -> Truth {
        let mut yes = Bits::none(len);
        if self.empty {
            return Truth { unknown: yes.clone(), yes };
        }
        let nulls = nulls(needle, len);
        let live = selection.and_not(&nulls);
        let (words, texts) = (Words::of(needle), needle.texts());
        for row in &live {
            let found = match &self.form {
                Form::Words(members) => members.contains(&word_key(class, words.get(row))),
                Form::Texts(members) => texts.get(row).is_some_and(|text| members.contains(text)),
                Form::Values(members) => members.contains(&needle.value(row)),
            };
            if found {
                yes.insert(row);
            }
        }
        let unknown = if self.null { selection.and_not(&yes) } else { &nulls & selection };
        Truth { yes, unknown }
    }
}

fn word_key(class: Option<Class>, word: u64) -> i64 {
    if class == Some(Class::Float) { float_key(word) } else { word.cast_signed() }
}

#[cfg(test)]
mod tests {
    use nuages_storage::DataType;

    use super::*;
    use crate::algebra::{Expr, Source};
    use crate::batch::Batch;
    use crate::evaluate::{Context, Scalar};

    /// `column IN ($1, $2, ..)`.
    fn among(count: usize) -> Scalar {
        let list = (0..count).map(|at| Expr::Parameter(at, DataType::BigInt)).collect();
        let needle = Box::new(Expr::from(Source::new(0).column(0)));
        Scalar::compile(&Expr::InList(needle, list), &|_| Some((0, DataType::BigInt))).expect("it is sound")
    }

    #[test]
    fn a_list_of_parameters_becomes_one_set_for_a_statement() {
        let values: Vec<Value> = (0..1_000).map(|value| Value::Int(value * 3)).collect();
        let scalar = among(values.len());
        let context = Context::new(&values);
        for _ in 0..3 {
            let batch = Batch::new([Vector::ints(0..1_000)], 1_000);
            let found = scalar.filter(&batch, &context).expect("nothing can fail");
            assert_eq!(found.iter().collect::<Vec<_>>(), (0..1_000).step_by(3).collect::<Vec<_>>());
        }
        assert_eq!(context.sets().known.borrow().len(), 1);
    }

    #[test]
    fn a_set_is_that_of_its_statement_and_knows_of_null() {
        let scalar = among(9);
        for (given, unknown_is_false) in [(Value::Int(5), true), (Value::Null, false)] {
            let values: Vec<Value> = (0..8).map(Value::Int).chain([given]).collect();
            let context = Context::new(&values);
            let batch = Batch::new([Vector::ints(0..100)], 100);
            let truth = scalar.evaluate(&batch, &context).expect("nothing can fail");
            assert_eq!(truth.bool(7), Some(true));
            assert_eq!(truth.bool(50), unknown_is_false.then_some(false));
        }
        let others: Vec<Value> = (50..59).map(Value::Int).collect();
        let batch = Batch::new([Vector::ints(0..100)], 100);
        let found = scalar.filter(&batch, &Context::new(&others)).expect("nothing can fail");
        assert_eq!(found.iter().collect::<Vec<_>>(), (50..59).collect::<Vec<_>>());
    }

    #[test]
    fn few_rows_are_compared_one_by_one() {
        let values: Vec<Value> = (0..9).map(Value::Int).collect();
        let (scalar, context) = (among(9), Context::new(&values));
        let batch = Batch::new([Vector::ints(8..10)], 2);
        let found = scalar.filter(&batch, &context).expect("nothing can fail");
        assert_eq!(found.iter().collect::<Vec<_>>(), [0]);
        assert!(context.sets().known.borrow().is_empty());
    }
}
