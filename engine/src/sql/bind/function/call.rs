//! Calls of the algebra's functions: what their arguments are made to be, and the type of what comes out.

use nuages_storage::{DataType, Value};
use sqlparser::tokenizer::Span;

use super::arity;
use crate::algebra::{Comparison, Expr, Function, StringFunction};
use crate::evaluate::{Class, class_of};
use crate::functions::signature;
use crate::sql::bind::array::common_element;
use crate::sql::bind::typed::{TEXT, Typed, Width, cast};
use crate::sql::bind::{Binder, Bound};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// A function of the algebra, with the type of its result.
    pub(in crate::sql::bind) fn call(
        &mut self,
        function: Function,
        mut arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        let name = function.name();
        match function {
            Function::Coalesce | Function::Greatest | Function::Least if arguments.is_empty() => {
                return Err(arity(name, "at least 1 argument", 0, span));
            }
            Function::NullIf if arguments.len() != 2 => {
                return Err(arity(name, "2 arguments", arguments.len(), span));
            }
            Function::NullIf if self.is_sqlite() => return self.null_if(arguments, span),
            Function::Coalesce | Function::NullIf | Function::Greatest | Function::Least => {
                return self.choice(function, arguments, name, span);
            }
            Function::Concat | Function::String(StringFunction::ConcatWith | StringFunction::Format) => {
                let arguments = arguments.into_iter().map(|argument| argument.any_as_text().expr).collect();
                return Ok(Typed::new(Expr::Call(function, arguments), TEXT));
            }
            _ => {}
        }
        if !matches!(function, Function::Json(_)) {
            arguments = arguments.into_iter().map(Typed::any_as_text).collect();
        }
        let given: Vec<Option<DataType>> = arguments.iter().map(said).collect();
        for (place, argument) in arguments.iter_mut().enumerate() {
            let wanted = match &function {
                Function::Builtin(of) => of.wanted(&given, place),
                function => wanted(function, place),
            };
            self.settle(argument, wanted);
            self.adapt(argument, wanted);
        }
        let kinds: Vec<Option<DataType>> = arguments.iter().map(|argument| argument.kind).collect();
        let signature = signature::signature(&function, &kinds)
            .map_err(|error| SqlError::at(Problem::Engine(error), span))?;
        let arguments = arguments.into_iter().map(|argument| argument.expr).collect();
        Ok(Typed::new(Expr::Call(function, arguments), signature.result))
    }

    /// Converts an argument where the dialect does so by itself.
    fn adapt(&mut self, argument: &mut Typed, wanted: Option<DataType>) {
        let Some(wanted) = wanted else { return };
        let (class, is_text) = (argument.class(), class_of(wanted) == Class::Text);
        let taken = || Typed::null();
        if self.is_sqlite() && is_text && class.is_some_and(|class| class != Class::Text) {
            *argument = self.as_text(std::mem::replace(argument, taken()));
        } else if self.is_sqlite() && !is_text && class == Some(Class::Text) {
            *argument = self.number(std::mem::replace(argument, taken()));
        } else if self.is_sqlite() && class == Some(Class::Float) && class_of(wanted) == Class::Int {
            let expr = std::mem::replace(argument, taken()).expr;
            *argument = Typed::new(Expr::Call(Function::LeadingInteger, vec![expr]), DataType::BigInt);
        } else if argument.literal_text().is_some() && !is_text {
            let expr = std::mem::replace(argument, taken()).expr;
            *argument = Typed::new(cast(expr, wanted), wanted);
        }
    }

    fn choice(
        &mut self,
        function: Function,
        mut arguments: Vec<Typed>,
        name: &str,
        span: Span,
    ) -> Bound<Typed> {
        if arguments.iter().any(Typed::is_any) {
            let all = arguments.into_iter().map(|argument| self.value(argument).into_any().expr).collect();
            return Ok(Typed::any(Expr::Call(function, all)));
        }
        if function == Function::Coalesce && self.is_sqlite() {
            // Behind a constant nothing is looked at.
            let is_constant = |typed: &Typed| matches!(&typed.expr, Expr::Literal(value) if !value.is_null());
            if let Some(constant) = arguments.iter().position(is_constant) {
                arguments.truncate(constant + 1);
            }
            if self.keep_their_types(&arguments, false) {
                return Ok(Typed::any(Expr::Call(function, self.each_as_it_is(arguments))));
            }
            if self.is_mixed(&arguments) {
                let last = arguments.len() - 1;
                let branches = arguments.into_iter().enumerate().map(|(place, argument)| {
                    let when = (place < last).then(|| argument.expr.clone().is_null().not());
                    (when, argument)
                });
                return Ok(Typed::choice(branches.collect()));
            }
        }
        let (element, width) = (common_element(&arguments), Width::widest(&arguments));
        if element.is_some() && matches!(function, Function::Greatest | Function::Least) {
            return self.extreme_of_arrays(&function, arguments, span);
        }
        let enumeration = self.common_enum(&arguments, name, span)?;
        if let (Some(of), Function::Greatest | Function::Least) = (enumeration, &function) {
            return self.extreme_of_enum(function, arguments, of, span);
        }
        let (arguments, kind) = self.unified(arguments, name, span)?;
        Ok(Typed { element, enumeration, width, ..Typed::new(Expr::Call(function, arguments), kind) })
    }

    /// SQLite's: by its own comparison, and of the first argument's type.
    fn null_if(&mut self, arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let mut arguments = arguments.into_iter();
        let (Some(first), Some(second)) = (arguments.next(), arguments.next()) else {
            return Ok(Typed::null());
        };
        let ignores_case = first.collation.beside(second.collation);
        let expr = if first.class() == second.class() && !ignores_case {
            Expr::Call(Function::NullIf, vec![first.expr.clone(), second.expr])
        } else {
            let same = self.compare(Comparison::Equal, first.clone(), second, span)?;
            let branches = vec![(same.expr, Expr::Literal(Value::Null))];
            Expr::Case { branches, otherwise: Some(Box::new(first.expr.clone())) }
        };
        Ok(if first.is_any() { Typed::any(expr) } else { Typed::new(expr, first.kind).of_width(first.width) })
    }
}

/// The type of an argument, none if it is a literal that may be read as one of many.
fn said(argument: &Typed) -> Option<DataType> {
    argument.kind.filter(|_| argument.literal_text().is_none())
}

/// The type that an argument is to have, if the function does not take several.
fn wanted(function: &Function, place: usize) -> Option<DataType> {
    match (function, place) {
        (Function::Length | Function::Substring | Function::Left | Function::Right | Function::Repeat, 0)
        | (Function::PadLeft | Function::PadRight, 0 | 2)
        | (
            Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::TrimLeft
            | Function::TrimRight
            | Function::Reverse
            | Function::Replace
            | Function::Position,
            _,
        ) => Some(TEXT),
        (
            Function::Substring
            | Function::Left
            | Function::Right
            | Function::Repeat
            | Function::PadLeft
            | Function::PadRight
            | Function::Round,
            1 | 2,
        ) => Some(DataType::BigInt),
        (
            Function::Abs
            | Function::Ceiling
            | Function::Floor
            | Function::Round
            | Function::Sign
            | Function::SquareRoot
            | Function::Ln
            | Function::Exp,
            0,
        ) => Some(DataType::Float),
        (
            Function::String(
                StringFunction::TrimCharacters
                | StringFunction::TrimCharactersLeft
                | StringFunction::TrimCharactersRight,
            ),
            _,
        )
        | (Function::String(StringFunction::Slice), 0) => Some(TEXT),
        (Function::String(StringFunction::Slice), _) => Some(DataType::BigInt),
        (Function::Extract(..) | Function::Truncate(..), 0) => Some(DataType::Timestamp),
        _ => None,
    }
}
