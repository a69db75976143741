//! Many-to-many relations through a model with more than one key to a side.

use crate::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(app = "band")]
struct Player {
    id: Auto<i64>,
    name: String,
    #[related(Band::players)]
    bands: Related<Band>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "band")]
struct Band {
    id: Auto<i64>,
    #[field(through_fields(band, player))]
    players: ManyToMany<Player, Seat>,
}

/// Who plays in which band, and who asked them in.
#[derive(Model, Clone, Debug)]
#[model(app = "band")]
struct Seat {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    invited_by: Option<ForeignKey<Player>>,
    #[field(on_delete = Cascade)]
    player: ForeignKey<Player>,
    #[field(on_delete = Cascade)]
    band: ForeignKey<Band>,
}

#[test]
fn a_relation_goes_by_the_keys_that_it_names() -> Result<()> {
    let db = App::new().models((Player::app(), Band::app(), Seat::app())).open_memory()?;
    let [django, stephane, hugues] = ["Django", "Stéphane", "Hugues"]
        .map(|name| Player::objects().create(new!(Player { name }), &db).expect("a player"));
    let mut quintet = Band::objects().create(new!(Band {}), &db)?;
    quintet.players.add_with(&django, |_| new!(Seat { invited_by: &hugues, player: _, band: _ }), &db)?;
    quintet.players.add(&stephane, &db)?;
    let names = |condition: Q<Band>| {
        let rows = Band::objects().filter(condition).order_by(Band::players.name);
        rows.values_list(Band::players.name).all(&db)
    };
    let both = [Some("Django".to_owned()), Some("Stéphane".to_owned())];
    assert_eq!(names(Q::all())?, both);
    assert_eq!(names(Band::players.name.eq("Hugues"))?, []);
    assert_eq!(stephane.bands.count(&db)?, 1);
    assert_eq!(hugues.bands.count(&db)?, 0);
    Ok(())
}

/// The same without saying by which keys.
mod unsaid {
    use crate::prelude::*;

    #[derive(Model, Clone, Debug)]
    pub(super) struct Player {
        pub(super) id: Auto<i64>,
    }

    #[derive(Model, Clone, Debug)]
    pub(super) struct Band {
        pub(super) id: Auto<i64>,
        pub(super) players: ManyToMany<Player, Seat>,
    }

    #[derive(Model, Clone, Debug)]
    pub(super) struct Seat {
        pub(super) id: Auto<i64>,
        #[field(on_delete = Cascade)]
        pub(super) invited_by: Option<ForeignKey<Player>>,
        #[field(on_delete = Cascade)]
        pub(super) player: ForeignKey<Player>,
        #[field(on_delete = Cascade)]
        pub(super) band: ForeignKey<Band>,
    }

    #[derive(Model, Clone, Debug)]
    pub(super) struct Misspelt {
        pub(super) id: Auto<i64>,
        #[field(through_fields(band, payer))]
        pub(super) players: ManyToMany<Player, Seat>,
    }

    #[derive(Model, Clone, Debug)]
    pub(super) struct Stranger {
        pub(super) id: Auto<i64>,
        pub(super) players: ManyToMany<Player, Seat>,
    }
}

/// What is said of the first model whose keys are not plain; models are looked at in the order of the app.
fn refused(app: App) -> String {
    let others = (unsaid::Band::app(), unsaid::Player::app(), unsaid::Seat::app());
    let opened = app.models(others).open_memory();
    opened.map(drop).expect_err("no such relation").to_string()
}

#[test]
fn a_relation_whose_keys_are_not_plain_is_refused_with_their_names() {
    assert_eq!(
        refused(App::new()),
        "Band.players goes through Seat, whose keys to Player are invited_by, player; say which two it goes by with \
         `#[field(through_fields(.., ..))]`"
    );
    let misspelt = refused(App::new().models(unsaid::Misspelt::app()));
    assert!(misspelt.contains("no \"payer\"; did you mean \"player\"?"), "{misspelt}");
    let stranger = refused(App::new().models(unsaid::Stranger::app()));
    assert_eq!(stranger, "Stranger.players goes through Seat, which has no key to Stranger");
}
