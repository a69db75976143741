//! Models as they were, for the code of a data migration: rows by name, of no Rust type.

use indexmap::IndexMap;
use nuages_engine::{
    Transaction,
    algebra::{Expr as EngineExpr, Insert, InsertSource, OutputColumn, Source, Statement},
};
use nuages_storage::Value;

use super::state::{FieldState, FieldStateKind, ModelState, ProjectState};
use crate::{
    app::App,
    assignment::AssignmentNode,
    atomic::Tx,
    error::{Error, Result, UnknownName},
    executor::{Executor, Settings, Shared, finish_write, statement::execute},
    expression::Expr,
    field::Field,
    meta::{FieldKind, FieldMeta, ModelMeta},
    node::{FieldPath, Node, Step},
    queryset::{
        Dynamic, QuerySet, QueryState, Record,
        dynamic::{NamedRow, record},
        update,
    },
    schema::Binding,
    words,
};

/// The models of a point of a history, and the transaction in which a migration runs.
///
/// Their descriptions live as long as the program: a few hundred bytes for each model of each step that runs code.
pub struct Historical<'t> {
    tx: &'t Tx<'t>,
    models: &'t IndexMap<String, HistoricalModel>,
}

/// A model as it was. Keys of other rows are plain values, by the names of their columns: `author_id`.
#[derive(Clone, Debug)]
pub struct HistoricalModel {
    meta: &'static ModelMeta,
    /// What a new row gets where nothing is given, by position.
    defaults: Vec<Option<Value>>,
}

impl<'t> Historical<'t> {
    /// The transaction, for the verbs of querysets.
    pub fn ex(&self) -> &'t Tx<'t> {
        self.tx
    }

    /// A model by its label: `blog.Post`.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn model(&self, label: &str) -> Result<&'t HistoricalModel> {
        let unknown = || UnknownName::among("models".into(), label, self.models.keys().cloned().collect());
        self.models.get(label).ok_or_else(unknown)
    }

    /// All rows of a model by its label.
    ///
    /// # Errors
    /// As [`model`](Historical::model).
    pub fn objects(&self, label: &str) -> Result<QuerySet<Dynamic, Record>> {
        Ok(self.model(label)?.objects())
    }
}

impl HistoricalModel {
    /// All rows.
    pub fn objects(&self) -> QuerySet<Dynamic, Record> {
        QuerySet::from_state(QueryState::new(self.meta))
    }

    /// A column, for expressions. Whoever names the type vouches for it; a value of another one is an error when it is
    /// read.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn column<T: Field>(&self, name: &str) -> Result<Expr<Dynamic, T>> {
        let field = words::own_column(self.meta, name)?;
        Ok(Expr::new(Node::Path(FieldPath::field(field))))
    }

    /// Writes an expression over the row into a column of all rows of a queryset, and says how many there were.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Integrity`].
    pub fn update_set<T: Field>(
        &self,
        rows: &QuerySet<Dynamic, Record>,
        name: &str,
        value: &Expr<Dynamic, T>,
        ex: &dyn Executor,
    ) -> Result<u64> {
        let field = words::written_column(self.meta, name)?;
        let list = [AssignmentNode::own(Step::Field(field), value.node().clone())];
        finish_write(ex, update(rows.state(), &list, ex))
    }

    /// Stores a new row and returns it. Text is converted to the type of the column; what is not named has its
    /// default.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Validation`] for a text that is no value of its column; [`Error::Integrity`].
    pub fn create<N: AsRef<str>, V: Into<Value>>(
        &self,
        values: impl IntoIterator<Item = (N, V)>,
        ex: &dyn Executor,
    ) -> Result<Record> {
        let bound = ex.shared().binding().model(self.meta)?;
        let mut row: Vec<Option<Value>> = self.defaults.clone();
        for (name, value) in values {
            let field = words::own_column(self.meta, name.as_ref())?;
            row[self.meta.position(field)] = Some(record::converted(self.meta, field, value.into())?);
        }
        let source = Source::new(0);
        let returning = bound.columns.iter().map(|&column| OutputColumn::new("", source.column(column)));
        let statement = Statement::Insert(Insert {
            table: bound.table,
            columns: bound.columns.clone(),
            rows: InsertSource::Values(vec![
                row.into_iter().map(|value| value.map(EngineExpr::Literal)).collect(),
            ]),
            source,
            returning: returning.collect(),
            conflict: None,
        });
        let outcome = finish_write(ex, execute(ex, self.meta.table, &statement, &[]))?;
        let stored = outcome.rows.rows.first().ok_or(Error::NotUpdated { model: self.meta.name })?;
        Ok(Record::read(&stored[..], self.meta, &[]))
    }
}

/// Runs code over the models of a state inside a transaction, which comes back if nothing failed and is rolled back
/// otherwise.
pub(super) fn with_models<T>(
    state: &ProjectState,
    transaction: Transaction,
    database: &nuages_engine::Database,
    code: impl FnOnce(&Historical<'_>) -> Result<T>,
) -> Result<(T, Transaction)> {
    use nuages_engine::Session as _;
    let models: IndexMap<String, HistoricalModel> = state
        .models
        .iter()
        .map(|(label, model)| Ok((label.clone(), described(state, model)?)))
        .collect::<Result<_>>()?;
    let metas: Vec<&'static ModelMeta> = models.values().map(|model| model.meta).collect();
    let binding = Binding::new(&metas, &*transaction.catalog()?)?;
    let shared = std::sync::Arc::new(Shared::of(App::new(), database.clone(), binding));
    let settings = Settings::default();
    let tx = Tx::outermost(&shared, &settings, transaction);
    let value = code(&Historical { tx: &tx, models: &models })?;
    Ok((value, tx.into_transaction()?))
}

/// A model's description for the rest of the program's life.
fn described(state: &ProjectState, model: &ModelState) -> Result<HistoricalModel> {
    let columns =
        model.fields.iter().filter(|(_, field)| !matches!(field.kind, FieldStateKind::ManyToMany { .. }));
    let fields: Vec<FieldMeta> =
        columns.clone().map(|(name, field)| field_meta(state, name, field)).collect::<Result<_>>()?;
    let places = |is_one: &dyn Fn(&FieldMeta) -> bool| -> &'static [u16] {
        let found = (0u16..).zip(&fields).filter(|(_, field)| is_one(field)).map(|(place, _)| place);
        found.collect::<Vec<_>>().leak()
    };
    let text = |text: &str| -> &'static str { text.to_owned().leak() };
    let (auto, primary_key) = (places(&|field| field.auto), places(&|field| field.primary_key));
    let positions: Vec<u16> = (0u16..).zip(&fields).map(|(position, _)| position).collect();
    let verbose_name = text(&model.name.to_lowercase());
    let meta = ModelMeta {
        name: text(&model.name),
        app: text(&model.app),
        table: text(&model.table),
        fields: fields.leak(),
        positions: positions.leak(),
        auto,
        stamped: &[],
        foreign_keys: &[],
        primary_key,
        parent: None,
        ordering: &[],
        ordering_by: None,
        placed: None,
        managed: true,
        indexes: &[],
        declared_indexes: None,
        unique_together: &[],
        constraints: None,
        verbose_name,
        verbose_name_plural: verbose_name,
        get_latest_by: &[],
        default_related_name: None,
    };
    let defaults = columns.map(|(_, field)| match field.auto {
        true => None,
        false => field.default.clone(),
    });
    Ok(HistoricalModel { meta: Box::leak(Box::new(meta)), defaults: defaults.collect() })
}

fn field_meta(state: &ProjectState, name: &str, field: &FieldState) -> Result<FieldMeta> {
    let name = match field.kind {
        FieldStateKind::Column(_) => name,
        _ => field.column.as_str(),
    };
    let (name, column) = (name.to_owned().leak(), field.column.clone().leak());
    Ok(FieldMeta {
        kind: FieldKind::Column(state.data_type(field)?),
        null: field.null,
        unique: field.unique,
        primary_key: field.primary_key,
        auto: field.auto,
        unsigned: field.unsigned,
        ..FieldMeta::of::<i64>().named(name, column)
    })
}
