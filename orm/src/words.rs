//! Querysets in words: for search forms, admin screens and command lines, where names are known at run time only.
//!
//! `Q::<Post>::parse("author__username__icontains", "al")` means what `q!(Post, author__username__icontains = "al")`
//! does, and `Order::<Post>::parse("-created_at")` what `Post::created_at.desc()` does. A name that is none is an
//! [`Error::UnknownName`] with what there is and what was probably meant; never a panic.
//!
//! Values come as [`Value`]s or as text, which is read as the type of the column: dates and times
//! in the forms that Django takes, all else by the engine's cast.
//!
//! Order of reading: this file (paths), `lookup` (conditions), `reading` (values), `vocabulary` (words that a program
//! adds).

mod lookup;
pub(crate) mod reading;
pub(crate) mod vocabulary;

use std::marker::PhantomData;

use nuages_engine::algebra::DatePart;
use nuages_storage::{DataType, Value};

use crate::error::{Error, Result, UnknownName};
use crate::expression::{Q, json};
use crate::meta::{FieldKind, FieldMeta, ModelMeta};
use crate::model::Model;
use crate::node::{DEPTH_MAX, FieldPath, Node, Operator, Step, too_deep};
use crate::order::Order;
use crate::queryset::state::OrderNode;
use crate::row::Selection;

pub(crate) use lookup::{among, condition, in_query, lookup_name};
pub(crate) use vocabulary::Vocabulary;

/// Django's words for transforms, what they do, the type of the result, and whether they are of the day or of the time
/// of day.
const TRANSFORMS: [(&str, Operator, DataType, Of); 14] = [
    ("year", Operator::Extract(DatePart::Year), DataType::Integer, Of::Day),
    ("iso_year", Operator::Extract(DatePart::IsoYear), DataType::Integer, Of::Day),
    ("quarter", Operator::Extract(DatePart::Quarter), DataType::Integer, Of::Day),
    ("month", Operator::Extract(DatePart::Month), DataType::Integer, Of::Day),
    ("week", Operator::Extract(DatePart::Week), DataType::Integer, Of::Day),
    ("week_day", Operator::Extract(DatePart::WeekDay), DataType::Integer, Of::Day),
    ("iso_week_day", Operator::Extract(DatePart::IsoWeekDay), DataType::Integer, Of::Day),
    ("day", Operator::Extract(DatePart::Day), DataType::Integer, Of::Day),
    ("day_of_year", Operator::Extract(DatePart::DayOfYear), DataType::Integer, Of::Day),
    ("hour", Operator::Extract(DatePart::Hour), DataType::Integer, Of::Clock),
    ("minute", Operator::Extract(DatePart::Minute), DataType::Integer, Of::Clock),
    ("second", Operator::Extract(DatePart::Second), DataType::Integer, Of::Clock),
    ("date", Operator::DateOf, DataType::Date, Of::Instant),
    ("time", Operator::TimeOf, DataType::Time, Of::Instant),
];

/// What a transform is of.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// What has a day.
    Day,
    /// What has a time of day.
    Clock,
    /// What has both.
    Instant,
}

impl Of {
    fn takes(self, data_type: Option<DataType>) -> bool {
        match data_type {
            Some(DataType::Timestamp) => true,
            Some(DataType::Date) => self == Of::Day,
            Some(DataType::Time) => self == Of::Clock,
            _ => false,
        }
    }
}

/// The word for a transform of the date or time that an operator is.
pub(crate) fn transform_name(operator: &Operator) -> Option<&'static str> {
    TRANSFORMS.iter().find(|(_, known, ..)| known == operator).map(|(word, ..)| *word)
}

/// Where words have led so far.
struct Walk<'v> {
    vocabulary: &'v Vocabulary,
    path: FieldPath,
    /// The model a next name would be a field of.
    model: Option<&'static ModelMeta>,
    /// What the names mean, once a transform stands on the path.
    node: Option<Node>,
    /// The type of the value.
    data_type: Option<DataType>,
    /// The last field, and whose it is.
    field: Option<(&'static ModelMeta, &'static str)>,
}

impl<'v> Walk<'v> {
    fn from(model: &'static ModelMeta, vocabulary: &'v Vocabulary) -> Walk<'v> {
        Walk {
            vocabulary,
            path: FieldPath::new(),
            model: Some(model),
            node: None,
            data_type: None,
            field: None,
        }
    }

    /// Goes on by a name; whether it is one.
    fn step(&mut self, name: &str) -> bool {
        if let Some(model) = self.model {
            return self.field(model, name);
        }
        if let Some(transform) = self.vocabulary.transform(name, self.data_type) {
            let value = self.value();
            self.node = Some(transform.of(value));
            self.data_type = Some(transform.to());
            return true;
        }
        if self.data_type == Some(DataType::Json) && !name.is_empty() {
            self.node = Some(json::member_named(self.value(), name));
            return true;
        }
        let transform = TRANSFORMS.iter().find(|(word, .., of)| *word == name && of.takes(self.data_type));
        let Some((_, operator, data_type, _)) = transform else { return false };
        self.node = Some(Node::call(operator.clone(), [self.value()]));
        self.data_type = Some(*data_type);
        true
    }

    /// What the names mean so far.
    fn value(&self) -> Node {
        self.node.clone().unwrap_or_else(|| Node::Path(self.path.clone()))
    }

    /// A field of a model, or of the model that it extends.
    fn field(&mut self, model: &'static ModelMeta, name: &str) -> bool {
        if self.own_field(model, name) || self.way(model, name) {
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

    /// The rows of another model, by a way that no field declares.
    fn way(&mut self, model: &'static ModelMeta, name: &str) -> bool {
        let Some(way) = self.vocabulary.way(model, name) else { return false };
        let key = way.target.primary_key.first().and_then(|key| way.target.field(*key));
        self.path.push(way.step);
        self.model = Some(way.target);
        self.data_type = key.and_then(|key| column_type(key.kind));
        self.field = Some(way.field);
        true
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
        if matches!(meta.kind, FieldKind::Generic) {
            // It leads to rows of any model, so nothing can be asked of it by its name; see `way`.
            return false;
        }
        self.path.push(Step::Field(field.unwrap_or_default()));
        self.model = meta.related_model().filter(|_| !is_key);
        self.data_type = column_type(meta.kind);
        self.field = Some((model, meta.name));
        if is_key {
            self.path.push(Step::Key);
        }
        true
    }

    /// The error for a name that is none here: of a relation, no field of its model; of a value, no lookup.
    fn unknown(&self, name: &str) -> Error {
        match self.model {
            Some(model) => {
                let named = model.fields.iter().filter(|field| !matches!(field.kind, FieldKind::Generic));
                let ways = self.vocabulary.ways(model).map(|way| way.name);
                let choices = named.map(|field| field.name.to_owned()).chain(ways).collect();
                UnknownName::among(model.to_string(), name, choices)
            }
            None => self.unknown_lookup(name),
        }
    }

    /// The error for a lookup that the field has not.
    fn unknown_lookup(&self, name: &str) -> Error {
        let transforms =
            TRANSFORMS.iter().filter(|(.., of)| of.takes(self.data_type) && self.model.is_none());
        let transforms = transforms.map(|(word, ..)| *word).chain(self.vocabulary.names(self.data_type));
        let words = lookup::words_for(self.data_type, self.model.is_some()).chain(transforms);
        let within = self.field.map_or_else(String::new, |(model, field)| format!("{model}.{field}"));
        UnknownName::among(within, name, words.map(str::to_owned).collect())
    }

    /// The error for more names than levels may lie within each other.
    fn bounded(&self) -> Result<()> {
        let levels = self.path.steps().len().max(self.node.as_ref().map_or(0, Node::depth));
        if levels < DEPTH_MAX { Ok(()) } else { Err(too_deep()) }
    }

    fn into_node(self) -> Node {
        self.node.unwrap_or(Node::Path(self.path))
    }
}

impl UnknownName {
    /// The error for a name that is none of these.
    pub(crate) fn among(within: String, name: &str, choices: Vec<String>) -> Error {
        // Who names no app means any.
        let compared = |choice: &'_ String| match choice.rsplit_once('.') {
            Some((_, last)) if !name.contains('.') => strsim::osa_distance(name, last),
            _ => strsim::osa_distance(name, choice),
        };
        // Of a short name two letters are all of it.
        let is_near = |distance: usize| distance <= 2 && distance * 2 < name.len();
        let near = choices.iter().map(|choice| (compared(choice), choice));
        let nearest = near.filter(|(distance, _)| is_near(*distance)).min().map(|(_, choice)| choice.clone());
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
                FieldKind::Column(_) | FieldKind::Generic => return None,
            };
            column_type(target.field(*target.primary_key.first()?)?.kind)
        }
    }
}

/// What a path in words leads to, and its type.
pub(crate) fn value(
    model: &'static ModelMeta,
    vocabulary: &Vocabulary,
    words: &str,
) -> Result<(Node, Option<DataType>)> {
    let walk = walk(model, vocabulary, words)?;
    let data_type = walk.data_type;
    Ok((walk.into_node(), data_type))
}

/// A path in words, without a lookup: `author__username`.
pub(crate) fn path(model: &'static ModelMeta, vocabulary: &Vocabulary, words: &str) -> Result<Node> {
    walk(model, vocabulary, words).map(Walk::into_node)
}

fn walk<'v>(model: &'static ModelMeta, vocabulary: &'v Vocabulary, words: &str) -> Result<Walk<'v>> {
    let mut walk = Walk::from(model, vocabulary);
    for name in words.split("__") {
        if !walk.step(name) {
            return Err(walk.unknown(name));
        }
        walk.bounded()?;
    }
    Ok(walk)
}

/// A sort key in words: a path, and perhaps a minus before it.
pub(crate) fn order(model: &'static ModelMeta, vocabulary: &Vocabulary, words: &str) -> Result<OrderNode> {
    if words == "?" {
        return Ok(OrderNode::random());
    }
    let (words, descending) = match words.strip_prefix('-') {
        Some(words) => (words, true),
        None => (words, false),
    };
    Ok(OrderNode { node: path(model, vocabulary, words)?, descending, nulls_first: None })
}

/// A column of the model itself by the name of its field: `title`, `pk`, and for a key `author` or `author_id`.
pub(crate) fn own_column(model: &'static ModelMeta, name: &str) -> Result<u16> {
    let mut walk = Walk::from(model, Vocabulary::none());
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

/// [`written_column`] of a model or of what it extends, and the way to the model that has it.
pub(crate) fn written_place(
    model: &'static ModelMeta,
    name: &str,
) -> Result<(FieldPath, &'static ModelMeta, u16)> {
    let (mut above, mut owner) = (FieldPath::new(), model);
    loop {
        let unknown = match written_column(owner, name) {
            Ok(field) => return Ok((above, owner, field)),
            Err(unknown) => unknown,
        };
        let parent = owner.parent.map(Step::Field);
        match parent.and_then(|step| Some((step, step.target(owner)?))) {
            Some((step, extended)) => {
                above.push(step);
                owner = extended;
            }
            None if owner == model => return Err(unknown),
            None => return written_column(model, name).map(|field| (FieldPath::new(), model, field)),
        }
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
    /// [`Error::UnknownName`]; [`Error::Misuse`] of a text that is no value of the column's type, or of a lookup
    /// that takes something else; the engine's `TooDeep` for more names than the levels that a statement may have.
    pub fn parse(words: &str, value: impl Into<Value>) -> Result<Q<M>> {
        condition(M::meta(), Vocabulary::none(), words, value.into()).map(Q::new)
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
        let mut walk = Walk::from(model, Vocabulary::none());
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
        order(M::meta(), Vocabulary::none(), words).map(Order::from_node)
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

#[diagnostic::do_not_recommend]
impl<M> Selection<M> for Fields<M> {
    fn collect(self, nodes: &mut Vec<Node>) {
        nodes.extend(self.nodes);
    }
}
