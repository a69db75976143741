//! The names under which files are stored. The files themselves are the program's business: a column keeps a name.

use jiff::fmt::strtime;

use super::Field;
use crate::{
    error::{Error, Result},
    executor::Executor,
    meta::FieldMeta,
    model::Model,
    path::{Col, Hop, Root},
};

impl<M: Model, H: Hop, T: Field, K> Col<Root<M>, H, T, K>
where
    T: From<String>,
{
    /// The name under which a file that somebody has sent is to be stored: its own, made harmless, in the folder that
    /// `upload_to` says, in which parts of the present stand (`%Y/%m/%d`) by the executor's clock and zone. It is
    /// made to fit `max_length`. Whether another file has the name is for the program to look up.
    ///
    /// ```
    /// use nuages::executor::Clock;
    /// use nuages::prelude::*;
    /// #[derive(Model, Clone)]
    /// pub struct Profile {
    ///     pub id: Auto<i64>,
    ///     #[field(upload_to = "avatars/%Y/%m", blank)]
    ///     pub avatar: StoredImage,
    /// }
    /// # fn main() -> Result<()> {
    /// # let may = Clock::fixed("2024-05-01T00:00:00Z".parse().map_err(Error::custom)?);
    /// # let db = App::new().models(Profile::app()).open_memory()?.with_clock(may);
    /// let avatar = Profile::avatar.upload_name("../my photo (1).png", &db)?;
    /// assert_eq!(avatar.as_str(), "avatars/2024/05/my_photo_1.png");
    /// assert!(Profile::avatar.upload_name("..", &db).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Validation`] for a name of which nothing is left, or that does not fit.
    pub fn upload_name(self, name: &str, ex: &dyn Executor) -> Result<T> {
        let field = match H::step() {
            crate::node::Step::Field(index) => M::meta().field(index),
            _ => None,
        };
        let field = field.ok_or(Error::Unregistered { model: M::NAME })?;
        let now = ex.settings().now().to_zoned(ex.settings().zone());
        let folder = strtime::format(field.upload_to.unwrap_or_default(), &now).map_err(Error::custom)?;
        fitted(field, folder.trim_end_matches('/'), &harmless(name)).map(T::from)
    }
}

/// The last part of a path, in letters, digits, dots, hyphens and underscores.
fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let kept = |letter: &char| letter.is_alphanumeric() || "-_.".contains(*letter);
    last.replace(' ', "_").chars().filter(kept).collect()
}

/// The name in its folder, whose stem is cut so that all of it fits.
fn fitted(field: &FieldMeta, folder: &str, name: &str) -> Result<String> {
    let invalid = |text: String| Err(Error::invalid(field.name, "invalid", text));
    if name.trim_matches('.').is_empty() {
        return invalid("The name of the file has no letter or digit.".to_owned());
    }
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() };
    let whole = path(name);
    let Some(max) = field.length_max() else { return Ok(whole) };
    let excess = whole.chars().count().saturating_sub(max as usize);
    if excess == 0 {
        return Ok(whole);
    }
    let (stem, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(s, e)| (s, format!(".{e}")));
    let letters = stem.chars().count();
    if excess >= letters {
        return invalid(format!("The name of the file does not fit into {max} characters."));
    }
    let stem: String = stem.chars().take(letters - excess).collect();
    Ok(path(&(stem + &extension)))
}
