//! The tables and what is asked of them, made from a counter: the same in every run and for every contestant.
//!
//! - `item`: seven columns, keyed by an integer, with a unique text and an index on the time. Times grow with the key,
//!   as creation times do; everything else is scattered.
//! - `plain`: the same columns and nothing but the key, for what an insert costs alone.
//! - `author` and `book`: a thousand parents and their children, with an index on the foreign key.

use hashbrown::HashSet;

use crate::workload::Tables;

/// Distinct values of [`Item::b`].
pub(crate) const CATEGORIES: i64 = 20;
/// Parents in the library.
pub(crate) const AUTHORS: i64 = 1_000;
/// Values of [`Author::rate`] run from 0 to here.
pub(crate) const RATES: i64 = 10;
/// How many rows the workloads of single inserts add.
const NEW_ITEMS: usize = 1_000;
/// 2020-01-01T00:00:00Z, in microseconds since the epoch.
const YEAR_2020_US: i64 = 1_577_836_800_000_000;
/// Items are created this far apart, more or less.
const SPACING_US: i64 = 1_000_000;

/// A row of `item` or `plain`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// The primary key: 1, 2, .. in the order of insertion.
    pub(crate) id: i64,
    /// Any number below 2^40.
    pub(crate) a: i64,
    /// One of [`CATEGORIES`] numbers.
    pub(crate) b: i64,
    /// From 0 to 100.
    pub(crate) e: f64,
    /// Unique, 21 bytes, in no order.
    pub(crate) slug: String,
    /// Some words.
    pub(crate) title: String,
    /// Microseconds since the epoch, unique, growing with the key.
    pub(crate) created: i64,
}

impl Item {
    /// The row with this key.
    fn new(id: i64) -> Self {
        let random = mix(id as u64);
        Self {
            id,
            a: (random >> 24) as i64,
            b: (random % CATEGORIES as u64) as i64,
            e: (mix(random) % 10_000) as f64 / 100.0,
            slug: format!("item-{random:016x}"),
            title: words(mix(random ^ 1)),
            created: YEAR_2020_US + id * SPACING_US + (random % SPACING_US as u64) as i64,
        }
    }

    /// A number that depends on every column but the key.
    ///
    /// Of a text it takes the length and the ends: it is computed under the clock, and is to weigh little there.
    pub(crate) fn content(&self) -> u64 {
        item_content(self.a, self.b, self.e, &self.slug, &self.title, self.created)
    }

    /// A number that depends on every column.
    pub(crate) fn checksum(&self) -> u64 {
        self.content().wrapping_add((self.id as u64).rotate_left(32))
    }
}

/// The [`Item::checksum`] of an item in another struct.
pub(crate) fn item_checksum(id: i64, a: i64, b: i64, e: f64, slug: &str, title: &str, created: i64) -> u64 {
    item_content(a, b, e, slug, title, created).wrapping_add((id as u64).rotate_left(32))
}

fn item_content(a: i64, b: i64, e: f64, slug: &str, title: &str, created: i64) -> u64 {
    (a as u64)
        .wrapping_add((b as u64) << 8)
        .wrapping_add(e.to_bits().rotate_left(16))
        .wrapping_add(ends(slug).rotate_left(24))
        .wrapping_add(ends(title).rotate_left(40))
        .wrapping_add((created as u64).rotate_left(48))
}

/// A parent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Author {
    /// The primary key.
    pub(crate) id: i64,
    /// Some words.
    pub(crate) name: String,
    /// From 0 to below [`RATES`].
    pub(crate) rate: i64,
}

impl Author {
    fn new(id: i64) -> Self {
        let random = mix(id as u64 ^ 0xA07B);
        Self { id, name: words(random), rate: (mix(random) % RATES as u64) as i64 }
    }

    /// A number that depends on every column.
    pub(crate) fn checksum(&self) -> u64 {
        author_checksum(self.id, &self.name, self.rate)
    }
}

/// The [`Author::checksum`] of an author in another struct.
pub(crate) fn author_checksum(id: i64, name: &str, rate: i64) -> u64 {
    ends(name).wrapping_add(rate as u64).wrapping_add((id as u64) << 16)
}

/// A child.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Book {
    /// The primary key.
    pub(crate) id: i64,
    /// Whose book it is; scattered.
    pub(crate) author_id: i64,
    /// Some words.
    pub(crate) title: String,
    /// From 50 to below 1,050.
    pub(crate) pages: i64,
}

impl Book {
    fn new(id: i64) -> Self {
        let random = mix(id as u64 ^ 0xB00C);
        Self {
            id,
            author_id: 1 + (random % AUTHORS as u64) as i64,
            title: words(mix(random)),
            pages: 50 + (mix(random ^ 1) % 1_000) as i64,
        }
    }

    /// A number that depends on every column.
    pub(crate) fn checksum(&self) -> u64 {
        book_checksum(self.id, self.author_id, &self.title, self.pages)
    }
}

/// The [`Book::checksum`] of a book in another struct.
pub(crate) fn book_checksum(id: i64, author_id: i64, title: &str, pages: i64) -> u64 {
    ends(title)
        .wrapping_add((pages as u64) << 20)
        .wrapping_add((id as u64) << 32)
        .wrapping_add((author_id as u64).rotate_left(48))
}

/// The rows to load, and the questions to ask about them.
pub(crate) enum Input {
    /// The rows of `item`.
    Items {
        /// The rows that are there.
        items: Vec<Item>,
        /// Rows that are not there yet.
        new: Vec<Item>,
    },
    /// The rows of `author` and `book`.
    Library {
        /// The parents.
        authors: Vec<Author>,
        /// The children.
        books: Vec<Book>,
    },
}

impl Input {
    /// Makes the tables that are asked for, with `rows` items or books.
    pub(crate) fn generate(tables: Tables, rows: usize) -> Self {
        let count = rows as i64;
        match tables {
            Tables::Items | Tables::Files { .. } => Self::Items {
                items: (1..=count).map(Item::new).collect(),
                new: (count + 1..=count + NEW_ITEMS as i64).map(Item::new).collect(),
            },
            Tables::Library { .. } => Self::Library {
                authors: (1..=AUTHORS).map(Author::new).collect(),
                books: (1..=count).map(Book::new).collect(),
            },
        }
    }

    /// Rows of the larger table.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Items { items, .. } => items.len(),
            Self::Library { books, .. } => books.len(),
        }
    }

    /// The rows of `item`; none in the library.
    pub(crate) fn items(&self) -> &[Item] {
        match self {
            Self::Items { items, .. } => items,
            Self::Library { .. } => &[],
        }
    }

    /// Rows that follow those of `item` and are not loaded; none in the library.
    pub(crate) fn new_items(&self) -> &[Item] {
        match self {
            Self::Items { new, .. } => new,
            Self::Library { .. } => &[],
        }
    }

    /// `count` items drawn anew each round, the same for every contestant; one may be drawn twice.
    pub(crate) fn draw(&self, count: usize, round: usize) -> impl Iterator<Item = &Item> {
        let items = self.items();
        (0..count as u64).map(move |n| &items[(mix((round as u64) << 32 | n) % items.len() as u64) as usize])
    }

    /// Like [`draw`](Self::draw), no item twice. `count` is at most half of the rows.
    pub(crate) fn draw_distinct(&self, count: usize, round: usize) -> Vec<&Item> {
        assert!(count <= self.items().len() / 2, "drawing nearly all of the rows would take long");
        let mut seen = HashSet::new();
        self.draw(usize::MAX, round).filter(|item| seen.insert(item.id)).take(count).collect()
    }
}

/// The length, the first and the last byte of a text as one number.
fn ends(text: &str) -> u64 {
    let end = |byte: Option<&u8>| u64::from(byte.copied().unwrap_or(0));
    text.len() as u64 | end(text.as_bytes().first()) << 32 | end(text.as_bytes().last()) << 40
}

/// Three words: a title of 13 to 31 bytes.
fn words(random: u64) -> String {
    const WORDS: [&str; 16] = [
        "amber", "bright", "clouds", "distance", "evening", "forest", "guitar", "harbour", "island",
        "journey", "kind", "lantern", "minor", "nuages", "orchard", "platform",
    ];
    let word = |shift: u32| WORDS[(random >> shift) as usize % WORDS.len()];
    format!("{} {} {} {}", word(0), word(8), word(16), random >> 24 & 0xFF)
}

/// Scatters `number` over 64 bits, each input to a different output: the finalizer of SplitMix64 (Steele, Lea and
/// Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_unique_and_times_grow() {
        let input = Input::generate(Tables::Items, 5_000);
        let slugs = input.items().iter().map(|item| item.slug.as_str()).collect::<HashSet<_>>();
        assert_eq!(slugs.len(), 5_000);
        assert!(input.items().windows(2).all(|pair| pair[0].created < pair[1].created));
    }

    #[test]
    fn distinct_draws_differ_by_round_and_hold_no_item_twice() {
        let input = Input::generate(Tables::Items, 1_000);
        let ids = |round| input.draw_distinct(500, round).iter().map(|item| item.id).collect::<Vec<_>>();
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
        assert_eq!(ids(1).iter().collect::<HashSet<_>>().len(), 500);
    }
}
