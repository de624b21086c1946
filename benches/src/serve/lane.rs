//! [`Lane`]: one connection of the generator, with at most one request under way. No call waits.

use super::http::{Answer, Reader};
use super::traffic::Traffic;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// One connection.
#[derive(Debug)]
pub(super) struct Lane {
    number: usize,
    stream: UnixStream,
    reader: Reader,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    requests: u64,
    /// When the request under way was meant to be sent.
    intended: Option<Instant>,
}

/// The outcome of a request.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) intended: Instant,
    pub(super) answer: Answer,
}

impl Lane {
    pub(super) fn open(socket: &Path, number: usize) -> io::Result<Self> {
        Ok(Self {
            number,
            stream: connect(socket)?,
            reader: Reader::default(),
            out: Vec::new(),
            written: 0,
            requests: 0,
            intended: None,
        })
    }

    /// Opens it anew; returns whether a request was under way, which then has no answer.
    pub(super) fn reopen(&mut self, socket: &Path) -> io::Result<bool> {
        self.stream = connect(socket)?;
        self.reader = Reader::default();
        Ok(self.intended.take().is_some())
    }

    /// Sends the next request. What the socket does not take now is written by [`Lane::flush`].
    pub(super) fn send(&mut self, traffic: &Traffic, intended: Instant) -> io::Result<()> {
        self.requests += 1;
        traffic.write(self.number, self.requests, &mut self.out);
        self.written = 0;
        self.intended = Some(intended);
        self.flush()
    }

    /// Writes on where the socket took not all.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether [`Lane::flush`] has something to do.
    pub(super) fn has_more(&self) -> bool {
        self.written < self.out.len()
    }

    /// Since when the request under way was due.
    pub(super) fn under_way(&self) -> Option<Instant> {
        self.intended
    }

    /// Reads what is there, into `scratch` of [`Lane::scratch`] first; returns the end of the request under way.
    pub(super) fn receive(&mut self, scratch: &mut [u8]) -> io::Result<Option<Ended>> {
        let length = match self.stream.read(scratch) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if is_later(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.reader.feed(&scratch[..length]);
        let malformed = |reason| io::Error::new(ErrorKind::InvalidData, format!("{reason}"));
        let Some(answer) = self.reader.answer().map_err(malformed)? else {
            return Ok(None);
        };
        let unasked = || io::Error::new(ErrorKind::InvalidData, "an answer that nobody asked for");
        let intended = self.intended.take().ok_or_else(unasked)?;
        Ok(Some(Ended { intended, answer }))
    }

    /// Room for one read, for all connections.
    pub(super) fn scratch() -> Vec<u8> {
        vec![0; READ_BYTES]
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl AsFd for Lane {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
