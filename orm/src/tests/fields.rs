//! Kinds of fields and constraints that no recorded case of Django's has: texts of a form, names of files, and what is
//! unique by an expression or under a condition.

use crate::{
    constraint::{Constraint, unique},
    error::IntegrityKind,
    executor::Clock,
    index::{Index, index},
    prelude::*,
};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Self::constraints, indexes = Self::indexes)]
struct Account {
    id: Auto<i64>,
    email: Email,
    home: Option<Url>,
    slug: Slug,
    #[field(upload_to = "avatars/%Y/%m", blank)]
    avatar: StoredImage,
    #[field(upload_to = "papers", blank)]
    paper: StoredFile,
    key: Vec<u8>,
    #[field(default = false)]
    closed: bool,
    #[field(default = 0)]
    logins: i64,
}

impl Account {
    fn constraints() -> Vec<Constraint<Account>> {
        vec![
            unique(Account::email.lower()).when(Account::closed.eq(false)).name("one_open_account"),
            unique(Account::slug.upper()).name("slug_ignores_case"),
        ]
    }

    fn indexes() -> Vec<Index<Account>> {
        let busy = index((Account::logins.desc(), Account::slug)).when(Account::closed.eq(false));
        vec![busy.name("busy"), index(Account::email.length()).name("by_length")]
    }
}

fn account(email: &str, slug: &str) -> Account {
    new!(Account { email, slug, key: b"\0\xff" })
}

fn db() -> Db {
    App::new().models(Account::app()).open_memory().unwrap()
}

#[test]
fn texts_of_a_form_and_bytes_go_there_and_back() -> Result<()> {
    let db = db();
    let mut made = account("ann@example.org", "ann");
    made.home = Some("https://example.org/ann".into());
    let made = Account::objects().create(made, &db)?;
    let found = Account::objects().get(Account::email.ends_with("@example.org"), &db)?;
    assert_eq!(found, made);
    assert_eq!((found.key.as_slice(), found.avatar.as_str()), (&b"\0\xff"[..], ""));
    assert_eq!(Account::objects().filter(Account::key.eq(b"\0\xff".to_vec())).count(&db)?, 1);
    assert_eq!(Account::objects().filter(Account::home.iregex("^HTTPS://.*ANN$")).count(&db)?, 1);
    let wrong = Account { email: "ann".into(), home: Some("example".into()), ..account("x", "a b") };
    let Err(Error::Validation(errors)) = wrong.full_clean(&db) else { unreachable!("nothing is right") };
    let texts: Vec<&str> = ["email", "home", "slug"].map(|field| errors.field(field)[0].text.as_str()).into();
    assert_eq!(texts[..2], ["Enter a valid email address.", "Enter a valid URL."]);
    assert!(texts[2].contains("slug"), "{}", texts[2]);
    Ok(())
}

#[test]
fn a_stored_file_is_a_name_in_the_folder_of_its_day() -> Result<()> {
    let may = Clock::fixed("2024-05-01T00:00:00Z".parse().map_err(Error::custom)?);
    let db = db().with_clock(may);
    let mut ann = account("ann@example.org", "ann");
    ann.avatar = Account::avatar.upload_name("me and you.png", &db)?;
    ann.paper = Account::paper.upload_name("/etc/passwd", &db)?;
    let ann = Account::objects().create(ann, &db)?;
    assert_eq!(
        (ann.avatar.as_str(), ann.paper.as_str()),
        ("avatars/2024/05/me_and_you.png", "papers/passwd")
    );
    Ok(())
}

#[test]
fn uniqueness_may_be_of_an_expression_and_of_some_rows() -> Result<()> {
    let db = db();
    let mut ann = Account::objects().create(account("Ann@example.org", "ann"), &db)?;
    let refused = |account: Account| match Account::objects().create(account, &db) {
        Err(Error::Integrity { kind: IntegrityKind::Unique, constraint, .. }) => constraint,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(refused(account("ann@EXAMPLE.org", "bob")).as_deref(), Some("one_open_account"));
    assert_eq!(refused(account("bob@example.org", "ANN")).as_deref(), Some("slug_ignores_case"));
    let Err(Error::Validation(errors)) = account("ann@EXAMPLE.org", "bob").full_clean(&db) else {
        unreachable!("there is such a row")
    };
    assert!(errors.to_string().contains("one_open_account"), "{errors}");
    ann.closed = true;
    ann.save(&db)?;
    Account::objects().create(account("ann@EXAMPLE.org", "bob"), &db)?;
    Ok(())
}

#[test]
fn indexes_may_be_descending_of_some_rows_and_over_expressions() -> Result<()> {
    let db = db();
    let catalog = nuages_engine::Session::catalog(db.engine())?;
    let table = catalog.table_named("lab_account")?;
    assert!(table.index_named("busy").is_ok() && table.index_named("by_length").is_ok());
    Ok(())
}

#[test]
fn the_greatest_and_the_least_of_several_are_one_of_them() -> Result<()> {
    let db = db();
    Account::objects().create(account("ann@example.org", "ann"), &db)?;
    let (most, least_one): (i64, i64) = Account::objects()
        .values_list((greatest((Account::logins, 3_i64)), least((Account::logins, 3_i64))))
        .one(&db)?;
    assert_eq!((most, least_one), (3, 0));
    Ok(())
}
