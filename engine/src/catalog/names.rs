//! Which name was probably meant.

/// The candidate that is nearest to `name`, if one is near enough to be a slip of the pen: at most one change for
/// every three characters (insertion, deletion, substitution or a swap of neighbours; Damerau 1964), or a difference
/// of case alone.
///
/// ```
/// use nuages_engine::catalog::names::nearest;
/// assert_eq!(nearest("titel", ["id", "title", "body"]).as_deref(), Some("title"));
/// assert_eq!(nearest("price", ["id", "title", "body"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = name.to_lowercase();
    let changes_max = wanted.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(changes, _)| *changes <= changes_max)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
