//! Models as they are at a point of a history: plain data, of no Rust type.

use indexmap::IndexMap;
use nuages_engine::{
    algebra::{Expr, Source},
    catalog::TableDefinition,
};
use nuages_storage::{DataType, Value};

use crate::{
    compile::{Compiler, substituted},
    constraint::Rule,
    error::{Misuse, Result},
    executor::Settings,
    meta::{FieldKind, FieldMeta, ModelMeta, OnDelete},
    node::Node,
    schema::db_default,
};

/// All models, by their labels: `blog.Post`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectState {
    /// The models, in the order in which they came.
    pub models: IndexMap<String, ModelState>,
}

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    /// The label of its app.
    pub app: String,
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Its fields by their names, in their order.
    pub fields: IndexMap<String, FieldState>,
    /// What it says of itself that no table knows: its ordering, its names for people.
    pub options: IndexMap<String, String>,
    /// Sets of fields that are unique together.
    pub unique_together: Vec<Vec<String>>,
    /// Its indexes by their names.
    pub indexes: IndexMap<String, IndexState>,
    /// Its constraints by their names.
    pub constraints: IndexMap<String, ConstraintState>,
}

/// A field that has a column or a table of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldState {
    /// What it is.
    pub kind: FieldStateKind,
    /// Its column.
    pub column: String,
    /// Whether it may be NULL.
    pub null: bool,
    /// Whether each value occurs once.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub db_index: bool,
    /// Whether it is the primary key or a part of it.
    pub primary_key: bool,
    /// Whether the database fills it when it is unset.
    pub auto: bool,
    /// The greatest number it takes, if it takes no negative ones.
    pub unsigned: Option<i64>,
    /// What rows that are there get when the field is added.
    pub default: Option<Value>,
    /// What the database writes where no value is given: an expression without columns.
    pub db_default: Option<RowExpr>,
    /// What it is computed as, from other columns of the row.
    pub generated: Option<RowExpr>,
}

/// What a field is.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldStateKind {
    /// A value.
    Column(DataType),
    /// The key of a row of another model.
    ForeignKey {
        /// The other model's label.
        to: String,
        /// Whether each row is referenced once.
        one: bool,
        /// What the database does when the other row goes.
        on_delete: DatabaseAction,
    },
    /// Rows of another model, in a table of pairs.
    ManyToMany {
        /// The other model's label.
        to: String,
    },
}

/// What the database does with a row whose key leads to one that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseAction {
    /// It goes too.
    Cascade,
    /// Its key becomes NULL.
    SetNull,
    /// Nothing; the commit finds that the key leads nowhere.
    Nothing,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexState {
    /// What it is sorted by.
    pub parts: Vec<IndexPart>,
    /// Only rows for which this is true.
    pub condition: Option<RowExpr>,
}

/// A part of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexPart {
    /// What is sorted.
    pub key: RowExpr,
    /// Whether it is descending.
    pub descending: bool,
    /// Where NULLs stand, if it says so.
    pub nulls_first: Option<bool>,
}

/// A constraint.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintState {
    /// A condition that is false for no row.
    Check(RowExpr),
    /// Expressions that no two rows agree in.
    Unique {
        /// The expressions.
        parts: Vec<RowExpr>,
        /// Only rows for which this is true.
        condition: Option<RowExpr>,
        /// Whether two NULLs differ.
        nulls_distinct: bool,
        /// Whether it is checked at commit.
        deferred: bool,
    },
}

/// An expression over a row whose columns are known by name, so that it outlives the model it was written for.
#[derive(Clone, Debug, PartialEq)]
pub struct RowExpr {
    /// The expression; its columns are places in `columns`.
    expr: Expr,
    /// The names, in the order in which they are first met.
    columns: Vec<String>,
}

impl RowExpr {
    /// A column.
    pub fn column(name: &str) -> RowExpr {
        RowExpr { expr: Expr::Column(Source::SELF.column(0)), columns: vec![name.into()] }
    }

    /// A value.
    pub fn value(value: impl Into<Value>) -> RowExpr {
        RowExpr { expr: Expr::Literal(value.into()), columns: Vec::new() }
    }

    /// What a model says that the database writes.
    fn of_default(meta: &'static ModelMeta, field: &FieldMeta) -> Result<Option<RowExpr>> {
        let expr = db_default(meta, field)?;
        Ok(expr.map(|expr| RowExpr { expr, columns: Vec::new() }))
    }

    /// What a model says.
    fn of(meta: &'static ModelMeta, node: &Node) -> Result<RowExpr> {
        let expr = Compiler::of_row(meta, &Settings::default(), node)?;
        let columns = std::cell::RefCell::new(Vec::<String>::new());
        let expr = substituted(expr, &|position| {
            let name = meta.columns().nth(position).map_or("", |(_, field)| field.column);
            let mut columns = columns.borrow_mut();
            let place = columns.iter().position(|known| known == name).unwrap_or_else(|| {
                columns.push(name.to_owned());
                columns.len() - 1
            });
            Expr::Column(Source::SELF.column(place))
        });
        Ok(RowExpr { expr, columns: columns.into_inner() })
    }

    /// The expression, of one without columns.
    pub(super) fn without_columns(&self) -> Expr {
        self.expr.clone()
    }

    /// The name of the column that it is, if it is nothing else.
    pub(super) fn as_column(&self) -> Option<&str> {
        match &self.expr {
            Expr::Column(_) => self.columns.first().map(String::as_str),
            _ => None,
        }
    }

    /// The expression over a table that has these columns.
    pub(super) fn in_table(&self, table: &TableDefinition) -> Result<Expr> {
        let places: Vec<usize> =
            self.columns.iter().map(|name| table.column_named(name)).collect::<Result<_, _>>()?;
        Ok(substituted(self.expr.clone(), &|place| Expr::Column(Source::SELF.column(places[place]))))
    }

    /// The same over a column that has another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for column in self.columns.iter_mut().filter(|column| *column == from) {
            to.clone_into(column);
        }
    }
}

/// The option of a model whose table is somebody else's.
const MANAGED: &str = "managed";

impl ProjectState {
    /// What these models are: `ProjectState::of(app.metas())`.
    ///
    /// # Errors
    /// What an expression of a constraint or index asks that no row has.
    pub fn of(models: impl IntoIterator<Item = &'static ModelMeta>) -> Result<ProjectState> {
        let models = models.into_iter().map(|meta| Ok((meta.label(), ModelState::of(meta)?)));
        Ok(ProjectState { models: models.collect::<Result<_>>()? })
    }

    /// The type of a field's column; of a key, that of the key it leads to.
    pub(super) fn data_type(&self, field: &FieldState) -> Result<DataType> {
        match &field.kind {
            FieldStateKind::Column(data_type) => Ok(*data_type),
            FieldStateKind::ForeignKey { to, .. } | FieldStateKind::ManyToMany { to } => {
                self.data_type(key_of(self.model(to)?)?)
            }
        }
    }

    /// A state of these models.
    pub fn from_models(models: impl IntoIterator<Item = ModelState>) -> ProjectState {
        ProjectState { models: models.into_iter().map(|model| (model.label(), model)).collect() }
    }
}

impl ModelState {
    /// A model without fields, whose table is called as Django would call it.
    pub fn new(app: &str, name: &str) -> ModelState {
        ModelState {
            app: app.into(),
            name: name.into(),
            table: format!("{app}_{}", name.to_lowercase()),
            fields: IndexMap::new(),
            options: IndexMap::new(),
            unique_together: Vec::new(),
            indexes: IndexMap::new(),
            constraints: IndexMap::new(),
        }
    }

    /// A model with the key that Django gives those that have none: an automatic integer `id`.
    pub fn with_id(app: &str, name: &str) -> ModelState {
        let id = FieldState::column("id", DataType::BigInt).key();
        ModelState::new(app, name).field("id", id)
    }

    /// Whether its table is made and changed by migrations.
    pub(super) fn is_managed(&self) -> bool {
        self.options.get(MANAGED).is_none_or(|managed| managed != "False")
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, field: FieldState) -> ModelState {
        self.fields.insert(name.into(), field);
        self
    }

    /// What a model is.
    ///
    /// # Errors
    /// As [`ProjectState::of`].
    pub fn of(meta: &'static ModelMeta) -> Result<ModelState> {
        let name_of =
            |field: &u16| meta.field(*field).map_or_else(String::new, |field| field.name.to_owned());
        let mut state = ModelState { table: meta.table.to_owned(), ..ModelState::new(meta.app, meta.name) };
        for field in meta.fields {
            if let Some(description) = FieldState::of(meta, field)? {
                state.fields.insert(field.name.to_owned(), description);
            }
        }
        let ordering = meta.ordering.iter().map(|order| {
            let minus = if order.descending { "-" } else { "" };
            [minus, &order.path.join("__")].concat()
        });
        state.options.insert("ordering".into(), ordering.collect::<Vec<_>>().join(", "));
        if !meta.managed {
            state.options.insert(MANAGED.into(), "False".into());
        }
        state.options.insert("verbose_name".into(), meta.verbose_name.into());
        state.options.insert("verbose_name_plural".into(), meta.verbose_name_plural.into());
        state.unique_together =
            meta.unique_together.iter().map(|set| set.iter().map(name_of).collect()).collect();
        state.add_indexes(meta)?;
        for constraint in meta.constraints.into_iter().flat_map(|constraints| constraints()) {
            let row = |node| RowExpr::of(meta, node);
            let rule = match &constraint.rule {
                Rule::Check(condition) => ConstraintState::Check(row(condition)?),
                Rule::Unique { parts, condition, nulls_distinct, deferred } => ConstraintState::Unique {
                    parts: parts.iter().map(row).collect::<Result<_>>()?,
                    condition: condition.as_ref().map(row).transpose()?,
                    nulls_distinct: *nulls_distinct,
                    deferred: *deferred,
                },
            };
            state.constraints.insert(constraint.name, rule);
        }
        Ok(state)
    }

    fn add_indexes(&mut self, meta: &'static ModelMeta) -> Result<()> {
        for index in meta.indexes {
            let columns =
                index.fields.iter().filter_map(|(field, down)| Some((meta.field(*field)?.column, *down)));
            let names: Vec<&str> = columns.clone().map(|(column, _)| column).collect();
            let name =
                index.name.map_or_else(|| format!("{}_{}_idx", meta.table, names.join("_")), str::to_owned);
            self.indexes.insert(name, IndexState::over(columns));
        }
        for (number, node) in meta.declared_indexes.into_iter().flat_map(|declared| declared()).enumerate() {
            let name = match node.name.is_empty() {
                true => format!("{}_declared_{number}_idx", meta.table),
                false => node.name.clone(),
            };
            let part = |order: &crate::queryset::state::OrderNode| {
                let key = RowExpr::of(meta, &order.node)?;
                Ok(IndexPart { key, descending: order.descending, nulls_first: order.nulls_first })
            };
            let parts = node.parts.iter().map(part).collect::<Result<_>>()?;
            let condition = node.condition.as_ref().map(|node| RowExpr::of(meta, node)).transpose()?;
            self.indexes.insert(name, IndexState { parts, condition });
        }
        Ok(())
    }

    /// Django's label: `blog.Post`.
    pub fn label(&self) -> String {
        [&self.app, ".", &self.name].concat()
    }

    /// The models that its keys and pairs lead to, and by which field.
    pub(super) fn leads_to(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter_map(|(name, field)| Some((&**name, field.leads_to()?)))
    }
}

impl IndexState {
    /// An index over columns, of which each may be descending.
    pub fn over<'n>(columns: impl IntoIterator<Item = (&'n str, bool)>) -> IndexState {
        let part =
            |(column, descending)| IndexPart { key: RowExpr::column(column), descending, nulls_first: None };
        IndexState { parts: columns.into_iter().map(part).collect(), condition: None }
    }
}

impl ConstraintState {
    /// No two rows agree in these columns.
    pub fn unique<'n>(columns: impl IntoIterator<Item = &'n str>) -> ConstraintState {
        let parts = columns.into_iter().map(RowExpr::column).collect();
        ConstraintState::Unique { parts, condition: None, nulls_distinct: true, deferred: false }
    }
}

impl FieldState {
    /// A value that must be given.
    pub fn column(column: &str, data_type: DataType) -> FieldState {
        FieldState {
            kind: FieldStateKind::Column(data_type),
            column: column.into(),
            null: false,
            unique: false,
            db_index: false,
            primary_key: false,
            auto: false,
            unsigned: None,
            default: None,
            db_default: None,
            generated: None,
        }
    }

    /// A key of a row of another model, which goes with that row.
    pub fn foreign_key(column: &str, to: &str) -> FieldState {
        let kind =
            FieldStateKind::ForeignKey { to: to.into(), one: false, on_delete: DatabaseAction::Cascade };
        FieldState { kind, ..FieldState::column(column, DataType::BigInt) }
    }

    /// The same, as the primary key that the database fills.
    #[must_use]
    pub fn key(self) -> FieldState {
        FieldState { primary_key: true, auto: true, ..self }
    }

    /// The same, and it may be NULL.
    #[must_use]
    pub fn nullable(self) -> FieldState {
        FieldState { null: true, ..self }
    }

    /// The same with a value for rows that have none.
    #[must_use]
    pub fn with_default(self, value: impl Into<Value>) -> FieldState {
        FieldState { default: Some(value.into()), ..self }
    }

    /// The same, where the database writes this if no value is given.
    #[must_use]
    pub fn with_db_default(self, value: RowExpr) -> FieldState {
        FieldState { db_default: Some(value), ..self }
    }

    /// The same, where whoever writes a row writes this: an expression over its other columns.
    #[must_use]
    pub fn computed(self, value: RowExpr) -> FieldState {
        FieldState { generated: Some(value), ..self }
    }

    /// What a field is; nothing for the other side of a relation and for pairs that have a model of their own.
    fn of(meta: &'static ModelMeta, field: &FieldMeta) -> Result<Option<FieldState>> {
        let kind = match field.kind {
            FieldKind::Column(data_type) => FieldStateKind::Column(data_type),
            FieldKind::ForeignKey { target, one } => {
                let on_delete = match field.on_delete {
                    OnDelete::Cascade | OnDelete::DbCascade => DatabaseAction::Cascade,
                    OnDelete::SetNull | OnDelete::DbSetNull => DatabaseAction::SetNull,
                    _ => DatabaseAction::Nothing,
                };
                FieldStateKind::ForeignKey { to: target().label(), one, on_delete }
            }
            FieldKind::ManyToMany { target, through: None } => {
                FieldStateKind::ManyToMany { to: target().label() }
            }
            FieldKind::ManyToMany { .. } | FieldKind::Reverse { .. } | FieldKind::Generic => return Ok(None),
        };
        let default = field.db_default.and_then(|default| match default() {
            Node::Value(value) => Some(value),
            _ => None,
        });
        Ok(Some(FieldState {
            kind,
            column: field.column.to_owned(),
            null: field.null,
            unique: field.unique,
            db_index: field.db_index,
            primary_key: field.primary_key,
            auto: field.auto,
            unsigned: field.unsigned,
            default: default.or_else(|| field.default.map(|default| default())),
            db_default: RowExpr::of_default(meta, field)?,
            generated: field.generated.map(|value| RowExpr::of(meta, &value())).transpose()?,
        }))
    }

    /// The model that it leads to, if it leads to one.
    pub(super) fn leads_to(&self) -> Option<&str> {
        match &self.kind {
            FieldStateKind::ForeignKey { to, .. } | FieldStateKind::ManyToMany { to } => Some(to),
            FieldStateKind::Column(_) => None,
        }
    }

    /// Whether both are the same to a table, though a model may give them other defaults.
    pub(super) fn is_same(&self, other: &FieldState) -> bool {
        let bare = |field: &FieldState| FieldState { default: None, ..field.clone() };
        bare(self) == bare(other)
    }
}

/// The only field of a model's key.
pub(super) fn key_of(model: &ModelState) -> Result<&FieldState> {
    let mut keys = model.fields.values().filter(|field| field.primary_key);
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Misuse::Other("a key can lead only to a model whose primary key is one field").into()),
    }
}
