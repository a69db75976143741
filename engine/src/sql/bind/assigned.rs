//! Values as columns take them.

use nuages_storage::Value;
use sqlparser::tokenizer::Span;

use super::literal::whole_number;
use super::months::Months;
use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound, unsupported};
use crate::algebra::{Expr, Function};
use crate::catalog::{ColumnDefinition, TableDefinition};
use crate::evaluate::{Class, class_of};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// A value as a column takes it. Between numbers the engine converts; everything has a text form; a literal text is
    /// read as the column's type.
    pub(super) fn assigned(
        &mut self,
        mut typed: Typed,
        definition: &TableDefinition,
        place: usize,
        span: Span,
    ) -> Bound<Expr> {
        let column = &definition.columns[place];
        if column.any {
            return self.assigned_any(typed, column, span);
        }
        typed = self.read_as_array(typed.any_as_text(), column.element, span)?;
        let to = super::types::without_limit(column.data_type);
        self.settle(&mut typed, Some(to));
        if let Some(of) = column.enumeration.as_ref().filter(|_| !self.is_sqlite()) {
            self.expect_enum(&typed, of, &format!("column \"{}\"", column.name), span)?;
        }
        let Some(class) = typed.class() else { return Ok(typed.expr) };
        let wanted = class_of(to);
        if class == wanted {
            return Ok(typed.expr);
        }
        let is_literal = typed.literal_text().is_some();
        self.check_literal(&typed, to, span)?;
        if class.is_number() && wanted.is_number() {
            self.check_whole(&typed.expr, column, span)?;
            return Ok(typed.expr);
        }
        if self.is_sqlite() && wanted.is_number() && class == Class::Text {
            return Ok(match typed.literal_text().map(whole_number) {
                Some(Some(number)) => {
                    let number = Expr::Literal(number);
                    self.check_whole(&number, column, span)?;
                    number
                }
                Some(None) => cast(typed.expr, to),
                None => {
                    let text = typed.expr;
                    let number = Expr::Call(Function::WholeNumber, vec![text.clone()]);
                    let branches = vec![(number.clone().is_null(), cast(text, to))];
                    Expr::Case { branches, otherwise: Some(Box::new(cast(number, to))) }
                }
            });
        }
        let goes = is_literal
            || self.is_sqlite()
            || wanted == Class::Text
            || matches!(
                (class, wanted),
                (Class::Date, Class::Timestamp) | (Class::Timestamp, Class::Date | Class::Time)
            );
        if goes {
            return Ok(cast(typed.expr, to));
        }
        if wanted == Class::Duration && Months::of(&typed).is_some() {
            let feature =
                format!("an interval of months in column \"{}\": it has no fixed length", column.name);
            return Err(SqlError::at(unsupported(feature), span));
        }
        let of = format!("column \"{}\"", column.name);
        Err(super::mismatch(&of, column.data_type, typed.kind, span))
    }

    /// A value as a column without a type takes it: as what it is. Of bytes there is no JSON.
    fn assigned_any(&mut self, mut typed: Typed, column: &ColumnDefinition, span: Span) -> Bound<Expr> {
        self.settle(&mut typed, Some(TEXT));
        if matches!(typed.expr, Expr::Parameter(..)) && typed.class() != Some(Class::Bytes) {
            return Ok(typed.expr);
        }
        let typed = self.value(typed);
        match typed.class() {
            Some(Class::Bytes) => {
                let feature = format!("a blob in column \"{}\", which is not declared as BLOB,", column.name);
                Err(SqlError::at(unsupported(feature), span))
            }
            Some(Class::Json) if !typed.is_any() && typed.element.is_none() => {
                Ok(self.as_text(typed).into_any().expr)
            }
            _ => Ok(typed.into_any_as_is().expr),
        }
    }

    /// Refuses a number with a fraction that SQLite would keep in a column of integers, which has no room for it here.
    fn check_whole(&self, number: &Expr, column: &ColumnDefinition, span: Span) -> Bound<()> {
        let Expr::Literal(Value::Float(float)) = number else { return Ok(()) };
        if !self.is_sqlite() || float.fract() == 0.0 || class_of(column.data_type) != Class::Int {
            return Ok(());
        }
        let of = format!("column \"{}\"", column.name);
        let got = float.to_string();
        let problem = Problem::Type { expression: of, expected: column.data_type.to_string(), got };
        Err(SqlError::at(problem, span))
    }
}
