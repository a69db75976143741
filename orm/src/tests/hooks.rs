use crate::model::Hook;
use crate::prelude::*;
use crate::signal::Saving;

#[derive(Model, Clone, Debug)]
#[model(
    before_save = Self::slugify,
    after_save = Self::log_save,
    before_delete = Self::refuse_kept,
    after_delete = Self::log_delete,
    clean = Self::check
)]
struct Page {
    id: Auto<i64>,
    #[field(unique)]
    title: String,
    #[field(blank)]
    slug: String,
    #[field(default = false)]
    kept: bool,
}

#[derive(Model, Clone, Debug)]
struct Log {
    id: Auto<i64>,
    text: String,
}

impl Page {
    fn slugify(&mut self) {
        self.slug = self.title.to_lowercase();
    }

    fn log_save(&mut self, saving: &Saving, ex: &dyn Executor) -> Result<()> {
        let text = format!("{} {}", if saving.created { "new" } else { "old" }, self.slug);
        Log::objects().create(new!(Log { text }), ex)?;
        if self.slug == "bad" { Err(Error::custom("a bad page")) } else { Ok(()) }
    }

    fn refuse_kept(&mut self) -> Result<()> {
        if self.kept { Err(Error::custom("a kept page")) } else { Ok(()) }
    }

    fn log_delete(&mut self, ex: &dyn Executor) -> Result<()> {
        let text = format!("gone {}", self.slug);
        Log::objects().create(new!(Log { text }), ex).map(drop)
    }

    fn check(&self, ex: &dyn Executor) -> Result<()> {
        let mut errors = crate::error::ValidationErrors::default();
        if self.title == "closed" {
            errors.add(crate::error::ValidationErrors::WHOLE, "closed", "That page is closed.");
        }
        if Page::objects().count(ex)? > 1 {
            errors.add("title", "full", "There are two pages.");
        }
        errors.into_result()
    }
}

fn db() -> Db {
    App::new().models((Page::app(), Log::app())).open_memory().unwrap()
}

fn logged(db: &Db) -> Vec<String> {
    Log::objects().order_by(Log::id).values_list(Log::text).all(db).unwrap()
}

#[test]
fn saves_run_the_models_own_functions_and_bulk_verbs_do_not() {
    let db = db();
    let mut page = Page::objects().create(new!(Page { title: "One" }), &db).unwrap();
    assert_eq!(page.slug, "one");
    page.title = "Two".into();
    page.save_fields((Page::title, Page::slug), &db).unwrap();
    assert_eq!(Page::objects().values_list(Page::slug).one(&db).unwrap(), "two");
    assert_eq!(logged(&db), ["new one", "old two"]);
    Page::objects().bulk_create([new!(Page { title: "Three", slug: "-" })], &db).unwrap();
    Page::objects().update(Page::kept.set(false), &db).unwrap();
    assert_eq!(logged(&db).len(), 2);
}

#[test]
fn an_error_of_a_hook_undoes_the_verb() {
    let db = db();
    let error = Page::objects().create(new!(Page { title: "Bad" }), &db).unwrap_err();
    assert_eq!(error.to_string(), "a bad page");
    assert!(!Page::objects().exists(&db).unwrap() && logged(&db).is_empty());
    let mut kept = Page::objects().create(new!(Page { title: "Kept", kept: true }), &db).unwrap();
    assert_eq!(Persist::delete(&mut kept, &db).unwrap_err().to_string(), "a kept page");
    kept.kept = false;
    kept.delete(&db).unwrap();
    assert_eq!(kept.pk(), None);
    assert_eq!(logged(&db), ["new kept", "gone kept"]);
}

#[test]
fn receivers_are_told_within_the_models_own_functions() {
    let app = App::new().models((Page::app(), Log::app())).pre_save(|page: &mut Page, _, _| {
        page.slug.push('!');
        Ok(())
    });
    let db = app.open_memory().unwrap();
    let page = Page::objects().create(new!(Page { title: "One" }), &db).unwrap();
    assert_eq!((page.slug.as_str(), logged(&db)), ("one!", vec!["new one!".to_owned()]));
}

#[test]
fn clean_is_asked_whatever_the_fields_say() {
    let db = db();
    let codes = |page: Page| match page.full_clean(&db) {
        Ok(()) => Vec::new(),
        Err(Error::Validation(errors)) => errors
            .iter()
            .flat_map(|(field, messages)| messages.iter().map(move |m| format!("{field}: {}", m.code)))
            .collect(),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(codes(new!(Page { title: "closed" })), ["__all__: closed"]);
    assert_eq!(codes(new!(Page { title: "" })), ["title: blank"]);
    Page::objects().create(new!(Page { title: "One" }), &db).unwrap();
    assert_eq!(codes(new!(Page { title: "One" })), ["title: unique"]);
    Page::objects().create(new!(Page { title: "Two" }), &db).unwrap();
    // What clean says of a field spares it from being asked about uniqueness.
    assert_eq!(codes(new!(Page { title: "One" })), ["title: full"]);
    assert_eq!(codes(new!(Page { title: "" })), ["title: blank", "title: full"]);
}

#[test]
fn a_model_without_hooks_has_none() {
    let mut log = new!(Log { text: "x" });
    assert_eq!((Log::HOOKS.save, Page::HOOKS.save, Page::HOOKS.delete), (false, true, true));
    log.run_hook(Hook::BeforeDelete, &db()).unwrap();
    assert_eq!(log.text, "x");
}
