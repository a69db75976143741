//! One step of a migration, as data, and how it reads.

use std::{fmt, sync::Arc};

use indexmap::IndexMap;

use super::{
    historical::Historical,
    state::{
        ConstraintState, FieldState, FieldStateKind, IndexPart, IndexState, ModelState, ProjectState, RowExpr,
    },
};
use crate::error::{Error, Misuse, Result, UnknownName};

/// A step of a migration. Models are named by their labels.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A model comes, with its table.
    CreateModel(ModelState),
    /// A model goes, with its rows.
    DeleteModel {
        /// Its label.
        model: String,
    },
    /// A model gets another name, and its table too, unless that has one of its own. What leads to the model goes on
    /// doing so; only generic keys, which hold its label as a value, are left to code. To find the rest of what
    /// changed, [`change`](Operation::change) the state by it before [`changes`](super::changes) are asked for.
    ///
    /// ```
    /// use nuages::migrate::{ModelState, Operation, ProjectState, changes};
    /// let mut state = ProjectState::from_models([ModelState::with_id("app", "Entry")]);
    /// let after = ProjectState::from_models([ModelState::with_id("app", "Post")]);
    /// let renamed = Operation::RenameModel { model: "app.Entry".into(), name: "Post".into() };
    /// assert_eq!(renamed.to_string(), "Rename model Entry to Post");
    /// renamed.change(&mut state)?;
    /// assert!(changes(&state, &after, &[]).is_empty());
    /// # Ok::<(), nuages::Error>(())
    /// ```
    RenameModel {
        /// Its label until now.
        model: String,
        /// Its name from now on.
        name: String,
    },
    /// A field comes. Rows that are there get its default.
    AddField {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
        /// What it is.
        field: FieldState,
    },
    /// A field goes, with its values.
    RemoveField {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
    },
    /// A field becomes another under the same name.
    AlterField {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
        /// What it becomes.
        field: FieldState,
    },
    /// A field gets another name, and its column too.
    RenameField {
        /// Of which model.
        model: String,
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// A model's table gets another name.
    RenameTable {
        /// Which model.
        model: String,
        /// The new name.
        table: String,
    },
    /// What a model says of itself changes; no table does.
    AlterOptions {
        /// Which model.
        model: String,
        /// What it says now.
        options: IndexMap<String, String>,
    },
    /// Other sets of fields are unique together.
    AlterUniqueTogether {
        /// Of which model.
        model: String,
        /// All of them.
        sets: Vec<Vec<String>>,
    },
    /// An index comes.
    AddIndex {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
        /// What it is over.
        index: IndexState,
    },
    /// An index goes.
    RemoveIndex {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
    },
    /// A constraint comes.
    AddConstraint {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
        /// What it demands.
        constraint: ConstraintState,
    },
    /// A constraint goes.
    RemoveConstraint {
        /// Of which model.
        model: String,
        /// Its name.
        name: String,
    },
    /// Code over the models as they are at this point.
    Run(Code),
}

/// Code over historical models.
type Step = Arc<dyn Fn(&Historical<'_>) -> Result<()> + Send + Sync>;

/// What a data migration does, and what it does on the way back.
#[derive(Clone)]
pub struct Code {
    pub(super) forwards: Step,
    /// None if there is no way back.
    pub(super) backwards: Option<Step>,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl Operation {
    /// Code that changes rows; there is no way back past it.
    pub fn run(forwards: impl Fn(&Historical<'_>) -> Result<()> + Send + Sync + 'static) -> Operation {
        Operation::Run(Code { forwards: Arc::new(forwards), backwards: None })
    }

    /// Code that changes rows, and code that undoes it.
    pub fn run_both(
        forwards: impl Fn(&Historical<'_>) -> Result<()> + Send + Sync + 'static,
        backwards: impl Fn(&Historical<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Operation {
        Operation::Run(Code { forwards: Arc::new(forwards), backwards: Some(Arc::new(backwards)) })
    }

    /// What undoes it, where the models were these before it.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Misuse::Other`] for code without a way back.
    pub fn reversed(&self, before: &ProjectState) -> Result<Operation> {
        let model = |label: &String| before.model(label).cloned();
        Ok(match self {
            Operation::CreateModel(created) => Operation::DeleteModel { model: created.label() },
            Operation::DeleteModel { model: label } => Operation::CreateModel(model(label)?),
            Operation::RenameModel { model: label, name } => {
                let old = model(label)?;
                let renamed = ModelState { name: name.clone(), ..old.clone() };
                Operation::RenameModel { model: renamed.label(), name: old.name }
            }
            Operation::AddField { model, name, .. } => {
                Operation::RemoveField { model: model.clone(), name: name.clone() }
            }
            Operation::RemoveField { model: label, name } => {
                let field = model(label)?.field_named(name)?.clone();
                Operation::AddField { model: label.clone(), name: name.clone(), field }
            }
            Operation::AlterField { model: label, name, .. } => {
                let field = model(label)?.field_named(name)?.clone();
                Operation::AlterField { model: label.clone(), name: name.clone(), field }
            }
            Operation::RenameField { model, from, to } => {
                Operation::RenameField { model: model.clone(), from: to.clone(), to: from.clone() }
            }
            Operation::RenameTable { model: label, .. } => {
                Operation::RenameTable { model: label.clone(), table: model(label)?.table }
            }
            Operation::AlterOptions { model: label, .. } => {
                Operation::AlterOptions { model: label.clone(), options: model(label)?.options }
            }
            Operation::AlterUniqueTogether { model: label, .. } => {
                Operation::AlterUniqueTogether { model: label.clone(), sets: model(label)?.unique_together }
            }
            Operation::AddIndex { model, name, .. } => {
                Operation::RemoveIndex { model: model.clone(), name: name.clone() }
            }
            Operation::RemoveIndex { model: label, name } => {
                let known = model(label)?;
                let index = known.indexes.get(name).cloned();
                let index = index.ok_or_else(|| {
                    UnknownName::among(label.clone(), name, known.indexes.keys().cloned().collect())
                })?;
                Operation::AddIndex { model: label.clone(), name: name.clone(), index }
            }
            Operation::AddConstraint { model, name, .. } => {
                Operation::RemoveConstraint { model: model.clone(), name: name.clone() }
            }
            Operation::RemoveConstraint { model: label, name } => {
                let known = model(label)?;
                let constraint = known.constraints.get(name).cloned();
                let constraint = constraint.ok_or_else(|| {
                    UnknownName::among(label.clone(), name, known.constraints.keys().cloned().collect())
                })?;
                Operation::AddConstraint { model: label.clone(), name: name.clone(), constraint }
            }
            Operation::Run(Code { forwards, backwards }) => {
                let back =
                    backwards.clone().ok_or(Misuse::Other("the code of a migration has no way back"))?;
                Operation::Run(Code { forwards: back, backwards: Some(forwards.clone()) })
            }
        })
    }

    /// The label of the model that it is about, if it is about one.
    pub(super) fn model(&self) -> Option<String> {
        match self {
            Operation::CreateModel(created) => Some(created.label()),
            Operation::DeleteModel { model }
            | Operation::RenameModel { model, .. }
            | Operation::AddField { model, .. }
            | Operation::RemoveField { model, .. }
            | Operation::AlterField { model, .. }
            | Operation::RenameField { model, .. }
            | Operation::RenameTable { model, .. }
            | Operation::AlterOptions { model, .. }
            | Operation::AlterUniqueTogether { model, .. }
            | Operation::AddIndex { model, .. }
            | Operation::RemoveIndex { model, .. }
            | Operation::AddConstraint { model, .. }
            | Operation::RemoveConstraint { model, .. } => Some(model.clone()),
            Operation::Run(_) => None,
        }
    }

    /// What the models are after it.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a model or field that is not there; [`Misuse::NameTaken`] for a new one that is.
    pub fn change(&self, state: &mut ProjectState) -> Result<()> {
        match self {
            Operation::CreateModel(model) => {
                expect_new(&state.models, &model.label())?;
                state.models.insert(model.label(), model.clone());
            }
            Operation::DeleteModel { model } => {
                model_in(state, model)?;
                state.models.shift_remove(model);
            }
            Operation::RenameModel { model, name } => rename_model(state, model, name)?,
            Operation::AddField { model, name, field } => {
                let model = model_in(state, model)?;
                expect_new(&model.fields, name)?;
                model.fields.insert(name.clone(), field.clone());
            }
            Operation::AlterField { model, name, field } => {
                let model = model_in(state, model)?;
                let column = model.field_named(name)?.column.clone();
                model.rename_column(&column, &field.column);
                model.fields.insert(name.clone(), field.clone());
            }
            Operation::RemoveField { model, name } => {
                let model = model_in(state, model)?;
                model.field_named(name)?;
                model.fields.shift_remove(name);
            }
            Operation::RenameField { model, from, to } => {
                let model = model_in(state, model)?;
                let mut field = model.field_named(from)?.clone();
                if from != to {
                    expect_new(&model.fields, to)?;
                }
                let column = renamed(&field.column, from, to);
                model.rename_column(&field.column, &column);
                field.column = column;
                for name in model.unique_together.iter_mut().flatten().filter(|name| *name == from) {
                    name.clone_from(to);
                }
                let place = model.fields.get_index_of(from).unwrap_or_default();
                model.fields.shift_remove(from);
                model.fields.shift_insert(place, to.clone(), field);
            }
            Operation::RenameTable { model, table } => model_in(state, model)?.table.clone_from(table),
            Operation::AlterOptions { model, options } => model_in(state, model)?.options.clone_from(options),
            Operation::AlterUniqueTogether { model, sets } => {
                model_in(state, model)?.unique_together.clone_from(sets);
            }
            Operation::AddIndex { model, name, index } => {
                model_in(state, model)?.indexes.insert(name.clone(), index.clone());
            }
            Operation::RemoveIndex { model, name } => {
                model_in(state, model)?.indexes.shift_remove(name);
            }
            Operation::AddConstraint { model, name, constraint } => {
                model_in(state, model)?.constraints.insert(name.clone(), constraint.clone());
            }
            Operation::RemoveConstraint { model, name } => {
                model_in(state, model)?.constraints.shift_remove(name);
            }
            Operation::Run(_) => {}
        }
        Ok(())
    }
}

impl ModelState {
    /// What is said of a column is said of it under another name.
    fn rename_column(&mut self, from: &str, to: &str) {
        let of_index = |index: &mut IndexState| {
            index.parts.iter_mut().for_each(|part| part.key.rename(from, to));
            index.condition.iter_mut().for_each(|condition| condition.rename(from, to));
        };
        self.indexes.values_mut().for_each(of_index);
        let computed = self.fields.values_mut().filter_map(|field| field.generated.as_mut());
        computed.for_each(|value| value.rename(from, to));
        for constraint in self.constraints.values_mut() {
            let rename = |expr: &mut RowExpr| expr.rename(from, to);
            match constraint {
                ConstraintState::Check(condition) => rename(condition),
                ConstraintState::Unique { parts, condition, .. } => {
                    parts.iter_mut().chain(condition).for_each(rename);
                }
            }
        }
    }
}

/// The column of a field that gets another name: a column of its own name follows it.
pub(super) fn renamed(column: &str, from: &str, to: &str) -> String {
    match column.strip_prefix(from) {
        Some(rest @ ("" | "_id")) => [to, rest].concat(),
        _ => column.to_owned(),
    }
}

/// Refuses a name that another has.
fn expect_new<T>(known: &IndexMap<String, T>, name: &str) -> Result<()> {
    match known.contains_key(name) {
        true => Err(Misuse::NameTaken { name: name.into() }.into()),
        false => Ok(()),
    }
}

/// Gives a model another name, and what leads to it.
fn rename_model(state: &mut ProjectState, label: &str, name: &str) -> Result<()> {
    let mut model = model_in(state, label)?.clone();
    let is_named_after = model.table == ModelState::new(&model.app, &model.name).table;
    name.clone_into(&mut model.name);
    if is_named_after {
        model.table = ModelState::new(&model.app, name).table;
    }
    let renamed = model.label();
    if renamed != label {
        expect_new(&state.models, &renamed)?;
    }
    let place = state.models.get_index_of(label).unwrap_or_default();
    state.models.shift_remove(label);
    state.models.shift_insert(place, renamed.clone(), model);
    for field in state.models.values_mut().flat_map(|model| model.fields.values_mut()) {
        match &mut field.kind {
            FieldStateKind::ForeignKey { to, .. } | FieldStateKind::ManyToMany { to } if *to == label => {
                to.clone_from(&renamed);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A model of a state.
fn model_in<'s>(state: &'s mut ProjectState, label: &str) -> Result<&'s mut ModelState> {
    let known: Vec<String> = state.models.keys().cloned().collect();
    let unknown = || UnknownName::among("models".into(), label, known);
    state.models.get_mut(label).ok_or_else(unknown)
}

impl ProjectState {
    /// A model by its label.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn model(&self, label: &str) -> Result<&ModelState> {
        let unknown = || UnknownName::among("models".into(), label, self.models.keys().cloned().collect());
        self.models.get(label).ok_or_else(unknown)
    }
}

impl ModelState {
    /// A field by its name.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn field_named(&self, name: &str) -> Result<&FieldState, Error> {
        let unknown = || UnknownName::among(self.label(), name, self.fields.keys().cloned().collect());
        self.fields.get(name).ok_or_else(unknown)
    }
}

/// `blog.Post` as Django names it in its sentences: `post`.
fn lower(label: &str) -> String {
    label.rsplit('.').next().unwrap_or_default().to_lowercase()
}

/// In Django's words.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::CreateModel(model) => write!(f, "Create model {}", model.name),
            Operation::DeleteModel { model } => {
                write!(f, "Delete model {}", model.rsplit('.').next().unwrap_or_default())
            }
            Operation::RenameModel { model, name } => {
                write!(f, "Rename model {} to {name}", model.rsplit('.').next().unwrap_or_default())
            }
            Operation::AddField { model, name, .. } => write!(f, "Add field {name} to {}", lower(model)),
            Operation::RemoveField { model, name } => write!(f, "Remove field {name} from {}", lower(model)),
            Operation::AlterField { model, name, .. } => write!(f, "Alter field {name} on {}", lower(model)),
            Operation::RenameField { model, from, to } => {
                write!(f, "Rename field {from} on {} to {to}", lower(model))
            }
            Operation::RenameTable { model, table } => {
                write!(f, "Rename table for {} to {table}", lower(model))
            }
            Operation::AlterOptions { model, .. } => write!(f, "Change Meta options on {}", lower(model)),
            Operation::AlterUniqueTogether { model, sets } => {
                write!(f, "Alter unique_together for {} ({} constraint(s))", lower(model), sets.len())
            }
            Operation::AddIndex { model, name, index } => {
                let field = |part: &IndexPart| {
                    let minus = if part.descending { "-" } else { "" };
                    part.key.as_column().map(|column| [minus, column].concat())
                };
                match index.parts.iter().map(field).collect::<Option<Vec<_>>>() {
                    Some(fields) => {
                        let fields = fields.join(", ");
                        write!(f, "Create index {name} on field(s) {fields} of model {}", lower(model))
                    }
                    None => write!(f, "Create index {name} on expressions of model {}", lower(model)),
                }
            }
            Operation::RemoveIndex { model, name } => write!(f, "Remove index {name} from {}", lower(model)),
            Operation::AddConstraint { model, name, .. } => {
                write!(f, "Create constraint {name} on model {}", lower(model))
            }
            Operation::RemoveConstraint { model, name } => {
                write!(f, "Remove constraint {name} from model {}", lower(model))
            }
            Operation::Run(_) => f.write_str("Raw Rust operation"),
        }
    }
}
