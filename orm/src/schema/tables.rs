//! The tables of models.

use nuages_engine::{
    Session,
    algebra::{Comparison, Expr, Source},
    catalog::{Action, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable},
};
use nuages_storage::DataType;

use crate::{
    compile::Compiler,
    constraint::Rule,
    error::{Error, Misuse, Result, UnknownName},
    executor::Settings,
    meta::{FieldKind, FieldMeta, MetaFn, ModelMeta, OnDelete},
    node::Node,
};

use super::generated::{db_default, generated};

/// The names of the table between the sides of a many-to-many relation.
pub(super) struct ThroughNames {
    pub(super) table: String,
    /// The column with the key of the model that declared the relation.
    pub(super) source: String,
    /// The column with the key of the other model.
    pub(super) target: String,
}

/// Creates the tables of these models that are not there, in any order: a foreign key may point at a table that comes
/// later.
pub(crate) fn create_missing(session: &dyn Session, models: &[&'static ModelMeta]) -> Result<()> {
    let there = session.catalog()?;
    let is_missing = |table: &NewTable| there.find_table(&table.name).is_none();
    let mut keys = Vec::new();
    let mut pairs = Vec::new();
    for &meta in models {
        let mut table = model_table(meta)?;
        if meta.managed && is_missing(&table) {
            keys.extend(table.foreign_keys.drain(..).map(|key| (table.name.clone(), key)));
            session.create_table(table)?;
        }
        for field in meta.fields {
            let to = match field.kind {
                FieldKind::ForeignKey { target, .. } | FieldKind::ManyToMany { target, .. } => target(),
                FieldKind::Column(_) | FieldKind::Reverse { .. } | FieldKind::Generic => continue,
            };
            if !models.iter().any(|known| std::ptr::eq(*known, to)) {
                return Err(Error::Unregistered { model: to.name });
            }
            if let (FieldKind::ManyToMany { target, through: None }, true) = (field.kind, meta.managed) {
                pairs.push(pair_table(meta, field, target())?);
            }
        }
    }
    for (table, key) in keys {
        session.add_foreign_key(&table, key)?;
    }
    for table in pairs.into_iter().filter(is_missing) {
        session.create_table(table)?;
    }
    Ok(())
}

/// The type of a field's column; of a key, that of the key it points at.
pub(crate) fn data_type(field: &FieldMeta) -> Result<DataType> {
    let mut field = field;
    loop {
        match field.kind {
            FieldKind::Column(data_type) => return Ok(data_type),
            FieldKind::ForeignKey { target, .. } => field = key_field(target())?,
            FieldKind::ManyToMany { .. } | FieldKind::Reverse { .. } | FieldKind::Generic => {
                return Err(Misuse::Other("a relation without a column has no type").into());
            }
        }
    }
}

/// The only field of a model's primary key.
fn key_field(meta: &'static ModelMeta) -> Result<&'static FieldMeta> {
    match meta.primary_key {
        [field] => meta.field(*field).ok_or(Error::Unregistered { model: meta.name }),
        _ => Err(Misuse::Other("a key can point only at a model whose primary key is one field").into()),
    }
}

fn model_table(meta: &'static ModelMeta) -> Result<NewTable> {
    let mut table = NewTable::new(meta.table);
    for (_, field) in meta.columns() {
        table = column(table, meta, field)?;
    }
    let column_of = |field: &u16| meta.field(*field).map_or(meta.table, |field| field.column);
    table = table.primary_key(meta.primary_key.iter().map(column_of));
    for fields in meta.unique_together {
        let columns: Vec<&str> = fields.iter().map(column_of).collect();
        let name = format!("{}_{}_uniq", meta.table, columns.join("_"));
        table = table.unique(NewIndex::unique(name, columns));
    }
    for index in meta.indexes {
        let parts = index.fields.iter().map(|(field, descending)| {
            let part = NewPart::column(column_of(field));
            if *descending { part.descending() } else { part }
        });
        let names: Vec<&str> = index.fields.iter().map(|(field, _)| column_of(field)).collect();
        let name =
            index.name.map_or_else(|| format!("{}_{}_idx", meta.table, names.join("_")), str::to_owned);
        table = table.index(NewIndex::new(name, parts));
    }
    table = declared_indexes(table, meta)?;
    for computed in generated(meta)? {
        let column = |position| Expr::Column(Source::SELF.column(position));
        let is_right = column(computed.position).compare(Comparison::Same, computed.value(&column));
        let name = meta.field(computed.field).map_or("", |field| field.column);
        table = table.check(format!("{}_{name}_generated", meta.table), is_right);
    }
    constraints(table, meta)
}

/// A field's column with what stands on it alone: unique constraint, index, foreign key.
fn column(mut table: NewTable, meta: &'static ModelMeta, field: &'static FieldMeta) -> Result<NewTable> {
    let data_type = data_type(field)?;
    let mut column = NewColumn::new(field.column, data_type).nullable(field.null);
    if let Some(max) = field.unsigned {
        column = column.unsigned().at_most(max);
    }
    if let Some(default) = db_default(meta, field)? {
        column = column.default(default);
    }
    let is_whole_key = field.primary_key && meta.primary_key.len() == 1;
    let is_integer = matches!(data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt);
    if is_whole_key && field.auto && is_integer {
        column = column.generated();
    }
    table = table.column(column);
    let of_column = |suffix: &str| format!("{}_{}_{suffix}", meta.table, field.column);
    let one = matches!(field.kind, FieldKind::ForeignKey { one: true, .. });
    if (field.unique || one) && !is_whole_key {
        table = table.unique(NewIndex::unique(of_column("key"), [field.column]));
    } else if (field.db_index || matches!(field.kind, FieldKind::ForeignKey { .. })) && !is_whole_key {
        table = table.index(NewIndex::new(of_column("idx"), [field.column]));
    }
    if let FieldKind::ForeignKey { target, .. } = field.kind {
        let target = target();
        let key =
            NewForeignKey::new(of_column("fk"), [field.column], target.table, [key_field(target)?.column]);
        table = table.foreign_key(key.on_delete(action(field)).deferred(true));
    }
    Ok(table)
}

/// What the engine does when the row pointed at goes. What the collector decides (`Protect`, `Restrict`, a computed
/// value) is nothing to the engine, which only checks at commit that no key points at nothing.
fn action(field: &FieldMeta) -> Action {
    match field.on_delete {
        OnDelete::Cascade | OnDelete::DbCascade => Action::Cascade,
        OnDelete::SetNull | OnDelete::DbSetNull => Action::SetNull,
        _ => Action::NoAction,
    }
}

/// Indexes over expressions or of some rows.
fn declared_indexes(mut table: NewTable, meta: &'static ModelMeta) -> Result<NewTable> {
    let settings = Settings::default();
    let row = |node: &Node| Compiler::of_row(meta, &settings, node);
    for (number, declared) in meta.declared_indexes.into_iter().flat_map(|declared| declared()).enumerate() {
        let mut parts = Vec::with_capacity(declared.parts.len());
        for order in &declared.parts {
            let mut part = part_of(meta, row(&order.node)?);
            if order.descending {
                part = part.descending();
            }
            if let Some(first) = order.nulls_first {
                part = part.nulls_first(first);
            }
            parts.push(part);
        }
        let name = match declared.name.is_empty() {
            true => format!("{}_declared_{number}_idx", meta.table),
            false => declared.name,
        };
        let index = NewIndex::new(name, parts);
        table = table.index(match &declared.condition {
            Some(condition) => index.when(row(condition)?),
            None => index,
        });
    }
    Ok(table)
}

/// Checks, and unique constraints over expressions or under a condition.
fn constraints(mut table: NewTable, meta: &'static ModelMeta) -> Result<NewTable> {
    let Some(constraints) = meta.constraints else { return Ok(table) };
    let settings = Settings::default();
    for constraint in constraints() {
        let row = |node| Compiler::of_row(meta, &settings, node);
        table = match &constraint.rule {
            Rule::Check(condition) => table.check(constraint.name.clone(), row(condition)?),
            Rule::Unique { parts, condition, nulls_distinct, deferred } => {
                let mut keys = Vec::with_capacity(parts.len());
                for part in parts {
                    keys.push(part_of(meta, row(part)?));
                }
                let mut index = NewIndex::unique(constraint.name.clone(), keys).deferred(*deferred);
                if let Some(condition) = condition {
                    index = index.when(row(condition)?);
                }
                table.unique(if *nulls_distinct { index } else { index.nulls_not_distinct() })
            }
        };
    }
    Ok(table)
}

/// A part of an index: a column by its name, so that it is one to the engine as well, or an expression.
fn part_of(meta: &'static ModelMeta, expr: Expr) -> NewPart {
    match expr {
        Expr::Column(column) if column.source() == Source::SELF => {
            let name = meta.columns().nth(column.index()).map_or(meta.table, |(_, field)| field.column);
            NewPart::column(name)
        }
        other => NewPart::expression(other),
    }
}

/// The names of a many-to-many relation's table; Django's.
pub(super) fn through_names(
    meta: &'static ModelMeta,
    field: &'static FieldMeta,
    target: &'static ModelMeta,
    through: Option<MetaFn>,
) -> Result<ThroughNames> {
    let Some(through) = through else {
        let (from, to) = (meta.name.to_lowercase(), target.name.to_lowercase());
        let (source, far) = if meta == target {
            (format!("from_{from}_id"), format!("to_{to}_id"))
        } else {
            (format!("{from}_id"), format!("{to}_id"))
        };
        return Ok(ThroughNames { table: format!("{}_{}", meta.table, field.name), source, target: far });
    };
    let through = through();
    let [source, far] = through_keys(meta, field, target, through)?;
    Ok(ThroughNames { table: through.table.to_owned(), source: source.to_owned(), target: far.to_owned() })
}

/// The columns by which a model joins two others: those of the keys that the relation names, or else of its only ones.
fn through_keys(
    meta: &'static ModelMeta,
    field: &'static FieldMeta,
    target: &'static ModelMeta,
    through: &'static ModelMeta,
) -> Result<[&'static str; 2]> {
    let keys: Vec<(&FieldMeta, &ModelMeta)> =
        through.columns().filter_map(|(_, key)| Some((key, key.related_model()?))).collect();
    if let Some((source, far)) = field.through_fields {
        let named = |name: &str| match keys.iter().find(|(key, _)| key.name == name) {
            Some((key, _)) => Ok(key.column),
            None => {
                let choices = keys.iter().map(|(key, _)| key.name.to_owned()).collect();
                Err(UnknownName::among(through.to_string(), name, choices))
            }
        };
        return Ok([named(source)?, named(far)?]);
    }
    let to = |model: &ModelMeta| keys.iter().filter(|(_, to)| *to == model).map(|(key, _)| *key).collect();
    let unclear = |model: &ModelMeta, keys: Vec<&FieldMeta>| Misuse::Through {
        relation: format!("{}.{}", meta.name, field.name),
        through: through.name,
        target: model.name,
        keys: keys.iter().map(|key| key.name).collect(),
    };
    let (back, forth): (Vec<&FieldMeta>, Vec<&FieldMeta>) = (to(meta), to(target));
    match (&back[..], &forth[..]) {
        ([source, far], _) if meta == target => Ok([source.column, far.column]),
        ([source], [far]) if meta != target => Ok([source.column, far.column]),
        ([_], _) => Err(unclear(target, forth).into()),
        _ => Err(unclear(meta, back).into()),
    }
}

/// The table of a many-to-many relation that has no model of its own.
fn pair_table(
    meta: &'static ModelMeta,
    field: &'static FieldMeta,
    target: &'static ModelMeta,
) -> Result<NewTable> {
    let names = through_names(meta, field, target, None)?;
    let name = &names.table;
    let key = |column: &str, of: &'static ModelMeta| -> Result<NewForeignKey> {
        let key = key_field(of)?.column;
        Ok(NewForeignKey::new(format!("{name}_{column}_fk"), [column], of.table, [key])
            .on_delete(Action::Cascade)
            .deferred(true))
    };
    Ok(NewTable::new(name)
        .column(NewColumn::new("id", DataType::BigInt).generated())
        .column(NewColumn::new(&names.source, data_type(key_field(meta)?)?))
        .column(NewColumn::new(&names.target, data_type(key_field(target)?)?))
        .primary_key(["id"])
        .unique(NewIndex::unique(
            format!("{name}_{}_{}_uniq", names.source, names.target),
            [names.source.clone(), names.target.clone()],
        ))
        .index(NewIndex::new(format!("{name}_{}_idx", names.target), [names.target.clone()]))
        .foreign_key(key(&names.source, meta)?)
        .foreign_key(key(&names.target, target)?))
}
