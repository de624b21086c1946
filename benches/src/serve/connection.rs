//! [`Connection`]: one connection to a node that stays open, and on which the next request follows the answer.

use super::http::{Answer, Reader};
use crate::BenchError;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(45);

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: PathBuf,
    stream: UnixStream,
    reader: Reader,
}

impl Connection {
    pub(crate) fn open(socket: &Path) -> Result<Self, BenchError> {
        let opened = || {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.set_write_timeout(Some(ANSWER_MAX))?;
            Ok(stream)
        };
        let stream = opened().map_err(|source| BenchError::Socket {
            path: socket.to_owned(),
            source,
        })?;
        Ok(Self {
            socket: socket.to_owned(),
            stream,
            reader: Reader::default(),
        })
    }

    /// The answer to the bytes of one request.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer, BenchError> {
        self.answer_to(request)
            .map_err(|source| BenchError::Socket {
                path: self.socket.clone(),
                source,
            })
    }

    fn answer_to(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        let mut bytes = [0; READ_BYTES];
        loop {
            let length = self.stream.read(&mut bytes)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.reader.feed(&bytes[..length]);
            let answer = self.reader.answer().map_err(|malformed| {
                io::Error::new(io::ErrorKind::InvalidData, malformed.to_string())
            })?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
    }
}
