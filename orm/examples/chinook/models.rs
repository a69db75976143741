//! The Chinook music shop: eleven tables, as Django would declare them.

use nuages::prelude::*;

/// Who plays.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "artist")]
pub struct Artist {
    /// The key.
    pub id: Auto<i64>,
    /// As it stands on the record.
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    /// The records.
    #[related(Album::artist)]
    pub albums: Related<Album>,
}

/// A record.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "album")]
pub struct Album {
    /// The key.
    pub id: Auto<i64>,
    /// Its title.
    #[field(max_length = 160)]
    pub title: String,
    /// Who plays on it.
    #[field(on_delete = Cascade)]
    pub artist: ForeignKey<Artist>,
    /// What is on it.
    #[related(Track::album)]
    pub tracks: Related<Track>,
}

/// A kind of music.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "genre", ordering = [name])]
pub struct Genre {
    /// The key.
    pub id: Auto<i64>,
    /// Its name.
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    /// What is of this kind.
    #[related(Track::genre)]
    pub tracks: Related<Track>,
}

/// A file format.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "media_type")]
pub struct MediaType {
    /// The key.
    pub id: Auto<i64>,
    /// Its name.
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    /// What comes in it.
    #[related(Track::media_type)]
    pub tracks: Related<Track>,
}

/// A piece of music that is sold.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "track")]
pub struct Track {
    /// The key.
    pub id: Auto<i64>,
    /// Its name.
    #[field(max_length = 200)]
    pub name: String,
    /// The record it is on.
    #[field(on_delete = Cascade, blank)]
    pub album: Option<ForeignKey<Album>>,
    /// Its format.
    #[field(on_delete = Protect)]
    pub media_type: ForeignKey<MediaType>,
    /// Its kind.
    #[field(on_delete = SetNull, blank)]
    pub genre: Option<ForeignKey<Genre>>,
    /// Who wrote it.
    #[field(max_length = 220, blank)]
    pub composer: Option<String>,
    /// How long it is.
    pub milliseconds: i32,
    /// How large its file is.
    #[field(blank)]
    pub bytes: Option<i32>,
    /// What it costs.
    #[field(max_digits = 10, decimal_places = 2)]
    pub unit_price: Decimal,
    /// The lists it is on.
    #[related(Playlist::tracks)]
    pub playlists: Related<Playlist>,
    /// Where it was sold.
    #[related(InvoiceLine::track)]
    pub invoice_lines: Related<InvoiceLine>,
}

/// A list of tracks.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "playlist")]
pub struct Playlist {
    /// The key.
    pub id: Auto<i64>,
    /// Its name.
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    /// What is on it.
    pub tracks: ManyToMany<Track, PlaylistTrack>,
}

/// That a track is on a list.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "playlist_track", unique_together(playlist, track))]
pub struct PlaylistTrack {
    /// The key.
    pub id: Auto<i64>,
    /// The list.
    #[field(on_delete = Cascade)]
    pub playlist: ForeignKey<Playlist>,
    /// The track.
    #[field(on_delete = Cascade)]
    pub track: ForeignKey<Track>,
}

/// Who works in the shop.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "employee", ordering = [last_name, first_name])]
pub struct Employee {
    /// The key.
    pub id: Auto<i64>,
    /// The family name.
    #[field(max_length = 20)]
    pub last_name: String,
    /// The given name.
    #[field(max_length = 20)]
    pub first_name: String,
    /// What they do.
    #[field(max_length = 30, blank)]
    pub title: Option<String>,
    /// To whom they report.
    #[field(on_delete = SetNull, blank)]
    pub reports_to: Option<ForeignKey<Employee>>,
    /// When they were born.
    #[field(blank)]
    pub birth_date: Option<DateTime>,
    /// When they began.
    #[field(blank)]
    pub hire_date: Option<DateTime>,
    /// Street and number.
    #[field(max_length = 70, blank)]
    pub address: Option<String>,
    /// Town.
    #[field(max_length = 40, blank)]
    pub city: Option<String>,
    /// State or province.
    #[field(max_length = 40, blank)]
    pub state: Option<String>,
    /// Country.
    #[field(max_length = 40, blank)]
    pub country: Option<String>,
    /// Postal code.
    #[field(max_length = 10, blank)]
    pub postal_code: Option<String>,
    /// Telephone.
    #[field(max_length = 24, blank)]
    pub phone: Option<String>,
    /// Fax.
    #[field(max_length = 24, blank)]
    pub fax: Option<String>,
    /// Mail.
    #[field(max_length = 60, blank)]
    pub email: Option<String>,
    /// Who reports to them.
    #[related(Employee::reports_to)]
    pub reports: Related<Employee>,
    /// Whom they look after.
    #[related(Customer::support_rep)]
    pub customers: Related<Customer>,
}

/// Who buys.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "customer")]
pub struct Customer {
    /// The key.
    pub id: Auto<i64>,
    /// The given name.
    #[field(max_length = 40)]
    pub first_name: String,
    /// The family name.
    #[field(max_length = 20)]
    pub last_name: String,
    /// The company.
    #[field(max_length = 80, blank)]
    pub company: Option<String>,
    /// Street and number.
    #[field(max_length = 70, blank)]
    pub address: Option<String>,
    /// Town.
    #[field(max_length = 40, blank)]
    pub city: Option<String>,
    /// State or province.
    #[field(max_length = 40, blank)]
    pub state: Option<String>,
    /// Country.
    #[field(max_length = 40, blank)]
    pub country: Option<String>,
    /// Postal code.
    #[field(max_length = 10, blank)]
    pub postal_code: Option<String>,
    /// Telephone.
    #[field(max_length = 24, blank)]
    pub phone: Option<String>,
    /// Fax.
    #[field(max_length = 24, blank)]
    pub fax: Option<String>,
    /// Mail.
    #[field(max_length = 60)]
    pub email: String,
    /// Who looks after them.
    #[field(on_delete = SetNull, blank)]
    pub support_rep: Option<ForeignKey<Employee>>,
    /// What they bought.
    #[related(Invoice::customer)]
    pub invoices: Related<Invoice>,
}

/// A purchase.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "invoice", get_latest_by = invoice_date)]
pub struct Invoice {
    /// The key.
    pub id: Auto<i64>,
    /// Who bought.
    #[field(on_delete = Cascade)]
    pub customer: ForeignKey<Customer>,
    /// When.
    pub invoice_date: DateTime,
    /// Street and number.
    #[field(max_length = 70, blank)]
    pub billing_address: Option<String>,
    /// Town.
    #[field(max_length = 40, blank)]
    pub billing_city: Option<String>,
    /// State or province.
    #[field(max_length = 40, blank)]
    pub billing_state: Option<String>,
    /// Country.
    #[field(max_length = 40, blank)]
    pub billing_country: Option<String>,
    /// Postal code.
    #[field(max_length = 10, blank)]
    pub billing_postal_code: Option<String>,
    /// The sum of its lines.
    #[field(max_digits = 10, decimal_places = 2)]
    pub total: Decimal,
    /// What was bought.
    #[related(InvoiceLine::invoice)]
    pub lines: Related<InvoiceLine>,
}

/// A track that was bought.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "invoice_line")]
pub struct InvoiceLine {
    /// The key.
    pub id: Auto<i64>,
    /// With what.
    #[field(on_delete = Cascade)]
    pub invoice: ForeignKey<Invoice>,
    /// Which.
    #[field(on_delete = Protect)]
    pub track: ForeignKey<Track>,
    /// At which price.
    #[field(max_digits = 10, decimal_places = 2)]
    pub unit_price: Decimal,
    /// How often.
    pub quantity: i32,
}

/// The shop's models.
pub fn app() -> App {
    App::new().models((
        Artist::app(),
        Album::app(),
        Genre::app(),
        MediaType::app(),
        Track::app(),
        Playlist::app(),
        PlaylistTrack::app(),
        Employee::app(),
        Customer::app(),
        Invoice::app(),
        InvoiceLine::app(),
    ))
}
