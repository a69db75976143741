//! Reads the shop's rows from the CSV files beside this one.

use std::fmt::Display;
use std::str::FromStr;

use csv::StringRecord;
use nuages::prelude::*;

use super::models::*;

/// What can go wrong while loading.
#[derive(Debug)]
pub enum LoadError {
    /// The database refused a row.
    Database(nuages::Error),
    /// A file is no CSV.
    Csv(csv::Error),
    /// A field is not of its column's type.
    Field {
        /// What stands there.
        text: String,
        /// Why it is none.
        reason: String,
    },
}

impl Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Database(error) => error.fmt(f),
            LoadError::Csv(error) => error.fmt(f),
            LoadError::Field { text, reason } => write!(f, "{text:?}: {reason}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<nuages::Error> for LoadError {
    fn from(error: nuages::Error) -> Self {
        LoadError::Database(error)
    }
}

impl From<csv::Error> for LoadError {
    fn from(error: csv::Error) -> Self {
        LoadError::Csv(error)
    }
}

/// A row of a file, read from left to right. NULL is written `\N`.
struct Row<'r> {
    fields: csv::StringRecordIter<'r>,
}

impl<'r> Row<'r> {
    fn new(record: &'r StringRecord) -> Self {
        Row { fields: record.iter() }
    }

    fn optional<T: FromStr<Err: Display>>(&mut self) -> Result<Option<T>, LoadError> {
        match self.fields.next() {
            None | Some("\\N") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|reason: T::Err| LoadError::Field {
                text: text.to_owned(),
                reason: reason.to_string(),
            }),
        }
    }

    fn next<T: FromStr<Err: Display>>(&mut self) -> Result<T, LoadError> {
        let missing = || LoadError::Field { text: "\\N".into(), reason: "a value must stand here".into() };
        self.optional()?.ok_or_else(missing)
    }
}

/// Rows of one model that are written at once.
const BATCH_ROWS: usize = 1_000;

/// Reads one file into one table and returns how many rows it had.
fn table<M: Model>(
    csv: &str,
    ex: &dyn Executor,
    progress: &dyn Fn(usize),
    read: impl Fn(&mut Row<'_>) -> Result<M, LoadError>,
) -> Result<usize, LoadError> {
    let mut count = 0;
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    for record in csv::Reader::from_reader(csv.as_bytes()).records() {
        batch.push(read(&mut Row::new(&record?))?);
        if batch.len() == BATCH_ROWS {
            count += batch.len();
            progress(batch.len());
            M::objects().bulk_create(std::mem::take(&mut batch), ex)?;
        }
    }
    count += batch.len();
    progress(batch.len());
    M::objects().bulk_create(batch, ex)?;
    Ok(count)
}

/// Loads the whole shop and returns the number of rows of each table. `progress` is told how many rows more are in.
pub fn load(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<Vec<(&'static str, usize)>, LoadError> {
    Ok(vec![
        ("artist", artists(ex, progress)?),
        ("album", albums(ex, progress)?),
        ("genre", genres(ex, progress)?),
        ("media_type", media_types(ex, progress)?),
        ("track", tracks(ex, progress)?),
        ("playlist", playlists(ex, progress)?),
        ("playlist_track", playlist_tracks(ex, progress)?),
        ("employee", employees(ex, progress)?),
        ("customer", customers(ex, progress)?),
        ("invoice", invoices(ex, progress)?),
        ("invoice_line", invoice_lines(ex, progress)?),
    ])
}

/// How many rows there are in all.
pub const ROWS: u64 = 15_607;

fn artists(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/artist.csv"), ex, progress, |row| {
        Ok(new!(Artist { id: row.next::<i64>()?, name: row.optional::<String>()? }))
    })
}

fn albums(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/album.csv"), ex, progress, |row| {
        Ok(new!(Album { id: row.next::<i64>()?, title: row.next::<String>()?, artist: row.next::<i64>()? }))
    })
}

fn genres(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/genre.csv"), ex, progress, |row| {
        Ok(new!(Genre { id: row.next::<i64>()?, name: row.optional::<String>()? }))
    })
}

fn media_types(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/media_type.csv"), ex, progress, |row| {
        Ok(new!(MediaType { id: row.next::<i64>()?, name: row.optional::<String>()? }))
    })
}

fn tracks(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/track.csv"), ex, progress, |row| {
        Ok(new!(Track {
            id: row.next::<i64>()?,
            name: row.next::<String>()?,
            album: row.optional::<i64>()?.map(ForeignKey::to_key),
            media_type: row.next::<i64>()?,
            genre: row.optional::<i64>()?.map(ForeignKey::to_key),
            composer: row.optional::<String>()?,
            milliseconds: row.next::<i32>()?,
            bytes: row.optional::<i32>()?,
            unit_price: row.next::<Decimal>()?,
        }))
    })
}

fn playlists(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/playlist.csv"), ex, progress, |row| {
        Ok(new!(Playlist { id: row.next::<i64>()?, name: row.optional::<String>()? }))
    })
}

fn playlist_tracks(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/playlist_track.csv"), ex, progress, |row| {
        Ok(new!(PlaylistTrack {
            id: row.next::<i64>()?,
            playlist: row.next::<i64>()?,
            track: row.next::<i64>()?,
        }))
    })
}

fn employees(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/employee.csv"), ex, progress, |row| {
        Ok(new!(Employee {
            id: row.next::<i64>()?,
            last_name: row.next::<String>()?,
            first_name: row.next::<String>()?,
            title: row.optional::<String>()?,
            reports_to: row.optional::<i64>()?.map(ForeignKey::to_key),
            birth_date: row.optional::<DateTime>()?,
            hire_date: row.optional::<DateTime>()?,
            address: row.optional::<String>()?,
            city: row.optional::<String>()?,
            state: row.optional::<String>()?,
            country: row.optional::<String>()?,
            postal_code: row.optional::<String>()?,
            phone: row.optional::<String>()?,
            fax: row.optional::<String>()?,
            email: row.optional::<String>()?,
        }))
    })
}

fn customers(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/customer.csv"), ex, progress, |row| {
        Ok(new!(Customer {
            id: row.next::<i64>()?,
            first_name: row.next::<String>()?,
            last_name: row.next::<String>()?,
            company: row.optional::<String>()?,
            address: row.optional::<String>()?,
            city: row.optional::<String>()?,
            state: row.optional::<String>()?,
            country: row.optional::<String>()?,
            postal_code: row.optional::<String>()?,
            phone: row.optional::<String>()?,
            fax: row.optional::<String>()?,
            email: row.next::<String>()?,
            support_rep: row.optional::<i64>()?.map(ForeignKey::to_key),
        }))
    })
}

fn invoices(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/invoice.csv"), ex, progress, |row| {
        Ok(new!(Invoice {
            id: row.next::<i64>()?,
            customer: row.next::<i64>()?,
            invoice_date: row.next::<DateTime>()?,
            billing_address: row.optional::<String>()?,
            billing_city: row.optional::<String>()?,
            billing_state: row.optional::<String>()?,
            billing_country: row.optional::<String>()?,
            billing_postal_code: row.optional::<String>()?,
            total: row.next::<Decimal>()?,
        }))
    })
}

fn invoice_lines(ex: &dyn Executor, progress: &dyn Fn(usize)) -> Result<usize, LoadError> {
    table(include_str!("data/invoice_line.csv"), ex, progress, |row| {
        Ok(new!(InvoiceLine {
            id: row.next::<i64>()?,
            invoice: row.next::<i64>()?,
            track: row.next::<i64>()?,
            unit_price: row.next::<Decimal>()?,
            quantity: row.next::<i32>()?,
        }))
    })
}
