//! What makes no sense, whatever the database holds: names that resolve to nothing, and calls that others exclude.

use nuages_storage::DataType;

use super::Error;

/// A name that resolves to nothing. See [`Error::UnknownName`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// Where it was looked up: a model's name, or a field's.
    pub within: String,
    /// The name.
    pub name: String,
    /// The one that was probably meant.
    pub nearest: Option<String>,
    /// What there is.
    pub choices: Vec<String>,
}

/// What makes no sense, whatever the database holds. Builders never fail; the verb that runs tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// A call that a slice, a combination or another row shape forbids.
    NotAllowed {
        /// The call: `filter`.
        call: &'static str,
        /// What stands before it: `a slice`.
        after: &'static str,
    },
    /// A call that needs something to order by, and nothing was given.
    NoOrdering {
        /// The call.
        call: &'static str,
    },
    /// An aggregate of an aggregate that is no annotation.
    NestedAggregate {
        /// The outer one: `max`.
        function: &'static str,
        /// The inner one: its name, or what it computes.
        of: String,
    },
    /// A window function where there are no rows around a row, as in `update`, in an aggregate or in another one.
    WindowHere {
        /// Where.
        place: &'static str,
    },
    /// A condition that every row meets, where only a choice makes sense.
    EmptyCondition {
        /// The call: `when`.
        call: &'static str,
    },
    /// An argument of a function that is too small.
    BelowLeast {
        /// The function.
        call: &'static str,
        /// Which of its arguments.
        argument: &'static str,
        /// The least that makes sense.
        least: i64,
        /// What it was given.
        given: i64,
    },
    /// A name that no function of the engine has.
    UnknownFunction {
        /// The name.
        name: &'static str,
    },
    /// A function with too few arguments.
    TooFew {
        /// The function.
        call: &'static str,
        /// How many it takes at least.
        least: usize,
        /// How many it was given.
        given: usize,
    },
    /// A value of `alias`, which is in no row, was asked for by its name.
    AliasNotSelected {
        /// The name.
        name: String,
    },
    /// An aggregate where rows are not grouped, as in `update`.
    AggregateHere {
        /// Where.
        place: &'static str,
    },
    /// A relation where only columns of the model itself may stand, as in `update`.
    JoinHere {
        /// Where.
        place: &'static str,
    },
    /// A column where there is no row yet that has one, as in `insert_set`.
    ColumnHere {
        /// Where.
        place: &'static str,
    },
    /// An expression where only the names of fields may stand.
    FieldsHere {
        /// Where.
        place: &'static str,
    },
    /// Rows in conflict are to be updated, and no field is named that they get.
    NothingToUpdate,
    /// Batches of no row.
    EmptyBatches,
    /// A reference to the query outside, of a query that stands in no other or in one of another model.
    NoOuter {
        /// The model that should be outside.
        model: &'static str,
    },
    /// A reference to an annotation that the queryset has not.
    UnknownAnnotation {
        /// Its place.
        index: usize,
    },
    /// A path that does not lead to a value.
    NotAColumn {
        /// The model it begins at.
        model: &'static str,
    },
    /// A path of many rows where one is needed.
    ToMany {
        /// The call.
        call: &'static str,
        /// The relation.
        relation: &'static str,
    },
    /// A key that `select_related` joins by, and that is not read.
    DeferredAndJoined {
        /// The model that has the key.
        model: &'static str,
        /// The key.
        field: &'static str,
    },
    /// A sort key of a combined queryset that is none of its columns.
    OrderNotSelected,
    /// Two prefetches of one relation with different querysets.
    PrefetchTwice {
        /// The relation.
        relation: &'static str,
    },
    /// An annotation with the name of a field of the model.
    AnnotationClash {
        /// The model.
        model: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A lookup that was given what it does not take.
    LookupValue {
        /// The lookup, in Django's word.
        lookup: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        given: String,
    },
    /// A lookup with more words behind it, where it ends a condition.
    LookupNotLast {
        /// The lookup, in Django's word.
        lookup: &'static str,
        /// All words: `id__exact__gt`.
        words: String,
    },
    /// A text, in a condition in words, that is no value of what it is compared with.
    UnreadText {
        /// The model.
        model: &'static str,
        /// The words, from the model on: `author__age__gt`.
        words: String,
        /// The type of what they lead to.
        expected: DataType,
        /// The text.
        given: String,
    },
    /// A queryset of more columns or fewer where a lookup compares with so many.
    ColumnCount {
        /// The lookup, in Django's word.
        lookup: &'static str,
        /// How many it compares.
        expected: usize,
        /// How many the queryset has.
        given: usize,
    },
    /// A name that means nothing for the kind of field it was used on.
    WrongField {
        /// The call: `dates`.
        call: &'static str,
        /// The model.
        model: &'static str,
        /// The field, by its path.
        field: String,
        /// What kind of field it takes.
        expected: &'static str,
    },
    /// A model between two others of which it is not plain by which keys it joins them.
    Through {
        /// The many-to-many relation: `Group.members`.
        relation: String,
        /// The model between.
        through: &'static str,
        /// The model that it needs a key to.
        target: &'static str,
        /// The keys that lead there.
        keys: Vec<&'static str>,
    },
    /// The columns of a raw query without the primary key of the model.
    RawWithoutKey {
        /// The model.
        model: &'static str,
    },
    /// A migration adds a model or field, or renames one, and another has its name.
    NameTaken {
        /// The name.
        name: String,
    },
    /// A database has had a migration that is not the program's at that place.
    OtherMigrations {
        /// The migration that it has had.
        found: String,
        /// That of the program; none if it has no more.
        expected: Option<String>,
    },
    /// Models that differ from what their migrations lead to.
    NotMigrated {
        /// What a further migration has to do.
        changes: Vec<String>,
    },
    /// A verb of a transaction in which a block of a task is open, or a second such block beside it.
    BlockInside,
    /// Anything else that makes no sense, in words.
    Other(&'static str),
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Error::Misuse(misuse)
    }
}
