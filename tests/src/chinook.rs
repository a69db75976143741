//! The Chinook sample database: artists, albums, tracks, playlists, and a shop that sells them.
#![allow(missing_docs, reason = "fields of a sample are named for what they are")]

use nuages::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "artist")]
pub struct Artist {
    pub id: Auto<i64>,
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    #[related(Album::artist)]
    pub albums: Related<Album>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "album")]
pub struct Album {
    pub id: Auto<i64>,
    #[field(max_length = 160)]
    pub title: String,
    #[field(on_delete = Cascade)]
    pub artist: ForeignKey<Artist>,
    #[related(Track::album)]
    pub tracks: Related<Track>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "genre", ordering = [name])]
pub struct Genre {
    pub id: Auto<i64>,
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    #[related(Track::genre)]
    pub tracks: Related<Track>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "media_type")]
pub struct MediaType {
    pub id: Auto<i64>,
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    #[related(Track::media_type)]
    pub track_set: Related<Track>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "track")]
pub struct Track {
    pub id: Auto<i64>,
    #[field(max_length = 200)]
    pub name: String,
    #[field(on_delete = Cascade)]
    pub album: Option<ForeignKey<Album>>,
    #[field(on_delete = Protect)]
    pub media_type: ForeignKey<MediaType>,
    #[field(on_delete = SetNull)]
    pub genre: Option<ForeignKey<Genre>>,
    #[field(max_length = 220)]
    pub composer: Option<String>,
    pub milliseconds: i32,
    pub bytes: Option<i32>,
    #[field(max_digits = 10, decimal_places = 2)]
    pub unit_price: Decimal,
    #[related(Playlist::tracks)]
    pub playlists: Related<Playlist>,
    #[related(InvoiceLine::track)]
    pub invoiceline_set: Related<InvoiceLine>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "playlist")]
pub struct Playlist {
    pub id: Auto<i64>,
    #[field(max_length = 120, blank)]
    pub name: Option<String>,
    pub tracks: ManyToMany<Track, PlaylistTrack>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "playlist_track", unique_together(playlist, track))]
pub struct PlaylistTrack {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub playlist: ForeignKey<Playlist>,
    #[field(on_delete = Cascade)]
    pub track: ForeignKey<Track>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "employee", ordering = [last_name, first_name])]
pub struct Employee {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub last_name: String,
    #[field(max_length = 20)]
    pub first_name: String,
    #[field(max_length = 30)]
    pub title: Option<String>,
    #[field(on_delete = SetNull)]
    pub reports_to: Option<ForeignKey<Employee>>,
    pub birth_date: Option<DateTime>,
    pub hire_date: Option<DateTime>,
    #[field(max_length = 70)]
    pub address: Option<String>,
    #[field(max_length = 40)]
    pub city: Option<String>,
    #[field(max_length = 40)]
    pub state: Option<String>,
    #[field(max_length = 40)]
    pub country: Option<String>,
    #[field(max_length = 10)]
    pub postal_code: Option<String>,
    #[field(max_length = 24)]
    pub phone: Option<String>,
    #[field(max_length = 24)]
    pub fax: Option<String>,
    #[field(max_length = 60)]
    pub email: Option<String>,
    #[related(Employee::reports_to)]
    pub reports: Related<Employee>,
    #[related(Customer::support_rep)]
    pub customers: Related<Customer>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "customer")]
pub struct Customer {
    pub id: Auto<i64>,
    #[field(max_length = 40)]
    pub first_name: String,
    #[field(max_length = 20)]
    pub last_name: String,
    #[field(max_length = 80)]
    pub company: Option<String>,
    #[field(max_length = 70)]
    pub address: Option<String>,
    #[field(max_length = 40)]
    pub city: Option<String>,
    #[field(max_length = 40)]
    pub state: Option<String>,
    #[field(max_length = 40)]
    pub country: Option<String>,
    #[field(max_length = 10)]
    pub postal_code: Option<String>,
    #[field(max_length = 24)]
    pub phone: Option<String>,
    #[field(max_length = 24)]
    pub fax: Option<String>,
    #[field(max_length = 60)]
    pub email: String,
    #[field(on_delete = SetNull)]
    pub support_rep: Option<ForeignKey<Employee>>,
    #[related(Invoice::customer)]
    pub invoices: Related<Invoice>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "invoice", get_latest_by = invoice_date)]
pub struct Invoice {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub customer: ForeignKey<Customer>,
    pub invoice_date: DateTime,
    #[field(max_length = 70)]
    pub billing_address: Option<String>,
    #[field(max_length = 40)]
    pub billing_city: Option<String>,
    #[field(max_length = 40)]
    pub billing_state: Option<String>,
    #[field(max_length = 40)]
    pub billing_country: Option<String>,
    #[field(max_length = 10)]
    pub billing_postal_code: Option<String>,
    #[field(max_digits = 10, decimal_places = 2)]
    pub total: Decimal,
    #[related(InvoiceLine::invoice)]
    pub lines: Related<InvoiceLine>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "chinook", table = "invoice_line")]
pub struct InvoiceLine {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub invoice: ForeignKey<Invoice>,
    #[field(on_delete = Protect)]
    pub track: ForeignKey<Track>,
    #[field(max_digits = 10, decimal_places = 2)]
    pub unit_price: Decimal,
    pub quantity: i32,
}

/// An app of these models.
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
