//! What became of each recorded case that is not simply answered.

/// Cases that the compiler refuses, and the program of `orm/tests/ui` that shows it.
pub(crate) const BY_COMPILER: &[(&str, &str)] = &[
    ("attr.assign_wrong_type", "attr_assign_wrong_type.rs"),
    ("case.mixed_types", "case_mixed_types.rs"),
    ("f.text_plus_text_is_numeric_plus", "f_text_plus_text_is_numeric_plus.rs"),
    ("m2m.add_refusals", "m2m_add_refusals.rs"),
    ("model.system_checks", "model_system_checks.rs"),
    ("prefetch.unknown_or_plain_field", "prefetch_plain_field.rs"),
    ("q.bad_operand", "q_bad_operand.rs"),
    ("select_related.to_many_is_refused", "select_related_to_many.rs"),
];

/// Cases that are refused where names are texts: fields, lookups and orders that do not exist. They are answered, with
/// Django's error.
pub(crate) const DYNAMIC: &[&str] = &[
    "dates.dates_refuses",
    "lookup.fk_cannot_contain",
    "lookup.in_subquery_two_columns",
    "lookup.isnull_needs_boolean",
    "lookup.unknown_field",
    "lookup.unknown_lookup",
    "order.by_unknown_field",
];

/// Cases that make no sense here, or that are answered otherwise on purpose, and why. Under ten.
pub(crate) const DIFFERENT: &[(&str, &str)] = &[
    ("lazy.explain", "a plan is asked of the engine, and is no statement"),
    ("lazy.pickle_keeps_results", "querysets are not pickled; rows are values and can be sent and stored"),
    ("lazy.using_and_db", "a database is a value that a verb is given, so that there is no name to be wrong"),
    (
        "save.attribute_keeps_given_type",
        "an attribute has the type of its field, so a text cannot lie in a number until the row is read again",
    ),
];

/// Cases whose answer is the same without rows and with other rows, by why that is so.
pub(crate) const BLIND: &[(&str, &[&str])] = &[
    (
        "they make what they look at, and look at nothing else",
        &[
            "atomic.bulk_create_is_atomic",
            "atomic.durable",
            "atomic.instances_are_not_rolled_back",
            "atomic.manual_savepoints",
            "atomic.on_commit_exception",
            "atomic.outer_rollback_takes_inner",
            "atomic.save_is_atomic_for_parents",
            "atomic.savepoint_false",
            "atomic.set_rollback",
            "atomic.statements",
            "attr.assign_unsaved_parent",
            "attr.reverse_manager_of_unsaved",
            "bulk.create_batches",
            "bulk.create_empty_and_generator",
            "bulk.create_mixed_pk",
            "constraint.empty_string_is_not_null",
            "constraint.foreign_key",
            "constraint.unique_is_case_sensitive",
            "date.week_is_iso",
            "dates.dates_on_date_field",
            "delete.keep_parents",
            "func.on_time_and_duration",
            "get_or_create.lookups_are_not_stored",
            "migration.add_remove_alter_field",
            "migration.circular_fk",
            "migration.create_model_with_fk",
            "migration.indexes_and_constraints",
            "migration.run_forwards_and_backwards",
            "model.choices_api",
            "model.proxy",
            "model.select_subclass_is_not_automatic",
            "save.aware_datetime_is_stored_in_utc",
            "save.explicit_none_beats_default",
            "save.f_in_create",
            "save.insert_and_update",
            "save.positive_field_negative_value",
            "save.round_trip_of_types",
            "save.with_given_pk_tries_update_first",
            "signal.exception_in_receiver_rolls_back",
            "signal.receiver_creates_profile",
            "signal.save",
            "update.f_across_relation_is_refused",
            "update_or_create.create_defaults",
            "validate.check_constraint_message",
            "validate.clean_and_non_field_errors",
            "validate.conversion",
            "validate.limits_of_integer_fields",
            "validate.save_does_not_validate",
        ],
    ),
    (
        "what they ask is refused before any row is looked at",
        &[
            "aggregate.nested_is_refused",
            "aggregate.of_unknown_field",
            "lookup.fk_cannot_contain",
            "lookup.in_subquery_two_columns",
            "lookup.isnull_needs_boolean",
            "lookup.unknown_field",
            "lookup.unknown_lookup",
            "order.by_unknown_field",
            "set.filter_after_union",
            "slice.then_update_delete_get",
            "values.named_clash_with_field",
            "window.in_update",
        ],
    ),
    (
        "they are about the query: how it is written, and how often it is asked",
        &["lazy.iterator_does_not_cache", "q.equality", "set.operators_are_not_union"],
    ),
    (
        "what they ask for by name, key or list is in no row",
        &["get.does_not_exist", "lazy.none", "lookup.contains_case", "lookup.in_empty_runs_no_query"],
    ),
    (
        "no row can be what they ask for, or one row is too few",
        &[
            "aggregate.default_argument",
            "aggregate.sample_stddev_of_one_row",
            "lookup.range_reversed_is_empty",
        ],
    ),
    (
        "the chain of calls decides what is asked or refused",
        &[
            "prefetch.none_clears",
            "select_related.after_values_is_refused",
            "select_related.deferring_the_fk_is_an_error",
        ],
    ),
    (
        "they show that nothing is asked, or nobody told",
        &["aggregate.none_queryset_runs_no_query", "aggregate.of_nothing", "signal.not_fired"],
    ),
    ("no row can be what they ask for", &[]),
];

/// Cases that wait for what they need.
pub(crate) const OPEN: &[&str] = &[];
