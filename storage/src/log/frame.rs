//! Frames: how records lie in a file, so that each can be told from what is no record, or not all of one.
//!
//! ```text
//! file   = header frame*
//! header = magic 8 | format 4 | kind 4 | generation 8 | salt 8 | checksum 8
//! frame  = salt 8 | sequence 8 | durable 8 | length 8 | checksum of the payload 8 | checksum of these 8 | payload
//! ```
//!
//! All numbers are little-endian; checksums are XXH3. The salt is the file's own: it finds frames after a place that
//! cannot be read, and tells them from those of an earlier file whose blocks the file system has used again. `sequence`
//! counts the frames of all logs, one after another; `durable` is the last one that was known to be durable when this
//! was written.

use xxhash_rust::xxh3::xxh3_64;

/// What a file of this release begins with.
const MAGIC: [u8; 8] = *b"\x89NUAGES\n";
/// The format that is written, and the only one that is read: before it there were no sequences.
pub(crate) const FORMAT: u32 = 2;
/// The length of a file's header.
pub(crate) const FILE_HEADER: usize = 40;
/// The length of a frame's header.
pub(crate) const FRAME_HEADER: usize = 48;

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) kind: u32,
    pub(crate) generation: u64,
    pub(crate) salt: u64,
}

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderProblem {
    Foreign,
    Short,
    Damaged,
    Older(u32),
    Newer(u32),
}

impl FileHeader {
    pub(crate) fn encode(&self) -> [u8; FILE_HEADER] {
        let mut bytes = [0; FILE_HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.kind.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.generation.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = xxh3_64(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the beginning of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<FileHeader, HeaderProblem> {
        let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
            let begun = bytes.len().min(MAGIC.len());
            return Err(if bytes[..begun] == MAGIC[..begun] {
                HeaderProblem::Short
            } else {
                HeaderProblem::Foreign
            });
        };
        let is_whole = xxh3_64(&header[..32]) == number(&header[32..]);
        match (header[..8] == MAGIC, is_whole) {
            // One flipped bit does not make it another program's.
            (false, false) => {
                return Err(if looks_like_ours(header) {
                    HeaderProblem::Damaged
                } else {
                    HeaderProblem::Foreign
                });
            }
            (false, true) => return Err(HeaderProblem::Foreign),
            (true, false) => return Err(HeaderProblem::Damaged),
            (true, true) => {}
        }
        let format = half(&header[8..12]);
        if format > FORMAT {
            return Err(HeaderProblem::Newer(format));
        }
        if format < FORMAT {
            return Err(HeaderProblem::Older(format));
        }
        Ok(FileHeader {
            kind: half(&header[12..16]),
            generation: number(&header[16..24]),
            salt: number(&header[24..32]),
        })
    }
}

fn looks_like_ours(header: &[u8; FILE_HEADER]) -> bool {
    header.iter().zip(MAGIC).filter(|(found, wanted)| *found != wanted).count() <= MAGIC.len() / 2
}

/// What a frame carries, with its checksum, which takes longer than the rest and needs no order.
#[derive(Debug)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
    checksum: u64,
}

impl Payload {
    pub(crate) fn new(bytes: Vec<u8>) -> Payload {
        Payload { checksum: xxh3_64(&bytes), bytes }
    }
}

/// What the header of a frame says beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
}

/// A frame that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'b> {
    pub(crate) mark: Mark,
    pub(crate) payload: &'b [u8],
}

/// Adds a frame to a buffer.
pub(crate) fn put(buffer: &mut Vec<u8>, salt: u64, mark: Mark, payload: &Payload) {
    let start = buffer.len();
    for number in [salt, mark.sequence, mark.durable, payload.bytes.len() as u64, payload.checksum] {
        buffer.extend_from_slice(&number.to_le_bytes());
    }
    let checksum = xxh3_64(&buffer[start..]);
    buffer.extend_from_slice(&checksum.to_le_bytes());
    buffer.extend_from_slice(&payload.bytes);
}

/// The header of a frame, if these bytes begin with one: its mark, and the length and the checksum of its payload.
pub(crate) fn header(bytes: &[u8], salt: u64) -> Option<(Mark, u64, u64)> {
    let header = bytes.first_chunk::<FRAME_HEADER>()?;
    let [found, sequence, durable, length, payload, checksum] =
        std::array::from_fn(|at| number(&header[at * 8..][..8]));
    let is_one = found == salt && checksum == xxh3_64(&header[..FRAME_HEADER - 8]);
    is_one.then_some((Mark { sequence, durable }, length, payload))
}

/// The frame that these bytes begin with, if they begin with a whole one.
pub(crate) fn frame(bytes: &[u8], salt: u64) -> Option<Frame<'_>> {
    let (mark, length, checksum) = header(bytes, salt)?;
    let payload = bytes[FRAME_HEADER..].get(..usize::try_from(length).ok()?)?;
    (xxh3_64(payload) == checksum).then_some(Frame { mark, payload })
}

/// Whether a payload is the one that a header announced.
pub(crate) fn is_payload(payload: &[u8], checksum: u64) -> bool {
    xxh3_64(payload) == checksum
}

impl Frame<'_> {
    /// How many bytes it takes.
    pub(crate) fn len(&self) -> usize {
        FRAME_HEADER + self.payload.len()
    }
}

/// Every whole frame in bytes of which nothing is known, wherever it begins.
pub(crate) fn frames_anywhere(bytes: &[u8], salt: u64) -> impl Iterator<Item = Frame<'_>> {
    let salted = salt.to_le_bytes();
    let starts = bytes.windows(salted.len()).enumerate().filter(move |(_, window)| *window == salted);
    starts.filter_map(move |(start, _)| frame(&bytes[start..], salt))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn half(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x0123_4567_89ab_cdef;

    fn two_frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, SALT, Mark { sequence: 1, durable: 0 }, &Payload::new(b"swing".to_vec()));
        put(&mut bytes, SALT, Mark { sequence: 2, durable: 1 }, &Payload::new(Vec::new()));
        bytes
    }

    #[test]
    fn frames_are_read_one_after_another_and_found_anywhere() {
        let bytes = two_frames();
        let first = frame(&bytes, SALT).unwrap();
        assert_eq!((first.mark, first.payload), (Mark { sequence: 1, durable: 0 }, &b"swing"[..]));
        let second = frame(&bytes[first.len()..], SALT).unwrap();
        assert_eq!((second.mark.durable, second.payload.len()), (1, 0));
        assert_eq!(frames_anywhere(&bytes, SALT).collect::<Vec<_>>(), [first, second]);
        assert_eq!(frame(&bytes, SALT + 1), None);
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_goes_unseen() {
        let bytes = two_frames();
        let first = frame(&bytes, SALT).unwrap().len();
        for bit in 0..first * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(frame(&flipped, SALT), None, "bit {bit}");
            assert!(frames_anywhere(&flipped, SALT).any(|frame| frame.mark.sequence == 2));
        }
        for length in 0..first {
            assert_eq!(frame(&bytes[..length], SALT), None, "{length} bytes");
        }
    }

    #[test]
    fn a_header_says_what_is_wrong_with_a_file() {
        let header = FileHeader { kind: 1, generation: 7, salt: SALT };
        let bytes = header.encode();
        assert_eq!(FileHeader::decode(&bytes), Ok(header));
        assert_eq!(FileHeader::decode(b"SQLite format 3\0, and so on: a page"), Err(HeaderProblem::Foreign));
        assert_eq!(FileHeader::decode(&[0; 100]), Err(HeaderProblem::Foreign));
        assert_eq!(FileHeader::decode(&bytes[..20]), Err(HeaderProblem::Short));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(&flipped), Err(HeaderProblem::Damaged), "bit {bit}");
        }
        let of_format = |format: u32| {
            let mut other = bytes;
            other[8..12].copy_from_slice(&format.to_le_bytes());
            let checksum = xxh3_64(&other[..32]);
            other[32..].copy_from_slice(&checksum.to_le_bytes());
            FileHeader::decode(&other)
        };
        assert_eq!(of_format(FORMAT + 1), Err(HeaderProblem::Newer(FORMAT + 1)));
        assert_eq!(of_format(FORMAT - 1), Err(HeaderProblem::Older(FORMAT - 1)));
    }
}
