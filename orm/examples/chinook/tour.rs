//! The questions of the tour. Each returns its answer, so that a test can compare it with Django's.

use nuages::Deleted;
use nuages::prelude::*;

use super::models::*;

/// Who bought a track of this artist: a filter across five relations.
pub fn buyers_of(artist: &str) -> QuerySet<Customer> {
    Customer::objects()
        .filter(Customer::invoices.lines.track.album.artist.name.eq(artist))
        .distinct()
        .order_by(Customer::pk)
}

/// An artist in the list of best sellers.
#[derive(Clone, Debug, PartialEq)]
pub struct BestSeller {
    /// The artist.
    pub name: String,
    /// Tracks sold.
    pub sold: i64,
    /// What was paid for them.
    pub revenue: Decimal,
}

/// The artists who earned most.
pub fn best_sellers(count: usize, ex: &dyn Executor) -> Result<Vec<BestSeller>> {
    let lines = Artist::albums.tracks.invoice_lines;
    let sold = lines.quantity.sum();
    let revenue = (lines.unit_price * lines.quantity).sum();
    let artists = Artist::objects()
        .annotate(&sold)
        .annotate(&revenue)
        .filter(sold.is_null(false))
        .order_by((revenue.desc(), Artist::name.asc()))
        .slice(..count)
        .all(ex)?;
    Ok(artists
        .into_iter()
        .map(|artist| BestSeller {
            name: artist.name.clone().unwrap_or_default(),
            sold: artist.extra.0.unwrap_or_default(),
            revenue: artist.extra.1.unwrap_or_default(),
        })
        .collect())
}

/// The titles of some albums and who plays on them, asking for each artist: one query more for every album.
pub fn titles_one_by_one(count: usize, ex: &dyn Executor) -> Result<Vec<(String, Option<String>)>> {
    let albums = Album::objects().order_by(Album::pk).slice(..count).all(ex)?;
    albums.iter().map(|album| Ok((album.title.clone(), album.artist.get(ex)?.name.clone()))).collect()
}

/// The same in one query, by a join.
pub fn titles_joined(count: usize, ex: &dyn Executor) -> Result<Vec<(String, Option<String>)>> {
    let albums = Album::objects().select_related(Album::artist).order_by(Album::pk).slice(..count).all(ex)?;
    albums.iter().map(|album| Ok((album.title.clone(), album.artist.get(ex)?.name.clone()))).collect()
}

/// How many tracks each of some artists has, asking for every album and its tracks.
pub fn tracks_one_by_one(count: usize, ex: &dyn Executor) -> Result<Vec<(String, usize)>> {
    let artists = Artist::objects().order_by(Artist::pk).slice(..count).all(ex)?;
    artists.iter().map(|artist| tracks_of(artist, ex)).collect()
}

/// The same in three queries: artists, their albums, the albums' tracks.
pub fn tracks_prefetched(count: usize, ex: &dyn Executor) -> Result<Vec<(String, usize)>> {
    let artists = Artist::objects()
        .prefetch_related(Artist::albums.tracks)
        .order_by(Artist::pk)
        .slice(..count)
        .all(ex)?;
    artists.iter().map(|artist| tracks_of(artist, ex)).collect()
}

fn tracks_of(artist: &Artist, ex: &dyn Executor) -> Result<(String, usize)> {
    let mut tracks = 0;
    for album in artist.albums.all(ex)?.iter() {
        tracks += album.tracks.all(ex)?.len();
    }
    Ok((artist.name.clone().unwrap_or_default(), tracks))
}

/// The sum of all prices.
pub fn price_of_everything(ex: &dyn Executor) -> Result<Decimal> {
    Ok(Track::objects().aggregate(Track::unit_price.sum(), ex)?.unwrap_or_default())
}

/// Makes all tracks of a kind dearer, in the database, without reading one. Returns how many.
pub fn raise_prices(genre: &str, by: Decimal, ex: &dyn Executor) -> Result<u64> {
    Track::objects()
        .filter(Track::genre.name.eq(genre))
        .update(Track::unit_price.set(Track::unit_price + by), ex)
}

/// Tries to delete an artist whose tracks were sold, which the invoices forbid.
pub fn delete_artist(name: &str, ex: &dyn Executor) -> Result<Deleted> {
    Artist::objects().filter(Artist::name.eq(name)).delete(ex)
}

/// Deletes a customer, with invoices and their lines.
pub fn delete_customer(key: i64, ex: &dyn Executor) -> Result<Deleted> {
    let mut customer = Customer::objects().get(Customer::pk.eq(key), ex)?;
    customer.delete(ex)
}

/// Empties the whole shop in a fork, and returns how many tracks there are then, here and there.
pub fn empty_a_fork(db: &Db) -> Result<(u64, u64)> {
    let fork = db.fork()?;
    fork.atomic(|tx| {
        InvoiceLine::objects().delete(tx)?;
        Artist::objects().delete(tx)
    })?;
    Ok((Track::objects().count(db)?, Track::objects().count(&fork)?))
}
