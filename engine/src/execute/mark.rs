//! The mark join's right side: the rows of a subquery that are the same for every row outside, read once, and what they
//! make of that row: TRUE, FALSE or unknown.
//!
//! A row outside is equal in its keys to some of them. Of those it is asked whether its members are equal to theirs, or
//! whether a comparison is true of one. For a comparison it is enough to know the least and the greatest value of each
//! key, and whether there is a NULL.
//!
//! Members with a NULL among them, on either side, can be equal to nothing; they are unknown if the parts that neither
//! side lacks are equal. So there is a table for each set of parts that rows lack, of the parts that neither these rows
//! nor the row outside lacks: made when the first row comes that lacks just those, by reading the rows again. Without a
//! NULL outside that is once, and with one in every combination of n parts 2^n times. (PostgreSQL's hashed subplan
//! compares such a row with all rows.)

use std::borrow::Cow;

use hashbrown::HashMap;
use nuages_storage::{DataType, Value};

use super::hash_join::with_partners;
use super::key_table::{ABSENT, KeyColumns, KeyTable, key_columns};
use super::open;
use super::scope::Scope;
use crate::algebra::Comparison;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;
use crate::plan::{Mark, MarkTest, Plan};
use crate::vector::Vector;

/// See the [module](self).
pub(super) struct Marks<'v> {
    plan: &'v Plan,
    mark: &'v Mark,
    /// The rows as they are looked up by one outside that lacks certain parts.
    members: HashMap<Parts, Vec<Members>>,
    groups: Option<Groups>,
    charge: Charge,
}

/// Which of the members are NULL: a bit for each.
type Parts = u64;

/// The rows that lack certain parts.
struct Members {
    lacking: Parts,
    known: Known,
}

/// The keys that rows have.
enum Known {
    /// None: every row is equal to every other.
    Any,
    Keys(KeyTable),
}

/// The extremes of the rows of each key.
struct Groups {
    known: Known,
    extremes: Vec<Extremes>,
}

#[derive(Default)]
struct Extremes {
    /// Of the values that are not NULL.
    ends: Option<(Value, Value)>,
    has_null: bool,
}

impl<'v> Marks<'v> {
    pub(super) fn new(plan: &'v Plan, mark: &'v Mark) -> Self {
        Marks { plan, mark, members: HashMap::new(), groups: None, charge: Charge::default() }
    }

    /// The marks of the selected rows.
    pub(super) fn column(
        &mut self,
        batch: &Batch<'v>,
        scope: &Scope<'v>,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        let mut truth = Truth { yes: Bits::none(batch.len), unknown: Bits::none(batch.len) };
        if !batch.selection.is_empty() {
            match &self.mark.test {
                MarkTest::Members(members) => self.among(members, batch, scope, context, &mut truth)?,
                MarkTest::Beside(op, value) => {
                    self.beside((*op, value), batch, scope, context, &mut truth)?;
                }
            }
        }
        let Truth { yes, unknown } = truth;
        let nulls = if self.mark.is_certain { Bits::none(batch.len) } else { unknown.and_not(&yes) };
        Ok(Vector::Bool { bits: yes, nulls })
    }

    fn among(
        &mut self,
        members: &'v [Scalar],
        batch: &Batch<'v>,
        scope: &Scope<'v>,
        context: &Context<'_>,
        truth: &mut Truth,
    ) -> Result<(), Error> {
        let mark = self.mark;
        self.read_members(0, scope, context)?;
        if self.members.values().all(Vec::is_empty) {
            return Ok(()); // of no row nothing is asked, and what is looked for is not computed
        }
        let keys = key_columns(mark.keys.iter().chain(members), batch, context)?;
        let selection = with_partners(&mark.on[..mark.keys.len()], &keys, batch);
        for (lacking, rows) in by_lacking(&keys[mark.keys.len()..], &selection, batch.len) {
            self.read_members(lacking, scope, context)?;
            for members in self.members.get(&lacking).into_iter().flatten() {
                let present = self.present(&keys, members.lacking | lacking);
                let equal = members.known.find(&present, &rows, batch.len);
                match members.lacking | lacking {
                    0 => truth.yes |= &equal,
                    _ => truth.unknown |= &equal,
                }
            }
        }
        Ok(())
    }

    /// Reads the rows for those outside that lack certain parts, unless they were read for such.
    fn read_members(
        &mut self,
        lacking: Parts,
        scope: &Scope<'v>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if self.members.contains_key(&lacking) {
            return Ok(());
        }
        let key_count = self.mark.keys.len();
        let mut found: Vec<Members> = Vec::new();
        let mut running = open(self.plan, scope);
        let mut batch = Batch::default();
        while running.next(&mut batch, context)? {
            let columns: KeyColumns<'_, '_> = batch.columns.iter().map(Cow::Borrowed).collect();
            let selection = with_partners(&self.mark.on[..key_count], &columns, &batch);
            for (missing, rows) in by_lacking(&columns[key_count..], &selection, batch.len) {
                let place = match found.iter().position(|members| members.lacking == missing) {
                    Some(place) => place,
                    None => {
                        let known = Known::of(&self.types(missing | lacking));
                        found.push(Members { lacking: missing, known });
                        found.len() - 1
                    }
                };
                let present = self.present(&columns, missing | lacking);
                let width = present.len();
                let (_, new) = found[place].known.insert(&present, &rows, batch.len);
                self.charge.add_keys("a subquery", new, width, context)?;
            }
        }
        found.iter_mut().for_each(|members| members.known.expect_lookups());
        self.members.insert(lacking, found);
        Ok(())
    }

    /// Those of the columns of keys and members that are not lacking.
    fn present<'a>(&self, columns: &'a [Cow<'_, Vector<'v>>], lacking: Parts) -> KeyColumns<'a, 'v> {
        let key_count = self.mark.keys.len();
        let of = |place: usize| place < key_count || lacking & part(place - key_count) == 0;
        let columns = columns.iter().enumerate().filter(|(place, _)| of(*place));
        columns.map(|(_, column)| Cow::Borrowed(&**column)).collect()
    }

    /// The types of the same columns.
    fn types(&self, lacking: Parts) -> Vec<DataType> {
        let key_count = self.mark.keys.len();
        let of = |place: usize| place < key_count || lacking & part(place - key_count) == 0;
        let columns = self.plan.columns.iter().enumerate().filter(|(place, _)| of(*place));
        columns.map(|(_, column)| column.data_type).collect()
    }

    fn beside(
        &mut self,
        (op, value): (Comparison, &'v Scalar),
        batch: &Batch<'v>,
        scope: &Scope<'v>,
        context: &Context<'_>,
        truth: &mut Truth,
    ) -> Result<(), Error> {
        let groups = match self.groups.take() {
            Some(groups) => groups,
            None => self.extremes(scope, context)?,
        };
        let groups = self.groups.insert(groups);
        if groups.extremes.is_empty() {
            return Ok(());
        }
        let keys = key_columns(&self.mark.keys, batch, context)?;
        let selection = with_partners(&self.mark.on[..keys.len()], &keys, batch);
        let mut numbers = vec![0; batch.len];
        if let Known::Keys(table) = &groups.known {
            table.find(&keys, &selection, &mut numbers);
        }
        let value = value.operand(batch, context, &batch.selection)?;
        for row in selection.iter().filter(|row| numbers[*row] != ABSENT) {
            let extremes = &groups.extremes[numbers[row] as usize];
            match extremes.compare(&value.value(row), op) {
                Some(true) => truth.yes.insert(row),
                Some(false) => {}
                None => truth.unknown.insert(row),
            }
        }
        Ok(())
    }

    /// Reads the extremes of each key.
    fn extremes(&mut self, scope: &Scope<'v>, context: &Context<'_>) -> Result<Groups, Error> {
        let key_count = self.mark.keys.len();
        let types: Vec<_> = self.plan.columns[..key_count].iter().map(|column| column.data_type).collect();
        let mut groups = Groups { known: Known::of(&types), extremes: Vec::new() };
        let mut running = open(self.plan, scope);
        let mut batch = Batch::default();
        while running.next(&mut batch, context)? {
            let columns = batch.columns[..key_count].iter().map(Cow::Borrowed).collect();
            let selection = with_partners(&self.mark.on[..key_count], &columns, &batch);
            let (numbers, new) = groups.known.insert(&columns, &selection, batch.len);
            self.charge.add_keys("a subquery", new, key_count + 2, context)?;
            for row in &selection {
                let number = numbers[row] as usize;
                if number == groups.extremes.len() {
                    groups.extremes.push(Extremes::default());
                }
                groups.extremes[number].take_in(batch.column(key_count).value(row));
            }
        }
        groups.known.expect_lookups();
        Ok(groups)
    }
}

/// Of which rows it is true, and of which unknown.
struct Truth {
    yes: Bits,
    unknown: Bits,
}

/// The bit of a part.
fn part(place: usize) -> Parts {
    1 << place
}

/// The selected rows by the parts that they lack.
fn by_lacking(members: &[Cow<'_, Vector<'_>>], selection: &Bits, len: usize) -> Vec<(Parts, Bits)> {
    let complete = members.iter().fold(selection.clone(), |rows, member| member.present(&rows));
    let mut found: Vec<(Parts, Bits)> = Vec::new();
    for row in &selection.and_not(&complete) {
        let lacking = members.iter().enumerate().filter(|(_, member)| member.is_null(row));
        let lacking = lacking.fold(0, |lacking, (place, _)| lacking | part(place));
        match found.iter_mut().find(|(known, _)| *known == lacking) {
            Some((_, rows)) => rows.insert(row),
            None => {
                let mut rows = Bits::none(len);
                rows.insert(row);
                found.push((lacking, rows));
            }
        }
    }
    if !complete.is_empty() {
        found.push((0, complete));
    }
    found
}

impl Known {
    fn of(types: &[DataType]) -> Known {
        match types {
            [] => Known::Any,
            types => Known::Keys(KeyTable::new(types)),
        }
    }

    /// The number of each selected row's key, and how many of them are new.
    fn insert(&mut self, columns: &KeyColumns<'_, '_>, rows: &Bits, len: usize) -> (Vec<u32>, usize) {
        let mut numbers = vec![0; len];
        let Known::Keys(table) = self else { return (numbers, 0) };
        let known = table.len();
        table.insert(columns, rows, &mut numbers);
        let new = table.len() - known;
        (numbers, new)
    }

    fn expect_lookups(&mut self) {
        if let Known::Keys(table) = self {
            table.expect_lookups();
        }
    }

    /// Those of the rows whose key is known.
    fn find(&self, columns: &KeyColumns<'_, '_>, rows: &Bits, len: usize) -> Bits {
        let Known::Keys(table) = self else { return rows.clone() };
        let mut numbers = vec![ABSENT; len];
        table.find(columns, rows, &mut numbers);
        let mut found = rows.clone();
        rows.iter().filter(|row| numbers[*row] == ABSENT).for_each(|row| found.remove(row));
        found
    }
}

impl Extremes {
    fn take_in(&mut self, value: Value) {
        match &mut self.ends {
            _ if value.is_null() => self.has_null = true,
            None => self.ends = Some((value.clone(), value)),
            Some((least, _)) if value < *least => *least = value,
            Some((_, greatest)) if value > *greatest => *greatest = value,
            Some(_) => {}
        }
    }

    /// Whether a comparison of `value` with one of the values is true; None if it is unknown.
    fn compare(&self, value: &Value, op: Comparison) -> Option<bool> {
        let is_true = !value.is_null()
            && self.ends.as_ref().is_some_and(|(least, greatest)| match op {
                Comparison::Less => value < greatest,
                Comparison::LessOrEqual => value <= greatest,
                Comparison::Greater => value > least,
                Comparison::GreaterOrEqual => value >= least,
                Comparison::NotEqual => value != least || value != greatest,
                Comparison::Equal | Comparison::Same => unreachable!("those are members"),
            });
        let is_known = is_true || !(value.is_null() || self.has_null);
        is_known.then_some(is_true)
    }
}

#[cfg(test)]
mod tests;
