//! Whether another row has the same values.

use nuages_engine::algebra::{Comparison, DatePart, Expr, OutputColumn, Query, Relation, Source};
use nuages_storage::{DataType, Value};

use super::{Cleaning, capitalized, label};
use crate::{
    compile::{Compiler, substituted},
    error::{Result, ValidationErrors},
    field::RowReader,
    meta::{FieldKind, FieldMeta, Period, UniqueFor},
    node::{FieldPath, Node, Operator},
    read,
};

impl Cleaning<'_> {
    /// Fields that are unique together, alone, or for a date. A NULL is like no other.
    pub(super) fn unique_fields(&mut self) -> Result<()> {
        for fields in self.meta.unique_together {
            let positions: Vec<usize> = fields.iter().map(|field| self.meta.position(*field)).collect();
            if self.is_row_with(&positions)? {
                self.taken(&fields.iter().filter_map(|field| self.meta.field(*field)).collect::<Vec<_>>());
            }
        }
        for (position, (_, field)) in self.meta.columns().enumerate() {
            let one = matches!(field.kind, FieldKind::ForeignKey { one: true, .. });
            let is_key = field.primary_key && self.meta.primary_key.len() == 1;
            if (field.unique || one) && !is_key && self.is_row_with(&[position])? {
                self.taken(&[field]);
            }
        }
        for (index, field) in self.meta.columns() {
            for unique_for in field.unique_for {
                self.unique_for(index, *unique_for)?;
            }
        }
        Ok(())
    }

    /// Says that another row has the values of these fields.
    pub(super) fn taken(&mut self, fields: &[&FieldMeta]) {
        let name = capitalized(self.meta.verbose_name);
        let labels: Vec<String> = fields.iter().map(|field| label(field)).collect();
        let (under, code, labels) = match (labels.split_last(), fields) {
            (Some((last, before)), _) if !before.is_empty() => {
                (ValidationErrors::WHOLE, "unique_together", format!("{} and {last}", before.join(", ")))
            }
            (_, [field, ..]) => (field.name, "unique", labels.join("")),
            _ => return,
        };
        let text = format!("{name} with this {labels} already exists.");
        let text = match fields {
            [field] => {
                let place = self.meta.columns().position(|(_, one)| std::ptr::eq(one, *field));
                field.told(code, &place.map_or(Value::Null, |position| self.value(position)), text)
            }
            _ => text,
        };
        self.errors.add(under, code, text);
    }

    /// No other row has the value of a field on the same day, in the same month or year.
    fn unique_for(&mut self, index: u16, unique_for: UniqueFor) -> Result<()> {
        let meta = self.meta;
        let (Some(field), Some(date)) = (meta.field(index), meta.field(unique_for.field)) else {
            return Ok(());
        };
        let path = |index| Node::Path(FieldPath::field(index));
        let (operator, period) = match unique_for.period {
            Period::Date if date.kind_is(DataType::Timestamp) => (Some(Operator::DateOf), "date"),
            Period::Date => (None, "date"),
            Period::Month => (Some(Operator::Extract(DatePart::Month)), "month"),
            Period::Year => (Some(Operator::Extract(DatePart::Year)), "year"),
        };
        let when = path(unique_for.field);
        let when = operator.map_or_else(|| when.clone(), |operator| Node::call(operator, [when.clone()]));
        if self.is_taken(&[path(index), when], None, true)? {
            let text = format!("{} must be unique for {} {period}.", label(field), label(date));
            // Django's code, of months and years as well.
            let code = "unique_for_date";
            let text = field.told(code, &self.value(meta.position(index)), text);
            self.errors.add(field.name, code, text);
        }
        Ok(())
    }

    /// Whether another row has the values at these positions.
    fn is_row_with(&self, positions: &[usize]) -> Result<bool> {
        let values: Vec<Value> = positions.iter().map(|&position| self.value(position)).collect();
        if positions.iter().any(|&position| self.skipped[position]) || values.iter().any(Value::is_null) {
            return Ok(false);
        }
        let columns = &self.ex.shared().binding().model(self.meta)?.columns;
        let same = positions.iter().zip(values).map(|(&position, value)| {
            Expr::Column(Source::SELF.column(columns[position])).equals(Expr::Literal(value))
        });
        self.is_other_row(same.collect())
    }

    /// Whether a unique constraint over expressions has a row with the instance's values.
    pub(super) fn is_taken(
        &self,
        parts: &[Node],
        condition: Option<&Node>,
        nulls_distinct: bool,
    ) -> Result<bool> {
        let settings = self.ex.settings();
        let row = |node: &Node| Compiler::of_row(self.meta, settings, node);
        let mut expressions = parts.iter().map(row).collect::<Result<Vec<Expr>>>()?;
        let count = expressions.len();
        expressions.extend(condition.map(row).transpose()?);
        if !expressions.iter().all(|expr| self.asks_only_kept(expr)) {
            return Ok(false);
        }
        let values = self.evaluate(expressions.clone())?;
        let applies = values.get(count).is_none_or(|value| *value == Value::Bool(true));
        if !applies || (nulls_distinct && values[..count].iter().any(Value::is_null)) {
            return Ok(false);
        }
        let columns = &self.ex.shared().binding().model(self.meta)?.columns;
        // A table's columns may stand in another order than the model's: each migration adds its own at the end.
        let place = |position: usize| Expr::Column(Source::SELF.column(columns[position]));
        let in_table = |expr| substituted(expr, &place);
        let condition = expressions.split_off(count).into_iter().map(in_table);
        let same = expressions
            .into_iter()
            .zip(values)
            .map(|(expr, value)| in_table(expr).compare(Comparison::Same, Expr::Literal(value)));
        self.is_other_row(same.chain(condition).collect())
    }

    /// Whether a row other than the instance's own meets these conditions over `Source::SELF`, which is the table.
    fn is_other_row(&self, mut conditions: Vec<Expr>) -> Result<bool> {
        let bound = self.ex.shared().binding().model(self.meta)?;
        let own = self.meta.primary_key.iter().map(|field| {
            let position = self.meta.position(*field);
            let column = Expr::Column(Source::SELF.column(bound.columns[position]));
            column.equals(Expr::Literal(self.value(position)))
        });
        let has_key =
            self.meta.primary_key.iter().all(|field| !self.value(self.meta.position(*field)).is_null());
        if has_key {
            conditions.push(Expr::And(own.collect()).not());
        }
        let relation =
            Relation::scan(bound.table, Source::SELF).filter(Expr::And(conditions)).limit(0, Some(1));
        let query = Query::new(relation, vec![OutputColumn::new("any", Expr::Literal(Value::Int(1)))]);
        Ok(!read::scalar(self.ex, self.meta, query)?.is_null())
    }

    /// Whether an expression over the row reads none of the fields that are left out.
    pub(super) fn asks_only_kept(&self, expr: &Expr) -> bool {
        let reads_skipped = match expr {
            Expr::Column(column) => self.skipped.get(column.index()).copied().unwrap_or(false),
            _ => false,
        };
        !reads_skipped && expr.children().into_iter().all(|child| self.asks_only_kept(child))
    }

    /// The values of expressions over `Source::SELF`, for the instance as a row.
    pub(super) fn evaluate(&self, expressions: Vec<Expr>) -> Result<Vec<Value>> {
        let bound = self.ex.shared().binding().model(self.meta)?;
        let row = (0..self.values.len()).map(|position| Expr::Literal(self.value(position))).collect();
        let relation = Relation::Values { source: Source::SELF, types: bound.types.clone(), rows: vec![row] };
        let count = expressions.len();
        let columns = expressions.into_iter().map(|expr| OutputColumn::new("", expr)).collect();
        let mut values = Vec::new();
        read::each(self.ex, self.meta, &Query::new(relation, columns), &mut |row| {
            values = (0..count).map(|column| row.value(column)).collect();
            Ok(())
        })?;
        Ok(values)
    }
}
