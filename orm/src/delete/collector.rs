//! Collecting what a deletion means, then doing it. Follows django/db/models/deletion.py.

use indexmap::{IndexMap, IndexSet};
use nuages_engine::algebra::{
    Column, Delete, Expr, OutputColumn, Query, Relation, Source, Statement, Update,
};
use nuages_storage::{TableId, Value};

use super::{
    DeleteOptions, Deleted, Label,
    reach::{self, GenericChildren, Pointer},
};
use crate::{
    atomic::Tx,
    error::{Blocker, Error, Result},
    executor::{Executor, statement::execute},
    field::RowReader,
    meta::{FieldKind, ModelMeta, OnDelete},
    read,
    signal::{Deleting, Doomed, Moment},
};

/// The address of a description, its identity.
type Address = usize;

/// The rows of the only table of a statement.
const ROWS: Source = Source::new(0);

fn address(meta: &'static ModelMeta) -> Address {
    std::ptr::from_ref(meta).addr()
}

/// The rows of one model that go.
struct Collected {
    meta: &'static ModelMeta,
    keys: IndexSet<Value>,
    /// The models whose rows point at these by a cascade, and so must go first.
    children: Vec<Address>,
}

/// A key of other rows that changes.
struct Change {
    pointer: Pointer,
    value: Value,
    /// The keys of the rows that go.
    parents: Vec<Value>,
}

struct Collector<'a> {
    tx: &'a Tx<'a>,
    origin: &'static ModelMeta,
    /// Rows of the origin that were read already.
    known: Option<Box<dyn Doomed>>,
    models: IndexMap<Address, Collected>,
    changes: Vec<Change>,
    restricted: Vec<(Pointer, Vec<Value>)>,
    /// The rows that keep the origin's from going.
    protected: Vec<Blocker>,
}

/// Rows that go and were not yet followed.
struct Pending {
    meta: &'static ModelMeta,
    keys: Vec<Value>,
    parent: Option<&'static ModelMeta>,
    /// Whether the rows that these extend stay.
    keep_parents: bool,
}

/// Deletes the rows of a model with these keys and all that follows from it.
pub(super) fn delete(
    meta: &'static ModelMeta,
    keys: Vec<Value>,
    options: DeleteOptions,
    tx: &Tx<'_>,
) -> Result<Deleted> {
    delete_known(meta, keys, options, None, tx)
}

/// The same of instances that were read already, for receivers.
pub(super) fn delete_instances(
    meta: &'static ModelMeta,
    instances: Box<dyn Doomed>,
    tx: &Tx<'_>,
) -> Result<Deleted> {
    delete_known(meta, instances.keys(), DeleteOptions::default(), Some(instances), tx)
}

fn delete_known(
    meta: &'static ModelMeta,
    keys: Vec<Value>,
    options: DeleteOptions,
    known: Option<Box<dyn Doomed>>,
    tx: &Tx<'_>,
) -> Result<Deleted> {
    let mut collector = Collector {
        tx,
        origin: meta,
        known,
        models: IndexMap::new(),
        changes: Vec::new(),
        restricted: Vec::new(),
        protected: Vec::new(),
    };
    // A list and no recursion: rows of a model that points at itself may be as deep as there are rows.
    let mut waiting = vec![Pending { meta, keys, parent: None, keep_parents: options.keep_parents }];
    while let Some(pending) = waiting.pop() {
        let found = collector.collect(pending)?;
        waiting.extend(found.into_iter().rev());
    }
    collector.check_protected()?;
    collector.check_restricted()?;
    collector.write()
}

impl Collector<'_> {
    /// Adds rows that go, and follows the keys that point at them: the rows that go with them.
    fn collect(&mut self, pending: Pending) -> Result<Vec<Pending>> {
        let Pending { meta, keys, parent, keep_parents } = pending;
        if let Some(parent) = parent.filter(|parent| *parent != meta)
            && let Some(parent) = self.models.get_mut(&address(parent))
        {
            parent.children.push(address(meta));
        }
        let collected = self.models.entry(address(meta)).or_insert_with(|| Collected {
            meta,
            keys: IndexSet::new(),
            children: Vec::new(),
        });
        let keys: Vec<Value> = keys.into_iter().filter(|key| collected.keys.insert(key.clone())).collect();
        let mut found = Vec::new();
        if keys.is_empty() {
            return Ok(found);
        }
        if let Some(FieldKind::ForeignKey { target, .. }) =
            meta.parent.and_then(|parent| meta.field(parent)).map(|field| field.kind)
            && !keep_parents
        {
            // The rows that these extend have the same keys.
            found.push(Pending { meta: target(), keys: keys.clone(), parent: None, keep_parents });
        }
        for pointer in reach::pointers(meta, self.tx.shared().app()) {
            match pointer.field.on_delete {
                OnDelete::DoNothing | OnDelete::DbCascade | OnDelete::DbSetNull => {}
                OnDelete::Cascade => {
                    let children = self.children(pointer, &keys)?;
                    if !children.is_empty() {
                        found.push(Pending {
                            meta: pointer.child,
                            keys: children,
                            parent: Some(meta),
                            keep_parents: false,
                        });
                    }
                }
                OnDelete::SetNull => self.change(pointer, Value::Null, &keys),
                OnDelete::SetDefault => {
                    let default = pointer.field.default.map_or(Value::Null, |default| default());
                    self.change(pointer, default, &keys);
                }
                OnDelete::Set(value) => {
                    // The function may make the row that it names, so it is called only for rows that need one.
                    if !self.children(pointer, &keys)?.is_empty() {
                        self.change(pointer, value(self.tx)?, &keys);
                    }
                }
                OnDelete::Protect => {
                    let children = self.children(pointer, &keys)?;
                    self.protected.extend(children.into_iter().map(|key| blocker(pointer, key)));
                }
                OnDelete::Restrict => {
                    let children = self.children(pointer, &keys)?;
                    if !children.is_empty() {
                        self.restricted.push((pointer, children));
                    }
                }
            }
        }
        for generic in reach::generic_children(meta) {
            let children = self.generic_children(meta, generic, &keys)?;
            if !children.is_empty() {
                found.push(Pending {
                    meta: generic.child,
                    keys: children,
                    parent: Some(meta),
                    keep_parents: false,
                });
            }
        }
        Ok(found)
    }

    fn change(&mut self, pointer: Pointer, value: Value, parents: &[Value]) {
        self.changes.push(Change { pointer, value, parents: parents.to_vec() });
    }

    /// The keys of the rows that point at these by one foreign key.
    fn children(&self, pointer: Pointer, keys: &[Value]) -> Result<Vec<Value>> {
        let binding = self.tx.shared().binding();
        let pointing = ROWS.column(binding.column(pointer.child, pointer.index)?);
        self.keys_of(pointer.child, among(pointing, keys))
    }

    /// The keys of the rows that point at these of a model by one generic key.
    fn generic_children(
        &self,
        meta: &'static ModelMeta,
        GenericChildren { child, columns }: GenericChildren,
        keys: &[Value],
    ) -> Result<Vec<Value>> {
        let binding = self.tx.shared().binding();
        let content_type = ROWS.column(binding.column(child, columns.content_type)?);
        let pointing = ROWS.column(binding.column(child, columns.object_id)?);
        let label = Expr::Literal(Value::Text(meta.label()));
        self.keys_of(child, Expr::Column(content_type).equals(label).and(among(pointing, keys)))
    }

    /// The keys of the rows of a model that meet a condition.
    fn keys_of(&self, model: &'static ModelMeta, condition: Expr) -> Result<Vec<Value>> {
        let binding = self.tx.shared().binding();
        let key = binding.identity(model, ROWS)?;
        let relation = Relation::scan(binding.model(model)?.table, ROWS).filter(condition);
        let query = Query::new(relation, vec![OutputColumn::new("pk", key)]);
        let mut found = Vec::new();
        read::each(self.tx, model, &query, &mut |row| {
            found.push(row.value(0));
            Ok(())
        })?;
        Ok(found)
    }

    /// Nothing goes if a row defends one that would go.
    fn check_protected(&mut self) -> Result<()> {
        let by = std::mem::take(&mut self.protected);
        if by.is_empty() { Ok(()) } else { Err(Error::Protected { model: self.origin.name, by }) }
    }

    /// A restricted row may go only if it goes for another reason.
    fn check_restricted(&self) -> Result<()> {
        let mut by = Vec::new();
        for (pointer, keys) in &self.restricted {
            let going = self.models.get(&address(pointer.child)).map(|collected| &collected.keys);
            let stays = keys.iter().filter(|key| going.is_none_or(|going| !going.contains(*key)));
            by.extend(stays.map(|key| blocker(*pointer, key.clone())));
        }
        if by.is_empty() { Ok(()) } else { Err(Error::Restricted { model: self.origin.name, by }) }
    }

    /// Does it: receivers are told, pairs and keys that point at the rows go, then the rows, children first.
    fn write(mut self) -> Result<Deleted> {
        let tx = self.tx;
        let deleting = Deleting { origin: self.origin };
        let mut deleted = Deleted::default();
        let order = self.order();
        let mut doomed: Vec<(Address, Box<dyn Doomed>)> = Vec::new();
        for model in &order {
            let collected = &self.models[model];
            let app = tx.shared().app();
            let typed = app.typed(collected.meta);
            if let Some(typed) = typed.filter(|typed| app.signals().hears_delete((typed.id)())) {
                let keys: Vec<Value> = collected.keys.iter().cloned().collect();
                let is_origin = collected.meta == self.origin;
                let known = self.known.take_if(|known| is_origin && known.keys() == keys);
                let mut instances = known.map_or_else(|| (typed.fetch)(&keys, tx), Ok)?;
                for index in 0..instances.len() {
                    instances.tell(index, Moment::Before, &deleting, tx)?;
                }
                doomed.push((*model, instances));
            }
        }
        for model in &order {
            let collected = &self.models[model];
            self.delete_pairs(collected, &mut deleted)?;
        }
        for change in &self.changes {
            self.write_change(change)?;
        }
        for model in &order {
            let Collected { meta, keys, .. } = &self.models[model];
            let bound = tx.shared().binding().model(meta)?;
            let keys: Vec<Value> = keys.iter().cloned().collect();
            let identity = tx.shared().binding().identity(meta, ROWS)?;
            let count = self.delete_rows(bound.table, meta.table, identity, &keys)?;
            deleted.add(Label::of_model(meta), count);
            if let Some((_, instances)) = doomed.iter_mut().find(|(doomed, _)| doomed == model) {
                for index in (0..instances.len()).rev() {
                    instances.tell(index, Moment::After, &deleting, tx)?;
                }
            }
        }
        Ok(deleted)
    }

    /// The models, those that point at others before these.
    fn order(&self) -> Vec<Address> {
        fn visit(
            models: &IndexMap<Address, Collected>,
            at: Address,
            order: &mut Vec<Address>,
            seen: &mut Vec<Address>,
        ) {
            if seen.contains(&at) {
                return;
            }
            seen.push(at);
            if let Some(collected) = models.get(&at) {
                collected.children.iter().for_each(|child| visit(models, *child, order, seen));
                order.push(at);
            }
        }
        let (mut order, mut seen) = (Vec::new(), Vec::new());
        self.models.keys().for_each(|model| visit(&self.models, *model, &mut order, &mut seen));
        order
    }

    /// The rows of automatic many-to-many tables that have keys of rows that go.
    fn delete_pairs(&self, collected: &Collected, deleted: &mut Deleted) -> Result<()> {
        let binding = self.tx.shared().binding();
        let keys: Vec<Value> = collected.keys.iter().cloned().collect();
        for pairs in reach::pairs(collected.meta, self.tx) {
            let through = binding.through(pairs.declared_by, pairs.field)?;
            let column = if pairs.is_source { through.source } else { through.target };
            let count =
                self.delete_rows(through.table, pairs.declared_by.table, ROWS.column(column), &keys)?;
            deleted.add(Label::of_pairs(pairs.declared_by, pairs.field), count);
        }
        Ok(())
    }

    fn delete_rows(&self, table: TableId, name: &'static str, column: Column, keys: &[Value]) -> Result<u64> {
        let predicate = Some(among(column, keys));
        let statement =
            Statement::Delete(Delete { table, source: ROWS, predicate, returning: Vec::new(), using: None });
        Ok(execute(self.tx, name, &statement, &[])?.affected)
    }

    fn write_change(&self, change: &Change) -> Result<()> {
        let binding = self.tx.shared().binding();
        let Pointer { child, index, .. } = change.pointer;
        let column = binding.column(child, index)?;
        let statement = Statement::Update(Update {
            table: binding.model(child)?.table,
            source: ROWS,
            predicate: Some(among(ROWS.column(column), &change.parents)),
            assignments: vec![(column, Expr::Literal(change.value.clone()))],
            returning: Vec::new(),
            from: None,
        });
        execute(self.tx, child.table, &statement, &[]).map(drop)
    }
}

/// Whether a column has one of these keys.
fn among(column: Column, keys: &[Value]) -> Expr {
    let column = Expr::Column(column);
    match keys {
        [key] => column.equals(Expr::Literal(key.clone())),
        keys => Expr::InList(Box::new(column), keys.iter().cloned().map(Expr::Literal).collect()),
    }
}

fn blocker(pointer: Pointer, pk: Value) -> Blocker {
    Blocker { model: pointer.child.name, field: pointer.field.name, pk }
}
