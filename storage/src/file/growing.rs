//! A file of the operating system that grows at its end.
//!
//! What is appended goes through the system's cache, until it falls into blocks that were reserved: then it is written
//! past the cache (`O_DIRECT`), where the system and the file system let us. A sync has nothing to look for and to write
//! back then, and waits for the disk alone, which for a log that is synced with each commit is a third of the time or more
//! (`docs/decisions/0006-the-log-is-written-past-the-cache.md`).
//!
//! Past the cache only whole blocks are written. The last of them mostly has bytes that were written, and synced, before:
//! they are written once more, as they were, as the cache would have done with the page. Zeros follow, which were there,
//! too. So whatever becomes of a write that is cut short, all that was durable stays, and behind it there are bytes that were
//! to be written or zeros.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::{Appended, is_full};

/// What is written past the cache is a multiple of this, in the file and in memory. Disks with larger blocks refuse it, and
/// are written through the cache.
const BLOCK: usize = 4096;
/// What is appended at once past the cache at most, in bytes. Beyond it the time that the disk takes for the bytes counts.
const DIRECT_BYTES_MAX: usize = 64 << 10;

/// A file that grows at its end.
#[derive(Debug)]
pub(super) struct Growing {
    file: File,
    /// The same file, past the cache.
    direct: Option<Direct>,
    /// Where the next bytes go.
    length: u64,
    /// Where the file ends: between there and `length` are zeros.
    end: u64,
}

/// A file that is written past the cache.
#[derive(Debug)]
struct Direct {
    file: File,
    /// Room for as much as is written at once, and the block before.
    memory: Vec<u8>,
    /// Where that is aligned.
    aligned: usize,
    /// The length of the file when the block at the beginning of the memory was its last.
    remembered: Option<u64>,
}

impl Growing {
    /// A new file, or an old one emptied.
    pub(super) fn create(path: &Path) -> io::Result<Growing> {
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(Growing { file, direct: Direct::open(path), length: 0, end: 0 })
    }

    /// A file that is there, to be added to from a length on. Behind that there are zeros, or it is to be cut.
    pub(super) fn open(path: &Path, length: u64) -> io::Result<Growing> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let end = file.metadata()?.len();
        Ok(Growing { file, direct: Direct::open(path), length, end })
    }

    /// Writes into reserved blocks, if that is possible: whether it is done.
    fn append_past_the_cache(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let whole_blocks = (self.length + bytes.len() as u64).next_multiple_of(BLOCK as u64);
        let fits = whole_blocks <= self.end && bytes.len() <= DIRECT_BYTES_MAX;
        let Some(direct) = self.direct.as_mut().filter(|_| fits) else { return Ok(false) };
        match direct.append(&mut self.file, self.length, bytes) {
            Ok(()) => Ok(true),
            Err(error) if is_not_possible(&error) => {
                self.direct = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// What is remembered of the last block is about to be so no more.
    fn forget(&mut self) {
        if let Some(direct) = &mut self.direct {
            direct.remembered = None;
        }
    }
}

impl Appended for Growing {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.append_past_the_cache(bytes)? {
            self.forget();
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)?;
        }
        self.length += bytes.len() as u64;
        self.end = self.end.max(self.length);
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(self.length))?;
        let end = (self.length + bytes as u64).next_multiple_of(BLOCK as u64);
        let zeros = vec![0; (end - self.length) as usize];
        let mut written = 0;
        while written < zeros.len() {
            match self.file.write(&zeros[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) => break,
                Err(error) => return Err(error),
            }
        }
        self.end = self.end.max(self.length + written as u64);
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        expect_named(&self.file)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.forget();
        self.file.set_len(length)?;
        (self.length, self.end) = (length, length);
        self.file.sync_all()
    }
}

impl Direct {
    /// None where files are not written past the cache, or this one is not.
    fn open(path: &Path) -> Option<Direct> {
        let file = open_past_the_cache(path).ok()?;
        let memory = vec![0; 2 * BLOCK + DIRECT_BYTES_MAX.next_multiple_of(BLOCK)];
        let aligned = memory.as_ptr().align_offset(BLOCK);
        (aligned < BLOCK).then_some(Direct { file, memory, aligned, remembered: None })
    }

    /// Writes bytes at the end of the file, and zeros behind them to the end of their last block. What of their first block
    /// is before them is remembered, or else read through the cache from `cached`, the same file.
    fn append(&mut self, cached: &mut File, length: u64, bytes: &[u8]) -> io::Result<()> {
        let Direct { file, memory, aligned, remembered } = self;
        let memory = &mut memory[*aligned..];
        let before = (length % BLOCK as u64) as usize;
        let block = length - before as u64;
        if remembered.take() != Some(length) {
            cached.seek(SeekFrom::Start(block))?;
            cached.read_exact(&mut memory[..before])?;
        }
        let end = before + bytes.len();
        let whole_blocks = end.next_multiple_of(BLOCK);
        memory[before..end].copy_from_slice(bytes);
        memory[end..whole_blocks].fill(0);
        file.seek(SeekFrom::Start(block))?;
        file.write_all(&memory[..whole_blocks])?;
        memory.copy_within(end / BLOCK * BLOCK..end, 0);
        *remembered = Some(length + bytes.len() as u64);
        Ok(())
    }
}

/// Whether an error says that a file cannot be written in this way, rather than that it cannot be written.
fn is_not_possible(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

#[cfg(target_os = "linux")]
fn open_past_the_cache(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_past_the_cache(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// That the file has a name still. One that was removed takes all that is written to it, and nobody finds it again.
#[cfg(unix)]
fn expect_named(file: &File) -> io::Result<()> {
    let links = std::os::unix::fs::MetadataExt::nlink(&file.metadata()?);
    if links == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
}

/// That the file has a name still. Here one that is open cannot be removed.
#[cfg(not(unix))]
fn expect_named(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    /// A file that is removed in the end, in a directory of the system's or, if that is named, another.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let directory =
                std::env::var_os("NUAGES_TEST_FILES").map_or_else(std::env::temp_dir, PathBuf::from);
            Scratch(directory.join(format!("nuages-growing-{}", uuid::Uuid::new_v4())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append(usize),
        Reserve(usize),
        Sync,
        /// Closes it and opens it again.
        Reopen,
        /// Cuts off so many of its last bytes.
        Cut(usize),
        /// Goes on through the cache, as where the disk refuses the other way.
        ThroughTheCache,
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = || prop_oneof![4 => 1..300_usize, 2 => 4_000..9_000_usize, 1 => Just(BLOCK), 1 => 60_000..70_000_usize];
        prop_oneof![
            8 => bytes().prop_map(Step::Append),
            3 => bytes().prop_map(Step::Reserve),
            2 => Just(Step::Sync),
            1 => Just(Step::Reopen),
            1 => (0..5_000_usize).prop_map(Step::Cut),
            1 => Just(Step::ThroughTheCache),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_file_has_what_was_appended_and_zeros(steps in prop::collection::vec(step(), 1..40)) {
            let scratch = Scratch::new();
            let mut file = Growing::create(&scratch.0).unwrap();
            let mut expected: Vec<u8> = Vec::new();
            for (at, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Append(count) => {
                        let bytes: Vec<u8> = (0..count).map(|byte| (byte * 7 + at) as u8 | 1).collect();
                        file.append(&bytes).unwrap();
                        expected.extend(bytes);
                    }
                    Step::Reserve(count) => {
                        let reserved = file.reserve(count).unwrap();
                        prop_assert!(reserved >= count);
                        prop_assert_eq!((expected.len() + reserved) % BLOCK, 0);
                    }
                    Step::Sync => file.sync().unwrap(),
                    Step::Reopen => file = Growing::open(&scratch.0, expected.len() as u64).unwrap(),
                    Step::Cut(count) => {
                        expected.truncate(expected.len().saturating_sub(count));
                        file.cut(expected.len() as u64).unwrap();
                    }
                    Step::ThroughTheCache => file.direct = None,
                }
                let found = fs::read(&scratch.0).unwrap();
                prop_assert_eq!(found.len() as u64, file.end);
                prop_assert!(found[..expected.len()] == expected, "after step {}", at);
                prop_assert!(found[expected.len()..].iter().all(|byte| *byte == 0), "after step {}", at);
            }
        }
    }

    /// Where it is refused, as on some file systems, all else is tested as well; but not that it is done.
    #[test]
    fn what_falls_into_reserved_blocks_is_written_past_the_cache() {
        let scratch = Scratch::new();
        let mut file = Growing::create(&scratch.0).unwrap();
        if file.direct.is_none() {
            return;
        }
        let remembered = |file: &Growing| file.direct.as_ref().and_then(|direct| direct.remembered);
        file.append(b"swing").unwrap();
        assert_eq!(remembered(&file), None, "the file grows");
        file.reserve(10_000).unwrap();
        assert_eq!(file.end, 12_288);
        file.append(b"minor").unwrap();
        if file.direct.is_some() {
            assert_eq!(remembered(&file), Some(10));
            file.append(&[7; 12_278]).unwrap();
            assert_eq!(remembered(&file), Some(12_288), "to the last byte");
            file.append(b"more").unwrap();
            assert_eq!(remembered(&file), None, "the file grows");
        }
    }

    #[test]
    fn a_file_that_was_removed_is_not_said_to_be_durable() {
        let scratch = Scratch::new();
        let mut file = Growing::create(&scratch.0).unwrap();
        file.append(b"swing").unwrap();
        file.sync().unwrap();
        fs::remove_file(&scratch.0).unwrap();
        file.append(b"minor").unwrap();
        #[cfg(unix)]
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
