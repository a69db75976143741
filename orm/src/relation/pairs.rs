//! The pairs of a many-to-many relation: rows of the table between its two sides.

use indexmap::{IndexMap, IndexSet};
use nuages_engine::algebra::{
    ConflictAction, Delete, Expr, Insert, InsertSource, OnConflict, OutputColumn, Query, Relation, Source,
    Statement,
};
use nuages_storage::{DataType, Value};

use crate::{
    error::{Error, Result},
    executor::{Executor, statement::execute},
    field::RowReader,
    instance,
    meta::ModelMeta,
    model::Model,
    read,
    schema::ThroughBound,
    signal::{Many, ManyToManyAction, ManyToManyChange, Moment},
};

/// The pairs of one row, seen from it.
pub(super) struct Pairs<'x> {
    ex: &'x dyn Executor,
    relation: Many,
    reverse: bool,
    through: &'x ThroughBound,
    /// The places of the keys of this row and of the others.
    near: usize,
    far: usize,
    /// Whether each pair holds both ways.
    symmetrical: bool,
    owner: Value,
    target: &'static ModelMeta,
    types: [DataType; 2],
}

impl<'x> Pairs<'x> {
    pub(super) fn new(
        model: &'static ModelMeta,
        field: u16,
        reverse: bool,
        owner: Value,
        target: &'static ModelMeta,
        ex: &'x dyn Executor,
    ) -> Result<Pairs<'x>> {
        let binding = ex.shared().binding();
        let through = binding.through(model, field)?;
        let (near, far) =
            if reverse { (through.target, through.source) } else { (through.source, through.target) };
        let meta = model.field(field);
        let symmetrical = meta.is_some_and(|meta| meta.symmetrical && meta.related_model() == Some(model));
        let owner_type = owner.data_type().unwrap_or(DataType::BigInt);
        let key = binding.model(target)?;
        let far_type =
            target.primary_key.first().map_or(owner_type, |field| key.types[target.position(*field)]);
        let types = [owner_type, far_type];
        let relation = Many { model, field };
        Ok(Pairs { ex, relation, reverse, through, near, far, symmetrical, owner, target, types })
    }

    /// The keys this row is paired with, of these or of all.
    fn existing(&self, among: Option<&[Value]>) -> Result<Vec<Value>> {
        let source = Source::new(0);
        let relation = Relation::scan(self.through.table, source).filter(self.own(source, among));
        let query = Query::new(relation, vec![OutputColumn::new("key", source.column(self.far))]);
        let mut keys = Vec::new();
        read::each(self.ex, self.relation.model, &query, &mut |row| {
            keys.push(row.value(0));
            Ok(())
        })?;
        Ok(keys)
    }

    /// Whether a pair is this row's, with one of these or with any.
    fn own(&self, source: Source, among: Option<&[Value]>) -> Expr {
        self.one_way(source, self.near, self.far, among)
    }

    fn one_way(&self, source: Source, near: usize, far: usize, among: Option<&[Value]>) -> Expr {
        let own = Expr::Column(source.column(near)).equals(Expr::Literal(self.owner.clone()));
        let Some(keys) = among else { return own };
        let list = keys.iter().cloned().map(Expr::Literal).collect();
        own.and(Expr::InList(Box::new(Expr::Column(source.column(far))), list))
    }

    /// The same; in a symmetrical relation, either way round.
    fn own_both(&self, source: Source, among: Option<&[Value]>) -> Expr {
        let forth = self.own(source, among);
        if self.symmetrical { forth.or(self.one_way(source, self.far, self.near, among)) } else { forth }
    }

    /// Adds the pairs that are not there.
    pub(super) fn add(&self, keys: Vec<Value>) -> Result<()> {
        let mut new: IndexSet<Value> = keys.into_iter().collect();
        if new.is_empty() {
            return Ok(());
        }
        if self.is_heard() {
            let asked: Vec<Value> = new.iter().cloned().collect();
            let existing: IndexSet<Value> = self.existing(Some(&asked))?.into_iter().collect();
            new.retain(|key| !existing.contains(key));
        }
        let new: Vec<Value> = new.into_iter().collect();
        // As in Django, who listens is told too that nothing was to be added.
        self.tell(Moment::Before, ManyToManyAction::Add, Some(&new))?;
        if !new.is_empty() {
            self.insert(&new)?;
        }
        self.tell(Moment::After, ManyToManyAction::Add, Some(&new))
    }

    /// `INSERT .. SELECT` of the pairs that do not exist. What else a declared model of the pairs has gets its default.
    /// Of the tables that are made for pairs no two rows are one pair; another thread may add it just now.
    fn insert(&self, keys: &[Value]) -> Result<()> {
        let is_made = self.through.model.is_none();
        let (values, known) = (Source::new(0), Source::new(1));
        let further = self.further()?;
        let row = |from: &Value, to: &Value| {
            let pair = [from.clone(), to.clone()].map(Expr::Literal);
            pair.into_iter()
                .chain(further.iter().map(|(.., fill)| Expr::Literal(fill.value(self.ex))))
                .collect()
        };
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(row(&self.owner, key));
            if self.symmetrical && *key != self.owner {
                rows.push(row(key, &self.owner));
            }
        }
        let same = |column: usize, value: usize| {
            Expr::Column(known.column(column)).equals(Expr::Column(values.column(value)))
        };
        let exists =
            Relation::scan(self.through.table, known).filter(same(self.near, 0).and(same(self.far, 1)));
        let types =
            self.types.into_iter().chain(further.iter().map(|(_, data_type, _)| *data_type)).collect();
        let relation =
            Relation::Values { source: values, types, rows }.filter(Expr::Exists(Box::new(exists)).not());
        let places = [self.near, self.far].into_iter().chain(further.iter().map(|(place, ..)| *place));
        let places: Vec<usize> = places.collect();
        let columns = (0..places.len()).map(|column| OutputColumn::new("", values.column(column))).collect();
        let statement = Statement::Insert(Insert {
            table: self.through.table,
            columns: places,
            rows: InsertSource::Query(Box::new(Query::new(relation, columns))),
            source: Source::new(2),
            returning: Vec::new(),
            conflict: is_made.then(|| OnConflict {
                target: None,
                action: ConflictAction::DoNothing,
                otherwise: None,
            }),
        });
        self.run(&statement)
    }

    /// Adds pairs that are rows of a declared model, by the key of the other side, unless there is such a pair.
    pub(super) fn add_rows<Th: Model>(&self, mut rows: IndexMap<Value, Th>) -> Result<()> {
        let asked: Vec<Value> = rows.keys().cloned().collect();
        for known in self.existing(Some(&asked))? {
            rows.shift_remove(&known);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let (near, far) = (self.field_of::<Th>(self.near)?, self.field_of::<Th>(self.far)?);
        let new: Vec<Value> = rows.keys().cloned().collect();
        let mut pairs = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let mut pair = |mut row: Th, from: &Value, to: &Value| -> Result<()> {
                instance::set_value(&mut row, near, from)?;
                instance::set_value(&mut row, far, to)?;
                pairs.push(row);
                Ok(())
            };
            if self.symmetrical && key != self.owner {
                pair(row.clone(), &key, &self.owner)?;
            }
            pair(row, &self.owner, &key)?;
        }
        self.tell(Moment::Before, ManyToManyAction::Add, Some(&new))?;
        Th::all_objects().bulk_create(pairs, self.ex)?;
        self.tell(Moment::After, ManyToManyAction::Add, Some(&new))
    }

    /// The field of the model of pairs whose column lies at a place of its table.
    fn field_of<Th: Model>(&self, place: usize) -> Result<u16> {
        let bound = self.ex.shared().binding().model(Th::meta())?;
        let position = bound.columns.iter().position(|column| *column == place);
        let field = position.and_then(|position| Th::meta().columns().nth(position));
        field.map(|(field, _)| field).ok_or(Error::Unregistered { model: Th::NAME })
    }

    /// The places, types and fillings of the columns of a declared model of pairs, beside the two keys, that something
    /// other than the database fills.
    fn further(&self) -> Result<Vec<(usize, DataType, Filling)>> {
        let Some(model) = self.through.model else { return Ok(Vec::new()) };
        let bound = self.ex.shared().binding().model(model)?;
        let filled = model.columns().zip(bound.columns.iter().zip(&bound.types)).filter_map(
            |((_, field), (place, data_type))| {
                let filling = match field.default {
                    _ if *place == self.near || *place == self.far => return None,
                    Some(default) => Filling::Default(default),
                    None if field.auto_now || field.auto_now_add => Filling::Now(*data_type),
                    None => return None,
                };
                Some((*place, *data_type, filling))
            },
        );
        Ok(filled.collect())
    }

    /// Removes the pairs with these.
    pub(super) fn remove(&self, keys: &[Value]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.tell(Moment::Before, ManyToManyAction::Remove, Some(keys))?;
        self.delete(Some(keys))?;
        self.tell(Moment::After, ManyToManyAction::Remove, Some(keys))
    }

    /// Removes all pairs.
    pub(super) fn clear(&self) -> Result<()> {
        self.tell(Moment::Before, ManyToManyAction::Clear, None)?;
        self.delete(None)?;
        self.tell(Moment::After, ManyToManyAction::Clear, None)
    }

    /// Removes the pairs with others than these and adds those that are missing.
    pub(super) fn set(&self, keys: Vec<Value>) -> Result<()> {
        let existing: IndexSet<Value> = self.existing(None)?.into_iter().collect();
        let wanted: IndexSet<Value> = keys.into_iter().collect();
        let old: Vec<Value> = existing.difference(&wanted).cloned().collect();
        let new: Vec<Value> = wanted.difference(&existing).cloned().collect();
        self.remove(&old)?;
        self.add(new)
    }

    /// Removes the pairs with others than these and adds rows for those that are missing.
    pub(super) fn set_rows<Th: Model>(&self, rows: IndexMap<Value, Th>) -> Result<()> {
        let mut old = self.existing(None)?;
        old.retain(|key| !rows.contains_key(key));
        self.remove(&old)?;
        self.add_rows(rows)
    }

    fn delete(&self, among: Option<&[Value]>) -> Result<()> {
        let source = Source::new(0);
        let predicate = Some(self.own_both(source, among));
        let delete =
            Delete { table: self.through.table, source, predicate, returning: Vec::new(), using: None };
        self.run(&Statement::Delete(delete))
    }

    fn run(&self, statement: &Statement) -> Result<()> {
        execute(self.ex, self.relation.model.table, statement, &[]).map(drop)
    }

    fn is_heard(&self) -> bool {
        self.ex.shared().app().signals().hears_many_to_many(self.relation)
    }

    fn tell(&self, moment: Moment, action: ManyToManyAction, keys: Option<&[Value]>) -> Result<()> {
        if !self.is_heard() {
            return Ok(());
        }
        let change = ManyToManyChange {
            moment,
            action,
            relation: self.relation,
            reverse: self.reverse,
            instance: self.owner.clone(),
            model: self.target,
            keys: keys.map(<[Value]>::to_vec),
        };
        self.ex.shared().app().signals().many_to_many(&change, self.ex)
    }
}

/// What a column of a new pair gets.
enum Filling {
    /// The field's default, made anew for each pair.
    Default(fn() -> Value),
    /// The time, as a column of this type keeps it.
    Now(DataType),
}

impl Filling {
    fn value(&self, ex: &dyn Executor) -> Value {
        match self {
            Filling::Default(default) => default(),
            Filling::Now(data_type) => instance::time_as(ex.settings().now(), *data_type, ex.settings()),
        }
    }
}
