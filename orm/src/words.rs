//! Querysets in words: for search forms, admin screens and command lines, where names are known at run time only.
//!
//! `Q::<Post>::parse("author__username__icontains", "al")` means what `q!(Post, author__username__icontains = "al")`
//! does, and `Order::<Post>::parse("-created_at")` what `Post::created_at.desc()` does. A name that is none is an
//! [`Error::UnknownName`] with what there is and what was probably meant; never a panic.
//!
//! Values come as [`Value`]s or as text, which is converted to the type of the column by the engine's cast.

use std::marker::PhantomData;

use nuages_engine::algebra::DatePart;
use nuages_storage::{DataType, Value};

use crate::error::{Error, Misuse, Result, UnknownName};
use crate::expression::Q;
use crate::meta::{FieldKind, FieldMeta, ModelMeta};
use crate::model::Model;
use crate::node::{FieldPath, Lookup, Node, Operator, Step};
use crate::order::Order;
use crate::queryset::state::OrderNode;
use crate::row::Selection;

/// Django's words for lookups.
const LOOKUPS: [(&str, Lookup); 17] = [
    ("exact", Lookup::Exact),
    ("iexact", Lookup::IExact),
    ("contains", Lookup::Contains),
    ("icontains", Lookup::IContains),
    ("startswith", Lookup::StartsWith),
    ("istartswith", Lookup::IStartsWith),
    ("endswith", Lookup::EndsWith),
    ("iendswith", Lookup::IEndsWith),
    ("gt", Lookup::Gt),
    ("gte", Lookup::Gte),
    ("lt", Lookup::Lt),
    ("lte", Lookup::Lte),
    ("in", Lookup::In),
    ("range", Lookup::Range),
    ("isnull", Lookup::IsNull),
    ("regex", Lookup::Regex),
    ("iregex", Lookup::IRegex),
];

/// Django's words for transforms, what they do, and the type of the result.
const TRANSFORMS: [(&str, Operator, DataType); 14] = [
    ("year", Operator::Extract(DatePart::Year), DataType::Integer),
    ("iso_year", Operator::Extract(DatePart::IsoYear), DataType::Integer),
    ("quarter", Operator::Extract(DatePart::Quarter), DataType::Integer),
    ("month", Operator::Extract(DatePart::Month), DataType::Integer),
    ("week", Operator::Extract(DatePart::Week), DataType::Integer),
    ("week_day", Operator::Extract(DatePart::WeekDay), DataType::Integer),
    ("iso_week_day", Operator::Extract(DatePart::IsoWeekDay), DataType::Integer),
    ("day", Operator::Extract(DatePart::Day), DataType::Integer),
    ("day_of_year", Operator::Extract(DatePart::DayOfYear), DataType::Integer),
    ("hour", Operator::Extract(DatePart::Hour), DataType::Integer),
    ("minute", Operator::Extract(DatePart::Minute), DataType::Integer),
    ("second", Operator::Extract(DatePart::Second), DataType::Integer),
    ("date", Operator::DateOf, DataType::Date),
    ("time", Operator::TimeOf, DataType::Time),
];

/// Where words have led so far.
struct Walk {
    path: FieldPath,
    /// The model a next name would be a field of.
    model: Option<&'static ModelMeta>,
    /// What the names mean, once a transform stands on the path.
    node: Option<Node>,
    /// The type of the value.
    data_type: Option<DataType>,
}

impl Walk {
    fn from(model: &'static ModelMeta) -> Walk {
        Walk { path: FieldPath::new(), model: Some(model), node: None, data_type: None }
    }

    /// Goes on by a name; whether it is one.
    fn step(&mut self, name: &str) -> bool {
        if let Some(model) = self.model {
            return self.field(model, name);
        }
        let transform = TRANSFORMS.iter().find(|(word, ..)| *word == name);
        let Some((_, operator, data_type)) = transform.filter(|_| self.takes_transform()) else {
            return false;
        };
        self.node = Some(Node::call(operator.clone(), [Node::Path(self.path.clone())]));
        self.data_type = Some(*data_type);
        true
    }

    /// Whether the value is a date or time, and no part of one.
    fn takes_transform(&self) -> bool {
        let is_time = matches!(self.data_type, Some(DataType::Date | DataType::Time | DataType::Timestamp));
        is_time && self.node.is_none()
    }

    /// A field of a model, or of the model that it extends.
    fn field(&mut self, model: &'static ModelMeta, name: &str) -> bool {
        if self.own_field(model, name) {
            return true;
        }
        let parent = model.parent.and_then(|parent| Some((parent, model.field(parent)?.related_model()?)));
        let Some((parent, extended)) = parent else { return false };
        let before = self.path.clone();
        self.path.push(Step::Field(parent));
        let is_field = self.field(extended, name);
        if !is_field {
            self.path = before;
        }
        is_field
    }

    /// A field of a model: by its name, as `pk`, or the bare key `author_id`.
    fn own_field(&mut self, model: &'static ModelMeta, name: &str) -> bool {
        let key = || {
            let field = model.field_index(name.strip_suffix("_id")?)?;
            matches!(model.field(field)?.kind, FieldKind::ForeignKey { .. }).then_some(field)
        };
        let (field, is_key) = match name {
            "pk" => (model.primary_key.first().copied(), false),
            name => match model.field_index(name) {
                Some(field) => (Some(field), false),
                None => (key(), true),
            },
        };
        let Some(meta) = field.and_then(|field| model.field(field)) else { return false };
        self.path.push(Step::Field(field.unwrap_or_default()));
        self.model = meta.related_model().filter(|_| !is_key);
        self.data_type = column_type(meta.kind);
        if is_key {
            self.path.push(Step::Key);
        }
        true
    }

    fn unknown(&self, name: &str) -> Error {
        let (within, choices): (String, Vec<String>) = match self.model {
            Some(model) => {
                (model.to_string(), model.fields.iter().map(|field| field.name.to_owned()).collect())
            }
            None => {
                let transforms = TRANSFORMS.iter().map(|(word, ..)| *word).filter(|_| self.takes_transform());
                let words = LOOKUPS.iter().map(|(word, _)| *word).chain(transforms);
                ("lookups".to_owned(), words.map(str::to_owned).collect())
            }
        };
        UnknownName::among(within, name, choices)
    }

    fn into_node(self) -> Node {
        self.node.unwrap_or(Node::Path(self.path))
    }
}

impl UnknownName {
    /// The error for a name that is none of these.
    pub(crate) fn among(within: String, name: &str, choices: Vec<String>) -> Error {
        let near = choices.iter().map(|choice| (strsim::levenshtein(name, choice), choice));
        let nearest = near.filter(|(distance, _)| *distance <= 2).min().map(|(_, choice)| choice.clone());
        Error::UnknownName(Box::new(UnknownName { within, name: name.to_owned(), nearest, choices }))
    }
}

/// The type of a column; of a key, that of the key on the other side.
pub(crate) fn column_type(kind: FieldKind) -> Option<DataType> {
    match kind {
        FieldKind::Column(data_type) => Some(data_type),
        _ => {
            let target = match kind {
                FieldKind::ForeignKey { target, .. } | FieldKind::ManyToMany { target, .. } => target(),
                FieldKind::Reverse { child, .. } => child(),
                FieldKind::Column(_) => return None,
            };
            column_type(target.field(*target.primary_key.first()?)?.kind)
        }
    }
}

/// A path in words, without a lookup: `author__username`.
pub(crate) fn path(model: &'static ModelMeta, words: &str) -> Result<Node> {
    walk(model, words).map(Walk::into_node)
}

fn walk(model: &'static ModelMeta, words: &str) -> Result<Walk> {
    let mut walk = Walk::from(model);
    for name in words.split("__") {
        if !walk.step(name) {
            return Err(walk.unknown(name));
        }
    }
    Ok(walk)
}

/// A sort key in words: a path, and perhaps a minus before it.
pub(crate) fn order(model: &'static ModelMeta, words: &str) -> Result<OrderNode> {
    let (words, descending) = match words.strip_prefix('-') {
        Some(words) => (words, true),
        None => (words, false),
    };
    Ok(OrderNode { node: path(model, words)?, descending, nulls_first: None })
}

/// A column of the model itself by the name of its field: `title`, `pk`, and for a key `author` or `author_id`.
pub(crate) fn own_column(model: &'static ModelMeta, name: &str) -> Result<u16> {
    let mut walk = Walk::from(model);
    if walk.own_field(model, name)
        && let Some(Step::Field(field)) = walk.path.steps().first()
        && model.field(*field).is_some_and(FieldMeta::is_column)
    {
        return Ok(*field);
    }
    let columns = model.columns().map(|(_, field)| field.name.to_owned()).collect();
    Err(UnknownName::among(model.to_string(), name, columns))
}

/// [`own_column`] of what is written into stored rows: a key goes by its own name there, and not as `pk`.
pub(crate) fn written_column(model: &'static ModelMeta, name: &str) -> Result<u16> {
    match own_column(model, name) {
        Ok(_) if name == "pk" && model.field_index("pk").is_none() => {
            let columns = model.columns().map(|(_, field)| field.name.to_owned()).collect();
            Err(UnknownName::among(model.to_string(), name, columns))
        }
        found => found,
    }
}

/// Whether what a path leads to is among these.
pub(crate) fn among(model: &'static ModelMeta, words: &str, values: &[Value]) -> Result<Node> {
    let walk = walk(model, words)?;
    let data_type = walk.data_type;
    let values = values.iter().map(|value| typed(value.clone(), data_type));
    let operands = std::iter::once(walk.into_node()).chain(values).collect();
    Ok(Node::Call(Operator::Lookup(Lookup::In), operands))
}

/// A condition in words: a path, and perhaps a lookup.
pub(crate) fn condition(model: &'static ModelMeta, words: &str, value: Value) -> Result<Node> {
    let mut walk = Walk::from(model);
    let mut names = words.split("__").peekable();
    let mut lookup = Lookup::Exact;
    while let Some(name) = names.next() {
        let started = !walk.path.steps().is_empty();
        if walk.step(name) {
            continue;
        }
        match LOOKUPS.iter().find(|(word, _)| *word == name) {
            Some((_, found)) if started && names.peek().is_none() => lookup = *found,
            _ => return Err(walk.unknown(name)),
        }
    }
    let data_type = walk.data_type;
    let mut operands = vec![walk.into_node()];
    operands.extend(values(lookup, value, data_type));
    if lookup == Lookup::Range && operands.len() != 3 {
        return Err(Misuse::Other("a range is two values, separated by a comma").into());
    }
    if lookup == Lookup::IsNull && !matches!(operands[1..], [Node::Value(Value::Bool(_))]) {
        return Err(Misuse::Other("isnull is true or false").into());
    }
    Ok(Node::Call(Operator::Lookup(lookup), operands.into()))
}

/// What a value given as text means for a lookup: a list of them for `in` and `range`, separated by commas.
fn values(lookup: Lookup, value: Value, data_type: Option<DataType>) -> Vec<Node> {
    let is_search = matches!(
        lookup,
        Lookup::IExact
            | Lookup::Contains
            | Lookup::IContains
            | Lookup::StartsWith
            | Lookup::IStartsWith
            | Lookup::EndsWith
            | Lookup::IEndsWith
            | Lookup::Regex
            | Lookup::IRegex
    );
    match (lookup, value) {
        (Lookup::IsNull, Value::Text(text)) => {
            vec![Node::Value(Value::Bool(!matches!(text.as_str(), "" | "0" | "false" | "False")))]
        }
        (Lookup::In | Lookup::Range, Value::Text(text)) => {
            text.split(',').map(|part| typed(Value::from(part.trim()), data_type)).collect()
        }
        (Lookup::IsNull, value) => vec![Node::Value(value)],
        (_, value) if is_search => vec![Node::Value(value)],
        (_, value) => vec![typed(value, data_type)],
    }
}

/// Text for a column that is none is converted.
fn typed(value: Value, data_type: Option<DataType>) -> Node {
    match (&value, data_type) {
        (Value::Text(_), Some(data_type)) if !matches!(data_type, DataType::Text { .. }) => {
            Node::call(Operator::Cast(data_type), [Node::Value(value)])
        }
        _ => Node::Value(value),
    }
}

impl<M: Model> Q<M> {
    /// A condition in Django's words.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub created: DateTime }
    /// # fn main() -> nuages::Result<()> {
    /// let db = App::new().models((Post::app(),)).open_memory()?;
    /// let mut found = Q::<Post>::all();
    /// for (words, value) in [("title__icontains", "go"), ("created__year__gte", "2024")] {
    ///     found &= Q::parse(words, value)?;
    /// }
    /// assert_eq!(Post::objects().filter(found).count(&db)?, 0);
    /// assert!(Q::<Post>::parse("titel", "x").is_err_and(|error| error.to_string().contains("title")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownName`]. A text that is no value of the column's type is told by the verb.
    pub fn parse(words: &str, value: impl Into<Value>) -> Result<Q<M>> {
        condition(M::meta(), words, value.into()).map(Q::new)
    }
}

impl FieldPath {
    /// A path in Django's words, from a model to a field or a relation: `author__username`, `tags`, `author_id`.
    ///
    /// ```
    /// use nuages::node::FieldPath;
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub username: String }
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
    /// let path = FieldPath::parse(Post::meta(), "author__username")?;
    /// assert_eq!(path.last_field(Post::meta()).map(|field| field.column), Some("username"));
    /// assert!(FieldPath::parse(Post::meta(), "author__usernme").is_err());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownName`]; also for a transform, such as `created_at__year`, which is no field.
    pub fn parse(model: &'static ModelMeta, words: &str) -> Result<FieldPath> {
        let mut walk = Walk::from(model);
        for name in words.split("__") {
            let is_field = walk.model.is_some() && walk.step(name);
            if !is_field {
                return Err(walk.unknown(name));
            }
        }
        Ok(walk.path)
    }
}

impl<M: Model> Order<M> {
    /// A sort key in Django's words: `created_at`, `-author__username`.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn parse(words: &str) -> Result<Order<M>> {
        order(M::meta(), words).map(Order::from_node)
    }
}

/// Fields of a model by their names: what `save_fields` and `bulk_update` take where a program learns the names when it
/// runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields<M> {
    nodes: Vec<Node>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Fields<M> {
    /// The fields with these names, which have columns and are no keys of the row.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub body: String }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// let mut post = Post::objects().create(new!(Post { title: "a", body: "b" }), &db)?;
    /// (post.title, post.body) = ("c".into(), "d".into());
    /// post.save_fields(Fields::parse(["title"])?, &db)?;
    /// post.refresh(&db)?;
    /// assert_eq!((post.title.as_str(), post.body.as_str()), ("c", "b"));
    /// assert!(Fields::<Post>::parse(["titel"]).is_err_and(|error| error.to_string().contains("title")));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn parse<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<Fields<M>> {
        let model = M::meta();
        let nodes = names.into_iter().map(|name| {
            let field = written_column(model, name.as_ref())?;
            if model.primary_key.contains(&field) {
                let others = model.columns().filter(|(_, field)| !field.primary_key);
                let others = others.map(|(_, field)| field.name.to_owned()).collect();
                return Err(UnknownName::among(model.to_string(), name.as_ref(), others));
            }
            Ok(Node::Path(FieldPath::field(field)))
        });
        Ok(Fields { nodes: nodes.collect::<Result<_>>()?, model: PhantomData })
    }
}

impl<M> Selection<M> for Fields<M> {
    fn collect(self, nodes: &mut Vec<Node>) {
        nodes.extend(self.nodes);
    }
}
