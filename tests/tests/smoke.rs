//! The first things that must work.
use nuages::prelude::*;
use nuages_tests::{chinook::*, data};

#[test]
fn loads_and_counts() -> Result<()> {
    let db = data::chinook();
    assert_eq!(Track::objects().count(&db)?, 3503);
    assert_eq!(Artist::objects().get(Artist::id.eq(1), &db)?.name.as_deref(), Some("AC/DC"));
    assert_eq!(Album::objects().filter(Album::artist.name.eq("AC/DC")).count(&db)?, 2);
    Ok(())
}
