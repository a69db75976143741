//! The file system of the operating system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Appended, Files, Held, is_full};

/// The file system of the operating system.
#[derive(Debug)]
pub(crate) struct Disk;

/// What is read at once of a file that is read frame by frame.
const READ_BYTES: usize = 256 << 10;

impl Files for Disk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        expect_alone(&file)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        expect_alone(&file)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(BufReader::with_capacity(READ_BYTES, File::open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Where a directory cannot be opened as a file, its names need no syncing.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Lock { file, path: path.to_owned() }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A file that is locked, and the path it was locked at.
#[derive(Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "it is held for what it does when it is dropped"))]
struct Lock {
    file: File,
    path: PathBuf,
}

impl Held for Lock {
    #[cfg(unix)]
    fn is_in_place(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let (found, locked) = (fs::metadata(&self.path)?, self.file.metadata()?);
        Ok((found.dev(), found.ino()) == (locked.dev(), locked.ino()))
    }

    /// A directory that has an open file is not moved here.
    #[cfg(not(unix))]
    fn is_in_place(&self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Appended for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<usize> {
        let end = self.stream_position()?;
        let zeros = vec![0; bytes];
        let mut written = 0;
        while written < bytes {
            match self.write(&zeros[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) => break,
                Err(error) => return Err(error),
            }
        }
        self.seek(SeekFrom::Start(end))?;
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()?;
        expect_named(self)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()
    }
}

/// That nobody else writes to the file, and nobody else will. What keeps others out is the lock of the directory; but
/// that is there also when nobody has the database open, looks like one that was left behind, and is removed for that.
#[cfg(unix)]
fn expect_alone(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::ResourceBusy.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// That nobody else writes to the file. Here one that is open cannot be removed, nor can the lock.
#[cfg(not(unix))]
fn expect_alone(_: &File) -> io::Result<()> {
    Ok(())
}

/// That the file has a name still. One that was removed takes all that is written to it, and nobody finds it again.
#[cfg(unix)]
fn expect_named(file: &File) -> io::Result<()> {
    if is_surely_named(file) {
        return Ok(());
    }
    let links = std::os::unix::fs::MetadataExt::nlink(&file.metadata()?);
    if links == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
}

/// Whether the name that the file was opened under, or got since, is its name still. To ask that of the file itself is
/// to ask for its times as well, and then the next write has to change them, which costs as much as half a sync
/// (`docs/decisions/0006-a-sync-does-not-ask-for-times.md`).
#[cfg(target_os = "linux")]
fn is_surely_named(file: &File) -> bool {
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    fs::read_link(link).is_ok_and(|name| !name.as_os_str().as_encoded_bytes().ends_with(b" (deleted)"))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn is_surely_named(_: &File) -> bool {
    false
}

/// That the file has a name still. Here one that is open cannot be removed.
#[cfg(not(unix))]
fn expect_named(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_until_its_last_name_is_removed() {
        let directory = std::env::temp_dir().join(format!("nuages-disk-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        let [first, second, third] = ["first", "second", "third"].map(|name| directory.join(name));
        let mut file = Disk.create(&first).unwrap();
        let found = File::open(&first).unwrap();
        file.append(b"swing").unwrap();
        file.sync().unwrap();
        assert!(is_surely_named(&found));
        fs::rename(&first, &second).unwrap();
        assert!(is_surely_named(&found), "it has another");
        file.sync().unwrap();
        fs::hard_link(&second, &third).unwrap();
        fs::remove_file(&second).unwrap();
        assert!(!is_surely_named(&found));
        file.sync().unwrap();
        fs::remove_file(&third).unwrap();
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&first, "another under its name").unwrap();
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(&directory).unwrap();
    }
}
