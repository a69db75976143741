//! The log: write sets in the order of their commits, and when they are durable.
//!
//! ```text
//!  committers ── append ──> pending ── the first who waits takes all of it ──> write, sync ──> all who wait go on
//! ```
//!
//! Appending is a copy into memory, under the commit mutex, so the order of the frames is that of the commits. Making
//! them durable happens outside: whoever needs it first takes everything that is pending, writes and syncs it, while
//! the others wait, and those who come meanwhile are the next batch. So one sync serves as many commits as arrive
//! while the one before it runs (group commit).
//!
//! What a sync costs a single committer is the disk's answer, and once more that if the file has grown: then its length
//! and its blocks are to be written down, too. So a file grows ahead of its frames, by zeros (`RESERVED_BYTES`), and
//! what follows is written in their place. Who recovers it takes zeros to the end of a file for its end; who closes it
//! cuts them off. Where there is no room for so many, the file grows by as many as there is room for, and if that is
//! none with each batch of frames: a commit fails for want of room for itself alone.
//!
//! A write or sync that failed is never tried again: what the file has then is not known. The log stops, and says so
//! to everybody, until the database is opened anew. What was not known to be durable is cut off if that can be done,
//! so that commits that were refused do not turn up later.
//!
//! Order of reading: `frame` (what lies in the file), and this file.

pub(crate) mod frame;

use std::mem;

use uuid::Uuid;

use crate::file::{Directory, FileError, Kind, Output};
use crate::sync::{Condvar, Mutex};
use frame::{FILE_HEADER, FileHeader, Mark, Payload};

/// The kind of file that a log's header names, and that of a checkpoint.
pub(crate) const fn kind_number(kind: Kind) -> u32 {
    match kind {
        Kind::Log => 1,
        Kind::Checkpoint => 2,
    }
}

/// Frames that are written out before more are taken in, in bytes. Beyond it, who commits waits for the disk.
const PENDING_BYTES_MAX: usize = 16 << 20;

/// The zeros that are written behind frames that the file had no room for, in bytes. Frames that fill as much on their
/// own bring none: to write every byte twice costs more than a sync saves.
const RESERVED_BYTES: usize = if cfg!(test) { 300 } else { 256 << 10 };

/// The log of an open database.
#[derive(Debug)]
pub(crate) struct Log {
    state: Mutex<State>,
    flushed: Condvar,
}

#[derive(Debug)]
struct State {
    salt: u64,
    /// The last frame that was appended.
    sequence: u64,
    /// The last frame that is known to be durable.
    durable: u64,
    /// Frames that nobody writes yet.
    pending: Vec<u8>,
    /// Where frames go; whoever writes has taken it.
    segment: Option<Segment>,
    /// The frames before `pending` that still go to the old file, and the file that `pending` goes to.
    sealed: Option<Sealed>,
    /// The length of the newest file, with what is pending.
    length: u64,
    failure: Option<FileError>,
}

/// A file of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    output: Output,
    salt: u64,
    /// As much of it as is known to be durable.
    length: u64,
    /// Where the file ends. From `length` to here there are zeros.
    end: u64,
}

#[derive(Debug)]
struct Sealed {
    frames: Vec<u8>,
    /// The last of these frames, or the one before them.
    sequence: u64,
    next: Segment,
}

/// What one who writes has taken.
#[derive(Debug)]
struct Batch {
    sealed: Option<Sealed>,
    frames: Vec<u8>,
    /// The last frame of it.
    sequence: u64,
    /// The last frame that is durable: behind `sequence` if only the old file could be written.
    durable: u64,
}

impl Segment {
    /// A new, empty file.
    pub(crate) fn create(directory: &Directory, generation: u64) -> Result<Segment, FileError> {
        let salt = fresh_salt();
        let header = FileHeader { kind: kind_number(Kind::Log), generation, salt };
        let output = directory.write(Kind::Log, generation, |output| output.append(&header.encode()))?;
        Ok(Segment { output, salt, length: FILE_HEADER as u64, end: FILE_HEADER as u64 })
    }

    /// A file that is there, with frames up to a length, and zeros from there to its end.
    pub(crate) fn resume(output: Output, salt: u64, length: u64, end: u64) -> Segment {
        Segment { output, salt, length, end }
    }

    /// Makes everything durable and goes on to the next file if there is one.
    fn write(&mut self, batch: &mut Batch) -> Result<(), FileError> {
        if let Some(Sealed { frames, sequence, next }) = batch.sealed.take() {
            self.write_frames(&frames)?;
            *self = next;
            batch.durable = sequence;
        }
        self.write_frames(&batch.frames)?;
        batch.durable = batch.sequence;
        Ok(())
    }

    fn write_frames(&mut self, frames: &[u8]) -> Result<(), FileError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.output.append(frames)?;
        let length = self.length + frames.len() as u64;
        if length > self.end {
            self.end = length;
            if frames.len() < RESERVED_BYTES {
                self.end += self.output.reserve(RESERVED_BYTES)? as u64;
            }
        }
        self.output.sync()?;
        self.length = length;
        Ok(())
    }

    /// Cuts off what is not known to be durable, or nothing but zeros.
    fn cut(&mut self) -> Result<(), FileError> {
        self.end = self.length;
        self.output.cut(self.length)
    }
}

/// A salt that no other file has.
pub(crate) fn fresh_salt() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

impl Log {
    /// The log that goes on after the frame `sequence`, all of which is durable.
    pub(crate) fn new(segment: Segment, sequence: u64) -> Log {
        let state = State {
            salt: segment.salt,
            sequence,
            durable: sequence,
            pending: Vec::new(),
            length: segment.length,
            segment: Some(segment),
            sealed: None,
            failure: None,
        };
        Log { state: Mutex::new(state), flushed: Condvar::new() }
    }

    /// Adds a frame, in memory, and returns its number. That of a commit is added under the commit mutex.
    pub(crate) fn append(&self, payload: &Payload) -> Result<u64, FileError> {
        let mut state = self.state.lock();
        state.checked()?;
        let State { salt, sequence, durable, pending, length, .. } = &mut *state;
        *sequence += 1;
        let before = pending.len();
        frame::put(pending, *salt, Mark { sequence: *sequence, durable: *durable }, payload);
        *length += (pending.len() - before) as u64;
        Ok(*sequence)
    }

    /// Returns when a frame and all before it are durable. If it fails, it and all after it never will be.
    pub(crate) fn flush(&self, sequence: u64) -> Result<(), FileError> {
        let mut state = self.state.lock();
        loop {
            // A file to go on to is reason enough, though all frames before it be durable; unless nobody goes on.
            if state.durable >= sequence && (state.sealed.is_none() || state.failure.is_some()) {
                return Ok(());
            }
            state.checked()?;
            let Some(mut segment) = state.segment.take() else {
                self.flushed.wait(&mut state);
                continue;
            };
            let mut batch = state.take_batch();
            drop(state);
            let written = segment.write(&mut batch);
            if written.is_err() {
                // If this fails too, what was refused may be there when the database is opened again.
                let _ = segment.cut();
            }
            state = self.state.lock();
            state.segment = Some(segment);
            state.durable = batch.durable;
            state.failure = written.err();
            state.reuse(batch.frames);
            self.flushed.notify_all();
        }
    }

    /// Makes everything durable that was appended.
    pub(crate) fn flush_all(&self) -> Result<(), FileError> {
        let sequence = self.state.lock().sequence;
        self.flush(sequence)
    }

    /// Makes everything durable, and lets the file end with it. Nothing is appended after this.
    pub(crate) fn close(&self) -> Result<(), FileError> {
        self.flush_all()?;
        // Zeros that are left are in nobody's way. Who else has taken the segment, to write nothing, has gone with it.
        self.state.lock().segment.as_mut().map_or(Ok(()), Segment::cut)
    }

    /// Makes everything durable if too much waits for it.
    pub(crate) fn relieve(&self) -> Result<(), FileError> {
        let is_too_much = self.state.lock().pending.len() > PENDING_BYTES_MAX;
        if is_too_much { self.flush_all() } else { Ok(()) }
    }

    /// Lets all frames to come go to another file. The caller holds the commit mutex, and makes the frames before
    /// durable ([`flush`](Log::flush) with the number that is returned) before it does this again.
    pub(crate) fn rotate(&self, next: Segment) -> Result<u64, FileError> {
        let mut state = self.state.lock();
        state.checked()?;
        debug_assert!(state.sealed.is_none(), "the frames before the last rotation were not made durable");
        (state.salt, state.length) = (next.salt, next.length);
        let frames = mem::take(&mut state.pending);
        state.sealed = Some(Sealed { frames, sequence: state.sequence, next });
        Ok(state.sequence)
    }

    /// The length of the newest file, with what is not written yet.
    pub(crate) fn length(&self) -> u64 {
        self.state.lock().length
    }

    /// That nothing failed.
    pub(crate) fn checked(&self) -> Result<(), FileError> {
        self.state.lock().checked()
    }
}

impl State {
    fn checked(&self) -> Result<(), FileError> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(failure.stopped()))
    }

    fn take_batch(&mut self) -> Batch {
        Batch {
            sealed: self.sealed.take(),
            frames: mem::take(&mut self.pending),
            sequence: self.sequence,
            durable: self.durable,
        }
    }

    /// Keeps a buffer that was written out, to be filled again.
    fn reuse(&mut self, mut frames: Vec<u8>) {
        if self.pending.is_empty() && frames.capacity() <= PENDING_BYTES_MAX {
            frames.clear();
            self.pending = frames;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::file::simulated::{Fault, Simulated};

    #[test]
    fn a_disk_that_fails_between_two_files_refuses_what_is_not_durable_and_nothing_else() {
        let mut outcomes = Vec::new();
        for fault_at in 1.. {
            let system = Simulated::default();
            let directory = Directory::new(Arc::new(system.clone()), Path::new("/log"));
            directory.create().unwrap();
            let [old, next] = [1, 2].map(|generation| Segment::create(&directory, generation).unwrap());
            let log = Log::new(old, 0);
            let first = log.append(&Payload::new(b"minor".to_vec())).unwrap();
            assert_eq!(log.rotate(next), Ok(first));
            let second = log.append(&Payload::new(b"swing".to_vec())).unwrap();
            let before = system.operations();
            system.plan(before + fault_at, Fault::Fails(ErrorKind::Other));

            let flushed = [log.flush(second), log.flush(first)].map(|flushed| flushed.is_ok());
            let reopened = system.after_power_cut(fault_at).dump();
            let holds = |generation| {
                let bytes = &reopened[&directory.path_of(Kind::Log, generation)];
                bytes[FILE_HEADER..].iter().any(|byte| *byte != 0)
            };
            assert_eq!(flushed, [holds(2), holds(1)], "a fault at operation {fault_at}");
            outcomes.push(flushed);
            if system.operations() - before < fault_at {
                break;
            }
        }
        outcomes.dedup();
        assert_eq!(outcomes, [[false, false], [false, true], [true, true]]);
    }
}
